//! The two traits that codecs speak: [`Sink`] is written to, [`Source`] is read from.
//!
//! Serde is one adapter over them ([`ser`](crate::ser), [`de`](crate::de)), [`Value`](crate::Value) another,
//! and [`transcode`] joins a source to a sink without building a tree.

use bytes::Bytes;
use num_bigint::BigInt;

use crate::numbers::Numbers;
use crate::{DateTime, Error, ErrorKind, RemoteRef, Result};

/// The four ordered or unordered sequences that the wires tell apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// A list or array.
    #[default]
    List,
    /// A tuple.
    Tuple,
    /// A mutable set.
    Set,
    /// An immutable set.
    FrozenSet,
}

/// The start of a container, with what the wire knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container<'s> {
    /// A sequence: its items follow, then the end.
    List {
        /// Which of the four.
        kind: ListKind,
        /// The peer's name for the type (Hessian).
        type_name: Option<&'s str>,
        /// How many items, where known beforehand.
        len: Option<usize>,
    },
    /// A map: key, value, key, value, ... then the end. Keys are ordinary values.
    Map {
        /// The peer's name for the type (Hessian).
        type_name: Option<&'s str>,
        /// How many pairs, where known beforehand.
        len: Option<usize>,
    },
    /// An object with a class name: [`Event::Key`] and value, ... then the end.
    Object {
        /// The class, as the peer names it.
        class: &'s str,
        /// How many fields, where known beforehand.
        len: Option<usize>,
    },
}

impl<'s> Container<'s> {
    /// A list of unnamed type.
    #[must_use]
    pub fn list(len: Option<usize>) -> Self {
        Self::List { kind: ListKind::List, type_name: None, len }
    }

    /// A tuple.
    #[must_use]
    pub fn tuple(len: Option<usize>) -> Self {
        Self::List { kind: ListKind::Tuple, type_name: None, len }
    }

    /// A map of unnamed type.
    #[must_use]
    pub fn map(len: Option<usize>) -> Self {
        Self::Map { type_name: None, len }
    }

    /// An object of class `class`.
    #[must_use]
    pub fn object(class: &'s str, len: Option<usize>) -> Self {
        Self::Object { class, len }
    }

    /// Items, pairs or fields, where known beforehand.
    #[must_use]
    pub fn len(&self) -> Option<usize> {
        match *self {
            Self::List { len, .. } | Self::Map { len, .. } | Self::Object { len, .. } => len,
        }
    }

    /// Whether it is known to be empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }
}

/// What comes next in a [`Source`], without taking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Null, None.
    Null,
    /// A truth value.
    Bool,
    /// An integer of any size.
    Int,
    /// A floating point number.
    Float,
    /// A decimal number kept as text.
    Decimal,
    /// A complex number.
    Complex,
    /// Text.
    Str,
    /// Bytes.
    Bytes,
    /// A date, a time or both.
    DateTime,
    /// A reference to a remote object.
    Remote,
    /// A reference to a container seen before.
    Back,
    /// A list, tuple or set.
    List,
    /// A map.
    Map,
    /// An object.
    Object,
    /// A field's name inside an object.
    Key,
    /// The end of the innermost container.
    End,
}

impl Kind {
    /// How error messages call it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a bool",
            Self::Int => "an integer",
            Self::Float => "a float",
            Self::Decimal => "a decimal",
            Self::Complex => "a complex number",
            Self::Str => "a string",
            Self::Bytes => "bytes",
            Self::DateTime => "a date",
            Self::Remote => "a remote object",
            Self::Back => "a back reference",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Object => "an object",
            Self::Key => "a field name",
            Self::End => "the end of a container",
        }
    }
}

/// Text from a message: borrowed from it, or from the reader's scratch where it had to be unescaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'de, 's> {
    /// Lies in the message and lives as long.
    Message(&'de str),
    /// Lies in the reader until its next event.
    Scratch(&'s str),
}

impl Text<'_, '_> {
    /// The text, for as long as the event.
    #[must_use]
    pub fn get(&self) -> &str {
        match self {
            Self::Message(s) => s,
            Self::Scratch(s) => s,
        }
    }
}

/// Bytes from a message, borrowed as [`Text`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk<'de, 's> {
    /// Lies in the message and lives as long.
    Message(&'de [u8]),
    /// Lies in the reader until its next event.
    Scratch(&'s [u8]),
    /// Was put together by the reader, which lends it until its next event. A clone keeps it without a copy.
    Shared(&'s Bytes),
}

impl Chunk<'_, '_> {
    /// The bytes, for as long as the event.
    #[must_use]
    pub fn get(&self) -> &[u8] {
        match self {
            Self::Message(s) => s,
            Self::Scratch(s) => s,
            Self::Shared(s) => s,
        }
    }
}

/// One step of a message. `Copy`, so that adapters can match on it while the reader goes on.
#[derive(Clone, Copy, Debug)]
pub enum Event<'de, 's> {
    /// Null, None.
    Null,
    /// A truth value.
    Bool(bool),
    /// A 32-bit integer, from wires that tell it from a 64-bit one.
    I32(i32),
    /// An integer of up to 64 bits.
    I64(i64),
    /// An integer outside 64 bits.
    Big(&'s BigInt),
    /// A floating point number.
    F64(f64),
    /// A decimal number as text.
    Decimal(&'s str),
    /// A complex number: real and imaginary part.
    Complex(f64, f64),
    /// Text.
    Str(Text<'de, 's>),
    /// Bytes.
    Bytes(Chunk<'de, 's>),
    /// A date, a time or both.
    DateTime(DateTime),
    /// A reference to a remote object.
    Remote(&'s RemoteRef),
    /// The container that has this number in its source; see [`Source::begun`].
    Back(u32),
    /// A container begins.
    Begin(Container<'s>),
    /// The name of an object's next field.
    Key(Text<'de, 's>),
    /// The innermost container ends.
    End,
}

impl Event<'_, '_> {
    /// The kind of this event.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::I32(_) | Self::I64(_) | Self::Big(_) => Kind::Int,
            Self::F64(_) => Kind::Float,
            Self::Decimal(_) => Kind::Decimal,
            Self::Complex(..) => Kind::Complex,
            Self::Str(_) => Kind::Str,
            Self::Bytes(_) => Kind::Bytes,
            Self::DateTime(_) => Kind::DateTime,
            Self::Remote(_) => Kind::Remote,
            Self::Back(_) => Kind::Back,
            Self::Begin(Container::List { .. }) => Kind::List,
            Self::Begin(Container::Map { .. }) => Kind::Map,
            Self::Begin(Container::Object { .. }) => Kind::Object,
            Self::Key(_) => Kind::Key,
            Self::End => Kind::End,
        }
    }
}

/// Where values are written: every encoder, the [`Value`](crate::Value) builder and the tape.
///
/// Calls must form one value: a scalar, or `begin`, its content, `end`. What a format cannot express is an
/// [`ErrorKind::Encode`] error that names the type.
pub trait Sink {
    /// Null, None.
    fn null(&mut self) -> Result<()>;
    /// A truth value.
    fn bool(&mut self, v: bool) -> Result<()>;
    /// A 32-bit integer.
    fn i32(&mut self, v: i32) -> Result<()>;
    /// A 64-bit integer.
    fn i64(&mut self, v: i64) -> Result<()>;
    /// An integer of any size; use the others where it fits.
    fn big(&mut self, v: &BigInt) -> Result<()>;
    /// A floating point number.
    fn f64(&mut self, v: f64) -> Result<()>;
    /// Text.
    fn str(&mut self, v: &str) -> Result<()>;
    /// Bytes.
    fn bytes(&mut self, v: &[u8]) -> Result<()>;
    /// A date, a time or both.
    fn datetime(&mut self, v: &DateTime) -> Result<()>;
    /// A reference to a remote object.
    fn remote(&mut self, v: &RemoteRef) -> Result<()>;
    /// A container begins.
    fn begin(&mut self, c: Container<'_>) -> Result<()>;
    /// The name of an object's next field.
    fn key(&mut self, name: &str) -> Result<()>;
    /// The innermost container ends.
    fn end(&mut self) -> Result<()>;

    /// Bytes that the sink may keep by reference instead of copying.
    fn blob(&mut self, v: Bytes) -> Result<()> {
        self.bytes(&v)
    }

    /// An unsigned integer that may be over `i64::MAX`.
    fn u64(&mut self, v: u64) -> Result<()> {
        match i64::try_from(v) {
            Ok(v) => self.i64(v),
            Err(_) => self.big(&BigInt::from(v)),
        }
    }

    /// A decimal number as text. Formats without decimals write the text.
    fn decimal(&mut self, v: &str) -> Result<()> {
        self.str(v)
    }

    /// A variant without content of an enum that has this serde name. Formats without enums write the variant's name.
    fn variant(&mut self, enum_name: &str, variant: &str) -> Result<()> {
        let _ = enum_name;
        self.str(variant)
    }

    /// A complex number.
    fn complex(&mut self, re: f64, im: f64) -> Result<()> {
        let _ = (re, im);
        Err(Error::encode("this format has no complex numbers"))
    }

    /// Whether [`back`](Self::back) works. Where it does not, writers expand the reference.
    fn has_back(&self) -> bool {
        false
    }

    /// How many containers were begun, which is the number of the next one. Sinks with [`back`](Self::back) tell it.
    fn begun(&self) -> u32 {
        0
    }

    /// The container that was begun as the n-th of this sink, counted from 0.
    fn back(&mut self, n: u32) -> Result<()> {
        Err(Error::encode(format!("this format cannot refer back to container {n}")))
    }

    /// A run of integers as items of the open list.
    fn i64s(&mut self, v: &[i64]) -> Result<()> {
        v.iter().try_for_each(|&x| self.i64(x))
    }

    /// A run of floats as items of the open list.
    fn f64s(&mut self, v: &[f64]) -> Result<()> {
        v.iter().try_for_each(|&x| self.f64(x))
    }
}

/// A place in a source that [`Source::start_over`] can go back to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Bytes from the start of the message.
    pub offset: usize,
    /// The source's own affair.
    pub own: [u32; 3],
}

/// What [`Source::take_list`] and [`Source::take_map`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Something else, which was not taken.
    Other,
    /// The start of a container of so many items, pairs or fields.
    Known(usize),
    /// The start of a container whose length the wire does not tell beforehand.
    Unknown,
}

/// Where values are read from. The whole message is in memory; `'de` is its lifetime.
///
/// A source yields exactly one value: a scalar, or [`Event::Begin`], its content, [`Event::End`].
/// It charges its [`Budget`](crate::Budget) for every event and reports bad bytes with their offset.
/// A length that it tells at the start of a container is exact.
///
/// The `take_*` methods are short cuts that take one thing or nothing. Those that return no `Result` never fail: on bad
/// bytes too they take nothing, and `next` tells what is wrong.
pub trait Source<'de> {
    /// What [`next`](Self::next) would give. Cheap and repeatable.
    fn peek(&mut self) -> Result<Kind>;

    /// The next event.
    fn next(&mut self) -> Result<Event<'de, '_>>;

    /// Passes over one whole value (or one field's name), checking it as `next` would where the format needs that
    /// to find the end.
    fn skip(&mut self) -> Result<()>;

    /// Bytes read so far, counted from the start of the message.
    fn offset(&self) -> usize;

    /// The number of the container that begins next, for sources with back references. [`Event::Back`] goes by it.
    ///
    /// Numbers ascend. Whether containers that are skipped are counted is the source's affair.
    fn begun(&self) -> Option<u32> {
        None
    }

    /// Reads again what [`Event::Back`] pointed at, within the same budget.
    ///
    /// The source that it gives has either the numbers of this one, and begins with `n`, or new ones, which begin with
    /// the number of the container that would come next here.
    fn open_back(&mut self, n: u32) -> Result<Box<dyn Source<'de> + '_>> {
        Err(Error::malformed(self.offset(), format!("this format has no back references, yet one to {n} was met")))
    }

    /// The place where the next value begins, for [`start_over`](Self::start_over).
    fn mark(&self) -> Mark {
        Mark::default()
    }

    /// Goes back to `mark`, to give its value once more within the same budget, this time with only the last of the fields
    /// of a map that have the same name. `false` where the source cannot do that: it stays where it is.
    ///
    /// For wires on which a name that is there twice means its last value (XML-RPC). Readers of structs cannot take a
    /// field back, so they ask for this once they met one the second time.
    fn start_over(&mut self, mark: Mark) -> bool {
        let _ = mark;
        false
    }

    /// Whether a text may stand for bytes as well: Python 2's `str` is either.
    fn text_may_be_bytes(&self) -> bool {
        false
    }

    /// The buffer that `'de` borrows from, where blobs may be taken out of it without a copy.
    fn owner(&self) -> Option<&'de Bytes> {
        None
    }

    /// Takes an integer of up to 64 bits if one comes next, else takes nothing. A short cut past [`next`](Self::next);
    /// `None` is always a right answer.
    // No default takes anything: only the source itself sees an integer's size before it is taken.
    fn take_i64(&mut self) -> Result<Option<i64>> {
        Ok(None)
    }

    /// Takes a float if one comes next, else takes nothing. A short cut past [`next`](Self::next); `None` is always a right
    /// answer.
    fn take_f64(&mut self) -> Option<f64> {
        None
    }

    /// Takes a truth value if one comes next, else takes nothing. A short cut past [`next`](Self::next); `None` is always
    /// a right answer.
    fn take_bool(&mut self) -> Option<bool> {
        None
    }

    /// Takes a text (or a field's name) if one comes next that lies in the message as it is, else takes nothing. A short
    /// cut past [`take_text`](Self::take_text); `None` is always a right answer.
    fn take_str(&mut self) -> Option<&'de str> {
        None
    }

    /// Takes a text if one comes next that had to be put together, with its buffer, else takes nothing. For those who want
    /// to own it and asked [`take_str`](Self::take_str) before; `None` is always a right answer.
    fn take_string(&mut self) -> Option<String> {
        None
    }

    /// Takes a null if one comes next, else takes nothing. A short cut past [`next`](Self::next).
    fn take_null(&mut self) -> Result<bool> {
        if self.peek()? == Kind::Null {
            self.next()?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Takes a text (or a field's name) if one comes next, else takes nothing. A short cut past [`next`](Self::next).
    fn take_text(&mut self) -> Result<Option<Text<'de, '_>>> {
        if !matches!(self.peek()?, Kind::Str | Kind::Key) {
            return Ok(None);
        }
        match self.next()? {
            Event::Str(t) | Event::Key(t) => Ok(Some(t)),
            _ => Ok(None),
        }
    }

    /// Takes the start of a list, tuple or set if one comes next. A short cut past [`next`](Self::next), which tells more
    /// of it; [`Start::Other`] is always a right answer.
    fn take_list(&mut self) -> Start {
        Start::Other
    }

    /// Takes the start of a map or object if one comes next. A short cut past [`next`](Self::next), which tells more
    /// of it; [`Start::Other`] is always a right answer.
    fn take_map(&mut self) -> Start {
        Start::Other
    }

    /// Takes a text (or a field's name) if it comes next and is `expected`, else takes nothing.
    ///
    /// A guess of the adapter, which knows a struct's fields: comparing bytes is cheaper than reading text. `false` is
    /// always a right answer.
    #[inline]
    fn take_expected(&mut self, expected: &str) -> bool {
        let _ = expected;
        false
    }

    /// Takes the end of the innermost container if it comes next. A short cut past [`next`](Self::next).
    fn take_end(&mut self) -> Result<bool> {
        if self.peek()? == Kind::End {
            self.next()?;
            return Ok(true);
        }
        Ok(false)
    }
}

/// Writes one value from a source into a sink, without a tree in between.
///
/// Back references go through where the sink has them, under the sink's own numbers. They are expanded where it has not,
/// and where they point outside of the value; one that leads back to a container that is being expanded is an error.
pub fn transcode<'de>(source: &mut dyn Source<'de>, sink: &mut dyn Sink) -> Result<()> {
    let mut numbers = sink.has_back().then(Numbers::default);
    copy(source, sink, &mut numbers)
}

// Without numbers, references are expanded.
pub(crate) fn copy<'de, S: Sink + ?Sized>(
    source: &mut dyn Source<'de>,
    sink: &mut S,
    numbers: &mut Option<Numbers>,
) -> Result<()> {
    copy_within(source, sink, numbers, &mut Vec::new())
}

// `expanding`: what is being read again at the moment.
fn copy_within<'de, S: Sink + ?Sized>(
    source: &mut dyn Source<'de>,
    sink: &mut S,
    numbers: &mut Option<Numbers>,
    expanding: &mut Vec<u32>,
) -> Result<()> {
    let mut depth = 0usize;
    loop {
        let offset = source.offset();
        let owner = source.owner();
        let number = if numbers.is_some() { source.begun() } else { None };
        let event = source.next()?;
        match step(event, owner, sink).map_err(|e| e.at(offset))? {
            Step::Scalar => {}
            Step::Begin => {
                depth += 1;
                if let (Some(numbers), Some(from)) = (&mut *numbers, number) {
                    numbers.note(from, sink.begun().wrapping_sub(1));
                }
            }
            Step::End => {
                depth = depth.checked_sub(1).ok_or_else(|| Error::malformed(offset, "end without a container"))?;
            }
            Step::Back(n) => match numbers.as_ref().and_then(|numbers| numbers.get(n)) {
                Some(to) => sink.back(to).map_err(|e| e.at(offset))?,
                None => {
                    let to = sink.begun();
                    if expanding.contains(&n) {
                        let text = "the value contains itself: this format cannot refer back";
                        return Err(Error::encode(text).at(offset));
                    }
                    expanding.push(n);
                    copy_within(&mut *source.open_back(n)?, sink, numbers, expanding)?;
                    expanding.pop();
                    if let Some(numbers) = numbers {
                        numbers.note(n, to);
                    }
                }
            },
        }
        if depth == 0 {
            return Ok(());
        }
    }
}

enum Step {
    Scalar,
    Begin,
    End,
    Back(u32),
}

fn step<S: Sink + ?Sized>(event: Event<'_, '_>, owner: Option<&Bytes>, sink: &mut S) -> Result<Step> {
    match event {
        Event::Null => sink.null()?,
        Event::Bool(v) => sink.bool(v)?,
        Event::I32(v) => sink.i32(v)?,
        Event::I64(v) => sink.i64(v)?,
        Event::Big(v) => sink.big(v)?,
        Event::F64(v) => sink.f64(v)?,
        Event::Decimal(v) => sink.decimal(v)?,
        Event::Complex(re, im) => sink.complex(re, im)?,
        Event::Str(v) => sink.str(v.get())?,
        Event::Bytes(Chunk::Message(b)) => match owner {
            Some(owner) => sink.blob(owner.slice_ref(b))?,
            None => sink.bytes(b)?,
        },
        Event::Bytes(Chunk::Scratch(b)) => sink.bytes(b)?,
        Event::Bytes(Chunk::Shared(b)) => sink.blob(b.clone())?,
        Event::DateTime(v) => sink.datetime(&v)?,
        Event::Remote(v) => sink.remote(v)?,
        Event::Back(n) => return Ok(Step::Back(n)),
        Event::Begin(c) => {
            sink.begin(c)?;
            return Ok(Step::Begin);
        }
        Event::Key(k) => sink.key(k.get())?,
        Event::End => {
            sink.end()?;
            return Ok(Step::End);
        }
    }
    Ok(Step::Scalar)
}

/// The error for an event that the reader of a typed value did not expect.
#[cold]
#[must_use]
pub fn unexpected(found: Kind, expected: &str, offset: usize) -> Error {
    Error::new(ErrorKind::Mismatch, format!("expected {expected}, found {}", found.label())).at(offset)
}
