//! A binary value that is read as it comes, and not held.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Poll, ready};

use springline_core::{Bytes, Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use crate::codec::Version;

/// Bytes of a chunk that is written: what Java takes for the most.
const CHUNK: usize = 0x8000;
/// Chunks that wait to be sent.
pub(crate) const WAITING: usize = 4;

/// Reads as much as is there and a chunk has room for: what comes slowly does not wait for more. Nothing at the end alone.
pub(crate) async fn fill(mut data: Pin<&mut (impl AsyncRead + Send)>) -> std::io::Result<Vec<u8>> {
    let mut chunk = Vec::with_capacity(CHUNK);
    poll_fn(|cx| {
        loop {
            let mut part = data.as_mut().take((CHUNK - chunk.len()) as u64);
            match pin!(part.read_buf(&mut chunk)).poll(cx)? {
                Poll::Ready(0) => return Poll::Ready(Ok(())),
                Poll::Ready(_) => {}
                Poll::Pending if chunk.is_empty() => return Poll::Pending,
                Poll::Pending => return Poll::Ready(Ok(())),
            }
        }
    })
    .await
    .map(|()| chunk)
}

/// The error that broke a stream off, through which it was read.
pub(crate) fn broken(e: std::io::Error) -> Error {
    e.downcast().unwrap_or_else(|e| Error::new(ErrorKind::Encode, format!("the stream cannot be read: {e}")))
}

/// A piece of a stream for those who read it into a buffer. `piece` gives one of at most so many bytes.
pub(crate) fn read_piece(
    buf: &mut ReadBuf<'_>,
    piece: impl FnOnce(usize) -> Poll<Result<Option<Bytes>>>,
) -> Poll<std::io::Result<()>> {
    if buf.remaining() == 0 {
        return Poll::Ready(Ok(()));
    }
    let came = ready!(piece(buf.remaining())).map_err(std::io::Error::other)?;
    buf.put_slice(&came.unwrap_or_default());
    Poll::Ready(Ok(()))
}

/// What is next of a binary.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Some of its bytes.
    Data(Bytes),
    /// More has to come before anything can be told.
    More,
    /// Its end: what is left of what came belongs to what follows.
    End,
}

/// Takes the chunks of one binary apart.
#[derive(Debug)]
pub(crate) struct Chunks {
    version: Version,
    came: Bytes,
    /// Bytes before `came`, for errors.
    at: u64,
    /// What is left of the chunk.
    left: usize,
    /// Whether it is the last one.
    last: bool,
}

impl Chunks {
    /// A binary whose first chunk begins with `came`, byte `at` of the message.
    pub(crate) fn new(version: Version, came: Bytes, at: u64) -> Self {
        Self { version, came, at, left: 0, last: false }
    }

    /// What came next.
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.came = if self.came.is_empty() { piece } else { [&self.came[..], &piece[..]].concat().into() };
    }

    /// What came and is not taken.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.came
    }

    /// How many bytes of the message were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.at
    }

    fn take(&mut self, n: usize) -> Bytes {
        self.at += n as u64;
        self.came.split_to(n)
    }

    /// The next step, with at most so many bytes.
    ///
    /// # Errors
    /// [`Malformed`](springline_core::ErrorKind::Malformed) where there is no chunk of a binary.
    pub(crate) fn next(&mut self, most: usize) -> Result<Step> {
        while self.left == 0 {
            if self.last {
                return Ok(Step::End);
            }
            let Some(code) = self.came.first().copied() else { return Ok(Step::More) };
            let (head, left, last) = match (self.version, code, &self.came[..]) {
                (Version::Two, 0x20..=0x2f, _) => (1, usize::from(code - 0x20), true),
                (Version::Two, 0x34..=0x37, [_, low, ..]) => {
                    (2, usize::from(code - 0x34) << 8 | usize::from(*low), true)
                }
                (Version::Two, b'A' | b'B', [_, high, low, ..]) | (Version::One, b'b' | b'B', [_, high, low, ..]) => {
                    (3, usize::from(u16::from_be_bytes([*high, *low])), code == b'B')
                }
                (Version::Two, 0x34..=0x37 | b'A' | b'B', _) | (Version::One, b'b' | b'B', _) => return Ok(Step::More),
                _ => {
                    let e = format!("expected a chunk of a binary, found byte {code:#04x}");
                    return Err(Error::malformed(usize::try_from(self.at).unwrap_or(usize::MAX), e));
                }
            };
            self.take(head);
            (self.left, self.last) = (left, last);
        }
        let n = self.left.min(self.came.len()).min(most);
        if n == 0 {
            return Ok(Step::More);
        }
        self.left -= n;
        Ok(Step::Data(self.take(n)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::push_chunk_head;

    fn message(version: Version, chunks: &[usize]) -> (Vec<u8>, Vec<u8>) {
        let (mut message, mut content) = (Vec::new(), Vec::new());
        for (i, n) in chunks.iter().enumerate() {
            push_chunk_head(&mut message, version, *n, i + 1 == chunks.len()).unwrap();
            let bytes: Vec<u8> = (0..*n).map(|b| (b % 251) as u8).collect();
            message.extend_from_slice(&bytes);
            content.extend_from_slice(&bytes);
        }
        (message, content)
    }

    #[test]
    fn all_forms_in_pieces_of_all_sizes() {
        for version in [Version::One, Version::Two] {
            for chunks in [&[0][..], &[15], &[16], &[1023], &[1024, 0], &[300, 40_000, 7], &[0, 0, 1]] {
                let (mut message, content) = message(version, chunks);
                message.push(b'z');
                for piece in [1, 2, 3, 1000, message.len()] {
                    let mut reader = Chunks::new(version, Bytes::new(), 0);
                    let mut got = Vec::new();
                    let mut pieces = message.chunks(piece);
                    loop {
                        match reader.next(piece).unwrap() {
                            Step::Data(data) => got.extend_from_slice(&data),
                            Step::More => reader.push(Bytes::copy_from_slice(pieces.next().unwrap())),
                            Step::End => break,
                        }
                    }
                    assert!(got == content, "{version:?} {chunks:?} by {piece}");
                    assert_eq!(reader.taken() + 1, message.len() as u64);
                }
            }
        }
    }

    #[test]
    fn what_is_no_binary() {
        for (version, byte) in [(Version::One, b'A'), (Version::Two, b'N'), (Version::Two, b'b'), (Version::One, 0x20)]
        {
            let e = Chunks::new(version, Bytes::copy_from_slice(&[byte]), 7).next(1).unwrap_err();
            assert_eq!(e.offset(), Some(7), "{e}");
        }
    }
}
