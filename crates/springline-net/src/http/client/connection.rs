//! One connection, driven by the call that has it: hyper's state machine without a task of its own.
//!
//! Whoever waits for an answer polls the connection in its own `poll`. An answer's head and body are handed from hyper's
//! connection to us through channels, but within one `poll`, so nobody has to be woken for them: they are polled with a
//! waker that does nothing, and only what waits for the socket has the real one. And once a read has given all that there
//! was, the reads that hyper goes on to try within that `poll` are put off (`wire.rs`): most often the answer is there.

use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use springline_core::{Error, ErrorKind, Reached, Result};

use super::wire::{Count, Counted};
use crate::Stream;
use crate::http::Body;
use crate::http::wakes::Wakes;

/// The most that an answer's head may take. A bound on what is kept while it is not complete.
const HEAD: usize = 64 * 1024;

pub(super) struct Connection {
    sender: http1::SendRequest<Body>,
    driver: http1::Connection<TokioIo<Counted>, Body>,
    count: Arc<Count>,
    wakes: Wakes,
    /// Once hyper's connection is done, and what ended it.
    ended: Option<Option<hyper::Error>>,
    /// Where the current exchange began, in bytes written and read.
    mark: (u64, u64),
    /// How many bytes the body of the current request has, unless it is a stream.
    body: Option<u64>,
    secure: bool,
    /// How many answers came over it.
    pub(super) answers: u64,
    pub(super) idle_since: Instant,
}

impl Connection {
    /// Boxed: large, and moved from call to call.
    pub(super) async fn new(stream: Stream, secure: bool, title_case: bool) -> Result<Box<Self>> {
        let count = Arc::new(Count::default());
        let io = TokioIo::new(Counted::new(stream, count.clone()));
        let mut builder = http1::Builder::new();
        // One buffer for head and body: the system takes that faster than two. Large bodies come in pieces.
        builder.writev(false).title_case_headers(title_case).max_header_size(HEAD);
        let (sender, driver) =
            builder.handshake(io).await.map_err(|e| Error::new(ErrorKind::Internal, format!("no connection: {e}")))?;
        Ok(Box::new(Self {
            sender,
            driver,
            count,
            wakes: Wakes::new(),
            ended: None,
            mark: (0, 0),
            body: None,
            secure,
            answers: 0,
            idle_since: Instant::now(),
        }))
    }

    fn drive(&mut self, cx: &mut Context<'_>) {
        if self.ended.is_some() {
            return;
        }
        let (driver, count) = (&mut self.driver, &self.count);
        let polled = self.wakes.poll(cx, |cx| {
            count.read_on();
            Pin::new(&mut *driver).poll(cx)
        });
        if let Poll::Ready(end) = polled {
            self.ended = Some(end.err());
        }
    }

    /// Whether another request can go over it, as far as can be seen without waiting. Also takes off the waker of the
    /// last exchange, which nobody needs to be woken by any more.
    pub(super) fn is_usable(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.ended.is_none() && self.sender.is_ready()
    }

    /// Whether it is ready for another request now that the last answer was read.
    pub(super) fn is_idle(&mut self) -> bool {
        (self.ended.is_none() && self.sender.is_ready()) || self.is_usable()
    }

    /// Hands over a request. It is on its way once the answer is polled for, by what this gives.
    pub(super) fn begin(
        &mut self,
        request: http::Request<Body>,
    ) -> impl Future<Output = hyper::Result<http::Response<Incoming>>> + use<> {
        self.mark = (self.count.written(), self.count.read());
        self.body = request.body().known_length();
        self.count.expect_nothing();
        self.wakes.begin();
        self.sender.send_request(request)
    }

    /// Sends what is to be sent and reads as far as the end of the answer's head, which is put into `answer`.
    pub(super) fn poll_answer(
        &mut self,
        mut coming: Pin<&mut impl Future<Output = hyper::Result<http::Response<Incoming>>>>,
        answer: &mut Option<http::Response<Incoming>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<()>> {
        loop {
            self.drive(cx);
            return match coming.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(came)) => {
                    *answer = Some(came);
                    self.answers += 1;
                    Poll::Ready(Ok(()))
                }
                Poll::Ready(Err(e)) => Poll::Ready(Err(self.failure(Some(e)))),
                Poll::Pending if self.ended.is_some() => Poll::Ready(Err(self.failure(None))),
                Poll::Pending if self.count.put_off() => continue,
                Poll::Pending => Poll::Pending,
            };
        }
    }

    /// The next piece of an answer's body; `None` at its end.
    pub(super) fn poll_chunk(&mut self, body: &mut Incoming, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        let mut driven = false;
        // To ask for the body wakes the connection, which is driven below.
        self.wakes.begin();
        loop {
            match Pin::new(&mut *body).poll_frame(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Ok(Some(data)));
                    }
                }
                Poll::Ready(Some(Err(e))) => return Poll::Ready(Err(self.failure(Some(e)))),
                Poll::Ready(None) => return Poll::Ready(Ok(None)),
                Poll::Pending if self.ended.is_some() => return Poll::Ready(Err(self.failure(None))),
                Poll::Pending if driven && !self.count.put_off() => return Poll::Pending,
                Poll::Pending => {
                    self.drive(cx);
                    driven = true;
                }
            }
        }
    }

    /// The whole body, of at most `most` bytes.
    pub(super) fn poll_whole(
        &mut self,
        body: &mut Incoming,
        whole: &mut Whole,
        most: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Bytes>> {
        while !body.is_end_stream() {
            if whole.have() == 0
                && let Some(claimed) = body.size_hint().exact().filter(|n| *n > most as u64)
            {
                return Poll::Ready(Err(over(&claimed.to_string(), most)));
            }
            let claimed = body.size_hint().exact().map(|left| left.saturating_add(whole.have() as u64));
            let Some(chunk) = ready!(self.poll_chunk(body, cx))? else { break };
            if chunk.len() > most - whole.have() {
                return Poll::Ready(Err(over(&format!("more than {most}"), most)));
            }
            whole.add(chunk, claimed);
        }
        Poll::Ready(Ok(std::mem::take(whole).done()))
    }

    /// How far the current request got.
    pub(super) fn reached(&self) -> Reached {
        // The body goes out behind the head.
        let written = self.count.written() - self.mark.0;
        let missing = self.body.is_some_and(|body| self.count.unfinished() || (body > 0 && written <= body));
        if written == 0 || missing { Reached::NotSent } else { Reached::MaybeExecuted }
    }

    /// Whether the current request is as if it had never been.
    pub(super) fn nothing_written(&self) -> bool {
        self.count.written() == self.mark.0
    }

    /// Bytes of the current answer that came.
    pub(super) fn received(&self) -> u64 {
        self.count.read() - self.mark.1
    }

    // What went wrong: hyper's own words are no help to somebody who does not know hyper.
    fn failure(&mut self, cause: Option<hyper::Error>) -> Error {
        let ended = self.ended.replace(None).flatten();
        let cause = match (cause, ended) {
            // A body's error says "connection error" at times, and the connection knows which.
            (Some(cause), Some(ended)) if cause.source().is_none() && !cause.is_parse() => Some(ended),
            (cause, ended) => cause.or(ended),
        };
        let reached = self.reached();
        let received = self.received();
        let Some(cause) = cause else { return self.closed(received).with_reached(reached) };
        let io = io_error(&cause);
        let error = if cause.is_parse_too_large() {
            Error::new(ErrorKind::Limit, format!("the answer's head is over the limit of {HEAD} bytes or 100 headers"))
        } else if cause.is_parse() {
            Error::new(ErrorKind::Protocol, format!("the answer is not HTTP/1: {}", words(&cause)))
        } else if cause.is_user() {
            Error::new(ErrorKind::Encode, format!("the request's body failed: {}", words(&cause)))
        } else if received > 0
            && io.is_some_and(|e| matches!(e.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput))
        {
            Error::new(
                ErrorKind::Protocol,
                format!("the answer's body is not framed as it should be: {}", words(&cause)),
            )
        } else if let Some(refused) = io.filter(|_| received == 0).and_then(refusal) {
            // The peer's own handshake failed: it has not looked at the request.
            return refused.with_reached(if self.answers == 0 { Reached::NotSent } else { reached });
        } else {
            match io {
                Some(io) => self.closed(received).with_source(io.to_string()),
                None => self.closed(received),
            }
        };
        error.with_reached(reached)
    }

    fn closed(&self, received: u64) -> Error {
        if received > 0 {
            let text = format!("the connection ended in the middle of the answer, after {received} bytes");
            Error::new(ErrorKind::Closed, text)
        } else if self.secure && self.answers == 0 {
            // In TLS 1.3 the client's handshake is done before the server has looked at the client's certificate.
            Error::new(
                ErrorKind::Denied,
                "the server closed the connection before answering; where it asks for client certificates that usually \
                 means that it wants one or refused ours",
            )
        } else {
            Error::new(ErrorKind::Closed, "the server closed the connection before answering")
        }
    }
}

/// A body as far as it came. One that comes in one piece, as most do, is not copied.
#[derive(Default)]
pub(super) struct Whole {
    first: Bytes,
    all: BytesMut,
}

impl Whole {
    fn have(&self) -> usize {
        self.first.len() + self.all.len()
    }

    fn add(&mut self, chunk: Bytes, claimed: Option<u64>) {
        let have = self.have();
        if have == 0 {
            self.first = chunk;
            return;
        }
        if self.all.capacity() < have + chunk.len() {
            // Room is made by what has come; what is claimed counts once a quarter of it is there.
            let claimed = claimed.map_or(0, |n| n as usize);
            let room = if claimed <= have * 4 { claimed } else { have * 2 };
            self.all.reserve(room.max(have + chunk.len()) - self.all.len());
        }
        self.all.extend_from_slice(&std::mem::take(&mut self.first));
        self.all.extend_from_slice(&chunk);
    }

    fn done(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}

fn over(size: &str, most: usize) -> Error {
    let text = format!("an answer of {size} bytes is over the limit message_size = {most}");
    Error::new(ErrorKind::Limit, text).with_reached(Reached::Answered)
}

fn io_error(e: &hyper::Error) -> Option<&io::Error> {
    let mut next = e.source();
    while let Some(e) = next {
        if let Some(io) = e.downcast_ref::<io::Error>() {
            return Some(io);
        }
        next = e.source();
    }
    None
}

// The whole chain on one line.
fn words(e: &hyper::Error) -> String {
    let mut text = e.to_string();
    let mut next = e.source();
    while let Some(e) = next {
        text.push_str(": ");
        text.push_str(&e.to_string());
        next = e.source();
    }
    text
}

// What a TLS peer's refusal means.
#[cfg(feature = "tls")]
fn refusal(e: &io::Error) -> Option<Error> {
    crate::tls::refusal(e)
}

#[cfg(not(feature = "tls"))]
fn refusal(_: &io::Error) -> Option<Error> {
    None
}
