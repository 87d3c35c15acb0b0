//! Writing serpent. The same bytes as Python's, for thousands of values, are compared in serpent_python.rs.

use proptest::prelude::*;
use springline_core::{BigInt, Budget, Bytes, Container, DateTime, Error, ErrorKind, Output, RemoteRef, Sink, Value};
use springline_pyro::Generation;
use springline_pyro::codec::serpent::{Decoder, Encoder};

fn write(generation: Generation, bytes_repr: bool, value: &Value) -> Result<String, Error> {
    let mut out = Output::new();
    let mut encoder = Encoder::new(&mut out, generation).with_bytes_repr(bytes_repr);
    value.write(&mut encoder)?;
    encoder.finish()?;
    Ok(String::from_utf8(out.to_vec()).unwrap())
}

fn check(value: impl Into<Value>, expected: &str) {
    assert_eq!(write(Generation::Pyro5, false, &value.into()).unwrap(), expected);
}

fn ints(n: i64) -> Vec<Value> {
    (1..=n).map(Value::I64).collect()
}

#[test]
fn values() {
    check((), "None");
    check(true, "True");
    check(-5i32, "-5");
    check(u64::MAX, "18446744073709551615");
    check(BigInt::from(10).pow(30), "1000000000000000000000000000000");
    check(1.0, "1.0");
    check(1e16, "1e+16");
    check(f64::INFINITY, "1e30000");
    check(f64::NEG_INFINITY, "-1e30000");
    check(f64::NAN, "{'__class__':'float','value':'nan'}");
    check(Value::Complex(3.0, 4.0), "(3.0+4.0j)");
    check(Value::Complex(1.0, f64::NEG_INFINITY), "(1.0-1e30000j)");
    check(Value::Complex(-0.0, -0.0), "(-0.0-0.0j)");
    check(
        Value::Complex(1.0, f64::NAN),
        "{'__class__':'complex','real':1.0,'imag':{'__class__':'float','value':'nan'}}",
    );
    check("it's", "\"it's\"");
    check(Value::Decimal("1.50".to_owned()), "'1.50'");
    check(DateTime::parse("2020-01-02T03:04:05.000678").unwrap(), "'2020-01-02T03:04:05.000678'");
    check(Bytes::from_static(b"ab"), "{'data': 'YWI=', 'encoding': 'base64'}");
    check(ints(2), "[1,2]");
    check(Value::Tuple(vec![]), "()");
    check(Value::Tuple(ints(1)), "(1,)");
    check(Value::Tuple(ints(2)), "(1,2)");
    check(Value::Set(ints(2)), "{1,2}");
    check(Value::FrozenSet(vec![]), "()");
    check(vec![Value::Set(vec![]), Value::I64(1)], "[(),1]");
    check(Value::Map(vec![]), "{}");
    check(vec![(Value::from("a"), Value::I64(1)), (Value::Tuple(ints(2)), Value::Null)], "{'a':1,(1,2):None}");
    check(Value::object("a.B", vec![]), "{'__class__':'a.B'}");
    check(Value::object("a.B", vec![("x".to_owned(), Value::List(ints(1)))]), "{'__class__':'a.B','x':[1]}");
    let written = write(Generation::Pyro5, true, &Value::Bytes(Bytes::from_static(b"a'\x00"))).unwrap();
    assert_eq!(written, r#"b"a'\x00""#);
}

#[test]
fn references() {
    let uri = Value::from(RemoteRef::uri("PYRO:obj@localhost:4444"));
    for (generation, expected) in [
        (Generation::Pyro4, "{'__class__':'Pyro4.core.URI','state':('PYRO','obj',None,'localhost',4444)}"),
        (Generation::Pyro5, "{'__class__':'Pyro5.core.URI','state':('PYRO','obj',None,'localhost',4444)}"),
    ] {
        assert_eq!(write(generation, false, &uri).unwrap(), expected);
        let read = Value::read(&mut Decoder::new(expected.as_bytes(), 0, Budget::default())).unwrap();
        assert_eq!(read, uri);
    }
    let mut proxy = RemoteRef::proxy("PYRO:obj@localhost:4444");
    proxy.methods = vec!["m".to_owned()];
    let written = write(Generation::Pyro5, false, &Value::from(proxy)).unwrap();
    assert_eq!(
        written,
        "{'__class__':'Pyro5.client.Proxy','state':('PYRO:obj@localhost:4444',(),('m',),(),'hello',None)}"
    );
}

#[test]
fn a_call() {
    let mut out = Output::new();
    out.buf.extend_from_slice(b"HEAD");
    let mut e = Encoder::new(&mut out, Generation::Pyro5).with_header();
    e.begin(Container::tuple(Some(4))).unwrap();
    e.str("obj").unwrap();
    e.str("method").unwrap();
    e.begin(Container::tuple(None)).unwrap();
    e.i64s(&[1, 2]).unwrap();
    e.f64s(&[0.5]).unwrap();
    e.end().unwrap();
    e.begin(Container::map(None)).unwrap();
    e.str("k").unwrap();
    e.null().unwrap();
    e.end().unwrap();
    assert!(e.finish().is_err());
    e.end().unwrap();
    e.finish().unwrap();
    assert_eq!(out.to_vec(), b"HEAD# serpent utf-8 python3.2\n('obj','method',(1,2,0.5),{'k':None})");
}

#[test]
fn refusals() {
    let dict = |k: Value| Value::Map(vec![(k, Value::Null)]);
    let set = |k: Value| Value::Set(vec![k]);
    let bytes = Value::Bytes(Bytes::from_static(b"x"));
    for bad in [
        Value::Null,
        Value::F64(f64::NAN),
        Value::Complex(f64::NAN, 1.0),
        Value::List(vec![]),
        Value::Set(vec![]),
        Value::Map(vec![]),
        Value::object("X", vec![]),
        bytes.clone(),
        Value::from(DateTime::parse("2020-01-02").unwrap()),
        Value::from(RemoteRef::uri("PYRO:obj@localhost:4444")),
        Value::Tuple(vec![Value::List(vec![])]),
        Value::Tuple(vec![Value::Tuple(vec![bytes.clone()])]),
    ] {
        for value in [dict(bad.clone()), set(bad.clone())] {
            let e = write(Generation::Pyro5, false, &value).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Encode);
            assert!(e.message().contains("cannot be a key of a dict or a member of a set"), "{bad:?}: {e}");
        }
    }
    assert_eq!(write(Generation::Pyro5, true, &dict(bytes.clone())).unwrap(), "{b'x':None}");
    assert_eq!(write(Generation::Pyro5, false, &dict(Value::Tuple(vec![Value::Null]))).unwrap(), "{(None,):None}");

    let nest = |levels: usize, inner: Value| (0..levels).fold(inner, |v, _| Value::List(vec![v]));
    assert!(write(Generation::Pyro5, false, &nest(200, Value::Null)).is_ok());
    for (levels, inner) in [
        (201, Value::Null),
        (200, bytes),
        (200, Value::F64(f64::NAN)),
        (200, Value::Complex(1.0, 1.0)),
        (200, Value::Tuple(vec![])),
    ] {
        let e = write(Generation::Pyro5, false, &nest(levels, inner)).unwrap_err();
        assert!(e.kind() == ErrorKind::Encode && e.message().contains("200 levels"), "{e}");
    }
    assert!(write(Generation::Pyro5, false, &Value::from(BigInt::from(10).pow(4300) - 1)).is_ok());
    for digits in [4300, 5_000_000] {
        let big = Value::Big(Box::new(BigInt::from(1) << (digits * 10 / 3 + 10)));
        assert!(write(Generation::Pyro5, false, &big).unwrap_err().message().contains("4300 digits"));
    }
    assert_eq!(write(Generation::Pyro5, false, &Value::Back(0)).unwrap_err().kind(), ErrorKind::Encode);
}

#[test]
fn calls_out_of_order() {
    let refused = |f: &dyn Fn(&mut Encoder<'_>) -> Result<(), Error>| {
        let mut out = Output::new();
        let mut e = Encoder::new(&mut out, Generation::Pyro5);
        assert_eq!(f(&mut e).and_then(|()| e.finish()).unwrap_err().kind(), ErrorKind::Encode);
    };
    refused(&|_| Ok(()));
    refused(&|e| e.end());
    refused(&|e| e.key("k"));
    refused(&|e| e.null().and_then(|()| e.null()));
    refused(&|e| e.begin(Container::list(None)));
    refused(&|e| e.begin(Container::list(None)).and_then(|()| e.key("k")));
    refused(&|e| e.begin(Container::object("C", None)).and_then(|()| e.null()));
    refused(&|e| e.begin(Container::object("C", None)).and_then(|()| e.key("k")).and_then(|()| e.key("l")));
    refused(&|e| e.begin(Container::object("C", None)).and_then(|()| e.key("k")).and_then(|()| e.end()));
    refused(&|e| e.begin(Container::map(None)).and_then(|()| e.i64(1)).and_then(|()| e.end()));
}

// What serpent changes: 32-bit integers, frozen and empty sets, decimals and dates as text.
fn as_read(v: &Value) -> Value {
    let all = |v: &[Value]| v.iter().map(as_read).collect::<Vec<_>>();
    match v {
        Value::I32(v) => Value::I64((*v).into()),
        Value::Decimal(v) => Value::Str(v.clone()),
        Value::DateTime(v) => Value::Str(v.to_string()),
        Value::Set(v) | Value::FrozenSet(v) if v.is_empty() => Value::Tuple(vec![]),
        Value::Set(v) | Value::FrozenSet(v) => Value::Set(all(v)),
        Value::List(v) => Value::List(all(v)),
        Value::Tuple(v) => Value::Tuple(all(v)),
        Value::Map(v) => Value::Map(v.iter().map(|(k, v)| (as_read(k), as_read(v))).collect()),
        Value::Object(o) => {
            Value::object(o.class.clone(), o.fields.iter().map(|(k, v)| (k.clone(), as_read(v))).collect())
        }
        other => other.clone(),
    }
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::I64),
        any::<i32>().prop_map(Value::I32),
        any::<u64>().prop_map(Value::from),
        any::<i128>().prop_map(|v| Value::from(BigInt::from(v) * 3)),
        any::<f64>().prop_filter("equal to itself", |v| !v.is_nan()).prop_map(Value::F64),
        (any::<f64>(), any::<f64>())
            .prop_filter("equal", |(a, b)| !a.is_nan() && !b.is_nan())
            .prop_map(|(a, b)| Value::Complex(a, b)),
        any::<String>().prop_map(Value::Str),
        "[ -~\u{0}-\u{1f}'\"\\\\é€\u{2028}]{0,40}".prop_map(|s| Value::Str(s.replace('\0', ""))),
    ]
}

fn key() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(2, 8, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::Tuple))
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        8 => scalar(),
        1 => Just(Value::Null),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(|b| Value::Bytes(b.into())),
        1 => (-99999i64..99999).prop_map(|v| Value::Decimal(format!("{v}.5"))),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        let many = || prop::collection::vec(inner.clone(), 0..6);
        prop_oneof![
            many().prop_map(Value::List),
            many().prop_map(Value::Tuple),
            prop::collection::vec(key(), 0..4).prop_map(Value::Set),
            prop::collection::vec(key(), 0..4).prop_map(Value::FrozenSet),
            // A first key that marks one of the special dicts would not come back as a map.
            prop::collection::vec((key(), inner.clone()), 0..4).prop_map(Value::Map),
            ("[a-z.]{1,12}x", prop::collection::vec((any::<String>(), inner.clone()), 0..4))
                .prop_map(|(class, fields)| Value::object(class, fields)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn there_and_back(v in value(), bytes_repr: bool) {
        let text = write(Generation::Pyro4, bytes_repr, &v).unwrap();
        let mut decoder = Decoder::new(text.as_bytes(), 0, Budget::default());
        let back = Value::read(&mut decoder).unwrap();
        decoder.finish().unwrap();
        prop_assert_eq!(back, as_read(&v));
        let mut decoder = Decoder::new(text.as_bytes(), 0, Budget::default());
        springline_core::Source::skip(&mut decoder).unwrap();
        decoder.finish().unwrap();
    }
}
