//! The peers' processes.

use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::java;
use crate::table::{Column, name_of};

/// How long a peer may take to start, on a machine that is busy with something else.
const START: Duration = Duration::from_secs(120);
/// How long one line of a client may take to come.
const LINE: Duration = Duration::from_secs(180);

/// A Java program that ends with whoever started it.
fn java(program: &str) -> Command {
    let mut command = Command::from(java::java(program));
    command.kill_on_drop(true);
    command
}

/// Runs Java against Java.
pub(crate) async fn selfcheck() -> Result<(), String> {
    for way in ["plain", "cert"] {
        let mut command = java("peer.Selfcheck");
        command.args(["--way", way, "--certs"]).arg(java::certs());
        if way != "plain" {
            // That keys and certificates are what Java takes; the rest is the same.
            command.args(["--feature", "get_data", "--feature", "transform"]);
        }
        command.stderr(std::process::Stdio::piped());
        let output = timeout(LINE * 3, command.output()).await.map_err(|_| "the self-check does not end".to_owned())?;
        let output = output.map_err(|e| format!("java does not start: {e}"))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stdout);
            let shown: Vec<&str> = text.lines().filter(|line| !line.starts_with("+++")).collect();
            return Err(format!("{}\n{}", shown.join("\n"), String::from_utf8_lossy(&output.stderr)));
        }
    }
    Ok(())
}

/// A running server that says `READY` and a JSON object, and ends when its stdin does.
pub(crate) struct Server {
    pub(crate) base: String,
    child: Child,
    stdin: Option<ChildStdin>,
}

#[derive(Deserialize)]
struct Ready {
    base: String,
}

impl Server {
    pub(crate) async fn start(column: Column) -> Result<Self, String> {
        let mut command = java("peer.Server");
        command.args(["--way", column.way.name(), "--certs"]).arg(java::certs());
        // What its HTTP server says of connections that break.
        command.stderr(std::process::Stdio::null());
        let mut child = command.spawn().map_err(|e| format!("java does not start: {e}"))?;
        let stdin = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().ok_or("no pipe")?).lines();
        let line = timeout(START, lines.next_line()).await.map_err(|_| "the server is not ready in time")?;
        let line = line.map_err(|e| e.to_string())?.unwrap_or_default();
        let ready = line.strip_prefix("READY ").ok_or_else(|| format!("the server did not start: {line}"))?;
        let ready: Ready = serde_json::from_str(ready).map_err(|e| e.to_string())?;
        Ok(Self { base: ready.base, child, stdin })
    }

    /// Ends it and waits for its end.
    pub(crate) async fn stop(mut self) -> Result<(), String> {
        drop(self.stdin.take());
        let ended = timeout(START, self.child.wait()).await;
        ended.map_err(|_| "the server does not end when its stdin does")?.map(|_| ()).map_err(|e| e.to_string())
    }
}

/// A running client that prints a JSON line for each feature.
pub(crate) struct Client {
    child: Child,
    _stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    errors: ChildStderr,
}

/// One line of its output.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) feature: String,
    pub(crate) ok: Option<bool>,
    pub(crate) detail: String,
}

impl Client {
    pub(crate) fn start(column: Column, base: &str, features: &[String]) -> Result<Self, String> {
        let mut command = java("peer.Client");
        command.args(["--way", column.way.name(), "--dialect", name_of(column.dialect)]);
        command.args(["--url", &format!("{base}/thing"), "--auth", &format!("{base}/auth")]);
        command.args(["--raw", &format!("{base}/raw")]);
        command.arg("--certs").arg(java::certs());
        for feature in features {
            command.args(["--feature", feature]);
        }
        command.stderr(std::process::Stdio::piped());
        let mut child = command.spawn().map_err(|e| format!("java does not start: {e}"))?;
        let stdin = child.stdin.take().ok_or("no pipe")?;
        let errors = child.stderr.take().ok_or("no pipe")?;
        let lines = BufReader::new(child.stdout.take().ok_or("no pipe")?).lines();
        Ok(Self { child, _stdin: stdin, lines, errors })
    }

    /// All lines.
    pub(crate) async fn finish(mut self) -> Result<Vec<Answer>, String> {
        let mut answers = Vec::new();
        // Read aside, so that a full pipe does not stop it. Hessian warns of what it does not know.
        let errors = tokio::spawn(async move {
            let mut text = String::new();
            let _ = self.errors.read_to_string(&mut text).await;
            text
        });
        loop {
            let line = timeout(LINE, self.lines.next_line()).await;
            let after = answers.last().map_or("the start", |a: &Answer| &a.feature);
            match line {
                Err(_) => return Err(format!("the client was silent for {LINE:?} after {after}")),
                Ok(Err(e)) => return Err(format!("the client's output: {e}")),
                Ok(Ok(Some(line))) => {
                    answers.push(serde_json::from_str(&line).map_err(|e| format!("the client printed {line:?}: {e}"))?);
                }
                Ok(Ok(None)) => break,
            }
        }
        let status = self.child.wait().await.map_err(|e| e.to_string())?;
        match status.code() {
            Some(0 | 1) => Ok(answers),
            _ => Err(format!("the client ended with {status}: {}", errors.await.unwrap_or_default().trim())),
        }
    }
}
