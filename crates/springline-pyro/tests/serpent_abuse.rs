//! Serpent from peers that mean no good: damaged, nested and huge messages end in an error, soon.

use std::time::{Duration, Instant};

use fastrand::Rng;
use springline_core::{Budget, Container, ErrorKind, Event, Kind, ListKind, Source, Value, transcode};
use springline_core::{Output, Result};
use springline_pyro::Generation;
use springline_pyro::codec::serpent::{Decoder, Encoder};

fn read(message: &[u8]) -> Result<Value> {
    let mut decoder = Decoder::new(message, 0, Budget::default());
    let value = Value::read(&mut decoder)?;
    decoder.finish()?;
    Ok(value)
}

const SEEDS: &[&str] = &[
    "# serpent utf-8 python3.2\n('obj','method',(1,-2.5,'text',None),{'k':[True,{1,2}]})",
    "{'data': 'aGVsbG8gd29ybGQ=', 'encoding': 'base64'}",
    "{'__class__':'Pyro5.core.URI','state':('PYRO','obj',None,'localhost',4444)}",
    "[{'__class__':'Pyro4.core.Proxy','state':('PYRO:x@h:1',('o',),('m','n'),('a',),0.0,None,'hello',0,None)},'x']",
    "{'__class__':'builtins.ValueError','__exception__':True,'args':('x',),'attributes':{'_pyroTraceback':['l\\n']}}",
    "{'__class__':'complex','real':{'__class__':'float','value':'nan'},'imag':-1e30000}",
    "[(((1))+((2j))),-(3),{(1,(2,)):'''a\r\nb''' \"c\\x41\\u20ac\\N{EURO SIGN}\"}, rb'\\x' b'\\377',0]",
    "[set(),...,0x_ff,1_0.5e-3,(-1,),{-1:-(1)}]",
    "[ # comment\n 'it\\'s' ,\\\n\t(1,), ]",
    "'é€😀\\U0001f600' 'ünï'",
];

/// Calls everything there is in the order of the random numbers, for a while.
fn wander(message: &[u8], start: usize, rng: &mut Rng) {
    let mut d = Decoder::new(message, start, Budget::default());
    for _ in 0..40 {
        let done = match rng.u8(..13) {
            8 => {
                let _ = d.take_f64();
                Ok(())
            }
            9 => {
                let _ = d.take_bool();
                Ok(())
            }
            10 => {
                let _ = d.take_str();
                Ok(())
            }
            11 => {
                let _ = d.take_expected(["data", "", "obj"][rng.usize(..3)]);
                Ok(())
            }
            12 => d.take_null().map(drop),
            0 => d.peek().map(drop),
            1 => d.skip(),
            2 => d.take_i64().map(drop),
            3 => d.take_text().map(drop),
            4 => d.take_end().map(drop),
            5 => Value::read(&mut d).map(drop),
            6 => d.finish(),
            _ => d.next().map(drop),
        };
        assert!(d.offset() <= message.len().max(start) + 1);
        // Now and then go on after an error, which callers do not do but must survive.
        if done.is_err() && rng.u8(..4) > 0 {
            break;
        }
    }
}

/// A value, by short cuts where they help, tried in any order.
fn by_short_cuts<'de>(d: &mut Decoder<'de>, rng: &mut Rng) -> Result<Value> {
    for _ in 0..rng.u8(..6) {
        match rng.u8(..7) {
            0 => {
                if let Some(v) = d.take_i64()? {
                    return Ok(Value::I64(v));
                }
            }
            1 => {
                if let Some(v) = d.take_f64() {
                    return Ok(Value::F64(v));
                }
            }
            2 => {
                if let Some(v) = d.take_bool() {
                    return Ok(Value::Bool(v));
                }
            }
            3 => {
                if let Some(v) = d.take_str() {
                    return Ok(Value::from(v));
                }
            }
            4 => {
                if let Some(v) = d.take_text()? {
                    return Ok(Value::from(v.get()));
                }
            }
            5 => {
                if d.take_expected("obj") {
                    return Ok(Value::from("obj"));
                }
            }
            _ => {
                if d.take_null()? {
                    return Ok(Value::Null);
                }
            }
        }
    }
    if d.peek()? != Kind::List {
        return Value::read(d);
    }
    let Event::Begin(Container::List { kind, .. }) = d.next()? else { panic!("peek said a list") };
    let mut items = Vec::new();
    while !d.take_end()? {
        items.push(by_short_cuts(d, rng)?);
    }
    Ok(match kind {
        ListKind::List => Value::List(items),
        ListKind::Tuple => Value::Tuple(items),
        _ => Value::Set(items),
    })
}

#[test]
fn a_hundred_thousand_mutations() {
    let mut rng = Rng::with_seed(0x5e59_e771);
    let alphabet = b"'\"()[]{},:\\#\n\r\t 01.eEjJ_+-xXuUNnbBrRsT\0\xff\xc3\xa9datencoding";
    let started = Instant::now();
    for round in 0..100_000usize {
        let mut message = SEEDS[round % SEEDS.len()].as_bytes().to_vec();
        for _ in 0..rng.usize(1..5) {
            let at = rng.usize(..=message.len());
            match rng.u8(..5) {
                0 => message.truncate(at),
                1 if at < message.len() => message[at] = alphabet[rng.usize(..alphabet.len())],
                2 if at < message.len() => {
                    message.remove(at);
                }
                3 => {
                    let part = message[at..(at + 8).min(message.len())].to_vec();
                    let to = rng.usize(..=message.len());
                    message.splice(to..to, part);
                }
                _ => message.insert(at, alphabet[rng.usize(..alphabet.len())]),
            }
        }
        let mut decoder = Decoder::new(&message, 0, Budget::default());
        let other_way = by_short_cuts(&mut decoder, &mut rng).and_then(|v| decoder.finish().map(|()| v));
        match read(&message) {
            Ok(value) => {
                // By the text, as nan does not equal itself.
                assert_eq!(format!("{:?}", other_way.unwrap()), format!("{value:?}"));
                // What is read can be written and reads back, unless it is beyond what serpent writes.
                let mut out = Output::new();
                if value.write(&mut Encoder::new(&mut out, Generation::Pyro5)).is_ok() {
                    read(&out.to_vec()).unwrap_or_else(|e| panic!("{:?}: {e}", String::from_utf8_lossy(&out.to_vec())));
                }
            }
            Err(e) => {
                assert!(e.offset().is_some(), "{:?}: {e:?}", String::from_utf8_lossy(&message));
                assert!(other_way.is_err(), "{:?}: {e}", String::from_utf8_lossy(&message));
            }
        }
        let start = if rng.bool() { 0 } else { rng.usize(..=message.len()) };
        wander(&message, start, &mut rng);
    }
    assert!(started.elapsed() < Duration::from_secs(300));
}

#[test]
fn cut_at_every_byte() {
    for seed in SEEDS {
        for cut in 0..seed.len() {
            let part = &seed.as_bytes()[..cut];
            // The last one is two strings, of which the first is whole alone.
            if let Ok(value) = read(part) {
                assert!(seed.starts_with('\'') && value.as_str().is_some(), "{seed} cut at {cut}");
            }
            let mut d = Decoder::new(part, 0, Budget::default());
            let events = std::iter::from_fn(|| d.next().ok().map(drop)).take(1000).count();
            assert!(events <= cut, "{seed} cut at {cut} gives {events} events");
        }
    }
}

fn soon<T>(what: &str, f: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = f();
    let took = started.elapsed();
    // Far above what is needed, even unoptimised on a busy machine; quadratic work would take minutes.
    assert!(took < Duration::from_secs(20), "{what} took {took:?}");
    result
}

#[test]
fn deep_nesting() {
    for open in [
        "(",
        "[",
        "{1:",
        "{(",
        "(1,",
        "-(",
        "[(",
        "({'a':",
        "{'__class__':'X','a':",
        "{'__class__':'float','value':",
        "{'data':",
    ] {
        let message = open.repeat(1_000_000 / open.len());
        let e = soon(open, || read(message.as_bytes())).unwrap_err();
        assert!(e.kind() == ErrorKind::Limit || e.kind() == ErrorKind::Malformed, "{open}: {e}");
        soon(open, || Decoder::new(message.as_bytes(), 0, Budget::default()).skip()).unwrap_err();
    }
    // Remote references within each other's state: the deepest recursion there is.
    let open = "{'__class__':'Pyro5.core.URI','state':(";
    let e = read(open.repeat(1000).as_bytes()).unwrap_err();
    assert!(matches!(e.kind(), ErrorKind::Limit | ErrorKind::Malformed), "{e}");
    let message = format!("{}{}", open.repeat(99), ")}".repeat(99));
    assert!(read(message.as_bytes()).is_err());
}

#[test]
fn look_ahead_is_not_repeated_at_each_level() {
    let megabyte = 1 << 20;
    let text = format!("'{}'", "x".repeat(megabyte));
    let numbers = format!("[{}]", "1,".repeat(megabyte / 2));
    let tuples = format!("[{}]", "(1,),".repeat(megabyte / 5));
    for inner in [&text, &numbers, &tuples] {
        for (open, close, levels) in
            [("(", ")", 198), ("([", "],2)", 99), ("({1:", "},)", 99), ("(1,(", "),)", 99), ("([1,", "])", 99)]
        {
            let message = format!("{}{inner}{}", open.repeat(levels), close.repeat(levels));
            soon(open, || read(message.as_bytes())).unwrap_or_else(|e| panic!("{open}: {e}"));
            soon(open, || {
                let mut d = Decoder::new(message.as_bytes(), 0, Budget::default());
                d.skip().and_then(|()| d.finish())
            })
            .unwrap_or_else(|e| panic!("{open}: {e}"));
        }
    }
    // As a key every level is looked at first, too.
    let message = format!("{{{}{text}{}:1}}", "(".repeat(198), ",)".repeat(198));
    soon("keys", || read(message.as_bytes())).unwrap();
    // A dict that begins like bytes but is not.
    let message = format!("[{}]", format!("{{'data':{text},'encoding':'none'}},").repeat(20));
    soon("nearly bytes", || read(message.as_bytes())).unwrap();
}

#[test]
fn huge_tokens() {
    let million = 1_000_000;
    for (message, good) in [
        ("9".repeat(million), false),
        (format!("-{}", "9".repeat(million)), false),
        (format!("0x{}", "f".repeat(million)), false),
        (format!("0b{}", "1_0".repeat(million)), false),
        ("0".repeat(million), true),
        (format!("{}.5", "9".repeat(million)), true),
        (format!("0.{}1", "0".repeat(million)), true),
        (format!("1e{}", "9".repeat(million)), true),
        (format!("{}j", "9".repeat(million)), true),
        (format!("1_{}", "_".repeat(million)), false),
        ("x".repeat(million), false),
        (format!("'{}'", "\\x41".repeat(million)), true),
        (format!("'{}'", "\\N{".repeat(million)), false),
        (format!("'\\N{{{}}}'", "A".repeat(million)), false),
        ("'a' ".repeat(million), true),
        ("''".repeat(million), true),
        (format!("'''{}'''", "\"\n\r".repeat(million)), true),
        (format!("'''{}'''", "'' ".repeat(million)), true),
        (format!("1{}", " \\\n".repeat(million)), false),
        (format!("{}1", "#\n".repeat(million)), true),
        (format!("{}1", "+".repeat(million)), false),
        (format!("[{}]", ",".repeat(million)), false),
        (format!("1{}", "+1j".repeat(million)), false),
        (format!("b'{}'", "é".repeat(million)), false),
        (format!("{}{}", "{'data':'".repeat(1000), "'}".repeat(1000)), false),
    ] {
        let shown: String = message.chars().take(20).collect();
        let read = soon(&shown, || read(message.as_bytes()));
        assert_eq!(read.is_ok(), good, "{shown}: {:?}", read.err());
    }
}

#[test]
fn the_node_limit_counts_everything() {
    let mut limits = springline_core::Limits::new();
    limits.nodes = 1000;
    for item in [
        "1,",
        "'a',",
        "(),",
        "{'data':'','encoding':'base64'},",
        "{'__class__':'X'},",
        "None,",
        "(1),",
        "1j,",
        "set(),",
        "...,",
    ] {
        let message = format!("[{}]", item.repeat(5000));
        let mut d = Decoder::new(message.as_bytes(), 0, limits.budget());
        assert_eq!(Value::read(&mut d).unwrap_err().kind(), ErrorKind::Limit, "{item}");
        let mut d = Decoder::new(message.as_bytes(), 0, limits.budget());
        assert_eq!(d.skip().unwrap_err().kind(), ErrorKind::Limit, "{item}");
        let mut out = Output::new();
        let mut d = Decoder::new(message.as_bytes(), 0, limits.budget());
        assert!(transcode(&mut d, &mut Encoder::new(&mut out, Generation::Pyro5)).is_err());
    }
}
