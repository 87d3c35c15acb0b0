//! Thousands of concurrent calls on one connection, many of them given up at random: each that ends gets its own reply.

#[path = "support_abuse/mod.rs"]
mod support;

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use springline_core::service::{CallKind, MethodInfo, Service};
use springline_core::{ErrorKind, Result, Value};
use springline_pyro::{Proxy, Serializer, Version};
use support::{Script, Served, soon};

const CALLERS: u64 = 48;
const CALLS: u64 = 80;

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

#[derive(Default)]
struct Counts {
    answered: AtomicU64,
    dropped: AtomicU64,
    late: AtomicU64,
    oneway: AtomicU64,
}

/// Drops the future after `polls` polls, if it is not done before.
async fn at_most<F: Future>(future: F, polls: u64) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

async fn caller(proxy: Proxy, seed: u64, counts: Arc<Counts>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut kept = Vec::new();
    for n in 0..CALLS {
        // Now and then larger than a socket's buffer takes at once.
        let size = if random.u32(..100) == 0 { 300_000 } else { random.usize(..200) };
        let token = format!("{seed} {n} {}", "x".repeat(size));
        let args = (token.as_str(),);
        let call: Pin<Box<dyn Future<Output = Result<String>> + Send>> = match n % 2 {
            0 => Box::pin(proxy.call("echo", (token.as_str(),))),
            _ => Box::pin(proxy.call_typed(&ECHO, &args)),
        };
        match random.u32(..10) {
            0..=4 => {
                assert_eq!(call.await.unwrap(), token);
                counts.answered.fetch_add(1, Ordering::Relaxed);
            }
            5 | 6 => match at_most(call, random.u64(..4)).await {
                Some(done) => assert_eq!(done.unwrap(), token),
                None => {
                    counts.dropped.fetch_add(1, Ordering::Relaxed);
                }
            },
            7 => {
                let timeout = Duration::from_micros(random.u64(..30_000));
                match proxy.request("echo").args((token.as_str(),)).timeout(timeout).send::<String>().await {
                    Ok(text) => assert_eq!(text, token),
                    Err(e) => {
                        assert_eq!(e.kind(), ErrorKind::Timeout, "{e}");
                        counts.late.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            8 => {
                let fire = proxy.request("fire").args((0.0, token.as_str())).send::<()>();
                match at_most(fire, random.u64(1..6)).await {
                    Some(done) => {
                        done.unwrap();
                        counts.oneway.fetch_add(1, Ordering::Relaxed);
                    }
                    None => {
                        counts.dropped.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            _ => {
                // Polled once or twice and then left alone for a while.
                let (proxy, token) = (proxy.clone(), token.clone());
                let mut call = Box::pin(async move {
                    let text: String = proxy.call("echo", (token.as_str(),)).await.unwrap();
                    assert_eq!(text, token);
                });
                let mut polls = random.u32(1..3);
                let done = poll_fn(|cx| {
                    polls -= 1;
                    match call.as_mut().poll(cx) {
                        Poll::Ready(()) => Poll::Ready(true),
                        Poll::Pending if polls == 0 => Poll::Ready(false),
                        Poll::Pending => Poll::Pending,
                    }
                })
                .await;
                if !done {
                    kept.push(call);
                }
                if kept.len() > 3 {
                    drop(kept.remove(0));
                    counts.dropped.fetch_add(1, Ordering::Relaxed);
                    kept.remove(0).await;
                }
            }
        }
    }
    for call in kept {
        call.await;
    }
}

async fn storm(version: Version, connections: usize) {
    let served = Served::new().await;
    let builder = Proxy::builder(&served.uri).unwrap().version(version).serializer(Serializer::Msgpack);
    let proxy = builder.connections(connections).build().unwrap();
    let counts = Arc::new(Counts::default());
    let callers: Vec<_> =
        (0..CALLERS).map(|seed| tokio::spawn(caller(proxy.clone(), seed + 1, counts.clone()))).collect();
    for (n, caller) in callers.into_iter().enumerate() {
        soon(&format!("caller {n}"), caller).await.unwrap();
    }
    let text: String = soon("a last call", proxy.call("echo", ("last",))).await.unwrap();
    assert_eq!(text, "last");
    assert!(counts.answered.load(Ordering::Relaxed) > CALLERS * CALLS / 3);
    assert!(counts.dropped.load(Ordering::Relaxed) > CALLERS * CALLS / 20);
    // A oneway call that was sent has run, one that was dropped may have.
    let (sent, dropped) = (counts.oneway.load(Ordering::Relaxed), counts.dropped.load(Ordering::Relaxed));
    let fired = soon("the oneway calls", async {
        loop {
            let fired = served.thing.fired.load(Ordering::SeqCst);
            if fired >= sent {
                return fired;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    assert!(fired <= sent + dropped, "{fired} oneway calls ran, {sent} were sent, {dropped} dropped");
}

#[tokio::test]
async fn one_thread_one_connection() {
    storm(Version::V502, 1).await;
}

#[tokio::test]
async fn one_thread_some_connections() {
    storm(Version::V48, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_threads_one_connection() {
    storm(Version::V48, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_threads_some_connections() {
    storm(Version::V502, 3).await;
}

// A lone caller that gives up again and again leaves nothing behind that grows, and stays in step.
#[tokio::test]
async fn a_lone_caller_that_always_gives_up() {
    let served = Served::new().await;
    let proxy = Proxy::builder(&served.uri).unwrap().serializer(Serializer::Msgpack).build().unwrap();
    proxy.connect().await.unwrap();
    for n in 0..5_000u64 {
        let token = format!("token {n}");
        if let Some(done) = at_most(proxy.call::<String>("echo", (token.as_str(),)), 1 + n % 2).await {
            assert_eq!(done.unwrap(), token);
        }
        if n % 500 == 0 {
            let text: String = soon("a call between", proxy.call("echo", ("between",))).await.unwrap();
            assert_eq!(text, "between");
        }
    }
    let text: String = soon("a last call", proxy.call("echo", ("last",))).await.unwrap();
    assert_eq!(text, "last");
    assert_eq!(served.daemon.connections(), 1, "the connection was in step all the time");
}

fn runtime(threads: usize) -> tokio::runtime::Runtime {
    let mut builder = match threads {
        0 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    builder.enable_all();
    if threads > 0 {
        builder.worker_threads(threads);
    }
    builder.build().unwrap()
}

// The runtime that a connection belongs to may end while others still hold the proxy.
#[test]
fn another_runtime_uses_the_proxy_after_the_first_has_ended() {
    let home = runtime(2);
    let served = home.block_on(Served::new());
    for threads in [0, 2] {
        for (callers, leave_one) in [(1, false), (1, true), (4, false), (4, true)] {
            let proxy = Proxy::builder(&served.uri).unwrap().serializer(Serializer::Msgpack).build().unwrap();
            for round in 0..3 {
                let rt = runtime(threads);
                rt.block_on(async {
                    let calls: Vec<_> = (0..callers)
                        .map(|n| {
                            let proxy = proxy.clone();
                            tokio::spawn(async move {
                                let token = format!("{round} {n}");
                                let text: String = proxy.call("echo", (token.as_str(),)).await.unwrap();
                                assert_eq!(text, token);
                            })
                        })
                        .collect();
                    for call in calls {
                        soon(&format!("round {round}, {callers} callers, {threads} threads"), call).await.unwrap();
                    }
                    if leave_one {
                        // Its reply is still to come when the runtime ends.
                        assert!(at_most(proxy.call::<Value>("slow", (0.5,)), 1).await.is_none());
                    }
                });
                // Waits until all of it is gone: a connection that ends under a call is another test.
                drop(rt);
            }
        }
    }
    home.block_on(served.serves_others());
}

// Calls in progress on one runtime while the runtime that drives the connection ends: they fail, they do not hang.
#[test]
fn the_driving_runtime_ends_under_calls_of_another() {
    let home = runtime(2);
    let served = home.block_on(Served::new());
    let proxy = Proxy::builder(&served.uri).unwrap().serializer(Serializer::Msgpack).build().unwrap();
    let first = runtime(1);
    first.block_on(async {
        // Contention, so that there is a driver.
        let calls = (0..4).map(|n| {
            let proxy = proxy.clone();
            tokio::spawn(async move { proxy.call::<i64>("echo", (n,)).await.unwrap() })
        });
        for call in calls.collect::<Vec<_>>() {
            soon("the first calls", call).await.unwrap();
        }
    });
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let proxy = proxy.clone();
            home.spawn(async move { proxy.call::<String>("slow", (2.0,)).await })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(200));
    first.shutdown_background();
    home.block_on(async {
        for call in calls {
            let e = soon("a call whose connection went away", call).await.unwrap().unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Closed, "{e}");
        }
        let text: String = soon("a call on a new connection", proxy.call("echo", ("new",))).await.unwrap();
        assert_eq!(text, "new");
    });
}

// A caller's own Serialize panics while the request is written: the next ones are served.
#[tokio::test]
async fn a_panic_while_a_request_is_written() {
    struct Panics;
    impl serde::Serialize for Panics {
        fn serialize<S: serde::Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
            panic!("this argument panics when it is written")
        }
    }
    let served = Served::new().await;
    let proxy = Proxy::builder(&served.uri).unwrap().serializer(Serializer::Msgpack).build().unwrap();
    for _ in 0..3 {
        let (a, b) = (proxy.clone(), proxy.clone());
        let waiting = tokio::spawn(async move { a.call::<String>("slow", (0.2,)).await });
        tokio::task::yield_now().await;
        let panics = tokio::spawn(async move { b.call::<Value>("echo", ("x", Panics)).await });
        assert!(soon("the panic", panics).await.unwrap_err().is_panic());
        // The call in progress is answered or fails; it does not hang.
        let _ = soon("the call in progress", waiting).await.unwrap();
        let text: String = soon("the next call", proxy.call("echo", ("next",))).await.unwrap();
        assert_eq!(text, "next");
    }
}

// Connections of a proxy that is gone are closed, whatever its calls came to.
#[tokio::test]
async fn connections_end_with_their_proxy() {
    let served = Served::new().await;
    for n in 0..20u64 {
        let proxy = Proxy::builder(&served.uri).unwrap().serializer(Serializer::Msgpack).build().unwrap();
        let calls = (0..n % 4).map(|i| {
            let proxy = proxy.clone();
            tokio::spawn(async move { at_most(proxy.call::<Value>("echo", (i,)), 1 + n % 3).await.is_some() })
        });
        for call in calls.collect::<Vec<_>>() {
            soon("a call", call).await.unwrap();
        }
        drop(proxy);
        served.until_connected(0).await;
    }
}

// Requests that are cut off by a daemon that goes away are not repeated, and every caller hears of it.
#[tokio::test]
async fn a_daemon_that_goes_away_under_many_callers() {
    let runs = Arc::new(AtomicU64::new(0));
    let seen = runs.clone();
    let script = Script::tcp(Version::V502, Serializer::Msgpack, move |mut raw, n| {
        let seen = seen.clone();
        async move {
            if !raw.welcome().await {
                return;
            }
            let mut left = if n == 0 { 50 } else { u32::MAX };
            while let Some((seq, _, text)) = raw.request().await {
                seen.fetch_add(1, Ordering::SeqCst);
                raw.send(&support::result(raw.version, raw.serializer, seq, &text)).await;
                left -= 1;
                if left == 0 {
                    return;
                }
            }
        }
    })
    .await;
    let proxy =
        Proxy::builder(&script.uri).unwrap().version(Version::V502).serializer(Serializer::Msgpack).build().unwrap();
    let calls: Vec<_> = (0..200i64)
        .map(|n| {
            let proxy = proxy.clone();
            tokio::spawn(async move { (n, proxy.call::<i64>("echo", (n,)).await) })
        })
        .collect();
    let mut answered = 0;
    for call in calls {
        match soon("a caller", call).await.unwrap() {
            (n, Ok(own)) => {
                assert_eq!(own, n);
                answered += 1;
            }
            (_, Err(e)) => assert_eq!(e.kind(), ErrorKind::Closed, "{e}"),
        }
    }
    assert!(answered >= 1 && runs.load(Ordering::SeqCst) <= 200);
}
