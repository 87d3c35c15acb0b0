//! Any value: over a tape and back, through serde and back, and into formats that know nothing of ours.

use proptest::collection::vec;
use proptest::prelude::*;
use springline_core::de::from_source;
use springline_core::payload::Typed;
use springline_core::remote::{from_value, to_value};
use springline_core::value::Typed as TypedValue;
use springline_core::value_source::ValueSource;
use springline_core::{Budget, Bytes, Date, DateTime, RemoteRef, Tape, Time, Value, transcode};

fn datetime() -> impl Strategy<Value = DateTime> {
    let date = (1..=3_652_059_i64).prop_map(|n| Date::from_ordinal(n).unwrap());
    let time =
        (0..24_u8, 0..60_u8, 0..60_u8, 0..1_000_000_000_u32).prop_map(|(h, m, s, n)| Time::new(h, m, s, n).unwrap());
    let offset = proptest::option::of(-86_399..86_400_i32);
    prop_oneof![
        date.clone().prop_map(|d| DateTime { date: Some(d), time: None, offset: None }),
        (date, time.clone(), offset).prop_map(|(d, t, offset)| DateTime { date: Some(d), time: Some(t), offset }),
        time.prop_map(|t| DateTime { date: None, time: Some(t), offset: None }),
    ]
}

/// Any value; its references point at containers that began before them.
fn value() -> impl Strategy<Value = Value> {
    any_value().prop_map(|mut value| {
        point_back(&mut value, &mut 0);
        value
    })
}

fn point_back(value: &mut Value, begun: &mut u32) {
    match value {
        Value::Back(n) => match n.checked_rem(*begun) {
            Some(rest) => *n = rest,
            None => *value = Value::Null,
        },
        Value::List(v) | Value::Tuple(v) | Value::Set(v) | Value::FrozenSet(v) => {
            *begun += 1;
            v.iter_mut().for_each(|v| point_back(v, begun));
        }
        Value::Map(pairs) => {
            *begun += 1;
            pairs.iter_mut().for_each(|(k, v)| {
                point_back(k, begun);
                point_back(v, begun);
            });
        }
        Value::Object(o) => {
            *begun += 1;
            o.fields.iter_mut().for_each(|(_, v)| point_back(v, begun));
        }
        Value::Typed(t) => point_back(&mut t.value, begun),
        _ => {}
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(Value::I32),
        any::<i64>().prop_map(Value::I64),
        // Only what does not fit in 64 bits is a big integer.
        (any::<u64>(), any::<bool>()).prop_map(|(v, negative)| {
            let big = springline_core::BigInt::from(u128::from(v) + (1 << 64));
            Value::Big(Box::new(if negative { -big } else { big }))
        }),
        (-1e300..1e300_f64).prop_map(Value::F64),
        "-?[0-9]{1,30}\\.[0-9]{1,5}".prop_map(Value::Decimal),
        (-1e9..1e9_f64, -1e9..1e9_f64).prop_map(|(re, im)| Value::Complex(re, im)),
        any::<String>().prop_map(Value::Str),
        vec(any::<u8>(), 0..20).prop_map(|v| Value::Bytes(Bytes::from(v))),
        Just(Value::Bytes(Bytes::from(vec![3; 5000]))),
        datetime().prop_map(Value::DateTime),
        any::<String>().prop_map(|uri| Value::Remote(Box::new(RemoteRef::proxy(uri)))),
        (0..60_u32).prop_map(Value::Back),
    ];
    scalar.prop_recursive(5, 60, 6, |inner| {
        let items = || vec(inner.clone(), 0..6);
        let pairs = vec((inner.clone(), inner.clone()), 0..4);
        prop_oneof![
            items().prop_map(Value::List),
            items().prop_map(Value::Tuple),
            items().prop_map(Value::Set),
            items().prop_map(Value::FrozenSet),
            pairs.clone().prop_map(Value::Map),
            ("[a-z]{1,8}(\\.[A-Z][a-z]{0,8})?", vec((any::<String>(), inner.clone()), 0..4))
                .prop_map(|(class, fields)| Value::object(class, fields)),
            (any::<String>(), items())
                .prop_map(|(type_name, v)| { Value::Typed(Box::new(TypedValue { type_name, value: Value::List(v) })) }),
            (any::<String>(), pairs)
                .prop_map(|(type_name, v)| { Value::Typed(Box::new(TypedValue { type_name, value: Value::Map(v) })) }),
        ]
    })
}

proptest! {
    #[test]
    fn over_a_tape_and_back(value in value()) {
        let tape = Tape::of(&value).unwrap();
        prop_assert_eq!(&Value::read(&mut tape.source(Budget::default())).unwrap(), &value);
        prop_assert_eq!(&Value::read(&mut ValueSource::new(&value, Budget::default())).unwrap(), &value);
    }

    #[test]
    fn transcoded_and_back(value in value()) {
        let mut tape = Tape::new();
        transcode(&mut ValueSource::new(&value, Budget::default()), &mut tape).unwrap();
        prop_assert_eq!(&Value::read(&mut tape.source(Budget::default())).unwrap(), &value);
    }

    #[test]
    fn through_serde_and_back(value in value()) {
        prop_assert_eq!(&to_value(&value).unwrap(), &value);
        prop_assert_eq!(&from_value::<Value>(&value).unwrap(), &value);
        // Inside of another type too, where it is one field of many.
        let tape = Tape::of(&Typed((1, &value, "x"))).unwrap();
        let (one, read, x): (i32, Value, String) = from_source(&mut tape.source(Budget::default())).unwrap();
        prop_assert_eq!((one, &read, x.as_str()), (1, &value, "x"));
    }

    #[test]
    fn skipping_takes_exactly_one_value(value in value()) {
        let whole = Value::Tuple(vec![value, Value::from("end")]);
        let tape = Tape::of(&whole).unwrap();
        let skipped: (serde::de::IgnoredAny, String) = from_source(&mut tape.source(Budget::default())).unwrap();
        prop_assert_eq!(skipped.1, "end");
        let skipped: (serde::de::IgnoredAny, String) = from_value(&whole).unwrap();
        prop_assert_eq!(skipped.1, "end");
    }

    #[test]
    fn another_format_takes_it_or_fails(value in value()) {
        // JSON has no keys but text and numbers: an error then, not a panic, and no value left over for the next.
        let _ = serde_json::to_string(&value);
        prop_assert_eq!(to_value(&1_i64).unwrap(), Value::I64(1));
        prop_assert_eq!(serde_json::to_string(&Value::from(5)).unwrap(), "5");
    }

    #[test]
    fn any_type_reads_it_or_fails(value in value()) {
        let tape = Tape::of(&value).unwrap();
        let _ = from_source::<serde_json::Value, _>(&mut tape.source(Budget::default()));
        let _ = from_value::<serde_json::Value>(&value);
        let _ = from_value::<Vec<i64>>(&value);
        let _ = from_value::<std::collections::BTreeMap<String, Option<f64>>>(&value);
        let _ = from_value::<DateTime>(&value);
    }
}

#[test]
fn another_format_sees_plain_content() {
    let when = DateTime::parse("2020-01-02T03:04:05").unwrap();
    let value = Value::Map(vec![
        ("set".into(), Value::Set(vec![1.into()])),
        ("when".into(), when.into()),
        ("big".into(), Value::Big(Box::new("18446744073709551616".parse().unwrap()))),
        ("decimal".into(), Value::Decimal("1.50".into())),
        ("bytes".into(), Value::Bytes("ab".into())),
        ("remote".into(), RemoteRef::uri("PYRO:a@b:1").into()),
        ("object".into(), Value::object("a.B", vec![("x".into(), Value::Null)])),
    ]);
    let expected = concat!(
        r#"{"set":[1],"when":"2020-01-02T03:04:05","big":"18446744073709551616","decimal":"1.50","bytes":[97,98],"#,
        r#""remote":"PYRO:a@b:1","object":{"__class__":"a.B","x":null}}"#,
    );
    assert_eq!(serde_json::to_string(&value).unwrap(), expected);
    let read: Value = serde_json::from_str(r#"{"a":[1,-2,1.5,"x",null,true]}"#).unwrap();
    let items = vec![Value::I64(1), Value::I64(-2), Value::F64(1.5), "x".into(), Value::Null, Value::Bool(true)];
    assert_eq!(read, Value::Map(vec![("a".into(), Value::List(items))]));
}
