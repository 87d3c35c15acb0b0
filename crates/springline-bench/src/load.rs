//! The workloads and where the two processes run.

use clap::ValueEnum;
use std::fmt::{self, Display, Formatter};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Workload {
    /// One connection, one caller, a small text there and back.
    Seq,
    /// 64 callers on one connection.
    Mux64,
    /// 16 connections with one caller each.
    Conn16,
    /// One connection, one caller, 1 MiB there and back.
    Blob1m,
    /// Memory of the server for each connection that does nothing.
    Idle10k,
    /// XML-RPC: one keep-alive connection, one caller, a small text there and back.
    Xml,
    /// The same over TLS.
    Xmltls,
    /// Pyro 3: one connection, one caller, a small text there and back.
    Pyro3,
    /// Hessian 2: one keep-alive connection, one caller, a small text there and back.
    Hessian,
    /// A connection for every call, a full handshake with client certificates, and a byte there and back.
    Handshake,
    /// Memory of the server for each TLS connection that does nothing.
    Idletls,
}

impl Workload {
    pub(crate) const TIMED: [Self; 9] = [
        Self::Seq,
        Self::Mux64,
        Self::Conn16,
        Self::Blob1m,
        Self::Pyro3,
        Self::Xml,
        Self::Xmltls,
        Self::Hessian,
        Self::Handshake,
    ];

    /// Those of one caller, whose instructions and allocations for a call can be counted.
    pub(crate) const COUNTED: [Self; 6] =
        [Self::Seq, Self::Pyro3, Self::Xml, Self::Xmltls, Self::Hessian, Self::Handshake];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Seq => "seq",
            Self::Mux64 => "mux64",
            Self::Conn16 => "conn16",
            Self::Blob1m => "blob1m",
            Self::Idle10k => "idle10k",
            Self::Xml => "xml",
            Self::Xmltls => "xmltls",
            Self::Pyro3 => "pyro3",
            Self::Hessian => "hessian",
            Self::Handshake => "handshake",
            Self::Idletls => "idletls",
        }
    }

    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Seq => "one caller, one connection",
            Self::Mux64 => "64 callers, one connection",
            Self::Conn16 => "16 callers, 16 connections",
            Self::Blob1m => "1 MiB echo, one connection",
            Self::Idle10k => "idle connections",
            Self::Xml => "XML-RPC, one caller, one keep-alive connection",
            Self::Xmltls => "XML-RPC over TLS, one caller, one keep-alive connection",
            Self::Pyro3 => "Pyro 3, one caller, one connection",
            Self::Hessian => "Hessian 2, one caller, one keep-alive connection",
            Self::Handshake => "full TLS 1.3 handshakes with client certificates",
            Self::Idletls => "idle TLS connections",
        }
    }

    /// The limit that the others are compared with.
    pub(crate) fn base(self) -> &'static str {
        match self {
            Self::Seq | Self::Conn16 | Self::Blob1m => "raw",
            Self::Mux64 => "pipe",
            Self::Idle10k => "rawlazy",
            Self::Xml => "hyper",
            Self::Xmltls | Self::Idletls => "hyper_tls",
            Self::Pyro3 => "raw_pyro3",
            Self::Hessian => "hyper_hessian",
            Self::Handshake => "rustls",
        }
    }

    pub(crate) fn is_idle(self) -> bool {
        matches!(self, Self::Idle10k | Self::Idletls)
    }
}

impl Display for Workload {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The cores of server and client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Pin {
    /// Both on one core: the quiet figure, no wake-up of a sleeping core in it.
    Same,
    /// A core each: what a user sees, and mostly the price of waking a core.
    Two,
}

impl Pin {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Same => "same core",
            Self::Two => "two cores",
        }
    }

    /// The cores of the server and of the client, of a machine with `cores`.
    pub(crate) fn cores(self, cores: usize) -> Option<(usize, usize)> {
        let last = cores.checked_sub(1)?;
        match self {
            Self::Same => Some((last, last)),
            Self::Two => (last > 0).then_some((last - 1, last)),
        }
    }
}
