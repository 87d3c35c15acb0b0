//! The recorded conversations played to our own peers. The bytes of Python's client go to a daemon that serves the same
//! object, and its answers are compared with those of Python's server; the bytes of Python's server go to a proxy, which
//! must send what Python's client sent and get the recorded results. Each once in whole messages and once byte by byte.

#[path = "support_recorded/mod.rs"]
mod support;

use std::sync::Mutex;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use springline_core::service::{BoxFuture, Call, CallKind, MethodInfo, Reply, Service, ServiceInfo};
use springline_core::{Error, ErrorKind, RemoteRef, Result, Value, context};
use springline_pyro::wire::{self, Flags, Head, Header, HmacKey, MessageKind};
use springline_pyro::{Daemon, Proxy, ProxyBuilder, Serializer, Version};
use support::{Case, Opened, PEERS, case, open, settled};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// What the recorded server served, as far as the cases here use it.
struct Thing {
    info: ServiceInfo,
    value: Mutex<i64>,
    uri: String,
}

impl Thing {
    // Its names are those of the recorded metadata.
    fn of(case: &Case) -> Self {
        let mut methods = Vec::new();
        for message in case.messages.iter().filter(|m| !m.from_client) {
            let Ok(opened) = open(&message.bytes, case.key(message).as_ref()) else { continue };
            if opened.header.kind != MessageKind::ConnectOk {
                continue;
            }
            let answer = opened.value().unwrap();
            let names = |field: &str| -> Vec<String> {
                let meta = answer.field("meta");
                let items = meta.and_then(|m| m.field(field)).and_then(Value::as_items).unwrap_or_default();
                items.iter().map(|v| v.as_str().unwrap().to_owned()).collect()
            };
            let oneway = names("oneway");
            for name in names("methods") {
                let oneway = oneway.contains(&name);
                methods.push(MethodInfo { name: name.into(), oneway, ..MethodInfo::default() });
            }
            for name in names("attrs") {
                for kind in [CallKind::GetAttr, CallKind::SetAttr] {
                    methods.push(MethodInfo { name: name.clone().into(), kind, ..MethodInfo::default() });
                }
            }
        }
        // Where the recorded server itself was.
        let uri = case.messages.iter().find_map(|m| {
            let opened = open(&m.bytes, case.key(m).as_ref()).ok()?;
            match opened.value() {
                Ok(Value::Remote(r)) if !m.from_client => Some(r.uri),
                _ => None,
            }
        });
        Self {
            info: ServiceInfo { methods: methods.into(), ..ServiceInfo::default() },
            value: Mutex::new(if case.name == "attr-serpent" { 42 } else { 43 }),
            uri: uri.unwrap_or_default(),
        }
    }

    fn answer(&self, call: &Call<'_>) -> Result<Value> {
        let args = call.args.by_ref().into_value()?;
        let first = args.get(0).cloned().unwrap_or_default();
        let kwargs = call.kwargs.as_ref().map(|k| k.by_ref().into_value()).transpose()?.unwrap_or(Value::Map(vec![]));
        Ok(match (call.kind, call.method) {
            (CallKind::GetAttr, "value") => Value::from(*self.value.lock().unwrap()),
            (CallKind::SetAttr, "value") => {
                *self.value.lock().unwrap() = first.as_i64().unwrap();
                Value::Null
            }
            (CallKind::Method, "get_data") => Value::from(format!("data:{}", first.as_str().unwrap())),
            (CallKind::Method, "echo") => first,
            (CallKind::Method, "add") => {
                let b = kwargs.field("b").or(args.get(1)).and_then(Value::as_i64).unwrap();
                let rest = kwargs.as_pairs().unwrap_or_default().iter().filter(|(k, _)| k.as_str() != Some("b"));
                let rest = Value::Map(rest.cloned().collect());
                Value::List(vec![Value::from(first.as_i64().unwrap() + b), Value::List(vec![]), rest])
            }
            (CallKind::Method, "nothing" | "fire") => Value::Null,
            (CallKind::Method, "annots") => {
                assert_eq!(context::annotation("CLIX").as_deref(), Some(&b"abc"[..]));
                context::set_reply_annotation("RSPX", "resp-abc");
                Value::from("ok")
            }
            (CallKind::Method, "corr") => Value::from(context::metadata().unwrap().correlation_text().unwrap()),
            (CallKind::Method, "big") => Value::from("A".repeat(first.as_i64().unwrap() as usize)),
            (CallKind::Method, "dictkeys") => Value::List(vec!["a".into()]),
            (CallKind::Method, "__len__") => Value::from(3),
            (CallKind::Method, "__getitem__") => Value::from(first.as_i64().unwrap() * 2),
            (CallKind::Method, "give_uri") => RemoteRef::uri(self.uri.clone()).into(),
            (kind, name) => return Err(springline_core::service::no_such_method("Thing", kind, name)),
        })
    }
}

impl Service for Thing {
    fn call<'a>(&'a self, mut call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            let options = std::mem::take(&mut call.options);
            let handler = std::pin::pin!(async { self.answer(&call) });
            let (result, metadata) = context::Scope::new(options, handler).await;
            Ok(Reply { result: result?.into(), metadata })
        })
    }

    fn describe(&self) -> Option<&ServiceInfo> {
        Some(&self.info)
    }
}

async fn daemon(case: &Case) -> Daemon {
    let mut builder = Daemon::builder().on_handshake(|h| match (h.data.as_str(), h.data.field("user")) {
        (_, Some(_)) => Ok(Value::List(vec!["custom".into(), "handshake".into(), "reply".into()])),
        (Some("deny-me"), _) => Err(Error::new(ErrorKind::Denied, "handshake denied for 'deny-me'")),
        _ => Ok(Value::from("hello")),
    });
    if case.name.starts_with("hmac-") && case.name != "hmac-unexpected" {
        builder = builder.hmac_key("secretkey");
    }
    if case.name.starts_with("compressed") {
        builder = builder.compression(true);
    }
    if case.name == "daemon-annotations" {
        builder = builder.annotation("DMNX", "from-daemon");
    }
    if case.name.starts_with("max-message") {
        let mut limits = springline_core::Limits::default();
        limits.message_size = 3000;
        builder = builder.limits(limits);
    }
    let daemon = builder.bind("127.0.0.1:0").await.unwrap();
    daemon.register("thing", Thing::of(case)).unwrap();
    for object in ["other", "percall", "sess"] {
        daemon.register(object, Thing::of(case)).unwrap();
    }
    let nothing = Thing { info: ServiceInfo::default(), value: Mutex::new(0), uri: String::new() };
    daemon.register("notexposed", nothing).unwrap();
    daemon
}

async fn read_frame(stream: &mut TcpStream, buf: &mut BytesMut) -> Option<(Header, Bytes)> {
    timeout(PATIENCE, async {
        loop {
            if let Some(header) = wire::parse_header(buf).unwrap() {
                if buf.len() >= header.message_len() {
                    let len = header.message_len();
                    return Some((header, buf.split_to(len).freeze()));
                }
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

async fn write(stream: &mut TcpStream, bytes: &[u8], by_bytes: bool) {
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

/// What is free in an answer: whether it was compressed, the id that a server makes up, texts that name the software.
fn compare(at: &str, case: &Case, recorded: &Opened, ours: &Opened) {
    let flags = |o: &Opened| o.header.flags.0 & !(Flags::CORRELATION | Flags::COMPRESSED);
    assert_eq!(ours.header.kind, recorded.header.kind, "{at}");
    assert_eq!(flags(ours), flags(recorded), "{at}: flags");
    let refusal = recorded.header.kind == MessageKind::ConnectFail;
    if !refusal {
        assert_eq!(ours.header.seq, recorded.header.seq, "{at}: sequence number");
    }
    assert_eq!(ours.header.serializer, recorded.header.serializer, "{at}: serializer");
    let annotations = |o: &Opened| {
        let mut list: Vec<_> = o.annotations.iter().filter(|(k, _)| k != "CORR").cloned().collect();
        list.sort();
        list
    };
    assert_eq!(annotations(ours), annotations(recorded), "{at}: annotations");
    if case.name == "correlation-id" {
        let corr = |o: &Opened| {
            o.header.correlation_id.map(|id| id.to_vec()).or_else(|| {
                o.annotations.iter().find(|(k, _)| k == "CORR").map(|(_, id)| id.to_vec())
            })
        };
        // In Pyro4 the answer to a handshake carries it as well, and nobody looks at it there.
        if recorded.header.kind == MessageKind::Result {
            assert_eq!(corr(ours), corr(recorded), "{at}: correlation id");
            assert!(corr(ours).is_some(), "{at}");
        }
    }
    if recorded.header.kind == MessageKind::Ping {
        assert_eq!(ours.payload, recorded.payload, "{at}");
        return;
    }
    let (was, is) = (recorded.value().unwrap(), ours.value().unwrap());
    match case.name.as_str() {
        // Words of its own, about itself.
        "daemon-object-serpent" if was.as_str().is_some() => assert!(is.as_str().unwrap().contains(" objects"), "{is:?}"),
        "daemon-object-serpent" if was.as_items().is_some() => {
            let sorted = |v: &Value| {
                let mut names: Vec<_> = v.as_items().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect();
                names.sort();
                names
            };
            assert_eq!(sorted(&is), sorted(&was), "{at}");
        }
        // The wording of a refusal is our own, where Python's is not more exact.
        name if refusal && (name.starts_with("probe-") || name.starts_with("hmac-")) => {
            assert!(is.as_str().is_some_and(|text| text.len() > 5), "{at}: {is:?}");
            let common = ["mismatch", "symmetric", "not accepted: 99", "invalid msg type 4 received", "checksum", "magic", "'object'", "version"];
            let (was, is) = (was.as_str().unwrap(), is.as_str().unwrap());
            let shared = common.iter().any(|text| was.contains(text) && is.contains(text));
            // 501 is a version of ours; the probe's header is one of 502.
            let speaks_501 = was.ends_with("version: 501") && is.contains("bad magic");
            assert!(shared || speaks_501 || was.contains("invalid data"), "{at}: {is}, recorded: {was}");
        }
        "arg-bytes-serpent" if recorded.header.kind == MessageKind::Result => {
            // As bytes from us, which Python reads as the recorded dict.
            assert_eq!(is, Value::Bytes(Bytes::from_static(b"\0\x01abc\xFF")), "{at}");
        }
        _ => {
            assert_eq!(settled(is), settled(was), "{at}");
            let free = recorded.header.kind == MessageKind::ConnectOk
                || recorded.header.serializer == Serializer::Marshal.id(case.version().generation())
                || case.name.starts_with("metadata-call");
            if !free {
                assert_eq!(ours.payload, recorded.payload, "{at}: the payload's bytes");
            }
        }
    }
}

async fn play_to_daemon(case: &Case, by_bytes: bool) {
    let daemon = daemon(case).await;
    let mut stream = TcpStream::connect(daemon.address().to_string()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buf = BytesMut::new();
    for (n, message) in case.messages.iter().enumerate() {
        let at = format!("{}, message {n}{}", case.id(), if by_bytes { ", byte by byte" } else { "" });
        if message.from_client {
            write(&mut stream, &message.bytes, by_bytes).await;
            continue;
        }
        let key = case.key(message);
        let recorded = open(&message.bytes, key.as_ref()).unwrap();
        let (_, bytes) = read_frame(&mut stream, &mut buf).await.unwrap_or_else(|| panic!("{at}: closed"));
        compare(&at, case, &recorded, &open(&bytes, key.as_ref()).unwrap());
    }
    if case.server_closes {
        let more = read_frame(&mut stream, &mut buf).await;
        assert!(more.is_none(), "{}: more than was recorded: {more:?}", case.id());
    } else {
        // Nothing more comes, and the connection still serves.
        let mut more = [0];
        let read = timeout(Duration::from_millis(20), stream.read(&mut more)).await;
        assert!(read.is_err() || case.name == "serializer-refused", "{}: {read:?}", case.id());
    }
}

/// The cases whose object is like ours; `*` stands for the four serializers.
const DAEMON_CASES: &[&str] = &[
    "call-*", "kwargs-*", "args-none-*", "arg-types-*", "arg-uri-*", "attr-*", "batch-*", "batch-oneway-*", "oneway-*",
    "uri-*", "metadata-call-*", "compressed-*", "arg-bytes-*", "annotations", "annotations-then-call", "correlation-id",
    "daemon-annotations", "ping", "dunder-allowed", "exc-dictkeys", "exc-not-exposed", "exc-unknown-object",
    "handshake-custom", "handshake-denied", "multiplex", "seq-wrap", "unix-socket", "tls-inner", "tls-mutual-inner",
    "max-message-request", "compressed-small", "compressed-server-only", "daemon-object-serpent", "batch-exc-marshal",
    "probe-invoke-first", "probe-bad-version",
];

const PYRO4_CASES: &[&str] = &[
    "hmac-serpent", "hmac-json", "hmac-marshal", "hmac-msgpack", "hmac-annotations", "hmac-missing", "hmac-unexpected",
    "hmac-wrong", "nometadata", "serializer-refused", "probe-bad-checksum", "probe-connect-no-meta-flag",
    "probe-unknown-serializer",
];

const PYRO5_CASES: &[&str] = &["probe-bad-magic", "probe-connect-no-object", "probe-headerless-serpent"];

fn chosen(peer: &str) -> Vec<Case> {
    let own = if peer.starts_with("pyro4") { PYRO4_CASES } else { PYRO5_CASES };
    let names: Vec<String> = DAEMON_CASES
        .iter()
        .chain(own)
        .flat_map(|name| match name.strip_suffix('*') {
            Some(stem) => Serializer::ALL.iter().map(|s| format!("{stem}{s}")).collect(),
            None => vec![(*name).to_owned()],
        })
        .collect();
    names.iter().map(|name| case(peer, name)).collect()
}

async fn to_daemon(peer: &str, by_bytes: bool) {
    let cases = chosen(peer);
    assert!(cases.len() > 75, "{}", cases.len());
    for case in &cases {
        play_to_daemon(case, by_bytes).await;
    }
    println!("{peer}: {} conversations played to a daemon", cases.len());
}

#[tokio::test]
async fn pyro4_clients_to_our_daemon() {
    to_daemon(PEERS[0], false).await;
}

#[tokio::test]
async fn pyro5_clients_to_our_daemon() {
    to_daemon(PEERS[1], false).await;
}

#[tokio::test]
async fn pyro4_clients_to_our_daemon_byte_by_byte() {
    to_daemon(PEERS[0], true).await;
}

#[tokio::test]
async fn pyro5_clients_to_our_daemon_byte_by_byte() {
    to_daemon(PEERS[1], true).await;
}

/// Tuples as lists: in marshal Python's client has a list for the arguments.
fn lists(value: Value) -> Value {
    match value {
        Value::List(items) | Value::Tuple(items) => Value::List(items.into_iter().map(lists).collect()),
        Value::Map(pairs) => Value::Map(pairs.into_iter().map(|(k, v)| (lists(k), lists(v))).collect()),
        other => other,
    }
}

/// How exactly a proxy's message has to be the recorded one.
#[derive(Clone, Copy, PartialEq)]
enum Sends {
    /// Byte for byte; in marshal, and where it was compressed, by value.
    Alike,
    /// What it says may differ: our client cannot be made to say it like this.
    Differently,
}

// A daemon that plays the server's part of a case. Sequence numbers of its replies are those of the requests.
async fn play_server(mut stream: TcpStream, case: Case, sends: Sends, by_bytes: bool) {
    stream.set_nodelay(true).unwrap();
    let mut buf = BytesMut::new();
    let mut seqs = Vec::new();
    for (n, message) in case.messages.iter().enumerate() {
        let at = format!("{}, message {n}", case.id());
        let key = case.key(message);
        if !message.from_client {
            let mut bytes = message.bytes.clone();
            let recorded = open(&bytes, key.as_ref()).unwrap();
            if recorded.header.kind != MessageKind::ConnectOk && !seqs.is_empty() {
                bytes = renumbered(&recorded, &bytes, seqs.remove(0), key.as_ref());
            }
            write(&mut stream, &bytes, by_bytes).await;
            continue;
        }
        let (header, bytes) = read_frame(&mut stream, &mut buf).await.unwrap_or_else(|| panic!("{at}: closed"));
        let recorded = open(&message.bytes, key.as_ref()).unwrap();
        if !header.flags.has(Flags::ONEWAY) && header.kind != MessageKind::Connect {
            seqs.push(header.seq);
        }
        let ours = open(&bytes, key.as_ref()).unwrap();
        if sends == Sends::Differently {
            assert_eq!(ours.header.kind, recorded.header.kind, "{at}");
            continue;
        }
        let marshal = ours.header.serializer == Serializer::Marshal.id(case.version().generation());
        if marshal || recorded.header.flags.has(Flags::COMPRESSED) {
            assert_eq!(lists(ours.value().unwrap()), lists(recorded.value().unwrap()), "{at}");
            assert_eq!(ours.header.flags, recorded.header.flags, "{at}");
        } else {
            let texts = (String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&message.bytes));
            assert_eq!(bytes, message.bytes, "{at}: {texts:?}");
        }
    }
    assert!(seqs.is_empty());
    // Until the proxy is dropped.
    assert!(read_frame(&mut stream, &mut buf).await.is_none(), "{}: the proxy says more", case.id());
}

fn renumbered(recorded: &Opened, bytes: &Bytes, seq: u16, key: Option<&HmacKey>) -> Bytes {
    let payload_at = bytes.len() - recorded.header.payload_len;
    let head = Head {
        version: recorded.header.version,
        kind: recorded.header.kind,
        serializer: recorded.header.serializer,
        flags: recorded.header.flags,
        seq,
        annotations: &recorded.annotations,
        correlation_id: recorded.header.correlation_id,
        compress: false,
        key,
    };
    let mut out = springline_core::Output::new();
    wire::write_message(&mut out, &head, &springline_core::Limits::default(), |out| {
        out.buf.extend_from_slice(&bytes[payload_at..]);
        Ok(())
    })
    .unwrap();
    if seq == recorded.header.seq {
        assert_eq!(out.to_vec(), *bytes);
    }
    out.to_vec().into()
}

async fn play_to_proxy<F, Fut>(name: &str, sends: Sends, set: fn(ProxyBuilder) -> ProxyBuilder, run: F)
where
    F: Fn(Proxy) -> Fut,
    Fut: Future<Output = ()>,
{
    for peer in PEERS {
        for by_bytes in [false, true] {
            // What only Pyro4 has is only there.
            if peer.starts_with("pyro5") && name.starts_with("hmac-") {
                continue;
            }
            let case = case(peer, name);
            let id = case.id();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let object = match name {
                "daemon-object-serpent" => "Pyro.Daemon",
                "exc-unknown-object" => "nosuchobject",
                "exc-not-exposed" => "notexposed",
                n if n.starts_with("metadata-call") => "Pyro.Daemon",
                _ => "thing",
            };
            let uri = format!("PYRO:{object}@{}", listener.local_addr().unwrap());
            let builder = Proxy::builder(&uri).unwrap().version(case.version()).timeout(PATIENCE);
            let builder = builder.serializer(case.serializer.unwrap());
            let server = tokio::spawn(async move {
                let (stream, _) = listener.accept().await.unwrap();
                play_server(stream, case, sends, by_bytes).await;
            });
            let proxy = set(builder).build().unwrap();
            timeout(PATIENCE, run(proxy)).await.unwrap_or_else(|_| panic!("{id}: nothing happened"));
            timeout(PATIENCE, server).await.unwrap_or_else(|_| panic!("{id}: the server waits")).unwrap();
        }
    }
}

fn list(items: Vec<Value>) -> Value {
    Value::List(items)
}

#[tokio::test]
async fn calls_by_our_proxy() {
    for s in Serializer::ALL {
        play_to_proxy(&format!("call-{s}"), Sends::Alike, |b| b, async |p| {
            assert_eq!(p.call::<String>("get_data", ("Hello",)).await.unwrap(), "data:Hello");
        })
        .await;
        play_to_proxy(&format!("args-none-{s}"), Sends::Alike, |b| b, async |p| {
            assert_eq!(p.call::<Value>("nothing", ()).await.unwrap(), Value::Null);
        })
        .await;
        play_to_proxy(&format!("kwargs-{s}"), Sends::Alike, |b| b, async |p| {
            let sum: Value = p.request("add").args((1,)).kwarg("b", 2).kwarg("c", "x").send().await.unwrap();
            assert_eq!(sum.get(0).and_then(Value::as_i64), Some(3));
            assert_eq!(sum.get(2).and_then(|m| m.field("c")).and_then(Value::as_str), Some("x"));
        })
        .await;
        play_to_proxy(&format!("arg-types-{s}"), Sends::Alike, |b| b, async |p| {
            let map = Value::Map(vec![("k".into(), 1.into())]);
            let values = vec![
                Value::Null, true.into(), false.into(), 1.into(), (-1).into(), 1_099_511_627_776i64.into(), 1.5.into(),
                "s\u{E9}'\"\\\n".into(), Value::Tuple(vec![1.into()]), list(vec![1.into()]), map,
            ];
            let back: Value = p.call("echo", vec![list(values.clone())]).await.unwrap();
            for (n, (back, sent)) in back.as_items().unwrap().iter().zip(&values).enumerate() {
                let same = match sent {
                    Value::Tuple(_) => back.get(0).and_then(Value::as_i64) == Some(1),
                    Value::I32(_) | Value::I64(_) => back.as_i64() == sent.as_i64(),
                    Value::List(_) => back.get(0).and_then(Value::as_i64) == Some(1),
                    Value::Map(_) => back.field("k").and_then(Value::as_i64) == Some(1),
                    _ => back == sent,
                };
                assert!(same, "{n}: {back:?} is not {sent:?}");
            }
        })
        .await;
        play_to_proxy(&format!("oneway-{s}"), Sends::Alike, |b| b, async |p| {
            p.call::<()>("fire", ("x",)).await.unwrap();
            assert_eq!(p.call::<String>("get_data", ("after",)).await.unwrap(), "data:after");
        })
        .await;
        play_to_proxy(&format!("uri-{s}"), Sends::Alike, |b| b, async |p| {
            let uri: RemoteRef = p.call("give_uri", ()).await.unwrap();
            assert!(uri.uri.starts_with("PYRO:other@127.0.0.1:"), "{uri:?}");
        })
        .await;
        play_to_proxy(&format!("compressed-{s}"), Sends::Alike, |b| b.compression(true), async |p| {
            let text: String = p.call("echo", ("A".repeat(1000),)).await.unwrap();
            assert_eq!(text, "A".repeat(1000));
        })
        .await;
    }
    for s in [Serializer::Serpent, Serializer::Json, Serializer::Msgpack] {
        play_to_proxy(&format!("attr-{s}"), Sends::Alike, |b| b, async |p| {
            let first: i64 = p.get_attr("value").await.unwrap();
            assert!(matches!(first, 42 | 43));
            p.set_attr("value", 43).await.unwrap();
            assert_eq!(p.get_attr::<i64>("value").await.unwrap(), 43);
        })
        .await;
        play_to_proxy(&format!("batch-oneway-{s}"), Sends::Alike, |b| b, async |p| {
            p.batch().call("get_data", ("1",)).call("get_data", ("2",)).send_oneway().await.unwrap();
            assert_eq!(p.call::<String>("get_data", ("after",)).await.unwrap(), "data:after");
        })
        .await;
        // Keyword arguments within a batch are not to be had.
        play_to_proxy(&format!("batch-{s}"), Sends::Differently, |b| b, async |p| {
            let results = p.batch().call("get_data", ("1",)).call("add", (1, 2)).call("nothing", ()).send().await.unwrap();
            assert_eq!(results.len(), 3);
            assert_eq!(results[0].as_ref().unwrap().as_str(), Some("data:1"));
            assert_eq!(results[1].as_ref().unwrap().get(0).and_then(Value::as_i64), Some(3));
            assert_eq!(*results[2].as_ref().unwrap(), Value::Null);
        })
        .await;
    }
}

#[tokio::test]
async fn options_of_our_proxy() {
    for s in Serializer::ALL {
        play_to_proxy(&format!("hmac-{s}"), Sends::Alike, |b| b.hmac_key("secretkey"), async |p| {
            assert_eq!(p.call::<String>("get_data", ("Hello",)).await.unwrap(), "data:Hello");
        })
        .await;
    }
    let annotated = |b: ProxyBuilder| b.hmac_key("secretkey").annotation("CLIX", "abc").annotation("AAAA", "first");
    play_to_proxy("hmac-annotations", Sends::Alike, annotated, async |p| {
        assert_eq!(p.call::<String>("annots", (1,)).await.unwrap(), "ok");
    })
    .await;
    play_to_proxy("annotations", Sends::Alike, |b| b.annotation("CLIX", "abc"), async |p| {
        let response = p.request("annots").args((1,)).send_full::<String>().await.unwrap();
        assert_eq!(response.value, "ok");
        assert_eq!(response.metadata.get("RSPX").map(|b| &b[..]), Some(&b"resp-abc"[..]));
        assert!(response.metadata.correlation_id.is_some());
    })
    .await;
    // Python's client sends the id with its handshake, too.
    play_to_proxy("correlation-id", Sends::Differently, |b| b, async |p| {
        let id = *b"\x11\x11\x22\x22\x11\x11\x22\x22\x33\x33\x22\x22\x44\x44\x99\x99";
        let response = p.request("corr").correlation_id(id).send_full::<String>().await.unwrap();
        assert_eq!(response.value, "11112222-1111-2222-3333-222244449999");
        assert!(response.metadata.correlation_id.is_some());
    })
    .await;
    let user = |b: ProxyBuilder| b.handshake(Value::Map(vec![("user".into(), "x".into())]));
    play_to_proxy("handshake-custom", Sends::Alike, user, async |p| {
        let reply = p.connect().await.unwrap();
        assert_eq!(reply, list(vec!["custom".into(), "handshake".into(), "reply".into()]));
        let metadata = p.metadata().await.unwrap();
        assert!(metadata.methods.len() == 30 && metadata.oneway == ["fire"] && metadata.attrs.len() == 2, "{metadata:?}");
    })
    .await;
    play_to_proxy("handshake-denied", Sends::Alike, |b| b.handshake("deny-me"), async |p| {
        let e = p.connect().await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Denied);
        assert!(e.to_string().contains("handshake denied for 'deny-me'"), "{e}");
    })
    .await;
    play_to_proxy("exc-unknown-object", Sends::Alike, |b| b, async |p| {
        let e = p.connect().await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::NotFound, "{e}");
    })
    .await;
    play_to_proxy("exc-not-exposed", Sends::Alike, |b| b, async |p| {
        assert_eq!(*p.metadata().await.unwrap(), springline_pyro::ObjectMetadata::default());
    })
    .await;
    play_to_proxy("no-free-workers", Sends::Alike, |b| b, async |p| {
        let e = p.connect().await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Unavailable, "{e}");
    })
    .await;
    // Python numbers a ping 0.
    play_to_proxy("ping", Sends::Differently, |b| b, async |p| {
        p.connect().await.unwrap();
        p.ping().await.unwrap();
    })
    .await;
    play_to_proxy("daemon-object-serpent", Sends::Alike, |b| b, async |p| {
        assert_eq!(p.call::<Value>("ping", ()).await.unwrap(), Value::Null);
        let names: Vec<String> = p.call("registered", ()).await.unwrap();
        assert_eq!(names.len(), 6);
        assert!(p.call::<String>("info", ()).await.unwrap().contains("6 objects"));
    })
    .await;
    play_to_proxy("stream-disabled", Sends::Alike, |b| b, async |p| {
        let e = p.call::<Value>("gen", (3,)).await.unwrap_err();
        assert!(e.to_string().contains("iterator"), "{e}");
    })
    .await;
}

// A recorded refusal whose signature cannot be checked is still a refusal, with its reason where it can be read.
#[tokio::test]
async fn refusals_for_the_wrong_key() {
    for (name, key) in [("hmac-wrong", Some("otherkey")), ("hmac-missing", None), ("hmac-unexpected", Some("secretkey"))] {
        let case = case(PEERS[0], name);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut builder = Proxy::builder(&format!("PYRO:thing@{}", listener.local_addr().unwrap())).unwrap();
        builder = builder.version(Version::V48);
        if let Some(key) = key {
            builder = builder.hmac_key(key);
        }
        let answer = case.messages[1].bytes.clone();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_frame(&mut stream, &mut BytesMut::new()).await.unwrap();
            write(&mut stream, &answer, false).await;
        });
        let e = timeout(PATIENCE, builder.build().unwrap().connect()).await.unwrap().unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Denied, "{name}: {e}");
        assert!(e.to_string().contains("hmac"), "{name}: {e}");
        server.await.unwrap();
    }
}
