//! `dateTime.iso8601` in the forms that are met, and in the two that are written.

use springline_core::{Date, DateTime, Time};

use super::problem::excerpt;
use super::scalar::trim;

/// Reads a date. `lenient` takes a blank for the `T`, and a date without a time.
pub(super) fn parse(text: &str, lenient: bool) -> Result<DateTime, String> {
    let trimmed = trim(text);
    match read(trimmed.as_bytes(), lenient) {
        Some((Some(date), time, offset)) => {
            let ranges = |e: springline_core::Error| e.message().to_owned();
            let (year, month, day) = date;
            let date = Date::new(year, month, day).map_err(ranges)?;
            let Some((hour, minute, second, nanosecond)) = time else { return Ok(DateTime::from_date(date)) };
            let time = Time::new(hour, minute, second, nanosecond).map_err(ranges)?;
            Ok(DateTime { offset, ..DateTime::naive(date, time) })
        }
        _ => Err(format!("expected a date such as 19980717T14:08:55, found {}", excerpt(text))),
    }
}

type Read = (Option<(i32, u8, u8)>, Option<(u8, u8, u8, u32)>, Option<i32>);

fn read(text: &[u8], lenient: bool) -> Option<Read> {
    let mut r = Reader { rest: text };
    let year = r.digits(4)?;
    let hyphens = r.take(b'-');
    let month = r.digits(2)?;
    if hyphens && !r.take(b'-') {
        return None;
    }
    let day = r.digits(2)?;
    let date = Some((year as i32, month as u8, day as u8));
    if r.rest.is_empty() {
        return lenient.then_some((date, None, None));
    }
    if !(r.take(b'T') || r.take(b't') || (lenient && r.take(b' '))) {
        return None;
    }
    let hour = r.digits(2)?;
    let colons = r.take(b':');
    let minute = r.digits(2)?;
    let mut second = 0;
    let mut nanosecond = 0;
    if if colons { r.take(b':') } else { r.rest.first().is_some_and(u8::is_ascii_digit) } {
        second = r.digits(2)?;
        if r.take(b'.') || r.take(b',') {
            let count = r.rest.iter().take_while(|b| b.is_ascii_digit()).count();
            if !(1..=9).contains(&count) {
                return None;
            }
            nanosecond = r.digits(count)? * 10u32.pow(9 - count as u32);
        }
    }
    let offset = r.offset()?;
    r.rest.is_empty().then_some((date, Some((hour as u8, minute as u8, second as u8, nanosecond)), offset))
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn take(&mut self, b: u8) -> bool {
        match self.rest {
            [first, tail @ ..] if *first == b => {
                self.rest = tail;
                true
            }
            _ => false,
        }
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, tail) = self.rest.split_at_checked(count)?;
        self.rest = tail;
        digits.iter().try_fold(0u32, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
    }

    // None where there is something else, Some(None) where there is nothing.
    fn offset(&mut self) -> Option<Option<i32>> {
        let sign = match self.rest {
            [] => return Some(None),
            [b'Z' | b'z', tail @ ..] => {
                self.rest = tail;
                return Some(Some(0));
            }
            [b'+', tail @ ..] => {
                self.rest = tail;
                1
            }
            [b'-', tail @ ..] => {
                self.rest = tail;
                -1
            }
            _ => return None,
        };
        let hours = self.digits(2)?;
        let minutes = if self.rest.is_empty() {
            0
        } else {
            self.take(b':');
            self.digits(2)?
        };
        (hours < 24 && minutes < 60).then_some(Some(sign * (hours * 3600 + minutes * 60) as i32))
    }
}

/// Appends `19980717T14:08:55`, or, where `extended`, `1998-07-17T14:08:55.5+02:00`.
pub(super) fn push(out: &mut Vec<u8>, v: &DateTime, extended: bool) -> Result<(), String> {
    let Some(date) = v.date else {
        return Err("XML-RPC has no times without a date: send a string".to_owned());
    };
    let Ok(year @ 0..=9999) = u32::try_from(date.year) else {
        return Err(format!("XML-RPC has no year {}", date.year));
    };
    let time = v.time.unwrap_or_default();
    number(out, year, 4);
    if extended {
        out.push(b'-');
    }
    number(out, date.month.into(), 2);
    if extended {
        out.push(b'-');
    }
    number(out, date.day.into(), 2);
    out.push(b'T');
    number(out, time.hour.into(), 2);
    out.push(b':');
    number(out, time.minute.into(), 2);
    out.push(b':');
    number(out, time.second.into(), 2);
    if !extended {
        return Ok(());
    }
    if time.nanosecond != 0 {
        out.push(b'.');
        number(out, time.nanosecond, 9);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
    if let Some(offset) = v.offset {
        if offset % 60 != 0 {
            return Err(format!("XML-RPC has no offset of {offset} seconds: only whole minutes"));
        }
        out.push(if offset < 0 { b'-' } else { b'+' });
        number(out, offset.unsigned_abs() / 3600, 2);
        out.push(b':');
        number(out, offset.unsigned_abs() / 60 % 60, 2);
    }
    Ok(())
}

fn number(out: &mut Vec<u8>, value: u32, width: usize) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(value).as_bytes();
    out.extend(std::iter::repeat_n(b'0', width.saturating_sub(digits.len())));
    out.extend_from_slice(digits);
}
