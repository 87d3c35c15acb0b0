//! `springline serve` and `springline check`: gateways between Python programs on both sides, and no line of Rust.

mod java;
mod large;
mod lifetimes;
mod streams;
#[path = "../support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use support::{program, python, run, workspace};

/// A program that runs beside the test, killed with it.
struct Beside {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    // Held open: peers end with it.
    input: Option<ChildStdin>,
}

impl Beside {
    fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let input = child.stdin.take();
        Self { child, lines, input }
    }

    fn line(&mut self) -> String {
        match self.lines.next() {
            Some(line) => line.unwrap(),
            None => panic!("it ended: {}", self.errors()),
        }
    }

    /// Makes a client that calls for each line make one call; what came of it.
    fn ask(&mut self) -> String {
        self.input.as_mut().unwrap().write_all(b"go\n").unwrap();
        self.line()
    }

    fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    // What it has said on stderr, once it ended.
    fn errors(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut errors) = self.child.stderr.take() {
            let _ = errors.read_to_string(&mut text);
        }
        text
    }

    fn ends(&mut self) -> i32 {
        self.child.wait().unwrap().code().expect("it ends by itself")
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let file = Self(std::env::temp_dir().join(format!("springline-serve-{}-{name}", std::process::id())));
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.0, text).unwrap();
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// `springline serve`, and where each exporter is.
struct Served {
    program: Beside,
    uris: Vec<(String, String)>,
}

fn serve(file: &File, options: &[&str]) -> Served {
    let mut program = Beside::start(program().args(["serve", file.path()]).args(options).current_dir(workspace()));
    let mut uris = Vec::new();
    loop {
        let line = program.line();
        if line == "ready" {
            return Served { program, uris };
        }
        let (id, uri) = line.split_once(' ').expect(&line);
        uris.push((id.to_owned(), uri.to_owned()));
    }
}

impl Served {
    fn uri(&self, id: &str) -> &str {
        &self.uris.iter().find(|(other, _)| other == id).expect(id).1
    }
}

/// Runs Python to its end; what it printed.
#[track_caller]
fn run_python(python: PathBuf, code: &str, args: &[&str]) -> String {
    let output = Command::new(python).args(["-c", code]).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn python2() -> PathBuf {
    let python = workspace().join("target/peers/python2");
    assert!(python.exists(), "{} is missing: run `cargo xtask peers`", python.display());
    python
}

fn serving_python(python: PathBuf, code: &str, args: &[&str]) -> (Beside, String) {
    let mut peer = Beside::start(Command::new(python).args(["-u", "-c", code]).args(args));
    let line = peer.line();
    (peer, line)
}

/// An XML-RPC server of CPython's, with and without introspection.
const XMLRPC_SERVER: &str = r#"
import sys, xmlrpc.server
class Quiet(xmlrpc.server.SimpleXMLRPCRequestHandler):
    def log_message(self, *args): pass
    def do_POST(self):
        self.server.ids.append(self.headers.get("X-Correlation-ID", ""))
        super().do_POST()
server = xmlrpc.server.SimpleXMLRPCServer(("127.0.0.1", int(sys.argv[1])), Quiet, allow_none=True)
server.ids = []
if sys.argv[2] == "open":
    server.register_introspection_functions()
def get_data(param): return "You got remote data => %s" % param
def fail(text): raise xmlrpc.client.Fault(42, text)
def echo(x): return x
def ids(): return server.ids
for f in (get_data, fail, echo, ids): server.register_function(f)
print("http://127.0.0.1:%d/RPC2" % server.server_address[1])
server.serve_forever()
"#;

/// An object of Pyro 4's.
const PYRO4_SERVER: &str = r#"
import Pyro4
class Broke(Exception): pass
@Pyro4.expose
class Service(object):
    def get_data(self, param): return "You got remote data => %s" % param
    def add(self, a, b): return a + b
    def fail(self, text): raise ValueError(text)
daemon = Pyro4.Daemon(host="127.0.0.1", port=0)
print(daemon.register(Service(), "ServiceName"))
daemon.requestLoop()
"#;

#[test]
fn pyro5_python_calls_an_xmlrpc_server() {
    for (introspection, methods) in [("open", ""), ("closed", "methods = ['get_data', 'echo', 'fail(text)', 'ids']")] {
        let (_server, url) = serving_python(python(), XMLRPC_SERVER, &["0", introspection]);
        let file = File::new(
            &format!("p5-{introspection}.toml"),
            &format!(
                "[objects.backend]\nclass = 'xmlrpc.SSLClient'\nuri = '{url}'\nallow_none = true\n{methods}\n\
                 [objects.gateway]\nclass = 'pyro5.ServiceExporter'\nservice_name = 'ServiceName'\n\
                 service_port = 0\nservice = {{ ref = 'backend' }}\n"
            ),
        );
        let served = serve(&file, &[]);
        let answer = run_python(
            python(),
            r#"
import sys, uuid, Pyro5.api, Pyro5.errors
Pyro5.api.current_context.correlation_id = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
with Pyro5.api.Proxy(sys.argv[1]) as service:
    print(service.get_data("Hello"))
    print(service.echo([1, 2.5, "x", None, {"k": [True]}]))
    try:
        service.fail("no")
    except Exception as e:
        print(type(e).__name__, e)
    print(sorted(service._pyroMethods))
    print(service.ids()[-1])
    try:
        service.nothing()
    except AttributeError as e:
        print("AttributeError")
"#,
            &[served.uri("gateway")],
        );
        let lines: Vec<&str> = answer.lines().collect();
        assert_eq!(lines[0], "You got remote data => Hello");
        assert_eq!(lines[1], "[1, 2.5, 'x', None, {'k': [True]}]");
        assert!(lines[2].contains("no"), "{answer}");
        assert_eq!(lines[3], "['echo', 'fail', 'get_data', 'ids']");
        assert_eq!(lines[4], "00112233-4455-6677-8899-aabbccddeeff");
        assert_eq!(lines[5], "AttributeError");
    }
}

#[test]
fn a_certificate_of_xmlrpc_opens_a_pyro4_object() {
    let (_server, uri) = serving_python(python(), PYRO4_SERVER, &[]);
    let file = File::new(
        "secure.xml",
        &format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<objects xmlns="http://www.springframework.org/springpython/schema/objects/1.1">
    <object id="backend" class="springpython.remoting.pyro.Pyro4ProxyFactory">
        <property name="service_url" value="{uri}"/>
    </object>
    <object id="gateway" class="springpython.remoting.xmlrpc.SSLServer">
        <constructor-arg value="localhost"/>
        <constructor-arg value="${{PORT:0}}"/>
        <constructor-arg value="certs/server-key.pem"/>
        <constructor-arg value="certs/server-cert.pem"/>
        <constructor-arg value="certs/ca-chain.pem"/>
        <property name="cert_reqs" value="ssl.CERT_REQUIRED"/>
        <property name="verify_fields"><dict>
            <entry><key><value>commonName</value></key><value>My Client</value></entry>
            <entry><key><value>organizationName</value></key><value>My Company</value></entry>
        </dict></property>
        <property name="service" ref="backend"/>
    </object>
</objects>"#
        ),
    );
    let served = serve(&file, &[]);
    let certs = workspace().join("certs");
    let client = r#"
import sys, ssl, xmlrpc.client
context = ssl.create_default_context(cafile=sys.argv[2] + "/ca-chain.pem")
if sys.argv[3] == "with":
    context.load_cert_chain(sys.argv[2] + "/client-cert.pem", sys.argv[2] + "/client-key.pem")
service = xmlrpc.client.ServerProxy(sys.argv[1], context=context)
try:
    print(service.get_data("Hello"), service.add(40, 2))
    print([m for m in service.system.listMethods() if not m.startswith("system.")])
    try:
        service.fail("no")
    except xmlrpc.client.Fault as e:
        print(e.faultString)
except OSError as e:
    print("refused")
"#;
    let certs = certs.to_str().unwrap();
    let answer = run_python(python(), client, &[served.uri("gateway"), certs, "with"]);
    let lines: Vec<&str> = answer.lines().collect();
    assert_eq!(lines[0], "You got remote data => Hello 42", "{answer}");
    assert_eq!(lines[1], "['add', 'fail', 'get_data']");
    assert!(lines[2].contains("ValueError") && lines[2].contains("no"), "{answer}");
    assert_eq!(run_python(python(), client, &[served.uri("gateway"), certs, "without"]), "refused");
}

#[test]
fn python2_calls_a_pyro4_object_by_pyro3() {
    let (_server, uri) = serving_python(python(), PYRO4_SERVER, &[]);
    let file = File::new(
        "p3.toml",
        &format!(
            "[objects.backend]\nclass = 'pyro4.ProxyFactory'\nservice_url = '{uri}'\n\
             [objects.gateway]\nclass = 'pyro.ServiceExporter'\nservice_name = 'ServiceName'\nservice_host = '127.0.0.1'\n\
             service_port = 0\nservice = {{ ref = 'backend' }}\n"
        ),
    );
    let served = serve(&file, &[]);
    let pyro3 = workspace().join("target/peers/pyro3-3.16");
    let output = Command::new(python2())
        .env("PYTHONPATH", &pyro3)
        .args([
            "-c",
            "import sys, Pyro.core\nPyro.core.initClient(0)\nservice = Pyro.core.getProxyForURI(sys.argv[1])\n\
             print service.get_data('Hello')\n\
             try:\n    service.fail('no')\nexcept ValueError, e:\n    print 'ValueError', e",
            served.uri("gateway"),
        ])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text, "You got remote data => Hello\nValueError no\n", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_backend_that_comes_late_and_goes_and_comes_back() {
    let (server, url) = serving_python(python(), XMLRPC_SERVER, &["0", "open"]);
    let port = url.rsplit(':').next().unwrap().trim_end_matches("/RPC2").to_owned();
    drop(server);
    let file = File::new(
        "late.toml",
        &format!(
            "[objects.backend]\nclass = 'xmlrpc.SSLClient'\nuri = '{url}'\n\
             [objects.gateway]\nclass = 'pyro4.ServiceExporter'\nservice_name = 'x'\nservice_port = 0\nservice = {{ ref = 'backend' }}\n"
        ),
    );
    // It starts without its backend.
    let served = serve(&file, &[]);
    let client = r#"
import sys, Pyro5.api, Pyro5.errors
service = Pyro5.api.Proxy(sys.argv[1])
def call():
    try:
        return service.get_data("Hello")
    except Pyro5.errors.CommunicationError as e:
        return "down"
    except ConnectionError as e:
        return "down"
for line in sys.stdin:
    print(call(), flush=True)
"#;
    let mut client = Beside::start(Command::new(python()).args(["-u", "-c", client, served.uri("gateway")]));
    assert_eq!(client.ask(), "down");
    let (server, _) = serving_python(python(), XMLRPC_SERVER, &[&port, "open"]);
    assert_eq!(client.ask(), "You got remote data => Hello");
    drop(server);
    assert_eq!(client.ask(), "down");
    let (_server, _) = serving_python(python(), XMLRPC_SERVER, &[&port, "open"]);
    assert_eq!(client.ask(), "You got remote data => Hello");
}

/// Two servers, a gateway that is moved from one to the other and back while callers call without a pause.
#[test]
fn a_reload_under_load_fails_no_call() {
    let named = |name: &str| XMLRPC_SERVER.replace("You got remote data => %s\" % param", &format!("{name}\""));
    let (_one, first) = serving_python(python(), &named("one"), &["0", "open"]);
    let (_two, second) = serving_python(python(), &named("two"), &["0", "open"]);
    let text = |url: &str, name: &str| {
        format!(
            "[objects.backend]\nclass = 'xmlrpc.SSLClient'\nuri = '{url}'\n\
             [objects.gateway]\nclass = 'pyro5.ServiceExporter'\nservice_name = 'x'\nservice_port = 0\nservice = {{ ref = 'backend' }}\n\
             [objects.other]\nclass = 'pyro5.ServiceExporter'\nservice_name = '{name}'\nservice_port = 0\nservice = {{ ref = 'backend' }}\n"
        )
    };
    let file = File::new("reload.toml", &text(&first, "a"));
    let mut served = serve(&file, &[]);
    let client = r#"
import sys, Pyro5.api
service = Pyro5.api.Proxy(sys.argv[1])
print(service.get_data("x"))
last, changes, calls = "one", 0, 0
while changes < 4:
    now = service.get_data("x")
    calls += 1
    if now != last:
        last = now
        changes += 1
        print(now, flush=True)
print(calls)
"#;
    let mut client = Beside::start(Command::new(python()).args(["-u", "-c", client, served.uri("gateway")]));
    assert_eq!(client.line(), "one");
    for (url, name, answer) in
        [(&second, "b", "two"), (&first, "b", "one"), (&second, "c", "two"), (&first, "a", "one")]
    {
        file.write(&text(url, name));
        served.program.signal("HUP");
        assert_eq!(client.line(), answer);
    }
    let calls: u32 = client.line().parse().unwrap();
    assert!(calls > 4);
    // A file with a mistake changes nothing.
    file.write("[objects.backend]\nclass = 'No'\n");
    served.program.signal("HUP");
    served.program.signal("TERM");
    assert_eq!(served.program.ends(), 0);
    let errors = served.program.errors();
    assert_eq!(errors.matches("reloaded: 0 added, ").count(), 4, "{errors}");
}

#[test]
fn a_stop_waits_for_calls() {
    for signal in ["INT", "TERM"] {
        a_stop_by(signal);
    }
}

fn a_stop_by(signal: &str) {
    let slow = XMLRPC_SERVER.replace("return \"You", "import time; time.sleep(0.5); return \"You");
    let (_server, url) = serving_python(python(), &slow, &["0", "open"]);
    let file = File::new(
        &format!("drain-{signal}.toml"),
        &format!(
            "[objects.backend]\nclass = 'xmlrpc.SSLClient'\nuri = '{url}'\n\
             [objects.gateway]\nclass = 'xmlrpc.SSLServer'\nport = 0\nservice = {{ ref = 'backend' }}\n"
        ),
    );
    let mut served = serve(&file, &["--drain", "20"]);
    let client = "import sys, xmlrpc.client\nprint('called', flush=True)\nprint(xmlrpc.client.ServerProxy(sys.argv[1]).get_data('Hello'))";
    let mut client = Beside::start(Command::new(python()).args(["-u", "-c", client, served.uri("gateway")]));
    assert_eq!(client.line(), "called");
    // Until the call is there; the server then takes its time over it.
    std::thread::sleep(Duration::from_millis(250));
    let begun = Instant::now();
    served.program.signal(signal);
    assert_eq!(client.line(), "You got remote data => Hello");
    assert_eq!(served.program.ends(), 0);
    println!("drained in {:?}", begun.elapsed());
}

#[test]
fn several_on_one_port() {
    let (_server, url) = serving_python(python(), XMLRPC_SERVER, &["0", "open"]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = File::new(
        "ten.toml",
        &format!(
            "[objects.backend]\nclass = 'xmlrpc.SSLClient'\nuri = '{url}'\n\
             [objects.exporter]\nclass = 'pyro5.ServiceExporter'\ncount = 10\nservice_name = 'ServiceName'\n\
             service_host = '127.0.0.1'\nservice_port = {port}\nservice = {{ ref = 'backend' }}\n\
             [objects.replica]\nclass = 'pyro5.ProxyFactory'\ncount = 10\nservice_url = 'PYRO:ServiceName%s@127.0.0.1:{port}'\n\
             [objects.pool]\nclass = 'HighAvailabilityService'\nservice_pool = {{ ref = 'replica' }}\n\
             [objects.web]\nclass = 'xmlrpc.SSLServer'\nhost = '127.0.0.1'\nport = 0\nservice = {{ ref = 'pool' }}\n"
        ),
    );
    let served = serve(&file, &[]);
    assert_eq!(served.uri("exporter9"), format!("PYRO:ServiceName9@127.0.0.1:{port}"));
    for _ in 0..12 {
        run(&["call", served.uri("web"), "get_data", "Hello"]).prints("\"You got remote data => Hello\"");
    }
}

#[test]
fn what_is_wrong_is_told() {
    let file = File::new(
        "wrong.xml",
        "<objects>\n<object id='x' class='pyro.ProxyFactory'><property name='service_url' value='http://x'/></object>\n<object id='y' class='pyro.ProxyFactry'/></objects>",
    );
    for command in ["check", "serve"] {
        let outcome = run(&[command, file.path()]);
        assert_eq!((outcome.code, &*outcome.out), (2, ""));
        let lines: Vec<&str> = outcome.err.lines().collect();
        let place = format!("{}:2:78: expected a URI of Pyro 3", file.path());
        assert!(lines[0].starts_with(&place), "{}", outcome.err);
        assert!(
            lines[1].ends_with(":3:23: unknown class 'pyro.ProxyFactry' (did you mean 'pyro.ProxyFactory'?)"),
            "{}",
            outcome.err
        );
        assert_eq!(lines[2], "error: 2 mistakes");
    }
    let good = File::new(
        "good.xml",
        "<objects><object id='x' class='pyro.ProxyFactory'><property name='service_url' value='PYROLOC://localhost:7766/ServiceName'/></object></objects>",
    );
    run(&["check", good.path()]).prints("ok: 1 objects");
    run(&["serve", "--check", good.path()]).prints("ok: 1 objects");
    run(&["check", "--schema"]).prints_part("springpython.remoting.pyro.PyroServiceExporter");
    // Two that want the same name in the same place, or the same path: both places are told, and nothing is started.
    let file = File::new(
        "same.toml",
        "[objects.s]\nclass = 'xmlrpc.SSLClient'\nuri = 'http://localhost:1'\n\
         [objects.a]\nclass = 'pyro5.ServiceExporter'\nservice_name = 'x'\nservice_port = 7123\nservice = { ref = 's' }\n\
         [objects.b]\nclass = 'pyro4.ServiceExporter'\nservice_name = 'x'\nservice_port = 7123\nservice = { ref = 's' }\n\
         [objects.c]\nclass = 'hessian.ServiceExporter'\npath = '/RPC2'\nport = 7124\nservice = { ref = 's' }\n\
         [objects.d]\nclass = 'xmlrpc.SSLServer'\nport = 7124\nservice = { ref = 's' }\n",
    );
    let place = |line: u32| format!("{}:{line}:10", file.path());
    let wanted = [
        format!("{}: the exporter 'b' claims PYRO:x@localhost:7123, which 'a' has already, at {}", place(9), place(4)),
        format!(
            "{}: the exporter 'd' claims the path /RPC2 of localhost:7124, which 'c' has already, at {}",
            place(19),
            place(14)
        ),
    ];
    for command in ["check", "serve"] {
        let outcome = run(&[command, file.path()]);
        assert_eq!((outcome.code, &*outcome.out), (2, ""));
        let lines: Vec<&str> = outcome.err.lines().collect();
        assert_eq!(lines[..2], [&*wanted[0], &*wanted[1]], "{}", outcome.err);
    }
    // A port that is taken: the object is named, and what ran before it is stopped.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let file = File::new(
        "taken.toml",
        &format!(
            "[objects.s]\nclass = 'xmlrpc.SSLClient'\nuri = 'http://localhost:1'\n[objects.e]\nclass = 'pyro5.ServiceExporter'\nservice_name = 'x'\nservice_host = '127.0.0.1'\nservice_port = {port}\nservice = {{ ref = 's' }}\n"
        ),
    );
    run(&["serve", file.path()]).fails(3, &["taken.toml:4:10: the object 'e' could not be started", "cannot listen"]);
}
