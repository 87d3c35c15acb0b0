//! Serving objects to Pyro 3 clients.

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use springline_core::remote::exception_of;
use springline_core::service::{self, Call, CallKind, CallOptions, Reply, Service};
use springline_core::{
    Bytes, Error, ErrorKind, Exception, Limits, Output, Payload, Peer, Registry, RemoteRef, Result, Value,
};
#[cfg(feature = "tls")]
use springline_net::tls::ServerTls;
use springline_net::{Address, BufferPool, Connection, Handler, Inbound, Outbound, Server, ServerOptions, Stream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::debug;

use super::call::{CallParts, read_call};
use super::ident::{DENIED_FULL, DENIED_HOST, DENIED_IDENTIFICATION, GRANTED};
use super::run::Found;
use super::secure::ServerSide;
use super::wire::{self, Style};
use super::{DAEMON_GUID, Ident, Uri, fault, listing};
use crate::codec::pickle::Encoder;
use crate::daemon::{call_guarded, write_guarded};
use crate::fault::told;

/// Oneway calls that run at a time; a client that sends more waits.
const ONEWAY_CALLS: usize = 1024;

/// Replies are held back while more requests are there, up to so many bytes.
const COALESCE: usize = 64 * 1024;

type Validator = Arc<dyn Fn(&Peer, &[u8], &[u8]) -> bool + Send + Sync>;
type HostCheck = Arc<dyn Fn(&Peer) -> bool + Send + Sync>;

/// Sets up a [`Daemon`].
#[derive(Clone)]
pub struct DaemonBuilder {
    config: Config,
    registry: Registry,
    published: Option<(String, u16)>,
}

#[derive(Clone)]
pub(super) struct Config {
    pub(super) limits: Limits,
    style: Style,
    instances: bool,
    hosts: Option<HostCheck>,
    validator: Option<Validator>,
    handshake_timeout: Duration,
    transfer_timeout: Duration,
    secure: ServerSide,
}

impl DaemonBuilder {
    /// Objects to serve, which may be shared with other daemons. Default: an empty registry of its own.
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Bounds on messages and connections. A client that comes when there are as many as allowed is told so.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// Lets clients in that know one of these passphrases (`setAllowedIdentifications` in Python). Default: everybody.
    #[must_use]
    pub fn identifications<'p>(self, passphrases: impl IntoIterator<Item = &'p str>) -> Self {
        let allowed: Vec<Ident> = passphrases.into_iter().map(Ident::passphrase).collect();
        self.validator(move |_, challenge, token| allowed.iter().any(|ident| ident.accepts(challenge, token)))
    }

    /// Decides over each client by its address alone, before anything else (`acceptHost` in Python). Who is not let in is told
    /// that its host is not.
    #[must_use]
    pub fn accept_host(mut self, accept: impl Fn(&Peer) -> bool + Send + Sync + 'static) -> Self {
        self.config.hosts = Some(Arc::new(accept));
        self
    }

    /// Decides over each client by its address, the challenge that it was sent, and its answer.
    #[must_use]
    pub fn validator(mut self, validator: impl Fn(&Peer, &[u8], &[u8]) -> bool + Send + Sync + 'static) -> Self {
        self.config.validator = Some(Arc::new(validator));
        self
    }

    /// Whether replies are compressed where that makes them smaller. Default false. Compressed requests are always read.
    #[must_use]
    pub fn compression(mut self, on: bool) -> Self {
        self.config.style.compress = on;
        self
    }

    /// Whether replies have a checksum. Default false. Those of requests are always checked.
    #[must_use]
    pub fn checksum(mut self, on: bool) -> Self {
        self.config.style.checksum = on;
        self
    }

    /// Speaks wire version 4, for clients of releases before 3.10, which refuse the number 5. Default false.
    #[must_use]
    pub fn version_4(mut self, on: bool) -> Self {
        self.config.style.version = if on { 4 } else { wire::VERSION };
        self
    }

    /// Whether objects go out as instances of their classes, which the client then imports; see
    /// [`Encoder::with_instances`]. Default false: as a dict with `__class__`.
    #[must_use]
    pub fn instances(mut self, on: bool) -> Self {
        self.config.instances = on;
        self
    }

    /// How long a client may take for its handshake. Default 10 s.
    #[must_use]
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.config.handshake_timeout = timeout;
        self
    }

    /// How long the rest of a message that has begun may take to come in, and an answer to be taken; a second more for
    /// each 16 KiB, but no pause in it may be longer than this. Default 30 s. An idle connection may stay for ever.
    #[must_use]
    pub fn transfer_timeout(mut self, timeout: Duration) -> Self {
        self.config.transfer_timeout = timeout;
        self
    }

    /// The host and port that URIs name instead of where the daemon listens (NAT).
    #[must_use]
    pub fn published(mut self, host: impl Into<String>, port: u16) -> Self {
        self.published = Some((host.into(), port));
        self
    }

    /// The file with the daemon's certificate, in PEM (`PYROSSL_CERT` in Python). With one, clients have to speak TLS, URIs
    /// are `PYROSSL` ones, and clients have to show a certificate of [`ca_certs`](Self::ca_certs), as in Python.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn certfile(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.secure.with(|tls| tls.certfile(path));
        self
    }

    /// The file with its private key, in PEM and not encrypted (`PYROSSL_KEY` in Python). Without it the key is looked for
    /// in the certificate's file.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn keyfile(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.secure.with(|tls| tls.keyfile(path));
        self
    }

    /// A file with the authorities that clients' certificates may come from, in PEM (`PYROSSL_CA_CERT` in Python).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn ca_certs(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.secure.with(|tls| tls.ca_certs(path));
        self
    }

    /// TLS made ready elsewhere: with checks of certificates' fields, or for clients without one. Replaces what the methods
    /// for TLS said before.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.config.secure.set(tls);
        self
    }

    /// Listens on `host:port` and serves from now on, on the current runtime. Port 0 takes a free one.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for an address that cannot be read, [`ErrorKind::Unavailable`] if it cannot be bound,
    /// [`ErrorKind::Config`] for certificates and keys that cannot be used.
    pub async fn bind(mut self, address: &str) -> Result<Daemon> {
        let address: Address = address.parse()?;
        self.config.secure.build()?;
        let mut options = ServerOptions::default();
        // A few more, to be told that there are too many.
        options.connections = self.config.limits.connections.saturating_add(16);
        let shared = Arc::new(Shared {
            config: self.config,
            registry: self.registry,
            pool: BufferPool::default(),
            guids: Mutex::default(),
            location: Mutex::default(),
            clients: AtomicUsize::new(0),
            oneway: Arc::new(Semaphore::new(ONEWAY_CALLS)),
        });
        let server = Server::bind(&address, options, shared.clone()).await?;
        let location = match (self.published, server.address()) {
            (Some(published), _) => published,
            (None, Address::Tcp(host, port)) => (host.clone(), *port),
            (None, _) => return Err(Error::new(ErrorKind::Config, "Pyro 3 has no Unix sockets: bind host:port")),
        };
        *lock(&shared.location) = Some(location.clone());
        Ok(Daemon { shared, server, location })
    }
}

/// Serves objects to clients of Pyro 3.10 to 3.16, or of 3.8 and 3.9 where it is told to.
/// Dropping it closes all connections at once; see [`shutdown`](Self::shutdown).
///
/// ```no_run
/// # async fn f(service: impl springline_core::Service + 'static) -> springline_core::Result<()> {
/// use springline_pyro::pyro3::Daemon;
/// let daemon = Daemon::bind("127.0.0.1:7766").await?;
/// let uri = daemon.register("ServiceName", service)?;
/// println!("{uri}"); // PYRO://127.0.0.1:7766/7f00..., also reached as PYROLOC://127.0.0.1:7766/ServiceName
/// # Ok(()) }
/// ```
///
/// The requests of one connection are served in order, each before the next is read; connections run side by side.
/// Oneway calls run beside everything. A handler that panics costs its caller an exception, not the connection.
pub struct Daemon {
    shared: Arc<Shared>,
    server: Server,
    location: (String, u16),
}

pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) registry: Registry,
    pool: BufferPool,
    guids: Mutex<Guids>,
    // Known once it listens.
    location: Mutex<Option<(String, u16)>>,
    clients: AtomicUsize,
    /// Permits for oneway calls; all are free when none runs.
    oneway: Arc<Semaphore>,
}

/// The ids of objects, made up when they are first asked for.
#[derive(Default)]
struct Guids {
    by_name: HashMap<String, String>,
    names: HashMap<String, String>,
}

impl Guids {
    fn of(&mut self, name: &str) -> String {
        if let Some(guid) = self.by_name.get(name) {
            return guid.clone();
        }
        let guid = format!("{:032x}", fastrand::u128(..));
        self.set(name, guid.clone());
        guid
    }

    fn set(&mut self, name: &str, guid: String) {
        self.by_name.insert(name.to_owned(), guid.clone());
        self.names.insert(guid, name.to_owned());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed(e: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Closed, format!("the connection broke: {e}"))
}

impl Daemon {
    /// A daemon with default settings; see [`DaemonBuilder::bind`].
    ///
    /// # Errors
    /// As [`DaemonBuilder::bind`].
    pub async fn bind(address: &str) -> Result<Self> {
        Self::builder().bind(address).await
    }

    /// A daemon with settings.
    #[must_use]
    pub fn builder() -> DaemonBuilder {
        DaemonBuilder {
            config: Config {
                limits: Limits::default(),
                style: Style::default(),
                instances: false,
                hosts: None,
                validator: None,
                handshake_timeout: Duration::from_secs(10),
                transfer_timeout: Duration::from_secs(30),
                secure: ServerSide::default(),
            },
            registry: Registry::new(),
            published: None,
        }
    }

    /// Serves `service` under a name, by which `PYROLOC` URIs find it, and gives its `PYRO` URI.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] when the name is taken or cannot stand in a URI.
    pub fn register(&self, name: &str, service: impl Service + 'static) -> Result<Uri> {
        Self::check_name(name)?;
        self.shared.registry.register(name, service)?;
        Ok(self.uri(name))
    }

    pub(crate) fn check_name(name: &str) -> Result<()> {
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(Error::new(ErrorKind::Name, format!("{name:?} cannot be an object's name")));
        }
        Ok(())
    }

    /// Serves `service` under a name and an id of one's own, so that its `PYRO` URI outlives the daemon
    /// (`connectPersistent` in Python).
    ///
    /// # Errors
    /// [`ErrorKind::Name`] when the name or the id is taken or cannot stand in a URI.
    pub fn register_as(&self, name: &str, guid: &str, service: impl Service + 'static) -> Result<Uri> {
        if guid.is_empty() || guid == DAEMON_GUID || guid.contains(char::is_whitespace) {
            return Err(Error::new(ErrorKind::Name, format!("{guid:?} cannot be an object's id")));
        }
        {
            let mut guids = lock(&self.shared.guids);
            let taken = guids.by_name.get(name).is_some_and(|known| known != guid)
                || guids.names.get(guid).is_some_and(|known| known != name);
            if taken {
                let text = format!("the name '{name}' or the id '{guid}' was given to another already");
                return Err(Error::new(ErrorKind::Name, text));
            }
            guids.set(name, guid.to_owned());
        }
        self.register(name, service)
    }

    /// Serves the object no longer. Calls in progress go on.
    pub fn unregister(&self, name: &str) -> bool {
        self.shared.registry.unregister(name).is_some()
    }

    /// The objects it serves.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.shared.registry
    }

    /// The URI of an object of this daemon, by its id, whether there is one or not.
    #[must_use]
    pub fn uri(&self, name: &str) -> Uri {
        self.shared.uri_of(&self.location, name)
    }

    /// A reference to an object of this daemon, to be passed as an argument or result: the other side gets a proxy, for an
    /// object with attributes one that has them too (`getAttrProxy` in Python).
    #[must_use]
    pub fn reference(&self, name: &str) -> RemoteRef {
        let mut reference = RemoteRef::proxy(self.uri(name).to_string());
        if let Some(service) = self.shared.registry.get(name) {
            reference.attrs = listing::attributes_of(&*service);
        }
        reference
    }

    /// Whether clients have to speak TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.shared.config.secure.is_on()
    }

    /// Where it listens, with the port that was given for 0.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.server.address()
    }

    /// Whether it still accepts clients: no longer once its runtime is gone.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.server.is_listening()
    }

    /// How many clients are connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.server.connections()
    }

    /// Stops listening, closes idle connections, and lets calls in progress finish for at most `drain`.
    /// Gives how many connections had to be cut off.
    pub async fn shutdown(self, drain: Duration) -> usize {
        let until = tokio::time::Instant::now() + drain;
        let cut = self.server.shutdown(drain).await;
        let _ = tokio::time::timeout_at(until, self.shared.oneway.acquire_many(ONEWAY_CALLS as u32)).await;
        cut
    }
}

impl fmt::Debug for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Daemon")
            .field("address", self.server.address())
            .field("objects", &self.shared.registry.names())
            .finish_non_exhaustive()
    }
}

/// One more client, for as long as it is here.
struct Present<'a>(&'a AtomicUsize);

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Handler for Shared {
    async fn serve(self: Arc<Self>, stream: Stream, connection: Connection) {
        let Ok(mut stream) = self.config.secure.accept(stream).await else { return };
        let count = self.clients.fetch_add(1, Ordering::AcqRel);
        let _present = Present(&self.clients);
        let mut line = Line { stream: &mut stream, inbound: Inbound::default(), outbound: Outbound::default() };
        let peer = Peer::new(line.stream.peer_text(), format!("pyro3/{}", self.config.style.version));
        let denied = if count >= self.config.limits.connections {
            Some(DENIED_FULL)
        } else if self.config.hosts.as_ref().is_some_and(|accept| !accept(&peer)) {
            Some(DENIED_HOST)
        } else {
            None
        };
        if let Some(word) = denied {
            debug!(peer = %peer.address, "denied: {}", word.escape_ascii());
            line.outbound.output.buf.extend_from_slice(word);
            let _ = timeout(self.config.handshake_timeout, line.flush(self.config.transfer_timeout)).await;
            return;
        }
        match timeout(self.config.handshake_timeout, self.introduce(&mut line, &peer)).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return,
            Ok(Err(e)) => {
                debug!(peer = %peer.address, error = %e, "handshake failed");
                return;
            }
            Err(_) => {
                debug!(peer = %peer.address, "no handshake in time");
                return;
            }
        }
        debug!(peer = %peer.address, protocol = %peer.protocol, "client connected");
        if let Err(e) = self.requests(&mut line, &connection, &Arc::new(peer)).await {
            debug!(error = %e, "connection closed");
        }
    }
}

/// A connection and its buffers.
pub(super) struct Line<'s> {
    stream: &'s mut Stream,
    pub(super) inbound: Inbound,
    pub(super) outbound: Outbound,
}

impl Line<'_> {
    async fn flush(&mut self, pause: Duration) -> Result<()> {
        self.outbound.flush(self.stream, pause).await
    }

    /// Reads more. False at the end of the stream.
    async fn fill(&mut self, need: usize) -> Result<bool> {
        let Self { stream, inbound, .. } = self;
        poll_fn(|cx| inbound.poll_fill(stream, cx, need)).await.map(|n| n > 0).map_err(closed)
    }

    /// The next frame's body, if all of it is there; else how many bytes it takes.
    fn frame(&mut self, limits: &Limits) -> Result<std::result::Result<Bytes, usize>> {
        let Some(header) = wire::parse_header(self.inbound.bytes())? else { return Ok(Err(wire::HEADER)) };
        limits.check_message(header.frame_len())?;
        if self.inbound.bytes().len() < header.frame_len() {
            return Ok(Err(header.frame_len()));
        }
        header.open(self.inbound.take(header.frame_len()), limits).map(Ok)
    }
}

impl Shared {
    // Whether the client is let in.
    async fn introduce(&self, line: &mut Line<'_>, peer: &Peer) -> Result<bool> {
        let Config { limits, style, validator, .. } = &self.config;
        // Nobody may guess it: a client that has seen the answer to one challenge must not know that to another.
        let challenge = challenge()?;
        let plain = Style { version: style.version, ..Style::default() };
        wire::write_frame(&mut line.outbound.output, plain, limits, |out| {
            out.buf.extend_from_slice(&challenge);
            Ok(())
        })?;
        line.flush(self.config.transfer_timeout).await?;
        let body = loop {
            match line.frame(limits) {
                Ok(Ok(body)) => break body,
                Ok(Err(need)) => {
                    if !line.fill(need).await? {
                        return Ok(false);
                    }
                }
                Err(e) => {
                    self.tell(&mut line.outbound.output, fault::protocol(e.message()), false)?;
                    line.flush(self.config.transfer_timeout).await?;
                    return Err(e);
                }
            }
        };
        let Some(token) = body.strip_prefix(b"CONNECT") else { return Ok(false) };
        let welcome = validator.as_ref().is_none_or(|validator| validator(peer, &challenge, token));
        line.outbound.output.buf.extend_from_slice(if welcome { GRANTED } else { DENIED_IDENTIFICATION });
        line.flush(self.config.transfer_timeout).await?;
        Ok(welcome)
    }

    async fn requests(self: &Arc<Self>, line: &mut Line<'_>, connection: &Connection, peer: &Arc<Peer>) -> Result<()> {
        let Config { limits, transfer_timeout: pause, .. } = &self.config;
        // Since when the request at hand is being waited for.
        let mut since = None;
        // What was called last.
        let mut found = None;
        while connection.next_request() {
            let idle = line.inbound.is_empty();
            if idle {
                // Without buffers.
                self.pool.give(std::mem::take(&mut line.inbound), std::mem::take(&mut line.outbound));
                poll_fn(|cx| line.stream.poll_read_ready(cx)).await.map_err(closed)?;
            }
            if !connection.begin() {
                break;
            }
            if idle {
                (line.inbound, line.outbound) = self.pool.take();
            }
            loop {
                if let Some(found) = &found
                    && !line.inbound.is_empty()
                    && self.serve_again(line, found, peer).await?
                {
                    since = None;
                    if line.inbound.is_empty() || line.outbound.pending() >= COALESCE {
                        line.flush(*pause).await?;
                    }
                    if line.inbound.is_empty() {
                        break;
                    }
                    continue;
                }
                match line.frame(limits) {
                    Ok(Ok(body)) => {
                        since = None;
                        let goes_on = self.answer(&body, line, peer, &mut found).await?;
                        if goes_on && !line.inbound.is_empty() && line.outbound.pending() < COALESCE {
                            continue;
                        }
                        line.flush(*pause).await?;
                        if !goes_on {
                            return Ok(());
                        }
                        if line.inbound.is_empty() {
                            break;
                        }
                    }
                    Ok(Err(need)) => {
                        if line.outbound.pending() > 0 {
                            line.flush(*pause).await?;
                        }
                        let Line { stream, inbound, .. } = line;
                        match inbound.fill(stream, need, &mut since, *pause).await? {
                            Some(0) => return Ok(()),
                            Some(_) => {}
                            // Woken for nothing.
                            None => break,
                        }
                    }
                    Err(e) => {
                        self.tell(&mut line.outbound.output, fault::protocol(e.message()), false)?;
                        line.flush(*pause).await?;
                        return Err(e);
                    }
                }
            }
        }
        Ok(())
    }

    // Answers a request. Whether the connection goes on.
    async fn answer(
        self: &Arc<Self>,
        body: &Bytes,
        line: &mut Line<'_>,
        peer: &Arc<Peer>,
        last: &mut Option<Found>,
    ) -> Result<bool> {
        let out = &mut line.outbound.output;
        let parts = match read_call(body, self.config.limits.budget()) {
            Ok(parts) => parts,
            // Python closes without a word (3.16); but the text may help whoever looks for the reason.
            Err(e) => {
                debug!(peer = %peer.address, error = %e, "request refused");
                self.tell(out, fault::protocol(e.to_string()), false)?;
                return Ok(false);
            }
        };
        let oneway = parts.oneway;
        debug!(object = %parts.object, method = %parts.method, peer = %peer.address, "call");
        if parts.object == DAEMON_GUID {
            let result = self.own(&parts, body);
            if !oneway {
                match result {
                    Ok(value) => self.reply(out, |sink| value.write(sink))?,
                    Err(e) => self.tell(out, exception_of(e), true)?,
                }
            }
            return Ok(true);
        }
        let epoch = self.registry.epoch();
        let found = lock(&self.guids).names.get(&*parts.object).cloned();
        let Some((name, service)) = found.and_then(|name| self.registry.get(&name).map(|service| (name, service)))
        else {
            if !oneway {
                self.tell(out, fault::protocol("unknown object ID"), false)?;
            }
            return Ok(false);
        };
        if oneway {
            let Ok(permit) = self.oneway.clone().acquire_owned().await else { return Ok(true) };
            let (shared, body, peer) = (self.clone(), body.clone(), peer.clone());
            tokio::spawn(async move {
                let _permit = permit;
                if let Ok(parts) = read_call(&body, shared.config.limits.budget())
                    && let Err(exception) = shared.call(&name, &*service, parts, &body, &peer).await
                {
                    debug!(%exception, "a oneway call failed");
                }
            });
            return Ok(true);
        }
        *last = Some(Found { guid: parts.object.clone().into_owned(), service: service.clone(), epoch });
        match self.call(&name, &*service, parts, body, peer).await {
            Ok(reply) => self.reply(out, |sink| reply.result.encode(sink))?,
            Err(exception) => self.tell(out, exception, true)?,
        }
        Ok(true)
    }

    // The daemon's own object.
    fn own(&self, parts: &CallParts<'_>, body: &Bytes) -> Result<Value> {
        let budget = self.config.limits.budget();
        match &*parts.method {
            "ResolvePYROLOC" => {
                let (name,) = parts.args.clone().payload(body, budget).decode::<(String,)>()?;
                if self.registry.get(&name).is_none() {
                    return Err(Error::remote(fault::unknown_name(name)));
                }
                Ok(lock(&self.guids).of(&name).into())
            }
            "getRegistered" => {
                let mut guids = lock(&self.guids);
                let mut all: Vec<(Value, Value)> =
                    self.registry.names().into_iter().map(|name| (guids.of(&name).into(), name.into())).collect();
                all.push((DAEMON_GUID.into(), "__PYRO_Internal_Daemon".into()));
                Ok(Value::Map(all))
            }
            other => Err(service::no_such_method("DaemonServant", CallKind::Method, other)),
        }
    }

    async fn call(
        &self,
        name: &str,
        service: &dyn Service,
        parts: CallParts<'_>,
        body: &Bytes,
        peer: &Arc<Peer>,
    ) -> Result<Reply, Exception> {
        let budget = self.config.limits.budget();
        let mut options = CallOptions::default();
        options.oneway = parts.oneway;
        options.peer = Some(peer.clone());
        let args = parts.args.payload(body, budget);
        let kwargs = parts.kwargs.map(|kwargs| kwargs.payload(body, budget));
        let method = &*parts.method;
        let listed = |wanted: CallKind, name: &str| {
            let info = service.describe();
            info.is_some_and(|info| info.methods.iter().any(|m| m.kind == wanted && m.name == name))
        };
        if is_of_every_object(method) {
            // What every object of Pyro 3 has, unless the service has a method of that name.
            match method {
                _ if listed(CallKind::Method, method) => {}
                "GUID" => return Ok(Reply::from(Value::from(lock(&self.guids).of(name)))),
                "getProxy" => return Ok(Reply::from(Value::from(self.proxy_of(name)))),
                "getAttrProxy" => {
                    let mut proxy = self.proxy_of(name);
                    proxy.attrs = listing::attributes_of(service);
                    if proxy.attrs.is_empty() {
                        // Those of a service that does not tell them.
                        proxy.attrs.push("*".to_owned());
                    }
                    return Ok(Reply::from(Value::from(proxy)));
                }
                "_r_ha" => {
                    let (name,) = args.decode::<(String,)>().map_err(exception_of)?;
                    let known = service.describe().is_none() || listed(CallKind::Method, &name);
                    return Ok(Reply::from(Value::I64(if known { 1 } else { 2 })));
                }
                "_r_ga" => {
                    let (name,) = args.decode::<(String,)>().map_err(exception_of)?;
                    if name == listing::ATTRIBUTE
                        && let Some(info) = service.describe()
                    {
                        return Ok(Reply::from(listing::write(info)));
                    }
                    let args = Payload::from(Value::Tuple(Vec::new()));
                    let call = Call { method: &name, kind: CallKind::GetAttr, args, kwargs: None, options };
                    return call_guarded(service, &call).await;
                }
                "_r_sa" => {
                    let read = args.decode::<(String, Value)>();
                    let (name, value) = read.map_err(exception_of)?;
                    let args = (value,);
                    let args = Payload::borrowed(&args);
                    let call = Call { method: &name, kind: CallKind::SetAttr, args, kwargs: None, options };
                    return call_guarded(service, &call).await;
                }
                // Names that begin with an underscore are for those who list them.
                _ => return Err(told::private(method)),
            }
        }
        call_guarded(service, &Call { method, kind: CallKind::Method, args, kwargs, options }).await
    }

    fn proxy_of(&self, name: &str) -> RemoteRef {
        let location = lock(&self.location).clone().unwrap_or_default();
        RemoteRef::proxy(self.uri_of(&location, name).to_string())
    }

    fn uri_of(&self, (host, port): &(String, u16), name: &str) -> Uri {
        let uri = Uri::of_guid(host, *port, lock(&self.guids).of(name));
        Uri { tls: self.config.secure.is_on(), ..uri }
    }

    fn encoder<'o>(&self, out: &'o mut Output) -> Encoder<'o> {
        Encoder::pyro3(out).with_instances(self.config.instances)
    }

    pub(super) fn reply(&self, out: &mut Output, result: impl FnOnce(&mut Encoder<'_>) -> Result<()>) -> Result<()> {
        let Config { limits, style, .. } = &self.config;
        let written =
            write_guarded(out, |out| wire::write_frame(out, *style, limits, |out| result(&mut self.encoder(out))));
        match written {
            Ok(()) => Ok(()),
            Err(e) => self.tell(out, told::unsent(e), true),
        }
    }

    // An exception: of a handler, or of the daemon's own, which has no lines of a traceback.
    pub(super) fn tell(&self, out: &mut Output, exception: Exception, lines: bool) -> Result<()> {
        let Config { limits, style, .. } = &self.config;
        let class = exception.class.clone();
        let value = fault::to_value(exception, lines);
        let mut write =
            |value: &Value| wire::write_frame(out, *style, limits, |out| value.write(&mut self.encoder(out)));
        match write(&value) {
            Ok(()) => Ok(()),
            // An attribute or argument without a form: tell at least what it was.
            Err(e) => write(&fault::to_value(told::unsent_exception(&class, &e), lines)),
        }
    }
}

/// Whether every object of Pyro 3 has a method of that name, or it is a private one.
pub(super) fn is_of_every_object(method: &str) -> bool {
    method.starts_with('_') || matches!(method, "GUID" | "getProxy" | "getAttrProxy")
}

fn challenge() -> Result<[u8; 16]> {
    let mut challenge = [0; 16];
    getrandom::fill(&mut challenge)
        .map_err(|e| Error::new(ErrorKind::Internal, format!("no random numbers for a challenge: {e}")))?;
    Ok(challenge)
}
