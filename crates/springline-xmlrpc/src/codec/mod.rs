//! The codec: documents of XML-RPC to events and back.
//!
//! Strict in what is written, tolerant in what is read, with hard limits. It never awaits and never touches a stream.
//!
//! # Reading
//!
//! A document is held in one piece; a body that came in several has to be joined before. UTF-8 stays where it is: texts
//! and arrays are read from the body's own bytes, and nothing is copied but what the reader keeps. Another encoding is
//! copied once, into UTF-8; carriage returns are taken out in place where nobody else holds the buffer, else in a copy.
//! Characters are checked for the whole document at once, everything else while the values are read, in one pass and
//! without recursion.
//!
//! [`parse_call`](crate::parse_call) therefore reads only as far as the first parameter. That the rest is well-formed is
//! known when the parameters were decoded to their end.
//!
//! What XML allows and XML-RPC has no use for: comments, processing instructions and attributes are passed over, a
//! `<!DOCTYPE name>` too; other DOCTYPEs and all entities but the five predefined ones are errors. Elements of a foreign
//! namespace are errors; a default namespace is not looked at, except that `<dateTime>` is Apache's where it is Apache's.
//!
//! # Values
//!
//! | element | event |
//! | --- | --- |
//! | `int` `i4` `i1` `i2` | `I32`; `I64` where an `int` does not fit |
//! | `i8` | `I64` |
//! | `biginteger` | `I64`, else `Big` of up to 4300 digits |
//! | `double` `float` | `F64`; beyond its range it is an error |
//! | `bigdecimal` | `Decimal` |
//! | `boolean`, `nil` | `Bool`, `Null` |
//! | `string`, no element | `Str`, not trimmed |
//! | `base64` | `Bytes` |
//! | `dateTime.iso8601`, `ex:dateTime` | `DateTime`; second 60 and hour 24 are errors |
//! | `array` | `Begin(List)` without a length |
//! | `struct` | `Begin(Map)` without a length, keys are `Str` |
//!
//! Written are: any list, tuple or set as an `array`; maps with text for keys, and objects, as a `struct`; decimals as a
//! `string`; dates without a time as midnight. Wide integers, null and numbers that are not finite depend on
//! [`WriteOptions`]. Bare times, complex numbers, larger integers and references to remote objects are errors.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

mod attributes;
mod chars;
mod date;
mod decode;
mod element;
mod encode;
mod encoding;
mod format;
mod head;
mod options;
mod pieces;
mod problem;
mod scalar;
mod tokens;

pub use encoding::Encoding;
pub use options::{DateStyle, Dialect, NonFinite, ReadOptions, WriteOptions};

pub(crate) use chars::replaced;
pub(crate) use decode::XmlSource;
pub(crate) use element::APACHE;
pub(crate) use encode::XmlSink;
pub(crate) use format::{Flags, Part, XmlFormat};
pub(crate) use head::{Head, check_method};
pub(crate) use problem::{Problem, placed};

use springline_core::{Bytes, Result};

/// A document that was brought to UTF-8, and how it begins.
pub(crate) struct Opened {
    pub(crate) message: Bytes,
    pub(crate) head: Head,
    /// Where an [`XmlSource`] is to begin.
    pub(crate) start: usize,
}

/// Brings a document to UTF-8 and reads its beginning.
pub(crate) fn open(body: Bytes, charset: Option<&str>, options: &ReadOptions, is_call: bool) -> Result<Opened> {
    options.limits.check_message(body.len())?;
    let message = encoding::to_utf8(body, charset, options.lenient_chars)?;
    let (head, start) =
        decode::head(&message, Flags::of(options), is_call, options.lenient_start, options.strict_doctype)
            .map_err(|e| placed(e, &message))?;
    Ok(Opened { message, head, start })
}

/// Appends text as XML has it.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) -> Result<()> {
    encode::push_text(out, text)
}

/// Turns what was written from `start` on into the encoding of the document.
pub(crate) fn finish(out: &mut Vec<u8>, start: usize, encoding: Encoding) -> Result<()> {
    encoding.encode(out, start)
}
