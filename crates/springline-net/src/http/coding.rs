//! Content codings: bodies that travel compressed.

use std::io::Read;

use bytes::Bytes;
use springline_core::{Error, ErrorKind, Limits, Result};

/// The codings that are understood, `deflate` in both of the forms that are sent under that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Identity,
    /// gzip, also called `x-gzip`.
    Gzip,
    /// zlib's form, or, as some servers send it, bare deflate.
    Deflate,
}

impl Coding {
    /// The coding that a `Content-Encoding` header names; `None` for one that is not understood.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim();
        if name.is_empty() || name.eq_ignore_ascii_case("identity") {
            Some(Self::Identity)
        } else if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            Some(Self::Gzip)
        } else if name.eq_ignore_ascii_case("deflate") {
            Some(Self::Deflate)
        } else {
            None
        }
    }
}

/// Unpacks a body. It may grow to `limits.decompressed_size`, and beyond 16 MiB to `limits.decompression_ratio` times
/// what came.
///
/// # Errors
/// [`ErrorKind::Limit`] when it grows further, [`ErrorKind::Malformed`] when it is damaged or cut off.
pub fn decode(coding: Coding, body: Bytes, limits: &Limits) -> Result<Bytes> {
    match coding {
        Coding::Identity => Ok(body),
        Coding::Gzip => unpack(flate2::bufread::MultiGzDecoder::new(&body[..]), body.len(), limits, "gzip"),
        // A zlib header's two bytes are a multiple of 31, and its first says deflate.
        Coding::Deflate if matches!(body[..], [a, b, ..] if a & 15 == 8 && (u32::from(a) << 8 | u32::from(b)) % 31 == 0) => {
            unpack(flate2::bufread::ZlibDecoder::new(&body[..]), body.len(), limits, "deflate")
        }
        Coding::Deflate => unpack(flate2::bufread::DeflateDecoder::new(&body[..]), body.len(), limits, "deflate"),
    }
}

fn unpack(mut reader: impl Read, packed: usize, limits: &Limits, what: &str) -> Result<Bytes> {
    let by_ratio = packed.saturating_mul(limits.decompression_ratio).max(16 << 20);
    let most = by_ratio.min(limits.decompressed_size);
    let mut out = vec![0; packed.saturating_mul(4).clamp(1024, 1 << 20).min(most.saturating_add(1))];
    let mut have = 0;
    loop {
        if have == out.len() {
            if have > most {
                let (name, value) = if most < limits.decompressed_size {
                    ("decompression_ratio", limits.decompression_ratio)
                } else {
                    ("decompressed_size", limits.decompressed_size)
                };
                let text = format!("a {what} body of {packed} bytes grows over the limit {name} = {value}");
                return Err(Error::new(ErrorKind::Limit, text));
            }
            out.resize(have.saturating_mul(2).min(most.saturating_add(1)), 0);
        }
        match reader.read(out.get_mut(have..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(n) => have += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => {
                let text = format!("the {what} body of {packed} bytes cannot be unpacked: {e}");
                return Err(Error::new(ErrorKind::Malformed, text));
            }
        }
    }
    out.truncate(have);
    Ok(out.into())
}

/// Packs a body with gzip, fast rather than small.
#[must_use]
pub fn gzip(body: &[u8]) -> Bytes {
    use std::io::Write;
    let mut encoder =
        flate2::write::GzEncoder::new(Vec::with_capacity(body.len() / 4 + 64), flate2::Compression::fast());
    // Writing to a vector does not fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default().into()
}

/// Packs a body with bare deflate, as Caucho's Hessian takes it under the name `deflate`; fast rather than small.
#[must_use]
pub fn deflate(body: &[u8]) -> Bytes {
    use std::io::Write;
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::with_capacity(body.len() / 4 + 64), flate2::Compression::fast());
    // Writing to a vector does not fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn zlib(body: &[u8]) -> Vec<u8> {
        let mut e = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        e.write_all(body).unwrap();
        e.finish().unwrap()
    }

    #[test]
    fn all_forms_come_back() {
        let limits = Limits::default();
        for body in [Vec::new(), b"short".to_vec(), vec![b'x'; 3 << 20]] {
            let packed = gzip(&body);
            assert_eq!(decode(Coding::Gzip, packed.clone(), &limits).unwrap(), body);
            let twice = [&packed[..], &packed[..]].concat();
            assert_eq!(decode(Coding::Gzip, twice.into(), &limits).unwrap(), [&body[..], &body[..]].concat());
            assert_eq!(decode(Coding::Deflate, deflate(&body), &limits).unwrap(), body);
            let packed = zlib(&body);
            assert_eq!(decode(Coding::Deflate, packed.clone().into(), &limits).unwrap(), body);
            let bare = packed[2..packed.len() - 4].to_vec();
            assert_eq!(decode(Coding::Deflate, bare.into(), &limits).unwrap(), body);
        }
        assert_eq!(Coding::named(" X-Gzip "), Some(Coding::Gzip));
        assert_eq!(Coding::named("br"), None);
    }

    #[test]
    fn bombs_and_damage() {
        let bomb = gzip(&vec![0; 20 << 20]);
        let e = decode(Coding::Gzip, bomb.clone(), &Limits::default()).unwrap_err();
        assert!(e.kind() == ErrorKind::Limit && e.message().contains("decompression_ratio = 200"), "{e}");
        let mut limits = Limits::default();
        limits.decompressed_size = 1000;
        let e = decode(Coding::Gzip, bomb, &limits).unwrap_err();
        assert!(e.kind() == ErrorKind::Limit && e.message().contains("decompressed_size = 1000"), "{e}");
        assert_eq!(decode(Coding::Gzip, gzip(&[1; 1000]), &limits).unwrap().len(), 1000);
        let whole = gzip(b"some text that is long enough");
        for cut in 1..whole.len() {
            assert_eq!(decode(Coding::Gzip, whole.slice(..cut), &limits).unwrap_err().kind(), ErrorKind::Malformed);
        }
        assert_eq!(
            decode(Coding::Gzip, Bytes::from_static(b"plain"), &limits).unwrap_err().kind(),
            ErrorKind::Malformed
        );
    }
}
