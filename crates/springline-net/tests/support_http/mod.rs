//! A server to speak to, and a client that says anything.
#![allow(dead_code, reason = "each test program uses its part")]

use std::sync::Arc;
use std::time::Duration;

use springline_core::BoxFuture;
use springline_net::Address;
use springline_net::http::{Body, HttpHandler, HttpOptions, HttpServer, HttpServerBuilder, Request, Response, refusal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// No wait for something that is to come is longer.
const PATIENCE: Duration = Duration::from_secs(60);

static WAITING: Semaphore = Semaphore::const_new(0);
static LET_GO: Semaphore = Semaphore::const_new(0);
static BEGUN: Semaphore = Semaphore::const_new(0);

struct Handler;

impl HttpHandler for Handler {
    fn handle<'a>(&'a self, mut request: Request) -> BoxFuture<'a, Response> {
        assert!(request.path() != "/panic-now", "secret");
        Box::pin(async move {
            match request.path() {
                "/panic-later" => {
                    tokio::task::yield_now().await;
                    panic!("secret");
                }
                "/wait" => {
                    WAITING.add_permits(1);
                    LET_GO.acquire().await.unwrap().forget();
                    Response::new("done".into())
                }
                "/never" => {
                    BEGUN.add_permits(1);
                    std::future::pending().await
                }
                "/much" => Response::new(vec![b'x'; 64 << 20].into()),
                "/peer" => Response::new(request.peer().address.clone().into()),
                #[cfg(feature = "tls")]
                "/who" => {
                    let known = request.peer().credentials.as_ref().and_then(|c| c.get());
                    let name = known.and_then(|c: Arc<springline_net::tls::PeerCertificate>| c.field("commonName"));
                    Response::new(name.unwrap_or_else(|| "nobody".to_owned()).into())
                }
                "/broken" => {
                    let (sender, body) = Body::channel(1);
                    tokio::spawn(async move {
                        sender.send("some").await.unwrap();
                        sender.fail(springline_core::Error::mismatch("no more")).await;
                    });
                    Response::new(body)
                }
                "/stream" => {
                    let (sender, body) = Body::channel(1);
                    tokio::spawn(async move {
                        loop {
                            match request.body().chunk().await {
                                Ok(Some(piece)) => sender.send(piece).await.unwrap(),
                                Ok(None) => break,
                                Err(e) => return sender.fail(e).await,
                            }
                        }
                    });
                    Response::new(body)
                }
                _ => match request.read_body(usize::MAX).await {
                    Ok(body) => Response::new(body.into()),
                    Err(e) => refusal(&e),
                },
            }
        })
    }
}

pub(crate) fn handler() -> Arc<dyn HttpHandler> {
    Arc::new(Handler)
}

pub(crate) async fn waiting() {
    WAITING.acquire().await.unwrap().forget();
}

pub(crate) fn let_go() {
    LET_GO.add_permits(1);
}

pub(crate) async fn begun() {
    BEGUN.acquire().await.unwrap().forget();
}

/// Timeouts that no test reaches by accident.
pub(crate) fn options() -> HttpOptions {
    let mut options = HttpOptions::default();
    options.header_timeout = PATIENCE;
    options.transfer_timeout = PATIENCE;
    options.idle_timeout = PATIENCE;
    options
}

pub(crate) async fn server() -> HttpServer {
    server_with(options(), None).await
}

pub(crate) async fn server_at(address: &str) -> HttpServer {
    server_with(options(), Some(address.parse().unwrap())).await
}

pub(crate) fn builder(options: HttpOptions) -> HttpServerBuilder {
    let paths = ["echo", "panic-now", "panic-later", "wait", "never", "much", "peer", "broken", "stream", "who"];
    let builder = HttpServer::builder().options(options);
    paths.into_iter().fold(builder, |builder, path| builder.mount(format!("/{path}"), handler()))
}

pub(crate) async fn server_with(options: HttpOptions, address: Option<Address>) -> HttpServer {
    builder(options).bind(&address.unwrap_or(Address::tcp("127.0.0.1", 0))).await.unwrap()
}

/// Waits until there are no more than `count` connections.
pub(crate) async fn only(server: &HttpServer, count: usize) {
    let wait = async {
        while server.connections() > count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("connections stay");
}

pub(crate) async fn all_gone(server: &HttpServer) {
    only(server, 0).await;
}

pub(crate) fn head_of(bytes: &[u8]) -> String {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (n, v) = line.split_once(':')?;
            n.eq_ignore_ascii_case(name).then(|| v.trim())
        })
    }
}

pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

impl Raw {
    pub(crate) async fn connect(server: &HttpServer) -> Self {
        let Address::Tcp(host, port) = server.local_address() else { panic!("not TCP") };
        let stream = TcpStream::connect((host.as_str(), *port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::new() }
    }

    /// What the other side does not want to have any more is not missed.
    pub(crate) async fn send(&mut self, text: &str) {
        let _ = self.stream.write_all(text.as_bytes()).await;
    }

    /// Each piece leaves in a packet of its own, so far as one can tell from here.
    pub(crate) async fn send_in_pieces(&mut self, text: &str, pieces: usize) {
        for piece in text.as_bytes().chunks(pieces.min(text.len())) {
            let _ = self.stream.write_all(piece).await;
            tokio::task::yield_now().await;
        }
    }

    /// Sends and receives at the same time, as large bodies need it.
    pub(crate) async fn exchange(&mut self, text: &str) -> Answer {
        let (read, mut write) = self.stream.split();
        let (_, answer) =
            tokio::join!(write.write_all(text.as_bytes()), read_answer(read, std::mem::take(&mut self.buffer)));
        let (answer, rest) = answer;
        self.buffer = rest;
        answer
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        let (read, _) = self.stream.split();
        let (answer, rest) = read_answer(read, std::mem::take(&mut self.buffer)).await;
        self.buffer = rest;
        answer
    }

    /// Gives back the memory of what has been read.
    pub(crate) fn forget(&mut self) {
        self.buffer = Vec::new();
    }

    /// Waits for these bytes and forgets all up to them.
    pub(crate) async fn until(&mut self, end: &[u8]) {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|w| w == end) {
                self.buffer.drain(..at + end.len());
                return;
            }
            let read = self.stream.read_buf(&mut self.buffer);
            let n = tokio::time::timeout(PATIENCE, read).await.expect("nothing comes").unwrap();
            assert!(n > 0, "the connection ended before {:?}", String::from_utf8_lossy(end));
        }
    }

    /// All until the connection ends, which it has to do in order.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.buffer);
        let read = self.stream.read_to_end(&mut all);
        tokio::time::timeout(PATIENCE, read).await.expect("the connection stays").expect("an end, no reset");
        all
    }
}

async fn read_answer(mut read: impl tokio::io::AsyncRead + Unpin, mut buffer: Vec<u8>) -> (Answer, Vec<u8>) {
    let mut fill = async |buffer: &mut Vec<u8>| {
        let n = tokio::time::timeout(PATIENCE, read.read_buf(buffer)).await.expect("no answer comes").unwrap();
        assert!(n > 0, "the connection ended in {:?}", String::from_utf8_lossy(buffer));
    };
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        fill(&mut buffer).await;
    };
    let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status line");
    let mut answer = Answer { status, head, body: Vec::new() };
    let length = answer.header("content-length").map_or(0, |n| n.parse().unwrap());
    while buffer.len() < end + length {
        fill(&mut buffer).await;
    }
    let rest = buffer.split_off(end + length);
    answer.body = buffer.split_off(end);
    (answer, rest)
}
