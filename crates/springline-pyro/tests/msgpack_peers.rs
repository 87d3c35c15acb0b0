//! The msgpack codec against the msgpack package and Pyro's serializers: recorded messages and a live Python process.

#[path = "differential/msgpack_support.rs"]
mod support;

use springline_core::{BigInt, Date, DateTime, RemoteRef, Value};
use springline_pyro::Generation;
use support::{Python, Recorded, canon, decode, encode, hex};

#[test]
fn recorded_messages_come_back_byte_for_byte() {
    let all = support::recorded();
    assert!(all.len() > 150, "only {} payloads were found", all.len());
    let mut rewritten = 0;
    for Recorded { name, generation, payload } in &all {
        let value = decode(payload).unwrap_or_else(|e| panic!("{name}: {e}"));
        let written = encode(&value, *generation).unwrap();
        if payload.windows(6).any(|w| w == b".Proxy") {
            // What a proxy's owner keeps in it (timeouts, serializer) is not kept here.
            rewritten += 1;
            assert_eq!(canon(&decode(&written).unwrap()), canon(&value), "{name}");
        } else {
            assert_eq!(hex(&written), hex(payload), "{name}");
        }
    }
    assert!(rewritten > 0 && rewritten * 10 < all.len(), "{rewritten} of {} payloads hold proxies", all.len());
}

#[test]
fn recorded_messages_cut_anywhere_are_refused() {
    for Recorded { name, payload, .. } in support::recorded() {
        for n in 0..payload.len() {
            let e = decode(&payload[..n]).expect_err(&name);
            let at = e.offset().unwrap_or_else(|| panic!("{name} cut at {n}: {e} without a place"));
            assert!(at <= n, "{name} cut at {n}: {e}");
        }
    }
}

fn generation(name: &str) -> Generation {
    if name.starts_with("pyro4") { Generation::Pyro4 } else { Generation::Pyro5 }
}

#[test]
fn what_python_writes_is_read_and_written_the_same() {
    let mut python = Python::start();
    for (name, seed) in [("msgpack", 1), ("pyro4", 2), ("pyro5", 3)] {
        for (message, expected) in python.messages(&format!("random {name} {seed} 3000"), 3000) {
            let value = decode(&message).unwrap_or_else(|e| panic!("{name} {}: {e}", hex(&message)));
            assert_eq!(canon(&value), expected, "{name} {}", hex(&message));
            assert_eq!(hex(&encode(&value, generation(name)).unwrap()), hex(&message), "{name}");
        }
    }
}

#[test]
fn what_pyro_has_of_its_own_is_read_and_written_the_same() {
    let mut python = Python::start();
    for name in ["pyro4", "pyro5"] {
        let all = python.messages(&format!("specials {name}"), usize::MAX);
        assert!(all.len() >= 15, "{} specials", all.len());
        for (message, expected) in all {
            let value = decode(&message).unwrap_or_else(|e| panic!("{name} {}: {e}", hex(&message)));
            assert_eq!(canon(&value), expected, "{name} {}", hex(&message));
            let written = encode(&value, generation(name)).unwrap();
            if message.windows(6).any(|w| w == b".Proxy") {
                assert_eq!(python.ask(&format!("reads {name} {expected} {}", hex(&written))), "ok", "{name}");
            } else {
                assert_eq!(hex(&written), hex(&message), "{name}");
            }
        }
    }
}

struct Random(fastrand::Rng);

impl Random {
    fn value(&mut self, depth: u32, extended: bool) -> Value {
        let r = &mut self.0;
        match r.u32(..if depth == 0 { 9 } else { 12 }) {
            0 => Value::Null,
            1 => r.bool().into(),
            2 => Value::I64(r.i64(..) >> r.u32(..64)),
            3 => (r.u64(..) >> r.u32(..64)).into(),
            4 => Value::F64(f64::from_bits(r.u64(..))),
            5 => {
                let n = [0, 5, 31, 32, 255, 256, 400][r.usize(..7)];
                (0..n).map(|_| if r.u32(..9) == 0 { r.char(..) } else { r.alphanumeric() }).collect::<String>().into()
            }
            6 => {
                let n = [0, 1, 255, 256, 300][r.usize(..5)];
                Value::Bytes((0..n).map(|_| r.u8(..)).collect::<Vec<u8>>().into())
            }
            7 if extended => Value::Complex(r.f64(), -1.0),
            8 if extended => {
                let digits: String = (0..r.usize(20..400)).map(|_| r.digit(10)).collect();
                Value::Big(Box::new(format!("{}1{digits}", if r.bool() { "-" } else { "" }).parse::<BigInt>().unwrap()))
            }
            7 | 8 => Value::I64(r.i64(-300..300)),
            9 | 10 => {
                let n = [0, 1, 15, 16, 20][r.usize(..5)];
                Value::List((0..n).map(|_| self.value(depth - 1, extended)).collect())
            }
            _ => {
                let n = [0, 1, 15, 16, 20][r.usize(..5)];
                let pairs = (0..n).map(|i| (format!("key{i}").into(), self.value(depth - 1, extended)));
                Value::Map(pairs.collect())
            }
        }
    }
}

#[test]
fn what_is_written_here_python_reads_and_writes_the_same() {
    let mut python = Python::start();
    let mut random = Random(fastrand::Rng::with_seed(11));
    for name in ["msgpack", "pyro4", "pyro5"] {
        for _ in 0..1000 {
            let value = random.value(2, name != "msgpack");
            let message = hex(&encode(&value, generation(name)).unwrap());
            assert_eq!(python.ask(&format!("check {name} {} {message}", canon(&value))), "ok", "{value:?}");
        }
    }
    for n in [65_535, 65_536, 70_000] {
        let value = Value::List(vec![Value::Bytes(vec![1; n].into()), "x".repeat(n).into()]);
        let message = hex(&encode(&value, Generation::Pyro5).unwrap());
        assert_eq!(python.ask(&format!("check pyro5 {} {message}", canon(&value))), "ok");
        let value = Value::List(vec![Value::Null; n]);
        let message = hex(&encode(&value, Generation::Pyro5).unwrap());
        assert_eq!(python.ask(&format!("check pyro5 {} {message}", canon(&value))), "ok");
    }
    let date = |n: i64| Value::from(DateTime::from_date(Date::from_ordinal(n).unwrap()));
    for n in [1, 2, 719_163, 738_945, 3_652_059] {
        let value = date(n);
        let message = hex(&encode(&value, Generation::Pyro5).unwrap());
        for name in ["pyro4", "pyro5"] {
            assert_eq!(python.ask(&format!("check {name} {} {message}", canon(&value))), "ok", "{value:?}");
        }
    }
}

#[test]
fn sets_and_tuples_of_every_kind_are_lists_for_python() {
    let mut python = Python::start();
    let items = vec![Value::I64(1), Value::from("two"), Value::Null];
    let expected = canon(&Value::List(items.clone()));
    for kind in [Value::List, Value::Tuple, Value::Set, Value::FrozenSet] {
        let message = hex(&encode(&kind(items.clone()), Generation::Pyro5).unwrap());
        assert_eq!(python.ask(&format!("check pyro5 {expected} {message}")), "ok");
    }
}

#[test]
fn calls_are_what_pyro_writes_and_reads_of_them() {
    let mut python = Python::start();
    for name in ["pyro4", "pyro5"] {
        let uri = Value::from(RemoteRef::uri("PYRO:thing@localhost:7766"));
        let args = Value::Tuple(vec![Value::I64(1), "two".into(), uri]);
        let kwargs = Value::Map(vec![("flag".into(), true.into())]);
        for kwargs in [kwargs, Value::Map(vec![]), Value::Null] {
            let call = Value::Tuple(vec!["thing".into(), "echo".into(), args.clone(), kwargs]);
            let message = encode(&call, generation(name)).unwrap();
            let expected = canon(&decode(&message).unwrap());
            assert_eq!(python.ask(&format!("check {name}-call {expected} {}", hex(&message))), "ok");
        }
    }
}

#[test]
fn remote_references_written_here_are_objects_for_python() {
    let mut python = Python::start();
    let mut proxy = RemoteRef::proxy("PYRO:thing@127.0.0.1:7766");
    proxy.methods = vec!["echo".into(), "add".into()];
    proxy.oneway = vec!["log".into()];
    proxy.attrs = vec!["value".into()];
    for name in ["pyro4", "pyro5"] {
        for remote in [&proxy, &RemoteRef::uri("PYRO:x@./u:/tmp/sock"), &RemoteRef::uri("PYRONAME:a@h:9090")] {
            let value = Value::from(remote.clone());
            let message = hex(&encode(&value, generation(name)).unwrap());
            assert_eq!(python.ask(&format!("reads {name} {} {message}", canon(&value))), "ok", "{remote:?}");
        }
    }
}

/// In the zone that `TZ` names: Python's dates and times come back, and are written bit for bit as Python does.
#[test]
fn dates_in_this_zone() {
    let mut python = Python::start();
    let mut again = 0;
    for name in ["pyro4", "pyro5"] {
        for (message, expected) in python.messages(&format!("dates {name} 5 2000"), 2000) {
            let value = decode(&message).unwrap_or_else(|e| panic!("{name} {}: {e}", hex(&message)));
            assert_eq!(canon(&value), expected, "{name} {}: {value:?}", hex(&message));
            let written = encode(&value, generation(name)).unwrap();
            if written != message {
                // The second of two moments at which clocks show the same: Python forgets which it was as well.
                again += 1;
                assert_eq!(python.ask(&format!("check {name} {expected} {}", hex(&written))), "ok", "{value:?}");
            }
        }
    }
    assert!(again < 40, "{again} of 4000 dates are not written as they were");
}

#[test]
fn dates_in_other_zones() {
    let zones = [
        "UTC",
        "Europe/Amsterdam",
        "America/New_York",
        "America/Sao_Paulo",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Africa/Monrovia",
        // a rule instead of a name
        "CET-1CEST,M3.5.0,M10.5.0/3",
    ];
    for zone in zones {
        let run = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "dates_in_this_zone", "--test-threads", "1"])
            .env("TZ", zone)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && said.contains("1 passed"), "{zone}: {said}");
    }
}
