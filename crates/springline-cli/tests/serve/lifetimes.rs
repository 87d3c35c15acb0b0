//! What happens to calls when their time is up, and to gateways that come and go.

use std::io::{BufRead, BufReader};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use springline::FnService;
use springline::pyro::Daemon;

use crate::support::python;
use crate::{Beside, File, XMLRPC_SERVER, run_python, serve, serving_python};

/// Counts the calls that are not done yet.
struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The time that a gateway gives its callers ends the call behind it as well, and CPython is told so.
#[test]
fn a_deadline_ends_the_call_behind_the_gateway() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (begun, running) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let daemon = runtime.block_on(Daemon::bind("127.0.0.1:0")).unwrap();
    let counts = (begun.clone(), running.clone());
    let service = FnService::new("slow").method("get_data", ["param"], move |(param,): (String,)| {
        counts.0.fetch_add(1, Ordering::SeqCst);
        counts.1.fetch_add(1, Ordering::SeqCst);
        let running = Running(counts.1.clone());
        async move {
            let _running = running;
            tokio::time::sleep(Duration::from_secs(600)).await;
            Ok(param)
        }
    });
    let uri = daemon.register("slow", service).unwrap();
    for exporter in [
        "class = 'xmlrpc.SSLServer'\nport = 0\ndeadline = 0.2",
        // Two gateways: what is left of the time goes on from the one to the other.
        "class = 'xmlrpc.SSLServer'\nport = 0\ndeadline = 0.2\nservice = { ref = 'far' }\n\
         [objects.far]\nclass = 'hessian.ProxyFactory'\nservice_url = 'http://localhost:${PORT}/far'\n\
         [objects.between]\nclass = 'hessian.ServiceExporter'\nport = '${PORT}'\npath = '/far'",
    ] {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let file = File::new(
            "deadline.toml",
            &format!(
                "[objects.backend]\nclass = 'pyro5.ProxyFactory'\nservice_url = '{uri}'\n\
                 [objects.gateway]\n{exporter}\nservice = {{ ref = 'backend' }}\n"
            )
            .replace("${PORT}", &port.to_string()),
        );
        let served = serve(&file, &[]);
        let before = begun.load(Ordering::SeqCst);
        let answer = run_python(
            python(),
            "import sys, xmlrpc.client\ntry:\n    print(xmlrpc.client.ServerProxy(sys.argv[1]).get_data('Hello'))\n\
             except xmlrpc.client.Fault as e:\n    print(e.faultString)",
            &[served.uri("gateway")],
        );
        assert!(answer.contains("the method took too long"), "{answer}");
        assert_eq!(begun.load(Ordering::SeqCst), before + 1);
        let until = Instant::now() + Duration::from_secs(60);
        while running.load(Ordering::SeqCst) > 0 {
            assert!(Instant::now() < until, "the call behind the gateway goes on");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A gateway between two others is killed while it is used, and started again.
#[test]
fn a_gateway_that_is_killed_and_comes_back() {
    let (_server, url) = serving_python(python(), XMLRPC_SERVER, &["0", "open"]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let between = File::new(
        "between.toml",
        &format!(
            "[objects.backend]\nclass = 'xmlrpc.SSLClient'\nuri = '{url}'\n\
             [objects.gateway]\nclass = 'pyro5.ServiceExporter'\nservice_name = 'x'\nservice_host = '127.0.0.1'\n\
             service_port = {port}\nservice = {{ ref = 'backend' }}\n"
        ),
    );
    let front = File::new(
        "front.toml",
        &format!(
            "[objects.backend]\nclass = 'pyro5.ProxyFactory'\nservice_url = 'PYRO:x@127.0.0.1:{port}'\n\
             [objects.gateway]\nclass = 'xmlrpc.SSLServer'\nport = 0\nservice = {{ ref = 'backend' }}\n"
        ),
    );
    let served = serve(&front, &[]);
    let client = "import sys, xmlrpc.client\nservice = xmlrpc.client.ServerProxy(sys.argv[1])\nfor line in sys.stdin:\n    \
                  try:\n        print(service.get_data('Hello'), flush=True)\n    except xmlrpc.client.Fault as e:\n        \
                  print(e.faultString, flush=True)";
    let mut client = Beside::start(Command::new(python()).args(["-u", "-c", client, served.uri("gateway")]));
    assert_eq!(client.ask(), "the service behind this one cannot be reached", "it starts without what is behind it");
    for _ in 0..2 {
        let running = serve(&between, &[]);
        assert_eq!(client.ask(), "You got remote data => Hello");
        assert_eq!(client.ask(), "You got remote data => Hello");
        // Killed, not asked to stop.
        drop(running);
        assert_eq!(client.ask(), "the service behind this one cannot be reached");
    }
    let _running = serve(&between, &[]);
    assert_eq!(client.ask(), "You got remote data => Hello");
}

/// Tells the port that a call came from, and so which connection.
const PORT_SERVER: &str = r#"
import sys, threading, Pyro5.api
@Pyro5.api.expose
class Ports:
    def caller(self):
        return Pyro5.api.current_context.client_sock_addr[1]
daemon = Pyro5.api.Daemon(host="127.0.0.1")
print(daemon.register(Ports, "ports"), flush=True)
threading.Thread(target=daemon.requestLoop, daemon=True).start()
sys.stdin.read()
"#;

/// A reload leaves the connections of objects that did not change alone, on both sides of a gateway; those of a changed
/// proxy are new ones.
#[test]
fn a_reload_keeps_the_connections_of_what_did_not_change() {
    let (_backend, uri) = serving_python(python(), PORT_SERVER, &[]);
    let text = |other: &str, timeout: u32| {
        format!(
            "[objects.backend]\nclass = 'pyro5.ProxyFactory'\nservice_url = '{uri}'\ntimeout = {timeout}\n\
             [objects.gateway]\nclass = 'pyro5.ServiceExporter'\nservice_name = 'x'\nservice_port = 0\n\
             service = {{ ref = 'backend' }}\n\
             [objects.other]\nclass = 'pyro5.ServiceExporter'\nservice_name = '{other}'\nservice_port = 0\n\
             service = {{ ref = 'backend' }}\n"
        )
    };
    let file = File::new("kept.toml", &text("a", 60));
    let mut served = serve(&file, &[]);
    // Its proxy raises ConnectionClosedError when its connection ends.
    let client = "import sys, Pyro5.api\nports = Pyro5.api.Proxy(sys.argv[1])\nprint(ports.caller())\n\
                  for _ in sys.stdin:\n    print(ports.caller())\n";
    let mut client = Beside::start(Command::new(python()).args(["-u", "-c", client, served.uri("gateway")]));
    let first = client.line();
    let mut said = BufReader::new(served.program.child.stderr.take().unwrap()).lines();
    for (other, timeout, kept) in [("b", 60, true), ("c", 60, true), ("c", 61, false)] {
        file.write(&text(other, timeout));
        served.program.signal("HUP");
        assert!(said.any(|line| line.unwrap().contains("reloaded: 0 added, 1 changed")));
        assert_eq!(client.ask() == first, kept, "{other} {timeout}");
    }
}
