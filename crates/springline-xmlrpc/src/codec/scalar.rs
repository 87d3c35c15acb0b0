//! Scalars from their texts.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use num_bigint::BigInt;
use springline_core::Bytes;

use super::problem::excerpt;

/// Digits of the longest `biginteger` that is read: taking digits to a number costs their square.
pub(super) const MAX_DIGITS: usize = 4300;

const STRICT: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new());
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Without the blanks around.
#[inline]
pub(super) fn trim(text: &str) -> &str {
    match text.as_bytes() {
        // Nothing to do, as nearly always.
        [first, .., last] if *first > b' ' && *last > b' ' => text,
        [only] if *only > b' ' => text,
        _ => text.trim_matches([' ', '\t', '\n', '\r']),
    }
}

/// `[+-]?[0-9]+` of up to 64 bits.
#[inline]
pub(super) fn integer(text: &str) -> Result<i64, String> {
    let trimmed = trim(text).as_bytes();
    let (negative, digits) = match trimmed {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 {
        return long_integer(text, negative, digits);
    }
    let mut value = 0i64;
    for b in digits {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return Err(not_integer(text));
        }
        value = value * 10 + i64::from(digit);
    }
    Ok(if negative { -value } else { value })
}

#[cold]
fn long_integer(text: &str, negative: bool, digits: &[u8]) -> Result<i64, String> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(not_integer(text));
    }
    let mut value = 0i64;
    for b in digits {
        let digit = i64::from(b.wrapping_sub(b'0'));
        let next =
            value.checked_mul(10).and_then(|v| if negative { v.checked_sub(digit) } else { v.checked_add(digit) });
        match next {
            Some(next) => value = next,
            None => return Err(format!("expected an integer of up to 64 bits, found {}", excerpt(text))),
        }
    }
    Ok(value)
}

#[cold]
fn not_integer(text: &str) -> String {
    format!("expected an integer, found {}", excerpt(text))
}

/// An integer of any size.
pub(super) fn big_integer(text: &str) -> Result<BigInt, String> {
    let trimmed = trim(text);
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(not_integer(text));
    }
    if digits.len() > MAX_DIGITS {
        return Err(format!("an integer of {} digits is over the limit of {MAX_DIGITS}", digits.len()));
    }
    trimmed.parse().map_err(|_| not_integer(text))
}

/// A decimal number that stays text: `[+-]?digits[.digits][E[+-]digits]`.
pub(super) fn decimal(text: &str) -> Result<&str, String> {
    let trimmed = trim(text);
    if is_number(trimmed) { Ok(trimmed) } else { Err(format!("expected a decimal number, found {}", excerpt(text))) }
}

// Digits with at most one point, at least one digit, and an exponent.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|e| !e.is_empty() && digits(e))
}

/// A double: decimal with or without an exponent, and the words of Python, Java and C for what is not finite.
#[inline]
pub(super) fn double(text: &str) -> Result<f64, String> {
    let trimmed = trim(text);
    // The standard library takes the words too, and more of them than are wanted here.
    match trimmed.parse::<f64>() {
        Ok(v) if v.is_finite() => Ok(v),
        _ => special_double(text, trimmed),
    }
}

#[cold]
fn special_double(text: &str, trimmed: &str) -> Result<f64, String> {
    let (sign, word) = match trimmed.strip_prefix('-') {
        Some(word) => (-1.0, word),
        None => (1.0, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    if word.eq_ignore_ascii_case("nan") {
        return Ok(f64::NAN);
    }
    if word.eq_ignore_ascii_case("inf") || word.eq_ignore_ascii_case("infinity") {
        return Ok(sign * f64::INFINITY);
    }
    Err(if is_number(trimmed) {
        format!("{} is beyond the range of a double", excerpt(text))
    } else {
        format!("expected a floating point number, found {}", excerpt(text))
    })
}

/// A truth value.
#[inline]
pub(super) fn boolean(text: &str, lenient: bool) -> Result<bool, String> {
    match trim(text) {
        "1" => Ok(true),
        "0" => Ok(false),
        word if lenient && word.eq_ignore_ascii_case("true") => Ok(true),
        word if lenient && word.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(format!("expected 0 or 1 as a truth value, found {}", excerpt(text))),
    }
}

/// Base64 in the standard alphabet, with blanks anywhere.
pub(super) fn base64(text: &str, lenient: bool) -> Result<Bytes, String> {
    let engine = if lenient { &LENIENT } else { &STRICT };
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3 + 3);
    if memchr::memchr3(b' ', b'\n', b'\t', bytes).is_none() {
        engine.decode_vec(bytes, &mut out).map_err(|e| not_base64(&e))?;
        return Ok(Bytes::from(out));
    }
    // Piece by piece, so that a large text is not copied once more just to lose its blanks.
    let mut piece = Vec::with_capacity(PIECE);
    for line in bytes.split(|b| matches!(b, b' ' | b'\n' | b'\t')) {
        let mut rest = line;
        while !rest.is_empty() {
            if piece.len() == PIECE {
                // More comes, so this cannot be the end.
                if piece.contains(&b'=') {
                    return Err("bad base64: '=' before the end".to_owned());
                }
                engine.decode_vec(&piece, &mut out).map_err(|e| not_base64(&e))?;
                piece.clear();
            }
            let (head, tail) = rest.split_at(rest.len().min(PIECE - piece.len()));
            piece.extend_from_slice(head);
            rest = tail;
        }
    }
    engine.decode_vec(&piece, &mut out).map_err(|e| not_base64(&e))?;
    Ok(Bytes::from(out))
}

// A multiple of four.
const PIECE: usize = 4096;

#[cold]
fn not_base64(e: &base64::DecodeError) -> String {
    format!("bad base64: {e}")
}
