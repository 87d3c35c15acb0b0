//! What an HTTP client is made of.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use springline_core::{Error, ErrorKind, Limits, Result};
use tokio::sync::Semaphore;

use super::proxy::Proxies;
use super::url::{Credentials, HttpUrl};
use super::{HttpClient, Inner, Route};
use crate::Address;
#[cfg(feature = "tls")]
use crate::tls::ClientTls;

/// Makes an [`HttpClient`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct HttpClientBuilder {
    url: Result<HttpUrl, Arc<Error>>,
    #[cfg(feature = "tls")]
    tls: Option<ClientTls>,
    proxies: Option<Proxies>,
    credentials: Option<Credentials>,
    headers: Headers,
    user_agent: Option<String>,
    options: Options,
    max_connections: usize,
}

/// Names and values. `Debug` shows the names: values may be secrets.
#[derive(Clone, Default)]
struct Headers(Vec<(String, String)>);

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// What the calls themselves look at.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Option<Duration>,
    pub(super) max_idle: usize,
    pub(super) idle_timeout: Duration,
    pub(super) limits: Limits,
    pub(super) gzip: bool,
    pub(super) retry_stale: bool,
    pub(super) verbose: bool,
    pub(super) title_case: bool,
}

impl HttpClientBuilder {
    pub(super) fn new(url: Result<HttpUrl>) -> Self {
        Self {
            url: url.map_err(Arc::new),
            #[cfg(feature = "tls")]
            tls: None,
            proxies: None,
            credentials: None,
            headers: Headers::default(),
            user_agent: None,
            options: Options {
                connect_timeout: Duration::from_secs(10),
                timeout: None,
                max_idle: 16,
                idle_timeout: Duration::from_secs(60),
                limits: Limits::default(),
                gzip: true,
                retry_stale: false,
                verbose: false,
                title_case: false,
            },
            max_connections: 256,
        }
    }

    /// Path and query of requests that name none, instead of those of the URL: what a `unix:` URL has no room for.
    pub fn target(mut self, target: &str) -> Self {
        if let Ok(url) = &mut self.url {
            url.set_target(target);
        }
        self
    }

    /// The same options for another server. Credentials and headers stay behind: they are meant for the first one.
    pub fn elsewhere(mut self, url: HttpUrl) -> Self {
        self.url = Ok(url);
        self.credentials = None;
        self.headers.0.clear();
        self
    }

    /// What `https` is spoken with. Without it a client of an `https` URL cannot be built.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: ClientTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// The proxies to go through. Default: what the environment says, [`Proxies::from_environment`].
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = Some(proxies);
        self
    }

    /// User and password for basic authentication, before those of the URL.
    pub fn basic_auth(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some(Credentials { user: user.into(), password: password.into() });
        self
    }

    /// A header that goes with every request; replaces the client's own of that name. Its value is masked in the traffic
    /// that [`verbose`](Self::verbose) shows if its name says that it is a secret: see there.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.0.push((name.into(), value.into()));
        self
    }

    /// The `User-Agent` header. None is sent by default.
    pub fn user_agent(mut self, text: impl Into<String>) -> Self {
        self.user_agent = Some(text.into());
        self
    }

    /// How long connecting may take: the look-up of the name, all its addresses, the proxy's tunnel. The TLS handshake
    /// has its own, in [`ClientTls`]. Default 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = timeout;
        self
    }

    /// How long a call may take in all, from waiting for a connection to the last byte of the answer. Default: no bound.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.options.timeout = timeout.into();
        self
    }

    /// Connections at a time; calls beyond wait for one. Default 256, at least 1.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// Idle connections that are kept. Default 16; 0 closes each after its answer.
    pub fn max_idle(mut self, connections: usize) -> Self {
        self.options.max_idle = connections;
        self
    }

    /// How long an idle connection is kept for the next call. Looked at when there is one. Default 60 s.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.options.idle_timeout = timeout;
        self
    }

    /// Bounds on answers: `message_size`, `decompressed_size` and `decompression_ratio` are looked at.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.options.limits = limits;
        self
    }

    /// Whether compressed answers are asked for (`Accept-Encoding: gzip`). Those that come are unpacked either way.
    /// Default true, as CPython.
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.options.gzip = gzip;
        self
    }

    /// Whether a request is sent once more, over a new connection, when one that was kept alive ended before the first
    /// byte of an answer came. The server may have closed it just before, or while it was running the call: it may run
    /// twice. CPython does so always. Default false: only what the server cannot have seen is sent again.
    pub fn retry_stale(mut self, retry: bool) -> Self {
        self.options.retry_stale = retry;
        self
    }

    /// Tells the whole traffic through `tracing`, target `springline::http`, level INFO, as Python prints it: `send:`,
    /// `reply:`, `header:` and `body:`. `Authorization`, `Proxy-Authorization`, `Cookie`, `Set-Cookie` and headers whose names
    /// contain `token`, `secret`, `password` or `api-key` are masked; bodies are not. Default false.
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.options.verbose = verbose;
        self
    }

    /// Whether names of header fields are written as `Content-Type`, for servers that do not know that `content-type` is the
    /// same. Default false.
    pub fn title_case(mut self, title_case: bool) -> Self {
        self.options.title_case = title_case;
        self
    }

    /// Checks everything. Nothing is connected yet.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a bad URL; [`ErrorKind::Config`] for headers that cannot be sent, a proxy of a kind that is
    /// not supported, or an `https` URL without TLS.
    pub fn build(self) -> Result<HttpClient> {
        let url = self.url.map_err(|e| Error::new(e.kind(), e.message().to_owned()))?;
        let config = |text: String| Error::new(ErrorKind::Config, text).with_endpoint(&url);
        #[cfg(feature = "tls")]
        if url.secure() && self.tls.is_none() {
            return Err(config("an https URL needs TLS options: ca_certs at least".to_owned()));
        }
        #[cfg(not(feature = "tls"))]
        if url.secure() {
            return Err(config("this build has no TLS (feature tls of springline-net)".to_owned()));
        }
        let proxy = self.proxies.unwrap_or_else(Proxies::from_environment).find(&url)?;
        let mut headers = HeaderMap::new();
        let value = |name: &str, text: &str| {
            HeaderValue::from_str(text).map_err(|_| config(format!("the value of the header {name} cannot be sent")))
        };
        headers.insert(HOST, value("Host", url.authority())?);
        if self.options.gzip {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if let Some(text) = &self.user_agent {
            headers.insert(USER_AGENT, value("User-Agent", text)?);
        }
        if let Some(credentials) = self.credentials.as_ref().or(url.credentials()) {
            headers.insert(AUTHORIZATION, credentials.basic()?);
        }
        for (name, text) in &self.headers.0 {
            let key = HeaderName::try_from(name.as_str()).map_err(|_| config(format!("{name:?} is no header name")))?;
            if matches!(key.as_str(), "content-length" | "transfer-encoding" | "connection") {
                return Err(config(format!("the header {name} is set by the client itself")));
            }
            headers.insert(key, value(name, text)?);
        }
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        let secret = proxy.as_ref().and_then(|p| p.credentials.as_ref()).map(Credentials::basic).transpose()?;
        let mut prefix = String::new();
        let route = match proxy {
            None => Route::Direct,
            Some(server) if url.secure() => Route::Tunnel { proxy: server.address, secret },
            Some(server) => {
                prefix = format!("http://{}", url.authority());
                if let Some(secret) = secret {
                    headers.insert(http::header::PROXY_AUTHORIZATION, secret);
                }
                Route::Forward { proxy: server.address }
            }
        };
        debug_assert!(matches!(route, Route::Direct) || matches!(url.address(), Address::Tcp(..)));
        let (mut usual, ()) = http::Request::new(()).into_parts();
        usual.method = Method::POST;
        usual.uri = super::uri(&prefix, &url.target("/"))?;
        usual.headers = headers;
        Ok(HttpClient {
            inner: Arc::new(Inner {
                text: url.to_string(),
                prefix,
                url,
                route,
                #[cfg(feature = "tls")]
                tls: self.tls,
                usual,
                options: self.options,
                permits: Semaphore::new(self.max_connections),
                idle: Mutex::default(),
            }),
        })
    }
}
