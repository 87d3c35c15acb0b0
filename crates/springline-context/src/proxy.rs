//! Calls without a trait.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use springline_core::remote::to_value;
use springline_core::service::{Call, CallKind, CallOptions, Service, ServiceInfo};
use springline_core::{Args, Payload, Reached, Result, Value};

/// An object by its methods' names, wherever it is. Cheap to clone.
#[derive(Clone)]
pub struct ObjectProxy {
    service: Arc<dyn Service>,
}

impl ObjectProxy {
    /// Calls methods of a service.
    #[must_use]
    pub fn new(service: Arc<dyn Service>) -> Self {
        Self { service }
    }

    /// Calls a method and reads its result as `R`.
    ///
    /// # Errors
    /// What the method raised, and every way in which a call fails.
    pub async fn call<R: DeserializeOwned>(&self, method: &str, args: impl Args) -> Result<R> {
        let reply = self.service.call(&Call::new(method, &args)).await?;
        reply.result.decode().map_err(|e| e.with_reached(Reached::Answered))
    }

    /// A call with more to it: arguments by name, a deadline.
    pub fn request<'a>(&'a self, method: &'a str) -> Request<'a> {
        Request {
            service: &self.service,
            method,
            args: Payload::from(Value::Tuple(Vec::new())),
            kwargs: Vec::new(),
            options: CallOptions::default(),
            failed: None,
        }
    }

    /// Reads an attribute.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn get_attr<R: DeserializeOwned>(&self, name: &str) -> Result<R> {
        let call = Call { kind: CallKind::GetAttr, ..Call::new(name, &()) };
        self.service.call(&call).await?.result.decode()
    }

    /// Sets an attribute.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn set_attr(&self, name: &str, value: impl Serialize + Sync) -> Result<()> {
        let args = (value,);
        let call = Call { kind: CallKind::SetAttr, ..Call::new(name, &args) };
        self.service.call(&call).await.map(|_| ())
    }

    /// What the object offers, asked of the peer where that is needed.
    ///
    /// # Errors
    /// Whatever keeps the peer from being asked.
    pub async fn describe(&self) -> Result<Option<ServiceInfo>> {
        self.service.learn().await
    }

    /// As a service.
    #[must_use]
    pub fn service(&self) -> Arc<dyn Service> {
        self.service.clone()
    }
}

impl fmt::Debug for ObjectProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObjectProxy")
    }
}

/// A call that is being put together.
#[must_use = "nothing is called until it is sent"]
pub struct Request<'a> {
    service: &'a Arc<dyn Service>,
    method: &'a str,
    args: Payload<'a>,
    kwargs: Vec<(Value, Value)>,
    options: CallOptions,
    failed: Option<springline_core::Error>,
}

impl<'a> Request<'a> {
    /// The positional arguments.
    pub fn args(mut self, args: &'a (impl Args + 'a)) -> Self {
        self.args = Payload::borrowed(args);
        self
    }

    /// An argument by name.
    pub fn kwarg(mut self, name: &str, value: impl Serialize) -> Self {
        match to_value(&value) {
            Ok(value) => self.kwargs.push((name.into(), value)),
            Err(e) => self.failed = Some(e.context(format!("argument '{name}'"))),
        }
        self
    }

    /// When to give up.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.options.deadline = Some(deadline);
        self
    }

    /// How long it may take from now on.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.deadline(Instant::now() + timeout)
    }

    /// Running it twice does the same as once: a pool may then repeat it.
    pub fn idempotent(mut self) -> Self {
        self.options.idempotent = true;
        self
    }

    /// Nobody waits for an answer.
    pub fn oneway(mut self) -> Self {
        self.options.oneway = true;
        self
    }

    /// Calls, and reads the result as `R`.
    ///
    /// # Errors
    /// As [`ObjectProxy::call`].
    pub async fn send<R: DeserializeOwned>(self) -> Result<R> {
        if let Some(e) = self.failed {
            return Err(e);
        }
        let kwargs = (!self.kwargs.is_empty()).then(|| Payload::from(Value::Map(self.kwargs)));
        let oneway = self.options.oneway;
        let call = Call { method: self.method, kind: CallKind::Method, args: self.args, kwargs, options: self.options };
        let reply = self.service.call(&call).await?;
        let result = if oneway { Payload::null() } else { reply.result };
        result.decode().map_err(|e| e.with_reached(Reached::Answered))
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}
