//! The json codec alone: tables of values and texts, errors with their places, limits, and the ways to read.

use proptest::prelude::*;
use springline_core::{
    BigInt, Budget, Bytes, Chunk, Container, DateTime, Error, ErrorKind, Event, Format, Kind, Limits, Output,
    RemoteRef, Result, Sink, Source, Text, Value, transcode,
};
use springline_pyro::Generation;
use springline_pyro::codec::json::{Decoder, Encoder, FORMAT};

fn encode(value: &Value) -> Result<String> {
    encode_for(value, Generation::Pyro5)
}

fn encode_for(value: &Value, generation: Generation) -> Result<String> {
    let mut out = Output::new();
    value.write(&mut Encoder::new(&mut out, generation))?;
    Ok(String::from_utf8(out.to_vec()).unwrap())
}

fn decode(text: &[u8]) -> Result<Value> {
    let mut source = Decoder::new(text, 0, Budget::default());
    let value = Value::read(&mut source)?;
    source.finish().map(|()| value)
}

fn big(digits: &str) -> Value {
    Value::from(digits.parse::<BigInt>().unwrap())
}

fn map(pairs: &[(&str, Value)]) -> Value {
    Value::Map(pairs.iter().map(|(k, v)| (Value::from(*k), v.clone())).collect())
}

// The right column is `json.dumps(value, ensure_ascii=False)` of CPython 3.11 with Pyro's hook.
#[test]
fn values_are_written_as_python_writes_them() {
    let check = |value: Value, expected: &str| assert_eq!(encode(&value).unwrap(), expected);
    check(Value::Null, "null");
    check(true.into(), "true");
    check(false.into(), "false");
    check(0i32.into(), "0");
    check(i64::MIN.into(), "-9223372036854775808");
    check(u64::MAX.into(), "18446744073709551615");
    check(big("-123456789012345678901234567890"), "-123456789012345678901234567890");
    check(1.0.into(), "1.0");
    check((-0.0).into(), "-0.0");
    check(1e16.into(), "1e+16");
    check(1e-7.into(), "1e-07");
    check(f64::NAN.into(), "NaN");
    check(f64::INFINITY.into(), "Infinity");
    check(f64::NEG_INFINITY.into(), "-Infinity");
    check("".into(), r#""""#);
    check("h\u{e9}llo \u{20ac} \u{1f600} /".into(), "\"h\u{e9}llo \u{20ac} \u{1f600} /\"");
    check("\u{0}\u{1f}\u{7f}\u{80}\u{2028}".into(), "\"\\u0000\\u001f\u{7f}\u{80}\u{2028}\"");
    check("\"\\\u{8}\u{c}\n\r\t".into(), r#""\"\\\b\f\n\r\t""#);
    check(
        format!("{}\n{}", "x".repeat(70), "y".repeat(70)).into(),
        &format!("\"{}\\n{}\"", "x".repeat(70), "y".repeat(70)),
    );
    check(Value::List(vec![]), "[]");
    check(Value::List(vec![1.into(), 2.into()]), "[1, 2]");
    check(Value::Tuple(vec![1.into(), Value::Tuple(vec![])]), "[1, []]");
    check(Value::Set(vec![1.into()]), "[1]");
    check(Value::Map(vec![]), "{}");
    check(map(&[("a", 1.into()), ("b", map(&[("c", Value::Null)]))]), r#"{"a": 1, "b": {"c": null}}"#);
    check(map(&[("a", 1.into()), ("a", 2.into())]), r#"{"a": 1, "a": 2}"#);
    check(Value::Decimal("1.50".into()), r#""1.50""#);
    check(DateTime::parse("2020-01-02").unwrap().into(), r#""2020-01-02""#);
    check(DateTime::parse("2020-01-02T03:04:05.000678+01:00").unwrap().into(), r#""2020-01-02T03:04:05.000678+01:00""#);
    check(Value::object("bank.Money", vec![]), r#"{"__class__": "bank.Money"}"#);
    check(
        Value::object("bank.Money", vec![("amount".into(), 12.into()), ("tags".into(), Value::List(vec!["x".into()]))]),
        r#"{"__class__": "bank.Money", "amount": 12, "tags": ["x"]}"#,
    );
}

#[test]
fn keys_become_strings() {
    let keys = [
        Value::from(1),
        Value::Null,
        true.into(),
        1.5.into(),
        f64::NAN.into(),
        big("123456789012345678901234567890"),
        "s".into(),
    ];
    let value = Value::Map(keys.into_iter().map(|k| (k, Value::Null)).collect());
    let expected = concat!(
        r#"{"1": null, "null": null, "true": null, "1.5": null, "NaN": null, "#,
        r#""123456789012345678901234567890": null, "s": null}"#
    );
    assert_eq!(encode(&value).unwrap(), expected);
}

#[test]
fn what_has_no_form_is_named() {
    let check = |value: Value, what: &str| {
        for value in [value.clone(), Value::List(vec![value])] {
            let e = encode(&value).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Encode);
            assert!(e.message().contains(what), "{e}");
        }
    };
    check(Value::Bytes(Bytes::from_static(b"x")), "no form for bytes: send text instead, or use the serpent");
    check(DateTime::parse("03:04:05").unwrap().into(), "datetime.time");
    check(Value::Complex(1.0, 2.0), "complex");
    check(Value::FrozenSet(vec![]), "frozenset");
    check(big(&format!("1{}", "0".repeat(4300))), "4300 digits");
    check(big(&format!("1{}", "0".repeat(50_000))), "4300 digits");
    assert!(encode(&big(&format!("-{}", "9".repeat(4300)))).is_ok());
    for (key, what) in [
        (Value::Tuple(vec![]), "tuple"),
        (Value::List(vec![]), "list"),
        (Value::Map(vec![]), "dict"),
        (Value::object("bank.Money", vec![]), "bank.Money"),
        (Value::Bytes(Bytes::new()), "bytes"),
        (Value::Decimal("1".into()), "decimal.Decimal"),
        (DateTime::parse("2020-01-02").unwrap().into(), "datetime.date"),
    ] {
        let e = encode(&Value::Map(vec![(key, Value::Null)])).unwrap_err();
        assert_eq!(e.message(), format!("json: keys must be str, int, float, bool or None, not {what}"));
    }
}

#[test]
fn remote_references_take_the_form_of_their_generation() {
    let uri = Value::from(RemoteRef::uri("PYRO:x@localhost:7766"));
    let state = r#""state": ["PYRO", "x", null, "localhost", 7766]"#;
    assert_eq!(encode_for(&uri, Generation::Pyro4).unwrap(), format!(r#"{{"__class__": "Pyro4.core.URI", {state}}}"#));
    assert_eq!(encode_for(&uri, Generation::Pyro5).unwrap(), format!(r#"{{"__class__": "Pyro5.core.URI", {state}}}"#));
    for generation in [Generation::Pyro4, Generation::Pyro5] {
        let mut proxy = RemoteRef::proxy("PYRO:x@localhost:7766");
        proxy.methods = vec!["add".into(), "ping".into()];
        proxy.oneway = vec!["fire".into()];
        for remote in [uri.clone(), proxy.into()] {
            let list = Value::List(vec![remote.clone(), 1i64.into()]);
            assert_eq!(decode(encode_for(&list, generation).unwrap().as_bytes()).unwrap(), list);
        }
    }
    assert_eq!(encode(&RemoteRef::uri("nonsense").into()).unwrap_err().kind(), ErrorKind::Encode);
}

#[test]
fn calls_out_of_order_are_told() {
    type Calls = fn(&mut Encoder<'_>) -> Result<()>;
    let cases: [(Calls, &str); 6] = [
        (|e| e.end(), "an end outside"),
        (|e| e.key("x"), "a key or an end outside"),
        (|e| e.null().and_then(|()| e.null()), "a second value"),
        (|e| e.begin(Container::object("c", None)).and_then(|()| e.null()), "field name"),
        (|e| e.begin(Container::object("c", None)).and_then(|()| e.key("k")).and_then(|()| e.end()), "between a key"),
        (|e| e.begin(Container::map(None)).and_then(|()| e.null()).and_then(|()| e.end()), "between a key"),
    ];
    for (calls, what) in cases {
        let mut out = Output::new();
        let e = calls(&mut Encoder::new(&mut out, Generation::Pyro5)).unwrap_err();
        assert!(e.kind() == ErrorKind::Internal && e.message().contains(what), "{e}");
    }
}

#[test]
fn bulk_integers_are_items() {
    let mut out = Output::new();
    let mut encoder = Encoder::new(&mut out, Generation::Pyro5);
    encoder.begin(Container::list(None)).unwrap();
    encoder.i64s(&[]).unwrap();
    encoder.i64s(&[1, -2, i64::MAX]).unwrap();
    encoder.i64s(&[4]).unwrap();
    encoder.f64s(&[0.5, 2.0]).unwrap();
    encoder.end().unwrap();
    assert_eq!(out.to_vec(), b"[1, -2, 9223372036854775807, 4, 0.5, 2.0]");
}

#[test]
fn texts_are_read() {
    let check = |text: &str, expected: Value| assert_eq!(decode(text.as_bytes()).unwrap(), expected, "{text}");
    check(" \t\r\n null \n", Value::Null);
    check("[true,false , null]", Value::List(vec![true.into(), false.into(), Value::Null]));
    check("0", 0i64.into());
    check("-0", 0i64.into());
    check("-12", (-12i64).into());
    check("999999999999999999", 999_999_999_999_999_999i64.into());
    check("-9223372036854775808", i64::MIN.into());
    check("9223372036854775807", i64::MAX.into());
    check("9223372036854775808", big("9223372036854775808"));
    check("-123456789012345678901234567890", big("-123456789012345678901234567890"));
    check("-0.0", (-0.0).into());
    check("1.5", 1.5.into());
    check("1e5", 1e5.into());
    check("1E+5", 1e5.into());
    check("25e-1", 2.5.into());
    check("1e400", f64::INFINITY.into());
    check("[Infinity, -Infinity]", Value::List(vec![f64::INFINITY.into(), f64::NEG_INFINITY.into()]));
    assert!(decode(b"NaN").unwrap().as_f64().unwrap().is_nan());
    check(r#""""#, "".into());
    check(r#""a\"\\\/\b\f\n\r\tb""#, "a\"\\/\u{8}\u{c}\n\r\tb".into());
    check(r#""\u0041\u00e9\u20AC\ud83d\ude00!""#, "A\u{e9}\u{20ac}\u{1f600}!".into());
    check("\"h\u{e9} \u{1f600}\u{7f}\"", "h\u{e9} \u{1f600}\u{7f}".into());
    check("[]", Value::List(vec![]));
    check("[ [ ] , { } ]", Value::List(vec![Value::List(vec![]), Value::Map(vec![])]));
    check(
        r#"{"b" : 1 , "a":[2], "b": 3}"#,
        map(&[("b", 1i64.into()), ("a", Value::List(vec![2i64.into()])), ("b", 3i64.into())]),
    );
}

#[test]
fn class_dicts_are_objects() {
    let check = |text: &str, expected: Value| assert_eq!(decode(text.as_bytes()).unwrap(), expected, "{text}");
    check(
        r#"{"__class__": "bank.Money", "amount": 1}"#,
        Value::object("bank.Money", vec![("amount".into(), 1i64.into())]),
    );
    check(r#"{ "__class__" :"bank.Money" }"#, Value::object("bank.Money", vec![]));
    check(
        r#"[{"__class__":"a\n", "k\t":[]}]"#,
        Value::List(vec![Value::object("a\n", vec![("k\t".into(), Value::List(vec![]))])]),
    );
    check(r#"{"__class__": 1}"#, map(&[("__class__", 1i64.into())]));
    check(r#"{"__class__x": "a"}"#, map(&[("__class__x", "a".into())]));
    check(r#"{"a": 1, "__class__": "b"}"#, map(&[("a", 1i64.into()), ("__class__", "b".into())]));
    check(r#"{"__class__": "float", "value": "-inf"}"#, f64::NEG_INFINITY.into());
    check(r#"{"__class__": "complex", "real": 1, "imag": "2.5"}"#, Value::Complex(1.0, 2.5));
    let mut proxy = RemoteRef::proxy("PYRO:x@h:1");
    proxy.oneway = vec!["o".into()];
    proxy.methods = vec!["m".into()];
    let state = r#""state": ["PYRO:x@h:1", ["o"], ["m"], [], 0.0, null, "hello", 0, null]"#;
    check(
        &format!(r#"[{{"__class__": "Pyro4.core.Proxy", {state}}}, 1]"#),
        Value::List(vec![proxy.into(), 1i64.into()]),
    );
}

#[test]
fn bad_texts_are_refused_with_their_place() {
    let check = |text: &[u8], at: usize, what: &str| {
        let e = decode(text).unwrap_err();
        let shown = String::from_utf8_lossy(text);
        assert_eq!((e.kind(), e.offset()), (ErrorKind::Malformed, Some(at)), "{shown}: {e}");
        assert!(e.message().contains(what), "{shown}: {e}");
    };
    check(b"", 0, "expected a value, found the end");
    check(b" ", 1, "expected a value, found the end");
    check(b"nul", 0, "expected a value, found 'n'");
    check(b"nullx", 4, "expected the end of the message, found 'x'");
    check(b"\xef\xbb\xbf1", 0, "found byte 0xef");
    check(b"1 2", 2, "expected the end of the message");
    check(b",1", 0, "expected a value");
    check(b"-", 0, "a number after '-'");
    check(b"+1", 0, "expected a value");
    check(b"01", 1, "expected the end");
    check(b"1.", 1, "expected the end");
    check(b".5", 0, "expected a value");
    check(b"1e", 1, "expected the end");
    check(b"[1", 2, "expected ',' or ']', found the end");
    check(b"[", 1, "expected a value or ']'");
    check(b"[1 2]", 3, "expected ',' or ']', found '2'");
    check(b"[1,]", 3, "expected a value, found ']'");
    check(b"[,1]", 1, "expected a value or ']'");
    check(b"[1}", 2, "expected ',' or ']', found '}'");
    check(b"]", 0, "expected a value");
    check(b"{1: 2}", 1, "expected a key in double quotes or '}', found '1'");
    check(b"{\"a\" 1}", 5, "expected ':' after a key");
    check(b"{\"a\": }", 6, "expected a value, found '}'");
    check(b"{\"a\": 1,}", 8, "expected a key in double quotes, found '}'");
    check(b"{\"a\": 1]", 7, "expected ',' or '}'");
    check(b"{\"a\"", 4, "expected ':' after a key, found the end");
    check(b"{\"__class__\": \"x\" \"y\": 1}", 18, "expected ',' or '}'");
    check(b"'a'", 0, "expected a value");
    check(b"\"abc", 0, "no closing quote");
    check(b"[\"abc\\", 1, "no closing quote");
    check(b"[\"abc\\u12", 1, "no closing quote");
    check(b"\"a\nb\"", 2, "control character");
    check(b"\"a\\n\x1fb\"", 4, "control character");
    check(b"\"a\\x41\"", 2, "unknown escape: a backslash before 'x'");
    check(b"\"\\u12g4\"", 1, "four hexadecimal digits");
    check(b"\"ab\xff\"", 3, "not UTF-8");
    check(b"\"\xed\xa0\x80\"", 1, "not UTF-8");
    check(b"\"x\\ud83d\"", 2, "\\ud83d is half of a surrogate pair");
    check(b"\"\\ud83d\\u0041\"", 1, "half of a surrogate pair");
    check(b"\"\\ude00\\ud83d\"", 1, "half of a surrogate pair");
    check(b"\"\\ud83dx\"", 1, "half of a surrogate pair");
    check(br#"{"__class__": "Pyro4.core.URI"}"#, 30, "without 'state'");
    check(br#"{"__class__": "Pyro4.core.URI", "state": 5}"#, 30, "unknown shape");
}

#[test]
fn limits_hold() {
    let read = |text: &str, limits: Limits| Value::read(&mut Decoder::new(text.as_bytes(), 0, limits.budget()));
    let skip = |text: &str, limits: Limits| Decoder::new(text.as_bytes(), 0, limits.budget()).skip();
    let check = |e: Error, what: &str| {
        assert_eq!(e.kind(), ErrorKind::Limit);
        assert!(e.message().contains(what), "{e}");
    };
    let mut limits = Limits::new();
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(read(&deep(200), limits).is_ok() && skip(&deep(200), limits).is_ok());
    check(read(&deep(201), limits).unwrap_err(), "depth = 200");
    check(skip(&deep(1_000_000), limits).unwrap_err(), "depth = 200");
    let deep = format!("{}1{}", r#"{"__class__": "x", "a": "#.repeat(201), "}".repeat(201));
    check(read(&deep, limits).unwrap_err(), "depth = 200");
    limits.nodes = 5;
    assert!(read(r#"{"a": 1, "b": 2}"#, limits).is_ok() && skip(r#"{"a": 1, "b": 2}"#, limits).is_ok());
    for f in [r#"{"a": 1, "b": 2, "c": 3}"#, "[1,2,3,4,5]", r#"["","","","",""]"#, "[null,null,null,null,null]"] {
        check(read(f, limits).unwrap_err(), "nodes = 5");
        check(skip(f, limits).unwrap_err(), "nodes = 5");
    }
    assert!(decode("9".repeat(4300).as_bytes()).is_ok());
    check(decode(format!("-{}", "9".repeat(4301)).as_bytes()).unwrap_err(), "4300");
}

#[test]
fn plain_text_is_borrowed() {
    let message = br#"["plain", "es\tcaped", {"key": 1}]"#;
    let mut source = Decoder::new(message, 0, Budget::default());
    source.next().unwrap();
    let Event::Str(Text::Message(text)) = source.next().unwrap() else { panic!() };
    assert_eq!(text.as_ptr(), message[2..].as_ptr());
    assert!(matches!(source.next().unwrap(), Event::Str(Text::Scratch("es\tcaped"))));
    source.next().unwrap();
    assert!(matches!(source.take_text().unwrap(), Some(Text::Message("key"))));
}

#[test]
fn peeking_repeats_and_takes_nothing() {
    let message = br#" [1, 1.5, "x", null, true, NaN, -Infinity, {"a": {}}, {"__class__": "c", "f": []},
        {"__class__": "Pyro5.core.URI", "state": ["PYRO", "x", null, "h", 1]}, {"__class__": "float", "value": "1"},
        {"__class__": "complex", "real": 1, "imag": 2}] "#;
    let mut source = Decoder::new(message, 0, Budget::default());
    let mut kinds = Vec::new();
    loop {
        let kind = source.peek().unwrap();
        assert_eq!(source.peek().unwrap(), kind);
        assert_eq!(source.next().unwrap().kind(), kind);
        kinds.push(kind);
        if kinds.len() > 1 && source.finish().is_ok() {
            break;
        }
    }
    use Kind::*;
    assert_eq!(
        kinds,
        [
            List, Int, Float, Str, Null, Bool, Float, Float, Map, Str, Map, End, End, Object, Key, List, End, End,
            Remote, Float, Complex, End
        ]
    );
    assert!(source.peek().is_err() && source.next().is_err() && source.skip().is_err());
}

#[test]
fn short_cuts_take_only_what_fits() {
    let mut source = Decoder::new(br#"[7, "t", 1.5, 99999999999999999999, 3]"#, 0, Budget::default());
    assert!(
        source.take_i64().unwrap().is_none() && source.take_text().unwrap().is_none() && !source.take_end().unwrap()
    );
    source.next().unwrap();
    assert!(source.take_text().unwrap().is_none());
    assert_eq!(source.take_i64().unwrap(), Some(7));
    assert_eq!(source.take_i64().unwrap(), None);
    assert_eq!(source.take_text().unwrap().unwrap().get(), "t");
    assert_eq!(source.take_i64().unwrap(), None);
    source.skip().unwrap();
    assert_eq!((source.take_i64().unwrap(), source.peek().unwrap()), (None, Kind::Int));
    assert!(!source.take_expected("t") && !source.take_null().unwrap());
    let mut source = Decoder::new(b"[3]", 0, Budget::default());
    source.next().unwrap();
    assert!(!source.take_end().unwrap());
    source.skip().unwrap();
    assert!(source.take_end().unwrap());
    source.finish().unwrap();
}

#[test]
fn an_expected_text_is_taken_only_if_it_comes() {
    let mut source = Decoder::new(br#"{"key" : "a", "a\tb": null, "last": -5}"#, 0, Budget::default());
    assert!(!source.take_expected("key"));
    source.next().unwrap();
    assert!(!source.take_expected("ke") && !source.take_expected("keys") && !source.take_expected("key\" "));
    assert!(source.take_expected("key") && !source.take_expected("key"));
    assert!(source.take_expected("a"));
    // Written with an escape: what `next` is for.
    assert!(!source.take_expected("a\tb") && !source.take_expected("a\\tb"));
    assert_eq!(source.take_text().unwrap().unwrap().get(), "a\tb");
    assert!(source.take_null().unwrap() && source.take_expected("last"));
    assert_eq!(source.take_i64().unwrap(), Some(-5));
    assert!(source.take_end().unwrap());
    source.finish().unwrap();
    let mut source = Decoder::new(b"{\"key\" 1}", 0, Budget::default());
    source.next().unwrap();
    assert!(!source.take_expected("key"), "the colon is missing");
    assert_eq!(source.next().unwrap_err().offset(), Some(7));
    let mut source = Decoder::new(b"[\"a", 0, Budget::default());
    source.next().unwrap();
    assert!(!source.take_expected("a") && source.next().is_err());
}

#[test]
fn skipping_stops_where_reading_would() {
    for value in [
        "null",
        "-1.5e3",
        "\"a\\\"b\\\\\"",
        "[]",
        "[1, [2, {\"a\": []}], \"]\"]",
        "{\"a\\\"}\": {\"b\": 1}, \"c\": 2}",
        "-Infinity",
        "{\"__class__\": \"x\", \"y\": [1]}",
        "{\"__class__\": \"Pyro4.core.URI\", \"state\": 1}",
    ] {
        let message = format!("[{value} , 77]");
        let mut source = Decoder::new(message.as_bytes(), 0, Budget::default());
        source.next().unwrap();
        source.skip().unwrap();
        assert_eq!(source.take_i64().unwrap(), Some(77), "{value}");
        assert!(source.skip().is_err(), "there is nothing more to pass over");
        assert!(source.take_end().unwrap());
        source.finish().unwrap();
    }
}

#[test]
fn a_value_can_be_opened_where_it_lies() {
    let message = Bytes::from_static(br#"{"object": "x", "method": "f", "params" :  [1, {"a": 2}] , "kwargs": {}}"#);
    let mut call = Decoder::new(&message, 0, Budget::default());
    call.next().unwrap();
    let mut found = 0;
    while let Some(key) = call.take_text().unwrap() {
        let name = key.get().to_owned();
        let at = call.offset();
        let before = message[..at].iter().rposition(|b| *b == b':').unwrap();
        call.skip().unwrap();
        let expected = decode(&message[at..call.offset()]).unwrap();
        // At the value, and at the colon and the blanks before it.
        for start in before..=at {
            let mut value = None;
            FORMAT
                .read(&message, start, Budget::default(), &mut |source| {
                    value = Some(Value::read(source)?);
                    Ok(())
                })
                .unwrap();
            assert_eq!(value.as_ref(), Some(&expected), "{name} from {start}");
        }
        found += 1;
    }
    assert_eq!(found, 4);
    assert!(call.take_end().unwrap());
    call.finish().unwrap();
    // After an item, before the comma; beyond the message.
    assert_eq!(Value::read(&mut Decoder::new(b"[1 , 2]", 2, Budget::default())).unwrap(), 2i64.into());
    assert!(Value::read(&mut Decoder::new(b"[1,,2]", 2, Budget::default())).is_err());
    assert!(Value::read(&mut Decoder::new(b"[1]", 99, Budget::default())).is_err());
    assert_eq!(FORMAT.name(), "json");
}

#[test]
fn a_message_passes_from_source_to_sink() {
    let message = br#"[1, "a\nb", {"k": [1.5, null]}, {"__class__": "c", "f": {"g": NaN}}]"#;
    let mut out = Output::new();
    transcode(&mut Decoder::new(message, 0, Budget::default()), &mut Encoder::new(&mut out, Generation::Pyro4))
        .unwrap();
    assert_eq!(out.to_vec(), message);
    let mut owner = None;
    let bytes = Bytes::from_static(b"1");
    FORMAT
        .read(&bytes, 0, Budget::default(), &mut |source| {
            owner = source.owner().map(Bytes::len);
            Ok(())
        })
        .unwrap();
    assert_eq!(owner, Some(1));
    assert_eq!(Chunk::Message(b"x").get(), b"x");
}

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[a-z]{0,8}", any::<String>()];
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i128>().prop_map(|v| Value::from(BigInt::from(v))),
        any::<f64>().prop_filter("NaN is not equal to itself", |v| !v.is_nan()).prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    scalar.prop_recursive(6, 64, 6, move |inner| {
        let key = text.clone().prop_filter("is an object then", |k| k != "__class__");
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::vec((key.clone().prop_map(Value::from), inner.clone()), 0..6).prop_map(Value::Map),
            ("[a-z]{1,5}\\.[a-z]\\PC{0,5}", prop::collection::vec((key, inner), 0..5))
                .prop_map(|(c, f)| Value::object(c, f)),
        ]
    })
}

proptest! {
    #[test]
    fn values_come_back(value in value()) {
        let text = encode(&value).unwrap();
        prop_assert_eq!(decode(text.as_bytes()).unwrap(), value);
    }

    #[test]
    fn blanks_between_tokens_change_nothing(value in value(), blanks in "[ \t\r\n]{1,3}") {
        let text = widened(&encode(&value).unwrap(), &blanks);
        prop_assert_eq!(decode(text.as_bytes()).unwrap(), value);
        let mut source = Decoder::new(text.as_bytes(), 0, Budget::default());
        source.skip().unwrap();
        source.finish().unwrap();
    }
}

// Blanks around every separator and bracket that is not in a string.
fn widened(text: &str, blanks: &str) -> String {
    let (mut out, mut in_string, mut escaped) = (String::new(), false, false);
    for c in text.chars() {
        let separates = !in_string && "[]{},:".contains(c);
        if separates {
            out.push_str(blanks);
        }
        out.push(c);
        if separates {
            out.push_str(blanks);
        }
        in_string ^= c == '"' && !escaped;
        escaped = in_string && c == '\\' && !escaped;
    }
    out
}
