//! One function against the trait, run over a local object, over XML-RPC between Rust and Rust in every way, through a
//! gateway, and over the peers' servers: client code does not know where its object is.

use std::sync::Arc;

use springline_core::service::Service;
use springline_core::{ErrorKind, Result, Value};
use springline_xmlrpc::client::XmlRpcProxy;
use springline_xmlrpc::server::XmlRpcServer;

use crate::call::Ctx;
use crate::peers::Scratch;
use crate::serve;
use crate::table::{Cell, Peer, Way};
use crate::thing::{MyThing, Thing, ThingProxy, ThingRef, ThingServer, Validator, ValidatorProxy};
use crate::values::same;

macro_rules! same_as {
    ($got:expr, $wanted:expr) => {
        let (got, wanted) = ($got, $wanted);
        if got != wanted {
            return Err(format!("{} is {got:?}, wanted {wanted:?}", stringify!($got)));
        }
    };
}

/// `exceptions`: whether the place has exceptions with classes.
async fn suite(thing: &impl Thing, exceptions: bool) -> Result<(), String> {
    let text = |e: springline_core::Error| e.report();
    same_as!(thing.get_data("Hello").await.map_err(text)?, "You got remote data => Hello");
    same_as!(thing.pow(41, 3).await.map_err(text)?, 68_921);
    same_as!(thing.add(-1, 2).await.map_err(text)?, 1);
    same_as!(thing.nothing().await.map_err(text)?, ());
    for value in [
        Value::Null,
        Value::I32(-7),
        Value::F64(2.5),
        "caf\u{e9} <&>".into(),
        Value::List(vec![1.into(), Value::List(Vec::new()), "two".into()]),
        Value::Map(vec![("k".into(), Value::Map(vec![("l".into(), Value::Bool(true))]))]),
    ] {
        let got = thing.echo(value.clone()).await.map_err(text)?;
        if !same(&value, &got) {
            return Err(format!("the echo of {value:?} is {got:?}"));
        }
    }
    let Err(e) = thing.fail(42, "the message").await else { return Err("it does not fail".to_owned()) };
    same_as!(e.kind(), ErrorKind::Remote);
    let x = e.exception().ok_or("no exception")?;
    same_as!((x.code, &*x.message), (Some(42), "the message"));
    if exceptions {
        let Err(e) = thing.raise_it("value", "the message").await else { return Err("it is not raised".to_owned()) };
        let x = e.exception().ok_or("no exception")?;
        if !x.is("ValueError") || x.message != "the message" {
            return Err(format!("wanted a ValueError, got {x:?}"));
        }
    }
    same_as!(thing.big_text(50_000).await.map_err(text)?, crate::thing::big_text(50_000));
    same_as!(thing.big_array(100).await.map_err(text)?, (0..100).collect::<Vec<i64>>());
    let blob = thing.blob(100_000).await.map_err(text)?;
    same_as!(*blob.0 == *crate::thing::blob(100_000), true);
    same_as!(thing.size(Value::Bytes(blob.0)).await.map_err(text)?, 100_000);
    same_as!(thing.size("caf\u{e9}".into()).await.map_err(text)?, if exceptions { 4 } else { 5 });
    same_as!(thing.slow(0.0).await.map_err(text)?, "done");
    let n = thing.count().await.map_err(text)?;
    same_as!(thing.count().await.map_err(text)?, n + 1);
    Ok(())
}

/// Against the server of a column.
pub(crate) async fn over_peer(c: &Ctx) -> Result<(), String> {
    // The very type that holds a local object elsewhere. C's texts are bytes, and it has no exceptions.
    suite(&ThingRef::remote(c.proxy().clone()), c.peer != Peer::C).await?;
    let validator = ValidatorProxy::new(c.proxy().object("validator1"));
    let text = |e: springline_core::Error| e.report();
    same_as!(validator.moderate_size_array(vec!["a".into(), "b".into(), "c".into()]).await.map_err(text)?, "ac");
    same_as!(validator.simple_struct_return(7).await.map_err(text)?.times1000, 7000);
    Ok(())
}

/// Here, and between Rust and Rust.
pub(crate) async fn places(scratch: &Arc<Scratch>) -> Vec<(String, Cell)> {
    let mut all = Vec::new();
    let mut add = |name: String, outcome: Result<(), String>| {
        all.push((name, outcome.map_or_else(Cell::Fail, |()| Cell::Ok)));
    };
    add("local, the object itself".into(), suite(&MyThing::default(), true).await);
    add("local, behind a ThingRef".into(), suite(&ThingRef::local(MyThing::default()), true).await);
    for way in Way::ALL {
        add(format!("rust-rust {}", way.name()), over_rust(scratch, way, "").await);
        add(format!("rust-rust {}, under a prefix", way.name()), over_rust(scratch, way, "things").await);
        add(format!("rust-rust {}, through a gateway", way.name()), through_gateway(scratch, way).await);
    }
    all
}

async fn start(
    scratch: &Scratch,
    way: Way,
    prefix: &str,
    service: impl Service + 'static,
) -> Result<(XmlRpcServer, XmlRpcProxy), String> {
    let text = |e: springline_core::Error| e.report();
    let server = serve::builder(scratch, way).register_service(prefix, service);
    let server = server.bind("127.0.0.1:0").await.map_err(text)?;
    let mut proxy = XmlRpcProxy::builder(&serve::url(&server, way)).allow_none(true).prefix(prefix);
    if way != Way::Plain {
        proxy = proxy.ca_certs(scratch.cert("ca-chain.pem")).certfile(scratch.cert("client-cert.pem"));
        proxy = proxy.keyfile(scratch.cert("client-key.pem"));
    }
    Ok((server, proxy.build().map_err(text)?))
}

async fn over_rust(scratch: &Scratch, way: Way, prefix: &str) -> Result<(), String> {
    let (_server, proxy) = start(scratch, way, prefix, ThingServer::new(MyThing::default())).await?;
    suite(&ThingRef::remote(proxy), true).await
}

/// A server that serves a proxy of another one.
async fn through_gateway(scratch: &Scratch, way: Way) -> Result<(), String> {
    let (_server, near) = start(scratch, way, "", ThingServer::new(MyThing::default())).await?;
    let (_gateway, far) = start(scratch, way, "", near).await?;
    suite(&ThingProxy::new(far), true).await
}
