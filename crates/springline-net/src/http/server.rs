//! The server: handlers under paths, on one listener.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use springline_core::{BoxFuture, Limits, Result};

use super::connection::Site;
use super::{Request, Response};
#[cfg(feature = "tls")]
use crate::tls::ServerTls;
use crate::{Address, Server, ServerOptions};

/// What answers requests.
pub trait HttpHandler: Send + Sync + 'static {
    /// Answers one request. Requests of one connection come in order, connections run side by side. The future is
    /// dropped when the connection breaks before the answer; a peer that only says that it has no more to send is
    /// answered.
    ///
    /// A panic costs its caller a status 500 and nobody else anything.
    fn handle<'a>(&'a self, request: Request) -> BoxFuture<'a, Response>;
}

/// Bounds on what peers may do.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HttpOptions {
    /// `message_size` bounds bodies, `connections` how many there are at a time. The rest is the handlers' business.
    pub limits: Limits,
    /// How long a request's head may take, from its first byte on. Default 30 s.
    pub header_timeout: Duration,
    /// How long the rest of a body may take, and an answer to be taken: no pause may be longer, and over all there
    /// is a second more for each 16 KiB. Default 30 s.
    pub transfer_timeout: Duration,
    /// How long a connection may be without a request. Default 2 minutes.
    pub idle_timeout: Duration,
    /// Bytes of a request's head. Default 32 KiB, and 100 header fields; more is answered with 431.
    pub head_size: usize,
    /// Whether names of header fields are written as `Content-Type`, for clients that do not know that `content-type` is
    /// the same: CPython's `xmlrpc.client` gives those of an error to its user in a plain `dict`. A client that writes its
    /// own in small letters gets small letters. Default true.
    pub title_case: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            header_timeout: Duration::from_secs(30),
            transfer_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(120),
            head_size: 32 * 1024,
            title_case: true,
        }
    }
}

/// Sets up an [`HttpServer`].
#[derive(Clone)]
pub struct HttpServerBuilder {
    site: Site,
}

impl HttpServerBuilder {
    /// Bounds on what peers may do.
    #[must_use]
    pub fn options(mut self, options: HttpOptions) -> Self {
        self.site.options = options;
        self
    }

    /// Bounds on bodies and connections.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.site.options.limits = limits;
        self
    }

    /// Serves over TLS. Handshakes run beside one another, each bounded in time by `tls`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.site.tls = Some(tls);
        self
    }

    /// Answers requests for `path` with `handler`. The path has to match letter by letter; a query does not count.
    #[must_use]
    pub fn mount(mut self, path: impl Into<String>, handler: Arc<dyn HttpHandler>) -> Self {
        self.site.mounts.insert(path.into(), handler);
        self
    }

    /// Answers requests for all other paths with `handler`. Default: 404 as plain text.
    #[must_use]
    pub fn otherwise(mut self, handler: Arc<dyn HttpHandler>) -> Self {
        self.site.otherwise = Some(handler);
        self
    }

    /// Listens and serves from now on, on the current runtime. Port 0 takes a free one.
    ///
    /// # Errors
    /// [`Unavailable`](springline_core::ErrorKind::Unavailable) when the address cannot be bound.
    pub async fn bind(self, address: &Address) -> Result<HttpServer> {
        let mut options = ServerOptions::default();
        options.connections = self.site.options.limits.connections;
        Ok(HttpServer { server: Server::bind(address, options, Arc::new(self.site)).await? })
    }
}

/// An HTTP/1.1 server; HTTP/1.0 is answered in kind. Dropping it closes all connections at once.
#[derive(Debug)]
pub struct HttpServer {
    server: Server,
}

impl HttpServer {
    /// A server without handlers.
    #[must_use]
    pub fn builder() -> HttpServerBuilder {
        HttpServerBuilder { site: Site::default() }
    }

    /// Where it listens, with the port that was given for 0.
    #[must_use]
    pub fn local_address(&self) -> &Address {
        self.server.address()
    }

    /// Whether it still accepts: not after a shutdown, nor once its runtime is gone.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.server.is_listening()
    }

    /// How many clients are connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.server.connections()
    }

    /// Stops listening, closes idle connections, and lets requests in progress finish for at most `deadline`. Gives how
    /// many connections had to be cut off.
    pub async fn shutdown(&self, deadline: Duration) -> usize {
        self.server.shutdown(deadline).await
    }
}

impl fmt::Debug for HttpServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<_> = self.site.mounts.keys().collect();
        f.debug_struct("HttpServerBuilder").field("paths", &paths).field("options", &self.site.options).finish()
    }
}

/// Few and short as a rule: comparing costs less than hashing.
pub(super) type Mounts = BTreeMap<String, Arc<dyn HttpHandler>>;
