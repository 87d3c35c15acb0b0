//! Serde's data model through the adapters: over a tape, and over a `Value`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use springline_core::de::from_source;
use springline_core::payload::Typed;
use springline_core::remote::{from_value, to_value};
use springline_core::value_source::ValueSource;
use springline_core::{
    BigInt, Blob, Budget, Bytes, Complex, DateTime, Decimal, Error, ErrorKind, FrozenSet, Integer, RemoteRef, Result,
    Set, Tape, Tuple, Value,
};

/// `value` is written as `expected`, and read from there as what it was, by both sources.
#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, expected: Value) {
    let tape = Tape::of(&Typed(&value)).unwrap();
    assert_eq!(Value::read(&mut tape.source(Budget::default())).unwrap(), expected, "written");
    assert_eq!(from_source::<T, _>(&mut tape.source(Budget::default())).unwrap(), value, "read from the tape");
    let mut source = ValueSource::new(&expected, Budget::default());
    assert_eq!(from_source::<T, _>(&mut source).unwrap(), value, "read from the value");
}

/// `value` reads as `expected`, by both sources.
#[track_caller]
fn reads<T: DeserializeOwned + PartialEq + Debug>(value: Value, expected: T) {
    let tape = Tape::of(&value).unwrap();
    assert_eq!(from_source::<T, _>(&mut tape.source(Budget::default())).unwrap(), expected, "read from the tape");
    assert_eq!(from_value::<T>(&value).unwrap(), expected, "read from the value");
}

/// `value` does not read as `T`; the message has all of `words`.
#[track_caller]
fn refuses<T: DeserializeOwned + Debug>(value: Value, words: &[&str]) {
    let tape = Tape::of(&value).unwrap();
    let from_tape = from_source::<T, _>(&mut tape.source(Budget::default())).unwrap_err();
    for e in [from_tape, from_value::<T>(&value).unwrap_err()] {
        assert_eq!(e.kind(), ErrorKind::Mismatch, "{e}");
        for word in words {
            assert!(e.to_string().contains(word), "{word:?} in {e}");
        }
    }
}

fn s(text: &str) -> Value {
    text.into()
}

fn map(pairs: &[(&str, Value)]) -> Value {
    Value::Map(pairs.iter().map(|(k, v)| (s(k), v.clone())).collect())
}

fn list(items: impl IntoIterator<Item = impl Into<Value>>) -> Value {
    items.into_iter().map(Into::into).collect()
}

fn tuple(items: Vec<Value>) -> Value {
    Value::Tuple(items)
}

fn big(text: &str) -> Value {
    Value::Big(Box::new(text.parse().unwrap()))
}

#[test]
fn numbers() {
    check(true, Value::Bool(true));
    check(-8_i8, Value::I32(-8));
    check(-300_i16, Value::I32(-300));
    check(i32::MIN, Value::I32(i32::MIN));
    check(i64::MIN, Value::I64(i64::MIN));
    check(200_u8, Value::I32(200));
    check(60_000_u16, Value::I32(60_000));
    check(u32::MAX, Value::I64(u32::MAX.into()));
    check(5_u64, Value::I64(5));
    check(u64::MAX, big("18446744073709551615"));
    check(7_i128, Value::I64(7));
    check(i128::MIN, big("-170141183460469231731687303715884105728"));
    check(i128::MAX, big("170141183460469231731687303715884105727"));
    check(u128::MAX, big("340282366920938463463374607431768211455"));
    check(u128::from(u64::MAX), big("18446744073709551615"));
    check(1.5_f32, Value::F64(1.5));
    check(f64::MIN_POSITIVE, Value::F64(f64::MIN_POSITIVE));
    check(f64::NEG_INFINITY, Value::F64(f64::NEG_INFINITY));
    let nan: f64 = from_value(&to_value(&f64::NAN).unwrap()).unwrap();
    assert!(nan.is_nan());
    reads(Value::I32(3), 3.0_f64);
    reads(Value::I64(3), 3_u8);
}

#[test]
fn text_and_bytes() {
    check('x', s("x"));
    check('\u{1F980}', s("\u{1F980}"));
    check(String::from("a\0\u{e9}"), s("a\0\u{e9}"));
    check(String::new(), s(""));
    check(Box::<str>::from("b"), s("b"));
    check(serde_bytes::ByteBuf::from(vec![0, 255]), Value::Bytes(vec![0, 255].into()));
    check(vec![1_u8, 2], list([1, 2]));
    reads(list([1, 2]), serde_bytes::ByteBuf::from(vec![1, 2]));
    reads(Value::Bytes(vec![1, 2].into()), vec![1_u8, 2]);
    reads(list([1, 2]), Blob::from(vec![1, 2]));
}

#[test]
fn nothing_and_options() {
    // Of wires that have no null.
    reads(s(""), ());
    refuses::<()>(s("x"), &["string \"x\"", "unit"]);
    check((), Value::Null);
    check(Some(1_i64), Value::I64(1));
    check(None::<i64>, Value::Null);
    check(Some(Some(String::from("x"))), s("x"));
    check(vec![None, Some(2_i64)], Value::List(vec![Value::Null, Value::I64(2)]));
    // As in JSON, a nested None is not told from an outer one.
    reads(Value::Null, None::<Option<i64>>);
    reads(Value::Null, None::<()>);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newtype(i64);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pair(i64, String);

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Plain {
    id: i64,
    name: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "bank.Account")]
struct Account {
    id: i64,
    #[serde(rename = "ownerName")]
    owner: String,
    inner: Option<Box<Account>>,
}

#[test]
fn structs() {
    check(Unit, Value::Null);
    check(Newtype(5), Value::I64(5));
    check(Pair(1, "x".into()), tuple(vec![Value::I64(1), s("x")]));
    check((1_i64, false), tuple(vec![Value::I64(1), Value::Bool(false)]));
    check([1_i64, 2], tuple(vec![Value::I64(1), Value::I64(2)]));
    check(Plain { id: 1, name: None }, map(&[("id", Value::I64(1)), ("name", Value::Null)]));
    reads(map(&[("id", Value::I64(1))]), Plain { id: 1, name: None });
    reads(tuple(vec![Value::I64(1), s("in order")]), Plain { id: 1, name: Some("in order".into()) });
}

#[test]
fn a_name_with_a_dot_is_a_class() {
    let field = |name: &str, v: Value| (name.to_owned(), v);
    let inner = Value::object(
        "bank.Account",
        vec![field("id", Value::I64(2)), field("ownerName", s("b")), field("inner", Value::Null)],
    );
    let outer = Value::object(
        "bank.Account",
        vec![field("id", Value::I64(1)), field("ownerName", s("a")), field("inner", inner)],
    );
    let second = Account { id: 2, owner: "b".into(), inner: None };
    check(Account { id: 1, owner: "a".into(), inner: Some(Box::new(second)) }, outer);
    // Fields in any order, from an object of any class, or a map.
    let any = Value::object("x", vec![field("ownerName", s("o")), field("id", Value::I32(3))]);
    reads(any, Account { id: 3, owner: "o".into(), inner: None });
    reads(map(&[("ownerName", s("o")), ("id", 3.into())]), Account { id: 3, owner: "o".into(), inner: None });
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Unit,
    Newtype(i64),
    Nothing(()),
    Tuple(i64, String),
    Struct { x: i64, y: Option<bool> },
    Nested(Box<Shape>),
}

#[test]
fn enums_are_tagged_outside() {
    check(Shape::Unit, s("Unit"));
    check(Shape::Newtype(1), map(&[("Newtype", Value::I64(1))]));
    check(Shape::Nothing(()), map(&[("Nothing", Value::Null)]));
    check(Shape::Tuple(1, "x".into()), map(&[("Tuple", tuple(vec![Value::I64(1), s("x")]))]));
    let fields = map(&[("x", Value::I64(1)), ("y", Value::Bool(true))]);
    check(Shape::Struct { x: 1, y: Some(true) }, map(&[("Struct", fields)]));
    check(Shape::Nested(Box::new(Shape::Unit)), map(&[("Nested", s("Unit"))]));
    check(vec![Shape::Unit, Shape::Newtype(2)], Value::List(vec![s("Unit"), map(&[("Newtype", Value::I64(2))])]));
    reads(map(&[("Unit", Value::Null)]), Shape::Unit);
    refuses::<Shape>(s("Other"), &["unknown variant `Other`", "Unit"]);
    refuses::<Shape>(map(&[("Newtype", 1.into()), ("Tuple", 1.into())]), &["map with more entries"]);
    refuses::<Shape>(5.into(), &["expected an enum", "found an integer"]);
    refuses::<Shape>(map(&[("Newtype", s("x"))]), &["i64", "\"x\""]);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Internal {
    A { x: i64 },
    B { items: Vec<Plain> },
    C,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    A(i64),
    B { x: String },
    C,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Float(f64),
    Text(String),
    Many(Vec<Untagged>),
    Record { x: Option<i64> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "paint.Color")]
enum Color {
    Red,
    Rgb(u8, u8, u8),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[allow(non_camel_case_types)]
enum Odd {
    name(String),
}

#[test]
fn a_constant_of_java_is_a_variant() {
    let constant = |name: &str| Value::object("paint.Color", vec![("name".into(), s(name))]);
    reads(constant("Red"), Color::Red);
    reads(map(&[("name", s("Red"))]), Color::Red);
    reads(list([constant("Red"), s("Red")]), vec![Color::Red, Color::Red]);
    refuses::<Color>(constant("Blue"), &["Blue"]);
    refuses::<Color>(constant("Rgb"), &["a variant with content", "constant"]);
    refuses::<Color>(Value::object("c.C", vec![("name".into(), 1.into())]), &["constant"]);
    refuses::<Color>(
        Value::object("c.C", vec![("name".into(), s("Red")), ("more".into(), s("Red"))]),
        &["one variant", "more entries"],
    );
    let shared = list([constant("Red"), Value::Back(1)]);
    reads(shared, vec![Color::Red, Color::Red]);
    // an enum that has such a variant means that
    reads(map(&[("name", s("Red"))]), Odd::name("Red".into()));
    // Formats without enums get the name.
    assert_eq!(to_value(&Color::Red).unwrap(), s("Red"));
}

#[test]
fn other_representations_of_enums() {
    check(Internal::A { x: 1 }, map(&[("type", s("A")), ("x", Value::I64(1))]));
    let item = map(&[("id", Value::I64(1)), ("name", s("n"))]);
    let items = vec![Plain { id: 1, name: Some("n".into()) }];
    check(Internal::B { items }, map(&[("type", s("B")), ("items", Value::List(vec![item]))]));
    check(Internal::C, map(&[("type", s("C"))]));
    reads(map(&[("x", 1.into()), ("type", s("A"))]), Internal::A { x: 1 });
    check(Adjacent::A(1), map(&[("t", s("A")), ("c", Value::I64(1))]));
    check(Adjacent::B { x: "y".into() }, map(&[("t", s("B")), ("c", map(&[("x", s("y"))]))]));
    check(Adjacent::C, map(&[("t", s("C"))]));
    check(Untagged::Number(1), Value::I64(1));
    check(Untagged::Float(1.5), Value::F64(1.5));
    check(Untagged::Text("x".into()), s("x"));
    check(
        Untagged::Many(vec![Untagged::Number(1), Untagged::Text("y".into())]),
        Value::List(vec![Value::I64(1), s("y")]),
    );
    check(Untagged::Record { x: Some(1) }, map(&[("x", Value::I64(1))]));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flattened {
    id: i64,
    #[serde(flatten)]
    plain: Inner,
    #[serde(flatten)]
    rest: BTreeMap<String, i64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    name: String,
}

#[test]
fn flattened_fields() {
    let value = Flattened { id: 1, plain: Inner { name: "n".into() }, rest: BTreeMap::from([("a".into(), 2)]) };
    check(value, map(&[("id", Value::I64(1)), ("name", s("n")), ("a", Value::I64(2))]));
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    id: i64,
}

#[test]
fn unknown_fields() {
    let surplus = map(&[
        ("before", list([list([1, 2])])),
        ("id", 1.into()),
        ("after", map(&[("x", Value::Set(vec![]))])),
        ("name", s("n")),
    ]);
    reads(surplus.clone(), Plain { id: 1, name: Some("n".into()) });
    refuses::<Strict>(surplus, &["unknown field `before`", "`id`"]);
    reads(map(&[("id", 1.into())]), Strict { id: 1 });
    refuses::<Strict>(map(&[]), &["missing field `id`"]);
    refuses::<Strict>(map(&[("id", 1.into()), ("id", 1.into())]), &["duplicate field `id`"]);
}

#[test]
fn maps_and_sequences() {
    check(HashMap::from([(String::from("a"), 1_i64)]), map(&[("a", Value::I64(1))]));
    check(
        BTreeMap::from([(1_i64, true), (2, false)]),
        Value::Map(vec![(Value::I64(1), Value::Bool(true)), (Value::I64(2), Value::Bool(false))]),
    );
    check(BTreeMap::from([(true, 1_i64)]), Value::Map(vec![(Value::Bool(true), Value::I64(1))]));
    check(
        BTreeMap::from([((1_i64, 2_i64), ())]),
        Value::Map(vec![(tuple(vec![1_i64.into(), 2_i64.into()]), Value::Null)]),
    );
    check(BTreeMap::from([(u64::MAX, 1_i64)]), Value::Map(vec![(big("18446744073709551615"), Value::I64(1))]));
    // JSON has text for keys and nothing else.
    reads(map(&[("1", 2.into()), ("-7", 3.into())]), BTreeMap::from([(1_i64, 2_i64), (-7, 3)]));
    reads(map(&[("true", 1.into())]), BTreeMap::from([(true, 1_i64)]));
    refuses::<BTreeMap<i64, i64>>(map(&[("one", 1.into())]), &["integer", "\"one\""]);
    check(vec![vec![1_i64], vec![]], Value::List(vec![Value::List(vec![Value::I64(1)]), Value::List(vec![])]));
    reads(Value::Set(vec![2.into(), 1.into()]), BTreeSet::from([1_i64, 2]));
    reads(Value::Set(vec![1.into(), 2.into()]), vec![1_i64, 2]);
    reads(tuple(vec![1.into(), 2.into()]), vec![1_i64, 2]);
    reads(list([1, 2]), (1_i64, 2_i64));
}

#[test]
fn kinds_of_sequences() {
    let one = || vec![Value::I64(1)];
    check(Set(vec![1_i64]), Value::Set(one()));
    check(Set(BTreeSet::from([1_i64])), Value::Set(one()));
    check(FrozenSet(vec![1_i64]), Value::FrozenSet(one()));
    check(Tuple(vec![1_i64]), Value::Tuple(one()));
    check(Set((1_i64, 2_i64)), Value::Set(vec![Value::I64(1), Value::I64(2)]));
    check(vec![Set(vec![Tuple(vec![1_i64])])], Value::List(vec![Value::Set(vec![Value::Tuple(one())])]));
    // Only the sequence itself has the kind, not those inside it.
    check(Set(vec![vec![1_i64]]), Value::Set(vec![Value::List(one())]));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Special {
    when: DateTime,
    count: Integer,
    price: Decimal,
    wave: Complex,
    other: RemoteRef,
    data: Blob,
    any: Value,
    maybe: Option<Value>,
    many: Vec<Value>,
}

#[test]
fn special_types() {
    let when = DateTime::parse("2020-01-02T03:04:05.000678+01:00").unwrap();
    check(when, Value::DateTime(when));
    check(Integer(BigInt::from(5)), Value::I64(5));
    check(Integer("123456789012345678901234567890".parse().unwrap()), big("123456789012345678901234567890"));
    check(Decimal("1.50".into()), Value::Decimal("1.50".into()));
    check(Complex { re: 1.0, im: -2.0 }, Value::Complex(1.0, -2.0));
    check(RemoteRef::proxy("PYRO:a@b:1"), Value::Remote(Box::new(RemoteRef::proxy("PYRO:a@b:1"))));
    check(Blob::from(vec![1]), Value::Bytes(vec![1].into()));
    reads(s("2020-01-02T03:04:05.000678+01:00"), when);
    reads(s("1.50"), Decimal("1.50".into()));
    reads(s("-12"), Integer(BigInt::from(-12)));
    reads(s("PYRO:a@b:1"), RemoteRef::uri("PYRO:a@b:1"));
    reads(Value::DateTime(when), when.to_string());
    refuses::<DateTime>(5.into(), &["a date or time", "I32(5)"]);
    refuses::<Integer>(Value::F64(1.5), &["an integer", "F64(1.5)"]);
    refuses::<RemoteRef>(Value::Null, &["a remote object", "Null"]);
    refuses::<Complex>(s("x"), &["a complex number"]);
    reads(s("x"), Blob::from(vec![b'x'])); // from Python 2
    refuses::<Blob>(s("\u{e9}"), &["text that is not ASCII", "bytes"]);
    let special = || Special {
        when,
        count: Integer(BigInt::from(1)),
        price: Decimal("2.5".into()),
        wave: Complex { re: 0.0, im: 1.0 },
        other: RemoteRef::uri("u"),
        data: Blob::from("blob"),
        any: Value::Set(vec![Value::I32(1), Value::object("a.B", vec![("x".into(), Value::Complex(1.0, 2.0))])]),
        maybe: Some(Value::FrozenSet(vec![])),
        many: vec![Value::Null, Value::Bytes("b".into())],
    };
    let expected = map(&[
        ("when", Value::DateTime(when)),
        ("count", Value::I64(1)),
        ("price", Value::Decimal("2.5".into())),
        ("wave", Value::Complex(0.0, 1.0)),
        ("other", Value::Remote(Box::new(RemoteRef::uri("u")))),
        ("data", Value::Bytes("blob".into())),
        ("any", special().any),
        ("maybe", Value::FrozenSet(vec![])),
        ("many", Value::List(special().many)),
    ]);
    check(special(), expected);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Borrowing<'a> {
    text: &'a str,
    #[serde(with = "serde_bytes")]
    bytes: &'a [u8],
    #[serde(borrow)]
    cow: Cow<'a, str>,
}

#[test]
fn text_and_bytes_are_borrowed() {
    let value = Borrowing { text: "text", bytes: b"bytes", cow: "cow".into() };
    let tape = Tape::of(&Typed(&value)).unwrap();
    let read: Borrowing<'_> = from_source(&mut tape.source(Budget::default())).unwrap();
    assert_eq!(read, value);
    assert!(matches!(read.cow, Cow::Borrowed(_)));
    let whole = to_value(&value).unwrap();
    let read: Borrowing<'_> = from_source(&mut ValueSource::new(&whole, Budget::default())).unwrap();
    let Some(Value::Str(text)) = whole.field("text") else { panic!("no text") };
    assert!(std::ptr::eq(read.text, text.as_str()), "the text of the value itself");
}

#[test]
fn blobs_are_not_copied() {
    let message = Bytes::from(vec![7; 10_000]);
    let inside = message.slice(100..9_000);
    let tape = Tape::of(&Typed(vec![Blob(inside.clone())])).unwrap();
    let read: Vec<Blob> = from_source(&mut tape.source(Budget::default())).unwrap();
    assert_eq!(read[0].as_ptr(), inside.as_ptr(), "through the tape");
    let value = to_value(&read).unwrap();
    let read: Vec<Blob> = from_value(&value).unwrap();
    assert_eq!(read[0].as_ptr(), inside.as_ptr(), "through the value");
    let again: Value = from_value(&value).unwrap();
    assert_eq!(again.get(0).and_then(Value::as_bytes).map(|b| b.as_ptr()), Some(inside.as_ptr()), "as a value");
}

#[test]
fn wrong_types_tell_what_was_expected_and_found() {
    refuses::<i64>(s("x"), &["expected i64", "\"x\""]);
    refuses::<i64>(Value::F64(1.5), &["expected i64", "1.5"]);
    refuses::<u8>(300.into(), &["expected u8", "300"]);
    refuses::<u64>((-1).into(), &["expected u64", "-1"]);
    refuses::<i64>(big("18446744073709551615"), &["expected i64", "18446744073709551615"]);
    refuses::<bool>(1.into(), &["expected a boolean", "1"]);
    refuses::<String>(1.into(), &["expected a string", "1"]);
    refuses::<String>(Value::Null, &["expected a string"]);
    refuses::<char>(s("xy"), &["character", "xy"]);
    refuses::<Vec<i64>>(1.into(), &["expected a list", "an integer"]);
    refuses::<Vec<i64>>(map(&[]), &["expected a list", "a map"]);
    refuses::<BTreeMap<String, i64>>(list([1]), &["expected a map", "a list"]);
    refuses::<Plain>(s("x"), &["expected a map or object", "a string"]);
    refuses::<()>(1.into(), &["expected unit", "1"]);
    refuses::<(i64, i64)>(list([1]), &["length 1", "tuple of size 2"]);
    refuses::<(i64, i64)>(list([1, 2, 3]), &["2 items", "more"]);
    refuses::<[i64; 2]>(list([1]), &["length 1", "array of length 2"]);
    refuses::<Vec<Vec<i64>>>(Value::List(vec![list([1]), Value::List(vec![1.into(), s("x")])]), &["[1]", "\"x\""]);
}

#[test]
fn an_error_of_serialize_is_passed_on() {
    struct Bad;
    impl Serialize for Bad {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no form"))
        }
    }
    let e: Error = to_value(&vec![Bad]).unwrap_err();
    assert_eq!((e.kind(), e.message()), (ErrorKind::Encode, "no form"));
}
