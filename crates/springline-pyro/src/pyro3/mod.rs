//! Pyro 3, as releases 3.8 to 3.16 speak it on Python 2: wire, client and daemon.
//!
//! Its own port: the server speaks first, so that one who listens for Pyro 4 and 5 cannot tell a Pyro 3 client from a
//! silent one. Objects may be shared with a daemon for the others through a [`Registry`](springline_core::Registry).
//!
//! Arguments and results are pickles; see [`codec::pickle`](crate::codec::pickle) for what is read and written. ASCII text
//! and bytes go out as Python 2's `str`, which comes in as text where it is UTF-8. Mobile code, which would have to be
//! run, is refused.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

mod call;
#[cfg(feature = "net")]
mod client;
#[cfg(feature = "net")]
mod daemon;
pub mod fault;
mod ident;
#[cfg(feature = "net")]
mod listing;
#[cfg(feature = "net")]
mod names;
#[cfg(feature = "net")]
mod plain;
#[cfg(feature = "net")]
mod run;
#[cfg(feature = "net")]
mod secure;
mod uri;
pub mod wire;

pub use call::{CallParts, Parts, read_call, write_call};
#[cfg(feature = "net")]
pub use client::{Proxy, ProxyBuilder};
#[cfg(feature = "net")]
pub use daemon::{Daemon, DaemonBuilder};
pub use ident::{Ident, denied};
#[cfg(feature = "net")]
pub use names::NameServer;
pub use uri::{Scheme, Uri};

/// The port of daemons, where nobody says otherwise.
pub const DAEMON_PORT: u16 = 7766;

/// The port of name servers, over TCP and for broadcasts.
pub const NAME_SERVER_PORT: u16 = 9090;

/// The id of the object that every daemon has.
pub const DAEMON_GUID: &str = "c0000000011000001000000010000001";

/// The name of the name server in its own daemon.
pub const NAME_SERVER: &str = ":Pyro.NameServer";

/// The group that names without one are in.
pub const DEFAULT_GROUP: &str = ":Default";
