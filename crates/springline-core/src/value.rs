//! [`Value`]: any message as an owned tree, the lossless union of what the wires can say.

use bytes::Bytes;
use num_bigint::BigInt;
use num_traits::ToPrimitive;

use crate::event::{Container, Event, ListKind, Sink, Source};
use crate::{DateTime, Error, RemoteRef, Result};

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
    /// The container begun as the n-th of the same message: shared or cyclic data.
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
    pub fn read<'de>(source: &mut (impl Source<'de> + ?Sized)) -> Result<Self> {
        let offset = source.offset();
        let owner = source.owner();
        let container = match Self::scalar(source.next()?, owner) {
            Ok(value) => return Ok(value),
            Err(c) => c.ok_or_else(|| {
                Error::malformed(offset, "expected a value, found the end of a container or a field name")
            })?,
        };
        Self::read_container(source, container)
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
            Event::Bytes(b) => Self::Bytes(Bytes::copy_from_slice(b.get())),
            Event::DateTime(v) => Self::DateTime(v),
            Event::Remote(v) => Self::Remote(Box::new(v.clone())),
            Event::Back(n) => Self::Back(n),
            Event::Begin(c) => return Err(Some(Open::new(c))),
            Event::Key(_) | Event::End => return Err(None),
        })
    }

    fn read_container<'de>(source: &mut (impl Source<'de> + ?Sized), open: Open) -> Result<Self> {
        match open {
            Open::List(kind, type_name, len) => {
                let mut items = Vec::with_capacity(cautious(len, 64));
                while !source.take_end()? {
                    items.push(Self::read(source)?);
                }
                let list = match kind {
                    ListKind::List => Self::List(items),
                    ListKind::Tuple => Self::Tuple(items),
                    ListKind::Set => Self::Set(items),
                    ListKind::FrozenSet => Self::FrozenSet(items),
                };
                Ok(typed(type_name, list))
            }
            Open::Map(type_name, len) => {
                let mut pairs = Vec::with_capacity(cautious(len, 64));
                while !source.take_end()? {
                    let key = Self::read(source)?;
                    pairs.push((key, Self::read(source)?));
                }
                Ok(typed(type_name, Self::Map(pairs)))
            }
            Open::Object(class, len) => {
                let mut fields = Vec::with_capacity(cautious(len, 64));
                while !source.take_end()? {
                    let offset = source.offset();
                    let name = match source.take_text()? {
                        Some(name) => name.get().to_owned(),
                        None => return Err(Error::malformed(offset, "expected a field name")),
                    };
                    fields.push((name, Self::read(source)?));
                }
                Ok(Self::Object(Box::new(Object { class, fields })))
            }
        }
    }

    /// Writes the value into a sink.
    pub fn write(&self, sink: &mut (impl Sink + ?Sized)) -> Result<()> {
        self.write_as(sink, None)
    }

    fn write_as(&self, sink: &mut (impl Sink + ?Sized), type_name: Option<&str>) -> Result<()> {
        match self {
            Self::Null => sink.null(),
            Self::Bool(v) => sink.bool(*v),
            Self::I32(v) => sink.i32(*v),
            Self::I64(v) => sink.i64(*v),
            Self::Big(v) => sink.big(v),
            Self::F64(v) => sink.f64(*v),
            Self::Decimal(v) => sink.decimal(v),
            Self::Complex(re, im) => sink.complex(*re, *im),
            Self::Str(v) => sink.str(v),
            Self::Bytes(v) => sink.blob(v.clone()),
            Self::DateTime(v) => sink.datetime(v),
            Self::Remote(v) => sink.remote(v),
            Self::Back(n) => sink.back(*n),
            Self::List(v) => write_list(sink, ListKind::List, type_name, v),
            Self::Tuple(v) => write_list(sink, ListKind::Tuple, type_name, v),
            Self::Set(v) => write_list(sink, ListKind::Set, type_name, v),
            Self::FrozenSet(v) => write_list(sink, ListKind::FrozenSet, type_name, v),
            Self::Map(pairs) => {
                sink.begin(Container::Map { type_name, len: Some(pairs.len()) })?;
                for (k, v) in pairs {
                    k.write(sink)?;
                    v.write(sink)?;
                }
                sink.end()
            }
            Self::Object(o) => {
                sink.begin(Container::object(&o.class, Some(o.fields.len())))?;
                for (k, v) in &o.fields {
                    sink.key(k)?;
                    v.write(sink)?;
                }
                sink.end()
            }
            Self::Typed(t) => t.value.write_as(sink, Some(&t.type_name)),
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

fn write_list(sink: &mut (impl Sink + ?Sized), kind: ListKind, type_name: Option<&str>, v: &[Value]) -> Result<()> {
    sink.begin(Container::List { kind, type_name, len: Some(v.len()) })?;
    v.iter().try_for_each(|x| x.write(sink))?;
    sink.end()
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
