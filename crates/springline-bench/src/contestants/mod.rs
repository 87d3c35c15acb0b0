//! Who is measured. A contestant is a server that announces where it listens and a [`Client`].

#[cfg(feature = "peers")]
pub(crate) mod dxr;
mod frames;
mod handshake;
pub(crate) mod hessian;
mod http;
mod pipe;
mod pyro3;
mod raw;
pub(crate) mod springline;
#[cfg(feature = "peers")]
mod tarpc;
#[cfg(feature = "peers")]
mod tonic;
pub(crate) mod xmlrpc;

use crate::Result;
use crate::control::raise_open_files;
use crate::driver::{Client, Plan, drive};
use crate::load::Workload::{
    self, Blob1m, Conn16, Handshake, Hessian, Idle10k, Idletls, Mux64, Pyro3, Seq, Xml, Xmltls,
};
use crate::memory::Case;
use crate::pki::Files;
pub(crate) use frames::Sizes;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::runtime::{Builder, LocalOptions};

/// How the processes of a contestant are started.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// This program itself.
    Rust,
    /// The programs in `python/`, with this serializer.
    Pyro5(&'static str),
    /// The Pyro 3 programs in `python/`, on Python 2.7.
    PyPyro3,
    /// The XML-RPC programs in `python/`.
    PyXmlrpc,
    /// `peer.Echo` of the Hessian peers, Caucho's 4.0.38 on the JVM.
    Java,
}

/// What a server and a client are told on their command lines, besides their names.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Setting {
    #[command(flatten)]
    pub(crate) sizes: Sizes,
    /// Where the certificates are.
    #[arg(long, global = true, hide = true)]
    pki: Option<PathBuf>,
}

impl Setting {
    fn pki(&self) -> Result<Files> {
        Files::of(self.pki.as_deref())
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) workloads: &'static [Workload],
}

const fn rust(name: &'static str, workloads: &'static [Workload]) -> Contestant {
    Contestant { name, kind: Kind::Rust, workloads }
}

/// In the order in which a round measures them.
const ALL: &[Contestant] = &[
    rust("raw", &[Seq, Conn16, Blob1m, Idle10k]),
    rust("rawv", &[Blob1m]),
    rust("pipe", &[Mux64]),
    rust("rawlazy", &[Idle10k]),
    rust("springline", &[Seq, Mux64, Conn16, Blob1m, Idle10k]),
    rust("springline_serpent", &[Seq, Blob1m]),
    #[cfg(feature = "peers")]
    rust("tarpc", &[Seq, Mux64, Conn16, Blob1m, Idle10k]),
    #[cfg(feature = "peers")]
    rust("tonic", &[Seq, Mux64, Conn16, Blob1m, Idle10k]),
    pyro5("pyro5_msgpack", "msgpack"),
    pyro5("pyro5_serpent", "serpent"),
    rust("raw_pyro3", &[Pyro3]),
    rust("springline_pyro3", &[Pyro3]),
    Contestant { name: "py_pyro3", kind: Kind::PyPyro3, workloads: &[Pyro3] },
    rust("hyper", &[Xml]),
    rust("springline_xmlrpc", &[Xml]),
    rust("hyper_tls", &[Xmltls, Idletls]),
    rust("springline_xmltls", &[Xmltls, Idletls]),
    rust("hyper_hessian", &[Hessian]),
    rust("springline_hessian", &[Hessian]),
    Contestant { name: "java_hessian", kind: Kind::Java, workloads: &[Hessian] },
    rust("rustls", &[Handshake]),
    rust("springline_tls", &[Handshake]),
    #[cfg(feature = "peers")]
    rust("dxr", &[Xml]),
    Contestant { name: "py_xmlrpc", kind: Kind::PyXmlrpc, workloads: &[Xml] },
];

/// Who takes part in `memory`.
pub(crate) const MEMORY: &[Case] = &[
    Case { contestant: "springline_xmlrpc", method: "count", about: "springline_xmlrpc, records passing by" },
    Case { contestant: "springline_xmlrpc", method: "hold", about: "springline_xmlrpc, all records in a Vec" },
    #[cfg(feature = "peers")]
    Case { contestant: "dxr", method: "count", about: "dxr" },
    Case { contestant: "py_xmlrpc", method: "count", about: "py_xmlrpc" },
];

const fn pyro5(name: &'static str, serializer: &'static str) -> Contestant {
    Contestant { name, kind: Kind::Pyro5(serializer), workloads: &[Seq, Conn16, Blob1m] }
}

impl Contestant {
    pub(crate) fn named(name: &str) -> Result<Self> {
        let found = ALL.iter().find(|c| c.name == name).copied();
        found.ok_or_else(|| format!("no contestant {name} in this program").into())
    }
}

/// The contestants of a workload, its limit first, and of the others those in `only` (all if empty).
pub(crate) fn of(workload: Workload, only: &[String]) -> Result<Vec<Contestant>> {
    for name in only {
        if !ALL.iter().any(|c| c.name == name) {
            let known: Vec<_> = ALL.iter().map(|c| c.name).collect();
            return Err(format!("no contestant {name}; this program has {known:?}").into());
        }
    }
    let base = workload.base();
    let mut chosen: Vec<_> = ALL
        .iter()
        .filter(|c| c.workloads.contains(&workload))
        .filter(|c| only.is_empty() || c.name == base || only.iter().any(|name| name == c.name))
        .copied()
        .collect();
    chosen.sort_by_key(|c| c.name != base);
    Ok(chosen)
}

/// Callers that cannot be sent to another thread are ordinary tasks of this runtime. In a `LocalSet` they would be tasks of
/// one of its tasks, and who wakes them from outside of the set would pay for it: whoever has a task of the runtime on the
/// connection, which all have but `pipe`.
fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?.block_on(future)
}

/// Serves until the parent closes the pipe.
pub(crate) fn serve(name: &str, setting: &Setting) -> Result<()> {
    let sizes = setting.sizes;
    // As many as there may be; that these suffice is the idle workload's to check.
    raise_open_files(0)?;
    match name {
        "raw" | "pipe" => block_on(raw::serve(sizes, false)),
        "raw_pyro3" => block_on(raw::serve(Sizes::PYRO3, false)),
        "springline_pyro3" => block_on(pyro3::serve()),
        "rawv" => block_on(raw::serve(sizes, true)),
        "rawlazy" => block_on(raw::serve_lazily(sizes)),
        "springline" | "springline_serpent" => block_on(springline::serve()),
        #[cfg(feature = "peers")]
        "tarpc" => block_on(tarpc::serve()),
        #[cfg(feature = "peers")]
        "tonic" => block_on(tonic::serve()),
        "hyper" => block_on(http::serve(http::bare_answer, None)),
        "hyper_tls" => block_on(http::serve(http::bare_answer, Some(setting.pki()?))),
        "hyper_hessian" => block_on(http::serve(http::bare_hessian_answer, None)),
        "springline_hessian" => block_on(hessian::serve()),
        "rustls" => block_on(handshake::serve(&setting.pki()?)),
        "springline_xmlrpc" => block_on(xmlrpc::serve(None)),
        "springline_xmltls" => block_on(xmlrpc::serve(Some(setting.pki()?))),
        "springline_tls" => block_on(xmlrpc::handshakes(&setting.pki()?)),
        #[cfg(feature = "peers")]
        "dxr" => block_on(http::serve(dxr::ANSWER, None)),
        _ => Err(format!("no server {name} in this program").into()),
    }
}

/// Calls the server at `addr` as the plan says.
pub(crate) fn call(name: &str, addr: SocketAddr, plan: &Plan, setting: &Setting) -> Result<()> {
    let sizes = setting.sizes;
    raise_open_files(plan.connections as u64 + 64)?;
    match name {
        "raw" | "rawlazy" => start(async || raw::client(addr, sizes, false).await, plan),
        "raw_pyro3" => start(async || raw::client(addr, Sizes::PYRO3, false).await, plan),
        "springline_pyro3" => start(async || pyro3::client(addr), plan),
        "rawv" => start(async || raw::client(addr, sizes, true).await, plan),
        "pipe" => start(async || pipe::client(addr, sizes).await, plan),
        "springline" => start(async || springline::client(addr, "msgpack").await, plan),
        "springline_serpent" => start(async || springline::client(addr, "serpent").await, plan),
        #[cfg(feature = "peers")]
        "tarpc" => start(async || tarpc::client(addr).await, plan),
        #[cfg(feature = "peers")]
        "tonic" => start(async || tonic::client(addr).await, plan),
        "hyper" => start(async || http::client(addr, http::BARE, None).await, plan),
        "hyper_tls" => start(async || http::client(addr, http::BARE, Some(setting.pki()?)).await, plan),
        "hyper_hessian" => start(async || http::client(addr, http::BARE_HESSIAN, None).await, plan),
        "springline_hessian" => start(async || hessian::client(addr), plan),
        "rustls" | "springline_tls" => start(async || handshake::client(addr, &setting.pki()?), plan),
        "springline_xmlrpc" => start(async || xmlrpc::client(addr, None), plan),
        "springline_xmltls" => start(async || xmlrpc::client(addr, Some(setting.pki()?)), plan),
        #[cfg(feature = "peers")]
        "dxr" => start(async || http::client(addr, dxr::CODEC, None).await, plan),
        _ => Err(format!("no client {name} in this program").into()),
    }
}

fn start<C: Client>(connect: impl AsyncFn() -> Result<C>, plan: &Plan) -> Result<()> {
    block_on(drive(connect, plan))
}
