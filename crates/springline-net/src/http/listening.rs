//! What the servers and clients of all protocols over HTTP are set up with alike: where, and over which TLS.

use std::fmt;
use std::time::Duration;

use springline_core::{Error, ErrorKind, Result};

use super::{HttpOptions, HttpServer, HttpServerBuilder, HttpUrl};
use crate::Address;
use crate::tls::{ClientTls, ClientTlsBuilder, ServerTls, ServerTlsBuilder};

/// Where a server listens, and over what.
#[derive(Clone, Debug)]
pub struct Listening {
    /// The host name or address, IPv6 without brackets.
    pub host: String,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// The timeouts of HTTP, and the limits.
    pub http: HttpOptions,
    /// TLS that was set up elsewhere, in place of [`ssl`](Self::ssl).
    pub tls: Option<ServerTls>,
    ssl: Option<ServerTlsBuilder>,
}

impl Listening {
    /// Over plain HTTP.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port, http: HttpOptions::default(), tls: None, ssl: None }
    }

    /// Sets an option of TLS, and switches it on.
    pub fn ssl(&mut self, set: impl FnOnce(ServerTlsBuilder) -> ServerTlsBuilder) {
        self.ssl = Some(set(self.ssl.take().unwrap_or_else(ServerTls::builder)));
    }

    /// Listens on host and port, and serves what `mount` adds from now on. `path` is the one that [`WebServer::url`] names.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub async fn serve(
        self,
        path: impl Into<String>,
        mount: impl FnOnce(HttpServerBuilder) -> HttpServerBuilder,
    ) -> Result<WebServer> {
        let address = Address::tcp(self.host.clone(), self.port);
        self.bind(&address, path, mount).await
    }

    /// As [`serve`](Self::serve), at another address.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a mistake in setting up TLS, [`ErrorKind::Unavailable`] when the address cannot be bound.
    pub async fn bind(
        self,
        address: &Address,
        path: impl Into<String>,
        mount: impl FnOnce(HttpServerBuilder) -> HttpServerBuilder,
    ) -> Result<WebServer> {
        let tls = match (self.tls, self.ssl) {
            (Some(_), Some(_)) => {
                let e = "tls() takes the place of keyfile, certfile and the like: use one or the other";
                return Err(Error::new(ErrorKind::Config, e));
            }
            (Some(tls), None) => Some(tls),
            (None, Some(ssl)) => Some(ssl.build()?),
            (None, None) => None,
        };
        let mut http = mount(HttpServer::builder().options(self.http));
        if let Some(tls) = &tls {
            http = http.tls(tls.clone());
        }
        Ok(WebServer { http: http.bind(address).await?, tls, path: path.into() })
    }
}

/// A server on a listener of its own. Dropping it closes all connections at once.
pub struct WebServer {
    http: HttpServer,
    tls: Option<ServerTls>,
    path: String,
}

impl WebServer {
    /// Where it listens, with the port that was given for 0.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.http.local_address()
    }

    /// The URL for clients: `https://localhost:8000/RPC2`; of a server on a Unix socket `unix:` and the socket's path.
    #[must_use]
    pub fn url(&self) -> String {
        match self.address() {
            Address::Tcp(host, port) => {
                let scheme = if self.tls.is_some() { "https" } else { "http" };
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                format!("{scheme}://{host}:{port}{}", self.path)
            }
            unix @ Address::Unix(_) => unix.to_string(),
        }
    }

    /// Whether it still accepts: not after a shutdown, nor once its runtime is gone.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.http.is_listening()
    }

    /// How many clients are connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.http.connections()
    }

    /// Reads keys and certificates anew. Connections stay, and where reading fails all stays as it was.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the file and what is wrong with it, or for a server without TLS.
    pub fn reload_certificates(&self) -> Result<()> {
        let tls = self.tls.as_ref();
        tls.ok_or_else(|| Error::new(ErrorKind::Config, "the server has no TLS, and so no certificates"))?.reload()
    }

    /// Serves until the program ends or this future is dropped, which closes all connections.
    pub async fn serve_forever(self) {
        std::future::pending::<()>().await;
    }

    /// Stops listening, closes idle connections, and lets calls in progress finish for at most `deadline`. Gives how
    /// many connections had to be cut off.
    pub async fn shutdown(&self, deadline: Duration) -> usize {
        self.http.shutdown(deadline).await
    }
}

impl fmt::Debug for WebServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebServer").field("url", &self.url()).finish_non_exhaustive()
    }
}

/// What a client's URL is spoken with.
#[derive(Clone, Debug, Default)]
pub struct SecureUrl(Choice);

#[derive(Clone, Debug, Default)]
enum Choice {
    #[default]
    Unset,
    Options(ClientTlsBuilder),
    Ready(ClientTls),
}

impl SecureUrl {
    /// Sets an option of TLS. It takes the place of TLS made [elsewhere](Self::ready).
    #[must_use]
    pub fn with(self, set: impl FnOnce(ClientTlsBuilder) -> ClientTlsBuilder) -> Self {
        let options = match self.0 {
            Choice::Options(options) => options,
            Choice::Unset | Choice::Ready(_) => ClientTls::builder(),
        };
        Self(Choice::Options(set(options)))
    }

    /// TLS made ready elsewhere.
    #[must_use]
    pub fn ready(tls: ClientTls) -> Self {
        Self(Choice::Ready(tls))
    }

    /// The TLS for `url`; none for one that is not `https`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for options that cannot be used: a file that is missing or has not what it should, options for
    /// a URL without TLS, none for one with it.
    pub fn of(self, url: &HttpUrl) -> Result<Option<ClientTls>> {
        let config = |text: &'static str| Error::new(ErrorKind::Config, text).with_endpoint(url);
        match (self.0, url.secure()) {
            (Choice::Ready(tls), true) => Ok(Some(tls)),
            (Choice::Options(options), true) => options.build().map(Some),
            (Choice::Unset, true) => {
                Err(config("an https URL needs ca_certs, the authorities that the server's certificate may come from"))
            }
            (Choice::Unset, false) => Ok(None),
            (_, false) => Err(config("TLS options for a URL that is not https: calls would go out in the clear")),
        }
    }
}

/// The options of a client's TLS and of its HTTP, as methods of a builder with the fields `tls: SecureUrl` and
/// `http: HttpClientBuilder`.
#[doc(hidden)]
#[macro_export]
macro_rules! http_client_options {
    ($builder:ident) => {
        /// The options of TLS and HTTP. The names are those of Spring Python's `SSLClient` and Python's `ServerProxy`
        /// where they have them.
        impl $builder {
            fn with_tls(
                mut self,
                set: impl FnOnce($crate::tls::ClientTlsBuilder) -> $crate::tls::ClientTlsBuilder,
            ) -> Self {
                self.tls = std::mem::take(&mut self.tls).with(set);
                self
            }

            /// What configuration asks for; see [`configuration`](springline_net::http::configuration).
            pub(crate) fn configured(mut self, settings: &$crate::Settings) -> $crate::Configured<Self> {
                (self.tls, self.http) = $crate::http::configuration::client(settings, self.tls, self.http)?;
                Ok(self)
            }

            fn with_http(
                mut self,
                set: impl FnOnce($crate::http::HttpClientBuilder) -> $crate::http::HttpClientBuilder,
            ) -> Self {
                self.http = set(self.http);
                self
            }

            /// Path and query instead of the URL's: for `unix:` URLs, which have no room for them.
            pub fn path(self, target: &str) -> Self {
                self.with_http(|http| http.target(target))
            }

            /// A file with the authorities that the server's certificate may come from, in PEM.
            pub fn ca_certs(self, path: impl Into<std::path::PathBuf>) -> Self {
                self.with_tls(|tls| tls.ca_certs(path))
            }

            /// As [`ca_certs`](Self::ca_certs), from memory.
            pub fn ca_pem(self, pem: impl Into<Vec<u8>>) -> Self {
                self.with_tls(|tls| tls.ca_pem(pem))
            }

            /// The file with our private key, in PEM and not encrypted.
            pub fn keyfile(self, path: impl Into<std::path::PathBuf>) -> Self {
                self.with_tls(|tls| tls.keyfile(path))
            }

            /// As [`keyfile`](Self::keyfile), from memory.
            pub fn key_pem(self, pem: impl Into<Vec<u8>>) -> Self {
                self.with_tls(|tls| tls.key_pem(pem))
            }

            /// The file with our certificate, and those of intermediate authorities after it; in PEM.
            pub fn certfile(self, path: impl Into<std::path::PathBuf>) -> Self {
                self.with_tls(|tls| tls.certfile(path))
            }

            /// As [`certfile`](Self::certfile), from memory.
            pub fn cert_pem(self, pem: impl Into<Vec<u8>>) -> Self {
                self.with_tls(|tls| tls.cert_pem(pem))
            }

            /// Whether the server's certificate is checked; see
            /// [`ClientTlsBuilder::cert_reqs`](springline_net::tls::ClientTlsBuilder::cert_reqs). Default required.
            pub fn cert_reqs(self, cert_reqs: $crate::tls::CertReqs) -> Self {
                self.with_tls(|tls| tls.cert_reqs(cert_reqs))
            }

            /// Takes any certificate of any server, so that anybody on the way can read and change everything. For tests
            /// alone.
            pub fn dangerously_accept_any_server(self) -> Self {
                self.with_tls($crate::tls::ClientTlsBuilder::dangerously_accept_any_server)
            }

            /// The name that the server's certificate has to be for, instead of the URL's host.
            pub fn server_name(self, name: impl Into<String>) -> Self {
                self.with_tls(|tls| tls.server_name(name))
            }

            /// Whether the server's certificate has to be for the URL's host. Default true; Spring Python never looked.
            pub fn verify_hostname(self, verify: bool) -> Self {
                self.with_tls(|tls| tls.verify_hostname(verify))
            }

            /// The version of TLS: `TLSv1_2`, `TLSv1_3`, or `TLS` (also `SSLv23`) for both, which is the default.
            pub fn ssl_version(self, name: &str) -> Self {
                self.with_tls(|tls| tls.versions([name]))
            }

            /// The cipher suites that are offered, by their IANA names. By default all that are sound.
            pub fn ciphers<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
                self.with_tls(|tls| tls.ciphers(names))
            }

            /// TLS made ready elsewhere: one [`ClientTls`](springline_net::tls::ClientTls) for several proxies, or options
            /// that have no method here. Replaces what was set of TLS before.
            pub fn tls(mut self, tls: $crate::tls::ClientTls) -> Self {
                self.tls = $crate::http::SecureUrl::ready(tls);
                self
            }

            /// How long a call may take in all, connecting included. Default: as long as it takes, as in the originals.
            pub fn timeout(self, timeout: impl Into<Option<std::time::Duration>>) -> Self {
                self.with_http(|http| http.timeout(timeout))
            }

            /// How long connecting may take. Default 10 s, and as much for the TLS handshake.
            pub fn connect_timeout(self, timeout: std::time::Duration) -> Self {
                self.with_http(|http| http.connect_timeout(timeout))
            }

            /// Shows the whole HTTP traffic through `tracing`, target `springline::http`, level INFO; secrets in headers
            /// are masked. Default false.
            pub fn verbose(self, verbose: bool) -> Self {
                self.with_http(|http| http.verbose(verbose))
            }

            /// A header that goes with every call.
            pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
                self.with_http(|http| http.header(name, value))
            }

            /// User and password for basic authentication, instead of `user:password@` in the URL.
            pub fn basic_auth(self, user: impl Into<String>, password: impl Into<String>) -> Self {
                self.with_http(|http| http.basic_auth(user, password))
            }

            /// The `User-Agent` header. Default the crate's name and version.
            pub fn user_agent(self, text: impl Into<String>) -> Self {
                self.with_http(|http| http.user_agent(text))
            }

            /// Whether names of header fields are written as `Content-Type`, for servers that do not know that
            /// `content-type` is the same. Default false.
            pub fn title_case(self, title_case: bool) -> Self {
                self.with_http(|http| http.title_case(title_case))
            }

            /// Whether a call is sent once more when a connection that had been kept is closed without an answer; it may
            /// then run twice, as with CPython's client. Default false: only what the server cannot have seen is sent
            /// again.
            pub fn retry_stale(self, retry: bool) -> Self {
                self.with_http(|http| http.retry_stale(retry))
            }

            /// Connections at a time. Calls that overlap have one each; those beyond wait. Default 256.
            ///
            /// A server that serves one connection after the other and keeps them alive, as CPython's
            /// `SimpleXMLRPCServer` in HTTP/1.1, needs 1 here: a second connection would wait for the end of the first,
            /// which is kept.
            pub fn max_connections(self, connections: usize) -> Self {
                self.with_http(|http| http.max_connections(connections))
            }

            /// How many idle connections are kept, and for how long. Default 16, for 60 s.
            pub fn keep_alive(self, connections: usize, time: std::time::Duration) -> Self {
                self.with_http(|http| http.max_idle(connections).idle_timeout(time))
            }

            /// The HTTP proxies to go through. Default: what `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` in
            /// the environment say.
            pub fn proxies(self, proxies: $crate::http::Proxies) -> Self {
                self.with_http(|http| http.proxies(proxies))
            }
        }
    };
}

/// The options of where a server listens and over which TLS, as methods of a builder with the field `listening: Listening`.
#[doc(hidden)]
#[macro_export]
macro_rules! http_server_options {
    ($builder:ident) => {
        /// Where, and over what. The options of TLS have the names of the original's `SSLServer`.
        impl $builder {
            fn ssl(mut self, set: impl FnOnce($crate::tls::ServerTlsBuilder) -> $crate::tls::ServerTlsBuilder) -> Self {
                self.listening.ssl(set);
                self
            }

            /// The host name or address to listen on, IPv6 without brackets. Default `localhost`.
            pub fn host(mut self, host: impl Into<String>) -> Self {
                self.listening.host = host.into();
                self
            }

            /// The port; 0 takes a free one. The default is that of the original's examples.
            pub fn port(mut self, port: u16) -> Self {
                self.listening.port = port;
                self
            }

            /// The file with the private key, PEM, not encrypted. Where it is left out the key is in `certfile`. Switches
            /// TLS on.
            pub fn keyfile(self, path: impl Into<std::path::PathBuf>) -> Self {
                self.ssl(|ssl| ssl.keyfile(path))
            }

            /// The file with the certificate and those of the authorities between it and the root, PEM. Switches TLS on.
            pub fn certfile(self, path: impl Into<std::path::PathBuf>) -> Self {
                self.ssl(|ssl| ssl.certfile(path))
            }

            /// The file with the certificates of the authorities that clients' certificates may come from, PEM.
            pub fn ca_certs(self, path: impl Into<std::path::PathBuf>) -> Self {
                self.ssl(|ssl| ssl.ca_certs(path))
            }

            /// Whether clients have to show a certificate. Default
            /// [`CertReqs::None`](springline_net::tls::CertReqs::None).
            pub fn cert_reqs(self, cert_reqs: $crate::tls::CertReqs) -> Self {
                self.ssl(|ssl| ssl.cert_reqs(cert_reqs))
            }

            /// The versions of TLS, by Python's names: `TLSv1_2`, `TLSv1_3`, `SSLv23` or `TLS` for both. Default both. The
            /// original's default, TLS 1.0, is an error, as all that is older than 1.2.
            pub fn ssl_version(self, name: impl Into<String>) -> Self {
                self.ssl(|ssl| ssl.versions([name]))
            }

            /// The cipher suites, by their IANA names.
            pub fn ciphers<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
                self.ssl(|ssl| ssl.ciphers(names))
            }

            /// What has to stand in the subject of a client's certificate, by field: long names (`commonName`), short ones
            /// or dotted numbers. Who does not match is dropped and learns nothing; the log has the reasons. Needs
            /// certificates to be [required](Self::cert_reqs) or optional.
            pub fn verify_fields<N: Into<String>, V: Into<String>>(
                self,
                fields: impl IntoIterator<Item = (N, V)>,
            ) -> Self {
                self.ssl(|ssl| ssl.verify_fields(fields))
            }

            /// How `verify_fields` takes fields that a subject has several times.
            pub fn verify_mode(self, mode: $crate::tls::VerifyMode) -> Self {
                self.ssl(|ssl| ssl.verify_mode(mode))
            }

            /// Whether a client that ends a connection without saying so in TLS is forgiven, as most do. Default true.
            pub fn suppress_ragged_eofs(self, suppress: bool) -> Self {
                self.ssl(|ssl| ssl.suppress_ragged_eofs(suppress))
            }

            /// A check of one's own beside `verify_fields`, over the certificate and the caller's address: the original's
            /// `verify_peer`. An error is the reason, for the log.
            pub fn verify_peer(
                self,
                check: impl Fn(&$crate::tls::PeerCertificate, &str) -> std::result::Result<(), String>
                + Send
                + Sync
                + 'static,
            ) -> Self {
                self.ssl(|ssl| ssl.check(check))
            }

            /// TLS that was set up elsewhere, in place of the options above.
            pub fn tls(mut self, tls: $crate::tls::ServerTls) -> Self {
                self.listening.tls = Some(tls);
                self
            }

            /// The timeouts of HTTP. Their limits do not count: see [`limits`](Self::limits).
            pub fn http_options(mut self, options: $crate::http::HttpOptions) -> Self {
                self.listening.http = options;
                self
            }
        }
    };
}
