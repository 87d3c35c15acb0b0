//! Python calls Rust: `client.py` against daemons of ours.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use springline_core::{Error, ErrorKind, Value};
use springline_pyro::{Daemon, DaemonBuilder, Proxy, Serializer, Version};

use crate::peers::{Client, Line, Scratch};
use crate::table::{Cell, Column, Direction, Peer, Table};
use crate::thing::{Rooms, Served, Surroundings, other};
use crate::{ANNOTATION, HANDSHAKE, IPV6_ROW, KEY, OPTIONS_ROW, Plan};

/// A daemon with the interface's objects.
pub(crate) struct Rust {
    pub(crate) daemon: Arc<Daemon>,
    around: Surroundings,
}

impl Rust {
    pub(crate) async fn start(builder: DaemonBuilder, address: &str, around: Surroundings) -> Self {
        let daemon = Arc::new(builder.bind(address).await.unwrap_or_else(|e| panic!("{address}: {e}")));
        *around.daemon.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&daemon);
        daemon.register("other", other()).expect("the name is free");
        Self { daemon, around }
    }

    /// Serves a thing of its own; gives its URI.
    pub(crate) fn thing(&self, id: &str, serializer: Serializer) -> String {
        let around = Surroundings { serializer, ..self.around.clone() };
        self.daemon.register(id, Served::new(around)).expect("the name is free").to_string()
    }

    pub(crate) fn around(&self) -> Surroundings {
        self.around.clone()
    }

    async fn stop(self) {
        let daemon = Arc::into_inner(self.daemon).expect("nobody else holds the daemon");
        assert_eq!(daemon.shutdown(Duration::from_secs(30)).await, 0, "a connection had to be cut");
    }
}

/// The daemons that all columns share: clients of all generations call them at the same time.
pub(crate) struct Shared {
    plain: Rust,
    ipv6: Rust,
}

impl Shared {
    pub(crate) async fn start() -> Self {
        let around = || Surroundings { rooms: Arc::new(Rooms::default()), ..Surroundings::default() };
        Self {
            plain: Rust::start(Daemon::builder(), "127.0.0.1:0", around()).await,
            ipv6: Rust::start(Daemon::builder(), "[::1]:0", around()).await,
        }
    }

    async fn of_old(peer: Peer, with: Serializer) -> Self {
        let around = || Surroundings { version: Some(peer.version()), ..Surroundings::default() };
        let builder = || Daemon::builder().version(peer.version()).serializers([with]);
        Self {
            plain: Rust::start(builder(), "127.0.0.1:0", around()).await,
            ipv6: Rust::start(builder(), "[::1]:0", around()).await,
        }
    }
}

/// What `client.py` says of one feature.
pub(crate) type Answer = (String, Option<bool>, String);

async fn finish(mut client: Client) -> Result<Vec<Answer>, String> {
    let mut answers = Vec::new();
    while let Some(line) = client.line().await? {
        match line {
            Line::Feature { feature, ok, detail } => answers.push((feature, ok, detail)),
            other => return Err(format!("unexpected: {other:?}")),
        }
    }
    Ok(answers)
}

/// Fills the P>R column of a peer and serializer.
pub(crate) async fn column(
    plan: &Plan,
    table: &Table,
    shared: &Shared,
    scratch: &Scratch,
    peer: Peer,
    with: Serializer,
) {
    let column = Column { peer, serializer: with, direction: Direction::PythonToRust };
    let id = format!("thing_{}_{with}", peer.name());
    // A daemon of an old version serves no other.
    let own = if peer.is_old() { Some(Shared::of_old(peer, with).await) } else { None };
    let shared = own.as_ref().unwrap_or(shared);
    let plain = plain(plan, shared, scratch, peer, with, &id);
    let options = options(plan, scratch, peer, with);
    let ipv6 = ipv6(plan, shared, scratch, peer, with, &id);
    let (plain, options, ipv6) = tokio::join!(plain, options, ipv6);
    let plain = match plain {
        Ok(answers) => answers,
        Err(why) => return table.set("call", column, Cell::Fail(why)),
    };
    let optional: Vec<Answer> = options.clone().unwrap_or_default();
    for (feature, ok, detail) in plain {
        // What only a client with options can do was done in the run with options.
        let (ok, detail) = match ok {
            None => optional
                .iter()
                .find(|(f, ok, _)| *f == feature && ok.is_some())
                .map_or((None, detail), |(_, ok, detail)| (*ok, detail.clone())),
            ok => (ok, detail),
        };
        table.set(
            &feature,
            column,
            match ok {
                Some(true) if feature == "together" && detail != "pyro4/48, pyro5/501, pyro5/502" => {
                    Cell::Fail(format!("met {detail}"))
                }
                Some(true) => Cell::Ok,
                Some(false) => Cell::Fail(detail),
                None if detail.contains("the server offers no stream") => {
                    Cell::Na("optional in the peers' interface; Springline's daemon has no item streams".to_owned())
                }
                None => Cell::Na(detail),
            },
        );
    }
    table.set(OPTIONS_ROW, column, whole(options));
    if plan.wants(IPV6_ROW) {
        let ipv6 = if crate::old::has_ipv6(peer) { whole(ipv6) } else { Cell::Na(crate::old::NO_IPV6.to_owned()) };
        table.set(IPV6_ROW, column, ipv6);
    }
}

// A whole run as one cell.
pub(crate) fn whole(answers: Result<Vec<Answer>, String>) -> Cell {
    match answers {
        Err(why) => Cell::Fail(why),
        Ok(answers) => {
            let failed: Vec<String> = answers
                .iter()
                .filter(|(_, ok, _)| *ok == Some(false))
                .map(|(feature, _, detail)| format!("{feature}: {detail}"))
                .collect();
            match (failed.is_empty(), answers.iter().filter(|(_, ok, _)| *ok == Some(true)).count()) {
                (true, 1..) => Cell::Ok,
                (true, 0) => Cell::Fail("nothing was tried".to_owned()),
                _ => Cell::Fail(failed.join("; ")),
            }
        }
    }
}

async fn plain(
    plan: &Plan,
    shared: &Shared,
    scratch: &Scratch,
    peer: Peer,
    with: Serializer,
    id: &str,
) -> Result<Vec<Answer>, String> {
    let uri = shared.plain.thing(id, with);
    let room = format!("{id}:3");
    let mut args = if peer.is_python2() { Vec::new() } else { vec!["--meet", &*room] };
    args.extend(plan.client_args());
    let client = Client::start(scratch, peer, with, &uri, &args);
    // The clients that it meets.
    let others = [Version::V48, Version::V501, Version::V502].into_iter().filter(|v| *v != peer.version());
    let mut meeting = tokio::task::JoinSet::new();
    if plan.wants("together") && !peer.is_python2() {
        for version in others {
            let proxy =
                Proxy::builder(&uri).and_then(|b| b.version(version).serializer(with).build()).expect("a proxy");
            let id = id.to_owned();
            meeting.spawn(async move { proxy.call::<Vec<String>>("meet", (id, 3)).await });
        }
    }
    let answers = finish(client).await?;
    while let Some(met) = meeting.join_next().await {
        let met = met.map_err(|e| e.to_string())?.map_err(|e| e.report())?;
        if met != ["pyro4/48", "pyro5/501", "pyro5/502"] {
            return Err(format!("met {met:?}"));
        }
    }
    Ok(answers)
}

/// A Unix socket, handshake data, compression, a daemon annotation and, in Pyro4, signatures; and a restart.
async fn options(plan: &Plan, scratch: &Scratch, peer: Peer, with: Serializer) -> Result<Vec<Answer>, String> {
    let version = peer.version();
    let key = version.has_signatures().then_some(KEY);
    let serve = async |address: &str| {
        let mut builder = Daemon::builder().compression(true);
        if peer.is_old() {
            builder = builder.version(version).serializers([with]);
        } else {
            // In marshal Python 2 has no other texts than bytes.
            let text =
                |data: &Value| data.as_str().map(str::to_owned).or_else(|| data.as_bytes().map(|bytes| lossy(bytes)));
            builder = builder.on_handshake(move |client| match text(client.data).as_deref() {
                Some(HANDSHAKE) => Ok(Value::from(format!("welcome {HANDSHAKE}"))),
                _ => Err(Error::new(ErrorKind::Denied, "handshake refused")),
            });
        }
        if version.has_annotations() {
            builder = builder.annotation("DAEM", ANNOTATION);
        }
        if let Some(key) = key {
            builder = builder.hmac_key(key);
        }
        let around = Surroundings { key, version: peer.is_old().then_some(version), ..Surroundings::default() };
        let rust = Rust::start(builder, address, around).await;
        let uri = rust.thing("thing", with);
        (rust, uri)
    };
    let unix = crate::old::has_unix_sockets(peer);
    let mut address = if unix { format!("unix:{}", scratch.path("s").display()) } else { "127.0.0.1:0".to_owned() };
    let (mut rust, uri) = serve(&address).await;
    if !unix {
        address = rust.daemon.address().to_string();
    }
    let mut args = vec!["--compress", "--handshake", HANDSHAKE, "--annotation", ANNOTATION, "--restart"];
    args.extend(key.iter().flat_map(|key| ["--hmac", key]));
    args.extend(plan.client_args());
    let mut client = Client::start(scratch, peer, with, &uri, &args);
    let mut answers = Vec::new();
    while let Some(line) = client.line().await? {
        match line {
            Line::Feature { feature, ok, detail } => answers.push((feature, ok, detail)),
            Line::Restart { .. } => {
                rust.stop().await;
                rust = serve(&address).await.0;
                client.go_on().await;
            }
            Line::Special { .. } => return Err("a special value that nobody asked for".to_owned()),
        }
    }
    rust.stop().await;
    Ok(answers)
}

const IPV6: [&str; 9] = [
    "transport",
    "call",
    "kwargs",
    "callback",
    "uri_result",
    "proxy_result",
    "oneway",
    "blob_up",
    "exception:ValueError",
];

async fn ipv6(
    plan: &Plan,
    shared: &Shared,
    scratch: &Scratch,
    peer: Peer,
    with: Serializer,
    id: &str,
) -> Result<Vec<Answer>, String> {
    if !plan.wants(IPV6_ROW) || !crate::old::has_ipv6(peer) {
        return Ok(Vec::new());
    }
    let uri = shared.ipv6.thing(id, with);
    let mut args = vec!["--feature"];
    args.extend(IPV6);
    finish(Client::start(scratch, peer, with, &uri, &args)).await
}

/// What Python's own client makes of the special values of a Python server.
pub(crate) async fn specials(
    scratch: &Scratch,
    peer: Peer,
    with: Serializer,
    uri: &str,
) -> Result<Vec<(String, String)>, String> {
    let mut client = Client::start(scratch, peer, with, uri, &["--specials"]);
    let mut all = Vec::new();
    while let Some(line) = client.line().await? {
        match line {
            Line::Special { special, got } => all.push((special, got)),
            other => return Err(format!("unexpected: {other:?}")),
        }
    }
    Ok(all)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
