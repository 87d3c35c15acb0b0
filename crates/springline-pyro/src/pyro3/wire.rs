//! Frames: 18 bytes of header, then a body. Nothing here waits for anything.

use std::io::Write as _;

use springline_core::{Bytes, Error, ErrorKind, Limits, Output, Result};

use crate::wire::decompress;

/// Bytes of the header.
pub const HEADER: usize = 18;

/// The wire version of releases 3.10 to 3.16; those before have 4. Nothing else differs.
pub const VERSION: u16 = 5;

const COMPRESSED: u16 = 1;
const CHECKSUM: u16 = 2;
const XML: u16 = 4;

/// What a frame begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// 4 or 5.
    pub version: u16,
    flags: u16,
    /// Bytes of the body as sent.
    pub body: usize,
    checksum: i32,
}

/// How frames are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// 4 or 5.
    pub version: u16,
    /// Whether bodies are compressed, where that makes them smaller.
    pub compress: bool,
    /// Whether bodies have a checksum.
    pub checksum: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { version: VERSION, compress: false, checksum: false }
    }
}

/// The header at the beginning of `bytes`, or `None` while there are too few of them.
///
/// # Errors
/// [`ErrorKind::Protocol`] for what cannot be one: another magic, version or length of the header.
pub fn parse_header(bytes: &[u8]) -> Result<Option<Header>> {
    let magic = b"PYRO";
    if !magic.starts_with(bytes.get(..bytes.len().min(4)).unwrap_or_default()) {
        return Err(Error::new(ErrorKind::Protocol, "expected a message of Pyro 3, found something else"));
    }
    let Some(header) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
    let [_, _, _, _, v1, v2, h1, h2, l1, l2, l3, l4, f1, f2, c1, c2, c3, c4] = *header;
    let version = u16::from_be_bytes([v1, v2]);
    if !matches!(version, 4 | 5) {
        let what = format!("incompatible protocol version: expected 4 or 5 (Pyro 3), found {version}");
        return Err(Error::new(ErrorKind::Protocol, what));
    }
    if usize::from(u16::from_be_bytes([h1, h2])) != HEADER {
        return Err(Error::new(ErrorKind::Protocol, "invalid header: expected one of 18 bytes"));
    }
    let body = i32::from_be_bytes([l1, l2, l3, l4]);
    let body = usize::try_from(body).map_err(|_| Error::new(ErrorKind::Protocol, "the length is negative"))?;
    let flags = u16::from_be_bytes([f1, f2]);
    Ok(Some(Header { version, flags, body, checksum: i32::from_be_bytes([c1, c2, c3, c4]) }))
}

impl Header {
    /// Bytes of the whole frame.
    #[must_use]
    pub fn frame_len(&self) -> usize {
        HEADER + self.body
    }

    /// Whether the body is the pickle itself: neither packed nor with a checksum.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.flags == 0
    }

    /// The body of a whole frame: checked and unpacked, whatever its sender chose.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] for a wrong checksum and for XML pickles, [`ErrorKind::Limit`] for what unpacks to too much.
    pub fn open(&self, mut frame: Bytes, limits: &Limits) -> Result<Bytes> {
        let body = frame.split_off(HEADER.min(frame.len()));
        if self.flags & CHECKSUM != 0 && adler32(&body) != self.checksum.cast_unsigned() {
            return Err(Error::new(ErrorKind::Protocol, "checksum error"));
        }
        if self.flags & XML != 0 {
            return Err(Error::new(ErrorKind::Protocol, "the message is a pickle in XML, which is not read"));
        }
        if self.flags & COMPRESSED != 0 { decompress(&body, limits) } else { Ok(body) }
    }
}

/// Appends one frame. When it fails, `out` is as it was.
///
/// # Errors
/// What `body` gives; [`ErrorKind::Limit`] for a frame over the limit.
pub fn write_frame(
    out: &mut Output,
    style: Style,
    limits: &Limits,
    body: impl FnOnce(&mut Output) -> Result<()>,
) -> Result<()> {
    let (start, blobs) = (out.buf.len(), out.blobs().len());
    let done = write_parts(out, style, limits, body);
    if done.is_err() {
        out.truncate(start, blobs);
    }
    done
}

fn write_parts(
    out: &mut Output,
    style: Style,
    limits: &Limits,
    body: impl FnOnce(&mut Output) -> Result<()>,
) -> Result<()> {
    let (start, before) = (out.buf.len(), out.len());
    out.buf.extend_from_slice(&[0; HEADER]);
    body(out)?;
    let mut flags = 0;
    if style.compress || style.checksum {
        out.flatten(start + HEADER);
    }
    if style.compress && compress(out, start + HEADER)? {
        flags |= COMPRESSED;
    }
    let mut checksum = 0;
    if style.checksum {
        flags |= CHECKSUM;
        checksum = adler32(out.buf.get(start + HEADER..).unwrap_or_default());
    }
    let whole = out.len() - before;
    limits.check_message(whole)?;
    let length = i32::try_from(whole - HEADER)
        .map_err(|_| Error::new(ErrorKind::Limit, "a message of 2 GiB or more does not fit into Pyro 3's length"))?;
    if let Some(header) = out.buf.get_mut(start..start + HEADER) {
        let (version, flags) = (style.version.to_be_bytes(), flags.to_be_bytes());
        let ([v1, v2], [h1, h2], [f1, f2]) = (version, (HEADER as u16).to_be_bytes(), flags);
        let ([l1, l2, l3, l4], [c1, c2, c3, c4]) = (length.to_be_bytes(), checksum.to_be_bytes());
        header.copy_from_slice(&[b'P', b'Y', b'R', b'O', v1, v2, h1, h2, l1, l2, l3, l4, f1, f2, c1, c2, c3, c4]);
    }
    Ok(())
}

fn compress(out: &mut Output, at: usize) -> Result<bool> {
    let plain = out.buf.get(at..).unwrap_or_default();
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    let packed = encoder
        .write_all(plain)
        .and_then(|()| encoder.finish())
        .map_err(|e| Error::encode(format!("compression failed: {e}")))?;
    if packed.len() >= plain.len() {
        return Ok(false);
    }
    out.buf.truncate(at);
    out.buf.extend_from_slice(&packed);
    Ok(true)
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    // So many sums stay within 32 bits.
    for part in bytes.chunks(5552) {
        for byte in part {
            a += u32::from(*byte);
            b += a;
        }
        a %= 65_521;
        b %= 65_521;
    }
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_zlibs() {
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        assert_eq!(adler32(&[255; 10_000]), 0xb623_eb2b);
    }
}
