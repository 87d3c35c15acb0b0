//! Recorded conversations of Pyro4 4.2 and 4.3 (wire versions 40 and 43), played again: their clients' bytes to our
//! daemon, their servers' to our proxy.

#[path = "support_recorded/mod.rs"]
mod support;

use bytes::BytesMut;
use springline_core::service::{BoxFuture, Call, CallKind, Reply, Service, no_such_method};
use springline_core::{Error, Exception, RemoteRef, Result, Value};
use springline_pyro::wire::{Flags, MessageKind};
use springline_pyro::{Daemon, Proxy, Serializer, Version, fault};
use support::{Case, Opened, PATIENCE, cases_of, open, read_frame, write};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const PEERS: [(&str, Version); 2] = [("pyro4-4.2", Version::V40), ("pyro4-4.3", Version::V43)];
const OTHER: &str = "PYRO:other@127.0.0.1:4444";

/// What the recorded server served.
struct Thing;

impl Thing {
    fn answer(call: &Call<'_>) -> Result<Value> {
        let args = call.args.to_value()?;
        let first = args.get(0).cloned().unwrap_or_default();
        let kwargs = call.kwargs.as_ref().map(|k| k.to_value()).transpose()?.unwrap_or(Value::Map(vec![]));
        Ok(match call.method {
            "get_data" => format!("data:{}", first.as_str().unwrap()).into(),
            "echo" => first,
            "add" => {
                let b = kwargs.field("b").and_then(Value::as_i64).unwrap();
                let rest = kwargs.as_pairs().unwrap().iter().filter(|(k, _)| k.as_str() != Some("b")).cloned();
                let sum = Value::from(first.as_i64().unwrap() + b);
                Value::List(vec![sum, Value::List(vec![]), Value::Map(rest.collect())])
            }
            "nothing" | "fire" => Value::Null,
            "fail" => return Err(Error::remote(Exception::new("ValueError", first.as_str().unwrap()))),
            "naming" => return Err(Error::remote(Exception::new("NamingError", "unknown name: x"))),
            "give_uri" => RemoteRef::uri(OTHER).into(),
            other => return Err(no_such_method("Thing", CallKind::Method, other)),
        })
    }
}

impl Service for Thing {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(std::future::ready(Self::answer(call).map(Reply::from)))
    }
}

/// What a message tells: everything but the opcodes that its pickle is made of, and an exception's traceback.
fn compare(at: &str, ours: &Opened, recorded: &Opened) {
    let head = |o: &Opened| {
        let h = &o.header;
        (h.version, h.kind, h.flags.0, h.seq, h.python)
    };
    assert_eq!(head(ours), head(recorded), "{at}");
    if matches!(recorded.header.kind, MessageKind::Connect | MessageKind::ConnectOk) {
        assert!(ours.payload.is_empty() && recorded.payload.is_empty(), "{at}");
        return;
    }
    let (is, was) = (ours.value().unwrap(), recorded.value().unwrap());
    if !recorded.header.flags.has(Flags::EXCEPTION) {
        assert_eq!(is, was, "{at}");
        return;
    }
    let (is, was) = (fault::from_value(is), fault::from_value(was));
    assert_eq!(is.class, was.class, "{at}");
    // Of its own failures our daemon tells more, or in other words.
    if !at.contains("unknown-") {
        assert_eq!((is.message, is.args), (was.message, was.args), "{at}");
    }
    assert!(was.traceback.is_some_and(|text| text.starts_with("Traceback")), "{at}");
}

fn at(case: &Case, n: usize) -> String {
    format!("{}, message {n}", case.id())
}

async fn to_daemon(case: &Case, version: Version, by_bytes: bool) {
    let builder = Daemon::builder().version(version).serializers([Serializer::Pickle]);
    let daemon = builder.compression(case.name == "compressed").bind("127.0.0.1:0").await.unwrap();
    daemon.register("thing", Thing).unwrap();
    let mut stream = TcpStream::connect(daemon.address().to_string()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buf = BytesMut::new();
    for (n, message) in case.messages.iter().enumerate() {
        if message.from_client {
            write(&mut stream, &message.bytes, by_bytes).await;
            continue;
        }
        let at = at(case, n);
        let (header, bytes) = read_frame(&mut stream, &mut buf).await.unwrap_or_else(|| panic!("{at}: closed"));
        let recorded = open(&message.bytes, None).unwrap();
        compare(&at, &open(&bytes, None).unwrap(), &recorded);
        if header.kind == MessageKind::ConnectOk {
            assert_eq!(bytes, message.bytes, "{at}");
        }
    }
    drop(stream);
    assert_eq!(daemon.shutdown(PATIENCE).await, 0, "{}", case.id());
}

#[tokio::test]
async fn clients_to_our_daemon() {
    for (peer, version) in PEERS {
        let cases = cases_of(peer);
        assert_eq!(cases.len(), 13, "{peer}");
        for case in &cases {
            for by_bytes in [false, true] {
                to_daemon(case, version, by_bytes).await;
            }
        }
    }
}

// Plays the server's part, and holds what our proxy sends against what Python's did.
async fn play_server(mut stream: TcpStream, case: Case, by_bytes: bool) {
    stream.set_nodelay(true).unwrap();
    let mut buf = BytesMut::new();
    for (n, message) in case.messages.iter().enumerate() {
        if !message.from_client {
            write(&mut stream, &message.bytes, by_bytes).await;
            continue;
        }
        let at = at(&case, n);
        let (header, bytes) = read_frame(&mut stream, &mut buf).await.unwrap_or_else(|| panic!("{at}: closed"));
        compare(&at, &open(&bytes, None).unwrap(), &open(&message.bytes, None).unwrap());
        if header.kind == MessageKind::Connect {
            assert_eq!(bytes, message.bytes, "{at}");
        }
    }
    assert!(read_frame(&mut stream, &mut buf).await.is_none(), "{}: the proxy says more", case.id());
}

async fn call(case: &str, p: &Proxy) -> Result<Value> {
    match case {
        "call" => p.call("get_data", ("Hello",)).await,
        // In the order of Python 2's dict.
        "kwargs" => p.request("add").args((1,)).kwarg("c", "x").kwarg("b", 2).send().await,
        "args-none" => p.call("nothing", ()).await,
        "arg-types" => p.call("echo", (kinds(),)).await,
        "exception" => p.call("fail", ("no money",)).await,
        "exception-naming" => p.call("naming", ()).await,
        "unknown-method" => p.call("nosuch", ()).await,
        "unknown-object" => p.call("get_data", ("x",)).await,
        "oneway" => {
            p.request("fire").args(("x",)).oneway().send::<()>().await?;
            p.call("get_data", ("after",)).await
        }
        "uri" => p.call("give_uri", ()).await,
        "arg-uri" => p.call("echo", (Value::from(RemoteRef::uri(OTHER)),)).await,
        "compressed" => p.call("echo", ("A".repeat(1000),)).await,
        "two-calls" => {
            let one: Value = p.call("get_data", ("1",)).await?;
            Ok(Value::List(vec![one, p.call("get_data", ("2",)).await?]))
        }
        other => panic!("nobody knows how to make the calls of {other}"),
    }
}

// What `arg-types` has one of each.
fn kinds() -> Value {
    let map = Value::Map(vec![("k".into(), Value::I64(1))]);
    Value::List(vec![
        Value::Null,
        true.into(),
        false.into(),
        Value::I64(1),
        Value::I64(-1),
        Value::I64(1_099_511_627_776),
        1.5.into(),
        "s\u{E9}'\"\\\n".into(),
        Value::Tuple(vec![Value::I64(1)]),
        Value::List(vec![Value::I64(1)]),
        map,
    ])
}

fn wanted(case: &str) -> std::result::Result<Value, (&'static str, &'static str)> {
    Ok(match case {
        "call" => "data:Hello".into(),
        "kwargs" => {
            let rest = Value::Map(vec![("c".into(), "x".into())]);
            Value::List(vec![Value::I64(3), Value::List(vec![]), rest])
        }
        "args-none" => Value::Null,
        "arg-types" => kinds(),
        "exception" => return Err(("builtins.ValueError", "no money")),
        "exception-naming" => return Err(("Pyro4.errors.NamingError", "unknown name: x")),
        "unknown-method" => return Err(("builtins.AttributeError", "'Thing' object has no attribute 'nosuch'")),
        "unknown-object" => return Err(("Pyro4.errors.DaemonError", "unknown object")),
        "oneway" => "data:after".into(),
        "uri" | "arg-uri" => RemoteRef::uri(OTHER).into(),
        "compressed" => "A".repeat(1000).into(),
        "two-calls" => Value::List(vec!["data:1".into(), "data:2".into()]),
        other => panic!("nobody knows what comes of {other}"),
    })
}

#[tokio::test]
async fn servers_to_our_proxy() {
    for (peer, version) in PEERS {
        for (case, by_bytes) in cases_of(peer).into_iter().zip([false, true].into_iter().cycle()) {
            let (id, name) = (case.id(), case.name.clone());
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let object = if name == "unknown-object" { "nosuch" } else { "thing" };
            let uri = format!("PYRO:{object}@{}", listener.local_addr().unwrap());
            let builder = Proxy::builder(&uri).unwrap().version(version).serializer(Serializer::Pickle);
            let proxy = builder.compression(name == "compressed").build().unwrap();
            let server = tokio::spawn(async move {
                let (stream, _) = listener.accept().await.unwrap();
                play_server(stream, case, by_bytes).await;
            });
            let got = timeout(PATIENCE, call(&name, &proxy)).await.unwrap_or_else(|_| panic!("{id}: no answer"));
            match (got, wanted(&name)) {
                (Ok(got), Ok(wanted)) => assert_eq!(got, wanted, "{id}"),
                (Err(e), Err((class, message))) => {
                    let x = e.exception().unwrap_or_else(|| panic!("{id}: {e}"));
                    assert_eq!((&*x.class, &*x.message), (class, message), "{id}");
                    assert!(x.traceback.as_ref().is_some_and(|text| text.starts_with("Traceback")), "{id}");
                }
                (got, wanted) => panic!("{id}: {got:?} instead of {wanted:?}"),
            }
            drop(proxy);
            timeout(PATIENCE, server).await.unwrap_or_else(|_| panic!("{id}: the server waits")).unwrap();
        }
    }
}
