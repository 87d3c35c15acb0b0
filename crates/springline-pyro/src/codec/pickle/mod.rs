//! Python's pickle, as data: programs for a stack machine that is never allowed to import or call anything.
//!
//! [`Decoder`] reads protocols 0 to 5, every opcode that builds data. Shared and cyclic containers are kept as back
//! references. What a pickle would have Python look up and call becomes
//!
//! * a value of its own where it stands for one: `set` `frozenset` `complex` `bytes` `bytearray` `OrderedDict`
//!   `defaultdict` `Counter` `deque` `Decimal`, the types of `datetime` (with a `timezone` or none), `UUID` as text, and
//!   the URIs and proxies of Pyro 3 and 4;
//! * else an object: class `module.Name` under Python 3's names (`builtins`, `copyreg`), its state's fields, and where
//!   there are such, `__args__` and `__kwargs__` that it was called with, `__state__` for a state that is no dict of
//!   names, `__items__` for what a subclass of list, dict or tuple holds; a call of something that is no name is a
//!   `__call__`, whose arguments are that thing and its own;
//! * a class or function itself: an object `builtins.type` with the field `name`.
//!
//! Python 2's `str` is text where it is UTF-8, else bytes. Text with a lone surrogate is an error: text here is Unicode.
//! Persistent ids, codes of the extension registry and out-of-band buffers are refused by name, as is an integer of more
//! than a million bits, or 4300 digits of text.
//!
//! [`Encoder`] writes what [`Encoder::new`] tells, by default protocol 2, which CPython 2.3 and everything after it
//! reads. Objects are written as the other serializers write them, as a dict with `__class__`: a peer imports and makes
//! whatever class a pickle names, so names that may come from a third party must not get there. See
//! [`Encoder::with_instances`].
//!
//! # Opening a value inside a message
//!
//! Things in a pickle have no place in the message: the same bytes may stand for many. [`read_call`] numbers the
//! containers that the arguments are, and [`FORMAT`] opens them by that number.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

mod begin;
mod decode;
mod encode;
mod forms;
mod graph;
mod known;
mod literal;
mod machine;
mod memo;
mod opcode;

use std::borrow::Cow;

use springline_core::{Budget, Bytes, Container, Error, Event, Format, Kind, Reading, Result, Source, Text};

pub use decode::Decoder;
pub use encode::Encoder;

use crate::CallParts;

/// The pickle serializer as a reader of messages.
#[derive(Clone, Copy, Debug)]
pub struct PickleFormat;

/// The one [`PickleFormat`].
pub static FORMAT: PickleFormat = PickleFormat;

impl Format for PickleFormat {
    fn name(&self) -> &'static str {
        "pickle"
    }

    fn read<'de>(&self, message: &'de Bytes, start: usize, budget: Budget, f: Reading<'_, 'de>) -> Result<()> {
        f(&mut Decoder::new(message, start, budget).with_owner(Some(message)))
    }
}

/// Takes apart the payload of a Pyro 4 call, `(object, method, arguments, keyword arguments)`. The places of the arguments
/// are for [`Decoder::new`] and [`FORMAT`].
///
/// # Errors
/// When it has another shape, or something follows it.
pub fn read_call(message: &Bytes, budget: Budget) -> Result<CallParts<'_>> {
    let shape = || Error::malformed(0, "expected a call: (object, method, arguments, keyword arguments)");
    let mut decoder = Decoder::new(message, 0, budget);
    match decoder.next()? {
        Event::Begin(Container::List { len: Some(4), .. }) => {}
        _ => return Err(shape()),
    }
    let object = text(&mut decoder, "the object's id")?;
    let method = text(&mut decoder, "the method's name")?;
    let (args_at, _) = match decoder.peek()? {
        Kind::List => decoder.place().ok_or_else(shape)?,
        other => return Err(Error::malformed(0, format!("expected arguments as a list, found {}", other.label()))),
    };
    decoder.skip()?;
    let kwargs_at = match decoder.peek()? {
        Kind::Null => None,
        Kind::Map => decoder.place().filter(|(_, some)| *some).map(|(at, _)| at),
        other => {
            return Err(Error::malformed(0, format!("expected keyword arguments as a map, found {}", other.label())));
        }
    };
    decoder.skip()?;
    if !decoder.take_end()? {
        return Err(shape());
    }
    decoder.finish()?;
    Ok(CallParts { object, method, args_at, args_end: message.len(), kwargs_at })
}

fn text<'m>(decoder: &mut Decoder<'m>, what: &str) -> Result<Cow<'m, str>> {
    match decoder.take_text()? {
        Some(Text::Message(text)) => Ok(Cow::Borrowed(text)),
        Some(Text::Scratch(text)) => Ok(Cow::Owned(text.to_owned())),
        None => Err(Error::malformed(decoder.offset(), format!("expected {what} as a string"))),
    }
}
