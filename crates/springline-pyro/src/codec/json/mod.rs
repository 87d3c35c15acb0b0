//! JSON as Pyro's `json` serializer reads and writes it (Pyro4 4.82 and Pyro5 5.17 on CPython 3.11).
//!
//! [`Encoder`] gives the bytes of Python's `json.dumps(value, ensure_ascii=False)` with Pyro's `default()` hook: `", "`
//! and `": "` between values, floats as `repr` prints them, `NaN`, `Infinity` and `-Infinity` as tokens, integers of
//! any size, tuples and sets as arrays, dates and decimals as strings, objects as dicts with `__class__` first. Bytes,
//! bare times, complex numbers and frozen sets are errors here, as they are in Pyro.
//!
//! [`Decoder`] reads what `json.loads` reads, with these differences:
//!
//! * a `\u` escape of a lone surrogate is an error, because text here is Unicode; Python cannot write one out again;
//! * duplicate keys are all kept, in the order of the message (Python keeps the last);
//! * a dict whose first key is `__class__` (not written with escapes) is an object, or what that class stands for. A
//!   dict that names its class later stays a map, and [`Value::class`](springline_core::Value::class) finds the name
//!   there.
//!
//! # Opening a value inside a message
//!
//! [`FORMAT`] and [`Decoder::new`] open a value at any byte. At `start` > 0 blanks and one `:` or `,` before the value
//! are passed over, so a position taken right after a key, after an item or after a comma will do:
//!
//! ```
//! use springline_core::{Budget, Event, Source, Value};
//! use springline_pyro::codec::json::Decoder;
//!
//! let message = br#"{"method": "add", "params": [1, 2]}"#;
//! let mut call = Decoder::new(message, 0, Budget::default());
//! assert!(matches!(call.next().unwrap(), Event::Begin(_)));
//! while let Some(key) = call.take_text().unwrap() {
//!     let wanted = key.get() == "params";
//!     let at = call.offset(); // the colon is behind us: this is where the value begins
//!     call.skip().unwrap();
//!     if wanted {
//!         let params = Value::read(&mut Decoder::new(message, at, Budget::default())).unwrap();
//!         assert_eq!(params, Value::List(vec![1i64.into(), 2i64.into()]));
//!     }
//! }
//! ```

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

mod decode;
mod encode;

use springline_core::{Budget, Bytes, Format, Reading, Result};

pub use decode::Decoder;
pub use encode::Encoder;

/// Digits of the longest integer that is read: `sys.int_info.default_max_str_digits` of CPython 3.11.
pub const MAX_INT_DIGITS: usize = 4300;

/// The json serializer as a reader of messages.
#[derive(Clone, Copy, Debug)]
pub struct JsonFormat;

/// The one [`JsonFormat`].
pub static FORMAT: JsonFormat = JsonFormat;

impl Format for JsonFormat {
    fn name(&self) -> &'static str {
        "json"
    }

    fn read<'de>(&self, message: &'de Bytes, start: usize, budget: Budget, f: Reading<'_, 'de>) -> Result<()> {
        f(&mut Decoder::new(message, start, budget).with_owner(Some(message)))
    }
}
