//! [`XmlRpcProxy`]: a server's stand-in.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use springline_core::service::{BoxFuture, Call, CallKind, MethodInfo, Reply, Service, ServiceInfo};
use springline_core::{Args, Error, ErrorKind, Payload, Reached, Result, Value};
use springline_net::http::{ClientRequest, ClientResponse, HeaderValue, HttpClient, coding, conditions, header};

use super::{Multicall, XmlRpcProxyBuilder};
use crate::{ReadOptions, WriteOptions, parse_response, write_call};

/// From this size on a call is compressed, if at all. CPython's server compresses answers from there.
const GZIP_FROM: usize = 1400;
/// How much of an answer that is none is shown.
const SHOWN: usize = 60;

/// A stand-in for an XML-RPC server.
///
/// Cheap to clone, and clones share its connections, from any thread and any number of tasks. It connects at the first
/// call; calls that overlap have a connection each, which is kept for later ones.
///
/// ```no_run
/// # async fn f() -> springline_core::Result<()> {
/// use springline_xmlrpc::client::XmlRpcProxy;
/// let server = XmlRpcProxy::new("http://localhost:8000")?;
/// let sum: i64 = server.call("add", (1, 2)).await?;
/// let supervisor = server.object("supervisor");
/// let state = supervisor.call_value("getState", ()).await?;
/// # Ok(()) }
/// ```
///
/// # Failures
/// A call that may have run is never sent again, unless [`XmlRpcProxyBuilder::retry_stale`] allows it. Its error says
/// [`Reached::MaybeExecuted`]. One that the server cannot have seen whole is sent again once if the connection had been kept
/// from an earlier call.
///
/// # Cancel safety
/// A call's future may be dropped at any time. Its connection goes with it, so that no other call gets its answer; it may
/// have run.
#[derive(Clone)]
pub struct XmlRpcProxy {
    inner: Arc<Inner>,
    /// Empty, or with a dot at its end.
    prefix: Arc<str>,
    info: Option<Arc<ServiceInfo>>,
}

pub(super) struct Inner {
    pub(super) http: HttpClient,
    pub(super) write: WriteOptions,
    pub(super) read: ReadOptions,
    pub(super) gzip_request: bool,
}

impl XmlRpcProxy {
    /// A proxy with default options for an `http` URL or a Unix socket. The path is `/RPC2` where the URL has none.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a URL that cannot be read; [`ErrorKind::Config`] for an `https` one, which needs options.
    pub fn new(url: &str) -> Result<Self> {
        Self::builder(url).build()
    }

    /// A proxy with options. URLs are those of [`HttpUrl`](springline_net::http::HttpUrl): `http`, `https`, `http+unix` and
    /// `unix`.
    pub fn builder(url: &str) -> XmlRpcProxyBuilder {
        XmlRpcProxyBuilder::new(url)
    }

    pub(super) fn from_parts(inner: Arc<Inner>, prefix: Arc<str>, info: Option<Arc<ServiceInfo>>) -> Self {
        Self { inner, prefix, info }
    }

    /// The server's URL, its password masked.
    #[must_use]
    pub fn url(&self) -> &str {
        self.inner.http.text()
    }

    /// The methods below a name: `server.object("supervisor").call("getState", ())` calls `supervisor.getState`. Shares the
    /// connections.
    #[must_use]
    pub fn object(&self, name: &str) -> Self {
        Self { inner: self.inner.clone(), prefix: format!("{}{name}.", self.prefix).into(), info: None }
    }

    /// Calls a method and reads its result as `R`.
    ///
    /// # Errors
    /// See [the module](crate::client). [`ErrorKind::Mismatch`] when the result is no `R`.
    pub async fn call<R: DeserializeOwned>(&self, method: &str, args: impl Args) -> Result<R> {
        let result = self.invoke(&Call::new(method, &args)).await?;
        result.decode().map_err(|e| self.answered(e))
    }

    /// Calls a method and gives its result as it came.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn call_value(&self, method: &str, args: impl Args) -> Result<Value> {
        let result = self.invoke(&Call::new(method, &args)).await?;
        result.into_value().map_err(|e| self.answered(e))
    }

    /// Several calls in one message.
    pub fn multicall(&self) -> Multicall<'_> {
        Multicall::new(self)
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

    pub(super) fn answered(&self, e: Error) -> Error {
        e.with_reached(Reached::Answered).with_endpoint(self.url())
    }

    // The name on the wire.
    pub(super) fn full_name<'a>(&self, method: &'a str) -> Cow<'a, str> {
        if self.prefix.is_empty() || method.starts_with("system.") {
            Cow::Borrowed(method)
        } else {
            Cow::Owned(format!("{}{method}", self.prefix))
        }
    }

    pub(super) async fn invoke(&self, call: &Call<'_>) -> Result<Payload<'static>> {
        let body = self.write(call).map_err(|e| e.with_reached(Reached::NotSent).with_endpoint(self.url()))?;
        let mut request = if self.inner.gzip_request && body.len() > GZIP_FROM {
            ClientRequest::post(coding::gzip(&body)).header(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))
        } else {
            ClientRequest::post(body)
        };
        conditions::tell(&call.options, &mut request);
        let mut response = ClientResponse::default();
        self.inner.http.exchange(&mut request, &mut response).await?;
        response.check(self.url())?;
        if call.options.oneway {
            // The caller does not care, and there may be no value for "nothing" in what the server speaks.
            return Ok(Payload::null());
        }
        self.read(&response).map_err(|e| conditions::late(&call.options, self.answered(e)).with_endpoint(self.url()))
    }

    async fn reply(&self, call: &Call<'_>) -> Result<Reply> {
        self.invoke(call).await.map(Reply::from)
    }

    fn write(&self, call: &Call<'_>) -> Result<Vec<u8>> {
        if call.kind != CallKind::Method {
            let text = format!("XML-RPC has methods only: '{}' cannot be read or set as an attribute", call.method);
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        let bound = call.by_position("XML-RPC", self.info.as_deref())?;
        let args = bound.as_ref().unwrap_or(&call.args);
        let mut out = Vec::with_capacity(512);
        write_call(&mut out, &self.full_name(call.method), args, &self.inner.write)?;
        Ok(out)
    }

    fn read(&self, response: &ClientResponse) -> Result<Payload<'static>> {
        let kind = response.head.header(header::CONTENT_TYPE).unwrap_or_default();
        match parse_response(response.body.clone(), charset(kind), &self.inner.read) {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(fault)) => Err(Error::remote(fault.into_exception())),
            // A limit speaks for itself, and so does a flaw in something that is XML-RPC at large.
            Err(e) if e.kind() == ErrorKind::Limit || is_response(&response.body) => Err(e),
            Err(e) => {
                let kind = if kind.is_empty() { "none".to_owned() } else { format!("{kind:?}") };
                let text = format!(
                    "the answer is no XML-RPC (content type {kind}, {} bytes): {}",
                    response.body.len(),
                    shown(&response.body)
                );
                Err(Error::new(ErrorKind::Protocol, text).with_source(e))
            }
        }
    }
}

// The charset parameter of a content type.
fn charset(content_type: &str) -> Option<&str> {
    // What nearly all say.
    if content_type == "text/xml" {
        return None;
    }
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    })
}

// Whether a document means to be a response. Other encodings than ASCII's relatives are taken at their word.
fn is_response(body: &[u8]) -> bool {
    let start = body.get(..1024).unwrap_or(body);
    start.contains(&0) || start.windows(15).any(|w| w == b"<methodResponse")
}

fn shown(body: &[u8]) -> String {
    if body.is_empty() {
        return "it is empty".to_owned();
    }
    let text = String::from_utf8_lossy(body.get(..SHOWN * 4).unwrap_or(body));
    let start: String = text.chars().take(SHOWN).collect();
    format!("it begins with {start:?}")
}

impl Service for XmlRpcProxy {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(self.call_unboxed(call))
    }

    fn call_unboxed<'a>(&'a self, call: &'a Call<'a>) -> impl Future<Output = Result<Reply>> + Send + 'a {
        self.reply(call)
    }

    fn describe(&self) -> Option<&ServiceInfo> {
        self.info.as_deref()
    }

    /// By `system.listMethods`: names without parameters. `None` of servers without introspection.
    fn learn(&self) -> BoxFuture<'_, Result<Option<ServiceInfo>>> {
        Box::pin(async {
            if let Some(info) = &self.info {
                return Ok(Some(ServiceInfo::clone(info)));
            }
            let names = match self.list_methods().await {
                Ok(names) => names,
                Err(e) if e.kind() == ErrorKind::Remote => return Ok(None),
                Err(e) => return Err(e),
            };
            let own = |name: String| {
                let bare = name.strip_prefix(&*self.prefix)?;
                let hidden = self.prefix.is_empty() && bare.starts_with("system.");
                (!hidden).then(|| MethodInfo { name: bare.to_owned().into(), ..MethodInfo::default() })
            };
            let methods: Vec<MethodInfo> = names.into_iter().filter_map(own).collect();
            Ok(Some(ServiceInfo { methods: methods.into(), ..ServiceInfo::default() }))
        })
    }
}

impl fmt::Debug for XmlRpcProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XmlRpcProxy").field("url", &self.url()).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets() {
        for (text, found) in [
            ("text/xml", None),
            ("text/xml; charset=utf-8", Some("utf-8")),
            ("text/xml;x=y; Charset=\"ISO-8859-1\"", Some("ISO-8859-1")),
            ("text/xml; charset", None),
        ] {
            assert_eq!(charset(text), found, "{text}");
        }
    }
}
