//! The peers in Java, and the values that they describe.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value as Json;
use springline_core::value::Typed;
use springline_core::{Bytes, DateTime, Value};
use springline_hessian::Version;

use super::bytes;

#[path = "peers.rs"]
pub(crate) mod peers;

/// Runs the program `peer.Corpus` and gives what it prints.
pub(crate) fn corpus(args: &[&str], input: &str) -> String {
    let mut command = peers::java("peer.Corpus");
    command.args(args).stderr(Stdio::piped());
    let mut child = command.spawn().expect("java is missing: run `cargo xtask peers`");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    writer.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// What Java gets of messages that we wrote, described.
pub(crate) fn what_java_reads(messages: &[(Version, Vec<u8>)]) -> Vec<Result<Json, String>> {
    let mut input = String::new();
    for (version, message) in messages {
        let version = if *version == Version::One { 1 } else { 2 };
        input.push_str(&format!("{version} {}\n", super::hex(message)));
    }
    let lines = corpus(&["read"], &input);
    let read: Vec<_> = lines
        .lines()
        .map(|line| match line.strip_prefix("error: ") {
            Some(error) => Err(error.to_owned()),
            None => Ok(serde_json::from_str(line).unwrap()),
        })
        .collect();
    assert_eq!(read.len(), messages.len());
    read
}

/// The value that a description stands for.
pub(crate) fn described(json: &Json) -> Value {
    let object = match json {
        Json::Null => return Value::Null,
        Json::Bool(v) => return Value::Bool(*v),
        Json::String(v) => return Value::Str(v.clone()),
        Json::Object(object) => object,
        other => panic!("{other}"),
    };
    let text = |key: &str| object.get(key).and_then(Json::as_str);
    let array = |key: &str| object.get(key).and_then(Json::as_array);
    if let Some(v) = object.get("int") {
        return Value::I32(v.as_i64().unwrap().try_into().unwrap());
    }
    if let Some(n) = object.get("ref") {
        return Value::Back(n.as_u64().unwrap().try_into().unwrap());
    }
    if let Some(v) = text("long") {
        return Value::I64(v.parse().unwrap());
    }
    if let Some(bits) = text("double") {
        return Value::F64(f64::from_bits(u64::from_str_radix(bits, 16).unwrap()));
    }
    if let Some(hex) = text("bytes") {
        return Value::Bytes(Bytes::from(bytes(hex)));
    }
    if let Some(millis) = text("date") {
        return Value::DateTime(DateTime::from_unix_millis(millis.parse().unwrap()));
    }
    if let Some(class) = text("class") {
        let field = |pair: &Json| (pair[0].as_str().unwrap().to_owned(), described(&pair[1]));
        return Value::object(class, array("fields").unwrap().iter().map(field).collect());
    }
    let value = if let Some(pairs) = array("map") {
        Value::Map(pairs.iter().map(|pair| (described(&pair[0]), described(&pair[1]))).collect())
    } else {
        let items = array("list").or_else(|| array("open")).unwrap().iter().map(described).collect();
        match text("type") {
            Some("java.util.HashSet") => return Value::Set(items),
            Some("java.util.LinkedHashSet" | "java.util.TreeSet") => Value::Set(items),
            _ => Value::List(items),
        }
    };
    match text("type") {
        Some(name) => Value::Typed(Box::new(Typed { type_name: name.to_owned(), value })),
        None => value,
    }
}
