//! The text forms of protocol 0: numbers as digits, Python 2's quoted `str`, escaped Unicode.

use num_bigint::BigInt;

/// Digits of the longest integer that is read from text, which is also CPython's limit since 3.11.
const MAX_DIGITS: usize = 4300;

/// Bytes of an integer that surely has no more digits than that.
pub(super) const MAX_TEXT_BYTES: usize = 1780;

/// An integer as text.
pub(super) enum Number {
    Small(i64),
    Big(BigInt),
}

/// An integer as `int(text, 0)` reads it, without underscores.
pub(super) fn integer(text: &[u8]) -> Result<Number, &'static str> {
    let text = std::str::from_utf8(text).map_err(|_| "expected an integer")?.trim_ascii();
    if let Ok(v) = text.parse() {
        return Ok(Number::Small(v));
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, radix) = match digits.get(..2) {
        Some("0x" | "0X") => (digits.get(2..).unwrap_or_default(), 16),
        Some("0o" | "0O") => (digits.get(2..).unwrap_or_default(), 8),
        Some("0b" | "0B") => (digits.get(2..).unwrap_or_default(), 2),
        _ => (digits, 10),
    };
    if digits.len() > MAX_DIGITS {
        return Err("the integer has more than 4300 digits, which is also Python's limit");
    }
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err("expected an integer");
    }
    let value = BigInt::parse_bytes(digits.as_bytes(), radix).ok_or("expected an integer")?;
    let value = if negative { -value } else { value };
    Ok(i64::try_from(&value).map_or_else(|_| Number::Big(value), Number::Small))
}

/// A float as Python's `repr` writes it.
pub(super) fn float(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.trim_ascii().parse().ok()
}

/// Python 2's `repr` of a `str`: quotes around it, escapes in it.
pub(super) fn quoted(text: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
    let text = text.trim_ascii_end();
    let inner = match text {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
        _ => return Err("expected a quoted string"),
    };
    let mut rest = inner;
    loop {
        let plain = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        let (before, escape) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
        out.extend_from_slice(before);
        let Some((_, escape)) = escape.split_first() else { return Ok(()) };
        let Some((code, after)) = escape.split_first() else { return Err("the string ends in a backslash") };
        rest = after;
        let byte = match code {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'v' => 11,
            b'\\' | b'\'' | b'"' => *code,
            b'x' => {
                let (digits, after) = rest.split_at_checked(2).ok_or("expected two hexadecimal digits after \\x")?;
                rest = after;
                let digits = std::str::from_utf8(digits).ok();
                let value = digits.filter(|d| !d.starts_with('+')).and_then(|d| u8::from_str_radix(d, 16).ok());
                value.ok_or("expected two hexadecimal digits after \\x")?
            }
            b'0'..=b'7' => {
                let mut value = u32::from(code - b'0');
                for _ in 0..2 {
                    let Some((digit @ b'0'..=b'7', after)) = rest.split_first() else { break };
                    value = value * 8 + u32::from(digit - b'0');
                    rest = after;
                }
                (value & 0xff) as u8
            }
            other => {
                out.push(b'\\');
                *other
            }
        };
        out.push(byte);
    }
}

/// Python's raw-unicode-escape: Latin-1, and `\uXXXX` or `\UXXXXXXXX`. Surrogate pairs, which narrow builds of Python 2
/// write, become one character.
pub(super) fn unicode(text: &[u8], out: &mut String) -> Result<(), &'static str> {
    let mut rest = text;
    let mut high: Option<u32> = None;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let mut code = u32::from(*byte);
        if *byte == b'\\' {
            let digits = match rest.first() {
                Some(b'u') => 4,
                Some(b'U') => 8,
                next => {
                    // A backslash that begins no escape stands for itself, and so does the byte behind it.
                    if high.is_some() {
                        return Err(LONE);
                    }
                    out.push('\\');
                    if let Some(next) = next {
                        out.push(char::from(*next));
                        rest = rest.get(1..).unwrap_or_default();
                    }
                    continue;
                }
            };
            let hex = rest.get(1..=digits).and_then(|hex| std::str::from_utf8(hex).ok());
            let hex = hex.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
            code = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok()).ok_or("an escape without its digits")?;
            rest = rest.get(digits + 1..).unwrap_or_default();
        }
        code = match (high.take(), code) {
            (None, 0xd800..=0xdbff) => {
                high = Some(code);
                continue;
            }
            (Some(high), 0xdc00..=0xdfff) => 0x1_0000 + ((high - 0xd800) << 10) + (code - 0xdc00),
            (Some(_), _) => return Err(LONE),
            (None, code) => code,
        };
        out.push(char::from_u32(code).ok_or(LONE)?);
    }
    if high.is_some() { Err(LONE) } else { Ok(()) }
}

/// What is said of a surrogate that is not one of a pair.
pub(super) const LONE: &str = "the text has a lone surrogate, which is no character";
