//! Hessian 1: every code, both directions.

mod support;

use serde::{Deserialize, Serialize};
use springline_core::{BigInt, Bytes, DateTime, RemoteRef, Value};
use springline_hessian::Version::One;
use springline_hessian::{Part, ReadOptions};
use support::{
    bytes, encoded, hex, list, object, open_list, raw, read, read_with, serialized, typed, typed_list, typed_map,
    written,
};

#[track_caller]
fn check(value: impl Into<Value>, expected: &str) {
    support::check(One, value, expected);
}

#[track_caller]
fn reads(message: &str, value: impl Into<Value>) {
    support::reads(One, message, value);
}

#[track_caller]
fn refuses(message: &str, words: &[&str]) {
    support::refuses(One, message, words);
}

fn empty() -> Value {
    list(vec![])
}

const EMPTY: &str = "56 6c 00000000 7a";

#[test]
fn scalars() {
    check(Value::Null, "4e");
    check(true, "54");
    check(false, "46");
    for (v, expected) in [(0, "49 00000000"), (-1, "49 ffffffff"), (i32::MIN, "49 80000000"), (i32::MAX, "49 7fffffff")]
    {
        check(Value::I32(v), expected);
    }
    for (v, expected) in
        [(0, "4c 0000000000000000"), (i64::MIN, "4c 8000000000000000"), (i64::MAX, "4c 7fffffffffffffff")]
    {
        check(Value::I64(v), expected);
    }
    check(0.0, "44 0000000000000000");
    check(-0.0, "44 8000000000000000");
    check(12.25, "44 4028800000000000");
    check(DateTime::from_unix_millis(-1), "64 ffffffffffffffff");
    check(DateTime::from_unix_millis(i64::MAX), "64 7fffffffffffffff");
    refuses("49 000000", &["ends within an int"]);
    refuses("4c 00", &["ends within a long"]);
    refuses("44", &["ends within a double"]);
    refuses("64 00", &["ends within a date"]);
}

#[test]
fn texts_and_binaries() {
    check("", "53 0000");
    check("hé\0", "53 0003 68c3a900");
    check("\u{1f600}", "53 0002 eda0bdedb880");
    check("x".repeat(32_768), &format!("53 8000 {}", "78".repeat(32_768)));
    check("x".repeat(32_769), &format!("73 8000 {} 53 0001 78", "78".repeat(32_768)));
    check(format!("{}\u{1f600}", "x".repeat(32_767)), &format!("73 7fff {} 53 0002 eda0bdedb880", "78".repeat(32_767)));
    reads("73 0001 eda0bd 73 0000 53 0001 edb880", "\u{1f600}");
    reads("58 0003 3c613e", "<a>");
    reads("78 0001 3c 58 0002 613e", "<a>");
    reads(&format!("53 ffff {}", "78".repeat(65_535)), "x".repeat(65_535));
    refuses("53 0001 edb880", &["lone surrogate (de00)", "byte 3"]);
    refuses("73 0001 61 42 0000", &["chunk", "0x42"]);
    refuses("53 0002 61", &["ends within a text"]);
    let blob = |n: usize| Value::Bytes(Bytes::from(vec![7; n]));
    check(blob(0), "42 0000");
    check(blob(32_768), &format!("42 8000 {}", "07".repeat(32_768)));
    check(blob(32_769), &format!("62 8000 {} 42 0001 07", "07".repeat(32_768)));
    reads("62 0000 62 0001 07 42 0000", blob(1));
    refuses("42 0002 07", &["expected 2 more bytes, found 1"]);
}

#[test]
fn lists() {
    check(empty(), EMPTY);
    check(list(vec![Value::Null, true.into()]), "56 6c 00000002 4e 54 7a");
    check(typed_list("[int", vec![]), "56 74 0004 5b696e74 6c 00000000 7a");
    check(Value::Set(vec![]), "56 74 0011 6a6176612e7574696c2e48617368536574 6c 00000000 7a");
    // The type and the length may be missing, and the length may be wrong.
    reads("56 7a", empty());
    reads("56 74 0000 7a", empty());
    reads("56 6c ffffffff 4e 7a", list(vec![Value::Null]));
    reads("56 74 0001 61 4e 7a", typed_list("a", vec![Value::Null]));
    reads("56 6c 7fffffff 7a", empty());
    assert_eq!(hex(&written(One, Part::Value, |sink| open_list(sink, &[Value::Null])).unwrap()), "564e7a");
    refuses("56 4e", &["cut short"]);
    refuses("56 6c 0000", &["a list's length"]);
    refuses("56 6c 00000000 6c 00000000 7a", &["expected a value, found byte 0x6c"]);
}

#[test]
fn maps_and_objects() {
    check(Value::Map(vec![]), "4d 74 0000 7a");
    check(
        Value::Map(vec![(Value::Null, true.into()), (1.into(), empty())]),
        &format!("4d 74 0000 4e 54 49 00000001 {EMPTY} 7a"),
    );
    reads("4d 7a", Value::Map(vec![]));
    check(
        typed_map("java.util.TreeMap", vec![("a".into(), 1.into())]),
        "4d 74 0011 6a6176612e7574696c2e547265654d6170 53 0001 61 49 00000001 7a",
    );
    check(
        object("p.P", &[("x", 1.into()), ("x", true.into())]),
        "4d 74 0003 702e50 53 0001 78 49 00000001 53 0001 78 54 7a",
    );
    check(object("p.P", &[]), "4d 74 0003 702e50 7a");
    // a map with a type whose first key is no text cannot be an object
    check(typed_map("p.Map", vec![(1.into(), 2.into())]), "4d 74 0005 702e4d6170 49 00000001 49 00000002 7a");
    // names in chunks and beyond ASCII
    reads("4d 74 0003 702e50 73 0001 61 53 0001 62 4e 7a", object("p.P", &[("ab", Value::Null)]));
    check(object("p.é", &[("é", Value::Null)]), "4d 74 0003 702ec3a9 53 0001 c3a9 4e 7a");
    refuses("4d 74 0003 702e50 53 0001 61 4e 4e 4e 7a", &["name of an object's field", "0x4e"]);
    refuses("4d 74 0000 4e 7a", &["expected a value, found byte 0x7a"]);
    refuses("4d 74 0003 70", &["ends within a text"]);
}

#[test]
fn references() {
    check(
        list(vec![empty(), Value::Back(1), Value::Back(0)]),
        &format!("56 6c 00000003 {EMPTY} 52 00000001 52 00000000 7a"),
    );
    check(object("a", &[("self", Value::Back(0))]), "4d 74 0001 61 53 0004 73656c66 52 00000000 7a");
    refuses("52 00000000", &["reference to container 0, but only 0"]);
    refuses("52 ffffffff", &["reference to container 4294967295"]);
    refuses("52 0000", &["ends within a reference"]);
    assert_eq!(typed::<Vec<Vec<i32>>>(One, &bytes("56 56 49 00000007 7a 52 00000001 7a")).unwrap(), [[7], [7]]);
}

#[test]
fn remote_objects() {
    let mut remote = RemoteRef::uri("http://h/x");
    remote.type_name = Some("p.Api".into());
    reads("72 74 0005 702e417069 53 000a 687474703a2f2f682f78", remote.clone());
    reads("72 53 000a 687474703a2f2f682f78", RemoteRef::uri("http://h/x"));
    let message = encoded(One, &remote.clone().into()).unwrap();
    assert!(message.starts_with(b"Mt\x00\x23com.caucho.hessian.io.HessianRemoteS\x00\x04typeS"), "{}", hex(&message));
    assert_eq!(read(One, &message).unwrap(), remote.into());
    refuses("72 74 0001 61 4e", &["chunk", "0x4e"]);
}

#[test]
fn classes_that_are_values() {
    let date = DateTime::from_unix_millis(1500);
    let big: BigInt = BigInt::from(1) << 70;
    for (value, natural) in [
        (object("java.sql.Timestamp", &[("value", date.into())]), date.into()),
        (object("java.math.BigDecimal", &[("value", "1.5".into())]), Value::Decimal("1.5".into())),
        (object("com.caucho.hessian.io.LocaleHandle", &[("value", "de".into())]), "de".into()),
    ] {
        let both = list(vec![value.clone(), Value::Back(1), empty(), Value::Back(2)]);
        let message = encoded(One, &both).unwrap();
        assert_eq!(read_with(One, Part::Value, &raw(), &message).unwrap(), both);
        assert_eq!(read(One, &message).unwrap(), list(vec![natural.clone(), natural, empty(), Value::Back(1)]));
    }
    let value = list(vec![big.into(), Value::Decimal("2".into()), empty(), Value::Back(1)]);
    assert_eq!(read(One, &encoded(One, &value).unwrap()).unwrap(), value);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "p.Color")]
enum Color {
    Red,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "p.Person")]
struct Person {
    name: String,
    color: Color,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Shared {
    shared: i32,
    own: i32,
}

#[test]
fn typed_values() {
    let people = vec![Person { name: "Ada".into(), color: Color::Red }, Person { name: "é".into(), color: Color::Red }];
    let message = serialized(One, &people).unwrap();
    assert_eq!(typed::<Vec<Person>>(One, &message).unwrap(), people);
    let color = "4d 74 0007 702e436f6c6f72 53 0004 6e616d65 53 0003 526564 7a";
    assert_eq!(hex(&serialized(One, &Color::Red).unwrap()), hex(&bytes(color)));
    assert_eq!(
        typed::<Vec<Color>>(One, &bytes(&format!("56 {color} 52 00000001 7a"))).unwrap(),
        [Color::Red, Color::Red]
    );
    // the superclass has the last word
    let twice =
        object("p.Sub", &[("shared", 2.into()), ("own", list(vec![])), ("own", 3.into()), ("shared", 1.into())]);
    let twice = list(vec![
        object("p.Sub", &[("shared", 2.into()), ("own", 3.into()), ("shared", 1.into())]),
        Value::Back(1),
        twice,
    ]);
    let message = encoded(One, &twice).unwrap();
    assert_eq!(typed::<Vec<Shared>>(One, &message).unwrap(), [(); 3].map(|()| Shared { shared: 1, own: 3 }));
}

#[test]
fn objects_as_dictionaries() {
    let mut options = ReadOptions::new();
    options.objects_as_maps = true;
    let message = encoded(One, &object("a", &[("x", object("b", &[]))])).unwrap();
    let expected = Value::Map(vec![("x".into(), Value::Map(vec![]))]);
    assert_eq!(read_with(One, Part::Value, &options, &message).unwrap(), expected);
}

#[test]
fn arguments_run_to_the_end_of_the_call() {
    let args = list(vec![empty(), Value::Back(1)]);
    let mut message = written(One, Part::Arguments, |sink| args.write(sink)).unwrap();
    assert_eq!(hex(&message), format!("{EMPTY}5200000000").replace(' ', ""));
    let cut = read_with(One, Part::Arguments, &ReadOptions::new(), &message).unwrap_err().to_string();
    assert!(cut.contains("cut short"), "{cut}");
    message.push(b'z');
    assert_eq!(read_with(One, Part::Arguments, &ReadOptions::new(), &message).unwrap(), args);
    assert_eq!(read_with(One, Part::Arguments, &ReadOptions::new(), b"z").unwrap(), empty());
}

#[test]
fn what_headers_hold_counts_too() {
    use springline_core::{Format, Limits};
    use springline_hessian::codec::HessianFormat;
    let message =
        Bytes::from(bytes("63 0100 48 0001 61 56 56 7a 7a 48 0001 62 4e 6d 0001 66 56 7a 52 00000002 52 00000001 7a"));
    let start = message.iter().position(|b| *b == b'm').unwrap() + 4;
    let mut args = None;
    HessianFormat::of(One, Part::Arguments, &ReadOptions::new())
        .read(&message, start, Limits::new().budget(), &mut |source| {
            args = Some(Value::read(source)?);
            Ok(())
        })
        .unwrap();
    // The second argument is the first one, the third a list in the header.
    assert_eq!(args.unwrap(), list(vec![empty(), Value::Back(1), empty()]));
}

#[test]
fn replies_and_faults_have_ends() {
    let options = ReadOptions::new();
    assert_eq!(read_with(One, Part::Reply, &options, b"Nz").unwrap(), Value::Null);
    for message in ["4e", "4e4e"] {
        let error = read_with(One, Part::Reply, &options, &bytes(message)).unwrap_err().to_string();
        assert!(error.contains("the z that ends the reply"), "{error}");
    }
    // A fault is no container on the wire.
    let fault = Value::Map(vec![("detail".into(), empty()), ("again".into(), Value::Back(1))]);
    let mut message = written(One, Part::Fault, |sink| fault.write(sink)).unwrap();
    assert_eq!(
        hex(&message),
        format!("66 53 0006 64657461696c {EMPTY} 53 0005 616761696e 52 00000000 7a").replace(' ', "")
    );
    let error = read_with(One, Part::Fault, &options, &message).unwrap_err().to_string();
    assert!(error.contains("the z that ends the reply"), "{error}");
    message.push(b'z');
    assert_eq!(read_with(One, Part::Fault, &options, &message).unwrap(), fault);
    assert!(read_with(One, Part::Fault, &options, b"Nz").unwrap_err().to_string().contains("the f of a fault"));
}

#[test]
fn codes_that_are_no_values() {
    for code in ["50", "7a", "4f", "51", "43", "6c", "74", "00", "ff"] {
        refuses(code, &["expected a value", &format!("0x{code}")]);
    }
    refuses("", &["cut short"]);
}
