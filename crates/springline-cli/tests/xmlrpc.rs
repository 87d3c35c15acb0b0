//! XML-RPC: every command and option against servers of our own and against CPython's.

mod support;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use springline::xmlrpc::server::{XmlRpcServer, XmlRpcServerBuilder};
use springline::xmlrpc::tls::CertReqs;
use springline::{Error, Exception, Value};
use support::{nowhere, python, run, workspace};

/// A server, on a thread of its own.
struct Server {
    url: String,
    server: Option<XmlRpcServer>,
    runtime: tokio::runtime::Runtime,
}

impl Server {
    fn with(builder: XmlRpcServerBuilder, address: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(methods(builder).bind(address)).unwrap();
        let url = server.url().replace("https://127.0.0.1", "https://localhost");
        Self { url, server: Some(server), runtime }
    }

    fn plain() -> Self {
        Self::with(XmlRpcServer::builder(), "127.0.0.1:0")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _guard = self.runtime.enter();
        self.server.take();
    }
}

fn methods(builder: XmlRpcServerBuilder) -> XmlRpcServerBuilder {
    builder
        .allow_none(true)
        .register_sync("pow", ["x", "y"], |(x, y): (i64, u32)| Ok(x.pow(y)))
        .register_sync("echo", ["x"], |(x,): (Value,)| Ok(x))
        .register_sync("things.add", ["a", "b?"], |(a, b): (i64, Option<i64>)| Ok(a + b.unwrap_or(10)))
        .register_sync("fail", ["code", "text"], |(code, text): (i64, String)| {
            Err::<(), _>(Error::remote(Exception::new("Fault", text).with_code(code)))
        })
        .register_function("slow", ["seconds"], |(seconds,): (f64,)| async move {
            tokio::time::sleep(std::time::Duration::from_secs_f64(seconds)).await;
            Ok("done".to_owned())
        })
}

/// A file among the sample certificates.
fn cert(name: &str) -> String {
    workspace().join("certs").join(name).display().to_string()
}

#[test]
fn calls_print_json() {
    let server = Server::plain();
    let url = server.url.as_str();
    run(&["call", url, "pow", "41", "3"]).prints("68921");
    run(&["call", url, "things.add", "1"]).prints("11");
    run(&["call", url, "things.add", "-1", "-2"]).prints("-3");
    run(&["call", &url.replace("/RPC2", ""), "pow", "2", "3"]).prints("8");
    run(&["call", url, "echo", "[1, 2.5, \"\u{e9}\", {\"a\": true}]", "--compact"])
        .prints("[1,2.5,\"\u{e9}\",{\"a\":true}]");
    run(&["call", url, "echo", "{\"$bytes\": \"AAEC\"}", "--compact"]).prints("{\"$bytes\":\"AAEC\"}");
    run(&["call", url, "echo", "{\"$date\": \"2020-01-02T03:04:05\"}"]).prints("\"2020-01-02T03:04:05\"");
    run(&["call", url, "echo", "null", "--allow-none"]).prints("null");
    run(&["call", url, "echo", "9007199254740993", "--allow-none"]).prints("9007199254740993");
    run(&["call", url, "echo", &"abc".repeat(3000), "--compress"]).prints(&format!("\"{}\"", "abc".repeat(3000)));
    let sent = run(&["call", url, "echo", "1", "--oneway"]);
    assert_eq!((sent.code, &*sent.out, &*sent.err), (0, "", ""));
}

#[test]
fn what_cannot_be_sent_is_code_2() {
    let server = Server::plain();
    let url = server.url.as_str();
    let null = run(&["call", url, "echo", "null"]);
    null.fails(2, &[url]);
    assert!(null.err.contains("hint: --allow-none"), "{}", null.err);
    run(&["call", url, "echo", "a\u{1}b"]).fails(2, &["U+0001"]);
    run(&["call", url, "things.add", "1", "--kw", "b=2"]).fails(2, &["keyword arguments"]);
    for command in [&["get", url, "a"][..], &["set", url, "a", "1"]] {
        run(command).fails(2, &["no attributes"]);
    }
    run(&["call", url, "pow", "--serializer", "json"]).fails(2, &["XML-RPC has no --serializer"]);
    run(&["call", url, "pow", "--pyro", "4", "--handshake", "x"]).fails(2, &["--pyro", "--handshake"]);
    run(&["call", url, "pow", "--ca", "x"]).fails(2, &["--ca", "https"]);
    run(&["call", url, "pow", "--path", "/x"]).fails(2, &["--path", "unix"]);
    run(&["call", "PYRO:x@y:1", "m", "--insecure", "--allow-none"]).fails(2, &["Pyro has no --insecure, --allow-none"]);
    let https = "https://localhost:1/RPC2";
    run(&["call", https, "m", "--ca", "nowhere/ca.pem"]).fails(2, &["nowhere/ca.pem"]);
    for wrong in [&["--cert", "x"][..], &["--key", "x"], &["--insecure", "--ca", "x"]] {
        assert_eq!(run(&[&["call", https, "m"], wrong].concat()).code, 2, "{wrong:?}");
    }
}

#[test]
fn faults_are_code_1() {
    let server = Server::plain();
    let url = server.url.as_str();
    run(&["call", url, "fail", "42", "no good"]).fails(1, &["no good", "fault code 42", url]);
    let unknown = run(&["call", url, "nothing"]);
    unknown.fails(1, &["nothing"]);
    assert!(unknown.err.contains("hint: `springline methods URL`"), "{}", unknown.err);
    run(&["call", url, "pow", "x", "y"]).fails(1, &["-32602"]);
}

#[test]
fn what_cannot_be_reached_is_code_3() {
    let port = nowhere().rsplit(':').next().unwrap().to_owned();
    let nobody = format!("http://127.0.0.1:{port}/RPC2");
    for command in [&["call", &nobody, "m"][..], &["methods", &nobody], &["ping", &nobody]] {
        let done = run(command);
        done.fails(3, &["refused", &format!("127.0.0.1:{port}")]);
        assert!(done.err.contains("hint: is the server running"), "{}", done.err);
    }
    let server = Server::plain();
    let elsewhere = server.url.replace("/RPC2", "/nowhere");
    let done = run(&["ping", &elsewhere]);
    done.fails(3, &["404"]);
    assert!(done.err.contains("another path"), "{}", done.err);
    let late = run(&["call", &server.url, "slow", "60", "--timeout", "500ms"]);
    late.fails(3, &["timed out"]);
    run(&["ping", "unix:/nowhere/at/all.sock"]).fails(3, &["/nowhere/at/all.sock"]);
}

#[test]
fn methods_and_ping() {
    let server = Server::plain();
    let url = server.url.as_str();
    let listed = run(&["methods", url]);
    let lines: Vec<&str> = listed.out.lines().collect();
    assert_eq!((listed.code, &*listed.err), (0, ""));
    assert!(lines.iter().any(|line| line.starts_with("pow(")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("system.listMethods")), "{lines:?}");
    let json: serde_json::Value = serde_json::from_str(&run(&["methods", url, "--json"]).out).unwrap();
    assert_eq!(json["uri"], url);
    assert_eq!(json["attributes"], serde_json::json!([]));
    let alive = run(&["ping", url]);
    assert!(alive.code == 0 && alive.out.starts_with(&format!("{url} is alive (xmlrpc, ")), "{}", alive.out);
    // Without introspection a server is alive all the same.
    let bare = Server::with(XmlRpcServer::builder().introspection(false), "127.0.0.1:0");
    run(&["ping", &bare.url]).prints_part("is alive");
    run(&["methods", &bare.url]).fails(1, &["system.listMethods"]);
}

#[test]
fn passwords_are_not_shown() {
    let server = Server::with(XmlRpcServer::builder().basic_auth_user("here", "me", "s3cret"), "127.0.0.1:0");
    let right = server.url.replace("://", "://me:s3cret@");
    run(&["call", &right, "pow", "2", "2"]).prints("4");
    let masked = server.url.replace("://", "://me:***@");
    run(&["ping", &right]).prints_part(&masked);
    run(&["methods", &right, "--json"]).prints_part(&masked);
    let denied = run(&["call", &server.url, "pow", "2", "2"]);
    denied.fails(3, &["401"]);
    assert!(denied.err.contains("hint: ") && denied.err.contains("password"), "{}", denied.err);
    let wrong = server.url.replace("://", "://me:hidden@");
    for args in [
        &["call", &wrong, "pow", "2", "2"][..],
        &["call", &wrong, "pow", "2", "2", "-vv"],
        &["methods", &wrong],
        &["ping", &wrong],
        &["call", &right, "nothing"],
        &["call", &right, "echo", "null"],
        &["ping", "ftp://me:hidden@host/"],
        &["ping", "http://me:hidden@"],
        &["ping", "http://me:hidden@host:99999/"],
        &["ping", "9http://me:hidden@host/"],
    ] {
        let done = run(args);
        assert!(
            done.code > 0 && !done.err.contains("hidden") && !done.err.contains("s3cret"),
            "{args:?}: {}",
            done.err
        );
    }
}

#[test]
fn unix_sockets() {
    let path = std::env::temp_dir().join(format!("springline-cli-xmlrpc-{}.sock", std::process::id()));
    let server = Server::with(XmlRpcServer::builder(), &format!("unix:{}", path.display()));
    run(&["call", &server.url, "pow", "41", "3"]).prints("68921");
    run(&["call", &format!("unix://{}", path.display()), "pow", "2", "3"]).prints("8");
    run(&["call", &server.url, "pow", "2", "3", "--path", "/"]).prints("8");
    run(&["call", &server.url, "pow", "2", "3", "--path", "/nowhere"]).fails(3, &["404"]);
    let encoded = format!("http+unix://{}/RPC2", path.display().to_string().replace('/', "%2F"));
    run(&["ping", &encoded]).prints_part("is alive");
}

#[test]
fn https_with_and_without_certificates() {
    let encrypted = || XmlRpcServer::builder().keyfile(cert("server-key.pem")).certfile(cert("server-cert.pem"));
    let (ca, crt, key) = (cert("ca-chain.pem"), cert("client-cert.pem"), cert("client-key.pem"));
    let trusting = ["--ca", &*ca];
    let known = ["--ca", &*ca, "--cert", &*crt, "--key", &*key];
    let pow = |url: &str, options: &[&str]| run(&[&["call", url, "pow", "41", "3"], options].concat());

    let server = Server::with(encrypted(), "127.0.0.1:0");
    pow(&server.url, &trusting).prints("68921");
    pow(&server.url, &["--insecure"]).prints("68921");
    run(&["ping", &server.url, "--ca", &ca]).prints_part("is alive");
    run(&["methods", &server.url, "--ca", &ca]).prints_part("pow(");
    pow(&server.url, &["--ca", &ca, "--server-name", "127.0.0.1"]).prints("68921");
    let other = pow(&server.url, &["--ca", &ca, "--server-name", "elsewhere.example"]);
    other.fails(3, &["elsewhere.example"]);
    assert!(other.err.contains("--server-name"), "{}", other.err);
    let unknown = pow(&server.url, &["--ca", &cert("client-cert.pem"), "--server-name", "localhost"]);
    assert!(unknown.code == 3 || unknown.code == 0, "{}", unknown.err);
    let plain = server.url.replace("https:", "http:");
    assert_eq!(pow(&plain, &[]).code, 3);

    let required = || encrypted().ca_certs(cert("ca-chain.pem")).cert_reqs(CertReqs::Required);
    let server = Server::with(required(), "127.0.0.1:0");
    pow(&server.url, &known).prints("68921");
    let nobody = pow(&server.url, &trusting);
    assert_eq!((nobody.code, &*nobody.out), (3, ""), "{}", nobody.err);
    assert!(nobody.err.contains("--cert"), "{}", nobody.err);

    let fields = |name| required().verify_fields([("commonName", name)]);
    let server = Server::with(fields("My Client"), "127.0.0.1:0");
    pow(&server.url, &known).prints("68921");
    let server = Server::with(fields("Somebody Else"), "127.0.0.1:0");
    assert_eq!(pow(&server.url, &known).code, 3);
}

/// CPython's server of the peers' interface; it ends with the test, however that ends.
struct Python {
    child: Child,
    url: String,
}

impl Python {
    fn start(way: &str, certs: &PathBuf) -> Self {
        let script = workspace().join("crates/springline-xmlrpc/tests/peers/server.py");
        let mut command = Command::new(python());
        command.arg("-B").arg(script).args(["--way", way, "--certs"]).arg(certs);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.next().expect("the server says when it is ready").unwrap();
        let ready: serde_json::Value = serde_json::from_str(ready.strip_prefix("READY ").expect(&ready)).unwrap();
        Self { child, url: ready["url"].as_str().unwrap().to_owned() }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[test]
fn python_servers() {
    let certs = workspace().join("certs");
    let plain = Python::start("plain", &certs);
    run(&["call", &plain.url, "pow", "41", "3"]).prints("68921");
    run(&["call", &plain.url, "get_data", "caf\u{e9}"]).prints("\"You got remote data => caf\u{e9}\"");
    run(&["call", &plain.url, "fail", "42", "no good"]).fails(1, &["no good", "42"]);
    let raised = run(&["call", &plain.url, "raise_it", "value", "no good"]);
    raised.fails(1, &["ValueError: no good"]);
    let listed = run(&["methods", &plain.url]);
    assert!(listed.code == 0 && listed.out.lines().any(|line| line == "validator1.easyStructTest"), "{}", listed.out);
    let unknown = run(&["call", &plain.url, "nothing_here"]);
    assert!(unknown.code == 1 && unknown.err.contains("hint: "), "{}", unknown.err);

    let fields = Python::start("fields", &certs);
    let (ca, crt, key) = (cert("ca-chain.pem"), cert("client-cert.pem"), cert("client-key.pem"));
    let known = ["--ca", &*ca, "--cert", &*crt, "--key", &*key];
    run(&[&["call", &fields.url, "whoami"], &known[..]].concat()).prints("\"My Client\"");
    let (crt, key) = (cert("server-cert.pem"), cert("server-key.pem"));
    let other = run(&["call", &fields.url, "whoami", "--ca", &ca, "--cert", &crt, "--key", &key]);
    assert_eq!((other.code, &*other.out), (3, ""), "{}", other.err);
}
