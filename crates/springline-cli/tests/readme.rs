//! Every `springline` line of the README files and of the help texts works as it stands, against what it is said to go with.

mod support;

use std::path::Path;
use std::process::Command;

use springline::FnService;
use springline::hessian::server::HessianServiceExporter;
use springline::pyro::{Daemon, pyro3};
use springline::xmlrpc::http::HttpServer;
use springline::xmlrpc::server::XmlRpcServer;
use support::{Run, run, workspace};

/// The lines of shell blocks that begin with the program's name.
fn lines(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(workspace().join(file)).unwrap();
    let mut in_shell = false;
    let mut found = Vec::new();
    for line in text.lines() {
        match line {
            "```sh" => in_shell = true,
            "```" => in_shell = false,
            line if in_shell && line.starts_with("springline ") => found.push(line.to_owned()),
            _ => {}
        }
    }
    found
}

/// The quickstart's object, at free ports.
struct Quickstart {
    daemon: Option<Daemon>,
    daemon3: Option<pyro3::Daemon>,
    server: Option<HttpServer>,
    uri: String,
    uri3: String,
    url: String,
    runtime: tokio::runtime::Runtime,
}

impl Quickstart {
    fn serve() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let service = || {
            FnService::new("Service").method("get_data", ["param"], |(p,): (String,)| async move {
                Ok(format!("You got remote data => {p}"))
            })
        };
        let (daemon, daemon3, server) = runtime.block_on(async {
            let xmlrpc = XmlRpcServer::builder().register_service("", service()).handler().unwrap();
            let hessian = HessianServiceExporter::builder(service()).handler().unwrap();
            let server = HttpServer::builder().mount("/RPC2", xmlrpc).mount("/service", hessian);
            let address = "127.0.0.1:0".parse().unwrap();
            let (daemon, daemon3) = (Daemon::bind("127.0.0.1:0"), pyro3::Daemon::bind("127.0.0.1:0"));
            (daemon.await.unwrap(), daemon3.await.unwrap(), server.bind(&address).await.unwrap())
        });
        let uri = daemon.register("ServiceName", service()).unwrap().to_string();
        daemon3.register("ServiceName", service()).unwrap();
        let uri3 = format!("PYROLOC://{}/ServiceName", daemon3.address());
        let url = format!("http://{}/RPC2", server.local_address());
        Self { daemon: Some(daemon), daemon3: Some(daemon3), server: Some(server), uri, uri3, url, runtime }
    }
}

impl Drop for Quickstart {
    fn drop(&mut self) {
        let _guard = self.runtime.enter();
        drop((self.daemon.take(), self.daemon3.take(), self.server.take()));
    }
}

/// Runs a line as a shell does that finds the program.
fn shell(line: &str) -> Run {
    let directory = Path::new(env!("CARGO_BIN_EXE_springline")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([directory.to_path_buf()].into_iter().chain(std::env::split_paths(&path))).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", line]).env("PATH", path).env_remove("SPRINGLINE_HMAC_KEY").env_remove("RUST_LOG");
    Run::of(command.output().unwrap())
}

#[test]
fn shell_lines_work() {
    let quickstart = Quickstart::serve();
    for file in ["README.md", "crates/springline-cli/README.md"] {
        let lines = lines(file);
        assert!(lines.len() > 3, "{file} shows how to use the program");
        for line in lines {
            let (pyro, http) = ("PYRO:ServiceName@127.0.0.1:7766", "http://127.0.0.1:8000/RPC2");
            let pyro3 = "PYROLOC://127.0.0.1:7767/ServiceName";
            let hessian = "hessian+http://127.0.0.1:8000/service";
            assert!([pyro, pyro3, http, hessian].iter().any(|uri| line.contains(uri)), "{file}: {line}");
            // A slow machine may take its time.
            let here = line
                .replace(pyro, &quickstart.uri)
                .replace(pyro3, &quickstart.uri3)
                .replace(http, &quickstart.url)
                .replace("http://127.0.0.1:8000/service", &quickstart.url.replace("/RPC2", "/service"))
                .replace("500ms", "60s");
            let done = shell(&here);
            assert_eq!(done.code, 0, "{file}: {line}\n{}", done.err);
            assert!(!done.out.is_empty() && done.err.is_empty(), "{file}: {line}\n{}", done.err);
            if line.contains("get_data") && line.contains(" call ") {
                assert_eq!(done.out, "\"You got remote data => Hello\"\n", "{file}: {line}");
            }
        }
    }
}

#[test]
fn the_examples_of_the_help_are_understood() {
    for command in ["call", "get", "set", "methods", "ping"] {
        let help = run(&[command, "--help"]).out;
        let examples = help.split("Examples:").nth(1).expect(command);
        let lines: Vec<&str> = examples.lines().map(str::trim).filter(|l| l.starts_with("springline ")).collect();
        assert!(!lines.is_empty());
        for line in lines {
            // Nothing listens at port 1: what is understood ends with code 3, a wrong command line with code 2.
            let here = line
                .replace(":7766", ":1")
                .replace(":8000", ":1")
                .replace(":8080", ":1")
                .replace(":8443", ":1")
                .replace("/run/", "/nowhere/");
            let here = here.replace("--hmac-key-file key.txt", "").replace("> /dev/null && echo up", "");
            let certs = format!("{}/certs", workspace().display());
            let here = ["ca-chain", "client-cert", "client-key"]
                .iter()
                .fold(here, |line, name| line.replace(&format!(" {name}.pem"), &format!(" {certs}/{name}.pem")));
            let done = shell(&here);
            assert_eq!(done.code, 3, "{line}\n{}", done.err);
            assert!(done.err.starts_with("error: cannot connect"), "{line}\n{}", done.err);
        }
    }
}
