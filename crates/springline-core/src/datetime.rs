//! Dates and times as the wires have them: with or without a date, a time, a zone.

use std::fmt;

use crate::{Error, Result};

/// A day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    /// Year. Most wires have 1 to 9999 only; Java's dates reach 292 million years either way. 0 is the year before 1.
    pub year: i32,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
}

/// A time of day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Time {
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute, 0 to 59.
    pub minute: u8,
    /// Second, 0 to 59.
    pub second: u8,
    /// Nanosecond. Python keeps microseconds, Hessian milliseconds, XML-RPC none.
    pub nanosecond: u32,
}

/// A date, a time of day, or both, with an offset from UTC where the peer gave one.
///
/// Python's naive `datetime` and XML-RPC's dateTime have no offset: what zone they mean is between the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DateTime {
    /// The day; `None` for a bare time.
    pub date: Option<Date>,
    /// The time; `None` for a bare date.
    pub time: Option<Time>,
    /// Seconds east of UTC.
    pub offset: Option<i32>,
}

const DAYS_BEFORE_1970: i64 = 719_163; // ordinal of 1970-01-01, counting 0001-01-01 as 1

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

impl Date {
    /// A checked day of the years 1 to 9999.
    pub fn new(year: i32, month: u8, day: u8) -> Result<Self> {
        match Self::of_any_year(year, month, day) {
            Ok(date) if date.is_common() => Ok(date),
            _ => Err(no_day(year, month, day)),
        }
    }

    /// A checked day of any year that 32 bits hold.
    pub fn of_any_year(year: i32, month: u8, day: u8) -> Result<Self> {
        if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
            return Err(no_day(year, month, day));
        }
        Ok(Self { year, month, day })
    }

    /// Whether the year is one of 1 to 9999, which Python and XML-RPC have.
    #[must_use]
    pub fn is_common(&self) -> bool {
        (1..=9999).contains(&self.year)
    }

    /// Days since 0001-01-01, which is 1 (Python's `toordinal`).
    #[must_use]
    pub fn ordinal(&self) -> i64 {
        let y = i64::from(self.year) - 1;
        let before = y * 365 + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400);
        let months: i64 = (1..self.month).map(|m| i64::from(days_in_month(self.year, m))).sum();
        before + months + i64::from(self.day)
    }

    /// The day of that ordinal (Python's `fromordinal`).
    pub fn from_ordinal(ordinal: i64) -> Result<Self> {
        if !(1..=3_652_059).contains(&ordinal) {
            return Err(Error::mismatch(format!("day number {ordinal} is outside the years 1 to 9999")));
        }
        Ok(Self::of_ordinal(ordinal))
    }

    // Within 32 bits of years.
    fn of_ordinal(ordinal: i64) -> Self {
        // A first guess that is never wrong by more than one year, then a correction.
        let mut year = ((ordinal - 1) * 400).div_euclid(146_097) as i32 + 1;
        while (Self { year: year + 1, month: 1, day: 1 }).ordinal() <= ordinal {
            year += 1;
        }
        while (Self { year, month: 1, day: 1 }).ordinal() > ordinal {
            year -= 1;
        }
        let mut rest = ordinal - Self { year, month: 1, day: 1 }.ordinal();
        let mut month = 1;
        while rest >= i64::from(days_in_month(year, month)) {
            rest -= i64::from(days_in_month(year, month));
            month += 1;
        }
        Self { year, month, day: rest as u8 + 1 }
    }
}

impl Time {
    /// A checked time of day.
    pub fn new(hour: u8, minute: u8, second: u8, nanosecond: u32) -> Result<Self> {
        if hour > 23 || minute > 59 || second > 59 || nanosecond > 999_999_999 {
            return Err(Error::mismatch(format!(
                "{hour:02}:{minute:02}:{second:02}.{nanosecond:09} is no time of day"
            )));
        }
        Ok(Self { hour, minute, second, nanosecond })
    }
}

impl DateTime {
    /// A bare date.
    #[must_use]
    pub fn from_date(date: Date) -> Self {
        Self { date: Some(date), time: None, offset: None }
    }

    /// A bare time.
    #[must_use]
    pub fn from_time(time: Time) -> Self {
        Self { date: None, time: Some(time), offset: None }
    }

    /// Date and time without a zone.
    #[must_use]
    pub fn naive(date: Date, time: Time) -> Self {
        Self { date: Some(date), time: Some(time), offset: None }
    }

    /// The instant so many nanoseconds after 1970-01-01 00:00 UTC, in the years 1 to 9999.
    pub fn from_unix_nanos(nanos: i128) -> Result<Self> {
        let day_nanos = 86_400_000_000_000i128;
        let days = nanos.div_euclid(day_nanos);
        let rest = nanos.rem_euclid(day_nanos);
        let days = i64::try_from(days).map_err(|_| Error::mismatch("date is outside the years 1 to 9999"))?;
        let date = Date::from_ordinal(days.saturating_add(DAYS_BEFORE_1970))?;
        Ok(Self::utc(date, (rest / 1_000_000_000) as u32, (rest % 1_000_000_000) as u32))
    }

    /// The instant so many milliseconds after 1970-01-01 00:00 UTC, in whatever year.
    #[must_use]
    pub fn from_unix_millis(millis: i64) -> Self {
        let date = Date::of_ordinal(millis.div_euclid(86_400_000) + DAYS_BEFORE_1970);
        let rest = millis.rem_euclid(86_400_000) as u32;
        Self::utc(date, rest / 1000, rest % 1000 * 1_000_000)
    }

    fn utc(date: Date, second: u32, nanosecond: u32) -> Self {
        let (hour, minute) = ((second / 3600) as u8, (second / 60 % 60) as u8);
        let time = Time { hour, minute, second: (second % 60) as u8, nanosecond };
        Self { date: Some(date), time: Some(time), offset: Some(0) }
    }

    /// Nanoseconds since 1970-01-01 00:00 UTC; without an offset the value is taken as UTC. `None` for a bare time.
    #[must_use]
    pub fn unix_nanos(&self) -> Option<i128> {
        let days = self.date?.ordinal() - DAYS_BEFORE_1970;
        let t = self.time.unwrap_or_default();
        let seconds =
            i128::from(days) * 86_400 + i128::from(t.hour) * 3600 + i128::from(t.minute) * 60 + i128::from(t.second)
                - i128::from(self.offset.unwrap_or(0));
        Some(seconds * 1_000_000_000 + i128::from(t.nanosecond))
    }

    /// Reads what [`Display`](fmt::Display) and Python's `isoformat()` write; a blank may stand for the `T`.
    pub fn parse(text: &str) -> Result<Self> {
        parse(text.as_bytes())
            .ok_or_else(|| Error::mismatch(format!("expected an ISO 8601 date or time, found {text:?}")))?
    }
}

#[cold]
fn no_day(year: i32, month: u8, day: u8) -> Error {
    Error::mismatch(format!("{year:04}-{month:02}-{day:02} is no day of the calendar"))
}

fn number(b: &[u8]) -> Option<u32> {
    if b.is_empty() || b.len() > 9 || !b.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(b.iter().fold(0, |n, d| n * 10 + u32::from(d - b'0')))
}

fn parse(b: &[u8]) -> Option<Result<DateTime>> {
    // A year that is not 1 to 9999 has a sign and more digits where it needs them.
    let signed = match b {
        [b'+' | b'-', digits @ ..] => digits.iter().position(|c| *c == b'-').filter(|len| *len >= 4),
        _ => None,
    };
    let (date, rest) = if let Some(len) = signed {
        let year = std::str::from_utf8(&b[..=len]).ok()?.parse().ok()?;
        let [b'-', m1, m2, b'-', d1, d2, ref rest @ ..] = b[len + 1..] else { return None };
        match (Date::of_any_year(year, number(&[m1, m2])? as u8, number(&[d1, d2])? as u8), rest) {
            (Err(e), _) => return Some(Err(e)),
            (Ok(date), []) => return Some(Ok(DateTime::from_date(date))),
            (Ok(date), [b'T' | b't' | b' ', rest @ ..]) => (Some(date), rest),
            _ => return None,
        }
    } else if b.len() >= 10 && b[4] == b'-' && b[7] == b'-' {
        let date = match Date::new(number(&b[..4])? as i32, number(&b[5..7])? as u8, number(&b[8..10])? as u8) {
            Ok(d) => d,
            Err(e) => return Some(Err(e)),
        };
        match b.get(10) {
            None => return Some(Ok(DateTime::from_date(date))),
            Some(b'T' | b't' | b' ') => (Some(date), &b[11..]),
            Some(_) => return None,
        }
    } else {
        (None, b)
    };
    let (clock, offset) = match rest.iter().position(|c| matches!(c, b'+' | b'-' | b'Z' | b'z')) {
        None => (rest, None),
        Some(i) => (&rest[..i], Some(parse_offset(&rest[i..])?)),
    };
    if clock.len() < 5 || clock[2] != b':' {
        return None;
    }
    let second = match clock.len() {
        5 => 0,
        _ if clock.len() >= 8 && clock[5] == b':' => number(&clock[6..8])?,
        _ => return None,
    };
    let nanosecond = match clock.get(8) {
        None => 0,
        Some(b'.' | b',') => {
            let digits = &clock[9..];
            number(digits)? * 10u32.pow(9 - digits.len() as u32)
        }
        Some(_) => return None,
    };
    let time = Time::new(number(&clock[..2])? as u8, number(&clock[3..5])? as u8, second as u8, nanosecond);
    Some(time.map(|time| DateTime { date, time: Some(time), offset }))
}

fn parse_offset(b: &[u8]) -> Option<i32> {
    let sign = match b[0] {
        b'Z' | b'z' => return (b.len() == 1).then_some(0),
        b'-' => -1,
        _ => 1,
    };
    let digits: Vec<u8> = b[1..].iter().copied().filter(|c| *c != b':').collect();
    let (h, m, s) = match digits.len() {
        2 => (number(&digits)?, 0, 0),
        4 => (number(&digits[..2])?, number(&digits[2..])?, 0),
        6 => (number(&digits[..2])?, number(&digits[2..4])?, number(&digits[4..])?),
        _ => return None,
    };
    (h < 24 && m < 60 && s < 60).then_some(sign * (h * 3600 + m * 60 + s) as i32)
}

impl fmt::Display for DateTime {
    /// Python's `isoformat()`: `2020-01-02T03:04:05.000678+01:00`. Years that are not 1 to 9999 have a sign, as in ISO 8601:
    /// `+292278994-08-17`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(d) = self.date {
            match d.year {
                1..=9999 => write!(f, "{:04}", d.year)?,
                year => write!(f, "{year:+05}")?,
            }
            write!(f, "-{:02}-{:02}", d.month, d.day)?;
        }
        let Some(t) = self.time else { return Ok(()) };
        if self.date.is_some() {
            f.write_str("T")?;
        }
        write!(f, "{:02}:{:02}:{:02}", t.hour, t.minute, t.second)?;
        match t.nanosecond {
            0 => {}
            n if n % 1000 == 0 => write!(f, ".{:06}", n / 1000)?,
            n => write!(f, ".{n:09}")?,
        }
        if let Some(offset) = self.offset {
            let (sign, o) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
            write!(f, "{sign}{:02}:{:02}", o / 3600, o / 60 % 60)?;
            if o % 60 != 0 {
                write!(f, ":{:02}", o % 60)?;
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for DateTime {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self> {
        Self::parse(s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_text_comes_back() {
        for text in [
            "2020-01-02T03:04:05.000678",
            "2020-01-02T03:04:05",
            "2020-02-29",
            "03:04:05",
            "03:04:05.123456789",
            "9999-12-31T23:59:59.999999+01:00",
            "0001-01-01T00:00:00-05:30",
            "2020-01-02T03:04:05+00:00",
        ] {
            assert_eq!(DateTime::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(DateTime::parse("2020-01-02 03:04Z").unwrap().to_string(), "2020-01-02T03:04:00+00:00");
    }

    #[test]
    fn bad_text_is_refused() {
        for text in
            ["", "x", "2021-02-29", "2020-13-01", "2020-01-02T", "25:00:00", "03:04:05.", "03:04:5", "03:04:05+1"]
        {
            assert!(DateTime::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn java_has_more_years() {
        for (millis, text) in [
            (i64::MAX, "+292278994-08-17T07:12:55.807000+00:00"),
            (i64::MIN, "-292275055-05-16T16:47:04.192000+00:00"),
            (0, "1970-01-01T00:00:00+00:00"),
            (-1, "1969-12-31T23:59:59.999000+00:00"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999000+00:00"),
            (253_402_300_800_000, "+10000-01-01T00:00:00+00:00"),
            (-62_135_596_800_001, "+0000-12-31T23:59:59.999000+00:00"),
            (-62_167_219_200_001, "-0001-12-31T23:59:59.999000+00:00"),
        ] {
            let date = DateTime::from_unix_millis(millis);
            assert_eq!(date.to_string(), text);
            assert_eq!(DateTime::parse(text).unwrap(), date);
            assert_eq!(date.unix_nanos(), Some(i128::from(millis) * 1_000_000));
        }
        assert_eq!(Date::of_any_year(i32::MIN, 2, 29).unwrap().ordinal(), -784_352_296_611);
        assert!(Date::of_any_year(-1, 2, 29).is_err() && Date::new(10_000, 1, 1).is_err());
        for text in ["+1-01-01", "+12345-01", "+99999999999-01-01", "-0001-13-01"] {
            assert!(DateTime::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ordinals_and_instants() {
        // Python: date(1970,1,1).toordinal() == 719163, date.max.toordinal() == 3652059
        assert_eq!(Date::new(1970, 1, 1).unwrap().ordinal(), 719_163);
        for n in [1, 365, 366, 719_163, 730_120, 737_425, 3_652_059] {
            assert_eq!(Date::from_ordinal(n).unwrap().ordinal(), n);
        }
        assert!(Date::from_ordinal(0).is_err() && Date::from_ordinal(3_652_060).is_err());
        let t = DateTime::parse("2020-01-02T03:04:05.000678+00:00").unwrap();
        assert_eq!(t.unix_nanos(), Some(1_577_934_245_000_678_000));
        assert_eq!(DateTime::from_unix_nanos(1_577_934_245_000_678_000).unwrap(), t);
        assert_eq!(DateTime::from_unix_nanos(-1).unwrap().to_string(), "1969-12-31T23:59:59.999999999+00:00");
    }
}
