//! Rust calls Pyro 3 on Python 2, feature by feature. The rows have the names that they have for the other generations.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use springline_core::{Blob, Error, ErrorKind, Exception, FnService, Reached, RemoteRef, Result, Value};
use springline_pyro::pyro3::{DAEMON_GUID, Daemon, Proxy, ProxyBuilder};

use crate::call::{Failure, Outcome, check, failed, raised};
use crate::call_errors::{KINDS, PYRO_KINDS};
use crate::call_values::SPECIAL;
use crate::peer::{PATIENCE, Server};
use crate::pyro3::{PASSPHRASE, same_in_python_2};
use crate::relay::Relay;
use crate::table::Peer;
use crate::thing;
use crate::values::{special, text};

/// What a feature works with.
pub(crate) struct Ctx {
    peer: Peer,
    server: Server,
    options: bool,
    mine: Daemon,
    token: String,
}

/// What our daemons offer to servers that call back.
pub(crate) fn callback() -> FnService {
    FnService::new("Callback").method("get_data", ["param"], |(param,): (String,)| async move {
        match &*param {
            "raise" => Err(Error::remote(Exception::new("ValueError", "from the callback"))),
            _ => Ok(format!("called back with {param}")),
        }
    })
}

impl Ctx {
    pub(crate) async fn new(peer: Peer, server: Server, options: bool) -> Self {
        let mine = Daemon::builder().version_4(peer == Peer::Pyro39).bind("127.0.0.1:0").await.expect("a free port");
        mine.register("callback", callback()).expect("the name is free");
        Self { peer, server, options, mine, token: format!("{:016x}", fastrand::u64(..)) }
    }

    fn builder(&self, uri: &str) -> ProxyBuilder {
        let builder = Proxy::builder(uri).expect("a URI").timeout(PATIENCE).connect_timeout(PATIENCE);
        if self.options { builder.identification(PASSPHRASE).compression(true).checksum(true) } else { builder }
    }

    fn at(&self, uri: &str) -> Proxy {
        self.builder(uri).build().expect("a proxy")
    }

    pub(crate) fn proxy(&self) -> Proxy {
        self.at(self.server.uri("location"))
    }

    pub(crate) fn callback(&self) -> RemoteRef {
        self.mine.reference("callback")
    }
}

pub(crate) async fn works(p: &Proxy) -> Outcome {
    let got: String = p.call("get_data", ("y",)).await?;
    check!(got == "You got remote data => y", "got {got:?}");
    Ok(())
}

/// The classes that `fail` raises, of Python's and of Pyro's own that Pyro 3 has.
fn kinds() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let of_pyro = PYRO_KINDS.iter().filter(|(class, _)| crate::pyro3::lacks(&format!("exception:{class}")).is_none());
    KINDS.iter().chain(of_pyro)
}

const PLAIN: [&str; 43] = [
    "call",
    "kwargs",
    "describe",
    "specials",
    "typed",
    "blob_down",
    "blob_up",
    "big_text",
    "handshake",
    "handshake_refused",
    "transport",
    "by_id",
    "unknown_object",
    "unknown_object_call",
    "compression",
    "checksum",
    "many_calls",
    "two_proxies",
    "dropped_call",
    "timeout",
    "reconnect",
    "restart",
    "maybe_executed",
    "exception_args",
    "exception_unicode",
    "exception_attributes",
    "exception_traceback",
    "exception_own",
    "exception_unserializable",
    "unknown_method",
    "private_method",
    "wrong_arguments",
    "attribute_get",
    "attribute_set",
    "attribute_refused",
    "oneway",
    "daemon_object",
    "own_methods",
    "uri_result",
    "proxy_result",
    "uri_argument",
    "callback",
    "objects",
];

/// All rows, but those of servers of their own.
pub(crate) fn rows() -> Vec<String> {
    let mut all: Vec<String> = PLAIN.iter().map(|row| (*row).to_owned()).collect();
    all.extend(special().iter().filter(|(name, _)| *name != "datetime_tz").map(|(name, _)| format!("echo:{name}")));
    all.extend(SPECIAL.iter().map(|name| format!("special:{name}")));
    all.extend(kinds().map(|(class, _)| format!("exception:{class}")));
    all.extend(["types_kept", "shared_and_cyclic"].map(str::to_owned));
    all
}

/// One feature, in bounded time.
pub(crate) async fn run(c: &Ctx, row: &str) -> Outcome {
    let outcome = tokio::time::timeout(PATIENCE, Box::pin(feature(c, row)));
    outcome.await.unwrap_or_else(|_| Err(Failure::Wrong(format!("not done within {PATIENCE:?}"))))
}

async fn feature(c: &Ctx, row: &str) -> Outcome {
    match row.split_once(':') {
        Some(("echo", name)) => return echo(c, name).await,
        Some(("special", name)) => {
            let got: Value = c.proxy().call("special", (name,)).await?;
            let wanted: String = c.proxy().call("special_text", (name,)).await?;
            check!(text_of(&got) == wanted, "wanted {wanted}, got {}", text_of(&got));
            return Ok(());
        }
        Some(("exception", class)) => {
            let kind = kinds().find(|(known, _)| *known == class).map_or(class, |(_, kind)| kind);
            let p = c.proxy();
            let x = raised(p.call::<Value>("fail", (kind, "the message")).await, class)?;
            check!(x.message == "the message" && x.args == ["the message".into()], "{x:?}");
            return works(&p).await;
        }
        _ => {}
    }
    match row {
        "call" => {
            let p = c.proxy();
            let got: String = p.call("get_data", ("Hello",)).await?;
            check!(got == "You got remote data => Hello", "got {got:?}");
            p.call::<()>("nothing", ()).await?;
            Ok(())
        }
        "kwargs" => {
            let p = c.proxy();
            let got = [
                p.call::<i64>("add", (1,)).await?,
                p.call("add", (1, 2)).await?,
                p.request("add").args((1,)).kwarg("b", 2).send().await?,
                p.request("add").kwarg("a", 1).kwarg("b", 2).kwarg("c", 3).send().await?,
                p.request("add").args((1,)).kwarg("c", 3).send().await?,
            ];
            check!(got == [11, 3, 3, 6, 14], "got {got:?}");
            Ok(())
        }
        "describe" => {
            let wanted = r#"[int:1, str:"x\u{e9}\"", float:2.5, None, bool:True, list[int:1, str:"two"]] {flag: bool:False, k: dict{str:"a": int:1}}"#;
            let mixed = vec![Value::I64(1), "two".into()];
            let p = c.proxy();
            let request = p.request("describe").args((1, "x\u{e9}\"", 2.5, (), true, mixed));
            let got: String = request.kwarg("k", BTreeMap::from([("a", 1)])).kwarg("flag", false).send().await?;
            check!(got == wanted, "got {got}, wanted {wanted}");
            Ok(())
        }
        "specials" => specials(c).await,
        "typed" => typed(c).await,
        "blob_down" => {
            let got: Blob = c.proxy().call("blob", (1 << 20,)).await?;
            check!(*got.0 == *thing::blob(1 << 20), "1 MiB did not arrive unharmed");
            Ok(())
        }
        "blob_up" => {
            let got: usize = c.proxy().call("size", (Blob::from([0, 255].repeat(1 << 19)),)).await?;
            check!(got == 1 << 20, "it has {got} bytes there");
            Ok(())
        }
        "big_text" => {
            let p = c.proxy();
            let got: String = p.call("big_text", (100_000,)).await?;
            check!(got == thing::big_text(100_000), "the text differs");
            let size: usize = p.call("size", (&got,)).await?;
            check!(size == 100_000, "it has {size} characters there");
            Ok(())
        }
        "handshake" | "transport" => {
            let p = c.proxy();
            p.ping().await?;
            let version = if c.peer == Peer::Pyro39 { 4 } else { 5 };
            check!(p.version() == Some(version), "version {:?}", p.version());
            works(&p).await
        }
        "handshake_refused" => handshake_refused(c).await,
        "by_id" => works(&c.at(c.server.uri("thing"))).await,
        "unknown_object" => {
            let p = c.at(&c.server.uri("location").replace("/thing", "/nosuch"));
            let x = raised(p.call::<String>("get_data", ("x",)).await, "NamingError")?;
            check!(x.args.first().and_then(Value::as_str) == Some("no object found by this name"), "{x:?}");
            Ok(())
        }
        "unknown_object_call" => unknown_object_call(c).await,
        "compression" | "checksum" if !c.options => Err(Failure::WithOptions),
        "compression" | "checksum" => packed(c).await,
        "many_calls" => {
            let p = c.proxy();
            for i in 0..500 {
                let got: i64 = p.call("add", (i, 1)).await?;
                check!(got == i + 1, "add({i}, 1) is {got}");
            }
            Ok(())
        }
        "two_proxies" => {
            let shared = c.proxy();
            let mut tasks = tokio::task::JoinSet::new();
            for base in [1000_i64, 2000, 3000] {
                let (own, shared) = (c.proxy(), shared.clone());
                tasks.spawn(async move {
                    for i in 0..50 {
                        let (a, b) =
                            tokio::join!(own.call::<i64>("echo", (base + i,)), shared.call::<i64>("echo", (base - i,)));
                        check!(a? == base + i && b? == base - i, "answers mixed up");
                    }
                    Ok(())
                });
            }
            while let Some(done) = tasks.join_next().await {
                done.map_err(|e| Failure::Wrong(e.to_string()))??;
            }
            Ok(())
        }
        "dropped_call" => {
            let p = c.proxy();
            works(&p).await?;
            for i in 0..40_i64 {
                // Dropped at whatever point it has come to.
                let gone = p.call::<i64>("echo", (-i,));
                let _ = tokio::time::timeout(Duration::from_micros(fastrand::u64(0..3000)), gone).await;
                let got: i64 = p.call("echo", (i,)).await?;
                check!(got == i, "somebody else's answer");
            }
            Ok(())
        }
        "timeout" => {
            let p = c.proxy();
            works(&p).await?;
            let slow = p.request("slow").args((1.0,)).timeout(Duration::from_millis(300));
            let e = failed(slow.send::<String>().await, ErrorKind::Timeout)?;
            check!(e.reached() == Reached::MaybeExecuted, "{e:?}");
            works(&p).await?;
            let p = c.builder(c.server.uri("location")).timeout(Duration::from_millis(300)).build()?;
            failed(p.call::<String>("slow", (1.0,)).await, ErrorKind::Timeout)?;
            Ok(())
        }
        "reconnect" => {
            let p = c.proxy();
            works(&p).await?;
            p.release();
            works(&p).await?;
            p.release();
            p.ping().await?;
            works(&p).await
        }
        "restart" => restart(c).await,
        "maybe_executed" => maybe_executed(c).await,
        "exception_args" => {
            let p = c.proxy();
            let x = raised(p.call::<Value>("fail", ("two", "the message")).await, "ValueError")?;
            check!(x.args.len() == 2 && x.args[1].as_i64() == Some(42), "{x:?}");
            check!(x.message == "('the message', 42)", "{x:?}");
            let x = raised(p.call::<Value>("fail", ("noargs", "")).await, "ValueError")?;
            check!(x.args.is_empty() && x.message.is_empty(), "{x:?}");
            let x = raised(p.call::<Value>("fail", ("os", "the message")).await, "OSError")?;
            check!(x.args.first().and_then(Value::as_i64) == Some(2), "{x:?}");
            let x = raised(p.call::<Value>("fail", ("stop", "the message")).await, "StopIteration")?;
            check!(x.message == "the message", "{x:?}");
            works(&p).await
        }
        "exception_unicode" => {
            let text = "caf\u{e9} \u{1f600} 'quoted'\n";
            let x = raised(c.proxy().call::<Value>("fail", ("value", text)).await, "ValueError")?;
            check!(x.message == text, "{x:?}");
            Ok(())
        }
        "exception_attributes" => {
            let x = raised(c.proxy().call::<Value>("fail", ("attrs", "the message")).await, "ValueError")?;
            check!(x.attribute("code").and_then(Value::as_i64) == Some(42), "{x:?}");
            check!(x.attribute("note").and_then(Value::as_str) == Some("extra"), "{x:?}");
            Ok(())
        }
        "exception_traceback" => {
            let x = raised(c.proxy().call::<Value>("fail", ("cause", "the message")).await, "RuntimeError")?;
            let traceback = x.traceback.unwrap_or_default();
            check!(traceback.contains("raise_it") && traceback.contains("the message"), "traceback: {traceback}");
            Ok(())
        }
        "exception_own" => {
            let x = raised(c.proxy().call::<Value>("fail", ("own", "the message")).await, "bank.BankError")?;
            check!(x.class == "bank.BankError" && x.message == "the message", "{x:?}");
            check!(x.attribute("balance").and_then(Value::as_i64) == Some(12), "{x:?}");
            check!(x.attribute("currency").and_then(Value::as_str) == Some("EUR"), "{x:?}");
            let x = raised(c.proxy().call::<Value>("fail", ("main", "the message")).await, "__main__.Hidden")?;
            check!(x.message == "the message", "{x:?}");
            Ok(())
        }
        "exception_unserializable" => {
            let p = c.proxy();
            match p.call::<Value>("fail", ("unserializable", "the message")).await {
                Err(e) if e.exception().is_some_and(|x| !x.message.is_empty()) => {}
                other => return Err(Failure::Wrong(format!("{other:?}"))),
            }
            works(&p).await
        }
        "unknown_method" => {
            let p = c.proxy();
            let x = raised(p.call::<Value>("nosuch", ()).await, "AttributeError")?;
            check!(x.message.contains("nosuch"), "{x:?}");
            works(&p).await
        }
        // Its servers let every attribute be called, but there is none of these names.
        "private_method" => {
            let p = c.proxy();
            for name in ["_private", "hidden", "get_data.__call__"] {
                raised(p.call::<Value>(name, ()).await, "AttributeError")?;
            }
            let got: String = p.call("_under", ()).await?;
            check!(got == "a name with an underscore", "got {got:?}");
            works(&p).await
        }
        "wrong_arguments" => {
            let p = c.proxy();
            raised(p.call::<Value>("get_data", ()).await, "TypeError")?;
            raised(p.call::<Value>("get_data", (1, 2)).await, "TypeError")?;
            raised(p.request("get_data").args(("x",)).kwarg("nosuch", 1).send::<Value>().await, "TypeError")?;
            raised(p.request("get_data").args(("x",)).kwarg("param", "y").send::<Value>().await, "TypeError")?;
            raised(p.call::<Value>("add", (1, 2, 3)).await, "TypeError")?;
            works(&p).await
        }
        "attribute_get" => {
            let got: String = c.proxy().get_attr("readonly").await?;
            check!(got == "fixed", "got {got:?}");
            Ok(())
        }
        "attribute_set" => {
            let p = c.proxy();
            let before: Value = p.get_attr("value").await?;
            p.set_attr("value", &c.token).await?;
            let got: String = p.get_attr("value").await?;
            check!(got == c.token, "got {got:?}");
            p.set_attr("value", &before).await?;
            Ok(())
        }
        "attribute_refused" => {
            let p = c.proxy();
            for name in ["_value", "nosuch"] {
                raised(p.get_attr::<Value>(name).await, "AttributeError")?;
            }
            if c.peer == Peer::Pyro39 {
                // Its objects are of old classes, which have no properties that refuse.
                return Ok(());
            }
            raised(p.set_attr("readonly", "changed").await, "AttributeError")?;
            let got: String = p.get_attr("readonly").await?;
            check!(got == "fixed", "readonly was changed");
            Ok(())
        }
        "oneway" => {
            let p = c.proxy();
            let token = format!("oneway {}", c.token);
            p.request("fire").args((&token, 0.5)).oneway().send::<()>().await?;
            if !c.options {
                // The server with options has one thread for everything.
                let all: Vec<String> = p.call("fired", ()).await?;
                check!(!all.contains(&token), "the call waited for the method's end");
            }
            while !p.call::<Vec<String>>("fired", ()).await?.contains(&token) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        }
        "daemon_object" => {
            let (host, guid) = c.server.uri("thing").rsplit_once('/').expect("an id");
            let servant = c.at(&format!("{host}/{DAEMON_GUID}"));
            let all: Value = servant.call("getRegistered", ()).await?;
            check!(all.field(guid).and_then(Value::as_str) == Some("thing"), "{all:?}");
            let found: String = servant.call("ResolvePYROLOC", ("thing",)).await?;
            check!(found == guid, "got {found}");
            let names = c.proxy().registered().await?;
            check!(names.contains(&"other".to_owned()) && names.contains(&"thing".to_owned()), "{names:?}");
            Ok(())
        }
        "own_methods" => {
            let p = c.proxy();
            let guid: String = p.call("GUID", ()).await?;
            check!(c.server.uri("thing").ends_with(&guid), "got {guid}");
            for method in ["getProxy", "getAttrProxy"] {
                let got: RemoteRef = p.call(method, ()).await?;
                check!(got.proxy && got.uri == c.server.uri("thing"), "got {got:?}");
            }
            let (method, value): (i64, i64) =
                (p.call("_r_ha", ("get_data",)).await?, p.call("_r_ha", ("value",)).await?);
            check!((method, value) == (1, 2), "got {method} and {value}");
            Ok(())
        }
        "uri_result" => {
            let got: RemoteRef = c.proxy().call("give_uri", ()).await?;
            check!(!got.proxy && got.uri == c.server.uri("other"), "got {got:?}");
            let who: String = c.at(&got.uri).call("who", ()).await?;
            check!(who == "other", "got {who:?}");
            Ok(())
        }
        "proxy_result" => {
            for method in ["give_proxy", "give_attr_proxy"] {
                let got: RemoteRef = c.proxy().call(method, ()).await?;
                check!(got.proxy && got.uri == c.server.uri("other"), "got {got:?}");
                let other = if c.options { c.at(&got.uri) } else { Proxy::for_ref(&got)? };
                let got: String = other.call("greet", ("you",)).await?;
                check!(got == "Hello, you", "got {got:?}");
            }
            Ok(())
        }
        "uri_argument" => {
            let uri = c.server.uri("thing");
            let got: RemoteRef = c.proxy().call("echo", (RemoteRef::uri(uri),)).await?;
            check!(!got.proxy && got.uri == uri, "got {got:?}");
            let kind: String = c.proxy().call("types", (RemoteRef::uri(uri),)).await?;
            check!(["PyroURI", "instance"].contains(&&*kind), "Python sees a {kind}");
            let kind: String = c.proxy().call("types", (c.callback(),)).await?;
            check!(["DynamicProxy", "instance"].contains(&&*kind), "Python sees a {kind}");
            Ok(())
        }
        "callback" => {
            let p = c.proxy();
            let got: String = p.call("call_back", (c.callback(), "x")).await?;
            check!(got == "called back with x", "got {got:?}");
            let x = raised(p.call::<String>("call_back", (c.callback(), "raise")).await, "ValueError")?;
            check!(x.message == "from the callback", "{x:?}");
            let got: String = p.call("call_back", (RemoteRef::uri(c.callback().uri), "by URI")).await?;
            check!(got == "called back with by URI", "got {got:?}");
            works(&p).await
        }
        "objects" => {
            let objects: Value = c.proxy().call("objects", ()).await?;
            let point = objects.get(0).cloned().unwrap_or_default();
            check!(point.class() == Some("shapes.Point") && point.field("x") == Some(&Value::I64(1)), "{point:?}");
            let old = objects.get(1).cloned().unwrap_or_default();
            check!(old.class() == Some("shapes.Old") && old.field("name").is_some(), "{old:?}");
            Ok(())
        }
        "types_kept" => {
            let p = c.proxy();
            for (value, kind) in [
                (Value::from("ascii"), "str"),
                ("\u{e9}".into(), "unicode"),
                (Value::I64(1 << 40), "int"),
                (Value::Bytes(vec![255].into()), "str"),
                (Value::Tuple(vec![]), "tuple"),
                (Value::FrozenSet(vec![]), "frozenset"),
                (Value::Complex(1.0, 2.0), "complex"),
                (Value::Decimal("1.50".into()), "Decimal"),
            ] {
                let got: String = p.call("kind", (&value,)).await?;
                check!(got == kind, "{value:?} is a {got} there");
            }
            Ok(())
        }
        "shared_and_cyclic" => {
            let ring = Value::List(vec![Value::List(vec![Value::I64(1)]), Value::Back(1), Value::Back(0)]);
            let got: Value = c.proxy().call("echo", (&ring,)).await?;
            check!(got == ring, "got {got:?}");
            let got: Value = c.proxy().call("twice", (vec![1_i64],)).await?;
            check!(got == Value::List(vec![Value::List(vec![Value::I64(1)]), Value::Back(1)]), "got {got:?}");
            Ok(())
        }
        other => Err(Failure::Wrong(format!("nothing tests {other}"))),
    }
}

async fn echo(c: &Ctx, name: &str) -> Outcome {
    let Some((_, value)) = special().into_iter().find(|(known, _)| *known == name) else {
        return Err(Failure::Wrong(format!("there is no {name}")));
    };
    let got: Value = c.proxy().call("echo", (&value,)).await?;
    check!(same_in_python_2(&value, &got), "sent {}, got {}", text(&value), text(&got));
    Ok(())
}

// The text form, with what has no type of its own here by Python's name for it.
fn text_of(value: &Value) -> String {
    match value {
        Value::Object(o) if o.class == "datetime.timedelta" => {
            let parts: Vec<f64> = value
                .field("__args__")
                .and_then(Value::as_items)
                .unwrap_or_default()
                .iter()
                .map(|part| part.as_i64().unwrap_or_default() as f64)
                .collect();
            match parts.as_slice() {
                [days, seconds, micros] => {
                    text(&Value::F64(days * 86400.0 + seconds + micros / 1e6)).replace("float", "timedelta")
                }
                _ => text(value),
            }
        }
        Value::Str(uuid) if uuid.len() == 36 && uuid.split('-').count() == 5 => format!("UUID:{uuid}"),
        other => text(other),
    }
}

// Every special value, compared with what the server says that it is.
async fn specials(c: &Ctx) -> Outcome {
    let p = c.proxy();
    let names: Vec<String> = p.call("specials", ()).await?;
    check!(names.len() > 60, "only {} values", names.len());
    let mut wrong = Vec::new();
    for name in names {
        // Halves of characters are no text here; the others are what they are made of.
        let skipped = [
            "str_surrogate",
            "bytearray",
            "namedtuple",
            "ordereddict",
            "array_int",
            "array_float",
            "deque",
            "exception",
            "shared",
        ];
        let got: Result<Value> = p.call("special", (&name,)).await;
        let got = match got {
            Ok(got) => got,
            Err(_) if name == "str_surrogate" => continue,
            Err(e) => return Err(Failure::Wrong(format!("{name}: {}", e.report()))),
        };
        if skipped.contains(&&*name) {
            continue;
        }
        let wanted: String = p.call("special_text", (&name,)).await?;
        if text_of(&got) != wanted {
            wrong.push(format!("{name}: {} for {wanted}", text_of(&got)));
        }
    }
    check!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(())
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Order {
    id: i64,
    lines: Vec<(String, f64)>,
    note: Option<String>,
    missing: Option<String>,
    tags: BTreeMap<String, i64>,
    big: u128,
}

async fn typed(c: &Ctx) -> Outcome {
    let p = c.proxy();
    let order = Order {
        id: i64::MIN,
        lines: vec![("caf\u{e9}".into(), 2.5), (String::new(), 1.0)],
        note: Some("gift".into()),
        missing: None,
        tags: BTreeMap::from([("a".into(), 1), ("b".into(), -2)]),
        big: u128::MAX,
    };
    let got: Order = p.call("echo", (&order,)).await?;
    check!(got == order, "sent {order:?}, got {got:?}");
    let kind: String = p.call("types", (&order,)).await?;
    check!(kind == "dict", "Python sees a {kind}");
    let numbers: Vec<i64> = (0..1000).collect();
    let got: Vec<i64> = p.call("echo", (&numbers,)).await?;
    check!(got == numbers, "numbers differ");
    let e = failed(p.call::<i64>("get_data", ("x",)).await, ErrorKind::Mismatch)?;
    check!(e.reached() == Reached::Answered, "a wrong type is {:?}", e.reached());
    works(&p).await
}

async fn handshake_refused(c: &Ctx) -> Outcome {
    if !c.options {
        return Err(Failure::WithOptions);
    }
    let bare = || Proxy::builder(c.server.uri("location")).expect("a URI").timeout(PATIENCE);
    for builder in [bare(), bare().identification("not the passphrase")] {
        let e = failed(builder.build()?.call::<String>("get_data", ("x",)).await, ErrorKind::Denied)?;
        check!(e.message().contains("identification") && e.reached() == Reached::NotSent, "{e:?}");
    }
    Ok(())
}

// An object that goes away while a client is connected to it.
async fn unknown_object_call(c: &Ctx) -> Outcome {
    let p = c.proxy();
    let name = format!("lent_{}", c.token);
    p.call::<()>("lend", (&name,)).await?;
    let lent = c.at(&c.server.uri("location").replace("/thing", &format!("/{name}")));
    let who: String = lent.call("who", ()).await?;
    check!(who == "other", "got {who:?}");
    p.call::<()>("withdraw", (&name,)).await?;
    let x = raised(lent.call::<String>("who", ()).await, "ProtocolError")?;
    check!(x.message.contains("unknown object ID"), "{x:?}");
    failed(c.at(&format!("{}0", c.server.uri("thing"))).ping().await, ErrorKind::NotFound)?;
    works(&p).await
}

async fn restart(c: &Ctx) -> Outcome {
    let release = c.server.uri("release").to_owned();
    let first = Server::start(&release, &[]).await;
    let uri = first.uri("location").to_owned();
    let p = Proxy::builder(&uri)?.timeout(PATIENCE).build()?;
    for n in 1..=2_i64 {
        let count: i64 = p.call("count", ()).await?;
        check!(count == n, "count() is {count}");
    }
    first.stop().await;
    let e = failed(p.call::<i64>("count", ()).await, ErrorKind::Unavailable)?;
    check!(e.reached() == Reached::NotSent, "{e:?}");
    let port = uri.rsplit(':').next().and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let second = Server::start(&release, &["--port", port]).await;
    // It has another id now: the name is asked for again.
    let count: i64 = p.call("count", ()).await?;
    check!(count == 1, "count() is {count} after the restart");
    // The end of the server while a call is in progress.
    let relay = Relay::to_pyro3(&uri).await;
    let p = Proxy::builder(&relay.uri)?.timeout(PATIENCE).build()?;
    p.ping().await?;
    let before = relay.seen.to_server.load(Ordering::Acquire);
    let end = async {
        relay.passed_on(before).await;
        second.stop().await;
    };
    let (result, ()) = tokio::join!(p.call::<String>("slow", (60.0,)), end);
    let e = failed(result, ErrorKind::Closed)?;
    check!(e.reached() == Reached::MaybeExecuted, "{e:?}");
    Ok(())
}

// A call whose answer got lost has run once, and is not sent again.
async fn maybe_executed(c: &Ctx) -> Outcome {
    let relay = Relay::to_pyro3(c.server.uri("location")).await;
    let p = c.at(&relay.uri);
    let before: i64 = p.call("count", ()).await?;
    relay.seen.cut.store(true, Ordering::Release);
    let e = failed(p.call::<Value>("count", ()).await, ErrorKind::Closed)?;
    check!(e.reached() == Reached::MaybeExecuted, "{e:?}");
    let after: i64 = p.call("count", ()).await?;
    check!(after == before + 2, "count() was {before} and is {after}");
    Ok(())
}

// The server has to unpack what it gets, and bodies are smaller than what is in them; a checksum that was wrong it would refuse.
async fn packed(c: &Ctx) -> Outcome {
    let relay = Relay::to_pyro3(c.server.uri("location")).await;
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
}
