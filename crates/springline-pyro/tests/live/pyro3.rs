//! The columns of Pyro 3: 3.16, and 3.9.1 for version 4 of its wire. Their peers are programs of their own, since Python 2's
//! Pyro 3 has another interface, but for the same objects; Rust serves the very same service.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use springline_core::{Limits, RemoteRef, Value};
use springline_pyro::pyro3::{Daemon, DaemonBuilder, Proxy};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::call::Failure;
use crate::peer::{PATIENCE, Server, certs, command};
use crate::serve::{Answer, whole};
use crate::table::{Cell, Column, Direction, Peer, Table};
use crate::thing::{Served, Surroundings, other};
use crate::{IPV6_ROW, OPTIONS_ROW, Plan, pyro3_call, pyro3_servers, suite};

/// What the servers with options ask for.
pub(crate) const PASSPHRASE: &str = "open sesame";

/// Why Pyro 3 has not what a row of the others shows.
pub(crate) fn lacks(row: &str) -> Option<&'static str> {
    Some(match row {
        "metadata" => "Pyro 3's daemons do not tell an object's members",
        "hmac" => "Pyro 3 signs no messages",
        "serpent_bytes_literal" => "Pyro 3 has pickle alone",
        "sequence_wrap" => "Pyro 3 has no sequence numbers",
        "annotations" | "daemon_annotation" => "Pyro 3 has no annotations",
        "correlation_id" => "Pyro 3 has no correlation ids",
        "wire_ping" => "Pyro 3 has no pings",
        "autoproxy" => "Pyro 3's objects are told by getProxy()",
        "batch" | "batch_exception" | "batch_oneway" => "Pyro 3 has no batches",
        "stream" | "stream_fail" | "stream_close" => "Pyro 3 has no item streams",
        "together" => "Pyro 3 has a port of its own",
        "exception_own_registered" => "Pyro 3 has no registry of classes",
        "exception:SecurityError" | "exception:SerializeError" => "Pyro 3 has no such class",
        "pipelining" | "many_connections" => "one call at a time goes over a connection of Pyro 3",
        "version_found_out" => "the daemon speaks first, and tells its version",
        "restart" => "Python's proxies keep an object's id, which it does not have in another daemon",
        "echo:datetime_tz" => "Python 2 has no time zones of its own",
        IPV6_ROW => "Pyro 3 knows IPv4 only",
        _ => return None,
    })
}

/// What only Pyro 3 has.
const ALONE: &str = "Pyro 3 alone has it";

fn release(peer: Peer) -> &'static str {
    peer.name().rsplit('-').next().unwrap_or_default()
}

/// A daemon with the interface's objects.
struct Rust {
    daemon: Daemon,
    location: String,
    uri: String,
}

impl Rust {
    async fn start(builder: DaemonBuilder, peer: Peer) -> Self {
        let daemon = builder.version_4(peer == Peer::Pyro39).bind("127.0.0.1:0").await.expect("a free port");
        let other = daemon.register("other", other()).expect("the name is free");
        let around = Surroundings { other: Some(RemoteRef::proxy(other.to_string())), ..Surroundings::default() };
        let uri = daemon.register("thing", Served::new(around)).expect("the name is free");
        let location = format!("PYROLOC{}://{}/thing", if uri.tls { "SSL" } else { "" }, daemon.address());
        Self { location, uri: uri.to_string(), daemon }
    }

    /// Runs `pyro3_client.py` against it.
    async fn client(&self, peer: Peer, plan: &Plan, args: &[&str]) -> Result<Vec<Answer>, String> {
        let mut args = [&[&*self.location, &self.uri], args].concat();
        args.extend(plan.client_args());
        let mut command = command(release(peer), "pyro3_client.py", &args);
        let mut child = command.stderr(Stdio::inherit()).spawn().map_err(|e| e.to_string())?;
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut answers = Vec::new();
        loop {
            match timeout(PATIENCE, lines.next_line()).await.map_err(|_| "pyro3_client.py is silent")? {
                Ok(Some(line)) => {
                    let line: serde_json::Value =
                        serde_json::from_str(&line).map_err(|e| format!("it printed {line:?}: {e}"))?;
                    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
                    answers.push((text("feature"), line["ok"].as_bool(), text("detail")));
                }
                Ok(None) => break,
                Err(e) => return Err(e.to_string()),
            }
        }
        let status =
            timeout(PATIENCE, child.wait()).await.map_err(|_| "it does not end")?.map_err(|e| e.to_string())?;
        if status.success() { Ok(answers) } else { Err(format!("pyro3_client.py ended with {status}")) }
    }
}

fn secure() -> DaemonBuilder {
    let certs = certs();
    let builder = Daemon::builder().ca_certs(certs.join("ca-chain.pem"));
    builder.certfile(certs.join("server-cert.pem")).keyfile(certs.join("server-key.pem"))
}

/// Python calls Rust.
pub(crate) async fn serve_column(plan: &Plan, table: &Table, peer: Peer) {
    let column = Column { peer, serializer: peer.serializers()[0], direction: Direction::PythonToRust };
    let set = |row: &str, cell: Cell| {
        if plan.wants(row) {
            table.set(row, column, cell);
        }
    };
    let plain = Rust::start(Daemon::builder(), peer).await;
    let optional = Daemon::builder().compression(true).checksum(true).identifications(["another", PASSPHRASE]);
    let optional = Rust::start(optional, peer).await;
    let with_options = ["--identification", PASSPHRASE, "--compress", "--checksum"];
    let (answers, options) = tokio::join!(plain.client(peer, plan, &[]), optional.client(peer, plan, &with_options));
    let answers = match answers {
        Ok(answers) => answers,
        Err(why) => return table.set("call", column, Cell::Fail(why)),
    };
    for (feature, ok, detail) in answers {
        // What only a client with options can do was done in the run with options.
        let other = options.iter().flatten().find(|(f, other, _)| ok.is_none() && *f == feature && other.is_some());
        let (ok, detail) = other.map_or((ok, detail), |(_, ok, detail)| (*ok, detail.clone()));
        let cell = match ok {
            Some(true) => Cell::Ok,
            Some(false) => Cell::Fail(detail),
            None => Cell::Na(detail),
        };
        table.set(&feature, column, cell);
    }
    set(OPTIONS_ROW, whole(options));

    // Each of the other ways, as one cell.
    let custom = |_: &springline_core::Peer, challenge: &[u8], token: &[u8]| {
        let backwards: Vec<u8> = challenge.iter().rev().copied().collect();
        token == [b"token of ", &*backwards].concat()
    };
    let token = Rust::start(Daemon::builder().validator(custom), peer).await;
    set("validator_token", whole(token.client(peer, plan, &["--token", "token of "]).await));
    for protocol in ["0", "1"] {
        set(&format!("pickle_protocol:{protocol}"), whole(plain.client(peer, plan, &["--pickle", protocol]).await));
    }
    let mut full = Limits::new();
    full.connections = 0;
    for (row, builder, reason) in [
        ("denied_full", Daemon::builder().limits(full), "server too busy"),
        ("denied_host", Daemon::builder().accept_host(|_| false), "host blocked"),
    ] {
        let rust = Rust::start(builder, peer).await;
        let cell = match rust.client(peer, &Plan::only(&["call"]), &[]).await.as_deref() {
            Ok([(_, Some(false), detail)]) if detail == &format!("ConnectionDeniedError: {reason}") => Cell::Ok,
            other => Cell::Fail(format!("{other:?}")),
        };
        set(row, cell);
    }
    let ssl = certs().display().to_string();
    if peer == Peer::Pyro3 {
        let tls = Rust::start(secure(), peer).await;
        set("tls", whole(tls.client(peer, plan, &["--ssl", &ssl]).await));
        tls.stop(&set).await;
    } else {
        set("tls", Cell::Na(NO_TLS.to_owned()));
    }
    for row in ["name_by_host", "name_by_broadcast", "name_registered"] {
        set(row, Cell::Na("the name server is Python's in both directions: see R>P".to_owned()));
    }
    plain.stop(&set).await;
    optional.stop(&set).await;
}

const NO_TLS: &str = "3.9.1 wants an M2Crypto of its time";

impl Rust {
    // Its clients are gone: none has to be cut off.
    async fn stop(self, set: &impl Fn(&str, Cell)) {
        if self.daemon.shutdown(Duration::from_secs(30)).await != 0 {
            set("call", Cell::Fail("a connection had to be cut".to_owned()));
        }
    }
}

/// Rust calls Python.
pub(crate) async fn call_column(plan: &Plan, table: &Table, peer: Peer) {
    let column = Column { peer, serializer: peer.serializers()[0], direction: Direction::RustToPython };
    let release = release(peer);
    let with_options = ["--identification", PASSPHRASE, "--compress", "--checksum", "--single"];
    let (plain, options) = tokio::join!(Server::start(release, &[]), Server::start(release, &with_options));
    assert_eq!(plain.ready["release"], release, "another release was installed: run `cargo xtask peers`");
    let (plain, options) =
        (pyro3_call::Ctx::new(peer, plain, false).await, pyro3_call::Ctx::new(peer, options, true).await);
    let mut failures = Vec::new();
    for row in pyro3_call::rows().into_iter().filter(|row| plan.wants(row)) {
        let cell = match (pyro3_call::run(&plain, &row).await, pyro3_call::run(&options, &row).await) {
            (_, Err(Failure::Wrong(why))) => {
                failures.push(format!("{row}: {why}"));
                Cell::Ok
            }
            (Ok(()), _) | (Err(Failure::WithOptions), Ok(())) => Cell::Ok,
            (Err(Failure::Wrong(why) | Failure::Cannot(why)), _) => Cell::Fail(why),
            (Err(Failure::Peer(why)), _) => Cell::Na(why),
            (Err(Failure::WithOptions), other) => Cell::Fail(format!("{other:?}")),
        };
        table.set(&row, column, cell);
    }
    if plan.wants(OPTIONS_ROW) {
        table.set(OPTIONS_ROW, column, if failures.is_empty() { Cell::Ok } else { Cell::Fail(failures.join("; ")) });
    }
    for (row, outcome) in pyro3_servers::special_servers(peer, release, |row| plan.wants(row)).await {
        let cell = match outcome {
            Ok(()) => Cell::Ok,
            Err(Failure::Peer(why)) => Cell::Na(why),
            Err(other) => Cell::Fail(format!("{other:?}")),
        };
        table.set(row, column, cell);
    }
    if peer != Peer::Pyro3 && plan.wants("tls") {
        table.set("tls", column, Cell::Na(NO_TLS.to_owned()));
    }
    if plan.wants("remote_suite") {
        let outcome = suite::over_pyro3(&plain).await;
        table.set("remote_suite", column, outcome.map_or_else(Cell::Fail, |()| Cell::Ok));
    }
}

/// Says in every cell that Pyro 3 leaves empty, and in those that it alone has, why that is so.
pub(crate) fn explain(table: &Table) {
    for row in table.rows() {
        let alone = Column::all().all(|c| c.peer.is_pyro3() || table.get(&row, c).is_none());
        for column in Column::all() {
            if table.get(&row, column).is_some() {
                continue;
            }
            if !column.peer.is_pyro3() {
                if alone {
                    table.set(&row, column, Cell::Na(ALONE.to_owned()));
                }
            } else if let Some(why) = lacks(&row) {
                table.set(&row, column, Cell::Na(why.to_owned()));
            } else {
                // A row of one direction: it has its reason in the columns of the others.
                let same = |c: &Column| !c.peer.is_pyro3() && c.direction == column.direction;
                let reason = Column::all().filter(same).find_map(|c| match table.get(&row, c) {
                    Some(Cell::Na(why)) => Some(why),
                    _ => None,
                });
                if let Some(why) = reason.filter(|_| column.direction == Direction::PythonToRust) {
                    table.set(&row, column, Cell::Na(why));
                }
            }
        }
    }
}

/// The suite over Rust alone, in both versions of the wire.
pub(crate) async fn places() -> Vec<(String, Cell)> {
    let mut all = Vec::new();
    for peer in [Peer::Pyro3, Peer::Pyro39] {
        let rust = Arc::new(Rust::start(Daemon::builder(), peer).await);
        let callback = rust.daemon.reference("callback");
        rust.daemon.register("callback", pyro3_call::callback()).expect("the name is free");
        let proxy = Proxy::new(&rust.location).expect("a URI");
        let outcome = suite::anywhere(proxy, callback).await;
        let version = if peer == Peer::Pyro3 { 5 } else { 4 };
        all.push((format!("rust-rust pyro3/{version} pickle"), outcome.map_or_else(Cell::Fail, |()| Cell::Ok)));
    }
    all
}

/// Whether two values are the same, as far as Python 2 tells them apart: its bytes are text where they can be.
pub(crate) fn same_in_python_2(sent: &Value, got: &Value) -> bool {
    let text = sent.as_bytes().and_then(|b| std::str::from_utf8(b).ok());
    crate::values::same(sent, got) || text.is_some_and(|text| got.as_str() == Some(text))
}
