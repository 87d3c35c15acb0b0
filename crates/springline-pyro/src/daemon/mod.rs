//! Serving objects to Pyro 4 and 5 clients on one port.

mod connection;
mod dispatch;
mod object;
mod run;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use springline_core::{Error, ErrorKind, Limits, Peer, Registry, RemoteRef, Result, Service, Value};
use springline_net::{Address, BufferPool, Server, ServerOptions};
use tokio::sync::Semaphore;

pub(crate) use dispatch::{call_guarded, guarded as write_guarded, panicked};
pub(crate) use run::serving;

use crate::wire::{self, Annotations, Header, HmacKey, Version};
use crate::{Location, PyroUri, Serializer};

pub use crate::DAEMON_OBJECT;

/// Oneway calls that run at a time; a client that sends more waits.
const ONEWAY_CALLS: usize = 1024;

/// What a handshake hook gets to see.
#[derive(Debug)]
#[non_exhaustive]
pub struct Handshake<'a> {
    /// The client's address.
    pub peer: &'a Peer,
    /// The object that the connection is for.
    pub object: Option<&'a str>,
    /// What the client sent; Python sends `"hello"` unless told otherwise.
    pub data: &'a Value,
}

type HandshakeHook = Arc<dyn Fn(&Handshake<'_>) -> Result<Value> + Send + Sync>;

/// Sets up a [`Daemon`].
#[derive(Clone)]
pub struct DaemonBuilder {
    config: Config,
    registry: Registry,
    published: Option<Location>,
}

#[derive(Clone)]
struct Config {
    /// The only one that is served.
    version: Option<Version>,
    limits: Limits,
    serializers: Vec<Serializer>,
    key: Option<HmacKey>,
    compress: bool,
    handshake: Option<HandshakeHook>,
    handshake_timeout: Duration,
    transfer_timeout: Duration,
    annotations: Annotations,
}

impl Config {
    // What contradicts the version, where one was asked for.
    fn check(&mut self) -> Result<()> {
        let Some(version) = self.version else { return Ok(()) };
        let lacks = |what: String| Err(Error::new(ErrorKind::Config, format!("wire version {version} has no {what}")));
        if self.key.is_some() && !version.has_signatures() {
            return lacks("hmac keys: messages are not signed there".to_owned());
        }
        if !self.annotations.is_empty() && !version.has_annotations() {
            return lacks("annotations".to_owned());
        }
        if let Some(only) = version.only_serializer() {
            self.serializers = vec![only];
        } else if version == Version::V45 {
            let set = self.serializers.first().copied().unwrap_or_default();
            if !version.has_serializer(set) {
                return lacks(set.to_string());
            }
            self.serializers = vec![set];
        }
        Ok(())
    }

    /// Whether clients of that version are let in.
    fn accepts(&self, version: Version) -> bool {
        match (self.version, version) {
            (Some(only), _) => only == version,
            (None, Version::V40 | Version::V43) => self.serializers.contains(&Serializer::Pickle),
            (None, _) => !version.generation().is_old(),
        }
    }

    // The serializer of a message, if it is accepted.
    #[inline]
    fn serializer_of(&self, header: &Header) -> Option<Serializer> {
        let set = self.serializers.first().copied().unwrap_or_default();
        wire::serializer_on(header, set).ok().filter(|s| self.serializers.contains(s))
    }
}

impl DaemonBuilder {
    /// Objects to serve, which may be shared with other daemons. Default: an empty registry of its own.
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// The one wire version to serve. Default: 48, 501 and 502, told apart by the client's first bytes, and 40 and 43 as
    /// well where pickle is among the [`serializers`](Self::serializers). Versions 44 to 47 need a daemon of their own, which
    /// greets its clients before they have said anything; 40 to 44 are pickle alone, which is then accepted. With 45 no
    /// message tells its serializer: it is the first that is accepted.
    ///
    /// From there on upwards a daemon behaves as Python's of that version does: no metadata before 47, no handshake data.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.config.version = Some(version);
        self
    }

    /// Bounds on messages and connections.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// The serializers that clients may use. Default: [`Serializer::ALL`], without those of [`Serializer::PICKLES`].
    #[must_use]
    pub fn serializers(mut self, accepted: impl IntoIterator<Item = Serializer>) -> Self {
        self.config.serializers = accepted.into_iter().collect();
        self
    }

    /// The key that Pyro4 clients must sign with. Pyro5 clients, which cannot sign, are then refused.
    #[must_use]
    pub fn hmac_key(mut self, key: impl Into<Bytes>) -> Self {
        self.config.key = Some(HmacKey::new(key));
        self
    }

    /// Whether large replies are compressed with zlib. Default false. Compressed requests are always read.
    #[must_use]
    pub fn compression(mut self, on: bool) -> Self {
        self.config.compress = on;
        self
    }

    /// Decides over each client: the value goes back to it, the message of an error is the reason it is given.
    /// Default: everybody is let in and told `"hello"`. Clients before wire version 48 send nothing and are told nothing but
    /// the reason.
    #[must_use]
    pub fn on_handshake(mut self, hook: impl Fn(&Handshake<'_>) -> Result<Value> + Send + Sync + 'static) -> Self {
        self.config.handshake = Some(Arc::new(hook));
        self
    }

    /// How long a client may take for its handshake. Default 10 s.
    #[must_use]
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.config.handshake_timeout = timeout;
        self
    }

    /// How long the rest of a message that has begun may take to come in, and an answer to be taken; a second more for
    /// each 16 KiB, but no pause in it may be longer than this. Default 30 s. An idle connection may stay for ever, as Python's proxies do.
    #[must_use]
    pub fn transfer_timeout(mut self, timeout: Duration) -> Self {
        self.config.transfer_timeout = timeout;
        self
    }

    /// An annotation for every reply. The key has four ASCII characters.
    #[must_use]
    pub fn annotation(mut self, key: impl Into<Cow<'static, str>>, data: impl Into<Bytes>) -> Self {
        self.config.annotations.push((key.into(), data.into()));
        self
    }

    /// The host and port that URIs name instead of where the daemon listens (NAT).
    #[must_use]
    pub fn published(mut self, host: impl Into<String>, port: u16) -> Self {
        self.published = Some(Location::Tcp(host.into(), port));
        self
    }

    /// Listens on `host:port`, `[ipv6]:port` or `unix:path` and serves from now on, on the current runtime. Port 0
    /// takes a free one.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for an address that cannot be read, [`ErrorKind::Unavailable`] if it cannot be bound,
    /// [`ErrorKind::Config`] for what the wire version does not have.
    pub async fn bind(mut self, address: &str) -> Result<Daemon> {
        let address: Address = address.parse()?;
        self.config.check()?;
        let mut options = ServerOptions::default();
        options.connections = self.config.limits.connections;
        let shared = Arc::new(Shared {
            config: self.config,
            registry: self.registry,
            pool: BufferPool::default(),
            oneway: Arc::new(Semaphore::new(ONEWAY_CALLS)),
        });
        let server = Server::bind(&address, options, shared.clone()).await?;
        let location = self.published.unwrap_or_else(|| match server.address() {
            Address::Tcp(host, port) => Location::Tcp(host.clone(), *port),
            Address::Unix(path) => Location::Unix(path.display().to_string()),
        });
        Ok(Daemon { shared, server, location })
    }
}

/// Serves objects to Pyro 4 (wire version 48) and Pyro 5 (501, 502) clients, which it tells apart by their first bytes;
/// see [`DaemonBuilder::version`] for clients before 4.38.
/// Dropping it closes all connections at once; see [`shutdown`](Self::shutdown).
///
/// ```no_run
/// # async fn f(service: impl springline_core::Service + 'static) -> springline_core::Result<()> {
/// use springline_pyro::Daemon;
/// let daemon = Daemon::bind("127.0.0.1:7766").await?;
/// let uri = daemon.register("ServiceName", service)?;
/// println!("{uri}"); // PYRO:ServiceName@127.0.0.1:7766
/// # Ok(()) }
/// ```
///
/// The requests of one connection are served in order, each before the next is read; connections run side by side.
/// Oneway calls run beside everything. A handler that panics costs its caller an exception, not the connection.
pub struct Daemon {
    shared: Arc<Shared>,
    server: Server,
    location: Location,
}

struct Shared {
    config: Config,
    registry: Registry,
    pool: BufferPool,
    /// Permits for oneway calls; all are free when none runs.
    oneway: Arc<Semaphore>,
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
                version: None,
                limits: Limits::default(),
                serializers: Serializer::ALL.to_vec(),
                key: None,
                compress: false,
                handshake: None,
                handshake_timeout: Duration::from_secs(10),
                transfer_timeout: Duration::from_secs(30),
                annotations: Annotations::new(),
            },
            registry: Registry::new(),
            published: None,
        }
    }

    /// Serves `service` under the id `object`.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] when the id is taken or cannot stand in a URI.
    pub fn register(&self, object: &str, service: impl Service + 'static) -> Result<PyroUri> {
        Self::check_name(object)?;
        self.shared.registry.register(object, service)?;
        Ok(self.uri(object))
    }

    pub(crate) fn check_name(object: &str) -> Result<()> {
        if object.is_empty() || object == DAEMON_OBJECT || object.contains(|c: char| c.is_whitespace() || c == '@') {
            return Err(Error::new(ErrorKind::Name, format!("{object:?} cannot be an object's id")));
        }
        Ok(())
    }

    /// Serves `service` under an id of its own making, `obj_` and 32 hexadecimal digits as in Python.
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub fn register_anonymous(&self, service: impl Service + 'static) -> Result<PyroUri> {
        self.register(&format!("obj_{:032x}", fastrand::u128(..)), service)
    }

    /// Serves the object no longer. Calls in progress go on.
    pub fn unregister(&self, object: &str) -> bool {
        self.shared.registry.unregister(object).is_some()
    }

    /// The objects it serves.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.shared.registry
    }

    /// The URI of an object of this daemon, whether there is one or not.
    #[must_use]
    pub fn uri(&self, object: &str) -> PyroUri {
        PyroUri::new(object, self.location.clone())
    }

    /// A reference to an object of this daemon, to be passed as an argument or result: the other side gets a proxy.
    #[must_use]
    pub fn reference(&self, object: &str) -> RemoteRef {
        let mut remote = RemoteRef::proxy(self.uri(object).to_string());
        if let Some(metadata) = object::known_metadata(&self.shared, object) {
            remote.methods = metadata.methods;
            remote.oneway = metadata.oneway;
            remote.attrs = metadata.attrs;
        }
        remote
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
        let all = self.shared.oneway.acquire_many(ONEWAY_CALLS as u32);
        let _ = tokio::time::timeout_at(until, all).await;
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
