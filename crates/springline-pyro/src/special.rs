//! Class dicts: what Pyro's serializers write for objects, `{"__class__": name, ...}`.
//!
//! A codec that begins a map whose first key is `__class__` reads the name, asks [`classify`] and either lets one of
//! the readers here take the rest of the map, or begins an object of that class.

use springline_core::{Container, DateTime, Error, Event, RemoteRef, Result, Sink, Source, Value};

use crate::{Generation, PyroUri};

/// The key that marks a class dict.
pub(crate) const CLASS_KEY: &str = "__class__";

/// Whether the next value has back references. Takes it.
pub(crate) fn refers_back(source: &mut dyn Source<'_>) -> Result<bool> {
    let mut depth = 0_u32;
    loop {
        match source.next()? {
            Event::Back(_) => return Ok(true),
            Event::Begin(_) => depth += 1,
            Event::End => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Ok(false);
        }
    }
}

/// Refuses dates that Python has not.
pub(crate) fn check_years(v: &DateTime) -> Result<()> {
    match v.date {
        Some(date) if !date.is_common() => {
            Err(Error::encode(format!("Python has the years 1 to 9999, not {}", date.year)))
        }
        _ => Ok(()),
    }
}

/// Python 2 has one type for bytes and text, and its marshal writes most of both as bytes: what can be text becomes text.
pub(crate) fn with_texts(value: Value) -> Value {
    let all = |items: Vec<Value>| items.into_iter().map(with_texts).collect();
    match value {
        Value::Bytes(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) => Value::from(text),
            Err(_) => Value::Bytes(bytes),
        },
        Value::List(items) => Value::List(all(items)),
        Value::Tuple(items) => Value::Tuple(all(items)),
        Value::Set(items) => Value::Set(all(items)),
        Value::FrozenSet(items) => Value::FrozenSet(all(items)),
        Value::Map(pairs) => Value::Map(pairs.into_iter().map(|(k, v)| (with_texts(k), with_texts(v))).collect()),
        Value::Object(mut object) => {
            object.fields.iter_mut().for_each(|(_, v)| *v = with_texts(std::mem::take(v)));
            Value::Object(object)
        }
        other => other,
    }
}

/// The class that a map names, as marshal of Python 2 tells it: in bytes.
pub(crate) fn class_in_bytes(map: &Value) -> Option<&str> {
    std::str::from_utf8(map.field(CLASS_KEY)?.as_bytes()?).ok()
}

/// Finds the URIs and proxies among dicts whose class does not come first: Python 2's dicts have an order of their own.
#[cfg(feature = "net")]
pub(crate) fn with_late_classes(value: Value) -> Value {
    let all = |items: Vec<Value>| items.into_iter().map(with_late_classes).collect();
    match value {
        Value::List(items) => Value::List(all(items)),
        Value::Tuple(items) => Value::Tuple(all(items)),
        Value::Set(items) => Value::Set(all(items)),
        Value::FrozenSet(items) => Value::FrozenSet(all(items)),
        Value::Map(pairs) => {
            let map = Value::Map(pairs);
            if let (Some(class), Some(state)) = (map.class().or_else(|| class_in_bytes(&map)), map.field("state"))
                && classify(class) == Class::Remote
                && let Some(remote) = remote_from_state(state, class)
            {
                return Value::Remote(Box::new(remote));
            }
            match map {
                Value::Map(pairs) => Value::Map(pairs.into_iter().map(|(k, v)| (k, with_late_classes(v))).collect()),
                other => other,
            }
        }
        other => other,
    }
}

/// What a class dict stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// A Pyro URI or proxy: [`read_remote`].
    Remote,
    /// A float that has no literal: [`read_number`], the first part.
    Float,
    /// A complex number: [`read_number`].
    Complex,
    /// Anything else: an object of that class.
    Plain,
}

/// What a class name stands for.
pub(crate) fn classify(class: &str) -> Class {
    match class {
        "Pyro4.core.URI" | "Pyro5.core.URI" | "Pyro4.core.Proxy" | "Pyro5.client.Proxy" => Class::Remote,
        "float" => Class::Float,
        "complex" => Class::Complex,
        _ => Class::Plain,
    }
}

/// Reads the rest of a URI's or proxy's dict, after the `__class__` pair, with the end of the map.
pub(crate) fn read_remote<'de>(source: &mut dyn Source<'de>, class: &str) -> Result<RemoteRef> {
    let at = source.offset();
    let mut remote = None;
    while !source.take_end()? {
        let is_state = source.take_text()?.is_some_and(|k| k.get() == "state");
        if is_state {
            let state = Value::read_tree(source)?;
            remote = Some(
                remote_from_state(&state, class)
                    .ok_or_else(|| Error::malformed(at, format!("{class} has a state of an unknown shape")))?,
            );
        } else {
            source.skip()?;
        }
    }
    remote.ok_or_else(|| Error::malformed(at, format!("{class} without 'state'")))
}

/// The reference that a class dict's `state` describes.
pub(crate) fn remote_from_state(state: &Value, class: &str) -> Option<RemoteRef> {
    let state = with_texts(state.clone());
    let items = state.as_items()?;
    if class.ends_with(".URI") {
        let [protocol, object, socket, host, port] = items else { return None };
        return Some(RemoteRef::uri(PyroUri::from_state(protocol, object, socket, host, port)?.to_string()));
    }
    let names = |i: usize| -> Vec<String> {
        let list = items.get(i).and_then(Value::as_items).unwrap_or_default();
        list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    // The URI comes first: as text in dicts, as an object in a pickle.
    let mut remote = RemoteRef::proxy(items.first()?.as_str()?);
    remote.oneway = names(1);
    remote.methods = names(2);
    remote.attrs = names(3);
    Some(remote)
}

/// Reads the rest of a float's or complex number's dict: (value, 0) or (real, imaginary).
pub(crate) fn read_number<'de>(source: &mut dyn Source<'de>, class: &str) -> Result<(f64, f64)> {
    let at = source.offset();
    let (mut re, mut im) = (None, None);
    while !source.take_end()? {
        let slot = match source.take_text()?.map(|k| match k.get() {
            "value" | "real" => 0,
            "imag" => 1,
            _ => 2,
        }) {
            Some(0) => &mut re,
            Some(1) => &mut im,
            _ => {
                source.skip()?;
                continue;
            }
        };
        let value = Value::read(source)?;
        *slot = match &value {
            Value::Str(text) => text.parse().ok(),
            other => other.as_f64(),
        };
    }
    match (re, im) {
        (Some(re), None) if class == "float" => Ok((re, 0.0)),
        (Some(re), Some(im)) => Ok((re, im)),
        _ => Err(Error::malformed(at, format!("{class} without its numbers"))),
    }
}

/// Writes a reference in the form of that generation's `URI` or `Proxy` class.
pub(crate) fn write_remote(sink: &mut dyn Sink, remote: &RemoteRef, generation: Generation) -> Result<()> {
    let is_pyro4 = generation.is_pyro4();
    if !remote.proxy {
        let class = if is_pyro4 { "Pyro4.core.URI" } else { "Pyro5.core.URI" };
        let uri: PyroUri = remote.uri.parse().map_err(|e: Error| Error::encode(e.message().to_owned()))?;
        sink.begin(Container::object(class, Some(1)))?;
        sink.key("state")?;
        sink.begin(Container::tuple(Some(5)))?;
        uri.state().iter().try_for_each(|part| part.write(sink))?;
        sink.end()?;
        return sink.end();
    }
    let class = if is_pyro4 { "Pyro4.core.Proxy" } else { "Pyro5.client.Proxy" };
    let len = match generation {
        Generation::Pyro4Early => 3,
        Generation::Pyro4Middle | Generation::Pyro5 => 6,
        Generation::Pyro4 => 9,
    };
    sink.begin(Container::object(class, Some(1)))?;
    sink.key("state")?;
    sink.begin(Container::tuple(Some(len)))?;
    sink.str(&remote.uri)?;
    // Methods and attributes since 4.27.
    let names = [&remote.oneway, &remote.methods, &remote.attrs];
    let most = if generation == Generation::Pyro4Early { 1 } else { 3 };
    for names in names.into_iter().take(most) {
        sink.begin(Container::tuple(Some(names.len())))?;
        names.iter().try_for_each(|n| sink.str(n))?;
        sink.end()?;
    }
    if is_pyro4 {
        sink.f64(0.0)?; // timeout
    }
    if matches!(generation, Generation::Pyro4Middle | Generation::Pyro4) {
        sink.null()?; // HMAC key: a credential, never sent
    }
    if generation.is_old() {
        sink.end()?;
        return sink.end();
    }
    sink.str("hello")?; // handshake
    if generation == Generation::Pyro4 {
        sink.i64(0)?; // retries
    }
    sink.null()?; // serializer: the receiver's own
    sink.end()?;
    sink.end()
}

#[cfg(all(test, feature = "net"))]
mod tests {
    use springline_core::{Budget, Bytes};

    use super::*;
    use crate::Serializer;

    // As `dumps` of the releases' marshal serializer gave them, on Python 2.7.18; the second ones of each with `-R`.
    const URIS: [&[u8]; 2] = [
        b"{t\x05\0\0\0state(\x05\0\0\0s\x04\0\0\0PYROs\x05\0\0\0otherNs\t\0\0\x00127.0.0.1i\xe5\x9e\0\0\
          t\t\0\0\0__class__s\x0e\0\0\0Pyro4.core.URI0",
        b"{t\t\0\0\0__class__s\x0e\0\0\0Pyro4.core.URI\
          t\x05\0\0\0state(\x05\0\0\0s\x04\0\0\0PYROs\x05\0\0\0otherNs\t\0\0\x00127.0.0.1i\xe5\x9e\0\x000",
    ];
    // 4.25 and 4.37.
    const PROXIES: [&[u8]; 2] = [
        b"{t\x05\0\0\0state(\x03\0\0\0s\x1a\0\0\0PYRO:other@127.0.0.1:40677(\0\0\0\0g\0\0\0\0\0\0\0\0\
          t\t\0\0\0__class__s\x10\0\0\0Pyro4.core.Proxy0",
        b"{t\t\0\0\0__class__s\x10\0\0\0Pyro4.core.Proxyt\x05\0\0\0state(\x06\0\0\0\
          s\x1a\0\0\0PYRO:other@127.0.0.1:40677(\0\0\0\0(\0\0\0\0(\0\0\0\0g\0\0\0\0\0\0\0\0N0",
    ];

    fn read(message: &'static [u8]) -> Value {
        let payload = Serializer::Marshal.of_python2(&Bytes::from_static(message), 0, Budget::default());
        payload.expect("it names a remote").into_value().unwrap()
    }

    #[test]
    fn references_in_marshal_of_python_2() {
        let uri = Value::from(RemoteRef::uri("PYRO:other@127.0.0.1:40677"));
        let proxy = Value::from(RemoteRef::proxy("PYRO:other@127.0.0.1:40677"));
        for (messages, wanted) in [(URIS, uri), (PROXIES, proxy)] {
            for message in messages {
                assert_eq!(read(message), wanted, "{}", message.escape_ascii());
            }
        }
    }

    #[test]
    fn only_what_python_2_wrote_is_made_text() {
        let bytes = |b: &'static [u8]| Value::Bytes(Bytes::from_static(b));
        let map = Value::Map(vec![("state".into(), bytes(b"a")), (CLASS_KEY.into(), bytes(b"Pyro4.core.URI"))]);
        assert_eq!(with_late_classes(map.clone()), map, "a state that is none");
        assert_eq!(
            with_texts(Value::Tuple(vec![bytes(b"a"), bytes(b"\xff")])),
            Value::Tuple(vec!["a".into(), bytes(b"\xff")])
        );
    }
}
