//! Hessian 2: every code at its boundaries, both directions.

mod support;

use serde::{Deserialize, Serialize};
use springline_core::{BigInt, Bytes, DateTime, RemoteRef, Value};
use springline_hessian::Version::Two;
use springline_hessian::{JavaTime, LoneSurrogates, Part, ReadOptions, WriteOptions};
use support::{
    bytes, encoded, hex, list, object, open_list, raw, read, read_with, serialized, typed, typed_list, typed_map,
    written, written_with,
};

#[track_caller]
fn check(value: impl Into<Value>, expected: &str) {
    support::check(Two, value, expected);
}

#[track_caller]
fn reads(message: &str, value: impl Into<Value>) {
    support::reads(Two, message, value);
}

#[track_caller]
fn refuses(message: &str, words: &[&str]) {
    support::refuses(Two, message, words);
}

#[test]
fn scalars() {
    check(Value::Null, "4e");
    check(true, "54");
    check(false, "46");
    check(Value::I32(0), "90");
    check(Value::I32(-262_145), "49 fffbffff");
    check(Value::I64(0), "e0");
    check(Value::I64(262_144), "59 00040000");
    check(0.0, "5b");
    check(-0.0, "44 8000000000000000");
    check(12.25, "5f 00002fda");
    // any form is read
    reads("49 00000001", Value::I32(1));
    reads("c8 01", Value::I32(1));
    reads("d4 0001", Value::I32(1));
    reads("4c 0000000000000001", Value::I64(1));
    reads("59 ffffffff", Value::I64(-1));
    reads("f8 01", Value::I64(1));
    reads("3c 0001", Value::I64(1));
    reads("5d ff", -1.0);
    reads("5e ffff", -1.0);
    reads("44 3ff0000000000000", 1.0);
    reads("5f 00000009", 0.009_000_000_000_000_001);
}

#[test]
fn dates() {
    check(DateTime::from_unix_millis(0), "4b 00000000");
    check(DateTime::from_unix_millis(60_000 * i64::from(i32::MAX)), "4b 7fffffff");
    check(DateTime::from_unix_millis(60_000 * i64::from(i32::MIN)), "4b 80000000");
    check(DateTime::from_unix_millis(60_000 * (i64::from(i32::MAX) + 1)), "4a 0000 7530 0000 0000");
    check(DateTime::from_unix_millis(894_621_091_000), "4a 000000d04b925bb8".replace("5bb8", "84b8").as_str());
    check(DateTime::from_unix_millis(i64::MAX), "4a 7fffffffffffffff");
    check(DateTime::from_unix_millis(i64::MIN), "4a 8000000000000000");
    reads("4b 00e3838f", DateTime::parse("1998-05-08T09:51:00Z").unwrap());
    // another zone is the same instant, no zone is UTC, and parts of milliseconds are cut off
    let same = |text: &str| hex(&encoded(Two, &DateTime::parse(text).unwrap().into()).unwrap());
    assert_eq!(same("1970-01-01T02:01:00+02:00"), "4b00000001");
    assert_eq!(same("1970-01-01T00:01:00"), "4b00000001");
    assert_eq!(same("1969-12-31T23:59:59.999999+00:00"), "4affffffffffffffff");
    for (text, words) in [("2020-01-02", "date without a time"), ("03:04:05", "time without a date")] {
        let error = encoded(Two, &DateTime::parse(text).unwrap().into()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let far = DateTime::parse("+300000000-01-01T00:00:00Z").unwrap();
    assert!(encoded(Two, &far.into()).unwrap_err().to_string().contains("64 bits"));
}

#[test]
fn texts_at_their_edges() {
    check("", "00");
    check("hi", "02 6869");
    check("\0", "01 00");
    for (n, head) in [(31, "1f"), (32, "3020"), (255, "30ff"), (256, "3100"), (1023, "33ff"), (1024, "530400")] {
        check("x".repeat(n), &format!("{head} {}", "78".repeat(n)));
        check("é".repeat(n), &format!("{head} {}", "c3a9".repeat(n)));
    }
    check("x".repeat(32_768), &format!("538000 {}", "78".repeat(32_768)));
    check("x".repeat(32_769), &format!("528000 {} 0178", "78".repeat(32_768)));
    check("x".repeat(65_536 + 40), &format!("528000 {0} 528000 {0} 3028 {1}", "78".repeat(32_768), "78".repeat(40)));
    // an emoji is two units of three bytes each
    check("\u{1f600}", "02 eda0bdedb880");
    check("\u{1f600}".repeat(16), &format!("3020 {}", "eda0bdedb880".repeat(16)));
    // a pair is never cut: the chunk has one unit less
    check(format!("{}\u{1f600}", "x".repeat(32_767)), &format!("527fff {} 02 eda0bdedb880", "78".repeat(32_767)));
    // but a pair that was cut is joined, and UTF-8 is read
    reads(&format!("528000 {}eda0bd 01 edb880", "78".repeat(32_767)), format!("{}\u{1f600}", "x".repeat(32_767)));
    reads("520001 eda0bd 520000 520001 edb880 00", "\u{1f600}");
    reads("02 f09f9880", "\u{1f600}");
    reads("01 c080", "\0");
    reads("520001 61 3001 62", "ab");
    reads("530001 61", "a");
    refuses("01 f09f9880", &["two UTF-16 units", "byte 1"]);
    refuses("01 eda0bd", &["lone surrogate (d83d)", "byte 1"]);
    refuses("03 61edb88061", &["lone surrogate (de00)", "byte 2"]);
    refuses("02 ff61", &["CESU-8", "byte 1"]);
    refuses("520001 61 90", &["chunk", "0x90"]);
    let mut options = ReadOptions::new();
    options.lone_surrogates = LoneSurrogates::Replace;
    let lenient = |message: &str| read_with(Two, Part::Value, &options, &bytes(message)).unwrap();
    assert_eq!(lenient("03 61edb88061"), "a\u{fffd}a".into());
    assert_eq!(lenient("01 eda0bd"), "\u{fffd}".into());
}

#[test]
fn binaries_at_their_edges() {
    let blob = |n: usize| Value::Bytes(Bytes::from(vec![7; n]));
    check(blob(0), "20");
    for (n, head) in [(15, "2f"), (16, "3410"), (1023, "37ff"), (1024, "420400"), (32_768, "428000")] {
        check(blob(n), &format!("{head} {}", "07".repeat(n)));
    }
    check(blob(32_769), &format!("418000 {} 2107", "07".repeat(32_768)));
    check(blob(70_000), &format!("418000 {0} 418000 {0} 421170 {1}", "07".repeat(32_768), "07".repeat(4_464)));
    reads("410001 07 410000 20", blob(1));
    reads("3401 07", blob(1));
    reads("420001 07", blob(1));
    refuses("410001 07 5a00", &["chunk", "0x5a"]);
    refuses("420004 0707", &["expected 4 more bytes, found 2"]);
}

#[test]
fn lists() {
    let n = |n: i32| -> Vec<Value> { (0..n).map(|_| Value::Null).collect() };
    check(list(n(0)), "78");
    check(list(n(7)), "7f 4e4e4e4e4e4e4e");
    check(list(n(8)), "58 98 4e4e4e4e4e4e4e4e");
    check(list(n(300)), &format!("58 c92c {}", "4e".repeat(300)));
    check(typed_list("[int", n(0)), "70 04 5b696e74");
    check(typed_list("[int", n(8)), "56 04 5b696e74 98 4e4e4e4e4e4e4e4e");
    check(
        list(vec![typed_list("a", n(1)), typed_list("b", n(1)), typed_list("a", n(8)), typed_list("b", n(1))]),
        "7c 71 0161 4e 71 0162 4e 56 90 98 4e4e4e4e4e4e4e4e 71 91 4e",
    );
    reads("57 5a", list(n(0)));
    reads("57 90 91 5a", list(vec![Value::I32(0), Value::I32(1)]));
    reads("55 0161 90 5a", typed_list("a", vec![Value::I32(0)]));
    reads("79 55 0161 5a", list(vec![typed_list("a", vec![])]));
    // a literal gets a new number also where the name was there before
    reads(
        "7c 70 0161 70 0161 70 0162 70 92",
        list(vec![typed_list("a", vec![]), typed_list("a", vec![]), typed_list("b", vec![]), typed_list("b", vec![])]),
    );
    // the empty name is none
    reads("70 00", list(vec![]));
    check(Value::Set(vec![Value::I32(1)]), "71 11 6a6176612e7574696c2e48617368536574 91");
    let tree = Value::read(&mut springline_hessian::codec::Decoder::<springline_hessian::codec::Two>::value(
        &bytes("70 11 6a6176612e7574696c2e54726565536574"),
        springline_core::Limits::new().budget(),
    ));
    let Ok(Value::Typed(tree)) = tree else { panic!("{tree:?}") };
    assert_eq!((tree.type_name.as_str(), &tree.value), ("java.util.TreeSet", &Value::Set(vec![])));
    check(Value::Typed(tree), "70 11 6a6176612e7574696c2e54726565536574");
    // an unknown length is filled in
    let open = written(Two, Part::Value, |sink| open_list(sink, &n(3))).unwrap();
    assert_eq!(hex(&open), "58 49 00000003 4e4e4e".replace(' ', ""));
    refuses("58 8f", &["expected a count, found -1"]);
    refuses("56 0161 8f", &["expected a count, found -1"]);
    refuses("58 49 7fffffff", &["a count of 2147483647, where 0 bytes are left"]);
    refuses("58 4c00", &["expected a count", "0x4c"]);
    refuses("70 90", &["type number 0, but only 0"]);
    refuses("7a 70 0161 70 91", &["type number 1, but only 1"]);
    refuses("70 8f", &["type number -1"]);
    refuses("70 4e", &["expected a type's name or number", "0x4e"]);
    refuses("57 4e", &["cut short"]);
}

#[test]
fn maps() {
    check(Value::Map(vec![]), "48 5a");
    check(
        Value::Map(vec![(Value::Null, 1.into()), (list(vec![]), "x".into()), (Value::Null, 2.into())]),
        "48 4e 91 78 0178 4e 92 5a",
    );
    check(
        typed_map("java.util.TreeMap", vec![(1.into(), 2.into())]),
        "4d 11 6a6176612e7574696c2e547265654d6170 91 92 5a",
    );
    check(
        list(vec![typed_map("a", vec![]), typed_list("a", vec![]), typed_map("a", vec![])]),
        "7b 4d 0161 5a 70 90 4d 90 5a",
    );
    reads("4d 00 5a", Value::Map(vec![]));
    refuses("48 90 5a", &["expected a value, found byte 0x5a"]);
    refuses("48 90", &["cut short"]);
}

#[test]
fn objects() {
    let point = |x: i32| object("p.Point", &[("x", x.into()), ("y", 0.into())]);
    check(point(1), "43 07 702e506f696e74 92 0178 0179 60 91 90");
    check(list(vec![point(1), point(2)]), "7a 43 07 702e506f696e74 92 0178 0179 60 91 90 60 92 90");
    check(object("p.Empty", &[]), "43 07 702e456d707479 90 60");
    // the outer class is defined first
    check(
        object("p.Line", &[("a", point(1)), ("b", point(2))]),
        "43 06 702e4c696e65 92 0161 0162 60 43 07 702e506f696e74 92 0178 0179 61 91 90 61 92 90",
    );
    // a class within itself
    let node = |next: Value| object("p.Node", &[("next", next), ("value", 1.into())]);
    check(node(node(node(Value::Null))), "43 06 702e4e6f6465 92 046e657874 0576616c7565 60 60 60 4e 91 91 91");
    // more than 16 classes
    let many: Vec<Value> = (0..17).map(|n| object(&format!("c{n:02}"), &[])).collect();
    let twice: Vec<Value> = many.iter().chain(&many[15..]).cloned().collect();
    let definitions: String = (0..17)
        .map(|n| {
            format!(
                "43 03 {} 90 {}",
                hex(format!("c{n:02}").as_bytes()),
                if n < 16 { format!("6{n:x}") } else { "4fa0".into() }
            )
        })
        .collect();
    check(list(twice), &format!("58 a3 {definitions} 6f 4fa0"));
    reads("43 0161 90 4f 90", object("a", &[]));
    reads("43 0161 90 43 0162 90 61", object("b", &[]));
    reads("7a 43 0161 90 60 43 0161 91 0178 61 90", list(vec![object("a", &[]), object("a", &[("x", 0.into())])]));
    // definitions anywhere, also before an end's value
    reads("48 43 0161 90 60 43 0162 90 61 5a", Value::Map(vec![(object("a", &[]), object("b", &[]))]));
    refuses("60", &["class number 0, but only 0"]);
    refuses("43 0161 90 4f 8f", &["class number -1"]);
    refuses("43 0161 90 61", &["class number 1, but only 1"]);
    refuses("43 0161 90", &["cut short"]);
    refuses("43 0161 8f 60", &["expected a count, found -1"]);
    refuses("43 0161 49 3b9aca00 0178", &["a count of 1000000000, where 2 bytes are left"]);
    refuses("43 0161 91 90 60", &["expected a field's name", "0x90"]);
    refuses("43 90", &["expected a class's name"]);
}

#[test]
fn objects_of_one_class_with_other_fields() {
    let a = object("a", &[("x", 1.into()), ("y", 2.into())]);
    let fewer = object("a", &[("x", 1.into())]);
    let other = object("a", &[("x", 1.into()), ("z", 2.into())]);
    // A new definition each; all are kept.
    check(
        list(vec![a.clone(), fewer.clone(), other.clone(), a.clone(), other.clone()]),
        "7d 43 0161 92 0178 0179 60 91 92 43 0161 91 0178 61 91 43 0161 92 0178 017a 62 91 92 \
         43 0161 92 0178 0179 63 91 92 43 0161 92 0178 017a 64 91 92",
    );
    // Another class was defined inside before the difference showed: the class is written as typed maps.
    let inner = |name: &str| object(name, &[]);
    let first = object("a", &[("x", inner("b")), ("y", 2.into())]);
    let late = object("a", &[("x", inner("c")), ("z", 2.into())]);
    let both = list(vec![first, late]);
    let message = encoded(Two, &both).unwrap();
    assert_eq!(
        hex(&message),
        bytes("7a 4d 0161 0178 43 0162 90 60 0179 92 5a 4d 90 0178 43 0163 90 61 017a 92 5a")
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
    );
    // The same within an object that is still open.
    let nested = object("a", &[("x", object("a", &[("z", 1.into()), ("y", 2.into())])), ("y", 2.into())]);
    assert_eq!(read(Two, &encoded(Two, &nested).unwrap()).unwrap(), nested);
    let nested = object("a", &[("x", object("a", &[("x", 1.into())])), ("y", 2.into())]);
    assert_eq!(read(Two, &encoded(Two, &nested).unwrap()).unwrap(), nested);
}

#[test]
fn unknown_numbers_of_fields() {
    use springline_core::{Container, Sink};
    let object = |sink: &mut dyn Sink, names: &[&str]| {
        sink.begin(Container::object("a", None))?;
        for name in names {
            sink.key(name)?;
            sink.null()?;
        }
        sink.end()
    };
    let message = written(Two, Part::Value, |sink| {
        sink.begin(Container::list(Some(4)))?;
        object(sink, &["x", "y"])?;
        object(sink, &["x"])?;
        object(sink, &["x", "y"])?;
        object(sink, &["x"])?;
        sink.end()
    })
    .unwrap();
    let fields = |names: &[&str]| support::object("a", &names.iter().map(|n| (*n, Value::Null)).collect::<Vec<_>>());
    let expected = list(vec![fields(&["x", "y"]), fields(&["x"]), fields(&["x", "y"]), fields(&["x"])]);
    assert_eq!(read(Two, &message).unwrap(), expected);
}

#[test]
fn references() {
    let shared = list(vec![list(vec![]), Value::Back(1), Value::Back(0)]);
    check(shared, "7b 78 5191 5190");
    check(object("a", &[("self", Value::Back(0))]), "43 0161 91 0473656c66 60 5190");
    check(Value::Map(vec![(list(vec![]), Value::Back(1))]), "48 78 5191 5a");
    let many = list((0..60).map(|n| if n == 59 { Value::Back(50) } else { list(vec![]) }).collect());
    check(many, &format!("58 c83c {} 51c832", "78".repeat(59)));
    // An open list and its items have their numbers as well.
    reads("7a 57 78 5a 5192", list(vec![list(vec![list(vec![])]), Value::Back(2)]));
    refuses("51 90", &["reference to container 0, but only 0"]);
    refuses("79 51 91", &["reference to container 1, but only 1"]);
    refuses("79 51 8f", &["reference to container -1"]);
    refuses("79 51 4e", &["ends within a reference"]);
    // For a typed reader what is referred to is read again.
    assert_eq!(typed::<Vec<Vec<i32>>>(Two, &bytes("7a 7a 91 92 5191")).unwrap(), [[1, 2], [1, 2]]);
    let error = typed::<(Vec<i32>, Nested)>(Two, &bytes("7a 78 43 0161 91 046e657874 60 5192")).unwrap_err();
    assert!(error.to_string().contains("depth = 200"), "{error}");
}

#[derive(Debug, Deserialize)]
struct Nested {
    #[allow(dead_code)]
    next: Option<Box<Nested>>,
}

#[test]
fn classes_that_are_values() {
    let reads_natural = |value: Value, natural: Value| {
        let message = encoded(Two, &list(vec![value.clone(), Value::Back(1), list(vec![])])).unwrap();
        assert_eq!(
            read_with(Two, Part::Value, &raw(), &message).unwrap(),
            list(vec![value, Value::Back(1), list(vec![])])
        );
        assert_eq!(read(Two, &message).unwrap(), list(vec![natural.clone(), natural, list(vec![])]));
    };
    let handle = |name: &str| format!("com.caucho.hessian.io.{name}");
    let date = DateTime::from_unix_millis(1500);
    reads_natural(object(&handle("ByteHandle"), &[("_value", 7.into())]), 7.into());
    reads_natural(object(&handle("ShortHandle"), &[("_value", 7.into())]), 7.into());
    reads_natural(object(&handle("FloatHandle"), &[("_value", 1.5.into())]), 1.5.into());
    reads_natural(object(&handle("LocaleHandle"), &[("value", "en_US".into())]), "en_US".into());
    reads_natural(object(&handle("CalendarHandle"), &[("type", Value::Null), ("date", date.into())]), date.into());
    for class in ["java.sql.Date", "java.sql.Time", "java.sql.Timestamp"] {
        reads_natural(object(class, &[("value", date.into())]), date.into());
    }
    reads_natural(object("java.math.BigDecimal", &[("value", "1.50".into())]), Value::Decimal("1.50".into()));
    let uuid = object(
        "java.util.UUID",
        &[("mostSigBits", Value::I64(0x0123_4567_89ab_cdef)), ("leastSigBits", Value::I64(-0x7f6e_5d4c_3b2a_1910))],
    );
    reads_natural(uuid, "01234567-89ab-cdef-8091-a2b3c4d5e6f0".into());
    let big = |digits: Vec<Value>, signum: i32| {
        object(
            "java.math.BigInteger",
            &[("signum", signum.into()), ("bitCount", 0.into()), ("mag", typed_list("[int", digits))],
        )
    };
    let mag = vec![Value::I32(1), Value::I32(0), Value::I32(-1)];
    let expected: BigInt = (BigInt::from(1) << 64) + 0xffff_ffff_u32;
    let message = encoded(Two, &big(mag.clone(), -1)).unwrap();
    assert_eq!(read(Two, &message).unwrap(), (-expected).into());
    assert_eq!(read(Two, &encoded(Two, &big(vec![Value::I32(5)], 1)).unwrap()).unwrap(), Value::I64(5));
    let decimal = object("java.math.BigDecimal", &[("intVal", big(vec![Value::I32(12345)], -1)), ("scale", 2.into())]);
    assert_eq!(read(Two, &encoded(Two, &decimal).unwrap()).unwrap(), Value::Decimal("-123.45".into()));
    // What does not fit stays an object.
    for odd in [
        object("java.math.BigDecimal", &[("intVal", Value::Null), ("scale", 2.into())]),
        object(&handle("ByteHandle"), &[("_value", "x".into())]),
        object(&handle("ByteHandle"), &[("other", 1.into())]),
        object("java.util.UUID", &[]),
        object("java.sql.Date", &[("value", Value::Null)]),
        big(mag, 7),
    ] {
        check(odd.clone(), &hex(&encoded(Two, &odd).unwrap()));
    }
}

#[test]
fn values_that_are_objects_to_java() {
    let decimal = "43 14 6a6176612e6d6174682e426967446563696d616c 91 0576616c7565 60 04 312e3530";
    check(Value::Decimal("1.50".into()), decimal);
    let big: BigInt = BigInt::from(1) << 64;
    check(
        big.clone(),
        "43 14 6a6176612e6d6174682e426967496e7465676572 92 067369676e756d 036d6167 60 91 73 04 5b696e74 91 90 90",
    );
    let mut remote = RemoteRef::uri("http://h/x");
    remote.type_name = Some("p.Api".into());
    check(
        remote,
        "43 3023 636f6d2e63617563686f2e6865737369616e2e696f2e4865737369616e52656d6f7465 92 0474797065 0375726c 60 \
         05 702e417069 0a 687474703a2f2f682f78",
    );
    // They take numbers on the wire: a reference counts them.
    let value = list(vec![Value::Decimal("1".into()), big.into(), list(vec![]), Value::Back(1)]);
    let message = encoded(Two, &value).unwrap();
    assert!(hex(&message).ends_with("785194"), "{}", hex(&message));
    // Numbers on the wire are those of the reader.
    assert_eq!(read(Two, &message).unwrap(), value);
}

#[test]
fn java_time() {
    for (java_time, package) in [
        (JavaTime::Dubbo, "com.alibaba.com.caucho.hessian.io.java8."),
        (JavaTime::Sofa, "com.caucho.hessian.io.java8."),
    ] {
        let mut options = WriteOptions::new();
        options.java_time = java_time;
        let name = |name: &str| format!("{package}{name}");
        let date = object(&name("LocalDateHandle"), &[("year", 2020.into()), ("month", 2.into()), ("day", 29.into())]);
        let time = object(
            &name("LocalTimeHandle"),
            &[("hour", 3.into()), ("minute", 4.into()), ("second", 5.into()), ("nano", 6.into())],
        );
        let both = object(&name("LocalDateTimeHandle"), &[("date", date.clone()), ("time", time.clone())]);
        for (text, expected) in
            [("2020-02-29", date), ("03:04:05.000000006", time), ("2020-02-29T03:04:05.000000006", both.clone())]
        {
            let value = Value::from(DateTime::parse(text).unwrap());
            let message = written_with(Two, Part::Value, &options, |sink| value.write(sink)).unwrap();
            assert_eq!(read_with(Two, Part::Value, &raw(), &message).unwrap(), expected);
            assert_eq!(read(Two, &message).unwrap(), value);
        }
        let offset = object(&name("ZoneOffsetHandle"), &[("seconds", 3600.into())]);
        let zoned = object(
            &name("ZonedDateTimeHandle"),
            &[("dateTime", both), ("offset", offset), ("zoneId", "Europe/Paris".into())],
        );
        let message = encoded(Two, &zoned).unwrap();
        assert_eq!(
            read(Two, &message).unwrap(),
            DateTime::parse("2020-02-29T03:04:05.000000006+01:00").unwrap().into()
        );
        let instant = object(&name("InstantHandle"), &[("seconds", Value::I64(1)), ("nanos", 5.into())]);
        let message = encoded(Two, &instant).unwrap();
        assert_eq!(read(Two, &message).unwrap(), DateTime::from_unix_nanos(1_000_000_005).unwrap().into());
        // With an offset it is a moment, and Java's Date.
        let moment = Value::from(DateTime::from_unix_millis(0));
        let message = written_with(Two, Part::Value, &options, |sink| moment.write(sink)).unwrap();
        assert_eq!(hex(&message), "4b00000000");
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "p.Color")]
enum Color {
    Red,
    Green,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "p.Person")]
struct Person {
    name: String,
    color: Color,
    tags: Vec<String>,
}

#[test]
fn typed_values() {
    let red = "43 07 702e436f6c6f72 91 046e616d65 60 03 526564";
    assert_eq!(hex(&serialized(Two, &Color::Red).unwrap()), hex(&bytes(red)));
    assert_eq!(typed::<Color>(Two, &bytes(red)).unwrap(), Color::Red);
    assert_eq!(typed::<Vec<Color>>(Two, &bytes(&format!("7a {red} 5191"))).unwrap(), [Color::Red, Color::Red]);
    let person = |name: &str| Person { name: name.into(), color: Color::Green, tags: vec!["é".into(), "b".into()] };
    let people = vec![person("Ada"), person("\u{1f600}")];
    let message = serialized(Two, &people).unwrap();
    assert_eq!(typed::<Vec<Person>>(Two, &message).unwrap(), people);
    // The same as maps of any kind.
    assert_eq!(
        typed::<Person>(Two, &bytes("48 046e616d65 0141 05636f6c6f72 03526564 0474616773 70 07 5b737472696e67 5a"))
            .unwrap(),
        Person { name: "A".into(), color: Color::Red, tags: vec![] }
    );
    // The order of the fields and unknown ones do not matter.
    let other = object(
        "x.Y",
        &[
            ("more", list(vec![object("z", &[])])),
            ("tags", list(vec![])),
            ("name", "A".into()),
            ("color", "Red".into()),
        ],
    );
    assert_eq!(
        typed::<Person>(Two, &encoded(Two, &other).unwrap()).unwrap(),
        Person { name: "A".into(), color: Color::Red, tags: vec![] }
    );
}

#[derive(Debug, PartialEq, Deserialize)]
struct Shared {
    shared: i32,
    own: i32,
}

#[test]
fn the_superclass_has_the_last_word() {
    let twice = object("p.Sub", &[("shared", 2.into()), ("own", 3.into()), ("shared", 1.into())]);
    check(twice.clone(), "43 05 702e537562 93 06736861726564 036f776e 06736861726564 60 92 93 91");
    let message = encoded(Two, &list(vec![twice.clone(), twice, Value::Back(1)])).unwrap();
    assert_eq!(typed::<Vec<Shared>>(Two, &message).unwrap(), [(); 3].map(|()| Shared { shared: 1, own: 3 }));
}

#[test]
fn objects_as_dictionaries() {
    let mut options = ReadOptions::new();
    options.objects_as_maps = true;
    let value = list(vec![object("a", &[("x", 1.into()), ("y", object("a", &[("x", 2.into()), ("y", Value::Null)]))])]);
    let message = encoded(Two, &value).unwrap();
    let expected = Value::Map(vec![
        ("x".into(), 1.into()),
        ("y".into(), Value::Map(vec![("x".into(), 2.into()), ("y".into(), Value::Null)])),
    ]);
    assert_eq!(read_with(Two, Part::Value, &options, &message).unwrap(), list(vec![expected]));
    let decimal = encoded(Two, &Value::Decimal("1".into())).unwrap();
    assert_eq!(read_with(Two, Part::Value, &options, &decimal).unwrap(), Value::Decimal("1".into()));
}

#[test]
fn arguments() {
    let args = list(vec![list(vec![]), Value::Back(1)]);
    let message = written(Two, Part::Arguments, |sink| args.write(sink)).unwrap();
    assert_eq!(hex(&message), "92785190");
    assert_eq!(read_with(Two, Part::Arguments, &ReadOptions::new(), &message).unwrap(), args);
    let none = written(Two, Part::Arguments, |sink| list(vec![]).write(sink)).unwrap();
    assert_eq!(hex(&none), "90");
    assert_eq!(read_with(Two, Part::Arguments, &ReadOptions::new(), &none).unwrap(), list(vec![]));
    let open = written(Two, Part::Arguments, |sink| open_list(sink, &[1.into()])).unwrap();
    assert_eq!(hex(&open), "490000000191");
    assert_eq!(read_with(Two, Part::Arguments, &ReadOptions::new(), &open).unwrap(), list(vec![1.into()]));
    for (message, words) in [("8f", "expected a count, found -1"), ("4e", "expected a count"), ("91", "a count of 1")] {
        let error = read_with(Two, Part::Arguments, &ReadOptions::new(), &bytes(message)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    for part in [Part::Arguments, Part::Fault] {
        assert!(written(Two, part, |sink| sink.null()).unwrap_err().to_string().contains("must be a"));
    }
    let fault = Value::Map(vec![("code".into(), "x".into()), ("detail".into(), Value::Back(0))]);
    let message = written(Two, Part::Fault, |sink| fault.write(sink)).unwrap();
    assert_eq!(hex(&message), "4804636f6465017806".to_owned() + "64657461696c51905a");
    assert_eq!(read_with(Two, Part::Fault, &ReadOptions::new(), &message).unwrap(), fault);
}

#[test]
fn codes_that_are_no_values() {
    for code in ["40", "45", "47", "50", "5a"] {
        refuses(code, &["expected a value", &format!("0x{code}")]);
    }
    refuses("", &["cut short"]);
}
