//! The serpent codec against CPython's `ast.literal_eval` and the serpent library: the same verdict, value and bytes.

#[path = "differential/serpent_random.rs"]
mod random;
#[path = "differential/serpent_support.rs"]
mod support;
#[path = "differential/serpent_table.rs"]
mod table;

use fastrand::Rng;
use random::{Literals, value};
use serde_json::json;
use springline_core::{BigInt, Value};
use support::{ask, date, decode, describe, encode, hex, normal};
use table::TABLE;

/// Both sides' verdict and value on each message. Only what the codec's documentation names may differ.
fn compare(messages: &[Vec<u8>]) {
    let questions: Vec<_> = messages.iter().map(|m| json!({"op": "loads", "hex": hex(m)})).collect();
    let mut both_accept = 0;
    for (message, theirs) in messages.iter().zip(ask(&questions)) {
        let shown = String::from_utf8_lossy(message);
        if has_class_in_parentheses(&shown) {
            continue; // such a dict is a map here
        }
        match (decode(message), theirs) {
            (Ok(ours), Ok(theirs)) => {
                assert_eq!(normal(&describe(&ours)), normal(&theirs), "values differ for {shown:?}");
                both_accept += 1;
            }
            (Err(e), Ok(theirs)) => {
                let known = [
                    "a tuple needs parentheses here",
                    "lone surrogate",
                    "more than 4300 digits",
                    "after the name set",
                    "`unicode-names`",
                ];
                assert!(known.iter().any(|k| e.message().contains(k)), "{shown:?}: we say {e}, Python {theirs}");
            }
            (Ok(_), Err(theirs)) if theirs.contains("unexpected indent") && ends_in_a_blank_line(&shown) => {}
            (Ok(ours), Err(theirs)) => panic!("{shown:?}: we say {ours:?}, Python {theirs}"),
            (Err(e), Err(_)) => assert!(e.offset().is_some(), "{shown:?}: {e:?} does not say where"),
        }
    }
    assert!(both_accept * 10 > messages.len(), "only {both_accept} of {} messages were good", messages.len());
}

fn has_class_in_parentheses(text: &str) -> bool {
    let mut before = text.match_indices("__class__").map(|(i, _)| &text[..i]);
    before.any(|t| t.rsplit('{').next().is_some_and(|t| t.contains('(')))
}

// A last line of blanks without a newline, in which CPython 3.11 sees an indent.
fn ends_in_a_blank_line(text: &str) -> bool {
    text.rsplit(['\n', '\r'])
        .next()
        .is_some_and(|line| !line.is_empty() && line.trim_matches([' ', '\t', '\x0c']).is_empty())
}

#[test]
fn the_table() {
    let mut messages: Vec<Vec<u8>> = TABLE.iter().copied().flatten().map(|t| t.as_bytes().to_vec()).collect();
    assert!(messages.len() > 500);
    // Also inside of brackets, where lines count less, and behind the header.
    for wrap in [
        ("[", "]"),
        ("(", ",)"),
        ("{1:", "}"),
        ("[0,", ",2]"),
        ("(", ")"),
        ("{", "}"),
        ("{", ":1}"),
        ("# serpent utf-8 python3.2\n", ""),
    ] {
        let wrapped: Vec<_> =
            TABLE.iter().copied().flatten().map(|t| format!("{}{t}{}", wrap.0, wrap.1).into_bytes()).collect();
        messages.extend(wrapped);
    }
    for digits in [18, 19, 20, 100, 4299, 4300, 4301, 20_000] {
        messages.push("9".repeat(digits).into_bytes());
        messages.push(format!("-{}", "1".repeat(digits)).into_bytes());
        messages.push(format!("{}.5", "9".repeat(digits)).into_bytes());
        messages.push(format!("0x{}", "f".repeat(digits)).into_bytes());
    }
    messages.extend(
        [&b"'\xff'"[..], b"'\xc3'", b"'\xed\xa0\x80'", b"\xff", b"'a\0b'", b"\0", b"1\0", b"'\xf4\x90\x80\x80'"]
            .map(<[u8]>::to_vec),
    );
    compare(&messages);
}

#[test]
fn deep_ones() {
    let mut messages = Vec::new();
    for (open, close) in [("(", ")"), ("[", "]"), ("{1:", "}"), ("(1,", ")"), ("[(", ")]"), ("-(", ")")] {
        for depth in [2, 50, 99, 100, 101, 199, 200, 201, 300] {
            messages.push(format!("{}{}", open.repeat(depth), close.repeat(depth)).into_bytes());
            messages.push(format!("{}1{}", open.repeat(depth), close.repeat(depth)).into_bytes());
            messages.push(format!("-{}1{}", open.repeat(depth), close.repeat(depth)).into_bytes());
        }
    }
    let questions: Vec<_> = messages.iter().map(|m| json!({"op": "accepts", "hex": hex(m)})).collect();
    for (message, theirs) in messages.iter().zip(ask(&questions)) {
        let ours = decode(message);
        let shown = String::from_utf8_lossy(message);
        if theirs.as_ref().is_err_and(|e| e.starts_with("MemoryError")) {
            continue; // its parser's own stack, at 200 levels of some shapes
        }
        assert_eq!(ours.is_ok(), theirs.is_ok(), "{shown}: {ours:?}, Python {theirs:?}");
    }
}

fn count(default: u64) -> u64 {
    std::env::var("SPRINGLINE_DIFFERENTIAL").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

#[test]
fn generated_literals() {
    let messages: Vec<_> = (0..count(3000)).map(|seed| Literals::one(seed).into_bytes()).collect();
    compare(&messages);
    let good = messages.iter().filter(|m| decode(m).is_ok()).count();
    assert!(good * 10 > messages.len() * 9, "only {good} of {} literals are good", messages.len());
}

#[test]
fn damaged_literals() {
    let pieces = [
        "'",
        "\"",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        " ",
        "\n",
        "\\",
        "#",
        "1",
        "0",
        "_",
        ".",
        "e",
        "j",
        "+",
        "-",
        "x",
        "b",
        "r",
        "u",
        "set",
        "()",
        "None",
        "'a'",
        "b'a'",
        "'''",
        "\r",
        "é",
        "...",
        "\t",
        "\x0c",
        "1j",
        "{}",
        "[]",
        "\\x",
        "\\u",
        "0x",
        "# c\n",
        "\\\n",
        "True",
        "'__class__'",
        "'data':",
        "\0",
    ];
    let messages: Vec<_> = (0..count(6000))
        .map(|seed| {
            let mut rng = Rng::with_seed(seed ^ 0x5eed);
            let text = if seed % 2 == 0 {
                // In an alias of a character's name other blanks would do here.
                let all: Vec<&str> = TABLE.iter().copied().flatten().copied().filter(|t| !t.contains("\\N{")).collect();
                all[rng.usize(..all.len())].to_owned()
            } else {
                Literals::one(seed)
            };
            let mut chars: Vec<char> = text.chars().collect();
            for _ in 0..rng.usize(1..4) {
                let at = rng.usize(..=chars.len());
                match rng.u8(..4) {
                    0 if at < chars.len() => {
                        chars.remove(at);
                    }
                    1 if at < chars.len() => {
                        let piece = pieces[rng.usize(..pieces.len())];
                        chars.splice(at..=at, piece.chars());
                    }
                    2 if at < chars.len() => {
                        let to = rng.usize(..=chars.len());
                        let part: Vec<char> = chars[at..(at + 5).min(chars.len())].to_vec();
                        chars.splice(to..to, part);
                    }
                    _ => {
                        let piece = pieces[rng.usize(..pieces.len())];
                        chars.splice(at..at, piece.chars());
                    }
                }
            }
            chars.into_iter().collect::<String>().into_bytes()
        })
        .collect();
    compare(&messages);
}

#[test]
fn the_same_bytes() {
    let values: Vec<Value> = (0..count(3000)).map(|seed| value(&mut Rng::with_seed(seed), 4)).collect();
    let questions: Vec<_> = values
        .iter()
        .flat_map(|v| [false, true].map(|r| json!({"op": "dumps", "value": describe(v), "bytes_repr": r})))
        .collect();
    let answers = ask(&questions);
    for (v, theirs) in values.iter().zip(answers.chunks(2)) {
        for (bytes_repr, theirs) in [false, true].into_iter().zip(theirs) {
            let ours = String::from_utf8(encode(v, bytes_repr).unwrap_or_else(|e| panic!("{v:?}: {e}"))).unwrap();
            let theirs = theirs.as_ref().unwrap_or_else(|e| panic!("{v:?}: {e}"));
            let theirs = String::from_utf8(support::unhex(theirs.as_str().unwrap())).unwrap();
            assert_eq!(ours, theirs, "{v:?}");
        }
    }
}

#[test]
fn what_we_write_python_reads() {
    let values: Vec<Value> = (0..count(3000)).map(|seed| value(&mut Rng::with_seed(seed ^ 0xabcd), 4)).collect();
    let messages: Vec<Vec<u8>> = values.iter().enumerate().map(|(i, v)| encode(v, i % 2 == 0).unwrap()).collect();
    let questions: Vec<_> = messages.iter().map(|m| json!({"op": "loads", "hex": hex(m)})).collect();
    for (message, theirs) in messages.iter().zip(ask(&questions)) {
        let shown = String::from_utf8_lossy(message);
        let theirs = theirs.unwrap_or_else(|e| panic!("{shown}: {e}"));
        let ours = decode(message).unwrap_or_else(|e| panic!("{shown}: {e}"));
        assert_eq!(normal(&describe(&ours)), normal(&theirs), "{shown}");
    }
}

#[test]
fn every_character_reads_back() {
    // Which of them are written raw depends on the version of Unicode; what is read does not.
    let all: Vec<char> = ('\u{1}'..=char::MAX).collect();
    let messages: Vec<Vec<u8>> =
        all.chunks(0x4000).map(|part| encode(&Value::Str(part.iter().collect()), false).unwrap()).collect();
    let questions: Vec<_> = messages.iter().map(|m| json!({"op": "loads", "hex": hex(m)})).collect();
    for ((part, message), theirs) in all.chunks(0x4000).zip(&messages).zip(ask(&questions)) {
        let expected: String = part.iter().collect();
        assert_eq!(theirs.unwrap().as_str().unwrap(), expected);
        assert_eq!(decode(message).unwrap(), Value::Str(expected));
    }
}

#[test]
fn what_python_refuses_to_write() {
    let tuple = |items: &[Value]| Value::Tuple(items.to_vec());
    let one = |v: Value| Value::List(vec![v]);
    let nest = |levels: usize| (0..levels).fold(Value::Null, |v, _| one(v));
    let big = |digits: u32| Value::from(BigInt::from(10).pow(digits) - 1);
    // (a key or member, whether serpent writes it); what it writes but cannot read back is refused here.
    let keys = [
        (Value::Null, true),
        (date("2020-01-02"), true),
        (date("2020-01-02T03:04:05"), true),
        (Value::FrozenSet(vec![Value::I64(1)]), true),
        (Value::Bytes(vec![1].into()), false),
        (Value::F64(f64::NAN), false),
        (Value::Complex(f64::NAN, 0.0), false),
        (tuple(&[Value::Bytes(vec![1].into())]), false),
        (tuple(&[Value::FrozenSet(vec![Value::I64(1)])]), false),
        (Value::FrozenSet(vec![]), true),
    ];
    let fine = [
        Value::Bool(true),
        Value::I64(1),
        Value::F64(1.5),
        Value::Complex(1.0, 2.0),
        Value::Decimal("1.5".to_owned()),
        Value::Str(String::new()),
        tuple(&[]),
        tuple(&[Value::Null, date("2020-01-02")]),
    ];
    let wraps: [fn(Value) -> Value; 2] = [|k| Value::Map(vec![(k, Value::Null)]), |k| Value::Set(vec![k])];
    let mut cases = Vec::new();
    for wrap in wraps {
        cases.extend(keys.iter().map(|(k, refused)| (wrap(k.clone()), *refused, true)));
        cases.extend(fine.iter().map(|k| (wrap(k.clone()), false, false)));
    }
    cases.push((nest(200), false, false));
    cases.push((nest(202), true, true));
    cases.push((big(4300), false, false));
    cases.push((big(4301), true, true));
    let questions: Vec<_> =
        cases.iter().map(|(v, ..)| json!({"op": "dumps", "value": describe(v), "bytes_repr": false})).collect();
    // Python's own limit would keep the number of 4301 digits from being asked about at all, as its text.
    for ((v, they_refuse, we_refuse), theirs) in cases.iter().zip(ask(&questions)) {
        assert_eq!(theirs.is_err(), *they_refuse, "{v:?}: {theirs:?}");
        let ours = encode(v, false);
        assert_eq!(ours.is_err(), *we_refuse, "{v:?}: {ours:?}");
    }
}
