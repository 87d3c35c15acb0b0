//! A relay between a client and a server, which counts and can cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use springline_net::{Address, ConnectOptions, Stream};
use springline_pyro::{Location, PyroUri, pyro3};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) struct Relay {
    /// The object's URI by way of the relay.
    pub(crate) uri: String,
    pub(crate) seen: Arc<Seen>,
    accept: JoinHandle<()>,
}

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) connections: AtomicUsize,
    pub(crate) to_server: AtomicU64,
    pub(crate) to_client: AtomicU64,
    /// The next answer is not passed on: both sides are hung up on instead.
    pub(crate) cut: AtomicBool,
}

impl Relay {
    /// A relay to the daemon of `uri`.
    pub(crate) async fn to(uri: &str) -> Self {
        let mut uri: PyroUri = uri.parse().expect("a URI");
        let target = match uri.location.take().expect("a location") {
            Location::Tcp(host, port) => Address::tcp(host, port),
            Location::Unix(path) => Address::unix(path),
        };
        Self::by(target, |port| {
            uri.location = Some(Location::Tcp("127.0.0.1".to_owned(), port));
            uri.to_string()
        })
        .await
    }

    /// The same for a URI of Pyro 3.
    pub(crate) async fn to_pyro3(uri: &str) -> Self {
        let mut uri: pyro3::Uri = uri.parse().expect("a URI");
        let (host, port) = uri.location.take().expect("a location");
        Self::by(Address::tcp(host, port), |port| {
            uri.location = Some(("127.0.0.1".to_owned(), port));
            uri.to_string()
        })
        .await
    }

    async fn by(target: Address, uri_of: impl FnOnce(u16) -> String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::new(Seen::default());
        let shared = seen.clone();
        let accept = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::Relaxed);
                let (target, seen) = (target.clone(), shared.clone());
                tokio::spawn(async move {
                    // Without a server the client is hung up on.
                    if let Ok(server) = springline_net::connect(&target, &ConnectOptions::default()).await {
                        pump(client, server, &seen).await;
                    }
                });
            }
        });
        Self { uri: uri_of(port), seen, accept }
    }

    /// Waits until more than `bytes` went to the server.
    pub(crate) async fn passed_on(&self, bytes: u64) {
        while self.seen.to_server.load(Ordering::Acquire) <= bytes {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

async fn pump(mut client: TcpStream, mut server: Stream, seen: &Seen) {
    let (mut up, mut down) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let n = read.unwrap_or(0);
                if n == 0 || server.write_all(&up[..n]).await.is_err() {
                    return;
                }
                seen.to_server.fetch_add(n as u64, Ordering::Release);
            }
            read = server.read(&mut down) => {
                let n = read.unwrap_or(0);
                if n == 0 || seen.cut.swap(false, Ordering::AcqRel) || client.write_all(&down[..n]).await.is_err() {
                    return;
                }
                seen.to_client.fetch_add(n as u64, Ordering::Release);
            }
        }
    }
}
