//! Gateways with Java on one side: Caucho's Hessian 4.0.38.

use std::process::Command;

use crate::support::{python, workspace};
use crate::{Beside, File, python2, run_python, serve};

/// Where Debian's libhessian-java has it.
const HESSIAN: &str = "/usr/share/java/hessian.jar";

pub(crate) fn java(program: &str) -> Command {
    let jar = workspace().join("target/peers/hessian/peers.jar");
    for file in [jar.as_path(), HESSIAN.as_ref()] {
        assert!(file.exists(), "{} is missing: run `cargo xtask peers`", file.display());
    }
    let mut command = Command::new("java");
    command.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dsun.net.httpserver.nodelay=true"]);
    for package in ["java.lang", "java.math", "java.util"] {
        command.arg("--add-opens").arg(format!("java.base/{package}=ALL-UNNAMED"));
    }
    command.arg("-cp").arg(format!("{}:{HESSIAN}", jar.display())).arg(program);
    command
}

#[test]
fn pyro5_python_calls_a_java_service() {
    let mut server = Beside::start(&mut java("peer.Server"));
    let line = server.line();
    let ready: serde_json::Value = serde_json::from_str(line.strip_prefix("READY ").expect(&line)).unwrap();
    let base = ready["base"].as_str().unwrap();
    let file = File::new(
        "java.xml",
        &format!(
            r#"<objects xmlns="http://www.springframework.org/springpython/schema/objects/1.1">
    <object id="personService" class="springpython.remoting.hessian.HessianProxyFactory">
        <property name="service_url"><value>{base}/thing</value></property>
        <property name="objects_as_maps" value="True"/>
        <property name="methods"><list><value>transform(line)</value><value>getData(param)</value>
            <value>add(a, b)</value><value>fail(kind, text)</value></list></property>
    </object>
    <object id="gateway" class="springpython.remoting.pyro.Pyro5ServiceExporter">
        <property name="service_name" value="personService"/>
        <property name="service" ref="personService"/>
        <property name="service_port" value="0"/>
    </object>
</objects>"#
        ),
    );
    let served = serve(&file, &[]);
    let answer = run_python(
        python(),
        r#"
import sys, Pyro5.api
with Pyro5.api.Proxy(sys.argv[1]) as service:
    person = service.transform("Ada Lovelace a,b,c")
    print(person["firstName"], person["lastName"], person["age"], list(person["attributes"]))
    print(service.getData("Hello"), service.add(40, 2))
    try:
        service.fail("illegal", "no")
    except Exception as e:
        print(type(e).__name__, e)
"#,
        &[served.uri("gateway")],
    );
    let lines: Vec<&str> = answer.lines().collect();
    assert_eq!(lines[0], "Ada Lovelace 42 ['a', 'b', 'c']", "{answer}");
    assert_eq!(lines[1], "You got remote data => Hello 42");
    assert!(lines[2].contains("no"), "{answer}");
}

#[test]
fn java_calls_a_pyro3_object_on_python2() {
    let server = "import sys, Pyro.core
class Thing(Pyro.core.ObjBase):
    def getData(self, param): return 'You got remote data => %s' % param
    def bigText(self, n): return ('The quick brown fox. ' * (n // 21 + 1))[:n]
    def nothing(self): return None
Pyro.core.initServer(banner=0)
daemon = Pyro.core.Daemon(host='127.0.0.1', port=0)
daemon.connect(Thing(), 'thing')
print 'PYROLOC://127.0.0.1:%d/thing' % daemon.port
sys.stdout.flush()
daemon.requestLoop()";
    let pyro3 = workspace().join("target/peers/pyro3-3.16");
    let mut server = Beside::start(
        Command::new(python2())
            .env("PYTHONPATH", pyro3)
            .env("PYRO_STORAGE", std::env::temp_dir())
            .args(["-u", "-c", server]),
    );
    let uri = server.line();
    let file = File::new(
        "pyro3.toml",
        &format!(
            "[objects.backend]\nclass = 'pyro.ProxyFactory'\nservice_url = '{uri}'\n\
             [objects.gateway]\nclass = 'hessian.ServiceExporter'\nhost = '127.0.0.1'\nport = 0\npath = '/thing'\n\
             service = {{ ref = 'backend' }}\n"
        ),
    );
    let served = serve(&file, &[]);
    let url = served.uri("gateway");
    for dialect in ["h1", "mixed", "h2"] {
        let output = java("peer.Client")
            .args(["--url", url, "--auth", url, "--raw", url, "--dialect", dialect])
            .args(["--feature", "get_data", "--feature", "nothing"])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<serde_json::Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        assert!(
            output.status.success() && !lines.is_empty(),
            "{dialect}: {text} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(lines.iter().any(|line| line["feature"] == "get_data" && line["ok"] == true), "{dialect}: {text}");
    }
}
