//! The recorded conversations in `testdata/pyro`, and a form of values in which those that mean the same are the same.
#![allow(dead_code, reason = "each test program uses its part")]

use std::path::Path;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use springline_core::{Container, Event, Limits, ListKind, Result, Source, Value};
use springline_pyro::wire::{self, Annotations, Flags, Header, HmacKey};
use springline_pyro::{Serializer, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) const PEERS: [&str; 2] = ["pyro4-4.82", "pyro5-5.17"];

/// One conversation.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) peer: &'static str,
    pub(crate) name: String,
    pub(crate) serializer: Option<Serializer>,
    pub(crate) messages: Vec<Recorded>,
    /// Whether the server was the first to close.
    pub(crate) server_closes: bool,
    pub(crate) udp: bool,
}

/// One message as it came.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) from_client: bool,
    pub(crate) bytes: Bytes,
}

impl Case {
    pub(crate) fn version(&self) -> Version {
        if self.peer.starts_with("pyro4") { Version::V48 } else { Version::V502 }
    }

    pub(crate) fn id(&self) -> String {
        format!("{} {}", self.peer, self.name)
    }

    /// The key that a message of this case is signed with.
    pub(crate) fn key(&self, message: &Recorded) -> Option<HmacKey> {
        let key = match (self.name.as_str(), message.from_client) {
            ("hmac-missing", true) | ("hmac-unexpected", false) => return None,
            ("ns-hmac", _) => "nskey",
            (name, _) if name.starts_with("hmac-") => "secretkey",
            _ => return None,
        };
        Some(HmacKey::new(key))
    }
}

/// All conversations of both peers.
pub(crate) fn cases() -> Vec<Case> {
    PEERS.into_iter().flat_map(cases_of).collect()
}

/// All conversations of one peer, by name.
pub(crate) fn cases_of(peer: &'static str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/pyro").join(peer);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "json"));
    paths.sort();
    paths.iter().map(|p| read(peer, p)).collect()
}

pub(crate) fn case(peer: &str, name: &str) -> Case {
    cases().into_iter().find(|c| c.peer == peer && c.name == name).unwrap_or_else(|| panic!("no case {peer} {name}"))
}

fn read(peer: &'static str, path: &Path) -> Case {
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
    let messages = json["messages"].as_array().unwrap().iter().map(|m| {
        assert!(m["conn"].is_null() || m["conn"] == 1, "{}: more than one connection", path.display());
        let from_client = match m["dir"].as_str() {
            Some("c2s") => true,
            Some("s2c") => false,
            other => panic!("{}: direction {other:?}", path.display()),
        };
        Recorded { from_client, bytes: unhex(m["hex"].as_str().unwrap()) }
    });
    Case {
        peer,
        name: text(&json["case"]),
        serializer: json["serializer"].as_str().and_then(|s| s.parse().ok()),
        messages: messages.collect(),
        server_closes: json["close"][0]["event"] == "s2c-eof",
        udp: json["transport"] == "udp",
    }
}

fn unhex(text: &str) -> Bytes {
    assert!(text.len().is_multiple_of(2));
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect::<Vec<_>>().into()
}

/// A message, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) header: Header,
    pub(crate) annotations: Annotations,
    pub(crate) payload: Bytes,
}

pub(crate) fn open(bytes: &Bytes, key: Option<&HmacKey>) -> Result<Opened> {
    let header = wire::parse_header(bytes)?.expect("a whole header");
    assert_eq!(header.message_len(), bytes.len(), "one frame per message");
    let wire::Message { annotations, payload, .. } = wire::open(&header, bytes.clone(), &Limits::default(), key)?;
    Ok(Opened { header, annotations, payload })
}

impl Opened {
    /// The payload's value, back references put in full.
    pub(crate) fn value(&self) -> Result<Value> {
        let serializer = wire::serializer_of(&self.header)?;
        serializer.read(&self.payload, Limits::default().budget(), |source| expanded(source))
    }
}

/// Reads a value and puts the content in the place of every back reference.
pub(crate) fn expanded(source: &mut dyn Source<'_>) -> Result<Value> {
    let owner = source.owner().cloned();
    let (list, class) = match source.next()? {
        Event::Begin(Container::List { kind, .. }) => (Some(kind), None),
        Event::Begin(Container::Map { .. }) => (None, None),
        Event::Begin(Container::Object { class, .. }) => (None, Some(class.to_owned())),
        Event::Back(n) => return expanded(&mut *source.open_back(n)?),
        Event::Null => return Ok(Value::Null),
        Event::Bool(v) => return Ok(Value::Bool(v)),
        Event::I32(v) => return Ok(Value::I64(v.into())),
        Event::I64(v) => return Ok(Value::I64(v)),
        Event::Big(v) => return Ok(Value::Big(Box::new(v.clone()))),
        Event::F64(v) => return Ok(Value::F64(v)),
        Event::Decimal(v) => return Ok(Value::Decimal(v.to_owned())),
        Event::Complex(re, im) => return Ok(Value::Complex(re, im)),
        Event::Str(v) => return Ok(v.get().into()),
        Event::Bytes(v) => return Ok(Value::Bytes(Bytes::copy_from_slice(v.get()))),
        Event::DateTime(v) => return Ok(Value::DateTime(v)),
        Event::Remote(v) => return Ok(v.clone().into()),
        event @ (Event::Key(_) | Event::End) => panic!("{event:?} is no value (of {owner:?})"),
    };
    if let Some(kind) = list {
        let mut items = Vec::new();
        while !source.take_end()? {
            items.push(expanded(source)?);
        }
        return Ok(match kind {
            ListKind::List => Value::List(items),
            ListKind::Tuple => Value::Tuple(items),
            ListKind::Set => Value::Set(items),
            ListKind::FrozenSet => Value::FrozenSet(items),
        });
    }
    match class {
        None => {
            let mut pairs = Vec::new();
            while !source.take_end()? {
                let key = expanded(source)?;
                pairs.push((key, expanded(source)?));
            }
            Ok(Value::Map(pairs))
        }
        Some(class) => {
            let mut fields = Vec::new();
            while !source.take_end()? {
                let Event::Key(name) = source.next()? else { panic!("no field name") };
                let name = name.get().to_owned();
                fields.push((name, expanded(source)?));
            }
            Ok(Value::object(class, fields))
        }
    }
}

/// Members of sets in one order. Lists under a key of a handshake's metadata are sets too.
pub(crate) fn settled(value: Value) -> Value {
    let sort = |items: Vec<Value>| {
        let mut items: Vec<_> = items.into_iter().map(settled).collect();
        items.sort_by_key(|v| format!("{v:?}"));
        items
    };
    let each = |items: Vec<Value>| items.into_iter().map(settled).collect();
    match value {
        Value::Set(items) => Value::Set(sort(items)),
        Value::FrozenSet(items) => Value::FrozenSet(sort(items)),
        Value::List(items) => Value::List(each(items)),
        Value::Tuple(items) => Value::Tuple(each(items)),
        Value::Map(pairs) => {
            let of_metadata = |k: &Value| matches!(k.as_str(), Some("methods" | "oneway" | "attrs"));
            let pairs = pairs.into_iter().map(|(k, v)| match v {
                Value::List(items) if of_metadata(&k) => (k, Value::List(sort(items))),
                v => (settled(k), settled(v)),
            });
            Value::Map(pairs.collect())
        }
        Value::Object(o) => Value::object(o.class, o.fields.into_iter().map(|(name, v)| (name, settled(v))).collect()),
        other => other,
    }
}

pub(crate) fn is_compressed(header: &Header) -> bool {
    header.flags.has(Flags::COMPRESSED)
}

/// Long enough for a loaded machine; reached only when something hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The next message as it came; `None` when the other side closed before it began.
pub(crate) async fn read_frame(stream: &mut TcpStream, buf: &mut BytesMut) -> Option<(Header, Bytes)> {
    timeout(PATIENCE, async {
        loop {
            if let Some(header) = wire::parse_header(buf).unwrap()
                && buf.len() >= header.message_len()
            {
                let len = header.message_len();
                return Some((header, buf.split_to(len).freeze()));
            }
            match stream.read_buf(buf).await {
                Ok(n) if n > 0 => {}
                _ => {
                    assert!(buf.is_empty(), "closed within a message");
                    return None;
                }
            }
        }
    })
    .await
    .expect("a message or the end of the connection")
}

/// Sends a message, in one piece or byte by byte.
pub(crate) async fn write(stream: &mut TcpStream, bytes: &[u8], by_bytes: bool) {
    for piece in bytes.chunks(if by_bytes { 1 } else { bytes.len().max(1) }) {
        // The other side may have hung up already, which is then what is looked for.
        if stream.write_all(piece).await.is_err() {
            return;
        }
        if by_bytes {
            tokio::task::yield_now().await;
        }
    }
}
