//! [`Payload`]: arguments or a result, from whichever side, in whatever form they are in.

use std::any::Any;
use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned};

use crate::event::{Container, Sink, Source, transcode};
use crate::value_source::ValueSource;
use crate::{Budget, Error, Format, Result, Tape, Value, de, ser};

/// Something that can write itself to any sink, as often as asked.
pub trait Encode {
    /// Writes one value.
    fn encode(&self, sink: &mut dyn Sink) -> Result<()>;

    /// The same where both types are known.
    #[inline]
    fn encode_into<S: Sink>(&self, sink: &mut S) -> Result<()>
    where
        Self: Sized,
    {
        self.encode(sink)
    }
}

impl Encode for Value {
    fn encode(&self, sink: &mut dyn Sink) -> Result<()> {
        self.write(sink)
    }
}

impl Encode for [Value] {
    fn encode(&self, sink: &mut dyn Sink) -> Result<()> {
        sink.begin(Container::tuple(Some(self.len())))?;
        self.iter().try_for_each(|v| v.write(sink))?;
        sink.end()
    }
}

impl Encode for Vec<Value> {
    fn encode(&self, sink: &mut dyn Sink) -> Result<()> {
        self.as_slice().encode(sink)
    }
}

/// Makes any serde type an [`Encode`].
#[derive(Clone, Copy, Debug)]
pub struct Typed<T>(pub T);

impl<T: Serialize> Encode for Typed<T> {
    fn encode(&self, sink: &mut dyn Sink) -> Result<()> {
        ser::to_sink(&self.0, sink)
    }
}

/// Positional arguments: `()`, tuples of up to 16, or a vector of [`Value`]s.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list of arguments",
    note = "pass a tuple: `()`, `(a,)`, `(a, b)`, ..., or a `Vec<Value>`"
)]
pub trait Args: Encode + Sync {}

impl Args for Vec<Value> {}

impl Args for () {}

impl Encode for () {
    fn encode(&self, sink: &mut dyn Sink) -> Result<()> {
        sink.begin(Container::tuple(Some(0)))?;
        sink.end()
    }
}

macro_rules! args {
    ($($len:literal: $($name:ident $index:tt),*;)*) => {$(
        impl<$($name: Serialize),*> Encode for ($($name,)*) {
            #[inline]
            fn encode(&self, sink: &mut dyn Sink) -> Result<()> {
                sink.begin(Container::tuple(Some($len)))?;
                $(ser::to_sink(&self.$index, sink)?;)*
                sink.end()
            }

            #[inline]
            fn encode_into<S: Sink>(&self, sink: &mut S) -> Result<()> {
                sink.begin(Container::tuple(Some($len)))?;
                $(ser::to_sink(&self.$index, sink)?;)*
                sink.end()
            }
        }

        impl<$($name: Serialize + Sync),*> Args for ($($name,)*) {}
    )*};
}

args! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
    9: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8;
    10: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9;
    11: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10;
    12: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11;
    13: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12;
    14: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13;
    15: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14;
    16: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14, P 15;
}

/// Arguments (a positional list, or a map of names) or a result.
///
/// It can be written to any sink more than once, and read as any type: a retry, another replica or another protocol
/// encodes the same call again.
pub struct Payload<'a>(Repr<'a>);

enum Repr<'a> {
    Borrowed(&'a (dyn Encode + Sync)),
    Boxed(Box<dyn Encode + Send + Sync + 'a>),
    Wire(Bytes, Place),
    Lent(&'a Bytes, Place),
    Tape(Box<Tape>),
    Value(Value),
}

/// Where in a received message a value lies, and what reads it.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    format: &'static dyn Format,
    budget: Budget,
}

impl Place {
    #[inline]
    fn read<'de>(self, message: &'de Bytes, f: crate::Reading<'_, 'de>) -> Result<()> {
        self.format.read(message, self.start, self.budget, f)
    }

    fn tell(self, message: &Bytes, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} at {} of {} bytes)", self.format.name(), self.start, message.len())
    }
}

// What needs no box of its own. The types are known when this is compiled: no test is left of it.
#[inline]
fn small<T: 'static>(value: &mut T) -> Option<Value> {
    let any: &mut dyn Any = value;
    if let Some(v) = any.downcast_mut::<String>() {
        return Some(Value::Str(std::mem::take(v)));
    }
    if any.is::<()>() {
        return Some(Value::Null);
    }
    if let Some(v) = any.downcast_ref::<bool>() {
        return Some(Value::Bool(*v));
    }
    if let Some(v) = any.downcast_ref::<i32>() {
        return Some(Value::I32(*v));
    }
    if let Some(v) = any.downcast_ref::<i64>() {
        return Some(Value::I64(*v));
    }
    any.downcast_ref::<f64>().map(|v| Value::F64(*v))
}

impl<'a> Payload<'a> {
    /// A borrowed typed value.
    #[inline]
    pub fn borrowed(value: &'a (dyn Encode + Sync)) -> Self {
        Self(Repr::Borrowed(value))
    }

    /// An owned typed value.
    #[inline]
    pub fn typed<T: Serialize + Send + Sync + 'a>(value: T) -> Self {
        Self(Repr::Boxed(Box::new(Typed(value))))
    }

    /// The value that begins at byte `start` of a received message.
    #[inline]
    pub fn wire(message: Bytes, start: usize, format: &'static dyn Format, budget: Budget) -> Self {
        Self(Repr::Wire(message, Place { start, format, budget }))
    }

    /// The same for a message that is kept elsewhere.
    #[inline]
    pub fn lent(message: &'a Bytes, start: usize, format: &'static dyn Format, budget: Budget) -> Self {
        Self(Repr::Lent(message, Place { start, format, budget }))
    }

    /// The same payload for a shorter time, without a copy.
    #[must_use]
    pub fn by_ref(&self) -> Payload<'_> {
        Payload(match &self.0 {
            Repr::Borrowed(v) => Repr::Borrowed(*v),
            Repr::Boxed(v) => Repr::Borrowed(&**v as &(dyn Encode + Sync)),
            Repr::Wire(message, place) => Repr::Lent(message, *place),
            Repr::Lent(message, place) => Repr::Lent(message, *place),
            Repr::Tape(t) => Repr::Borrowed(&**t as &(dyn Encode + Sync)),
            Repr::Value(v) => Repr::Borrowed(v),
        })
    }

    /// Writes the value to a sink.
    #[inline]
    pub fn encode(&self, sink: &mut dyn Sink) -> Result<()> {
        match &self.0 {
            Repr::Borrowed(v) => v.encode(sink),
            Repr::Boxed(v) => v.encode(sink),
            Repr::Wire(message, place) => place.read(message, &mut |source| transcode(source, sink)),
            Repr::Lent(message, place) => place.read(message, &mut |source| transcode(source, sink)),
            Repr::Tape(t) => t.encode(sink),
            Repr::Value(Value::Str(text)) => sink.str(text),
            Repr::Value(v) => v.write(sink),
        }
    }

    /// Reads the value as `T`.
    #[inline]
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        self.read(|source| de::from_source(source))
    }

    /// Reads the value as a [`Value`].
    pub fn into_value(self) -> Result<Value> {
        match self.0 {
            Repr::Value(v) => Ok(v),
            other => Payload(other).to_value(),
        }
    }

    /// A copy of the value as a [`Value`].
    pub fn to_value(&self) -> Result<Value> {
        match &self.0 {
            Repr::Value(v) => Ok(v.clone()),
            _ => self.read(|source| Value::read(source)),
        }
    }

    // For readers that borrow nothing; a typed value goes over a tape.
    #[inline]
    fn read<T>(&self, mut f: impl FnMut(&mut dyn Source<'_>) -> Result<T>) -> Result<T> {
        let message = match &self.0 {
            Repr::Borrowed(v) => return f(&mut Tape::of(*v)?.source(Budget::default())),
            Repr::Boxed(v) => return f(&mut Tape::of(&**v)?.source(Budget::default())),
            Repr::Tape(t) => return f(&mut t.source(Budget::default())),
            Repr::Value(v) => return f(&mut ValueSource::new(v, Budget::default())),
            Repr::Wire(message, place) => (message, place),
            Repr::Lent(message, place) => (*message, place),
        };
        let mut out = None;
        message.1.read(message.0, &mut |source| {
            out = Some(f(source)?);
            Ok(())
        })?;
        out.ok_or_else(not_opened)
    }

    /// Whether it is a typed value that was not written yet. Those of arguments are tuples.
    #[must_use]
    #[inline]
    pub fn is_typed(&self) -> bool {
        matches!(self.0, Repr::Borrowed(_) | Repr::Boxed(_))
    }

    /// A typed value in a form that [`view`](Self::view) can borrow from; `None` for others, which can be borrowed from
    /// as they are.
    #[inline]
    pub fn settled(&self) -> Result<Option<Payload<'static>>> {
        let tape = match &self.0 {
            Repr::Borrowed(v) => Tape::of(*v)?,
            Repr::Boxed(v) => Tape::of(&**v)?,
            _ => return Ok(None),
        };
        Ok(Some(Payload::from(tape)))
    }

    /// Reads the value as `T`, which may borrow text and bytes from the payload.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) for a typed payload that is not [settled](Self::settled).
    pub fn view<'s, T: Deserialize<'s>>(&'s self) -> Result<T> {
        let mut out = None;
        self.view_source(&mut |source| {
            out = Some(de::from_source(source)?);
            Ok(())
        })?;
        out.ok_or_else(not_opened)
    }

    /// Whether the value is known to be null without reading it: that of a method which gives nothing is.
    #[must_use]
    #[inline]
    pub fn is_null(&self) -> bool {
        matches!(&self.0, Repr::Value(Value::Null))
    }

    /// Lets `f` read the value event by event; text and bytes may be borrowed from the payload.
    pub fn view_source<'s>(&'s self, f: crate::Reading<'_, 's>) -> Result<()> {
        match &self.0 {
            Repr::Wire(message, place) => place.read(message, f),
            Repr::Lent(message, place) => place.read(message, f),
            Repr::Tape(t) => f(&mut t.source(Budget::default())),
            Repr::Value(v) => f(&mut ValueSource::new(v, Budget::default())),
            Repr::Borrowed(_) | Repr::Boxed(_) => Err(Error::new(
                crate::ErrorKind::Internal,
                "a typed payload must be settled before it can be borrowed from",
            )),
        }
    }
}

impl Payload<'static> {
    /// An owned typed value; texts and numbers need no box.
    #[inline]
    pub fn owned<T: Serialize + Send + Sync + 'static>(mut value: T) -> Self {
        match small(&mut value) {
            Some(value) => Self(Repr::Value(value)),
            None => Self::typed(value),
        }
    }

    /// The value null.
    #[must_use]
    pub fn null() -> Self {
        Self(Repr::Value(Value::Null))
    }
}

#[cold]
fn not_opened() -> Error {
    Error::new(crate::ErrorKind::Internal, "the format did not open the payload")
}

impl Encode for Tape {
    fn encode(&self, sink: &mut dyn Sink) -> Result<()> {
        transcode(&mut self.source(Budget::default()), sink)
    }
}

impl Tape {
    /// Records what `value` writes.
    pub fn of(value: &(impl Encode + ?Sized)) -> Result<Self> {
        let mut tape = Self::new();
        value.encode(&mut tape)?;
        Ok(tape)
    }
}

impl From<Value> for Payload<'_> {
    fn from(v: Value) -> Self {
        Self(Repr::Value(v))
    }
}

impl From<Tape> for Payload<'_> {
    fn from(v: Tape) -> Self {
        Self(Repr::Tape(Box::new(v)))
    }
}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Borrowed(_) | Repr::Boxed(_) => f.write_str("Payload(typed)"),
            Repr::Wire(message, place) => place.tell(message, f),
            Repr::Lent(message, place) => place.tell(message, f),
            Repr::Tape(t) => write!(f, "Payload({t:?})"),
            Repr::Value(v) => write!(f, "Payload({v:?})"),
        }
    }
}
