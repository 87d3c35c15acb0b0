//! The codec: bytes of Hessian 1 and 2 to events and back. It never awaits and never touches a stream.
//!
//! What is written is what Caucho's Java library 4.0.38 writes, byte for byte, with two exceptions: the sign of -0.0 is
//! kept, by the long form of a double, and long binaries have chunks of 32,768 bytes wherever they lie.
//!
//! # Values
//!
//! | Java | event | written from |
//! | --- | --- | --- |
//! | `int`, `long`, `double` | `I32`, `I64`, `F64` | the same; Rust's integers of up to 16 bits as int, `u32` as long, `f32` as double |
//! | `Byte`, `Short`, `Float` as objects (version 2) | `I32`, `F64` | |
//! | `String`, `char`, XML documents | `Str` | `Str`, `char` |
//! | `byte[]` | `Bytes` | `Bytes` |
//! | `java.util.Date`, `java.sql.Date`, `Time`, `Timestamp`, `Calendar` | `DateTime` in UTC, of any year | `DateTime` as a `java.util.Date`; without an offset it is UTC |
//! | `ArrayList`, arrays, other lists | `Begin(List)`, with the type's name if it has one | any list or tuple |
//! | `HashSet`; other sets of `java.util` | a set; one with its type's name | a set as a `HashSet` |
//! | `HashMap`; other maps | `Begin(Map)`; with its type's name | any map, keys of any kind |
//! | an object | `Begin(Object)`, fields in order, also those that come twice | an object: a struct whose serde name has a dot |
//! | an enum's constant | an object with the field `name`; serde reads it as a variant | a unit variant of an enum whose serde name has a dot |
//! | `BigDecimal` by its text or its fields | `Decimal` | `Decimal`, by its text |
//! | `BigInteger`, of up to a million bits | `I64`, else `Big` | `Big`, by its fields |
//! | `UUID`, `Locale` | `Str` | |
//! | a remote object | `Remote` | `Remote` |
//! | `java.time` of dubbo and sofa | `DateTime`; a `ZoneOffset` is its seconds | `DateTime`, by [`WriteOptions::java_time`] |
//!
//! An object of such a class whose fields are not as they should be comes as an object, and with
//! [`ReadOptions::raw_classes`] all do.
//!
//! In Hessian 1 an object looks like a map with a type. It is taken for an object unless its type is one of `java.util`'s
//! maps, or its first key is no text.
//!
//! # References
//!
//! They are kept: [`Value::Back`](springline_core::Value::Back) is a container that came before, shared or around. Typed
//! readers read what a reference points at once more, within the budget, of which long texts cost more than one node; a
//! cycle ends at the limit of depth.
//!
//! # Structs
//!
//! The order of fields does not matter, unknown ones are passed over. A field that comes twice is that of a subclass and
//! that of its superclass: the last one counts, as in Java.

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
