//! The wires, and how an object gets onto one of them from a program.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use springline::component::Described;
use springline::hessian::Dialect;
use springline::hessian::client::HessianProxy;
use springline::hessian::server::HessianServiceExporter;
use springline::pyro::{Daemon, Proxy, Serializer, Version, pyro3};
use springline::xmlrpc::client::XmlRpcProxy;
use springline::xmlrpc::server::XmlRpcServer;
use springline::xmlrpc::tls::CertReqs;
use springline::{Result, Service, ServiceInfo};

use crate::thing::{MyThing, ThingProxy, ThingRef, ThingServer};

/// How far TLS goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tls {
    None,
    /// The server has a certificate.
    Server,
    /// The client has to show one as well.
    Client,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Wire {
    Pyro3,
    Pyro4(Serializer),
    Pyro5(Serializer),
    XmlRpc(Tls),
    Hessian(Dialect, Tls),
}

impl Wire {
    /// All of them.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Pyro3];
        all.extend(Serializer::ALL.map(Self::Pyro4));
        all.push(Self::Pyro4(Serializer::Pickle));
        all.extend(Serializer::ALL.map(Self::Pyro5));
        all.extend([Tls::None, Tls::Server, Tls::Client].map(Self::XmlRpc));
        all.extend([Dialect::Hessian1, Dialect::Mixed, Dialect::Hessian2].map(|d| Self::Hessian(d, Tls::None)));
        all.extend([Tls::Server, Tls::Client].map(|tls| Self::Hessian(Dialect::Hessian2, tls)));
        all
    }

    /// Its name in the table.
    pub(crate) fn name(self) -> String {
        let over = |tls| match tls {
            Tls::None => "",
            Tls::Server => " TLS",
            Tls::Client => " TLS, client certificate",
        };
        match self {
            Self::Pyro3 => "Pyro 3 pickle".to_owned(),
            Self::Pyro4(serializer) => format!("Pyro 4 {serializer}"),
            Self::Pyro5(serializer) => format!("Pyro 5 {serializer}"),
            Self::XmlRpc(tls) => format!("XML-RPC{}", over(tls)),
            Self::Hessian(Dialect::Hessian1, tls) => format!("Hessian 1{}", over(tls)),
            Self::Hessian(Dialect::Mixed, tls) => format!("Hessian 1 asking for 2{}", over(tls)),
            Self::Hessian(_, tls) => format!("Hessian 2{}", over(tls)),
        }
    }

    /// What an object that is called by it is told of the protocol.
    pub(crate) fn label(self) -> String {
        match self {
            Self::Pyro3 => "pyro3/5",
            Self::Pyro4(_) => Version::V48.label(),
            Self::Pyro5(_) => Version::V502.label(),
            Self::XmlRpc(_) | Self::Hessian(..) => "http/1.1",
        }
        .to_owned()
    }
}

pub(crate) fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../certs").join(name)
}

/// What the object offers.
pub(crate) fn offered() -> ServiceInfo {
    ThingServer::new(MyThing::default()).describe().cloned().unwrap_or_default()
}

/// Whatever keeps something served.
pub(crate) type Kept = Box<dyn Any + Send>;

/// Serves an object, or a proxy, and tells where.
pub(crate) async fn serve(wire: Wire, service: Arc<dyn Service>) -> Result<(Kept, String)> {
    Ok(match wire {
        Wire::Pyro3 => {
            let daemon = pyro3::Daemon::builder().bind("127.0.0.1:0").await?;
            let uri = daemon.register("thing", service)?.to_string();
            (Box::new(daemon), uri)
        }
        Wire::Pyro4(serializer) | Wire::Pyro5(serializer) => {
            let daemon = Daemon::builder().serializers([serializer]).bind("127.0.0.1:0").await?;
            let uri = daemon.register("thing", service)?.to_string();
            (Box::new(daemon), uri)
        }
        Wire::XmlRpc(tls) => {
            let mut server = XmlRpcServer::builder().allow_none(true).log_requests(false).register_service("", service);
            if tls != Tls::None {
                server = server.host("localhost").keyfile(certificate("server-key.pem"));
                server = server.certfile(certificate("server-cert.pem"));
            }
            if tls == Tls::Client {
                server = server.ca_certs(certificate("ca-chain.pem")).cert_reqs(CertReqs::Required);
            }
            let server = server.port(0).serve().await?;
            let url = server.url();
            (Box::new(server), url)
        }
        Wire::Hessian(_, tls) => {
            let mut server = HessianServiceExporter::builder(service).log_requests(false).host("localhost").port(0);
            if tls != Tls::None {
                server = server.keyfile(certificate("server-key.pem")).certfile(certificate("server-cert.pem"));
            }
            if tls == Tls::Client {
                server = server.ca_certs(certificate("ca-chain.pem")).cert_reqs(CertReqs::Required);
            }
            let server = server.serve().await?;
            let url = server.url();
            (Box::new(server), url)
        }
    })
}

/// An object elsewhere, by its trait and by the names of its methods.
pub(crate) type Far = (ThingRef, Arc<dyn Service>);

// The trait is called over the proxy's own type: nothing stands between the arguments and the bytes.
fn typed<P: Service + Clone + 'static>(proxy: P) -> Far {
    (ThingRef::local(ThingProxy::new(proxy.clone())), Arc::new(proxy))
}

/// The object at a URI.
pub(crate) fn connect(wire: Wire, uri: &str) -> Result<Far> {
    Ok(match wire {
        Wire::Pyro3 => {
            let proxy = pyro3::Proxy::new(uri)?;
            let (thing, _) = typed(proxy.clone());
            // It cannot be asked.
            (thing, Arc::new(Described::new(proxy, Some(offered()))))
        }
        Wire::Pyro4(serializer) => typed(Proxy::builder(uri)?.version(Version::V48).serializer(serializer).build()?),
        Wire::Pyro5(serializer) => typed(Proxy::builder(uri)?.version(Version::V502).serializer(serializer).build()?),
        Wire::XmlRpc(tls) => {
            let mut proxy = XmlRpcProxy::builder(uri).allow_none(true).describe(offered());
            if tls != Tls::None {
                proxy = proxy.ca_certs(certificate("ca-chain.pem"));
            }
            if tls == Tls::Client {
                proxy = proxy.certfile(certificate("client-cert.pem")).keyfile(certificate("client-key.pem"));
            }
            typed(proxy.build()?)
        }
        Wire::Hessian(dialect, tls) => {
            let mut proxy = HessianProxy::builder(uri).dialect(dialect).describe(offered());
            if tls != Tls::None {
                proxy = proxy.ca_certs(certificate("ca-chain.pem"));
            }
            if tls == Tls::Client {
                proxy = proxy.certfile(certificate("client-cert.pem")).keyfile(certificate("client-key.pem"));
            }
            typed(proxy.build()?)
        }
    })
}
