//! [`Service`]: the one shape of a local object, a proxy, a pool, a recorder and a gateway.

use std::any::Any;
use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::{Annotations, Args, Encode, Error, ErrorKind, Payload, Reached, Result, Value};

/// A boxed future that can move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Boxes the future that `make` gives, as `Box::pin` does, but made in the box: a large one is not made elsewhere and
/// moved there.
#[inline]
pub fn boxed<'a, F: Future + Send + 'a>(make: impl FnOnce() -> F) -> BoxFuture<'a, F::Output> {
    let future: Box<F> = Box::write(Box::new_uninit(), make());
    Box::into_pin(future)
}

/// An object that can be called. Local objects, proxies and everything in between.
///
/// There is no `poll_ready`: a service that is busy makes the call's future wait or fails it.
pub trait Service: Send + Sync {
    /// Calls a method. Dropping the future abandons the call, which may still run where it was sent to.
    ///
    /// The call is lent: it may be made again, of this service or another, and nothing of it is copied on the way.
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>>;

    /// The same without a box around the future, where the service's type is known; a service may have a way to do it.
    #[inline]
    fn call_unboxed<'a>(&'a self, call: &'a Call<'a>) -> impl Future<Output = Result<Reply>> + Send + 'a
    where
        Self: Sized,
    {
        self.call(call)
    }

    /// A call as `#[remote]` makes it. A service that writes and reads messages itself may leave out the payloads between.
    fn call_typed<'a, A: Args, T: DeserializeOwned + 'static>(
        &'a self,
        info: &'static MethodInfo,
        args: &'a A,
    ) -> impl Future<Output = Result<T>> + Send
    where
        Self: Sized,
    {
        async move {
            let call = Call::typed(info, args);
            self.call_unboxed(&call).await?.read(info)
        }
    }

    /// Serves calls one after the other until no more is at hand. Servers use it: one box does for many calls.
    fn serve<'a>(&'a self, calls: &'a mut dyn Calls) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            loop {
                let Some(next) = calls.next() else { return };
                let result = self.call(&next.to_call()).await;
                drop(next);
                calls.done(result);
            }
        })
    }

    /// What the object offers, where that is known without asking a peer.
    fn describe(&self) -> Option<&ServiceInfo> {
        None
    }

    /// What the object offers, asked of the peer where that is needed and its protocol has a way; `None` where nobody
    /// knows. Servers pass it on to clients who want to know: a gateway tells what the object behind it offers.
    ///
    /// # Errors
    /// Whatever keeps the peer from being asked.
    fn learn(&self) -> BoxFuture<'_, Result<Option<ServiceInfo>>> {
        Box::pin(std::future::ready(Ok(self.describe().cloned())))
    }

    /// What the service has beside calls of values, in a type that its own crate knows: a proxy of a protocol with streams
    /// gives itself, so that an exporter of the same protocol can pass them on. Default: nothing.
    fn beside(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }
}

/// Calls of one object that wait to be served; see [`Service::serve`].
pub trait Calls: Send {
    /// The next call, if one is at hand. The one before has been answered.
    fn next(&mut self) -> Option<NextCall<'_>>;

    /// Answers the call that was given last.
    fn done(&mut self, result: Result<Reply>);

    /// Answers the call that was given last with a result that is written at once, and metadata of the reply.
    fn answer(&mut self, result: &(dyn Encode + Sync), metadata: Option<Box<Metadata>>);
}

impl<S: Service + ?Sized> Service for Arc<S> {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        (**self).call(call)
    }

    fn serve<'a>(&'a self, calls: &'a mut dyn Calls) -> BoxFuture<'a, ()> {
        (**self).serve(calls)
    }

    fn describe(&self) -> Option<&ServiceInfo> {
        (**self).describe()
    }

    fn learn(&self) -> BoxFuture<'_, Result<Option<ServiceInfo>>> {
        (**self).learn()
    }

    fn beside(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        (**self).beside()
    }
}

impl<S: Service + ?Sized> Service for &S {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        (**self).call(call)
    }

    fn serve<'a>(&'a self, calls: &'a mut dyn Calls) -> BoxFuture<'a, ()> {
        (**self).serve(calls)
    }

    fn describe(&self) -> Option<&ServiceInfo> {
        (**self).describe()
    }

    fn learn(&self) -> BoxFuture<'_, Result<Option<ServiceInfo>>> {
        (**self).learn()
    }

    fn beside(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        (**self).beside()
    }
}

/// What is done to the object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CallKind {
    /// A method is called.
    #[default]
    Method,
    /// An attribute is read; there are no arguments.
    GetAttr,
    /// An attribute is set to the one argument.
    SetAttr,
}

/// One call: what, with which arguments, under which conditions.
#[derive(Debug)]
pub struct Call<'a> {
    /// The method's or attribute's name.
    pub method: &'a str,
    /// Method call or attribute access.
    pub kind: CallKind,
    /// Positional arguments: a list.
    pub args: Payload<'a>,
    /// Arguments by name: a map. `None` and an empty map mean the same.
    pub kwargs: Option<Payload<'a>>,
    /// Deadline, metadata and the like.
    pub options: CallOptions,
}

impl<'a> Call<'a> {
    /// A method call with positional arguments.
    #[inline]
    pub fn new<A: Args>(method: &'a str, args: &'a A) -> Self {
        Self {
            method,
            kind: CallKind::Method,
            args: Payload::borrowed(args),
            kwargs: None,
            options: CallOptions::default(),
        }
    }

    /// A call of a method that is described.
    #[inline]
    pub fn typed<A: Args>(info: &'static MethodInfo, args: &'a A) -> Self {
        let options = CallOptions { idempotent: info.idempotent, oneway: info.oneway, ..CallOptions::NONE };
        Self { method: &info.name, kind: info.kind, args: Payload::borrowed(args), kwargs: None, options }
    }

    /// What it is, without a copy.
    #[must_use]
    #[inline]
    pub fn view(&self) -> CallView<'_> {
        let Self { method, kind, args, kwargs, options } = self;
        CallView { method, kind: *kind, args, kwargs: kwargs.as_ref(), options }
    }

    /// The same call, to be changed without a copy of its arguments.
    #[must_use]
    pub fn by_ref(&self) -> Call<'_> {
        Call {
            method: self.method,
            kind: self.kind,
            args: self.args.by_ref(),
            kwargs: self.kwargs.as_ref().map(Payload::by_ref),
            options: self.options.clone(),
        }
    }
}

/// A call of a method with positional arguments, of those that wait to be [served](Service::serve). Its conditions stay with
/// whoever gives it out.
#[derive(Debug)]
pub struct NextCall<'a> {
    /// The method's name.
    pub method: &'a str,
    /// Positional arguments: a list.
    pub args: Payload<'a>,
    /// Metadata and the like.
    pub options: &'a CallOptions,
}

impl NextCall<'_> {
    /// What it is, without a copy.
    #[must_use]
    #[inline]
    pub fn view(&self) -> CallView<'_> {
        CallView { method: self.method, kind: CallKind::Method, args: &self.args, kwargs: None, options: self.options }
    }

    /// As a call with conditions of its own.
    #[must_use]
    pub fn to_call(&self) -> Call<'_> {
        let Self { method, args, options } = self;
        Call { method, kind: CallKind::Method, args: args.by_ref(), kwargs: None, options: (*options).clone() }
    }
}

/// What a call is, wherever its parts are kept.
#[derive(Clone, Copy, Debug)]
pub struct CallView<'a> {
    /// The method's or attribute's name.
    pub method: &'a str,
    /// Method call or attribute access.
    pub kind: CallKind,
    /// Positional arguments: a list.
    pub args: &'a Payload<'a>,
    /// Arguments by name: a map.
    pub kwargs: Option<&'a Payload<'a>>,
    /// Deadline, metadata and the like.
    pub options: &'a CallOptions,
}

/// The conditions of a call.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CallOptions {
    /// When to give up, whatever the proxy's own timeout says.
    pub deadline: Option<Instant>,
    /// Whether running it twice does the same as once: retries may then repeat it.
    pub idempotent: bool,
    /// Whether nobody waits for an answer.
    pub oneway: bool,
    /// Request annotations, correlation id.
    pub metadata: Metadata,
    /// On the serving side: who calls.
    pub peer: Option<Arc<Peer>>,
}

impl CallOptions {
    /// The defaults.
    pub const NONE: Self = Self {
        deadline: None,
        idempotent: false,
        oneway: false,
        metadata: Metadata { annotations: Annotations::new(), correlation_id: None },
        peer: None,
    };
}

/// Small named byte strings beside a call or a reply, and the id that ties together calls made on behalf of one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Names (four ASCII characters in Pyro) and data.
    pub annotations: Annotations,
    /// A UUID's 16 bytes.
    pub correlation_id: Option<[u8; 16]>,
}

impl Metadata {
    /// The data under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Bytes> {
        self.annotations.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// Sets `key`, replacing what it had.
    pub fn set(&mut self, key: impl Into<Cow<'static, str>>, data: impl Into<Bytes>) {
        let key = key.into();
        while self.annotations.take(&key).is_some() {}
        self.annotations.push((key, data.into()));
    }

    /// Sets the correlation id to the one that a text in the usual form has; anything else changes nothing.
    pub fn set_correlation_text(&mut self, text: &str) {
        let digits = text.trim().bytes().filter(|b| *b != b'-');
        let mut id = [0; 16];
        let mut count = 0;
        for b in digits {
            let Some(digit) = (b as char).to_digit(16) else { return };
            let Some(byte) = id.get_mut(count / 2) else { return };
            *byte = *byte << 4 | digit as u8;
            count += 1;
        }
        if count == 32 {
            self.correlation_id = Some(id);
        }
    }

    /// The correlation id in the usual form with hyphens.
    #[must_use]
    pub fn correlation_text(&self) -> Option<String> {
        self.correlation_id.map(|id| {
            let mut text = String::with_capacity(36);
            for (i, b) in id.iter().enumerate() {
                if matches!(i, 4 | 6 | 8 | 10) {
                    text.push('-');
                }
                text.push_str(&format!("{b:02x}"));
            }
            text
        })
    }
}

/// Who is at the other end of a connection, as the handler of a call sees it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Peer {
    /// The address as text: `127.0.0.1:50123`, `[::1]:50123`, or the path of a Unix socket.
    pub address: String,
    /// The protocol's name and version: `pyro5/502`.
    pub protocol: String,
    /// What the handshake agreed on, such as the data that a Pyro client sent with it.
    pub handshake: Option<Value>,
    /// What the transport proved of the peer: over TLS its certificate.
    pub credentials: Option<Credentials>,
}

/// What a transport proved of a peer, in a type that the transport's crate knows.
#[derive(Clone, Debug)]
pub struct Credentials(Arc<dyn Any + Send + Sync>);

impl Credentials {
    /// Keeps what is known.
    pub fn new<T: Any + Send + Sync>(known: Arc<T>) -> Self {
        Self(known)
    }

    /// What is known, if it is a `T`.
    #[must_use]
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.clone().downcast().ok()
    }
}

/// The very same, not an equal one.
impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Peer {
    /// A peer at `address`, speaking `protocol`.
    pub fn new(address: impl Into<String>, protocol: impl Into<String>) -> Self {
        Self { address: address.into(), protocol: protocol.into(), handshake: None, credentials: None }
    }
}

/// What a call came to.
#[derive(Debug)]
pub struct Reply {
    /// The result.
    pub result: Payload<'static>,
    /// Response annotations, correlation id.
    pub metadata: Metadata,
}

impl Reply {
    /// A reply that carries a typed value.
    #[inline]
    pub fn typed<T: serde::Serialize + Send + Sync + 'static>(value: T) -> Self {
        Self { result: Payload::owned(value), metadata: Metadata::default() }
    }
}

impl Reply {
    /// The result of a described method. Of a oneway one nobody looks at it.
    ///
    /// # Errors
    /// When it is not of type `T`; the error names the method.
    #[inline]
    pub fn read<T: DeserializeOwned>(&self, info: &MethodInfo) -> Result<T> {
        let decoded = if info.oneway { Payload::null().decode() } else { self.result.decode() };
        decoded.map_err(|e| info.wrong_result(e))
    }
}

impl From<Payload<'static>> for Reply {
    fn from(result: Payload<'static>) -> Self {
        Self { result, metadata: Metadata::default() }
    }
}

impl From<Value> for Reply {
    fn from(v: Value) -> Self {
        Payload::from(v).into()
    }
}

/// What an object offers: Pyro's metadata, XML-RPC's introspection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceInfo {
    /// The trait's or class's name.
    pub name: Cow<'static, str>,
    /// Its documentation.
    pub doc: Cow<'static, str>,
    /// Its methods and attributes.
    pub methods: Cow<'static, [MethodInfo]>,
}

impl ServiceInfo {
    /// The method of that name, not an attribute.
    #[must_use]
    pub fn method(&self, name: &str) -> Option<&MethodInfo> {
        self.methods.iter().find(|m| m.kind == CallKind::Method && m.name == name)
    }
}

/// One method, or one direction of an attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MethodInfo {
    /// The name on the wire.
    pub name: Cow<'static, str>,
    /// Method, or attribute getter or setter.
    pub kind: CallKind,
    /// Its parameters.
    pub params: Cow<'static, [ParamInfo]>,
    /// What it returns, as the source has it: `Result<i64>` in a `#[remote]` trait, `i64` for closures. Empty where that
    /// is not known.
    pub returns: Cow<'static, str>,
    /// Whether callers should not wait for an answer.
    pub oneway: bool,
    /// Whether running it twice does the same as once.
    pub idempotent: bool,
    /// Its documentation.
    pub doc: Cow<'static, str>,
}

impl MethodInfo {
    /// What becomes of the error of a result that could not be read.
    #[cold]
    #[must_use]
    pub fn wrong_result(&self, e: Error) -> Error {
        e.with_reached(Reached::Answered).context(format!("result of {}()", self.name))
    }
}

/// One parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParamInfo {
    /// Its name, by which keyword arguments bind.
    pub name: Cow<'static, str>,
    /// Its type, as the source has it.
    pub type_name: Cow<'static, str>,
    /// Whether it may be left out (an `Option`).
    pub optional: bool,
}

/// The error for a method that the object does not have, in Python's words.
#[cold]
#[must_use]
pub fn no_such_method(service: &str, kind: CallKind, name: &str) -> Error {
    let what = match kind {
        CallKind::Method => "method",
        CallKind::GetAttr | CallKind::SetAttr => "attribute",
    };
    Error::new(ErrorKind::NotFound, format!("'{service}' object has no {what} '{name}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_ids_as_text() {
        let mut metadata = Metadata::default();
        for text in ["", "x", "00112233-4455-6677-8899-aabbccddee", "00112233445566778899aabbccddeeff00"] {
            metadata.set_correlation_text(text);
            assert_eq!(metadata.correlation_id, None, "{text}");
        }
        let text = "00112233-4455-6677-8899-aabbccddeeff";
        metadata.set_correlation_text(text);
        assert_eq!(metadata.correlation_text().as_deref(), Some(text));
    }
}
