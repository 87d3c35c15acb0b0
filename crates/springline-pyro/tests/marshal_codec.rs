//! The marshal codec alone: tables of values and bytes, references, errors with their places, limits, ways to read.

#[path = "differential/json_support.rs"]
mod support;

use proptest::prelude::*;
use springline_core::{
    BigInt, Budget, Bytes, Chunk, Container, DateTime, ErrorKind, Event, Format, Kind, Limits, Output, RemoteRef,
    Result, Sink, Source, Text, Value, transcode,
};
use springline_pyro::Generation;
use springline_pyro::codec::marshal::{Decoder, Encoder, FORMAT, MAX_LONG_DIGITS};
use support::{expanded, hex, unhex};

fn encode(value: &Value) -> Result<Vec<u8>> {
    let mut out = Output::new();
    value.write(&mut Encoder::new(&mut out, Generation::Pyro4))?;
    Ok(out.to_vec())
}

fn decode(message: &[u8]) -> Result<Value> {
    let mut source = Decoder::new(message, 0, Budget::default());
    let value = Value::read(&mut source)?;
    source.finish().map(|()| value)
}

fn big(digits: &str) -> Value {
    Value::from(digits.parse::<BigInt>().unwrap())
}

fn list(items: impl IntoIterator<Item = Value>) -> Value {
    Value::List(items.into_iter().collect())
}

fn text(s: &str) -> Value {
    s.into()
}

fn int(v: i64) -> Value {
    v.into()
}

// The left column is what `marshal.dumps(value, 2)` of CPython 2.7.18 printed for `unicode` texts, `int` up to 32 bits
// and `long` beyond: so CPython 2.7 reads it. CPython 3.11 is asked live in marshal_peers.rs.
#[test]
fn values_are_written_as_python_2_writes_them() {
    let check = |expected: &str, value: Value| {
        let bytes = encode(&value).unwrap();
        assert_eq!(hex(&bytes), expected, "{value:?}");
        assert_eq!(decode(&bytes).unwrap(), value);
    };
    check(
        concat!(
            "5b0a000000690000000069ffffffff69ffffff7f69000000806c030000000000000002006cfdffffff0100000002006c0500",
            "0000ff7fff7f",
            "ff7fff7f07006cfbffffff000000000000000008006c05000000000000000000000010006cf9ffffff000000000000000000",
            "0000000004"
        ),
        list([
            int(0),
            int(-1),
            int(0x7fff_ffff),
            int(-0x8000_0000),
            int(0x8000_0000),
            int(-0x8000_0001),
            int(i64::MAX),
            int(i64::MIN),
            big("18446744073709551616"),
            big("-1267650600228229401496703205376"),
        ]),
    );
    check(
        "5b0500000075000000007503000000616263750600000068c3a96c6c6f7503000000e282ac7504000000f09f9880",
        list(["", "abc", "h\u{e9}llo", "\u{20ac}", "\u{1f600}"].map(text)),
    );
    check(
        "5b070000004e544667000000000000f83f670000000000000080679c7500883ce4377e790000000000000840000000000000e0bf",
        list([
            Value::Null,
            true.into(),
            false.into(),
            1.5.into(),
            (-0.0).into(),
            1e300.into(),
            Value::Complex(3.0, -0.5),
        ]),
    );
    check(
        concat!(
            "28060000005b0000000028000000005b02000000280100000069010000005b0100000069020000003c000000003c01000000",
            "7501000000",
            "613e01000000750100000062"
        ),
        Value::Tuple(vec![
            list([]),
            Value::Tuple(vec![]),
            list([Value::Tuple(vec![int(1)]), list([int(2)])]),
            Value::Set(vec![]),
            Value::Set(vec![text("a")]),
            Value::FrozenSet(vec![text("b")]),
        ]),
    );
    check("7b75010000006b7b69010000004e3030", Value::Map(vec![(text("k"), Value::Map(vec![(int(1), Value::Null)]))]));
    check(
        "5b02000000730800000000ff206279746573730300000078797a",
        list([Value::Bytes(Bytes::from_static(b"\x00\xff bytes")), Value::Bytes(Bytes::from_static(b"xyz"))]),
    );
    check("7b75090000005f5f636c6173735f5f750a00000062616e6b2e4d6f6e657930", Value::object("bank.Money", vec![]));
}

#[test]
fn small_integers_take_one_form() {
    for value in [Value::I32(5), Value::I64(5), Value::Big(Box::new(5.into()))] {
        assert_eq!(hex(&encode(&value).unwrap()), "6905000000");
    }
    for value in [Value::I64(-(1 << 40)), Value::Big(Box::new((-(1i64 << 40)).into()))] {
        assert_eq!(hex(&encode(&value).unwrap()), "6cfdffffff000000000004");
    }
}

#[test]
fn lengths_are_filled_in_at_the_end() {
    let mut out = Output::new();
    let mut encoder = Encoder::new(&mut out, Generation::Pyro5);
    let blob = Bytes::from(vec![7; Output::BY_REFERENCE]);
    encoder.begin(Container::list(None)).unwrap();
    encoder.i64s(&[1, 1 << 40]).unwrap();
    encoder.begin(Container::tuple(Some(99))).unwrap();
    encoder.f64s(&[0.5]).unwrap();
    encoder.end().unwrap();
    encoder.blob(blob.clone()).unwrap();
    encoder.end().unwrap();
    assert_eq!(out.blobs().len(), 1, "a large blob is not copied");
    let value = decode(&out.to_vec()).unwrap();
    assert_eq!(value, list([int(1), int(1 << 40), Value::Tuple(vec![0.5.into()]), Value::Bytes(blob)]));
}

#[test]
fn what_has_no_form_is_named() {
    let check = |value: Value, what: &str| {
        for value in [value.clone(), list([value])] {
            let e = encode(&value).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Encode);
            assert!(e.message().contains(what), "{e}");
        }
    };
    check(DateTime::parse("2020-01-02T03:04:05").unwrap().into(), "datetime.datetime");
    check(DateTime::parse("2020-01-02").unwrap().into(), "datetime.date");
    check(DateTime::parse("03:04:05").unwrap().into(), "datetime.time");
    check(Value::Decimal("1.5".into()), "decimal.Decimal");
    check(Value::Back(0), "refer back");
    check(Value::Map(vec![(list([]), Value::Null)]), "a list cannot be a key");
    check(Value::Map(vec![(Value::Tuple(vec![list([])]), Value::Null)]), "a list cannot be a key");
    check(Value::Set(vec![Value::Set(vec![])]), "a set cannot be a key");
    check(Value::FrozenSet(vec![Value::Map(vec![])]), "a dict cannot be a key");
    check(Value::Set(vec![RemoteRef::uri("PYRO:x@h:1").into()]), "a dict cannot be a key");
    check(Value::from(BigInt::from(1) << 1_000_000), "too long");
    assert!(encode(&Value::Map(vec![(Value::Tuple(vec![Value::FrozenSet(vec![])]), list([]))])).is_ok());
}

#[test]
fn calls_out_of_order_are_told() {
    type Calls = fn(&mut Encoder<'_>) -> Result<()>;
    let cases: [(Calls, &str); 6] = [
        (|e| e.end(), "an end without"),
        (|e| e.key("x"), "outside an object"),
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
fn every_type_code_is_read() {
    let check = |bytes: &str, expected: Value| assert_eq!(decode(&unhex(bytes)).unwrap(), expected, "{bytes}");
    for flag in [0, 0x80] {
        let check = |code: u8, rest: &str, expected: Value| check(&format!("{:02x}{rest}", code | flag), expected);
        check(b'N', "", Value::Null);
        check(b'T', "", true.into());
        check(b'F', "", false.into());
        check(b'i', "fbffffff", int(-5));
        check(b'I', "0000000000010000", int(1 << 40));
        check(b'l', "00000000", int(0));
        check(b'l', "010000000500", int(5));
        check(b'l', "fcffffffff7fff7fff7fff7f", int(-((1 << 60) - 1)));
        check(b'l', "05000000ff7fff7fff7fff7f0700", int(i64::MAX));
        check(b'l', "05000000000000000000000008 00", big("9223372036854775808"));
        check(b'l', "fbffffff00000000000000000800", int(i64::MIN));
        check(b'g', "000000000000f83f", 1.5.into());
        check(b'f', "03312e35", 1.5.into());
        check(b'f', "042d696e66", f64::NEG_INFINITY.into());
        check(b'y', "0000000000000840000000000000e0bf", Value::Complex(3.0, -0.5));
        check(b'x', "0133042d302e35", Value::Complex(3.0, -0.5));
        check(b's', "0200000000ff", Value::Bytes(Bytes::from_static(b"\x00\xff")));
        check(b'u', "03000000e282ac", text("\u{20ac}"));
        check(b't', "03000000e282ac", text("\u{20ac}"));
        check(b'a', "020000006162", text("ab"));
        check(b'A', "020000006162", text("ab"));
        check(b'z', "026162", text("ab"));
        check(b'Z', "026162", text("ab"));
        // CPython 3.11 takes these as Latin-1.
        check(b'z', "0261e9", text("a\u{e9}"));
        check(b'(', "010000004e", Value::Tuple(vec![Value::Null]));
        check(b')', "014e", Value::Tuple(vec![Value::Null]));
        check(b'[', "010000004e", list([Value::Null]));
        check(b'<', "010000004e", Value::Set(vec![Value::Null]));
        check(b'>', "010000004e", Value::FrozenSet(vec![Value::Null]));
        check(b'{', "4e5430", Value::Map(vec![(Value::Null, true.into())]));
        check(b'{', "b0", Value::Map(vec![]));
    }
}

// What `marshal.dumps` of CPython 2.7.18 printed; its default is version 2.
#[test]
fn python_2_is_read() {
    let check = |bytes: &str, expected: Value| assert_eq!(decode(&unhex(bytes)).unwrap(), expected, "{bytes}");
    let bytes = |b: &'static [u8]| Value::Bytes(Bytes::from_static(b));
    // ("obj_1", "get_data", ["Hello", u"h\xe9llo \U0001f600", <not interned>, 5, 2**40, -2**70, 1.5, None, True],
    //  {"name": 1, "other": "name"})
    check(
        concat!(
            "280400000074050000006f626a5f3174080000006765745f646174615b09000000740500000048656c6c6f750b00000068c3",
            "a96c6c6f20f0",
            "9f9880730c0000006e6f7420696e7465726e656469050000004900000000000100006cfbffffff0000000000000000000467",
            "000000000000",
            "f83f4e547b74050000006f7468657274040000006e616d655204000000690100000030"
        ),
        Value::Tuple(vec![
            text("obj_1"),
            text("get_data"),
            list([
                text("Hello"),
                text("h\u{e9}llo \u{1f600}"),
                bytes(b"not interned"),
                int(5),
                int(1 << 40),
                big("-1180591620717411303424"),
                1.5.into(),
                Value::Null,
                true.into(),
            ]),
            Value::Map(vec![(text("other"), text("name")), (text("name"), int(1))]),
        ]),
    );
    // ["\xff", "\xff", "a", "", "\xff\xfe"]
    check(
        "5b050000007301000000ff7301000000ff74010000006174000000007302000000fffe",
        list([bytes(b"\xff"), bytes(b"\xff"), text("a"), text(""), bytes(b"\xff\xfe")]),
    );
    // [chr(255), chr(255)]
    check("5b020000007401000000ff5200000000", list([bytes(b"\xff"), bytes(b"\xff")]));
    // A dict has no order there: this class dict does not begin with its class and stays a map.
    let exception = decode(&unhex(concat!(
        "7b740a000000617474726962757465737b740e0000005f7079726f54726163656261636b5b020000007302000000610a7302",
        "000000620a3074",
        "0d0000005f5f657863657074696f6e5f5f5474040000006172677328010000007322000000696e7465676572206469766973",
        "696f6e206f7220",
        "6d6f64756c6f206279207a65726f74090000005f5f636c6173735f5f731c000000657863657074696f6e732e5a65726f446976697369",
        "6f6e4572726f7230"
    )))
    .unwrap();
    assert_eq!(exception.field("__class__"), Some(&bytes(b"exceptions.ZeroDivisionError")));
    assert_eq!(exception.field("args"), Some(&Value::Tuple(vec![bytes(b"integer division or modulo by zero")])));
    // [set([1]), frozenset([2]), (), (1, 2), 3+4j, False, u"", 2**31, -2**31-1, 2**63, -2**63, 0L, 5L, -5L]
    check(
        concat!(
            "5b0e0000003c0100000069010000003e01000000690200000028000000002802000000690100000069020000007900000000",
            "00000840000000",
            "0000001040467500000000490000008000000000 49ffffff7fffffffff6c05000000000000000000000008006cfbffffff0",
            "0000000000000",
            "0008006c000000006c0100000005006cffffffff0500"
        ),
        list([
            Value::Set(vec![int(1)]),
            Value::FrozenSet(vec![int(2)]),
            Value::Tuple(vec![]),
            Value::Tuple(vec![int(1), int(2)]),
            Value::Complex(3.0, 4.0),
            false.into(),
            text(""),
            int(1 << 31),
            int(-(1 << 31) - 1),
            big("9223372036854775808"),
            int(i64::MIN),
            int(0),
            int(5),
            int(-5),
        ]),
    );
    // (1.5, inf, -inf, 1e100, 3-0.5j, "abc", "abc", u"u") in versions 0 and 1
    let floats =
        [1.5, f64::INFINITY, f64::NEG_INFINITY, 1e100].into_iter().map(Value::from).chain([Value::Complex(3.0, -0.5)]);
    let front = "28080000006603312e356603696e6666042d696e66660631652b313030780133042d302e35";
    let old: Vec<Value> = floats.clone().chain([bytes(b"abc"), bytes(b"abc"), text("u")]).collect();
    check(&format!("{front}73030000006162637303000000616263750100000075"), Value::Tuple(old));
    let interned: Vec<Value> = floats.chain([text("abc"), text("abc"), text("u")]).collect();
    check(&format!("{front}74030000006162635200000000750100000075"), Value::Tuple(interned));
}

#[test]
fn references_to_scalars_are_the_scalars() {
    let check = |bytes: &str, expected: Value| assert_eq!(decode(&unhex(bytes)).unwrap(), expected, "{bytes}");
    // [5, "ab", 1.5, b"x", big] twice, each flagged; the list itself is flagged too.
    let items = "e905000000 da026162 e7000000000000f83f f30100000078 ec06000000000000000000000000000100";
    let refs = "7201000000 7202000000 7203000000 7204000000 7205000000";
    let scalars =
        [int(5), text("ab"), 1.5.into(), Value::Bytes(Bytes::from_static(b"x")), Value::from(BigInt::from(1) << 75)];
    check(&format!("db0a000000{items}{refs}"), list(scalars.iter().chain(&scalars).cloned()));
    // None, True, False take no index whatever their flag, nor does a reference.
    check(
        "5b06000000 ce d4 c6 da0161 f200000000 7200000000",
        list([Value::Null, true.into(), false.into(), text("a"), text("a"), text("a")]),
    );
    // A tuple takes its index before its items.
    check("5b02000000 a901 da0161 7201000000", list([Value::Tuple(vec![text("a")]), text("a")]));
    // A frozen set too.
    check("5b02000000 be01000000 da0161 7201000000", list([Value::FrozenSet(vec![text("a")]), text("a")]));
    // Fields and class names by reference.
    let class = "da095f5f636c6173735f5f";
    check(
        &format!("5b02000000 7b{class}da0163da01664e30 7b720000000072010000007202000000 54 30"),
        list([
            Value::object("c", vec![("f".into(), Value::Null)]),
            Value::object("c", vec![("f".into(), true.into())]),
        ]),
    );
}

#[test]
fn references_to_containers_are_back_references() {
    let check = |bytes: &str, plain: Value, whole: Value| {
        let bytes = unhex(bytes);
        assert_eq!(decode(&bytes).unwrap(), plain);
        assert_eq!(expanded(&mut Decoder::new(&bytes, 0, Budget::default())).unwrap(), whole);
        let mut out = Output::new();
        transcode(&mut Decoder::new(&bytes, 0, Budget::default()), &mut Encoder::new(&mut out, Generation::Pyro4))
            .unwrap();
        assert_eq!(decode(&out.to_vec()).unwrap(), whole);
    };
    let one = || list([int(1)]);
    // x = [1]; [x, x, (x,)]
    check(
        "5b03000000 db010000006901000000 7200000000 a901 7200000000",
        list([one(), Value::Back(1), Value::Tuple(vec![Value::Back(1)])]),
        list([one(), one(), Value::Tuple(vec![one()])]),
    );
    // x = {"k": [1]}; (x, x["k"], x), the tuple unflagged
    check(
        "2903 fb da016b db010000006901000000 30 7202000000 7200000000",
        Value::Tuple(vec![Value::Map(vec![(text("k"), one())]), Value::Back(2), Value::Back(1)]),
        Value::Tuple(vec![Value::Map(vec![(text("k"), one())]), one(), Value::Map(vec![(text("k"), one())])]),
    );
    // An object counts as one container, and is what the reference means.
    check(
        "5b03000000 fb da095f5f636c6173735f5f da0163 da0166 db00000000 30 7200000000 7204000000",
        list([Value::object("c", vec![("f".into(), list([]))]), Value::Back(1), Value::Back(2)]),
        list([
            Value::object("c", vec![("f".into(), list([]))]),
            Value::object("c", vec![("f".into(), list([]))]),
            list([]),
        ]),
    );
    // Empty tuples and frozen sets are given again.
    let empty = Value::Tuple(vec![]);
    check(
        "5b03000000 a900 7200000000 7200000000",
        list([empty.clone(), empty.clone(), empty.clone()]),
        list([empty.clone(), empty.clone(), empty]),
    );
    // Ordinals count what was given again as well.
    check(
        "5b05000000 a900 7200000000 7200000000 db00000000 7201000000",
        list([Value::Tuple(vec![]), Value::Tuple(vec![]), Value::Tuple(vec![]), list([]), Value::Back(4)]),
        list([Value::Tuple(vec![]), Value::Tuple(vec![]), Value::Tuple(vec![]), list([]), list([])]),
    );
    // x = [1]; y = [x, x]; [y, y]: references inside what is read again.
    check(
        "5b02000000 db02000000 db010000006901000000 7201000000 7200000000",
        list([list([one(), Value::Back(2)]), Value::Back(1)]),
        list([list([one(), one()]), list([one(), one()])]),
    );
}

#[test]
fn a_shared_remote_reference_is_given_again() {
    let class = "da095f5f636c6173735f5f da0e5079726f342e636f72652e555249";
    let state = "da057374617465 a905 da045059524f da0178 4e da0168 e901000000";
    let uri: Value = RemoteRef::uri("PYRO:x@h:1").into();
    // [uri, uri, uri's state tuple, [], that list]
    let bytes = unhex(&format!("5b05000000 fb {class} {state} 30 7200000000 7204000000 db00000000 7209000000"));
    let tuple = Value::Tuple(vec![text("PYRO"), text("x"), Value::Null, text("h"), int(1)]);
    // The hidden dict and tuple are no events of this source, and so not counted.
    assert_eq!(decode(&bytes).unwrap(), list([uri.clone(), uri, tuple, list([]), Value::Back(2)]));
}

#[test]
fn skipped_containers_are_given_again() {
    // x = [1]; [x, x, [x], y = [], y]
    let bytes = unhex("5b05000000 db010000006901000000 7200000000 5b010000007200000000 db00000000 7201000000");
    let mut source = Decoder::new(&bytes, 0, Budget::default());
    source.next().unwrap();
    source.skip().unwrap();
    assert_eq!(source.peek().unwrap(), Kind::List);
    assert_eq!(Value::read(&mut source).unwrap(), list([int(1)]));
    source.skip().unwrap();
    assert_eq!(Value::read(&mut source).unwrap(), list([]));
    let Event::Back(n) = source.next().unwrap() else { panic!() };
    assert_eq!(Value::read(&mut *source.open_back(n).unwrap()).unwrap(), list([]));
    assert!(source.open_back(77).is_err());
    assert!(source.take_end().unwrap());
    source.finish().unwrap();
}

#[test]
fn a_container_can_be_read_again_in_part() {
    // x = [1, [2, 3]]; [x, x, x[1]]
    let bytes = unhex("5b03000000 db02000000 6901000000 db02000000 6902000000 6903000000 7200000000 7201000000");
    let mut source = Decoder::new(&bytes, 0, Budget::default());
    source.next().unwrap();
    Value::read(&mut source).unwrap();
    let Event::Back(n) = source.next().unwrap() else { panic!() };
    {
        let mut again = source.open_back(n).unwrap();
        again.next().unwrap();
        again.skip().unwrap();
        again.next().unwrap();
        assert_eq!(again.take_i64().unwrap(), Some(2));
    }
    let Event::Back(n) = source.next().unwrap() else { panic!() };
    assert_eq!(Value::read(&mut *source.open_back(n).unwrap()).unwrap(), list([int(2), int(3)]));
    assert!(source.take_end().unwrap());
    source.finish().unwrap();
}

#[test]
fn cycles_end_in_the_depth_limit() {
    for bytes in [
        "db01000000 7200000000",                                // x = [x]
        "fb da0161 7200000000 30",                              // x = {"a": x}
        "a901 7200000000",                                      // a tuple in itself: only C code makes one
        "db02000000 db01000000 7200000000 7201000000",          // x = [y, y]; y = [x]
        "fb da095f5f636c6173735f5f da0163 da0166 720000000030", // an object in itself
    ] {
        let bytes = unhex(bytes);
        assert!(decode(&bytes).is_ok(), "a cycle is a value with back references");
        let e = expanded(&mut Decoder::new(&bytes, 0, Budget::default())).unwrap_err();
        assert!(e.kind() == ErrorKind::Limit && e.message().contains("depth = 200"), "{e}");
        let mut out = Output::new();
        let e =
            transcode(&mut Decoder::new(&bytes, 0, Budget::default()), &mut Encoder::new(&mut out, Generation::Pyro4));
        assert_eq!(e.unwrap_err().kind(), ErrorKind::Limit);
    }
    let e = decode(&unhex("be01000000 7200000000")).unwrap_err();
    assert!(e.message().contains("frozen set that contains itself"), "{e}");
    // ("f", x = [x]) opened at x's own reference: the list began before this source.
    let bytes = unhex("2902 da0166 db01000000 7201000000");
    let at = bytes.len() - 5;
    let e = Value::read(&mut Decoder::new(&bytes, at, Budget::default())).unwrap_err();
    assert!(e.message().contains("depth = 200"), "{e}");
}

#[test]
fn a_value_can_be_opened_where_it_lies() {
    // x = [1]; ("obj", "f", [x, "f", x], {"k": x, "f": "obj"}), all flagged, and Python 2's strings beside.
    let bytes = Bytes::from(unhex(concat!(
        "a906 da036f626a da0166 db03000000 db01000000 6901000000 7202000000 7204000000",
        "fb da016b 7204000000 7202000000 7201000000 30",
        "7403000000703266 5b03000000 5200000000 7403000000703362 5201000000"
    )));
    let mut call = Decoder::new(&bytes, 0, Budget::default());
    call.next().unwrap();
    let mut starts = Vec::new();
    while !call.take_end().unwrap() {
        starts.push(call.offset());
        call.skip().unwrap();
    }
    let one = || list([int(1)]);
    let expected = [
        text("obj"),
        text("f"),
        list([one(), text("f"), Value::Back(1)]),
        Value::Map(vec![(text("k"), one()), (text("f"), text("obj"))]),
        text("p2f"),
        list([text("p2f"), text("p3b"), text("p3b")]),
    ];
    assert_eq!(starts.len(), expected.len());
    for (start, expected) in starts.into_iter().zip(expected) {
        let mut value = None;
        FORMAT
            .read(&bytes, start, Budget::default(), &mut |source| {
                value = Some(Value::read(source)?);
                Ok(())
            })
            .unwrap();
        assert_eq!(value.unwrap(), expected, "from {start}");
        // Also when the first reference is met inside of what is read again.
        assert!(expanded(&mut Decoder::new(&bytes, start, Budget::default())).is_ok());
    }
    // No value begins within another's bytes. Without references there is nothing to notice it by.
    let bytes = unhex("2902 da03727272 7200000000");
    let e = Value::read(&mut Decoder::new(&bytes, bytes.len() - 6, Budget::default())).unwrap_err();
    assert!(e.message().contains("no value begins at byte 6"), "{e}");
    assert!(Value::read(&mut Decoder::new(&bytes, 99, Budget::default())).is_err());
    assert_eq!(FORMAT.name(), "marshal");
}

#[test]
fn the_front_is_walked_at_any_depth() {
    // 150 lists in one another, then a reference below other 150.
    let deep = |inner: &str| format!("{}{inner}", "5b01000000".repeat(150));
    let bytes = unhex(&format!("2902 {} {}", deep("da0161"), deep("7200000000")));
    let at = 2 + 150 * 5 + 3;
    let mut value = &Value::read(&mut Decoder::new(&bytes, at, Budget::default())).unwrap();
    while let Some(inner) = value.get(0) {
        value = inner;
    }
    assert_eq!(value, &text("a"));
}

#[test]
fn bad_bytes_are_refused_with_their_place() {
    let check = |bytes: &str, kind: ErrorKind, at: usize, what: &str| {
        let e = decode(&unhex(bytes)).unwrap_err();
        assert_eq!((e.kind(), e.offset()), (kind, Some(at)), "{bytes}: {e}");
        assert!(e.message().contains(what), "{bytes}: {e}");
    };
    let malformed = |bytes: &str, at: usize, what: &str| check(bytes, ErrorKind::Malformed, at, what);
    malformed("", 0, "found the end of the message");
    malformed("4e4e", 1, "1 bytes follow");
    malformed("30", 0, "found the end of a dict");
    malformed("5b0100000030", 5, "found the end of a dict");
    malformed("7b4e30", 2, "found the end of a dict");
    malformed("7b4e", 2, "found the end of the message");
    malformed("e3", 0, "code object");
    malformed("63", 0, "code object");
    malformed("3a4e4e4e", 0, "slice");
    malformed("3f", 0, "unknown marshal type code 0x3f");
    malformed("00", 0, "unknown marshal type code 0x00");
    malformed("690000", 1, "expected 4 more bytes, but only 2 are left");
    malformed("7a056162", 2, "expected 5 more bytes, but only 2 are left");
    malformed("73ffffff7f6162", 5, "expected 2147483647 more bytes");
    malformed("75ffffffff6162", 1, "negative length");
    malformed("5bffffff7f4e", 5, "2147483647 items are announced, but only 1 bytes are left");
    malformed("3effffff7f4e", 5, "2147483647 items are announced");
    malformed("29ff4e", 2, "255 items are announced");
    malformed("28000000804e", 1, "negative length");
    malformed("5b02000000 4e", 5, "2 items are announced");
    malformed("5b02000000 7300000000", 10, "found the end of the message");
    malformed("6c01000000 0080", 5, "more than 15 bits");
    malformed("6c02000000 0500 0000", 9, "highest digit");
    malformed("6603782e79", 1, "a float as text");
    malformed("6600", 1, "a float as text");
    malformed("7503000000eda080", 0, "lone surrogate");
    malformed("7505000000 6162 eda080", 0, "2 bytes in");
    malformed("7403000000eda080", 0, "lone surrogate");
    malformed("7502000000c328", 0, "not UTF-8 from its byte 0");
    malformed("7200000000", 0, "reference to object 0, but only 0 came before");
    malformed("5b02000000 da0161 7201000000", 8, "reference to object 1, but only 1 came before");
    malformed("5b02000000 ce 7200000000", 6, "only 0 came before");
    malformed("72ffffffff", 1, "negative length or index");
    malformed("5200000000", 0, "reference to string 0");
    let class = "7b 7a095f5f636c6173735f5f 7a0163";
    malformed(&format!("{class} 6905000000 4e 30"), 15, "field name");
    malformed(&format!("{class} 7301000000ff 4e 30"), 15, "not UTF-8");
    malformed("5b02000000 fb30 5b01000000", 12, "1 items are announced");
    check("2e", ErrorKind::Mismatch, 0, "Ellipsis");
    check("53", ErrorKind::Mismatch, 0, "StopIteration");
    check(&format!("6c{}", hex(&(MAX_LONG_DIGITS as i32 + 1).to_le_bytes())), ErrorKind::Limit, 1, "65537 digits");
    check("6c00000080", ErrorKind::Limit, 1, "2147483648 digits");
    // Both pass where nobody wants them. What follows the value is not skipped.
    let mut source = Decoder::new(b"[\x03\0\0\0.S\xaeN", 0, Budget::default());
    source.skip().unwrap();
    assert!(source.skip().is_err());
}

#[test]
fn a_reference_as_a_field_name_must_be_text() {
    // x = []; [x, {"__class__": "c", x: None}]
    let bytes = unhex("5b02000000 db00000000 7b 7a095f5f636c6173735f5f 7a0163 7200000000 4e 30");
    let mut source = Decoder::new(&bytes, 0, Budget::default());
    let e = Value::read(&mut source).unwrap_err();
    assert!(e.message().contains("field name"), "{e}");
    assert!(source.peek().is_err());
}

#[test]
fn class_dicts_are_objects() {
    let class = |name: &str| format!("7a095f5f636c6173735f5f 7a{:02x}{}", name.len(), hex(name.as_bytes()));
    let check = |bytes: &str, expected: Value| assert_eq!(decode(&unhex(bytes)).unwrap(), expected, "{bytes}");
    check(
        &format!("7b {} 7a0161 4e 30", class("bank.Money")),
        Value::object("bank.Money", vec![("a".into(), Value::Null)]),
    );
    check(&format!("7b {} 7301000000 61 4e 30", class("c")), Value::object("c", vec![("a".into(), Value::Null)]));
    check("7b 74090000005f5f636c6173735f5f 730100000063 30", Value::object("c", vec![]));
    check("7b 7a095f5f636c6173735f5f 7a02e963 30", Value::object("\u{e9}c", vec![]));
    check("7b 7a095f5f636c6173735f5f 4e 30", Value::Map(vec![(text("__class__"), Value::Null)]));
    check(
        "7b 73090000005f5f636c6173735f5f 7a0163 30",
        Value::Map(vec![(Value::Bytes(Bytes::from_static(b"__class__")), text("c"))]),
    );
    check(
        &format!("7b {} 7a0576616c7565 7a036e6f7c 30", class("x")),
        Value::object("x", vec![("value".into(), text("no|"))]),
    );
    check(&format!("7b {} 7a0576616c7565 7a03696e66 30", class("float")), f64::INFINITY.into());
    check(
        &format!("7b {} 7a047265616c 6901000000 7a04696d6167 6902000000 30", class("complex")),
        Value::Complex(1.0, 2.0),
    );
}

#[test]
fn limits_hold() {
    let read = |bytes: &[u8], limits: Limits| Value::read(&mut Decoder::new(bytes, 0, limits.budget()));
    let skip = |bytes: &[u8], limits: Limits| Decoder::new(bytes, 0, limits.budget()).skip();
    let check = |result: Result<()>, what: &str| {
        let e = result.unwrap_err();
        assert!(e.kind() == ErrorKind::Limit && e.message().contains(what), "{e}");
    };
    let mut limits = Limits::new();
    let deep = |n: usize| unhex(&format!("{}4e", "5b01000000".repeat(n)));
    assert!(read(&deep(200), limits).is_ok() && skip(&deep(200), limits).is_ok());
    check(read(&deep(201), limits).map(drop), "depth = 200");
    check(skip(&deep(100_000), limits), "depth = 200");
    limits.nodes = 4;
    assert!(read(&unhex("5b030000004e4e4e"), limits).is_ok());
    for bytes in ["5b040000004e4e4e4e", "7b4e4e4e4e30", "5b04000000690000000069000000006900000000 5b00000000"] {
        check(read(&unhex(bytes), limits).map(drop), "nodes = 4");
        check(skip(&unhex(bytes), limits), "nodes = 4");
    }
    // x0 = [1]; x1 = [x0, x0]; x2 = [x1, x1]; ... is 2^28 lists when unfolded.
    let mut bomb = unhex("5b1e000000 db010000006901000000");
    for i in 0..29u32 {
        bomb.extend([0xdb, 2, 0, 0, 0]);
        for _ in 0..2 {
            bomb.push(b'r');
            bomb.extend(i.to_le_bytes());
        }
    }
    let mut limits = Limits::new();
    limits.nodes = 100_000;
    assert!(read(&bomb, limits).is_ok());
    check(expanded(&mut Decoder::new(&bomb, 0, limits.budget())).map(drop), "nodes = 100000");
    // A long text by reference costs more than a node, or a small message would fill the memory.
    let text = "x".repeat(640_000);
    let many = 200u32;
    let mut bytes = [&[b'[' | 0x80], &(many + 1).to_le_bytes()[..], &[b'a' | 0x80], &640_000u32.to_le_bytes()].concat();
    bytes.extend(text.as_bytes());
    bytes.extend([b'r', 1, 0, 0, 0].repeat(many as usize));
    check(read(&bytes, limits).map(drop), "nodes = 100000");
    limits.nodes = 200 * 10_002;
    assert!(read(&bytes, limits).is_ok());
}

#[test]
fn texts_and_bytes_are_borrowed() {
    let message = Bytes::from_static(b"[\x03\0\0\0z\x05plainu\x03\0\0\0\xe2\x82\xacs\x03\0\0\0abc");
    let mut source = Decoder::new(&message, 0, Budget::default()).with_owner(Some(&message));
    source.next().unwrap();
    let Event::Str(Text::Message(text)) = source.next().unwrap() else { panic!() };
    assert_eq!(text.as_ptr(), message[7..].as_ptr());
    assert!(matches!(source.next().unwrap(), Event::Str(Text::Message("\u{20ac}"))));
    let Event::Bytes(Chunk::Message(bytes)) = source.next().unwrap() else { panic!() };
    assert_eq!(source.owner().unwrap().slice_ref(bytes), "abc");
}

#[test]
fn peeking_repeats_and_takes_nothing() {
    let class = "7a095f5f636c6173735f5f";
    let bytes = unhex(&format!(
        "5b10000000 4e 54 6901000000 6c06000000000000000000000000000100 67000000000000f83f \
         790000000000000840000000000000e0bf 7a0161 7401000000ff \
         7301000000ff db00000000 2900 7b4e5430 7b{class}7a0163 7a0166 4e30 7200000000 \
         7b{class}7a05666c6f6174 7a0576616c7565 7a0131 30 \
         7b{class}7a0e5079726f342e636f72652e555249 7a057374617465 2905 7a045059524f 7a0178 4e 7a0168 6901000000 30"
    ));
    let mut source = Decoder::new(&bytes, 0, Budget::default());
    let mut kinds = Vec::new();
    while source.finish().is_err() {
        let kind = source.peek().unwrap();
        assert_eq!(source.peek().unwrap(), kind);
        assert_eq!(source.next().unwrap().kind(), kind);
        kinds.push(kind);
    }
    use Kind::*;
    assert_eq!(
        kinds,
        [
            List, Null, Bool, Int, Int, Float, Complex, Str, Bytes, Bytes, List, End, List, End, Map, Null, Bool, End,
            Object, Key, Null, End, Back, Float, Remote, End
        ]
    );
    assert!(source.peek().is_err() && source.next().is_err() && source.skip().is_err());
}

#[test]
fn short_cuts_take_only_what_fits() {
    let bytes =
        unhex("5b05000000 6907000000 7a0174 67000000000000f83f 6c06000000000000000000000000000100 49ffffffffffffffff");
    let mut source = Decoder::new(&bytes, 0, Budget::default());
    assert!(
        source.take_i64().unwrap().is_none() && source.take_text().unwrap().is_none() && !source.take_end().unwrap()
    );
    source.next().unwrap();
    assert!(source.take_text().unwrap().is_none() && !source.take_end().unwrap());
    assert_eq!(source.take_i64().unwrap(), Some(7));
    assert_eq!(source.take_i64().unwrap(), None);
    assert_eq!(source.take_text().unwrap().unwrap().get(), "t");
    assert_eq!(source.take_i64().unwrap(), None);
    source.skip().unwrap();
    assert_eq!((source.take_i64().unwrap(), source.peek().unwrap()), (None, Kind::Int));
    assert!(!source.take_expected("t") && !source.take_null().unwrap());
    source.skip().unwrap();
    assert_eq!(source.take_i64().unwrap(), Some(-1));
    assert!(source.skip().is_err());
    assert!(source.take_end().unwrap());
    source.finish().unwrap();
}

#[test]
fn an_expected_text_is_taken_only_if_it_comes() {
    // {"key": "a", "e\u{301}": None, t"in": x = 7, r"key": x} in each form of text
    let mut bytes = unhex("7b da036b6579 750100000061 f503000000 65cc81 4e 7402000000696e e907000000");
    bytes.extend(unhex("7200000000 7202000000 30"));
    let mut source = Decoder::new(&bytes, 0, Budget::default());
    assert!(!source.take_expected("key"));
    source.next().unwrap();
    assert!(!source.take_expected("ke") && !source.take_expected("keys"));
    assert!(source.take_expected("key") && !source.take_expected("key") && source.take_expected("a"));
    assert!(source.take_expected("e\u{301}"));
    assert!(source.take_null().unwrap());
    // Interned: what `next` is for.
    assert!(!source.take_expected("in") && !source.take_null().unwrap());
    assert_eq!(source.take_text().unwrap().unwrap().get(), "in");
    assert_eq!(source.take_i64().unwrap(), Some(7));
    assert!(!source.take_expected("kex") && source.take_expected("key"));
    let e = source.peek().unwrap();
    assert_eq!((e, source.next().unwrap().kind()), (Kind::Int, Kind::Int));
    assert!(source.take_end().unwrap());
    source.finish().unwrap();
}

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[a-z]{0,8}", any::<String>()];
    let float = any::<f64>().prop_filter("NaN is not equal to itself", |v| !v.is_nan());
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i128>().prop_map(|v| Value::from(BigInt::from(v))),
        (any::<i128>(), 0u32..3000).prop_map(|(v, bits)| Value::from(BigInt::from(v) << bits)),
        float.clone().prop_map(Value::from),
        (float.clone(), float).prop_map(|(re, im)| Value::Complex(re, im)),
        text.clone().prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|b| Value::Bytes(b.into())),
    ];
    let hashed = scalar.clone().prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Tuple),
            prop::collection::vec(inner, 0..3).prop_map(Value::FrozenSet),
        ]
    });
    let hashed = hashed.prop_filter("is an object then", |k| k.as_str() != Some("__class__"));
    scalar.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Tuple),
            prop::collection::vec(hashed.clone(), 0..6).prop_map(Value::Set),
            prop::collection::vec((hashed.clone(), inner.clone()), 0..6).prop_map(Value::Map),
            ("[a-z]{1,5}\\.[a-z]\\PC{0,5}", prop::collection::vec((text.clone(), inner), 0..5))
                .prop_map(|(c, f)| Value::object(c, f)),
        ]
    })
}

proptest! {
    #[test]
    fn values_come_back(value in value()) {
        // I64 is the one kind of integer up to 64 bits.
        let bytes = encode(&value).unwrap();
        prop_assert_eq!(decode(&bytes).unwrap(), value);
        let mut source = Decoder::new(&bytes, 0, Budget::default());
        source.skip().unwrap();
        source.finish().unwrap();
    }
}
