//! Binding positional and keyword arguments to a method's parameters, with Python's words for what does not fit.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::event::Start;
use crate::service::{Call, CallView, MethodInfo, ServiceInfo};
use crate::{Container, Error, ErrorKind, Event, Payload, Result, Source, Value, de};

/// Types that can be read from a list of arguments: tuples of up to 16.
pub trait FromArgs<'de>: Sized {
    /// How many arguments it takes.
    const LEN: usize;

    /// Reads the arguments in order.
    fn from_args(list: &mut ArgList<'_, 'de>) -> Result<Self>;
}

/// An argument list that is being read.
pub struct ArgList<'s, 'de> {
    source: &'s mut dyn Source<'de>,
    info: &'s MethodInfo,
    // How many there are, where the wire says so.
    len: Option<usize>,
    index: usize,
}

impl<'de> ArgList<'_, 'de> {
    /// The next argument. A missing one reads as null where its parameter is optional.
    #[inline]
    pub fn take<T: Deserialize<'de>>(&mut self) -> Result<T> {
        let index = self.index;
        self.index += 1;
        let is_over = match self.len {
            Some(len) => index >= len,
            None => self.source.peek()? == crate::Kind::End,
        };
        if is_over {
            if self.info.params.get(index).is_none_or(|p| p.optional) {
                return T::deserialize(de::Deserializer::new(&mut Absent))
                    .map_err(|_: Error| missing(self.info, index));
            }
            return Err(missing(self.info, index));
        }
        de::from_source(&mut *self.source).map_err(|e| in_argument(e, self.info, index))
    }
}

#[cold]
fn in_argument(e: Error, info: &MethodInfo, index: usize) -> Error {
    let name = info.params.get(index).map_or("?", |p| &p.name);
    let text = format!("argument {} '{name}' of {}()", index + 1, info.name);
    if e.kind() != ErrorKind::Mismatch {
        return e.context(text);
    }
    let mut new = Error::new(ErrorKind::Arguments, e.message().to_owned()).context(text);
    if let Some(offset) = e.offset() {
        new = new.at(offset);
    }
    new
}

// Reads as null, once and for ever.
struct Absent;

impl<'de> Source<'de> for Absent {
    fn peek(&mut self) -> Result<crate::Kind> {
        Ok(crate::Kind::Null)
    }

    fn next(&mut self) -> Result<Event<'de, '_>> {
        Ok(Event::Null)
    }

    fn skip(&mut self) -> Result<()> {
        Ok(())
    }

    fn offset(&self) -> usize {
        0
    }
}

// An argument list that is not there at all: at its end from the start.
struct NoMore;

impl<'de> Source<'de> for NoMore {
    fn peek(&mut self) -> Result<crate::Kind> {
        Ok(crate::Kind::End)
    }

    fn next(&mut self) -> Result<Event<'de, '_>> {
        Ok(Event::End)
    }

    fn skip(&mut self) -> Result<()> {
        Ok(())
    }

    fn offset(&self) -> usize {
        0
    }
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

#[cold]
fn missing(info: &MethodInfo, from: usize) -> Error {
    let names: Vec<String> =
        info.params.iter().skip(from).filter(|p| !p.optional).map(|p| format!("'{}'", p.name)).collect();
    Error::new(
        ErrorKind::Arguments,
        format!(
            "{}() missing {} required argument{}: {}",
            info.name,
            names.len(),
            plural(names.len()),
            names.join(", ")
        ),
    )
}

#[cold]
fn too_many(info: &MethodInfo, given: usize) -> Error {
    let takes = info.params.len();
    Error::new(
        ErrorKind::Arguments,
        format!(
            "{}() takes {takes} positional argument{} but {given} {} given",
            info.name,
            plural(takes),
            if given == 1 { "was" } else { "were" }
        ),
    )
}

/// A call's arguments in the order of its method's parameters; see [`Call::bind`].
#[derive(Debug)]
pub struct Bound<'a> {
    info: &'a MethodInfo,
    args: Where<'a>,
}

#[derive(Debug)]
enum Where<'a> {
    Call(&'a Payload<'a>),
    Here(Box<Payload<'static>>),
}

impl Call<'_> {
    /// Makes the arguments ready to be read: merges keyword arguments into their places and brings typed payloads into
    /// a form that can be borrowed from.
    #[inline]
    pub fn bind<'a>(&'a self, info: &'a MethodInfo) -> Result<Bound<'a>> {
        self.view().bind(info)
    }

    /// Binds the arguments and reads them as owned values.
    pub fn read_args<T: for<'de> FromArgs<'de>>(&self, info: &MethodInfo) -> Result<T> {
        self.bind(info)?.read()
    }
}

impl<'a> CallView<'a> {
    /// As [`Call::bind`].
    #[inline]
    pub fn bind(self, info: &'a MethodInfo) -> Result<Bound<'a>> {
        if self.kwargs.is_none() && !self.args.is_typed() {
            return Ok(Bound { info, args: Where::Call(self.args) });
        }
        self.bind_own(info)
    }

    fn bind_own(self, info: &'a MethodInfo) -> Result<Bound<'a>> {
        let own = match self.kwargs {
            None => self.args.settled()?,
            Some(kwargs) => merged(self.args, kwargs, info)?,
        };
        let args = match own {
            None => Where::Call(self.args),
            Some(args) => Where::Here(Box::new(args)),
        };
        Ok(Bound { info, args })
    }
}

impl Bound<'_> {
    /// The arguments as a list, for protocols that know them by their order alone. A parameter that was left out is null.
    #[must_use]
    pub fn args(&self) -> &Payload<'_> {
        match &self.args {
            Where::Call(args) => args,
            Where::Here(args) => args,
        }
    }

    /// Reads the arguments; text and bytes may be borrowed from the call.
    #[inline]
    pub fn read<'s, T: FromArgs<'s>>(&'s self) -> Result<T> {
        let info = self.info;
        let mut out = None;
        self.args().view_source(&mut |source| {
            out = Some(read_list(source, info)?);
            Ok(())
        })?;
        out.ok_or_else(not_opened)
    }
}

#[cold]
fn not_opened() -> Error {
    Error::new(ErrorKind::Internal, "the format did not open the arguments")
}

fn read_list<'de, T: FromArgs<'de>>(source: &mut dyn Source<'de>, info: &MethodInfo) -> Result<T> {
    let len = match source.take_list() {
        Start::Known(len) => Some(len),
        Start::Unknown => None,
        Start::Other => {
            let offset = source.offset();
            match source.next()? {
                Event::Begin(Container::List { len, .. }) => len,
                Event::Null => return T::from_args(&mut ArgList { source: &mut NoMore, info, len: Some(0), index: 0 }),
                other => return Err(crate::event::unexpected(other.kind(), "a list of arguments", offset)),
            }
        }
    };
    let mut list = ArgList { source: &mut *source, info, len, index: 0 };
    let value = T::from_args(&mut list)?;
    let mut given = list.index;
    if len.is_some_and(|len| len <= given) {
        return Ok(value);
    }
    if source.take_end()? {
        return Ok(value);
    }
    while !source.take_end()? {
        source.skip()?;
        given += 1;
    }
    Err(too_many(info, given))
}

// `None` when there is nothing to merge and the arguments will do as they are.
fn merged(args: &Payload<'_>, kwargs: &Payload<'_>, info: &MethodInfo) -> Result<Option<Payload<'static>>> {
    let kwargs = pairs(kwargs, info)?;
    if kwargs.is_empty() {
        return args.settled();
    }
    merge(args, kwargs, info).map(|args| Some(Payload::from(args)))
}

fn pairs(kwargs: &Payload<'_>, info: &MethodInfo) -> Result<Vec<(String, Value)>> {
    let named = |k: Value| match k {
        Value::Str(name) => Ok(name),
        other => {
            Err(Error::new(ErrorKind::Arguments, format!("{}() keywords must be strings, found {other:?}", info.name)))
        }
    };
    match kwargs.to_value()? {
        Value::Null => Ok(Vec::new()),
        Value::Map(pairs) => pairs.into_iter().map(|(k, v)| Ok((named(k)?, v))).collect(),
        Value::Object(o) => Ok(o.fields),
        other => Err(Error::new(
            ErrorKind::Arguments,
            format!("{}() keyword arguments must be a map, found {other:?}", info.name),
        )),
    }
}

impl Call<'_> {
    /// The arguments by position alone, for a protocol that knows no others, by what is known of the service; `None` where
    /// they are so already. What is left out at the end stays out.
    ///
    /// # Errors
    /// [`ErrorKind::Arguments`] where there are keyword arguments and the method's parameters are not known, or do not fit.
    pub fn by_position(&self, protocol: &str, info: Option<&ServiceInfo>) -> Result<Option<Payload<'static>>> {
        let Some(kwargs) = &self.kwargs else { return Ok(None) };
        let Some(method) = info.and_then(|info| info.method(self.method)) else {
            return match kwargs.to_value()? {
                Value::Null => Ok(None),
                Value::Map(pairs) if pairs.is_empty() => Ok(None),
                _ => Err(Error::new(
                    ErrorKind::Arguments,
                    format!(
                        "{}() cannot be called with keyword arguments: {protocol} knows arguments by position alone, and the \
                         method's parameters are not known here",
                        self.method
                    ),
                )),
            };
        };
        let mut args = self.bind(method)?.args().by_ref().into_value()?;
        if let Value::Tuple(items) | Value::List(items) = &mut args {
            while matches!(items.last(), Some(Value::Null)) {
                items.pop();
            }
        }
        Ok(Some(args.into()))
    }
}

fn merge(args: &Payload<'_>, kwargs: Vec<(String, Value)>, info: &MethodInfo) -> Result<Value> {
    let mut slots: Vec<Option<Value>> = match args.to_value()? {
        Value::List(v) | Value::Tuple(v) => v.into_iter().map(Some).collect(),
        Value::Null => Vec::new(),
        other => {
            return Err(Error::new(ErrorKind::Arguments, format!("expected a list of arguments, found {other:?}")));
        }
    };
    if slots.len() > info.params.len() {
        return Err(too_many(info, slots.len()));
    }
    slots.resize(info.params.len(), None);
    for (name, value) in kwargs {
        let index = info.params.iter().position(|p| p.name == name).ok_or_else(|| {
            Error::new(ErrorKind::Arguments, format!("{}() got an unexpected keyword argument '{name}'", info.name))
        })?;
        match slots.get_mut(index) {
            Some(slot @ None) => *slot = Some(value),
            _ => {
                return Err(Error::new(
                    ErrorKind::Arguments,
                    format!("{}() got multiple values for argument '{name}'", info.name),
                ));
            }
        }
    }
    if let Some(first) = slots.iter().zip(info.params.iter()).position(|(v, p)| v.is_none() && !p.optional) {
        // Name all that are missing, not only those behind the first.
        let missing_names: Vec<String> = slots
            .iter()
            .zip(info.params.iter())
            .skip(first)
            .filter(|(v, p)| v.is_none() && !p.optional)
            .map(|(_, p)| format!("'{}'", p.name))
            .collect();
        return Err(Error::new(
            ErrorKind::Arguments,
            format!(
                "{}() missing {} required argument{}: {}",
                info.name,
                missing_names.len(),
                plural(missing_names.len()),
                missing_names.join(", ")
            ),
        ));
    }
    Ok(Value::Tuple(slots.into_iter().map(Option::unwrap_or_default).collect()))
}

impl<'de> FromArgs<'de> for () {
    const LEN: usize = 0;

    fn from_args(_: &mut ArgList<'_, 'de>) -> Result<Self> {
        Ok(())
    }
}

macro_rules! from_args {
    ($(($($name:ident)*))*) => {$(
        impl<'de, $($name: Deserialize<'de>),*> FromArgs<'de> for ($($name,)*) {
            const LEN: usize = [$(stringify!($name)),*].len();

            #[inline]
            fn from_args(list: &mut ArgList<'_, 'de>) -> Result<Self> {
                Ok(($(list.take::<$name>()?,)*))
            }
        }
    )*};
}

from_args! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H) (A B C D E F G H I)
    (A B C D E F G H I J) (A B C D E F G H I J K) (A B C D E F G H I J K L) (A B C D E F G H I J K L M)
    (A B C D E F G H I J K L M N) (A B C D E F G H I J K L M N O) (A B C D E F G H I J K L M N O P)
}

macro_rules! borrowed {
    ($(#[$doc:meta])* $name:ident, $owned:ty, $target:ty, $what:literal, $method:ident, $borrowed:ident, $scratch:ident,
        $owning:ident, $serialize:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name<'a>(pub Cow<'a, $target>);

        impl<'a> From<&'a $target> for $name<'a> {
            fn from(v: &'a $target) -> Self {
                Self(Cow::Borrowed(v))
            }
        }

        impl std::ops::Deref for $name<'_> {
            type Target = $target;

            fn deref(&self) -> &$target {
                &self.0
            }
        }

        impl Serialize for $name<'_> {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.$serialize(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name<'de> {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                struct V;
                impl<'de> Visitor<'de> for V {
                    type Value = Cow<'de, $target>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($what)
                    }

                    fn $borrowed<E>(self, v: &'de $target) -> Result<Self::Value, E> {
                        Ok(Cow::Borrowed(v))
                    }

                    fn $scratch<E>(self, v: &$target) -> Result<Self::Value, E> {
                        Ok(Cow::Owned(v.to_owned()))
                    }

                    fn $owning<E>(self, v: $owned) -> Result<Self::Value, E> {
                        Ok(Cow::Owned(v))
                    }
                }
                d.$method(V).map($name)
            }
        }
    };
}

borrowed!(
    /// A `&str` argument: borrowed from the message where it lies there as it is.
    StrArg, String, str, "a string", deserialize_str, visit_borrowed_str, visit_str, visit_string,
    serialize_str
);

borrowed!(
    /// A `&[u8]` argument: borrowed from the message where it lies there as it is.
    BytesArg, Vec<u8>, [u8], "bytes", deserialize_bytes, visit_borrowed_bytes, visit_bytes, visit_byte_buf,
    serialize_bytes
);
