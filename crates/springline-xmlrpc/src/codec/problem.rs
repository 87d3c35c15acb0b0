//! What can be wrong with a document, and where in it.

use std::borrow::Cow;
use std::fmt;

use springline_core::Error;

/// The four ways in which a document can be wrong that the interoperability specification of fault codes tells apart.
/// It is the source of such an [`Error`], from which [`Fault::from_error`](crate::Fault::from_error) takes the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    NotWellFormed,
    UnsupportedEncoding,
    InvalidCharacter,
    NotXmlRpc,
}

impl Problem {
    /// An error of this sort at a byte of the document.
    #[cold]
    pub(crate) fn at(self, offset: usize, message: impl Into<Cow<'static, str>>) -> Error {
        Error::malformed(offset, message).with_source(self)
    }

    /// Which of them an error came from, if any.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        std::error::Error::source(error)?.downcast_ref().copied()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotWellFormed => "the document is not well-formed XML",
            Self::UnsupportedEncoding => "the document's encoding is not supported",
            Self::InvalidCharacter => "the document has a character that its encoding or XML does not allow",
            Self::NotXmlRpc => "the document is no XML-RPC",
        })
    }
}

impl std::error::Error for Problem {}

/// Adds line and column, counted from 1 in characters, to an error that has an offset into `document`.
#[cold]
pub(crate) fn placed(e: Error, document: &[u8]) -> Error {
    let Some(before) = e.offset().and_then(|at| document.get(..at.min(document.len()))) else { return e };
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    // Bytes that begin a character.
    let column = before.get(line_start..).unwrap_or_default().iter().filter(|b| **b & 0xc0 != 0x80).count() + 1;
    e.context(format!("line {line}, column {column}"))
}

/// A short piece of a text for a message.
pub(crate) fn excerpt(text: &str) -> String {
    const MOST: usize = 40;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{:?}...", text.get(..at).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}
