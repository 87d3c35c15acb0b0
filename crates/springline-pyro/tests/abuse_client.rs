//! The client against daemons that do everything wrong: a clear error, no wrong reply, and a new connection next time.

#[path = "support_abuse/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use springline_core::{Error, ErrorKind, Reached, Value};
use springline_pyro::wire::{Flags, Head, MessageKind};
use springline_pyro::{Proxy, Serializer, Version};
use support::{Gate, Raw, Script, VERSIONS, annotation, connect_ok, frame, framed, patched, payload, result, soon};
use tokio::net::TcpStream;

fn proxy(script: &Script, version: Version) -> Proxy {
    let builder = Proxy::builder(&script.uri).unwrap().version(version).serializer(Serializer::Msgpack);
    builder.timeout(support::PATIENCE).build().unwrap()
}

/// A daemon whose first connections answer the handshake with these bytes and hang up; all later ones are in order.
async fn greets_with(version: Version, bytes: Vec<u8>, times: usize) -> Script {
    let bytes = Arc::new(bytes);
    Script::tcp(version, Serializer::Msgpack, move |mut raw, n| {
        let bytes = bytes.clone();
        async move {
            if n >= times {
                return serve(raw).await;
            }
            raw.next().await;
            raw.send(&bytes).await;
        }
    })
    .await
}

async fn serve(mut raw: Raw<TcpStream>) {
    if raw.welcome().await {
        while let Some((seq, _, x)) = raw.request().await {
            raw.send(&result(raw.version, raw.serializer, seq, &x)).await;
        }
    }
}

/// The error of a call; the call after it goes over a new connection and gets its own reply.
async fn fails_once(script: &Script, version: Version) -> Error {
    let proxy = proxy(script, version);
    let e = soon("the failure", proxy.call::<Value>("echo", ("first",))).await.unwrap_err();
    assert_eq!(soon("the next call", proxy.call::<String>("echo", ("next",))).await.unwrap(), "next");
    e
}

#[tokio::test]
async fn handshakes_that_are_none() {
    for version in [Version::V48, Version::V502] {
        let id = Serializer::Msgpack.id(version.generation());
        let good = connect_ok(version, Serializer::Msgpack);
        let broken = {
            let mut broken = good.clone();
            let at = version.header_len() - 1;
            broken[at] ^= 1;
            broken
        };
        let serializer_at = if version == Version::V48 { 17 } else { 7 };
        let other = if version == Version::V48 { "answered in 46" } else { "checksum" };
        for (bytes, kind, text) in [
            (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), ErrorKind::Protocol, "does not speak Pyro"),
            (patched(good.clone(), version, 4, &4u16.to_be_bytes()), ErrorKind::Protocol, "Pyro 3"),
            (patched(good.clone(), version, 4, &46u16.to_be_bytes()), ErrorKind::Protocol, other),
            (patched(good.clone(), version, 4, &999u16.to_be_bytes()), ErrorKind::Protocol, "unknown wire version 999"),
            (broken, ErrorKind::Protocol, if version == Version::V48 { "checksum" } else { "magic" }),
            (
                frame(version, MessageKind::Result, id, 0, 0, b"\xC0"),
                ErrorKind::Protocol,
                "expected the handshake's answer",
            ),
            (
                frame(version, MessageKind::Connect, id, 0, 0, b"\xC0"),
                ErrorKind::Protocol,
                "expected the handshake's answer",
            ),
            (
                frame(version, MessageKind::Ping, id, 0, 0, b"\xC0"),
                ErrorKind::Protocol,
                "expected the handshake's answer",
            ),
            (
                patched(good.clone(), version, serializer_at, &[99]),
                ErrorKind::Protocol,
                "serializer that is not accepted: 99",
            ),
            (frame(version, MessageKind::ConnectOk, id, Flags::META, 0, b"\xC1"), ErrorKind::Malformed, ""),
            (frame(version, MessageKind::ConnectOk, id, Flags::META, 0, b""), ErrorKind::Malformed, ""),
            (
                frame(version, MessageKind::ConnectOk, id, Flags::META | Flags::COMPRESSED, 0, b"not packed"),
                ErrorKind::Malformed,
                "unpacked",
            ),
            (frame(version, MessageKind::ConnectFail, id, 0, 0, b"\xA5nope!"), ErrorKind::Denied, "nope!"),
            (frame(version, MessageKind::ConnectFail, id, 0, 0, b"\xC1"), ErrorKind::Denied, "reason unreadable"),
            (frame(version, MessageKind::ConnectFail, 99, 0, 0, b"??"), ErrorKind::Denied, "reason unreadable"),
            (vec![], ErrorKind::Closed, "during the handshake"),
            (good[..10].to_vec(), ErrorKind::Closed, "during the handshake"),
            (good[..good.len() - 1].to_vec(), ErrorKind::Closed, "during the handshake"),
        ] {
            // A connection that ends before anything was sent is tried once more.
            let times = if kind == ErrorKind::Closed { 2 } else { 1 };
            let script = greets_with(version, bytes.clone(), times).await;
            let e = fails_once(&script, version).await;
            assert_eq!((e.kind(), e.reached()), (kind, Reached::NotSent), "{version:?} {bytes:?}: {e}");
            assert!(e.to_string().contains(text), "{text:?} is not in: {e}");
        }
    }
}

// What the metadata may look like: the client goes by what it understands.
#[tokio::test]
async fn metadata_of_odd_shapes() {
    let version = Version::V502;
    for meta in [
        Value::Null,
        Value::from(1),
        Value::List(vec![]),
        Value::Map(vec![]),
        support::map(vec![("methods", 1.into()), ("oneway", Value::Null)]),
        support::map(vec![("methods", Value::List(vec![1.into(), Value::Null, "echo".into()])), ("attrs", "x".into())]),
    ] {
        let script = Script::tcp(version, Serializer::Msgpack, move |mut raw, _| {
            let answer = payload(
                version,
                Serializer::Msgpack,
                &support::map(vec![("handshake", 5.into()), ("meta", meta.clone())]),
            );
            async move {
                raw.next().await;
                raw.send(&frame(version, MessageKind::ConnectOk, 4, 0, 0, &answer)).await;
                while let Some((seq, _, x)) = raw.request().await {
                    raw.send(&result(version, raw.serializer, seq, &x)).await;
                }
            }
        })
        .await;
        let proxy = proxy(&script, version);
        assert_eq!(soon("a call", proxy.call::<i64>("echo", (7,))).await.unwrap(), 7);
        assert_eq!(proxy.connect().await.unwrap().as_i64(), Some(5));
    }
}

/// A daemon whose first connection answers its first call with what `answer` makes of its number, and hangs up.
async fn replies_with(version: Version, answer: impl Fn(u16) -> Vec<u8> + Send + Sync + 'static) -> Script {
    let answer = Arc::new(answer);
    Script::tcp(version, Serializer::Msgpack, move |mut raw, n| {
        let answer = answer.clone();
        async move {
            if n > 0 {
                return serve(raw).await;
            }
            raw.welcome().await;
            let (seq, ..) = raw.request().await.unwrap();
            raw.send(&answer(seq)).await;
        }
    })
    .await
}

#[tokio::test]
async fn replies_that_are_none() {
    for version in VERSIONS {
        let id = Serializer::Msgpack.id(version.generation());
        let good = move |seq| result(version, Serializer::Msgpack, seq, &Value::from("wrong"));
        let serializer_at = if version == Version::V48 { 17 } else { 7 };
        type Answer = Box<dyn Fn(u16) -> Vec<u8> + Send + Sync>;
        let cases: Vec<(Answer, ErrorKind, Reached, &str)> = vec![
            (
                Box::new(move |seq| good(seq.wrapping_add(1))),
                ErrorKind::Protocol,
                Reached::MaybeExecuted,
                "expected the reply to request",
            ),
            (
                Box::new(move |seq| good(seq.wrapping_sub(1))),
                ErrorKind::Protocol,
                Reached::MaybeExecuted,
                "expected the reply to request",
            ),
            (
                Box::new(move |_| good(0xFFFF)),
                ErrorKind::Protocol,
                Reached::MaybeExecuted,
                "expected the reply to request",
            ),
            (
                Box::new(move |seq| frame(version, MessageKind::Invoke, id, 0, seq, b"\xC0")),
                ErrorKind::Protocol,
                Reached::MaybeExecuted,
                "Invoke",
            ),
            (
                Box::new(move |seq| frame(version, MessageKind::ConnectOk, id, 0, seq, b"\xC0")),
                ErrorKind::Protocol,
                Reached::MaybeExecuted,
                "ConnectOk",
            ),
            (
                Box::new(move |seq| patched(good(seq), version, serializer_at, &[42])),
                ErrorKind::Protocol,
                Reached::Answered,
                "not accepted: 42",
            ),
            (
                Box::new(move |seq| frame(version, MessageKind::Result, id, 0, seq, b"")),
                ErrorKind::Malformed,
                Reached::Answered,
                "",
            ),
            (
                Box::new(move |seq| frame(version, MessageKind::Result, id, 0, seq, b"\xC1")),
                ErrorKind::Malformed,
                Reached::Answered,
                "",
            ),
            (
                Box::new(move |seq| frame(version, MessageKind::Result, id, Flags::COMPRESSED, seq, b"\xC0")),
                ErrorKind::Malformed,
                Reached::Answered,
                "unpacked",
            ),
            (
                Box::new(move |seq| frame(version, MessageKind::Result, id, Flags::EXCEPTION, seq, b"\xC1")),
                ErrorKind::Malformed,
                Reached::Answered,
                "",
            ),
            (
                Box::new(move |seq| frame(version, MessageKind::Result, id, Flags::EXCEPTION, seq, b"\xA4oops")),
                ErrorKind::Remote,
                Reached::Answered,
                "oops",
            ),
            (
                Box::new(move |seq| {
                    frame(version, MessageKind::Result, id, Flags::ITEM_STREAM | Flags::EXCEPTION, seq, b"\xA4oops")
                }),
                ErrorKind::Protocol,
                Reached::Answered,
                "iterator",
            ),
            (Box::new(move |seq| good(seq)[..20].to_vec()), ErrorKind::Closed, Reached::MaybeExecuted, "closed"),
            (
                Box::new(move |seq| {
                    let mut m = good(seq);
                    m.pop();
                    m
                }),
                ErrorKind::Closed,
                Reached::MaybeExecuted,
                "closed",
            ),
            (Box::new(|_| b"what?".to_vec()), ErrorKind::Protocol, Reached::MaybeExecuted, "does not speak Pyro"),
            (Box::new(|_| vec![]), ErrorKind::Closed, Reached::MaybeExecuted, "closed"),
            (
                Box::new(move |seq| {
                    let mut m = good(seq);
                    m[version.header_len() - 1] ^= 1;
                    m
                }),
                ErrorKind::Protocol,
                Reached::MaybeExecuted,
                "",
            ),
            (
                Box::new(move |seq| {
                    let mut m = framed(
                        &Head {
                            version,
                            kind: MessageKind::Result,
                            serializer: id,
                            flags: Flags(0),
                            seq,
                            annotations: &[annotation("ABCD", b"0123456789")],
                            correlation_id: None,
                            compress: false,
                            key: None,
                        },
                        b"\xC0",
                    );
                    let last = version.header_len() + if version == Version::V48 { 5 } else { 7 };
                    m[last] = 0xFF;
                    m
                }),
                ErrorKind::Protocol,
                Reached::Answered,
                "annotation",
            ),
        ];
        for (n, (answer, kind, reached, text)) in cases.into_iter().enumerate() {
            let script = replies_with(version, answer).await;
            let proxy = proxy(&script, version);
            let e = soon("the failure", proxy.call::<Value>("echo", ("first",))).await.unwrap_err();
            assert_eq!((e.kind(), e.reached()), (kind, reached), "{version:?}, case {n}: {e}");
            assert!(e.to_string().contains(text), "case {n}: {text:?} is not in: {e}");
            // The daemon hung up: whoever asks next is not told of it.
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert_eq!(soon("the next call", proxy.call::<String>("echo", ("next",))).await.unwrap(), "next");
        }
    }
}

// A reply in another of the known serializers is read as what it says it is: a daemon refuses in marshal, for one.
#[tokio::test]
async fn a_reply_in_another_serializer() {
    for version in VERSIONS {
        for other in Serializer::ALL {
            let script = replies_with(version, move |seq| result(version, other, seq, &Value::from("text"))).await;
            assert_eq!(soon("the reply", proxy(&script, version).call::<String>("echo", (1,))).await.unwrap(), "text");
        }
    }
}

// Bytes that nobody asked for, between calls and after a reply: nobody takes them for an answer.
#[tokio::test]
async fn unasked_replies() {
    for version in VERSIONS {
        for after in [false, true] {
            let gate = Gate::closed();
            let sent = gate.clone();
            let script = Script::tcp(version, Serializer::Msgpack, move |mut raw, n| {
                let sent = sent.clone();
                async move {
                    if n > 0 {
                        return serve(raw).await;
                    }
                    raw.welcome().await;
                    let forged = |seq: u16| result(version, Serializer::Msgpack, seq, &Value::from("forged"));
                    if after {
                        let (seq, _, x) = raw.request().await.unwrap();
                        let own = result(version, raw.serializer, seq, &x);
                        raw.send(&[own, forged(seq.wrapping_add(1))].concat()).await;
                    } else {
                        raw.send(&forged(1)).await;
                    }
                    sent.open();
                    raw.closed().await;
                }
            })
            .await;
            let proxy = proxy(&script, version);
            if let Err(e) = proxy.connect().await {
                // In one piece with the handshake's answer.
                assert_eq!(e.kind(), ErrorKind::Protocol, "{e}");
                assert!(!after && e.to_string().contains("more than the handshake's answer"), "{e}");
            }
            if after {
                // The two replies may come in one piece or in two; the first is right in any case.
                assert_eq!(soon("a call", proxy.call::<String>("echo", ("own",))).await.unwrap(), "own");
            }
            gate.pass().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(soon("the next call", proxy.call::<String>("echo", ("next",))).await.unwrap(), "next");
            let calls = (0..20i64).map(|n| {
                let proxy = proxy.clone();
                tokio::spawn(async move { (n, proxy.call::<i64>("echo", (n,)).await.unwrap()) })
            });
            for call in calls.collect::<Vec<_>>() {
                let (n, own) = soon("a call", call).await.unwrap();
                assert_eq!(n, own);
            }
        }
    }
}

// A wrong reply in the middle of pipelined calls: those before it have theirs, none after it gets a wrong one.
#[tokio::test]
async fn a_wrong_reply_in_a_pipeline() {
    for version in [Version::V48, Version::V502] {
        for fault in 0..4u16 {
            let script = Script::tcp(version, Serializer::Msgpack, move |mut raw, n| async move {
                if n > 0 {
                    return serve(raw).await;
                }
                raw.welcome().await;
                let mut requests = Vec::new();
                for _ in 0..10 {
                    requests.push(raw.request().await.unwrap());
                }
                for (i, (seq, _, x)) in requests.iter().enumerate() {
                    let reply = match (i, fault) {
                        (4, 0) => continue, // one is left out
                        (4, 1) => [result(version, raw.serializer, *seq, x), result(version, raw.serializer, *seq, x)]
                            .concat(), // one is there twice
                        (4, 2) => result(version, raw.serializer, *seq + 1, x), // two change places
                        (4, _) => b"broken".to_vec(),
                        _ => result(version, raw.serializer, *seq, x),
                    };
                    raw.send(&reply).await;
                }
                raw.closed().await;
            })
            .await;
            let proxy = proxy(&script, version);
            proxy.connect().await.unwrap();
            let calls: Vec<_> = (0..10i64)
                .map(|n| {
                    let proxy = proxy.clone();
                    tokio::spawn(async move { proxy.call::<i64>("echo", (n,)).await })
                })
                .collect();
            let mut answered = 0;
            for (n, call) in calls.into_iter().enumerate() {
                match soon("a call", call).await.unwrap() {
                    Ok(own) => {
                        assert_eq!(own, n as i64);
                        answered += 1;
                    }
                    Err(e) => {
                        assert!(matches!(e.kind(), ErrorKind::Protocol | ErrorKind::Closed), "{e}");
                        assert_eq!(e.reached(), Reached::MaybeExecuted, "{e}");
                    }
                }
            }
            assert_eq!(answered, if fault == 1 { 5 } else { 4 }, "fault {fault}");
            assert_eq!(soon("the next call", proxy.call::<String>("echo", ("next",))).await.unwrap(), "next");
        }
    }
}

#[tokio::test]
async fn silence() {
    // At the handshake.
    let script = Script::tcp(Version::V502, Serializer::Msgpack, |mut raw, _| async move {
        raw.closed().await;
    })
    .await;
    let builder = Proxy::builder(&script.uri).unwrap().version(Version::V502);
    let impatient = builder.clone().connect_timeout(Duration::from_millis(100)).build().unwrap();
    let e = soon("the deadline", impatient.call::<Value>("echo", (1,))).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Timeout, Reached::NotSent), "{e}");
    // The call's own deadline counts while connecting.
    let patient = builder.connect_timeout(support::PATIENCE * 10).build().unwrap();
    let e =
        soon("the deadline", patient.request("echo").args((1,)).timeout(Duration::from_millis(100)).send::<Value>())
            .await
            .unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Timeout, Reached::NotSent), "{e}");
    // After it: to one of several callers, by its own deadline.
    let count = Arc::new(AtomicUsize::new(0));
    let seen = count.clone();
    let script = Script::tcp(Version::V502, Serializer::Msgpack, move |mut raw, _| {
        seen.fetch_add(1, Ordering::SeqCst);
        async move {
            raw.welcome().await;
            while let Some((seq, _, x)) = raw.request().await {
                if x.as_str() == Some("never") {
                    return std::future::pending().await;
                }
                raw.send(&result(raw.version, raw.serializer, seq, &x)).await;
            }
        }
    })
    .await;
    let proxy = proxy(&script, Version::V502);
    assert_eq!(proxy.call::<String>("echo", ("a",)).await.unwrap(), "a");
    let late = proxy.request("echo").args(("never",)).timeout(Duration::from_millis(100));
    let e = soon("the deadline", late.send::<Value>()).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Timeout, Reached::MaybeExecuted), "{e}");
    assert_eq!(soon("the next call", proxy.call::<String>("echo", ("b",))).await.unwrap(), "b");
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

// Byte by byte, or as much as it likes at a time: what comes is what was sent.
#[tokio::test]
async fn replies_byte_by_byte() {
    for version in VERSIONS {
        for size in [1, 7, 1000] {
            let script = Script::tcp(version, Serializer::Msgpack, move |mut raw, _| async move {
                raw.next().await;
                for piece in connect_ok(version, Serializer::Msgpack).chunks(size) {
                    raw.send(piece).await;
                    tokio::task::yield_now().await;
                }
                while let Some((seq, _, x)) = raw.request().await {
                    for piece in result(version, raw.serializer, seq, &x).chunks(size) {
                        raw.send(piece).await;
                        tokio::task::yield_now().await;
                    }
                }
            })
            .await;
            let proxy = proxy(&script, version);
            for n in 0..20 {
                let text = format!("{n}").repeat(n);
                assert_eq!(soon("a call", proxy.call::<String>("echo", (text.as_str(),))).await.unwrap(), text);
            }
        }
    }
}

// A daemon of another generation, refusing in its own words: found out without being told.
#[tokio::test]
async fn the_version_is_found_out() {
    for speaks in VERSIONS {
        for silent in [false, true] {
            let script = Script::tcp(speaks, Serializer::Msgpack, move |mut raw, _| async move {
                let Some((header, _)) = raw.raw().await else { return };
                if header.version == speaks {
                    raw.send(&connect_ok(speaks, Serializer::Msgpack)).await;
                    while let Some((seq, _, x)) = raw.request().await {
                        raw.send(&result(speaks, raw.serializer, seq, &x)).await;
                    }
                } else if !silent {
                    let id = Serializer::Marshal.id(speaks.generation());
                    raw.send(&frame(speaks, MessageKind::ConnectFail, id, 0, 0, b"\xFA\x03bad")).await;
                }
            })
            .await;
            let proxy = Proxy::builder(&script.uri).unwrap().serializer(Serializer::Msgpack).build().unwrap();
            assert_eq!(soon("a call", proxy.call::<i64>("echo", (5,))).await.unwrap(), 5);
            assert_eq!(proxy.version(), Some(speaks));
        }
    }
}
