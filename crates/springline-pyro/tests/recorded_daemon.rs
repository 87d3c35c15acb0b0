//! The recorded bytes of Python's clients, sent to a daemon that serves the same object: its answers are compared with
//! those of Python's server. Once in whole messages and once byte by byte.

#[path = "support_recorded/mod.rs"]
mod support;

use std::sync::Mutex;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use springline_core::service::{BoxFuture, Call, CallKind, MethodInfo, Reply, Service, ServiceInfo};
use springline_core::{Error, ErrorKind, RemoteRef, Result, Value, context};
use springline_pyro::wire::{Flags, MessageKind};
use springline_pyro::{Daemon, Serializer};
use support::{Case, Opened, PEERS, case, open, read_frame, settled, write};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

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
        let args = call.args.to_value()?;
        let first = args.get(0).cloned().unwrap_or_default();
        let kwargs = call.kwargs.as_ref().map(|k| k.to_value()).transpose()?.unwrap_or(Value::Map(vec![]));
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
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            let handler = std::pin::pin!(async { self.answer(call) });
            let (result, metadata) = context::Scope::new(&call.options, handler).await;
            Ok(Reply { result: result?.into(), metadata: metadata.map(|m| *m).unwrap_or_default() })
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
            o.header
                .correlation_id
                .map(|id| id.to_vec())
                .or_else(|| o.annotations.iter().find(|(k, _)| k == "CORR").map(|(_, id)| id.to_vec()))
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
        "daemon-object-serpent" if was.as_str().is_some() => {
            assert!(is.as_str().unwrap().contains(" objects"), "{is:?}")
        }
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
            let common = [
                "mismatch",
                "symmetric",
                "not accepted: 99",
                "invalid msg type 4 received",
                "checksum",
                "magic",
                "'object'",
                "version",
            ];
            let (was, is) = (was.as_str().unwrap(), is.as_str().unwrap());
            let shared = common.iter().any(|text| was.contains(text) && is.contains(text));
            // 501 is a version of ours; the probe's header is one of 502.
            let speaks_501 = was.contains("protocol version") && is.contains("bad magic");
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
    "call-*",
    "kwargs-*",
    "args-none-*",
    "arg-types-*",
    "arg-uri-*",
    "attr-*",
    "batch-*",
    "batch-oneway-*",
    "oneway-*",
    "uri-*",
    "metadata-call-*",
    "compressed-*",
    "arg-bytes-*",
    "annotations",
    "annotations-then-call",
    "correlation-id",
    "daemon-annotations",
    "ping",
    "dunder-allowed",
    "exc-dictkeys",
    "exc-not-exposed",
    "exc-unknown-object",
    "handshake-custom",
    "handshake-denied",
    "multiplex",
    "seq-wrap",
    "unix-socket",
    "tls-inner",
    "tls-mutual-inner",
    "max-message-request",
    "compressed-small",
    "compressed-server-only",
    "daemon-object-serpent",
    "batch-exc-marshal",
    "probe-invoke-first",
    "probe-bad-version",
];

const PYRO4_CASES: &[&str] = &[
    "hmac-serpent",
    "hmac-json",
    "hmac-marshal",
    "hmac-msgpack",
    "hmac-annotations",
    "hmac-missing",
    "hmac-unexpected",
    "hmac-wrong",
    "nometadata",
    "serializer-refused",
    "probe-bad-checksum",
    "probe-connect-no-meta-flag",
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
