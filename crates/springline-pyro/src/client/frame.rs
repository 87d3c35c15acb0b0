//! [`Frame`]: a reply on its way from the connection to the caller.

use bytes::Bytes;
use springline_core::{Error, ErrorKind, Result};

use crate::wire::{self, Header};

/// What fits is handed over as a copy, which is cheaper than a share of the buffer.
const SHORT: usize = 64;

/// A reply, as it came.
#[derive(Debug)]
pub(crate) enum Frame {
    /// The payload of a plain result.
    Short(Short),
    /// A whole message.
    Long(Bytes),
}

impl Frame {
    /// A whole message.
    #[inline]
    pub(crate) fn into_message(self) -> Result<Bytes> {
        match self {
            Self::Long(message) => Ok(message),
            Self::Short(_) => Err(Error::new(ErrorKind::Internal, "a reply came without its header")),
        }
    }
}

/// A few bytes.
#[derive(Debug)]
pub(crate) struct Short {
    bytes: Aligned,
    len: u8,
}

/// Where it is moved, it is moved in the words that it was written in: others would have to wait for the writes.
#[derive(Debug)]
#[repr(align(16))]
struct Aligned([u8; SHORT]);

impl Short {
    /// A copy of the first `len` bytes of `from`, if that is worth while.
    #[inline(always)]
    pub(crate) fn new(from: &[u8], len: usize) -> Option<Self> {
        if len > SHORT {
            return None;
        }
        let bytes = match from.first_chunk() {
            // With what follows, which nobody looks at: a copy of fixed length takes a few instructions.
            Some(bytes) => *bytes,
            None => {
                let mut bytes = [0; SHORT];
                bytes.get_mut(..len)?.copy_from_slice(from.get(..len)?);
                bytes
            }
        };
        Some(Self { bytes: Aligned(bytes), len: len as u8 })
    }

    /// The bytes.
    #[inline]
    pub(crate) fn get(&self) -> &[u8] {
        self.bytes.0.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// The header of a whole message, which was read before.
#[inline]
pub(crate) fn header_of(message: &[u8]) -> Result<Header> {
    wire::parse_header(message)?.ok_or_else(wire::cut_off)
}
