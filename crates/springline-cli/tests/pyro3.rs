//! The commands against Pyro 3: Python's own 3.16 and daemons of ours.

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use springline::pyro::pyro3::{Daemon, DaemonBuilder};
use support::{Scratch, program, run, target, thing, workspace};

/// A Python 2 that serves `thing`; it ends with the test.
struct Python2 {
    child: Child,
    ready: serde_json::Value,
}

impl Python2 {
    fn start(options: &[&str]) -> Self {
        let peers = target().join("peers");
        assert!(peers.join("m2crypto").exists(), "the peers are missing: run `cargo xtask peers`");
        let mut command = Command::new(peers.join("python2"));
        command.arg("-B").arg(workspace().join("crates/springline-pyro/tests/peers/pyro3_server.py")).args(options);
        command.env("PYTHONPATH", std::env::join_paths([peers.join("pyro3-3.16"), peers.join("m2crypto")]).unwrap());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut this = Self { child, ready: serde_json::Value::Null };
        // The name server prints where it is first.
        while this.ready.is_null() {
            let line = lines.next().expect("the server says when it is ready").unwrap();
            if let Some(ready) = line.strip_prefix("READY ") {
                this.ready = serde_json::from_str(ready).unwrap();
            }
        }
        std::thread::spawn(move || lines.for_each(drop));
        this
    }

    fn uri(&self, which: &str) -> &str {
        self.ready[which].as_str().unwrap()
    }
}

impl Drop for Python2 {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A daemon of ours, in a runtime of its own.
struct Rust {
    daemon: Option<Daemon>,
    uri: String,
    location: String,
    runtime: tokio::runtime::Runtime,
}

impl Rust {
    fn start(builder: DaemonBuilder) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let daemon = runtime.block_on(builder.bind("127.0.0.1:0")).unwrap();
        let uri = daemon.register("thing", thing()).unwrap();
        let location = format!("PYROLOC{}://{}/thing", if uri.tls { "SSL" } else { "" }, daemon.address());
        Self { uri: uri.to_string(), location, daemon: Some(daemon), runtime }
    }
}

impl Drop for Rust {
    fn drop(&mut self) {
        let _guard = self.runtime.enter();
        self.daemon.take();
    }
}

#[test]
fn every_command_reaches_python() {
    let python = Python2::start(&["--name-server", "--broadcast", "--compress", "--checksum"]);
    for which in ["location", "thing", "name"] {
        let uri = python.uri(which);
        run(&["call", uri, "get_data", "Hello"]).prints("\"You got remote data => Hello\"");
        run(&["call", uri, "add", "1", "--kw", "b=2", "--kw", "c=4", "--compress", "--checksum"]).prints("7");
        let mixed = "[1,2.5,null,\"é\",{\"a\":true},123456789012345678901234567890]";
        run(&["call", uri, "echo", mixed, "--compact"]).prints(mixed);
        run(&["ping", uri, "--timeout", "60"]).prints_part("is alive (pyro3/5, ");
        run(&["get", uri, "value"]).prints("\"initial\"");
        assert_eq!(run(&["set", uri, "value", "[1, 2]"]).code, 0);
        run(&["get", uri, "value", "--compact"]).prints("[1,2]");
        assert_eq!(run(&["set", uri, "value", "initial"]).code, 0);
        let quiet = run(&["call", uri, "fire", "token", "0", "--oneway"]);
        assert_eq!((quiet.code, &*quiet.out, &*quiet.err), (0, "", ""));
        run(&["methods", uri]).fails(2, &["no way to ask", "other, thing"]);
        let failed = run(&["call", uri, "fail", "value", "no good", "-v"]);
        failed.fails(1, &["ValueError: no good"]);
        assert!(failed.err.contains("extra = 7") && failed.err.contains("in fail"), "{}", failed.err);
    }
    run(&["call", "PYRONAME://thing", "get_data", "Hello", "--broadcast", python.uri("broadcast")])
        .prints("\"You got remote data => Hello\"");
    let unknown = run(&["ping", &python.uri("location").replace("/thing", "/nothing")]);
    unknown.fails(1, &["NamingError", "no object found by this name"]);
    assert!(unknown.err.contains("getRegistered"), "{}", unknown.err);
    let id = python.uri("thing");
    run(&["ping", &format!("{}0000", &id[..id.len() - 4])]).fails(3, &["no object of this id"]);
    let (host, _) = id.rsplit_once('/').unwrap();
    run(&["call", &format!("{host}/c0000000011000001000000010000001"), "getRegistered"]).prints_part("\"thing\"");
}

#[test]
fn passphrases_come_from_a_file_or_the_environment() {
    let python = Python2::start(&["--identification", "secret"]);
    let uri = python.uri("location");
    let file = Scratch::file("ident", b"secret\n");
    run(&["call", uri, "echo", "5", "--ident-file", file.path()]).prints("5");
    let by_variable =
        program().args(["call", uri, "echo", "5"]).env("SPRINGLINE_PYRO_IDENT", "secret").output().unwrap();
    support::Run::of(by_variable).prints("5");
    let denied = run(&["call", uri, "echo", "5"]);
    denied.fails(3, &["identification"]);
    assert!(denied.err.contains("hint: the passphrase is read from"), "{}", denied.err);
    run(&["ping", uri, "--ident-file", "/nowhere/at/all"]).fails(2, &["passphrase file"]);
}

#[test]
fn tls_with_certificates() {
    let certs = |name: &str| workspace().join("certs").join(name).display().to_string();
    let (ca, cert, key) = (certs("ca-chain.pem"), certs("client-cert.pem"), certs("client-key.pem"));
    let with = ["--ca", &*ca, "--cert", &*cert, "--key", &*key];
    let python = Python2::start(&["--ssl", &certs("")]);
    // Authorities of somebody else's.
    let strangers = std::env::temp_dir().join(format!("springline-cli-strangers-{}", std::process::id()));
    assert_eq!(run(&["certs", &strangers.display().to_string()]).code, 0);
    let strange = strangers.join("ca-chain.pem").display().to_string();
    let builder = Daemon::builder().certfile(certs("server-cert.pem")).keyfile(certs("server-key.pem")).ca_certs(&ca);
    let rust = Rust::start(builder);
    for uri in [python.uri("location"), python.uri("thing"), &rust.location, &rust.uri] {
        assert!(uri.contains("SSL://"), "{uri}");
        run(&[&["call", uri, "get_data", "Hello"], &with[..]].concat()).prints("\"You got remote data => Hello\"");
        let anonymous = run(&["ping", uri, "--ca", &ca]);
        anonymous.fails(3, &["certificate"]);
        assert!(anonymous.err.contains("hint: --cert and --key"), "{}", anonymous.err);
        let stranger = run(&["ping", uri, "--ca", &strange]);
        stranger.fails(3, &["certificate"]);
        assert!(stranger.err.contains("hint: --ca names"), "{}", stranger.err);
        let misnamed = run(&[&["ping", uri, "--server-name", "elsewhere.example"], &with[..]].concat());
        misnamed.fails(3, &["elsewhere.example"]);
    }
    std::fs::remove_dir_all(&strangers).unwrap();
}

#[test]
fn daemons_of_springline_tell_their_methods() {
    let rust = Rust::start(Daemon::builder());
    for uri in [&rust.location, &rust.uri] {
        let listed = run(&["methods", uri]);
        for line in ["add(a, b?, c?)", "get_data(param)"] {
            assert!(listed.out.lines().any(|l| l == line), "{line}: {}", listed.out);
        }
        assert!(listed.out.contains("attribute") && listed.out.contains("oneway"), "{}", listed.out);
        run(&["ping", uri]).prints_part("(pyro3/5, ");
        run(&["get", uri, "value"]).prints("\"initial\"");
        run(&["call", uri, "echo", "{\"$bytes\": \"AP8=\"}", "--compact"]).prints("{\"$bytes\":\"AP8=\"}");
    }
}

#[test]
fn what_does_not_go_together() {
    let uri = "PYROLOC://127.0.0.1:1/x";
    run(&["ping", uri]).fails(3, &["cannot connect", "refused"]);
    run(&["call", uri, "m", "--serializer", "json", "--allow-none"])
        .fails(2, &["Pyro 3 has no --serializer, --allow-none"]);
    run(&["call", uri, "m", "--ca", "x"]).fails(2, &["--ca is for PYROLOCSSL and PYROSSL URIs"]);
    run(&["call", "PYROLOCSSL://h:1/x", "m", "--ca", "nowhere/ca.pem"]).fails(2, &["nowhere/ca.pem"]);
    run(&["call", uri, "m", "--broadcast", "127.0.0.1:1"]).fails(2, &["--broadcast is for PYRONAME"]);
    run(&["call", "PYRO:x@y:1", "m", "--ident-file", "x"]).fails(2, &["Pyro has no --ident-file"]);
    run(&["call", "http://h/", "m", "--checksum"]).fails(2, &["XML-RPC has no --checksum"]);
    run(&["call", "PYRO://h", "m"]).fails(2, &["bad Pyro 3 URI"]);
    run(&["call", "PIRO:x", "m"]).fails(2, &["unknown scheme", "PYROLOC:// (Pyro 3)"]);
}
