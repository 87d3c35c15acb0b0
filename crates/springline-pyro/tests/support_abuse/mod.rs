//! What the tests against hostile peers share: frames made by hand, raw clients, scripted daemons, an object to serve.
#![allow(dead_code, reason = "each test program uses its part")]

use std::borrow::Cow;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use springline_core::service::{BoxFuture, Call, CallKind, MethodInfo, ParamInfo, Reply, Service, ServiceInfo};
use springline_core::{Error, Exception, Limits, Output, Result, Value};
use springline_pyro::wire::{self, Annotations, Flags, Head, Header, HmacKey, MessageKind};
use springline_pyro::{Daemon, Proxy, Serializer, Version};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::Semaphore;

pub(crate) const VERSIONS: [Version; 3] = [Version::V48, Version::V501, Version::V502];

/// Long enough for a loaded machine; reached only when something hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The output of `future`, or a panic that says what was being waited for.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(done) => done,
        Err(_) => panic!("{what}: nothing happened within {PATIENCE:?}"),
    }
}

pub(crate) fn annotation(key: &'static str, data: &'static [u8]) -> (Cow<'static, str>, Bytes) {
    (Cow::Borrowed(key), Bytes::from_static(data))
}

/// A message with a payload as it is.
pub(crate) fn frame(
    version: Version,
    kind: MessageKind,
    serializer: u16,
    flags: u16,
    seq: u16,
    payload: &[u8],
) -> Vec<u8> {
    let head = Head {
        version,
        kind,
        serializer,
        flags: Flags(flags),
        seq,
        annotations: &[],
        correlation_id: None,
        compress: false,
        key: None,
    };
    framed(&head, payload)
}

fn unbounded() -> Limits {
    let mut limits = Limits::default();
    limits.message_size = usize::MAX;
    limits
}

/// A message with annotations.
pub(crate) fn framed(head: &Head<'_>, payload: &[u8]) -> Vec<u8> {
    let mut out = Output::new();
    wire::write_message(&mut out, head, &unbounded(), |out| {
        out.buf.extend_from_slice(payload);
        Ok(())
    })
    .unwrap();
    out.to_vec()
}

/// A value as a payload.
pub(crate) fn payload(version: Version, serializer: Serializer, value: &Value) -> Vec<u8> {
    let mut out = Output::new();
    serializer.write(version.generation(), &mut out, |sink| value.write(sink)).unwrap();
    out.to_vec()
}

pub(crate) fn map(pairs: Vec<(&str, Value)>) -> Value {
    Value::Map(pairs.into_iter().map(|(k, v)| (Value::from(k), v)).collect())
}

/// The payload of a call.
pub(crate) fn call_payload(
    version: Version,
    serializer: Serializer,
    object: &str,
    method: &str,
    args: Value,
) -> Vec<u8> {
    let none = Value::Map(Vec::new());
    let call = if serializer == Serializer::Json {
        map(vec![("object", object.into()), ("method", method.into()), ("params", args), ("kwargs", none)])
    } else {
        Value::Tuple(vec![object.into(), method.into(), args, none])
    };
    payload(version, serializer, &call)
}

/// A call of the object `thing`.
pub(crate) fn invoke(
    version: Version,
    serializer: Serializer,
    flags: u16,
    seq: u16,
    method: &str,
    args: Vec<Value>,
) -> Vec<u8> {
    let payload = call_payload(version, serializer, "thing", method, Value::Tuple(args));
    frame(version, MessageKind::Invoke, serializer.id(version.generation()), flags, seq, &payload)
}

/// The handshake of a client.
pub(crate) fn connect(version: Version, serializer: Serializer, object: &str) -> Vec<u8> {
    let data = map(vec![("handshake", "hello".into()), ("object", object.into())]);
    let payload = payload(version, serializer, &data);
    frame(version, MessageKind::Connect, serializer.id(version.generation()), Flags::META, 0, &payload)
}

/// The answer of a daemon to it, with `fire` as a oneway method.
pub(crate) fn connect_ok(version: Version, serializer: Serializer) -> Vec<u8> {
    let methods = Value::List(vec!["echo".into(), "fire".into()]);
    let meta =
        map(vec![("methods", methods), ("oneway", Value::List(vec!["fire".into()])), ("attrs", Value::List(vec![]))]);
    let payload = payload(version, serializer, &map(vec![("handshake", "hello".into()), ("meta", meta)]));
    frame(version, MessageKind::ConnectOk, serializer.id(version.generation()), Flags::META, 0, &payload)
}

/// A result.
pub(crate) fn result(version: Version, serializer: Serializer, seq: u16, value: &Value) -> Vec<u8> {
    let payload = payload(version, serializer, value);
    frame(version, MessageKind::Result, serializer.id(version.generation()), 0, seq, &payload)
}

/// Header fields put in by hand: bytes at an offset, the checksum of version 48 made right again.
pub(crate) fn patched(mut message: Vec<u8>, version: Version, at: usize, bytes: &[u8]) -> Vec<u8> {
    message[at..at + bytes.len()].copy_from_slice(bytes);
    if version == Version::V48 {
        let word = |i: usize| u32::from(u16::from_be_bytes([message[i], message[i + 1]]));
        let payload = u32::from_be_bytes([message[12], message[13], message[14], message[15]]);
        let sum = [word(4), word(6), word(8), word(10), word(16), word(18), 0x34E9]
            .iter()
            .fold(payload, |sum, v| sum.wrapping_add(*v));
        message[22..24].copy_from_slice(&((sum & 0xFFFF) as u16).to_be_bytes());
    }
    message
}

/// A message, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) header: Header,
    pub(crate) annotations: Annotations,
    pub(crate) payload: Bytes,
}

impl Message {
    pub(crate) fn open(header: Header, bytes: Bytes) -> Self {
        let wire::Message { annotations, payload, .. } = wire::open(&header, bytes, &unbounded(), None).unwrap();
        Self { header, annotations, payload }
    }
}

/// The value in a message's payload.
pub(crate) fn value(message: &Message) -> Value {
    let serializer = wire::serializer_of(&message.header).unwrap();
    serializer.read(&message.payload, Limits::default().budget(), |s| Value::read(s)).unwrap()
}

/// One end of a connection that speaks by hand.
pub(crate) struct Raw<S> {
    pub(crate) stream: S,
    buf: BytesMut,
    pub(crate) version: Version,
    pub(crate) serializer: Serializer,
    pub(crate) key: Option<HmacKey>,
}

impl Raw<TcpStream> {
    pub(crate) async fn open(address: &str, version: Version, serializer: Serializer) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::on(stream, version, serializer)
    }

    /// A client that was let in.
    pub(crate) async fn hello(address: &str, version: Version, serializer: Serializer) -> Self {
        let mut raw = Self::open(address, version, serializer).await;
        raw.send(&connect(version, serializer, "thing")).await;
        let answer = raw.next().await.expect("an answer to the handshake");
        assert_eq!(answer.header.kind, MessageKind::ConnectOk, "{:?}", answer);
        raw
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    pub(crate) fn on(stream: S, version: Version, serializer: Serializer) -> Self {
        Self { stream, buf: BytesMut::new(), version, serializer, key: None }
    }

    /// Sends bytes. The other side may have closed: then what it says is looked at elsewhere.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let _ = soon("sending", self.stream.write_all(bytes)).await;
    }

    /// The next message as it came; `None` when the other side closed before it began.
    pub(crate) async fn raw(&mut self) -> Option<(Header, Bytes)> {
        soon("a message", async {
            loop {
                if let Some(header) = wire::parse_header(&self.buf).unwrap()
                    && self.buf.len() >= header.message_len()
                {
                    let len = header.message_len();
                    return Some((header, self.buf.split_to(len).freeze()));
                }
                match self.stream.read_buf(&mut self.buf).await {
                    Ok(0) if self.buf.is_empty() => return None,
                    Ok(0) => panic!("closed within a message, after {} bytes", self.buf.len()),
                    Ok(_) => {}
                    Err(_) => return None,
                }
            }
        })
        .await
    }

    /// The next message, opened.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        let (header, bytes) = self.raw().await?;
        let wire::Message { annotations, payload, .. } =
            wire::open(&header, bytes, &unbounded(), self.key.as_ref()).unwrap();
        Some(Message { header, annotations, payload })
    }

    /// Waits until the other side closes; gives the messages it sent before.
    pub(crate) async fn closed(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.next().await {
            messages.push(message);
        }
        messages
    }

    /// Calls and waits for the result.
    pub(crate) async fn call(&mut self, seq: u16, method: &str, args: Vec<Value>) -> Message {
        self.send(&invoke(self.version, self.serializer, 0, seq, method, args)).await;
        let reply = self.next().await.unwrap_or_else(|| panic!("no answer to {method}"));
        assert_eq!((reply.header.seq, reply.header.kind), (seq, MessageKind::Result));
        reply
    }

    /// Whether the connection still serves.
    pub(crate) async fn works(&mut self, seq: u16) {
        let reply = self.call(seq, "echo", vec![Value::from("still here")]).await;
        assert_eq!(value(&reply), Value::from("still here"));
    }

    /// Lets a client in (a scripted daemon's side).
    pub(crate) async fn welcome(&mut self) -> bool {
        match self.next().await {
            Some(message) => {
                assert_eq!(message.header.kind, MessageKind::Connect);
                self.send(&connect_ok(self.version, self.serializer)).await;
                true
            }
            None => false,
        }
    }

    /// The arguments of the next call and its sequence number (a scripted daemon's side).
    pub(crate) async fn request(&mut self) -> Option<(u16, String, Value)> {
        let message = self.next().await?;
        assert_eq!(message.header.kind, MessageKind::Invoke);
        let call = value(&message);
        let (method, args) = match self.serializer {
            Serializer::Json => (call.field("method"), call.field("params")),
            _ => (call.get(1), call.get(2)),
        };
        let method = method.and_then(Value::as_str).unwrap().to_owned();
        Some((message.header.seq, method, args.unwrap().get(0).cloned().unwrap_or_default()))
    }
}

/// What the text of the exception in a reply is: `class: message`.
pub(crate) fn exception(message: &Message) -> String {
    assert!(message.header.flags.has(Flags::EXCEPTION), "no exception: {:?}", value(message));
    springline_pyro::fault::from_value(value(message)).to_string()
}

/// A scripted daemon: `serve` gets each connection and its number, from 0.
pub(crate) struct Script {
    pub(crate) uri: String,
    task: tokio::task::JoinHandle<()>,
    path: Option<PathBuf>,
}

impl Script {
    pub(crate) async fn tcp<F, Fut>(version: Version, serializer: Serializer, serve: F) -> Self
    where
        F: Fn(Raw<TcpStream>, usize) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("PYRO:thing@{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let mut children = Vec::new();
            for n in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                children.push(AbortOnDrop(tokio::spawn(serve(Raw::on(stream, version, serializer), n))));
            }
        });
        Self { uri, task, path: None }
    }

    /// On a Unix socket: its buffers are small, so that large messages are written in parts.
    pub(crate) async fn unix<F, Fut>(version: Version, serializer: Serializer, serve: F) -> Self
    where
        F: Fn(Raw<tokio::net::UnixStream>, usize) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("springline-script-{}-{n}.sock", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let uri = format!("PYRO:thing@./u:{}", path.display());
        let task = tokio::spawn(async move {
            let mut children = Vec::new();
            for n in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                children.push(AbortOnDrop(tokio::spawn(serve(Raw::on(stream, version, serializer), n))));
            }
        });
        Self { uri, task, path: Some(path) }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Ends a task with its owner.
pub(crate) struct AbortOnDrop(pub(crate) tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Lets so many steps through, or, once opened, all.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    pub(crate) fn step(&self) {
        self.0.add_permits(1);
    }

    pub(crate) fn open(&self) {
        self.0.close();
    }

    pub(crate) async fn pass(&self) {
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}

/// The object `thing`.
#[derive(Default)]
pub(crate) struct Thing {
    /// Tokens that `fire` was called with.
    pub(crate) fired: AtomicU64,
    /// Calls of `slow` that ran to their end.
    pub(crate) finished: AtomicU64,
    /// Calls in progress of `slow` and `fire`, and the most that there were.
    pub(crate) running: AtomicUsize,
    pub(crate) most: AtomicUsize,
}

static INFO: std::sync::LazyLock<ServiceInfo> = std::sync::LazyLock::new(|| {
    let method = |name: &'static str, param: Option<&'static str>| MethodInfo {
        name: name.into(),
        params: param
            .map(|name| ParamInfo { name: name.into(), type_name: "".into(), optional: false })
            .into_iter()
            .collect(),
        oneway: name == "fire",
        ..MethodInfo::default()
    };
    let names = [
        "echo",
        "size",
        "blob",
        "slow",
        "fire",
        "fail",
        "boom",
        "boom_later",
        "boom_reply",
        "raw_bytes",
        "clock",
        "odd_error",
    ];
    ServiceInfo { name: "Thing".into(), doc: "".into(), methods: names.iter().map(|n| method(n, Some("x"))).collect() }
});

struct PanicsWhenWritten;

impl serde::Serialize for PanicsWhenWritten {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("this result panics when it is written")
    }
}

impl Service for Thing {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        assert!(call.method != "boom", "boom");
        Box::pin(async move {
            if call.kind != CallKind::Method || INFO.method(call.method).is_none() {
                return Err(springline_core::service::no_such_method("Thing", call.kind, call.method));
            }
            let x = call.args.to_value()?.get(0).cloned().unwrap_or_default();
            match call.method {
                "echo" => Ok(x.into()),
                "size" => Ok(Value::from(x.as_str().map_or(-1, |s| s.len() as i64)).into()),
                "blob" => Ok(Value::Bytes(vec![b'x'; x.as_i64().unwrap_or(0) as usize].into()).into()),
                "slow" | "fire" => {
                    let now = self.running.fetch_add(1, Ordering::SeqCst) + 1;
                    self.most.fetch_max(now, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_secs_f64(x.as_f64().unwrap_or(0.0))).await;
                    self.running.fetch_sub(1, Ordering::SeqCst);
                    let count = if call.method == "slow" { &self.finished } else { &self.fired };
                    count.fetch_add(1, Ordering::SeqCst);
                    Ok(Value::from("done").into())
                }
                "fail" => Err(Error::remote(Exception::new("ValueError", "no good"))),
                "boom_later" => {
                    tokio::task::yield_now().await;
                    panic!("boom later")
                }
                "boom_reply" => Ok(Reply::typed((1, PanicsWhenWritten))),
                "raw_bytes" => Ok(Value::Bytes(Bytes::from_static(b"\0\xFF")).into()),
                "clock" => {
                    let date = Some(springline_core::Date::new(2024, 2, 29).unwrap());
                    Ok(Value::DateTime(springline_core::DateTime { date, time: None, offset: None }).into())
                }
                _ => Err(Error::remote(
                    Exception::new("ValueError", "odd")
                        .with_attribute("data", Value::Bytes(Bytes::from_static(b"\xFF"))),
                )),
            }
        })
    }

    fn describe(&self) -> Option<&ServiceInfo> {
        Some(&INFO)
    }
}

/// A daemon with a `Thing`, and where it is.
pub(crate) struct Served {
    pub(crate) daemon: Daemon,
    pub(crate) thing: Arc<Thing>,
    pub(crate) address: String,
    pub(crate) uri: String,
}

impl Served {
    pub(crate) async fn start(
        set: impl FnOnce(springline_pyro::DaemonBuilder) -> springline_pyro::DaemonBuilder,
    ) -> Self {
        let daemon = set(Daemon::builder()).bind("127.0.0.1:0").await.unwrap();
        let thing = Arc::new(Thing::default());
        let uri = daemon.register("thing", thing.clone()).unwrap().to_string();
        Self { address: daemon.address().to_string(), daemon, thing, uri }
    }

    pub(crate) async fn new() -> Self {
        Self::start(|b| b).await
    }

    /// Somebody else is served meanwhile, in every version.
    pub(crate) async fn serves_others(&self) {
        for version in VERSIONS {
            let proxy = Proxy::builder(&self.uri).unwrap().version(version).build().unwrap();
            let text: String = soon("another client", proxy.call("echo", ("hello",))).await.unwrap();
            assert_eq!(text, "hello");
        }
    }

    /// Waits until `count` clients are connected.
    pub(crate) async fn until_connected(&self, count: usize) {
        soon("the number of connections", async {
            while self.daemon.connections() != count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
    }
}
