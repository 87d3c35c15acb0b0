//! Servers for the tests of the HTTP client: CPython's, and scripted ones for what no sound server does.
#![allow(dead_code, reason = "each test program uses its part")]

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

#[path = "../../../springline-pyro/tests/support/python.rs"]
mod python;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits, but not for ever.
pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// CPython's http.server in a process of its own, which ends with this.
pub(crate) struct PythonServer {
    _child: Child,
    pub(crate) url: String,
}

impl PythonServer {
    pub(crate) async fn tcp(version: &str) -> Self {
        let (child, told) = Self::start(&[version]).await;
        Self { _child: child, url: format!("http://127.0.0.1:{told}") }
    }

    pub(crate) async fn unix(version: &str, socket: &Path) -> Self {
        let (child, told) = Self::start(&[version, socket.to_str().unwrap()]).await;
        assert_eq!(told, "ready");
        Self { _child: child, url: format!("unix://{}", socket.display()) }
    }

    async fn start(arguments: &[&str]) -> (Child, String) {
        let mut child = Command::new(python::python())
            .arg(python::programs().join("http_server.py"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        soon("http_server.py", out.read_line(&mut line)).await.unwrap();
        assert!(!line.trim().is_empty(), "http_server.py has ended");
        (child, line.trim().to_owned())
    }
}

/// A server that does what `script` says with each connection; the script gets the connection's number, from 0.
pub(crate) struct Scripted {
    pub(crate) url: String,
    pub(crate) connections: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Scripted {
    pub(crate) async fn start<F, Fut>(script: F) -> Self
    where
        F: Fn(TcpStream, usize) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::start_at("127.0.0.1:0", script).await
    }

    pub(crate) async fn start_at<F, Fut>(address: &str, script: F) -> Self
    where
        F: Fn(TcpStream, usize) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(script(stream, number));
            }
        });
        Self { url, connections, task }
    }

    /// One that answers the first request of each connection with these bytes and closes.
    pub(crate) async fn saying(answer: &'static str) -> Self {
        Self::start(move |mut stream, _| async move {
            if read_request(&mut stream).await.is_some() {
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        })
        .await
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request with its body: head and body. `None` when the connection has ended.
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
    let body = bytes.split_off(head);
    let head = String::from_utf8(bytes).unwrap();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, n)| n.parse().unwrap());
    let mut body = body;
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    assert_eq!(body.len(), length, "more than one request at a time");
    Some((head, body))
}

/// A whole answer of status 200.
pub(crate) fn ok(body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// A path for a socket that nobody else uses.
pub(crate) fn socket(name: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("springline-{name}-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}
