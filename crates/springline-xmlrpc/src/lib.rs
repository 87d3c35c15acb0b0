//! XML-RPC for Rust: codec, client and server.
//!
//! Without the default feature `net` the crate is wire-only: [`parse_call`], [`parse_response`], [`write_call`],
//! [`write_response`] and [`write_fault`] turn documents into calls and back, and need no runtime.
//!
//! Beside a call go, in header fields that other peers pass over, its correlation id (`X-Correlation-ID`, a UUID) and, if its
//! caller gave it a deadline, the milliseconds that are left of it (`X-Timeout-Ms`): our servers end the call then.

#[cfg(feature = "net")]
pub mod client;
pub mod codec;
mod document;
#[cfg(feature = "net")]
mod driver;
pub mod fault;
#[cfg(feature = "net")]
pub mod server;

#[cfg(feature = "net")]
pub use springline_net::{http, tls};

pub use codec::{DateStyle, Dialect, Encoding, NonFinite, ReadOptions, WriteOptions};
pub use document::{IncomingCall, parse_call, parse_response, write_call, write_fault, write_response};
#[cfg(feature = "net")]
pub use driver::DRIVER;
pub use fault::{Fault, FaultDialect};
