//! What `#[remote]` and `derive(RemoteError)` build on.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::Scope;
use crate::payload::Typed;
use crate::service::{CallOptions, Calls, Metadata, MethodInfo, Reply, Service};
use crate::value_source::ValueSource;
use crate::{Args, Budget, Error, ErrorKind, Exception, Payload, Result, Tape, Value, de};

/// An error type that a remote method may return: [`Error`] itself, or a user's enum with `derive(RemoteError)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a remote method",
    note = "use `springline::Error`, or an enum with `#[derive(RemoteError)]`"
)]
pub trait RemoteError: Sized {
    /// From what the call came to: an exception of the peer or a failure of the transport.
    fn from_error(error: Error) -> Self;

    /// What the other side is told. An [`Error`] that came from elsewhere is passed on.
    fn into_error(self) -> Error;
}

impl RemoteError for Error {
    fn from_error(error: Error) -> Self {
        error
    }

    fn into_error(self) -> Error {
        self
    }
}

/// The `Result` that a remote method returns, whatever alias it is written with.
#[diagnostic::on_unimplemented(
    message = "a remote method returns a `Result<T>` or `Result<T, E>`, not `{Self}`",
    note = "`T` must be `Serialize + DeserializeOwned + Send + Sync + 'static`, `E` must be `RemoteError`"
)]
pub trait RemoteResult: Sized {
    /// What a call gives.
    type Ok: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What a failed call gives.
    type Err: RemoteError;

    /// As a plain `Result`.
    fn into_result(self) -> Result<Self::Ok, Self::Err>;

    /// From a plain `Result`.
    fn from_result(result: Result<Self::Ok, Self::Err>) -> Self;
}

impl<T, E> RemoteResult for std::result::Result<T, E>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    E: RemoteError,
{
    type Ok = T;
    type Err = E;

    fn into_result(self) -> Self {
        self
    }

    fn from_result(result: Self) -> Self {
        result
    }
}

/// What a oneway method returns: nobody waits for its result, so there is none.
#[diagnostic::on_unimplemented(
    message = "a oneway method returns `Result<()>`, not `{Self}`",
    note = "nobody waits for its result"
)]
pub trait OnewayResult: RemoteResult {}

impl<E: RemoteError> OnewayResult for std::result::Result<(), E> {}

/// What crosses the wire by itself: an argument's type, as the server reads it, or a field of an exception.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to a peer",
    note = "it must be `Serialize + DeserializeOwned + Send + Sync`"
)]
pub trait Argument: Serialize + DeserializeOwned + Send + Sync {}

impl<T: Serialize + DeserializeOwned + Send + Sync> Argument for T {}

/// Where the object behind a generated `...Ref` is. `L` is the object-safe twin of its trait.
pub enum Handle<L: ?Sized> {
    /// In this process.
    Local(Arc<L>),
    /// Behind a service.
    Remote(Arc<dyn Service>),
}

impl<L: ?Sized> Clone for Handle<L> {
    fn clone(&self) -> Self {
        match self {
            Self::Local(object) => Self::Local(object.clone()),
            Self::Remote(service) => Self::Remote(service.clone()),
        }
    }
}

impl<L: ?Sized> fmt::Debug for Handle<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local(_) => "local",
            Self::Remote(_) => "remote",
        })
    }
}

/// The calling half of a generated method.
pub async fn invoke<S, A, R>(service: &S, info: &'static MethodInfo, args: A) -> R
where
    S: Service,
    A: Args,
    R: RemoteResult,
{
    R::from_result(service.call_typed(info, &args).await.map_err(R::Err::from_error))
}

/// What a handler gave, and what it wants to be sent with it.
pub type Responded<T> = Result<(T, Option<Box<Metadata>>)>;

/// The serving half of a generated method: runs the handler within the call's context.
pub async fn run<R: RemoteResult>(options: &CallOptions, handler: impl Future<Output = R>) -> Responded<R::Ok> {
    let (result, metadata) = Scope::new(options, std::pin::pin!(handler)).await;
    match result.into_result() {
        Ok(value) => Ok((value, metadata)),
        Err(e) => Err(e.into_error()),
    }
}

/// The same, as a [`Service::call`] has it.
pub async fn respond<R: RemoteResult>(options: &CallOptions, handler: impl Future<Output = R>) -> Result<Reply> {
    reply(run(options, handler).await)
}

/// As the reply of a [`Service::call`].
pub fn reply<T: Serialize + Send + Sync + 'static>(responded: Responded<T>) -> Result<Reply> {
    let (value, metadata) = responded?;
    Ok(Reply { result: Payload::owned(value), metadata: metadata.map(|metadata| *metadata).unwrap_or_default() })
}

/// As an answer in a [`Service::serve`].
#[inline]
pub fn answer<T: Serialize + Sync>(calls: &mut dyn Calls, responded: Responded<T>) {
    match responded {
        Ok((value, metadata)) => calls.answer(&Typed(value), metadata),
        Err(e) => calls.done(Err(e)),
    }
}

/// Turns any failure of a handler into what a peer may be told.
///
/// Exceptions go as they are. Of our own errors only the kind, as a Python class name, and the message are told.
#[must_use]
pub fn exception_of(error: Error) -> Exception {
    match error.into_exception() {
        Ok(exception) => exception,
        Err(e) => {
            let class = match e.kind() {
                ErrorKind::Arguments | ErrorKind::Mismatch => "TypeError",
                ErrorKind::NotFound => "AttributeError",
                ErrorKind::Timeout => "TimeoutError",
                ErrorKind::Unavailable | ErrorKind::NoEndpoint | ErrorKind::Closed => "ConnectionError",
                ErrorKind::Denied => "PermissionError",
                ErrorKind::Limit | ErrorKind::Name | ErrorKind::Encode | ErrorKind::Malformed => "ValueError",
                _ => "RuntimeError",
            };
            Exception::new(class, e.said())
        }
    }
}

/// What `value` looks like to a peer.
///
/// ```
/// let value = springline_core::remote::to_value(&(1, "two"))?;
/// assert_eq!(value.get(1).and_then(|v| v.as_str()), Some("two"));
/// # Ok::<(), springline_core::Error>(())
/// ```
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value> {
    Value::read(&mut Tape::of(&Typed(value))?.source(Budget::default()))
}

/// Reads a value that a peer sent as `T`.
pub fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T> {
    de::from_source(&mut ValueSource::new(value, Budget::default()))
}

/// A variant of an enum with `derive(RemoteError)`, as an exception.
#[derive(Clone, Copy, Debug)]
pub struct VariantInfo {
    /// What the generated code calls it.
    pub id: u32,
    /// Its class.
    pub class: &'static str,
    /// Its number, where it has one.
    pub code: Option<i64>,
}

/// The variant that stands for an exception: that of its class as written, else of its class with or without the
/// module, else of its code.
#[must_use]
pub fn variant_of(variants: &[VariantInfo], exception: &Exception) -> Option<u32> {
    let find = |fits: &dyn Fn(&VariantInfo) -> bool| variants.iter().find(|v| fits(v)).map(|v| v.id);
    find(&|v| v.class == exception.class)
        .or_else(|| find(&|v| exception.is(v.class)))
        .or_else(|| find(&|v| v.code.is_some() && v.code == exception.code))
}

/// The field of a tuple variant with more than one.
pub fn argument<T: DeserializeOwned>(exception: &Exception, index: usize) -> Result<T> {
    from_value(exception.args.get(index).unwrap_or(&Value::Null))
        .map_err(|e| e.context(format!("argument {} of {}", index + 1, exception.class)))
}

/// The field of a tuple variant with one: the first argument, or the message where the peer sends no arguments or
/// the field is the text.
pub fn only_argument<T: DeserializeOwned>(exception: &Exception) -> Result<T> {
    let message = || from_value(&Value::from(exception.message.as_str()));
    match exception.args.first() {
        Some(first) => from_value(first).or_else(|e| message().map_err(|_: Error| e)),
        None => message(),
    }
    .map_err(|e| e.context(format!("argument 1 of {}", exception.class)))
}

/// The field of a struct variant.
pub fn attribute<T: DeserializeOwned>(exception: &Exception, name: &str) -> Result<T> {
    from_value(exception.attribute(name).unwrap_or(&Value::Null))
        .map_err(|e| e.context(format!("attribute '{name}' of {}", exception.class)))
}

/// What goes to the carrier when a field of an exception does not fit: the exception, and why.
#[cold]
#[must_use]
pub fn misfit(error: Error, why: Error) -> Error {
    if std::error::Error::source(&error).is_some() { error } else { error.with_source(why) }
}

/// An exception that is being made from a variant.
#[derive(Debug)]
pub struct Raise {
    exception: Exception,
    failed: Option<Error>,
}

impl Raise {
    /// An exception that says what `error` displays.
    #[must_use]
    pub fn new(class: &str, code: Option<i64>, error: &dyn fmt::Display) -> Self {
        let mut exception = Exception::new(class, error.to_string());
        exception.code = code;
        Self { exception, failed: None }
    }

    /// The fields of a tuple variant take the message's place as the arguments.
    #[must_use]
    pub fn with_arguments(mut self) -> Self {
        self.exception.args.clear();
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn argument<T: Serialize>(mut self, value: &T) -> Self {
        match to_value(value) {
            Ok(value) => self.exception.args.push(value),
            Err(e) => self.failed = Some(e),
        }
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute<T: Serialize>(mut self, name: &str, value: &T) -> Self {
        match to_value(value) {
            Ok(value) => self.exception.attributes.push((name.to_owned(), value)),
            Err(e) => self.failed = Some(e.context(format!("attribute '{name}'"))),
        }
        self
    }

    /// The finished error; one that tells what could not be written if a field could not.
    #[must_use]
    pub fn done(self) -> Error {
        match self.failed {
            None => Error::remote(self.exception),
            Some(e) => e.context(self.exception.class),
        }
    }
}
