//! Floats as Python's `repr` prints them.

use std::fmt::Write;

// A sign, 17 digits, a point, an exponent: 24 bytes at most.
struct Digits {
    bytes: [u8; 32],
    len: usize,
}

impl Write for Digits {
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        let end = self.len + s.len();
        self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?.copy_from_slice(s.as_bytes());
        self.len = end;
        Ok(())
    }
}

// From here on, and below 1e-4, `repr` takes an exponent.
const EXPONENT_FROM: i32 = 16;
const FIXED_FROM: i32 = -4;

/// Appends a finite float in the shortest form that reads back as the same number, laid out as CPython does:
/// `1.0`, `1e+16`, `1e-07`, `-0.0`.
pub(super) fn push_repr(out: &mut Vec<u8>, v: f64) {
    // Whole numbers are common and need no digit search. -0.0 keeps its sign the long way.
    if v.abs() < 1e15 && v.fract() == 0.0 && (v != 0.0 || v.is_sign_positive()) {
        out.extend_from_slice(itoa::Buffer::new().format(v as i64).as_bytes());
        out.extend_from_slice(b".0");
        return;
    }
    let mut text = Digits { bytes: [0; 32], len: 0 };
    let (Ok(()), Some(text)) = (write!(text, "{v:e}"), text.bytes.get(..text.len)) else { return };
    let (text, negative) = match text {
        [b'-', rest @ ..] => (rest, true),
        _ => (text, false),
    };
    let mut parts = text.split(|b| *b == b'e');
    let (Some([first, point_and_rest @ ..]), Some(exponent)) = (parts.next(), parts.next()) else { return };
    let rest = point_and_rest.get(1..).unwrap_or_default();
    let Some(exponent) = std::str::from_utf8(exponent).ok().and_then(|e| e.parse::<i32>().ok()) else { return };

    if negative {
        out.push(b'-');
    }
    if !(FIXED_FROM..EXPONENT_FROM).contains(&exponent) {
        out.push(*first);
        if !rest.is_empty() {
            out.push(b'.');
            out.extend_from_slice(rest);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        if exponent.abs() < 10 {
            out.push(b'0');
        }
        out.extend_from_slice(itoa::Buffer::new().format(exponent.abs()).as_bytes());
        return;
    }
    match usize::try_from(exponent) {
        Ok(before) => {
            out.push(*first);
            match rest.split_at_checked(before) {
                Some((whole, fraction)) if !fraction.is_empty() => {
                    out.extend_from_slice(whole);
                    out.push(b'.');
                    out.extend_from_slice(fraction);
                }
                _ => {
                    out.extend_from_slice(rest);
                    out.resize(out.len() + before.saturating_sub(rest.len()), b'0');
                    out.extend_from_slice(b".0");
                }
            }
        }
        Err(_) => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + exponent.unsigned_abs() as usize - 1, b'0');
            out.push(*first);
            out.extend_from_slice(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The right column is `repr` of CPython 3.11.7.
    #[test]
    fn as_python_prints_them() {
        for (v, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (100.25, "100.25"),
            (123456.789, "123456.789"),
            (0.0001, "0.0001"),
            (0.00012345, "0.00012345"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (999999999999999.9, "999999999999999.9"),
            (1234567890123456.0, "1234567890123456.0"),
            (9007199254740993.0, "9007199254740992.0"),
            (1e16, "1e+16"),
            (1.2345e16, "1.2345e+16"),
            (12345678901234567.0, "1.2345678901234568e+16"),
            (1e22, "1e+22"),
            (1e100, "1e+100"),
            (-2.5e-300, "-2.5e-300"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "5e-324"),
        ] {
            let mut out = Vec::new();
            push_repr(&mut out, v);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
