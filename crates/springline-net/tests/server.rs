//! Listening: bounds, drain, and what is left behind.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use springline_core::ErrorKind;
use springline_net::{Address, Connection, Handler, Inbound, Server, ServerOptions, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// Answers each byte with itself when the gate lets it.
struct Echo {
    gate: Semaphore,
    served: AtomicUsize,
}

impl Echo {
    fn new(open: usize) -> Arc<Self> {
        Arc::new(Self { gate: Semaphore::new(open), served: AtomicUsize::new(0) })
    }
}

impl Handler for Echo {
    async fn serve(self: Arc<Self>, mut stream: Stream, connection: Connection) {
        let mut inbound = Inbound::default();
        while connection.next_request() {
            if poll_fn(|cx| stream.poll_read_ready(cx)).await.is_err() || !connection.begin() {
                return;
            }
            match poll_fn(|cx| Poll::Ready(inbound.poll_fill(&mut stream, cx, 0))).await {
                Poll::Ready(Ok(n)) if n > 0 => {}
                Poll::Ready(_) => return,
                // A socket may look readable and is not.
                Poll::Pending => continue,
            }
            let len = inbound.bytes().len();
            let bytes = inbound.take(len);
            let _permit = self.gate.acquire().await.unwrap();
            self.served.fetch_add(1, Ordering::SeqCst);
            if stream.write_all(&bytes).await.is_err() {
                return;
            }
        }
    }
}

async fn bind(address: &str, connections: usize, echo: &Arc<Echo>) -> Server {
    let mut options = ServerOptions::default();
    options.connections = connections;
    Server::bind(&address.parse().unwrap(), options, echo.clone()).await.unwrap()
}

async fn asks(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin)) -> bool {
    let mut answer = [0];
    let asked = async { stream.write_all(b"x").await.is_ok() && matches!(stream.read(&mut answer).await, Ok(1)) };
    timeout(PATIENCE, asked).await.expect("an answer or the end")
}

async fn until_connections(server: &Server, count: usize) {
    let there = async {
        while server.connections() != count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, there).await.unwrap_or_else(|_| panic!("{} connections, not {count}", server.connections()));
}

#[tokio::test]
async fn no_more_connections_than_allowed() {
    let echo = Echo::new(1000);
    let server = bind("127.0.0.1:0", 2, &echo).await;
    let address = server.address().to_string();
    let mut first = TcpStream::connect(&address).await.unwrap();
    let mut second = TcpStream::connect(&address).await.unwrap();
    assert!(asks(&mut first).await && asks(&mut second).await);
    let mut third = TcpStream::connect(&address).await.unwrap();
    third.write_all(b"x").await.unwrap();
    let mut answer = [0];
    assert!(timeout(Duration::from_millis(100), third.read(&mut answer)).await.is_err(), "a third one was let in");
    assert_eq!(server.connections(), 2);
    drop(first);
    assert_eq!(timeout(PATIENCE, third.read(&mut answer)).await.unwrap().unwrap(), 1);
    assert!(asks(&mut second).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_address_is_free_after_a_shutdown() {
    let echo = Echo::new(100_000);
    let mut server = bind("127.0.0.1:0", 100, &echo).await;
    let address = server.address().to_string();
    for round in 0..100 {
        let mut clients = Vec::new();
        for _ in 0..3 {
            let mut client = TcpStream::connect(&address).await.unwrap();
            assert!(asks(&mut client).await);
            clients.push(client);
        }
        assert_eq!(server.shutdown(PATIENCE).await, 0);
        for mut client in clients {
            assert!(!asks(&mut client).await, "an idle connection outlived the shutdown");
        }
        let options = ServerOptions::default();
        let next = Server::bind(&address.parse().unwrap(), options, echo.clone()).await;
        server = next.unwrap_or_else(|e| panic!("round {round}: {e}"));
    }
}

#[tokio::test]
async fn a_shutdown_waits_for_what_is_busy_and_cuts_what_stays() {
    let echo = Echo::new(0);
    let server = bind("127.0.0.1:0", 100, &echo).await;
    let mut busy = TcpStream::connect(server.address().to_string()).await.unwrap();
    busy.write_all(b"x").await.unwrap();
    let mut stuck = TcpStream::connect(server.address().to_string()).await.unwrap();
    stuck.write_all(b"x").await.unwrap();
    let mut idle = TcpStream::connect(server.address().to_string()).await.unwrap();
    until_connections(&server, 3).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let stop = server.shutdown(PATIENCE);
    let rest = async {
        assert_eq!(idle.read(&mut [0]).await.unwrap_or(0), 0);
        echo.gate.add_permits(1);
        let mut answer = [0];
        // The permit goes back when the first of them is done, and the other has it then.
        assert_eq!(busy.read(&mut answer).await.unwrap(), 1);
        assert_eq!(stuck.read(&mut answer).await.unwrap(), 1);
    };
    let (cut, ()) = timeout(PATIENCE, async { tokio::join!(stop, rest) }).await.unwrap();
    assert_eq!(cut, 0);

    let echo = Echo::new(0);
    let server = bind("127.0.0.1:0", 100, &echo).await;
    let mut stuck = TcpStream::connect(server.address().to_string()).await.unwrap();
    stuck.write_all(b"x").await.unwrap();
    until_connections(&server, 1).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.shutdown(Duration::from_millis(50)).await, 1);
    assert_eq!(timeout(PATIENCE, stuck.read(&mut [0])).await.unwrap().unwrap_or(0), 0);
    until_connections(&server, 0).await;
    assert_eq!(echo.served.load(Ordering::SeqCst), 0);
}

// Clients that arrive in the very moment: none of their connections survives the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn none_survives_a_dropped_server() {
    for _ in 0..50 {
        let echo = Echo::new(0);
        let server = bind("127.0.0.1:0", 1000, &echo).await;
        let address = server.address().to_string();
        let clients: Vec<_> = (0..20)
            .map(|_| {
                let address = address.clone();
                tokio::spawn(async move {
                    let Ok(mut client) = TcpStream::connect(&address).await else { return };
                    let _ = client.write_all(b"x").await;
                    let ended =
                        timeout(PATIENCE, client.read(&mut [0])).await.expect("a connection outlived its server");
                    assert_eq!(ended.unwrap_or(0), 0);
                })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(server);
        for client in clients {
            client.await.unwrap();
        }
    }
}

#[tokio::test]
async fn unix_sockets_and_their_files() {
    let path = std::env::temp_dir().join(format!("springline-server-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let address = Address::unix(&path);
    let echo = Echo::new(1000);
    let server = Server::bind(&address, ServerOptions::default(), echo.clone()).await.unwrap();
    let mut client = UnixStream::connect(&path).await.unwrap();
    assert!(asks(&mut client).await);
    // Somebody listens there.
    let e = Server::bind(&address, ServerOptions::default(), echo.clone()).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unavailable);
    assert!(asks(&mut client).await);
    assert_eq!(server.shutdown(PATIENCE).await, 0);
    assert!(!path.exists(), "the file is left behind");
    // A file that nobody listens on is replaced, unless told not to; what is no socket never is.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let mut careful = ServerOptions::default();
    careful.replace_socket_file = false;
    assert!(Server::bind(&address, careful, echo.clone()).await.is_err());
    let server = Server::bind(&address, ServerOptions::default(), echo.clone()).await.unwrap();
    assert!(asks(&mut UnixStream::connect(&path).await.unwrap()).await);
    assert_eq!(server.shutdown(PATIENCE).await, 0);
    std::fs::write(&path, "precious").unwrap();
    assert!(Server::bind(&address, ServerOptions::default(), echo.clone()).await.is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"precious", "a file that is no socket was replaced");
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn ipv6_and_names() {
    for address in ["[::1]:0", "localhost:0", "127.0.0.1:0"] {
        let echo = Echo::new(1000);
        let server = bind(address, 10, &echo).await;
        let options = springline_net::ConnectOptions::default();
        let mut stream = springline_net::connect(server.address(), &options).await.unwrap();
        stream.write_all(b"x").await.unwrap();
        assert_eq!(timeout(PATIENCE, stream.read(&mut [0])).await.unwrap().unwrap(), 1);
        assert!(stream.peer_text().contains(':'));
        let at = server.address().clone();
        drop((stream, server));
        until_refused(&at).await;
    }
}

async fn until_refused(at: &Address) {
    let refused = async {
        loop {
            match springline_net::connect(at, &springline_net::ConnectOptions::default()).await {
                Err(e) => return e,
                Ok(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    };
    let e = timeout(PATIENCE, refused).await.unwrap();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Unavailable, springline_core::Reached::NotSent));
}

// A runtime that ends before the accept loop has run takes the listener with it.
#[test]
fn a_server_without_its_runtime_does_not_listen() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(bind("127.0.0.1:0", 10, &Echo::new(0)));
    assert!(server.is_listening());
    drop(runtime);
    assert!(!server.is_listening());
}

// Clients of Pyro 3 know IPv4 only.
#[tokio::test]
async fn a_host_name_is_bound_at_its_ipv4_address() {
    let server = bind("localhost:0", 10, &Echo::new(0)).await;
    let Address::Tcp(host, port) = server.address() else { panic!() };
    assert_eq!(host, "localhost");
    TcpStream::connect(("127.0.0.1", *port)).await.unwrap();
}
