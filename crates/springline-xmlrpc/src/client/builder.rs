//! The client's options.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use springline_core::{Error, ErrorKind, Limits, Result, ServiceInfo};
use springline_net::http::{HttpClient, HttpClientBuilder, HttpUrl, Proxies};
use springline_net::tls::{CertReqs, ClientTls, ClientTlsBuilder};

use super::XmlRpcProxy;
use super::proxy::Inner;
use crate::{Dialect, Encoding, ReadOptions, WriteOptions};

/// Sets up an [`XmlRpcProxy`]. The names are those of Spring Python's `SSLClient` and Python's `ServerProxy` where they have
/// them.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct XmlRpcProxyBuilder {
    url: Result<HttpUrl, Arc<Error>>,
    http: HttpClientBuilder,
    tls: TlsChoice,
    write: WriteOptions,
    read: ReadOptions,
    error: Option<Arc<Error>>,
    gzip_request: bool,
    prefix: String,
    info: Option<ServiceInfo>,
}

#[derive(Clone, Debug)]
enum TlsChoice {
    /// Nothing was set.
    Default,
    Options(ClientTlsBuilder),
    Ready(ClientTls),
}

impl XmlRpcProxyBuilder {
    pub(super) fn new(url: &str) -> Self {
        let mut read = ReadOptions::new();
        read.lenient_dates = true;
        let parsed = url.parse::<HttpUrl>().map(|mut url| {
            // ServerProxy's rule: no path means /RPC2, while '/' is a path.
            if url.path_is_empty() {
                url.set_target(&url.target("/RPC2"));
            }
            url
        });
        let http = match &parsed {
            Ok(url) => HttpClient::of(url.clone()),
            Err(_) => HttpClient::builder(url),
        };
        let http = http.user_agent(concat!("springline-xmlrpc/", env!("CARGO_PKG_VERSION")));
        Self {
            url: parsed.map_err(Arc::new),
            http: http.header("Content-Type", "text/xml"),
            tls: TlsChoice::Default,
            write: WriteOptions::new(),
            read,
            error: None,
            gzip_request: false,
            prefix: String::new(),
            info: None,
        }
    }

    fn with_tls(mut self, f: impl FnOnce(ClientTlsBuilder) -> ClientTlsBuilder) -> Self {
        let options = match self.tls {
            TlsChoice::Options(options) => options,
            TlsChoice::Default | TlsChoice::Ready(_) => ClientTls::builder(),
        };
        self.tls = TlsChoice::Options(f(options));
        self
    }

    fn with_http(mut self, f: impl FnOnce(HttpClientBuilder) -> HttpClientBuilder) -> Self {
        self.http = f(self.http);
        self
    }

    /// Path and query instead of the URL's: for `unix:` URLs, which have no room for them.
    pub fn path(self, target: &str) -> Self {
        self.with_http(|http| http.target(target))
    }

    /// A file with the authorities that the server's certificate may come from, in PEM.
    pub fn ca_certs(self, path: impl Into<PathBuf>) -> Self {
        self.with_tls(|tls| tls.ca_certs(path))
    }

    /// As [`ca_certs`](Self::ca_certs), from memory.
    pub fn ca_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        self.with_tls(|tls| tls.ca_pem(pem))
    }

    /// The file with our private key, in PEM and not encrypted.
    pub fn keyfile(self, path: impl Into<PathBuf>) -> Self {
        self.with_tls(|tls| tls.keyfile(path))
    }

    /// As [`keyfile`](Self::keyfile), from memory.
    pub fn key_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        self.with_tls(|tls| tls.key_pem(pem))
    }

    /// The file with our certificate, and those of intermediate authorities after it; in PEM.
    pub fn certfile(self, path: impl Into<PathBuf>) -> Self {
        self.with_tls(|tls| tls.certfile(path))
    }

    /// As [`certfile`](Self::certfile), from memory.
    pub fn cert_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        self.with_tls(|tls| tls.cert_pem(pem))
    }

    /// Whether the server's certificate is checked; see [`ClientTlsBuilder::cert_reqs`]. Default required.
    pub fn cert_reqs(self, cert_reqs: CertReqs) -> Self {
        self.with_tls(|tls| tls.cert_reqs(cert_reqs))
    }

    /// Takes any certificate of any server, so that anybody on the way can read and change everything. For tests alone.
    pub fn dangerously_accept_any_server(self) -> Self {
        self.with_tls(ClientTlsBuilder::dangerously_accept_any_server)
    }

    /// The name that the server's certificate has to be for, instead of the URL's host.
    pub fn server_name(self, name: impl Into<String>) -> Self {
        self.with_tls(|tls| tls.server_name(name))
    }

    /// Whether the server's certificate has to be for the URL's host. Default true; Spring Python never looked.
    pub fn verify_hostname(self, verify: bool) -> Self {
        self.with_tls(|tls| tls.verify_hostname(verify))
    }

    /// The version of TLS: `TLSv1_2`, `TLSv1_3`, or `TLS` (also `SSLv23`) for both, which is the default.
    pub fn ssl_version(self, name: &str) -> Self {
        self.with_tls(|tls| tls.versions([name]))
    }

    /// The cipher suites that are offered, by their IANA names. By default all that are sound.
    pub fn ciphers<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        self.with_tls(|tls| tls.ciphers(names))
    }

    /// TLS made ready elsewhere: one [`ClientTls`] for several proxies, or options that have no method here. Replaces what
    /// was set of TLS before.
    pub fn tls(mut self, tls: ClientTls) -> Self {
        self.tls = TlsChoice::Ready(tls);
        self
    }

    /// How long a call may take in all, connecting included. Default: as long as it takes, as in Python.
    pub fn timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        self.with_http(|http| http.timeout(timeout))
    }

    /// How long connecting may take. Default 10 s, and as much for the TLS handshake.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.with_http(|http| http.connect_timeout(timeout))
    }

    /// The encoding of calls, by its name: `utf-8`, `iso-8859-1`, ... Default UTF-8. Characters that it lacks are written as
    /// references. Answers say their encoding themselves.
    pub fn encoding(mut self, label: &str) -> Self {
        match Encoding::for_label(label) {
            Ok(encoding) => self.write.encoding = encoding,
            Err(e) => self.error = Some(Arc::new(Error::new(ErrorKind::Config, e.message().to_owned()))),
        }
        self
    }

    /// Shows the whole HTTP traffic through `tracing`, target `springline::http`, level INFO; secrets in headers are masked.
    /// Default false.
    pub fn verbose(self, verbose: bool) -> Self {
        self.with_http(|http| http.verbose(verbose))
    }

    /// Whether null may be sent, as `<nil/>`, and integers beyond 32 bits as `<i8>`. Default false: both are errors before
    /// anything is sent. They are always read.
    pub fn allow_none(mut self, allow: bool) -> Self {
        self.write.dialect = if allow { Dialect::Plain } else { Dialect::None };
        self
    }

    /// Whether every date has to be one. Default false: a date that is none (`00000000T00:00:00`, an empty one) comes as
    /// text; with true it is an error, as in Python, whose dates are otherwise wrapped text.
    pub fn use_datetime(mut self, use_datetime: bool) -> Self {
        self.read.lenient_dates = !use_datetime;
        self
    }

    /// All options of what is written, for instance Apache's dialect. Replaces what [`encoding`](Self::encoding) and
    /// [`allow_none`](Self::allow_none) have set.
    pub fn write_options(mut self, options: WriteOptions) -> Self {
        self.write = options;
        self
    }

    /// All options of what is read. Replaces what [`use_datetime`](Self::use_datetime) and [`limits`](Self::limits) have set.
    pub fn read_options(mut self, options: ReadOptions) -> Self {
        self.read = options;
        self
    }

    /// Bounds on answers. Default: those of [`ReadOptions`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.read.limits = limits;
        self
    }

    /// A header that goes with every call.
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.with_http(|http| http.header(name, value))
    }

    /// User and password for basic authentication, instead of `user:password@` in the URL.
    pub fn basic_auth(self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.with_http(|http| http.basic_auth(user, password))
    }

    /// The `User-Agent` header. Default `springline-xmlrpc/` and the version.
    pub fn user_agent(self, text: impl Into<String>) -> Self {
        self.with_http(|http| http.user_agent(text))
    }

    /// Whether answers may come compressed. Default true, as in CPython.
    pub fn accept_gzip(self, accept: bool) -> Self {
        self.with_http(|http| http.gzip(accept))
    }

    /// Whether calls of more than 1400 bytes are sent compressed, which not every server reads. Default false.
    pub fn gzip_request(mut self, gzip: bool) -> Self {
        self.gzip_request = gzip;
        self
    }

    /// Whether a call is sent once more when a connection that had been kept is closed without an answer; it may then run
    /// twice, as with CPython's client. Default false: only what the server cannot have seen is sent again.
    pub fn retry_stale(self, retry: bool) -> Self {
        self.with_http(|http| http.retry_stale(retry))
    }

    /// Connections at a time. Calls that overlap have one each; those beyond wait. Default 256.
    ///
    /// A server that serves one connection after the other and keeps them alive, as CPython's `SimpleXMLRPCServer` in
    /// HTTP/1.1, needs 1 here: a second connection would wait for the end of the first, which is kept.
    pub fn max_connections(self, connections: usize) -> Self {
        self.with_http(|http| http.max_connections(connections))
    }

    /// How many idle connections are kept, and for how long. Default 16, for 60 s.
    pub fn keep_alive(self, connections: usize, time: Duration) -> Self {
        self.with_http(|http| http.max_idle(connections).idle_timeout(time))
    }

    /// The HTTP proxies to go through. Default: what `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` in the
    /// environment say.
    pub fn proxies(self, proxies: Proxies) -> Self {
        self.with_http(|http| http.proxies(proxies))
    }

    /// What stands before every method's name, and a dot: `prefix("account")` makes the method `get_data` of a `#[remote]`
    /// trait `account.get_data`. Names that begin with `system.` are left alone.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// What the server offers: the parameters' names, by which calls with keyword arguments are brought into order, since
    /// XML-RPC knows arguments by position alone.
    pub fn describe(mut self, info: ServiceInfo) -> Self {
        self.info = Some(info);
        self
    }

    /// The proxy. Files are read now, nothing is connected yet.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a bad URL; [`ErrorKind::Config`] for options that cannot be used: a file that is missing or
    /// has not what it should, an unknown encoding, a header that cannot be sent, TLS options for a URL without TLS.
    pub fn build(self) -> Result<XmlRpcProxy> {
        let url = self.url.map_err(copy)?;
        if let Some(e) = self.error {
            return Err(copy(e));
        }
        let config = |text: &str| Error::new(ErrorKind::Config, text.to_owned()).with_endpoint(&url);
        let mut http = self.http.limits(self.read.limits);
        match (self.tls, url.secure()) {
            (TlsChoice::Ready(tls), true) => http = http.tls(tls),
            (TlsChoice::Options(options), true) => http = http.tls(options.build()?),
            (TlsChoice::Default, true) => {
                return Err(config(
                    "an https URL needs ca_certs, the authorities that the server's certificate may come from",
                ));
            }
            (TlsChoice::Default, false) => {}
            (_, false) => {
                return Err(config("TLS options for a URL that is not https: calls would go out in the clear"));
            }
        }
        let mut prefix = self.prefix;
        if !prefix.is_empty() && !prefix.ends_with('.') {
            prefix.push('.');
        }
        let inner = Inner { http: http.build()?, write: self.write, read: self.read, gzip_request: self.gzip_request };
        Ok(XmlRpcProxy::from_parts(Arc::new(inner), prefix.into(), self.info.map(Arc::new)))
    }
}

fn copy(e: Arc<Error>) -> Error {
    Arc::try_unwrap(e).unwrap_or_else(|e| Error::new(e.kind(), e.message().to_owned()))
}
