//! The special values of the peers' interface, as `values.py` has them, and the text form of any value.

use std::fmt::Write as _;

use springline_core::{DateTime, Value};

fn map(pairs: Vec<(&str, Value)>) -> Value {
    Value::Map(pairs.into_iter().map(|(k, v)| (k.into(), v)).collect())
}

fn list(items: Vec<Value>) -> Value {
    Value::List(items)
}

fn date(text: &str) -> Value {
    Value::DateTime(DateTime::parse(text).expect("a date"))
}

fn bytes(data: impl Into<Vec<u8>>) -> Value {
    Value::Bytes(data.into().into())
}

/// All of them, in `values.py`'s order.
pub(crate) fn special() -> Vec<(&'static str, Value)> {
    let deep = (0..50).fold(Value::I32(1), |inner, _| list(vec![inner]));
    vec![
        ("int", 42.into()),
        ("int_zero", 0.into()),
        ("int_neg", (-7).into()),
        ("int_max", i32::MAX.into()),
        ("int_min", i32::MIN.into()),
        ("i8", Value::I64(9_007_199_254_740_993)),
        ("bool_true", true.into()),
        ("bool_false", false.into()),
        ("double", 2.5.into()),
        ("double_neg", (-12.125).into()),
        ("double_tenth", 0.1.into()),
        ("double_whole", 3.0.into()),
        ("double_small", 1.5e-7.into()),
        ("double_big", 1e300.into()),
        ("double_inf", f64::INFINITY.into()),
        ("double_nan", f64::NAN.into()),
        ("str", "Hello".into()),
        ("str_empty", "".into()),
        ("str_latin", "caf\u{e9}".into()),
        ("str_cyrillic", "\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}".into()),
        ("str_emoji", "a\u{1f600}b".into()),
        ("str_markup", "<a b=\"c\">&amp; 'd' ]]> &lt;".into()),
        ("str_spaces", "  x  ".into()),
        ("str_blank", "   ".into()),
        ("str_lf", "a\nb\n".into()),
        ("str_tab", "a\tb".into()),
        ("str_cr", "a\rb\r\nc".into()),
        ("str_number", "42".into()),
        ("date", date("1998-07-17T14:08:55")),
        ("date_leap", date("2000-02-29T00:00:00")),
        ("bytes", bytes(*b"you can't read this!")),
        ("bytes_empty", bytes([])),
        ("bytes_all", bytes((0..=255).collect::<Vec<u8>>())),
        ("array", list(vec![1.into(), 2.into(), 3.into()])),
        ("array_empty", list(vec![])),
        (
            "array_mixed",
            list(vec![
                1.into(),
                "two".into(),
                3.5.into(),
                true.into(),
                list(vec![]),
                map(vec![("k", "v".into())]),
                date("2026-11-22T12:00:00"),
                bytes([0, 255]),
            ]),
        ),
        (
            "array_nested",
            list(vec![list(vec![1.into(), list(vec![2.into(), list(vec![3.into(), list(vec![])])])]), list(vec![])]),
        ),
        ("array_deep", deep),
        ("struct", map(vec![("a", 1.into()), ("b", "two".into())])),
        ("struct_empty", map(vec![])),
        (
            "struct_nested",
            map(vec![("a", map(vec![("b", map(vec![("c", list(vec![1.into(), map(vec![("d", 2.into())])]))]))]))]),
        ),
        (
            "struct_keys",
            map(vec![
                ("", 1.into()),
                ("two words", 2.into()),
                ("<&>", 3.into()),
                ("\u{e9}", 4.into()),
                ("lowerBound", 5.into()),
            ]),
        ),
        ("nil", Value::Null),
        ("nil_inside", list(vec![1.into(), Value::Null, map(vec![("a", Value::Null)])])),
    ]
}

pub(crate) fn named(name: &str) -> Option<Value> {
    special().into_iter().find(|(n, _)| *n == name).map(|(_, v)| v)
}

/// The type that XML-RPC gives a value and the value, on one line, as `values.py`'s `text`. Doubles are Rust's own.
pub(crate) fn text(value: &Value) -> String {
    let mut out = String::new();
    put(&mut out, value);
    out
}

fn put(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("nil"),
        Value::Bool(v) => out.push_str(if *v { "boolean:1" } else { "boolean:0" }),
        Value::I32(v) => write!(out, "int:{v}").unwrap(),
        Value::I64(v) => write!(out, "int:{v}").unwrap(),
        Value::F64(v) => write!(out, "double:{v:?}").unwrap(),
        Value::Str(v) => {
            out.push_str("string:");
            quoted(out, v);
        }
        Value::Bytes(v) => {
            out.push_str("base64:");
            for byte in v {
                write!(out, "{byte:02x}").unwrap();
            }
        }
        Value::DateTime(v) => write!(out, "dateTime:{}", v.to_string().replace('-', "")).unwrap(),
        Value::List(items) | Value::Tuple(items) => {
            out.push_str("array[");
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                put(out, item);
            }
            out.push(']');
        }
        Value::Map(pairs) => {
            let mut pairs: Vec<_> = pairs.iter().collect();
            pairs.sort_by(|a, b| a.0.as_str().cmp(&b.0.as_str()));
            out.push_str("struct{");
            for (i, (key, item)) in pairs.into_iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                quoted(out, key.as_str().unwrap_or("?"));
                out.push_str(": ");
                put(out, item);
            }
            out.push('}');
        }
        other => write!(out, "?{other:?}").unwrap(),
    }
}

fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => write!(out, "\\u{{{:x}}}", u32::from(c)).unwrap(),
        }
    }
    out.push('"');
}

/// Whether both are the same to XML-RPC, which has structs without order.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    text(a) == text(b)
}
