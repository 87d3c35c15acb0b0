//! `2`, `0.5`, `500ms`, `2s`, `1m`: how long.

use std::time::Duration;

/// The longest that is taken: a year. Anything more is a slip of the keyboard.
const LONGEST: f64 = 365.0 * 86_400.0;

/// Reads seconds, or a number with its unit.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" | "min" => 60.0,
        other => return Err(format!("unknown unit {other:?}, expected seconds, ms, s or m")),
    };
    let number: f64 = digits.parse().map_err(|_| "expected seconds, as in 2 or 0.5, or 500ms, 2s, 1m".to_owned())?;
    let seconds = number * unit;
    if !(seconds > 0.0 && seconds <= LONGEST) {
        return Err("must be more than nothing and at most a year".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        for (text, millis) in
            [("2", 2000), ("0.5", 500), ("500ms", 500), ("2s", 2000), ("1m", 60_000), ("1.5min", 90_000), (".25", 250)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "0", "-1", "1h", "ms", "5 s", "1e99", "nan", "inf", "0x10"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
