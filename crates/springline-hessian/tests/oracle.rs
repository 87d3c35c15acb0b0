//! A second opinion: what npm's hessian.js writes for the values of Java's corpus, and reads of our bytes.

mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value as Json;
use springline_hessian::Version::{self, One, Two};
use support::java::peers::target;
use support::java::{corpus, described};
use support::{encoded, hex};

/// Why hessian.js cannot tell about a value.
fn beyond_it(json: &Json) -> Option<&'static str> {
    let here = match json {
        Json::Object(object) => {
            let array = |key: &str| object.get(key).and_then(Json::as_array);
            let text = |key: &str| object.get(key).and_then(Json::as_str);
            let names = |pairs: &Vec<Json>| {
                let names: std::collections::BTreeSet<_> = pairs.iter().map(|pair| pair[0].as_str()).collect();
                names.len() == pairs.len()
            };
            if object.contains_key("open") {
                Some("lists without a length")
            } else if array("map").is_some() && object.contains_key("type") {
                Some("maps with a type")
            } else if array("map").is_some_and(|pairs| pairs.iter().any(|pair| !pair[0].is_string())) {
                Some("keys that are no text")
            } else if array("fields").is_some_and(|fields| !names(fields)) {
                Some("names that come twice")
            } else if text("double") == Some("8000000000000000") {
                Some("the sign of -0.0")
            } else if text("bytes").is_some_and(|hex| hex.len() > 2 * 1023) {
                Some("the chunks of a binary, which everybody may choose")
            } else if text("date").is_some_and(|ms| ms.parse::<i64>().unwrap().unsigned_abs() > 8_640_000_000_000_000) {
                Some("dates beyond JavaScript's")
            } else {
                None
            }
        }
        _ => None,
    };
    here.or_else(|| match json {
        Json::Object(object) => object.values().find_map(beyond_it),
        Json::Array(items) => items.iter().find_map(beyond_it),
        _ => None,
    })
}

/// Runs `oracle.js`; each line of the answer is what it writes and what it says of our bytes.
fn ask(input: String) -> Vec<(String, String)> {
    let modules = target().join("peers/hessian-js/node_modules");
    assert!(modules.exists(), "{} is missing: run `cargo xtask peers`", modules.display());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/oracle.js");
    let mut command = Command::new("node");
    command.arg(script).env("NODE_PATH", modules.canonicalize().unwrap());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("node is missing: run `cargo xtask peers`");
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).unwrap();
    let parts = |line: &str| line.split_once('\t').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    lines.lines().map(parts).collect()
}

fn compare(version: Version) {
    let number = if version == One { "1" } else { "2" };
    let lines = corpus(&["write", "--version", number, "--count", "3000", "--seed", "7000"], "");
    let (mut input, mut values) = (String::new(), Vec::new());
    for line in lines.lines() {
        let (name, rest) = line.split_once('\t').unwrap();
        let (description, _) = rest.split_once('\t').unwrap();
        let json: Json = serde_json::from_str(description).unwrap();
        if beyond_it(&json).is_some() {
            continue;
        }
        let ours = hex(&encoded(version, &described(&json)).unwrap());
        input.push_str(&format!("{number}\t{description}\t{ours}\n"));
        // It makes an Error of its own of an exception.
        let is_read = !description.contains("\"stackTrace\"");
        values.push((name.to_owned(), ours, is_read));
    }
    assert!(values.len() > 2000, "{}", values.len());
    let answers = ask(input);
    assert_eq!(answers.len(), values.len());
    for ((name, ours, is_read), (written, read)) in values.iter().zip(&answers) {
        assert_eq!(ours, written, "{name}");
        assert!(!is_read || read == "same", "{name}: {read}");
    }
    assert!(values.iter().filter(|(.., is_read)| *is_read).count() > 2000);
}

#[test]
fn hessian_1_as_hessian_js_has_it() {
    compare(One);
}

#[test]
fn hessian_2_as_hessian_js_has_it() {
    compare(Two);
}
