//! The four serializers under one name, and the shapes that calls have in each.

use std::borrow::Cow;
use std::str::FromStr;

use bytes::Bytes;
use springline_core::{Budget, Container, Error, ErrorKind, Event, Format, Kind, Output, Payload, Result, Sink, Source};

use crate::codec::{json, marshal, msgpack, serpent};
use crate::Generation;


/// How payloads are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Serializer {
    /// Python literals as text: Pyro's default.
    #[default]
    Serpent,
    /// JSON with Python's NaN and Infinity.
    Json,
    /// CPython's marshal.
    Marshal,
    /// MessagePack; in Python an optional dependency.
    Msgpack,
}

impl Serializer {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Serpent, Self::Json, Self::Marshal, Self::Msgpack];

    /// Its usual name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Serpent => "serpent",
            Self::Json => "json",
            Self::Marshal => "marshal",
            Self::Msgpack => "msgpack",
        }
    }

    /// Its number on the wire, which the generations do not share.
    #[must_use]
    pub fn id(self, generation: Generation) -> u16 {
        match (generation, self) {
            (_, Self::Serpent) => 1,
            (Generation::Pyro4, Self::Json) | (Generation::Pyro5, Self::Marshal) => 2,
            (Generation::Pyro4, Self::Marshal) | (Generation::Pyro5, Self::Json) => 3,
            (Generation::Pyro4, Self::Msgpack) => 6,
            (Generation::Pyro5, Self::Msgpack) => 4,
        }
    }

    /// The serializer of that number.
    #[must_use]
    pub fn from_id(id: u16, generation: Generation) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.id(generation) == id)
    }

    /// What opens its messages later.
    #[must_use]
    pub fn format(self) -> &'static dyn Format {
        match self {
            Self::Serpent => &serpent::FORMAT,
            Self::Json => &json::FORMAT,
            Self::Marshal => &marshal::FORMAT,
            Self::Msgpack => &msgpack::FORMAT,
        }
    }

    /// Writes one value as a message of its own.
    pub fn write(
        self,
        generation: Generation,
        out: &mut Output,
        value: impl FnOnce(&mut dyn Sink) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::Serpent => {
                out.buf.extend_from_slice(serpent::HEADER);
                value(&mut serpent::Encoder::new(out, generation))
            }
            Self::Json => value(&mut json::Encoder::new(out, generation)),
            Self::Marshal => value(&mut marshal::Encoder::new(out, generation)),
            Self::Msgpack => value(&mut msgpack::Encoder::new(out, generation)),
        }
    }

    /// Reads one value that must be all of `message`.
    pub fn read<'de, T>(
        self,
        message: &'de Bytes,
        budget: Budget,
        f: impl FnOnce(&mut dyn Source<'de>) -> Result<T>,
    ) -> Result<T> {
        macro_rules! whole {
            ($codec:ident) => {{
                let mut decoder = $codec::Decoder::new(message, 0, budget).with_owner(Some(message));
                let value = f(&mut decoder)?;
                decoder.finish()?;
                Ok(value)
            }};
        }
        match self {
            Self::Serpent => whole!(serpent),
            Self::Json => whole!(json),
            Self::Marshal => whole!(marshal),
            Self::Msgpack => whole!(msgpack),
        }
    }

    /// The value that begins at byte `start` of a message, to be read later.
    #[must_use]
    pub fn payload(self, message: Bytes, start: usize, budget: Budget) -> Payload<'static> {
        Payload::wire(message, start, self.format(), budget)
    }
}

impl FromStr for Serializer {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name).ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                format!("unknown serializer {name:?}, expected serpent, json, marshal or msgpack"),
            )
        })
    }
}

impl std::fmt::Display for Serializer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Arguments as a call carries them.
pub(crate) struct Arguments<'a> {
    pub(crate) args: &'a Payload<'a>,
    pub(crate) kwargs: Kwargs<'a>,
}

/// Keyword arguments as a call carries them.
pub(crate) enum Kwargs<'a> {
    /// An empty map.
    None,
    /// Null, as attribute access and batches have it.
    Null,
    /// Names and values.
    Some(&'a Payload<'a>),
}

/// Writes the payload of a call: a tuple of four, in JSON an object.
pub(crate) fn write_call(sink: &mut dyn Sink, json: bool, object: &str, method: &str, call: &Arguments<'_>) -> Result<()> {
    if json {
        sink.begin(Container::map(Some(4)))?;
    } else {
        sink.begin(Container::tuple(Some(4)))?;
    }
    let label = |sink: &mut dyn Sink, name: &str| if json { sink.str(name) } else { Ok(()) };
    label(sink, "object")?;
    sink.str(object)?;
    label(sink, "method")?;
    sink.str(method)?;
    label(sink, "params")?;
    call.args.encode(sink)?;
    label(sink, "kwargs")?;
    match &call.kwargs {
        Kwargs::None => {
            sink.begin(Container::map(Some(0)))?;
            sink.end()?;
        }
        Kwargs::Null => sink.null()?,
        Kwargs::Some(kwargs) => kwargs.encode(sink)?,
    }
    sink.end()
}

/// A call's payload, taken apart as far as finding its object needs.
#[derive(Debug)]
pub(crate) struct CallParts<'m> {
    pub(crate) object: Cow<'m, str>,
    pub(crate) method: Cow<'m, str>,
    /// Where the arguments begin.
    pub(crate) args_at: usize,
    /// Where the keyword arguments begin, if there are any.
    pub(crate) kwargs_at: Option<usize>,
}

/// Reads the payload of a call. The arguments are passed over, and so checked, but not kept.
pub(crate) fn read_call<'m>(source: &mut dyn Source<'m>) -> Result<CallParts<'m>> {
    let shape = "expected a call: (object, method, arguments, keyword arguments)";
    let at = source.offset();
    match source.next()? {
        Event::Begin(Container::List { .. }) => {
            let object = text(source, "the object's id")?;
            let method = text(source, "the method's name")?;
            let args_at = source.offset();
            source.skip()?;
            let kwargs_at = keywords(source)?;
            if !source.take_end()? {
                return Err(Error::malformed(source.offset(), shape));
            }
            Ok(CallParts { object, method, args_at, kwargs_at })
        }
        Event::Begin(Container::Map { .. }) => {
            let (mut object, mut method, mut args_at, mut kwargs_at) = (None, None, None, None);
            while !source.take_end()? {
                let field = match source.take_text()?.map(|k| match k.get() {
                    "object" => 1,
                    "method" => 2,
                    "params" => 3,
                    "kwargs" => 4,
                    _ => 0,
                }) {
                    Some(field) => field,
                    None => return Err(Error::malformed(source.offset(), "expected a text as the key")),
                };
                match field {
                    1 => object = Some(text(source, "the object's id")?),
                    2 => method = Some(text(source, "the method's name")?),
                    3 => {
                        source.peek()?;
                        args_at = Some(source.offset());
                        source.skip()?;
                    }
                    4 => kwargs_at = keywords(source)?,
                    _ => source.skip()?,
                }
            }
            let missing = |what: &str| Error::malformed(at, format!("a call without {what:?}"));
            Ok(CallParts {
                object: object.ok_or_else(|| missing("object"))?,
                method: method.ok_or_else(|| missing("method"))?,
                args_at: args_at.ok_or_else(|| missing("params"))?,
                kwargs_at,
            })
        }
        _ => Err(Error::malformed(at, shape)),
    }
}

fn text<'m>(source: &mut dyn Source<'m>, what: &str) -> Result<Cow<'m, str>> {
    let at = source.offset();
    match source.take_text()? {
        Some(springline_core::Text::Message(s)) => Ok(Cow::Borrowed(s)),
        Some(springline_core::Text::Scratch(s)) => Ok(Cow::Owned(s.to_owned())),
        None => Err(Error::malformed(at, format!("expected {what} as a string"))),
    }
}

// Where the keyword arguments begin, unless they are null or empty.
fn keywords(source: &mut dyn Source<'_>) -> Result<Option<usize>> {
    let kind = source.peek()?;
    let at = source.offset();
    match kind {
        Kind::Null => {
            source.next()?;
            Ok(None)
        }
        Kind::Map | Kind::Object => {
            source.next()?;
            if source.take_end()? {
                return Ok(None);
            }
            while !source.take_end()? {
                source.skip()?;
            }
            Ok(Some(at))
        }
        other => Err(Error::malformed(at, format!("expected keyword arguments as a map, found {}", other.label()))),
    }
}
