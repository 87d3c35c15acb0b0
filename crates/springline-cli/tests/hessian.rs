//! Hessian: every command and option against a service of our own and against Java's.

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use springline::hessian::server::{HessianServer, HessianServiceExporter, HessianServiceExporterBuilder};
use springline::{Error, Exception, FnService, Value};
use support::{nowhere, run, workspace};

/// A server, on a thread of its own.
struct Server {
    uri: String,
    server: Option<HessianServer>,
    runtime: tokio::runtime::Runtime,
}

impl Server {
    fn with(set: impl FnOnce(HessianServiceExporterBuilder) -> HessianServiceExporterBuilder) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let builder = set(HessianServiceExporter::builder(service()).path("/thing"));
        let server = runtime.block_on(builder.bind("127.0.0.1:0")).unwrap();
        let uri = format!("hessian+{}", server.url().replace("https://127.0.0.1", "https://localhost"));
        Self { uri, server: Some(server), runtime }
    }

    fn plain() -> Self {
        Self::with(|builder| builder)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _guard = self.runtime.enter();
        self.server.take();
    }
}

fn service() -> FnService {
    FnService::new("Thing")
        .method("add", ["a", "b?"], |(a, b): (i64, Option<i64>)| async move { Ok(a + b.unwrap_or(10)) })
        .method("echo", ["x"], |(x,): (Value,)| async move { Ok(x) })
        .method("kinds", ["x"], |(x,): (Value,)| async move { Ok(format!("{x:?}")) })
        .method("over_int", ["x"], |(_,): (i32,)| async move { Ok("an int".to_owned()) })
        .method("over_long", ["x"], |(_,): (i64,)| async move { Ok("a long".to_owned()) })
        .method("fail", ["class", "text"], |(class, text): (String, String)| async move {
            Err::<(), _>(Error::remote(Exception::new(class, text).with_attribute("code", 42)))
        })
}

#[test]
fn calls_print_json() {
    let server = Server::plain();
    let uri = server.uri.as_str();
    for dialect in ["1", "2", "mixed"] {
        run(&["call", uri, "add", "41", "3", "--hessian", dialect]).prints("44");
        let value = "[1,2.5,\"\u{e9}\u{1f600}\",{\"a\":true},null]";
        run(&["call", uri, "echo", value, "--compact", "--hessian", dialect]).prints(value);
        run(&["call", uri, "echo", "{\"$bytes\": \"AAEC\"}", "--compact", "--hessian", dialect])
            .prints("{\"$bytes\":\"AAEC\"}");
    }
    run(&["call", uri, "add", "1"]).prints("11");
    run(&["call", uri, "kinds", "5"]).prints("\"I32(5)\"");
    run(&["call", uri, "kinds", "2147483648"]).prints("\"I64(2147483648)\"");
    run(&["call", uri, "over", "5", "--overload"]).prints("\"an int\"");
    run(&["call", uri, "over", "2147483648", "--overload"]).prints("\"a long\"");
    let object = "{\"__class__\":\"peer.Person\",\"age\":5}";
    run(&["call", uri, "echo", object, "--compact"]).prints(object);
    let sent = run(&["call", uri, "echo", "1", "--oneway"]);
    assert_eq!((sent.code, &*sent.out, &*sent.err), (0, "", ""));
}

#[test]
fn methods_and_ping() {
    let server = Server::plain();
    let listed = run(&["methods", &server.uri]);
    assert_eq!(
        listed.out, "add(a, b?)\necho(x)\nfail(class, text)\nkinds(x)\nover_int(x)\nover_long(x)\n",
        "{}",
        listed.err
    );
    let alive = run(&["ping", &server.uri]);
    assert!(alive.code == 0 && alive.out.starts_with(&format!("{} is alive (hessian, ", server.uri)), "{}", alive.out);
}

#[test]
fn failures_have_their_codes_and_hints() {
    let server = Server::plain();
    let uri = server.uri.as_str();
    let failed = run(&["call", uri, "fail", "com.example.Broken", "no & never", "-v"]);
    failed.fails(1, &["com.example.Broken: no & never"]);
    assert!(failed.err.contains("code = 42"), "{}", failed.err);
    let unknown = run(&["call", uri, "get_data"]);
    unknown.fails(1, &["NoSuchMethodException"]);
    assert!(unknown.err.contains("hint: ") && unknown.err.contains("camel case"), "{}", unknown.err);
    run(&["call", uri, "add", "1", "--kw", "b=2"]).fails(2, &["keyword arguments"]);
    run(&["get", uri, "x"]).fails(2, &["no attributes"]);
    run(&["call", uri, "add", "1", "--allow-none"]).fails(2, &["Hessian has no --allow-none"]);
    run(&["call", "http://localhost:1/", "x", "--hessian", "2"]).fails(2, &["XML-RPC has no --hessian"]);
    run(&["call", uri, "add", "1", "--insecure"]).fails(2, &["--insecure is for hessian+https URLs"]);
    run(&["call", uri, "add", "1", "--compress"]).fails(2, &["--compress"]);
    let port = nowhere().rsplit(':').next().unwrap().to_owned();
    let nobody = run(&["ping", &format!("hessian+http://127.0.0.1:{port}/")]);
    nobody.fails(3, &["refused"]);
    assert!(nobody.err.contains("hint: is the server running"), "{}", nobody.err);
    let elsewhere = run(&["ping", &uri.replace("/thing", "/nowhere")]);
    elsewhere.fails(3, &["404"]);
    assert!(elsewhere.err.contains("another path"), "{}", elsewhere.err);
}

#[test]
fn passwords_and_certificates() {
    let server = Server::with(|builder| builder.basic_auth_user("things", "me", "s3cret"));
    let denied = run(&["ping", &server.uri]);
    denied.fails(3, &["401"]);
    assert!(denied.err.contains("hessian+http://user:password@"), "{}", denied.err);
    let known = run(&["ping", &server.uri.replace("://", "://me:s3cret@")]);
    assert!(known.code == 0 && known.out.contains("me:***@"), "{} {}", known.out, known.err);
    let wrong = run(&["ping", &server.uri.replace("://", "://me:hidden@")]);
    assert!(wrong.code == 3 && !wrong.err.contains("hidden"), "{}", wrong.err);

    let cert = |name: &str| workspace().join("certs").join(name).display().to_string();
    let server = Server::with(|builder| builder.keyfile(cert("server-key.pem")).certfile(cert("server-cert.pem")));
    run(&["call", &server.uri, "add", "1", "2", "--ca", &cert("ca-chain.pem")]).prints("3");
    run(&["call", &server.uri, "add", "1", "2", "--insecure"]).prints("3");
    assert_eq!(run(&["call", &server.uri, "add", "1", "2"]).code, 3);
}

/// Java's server of the peers' interface; it ends with the test, however that ends.
struct Java(Child, String);

impl Java {
    fn start() -> Self {
        let jar = support::target().join("peers/hessian/peers.jar");
        assert!(jar.exists(), "{} is missing: run `cargo xtask peers`", jar.display());
        let mut command = Command::new("java");
        command.args(["--add-opens", "java.base/java.lang=ALL-UNNAMED", "-Dsun.net.httpserver.nodelay=true", "-cp"]);
        command.arg(format!("{}:/usr/share/java/hessian.jar", jar.display())).arg("peer.Server");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base = line.split('"').nth(3).unwrap_or_else(|| panic!("the server said {line:?}"));
        Self(child, format!("hessian+{base}/thing"))
    }
}

impl Drop for Java {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn java_is_called() {
    let java = Java::start();
    let uri = java.1.as_str();
    for dialect in ["1", "2", "mixed"] {
        let person = run(&["call", uri, "transform", "Greg Turnquist a,b", "--compact", "--hessian", dialect]);
        assert!(person.out.contains("\"firstName\":\"Greg\""), "{} {}", person.out, person.err);
        run(&["call", uri, "pow", "41", "3", "--hessian", dialect]).prints("68921");
        run(&["call", uri, "over", "5", "--overload", "--hessian", dialect]).prints("\"over(int 5)\"");
    }
    run(&["ping", uri]).prints_part("is alive (hessian, ");
    run(&["methods", uri]).fails(3, &["does not tell", "peer.Thing"]);
    let failed = run(&["call", uri, "fail", "bank", "too little", "-v"]);
    failed.fails(1, &["peer.BankException: too little"]);
    assert!(failed.err.contains("remote traceback:") && failed.err.contains("peer.MyThing.fail("), "{}", failed.err);
    let wrong = run(&["call", uri, "typedEnum", "RED"]);
    wrong.fails(3, &["broke the reply off"]);
    assert!(wrong.err.contains("hint: are the arguments"), "{}", wrong.err);
}
