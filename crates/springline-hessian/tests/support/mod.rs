//! What the tests of the codec share.
#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod java;

use springline_core::{Bytes, Container, Error, Format, Limits, Output, Result, Sink, Value};
use springline_hessian::codec::{HessianFormat, write};
use springline_hessian::{Part, ReadOptions, Version, WriteOptions};

pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    assert!(digits.len().is_multiple_of(2), "{hex}");
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Options under which nothing is lost.
pub(crate) fn raw() -> ReadOptions {
    let mut options = ReadOptions::new();
    options.raw_classes = true;
    options
}

pub(crate) fn read_with(version: Version, part: Part, options: &ReadOptions, message: &[u8]) -> Result<Value> {
    let message = Bytes::copy_from_slice(message);
    let mut out = None;
    HessianFormat::of(version, part, options).read(&message, 0, options.limits.budget(), &mut |source| {
        out = Some(Value::read(source)?);
        if source.offset() != message.len() && part != Part::Reply {
            return Err(Error::malformed(source.offset(), "something follows"));
        }
        Ok(())
    })?;
    Ok(out.unwrap())
}

pub(crate) fn read(version: Version, message: &[u8]) -> Result<Value> {
    read_with(version, Part::Value, &ReadOptions::new(), message)
}

pub(crate) fn typed<T: serde::de::DeserializeOwned>(version: Version, message: &[u8]) -> Result<T> {
    let message = Bytes::copy_from_slice(message);
    let mut out = None;
    HessianFormat::of(version, Part::Value, &ReadOptions::new()).read(
        &message,
        0,
        Limits::new().budget(),
        &mut |source| {
            out = Some(springline_core::de::from_source(source)?);
            Ok(())
        },
    )?;
    Ok(out.unwrap())
}

pub(crate) fn written(version: Version, part: Part, f: impl FnMut(&mut dyn Sink) -> Result<()>) -> Result<Vec<u8>> {
    written_with(version, part, &WriteOptions::new(), f)
}

pub(crate) fn written_with(
    version: Version,
    part: Part,
    options: &WriteOptions,
    mut f: impl FnMut(&mut dyn Sink) -> Result<()>,
) -> Result<Vec<u8>> {
    let mut out = Output::new();
    write(version, part, &mut out, options, &mut f)?;
    Ok(out.to_vec())
}

pub(crate) fn encoded(version: Version, value: &Value) -> Result<Vec<u8>> {
    written(version, Part::Value, |sink| value.write(sink))
}

pub(crate) fn serialized<T: serde::Serialize>(version: Version, value: &T) -> Result<Vec<u8>> {
    written(version, Part::Value, |sink| springline_core::ser::to_sink(value, sink))
}

/// The value is written so, and what is written so is the value.
#[track_caller]
pub(crate) fn check(version: Version, value: impl Into<Value>, expected: &str) {
    let value = value.into();
    let expected = bytes(expected);
    assert_eq!(hex(&encoded(version, &value).unwrap()), hex(&expected), "written: {value:?}");
    assert_eq!(read(version, &expected).unwrap(), value, "read");
}

/// What is written so is the value, although we would write it otherwise.
#[track_caller]
pub(crate) fn reads(version: Version, message: &str, value: impl Into<Value>) {
    assert_eq!(read(version, &bytes(message)).unwrap(), value.into(), "{message}");
}

#[track_caller]
pub(crate) fn refuses(version: Version, message: &str, words: &[&str]) {
    let error = read(version, &bytes(message)).expect_err(message).to_string();
    for word in words {
        assert!(error.contains(word), "{message}: {error}");
    }
}

pub(crate) fn list(items: Vec<Value>) -> Value {
    Value::List(items)
}

pub(crate) fn typed_list(name: &str, items: Vec<Value>) -> Value {
    Value::Typed(Box::new(springline_core::value::Typed { type_name: name.into(), value: Value::List(items) }))
}

pub(crate) fn typed_map(name: &str, pairs: Vec<(Value, Value)>) -> Value {
    Value::Typed(Box::new(springline_core::value::Typed { type_name: name.into(), value: Value::Map(pairs) }))
}

pub(crate) fn object(class: &str, fields: &[(&str, Value)]) -> Value {
    Value::object(class, fields.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect())
}

/// A list whose length nobody tells.
pub(crate) fn open_list(sink: &mut dyn Sink, items: &[Value]) -> Result<()> {
    sink.begin(Container::list(None))?;
    items.iter().try_for_each(|v| v.write(sink))?;
    sink.end()
}
