//! Hostile and broken documents: an error each, no panic, no work beyond the document's size.

mod codec_support;

use codec_support::{documents, read_any, read_call, read_response};
use springline_core::{Bytes, ErrorKind, Value};
use springline_xmlrpc::{Fault, FaultDialect, ReadOptions, parse_call};

fn call(value: &str) -> Vec<u8> {
    format!("<methodCall><methodName>m</methodName><params><param>{value}</param></params></methodCall>").into_bytes()
}

fn strict_and_lenient() -> [ReadOptions; 2] {
    let mut lenient = ReadOptions::new();
    lenient.lenient_dates = true;
    lenient.lenient_bools = true;
    lenient.lenient_base64 = true;
    lenient.lenient_chars = true;
    lenient.lenient_start = true;
    lenient.several_results = true;
    let mut strict = ReadOptions::new();
    strict.strict_ints = true;
    strict.strict_names = true;
    strict.strict_doctype = true;
    [lenient, strict]
}

#[test]
fn recorded_documents_are_read() {
    for (name, body) in documents() {
        if let Err(e) = read_any(&body, &ReadOptions::new()) {
            panic!("{name}: {e}");
        }
    }
}

#[test]
fn every_document_cut_anywhere_is_an_error() {
    for (name, body) in documents() {
        // What follows the root element may be missing.
        let whole = body.trim_ascii_end().len();
        let whole = if body.starts_with(b"\xff\xfe") { body.len() } else { whole };
        for options in strict_and_lenient().into_iter().chain([ReadOptions::new()]) {
            let end = match memchr::memmem::rfind(&body, b"</method") {
                Some(at) => at + memchr::memchr(b'>', &body[at..]).unwrap_or(0),
                None => whole - 1,
            };
            for cut in 0..=end {
                if let Ok(found) = read_any(&body[..cut], &options) {
                    panic!("{name} cut at {cut} of {} was read as {found:?}", body.len());
                }
            }
        }
    }
}

#[test]
fn mutations_neither_panic_nor_hang() {
    let documents = documents();
    let mut random = fastrand::Rng::with_seed(20_260_117);
    let pieces: &[&[u8]] = &[
        b"<value>",
        b"</value>",
        b"<array>",
        b"<data>",
        b"</data>",
        b"<struct>",
        b"<member>",
        b"</name>",
        b"<!--",
        b"-->",
        b"<![CDATA[",
        b"]]>",
        b"&#55357;",
        b"&#56832;",
        b"&amp;",
        b"&x;",
        b"<?pi?>",
        b"<!DOCTYPE a>",
        b"<nil/>",
        b"<ex:i8>",
        b"xmlns:ex='u'",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\r\n",
        b"\0",
        b"<int>",
        b"1e999",
        b"=",
        b"\"",
        b"'",
    ];
    let mut accepted = 0;
    let all = strict_and_lenient().into_iter().chain([ReadOptions::new()]).collect::<Vec<_>>();
    for round in 0..100_000 {
        let (_, original) = &documents[random.usize(..documents.len())];
        // The long ones would take most of the time.
        if original.len() > 4096 && round % 16 != 0 {
            continue;
        }
        let mut body = original.clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..=body.len());
            match random.u8(..6) {
                0 => body.truncate(at),
                1 if at < body.len() => body[at] = random.u8(..),
                2 if at < body.len() => {
                    body.remove(at);
                }
                3 => {
                    let piece = pieces[random.usize(..pieces.len())];
                    body.splice(at..at, piece.iter().copied());
                }
                4 => {
                    let to = (at + random.usize(..64)).min(body.len());
                    let copy = body[at..to].to_vec();
                    let target = random.usize(..=body.len());
                    body.splice(target..target, copy);
                }
                _ if at < body.len() => {
                    let to = (at + random.usize(1..32)).min(body.len());
                    body.drain(at..to);
                }
                _ => {}
            }
        }
        match read_any(&body, &all[round % all.len()]) {
            Ok(_) => accepted += 1,
            Err(e) => {
                assert!(
                    matches!(e.kind(), ErrorKind::Malformed | ErrorKind::Protocol | ErrorKind::Limit),
                    "{e}: {:?}",
                    String::from_utf8_lossy(&body)
                );
                assert!(e.to_string().len() < 1500, "{e}");
                assert!(Fault::from_error(&e, FaultDialect::Interop).code < 0);
            }
        }
    }
    assert!(accepted > 1000, "only {accepted} were read");
}

#[test]
fn nesting_stops_at_the_limit() {
    let nested = |n: usize, open: &str, close: &str| call(&format!("{}<value/>{}", open.repeat(n), close.repeat(n)));
    let arrays = |n| nested(n, "<value><array><data>", "</data></array></value>");
    let structs = |n| nested(n, "<value><struct><member><name>a</name>", "</member></struct></value>");
    let swapped = |n| nested(n, "<value><struct><member>", "<name>a</name></member></struct></value>");
    let options = ReadOptions::new();
    for make in [&arrays as &dyn Fn(usize) -> Vec<u8>, &structs] {
        read_call(&make(64), &options).unwrap();
        for n in [65, 1000, 10_000] {
            let e = read_call(&make(n), &options).unwrap_err();
            assert!(e.kind() == ErrorKind::Limit && e.to_string().contains("depth = 64"), "{e}");
        }
    }
    // Names behind their values are looked for: each level is passed over once for each level above.
    read_call(&swapped(64), &options).unwrap();
    assert_eq!(read_call(&swapped(65), &options).unwrap_err().kind(), ErrorKind::Limit);
    // A million, unfinished, whatever the limit.
    let mut deep = options;
    deep.limits.depth = u32::MAX;
    let open =
        format!("<methodCall><methodName>m</methodName><params><param>{}", "<value><array><data>".repeat(1_000_000));
    assert_eq!(read_call(open.as_bytes(), &options).unwrap_err().kind(), ErrorKind::Limit);
    let call = parse_call(Bytes::from(open), None, &deep).unwrap();
    let mut skipped = None;
    let mut f = |source: &mut dyn springline_core::Source<'_>| {
        skipped = Some(source.skip());
        Ok(())
    };
    call.args.view_source(&mut f).unwrap();
    assert_eq!(skipped.unwrap().unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn nodes_and_sizes_are_limited() {
    let mut options = ReadOptions::new();
    options.limits.nodes = 100;
    let many = |n: usize| call(&format!("<value><array><data>{}</data></array></value>", "<value/>".repeat(n)));
    read_call(&many(98), &options).unwrap();
    let e = read_call(&many(99), &options).unwrap_err();
    assert!(e.kind() == ErrorKind::Limit && e.to_string().contains("nodes = 100"), "{e}");
    let e = read_call(&many(1_000_000), &options).unwrap_err();
    assert!(e.kind() == ErrorKind::Limit, "{e}");
    options.limits.message_size = 100;
    let e = read_call(&many(10), &options).unwrap_err();
    assert!(e.kind() == ErrorKind::Limit && e.to_string().contains("message_size = 100"), "{e}");
    assert_eq!(Fault::from_error(&e, FaultDialect::Interop).code, -32600);
}

#[test]
fn names_behind_their_values_cannot_blow_up() {
    // Each level doubles what a reader would do that looks ahead at each level anew.
    let mut options = ReadOptions::new();
    options.limits.nodes = 100_000;
    let wide = "<member><value/><name>x</name></member>".repeat(1000);
    let mut value = format!("<value><struct>{wide}</struct></value>");
    for _ in 0..60 {
        value = format!("<value><struct><member>{value}<name>a</name></member></struct></value>");
    }
    // 60 levels times 1,000 members, each looked at for each level: within the budget or refused by it.
    match read_call(&call(&value), &options) {
        Ok(_) => {}
        Err(e) => assert_eq!(e.kind(), ErrorKind::Limit, "{e}"),
    }
}

#[test]
fn entities_and_doctypes_are_no_bombs() {
    let laughs: String =
        (1..10).map(|i| format!("<!ENTITY lol{i} \"{}\">", format!("&lol{};", i - 1).repeat(10))).collect();
    let body = |doctype: &str, entity: &str| {
        format!(
            "<?xml version='1.0'?>{doctype}<methodCall><methodName>m</methodName><params><param><value>{entity}</value></param></params></methodCall>"
        )
    };
    let quadratic = format!("<!DOCTYPE m [<!ENTITY a \"{}\">]>", "x".repeat(50_000));
    for (doctype, entity) in [
        (format!("<!DOCTYPE m [<!ENTITY lol0 \"lol\">{laughs}]>"), "&lol9;".to_owned()),
        (quadratic, "&a;".repeat(50_000)),
        ("<!DOCTYPE m [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>".to_owned(), "&x;".to_owned()),
        ("<!DOCTYPE m SYSTEM \"file:///etc/passwd\">".to_owned(), String::new()),
        ("<!DOCTYPE m [<!ENTITY % p SYSTEM 'http://127.0.0.1:1/'> %p;]>".to_owned(), String::new()),
    ] {
        let e = read_call(body(&doctype, &entity).as_bytes(), &ReadOptions::new()).unwrap_err();
        assert!(e.to_string().contains("a DOCTYPE with"), "{e}");
    }
    let e = read_call(body("", "&lol9;").as_bytes(), &ReadOptions::new()).unwrap_err();
    assert!(e.to_string().contains("unknown entity &lol9;"), "{e}");
}

#[test]
fn endless_pieces_are_errors() {
    let big = "x".repeat(1_000_000);
    for (body, expected) in [
        (format!("<methodCall><methodName>{big}"), "found the end of the document"),
        (format!("<{big}"), "not closed"),
        (format!("<{big}>"), "expected <methodCall>, found <xxxxx"),
        (format!("<methodCall><!--{big}"), "not closed"),
        (format!("<methodCall><![CDATA[{big}"), "not closed"),
        (format!("<methodCall a='{big}"), "not closed"),
        (format!("<methodCall {}", "a='1' ".repeat(100_000)), "not closed"),
        // Each would be compared with each.
        (
            format!("<methodCall {}>", (0..100_000).map(|i| format!("a{i}='' ")).collect::<String>()),
            "bad attributes in <methodCall>: more than 64",
        ),
        (format!("<methodCall>&{big};</methodCall>"), "unknown entity &xxxxx"),
        (format!("<!DOCTYPE {big}"), "not closed"),
        (format!("<?{big}"), "not closed"),
    ] {
        let e = read_call(body.as_bytes(), &ReadOptions::new()).unwrap_err().to_string();
        assert!(e.contains(expected) && e.len() < 400, "{e}");
    }
    // Many start tags that quick-xml takes note of.
    let items = "<value a=''><int>1</int></value>".repeat(20_000);
    let (_, args) =
        read_call(&call(&format!("<value><array><data>{items}</data></array></value>")), &ReadOptions::new()).unwrap();
    assert_eq!(args.get(0).and_then(Value::as_items).map(<[Value]>::len), Some(20_000));
}

#[test]
fn a_reader_that_failed_stays_failed() {
    let call = parse_call(Bytes::from(call("<value><int>x</int></value>")), None, &ReadOptions::new()).unwrap();
    let mut seen = Vec::new();
    let mut f = |source: &mut dyn springline_core::Source<'_>| {
        source.next()?;
        // Short cuts that cannot fail leave the error to those that can.
        assert_eq!((source.take_f64(), source.take_bool(), source.take_str()), (None, None, None));
        for _ in 0..3 {
            seen.push(source.next().unwrap_err().to_string());
        }
        Ok(())
    };
    call.args.view_source(&mut f).unwrap();
    assert!(seen[0].contains("expected an integer") && seen[1].contains("found bad before"), "{seen:?}");
    assert!(read_response(b"<methodResponse><fault><value><struct><member>", &ReadOptions::new()).is_err());
}
