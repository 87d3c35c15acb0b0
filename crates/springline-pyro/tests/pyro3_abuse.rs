//! Hostile clients and daemons of Pyro 3: what Pyro 4's and 5's have to take, in its own wire.

#[path = "support/pyro3_raw.rs"]
mod raw;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::write::ZlibEncoder;
use raw::{Echo, PATIENCE, call_of, daemon, framed, raw, read_frame, send, value};
use springline_core::service::{BoxFuture, Call, Reply, Service};
use springline_core::{Error, ErrorKind, Exception, FnService, Limits, Reached, RemoteRef, Result, Value};
use springline_pyro::codec::pickle;
use springline_pyro::pyro3::{DAEMON_GUID, Daemon, Ident, Proxy, fault};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what}: nothing happened within {PATIENCE:?}"))
}

fn proxy(daemon: &Daemon) -> Proxy {
    Proxy::new(&format!("PYROLOC://{}/thing", daemon.address())).unwrap()
}

async fn still_serves(daemon: &Daemon) {
    assert_eq!(soon("an echo", proxy(daemon).call::<String>("echo", ("x",))).await.unwrap(), "x");
}

async fn guid_of(stream: &mut TcpStream) -> String {
    send(stream, &call_of(DAEMON_GUID, "ResolvePYROLOC", &["thing".into()])).await;
    value(stream).await.as_str().unwrap().to_owned()
}

/// A header that claims a length.
fn claim(length: u32, flags: u16) -> Vec<u8> {
    [&b"PYRO\x00\x05\x00\x12"[..], &length.to_be_bytes(), &flags.to_be_bytes(), &[0; 4]].concat()
}

/// Memory that this process holds, in bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}

#[tokio::test]
async fn claimed_lengths_take_no_memory() {
    let (daemon, address) = daemon(Limits::new()).await;
    let before = resident();
    let mut open = Vec::new();
    for i in 0..50_u32 {
        let mut stream = raw(&address).await;
        stream.write_all(&claim(200 << 20, 0)).await.unwrap();
        stream.write_all(&vec![0; 1000 * (i as usize + 1)]).await.unwrap();
        open.push(stream);
    }
    still_serves(&daemon).await;
    let grown = resident().saturating_sub(before);
    assert!(grown < 100 << 20, "{grown} bytes for 50 claims of 200 MiB");
}

#[tokio::test]
async fn what_unpacks_to_too_much() {
    let mut limits = Limits::new();
    limits.decompressed_size = 1 << 20;
    let (daemon, address) = daemon(limits).await;
    let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, &vec![0; 100 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    for body in [bomb, b"no zlib".to_vec()] {
        let mut stream = raw(&address).await;
        stream.write_all(&[claim(body.len() as u32, 1), body].concat()).await.unwrap();
        let exception = fault::from_value(&value(&mut stream).await).unwrap();
        assert!(exception.is("ProtocolError"), "{exception:?}");
        assert_eq!(read_frame(&mut stream).await, None);
    }
    still_serves(&daemon).await;
}

// A list that contains the one before it twice, and so on.
#[tokio::test]
async fn references_that_multiply() {
    let mut limits = Limits::new();
    limits.nodes = 100_000;
    let (daemon, address) = daemon(limits).await;
    let mut stream = raw(&address).await;
    let guid = guid_of(&mut stream).await;
    let mut laughs = b"K\x01q\x000".to_vec();
    for i in 0..60_u8 {
        laughs.extend([b']', b'(', b'h', i, b'h', i, b'e', b'q', i + 1, b'0']);
    }
    laughs.extend([b'h', 60]);
    let head = [b"(U", &[guid.len() as u8][..], guid.as_bytes(), b"U\x04echoK\x03("].concat();
    send(&mut stream, &[&head[..], b"(", &laughs, b"t}tt."].concat()).await;
    // It is kept as it is, and comes back so.
    let before = resident();
    let body = read_frame(&mut stream).await.expect("an answer");
    assert!(body.len() < 10_000 && resident() < before + (100 << 20), "{} bytes", body.len());
    // Written out it would have no end.
    let flat = Value::read_tree(&mut pickle::Decoder::new(&body, 0, Limits::new().budget()));
    assert_eq!(flat.unwrap_err().kind(), ErrorKind::Limit);
    still_serves(&daemon).await;
}

#[tokio::test]
async fn beginnings_of_a_conversation() {
    let (daemon, address) = daemon(Limits::new()).await;
    let whole = {
        let token = Ident::none().token(&[7; 16]);
        [framed(&[&b"CONNECT"[..], &token].concat()), framed(&call_of(DAEMON_GUID, "getRegistered", &[]))].concat()
    };
    for end in 0..whole.len() {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(&whole[..end]).await.unwrap();
    }
    still_serves(&daemon).await;
    // All of it in one piece, before the challenge was read.
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.write_all(&whole).await.unwrap();
    read_frame(&mut stream).await.expect("a challenge");
    let mut word = [0; 7];
    stream.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"GRANTED");
    assert!(value(&mut stream).await.field(DAEMON_GUID).is_some());
    drop(stream);
    // And a client that has nothing more to say gets its answer.
    let mut stream = raw(&address).await;
    send(&mut stream, &call_of(DAEMON_GUID, "getRegistered", &[])).await;
    stream.shutdown().await.unwrap();
    assert!(value(&mut stream).await.field(DAEMON_GUID).is_some());
    assert_eq!(read_frame(&mut stream).await, None);
    drop(stream);
    still_serves(&daemon).await;
    let gone = async {
        while daemon.connections() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon("all connections end", gone).await;
}

#[tokio::test]
async fn calls_that_were_changed_on_the_way() {
    let (daemon, address) = daemon(Limits::new()).await;
    let mut rng = fastrand::Rng::with_seed(3);
    let mut stream = raw(&address).await;
    let guid = guid_of(&mut stream).await;
    let args = [Value::List(vec![1.into(), Value::Map(vec![("k".into(), Value::F64(0.5))]), Value::Null])];
    let good = framed(&call_of(&guid, "echo", &args));
    for round in 0..3000 {
        let mut bad = good.clone();
        for _ in 0..rng.usize(1..4) {
            let at = rng.usize(18..bad.len());
            bad[at] = rng.u8(..);
        }
        stream.write_all(&bad).await.unwrap();
        // A call that never ends would be asked for the rest of it: none is longer than its header says. One that became
        // oneway has no answer: the next call's is what comes.
        send(&mut stream, &call_of(DAEMON_GUID, "ResolvePYROLOC", &["thing".into()])).await;
        let mut answers = 0;
        loop {
            match soon(&format!("round {round}"), read_frame(&mut stream)).await {
                None => {
                    stream = raw(&address).await;
                    break;
                }
                Some(body) => {
                    answers += 1;
                    if body.windows(guid.len()).any(|part| part == guid.as_bytes()) {
                        break;
                    }
                    assert!(answers < 2, "round {round}");
                }
            }
        }
    }
    still_serves(&daemon).await;
}

/// Whose calls wait at a gate.
struct Gated(Arc<Semaphore>, Arc<AtomicUsize>);

impl Service for Gated {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            if call.method == "wait" {
                self.1.fetch_add(1, Ordering::SeqCst);
                self.0.acquire().await.expect("it stays open").forget();
                self.1.fetch_sub(1, Ordering::SeqCst);
            }
            Ok(Reply::from(Value::from("done")))
        })
    }
}

async fn gated() -> (Daemon, Arc<Semaphore>, Arc<AtomicUsize>) {
    let (gate, inside) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let daemon = Daemon::bind("127.0.0.1:0").await.unwrap();
    daemon.register("thing", Gated(gate.clone(), inside.clone())).unwrap();
    (daemon, gate, inside)
}

async fn until(inside: &AtomicUsize, n: usize) {
    let waiting = async {
        while inside.load(Ordering::SeqCst) < n {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the calls begin", waiting).await;
}

#[tokio::test]
async fn a_flood_of_oneway_calls_is_bounded() {
    let (daemon, gate, inside) = gated().await;
    let p = proxy(&daemon);
    p.ping().await.unwrap();
    let flood = tokio::spawn(async move {
        for _ in 0..3000 {
            p.request("wait").oneway().send::<()>().await.unwrap();
        }
        p.call::<String>("other", ()).await.unwrap()
    });
    until(&inside, 1024).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(inside.load(Ordering::SeqCst), 1024);
    gate.add_permits(3000);
    assert_eq!(soon("the flood ends", flood).await.unwrap(), "done");
    assert_eq!(daemon.shutdown(PATIENCE).await, 0);
    assert_eq!(inside.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_shutdown_lets_calls_finish_and_cuts_what_takes_too_long() {
    let (daemon, gate, inside) = gated().await;
    let (p, idle) = (proxy(&daemon), raw(&daemon.address().to_string()).await);
    let call = tokio::spawn(async move { p.call::<String>("wait", ()).await });
    until(&inside, 1).await;
    let opened = gate.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        opened.add_permits(1);
    });
    assert_eq!(daemon.shutdown(PATIENCE).await, 0);
    assert_eq!(soon("the answer", call).await.unwrap().unwrap(), "done");
    drop(idle);

    for dropped in [false, true] {
        let (daemon, _gate, inside) = gated().await;
        let p = proxy(&daemon);
        let call = tokio::spawn(async move { p.call::<String>("wait", ()).await });
        until(&inside, 1).await;
        if dropped {
            drop(daemon);
        } else {
            assert_eq!(daemon.shutdown(Duration::from_millis(50)).await, 1);
        }
        let e = soon("the end", call).await.unwrap().unwrap_err();
        assert_eq!((e.kind(), e.reached()), (ErrorKind::Closed, Reached::MaybeExecuted));
    }
}

#[tokio::test]
async fn clients_that_stop_reading_are_left() {
    let daemon = Daemon::builder().transfer_timeout(Duration::from_millis(300)).bind("127.0.0.1:0").await.unwrap();
    daemon.register("thing", Echo).unwrap();
    let mut stream = raw(&daemon.address().to_string()).await;
    let guid = guid_of(&mut stream).await;
    let large = framed(&call_of(&guid, "echo", &[Value::Bytes(vec![7; 1 << 20].into())]));
    let sending = async {
        while stream.write_all(&large).await.is_ok() {}
        std::future::pending::<()>().await;
    };
    let left = async {
        while daemon.connections() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = sending => {}
        () = soon("the daemon hangs up", left) => {}
    }
    still_serves(&daemon).await;
}

#[tokio::test]
async fn answers_that_cannot_be_written() {
    let daemon = Daemon::bind("127.0.0.1:0").await.unwrap();
    let foreign = || Value::from(RemoteRef::uri("PYRO:x@h:1"));
    let exception = move || Error::remote(Exception::new("ValueError", "bad").with_attribute("x", foreign()));
    let odd = FnService::new("odd")
        .method("reference", [], move |()| std::future::ready(Ok(foreign())))
        .method("exception", [], move |()| std::future::ready(Err::<Value, _>(exception())))
        .method("fine", [], |()| std::future::ready(Ok(Value::from("fine"))));
    daemon.register("thing", odd).unwrap();
    let p = proxy(&daemon);
    for method in ["reference", "exception"] {
        let e = p.call::<Value>(method, ()).await.unwrap_err();
        assert!(e.exception().is_some(), "{e:?}");
        assert_eq!(p.call::<String>("fine", ()).await.unwrap(), "fine");
    }
}

/// A daemon that lets a client in and gives it these bytes for its first call; the rest of the time it is silent.
async fn answers_with(bytes: Vec<u8>, step: usize) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("PYRO://{}/guid", listener.local_addr().unwrap());
    let serve = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let bytes = bytes.clone();
            tokio::spawn(async move {
                stream.write_all(&framed(&[1; 16])).await?;
                read_frame(&mut stream).await;
                stream.write_all(b"GRANTED").await?;
                read_frame(&mut stream).await;
                for part in bytes.chunks(step.max(1)) {
                    stream.write_all(part).await?;
                    tokio::task::yield_now().await;
                }
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await
            });
        }
    });
    (uri, serve)
}

#[tokio::test]
async fn answers_that_are_none() {
    let mut limits = Limits::new();
    limits.message_size = 100_000;
    limits.decompressed_size = 100_000;
    limits.nodes = 1000;
    limits.depth = 50;
    let packed = {
        let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, &vec![0; 10 << 20]).unwrap();
        encoder.finish().unwrap()
    };
    for (bytes, kind, part) in [
        (b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), ErrorKind::Protocol, "something else"),
        (claim(1 << 30, 0), ErrorKind::Limit, "message_size"),
        (claim(u32::MAX, 0), ErrorKind::Protocol, "negative"),
        ([claim(3, 2), b"abc".to_vec()].concat(), ErrorKind::Protocol, "checksum"),
        ([claim(3, 4), b"abc".to_vec()].concat(), ErrorKind::Protocol, "XML"),
        ([claim(3, 1), b"abc".to_vec()].concat(), ErrorKind::Malformed, ""),
        ([claim(packed.len() as u32, 1), packed].concat(), ErrorKind::Limit, "decompressed_size"),
        (framed(b"garbage"), ErrorKind::Malformed, ""),
        (framed(&[&b"(".repeat(2000)[..], b"."].concat()), ErrorKind::Limit, "nodes"),
        (framed(&[&b")"[..], &b"\x85".repeat(100), b"."].concat()), ErrorKind::Limit, "depth"),
        (framed(b""), ErrorKind::Malformed, ""),
    ] {
        let (uri, serve) = answers_with(bytes.clone(), usize::MAX).await;
        let proxy = Proxy::builder(&uri).unwrap().limits(limits).timeout(PATIENCE).build().unwrap();
        let e = soon("an error", proxy.call::<Value>("f", ())).await.unwrap_err();
        assert!(e.to_string().contains(part), "{e}");
        let answered = matches!(e.reached(), Reached::MaybeExecuted | Reached::Answered);
        assert!(answered && (e.kind() == kind || kind == ErrorKind::Malformed), "{bytes:?}: {e:?}");
        serve.abort();
    }
}

#[tokio::test]
async fn answers_byte_by_byte_and_answers_that_were_changed() {
    let answer = {
        let (daemon, address) = daemon(Limits::new()).await;
        let mut stream = raw(&address).await;
        let guid = guid_of(&mut stream).await;
        send(&mut stream, &call_of(&guid, "echo", &[Value::List(vec![1.into(), "two".into(), Value::F64(3.0)])])).await;
        let body = read_frame(&mut stream).await.unwrap();
        drop(daemon);
        framed(&body)
    };
    let (uri, serve) = answers_with(answer.clone(), 1).await;
    let got: (i64, String, f64) = soon("an answer", Proxy::new(&uri).unwrap().call("f", ())).await.unwrap();
    assert_eq!(got, (1, "two".to_owned(), 3.0));
    serve.abort();
    let mut rng = fastrand::Rng::with_seed(4);
    for _ in 0..500 {
        let mut bad = answer.clone();
        let at = rng.usize(18..bad.len());
        bad[at] = rng.u8(..);
        let (uri, serve) = answers_with(bad, usize::MAX).await;
        // Whatever it is, it ends.
        let _ = soon("an end", Proxy::new(&uri).unwrap().call::<Value>("f", ())).await;
        serve.abort();
    }
    // Cut anywhere, it is an error, and the call may have run.
    for end in 0..answer.len() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("PYRO://{}/guid", listener.local_addr().unwrap());
        let part = answer[..end].to_vec();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(&framed(&[1; 16])).await.unwrap();
            read_frame(&mut stream).await;
            stream.write_all(b"GRANTED").await.unwrap();
            read_frame(&mut stream).await;
            stream.write_all(&part).await.unwrap();
        };
        let proxy = Proxy::new(&uri).unwrap();
        let (result, ()) = tokio::join!(soon("an end", proxy.call::<Value>("f", ())), serve);
        let e = result.unwrap_err();
        assert_eq!((e.kind(), e.reached()), (ErrorKind::Closed, Reached::MaybeExecuted), "{end}: {e:?}");
    }
}

// What nobody asked for is not taken for the answer of the next call.
#[tokio::test]
async fn answers_too_many() {
    let fine = framed(b"U\x04fine.");
    let (uri, serve) = answers_with([fine.clone(), framed(b"U\x05other.")].concat(), usize::MAX).await;
    let proxy = Proxy::builder(&uri).unwrap().timeout(PATIENCE).build().unwrap();
    for _ in 0..3 {
        assert_eq!(soon("an answer", proxy.call::<String>("f", ())).await.unwrap(), "fine");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    serve.abort();
}
