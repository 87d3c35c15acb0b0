//! The shape of calls: a tuple of the object's id, the method, flags, and the arguments.

use std::borrow::Cow;

use springline_core::{
    Budget, Bytes, Container, Error, Event, Kind, ListKind, Output, Payload, Result, Sink, Source, Value,
};

use crate::codec::pickle::{self, Decoder, Encoder};

/// The last argument but the keywords is a tuple of more.
const VARARGS: i64 = 1;
/// The last argument is a dict of keyword arguments.
const KEYWORDS: i64 = 2;
/// Nobody waits for an answer.
const ONEWAY: i64 = 4;

/// A call's body, taken apart.
#[derive(Debug)]
pub struct CallParts<'m> {
    /// The object's id.
    pub object: Cow<'m, str>,
    /// The method's name.
    pub method: Cow<'m, str>,
    /// Whether nobody waits for an answer.
    pub oneway: bool,
    /// The positional arguments.
    pub args: Parts,
    /// Those by name, if there are any.
    pub kwargs: Option<Parts>,
}

/// Where arguments are.
#[derive(Clone, Debug, PartialEq)]
pub enum Parts {
    /// In the message: a place for [`pickle::FORMAT`].
    At(usize),
    /// Put together from several places.
    Value(Value),
}

impl Parts {
    /// As something to be read.
    #[must_use]
    pub fn payload<'m>(self, message: &'m Bytes, budget: Budget) -> Payload<'m> {
        match self {
            Self::At(at) => Payload::lent(message, at, &pickle::FORMAT, budget),
            Self::Value(value) => Payload::from(value),
        }
    }
}

fn shape(at: usize) -> Error {
    Error::malformed(at, "expected a call of Pyro 3: (object, method, flags, arguments)")
}

/// Takes a call's body apart.
///
/// # Errors
/// When it has another shape.
pub fn read_call(message: &Bytes, budget: Budget) -> Result<CallParts<'_>> {
    let mut source = Decoder::new(message, 0, budget);
    match source.next()? {
        Event::Begin(Container::List { len: Some(4), .. }) => {}
        _ => return Err(shape(0)),
    }
    let object = text(&mut source)?;
    let method = text(&mut source)?;
    let flags = source.take_i64()?.ok_or_else(|| shape(0))?;
    let is_tuple = source.peek()? == Kind::List;
    let (at, _) = source.place().filter(|_| is_tuple).ok_or_else(|| shape(0))?;
    let (args, kwargs) = arguments(&mut source, flags, at)?;
    let kwargs = match kwargs {
        Some(Parts::Value(Value::Map(pairs))) if pairs.is_empty() => None,
        other => other,
    };
    Ok(CallParts { object, method, oneway: flags & ONEWAY != 0, args, kwargs })
}

// The shapes that Pyro's own proxies send are left where they are; any other is put together.
fn arguments(source: &mut Decoder<'_>, flags: i64, at: usize) -> Result<(Parts, Option<Parts>)> {
    let len = match source.next()? {
        Event::Begin(Container::List { len, .. }) => len.unwrap_or(0),
        _ => return Err(shape(at)),
    };
    match flags & (VARARGS | KEYWORDS) {
        0 => {
            for _ in 0..len {
                source.skip()?;
            }
            return Ok((Parts::At(at), None));
        }
        3 if len == 2 && source.peek()? == Kind::List => {
            let (args, _) = source.place().ok_or_else(|| shape(at))?;
            source.skip()?;
            if source.peek()? != Kind::Map {
                return Err(shape(at));
            }
            let kwargs = source.place().filter(|(_, some)| *some).map(|(at, _)| Parts::At(at));
            source.skip()?;
            return Ok((Parts::At(args), kwargs));
        }
        _ => {}
    }
    let mut items = Vec::new();
    for _ in 0..len {
        items.push(Value::read_tree(source)?);
    }
    let mut kwargs = None;
    if flags & KEYWORDS != 0 {
        kwargs = Some(items.pop().filter(|last| matches!(last, Value::Map(_))).ok_or_else(|| shape(at))?);
    }
    if flags & VARARGS != 0 {
        match items.pop() {
            Some(Value::Tuple(more) | Value::List(more)) => items.extend(more),
            _ => return Err(shape(at)),
        }
    }
    Ok((Parts::Value(Value::Tuple(items)), kwargs.map(Parts::Value)))
}

fn text<'m>(source: &mut Decoder<'m>) -> Result<Cow<'m, str>> {
    match source.take_text()? {
        Some(springline_core::Text::Message(text)) => Ok(Cow::Borrowed(text)),
        Some(springline_core::Text::Scratch(text)) => Ok(Cow::Owned(text.to_owned())),
        None => Err(shape(source.offset())),
    }
}

/// Writes a call's body, in the shape that Pyro's dynamic proxies send.
///
/// # Errors
/// When an argument has no form in a pickle for Python 2.
pub fn write_call(
    out: &mut Output,
    instances: bool,
    object: &str,
    method: &str,
    oneway: bool,
    args: &Payload<'_>,
    kwargs: Option<&Payload<'_>>,
) -> Result<()> {
    let mut sink = Encoder::pyro3(out).with_instances(instances);
    sink.begin(Container::tuple(Some(4)))?;
    sink.str(object)?;
    sink.str(method)?;
    sink.i64(VARARGS | KEYWORDS | if oneway { ONEWAY } else { 0 })?;
    sink.begin(Container::tuple(Some(2)))?;
    write_args(args, &mut sink)?;
    match kwargs {
        Some(kwargs) => kwargs.encode(&mut sink)?,
        None => {
            sink.begin(Container::map(Some(0)))?;
            sink.end()?;
        }
    }
    sink.end()?;
    sink.end()
}

// As a tuple, which Python adds its own to. Arguments that came over another wire may be a list.
fn write_args(args: &Payload<'_>, sink: &mut Encoder<'_>) -> Result<()> {
    let mut is_list = false;
    if !args.is_typed() {
        args.view_source(&mut |source| {
            let first = source.next()?;
            is_list = matches!(first, Event::Begin(Container::List { kind: ListKind::List, .. }));
            Ok(())
        })?;
    }
    match is_list.then(|| args.to_value()).transpose()? {
        Some(Value::List(items)) => Value::Tuple(items).write(sink),
        _ => args.encode(sink),
    }
}

/// Writes the body of a call of the daemon's or name server's own, with plain arguments.
#[cfg(feature = "net")]
pub(super) fn write_plain_call(out: &mut Output, object: &str, method: &str, args: &[Value]) -> Result<()> {
    let mut sink = Encoder::pyro3(out);
    sink.begin(Container::tuple(Some(4)))?;
    sink.str(object)?;
    sink.str(method)?;
    sink.i64(0)?;
    sink.begin(Container::tuple(Some(args.len())))?;
    args.iter().try_for_each(|arg| arg.write(&mut sink))?;
    sink.end()?;
    sink.end()
}
