//! Serpent: Python literals as text, the default serializer of Pyro4 and Pyro5 (id 1 in both).
//!
//! [`Encoder`] gives the bytes of Python's `serpent.dumps` (1.43) for Pyro: no blanks between tokens, text by CPython's
//! `repr`, floats in their shortest form, infinity as `1e30000`, bytes as a dict of base64 text, sets as set literals
//! (the empty one as `()`), dates and decimals as text, objects as dicts with `__class__` first. What is printable in
//! text is decided by the Unicode version of the `unicode-general-category` crate; a character that is newer than a
//! peer's Python is then written raw where that Python would escape it. Both read back the same.
//!
//! [`Decoder`] reads what Python's `ast.literal_eval` (CPython 3.11) reads, with these differences:
//!
//! * the outermost tuple needs its parentheses: `1, 2` is refused by [`Decoder::finish`];
//! * a `\u` escape of a lone surrogate is an error, because text here is Unicode;
//! * the sign of a zero in `-0.0+1j` and `1-0j` is kept, as it is from Python 3.14 on;
//! * integers are held to [`MAX_INT_DIGITS`] in every base, not only in decimal;
//! * duplicate keys and members are all given, in the order of the message (Python keeps one);
//! * `{'data': text, 'encoding': 'base64'}` is bytes if the text is base64. A dict whose first key is `__class__`, not in
//!   parentheses, is an object or what that class stands for. A dict that names its class later stays a map, and
//!   [`Value::class`](springline_core::Value::class) finds the name there. All keys of an object must be text;
//! * `set()` is taken as one name: `(set)()` is refused;
//! * `...` is an object of class `ellipsis` without fields;
//! * a last line of nothing but blanks is passed over, at which CPython 3.11 stumbles, as it does at some literals of
//!   exactly 200 levels.
//!
//! Without the crate's feature `unicode-names` the escape `\N{NAME}`, which no writer uses, is an error. With it an
//! alias of a character's name may also be spelled with other blanks.
//!
//! # Opening a value inside a message
//!
//! [`FORMAT`] and [`Decoder::new`] open a value at any byte. At `start` > 0 blanks and one `:` or `,` before the value
//! are passed over, so a position taken right after a key, after an item or after a comma will do:
//!
//! ```
//! use springline_core::{Budget, Event, Source, Value};
//! use springline_pyro::codec::serpent::Decoder;
//!
//! let message = b"# serpent utf-8 python3.2\n('obj','add',(1,2),{})";
//! let mut call = Decoder::new(message, 0, Budget::default());
//! assert!(matches!(call.next().unwrap(), Event::Begin(_)));
//! assert_eq!(call.take_text().unwrap().unwrap().get(), "obj");
//! assert_eq!(call.take_text().unwrap().unwrap().get(), "add");
//! let at = call.offset();
//! let args = Value::read(&mut Decoder::new(message, at, Budget::default())).unwrap();
//! assert_eq!(args, Value::Tuple(vec![1i64.into(), 2i64.into()]));
//! ```

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

mod base64;
mod blanks;
mod decode;
mod dict;
mod encode;
mod literal;
mod number;
mod repr;
mod scan;
mod text;

use springline_core::{Budget, Bytes, Format, Reading, Result};

pub use decode::Decoder;
pub use encode::Encoder;

/// The comment line that every message begins with (serpent 1.43). Readers do not need it.
pub const HEADER: &[u8] = b"# serpent utf-8 python3.2\n";

/// Decimal digits of the longest integer that is read or written: `sys.int_info.default_max_str_digits` of CPython
/// 3.11.
pub const MAX_INT_DIGITS: usize = 4300;

/// Brackets inside one another that are written: what serpent's readers, CPython's parser, can take (3.11).
pub const MAX_DEPTH: usize = 200;

/// The serpent serializer as a reader of messages.
#[derive(Clone, Copy, Debug)]
pub struct SerpentFormat;

/// The one [`SerpentFormat`].
pub static FORMAT: SerpentFormat = SerpentFormat;

impl Format for SerpentFormat {
    fn name(&self) -> &'static str {
        "serpent"
    }

    fn read<'de>(&self, message: &'de Bytes, start: usize, budget: Budget, f: Reading<'_, 'de>) -> Result<()> {
        f(&mut Decoder::new(message, start, budget).with_owner(Some(message)))
    }
}
