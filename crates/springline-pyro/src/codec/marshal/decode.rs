//! The marshal reader.

use std::borrow::Cow;

use num_bigint::BigInt;
use springline_core::{
    Budget, Bytes, Chunk, Container, Error, ErrorKind, Event, Kind, ListKind, RemoteRef, Result, Source, Text,
};

use super::again::Again;
use super::frames::Frames;
use super::raw::{self, FLAG, Item, Raw};
use super::state::{Frame, Place, Tables};
use crate::special::{self, CLASS_KEY, Class};

/// Reads one value of a marshal stream as events; see [the module](super) for what is accepted.
///
/// Texts and bytes are borrowed from the message. A reference (`r`) to a scalar gives the scalar again. A reference to
/// a container gives [`Event::Back`] with the ordinal of the container among the Begin events of this source; where
/// there was no such event (it began before this source's start, was skipped, or lies inside a remote reference), and
/// for empty tuples and frozen sets, which Python shares everywhere, the content is given again in place.
/// [`open_back`](Source::open_back) reads a container again as a source of its own, with new numbers. All of it is
/// charged to one budget, so cycles end in the depth limit and shared data that unfolds without end in the node limit.
/// Text and bytes that are read again also cost one node per 64 bytes, long integers one per 8.
#[derive(Debug)]
pub struct Decoder<'de> {
    message: &'de [u8],
    pos: usize,
    budget: Budget,
    // What the walk over the message's front may use.
    whole: Budget,
    owner: Option<&'de Bytes>,
    // The innermost container, and those around it.
    top: Frame,
    outer: Frames<Frame>,
    tables: Tables<'de>,
    // Containers that a reference may point at: offset and ordinal, both ascending.
    begun: Vec<(usize, u32)>,
    ordinal: u32,
    // Above 0 while a remote reference is taken apart: its containers are no events.
    hidden: u32,
    // Open containers that were entered through a reference; one more in a source that reads again.
    again: u32,
    scratch: String,
    big: BigInt,
    remote: RemoteRef,
}

/// What comes next, references followed.
#[derive(Clone, Copy, Debug)]
enum Next<'de> {
    End,
    /// Reference to a container whose Begin event was given, with the offset behind the reference.
    Back(u32, usize),
    /// An object, and where to go on after it if it was reached through a reference.
    Item(Item<'de>, Option<usize>),
}

/// Text that needs no conversion, and what taking it means.
struct PlainText<'de> {
    text: &'de str,
    code: u8,
    len: usize,
    /// Bytes that are read again.
    again: usize,
}

/// A dict's class, by its first pair.
struct Named<'de> {
    class: Cow<'de, str>,
    key: Item<'de>,
    value: Item<'de>,
}

impl<'de> Decoder<'de> {
    /// A reader of the value whose type code is at byte `start` of `message`, which must be a whole marshal stream.
    #[must_use]
    pub fn new(message: &'de [u8], start: usize, budget: Budget) -> Self {
        Self {
            message,
            pos: start,
            budget,
            whole: budget,
            owner: None,
            top: Frame::default(),
            outer: Frames::default(),
            tables: Tables { from: start, ..Tables::default() },
            begun: Vec::new(),
            ordinal: 0,
            hidden: 0,
            again: 0,
            scratch: String::new(),
            big: BigInt::ZERO,
            remote: RemoteRef::default(),
        }
    }

    /// Names the buffer that `message` lies in, for [`Source::owner`].
    #[must_use]
    pub fn with_owner(mut self, owner: Option<&'de Bytes>) -> Self {
        self.owner = owner;
        self
    }

    /// Checks, after the whole value was read, that it ends the message. Python ignores what follows, but sends
    /// nothing.
    pub fn finish(&mut self) -> Result<()> {
        if !self.is_complete() {
            return Err(Error::malformed(self.pos, "the value was not read to its end"));
        }
        match self.message.len().checked_sub(self.pos) {
            Some(0) => Ok(()),
            left => Err(Error::malformed(self.pos, format!("{} bytes follow the value", left.unwrap_or(0)))),
        }
    }

    /// Takes back the tables and what is left of the budget from a source that read something again.
    pub(super) fn take_back(&mut self, inner: &mut Self) {
        (0..inner.outer.len()).for_each(|_| inner.budget.leave());
        self.budget = inner.budget;
        self.tables = std::mem::take(&mut inner.tables);
    }

    fn is_complete(&self) -> bool {
        self.top.place == Place::Done
    }

    // Enters what lies before this source's start into the tables. Walks over it once, at the first reference.
    #[inline]
    fn complete_tables(&mut self) -> Result<()> {
        if self.tables.from == 0 { Ok(()) } else { self.walk_front() }
    }

    #[cold]
    fn walk_front(&mut self) -> Result<()> {
        let from = self.tables.from;
        let mut front = Decoder::new(self.message, 0, self.whole);
        while front.pos < from && !front.is_complete() {
            front.skip_item()?;
        }
        if front.pos != from || front.is_complete() {
            return Err(Error::malformed(from, format!("no value begins at byte {from} of this message")));
        }
        let mut tables = front.tables;
        tables.refs.append(&mut self.tables.refs);
        tables.strings.append(&mut self.tables.strings);
        tables.entered = tables.entered.max(self.tables.entered);
        self.tables = tables;
        Ok(())
    }

    // The object that an index of the reference table stands for.
    fn target(&mut self, index: u32, at: usize) -> Result<Item<'de>> {
        self.complete_tables()?;
        match self.tables.refs.get(index as usize) {
            Some(&target) => raw::item(self.message, target),
            None => {
                let message = format!("reference to object {index}, but only {} came before", self.tables.refs.len());
                Err(Error::malformed(at, message))
            }
        }
    }

    fn interned(&mut self, index: u32, at: usize) -> Result<&'de [u8]> {
        self.complete_tables()?;
        self.tables.strings.get(index as usize).copied().ok_or_else(|| {
            let message = format!("reference to string {index}, but only {} came before", self.tables.strings.len());
            Error::malformed(at, message)
        })
    }

    // Reads an object's head and follows references. Changes nothing but completes the tables.
    #[inline]
    fn look(&mut self) -> Result<Next<'de>> {
        if self.top.is_full() {
            return Ok(Next::End);
        }
        if self.is_complete() {
            return Err(Error::malformed(self.pos, "nothing more to be read: the value is complete"));
        }
        let item = raw::item(self.message, self.pos)?;
        match item.raw {
            Raw::End if self.top.place.may_end() => Ok(Next::End),
            Raw::End => Err(Error::malformed(self.pos, "expected a value, found the end of a dict")),
            Raw::Ref(index) => self.follow(index, &item),
            Raw::StringRef(index) => {
                let text = self.interned(index, item.at)?;
                Ok(Next::Item(Item { raw: Raw::Interned(text), ..item }, Some(item.end)))
            }
            _ => Ok(Next::Item(item, None)),
        }
    }

    fn follow(&mut self, index: u32, reference: &Item<'de>) -> Result<Next<'de>> {
        let target = self.target(index, reference.at)?;
        let shared_everywhere = matches!(target.raw, Raw::List(ListKind::Tuple | ListKind::FrozenSet, 0));
        if !target.raw.is_container() || shared_everywhere || self.hidden > 0 {
            return Ok(Next::Item(target, Some(reference.end)));
        }
        // CPython makes a frozen set after its members, so none of them can be the set itself.
        let unfinished = |f: &Frame| f.at == target.at && f.place == Place::Member && f.resume.is_none();
        if matches!(target.raw, Raw::List(ListKind::FrozenSet, _))
            && self.outer.iter().chain([&self.top]).any(unfinished)
        {
            return Err(Error::malformed(reference.at, "a frozen set that contains itself"));
        }
        match self.begun.binary_search_by_key(&target.at, |(at, _)| *at).ok().and_then(|i| self.begun.get(i)) {
            Some((_, ordinal)) => Ok(Next::Back(*ordinal, reference.end)),
            None => Ok(Next::Item(target, Some(reference.end))),
        }
    }

    // The type code and what follows it, if a plain value may come next: the entrance to all short cuts. Whoever was
    // led here by a reference takes the long way, which keeps account of what is read again.
    #[inline]
    fn plain(&self) -> Option<(u8, &'de [u8])> {
        if self.again > 0 || self.top.is_full() || self.is_complete() {
            return None;
        }
        self.message.get(self.pos..)?.split_first().map(|(code, rest)| (*code, rest))
    }

    // Takes a scalar of `len` bytes whose type code is `code`.
    #[inline]
    fn took(&mut self, code: u8, len: usize) -> Result<()> {
        self.budget.node()?;
        if code & FLAG != 0 && self.pos >= self.tables.entered {
            self.tables.refs.push(self.pos);
            self.tables.entered = self.pos + len;
        }
        self.pos += len;
        self.value_done();
        Ok(())
    }

    // Text that lies in the message as it is, here or behind a reference.
    #[inline]
    fn plain_text(&self) -> Option<PlainText<'de>> {
        let (code, rest) = self.plain()?;
        if code & !FLAG != b'r' {
            let (text, len) = raw::plain_text(code, rest)?;
            return Some(PlainText { text, code, len, again: 0 });
        }
        if self.tables.from > 0 {
            return None;
        }
        let index = u32::from_le_bytes(*rest.first_chunk()?);
        let at = *self.tables.refs.get(index as usize)?;
        let (code, rest) = self.message.get(at..)?.split_first()?;
        let (text, _) = raw::plain_text(*code, rest)?;
        // A reference has one byte and an index, and takes no index of its own.
        Some(PlainText { text, code: 0, len: 5, again: text.len() })
    }

    #[inline]
    fn took_text(&mut self, plain: &PlainText<'de>) -> Result<()> {
        if plain.again >= 64 {
            self.charge_bytes(plain.again)?;
        }
        self.took(plain.code, plain.len)
    }

    // The scalars that are most common, where they can be had without a detour.
    #[inline]
    fn quick(&mut self) -> Result<Option<Event<'de, 'static>>> {
        let Some((code, rest)) = self.plain() else { return Ok(None) };
        let is_key = self.at_field();
        let scalar = match code & !FLAG {
            _ if is_key => None,
            b'i' => rest.first_chunk().map(|v| (Event::I64(i32::from_le_bytes(*v).into()), code, 5)),
            b'g' => rest.first_chunk().map(|v| (Event::F64(f64::from_le_bytes(*v)), code, 9)),
            // These never take an index.
            b'N' => Some((Event::Null, 0, 1)),
            b'T' => Some((Event::Bool(true), 0, 1)),
            b'F' => Some((Event::Bool(false), 0, 1)),
            _ => None,
        };
        if let Some((event, code, len)) = scalar {
            self.took(code, len)?;
            return Ok(Some(event));
        }
        let Some(plain) = self.plain_text() else { return Ok(None) };
        self.took_text(&plain)?;
        let text = Text::Message(plain.text);
        Ok(Some(if is_key { Event::Key(text) } else { Event::Str(text) }))
    }

    // Counts a value in the container it lies in.
    #[inline]
    fn value_done(&mut self) {
        self.top.place = match self.top.place {
            place @ (Place::Item | Place::Member) => {
                self.top.left = self.top.left.saturating_sub(1);
                place
            }
            Place::MapKey => Place::MapValue,
            Place::MapValue => Place::MapKey,
            Place::ObjectKey => Place::ObjectValue,
            Place::ObjectValue => Place::ObjectKey,
            Place::Start | Place::Done => Place::Done,
        };
    }

    fn close(&mut self) {
        let Some(outer) = self.outer.pop() else { return };
        let inner = std::mem::replace(&mut self.top, outer);
        if !inner.place.is_counted() {
            self.pos += 1;
        }
        if let Some(resume) = inner.resume {
            self.pos = resume;
            self.again = self.again.saturating_sub(1);
        }
        self.budget.leave();
    }

    // Charges one value, and the content of what is read again.
    #[inline]
    fn charge(&mut self, raw: &Raw<'de>, resume: Option<usize>) -> Result<()> {
        self.budget.node()?;
        if self.again == 0 && resume.is_none() {
            return Ok(());
        }
        match raw {
            Raw::Bytes(b) | Raw::Utf8(b) | Raw::Interned(b) | Raw::Latin(b) => self.charge_bytes(b.len()),
            // Taken apart digit by digit.
            Raw::Long(v) => self.charge_bytes(v.size().saturating_mul(8)),
            _ => Ok(()),
        }
    }

    #[inline]
    fn charge_bytes(&mut self, len: usize) -> Result<()> {
        self.budget.many(u32::try_from(len / 64).unwrap_or(u32::MAX))
    }

    #[inline]
    fn enter(&mut self, frame: Frame) {
        self.outer.push(std::mem::replace(&mut self.top, frame));
    }

    fn open(&mut self, item: &Item<'de>, resume: Option<usize>, place: Place, left: u32) -> Result<()> {
        self.budget.enter()?;
        self.value_done();
        self.tables.enter(item);
        self.enter(Frame { place, left, at: item.at, resume });
        if self.hidden == 0 {
            if item.flagged && resume.is_none() && self.begun.last().is_none_or(|(at, _)| *at < item.at) {
                self.begun.push((item.at, self.ordinal));
            }
            self.ordinal = self.ordinal.wrapping_add(1);
        }
        self.again += u32::from(resume.is_some());
        self.pos = item.end;
        Ok(())
    }

    // A container that gives no event of its own.
    fn open_hidden(&mut self, item: &Item<'de>, resume: Option<usize>, named: &Named<'de>) -> Result<()> {
        self.hidden += 1;
        self.open_named(item, resume, named)
    }

    fn open_named(&mut self, item: &Item<'de>, resume: Option<usize>, named: &Named<'de>) -> Result<()> {
        self.open(item, resume, Place::ObjectKey, 0)?;
        self.tables.enter(&named.key);
        self.tables.enter(&named.value);
        self.pos = named.value.end;
        Ok(())
    }

    // An integer that is not in the shortest form.
    fn take_other_i64(&mut self) -> Result<Option<i64>> {
        match self.look()? {
            Next::Item(item @ Item { raw: Raw::Int(v), .. }, resume) if !self.at_field() => {
                self.budget.node()?;
                if resume.is_none() {
                    self.tables.enter(&item);
                }
                self.pos = resume.unwrap_or(item.end);
                self.value_done();
                Ok(Some(v))
            }
            _ => Ok(None),
        }
    }

    // Whether the key there can be `__class__`, judged by its length where that is at hand.
    #[inline]
    fn may_be_named(&self, mut at: usize) -> bool {
        let code = |at: usize| self.message.get(at).map(|code| code & !FLAG);
        if code(at) == Some(b'r') && self.tables.from == 0 {
            let index = self.message.get(at + 1..).and_then(<[u8]>::first_chunk).map(|i| u32::from_le_bytes(*i));
            at = index.and_then(|i| self.tables.refs.get(i as usize)).copied().unwrap_or(at);
        }
        let len = self.message.get(at + 1).map(|len| usize::from(*len));
        !matches!(code(at), Some(b'z' | b'Z')) || len == Some(CLASS_KEY.len())
    }

    // The class that a dict names by its first pair. Anything strange there makes it a plain map.
    fn named(&mut self, dict: &Item<'de>) -> Result<Option<Named<'de>>> {
        if !self.may_be_named(dict.end) {
            return Ok(None);
        }
        let Ok(key) = raw::item(self.message, dict.end) else { return Ok(None) };
        match self.stands_for(&key)? {
            Some(Raw::Utf8(b) | Raw::Latin(b) | Raw::Interned(b)) if b == CLASS_KEY.as_bytes() => {}
            _ => return Ok(None),
        }
        let Ok(value) = raw::item(self.message, key.end) else { return Ok(None) };
        let class = match self.stands_for(&value)? {
            // Python 2 writes the class as `str`.
            Some(Raw::Utf8(b) | Raw::Interned(b) | Raw::Bytes(b)) => std::str::from_utf8(b).ok().map(Cow::Borrowed),
            Some(Raw::Latin(b)) => Some(match std::str::from_utf8(b) {
                Ok(text) if b.is_ascii() => Cow::Borrowed(text),
                _ => Cow::Owned(b.iter().map(|b| char::from(*b)).collect()),
            }),
            _ => None,
        };
        Ok(class.map(|class| Named { class, key, value }))
    }

    // A scalar behind a reference; an index that is not there yet stands for nothing.
    fn stands_for(&mut self, item: &Item<'de>) -> Result<Option<Raw<'de>>> {
        match item.raw {
            Raw::Ref(index) => {
                self.complete_tables()?;
                let target = self.tables.refs.get(index as usize);
                Ok(target.and_then(|at| raw::item(self.message, *at).ok()).map(|item| item.raw))
            }
            Raw::StringRef(index) => {
                self.complete_tables()?;
                Ok(self.tables.strings.get(index as usize).map(|text| Raw::Interned(text)))
            }
            raw => Ok(Some(raw)),
        }
    }

    // Text of a scalar: `Ok(None)` where it is in `scratch`.
    #[inline]
    fn text(&mut self, raw: &Raw<'de>, at: usize) -> Result<Option<&'de str>> {
        match *raw {
            Raw::Latin(bytes) if !bytes.is_ascii() => {
                self.scratch.clear();
                self.scratch.extend(bytes.iter().map(|b| char::from(*b)));
                Ok(None)
            }
            Raw::Latin(bytes) | Raw::Utf8(bytes) | Raw::Interned(bytes) | Raw::Bytes(bytes) => {
                std::str::from_utf8(bytes).map(Some).map_err(|e| not_utf8(bytes, e.valid_up_to(), at))
            }
            _ => Err(no_field_name(at)),
        }
    }

    fn shown<'s>(scratch: &'s str, text: Option<&'de str>) -> Text<'de, 's> {
        match text {
            Some(text) => Text::Message(text),
            None => Text::Scratch(scratch),
        }
    }

    fn map(&mut self, item: &Item<'de>, resume: Option<usize>) -> Result<Event<'de, '_>> {
        let Some(named) = self.named(item)? else {
            self.open(item, resume, Place::MapKey, 0)?;
            return Ok(Event::Begin(Container::map(None)));
        };
        // One long name may be referred to by many dicts.
        self.charge_bytes(named.class.len())?;
        let class = special::classify(&named.class);
        if class == Class::Plain {
            self.open_named(item, resume, &named)?;
            let class = match named.class {
                Cow::Borrowed(class) => class,
                Cow::Owned(class) => {
                    self.scratch = class;
                    &self.scratch
                }
            };
            return Ok(Event::Begin(Container::object(class, None)));
        }
        self.open_hidden(item, resume, &named)?;
        let event = match class {
            Class::Remote => special::read_remote(self, &named.class).map(|remote| {
                self.remote = remote;
                None
            }),
            _ => special::read_number(self, &named.class).map(Some),
        };
        self.hidden = self.hidden.saturating_sub(1);
        Ok(match event? {
            None => Event::Remote(&self.remote),
            Some((re, _)) if class == Class::Float => Event::F64(re),
            Some((re, im)) => Event::Complex(re, im),
        })
    }

    #[inline]
    fn at_field(&self) -> bool {
        self.top.place == Place::ObjectKey
    }

    #[inline]
    fn at_end(&self) -> bool {
        self.top.is_full() || self.top.place.may_end() && self.message.get(self.pos).is_some_and(|b| b & !FLAG == b'0')
    }

    // One object that nobody wants: heads are checked, the content of texts is not, references are not followed.
    fn skip_item(&mut self) -> Result<()> {
        if self.top.is_full() {
            self.close();
            return Ok(());
        }
        let item = raw::item(self.message, self.pos)?;
        let (place, left) = match item.raw {
            Raw::End if self.top.place.may_end() => {
                self.close();
                return Ok(());
            }
            Raw::End => return Err(Error::malformed(self.pos, "expected a value, found the end of a dict")),
            Raw::List(_, len) => (Place::Item, len),
            Raw::Dict => (Place::MapKey, 0),
            _ => {
                self.budget.node()?;
                self.value_done();
                self.tables.enter(&item);
                self.pos = item.end;
                return Ok(());
            }
        };
        self.budget.enter()?;
        self.value_done();
        self.tables.enter(&item);
        self.enter(Frame { place, left, at: item.at, resume: None });
        self.pos = item.end;
        Ok(())
    }
}

impl<'de> Source<'de> for Decoder<'de> {
    fn peek(&mut self) -> Result<Kind> {
        let (item, _) = match self.look()? {
            Next::End => return Ok(Kind::End),
            Next::Back(..) if self.at_field() => return Err(no_field_name(self.pos)),
            Next::Back(..) => return Ok(Kind::Back),
            Next::Item(item, resume) => (item, resume),
        };
        if self.at_field() {
            return Ok(Kind::Key);
        }
        Ok(match item.raw {
            Raw::None => Kind::Null,
            Raw::Bool(_) => Kind::Bool,
            Raw::Int(_) | Raw::Long(_) => Kind::Int,
            Raw::Float(_) => Kind::Float,
            Raw::Complex(..) => Kind::Complex,
            Raw::Bytes(_) => Kind::Bytes,
            Raw::Interned(bytes) if is_python_2_bytes(bytes) => Kind::Bytes,
            Raw::Utf8(_) | Raw::Latin(_) | Raw::Interned(_) => Kind::Str,
            Raw::List(..) => Kind::List,
            Raw::Dict => match self.named(&item)?.map(|named| special::classify(&named.class)) {
                None => Kind::Map,
                Some(Class::Plain) => Kind::Object,
                Some(Class::Remote) => Kind::Remote,
                Some(Class::Float) => Kind::Float,
                Some(Class::Complex) => Kind::Complex,
            },
            Raw::End | Raw::Ref(_) | Raw::StringRef(_) | Raw::StopIteration | Raw::Ellipsis => {
                return Err(no_counterpart(&item));
            }
        })
    }

    fn next(&mut self) -> Result<Event<'de, '_>> {
        if let Some(event) = self.quick()? {
            return Ok(event);
        }
        let is_key = self.at_field();
        let (item, resume) = match self.look()? {
            Next::End => {
                self.close();
                return Ok(Event::End);
            }
            Next::Back(..) if is_key => return Err(no_field_name(self.pos)),
            Next::Back(ordinal, end) => {
                self.budget.node()?;
                self.value_done();
                self.pos = end;
                return Ok(Event::Back(ordinal));
            }
            Next::Item(item, resume) => (item, resume),
        };
        match item.raw {
            Raw::List(kind, len) if !is_key => {
                let place = if kind == ListKind::FrozenSet { Place::Member } else { Place::Item };
                self.open(&item, resume, place, len)?;
                return Ok(Event::Begin(Container::List { kind, type_name: None, len: Some(len as usize) }));
            }
            Raw::Dict if !is_key => return self.map(&item, resume),
            _ => {}
        }
        self.charge(&item.raw, resume)?;
        if resume.is_none() {
            self.tables.enter(&item);
        }
        self.pos = resume.unwrap_or(item.end);
        self.value_done();
        if is_key {
            let text = self.text(&item.raw, item.at)?;
            return Ok(Event::Key(Self::shown(&self.scratch, text)));
        }
        Ok(match item.raw {
            Raw::None => Event::Null,
            Raw::Bool(v) => Event::Bool(v),
            Raw::Int(v) => Event::I64(v),
            Raw::Long(v) => {
                self.big = v.to_big();
                Event::Big(&self.big)
            }
            Raw::Float(v) => Event::F64(v),
            Raw::Complex(re, im) => Event::Complex(re, im),
            Raw::Bytes(v) => Event::Bytes(Chunk::Message(v)),
            Raw::Interned(v) if is_python_2_bytes(v) => Event::Bytes(Chunk::Message(v)),
            Raw::Utf8(_) | Raw::Latin(_) | Raw::Interned(_) => {
                let text = self.text(&item.raw, item.at)?;
                Event::Str(Self::shown(&self.scratch, text))
            }
            _ => return Err(no_counterpart(&item)),
        })
    }

    fn skip(&mut self) -> Result<()> {
        if self.at_end() || self.is_complete() {
            return Err(Error::malformed(self.pos, "expected a value to pass over, found an end"));
        }
        let depth = self.outer.len();
        loop {
            self.skip_item()?;
            if self.outer.len() <= depth {
                return Ok(());
            }
        }
    }

    fn offset(&self) -> usize {
        self.pos
    }

    fn begun(&self) -> Option<u32> {
        Some(self.ordinal)
    }

    fn open_back(&mut self, n: u32) -> Result<Box<dyn Source<'de> + '_>> {
        let found = self.begun.binary_search_by_key(&n, |(_, ordinal)| *ordinal).ok().and_then(|i| self.begun.get(i));
        let Some(&(at, _)) = found else {
            return Err(Error::malformed(
                self.pos,
                format!("container {n} of this source is not one that can be read again"),
            ));
        };
        let mut inner = Decoder::new(self.message, at, self.budget).with_owner(self.owner);
        inner.tables = std::mem::take(&mut self.tables);
        inner.whole = self.whole;
        inner.again = 1;
        inner.ordinal = self.ordinal;
        Ok(Box::new(Again::new(inner, self)))
    }

    fn owner(&self) -> Option<&'de Bytes> {
        self.owner
    }

    fn take_i64(&mut self) -> Result<Option<i64>> {
        if let Some((code, rest)) = self.plain()
            && let (b'i', Some(v), false) = (code & !FLAG, rest.first_chunk(), self.at_field())
        {
            self.took(code, 5)?;
            return Ok(Some(i32::from_le_bytes(*v).into()));
        }
        self.take_other_i64()
    }

    fn take_null(&mut self) -> Result<bool> {
        let null = match self.plain() {
            Some((code, _)) if code & !FLAG != b'r' => code & !FLAG == b'N' && !self.at_field(),
            _ => self.peek()? == Kind::Null,
        };
        if null {
            self.next()?;
        }
        Ok(null)
    }

    fn take_text(&mut self) -> Result<Option<Text<'de, '_>>> {
        if let Some(plain) = self.plain_text() {
            self.took_text(&plain)?;
            return Ok(Some(Text::Message(plain.text)));
        }
        if !matches!(self.peek()?, Kind::Str | Kind::Key) {
            return Ok(None);
        }
        match self.next()? {
            Event::Str(text) | Event::Key(text) => Ok(Some(text)),
            _ => Ok(None),
        }
    }

    fn take_expected(&mut self, expected: &str) -> bool {
        self.plain_text().is_some_and(|plain| plain.text == expected && self.took_text(&plain).is_ok())
    }

    fn take_end(&mut self) -> Result<bool> {
        let end = self.at_end();
        if end {
            self.close();
        }
        Ok(end)
    }
}

#[cold]
fn no_counterpart(item: &Item<'_>) -> Error {
    let what = match item.raw {
        Raw::Ellipsis => "Python's Ellipsis has no counterpart here",
        Raw::StopIteration => "Python's class StopIteration has no counterpart here",
        _ => return Error::malformed(item.at, "expected a value"),
    };
    Error::new(ErrorKind::Mismatch, what).at(item.at)
}

#[cold]
fn no_field_name(at: usize) -> Error {
    Error::malformed(at, "expected text as an object's field name")
}

// Whether it is a lone surrogate that makes the bytes no UTF-8 at `bad`.
fn is_surrogate(bytes: &[u8], bad: usize) -> bool {
    matches!(bytes.get(bad..), Some([0xed, 0xa0..=0xbf, 0x80..=0xbf, ..]))
}

// Python 3 interns text only, Python 2 any `str`.
fn is_python_2_bytes(bytes: &[u8]) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => false,
        Err(e) => !is_surrogate(bytes, e.valid_up_to()),
    }
}

#[cold]
fn not_utf8(bytes: &[u8], bad: usize, at: usize) -> Error {
    let what = if is_surrogate(bytes, bad) {
        format!("text has a lone surrogate, which is no character, {bad} bytes in")
    } else {
        format!("text is not UTF-8 from its byte {bad} on")
    };
    Error::malformed(at, what)
}
