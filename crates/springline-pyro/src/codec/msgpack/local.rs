//! The zone of this machine (`TZ`, else what the system is set to), asked as CPython 3.11's `datetime` asks it.

use springline_core::Result;

/// Seconds that local time is ahead of UTC at a POSIX timestamp.
#[cfg(feature = "local-time")]
fn offset(timestamp: i64) -> Result<i64> {
    use chrono::{DateTime, Local, Offset, TimeZone};

    let utc = DateTime::from_timestamp(timestamp, 0).ok_or_else(|| {
        springline_core::Error::mismatch(format!("POSIX timestamp {timestamp} is outside the calendar"))
    })?;
    Ok(Local.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc().into())
}

#[cfg(not(feature = "local-time"))]
fn offset(_timestamp: i64) -> Result<i64> {
    Err(springline_core::Error::encode(
        "a date and time is local time in Pyro's msgpack; springline-pyro was built without its feature `local-time`",
    ))
}

/// What clocks here show at a POSIX timestamp, as seconds counted like a timestamp.
pub(super) fn wall(timestamp: i64) -> Result<i64> {
    Ok(timestamp.saturating_add(offset(timestamp)?))
}

/// The POSIX timestamp at which clocks here show `wall`: the earlier one where they show it twice, and where they never
/// show it (clocks go forward) the later of the two guesses. This is `datetime.timestamp()` with `fold=0`.
pub(super) fn timestamp(wall_time: i64) -> Result<i64> {
    const DAY: i64 = 86_400;
    let a = offset(wall_time)?;
    let first = wall_time.saturating_sub(a);
    let shown = wall(first)?;
    let b = if shown == wall_time {
        // One solution; an earlier one may lie before a change of the offset.
        let b = offset(first.saturating_sub(DAY))?;
        if a == b {
            return Ok(first);
        }
        b
    } else {
        shown.saturating_sub(first)
    };
    let second = wall_time.saturating_sub(b);
    Ok(if wall(second)? == wall_time {
        second
    } else if shown == wall_time {
        first
    } else {
        first.max(second)
    })
}
