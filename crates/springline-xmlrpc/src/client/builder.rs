//! The client's options.

use std::sync::Arc;

use springline_core::{Error, ErrorKind, Limits, Result, ServiceInfo};
use springline_net::http::{HttpClient, HttpClientBuilder, HttpUrl, SecureUrl};

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
    tls: SecureUrl,
    write: WriteOptions,
    read: ReadOptions,
    error: Option<Arc<Error>>,
    gzip_request: bool,
    prefix: String,
    info: Option<ServiceInfo>,
}

springline_net::http_client_options!(XmlRpcProxyBuilder);

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
            tls: SecureUrl::default(),
            write: WriteOptions::new(),
            read,
            error: None,
            gzip_request: false,
            prefix: String::new(),
            info: None,
        }
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

    /// Whether answers may come compressed. Default true, as in CPython.
    pub fn accept_gzip(self, accept: bool) -> Self {
        self.with_http(|http| http.gzip(accept))
    }

    /// Whether calls of more than 1400 bytes are sent compressed, which not every server reads. Default false.
    pub fn gzip_request(mut self, gzip: bool) -> Self {
        self.gzip_request = gzip;
        self
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
        let mut http = self.http.limits(self.read.limits);
        if let Some(tls) = self.tls.of(&url)? {
            http = http.tls(tls);
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
