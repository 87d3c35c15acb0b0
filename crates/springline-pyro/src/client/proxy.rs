//! [`Proxy`]: a remote object's stand-in.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use springline_core::service::{BoxFuture, Call, CallKind, MethodInfo, Reply, Service, ServiceInfo};
use springline_core::{Args, Budget, Error, ErrorKind, Limits, Payload, Reached, RemoteRef, Result, Value};
use springline_net::Address;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::call::{Answer, CallFuture};
use super::connect::{Opened, Opening};
use super::frame::header_of;
use super::link::{Held, Link};
use super::query::Typed;
use super::request::{Batch, Request};
use crate::handshake::ObjectMetadata;
use crate::serializer::{Arguments, Kwargs};
use crate::wire::{self, Annotations, Flags, Head, HmacKey, MessageKind, Version};
use crate::{DAEMON_OBJECT, Generation, Location, PyroUri, Serializer};

/// A stand-in for an object of a Pyro 4 or 5 daemon.
///
/// Cheap to clone, and clones share its connections, from any thread and any number of tasks. It connects at the first
/// call and again after the connection was lost. Concurrent calls are pipelined on one connection, which the daemon
/// answers in order; with [`ProxyBuilder::connections`] they spread over several.
///
/// ```no_run
/// # async fn f() -> springline_core::Result<()> {
/// use springline_pyro::Proxy;
/// let thing = Proxy::new("PYRO:thing@localhost:7766")?;
/// let text: String = thing.call("get_data", ("Hello",)).await?;
/// let sum: i64 = thing.request("add").args((1,)).kwarg("b", 2).send().await?;
/// # Ok(()) }
/// ```
///
/// # Failures
/// A call that may have run is never sent again: its error says [`Reached::MaybeExecuted`]. One that the daemon cannot
/// have seen whole is sent again once, on a new connection.
///
/// # Cancel safety
/// A call's future may be dropped at any time. Other callers are not affected; the dropped call may have run. Later calls
/// on the same connection wait for its answer; a call that should not be waited for has a deadline, which moves the others
/// to a new connection.
///
/// # Runtimes
/// A connection lives on the tokio runtime that made it. It can be used from others as long as that one is driven.
#[derive(Clone)]
pub struct Proxy {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(super) uri: PyroUri,
    address: Address,
    pub(super) config: Config,
    /// What the limits allow a message; made once, since it is wanted in one piece.
    pub(super) budget: Budget,
    links: Mutex<Links>,
    /// The first connection, to be found without the lock while it lasts. Later ones are found by it.
    first: OnceLock<Arc<Link>>,
    info: OnceLock<ServiceInfo>,
}

type Connected = Result<Arc<Link>, Arc<Failed>>;

/// Why a connection was not made, for all who waited for it.
struct Failed {
    kind: ErrorKind,
    message: String,
    whole: Mutex<Option<Error>>,
}

impl Failed {
    fn new(e: Error) -> Self {
        Self { kind: e.kind(), message: e.message().to_owned(), whole: Mutex::new(Some(e)) }
    }

    // The error itself, with its causes, for the one who began; a copy for the others.
    fn tell(&self, whole: bool) -> Error {
        let whole = if whole { self.whole.lock().unwrap_or_else(PoisonError::into_inner).take() } else { None };
        whole.unwrap_or_else(|| Error::new(self.kind, self.message.clone()))
    }
}

#[derive(Default)]
struct Links {
    open: Vec<Arc<Link>>,
    /// What the connection that is being made has come to.
    connecting: Option<watch::Receiver<Option<Connected>>>,
    version: Option<Version>,
    metadata: Option<Arc<ObjectMetadata>>,
    handshake: Value,
}

#[derive(Clone, Debug)]
pub(crate) struct Config {
    version: Option<Version>,
    pub(super) serializer: Serializer,
    /// Its number in version 502, if short results are worth a copy: one that is quickly read.
    pub(super) copies: u8,
    pub(super) timeout: Option<Duration>,
    connect_timeout: Duration,
    handshake: Value,
    pub(super) key: Option<HmacKey>,
    pub(super) compress: bool,
    pub(super) annotations: Annotations,
    connections: usize,
    oneway: Vec<String>,
    pub(super) python: u8,
    pub(super) limits: Limits,
}

/// Sets up a [`Proxy`].
#[derive(Clone, Debug)]
pub struct ProxyBuilder {
    uri: PyroUri,
    config: Config,
    serializer: Option<Serializer>,
}

impl ProxyBuilder {
    /// The daemon's wire version. By default it is found out at the first connection, except for those of Pyro4 before
    /// 4.38: 40 and 43 do not answer anything else, and all up to 44 are pickle alone.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.config.version = Some(version);
        self
    }

    /// How calls are written. Default serpent, as in Python, or the one that the wire version has. [`Serializer::PICKLES`]
    /// are for Pyro4 daemons that were told to accept them. With wire version 45 it is what the daemon is set to.
    #[must_use]
    pub fn serializer(mut self, serializer: Serializer) -> Self {
        self.serializer = Some(serializer);
        self
    }

    /// Methods that are called without waiting for an answer. Daemons before 4.27 do not tell which they are.
    #[must_use]
    pub fn oneway(mut self, methods: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.config.oneway.extend(methods.into_iter().map(Into::into));
        self
    }

    /// The major version of the daemon's Python, which wire versions 40 and 43 tell with every call and take no other.
    /// Default 2.
    #[must_use]
    pub fn python(mut self, major: u8) -> Self {
        self.config.python = major;
        self
    }

    /// How long a call may take, connecting included. Default: as long as it takes, as in Python.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = Some(timeout);
        self
    }

    /// How long connecting and the handshake may take together. Default 10 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.config.connect_timeout = timeout;
        self
    }

    /// What the daemon's handshake check gets to see. Default `"hello"`, as in Python.
    #[must_use]
    pub fn handshake(mut self, data: impl Into<Value>) -> Self {
        self.config.handshake = data.into();
        self
    }

    /// The key that Pyro4 daemons sign and check with. Pyro5 has none: use TLS there.
    #[must_use]
    pub fn hmac_key(mut self, key: impl Into<Bytes>) -> Self {
        self.config.key = Some(HmacKey::new(key));
        self
    }

    /// Whether large payloads are compressed with zlib. Default false. Compressed answers are always read.
    #[must_use]
    pub fn compression(mut self, on: bool) -> Self {
        self.config.compress = on;
        self
    }

    /// An annotation for every message, the handshake's included. The key has four ASCII characters.
    #[must_use]
    pub fn annotation(mut self, key: impl Into<Cow<'static, str>>, data: impl Into<Bytes>) -> Self {
        self.config.annotations.push((key.into(), data.into()));
        self
    }

    /// How many connections may be opened when calls overlap. Default 1: overlapping calls are pipelined.
    #[must_use]
    pub fn connections(mut self, most: usize) -> Self {
        self.config.connections = most.max(1);
        self
    }

    /// Bounds on replies.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// The proxy. Nothing is connected yet.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a URI that is not a `PYRO:` one; [`ErrorKind::Config`] for what the wire version does not
    /// have: a key, a serializer or annotations.
    pub fn build(self) -> Result<Proxy> {
        let Self { uri, mut config, serializer } = self;
        let address = match (&*uri.protocol, &uri.location) {
            ("PYRO", Some(Location::Tcp(host, port))) => Address::tcp(host.as_str(), *port),
            ("PYRO", Some(Location::Unix(path))) => Address::unix(path.as_str()),
            _ => return Err(Error::new(ErrorKind::Name, format!("{uri} must be looked up in a name server first"))),
        };
        let only = config.version.and_then(Version::only_serializer);
        config.serializer = serializer.or(only).unwrap_or_default();
        if let Some(version) = config.version {
            let lacks =
                |what: String| Err(Error::new(ErrorKind::Config, format!("wire version {version} has no {what}")));
            if config.key.is_some() && !version.has_signatures() {
                return lacks("hmac keys: messages are not signed there".to_owned());
            }
            if !version.has_serializer(config.serializer) {
                return lacks(config.serializer.to_string());
            }
            if !config.annotations.is_empty() && !version.has_annotations() {
                return lacks("annotations".to_owned());
            }
        }
        config.copies =
            if config.serializer == Serializer::Msgpack { config.serializer.id(Generation::Pyro5) as u8 } else { 0 };
        let budget = config.limits.budget();
        let inner = Inner {
            uri,
            address,
            config,
            budget,
            links: Mutex::default(),
            first: OnceLock::new(),
            info: OnceLock::new(),
        };
        Ok(Proxy { inner: Arc::new(inner) })
    }
}

impl Proxy {
    /// A proxy with default settings for `PYRO:object@host:port` or `PYRO:object@./u:path`.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a URI that cannot be read or needs a name server.
    pub fn new(uri: &str) -> Result<Self> {
        Self::builder(uri)?.build()
    }

    /// A proxy with settings.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a URI that cannot be read.
    pub fn builder(uri: &str) -> Result<ProxyBuilder> {
        let config = Config {
            version: None,
            serializer: Serializer::default(),
            copies: 0,
            timeout: None,
            connect_timeout: Duration::from_secs(10),
            handshake: Value::from("hello"),
            key: None,
            compress: false,
            annotations: Annotations::new(),
            connections: 1,
            oneway: Vec::new(),
            python: 2,
            limits: Limits::default(),
        };
        Ok(ProxyBuilder { uri: uri.parse()?, config, serializer: None })
    }

    /// A proxy for a reference that came as a value.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] when it is no `PYRO:` URI.
    pub fn for_ref(remote: &RemoteRef) -> Result<Self> {
        Self::new(&remote.uri)
    }

    /// The same settings for another object.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a URI that cannot be read.
    pub fn another(&self, uri: &str) -> Result<Self> {
        let config = self.inner.config.clone();
        ProxyBuilder { uri: uri.parse()?, serializer: Some(config.serializer), config }.build()
    }

    /// Where the object is.
    #[must_use]
    pub fn uri(&self) -> &PyroUri {
        &self.inner.uri
    }

    /// A reference to the object, to be passed as an argument or result.
    #[must_use]
    pub fn to_ref(&self) -> RemoteRef {
        let mut remote = RemoteRef::proxy(self.inner.uri.to_string());
        if let Some(metadata) = &self.inner.links().metadata {
            remote.methods = metadata.methods.clone();
            remote.oneway = metadata.oneway.clone();
            remote.attrs = metadata.attrs.clone();
        }
        remote
    }

    /// Calls a method with positional arguments and reads the result as `R`.
    ///
    /// # Errors
    /// [`ErrorKind::Remote`] when the method raised, see [`Error::exception`]; [`Error::reached`] says for any other
    /// whether it may have run.
    pub async fn call<R: serde::de::DeserializeOwned>(&self, method: &str, args: impl Args) -> Result<R> {
        let reply = CallFuture::new(&self.inner, &Call::new(method, &args)).await?;
        reply.result.decode().map_err(|e| e.with_reached(Reached::Answered).with_endpoint(&self.inner.uri))
    }

    /// A call with more to it: keyword arguments, annotations, a deadline.
    pub fn request<'a>(&'a self, method: &'a str) -> Request<'a> {
        Request::new(self, &self.inner.uri, method)
    }

    /// Many calls in one message.
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self)
    }

    /// Reads an attribute.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn get_attr<R: serde::de::DeserializeOwned>(&self, name: &str) -> Result<R> {
        let mut call = Call::new(name, &());
        call.kind = CallKind::GetAttr;
        self.send(&call).await?.result.decode()
    }

    /// Sets an attribute.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn set_attr(&self, name: &str, value: impl serde::Serialize + Sync) -> Result<()> {
        let args = (value,);
        let mut call = Call::new(name, &args);
        call.kind = CallKind::SetAttr;
        self.send(&call).await.map(|_| ())
    }

    /// Connects, unless it is connected already, and gives what the daemon says of the object.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`], [`ErrorKind::Timeout`] or [`ErrorKind::Denied`].
    pub async fn metadata(&self) -> Result<Arc<ObjectMetadata>> {
        self.inner.link().await?;
        Ok(self.inner.links().metadata.clone().unwrap_or_default())
    }

    /// Connects, unless it is connected already, and gives the daemon's handshake answer.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata).
    pub async fn connect(&self) -> Result<Value> {
        self.inner.link().await?;
        Ok(self.inner.links().handshake.clone())
    }

    /// The wire version in use, once connected.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.inner.links().version
    }

    /// Asks the daemon for a sign of life.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata).
    pub async fn ping(&self) -> Result<()> {
        self.inner.ping().await
    }

    /// Closes its connections; the next call opens a new one. Calls in progress go on.
    pub fn release(&self) {
        self.inner.links().open.drain(..).for_each(|link| link.leave());
    }

    pub(crate) fn send<'a>(&'a self, call: &'a Call<'a>) -> CallFuture<'a, &'a Call<'a>> {
        CallFuture::new(&self.inner, call)
    }

    pub(crate) async fn send_batch(&self, args: &Payload<'_>, oneway: bool) -> Result<Option<Value>> {
        let options = springline_core::CallOptions::default();
        let arguments = Arguments { args, kwargs: Kwargs::Null };
        let flags = Flags(Flags::BATCH | if oneway { Flags::ONEWAY } else { 0 });
        match self.inner.invoke("<batch>", &arguments, flags, &options).await? {
            Some(Answer { message, serializer, .. }) => {
                let budget = self.inner.config.limits.budget();
                let results = serializer.read(&message.payload, budget, |s| Value::read_tree(s));
                results.map(Some)
            }
            None => Ok(None),
        }
    }
}

impl Inner {
    fn links(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // The connection, where there is one and no more may be. It may be dead.
    #[inline]
    pub(super) fn only_link(&self) -> Option<Held<'_>> {
        if self.config.connections > 1 {
            return self.pick().map(Held::Shared);
        }
        match self.first.get() {
            Some(first) if !first.is_left() => Some(Held::Lent(first)),
            _ => self.links().open.first().cloned().map(Held::Shared),
        }
    }

    // An open connection that can take the call at once, or any if there may not be more.
    pub(super) fn pick(&self) -> Option<Arc<Link>> {
        let mut links = self.links();
        let mut best: Option<(usize, &Arc<Link>)> = None;
        let mut gone = false;
        for link in &links.open {
            match link.load() {
                Some(0) => return Some(link.clone()),
                Some(load) if best.is_none_or(|(least, _)| load < least) => best = Some((load, link)),
                Some(_) => {}
                None => gone = true,
            }
        }
        let best = best.map(|(_, link)| link.clone());
        if gone {
            links.open.retain(|link| {
                let open = link.load().is_some();
                if !open {
                    link.leave();
                }
                open
            });
        }
        best.filter(|_| links.open.len() >= self.config.connections)
    }

    pub(super) async fn link(self: &Arc<Self>) -> Result<Arc<Link>> {
        loop {
            if let Some(found) = self.pick() {
                return Ok(found);
            }
            let (mut connecting, mine) = self.connecting();
            let outcome = connecting.wait_for(Option::is_some).await.ok().and_then(|o| o.clone());
            match outcome {
                Some(Ok(found)) if mine => return Ok(found),
                Some(Err(e)) => return Err(e.tell(mine).with_endpoint(&self.uri)),
                None if mine => return Err(Error::new(ErrorKind::Shutdown, "the runtime is shutting down")),
                // Ready, or given up because the runtime of whoever began it has ended.
                Some(Ok(_)) | None => {}
            }
        }
    }

    // The connection that is being made, or a new one and true. It is made by a task of its own: a caller that is dropped
    // or no longer polled while it waits holds up nobody.
    fn connecting(self: &Arc<Self>) -> (watch::Receiver<Option<Connected>>, bool) {
        let mut links = self.links();
        if let Some(connecting) = links.connecting.as_ref().filter(|c| c.has_changed().is_ok()) {
            return (connecting.clone(), false);
        }
        let (sender, receiver) = watch::channel(None);
        links.connecting = Some(receiver.clone());
        drop(links);
        let this = self.clone();
        tokio::spawn(async move {
            let outcome = this.connect().await.map_err(|e| Arc::new(Failed::new(e)));
            // From here on callers find the link, or may try again.
            this.links().connecting = None;
            let _ = sender.send(Some(outcome));
        });
        (receiver, true)
    }

    async fn connect(&self) -> Result<Arc<Link>> {
        let known = self.config.version.or(self.links().version);
        let opened = match self.opening().open(known).await {
            // The daemon may have been replaced by one of another generation.
            Err(e) if self.config.version.is_none() && known.is_some() && e.kind() == ErrorKind::Protocol => {
                self.opening().open(None).await?
            }
            other => other?,
        };
        let Opened { mut link, version, handshake, metadata } = opened;
        debug!(uri = %self.uri, version = version.number(), "connected");
        if let Some(metadata) = &metadata {
            let _ = self.info.set(describe(metadata));
            link.oneway.clone_from(&metadata.oneway);
        }
        link.oneway.extend_from_slice(&self.config.oneway);
        let link = Arc::new(link);
        let mut links = self.links();
        let _ = self.first.set(link.clone());
        links.open.push(link.clone());
        links.version = Some(version);
        links.metadata = metadata.map(Arc::new);
        links.handshake = handshake;
        Ok(link)
    }

    fn opening(&self) -> Opening<'_> {
        Opening {
            address: &self.address,
            object: &self.uri.object,
            serializer: self.config.serializer,
            handshake: &self.config.handshake,
            key: self.config.key.as_ref(),
            compress: self.config.compress,
            annotations: &self.config.annotations,
            limits: &self.config.limits,
            timeout: self.config.connect_timeout,
        }
    }

    async fn ping(self: &Arc<Self>) -> Result<()> {
        let late = |t| Error::new(ErrorKind::Timeout, format!("no answer to a ping within {t:?}"));
        let deadline = self.config.timeout.map(|t| (Instant::now() + t, t));
        let work = async {
            let link = match deadline {
                None => self.link().await?,
                Some((at, t)) => timeout_at(at, self.link()).await.unwrap_or_else(|_| Err(late(t)))?,
            };
            let version = link.version;
            // Else a call that every daemon answers.
            let pings = version.has_pings();
            let serializer = self.config.serializer;
            let mut exchange = link.exchange(false, |out, _, seq| {
                let head = Head {
                    version,
                    kind: if pings { MessageKind::Ping } else { MessageKind::Invoke },
                    // What Python sends with a ping.
                    serializer: if pings { 42 } else { serializer.id(version.generation()) },
                    flags: Flags::default(),
                    seq,
                    annotations: &[],
                    correlation_id: None,
                    compress: false,
                    key: self.config.key.as_ref(),
                };
                wire::write_message(out, &head, &self.config.limits, |out| {
                    if pings {
                        out.buf.extend_from_slice(b"ping");
                        return Ok(());
                    }
                    wire::put_python(out, version, self.config.python);
                    let arguments = Arguments { args: &Payload::from(Value::Tuple(Vec::new())), kwargs: Kwargs::None };
                    serializer.write_call(version.generation(), out, DAEMON_OBJECT, "ping", &arguments)
                })
            })?;
            let answer = match deadline {
                None => exchange.await?,
                Some((at, t)) => match timeout_at(at, &mut exchange).await {
                    Ok(answer) => answer?,
                    Err(_) => return Err(late(t).with_reached(exchange.give_up())),
                },
            };
            let answer = match answer {
                Some(frame) => {
                    let message = frame.into_message()?;
                    Some((header_of(&message)?, message))
                }
                None => None,
            };
            match answer {
                Some((header, _)) if header.kind == MessageKind::Ping => Ok(()),
                Some((_, message)) if !pings => self.open_reply(message).map(|_| ()),
                _ => Err(Error::new(ErrorKind::Protocol, "expected the answer to a ping, found something else")),
            }
        };
        work.await.map_err(|e: Error| e.with_endpoint(&self.uri))
    }
}

fn describe(metadata: &ObjectMetadata) -> ServiceInfo {
    let method = |name: &String, kind, oneway| MethodInfo {
        name: Cow::Owned(name.clone()),
        kind,
        oneway,
        ..MethodInfo::default()
    };
    let mut methods: Vec<MethodInfo> =
        metadata.methods.iter().map(|n| method(n, CallKind::Method, metadata.oneway.contains(n))).collect();
    for name in &metadata.attrs {
        methods.push(method(name, CallKind::GetAttr, false));
        methods.push(method(name, CallKind::SetAttr, false));
    }
    ServiceInfo { methods: methods.into(), ..ServiceInfo::default() }
}

impl Service for Proxy {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(self.send(call))
    }

    #[inline]
    fn call_unboxed<'a>(&'a self, call: &'a Call<'a>) -> impl Future<Output = Result<Reply>> + Send + 'a {
        self.send(call)
    }

    #[inline]
    fn call_typed<'a, A: Args, T: DeserializeOwned + 'static>(
        &'a self,
        info: &'static MethodInfo,
        args: &'a A,
    ) -> impl Future<Output = Result<T>> + Send {
        CallFuture::new(&self.inner, Typed::new(info, args))
    }

    fn describe(&self) -> Option<&ServiceInfo> {
        self.inner.info.get()
    }

    /// By connecting: daemons tell it then.
    fn learn(&self) -> BoxFuture<'_, Result<Option<ServiceInfo>>> {
        Box::pin(async {
            self.inner.link().await?;
            Ok(self.inner.info.get().cloned())
        })
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("uri", &self.inner.uri.to_string())
            .field("serializer", &self.inner.config.serializer)
            .finish_non_exhaustive()
    }
}
