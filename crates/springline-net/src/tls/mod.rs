//! TLS, by rustls: servers that ask for client certificates and check their fields, and clients.
//!
//! [`ServerTls`] and [`ClientTls`] turn a connected [`Stream`](crate::Stream) into one that is encrypted. Both are made
//! by builders that take files or bytes in PEM and find every mistake in them before the first connection.
//!
//! A server can look into the subject of the client's certificate ([`ServerTlsBuilder::verify_fields`]): names are those
//! of RFC 5280 as OpenSSL spells them (`commonName`, `organizationName`, `stateOrProvinceName`, ...), values are
//! compared exactly. The check runs after every handshake, resumed ones included. Who does not pass sees a closed
//! connection; the reasons go to the log.
//!
//! Versions are TLS 1.2 and 1.3. Files: certificates are X.509 v3 with a `subjectAltName` on servers, keys are
//! unencrypted PKCS#8, PKCS#1 or SEC1.
//!
//! ```
//! use springline_net::tls::{CertReqs, ClientTls, ServerTls};
//! use springline_net::{Address, ConnectOptions, Stream, connect};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
//! # std::env::set_current_dir("../..")?;
//! let server = ServerTls::builder()
//!     .certfile("certs/server-cert.pem")
//!     .keyfile("certs/server-key.pem")
//!     .ca_certs("certs/ca-chain.pem")
//!     .cert_reqs(CertReqs::Required)
//!     .verify_fields([("commonName", "My Client"), ("stateOrProvinceName", "My State")])
//!     .build()?;
//! let client = ClientTls::builder()
//!     .ca_certs("certs/ca-chain.pem")
//!     .certfile("certs/client-cert.pem")
//!     .keyfile("certs/client-key.pem")
//!     .build()?;
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let address = Address::tcp("127.0.0.1", listener.local_addr()?.port());
//! tokio::spawn(async move {
//!     let (stream, _) = listener.accept().await?;
//!     let mut stream = server.accept(Stream::Tcp(stream)).await?;
//!     let name = stream.peer_certificate().and_then(|c| c.field("commonName")).unwrap_or_default();
//!     stream.write_all(format!("hello {name}").as_bytes()).await?;
//!     stream.shutdown().await?;
//!     Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! });
//!
//! let stream = connect(&address, &ConnectOptions::default()).await?;
//! let mut stream = client.connect(stream, "localhost").await?;
//! let mut text = String::new();
//! stream.read_to_string(&mut text).await?;
//! assert_eq!(text, "hello My Client");
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! Log lines have the target `springline::tls`: ERROR for a client certificate that was refused and why, DEBUG for each
//! client's subject and for handshakes that failed otherwise.

mod certificate;
mod client;
mod errors;
mod fields;
mod names;
mod pem;
mod server;
mod settings;
mod stream;

pub use certificate::{Attribute, DistinguishedName, PeerCertificate};
pub use client::{ClientTls, ClientTlsBuilder};
pub use errors::refusal;
pub use fields::VerifyMode;
pub use names::field_oid;
pub use server::{ServerTls, ServerTlsBuilder};
pub use settings::CertReqs;
pub use stream::{TlsInfo, TlsStream};

pub(crate) const LOG: &str = "springline::tls";
