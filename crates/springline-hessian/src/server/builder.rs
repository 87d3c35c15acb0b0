//! Setting up an exporter.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use springline_core::bind::FromArgs;
use springline_core::{Error, ErrorKind, Limits, Result, Service};
use springline_net::Address;
use springline_net::http::{Door, HttpHandler, HttpServerBuilder, Listening, Login, SingleUser};
use tokio::io::AsyncRead;

use super::exporter::{Attributes, NoSuchPage};
use super::passing::Passed;
use super::streams::{BinaryStream, Streams};
use super::{HessianServer, HessianServiceExporter};
use crate::{ReadOptions, WriteOptions};

/// Bytes of a request, unless told otherwise.
const MESSAGE_SIZE: usize = 32 << 20;
/// Bytes of an unpacked request, unless told otherwise.
const DECOMPRESSED_SIZE: usize = 64 << 20;

/// Sets up a [`HessianServiceExporter`], or a [`HessianServer`] with one. The options of TLS have the names of the original's
/// `SSLServer`.
///
/// Mistakes are collected, and the first is told when the exporter is made.
#[must_use]
pub struct HessianServiceExporterBuilder {
    service: Arc<dyn Service>,
    listening: Listening,
    path: String,
    attributes: Attributes,
    streams: Streams,
    read: ReadOptions,
    write: WriteOptions,
    introspection: bool,
    details: bool,
    deadline: Option<Duration>,
    log_requests: bool,
    deflate: bool,
    door: Option<Door>,
    mistake: Option<Error>,
}

springline_net::http_server_options!(HessianServiceExporterBuilder);

/// What is served.
impl HessianServiceExporterBuilder {
    pub(super) fn new(service: Arc<dyn Service>) -> Self {
        let mut read = ReadOptions::new();
        read.limits.message_size = MESSAGE_SIZE;
        read.limits.decompressed_size = DECOMPRESSED_SIZE;
        Self {
            service,
            listening: Listening::new("localhost", 8080),
            path: "/".to_owned(),
            attributes: Attributes::default(),
            streams: Streams::default(),
            read,
            write: WriteOptions::new(),
            introspection: true,
            details: false,
            deadline: None,
            log_requests: true,
            deflate: false,
            door: None,
            mistake: None,
        }
    }

    /// The path of the service; a query does not count. Default `/`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        if !self.path.starts_with('/') {
            let text = format!("the path {:?} does not begin with a slash", self.path);
            self.mistake.get_or_insert_with(|| Error::new(ErrorKind::Config, text));
        }
        self
    }

    /// The Java interface of the service, which `_hessian_getAttribute("java.api.class")` tells; so a Java client can make its
    /// proxy from the URL alone. Default: none is told.
    pub fn api_class(mut self, class: impl Into<String>) -> Self {
        self.attributes.api = Some(class.into());
        self
    }

    /// As [`api_class`](Self::api_class), for `java.home.class`. Default: that of the interface.
    pub fn home_class(mut self, class: impl Into<String>) -> Self {
        self.attributes.home = Some(class.into());
        self
    }

    /// As [`api_class`](Self::api_class), for `java.object.class`. Default: that of the interface.
    pub fn object_class(mut self, class: impl Into<String>) -> Self {
        self.attributes.object = Some(class.into());
        self
    }

    /// Whether `_hessian_getAttribute("springline.methods")` tells the methods and their parameters. Default true. Java's
    /// servers have nothing like it.
    pub fn introspection(mut self, on: bool) -> Self {
        self.introspection = on;
        self
    }

    /// Serves a closure beside the service's own methods, whose last parameter is a stream that is read as it comes and never
    /// held whole; `params` names those before it. Bounds of [`limits`](Self::limits) on the message's size hold for what
    /// stands before the stream.
    ///
    /// ```
    /// # use springline_hessian::server::{BinaryStream, HessianServiceExporter};
    /// # let service = springline_core::FnService::new("x");
    /// # let _ =
    /// HessianServiceExporter::builder(service).upload("upload", ["name"], |(name,): (String,), mut data: BinaryStream| async move {
    ///     let mut bytes = 0;
    ///     while let Some(piece) = data.chunk().await? {
    ///         bytes += piece.len();
    ///     }
    ///     Ok(format!("{name}: {bytes} bytes"))
    /// })
    /// # ;
    /// ```
    pub fn upload<A, T, F, Fut, const N: usize>(
        mut self,
        name: impl Into<Cow<'static, str>>,
        params: [&'static str; N],
        f: F,
    ) -> Self
    where
        A: for<'de> FromArgs<'de> + Send + 'static,
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        F: Fn(A, BinaryStream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        self.streams.upload(name.into(), &params, f);
        self
    }

    /// Serves a closure beside the service's own methods, whose result is a stream that is sent as it is read.
    ///
    /// ```
    /// # use springline_hessian::server::HessianServiceExporter;
    /// # let service = springline_core::FnService::new("x");
    /// # let _ =
    /// HessianServiceExporter::builder(service)
    ///     .download("download", ["n"], |(n,): (u64,)| async move { Ok(tokio::io::AsyncReadExt::take(tokio::io::repeat(7), n)) })
    /// # ;
    /// ```
    ///
    /// Java's client 4.0.38 closes a stream of Hessian 2 before it was read; taken as `byte[]` it comes whole.
    pub fn download<A, R, F, Fut, const N: usize>(
        mut self,
        name: impl Into<Cow<'static, str>>,
        params: [&'static str; N],
        f: F,
    ) -> Self
    where
        A: for<'de> FromArgs<'de> + Send + 'static,
        R: AsyncRead + Send + 'static,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        self.streams.download(name.into(), &params, f);
        self
    }

    /// Passes calls of a method whose last parameter is a stream on to the object, which has to be a
    /// [`HessianProxy`](crate::client::HessianProxy): for gateways. The stream goes on as it comes and is never held whole.
    /// `method` tells the parameters, of which the last is the stream, as in `store(name, data)`.
    ///
    /// A call's deadline holds until the answer is there. A stream that breaks off does so on the other side as well.
    pub fn pass_upload(mut self, method: &str) -> Self {
        match Passed::upload(&self.service, method) {
            Ok((told, passed)) => self.streams.add_upload(told, Box::new(passed)),
            Err(e) => drop(self.mistake.get_or_insert(e)),
        }
        self
    }

    /// The same for a method whose result is a stream, as in `fetch(name)`. A call's deadline holds until the stream's end.
    /// Another result than a stream, as null, goes on as it is.
    pub fn pass_download(mut self, method: &str) -> Self {
        match Passed::download(&self.service, method) {
            Ok((told, passed)) => self.streams.add_download(told, Box::new(passed)),
            Err(e) => drop(self.mistake.get_or_insert(e)),
        }
        self
    }
}

/// How it is answered.
impl HessianServiceExporterBuilder {
    /// Bounds on requests and connections. Unless set, a request has at most 32 MiB, 64 MiB unpacked, and 200 levels.
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

    /// What is read, limits included; see [`limits`](Self::limits).
    pub fn read_options(mut self, options: ReadOptions) -> Self {
        self.read = options;
        self
    }

    /// The forms in which answers are written.
    pub fn write_options(mut self, options: WriteOptions) -> Self {
        self.write = options;
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

    /// Whether answers of more than 1,400 bytes are compressed, by bare deflate, for callers who ask for `deflate` as Java's
    /// do. Default false, as in Java. Compressed requests are always read.
    pub fn deflate(mut self, on: bool) -> Self {
        self.deflate = on;
        self
    }

    /// Lets in whom `admits` says. Others get 401 and the realm's name, of printable ASCII, to show to their users.
    ///
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

/// The exporter is made.
impl HessianServiceExporterBuilder {
    /// Something to mount on an [`HttpServer`](springline_net::http::HttpServer). Address, path, TLS and timeouts are that
    /// server's business.
    ///
    /// # Errors
    /// The first mistake that was made in setting it up: [`ErrorKind::Config`].
    pub fn handler(self) -> Result<Arc<HessianServiceExporter>> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        Ok(Arc::new(HessianServiceExporter {
            service: self.service,
            attributes: self.attributes,
            streams: self.streams,
            read: self.read,
            write: self.write,
            introspection: self.introspection,
            details: self.details,
            deadline: self.deadline,
            log_requests: self.log_requests,
            deflate: self.deflate,
            door: self.door,
        }))
    }

    /// Listens on the host and port that were set, and serves from now on, on the current runtime.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub async fn serve(self) -> Result<HessianServer> {
        let address = Address::tcp(self.listening.host.clone(), self.listening.port);
        self.listen(address).await
    }

    /// Listens on `host:port`, `[ipv6]:port` or `unix:path` instead, and serves from now on.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] or [`ErrorKind::Name`] for a mistake in setting it up, [`ErrorKind::Unavailable`] when the
    /// address cannot be bound.
    pub async fn bind(self, address: &str) -> Result<HessianServer> {
        let address = address.parse()?;
        self.listen(address).await
    }

    async fn listen(self, address: Address) -> Result<HessianServer> {
        let mut listening = self.listening.clone();
        listening.http.limits = self.read.limits;
        let (path, log_requests) = (self.path.clone(), self.log_requests);
        let exporter = self.handler()?;
        let mount = |http: HttpServerBuilder| {
            http.otherwise(Arc::new(NoSuchPage { log_requests }))
                .mount(path.clone(), exporter.clone() as Arc<dyn HttpHandler>)
        };
        Ok(HessianServer { web: listening.bind(&address, path.clone(), mount).await?, exporter })
    }
}

impl fmt::Debug for HessianServiceExporterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HessianServiceExporterBuilder").field("path", &self.path).finish_non_exhaustive()
    }
}
