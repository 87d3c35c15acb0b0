//! The values of `values.py`, the text form of any value, and when an echo counts as the same. README.md tells the rules.

use std::fmt::Write as _;

use springline_core::{BigInt, DateTime, Value};

/// Python's `repr` of a float.
fn float(v: f64) -> String {
    if v.is_nan() {
        return "nan".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let shortest = format!("{v:e}");
    let (mantissa, exponent) = shortest.split_once('e').expect("Rust writes an exponent");
    let exponent: i32 = exponent.parse().expect("a number");
    if (-4..16).contains(&exponent) {
        let plain = format!("{v}");
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c => write!(out, "\\u{{{:x}}}", u32::from(c)).expect("a String"),
        }
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn list(kind: &str, items: &[Value]) -> String {
    format!("{kind}[{}]", items.iter().map(text).collect::<Vec<_>>().join(", "))
}

fn set(kind: &str, items: &[Value]) -> String {
    let mut texts: Vec<String> = items.iter().map(text).collect();
    texts.sort();
    format!("{kind}[{}]", texts.join(", "))
}

/// The text form of a value, its Python type included.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(v) => format!("bool:{}", if *v { "True" } else { "False" }),
        Value::I32(v) => format!("int:{v}"),
        Value::I64(v) => format!("int:{v}"),
        Value::Big(v) => format!("int:{v}"),
        Value::F64(v) => format!("float:{}", float(*v)),
        Value::Complex(re, im) => format!("complex:{},{}", float(*re), float(*im)),
        Value::Decimal(v) => format!("Decimal:{v}"),
        Value::Str(v) => format!("str:\"{}\"", escaped(v)),
        Value::Bytes(v) => format!("bytes:{}", hex(v)),
        Value::DateTime(v) => {
            let kind = match (v.date, v.time) {
                (Some(_), Some(_)) => "datetime",
                (Some(_), None) => "date",
                _ => "time",
            };
            format!("{kind}:{v}")
        }
        Value::Remote(v) => format!("{}:{}", if v.proxy { "Proxy" } else { "URI" }, v.uri),
        Value::List(v) => list("list", v),
        Value::Tuple(v) => list("tuple", v),
        Value::Set(v) => set("set", v),
        Value::FrozenSet(v) => set("frozenset", v),
        // Serpent names the class last.
        Value::Map(_) if value.class().is_some() => format!("object:{}", value.class().unwrap_or_default()),
        Value::Map(pairs) => {
            let pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("{}: {}", text(k), text(v))).collect();
            format!("dict{{{}}}", pairs.join(", "))
        }
        Value::Object(o) if value.field("__exception__").is_some() => {
            let args = value.field("args").and_then(Value::as_items).unwrap_or_default();
            format!("exception:{}:{}", o.class.rsplit('.').next().unwrap_or_default(), list("list", args))
        }
        Value::Object(o) => format!("object:{}", o.class),
        other => format!("{other:?}"),
    }
}

/// The text of a whole argument list; keyword arguments sorted by name.
pub(crate) fn describe(args: &[Value], kwargs: &[(Value, Value)]) -> String {
    let args: Vec<String> = args.iter().map(text).collect();
    let mut named: Vec<(&str, String)> = kwargs.iter().map(|(k, v)| (k.as_str().unwrap_or("?"), text(v))).collect();
    named.sort();
    let named: Vec<String> = named.into_iter().map(|(k, v)| format!("{k}: {v}")).collect();
    format!("[{}] {{{}}}", args.join(", "), named.join(", "))
}

/// The name of the Python type.
pub(crate) fn type_name(value: &Value) -> String {
    let text = text(value);
    let name = text.split([':', '[', '{']).next().unwrap_or_default();
    if name == "None" { "NoneType".to_owned() } else { name.to_owned() }
}

fn s(text: &str) -> Value {
    text.into()
}

fn i(v: i64) -> Value {
    Value::I64(v)
}

fn list_of(items: impl IntoIterator<Item = Value>) -> Value {
    Value::List(items.into_iter().collect())
}

fn tuple_of(items: impl IntoIterator<Item = Value>) -> Value {
    Value::Tuple(items.into_iter().collect())
}

fn map_of(pairs: impl IntoIterator<Item = (Value, Value)>) -> Value {
    Value::Map(pairs.into_iter().collect())
}

fn date(text: &str) -> Value {
    Value::DateTime(DateTime::parse(text).expect("a date or time"))
}

fn big(text: &str) -> Value {
    Value::from(text.parse::<BigInt>().expect("an integer"))
}

fn bytes(b: &[u8]) -> Value {
    Value::Bytes(b.to_vec().into())
}

/// `SPECIAL` without what a server alone can have.
pub(crate) fn special() -> Vec<(&'static str, Value)> {
    let small = [i(1), i(2), i(3)];
    let mixed = [i(1), s("two"), Value::F64(3.0)];
    let shared = list_of([i(1)]);
    let all: Vec<u8> = (0..=255).collect();
    let control = "\0\u{1}\u{7}\u{8}\t\n\u{b}\u{c}\r\u{1b}\u{1f}\u{7f}\u{80}\u{85}\u{a0}\u{ad}\u{2028}\u{2029}\u{feff}";
    let four_five = tuple_of([i(4), i(5)]);
    let nested = map_of([
        (
            s("list"),
            list_of([
                list_of([i(1), list_of([i(2), list_of([i(3), four_five])])]),
                map_of([(s("k"), map_of([(s("k"), list_of([map_of([])]))]))]),
            ]),
        ),
        (s("tuple"), tuple_of([tuple_of([]), tuple_of([tuple_of([])])])),
    ]);
    let deep = (0..50).fold(s("bottom"), |inner, _| list_of([inner]));
    vec![
        ("none", Value::Null),
        ("true", Value::Bool(true)),
        ("false", Value::Bool(false)),
        ("zero", i(0)),
        ("int", i(42)),
        ("negative", i(-42)),
        ("i32_max", i(i32::MAX.into())),
        ("i32_min", i(i32::MIN.into())),
        ("i32_over", i(1 << 31)),
        ("i64_max", i(i64::MAX)),
        ("i64_min", i(i64::MIN)),
        ("i64_over", big("9223372036854775808")),
        ("u64_max", big("18446744073709551615")),
        ("big", big("123456789012345678901234567890")),
        ("big_negative", big("-1267650600228229401496703205376")),
        ("float", Value::F64(3.25)),
        ("float_tenth", Value::F64(0.1)),
        ("float_whole", Value::F64(1.0)),
        ("float_negzero", Value::F64(-0.0)),
        ("float_huge", Value::F64(f64::MAX)),
        ("float_tiny", Value::F64(5e-324)),
        ("inf", Value::F64(f64::INFINITY)),
        ("ninf", Value::F64(f64::NEG_INFINITY)),
        ("nan", Value::F64(f64::NAN)),
        ("complex", Value::Complex(3.0, 4.0)),
        ("complex_inf", Value::Complex(1.0, f64::NEG_INFINITY)),
        ("str_empty", s("")),
        ("str", s("plain text")),
        ("str_quotes", s("it's \"quoted\" \\ back")),
        ("str_latin", s("caf\u{e9} na\u{ef}ve")),
        ("str_bmp", s("\u{65e5}\u{672c}\u{8a9e} \u{416} \u{20ac}")),
        ("str_astral", s("\u{1f600} \u{10348}")),
        ("str_control", s(control)),
        ("bytes", bytes(b"abc\0\xff")),
        ("bytes_empty", bytes(b"")),
        ("bytes_all", bytes(&all)),
        ("bytearray", bytes(b"abc\0\xff")),
        ("list_empty", list_of([])),
        ("list", list_of([i(1), s("two"), Value::F64(3.0), Value::Null, Value::Bool(true)])),
        ("shared", list_of([shared.clone(), shared])),
        ("tuple_empty", tuple_of([])),
        ("tuple_one", tuple_of([i(1)])),
        ("tuple", tuple_of(mixed)),
        ("set_empty", Value::Set(vec![])),
        ("set", Value::Set(small.to_vec())),
        ("set_str", Value::Set(vec![s("a"), s("b")])),
        ("frozenset_empty", Value::FrozenSet(vec![])),
        ("frozenset", Value::FrozenSet(small.to_vec())),
        ("dict_empty", map_of([])),
        ("dict", map_of([(s("b"), i(1)), (s("a"), list_of([i(2), map_of([(s("c"), Value::Null)])]))])),
        ("dict_intkeys", map_of([(i(1), s("one")), (i(2), s("two"))])),
        ("dict_boolkeys", map_of([(Value::Bool(true), s("yes")), (Value::Bool(false), s("no"))])),
        ("dict_tuplekeys", map_of([(tuple_of([i(1), i(2)]), s("pair"))])),
        ("nested", nested),
        ("deep", deep),
        ("datetime", date("2024-02-29T12:34:56")),
        ("datetime_us", date("2024-02-29T12:34:56.789012")),
        ("datetime_tz", date("2024-02-29T12:34:56+02:00")),
        ("date", date("2024-02-29")),
        ("time", date("12:34:56")),
        // Springline has no type of its own for these two.
        ("timedelta", Value::F64(86402.5)),
        ("uuid", s("12345678-1234-5678-1234-567812345678")),
        ("decimal", Value::Decimal("1.50".to_owned())),
    ]
}

/// Equality as far as the serializers can keep it.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    let all_same = |x: &[Value], y: &[Value]| x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y));
    match (a, b) {
        (Value::List(x) | Value::Tuple(x), Value::List(y) | Value::Tuple(y)) => all_same(x, y),
        (Value::Set(x) | Value::FrozenSet(x), _) => {
            b.as_items().is_some_and(|y| x.len() == y.len() && x.iter().all(|x| y.iter().any(|y| same(x, y))))
        }
        (Value::Map(x), Value::Map(y)) => {
            x.len() == y.len()
                && x.iter()
                    .all(|(k, v)| y.iter().any(|(l, w)| (same(k, l) || l.as_str() == Some(&key_text(k))) && same(v, w)))
        }
        (Value::DateTime(x), Value::Str(y)) => x.to_string() == *y,
        (Value::Decimal(x), Value::Str(y)) => x == y,
        _ => text(a) == text(b),
    }
}

// What json makes of a key.
fn key_text(key: &Value) -> String {
    match key {
        Value::Null => "null".to_owned(),
        Value::Bool(v) => v.to_string(),
        Value::I64(v) => v.to_string(),
        other => text(other),
    }
}
