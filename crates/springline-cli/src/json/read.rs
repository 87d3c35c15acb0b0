//! From what was typed to a value.

use std::io::Write;

use springline::pyro::Serializer;
use springline::{Bytes, DateTime, Limits, RemoteRef, Value};

use super::TAGS;
use crate::base64;
use crate::failure::Failure;

/// An argument: JSON, else text. `what` is how messages call it.
pub(crate) fn argument(text: &str, what: &str) -> Result<Value, Failure> {
    // serde_json is strict but knows no integer beyond 64 bits: it judges, the serializer of that name reads.
    let broken = match serde_json::from_str::<serde_json::Value>(text) {
        Ok(_) => {
            let message = Bytes::copy_from_slice(text.as_bytes());
            let budget = Limits::default().budget();
            match Serializer::Json.read(&message, budget, |source| Value::read(source)) {
                Ok(value) => return untag(value).map_err(|why| Failure::Usage(format!("{what}: {why}"))),
                Err(e) => e.message().to_owned(),
            }
        }
        Err(e) => e.to_string(),
    };
    if text.starts_with(['{', '[', '"']) {
        // Probably meant as JSON. It may not have been, so this is no error.
        let _ = writeln!(std::io::stderr(), "note: {what} is no JSON and is sent as text: {broken}");
    }
    Ok(Value::from(text))
}

/// `name=argument`.
pub(crate) fn keyword(text: &str) -> Result<(&str, Value), Failure> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name, argument(value, &format!("argument {name}"))?)),
        _ => Err(Failure::Usage(format!("--kw {text:?}: expected NAME=JSON"))),
    }
}

// Puts the values in place that maps of one reserved name stand for.
fn untag(value: Value) -> Result<Value, String> {
    Ok(match value {
        Value::Map(mut pairs) => match pairs.as_slice() {
            [(Value::Str(name), _)] if TAGS.contains(&name.as_str()) => {
                let (name, content) = pairs.remove(0);
                tagged(name.as_str().unwrap_or_default(), untag(content)?)?
            }
            _ => Value::Map(pairs.into_iter().map(|(k, v)| Ok((k, untag(v)?))).collect::<Result<_, String>>()?),
        },
        Value::List(items) => Value::List(all(items)?),
        Value::Object(object) => {
            let fields = object.fields.into_iter().map(|(k, v)| Ok((k, untag(v)?))).collect::<Result<_, String>>()?;
            Value::object(object.class, fields)
        }
        other => other,
    })
}

fn all(items: Vec<Value>) -> Result<Vec<Value>, String> {
    items.into_iter().map(untag).collect()
}

fn tagged(name: &str, content: Value) -> Result<Value, String> {
    let bad = |expected: &str| format!("{{\"{name}\": ...}} needs {expected}");
    let items = |content: Value| match content {
        Value::List(items) => Ok(items),
        _ => Err(bad("an array")),
    };
    let text = |what: &str| content.as_str().ok_or_else(|| bad(what));
    Ok(match name {
        "$bytes" => {
            let bytes = base64::decode(text("text in base64")?).ok_or_else(|| bad("base64, with its padding"))?;
            Value::from(Bytes::from(bytes))
        }
        "$date" => Value::DateTime(DateTime::parse(text("a date as text")?).map_err(|e| e.message().to_owned())?),
        "$decimal" => {
            let digits = text("a number as text")?;
            let number: f64 = digits.parse().map_err(|_| bad("a number as text"))?;
            if number.is_nan() && !digits.eq_ignore_ascii_case("nan") {
                return Err(bad("a number as text"));
            }
            Value::Decimal(digits.to_owned())
        }
        "$float" => {
            Value::F64(text("NaN, Infinity or a number as text")?.parse().map_err(|_| bad("a number as text"))?)
        }
        "$remote" => Value::Remote(Box::new(RemoteRef::proxy(text("a URI")?))),
        "$tuple" => Value::Tuple(items(content)?),
        "$set" => Value::Set(items(content)?),
        "$frozenset" => Value::FrozenSet(items(content)?),
        "$complex" => match items(content)?.as_slice() {
            [re, im] => match (re.as_f64(), im.as_f64()) {
                (Some(re), Some(im)) => Value::Complex(re, im),
                _ => return Err(bad("two numbers")),
            },
            _ => return Err(bad("two numbers")),
        },
        _ => Value::Map(
            items(content)?
                .into_iter()
                .map(|pair| match pair {
                    Value::List(pair) => <[Value; 2]>::try_from(pair).map(|[k, v]| (k, v)).map_err(|_| bad("pairs")),
                    _ => Err(bad("an array of [key, value]")),
                })
                .collect::<Result<_, String>>()?,
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::super::write;
    use super::*;

    fn read(text: &str) -> Value {
        argument(text, "test").unwrap()
    }

    #[test]
    fn json_or_else_text() {
        for (typed, value) in [
            ("5", Value::from(5i64)),
            ("-5", Value::from(-5i64)),
            ("5.0", Value::from(5.0)),
            ("true", Value::from(true)),
            ("null", Value::Null),
            ("\"5\"", Value::from("5")),
            ("five", Value::from("five")),
            ("", Value::from("")),
            ("05", Value::from("05")),
            ("NaN", Value::from("NaN")),
            ("'5'", Value::from("'5'")),
            ("{bad", Value::from("{bad")),
            ("[1,]", Value::from("[1,]")),
            ("[1, \"a\"]", Value::List(vec![1i64.into(), "a".into()])),
            ("{\"a\": {}}", Value::Map(vec![("a".into(), Value::Map(vec![]))])),
        ] {
            assert_eq!(read(typed), value, "{typed}");
        }
        let big = read("123456789012345678901234567890");
        assert!(matches!(big, Value::Big(_)));
        assert_eq!(write(&big, true), "123456789012345678901234567890");
        let deep = "[".repeat(5000) + &"]".repeat(5000);
        assert_eq!(read(&deep), Value::from(deep.as_str()));
    }

    #[test]
    fn tags_become_values() {
        for (typed, value) in [
            (r#"{"$bytes": "AAEC"}"#, Value::from(Bytes::from_static(&[0, 1, 2]))),
            (r#"{"$complex": [1, -2.5]}"#, Value::Complex(1.0, -2.5)),
            (r#"{"$tuple": [1, {"$set": []}]}"#, Value::Tuple(vec![1i64.into(), Value::Set(vec![])])),
            (r#"{"$frozenset": [1]}"#, Value::FrozenSet(vec![1i64.into()])),
            (r#"{"$date": "2020-01-02"}"#, Value::DateTime(DateTime::parse("2020-01-02").unwrap())),
            (r#"{"$decimal": "1.50"}"#, Value::Decimal("1.50".into())),
            (r#"{"$float": "Infinity"}"#, Value::F64(f64::INFINITY)),
            (
                r#"{"$map": [[1, "a"], [[], "b"]]}"#,
                Value::Map(vec![(1i64.into(), "a".into()), (Value::List(vec![]), "b".into())]),
            ),
            (
                r#"{"__class__": "a.B", "x": {"$bytes": ""}}"#,
                Value::object("a.B", vec![("x".to_owned(), Value::from(Bytes::new()))]),
            ),
            (r#"{"$remote": "PYRO:x@y:1"}"#, Value::Remote(Box::new(RemoteRef::proxy("PYRO:x@y:1")))),
            // Not one of ours, or not alone.
            (r#"{"$other": 1}"#, Value::Map(vec![("$other".into(), 1i64.into())])),
            (r#"{"$set": 1, "b": 2}"#, Value::Map(vec![("$set".into(), 1i64.into()), ("b".into(), 2i64.into())])),
        ] {
            assert_eq!(read(typed), value, "{typed}");
        }
    }

    #[test]
    fn bad_tags_say_what_they_need() {
        for (typed, why) in [
            (r#"{"$bytes": 5}"#, "base64"),
            (r#"{"$bytes": "%"}"#, "padding"),
            (r#"[{"$complex": [1]}]"#, "two numbers"),
            (r#"{"$complex": [1, "x"]}"#, "two numbers"),
            (r#"{"$date": "yesterday"}"#, "ISO 8601"),
            (r#"{"$decimal": "x"}"#, "a number as text"),
            (r#"{"$float": 5}"#, "as text"),
            (r#"{"$set": {}}"#, "an array"),
            (r#"{"$map": [[1]]}"#, "pairs"),
            (r#"{"$map": [1]}"#, "[key, value]"),
            (r#"{"$remote": 1}"#, "a URI"),
        ] {
            match argument(typed, "argument 1") {
                Err(Failure::Usage(text)) => {
                    assert!(text.starts_with("argument 1: ") && text.contains(why), "{typed}: {text}");
                }
                other => panic!("{typed}: {other:?}"),
            }
        }
    }

    #[test]
    fn keywords_have_names() {
        assert_eq!(keyword("b=2").unwrap(), ("b", Value::from(2i64)));
        assert_eq!(keyword("b=x=y").unwrap(), ("b", Value::from("x=y")));
        assert!(keyword("b").is_err() && keyword("=2").is_err());
    }
}
