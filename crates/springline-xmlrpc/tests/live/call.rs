//! Rust calls a peer: proxies against its server, feature by feature.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use springline_core::{BoxFuture, Error, ErrorKind, Exception};
use springline_xmlrpc::client::{XmlRpcProxy, XmlRpcProxyBuilder};

use crate::Plan;
use crate::peers::{Ready, Scratch, Server};
use crate::table::{Cell, Column, Direction, Peer, Table, Way};

/// How long a feature may take, on a machine that is busy with something else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(150);

/// Why a feature is not ok.
#[derive(Debug)]
pub(crate) enum Failure {
    Wrong(String),
    /// The peer cannot do it, which the feature itself has made sure of; or there is nothing to try in this column.
    Peer(String),
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Self::Wrong(e.report())
    }
}

pub(crate) type Outcome = Result<(), Failure>;

/// Fails the feature unless the condition holds.
macro_rules! check {
    ($condition:expr, $($text:tt)*) => {
        if !$condition {
            return Err($crate::call::Failure::Wrong(format!($($text)*)));
        }
    };
}
pub(crate) use check;

/// What a feature works with.
pub(crate) struct Ctx {
    pub(crate) peer: Peer,
    pub(crate) way: Way,
    pub(crate) server: Ready,
    pub(crate) scratch: Arc<Scratch>,
    shared: XmlRpcProxy,
}

/// Whose certificate a proxy shows: a name among the files of `certs.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Nobody,
    Named(&'static str),
}

impl Ctx {
    fn new(peer: Peer, way: Way, server: &Ready, scratch: &Arc<Scratch>) -> springline_core::Result<Self> {
        let shared = proxy(&server.url, way, scratch, Who::Named("client")).build()?;
        Ok(Self { peer, way, server: server.clone(), scratch: scratch.clone(), shared })
    }

    /// The proxy of all features that need no other.
    pub(crate) fn proxy(&self) -> &XmlRpcProxy {
        &self.shared
    }

    /// A proxy's settings as this server wants them.
    pub(crate) fn builder(&self) -> XmlRpcProxyBuilder {
        self.at(&self.server.url)
    }

    /// The same for another address of the server.
    pub(crate) fn at(&self, url: &str) -> XmlRpcProxyBuilder {
        proxy(url, self.way, &self.scratch, Who::Named("client"))
    }

    /// The same with another certificate.
    pub(crate) fn as_who(&self, who: Who) -> XmlRpcProxyBuilder {
        proxy(&self.server.url, self.way, &self.scratch, who)
    }

    /// The same trusting other authorities.
    pub(crate) fn trusting(&self, ca: &str) -> XmlRpcProxyBuilder {
        with_ca(&self.server.url, self.way, &self.scratch, Who::Named("client"), ca)
    }

    pub(crate) fn is_python(&self) -> bool {
        self.peer != Peer::C
    }

    /// An address that CPython's servers have and xmlrpc-c's does not.
    pub(crate) fn extra<'a>(&self, url: Option<&'a String>, what: &str) -> Result<&'a str, Failure> {
        url.map(String::as_str).ok_or_else(|| Failure::Peer(what.to_owned()))
    }

    /// What the server says of the request that asked it.
    pub(crate) async fn request(&self, proxy: &XmlRpcProxy) -> Result<Request, Failure> {
        if !self.is_python() {
            return Err(Failure::Peer("Abyss does not tell its methods what the request was like".to_owned()));
        }
        Ok(proxy.call("request", ()).await?)
    }
}

fn proxy(url: &str, way: Way, scratch: &Scratch, who: Who) -> XmlRpcProxyBuilder {
    with_ca(url, way, scratch, who, "ca-chain.pem")
}

fn with_ca(url: &str, way: Way, scratch: &Scratch, who: Who, ca: &str) -> XmlRpcProxyBuilder {
    let builder = XmlRpcProxy::builder(url).allow_none(true).timeout(PATIENCE).connect_timeout(PATIENCE);
    if way == Way::Plain || url.starts_with("unix:") {
        return builder;
    }
    let builder = builder.ca_certs(scratch.cert(ca));
    match who {
        Who::Nobody => builder,
        Who::Named(name) => builder
            .certfile(scratch.cert(&format!("{name}-cert.pem")))
            .keyfile(scratch.cert(&format!("{name}-key.pem"))),
    }
}

/// What a Python server tells of a request.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) version: String,
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) content_type: String,
    pub(crate) content_encoding: String,
    pub(crate) accept_encoding: String,
    pub(crate) user_agent: String,
    pub(crate) transfer_encoding: String,
    pub(crate) tls: String,
    pub(crate) resumed: bool,
    pub(crate) connection: String,
}

/// The exception of a call that must be answered with a fault.
pub(crate) fn fault<T: std::fmt::Debug>(result: springline_core::Result<T>) -> Result<Exception, Failure> {
    match result {
        Ok(value) => Err(Failure::Wrong(format!("wanted a fault, got the result {value:?}"))),
        Err(e) => match e.exception() {
            Some(x) => Ok(x.clone()),
            None => Err(Failure::Wrong(format!("wanted a fault, got {}", e.report()))),
        },
    }
}

/// The error of a call that must fail without a fault, in one of these kinds.
pub(crate) fn failed<T: std::fmt::Debug>(
    result: springline_core::Result<T>,
    kinds: &[ErrorKind],
) -> Result<Error, Failure> {
    match result {
        Ok(value) => Err(Failure::Wrong(format!("wanted a failure, {kinds:?}, got the result {value:?}"))),
        Err(e) if kinds.contains(&e.kind()) => Ok(e),
        Err(e) => Err(Failure::Wrong(format!("wanted a failure, {kinds:?}, got {:?}: {}", e.kind(), e.report()))),
    }
}

/// Whether the server still works.
pub(crate) async fn works(ctx: &Ctx) -> Outcome {
    let got: i64 = ctx.proxy().call("add", (1, 2)).await?;
    check!(got == 3, "the server does not work any more: {got}");
    Ok(())
}

type Run = Box<dyn Fn(Arc<Ctx>) -> BoxFuture<'static, Outcome> + Send + Sync>;

pub(crate) struct Feature {
    pub(crate) name: String,
    run: Run,
    /// Why the peers' clients do not try it, where it is a row of this direction only.
    only_here: Option<&'static str>,
}

#[derive(Default)]
pub(crate) struct Features(pub(crate) Vec<Feature>);

impl Features {
    pub(crate) fn all() -> Arc<Self> {
        let mut all = Self::default();
        crate::call_values::add(&mut all);
        crate::call_methods::add(&mut all);
        crate::call_http::add(&mut all);
        crate::call_tls::add(&mut all);
        Arc::new(all)
    }

    /// A feature that the peers' clients have as well.
    pub(crate) fn add<F, Fut>(&mut self, name: impl Into<String>, run: F)
    where
        F: Fn(Arc<Ctx>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        let run: Run = Box::new(move |ctx| Box::pin(run(ctx)));
        self.0.push(Feature { name: name.into(), run, only_here: None });
    }

    /// One that says nothing of the peers' clients, for this reason.
    pub(crate) fn add_only_here<F, Fut>(&mut self, name: &'static str, why: &'static str, run: F)
    where
        F: Fn(Arc<Ctx>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        let run: Run = Box::new(move |ctx| Box::pin(run(ctx)));
        self.0.push(Feature { name: name.into(), run, only_here: Some(why) });
    }
}

impl Feature {
    async fn run(&self, ctx: &Arc<Ctx>) -> Outcome {
        // A task of its own: a panic is a failure of this feature alone.
        let task = tokio::spawn((self.run)(ctx.clone()));
        let abort = task.abort_handle();
        match tokio::time::timeout(PATIENCE, task).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Err(Failure::Wrong(format!("panicked: {panic}"))),
            Err(_) => {
                abort.abort();
                Err(Failure::Wrong(format!("not done within {PATIENCE:?}")))
            }
        }
    }
}

/// What only the peers' clients do, with the reason.
const NOT_HERE: [(&[&str], &str); 3] = [
    (&[crate::XMLRPC_ROW], "the command is a client"),
    (
        &[
            "malformed",
            "doctype_refused",
            "no_length",
            "gzip_damaged",
            "other_verbs",
            "content_types",
            "chunked_request",
        ],
        "our client sends no such request",
    ),
    (&["expect_continue", "connection_close"], "our client asks for neither a 100 nor an end of the connection"),
];

/// Fills the R>P column of a peer and way.
pub(crate) async fn column(
    plan: &Plan,
    table: &Table,
    features: &Features,
    scratch: &Arc<Scratch>,
    peer: Peer,
    way: Way,
) {
    let column = Column { peer, way, direction: Direction::RustToPeer };
    let other = Column { direction: Direction::PeerToRust, ..column };
    let wanted = || features.0.iter().filter(|f| plan.wants(&f.name));
    for (names, why) in NOT_HERE {
        for name in names.iter().filter(|name| plan.wants(name)) {
            table.set(name, column, Cell::Na(why.to_owned()));
        }
    }
    for feature in wanted() {
        if let Some(why) = feature.only_here {
            table.set(&feature.name, other, Cell::Na(why.to_owned()));
        }
    }
    if plan.wants("remote_suite") {
        table.set("remote_suite", other, Cell::Na("the suite is the caller, in Rust".to_owned()));
    }
    if peer == Peer::C && way != Way::Plain {
        let why = "Abyss, xmlrpc-c's server, has no TLS";
        wanted().for_each(|f| table.set(&f.name, column, Cell::Na(why.to_owned())));
        if plan.wants("remote_suite") {
            table.set("remote_suite", column, Cell::Na(why.to_owned()));
        }
        return;
    }
    let server = Server::start(scratch, peer, way).await;
    match Ctx::new(peer, way, &server.ready, scratch) {
        Err(e) => table.set("call", column, Cell::Fail(format!("no proxy: {}", e.report()))),
        Ok(ctx) => {
            let ctx = Arc::new(ctx);
            for feature in wanted() {
                let cell = match feature.run(&ctx).await {
                    Ok(()) => Cell::Ok,
                    Err(Failure::Wrong(why)) => Cell::Fail(why),
                    Err(Failure::Peer(why)) => Cell::Na(why),
                };
                table.set(&feature.name, column, cell);
            }
            if plan.wants("remote_suite") {
                let outcome = crate::suite::over_peer(&ctx).await;
                table.set("remote_suite", column, outcome.map_or_else(Cell::Fail, |()| Cell::Ok));
            }
        }
    }
    server.stop().await;
}
