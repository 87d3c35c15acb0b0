//! What configuration files ask Pyro's exporters and proxies for besides names and places: TLS of Pyro 3, and releases of
//! Pyro4 before 4.38; with the real ones on Python 2.7 on the other side.

#![cfg(all(feature = "context", feature = "pyro", feature = "macros", feature = "tls"))]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use springline::context::{ApplicationContext, classes};
use springline::{Result, remote};

#[remote]
trait Service {
    async fn get_data(&self, param: String) -> Result<String>;
    async fn nothing(&self) -> Result<()>;
}

struct MyService;

impl Service for MyService {
    async fn get_data(&self, param: String) -> Result<String> {
        Ok(format!("You got remote data => {param}"))
    }

    async fn nothing(&self) -> Result<()> {
        Ok(())
    }
}

const ANSWER: &str = "You got remote data => Hello";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// Python 2.7 with some of the installed packages, and one of the programs that they are tested with.
fn python2(packages: &[&str], program: &str, args: &[&str]) -> Command {
    let peers = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => root().join(dir),
        _ => root().join("target"),
    }
    .join("peers");
    let packages: Vec<PathBuf> = packages.iter().map(|package| peers.join(package)).collect();
    for peer in packages.iter().chain([&peers.join("python2")]) {
        assert!(peer.exists(), "{} is missing: run `cargo xtask peers`", peer.display());
    }
    let mut command = Command::new(peers.join("python2"));
    command
        .arg("-B")
        .arg(root().join("crates/springline-pyro/tests/peers").join(program))
        .args(args)
        .env("PYTHONPATH", std::env::join_paths(packages).unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

async fn start(toml: &str) -> ApplicationContext {
    let classes = classes().class("Service", |class| class.handle(|_| Ok(ServiceRef::local(MyService))));
    let started = ApplicationContext::builder().classes(classes).toml("options.toml", toml.to_owned()).start().await;
    started.unwrap_or_else(|e| panic!("{}", e.report()))
}

async fn says_hello(context: &ApplicationContext) {
    let service: ServiceRef = context.get("service").unwrap();
    assert_eq!(service.get_data("Hello".to_owned()).await.unwrap(), ANSWER);
}

/// What a client's program says of the feature `call`.
async fn client(mut command: Command) -> String {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A server's program, once it says where its object is.
struct Server {
    child: Child,
    uri: String,
    // It would fail if this was closed.
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    fn start(mut command: Command, which: &str) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let uri = line.split_once(&format!("\"{which}\": \"")).and_then(|(_, rest)| rest.split('"').next());
        let uri = uri.unwrap_or_else(|| panic!("{line}")).to_owned();
        Self { child, uri, _stdout: stdout }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pyro3_over_tls() {
    let certs = root().join("certs");
    let certs = certs.to_str().unwrap();
    let packages = ["pyro3-3.16", "m2crypto"];
    let context = start(&format!(
        r#"
        [objects.remote]
        class = "Service"

        [objects.exporter]
        class = "pyro3.ServiceExporter"
        service_name = "ServiceName"
        service = {{ ref = "remote" }}
        service_host = "127.0.0.1"
        service_port = 0
        certfile = "{certs}/server-cert.pem"
        keyfile = "{certs}/server-key.pem"
        ca_certs = "{certs}/ca-chain.pem"
        "#
    ))
    .await;
    let url = context.endpoints()[0].uris[0].clone();
    assert!(url.starts_with("PYROLOCSSL://127.0.0.1:"), "{url}");
    let said = client(python2(&packages, "pyro3_client.py", &[&url, &url, "--ssl", certs, "--feature", "call"])).await;
    assert!(said.contains(r#""ok": true"#) && !said.contains(r#""ok": false"#), "{said}");

    let server = Server::start(python2(&packages, "pyro3_server.py", &["--ssl", certs]), "location");
    for (url, verified) in [(&server.uri, true), (&url, false)] {
        let context = start(&format!(
            r#"
            [objects.service]
            class = "pyro3.ProxyFactory"
            service_url = "{url}"
            certfile = "{certs}/client-cert.pem"
            keyfile = "{certs}/client-key.pem"
            ca_certs = "{certs}/ca-chain.pem"
            verify_hostname = {verified}
            "#
        ))
        .await;
        says_hello(&context).await;
    }
    context.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_of_pyro4_before_4_38() {
    for (release, serializer) in [("4.10", "pickle"), ("4.37", "serpent")] {
        let package = format!("pyro4-{release}");
        let packages = [package.as_str(), "serpent-1.28"];
        let context = start(&format!(
            r#"
            [objects.remote]
            class = "Service"

            [objects.exporter]
            class = "pyro4.ServiceExporter"
            service_name = "ServiceName"
            service = {{ ref = "remote" }}
            service_host = "127.0.0.1"
            service_port = 0
            serializers = ["{serializer}"]
            version = "{release}"
            "#
        ))
        .await;
        let url = &context.endpoints()[0].uris[0];
        let args = ["--gen", "4", "--uri", url, "--serializer", serializer, "--feature", "call"];
        let said = client(python2(&packages, "client.py", &args)).await;
        assert!(said.contains(r#""ok": true"#) && !said.contains(r#""ok": false"#), "{release}: {said}");
        context.shutdown(Duration::from_secs(1)).await;

        let server = Server::start(python2(&packages, "server.py", &["--gen", "4", "--serializer", serializer]), "uri");
        let context = start(&format!(
            r#"
            [objects.service]
            class = "pyro4.ProxyFactory"
            service_url = "{}"
            serializer = "{serializer}"
            version = "{release}"
            "#,
            server.uri
        ))
        .await;
        says_hello(&context).await;
    }
}

#[tokio::test]
async fn releases_that_do_not_exist() {
    let toml = "[objects.a]\nclass = \"pyro4.ProxyFactory\"\nservice_url = \"PYRO:x@h:1\"\nversion = \"4.19\"\n";
    let e = ApplicationContext::builder().classes(classes()).toml("options.toml", toml.to_owned()).start().await;
    let e = e.expect_err("there is no 4.19").report();
    assert!(e.contains("release") && e.contains("4.19") && e.contains("options.toml:4"), "{e}");
}
