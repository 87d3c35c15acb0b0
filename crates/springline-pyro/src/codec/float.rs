//! Floats as Python's `repr` prints them, for the text serializers.

use memchr::memchr;

/// Appends `repr(float)` of a finite float: the shortest digits that read back the same, `1.0`, `1e+16`, `1e-07`.
///
/// Where two such are equally near, CPython takes the even one: 34427852737073.5625 is `34427852737073.562`. The
/// standard library would take the larger.
pub(super) fn push_f64(out: &mut Vec<u8>, v: f64) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(v).as_bytes();
    let magnitude = v.abs();
    let exponent_at = memchr(b'e', text);
    if exponent_at.is_none() && (magnitude >= 1e-4 || v == 0.0) {
        out.extend_from_slice(text);
        return;
    }
    let text = match text.strip_prefix(b"-") {
        Some(text) => {
            out.push(b'-');
            text
        }
        None => text,
    };
    // Now `d.ddde-7`, `de16`, or `0.0000ddd`.
    let (mantissa, exponent) = match text.iter().position(|b| *b == b'e') {
        Some(e) => {
            let (mantissa, exponent) = text.split_at_checked(e).unwrap_or_default();
            let exponent = std::str::from_utf8(exponent.get(1..).unwrap_or_default()).unwrap_or_default();
            (mantissa, exponent.parse::<i32>().unwrap_or_default())
        }
        None => {
            let zeros = text.iter().take_while(|b| matches!(b, b'0' | b'.')).count();
            (text.get(zeros..).unwrap_or_default(), 1 - zeros as i32)
        }
    };
    let mut digits = mantissa.iter().copied().filter(|b| *b != b'.');
    out.extend(digits.next());
    let mut rest = digits.peekable();
    if rest.peek().is_some() && mantissa.get(1..) != Some(b".0") {
        out.push(b'.');
        out.extend(rest);
    }
    out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
    if exponent.abs() < 10 {
        out.push(b'0');
    }
    out.extend_from_slice(itoa::Buffer::new().format(exponent.abs()).as_bytes());
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
            (1e-7, "1e-07"),
            (9999999999999998.0, "9999999999999998.0"),
            // A tie, which CPython rounds to even.
            (34427852737073.0 + 0.5625, "34427852737073.562"),
            (0.00001234, "1.234e-05"),
            (-0.000099999, "-9.9999e-05"),
        ] {
            let mut out = Vec::new();
            push_f64(&mut out, v);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
