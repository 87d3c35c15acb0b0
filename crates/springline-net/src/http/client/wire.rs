//! A stream that keeps count, so that it is known how far a call got.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::Stream;

/// What went over a connection so far. Only ever touched by whoever holds the connection; atomics because it lies both
/// inside of hyper's connection and beside it.
#[derive(Debug, Default)]
pub(super) struct Count {
    written: AtomicU64,
    read: AtomicU64,
    unfinished: AtomicBool,
    reads: AtomicU8,
}

/// Reads go to the stream.
const READ: u8 = 0;
/// The last one gave less than it could: there is no more for now.
const EMPTIED: u8 = 1;
/// Most likely there is nothing: over TLS a read asks much more than whether the socket has anything.
const EXPECT_NOTHING: u8 = 2;
/// One was tried after that. Nobody is woken for it: it has to be tried again.
const PUT_OFF: u8 = 3;

impl Count {
    /// Bytes that the peer may have seen.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Relaxed)
    }

    /// Bytes that came.
    pub(super) fn read(&self) -> u64 {
        self.read.load(Relaxed)
    }

    /// Whether the last write was not taken whole: there is more of the request that the peer cannot have seen.
    pub(super) fn unfinished(&self) -> bool {
        self.unfinished.load(Relaxed)
    }

    /// Reads go to the stream again.
    pub(super) fn read_on(&self) {
        if self.reads.load(Relaxed) != EXPECT_NOTHING {
            self.reads.store(READ, Relaxed);
        }
    }

    /// Nothing has been asked so far.
    pub(super) fn expect_nothing(&self) {
        self.reads.store(EXPECT_NOTHING, Relaxed);
    }

    /// Whether a read was put off and has to be tried again before anybody waits.
    pub(super) fn put_off(&self) -> bool {
        self.reads.load(Relaxed) == PUT_OFF
    }

    fn wrote(&self, offered: usize, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Ready(Ok(n)) => {
                self.written.store(self.written() + n as u64, Relaxed);
                self.unfinished.store(n < offered, Relaxed);
                Poll::Ready(Ok(n))
            }
            // A server may answer before it has read all, and close (401, 413): what is to be read tells more than the
            // failure to write, which is therefore passed over here. Nothing of it counts as written.
            Poll::Ready(Err(_)) => {
                self.unfinished.store(true, Relaxed);
                Poll::Ready(Ok(offered))
            }
            Poll::Pending => {
                self.unfinished.store(true, Relaxed);
                Poll::Pending
            }
        }
    }
}

/// The stream as hyper sees it.
#[derive(Debug)]
pub(super) struct Counted {
    stream: Stream,
    count: Arc<Count>,
    /// Once a write has failed there are no more of them.
    broken: bool,
}

impl Counted {
    pub(super) fn new(stream: Stream, count: Arc<Count>) -> Self {
        Self { stream, count, broken: false }
    }

    fn wrote(&mut self, offered: usize, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.broken |= matches!(polled, Poll::Ready(Err(_)));
        self.count.wrote(offered, polled)
    }
}

impl AsyncRead for Counted {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.count.reads.load(Relaxed) {
            READ => {}
            EXPECT_NOTHING => {
                this.count.reads.store(READ, Relaxed);
                ready!(this.stream.poll_read_ready(cx))?;
            }
            _ => {
                this.count.reads.store(PUT_OFF, Relaxed);
                return Poll::Pending;
            }
        }
        let had = buf.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                let came = buf.filled().len() - had;
                this.count.read.store(this.count.read() + came as u64, Relaxed);
                // The end is asked for as often as one likes.
                if came > 0 && buf.remaining() > 0 {
                    this.count.reads.store(EMPTIED, Relaxed);
                }
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }
}

impl AsyncWrite for Counted {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.broken {
            return Poll::Ready(Ok(buf.len()));
        }
        let polled = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.wrote(buf.len(), polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let offered = bufs.iter().map(|b| b.len()).sum();
        if this.broken {
            return Poll::Ready(Ok(offered));
        }
        let polled = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.wrote(offered, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.broken {
            return Poll::Ready(Ok(()));
        }
        match Pin::new(&mut this.stream).poll_flush(cx) {
            Poll::Ready(Err(_)) => {
                this.broken = true;
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
