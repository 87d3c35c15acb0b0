//! A client of one HTTP server, with connections that are kept alive.

mod builder;
mod connection;
mod deadline;
mod length;
mod proxy;
mod request;
mod status;
mod tunnel;
mod url;
mod verbose;
mod wire;

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Method, Uri};
use springline_core::{Error, ErrorKind, Reached, Result};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::debug;

use self::builder::Options;
use self::connection::Connection;
use self::deadline::Deadline;
use self::length::decimal;
use super::coding::{self, Coding};
use crate::{Address, ConnectOptions, connect};

pub use self::builder::HttpClientBuilder;
pub use self::proxy::Proxies;
pub use self::request::{ClientRequest, ClientResponse, ResponseHead};
pub use self::status::{AnswerCut, HttpStatus};
pub use self::url::{Credentials, HttpUrl};

/// A client of one server: HTTP/1.1 over TCP, TLS or a Unix socket. Cheap to clone; clones share the connections.
///
/// Each call has a connection to itself, one that was kept from an earlier call or a new one. Its future does the reading
/// and writing itself: no task, no channel.
///
/// # Sending again
/// A request goes out again, once and over a new connection, if a connection that had been kept turns out to be closed
/// and the server cannot have seen the whole request. Whatever else fails is the caller's decision, by
/// [`Error::reached`]; see [`HttpClientBuilder::retry_stale`].
///
/// # Cancel safety
/// A call whose future is dropped takes its connection with it: a late answer is never taken for another call's. The
/// server may still run it.
///
/// # Runtimes
/// A connection belongs to the runtime that it was made on; when that has ended it is found closed.
#[derive(Clone)]
pub struct HttpClient {
    inner: Arc<Inner>,
}

struct Inner {
    url: HttpUrl,
    /// The URL without its password.
    text: String,
    /// What stands before a path in a request line: nothing, or scheme and host for a proxy.
    prefix: String,
    route: Route,
    #[cfg(feature = "tls")]
    tls: Option<crate::tls::ClientTls>,
    /// A request as most are, but for its `Content-Length`: a copy has room for it.
    usual: http::request::Parts,
    options: Options,
    permits: Semaphore,
    idle: Mutex<Idle>,
}

/// Boxed all along: a connection goes in and out with every call.
type Idle = Vec<Box<Connection>>;

/// How the server is reached.
enum Route {
    Direct,
    /// A proxy that is asked for the whole URL.
    Forward {
        proxy: Address,
    },
    /// A proxy that passes bytes on.
    Tunnel {
        proxy: Address,
        secret: Option<HeaderValue>,
    },
}

/// A connection in use. Dropped, it is closed, unless its answer was read to the end.
struct Lease<'a> {
    client: &'a Inner,
    connection: Option<Box<Connection>>,
    /// Whether it may be kept for the next call.
    keep: bool,
    _permit: SemaphorePermit<'a>,
}

impl HttpClient {
    /// A client of the server that a URL names; the URL's path and query are what requests ask for unless they say
    /// otherwise.
    pub fn builder(url: &str) -> HttpClientBuilder {
        HttpClientBuilder::new(url.parse())
    }

    /// As [`builder`](Self::builder), for a URL that was read already.
    pub fn of(url: HttpUrl) -> HttpClientBuilder {
        HttpClientBuilder::new(Ok(url))
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> &HttpUrl {
        &self.inner.url
    }

    /// The URL as text, its password masked.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.inner.text
    }

    /// How many connections are idle.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.inner.idle().len()
    }

    /// Closes all idle connections.
    pub fn release(&self) {
        self.inner.idle().clear();
    }

    /// Sends a request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// With how far the call got ([`Error::reached`]) and the URL: [`ErrorKind::Unavailable`] when nobody could be connected
    /// to, [`ErrorKind::Timeout`], [`ErrorKind::Closed`] when the connection ended too early, [`ErrorKind::Denied`] when it
    /// did so during or right behind a TLS handshake, [`ErrorKind::Protocol`] when the answer is no HTTP,
    /// [`ErrorKind::Limit`] when it is too large, [`ErrorKind::Malformed`] when it cannot be unpacked.
    pub async fn send(&self, mut request: ClientRequest) -> Result<ClientResponse> {
        let mut response = ClientResponse::default();
        self.exchange(&mut request, &mut response).await?;
        Ok(response)
    }

    /// As [`send`](Self::send), without moving the request or the answer, which are large: the request's body is taken, and
    /// the answer is written to `response`.
    ///
    /// # Errors
    /// As [`send`](Self::send). What is in `response` then may be part of an answer.
    pub async fn exchange(&self, request: &mut ClientRequest, response: &mut ClientResponse) -> Result<()> {
        let inner = &*self.inner;
        inner.run(request, response).await.map_err(|e| e.with_endpoint(&inner.text))
    }

    /// Sends a request and reads the answer's head; the body is read from what it gives, as it comes: not bounded, not
    /// unpacked.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn open(&self, request: ClientRequest) -> Result<Answer<'_>> {
        let inner = &*self.inner;
        inner.open(request).await.map_err(|e| e.with_endpoint(&inner.text))
    }
}

/// An answer whose body is still to be read. Dropped before its end, it closes its connection.
pub struct Answer<'a> {
    lease: Lease<'a>,
    head: ResponseHead,
    body: hyper::body::Incoming,
    deadline: Deadline,
}

impl Answer<'_> {
    /// Status and headers.
    #[must_use]
    pub fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// The answer, if its status is 200.
    ///
    /// # Errors
    /// As [`ClientResponse::check`].
    pub fn check(self) -> Result<Self> {
        status::check(&self.head, &self.lease.client.text)?;
        Ok(self)
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// As [`HttpClient::send`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// As [`chunk`](Self::chunk), for those who poll.
    ///
    /// # Errors
    /// Likewise.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        let text = &self.lease.client.text;
        let Some(connection) = &mut self.lease.connection else { return Poll::Ready(Ok(None)) };
        let (body, deadline) = (&mut self.body, &mut self.deadline);
        let chunk = ready!(deadline.bound(cx, |cx| connection.poll_chunk(body, cx)));
        let outcome = chunk.unwrap_or_else(|| Err(late().with_reached(Reached::MaybeExecuted)));
        Poll::Ready(match outcome {
            Ok(Some(chunk)) => Ok(Some(chunk)),
            Ok(None) => {
                self.lease.give_back();
                Ok(None)
            }
            Err(e) => {
                self.lease.connection = None;
                Err(e.with_endpoint(text))
            }
        })
    }
}

impl Inner {
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deadline(&self, request: &ClientRequest) -> Deadline {
        let own = self.options.timeout.and_then(|t| Instant::now().checked_add(t));
        Deadline::at(match (own, request.deadline) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        })
    }

    async fn run(&self, request: &mut ClientRequest, response: &mut ClientResponse) -> Result<()> {
        let mut deadline = self.deadline(request);
        let mut answer = None;
        let mut lease = self.start(request, &mut deadline, &mut answer).await?;
        let (Some(connection), Some(answer)) = (&mut lease.connection, &mut answer) else { return Err(no_answer()) };
        let most = self.options.limits.message_size;
        let mut whole = connection::Whole::default();
        let body =
            poll_fn(|cx| deadline.bound(cx, |cx| connection.poll_whole(answer.body_mut(), &mut whole, most, cx))).await;
        let head = &mut response.head;
        *head = ResponseHead::of(answer);
        let body = match body.unwrap_or_else(|| Err(late().with_reached(Reached::MaybeExecuted))) {
            Ok(body) => {
                lease.give_back();
                body
            }
            // What the status says is worth more than why the page behind it could not be read.
            Err(_) if head.status() != http::StatusCode::OK => Bytes::new(),
            Err(e) if e.kind() == ErrorKind::Closed => return Err(e.with_source(AnswerCut)),
            Err(e) => return Err(e),
        };
        response.body = self.unpack(head, body)?;
        if self.options.verbose {
            verbose::answer(&response.head, Some(&response.body));
        }
        Ok(())
    }

    async fn open(&self, mut request: ClientRequest) -> Result<Answer<'_>> {
        let mut deadline = self.deadline(&request);
        let mut answer = None;
        let lease = self.start(&mut request, &mut deadline, &mut answer).await?;
        let Some(mut answer) = answer else { return Err(no_answer()) };
        let head = ResponseHead::of(&mut answer);
        let body = answer.into_body();
        if self.options.verbose {
            verbose::answer(&head, None);
        }
        Ok(Answer { lease, head, body, deadline })
    }

    // The request as hyper takes it. Inlined: it is large, and is made where it is handed over.
    #[inline(always)]
    fn make(&self, request: &ClientRequest, target: Option<Uri>, body: super::Body) -> http::Request<super::Body> {
        let mut head = self.usual.clone();
        if let Some(target) = target {
            head.uri = target;
        }
        if head.method != request.method {
            head.method = request.method.clone();
        }
        let headers = &mut head.headers;
        for (name, value) in &request.headers {
            headers.insert(name, value.clone());
        }
        match body.known_length() {
            Some(0) if request.method == Method::GET => _ = headers.remove(CONTENT_LENGTH),
            // Also of an empty body: servers such as CPython's rely on it with POST.
            Some(length) => _ = headers.insert(CONTENT_LENGTH, decimal(length)),
            None => _ = headers.remove(CONTENT_LENGTH),
        }
        let out = http::Request::from_parts(head, body);
        if self.options.verbose {
            verbose::request(&out);
        }
        out
    }

    // Sends a request and waits for the answer's head; again over a new connection where that cannot run anything twice.
    // The answer comes to where it is asked for: it is large, and would be moved from hand to hand.
    async fn start(
        &self,
        request: &mut ClientRequest,
        deadline: &mut Deadline,
        answer: &mut Option<http::Response<hyper::body::Incoming>>,
    ) -> Result<Lease<'_>> {
        let mut body = std::mem::take(&mut request.body);
        let mut fresh = false;
        loop {
            let again = if fresh { None } else { body.again() };
            let target = request.target.as_ref().map(|target| uri(&self.prefix, target)).transpose()?;
            // What can be sent again finds out by itself that a connection was closed.
            let kept = if fresh { None } else { self.kept(again.is_none()) };
            let mut lease = match kept {
                Some(lease) => lease,
                None => {
                    // Boxed: rare, and large beside the rest of a call.
                    let mut lease = Box::pin(self.lease(fresh));
                    let lease = poll_fn(|cx| deadline.bound(cx, |cx| lease.as_mut().poll(cx))).await;
                    lease.unwrap_or_else(|| Err(late())).map_err(|e| e.with_reached(Reached::NotSent))?
                }
            };
            let Some(connection) = lease.connection.as_mut() else { return Err(no_answer()) };
            let kept = connection.answers > 0;
            let outcome = {
                let mut coming = pin!(connection.begin(self.make(request, target, body)));
                poll_fn(|cx| deadline.bound(cx, |cx| connection.poll_answer(coming.as_mut(), answer, cx))).await
            };
            let error = match outcome {
                Some(Ok(())) => {
                    let says = || answer.as_ref().is_some_and(|answer| says_keep_alive(answer.headers()));
                    lease.keep = !matches!(self.route, Route::Forward { .. }) || says();
                    return Ok(lease);
                }
                Some(Err(e)) => e,
                None => return Err(late().with_reached(connection.reached())),
            };
            // It was kept alive and is closed, whatever was said first: the server may have given it up at any time.
            let untouched = kept && connection.nothing_written();
            let closed = kept && error.kind() == ErrorKind::Closed && connection.received() == 0;
            let unsent = error.reached() == Reached::NotSent;
            match again {
                Some(same) if untouched || (closed && (unsent || self.options.retry_stale)) => {
                    debug!(target: LOG, url = %self.text, unsent, "a kept connection was closed, sending over a new one");
                    body = same;
                    fresh = true;
                }
                _ => return Err(error),
            }
        }
    }

    async fn lease(&self, fresh: bool) -> Result<Lease<'_>> {
        let shut = |_| Error::new(ErrorKind::Internal, "the client's connections were closed");
        let permit = self.permits.acquire().await.map_err(shut)?;
        let kept = if fresh { None } else { self.idle_one(true) };
        let connection = match kept {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(Lease { client: self, connection: Some(connection), keep: true, _permit: permit })
    }

    // A connection that is there and need not be waited for.
    fn kept(&self, probe: bool) -> Option<Lease<'_>> {
        let permit = self.permits.try_acquire().ok()?;
        let connection = self.idle_one(probe)?;
        Some(Lease { client: self, connection: Some(connection), keep: true, _permit: permit })
    }

    // The connection that was used last; to `probe` is to leave out those whose end can be seen.
    fn idle_one(&self, probe: bool) -> Option<Box<Connection>> {
        loop {
            let mut idle = self.idle();
            let mut found = idle.pop()?;
            if found.idle_since.elapsed() >= self.options.idle_timeout {
                // All others have been idle for longer.
                let old = std::mem::take(&mut *idle);
                drop(idle);
                drop(old);
                return None;
            }
            drop(idle);
            if !probe || found.is_usable() {
                return Some(found);
            }
        }
    }

    async fn connect(&self) -> Result<Box<Connection>> {
        let address = match &self.route {
            Route::Direct => self.url.address(),
            Route::Forward { proxy } | Route::Tunnel { proxy, .. } => proxy,
        };
        let options = ConnectOptions { timeout: self.options.connect_timeout };
        let mut stream = connect(address, &options).await.map_err(|e| match &self.route {
            Route::Direct => e,
            Route::Forward { .. } | Route::Tunnel { .. } => e.context("the proxy"),
        })?;
        if let Route::Tunnel { proxy, secret } = &self.route {
            let open = tunnel::open(stream, &self.url, secret.as_ref());
            stream = tokio::time::timeout(self.options.connect_timeout, open)
                .await
                .unwrap_or_else(|_| Err(Error::new(ErrorKind::Timeout, "the proxy does not open the tunnel in time")))
                .map_err(|e| e.with_endpoint(proxy))?;
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls.as_ref().filter(|_| self.url.secure()) {
            stream = tls.connect(stream, self.url.host()).await?;
        }
        debug!(target: LOG, url = %self.text, peer = %stream.peer_text(), "connected");
        Connection::new(stream, self.url.secure(), self.options.title_case).await
    }

    fn unpack(&self, head: &mut ResponseHead, body: Bytes) -> Result<Bytes> {
        let Some(name) = head.headers().get(CONTENT_ENCODING) else { return Ok(body) };
        let coding = name.to_str().ok().and_then(Coding::named);
        let ok = head.status() == http::StatusCode::OK;
        let unpacked = match coding {
            Some(coding) => coding::decode(coding, body, &self.options.limits),
            None => Err(Error::new(
                ErrorKind::Protocol,
                format!("the answer comes in the content coding {name:?}; gzip and deflate are understood"),
            )),
        };
        match unpacked {
            Ok(body) => {
                head.headers_mut().remove(CONTENT_ENCODING);
                head.headers_mut().remove(CONTENT_LENGTH);
                Ok(body)
            }
            Err(_) if !ok => Ok(Bytes::new()),
            Err(e) => Err(e.with_reached(Reached::Answered)),
        }
    }
}

impl Lease<'_> {
    // The answer was read: the connection can be kept for the next call.
    fn give_back(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if !self.keep || self.client.options.max_idle == 0 || !connection.is_idle() {
            return;
        }
        connection.idle_since = Instant::now();
        let mut idle = self.client.idle();
        let surplus = if idle.len() < self.client.options.max_idle { None } else { Some(idle.remove(0)) };
        idle.push(connection);
        drop(idle);
        drop(surplus);
    }
}

const LOG: &str = "springline::http";

#[cold]
fn no_answer() -> Error {
    Error::new(ErrorKind::Internal, "a lease without a connection or its answer")
}

#[cold]
fn late() -> Error {
    Error::new(ErrorKind::Timeout, "no answer before the deadline")
}

// Some proxies (tinyproxy 1.11) close after each answer without saying so: one has to say that it does not.
fn says_keep_alive(headers: &HeaderMap) -> bool {
    ["connection", "proxy-connection"].iter().flat_map(|name| headers.get_all(*name)).any(|value| {
        value.to_str().is_ok_and(|list| list.split(',').any(|word| word.trim().eq_ignore_ascii_case("keep-alive")))
    })
}

fn uri(prefix: &str, target: &str) -> Result<Uri> {
    let text = format!("{prefix}{}{target}", if target.starts_with('/') { "" } else { "/" });
    text.parse().map_err(|e| Error::new(ErrorKind::Name, format!("{target:?} cannot be asked for: {e}")))
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("url", &self.inner.text).field("idle", &self.idle()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("head", &self.head).finish_non_exhaustive()
    }
}
