//! [`FnService`]: an object made of closures, for scripts, tests and objects known only at run time.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

use crate::bind::FromArgs;
use crate::remote::respond;
use crate::service::{BoxFuture, Call, CallKind, MethodInfo, ParamInfo, Reply, Service, ServiceInfo, no_such_method};
use crate::{Result, Value};

// A closure whose arguments' types are forgotten. It runs inside the returned future, so that it sees the call's context.
trait Handler: Send + Sync {
    fn call<'a>(&'a self, call: &'a Call<'a>, info: &'a MethodInfo) -> BoxFuture<'a, Result<Reply>>;
}

struct Method<A, F>(F, PhantomData<fn(A)>);

impl<A, T, F, Fut> Handler for Method<A, F>
where
    A: for<'de> FromArgs<'de> + Send,
    T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
    F: Fn(A) -> Fut + Send + Sync,
    Fut: Future<Output = Result<T>> + Send,
{
    fn call<'a>(&'a self, call: &'a Call<'a>, info: &'a MethodInfo) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            let args = call.read_args::<A>(info)?;
            respond(&call.options, async { (self.0)(args).await }).await
        })
    }
}

trait Otherwise: Send + Sync {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>>;
}

struct Dynamic<F>(F);

impl<F, Fut> Otherwise for Dynamic<F>
where
    F: Fn(String, Value, Value) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Value>> + Send,
{
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            let Call { method, args, kwargs, options, .. } = call;
            let args = args.to_value()?;
            let kwargs = match kwargs {
                Some(kwargs) => kwargs.to_value()?,
                None => Value::Map(Vec::new()),
            };
            respond(options, async { (self.0)((*method).to_owned(), args, kwargs).await }).await
        })
    }
}

/// A service from closures. Each takes its arguments as a tuple and returns a future.
///
/// ```
/// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # fn ready<F: Future>(f: F) -> F::Output {
/// #     match pin!(f).poll(&mut Context::from_waker(Waker::noop())) { Poll::Ready(v) => v, Poll::Pending => panic!() }
/// # }
/// use springline_core::{Call, FnService, Service};
///
/// let calc = FnService::new("calc")
///     .method("add", ["a", "b"], |(a, b): (i64, i64)| async move { Ok(a + b) })
///     .doc("The sum.");
/// # ready(async {
/// let reply = calc.call(&Call::new("add", &(1, 2))).await?;
/// assert_eq!(reply.result.decode::<i64>()?, 3);
/// # Ok::<(), springline_core::Error>(())
/// # }).unwrap();
/// ```
///
/// A parameter whose name ends in `?` may be left out: `["a", "b?"]` with `(i64, Option<i64>)`.
pub struct FnService {
    info: ServiceInfo,
    handlers: Vec<Box<dyn Handler>>,
    otherwise: Option<Box<dyn Otherwise>>,
}

impl FnService {
    /// An object without methods.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        let info = ServiceInfo { name: name.into(), ..ServiceInfo::default() };
        Self { info, handlers: Vec::new(), otherwise: None }
    }

    /// Adds a method, or puts it in place of one with its name. There must be a name for each argument that the
    /// closure takes.
    #[must_use]
    pub fn method<A, T, F, Fut, const N: usize>(
        self,
        name: impl Into<Cow<'static, str>>,
        params: [&'static str; N],
        f: F,
    ) -> Self
    where
        A: for<'de> FromArgs<'de> + Send + 'static,
        T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        const { assert!(<A as FromArgs<'static>>::LEN == N, "there must be a name for each argument") };
        self.add(CallKind::Method, name.into(), &params, f)
    }

    /// Adds an attribute that can be read.
    #[must_use]
    pub fn attribute<T, F, Fut>(self, name: impl Into<Cow<'static, str>>, get: F) -> Self
    where
        T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        self.add(CallKind::GetAttr, name.into(), &[], move |()| get())
    }

    /// Adds the setting of an attribute.
    #[must_use]
    pub fn setter<T, F, Fut>(self, name: impl Into<Cow<'static, str>>, set: F) -> Self
    where
        T: serde::de::DeserializeOwned + Send + 'static,
        F: Fn(T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.add(CallKind::SetAttr, name.into(), &["value"], move |(value,): (T,)| set(value))
    }

    /// Adds what answers every method that was not added by name: it gets the method, a list or tuple of the
    /// positional arguments, and a map of those by name. What the object offers is then unknown to callers.
    #[must_use]
    pub fn otherwise<F, Fut>(mut self, f: F) -> Self
    where
        F: Fn(String, Value, Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value>> + Send + 'static,
    {
        self.otherwise = Some(Box::new(Dynamic(f)));
        self
    }

    /// Documents what was added last, or the object itself where nothing was added yet.
    #[must_use]
    pub fn doc(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        match self.info.methods.to_mut().last_mut() {
            Some(method) => method.doc = text.into(),
            None => self.info.doc = text.into(),
        }
        self
    }

    /// Tells callers not to wait for an answer of the method added last.
    #[must_use]
    pub fn oneway(mut self) -> Self {
        if let Some(method) = self.info.methods.to_mut().last_mut() {
            method.oneway = true;
        }
        self
    }

    /// Tells callers that the method added last may be repeated.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        if let Some(method) = self.info.methods.to_mut().last_mut() {
            method.idempotent = true;
        }
        self
    }

    fn add<A, T, F, Fut>(mut self, kind: CallKind, name: Cow<'static, str>, params: &[&'static str], f: F) -> Self
    where
        A: for<'de> FromArgs<'de> + Send + 'static,
        T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        let methods = self.info.methods.to_mut();
        if let Some(old) = methods.iter().position(|m| m.kind == kind && m.name == name) {
            methods.remove(old);
            drop(self.handlers.remove(old));
        }
        let types = members(std::any::type_name::<A>());
        let type_name = |at: usize| types.get(at).copied().unwrap_or_default();
        let params = params.iter().enumerate().map(|(at, p)| param(p, type_name(at))).collect();
        let returns = std::any::type_name::<T>().into();
        methods.push(MethodInfo { name, kind, params: Cow::Owned(params), returns, ..MethodInfo::default() });
        self.handlers.push(Box::new(Method(f, PhantomData)));
        self
    }
}

// The types in a tuple's name: `(i64, alloc::vec::Vec<(u8, u8)>)` has two.
fn members(tuple: &'static str) -> Vec<&'static str> {
    let Some(inner) = tuple.strip_prefix('(').and_then(|t| t.strip_suffix(')')) else { return Vec::new() };
    let (mut depth, mut start, mut types) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        match c {
            '(' | '<' | '[' => depth += 1,
            ')' | '>' | ']' => depth -= 1,
            ',' if depth == 0 => {
                types.push(inner[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    types.push(inner[start..].trim());
    types.retain(|t| !t.is_empty());
    types
}

fn param(name: &'static str, type_name: &'static str) -> ParamInfo {
    let (name, optional) = match name.strip_suffix('?') {
        Some(name) => (name, true),
        None => (name, false),
    };
    ParamInfo { name: name.into(), type_name: type_name.into(), optional }
}

impl Service for FnService {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        let found = self.info.methods.iter().zip(&self.handlers);
        for (info, handler) in found {
            if info.kind == call.kind && info.name == call.method {
                return handler.call(call, info);
            }
        }
        match &self.otherwise {
            Some(otherwise) if call.kind == CallKind::Method => otherwise.call(call),
            _ => Box::pin(std::future::ready(Err(no_such_method(&self.info.name, call.kind, call.method)))),
        }
    }

    fn describe(&self) -> Option<&ServiceInfo> {
        self.otherwise.is_none().then_some(&self.info)
    }
}

impl fmt::Debug for FnService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.info.methods.iter().map(|m| &*m.name).collect();
        f.debug_struct("FnService").field("name", &self.info.name).field("methods", &names).finish_non_exhaustive()
    }
}
