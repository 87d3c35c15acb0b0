//! Calls with more to them than positional arguments, and batches.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use springline_core::service::{Call, CallKind, CallOptions, Service};
use springline_core::{Args, Encode, Error, Metadata, Payload, Reached, Result, Tape, Value};

use super::Proxy;
use crate::fault;

/// A result with what came beside it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Response<T> {
    /// The result.
    pub value: T,
    /// Response annotations and the correlation id.
    pub metadata: Metadata,
}

/// A call that is being put together; see [`Proxy::request`] and, for Pyro 3, the method of that name of its proxy.
#[must_use = "a request does nothing until it is sent"]
pub struct Request<'a, P = Proxy> {
    proxy: &'a P,
    uri: &'a (dyn fmt::Display + Sync),
    method: &'a str,
    args: Result<Value>,
    kwargs: Vec<(Value, Value)>,
    options: CallOptions,
    error: Option<Error>,
}

impl<P> fmt::Debug for Request<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} of {})", self.method, self.uri)
    }
}

impl<'a, P: Service> Request<'a, P> {
    pub(crate) fn new(proxy: &'a P, uri: &'a (dyn fmt::Display + Sync), method: &'a str) -> Self {
        let args = Ok(Value::Tuple(Vec::new()));
        Self { proxy, uri, method, args, kwargs: Vec::new(), options: CallOptions::default(), error: None }
    }

    /// Positional arguments, as a tuple.
    pub fn args(mut self, args: impl Args) -> Self {
        self.args = to_value(&args);
        self
    }

    /// One keyword argument.
    pub fn kwarg(mut self, name: &str, value: impl Serialize + Sync) -> Self {
        match to_value(&(value,)).map(|v| v.get(0).cloned().unwrap_or_default()) {
            Ok(value) => self.kwargs.push((name.into(), value)),
            Err(e) => self.error = Some(e.context(format!("keyword argument '{name}'"))),
        }
        self
    }

    /// How long this call may take, from now.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.deadline = Some(Instant::now() + timeout);
        self
    }

    /// Does not wait for an answer, whatever the daemon says of the method.
    pub fn oneway(mut self) -> Self {
        self.options.oneway = true;
        self
    }

    /// Sends the call and reads its result.
    ///
    /// # Errors
    /// As [`Proxy::call`].
    pub async fn send<R: DeserializeOwned>(self) -> Result<R> {
        Ok(self.send_full().await?.value)
    }

    /// Sends the call and reads its result and what came beside it.
    ///
    /// # Errors
    /// As [`Proxy::call`].
    pub async fn send_full<R: DeserializeOwned>(self) -> Result<Response<R>> {
        if let Some(e) = self.error {
            return Err(e);
        }
        let kwargs = (!self.kwargs.is_empty()).then(|| Payload::from(Value::Map(self.kwargs)));
        let args = Payload::from(self.args?);
        let call = Call { method: self.method, kind: CallKind::Method, args, kwargs, options: self.options };
        let reply = self.proxy.call(&call).await?;
        let value = reply.result.decode().map_err(|e| e.with_reached(Reached::Answered).with_endpoint(self.uri))?;
        Ok(Response { value, metadata: reply.metadata })
    }
}

/// What only Pyro 4 and 5 have.
impl Request<'_> {
    /// An annotation for this call. The key has four ASCII characters.
    pub fn annotation(mut self, key: impl Into<Cow<'static, str>>, data: impl Into<Bytes>) -> Self {
        self.options.metadata.set(key, data);
        self
    }

    /// The id that ties this call to others.
    pub fn correlation_id(mut self, id: [u8; 16]) -> Self {
        self.options.metadata.correlation_id = Some(id);
        self
    }
}

fn to_value(args: &impl Encode) -> Result<Value> {
    Payload::from(Tape::of(args)?).into_value()
}

/// Several calls of one object in one message; see [`Proxy::batch`]. They run in order until one raises.
///
/// Marshal cannot carry keyword arguments as null, so Python clients cannot batch in it; this one can.
#[derive(Debug)]
#[must_use = "a batch does nothing until it is sent"]
pub struct Batch<'a> {
    proxy: &'a Proxy,
    calls: Vec<Value>,
    error: Option<Error>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(proxy: &'a Proxy) -> Self {
        Self { proxy, calls: Vec::new(), error: None }
    }

    /// Adds a call.
    pub fn call(mut self, method: &str, args: impl Args) -> Self {
        match to_value(&args) {
            Ok(args) => self.calls.push(Value::Tuple(vec![method.into(), args, Value::Map(Vec::new())])),
            Err(e) => self.error = Some(e.context(format!("call {} of a batch, {method}()", self.calls.len() + 1))),
        }
        self
    }

    /// Sends all calls. The results stand in order; the first exception, as [`Error::exception`] has it, is the last of them.
    ///
    /// # Errors
    /// As [`Proxy::call`], for the batch as a whole.
    pub async fn send(self) -> Result<Vec<Result<Value>>> {
        let proxy = self.proxy;
        let args = self.payload()?;
        let results = proxy.send_batch(&args, false).await?.unwrap_or_default();
        let items = results.as_items().unwrap_or_default().iter();
        Ok(items.map(|v| fault::unwrap(v).map_or_else(|| Ok(v.clone()), |e| Err(Error::remote(e)))).collect())
    }

    /// Sends all calls and does not wait for answers.
    ///
    /// # Errors
    /// When the message could not be sent.
    pub async fn send_oneway(self) -> Result<()> {
        let proxy = self.proxy;
        let args = self.payload()?;
        proxy.send_batch(&args, true).await.map(|_| ())
    }

    fn payload(self) -> Result<Payload<'static>> {
        match self.error {
            Some(e) => Err(e),
            None => Ok(Payload::from(Value::List(self.calls))),
        }
    }
}
