//! The object of the peers' interface, served from Rust. What a trait can say is in the trait, which the suite in
//! `suite.rs` calls as well; `describe(*args, **kwargs)` and the keyword-only argument of `add` are done by hand.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use springline_core::service::{Call, CallKind, MethodInfo, ParamInfo, Reply, ServiceInfo};
use springline_core::{
    Blob, BoxFuture, Error, ErrorKind, Exception, FnService, RemoteRef, Result, Service, Value, context,
};
use springline_macros::remote;
use springline_pyro::{Daemon, Proxy, Serializer, Version, pyro3};
use tokio::sync::watch;

use crate::values;

#[remote(crate = "springline_core")]
pub(crate) trait Thing {
    async fn get_data(&self, param: &str) -> Result<String>;
    async fn echo(&self, x: Value) -> Result<Value>;
    async fn types(&self, x: Value) -> Result<String>;
    async fn nothing(&self) -> Result<()>;
    async fn fail(&self, kind: &str, message: &str) -> Result<()>;
    #[remote(oneway)]
    async fn fire(&self, token: String, delay: Option<f64>) -> Result<()>;
    async fn fired(&self) -> Result<Vec<String>>;
    #[remote(attr)]
    async fn value(&self) -> Result<Value>;
    #[remote(attr, set)]
    async fn set_value(&self, value: Value) -> Result<()>;
    #[remote(attr)]
    async fn readonly(&self) -> Result<String>;
    async fn annotations(&self) -> Result<BTreeMap<String, String>>;
    async fn correlation(&self) -> Result<String>;
    async fn blob(&self, n: usize) -> Result<Blob>;
    async fn big_text(&self, n: usize) -> Result<String>;
    async fn size(&self, data: Value) -> Result<usize>;
    async fn slow(&self, seconds: f64) -> Result<String>;
    async fn special(&self, name: &str) -> Result<Value>;
    async fn specials(&self) -> Result<Vec<String>>;
    async fn give_uri(&self) -> Result<RemoteRef>;
    async fn give_proxy(&self) -> Result<RemoteRef>;
    async fn give_other(&self) -> Result<RemoteRef>;
    async fn call_back(&self, proxy: RemoteRef, x: Value) -> Result<Value>;
    #[remote(idempotent)]
    async fn count(&self) -> Result<i64>;
}

/// What a thing needs of its surroundings.
#[derive(Clone, Default)]
pub(crate) struct Surroundings {
    /// Set once the daemon is there.
    pub(crate) daemon: Arc<Mutex<Weak<Daemon>>>,
    pub(crate) rooms: Arc<Rooms>,
    /// For the calls that it makes itself.
    pub(crate) serializer: Serializer,
    pub(crate) key: Option<&'static str>,
    /// The other object, where the daemon is one of Pyro 3.
    pub(crate) other: Option<RemoteRef>,
    /// Of those whom it calls, where it is not found out.
    pub(crate) version: Option<Version>,
}

impl Surroundings {
    fn daemon(&self) -> Result<Arc<Daemon>> {
        let daemon = self.daemon.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        daemon.ok_or_else(|| Error::new(ErrorKind::Internal, "there is no daemon"))
    }
}

pub(crate) struct MyThing {
    around: Surroundings,
    fired: Mutex<Vec<String>>,
    count: AtomicI64,
    value: Mutex<Value>,
}

impl MyThing {
    pub(crate) fn new(around: Surroundings) -> Self {
        Self { around, fired: Mutex::default(), count: AtomicI64::new(0), value: Mutex::new("initial".into()) }
    }
}

fn exception(class: &str, message: &str) -> Error {
    Error::remote(Exception::new(class, message))
}

fn failure(kind: &str, message: &str) -> Error {
    let plain = match kind {
        "value" => "ValueError",
        "key" => "KeyError",
        "zero" => "ZeroDivisionError",
        "type" => "TypeError",
        "index" => "IndexError",
        "attribute" => "AttributeError",
        "runtime" | "cause" => "RuntimeError",
        "assert" => "AssertionError",
        "notimpl" => "NotImplementedError",
        "stop" => "StopIteration",
        "pyro" => "PyroError",
        "naming" => "NamingError",
        "daemon" => "DaemonError",
        "security" => "SecurityError",
        "serialize" => "SerializeError",
        "main" => "__main__.Hidden",
        "own" => {
            let e = Exception::new("bank.BankError", message);
            return Error::remote(e.with_attribute("balance", 12).with_attribute("currency", "EUR"));
        }
        "attrs" => {
            let e = Exception::new("ValueError", message);
            return Error::remote(e.with_attribute("code", 42).with_attribute("note", "extra"));
        }
        "two" => {
            return Error::remote(Exception::new("ValueError", message).with_args(vec![message.into(), 42.into()]));
        }
        "noargs" => return Error::remote(Exception::new("ValueError", "").with_args(Vec::new())),
        "os" => return Error::remote(Exception::new("OSError", message).with_args(vec![2.into(), message.into()])),
        _ => return exception("ValueError", &format!("no such kind: {kind}")),
    };
    exception(plain, message)
}

impl Thing for MyThing {
    async fn get_data(&self, param: &str) -> Result<String> {
        Ok(format!("You got remote data => {param}"))
    }

    async fn echo(&self, x: Value) -> Result<Value> {
        Ok(x)
    }

    async fn types(&self, x: Value) -> Result<String> {
        Ok(values::type_name(&x))
    }

    async fn nothing(&self) -> Result<()> {
        Ok(())
    }

    async fn fail(&self, kind: &str, message: &str) -> Result<()> {
        Err(failure(kind, message))
    }

    async fn fire(&self, token: String, delay: Option<f64>) -> Result<()> {
        tokio::time::sleep(Duration::from_secs_f64(delay.unwrap_or(0.0))).await;
        self.fired.lock().unwrap_or_else(PoisonError::into_inner).push(token);
        Ok(())
    }

    async fn fired(&self) -> Result<Vec<String>> {
        Ok(self.fired.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn value(&self) -> Result<Value> {
        Ok(self.value.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn set_value(&self, value: Value) -> Result<()> {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = value;
        Ok(())
    }

    async fn readonly(&self) -> Result<String> {
        Ok("fixed".to_owned())
    }

    async fn annotations(&self) -> Result<BTreeMap<String, String>> {
        context::set_reply_annotation("XYZZ", "custom reply annotation");
        let seen = context::metadata().unwrap_or_default().annotations;
        Ok(seen.into_iter().map(|(k, v)| (k.into_owned(), String::from_utf8_lossy(&v).into_owned())).collect())
    }

    async fn correlation(&self) -> Result<String> {
        let mut metadata = context::metadata().unwrap_or_default();
        metadata.correlation_id.get_or_insert_with(|| fastrand::u128(..).to_be_bytes());
        metadata.correlation_text().ok_or_else(|| Error::new(ErrorKind::Internal, "there is an id"))
    }

    async fn blob(&self, n: usize) -> Result<Blob> {
        Ok(blob(n).into())
    }

    async fn big_text(&self, n: usize) -> Result<String> {
        Ok(big_text(n))
    }

    async fn size(&self, data: Value) -> Result<usize> {
        match (&data, data.as_bytes()) {
            (_, Some(bytes)) => Ok(bytes.len()),
            (Value::Str(text), _) => Ok(text.chars().count()),
            _ => Err(exception("TypeError", "it has no size")),
        }
    }

    async fn slow(&self, seconds: f64) -> Result<String> {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        Ok("done".to_owned())
    }

    async fn special(&self, name: &str) -> Result<Value> {
        let found = values::special().into_iter().find(|(n, _)| *n == name);
        found.map(|(_, value)| value).ok_or_else(|| exception("KeyError", name))
    }

    async fn specials(&self) -> Result<Vec<String>> {
        Ok(values::special().into_iter().map(|(name, _)| name.to_owned()).collect())
    }

    async fn give_uri(&self) -> Result<RemoteRef> {
        if let Some(other) = &self.around.other {
            return Ok(RemoteRef::uri(&other.uri));
        }
        Ok(RemoteRef::uri(self.around.daemon()?.uri("other").to_string()))
    }

    async fn give_proxy(&self) -> Result<RemoteRef> {
        match &self.around.other {
            Some(other) => Ok(other.clone()),
            None => Ok(self.around.daemon()?.reference("other")),
        }
    }

    async fn give_other(&self) -> Result<RemoteRef> {
        self.give_proxy().await
    }

    async fn call_back(&self, proxy: RemoteRef, x: Value) -> Result<Value> {
        if pyro3::Uri::looks_like(&proxy.uri) {
            return pyro3::Proxy::new(&proxy.uri)?.call("get_data", (x,)).await;
        }
        let mut builder =
            Proxy::builder(&proxy.uri)?.serializer(self.around.serializer).timeout(Duration::from_secs(30));
        if let Some(key) = self.around.key {
            builder = builder.hmac_key(key);
        }
        if let Some(version) = self.around.version {
            builder = builder.version(version);
        }
        builder.build()?.call("get_data", (x,)).await
    }

    async fn count(&self) -> Result<i64> {
        Ok(self.count.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

pub(crate) fn blob(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i % 251) as u8).collect()
}

pub(crate) fn big_text(n: usize) -> String {
    "The quick brown fox. ".chars().cycle().take(n).collect()
}

/// Where calls of different clients wait for one another.
#[derive(Default)]
pub(crate) struct Rooms {
    inside: watch::Sender<HashMap<String, BTreeSet<String>>>,
}

impl Rooms {
    /// Waits until clients of so many protocols are in the room; gives their names.
    async fn meet(&self, room: &str, n: usize) -> Result<Vec<String>> {
        let peer = context::peer().ok_or_else(|| Error::new(ErrorKind::Internal, "a call without a peer"))?;
        if peer.address.is_empty() {
            return Err(Error::new(ErrorKind::Internal, "a peer without an address"));
        }
        self.inside.send_modify(|rooms| {
            rooms.entry(room.to_owned()).or_default().insert(peer.protocol.clone());
        });
        let mut inside = self.inside.subscribe();
        let all = inside.wait_for(|rooms| rooms.get(room).is_some_and(|here| here.len() >= n));
        match tokio::time::timeout(Duration::from_secs(120), all).await {
            Ok(Ok(rooms)) => Ok(rooms.get(room).into_iter().flatten().cloned().collect()),
            _ => Err(exception("TimeoutError", "nobody else came")),
        }
    }
}

/// The trait's methods and those that are done by hand.
pub(crate) struct Served {
    inner: ThingServer<MyThing>,
    info: ServiceInfo,
    around: Surroundings,
}

impl Served {
    pub(crate) fn new(around: Surroundings) -> Self {
        let inner = ThingServer::new(MyThing::new(around.clone()));
        let mut info = inner.describe().cloned().unwrap_or_default();
        let param = |name: &'static str, optional| ParamInfo { name: name.into(), optional, ..ParamInfo::default() };
        let methods = info.methods.to_mut();
        let mut by_hand = |name: &'static str, params: Vec<ParamInfo>| {
            methods.push(MethodInfo { name: name.into(), params: params.into(), ..MethodInfo::default() });
        };
        by_hand("add", vec![param("a", false), param("b", true), param("c", true)]);
        by_hand("describe", Vec::new());
        by_hand("meet", vec![param("room", false), param("n", false)]);
        Self { inner, info, around }
    }

    async fn by_hand(&self, call: &Call<'_>) -> Result<Value> {
        let info = self.info.method(call.method).ok_or_else(|| Error::new(ErrorKind::NotFound, "no such method"))?;
        match call.method {
            "describe" => {
                let args = call.args.to_value()?;
                let kwargs = call.kwargs.as_ref().map(|k| k.to_value()).transpose()?.unwrap_or_default();
                let text = values::describe(args.as_items().unwrap_or_default(), kwargs.as_pairs().unwrap_or_default());
                Ok(text.into())
            }
            "add" => {
                let given = call.args.to_value()?.as_items().map_or(0, <[Value]>::len);
                if given > 2 {
                    let text = format!("add() takes from 1 to 2 positional arguments but {given} were given");
                    return Err(Error::new(ErrorKind::Arguments, text));
                }
                let (a, b, c) = call.read_args::<(i64, Option<i64>, Option<i64>)>(info)?;
                Ok((a + b.unwrap_or(10) + c.unwrap_or(0)).into())
            }
            _ => {
                let (room, n) = call.read_args::<(String, usize)>(info)?;
                let waiting = Box::pin(self.around.rooms.meet(&room, n));
                let (here, _) = context::Scope::new(&call.options, waiting).await;
                Ok(here?.into_iter().map(Value::Str).collect())
            }
        }
    }
}

impl Service for Served {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        if call.kind == CallKind::Method && matches!(call.method, "describe" | "add" | "meet") {
            return Box::pin(async move { self.by_hand(call).await.map(Reply::from) });
        }
        self.inner.call(call)
    }

    fn describe(&self) -> Option<&ServiceInfo> {
        Some(&self.info)
    }
}

/// The second object.
pub(crate) fn other() -> FnService {
    FnService::new("Other").method("who", [], |()| async { Ok("other".to_owned()) }).method(
        "greet",
        ["name"],
        |(name,): (String,)| async move { Ok(format!("Hello, {name}")) },
    )
}
