//! What several tests of the codec share: values to try, and documents.
#![allow(dead_code, reason = "each test program uses its part")]

use proptest::prelude::*;
use springline_core::{Bytes, Date, DateTime, Payload, Time, Value};
use springline_xmlrpc::{Dialect, Fault, NonFinite, ReadOptions, WriteOptions, parse_call, parse_response};

/// Any text that XML has.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let c = prop_oneof![
        6 => prop::char::range(' ', '~'),
        2 => prop::sample::select(vec!['<', '>', '&', '"', '\'', ']', '\r', '\n', '\t', ';', '#']),
        1 => any::<char>().prop_filter("characters of XML", |c| {
            !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
        }),
    ];
    prop_oneof![8 => prop::collection::vec(c.clone(), 0..12), 1 => prop::collection::vec(c, 60..200)]
        .prop_map(|chars| chars.into_iter().collect())
}

/// A date as `19980717T14:08:55` has it.
pub(crate) fn date() -> impl Strategy<Value = DateTime> {
    (1..=9999i32, 1..=12u8, 1..=28u8, 0..24u8, 0..60u8, 0..60u8).prop_map(|(year, month, day, h, m, s)| {
        DateTime::naive(Date::new(year, month, day).unwrap(), Time::new(h, m, s, 0).unwrap())
    })
}

/// Any value that `options` can write, in the form in which it is read again.
pub(crate) fn value(options: &WriteOptions) -> BoxedStrategy<Value> {
    let extended = options.dialect != Dialect::None;
    let words = options.non_finite != NonFinite::Refuse;
    let scalar = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<i64>().prop_map(move |v| match i32::try_from(v) {
            Err(_) if extended => Value::I64(v),
            _ => Value::I32(v as i32),
        }),
        any::<f64>()
            .prop_filter("no NaN", |v| !v.is_nan())
            .prop_map(move |v| { Value::F64(if v.is_finite() || words { v } else { 0.5 }) }),
        Just(if extended { Value::Null } else { Value::Bool(false) }),
        text().prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|b| Value::from(Bytes::from(b))),
        date().prop_map(Value::from),
    ];
    scalar
        .prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                prop::collection::btree_map(text(), inner, 0..6)
                    .prop_map(|m| Value::Map(m.into_iter().map(|(k, v)| (Value::Str(k), v)).collect())),
            ]
        })
        .boxed()
}

/// Reads a whole call.
pub(crate) fn read_call(body: &[u8], options: &ReadOptions) -> springline_core::Result<(String, Value)> {
    let call = parse_call(Bytes::copy_from_slice(body), None, options)?;
    Ok((call.method, call.args.into_value()?))
}

/// Reads a whole response.
pub(crate) fn read_response(body: &[u8], options: &ReadOptions) -> springline_core::Result<Result<Value, Fault>> {
    match parse_response(Bytes::copy_from_slice(body), None, options)? {
        Ok(result) => result.into_value().map(Ok),
        Err(fault) => Ok(Err(fault)),
    }
}

/// Reads it as whatever it is.
pub(crate) fn read_any(body: &[u8], options: &ReadOptions) -> springline_core::Result<Value> {
    if memchr::memmem::find(body, b"methodCall").is_some() {
        return read_call(body, options).map(|(_, args)| args);
    }
    Ok(read_response(body, options)?.unwrap_or_else(|fault| Value::from(fault.string)))
}

/// The recorded and the written documents: name and bytes.
pub(crate) fn documents() -> Vec<(String, Vec<u8>)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/xmlrpc");
    let mut found = Vec::new();
    for peer in std::fs::read_dir(&folder).unwrap() {
        let peer = peer.unwrap().path();
        if !peer.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(&peer).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|e| e == "xml") {
                let name = path.strip_prefix(&folder).unwrap().display().to_string();
                found.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(found.len() >= 20, "only {} documents under {}", found.len(), folder.display());
    found
}

/// Writes a response.
pub(crate) fn written(value: &Value, options: &WriteOptions) -> Vec<u8> {
    let mut out = Vec::new();
    springline_xmlrpc::write_response(&mut out, &Payload::from(value.clone()), options).unwrap();
    out
}
