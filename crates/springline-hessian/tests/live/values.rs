//! The samples of `Samples.java` as they are here: what a program in Rust makes of Java's values, and gives in their place.

use springline_core::{DateTime, Value};

use crate::thing::{blob, people};

fn list(items: Vec<Value>) -> Value {
    Value::List(items)
}

fn map(pairs: Vec<(Value, Value)>) -> Value {
    Value::Map(pairs)
}

fn typed(type_name: &str, value: Value) -> Value {
    Value::Typed(Box::new(springline_core::value::Typed { type_name: type_name.to_owned(), value }))
}

fn date(millis: i64) -> Value {
    Value::DateTime(DateTime::from_unix_nanos(i128::from(millis) * 1_000_000).expect("a date"))
}

fn object(class: &str, fields: Vec<(&str, Value)>) -> Value {
    Value::object(class, fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// So many UTF-16 units, with an emoji whose first unit is the unit at `at`.
pub(crate) fn text(units: usize, at: Option<usize>) -> String {
    let mut text = String::with_capacity(units + 2);
    let mut i = 0;
    while i < units {
        if Some(i) == at {
            text.push('\u{1f600}');
            i += 2;
        } else {
            text.push(char::from(b'a' + (i % 26) as u8));
            i += 1;
        }
    }
    text
}

fn person(first: &str, last: &str, age: i32, attributes: &[&str]) -> Value {
    object(
        "peer.Person",
        vec![
            ("firstName", first.into()),
            ("lastName", last.into()),
            ("age", age.into()),
            ("attributes", typed("[string", attributes.iter().map(|a| Value::from(*a)).collect())),
        ],
    )
}

fn color(name: &str) -> Value {
    object("peer.Color", vec![("name", name.into())])
}

/// Java's spelling of a double, as far as the samples need it.
fn java_double(d: f64) -> String {
    if d.is_nan() {
        return "NaN".to_owned();
    }
    if d.is_infinite() {
        return if d > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() };
    }
    if d == 0.0 || (1e-3..1e7).contains(&d.abs()) {
        return format!("{d:?}");
    }
    let text = format!("{d:E}");
    let (digits, exponent) = text.split_once('E').expect("an exponent");
    if digits.contains('.') { format!("{digits}E{exponent}") } else { format!("{digits}.0E{exponent}") }
}

fn numbers(all: &mut Vec<(String, Value)>) {
    let ints =
        [0, 1, -16, 47, -17, 48, -2048, 2047, -2049, 2048, -262_144, 262_143, -262_145, 262_144, i32::MAX, i32::MIN];
    all.extend(ints.map(|i| (format!("int_{i}"), i.into())));
    let edges = [0, -8, 15, -9, 16, -2048, 2047, -2049, 2048, -262_144, 262_143, -262_145, 262_144];
    let wide = [i64::from(i32::MAX), i64::from(i32::MIN)];
    let wider = [i64::from(i32::MAX) + 1, i64::from(i32::MIN) - 1, i64::MAX, i64::MIN];
    all.extend(edges.into_iter().chain(wide).chain(wider).map(|i| (format!("long_{i}"), Value::I64(i))));
    let doubles = [
        0.0,
        1.0,
        -0.0,
        2.0,
        -128.0,
        127.0,
        -129.0,
        128.0,
        -32_768.0,
        32_767.0,
        -32_769.0,
        32_768.0,
        0.001,
        0.009,
        12.25,
        65.536,
        2_147_483.647,
        2_147_483.648,
        1e10,
        1e300,
        1e-17,
        std::f64::consts::PI,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
    ];
    all.extend(doubles.map(|d| (format!("double_{}", java_double(d)), d.into())));
    // Java writes the smallest one with another digit than Rust.
    all.push(("double_4.9E-324".to_owned(), f64::from_bits(1).into()));
}

fn texts(all: &mut Vec<(String, Value)>) {
    for n in [0, 1, 31, 32, 1023, 1024, 32_767, 32_768, 32_769, 65_536, 65_537, 100_000] {
        all.push((format!("text_{n}"), text(n, None).into()));
    }
    for at in [29, 30, 31, 1021, 1022, 1023, 32_766, 32_767, 32_768, 65_534, 65_535] {
        all.push((format!("emoji_at_{at}"), text(70_000, Some(at)).into()));
        all.push((format!("emoji_end_{at}"), text(at + 2, Some(at)).into()));
    }
    for (name, text) in [
        ("text_nul", "a\0b"),
        ("text_latin", "caf\u{e9}"),
        ("text_three_bytes", "\u{20ac} \u{41f}\u{440}\u{438}\u{432}\u{435}\u{442} \u{ffff}"),
        ("text_markup", "<a b=\"c\">&amp; 'd' ]]>"),
        ("char", "\u{3a9}"),
        ("array_char", "chars"),
    ] {
        all.push((name.to_owned(), text.into()));
    }
    for n in [0, 1, 15, 16, 1023, 1024, 32_768, 32_769, 100_000] {
        all.push((format!("bytes_{n}"), Value::Bytes(blob(n).into())));
    }
    for ms in [0, 60_000, 900_684_535_000, 900_684_480_000, -1, -60_000, 253_402_300_799_999] {
        all.push((format!("date_{ms}"), date(ms)));
    }
}

fn containers(all: &mut Vec<(String, Value)>) {
    let three = || list(vec![1.into(), "two".into(), Value::Null]);
    let pairs = || map(vec![("one".into(), 1.into()), ("two".into(), "zwei".into()), ("none".into(), Value::Null)]);
    let abc = || vec!["a".into(), "b".into(), "c".into()];
    let nine: Vec<Value> = people(9)
        .into_iter()
        .map(|p| {
            let attributes = p.attributes.unwrap_or_default();
            let attributes: Vec<&str> = attributes.iter().map(String::as_str).collect();
            person(&p.first_name.unwrap_or_default(), &p.last_name.unwrap_or_default(), p.age, &attributes)
        })
        .collect();
    let longs = |items: &[i64]| items.iter().map(|i| Value::I64(*i)).collect::<Value>();
    let ints = |items: &[i32]| items.iter().map(|i| Value::I32(*i)).collect::<Value>();
    let doubles = |items: &[f64]| items.iter().map(|d| Value::F64(*d)).collect::<Value>();
    let mut add = |name: &str, value: Value| all.push((name.to_owned(), value));
    add("array_boolean", typed("[boolean", list(vec![true.into(), false.into()])));
    add("array_short", typed("[short", ints(&[1, -2, 300])));
    add("array_int", typed("[int", ints(&[1, -2, 70_000])));
    add("array_long", typed("[long", longs(&[1, -2, 1 << 40])));
    add("array_float", typed("[float", doubles(&[1.5, -2.25])));
    add("array_double", typed("[double", doubles(&[1.5, 0.009, -1e10])));
    add("array_string", typed("[string", list(vec!["a".into(), Value::Null, "\u{1f600}".into()])));
    add("array_object", typed("[object", list(vec![1.into(), "two".into(), Value::Null, 2.5.into()])));
    add("array_date", typed("[date", list(vec![date(0), date(1)])));
    add("array_integer", typed("[java.lang.Integer", list(vec![1.into(), Value::Null, 3.into()])));
    add("array_person", typed("[peer.Person", list(nine)));
    let rows = [&[1, 2][..], &[], &[3]].map(|row| typed("[int", ints(row)));
    add("array_2d", typed("[[int", list(rows.to_vec())));
    add("array_empty", typed("[object", list(vec![])));
    add("list", three());
    add("list_empty", list(vec![]));
    for n in [7, 8, 1000] {
        add(&format!("list_{n}"), list(vec![5.into(); n]));
    }
    add("list_linked", typed("java.util.LinkedList", three()));
    add("list_vector", typed("java.util.Vector", three()));
    add("list_as_list", typed("java.util.Arrays$ArrayList", list(vec!["a".into(), "b".into()])));
    add("list_sub", list(vec![2.into(), 3.into()]));
    let nested = vec![
        list(vec![1.into()]),
        typed("java.util.LinkedList", list(vec![2.into()])),
        1.into(),
        "two".into(),
        Value::Null,
    ];
    add("list_nested", list(nested));
    add("iterator", list(vec![1.into(), "two".into()]));
    add("set_linked", typed("java.util.LinkedHashSet", Value::Set(abc())));
    add("set_tree", typed("java.util.TreeSet", Value::Set(abc())));
    add("map", pairs());
    add("map_empty", map(vec![]));
    add("map_linked", typed("java.util.LinkedHashMap", pairs()));
    add("map_hashtable", typed("java.util.Hashtable", map(vec![("k".into(), "v".into())])));
    add("map_properties", typed("java.util.Properties", map(vec![("k".into(), "v".into())])));
    add("list_of_itself", list(vec!["before".into(), Value::Back(0), "after".into()]));
    add("map_of_itself", map(vec![("me".into(), Value::Back(0))]));
    let twenty = || Value::Bytes(blob(20).into());
    add("shared_bytes", list(vec![twenty(), twenty()]));
}

fn objects(all: &mut Vec<(String, Value)>) {
    let mut add = |name: &str, value: Value| all.push((name.to_owned(), value));
    add("null", Value::Null);
    add("bool_true", true.into());
    add("bool_false", false.into());
    add("byte", (-5).into());
    add("short", 300.into());
    add("float", f64::from(1.1_f32).into());
    add("enum", color("RED"));
    add("enum_with_body", color("GREEN"));
    add("decimal", Value::Decimal("-123456789012345678901234567890.0001200".to_owned()));
    let big: springline_core::BigInt = "123456789012345678901234567890".parse().expect("a number");
    add("big_negative", Value::Big(Box::new(-big.clone())));
    add("big", Value::Big(Box::new(big)));
    add("person", person("Greg", "Turnquist", 40, &["a", "b"]));
    let nothing = || Value::Null;
    let nulls = vec![("firstName", nothing()), ("lastName", nothing()), ("age", 0.into()), ("attributes", nothing())];
    add("person_nulls", object("peer.Person", nulls));
    add("inner_class", object("peer.Outer$Inner", vec![("depth", 1.into())]));
    let derived =
        vec![("shared", 2.into()), ("own", 2.5.into()), ("shared", 1.into()), ("inherited", "from above".into())];
    add("derived", object("peer.Derived", derived));
    let chain = (0..25).fold(Value::Null, |next, i| {
        let friends = list(vec![]);
        object("peer.Node", vec![("name", format!("n{i}").into()), ("next", next), ("friends", friends)])
    });
    add("chain_25", chain);
    // a is container 0, b 1; b's friends are 2, and a's come after both.
    let b =
        vec![("name", "b".into()), ("next", Value::Back(0)), ("friends", list(vec![Value::Back(0), Value::Back(1)]))];
    let a = vec![("name", "a".into()), ("next", object("peer.Node", b)), ("friends", list(vec![Value::Back(1)]))];
    add("ring", object("peer.Node", a));
    let one = person("One", "Only", 1, &[]);
    // The list is container 0, the person 1, its attributes 2, the inner list 3.
    let shared = vec![one.clone(), Value::Back(1), list(vec![Value::Back(1)]), one];
    add("people_shared", list(shared));
}

/// All of them.
pub(crate) fn samples() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    objects(&mut all);
    numbers(&mut all);
    texts(&mut all);
    containers(&mut all);
    all
}

pub(crate) fn named(name: &str) -> Option<Value> {
    samples().into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
}

/// Equality in which NaN is NaN and zeros have signs. `loose`: what Hessian 2 cannot tell apart is the same.
pub(crate) fn same(wanted: &Value, got: &Value, loose: bool) -> bool {
    match (wanted, got) {
        // Java loses the sign of zero in Hessian 2.
        (Value::F64(a), Value::F64(b)) if loose && *a == 0.0 => *b == 0.0,
        (Value::F64(a), Value::F64(b)) => a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(),
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, loose)),
        // Java's maps and the sets behind them have no order.
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.iter().any(|(l, w)| same(k, l, loose) && same(v, w, loose)))
        }
        (Value::Object(a), Value::Object(b)) => {
            let mut pairs = a.fields.iter().zip(&b.fields);
            a.class == b.class
                && a.fields.len() == b.fields.len()
                && pairs.all(|((k, v), (l, w))| k == l && same(v, w, loose))
        }
        (Value::Typed(a), Value::Typed(b)) => a.type_name == b.type_name && same(&a.value, &b.value, loose),
        _ => wanted == got,
    }
}

/// The beginning of a value, for messages.
pub(crate) fn shown(value: &Value) -> String {
    let mut text = format!("{value:?}");
    if let Some((at, _)) = text.char_indices().nth(300) {
        text.truncate(at);
        text.push_str("..");
    }
    text
}
