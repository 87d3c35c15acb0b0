//! Python's marshal format as Pyro's `marshal` serializer uses it (Pyro4 4.82 and Pyro5 5.17 on CPython 3.11, Pyro4 on
//! CPython 2.7).
//!
//! [`Encoder`] writes format version 2 without references and without interned strings: `N T F i l g y s u ( [ { < >`.
//! CPython 2.7 and every CPython 3 read that. Objects are dicts with `__class__` first. Dates, times and decimals are
//! errors, as they are in Pyro.
//!
//! [`Decoder`] reads versions 0 to 4, every type code that carries data:
//!
//! * `I` `i` `l` as integers, `f` `g` as floats, `x` `y` as complex numbers, `s` as bytes, `u` `t` `a` `A` `z` `Z` as
//!   text, `( ) [ < >` as the four kinds of lists, `{` as a map. A dict whose first key is `__class__` is an object, or
//!   what that class stands for, at any level; Pyro itself writes them at the top level of arguments and results only.
//! * The bit 0x80 (FLAG_REF) and `r`: see [`Decoder`].
//! * `R` refers to the strings interned so far (Python 2). `s` is Python 2's `str` and always comes as bytes; so does a
//!   `t` that is not UTF-8, because Python 2 also interns what `chr(255)` gives.
//! * Text with a lone surrogate is an error with its offset: text here is Unicode.
//! * `.` (Ellipsis) and `S` (the class StopIteration) have no counterpart: an error of kind
//!   [`Mismatch`](springline_core::ErrorKind::Mismatch), unless they are passed over.
//! * `c` (code objects) and `:` (slices, version 5) are refused by name.
//!
//! # Opening a value inside a message
//!
//! [`FORMAT`] and [`Decoder::new`] open a value at the position of its type code, which is what `offset()` gives before
//! the value is read. `message` must be the whole payload, marshal data from byte 0 on: the first reference that is met
//! makes the reader walk from there to `start` once, without building anything, to number the objects before. That is
//! cheap for one value and linear for each: to open very many values of one message (a large batch), read them from one
//! decoder instead.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

mod again;
mod decode;
mod encode;
mod frames;
mod raw;
mod state;

use springline_core::{Budget, Bytes, Format, Reading, Result};

pub use decode::Decoder;
pub use encode::Encoder;

/// 15-bit digits of the longest integer that is read, about a million bits. CPython has no such limit; here it keeps
/// one number from costing seconds when it is printed.
pub const MAX_LONG_DIGITS: usize = 1 << 16;

/// The marshal serializer as a reader of messages.
#[derive(Clone, Copy, Debug)]
pub struct MarshalFormat;

/// The one [`MarshalFormat`].
pub static FORMAT: MarshalFormat = MarshalFormat;

impl Format for MarshalFormat {
    fn name(&self) -> &'static str {
        "marshal"
    }

    fn read<'de>(&self, message: &'de Bytes, start: usize, budget: Budget, f: Reading<'_, 'de>) -> Result<()> {
        f(&mut Decoder::new(message, start, budget).with_owner(Some(message)))
    }
}
