//! The codec: bytes of Hessian 1 and 2 to events and back. It never awaits and never touches a stream.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

mod chunks;
mod decode;
mod encode1;
mod encode2;
mod format;
mod framing;
mod ints;
mod java;
mod names;
mod options;
mod refs;
mod shapes;
mod text;
mod write;

pub use decode::{Decoder, One, Two};
pub use encode1::Encoder as Encoder1;
pub use encode2::Encoder as Encoder2;
pub use format::{HESSIAN1, HESSIAN2, HessianFormat, Part};
pub(crate) use framing::ends_early;
pub use framing::{Cursor, push_chunk_head, push_int, push_short_text, push_text, refuse_draft};
pub use options::{JavaTime, LoneSurrogates, ReadOptions, Version, WriteOptions};
pub use write::{write, write1, write2};
