//! Hessian 1 and 2 for Rust, the binary protocol of Caucho's Java library: codec, client and server.
//!
//! Without the default feature `net` the crate is wire-only: [`codec`] turns values into bytes and back, and needs no
//! runtime.
//!
//! Beside a call go, in header fields that other peers pass over, its correlation id (`X-Correlation-ID`, a UUID) and, if its
//! caller gave it a deadline, the milliseconds that are left of it (`X-Timeout-Ms`): our servers end the call then.

#[cfg(feature = "net")]
mod chunks;
#[cfg(feature = "net")]
pub mod client;
pub mod codec;
#[cfg(feature = "net")]
mod driver;
pub mod fault;
pub mod mangle;
mod message;
#[cfg(feature = "net")]
pub mod server;

#[cfg(feature = "net")]
pub use springline_net::{http, tls};

#[cfg(feature = "net")]
pub use driver::DRIVER;
pub use fault::Fault;
pub use message::{CallHead, Dialect, parse_reply, reply_version, write_call, write_fault, write_reply};

pub use codec::{JavaTime, LoneSurrogates, Part, ReadOptions, Version, WriteOptions};
