//! The frames of the limits: headers as long as Pyro 5 has them, or Pyro 3, and bodies as long as those of
//! the measured call, so that a limit moves exactly the bytes that the contestant moves.

use crate::driver::{ANSWER, PARAM};
use std::io;
use std::ops::Range;
use tokio::io::{AsyncRead, AsyncReadExt};

const HEADER: usize = 40;
const PREFIX: &str = "You got remote data => ";
const MIN_REQUEST: usize = PARAM.len();
const MIN_REPLY: usize = ANSWER.len();

/// How long the bodies of the small call are. The defaults are those of Pyro 5 with msgpack, for
/// `get_data("Hello")` of an object named `thing`.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Sizes {
    /// Bytes in the body of a request of the limits.
    #[arg(long, global = true, default_value_t = 24, value_parser = clap::value_parser!(u32).range(MIN_REQUEST as i64..=4096))]
    pub(crate) request_body: u32,
    /// Bytes in the body of a reply of the limits.
    #[arg(long, global = true, default_value_t = 29, value_parser = clap::value_parser!(u32).range(MIN_REPLY as i64..=4096))]
    pub(crate) reply_body: u32,
    /// Bytes of header.
    #[arg(skip = HEADER)]
    pub(crate) header: usize,
}

impl Sizes {
    /// Those of Pyro 3, for the same call: headers of 18 bytes, and in the request an object's id of 32 letters.
    pub(crate) const PYRO3: Self = Self { request_body: 69, reply_body: 33, header: 18 };

    fn request_pad(self) -> usize {
        self.request_body as usize - MIN_REQUEST
    }

    fn reply_pad(self) -> usize {
        self.reply_body as usize - MIN_REPLY
    }

    pub(crate) fn put_request(self, out: &mut Vec<u8>, seq: u16, param: &str) {
        let body = self.request_pad() + param.len();
        out.extend_from_slice(&header(Op::Text, seq, body)[..self.header]);
        out.resize(out.len() + self.request_pad(), 0);
        out.extend_from_slice(param.as_bytes());
    }

    pub(crate) fn put_reply(self, out: &mut Vec<u8>, frame: &Frame<'_>) {
        let param = frame.body.get(self.request_pad()..).unwrap_or_default();
        let body = self.reply_pad() + PREFIX.len() + param.len();
        out.extend_from_slice(&header(Op::Text, frame.seq, body)[..self.header]);
        out.resize(out.len() + self.reply_pad(), 0);
        out.extend_from_slice(PREFIX.as_bytes());
        out.extend_from_slice(param);
    }

    pub(crate) fn answer(self, frame: &Frame<'_>) -> crate::Result<String> {
        let text = frame.body.get(self.reply_pad()..).unwrap_or_default();
        Ok(std::str::from_utf8(text)?.to_owned())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Text = 1,
    Blob = 2,
}

pub(crate) fn header(op: Op, seq: u16, body: usize) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(b"BARE");
    header[6] = op as u8;
    header[10..12].copy_from_slice(&seq.to_be_bytes());
    header[12..16].copy_from_slice(&(body as u32).to_be_bytes());
    header
}

pub(crate) struct Frame<'a> {
    pub(crate) op: Op,
    pub(crate) seq: u16,
    pub(crate) body: &'a [u8],
}

/// The length of the frame that starts here, once its header is complete.
fn length(bytes: &[u8], header: usize) -> Option<usize> {
    let body = u32::from_be_bytes(bytes.get(12..16)?.try_into().ok()?);
    (bytes.len() >= header).then_some(header + body as usize)
}

/// The first complete frame and where the next one starts.
pub(crate) fn split(bytes: &[u8], header: usize) -> Option<(Frame<'_>, usize)> {
    let end = length(bytes, header)?;
    let body = bytes.get(header..end)?;
    let op = if bytes[6] == Op::Blob as u8 { Op::Blob } else { Op::Text };
    let seq = u16::from_be_bytes([bytes[10], bytes[11]]);
    Some((Frame { op, seq, body }, end))
}

/// The one buffer of a reader: header and body come with one `read`, and it never shrinks.
pub(crate) struct Input {
    bytes: Vec<u8>,
    filled: Range<usize>,
    header: usize,
}

impl Input {
    pub(crate) fn new(sizes: Sizes) -> Self {
        Self { bytes: vec![0; 4096], filled: 0..0, header: sizes.header }
    }

    /// Reads once; `false` at the end of the stream.
    pub(crate) async fn fill(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<bool> {
        if self.filled.is_empty() {
            self.filled = 0..0;
        }
        let missing = length(&self.bytes[self.filled.clone()], self.header).unwrap_or(self.header);
        if self.filled.start + missing > self.bytes.len() || self.filled.end == self.bytes.len() {
            self.bytes.copy_within(self.filled.clone(), 0);
            self.filled = 0..self.filled.len();
            if missing > self.bytes.len() {
                self.bytes.resize(missing, 0);
            }
        }
        let read = stream.read(&mut self.bytes[self.filled.end..]).await?;
        self.filled.end += read;
        // A read that filled a small buffer: more was waiting.
        if self.filled.end == self.bytes.len() && self.bytes.len() < 64 << 10 {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
        Ok(read > 0)
    }

    /// The next complete frame among the bytes read so far.
    pub(crate) fn next(&mut self) -> Option<Frame<'_>> {
        let (frame, length) = split(&self.bytes[self.filled.clone()], self.header)?;
        self.filled.start += length;
        Some(frame)
    }
}
