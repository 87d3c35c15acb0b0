//! The extension types of Pyro's msgpack serializer (Pyro4 4.82 `util.py`, Pyro5 5.17 `serializers.py`) and msgpack's own.

use num_bigint::BigInt;
use springline_core::{Date, DateTime, Error, Result};

use super::local;

/// Two doubles: real and imaginary part.
pub(super) const COMPLEX: i8 = 0x30;
/// An integer outside 64 bits, as ASCII decimal.
pub(super) const INTEGER: i8 = 0x31;
/// A naive date and time: a double, the POSIX timestamp of that local time.
pub(super) const DATETIME: i8 = 0x32;
/// A date: a C long, the proleptic Gregorian ordinal.
pub(super) const DATE: i8 = 0x33;
/// msgpack's own timestamp.
pub(super) const TIMESTAMP: i8 = -1;

/// Digits that an integer may have. CPython since 3.11 (and its security releases) converts no more in either
/// direction; the work grows with the square.
const DIGITS: usize = 4300;

pub(super) fn complex(re: f64, im: f64) -> [u8; 16] {
    (u128::from(re.to_bits()) | u128::from(im.to_bits()) << 64).to_le_bytes()
}

/// Extension type and data of a date.
pub(super) fn datetime(v: &DateTime) -> Result<(i8, [u8; 8])> {
    if v.offset.is_some() {
        return Err(Error::encode(format!(
            "Pyro's msgpack cannot carry a date with a zone ({v}); make it a naive local time"
        )));
    }
    match (v.date, v.time, v.unix_nanos()) {
        (Some(date), None, _) => Ok((DATE, date.ordinal().to_le_bytes())),
        (Some(_), Some(time), Some(nanos)) => {
            let wall = i64::try_from(nanos.div_euclid(1_000_000_000)).unwrap_or(i64::MAX);
            let seconds = local::timestamp(wall).map_err(|e| Error::encode(e.message().to_owned()))?;
            // Python has microseconds; finer parts are cut off, as everywhere on a Pyro wire.
            let micros = f64::from(time.nanosecond / 1000);
            Ok((DATETIME, (seconds as f64 + micros / 1e6).to_le_bytes()))
        }
        _ => Err(Error::encode(format!("Pyro's msgpack cannot carry a time of day without a date ({v})"))),
    }
}

/// The text of an integer outside 64 bits.
pub(super) fn integer_text(v: &BigInt) -> Result<String> {
    let text = v.to_string();
    let digits = text.trim_start_matches('-').len();
    if digits > DIGITS {
        return Err(Error::encode(format!("an integer of {digits} digits: Python reads at most {DIGITS}")));
    }
    Ok(text)
}

pub(super) fn read_complex(data: &[u8]) -> Result<(f64, f64)> {
    let data: [u8; 16] = data.try_into().map_err(|_| wrong_size("a complex number", "16", data))?;
    let both = u128::from_le_bytes(data);
    Ok((f64::from_bits(both as u64), f64::from_bits((both >> 64) as u64)))
}

pub(super) fn read_integer(data: &[u8]) -> Result<BigInt> {
    let digits = data.strip_prefix(b"-").unwrap_or(data);
    if digits.len() > DIGITS {
        return Err(Error::mismatch(format!("an integer of {} digits, at most {DIGITS} are read", digits.len())));
    }
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(no_integer(data));
    }
    BigInt::parse_bytes(data, 10).ok_or_else(|| no_integer(data))
}

/// Extension 0x32, rounded as Python's `fromtimestamp` rounds: half to even microseconds.
pub(super) fn read_datetime(data: &[u8]) -> Result<DateTime> {
    let data: [u8; 8] = data.try_into().map_err(|_| wrong_size("a date and time", "8", data))?;
    let stamp = f64::from_le_bytes(data);
    // Beyond that no calendar of ours reaches; it also keeps the conversions exact.
    if !(-1e12..=1e12).contains(&stamp) {
        return Err(Error::mismatch(format!("POSIX timestamp {stamp} is outside the years 1 to 9999")));
    }
    let seconds = stamp.trunc();
    let micros = ((stamp - seconds) * 1e6).round_ties_even();
    let wall = local::wall(seconds as i64 + (micros as i64).div_euclid(1_000_000))?;
    let nanos = i128::from(wall) * 1_000_000_000 + i128::from((micros as i64).rem_euclid(1_000_000)) * 1000;
    Ok(DateTime { offset: None, ..DateTime::from_unix_nanos(nanos)? })
}

/// Extension 0x33: 8 bytes from Unix, 4 from Windows.
pub(super) fn read_date(data: &[u8]) -> Result<DateTime> {
    let ordinal = match (<[u8; 8]>::try_from(data), <[u8; 4]>::try_from(data)) {
        (Ok(long), _) => i64::from_le_bytes(long),
        (_, Ok(short)) => i32::from_le_bytes(short).into(),
        _ => return Err(wrong_size("a date", "8 or 4", data)),
    };
    Date::from_ordinal(ordinal).map(DateTime::from_date)
}

/// msgpack's timestamp in its three sizes, as a date in UTC.
pub(super) fn read_timestamp(data: &[u8]) -> Result<DateTime> {
    let (seconds, nanos) = match data.len() {
        4 => (i128::from(big_endian(data)), 0),
        8 => (i128::from(big_endian(data) & 0x3_ffff_ffff), big_endian(data) >> 34),
        12 => {
            let (nanos, seconds) = data.split_at_checked(4).unwrap_or_default();
            (i128::from(big_endian(seconds) as i64), big_endian(nanos))
        }
        _ => return Err(wrong_size("a timestamp", "4, 8 or 12", data)),
    };
    if nanos > 999_999_999 {
        return Err(Error::mismatch(format!("a timestamp with {nanos} nanoseconds")));
    }
    DateTime::from_unix_nanos(seconds * 1_000_000_000 + i128::from(nanos))
}

fn big_endian(data: &[u8]) -> u64 {
    data.iter().fold(0, |n, b| n << 8 | u64::from(*b))
}

#[cold]
fn wrong_size(what: &str, sizes: &str, data: &[u8]) -> Error {
    Error::mismatch(format!("{what} has {} bytes instead of {sizes}", data.len()))
}

#[cold]
fn no_integer(data: &[u8]) -> Error {
    let shown = data.get(..40).unwrap_or(data);
    Error::mismatch(format!("expected the digits of an integer, found {:?}", String::from_utf8_lossy(shown)))
}
