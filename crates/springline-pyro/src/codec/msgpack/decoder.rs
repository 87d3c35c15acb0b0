//! The reading half.

use num_bigint::BigInt;
use num_traits::ToPrimitive;
use rmp::Marker;
use springline_core::{
    Budget, Bytes, Chunk, Container, Error, ErrorKind, Event, Kind, ListKind, RemoteRef, Result, Source, Start, Text,
};

use super::extension;
use crate::codec::stack::Stack;
use crate::special::{self, CLASS_KEY, Class};

/// Reads one msgpack value out of a message; text and bytes are borrowed from it.
///
/// A container may not claim more items than bytes are left, so what a peer claims bounds what a reader reserves.
#[derive(Debug)]
pub struct Decoder<'de> {
    message: &'de [u8],
    rest: &'de [u8],
    // The innermost container: how much is left (keys count), times two, plus one in an object. The message itself is a
    // container of one value.
    top: u64,
    stack: Stack<u64>,
    max_depth: usize,
    budget: Budget,
    owner: Option<&'de Bytes>,
    // What the last event may refer to.
    big: BigInt,
    remote: Option<Box<RemoteRef>>,
}

const OBJECT: u64 = 1;
const ONE: u64 = 2;

impl<'de> Decoder<'de> {
    /// A decoder for the value that begins at byte `start` of `message`; offsets in errors count from `message`.
    #[must_use]
    #[inline]
    pub fn new(message: &'de [u8], start: usize, budget: Budget) -> Self {
        Self {
            message,
            rest: message.get(start..).unwrap_or_default(),
            max_depth: budget.depth_left() as usize,
            top: ONE,
            stack: Stack::new(),
            budget,
            owner: None,
            big: BigInt::ZERO,
            remote: None,
        }
    }

    /// The same for a message that blobs can be taken out of without a copy.
    #[must_use]
    #[inline]
    pub fn of(message: &'de Bytes, start: usize, budget: Budget) -> Self {
        let mut decoder = Self::new(message, start, budget);
        decoder.owner = Some(message);
        decoder
    }

    /// Names the buffer that `message` is (a part) of, so that blobs can be taken out of it without a copy.
    #[must_use]
    #[inline]
    pub fn with_owner(mut self, owner: Option<&'de Bytes>) -> Self {
        let whole = self.message.as_ptr_range();
        self.owner = owner.filter(|o| o.as_ptr_range().start <= whole.start && whole.end <= o.as_ptr_range().end);
        self
    }

    /// Checks that the value was read whole and nothing follows it.
    pub fn finish(&self) -> Result<()> {
        if self.stack.len() != 0 || !self.at_end() {
            return Err(Error::malformed(self.offset(), "the value has not been read to its end"));
        }
        match self.rest.len() {
            0 => Ok(()),
            n => Err(Error::malformed(self.offset(), format!("{n} bytes follow the value"))),
        }
    }

    #[inline]
    fn at(&self) -> usize {
        self.message.len() - self.rest.len()
    }

    #[cold]
    fn cut(&self, need: usize) -> Error {
        let have = self.rest.len();
        Error::malformed(self.at(), format!("the message is cut short: expected {need} more bytes, found {have}"))
    }

    #[cold]
    fn nothing_left(&self) -> Error {
        let found = if self.stack.len() == 0 { "the end of the message" } else { "the end of a container" };
        Error::malformed(self.at(), format!("expected a value, found {found}"))
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.rest.split_first_chunk() {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(*head)
            }
            None => Err(self.cut(N)),
        }
    }

    #[inline]
    fn slice(&mut self, n: usize) -> Result<&'de [u8]> {
        match self.rest.split_at_checked(n) {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => Err(self.cut(n)),
        }
    }

    #[inline]
    fn byte(&mut self) -> Result<u8> {
        self.array().map(|[b]| b)
    }

    #[inline]
    fn len8(&mut self) -> Result<usize> {
        self.byte().map(usize::from)
    }

    #[inline]
    fn len16(&mut self) -> Result<usize> {
        self.array().map(|b| u16::from_be_bytes(b).into())
    }

    #[inline]
    fn len32(&mut self) -> Result<usize> {
        // over the address space: no message holds that much either
        self.array().map(|b| usize::try_from(u32::from_be_bytes(b)).unwrap_or(usize::MAX))
    }

    #[inline]
    fn text(&mut self, n: usize) -> Result<&'de str> {
        let start = self.at();
        let bytes = self.slice(n)?;
        std::str::from_utf8(bytes).map_err(|e| not_utf8(start, e))
    }

    /// Accounts for one value (or key) that is being read. It was charged with its container.
    #[inline]
    fn take_one(&mut self) {
        self.top -= ONE;
    }

    #[inline]
    fn marker(&self) -> Result<Marker> {
        match self.rest.first() {
            Some(&b) => Ok(Marker::from_u8(b)),
            None => Err(self.cut(1)),
        }
    }

    /// The name of an object's field, which comes next.
    fn name(&mut self) -> Result<&'de str> {
        let at = self.at();
        match self.take_text()? {
            Some(Text::Message(name)) => Ok(name),
            _ => Err(Error::malformed(at, "expected the name of an object's field as text")),
        }
    }

    /// Whether nothing is left in the innermost container.
    #[inline]
    fn at_end(&self) -> bool {
        self.top < ONE
    }

    /// Whether a value comes next: neither the end of a container nor the name of a field.
    #[inline]
    fn at_value(&self) -> bool {
        self.top & 3 != OBJECT && self.top != 0
    }

    /// Goes into a container of `left` values (keys count), whose content begins at `rest`, and charges all of them at
    /// once; false and nothing changed where a limit or the message's end forbids it.
    #[inline]
    fn try_enter(&mut self, rest: &'de [u8], left: u64, object: u64) -> bool {
        if left > rest.len() as u64 || self.stack.len() >= self.max_depth || self.charge(left).is_err() {
            return false;
        }
        self.rest = rest;
        self.stack.push(self.top - ONE);
        self.top = left * ONE + object;
        true
    }

    #[inline]
    fn charge(&mut self, left: u64) -> Result<()> {
        // nobody charged the outermost container itself
        let charge = left + u64::from(self.stack.len() == 0);
        self.budget.many(u32::try_from(charge).unwrap_or(u32::MAX))
    }

    /// Goes into a container whose head has been read.
    #[inline]
    fn enter(&mut self, left: u64, object: u64) -> Result<()> {
        if self.try_enter(self.rest, left, object) { Ok(()) } else { Err(self.refuse(left)) }
    }

    #[cold]
    fn refuse(&mut self, left: u64) -> Error {
        if left > self.rest.len() as u64 {
            return self.claim(left);
        }
        match self.charge(left) {
            Err(e) if self.stack.len() < self.max_depth => e.at(self.at()),
            _ => self.too_deep(),
        }
    }

    fn too_deep(&self) -> Error {
        let text = format!("containers are nested deeper than the limit depth = {}", self.max_depth);
        Error::new(ErrorKind::Limit, text).at(self.at())
    }

    fn claim(&self, values: u64) -> Error {
        let left = self.rest.len();
        Error::malformed(self.at(), format!("a container claims {values} values in the {left} bytes that are left"))
    }

    /// Comes out of the innermost container, which is at its end.
    #[inline]
    fn leave(&mut self) -> Result<()> {
        match self.stack.pop() {
            Some(outer) => {
                self.top = outer;
                Ok(())
            }
            None => Err(self.nothing_left()),
        }
    }

    fn str(&mut self, n: usize) -> Result<Event<'de, 'static>> {
        self.text(n).map(|s| Event::Str(Text::Message(s)))
    }

    fn bin(&mut self, n: usize) -> Result<Event<'de, 'static>> {
        self.slice(n).map(|b| Event::Bytes(Chunk::Message(b)))
    }

    fn begin_list(&mut self, len: usize) -> Result<Event<'de, '_>> {
        self.enter(len as u64, 0)?;
        Ok(Event::Begin(Container::List { kind: ListKind::List, type_name: None, len: Some(len) }))
    }

    fn begin_map(&mut self, len: usize) -> Result<Event<'de, '_>> {
        if len != 0
            && let Some((class, rest)) = class_ahead(self.rest)
        {
            return self.begin_object(len, class, rest);
        }
        self.enter(len as u64 * 2, 0)?;
        Ok(Event::Begin(Container::Map { type_name: None, len: Some(len) }))
    }

    #[cold]
    fn begin_object(&mut self, len: usize, class: &'de str, rest: &'de [u8]) -> Result<Event<'de, '_>> {
        let at = self.at();
        self.budget.many(2)?;
        self.rest = rest;
        let fields = len - 1;
        self.enter(fields as u64 * 2, OBJECT)?;
        Ok(match special::classify(class) {
            Class::Plain => Event::Begin(Container::object(class, Some(fields))),
            Class::Remote => {
                let remote = special::read_remote(self, class).map_err(|e| e.at(at))?;
                Event::Remote(self.remote.insert(Box::new(remote)))
            }
            Class::Float => Event::F64(special::read_number(self, class).map_err(|e| e.at(at))?.0),
            Class::Complex => {
                let (re, im) = special::read_number(self, class).map_err(|e| e.at(at))?;
                Event::Complex(re, im)
            }
        })
    }

    #[cold]
    fn extension(&mut self, len: usize) -> Result<Event<'de, '_>> {
        let at = self.at();
        let kind = self.byte()? as i8;
        let data = self.slice(len)?;
        let malformed = |e: Error| Error::malformed(at, e.message().to_owned());
        Ok(match kind {
            extension::COMPLEX => {
                let (re, im) = extension::read_complex(data).map_err(malformed)?;
                Event::Complex(re, im)
            }
            extension::INTEGER => self.event_of(extension::read_integer(data).map_err(malformed)?),
            extension::DATETIME => Event::DateTime(extension::read_datetime(data).map_err(malformed)?),
            extension::DATE => Event::DateTime(extension::read_date(data).map_err(malformed)?),
            extension::TIMESTAMP => Event::DateTime(extension::read_timestamp(data).map_err(malformed)?),
            other => return Err(unknown_extension(at, other)),
        })
    }

    #[cold]
    fn kind_of_extension(&self, at: usize) -> Result<Kind> {
        let kind = *self.rest.get(at).ok_or_else(|| self.cut(at + 1))? as i8;
        Ok(match kind {
            extension::COMPLEX => Kind::Complex,
            extension::INTEGER => Kind::Int,
            extension::DATETIME | extension::DATE | extension::TIMESTAMP => Kind::DateTime,
            other => return Err(unknown_extension(self.at() + at, other)),
        })
    }

    fn event_of(&mut self, v: BigInt) -> Event<'de, '_> {
        match v.to_i64() {
            Some(v) => Event::I64(v),
            None => {
                self.big = v;
                Event::Big(&self.big)
            }
        }
    }

    /// Passes over one scalar, or goes into one container as if it were a list.
    fn pass(&mut self) -> Result<()> {
        let marker = self.marker()?;
        self.byte()?;
        let size = match marker {
            Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => 0,
            Marker::U8 | Marker::I8 => 1,
            Marker::U16 | Marker::I16 => 2,
            Marker::U32 | Marker::I32 | Marker::F32 => 4,
            Marker::U64 | Marker::I64 | Marker::F64 => 8,
            Marker::FixStr(n) => n.into(),
            Marker::Str8 | Marker::Bin8 => self.len8()?,
            Marker::Str16 | Marker::Bin16 => self.len16()?,
            Marker::Str32 | Marker::Bin32 => self.len32()?,
            Marker::FixExt1 => 2,
            Marker::FixExt2 => 3,
            Marker::FixExt4 => 5,
            Marker::FixExt8 => 9,
            Marker::FixExt16 => 17,
            Marker::Ext8 => self.len8()? + 1,
            Marker::Ext16 => self.len16()? + 1,
            Marker::Ext32 => self.len32()?.saturating_add(1),
            Marker::FixArray(n) => return self.enter(n.into(), 0),
            Marker::Array16 => return self.len16().and_then(|n| self.enter(n as u64, 0)),
            Marker::Array32 => return self.len32().and_then(|n| self.enter(n as u64, 0)),
            Marker::FixMap(n) => return self.enter(u64::from(n) * 2, 0),
            Marker::Map16 => return self.len16().and_then(|n| self.enter(n as u64 * 2, 0)),
            Marker::Map32 => return self.len32().and_then(|n| self.enter(n as u64 * 2, 0)),
            Marker::Reserved => return Err(reserved(self.at() - 1)),
        };
        self.slice(size)?;
        self.take_one();
        Ok(())
    }
}

/// Where the list that begins at `rest` ends, if it holds nothing but a few plain scalars, and how many.
#[cfg(feature = "net")]
#[inline]
pub(crate) fn flat_list(rest: &[u8]) -> Option<(usize, u32)> {
    let (head, mut left) = rest.split_first().filter(|(head, _)| matches!(head, 0x90..=0x9f))?;
    let count = head & 0x0f;
    for _ in 0..count {
        let (head, after) = left.split_first()?;
        let size = match head {
            0..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => 0,
            0xa0..=0xbf => usize::from(head & 0x1f),
            0xcb | 0xcf | 0xd3 => 8,
            0xca | 0xce | 0xd2 => 4,
            0xcd | 0xd1 => 2,
            0xcc | 0xd0 => 1,
            0xc4 | 0xd9 => 1 + usize::from(*after.first()?),
            _ => return None,
        };
        left = after.get(size..)?;
    }
    Some((rest.len() - left.len(), count.into()))
}

/// The class name, if the map whose pairs begin at `rest` is a class dict, and what follows it.
#[inline]
fn class_ahead(rest: &[u8]) -> Option<(&str, &[u8])> {
    // every form of text but fixstr(9) is longer than it needs to be, yet allowed
    if !matches!(rest.first(), Some(0xa9 | 0xd9..=0xdb)) {
        return None;
    }
    let (key, rest) = short_text(rest)?;
    if key != CLASS_KEY.as_bytes() {
        return None;
    }
    let (class, rest) = short_text(rest)?;
    Some((std::str::from_utf8(class).ok()?, rest))
}

#[inline]
fn kind_of_map(pairs: &[u8]) -> Kind {
    match class_ahead(pairs).map(|(class, _)| special::classify(class)) {
        None => Kind::Map,
        Some(Class::Plain) => Kind::Object,
        Some(Class::Remote) => Kind::Remote,
        Some(Class::Float) => Kind::Float,
        Some(Class::Complex) => Kind::Complex,
    }
}

/// A text at the start of `rest` and what follows it.
#[inline]
fn short_text(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&head, rest) = rest.split_first()?;
    let (len, rest) = match Marker::from_u8(head) {
        Marker::FixStr(n) => (usize::from(n), rest),
        Marker::Str8 => rest.split_first().map(|(n, rest)| (usize::from(*n), rest))?,
        Marker::Str16 => rest.split_first_chunk().map(|(n, rest)| (usize::from(u16::from_be_bytes(*n)), rest))?,
        _ => return None,
    };
    rest.split_at_checked(len)
}

#[cold]
fn not_utf8(start: usize, e: std::str::Utf8Error) -> Error {
    Error::malformed(start + e.valid_up_to(), "text that is not UTF-8")
}

#[cold]
fn reserved(at: usize) -> Error {
    Error::malformed(at, "expected a value, found byte 0xc1, which msgpack never uses")
}

#[cold]
fn unknown_extension(at: usize, kind: i8) -> Error {
    Error::malformed(at, format!("unknown extension type {kind} ({:#04x})", kind as u8))
}

impl<'de> Source<'de> for Decoder<'de> {
    fn peek(&mut self) -> Result<Kind> {
        if !self.at_value() {
            return match self.stack.len() {
                _ if !self.at_end() => Ok(Kind::Key),
                0 => Err(self.nothing_left()),
                _ => Ok(Kind::End),
            };
        }
        let after = |n| self.rest.get(n..).unwrap_or_default();
        Ok(match self.marker()? {
            Marker::Null => Kind::Null,
            Marker::True | Marker::False => Kind::Bool,
            Marker::FixPos(_) | Marker::FixNeg(_) => Kind::Int,
            Marker::U8 | Marker::U16 | Marker::U32 | Marker::U64 => Kind::Int,
            Marker::I8 | Marker::I16 | Marker::I32 | Marker::I64 => Kind::Int,
            Marker::F32 | Marker::F64 => Kind::Float,
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => Kind::Str,
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => Kind::Bytes,
            Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => Kind::List,
            Marker::FixMap(0) => Kind::Map,
            Marker::Map16 if after(1).starts_with(&[0; 2]) => Kind::Map,
            Marker::Map32 if after(1).starts_with(&[0; 4]) => Kind::Map,
            Marker::FixMap(_) => kind_of_map(after(1)),
            Marker::Map16 => kind_of_map(after(3)),
            Marker::Map32 => kind_of_map(after(5)),
            Marker::FixExt1 | Marker::FixExt2 | Marker::FixExt4 | Marker::FixExt8 | Marker::FixExt16 => {
                self.kind_of_extension(1)?
            }
            Marker::Ext8 => self.kind_of_extension(2)?,
            Marker::Ext16 => self.kind_of_extension(3)?,
            Marker::Ext32 => self.kind_of_extension(5)?,
            Marker::Reserved => return Err(reserved(self.at())),
        })
    }

    fn next(&mut self) -> Result<Event<'de, '_>> {
        if !self.at_value() {
            if self.at_end() {
                return self.leave().map(|()| Event::End);
            }
            return self.name().map(|name| Event::Key(Text::Message(name)));
        }
        let marker = self.marker()?;
        self.byte()?;
        match marker {
            Marker::FixArray(n) => return self.begin_list(n.into()),
            Marker::Array16 => return self.len16().and_then(|n| self.begin_list(n)),
            Marker::Array32 => return self.len32().and_then(|n| self.begin_list(n)),
            Marker::FixMap(n) => return self.begin_map(n.into()),
            Marker::Map16 => return self.len16().and_then(|n| self.begin_map(n)),
            Marker::Map32 => return self.len32().and_then(|n| self.begin_map(n)),
            _ => self.take_one(),
        }
        Ok(match marker {
            Marker::Null => Event::Null,
            Marker::True => Event::Bool(true),
            Marker::False => Event::Bool(false),
            Marker::FixPos(v) => Event::I64(v.into()),
            Marker::FixNeg(v) => Event::I64(v.into()),
            Marker::U8 => Event::I64(self.byte()?.into()),
            Marker::U16 => Event::I64(u16::from_be_bytes(self.array()?).into()),
            Marker::U32 => Event::I64(u32::from_be_bytes(self.array()?).into()),
            Marker::U64 => {
                let v = u64::from_be_bytes(self.array()?);
                match i64::try_from(v) {
                    Ok(v) => Event::I64(v),
                    Err(_) => self.event_of(v.into()),
                }
            }
            Marker::I8 => Event::I64(i8::from_be_bytes(self.array()?).into()),
            Marker::I16 => Event::I64(i16::from_be_bytes(self.array()?).into()),
            Marker::I32 => Event::I64(i32::from_be_bytes(self.array()?).into()),
            Marker::I64 => Event::I64(i64::from_be_bytes(self.array()?)),
            Marker::F32 => Event::F64(f32::from_be_bytes(self.array()?).into()),
            Marker::F64 => Event::F64(f64::from_be_bytes(self.array()?)),
            Marker::FixStr(n) => self.str(n.into())?,
            Marker::Str8 => self.len8().and_then(|n| self.str(n))?,
            Marker::Str16 => self.len16().and_then(|n| self.str(n))?,
            Marker::Str32 => self.len32().and_then(|n| self.str(n))?,
            Marker::Bin8 => self.len8().and_then(|n| self.bin(n))?,
            Marker::Bin16 => self.len16().and_then(|n| self.bin(n))?,
            Marker::Bin32 => self.len32().and_then(|n| self.bin(n))?,
            Marker::FixExt1 => self.extension(1)?,
            Marker::FixExt2 => self.extension(2)?,
            Marker::FixExt4 => self.extension(4)?,
            Marker::FixExt8 => self.extension(8)?,
            Marker::FixExt16 => self.extension(16)?,
            Marker::Ext8 => self.len8().and_then(|n| self.extension(n))?,
            Marker::Ext16 => self.len16().and_then(|n| self.extension(n))?,
            Marker::Ext32 => self.len32().and_then(|n| self.extension(n))?,
            _ => return Err(reserved(self.at() - 1)),
        })
    }

    fn skip(&mut self) -> Result<()> {
        if self.at_end() {
            return Err(self.nothing_left());
        }
        if !self.at_value() {
            return self.name().map(|_| ());
        }
        let outside = self.stack.len();
        self.pass()?;
        while self.stack.len() > outside {
            if self.at_end() { self.leave()? } else { self.pass()? }
        }
        Ok(())
    }

    #[inline]
    fn offset(&self) -> usize {
        self.at()
    }

    #[inline]
    fn owner(&self) -> Option<&'de Bytes> {
        self.owner
    }

    #[inline]
    fn take_i64(&mut self) -> Result<Option<i64>> {
        if !self.at_value() {
            return Ok(None);
        }
        let Some((&head, rest)) = self.rest.split_first() else { return Err(self.cut(1)) };
        let v = match head {
            0..=0x7f => head.into(),
            0xe0..=0xff => (head as i8).into(),
            0xcc..=0xd3 => match sized_integer(head, rest) {
                Some((v, rest)) => {
                    self.rest = rest;
                    self.take_one();
                    return Ok(Some(v));
                }
                // cut short, or over i64: `next` tells
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.rest = rest;
        self.take_one();
        Ok(Some(v))
    }

    #[inline]
    fn take_f64(&mut self) -> Option<f64> {
        match self.rest.split_first_chunk::<9>() {
            Some(([0xcb, bits @ ..], rest)) if self.at_value() => {
                self.rest = rest;
                self.take_one();
                Some(f64::from_be_bytes(*bits))
            }
            _ => None,
        }
    }

    #[inline]
    fn take_bool(&mut self) -> Option<bool> {
        match self.rest {
            [head @ (0xc2 | 0xc3), rest @ ..] if self.at_value() => {
                self.rest = rest;
                self.take_one();
                Some(*head == 0xc3)
            }
            _ => None,
        }
    }

    #[inline]
    fn take_str(&mut self) -> Option<&'de str> {
        let (len, rest) = match self.rest {
            [head @ 0xa0..=0xbf, rest @ ..] => (usize::from(head & 0x1f), rest),
            [0xd9, len, rest @ ..] => (usize::from(*len), rest),
            _ => return None,
        };
        let (text, rest) = rest.split_at_checked(len)?;
        if self.at_end() {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        self.rest = rest;
        self.take_one();
        Some(text)
    }

    #[inline]
    fn take_null(&mut self) -> Result<bool> {
        match self.rest.split_first() {
            Some((0xc0, rest)) if self.at_value() => {
                self.rest = rest;
                self.take_one();
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    #[inline]
    fn take_text(&mut self) -> Result<Option<Text<'de, '_>>> {
        if self.at_end() {
            return Ok(None);
        }
        let Some((&head, rest)) = self.rest.split_first() else { return Err(self.cut(1)) };
        let len = match head {
            0xa0..=0xbf => {
                self.rest = rest;
                usize::from(head & 0x1f)
            }
            0xd9 => {
                self.rest = rest;
                self.len8()?
            }
            0xda => {
                self.rest = rest;
                self.len16()?
            }
            0xdb => {
                self.rest = rest;
                self.len32()?
            }
            _ => return Ok(None),
        };
        self.take_one();
        self.text(len).map(|s| Some(Text::Message(s)))
    }

    #[inline]
    fn take_list(&mut self) -> Start {
        let (len, rest) = match self.rest {
            [head @ 0x90..=0x9f, rest @ ..] => (usize::from(head & 0x0f), rest),
            [0xdc, a, b, rest @ ..] => (usize::from(u16::from_be_bytes([*a, *b])), rest),
            _ => return Start::Other,
        };
        if self.at_value() && self.try_enter(rest, len as u64, 0) { Start::Known(len) } else { Start::Other }
    }

    #[inline]
    fn take_map(&mut self) -> Start {
        match self.rest {
            // perhaps a class dict
            [0x80..=0x8f, 0xa9 | 0xd9..=0xdb, ..] => Start::Other,
            [head @ 0x80..=0x8f, rest @ ..] if self.at_value() => {
                let len = head & 0x0f;
                if self.try_enter(rest, u64::from(len) * 2, 0) { Start::Known(len.into()) } else { Start::Other }
            }
            _ => Start::Other,
        }
    }

    #[inline]
    fn take_expected(&mut self, expected: &str) -> bool {
        let n = expected.len();
        // any other head: longer than such text needs, or something else
        match self.rest.split_first() {
            Some((head, rest)) if n < 32 && usize::from(*head) == 0xa0 + n && !self.at_end() => {
                match rest.split_at_checked(n) {
                    Some((text, rest)) if same(text, expected.as_bytes()) => {
                        self.rest = rest;
                        self.take_one();
                        true
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    #[inline]
    fn take_end(&mut self) -> Result<bool> {
        if !self.at_end() {
            return Ok(false);
        }
        self.leave().map(|()| true)
    }
}

/// Whether two slices of the same length below 32 are equal: overlapping words instead of a call.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    macro_rules! ends {
        ($n:literal) => {
            if let (Some(a0), Some(b0), Some(a1), Some(b1)) =
                (a.first_chunk::<$n>(), b.first_chunk::<$n>(), a.last_chunk::<$n>(), b.last_chunk::<$n>())
            {
                return a0 == b0 && a1 == b1;
            }
        };
    }
    ends!(16);
    ends!(8);
    ends!(4);
    ends!(2);
    a.first() == b.first()
}

/// An integer with a head of its own, and what follows it; none where it is cut short or over i64.
#[inline]
fn sized_integer(head: u8, rest: &[u8]) -> Option<(i64, &[u8])> {
    macro_rules! read {
        ($t:ty) => {
            rest.split_first_chunk().map(|(b, rest)| (<$t>::from_be_bytes(*b), rest))?
        };
    }
    macro_rules! widen {
        ($t:ty) => {{
            let (v, rest) = read!($t);
            (v.into(), rest)
        }};
    }
    Some(match head {
        0xcc => widen!(u8),
        0xcd => widen!(u16),
        0xce => widen!(u32),
        0xcf => {
            let (v, rest) = read!(u64);
            (i64::try_from(v).ok()?, rest)
        }
        0xd0 => widen!(i8),
        0xd1 => widen!(i16),
        0xd2 => widen!(i32),
        _ => read!(i64),
    })
}
