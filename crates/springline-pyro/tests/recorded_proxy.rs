//! The recorded bytes of Python's servers, sent to a proxy: it must send what Python's client sent, byte for byte where
//! that is determined, and get the recorded results. Once in whole messages and once byte by byte.

#[path = "support_recorded/mod.rs"]
mod support;

use bytes::{Bytes, BytesMut};
use springline_core::{ErrorKind, RemoteRef, Value};
use springline_pyro::wire::{self, Flags, Head, MessageKind};
use springline_pyro::{HmacKey, Proxy, ProxyBuilder, Serializer, Version};
use support::{Case, Opened, PATIENCE, PEERS, case, open, read_frame, write};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

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
        play_to_proxy(
            &format!("call-{s}"),
            Sends::Alike,
            |b| b,
            async |p| {
                assert_eq!(p.call::<String>("get_data", ("Hello",)).await.unwrap(), "data:Hello");
            },
        )
        .await;
        play_to_proxy(
            &format!("args-none-{s}"),
            Sends::Alike,
            |b| b,
            async |p| {
                assert_eq!(p.call::<Value>("nothing", ()).await.unwrap(), Value::Null);
            },
        )
        .await;
        play_to_proxy(
            &format!("kwargs-{s}"),
            Sends::Alike,
            |b| b,
            async |p| {
                let sum: Value = p.request("add").args((1,)).kwarg("b", 2).kwarg("c", "x").send().await.unwrap();
                assert_eq!(sum.get(0).and_then(Value::as_i64), Some(3));
                assert_eq!(sum.get(2).and_then(|m| m.field("c")).and_then(Value::as_str), Some("x"));
            },
        )
        .await;
        play_to_proxy(
            &format!("arg-types-{s}"),
            Sends::Alike,
            |b| b,
            async |p| {
                let map = Value::Map(vec![("k".into(), 1.into())]);
                let values = vec![
                    Value::Null,
                    true.into(),
                    false.into(),
                    1.into(),
                    (-1).into(),
                    1_099_511_627_776i64.into(),
                    1.5.into(),
                    "s\u{E9}'\"\\\n".into(),
                    Value::Tuple(vec![1.into()]),
                    list(vec![1.into()]),
                    map,
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
            },
        )
        .await;
        play_to_proxy(
            &format!("oneway-{s}"),
            Sends::Alike,
            |b| b,
            async |p| {
                p.call::<()>("fire", ("x",)).await.unwrap();
                assert_eq!(p.call::<String>("get_data", ("after",)).await.unwrap(), "data:after");
            },
        )
        .await;
        play_to_proxy(
            &format!("uri-{s}"),
            Sends::Alike,
            |b| b,
            async |p| {
                let uri: RemoteRef = p.call("give_uri", ()).await.unwrap();
                assert!(uri.uri.starts_with("PYRO:other@127.0.0.1:"), "{uri:?}");
            },
        )
        .await;
        play_to_proxy(
            &format!("compressed-{s}"),
            Sends::Alike,
            |b| b.compression(true),
            async |p| {
                let text: String = p.call("echo", ("A".repeat(1000),)).await.unwrap();
                assert_eq!(text, "A".repeat(1000));
            },
        )
        .await;
    }
    for s in [Serializer::Serpent, Serializer::Json, Serializer::Msgpack] {
        play_to_proxy(
            &format!("attr-{s}"),
            Sends::Alike,
            |b| b,
            async |p| {
                let first: i64 = p.get_attr("value").await.unwrap();
                assert!(matches!(first, 42 | 43));
                p.set_attr("value", 43).await.unwrap();
                assert_eq!(p.get_attr::<i64>("value").await.unwrap(), 43);
            },
        )
        .await;
        play_to_proxy(
            &format!("batch-oneway-{s}"),
            Sends::Alike,
            |b| b,
            async |p| {
                p.batch().call("get_data", ("1",)).call("get_data", ("2",)).send_oneway().await.unwrap();
                assert_eq!(p.call::<String>("get_data", ("after",)).await.unwrap(), "data:after");
            },
        )
        .await;
        // Keyword arguments within a batch are not to be had.
        play_to_proxy(
            &format!("batch-{s}"),
            Sends::Differently,
            |b| b,
            async |p| {
                let results =
                    p.batch().call("get_data", ("1",)).call("add", (1, 2)).call("nothing", ()).send().await.unwrap();
                assert_eq!(results.len(), 3);
                assert_eq!(results[0].as_ref().unwrap().as_str(), Some("data:1"));
                assert_eq!(results[1].as_ref().unwrap().get(0).and_then(Value::as_i64), Some(3));
                assert_eq!(*results[2].as_ref().unwrap(), Value::Null);
            },
        )
        .await;
    }
}

#[tokio::test]
async fn options_of_our_proxy() {
    for s in Serializer::ALL {
        play_to_proxy(
            &format!("hmac-{s}"),
            Sends::Alike,
            |b| b.hmac_key("secretkey"),
            async |p| {
                assert_eq!(p.call::<String>("get_data", ("Hello",)).await.unwrap(), "data:Hello");
            },
        )
        .await;
    }
    let annotated = |b: ProxyBuilder| b.hmac_key("secretkey").annotation("CLIX", "abc").annotation("AAAA", "first");
    play_to_proxy("hmac-annotations", Sends::Alike, annotated, async |p| {
        assert_eq!(p.call::<String>("annots", (1,)).await.unwrap(), "ok");
    })
    .await;
    play_to_proxy(
        "annotations",
        Sends::Alike,
        |b| b.annotation("CLIX", "abc"),
        async |p| {
            let response = p.request("annots").args((1,)).send_full::<String>().await.unwrap();
            assert_eq!(response.value, "ok");
            assert_eq!(response.metadata.get("RSPX").map(|b| &b[..]), Some(&b"resp-abc"[..]));
            assert!(response.metadata.correlation_id.is_some());
        },
    )
    .await;
    // Python's client sends the id with its handshake, too.
    play_to_proxy(
        "correlation-id",
        Sends::Differently,
        |b| b,
        async |p| {
            let id = *b"\x11\x11\x22\x22\x11\x11\x22\x22\x33\x33\x22\x22\x44\x44\x99\x99";
            let response = p.request("corr").correlation_id(id).send_full::<String>().await.unwrap();
            assert_eq!(response.value, "11112222-1111-2222-3333-222244449999");
            assert!(response.metadata.correlation_id.is_some());
        },
    )
    .await;
    let user = |b: ProxyBuilder| b.handshake(Value::Map(vec![("user".into(), "x".into())]));
    play_to_proxy("handshake-custom", Sends::Alike, user, async |p| {
        let reply = p.connect().await.unwrap();
        assert_eq!(reply, list(vec!["custom".into(), "handshake".into(), "reply".into()]));
        let metadata = p.metadata().await.unwrap();
        assert!(
            metadata.methods.len() == 30 && metadata.oneway == ["fire"] && metadata.attrs.len() == 2,
            "{metadata:?}"
        );
    })
    .await;
    play_to_proxy(
        "handshake-denied",
        Sends::Alike,
        |b| b.handshake("deny-me"),
        async |p| {
            let e = p.connect().await.unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Denied);
            assert!(e.to_string().contains("handshake denied for 'deny-me'"), "{e}");
        },
    )
    .await;
    play_to_proxy(
        "exc-unknown-object",
        Sends::Alike,
        |b| b,
        async |p| {
            let e = p.connect().await.unwrap_err();
            assert_eq!(e.kind(), ErrorKind::NotFound, "{e}");
        },
    )
    .await;
    play_to_proxy(
        "exc-not-exposed",
        Sends::Alike,
        |b| b,
        async |p| {
            assert_eq!(*p.metadata().await.unwrap(), springline_pyro::ObjectMetadata::default());
        },
    )
    .await;
    play_to_proxy(
        "no-free-workers",
        Sends::Alike,
        |b| b,
        async |p| {
            let e = p.connect().await.unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Unavailable, "{e}");
        },
    )
    .await;
    // Python numbers a ping 0.
    play_to_proxy(
        "ping",
        Sends::Differently,
        |b| b,
        async |p| {
            p.connect().await.unwrap();
            p.ping().await.unwrap();
        },
    )
    .await;
    play_to_proxy(
        "daemon-object-serpent",
        Sends::Alike,
        |b| b,
        async |p| {
            assert_eq!(p.call::<Value>("ping", ()).await.unwrap(), Value::Null);
            let names: Vec<String> = p.call("registered", ()).await.unwrap();
            assert_eq!(names.len(), 6);
            assert!(p.call::<String>("info", ()).await.unwrap().contains("6 objects"));
        },
    )
    .await;
    play_to_proxy(
        "stream-disabled",
        Sends::Alike,
        |b| b,
        async |p| {
            let e = p.call::<Value>("gen", (3,)).await.unwrap_err();
            assert!(e.to_string().contains("iterator"), "{e}");
        },
    )
    .await;
}

// A recorded refusal whose signature cannot be checked is still a refusal, with its reason where it can be read.
#[tokio::test]
async fn refusals_for_the_wrong_key() {
    for (name, key) in
        [("hmac-wrong", Some("otherkey")), ("hmac-missing", None), ("hmac-unexpected", Some("secretkey"))]
    {
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
