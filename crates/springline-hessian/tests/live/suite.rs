//! One function against the trait, run over a local object, over Hessian between Rust and Rust in every dialect, through a
//! gateway, and over Java's server: client code does not know where its object is. What it asks is what the suites of Pyro and
//! XML-RPC ask.

use std::sync::{Arc, OnceLock};

use springline_core::{ErrorKind, Value};
use springline_hessian::Dialect;
use springline_hessian::client::HessianProxy;
use springline_hessian::server::{HessianServer, HessianServiceExporter};

use crate::call::Ctx;
use crate::table::name_of;
use crate::thing::{self, DIALECTS, Home, MyThing, Person, Thing, ThingProxy, ThingRef, ThingServer};
use crate::values::same;

macro_rules! same_as {
    ($got:expr, $wanted:expr) => {
        let (got, wanted) = ($got, $wanted);
        if got != wanted {
            return Err(format!("{} is {got:?}, wanted {wanted:?}", stringify!($got)));
        }
    };
}

async fn suite(thing: &impl Thing) -> Result<(), String> {
    let text = |e: springline_core::Error| e.report();
    same_as!(thing.get_data("Hello").await.map_err(text)?, "You got remote data => Hello");
    same_as!(thing.pow(41, 3).await.map_err(text)?, 68_921);
    same_as!(thing.add(-1, 2).await.map_err(text)?, 1);
    same_as!(thing.nothing().await.map_err(text)?, ());
    for value in [
        Value::Null,
        Value::I32(-7),
        Value::F64(2.5),
        "caf\u{e9} <&> \u{1f600}".into(),
        Value::List(vec![1.into(), Value::List(Vec::new()), "two".into()]),
        Value::Map(vec![("k".into(), Value::Map(vec![("l".into(), Value::Bool(true))]))]),
    ] {
        let got = thing.echo(value.clone()).await.map_err(text)?;
        if !same(&value, &got, false) {
            return Err(format!("the echo of {value:?} is {got:?}"));
        }
    }
    let Err(e) = thing.fail_code(42, "the message").await else { return Err("it does not fail".to_owned()) };
    same_as!(e.kind(), ErrorKind::Remote);
    let x = e.exception().ok_or("no exception")?;
    same_as!((x.code, &*x.message), (Some(42), "the message"));
    let Err(e) = thing.fail("illegal", Some("the message".to_owned())).await else {
        return Err("it is not raised".to_owned());
    };
    let x = e.exception().ok_or("no exception")?;
    if !x.is("IllegalArgumentException") || x.message != "the message" {
        return Err(format!("wanted an IllegalArgumentException, got {x:?}"));
    }
    same_as!(thing.big_text(50_000).await.map_err(text)?, thing::big_text(50_000));
    same_as!(thing.big_array(100).await.map_err(text)?, (0..100).collect::<Vec<i32>>());
    let blob = thing.blob(100_000).await.map_err(text)?;
    same_as!(*blob.0 == *thing::blob(100_000), true);
    same_as!(thing.size(Value::Bytes(blob.0)).await.map_err(text)?, 100_000);
    same_as!(thing.size("caf\u{e9}".into()).await.map_err(text)?, 4);
    same_as!(thing.slow(0.0).await.map_err(text)?, "done");
    let n = thing.count().await.map_err(text)?;
    same_as!(thing.count().await.map_err(text)?, n + 1);
    let person = thing.transform("Greg Turnquist a,b,c,x,y,z").await.map_err(text)?;
    same_as!(person, Person::new("Greg", "Turnquist", 42, &["a", "b", "c", "x", "y", "z"]));
    Ok(())
}

/// Against Java's server.
pub(crate) async fn over_java(c: &Ctx) -> Result<(), String> {
    // The very type that holds a local object elsewhere.
    suite(&ThingRef::remote(c.proxy().clone())).await
}

/// Here, and between Rust and Rust.
pub(crate) async fn places() -> Vec<(String, Result<(), String>)> {
    let mut all: Vec<(String, Result<(), String>)> = vec![
        ("local, the object itself".into(), suite(&object()).await),
        ("local, behind a ThingRef".into(), suite(&ThingRef::local(object())).await),
    ];
    for dialect in DIALECTS {
        let name = name_of(dialect);
        all.push((format!("rust-rust {name}"), over_rust(dialect).await));
        all.push((format!("rust-rust {name}, through a gateway"), through_gateway(dialect).await));
    }
    all
}

fn object() -> MyThing {
    let follow = Box::new(|url: &str| HessianProxy::builder(url));
    MyThing::new(&Arc::new(Home { base: OnceLock::new(), follow }))
}

async fn start(
    dialect: Dialect,
    service: impl springline_core::Service + 'static,
) -> Result<(HessianServer, HessianProxy), String> {
    let text = |e: springline_core::Error| e.report();
    let server = HessianServiceExporter::builder(service).bind("127.0.0.1:0").await.map_err(text)?;
    let proxy = HessianProxy::builder(&server.url()).dialect(dialect).build().map_err(text)?;
    Ok((server, proxy))
}

async fn over_rust(dialect: Dialect) -> Result<(), String> {
    let (_server, proxy) = start(dialect, ThingServer::new(object())).await?;
    suite(&ThingRef::remote(proxy)).await
}

/// A server that serves a proxy of another one.
async fn through_gateway(dialect: Dialect) -> Result<(), String> {
    let (_server, near) = start(dialect, ThingServer::new(object())).await?;
    let (_gateway, far) = start(dialect, near).await?;
    suite(&ThingProxy::new(far)).await
}
