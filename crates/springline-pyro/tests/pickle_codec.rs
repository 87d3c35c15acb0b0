//! The pickle codec by tables: every opcode, every refusal, limits, and hostile input.

#[path = "differential/pickle_support.rs"]
mod pickles;
#[path = "differential/json_support.rs"]
mod support;

use pickles::{decode, decode_within, encode};
use springline_core::{
    Budget, Bytes, ErrorKind, Event, Format, Kind, Limits, RemoteRef, Result, Source, Tape, Value, transcode,
};
use springline_pyro::codec::pickle::{Decoder, FORMAT, read_call};

fn int(v: i64) -> Value {
    Value::I64(v)
}

fn list<const N: usize>(items: [Value; N]) -> Value {
    Value::List(items.into())
}

fn tuple<const N: usize>(items: [Value; N]) -> Value {
    Value::Tuple(items.into())
}

fn big(text: &str) -> Value {
    Value::from(text.parse::<springline_core::BigInt>().unwrap())
}

fn bytes(b: &'static [u8]) -> Value {
    Value::Bytes(Bytes::from_static(b))
}

#[track_caller]
fn check(pickle: &[u8], expected: Value) {
    match decode(pickle) {
        Ok(value) => assert_eq!(value, expected),
        Err(e) => panic!("{e}"),
    }
}

#[test]
fn scalars() {
    check(b"N.", Value::Null);
    check(b"\x88.", Value::Bool(true));
    check(b"\x89.", Value::Bool(false));
    check(b"I01\n.", Value::Bool(true));
    check(b"I00\n.", Value::Bool(false));
    check(b"I1\n.", int(1));
    check(b"I-17\n.", int(-17));
    check(b"I1099511627776\n.", int(1 << 40));
    check(b"I0x1F\n.", int(31));
    check(b"I9223372036854775808\n.", big("9223372036854775808"));
    check(b"L5L\n.", int(5));
    check(b"L5\n.", int(5));
    check(b"L-18446744073709551617L\n.", big("-18446744073709551617"));
    check(b"K\xff.", int(255));
    check(b"M\xff\xff.", int(65535));
    check(b"J\xfe\xff\xff\xff.", int(-2));
    check(b"\x8a\x00.", int(0));
    check(b"\x8a\x01\xff.", int(-1));
    check(b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.", big("9223372036854775808"));
    check(b"\x8b\x02\x00\x00\x00\x00\x01.", int(256));
    check(b"F1.5\n.", Value::F64(1.5));
    check(b"F-1e+100\n.", Value::F64(-1e100));
    check(b"F-inf\n.", Value::F64(f64::NEG_INFINITY));
    check(b"G\x3f\xf8\0\0\0\0\0\0.", Value::F64(1.5));
}

#[test]
fn texts_and_bytes() {
    check(b"X\x02\0\0\0\xc3\xa9.", "é".into());
    check(b"\x8c\x02\xc3\xa9.", "é".into());
    check(b"\x8d\x01\0\0\0\0\0\0\0a.", "a".into());
    check(b"V\\u20ac\\U0001f600 \xe9 \\x41\n.", "€😀 é \\x41".into());
    check(b"V\\ud83d\\ude00\\\\u0041\n.", "😀\\\\u0041".into());
    check(b"U\x01a.", "a".into());
    check(b"U\x01\xff.", bytes(b"\xff"));
    check(b"T\x02\0\0\0\xc3\xa9.", "é".into());
    check(b"S'a\\n\\x41\\'\\\\\\101\\q'\n.", "a\nA'\\A\\q".into());
    check(b"S\"'\"\n.", "'".into());
    check(b"S'\\xff'\n.", bytes(b"\xff"));
    check(b"B\x01\0\0\0a.", bytes(b"a"));
    check(b"C\x01a.", bytes(b"a"));
    check(b"\x8e\x01\0\0\0\0\0\0\0a.", bytes(b"a"));
    check(b"\x96\x01\0\0\0\0\0\0\0a.", bytes(b"a"));
}

#[test]
fn containers() {
    check(b"].", list([]));
    check(b"](K\x01K\x02e.", list([int(1), int(2)]));
    check(b"]K\x01aK\x02a.", list([int(1), int(2)]));
    check(b"(K\x01l.", list([int(1)]));
    check(b").", tuple([]));
    check(b"(K\x01K\x02t.", tuple([int(1), int(2)]));
    check(b"K\x01\x85.", tuple([int(1)]));
    check(b"K\x01K\x02\x86.", tuple([int(1), int(2)]));
    check(b"K\x01K\x02K\x03\x87.", tuple([int(1), int(2), int(3)]));
    check(b"}.", Value::Map(vec![]));
    check(b"}K\x01K\x02s.", Value::Map(vec![(int(1), int(2))]));
    check(b"}(K\x01K\x02u.", Value::Map(vec![(int(1), int(2))]));
    check(b"(K\x01K\x02d.", Value::Map(vec![(int(1), int(2))]));
    check(b"\x8f(K\x01\x90.", Value::Set(vec![int(1)]));
    check(b"(K\x01\x91.", Value::FrozenSet(vec![int(1)]));
    // Items that come in several goes, with other containers made in between.
    check(b"](K\x01]K\x02aeK\x03a(]K\x04e.", list([int(1), list([int(2)]), int(3), list([]), int(4)]));
}

#[test]
fn the_stack_and_the_memo() {
    check(b"K\x01K\x020.", int(1));
    check(b"K\x01(K\x02K\x031.", int(1));
    check(b"K\x01(0.", int(1));
    check(b"K\x012\x86.", tuple([int(1), int(1)]));
    check(b"]p7\nh\x07\x86.", tuple([list([]), Value::Back(1)]));
    check(b"]q\x01j\x01\0\0\0\x86.", tuple([list([]), Value::Back(1)]));
    check(b"]r\xff\xff\xff\xffg4294967295\n\x86.", tuple([list([]), Value::Back(1)]));
    check(
        b"\x8c\x01a\x94\x8c\x01b\x94h\x00h\x01\x86\x86\x86.",
        tuple(["a".into(), tuple(["b".into(), tuple(["a".into(), "b".into()])])]),
    );
    check(b"]q\x00h\x00a.", list([Value::Back(0)]));
    check(b"\x80\x05\x95\x02\0\0\0\0\0\0\0N.", Value::Null);
}

#[test]
fn calls_become_data() {
    check(b"c__builtin__\nset\n(](K\x01etR.", Value::Set(vec![int(1)]));
    check(b"cbuiltins\nfrozenset\n(](K\x01etR.", Value::FrozenSet(vec![int(1)]));
    check(b"c_codecs\nencode\n(X\x02\0\0\0\xc3\xbfX\x06\0\0\0latin1tR.", bytes(b"\xff"));
    check(b"c__builtin__\ncomplex\n(K\x01G\x40\0\0\0\0\0\0\0tR.", Value::Complex(1.0, 2.0));
    check(b"cdecimal\nDecimal\n(U\x041.50tR.", Value::Decimal("1.50".into()));
    let when = springline_core::DateTime::parse("2020-01-02T03:04:05.000678").unwrap();
    check(b"cdatetime\ndatetime\n(U\x0a\x07\xe4\x01\x02\x03\x04\x05\x00\x02\xa6tR.", when.into());
    check(b"cdatetime\ndatetime\n(M\xe4\x07K\x01K\x02K\x03K\x04K\x05M\xa6\x02tR.", when.into());
    // No such day: it stays what it was.
    let odd = tuple([bytes(b"\x07\xe4\x0d\x02")]);
    check(
        b"cdatetime\ndate\nC\x04\x07\xe4\x0d\x02\x85R.",
        Value::object("datetime.date", vec![("__args__".into(), odd)]),
    );
    let system = Value::object("os.system", vec![("__args__".into(), tuple(["rm".into()]))]);
    check(b"cos\nsystem\n(S'rm'\ntR.", system.clone());
    check(b"(S'rm'\nios\nsystem\n.", system.clone());
    check(b"(cos\nsystem\nS'rm'\no.", system.clone());
    check(b"cos\nsystem\nU\x02rm\x85\x81.", system.clone());
    // What goes into the memo is what was made, not what it was made of.
    for made in [
        b"(U\x02rmios\nsystem\n".as_slice(),
        b"(cos\nsystem\nU\x02rmo",
        b"cos\nsystem\nU\x02rm\x85R",
        b"cos\nsystem\nU\x02rm\x85\x81",
    ] {
        for (put, get) in [(b"q\x00".as_slice(), b"h\x00".as_slice()), (b"\x94", b"h\x00"), (b"p0\n", b"g0\n")] {
            check(&[b"(", made, put, get, b"t."].concat(), tuple([system.clone(), Value::Back(1)]));
        }
    }
    check(b"\x8c\x02os\x8c\x06system\x93\x8c\x02rm\x85R.", system);
    check(
        b"cfunctools\npartial\n)R(K\x01tR.",
        Value::object(
            "__call__",
            vec![("__args__".into(), tuple([Value::object("functools.partial", vec![]), tuple([int(1)])]))],
        ),
    );
    // A state after a state, and a state that other things share.
    check(
        b"(ca\nB\n)\x81}q\x00X\x01\0\0\0xK\x01sbh\x00t.",
        tuple([Value::object("a.B", vec![("x".into(), int(1))]), Value::Map(vec![("x".into(), int(1))])]),
    );
    check(
        b"ca\nB\n)\x81}(K\x01K\x02ub.",
        Value::object("a.B", vec![("__state__".into(), Value::Map(vec![(int(1), int(2))]))]),
    );
}

#[test]
fn pyro_references() {
    let uri = || Value::from(RemoteRef::uri("PYRO://127.0.0.1:7766/abc"));
    let proxy = || Value::from(RemoteRef::proxy("PYRO://127.0.0.1:7766/abc"));
    let state = b"}(U\x08protocolU\x04PYROU\x07addressU\x09127.0.0.1U\x04portMV\x1eU\x08objectIDU\x03abcub";
    check(&[b"cPyro.core\nPyroURI\n)\x81".as_slice(), state, b"."].concat(), uri());
    check(&[b"(cPyro.core\nPyroURI\no".as_slice(), state, b"."].concat(), uri());
    check(b"cPyro.core\nPyroURI\n(U\x19PYRO://127.0.0.1:7766/abctR.", uri());
    check(b"cPyro.core\nDynamicProxy\n(U\x19PYRO://127.0.0.1:7766/abctR.", proxy());
    let whole = [
        b"cPyro.core\nDynamicProxyWithAttrs\n)\x81}(U\x03URIcPyro.core\nPyroURI\n)\x81".as_slice(),
        state,
        b"U\x07adapterNub.",
    ];
    check(&whole.concat(), proxy());
    check(
        b"cPyro4.core\nURI\n)\x81(X\x04\0\0\0PYROX\x01\0\0\0xNX\x01\0\0\0hK\x07tb.",
        RemoteRef::uri("PYRO:x@h:7").into(),
    );
    // What was referred to before it became one.
    let shared = [b"(cPyro.core\nPyroURI\n)\x81q\x00".as_slice(), state, b"h\x00t."].concat();
    check(&shared, tuple([uri(), uri()]));
}

#[track_caller]
fn refused(pickle: &[u8], part: &str) {
    let e = decode(pickle).expect_err("it is no pickle");
    assert!(e.to_string().contains(part), "{e}");
    assert!(matches!(e.kind(), ErrorKind::Malformed | ErrorKind::Limit), "{e:?}");
}

#[test]
fn refusals_name_the_opcode() {
    refused(b"", "ends without STOP");
    refused(b"N", "ends without STOP");
    refused(b".", "STOP: the stack");
    refused(b"(N.", "STOP: a MARK was not used");
    refused(b"NN", "ends without STOP");
    refused(b"\x80\x06N.", "PROTO: the protocol is newer than 5");
    refused(b"Pid\n.", "PERSID: persistent ids");
    refused(b"NQ.", "BINPERSID: persistent ids");
    refused(b"\x82\x01.", "EXT1: the extension registry");
    refused(b"\x97.", "NEXT_BUFFER: out-of-band");
    refused(b"N\x98.", "READONLY_BUFFER: out-of-band");
    refused(b"\xff.", "opcode 0xff: unknown");
    refused(b"h\x05.", "BINGET: the memo has nothing");
    refused(b"e.", "APPENDS: there is no MARK");
    refused(b"(e.", "APPENDS: the stack");
    refused(b"N(Ne.", "APPENDS: expected a container");
    refused(b")(Ne.", "APPENDS: expected a list or set");
    refused(b"](N\x90u.", "SETITEMS");
    refused(b"}(Nu.", "SETITEMS: a key without its value");
    refused(b"}(N(\x86.", "TUPLE2: the stack");
    refused(b"0.", "POP: the stack");
    refused(b"2.", "DUP: the stack");
    refused(b"Ix\n.", "INT: expected an integer");
    refused(b"I1", "INT: the line does not end");
    refused(b"Fx\n.", "FLOAT: expected a float");
    refused(b"S'a\n.", "STRING: expected a quoted string");
    refused(b"S'\\x1'\n.", "STRING: expected two hexadecimal digits");
    refused(b"V\\u12\n.", "UNICODE: an escape without");
    refused(b"V\\ud800\n.", "UNICODE: the text has a lone surrogate");
    refused(b"X\x03\0\0\0\xed\xa0\x80.", "BINUNICODE: the text has a lone surrogate");
    refused(b"X\x01\0\0\0\xff.", "BINUNICODE: the text is not UTF-8");
    refused(b"X\xff\xff\xff\xffa.", "BINUNICODE: the message ends here");
    refused(b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffa.", "BINUNICODE8: the message ends here");
    refused(b"T\xff\xff\xff\xffa.", "BINSTRING: the length is negative");
    refused(b"\x95\xff\0\0\0\0\0\0\0N.", "FRAME: the frame is longer");
    refused(b"cos\n\xff\n.", "GLOBAL: the name is not UTF-8");
    refused(b"cos\nsystem\nNR.", "REDUCE: expected the arguments as a tuple");
    refused(b"NN\x93.", "STACK_GLOBAL: expected the module");
    refused(&[b"L".as_slice(), &[b'7'; 5000], b"L\n."].concat(), "4300 digits");
    refused(&[b"\x8b\x00\x00\x10\x00".as_slice(), &vec![7; 1 << 20], b"."].concat(), "million bits");
    refused(b"N.N", "1 bytes follow");
    let e = decode(b"K\x01h\x05.").unwrap_err();
    assert_eq!(e.offset(), Some(2));
}

#[test]
fn every_pickle_cut_anywhere_is_refused() {
    let mut rng = fastrand::Rng::with_seed(7);
    for protocol in 0..=4 {
        for _ in 0..60 {
            let whole = encode(&pickles::Maker::value(&mut rng, false), protocol, false).unwrap();
            for end in 0..whole.len() {
                assert!(decode(&whole[..end]).is_err(), "{:?}", &whole[..end]);
            }
        }
    }
}

/// Takes what comes in ways that a reader may.
fn wander(source: &mut dyn Source<'_>, rng: &mut fastrand::Rng) -> Result<()> {
    let mut depth = 0_u32;
    loop {
        match rng.u32(..12) {
            0 if !matches!(source.peek()?, Kind::End) => source.skip()?,
            1 => {
                source.take_i64()?;
                source.take_f64();
                source.take_bool();
                source.take_str();
                source.take_text()?;
                continue;
            }
            2 => {
                let started = [source.take_list(), source.take_map()];
                depth += started.iter().filter(|s| !matches!(s, springline_core::Start::Other)).count() as u32;
                continue;
            }
            _ => match source.next()? {
                Event::Begin(_) => depth += 1,
                Event::End => depth = depth.saturating_sub(1),
                Event::Back(n) => {
                    let mut again = source.open_back(n)?;
                    if rng.bool() {
                        wander(&mut *again, rng)?;
                    }
                }
                _ => {}
            },
        }
        if depth == 0 {
            return Ok(());
        }
    }
}

#[test]
fn a_hundred_thousand_mutations_do_no_harm() {
    let mut rng = fastrand::Rng::with_seed(20);
    let mut limits = Limits::new();
    limits.nodes = 20_000;
    let alphabet: Vec<u8> =
        b"()].0122abcdeghijlopqrstu}KMJNRSTUVX\x80\x81\x85\x86\x87\x8c\x8f\x90\x91\x92\x93\x94\x95".to_vec();
    let seeds: Vec<Vec<u8>> = (0..200)
        .map(|i| encode(&pickles::Maker::value(&mut rng, false), i % 5, i % 2 == 0 && i % 5 < 3).unwrap_or_default())
        .chain(KNOWN.iter().map(|k| k.to_vec()))
        .collect();
    let mut read = 0;
    for i in 0..100_000 {
        let mut message = seeds[i % seeds.len()].clone();
        support::mutate(&mut rng, &mut message, &alphabet);
        match decode_within(&message, limits.budget()) {
            Ok(value) => {
                read += 1;
                assert!(!format!("{value:?}").is_empty());
            }
            Err(e) => {
                assert!(matches!(e.kind(), ErrorKind::Malformed | ErrorKind::Limit | ErrorKind::Mismatch), "{e:?}")
            }
        }
        let _ = wander(&mut Decoder::new(&message, 0, limits.budget()), &mut rng);
        let mut tape = Tape::new();
        let _ = transcode(&mut Decoder::new(&message, rng.usize(..9), limits.budget()), &mut tape);
        let _ = read_call(&message.into(), limits.budget());
    }
    assert!(read > 10_000, "only {read} were still pickles");
}

/// A program of a few opcodes that ends in a tuple of all that they made: what is made of several opcodes, what is put
/// into the memo and taken out of it, and opcodes that may do harm where they stand.
fn program(rng: &mut fastrand::Rng) -> Vec<&'static [u8]> {
    const MAKE: &[&[&[u8]]] = &[
        &[b"]"],
        &[b"}"],
        &[b")"],
        &[b"\x8c\x01a"],
        &[b"X\x02\0\0\0bc"],
        &[b"U\x01d"],
        &[b"U\x01\xff"],
        &[b"T\x01\0\0\0e"],
        &[b"ca\nB\n"],
        &[b"]", b"(", b"K\x01", b"e"],
        &[b"}", b"(", b"N", b"K\x01", b"u"],
        &[b"N", b"K\x01", b"\x86"],
        &[b"(", b"K\x01", b"ia\nB\n"],
        &[b"(", b"ca\nB\n", b"K\x01", b"o"],
        &[b"ca\nB\n", b")", b"R"],
        &[b"ca\nB\n", b")", b"\x81"],
        &[b"]", b")", b"R"],
        &[b"cbuiltins\nset\n", b"]", b"\x85", b"R"],
    ];
    const PUT: &[&[u8]] =
        &[b"q\x00", b"q\x01", b"q\x03", b"r\x02\0\0\0", b"r\x09\0\0\0", b"\x94", b"\x94", b"\x94", b"p1\n"];
    const GET: &[&[u8]] = &[b"h\x00", b"h\x00", b"h\x01", b"h\x02", b"j\x02\0\0\0", b"g1\n", b"h\x03"];
    const ODD: &[&[u8]] = &[
        b"(", b"a", b"s", b"e", b"u", b"t", b"l", b"d", b"0", b"2", b"\x85", b"\x87", b"o", b"R", b"\x81", b"b",
        b"\x93",
    ];
    let mut opcodes: Vec<&[u8]> = vec![b"("];
    for _ in 0..rng.usize(1..8) {
        match rng.u32(..8) {
            0..5 => {
                opcodes.extend(*rng.choice(MAKE).unwrap());
                if rng.u32(..4) > 0 {
                    opcodes.push(rng.choice(PUT).unwrap());
                }
            }
            5 | 6 => opcodes.push(rng.choice(GET).unwrap()),
            _ => opcodes.push(rng.choice(ODD).unwrap()),
        }
    }
    opcodes.extend([b"t".as_slice(), b"."]);
    opcodes
}

// An opcode and the PUT behind it are run as one. PROTO may stand anywhere and does nothing: with one between all opcodes they
// are run one by one.
#[test]
fn opcodes_that_are_run_together_do_what_they_do_alone() {
    let mut rng = fastrand::Rng::with_seed(11);
    let (mut read, mut over) = (0, 0);
    for _ in 0..100_000 {
        let opcodes = program(&mut rng);
        let mut limits = Limits::new();
        limits.nodes = rng.u32(8..60);
        let together = decode_within(&opcodes.concat(), limits.budget());
        let alone = decode_within(&opcodes.join(b"\x80\x05".as_slice()), limits.budget());
        match (together, alone) {
            (Ok(a), Ok(b)) => {
                read += 1;
                assert_eq!(a, b, "{opcodes:?}");
            }
            (Err(a), Err(b)) => {
                over += usize::from(a.kind() == ErrorKind::Limit);
                assert_eq!((a.kind(), a.message()), (b.kind(), b.message()), "{opcodes:?}");
            }
            (a, b) => panic!("{opcodes:?}: {a:?}, {b:?}"),
        }
    }
    assert!(read > 20_000 && over > 2_000, "{read} were pickles, {over} over the limit");
}

// Programs with what the writer does not write.
const KNOWN: &[&[u8]] = &[
    b"(ca\nB\n)\x81}q\x00X\x01\0\0\0xK\x01sbh\x00t.",
    b"cfunctools\npartial\n)R(K\x01tR.",
    b"cdatetime\ndatetime\n(U\x0a\x07\xe4\x01\x02\x03\x04\x05\x00\x02\xa6tR.",
    b"ccopy_reg\n_reconstructor\n(ca\nB\nc__builtin__\nlist\n(lp0\nI1\natR}(U\x01aK\x02ub.",
    b"ccollections\nOrderedDict\n((lp0\n(lp1\nI1\naI2\naatR.",
    b"ccollections\ndeque\n)R(K\x01K\x02e.",
    b"(cPyro.core\nPyroURI\n)\x81q\x00}(U\x08protocolU\x04PYROU\x07addressU\x09127.0.0.1U\x04portMV\x1eU\x08objectIDU\x03abcubh\x00t.",
    b"cuuid\nUUID\n)\x81}U\x03int\x8a\x02\x01\x01sb.",
    b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02rm\x85R.",
    b"ca\nB\n)}X\x01\0\0\0kNs\x92.",
    b"(U\x01ocobj\nmethod\nU\x03idx(K\x01K\x02t}t.",
];

#[test]
fn bombs_run_into_the_limits() {
    let limit = |message: &[u8], limits: Limits, part: &str| {
        let e = decode_within(message, limits.budget()).expect_err(part);
        assert_eq!(e.kind(), ErrorKind::Limit, "{e}");
        assert!(e.to_string().contains(part), "{e}");
    };
    let mut limits = Limits::new();
    limits.nodes = 100_000;
    // One byte each, and much more in memory.
    for opcode in [b"]".as_slice(), b"(", b"N", b")", b"K\x01\x94", b"cA\nB\n"] {
        limit(&[&opcode.repeat(200_000)[..], b"."].concat(), limits, "nodes = 100000");
    }
    // Nested.
    limit(&[&b"]".repeat(300)[..], &b"a".repeat(299), b"."].concat(), Limits::new(), "depth = 200");
    limit(&[&b")"[..], &b"\x85".repeat(300), b"."].concat(), Limits::new(), "depth = 200");
    // A list of one that is copied into a set again and again.
    let mut copies = b"](".to_vec();
    copies.extend(b"K\x01".repeat(1000));
    copies.extend(b"eq\x00");
    copies.extend(b"cbuiltins\nset\nh\x00\x85R0".repeat(1000));
    copies.push(b'.');
    limit(&copies, limits, "nodes = 100000");
    // A text that is encoded again and again.
    let mut texts = b"X\x40\x0d\x03\0".to_vec();
    texts.extend(vec![b'a'; 200_000]);
    texts.extend(b"q\x00");
    texts.extend(b"c_codecs\nencode\nh\x00U\x06latin1\x86R0".repeat(1000));
    texts.push(b'.');
    limit(&texts, limits, "nodes = 100000");
}

#[test]
fn shared_data_that_unfolds_without_end_is_counted() {
    // Each list holds ten times the one before.
    let mut laughs = b"]q\x00".to_vec();
    for i in 1..12_u8 {
        laughs.extend(b"](");
        laughs.extend([b'h', i - 1].repeat(10));
        laughs.extend(b"eq");
        laughs.push(i);
    }
    laughs.push(b'.');
    let mut limits = Limits::new();
    limits.nodes = 100_000;
    assert!(decode_within(&laughs, limits.budget()).unwrap().refers_back());
    let tree = Value::read_tree(&mut Decoder::new(&laughs, 0, limits.budget()));
    assert_eq!(tree.unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn a_cycle_is_read_again_where_it_is_opened() {
    // a = [a, [1]]
    let pickle = b"]q\x00(h\x00](K\x01ee.";
    let mut source = Decoder::new(pickle, 0, Budget::default());
    assert!(matches!(source.next().unwrap(), Event::Begin(_)));
    let Event::Back(0) = source.next().unwrap() else { panic!() };
    {
        let mut again = source.open_back(0).unwrap();
        assert_eq!(again.begun(), Some(0));
        assert_eq!(Value::read(&mut *again).unwrap(), list([Value::Back(0), list([int(1)])]));
    }
    assert_eq!(Value::read(&mut source).unwrap(), list([int(1)]));
    assert!(source.take_end().unwrap());
    source.finish().unwrap();
}

#[test]
fn typed_data() {
    #[derive(serde::Deserialize, serde::Serialize, Debug, PartialEq)]
    struct Record {
        id: i64,
        name: String,
        tags: Vec<String>,
        score: Option<f64>,
    }
    let record = Record { id: 7, name: "é".into(), tags: vec!["a".into(), "b".into()], score: None };
    for protocol in 0..=4 {
        for pyro3 in [false, true] {
            let tape = Tape::of(&springline_core::payload::Typed(&record)).unwrap();
            let value = Value::read(&mut tape.source(Budget::default())).unwrap();
            let written = encode(&value, protocol, pyro3).unwrap();
            let mut source = Decoder::new(&written, 0, Budget::default());
            assert_eq!(springline_core::de::from_source::<Record, _>(&mut source).unwrap(), record);
            source.finish().unwrap();
        }
    }
    // An instance is as good as a dict.
    let object = b"ca\nRecord\n)\x81}(U\x02idK\x07U\x04nameU\x02\xc3\xa9U\x04tags](U\x01aU\x01beU\x05scoreNub.";
    let mut source = Decoder::new(object, 0, Budget::default());
    assert_eq!(springline_core::de::from_source::<Record, _>(&mut source).unwrap(), record);
}

#[test]
fn a_call_is_opened_in_parts() {
    let message = Bytes::from_static(b"(U\x03objU\x06methodK\x01]q\x00(K\x02e\x86}U\x01kh\x00st.");
    let parts = read_call(&message, Budget::default()).unwrap();
    assert_eq!((&*parts.object, &*parts.method), ("obj", "method"));
    let read = |at| {
        let mut value = None;
        FORMAT
            .read(&message, at, Budget::default(), &mut |s| Value::read(s).map(|v| value = Some(v)))
            .map(|()| value.unwrap())
    };
    assert_eq!(read(parts.args_at).unwrap(), tuple([int(1), list([int(2)])]));
    assert_eq!(read(parts.kwargs_at.unwrap()).unwrap(), Value::Map(vec![("k".into(), list([int(2)]))]));
    assert!(read(99).is_err());
    let none = Bytes::from_static(b"(U\x03objU\x06method)}t.");
    assert_eq!(read_call(&none, Budget::default()).unwrap().kwargs_at, None);
    for bad in [b"N.".as_slice(), b").", b"(NNNNt.", b"(U\x01aU\x01b)K\x01t.", b"(U\x01aU\x01bK\x01}t."] {
        assert!(read_call(&Bytes::copy_from_slice(bad), Budget::default()).is_err());
    }
}

#[test]
fn what_cannot_be_written_is_named() {
    let bad = |value: Value, part: &str| {
        let e = encode(&value, 2, true).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Encode, "{e}");
        assert!(e.to_string().contains(part), "{e}");
    };
    bad(Value::Map(vec![(list([]), Value::Null)]), "no list as a key");
    bad(Value::Set(vec![Value::Map(vec![])]), "no dict as a key or in a set");
    bad(Value::Map(vec![(tuple([tuple([list([])])]), Value::Null)]), "no list as a key");
    bad(tuple([list([Value::Back(0)])]), "a tuple or set that contains itself");
    let zone = springline_core::DateTime::parse("2020-01-02T03:04:05+01:00").unwrap();
    bad(zone.into(), "offset from UTC");
    bad(RemoteRef::proxy("PYRO:x@h:1").into(), "PYRO://host:port/id");
    bad(Value::object("a.B", vec![("x".into(), list([Value::Back(7)]))]), "cannot refer back");
}
