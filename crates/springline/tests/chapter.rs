//! The contexts of Spring Python's remoting chapter, letter by letter, with Python 2 and Pyro 3.16 on the other side.

#![cfg(all(feature = "context", feature = "pyro", feature = "macros"))]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use springline::context::{ApplicationContext, Classes, classes};
use springline::{ErrorKind, Result, remote};

#[remote]
trait Service {
    async fn get_data(&self, param: String) -> Result<String>;
}

struct MyService;

impl Service for MyService {
    async fn get_data(&self, param: String) -> Result<String> {
        Ok(format!("You got remote data => {param}"))
    }
}

const ANSWER: &str = "You got remote data => Hello";

fn with_service() -> Classes {
    let service = |class: springline::component::Class| class.handle(|_| Ok(ServiceRef::local(MyService)));
    classes().class("Service", service).class("server.Service", service)
}

fn document(objects: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<objects xmlns="http://www.springframework.org/springpython/schema/objects/1.1"
       xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
       xsi:schemaLocation="http://www.springframework.org/springpython/schema/objects/1.1
               http://springpython.webfactional.com/schema/context/spring-python-context-1.1.xsd">

{objects}

</objects>
"#
    )
}

const LOCAL: &str = r#"    <object id="service" class="Service"/>"#;

const EXPORTED: &str = r#"    <object id="remoteService" class="Service"/>

    <object id="service_exporter" class="springpython.remoting.pyro.PyroServiceExporter">
        <property name="service_name" value="ServiceName"/>
        <property name="service" ref="remoteService"/>
    </object>

    <object id="service" class="springpython.remoting.pyro.PyroProxyFactory">
        <property name="service_url" value="PYROLOC://localhost:7766/ServiceName"/>
    </object>"#;

const SERVER: &str = r#"    <object id="remoteService" class="server.Service"/>

    <object id="service_exporter" class="springpython.remoting.pyro.PyroServiceExporter">
        <property name="service_name" value="ServiceName"/>
        <property name="service" ref="remoteService"/>
        <property name="service_host" value="127.0.0.1"/>
        <property name="service_port" value="7000"/>
    </object>"#;

const CLIENT: &str = r#"    <object id="service" class="springpython.remoting.pyro.PyroProxyFactory">
        <property name="service_url" value="PYROLOC://127.0.0.1:7000/ServiceName"/>
    </object>"#;

// The chapter's ports are everybody's: others may have them for a while.
async fn start(objects: &str) -> ApplicationContext {
    for _ in 0..600 {
        match ApplicationContext::builder().classes(with_service()).xml("chapter.xml", document(objects)).start().await
        {
            Ok(context) => return context,
            Err(e) if e.kind() == ErrorKind::Unavailable => tokio::time::sleep(Duration::from_millis(200)).await,
            Err(e) => panic!("{}", e.report()),
        }
    }
    panic!("another program has the chapter's port");
}

async fn says_hello(context: &ApplicationContext) {
    let service: ServiceRef = context.get("service").unwrap();
    assert_eq!(service.get_data("Hello".to_owned()).await.unwrap(), ANSWER);
    let text: String = context.proxy("service").unwrap().call("get_data", ("Hello",)).await.unwrap();
    assert_eq!(text, ANSWER);
}

fn python2(program: &str, args: &[&str]) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf();
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => root.join(dir),
        _ => root.join("target"),
    };
    let (python, pyro): (PathBuf, PathBuf) = (target.join("peers/python2"), target.join("peers/pyro3-3.16"));
    for peer in [&python, &pyro] {
        assert!(peer.exists(), "{} is missing: run `cargo xtask peers`", peer.display());
    }
    let mut command = Command::new(python);
    command
        .env("PYTHONPATH", pyro)
        .arg("-B")
        .arg(root.join("crates/springline-pyro/tests/peers/chapter").join(program));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn python_client(url: &'static str) -> String {
    let output = tokio::task::spawn_blocking(move || python2("client.py", &[url]).output().unwrap()).await.unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contexts_of_the_chapter() {
    // A simple service.
    let context = start(LOCAL).await;
    says_hello(&context).await;
    assert!(context.get::<ServiceRef>("service").unwrap().is_local());

    // Exported, and called through Pyro; the client's code is the same.
    let context = start(EXPORTED).await;
    says_hello(&context).await;
    assert!(!context.get::<ServiceRef>("service").unwrap().is_local());
    assert_eq!(python_client("PYROLOC://localhost:7766/ServiceName").await, format!("CLIENT: {ANSWER}\n"));
    context.shutdown(Duration::from_secs(1)).await;

    // Host and port overrides; the same with two files, and with Pyro 4's names.
    let overridden = format!("{}\n{CLIENT}", SERVER.replace("server.Service", "Service"));
    let context = start(&overridden).await;
    says_hello(&context).await;
    context.shutdown(Duration::from_secs(1)).await;
    let pyro4 = overridden
        .replace("PyroProxyFactory", "Pyro4ProxyFactory")
        .replace("PyroServiceExporter", "Pyro4ServiceExporter")
        .replace("PYROLOC://127.0.0.1:7000/ServiceName", "PYRO:ServiceName@127.0.0.1:7000");
    let context = start(&pyro4).await;
    says_hello(&context).await;
    context.shutdown(Duration::from_secs(1)).await;

    // server.xml here, the client in Python 2.
    let context = start(SERVER).await;
    assert_eq!(python_client("PYROLOC://127.0.0.1:7000/ServiceName").await, format!("CLIENT: {ANSWER}\n"));
    context.shutdown(Duration::from_secs(1)).await;

    // The server in Python 2, client.xml here.
    let context = start(CLIENT).await;
    let mut server = python2("server.py", &["127.0.0.1", "7000"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("SERVER: Exporting"), "{line}");
    says_hello(&context).await;
    drop(server.stdin.take());
    server.wait().unwrap();
    let e = context.proxy("service").unwrap().call::<String>("get_data", ("Hello",)).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unavailable, "{e}");
}
