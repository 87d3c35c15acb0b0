//! The stream as hyper sees it, and what is learned from how hyper uses it: where a connection stands between requests,
//! for how long, and what the heads say that hyper does not tell.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::header::CONTENT_LENGTH;
use http_body::Body as _;
use springline_core::Peer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::HttpOptions;
use super::body::Pace;
use crate::{Connection, Stream};

/// How much is looked at of the first thing that comes, in bytes.
const FIRST: usize = 512;

/// How often hyper reads between an answer and waiting.
const READS: u8 = 2;

/// Where a connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Phase {
    /// Between requests.
    Idle,
    /// Some of a head has come.
    Head,
    /// A request is being served.
    Busy,
    /// The answer is being sent.
    Answered,
}

/// The head was followed from its first byte to its end.
const SCANNED: u8 = 1;
/// It has both lengths.
const TWO_LENGTHS: u8 = 2;
/// The answer's body is with hyper entirely.
const BODY_OUT: u8 = 4;
/// See `End`.
const PARK: u8 = 8;
const RENEW: u8 = 16;
const CLOSE: u8 = 32;

/// What a connection's stream, service and task tell each other. All but
/// `consumed` and `quiet` is written by one task only: the atomics only share.
#[derive(Debug)]
pub(super) struct Shared {
    phase: AtomicU8,
    flags: AtomicU8,
    /// The length of the request's body; the maximum for one in chunks.
    expected: AtomicU64,
    /// Counts the requests.
    request: AtomicU64,
    /// The last request whose body was read to its end.
    consumed: AtomicU64,
    /// One more than the last request before the connection was quiet: see `quiet.rs`.
    quiet: AtomicU64,
    connection: Connection,
    pub(super) peer: Arc<Peer>,
}

/// As a number of a request: none is waited for.
const ALWAYS: u64 = u64::MAX;

/// What a request's head says of its length, and what is known of it beyond what hyper tells.
pub(super) struct Seen {
    pub(super) length: Option<u64>,
    pub(super) chunked: bool,
    /// False when the server is shutting down and this connection has ended.
    pub(super) welcome: bool,
    pub(super) two_lengths: bool,
    pub(super) scanned: bool,
}

impl Seen {
    /// That request begins.
    pub(super) fn at(request: &hyper::Request<hyper::body::Incoming>, shared: &Shared) -> Self {
        // hyper has read the head for it, and refuses lengths that are none.
        let (length, chunked) = match request.body().size_hint().exact() {
            Some(0) if !request.headers().contains_key(CONTENT_LENGTH) => (None, false),
            exact => (exact, exact.is_none()),
        };
        let followed = shared.phase() == Phase::Head;
        let seen = Self {
            length,
            chunked,
            welcome: shared.connection.begin(),
            two_lengths: followed && shared.has(TWO_LENGTHS),
            scanned: followed && shared.has(SCANNED),
        };
        shared.expected.store(if chunked { u64::MAX } else { length.unwrap_or(0) }, Relaxed);
        shared.request.store(shared.request() + 1, Relaxed);
        shared.flags.store(0, Relaxed);
        shared.enter(Phase::Busy);
        seen
    }
}

impl Shared {
    pub(super) fn new(connection: Connection, peer: Arc<Peer>) -> Self {
        Self {
            phase: AtomicU8::new(Phase::Idle as u8),
            flags: AtomicU8::new(0),
            expected: AtomicU64::new(0),
            request: AtomicU64::new(0),
            consumed: AtomicU64::new(0),
            quiet: AtomicU64::new(0),
            connection,
            peer,
        }
    }

    fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            0 => Phase::Idle,
            1 => Phase::Head,
            2 => Phase::Busy,
            _ => Phase::Answered,
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
    }

    fn set(&self, flag: u8) {
        self.flags.store(self.flags.load(Relaxed) | flag, Relaxed);
    }

    fn has(&self, flag: u8) -> bool {
        self.flags.load(Relaxed) & flag != 0
    }

    pub(super) fn answered(&self) {
        self.enter(Phase::Answered);
    }

    pub(super) fn body_out(&self) {
        if self.phase() == Phase::Answered {
            self.set(BODY_OUT);
        }
    }

    pub(super) fn request(&self) -> u64 {
        self.request.load(Relaxed)
    }

    /// The body of that request was read to its end, by whatever task.
    pub(super) fn consumed(&self, request: u64) {
        self.consumed.store(request, Relaxed);
    }

    /// The last request, if none is there now.
    pub(super) fn idle_request(&self) -> Option<u64> {
        (self.phase() == Phase::Idle).then(|| self.request())
    }

    /// There was none after that one for a while.
    pub(super) fn quiet_since(&self, request: u64) {
        self.quiet.store(request + 1, Relaxed);
    }

    /// Nobody will tell when there was none for a while.
    pub(super) fn always_quiet(&self) {
        self.quiet.store(ALWAYS, Relaxed);
    }

    fn is_quiet(&self) -> bool {
        let quiet = self.quiet.load(Relaxed);
        quiet == ALWAYS || quiet == self.request() + 1
    }

    pub(super) fn stopping(&self) -> bool {
        self.connection.stopping()
    }

    pub(super) fn closing(&self) -> bool {
        self.has(CLOSE)
    }

    pub(super) fn renew(&self) -> bool {
        self.has(RENEW)
    }

    pub(super) fn idle(&self) -> bool {
        self.has(PARK)
    }
}

pub(super) struct Io {
    pub(super) stream: Stream,
    shared: Arc<Shared>,
    /// Whether the first request's first field has a name in small letters, once that is known.
    small_letters: Option<bool>,
    /// What the last hyper had read ahead, or what came first.
    ahead: Bytes,
    scan: HeadScan,
    /// Bytes that came after the head's end.
    after_head: u64,
    header_timeout: Duration,
    /// Runs while the rest of a head is waited for.
    timer: Option<Pin<Box<Sleep>>>,
    /// An answer has just gone out: most likely so many reads find nothing.
    answered: u8,
    writing: Pace,
    ended: bool,
    timed_out: bool,
}

impl Io {
    pub(super) fn new(stream: Stream, shared: Arc<Shared>, options: &HttpOptions) -> Self {
        Self {
            stream,
            shared,
            small_letters: if options.title_case { None } else { Some(true) },
            ahead: Bytes::new(),
            scan: HeadScan::default(),
            after_head: 0,
            header_timeout: options.header_timeout,
            timer: None,
            answered: 0,
            writing: Pace::new(options.transfer_timeout),
            ended: false,
            timed_out: false,
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) fn phase(&self) -> Phase {
        self.shared.phase()
    }

    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    pub(super) fn timed_out(&self) -> bool {
        self.timed_out
    }

    pub(super) fn stopping(&self) -> bool {
        self.shared.stopping()
    }

    /// Takes what hyper had read and not used. A new hyper gets it first.
    pub(super) fn give_back(&mut self, mut ahead: Bytes) {
        ahead.advance(ahead.iter().take_while(|b| is_blank(**b)).count());
        // A copy: these few bytes, or none, would keep all of hyper's buffer.
        self.ahead = Bytes::copy_from_slice(&ahead);
        self.timer = None;
        self.answered = 0;
        self.shared.flags.store(0, Relaxed);
        self.shared.enter(Phase::Idle);
    }

    pub(super) fn has_bytes(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Waits for something to come. The first bytes of a connection are read: they tell in which letters the client writes.
    pub(super) fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.small_letters.is_some() {
            return self.stream.poll_read_ready(cx);
        }
        let mut bytes = [MaybeUninit::uninit(); FIRST];
        let mut first = ReadBuf::uninit(&mut bytes);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut first))?;
        if first.filled().is_empty() {
            // hyper asks once more, and is told the same.
            return Poll::Ready(Ok(()));
        }
        self.ahead = Bytes::copy_from_slice(first.filled());
        let after_line = memchr::memchr(b'\n', first.filled()).and_then(|end| first.filled().get(end + 1));
        self.small_letters = Some(after_line.is_some_and(u8::is_ascii_lowercase));
        Poll::Ready(Ok(()))
    }

    /// Whether the client writes the names of header fields in small letters.
    pub(super) fn small_letters(&self) -> bool {
        self.small_letters == Some(true)
    }

    // Bytes have come. False when the server is stopping and has given this connection up.
    fn came(&mut self, bytes: &[u8]) -> bool {
        if self.shared.phase() == Phase::Idle {
            // Old clients end a body with a line end that does not count: no request has begun with it.
            if bytes.iter().all(|b| is_blank(*b)) {
                return true;
            }
            if !self.shared.connection.begin() {
                return false;
            }
            self.shared.enter(Phase::Head);
            self.scan = HeadScan::default();
            self.after_head = 0;
            self.timer = None;
        }
        if self.shared.phase() == Phase::Head && !self.scan.done {
            let head = self.scan.feed(bytes);
            self.after_head += (bytes.len() - head) as u64;
            if self.scan.done {
                self.timer = None;
                self.shared.set(if self.scan.both() { SCANNED | TWO_LENGTHS } else { SCANNED });
            }
        } else {
            self.after_head += bytes.len() as u64;
        }
        true
    }

    // Nothing has come. Ready when that was so for too long.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.shared.phase() {
            Phase::Idle if self.shared.is_quiet() => Poll::Ready(()),
            Phase::Head => {
                let wait = || Box::pin(tokio::time::sleep(self.header_timeout));
                self.timer.get_or_insert_with(wait).as_mut().poll(cx)
            }
            // The body's reader and the writer look after themselves.
            Phase::Idle | Phase::Busy | Phase::Answered => Poll::Pending,
        }
    }

    fn is_out(&mut self) {
        let shared = &self.shared;
        if shared.phase() == Phase::Answered && shared.has(BODY_OUT) {
            let next = if !shared.connection.next_request() {
                CLOSE
            } else if self.after_head == shared.expected.load(Relaxed) {
                0
            } else if shared.consumed.load(Relaxed) == shared.request() {
                // What was read ahead, if anything, is looked at anew: nobody has to guess where a request begins.
                RENEW
            } else {
                // The rest of the body is still to come, and nobody wants it.
                CLOSE
            };
            shared.flags.store(next, Relaxed);
            shared.enter(Phase::Idle);
            self.after_head = 0;
            self.answered = READS;
            self.writing.restart();
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

impl AsyncRead for Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.shared.has(PARK | RENEW | CLOSE) {
            // The task looks at these after each poll.
            return Poll::Pending;
        }
        let before = buf.filled().len();
        if this.ahead.is_empty() {
            // Over TLS a read asks much more than whether the socket has anything.
            let none = this.answered > 0 && this.stream.poll_read_ready(cx).is_pending();
            this.answered = if none { this.answered - 1 } else { 0 };
            let polled = if none { Poll::Pending } else { Pin::new(&mut this.stream).poll_read(cx, buf) };
            match polled {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(e)) => {
                    this.ended = true;
                    return Poll::Ready(Err(e));
                }
                Poll::Pending => {
                    ready!(this.poll_patience(cx));
                    if this.shared.phase() == Phase::Idle {
                        this.shared.set(PARK);
                        return Poll::Pending;
                    }
                    this.timed_out = true;
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the head did not come in time")));
                }
            }
        } else {
            let n = this.ahead.len().min(buf.remaining());
            buf.put_slice(&this.ahead[..n]);
            this.ahead.advance(n);
        }
        if buf.filled().len() == before {
            this.ended = true;
        } else if !this.came(&buf.filled()[before..]) {
            buf.set_filled(before);
        }
        Poll::Ready(Ok(()))
    }
}

impl Io {
    fn wrote(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Ready(Ok(n)) => {
                self.writing.progress(n);
                Poll::Ready(Ok(n))
            }
            Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
            Poll::Pending => {
                ready!(self.writing.poll_stalled(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not take the answer")))
            }
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.wrote(cx, polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.wrote(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                this.is_out();
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
            Poll::Pending => {
                ready!(this.writing.poll_stalled(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not take the answer")))
            }
        }
    }

    // The end is the connection's business: see `farewell`.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// Follows a head, in whatever pieces it comes, for the one thing that hyper hides: that it has both lengths.
#[derive(Default)]
struct HeadScan {
    line: [u8; 18],
    length: usize,
    content_length: bool,
    transfer_encoding: bool,
    begun: bool,
    done: bool,
}

impl HeadScan {
    fn both(&self) -> bool {
        self.content_length && self.transfer_encoding
    }

    /// How many of `bytes` belong to the head.
    fn feed(&mut self, bytes: &[u8]) -> usize {
        if !self.begun
            && self.length == 0
            && let Some(plain) = plain_head(bytes)
        {
            self.done = true;
            return plain;
        }
        self.lines(bytes)
    }

    fn lines(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while let Some(end) = memchr::memchr(b'\n', &bytes[at..]) {
            let line = &bytes[at..at + end];
            at += end + 1;
            if self.length == 0 {
                self.look(line);
            } else {
                self.keep(line);
                let (kept, length) = (self.line, self.length.min(self.line.len()));
                self.look(&kept[..length]);
                self.length = 0;
            }
            if self.done {
                return at;
            }
        }
        self.keep(&bytes[at..]);
        bytes.len()
    }

    // A piece of a line that is not all there: its start is what counts.
    fn keep(&mut self, piece: &[u8]) {
        let room = self.line.len().saturating_sub(self.length).min(piece.len());
        if let Some(to) = self.line.get_mut(self.length..self.length + room) {
            to.copy_from_slice(&piece[..room]);
        }
        self.length += piece.len();
    }

    // The start of a line, or all of it, without its end.
    fn look(&mut self, line: &[u8]) {
        let named = |name: &[u8]| line.get(..name.len()).is_some_and(|s| s.eq_ignore_ascii_case(name));
        match line {
            // Empty lines before the request line are none of the head.
            [] | [b'\r'] => self.done = self.begun,
            [b'c' | b'C', ..] => self.content_length |= named(b"content-length:"),
            [b't' | b'T', ..] => self.transfer_encoding |= named(b"transfer-encoding:"),
            _ => {}
        }
        self.begun |= !matches!(line, [] | [b'\r']);
    }
}

/// The length of a head that is there whole, its lines ended as they should be, without one that begins as
/// `Transfer-Encoding` does: nearly all.
fn plain_head(bytes: &[u8]) -> Option<usize> {
    // Empty lines before the request line are left to the long way.
    if bytes.first().is_none_or(|b| is_blank(*b)) {
        return None;
    }
    for end in memchr::memchr_iter(b'\n', bytes) {
        match bytes.get(end + 1)? {
            // The first byte was no line end.
            b'\r' => return (bytes.get(end - 1..)?.starts_with(b"\r\n\r\n")).then_some(end + 3),
            b'\n' | b't' | b'T' => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_followed_in_any_pieces() {
        let check = |text: &str, both: bool| {
            let head = text.find("\r\n\r\nB").map_or(text.len(), |at| at + 4);
            for piece in 1..=text.len() {
                let mut scan = HeadScan::default();
                let mut of_head = 0;
                for part in text.as_bytes().chunks(piece) {
                    of_head += if scan.done { 0 } else { scan.feed(part) };
                }
                assert_eq!((scan.done, scan.both(), of_head), (true, both, head), "{text:?} in pieces of {piece}");
            }
        };
        check("POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nB", true);
        check("\r\nPOST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nCONTENT-LENGTH:5\r\nX: y\r\n\r\nBody", true);
        check("POST / HTTP/1.1\r\nX-Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nB", false);
        check("POST / HTTP/1.1\r\nContent-Length: 5\r\nX: Transfer-Encoding: chunked\r\n\r\nB", false);
        check(
            "POST / HTTP/1.1\nContent-Length: 5\nTransfer-Encoding: x\n\r\n\r\nB"
                .replace("\n\r\n\r\nB", "\n\r\n")
                .as_str(),
            true,
        );
    }
    #[test]
    fn the_short_way_agrees_with_the_long_one() {
        const PIECES: [&str; 7] = ["\n", "\r", "\r\n", "T", "transfer-encoding: x", "X: y", "\r\n\r\n"];
        let mut short = 0;
        for number in 0..7_u32.pow(6) {
            let head: String = (0..6).map(|i| PIECES[(number / 7_u32.pow(i) % 7) as usize]).collect();
            if let Some(end) = plain_head(head.as_bytes()) {
                short += 1;
                let mut scan = HeadScan::default();
                assert_eq!(scan.lines(head.as_bytes()), end, "{head:?}");
                assert!(scan.done && !scan.both(), "{head:?}");
            }
        }
        assert!(short > 1000, "{short}");
    }
}
