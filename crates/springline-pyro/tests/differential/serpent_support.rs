//! Asking the Python library, and values in the form that `serpent_peer.py` describes them.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};
use springline_core::{Budget, DateTime, Output, Result, Value};
use springline_pyro::Generation;
use springline_pyro::codec::serpent::{Decoder, Encoder};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn python() -> PathBuf {
    let path = std::env::var_os("SPRINGLINE_PYTHON")
        .map_or_else(|| workspace().join("target/peers/python/bin/python"), PathBuf::from);
    assert!(path.exists(), "no Python with the peers at {}: run `cargo xtask peers`", path.display());
    path
}

/// Puts all questions to one Python process; gives its answers in order.
pub(crate) fn ask(questions: &[Json]) -> Vec<Result<Json, String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/serpent_peer.py");
    let mut child =
        Command::new(python()).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python starts");
    let mut stdin = child.stdin.take().expect("piped");
    let text: String = questions.iter().map(|q| format!("{q}\n")).collect();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let answers: Vec<_> = BufReader::new(child.stdout.take().expect("piped"))
        .lines()
        .map(|line| {
            let reply: Json = serde_json::from_str(&line.expect("text")).expect("JSON");
            match reply.get("error") {
                Some(e) => Err(e.as_str().unwrap_or_default().to_owned()),
                None => Ok(reply["ok"].clone()),
            }
        })
        .collect();
    writer.join().expect("no panic").expect("python reads all questions");
    assert!(child.wait().expect("python ends").success());
    assert_eq!(answers.len(), questions.len());
    answers
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex")).collect()
}

/// The whole message as a value, and nothing behind it.
pub(crate) fn decode(message: &[u8]) -> Result<Value> {
    let mut decoder = Decoder::new(message, 0, Budget::default());
    let value = Value::read(&mut decoder)?;
    decoder.finish()?;
    Ok(value)
}

pub(crate) fn encode(value: &Value, bytes_repr: bool) -> Result<Vec<u8>> {
    let mut out = Output::new();
    let mut encoder = Encoder::new(&mut out, Generation::Pyro5).with_header().with_bytes_repr(bytes_repr);
    value.write(&mut encoder)?;
    encoder.finish()?;
    Ok(out.to_vec())
}

fn bits(v: f64) -> String {
    if v.is_nan() { "nan".to_owned() } else { format!("{:016x}", v.to_bits()) }
}

/// A value as `describe` in serpent_peer.py has it. What is exact goes to Python, what Python would make of it (one of
/// equal keys, no signs of zero in complex numbers) comes from [`normal`].
pub(crate) fn describe(v: &Value) -> Json {
    let all = |items: &[Value]| items.iter().map(describe).collect::<Json>();
    match v {
        Value::Null => Json::Null,
        Value::Bool(v) => json!(v),
        Value::I32(v) => json!({"i": v.to_string()}),
        Value::I64(v) => json!({"i": v.to_string()}),
        Value::Big(v) => json!({"i": v.to_string()}),
        Value::F64(v) => json!({"f": bits(*v)}),
        Value::Complex(re, im) => json!({"c": [bits(*re), bits(*im)]}),
        Value::Decimal(v) => json!({"dec": v}),
        Value::DateTime(v) => json!({"dt": v.to_string()}),
        Value::Str(v) => json!(v),
        Value::Bytes(v) => json!({"b": hex(v)}),
        Value::List(v) => json!({"l": all(v)}),
        Value::Tuple(v) => json!({"t": all(v)}),
        Value::Set(v) => json!({"s": all(v)}),
        Value::FrozenSet(v) => json!({"fs": all(v)}),
        Value::Map(v) => json!({"d": v.iter().map(|(k, v)| json!([describe(k), describe(v)])).collect::<Json>()}),
        Value::Object(o) => {
            json!({"o": [o.class, o.fields.iter().map(|(k, v)| json!([k, describe(v)])).collect::<Json>()]})
        }
        other => panic!("no description of {other:?}"),
    }
}

// Equal for keys that Python holds to be equal: 1, 1.0, True and 1+0j are one key.
fn identity(d: &Json) -> String {
    let number = |re: f64, im: f64| {
        if re == re.trunc() && re.abs() < 9e15 && im == 0.0 { format!("n{}", re as i64) } else { format!("f{re},{im}") }
    };
    let float = |t: &Json| t.as_str().and_then(|t| u64::from_str_radix(t, 16).ok()).map_or(f64::NAN, f64::from_bits);
    match d {
        Json::Bool(b) => number(f64::from(u8::from(*b)), 0.0),
        Json::Object(o) => match o.iter().next() {
            Some((k, v)) if k == "i" => format!("n{}", v.as_str().unwrap_or_default()),
            Some((k, v)) if k == "f" => number(float(v), 0.0),
            Some((k, v)) if k == "c" => number(float(&v[0]), float(&v[1])),
            Some((k, v)) if k == "t" => {
                format!("t{:?}", v.as_array().into_iter().flatten().map(identity).collect::<Vec<_>>())
            }
            _ => d.to_string(),
        },
        _ => d.to_string(),
    }
}

/// What Python would make of a described value: of equal keys the first stays, with the last value; sets have no order,
/// complex numbers no negative zeros.
pub(crate) fn normal(d: &Json) -> Json {
    let Json::Object(o) = d else { return d.clone() };
    let Some((kind, v)) = o.iter().next() else { return d.clone() };
    let items: Vec<Json> = v.as_array().into_iter().flatten().cloned().collect();
    match kind.as_str() {
        "c" => {
            let zero = |t: &Json| if t == "8000000000000000" { json!("0000000000000000") } else { t.clone() };
            json!({"c": [zero(&items[0]), zero(&items[1])]})
        }
        "s" => {
            let mut kept: Vec<(String, Json)> = Vec::new();
            for item in &items {
                let item = normal(item);
                let id = identity(&item);
                if !kept.iter().any(|(k, _)| *k == id) {
                    kept.push((id, item));
                }
            }
            kept.sort_by_key(|(_, item)| item.to_string());
            json!({"s": kept.into_iter().map(|(_, item)| item).collect::<Json>()})
        }
        "d" => {
            let mut kept: Vec<(String, Json, Json)> = Vec::new();
            for pair in &items {
                let (key, value) = (normal(&pair[0]), normal(&pair[1]));
                let id = identity(&key);
                match kept.iter_mut().find(|(k, ..)| *k == id) {
                    Some((_, _, v)) => *v = value,
                    None => kept.push((id, key, value)),
                }
            }
            json!({"d": kept.into_iter().map(|(_, k, v)| json!([k, v])).collect::<Json>()})
        }
        "o" => {
            let mut kept: Vec<(Json, Json)> = Vec::new();
            for pair in items[1].as_array().into_iter().flatten() {
                let value = normal(&pair[1]);
                match kept.iter_mut().find(|(k, _)| *k == pair[0]) {
                    Some((_, v)) => *v = value,
                    None => kept.push((pair[0].clone(), value)),
                }
            }
            json!({"o": [items[0], kept.into_iter().map(|(k, v)| json!([k, v])).collect::<Json>()]})
        }
        "l" | "t" => json!({kind: items.iter().map(normal).collect::<Json>()}),
        _ => d.clone(),
    }
}

/// A date or time of ISO text.
pub(crate) fn date(text: &str) -> Value {
    Value::DateTime(DateTime::parse(text).expect("a date"))
}
