//! From a URI to the object: its scheme decides who knows the way.

mod hessian;
mod pyro;
mod pyro3;
mod tls;
mod xmlrpc;

use std::borrow::Cow;
use std::time::Duration;

use springline::pyro::pyro3::{Proxy as Pyro3Proxy, Uri};
use springline::pyro::{Proxy, Version};
use springline::xmlrpc::client::XmlRpcProxy;
use springline::{Error, ErrorKind, Result, Service, ServiceInfo, split_scheme};

use self::hessian::HessianObject;
use crate::cli::Connection;
use crate::failure::Failure;

/// The schemes of this program, as they are written, with the protocol that they stand for.
const SCHEMES: [(&str, &str); 12] = [
    ("PYRO:", "Pyro 4 and 5"),
    ("PYROLOC://", "Pyro 3"),
    ("PYRO://", "Pyro 3"),
    ("PYRONAME://", "Pyro 3"),
    ("PYROLOCSSL://", "Pyro 3 over TLS"),
    ("PYROSSL://", "Pyro 3 over TLS"),
    ("http:", "XML-RPC"),
    ("https:", "XML-RPC"),
    ("unix:", "XML-RPC"),
    ("http+unix:", "XML-RPC"),
    ("hessian+http:", "Hessian"),
    ("hessian+https:", "Hessian"),
];

/// How an object is reached.
pub(crate) enum Target {
    /// Through Pyro 4 or 5.
    Pyro(Proxy),
    /// Through Pyro 3.
    Pyro3(Pyro3Proxy),
    /// Through XML-RPC; the object is the server.
    XmlRpc(XmlRpcProxy),
    /// Through Hessian.
    Hessian(HessianObject),
}

/// What can be asked of an object without calling it.
pub(crate) struct Alive {
    /// The protocol and its version: `pyro5/502`.
    pub(crate) protocol: Cow<'static, str>,
}

impl Target {
    /// The object at `uri`. Nothing is connected yet.
    pub(crate) fn open(uri: &str, connection: &Connection) -> Result<Self, Failure> {
        let (scheme, _) = split_scheme(&masked(uri))?;
        let foreign = |protocol: &str, given: Vec<&str>| match given.as_slice() {
            [] => Ok(()),
            names => Err(Failure::Usage(format!("{protocol} has no {}", names.join(", ")))),
        };
        let (pyro, pyro3) = (pyro::given(connection), pyro3::given(connection));
        let (tls, xmlrpc) = (tls::given(connection), xmlrpc::given(connection));
        let hessian = hessian::given(connection);
        match scheme.as_str() {
            // PYRO: is older than its slashes.
            _ if Uri::looks_like(uri) => {
                foreign("Pyro 3", [pyro, xmlrpc, hessian].concat())?;
                Ok(Self::Pyro3(pyro3::proxy(uri, connection)?))
            }
            // The latter two are Pyro's as well: the proxy says what is missing.
            "pyro" | "pyroname" | "pyrometa" => {
                foreign("Pyro", [pyro3, tls, xmlrpc, hessian].concat())?;
                Ok(Self::Pyro(pyro::proxy(uri, connection)?))
            }
            "http" | "https" | "unix" | "http+unix" => {
                foreign("XML-RPC", [pyro, pyro3, hessian].concat())?;
                Ok(Self::XmlRpc(xmlrpc::proxy(uri, connection)?))
            }
            "hessian+http" | "hessian+https" | "hessian+http+unix" => {
                foreign("Hessian", [pyro, pyro3, xmlrpc].concat())?;
                Ok(Self::Hessian(hessian::object(uri, connection)?))
            }
            other => {
                let known: Vec<String> = SCHEMES.iter().map(|(name, what)| format!("{name} ({what})")).collect();
                let text = format!("unknown scheme {other:?} in {:?}; known: {}", masked(uri), known.join(", "));
                Err(Error::new(ErrorKind::Name, text).into())
            }
        }
    }

    /// The object as what can be called.
    pub(crate) fn service(&self) -> &dyn Service {
        match self {
            Self::Pyro(proxy) => proxy,
            Self::Pyro3(proxy) => proxy,
            Self::XmlRpc(proxy) => proxy,
            Self::Hessian(object) => object,
        }
    }

    /// A call of it that failed.
    pub(crate) fn failure(&self, e: Error) -> Failure {
        match self {
            Self::Pyro(_) => Failure::Call(e),
            Self::Pyro3(_) => Failure::Pyro3(e),
            Self::XmlRpc(_) => Failure::XmlRpc(e),
            Self::Hessian(_) => Failure::Hessian(e),
        }
    }

    /// The same, if objects have attributes there.
    pub(crate) fn with_attributes(self) -> Result<Self, Failure> {
        match self {
            Self::Pyro(_) | Self::Pyro3(_) => Ok(self),
            Self::XmlRpc(_) => {
                Err(Failure::Usage("XML-RPC has no attributes, only methods: see `springline call`".to_owned()))
            }
            Self::Hessian(_) => {
                Err(Failure::Usage("Hessian has no attributes, only methods: see `springline call`".to_owned()))
            }
        }
    }

    /// What the object offers, asked of its server.
    pub(crate) async fn describe(&self) -> Result<ServiceInfo> {
        match self {
            Self::Pyro(proxy) => {
                proxy.connect().await?;
                Ok(proxy.describe().cloned().unwrap_or_default())
            }
            Self::Pyro3(proxy) => pyro3::describe(proxy).await,
            Self::XmlRpc(proxy) => xmlrpc::describe(proxy).await,
            Self::Hessian(object) => object.describe().await,
        }
    }

    /// Asks its server for a sign of life.
    pub(crate) async fn ping(&self) -> Result<Alive> {
        match self {
            Self::Pyro(proxy) => {
                proxy.ping().await?;
                Ok(Alive { protocol: proxy.version().map_or("pyro", Version::label).into() })
            }
            Self::Pyro3(proxy) => {
                proxy.ping().await?;
                let version = proxy.version().map_or(String::new(), |version| format!("/{version}"));
                Ok(Alive { protocol: format!("pyro3{version}").into() })
            }
            Self::Hessian(object) => {
                object.ping().await?;
                Ok(Alive { protocol: "hessian".into() })
            }
            Self::XmlRpc(proxy) => match proxy.list_methods().await {
                // A fault is a healthy answer: not every server has introspection.
                Err(e) if e.exception().is_none() => Err(e),
                _ => Ok(Alive { protocol: "xmlrpc".into() }),
            },
        }
    }
}

/// The names of the options that were given.
fn named<const N: usize>(all: [(&'static str, bool); N]) -> Vec<&'static str> {
    all.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
}

/// The URI as it may be shown: without the password that a URL may have.
pub(crate) fn masked(uri: &str) -> Cow<'_, str> {
    // Pyro 3's have no users.
    let Some((scheme, rest)) = uri.split_once("://").filter(|_| !Uri::looks_like(uri)) else { return uri.into() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // A password may have an '@' that should have been encoded, and a '/', too.
    let Some(at) = rest.rfind('@').filter(|at| *at < end || rest[..end].contains(':')) else { return uri.into() };
    match rest[..at].split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:***{}", &rest[at..]).into(),
        None => uri.into(),
    }
}

/// Runs a command's future to its end on a runtime of one thread.
pub(crate) fn block_on<F: Future>(future: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(ErrorKind::Internal, format!("cannot start: {e}")))?;
    let output = runtime.block_on(future);
    // A look-up of a name that still runs is not waited for.
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked() {
        for (uri, shown) in [
            ("http://me:secret@host:80/RPC2", "http://me:***@host:80/RPC2"),
            ("http://me:sec/ret@host/RPC2", "http://me:***@host/RPC2"),
            ("ftp://me:a@b@host", "ftp://me:***@host"),
            ("http://me@host/", "http://me@host/"),
            ("http://host:80/a@b", "http://host:***@b"),
            ("http://host/a@b:c", "http://host/a@b:c"),
            ("http://[::1]:80/", "http://[::1]:80/"),
            ("PYRO:thing@host:80", "PYRO:thing@host:80"),
            ("PYROLOC://host:80/:a.b@c", "PYROLOC://host:80/:a.b@c"),
        ] {
            assert_eq!(masked(uri), shown);
        }
    }
}
