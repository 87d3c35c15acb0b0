use springline_core::{BigInt, Date, DateTime, ErrorKind, Event, Kind, Limits, Output, Sink, Source, Start, Text};
use springline_core::{Budget, Bytes, Container, Error, Format, ListKind, RemoteRef, Result, Value, transcode};

use super::{Decoder, Encoder, FORMAT};
use crate::Generation;

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|c| u8::from_str_radix(std::str::from_utf8(c).unwrap(), 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn decode(message: &[u8]) -> Result<Value> {
    let mut source = Decoder::new(message, 0, Budget::default());
    let value = Value::read(&mut source)?;
    source.finish()?;
    Ok(value)
}

fn encode(value: &Value) -> Result<Vec<u8>> {
    let mut out = Output::new();
    value.write(&mut Encoder::new(&mut out, Generation::Pyro5))?;
    Ok(out.to_vec())
}

fn big(text: &str) -> Value {
    text.parse::<BigInt>().unwrap().into()
}

fn list(items: impl IntoIterator<Item = impl Into<Value>>) -> Value {
    Value::List(items.into_iter().map(Into::into).collect())
}

fn map(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Map(pairs.into_iter().map(|(k, v)| (k.into(), v)).collect())
}

fn date(text: &str) -> Value {
    Value::DateTime(text.parse().unwrap())
}

/// The wire has one kind of integer.
fn read_form(value: Value) -> Value {
    match value {
        Value::I32(v) => Value::I64(v.into()),
        Value::List(v) => Value::List(v.into_iter().map(read_form).collect()),
        Value::Map(v) => Value::Map(v.into_iter().map(|(k, v)| (read_form(k), read_form(v))).collect()),
        other => other,
    }
}

/// Reads as the value, and the value writes as these bytes.
#[track_caller]
fn check(message: &str, value: Value) {
    let bytes = unhex(message);
    assert_eq!(decode(&bytes).map_err(|e| e.report()), Ok(read_form(value.clone())), "{message}");
    assert_eq!(hex(&encode(&value).unwrap()), hex(&bytes), "{value:?}");
}

/// Reads as the value, though the value is written otherwise.
#[track_caller]
fn check_read(message: &str, value: Value) {
    assert_eq!(decode(&unhex(message)).map_err(|e| e.report()), Ok(read_form(value)), "{message}");
}

/// The value writes as these bytes, though they read otherwise.
#[track_caller]
fn check_written(message: &str, value: Value) {
    assert_eq!(hex(&encode(&value).unwrap()), hex(&unhex(message)), "{value:?}");
}

/// Cannot be read; the message has these words and this place.
#[track_caller]
fn check_refused(message: &str, kind: ErrorKind, at: usize, words: &str) {
    let e = decode(&unhex(message)).unwrap_err();
    assert_eq!((e.kind(), e.offset()), (kind, Some(at)), "{message}: {e}");
    assert!(e.message().contains(words), "{message}: {e}");
}

#[test]
fn scalars() {
    check("c0", Value::Null);
    check("c2", false.into());
    check("c3", true.into());
    check("cb400a000000000000", 3.25.into());
    check("cb8000000000000000", Value::F64(-0.0));
    check("cb7ff0000000000000", f64::INFINITY.into());
    check_read("ca40500000", 3.25.into());
    assert!(matches!(decode(&unhex("cb7ff8000000000000")), Ok(Value::F64(v)) if v.is_nan()));
}

#[test]
fn integers_take_the_shortest_form_and_unsigned_ones_where_not_negative() {
    for (message, v) in [
        ("00", 0),
        ("7f", 127),
        ("cc80", 128),
        ("ccff", 255),
        ("cd0100", 256),
        ("cdffff", 65_535),
        ("ce00010000", 65_536),
        ("ceffffffff", 0xffff_ffff),
        ("cf0000000100000000", 0x1_0000_0000),
        ("cf7fffffffffffffff", i64::MAX),
        ("ff", -1),
        ("e0", -32),
        ("d0df", -33),
        ("d080", -128),
        ("d1ff7f", -129),
        ("d18000", -32_768),
        ("d2ffff7fff", -32_769),
        ("d280000000", i64::from(i32::MIN)),
        ("d3ffffffff7fffffff", i64::from(i32::MIN) - 1),
        ("d38000000000000000", i64::MIN),
    ] {
        check(message, v.into());
    }
    check("cf8000000000000000", big("9223372036854775808"));
    check("cfffffffffffffffff", big("18446744073709551615"));
    // ext 8, 20 and 21 bytes
    check("c71431 3138343436373434303733373039353531363136", big("18446744073709551616"));
    check("c71431 2d39323233333732303336383534373735383039", big("-9223372036854775809"));
    // what numpy's integers become: numbers.Number, but no int
    check_read("d63137373737", 7777.into());
    check_read("d13100", i64::from(0x3100).into());
    // longer forms than needed
    check_read("d000", 0.into());
    check_read("d3 0000000000000001", 1.into());
    check_written("07", Value::I32(7));
    check_written("05", Value::Big(Box::new(5.into())));
    check_written("cfffffffffffffffff", Value::from(u64::MAX));
}

#[test]
fn text_and_bytes_of_every_size() {
    check("a0", "".into());
    check("a3 616263", "abc".into());
    check("a6 c3a9e282ac41", "é€A".into());
    check("c400", Bytes::new().into());
    check("c403 0001ff", Bytes::from_static(b"\x00\x01\xff").into());
    for (n, text_head, bytes_head) in [
        (31usize, "bf", "c41f"),
        (32, "d920", "c420"),
        (255, "d9ff", "c4ff"),
        (256, "da0100", "c50100"),
        (65_535, "daffff", "c5ffff"),
        (65_536, "db00010000", "c600010000"),
    ] {
        let body = "61".repeat(n);
        check(&format!("{text_head}{body}"), "a".repeat(n).into());
        check(&format!("{bytes_head}{body}"), Bytes::from("a".repeat(n)).into());
    }
    check_read("d90161", "a".into());
    check_read("db0000000161", "a".into());
}

#[test]
fn containers_of_every_size() {
    check("90", Value::List(vec![]));
    check("93 01 a0 c0", Value::List(vec![1.into(), "".into(), Value::Null]));
    check("80", Value::Map(vec![]));
    check("81 a161 93010203", map([("a", list([1, 2, 3]))]));
    check("82 01 c0 c400 c3", Value::Map(vec![(1.into(), Value::Null), (Bytes::new().into(), true.into())]));
    check("81 9101 02", Value::Map(vec![(list([1]), 2.into())]));
    for (n, list_head, map_head) in [
        (15usize, "9f", "8f"),
        (16, "dc0010", "de0010"),
        (65_535, "dcffff", "deffff"),
        (65_536, "dd00010000", "df00010000"),
    ] {
        check(&format!("{list_head}{}", "07".repeat(n)), list(vec![7; n]));
        check(&format!("{map_head}{}", "07c0".repeat(n)), Value::Map(vec![(7.into(), Value::Null); n]));
    }
    check_read("dd00000001 01", list([1]));
    check_read("df00000000", Value::Map(vec![]));
    let items = vec![Value::I64(1), Value::I64(2)];
    for kind in [Value::Tuple, Value::Set, Value::FrozenSet] {
        check_written("920102", kind(items.clone()));
    }
}

#[test]
fn class_dicts_are_objects() {
    let money = |fields: &[(&str, i64)]| {
        Value::object("bank.Money", fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).into())).collect())
    };
    let class = "a95f5f636c6173735f5f aa62616e6b2e4d6f6e6579";
    check(&format!("81 {class}"), money(&[]));
    check(&format!("82 {class} a6616d6f756e74 0c"), money(&[("amount", 12)]));
    check(&format!("92 82 {class} a161 01 81 {class}"), Value::List(vec![money(&[("a", 1)]), money(&[])]));
    // longer heads than needed
    check_read("81 d9095f5f636c6173735f5f da000178", Value::object("x", vec![]));
}

#[test]
fn a_class_that_is_no_text_or_comes_late_is_an_ordinary_key() {
    check("81 a95f5f636c6173735f5f 05", map([("__class__", 5.into())]));
    check("82 a161 01 a95f5f636c6173735f5f a142", map([("a", 1.into()), ("__class__", "B".into())]));
    check("81 a95f5f636c6173735f58 a142", map([("__class_X", "B".into())]));
}

#[test]
fn remote_references() {
    let uri = "82 a95f5f636c6173735f5f ae5079726f352e636f72652e555249 a57374617465 95 a45059524f a57468696e67 c0 \
               a9 6c6f63616c686f7374 cd1e56";
    check(uri, RemoteRef::uri("PYRO:thing@localhost:7766").into());
    let mut proxy = RemoteRef::proxy("PYRO:thing@localhost:7766");
    proxy.methods = vec!["echo".into(), "add".into()];
    proxy.oneway = vec!["add".into()];
    for generation in [Generation::Pyro4, Generation::Pyro5] {
        let mut out = Output::new();
        Encoder::new(&mut out, generation).remote(&proxy).unwrap();
        assert_eq!(decode(&out.buf).unwrap(), proxy.clone().into());
        assert!(String::from_utf8_lossy(&out.buf).contains(&format!("{}.", generation.name())));
    }
    check_refused(
        "82 a95f5f636c6173735f5f ae5079726f352e636f72652e555249 a57374617465 91 c0",
        ErrorKind::Malformed,
        26,
        "state",
    );
    check_refused(
        "81 a95f5f636c6173735f5f ae5079726f352e636f72652e555249",
        ErrorKind::Malformed,
        26,
        "without 'state'",
    );
}

#[test]
fn numbers_as_class_dicts_are_read() {
    check_read("82 a95f5f636c6173735f5f a5666c6f6174 a576616c7565 a3696e66", f64::INFINITY.into());
    check_read(
        "83 a95f5f636c6173735f5f a7636f6d706c6578 a47265616c 01 a4696d6167 cb4000000000000000",
        Value::Complex(1.0, 2.0),
    );
}

#[test]
fn extension_types() {
    check("d830 0000000000000840 0000000000001040", Value::Complex(3.0, 4.0));
    check("d733 3cf90a0000000000", date("1970-01-02"));
    check_read("d633 3bf90a00", date("1970-01-01"));
    check("d733 0100000000000000", date("0001-01-01"));
    check_read("d6ff 00000001", date("1970-01-01T00:00:01+00:00"));
    check_read("d7ff 0000000400000001", date("1970-01-01T00:00:01.000000001+00:00"));
    check_read("c70cff 00000001 ffffffffffffffff", date("1969-12-31T23:59:59.000000001+00:00"));
    check_refused("d4 05 00", ErrorKind::Malformed, 1, "unknown extension type 5 (0x05)");
    check_refused("c700 fe", ErrorKind::Malformed, 2, "unknown extension type -2 (0xfe)");
    check_refused("d430 00", ErrorKind::Malformed, 1, "1 bytes instead of 16");
    check_refused("d432 00", ErrorKind::Malformed, 1, "1 bytes instead of 8");
    check_refused("d433 00", ErrorKind::Malformed, 1, "1 bytes instead of 8 or 4");
    check_refused("d4ff 00", ErrorKind::Malformed, 1, "1 bytes instead of 4, 8 or 12");
    check_refused("d7ff ffffffff00000000", ErrorKind::Malformed, 1, "nanoseconds");
    check_refused("d733 0000000000000000", ErrorKind::Malformed, 1, "outside the years 1 to 9999");
    check_refused("d732 000000000000f87f", ErrorKind::Malformed, 1, "NaN is outside");
    check_refused("d732 0000000000007e46", ErrorKind::Malformed, 1, "outside the years");
    for bad in ["d43178", "d4312d", "c70031", "d5312b31", "d5313120", "d531315f"] {
        let at = if bad.starts_with("c7") { 2 } else { 1 };
        check_refused(bad, ErrorKind::Malformed, at, "expected the digits of an integer");
    }
}

#[test]
fn integers_have_as_many_digits_as_python_reads() {
    let most = format!("{}1", "7".repeat(4299));
    for sign in ["", "-"] {
        let v = big(&format!("{sign}{most}"));
        assert_eq!(decode(&encode(&v).unwrap()).unwrap(), v);
    }
    let over = big(&format!("1{most}"));
    assert!(matches!(encode(&over), Err(e) if e.kind() == ErrorKind::Encode));
    let mut message = vec![0xc8, 0x10, 0xcd, 0x31];
    message.extend(vec![b'1'; 4301]);
    let e = decode(&message).unwrap_err();
    assert!(e.message().contains("4301 digits"), "{e}");
}

#[test]
fn what_pyro_cannot_carry_is_refused_by_name() {
    for (value, words) in [
        (date("2020-01-02T03:04:05+01:00"), "with a zone (2020-01-02T03:04:05+01:00)"),
        (date("03:04:05"), "a time of day without a date (03:04:05)"),
        (Value::Back(3), "cannot refer back"),
    ] {
        let e = encode(&value).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Encode);
        assert!(e.message().contains(words), "{e}");
    }
}

#[cfg(feature = "local-time")]
#[test]
fn naive_dates_are_local_time_to_the_microsecond() {
    for text in
        ["2024-02-29T12:34:56", "1970-01-01T00:00:00", "1969-12-31T23:59:59.999999", "2038-01-19T03:14:08.000001"]
    {
        let message = encode(&date(text)).unwrap();
        assert_eq!((message.len(), &message[..2]), (10, &[0xd7, 0x32][..]));
        assert_eq!(decode(&message).unwrap(), date(text));
    }
    let fine = DateTime::naive(Date::new(2024, 1, 2).unwrap(), springline_core::Time::new(3, 4, 5, 678_901).unwrap());
    assert_eq!(decode(&encode(&fine.into()).unwrap()).unwrap(), date("2024-01-02T03:04:05.000678"));
}

#[cfg(not(feature = "local-time"))]
#[test]
fn without_the_zone_dates_with_a_time_are_refused() {
    assert!(encode(&date("2024-02-29T12:34:56")).unwrap_err().message().contains("local-time"));
    check_refused("d732 000000000000f03f", ErrorKind::Malformed, 1, "local-time");
}

#[test]
fn malformed_messages_name_the_place() {
    check_refused("", ErrorKind::Malformed, 0, "expected 1 more bytes, found 0");
    check_refused("c1", ErrorKind::Malformed, 0, "0xc1");
    check_refused("9201", ErrorKind::Malformed, 1, "claims 2 values in the 1 bytes");
    check_refused("920102 03", ErrorKind::Malformed, 3, "1 bytes follow");
    check_refused("cd01", ErrorKind::Malformed, 1, "expected 2 more bytes, found 1");
    check_refused("a36162", ErrorKind::Malformed, 1, "expected 3 more bytes, found 2");
    check_refused("92 01 a361ff62", ErrorKind::Malformed, 4, "not UTF-8");
    check_refused("92 01 a361e282", ErrorKind::Malformed, 4, "not UTF-8");
    check_refused("82 a95f5f636c6173735f5f a178 01 02", ErrorKind::Malformed, 13, "field name");
    check_refused("c4", ErrorKind::Malformed, 1, "expected 1 more bytes");
    check_refused("c9ffffffff31", ErrorKind::Malformed, 6, "expected 4294967295 more bytes");
}

#[test]
fn claimed_lengths_are_held_against_what_is_there() {
    for head in ["ddffffffff", "dfffffffff", "dcffff", "deffff", "dbffffffff", "c6ffffffff", "c9ffffffff"] {
        let mut message = unhex(head);
        message.extend([0x31; 100]);
        for skip in [false, true] {
            let mut source = Decoder::new(&message, 0, Budget::default());
            let e = if skip { source.skip().unwrap_err() } else { source.next().map(|_| ()).unwrap_err() };
            assert_eq!(e.kind(), ErrorKind::Malformed, "{head}");
        }
        let typed: Result<Vec<u64>> =
            springline_core::de::from_source(&mut Decoder::new(&message, 0, Budget::default()));
        assert!(typed.is_err());
    }
}

fn limits(change: impl FnOnce(&mut Limits)) -> Budget {
    let mut limits = Limits::new();
    change(&mut limits);
    limits.budget()
}

#[test]
fn limits_hold_for_read_and_skipped_values() {
    let deep = [vec![0x91; 300], vec![0xc0]].concat();
    let wide = unhex("93 01 92 02 03 04");
    let actions: [fn(&mut Decoder<'_>) -> Result<()>; 3] = [
        |s| Value::read(s).map(|_| ()),
        |s| s.skip(),
        |s| transcode(s, &mut Encoder::new(&mut Output::new(), Generation::Pyro4)),
    ];
    for action in actions {
        let e = action(&mut Decoder::new(&deep, 0, Budget::default())).unwrap_err();
        assert_eq!((e.kind(), e.offset()), (ErrorKind::Limit, Some(201)));
        assert!(e.message().contains("depth = 200"), "{e}");
        assert!(action(&mut Decoder::new(&deep, 0, limits(|l| l.depth = 300))).is_ok());
        let e = action(&mut Decoder::new(&wide, 0, limits(|l| l.nodes = 5))).unwrap_err();
        assert!(e.message().contains("nodes = 5"), "{e}");
        assert!(action(&mut Decoder::new(&wide, 0, limits(|l| l.nodes = 6))).is_ok());
    }
}

#[test]
fn strings_and_bytes_are_borrowed_and_blobs_taken_out_whole() {
    let mut out = Output::new();
    let blob = Bytes::from(vec![9u8; 20_000]);
    let mut sink = Encoder::new(&mut out, Generation::Pyro5);
    sink.begin(Container::list(Some(3))).unwrap();
    sink.str("text").unwrap();
    sink.blob(blob.clone()).unwrap();
    sink.blob(Bytes::from_static(b"small")).unwrap();
    sink.end().unwrap();
    assert_eq!(out.blobs().len(), 1);
    let message = Bytes::from(out.to_vec());
    FORMAT
        .read(&message, 0, Budget::default(), &mut |source| {
            assert_eq!(source.owner().map(Bytes::len), Some(message.len()));
            source.next()?;
            assert!(matches!(source.next()?, Event::Str(Text::Message("text"))));
            let Value::Bytes(read) = Value::read(source)? else { return Err(Error::mismatch("no bytes")) };
            assert_eq!(read, blob);
            assert!(message.as_ptr_range().contains(&read.as_ptr()), "the blob was copied");
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_value_may_begin_inside_a_message() {
    let message = unhex("ffff 92 01 a161 ff");
    let mut source = Decoder::new(&message, 2, Budget::default());
    assert_eq!(Value::read(&mut source).unwrap(), Value::List(vec![Value::I64(1), "a".into()]));
    assert_eq!(source.offset(), 6);
    assert_eq!(source.finish().unwrap_err().offset(), Some(6));
    assert!(source.next().is_err());
    assert!(Decoder::new(&message, 99, Budget::default()).next().is_err());
}

#[test]
fn peek_tells_what_next_gives() {
    let message = "dc0015 de0000 df00000000 c0 c3 01 cfffffffffffffffff cb0000000000000000 a161 c400 90 80 d830 00000000000000000000000000000000 \
        c70131 31 d73301000000 00000000 d6ff00000000 81 a95f5f636c6173735f5f a178 \
        81 a95f5f636c6173735f5f 05 82 a95f5f636c6173735f5f a5666c6f6174 a576616c7565 01 \
        82 a95f5f636c6173735f5f ae5079726f352e636f72652e555249 a57374617465 95 a45059524f a161 c0 a162 01 \
        83 a95f5f636c6173735f5f a7636f6d706c6578 a47265616c 01 a4696d6167 02 82 a95f5f636c6173735f5f a178 a161 01";
    let message = unhex(message);
    let mut source = Decoder::new(&message, 0, Budget::default());
    let mut kinds = Vec::new();
    let mut depth = 0;
    loop {
        let kind = source.peek().unwrap();
        assert_eq!(source.peek().unwrap(), kind);
        let event = source.next().unwrap();
        assert_eq!(event.kind(), kind);
        depth += match event {
            Event::Begin(_) => 1,
            Event::End => -1,
            _ => 0,
        };
        kinds.push(kind);
        if depth == 0 {
            break;
        }
    }
    source.finish().unwrap();
    for kind in [Kind::Remote, Kind::Complex, Kind::DateTime, Kind::Key, Kind::Object, Kind::Map, Kind::Bytes] {
        assert!(kinds.contains(&kind), "{kind:?}");
    }
    assert!(source.peek().is_err());
}

#[test]
fn short_cuts_take_what_they_say_and_nothing_else() {
    let message =
        unhex("9b 05 a0 c3 c0 cb3ff0000000000000 ca3f800000 91c0 81a178c0 cfffffffffffffffff c70131 37 a26964");
    let mut s = Decoder::new(&message, 0, Budget::default());
    assert_eq!(s.take_map(), Start::Other);
    assert_eq!(s.take_list(), Start::Known(11));
    assert_eq!(s.take_text().unwrap(), None);
    assert_eq!((s.take_f64(), s.take_end().unwrap()), (None, false));
    assert_eq!(s.take_i64().unwrap(), Some(5));
    assert_eq!((s.take_i64().unwrap(), s.take_bool(), s.take_null().unwrap()), (None, None, false));
    assert_eq!((s.take_str(), s.take_str()), (Some(""), None));
    assert_eq!((s.take_bool(), s.take_null().unwrap()), (Some(true), true));
    assert_eq!(s.take_f64(), Some(1.0));
    assert_eq!(s.take_f64(), None);
    assert!(matches!(s.next().unwrap(), Event::F64(1.0)));
    assert_eq!((s.take_list(), s.take_null().unwrap(), s.take_end().unwrap()), (Start::Known(1), true, true));
    assert_eq!((s.take_list(), s.take_map()), (Start::Other, Start::Known(1)));
    assert!(!s.take_expected("y") && !s.take_expected("xx") && s.take_expected("x") && !s.take_expected("x"));
    assert!(s.take_null().unwrap() && !s.take_null().unwrap() && s.take_end().unwrap());
    // over i64: `next` gives it whole
    assert_eq!(s.take_i64().unwrap(), None);
    assert!(matches!(s.next().unwrap(), Event::Big(_)));
    assert_eq!(s.take_i64().unwrap(), None);
    assert!(matches!(s.next().unwrap(), Event::I64(7)));
    assert!(s.take_expected("id"));
    assert_eq!(s.take_text().unwrap(), None);
    assert_eq!((s.take_i64().unwrap(), s.take_list()), (None, Start::Other));
    assert!(s.take_end().unwrap());
    s.finish().unwrap();
    assert!(s.take_end().is_err());
}

#[test]
fn in_an_object_names_are_no_values() {
    // a field named with what would be a number or a class dict elsewhere
    let message = unhex("83 a95f5f636c6173735f5f a178 a161 01 a162 02");
    let mut s = Decoder::new(&message, 0, Budget::default());
    // a class dict is for `next`
    assert_eq!(s.take_map(), Start::Other);
    assert!(matches!(s.next().unwrap(), Event::Begin(Container::Object { class: "x", len: Some(2) })));
    assert!(s.take_i64().unwrap().is_none() && s.take_list() == Start::Other && !s.take_null().unwrap());
    assert!(s.take_expected("a") && s.take_i64().unwrap() == Some(1));
    s.skip().unwrap();
    s.skip().unwrap();
    assert!(s.skip().is_err());
    assert!(s.take_end().unwrap());
    s.finish().unwrap();
}

#[test]
fn expected_texts_of_every_length() {
    for n in 0..40 {
        let text: String = ('a'..='z').cycle().take(n).collect();
        let message = encode(&text.as_str().into()).unwrap();
        assert_eq!(Decoder::new(&message, 0, Budget::default()).take_expected(&text), n < 32, "{n}");
        for i in 0..n {
            let other: String = text.char_indices().map(|(j, c)| if i == j { '_' } else { c }).collect();
            assert!(!Decoder::new(&message, 0, Budget::default()).take_expected(&other));
        }
        let cut = message.get(..message.len() - 1).unwrap();
        assert!(!Decoder::new(cut, 0, Budget::default()).take_expected(&text));
    }
}

#[test]
fn skipping_ends_where_reading_ends() {
    let message = unhex(
        "dc0018 c0 7f e0 cc01 cd0001 ce00000001 cf0000000000000001 d001 d10001 d200000001 d30000000000000001 ca00000000 \
         cb0000000000000000 a161 d90161 c40161 91 9101 81 a161 81 a162 90 d43000 d5300000 c7020500 00 c8000105 00 dc0001c0 df00000001 01 02",
    );
    let mut s = Decoder::new(&message, 0, Budget::default());
    s.skip().unwrap();
    s.finish().unwrap();
    let mut s = Decoder::new(&message, 0, Budget::default());
    assert_eq!(s.take_list(), Start::Known(24));
    for _ in 0..24 {
        s.skip().unwrap();
    }
    assert!(s.take_end().unwrap());
    s.finish().unwrap();
}

#[test]
fn lengths_may_be_told_at_the_end() {
    let write = |f: &dyn Fn(&mut Encoder<'_>) -> Result<()>| {
        let mut out = Output::new();
        f(&mut Encoder::new(&mut out, Generation::Pyro5)).map(|()| out.buf)
    };
    let message = write(&|s| {
        s.begin(Container::map(None))?;
        s.str("a")?;
        s.begin(Container::List { kind: ListKind::Set, type_name: None, len: None })?;
        s.i64s(&[1, 200])?;
        s.f64s(&[1.0])?;
        s.end()?;
        s.str("b")?;
        s.begin(Container::object("x", None))?;
        s.key("c")?;
        s.null()?;
        s.end()?;
        s.end()
    });
    let list = "dd00000003 01 ccc8 cb3ff0000000000000";
    let object = "df00000002 a95f5f636c6173735f5f a178 a163 c0";
    assert_eq!(hex(&message.unwrap()), hex(&unhex(&format!("df00000002 a161 {list} a162 {object}"))));
    for (words, wrong) in [
        ("2 fewer values", &(|s: &mut Encoder<'_>| s.begin(Container::map(Some(1))).and_then(|()| s.end())) as &_),
        ("1 more values", &|s: &mut Encoder<'_>| {
            s.begin(Container::list(Some(0)))?;
            s.null()?;
            s.end()
        }),
        ("after a key", &|s: &mut Encoder<'_>| {
            s.begin(Container::map(None))?;
            s.null()?;
            s.end()
        }),
        ("none is open", &|s: &mut Encoder<'_>| s.end()),
    ] as [(&str, &dyn Fn(&mut Encoder<'_>) -> Result<()>); 4]
    {
        let e = write(wrong).unwrap_err();
        assert!(e.message().contains(words), "{words}: {e}");
    }
    // lengths that no message has
    for c in
        [Container::list(Some(usize::MAX)), Container::map(Some(usize::MAX)), Container::object("x", Some(usize::MAX))]
    {
        assert_eq!(write(&|s| s.begin(c)).unwrap_err().kind(), ErrorKind::Encode);
    }
}

#[test]
fn bulk_numbers_are_what_single_ones_are() {
    let ints = [0, -1, 127, 128, -33, i64::MAX, i64::MIN, 65_536];
    let floats = [0.0, -1.5, f64::INFINITY];
    let mut one = Output::new();
    let mut sink = Encoder::new(&mut one, Generation::Pyro5);
    sink.begin(Container::list(Some(ints.len() + floats.len()))).unwrap();
    sink.i64s(&ints).unwrap();
    sink.f64s(&floats).unwrap();
    sink.end().unwrap();
    let items = ints.iter().map(|v| (*v).into()).chain(floats.iter().map(|v| (*v).into()));
    assert_eq!(one.buf, encode(&Value::List(items.collect())).unwrap());
}

#[test]
fn nesting_beyond_the_inline_stack() {
    let mut value = Value::I64(1);
    for i in 0..150 {
        value = if i % 2 == 0 { Value::List(vec![value, Value::Null]) } else { map([("k", value)]) };
    }
    assert!(decode(&encode(&value).unwrap()).unwrap() == value);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-200i64..70_000).prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i128>().prop_map(|v| Value::from(BigInt::from(v) * BigInt::from(v) * BigInt::from(v))),
            any::<f64>().prop_filter("nan is not equal to itself", |v| !v.is_nan()).prop_map(Value::from),
            (any::<f64>(), any::<f64>())
                .prop_filter("nan", |(a, b)| !a.is_nan() && !b.is_nan())
                .prop_map(|(a, b)| Value::Complex(a, b)),
            ".{0,40}".prop_map(Value::from),
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(|v| Value::Bytes(v.into())),
            (1i64..3_652_059).prop_map(|n| DateTime::from_date(Date::from_ordinal(n).unwrap()).into()),
        ];
        leaf.prop_recursive(6, 200, 20, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..20).prop_map(Value::List),
                proptest::collection::vec(("[a-z]{0,4}", inner.clone()), 0..20)
                    .prop_map(|pairs| Value::Map(pairs.into_iter().map(|(k, v)| (k.into(), v)).collect())),
                ("[a-z]{1,8}\\.[A-Z][a-z]{0,30}", proptest::collection::vec(("[a-z]{0,4}", inner), 0..5))
                    .prop_map(|(class, fields)| Value::object(class, fields)),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn values_come_back(value in values()) {
            let message = encode(&value).unwrap();
            prop_assert_eq!(&decode(&message).unwrap(), &value);
            // the same through events alone, which also keep the bytes
            let mut out = Output::new();
            transcode(&mut Decoder::new(&message, 0, Budget::default()), &mut Encoder::new(&mut out, Generation::Pyro5)).unwrap();
            prop_assert_eq!(&out.to_vec(), &message);
            let mut skipping = Decoder::new(&message, 0, Budget::default());
            skipping.skip().unwrap();
            skipping.finish().unwrap();
        }

        #[test]
        fn every_cut_is_an_error(value in values()) {
            let message = encode(&value).unwrap();
            // at most some 300 places of each
            for n in (0..message.len()).step_by(message.len() / 300 + 1) {
                prop_assert!(decode(message.get(..n).unwrap()).is_err());
                let mut source = Decoder::new(message.get(..n).unwrap(), 0, Budget::default());
                prop_assert!(source.skip().is_err());
            }
        }
    }
}
