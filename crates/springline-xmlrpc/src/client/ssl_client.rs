//! The original's name.

use std::path::PathBuf;

use springline_core::Result;

use super::{XmlRpcProxy, XmlRpcProxyBuilder};

/// Spring Python's `springpython.remoting.xmlrpc.SSLClient`: an [`XmlRpcProxy`] with its defaults.
///
/// ```no_run
/// # async fn f() -> springline_core::Result<()> {
/// use springline_xmlrpc::client::SSLClient;
/// let client = SSLClient::new("https://localhost:8000/RPC2", "./ca-chain.pem")?;
/// let power: i64 = client.call("pow", (41, 3)).await?;
/// let client = SSLClient::builder("https://localhost:8000/RPC2")
///     .ca_certs("./ca-chain.pem")
///     .keyfile("./client-key.pem")
///     .certfile("./client-cert.pem")
///     .build()?;
/// let names: Vec<String> = client.call("listdir", ("/home",)).await?;
/// # Ok(()) }
/// ```
///
/// | argument of the original | its default | here |
/// | --- | --- | --- |
/// | `uri` | | the same |
/// | `ca_certs`, `keyfile`, `certfile` | none | the same; files are read when the client is built, not at its first call |
/// | `cert_reqs` | `CERT_REQUIRED` | the same |
/// | `ssl_version` | `PROTOCOL_TLSv1`, TLS 1.0 alone | TLS 1.2 and 1.3; older versions are not offered |
/// | `transport` | | none: TCP and Unix sockets are built in |
/// | `encoding` | UTF-8 | the same |
/// | `verbose` | 0, printed | false, through `tracing`, with passwords masked |
/// | `allow_none` | 0 | the same |
/// | `use_datetime` | 0 | the same, but dates are always dates as far as they are ones |
/// | `timeout` | none; for each read and write | none; for the whole call |
/// | `strict` | | none: HTTP/0.9 is never spoken |
/// | (host names) | never looked at | checked; [`verify_hostname(false)`](XmlRpcProxyBuilder::verify_hostname) as the original |
/// | (retries) | a failed call is sent twice | not sent twice; [`retry_stale`](XmlRpcProxyBuilder::retry_stale) |
/// | (connections) | HTTP/1.0, one a call | HTTP/1.1, kept alive |
#[derive(Debug)]
#[non_exhaustive]
pub struct SSLClient;

impl SSLClient {
    /// A client that trusts the authorities in a file.
    ///
    /// # Errors
    /// As [`XmlRpcProxyBuilder::build`].
    #[expect(clippy::new_ret_no_self, reason = "the original's class is a ServerProxy, and so is what this gives")]
    pub fn new(uri: &str, ca_certs: impl Into<PathBuf>) -> Result<XmlRpcProxy> {
        Self::builder(uri).ca_certs(ca_certs).build()
    }

    /// A client with options.
    pub fn builder(uri: &str) -> XmlRpcProxyBuilder {
        XmlRpcProxy::builder(uri).user_agent("SSL XML-RPC Client (by http://springpython.webfactional.com)")
    }
}
