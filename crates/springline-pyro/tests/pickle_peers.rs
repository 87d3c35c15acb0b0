//! The pickle codec against CPython 2.7 and 3, as live processes.

#[path = "differential/pickle_support.rs"]
mod pickles;
#[path = "differential/json_support.rs"]
mod support;

use pickles::{Maker, decode, encode, form, python2, python3};
use springline_core::Value;
use support::{Python, hex, unhex};

fn reads(python: &mut Python, hows: &[&str]) {
    for (how, seed) in hows.iter().zip(1..) {
        let lines = python.ask_many(&format!("generate {how} {seed}0000 600"));
        assert_eq!(lines.len(), 600);
        let mut referring = 0;
        for line in lines {
            let (data, expected) = line.split_once(' ').unwrap();
            let value = decode(&unhex(data)).unwrap_or_else(|e| panic!("{how}: {e}: {data}"));
            assert_eq!(form(&value), expected, "{how}: {data}");
            referring += usize::from(value.refers_back());
        }
        assert!(referring > 20, "only {referring} values with shared containers");
    }
}

#[test]
fn what_python_3_writes_is_read() {
    reads(&mut python3(), &["c0", "c1", "c2", "c3", "c4", "c5", "co2", "co5", "p0", "p4"]);
}

#[test]
fn what_python_2_writes_is_read() {
    reads(&mut python2(), &["c0", "c1", "c2", "p0", "p1", "p2", "co0", "co2"]);
}

fn is_read(python: &mut Python, protocols: &[u8], pyro3: bool, is_2: bool) {
    for protocol in protocols {
        let mut rng = fastrand::Rng::with_seed(u64::from(*protocol));
        let requests: Vec<String> = (0..2000)
            .map(|_| {
                let value = Maker::value(&mut rng, is_2);
                let written = encode(&value, *protocol, pyro3).unwrap();
                let read = decode(&written).unwrap_or_else(|e| panic!("{protocol}: {e}: {value:?}"));
                // For Python 2, bytes are `str`, which reads as text where it can be.
                let expected = if pyro3 { as_python_2_has_it(&value) } else { value };
                assert_eq!(form(&read), form(&expected), "protocol {protocol}: {}", hex(&written));
                format!("same {} {}", hex(&written), form(&expected))
            })
            .collect();
        for (request, answer) in requests.iter().zip(python.ask(&requests)) {
            assert_eq!(answer, "ok", "protocol {protocol}: {request}");
        }
    }
}

fn as_python_2_has_it(value: &Value) -> Value {
    let all = |items: &[Value]| items.iter().map(as_python_2_has_it).collect();
    match value {
        Value::Bytes(b) => match std::str::from_utf8(b) {
            Ok(text) => text.into(),
            Err(_) => value.clone(),
        },
        Value::List(v) => Value::List(all(v)),
        Value::Tuple(v) => Value::Tuple(all(v)),
        Value::Map(pairs) => {
            Value::Map(pairs.iter().map(|(k, v)| (as_python_2_has_it(k), as_python_2_has_it(v))).collect())
        }
        other => other.clone(),
    }
}

#[test]
fn python_3_reads_what_is_written() {
    is_read(&mut python3(), &[0, 1, 2, 3, 4], false, false);
}

#[test]
fn python_2_reads_what_is_written() {
    is_read(&mut python2(), &[0, 1, 2], false, true);
    is_read(&mut python2(), &[0, 1, 2], true, true);
}

fn object(class: &str, fields: &[(&str, Value)]) -> Value {
    Value::object(class, fields.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect())
}

fn list(items: impl IntoIterator<Item = Value>) -> Value {
    Value::List(items.into_iter().collect())
}

fn tuple(items: impl IntoIterator<Item = Value>) -> Value {
    Value::Tuple(items.into_iter().collect())
}

fn int(v: i64) -> Value {
    Value::I64(v)
}

// What the things of the script's table are here, by protocol.
fn expected(name: &str, protocol: u8) -> Option<Value> {
    let one_two = || [int(1), int(2)];
    let map = |pairs: &[(&str, Value)]| Value::Map(pairs.iter().map(|(k, v)| ((*k).into(), v.clone())).collect());
    let thing = || object("peer.Thing", &[("x", int(1))]);
    Some(match name {
        "thing" => thing(),
        "shared" => list([thing(), Value::Back(1)]),
        "items" => object("peer.Items", &[("name", "n".into()), ("__items__", list(one_two()))]),
        "pairs" => object("peer.Pairs", &[("__items__", map(&[("a", int(1))]))]),
        "slots" => object("peer.Slots", &[("a", int(1)), ("b", "b".into())]),
        "point" if protocol < 2 => object("peer.Point", &[("__items__", tuple(one_two()))]),
        "point" => object("peer.Point", &[("__args__", tuple(one_two()))]),
        "stateful" => object("peer.Stateful", &[("__state__", list(one_two()))]),
        "error" => {
            object("builtins.ValueError", &[("__args__", tuple(["bad".into(), int(2)])), ("extra", list([int(1)]))])
        }
        "key_error" => object("builtins.KeyError", &[("__args__", tuple(["k".into()]))]),
        "custom" => object("peer.Custom", &[("__args__", tuple(["c".into()]))]),
        "class" => object("builtins.type", &[("name", "peer.Thing".into())]),
        "function" => object("builtins.type", &[("name", "builtins.len".into())]),
        "delta" => object("datetime.timedelta", &[("__args__", tuple([int(1), int(2), int(3)]))]),
        "uuid" => "12345678-1234-5678-1234-567812345678".into(),
        "ordered" => map(&[("b", int(1)), ("a", int(2))]),
        "default" => map(&[("a", list([int(1)]))]),
        "deque" => list(one_two()),
        "counter" => map(&[("a", int(2)), ("b", int(1))]),
        "self" => object("peer.Thing", &[("x", Value::Back(0))]),
        "old" => thing_of("peer.Old"),
        "inner" => object("peer.Thing.Inner", &[]),
        "keywords" if protocol >= 4 => {
            object("peer.Keywords", &[("__args__", tuple([int(1)])), ("__kwargs__", map(&[("b", int(2))]))])
        }
        "utc" => springline_core::DateTime::parse("2020-01-02T00:00:00+00:00").unwrap().into(),
        _ => return None,
    })
}

fn thing_of(class: &str) -> Value {
    object(class, &[("x", int(1))])
}

#[test]
fn objects_of_every_kind_become_data() {
    for (mut python, hows, least) in [
        (python3(), &["c0", "c1", "c2", "c3", "c4", "c5", "p0", "p5"][..], 23),
        (python2(), &["c0", "c1", "c2", "p0", "p1", "p2"], 22),
    ] {
        for how in hows {
            let lines = python.ask_many(&format!("table {how}"));
            assert!(lines.len() >= least, "{how}: {}", lines.len());
            let protocol = how[1..].parse().unwrap();
            let mut known = 0;
            for line in lines {
                let (name, data) = line.split_once(' ').unwrap();
                let value = decode(&unhex(data)).unwrap_or_else(|e| panic!("{how} {name}: {e}"));
                if let Some(expected) = expected(name, protocol) {
                    known += 1;
                    assert_eq!(value, expected, "{how} {name}");
                } else {
                    assert!(value.class().is_some(), "{how} {name}: {value:?}");
                }
            }
            assert!(known > 19, "{known}");
        }
    }
}

#[test]
fn python_makes_what_objects_stand_for() {
    let exception = |class: &str| {
        let fields = [
            ("__exception__", Value::Bool(true)),
            ("args", tuple(["bad".into(), int(2)])),
            ("attributes", Value::Map(vec![("extra".into(), list([int(1)]))])),
        ];
        object(class, &fields)
    };
    let proxy = {
        let mut proxy = springline_core::RemoteRef::proxy("PYRO:x@h:1");
        proxy.methods = vec!["add".into()];
        Value::from(proxy)
    };
    let table: Vec<(Value, &str)> = vec![
        (exception("builtins.ValueError"), "ValueError ('bad', 2) [('extra', [1])]"),
        (exception("Pyro4.errors.NamingError"), "Pyro4.errors.NamingError ('bad', 2) [('extra', [1])]"),
        (object("builtins.KeyError", &[("__args__", tuple(["k".into()]))]), "KeyError ('k',) []"),
        (
            object("datetime.timedelta", &[("__args__", tuple([int(1), int(2), int(3)]))]),
            "datetime.timedelta datetime.timedelta",
        ),
        (
            object("Pyro4.futures._ExceptionWrapper", &[("exception", exception("builtins.ValueError"))]),
            "_ExceptionWrapper",
        ),
        (springline_core::RemoteRef::uri("PYRO:x@h:1").into(), "PYRO:x@h:1"),
        (proxy, "PYRO:x@h:1"),
        (object("os.Evil", &[("a", int(1))]), "{'__class__': 'os.Evil', 'a': 1}"),
        (object("Pyro4.errors.os", &[]), "{'__class__': 'Pyro4.errors.os'}"),
    ];
    let mut python = python3();
    for protocol in 0..=4 {
        for (value, part) in &table {
            let written = encode(value, protocol, false).unwrap();
            let answers = python.ask(&[format!("loads {}", hex(&written))]);
            assert!(answers[0].starts_with("ok ") && answers[0].contains(part), "{protocol}: {part}: {}", answers[0]);
        }
    }
    // Instances only where they are asked for.
    let delta = &table[3].0;
    let value = object("argparse.Namespace", &[("a", int(1)), ("b", delta.clone())]);
    let mut out = springline_core::Output::new();
    let encoder = springline_pyro::codec::pickle::Encoder::pyro3(&mut out).with_instances(true);
    value.write(&mut { encoder }).unwrap();
    for mut python in [python2(), python3()] {
        let answers = python.ask(&[format!("loads {}", hex(&out.to_vec()))]);
        assert!(answers[0].starts_with("ok argparse.Namespace Namespace(a=1, b=datetime.timedelta("), "{}", answers[0]);
    }
}
