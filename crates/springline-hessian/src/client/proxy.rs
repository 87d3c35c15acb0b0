//! [`HessianProxy`]: a service's stand-in.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use springline_core::service::{
    BoxFuture, Call, CallKind, CallOptions, MethodInfo, ParamInfo, Reply, Service, ServiceInfo,
};
use springline_core::{Args, Bytes, Error, ErrorKind, Output, Payload, Reached, RemoteRef, Result, Value};
use springline_net::http::{AnswerCut, Body, ClientRequest, ClientResponse, HttpClient, HttpUrl, conditions};

use super::HessianProxyBuilder;
use crate::codec::{Part, Version, write1, write2};
use crate::message::{cut_off, finish_call, write_call_head};
use crate::{Dialect, mangle, parse_reply, write_call};

/// A stand-in for a Hessian service.
///
/// Cheap to clone, and clones share its connections, from any thread and any number of tasks. It connects at the first
/// call; calls that overlap have a connection each, which is kept for later ones.
///
/// ```no_run
/// # async fn f() -> springline_core::Result<()> {
/// use springline_hessian::client::HessianProxy;
///
/// #[derive(serde::Deserialize)]
/// #[serde(rename = "com.example.Person", rename_all = "camelCase")]
/// struct Person { first_name: String, last_name: String }
///
/// let people = HessianProxy::new("http://localhost:8080/people")?;
/// let person: Person = people.call("transform", ("Greg Turnquist a,b,c",)).await?;
/// # Ok(()) }
/// ```
///
/// # Failures
/// A call that may have run is never sent again, unless [`HessianProxyBuilder::retry_stale`] allows it. Its error says
/// [`Reached::MaybeExecuted`]. One that the server cannot have seen whole is sent again once if the connection had been kept
/// from an earlier call.
///
/// # Cancel safety
/// A call's future may be dropped at any time. Its connection goes with it, so that no other call gets its reply; it may
/// have run.
#[derive(Clone)]
pub struct HessianProxy {
    inner: Arc<Inner>,
    /// Path and query instead of those of the client's URL: another object of the same server.
    target: Option<Arc<str>>,
    url: Arc<str>,
}

struct Inner {
    http: HttpClient,
    options: HessianProxyBuilder,
}

impl HessianProxy {
    /// A proxy with default options for an `http` URL or a Unix socket.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a URL that cannot be read; [`ErrorKind::Config`] for an `https` one, which needs options.
    pub fn new(url: &str) -> Result<Self> {
        Self::builder(url).build()
    }

    /// A proxy with options. URLs are those of [`HttpUrl`].
    pub fn builder(url: &str) -> HessianProxyBuilder {
        HessianProxyBuilder::new(url)
    }

    pub(super) fn new_with(http: HttpClient, options: HessianProxyBuilder) -> Self {
        let url = http.text().into();
        Self { inner: Arc::new(Inner { http, options }), target: None, url }
    }

    /// The service's URL, its password masked.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The object that a reference stands for, with this proxy's options. One on the same server shares the connections and
    /// gets the same credentials and headers; one elsewhere gets neither.
    ///
    /// ```no_run
    /// # async fn f(bank: springline_hessian::client::HessianProxy) -> springline_core::Result<()> {
    /// if let springline_core::Value::Remote(account) = bank.call_value("open", ("anna",)).await? {
    ///     let balance: i64 = bank.remote(&account)?.call("deposit", (10_i64,)).await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a reference that has no URL of HTTP; [`ErrorKind::Config`] for one to an `https` server where
    /// no TLS options were set.
    pub fn remote(&self, reference: &RemoteRef) -> Result<Self> {
        let url: HttpUrl = reference.uri.parse()?;
        let here = self.inner.http.url();
        if url.secure() == here.secure() && url.address() == here.address() {
            let target = url.target("/");
            // What stands before the path of this proxy's URL, credentials masked.
            let mut there = here.clone();
            there.set_target(&target);
            return Ok(Self { inner: self.inner.clone(), target: Some(target.into()), url: there.to_string().into() });
        }
        self.inner.options.clone().elsewhere(url).build()
    }

    /// Calls a method and reads its result as `R`.
    ///
    /// # Errors
    /// See [the module](crate::client). [`ErrorKind::Mismatch`] when the result is no `R`.
    pub async fn call<R: DeserializeOwned>(&self, method: &str, args: impl Args) -> Result<R> {
        let mut out = Output::new();
        self.write(&mut out, &Call::new(method, &args))?;
        let reply = self.exchange(out.into(), &CallOptions::NONE).await?;
        self.read(&reply)
    }

    /// Calls a method and gives its result as it came.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn call_value(&self, method: &str, args: impl Args) -> Result<Value> {
        let mut out = Output::new();
        self.write(&mut out, &Call::new(method, &args))?;
        let reply = self.exchange(out.into(), &CallOptions::NONE).await?;
        self.result(&reply)?.into_value().map_err(|e| self.answered(cut_off(e, reply.len())))
    }

    /// What the service says of itself, by `_hessian_getAttribute`: the names of Java's classes, under `java.api.class`,
    /// `java.home.class` and `java.object.class`. `None` for what it does not know.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn attribute(&self, name: &str) -> Result<Option<String>> {
        let mut out = Output::new();
        let args = (name,);
        let (dialect, options) = (self.inner.options.dialect, &self.inner.options.write);
        let written = write_call(&mut out, dialect, GET_ATTRIBUTE, &Payload::borrowed(&args), options);
        written.map_err(|e| self.unsent(e))?;
        let reply = self.exchange(out.into(), &CallOptions::NONE).await?;
        self.read(&reply)
    }

    /// What the service offers, asked of its server, as far as that tells: those of Springline do, Java's do not.
    ///
    /// # Errors
    /// As [`call`](Self::call); [`ErrorKind::NotFound`] where the server does not tell, with the name of the service's
    /// interface if it tells that.
    pub async fn methods(&self) -> Result<ServiceInfo> {
        if let Some(text) = self.attribute("springline.methods").await? {
            let methods: Vec<MethodInfo> = text.lines().map(method).collect();
            return Ok(ServiceInfo { methods: methods.into(), ..ServiceInfo::default() });
        }
        let api = self.attribute("java.api.class").await?.map(|class| format!("; its interface is {class}"));
        let text = format!("the server does not tell the service's methods{}", api.unwrap_or_default());
        Err(self.answered(Error::new(ErrorKind::NotFound, text)))
    }

    /// Closes all idle connections. Calls in progress go on.
    pub fn release(&self) {
        self.inner.http.release();
    }

    /// How many connections are kept for later calls at the moment.
    #[must_use]
    pub fn idle_connections(&self) -> usize {
        self.inner.http.idle()
    }

    pub(super) fn http(&self) -> &HttpClient {
        &self.inner.http
    }

    pub(super) fn options(&self) -> &HessianProxyBuilder {
        &self.inner.options
    }

    pub(super) fn answered(&self, e: Error) -> Error {
        e.with_reached(Reached::Answered).with_endpoint(&self.url)
    }

    pub(super) fn unsent(&self, e: Error) -> Error {
        e.with_reached(Reached::NotSent).with_endpoint(&self.url)
    }

    pub(super) fn request(&self, body: Body, options: &CallOptions) -> ClientRequest {
        let mut request = ClientRequest::post(body);
        conditions::tell(options, &mut request);
        request.target = self.target.as_deref().map(str::to_owned);
        request
    }

    /// Sends a call and gives the whole reply.
    pub(super) async fn exchange(&self, body: Body, options: &CallOptions) -> Result<Bytes> {
        let mut request = self.request(body, options);
        let mut response = ClientResponse::default();
        match self.inner.http.exchange(&mut request, &mut response).await {
            Ok(()) => response.check(&self.url).map(|()| response.body),
            Err(e) => Err(self.broken_off(e)),
        }
    }

    pub(super) fn broken_off(&self, e: Error) -> Error {
        if !AnswerCut::is_cause_of(&e) {
            return e;
        }
        let text = format!(
            "the server answered 200 and then broke the reply off: Java's servers do so when they cannot read an argument or \
             write the result ({})",
            e.message()
        );
        Error::new(ErrorKind::Protocol, text).with_reached(e.reached()).with_endpoint(&self.url).with_source(e)
    }

    pub(super) fn result(&self, reply: &Bytes) -> Result<Payload<'static>> {
        match parse_reply(reply, &self.inner.options.read) {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(fault)) => Err(fault.into_error().with_endpoint(&self.url)),
            Err(e) => Err(self.answered(e)),
        }
    }

    pub(super) fn read<R: DeserializeOwned>(&self, reply: &Bytes) -> Result<R> {
        self.result(reply)?.decode().map_err(|e| self.answered(cut_off(e, reply.len())))
    }

    pub(crate) fn write(&self, out: &mut Output, call: &Call<'_>) -> Result<()> {
        self.try_write(out, call).map_err(|e| self.unsent(e))
    }

    fn try_write(&self, out: &mut Output, call: &Call<'_>) -> Result<()> {
        if call.kind != CallKind::Method {
            let text = format!("Hessian has methods only: '{}' cannot be read or set as an attribute", call.method);
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        let options = &self.inner.options;
        let bound = call.by_position("Hessian", options.info.as_ref())?;
        let args = bound.as_ref().unwrap_or(&call.args);
        let method = if options.overload { Cow::Owned(mangle::name(call.method, args)?) } else { call.method.into() };
        write_call(out, options.dialect, &method, args, &options.write)
    }

    async fn reply(&self, call: &Call<'_>) -> Result<Reply> {
        let mut out = Output::new();
        self.write(&mut out, call)?;
        let reply = self.exchange(out.into(), &call.options).await?;
        if call.options.oneway {
            return Ok(Payload::null().into());
        }
        self.passed_on(&reply, &call.options).map(Reply::from)
    }

    /// A reply's result for whoever gets it as a payload and reads it elsewhere, where nobody knows any more that the reply
    /// was cut.
    pub(super) fn passed_on(&self, reply: &Bytes, options: &CallOptions) -> Result<Payload<'static>> {
        let result = self.result(reply);
        let result = result.map_err(|e| conditions::late(options, e).with_endpoint(&self.url))?;
        let checked = result.view_source(&mut |source| source.skip());
        checked.map_err(|e| self.answered(cut_off(e, reply.len())))?;
        Ok(result)
    }

    // The types are known: nothing stands between the arguments and the bytes.
    fn write_typed<A: Args>(&self, method: &str, args: &A) -> Result<Output> {
        let HessianProxyBuilder { dialect, write, .. } = self.inner.options;
        let mut out = Output::new();
        out.buf.reserve(256);
        write_call_head(&mut out, dialect, method)?;
        match dialect.call() {
            Version::One => write1(Part::Arguments, &mut out, &write, |sink| args.encode_into(sink))?,
            Version::Two => write2(Part::Arguments, &mut out, &write, |sink| args.encode_into(sink))?,
        }
        finish_call(&mut out, dialect);
        Ok(out)
    }

    /// The dialect that calls are made in.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.inner.options.dialect
    }
}

// A method as it is told: `find(name, most?)`.
fn method(line: &str) -> MethodInfo {
    let (name, params) = line.split_once('(').unwrap_or((line, ""));
    let params = params.trim_end_matches(')').split(", ").filter(|name| !name.is_empty());
    let param = |name: &str| {
        let (name, optional) = name.strip_suffix('?').map_or((name, false), |name| (name, true));
        ParamInfo { name: name.to_owned().into(), optional, ..ParamInfo::default() }
    };
    let params: Vec<ParamInfo> = params.map(param).collect();
    MethodInfo { name: name.to_owned().into(), params: params.into(), ..MethodInfo::default() }
}

/// The method that every service has.
pub(crate) const GET_ATTRIBUTE: &str = "_hessian_getAttribute";

impl Service for HessianProxy {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(self.call_unboxed(call))
    }

    fn call_unboxed<'a>(&'a self, call: &'a Call<'a>) -> impl Future<Output = Result<Reply>> + Send + 'a {
        self.reply(call)
    }

    async fn call_typed<'a, A: Args, T: DeserializeOwned + 'static>(
        &'a self,
        info: &'static MethodInfo,
        args: &'a A,
    ) -> Result<T> {
        if self.inner.options.overload || info.kind != CallKind::Method || info.oneway {
            let call = Call::typed(info, args);
            return self.reply(&call).await?.read(info);
        }
        let out = self.write_typed(&info.name, args).map_err(|e| self.unsent(e))?;
        let reply = self.exchange(out.into(), &CallOptions::NONE).await?;
        self.read(&reply).map_err(|e| if e.exception().is_some() { e } else { info.wrong_result(e) })
    }

    fn describe(&self) -> Option<&ServiceInfo> {
        self.inner.options.info.as_ref()
    }

    /// Itself, for its streams.
    fn beside(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        Some(Arc::new(self.clone()))
    }
}

impl fmt::Debug for HessianProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HessianProxy").field("url", &self.url).field("dialect", &self.dialect()).finish_non_exhaustive()
    }
}
