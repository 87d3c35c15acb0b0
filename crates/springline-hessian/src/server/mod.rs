//! Serving objects to Hessian clients.
//!
//! ```no_run
//! # async fn f() -> springline_core::Result<()> {
//! use springline_core::FnService;
//! use springline_hessian::server::HessianServiceExporter;
//!
//! let service = FnService::new("Service").method("getData", ["param"], |(param,): (String,)| async move {
//!     Ok(format!("You got remote data => {param}"))
//! });
//! let server = HessianServiceExporter::builder(service).port(8080).path("/service").serve().await?;
//! server.serve_forever().await;
//! # Ok(()) }
//! ```
//!
//! Spring Python had a client for Hessian and no exporter: its manual says that the library behind it could only be a client.
//!
//! A service has a path to itself. To serve several, or XML-RPC beside them, mount their
//! [handlers](HessianServiceExporterBuilder::handler) on one [`HttpServer`](springline_net::http::HttpServer).
//!
//! # Calls
//!
//! Each is answered by Java's rule: Hessian 1 (`c 01 00`) in Hessian 1, Hessian 1 that asks for 2 (`c 02 00`, Java's default)
//! and Hessian 2 (`H 02 00 C`, or a bare `C`) in Hessian 2. Methods are found by their names, by `name__count` and by Java's
//! [mangled](crate::mangle) names; so that overloads can be told apart, a method may also be named so:
//! `#[remote(name = "over_int")]`, `#[remote(name = "over__2")]`. Headers of Hessian 1 that are texts or bytes are annotations
//! of the call. `_hessian_getAttribute` tells `java.api.class`, `java.home.class` and `java.object.class`.
//!
//! Exceptions go as Java's servers send them, so that a Java client throws one of the class that is named: `ValueError` as
//! `java.lang.IllegalArgumentException`, `com.example.BankException` as it is. A call that cannot be read is answered with a
//! fault as well, where Java breaks the answer off.
//!
//! # HTTP
//!
//! | status | when |
//! | --- | --- |
//! | 400 | what is no Hessian by its first byte; no HTTP; bad chunks; a body that breaks off or whose compression is damaged |
//! | 401 | [basic authentication](HessianServiceExporterBuilder::basic_auth) is asked for and was not passed |
//! | 404 | another path; a query does not count |
//! | 405 | another method than POST (Java's servlet says 500) |
//! | 408 | the head or the body comes too slowly |
//! | 413 | a body over the limit, packed or unpacked |
//! | 415 | a Content-Encoding other than gzip and deflate |
//! | 431 | a head over its limit |
//!
//! Log lines have the target `springline::hessian`; those of requests `springline::hessian::requests`, level INFO, in the form
//! of CPython's `http.server`, with the fields `peer` and `status`.
//!
//! In a handler [`springline_core::context::peer`] tells the caller's address, [`certificate`] its certificate, and
//! [`springline_core::context::deadline`] when the answer is to be there.

mod builder;
mod exporter;
mod passing;
mod streams;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use springline_core::{Result, context};
use springline_net::Address;
use springline_net::http::WebServer;
use springline_net::tls::PeerCertificate;

pub use builder::HessianServiceExporterBuilder;
pub use exporter::HessianServiceExporter;
pub use springline_net::http::{Login, SingleUser};
pub use streams::BinaryStream;

/// The certificate of the caller of the method that is running, where the caller has shown one.
#[must_use]
pub fn certificate() -> Option<Arc<PeerCertificate>> {
    context::peer()?.credentials.as_ref()?.get()
}

/// A server of one Hessian service on a listener of its own. Dropping it closes all connections at once; see
/// [`shutdown`](Self::shutdown).
pub struct HessianServer {
    web: WebServer,
    exporter: Arc<HessianServiceExporter>,
}

impl HessianServer {
    /// Where it listens, with the port that was given for 0.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.web.address()
    }

    /// The URL for clients: `http://localhost:8080/service`; of a server on a Unix socket `unix:` and the socket's path.
    #[must_use]
    pub fn url(&self) -> String {
        self.web.url()
    }

    /// How many clients are connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.web.connections()
    }

    /// Reads keys and certificates anew. Connections stay, and where reading fails all stays as it was.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](springline_core::ErrorKind::Config) that names the file and what is wrong with it, or for a
    /// server without TLS.
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

impl fmt::Debug for HessianServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HessianServer").field("url", &self.url()).field("exporter", &self.exporter).finish()
    }
}
