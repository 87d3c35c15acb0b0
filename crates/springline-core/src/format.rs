//! What a protocol crate gives so that bytes of its format can be opened later, by code that knows only core.

use bytes::Bytes;

use crate::{Budget, Result, Source};

/// Gets a source on its caller's stack, so that opening a message allocates nothing.
pub type Reading<'f, 'de> = &'f mut dyn FnMut(&mut dyn Source<'de>) -> Result<()>;

/// A serializer as a reader of messages; a `static` of its crate.
pub trait Format: Send + Sync + 'static {
    /// The serializer's usual name: `msgpack`, `serpent`.
    fn name(&self) -> &'static str;

    /// Opens the value that begins at byte `start` of `message` and hands a source for it to `f`.
    ///
    /// Formats with a table across the whole message (marshal) read from the message's start what they need.
    fn read<'de>(&self, message: &'de Bytes, start: usize, budget: Budget, f: Reading<'_, 'de>) -> Result<()>;
}
