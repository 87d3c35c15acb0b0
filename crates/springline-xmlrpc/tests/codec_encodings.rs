//! Encodings: which one a document is in, and that texts survive each of them.

use springline_core::{Bytes, Payload, Value};
use springline_xmlrpc::{
    Encoding, Fault, FaultDialect, ReadOptions, WriteOptions, parse_call, parse_response, write_call, write_response,
};

fn document(declaration: &str, text: &str) -> String {
    format!(
        "{declaration}<methodCall><methodName>m</methodName><params><param><value>{text}</value></param></params></methodCall>"
    )
}

fn read(body: Vec<u8>, charset: Option<&str>) -> springline_core::Result<String> {
    let call = parse_call(Bytes::from(body), charset, &ReadOptions::new())?;
    Ok(call.args.decode::<(String,)>()?.0)
}

fn utf_16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

#[test]
fn marks_before_declarations_before_headers() {
    let declared = |label: &str| document(&format!("<?xml version='1.0' encoding='{label}'?>"), "é");
    let latin = |text: &str| -> Vec<u8> { text.chars().map(|c| c as u8).collect() };
    let with_mark = |body: &str| [b"\xef\xbb\xbf", body.as_bytes()].concat();
    for (body, charset) in [
        // UTF-8: by default, declared, by the header, by its mark against everything else.
        (document("", "é").into_bytes(), None),
        (document("<?xml version='1.0'?>", "é").into_bytes(), Some("")),
        (document("", "é").into_bytes(), Some("utf-8")),
        (document("", "é").into_bytes(), Some("\"UTF8\"")),
        (declared("UTF-8").into_bytes(), Some("iso-8859-1")),
        (declared("utf8").into_bytes(), None),
        (with_mark(&document("", "é")), None),
        (with_mark(&declared("iso-8859-1")), Some("windows-1252")),
        // Latin 1.
        (latin(&declared("ISO-8859-1")), None),
        (latin(&declared("latin1")), Some("utf-8")),
        (latin(&document("", "é")), Some("iso-8859-1")),
        (latin(&declared("windows-1252")), None),
        (latin(&declared("cp1252")), None),
        // UTF-16 with a mark and without, whatever is declared.
        ([vec![0xff, 0xfe], utf_16(&declared("utf-16"), u16::to_le_bytes)].concat(), None),
        ([vec![0xfe, 0xff], utf_16(&declared("UTF-8"), u16::to_be_bytes)].concat(), Some("utf-8")),
        (utf_16(&declared("utf-16le"), u16::to_le_bytes), None),
        (utf_16(&document("", "é"), u16::to_be_bytes), None),
        // A reference needs no encoding.
        (document("<?xml version='1.0' encoding=\"us-ascii\"?>", "&#233;").into_bytes(), None),
    ] {
        assert_eq!(read(body.clone(), charset).unwrap(), "é", "{:?} {charset:?}", String::from_utf8_lossy(&body));
    }
}

#[test]
fn iso_8859_1_is_not_windows_1252() {
    let body = |label: &str| {
        let mut body = document(&format!("<?xml version='1.0' encoding='{label}'?>"), "_").into_bytes();
        body.iter_mut().filter(|b| **b == b'_').for_each(|b| *b = 0x80);
        body
    };
    assert_eq!(read(body("iso-8859-1"), None).unwrap(), "\u{80}");
    assert_eq!(read(body("windows-1252"), None).unwrap(), "€");
}

#[test]
fn encodings_of_the_standard() {
    for (label, bytes, expected) in [
        ("Shift_JIS", &b"\x83\x65\x83\x58\x83\x67"[..], "テスト"),
        ("sjis", b"\x83\x65", "テ"),
        ("EUC-JP", b"\xa5\xc6", "テ"),
        ("ISO-2022-JP", b"\x1b$B%F\x1b(B", "テ"),
        ("koi8-r", b"\xd4\xc5\xd3\xd4", "тест"),
        ("windows-1251", b"\xf2\xe5\xf1\xf2", "тест"),
        ("gb18030", b"\xb2\xe2\xca\xd4\x81\x30\x81\x30", "测试\u{80}"),
        ("big5", b"\xb4\xfa", "測"),
        ("euc-kr", b"\xbd\xc3", "시"),
        ("iso-8859-15", b"\xa4", "€"),
        ("macintosh", b"\x8e", "é"),
    ] {
        let body = document(&format!("<?xml version='1.0' encoding='{label}'?>"), "_");
        let (before, after) = body.split_once('_').map(|(a, b)| (a.as_bytes(), b.as_bytes())).unwrap();
        // The underscore is not in the label.
        let (before, after) = if label.contains('_') {
            let at = body.rfind('_').unwrap();
            (&body.as_bytes()[..at], &body.as_bytes()[at + 1..])
        } else {
            (before, after)
        };
        assert_eq!(read([before, bytes, after].concat(), None).unwrap(), expected, "{label}");
    }
}

#[test]
fn what_cannot_be_decoded_is_refused_with_its_code() {
    let declared = |label: &str| document(&format!("<?xml version='1.0' encoding='{label}'?>"), "_");
    let with = |body: String, bytes: &[u8]| {
        let at = body.rfind('_').unwrap();
        [&body.as_bytes()[..at], bytes, &body.as_bytes()[at + 1..]].concat()
    };
    let long = "é".repeat(50_000);
    for (body, charset, code, text) in [
        (declared("ebcdic-x").into_bytes(), None, -32701, "unknown encoding \"ebcdic-x\""),
        (declared("iso-2022-kr").into_bytes(), None, -32701, "unknown encoding"),
        (declared("").into_bytes(), None, -32701, "unknown encoding \"\""),
        (document("", "x").into_bytes(), Some("klingon"), -32701, "unknown encoding \"klingon\""),
        (declared("utf-16").into_bytes(), None, -32701, "said to be UTF-16"),
        (b"\xff\xfe\0\0<\0\0\0".to_vec(), None, -32701, "UTF-32"),
        (b"\0\0\0<".to_vec(), None, -32701, "UTF-32"),
        (with(declared("utf-8"), b"\xff"), None, -32702, "line 1, column 99: bytes ff are no character of utf-8"),
        (with(declared("utf-8"), b"\xed\xa0\xbd"), None, -32702, "no character of utf-8"),
        (with(declared("utf-8"), b"\xc0\x80"), None, -32702, "no character of utf-8"),
        (with(document("", &format!("{long}_")), b"\xe9"), None, -32702, "bytes e9 are no character"),
        (with(declared("us-ascii"), b"\xe9"), None, -32702, "bytes e9 are no character of us-ascii"),
        (with(document("", "_"), b"\xe9"), Some("us-ascii"), -32702, "no character of us-ascii"),
        (with(declared("shift_jis"), b"\x83\xff"), None, -32702, "no character of Shift_JIS"),
        (
            [vec![0xff, 0xfe], utf_16(&document("", "x"), u16::to_le_bytes), vec![0x3d, 0xd8]].concat(),
            None,
            -32702,
            "no character of utf-16",
        ),
        (
            [vec![0xff, 0xfe], utf_16(&document("", "x"), u16::to_le_bytes), vec![0x3d]].concat(),
            None,
            -32702,
            "no character of utf-16",
        ),
    ] {
        let e = read(body, charset).unwrap_err();
        assert_eq!(Fault::from_error(&e, FaultDialect::Interop).code, code, "{e}");
        assert!(e.to_string().contains(text), "{e}");
    }
}

#[test]
fn every_text_survives_every_encoding() {
    let text = "plain <&> é € テスト тест \u{1F600} \u{80}\u{9f}\u{a0}\u{ff}\u{100} end\r\n\t";
    let value = Value::Map(vec![(Value::from("näme テ"), Value::from(text))]);
    for label in [
        "utf-8",
        "us-ascii",
        "iso-8859-1",
        "windows-1252",
        "utf-16",
        "koi8-r",
        "Shift_JIS",
        "EUC-JP",
        "ISO-2022-JP",
        "gb18030",
        "big5",
        "euc-kr",
        "iso-8859-15",
        "windows-1251",
    ] {
        let mut options = WriteOptions::new();
        options.encoding = Encoding::for_label(label).unwrap();
        let mut out = b"kept".to_vec();
        write_response(&mut out, &Payload::from(value.clone()), &options).unwrap();
        assert_eq!(&out[..4], b"kept");
        let body = Bytes::from(out.split_off(4));
        if label != "utf-8" && label != "utf-16" {
            let start = format!("<?xml version='1.0' encoding='{}'?>\n", options.encoding.name());
            assert!(body.starts_with(start.as_bytes()), "{label}");
        }
        let found = parse_response(body, None, &ReadOptions::new()).unwrap().unwrap().into_value().unwrap();
        assert_eq!(found, value, "{label}");
        write_call(&mut out, "mä.テ", &Payload::from(Value::List(vec![value.clone()])), &options).unwrap();
        let call = parse_call(Bytes::from(out.split_off(4)), None, &ReadOptions::new()).unwrap();
        assert_eq!(
            (call.method.as_str(), call.args.into_value().unwrap()),
            ("mä.テ", Value::List(vec![value.clone()]))
        );
    }
}

#[test]
fn line_ends_are_unified_in_place() {
    let body = document("<?xml version='1.0'?>\r\n", "a\r\nb\rc");
    let bytes = Bytes::from(body.into_bytes());
    let at = bytes.as_ptr();
    let call = parse_call(bytes, None, &ReadOptions::new()).unwrap();
    let text: &str = call.args.view::<(&str,)>().unwrap().0;
    assert_eq!(text, "a\nb\nc");
    // Borrowed from the very buffer that came in.
    let distance = (text.as_ptr() as usize).wrapping_sub(at as usize);
    assert!(distance < 200, "{distance}");
}
