//! Spring Python's exporters and proxy factories, by their names there.
//!
//! ```no_run
//! # async fn f(remote_service: impl springline_core::Service + 'static) -> springline_core::Result<()> {
//! use std::sync::Arc;
//! use springline_pyro::{PyroProxyFactory, PyroServiceExporter};
//!
//! let mut service_exporter = PyroServiceExporter::default();
//! service_exporter.service_name = "ServiceName".to_owned();
//! service_exporter.service = Some(Arc::new(remote_service));
//! service_exporter.after_properties_set().await?;
//!
//! let service = PyroProxyFactory::new("PYROLOC://localhost:7766/ServiceName");
//! let text: String = service.call("get_data", ("Hello",)).await?;
//! # Ok(()) }
//! ```

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use serde::de::DeserializeOwned;
use springline_core::service::{BoxFuture, Call, Reply, Service};
use springline_core::{Args, Error, ErrorKind, Reached, Registry, Result};
use springline_net::Address;
use tokio::sync::OnceCell;

use crate::{Daemon, DaemonBuilder, Proxy, pyro3};

/// How long calls in progress may take when the last exporter of a port stops.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves an object through Pyro 3, at `PYROLOC://service_host:service_port/service_name`.
pub type PyroServiceExporter = ServiceExporter<pyro3::Daemon>;

/// Serves an object through Pyro 4 and 5, at `PYRO:service_name@service_host:service_port`.
pub type Pyro4ServiceExporter = ServiceExporter<Daemon>;

/// Stands for an object behind a URI of Pyro 3.
pub type PyroProxyFactory = ProxyFactory<pyro3::Proxy>;

/// Stands for an object behind a URI of Pyro 4 or 5.
pub type Pyro4ProxyFactory = ProxyFactory<Proxy>;

pub(crate) mod sealed {
    use super::{Daemons, Duration, PyroDaemonHolder, Registry, Result, Service};

    /// A daemon that exporters share.
    pub trait Hosted: Sized + Send + Sync + 'static {
        fn daemons(holder: &PyroDaemonHolder) -> &Daemons<Self>;
        fn bind(holder: &PyroDaemonHolder, address: &str) -> impl Future<Output = Result<Self>> + Send;
        fn check(name: &str) -> Result<()>;
        fn registry(&self) -> &Registry;
        fn is_listening(&self) -> bool;
        fn port(&self) -> u16;
        fn stop(self, drain: Duration) -> impl Future<Output = usize> + Send;
        /// Without TLS.
        fn uri(name: &str, host: &str, port: u16) -> String;
        fn uri_at(&self, name: &str, host: &str, port: u16) -> String;
    }

    /// A proxy that is made of a URI.
    pub trait Made: Service + Sized + 'static {
        fn made(uri: &str) -> Result<Self>;
    }
}

pub(crate) use sealed::Hosted;
use sealed::Made;

macro_rules! hosted {
    ($daemon:ty, $field:ident, $secure:expr, $uri:expr) => {
        impl Hosted for $daemon {
            fn daemons(holder: &PyroDaemonHolder) -> &Daemons<Self> {
                &holder.inner.$field.0
            }

            async fn bind(holder: &PyroDaemonHolder, address: &str) -> Result<Self> {
                holder.inner.$field.1.clone().bind(address).await
            }

            fn check(name: &str) -> Result<()> {
                Self::check_name(name)
            }

            fn registry(&self) -> &Registry {
                self.registry()
            }

            fn is_listening(&self) -> bool {
                self.is_listening()
            }

            fn port(&self) -> u16 {
                match self.address() {
                    Address::Tcp(_, port) => *port,
                    Address::Unix(_) => 0,
                }
            }

            async fn stop(self, drain: Duration) -> usize {
                self.shutdown(drain).await
            }

            fn uri(name: &str, host: &str, port: u16) -> String {
                $uri(false, name, Address::tcp(host, port))
            }

            fn uri_at(&self, name: &str, host: &str, port: u16) -> String {
                let secure: fn(&Self) -> bool = $secure;
                $uri(secure(self), name, Address::tcp(host, port))
            }
        }
    };
}

hosted!(pyro3::Daemon, pyro3, Self::is_secure, |secure, name, address| {
    let scheme = if secure { "PYROLOCSSL" } else { "PYROLOC" };
    format!("{scheme}://{address}/{name}")
});
hosted!(Daemon, pyro4, |_| false, |_: bool, name, address| format!("PYRO:{name}@{address}"));

impl Made for pyro3::Proxy {
    fn made(uri: &str) -> Result<Self> {
        Self::new(uri)
    }
}

impl Made for Proxy {
    fn made(uri: &str) -> Result<Self> {
        Self::new(uri)
    }
}

/// The daemons of exporters, one for each host and port. Cheap to clone; clones are one holder.
///
/// Exporters that are not given one share that of the process, as they do in Spring Python, since those of one port need
/// not know of each other. It holds on to nothing: a daemon is gone with the last of its exporters.
#[derive(Clone)]
pub struct PyroDaemonHolder {
    inner: Arc<Inner>,
}

struct Inner {
    pyro3: (Daemons<pyro3::Daemon>, pyro3::DaemonBuilder),
    pyro4: (Daemons<Daemon>, DaemonBuilder),
}

impl PyroDaemonHolder {
    /// One of its own, whose daemons have these settings: a passphrase, limits, certificates.
    #[must_use]
    pub fn new(pyro3: pyro3::DaemonBuilder, pyro4: DaemonBuilder) -> Self {
        Self { inner: Arc::new(Inner { pyro3: (Daemons::default(), pyro3), pyro4: (Daemons::default(), pyro4) }) }
    }

    /// The process's, whose daemons have the default settings.
    #[must_use]
    pub fn shared() -> Self {
        static SHARED: LazyLock<PyroDaemonHolder> = LazyLock::new(PyroDaemonHolder::default);
        SHARED.clone()
    }
}

/// One of its own, whose daemons have the default settings.
impl Default for PyroDaemonHolder {
    fn default() -> Self {
        Self::new(pyro3::Daemon::builder(), Daemon::builder())
    }
}

impl fmt::Debug for PyroDaemonHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PyroDaemonHolder").finish_non_exhaustive()
    }
}

/// By host and port. The exporters hold the daemons.
#[doc(hidden)]
pub struct Daemons<D> {
    at: Mutex<Places<D>>,
}

type Places<D> = HashMap<(String, u16), Weak<OnceCell<D>>>;

impl<D> Default for Daemons<D> {
    fn default() -> Self {
        Self { at: Mutex::default() }
    }
}

impl<D: Hosted> Daemons<D> {
    // The daemon of a host and port, or the place where it comes to be.
    fn place(&self, host: &str, port: u16) -> Arc<OnceCell<D>> {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        at.retain(|_, place| place.strong_count() > 0);
        let key = (host.to_owned(), port);
        let running = at.get(&key).and_then(Weak::upgrade);
        // Nobody serves there any more when the runtime that it was started on is gone.
        if let Some(place) = running.filter(|place| place.get().is_none_or(D::is_listening)) {
            return place;
        }
        let fresh = Arc::new(OnceCell::new());
        // Any free port is another one each time.
        if port != 0 {
            at.insert(key, Arc::downgrade(&fresh));
        }
        fresh
    }
}

/// Serves one object under a name. Those of one host and port share a daemon, which starts with the first of them and
/// stops with the last.
///
/// Dropped, or [`destroy`](Self::destroy)ed, the object is served no longer. The names and defaults are those of Spring
/// Python's `PyroServiceExporter` and `Pyro4ServiceExporter`.
pub struct ServiceExporter<D: Hosted> {
    /// The name that clients ask for. There is no default.
    pub service_name: String,
    /// The object: some `...Server` of a `#[remote]` trait, or any other service, a proxy included. There is no default.
    pub service: Option<Arc<dyn Service>>,
    /// Where to listen: a name or address of this machine. Default `localhost`.
    pub service_host: String,
    /// The port. Default 7766; 0 takes a free one, and shares it with nobody.
    pub service_port: u16,
    /// Whose daemon serves it. Default [`PyroDaemonHolder::shared`].
    pub holder: PyroDaemonHolder,
    served: Option<Served<D>>,
}

/// A name in a daemon.
struct Served<D: Hosted> {
    place: Arc<OnceCell<D>>,
    name: String,
    uri: String,
    /// What the name leads to.
    entry: Arc<dyn Service>,
}

impl<D: Hosted> Drop for Served<D> {
    fn drop(&mut self) {
        if let Some(daemon) = self.place.get() {
            daemon.registry().unregister_this(&self.name, &self.entry);
        }
    }
}

impl<D: Hosted> Default for ServiceExporter<D> {
    fn default() -> Self {
        Self {
            service_name: String::new(),
            service: None,
            service_host: "localhost".to_owned(),
            service_port: 7766,
            holder: PyroDaemonHolder::shared(),
            served: None,
        }
    }
}

impl<D: Hosted> ServiceExporter<D> {
    /// An exporter at `localhost:7766`, which serves nothing before [`after_properties_set`](Self::after_properties_set).
    pub fn new(service_name: impl Into<String>, service: impl Service + 'static) -> Self {
        Self { service_name: service_name.into(), service: Some(Arc::new(service)), ..Self::default() }
    }

    /// Starts to serve, on the current runtime. Who serves already is served anew, with the properties as they are now.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without a name or service, [`ErrorKind::Name`] for a name that is taken or impossible,
    /// [`ErrorKind::Unavailable`] when the port cannot be had.
    pub async fn after_properties_set(&mut self) -> Result<()> {
        self.wanted()?;
        self.destroy().await;
        self.serve(false).await
    }

    fn wanted(&self) -> Result<Arc<dyn Service>> {
        let missing = |what| Err(Error::new(ErrorKind::Config, format!("the exporter has no {what}")));
        if self.service_name.is_empty() {
            return missing("service_name");
        }
        D::check(&self.service_name)?;
        self.service.clone().map_or_else(|| missing("service"), Ok)
    }

    /// Serves, also in the place of another exporter that has the name: that one is told nothing, and takes nothing away
    /// when it ends.
    pub(crate) async fn serve(&mut self, take_over: bool) -> Result<()> {
        let service = self.wanted()?;
        let (host, port) = (&self.service_host, self.service_port);
        let place = match &self.served {
            Some(served) => served.place.clone(),
            None => D::daemons(&self.holder).place(host, port),
        };
        let address = Address::tcp(host.as_str(), port).to_string();
        let daemon = place.get_or_try_init(|| D::bind(&self.holder, &address)).await?;
        let name = self.service_name.clone();
        let entry = match take_over {
            true => daemon.registry().put(&*name, service),
            false => daemon.registry().add(&*name, service)?,
        };
        let uri = daemon.uri_at(&name, host, daemon.port());
        tracing::debug!(%uri, "exported");
        self.served = Some(Served { name, uri, place, entry });
        Ok(())
    }

    /// Serves the object no longer. The last exporter of a port stops its daemon: calls in progress may finish, for at
    /// most 10 s, and the port is free when this is done.
    pub async fn destroy(&mut self) {
        self.destroy_within(DRAIN).await;
    }

    /// The same with another time for calls in progress. Gives how many connections had to be cut off.
    pub async fn destroy_within(&mut self, drain: Duration) -> usize {
        let Some(served) = self.served.take() else { return 0 };
        let place = served.place.clone();
        drop(served);
        // There is one who finds nobody else here: the last.
        match Arc::into_inner(place).and_then(OnceCell::into_inner) {
            Some(daemon) => daemon.stop(drain).await,
            None => 0,
        }
    }

    /// Where the object is, while it is served: for [`PyroProxyFactory`] or [`Pyro4ProxyFactory`], and for Python.
    #[must_use]
    pub fn service_url(&self) -> Option<&str> {
        self.served.as_ref().map(|served| &*served.uri)
    }
}

impl<D: Hosted> fmt::Debug for ServiceExporter<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceExporter")
            .field("service_name", &self.service_name)
            .field("service_host", &self.service_host)
            .field("service_port", &self.service_port)
            .field("served", &self.service_url())
            .finish_non_exhaustive()
    }
}

/// A service that is somewhere else. It connects at its first call.
///
/// The name and the property are those of Spring Python's `PyroProxyFactory` and `Pyro4ProxyFactory`. For other settings
/// than the default ones there are the builders of the proxies themselves.
pub struct ProxyFactory<P> {
    /// Where the object is. Looked at by the first call, and by none after it.
    pub service_url: String,
    proxy: OnceLock<P>,
}

impl<P> Default for ProxyFactory<P> {
    fn default() -> Self {
        Self { service_url: String::new(), proxy: OnceLock::new() }
    }
}

impl<P: Made> ProxyFactory<P> {
    /// A stand-in for the object at this URI.
    pub fn new(service_url: impl Into<String>) -> Self {
        Self { service_url: service_url.into(), ..Self::default() }
    }

    /// The proxy that the calls go through.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a URI that cannot be read.
    pub fn proxy(&self) -> Result<&P> {
        if let Some(proxy) = self.proxy.get() {
            return Ok(proxy);
        }
        let made = P::made(&self.service_url).map_err(|e| e.context("service_url"))?;
        Ok(self.proxy.get_or_init(|| made))
    }

    /// Calls a method with positional arguments and reads the result as `R`.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a URI that cannot be read, [`ErrorKind::Remote`] when the method raised, and every way in
    /// which a connection fails.
    pub async fn call<R: DeserializeOwned>(&self, method: &str, args: impl Args) -> Result<R> {
        let reply = Service::call(self, &Call::new(method, &args)).await?;
        reply.result.decode().map_err(|e| e.with_reached(Reached::Answered).with_endpoint(&self.service_url))
    }
}

impl<P: Made> Service for ProxyFactory<P> {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        match self.proxy() {
            Ok(proxy) => proxy.call(call),
            Err(e) => Box::pin(std::future::ready(Err(e))),
        }
    }

    fn describe(&self) -> Option<&springline_core::ServiceInfo> {
        self.proxy.get()?.describe()
    }
}

impl<P> fmt::Debug for ProxyFactory<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyFactory({})", self.service_url)
    }
}
