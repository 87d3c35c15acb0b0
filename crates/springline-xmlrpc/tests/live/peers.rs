//! The peers' processes.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::programs;
use crate::table::{Peer, Way};

/// How long a peer may take to start, on a machine that is busy with something else.
const START: Duration = Duration::from_secs(120);
/// How long one line of a client may take to come.
const LINE: Duration = Duration::from_secs(180);

/// A directory for certificates, sockets and what the peers write to their error output. Its path is short, as sockets
/// need it.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("springline-xmlrpc-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        let scratch = Self(dir);
        let made = std::process::Command::new(programs::python3())
            .arg("-B")
            .args([programs::programs().join("certs.py"), scratch.certs()])
            .output()
            .expect("python starts");
        assert!(made.status.success(), "certs.py: {}", String::from_utf8_lossy(&made.stderr));
        scratch
    }

    /// What `certs.py` made.
    pub(crate) fn certs(&self) -> PathBuf {
        self.0.join("certs")
    }

    /// A file among the certificates.
    pub(crate) fn cert(&self, name: &str) -> PathBuf {
        self.certs().join(name)
    }

    /// A path that nobody else has.
    pub(crate) fn path(&self, what: &str) -> PathBuf {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        self.0.join(format!("{what}{}", NEXT.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn command(peer: Peer, role: &str, errors: &Path) -> Command {
    let errors = std::fs::File::create(errors).unwrap_or_else(|e| panic!("{}: {e}", errors.display()));
    let mut command = match peer {
        Peer::C => Command::new(programs::c_program(role)),
        Peer::Python3 => Command::new(programs::python3()),
        Peer::Python2 => Command::new(programs::python2()),
    };
    match peer {
        Peer::C => command.arg("--values").arg(programs::programs().join("values.tsv")),
        _ => command.arg("-B").arg(programs::programs().join(format!("{role}.py"))),
    };
    // What a machine has of proxies is not for peers on it.
    for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors).kill_on_drop(true);
    command
}

/// A running server that says `READY` and a JSON object, and ends when its stdin does.
pub(crate) struct Server {
    pub(crate) ready: Ready,
    child: Child,
    stdin: Option<ChildStdin>,
}

/// What it says of itself. xmlrpc-c's has one address and no more.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ready {
    /// At HTTP/1.1.
    pub(crate) url: String,
    /// At HTTP/1.0.
    pub(crate) http10: Option<String>,
    /// Without nil.
    pub(crate) strict: Option<String>,
    /// For one user only.
    pub(crate) auth: Option<String>,
    /// At a Unix socket.
    pub(crate) unix: Option<String>,
    /// CPython's version.
    pub(crate) python: Option<String>,
    /// xmlrpc-c's.
    pub(crate) version: Option<String>,
}

impl Server {
    pub(crate) async fn start(scratch: &Scratch, peer: Peer, way: Way) -> Self {
        let errors = scratch.path("server");
        let mut command = command(peer, "server", &errors);
        if peer != Peer::C {
            command.args(["--way", way.name(), "--certs"]).arg(scratch.certs());
        }
        if peer != Peer::C && way == Way::Plain {
            command.arg("--unix").arg(scratch.path("s"));
        }
        let mut child = command.spawn().expect("the server starts");
        let stdin = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let line = timeout(START, lines.next_line()).await.expect("the server is ready in time").unwrap_or_default();
        let Some(ready) = line.as_deref().and_then(|l| l.strip_prefix("READY ")) else {
            let text = std::fs::read_to_string(&errors).unwrap_or_default();
            panic!("the server of {} did not start: {line:?} {text}", peer.name());
        };
        let ready: Ready = serde_json::from_str(ready).expect("what a server says of itself");
        let version = ready.python.as_ref().or(ready.version.as_ref()).expect("a version");
        let wanted = match peer {
            Peer::Python3 => "3.",
            Peer::Python2 => "2.7",
            Peer::C => "1.",
        };
        assert!(version.starts_with(wanted), "the peer {} is version {version}", peer.name());
        Self { ready, child, stdin }
    }

    /// Ends it and waits for its end.
    pub(crate) async fn stop(mut self) {
        drop(self.stdin.take());
        timeout(START, self.child.wait()).await.expect("the server ends when its stdin does").expect("an exit status");
    }
}

/// A running client that prints a JSON line for each feature.
pub(crate) struct Client {
    child: Child,
    _stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    errors: PathBuf,
}

/// One line of its output.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) feature: String,
    pub(crate) ok: Option<bool>,
    pub(crate) detail: String,
}

impl Client {
    pub(crate) fn start(scratch: &Scratch, peer: Peer, way: Way, args: &[&str]) -> Self {
        let errors = scratch.path("client");
        let mut command = command(peer, "client", &errors);
        command.args(["--way", way.name(), "--certs"]).arg(scratch.certs()).args(args);
        let mut child = command.spawn().expect("the client starts");
        let stdin = child.stdin.take().expect("a pipe");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, _stdin: stdin, lines, errors }
    }

    /// All lines.
    pub(crate) async fn finish(mut self) -> Result<Vec<Answer>, String> {
        let mut answers = Vec::new();
        loop {
            let line = timeout(LINE, self.lines.next_line()).await;
            let after = answers.last().map_or("the start", |a: &Answer| &a.feature);
            match line {
                Err(_) => return Err(format!("the client was silent for {LINE:?} after {after}")),
                Ok(Err(e)) => return Err(format!("the client's output: {e}")),
                Ok(Ok(Some(line))) => answers.push(parse(&line)?),
                Ok(Ok(None)) => break,
            }
        }
        let status = self.child.wait().await.map_err(|e| e.to_string())?;
        match status.code() {
            Some(0 | 1) => Ok(answers),
            _ => {
                let text = std::fs::read_to_string(&self.errors).unwrap_or_default();
                Err(format!("the client ended with {status}: {}", text.trim()))
            }
        }
    }
}

fn parse<T: DeserializeOwned>(line: &str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|e| format!("the client printed {line:?}: {e}"))
}

/// Runs a program to its end; gives what it printed and whether it succeeded.
pub(crate) async fn run(program: &str, args: &[&str]) -> Result<(String, bool), String> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(LINE, command.output()).await.map_err(|_| format!("{program} does not end"))?;
    let output = output.map_err(|e| format!("{program} does not start: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Ok((text, output.status.success()))
}
