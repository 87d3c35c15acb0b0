//! Serde's reading half as an adapter over [`Source`]: every `Deserialize` type can be read from every codec.
//!
//! The counterpart of [`ser`](crate::ser), lenient where peers differ: bytes may arrive as a list of small integers and
//! the other way round, a set as a list, a map's integer keys as text (JSON has no others), a struct as a map, an object
//! or a list of its fields in order, nothing (`()`) as an empty text (XML-RPC without null has no other).

use bytes::Bytes;
use num_traits::ToPrimitive;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use crate::event::{Chunk, Container, Event, Kind, Source, Start, Text, unexpected};
use crate::special::{self, BLOB, VALUE};
use crate::{Error, Result, Value};

/// Reads one value of type `T`.
///
/// A struct's field that comes twice is an error, unless the wire says that the last one counts
/// ([`Source::start_over`]); those before it have to fit the field's type as well.
#[inline]
pub fn from_source<'de, T: de::Deserialize<'de>, S: Source<'de> + ?Sized>(source: &mut S) -> Result<T> {
    let mark = source.mark();
    match T::deserialize(Deserializer::new(source)) {
        Err(e) if e.is_repeated_field() && source.start_over(mark) => T::deserialize(Deserializer::new(source)),
        read => read,
    }
}

/// A serde deserializer over any source. See the [module](self) for the mapping.
pub struct Deserializer<'a, S: ?Sized> {
    source: &'a mut S,
}

impl<'a, S: ?Sized> Deserializer<'a, S> {
    /// A deserializer that reads one value from `source`.
    #[inline]
    pub fn new(source: &'a mut S) -> Self {
        Self { source }
    }
}

#[inline]
fn visit_text<'de, V: Visitor<'de>>(text: Text<'de, '_>, visitor: V) -> Result<V::Value> {
    match text {
        Text::Message(s) => visitor.visit_borrowed_str(s),
        Text::Scratch(s) => visitor.visit_str(s),
    }
}

fn visit_chunk<'de, V: Visitor<'de>>(chunk: Chunk<'de, '_>, visitor: V) -> Result<V::Value> {
    match chunk {
        Chunk::Message(b) => visitor.visit_borrowed_bytes(b),
        Chunk::Scratch(b) => visitor.visit_bytes(b),
        Chunk::Shared(b) => visitor.visit_bytes(b),
    }
}

// The field of a Java enum's constant.
const CONSTANT: &str = "name";

// What a container's start says, without the names that would hold on to the reader.
enum Shape {
    List(Option<usize>),
    Map(Option<usize>),
    Back(u32),
}

impl<'de, S: Source<'de> + ?Sized> Deserializer<'_, S> {
    fn any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let offset = self.source.offset();
        let shape = match self.source.next()? {
            Event::Null => return visitor.visit_unit(),
            Event::Bool(v) => return visitor.visit_bool(v),
            Event::I32(v) => return visitor.visit_i32(v),
            Event::I64(v) => return visitor.visit_i64(v),
            Event::Big(v) => {
                return if let Some(v) = v.to_u64() {
                    visitor.visit_u64(v)
                } else if let Some(v) = v.to_i128() {
                    visitor.visit_i128(v)
                } else if let Some(v) = v.to_u128() {
                    visitor.visit_u128(v)
                } else {
                    visitor.visit_string(v.to_string())
                };
            }
            Event::F64(v) => return visitor.visit_f64(v),
            Event::Decimal(v) => return visitor.visit_str(v),
            Event::Complex(re, im) => return visitor.visit_seq(de::value::SeqDeserializer::new([re, im].into_iter())),
            Event::Str(v) | Event::Key(v) => return visit_text(v, visitor),
            Event::Bytes(v) => return visit_chunk(v, visitor),
            Event::DateTime(v) => return visitor.visit_string(v.to_string()),
            Event::Remote(v) => return visitor.visit_string(v.uri.clone()),
            Event::Back(n) => Shape::Back(n),
            Event::Begin(Container::List { len, .. }) => Shape::List(len),
            Event::Begin(Container::Map { len, .. } | Container::Object { len, .. }) => Shape::Map(len),
            Event::End => return Err(unexpected(Kind::End, "a value", offset)),
        };
        match shape {
            Shape::List(len) => items(self.source, len, visitor),
            Shape::Map(len) => pairs(self.source, len, &[], visitor),
            Shape::Back(n) => Deserializer::new(&mut *self.source.open_back(n)?).any_boxed(visitor),
        }
    }

    #[cold]
    fn seq_otherwise<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let offset = self.source.offset();
        let back = match self.source.next()? {
            Event::Begin(Container::List { len, .. }) => return items(self.source, len, visitor),
            Event::Bytes(b) => return visitor.visit_seq(de::value::SeqDeserializer::new(b.get().iter().copied())),
            Event::Complex(re, im) => return visitor.visit_seq(de::value::SeqDeserializer::new([re, im].into_iter())),
            Event::Back(n) => n,
            other => return Err(unexpected(other.kind(), "a list", offset)),
        };
        let mut source = self.source.open_back(back)?;
        Deserializer::<dyn Source<'de>>::new(&mut *source).seq_boxed(visitor)
    }
}

// The start of a container that no short cut took.
#[cold]
fn begin<'de, S: Source<'de> + ?Sized>(source: &mut S, expected: &str) -> Result<Shape> {
    let offset = source.offset();
    match source.next()? {
        Event::Begin(Container::List { len, .. }) => Ok(Shape::List(len)),
        Event::Begin(Container::Map { len, .. } | Container::Object { len, .. }) => Ok(Shape::Map(len)),
        Event::Back(n) => Ok(Shape::Back(n)),
        other => Err(unexpected(other.kind(), expected, offset)),
    }
}

// Back references recurse through a boxed source; a type of its own keeps the generic recursion finite.
impl<'de> Deserializer<'_, dyn Source<'de> + '_> {
    fn any_boxed<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.any(visitor)
    }
}

// A list's items, with a check that the visitor took all of them.
#[inline]
fn items<'de, V: Visitor<'de>, S: Source<'de> + ?Sized>(
    source: &mut S,
    len: Option<usize>,
    visitor: V,
) -> Result<V::Value> {
    let mut access = Items { source, rest: Rest::of(len), taken: 0 };
    let value = visitor.visit_seq(&mut access)?;
    let Items { source, rest, taken } = access;
    if rest.is_over(source)? { Ok(value) } else { Err(more_items(taken, source.offset())) }
}

#[cold]
fn more_items(taken: usize, offset: usize) -> Error {
    Error::mismatch(format!("expected a list of {taken} items, found more")).at(offset)
}

#[inline]
fn pairs<'de, V: Visitor<'de>, S: Source<'de> + ?Sized>(
    source: &mut S,
    len: Option<usize>,
    fields: &'static [&'static str],
    visitor: V,
) -> Result<V::Value> {
    let mut access = Pairs { source, rest: Rest::of(len), key: Key::new(fields) };
    let value = visitor.visit_map(&mut access)?;
    let Pairs { source, rest, .. } = access;
    if rest.is_over(source)? { Ok(value) } else { Err(more_entries(source.offset())) }
}

#[cold]
fn more_entries(offset: usize) -> Error {
    Error::mismatch("the map has more entries than expected").at(offset)
}

// Methods that take what they ask for by a short cut and leave anything else to `any`. For numbers the wire decides what
// it is; serde's visitors convert and check the range.
macro_rules! integers {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            match self.source.take_i64()? {
                Some(v) => visitor.visit_i64(v),
                None => self.any(visitor),
            }
        }
    )*};
}

macro_rules! short_cuts {
    ($($take:ident $visit:ident: $($method:ident)*;)*) => {$($(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            match self.source.$take() {
                Some(v) => visitor.$visit(v),
                None => self.any(visitor),
            }
        }
    )*)*};
}

macro_rules! anything {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.any(visitor)
        }
    )*};
}

impl<'de, S: Source<'de> + ?Sized> de::Deserializer<'de> for Deserializer<'_, S> {
    type Error = Error;

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }
    short_cuts! {
        take_f64 visit_f64: deserialize_f32 deserialize_f64;
        take_bool visit_bool: deserialize_bool;
        take_str visit_borrowed_str: deserialize_char deserialize_str deserialize_identifier;
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Some(text) = self.source.take_str() {
            return visitor.visit_borrowed_str(text);
        }
        match self.source.take_string() {
            Some(text) => visitor.visit_string(text),
            None => self.any(visitor),
        }
    }

    anything!(deserialize_any);

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.source.peek()? != Kind::Str {
            return self.any(visitor);
        }
        match self.source.next()? {
            Event::Str(Text::Message("") | Text::Scratch("")) => visitor.visit_unit(),
            Event::Str(text) => visit_text(text, visitor),
            other => Err(unexpected(other.kind(), "a text", 0)),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.source.peek()? == Kind::List {
            return self.deserialize_byte_buf(visitor);
        }
        self.any(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.source.peek()? == Kind::List {
            let bytes = <Vec<u8> as de::Deserialize>::deserialize(self)?;
            return visitor.visit_byte_buf(bytes);
        }
        self.any(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.source.take_null()? {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value> {
        self.any(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        if name.as_bytes().first() == Some(&b'$') {
            if name == VALUE {
                special::hand_over(Value::read(self.source)?);
                return visitor.visit_newtype_struct(de::value::UnitDeserializer::new());
            }
            let kind = if name == BLOB { self.source.peek()? } else { Kind::Null };
            if kind == Kind::Bytes || kind == Kind::Str && self.source.text_may_be_bytes() {
                let owner = self.source.owner();
                let bytes = match (self.source.next()?, owner) {
                    (Event::Bytes(Chunk::Message(b)), Some(owner)) => owner.slice_ref(b),
                    (Event::Bytes(Chunk::Shared(b)), _) => b.clone(),
                    (Event::Bytes(b), _) => Bytes::copy_from_slice(b.get()),
                    (Event::Str(text), _) => Bytes::copy_from_slice(text.get().as_bytes()),
                    (other, _) => return Err(unexpected(other.kind(), "bytes", self.source.offset())),
                };
                special::hand_over(Value::Bytes(bytes));
                return visitor.visit_newtype_struct(de::value::UnitDeserializer::new());
            }
        }
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.source.take_list() {
            Start::Other => self.seq_otherwise(visitor),
            Start::Known(len) => items(self.source, Some(len), visitor),
            Start::Unknown => items(self.source, None, visitor),
        }
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let len = match self.source.take_map() {
            Start::Known(len) => Some(len),
            Start::Unknown => None,
            Start::Other => match begin(self.source, "a map")? {
                Shape::Map(len) => len,
                Shape::Back(n) => {
                    let mut source = self.source.open_back(n)?;
                    return Deserializer::<dyn Source<'de>>::new(&mut *source).map_boxed(visitor);
                }
                Shape::List(_) => return Err(unexpected(Kind::List, "a map", self.source.offset())),
            },
        };
        pairs(self.source, len, &[], visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let len = match self.source.take_map() {
            Start::Known(len) => Some(len),
            Start::Unknown => None,
            Start::Other => match begin(self.source, "a map or object")? {
                Shape::Map(len) => len,
                Shape::List(len) => return items(self.source, len, visitor),
                Shape::Back(n) => {
                    let mut source = self.source.open_back(n)?;
                    return Deserializer::<dyn Source<'de>>::new(&mut *source).any_boxed(visitor);
                }
            },
        };
        pairs(self.source, len, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let offset = self.source.offset();
        match self.source.peek()? {
            Kind::Str | Kind::Key => {
                let text = self.source.take_text()?;
                let name = text.as_ref().map_or("", Text::get);
                visitor.visit_enum(name.into_deserializer())
            }
            Kind::Map | Kind::Object => {
                self.source.next()?;
                let may_be_constant = !variants.contains(&CONSTANT);
                let value = visitor.visit_enum(Variant { source: &mut *self.source, may_be_constant })?;
                if !self.source.take_end()? {
                    return Err(Error::mismatch("expected one variant of an enum, found a map with more entries")
                        .at(self.source.offset()));
                }
                Ok(value)
            }
            Kind::Back => match begin(self.source, "an enum")? {
                Shape::Back(n) => {
                    let mut source = self.source.open_back(n)?;
                    Deserializer::<dyn Source<'de>>::new(&mut *source).enum_boxed(variants, visitor)
                }
                _ => Err(unexpected(Kind::Back, "an enum", offset)),
            },
            found => Err(unexpected(found, "an enum: a variant's name, or a map with one", offset)),
        }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.source.skip()?;
        visitor.visit_unit()
    }
}

impl<'de> Deserializer<'_, dyn Source<'de> + '_> {
    fn enum_boxed<V: Visitor<'de>>(self, variants: &'static [&'static str], visitor: V) -> Result<V::Value> {
        de::Deserializer::deserialize_enum(self, "", variants, visitor)
    }

    fn seq_boxed<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        de::Deserializer::deserialize_seq(self, visitor)
    }

    fn map_boxed<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        de::Deserializer::deserialize_map(self, visitor)
    }
}

// What a container still has to give. A known length is counted here, which saves asking the source each time.
#[derive(Clone, Copy)]
enum Rest {
    Known(usize),
    Unknown,
    Ended,
}

impl Rest {
    #[inline]
    fn of(len: Option<usize>) -> Self {
        len.map_or(Self::Unknown, Self::Known)
    }

    // Whether one more comes, which is then accounted for.
    #[inline]
    fn more<'de, S: Source<'de> + ?Sized>(&mut self, source: &mut S) -> Result<bool> {
        match self {
            Self::Known(0) | Self::Ended => Ok(false),
            Self::Known(n) => {
                *n -= 1;
                Ok(true)
            }
            Self::Unknown if source.take_end()? => {
                *self = Self::Ended;
                Ok(false)
            }
            Self::Unknown => Ok(true),
        }
    }

    // Whether the visitor took everything; the end is then taken too.
    #[inline]
    fn is_over<'de, S: Source<'de> + ?Sized>(self, source: &mut S) -> Result<bool> {
        match self {
            Self::Ended => Ok(true),
            Self::Known(0) | Self::Unknown => source.take_end(),
            Self::Known(_) => Ok(false),
        }
    }

    #[inline]
    fn hint(self) -> Option<usize> {
        // serde itself caps what it reserves for a claimed length
        match self {
            Self::Known(n) => Some(n),
            Self::Unknown => None,
            Self::Ended => Some(0),
        }
    }
}

struct Items<'a, S: ?Sized> {
    source: &'a mut S,
    rest: Rest,
    taken: usize,
}

impl<'de, S: Source<'de> + ?Sized> de::SeqAccess<'de> for &mut Items<'_, S> {
    type Error = Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if !self.rest.more(self.source)? {
            return Ok(None);
        }
        match seed.deserialize(Deserializer::new(&mut *self.source)) {
            Ok(value) => {
                self.taken += 1;
                Ok(Some(value))
            }
            Err(e) => Err(in_item(e, self.source.offset(), self.taken)),
        }
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.rest.hint()
    }
}

// The key that a map's reader is at.
struct Key<'de> {
    // A struct's fields in order, and the one that probably comes next.
    fields: &'static [&'static str],
    next: usize,
    // The last key that was not as expected (empty where it is no text of the message), and `next` after it.
    other: &'de str,
    after: usize,
    // Keys in a row that were not as expected.
    misses: u8,
}

impl<'de> Key<'de> {
    #[inline]
    fn new(fields: &'static [&'static str]) -> Self {
        Self { fields, next: 0, other: "", after: 0, misses: 0 }
    }

    // Takes a key that is the expected field: most peers write a struct's fields in one order.
    #[inline]
    fn take_expected<S: Source<'de> + ?Sized>(&mut self, source: &mut S) -> Option<&'static str> {
        let name = *self.fields.get(self.next)?;
        if !source.take_expected(name) {
            return None;
        }
        self.next += 1;
        Some(name)
    }

    // Notes a key that was not expected, and expects what follows it from now on; gives up where that does not help.
    fn note(&mut self, text: Text<'de, '_>) {
        self.other = match text {
            Text::Message(name) => name,
            Text::Scratch(_) => "",
        };
        self.misses = if self.next == self.after { self.misses.saturating_add(1) } else { 1 };
        if self.misses > 2 {
            self.fields = &[];
        }
        if let Some(at) = self.fields.iter().position(|f| *f == text.get()) {
            self.next = at + 1;
        }
        self.after = self.next;
    }

    // For error messages.
    fn name(&self) -> &str {
        match self.next.checked_sub(1).and_then(|at| self.fields.get(at)) {
            Some(name) if self.next != self.after => name,
            _ => self.other,
        }
    }
}

struct Pairs<'a, 'de, S: ?Sized> {
    source: &'a mut S,
    rest: Rest,
    key: Key<'de>,
}

impl<'de, S: Source<'de> + ?Sized> de::MapAccess<'de> for &mut Pairs<'_, 'de, S> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if !self.rest.more(self.source)? {
            return Ok(None);
        }
        seed.deserialize(KeyDeserializer { source: &mut *self.source, key: &mut self.key }).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        match seed.deserialize(Deserializer::new(&mut *self.source)) {
            Ok(value) => Ok(value),
            Err(e) => Err(in_field(e, self.source.offset(), self.key.name())),
        }
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.rest.hint()
    }
}

// Reads a map's key: text that holds a number or truth value is taken as one (JSON has no other keys).
struct KeyDeserializer<'a, 'de, S: ?Sized> {
    source: &'a mut S,
    key: &'a mut Key<'de>,
}

impl<'de, S: Source<'de> + ?Sized> KeyDeserializer<'_, 'de, S> {
    // Apart, so that the expected way is short enough to be inlined.
    #[cold]
    fn unexpected_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        de::Deserializer::deserialize_str(self, visitor)
    }
}

#[cold]
fn no_key(expected: &str, found: &str) -> Error {
    Error::mismatch(format!("expected {expected} as the key, found {found:?}"))
}

// A number as a key, or text that holds one.
macro_rules! key_numbers {
    ($($expected:literal $take:expr, $visit:ident $t:ty: $($method:ident)*;)*) => {$($(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            let taken: Option<$t> = $take(&mut *self.source)?;
            if let Some(v) = taken {
                return visitor.$visit(v);
            }
            match self.source.take_text()? {
                Some(text) => match text.get().parse::<$t>() {
                    Ok(v) => visitor.$visit(v),
                    Err(_) => Err(no_key($expected, text.get())),
                },
                None => Deserializer::new(self.source).any(visitor),
            }
        }
    )*)*};
}

macro_rules! key_text {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            if let Some(text) = self.source.take_str() {
                self.key.note(Text::Message(text));
                return visitor.visit_borrowed_str(text);
            }
            match self.source.take_text()? {
                Some(text) => {
                    self.key.note(text);
                    visit_text(text, visitor)
                }
                None => Deserializer::new(self.source).any(visitor),
            }
        }
    )*};
}

macro_rules! key_otherwise {
    ($($method:ident($($arg:ident: $t:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($arg: $t,)* visitor: V) -> Result<V::Value> {
            Deserializer::new(self.source).$method($($arg,)* visitor)
        }
    )*};
}

impl<'de, S: Source<'de> + ?Sized> de::Deserializer<'de> for KeyDeserializer<'_, 'de, S> {
    type Error = Error;

    key_numbers! {
        "an integer" S::take_i64, visit_i64 i64: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
            deserialize_u8 deserialize_u16 deserialize_u32;
        "a number" |s: &mut S| Result::Ok(s.take_f64()), visit_f64 f64: deserialize_f32 deserialize_f64;
    }
    key_text!(deserialize_any deserialize_char deserialize_str deserialize_string);
    key_otherwise! {
        deserialize_bytes() deserialize_byte_buf() deserialize_unit() deserialize_seq() deserialize_map()
        deserialize_ignored_any()
        deserialize_unit_struct(name: &'static str)
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    #[inline]
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.key.take_expected(self.source) {
            Some(name) => visitor.visit_borrowed_str(name),
            None => self.unexpected_identifier(visitor),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_i128(visitor)
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_i128(visitor)
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Some(v) = self.source.take_i64()? {
            return visitor.visit_i64(v);
        }
        match self.source.take_text()? {
            // as small as it goes: not every visitor takes 128 bits
            Some(text) => match (text.get().parse::<u64>(), text.get().parse::<i128>()) {
                (Ok(v), _) => visitor.visit_u64(v),
                (_, Ok(v)) => match i64::try_from(v) {
                    Ok(v) => visitor.visit_i64(v),
                    Err(_) => visitor.visit_i128(v),
                },
                _ => Err(no_key("an integer", text.get())),
            },
            None => Deserializer::new(self.source).any(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Some(v) = self.source.take_bool() {
            return visitor.visit_bool(v);
        }
        match self.source.take_text()? {
            Some(text) => match text.get() {
                "true" | "True" => visitor.visit_bool(true),
                "false" | "False" => visitor.visit_bool(false),
                other => Err(no_key("a truth value", other)),
            },
            None => Deserializer::new(self.source).any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.source.take_null()? { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        if name.starts_with('$') {
            return Deserializer::new(self.source).deserialize_newtype_struct(name, visitor);
        }
        visitor.visit_newtype_struct(self)
    }
}

#[cold]
fn in_item(e: Error, offset: usize, index: usize) -> Error {
    e.at(offset).context(format!("item [{index}]"))
}

#[cold]
fn in_field(e: Error, offset: usize, name: &str) -> Error {
    if name.is_empty() { e.at(offset) } else { e.at(offset).context(format!("field '{name}'")) }
}

// An enum variant with content: the map's one key, then its value. Or a Java enum's constant, which is an object with its
// name in the one field `name`.
struct Variant<'a, S: ?Sized> {
    source: &'a mut S,
    may_be_constant: bool,
}

// Such a variant's content; none for a constant, which was read whole.
struct Content<'a, S: ?Sized>(Option<&'a mut S>);

impl<'a, 'de, S: Source<'de> + ?Sized> de::EnumAccess<'de> for Variant<'a, S> {
    type Error = Error;
    type Variant = Content<'a, S>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Content<'a, S>)> {
        let Self { source, may_be_constant } = self;
        if let Some(key) = source.take_text()? {
            if !may_be_constant || key.get() != CONSTANT {
                let value = seed.deserialize(key.get().into_deserializer())?;
                return Ok((value, Content(Some(source))));
            }
            let offset = source.offset();
            let name = source.take_text()?.ok_or_else(|| Error::mismatch("expected an enum's constant").at(offset))?;
            return Ok((seed.deserialize(name.get().into_deserializer())?, Content(None)));
        }
        let value = seed.deserialize(KeyDeserializer { source: &mut *source, key: &mut Key::new(&[]) })?;
        Ok((value, Content(Some(source))))
    }
}

impl<'a, S: ?Sized> Content<'a, S> {
    fn deserializer(self) -> Result<Deserializer<'a, S>> {
        match self.0 {
            Some(source) => Ok(Deserializer::new(source)),
            None => Err(Error::mismatch("expected a variant with content, found an enum's constant")),
        }
    }
}

impl<'de, S: Source<'de> + ?Sized> de::VariantAccess<'de> for Content<'_, S> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        match self.0 {
            Some(source) => de::Deserialize::deserialize(Deserializer::new(source)),
            None => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self.deserializer()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value> {
        de::Deserializer::deserialize_seq(self.deserializer()?, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value> {
        de::Deserializer::deserialize_struct(self.deserializer()?, "", fields, visitor)
    }
}
