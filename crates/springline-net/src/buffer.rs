//! Buffers for both directions, reused from call to call.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use springline_core::Output;
use tokio::io::AsyncWrite;

use crate::Stream;

/// What an empty buffer reads at first: enough for some hundred small pipelined messages.
const FIRST: usize = 16 * 1024;
/// The least that a growing buffer adds.
const STEP: usize = 64 * 1024;
/// A larger buffer is given back to the allocator after its message.
const KEEP: usize = 4 * 1024 * 1024;
/// Segments in one vectored write.
const SEGMENTS: usize = 16;

/// Bytes that came in and are not yet used up.
#[derive(Debug, Default)]
pub struct Inbound {
    // Where several messages came in one piece: what is left of that piece. `buf` is then empty.
    piece: Bytes,
    buf: BytesMut,
}

impl Inbound {
    /// What is there.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        if self.piece.is_empty() { &self.buf } else { &self.piece }
    }

    /// Reads what the stream has. `need` is how long the message at hand will be, as far as it is known: room is made
    /// for it in steps that depend on what has really come, so that a claimed length alone takes no memory.
    #[inline]
    pub fn poll_fill(&mut self, stream: &mut Stream, cx: &mut Context<'_>, need: usize) -> Poll<io::Result<usize>> {
        if !self.piece.is_empty() {
            // The beginning of a message, which was cut off where the piece ended.
            self.buf.reserve(self.piece.len().max(FIRST));
            self.buf.extend_from_slice(&std::mem::take(&mut self.piece));
        }
        let have = self.buf.len();
        if have == 0 && self.buf.capacity() < FIRST {
            // What was cut off before is mostly gone by now: the next message comes to where the last one was, which the
            // processor has at hand, and not behind it.
            let _ = self.buf.try_reclaim(FIRST);
        }
        if self.buf.capacity() - have < FIRST / 4 || need > self.buf.capacity() {
            self.make_room(need);
        }
        stream.poll_read_buf(cx, &mut self.buf)
    }

    fn make_room(&mut self, need: usize) {
        let have = self.buf.len();
        let missing = need.saturating_sub(have);
        let room = if missing == 0 { FIRST } else { missing.min(STEP.max(have)).max(FIRST / 4) };
        self.buf.reserve(room);
    }

    /// Takes the first `len` bytes without a copy. There must be as many.
    #[inline]
    pub fn take(&mut self, len: usize) -> Bytes {
        if self.piece.is_empty() && len >= self.buf.len() {
            return self.take_all();
        }
        self.settle();
        self.piece.split_to(len.min(self.piece.len()))
    }

    fn take_all(&mut self) -> Bytes {
        if self.buf.len() > KEEP { std::mem::take(&mut self.buf).freeze() } else { self.buf.split().freeze() }
    }

    /// Makes one [piece](Self::piece) of all that is there, without a copy.
    #[inline]
    pub fn settle(&mut self) {
        if self.piece.is_empty() {
            // Parts of a piece that is no longer written to are cheap to take, and it can be lent.
            self.piece = self.take_all();
        }
    }

    /// All that is there, once it is [settled](Self::settle): to be read where it lies, and then [passed](Self::pass).
    #[must_use]
    #[inline]
    pub fn piece(&self) -> &Bytes {
        &self.piece
    }

    /// Passes over the first `len` bytes.
    #[inline]
    pub fn pass(&mut self, len: usize) {
        if self.piece.is_empty() {
            if len >= self.buf.len() { self.buf.clear() } else { self.buf.advance(len) }
        } else if len >= self.piece.len() {
            self.piece = Bytes::new(); // the buffer is free again
        } else {
            self.piece.advance(len);
        }
    }

    /// Whether nothing is there.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }
}

/// Bytes on their way out: filled by encoders, emptied by writes.
#[derive(Debug, Default)]
pub struct Outbound {
    /// Where encoders append.
    pub output: Output,
    // How much of `output` the stream has taken.
    written: usize,
    total_written: u64,
    // Whether the stream may still hold some of what it took: over TLS it has a buffer of its own.
    unflushed: bool,
}

impl Outbound {
    /// Bytes that wait.
    #[must_use]
    #[inline]
    pub fn pending(&self) -> usize {
        self.output.len() - self.written
    }

    /// Bytes appended since the beginning of the connection.
    #[must_use]
    #[inline]
    pub fn total_queued(&self) -> u64 {
        self.total_written + self.pending() as u64
    }

    /// Bytes that the stream has taken since the beginning of the connection: the kernel, or TLS.
    #[must_use]
    #[inline]
    pub fn total_written(&self) -> u64 {
        self.total_written
    }

    /// Whether all of it is with the kernel. Nothing may be pending here, and still wait within TLS.
    #[must_use]
    #[inline]
    pub fn is_flushed(&self) -> bool {
        self.pending() == 0 && !self.unflushed
    }

    /// Writes until nothing waits, here or in the stream. Safe to drop at any time: what was written is accounted for at
    /// once.
    pub fn poll_flush(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.pending() > 0 {
            let n = std::task::ready!(self.poll_write(stream, cx))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += n;
            self.total_written += n as u64;
            self.unflushed = true;
        }
        self.reset();
        std::task::ready!(Pin::new(stream).poll_flush(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.output.blobs().is_empty() {
            let rest = self.output.buf.get(self.written..).unwrap_or_default();
            return Pin::new(stream).poll_write(cx, rest);
        }
        let mut slices = [IoSlice::new(&[]); SEGMENTS];
        let mut skip = self.written;
        let mut count = 0;
        for segment in self.output.segments() {
            if skip >= segment.len() {
                skip -= segment.len();
            } else if let Some(slot) = slices.get_mut(count) {
                *slot = IoSlice::new(&segment[skip..]);
                skip = 0;
                count += 1;
            } else {
                break;
            }
        }
        Pin::new(stream).poll_write_vectored(cx, slices.get(..count).unwrap_or_default())
    }

    #[inline]
    fn reset(&mut self) {
        self.output.clear();
        self.written = 0;
        if self.output.buf.capacity() > KEEP {
            self.output.buf = Vec::new();
        }
    }

    /// Takes pieces out of what waits. They are given by their places since the beginning of the connection, in order;
    /// none of them may have been written, nor begin or end within a blob.
    pub fn cut(&mut self, pieces: &[Range<u64>]) {
        if pieces.is_empty() {
            return;
        }
        // Places in `output`, the written part included.
        let base = self.total_written - self.written as u64;
        let mut cuts =
            pieces.iter().map(|p| (p.start.saturating_sub(base) as usize)..(p.end.saturating_sub(base) as usize));
        let mut next = cuts.next();
        let old = std::mem::take(&mut self.output);
        let mut at = 0;
        let blobs = old.blobs().iter().map(|(_, blob)| Some(blob)).chain([None]);
        let starts = old.blobs().iter().map(|(start, _)| *start).chain([old.buf.len()]);
        let mut done = 0;
        for (start, blob) in starts.zip(blobs) {
            let mut rest = old.buf.get(done..start).unwrap_or_default();
            done = start;
            while !rest.is_empty() {
                while next.as_ref().is_some_and(|cut| cut.end <= at) {
                    next = cuts.next();
                }
                let (len, keep) = match &next {
                    Some(cut) if cut.start <= at => (cut.end - at, false),
                    Some(cut) => (cut.start - at, true),
                    None => (rest.len(), true),
                };
                let (piece, after) = rest.split_at(len.min(rest.len()));
                if keep {
                    self.output.buf.extend_from_slice(piece);
                }
                at += piece.len();
                rest = after;
            }
            if let Some(blob) = blob {
                while next.as_ref().is_some_and(|cut| cut.end <= at) {
                    next = cuts.next();
                }
                if !next.as_ref().is_some_and(|cut| cut.contains(&at)) {
                    self.output.blob(blob.clone());
                }
                at += blob.len();
            }
        }
    }

    /// Takes back the last `len` bytes, if none of them has been written. Gives whether it could.
    pub fn take_back_tail(&mut self, len: usize) -> bool {
        if len > self.pending() {
            return false;
        }
        // Blobs that stand within the tail go with it.
        let (mut rest, mut buf_len, mut blobs) = (len, self.output.buf.len(), self.output.blobs().len());
        while rest > 0 {
            match self.output.blobs().get(..blobs).and_then(<[_]>::last) {
                Some((at, blob)) if buf_len - at < rest => {
                    rest -= buf_len - at;
                    if blob.len() > rest {
                        return false;
                    }
                    rest -= blob.len();
                    (buf_len, blobs) = (*at, blobs - 1);
                }
                _ => {
                    buf_len -= rest;
                    rest = 0;
                }
            }
        }
        self.output.truncate(buf_len, blobs);
        true
    }
}

/// A stock of buffers that connections use while they are busy, so that idle ones hold none. A few connections may keep
/// theirs, which saves each of their calls two looks at the stock.
#[derive(Debug, Default)]
pub struct BufferPool {
    stock: Mutex<Vec<(Inbound, Outbound)>>,
    keepers: AtomicUsize,
}

/// Leave to keep a pair of buffers between requests, until it is dropped.
#[derive(Debug)]
pub struct Keep<'p>(&'p BufferPool);

impl Drop for Keep<'_> {
    fn drop(&mut self) {
        self.0.keepers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Keep<'_> {
    /// Whether buffers such as these may be kept: empty ones of the usual size.
    #[must_use]
    #[inline]
    pub fn suits(&self, inbound: &Inbound, outbound: &Outbound) -> bool {
        let size = inbound.buf.capacity().max(outbound.output.buf.capacity());
        inbound.is_empty() && outbound.is_flushed() && size <= STEP
    }
}

impl BufferPool {
    /// The most pairs of buffers that are kept in stock.
    const MOST: usize = 64;
    /// The most connections that keep theirs.
    const KEEPERS: usize = 64;

    /// Leave to keep buffers, while there are not too many who have it.
    #[must_use]
    pub fn keep(&self) -> Option<Keep<'_>> {
        let one_more = |keepers| (keepers < Self::KEEPERS).then_some(keepers + 1);
        self.keepers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok().map(|_| Keep(self))
    }

    /// A pair of buffers, used before or new.
    #[must_use]
    pub fn take(&self) -> (Inbound, Outbound) {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Gives a pair back. One that is not empty is not kept: nobody else may ever see what is in it.
    pub fn give(&self, mut inbound: Inbound, mut outbound: Outbound) {
        if !inbound.is_empty() || !outbound.is_flushed() {
            return;
        }
        if inbound.buf.capacity() > KEEP {
            inbound.buf = BytesMut::new();
        }
        outbound.total_written = 0;
        let mut stock = self.stock.lock().unwrap_or_else(PoisonError::into_inner);
        if stock.len() < Self::MOST {
            stock.push((inbound, outbound));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_connections_keep_their_buffers() {
        let pool = BufferPool::default();
        let mut keeps: Vec<_> = (0..BufferPool::KEEPERS).map(|_| pool.keep().unwrap()).collect();
        assert!(pool.keep().is_none());
        keeps.pop();
        let keep = pool.keep().unwrap();
        let (mut inbound, mut outbound) = pool.take();
        assert!(keep.suits(&inbound, &outbound));
        outbound.output.buf.push(1);
        assert!(!keep.suits(&inbound, &outbound), "something is not yet written");
        outbound.output.buf = Vec::with_capacity(STEP + 1);
        assert!(!keep.suits(&inbound, &outbound), "it was large");
        outbound.output.buf = Vec::new();
        inbound.buf.extend_from_slice(b"request");
        assert!(!keep.suits(&inbound, &outbound), "something is not yet read");
        inbound.pass(7);
        assert!(keep.suits(&inbound, &outbound));
    }
}
