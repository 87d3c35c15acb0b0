//! Reading serpent: events, errors and limits. What literals mean is compared with Python in serpent_python.rs.

use springline_core::{
    Budget, Bytes, Chunk, Container, ErrorKind, Event, Format, Kind, Limits, ListKind, Source, Text, Value,
};
use springline_pyro::codec::serpent::{Decoder, FORMAT};

fn open(message: &str) -> Decoder<'_> {
    Decoder::new(message.as_bytes(), 0, Budget::default())
}

fn read(message: &str) -> springline_core::Result<Value> {
    let mut decoder = open(message);
    let value = Value::read(&mut decoder)?;
    decoder.finish()?;
    Ok(value)
}

fn check(message: &str, expected: Value) {
    assert_eq!(read(message).unwrap_or_else(|e| panic!("{message}: {e}")), expected, "{message}");
}

fn s(text: &str) -> Value {
    Value::from(text)
}

fn i(v: i64) -> Value {
    Value::I64(v)
}

#[test]
fn values() {
    check("None", Value::Null);
    check("True", Value::Bool(true));
    check("-12", i(-12));
    check("9223372036854775807", i(i64::MAX));
    check("-9223372036854775808", i(i64::MIN));
    check("9223372036854775808", Value::Big(Box::new("9223372036854775808".parse().unwrap())));
    check("-9223372036854775809", Value::Big(Box::new("-9223372036854775809".parse().unwrap())));
    check("-0x8000000000000000", i(i64::MIN));
    check("1e30000", Value::F64(f64::INFINITY));
    check("(3.0+4.0j)", Value::Complex(3.0, 4.0));
    check("(1.0-1e30000j)", Value::Complex(1.0, f64::NEG_INFINITY));
    check("'a' \"b\"", s("ab"));
    check("b'a\\xff'", Value::Bytes(Bytes::from_static(b"a\xff")));
    check("(1,)", Value::Tuple(vec![i(1)]));
    check("(1)", i(1));
    check("[1,(2),[]]", Value::List(vec![i(1), i(2), Value::List(vec![])]));
    check("{1,2}", Value::Set(vec![i(1), i(2)]));
    check("set()", Value::Set(vec![]));
    check("{}", Value::Map(vec![]));
    check("{'a':1,(1,2):()}", Value::Map(vec![(s("a"), i(1)), (Value::Tuple(vec![i(1), i(2)]), Value::Tuple(vec![]))]));
    check("{'a':1,'a':2}", Value::Map(vec![(s("a"), i(1)), (s("a"), i(2))]));
    check("...", Value::object("ellipsis", vec![]));
    check(
        "# serpent utf-8 python3.2\n('obj','method',(1,),{'k':None}) # call\n",
        Value::Tuple(vec![s("obj"), s("method"), Value::Tuple(vec![i(1)]), Value::Map(vec![(s("k"), Value::Null)])]),
    );
    // The signs of zeros, which Python keeps from 3.14 on.
    for (text, re, im) in [("-0.0+1j", -0.0, 1.0), ("1-0j", 1.0, -0.0), ("-0+1j", 0.0, 1.0), ("-2j", -0.0, -2.0)] {
        let Value::Complex(a, b) = read(text).unwrap() else { panic!("{text}") };
        assert_eq!((a.to_bits(), b.to_bits()), (f64::to_bits(re), f64::to_bits(im)), "{text}");
    }
}

#[test]
fn dicts_that_stand_for_something() {
    check("{'data': 'YWI=', 'encoding': 'base64'}", Value::Bytes(Bytes::from_static(b"ab")));
    check("{'encoding':'base64','data':'YWI='}", Value::Bytes(Bytes::from_static(b"ab")));
    check("{'data':'?','encoding':'base64'}", Value::Bytes(Bytes::new()));
    check("{'data':'a','encoding':'base64'}", Value::Map(vec![(s("data"), s("a")), (s("encoding"), s("base64"))]));
    assert!(matches!(read("{'__class__':'float','value':'nan'}").unwrap(), Value::F64(v) if v.is_nan()));
    check("{'__class__':'complex','real':1.0,'imag':2.0}", Value::Complex(1.0, 2.0));
    check(
        "{'__class__':'mod.Thing','x':[1]}",
        Value::object("mod.Thing", vec![("x".to_owned(), Value::List(vec![i(1)]))]),
    );
    check("{'x':1,'__class__':'Thing'}", Value::Map(vec![(s("x"), i(1)), (s("__class__"), s("Thing"))]));
    let uri = "{'__class__':'Pyro5.core.URI','state':('PYRO','obj',None,'localhost',4444)}";
    let Value::Remote(remote) = read(uri).unwrap() else { panic!() };
    assert_eq!((remote.uri.as_str(), remote.proxy), ("PYRO:obj@localhost:4444", false));
    let proxy = format!(
        "[{uri},{{'__class__':'Pyro4.core.Proxy',\
         'state':('PYRO:x@h:1',('o',),('m','n'),('a',),0.0,None,'hello',0,None)}},1]"
    );
    let list = read(&proxy).unwrap();
    let Some(Value::Remote(remote)) = list.get(1) else { panic!() };
    assert!(remote.proxy && remote.methods == ["m", "n"] && remote.oneway == ["o"] && remote.attrs == ["a"]);
    assert_eq!(list.get(2), Some(&i(1)));
}

#[test]
fn events() {
    let mut d = open("{'k':(1,{2,'x\\n'},b'q'),'__class__':0}");
    assert_eq!(d.peek().unwrap(), Kind::Map);
    assert!(matches!(d.next().unwrap(), Event::Begin(Container::Map { type_name: None, len: None })));
    assert_eq!(d.offset(), 1);
    assert!(matches!(d.next().unwrap(), Event::Str(Text::Message("k"))));
    assert!(matches!(d.next().unwrap(), Event::Begin(Container::List { kind: ListKind::Tuple, .. })));
    assert!(!d.take_end().unwrap());
    assert_eq!(d.take_i64().unwrap(), Some(1));
    assert_eq!(d.take_i64().unwrap(), None);
    assert!(matches!(d.next().unwrap(), Event::Begin(Container::List { kind: ListKind::Set, .. })));
    assert_eq!(d.take_text().unwrap(), None);
    assert_eq!(d.peek().unwrap(), Kind::Int);
    d.skip().unwrap();
    assert_eq!(d.take_text().unwrap(), Some(Text::Scratch("x\n")));
    assert!(d.take_end().unwrap());
    assert!(matches!(d.next().unwrap(), Event::Bytes(Chunk::Message(b"q"))));
    assert_eq!(d.peek().unwrap(), Kind::End);
    assert!(d.take_end().unwrap());
    assert!(d.finish().unwrap_err().message().contains("to be read to its end"));
    assert_eq!(d.take_text().unwrap().unwrap().get(), "__class__");
    d.skip().unwrap();
    assert!(matches!(d.next().unwrap(), Event::End));
    d.finish().unwrap();
    assert!(d.next().is_err() && d.peek().is_err() && d.skip().is_err() && d.take_end().is_err());

    let mut d = open("{'__class__':'Thing','x':1,\"y\":2}");
    assert!(matches!(d.next().unwrap(), Event::Begin(Container::Object { class: "Thing", .. })));
    assert_eq!(d.peek().unwrap(), Kind::Key);
    assert!(matches!(d.next().unwrap(), Event::Key(Text::Message("x"))));
    d.skip().unwrap();
    d.skip().unwrap(); // the name y
    assert_eq!(d.take_i64().unwrap(), Some(2));
    assert!(d.skip().unwrap_err().message().contains("end of a container"));
}

#[test]
fn short_cuts_take_one_thing_or_nothing() {
    let mut d = open(
        "[1,1.5,-2.0,True,'a','b\\n',\"c\",None,(None),(2.5),99999999999999999999,{'k':{'__class__':'X','f':0}},False]",
    );
    d.next().unwrap();
    let nothing = |d: &mut Decoder<'_>| {
        let at = d.offset();
        assert_eq!(
            (d.take_f64(), d.take_bool(), d.take_str(), d.take_expected("x")),
            (None, None, None, false),
            "at {at}"
        );
        assert!(!d.take_end().unwrap());
    };
    nothing(&mut d);
    assert!(!d.take_null().unwrap() && d.take_text().unwrap().is_none());
    assert_eq!(d.take_i64().unwrap(), Some(1));
    assert_eq!((d.take_bool(), d.take_str(), d.take_i64().unwrap(), d.take_f64()), (None, None, None, None));
    assert!(matches!(d.next().unwrap(), Event::F64(1.5)));
    assert_eq!(d.take_f64(), Some(-2.0));
    assert_eq!((d.take_f64(), d.take_expected("True"), d.take_bool()), (None, false, Some(true)));
    assert!(!d.take_expected("b") && !d.take_expected("") && d.take_expected("a"));
    assert_eq!((d.take_str(), d.take_expected("b\\n")), (None, false));
    assert_eq!(d.take_text().unwrap(), Some(Text::Scratch("b\n")));
    assert_eq!(d.take_str(), Some("c"));
    assert!(d.take_null().unwrap() && d.take_null().unwrap() && !d.take_null().unwrap());
    assert!(matches!(d.next().unwrap(), Event::F64(2.5)));
    assert_eq!(d.take_i64().unwrap(), None);
    nothing(&mut d);
    assert!(matches!(d.next().unwrap(), Event::Big(_)));
    nothing(&mut d);
    d.next().unwrap();
    assert!(d.take_expected("k"));
    nothing(&mut d);
    assert!(matches!(d.next().unwrap(), Event::Begin(Container::Object { .. })));
    assert_eq!(d.take_str(), Some("f"));
    assert_eq!(d.take_i64().unwrap(), Some(0));
    assert_eq!((d.take_str(), d.take_bool(), d.take_expected("")), (None, None, false));
    assert!(d.take_end().unwrap() && d.take_end().unwrap());
    assert_eq!(d.take_bool(), Some(false));
    assert!(d.take_end().unwrap());
    d.finish().unwrap();

    // The name of a field is text and nothing else.
    for message in ["{'__class__':'X',1.5:1}", "{'__class__':'X',True:1}"] {
        let mut d = open(message);
        d.next().unwrap();
        assert_eq!((d.take_f64(), d.take_bool()), (None, None));
        assert!(d.next().is_err());
    }

    // On bad bytes they take nothing, and next says what is wrong.
    for (message, at) in [("[1.5x]", 4), ("[-x]", 2), ("[1.5+2]", 5), ("[\\1]", 2), ("[Truex]", 1)] {
        let mut d = open(message);
        d.next().unwrap();
        for _ in 0..2 {
            assert_eq!((d.take_f64(), d.take_bool(), d.take_str(), d.take_expected("x")), (None, None, None, false));
        }
        assert_eq!(d.next().unwrap_err().offset(), Some(at), "{message}");
    }
}

#[test]
fn borrowed_where_it_can_be() {
    let message = "['plain','tab\t é', r'raw\\n' ,u'u','''three\nlines''',\
                   'esc\\'d','a' 'b','cr''''\r''',b'raw',rb'\\x',b'\\x00']";
    let mut d = open(message);
    d.next().unwrap();
    let mut borrowed = Vec::new();
    while !d.take_end().unwrap() {
        borrowed.push(match d.next().unwrap() {
            Event::Str(Text::Message(t)) => {
                assert!(message.as_bytes().as_ptr_range().contains(&t.as_ptr()));
                true
            }
            Event::Bytes(Chunk::Message(_)) => true,
            _ => false,
        });
    }
    assert_eq!(borrowed, [true, true, true, true, true, false, false, false, true, true, false]);
}

#[test]
fn blobs_come_out_without_a_copy() {
    let message = Bytes::from(format!("[b'{}']", "x".repeat(10_000)));
    FORMAT
        .read(&message, 0, Budget::default(), &mut |source| {
            assert_eq!(source.owner().map(Bytes::len), Some(message.len()));
            let Value::List(items) = Value::read(source)? else { panic!() };
            let Value::Bytes(b) = &items[0] else { panic!() };
            assert!(message.as_ptr_range().contains(&b.as_ptr()));
            Ok(())
        })
        .unwrap();
    assert_eq!(FORMAT.name(), "serpent");
}

#[test]
fn skipping() {
    for (message, rest) in [
        ("[{'a':[1,2,(3,)],'b':'}]'},7]", 7),
        ("[(((1))),7]", 7),
        ("[((1)+2j),7]", 7),
        ("[((1,2),3),7]", 7),
        ("[({'data': 'YWI=', 'encoding': 'base64'}),7]", 7),
        ("[{'__class__':'X','a':{}},7]", 7),
        ("[{1:{2:3}},7]", 7),
        ("[set(),7]", 7),
        ("[...,7]", 7),
        ("['a' 'b',7]", 7),
        ("[-1.5e3,7]", 7),
        ("[[ # ]\n],7]", 7),
    ] {
        for peek in [false, true] {
            let mut d = open(message);
            d.next().unwrap();
            if peek {
                d.peek().unwrap();
            }
            d.skip().unwrap_or_else(|e| panic!("{message}: {e}"));
            assert_eq!(d.take_i64().unwrap(), Some(rest), "{message}");
            assert!(d.take_end().unwrap());
            d.finish().unwrap();
        }
    }
    // In a tuple whose brackets were looked at before, and are passed over in part.
    let mut d = open("([(1,),{2:(3)},((4),5),{(6):7}],(8),9)");
    d.next().unwrap();
    d.next().unwrap();
    d.skip().unwrap();
    d.skip().unwrap();
    assert_eq!(Value::read(&mut d).unwrap(), Value::Tuple(vec![i(4), i(5)]));
    assert_eq!(Value::read(&mut d).unwrap(), Value::Map(vec![(i(6), i(7))]));
    assert!(d.take_end().unwrap());
    assert_eq!((d.take_i64().unwrap(), d.take_i64().unwrap()), (Some(8), Some(9)));
    for bad in ["[1,[2,3}]", "[[1,2", "[['a]]", "[{'a':(}]", "[[1)]"] {
        let mut d = open(bad);
        d.next().unwrap();
        assert!(d.skip().is_err() || d.skip().is_err(), "{bad}");
    }
}

#[test]
fn opened_in_the_middle() {
    let message = "('obj', 'method' , (1,\n 2), {'k' : [3]})";
    for (at, expected) in [
        (1, s("obj")),
        (6, s("method")),
        (7, s("method")),
        (16, Value::Tuple(vec![i(1), i(2)])),
        (18, Value::Tuple(vec![i(1), i(2)])),
        (28, Value::Map(vec![(s("k"), Value::List(vec![i(3)]))])),
        (33, Value::List(vec![i(3)])),
    ] {
        let mut d = Decoder::new(message.as_bytes(), at, Budget::default());
        assert_eq!(Value::read(&mut d).unwrap(), expected, "{at}");
    }
    let e = Value::read(&mut Decoder::new(b"[1, x]", 3, Budget::default())).unwrap_err();
    assert_eq!(e.offset(), Some(4));
    for at in [6, 7, 1000] {
        assert!(Decoder::new(b"[1, x]", at, Budget::default()).next().is_err());
    }
    assert!(Decoder::new("é".as_bytes(), 1, Budget::default()).next().unwrap_err().message().contains("UTF-8"));
}

#[test]
fn errors_say_what_and_where() {
    for (message, at, what) in [
        ("", 0, "expected a value, found the end of the text"),
        ("[1,2", 4, "expected ',' or ']', found the end of the text"),
        ("[1 2]", 3, "expected ',' or ']', found '2'"),
        ("{'a' 1}", 5, "expected"),
        ("{'a':1,'b'}", 10, "expected ':' after a key, found '}'"),
        ("[1,,2]", 3, "expected a value, found ','"),
        ("(1", 2, "expected ')' somewhere, found the end"),
        ("([)", 2, "expected ']', found ')'"),
        ("'abc", 0, "the string that begins here does not end"),
        ("['a\nb']", 1, "does not end"),
        ("['a\\x4']", 3, "two hexadecimal digits"),
        ("nan", 0, "expected a value, found the name \"nan\""),
        ("[true]", 1, "found the name \"true\""),
        ("[01]", 1, "leading zeros"),
        ("[1_]", 3, "a digit after '_'"),
        ("--1", 1, "expected a number, found '-'"),
        ("1+2", 2, "expected an imaginary number"),
        ("1 2", 2, "expected the end of the literal, found '2'"),
        ("1,2", 1, "a tuple needs parentheses here"),
        ("{[1]:2}", 1, "a list cannot be a key"),
        ("{({},):2}", 2, "a dict or set cannot be a key"),
        ("{set()}", 6, "a set cannot be a key"),
        ("b'é'", 2, "only ASCII characters in bytes"),
        ("('a' b'b')", 5, "bytes and text cannot be joined"),
        ("'\\ud83d\\ude00'", 1, "lone surrogate U+D83D"),
        ("{'__class__':'X',1:2}", 17, "text as the name of an object's field"),
        ("# c\n  1", 6, "a literal at the start of the line"),
        ("[1,\n 2,\n  x]", 10, "(line 3, column 3)"),
        ("\u{feff}1", 0, "expected a value"),
        ("'a\0'", 2, "zero byte"),
        ("1\\", 2, "a newline after the backslash"),
    ] {
        let e = read(message).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Malformed, "{message}: {e}");
        assert!(e.message().contains(what) && e.offset() == Some(at), "{message:?}: {e}");
    }
    let e = Decoder::new(b"['\xff']", 0, Budget::default()).next().unwrap_err();
    assert_eq!((e.offset(), e.message()), (Some(2), "the text is not UTF-8"));
}

#[cfg(not(feature = "unicode-names"))]
#[test]
fn names_of_characters_need_their_feature() {
    assert!(read("'\\N{DOT}'").unwrap_err().message().contains("unicode-names"));
}

#[test]
fn limits_hold() {
    let with = |depth: u32, nodes: u32, message: &str| {
        let mut limits = Limits::new();
        (limits.depth, limits.nodes) = (depth, nodes);
        let mut d = Decoder::new(message.as_bytes(), 0, limits.budget());
        let read = Value::read(&mut d).map(drop).map_err(|e| (e.kind(), e.offset().is_some()));
        let skipped = Decoder::new(message.as_bytes(), 0, limits.budget()).skip().map_err(|e| e.kind());
        (read.is_ok(), read.err() == Some((ErrorKind::Limit, true)), skipped.is_ok(), skipped == Err(ErrorKind::Limit))
    };
    let (fine, refused) = ((true, false, true, false), (false, true, false, true));
    for (message, depth) in
        [("[[1]]", 2), ("((1))", 2), ("((),)", 2), ("{1:{2:3}}", 2), ("[{(1)}]", 3), ("-((1))", 2), ("[set()]", 2)]
    {
        assert_eq!(with(depth, 100, message), fine, "{message}");
        let (read, limit, ..) = with(depth - 1, 100, message);
        assert!(!read && limit, "{message}");
    }
    assert_eq!(with(1, 100, "[[1]]"), refused);
    assert_eq!(with(10, 4, "[1,2,3]"), fine);
    assert!(!with(10, 3, "[1,2,3]").0);
    assert_eq!(with(10, 2, "[1,2,3,4,5]"), refused);
}

#[test]
fn a_value_may_be_peeked_at_in_its_end() {
    // What was peeked stays readable, also where it lies in the scratch.
    let mut d = open("['a\\n',99999999999999999999,{'__class__':'A\\x42'}]");
    d.next().unwrap();
    assert_eq!(d.peek().unwrap(), Kind::Str);
    assert_eq!(d.offset(), 1);
    assert!(matches!(d.next().unwrap(), Event::Str(Text::Scratch("a\n"))));
    assert_eq!(d.peek().unwrap(), Kind::Int);
    assert!(matches!(d.next().unwrap(), Event::Big(b) if b.to_string() == "99999999999999999999"));
    assert_eq!(d.peek().unwrap(), Kind::Object);
    assert!(matches!(d.next().unwrap(), Event::Begin(Container::Object { class: "AB", .. })));
}
