//! What Hessian 2 looks like.

use std::borrow::Cow;
use std::collections::HashSet;

use springline_core::{Chunk, Container, DateTime, Error, Event, Kind, ListKind, Result, Start, Text};

use super::known::Known;
use super::{Class, Decoder, Frame, Name, Place, Seen, Wire};
use crate::codec::names::same;
use crate::codec::{Part, chunks, ints, java};

/// Hessian 2.0, as Caucho 3.2.1 and later write it.
#[derive(Clone, Copy, Debug)]
pub struct Two;

/// The head of a list.
struct List {
    /// The type's number.
    type_name: Option<u32>,
    len: Option<u32>,
}

impl<'de> Decoder<'de, Two> {
    // A list's or class definition's count. Each item has at least one byte.
    fn count(&mut self) -> Result<u32> {
        let Some((v, rest)) = ints::split_int(self.rest) else { return Err(self.expected("a count")) };
        let len = u32::try_from(v).map_err(|_| Error::malformed(self.at(), format!("expected a count, found {v}")))?;
        if len as usize > rest.len() {
            let left = rest.len();
            return Err(Error::malformed(self.at(), format!("a count of {len}, where {left} bytes are left")));
        }
        self.rest = rest;
        Ok(len)
    }

    // A text of the framing: a type's, class's or field's name.
    fn name(&mut self, what: &str) -> Result<Cow<'de, str>> {
        if chunks::text2(self.rest).is_none() {
            return Err(self.expected(what));
        }
        let at = self.at();
        let (name, end) = chunks::read_text(self.message, at, chunks::text2, self.flags.lone())?;
        self.charge(end - at)?;
        self.go_to(end);
        Ok(name)
    }

    // A type, by its name or number. None is the empty name.
    fn type_name(&mut self) -> Result<Option<u32>> {
        let at = self.at();
        let number = if chunks::text2(self.rest).is_some() {
            let number = self.seen.types;
            match self.tables.types.get(number as usize) {
                Some(known) => {
                    let end = known.end;
                    self.go_to(end);
                }
                None => {
                    let text = self.name("a type's name")?;
                    self.tables.types.push(Name { at, end: self.at(), text });
                }
            }
            self.budget.node()?;
            self.seen.types += 1;
            number
        } else {
            let Some((v, rest)) = ints::split_int(self.rest) else {
                return Err(self.expected("a type's name or number"));
            };
            let known = self.seen.types;
            let number = u32::try_from(v).ok().filter(|n| *n < known);
            let number = number.ok_or_else(|| {
                Error::malformed(at, format!("type number {v}, but only {known} types were named before"))
            })?;
            self.rest = rest;
            number
        };
        let is_empty = self.tables.types.get(number as usize).is_none_or(|name| name.text.is_empty());
        Ok(if is_empty { None } else { Some(number) })
    }

    fn type_text(&self, number: u32) -> &str {
        self.tables.types.get(number as usize).map_or("", |name| &name.text)
    }

    fn class(&self, number: u32) -> Option<&Class<'de>> {
        self.tables.classes.get(number as usize)
    }

    // Class definitions, which may stand before any value.
    #[cold]
    fn definitions(&mut self) -> Result<()> {
        while self.rest.first() == Some(&b'C') {
            let known =
                self.tables.classes.get(self.seen.classes as usize).map(|class| (class.end, class.fields.len()));
            match known {
                Some((end, fields)) => {
                    self.budget.many(u32::try_from(fields + 1).unwrap_or(u32::MAX))?;
                    self.go_to(end);
                }
                None => self.definition()?,
            }
            self.seen.classes += 1;
        }
        Ok(())
    }

    fn definition(&mut self) -> Result<()> {
        let at = self.at();
        self.rest = self.rest.get(1..).unwrap_or_default();
        let name = self.name("a class's name")?;
        let count = self.count()?;
        self.budget.node()?;
        self.budget.many(count)?;
        let mut fields = Vec::with_capacity(16.min(count as usize));
        for _ in 0..count {
            fields.push(self.name("a field's name")?);
        }
        let distinct = if count < 2 { fields.len() } else { fields.iter().collect::<HashSet<_>>().len() };
        let known = Known::of(&name);
        let end = self.at();
        self.tables.classes.push(Class { at, end, name, fields, known, distinct });
        Ok(())
    }

    // The class of the object here, and what follows its code.
    fn object_head(&self) -> Result<(u32, &'de [u8])> {
        let (number, rest) = match *self.rest {
            [code @ 0x60..=0x6f, ref rest @ ..] => (i32::from(code) - 0x60, rest),
            [b'O', ref rest @ ..] => ints::split_int(rest).ok_or_else(|| self.expected("the number of a class"))?,
            _ => return Err(self.expected("an object")),
        };
        let known = self.seen.classes;
        match u32::try_from(number).ok().filter(|n| *n < known) {
            Some(number) => Ok((number, rest)),
            None => {
                let message = format!("class number {number}, but only {known} classes were defined before");
                Err(Error::malformed(self.at(), message))
            }
        }
    }

    // Goes into an object. Gives its class and how many fields are given.
    fn enter_object(&mut self) -> Result<(u32, usize)> {
        let at = self.at();
        let (class, rest) = self.object_head()?;
        let (fields, distinct) = self.class(class).map_or((0, 0), |c| (c.fields.len(), c.distinct));
        let last = self.last_names && fields != distinct;
        let place = if last { Place::LastField } else { Place::Field };
        self.enter(at, rest, Frame { place, left: fields as u32, class, whole: false })?;
        Ok((class, if last { distinct } else { fields }))
    }

    fn enter_list(&mut self) -> Result<List> {
        let at = self.at();
        let code = self.code()?;
        self.rest = self.rest.get(1..).unwrap_or_default();
        let type_name = match code {
            b'U' | b'V' | 0x70..=0x77 => self.type_name()?,
            _ => None,
        };
        let len = match code {
            b'U' | b'W' => None,
            b'V' | b'X' => Some(self.count()?),
            _ => Some(u32::from(code & 7)),
        };
        let place = if len.is_some() { Place::Item } else { Place::OpenItem };
        let rest = self.rest;
        self.enter(at, rest, Frame { place, left: len.unwrap_or(0), class: 0, whole: false })?;
        Ok(List { type_name, len })
    }

    fn enter_map(&mut self) -> Result<Option<u32>> {
        let at = self.at();
        let code = self.code()?;
        self.rest = self.rest.get(1..).unwrap_or_default();
        let type_name = if code == b'M' { self.type_name()? } else { None };
        let rest = self.rest;
        self.enter(at, rest, Frame { place: Place::Key, ..Frame::default() })?;
        Ok(type_name)
    }

    fn list(&mut self) -> Result<Event<'de, '_>> {
        let List { type_name, len } = self.enter_list()?;
        let len = len.map(|n| n as usize);
        let type_name = type_name.map(|n| self.type_text(n));
        let kind = match type_name {
            Some(name) if java::is_set(name) => ListKind::Set,
            _ => ListKind::List,
        };
        let type_name = type_name.filter(|name| *name != java::HASH_SET);
        Ok(Event::Begin(Container::List { kind, type_name, len }))
    }

    fn map(&mut self) -> Result<Event<'de, '_>> {
        let type_name = self.enter_map()?;
        Ok(Event::Begin(Container::Map { type_name: type_name.map(|n| self.type_text(n)), len: None }))
    }

    fn object(&mut self) -> Result<Event<'de, '_>> {
        let (number, _) = self.object_head()?;
        if let Some(known @ Some(_)) = self.class(number).map(|class| class.known)
            && self.stands_for(known)?
        {
            return self.take_ahead();
        }
        let (class, len) = self.enter_object()?;
        let len = Some(len);
        if self.flags.objects_as_maps() {
            return Ok(Event::Begin(Container::map(len)));
        }
        let class = self.class(class).map_or("", |class| &class.name);
        Ok(Event::Begin(Container::Object { class, len }))
    }

    fn text(&mut self) -> Result<Event<'de, '_>> {
        if let Some((text, rest)) = chunks::plain_text(self.rest, chunks::text2) {
            self.charge(text.len())?;
            self.took(rest)?;
            return Ok(Event::Str(Text::Message(text)));
        }
        let scratch = std::mem::take(&mut self.scratch);
        let (text, end) = chunks::join_text(self.message, self.at(), chunks::text2, self.flags.lone(), scratch)?;
        self.scratch = text;
        self.charge(self.scratch.len())?;
        self.took(self.message.get(end..).unwrap_or_default())?;
        Ok(Event::Str(Text::Scratch(&self.scratch)))
    }

    fn binary(&mut self) -> Result<Event<'de, '_>> {
        if let Some((len, true, rest)) = chunks::bytes2(self.rest)
            && let Some((bytes, rest)) = rest.split_at_checked(len)
        {
            self.charge(bytes.len())?;
            self.took(rest)?;
            return Ok(Event::Bytes(Chunk::Message(bytes)));
        }
        let (bytes, end) = chunks::join_bytes(self.message, self.at(), chunks::bytes2)?;
        self.charge(bytes.len())?;
        self.bytes = bytes.into();
        self.took(self.message.get(end..).unwrap_or_default())?;
        Ok(Event::Bytes(Chunk::Shared(&self.bytes)))
    }

    fn date(&mut self) -> Result<Event<'de, 'static>> {
        let (millis, rest) = self.millis()?;
        let date = DateTime::from_unix_millis(millis);
        self.took(rest)?;
        Ok(Event::DateTime(date))
    }

    fn millis(&self) -> Result<(i64, &'de [u8])> {
        match *self.rest {
            [0x4b, a, b, c, d, ref rest @ ..] => Ok((i64::from(i32::from_be_bytes([a, b, c, d])) * 60_000, rest)),
            [0x4a, a, b, c, d, e, f, g, h, ref rest @ ..] => Ok((i64::from_be_bytes([a, b, c, d, e, f, g, h]), rest)),
            _ => Err(self.cut("a date")),
        }
    }

    fn int(&mut self) -> Result<Event<'de, 'static>> {
        let (v, rest) = ints::split_int(self.rest).ok_or_else(|| self.cut("an int"))?;
        self.took(rest)?;
        Ok(Event::I32(v))
    }

    fn long(&mut self) -> Result<Event<'de, 'static>> {
        let (v, rest) = ints::split_long(self.rest).ok_or_else(|| self.cut("a long"))?;
        self.took(rest)?;
        Ok(Event::I64(v))
    }

    fn double(&mut self) -> Result<Event<'de, 'static>> {
        let (v, rest) = ints::split_double(self.rest).ok_or_else(|| self.cut("a double"))?;
        self.took(rest)?;
        Ok(Event::F64(v))
    }

    // One byte.
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
            b'Z' => "the end of a list or map",
            b'E' => "the start of an envelope",
            b'G' | b'P' | b'@' => "a reserved code",
            _ => "no code of a value",
        };
        Error::malformed(self.at(), format!("expected a value, found byte {code:#04x}, {what}"))
    }
}

impl Wire for Two {
    const END: u8 = b'Z';

    fn open(d: &mut Decoder<'_, Self>) -> Result<()> {
        if d.part != Part::Arguments {
            return Ok(());
        }
        // The count is taken when the list is begun; it stands for the code of a list.
        Ok(())
    }

    #[inline]
    fn prepare(d: &mut Decoder<'_, Self>) -> Result<()> {
        if d.rest.first() == Some(&b'C') && d.part != Part::Arguments { d.definitions() } else { Ok(()) }
    }

    fn kind(d: &mut Decoder<'_, Self>, code: u8) -> Result<Kind> {
        if d.part == Part::Arguments {
            return Ok(Kind::List);
        }
        Ok(match code {
            0..=0x1f | 0x30..=0x33 | b'R' | b'S' => Kind::Str,
            0x20..=0x2f | 0x34..=0x37 | b'A' | b'B' => Kind::Bytes,
            0x38..=0x3f | b'I' | b'L' | 0x59 | 0x80..=0xff => Kind::Int,
            b'D' | 0x5b..=0x5f => Kind::Float,
            b'F' | b'T' => Kind::Bool,
            b'N' => Kind::Null,
            0x4a | 0x4b => Kind::DateTime,
            b'H' | b'M' => Kind::Map,
            b'U'..=b'X' | 0x70..=0x7f => Kind::List,
            b'O' | 0x60..=0x6f => {
                let (number, _) = d.object_head()?;
                let known = d.class(number).and_then(|class| class.known);
                if known.is_some() && d.stands_for(known)? {
                    d.kind_ahead()
                } else if d.flags.objects_as_maps() {
                    Kind::Map
                } else {
                    Kind::Object
                }
            }
            b'Q' => {
                if d.follow()?.1 {
                    d.kind_ahead()
                } else {
                    Kind::Back
                }
            }
            _ => return Err(d.no_value(code)),
        })
    }

    fn value<'de, 's>(d: &'s mut Decoder<'de, Self>, code: u8) -> Result<Event<'de, 's>> {
        if d.part == Part::Arguments {
            let len = d.count()?;
            d.part = Part::Value;
            d.uncounted = Some(d.seen.refs);
            d.budget.enter()?;
            let rest = d.rest;
            d.enter_uncounted(rest, Frame { place: Place::Item, left: len, class: 0, whole: false });
            return Ok(Event::Begin(Container::list(Some(len as usize))));
        }
        match code {
            0..=0x1f | 0x30..=0x33 | b'R' | b'S' => d.text(),
            0x20..=0x2f | 0x34..=0x37 | b'A' | b'B' => d.binary(),
            0x80..=0xd7 | b'I' => d.int(),
            0x38..=0x3f | b'L' | 0x59 | 0xd8..=0xff => d.long(),
            b'D' | 0x5b..=0x5f => d.double(),
            b'F' => d.simple(Event::Bool(false)),
            b'T' => d.simple(Event::Bool(true)),
            b'N' => d.simple(Event::Null),
            0x4a | 0x4b => d.date(),
            b'H' | b'M' => d.map(),
            b'U'..=b'X' | 0x70..=0x7f => d.list(),
            b'O' | 0x60..=0x6f => d.object(),
            b'Q' => d.back(),
            _ => Err(d.no_value(code)),
        }
    }

    fn pass(d: &mut Decoder<'_, Self>, code: u8) -> Result<()> {
        if d.part == Part::Arguments {
            return Self::value(d, code).map(|_| ());
        }
        match code {
            0..=0x1f | 0x30..=0x33 | b'R' | b'S' => {
                let end = chunks::skip_text(d.message, d.at(), chunks::text2)?;
                d.took(d.message.get(end..).unwrap_or_default())
            }
            0x20..=0x2f | 0x34..=0x37 | b'A' | b'B' => {
                let end = chunks::skip_bytes(d.message, d.at(), chunks::bytes2)?;
                d.took(d.message.get(end..).unwrap_or_default())
            }
            0x4a | 0x4b => {
                let (_, rest) = d.millis()?;
                d.took(rest)
            }
            b'H' | b'M' => d.enter_map().map(|_| ()),
            b'U'..=b'X' | 0x70..=0x7f => d.enter_list().map(|_| ()),
            b'O' | 0x60..=0x6f => d.enter_object().map(|_| ()),
            b'Q' => {
                let (_, end) = Self::reference(d)?;
                d.took(d.message.get(end..).unwrap_or_default())
            }
            _ => Self::value(d, code).map(|_| ()),
        }
    }

    fn reference(d: &Decoder<'_, Self>) -> Result<(usize, usize)> {
        let after = d.rest.get(1..).unwrap_or_default();
        let (v, rest) = ints::split_int(after).ok_or_else(|| d.cut("a reference"))?;
        match usize::try_from(v) {
            Ok(number) => Ok((number, d.message.len() - rest.len())),
            Err(_) => Err(Error::malformed(d.at(), format!("reference to container {v}"))),
        }
    }

    fn known_at(d: &Decoder<'_, Self>, at: usize, seen: Seen) -> Option<Known> {
        let number = match *d.message.get(at..)? {
            [code @ 0x60..=0x6f, ..] => i32::from(code) - 0x60,
            [b'O', ref rest @ ..] => ints::split_int(rest)?.0,
            _ => return None,
        };
        let number = u32::try_from(number).ok().filter(|n| *n < seen.classes)?;
        d.class(number)?.known
    }

    fn field<'de>(d: &mut Decoder<'de, Self>) -> Result<(Option<&'de str>, usize)> {
        let at = d.at();
        let Some(class) = d.tables.classes.get(d.top.class as usize) else { return Err(d.nothing_left()) };
        let index = class.fields.len().wrapping_sub(d.top.left as usize);
        match class.fields.get(index) {
            Some(Cow::Borrowed(name)) => Ok((Some(name), at)),
            Some(Cow::Owned(name)) => {
                d.scratch.clear();
                d.scratch.push_str(name);
                Ok((None, at))
            }
            None => Err(d.nothing_left()),
        }
    }

    fn is_shadowed(d: &Decoder<'_, Self>) -> bool {
        let Some(class) = d.class(d.top.class) else { return false };
        let index = class.fields.len().wrapping_sub(d.top.left as usize);
        match class.fields.get(index..) {
            Some([name, later @ ..]) => later.contains(name),
            _ => false,
        }
    }

    #[inline]
    fn take_long(rest: &[u8]) -> Option<(i64, &[u8])> {
        match ints::split_int(rest) {
            Some((v, rest)) => Some((v.into(), rest)),
            None => ints::split_long(rest),
        }
    }

    #[inline]
    fn take_double(rest: &[u8]) -> Option<(f64, &[u8])> {
        ints::split_double(rest)
    }

    #[inline]
    fn take_plain(rest: &[u8]) -> Option<(&str, &[u8])> {
        chunks::plain_text(rest, chunks::text2)
    }

    #[inline]
    fn take_list(d: &mut Decoder<'_, Self>) -> Start {
        let (len, rest) = match *d.rest {
            [code @ 0x78..=0x7f, ref rest @ ..] => (code & 7, rest),
            [code @ 0x70..=0x77, number @ 0x90..=0xbf, ref rest @ ..] if u32::from(number - 0x90) < d.seen.types => {
                (code & 7, rest)
            }
            _ => return Start::Other,
        };
        if d.part == Part::Arguments || !d.at_value() {
            return Start::Other;
        }
        let frame = Frame { place: Place::Item, left: len.into(), class: 0, whole: false };
        match d.enter(d.at(), rest, frame) {
            Ok(()) => Start::Known(len.into()),
            // the budget: `next` tells
            Err(_) => Start::Other,
        }
    }

    #[inline]
    fn take_map(d: &mut Decoder<'_, Self>) -> Start {
        if d.part == Part::Arguments || !d.at_value() {
            return Start::Other;
        }
        match *d.rest {
            [code @ 0x60..=0x6f, ref rest @ ..] => {
                let number = u32::from(code - 0x60);
                let Some(class) = d.class(number) else { return Start::Other };
                let len = class.fields.len();
                if number >= d.seen.classes || class.known.is_some() || d.last_names && class.distinct != len {
                    return Start::Other;
                }
                let frame = Frame { place: Place::Field, left: len as u32, class: number, whole: false };
                if d.enter(d.at(), rest, frame).is_ok() { Start::Known(len) } else { Start::Other }
            }
            [b'H', ref rest @ ..] => {
                let frame = Frame { place: Place::Key, ..Frame::default() };
                if d.enter(d.at(), rest, frame).is_ok() { Start::Unknown } else { Start::Other }
            }
            _ => Start::Other,
        }
    }

    #[inline]
    fn take_field(d: &mut Decoder<'_, Self>, expected: &str) -> bool {
        let Some(class) = d.tables.classes.get(d.top.class as usize) else { return false };
        let index = class.fields.len().wrapping_sub(d.top.left as usize);
        match class.fields.get(index) {
            Some(name) if same(name.as_bytes(), expected.as_bytes()) => {
                if d.budget.node().is_err() {
                    return false;
                }
                d.field_done();
                true
            }
            _ => false,
        }
    }
}
