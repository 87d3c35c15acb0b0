//! How the types that serde has no word for cross it: sets, dates, big integers, blobs, remote references, [`Value`].
//!
//! Each travels as a newtype struct with a private name. Our adapters know the names; any other serde format sees
//! the plain content (a set as a list, a date as ISO text), so the same structs can be printed as JSON.
//! What must not be taken apart (a whole `Value`, a `Bytes` handle) is passed by hand through a thread-local slot
//! that is filled immediately before and emptied immediately after the one call that carries it.

use std::cell::RefCell;
use std::fmt;

use bytes::Bytes;
use num_bigint::BigInt;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::event::{ListKind, Sink};
use crate::ser::{self, to_sink};
use crate::{DateTime, RemoteRef, Result, Value};

/// The private names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A list of that kind; content: a sequence.
    List(ListKind),
    /// Whatever is in the slot, else the content as it is.
    Slot,
}

pub(crate) const VALUE: &str = "$springline::Value";
pub(crate) const BLOB: &str = "$springline::Blob";
const SLOT: &str = "$springline::Slot";
const TUPLE: &str = "$springline::Tuple";
const SET: &str = "$springline::Set";
const FROZEN_SET: &str = "$springline::FrozenSet";

impl Token {
    #[inline]
    pub(crate) fn of(name: &str) -> Option<Self> {
        if name.as_bytes().first() != Some(&b'$') {
            return None;
        }
        Some(match name {
            TUPLE => Self::List(ListKind::Tuple),
            SET => Self::List(ListKind::Set),
            FROZEN_SET => Self::List(ListKind::FrozenSet),
            SLOT | VALUE | BLOB => Self::Slot,
            _ => return None,
        })
    }
}

thread_local! {
    static HANDOVER: RefCell<Option<Value>> = const { RefCell::new(None) };
}

/// Puts a value where the next visitor or serializer of a private name takes it.
pub(crate) fn hand_over(value: Value) {
    HANDOVER.with(|slot| *slot.borrow_mut() = Some(value));
}

/// Takes what was handed over.
pub(crate) fn take_over() -> Option<Value> {
    HANDOVER.with(|slot| slot.borrow_mut().take())
}

/// Writes the content of a private newtype.
pub(crate) fn write<T: Serialize + ?Sized, S: Sink + ?Sized>(token: Token, value: &T, sink: &mut S) -> Result<()> {
    match token {
        Token::List(kind) => value.serialize(ser::Serializer::of_kind(sink, kind)),
        Token::Slot => match take_over() {
            Some(value) => value.write(sink),
            None => to_sink(value, sink),
        },
    }
}

// A visitor that takes a whole Value: from the slot in our adapter, piece by piece in any other format.
struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        match take_over() {
            Some(value) => Ok(value),
            None => d.deserialize_any(self),
        }
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        Value::deserialize(d)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_i128<E>(self, v: i128) -> Result<Value, E> {
        Ok(BigInt::from(v).into())
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_u128<E>(self, v: u128) -> Result<Value, E> {
        Ok(BigInt::from(v).into())
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_bytes<E>(self, v: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(Bytes::copy_from_slice(v)))
    }

    fn visit_byte_buf<E>(self, v: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(v.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Value::Map(pairs))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_newtype_struct(VALUE, ValueVisitor)
    }
}

impl Serialize for Value {
    /// Losslessly into Springline's codecs; any other format gets the plain content.
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        // References count from the value's start: such a value must not be taken apart.
        if self.refers_back() { handed(self, s, &Part(self)) } else { Part(self).serialize(s) }
    }
}

/// A value without references, or for a format that does not know them.
struct Part<'a>(&'a Value);

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let Self(value) = *self;
        match value {
            Value::Null => s.serialize_unit(),
            Value::Bool(v) => s.serialize_bool(*v),
            Value::I32(v) => s.serialize_i32(*v),
            Value::I64(v) => s.serialize_i64(*v),
            Value::F64(v) => s.serialize_f64(*v),
            Value::Str(v) => s.serialize_str(v),
            Value::List(v) => seq(v, s),
            Value::Tuple(v) => s.serialize_newtype_struct(TUPLE, &Items(v)),
            Value::Set(v) => s.serialize_newtype_struct(SET, &Items(v)),
            Value::FrozenSet(v) => s.serialize_newtype_struct(FROZEN_SET, &Items(v)),
            Value::Map(pairs) => {
                let mut map = s.serialize_map(Some(pairs.len()))?;
                for (k, v) in pairs {
                    map.serialize_entry(&Part(k), &Part(v))?;
                }
                map.end()
            }
            Value::Back(n) => s.serialize_u32(*n),
            // The rest is rare: handed over whole, with the plain form for foreign formats.
            Value::Bytes(v) => handed(value, s, v.as_ref()),
            Value::Big(v) => handed(value, s, &v.to_string()),
            Value::Decimal(v) => handed(value, s, v),
            Value::Complex(re, im) => handed(value, s, &(re, im)),
            Value::DateTime(v) => handed(value, s, &v.to_string()),
            Value::Remote(v) => handed(value, s, &v.uri),
            Value::Object(o) => handed(value, s, &Fields(&o.class, &o.fields)),
            Value::Typed(t) => handed(value, s, &Part(&t.value)),
        }
    }
}

fn handed<S: Serializer, T: Serialize + ?Sized>(value: &Value, s: S, plain: &T) -> Result<S::Ok, S::Error> {
    hand_over(value.clone());
    let done = s.serialize_newtype_struct(SLOT, plain);
    take_over(); // a foreign format left it there
    done
}

fn seq<S: Serializer>(items: &[Value], s: S) -> Result<S::Ok, S::Error> {
    let mut seq = s.serialize_seq(Some(items.len()))?;
    for item in items {
        seq.serialize_element(&Part(item))?;
    }
    seq.end()
}

struct Items<'a>(&'a [Value]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        seq(self.0, s)
    }
}

struct Fields<'a>(&'a str, &'a [(String, Value)]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(self.1.len() + 1))?;
        map.serialize_entry("__class__", self.0)?;
        for (k, v) in self.1 {
            map.serialize_entry(k, &Part(v))?;
        }
        map.end()
    }
}

/// Bytes that travel as bytes, without a copy where the buffers allow: out by reference, in as a slice of the message.
/// Text in ASCII is read as well: from Python 2, which has one type for both.
///
/// ```
/// let blob = springline_core::Blob::from(vec![1, 2, 3]);
/// assert_eq!(blob.len(), 3);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Blob(pub Bytes);

impl<T: Into<Bytes>> From<T> for Blob {
    fn from(v: T) -> Self {
        Self(v.into())
    }
}

impl std::ops::Deref for Blob {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.0
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        hand_over(Value::Bytes(self.0.clone()));
        let done = s.serialize_newtype_struct(BLOB, &Raw(&self.0));
        take_over();
        done
    }
}

struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(self.0)
    }
}

struct BlobVisitor;

impl<'de> Visitor<'de> for BlobVisitor {
    type Value = Blob;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Blob, D::Error> {
        match take_over() {
            Some(Value::Bytes(b)) => Ok(Blob(b)),
            _ => d.deserialize_bytes(self),
        }
    }

    fn visit_bytes<E>(self, v: &[u8]) -> Result<Blob, E> {
        Ok(Blob(Bytes::copy_from_slice(v)))
    }

    // Python 2 has one type for bytes and texts: behind a gateway its bytes are text where they can be. Beyond ASCII
    // nobody knows what bytes the text was made of: its serpent takes each for a character.
    fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Blob, E> {
        if !v.is_ascii() {
            return Err(E::invalid_type(serde::de::Unexpected::Other("text that is not ASCII"), &self));
        }
        Ok(Blob(Bytes::copy_from_slice(v.as_bytes())))
    }

    fn visit_byte_buf<E>(self, v: Vec<u8>) -> Result<Blob, E> {
        Ok(Blob(v.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Blob, A::Error> {
        let mut bytes = Vec::new();
        while let Some(b) = seq.next_element()? {
            bytes.push(b);
        }
        Ok(Blob(bytes.into()))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_newtype_struct(BLOB, BlobVisitor)
    }
}

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Value::DateTime(*self).serialize(s)
    }
}

impl<'de> Deserialize<'de> for DateTime {
    /// From a date of the wire, or from ISO text.
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match Value::deserialize(d)? {
            Value::DateTime(v) => Ok(v),
            Value::Str(text) => Self::parse(&text).map_err(|e| D::Error::custom(e.message())),
            other => Err(wrong("a date or time", &other)),
        }
    }
}

impl Serialize for RemoteRef {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Value::Remote(Box::new(self.clone())).serialize(s)
    }
}

impl<'de> Deserialize<'de> for RemoteRef {
    /// From a reference of the wire, or from the text of a URI.
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match Value::deserialize(d)? {
            Value::Remote(v) => Ok(*v),
            Value::Str(uri) => Ok(Self::uri(uri)),
            other => Err(wrong("a remote object", &other)),
        }
    }
}

fn wrong<E: serde::de::Error>(expected: &str, found: &Value) -> E {
    let mut text = format!("{found:?}");
    if text.len() > 60 {
        text.truncate((0..=60).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0));
        text.push_str("...");
    }
    E::custom(format_args!("expected {expected}, found {text}"))
}

/// An integer of any size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Integer(pub BigInt);

impl Serialize for Integer {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Value::from(self.0.clone()).serialize(s)
    }
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match Value::deserialize(d)? {
            Value::I32(v) => Ok(Self(v.into())),
            Value::I64(v) => Ok(Self(v.into())),
            Value::Big(v) => Ok(Self(*v)),
            Value::Str(text) => text.parse().map(Self).map_err(D::Error::custom),
            other => Err(wrong("an integer", &other)),
        }
    }
}

/// A decimal number as its text, such as `1.50`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Decimal(pub String);

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Value::Decimal(self.0.clone()).serialize(s)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    /// From a decimal, text (which is how Pyro's serializers send one) or a number.
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match Value::deserialize(d)? {
            Value::Decimal(v) | Value::Str(v) => Ok(Self(v)),
            Value::I32(v) => Ok(Self(v.to_string())),
            Value::I64(v) => Ok(Self(v.to_string())),
            Value::Big(v) => Ok(Self(v.to_string())),
            Value::F64(v) => Ok(Self(v.to_string())),
            other => Err(wrong("a decimal number", &other)),
        }
    }
}

/// A complex number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Complex {
    /// Real part.
    pub re: f64,
    /// Imaginary part.
    pub im: f64,
}

impl Serialize for Complex {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Value::Complex(self.re, self.im).serialize(s)
    }
}

impl<'de> Deserialize<'de> for Complex {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(d)?;
        match (&value, value.as_f64()) {
            (Value::Complex(re, im), _) => Ok(Self { re: *re, im: *im }),
            (_, Some(re)) => Ok(Self { re, im: 0.0 }),
            _ => match value.as_items() {
                Some([re, im]) => match (re.as_f64(), im.as_f64()) {
                    (Some(re), Some(im)) => Ok(Self { re, im }),
                    _ => Err(wrong("a complex number", &value)),
                },
                _ => Err(wrong("a complex number", &value)),
            },
        }
    }
}

macro_rules! sequences {
    ($($(#[$doc:meta])* $name:ident $token:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name<T>(pub T);

        impl<T: Serialize> Serialize for $name<T> {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_newtype_struct($token, &self.0)
            }
        }

        impl<'de, T: Deserialize<'de>> Deserialize<'de> for $name<T> {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                T::deserialize(d).map(Self)
            }
        }
    )*};
}

sequences! {
    /// Any sequence, written as a set: `Set(vec![1, 2])`.
    Set SET,
    /// Any sequence, written as an immutable set.
    FrozenSet FROZEN_SET,
    /// Any sequence, written as a tuple.
    Tuple TUPLE,
}
