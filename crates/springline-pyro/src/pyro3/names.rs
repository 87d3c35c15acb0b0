//! Python's name server for Pyro 3 (`pyro-ns`).

use springline_core::{Error, ErrorKind, RemoteRef, Result, Value};

use super::{NAME_SERVER, Proxy, Uri};

/// A name server.
///
/// Names are absolute and begin with a colon, or are meant relative to the group `:Default`; groups within groups are
/// separated by dots. What the server does not like is its own exception, `NamingError`.
///
/// ```no_run
/// # async fn f(uri: springline_pyro::pyro3::Uri) -> springline_core::Result<()> {
/// use springline_pyro::pyro3::NameServer;
/// let names = NameServer::at("localhost", 9090)?;
/// names.register("ServiceName", &uri).await?;
/// assert_eq!(names.resolve("ServiceName").await?, uri);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct NameServer {
    proxy: Proxy,
}

fn absolute(name: &str) -> String {
    match name {
        "" => super::DEFAULT_GROUP.to_owned(),
        absolute if absolute.starts_with(':') => absolute.to_owned(),
        relative => format!("{}.{relative}", super::DEFAULT_GROUP),
    }
}

fn uri_of(value: Value) -> Result<Uri> {
    match value {
        Value::Remote(found) => found.uri.parse(),
        other => Err(Error::new(ErrorKind::Protocol, format!("expected a URI from the name server, found {other:?}"))),
    }
}

impl NameServer {
    /// The one on a host. Nothing is connected yet.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a host that cannot stand in a URI.
    pub fn at(host: &str, port: u16) -> Result<Self> {
        Proxy::new(&format!("PYROLOC://{host}:{port}/{NAME_SERVER}")).map(Self::new)
    }

    /// The one that answers a broadcast, else the one on this machine. Nothing is asked yet.
    ///
    /// # Errors
    /// None that is known.
    pub fn locate() -> Result<Self> {
        Proxy::new(&format!("PYRONAME://{NAME_SERVER}")).map(Self::new)
    }

    /// The one behind a proxy, with its settings: a passphrase, timeouts, another address for broadcasts.
    #[must_use]
    pub fn new(proxy: Proxy) -> Self {
        Self { proxy }
    }

    /// What the calls go through.
    #[must_use]
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Asks it for a sign of life.
    ///
    /// # Errors
    /// Every way in which a call fails.
    pub async fn ping(&self) -> Result<()> {
        self.proxy.call::<Value>("ping", ()).await.map(|_| ())
    }

    /// Gives an object a name.
    ///
    /// # Errors
    /// `NamingError` when the name is taken, or its group is not there.
    pub async fn register(&self, name: &str, uri: &Uri) -> Result<()> {
        self.proxy.call::<Value>("register", (absolute(name), RemoteRef::uri(uri.to_string()))).await.map(|_| ())
    }

    /// Takes a name away.
    ///
    /// # Errors
    /// `NamingError` when there is none, or it is a group's.
    pub async fn unregister(&self, name: &str) -> Result<()> {
        self.proxy.call::<Value>("unregister", (absolute(name),)).await.map(|_| ())
    }

    /// Where the object of a name is.
    ///
    /// # Errors
    /// `NamingError` when nobody has the name, or it is a group's.
    pub async fn resolve(&self, name: &str) -> Result<Uri> {
        uri_of(self.proxy.call("resolve", (absolute(name),)).await?)
    }

    /// What is in a group: names, and whether each is a group itself.
    ///
    /// # Errors
    /// `NamingError` when it is no group.
    pub async fn list(&self, group: &str) -> Result<Vec<(String, bool)>> {
        let all: Vec<(String, i64)> = self.proxy.call("list", (absolute(group),)).await?;
        Ok(all.into_iter().map(|(name, leaf)| (name, leaf == 0)).collect())
    }

    /// All absolute names of objects, in all groups, and where they are.
    ///
    /// # Errors
    /// Every way in which a call fails.
    pub async fn flat_list(&self) -> Result<Vec<(String, Uri)>> {
        let all: Vec<(String, Value)> = self.proxy.call("flatlist", ()).await?;
        all.into_iter().map(|(name, uri)| Ok((name, uri_of(uri)?))).collect()
    }

    /// Makes a group; that which it is in must be there.
    ///
    /// # Errors
    /// `NamingError` when the name is taken.
    pub async fn create_group(&self, group: &str) -> Result<()> {
        self.proxy.call::<Value>("createGroup", (absolute(group),)).await.map(|_| ())
    }

    /// Removes a group and everything in it.
    ///
    /// # Errors
    /// `NamingError` when it is no group, or the one at the top.
    pub async fn delete_group(&self, group: &str) -> Result<()> {
        self.proxy.call::<Value>("deleteGroup", (absolute(group),)).await.map(|_| ())
    }

    /// Notes something beside a name or group, in the place of what was noted before.
    ///
    /// # Errors
    /// `NamingError` when nobody has the name.
    pub async fn set_meta(&self, name: &str, meta: impl Into<Value>) -> Result<()> {
        self.proxy.call::<Value>("setMeta", (absolute(name), meta.into())).await.map(|_| ())
    }

    /// What is noted beside a name or group.
    ///
    /// # Errors
    /// `NamingError` when nobody has the name.
    pub async fn meta(&self, name: &str) -> Result<Value> {
        self.proxy.call("getMeta", (absolute(name),)).await
    }
}
