//! Pyro 3, 4 and 5 for Rust.

#[cfg(feature = "net")]
pub mod client;
pub mod codec;
#[cfg(feature = "net")]
pub mod daemon;
#[cfg(feature = "net")]
mod driver;
#[cfg(feature = "net")]
pub mod exporter;
pub mod fault;
mod generation;
pub mod handshake;
#[cfg(feature = "net")]
mod plain;
pub mod pyro3;
mod serializer;
mod special;
mod uri;
mod version;
pub mod wire;

/// The id of the object that every Pyro 4 or 5 daemon has.
pub const DAEMON_OBJECT: &str = "Pyro.Daemon";

#[cfg(feature = "net")]
pub use client::{Batch, Proxy, ProxyBuilder, Request, Response};
#[cfg(feature = "net")]
pub use daemon::{Daemon, DaemonBuilder, Handshake};
#[cfg(feature = "net")]
pub use driver::DRIVER;
#[cfg(feature = "net")]
pub use exporter::{Pyro4ProxyFactory, Pyro4ServiceExporter, PyroDaemonHolder, PyroProxyFactory, PyroServiceExporter};
pub use generation::Generation;
pub use handshake::{ConnectReply, ConnectRequest, ObjectMetadata};
pub use serializer::{Arguments, CallParts, Kwargs, Serializer};
/// Certificates and keys, for URIs over TLS.
#[cfg(feature = "tls")]
pub use springline_net::tls;
pub use uri::{Location, NAME_SERVER_PORT, PyroUri};
pub use wire::{HmacKey, Version};
