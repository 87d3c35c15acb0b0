//! Classes that stand for a plain value.

use num_bigint::{BigInt, Sign};
use num_traits::ToPrimitive;
use springline_core::{Date, DateTime, Event, Object, RemoteRef, Text, Time, Value};

use crate::codec::java;

/// How deep an object is looked into: a `ZonedDateTime` has three levels.
pub(super) const DEPTH: u32 = 4;

/// Digits of 32 bits of the longest integer that is read as one, a million bits. Java has no such limit; here it keeps one
/// number from costing seconds when it is printed.
const MAX_DIGITS: usize = 1 << 15;

/// What objects of a class mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// `ByteHandle`, `ShortHandle`, `FloatHandle`: the number in `_value`.
    Number,
    /// `BigDecimal`, by its text or by its fields.
    Decimal,
    /// `BigInteger`, by its fields.
    Big,
    /// `UUID`: its text.
    Uuid,
    /// `LocaleHandle`: its text.
    Locale,
    /// `java.sql.Date` and the like: the date in `value`.
    Sql,
    /// `CalendarHandle`: the date in `date`.
    Calendar,
    /// `HessianRemote`.
    Remote,
    /// Those of `java.time`.
    LocalDate,
    LocalTime,
    LocalDateTime,
    Instant,
    ZoneOffset,
    Zoned,
}

impl Known {
    pub(super) fn of(class: &str) -> Option<Self> {
        if !class.starts_with("java.") && !class.starts_with("com.") {
            return None;
        }
        if let Some(name) = class.strip_prefix(java::DUBBO).or_else(|| class.strip_prefix(java::SOFA)) {
            return Some(match name {
                "LocalDateHandle" => Self::LocalDate,
                "LocalTimeHandle" => Self::LocalTime,
                "LocalDateTimeHandle" => Self::LocalDateTime,
                "InstantHandle" => Self::Instant,
                "ZoneOffsetHandle" => Self::ZoneOffset,
                "ZonedDateTimeHandle" | "OffsetDateTimeHandle" => Self::Zoned,
                _ => return None,
            });
        }
        Some(match class {
            java::BIG_DECIMAL => Self::Decimal,
            java::BIG_INTEGER => Self::Big,
            "java.util.UUID" => Self::Uuid,
            "java.sql.Date" | "java.sql.Time" | "java.sql.Timestamp" => Self::Sql,
            _ => match class.strip_prefix("com.").and_then(|c| c.strip_prefix("alibaba.com.").or(Some(c)))? {
                "caucho.hessian.io.ByteHandle" | "caucho.hessian.io.ShortHandle" | "caucho.hessian.io.FloatHandle" => {
                    Self::Number
                }
                "caucho.hessian.io.LocaleHandle" => Self::Locale,
                "caucho.hessian.io.CalendarHandle" => Self::Calendar,
                "caucho.hessian.io.HessianRemote" => Self::Remote,
                _ => return None,
            },
        })
    }

    /// What the object stands for; none where its fields are not what they should be.
    pub(super) fn convert(self, object: Value) -> Option<Value> {
        let fields = match object {
            Value::Object(object) => *object,
            // an object as a map, by option
            Value::Map(pairs) => {
                let field = |(key, value): (Value, Value)| Some((key.as_str()?.to_owned(), value));
                Object { class: String::new(), fields: pairs.into_iter().map(field).collect::<Option<_>>()? }
            }
            _ => return None,
        };
        let object = Value::Object(Box::new(fields));
        let get = |name: &str| object.field(name);
        let number = |name: &str| get(name)?.as_i64();
        let small = |name: &str| u8::try_from(number(name)?).ok();
        Some(match self {
            Self::Number => match get("_value")? {
                value @ (Value::I32(_) | Value::I64(_) | Value::F64(_)) => value.clone(),
                _ => return None,
            },
            Self::Decimal => match get("value") {
                Some(Value::Str(text)) => Value::Decimal(text.clone()),
                Some(_) => return None,
                None => decimal(get("intVal")?, number("scale")?)?,
            },
            Self::Big => big(number("signum")?, get("mag")?.as_items()?)?,
            Self::Uuid => {
                let (high, low) = (number("mostSigBits")? as u64, number("leastSigBits")? as u64);
                let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0xffff);
                Value::Str(format!("{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", low >> 48, low & 0xffff_ffff_ffff))
            }
            Self::Locale => Value::Str(get("value")?.as_str()?.to_owned()),
            Self::Sql => date(get("value")?)?,
            Self::Calendar => date(get("date")?)?,
            Self::Remote => {
                let mut remote = RemoteRef::uri(get("url")?.as_str()?);
                remote.type_name = match get("type")? {
                    Value::Null => None,
                    name => Some(name.as_str()?.to_owned()),
                };
                Value::Remote(Box::new(remote))
            }
            Self::LocalDate => {
                let year = i32::try_from(number("year")?).ok()?;
                Value::DateTime(DateTime::from_date(Date::new(year, small("month")?, small("day")?).ok()?))
            }
            Self::LocalTime => {
                let nanos = u32::try_from(number("nano")?).ok()?;
                let time = Time::new(small("hour")?, small("minute")?, small("second")?, nanos).ok()?;
                Value::DateTime(DateTime::from_time(time))
            }
            Self::LocalDateTime => match (get("date")?, get("time")?) {
                (Value::DateTime(date), Value::DateTime(time)) => {
                    Value::DateTime(DateTime::naive(date.date?, time.time?))
                }
                _ => return None,
            },
            Self::Instant => {
                let nanos = i128::from(number("seconds")?) * 1_000_000_000 + i128::from(number("nanos")?);
                Value::DateTime(DateTime::from_unix_nanos(nanos).ok()?)
            }
            Self::ZoneOffset => Value::I32(i32::try_from(number("seconds")?).ok()?),
            Self::Zoned => match get("dateTime")? {
                Value::DateTime(local @ DateTime { offset: None, date: Some(_), time: Some(_) }) => {
                    let offset = i32::try_from(number("offset")?).ok().filter(|o| o.abs() <= 18 * 3600)?;
                    Value::DateTime(DateTime { offset: Some(offset), ..*local })
                }
                _ => return None,
            },
        })
    }
}

fn date(value: &Value) -> Option<Value> {
    matches!(value, Value::DateTime(_)).then(|| value.clone())
}

fn big(signum: i64, mag: &[Value]) -> Option<Value> {
    if mag.len() > MAX_DIGITS {
        return None;
    }
    let digits: Vec<u32> =
        mag.iter().rev().map(|v| Some(i32::try_from(v.as_i64()?).ok()? as u32)).collect::<Option<_>>()?;
    let sign = match signum {
        -1 => Sign::Minus,
        0 => Sign::NoSign,
        1 => Sign::Plus,
        _ => return None,
    };
    let v = BigInt::new(sign, digits);
    Some(v.to_i64().map_or_else(|| Value::Big(Box::new(v)), Value::I64))
}

// A `BigDecimal` of a Java library without `StringValueSerializer` (Debian's): Java itself leaves `intVal` out where the
// number is small.
fn decimal(unscaled: &Value, scale: i64) -> Option<Value> {
    let v = match unscaled {
        Value::Big(v) => (**v).clone(),
        other => BigInt::from(other.as_i64()?),
    };
    let digits = v.magnitude().to_string();
    let sign = if v.sign() == Sign::Minus { "-" } else { "" };
    // as Java's toString
    let exponent = digits.len() as i64 - 1 - scale;
    Some(Value::Decimal(if scale == 0 {
        format!("{sign}{digits}")
    } else if scale > 0 && exponent >= -6 {
        let padded = format!("{digits:0>width$}", width = usize::try_from(scale).ok()? + 1);
        let (whole, fraction) = padded.split_at_checked(padded.len() - usize::try_from(scale).ok()?)?;
        format!("{sign}{whole}.{fraction}")
    } else {
        let (first, more) = digits.split_at_checked(1)?;
        let point = if more.is_empty() { "" } else { "." };
        format!("{sign}{first}{point}{more}E{exponent:+}")
    }))
}

/// A scalar as an event.
pub(super) fn event<'de, 's>(value: &'s Value) -> Event<'de, 's> {
    match value {
        Value::I32(v) => Event::I32(*v),
        Value::I64(v) => Event::I64(*v),
        Value::Big(v) => Event::Big(v),
        Value::F64(v) => Event::F64(*v),
        Value::Decimal(v) => Event::Decimal(v),
        Value::Str(v) => Event::Str(Text::Scratch(v)),
        Value::DateTime(v) => Event::DateTime(*v),
        Value::Remote(v) => Event::Remote(v),
        _ => Event::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_of_fields_read_as_java_prints_them() {
        for (unscaled, scale, text) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (-12345, 2, "-123.45"),
            (5, 3, "0.005"),
            (5, 7, "5E-7"),
            (123, 10, "1.23E-8"),
            (123, -2, "1.23E+4"),
            (-1, -3, "-1E+3"),
        ] {
            assert_eq!(decimal(&Value::I64(unscaled), scale), Some(Value::Decimal(text.into())), "{unscaled} {scale}");
        }
        assert_eq!(decimal(&Value::Null, 0), None);
    }
}
