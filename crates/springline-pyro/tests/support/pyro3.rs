//! Python 2.7 with a release of Pyro 3.
#![allow(dead_code, reason = "each test program uses its part")]

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use springline_pyro::pyro3::{Proxy, ProxyBuilder};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::python;

/// For what is expected, on a machine that is busy with something else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The directory of sample certificates.
pub(crate) fn certs() -> PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../certs")
}

/// A Python that finds the release, and M2Crypto, which it does TLS with.
pub(crate) fn python2(release: &str) -> Command {
    let peers = python::target().join("peers");
    let (pyro, m2crypto) = (peers.join(format!("pyro3-{release}")), peers.join("m2crypto"));
    for dir in [pyro.join("Pyro"), m2crypto.join("M2Crypto")] {
        assert!(dir.exists(), "{} is missing: run `cargo xtask peers`", dir.display());
    }
    let mut command = Command::new(peers.join("python2"));
    command
        .arg("-B")
        .env("PYTHONPATH", std::env::join_paths([pyro, m2crypto]).expect("paths without colons"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// One of our programs, in it.
pub(crate) fn command(release: &str, script: &str, args: &[&str]) -> Command {
    let mut command = python2(release);
    command.arg(python::programs().join(script)).args(args);
    command
}

/// A running `pyro3_server.py`.
pub(crate) struct Server {
    pub(crate) ready: serde_json::Value,
    child: Child,
}

impl Server {
    pub(crate) async fn start(release: &str, args: &[&str]) -> Self {
        let mut child = command(release, "pyro3_server.py", args).stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        loop {
            // The name server prints where it is first.
            let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().expect("a server");
            if let Some(ready) = line.strip_prefix("READY ") {
                let ready = serde_json::from_str(ready).unwrap();
                // What else it prints goes nowhere, but goes.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Self { ready, child };
            }
        }
    }

    /// Ends it and waits for its end.
    pub(crate) async fn stop(mut self) {
        drop(self.child.stdin.take());
        timeout(PATIENCE, self.child.wait()).await.expect("it ends when its stdin does").expect("an exit status");
    }

    pub(crate) fn uri(&self, which: &str) -> &str {
        self.ready[which].as_str().unwrap()
    }

    pub(crate) fn builder(&self, which: &str) -> ProxyBuilder {
        Proxy::builder(self.uri(which)).unwrap().timeout(PATIENCE)
    }
}
