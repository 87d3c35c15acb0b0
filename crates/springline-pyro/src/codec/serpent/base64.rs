//! The text inside of bytes' dicts.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

// Python's decoder does not look at the unused bits of the last character.
const READER: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// Decodes into `out` what Python's `base64.b64decode` would. Gives whether it could.
pub(super) fn decode(data: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    READER.decode_vec(data, out).is_ok() || decode_leniently(data, out)
}

// As `binascii.a2b_base64` of CPython 3.11 does by default: passes over characters outside the alphabet and over
// padding where there is nothing to pad, and stops at padding elsewhere.
#[cold]
fn decode_leniently(data: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    if !data.is_ascii() {
        return false;
    }
    let (mut quad, mut pads, mut left) = (0u8, 0u8, 0u8);
    for &b in data {
        let six = match b {
            b'=' => {
                if quad >= 2 {
                    pads += 1;
                    if quad + pads >= 4 {
                        return true;
                    }
                }
                continue;
            }
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        pads = 0;
        match quad {
            0 => {}
            1 => out.push(left << 2 | six >> 4),
            2 => out.push(left << 4 | six >> 2),
            _ => out.push(left << 6 | six),
        }
        left = six;
        quad = (quad + 1) % 4;
    }
    quad == 0
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
        for (text, bytes) in [
            ("", &b""[..]),
            ("YWI=", b"ab"),
            ("YWJ=", b"ab"),
            ("YW\nI =", b"ab"),
            ("//8=", b"\xff\xff"),
            ("=Y=WI=x", b"ab"),
        ] {
            assert!(decode(text.as_bytes(), &mut out), "{text}");
            assert_eq!(out, bytes, "{text}");
        }
        for text in ["YWI", "Y", "YW\nI", "YW=I", "YWJé", "YWI=é"] {
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
