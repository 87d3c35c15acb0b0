//! What the codec writes: the form of each type, what it refuses, and that everything comes back.

mod codec_support;

use proptest::prelude::*;
use proptest::test_runner::Config;
use serde::{Deserialize, Serialize};
use springline_core::{BigInt, Blob, Bytes, DateTime, ErrorKind, Payload, RemoteRef, Value};
use springline_xmlrpc::{
    DateStyle, Dialect, Encoding, Fault, NonFinite, ReadOptions, WriteOptions, parse_response, write_call, write_fault,
    write_response,
};

fn options(dialect: Dialect, non_finite: NonFinite) -> WriteOptions {
    let mut options = WriteOptions::new();
    options.dialect = dialect;
    options.non_finite = non_finite;
    options
}

fn text_of(result: &Payload<'_>, options: &WriteOptions) -> springline_core::Result<String> {
    let mut out = Vec::new();
    write_response(&mut out, result, options)?;
    Ok(String::from_utf8(out).unwrap())
}

#[track_caller]
fn check_with(value: impl Into<Value>, options: &WriteOptions, expected: &str) {
    let text = text_of(&Payload::from(value.into()), options).unwrap();
    let expected = format!(
        "<?xml version='1.0'?>\n<methodResponse><params><param><value>{expected}</value></param></params></methodResponse>\n"
    );
    assert_eq!(text, expected);
}

#[track_caller]
fn check(value: impl Into<Value>, expected: &str) {
    check_with(value, &WriteOptions::new(), expected);
}

#[track_caller]
fn refused(value: impl Into<Value>, expected: &str) {
    let value = value.into();
    let mut out = b"before".to_vec();
    let e = write_response(&mut out, &Payload::from(value.clone()), &WriteOptions::new()).unwrap_err();
    assert!(e.kind() == ErrorKind::Encode && e.to_string().contains(expected), "{value:?}: {e}");
    assert_eq!(out, b"before");
    let list = Payload::from(Value::List(vec![Value::from(1), value]));
    write_call(&mut out, "m", &list, &WriteOptions::new()).unwrap_err();
    assert_eq!(out, b"before");
}

#[test]
fn each_type_has_one_form() {
    check(41, "<int>41</int>");
    check(-5i64, "<int>-5</int>");
    check(true, "<boolean>1</boolean>");
    check(false, "<boolean>0</boolean>");
    check(1.0, "<double>1.0</double>");
    check(-0.1, "<double>-0.1</double>");
    check("a<b>&c\rd\n\te", "<string>a&lt;b&gt;&amp;c&#13;d\n\te</string>");
    check("", "<string></string>");
    check(Bytes::from_static(b"hello"), "<base64>aGVsbG8=</base64>");
    check(
        DateTime::parse("1998-07-17T14:08:55.123+02:00").unwrap(),
        "<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>",
    );
    check(DateTime::parse("0098-07-17").unwrap(), "<dateTime.iso8601>00980717T00:00:00</dateTime.iso8601>");
    check(Value::Decimal("1.50".to_owned()), "<string>1.50</string>");
    check(Value::List(vec![]), "<array><data></data></array>");
    check(Value::Set(vec![1.into()]), "<array><data><value><int>1</int></value></data></array>");
    check(Value::Tuple(vec!["a".into()]), "<array><data><value><string>a</string></value></data></array>");
    check(Value::Map(vec![]), "<struct></struct>");
    check(
        Value::Map(vec![(Value::from("b&"), 1.into()), (Value::from(""), Value::Map(vec![]))]),
        "<struct><member><name>b&amp;</name><value><int>1</int></value></member>\
         <member><name></name><value><struct></struct></value></member></struct>",
    );
    let object = Value::object("bank.Account", vec![("owner".to_owned(), "x".into())]);
    let owner = "<member><name>owner</name><value><string>x</string></value></member>";
    check(object.clone(), &format!("<struct>{owner}</struct>"));
    let mut keyed = WriteOptions::new();
    keyed.class_key = Some("__class__");
    let class = "<member><name>__class__</name><value><string>bank.Account</string></value></member>";
    check_with(object, &keyed, &format!("<struct>{class}{owner}</struct>"));
    let mut extended = WriteOptions::new();
    extended.dates = DateStyle::Extended;
    for text in ["1998-07-17T14:08:55", "1998-07-17T14:08:55.5+02:00", "1998-07-17T14:08:55.000000001-03:30"] {
        let date = DateTime::parse(text).unwrap();
        check_with(date, &extended, &format!("<dateTime.iso8601>{text}</dateTime.iso8601>"));
    }
}

#[test]
fn dialects() {
    let plain = options(Dialect::Plain, NonFinite::Python);
    check_with((), &plain, "<nil/>");
    check_with(i64::MAX, &plain, "<i8>9223372036854775807</i8>");
    check_with(2_147_483_647i64, &plain, "<int>2147483647</int>");
    check_with(f64::NAN, &plain, "<double>nan</double>");
    check_with(f64::INFINITY, &plain, "<double>inf</double>");
    check_with(f64::NEG_INFINITY, &plain, "<double>-inf</double>");
    let java = options(Dialect::Apache, NonFinite::Java);
    check_with(f64::NAN, &java, "<double>NaN</double>");
    check_with(f64::INFINITY, &java, "<double>Infinity</double>");
    check_with(f64::NEG_INFINITY, &java, "<double>-Infinity</double>");
    // The namespace is declared where it is used, and nowhere else.
    check_with(1, &java, "<int>1</int>");
    let text = text_of(&Payload::from(Value::List(vec![Value::Null, i64::MIN.into()])), &java).unwrap();
    assert_eq!(
        text,
        "<?xml version='1.0'?>\n<methodResponse xmlns:ex=\"http://ws.apache.org/xmlrpc/namespaces/extensions\"><params><param>\
         <value><array><data><value><ex:nil/></value><value><ex:i8>-9223372036854775808</ex:i8></value></data></array></value>\
         </param></params></methodResponse>\n"
    );
    let mut out = Vec::new();
    write_call(&mut out, "a.b", &Payload::from(Value::List(vec![Value::Null])), &java).unwrap();
    assert!(String::from_utf8(out).unwrap().contains("<methodCall xmlns:ex=\"http://ws.apache.org/"));
    assert_eq!(WriteOptions::new().allow_none().dialect, Dialect::Plain);
}

#[test]
fn calls() {
    let written = |method: &str, args: &Payload<'_>| {
        let mut out = Vec::new();
        write_call(&mut out, method, args, &WriteOptions::new()).map(|()| String::from_utf8(out).unwrap())
    };
    let start = "<?xml version='1.0'?>\n<methodCall><methodName>";
    assert_eq!(
        written("m", &Payload::borrowed(&())).unwrap(),
        format!("{start}m</methodName><params></params></methodCall>\n")
    );
    assert_eq!(
        written("a&b.<c>", &Payload::borrowed(&(1, ("x", [true])))).unwrap(),
        format!(
            "{start}a&amp;b.&lt;c&gt;</methodName><params><param><value><int>1</int></value></param><param><value><array><data>\
             <value><string>x</string></value><value><array><data><value><boolean>1</boolean></value></data></array></value>\
             </data></array></value></param></params></methodCall>\n"
        )
    );
    for (method, expected) in
        [("", "name is empty"), ("a\u{1}", "U+0001 START OF HEADING"), ("\u{ffff}", "NONCHARACTER")]
    {
        let e = written(method, &Payload::borrowed(&())).unwrap_err();
        assert!(e.kind() == ErrorKind::Encode && e.to_string().contains(expected), "{e}");
    }
    assert_eq!(written("m", &Payload::from(Value::from(1))).unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(written("m", &Payload::from(Value::Map(vec![]))).unwrap_err().kind(), ErrorKind::Internal);
}

#[test]
fn what_has_no_form_is_refused_before_anything_is_sent() {
    refused((), "no form for null: write with Dialect::Plain");
    refused(2_147_483_648i64, "no form for 2147483648, which does not fit into 32 bits");
    refused("123456789012345678901234567890".parse::<BigInt>().unwrap(), "more than 64 bits");
    refused(f64::NAN, "no form for the number NaN");
    refused(f64::NEG_INFINITY, "the number -inf");
    refused("ab\u{1}", "U+0001 START OF HEADING (character 3 of a text)");
    refused("\u{ffff}", "send bytes, which go as base64");
    refused(Value::Map(vec![(Value::from("\u{b}"), 1.into())]), "a member's name");
    refused(Value::Map(vec![(Value::from(1), 1.into())]), "names of a struct's members are strings, not an integer");
    refused(Value::Map(vec![(Value::List(vec![]), 1.into())]), "not a list");
    refused(Value::Map(vec![(1.5.into(), 1.into())]), "not a float");
    refused(Value::Complex(1.0, 2.0), "complex numbers");
    refused(RemoteRef::default(), "remote objects");
    refused(DateTime::parse("14:08:55").unwrap(), "times without a date");
    let mut extended = WriteOptions::new();
    extended.dates = DateStyle::Extended;
    let seconds = DateTime { offset: Some(3601), ..DateTime::parse("1998-07-17T14:08:55").unwrap() };
    assert!(text_of(&Payload::from(Value::from(seconds)), &extended).unwrap_err().to_string().contains("3601 seconds"));
}

#[test]
fn faults_can_always_be_written() {
    let written = |fault: &Fault| {
        let mut out = Vec::new();
        write_fault(&mut out, fault, &WriteOptions::new()).unwrap();
        String::from_utf8(out).unwrap()
    };
    let mut fault = Fault::new(4, "too <many> \u{1}parameters");
    fault.extra.push(("faultCause".to_owned(), Value::from(1)));
    assert_eq!(
        written(&fault),
        "<?xml version='1.0'?>\n<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>4</int></value>\
         </member><member><name>faultString</name><value><string>too &lt;many&gt; \u{fffd}parameters</string></value></member>\
         </struct></value></fault></methodResponse>\n"
    );
    fault.code = i64::MAX;
    assert!(written(&fault).contains("<int>2147483647</int>"));
    for options in [WriteOptions::new(), {
        let mut o = WriteOptions::new();
        o.encoding = Encoding::UTF_16;
        o
    }] {
        let fault = Fault::new(-32601, "<é> &\r\n");
        let mut out = Vec::new();
        write_fault(&mut out, &fault, &options).unwrap();
        assert_eq!(parse_response(Bytes::from(out), None, &ReadOptions::new()).unwrap().unwrap_err(), fault);
    }
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Account<'a> {
    owner: &'a str,
    balance: f64,
    #[serde(borrow)]
    tags: Vec<&'a str>,
    parent: Option<Box<Account<'a>>>,
    kind: Sort,
    seal: Blob,
    opened: DateTime,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
enum Sort {
    Plain,
    Joint(String, i32),
    Closed { why: String },
}

#[test]
fn typed_values_come_back_without_a_tree() {
    let leaf = |kind| Account {
        owner: "plain text",
        balance: 0.1,
        tags: vec!["a", ""],
        parent: None,
        kind,
        seal: Blob::from(vec![0, 255]),
        opened: DateTime::parse("2020-01-02T03:04:05").unwrap(),
    };
    let account = Account {
        parent: Some(Box::new(leaf(Sort::Joint("x".into(), -1)))),
        ..leaf(Sort::Closed { why: "<é>".into() })
    };
    let options = WriteOptions::new().allow_none();
    let mut out = Vec::new();
    write_response(&mut out, &Payload::borrowed(&springline_core::payload::Typed(&account)), &options).unwrap();
    let payload = parse_response(Bytes::from(out), None, &ReadOptions::new()).unwrap().unwrap();
    assert_eq!(payload.view::<Account<'_>>().unwrap(), account);
    // As often as asked.
    assert_eq!(payload.view::<Account<'_>>().unwrap(), account);
    let tree = payload.to_value().unwrap();
    let mut again = Vec::new();
    write_response(&mut again, &payload, &options).unwrap();
    assert_eq!(codec_support::read_response(&again, &ReadOptions::new()).unwrap().unwrap(), tree);
}

fn round_trips(options: WriteOptions) {
    proptest!(Config { cases: 300, failure_persistence: None, ..Config::default() }, |(value in codec_support::value(&options))| {
        let body = codec_support::written(&value, &options);
        let found = codec_support::read_response(&body, &ReadOptions::new()).unwrap().unwrap();
        prop_assert_eq!(&found, &value);
        let mut body = Vec::new();
        let args = Value::List(vec![value.clone(), value]);
        write_call(&mut body, "m", &Payload::from(args.clone()), &options).unwrap();
        prop_assert_eq!(codec_support::read_call(&body, &ReadOptions::new()).unwrap(), ("m".to_owned(), args));
    });
}

// The same document in other letters, which takes another way through the reader.
fn disguised(document: &str, how: usize) -> String {
    let tag = |inside: &str| match how {
        0 => format!("<{inside} >"),
        1 if inside.starts_with('/') => format!("<{inside}\n>"),
        1 => format!("<{inside} a=\"1\" b='>'>"),
        2 if matches!(inside, "/value" | "struct" | "/member" | "data" | "/array" | "/name" | "/struct" | "params") => {
            format!("<{inside}>\n <!-- c -->\t")
        }
        3 if matches!(inside, "string" | "int" | "/string" | "double" | "name" | "base64") => {
            match inside.strip_prefix('/') {
                Some(_) => format!("<![CDATA[]]><?pi?><{inside}>"),
                None => format!("<{inside}><!-- c --><![CDATA[]]>"),
            }
        }
        _ => format!("<{inside}>"),
    };
    let mut out = String::new();
    let mut rest = document;
    while let Some((before, tail)) = rest.split_once('<') {
        let (inside, tail) = tail.split_once('>').unwrap();
        out.push_str(before);
        // Blanks around untyped text would belong to it; there is none in what we write.
        out.push_str(&if inside.starts_with('?') || inside.ends_with('/') {
            format!("<{inside}>")
        } else {
            tag(inside)
        });
        rest = tail;
    }
    out + rest
}

#[test]
fn however_tags_are_written_the_value_is_the_same() {
    let options = options(Dialect::Apache, NonFinite::Python);
    proptest!(Config { cases: 200, failure_persistence: None, ..Config::default() }, |(value in codec_support::value(&options))| {
        let plain = String::from_utf8(codec_support::written(&value, &options)).unwrap();
        for how in 0..4 {
            let other = disguised(&plain, how);
            let found = codec_support::read_response(other.as_bytes(), &ReadOptions::new());
            prop_assert_eq!(found.unwrap_or_else(|e| panic!("{e}: {other}")).unwrap(), value.clone(), "{}", other);
        }
    });
}

#[test]
fn any_value_comes_back_in_the_plain_dialect() {
    round_trips(options(Dialect::Plain, NonFinite::Python));
}

#[test]
fn any_value_comes_back_without_extensions() {
    round_trips(WriteOptions::new());
}

#[test]
fn any_value_comes_back_in_apaches_dialect_and_other_encodings() {
    for encoding in [Encoding::ASCII, Encoding::LATIN_1, Encoding::UTF_16, Encoding::for_label("Shift_JIS").unwrap()] {
        let mut options = options(Dialect::Apache, NonFinite::Java);
        options.encoding = encoding;
        round_trips(options);
    }
}
