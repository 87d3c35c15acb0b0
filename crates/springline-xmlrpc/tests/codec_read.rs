//! What the codec reads: a table for each type, and the tolerances that peers need.

use springline_core::{BigInt, Bytes, DateTime, ErrorKind, Value};
use springline_xmlrpc::{Fault, FaultDialect, ReadOptions, parse_call, parse_response};

fn read(value: &str, options: &ReadOptions) -> springline_core::Result<Value> {
    let body = format!("<methodResponse><params><param>{value}</param></params></methodResponse>");
    parse_response(Bytes::from(body), None, options)?.unwrap().into_value()
}

#[track_caller]
fn check(value: &str, expected: impl Into<Value>) {
    let expected = expected.into();
    match read(value, &ReadOptions::new()) {
        Ok(found) => assert_eq!(found, expected, "{value}"),
        Err(e) => panic!("{value}: {e}"),
    }
}

#[track_caller]
fn refused_with(value: &str, options: &ReadOptions, expected: &str) {
    match read(value, options) {
        Ok(found) => panic!("{value} was read as {found:?}"),
        Err(e) => assert!(e.to_string().contains(expected), "{value}: {e}"),
    }
}

#[track_caller]
fn refused(value: &str, expected: &str) {
    refused_with(value, &ReadOptions::new(), expected);
}

fn list(items: &[i32]) -> Value {
    Value::List(items.iter().map(|v| Value::from(*v)).collect())
}

fn map(pairs: &[(&str, Value)]) -> Value {
    Value::Map(pairs.iter().map(|(k, v)| (Value::from(*k), v.clone())).collect())
}

#[test]
fn integers() {
    check("<value><int>41</int></value>", 41);
    check("<value><i4>-2147483648</i4></value>", i32::MIN);
    check("<value><int>+5</int></value>", 5);
    check("<value><int>\n 007 \t</int></value>", 7);
    check("<value><int>-0</int></value>", 0);
    check("<value><int>000000000000000000000000000000000000001</int></value>", 1);
    check("<value><int>2147483648</int></value>", 2_147_483_648i64);
    check("<value><int>-9223372036854775808</int></value>", i64::MIN);
    check("<value><i8>5</i8></value>", 5i64);
    check("<value><ex:i8>9223372036854775807</ex:i8></value>", i64::MAX);
    check("<value><i1>-128</i1></value>", -128);
    check("<value><i2>32767</i2></value>", 32767);
    check("<value><biginteger>5</biginteger></value>", 5i64);
    let big: BigInt = "123456789012345678901234567890".parse().unwrap();
    check("<value><ex:biginteger> +123456789012345678901234567890</ex:biginteger></value>", big);
    for bad in ["", " ", "+", "-", "1.0", "0x10", "1_000", "1 2", "١٢", "--1", "1e3", "five"] {
        for tag in ["int", "i4", "i8", "i1", "i2", "biginteger"] {
            refused(&format!("<value><{tag}>{bad}</{tag}></value>"), "expected an integer, found");
        }
    }
    refused("<value><int>9223372036854775808</int></value>", "an integer of up to 64 bits");
    refused("<value><i1>128</i1></value>", "128 is not within -128 and 127");
    refused("<value><i2>-32769</i2></value>", "not within -32768");
    refused("<value><int/></value>", "expected an integer");
    refused(&format!("<value><biginteger>{}</biginteger></value>", "9".repeat(4301)), "limit of 4300");
    let mut strict = ReadOptions::new();
    strict.strict_ints = true;
    refused_with("<value><int>2147483648</int></value>", &strict, "does not fit into 32 bits");
    assert_eq!(read("<value><i8>2147483648</i8></value>", &strict).unwrap(), Value::from(2_147_483_648i64));
}

#[test]
fn truth_values() {
    check("<value><boolean>1</boolean></value>", true);
    check("<value><boolean> 0\n</boolean></value>", false);
    for bad in ["", "2", "true", "FALSE", "01", "yes"] {
        refused(&format!("<value><boolean>{bad}</boolean></value>"), "expected 0 or 1");
    }
    let mut lenient = ReadOptions::new();
    lenient.lenient_bools = true;
    assert_eq!(read("<value><boolean>True</boolean></value>", &lenient).unwrap(), Value::from(true));
    assert_eq!(read("<value><boolean>false</boolean></value>", &lenient).unwrap(), Value::from(false));
    refused_with("<value><boolean>yes</boolean></value>", &lenient, "expected 0 or 1");
}

#[test]
fn doubles() {
    for (text, expected) in [
        ("1.5", 1.5),
        (" -1.5\n", -1.5),
        ("3", 3.0),
        ("3.", 3.0),
        (".5", 0.5),
        ("+.5", 0.5),
        ("1e300", 1e300),
        ("1E-07", 1e-7),
        ("1.0E300", 1e300),
        ("-0", -0.0),
        ("1e-400", 0.0),
        ("inf", f64::INFINITY),
        ("-INF", f64::NEG_INFINITY),
        ("+Infinity", f64::INFINITY),
        ("-infinity", f64::NEG_INFINITY),
    ] {
        for tag in ["double", "float", "ex:float"] {
            let found = read(&format!("<value><{tag}>{text}</{tag}></value>"), &ReadOptions::new()).unwrap();
            assert_eq!(found.as_f64().unwrap().to_bits(), expected.to_bits(), "{text}");
        }
    }
    for text in ["nan", "NaN", "-nan"] {
        let found = read(&format!("<value><double>{text}</double></value>"), &ReadOptions::new()).unwrap();
        assert!(found.as_f64().unwrap().is_nan());
    }
    for bad in ["", ".", "e5", "1e", "1,5", "0x1", "1 5", "1_0", "infinit"] {
        refused(&format!("<value><double>{bad}</double></value>"), "expected a floating point number");
    }
    refused("<value><double>1e400</double></value>", "beyond the range of a double");
    check("<value><bigdecimal>-1.50E+10</bigdecimal></value>", Value::Decimal("-1.50E+10".to_owned()));
    refused("<value><bigdecimal>1.5.2</bigdecimal></value>", "expected a decimal number");
    refused("<value><bigdecimal>nan</bigdecimal></value>", "expected a decimal number");
}

#[test]
fn texts() {
    check("<value><string>hi</string></value>", "hi");
    check("<value>  hi </value>", "  hi ");
    check("<value> \n </value>", " \n ");
    check("<value></value>", "");
    check("<value/>", "");
    check("<value><string/></value>", "");
    check("<value><string></string></value>", "");
    check("<value>\n<string> a </string>\n</value>", " a ");
    check("<value><string>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;&#xe9;</string></value>", "<>&\"'ABé");
    check("<value>a&amp;b</value>", "a&b");
    check("<value><string>a &lt; b&gt;é&apos;</string></value>", "a < b>é'");
    check("<value><string>a&amp;<!-- c -->b&lt;<![CDATA[<]]></string></value>", "a&b<<");
    check("<value><string>&quot;a]&quot;]&gt;</string ></value>", "\"a]\"]>");
    check("<value><string xmlns:a='urn:a'>a&amp;b</string></value>", "a&b");
    check("<value><![CDATA[<a>]]>tail</value>", "<a>tail");
    check("<value><string>x<![CDATA[]]>y<!-- c -->z<?pi d?>w</string></value>", "xyzw");
    check("<value><!-- c -->a<!-- d --></value>", "a");
    check("<value><!-- c --><string>a</string><!-- d --> </value>", "a");
    check("<value><string>a\r\nb\rc&#13;d\te</string></value>", "a\nb\nc\rd\te");
    check("<value><string>]] ]>&#93;]&gt; ]</string></value>", "]] ]>]]> ]");
    check("<value><string>\u{1F600}é\u{7f}\u{80}\u{fffd}</string></value>", "\u{1F600}é\u{7f}\u{80}\u{fffd}");
    // Apache ws-xmlrpc writes surrogate pairs.
    check("<value>&#55357;&#56832;</value>", "\u{1F600}");
    check("<value><string>a&#xD83D;&#xDE00;b&#xd83d;&#xde00;</string></value>", "a\u{1F600}b\u{1F600}");
    for (bad, expected) in [
        ("&#55357;", "U+D83D HIGH SURROGATE without its other half"),
        ("&#56832;", "U+DE00 LOW SURROGATE without its other half"),
        ("&#55357;x&#56832;", "U+D83D HIGH SURROGATE without its other half"),
        ("&#55357;&amp;", "without its other half"),
        ("a&amp;b]]>c", "]]>"),
        ("a&amp;&amq;", "unknown entity &amq;"),
        ("a&amp;b</strin>", "</strin>"),
        ("&#1;", "U+0001 START OF HEADING cannot be in XML"),
        ("&#0;", "U+0000 NULL cannot be in XML"),
        ("&#xFFFE;", "U+FFFE NONCHARACTER cannot be in XML"),
        ("&#x110000;", "beyond the last character"),
        ("&#99999999999;", "is no character reference"),
        ("&#;", "is no character reference"),
        ("&#x;", "is no character reference"),
        ("&#+5;", "is no character reference"),
        ("&e;", "unknown entity &e;"),
        ("&nbsp;", "unknown entity &nbsp;"),
        ("&;", "unknown entity &;"),
        ("a & b", "malformed"),
        ("&amp", "malformed"),
        ("a]]>b", "']]>' in text"),
    ] {
        refused(&format!("<value><string>{bad}</string></value>"), expected);
        refused(&format!("<value>{bad}</value>"), expected);
    }
}

#[test]
fn texts_that_were_put_together_are_owned_one_by_one() {
    let long = "x".repeat(300);
    let items = ["a&amp;b", "", &format!("{long}&lt;"), "&gt;c&gt;", "plain", "&quot;"];
    let values: String = items.iter().map(|item| format!("<value><string>{item}</string></value>")).collect();
    let body = format!(
        "<methodResponse><params><param><value><array><data>{values}</data></array></value></param></params></methodResponse>"
    );
    let read = || parse_response(Bytes::from(body.clone()), None, &ReadOptions::new()).unwrap().unwrap();
    let expected = ["a&b", "", &format!("{long}<"), ">c>", "plain", "\""];
    assert_eq!(read().decode::<Vec<String>>().unwrap(), expected);
    assert_eq!(read().decode::<Vec<Box<str>>>().unwrap(), expected.map(Box::from));
}

#[test]
fn characters_that_xml_has_not() {
    let e = read("<value>\n\n ab\u{1}c</value>", &ReadOptions::new()).unwrap_err().to_string();
    assert_eq!(e, "malformed data: line 3, column 4: U+0001 START OF HEADING cannot be in XML at byte 43");
    for (c, name) in [('\0', "NULL"), ('\u{8}', "BACKSPACE"), ('\u{b}', "LINE TABULATION"), ('\u{1b}', "ESCAPE")] {
        refused(&format!("<value>{c}</value>"), name);
        refused(&format!("<value><![CDATA[{c}]]></value>"), name);
        refused(&format!("<value><!-- {c} -->x</value>"), name);
    }
    refused("<value>\u{fffe}</value>", "U+FFFE NONCHARACTER");
    let mut lenient = ReadOptions::new();
    lenient.lenient_chars = true;
    assert_eq!(read("<value>a\u{1}&#2;\u{ffff}</value>", &lenient).unwrap(), Value::from("a\u{1}\u{2}\u{ffff}"));
    refused_with("<value>&#xd800;</value>", &lenient, "HIGH SURROGATE");
}

#[test]
fn nothing() {
    check("<value><nil/></value>", ());
    check("<value><nil></nil></value>", ());
    check("<value> <nil> \n </nil> </value>", ());
    check("<value><ex:nil/></value>", ());
    check("<value><ex:nil></ex:nil></value>", ());
    refused("<value><nil>x</nil></value>", "expected nothing in it");
    refused("<value><nil><nil/></nil></value>", "<nil>");
}

#[test]
fn dates() {
    for (text, expected) in [
        ("19980717T14:08:55", "1998-07-17T14:08:55"),
        (" 19980717T14:08:55\n", "1998-07-17T14:08:55"),
        ("1998-07-17T14:08:55", "1998-07-17T14:08:55"),
        ("19980717T14:08:55Z", "1998-07-17T14:08:55+00:00"),
        ("19980717T14:08:55+02:00", "1998-07-17T14:08:55+02:00"),
        ("19980717T14:08:55-0330", "1998-07-17T14:08:55-03:30"),
        ("19980717T14:08:55+02", "1998-07-17T14:08:55+02:00"),
        ("19980717T14:08:55.123", "1998-07-17T14:08:55.123000"),
        ("19980717T14:08:55.123456Z", "1998-07-17T14:08:55.123456+00:00"),
        ("19980717T14:08:55.123456789", "1998-07-17T14:08:55.123456789"),
        ("19980717T14:08:55,5", "1998-07-17T14:08:55.500000"),
        ("19980717T140855", "1998-07-17T14:08:55"),
        ("19980717T1408", "1998-07-17T14:08:00"),
        ("19980717T14:08", "1998-07-17T14:08:00"),
        ("20240229T00:00:00", "2024-02-29T00:00:00"),
        ("00010101T00:00:00", "0001-01-01T00:00:00"),
    ] {
        let date = DateTime::parse(expected).unwrap();
        check(&format!("<value><dateTime.iso8601>{text}</dateTime.iso8601></value>"), date);
    }
    let zoned = DateTime::parse("1998-07-17T14:08:55.120+02:00").unwrap();
    check("<value><ex:dateTime>1998-07-17T14:08:55.120+02:00</ex:dateTime></value>", zoned);
    let mut lenient = ReadOptions::new();
    lenient.lenient_dates = true;
    for (text, lenient_as) in [
        ("19980717", Some("1998-07-17")),
        ("1998-07-17", Some("1998-07-17")),
        ("19980717 14:08:55", Some("1998-07-17T14:08:55")),
        ("", None),
        ("00000000T00:00:00", None),
        ("20230229T00:00:00", None),
        ("19980717T24:00:00", None),
        ("19980717T14:08:60", None),
        ("19980717T14:08:55 o'clock", None),
        ("1998-0717T14:08:55", None),
        ("19980717T14:0855", None),
        ("19980717T14:08:55.", None),
        ("19980717T14:08:55.1234567890", None),
        ("19980717T14:08:55+2", None),
        ("19980717T14:08:55+25:00", None),
        ("tomorrow", None),
        ("１９980717T14:08:55", None),
    ] {
        let value = format!("<value><dateTime.iso8601>{text}</dateTime.iso8601></value>");
        refused(&value, "<dateTime.iso8601>: ");
        let expected = match lenient_as {
            Some(date) => Value::from(DateTime::parse(date).unwrap()),
            None => Value::from(text),
        };
        assert_eq!(read(&value, &lenient).unwrap(), expected, "{text}");
    }
}

#[test]
fn blobs() {
    let blob = |b: &'static [u8]| Bytes::from_static(b);
    check("<value><base64>aGVsbG8=</base64></value>", blob(b"hello"));
    check("<value><base64>\n aGV\tsb\r\nG8 =\n</base64></value>", blob(b"hello"));
    check("<value><base64/></value>", blob(b""));
    check("<value><base64></base64></value>", blob(b""));
    check("<value><base64> \n</base64></value>", blob(b""));
    check("<value><base64>aGVs<!-- c -->bG8=</base64></value>", blob(b"hello"));
    // Longer than what is decoded at a time, in lines as CPython has them.
    let long: Vec<u8> = (0..20_000u32).map(|i| i.wrapping_mul(2_654_435_761) as u8).collect();
    let text = base64_of(&long);
    check(&format!("<value><base64>{text}</base64></value>"), Bytes::from(long.clone()));
    for width in [1, 3, 76, 4095, 4096, 4097] {
        let lines: Vec<&str> = text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
        check(&format!("<value><base64>\n{}\n</base64></value>", lines.join("\n")), Bytes::from(long.clone()));
    }
    let mut lenient = ReadOptions::new();
    lenient.lenient_base64 = true;
    for (text, lenient_as) in [
        ("YQ", Some(&b"a"[..])),
        ("YR==", Some(b"a")),
        ("Y Q", Some(b"a")),
        ("YQ=", Some(b"a")),
        ("a-_b", None),
        ("Y", None),
        ("YQ==YQ==", None),
        ("?", None),
    ] {
        let value = format!("<value><base64>{text}</base64></value>");
        refused(&value, "bad base64");
        match lenient_as {
            Some(expected) => assert_eq!(read(&value, &lenient).unwrap(), Value::from(blob(expected)), "{text}"),
            None => refused_with(&value, &lenient, "bad base64"),
        }
    }
    // A large one is put together once and then shared.
    let value = read(&format!("<value><base64>{text}</base64></value>"), &ReadOptions::new()).unwrap();
    assert_eq!(value.as_bytes().map(Bytes::len), Some(long.len()));
    // Padding in the middle, at the seam between two pieces.
    let seam = format!("{}QQ== QQ==", "A".repeat(4092));
    refused(&format!("<value><base64>{seam}</base64></value>"), "'=' before the end");
}

fn base64_of(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let n = three.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - three.len()));
        for i in 0..4 {
            out.push(if i > three.len() { '=' } else { LETTERS[(n >> (18 - 6 * i)) as usize & 63].into() });
        }
    }
    out
}

#[test]
fn arrays() {
    let one = "<value><int>1</int></value>";
    check(&format!("<value><array><data>{one}{one}</data></array></value>"), list(&[1, 1]));
    check(&format!("<value>\n<array> <data>\n{one}<!-- c -->\n</data> </array>\n</value>"), list(&[1]));
    for empty in [
        "<array><data></data></array>",
        "<array><data/></array>",
        "<array></array>",
        "<array/>",
        "<array> <data> </data> </array>",
    ] {
        check(&format!("<value>{empty}</value>"), list(&[]));
        let nested = format!("<value><array><data><value>{empty}</value>{one}</data></array></value>");
        check(&nested, Value::List(vec![list(&[]), Value::from(1)]));
    }
    refused(
        &format!("<value><array><data></data><data>{one}</data></array></value>"),
        "expected </array>, found <data>",
    );
    refused(&format!("<value><array>{one}</array></value>"), "expected <data>, found <value>");
    refused(&format!("<value><array><data/>{one}</array></value>"), "expected </array>, found <value>");
    refused("<value><array><data>1</data></array></value>", "expected <value> or </data>, found the text \"1\"");
    refused("<value><array><data><int>1</int></data></array></value>", "expected <value> or </data>, found <int>");
}

#[test]
fn structs() {
    let member = |n: &str, v: i32| format!("<member><name>{n}</name><value><int>{v}</int></value></member>");
    check(
        &format!("<value><struct>{}{}</struct></value>", member("b", 1), member("a", 2)),
        map(&[("b", 1.into()), ("a", 2.into())]),
    );
    for empty in ["<struct></struct>", "<struct/>", "<struct>\n</struct>"] {
        check(&format!("<value>{empty}</value>"), map(&[]));
    }
    check(
        "<value><struct> <member> <name> x &amp;y</name> <value/> </member>\n</struct></value>",
        map(&[(" x &y", "".into())]),
    );
    check("<value><struct><member><name/><value>v</value></member></struct></value>", map(&[("", "v".into())]));
    check("<value><struct><member><name></name><value>v</value></member></struct></value>", map(&[("", "v".into())]));
    // The value before the name: scalars, containers, empty ones, one in another.
    for (value, expected) in [
        ("<value><int>1</int></value>", Value::from(1)),
        ("<value>a&amp;b</value>", Value::from("a&b")),
        ("<value/>", Value::from("")),
        ("<value><array/></value>", list(&[])),
        ("<value><array><data><value><int>1</int></value></data></array></value>", list(&[1])),
        ("<value><struct/></value>", map(&[])),
        (
            "<value><struct><member><value>&lt;</value><name>in&amp;ner</name></member></struct></value>",
            map(&[("in&ner", "<".into())]),
        ),
    ] {
        let swapped = format!("<member> {value} <name>n&lt;</name> </member>");
        check(
            &format!("<value><struct>{swapped}{}</struct></value>", member("z", 2)),
            map(&[("n<", expected), ("z", 2.into())]),
        );
    }
    // All are kept in a tree, the last one counts.
    let twice = format!("<value><struct>{}{}</struct></value>", member("a", 1), member("a", 2));
    let found = read(&twice, &ReadOptions::new()).unwrap();
    assert_eq!(found.field("a"), Some(&Value::from(2)));
    let mut strict = ReadOptions::new();
    strict.strict_names = true;
    refused_with(&twice, &strict, "member \"a\" is there twice");
    let inner = format!("<value><struct>{}<member><name>b</name>{twice}</member></struct></value>", member("a", 1));
    refused_with(&inner, &strict, "member \"a\" is there twice");
    let fine = twice.replacen("<name>a", "<name>b", 1);
    let fine = format!("<value><struct>{}<member><name>b</name>{fine}</member></struct></value>", member("a", 1));
    read(&fine, &strict).unwrap();
    for (bad, expected) in [
        ("<member><name>a</name></member>", "expected <value>, found </member>"),
        ("<member><value>1</value></member>", "expected <name>, found </member>"),
        ("<member></member>", "expected <name>, found </member>"),
        ("<member><name>a</name><value>1</value><value>2</value></member>", "expected </member>, found <value>"),
        ("<member><name>a</name><name>b</name><value>1</value></member>", "expected <value>, found <name>"),
        ("<member><value>1</value><name>a</name><name>b</name></member>", "expected </member>, found <name>"),
        ("<member><name><string>a</string></name><value>1</value></member>", "expected only text and then </name>"),
        ("<member><comment/><name>a</name><value>1</value></member>", "expected <name>, found <comment>"),
        ("<name>a</name><value>1</value>", "expected <member> or </struct>, found <name>"),
        ("text", "expected <member> or </struct>, found the text"),
    ] {
        refused(&format!("<value><struct>{bad}</struct></value>"), expected);
    }
}

#[test]
fn the_last_of_repeated_members_counts_for_structs_too() {
    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Point {
        x: i32,
        y: Option<Box<Point>>,
    }
    let member = |name: &str, value: &str| format!("<member><name>{name}</name><value>{value}</value></member>");
    let swapped = |name: &str, value: &str| format!("<member><value>{value}</value><name>{name}</name></member>");
    let structure = |members: &[String]| format!("<struct>{}</struct>", members.concat());
    let x = |v: i32| member("x", &format!("<int>{v}</int>"));
    let leaf = structure(&[x(1), x(2), x(3), member("other", "<array/>"), member("other", "<struct/>")]);
    let value = |value: &str| {
        let call = format!(
            "<methodCall><methodName>m</methodName><params><param><value>{value}</value></param><param><value><int>9</int></value></param></params></methodCall>"
        );
        parse_call(Bytes::from(call), None, &ReadOptions::new()).unwrap()
    };
    let read = |text: &str| value(text).args.decode::<(Point, i32)>().unwrap_or_else(|e| panic!("{text}: {e}"));
    let three = || Point { x: 3, y: None };
    assert_eq!(read(&leaf), (three(), 9));
    // In one another, names behind values, the repeated one in an array, escaped names.
    let x_ref = member("&#120;", "<int>3</int>");
    for text in [
        structure(&[x(0), member("y", &leaf), x(7)]),
        structure(&[x(0), x(7), swapped("y", &leaf)]),
        structure(&[swapped("y", &structure(&[x(1)])), x(7), swapped("y", &leaf), member("z", &leaf)]),
        structure(&[
            x(7),
            member("y", &structure(&[swapped("x", "<int>1</int>"), x_ref.clone(), swapped("z", "<nil/>")])),
        ]),
    ] {
        assert_eq!(read(&text), (Point { x: 7, y: Some(Box::new(three())) }, 9));
    }
    let list = format!("<array><data><value>{leaf}</value><value>{leaf}</value></data></array>");
    assert_eq!(value(&list).args.decode::<(Vec<Point>, i32)>().unwrap().0, [three(), three()]);
    // One parameter at a time, as methods are called.
    let call = value(&leaf);
    let mut both = None;
    let mut f = |source: &mut dyn springline_core::Source<'_>| {
        source.next()?;
        let point: Point = springline_core::de::from_source(source)?;
        both = Some((point, springline_core::de::from_source::<i32, _>(source)?));
        assert!(source.take_end()?);
        Ok(())
    };
    call.args.view_source(&mut f).unwrap();
    assert_eq!(both, Some((three(), 9)));
    // As a result, where the rest of the document is read twice.
    let response = format!("<methodResponse><params><param><value>{leaf}</value></param></params></methodResponse>");
    let result = parse_response(Bytes::from(response), None, &ReadOptions::new()).unwrap().unwrap();
    assert_eq!(result.decode::<Point>().unwrap(), three());
    // All of it within the limits.
    let mut deep = leaf.clone();
    for _ in 0..62 {
        deep = structure(&[x(7), member("y", &deep)]);
    }
    assert_eq!(read(&deep).1, 9);
    let mut options = ReadOptions::new();
    options.limits.nodes = 400;
    let call = format!(
        "<methodCall><methodName>m</methodName><params><param><value>{deep}</value></param></params></methodCall>"
    );
    let call = parse_call(Bytes::from(call), None, &options).unwrap();
    assert_eq!(call.args.decode::<(Point,)>().unwrap_err().kind(), ErrorKind::Limit);
    let mut strict = ReadOptions::new();
    strict.strict_names = true;
    let call = format!(
        "<methodCall><methodName>m</methodName><params><param><value>{leaf}</value></param></params></methodCall>"
    );
    let call = parse_call(Bytes::from(call), None, &strict).unwrap();
    assert!(call.args.decode::<(Point,)>().unwrap_err().to_string().contains("member \"x\" is there twice"));
}

#[test]
fn values_that_are_none() {
    refused("<value>a<int>1</int></value>", "the value has the text \"a\" beside an element");
    refused("<value><int>1</int>a</value>", "expected </value>, found the text \"a\"");
    refused("<value><int>1</int><int>2</int></value>", "expected </value>, found <int>");
    refused("<value> <nil/><nil/></value>", "expected </value>, found <nil>");
    refused("<value><Int>1</Int></value>", "expected a type such as <string>, <int> or <struct>, found <Int>");
    refused("<value><integer>1</integer></value>", "found <integer>");
    refused("<value><i8>1</i4></value>", "found </i4>");
    refused("<value><int>1</i4></value>", "found </i4>");
    refused("<value><int><b>1</b></int></value>", "expected only text and then </int>, found <b>");
    refused("<value><int>1</int>", "expected </value>, found </param>");
    refused("<value>1</string></value>", "expected </value>, found </string>");
    refused("<value><member/></value>", "found <member>");
    refused("<value><![CDATA[ ]]><int>1</int>x</value>", "expected </value>");
}

#[test]
fn extension_types() {
    const NS: &str = "http://ws.apache.org/xmlrpc/namespaces/extensions";
    let of_root = |root: &str, value: &str| {
        let body = format!("<methodResponse {root}><params><param>{value}</param></params></methodResponse>");
        parse_response(Bytes::from(body), None, &ReadOptions::new()).unwrap().unwrap().into_value()
    };
    let apache = format!("xmlns:q='{NS}'");
    assert_eq!(of_root(&apache, "<value><q:i8>7</q:i8></value>").unwrap(), Value::from(7i64));
    assert_eq!(of_root(&apache, "<value> <q:nil/> </value>").unwrap(), Value::Null);
    assert_eq!(of_root(&apache, "<value><q:nil></q:nil></value>").unwrap(), Value::Null);
    let e = of_root("", "<value><q:i8>7</q:i8></value>").unwrap_err().to_string();
    assert!(e.contains("its namespace is another"), "{e}");
    let e = of_root("xmlns:ex='urn:other'", "<value><ex:nil/></value>").unwrap_err().to_string();
    assert!(e.contains("its namespace is another"), "{e}");
    let e = of_root(&apache, "<value><q:i8>7</i8></value>").unwrap_err().to_string();
    assert!(e.contains("found </i8>"), "{e}");
    let e = of_root(&apache, "<value><q:i8>7</ex:i8></value>").unwrap_err().to_string();
    assert!(e.contains("found </ex:i8>"), "{e}");
    let e = of_root(&apache, "<value><q:int>7</q:int></value>").unwrap_err().to_string();
    assert!(e.contains("found <q:int>"), "{e}");
    // On the element, by default, and only as far as it reaches.
    check(&format!("<value><i8 xmlns='{NS}'>7</i8></value>"), 7i64);
    let date = DateTime::parse("1998-07-17T14:08:55").unwrap();
    check(&format!("<value><dateTime xmlns='{NS}'>19980717T14:08:55</dateTime></value>"), date);
    check(&format!("<value><z:i8 xmlns:z=\"{NS}\">7</z:i8></value>"), 7i64);
    refused("<value><dateTime>19980717T14:08:55</dateTime></value>", "found <dateTime>");
    let scoped = format!(
        "<value><array><data><value xmlns:z='{NS}'><z:i8>1</z:i8></value><value><z:i8>2</z:i8></value></data></array></value>"
    );
    refused(&scoped, "<z:i8> is no <i8> of XML-RPC");
    refused("<value><m:int>1</m:int></value>", "<m:int> is no <int> of XML-RPC");
    for (bad, expected) in [
        ("<value><ex:serializable>rO0AB</ex:serializable></value>", "serialized Java object"),
        ("<value><serializable/></value>", "serialized Java object"),
        ("<value><ex:dom><a/></ex:dom></value>", "XML document, which is not read"),
    ] {
        refused(bad, expected);
    }
}

#[test]
fn around_the_values() {
    let read = |body: &str| parse_call(Bytes::copy_from_slice(body.as_bytes()), None, &ReadOptions::new());
    let params = |body: &str| {
        let call = read(body).unwrap_or_else(|e| panic!("{body}: {e}"));
        (call.method, call.args.into_value().unwrap_or_else(|e| panic!("{body}: {e}")))
    };
    let empty = Value::List(Vec::new());
    for none in ["", "<params/>", "<params></params>", "<params>\n</params>", "<!-- none -->"] {
        let body = format!("<methodCall><methodName>m</methodName>{none}</methodCall>");
        assert_eq!(params(&body), ("m".to_owned(), empty.clone()));
    }
    let one = "<param><value><int>1</int></value></param>";
    let two = Value::List(vec![1.into(), "x".into()]);
    let body = format!(
        "<?xml version=\"1.0\" encoding='UTF-8' standalone=\"yes\" ?>\n<!-- c --><?pi?><!DOCTYPE methodCall>\n<methodCall version='1.0'>\
         <methodName> a&amp;b<!-- c -->.<![CDATA[<c>]]> </methodName><params xml:space=\"preserve\"> {one} <param>\n<value>x</value>\n</param>\
         </params> </methodCall >\n<!-- end --><?pi x?>\n"
    );
    assert_eq!(params(&body), (" a&b.<c> ".to_owned(), two.clone()));
    let swapped = format!(
        "<methodCall><params>{one}<param><value>x</value></param></params><methodName>m</methodName></methodCall>"
    );
    assert_eq!(params(&swapped), ("m".to_owned(), two));
    assert_eq!(params("<methodCall><params/><methodName>m</methodName></methodCall>"), ("m".to_owned(), empty.clone()));
    assert_eq!(
        params("<?xml version='1.1'?><methodCall><methodName>m</methodName></methodCall>"),
        ("m".to_owned(), empty)
    );

    let code = |body: &str| {
        let e = match read(body).and_then(|call| call.args.into_value()) {
            Ok(v) => panic!("{body}: {v:?}"),
            Err(e) => e,
        };
        (Fault::from_error(&e, FaultDialect::Interop).code, e.to_string())
    };
    let named = |rest: &str| format!("<methodCall><methodName>m</methodName>{rest}</methodCall>");
    for (body, expected, text) in [
        (String::new(), -32700, "expected a document"),
        ("  \n".to_owned(), -32700, "expected a document"),
        ("hello".to_owned(), -32700, "expected '<'"),
        ("<methodCall>".to_owned(), -32700, "found the end of the document"),
        ("<methodCall/>".to_owned(), -32600, "no <methodName>"),
        ("<methodCall></methodCall>".to_owned(), -32600, "no <methodName>"),
        ("<methodCall><methodName/></methodCall>".to_owned(), -32600, "name is empty"),
        ("<methodCall><methodName></methodName></methodCall>".to_owned(), -32600, "name is empty"),
        ("<methodCall><params></params></methodCall>".to_owned(), -32600, "no <methodName>"),
        (
            "<methodCall><methodName>a</methodName><methodName>b</methodName></methodCall>".to_owned(),
            -32600,
            "found <methodName>",
        ),
        ("<methodcall><methodName>a</methodName></methodcall>".to_owned(), -32600, "expected <methodCall>"),
        ("<methodResponse><params/></methodResponse>".to_owned(), -32600, "expected <methodCall>"),
        ("<html><body>404</body></html>".to_owned(), -32600, "expected <methodCall>, found <html>"),
        (named("<params><value>x</value></params>"), -32600, "expected <param> or </params>, found <value>"),
        (
            named("<params><param><value>x</value><value>x</value></param></params>"),
            -32600,
            "expected </param>, found <value>",
        ),
        (named("<params><param></param></params>"), -32700, "expected <value>, found </param>"),
        (named("<params><param/></params>"), -32600, "found <param>"),
        (named("<params/><params/>"), -32600, "found <params>"),
        (named("<params></params><params></params>"), -32600, "found <params>"),
        (named("<extra/>"), -32600, "found <extra>"),
        (named("text"), -32600, "found the text \"text\""),
        (format!("{}<x/>", named("")), -32700, "a second element after the root"),
        (format!("{}x", named("")), -32700, "text after the root"),
        (format!("{}<![CDATA[ ]]>", named("")), -32700, "text after the root"),
        (format!("{}</methodCall>", named("")), -32700, "an end tag after the root"),
        (format!(" <?xml version='1.0'?>{}", named("")), -32700, "blanks before the XML declaration"),
        (format!("<!-- c --><?xml version='1.0'?>{}", named("")), -32700, "only stand at the very beginning"),
        (named("<?xml version='1.0'?>"), -32700, "only stand at the very beginning"),
        (format!("<?xml version='2.0'?>{}", named("")), -32700, "bad XML declaration: version \"2.0\""),
        (format!("<?xml?>{}", named("")), -32700, "bad XML declaration: no version"),
        (format!("<?xml encoding='utf-8' version='1.0'?>{}", named("")), -32700, "out of order"),
        (format!("<?xml version='1.0' colour='red'?>{}", named("")), -32700, "unknown word 'colour'"),
        (format!("<!DOCTYPE a><!DOCTYPE b>{}", named("")), -32700, "a second DOCTYPE"),
        (format!("<!DOCTYPE a;b>{}", named("")), -32700, "a name it cannot have"),
        (format!("<!DOCTYPEa>{}", named("")), -32700, "a name it cannot have"),
        (named("<!DOCTYPE methodCall>"), -32700, "only stand before the root"),
        (
            format!("<!DOCTYPE methodCall SYSTEM \"http://x/y.dtd\">{}", named("")),
            -32600,
            "external identifier: refused",
        ),
        (format!("<!DOCTYPE methodCall PUBLIC '-//x' 'y'>{}", named("")), -32600, "external identifier: refused"),
        (
            format!("<!DOCTYPE methodCall [<!ENTITY e 'x'>]>{}", named("")),
            -32600,
            "a DOCTYPE with declarations: refused",
        ),
        (named("<!-- a -- b -->"), -32700, "--"),
        (named("<? x?>"), -32700, "processing instruction"),
        (named("<?a=b?>"), -32700, "processing instruction"),
        (named("<params a='1'b='2'/>"), -32700, "bad attributes"),
        (format!("<?xml version='1.0'encoding='utf-8'?>{}", named("")), -32700, "bad XML declaration"),
        (named("<?XML x?>"), -32700, "processing instruction"),
        (named("<params a='1' a='2'/>"), -32700, "bad attributes"),
        (named("<params a=1/>"), -32700, "bad attributes"),
        (named("<params a/>"), -32700, "bad attributes"),
        (named("<params a='<'/>"), -32700, "'<' in the value of 'a'"),
        (named("<params a='&e;'/>"), -32700, "unknown entity &e;"),
        (named("<params a='&'/>"), -32700, "'&' without a reference"),
        (named("<1a/>"), -32600, "found <1a>"),
        (named("< params/>"), -32700, "bad attributes"),
        (named("< >"), -32600, "found <>"),
        (named("<params></params a='1'>"), -32700, "expected"),
    ] {
        let (found, e) = code(&body);
        assert!(found == expected && e.contains(text), "{body}: {found} {e}");
    }
    let mut strict = ReadOptions::new();
    strict.strict_doctype = true;
    let body = format!("<!DOCTYPE methodCall>{}", named(""));
    assert!(parse_call(Bytes::from(body), None, &strict).unwrap_err().to_string().contains("no use for"));
    let mut lenient = ReadOptions::new();
    lenient.lenient_start = true;
    let body = format!("\n <?xml version='1.0' encoding='latin1'?>{}", named("").replace(">m<", ">\u{e9}<"));
    let body: Vec<u8> = body.chars().map(|c| c as u8).collect();
    assert_eq!(parse_call(Bytes::from(body), None, &lenient).unwrap().method, "é");
}

#[test]
fn responses_and_faults() {
    let parse =
        |body: &str, options: &ReadOptions| parse_response(Bytes::copy_from_slice(body.as_bytes()), None, options);
    let wrap = |inside: &str| format!("<?xml version='1.0'?><methodResponse>{inside}</methodResponse>");
    let fault = |members: &str| wrap(&format!("<fault><value><struct>{members}</struct></value></fault>"));
    let code = |value: &str| format!("<member><name>faultCode</name><value>{value}</value></member>");
    let text = |value: &str| format!("<member><name>faultString</name><value>{value}</value></member>");
    let default = ReadOptions::new();
    for (members, expected_code, expected_text) in [
        (code("<int>4</int>") + &text("<string>too many</string>"), 4, "too many"),
        (text("too many") + &code("<i4>-4</i4>"), -4, "too many"),
        (code("<i8>4000000000</i8>") + &text("x"), 4_000_000_000, "x"),
        (code("<i1>4</i1>") + &text("<nil/>"), 4, ""),
        (code("<string>404</string>") + &text("x"), 404, "x"),
        (code(" 404 ") + &text("x"), 404, "x"),
        (code("<int>1</int>") + &code("<int>2</int>") + &text("x"), 2, "x"),
    ] {
        let found = parse(&fault(&members), &default).unwrap().unwrap_err();
        assert_eq!((found.code, found.string.as_str(), found.extra.len()), (expected_code, expected_text, 0));
    }
    let cause = "<member><name>faultCause</name><value><array><data/></array></value></member>";
    let found = parse(&fault(&(cause.to_owned() + &text("x") + &code("<int>0</int>"))), &default).unwrap().unwrap_err();
    assert_eq!(found.extra, [("faultCause".to_owned(), Value::List(Vec::new()))]);
    for (body, expected) in [
        (fault(&code("<int>1</int>")), "no textual faultString: Map("),
        (fault(&text("x")), "no numeric faultCode: Map("),
        (fault(&(code("many") + &text("x"))), "no numeric faultCode"),
        (fault(&(code("<double>1</double>") + &text("x"))), "no numeric faultCode"),
        (wrap("<fault><value>broken</value></fault>"), "no numeric faultCode: Str(\"broken\")"),
    ] {
        let e = parse(&body, &default).unwrap_err();
        assert!(e.kind() == ErrorKind::Protocol && e.to_string().contains(expected), "{body}: {e}");
    }
    let one = "<param><value><int>1</int></value></param>";
    for (body, expected) in [
        (wrap("<params/>"), "neither a result nor a fault"),
        (wrap("<params></params>"), "neither a result nor a fault"),
        (wrap(""), "expected <params> or <fault>, found </methodResponse>"),
        ("<methodResponse/>".to_owned(), "expected <methodResponse>"),
        (wrap(&format!("<params>{one}{one}</params>")), "more than one <param>"),
        (wrap(&format!("<params>{one}</params><fault/>")), "found <fault>"),
        (
            wrap(
                &(fault("").replace("<?xml version='1.0'?><methodResponse>", "").replace("</methodResponse>", "")
                    + "<params/>"),
            ),
            "found <params>",
        ),
        (wrap("<fault></fault>"), "expected <value>"),
        (wrap("<params><param></param></params>"), "expected <value>"),
        (format!("{}<a/>", wrap(&format!("<params>{one}</params>"))), "a second element"),
        (wrap(&format!("<params>{one}</params>")).replace("</methodResponse>", ""), "found the end of the document"),
        (wrap(one), "expected <params> or <fault>, found <param>"),
    ] {
        let e = match parse(&body, &default).map(|r| r.unwrap().into_value()) {
            Err(e) | Ok(Err(e)) => e.to_string(),
            Ok(Ok(v)) => panic!("{body}: {v:?}"),
        };
        assert!(e.contains(expected), "{body}: {e}");
    }
    let mut several = ReadOptions::new();
    several.several_results = true;
    let result = |body: &str| parse(body, &several).unwrap().unwrap().into_value().unwrap();
    assert_eq!(result(&wrap("<params/>")), list(&[]));
    assert_eq!(result(&wrap(&format!("<params>{one}</params>"))), Value::from(1));
    assert_eq!(result(&wrap(&format!("<params>{one}{one}</params>"))), list(&[1, 1]));
    let nested = "<param><value><array><data><value><array/></value></data></array></value></param>";
    assert_eq!(
        result(&wrap(&format!("<params>{nested}{one}</params>"))),
        Value::List(vec![Value::List(vec![list(&[])]), 1.into()])
    );
}

#[test]
fn errors_name_their_place() {
    let body = "<?xml version='1.0'?>\r\n<methodCall>\r\n  <methodName>ä</methodName>\r\n  <params>\r\n    <param><value>é<int>1</int></value></param>\r\n  </params>\r\n</methodCall>";
    let call = parse_call(Bytes::from(body), None, &ReadOptions::new()).unwrap();
    let e = call.args.into_value().unwrap_err().to_string();
    assert!(
        e.starts_with("malformed data: line 5, column 19: the value has the text \"é\" beside an element at byte "),
        "{e}"
    );
    // Well-formed, but of another type than was asked for.
    let body = "<methodCall><methodName>m</methodName>\n<params>\n <param><value><string>x</string></value></param></params></methodCall>";
    let call = parse_call(Bytes::from(body), None, &ReadOptions::new()).unwrap();
    let e = call.args.decode::<(i32,)>().unwrap_err();
    assert!(e.kind() == ErrorKind::Mismatch && e.to_string().contains("line 3, column 42: item [0]"), "{e}");
    let fault = Fault::from_error(&e, FaultDialect::Interop);
    assert_eq!(fault.code, -32602);
}
