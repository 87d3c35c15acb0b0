//! What Java has objects for and others have values: decimals, big integers, remote objects, dates without a zone.

use num_bigint::{BigInt, Sign};
use springline_core::{Container, Date, DateTime, Error, RemoteRef, Result, Sink, Time};

use super::JavaTime;

pub(super) const BIG_DECIMAL: &str = "java.math.BigDecimal";
pub(super) const BIG_INTEGER: &str = "java.math.BigInteger";
pub(super) const REMOTE: &str = "com.caucho.hessian.io.HessianRemote";
pub(super) const HASH_SET: &str = "java.util.HashSet";
pub(super) const DUBBO: &str = "com.alibaba.com.caucho.hessian.io.java8.";
pub(super) const SOFA: &str = "com.caucho.hessian.io.java8.";

/// Whether a list of this type is a set to Java.
pub(super) fn is_set(name: &str) -> bool {
    let Some(name) = name.strip_prefix("java.util.") else { return false };
    let name = name.strip_prefix("concurrent.").unwrap_or(name);
    matches!(
        name,
        "HashSet"
            | "LinkedHashSet"
            | "TreeSet"
            | "ConcurrentSkipListSet"
            | "CopyOnWriteArraySet"
            | "RegularEnumSet"
            | "JumboEnumSet"
            | "Collections$EmptySet"
            | "Collections$SingletonSet"
            | "Collections$UnmodifiableSet"
            | "Collections$SynchronizedSet"
            | "ImmutableCollections$SetN"
            | "ImmutableCollections$Set12"
    )
}

/// Whether a map of this type is a map to Java too, and not an object, which looks the same in Hessian 1.
pub(super) fn is_map(name: &str) -> bool {
    let Some(name) = name.strip_prefix("java.util.") else { return false };
    name.ends_with("Map") || matches!(name, "Hashtable" | "Properties")
}

/// A `BigDecimal` by its text, which is how Caucho's `StringValueSerializer` writes it.
pub(super) fn write_decimal<S: Sink>(sink: &mut S, text: &str) -> Result<()> {
    sink.begin(Container::object(BIG_DECIMAL, Some(1)))?;
    sink.key("value")?;
    sink.str(text)?;
    sink.end()
}

/// A `BigInteger` by its fields. Those that Java has besides, other ones in each release, are caches that it fills when
/// they are zero.
pub(super) fn write_big<S: Sink>(sink: &mut S, v: &BigInt) -> Result<()> {
    let (sign, digits) = v.to_u32_digits();
    sink.begin(Container::object(BIG_INTEGER, Some(2)))?;
    sink.key("signum")?;
    sink.i32(match sign {
        Sign::Minus => -1,
        Sign::NoSign => 0,
        Sign::Plus => 1,
    })?;
    sink.key("mag")?;
    sink.begin(Container::List { kind: Default::default(), type_name: Some("[int"), len: Some(digits.len()) })?;
    digits.iter().rev().try_for_each(|digit| sink.i32(*digit as i32))?;
    sink.end()?;
    sink.end()
}

/// A reference to a remote object.
pub(super) fn write_remote<S: Sink>(sink: &mut S, v: &RemoteRef) -> Result<()> {
    sink.begin(Container::object(REMOTE, Some(2)))?;
    sink.key("type")?;
    match &v.type_name {
        Some(name) => sink.str(name)?,
        None => sink.null()?,
    }
    sink.key("url")?;
    sink.str(&v.uri)?;
    sink.end()
}

/// An enum's constant: an object with the field `name`.
pub(super) fn write_variant<S: Sink>(sink: &mut S, class: &str, name: &str) -> Result<()> {
    sink.begin(Container::object(class, Some(1)))?;
    sink.key("name")?;
    sink.str(name)?;
    sink.end()
}

/// How a date is written.
pub(super) enum Moment {
    /// As a `java.util.Date`, in milliseconds since 1970.
    Millis(i64),
    /// As objects whose classes begin so.
    Handles(&'static str),
}

impl Moment {
    pub(super) fn of(v: &DateTime, java_time: JavaTime) -> Result<Self> {
        if v.date.is_none() || v.time.is_none() || v.offset.is_none() {
            match java_time {
                JavaTime::Dubbo => return Ok(Self::Handles(DUBBO)),
                JavaTime::Sofa => return Ok(Self::Handles(SOFA)),
                JavaTime::None if v.date.is_some() && v.time.is_some() => {}
                JavaTime::None => {
                    let what = if v.date.is_some() { "date without a time" } else { "time without a date" };
                    return Err(Error::encode(format!("Hessian has no {what} ({v}) unless java_time is set")));
                }
            }
        }
        let nanos = v.unix_nanos().unwrap_or_default();
        i64::try_from(nanos.div_euclid(1_000_000))
            .map(Self::Millis)
            .map_err(|_| Error::encode(format!("{v} is beyond Java's milliseconds of 64 bits")))
    }
}

/// The handles of `java.time`'s local dates and times.
pub(super) fn write_handles<S: Sink>(sink: &mut S, package: &str, v: &DateTime) -> Result<()> {
    match (v.date, v.time) {
        (Some(date), Some(time)) => {
            sink.begin(Container::object(&format!("{package}LocalDateTimeHandle"), Some(2)))?;
            sink.key("date")?;
            write_date(sink, package, date)?;
            sink.key("time")?;
            write_time(sink, package, time)?;
            sink.end()
        }
        (Some(date), None) => write_date(sink, package, date),
        (None, time) => write_time(sink, package, time.unwrap_or_default()),
    }
}

fn write_date<S: Sink>(sink: &mut S, package: &str, date: Date) -> Result<()> {
    sink.begin(Container::object(&format!("{package}LocalDateHandle"), Some(3)))?;
    numbers(sink, &[("year", date.year), ("month", date.month.into()), ("day", date.day.into())])
}

fn write_time<S: Sink>(sink: &mut S, package: &str, time: Time) -> Result<()> {
    sink.begin(Container::object(&format!("{package}LocalTimeHandle"), Some(4)))?;
    let nano = i32::try_from(time.nanosecond).unwrap_or(i32::MAX);
    let (hour, minute, second) = (time.hour.into(), time.minute.into(), time.second.into());
    numbers(sink, &[("hour", hour), ("minute", minute), ("second", second), ("nano", nano)])
}

fn numbers<S: Sink>(sink: &mut S, fields: &[(&str, i32)]) -> Result<()> {
    for (name, v) in fields {
        sink.key(name)?;
        sink.i32(*v)?;
    }
    sink.end()
}
