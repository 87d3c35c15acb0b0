//! Spring Python's exporters and proxy factories, and the programs of its manual on Python 2 on the other side.

#[path = "support/pyro3.rs"]
mod peer;
#[path = "support/python.rs"]
mod python;

use std::net::TcpListener;
use std::process::Output;
use std::sync::Arc;

use peer::{PATIENCE, command};
use springline_core::{ErrorKind, Result};
use springline_macros::remote;
use springline_pyro::{
    Daemon, Pyro4ProxyFactory, Pyro4ServiceExporter, PyroDaemonHolder, PyroProxyFactory, PyroServiceExporter, pyro3,
};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

#[remote(crate = "springline_core")]
trait Service {
    async fn get_data(&self, param: &str) -> Result<String>;
}

/// The manual's service; its first word tells two of them apart.
struct RemoteService(&'static str);

impl Service for RemoteService {
    async fn get_data(&self, param: &str) -> Result<String> {
        Ok(format!("{} got remote data => {param}", self.0))
    }
}

const ANSWER: &str = "You got remote data => Hello";

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn finished(mut command: Command) -> Output {
    let child = command.spawn().unwrap();
    timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap()
}

/// What the manual's client prints.
async fn client(url: &str) -> String {
    let output = finished(command("3.16", "chapter/client.py", &[url])).await;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { String::from_utf8(output.stdout).unwrap() } else { errors }
}

fn exporter(name: &str, word: &'static str, port: u16) -> PyroServiceExporter {
    let mut exporter = PyroServiceExporter::new(name, ServiceServer::new(RemoteService(word)));
    exporter.service_host = "127.0.0.1".to_owned();
    exporter.service_port = port;
    exporter
}

#[test]
fn defaults_are_those_of_the_original() {
    let exporter = PyroServiceExporter::default();
    assert_eq!((&*exporter.service_name, &*exporter.service_host, exporter.service_port), ("", "localhost", 7766));
    let exporter = Pyro4ServiceExporter::default();
    assert_eq!((&*exporter.service_name, &*exporter.service_host, exporter.service_port), ("", "localhost", 7766));
    assert!(exporter.service.is_none() && exporter.service_url().is_none());
    assert_eq!(PyroProxyFactory::default().service_url, "");
    assert_eq!(Pyro4ProxyFactory::default().service_url, "");
}

// "Splitting up the client and the server" and "Hostname/Port overrides": the server in Python, the client in Rust.
#[tokio::test]
async fn the_manuals_server_in_python() {
    for host in ["127.0.0.1", "localhost"] {
        let port = free_port().to_string();
        let mut server = command("3.16", "chapter/server.py", &[host, &port]).spawn().unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap_or_default();
        assert_eq!(line, format!("SERVER: Exporting ServiceName as a Pyro service at {host}:{port}"));
        let url = format!("PYROLOC://{host}:{port}/ServiceName");
        // Python's own client, for a start.
        assert_eq!(client(&url).await, format!("CLIENT: {ANSWER}\n"));
        let mut factory = PyroProxyFactory::default();
        factory.service_url = url;
        assert_eq!(factory.call::<String>("get_data", ("Hello",)).await.unwrap(), ANSWER);
        let service = ServiceRef::remote(factory);
        assert_eq!(service.get_data("Hello").await.unwrap(), ANSWER);
        drop(server.stdin.take());
        timeout(PATIENCE, server.wait()).await.unwrap().unwrap();
        assert_eq!(service.get_data("Hello").await.unwrap_err().kind(), ErrorKind::Unavailable);
    }
}

// The same with the server in Rust and the client in Python.
#[tokio::test]
async fn the_manuals_client_in_python() {
    for host in ["127.0.0.1", "localhost"] {
        let mut service_exporter = PyroServiceExporter::default();
        service_exporter.service_name = "ServiceName".to_owned();
        service_exporter.service = Some(Arc::new(ServiceServer::new(RemoteService("You"))));
        service_exporter.service_host = host.to_owned();
        service_exporter.service_port = free_port();
        service_exporter.after_properties_set().await.unwrap();
        let url = format!("PYROLOC://{host}:{}/ServiceName", service_exporter.service_port);
        assert_eq!(service_exporter.service_url(), Some(&*url));
        assert_eq!(client(&url).await, format!("CLIENT: {ANSWER}\n"));
        assert_eq!(ServiceRef::remote(PyroProxyFactory::new(&url)).get_data("Hello").await.unwrap(), ANSWER);
    }
}

#[tokio::test]
async fn exporters_of_one_port_share_a_daemon() {
    let port = free_port();
    let (mut one, mut two) = (exporter("one", "One", port), exporter("two", "Two", port));
    one.after_properties_set().await.unwrap();
    two.after_properties_set().await.unwrap();
    let (url_one, url_two) = (one.service_url().unwrap().to_owned(), two.service_url().unwrap().to_owned());
    assert_eq!(client(&url_one).await, "CLIENT: One got remote data => Hello\n");
    assert_eq!(client(&url_two).await, "CLIENT: Two got remote data => Hello\n");
    // A name can be had once; who has it may take it again, with another service.
    let mut third = exporter("one", "Third", port);
    assert_eq!(third.after_properties_set().await.unwrap_err().kind(), ErrorKind::Name);
    one.service = third.service.clone();
    one.after_properties_set().await.unwrap();
    assert_eq!(client(&url_one).await, "CLIENT: Third got remote data => Hello\n");

    one.destroy().await;
    assert_eq!(one.service_url(), None);
    assert!(client(&url_one).await.contains("NamingError"));
    assert_eq!(client(&url_two).await, "CLIENT: Two got remote data => Hello\n");
    assert_eq!(TcpListener::bind(("127.0.0.1", port)).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    two.destroy().await;
    drop(TcpListener::bind(("127.0.0.1", port)).expect("the port is free"));
    // And it can be taken again.
    two.after_properties_set().await.unwrap();
    assert_eq!(client(&url_two).await, "CLIENT: Two got remote data => Hello\n");
    drop(two);
    let freed = async {
        while TcpListener::bind(("127.0.0.1", port)).is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, freed).await.unwrap();
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let mut exporter = PyroServiceExporter::default();
    let e = exporter.after_properties_set().await.unwrap_err();
    assert!(e.kind() == ErrorKind::Config && e.to_string().contains("service_name"), "{e}");
    exporter.service_name = "ServiceName".to_owned();
    let e = exporter.after_properties_set().await.unwrap_err();
    assert!(e.kind() == ErrorKind::Config && e.to_string().contains("no service"), "{e}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    exporter = self::exporter("x", "X", taken.local_addr().unwrap().port());
    assert_eq!(exporter.after_properties_set().await.unwrap_err().kind(), ErrorKind::Unavailable);
    let e = PyroProxyFactory::new("PYRO:x@h:1").call::<String>("f", ()).await.unwrap_err();
    assert!(e.kind() == ErrorKind::Name && e.to_string().contains("service_url"), "{e}");
}

#[tokio::test]
async fn pyro4_clients_call_an_exported_service_and_the_other_way_round() {
    let mut exporter = Pyro4ServiceExporter::new("ServiceName", ServiceServer::new(RemoteService("You")));
    exporter.service_port = free_port();
    exporter.after_properties_set().await.unwrap();
    let url = format!("PYRO:ServiceName@localhost:{}", exporter.service_port);
    assert_eq!(exporter.service_url(), Some(&*url));
    for module in ["Pyro4", "Pyro5.api"] {
        let mut program = Command::new(python::python());
        let text = format!("import {module} as p\nprint(p.Proxy({url:?}).get_data('Hello'))");
        program.args(["-B", "-c", &text]).kill_on_drop(true).stdout(std::process::Stdio::piped());
        assert_eq!(String::from_utf8_lossy(&finished(program).await.stdout), format!("{ANSWER}\n"), "{module}");
    }
    let mut server = Command::new(python::python());
    server.arg("-B").arg(python::programs().join("server.py")).args(["--gen", "4"]).kill_on_drop(true);
    let mut server = server.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap_or_default();
    let ready: serde_json::Value = serde_json::from_str(line.strip_prefix("READY ").unwrap()).unwrap();
    let service = ServiceRef::remote(Pyro4ProxyFactory::new(ready["uri"].as_str().unwrap()));
    assert_eq!(service.get_data("Hello").await.unwrap(), ANSWER);
}

// An exporter whose service is a factory is a gateway, from one generation to the other.
#[tokio::test]
async fn a_gateway_is_two_of_them() {
    let holder = PyroDaemonHolder::new(pyro3::Daemon::builder().identifications(["secret"]), Daemon::builder());
    let mut inner = Pyro4ServiceExporter::new("inner", ServiceServer::new(RemoteService("You")));
    inner.service_port = 0;
    inner.after_properties_set().await.unwrap();
    let mut outer = PyroServiceExporter::new("outer", Pyro4ProxyFactory::new(inner.service_url().unwrap()));
    (outer.service_port, outer.holder) = (0, holder);
    outer.after_properties_set().await.unwrap();
    let url = outer.service_url().unwrap();
    let proxy = pyro3::Proxy::builder(url).unwrap().identification("secret").build().unwrap();
    assert_eq!(ServiceRef::remote(proxy).get_data("Hello").await.unwrap(), ANSWER);
    // The holder's daemons have its settings.
    let e = PyroProxyFactory::new(url).call::<String>("get_data", ("x",)).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Denied);
    assert!(client(url).await.contains("ConnectionDeniedError"));
}

#[test]
fn a_daemon_whose_runtime_is_gone_is_not_taken_for_one() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let port = free_port();
    let mut left = exporter("left", "Left", port);
    let first = runtime();
    first.block_on(left.after_properties_set()).unwrap();
    drop(first);
    let mut mine = exporter("mine", "Mine", port);
    runtime().block_on(async {
        mine.after_properties_set().await.unwrap();
        let proxy = PyroProxyFactory::new(mine.service_url().unwrap());
        assert_eq!(proxy.call::<String>("get_data", ("x",)).await.unwrap(), "Mine got remote data => x");
        mine.destroy().await;
    });
    assert!(left.service_url().is_some());
}
