//! The Python processes.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::Deserialize;
use springline_pyro::Serializer;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::python;
use crate::table::Peer;

/// How long a Python may take to start, on a machine that is busy with something else.
const START: Duration = Duration::from_secs(120);
/// How long one line of a client may take to come.
const LINE: Duration = Duration::from_secs(180);

/// A directory for sockets and what the peers write to their error output. Its path is short, as sockets need it.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("springline-live-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        Self(dir)
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

fn command(peer: Peer, program: &str, errors: &Path) -> Command {
    let python = match peer {
        Peer::Pyro51 => python::python_pyro5_1(),
        Peer::Old(_) => python::target().join("peers/python2"),
        _ => python::python(),
    };
    let mut command = Command::new(python);
    if peer.is_python2() {
        let package = peer.package();
        assert!(package.is_dir(), "{} is missing: run `cargo xtask peers`", package.display());
        let serpent = python::target().join("peers/serpent-1.28");
        command.env("PYTHONPATH", std::env::join_paths([package, serpent]).expect("paths without colons"));
    }
    let errors = std::fs::File::create(errors).unwrap_or_else(|e| panic!("{}: {e}", errors.display()));
    command
        .arg("-B")
        .arg(python::programs().join(program))
        .args(["--gen", peer.generation()])
        // Sets of texts come out in hash order.
        .env("PYTHONHASHSEED", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(errors)
        .kill_on_drop(true);
    command
}

/// A running `server.py`.
pub(crate) struct Server {
    pub(crate) ready: Ready,
    child: Child,
    // It ends when this is closed.
    stdin: Option<ChildStdin>,
}

/// What it says of itself.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) uri: String,
    pub(crate) other: String,
    pub(crate) daemon: String,
    pub(crate) pyro: String,
    pub(crate) python: String,
}

impl Server {
    pub(crate) async fn start(scratch: &Scratch, peer: Peer, args: &[&str]) -> Self {
        let errors = scratch.path("server");
        let mut child = command(peer, "server.py", &errors).args(args).spawn().expect("python starts");
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("a pipe");
        let mut lines = BufReader::new(stdout).lines();
        let line = timeout(START, lines.next_line()).await.expect("the server is ready in time").unwrap_or_default();
        let ready = line.as_deref().and_then(|l| l.strip_prefix("READY "));
        let Some(ready) = ready else {
            let text = std::fs::read_to_string(&errors).unwrap_or_default();
            panic!("server.py {args:?} of {} did not start: {line:?} {text}", peer.name());
        };
        let ready: Ready = serde_json::from_str(ready).expect("what a server says of itself");
        let wanted = peer.name().rsplit('-').next();
        assert_eq!(Some(&*ready.pyro), wanted, "another release was installed: run `cargo xtask peers`");
        Self { ready, child, stdin }
    }

    /// Ends it and waits for its end.
    pub(crate) async fn stop(mut self) {
        drop(self.stdin.take());
        timeout(START, self.child.wait()).await.expect("the server ends when its stdin does").expect("an exit status");
    }
}

/// A running `client.py`.
pub(crate) struct Client {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    errors: PathBuf,
}

/// One line of its output.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Line {
    Feature {
        feature: String,
        ok: Option<bool>,
        detail: String,
    },
    Special {
        special: String,
        got: String,
    },
    /// The server is to be restarted; then [`Client::go_on`].
    Restart {
        #[allow(dead_code, reason = "its presence says it all")]
        restart: bool,
    },
}

impl Client {
    pub(crate) fn start(scratch: &Scratch, peer: Peer, serializer: Serializer, uri: &str, args: &[&str]) -> Self {
        let errors = scratch.path("client");
        let mut command = command(peer, "client.py", &errors);
        command.args(["--uri", uri, "--serializer", serializer.name()]).args(args);
        let mut child = command.spawn().expect("python starts");
        let stdin = child.stdin.take().expect("a pipe");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, stdin, lines, errors }
    }

    /// The next line; `None` at the end.
    pub(crate) async fn line(&mut self) -> Result<Option<Line>, String> {
        match timeout(LINE, self.lines.next_line()).await {
            Err(_) => Err(format!("client.py was silent for {LINE:?}")),
            Ok(Err(e)) => Err(format!("client.py's output: {e}")),
            Ok(Ok(Some(line))) => {
                serde_json::from_str(&line).map(Some).map_err(|e| format!("client.py printed {line:?}: {e}"))
            }
            Ok(Ok(None)) => {
                let status = self.child.wait().await.map_err(|e| e.to_string())?;
                match status.code() {
                    Some(0 | 1) => Ok(None),
                    _ => {
                        let text = std::fs::read_to_string(&self.errors).unwrap_or_default();
                        Err(format!("client.py ended with {status}: {}", text.trim()))
                    }
                }
            }
        }
    }

    pub(crate) async fn go_on(&mut self) {
        self.stdin.write_all(b"\n").await.expect("client.py waits for a line");
    }
}
