//! The client's options.

use std::fmt;
use std::sync::Arc;

use springline_core::{Error, Limits, Result, ServiceInfo};
use springline_net::http::{HttpClient, HttpClientBuilder, HttpUrl, SecureUrl};

use super::HessianProxy;
use crate::{Dialect, LoneSurrogates, ReadOptions, WriteOptions};

/// Sets up a [`HessianProxy`].
#[derive(Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct HessianProxyBuilder {
    url: Result<HttpUrl, Arc<Error>>,
    http: HttpClientBuilder,
    tls: SecureUrl,
    pub(super) dialect: Dialect,
    pub(super) overload: bool,
    pub(super) write: WriteOptions,
    pub(super) read: ReadOptions,
    pub(super) info: Option<ServiceInfo>,
}

springline_net::http_client_options!(HessianProxyBuilder);

impl HessianProxyBuilder {
    pub(super) fn new(url: &str) -> Self {
        let parsed = url.parse::<HttpUrl>();
        let http = match &parsed {
            Ok(url) => HttpClient::of(url.clone()),
            Err(_) => HttpClient::builder(url),
        };
        Self {
            url: parsed.map_err(Arc::new),
            http: with_headers(http.user_agent(concat!("springline-hessian/", env!("CARGO_PKG_VERSION")))),
            tls: SecureUrl::default(),
            dialect: Dialect::default(),
            overload: false,
            write: WriteOptions::new(),
            read: ReadOptions::new(),
            info: None,
        }
    }

    /// The same options for another server; credentials and headers stay behind.
    pub(super) fn elsewhere(mut self, url: HttpUrl) -> Self {
        if !url.secure() {
            self.tls = SecureUrl::default();
        }
        self.http = with_headers(self.http.elsewhere(url.clone()));
        self.url = Ok(url);
        self.info = None;
        self
    }

    /// What calls are written in, and replies asked for in. Default [`Dialect::Mixed`], as in Java. Replies may come in
    /// either version.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Whether methods are asked for by their mangled names, `over_int_string`, so that a Java server finds the right one
    /// of several with the same name. Default false, as in Java.
    ///
    /// The kinds of the arguments make the name: `i32` and smaller are `int`, `i64` is `long`, lists are `List`, maps are
    /// `Map`, objects go by their class. Where that is not what the method declares (an array, an `Object`, a null), call it
    /// by the name that [`mangled`](crate::mangle::mangled) makes, with this switched off.
    pub fn overload(mut self, on: bool) -> Self {
        self.overload = on;
        self
    }

    /// Whether replies may come compressed, by bare deflate, as Caucho's servers have it. Default true.
    pub fn accept_deflate(self, accept: bool) -> Self {
        self.with_http(|http| http.header("Accept-Encoding", if accept { "deflate" } else { "identity" }))
    }

    /// What becomes of a surrogate without a partner in Java's texts. Default an error.
    pub fn lone_surrogates(mut self, policy: LoneSurrogates) -> Self {
        self.read.lone_surrogates = policy;
        self
    }

    /// Whether objects come as maps of their fields, as the original's dictionaries. Default false.
    pub fn objects_as_maps(mut self, on: bool) -> Self {
        self.read.objects_as_maps = on;
        self
    }

    /// All options of what is written, for instance how `java.time` travels.
    pub fn write_options(mut self, options: WriteOptions) -> Self {
        self.write = options;
        self
    }

    /// All options of what is read. Replaces what the methods above and [`limits`](Self::limits) have set.
    pub fn read_options(mut self, options: ReadOptions) -> Self {
        self.read = options;
        self
    }

    /// Bounds on replies. Default: those of [`ReadOptions`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.read.limits = limits;
        self
    }

    /// What the service offers: the parameters' names, by which calls with keyword arguments are brought into order, since
    /// Hessian knows arguments by position alone.
    pub fn describe(mut self, info: ServiceInfo) -> Self {
        self.info = Some(info);
        self
    }

    /// The proxy. Files are read now, nothing is connected yet.
    ///
    /// # Errors
    /// [`ErrorKind::Name`](springline_core::ErrorKind::Name) for a bad URL;
    /// [`ErrorKind::Config`](springline_core::ErrorKind::Config) for options that cannot be used: a file that is missing or
    /// has not what it should, a header that cannot be sent, TLS options for a URL without TLS.
    pub fn build(self) -> Result<HessianProxy> {
        let copy = |e: &Arc<Error>| Error::new(e.kind(), e.message().to_owned());
        let url = self.url.as_ref().map_err(copy)?;
        let mut http = self.http.clone().limits(self.read.limits);
        if let Some(tls) = self.tls.clone().of(url)? {
            // Proxies of references share it: files are read once.
            http = http.tls(tls.clone());
            let http = http.build()?;
            return Ok(HessianProxy::new_with(http, Self { tls: SecureUrl::ready(tls), ..self }));
        }
        Ok(HessianProxy::new_with(http.build()?, self))
    }
}

fn with_headers(http: HttpClientBuilder) -> HttpClientBuilder {
    http.header("Content-Type", "x-application/hessian").header("Accept-Encoding", "deflate")
}

impl fmt::Debug for HessianProxyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HessianProxyBuilder").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}
