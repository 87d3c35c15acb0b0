//! Pyro 3 by recorded conversations and by hostile ones.

#[path = "differential/json_support.rs"]
mod json;
#[path = "support/pyro3_raw.rs"]
mod raw;

use std::time::Duration;

use json::unhex;
use raw::{Echo, PATIENCE, call_of, daemon, framed, raw, read_frame, send, value};
use springline_core::{Budget, Bytes, ErrorKind, FnService, Limits, Output, Payload, Value};
use springline_pyro::codec::pickle;
use springline_pyro::pyro3::wire::{HEADER, Style, parse_header, write_frame};
use springline_pyro::pyro3::{DAEMON_GUID, Daemon, Ident, Proxy, fault, read_call, write_call};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

struct Message {
    case: String,
    from_client: bool,
    bytes: Bytes,
}

/// Every message of the recordings that are Pyro 3's own protocol over TCP.
fn recorded() -> Vec<Message> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/pyro/pyro3-3.16");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all = Vec::new();
    for path in files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "json")) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if matches!(&*name, "tls-outer" | "broadcast") {
            continue;
        }
        let case: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for (i, message) in case["messages"].as_array().unwrap().iter().enumerate() {
            // What probes send is wrong on purpose.
            if name.starts_with("probe") && message["dir"] == "c2s" {
                continue;
            }
            all.push(Message {
                case: format!("{name} {i}"),
                from_client: message["dir"] == "c2s",
                bytes: unhex(message["hex"].as_str().unwrap()).into(),
            });
        }
    }
    all
}

#[test]
fn recorded_messages_are_read() {
    let (mut calls, mut oneway, mut results, mut exceptions, mut remotes) = (0, 0, 0, 0, 0);
    let limits = Limits::new();
    for Message { case, from_client, bytes } in recorded() {
        if bytes.starts_with(b"GRANTED") || bytes.starts_with(b"DENIED") || !bytes.starts_with(b"PYRO") {
            continue;
        }
        for end in 0..HEADER {
            assert_eq!(parse_header(&bytes[..end]).unwrap(), None, "{case}");
        }
        let header = parse_header(&bytes).unwrap().unwrap();
        assert_eq!(header.frame_len(), bytes.len(), "{case}");
        let body = header.open(bytes.clone(), &limits).unwrap_or_else(|e| panic!("{case}: {e}"));
        if body.len() == 16 || body.starts_with(b"CONNECT") {
            continue;
        }
        if from_client {
            let parts = read_call(&body, Budget::default()).unwrap_or_else(|e| panic!("{case}: {e}"));
            calls += 1;
            oneway += usize::from(parts.oneway);
            let args = parts.args.clone().payload(&body, Budget::default()).into_value().unwrap();
            assert!(args.as_items().is_some(), "{case}");
            if let Some(kwargs) = parts.kwargs.clone() {
                let kwargs = kwargs.payload(&body, Budget::default()).into_value().unwrap();
                assert!(kwargs.as_pairs().is_some_and(|pairs| !pairs.is_empty()), "{case}");
            }
            // Cut anywhere, it is no call.
            for end in 0..body.len() {
                assert!(read_call(&body.slice(..end), Budget::default()).is_err(), "{case}");
            }
        } else {
            let value = Value::read(&mut pickle::Decoder::new(&body, 0, Budget::default()))
                .unwrap_or_else(|e| panic!("{case}: {e}"));
            results += 1;
            remotes += usize::from(matches!(value, Value::Remote(_)));
            if let Some(exception) = fault::from_value(&value) {
                exceptions += 1;
                assert!(!exception.class.is_empty() && !exception.message.is_empty(), "{case}: {exception:?}");
            }
        }
    }
    let counts = (calls, oneway, results, exceptions, remotes);
    assert!(calls > 60 && oneway > 0 && results > 50 && exceptions > 4 && remotes > 3, "{counts:?}");
}

#[test]
fn a_call_is_written_as_it_is_read() {
    let budget = Budget::default();
    let args = Payload::from(Value::Tuple(vec!["a".into(), Value::I64(1)]));
    let kwargs = Payload::from(Value::Map(vec![("k".into(), Value::Null)]));
    let mut out = Output::new();
    write_call(&mut out, false, "guid", "method", true, &args, Some(&kwargs)).unwrap();
    let body = Bytes::from(out.to_vec());
    let parts = read_call(&body, budget).unwrap();
    assert_eq!((&*parts.object, &*parts.method, parts.oneway), ("guid", "method", true));
    assert_eq!(parts.args.payload(&body, budget).into_value().unwrap(), args.into_value().unwrap());
    assert_eq!(parts.kwargs.unwrap().payload(&body, budget).into_value().unwrap(), kwargs.into_value().unwrap());
    // Flags that Pyro's own proxies do not send in this shape: plain arguments before those to be spliced.
    let odd = Bytes::from_static(b"(U\x01oU\x01mK\x03(K\x01(K\x02K\x03t}U\x01kK\x04stt.");
    let parts = read_call(&odd, budget).unwrap();
    let spliced = Value::Tuple(vec![Value::I64(1), Value::I64(2), Value::I64(3)]);
    assert_eq!(parts.args.payload(&odd, budget).into_value().unwrap(), spliced);
    assert!(parts.kwargs.is_some());
    for bad in [
        b"K\x01.".as_slice(),
        b"(U\x01oU\x01mK\x03K\x05t.",
        b"(U\x01oU\x01mK\x03(K\x01K\x02tt.",
        b"(U\x01oU\x01mK\x03)t.",
        b"(U\x01oU\x01mK\x01)t.",
        b"(K\x01U\x01mK\x00)t.",
        b"(U\x01oU\x01mN)t.",
    ] {
        assert!(read_call(&Bytes::copy_from_slice(bad), budget).is_err(), "{bad:?}");
    }
}

#[test]
fn frames_are_checked_packed_and_bounded() {
    let limits = Limits::new();
    let body = vec![b'a'; 5000];
    for version in [4, 5] {
        for (compress, checksum) in [(false, false), (false, true), (true, false), (true, true)] {
            let style = Style { version, compress, checksum };
            let mut out = Output::new();
            out.buf.extend_from_slice(b"before");
            write_frame(&mut out, style, &limits, |out| {
                out.buf.extend_from_slice(&body);
                Ok(())
            })
            .unwrap();
            let frame = Bytes::from(out.to_vec()).slice(6..);
            assert_eq!(frame.len() < 1000, compress);
            let header = parse_header(&frame).unwrap().unwrap();
            assert_eq!((header.version, header.frame_len()), (version, frame.len()));
            assert_eq!(header.open(frame.clone(), &limits).unwrap(), body);
            if checksum {
                let mut wrong = frame.to_vec();
                *wrong.last_mut().unwrap() ^= 1;
                let e = header.open(wrong.into(), &limits).unwrap_err();
                assert!(e.to_string().contains("checksum"), "{e}");
            }
            if compress {
                let few = {
                    let mut few = Limits::new();
                    few.decompressed_size = 100;
                    few
                };
                assert_eq!(header.open(frame, &few).unwrap_err().kind(), ErrorKind::Limit);
            }
        }
    }
    let small = {
        let mut small = Limits::new();
        small.message_size = 100;
        small
    };
    let mut out = Output::new();
    let e = write_frame(&mut out, Style::default(), &small, |out| {
        out.buf.extend_from_slice(&body);
        Ok(())
    });
    assert_eq!((e.unwrap_err().kind(), out.len()), (ErrorKind::Limit, 0));
    let header = |text: &[u8]| parse_header(text).unwrap_err().to_string();
    assert!(header(b"HTTP").contains("Pyro 3"));
    assert!(header(b"PYRO\x00\x30\x00\x12\0\0\0\0\0\0\0\0\0\0").contains("version"));
    assert!(header(b"PYRO\x00\x05\x00\x13\0\0\0\0\0\0\0\0\0\0").contains("18 bytes"));
    assert!(header(b"PYRO\x00\x05\x00\x12\xff\0\0\0\0\0\0\0\0\0").contains("negative"));
}

#[tokio::test]
async fn a_panic_or_a_bad_call_costs_no_other_call() {
    let (_daemon, address) = daemon(Limits::new()).await;
    let mut stream = raw(&address).await;
    send(&mut stream, &call_of(DAEMON_GUID, "ResolvePYROLOC", &["thing".into()])).await;
    let guid = value(&mut stream).await;
    let guid = guid.as_str().unwrap();
    send(&mut stream, &call_of(guid, "panic", &[])).await;
    let exception = fault::from_value(&value(&mut stream).await).unwrap();
    assert!(exception.is("RuntimeError") && !exception.message.contains("asked"), "{exception:?}");
    for name in ["__init__", "_private", "__class__"] {
        send(&mut stream, &call_of(guid, name, &[])).await;
        let exception = fault::from_value(&value(&mut stream).await).unwrap();
        assert!(exception.is("AttributeError"), "{exception:?}");
    }
    // Many at once, and a byte at a time.
    let one = call_of(guid, "echo", &[Value::I64(7)]);
    for _ in 0..50 {
        send(&mut stream, &one).await;
    }
    for _ in 0..50 {
        assert_eq!(value(&mut stream).await, Value::I64(7));
    }
    let mut out = Output::new();
    write_frame(&mut out, Style::default(), &Limits::new(), |out| {
        out.buf.extend_from_slice(&one);
        Ok(())
    })
    .unwrap();
    for byte in out.to_vec() {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(value(&mut stream).await, Value::I64(7));
    send(&mut stream, &call_of(DAEMON_GUID, "getRegistered", &[])).await;
    let all = value(&mut stream).await;
    assert!(all.field(guid).and_then(Value::as_str) == Some("thing") && all.field(DAEMON_GUID).is_some(), "{all:?}");
    // An object that is not there ends the connection, with a word.
    send(&mut stream, &call_of("nosuch", "echo", &[])).await;
    let exception = fault::from_value(&value(&mut stream).await).unwrap();
    assert_eq!((&*exception.class, &*exception.message), ("Pyro.errors.ProtocolError", "unknown object ID"));
    assert_eq!(read_frame(&mut stream).await, None);
}

// What a connection remembers of its last call must not outlive the object, nor a panic.
#[tokio::test]
async fn the_object_of_the_last_call_is_looked_up_anew_when_it_changes() {
    let (daemon, address) = daemon(Limits::new()).await;
    let mut stream = raw(&address).await;
    let uri = daemon.uri("thing");
    let guid = &uri.object;
    let echo = call_of(guid, "echo", &[Value::I64(7)]);
    for _ in 0..3 {
        send(&mut stream, &echo).await;
        assert_eq!(value(&mut stream).await, Value::I64(7));
        // Both a method of every object and a private one are no method of this.
        send(&mut stream, &call_of(guid, "GUID", &[])).await;
        assert_eq!(value(&mut stream).await, Value::from(guid.as_str()));
        send(&mut stream, &call_of(guid, "panic", &[])).await;
        let exception = fault::from_value(&value(&mut stream).await).unwrap();
        assert!(exception.is("RuntimeError") && !exception.message.contains("asked"), "{exception:?}");
        send(&mut stream, &call_of(guid, "_echo", &[])).await;
        assert!(fault::from_value(&value(&mut stream).await).unwrap().is("AttributeError"));
    }
    daemon.unregister("thing");
    daemon.register("thing", FnService::new("Eight").method("echo", ["x"], |(_,): (i64,)| async { Ok(8) })).unwrap();
    send(&mut stream, &echo).await;
    assert_eq!(value(&mut stream).await, Value::I64(8));
    daemon.unregister("thing");
    send(&mut stream, &echo).await;
    assert!(fault::from_value(&value(&mut stream).await).unwrap().is("ProtocolError"));
    assert_eq!(read_frame(&mut stream).await, None);
}

#[tokio::test]
async fn hostile_clients_are_told_and_left() {
    let mut limits = Limits::new();
    limits.message_size = 100_000;
    limits.nodes = 1000;
    limits.depth = 20;
    let (_daemon, address) = daemon(limits).await;
    let refused = async |bytes: &[u8]| {
        let mut stream = raw(&address).await;
        stream.write_all(bytes).await.unwrap();
        let said = read_frame(&mut stream).await;
        let value = Value::read(&mut pickle::Decoder::new(&said.expect("a reason"), 0, Budget::default())).unwrap();
        let exception = fault::from_value(&value).unwrap();
        assert!(exception.is("ProtocolError"), "{exception:?}");
        assert_eq!(read_frame(&mut stream).await, None);
        exception.message
    };
    assert!(refused(b"PYRO\x00\x05\x00\x12\x7f\xff\xff\xff\0\0\0\0\0\0").await.contains("message_size"));
    assert!(refused(b"GET / HTTP/1.0\r\n\r\n").await.contains("something else"));
    assert!(refused(b"PYRO\x00\x30\x00\x12\0\0\0\0\0\0\0\0\0\0").await.contains("version"));
    assert!(refused(&framed(b"garbage")).await.contains("GET: the line does not end"));
    assert!(refused(&framed(&b"]".repeat(5000))).await.contains("nodes = 1000"));
    let deep = [b"(U\x01oU\x01mK\x00".as_slice(), b")", &b"\x85".repeat(100), b"t."].concat();
    assert!(refused(&framed(&deep)).await.contains("depth = 20"));
    assert!(refused(&framed(b"K\x01.")).await.contains("expected a call"));
    // Before the handshake is over there is nothing to be had.
    let mut stream = TcpStream::connect(&address).await.unwrap();
    read_frame(&mut stream).await.unwrap();
    send(&mut stream, &call_of(DAEMON_GUID, "getRegistered", &[])).await;
    assert_eq!(read_frame(&mut stream).await, None);
    // And the daemon still serves.
    let proxy = Proxy::new(&format!("PYROLOC://{address}/thing")).unwrap();
    assert_eq!(proxy.call::<String>("echo", ("x",)).await.unwrap(), "x");
}

#[tokio::test]
async fn slow_and_superfluous_clients_are_sent_away() {
    let mut limits = Limits::new();
    limits.connections = 1;
    let builder = Daemon::builder().limits(limits);
    let builder = builder.handshake_timeout(Duration::from_millis(200)).transfer_timeout(Duration::from_millis(200));
    let daemon = builder.bind("127.0.0.1:0").await.unwrap();
    daemon.register("thing", Echo).unwrap();
    let address = daemon.address().to_string();
    // Says nothing.
    let mut silent = TcpStream::connect(&address).await.unwrap();
    assert!(read_frame(&mut silent).await.is_some());
    assert_eq!(read_frame(&mut silent).await, None);
    drop(silent);
    // Stops in the middle of a request.
    let mut halfway = loop {
        // The one before may still be counted.
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let mut start = [0; 4];
        stream.read_exact(&mut start).await.unwrap();
        if &start == b"PYRO" {
            break stream;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let mut rest = [0; HEADER - 4 + 16];
    halfway.read_exact(&mut rest).await.unwrap();
    send(&mut halfway, &[b"CONNECT".as_slice(), &Ident::none().token(&rest[HEADER - 4..])].concat()).await;
    let mut word = [0; 7];
    halfway.read_exact(&mut word).await.unwrap();
    // There is no room for another, which is told so.
    let proxy = Proxy::new(&format!("PYROLOC://{address}/thing")).unwrap();
    let e = proxy.call::<Value>("echo", ()).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Unavailable, springline_core::Reached::NotSent));
    assert!(e.to_string().contains("as many connections"), "{e}");
    halfway.write_all(b"PYRO\x00\x05").await.unwrap();
    assert_eq!(read_frame(&mut halfway).await, None);
}

#[tokio::test]
async fn a_request_may_not_come_byte_by_byte_for_ever() {
    let builder = Daemon::builder().transfer_timeout(Duration::from_millis(300));
    let daemon = builder.bind("127.0.0.1:0").await.unwrap();
    let (mut read, mut write) = raw(&daemon.address().to_string()).await.into_split();
    let trickle = async {
        // A frame of 10,000 bytes.
        let mut wrote = write.write_all(b"PYRO\x00\x05\x00\x12\x00\x00\x27\x10\0\0\0\0\0\0").await;
        while wrote.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
            wrote = write.write_all(b"x").await;
        }
        std::future::pending::<()>().await;
    };
    let mut all = Vec::new();
    tokio::select! {
        ended = tokio::time::timeout(PATIENCE, read.read_to_end(&mut all)) => { ended.expect("the daemon ends it").ok(); }
        () = trickle => {}
    }
    assert!(all.is_empty());
}

#[tokio::test]
async fn an_idle_connection_stays() {
    let daemon = Daemon::builder().transfer_timeout(Duration::from_millis(100)).bind("127.0.0.1:0").await.unwrap();
    daemon.register("thing", Echo).unwrap();
    let mut stream = raw(&daemon.address().to_string()).await;
    for _ in 0..3 {
        send(&mut stream, &call_of(DAEMON_GUID, "ResolvePYROLOC", &["thing".into()])).await;
        assert!(value(&mut stream).await.as_str().is_some());
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    assert_eq!(daemon.shutdown(PATIENCE).await, 0);
    assert_eq!(read_frame(&mut stream).await, None);
}

#[tokio::test]
async fn hostile_daemons_are_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("PYROLOC://{}/thing", listener.local_addr().unwrap());
    let mut limits = Limits::new();
    limits.message_size = 10_000;
    for (says, kind, part) in [
        (b"DENIED0".to_vec(), ErrorKind::Denied, "no reason"),
        (b"DENIED1".to_vec(), ErrorKind::Unavailable, "as many connections"),
        (b"DENIED2".to_vec(), ErrorKind::Denied, "this host"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), ErrorKind::Protocol, "something else"),
        (b"PYRO\x01\xf6\x00\x12\0\0\0\0\0\0\0\0\0\0".to_vec(), ErrorKind::Protocol, "version"),
        (b"PYRO\x00\x05\x00\x12\x7f\0\0\0\0\0\0\0\0\0".to_vec(), ErrorKind::Limit, "message_size"),
        (b"PYR".to_vec(), ErrorKind::Closed, "closed the connection"),
        (b"GRANTED".to_vec(), ErrorKind::Protocol, "challenge"),
    ] {
        let proxy = Proxy::builder(&uri).unwrap().limits(limits).build().unwrap();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(&says).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        };
        let (e, ()) = tokio::join!(proxy.call::<Value>("f", ()), serve);
        let e = e.unwrap_err();
        assert_eq!((e.kind(), e.reached()), (kind, springline_core::Reached::NotSent), "{e}");
        assert!(e.to_string().contains(part), "{e}");
    }
}
