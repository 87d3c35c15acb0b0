//! Typed values over msgpack: the serde adapter with the codec known and unknown at compile time.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use springline_core::{Blob, Budget, Bytes, ErrorKind, Output, Result, Sink, Source, Value, de, ser};
use springline_pyro::Generation;
use springline_pyro::codec::msgpack::{Decoder, Encoder};

fn write<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let (mut typed, mut dynamic) = (Output::new(), Output::new());
    ser::to_sink(value, &mut Encoder::new(&mut typed, Generation::Pyro5)).unwrap();
    let mut sink = Encoder::new(&mut dynamic, Generation::Pyro5);
    ser::to_sink(value, &mut sink as &mut dyn Sink).unwrap();
    assert_eq!(typed.to_vec(), dynamic.to_vec());
    typed.to_vec()
}

fn read<'de, T: Deserialize<'de>>(message: &'de [u8]) -> Result<T> {
    let mut source = Decoder::new(message, 0, Budget::default());
    let typed: Result<T> = de::from_source(&mut source);
    let mut dynamic = Decoder::new(message, 0, Budget::default());
    let other: Result<T> = de::from_source(&mut dynamic as &mut dyn Source<'de>);
    match (&typed, other) {
        (Ok(_), Ok(_)) => {
            source.finish()?;
            dynamic.finish()?;
        }
        (Err(a), Err(b)) => assert_eq!(a.to_string(), b.to_string()),
        (a, b) => panic!("typed {:?}, dynamic {:?}", a.as_ref().err(), b.err()),
    }
    typed
}

fn message(value: serde_json::Value) -> Vec<u8> {
    write(&value)
}

#[track_caller]
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    assert_eq!(read::<T>(&write(&value)).unwrap(), value);
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Record {
    id: i64,
    name: String,
    score: f64,
    active: bool,
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

fn record() -> Record {
    Record { id: 7, name: "Ann".into(), score: 1.5, active: true, tags: vec!["a".into(), "bc".into()], note: None }
}

#[test]
fn records_are_maps_in_field_order() {
    let expected = "85a2696407a46e616d65a3416e6ea573636f7265cb3ff8000000000000a6616374697665c3a47461677392a161a26263";
    let written: String = write(&record()).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(written, expected);
    round_trip(vec![record(), Record { note: Some("x".into()), ..record() }, Record::default()]);
}

#[test]
fn fields_come_in_any_order_and_number() {
    use serde_json::json;
    let read = |v: serde_json::Value| read::<Record>(&message(v));
    // serde_json's maps are sorted by name: another order than the struct's
    let all = json!({"active": true, "id": 7, "name": "Ann", "score": 1.5, "tags": ["a", "bc"]});
    assert_eq!(read(all.clone()).unwrap(), record());
    let with = |name: &str, v: serde_json::Value| {
        let mut all = all.clone();
        all[name] = v;
        all
    };
    assert_eq!(read(with("note", json!("n"))).unwrap().note.as_deref(), Some("n"));
    assert_eq!(read(with("note", json!(null))).unwrap(), record());
    assert_eq!(read(with("aaa", json!({"deep": [1, {"x": 2}]}))).unwrap(), record());
    assert_eq!(read(with("zzz", json!("skipped"))).unwrap(), record());
    // integers where floats are asked for
    assert_eq!(read(with("score", json!(2))).unwrap().score, 2.0);
    let mut missing = all.clone();
    missing.as_object_mut().unwrap().remove("name");
    let e = read(missing).unwrap_err();
    assert!(e.message().contains("missing field `name`"), "{e}");
    let twice = [&[0x82, 0xa2, b'i', b'd', 1, 0xa2, b'i', b'd', 2][..]].concat();
    let e = self::read::<Record>(&twice).unwrap_err();
    assert!(e.message().contains("duplicate field `id`"), "{e}");
}

#[test]
fn every_order_of_fields_reads_the_same() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Four {
        a: u8,
        bb: u8,
        #[serde(alias = "c2")]
        c: u8,
        d: u8,
    }
    let names = ["a", "bb", "c", "d"];
    for order in 0..256usize {
        let picked: Vec<usize> = (0..4).map(|i| order >> (2 * i) & 3).collect();
        if (0..4).any(|i| !picked.contains(&i)) {
            continue;
        }
        let mut bytes = vec![0x85];
        for (n, i) in picked.iter().enumerate() {
            if n == order % 5 {
                bytes.extend(b"\xa5other\x92\x01\x02");
            }
            let name = if order % 2 == 0 && names[*i] == "c" { "c2" } else { names[*i] };
            bytes.push(0xa0 + name.len() as u8);
            bytes.extend(name.bytes());
            bytes.push(*i as u8);
        }
        if order % 5 == 4 {
            bytes.extend(b"\xa5other\xc0");
        }
        assert_eq!(read::<Four>(&bytes).unwrap(), Four { a: 0, bb: 1, c: 2, d: 3 }, "{picked:?}");
    }
}

#[test]
fn errors_name_the_field_and_the_place() {
    use serde_json::json;
    let good = || json!({"id": 1, "name": "x", "score": 1, "active": true, "tags": []});
    let check = |v: serde_json::Value, words: &[&str]| {
        let e = read::<Vec<Record>>(&message(v)).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Mismatch);
        for word in words {
            assert!(e.to_string().contains(word), "{e}");
        }
        assert!(e.offset().is_some(), "{e}");
    };
    let bad = |name: &str, v: serde_json::Value| {
        let mut bad = good();
        bad[name] = v;
        json!([good(), good(), good(), bad])
    };
    check(bad("name", json!(5)), &["item [3]: field 'name': ", "invalid type: integer `5`, expected a string"]);
    check(bad("id", json!("x")), &["item [3]: field 'id': ", "expected i64"]);
    check(bad("id", json!(u64::MAX)), &["item [3]: field 'id': ", "expected i64"]);
    check(bad("active", json!(1)), &["field 'active': ", "expected a boolean"]);
    check(bad("tags", json!(["a", 5])), &["item [3]: field 'tags': item [1]: ", "expected a string"]);
    check(bad("tags", json!("a")), &["field 'tags': ", "expected a list, found a string"]);
    check(json!([good(), 5]), &["item [1]: ", "expected a map or object, found an integer"]);
    check(json!({"a": 5}), &["expected a list, found a map"]);
    // the last key read is not the one whose value failed
    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Outer {
        inner: (BTreeMap<String, i64>, i64),
    }
    let e = read::<Outer>(&message(json!({"inner": [{"k": 1, "l": 2}, "x"]}))).unwrap_err();
    assert!(e.to_string().contains("field 'inner': item [1]: "), "{e}");
    let e = read::<BTreeMap<String, BTreeMap<String, bool>>>(&message(json!({"a": {"b": 1}}))).unwrap_err();
    assert!(e.to_string().contains("field 'a': field 'b': "), "{e}");
    // a cut message: what is wrong comes from the codec
    let whole = message(json!([good()]));
    let e = read::<Vec<Record>>(&whole[..whole.len() - 1]).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Malformed);
}

#[test]
fn lists_and_maps_of_another_length_are_refused() {
    let three = message(serde_json::json!([1, 2, 3]));
    let e = read::<(i64, i64)>(&three).unwrap_err();
    assert!(e.message().contains("expected a list of 2 items, found more"), "{e}");
    assert!(read::<(i64, i64, i64, i64)>(&three).unwrap_err().message().contains("length 3"));
    assert_eq!(read::<(i64, i64, i64)>(&three).unwrap(), (1, 2, 3));
}

#[test]
fn text_and_bytes_are_borrowed() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Lent<'a> {
        name: &'a str,
        data: &'a [u8],
        tags: Vec<&'a str>,
    }
    let message = [&b"\x83\xa4name\xa3Ann\xa4data\xc4\x02\x01\x02\xa4tags\x91\xa1x"[..]].concat();
    let value: Lent<'_> = read(&message).unwrap();
    assert_eq!(value, Lent { name: "Ann", data: &[1, 2], tags: vec!["x"] });
    assert!(message.as_ptr_range().contains(&value.name.as_ptr()));
    assert!(message.as_ptr_range().contains(&value.data.as_ptr()));
}

#[test]
fn numbers_of_every_width() {
    round_trip((i8::MIN, i16::MIN, i32::MIN, i64::MIN));
    round_trip((u8::MAX, u16::MAX, u32::MAX, u64::MAX));
    round_trip((i128::MAX, i128::MIN, u128::MAX, 5i128, 5u128, -5i128));
    round_trip((1.5f32, f64::MIN, 'é', "é".to_owned(), (), Some(1), None::<i32>));
    assert!(read::<u8>(&write(&256)).is_err());
    assert!(read::<u32>(&write(&-1)).is_err());
    assert_eq!(read::<f64>(&[0xca, 0x3f, 0x80, 0, 0]).unwrap(), 1.0);
}

#[test]
fn keys_that_are_no_text() {
    round_trip(BTreeMap::from([(1i64, "a".to_owned()), (-70_000, "b".to_owned())]));
    round_trip(BTreeMap::from([(true, 1), (false, 2)]));
    round_trip(BTreeMap::from([((1, 2), 1)]));
    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    struct Id(u64);
    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    enum Colour {
        Red,
        Green,
    }
    round_trip(BTreeMap::from([(Id(3), 1), (Id(u64::MAX), 1)]));
    round_trip(BTreeMap::from([(Colour::Red, 1), (Colour::Green, 2)]));
    // numbers and truth values as text, which is what JSON makes of them
    let text = message(serde_json::json!({"1": 1, "-5": 2, "18446744073709551615": 3}));
    assert_eq!(read::<BTreeMap<i128, i32>>(&text).unwrap(), BTreeMap::from([(1, 1), (-5, 2), (u64::MAX.into(), 3)]));
    let text = message(serde_json::json!({"1": 1, "18446744073709551615": 3}));
    assert_eq!(read::<BTreeMap<Id, i32>>(&text).unwrap(), BTreeMap::from([(Id(1), 1), (Id(u64::MAX), 3)]));
    let text = message(serde_json::json!({"true": 1, "False": 2}));
    assert_eq!(read::<BTreeMap<bool, i32>>(&text).unwrap(), BTreeMap::from([(true, 1), (false, 2)]));
    let e = read::<BTreeMap<i32, i32>>(&message(serde_json::json!({"x": 1}))).unwrap_err();
    assert!(e.message().contains("expected an integer as the key, found \"x\""), "{e}");
    let e = read::<BTreeMap<bool, i32>>(&message(serde_json::json!({"x": 1}))).unwrap_err();
    assert!(e.message().contains("expected a truth value as the key"), "{e}");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Line((i32, i32), (i32, i32)),
    Square { side: f64, name: String },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Tagged {
    Empty,
    Record(Record),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Number(i64),
    Text(String),
    Record(Record),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    id: i64,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[test]
fn enums_and_flattened_structs() {
    round_trip(vec![
        Shape::Point,
        Shape::Circle(1.0),
        Shape::Line((1, 2), (3, 4)),
        Shape::Square { side: 2.0, name: "s".into() },
    ]);
    round_trip(vec![Tagged::Empty, Tagged::Record(record())]);
    round_trip(vec![Either::Number(1), Either::Text("x".into()), Either::Record(record())]);
    round_trip(Flat { id: 1, rest: BTreeMap::from([("a".into(), Value::I64(1)), ("b".into(), "x".into())]) });
    let e = read::<Shape>(&write("Cone")).unwrap_err();
    assert!(e.message().contains("unknown variant `Cone`"), "{e}");
}

#[test]
fn classes_are_objects_with_that_name() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename = "bank.Account")]
    struct Account {
        id: u64,
        owner: String,
        history: Vec<Account>,
    }
    let account = Account { id: 1, owner: "Ann".into(), history: vec![] };
    let written = write(&account);
    assert!(written.starts_with(b"\x84\xa9__class__\xacbank.Account\xa2id\x01"));
    let value: Value = read(&written).unwrap();
    assert_eq!(value.class(), Some("bank.Account"));
    round_trip(Account { id: 2, owner: "Bob".into(), history: vec![account] });
}

#[test]
fn whole_values_and_blobs() {
    let value = Value::List(vec![Value::Complex(1.0, 2.0), Value::Bytes(Bytes::from_static(b"abc")), u64::MAX.into()]);
    round_trip(value);
    let blob = Blob(Bytes::from(vec![5u8; 40_000]));
    let message = write(&blob);
    assert_eq!(read::<Blob>(&message).unwrap().0, blob.0);
    let owner = Bytes::from(message);
    let mut source = Decoder::new(&owner, 0, Budget::default()).with_owner(Some(&owner));
    let taken: Blob = de::from_source(&mut source).unwrap();
    assert!(owner.as_ptr_range().contains(&taken.0.as_ptr()), "the blob was copied");
    // bytes are read where a list of small numbers is wanted, and the other way round
    assert_eq!(read::<Vec<u8>>(&[0xc4, 2, 1, 2]).unwrap(), [1, 2]);
    assert_eq!(read::<Blob>(&[0x92, 1, 2]).unwrap().0, Bytes::from_static(&[1, 2]));
}
