//! Connecting, and what can happen to a connection.

use std::sync::atomic::Ordering;
use std::time::Duration;

use springline_core::{ErrorKind, Reached, Value};
use springline_pyro::{Proxy, Version};
use tokio::task::JoinSet;

use crate::call::{Ctx, Failure, Features, Outcome, check, failed, works};
use crate::peers::Server;
use crate::relay::Relay;
use crate::{HANDSHAKE, KEY};

const ONE_CALL: &str = "a Python proxy has one call on its way at a time";

pub(crate) fn add(all: &mut Features) {
    connecting(all);
    concurrency(all);
    trouble(all);
}

fn connecting(all: &mut Features) {
    all.add("handshake", |c| async move {
        let got = c.proxy().connect().await?;
        let wanted = if c.options { format!("welcome {HANDSHAKE}") } else { "hello".to_owned() };
        check!(got.as_str() == Some(&wanted), "got {got:?}");
        Ok(())
    });
    all.add("handshake_refused", |c| async move {
        if !c.options {
            return Err(Failure::WithOptions);
        }
        let p = c.builder(&c.server.uri).handshake("something else").build()?;
        let e = failed(p.call::<String>("get_data", ("x",)).await, ErrorKind::Denied)?;
        check!(e.message().contains("handshake refused"), "{e}");
        check!(e.reached() == Reached::NotSent, "{e:?}");
        Ok(())
    });
    all.add("transport", |c| async move {
        let p = c.builder(&c.server.uri).version(c.peer.version()).build()?;
        p.connect().await?;
        works(&p).await
    });
    all.add("metadata", |c| async move {
        let metadata = c.proxy().metadata().await?;
        for name in ["get_data", "echo", "add", "describe", "fail", "fire", "call_back", "count"] {
            check!(metadata.methods.iter().any(|m| m == name), "{name} is missing: {metadata:?}");
        }
        for name in ["_private", "hidden"] {
            check!(!metadata.methods.iter().any(|m| m == name), "{name} is there: {metadata:?}");
        }
        check!(metadata.oneway == ["fire"], "oneway: {:?}", metadata.oneway);
        let mut attrs = metadata.attrs.clone();
        attrs.sort();
        check!(attrs == ["readonly", "value"], "attributes: {attrs:?}");
        Ok(())
    });
    all.add("version_found_out", |c| async move {
        // Again and again: the refusal of a daemon of another version can get lost.
        let times = if c.peer.is_old() && c.options { 0 } else { 25 };
        for i in 0..times {
            let p = c.unversioned(&c.server.uri).build()?;
            let hello = p.connect().await.map_err(|e| Failure::Wrong(format!("attempt {i}: {}", e.report())))?;
            check!(hello.as_str().is_some() || c.peer.is_old(), "{hello:?}");
            check!(p.version() == Some(c.peer.version()), "attempt {i}: found {:?}", p.version());
        }
        // A wrong one that was asked for is not corrected, but said.
        for version in [Version::V48, Version::V501, Version::V502].into_iter().filter(|v| *v != c.peer.version()) {
            if c.options && c.peer.version().has_signatures() || !version.has_serializer(c.serializer) {
                continue; // only Pyro4 signs, and has pickle
            }
            let p = c.builder(&c.server.uri).version(version).build()?;
            let Err(e) = p.connect().await else { return Err(Failure::Wrong(format!("connected as {version:?}"))) };
            check!(matches!(e.kind(), ErrorKind::Denied | ErrorKind::Protocol | ErrorKind::Closed), "{e:?}");
        }
        Ok(())
    })
    .only_here("a Python client speaks one version");
    all.add("hmac", |c| async move { hmac(&c).await });
    all.add("compression", |c| async move {
        if !c.options {
            return Err(Failure::WithOptions);
        }
        let relay = Relay::to(&c.server.uri).await;
        let p = c.at(&relay.uri);
        let text = "compress me, ".repeat(4000);
        let got: String = p.call("echo", (&text,)).await?;
        check!(got == text, "the text differs");
        let up = relay.seen.to_server.load(Ordering::Acquire) as usize;
        let down = relay.seen.to_client.load(Ordering::Acquire) as usize;
        check!(up < text.len() / 2 && down < text.len() / 2, "{} characters took {up} and {down} bytes", text.len());
        let short: String = p.call("echo", ("x",)).await?;
        check!(short == "x", "got {short:?}");
        Ok(())
    });
}

async fn hmac(c: &Ctx) -> Outcome {
    if !c.peer.version().has_signatures() {
        // A key is never quietly left out.
        let builder = Proxy::builder(&c.server.uri)?.serializer(c.serializer).handshake(HANDSHAKE).hmac_key(KEY);
        let e = failed(builder.clone().build()?.connect().await, ErrorKind::Denied)?;
        check!(e.message().contains("hmac"), "{e}");
        failed(builder.version(c.peer.version()).build(), ErrorKind::Config)?;
        return Err(Failure::Cannot("Pyro5 has no HMAC keys".to_owned()));
    }
    let mut builder = Proxy::builder(&c.server.uri)?.serializer(c.serializer);
    if !c.options {
        // This server has no key.
        let e = failed(builder.hmac_key(KEY).build()?.connect().await, ErrorKind::Denied)?;
        check!(e.message().contains("hmac key config not symmetric"), "{e}");
        return Err(Failure::WithOptions);
    }
    works(&c.proxy()).await?;
    builder = builder.handshake(HANDSHAKE);
    let version = c.peer.version();
    for builder in [builder.clone().hmac_key("not the key"), builder.clone(), builder.version(version)] {
        let proxy = builder.build()?;
        // The daemons that speak first let their clients find out, at the latest by a call.
        let outcome = match proxy.connect().await {
            Ok(_) if c.peer.is_old() => proxy.ping().await,
            other => other.map(|_| ()),
        };
        let e = failed(outcome, ErrorKind::Denied)?;
        check!(e.message().contains("hmac"), "{e}");
    }
    Ok(())
}

fn concurrency(all: &mut Features) {
    all.add("many_calls", |c| async move {
        let p = c.proxy();
        for i in 0..500 {
            let got: i64 = p.call("add", (i, 1)).await?;
            check!(got == i + 1, "add({i}, 1) is {got}");
        }
        Ok(())
    });
    all.add("sequence_wrap", |c| async move {
        let p = c.proxy();
        p.connect().await?;
        let mut pings: JoinSet<Outcome> = JoinSet::new();
        for _ in 0..64 {
            let p = p.clone();
            pings.spawn(async move {
                for _ in 0..1023 {
                    p.ping().await?;
                }
                Ok(())
            });
        }
        all_done(pings).await?;
        // 65,472 numbers are used: these go over the end.
        for i in 0..100 {
            let got: i64 = p.call("add", (i, 1)).await?;
            check!(got == i + 1, "add({i}, 1) is {got}");
        }
        Ok(())
    })
    .once();
    all.add("two_proxies", |c| async move {
        let mut tasks = JoinSet::new();
        for base in [1000, 2000, 3000] {
            let p = c.proxy();
            tasks.spawn(async move {
                for i in 0..100 {
                    let got: i64 = p.call("echo", (base + i,)).await?;
                    check!(got == base + i, "answers mixed up");
                }
                Ok(())
            });
        }
        all_done(tasks).await
    });
    all.add("pipelining", |c| async move {
        let relay = Relay::to(&c.server.uri).await;
        let p = c.at(&relay.uri);
        echoes(&p, 100).await?;
        let connections = relay.seen.connections.load(Ordering::Relaxed);
        // Finding out the version takes attempts of its own.
        let p = c.builder(&relay.uri).version(c.peer.version()).build()?;
        echoes(&p, 100).await?;
        let more = relay.seen.connections.load(Ordering::Relaxed) - connections;
        check!(more == 1, "{more} connections");
        Ok(())
    })
    .only_here(ONE_CALL);
    all.add("many_connections", |c| async move {
        let relay = Relay::to(&c.server.uri).await;
        let p = c.builder(&relay.uri).version(c.peer.version()).connections(4).build()?;
        echoes(&p, 100).await?;
        let connections = relay.seen.connections.load(Ordering::Relaxed);
        check!((2..=4).contains(&connections), "{connections} connections");
        Ok(())
    })
    .only_here(ONE_CALL);
    all.add("dropped_call", |c| async move {
        let p = c.proxy();
        works(&p).await?;
        for i in 0..60_i64 {
            // Dropped at whatever point it has come to.
            let gone = p.call::<i64>("echo", (-i,));
            let _ = tokio::time::timeout(Duration::from_micros(fastrand::u64(0..3000)), gone).await;
            let (a, b) = tokio::join!(p.call::<i64>("echo", (i,)), p.call::<i64>("echo", (i + 1000,)));
            check!(a? == i && b? == i + 1000, "somebody else's answer");
        }
        Ok(())
    })
    .only_here(ONE_CALL);
}

async fn all_done(mut tasks: JoinSet<Outcome>) -> Outcome {
    while let Some(done) = tasks.join_next().await {
        done.map_err(|e| Failure::Wrong(e.to_string()))??;
    }
    Ok(())
}

async fn echoes(p: &Proxy, n: i64) -> Outcome {
    let mut tasks = JoinSet::new();
    for i in 0..n {
        let p = p.clone();
        tasks.spawn(async move {
            let got: (i64, String) = p.call("echo", ((i, i.to_string()),)).await?;
            check!(got == (i, i.to_string()), "sent {i}, got {got:?}");
            Ok(())
        });
    }
    all_done(tasks).await
}

fn trouble(all: &mut Features) {
    all.add("timeout", |c| async move {
        let p = c.proxy();
        works(&p).await?;
        let slow = p.request("slow").args((5.0,)).timeout(Duration::from_millis(300));
        let e = failed(slow.send::<String>().await, ErrorKind::Timeout)?;
        check!(e.reached() == Reached::MaybeExecuted, "{e:?}");
        works(&p).await?;
        // The same as a setting of the proxy.
        let p = c.builder(&c.server.uri).timeout(Duration::from_millis(300)).build()?;
        let e = failed(p.call::<String>("slow", (5.0,)).await, ErrorKind::Timeout)?;
        check!(matches!(e.reached(), Reached::MaybeExecuted | Reached::NotSent), "{e:?}");
        Ok(())
    });
    all.add("reconnect", |c| async move {
        let p = c.proxy();
        works(&p).await?;
        p.release();
        works(&p).await?;
        p.release();
        p.connect().await?;
        works(&p).await
    });
    all.add("restart", |c| async move { restart(&c).await }).once();
    all.add("maybe_executed", |c| async move { maybe_executed(&c).await })
        .only_here("a Python proxy tells ConnectionClosedError and leaves it at that");
}

// A server that was restarted at its address while the connection was idle: nobody notices.
async fn restart(c: &Ctx) -> Outcome {
    let with = ["--serializer", c.serializer.name()];
    // On Python 2 4.82 needs a package of its own to be told of many sockets.
    let kind = if c.peer.is_python2() && !c.peer.is_old() { "thread" } else { "multiplex" };
    let first = Server::start(&c.scratch, c.peer, &[&with[..], &["--servertype", kind]].concat()).await;
    let uri = first.ready.uri.clone();
    let p = c.at(&uri);
    for n in 1..=2_i64 {
        let count: i64 = p.call("count", ()).await?;
        check!(count == n, "count() is {count}");
    }
    first.stop().await;
    // Without a server the call fails, and it was not sent.
    let e = failed(p.call::<i64>("count", ()).await, ErrorKind::Unavailable)?;
    check!(e.reached() == Reached::NotSent, "{e:?}");
    let port = uri.rsplit(':').next().unwrap_or_default();
    let second = Server::start(&c.scratch, c.peer, &[&with[..], &["--port", port]].concat()).await;
    check!(second.ready.uri == uri, "restarted at {}", second.ready.uri);
    let count: i64 = p.call("count", ()).await?;
    check!(count == 1, "count() is {count} after the restart");
    // Once more with an idle connection that the end of the server closes, and no call in between.
    second.stop().await;
    let third = Server::start(&c.scratch, c.peer, &[&with[..], &["--port", port]].concat()).await;
    let count: i64 = p.call("count", ()).await?;
    check!(count == 1, "count() is {count} after the second restart");
    // The end of the server while a call is in progress.
    let relay = Relay::to(&uri).await;
    let p = c.builder(&relay.uri).version(c.peer.version()).build()?;
    p.connect().await?;
    let before = relay.seen.to_server.load(Ordering::Acquire);
    let call = p.call::<String>("slow", (60.0,));
    let end = async {
        relay.passed_on(before).await;
        third.stop().await;
    };
    let (result, ()) = tokio::join!(call, end);
    let e = failed(result, ErrorKind::Closed)?;
    check!(e.reached() == Reached::MaybeExecuted, "{e:?}");
    Ok(())
}

// A call whose answer got lost has run once, and is not sent again.
async fn maybe_executed(c: &Ctx) -> Outcome {
    // The columns of one peer share its server, which counts for all of them.
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _alone = ALONE.lock().await;
    let relay = Relay::to(&c.server.uri).await;
    let p = c.builder(&relay.uri).version(c.peer.version()).build()?;
    let before: i64 = p.call("count", ()).await?;
    relay.seen.cut.store(true, Ordering::Release);
    let e = failed(p.call::<Value>("count", ()).await, ErrorKind::Closed)?;
    check!(e.reached() == Reached::MaybeExecuted, "{e:?}");
    let after: i64 = p.call("count", ()).await?;
    check!(after == before + 2, "count() was {before} and is {after}");
    Ok(())
}
