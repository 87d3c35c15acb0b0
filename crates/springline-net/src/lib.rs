//! Springline's sockets: connect, listen, accept, drain. The only crate that names them.
//!
//! TCP over IPv4 and IPv6, Unix sockets, and TLS over them (feature `tls`), behind one [`Stream`]. Protocol crates drive it with polls, so that an
//! idle connection needs no buffer and an uncontended call no task.

mod address;
mod buffer;
mod connect;
mod datagram;
#[cfg(feature = "http")]
pub mod http;
mod server;
mod stream;
#[cfg(feature = "tls")]
pub mod tls;
mod transfer;

pub use address::Address;
pub use buffer::{BufferPool, Inbound, Keep, Outbound};
pub use connect::{ConnectOptions, connect};
pub use datagram::ask;
pub use server::{Connection, Handler, Server, ServerOptions};
pub use stream::Stream;

// What the macros here name.
#[doc(hidden)]
pub use springline_core::Result as Configured;
#[doc(hidden)]
pub use springline_core::component::Settings;
