//! CPython's XML-RPC server for the tests of the client, and scripted servers for what it does not do.
#![allow(dead_code, reason = "each test program uses its part")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

#[path = "peers.rs"]
pub(crate) mod peers;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits, but not for ever.
pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// The sample certificates.
pub(crate) fn cert(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../certs").join(name)
}

/// `tests/peers/server.py` in a process of its own, which ends with this.
pub(crate) struct Python {
    _child: Child,
    ready: serde_json::Value,
}

impl Python {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(peers::python3())
            .arg(peers::programs().join("server.py"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        soon("server.py", out.read_line(&mut line)).await.unwrap();
        let ready = line.strip_prefix("READY ").unwrap_or_else(|| panic!("server.py said {line:?}"));
        Self { _child: child, ready: serde_json::from_str(ready).unwrap() }
    }

    pub(crate) async fn tls(way: &str) -> Self {
        let certs = cert("");
        Self::start(&["--way", way, "--certs", certs.to_str().unwrap()]).await
    }

    /// One of `url`, `http10`, `strict`, `auth`.
    pub(crate) fn url(&self, which: &str) -> &str {
        self.ready[which].as_str().unwrap()
    }
}

/// A server that answers each request with `status` line, headers and body as given, over as many connections as it takes.
pub(crate) async fn saying(head: &str, body: &[u8]) -> String {
    let mut answer = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/RPC2", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            tokio::spawn(async move {
                while read_request(&mut stream).await.is_some() {
                    let _ = stream.write_all(&answer).await;
                }
            });
        }
    });
    url
}

/// One request with its body. `None` when the connection has ended.
pub(crate) async fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let mut body = bytes.split_off(head);
    let head = String::from_utf8(bytes).unwrap();
    let length: usize = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, n)| n.parse().unwrap());
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((head, body))
}

/// A path for a socket that nobody else uses.
pub(crate) fn socket(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("springline-{name}-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}
