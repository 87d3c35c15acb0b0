//! Setting up a server.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use springline_core::bind::FromArgs;
use springline_core::{Error, ErrorKind, FnService, Limits, Registry, Result, Service};
use springline_net::Address;
use springline_net::http::{Door, HttpHandler, HttpServerBuilder, Listening, Login, SingleUser};

use super::dispatch::Methods;
use super::handler::NoSuchPage;
use super::{XmlRpcHandler, XmlRpcServer};
use crate::{Dialect, FaultDialect, ReadOptions, WriteOptions};

/// Bytes of a request, unless told otherwise.
const MESSAGE_SIZE: usize = 8 << 20;
/// Bytes of an unpacked request, unless told otherwise: CPython's number.
const DECOMPRESSED_SIZE: usize = 20 << 20;
/// Calls in one multicall, unless told otherwise.
const MULTICALL: usize = 1000;

/// Sets up an [`XmlRpcServer`]. The options of TLS have the names of the original's `SSLServer`.
///
/// Mistakes are collected, and the first is told when the server is made.
#[must_use]
pub struct XmlRpcServerBuilder {
    listening: Listening,
    paths: Vec<String>,
    functions: BTreeMap<String, FnService>,
    last: Option<String>,
    registry: Registry,
    introspection: bool,
    capabilities: bool,
    multicall: usize,
    read: ReadOptions,
    write: WriteOptions,
    faults: FaultDialect,
    details: bool,
    deadline: Option<Duration>,
    log_requests: bool,
    gzip: bool,
    strict_content_type: bool,
    page: Option<String>,
    door: Option<Door>,
    mistake: Option<Error>,
}

impl Default for XmlRpcServerBuilder {
    fn default() -> Self {
        let mut read = ReadOptions::new();
        read.limits.message_size = MESSAGE_SIZE;
        read.limits.decompressed_size = DECOMPRESSED_SIZE;
        Self {
            listening: Listening::new("localhost", 8000),
            paths: vec!["/".to_owned(), "/RPC2".to_owned()],
            functions: BTreeMap::new(),
            last: None,
            registry: Registry::new(),
            introspection: true,
            capabilities: true,
            multicall: MULTICALL,
            read,
            write: WriteOptions::new(),
            faults: FaultDialect::default(),
            details: false,
            deadline: None,
            log_requests: true,
            gzip: true,
            strict_content_type: false,
            page: None,
            door: None,
            mistake: None,
        }
    }
}

springline_net::http_server_options!(XmlRpcServerBuilder);

/// What is answered at all.
impl XmlRpcServerBuilder {
    /// The paths that are answered; a query does not count. Default `/` and `/RPC2`. The last is the one that
    /// [`XmlRpcServer::url`] names.
    pub fn paths<T: Into<String>>(mut self, paths: impl IntoIterator<Item = T>) -> Self {
        self.paths = paths.into_iter().map(Into::into).collect();
        self
    }

    /// Bounds on requests and connections. Unless set, a request has at most 8 MiB, 20 MiB unpacked, and 64 levels.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.read.limits = limits;
        self
    }

    /// Bytes that a request may have, in place of the limit in [`limits`](Self::limits); unpacked it may have as many, or
    /// what the limits say if that is more.
    pub fn message_size(mut self, bytes: usize) -> Self {
        let limits = &mut self.read.limits;
        limits.message_size = bytes;
        limits.decompressed_size = limits.decompressed_size.max(bytes);
        self
    }
}

/// What is served.
impl XmlRpcServerBuilder {
    /// Serves a closure under `name`, which may have dots. It takes its arguments as a tuple; `params` names them for
    /// introspection and for errors, with a `?` at the end of those that may be left out.
    ///
    /// ```
    /// # use springline_xmlrpc::server::XmlRpcServer;
    /// # let _ =
    /// XmlRpcServer::builder()
    ///     .register_function("pow", ["x", "y"], |(x, y): (i64, u32)| async move { Ok(x.pow(y)) })
    ///     .doc("x to the power of y.")
    /// # ;
    /// ```
    pub fn register_function<A, T, F, Fut, const N: usize>(
        mut self,
        name: impl Into<String>,
        params: [&'static str; N],
        f: F,
    ) -> Self
    where
        A: for<'de> FromArgs<'de> + Send + 'static,
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        let name = name.into();
        self.check_name(&name);
        let function = FnService::new(name.clone()).method(Cow::Owned(name.clone()), params, f);
        if self.functions.insert(name.clone(), function).is_some() {
            self.mistake(format!("a function named '{name}' is registered already"));
        }
        self.last = Some(name);
        self
    }

    /// As [`register_function`](Self::register_function), for a closure that has its result at once. It must not block:
    /// other connections would wait for it.
    pub fn register_sync<A, T, F, const N: usize>(
        self,
        name: impl Into<String>,
        params: [&'static str; N],
        f: F,
    ) -> Self
    where
        A: for<'de> FromArgs<'de> + Send + 'static,
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        F: Fn(A) -> Result<T> + Send + Sync + 'static,
    {
        self.register_function(name, params, move |args| std::future::ready(f(args)))
    }

    /// Documents the function that was registered last.
    pub fn doc(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        let function = self.last.as_ref().and_then(|name| self.functions.remove_entry(name));
        match function {
            Some((name, function)) => {
                self.functions.insert(name, function.doc(text));
            }
            None => self.mistake("doc() documents a function: register one first".to_owned()),
        }
        self
    }

    /// Serves the methods of `service`, such as one of a `#[remote]` trait, as `prefix.method`. An empty prefix serves
    /// them by their own names.
    pub fn register_service(mut self, prefix: impl Into<String>, service: impl Service + 'static) -> Self {
        let prefix = prefix.into();
        self.check_name(&prefix);
        if let Err(e) = self.registry.register(prefix, service) {
            self.mistake.get_or_insert(e);
        }
        self
    }

    /// Serves all that is in `registry`, now and later, under the names that it has there. What was registered with
    /// [`register_service`](Self::register_service) before this goes into it.
    pub fn registry(mut self, registry: Registry) -> Self {
        let own = std::mem::replace(&mut self.registry, registry);
        for name in own.names() {
            if let Some(Err(e)) = own.get(&name).map(|service| self.registry.register(name, service)) {
                self.mistake.get_or_insert(e);
            }
        }
        self
    }

    fn check_name(&mut self, name: &str) {
        if name.split('.').any(|part| part.starts_with('_')) {
            self.mistake(format!("'{name}' could not be called: no part of a name may begin with an underscore"));
        }
    }

    #[cold]
    fn mistake(&mut self, what: String) {
        self.mistake.get_or_insert_with(|| Error::new(ErrorKind::Config, what));
    }

    /// Whether there are `system.listMethods`, `methodHelp` and `methodSignature`. Default true.
    pub fn introspection(mut self, on: bool) -> Self {
        self.introspection = on;
        self
    }

    /// Whether there is `system.getCapabilities`. Default true.
    pub fn capabilities(mut self, on: bool) -> Self {
        self.capabilities = on;
        self
    }

    /// How many calls one `system.multicall` may make; 0 is none at all, and no such method. Default 1,000.
    ///
    /// Once its results take 64 MiB, the calls that are left are not made, and get a fault each.
    pub fn multicall(mut self, calls: usize) -> Self {
        self.multicall = calls;
        self
    }
}

/// How it is answered.
impl XmlRpcServerBuilder {
    /// Whether results may be null and have integers beyond 32 bits, written as `<nil/>` and `<i8>`. Default false:
    /// such a result is a fault, and that of a method without a result an empty string.
    pub fn allow_none(mut self, on: bool) -> Self {
        self.write.dialect = if on { Dialect::Plain } else { Dialect::None };
        self
    }

    /// The forms in which answers are written.
    pub fn write_options(mut self, options: WriteOptions) -> Self {
        self.write = options;
        self
    }

    /// What is read beyond the specification, limits included; see [`limits`](Self::limits).
    pub fn read_options(mut self, options: ReadOptions) -> Self {
        self.read = options;
        self
    }

    /// The codes and texts of faults. Default [`FaultDialect::Interop`].
    pub fn fault_dialect(mut self, dialect: FaultDialect) -> Self {
        self.faults = dialect;
        self
    }

    /// Whether callers are told the causes of errors, and the texts of panics. For development. Default false.
    pub fn error_details(mut self, on: bool) -> Self {
        self.details = on;
        self
    }

    /// How long a call may take. It is dropped then, and its caller gets a fault. Default: as long as it likes.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    /// Whether each request is a line in the log. Default true.
    pub fn log_requests(mut self, on: bool) -> Self {
        self.log_requests = on;
        self
    }

    /// Whether answers of more than 1,400 bytes are compressed for callers who ask for it. Default true. Compressed
    /// requests are always read.
    pub fn gzip(mut self, on: bool) -> Self {
        self.gzip = on;
        self
    }

    /// Whether requests whose content type is not XML's are refused with 415. Default false: many callers send none, or
    /// another.
    pub fn strict_content_type(mut self, on: bool) -> Self {
        self.strict_content_type = on;
        self
    }

    /// Answers GET with a page of all methods and what is written about them. Default: there is none.
    pub fn html_page(mut self, title: impl Into<String>) -> Self {
        self.page = Some(title.into());
        self
    }

    /// Lets in whom `admits` says. Others get 401 and the realm's name, of printable ASCII, to show to their users.
    ///
    /// ```
    /// # use springline_xmlrpc::server::{Login, XmlRpcServer};
    /// # let _ =
    /// XmlRpcServer::builder().basic_auth("robots", |login: Login| async move { login.user == "guest" })
    /// # ;
    /// ```
    /// Compare secrets in constant time, as [`SingleUser`] does. Over HTTP without TLS everybody on the way reads them.
    pub fn basic_auth<F, Fut>(mut self, realm: &str, admits: F) -> Self
    where
        F: Fn(Login) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        match Door::new(realm, admits) {
            Ok(door) => self.door = Some(door),
            Err(e) => _ = self.mistake.get_or_insert(e),
        }
        self
    }

    /// Lets in one user.
    pub fn basic_auth_user(self, realm: &str, user: impl Into<String>, password: impl Into<String>) -> Self {
        let one = SingleUser::new(user, password);
        self.basic_auth(realm, move |login| std::future::ready(one.admits(&login.user, &login.password)))
    }
}

/// The server is made.
impl XmlRpcServerBuilder {
    /// Something to mount on an [`HttpServer`](springline_net::http::HttpServer). Address, paths, TLS and timeouts are that server's business.
    ///
    /// # Errors
    /// The first mistake that was made in setting it up: [`ErrorKind::Config`] or [`ErrorKind::Name`].
    pub fn handler(self) -> Result<Arc<XmlRpcHandler>> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        Ok(Arc::new(XmlRpcHandler {
            methods: Methods {
                functions: self.functions,
                registry: self.registry,
                introspection: self.introspection,
                capabilities: self.capabilities,
                multicall: self.multicall,
                read: self.read,
                write: self.write,
                faults: self.faults,
                details: self.details,
                deadline: self.deadline,
            },
            log_requests: self.log_requests,
            gzip: self.gzip,
            strict_content_type: self.strict_content_type,
            page: self.page,
            door: self.door,
        }))
    }

    /// Listens on the host and port that were set, and serves from now on, on the current runtime.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub async fn serve(self) -> Result<XmlRpcServer> {
        let address = Address::tcp(self.listening.host.clone(), self.listening.port);
        self.listen(address).await
    }

    /// Listens on `host:port`, `[ipv6]:port` or `unix:path` instead, and serves from now on.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] or [`ErrorKind::Name`] for a mistake in setting it up, [`ErrorKind::Unavailable`] when the
    /// address cannot be bound.
    pub async fn bind(self, address: &str) -> Result<XmlRpcServer> {
        let address = address.parse()?;
        self.listen(address).await
    }

    async fn listen(mut self, address: Address) -> Result<XmlRpcServer> {
        let paths = std::mem::take(&mut self.paths);
        let Some(path) = paths.last().cloned() else {
            return Err(Error::new(ErrorKind::Config, "there is no path to serve: see paths()"));
        };
        if let Some(path) = paths.iter().find(|path| !path.starts_with('/')) {
            return Err(Error::new(ErrorKind::Config, format!("the path {path:?} does not begin with a slash")));
        }
        let mut listening = self.listening.clone();
        listening.http.limits = self.read.limits;
        let log_requests = self.log_requests;
        let handler = self.handler()?;
        let served = handler.clone();
        let mount = |http: HttpServerBuilder| {
            let http = http.otherwise(Arc::new(NoSuchPage { log_requests }));
            paths.into_iter().fold(http, |http, path| http.mount(path, served.clone() as Arc<dyn HttpHandler>))
        };
        Ok(XmlRpcServer { web: listening.bind(&address, path, mount).await?, handler })
    }
}

impl fmt::Debug for XmlRpcServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let functions: Vec<_> = self.functions.keys().collect();
        f.debug_struct("XmlRpcServerBuilder")
            .field("functions", &functions)
            .field("services", &self.registry.names())
            .finish_non_exhaustive()
    }
}
