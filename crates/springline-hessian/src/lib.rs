//! Hessian 1 and 2 for Rust, the binary protocol of Caucho's Java library: codec, client and server.
//!
//! Without the default feature `net` the crate is wire-only: [`codec`] turns values into bytes and back, and needs no
//! runtime.

pub mod codec;

#[cfg(feature = "net")]
pub use springline_net::{http, tls};

pub use codec::{JavaTime, LoneSurrogates, Part, ReadOptions, Version, WriteOptions};
