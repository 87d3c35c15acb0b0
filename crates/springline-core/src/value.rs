//! [`Value`]: any message as an owned tree, the lossless union of what the wires can say.

use bytes::Bytes;
use num_bigint::BigInt;
use num_traits::ToPrimitive;

use crate::event::{Container, Event, ListKind, Sink, Source, copy};
use crate::numbers::Numbers;
use crate::value_source::ValueSource;
use crate::{Budget, DateTime, Error, RemoteRef, Result};

/// Any value of any wire, owned.
///
/// ```
/// use springline_core::Value;
/// let v = Value::from(vec![Value::from(1), Value::from("two")]);
/// assert_eq!(v.get(1).and_then(Value::as_str), Some("two"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Null, None.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// A 32-bit integer, on wires that tell it from a 64-bit one. Python has one kind of integer: it reads as `I64`.
    I32(i32),
    /// An integer of up to 64 bits.
    I64(i64),
    /// An integer outside 64 bits.
    Big(Box<BigInt>),
    /// A floating point number.
    F64(f64),
    /// A decimal number as text.
    Decimal(String),
    /// A complex number.
    Complex(f64, f64),
    /// Text.
    Str(String),
    /// Bytes.
    Bytes(Bytes),
    /// A date, a time or both.
    DateTime(DateTime),
    /// A reference to a remote object.
    Remote(Box<RemoteRef>),
    /// The container begun as the n-th of the whole value, counted from 0 and before this place: shared or cyclic data.
    ///
    /// A part that is taken out of the value loses what this points at; [`Value::read_tree`] gives copies in its place.
    Back(u32),
    /// A list or array.
    List(Vec<Value>),
    /// A tuple.
    Tuple(Vec<Value>),
    /// A mutable set, in wire order.
    Set(Vec<Value>),
    /// An immutable set, in wire order.
    FrozenSet(Vec<Value>),
    /// A map with any keys, in wire order, duplicates kept.
    Map(Vec<(Value, Value)>),
    /// An object with a class name.
    Object(Box<Object>),
    /// A list or map that the wire gives a type name.
    Typed(Box<Typed>),
}

/// An object: a class name and named fields in wire order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object {
    /// The class, as the peer names it.
    pub class: String,
    /// The fields.
    pub fields: Vec<(String, Value)>,
}

/// A list or map with a type name (Hessian).
#[derive(Clone, Debug, PartialEq)]
pub struct Typed {
    /// The peer's name of the type.
    pub type_name: String,
    /// A `List` or a `Map`.
    pub value: Value,
}

impl Value {
    /// An object of class `class`.
    pub fn object(class: impl Into<String>, fields: Vec<(String, Value)>) -> Self {
        Self::Object(Box::new(Object { class: class.into(), fields }))
    }

    /// The text, of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(s) => Some(s),
            _ => None,
        }
    }

    /// The number, of an integer of up to 64 bits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::I32(v) => Some((*v).into()),
            Self::I64(v) => Some(*v),
            Self::Big(v) => v.to_i64(),
            _ => None,
        }
    }

    /// The number, of a float or an integer.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::F64(v) => Some(*v),
            Self::I32(v) => Some((*v).into()),
            Self::I64(v) => Some(*v as f64),
            Self::Big(v) => v.to_f64(),
            _ => None,
        }
    }

    /// The truth value, of a bool.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(v) => Some(*v),
            _ => None,
        }
    }

    /// The bytes, of bytes.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Bytes(v) => Some(v),
            _ => None,
        }
    }

    /// The items, of any kind of list, tuple or set.
    #[must_use]
    pub fn as_items(&self) -> Option<&[Value]> {
        match self {
            Self::List(v) | Self::Tuple(v) | Self::Set(v) | Self::FrozenSet(v) => Some(v),
            Self::Typed(t) => t.value.as_items(),
            _ => None,
        }
    }

    /// The pairs, of a map.
    #[must_use]
    pub fn as_pairs(&self) -> Option<&[(Value, Value)]> {
        match self {
            Self::Map(v) => Some(v),
            Self::Typed(t) => t.value.as_pairs(),
            _ => None,
        }
    }

    /// Whether it is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The n-th item of a list, tuple or set.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Value> {
        self.as_items()?.get(index)
    }

    /// The field of an object, or the value of a text key in a map (the last, if there are several).
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(o) => o.fields.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v),
            _ => self.as_pairs()?.iter().rev().find(|(k, _)| k.as_str() == Some(name)).map(|(_, v)| v),
        }
    }

    /// The class name of an object, also of a map that names one by Python's `__class__` key.
    #[must_use]
    pub fn class(&self) -> Option<&str> {
        match self {
            Self::Object(o) => Some(&o.class),
            Self::Map(_) => self.field("__class__")?.as_str(),
            _ => None,
        }
    }

    /// Reads one value from a source.
    ///
    /// References to containers of this value are kept, under the value's own numbers; what those to others point at
    /// is read again in their place, within the source's budget.
    pub fn read<'de>(source: &mut (impl Source<'de> + ?Sized)) -> Result<Self> {
        Reader { numbers: Some(Numbers::default()), begun: 0 }.value(source)
    }

    /// Reads one value from a source, with copies in the place of all back references, so that it can be taken apart.
    /// A cycle runs into the source's limits of depth or nodes.
    pub fn read_tree<'de>(source: &mut (impl Source<'de> + ?Sized)) -> Result<Self> {
        Reader { numbers: None, begun: 0 }.value(source)
    }

    /// Whether there is a [`Back`](Self::Back) in it.
    #[must_use]
    pub fn refers_back(&self) -> bool {
        match self {
            Self::Back(_) => true,
            Self::List(v) | Self::Tuple(v) | Self::Set(v) | Self::FrozenSet(v) => v.iter().any(Self::refers_back),
            Self::Map(pairs) => pairs.iter().any(|(k, v)| k.refers_back() || v.refers_back()),
            Self::Object(o) => o.fields.iter().any(|(_, v)| v.refers_back()),
            Self::Typed(t) => t.value.refers_back(),
            _ => false,
        }
    }

    // Ok for what is whole, Err for the start of a container, Err(None) for what is no value.
    fn scalar(event: Event<'_, '_>, owner: Option<&Bytes>) -> Result<Self, Option<Open>> {
        Ok(match event {
            Event::Null => Self::Null,
            Event::Bool(v) => Self::Bool(v),
            Event::I32(v) => Self::I32(v),
            Event::I64(v) => Self::I64(v),
            Event::Big(v) => Self::Big(Box::new(v.clone())),
            Event::F64(v) => Self::F64(v),
            Event::Decimal(v) => Self::Decimal(v.to_owned()),
            Event::Complex(re, im) => Self::Complex(re, im),
            Event::Str(v) => Self::Str(v.get().to_owned()),
            Event::Bytes(crate::Chunk::Message(b)) => {
                // Small pieces are copied, so that a few bytes do not hold on to a whole message.
                Self::Bytes(match owner {
                    Some(owner) if b.len() >= 4096 => owner.slice_ref(b),
                    _ => Bytes::copy_from_slice(b),
                })
            }
            Event::Bytes(crate::Chunk::Shared(b)) => Self::Bytes(b.clone()),
            Event::Bytes(b) => Self::Bytes(Bytes::copy_from_slice(b.get())),
            Event::DateTime(v) => Self::DateTime(v),
            Event::Remote(v) => Self::Remote(Box::new(v.clone())),
            Event::Back(n) => Self::Back(n),
            Event::Begin(c) => return Err(Some(Open::new(c))),
            Event::Key(_) | Event::End => return Err(None),
        })
    }

    /// Writes the value into a sink. Where the sink has no back references, what they point at is written in their
    /// place, within the default limits of depth and nodes.
    ///
    /// # Errors
    /// [`ErrorKind::Encode`](crate::ErrorKind::Encode) for a reference to a container that does not begin before it, and
    /// for a value that contains itself where the sink has no references.
    pub fn write(&self, sink: &mut (impl Sink + ?Sized)) -> Result<()> {
        let base = sink.has_back().then(|| sink.begun());
        Writer { root: self, base, begun: 0, open: Vec::new(), again: None }.value(self, None, sink)
    }
}

// Reads one value. Without numbers, references become copies.
struct Reader {
    numbers: Option<Numbers>,
    begun: u32,
}

impl Reader {
    fn value<'de, S: Source<'de> + ?Sized>(&mut self, source: &mut S) -> Result<Value> {
        let offset = source.offset();
        let owner = source.owner();
        let number = source.begun();
        match Value::scalar(source.next()?, owner) {
            Ok(Value::Back(n)) => self.back(source, n),
            Ok(value) => Ok(value),
            Err(Some(open)) => {
                if let (Some(numbers), Some(number)) = (&mut self.numbers, number) {
                    numbers.note(number, self.begun);
                }
                self.begun = self.begun.saturating_add(1);
                self.content(source, open)
            }
            Err(None) => {
                Err(Error::malformed(offset, "expected a value, found the end of a container or a field name"))
            }
        }
    }

    #[cold]
    fn back<'de, S: Source<'de> + ?Sized>(&mut self, source: &mut S, n: u32) -> Result<Value> {
        if let Some(number) = self.numbers.as_ref().and_then(|numbers| numbers.get(n)) {
            return Ok(Value::Back(number));
        }
        let number = self.begun;
        let value = self.value(&mut *source.open_back(n)?)?;
        if let Some(numbers) = &mut self.numbers {
            numbers.note(n, number);
        }
        Ok(value)
    }

    fn content<'de, S: Source<'de> + ?Sized>(&mut self, source: &mut S, open: Open) -> Result<Value> {
        match open {
            Open::List(kind, type_name, len) => {
                let mut items = Vec::with_capacity(cautious(len, 64));
                while !source.take_end()? {
                    items.push(self.value(source)?);
                }
                let list = match kind {
                    ListKind::List => Value::List(items),
                    ListKind::Tuple => Value::Tuple(items),
                    ListKind::Set => Value::Set(items),
                    ListKind::FrozenSet => Value::FrozenSet(items),
                };
                Ok(typed(type_name, list))
            }
            Open::Map(type_name, len) => {
                let mut pairs = Vec::with_capacity(cautious(len, 64));
                while !source.take_end()? {
                    let key = self.value(source)?;
                    pairs.push((key, self.value(source)?));
                }
                Ok(typed(type_name, Value::Map(pairs)))
            }
            Open::Object(class, len) => {
                let mut fields = Vec::with_capacity(cautious(len, 64));
                while !source.take_end()? {
                    let offset = source.offset();
                    let name = match source.take_text()? {
                        Some(name) => name.get().to_owned(),
                        None => return Err(Error::malformed(offset, "expected a field name")),
                    };
                    fields.push((name, self.value(source)?));
                }
                Ok(Value::Object(Box::new(Object { class, fields })))
            }
        }
    }
}

// Writes one value.
struct Writer<'v> {
    root: &'v Value,
    // The sink's number of the root's first container, where it has back references.
    base: Option<u32>,
    begun: u32,
    // The containers that are open, where the sink has no references: one to any of them would never end.
    open: Vec<u32>,
    // Gives what is referred to where the sink has none, all of it within one budget.
    again: Option<ValueSource<'v>>,
}

impl<'v> Writer<'v> {
    fn value<S: Sink + ?Sized>(&mut self, value: &'v Value, type_name: Option<&str>, sink: &mut S) -> Result<()> {
        match value {
            Value::Null => sink.null(),
            Value::Bool(v) => sink.bool(*v),
            Value::I32(v) => sink.i32(*v),
            Value::I64(v) => sink.i64(*v),
            Value::Big(v) => sink.big(v),
            Value::F64(v) => sink.f64(*v),
            Value::Decimal(v) => sink.decimal(v),
            Value::Complex(re, im) => sink.complex(*re, *im),
            Value::Str(v) => sink.str(v),
            Value::Bytes(v) => sink.blob(v.clone()),
            Value::DateTime(v) => sink.datetime(v),
            Value::Remote(v) => sink.remote(v),
            Value::Back(n) => self.back(*n, sink),
            Value::List(v) => self.list(ListKind::List, type_name, v, sink),
            Value::Tuple(v) => self.list(ListKind::Tuple, type_name, v, sink),
            Value::Set(v) => self.list(ListKind::Set, type_name, v, sink),
            Value::FrozenSet(v) => self.list(ListKind::FrozenSet, type_name, v, sink),
            Value::Map(pairs) => {
                self.begin(Container::Map { type_name, len: Some(pairs.len()) }, sink)?;
                for (k, v) in pairs {
                    self.value(k, None, sink)?;
                    self.value(v, None, sink)?;
                }
                self.end(sink)
            }
            Value::Object(o) => {
                self.begin(Container::object(&o.class, Some(o.fields.len())), sink)?;
                for (k, v) in &o.fields {
                    sink.key(k)?;
                    self.value(v, None, sink)?;
                }
                self.end(sink)
            }
            Value::Typed(t) => self.value(&t.value, Some(&t.type_name), sink),
        }
    }

    fn begin<S: Sink + ?Sized>(&mut self, container: Container<'_>, sink: &mut S) -> Result<()> {
        if self.base.is_none() {
            self.open.push(self.begun);
        }
        self.begun = self.begun.saturating_add(1);
        sink.begin(container)
    }

    fn end<S: Sink + ?Sized>(&mut self, sink: &mut S) -> Result<()> {
        self.open.pop();
        sink.end()
    }

    fn list<S: Sink + ?Sized>(
        &mut self,
        kind: ListKind,
        type_name: Option<&str>,
        items: &'v [Value],
        sink: &mut S,
    ) -> Result<()> {
        self.begin(Container::List { kind, type_name, len: Some(items.len()) }, sink)?;
        items.iter().try_for_each(|x| self.value(x, None, sink))?;
        self.end(sink)
    }

    #[cold]
    fn back<S: Sink + ?Sized>(&mut self, n: u32, sink: &mut S) -> Result<()> {
        if n >= self.begun {
            let before = self.begun;
            let message = format!("cannot refer back to container {n} where only {before} of the value began");
            return Err(Error::encode(message));
        }
        match self.base {
            Some(base) => sink.back(base.saturating_add(n)),
            None if self.open.contains(&n) => {
                Err(Error::encode(format!("the value contains itself (container {n}): this format cannot refer back")))
            }
            None => {
                let root = self.root;
                let again = self.again.get_or_insert_with(|| ValueSource::new(root, Budget::default()));
                copy(&mut *again.open_back(n)?, sink, &mut None)
            }
        }
    }
}

// A container's start, owned, so that the event's borrow ends before its content is read.
enum Open {
    List(ListKind, Option<String>, Option<usize>),
    Map(Option<String>, Option<usize>),
    Object(String, Option<usize>),
}

impl Open {
    fn new(c: Container<'_>) -> Self {
        match c {
            Container::List { kind, type_name, len } => Self::List(kind, type_name.map(str::to_owned), len),
            Container::Map { type_name, len } => Self::Map(type_name.map(str::to_owned), len),
            Container::Object { class, len } => Self::Object(class.to_owned(), len),
        }
    }
}

fn typed(type_name: Option<String>, value: Value) -> Value {
    match type_name {
        Some(type_name) => Value::Typed(Box::new(Typed { type_name, value })),
        None => value,
    }
}

/// A capacity to reserve for a claimed length: never more than `most`, whatever the peer says.
#[must_use]
pub fn cautious(len: Option<usize>, most: usize) -> usize {
    len.unwrap_or(0).min(most)
}

macro_rules! from {
    ($($t:ty => |$v:ident| $e:expr),* $(,)?) => {$(
        impl From<$t> for Value {
            fn from($v: $t) -> Self {
                $e
            }
        }
    )*};
}

from! {
    bool => |v| Self::Bool(v),
    i8 => |v| Self::I32(v.into()),
    i16 => |v| Self::I32(v.into()),
    i32 => |v| Self::I32(v),
    u8 => |v| Self::I32(v.into()),
    u16 => |v| Self::I32(v.into()),
    u32 => |v| Self::I64(v.into()),
    i64 => |v| Self::I64(v),
    u64 => |v| i64::try_from(v).map_or_else(|_| Self::Big(Box::new(v.into())), Self::I64),
    BigInt => |v| v.to_i64().map_or_else(|| Self::Big(Box::new(v)), Self::I64),
    f32 => |v| Self::F64(v.into()),
    f64 => |v| Self::F64(v),
    &str => |v| Self::Str(v.to_owned()),
    String => |v| Self::Str(v),
    Bytes => |v| Self::Bytes(v),
    DateTime => |v| Self::DateTime(v),
    RemoteRef => |v| Self::Remote(Box::new(v)),
    Vec<Value> => |v| Self::List(v),
    Vec<(Value, Value)> => |v| Self::Map(v),
    () => |_v| Self::Null,
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(v: Option<T>) -> Self {
        v.map_or(Self::Null, Into::into)
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(iter: I) -> Self {
        Self::List(iter.into_iter().collect())
    }
}
