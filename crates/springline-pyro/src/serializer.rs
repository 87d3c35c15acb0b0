//! The serializers under one name, and the shapes that calls have in each.

use std::borrow::Cow;
use std::str::FromStr;

use bytes::Bytes;
#[cfg(feature = "net")]
use serde::de::DeserializeOwned;
#[cfg(feature = "net")]
use springline_core::{Args, Encode, de};
use springline_core::{
    Budget, Chunk, Container, Error, ErrorKind, Event, Format, Kind, Output, Payload, Result, Sink, Source, Value,
};

use crate::Generation;
use crate::codec::{json, marshal, msgpack, pickle, serpent};
use crate::special::refers_back;
#[cfg(feature = "net")]
use crate::special::with_late_classes;

// The same lines for each codec, with the codec's module under the given name.
macro_rules! with_codec {
    ($serializer:expr, $codec:ident => $lines:expr) => {
        match $serializer {
            Serializer::Serpent => {
                use serpent as $codec;
                $lines
            }
            Serializer::Json => {
                use json as $codec;
                $lines
            }
            Serializer::Marshal => {
                use marshal as $codec;
                $lines
            }
            Serializer::Msgpack => {
                use msgpack as $codec;
                $lines
            }
            Serializer::Pickle | Serializer::Dill | Serializer::Cloudpickle => {
                use pickle as $codec;
                $lines
            }
        }
    };
}

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
    /// Pickle, of Pyro4 only. Reading it here runs nothing; a Python peer that accepts it runs what it is sent.
    Pickle,
    /// The same under the number of the library dill, which reads it. What dill adds is read as data.
    Dill,
    /// The same under the number of the library cloudpickle.
    Cloudpickle,
}

impl Serializer {
    /// The four that both generations have.
    pub const ALL: [Self; 4] = [Self::Serpent, Self::Json, Self::Marshal, Self::Msgpack];

    /// Pyro4's others, which nobody accepts unless told so.
    pub const PICKLES: [Self; 3] = [Self::Pickle, Self::Dill, Self::Cloudpickle];

    /// Whether it is one of [`PICKLES`](Self::PICKLES).
    #[must_use]
    #[inline]
    pub fn is_pickle(self) -> bool {
        matches!(self, Self::Pickle | Self::Dill | Self::Cloudpickle)
    }

    /// The serializer of an answer to something in `asked`: no pickle unless that is one.
    #[cfg(feature = "net")]
    #[inline]
    pub(crate) fn answering(self, asked: Self) -> Result<Self> {
        if self.is_pickle() && !asked.is_pickle() {
            let what = format!("the answer to a message in {asked} is in {self}, which was not asked for");
            return Err(Error::new(ErrorKind::Protocol, what));
        }
        Ok(self)
    }

    /// Its usual name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Serpent => "serpent",
            Self::Json => "json",
            Self::Marshal => "marshal",
            Self::Msgpack => "msgpack",
            Self::Pickle => "pickle",
            Self::Dill => "dill",
            Self::Cloudpickle => "cloudpickle",
        }
    }

    /// Its number on the wire, which the generations do not share; 0 where the generation has no such serializer.
    #[must_use]
    pub fn id(self, generation: Generation) -> u16 {
        match (generation.is_pyro4(), self) {
            (_, Self::Serpent) => 1,
            (true, Self::Json) | (false, Self::Marshal) => 2,
            (true, Self::Marshal) | (false, Self::Json) => 3,
            (true, Self::Msgpack) => 6,
            (false, Self::Msgpack) | (true, Self::Pickle) => 4,
            (true, Self::Dill) => 5,
            (true, Self::Cloudpickle) => 7,
            (false, Self::Pickle | Self::Dill | Self::Cloudpickle) => 0,
        }
    }

    /// The serializer of that number.
    #[must_use]
    #[inline]
    pub fn from_id(id: u16, generation: Generation) -> Option<Self> {
        Some(match (generation.is_pyro4(), id) {
            (_, 1) => Self::Serpent,
            (true, 2) | (false, 3) => Self::Json,
            (true, 3) | (false, 2) => Self::Marshal,
            (true, 6) | (false, 4) => Self::Msgpack,
            (true, 4) => Self::Pickle,
            (true, 5) => Self::Dill,
            (true, 7) => Self::Cloudpickle,
            _ => return None,
        })
    }

    /// What opens its messages later.
    #[must_use]
    pub fn format(self) -> &'static dyn Format {
        with_codec!(self, codec => &codec::FORMAT)
    }

    /// Writes one value as a message of its own.
    pub fn write(
        self,
        generation: Generation,
        out: &mut Output,
        value: impl FnOnce(&mut dyn Sink) -> Result<()>,
    ) -> Result<()> {
        self.write_start(out);
        with_codec!(self, codec => value(&mut codec::Encoder::new(out, generation)))
    }

    /// Writes a payload as a message of its own.
    #[inline]
    pub fn write_payload(self, generation: Generation, out: &mut Output, payload: &Payload<'_>) -> Result<()> {
        self.write_start(out);
        self.write_args(generation, out, payload)
    }

    /// The same of what knows how to write itself.
    #[cfg(feature = "net")]
    #[inline]
    pub(crate) fn write_encoded(self, generation: Generation, out: &mut Output, value: &dyn Encode) -> Result<()> {
        self.write_start(out);
        with_codec!(self, codec => value.encode(&mut codec::Encoder::new(out, generation)))
    }

    /// Reads one value that must be all of `message`.
    pub fn read<'de, T>(
        self,
        message: &'de Bytes,
        budget: Budget,
        f: impl FnOnce(&mut dyn Source<'de>) -> Result<T>,
    ) -> Result<T> {
        with_codec!(self, codec => {
            let mut decoder = codec::Decoder::new(message, 0, budget).with_owner(Some(message));
            let value = f(&mut decoder)?;
            decoder.finish()?;
            Ok(value)
        })
    }

    /// Writes the arguments of a call on their own, as they stand in its payload.
    #[inline]
    pub(crate) fn write_args(self, generation: Generation, out: &mut Output, args: &Payload<'_>) -> Result<()> {
        with_codec!(self, codec => args.encode(&mut codec::Encoder::new(out, generation)))
    }

    /// The same for arguments whose types are known.
    #[cfg(feature = "net")]
    #[inline]
    pub(crate) fn write_typed_args<A: Args>(self, generation: Generation, out: &mut Output, args: &A) -> Result<()> {
        match self {
            // The fast one; the others would make programs larger and hardly faster.
            Self::Msgpack => args.encode_into(&mut msgpack::Encoder::new(out, generation)),
            _ => self.write_args(generation, out, &Payload::borrowed(args)),
        }
    }

    /// Reads a result whose type is known.
    #[cfg(feature = "net")]
    #[inline]
    pub(crate) fn read_typed<T: DeserializeOwned>(self, message: Bytes, budget: Budget) -> Result<T> {
        match self {
            Self::Msgpack => de::from_source(&mut msgpack::Decoder::of(&message, 0, budget)),
            _ => self.payload(message, 0, budget).decode(),
        }
    }

    /// The same of a few bytes that are gone afterwards.
    #[cfg(feature = "net")]
    #[inline]
    pub(crate) fn read_short<T: DeserializeOwned>(self, message: &[u8], budget: Budget) -> Result<T> {
        match self {
            Self::Msgpack => de::from_source(&mut msgpack::Decoder::new(message, 0, budget)),
            _ => self.read_typed(Bytes::copy_from_slice(message), budget),
        }
    }

    /// Writes the payload of a call: a tuple of four, in JSON an object.
    ///
    /// # Errors
    /// When the serializer cannot express an argument.
    pub fn write_call(
        self,
        generation: Generation,
        out: &mut Output,
        object: &str,
        method: &str,
        call: &Arguments<'_>,
    ) -> Result<()> {
        self.write_start(out);
        let json = self == Self::Json;
        // One branch here instead of a virtual call for every part.
        with_codec!(self, codec => write_call(&mut codec::Encoder::new(out, generation), json, object, method, call))
    }

    // What a message begins with before its value.
    #[inline]
    fn write_start(self, out: &mut Output) {
        if self == Self::Serpent {
            out.buf.extend_from_slice(serpent::HEADER);
        }
    }

    /// Reads the payload of a call. The arguments are passed over, and so checked, but not kept.
    ///
    /// # Errors
    /// When it has another shape, or something follows it.
    #[inline]
    pub fn read_call(self, message: &Bytes, budget: Budget) -> Result<CallParts<'_>> {
        if self.is_pickle() {
            return pickle::read_call(message, budget);
        }
        with_codec!(self, codec => {
            let mut decoder = codec::Decoder::new(message, 0, budget);
            let parts = read_call(&mut decoder)?;
            decoder.finish()?;
            Ok(parts)
        })
    }

    // Where the value that begins at byte `start` ends.
    #[cfg(feature = "net")]
    #[inline]
    fn end_of(self, message: &[u8], start: usize, budget: Budget) -> Result<usize> {
        if self == Self::Msgpack
            && let Some((len, count)) = message.get(start..).and_then(msgpack::flat_list)
        {
            // As a decoder would charge it.
            let mut budget = budget;
            budget.enter()?;
            budget.many(count)?;
            return Ok(start + len);
        }
        with_codec!(self, codec => {
            let mut decoder = codec::Decoder::new(message, start, budget);
            decoder.skip()?;
            Ok(decoder.offset())
        })
    }

    /// The value that begins at byte `start` of a message, to be read later.
    #[must_use]
    pub fn payload(self, message: Bytes, start: usize, budget: Budget) -> Payload<'static> {
        let tree = if self == Self::Marshal { without_references(&message, start, budget) } else { None };
        match tree {
            Some(tree) => Payload::from(tree),
            // Also where it cannot be read, which its reader shall find out.
            None => Payload::wire(message, start, self.format(), budget),
        }
    }

    /// The value that begins there, if a Python 2 may have written a URI or proxy in it, whose class then comes last.
    #[cfg(feature = "net")]
    pub(crate) fn of_python2(self, message: &Bytes, start: usize, budget: Budget) -> Option<Payload<'static>> {
        if self.is_pickle() || !names_a_remote(message) {
            return None;
        }
        let mut tree = None;
        let read = &mut |s: &mut dyn Source<'_>| Value::read_tree(s).map(|value| tree = Some(value));
        self.format().read(message, start, budget, read).ok()?;
        tree.map(|tree| Payload::from(with_late_classes(tree)))
    }

    /// The same of a message that is kept elsewhere.
    #[must_use]
    #[inline]
    pub fn lent(self, message: &Bytes, start: usize, budget: Budget) -> Payload<'_> {
        let tree = if self == Self::Marshal { without_references(message, start, budget) } else { None };
        match tree {
            Some(tree) => Payload::from(tree),
            None => Payload::lent(message, start, self.format(), budget),
        }
    }
}

/// Whether the name of a URI's or proxy's class may be in it.
#[cfg(feature = "net")]
pub(crate) fn names_a_remote(message: &[u8]) -> bool {
    memchr::memmem::find(message, b"Pyro4.core.").is_some()
}

// A copy of a marshalled value, where it has references to containers and can be read.
fn without_references(message: &Bytes, start: usize, budget: Budget) -> Option<Value> {
    // Their letter is quickly looked for; most messages that have it have it in a text.
    memchr::memchr(b'r', message.get(start..)?)?;
    let mut found = false;
    marshal::FORMAT.read(message, start, budget, &mut |s| refers_back(s).map(|yes| found = yes)).ok()?;
    let mut tree = None;
    if found {
        let read = &mut |s: &mut dyn Source<'_>| Value::read_tree(s).map(|value| tree = Some(value));
        marshal::FORMAT.read(message, start, budget, read).ok()?;
    }
    tree
}

impl FromStr for Serializer {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().chain(Self::PICKLES).find(|s| s.name() == name).ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                format!(
                    "unknown serializer {name:?}, expected serpent, json, marshal or msgpack, or with Pyro4 pickle, dill \
                     or cloudpickle"
                ),
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
pub struct Arguments<'a> {
    /// Positional ones: a list.
    pub args: &'a Payload<'a>,
    /// Those by name.
    pub kwargs: Kwargs<'a>,
}

/// Keyword arguments as a call carries them.
pub enum Kwargs<'a> {
    /// An empty map.
    None,
    /// Null, as attribute access and batches have it.
    Null,
    /// Names and values.
    Some(&'a Payload<'a>),
}

#[inline]
fn write_call<S: Sink>(sink: &mut S, json: bool, object: &str, method: &str, call: &Arguments<'_>) -> Result<()> {
    if json {
        sink.begin(Container::map(Some(4)))?;
    } else {
        sink.begin(Container::tuple(Some(4)))?;
    }
    let label = |sink: &mut S, name: &str| if json { sink.str(name) } else { Ok(()) };
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
pub struct CallParts<'m> {
    /// The object's id.
    pub object: Cow<'m, str>,
    /// The method's name.
    pub method: Cow<'m, str>,
    /// Where the arguments begin.
    pub args_at: usize,
    /// Where what follows the arguments begins.
    pub args_end: usize,
    /// Where the keyword arguments begin, if there are any.
    pub kwargs_at: Option<usize>,
}

#[inline]
fn read_call<'m, S: Source<'m>>(source: &mut S) -> Result<CallParts<'m>> {
    let shape = "expected a call: (object, method, arguments, keyword arguments)";
    let at = source.offset();
    match source.next()? {
        Event::Begin(Container::List { .. }) => {
            let object = text(source, "the object's id")?;
            let method = text(source, "the method's name")?;
            let args_at = source.offset();
            source.skip()?;
            let args_end = source.offset();
            let kwargs_at = keywords(source)?;
            if !source.take_end()? {
                return Err(Error::malformed(source.offset(), shape));
            }
            Ok(CallParts { object, method, args_at, args_end, kwargs_at })
        }
        Event::Begin(Container::Map { .. }) => {
            let (mut object, mut method, mut args, mut kwargs_at) = (None, None, None, None);
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
                        let args_at = source.offset();
                        source.skip()?;
                        args = Some((args_at, source.offset()));
                    }
                    4 => kwargs_at = keywords(source)?,
                    _ => source.skip()?,
                }
            }
            let missing = |what: &str| Error::malformed(at, format!("a call without {what:?}"));
            let (args_at, args_end) = args.ok_or_else(|| missing("params"))?;
            Ok(CallParts {
                object: object.ok_or_else(|| missing("object"))?,
                method: method.ok_or_else(|| missing("method"))?,
                args_at,
                args_end,
                kwargs_at,
            })
        }
        _ => Err(Error::malformed(at, shape)),
    }
}

#[inline]
fn text<'m>(source: &mut impl Source<'m>, what: &str) -> Result<Cow<'m, str>> {
    let at = source.offset();
    match source.take_text()? {
        Some(springline_core::Text::Message(s)) => Ok(Cow::Borrowed(s)),
        Some(springline_core::Text::Scratch(s)) => Ok(Cow::Owned(s.to_owned())),
        None => bytes_as_text(source, at, what),
    }
}

// Python 2's `str` comes as bytes in marshal.
#[cold]
fn bytes_as_text<'m>(source: &mut impl Source<'m>, at: usize, what: &str) -> Result<Cow<'m, str>> {
    let text = match source.next()? {
        Event::Bytes(Chunk::Message(b)) => std::str::from_utf8(b).ok().map(Cow::Borrowed),
        Event::Bytes(b) => std::str::from_utf8(b.get()).ok().map(|s| Cow::Owned(s.to_owned())),
        _ => None,
    };
    text.ok_or_else(|| Error::malformed(at, format!("expected {what} as a string")))
}

// Where the keyword arguments begin, unless they are null or empty.
#[inline]
fn keywords<'m>(source: &mut impl Source<'m>) -> Result<Option<usize>> {
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

/// What stood around the arguments of a call without keyword arguments. A call with the same bytes around its own is one
/// of the same method of the same object: they need not be read again.
#[cfg(feature = "net")]
#[derive(Debug)]
pub(crate) struct CallFrame {
    pub(crate) serializer: Serializer,
    before: Box<[u8]>,
    after: Box<[u8]>,
    pub(crate) object: String,
    pub(crate) method: String,
}

#[cfg(feature = "net")]
impl CallFrame {
    /// The most bytes that are worth remembering.
    const MOST: usize = 512;

    /// From a call that was read. `None` where the bytes around the arguments do not tell all.
    pub(crate) fn of(serializer: Serializer, payload: &[u8], parts: &CallParts<'_>) -> Option<Self> {
        // Marshal's references may tie what follows the arguments to what is in them, and so may a pickle's memo.
        if parts.kwargs_at.is_some() || serializer == Serializer::Marshal || serializer.is_pickle() {
            return None;
        }
        let (before, after) = (payload.get(..parts.args_at)?, payload.get(parts.args_end..)?);
        (before.len() + after.len() <= Self::MOST).then(|| Self {
            serializer,
            before: before.into(),
            after: after.into(),
            object: parts.object.to_string(),
            method: parts.method.to_string(),
        })
    }

    /// Whether `payload`, of the same serializer, has the same frame and its arguments are well-formed.
    #[inline]
    pub(crate) fn fits(&self, payload: &[u8], budget: Budget) -> bool {
        payload.starts_with(&self.before)
            && self
                .serializer
                .end_of(payload, self.args_at(), budget)
                .is_ok_and(|end| payload.get(end..).is_some_and(|after| *after == *self.after))
    }

    /// Where the arguments begin.
    #[inline]
    pub(crate) fn args_at(&self) -> usize {
        self.before.len()
    }
}

#[cfg(all(test, feature = "net"))]
mod tests {
    use super::*;

    fn payload(serializer: Serializer, method: &str, args: &Payload<'_>, kwargs: Kwargs<'_>) -> Bytes {
        let mut out = Output::new();
        serializer.write_call(Generation::Pyro5, &mut out, "thing", method, &Arguments { args, kwargs }).unwrap();
        out.to_vec().into()
    }

    #[test]
    fn a_frame_fits_calls_of_its_method_only() {
        let (one, two) = ((1, "x"), (Vec::<i64>::new(),));
        let (one, two) = (Payload::borrowed(&one), Payload::borrowed(&two));
        let names = springline_core::Value::Map(vec![("k".into(), 1.into())]);
        let names = Payload::from(names);
        let budget = Budget::default();
        for serializer in [Serializer::Serpent, Serializer::Json, Serializer::Msgpack] {
            let first = payload(serializer, "add", &one, Kwargs::None);
            let parts = serializer.read_call(&first, budget).unwrap();
            let frame = CallFrame::of(serializer, &first, &parts).unwrap();
            let second = payload(serializer, "add", &two, Kwargs::None);
            let read = serializer.read_call(&second, budget).unwrap();
            assert!(frame.fits(&second, budget), "the same method");
            assert_eq!(frame.args_at(), read.args_at, "{serializer}");
            assert_eq!((&*frame.object, &*frame.method), ("thing", "add"));
            let others = [
                payload(serializer, "sub", &one, Kwargs::None),
                payload(serializer, "add", &one, Kwargs::Some(&names)),
                first.slice(..first.len() - 1),
                [&first[..], b" 1"].concat().into(),
            ];
            for other in &others {
                assert!(!frame.fits(other, budget), "{serializer}: {other:?}");
            }
        }
        let marshal = payload(Serializer::Marshal, "add", &one, Kwargs::None);
        let parts = Serializer::Marshal.read_call(&marshal, budget).unwrap();
        assert!(CallFrame::of(Serializer::Marshal, &marshal, &parts).is_none());
    }
}
