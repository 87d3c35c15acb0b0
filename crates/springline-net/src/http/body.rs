//! Bodies: what goes out, and what comes in.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use springline_core::{Error, ErrorKind, Output, Result};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

use super::HttpOptions;
use super::io::Shared;
use crate::transfer::transfer_until;

/// hyper copies what it sends behind the head: of large bodies no more than a few of such pieces at a time.
const PIECE: usize = 64 * 1024;

/// Up to so many bytes a copy of a body costs less than to share it.
const COPIED: usize = 1024;

/// A body on its way out: nothing, whole, or a stream.
///
/// What is whole goes out with a Content-Length, a stream in chunks (to HTTP/1.0 peers until the connection ends).
#[derive(Default)]
pub struct Body {
    repr: Repr,
    /// Who wants to know when it is out.
    out: Option<Out>,
}

/// Dropped with the body, which hyper has entirely then.
struct Out(Arc<Shared>);

impl Drop for Out {
    fn drop(&mut self) {
        self.0.body_out();
    }
}

#[derive(Default)]
enum Repr {
    #[default]
    Empty,
    Whole(Bytes),
    /// The same, owned, of one piece.
    Own(Vec<u8>),
    /// Boxed: few have several.
    Parts(Box<(VecDeque<Bytes>, u64)>),
    Channel(mpsc::Receiver<Result<Bytes>>),
}

impl Body {
    /// No body.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// A body whose pieces are made while it is being sent. At most `pieces` of them wait at a time.
    ///
    /// A sender that is dropped without [`BodySender::fail`] ends the body.
    #[must_use]
    pub fn channel(pieces: usize) -> (BodySender, Self) {
        let (tx, rx) = mpsc::channel(pieces.max(1));
        (BodySender(tx), Repr::Channel(rx).into())
    }

    /// Tells a connection when it is out.
    pub(super) fn tell(&mut self, connection: Arc<Shared>) {
        self.out = Some(Out(connection));
    }

    /// The same body once more, unless it is a stream.
    pub(super) fn again(&mut self) -> Option<Self> {
        match &mut self.repr {
            Repr::Own(bytes) if bytes.len() <= COPIED => return Some(Repr::Own(bytes.clone()).into()),
            Repr::Own(bytes) => self.repr = Repr::Whole(std::mem::take(bytes).into()),
            _ => {}
        }
        match &self.repr {
            Repr::Empty => Some(Self::empty()),
            Repr::Whole(bytes) => Some(Repr::Whole(bytes.clone()).into()),
            Repr::Parts(parts) => Some(Repr::Parts(parts.clone()).into()),
            Repr::Own(_) | Repr::Channel(_) => None,
        }
    }

    /// All of it, unless it is a stream.
    pub(super) fn whole(&self) -> Option<Bytes> {
        match &self.repr {
            Repr::Empty => Some(Bytes::new()),
            Repr::Whole(bytes) => Some(bytes.clone()),
            Repr::Own(bytes) => Some(Bytes::copy_from_slice(bytes)),
            Repr::Parts(parts) => Some(parts.0.iter().flatten().copied().collect()),
            Repr::Channel(_) => None,
        }
    }

    /// Its length in bytes, unless it is a stream.
    #[must_use]
    pub fn known_length(&self) -> Option<u64> {
        match &self.repr {
            Repr::Empty => Some(0),
            Repr::Whole(bytes) => Some(bytes.len() as u64),
            Repr::Own(bytes) => Some(bytes.len() as u64),
            Repr::Parts(parts) => Some(parts.1),
            Repr::Channel(_) => None,
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known_length() {
            Some(n) => write!(f, "Body({n} bytes)"),
            None => f.write_str("Body(stream)"),
        }
    }
}

impl From<Repr> for Body {
    fn from(repr: Repr) -> Self {
        Self { repr, out: None }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::empty() } else { Repr::Whole(bytes).into() }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        match bytes.len() {
            0 => Self::empty(),
            1..=PIECE => Repr::Own(bytes).into(),
            _ => Bytes::from(bytes).into(),
        }
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

/// Large blobs go out by reference.
impl From<Output> for Body {
    fn from(output: Output) -> Self {
        if output.blobs().is_empty() {
            return output.buf.into();
        }
        let length = output.len() as u64;
        let blobs = output.blobs().to_vec();
        let buf = Bytes::from(output.buf);
        let mut parts = VecDeque::with_capacity(blobs.len() * 2 + 1);
        let mut done = 0;
        for (at, blob) in blobs {
            parts.push_back(buf.slice(done..at));
            parts.push_back(blob);
            done = at;
        }
        parts.push_back(buf.slice(done..));
        parts.retain(|part| !part.is_empty());
        Repr::Parts(Box::new((parts, length))).into()
    }
}

impl http_body::Body for Body {
    type Data = Piece;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Piece>>>> {
        Poll::Ready(match &mut self.repr {
            Repr::Empty => None,
            Repr::Whole(bytes) if bytes.len() > PIECE => Some(piece(bytes.split_to(PIECE))),
            Repr::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                self.repr = Repr::Empty;
                Some(piece(bytes))
            }
            Repr::Own(bytes) => {
                let bytes = std::mem::take(bytes);
                self.repr = Repr::Empty;
                Some(Ok(Frame::data(Piece(Rest::Own(bytes.into_iter())))))
            }
            Repr::Parts(parts) => {
                let (parts, left) = &mut **parts;
                let next = match parts.front_mut() {
                    Some(part) if part.len() > PIECE => Some(part.split_to(PIECE)),
                    _ => parts.pop_front(),
                };
                next.map(|next| {
                    *left -= next.len() as u64;
                    piece(next)
                })
            }
            Repr::Channel(rx) => ready!(rx.poll_recv(cx)).map(|next| next.and_then(piece)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.known_length() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.known_length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// A piece of a body on its way out.
#[derive(Debug)]
pub struct Piece(Rest);

#[derive(Debug)]
enum Rest {
    Shared(Bytes),
    Own(std::vec::IntoIter<u8>),
}

fn piece(bytes: Bytes) -> Result<Frame<Piece>> {
    Ok(Frame::data(Piece(Rest::Shared(bytes))))
}

impl Buf for Piece {
    #[inline]
    fn remaining(&self) -> usize {
        self.chunk().len()
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        match &self.0 {
            Rest::Shared(bytes) => bytes,
            Rest::Own(bytes) => bytes.as_slice(),
        }
    }

    #[inline]
    fn advance(&mut self, n: usize) {
        match &mut self.0 {
            Rest::Shared(bytes) => bytes.advance(n),
            Rest::Own(bytes) => {
                if let Some(last) = n.checked_sub(1) {
                    let passed = bytes.nth(last);
                    assert!(passed.is_some(), "no more than there is");
                }
            }
        }
    }
}

/// Makes the pieces of a [`Body::channel`].
#[derive(Clone, Debug)]
pub struct BodySender(mpsc::Sender<Result<Bytes>>);

impl BodySender {
    /// Sends a piece once there is room for it.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] when nobody takes the body any more: the peer went away.
    pub async fn send(&self, piece: impl Into<Bytes>) -> Result<()> {
        let gone = |_| Error::new(ErrorKind::Closed, "the peer does not take the body any more");
        self.0.send(Ok(piece.into())).await.map_err(gone)
    }

    /// Waits until nobody takes the body any more.
    pub async fn closed(&self) {
        self.0.closed().await;
    }

    /// Breaks the body off: the connection is closed, so that the peer does not take what it has for the whole.
    pub async fn fail(self, error: Error) {
        let _ = self.0.send(Err(error)).await;
    }
}

/// How long the rest of a transfer may take: no pause longer than the timeout, and over all the timeout and a second
/// for each 16 KiB.
#[derive(Debug)]
pub(super) struct Pace {
    timeout: Duration,
    started: Option<Instant>,
    bytes: u64,
    armed: bool,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, started: None, bytes: 0, armed: false, sleep: None }
    }

    pub(super) fn progress(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.armed = false;
    }

    pub(super) fn restart(&mut self) {
        self.started = None;
        self.bytes = 0;
        self.armed = false;
    }

    /// For when the transfer is pending: ready when it has been so for too long.
    pub(super) fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.armed {
            let now = Instant::now();
            let started = *self.started.get_or_insert(now);
            let until = transfer_until(started, self.bytes, self.timeout);
            match &mut self.sleep {
                Some(sleep) => sleep.as_mut().reset(until),
                None => self.sleep = Some(Box::pin(tokio::time::sleep_until(until))),
            }
            self.armed = true;
        }
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

/// A body that comes in. It is read as the peer sends it; what is not read is not held.
#[derive(Debug)]
pub struct Incoming {
    body: hyper::body::Incoming,
    limit: u64,
    seen: u64,
    pace: Pace,
    /// The server's side of the connection, which wants to know when the body has been read to its end.
    told: Option<(Arc<Shared>, u64)>,
}

impl Incoming {
    /// That of the request which has just begun.
    #[inline]
    pub(super) fn new(body: hyper::body::Incoming, options: &HttpOptions, connection: &Arc<Shared>) -> Self {
        let request = connection.request();
        let told = if body.is_end_stream() {
            connection.consumed(request);
            None
        } else {
            Some((connection.clone(), request))
        };
        let pace = Pace::new(options.transfer_timeout);
        Self { body, limit: options.limits.message_size as u64, seen: 0, pace, told }
    }

    fn ended(&mut self) {
        if let Some((told, request)) = self.told.take() {
            told.consumed(request);
        }
    }

    /// What the peer said its length is; nothing for a body in chunks. A hint: allocate by what comes.
    #[must_use]
    pub fn known_length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// Sets how many bytes it may have in all, for a body that is not held: the limit of the server is meant for those that
    /// are.
    pub fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// The next piece, or nothing at the end.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] for a body over the limit, [`ErrorKind::Timeout`] for a peer that sends too slowly,
    /// [`ErrorKind::Malformed`] for bad chunks and bodies that break off. Nothing can be read after that.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// As [`chunk`](Self::chunk), for those who poll.
    ///
    /// # Errors
    /// Likewise.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            let frame = match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    ready!(self.pace.poll_stalled(cx));
                    let seen = self.seen;
                    let e = format!("the rest of the body did not come in time, after {seen} bytes");
                    return Poll::Ready(Err(Error::new(ErrorKind::Timeout, e)));
                }
            };
            let Some(frame) = frame else {
                self.ended();
                return Poll::Ready(Ok(None));
            };
            let frame = frame.map_err(|e| {
                let seen = self.seen;
                Error::new(ErrorKind::Malformed, format!("the body breaks off after {seen} bytes")).with_source(e)
            })?;
            // Trailers mean nothing to anybody here.
            let Ok(data) = frame.into_data() else { continue };
            self.seen += data.len() as u64;
            self.pace.progress(data.len());
            if self.body.is_end_stream() {
                self.ended();
            }
            if self.seen > self.limit {
                return Poll::Ready(Err(over(self.limit)));
            }
            return Poll::Ready(Ok(Some(data)));
        }
    }

    /// The whole body, of at most `limit` bytes. One that came with its head is not copied.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    pub async fn whole(&mut self, limit: usize) -> Result<Bytes> {
        self.limit = self.limit.min(limit as u64);
        let length = self.known_length();
        if length.is_some_and(|n| n > self.limit) {
            return Err(over(self.limit));
        }
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        if length == Some(first.len() as u64) {
            return Ok(first);
        }
        let Some(second) = self.chunk().await? else { return Ok(first) };
        // Room for what was announced, but never for much more than what has come.
        let room = |have: usize| {
            let announced = length.map_or(have * 2, |n| n as usize);
            announced.clamp(have, (have * 2).max(64 * 1024))
        };
        let mut all = BytesMut::with_capacity(room(first.len() + second.len()));
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        drop((first, second));
        while let Some(piece) = self.chunk().await? {
            let have = all.len() + piece.len();
            if have > all.capacity() {
                all.reserve(room(have) - all.len());
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

#[cold]
fn over(limit: u64) -> Error {
    Error::new(ErrorKind::Limit, format!("the body is over the limit message_size = {limit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Taken from in steps, as a writer does whose buffer is nearly full.
    async fn out(mut body: Body) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let mut data = frame.unwrap().into_data().unwrap();
            while data.has_remaining() {
                let some = data.chunk().len().min(7);
                all.extend_from_slice(&data.chunk()[..some]);
                data.advance(0);
                data.advance(some);
            }
        }
        assert!(body.is_end_stream());
        all
    }

    #[tokio::test]
    async fn all_of_a_body_goes_out_and_again() {
        for len in [0, 1, 6, 7, 300, PIECE, PIECE + 1, 3 * PIECE] {
            let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let kept = bytes.clone();
            let shared = Body::from(Bytes::from(bytes.clone()));
            let mut own = Body::from(bytes);
            for body in [&own, &shared] {
                assert_eq!(body.known_length(), Some(len as u64));
                assert_eq!(body.whole().as_deref(), Some(&kept[..]));
            }
            let again = own.again().unwrap();
            assert_eq!(out(Body::from(kept.clone())).await, kept);
            for body in [own, shared, again] {
                assert_eq!(out(body).await, kept);
            }
        }
    }
}
