//! The text inside of bytes' dicts.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

// Python's decoder does not look at the unused bits of the last character.
const READER: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// Decodes into `out` what Python's `base64.b64decode` would, which passes over characters outside the alphabet.
/// Gives whether it could.
pub(super) fn decode(data: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    if READER.decode_vec(data, out).is_ok() {
        return true;
    }
    let inside = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    if data.iter().all(inside) {
        return false;
    }
    let kept: Vec<u8> = data.iter().copied().filter(inside).collect();
    out.clear();
    READER.decode_vec(&kept, out).is_ok()
}

/// Appends the base64 text of `v`.
pub(super) fn encode(v: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let len = base64::encoded_len(v.len(), true).unwrap_or_default();
    out.resize(start + len, 0);
    let room = out.get_mut(start..).unwrap_or_default();
    let written = READER.encode_slice(v, room).unwrap_or_default();
    out.truncate(start + written);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_lenient_as_python() {
        let mut out = Vec::new();
        for (text, bytes) in [("", &b""[..]), ("YWI=", b"ab"), ("YWJ=", b"ab"), ("YW\nI =", b"ab"), ("//8=", b"\xff\xff")] {
            assert!(decode(text.as_bytes(), &mut out), "{text}");
            assert_eq!(out, bytes, "{text}");
        }
        for text in ["YWI", "Y", "YW\nI", "="] {
            assert!(!decode(text.as_bytes(), &mut out), "{text}");
        }
    }

    #[test]
    fn there_and_back() {
        for len in 0..100u8 {
            let v: Vec<u8> = (0..len).map(|i| i.wrapping_mul(37)).collect();
            let (mut text, mut back) = (b"x".to_vec(), Vec::new());
            encode(&v, &mut text);
            assert!(decode(&text[1..], &mut back));
            assert_eq!(back, v);
        }
    }
}
