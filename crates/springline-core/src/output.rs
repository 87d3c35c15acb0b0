//! Where encoders write: one growing buffer, and large blobs kept beside it by reference.

use bytes::Bytes;

/// Encoded bytes on their way out. A blob of at least [`Output::BY_REFERENCE`] bytes is not copied but remembered
/// with its place, and leaves in a vectored write.
#[derive(Debug, Default)]
pub struct Output {
    /// The bytes so far, without the blobs.
    pub buf: Vec<u8>,
    blobs: Vec<(usize, Bytes)>,
    blob_bytes: usize,
}

impl Output {
    /// From this size on a blob is kept by reference: about where copying costs more than another write segment.
    pub const BY_REFERENCE: usize = 16 * 1024;

    /// An empty output.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends bytes, by reference when they are many.
    #[inline]
    pub fn blob(&mut self, v: Bytes) {
        if v.len() < Self::BY_REFERENCE {
            self.buf.extend_from_slice(&v);
        } else {
            self.blob_bytes += v.len();
            self.blobs.push((self.buf.len(), v));
        }
    }

    /// All bytes, blobs included.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.buf.len() + self.blob_bytes
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The blobs kept by reference, each with the index in `buf` that it stands before.
    #[must_use]
    #[inline]
    pub fn blobs(&self) -> &[(usize, Bytes)] {
        &self.blobs
    }

    /// Bytes of all blobs kept by reference.
    #[must_use]
    #[inline]
    pub fn blob_bytes(&self) -> usize {
        self.blob_bytes
    }

    /// Forgets everything and keeps the capacity.
    #[inline]
    pub fn clear(&mut self) {
        self.buf.clear();
        self.blobs.clear();
        self.blob_bytes = 0;
    }

    /// Takes back what was written since `buf` had `buf_len` bytes and there were `blobs` blobs.
    pub fn truncate(&mut self, buf_len: usize, blobs: usize) {
        self.buf.truncate(buf_len);
        for (_, b) in self.blobs.drain(blobs.min(self.blobs.len())..) {
            self.blob_bytes -= b.len();
        }
    }

    /// Puts `bytes` in the place of `range` of `buf`, which may be empty: what follows moves, blobs included. For what can
    /// be written only when what stands behind it is known (Hessian's class definitions). No blob may lie inside of
    /// `range`; one at its start stays before it.
    pub fn replace(&mut self, range: std::ops::Range<usize>, bytes: &[u8]) {
        let (at, removed) = (range.start, range.len());
        self.buf.splice(range, bytes.iter().copied());
        let first = self.blobs.partition_point(|(place, _)| *place <= at);
        for (place, _) in self.blobs.iter_mut().skip(first) {
            *place = *place + bytes.len() - removed;
        }
    }

    /// Copies the blobs into their places from `from` on, so that `buf[from..]` is the whole message
    /// (for compression and signatures).
    pub fn flatten(&mut self, from: usize) {
        let first = self.blobs.partition_point(|(at, _)| *at < from);
        if first == self.blobs.len() {
            return;
        }
        let tail = self.buf.split_off(from);
        let mut done = 0;
        for (at, b) in self.blobs.drain(first..) {
            self.buf.extend_from_slice(&tail[done..at - from]);
            done = at - from;
            self.buf.extend_from_slice(&b);
            self.blob_bytes -= b.len();
        }
        self.buf.extend_from_slice(&tail[done..]);
    }

    /// The segments in order.
    pub fn segments(&self) -> impl Iterator<Item = &[u8]> {
        let mut done = 0;
        let mut parts = Vec::with_capacity(self.blobs.len() * 2 + 1);
        for (at, b) in &self.blobs {
            parts.push(&self.buf[done..*at]);
            parts.push(&b[..]);
            done = *at;
        }
        parts.push(&self.buf[done..]);
        parts.into_iter()
    }

    /// Everything in one piece.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len());
        self.segments().for_each(|s| all.extend_from_slice(s));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_keep_their_places() {
        let big = Bytes::from(vec![7u8; Output::BY_REFERENCE]);
        let mut out = Output::new();
        out.buf.extend_from_slice(b"ab");
        out.blob(big.clone());
        out.buf.extend_from_slice(b"cd");
        out.blob(Bytes::from_static(b"small"));
        let whole = out.to_vec();
        assert_eq!(whole.len(), out.len());
        assert_eq!(&whole[..3], b"ab\x07");
        assert!(whole.ends_with(b"\x07cdsmall"));
        out.flatten(1);
        assert_eq!((&out.buf, out.blobs().len(), out.blob_bytes()), (&whole, 0, 0));
        out.blob(big);
        out.truncate(2, 0);
        assert_eq!(out.to_vec(), b"ab");
    }

    #[test]
    fn what_follows_a_replacement_moves() {
        let big = Bytes::from(vec![7u8; Output::BY_REFERENCE]);
        let mut out = Output::new();
        out.buf.extend_from_slice(b"ab");
        out.blob(big.clone());
        out.buf.extend_from_slice(b"cd");
        out.blob(big);
        out.buf.push(b'e');
        let places = |out: &Output| out.blobs().iter().map(|(at, _)| *at).collect::<Vec<_>>();
        out.replace(2..3, b"1234");
        assert_eq!((&out.buf[..], places(&out)), (&b"ab1234de"[..], vec![2, 7]));
        out.replace(0..0, b"x");
        assert_eq!((&out.buf[..], places(&out)), (&b"xab1234de"[..], vec![3, 8]));
        out.replace(1..3, b"");
        assert_eq!((&out.buf[..], places(&out)), (&b"x1234de"[..], vec![1, 6]));
    }
}
