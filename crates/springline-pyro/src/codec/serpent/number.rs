//! Number literals: `12`, `0x_ff`, `1_000.5e-3`, `2j`.

use num_bigint::BigInt;
use num_traits::Num;

use super::MAX_INT_DIGITS;

/// An unsigned number.
#[derive(Debug, PartialEq)]
pub(super) enum Number {
    Int(u64),
    Big(BigInt),
    Float(f64),
    Imaginary(f64),
}

const TOO_LONG: &str = "the integer has more than 4300 digits, which is also Python's limit";

// 4300 * log2(10). Hexadecimal numbers are held to the same limit, for whoever has to turn them into decimal text.
const MAX_INT_BITS: u64 = 14_285;

/// What is wrong with a number, and where.
pub(super) type Bad = (usize, &'static str);

/// Whether `b` may go on in a name or number, so that a literal cannot end before it.
#[inline]
pub(super) fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80
}

struct Cursor<'t> {
    text: &'t str,
    at: usize,
    // Underscores were met: the text has to be copied without them.
    spaced: bool,
}

impl<'t> Cursor<'t> {
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    // digit (["_"] digit)*
    fn digits(&mut self, radix: u32) -> Result<(), Bad> {
        let is_digit = |b: u8| char::from(b).is_digit(radix);
        if !is_digit(self.peek()) {
            return Err((self.at, "expected a digit"));
        }
        loop {
            while is_digit(self.peek()) {
                self.at += 1;
            }
            if self.peek() != b'_' {
                return Ok(());
            }
            self.spaced = true;
            self.at += 1;
            if !is_digit(self.peek()) {
                return Err((self.at, "expected a digit after '_' in a number"));
            }
        }
    }

    fn since(&self, start: usize) -> &'t str {
        self.text.get(start..self.at).unwrap_or_default()
    }
}

/// Reads the number at `start`, where a digit or a point followed by one stands. Gives it and the offset behind it.
pub(super) fn number(text: &str, start: usize) -> Result<(Number, usize), Bad> {
    let mut c = Cursor { text, at: start, spaced: false };
    let first = c.peek();
    if first == b'0' {
        c.at += 1;
        let radix = match c.peek() {
            b'x' | b'X' => 16,
            b'o' | b'O' => 8,
            b'b' | b'B' => 2,
            _ => 10,
        };
        if radix != 10 {
            return in_radix(c, radix);
        }
        c.at = start;
    }
    let mut is_float = first == b'.';
    if !is_float {
        c.digits(10)?;
    }
    let int_end = c.at;
    if c.peek() == b'.' {
        is_float = true;
        c.at += 1;
        if c.peek().is_ascii_digit() {
            c.digits(10)?;
        }
    }
    if matches!(c.peek(), b'e' | b'E') {
        is_float = true;
        c.at += 1;
        if matches!(c.peek(), b'+' | b'-') {
            c.at += 1;
        }
        c.digits(10).map_err(|(at, _)| (at, "expected the digits of an exponent"))?;
    }
    let imaginary = matches!(c.peek(), b'j' | b'J');
    if !imaginary && !is_float {
        return int(c, start);
    }
    debug_assert!(int_end <= c.at);
    let value = float(&c, start)?;
    if imaginary {
        c.at += 1;
    }
    end(&c)?;
    Ok((if imaginary { Number::Imaginary(value) } else { Number::Float(value) }, c.at))
}

fn end(c: &Cursor<'_>) -> Result<(), Bad> {
    if is_word(c.peek()) { Err((c.at, "expected the end of the number")) } else { Ok(()) }
}

fn float(c: &Cursor<'_>, start: usize) -> Result<f64, Bad> {
    let text = c.since(start);
    // What is too large becomes infinite, here as in Python: `1e30000` is how infinity is written.
    let value = if c.spaced { text.replace('_', "").parse() } else { text.parse() };
    value.map_err(|_| (start, "expected a float"))
}

fn int(c: Cursor<'_>, start: usize) -> Result<(Number, usize), Bad> {
    end(&c)?;
    let text = c.since(start);
    let digits = text.bytes().filter(u8::is_ascii_digit);
    if text.starts_with('0') {
        return match text.bytes().find(|b| !matches!(b, b'0' | b'_')) {
            None => Ok((Number::Int(0), c.at)),
            Some(_) => Err((start, "leading zeros in an integer (octal numbers begin with 0o)")),
        };
    }
    let mut value = Some(0u64);
    for d in digits.clone() {
        value = value.and_then(|v| v.checked_mul(10)?.checked_add(u64::from(d - b'0')));
        if value.is_none() {
            break;
        }
    }
    if let Some(value) = value {
        return Ok((Number::Int(value), c.at));
    }
    if digits.count() > MAX_INT_DIGITS {
        return Err((start, TOO_LONG));
    }
    big(&c, text, start, 10)
}

fn in_radix(mut c: Cursor<'_>, radix: u32) -> Result<(Number, usize), Bad> {
    let start = c.at - 1;
    c.at += 1;
    if c.peek() == b'_' {
        c.at += 1;
        c.spaced = true;
    }
    let digits = c.at;
    c.digits(radix)?;
    end(&c)?;
    let text = c.since(digits);
    match (c.spaced, u64::from_str_radix(text, radix)) {
        (false, Ok(value)) => Ok((Number::Int(value), c.at)),
        _ => big(&c, text, start, radix),
    }
}

fn big(c: &Cursor<'_>, text: &str, start: usize, radix: u32) -> Result<(Number, usize), Bad> {
    let value = if c.spaced {
        BigInt::from_str_radix(&text.replace('_', ""), radix)
    } else {
        BigInt::from_str_radix(text, radix)
    };
    let value = value.map_err(|_| (start, "expected an integer"))?;
    if value.bits() > MAX_INT_BITS {
        return Err((start, TOO_LONG));
    }
    let number = u64::try_from(&value).map_or_else(|_| Number::Big(value), Number::Int);
    Ok((number, c.at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let big = |t: &str| Number::Big(t.parse().unwrap());
        for (text, expected) in [
            ("0", Number::Int(0)),
            ("000", Number::Int(0)),
            ("0_0", Number::Int(0)),
            ("12,", Number::Int(12)),
            ("1_000 ", Number::Int(1000)),
            ("18446744073709551615", Number::Int(u64::MAX)),
            ("18446744073709551616", big("18446744073709551616")),
            ("1_8446744073709551616", big("18446744073709551616")),
            ("0xff", Number::Int(255)),
            ("0X_Ff_F", Number::Int(4095)),
            ("0o17", Number::Int(15)),
            ("0b1_01", Number::Int(5)),
            ("0x1_0000000000000000", big("18446744073709551616")),
            ("1.", Number::Float(1.0)),
            (".5", Number::Float(0.5)),
            ("1.e5", Number::Float(1e5)),
            ("1E5", Number::Float(1e5)),
            ("1e-0_7", Number::Float(1e-7)),
            ("09.5", Number::Float(9.5)),
            ("1_0.2_5e+1", Number::Float(102.5)),
            ("1e30000", Number::Float(f64::INFINITY)),
            ("2j", Number::Imaginary(2.0)),
            ("07.5e1J", Number::Imaginary(75.0)),
        ] {
            let (n, end) = number(text, 0).unwrap();
            assert_eq!(n, expected, "{text}");
            assert_eq!(end, text.trim_end_matches([',', ' ']).len(), "{text}");
        }
    }

    #[test]
    fn no_numbers() {
        for text in [
            "01", "0_7", "1_", "1__0", "1._5", "1_.5", "1e", "1e_5", "1e+", "0x", "0x_", "0xg", "0o8", "0b2", "0b12",
            "1x", "1é", "1.5a", "1jj", "1_a", "0_", "00_", "0x1_",
        ] {
            assert!(number(text, 0).is_err(), "{text}");
        }
        assert!(number(&"9".repeat(MAX_INT_DIGITS), 0).is_ok());
        let (_, why) = number(&"9".repeat(MAX_INT_DIGITS + 1), 0).unwrap_err();
        assert!(why.contains("4300"));
        assert!(number(&format!("0x{}", "f".repeat(3571)), 0).is_ok());
        assert!(number(&format!("0x{}", "f".repeat(3572)), 0).unwrap_err().1.contains("4300"));
    }
}
