//! What a property may be.

use std::fmt;

use crate::Value;

/// The type of a property. Configuration files often have nothing but text: [`parse`](Self::parse) makes a value of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Type {
    /// Text.
    Text,
    /// Text of a certain form: what it is called, and what is wrong with one that is none.
    Form(&'static str, fn(&str) -> Result<(), String>),
    /// An integer within bounds, both included.
    Integer(i64, i64),
    /// A floating point number.
    Number,
    /// A truth value: `true`, `True`, `yes`, `on` or `1`, and their opposites.
    Boolean,
    /// A time in seconds, which may have a fraction, or a unit as in `500ms` and `2m`.
    Seconds,
    /// One of these names. Each may have others that mean the same. A module before it, as in `ssl.CERT_NONE`, is left out.
    Choice(&'static [(&'static str, &'static [&'static str])]),
    /// A list, tuple or set of these.
    List(Box<Type>),
    /// A dictionary from text to these.
    Dict(Box<Type>),
    /// An object that can be called.
    Service,
    /// Anything.
    Any,
}

impl Type {
    /// A port to listen on.
    pub const PORT: Self = Self::Integer(0, 65535);

    /// A list of these.
    #[must_use]
    pub fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    /// A dictionary from text to these.
    #[must_use]
    pub fn dict(of: Self) -> Self {
        Self::Dict(Box::new(of))
    }

    /// The value that a text stands for.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let wrong = || Err(format!("expected {self}, found '{text}'"));
        let trimmed = text.trim();
        match self {
            Self::Text | Self::Any => Ok(text.into()),
            Self::Form(what, check) => match check(text) {
                Ok(()) => Ok(text.into()),
                Err(why) => Err(format!("expected {what}, found '{text}': {why}")),
            },
            Self::Integer(..) => match trimmed.parse() {
                Ok(number) => self.in_bounds(number),
                Err(_) => wrong(),
            },
            Self::Number => trimmed.parse().map(Value::F64).or_else(|_| wrong()),
            Self::Boolean => match trimmed.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Ok(Value::Bool(true)),
                "false" | "no" | "off" | "0" => Ok(Value::Bool(false)),
                _ => wrong(),
            },
            Self::Seconds => seconds(trimmed).map(Value::F64).map_or_else(wrong, Ok),
            Self::Choice(names) => {
                let bare = trimmed.rsplit('.').next().unwrap_or(trimmed);
                let found = names.iter().find(|(name, others)| *name == bare || others.contains(&trimmed));
                found.map_or_else(wrong, |(name, _)| Ok((*name).into()))
            }
            Self::List(_) | Self::Dict(_) | Self::Service => wrong(),
        }
    }

    fn in_bounds(&self, number: i64) -> Result<Value, String> {
        match self {
            Self::Integer(least, most) if !(*least..=*most).contains(&number) => {
                Err(format!("expected {self}, found {number}"))
            }
            _ => Ok(number.into()),
        }
    }

    /// The value as this type has it, for one that came with a type of its own. Items of lists and dictionaries are
    /// looked at, too.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn accept(&self, value: Value) -> Result<Value, String> {
        let misfit = |value: &Value| format!("expected {self}, found {}", kind_of(value));
        let wrong = |value: &Value| Err(misfit(value));
        match (self, value) {
            (Self::Any, value) => Ok(value),
            // Where only some numbers are meant, a number is as good as its digits.
            (Self::Choice(_), Value::I64(number)) => self.parse(&number.to_string()),
            (Self::Integer(..), Value::I64(number)) => self.in_bounds(number),
            (Self::Integer(..), Value::I32(number)) => self.in_bounds(number.into()),
            (Self::Number | Self::Seconds, Value::I64(number)) => self.accept(Value::F64(number as f64)),
            (Self::Number, value @ Value::F64(_)) | (Self::Boolean, value @ Value::Bool(_)) => Ok(value),
            (Self::Seconds, Value::F64(number)) => self.parse(&number.to_string()),
            (Self::Service | Self::List(_) | Self::Dict(_), value @ Value::Str(_)) => wrong(&value),
            (_, Value::Str(text)) => self.parse(&text),
            (Self::List(of), Value::List(items)) => each(of, items).map(Value::List),
            (Self::List(of), Value::Tuple(items)) => each(of, items).map(Value::Tuple),
            (Self::List(of), Value::Set(items)) => each(of, items).map(Value::Set),
            (Self::List(of), Value::FrozenSet(items)) => each(of, items).map(Value::FrozenSet),
            (Self::Dict(of), Value::Map(pairs)) => {
                let pair = |(key, value): (Value, Value)| match key {
                    Value::Str(_) => of.accept(value).map(|value| (key, value)),
                    _ => Err(misfit(&key)),
                };
                pairs.into_iter().map(pair).collect::<Result<_, _>>().map(Value::Map)
            }
            (_, value) => wrong(&value),
        }
    }
}

fn each(of: &Type, items: Vec<Value>) -> Result<Vec<Value>, String> {
    items.into_iter().map(|item| of.accept(item)).collect()
}

// Seconds, or a number with a unit. None for what is no time to wait.
fn seconds(text: &str) -> Option<f64> {
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let (number, unit) = units
        .iter()
        .find_map(|(unit, worth)| text.strip_suffix(unit).map(|number| (number.trim_end(), *worth)))
        .unwrap_or((text, 1.0));
    let seconds = number.parse::<f64>().ok()? * unit;
    std::time::Duration::try_from_secs_f64(seconds).ok().map(|_| seconds)
}

/// What a value is, in the words of configuration files.
fn kind_of(value: &Value) -> String {
    let kind = match value {
        Value::Null => "nothing",
        Value::Bool(true) => return "true".to_owned(),
        Value::Bool(false) => return "false".to_owned(),
        Value::I32(number) => return format!("the integer {number}"),
        Value::I64(number) => return format!("the integer {number}"),
        Value::Big(number) => return format!("the integer {number}"),
        Value::F64(number) => return format!("the number {number}"),
        Value::Decimal(digits) => return format!("the decimal {digits}"),
        Value::Str(text) => return format!("'{text}'"),
        Value::Bytes(_) => "bytes",
        Value::DateTime(_) => "a date",
        Value::List(_) => "a list",
        Value::Tuple(_) => "a tuple",
        Value::Set(_) => "a set",
        Value::FrozenSet(_) => "a frozenset",
        Value::Map(_) => "a dictionary",
        _ => "a value of another type",
    };
    kind.to_owned()
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Form(what, _) => f.write_str(what),
            Self::Integer(i64::MIN, i64::MAX) => f.write_str("an integer"),
            Self::Integer(least, i64::MAX) => write!(f, "an integer from {least} on"),
            Self::Integer(least, most) => write!(f, "an integer from {least} to {most}"),
            Self::Number => f.write_str("a number"),
            Self::Boolean => f.write_str("true or false"),
            Self::Seconds => f.write_str("a time in seconds, or with a unit as in 500ms"),
            Self::Choice(names) => {
                f.write_str("one of ")?;
                for (i, (name, _)) in names.iter().enumerate() {
                    write!(f, "{}{name}", if i > 0 { ", " } else { "" })?;
                }
                Ok(())
            }
            Self::List(of) => write!(f, "a list, each item {of}"),
            Self::Dict(of) => write!(f, "a dictionary, each value {of}"),
            Self::Service => f.write_str("an object"),
            Self::Any => f.write_str("anything"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQS: Type = Type::Choice(&[("CERT_NONE", &["0"]), ("CERT_REQUIRED", &["2"])]);

    fn check(of: &Type, text: &str, expected: Result<Value, &str>) {
        assert_eq!(of.parse(text), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn texts() {
        check(&Type::PORT, " 7000 ", Ok(7000_i64.into()));
        check(&Type::PORT, "70000", Err("expected an integer from 0 to 65535, found 70000"));
        check(&Type::PORT, "seven", Err("expected an integer from 0 to 65535, found 'seven'"));
        check(&Type::Boolean, "True", Ok(true.into()));
        check(&Type::Boolean, "maybe", Err("expected true or false, found 'maybe'"));
        check(&Type::Seconds, "500ms", Ok(0.5.into()));
        check(&Type::Seconds, "2 m", Ok(120.0.into()));
        check(&Type::Seconds, "-1", Err("expected a time in seconds, or with a unit as in 500ms, found '-1'"));
        check(&Type::Seconds, "nan", Err("expected a time in seconds, or with a unit as in 500ms, found 'nan'"));
        check(&REQS, "ssl.CERT_REQUIRED", Ok("CERT_REQUIRED".into()));
        check(&REQS, "2", Ok("CERT_REQUIRED".into()));
        check(&REQS, "CERT_SOME", Err("expected one of CERT_NONE, CERT_REQUIRED, found 'CERT_SOME'"));
        check(&Type::Service, "x", Err("expected an object, found 'x'"));
    }

    #[test]
    fn values() {
        assert_eq!(REQS.accept(2_i64.into()), Ok("CERT_REQUIRED".into()));
        assert_eq!(Type::Seconds.accept(3_i64.into()), Ok(3.0.into()));
        assert_eq!(Type::Text.accept(3_i64.into()), Err("expected text, found the integer 3".to_owned()));
        let ports = Type::list(Type::PORT);
        assert_eq!(ports.accept(Value::List(vec!["1".into()])), Ok(Value::List(vec![1_i64.into()])));
        assert!(ports.accept(Value::List(vec![true.into()])).is_err());
        assert!(ports.accept("1".into()).is_err());
        let fields = Type::dict(Type::Text);
        let pairs = |key: Value| Value::Map(vec![(key, "My Client".into())]);
        assert_eq!(fields.accept(pairs("commonName".into())), Ok(pairs("commonName".into())));
        assert!(fields.accept(pairs(1_i64.into())).is_err());
    }
}
