//! Serving methods to XML-RPC clients.
//!
//! ```no_run
//! # async fn f() -> springline_core::Result<()> {
//! use springline_xmlrpc::server::XmlRpcServer;
//!
//! let server = XmlRpcServer::builder()
//!     .host("localhost")
//!     .port(8000)
//!     .register_function("pow", ["x", "y"], |(x, y): (i64, u32)| async move { Ok(x.pow(y)) })
//!     .serve()
//!     .await?;
//! server.serve_forever().await;
//! # Ok(()) }
//! ```
//!
//! Requests come to `/` and `/RPC2`. Methods are closures ([`XmlRpcServerBuilder::register_function`]) and the methods of
//! services, `#[remote]` traits among them, under a prefix ([`XmlRpcServerBuilder::register_service`]). Names that begin
//! with an underscore, in any of their parts, are not to be called. `system.listMethods`, `system.methodHelp`,
//! `system.methodSignature`, `system.multicall` and `system.getCapabilities` are there unless they are switched off.
//!
//! Whatever is wrong with a document or a call is a fault in an answer of status 200. What is wrong with HTTP has HTTP's
//! status codes:
//!
//! | status | when |
//! | --- | --- |
//! | 400 | no HTTP, both lengths, two different lengths, several hosts, bad chunks, a body that breaks off or whose compression is damaged |
//! | 401 | [basic authentication](XmlRpcServerBuilder::basic_auth) is asked for and was not passed |
//! | 404 | another path; a query does not count |
//! | 405 | another method than POST, and than GET where there is a [page](XmlRpcServerBuilder::html_page) |
//! | 408 | the head or the body comes too slowly |
//! | 411 | neither a Content-Length nor chunks |
//! | 413 | a body over the limit, packed or unpacked |
//! | 415 | a Content-Encoding other than gzip; a content type that is not XML's, if [that counts](XmlRpcServerBuilder::strict_content_type) |
//! | 431 | a head over its limit |
//!
//! The options of Spring Python's `SSLServer` have their names: `host`, `port`, `keyfile`, `certfile`, `ca_certs`,
//! `cert_reqs`, `ssl_version`, `ciphers`, `suppress_ragged_eofs`, `log_requests`, `verify_fields`, and `verify_peer` for
//! the method to override. `do_handshake_on_connect` is missing: a handshake always runs beside the others.
//!
//! Log lines have the target `springline::xmlrpc`; those of requests `springline::xmlrpc::requests`, level INFO, in the
//! form of CPython's `http.server`, with the fields `peer` and `status`.
//!
//! In a handler [`springline_core::context::peer`] tells the caller's address, [`certificate`] its certificate, and
//! [`springline_core::context::deadline`] when the answer is to be there.

mod builder;
mod dispatch;
mod handler;
mod page;
mod signature;
mod system;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use springline_core::{Registry, Result, context};
use springline_net::Address;
use springline_net::http::WebServer;
use springline_net::tls::PeerCertificate;

pub use builder::XmlRpcServerBuilder;
pub use handler::XmlRpcHandler;
pub use springline_net::http::{Login, SingleUser};

/// The certificate of the caller of the method that is running, where the caller has shown one.
#[must_use]
pub fn certificate() -> Option<Arc<PeerCertificate>> {
    context::peer()?.credentials.as_ref()?.get()
}

/// A server of XML-RPC on a listener of its own. Dropping it closes all connections at once; see
/// [`shutdown`](Self::shutdown). To serve beside something else mount an [`XmlRpcHandler`].
pub struct XmlRpcServer {
    web: WebServer,
    handler: Arc<XmlRpcHandler>,
}

impl XmlRpcServer {
    /// Begins with no methods, no TLS and the address `localhost:8000`, as the original's examples.
    pub fn builder() -> XmlRpcServerBuilder {
        XmlRpcServerBuilder::default()
    }

    /// Where it listens, with the port that was given for 0.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.web.address()
    }

    /// The URL for clients: `https://localhost:8000/RPC2`; of a server on a Unix socket `unix:` and the socket's path.
    #[must_use]
    pub fn url(&self) -> String {
        self.web.url()
    }

    /// The services it serves, by prefix. Those that are added or removed while it runs count from the next call on.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        self.handler.registry()
    }

    /// How many clients are connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.web.connections()
    }

    /// Reads keys and certificates anew. Connections stay, and where reading fails all stays as it was.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](springline_core::ErrorKind::Config) that names the file and what is wrong with it, or for a server without TLS.
    pub fn reload_certificates(&self) -> Result<()> {
        self.web.reload_certificates()
    }

    /// Serves until the program ends or this future is dropped, which closes all connections.
    pub async fn serve_forever(self) {
        std::future::pending::<()>().await;
    }

    /// Stops listening, closes idle connections, and lets calls in progress finish for at most `deadline`. Gives how
    /// many connections had to be cut off.
    pub async fn shutdown(&self, deadline: Duration) -> usize {
        self.web.shutdown(deadline).await
    }
}

impl fmt::Debug for XmlRpcServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XmlRpcServer").field("url", &self.url()).field("handler", &self.handler).finish()
    }
}
