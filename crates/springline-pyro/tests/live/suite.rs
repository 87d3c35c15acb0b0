//! One function against the trait, run over a local object, over Pyro 4 and 5 between Rust and Rust in every serializer
//! and wire version, and over Python's server: client code does not know where its object is.

use std::sync::Arc;

use springline_core::{ErrorKind, FnService, RemoteRef, Result, Value};
use springline_pyro::{Daemon, Proxy, Serializer, Version};

use crate::call::Ctx;
use crate::serve::Rust;
use crate::table::{Cell, Peer};
use crate::thing::{MyThing, Surroundings, Thing, ThingProxy, ThingRef};
use crate::values::same;

/// What of the interface a place has, where not all do.
struct Place {
    /// Distinguishes the tokens of different runs.
    token: String,
    /// json has no bytes.
    bytes: bool,
    /// Pyro5 5.1 reads no references to remote objects.
    reads_references: bool,
    /// Pyro4 has attributes and contexts of calls since 4.27 and 4.37.
    attributes: bool,
    callback: RemoteRef,
}

macro_rules! same_as {
    ($got:expr, $wanted:expr) => {
        let (got, wanted) = ($got, $wanted);
        if got != wanted {
            return Err(format!("{} is {got:?}, wanted {wanted:?}", stringify!($got)));
        }
    };
}

async fn suite(thing: &impl Thing, place: &Place) -> Result<(), String> {
    let text = |e: springline_core::Error| e.report();
    same_as!(thing.get_data("Hello").await.map_err(text)?, "You got remote data => Hello");
    same_as!(thing.nothing().await.map_err(text)?, ());
    for value in [
        Value::Null,
        Value::I64(-7),
        Value::F64(2.5),
        "caf\u{e9}".into(),
        Value::List(vec![1.into(), Value::List(Vec::new()), "two".into()]),
        Value::Map(vec![("k".into(), Value::Map(vec![("l".into(), Value::Bool(true))]))]),
    ] {
        let got = thing.echo(value.clone()).await.map_err(text)?;
        if !same(&value, &got) {
            return Err(format!("the echo of {value:?} is {got:?}"));
        }
    }
    for (kind, class) in [("value", "ValueError"), ("naming", "NamingError"), ("own", "bank.BankError")] {
        let Err(e) = thing.fail(kind, "the message").await else { return Err(format!("{kind} is not raised")) };
        same_as!(e.kind(), ErrorKind::Remote);
        let x = e.exception().ok_or("no exception")?;
        if !x.is(class) || x.message != "the message" {
            return Err(format!("wanted {class}, got {x:?}"));
        }
        if kind == "own" {
            same_as!(x.attribute("balance").and_then(Value::as_i64), Some(12));
        }
    }
    thing.fire(place.token.clone(), Some(0.0)).await.map_err(text)?;
    while !thing.fired().await.map_err(text)?.contains(&place.token) {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    if place.attributes {
        let before = thing.value().await.map_err(text)?;
        thing.set_value("set".into()).await.map_err(text)?;
        same_as!(thing.value().await.map_err(text)?, Value::from("set"));
        thing.set_value(before).await.map_err(text)?;
        same_as!(thing.readonly().await.map_err(text)?, "fixed");
        same_as!(thing.correlation().await.map_err(text)?.len(), 36);
        same_as!(thing.annotations().await.map_err(text)?.len(), 0);
    }
    same_as!(thing.big_text(50).await.map_err(text)?.len(), 50);
    same_as!(thing.size("caf\u{e9}".into()).await.map_err(text)?, 4);
    same_as!(thing.slow(0.0).await.map_err(text)?, "done");
    if place.bytes {
        let blob = thing.blob(100_000).await.map_err(text)?;
        same_as!(*blob.0 == *crate::thing::blob(100_000), true);
        same_as!(thing.size(Value::Bytes(blob.0)).await.map_err(text)?, 100_000);
    }
    let n = thing.count().await.map_err(text)?;
    same_as!(thing.count().await.map_err(text)?, n + 1);
    for remote in [thing.give_uri().await.map_err(text)?, thing.give_proxy().await.map_err(text)?] {
        if !remote.uri.starts_with("PYRO:other@") && !remote.uri.starts_with("PYRO://") {
            return Err(format!("got {remote:?}"));
        }
    }
    if place.reads_references {
        let got = thing.call_back(place.callback.clone(), "x".into()).await.map_err(text)?;
        same_as!(got, Value::from("called back with x"));
    }
    Ok(())
}

/// Against the Python server of a column.
pub(crate) async fn over_python(ctx: &Ctx) -> Result<(), String> {
    let place = Place {
        token: format!("suite {}", ctx.token),
        // Nor has Python 2, in serpent.
        bytes: ctx.serializer != Serializer::Json && !(ctx.peer.is_python2() && ctx.serializer == Serializer::Serpent),
        reads_references: ctx.peer != Peer::Pyro51,
        attributes: !ctx.peer.is_old() || ctx.peer.version() == Version::V47,
        callback: ctx.callback(),
    };
    // The very type that holds a local object elsewhere.
    suite(&ThingRef::remote(ctx.proxy()), &place).await
}

/// Here, and between Rust and Rust.
pub(crate) async fn places() -> Vec<(String, Cell)> {
    let rust = Rust::start(Daemon::builder(), "127.0.0.1:0", Surroundings::default()).await;
    let callback = FnService::new("Callback")
        .method("get_data", ["param"], |(param,): (String,)| async move { Ok(format!("called back with {param}")) });
    rust.daemon.register("callback", callback).expect("the name is free");
    let place = |token: String, bytes| Place {
        token,
        bytes,
        reads_references: true,
        attributes: true,
        callback: rust.daemon.reference("callback"),
    };
    let mut all = Vec::new();
    let mut add = |name: String, outcome: Result<(), String>| {
        all.push((name, outcome.map_or_else(Cell::Fail, |()| Cell::Ok)));
    };
    let mine = || MyThing::new(rust.around());
    add("local, the object itself".into(), suite(&mine(), &place("a".into(), true)).await);
    add("local, behind a ThingRef".into(), suite(&ThingRef::local(mine()), &place("b".into(), true)).await);
    for version in [Version::V48, Version::V501, Version::V502] {
        for serializer in Serializer::ALL {
            let name = format!("rust-rust {} {serializer}", version.label());
            let uri = rust.thing(&format!("{}_{serializer}", version.number()), serializer);
            let builder = Proxy::builder(&uri).expect("a URI");
            let proxy = builder.version(version).serializer(serializer).build().expect("a proxy");
            let place = place("c".into(), serializer != Serializer::Json);
            let behind_ref = suite(&ThingRef::remote(proxy.clone()), &place).await;
            // A gateway: a daemon that serves a proxy.
            let gateway = Daemon::bind("127.0.0.1:0").await.expect("a free port");
            let uri = gateway.register("gateway", proxy).expect("the name is free").to_string();
            let far = Proxy::new(&uri).expect("a URI");
            let through_gateway = suite(&ThingProxy::new(Arc::new(far)), &place).await;
            add(name.clone(), behind_ref);
            add(format!("{name}, through a gateway with serpent"), through_gateway);
        }
    }
    all
}

/// The suite over Pyro 3 on Python 2.
pub(crate) async fn over_pyro3(c: &crate::pyro3_call::Ctx) -> Result<(), String> {
    anywhere(c.proxy(), c.callback()).await
}

/// The suite over a proxy of Pyro 3, as a `ThingRef` and as a `ThingProxy`.
pub(crate) async fn anywhere(proxy: springline_pyro::pyro3::Proxy, callback: RemoteRef) -> Result<(), String> {
    for token in ["behind a ThingRef", "a ThingProxy"] {
        let place = Place {
            token: token.to_owned(),
            bytes: true,
            reads_references: true,
            attributes: true,
            callback: callback.clone(),
        };
        match token {
            "a ThingProxy" => suite(&ThingProxy::new(proxy.clone()), &place).await,
            _ => suite(&ThingRef::remote(proxy.clone()), &place).await,
        }
        .map_err(|e| format!("{token}: {e}"))?;
    }
    Ok(())
}
