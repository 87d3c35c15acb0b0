//! What Hessian 1 looks like.

use std::collections::{HashMap, HashSet};

use springline_core::{
    Chunk, Container, DateTime, Error, Event, Kind, ListKind, RemoteRef, Result, Start, Text, Value,
};

use super::known::{self, Known};
use super::{Decoder, Frame, Place, Seen, Wire};
use crate::codec::names::same;
use crate::codec::{Cursor, Part, chunks, java};

/// Hessian 1.0.
#[derive(Clone, Copy, Debug)]
pub struct One;

/// What begins here.
enum Head<'de> {
    List(Option<std::borrow::Cow<'de, str>>),
    Map(Option<std::borrow::Cow<'de, str>>),
    Object(std::borrow::Cow<'de, str>),
}

// The fields of an object run to a mark, as a map's pairs do.
const OBJECT: Frame = Frame { place: Place::Field, left: u32::MAX, class: 0, whole: false };

impl<'de> Decoder<'de, One> {
    // A type's name behind `t`, and what follows it. None is the empty name and no name at all.
    fn type_name(&self, rest: &'de [u8]) -> Result<(Option<std::borrow::Cow<'de, str>>, &'de [u8])> {
        let (a, b, content) = match rest {
            [b't', a, b, content @ ..] => (a, b, content),
            // No value begins so: what is missing is the rest of it.
            [b't', ..] => return Err(self.cut("a type's name")),
            _ => return Ok((None, rest)),
        };
        let units = u16::from_be_bytes([*a, *b]).into();
        if let Some((name, rest)) = chunks::plain(content, units) {
            return Ok(((!name.is_empty()).then_some(name.into()), rest));
        }
        let at = self.message.len() - content.len();
        let mut joined = crate::codec::text::Joined::new(String::new());
        let rest = joined.add(content, units, at, self.flags.lone())?;
        Ok((Some(joined.finish(self.flags.lone())?.into()), rest))
    }

    // The start of a list or map here, and where its content begins.
    fn head(&self) -> Result<(Head<'de>, &'de [u8])> {
        let after = self.rest.get(1..).unwrap_or_default();
        let (name, rest) = self.type_name(after)?;
        if self.rest.first() != Some(&b'M') {
            // The length is not needed: the list runs to its mark.
            return match rest {
                [b'l', _, _, _, _, rest @ ..] => Ok((Head::List(name), rest)),
                [b'l', ..] => Err(self.cut("a list's length")),
                _ => Ok((Head::List(name), rest)),
            };
        }
        // An object is a map with its class as the type. It is taken for one unless its name says otherwise, or its first
        // key is no text.
        let is_object = |name: &str| !java::is_map(name) && matches!(rest.first(), Some(b'S' | b's' | b'z') | None);
        Ok(match name {
            Some(class) if is_object(&class) => (Head::Object(class), rest),
            name => (Head::Map(name), rest),
        })
    }

    fn enter_head(&mut self, head: &Head<'de>, rest: &'de [u8]) -> Result<()> {
        let at = self.at();
        let frame = match head {
            Head::List(_) => Frame { place: Place::OpenItem, ..Frame::default() },
            Head::Map(_) => Frame { place: Place::Key, ..Frame::default() },
            Head::Object(_) if self.last_names => self.look_through(rest)?,
            Head::Object(_) => OBJECT,
        };
        let name = match head {
            Head::List(name) | Head::Map(name) => name.as_ref().map_or(0, |name| name.len()),
            Head::Object(name) => name.len(),
        };
        self.charge(name)?;
        self.enter(at, rest, frame)
    }

    // Finds the names that come more than once.
    #[cold]
    fn look_through(&mut self, content: &'de [u8]) -> Result<Frame> {
        let at = self.message.len() - content.len();
        let seen = self.seen_at(self.seen.refs as usize + 1, at);
        let budget = self.budget;
        let mut inner = self.fork(at, seen, budget);
        inner.top = OBJECT;
        let walked = inner.names();
        self.tables = std::mem::take(&mut inner.tables);
        let used = budget.nodes_left() - inner.budget.nodes_left();
        self.budget.many(used)?;
        let mut last: HashMap<String, usize> = HashMap::new();
        let mut shadowed = HashSet::new();
        for (name, at) in walked? {
            shadowed.extend(last.insert(name, at));
        }
        let place = if shadowed.is_empty() { Place::Field } else { Place::LastField };
        self.shadowed.extend(shadowed);
        Ok(Frame { place, ..OBJECT })
    }

    // The names of the object that this reader is in, and where they stand.
    fn names(&mut self) -> Result<Vec<(String, usize)>> {
        let mut names = Vec::new();
        while !self.at_end() {
            let at = self.at();
            let name = self.field_text()?.get().to_owned();
            names.push((name, at));
            self.skip_one()?;
        }
        Ok(names)
    }

    fn begin(&mut self) -> Result<Event<'de, '_>> {
        let (head, rest) = self.head()?;
        if let Head::Object(class) = &head
            && let known @ Some(_) = Known::of(class)
            && self.stands_for(known)?
        {
            return self.take_ahead();
        }
        self.enter_head(&head, rest)?;
        let mut keep = |name: std::borrow::Cow<'de, str>| {
            self.scratch.clear();
            self.scratch.push_str(&name);
        };
        Ok(Event::Begin(match head {
            Head::List(None) => Container::list(None),
            Head::List(Some(name)) if name == java::HASH_SET => {
                Container::List { kind: ListKind::Set, type_name: None, len: None }
            }
            Head::List(Some(name)) => {
                let kind = if java::is_set(&name) { ListKind::Set } else { ListKind::List };
                keep(name);
                Container::List { kind, type_name: Some(&self.scratch), len: None }
            }
            Head::Map(None) => Container::map(None),
            Head::Map(Some(name)) => {
                keep(name);
                Container::Map { type_name: Some(&self.scratch), len: None }
            }
            Head::Object(_) if self.flags.objects_as_maps() => Container::map(None),
            Head::Object(class) => {
                keep(class);
                Container::object(&self.scratch, None)
            }
        }))
    }

    fn text(&mut self) -> Result<Event<'de, '_>> {
        if let Some((text, rest)) = chunks::plain_text(self.rest, chunks::text1) {
            self.charge(text.len())?;
            self.took(rest)?;
            return Ok(Event::Str(Text::Message(text)));
        }
        let scratch = std::mem::take(&mut self.scratch);
        let (text, end) = chunks::join_text(self.message, self.at(), chunks::text1, self.flags.lone(), scratch)?;
        self.scratch = text;
        self.charge(self.scratch.len())?;
        self.took(self.message.get(end..).unwrap_or_default())?;
        Ok(Event::Str(Text::Scratch(&self.scratch)))
    }

    fn binary(&mut self) -> Result<Event<'de, '_>> {
        if let Some((len, true, rest)) = chunks::bytes1(self.rest)
            && let Some((bytes, rest)) = rest.split_at_checked(len)
        {
            self.charge(bytes.len())?;
            self.took(rest)?;
            return Ok(Event::Bytes(Chunk::Message(bytes)));
        }
        let (bytes, end) = chunks::join_bytes(self.message, self.at(), chunks::bytes1)?;
        self.charge(bytes.len())?;
        self.bytes = bytes.into();
        self.took(self.message.get(end..).unwrap_or_default())?;
        Ok(Event::Bytes(Chunk::Shared(&self.bytes)))
    }

    // A remote object by its own code: its type and its URL.
    fn remote(&mut self) -> Result<(RemoteRef, usize)> {
        let (name, rest) = self.type_name(self.rest.get(1..).unwrap_or_default())?;
        let at = self.message.len() - rest.len();
        let (url, end) = chunks::read_text(self.message, at, chunks::text1, self.flags.lone())?;
        let mut remote = RemoteRef::uri(url);
        remote.type_name = name.map(Into::into);
        Ok((remote, end))
    }

    // A code and eight bytes.
    fn long(&self, what: &str) -> Result<([u8; 8], &'de [u8])> {
        match self.rest.get(1..).and_then(|rest| rest.split_first_chunk()) {
            Some((bytes, rest)) => Ok((*bytes, rest)),
            None => Err(self.cut(what)),
        }
    }

    fn simple(&mut self, event: Event<'de, 'static>) -> Result<Event<'de, 'static>> {
        let rest = self.rest.get(1..).unwrap_or_default();
        self.took(rest)?;
        Ok(event)
    }

    #[cold]
    fn cut(&self, what: &str) -> Error {
        Error::malformed(self.at(), format!("the message ends within {what}"))
    }

    #[cold]
    fn no_value(&self, code: u8) -> Error {
        let what = match code {
            b'z' => "the end of a list or map",
            b'P' => "a placeholder, which nobody writes",
            b'O' | b'o' | b'Q' | b'C' => "a code of Hessian 2",
            _ => "no code of a value",
        };
        Error::malformed(self.at(), format!("expected a value, found byte {code:#04x}, {what}"))
    }

    // The first event of the arguments or of a fault's map.
    #[cold]
    fn begin_part(&mut self) -> Result<Event<'de, 'static>> {
        let fault = self.part == Part::Fault;
        self.part = Part::Value;
        self.uncounted = Some(self.seen.refs);
        self.budget.enter()?;
        if fault {
            let rest = self.rest.get(1..).unwrap_or_default();
            self.enter_uncounted(rest, Frame { place: Place::Key, whole: true, ..Frame::default() });
            return Ok(Event::Begin(Container::map(None)));
        }
        let rest = self.rest;
        self.enter_uncounted(rest, Frame { place: Place::OpenItem, ..Frame::default() });
        Ok(Event::Begin(Container::list(None)))
    }

    // Headers stand before the arguments, in one numbering with them.
    fn count_headers(&mut self) -> Result<()> {
        let start = self.at();
        let Some([b'c', _, _, b'H', ..]) = self.message.get(..start) else { return Ok(()) };
        let whole = springline_core::Bytes::copy_from_slice(self.message.get(..start).unwrap_or_default());
        let mut at = 3;
        while self.message.get(at) == Some(&b'H') && at < start {
            let mut cursor = Cursor::new(&whole, at + 1);
            cursor.short_text()?;
            let seen = self.seen;
            let mut inner = self.fork(cursor.offset(), seen, self.budget);
            inner.skip_one()?;
            (at, self.seen, self.budget) = (inner.at(), inner.seen, inner.budget);
            self.tables = std::mem::take(&mut inner.tables);
        }
        Ok(())
    }
}

impl Wire for One {
    const END: u8 = b'z';

    fn open(d: &mut Decoder<'_, Self>) -> Result<()> {
        match d.part {
            Part::Arguments => d.count_headers(),
            Part::Fault if d.rest.first() != Some(&b'f') => Err(d.expected("the f of a fault")),
            _ => Ok(()),
        }
    }

    #[inline]
    fn prepare(_: &mut Decoder<'_, Self>) -> Result<()> {
        Ok(())
    }

    fn kind(d: &mut Decoder<'_, Self>, code: u8) -> Result<Kind> {
        match d.part {
            Part::Arguments => return Ok(Kind::List),
            Part::Fault => return Ok(Kind::Map),
            _ => {}
        }
        Ok(match code {
            b'N' => Kind::Null,
            b'T' | b'F' => Kind::Bool,
            b'I' | b'L' => Kind::Int,
            b'D' => Kind::Float,
            b'd' => Kind::DateTime,
            b's' | b'S' | b'x' | b'X' => Kind::Str,
            b'b' | b'B' => Kind::Bytes,
            b'V' => Kind::List,
            b'M' => match d.head()?.0 {
                Head::Object(class) => {
                    let known = Known::of(&class);
                    if known.is_some() && d.stands_for(known)? {
                        d.kind_ahead()
                    } else if d.flags.objects_as_maps() {
                        Kind::Map
                    } else {
                        Kind::Object
                    }
                }
                _ => Kind::Map,
            },
            b'R' => {
                if d.follow()?.1 {
                    d.kind_ahead()
                } else {
                    Kind::Back
                }
            }
            b'r' => Kind::Remote,
            _ => return Err(d.no_value(code)),
        })
    }

    fn value<'de, 's>(d: &'s mut Decoder<'de, Self>, code: u8) -> Result<Event<'de, 's>> {
        if matches!(d.part, Part::Arguments | Part::Fault) {
            return d.begin_part();
        }
        match code {
            b'N' => d.simple(Event::Null),
            b'T' => d.simple(Event::Bool(true)),
            b'F' => d.simple(Event::Bool(false)),
            b'I' => match *d.rest {
                [_, a, b, c, e, ref rest @ ..] => {
                    d.took(rest)?;
                    Ok(Event::I32(i32::from_be_bytes([a, b, c, e])))
                }
                _ => Err(d.cut("an int")),
            },
            b'L' => {
                let (bytes, rest) = d.long("a long")?;
                d.took(rest)?;
                Ok(Event::I64(i64::from_be_bytes(bytes)))
            }
            b'D' => {
                let (bytes, rest) = d.long("a double")?;
                d.took(rest)?;
                Ok(Event::F64(f64::from_be_bytes(bytes)))
            }
            b'd' => {
                let (bytes, rest) = d.long("a date")?;
                let date = DateTime::from_unix_millis(i64::from_be_bytes(bytes));
                d.took(rest)?;
                Ok(Event::DateTime(date))
            }
            b's' | b'S' | b'x' | b'X' => d.text(),
            b'b' | b'B' => d.binary(),
            b'V' | b'M' => d.begin(),
            b'R' => d.back(),
            b'r' => {
                let (remote, end) = d.remote()?;
                d.took(d.message.get(end..).unwrap_or_default())?;
                d.value = Value::Remote(Box::new(remote));
                Ok(known::event(&d.value))
            }
            _ => Err(d.no_value(code)),
        }
    }

    fn pass(d: &mut Decoder<'_, Self>, code: u8) -> Result<()> {
        if matches!(d.part, Part::Arguments | Part::Fault) {
            return d.begin_part().map(|_| ());
        }
        let end = match code {
            b's' | b'S' | b'x' | b'X' => chunks::skip_text(d.message, d.at(), chunks::text1)?,
            b'b' | b'B' => chunks::skip_bytes(d.message, d.at(), chunks::bytes1)?,
            b'R' => Self::reference(d)?.1,
            b'd' => {
                let (_, rest) = d.long("a date")?;
                return d.took(rest);
            }
            b'V' | b'M' => {
                let (head, rest) = d.head()?;
                return d.enter_head(&head, rest);
            }
            _ => return Self::value(d, code).map(|_| ()),
        };
        d.took(d.message.get(end..).unwrap_or_default())
    }

    fn reference(d: &Decoder<'_, Self>) -> Result<(usize, usize)> {
        match *d.rest {
            [_, a, b, c, e, ref rest @ ..] => {
                let number = u32::from_be_bytes([a, b, c, e]);
                Ok((usize::try_from(number).unwrap_or(usize::MAX), d.message.len() - rest.len()))
            }
            _ => Err(d.cut("a reference")),
        }
    }

    fn known_at(d: &Decoder<'_, Self>, at: usize, _: Seen) -> Option<Known> {
        let rest = d.message.get(at..)?;
        if rest.first() != Some(&b'M') {
            return None;
        }
        let (name, _) = d.type_name(rest.get(1..)?).ok()?;
        Known::of(&name?)
    }

    fn field<'de>(d: &mut Decoder<'de, Self>) -> Result<(Option<&'de str>, usize)> {
        if let Some((name, rest)) = chunks::plain_text(d.rest, chunks::text1) {
            return Ok((Some(name), d.message.len() - rest.len()));
        }
        if chunks::text1(d.rest).is_none() {
            if matches!(d.rest, [b'S' | b's' | b'x' | b'X'] | [b'S' | b's' | b'x' | b'X', _]) {
                return Err(d.cut("the name of an object's field"));
            }
            return Err(d.expected("text as the name of an object's field"));
        }
        let scratch = std::mem::take(&mut d.scratch);
        let (name, end) = chunks::join_text(d.message, d.at(), chunks::text1, d.flags.lone(), scratch)?;
        d.scratch = name;
        Ok((None, end))
    }

    fn is_shadowed(d: &Decoder<'_, Self>) -> bool {
        d.shadowed.contains(&d.at())
    }

    #[inline]
    fn take_long(rest: &[u8]) -> Option<(i64, &[u8])> {
        Some(match *rest {
            [b'I', a, b, c, d, ref rest @ ..] => (i32::from_be_bytes([a, b, c, d]).into(), rest),
            [b'L', a, b, c, d, e, f, g, h, ref rest @ ..] => (i64::from_be_bytes([a, b, c, d, e, f, g, h]), rest),
            _ => return None,
        })
    }

    #[inline]
    fn take_double(rest: &[u8]) -> Option<(f64, &[u8])> {
        match *rest {
            [b'D', a, b, c, d, e, f, g, h, ref rest @ ..] => Some((f64::from_be_bytes([a, b, c, d, e, f, g, h]), rest)),
            _ => None,
        }
    }

    #[inline]
    fn take_plain(rest: &[u8]) -> Option<(&str, &[u8])> {
        chunks::plain_text(rest, chunks::text1)
    }

    #[inline]
    fn take_list(d: &mut Decoder<'_, Self>) -> Start {
        if d.rest.first() != Some(&b'V') || !d.is_begun() || !d.at_value() {
            return Start::Other;
        }
        let Ok((head, rest)) = d.head() else { return Start::Other };
        if d.enter_head(&head, rest).is_ok() { Start::Unknown } else { Start::Other }
    }

    #[inline]
    fn take_map(d: &mut Decoder<'_, Self>) -> Start {
        if d.rest.first() != Some(&b'M') || !d.is_begun() || !d.at_value() || d.last_names {
            return Start::Other;
        }
        let Ok((head, rest)) = d.head() else { return Start::Other };
        match &head {
            Head::Object(class) if Known::of(class).is_some() => Start::Other,
            _ if d.enter_head(&head, rest).is_ok() => Start::Unknown,
            _ => Start::Other,
        }
    }

    #[inline]
    fn take_field(d: &mut Decoder<'_, Self>, expected: &str) -> bool {
        let [b'S', a, b, content @ ..] = d.rest else { return false };
        let len = expected.len();
        if usize::from(u16::from_be_bytes([*a, *b])) != len {
            return false;
        }
        match content.split_at_checked(len) {
            Some((name, rest)) if same(name, expected.as_bytes()) && expected.is_ascii() => {
                if d.budget.node().is_err() {
                    return false;
                }
                d.rest = rest;
                d.field_done();
                true
            }
            _ => false,
        }
    }
}
