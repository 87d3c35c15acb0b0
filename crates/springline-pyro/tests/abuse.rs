//! A live daemon under clients that do everything wrong: a clear answer or a closed connection, and others are served.

#[path = "support_abuse/mod.rs"]
mod support;

use std::time::Duration;

use bytes::Bytes;
use springline_core::Value;
use springline_pyro::wire::{Flags, Head, MessageKind};
use springline_pyro::{Daemon, Serializer, Version};
use support::{Raw, Served, VERSIONS, annotation, connect, exception, frame, framed, invoke, patched, payload, value};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Bytes from a client that was not let in yet: what is answered, if anything, before the daemon hangs up.
async fn greeted(served: &Served, version: Version, bytes: &[u8]) -> Option<(u16, String)> {
    let mut raw = Raw::open(&served.address, version, Serializer::Serpent).await;
    raw.send(bytes).await;
    let answers = raw.closed().await;
    assert!(answers.len() <= 1, "{answers:?}");
    let answer = answers.into_iter().next()?;
    assert_eq!(answer.header.kind, MessageKind::ConnectFail);
    Some((answer.header.version.number(), value(&answer).as_str().unwrap().to_owned()))
}

#[tokio::test]
async fn wrong_first_bytes() {
    let served = Served::new().await;
    let hello = |version| connect(version, Serializer::Serpent, "thing");
    for bytes in
        [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], &[b'!'; 16], &[0; 64], b"PYRP\0\x30", b"pyro", &[0xFF; 5000]]
    {
        assert_eq!(greeted(&served, Version::V502, bytes).await, None, "{bytes:?}");
    }
    // Each generation's other numbers; the answer comes in the generation that is meant.
    for (number, answered) in [
        (0u16, 48),
        (3, 48),
        (4, 48),
        (5, 48),
        (44, 48),
        (45, 48),
        (46, 48),
        (47, 48),
        (49, 48),
        (500, 502),
        (503, 502),
        (600, 502),
        (65535, 502),
    ] {
        let (version, text) =
            greeted(&served, Version::V502, &patched(hello(Version::V502), Version::V502, 4, &number.to_be_bytes()))
                .await
                .unwrap();
        assert_eq!((version, text), (answered, format!("invalid protocol version: {number}")));
    }
    // Those that would be let in if pickle were.
    for number in [40u16, 43] {
        let hello = patched(hello(Version::V502), Version::V502, 4, &number.to_be_bytes());
        let mut raw = Raw::open(&served.address, Version::V502, Serializer::Serpent).await;
        raw.send(&hello).await;
        let (header, bytes) = raw.raw().await.unwrap();
        assert_eq!((header.version.number(), header.kind), (number, MessageKind::ConnectFail));
        let reason = String::from_utf8_lossy(&bytes[header.version.header_len()..]);
        assert!(reason.contains("pickle alone"), "{reason}");
    }
    served.serves_others().await;
}

#[tokio::test]
async fn wrong_headers() {
    let served = Served::new().await;
    for version in VERSIONS {
        let hello = connect(version, Serializer::Serpent, "thing");
        let magic_at = version.header_len() - 2;
        let mut bad = hello.clone();
        bad[magic_at] ^= 0x55;
        let (answered, text) = greeted(&served, version, &bad).await.unwrap();
        assert_eq!(answered, version.number());
        let expected = if version == Version::V48 { "header checksum mismatch" } else { "bad magic number" };
        assert!(text.contains(expected), "{text}");

        // A kind that is none, and kinds that are not for now.
        let kind_at = if version == Version::V48 { 7 } else { 6 };
        for kind in [0u8, 2, 3, 4, 5, 6, 7, 255] {
            let (_, text) =
                greeted(&served, version, &patched(hello.clone(), version, kind_at, &[kind])).await.unwrap();
            let expected = match kind {
                2..=6 => format!("invalid msg type {kind} received (expected: 1)"),
                _ => format!("unknown message type {kind}"),
            };
            assert!(text.contains(&expected), "{text}");
        }

        // Serializers that are none, or not ours (pickle, dill, cloudpickle).
        let serializer_at = if version == Version::V48 { 17 } else { 7 };
        for id in [0u8, 5, 7, 42, 99, 255] {
            let (_, text) =
                greeted(&served, version, &patched(hello.clone(), version, serializer_at, &[id])).await.unwrap();
            assert_eq!(text, format!("message used serializer that is not accepted: {id}"));
        }
    }
    served.serves_others().await;
}

#[tokio::test]
async fn bad_handshake_payloads() {
    let served = Served::start(|b| {
        b.on_handshake(|h| match h.data.as_str() {
            Some("hello") => Ok(Value::from("hello")),
            _ => Err(springline_core::Error::new(springline_core::ErrorKind::Denied, "who are you?")),
        })
    })
    .await;
    for version in VERSIONS {
        for serializer in Serializer::ALL {
            let id = serializer.id(version.generation());
            let said = async |data: &Value| {
                let bytes = payload(version, serializer, data);
                greeted(&served, version, &frame(version, MessageKind::Connect, id, Flags::META, 0, &bytes))
                    .await
                    .unwrap()
                    .1
            };
            let object = |o: Value| support::map(vec![("handshake", "hello".into()), ("object", o)]);
            assert_eq!(said(&object("nobody".into())).await, "unknown object");
            assert_eq!(said(&object("".into())).await, "unknown object");
            assert_eq!(said(&object("../thing\u{1F600}".into())).await, "unknown object");
            assert!(said(&object(3.into())).await.contains("'object' must be a string"));
            assert_eq!(said(&support::map(vec![("handshake", "hello".into())])).await, "'object'");
            assert!(said(&support::map(vec![("object", "thing".into())])).await.contains("no key 'handshake'"));
            assert!(said(&Value::List(vec![])).await.contains("no key 'handshake'"));
            assert!(said(&Value::Null).await.contains("no key 'handshake'"));
            assert_eq!(
                said(&support::map(vec![("handshake", 1.into()), ("object", "thing".into())])).await,
                "who are you?"
            );
        }
        for garbage in [&b""[..], b"\0", b"{", b"\xFF\xFF\xFF\xFF", b"\xDB\xFF\xFF\xFF\xFF", b"# serpent\n("] {
            for id in [1, 2, 3, Serializer::Msgpack.id(version.generation())] {
                let bytes = frame(version, MessageKind::Connect, id, Flags::META, 0, garbage);
                let (_, text) = greeted(&served, version, &bytes).await.unwrap();
                assert!(text.len() > 5, "{text:?} for {garbage:?}");
            }
        }
    }
    served.serves_others().await;
}

// What a client that was let in sends, and what comes back before the end of the connection.
async fn hung_up(served: &Served, version: Version, bytes: &[u8]) -> Vec<String> {
    let mut raw = Raw::hello(&served.address, version, Serializer::Serpent).await;
    raw.works(1).await;
    raw.send(bytes).await;
    raw.closed().await.iter().map(exception).collect()
}

#[tokio::test]
async fn wrong_messages_after_the_handshake() {
    let served = Served::new().await;
    for version in VERSIONS {
        let call = invoke(version, Serializer::Serpent, 0, 2, "echo", vec![1.into()]);
        // Not a message, another version, a broken header: nothing that could be answered.
        assert!(hung_up(&served, version, b"!!!!!!!!!!!!!!!!").await.is_empty());
        let other = if version == Version::V48 { Version::V502 } else { Version::V48 };
        let in_other = invoke(other, Serializer::Serpent, 0, 2, "echo", vec![1.into()]);
        assert!(hung_up(&served, version, &in_other).await.is_empty());
        let mut broken = call.clone();
        broken[version.header_len() - 1] ^= 1;
        assert!(hung_up(&served, version, &broken).await.is_empty());
        // The order of things: a second handshake, an answer nobody waits for.
        assert!(hung_up(&served, version, &connect(version, Serializer::Serpent, "thing")).await.is_empty());
        for kind in [MessageKind::ConnectOk, MessageKind::ConnectFail, MessageKind::Result] {
            assert!(hung_up(&served, version, &frame(version, kind, 1, 0, 2, b"None")).await.is_empty());
        }
        // Serializers that are none: told, in marshal, which every client reads.
        let serializer_at = if version == Version::V48 { 17 } else { 7 };
        let told = hung_up(&served, version, &patched(call.clone(), version, serializer_at, &[99])).await;
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("serializer that is not accepted: 99"), "{told:?}");
        // A call after one that is good, in one piece with it: the good one is answered.
        let mut raw = Raw::hello(&served.address, version, Serializer::Serpent).await;
        raw.send(&[&call[..], b"garbage that is no message"].concat()).await;
        let answers = raw.closed().await;
        assert_eq!(answers.len(), 1, "the call before the garbage was not answered");
        assert_eq!(value(&answers[0]).as_i64(), Some(1));
    }
    served.serves_others().await;
}

#[tokio::test]
async fn payloads_that_are_no_calls() {
    let served = Served::new().await;
    for version in VERSIONS {
        for serializer in Serializer::ALL {
            let id = serializer.id(version.generation());
            let tried = async |bytes: &[u8]| {
                let mut raw = Raw::hello(&served.address, version, serializer).await;
                raw.send(&frame(version, MessageKind::Invoke, id, 0, 9, bytes)).await;
                let answers = raw.closed().await;
                assert_eq!(answers.len(), 1, "{serializer} {bytes:?}");
                assert_eq!(answers[0].header.seq, 9);
                exception(&answers[0])
            };
            for value in [
                Value::Null,
                Value::from(1),
                Value::from("text"),
                Value::List(vec![]),
                Value::Map(vec![]),
                Value::Tuple(vec!["thing".into(), "echo".into()]),
                Value::Tuple(vec!["thing".into(), 3.into(), Value::Tuple(vec![]), Value::Map(vec![])]),
                Value::Tuple(vec!["thing".into(), "echo".into(), Value::Tuple(vec![]), 3.into()]),
                Value::Tuple(vec!["thing".into(), "echo".into(), Value::Tuple(vec![]), Value::Map(vec![]), 5.into()]),
            ] {
                let text = tried(&payload(version, serializer, &value)).await;
                assert!(text.contains("SerializeError"), "{serializer} {value:?}: {text}");
            }
            let good = support::call_payload(version, serializer, "thing", "echo", Value::Tuple(vec!["text".into()]));
            for end in 0..good.len() {
                assert!(tried(&good[..end]).await.contains("SerializeError"), "{serializer} cut at {end}");
            }
            assert!(
                tried(&[&good[..], b"\xC1"].concat()).await.contains("SerializeError"),
                "{serializer} and a byte more"
            );
            // Text that is no UTF-8, in the argument and in the names.
            for name in [&b"text"[..], b"echo", b"thing"] {
                let at = good.windows(name.len()).position(|w| w == name).unwrap();
                let mut bad = good.clone();
                bad[at + 1] = 0xFF;
                let mut raw = Raw::hello(&served.address, version, serializer).await;
                raw.send(&frame(version, MessageKind::Invoke, id, 0, 9, &bad)).await;
                let text = exception(&raw.next().await.expect("an answer"));
                assert!(text.contains("Error"), "{text}");
            }
        }
    }
    served.serves_others().await;
}

#[tokio::test]
async fn names_that_may_not_be_called() {
    let served = Served::new().await;
    for (version, serializer) in [(Version::V48, Serializer::Json), (Version::V502, Serializer::Msgpack)] {
        let mut raw = Raw::hello(&served.address, version, serializer).await;
        let mut seq = 1;
        for name in [
            "_private",
            "__private",
            "__init__",
            "__class__",
            "__call__",
            "__reduce__",
            "__dict__",
            "_",
            "__",
            "hidden",
            "echo.__globals__",
            "",
            " echo",
            "Echo",
            "echo\0",
            "\u{202E}",
            "__getattr__",
            "__setattr__",
            "call",
            "describe",
        ] {
            let reply = raw.call(seq, name, vec![]).await;
            let text = exception(&reply);
            assert!(text.contains("AttributeError") || text.contains("TypeError"), "{name:?}: {text}");
            seq += 1;
        }
        for name in ["_x", "__class__", "echo", "no_such"] {
            for (method, args) in [("__getattr__", vec![name.into()]), ("__setattr__", vec![name.into(), 1.into()])] {
                assert!(exception(&raw.call(seq, method, args).await).contains("AttributeError"), "{method} {name}");
                seq += 1;
            }
        }
        // Objects that are not there; the connection goes on.
        for object in ["nobody", "", "Thing", "thing ", "Pyro.NameServer", "\u{0}"] {
            let bytes = support::call_payload(version, serializer, object, "echo", Value::Tuple(vec![]));
            raw.send(&frame(version, MessageKind::Invoke, serializer.id(version.generation()), 0, seq, &bytes)).await;
            let text = exception(&raw.next().await.unwrap());
            assert!(text.contains("DaemonError") && text.contains("unknown object"), "{text}");
            seq += 1;
        }
        raw.works(seq).await;
    }
    served.serves_others().await;
}

#[tokio::test]
async fn handlers_that_panic_or_answer_what_cannot_be_written() {
    let served = Served::new().await;
    for version in VERSIONS {
        for serializer in Serializer::ALL {
            let mut raw = Raw::hello(&served.address, version, serializer).await;
            let mut seq = 1;
            for method in ["boom", "boom_later", "boom_reply"] {
                let text = exception(&raw.call(seq, method, vec![1.into()]).await);
                assert!(text.contains("RuntimeError") && text.contains("panicked"), "{serializer} {method}: {text}");
                assert!(!text.contains("boom later"), "the panic's own text stays here: {text}");
                seq += 1;
            }
            let bytes = raw.call(seq, "raw_bytes", vec![1.into()]).await;
            let clock = raw.call(seq + 1, "clock", vec![1.into()]).await;
            match serializer {
                Serializer::Json => assert!(exception(&bytes).contains("TypeError"), "{}", exception(&bytes)),
                _ => assert!(!bytes.header.flags.has(Flags::EXCEPTION)),
            }
            if serializer == Serializer::Marshal {
                assert!(exception(&clock).contains("TypeError"), "{}", exception(&clock));
            }
            let odd = exception(&raw.call(seq + 2, "odd_error", vec![1.into()]).await);
            let expected =
                if serializer == Serializer::Json { "Error serializing exception" } else { "ValueError: odd" };
            assert!(odd.contains(expected), "{odd}");
            raw.works(seq + 3).await;
        }
    }
    served.serves_others().await;
}

#[tokio::test]
async fn annotations_that_lie() {
    let served = Served::new().await;
    for version in VERSIONS {
        let long = [b'x'; 300];
        let head = Head {
            version,
            kind: MessageKind::Invoke,
            serializer: 1,
            flags: Flags(0),
            seq: 1,
            annotations: &[annotation("ABCD", b"0123456789")],
            correlation_id: None,
            compress: false,
            key: None,
        };
        let good = framed(
            &head,
            &support::call_payload(version, Serializer::Serpent, "thing", "echo", Value::Tuple(vec![1.into()])),
        );
        let at = version.header_len();
        let length_at = at + 4;
        // Bytes of a chunk's length and of the length of all; where the latter is.
        let (wide, total_wide, total_at) = match version {
            Version::V501 => (true, false, 16),
            Version::V502 => (true, true, 16),
            _ => (false, false, 18),
        };
        // A chunk longer than all annotations, by one and by far.
        for length in [11u32, 12, 1000, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF] {
            let mut bad = good.clone();
            match wide {
                true => bad[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes()),
                false => bad[length_at..length_at + 2].copy_from_slice(&(length.min(0xFFFF) as u16).to_be_bytes()),
            }
            let told = hung_up(&served, version, &bad).await;
            assert!(told.len() == 1 && told[0].contains("longer than all annotations"), "{length}: {told:?}");
        }
        // A chunk that is shorter, so that the rest of its data is taken for another one; a key that is no text.
        let mut bad = good.clone();
        bad[length_at + if wide { 3 } else { 1 }] = 3;
        let told = hung_up(&served, version, &bad).await;
        assert!(told.len() == 1 && told[0].contains("bad annotation"), "{told:?}");
        let mut bad = good.clone();
        bad[at] = 0xFF;
        let told = hung_up(&served, version, &bad).await;
        assert!(told.len() == 1 && told[0].contains("not ASCII"), "{told:?}");
        // The header claims more annotations than the frame has: the rest is awaited, and does not come.
        let claim: &[u8] = if total_wide { &[0, 0, 1, 0] } else { &[1, 0] };
        let mut raw = Raw::hello(&served.address, version, Serializer::Serpent).await;
        raw.send(&patched(good.clone(), version, total_at, claim)).await;
        raw.stream.shutdown().await.unwrap();
        assert!(raw.closed().await.is_empty());
        // The annotations end within the payload: what is left of it is no call.
        let claim: &[u8] = if total_wide { &[0, 0, 0, 25] } else { &[0, 25] };
        let mut longer = good.clone();
        longer.extend_from_slice(&long);
        let told = hung_up(&served, version, &patched(longer, version, total_at, claim)).await;
        assert!(told.len() == 1 && told[0].contains("Error"), "{told:?}");
        // The largest that fits is read.
        let most = 65535 - if wide { 8 } else { 6 };
        let big = [("BIGG".into(), Bytes::from(vec![7; most]))];
        let call = support::call_payload(version, Serializer::Serpent, "thing", "echo", Value::Tuple(vec![1.into()]));
        let mut raw = Raw::hello(&served.address, version, Serializer::Serpent).await;
        raw.send(&framed(&Head { annotations: &big, ..head }, &call)).await;
        assert_eq!(value(&raw.next().await.unwrap()).as_i64(), Some(1));
    }
    served.serves_others().await;
}

// A message of nothing but empty annotations would take many times its size when taken apart.
#[tokio::test]
async fn too_many_annotations() {
    let served = Served::new().await;
    for version in VERSIONS {
        let many: Vec<_> = (0..6000).map(|_| annotation("ABCD", b"")).collect();
        let head = Head {
            version,
            kind: MessageKind::Invoke,
            serializer: 1,
            flags: Flags(0),
            seq: 1,
            annotations: &many,
            correlation_id: None,
            compress: false,
            key: None,
        };
        let call = support::call_payload(version, Serializer::Serpent, "thing", "echo", Value::Tuple(vec![1.into()]));
        let told = hung_up(&served, version, &framed(&head, &call)).await;
        assert!(told.len() == 1 && told[0].contains("more annotations than"), "{told:?}");
        let mut raw = Raw::hello(&served.address, version, Serializer::Serpent).await;
        raw.send(&framed(&Head { annotations: &many[..1000], ..head }, &call)).await;
        assert_eq!(value(&raw.next().await.unwrap()).as_i64(), Some(1));
    }
    served.serves_others().await;
}

#[tokio::test]
async fn pings_batches_and_odd_flags() {
    let served = Served::new().await;
    for version in VERSIONS {
        let mut raw = Raw::hello(&served.address, version, Serializer::Serpent).await;
        for seq in [0, 7, 65535] {
            raw.send(&frame(version, MessageKind::Ping, 42, 0, seq, b"ping")).await;
            let pong = raw.next().await.unwrap();
            assert_eq!((pong.header.kind, pong.header.seq, pong.header.serializer), (MessageKind::Ping, seq, 42));
            assert_eq!(&pong.payload[..], b"pong");
        }
        // All flags at once that a client has no business with: the call is a call.
        let flags = Flags::EXCEPTION | Flags::ITEM_STREAM | Flags::META;
        raw.send(&invoke(version, Serializer::Serpent, flags, 1, "echo", vec![5.into()])).await;
        assert_eq!(value(&raw.next().await.unwrap()).as_i64(), Some(5));
        // A batch of nothing, and batches that are none.
        let batch = |calls: Value| {
            let bytes = support::call_payload(version, Serializer::Serpent, "thing", "<batch>", calls);
            frame(version, MessageKind::Invoke, 1, Flags::BATCH, 2, &bytes)
        };
        raw.send(&batch(Value::List(vec![]))).await;
        assert_eq!(value(&raw.next().await.unwrap()).as_items().map(<[_]>::len), Some(0));
        for bad in [
            Value::List(vec![1.into()]),
            Value::List(vec![Value::Tuple(vec!["echo".into()])]),
            Value::List(vec![Value::Tuple(vec![1.into(), Value::Tuple(vec![]), Value::Map(vec![])])]),
        ] {
            let told = hung_up(&served, version, &batch(bad)).await;
            assert!(told.len() == 1 && told[0].contains("batch"), "{told:?}");
        }
        // Private names are private in a batch too.
        let call = |name: &str| Value::Tuple(vec![name.into(), Value::Tuple(vec![1.into()]), Value::Map(vec![])]);
        raw.send(&batch(Value::List(vec![call("echo"), call("_private"), call("echo")]))).await;
        let results = value(&raw.next().await.unwrap());
        assert_eq!(results.as_items().map(<[_]>::len), Some(2), "{results:?}");
        assert!(springline_pyro::fault::unwrap(results.get(1).unwrap()).unwrap().is("AttributeError"));
        raw.works(3).await;
    }
    served.serves_others().await;
}

#[tokio::test]
async fn pipelined_by_the_thousand() {
    let served = Served::new().await;
    for (version, serializer) in [(Version::V48, Serializer::Serpent), (Version::V502, Serializer::Msgpack)] {
        let mut raw = Raw::hello(&served.address, version, serializer).await;
        let all: Vec<u8> =
            (0..5000u16).flat_map(|n| invoke(version, serializer, 0, n, "echo", vec![i64::from(n).into()])).collect();
        let (mut reader, mut writer) = raw.stream.into_split();
        let writing = tokio::spawn(async move {
            writer.write_all(&all).await.unwrap();
            writer
        });
        let mut seen = bytes::BytesMut::new();
        for n in 0..5000u16 {
            let message = loop {
                if let Some(header) = springline_pyro::wire::parse_header(&seen).unwrap()
                    && seen.len() >= header.message_len()
                {
                    let len = header.message_len();
                    break support::Message::open(header, seen.split_to(len).freeze());
                }
                let read = tokio::io::AsyncReadExt::read_buf(&mut reader, &mut seen);
                assert!(support::soon("replies", read).await.unwrap() > 0);
            };
            assert_eq!((message.header.seq, value(&message).as_i64()), (n, Some(n.into())));
        }
        let writer = support::soon("writing", writing).await.unwrap();
        raw = Raw::hello(&served.address, version, serializer).await;
        drop((reader, writer));
        raw.works(1).await;
    }
}

// Python's own peers take a call that comes in one piece with the handshake (recorded: probe-headerless-serpent).
#[tokio::test]
async fn a_call_in_one_piece_with_the_handshake() {
    let served = Served::new().await;
    for version in VERSIONS {
        let mut raw = Raw::open(&served.address, version, Serializer::Serpent).await;
        let call = invoke(version, Serializer::Serpent, 0, 1, "echo", vec![5.into()]);
        raw.send(&[connect(version, Serializer::Serpent, "thing"), call.clone(), call[..20].to_vec()].concat()).await;
        assert_eq!(raw.next().await.unwrap().header.kind, MessageKind::ConnectOk);
        assert_eq!(value(&raw.next().await.unwrap()).as_i64(), Some(5));
        raw.send(&call[20..]).await;
        assert_eq!(value(&raw.next().await.unwrap()).as_i64(), Some(5));
    }
}

#[tokio::test]
async fn half_closed_sockets() {
    let served = Served::new().await;
    let version = Version::V502;
    // The client says that it sends no more; what it asked is answered.
    let mut raw = Raw::hello(&served.address, version, Serializer::Serpent).await;
    raw.send(&invoke(version, Serializer::Serpent, 0, 1, "slow", vec![0.2.into()])).await;
    raw.send(&invoke(version, Serializer::Serpent, 0, 2, "echo", vec![5.into()])).await;
    raw.stream.shutdown().await.unwrap();
    let answers = raw.closed().await;
    assert_eq!(answers.iter().map(|a| a.header.seq).collect::<Vec<_>>(), [1, 2]);
    // Before the handshake, within it, within a call.
    for bytes in [&b""[..], b"PY", &connect(version, Serializer::Serpent, "thing")[..50]] {
        let mut raw = Raw::open(&served.address, version, Serializer::Serpent).await;
        raw.send(bytes).await;
        raw.stream.shutdown().await.unwrap();
        assert!(raw.closed().await.is_empty());
    }
    served.until_connected(0).await;
    served.serves_others().await;
}

// Invalid ids for objects are refused where they are made.
#[tokio::test]
async fn object_ids() {
    let daemon = Daemon::bind("127.0.0.1:0").await.unwrap();
    for id in ["", "a b", "a@b", "Pyro.Daemon", "tab\t", "line\n", "\u{A0}"] {
        let e = daemon.register(id, std::sync::Arc::new(support::Thing::default())).unwrap_err();
        assert_eq!(e.kind(), springline_core::ErrorKind::Name, "{id:?}");
    }
    daemon.register("thing", std::sync::Arc::new(support::Thing::default())).unwrap();
    assert!(daemon.register("thing", std::sync::Arc::new(support::Thing::default())).is_err());
}

// A thousand clients that come and go without a word, and some that reset.
#[tokio::test]
async fn clients_that_come_and_go() {
    let served = Served::new().await;
    for n in 0..1000 {
        let stream = TcpStream::connect(&served.address).await.unwrap();
        if n % 3 == 0 {
            stream.set_zero_linger().unwrap();
        }
        if n % 100 == 0 {
            served.serves_others().await;
        }
    }
    served.until_connected(0).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    served.serves_others().await;
}
