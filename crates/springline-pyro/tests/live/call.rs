//! Rust calls Python: proxies against `server.py`, feature by feature.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use springline_core::{BoxFuture, Error, ErrorKind, Exception, FnService, RemoteRef, Value};
use springline_pyro::{Daemon, Proxy, ProxyBuilder, Serializer, Version};

use crate::peers::{Ready, Scratch, Server};
use crate::table::{Cell, Column, Direction, Peer, Table};
use crate::{ANNOTATION, HANDSHAKE, IPV6_ROW, KEY, OPTIONS_ROW, Plan};

/// How long a feature may take, on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(150);

/// Why a feature is not ok.
#[derive(Debug)]
pub(crate) enum Failure {
    Wrong(String),
    /// It can only be shown on the server with options.
    WithOptions,
    /// It cannot be done: allowed where `client.py` says the same of a Python client.
    Cannot(String),
    /// The Python server cannot do it, which the feature itself has made sure of.
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
    pub(crate) serializer: Serializer,
    pub(crate) server: Ready,
    /// The server has a Unix socket and every option.
    pub(crate) options: bool,
    pub(crate) scratch: Arc<Scratch>,
    /// A daemon of ours for the server to call.
    pub(crate) mine: Daemon,
    /// Differs from run to run.
    pub(crate) token: String,
}

impl Ctx {
    async fn new(
        peer: Peer,
        serializer: Serializer,
        server: &Ready,
        options: bool,
        scratch: &Arc<Scratch>,
    ) -> Arc<Self> {
        let address = if server.uri.contains('[') { "[::1]:0" } else { "127.0.0.1:0" };
        let mut mine = Daemon::builder();
        if peer.is_old() {
            mine = mine.version(peer.version()).serializers([serializer]);
            // Until 4.28 one key was for all connections of a program.
            if options && peer.version().has_signatures() && peer.version() != Version::V47 {
                mine = mine.hmac_key(KEY);
            }
        }
        let mine = mine.bind(address).await.expect("a free port");
        let callback = FnService::new("Callback").method("get_data", ["param"], |(param,): (String,)| async move {
            match &*param {
                "raise" => Err(Error::remote(Exception::new("ValueError", "from the callback"))),
                _ => Ok(format!("called back with {param}")),
            }
        });
        mine.register("callback", callback).expect("the name is free");
        let token = format!("{:016x}", fastrand::u64(..));
        Arc::new(Self { peer, serializer, server: server.clone(), options, scratch: scratch.clone(), mine, token })
    }

    /// A proxy's settings as this server wants them. The version is found out, except for the old ones: 4.2 and 4.3 answer
    /// nothing else, and a multiplexing server of 4.10 ends when somebody speaks another one.
    pub(crate) fn builder(&self, uri: &str) -> ProxyBuilder {
        let builder = self.unversioned(uri);
        match self.peer {
            Peer::Old(version) => builder.version(version),
            _ => builder,
        }
    }

    /// The same without a version.
    pub(crate) fn unversioned(&self, uri: &str) -> ProxyBuilder {
        let mut builder = Proxy::builder(uri).expect("a URI").serializer(self.serializer);
        builder = builder.timeout(PATIENCE).connect_timeout(PATIENCE);
        if self.options {
            builder = builder.compression(true).handshake(HANDSHAKE);
            if self.peer.version().has_signatures() {
                builder = builder.hmac_key(KEY);
            }
        }
        match self.peer {
            // Their daemons do not tell.
            Peer::Old(version) if version.number() < 47 => builder.oneway(["fire"]),
            _ => builder,
        }
    }

    pub(crate) fn at(&self, uri: &str) -> Proxy {
        self.builder(uri).build().expect("a proxy")
    }

    pub(crate) fn proxy(&self) -> Proxy {
        self.at(&self.server.uri)
    }

    /// The URI of another object of the server.
    pub(crate) fn object(&self, id: &str) -> String {
        self.server.daemon.replacen("Pyro.Daemon", id, 1)
    }

    pub(crate) fn callback(&self) -> RemoteRef {
        self.mine.reference("callback")
    }
}

/// The exception of a call that must raise.
pub(crate) fn raised<T: std::fmt::Debug>(
    result: springline_core::Result<T>,
    class: &str,
) -> Result<Exception, Failure> {
    match result {
        Ok(value) => Err(Failure::Wrong(format!("wanted {class}, got the result {value:?}"))),
        Err(e) => match e.exception() {
            Some(x) if x.is(class) => Ok(x.clone()),
            _ => Err(Failure::Wrong(format!("wanted {class}, got {}", e.report()))),
        },
    }
}

/// The error of a call that must fail without an exception of the peer.
pub(crate) fn failed<T: std::fmt::Debug>(
    result: springline_core::Result<T>,
    kind: ErrorKind,
) -> Result<Error, Failure> {
    match result {
        Ok(value) => Err(Failure::Wrong(format!("wanted a failure, {kind:?}, got the result {value:?}"))),
        Err(e) if e.kind() == kind => Ok(e),
        Err(e) => Err(Failure::Wrong(format!("wanted a failure, {kind:?}, got {e:?}"))),
    }
}

/// Whether the proxy still works.
pub(crate) async fn works(p: &Proxy) -> Outcome {
    let got: String = p.call("get_data", ("y",)).await?;
    check!(got == "You got remote data => y", "got {got:?}");
    Ok(())
}

/// Waits for a token to be remembered.
pub(crate) async fn fired(p: &Proxy, token: &str) -> Outcome {
    loop {
        let all: Vec<String> = p.call("fired", ()).await?;
        if all.iter().any(|t| t == token) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

type Run = Box<dyn Fn(Arc<Ctx>) -> BoxFuture<'static, Outcome> + Send + Sync>;

pub(crate) struct Feature {
    pub(crate) name: String,
    run: Run,
    /// Why a Python client cannot do it, where it is a row of this direction only.
    pub(crate) only_here: Option<&'static str>,
    /// Whether it needs nothing of the server's options, so that once is enough.
    once: bool,
}

#[derive(Default)]
pub(crate) struct Features(pub(crate) Vec<Feature>);

impl Features {
    pub(crate) fn all() -> Arc<Self> {
        let mut all = Self::default();
        crate::call_values::add(&mut all);
        crate::call_errors::add(&mut all);
        crate::call_more::add(&mut all);
        crate::call_connection::add(&mut all);
        Arc::new(all)
    }

    /// A feature that `client.py` has as well.
    pub(crate) fn add<F, Fut>(&mut self, name: impl Into<String>, run: F) -> &mut Feature
    where
        F: Fn(Arc<Ctx>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        let run: Run = Box::new(move |ctx| Box::pin(run(ctx)));
        self.0.push(Feature { name: name.into(), run, only_here: None, once: false });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }
}

impl Feature {
    /// It says nothing of Python clients, for this reason.
    pub(crate) fn only_here(&mut self, why: &'static str) -> &mut Self {
        self.only_here = Some(why);
        self
    }

    /// It takes long and does not depend on options.
    pub(crate) fn once(&mut self) -> &mut Self {
        self.once = true;
        self
    }

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

/// The servers of one column. No other column calls them: an attribute that is set here must not change there.
struct Servers {
    plain: Server,
    options: Server,
    ipv6: Server,
}

impl Servers {
    async fn start(scratch: &Scratch, peer: Peer, with: Serializer) -> Self {
        let socket = scratch.path("s").display().to_string();
        let mut args = vec!["--compress", "--require-handshake", HANDSHAKE, "--annotation", ANNOTATION];
        if crate::old::has_unix_sockets(peer) {
            args.extend(["--unix", &socket]);
        }
        if peer.version().has_signatures() {
            args.extend(["--hmac", KEY]);
        }
        if peer == Peer::Pyro5 {
            args.push("--bytes-literal");
        }
        let plain = ["--serializer", with.name()];
        if peer.is_old() {
            // In some of them it is what the server understands, too.
            args.extend(plain);
        }
        let host = if crate::old::has_ipv6(peer) { "::1" } else { "127.0.0.1" };
        let mut ipv6 = vec!["--host", host];
        ipv6.extend(plain);
        let (plain, options, ipv6) = tokio::join!(
            Server::start(scratch, peer, &plain),
            Server::start(scratch, peer, &args),
            Server::start(scratch, peer, &ipv6)
        );
        Self { plain, options, ipv6 }
    }

    async fn stop(self) {
        tokio::join!(self.plain.stop(), self.options.stop(), self.ipv6.stop());
    }
}

/// Fills the R>P column of a peer and serializer. The other direction's must be there.
pub(crate) async fn column(
    plan: &Plan,
    table: &Table,
    features: &Features,
    scratch: &Arc<Scratch>,
    peer: Peer,
    with: Serializer,
) {
    let column = Column { peer, serializer: with, direction: Direction::RustToPython };
    let python = Column { direction: Direction::PythonToRust, ..column };
    let servers = Servers::start(scratch, peer, with).await;
    let plain = Ctx::new(peer, with, &servers.plain.ready, false, scratch).await;
    let options = Ctx::new(peer, with, &servers.options.ready, true, scratch).await;
    let mut failures = Vec::new();
    for feature in features.0.iter().filter(|f| plan.wants(&f.name)) {
        if let Some(why) = crate::old::server_lacks(peer, with, &feature.name) {
            table.set(&feature.name, column, Cell::Na(why));
            continue;
        }
        let python_cannot = || match table.get(&feature.name, python) {
            Some(Cell::Na(reason)) if feature.only_here.is_none() => Some(reason),
            _ => None,
        };
        let cell = |outcome: Outcome| match outcome {
            Ok(()) => Cell::Ok,
            Err(Failure::Wrong(why)) => Cell::Fail(why),
            Err(Failure::Peer(why)) => Cell::Na(why),
            Err(Failure::WithOptions) => Cell::Na("only with options".to_owned()),
            // Where Python cannot either, its own reason is the better one.
            Err(Failure::Cannot(why)) => python_cannot().map_or(Cell::Fail(why), Cell::Na),
        };
        let outcome = feature.run(&plain).await;
        let only_with_options = matches!(outcome, Err(Failure::WithOptions));
        let mut result = cell(outcome);
        if !feature.once {
            // What only a server with options can do is done there; all the rest must work there too.
            let again = cell(feature.run(&options).await);
            match (&result, again) {
                (_, Cell::Fail(why)) => failures.push(format!("{}: {why}", feature.name)),
                (Cell::Na(_), again) => result = again,
                _ => {}
            }
            if only_with_options && failures.last().is_some_and(|f| f.starts_with(&format!("{}: ", feature.name))) {
                result = Cell::Fail("fails on the server with options".to_owned());
            }
        }
        table.set(&feature.name, column, result);
    }
    if plan.wants(OPTIONS_ROW) {
        let cell = if failures.is_empty() { Cell::Ok } else { Cell::Fail(failures.join("; ")) };
        table.set(OPTIONS_ROW, column, cell);
    }
    if plan.wants(IPV6_ROW) && !crate::old::has_ipv6(peer) {
        table.set(IPV6_ROW, column, Cell::Na(crate::old::NO_IPV6.to_owned()));
    } else if plan.wants(IPV6_ROW) {
        let ctx = Ctx::new(peer, with, &servers.ipv6.ready, false, scratch).await;
        let mut failures = Vec::new();
        for name in
            ["transport", "call", "kwargs", "callback", "uri_result", "proxy_result", "oneway", "exception:ValueError"]
        {
            for feature in features.0.iter().filter(|f| f.name == name) {
                match feature.run(&ctx).await {
                    Ok(()) | Err(Failure::Peer(_) | Failure::WithOptions) => {}
                    Err(Failure::Cannot(_)) if matches!(table.get(name, python), Some(Cell::Na(_))) => {}
                    Err(Failure::Wrong(why) | Failure::Cannot(why)) => failures.push(format!("{name}: {why}")),
                }
            }
        }
        let cell = if failures.is_empty() { Cell::Ok } else { Cell::Fail(failures.join("; ")) };
        table.set(IPV6_ROW, column, cell);
    }
    if plan.wants("remote_suite") {
        let outcome = crate::suite::over_python(&plain).await;
        table.set("remote_suite", column, outcome.map_or_else(Cell::Fail, |()| Cell::Ok));
        table.set("remote_suite", python, Cell::Na("the suite is the caller, in Rust".to_owned()));
    }
    drop((plain, options));
    servers.stop().await;
}

/// What `client.py` makes of the special values of the column's own server.
pub(crate) async fn python_specials(ctx: &Ctx) -> Result<Vec<(String, String)>, Failure> {
    crate::serve::specials(&ctx.scratch, ctx.peer, ctx.serializer, &ctx.server.uri).await.map_err(Failure::Wrong)
}

/// A value of Rust's as an argument or result.
pub(crate) fn value_of<T: serde::Serialize + ?Sized>(value: &T) -> Value {
    springline_core::remote::to_value(value).expect("a value")
}
