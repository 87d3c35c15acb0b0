//! The marshal codec against CPython and Pyro themselves: recorded messages and a live Python process.

#[path = "differential/json_support.rs"]
mod support;

use springline_core::{Budget, Value};
use springline_pyro::Generation;
use springline_pyro::codec::marshal;
use support::{Python, Recorded, Serializer, canon, hex, unhex};

const SERIALIZER: Serializer = Serializer::Marshal;

fn decode(message: &[u8]) -> springline_core::Result<Value> {
    SERIALIZER.decode(message, Budget::default())
}

#[test]
fn recorded_messages_say_the_same_to_python_when_written_again() {
    let all = support::recorded(SERIALIZER);
    assert!(all.len() > 100, "only {} payloads were found", all.len());
    let mut requests = Vec::new();
    for Recorded { name, generation, payload } in &all {
        let value = decode(payload).unwrap_or_else(|e| panic!("{name}: {e}"));
        let written = SERIALIZER.encode(&value, *generation).unwrap();
        assert_eq!(canon(&decode(&written).unwrap()), canon(&value), "{name}");
        // What a proxy's owner keeps in it (timeouts, serializer) is not kept here, so only we compare those.
        if !payload.windows(5).any(|w| w == b"Proxy") {
            requests.push(format!("loads marshal {}", hex(payload)));
            requests.push(format!("loads marshal {}", hex(&written)));
        }
    }
    assert!(requests.len() > 200);
    let answers = Python::start().ask(&requests);
    for (request, pair) in requests.chunks(2).zip(answers.chunks(2)) {
        assert!(pair[0].starts_with("ok "), "{}", pair[0]);
        assert_eq!(pair[0], pair[1], "{request:?}");
    }
}

#[test]
fn recorded_messages_cut_anywhere_are_refused() {
    for Recorded { name, payload, .. } in support::recorded(SERIALIZER) {
        for end in 0..payload.len() {
            let e = decode(&payload[..end]).expect_err(&name);
            assert!(e.offset().is_some_and(|at| at <= end), "{name} cut at {end}: {e}");
        }
    }
}

#[test]
fn what_python_writes_is_read() {
    let mut python = Python::start();
    let names = ["marshal0", "marshal1", "marshal2", "marshal3", "marshal4", "pyro4-marshal", "pyro5-marshal"];
    let mut referring = 0;
    for (name, seed) in names.into_iter().zip(1..) {
        let lines = python.ask_many(&format!("generate {name} {seed}0000 2000"));
        assert_eq!(lines.len(), 2000);
        for line in lines {
            let (data, form) = line.split_once(' ').unwrap();
            let message = unhex(data);
            let value = decode(&message).unwrap_or_else(|e| panic!("{name}: {e}: {data}"));
            assert_eq!(canon(&value), form, "{name}: {data}");
            let plain = Value::read(&mut marshal::Decoder::new(&message, 0, Budget::default())).unwrap();
            referring += usize::from(has_back(&plain));
        }
    }
    assert!(referring > 200, "only {referring} values with shared containers");
}

fn has_back(value: &Value) -> bool {
    match value {
        Value::Back(_) => true,
        Value::Map(pairs) => pairs.iter().any(|(k, v)| has_back(k) || has_back(v)),
        Value::Object(o) => o.fields.iter().any(|(_, v)| has_back(v)),
        other => other.as_items().is_some_and(|items| items.iter().any(has_back)),
    }
}

#[test]
fn python_writes_the_same_bytes_in_version_2() {
    let mut rng = fastrand::Rng::with_seed(2);
    let requests: Vec<String> = (0..10_000)
        .map(|_| {
            let value = support::random_value(&mut rng, SERIALIZER, 4);
            let written = SERIALIZER.encode(&value, Generation::Pyro4).unwrap();
            assert_eq!(canon(&decode(&written).unwrap()), canon(&value));
            format!("same marshal2 {} {}", canon(&value), hex(&written))
        })
        .collect();
    for (request, answer) in requests.iter().zip(Python::start().ask(&requests)) {
        assert_eq!(answer, "ok", "{request}");
    }
}

#[test]
fn remote_references_and_exceptions_pass_both_ways() {
    let mut python = Python::start();
    for (name, generation) in [("pyro4-marshal", Generation::Pyro4), ("pyro5-marshal", Generation::Pyro5)] {
        let lines = python.ask_many(&format!("specials {name}"));
        assert!(lines.len() > 15);
        for (i, line) in lines.iter().enumerate() {
            let (data, form) = line.split_once(' ').unwrap();
            let value = decode(&unhex(data)).unwrap_or_else(|e| panic!("{name} {i}: {e}"));
            assert_eq!(canon(&value), form, "{name} {i}");
            let written = SERIALIZER.encode(&value, generation).unwrap();
            let answers = python.ask(&[format!("special {name} {i} {}", hex(&written))]);
            assert_eq!(answers, ["ok"], "{name} {i}");
        }
    }
}

// The only things that one side takes and the other does not.
fn may_differ(ours: &springline_core::Result<Value>, theirs: &str) -> bool {
    match ours {
        Err(e) => {
            let what = e.to_string();
            let documented = ["lone surrogate", "nested deeper", "no counterpart", "code object"];
            theirs.starts_with("ok") && documented.iter().any(|d| what.contains(d))
                // CPython ends a dict silently when a value is missing.
                || what.contains("found the end of a dict")
                // A NUL ends a float's text there.
                || what.contains("float as text") && what.contains("\\x00")
                // Our class dicts are stricter than a plain dict.
                || what.contains("field name") || what.contains("without its numbers") || what.contains("state")
        }
        Ok(_) => {
            // Python cannot hash what lies in a set or is a key; we only pass it on. Python 2's interned bytes are not
            // UTF-8.
            theirs.contains("unhashable") || theirs.contains("codec can't decode")
                // Pythons's forms have no room for Ellipsis, and a list of many items no room in its memory.
                || theirs.contains("no form for") || theirs.contains("MemoryError")
        }
    }
}

#[test]
fn damaged_messages_are_judged_as_python_judges_them() {
    let mut python = Python::start();
    let mut seeds: Vec<Vec<u8>> = support::recorded(SERIALIZER).into_iter().map(|r| r.payload).collect();
    seeds.retain(|p| p.len() < 700 && !p.windows(5).any(|w| w == b".core"));
    for name in ["marshal0", "marshal2", "marshal4"] {
        let lines = python.ask_many(&format!("generate {name} 77 300"));
        seeds.extend(lines.iter().map(|line| unhex(line.split_once(' ').unwrap().0)).filter(|m| m.len() < 400));
    }
    let mut rng = fastrand::Rng::with_seed(3);
    let messages: Vec<Vec<u8>> = (0..30_000)
        .map(|_| {
            let mut message = rng.choice(&seeds).unwrap().clone();
            support::mutate(
                &mut rng,
                &mut message,
                b"NTFS.iIlfgxysutaAzZ([{<>)rR0\x00\x01\x02\x05\x81\xe9\xf5\xdb\xa9\xfb\xda",
            );
            message
        })
        .collect();
    let requests: Vec<String> = messages.iter().map(|m| format!("loads marshal {}", hex(m))).collect();
    let (mut accepted, mut different) = (0, 0);
    for (message, theirs) in messages.iter().zip(python.ask(&requests)) {
        // Python ignores what follows the value.
        let ours = support::expanded(&mut marshal::Decoder::new(message, 0, Budget::default()));
        let text = match &ours {
            Ok(value) => format!("ok {}", canon(value)),
            Err(e) => format!("err {e}"),
        };
        accepted += usize::from(ours.is_ok());
        let alike = text == theirs || text.starts_with("err") && theirs.starts_with("err");
        different += usize::from(!alike);
        assert!(alike || may_differ(&ours, &theirs), "{}\nours:   {text}\nPython: {theirs}", hex(message));
    }
    assert!(accepted > 1000, "only {accepted} were readable: the test proves little");
    assert!(different < 300, "{different} differ");
}
