//! msgpack, as Pyro4 4.82 (serializer 6) and Pyro5 5.17 (serializer 4) use it with the msgpack package 1.x.
//!
//! | Python | on the wire | read as |
//! | --- | --- | --- |
//! | `None`, `bool`, `float`, `str`, `bytes` | nil, bool, float64, str, bin | the same; float32 as a float |
//! | `int` in 64 bits, signed or unsigned | the shortest form; unsigned forms for what is not negative | `I64`, above it `Big` |
//! | other `int` | extension 0x31, decimal ASCII | `Big` |
//! | `list`, `tuple`, `set` | array | a list |
//! | `dict` | map | a map; an object when its first key is `__class__` and that holds text |
//! | `complex` | extension 0x30, two doubles | `Complex` |
//! | naive `datetime` | extension 0x32, a double: the POSIX timestamp of that *local* time | a naive `DateTime` in *our* local time |
//! | `date` | extension 0x33, the proleptic ordinal in 8 bytes (4 from Windows) | a `DateTime` without a time |
//! | `Decimal`, `UUID` | str | text |
//! | URI, Proxy | map with `__class__` and `state` | `Remote` |
//!
//! Python refuses frozensets; the encoder writes them as arrays, like sets. Both refuse a time without a date and a
//! date with a zone. msgpack's own timestamp (extension -1) is read as a date in UTC, but never written.
//!
//! Python writes the doubles of extensions "natively"; every machine Pyro runs on today is little-endian, and that is
//! what is read and written here whatever the machine.
//!
//! With `default-features = false` and without `local-time` nothing knows the local zone: extension 0x32 is then an
//! error both ways.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

mod decoder;
mod encoder;
mod extension;
mod local;
#[cfg(test)]
mod tests;

use springline_core::{Budget, Bytes, Format, Reading, Result};

pub use decoder::Decoder;
#[cfg(feature = "net")]
pub(crate) use decoder::flat_list;
pub use encoder::Encoder;

/// The reader of msgpack values inside a message, for code that knows only core.
#[derive(Clone, Copy, Debug, Default)]
pub struct MsgpackFormat;

/// msgpack.
pub static FORMAT: MsgpackFormat = MsgpackFormat;

impl Format for MsgpackFormat {
    fn name(&self) -> &'static str {
        "msgpack"
    }

    fn read<'de>(&self, message: &'de Bytes, start: usize, budget: Budget, f: Reading<'_, 'de>) -> Result<()> {
        f(&mut Decoder::of(message, start, budget))
    }
}
