//! Serde's writing half as an adapter over [`Sink`]: every `Serialize` type can be written by every codec.
//!
//! * Structs become objects of a class when their serde name has a dot (`#[serde(rename = "bank.Account")]`), else maps:
//!   a Rust type's bare name means nothing to a peer.
//! * Tuples and arrays become tuples, other sequences lists. `None` and `()` become null.
//! * Enums are externally tagged, as serde_json has it: `"Unit"`, `{"Newtype": v}`, `{"Tuple": (..)}`, `{"Struct": {..}}`. A unit
//!   variant of an enum whose serde name has a dot is an enum's constant where the wire has some (Hessian).
//! * 128-bit integers are written as big integers, `char` as text, `f32` as `f64`.

use num_bigint::BigInt;
use serde::Serialize;
use serde::ser;

use crate::event::{Container, ListKind, Sink};
use crate::special::{self, Token};
use crate::{Error, Result};

/// Writes `value` to `sink`.
#[inline]
pub fn to_sink<T: Serialize + ?Sized, S: Sink + ?Sized>(value: &T, sink: &mut S) -> Result<()> {
    value.serialize(Serializer::new(sink))
}

/// The class that a serde name stands for: names with a dot only.
#[inline]
#[must_use]
pub fn class_of(name: &str) -> Option<&str> {
    name.as_bytes().contains(&b'.').then_some(name)
}

/// A serde serializer over any sink. See the [module](self) for the mapping.
pub struct Serializer<'a, S: Sink + ?Sized> {
    sink: &'a mut S,
    // The kind that a private newtype asked for the sequence inside it.
    kind: Option<ListKind>,
}

impl<'a, S: Sink + ?Sized> Serializer<'a, S> {
    /// A serializer that writes one value to `sink`.
    #[inline]
    pub fn new(sink: &'a mut S) -> Self {
        Self { sink, kind: None }
    }

    pub(crate) fn of_kind(sink: &'a mut S, kind: ListKind) -> Self {
        Self { sink, kind: Some(kind) }
    }
}

impl<'a, S: Sink + ?Sized> ser::Serializer for Serializer<'a, S> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Compound<'a, S>;
    type SerializeTuple = Compound<'a, S>;
    type SerializeTupleStruct = Compound<'a, S>;
    type SerializeTupleVariant = Compound<'a, S>;
    type SerializeMap = Compound<'a, S>;
    type SerializeStruct = Compound<'a, S>;
    type SerializeStructVariant = Compound<'a, S>;

    #[inline]
    fn serialize_bool(self, v: bool) -> Result<()> {
        self.sink.bool(v)
    }

    #[inline]
    fn serialize_i8(self, v: i8) -> Result<()> {
        self.sink.i32(v.into())
    }

    #[inline]
    fn serialize_i16(self, v: i16) -> Result<()> {
        self.sink.i32(v.into())
    }

    #[inline]
    fn serialize_i32(self, v: i32) -> Result<()> {
        self.sink.i32(v)
    }

    #[inline]
    fn serialize_i64(self, v: i64) -> Result<()> {
        self.sink.i64(v)
    }

    fn serialize_i128(self, v: i128) -> Result<()> {
        match i64::try_from(v) {
            Ok(v) => self.sink.i64(v),
            Err(_) => self.sink.big(&BigInt::from(v)),
        }
    }

    #[inline]
    fn serialize_u8(self, v: u8) -> Result<()> {
        self.sink.i32(v.into())
    }

    #[inline]
    fn serialize_u16(self, v: u16) -> Result<()> {
        self.sink.i32(v.into())
    }

    #[inline]
    fn serialize_u32(self, v: u32) -> Result<()> {
        self.sink.i64(v.into())
    }

    #[inline]
    fn serialize_u64(self, v: u64) -> Result<()> {
        self.sink.u64(v)
    }

    fn serialize_u128(self, v: u128) -> Result<()> {
        match u64::try_from(v) {
            Ok(v) => self.sink.u64(v),
            Err(_) => self.sink.big(&BigInt::from(v)),
        }
    }

    #[inline]
    fn serialize_f32(self, v: f32) -> Result<()> {
        self.sink.f64(v.into())
    }

    #[inline]
    fn serialize_f64(self, v: f64) -> Result<()> {
        self.sink.f64(v)
    }

    fn serialize_char(self, v: char) -> Result<()> {
        self.sink.str(v.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, v: &str) -> Result<()> {
        self.sink.str(v)
    }

    #[inline]
    fn serialize_bytes(self, v: &[u8]) -> Result<()> {
        self.sink.bytes(v)
    }

    #[inline]
    fn serialize_none(self) -> Result<()> {
        self.sink.null()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<()> {
        self.sink.null()
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<()> {
        self.sink.null()
    }

    fn serialize_unit_variant(self, name: &'static str, _index: u32, variant: &'static str) -> Result<()> {
        self.sink.variant(name, variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<()> {
        match Token::of(name) {
            None => value.serialize(self),
            Some(token) => special::write(token, value, self.sink),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        self.sink.begin(Container::map(Some(1)))?;
        self.sink.str(variant)?;
        value.serialize(Serializer::new(self.sink))?;
        self.sink.end()
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Compound<'a, S>> {
        Compound::list(self.sink, self.kind.unwrap_or(ListKind::List), len)
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Compound<'a, S>> {
        Compound::list(self.sink, self.kind.unwrap_or(ListKind::Tuple), Some(len))
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<Compound<'a, S>> {
        Compound::list(self.sink, ListKind::Tuple, Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'a, S>> {
        self.sink.begin(Container::map(Some(1)))?;
        self.sink.str(variant)?;
        let mut list = Compound::list(self.sink, ListKind::Tuple, Some(len))?;
        list.wrapped = true;
        Ok(list)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Compound<'a, S>> {
        self.sink.begin(Container::map(len))?;
        Ok(Compound { sink: self.sink, object: false, wrapped: false })
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Compound<'a, S>> {
        let class = class_of(name);
        self.sink.begin(match class {
            Some(class) => Container::object(class, Some(len)),
            None => Container::map(Some(len)),
        })?;
        Ok(Compound { sink: self.sink, object: class.is_some(), wrapped: false })
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'a, S>> {
        self.sink.begin(Container::map(Some(1)))?;
        self.sink.str(variant)?;
        self.sink.begin(Container::map(Some(len)))?;
        Ok(Compound { sink: self.sink, object: false, wrapped: true })
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Result<()> {
        self.sink.str(&value.to_string())
    }
}

/// An open list, map or object.
pub struct Compound<'a, S: Sink + ?Sized> {
    sink: &'a mut S,
    object: bool,
    wrapped: bool,
}

impl<'a, S: Sink + ?Sized> Compound<'a, S> {
    #[inline]
    fn list(sink: &'a mut S, kind: ListKind, len: Option<usize>) -> Result<Self> {
        sink.begin(Container::List { kind, type_name: None, len })?;
        Ok(Self { sink, object: false, wrapped: false })
    }

    #[inline]
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        value.serialize(Serializer::new(&mut *self.sink))
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        if self.object {
            self.sink.key(name)?
        } else {
            self.sink.str(name)?
        }
        self.item(value)
    }

    #[inline]
    fn finish(self) -> Result<()> {
        self.sink.end()?;
        if self.wrapped { self.sink.end() } else { Ok(()) }
    }
}

macro_rules! items {
    ($($trait:ident $method:ident),* $(,)?) => {$(
        impl<S: Sink + ?Sized> ser::$trait for Compound<'_, S> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                self.item(value)
            }

            #[inline]
            fn end(self) -> Result<()> {
                self.finish()
            }
        }
    )*};
}

items!(SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field);

impl<S: Sink + ?Sized> ser::SerializeMap for Compound<'_, S> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.item(key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.item(value)
    }

    #[inline]
    fn end(self) -> Result<()> {
        self.finish()
    }
}

impl<S: Sink + ?Sized> ser::SerializeStruct for Compound<'_, S> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        self.field(name, value)
    }

    #[inline]
    fn end(self) -> Result<()> {
        self.finish()
    }
}

impl<S: Sink + ?Sized> ser::SerializeStructVariant for Compound<'_, S> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        self.field(name, value)
    }

    #[inline]
    fn end(self) -> Result<()> {
        self.finish()
    }
}
