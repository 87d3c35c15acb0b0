//! A body's length as a header's value.

use http::HeaderValue;

const FROM: usize = 100;
const TO: usize = 1000;

/// The numbers of three digits, one after the other.
static DIGITS: [u8; (TO - FROM) * 3] = {
    let mut digits = [0; (TO - FROM) * 3];
    let mut number = FROM;
    while number < TO {
        let at = (number - FROM) * 3;
        digits[at] = b'0' + (number / 100) as u8;
        digits[at + 1] = b'0' + (number / 10 % 10) as u8;
        digits[at + 2] = b'0' + (number % 10) as u8;
        number += 1;
    }
    digits
};

static TEXT: &str = match std::str::from_utf8(&DIGITS) {
    Ok(text) => text,
    Err(_) => "",
};

/// A number in decimal. Most calls are of three digits' length, and those take no memory.
pub(super) fn decimal(number: u64) -> HeaderValue {
    match known(number) {
        Some(text) => HeaderValue::from_static(text),
        // Digits are fit for a header.
        None => HeaderValue::from_str(itoa::Buffer::new().format(number)).unwrap_or_else(|_| HeaderValue::from(number)),
    }
}

fn known(number: u64) -> Option<&'static str> {
    let at = usize::try_from(number).ok()?.checked_sub(FROM)?.checked_mul(3)?;
    TEXT.get(at..at.checked_add(3)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lengths() {
        for number in (0..1200).chain([9_999, 1 << 32, u64::MAX]) {
            assert_eq!(decimal(number), number.to_string(), "{number}");
            assert_eq!(known(number).is_some(), (100..1000).contains(&number), "{number}");
        }
    }
}
