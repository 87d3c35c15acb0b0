//! Calls that are dropped, or kept and never polled again, at every await point: the connection stays in step or is
//! discarded, and nobody gets somebody else's reply.

#[path = "support_abuse/mod.rs"]
mod support;

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use springline_core::service::{CallKind, MethodInfo, Service};
use springline_core::{ErrorKind, Reached, Result, Value};
use springline_pyro::{Proxy, Serializer, Version};
use support::{Gate, Raw, Script, result, soon};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::runtime::RuntimeFlavor;

type Calling<'a> = Pin<Box<dyn Future<Output = Result<String>> + Send + 'a>>;

fn proxy(uri: &str, version: Version) -> Proxy {
    Proxy::builder(uri).unwrap().version(version).serializer(Serializer::Msgpack).build().unwrap()
}

/// Typed calls go the way of generated proxies.
static ECHO: MethodInfo = MethodInfo {
    name: Cow::Borrowed("echo"),
    kind: CallKind::Method,
    params: Cow::Borrowed(&[]),
    returns: Cow::Borrowed(""),
    oneway: false,
    idempotent: false,
    doc: Cow::Borrowed(""),
};

fn echo(proxy: &Proxy, text: &str) -> Calling<'static> {
    let (proxy, text) = (proxy.clone(), text.to_owned());
    Box::pin(async move { proxy.call_typed(&ECHO, &(text,)).await })
}

/// Polls until the result is there or there were `most` polls; before each poll `step` is called. Each poll is one that
/// the call asked for.
async fn polled(call: &mut Calling<'_>, most: usize, step: impl FnMut()) -> Option<Result<String>> {
    poll_by_hand(call, most, step, false).await
}

/// The same; if `spin`, without waiting to be asked.
async fn poll_by_hand(
    call: &mut Calling<'_>,
    most: usize,
    mut step: impl FnMut(),
    spin: bool,
) -> Option<Result<String>> {
    let mut polls = 0;
    soon(
        "a poll",
        poll_fn(|cx| {
            if polls == most {
                return Poll::Ready(None);
            }
            polls += 1;
            step();
            match call.as_mut().poll(cx) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending if polls == most => Poll::Ready(None),
                Poll::Pending => {
                    if spin {
                        cx.waker().wake_by_ref();
                    }
                    Poll::Pending
                }
            }
        }),
    )
    .await
}

/// Answers calls of `echo`, every byte only when the gate lets it, and remembers what it was asked.
async fn echo_by_bytes<S: AsyncRead + AsyncWrite + Unpin>(mut raw: Raw<S>, gate: Gate, asked: Arc<Mutex<Vec<String>>>) {
    let Some(hello) = raw.next().await else { return };
    assert_eq!(hello.header.kind, springline_pyro::wire::MessageKind::Connect);
    for byte in support::connect_ok(raw.version, raw.serializer) {
        gate.pass().await;
        raw.send(&[byte]).await;
    }
    while let Some((seq, _, text)) = raw.request().await {
        asked.lock().unwrap().push(text.as_str().unwrap().to_owned());
        for byte in result(raw.version, raw.serializer, seq, &text) {
            gate.pass().await;
            raw.send(&[byte]).await;
        }
    }
}

async fn scripted(version: Version, gate: &Gate) -> (Script, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (gate, seen) = (gate.clone(), asked.clone());
    let script =
        Script::tcp(version, Serializer::Msgpack, move |raw, _| echo_by_bytes(raw, gate.clone(), seen.clone())).await;
    (script, asked)
}

/// What comes after the call that was given up.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Dropped,
    Kept,
}

// The k-th poll is the last of the first call, for every k: from a connection that is yet to be made to the last byte
// of the reply. Calls before, beside and after it get their own replies.
async fn last_poll_at_every_point(version: Version, connected: bool, fate: Fate) {
    let mut most = None;
    let mut k = 0;
    while most.is_none() {
        let gate = Gate::closed();
        let (script, _) = scripted(version, &gate).await;
        let proxy = proxy(&script.uri, version);
        if connected {
            let connecting = async { proxy.connect().await.unwrap() };
            let opening = async {
                for _ in 0..support::connect_ok(version, Serializer::Msgpack).len() {
                    gate.step();
                }
            };
            soon("connecting", async { tokio::join!(connecting, opening) }).await;
        }
        let token = format!("token {k}");
        let mut first = echo(&proxy, &token);
        // Without being asked where the bytes are read by a task of its own (the connection's), or while they come (on
        // several threads).
        let threads = tokio::runtime::Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
        let done = poll_by_hand(&mut first, k, || gate.step(), threads || !connected).await;
        if let Some(done) = done {
            assert_eq!(done.unwrap(), token);
            most = Some(k);
        }
        let kept = match fate {
            Fate::Dropped => {
                drop(first);
                None
            }
            Fate::Kept => Some(first),
        };
        gate.open();
        // In the same task, and in others.
        let same = echo(&proxy, "same task");
        let others: Vec<_> = (0..3).map(|i| tokio::spawn(echo(&proxy, &format!("task {i}")))).collect();
        let text = soon(&format!("the next call after {k} polls, {fate:?}"), same).await.unwrap();
        assert_eq!(text, "same task");
        for (i, other) in others.into_iter().enumerate() {
            let text = soon(&format!("task {i} after {k} polls, {fate:?}"), other).await.unwrap().unwrap();
            assert_eq!(text, format!("task {i}"));
        }
        let text = soon("a last call", echo(&proxy, "last")).await.unwrap();
        assert_eq!(text, "last");
        if let Some(kept) = kept.filter(|_| most.is_none()) {
            // What was kept gets its own reply when it is polled again at last.
            assert_eq!(soon("the kept call", kept).await.unwrap(), token);
        }
        k += 1;
    }
    let least = if connected { 30 } else { 60 };
    assert!(most.unwrap() > least, "only {most:?} await points: the reply was to come byte by byte");
}

#[tokio::test]
async fn dropped_at_every_point_v48() {
    last_poll_at_every_point(Version::V48, true, Fate::Dropped).await;
}

#[tokio::test]
async fn dropped_at_every_point_v502() {
    last_poll_at_every_point(Version::V502, true, Fate::Dropped).await;
}

// A runtime that looks at its sockets before every poll of a task, so that a byte comes between any two polls.
fn eager() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().event_interval(1).build().unwrap()
}

#[test]
fn dropped_while_connecting() {
    eager().block_on(last_poll_at_every_point(Version::V502, false, Fate::Dropped));
}

#[tokio::test]
async fn kept_at_every_point_v48() {
    last_poll_at_every_point(Version::V48, true, Fate::Kept).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_at_every_point_v501() {
    last_poll_at_every_point(Version::V501, true, Fate::Kept).await;
}

#[test]
fn kept_while_connecting() {
    eager().block_on(last_poll_at_every_point(Version::V502, false, Fate::Kept));
}

// A caller that waits behind the one that connects, and is then forgotten, must not be the one who is let through.
#[tokio::test]
async fn kept_while_waiting_for_the_connection() {
    let gate = Gate::closed();
    let (script, _) = scripted(Version::V502, &gate).await;
    let proxy = proxy(&script.uri, Version::V502);
    let mut calls: Vec<_> = (0..4).map(|i| echo(&proxy, &format!("{i}"))).collect();
    for call in &mut calls {
        assert!(polled(call, 1, || ()).await.is_none());
    }
    gate.open();
    let mut last = calls.pop().unwrap();
    assert_eq!(soon("the last in the row", &mut last).await.unwrap(), "3");
    for (i, call) in calls.into_iter().enumerate() {
        assert_eq!(soon("the others", call).await.unwrap(), format!("{i}"));
    }
}

// A call whose connection attempt is given up leaves the attempt to the others.
#[tokio::test]
async fn a_failed_connection_is_told_to_all_who_wait() {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = count.clone();
    let script = Script::tcp(Version::V502, Serializer::Msgpack, move |mut raw, _| {
        seen.fetch_add(1, Ordering::SeqCst);
        async move {
            raw.next().await;
            let text = support::payload(raw.version, raw.serializer, &Value::from("not you"));
            let kind = springline_pyro::wire::MessageKind::ConnectFail;
            raw.send(&support::frame(raw.version, kind, 4, 0, 0, &text)).await;
        }
    })
    .await;
    let proxy = proxy(&script.uri, Version::V502);
    let calls: Vec<_> = (0..20).map(|i| tokio::spawn(echo(&proxy, &format!("{i}")))).collect();
    for call in calls {
        let e = soon("a refused caller", call).await.unwrap().unwrap_err();
        assert_eq!((e.kind(), e.reached()), (ErrorKind::Denied, Reached::NotSent), "{e}");
        assert!(e.to_string().contains("not you"), "{e}");
    }
    assert!(count.load(Ordering::SeqCst) <= 20);
}

/// Reads a large request in pieces that the gate lets through, then echoes its length.
async fn read_slowly<S: AsyncRead + AsyncWrite + Unpin>(mut raw: Raw<S>, gate: Gate, asked: Arc<Mutex<Vec<String>>>) {
    if !raw.welcome().await {
        return;
    }
    let mut bytes = bytes::BytesMut::new();
    loop {
        gate.pass().await;
        let mut piece = vec![0; 64 * 1024];
        match raw.stream.read(&mut piece).await {
            Ok(n) if n > 0 => bytes.extend_from_slice(&piece[..n]),
            _ => return,
        }
        while let Some(header) = springline_pyro::wire::parse_header(&bytes).unwrap() {
            if bytes.len() < header.message_len() {
                break;
            }
            let frame = bytes.split_to(header.message_len()).freeze();
            let seq = header.seq;
            let call = support::value(&support::Message::open(header, frame));
            let text = call.get(2).and_then(|a| a.get(0)).and_then(Value::as_str).unwrap().to_owned();
            let name = text.trim_end_matches('.').to_owned();
            asked.lock().unwrap().push(name.clone());
            if call.get(1).and_then(Value::as_str) == Some("echo") {
                raw.send(&result(raw.version, raw.serializer, seq, &Value::from(name))).await;
            }
        }
    }
}

async fn slow_reader(gate: &Gate) -> (Script, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (gate, seen) = (gate.clone(), asked.clone());
    let script =
        Script::unix(Version::V502, Serializer::Msgpack, move |raw, _| read_slowly(raw, gate.clone(), seen.clone()))
            .await;
    (script, asked)
}

/// A text much larger than a socket's buffer.
fn large(name: &str) -> String {
    format!("{name}{}", ".".repeat(3 << 20))
}

// The write is partial at every poll: whatever was written of a request, its rest follows or nothing does.
#[test]
fn dropped_at_every_point_of_a_write() {
    eager().block_on(write_dropped_at_every_point());
}

async fn write_dropped_at_every_point() {
    let mut most = None;
    let mut k = 0;
    while most.is_none() {
        let gate = Gate::closed();
        let (script, asked) = slow_reader(&gate).await;
        let proxy = proxy(&script.uri, Version::V502);
        proxy.connect().await.unwrap();
        let mut first = echo(&proxy, &large("first"));
        if poll_by_hand(&mut first, k, || gate.step(), true).await.is_some() {
            most = Some(k);
        }
        let mut oneway: Calling<'_> = Box::pin({
            let proxy = proxy.clone();
            async move { proxy.request("fire").args((large("oneway"),)).send::<()>().await.map(|()| String::new()) }
        });
        let written = poll_by_hand(&mut oneway, 1 + k % 3, || gate.step(), true).await.is_some();
        drop(first);
        drop(oneway);
        gate.open();
        assert_eq!(soon(&format!("the call after {k} polls"), echo(&proxy, "second")).await.unwrap(), "second");
        let asked = asked.lock().unwrap().clone();
        let count = |name: &str| asked.iter().filter(|a| *a == name).count();
        assert_eq!(count("second"), 1, "{asked:?}");
        assert!(count("first") <= 1 && count("oneway") <= 1, "{asked:?}");
        assert!(k > 0 || count("first") == 0, "a call that was never polled ran");
        assert!(!written || count("oneway") == 1, "a oneway call that was written is lost");
        k += 1;
    }
    assert!(most.unwrap() > 10, "only {most:?} await points");
}

// Whatever was not begun to be written when its call was dropped never leaves, wherever in the queue it stood.
#[tokio::test]
async fn dropped_before_anything_was_written_never_runs() {
    let gate = Gate::closed();
    let (script, asked) = slow_reader(&gate).await;
    let proxy = proxy(&script.uri, Version::V502);
    proxy.connect().await.unwrap();
    let mut first = echo(&proxy, &large("first"));
    assert!(polled(&mut first, 1, || ()).await.is_none());
    let mut queued: Vec<Option<Calling<'_>>> = Vec::new();
    for i in 0..20 {
        let text = if i % 5 == 3 { large(&format!("queued {i}")) } else { format!("queued {i}") };
        let (proxy, oneway) = (proxy.clone(), i % 4 == 1);
        let mut call: Calling<'_> = Box::pin(async move {
            match oneway {
                true => proxy.request("fire").args((text,)).send::<()>().await.map(|()| String::new()),
                false => proxy.call("echo", (text,)).await,
            }
        });
        assert!(polled(&mut call, 1, || ()).await.is_none());
        queued.push(Some(call));
    }
    // The driver may come to try and write in between; the socket is full.
    tokio::task::yield_now().await;
    let dropped = |i: usize| matches!(i, 0 | 2 | 3 | 5 | 7 | 8 | 13 | 18 | 19);
    for (i, call) in queued.iter_mut().enumerate() {
        if dropped(i) {
            *call = None;
        }
    }
    gate.open();
    assert_eq!(soon("the first", first).await.unwrap(), "first");
    for (i, call) in queued.into_iter().enumerate() {
        if let Some(call) = call {
            let text = soon("a queued call", call).await.unwrap();
            assert!(text.is_empty() || text == format!("queued {i}"), "{text:?} for call {i}");
        }
    }
    assert_eq!(soon("a last call", echo(&proxy, "last")).await.unwrap(), "last");
    let asked = asked.lock().unwrap().clone();
    let expected: Vec<String> = std::iter::once("first".to_owned())
        .chain((0..20).filter(|i| !dropped(*i)).map(|i| format!("queued {i}")))
        .chain(["last".to_owned()])
        .collect();
    assert_eq!(asked, expected);
}

// A daemon that closes after k bytes, for every k. "Not sent" is said only of what it cannot have seen whole, and what
// it may have seen is never sent again.
async fn closes_after_every_byte(version: Version, reset: bool) {
    let len = {
        // What the request will be.
        let payload =
            support::call_payload(version, Serializer::Msgpack, "thing", "echo", Value::Tuple(vec!["token".into()]));
        version.header_len() + payload.len()
    };
    for k in 0..=len {
        let whole = Arc::new(AtomicUsize::new(0));
        let seen = whole.clone();
        let script = Script::tcp(version, Serializer::Msgpack, move |mut raw, n| {
            let seen = seen.clone();
            async move {
                if !raw.welcome().await {
                    return;
                }
                if n == 0 {
                    let mut part = vec![0; k];
                    if raw.stream.read_exact(&mut part).await.is_err() {
                        return;
                    }
                    if k == len {
                        seen.fetch_add(1, Ordering::SeqCst);
                    }
                    if reset {
                        raw.stream.set_zero_linger().unwrap();
                    }
                    return;
                }
                while let Some((seq, _, text)) = raw.request().await {
                    seen.fetch_add(1, Ordering::SeqCst);
                    raw.send(&result(version, raw.serializer, seq, &text)).await;
                }
            }
        })
        .await;
        let proxy = proxy(&script.uri, version);
        proxy.connect().await.unwrap();
        let done = soon("the call", echo(&proxy, "token")).await;
        let seen = whole.load(Ordering::SeqCst);
        match done {
            Ok(text) => assert_eq!((text.as_str(), seen), ("token", 1), "after {k} bytes"),
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::Closed, "after {k} bytes: {e}");
                assert!(e.reached() == Reached::MaybeExecuted || seen == 0, "after {k} bytes: {e:?}");
                assert_eq!(seen, usize::from(k == len), "after {k} bytes it was sent again: {e:?}");
            }
        }
        assert_eq!(soon("the next call", echo(&proxy, "next")).await.unwrap(), "next");
    }
}

#[tokio::test]
async fn daemon_closes_after_every_byte() {
    closes_after_every_byte(Version::V48, false).await;
    closes_after_every_byte(Version::V502, true).await;
}

// More than the socket takes: here the client knows that the request did not leave whole, and sends it again itself.
#[tokio::test]
async fn half_a_large_request_is_sent_again_on_a_new_connection() {
    for k in [0, 1, 39, 40, 41, 4096, 100_000, 1 << 20] {
        let whole = Arc::new(AtomicUsize::new(0));
        let seen = whole.clone();
        let script = Script::unix(Version::V502, Serializer::Msgpack, move |mut raw, n| {
            let seen = seen.clone();
            async move {
                if !raw.welcome().await {
                    return;
                }
                if n == 0 {
                    let mut part = vec![0; k];
                    let _ = raw.stream.read_exact(&mut part).await;
                    return;
                }
                while let Some((seq, _, text)) = raw.request().await {
                    seen.fetch_add(1, Ordering::SeqCst);
                    let len = text.as_str().unwrap().len().to_string();
                    raw.send(&result(raw.version, raw.serializer, seq, &Value::from(len))).await;
                }
            }
        })
        .await;
        let proxy = proxy(&script.uri, Version::V502);
        proxy.connect().await.unwrap();
        let text = soon("the call", echo(&proxy, &large("x"))).await.unwrap();
        assert_eq!(text, large("x").len().to_string());
        assert_eq!(whole.load(Ordering::SeqCst), 1);
    }
}

// A daemon that takes nothing more: a call given up by its deadline must not leave the next ones behind its half.
#[tokio::test]
async fn a_stuck_connection_is_discarded_after_a_deadline() {
    let script = Script::unix(Version::V502, Serializer::Msgpack, move |mut raw, n| async move {
        if !raw.welcome().await {
            return;
        }
        if n == 0 {
            // Never reads again, and does not close.
            std::future::pending::<()>().await;
        }
        while let Some((seq, _, text)) = raw.request().await {
            raw.send(&result(raw.version, raw.serializer, seq, &text)).await;
        }
    })
    .await;
    let proxy = proxy(&script.uri, Version::V502);
    proxy.connect().await.unwrap();
    let first = proxy.request("echo").args((large("first"),)).timeout(Duration::from_millis(100));
    let e = soon("the deadline", first.send::<String>()).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Timeout, Reached::NotSent), "{e:?}");
    assert_eq!(soon("the next call", echo(&proxy, "next")).await.unwrap(), "next");
}

// The same for a daemon that reads and never answers, by a call and by a ping.
#[tokio::test]
async fn a_silent_connection_is_discarded_after_a_deadline() {
    for ping in [false, true] {
        let script = Script::tcp(Version::V502, Serializer::Msgpack, move |mut raw, n| async move {
            if !raw.welcome().await {
                return;
            }
            while let Some((header, bytes)) = raw.raw().await {
                let message = support::Message::open(header, bytes);
                if n > 0 {
                    let text = support::value(&message).get(2).and_then(|a| a.get(0)).cloned().unwrap();
                    raw.send(&result(raw.version, raw.serializer, message.header.seq, &text)).await;
                }
            }
        })
        .await;
        let builder = Proxy::builder(&script.uri).unwrap().version(Version::V502).serializer(Serializer::Msgpack);
        let proxy = builder.timeout(Duration::from_millis(300)).build().unwrap();
        let e = if ping {
            soon("the ping", proxy.ping()).await.unwrap_err()
        } else {
            let e = soon("the call", echo(&proxy, "first")).await.unwrap_err();
            assert_eq!(e.reached(), Reached::MaybeExecuted);
            e
        };
        assert_eq!(e.kind(), ErrorKind::Timeout, "{e}");
        let next: String =
            soon("the next call", proxy.request("echo").args(("next",)).timeout(support::PATIENCE).send())
                .await
                .unwrap_or_else(|e| panic!("after a {} without answer: {e}", if ping { "ping" } else { "call" }));
        assert_eq!(next, "next");
    }
}

// What the daemon answered before it broke off is not lost to a write that fails.
#[tokio::test]
async fn a_reply_that_came_before_the_end_is_delivered() {
    let gate = Gate::closed();
    let told = gate.clone();
    let script = Script::tcp(Version::V502, Serializer::Msgpack, move |mut raw, n| {
        let told = told.clone();
        async move {
            if !raw.welcome().await {
                return;
            }
            while let Some((seq, _, text)) = raw.request().await {
                raw.send(&result(raw.version, raw.serializer, seq, &text)).await;
                if n == 0 {
                    raw.stream.set_zero_linger().unwrap();
                    drop(raw);
                    told.step();
                    return;
                }
            }
        }
    })
    .await;
    let proxy = proxy(&script.uri, Version::V502);
    proxy.connect().await.unwrap();
    let mut first = echo(&proxy, "first");
    assert!(polled(&mut first, 1, || ()).await.is_none());
    soon("the reply and the reset", gate.pass()).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    // The second caller's write is what finds the connection broken.
    let second = echo(&proxy, "second");
    let (second, first) = soon("both", async { tokio::join!(biased; second, first) }).await;
    assert_eq!(first.unwrap(), "first");
    assert_eq!(second.unwrap(), "second");
}

// Nobody watches a connection whose only call was dropped. When the daemon closes it, the next caller is not told.
#[tokio::test]
async fn a_connection_that_ends_behind_a_dropped_call() {
    for answered in [false, true] {
        let gate = Gate::closed();
        let told = gate.clone();
        let script = Script::tcp(Version::V502, Serializer::Msgpack, move |mut raw, n| {
            let told = told.clone();
            async move {
                if !raw.welcome().await {
                    return;
                }
                while let Some((seq, _, text)) = raw.request().await {
                    if n > 0 || answered {
                        raw.send(&result(raw.version, raw.serializer, seq, &text)).await;
                    }
                    if n == 0 {
                        drop(raw);
                        told.step();
                        return;
                    }
                }
            }
        })
        .await;
        let proxy = proxy(&script.uri, Version::V502);
        proxy.connect().await.unwrap();
        let mut dropped = echo(&proxy, "dropped");
        assert!(polled(&mut dropped, 1, || ()).await.is_none());
        drop(dropped);
        soon("the end of the connection", gate.pass()).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(soon("the next call", echo(&proxy, "next")).await.unwrap(), "next");
    }
}

// The proxy lives on and has its first link at hand all the time: the connection must end all the same.
#[tokio::test]
async fn a_connection_that_was_let_go_of_is_closed() {
    for fate in ["idle", "answered", "dropped", "late"] {
        let (answer, ended) = (Gate::closed(), Gate::closed());
        let gates = (answer.clone(), ended.clone());
        let script = Script::tcp(Version::V502, Serializer::Msgpack, move |mut raw, n| {
            let (answer, ended) = gates.clone();
            async move {
                if !raw.welcome().await {
                    return;
                }
                while let Some((seq, _, text)) = raw.request().await {
                    if n == 0 {
                        tokio::select! {
                            () = answer.pass() => {}
                            _ = raw.stream.readable() => break,
                        }
                    }
                    raw.send(&result(raw.version, raw.serializer, seq, &text)).await;
                }
                if n == 0 {
                    ended.step();
                }
            }
        })
        .await;
        let proxy = proxy(&script.uri, Version::V502);
        proxy.connect().await.unwrap();
        let mut first = echo(&proxy, "first");
        match fate {
            "idle" => proxy.release(),
            "late" => {
                let late = proxy.request("echo").args(("late",)).timeout(Duration::from_millis(50)).send();
                let late: Result<String> = soon("the late call", late).await;
                assert_eq!(late.unwrap_err().kind(), ErrorKind::Timeout);
            }
            _ => {
                assert!(polled(&mut first, 1, || ()).await.is_none());
                proxy.release();
            }
        }
        assert_eq!(soon("a call on a new connection", echo(&proxy, "second")).await.unwrap(), "second", "{fate}");
        if fate == "answered" {
            answer.step();
            assert_eq!(soon("the first call", first).await.unwrap(), "first");
        } else {
            drop(first);
        }
        soon(&format!("the end of the first connection: {fate}"), ended.pass()).await;
        assert_eq!(soon("a last call", echo(&proxy, "third")).await.unwrap(), "third", "{fate}");
    }
}
