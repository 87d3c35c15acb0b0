//! `#[remote]`: the same trait through a local object, a proxy over a server, and both behind an `AccountRef`.
#![allow(missing_docs, clippy::ptr_arg, clippy::too_many_arguments)]

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use springline_core::{
    Blob, BoxFuture, Call, CallKind, Error, ErrorKind, Metadata, Payload, Reply, Result, Service, ServiceInfo, Value,
    context,
};
use springline_macros::remote;

fn ready<F: Future>(f: F) -> F::Output {
    match pin!(f).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(v) => v,
        Poll::Pending => panic!("nothing here waits"),
    }
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Order {
    id: i64,
    lines: Vec<String>,
}

/// A bank account.
///
/// With a second paragraph.
#[remote(crate = "springline_core", name = "bank.Account", rename_all = "camelCase")]
pub trait Account {
    /// Says who asks.
    async fn get_data(&self, param: &str) -> Result<String>;
    #[remote(name = "balance_of", idempotent)]
    async fn balance(&self, id: i64, at: Option<String>) -> Result<i64>;
    #[remote(oneway)]
    async fn log(&self, line: String) -> Result<()>;
    #[remote(attr)]
    async fn value(&self) -> Result<i64>;
    #[remote(attr, set)]
    async fn set_value(&self, v: i64) -> Result<()>;
    async fn shapes(
        &self,
        text: &str,
        bytes: &[u8],
        items: &[i64],
        order: &Order,
        maybe_text: Option<&str>,
        maybe_bytes: Option<&[u8]>,
        maybe_order: Option<&Order>,
        string: &String,
    ) -> Result<String>;
    async fn nothing(&self) -> Result<()>;
    async fn both_missing(&self) -> Result<Option<i64>> {
        self.value().await.map(|v| Some(v + 1))
    }
    /// Names that the expansion itself might use.
    async fn names(&self, call: i64, options: i64, service: i64, r#type: i64) -> Result<i64>;
    #[cfg(any())]
    async fn not_there(&self, x: NoSuchType) -> Result<()>;
    #[cfg(test)]
    async fn there(&self) -> Result<i64>;
    #[allow(unused_variables)]
    #[deprecated = "for a test"]
    async fn old(&self, mut list: Vec<i64>) -> Result<Vec<i64>> {
        list.push(1);
        Ok(list)
    }
}

#[derive(Default)]
struct Mine {
    value: AtomicI64,
    log: Mutex<Vec<String>>,
}

impl Account for Mine {
    async fn get_data(&self, param: &str) -> Result<String> {
        context::set_reply_annotation("SEEN", param.to_owned());
        match param {
            "" => Err(Error::remote(springline_core::Exception::new("ValueError", "empty"))),
            p => Ok(format!("got {p}")),
        }
    }

    async fn balance(&self, id: i64, at: Option<String>) -> Result<i64> {
        Ok(id * 100 + at.map_or(0, |a| a.len() as i64))
    }

    async fn log(&self, line: String) -> Result<()> {
        self.log.lock().unwrap().push(line);
        Ok(())
    }

    async fn value(&self) -> Result<i64> {
        Ok(self.value.load(Ordering::Relaxed))
    }

    async fn set_value(&self, v: i64) -> Result<()> {
        self.value.store(v, Ordering::Relaxed);
        Ok(())
    }

    async fn shapes(
        &self,
        text: &str,
        bytes: &[u8],
        items: &[i64],
        order: &Order,
        maybe_text: Option<&str>,
        maybe_bytes: Option<&[u8]>,
        maybe_order: Option<&Order>,
        string: &String,
    ) -> Result<String> {
        Ok(format!("{text} {bytes:?} {items:?} {order:?} {maybe_text:?} {maybe_bytes:?} {maybe_order:?} {string}"))
    }

    async fn nothing(&self) -> Result<()> {
        Ok(())
    }

    async fn names(&self, call: i64, options: i64, service: i64, r#type: i64) -> Result<i64> {
        Ok(call + 10 * options + 100 * service + 1000 * r#type)
    }

    async fn there(&self) -> Result<i64> {
        Ok(1)
    }
}

/// Kind, name, arguments, whether oneway, whether idempotent.
type Record = (CallKind, String, Value, bool, bool);

/// A service that writes down what passes.
struct Recorder<S> {
    inner: S,
    calls: Mutex<Vec<Record>>,
}

impl<S: Service> Recorder<S> {
    fn new(inner: S) -> Arc<Self> {
        Arc::new(Self { inner, calls: Mutex::default() })
    }

    fn last(&self) -> Record {
        self.calls.lock().unwrap().last().cloned().expect("a call")
    }
}

impl<S: Service> Service for Recorder<S> {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        let args = call.args.to_value().unwrap();
        let record = (call.kind, call.method.to_owned(), args, call.options.oneway, call.options.idempotent);
        self.calls.lock().unwrap().push(record);
        self.inner.call(call)
    }

    fn describe(&self) -> Option<&ServiceInfo> {
        self.inner.describe()
    }
}

/// What every kind of account must do.
async fn suite(account: &impl Account) -> Result<()> {
    assert_eq!(account.get_data("x").await?, "got x");
    let e = account.get_data("").await.unwrap_err();
    assert_eq!(e.exception().map(|e| e.class.as_str()), Some("ValueError"));
    assert_eq!(account.balance(2, None).await?, 200);
    assert_eq!(account.balance(2, Some("now".into())).await?, 203);
    account.log("line".into()).await?;
    account.set_value(7).await?;
    assert_eq!(account.value().await?, 7);
    assert_eq!(account.both_missing().await?, Some(8));
    assert_eq!(account.names(1, 2, 3, 4).await?, 4321);
    assert_eq!(account.there().await?, 1);
    account.nothing().await?;
    let order = Order { id: 5, lines: vec!["a".into()] };
    let expected =
        r#"t [1, 2] [3, 4] Order { id: 5, lines: ["a"] } Some("m") Some([9]) Some(Order { id: 5, lines: ["a"] }) s"#;
    let string = "s".to_owned();
    let shapes = account.shapes("t", &[1, 2], &[3, 4], &order, Some("m"), Some(&[9]), Some(&order), &string);
    assert_eq!(shapes.await?, expected);
    let string = String::new();
    let shapes = account.shapes("", &[], &[], &order, None, None, None, &string);
    assert_eq!(shapes.await?, r#" [] [] Order { id: 5, lines: ["a"] } None None None "#);
    #[allow(deprecated)]
    let old = account.old(vec![3]).await?;
    assert_eq!(old, [3, 1]);
    Ok(())
}

#[test]
fn the_same_suite_for_every_kind_of_account() {
    ready(suite(&Mine::default())).unwrap();
    ready(suite(&Arc::new(Mine::default()))).unwrap();
    ready(suite(&AccountRef::local(Mine::default()))).unwrap();
    ready(suite(&AccountRef::from(Arc::new(Mine::default())))).unwrap();
    ready(suite(&AccountProxy::new(AccountServer::new(Mine::default())))).unwrap();
    ready(suite(&AccountRef::remote(AccountServer::new(Mine::default())))).unwrap();
    ready(suite(&AccountRef::remote(AccountServer::new(AccountRef::local(Mine::default()))))).unwrap();
    let service: Arc<dyn Service> = Arc::new(AccountServer::new(Mine::default()));
    ready(suite(&AccountRef::from(service.clone()))).unwrap();
    ready(suite(&AccountProxy::new(service))).unwrap();
    ready(suite(&AccountProxy::new(AccountRef::local(Mine::default()).into_service()))).unwrap();
}

#[test]
fn futures_and_types_are_send() {
    fn send<T: Send>(t: T) -> T {
        t
    }
    fn shared<T: Send + Sync + Clone + std::fmt::Debug + 'static>(t: T) -> T {
        t
    }
    let account = shared(AccountRef::local(Mine::default()));
    ready(send(account.get_data("x"))).unwrap();
    let proxy = shared(AccountProxy::new(Arc::new(AccountServer::new(account.clone()))));
    ready(send(proxy.get_data("x"))).unwrap();
    fn generic<A: Account>(a: &A) -> impl Future<Output = Result<i64>> + Send {
        a.value()
    }
    ready(generic(&proxy)).unwrap();
}

#[test]
fn what_goes_over_the_wire() {
    let recorder = Recorder::new(AccountServer::new(Mine::default()));
    let proxy = AccountProxy::new(recorder.clone());
    let tuple = |v: Vec<Value>| Value::Tuple(v);
    ready(proxy.get_data("x")).unwrap();
    assert_eq!(recorder.last(), (CallKind::Method, "getData".into(), tuple(vec!["x".into()]), false, false));
    ready(proxy.balance(1, None)).unwrap();
    let args = tuple(vec![1_i64.into(), Value::Null]);
    assert_eq!(recorder.last(), (CallKind::Method, "balance_of".into(), args, false, true));
    ready(proxy.log("l".into())).unwrap();
    assert_eq!(recorder.last(), (CallKind::Method, "log".into(), tuple(vec!["l".into()]), true, false));
    ready(proxy.value()).unwrap();
    assert_eq!(recorder.last(), (CallKind::GetAttr, "value".into(), tuple(vec![]), false, false));
    ready(proxy.set_value(3)).unwrap();
    assert_eq!(recorder.last(), (CallKind::SetAttr, "value".into(), tuple(vec![3_i64.into()]), false, false));
    let order = Order { id: 1, lines: vec![] };
    ready(proxy.shapes("", &[1], &[], &order, None, Some(&[2]), None, &String::new())).unwrap();
    let args = recorder.last().2;
    assert_eq!(args.get(1), Some(&Value::Bytes(vec![1].into())));
    assert_eq!(args.get(5), Some(&Value::Bytes(vec![2].into())));
}

#[test]
fn what_the_server_tells_of_itself() {
    let server = AccountServer::new(Mine::default());
    let info = server.describe().unwrap();
    assert_eq!(info.name, "bank.Account");
    assert_eq!(info.doc, "A bank account.\n\nWith a second paragraph.");
    let names: Vec<&str> = info.methods.iter().map(|m| &*m.name).collect();
    let expected =
        ["getData", "balance_of", "log", "value", "value", "shapes", "nothing", "bothMissing", "names", "there", "old"];
    assert_eq!(names, expected);
    let get_data = info.method("getData").unwrap();
    assert_eq!(get_data.doc, "Says who asks.");
    assert!(!get_data.oneway && !get_data.idempotent);
    let balance = info.method("balance_of").unwrap();
    assert!(balance.idempotent);
    let params: Vec<(&str, &str, bool)> =
        balance.params.iter().map(|p| (&*p.name, &*p.type_name, p.optional)).collect();
    assert_eq!(params, [("id", "i64", false), ("at", "Option<String>", true)]);
    assert!(info.method("log").unwrap().oneway);
    assert!(info.method("value").is_none(), "an attribute is no method");
    let kinds: Vec<CallKind> = info.methods.iter().filter(|m| m.name == "value").map(|m| m.kind).collect();
    assert_eq!(kinds, [CallKind::GetAttr, CallKind::SetAttr]);
    let shapes: Vec<(String, bool)> =
        info.method("shapes").unwrap().params.iter().map(|p| (p.type_name.to_string(), p.optional)).collect();
    let expected = [
        ("&str", false),
        ("&[u8]", false),
        ("&[i64]", false),
        ("&Order", false),
        ("Option<&str>", true),
        ("Option<&[u8]>", true),
        ("Option<&Order>", true),
        ("&String", false),
    ];
    assert_eq!(shapes, expected.map(|(t, o)| (t.to_owned(), o)));
    assert_eq!(info.method("names").unwrap().params[3].name, "type");
}

fn call_with(method: &str, args: Vec<Value>, kwargs: &[(&str, Value)]) -> Result<Value> {
    let server = AccountServer::new(Mine::default());
    let mut call = Call::new(method, &args);
    let pairs: Vec<(Value, Value)> = kwargs.iter().map(|(k, v)| (Value::from(*k), v.clone())).collect();
    call.kwargs = Some(Payload::from(Value::Map(pairs)));
    ready(server.call(&call)).and_then(|reply| reply.result.into_value())
}

#[test]
fn the_server_binds_like_python() {
    let call = call_with;
    assert_eq!(call("balance_of", vec![], &[("at", "now".into()), ("id", 3.into())]).unwrap(), Value::I64(303));
    assert_eq!(call("balance_of", vec![3.into()], &[]).unwrap(), Value::I64(300));
    assert_eq!(call("names", vec![1.into(), 2.into(), 3.into()], &[("type", 4.into())]).unwrap(), Value::I64(4321));
    for (result, words) in [
        (call("balance_of", vec![], &[]), "balance_of() missing 1 required argument: 'id'"),
        (
            call("names", vec![], &[("call", 1.into())]),
            "names() missing 3 required arguments: 'options', 'service', 'type'",
        ),
        (call("getData", vec![], &[("q", 1.into())]), "getData() got an unexpected keyword argument 'q'"),
        (
            call("getData", vec!["a".into()], &[("param", "b".into())]),
            "getData() got multiple values for argument 'param'",
        ),
        (call("nothing", vec![1.into()], &[]), "nothing() takes 0 positional arguments but 1 was given"),
        (call("getData", vec!["a".into(), "b".into()], &[]), "getData() takes 1 positional argument but 2 were given"),
        (call("getData", vec![5.into()], &[]), "argument 1 'param' of getData()"),
    ] {
        let e = result.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Arguments);
        assert!(e.to_string().contains(words), "{e}");
    }
    for (name, words) in [
        ("get_data", "'bank.Account' object has no method 'get_data'"),
        ("value", "'bank.Account' object has no method 'value'"),
        ("not_there", "has no method"),
    ] {
        let e = call(name, vec![], &[]).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::NotFound);
        assert!(e.to_string().contains(words), "{e}");
    }
}

#[test]
fn the_handler_sees_its_call() {
    let server = AccountServer::new(Mine::default());
    let reply = ready(server.call(&Call::new("getData", &("hello",)))).unwrap();
    let mut expected = Metadata::default();
    expected.set("SEEN", "hello");
    assert_eq!(reply.metadata, expected);
}

#[test]
fn a_wrong_result_tells_the_method() {
    struct Wrong;
    impl Service for Wrong {
        fn call<'a>(&'a self, _: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
            Box::pin(std::future::ready(Ok(Reply::from(Value::from(5)))))
        }
    }
    let e = ready(AccountProxy::new(Wrong).get_data("x")).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Mismatch);
    assert_eq!(e.reached(), springline_core::Reached::Answered);
    assert!(e.to_string().contains("result of getData()"), "{e}");
    ready(AccountProxy::new(Wrong).log("oneway".into())).expect("nobody looks at the answer");
}

#[test]
#[should_panic(expected = "on purpose")]
fn a_panic_passes() {
    #[remote(crate = "springline_core")]
    trait Panics {
        async fn now(&self) -> Result<()>;
    }
    struct Mine;
    impl Panics for Mine {
        async fn now(&self) -> Result<()> {
            panic!("on purpose")
        }
    }
    let _ = ready(PanicsServer::new(Mine).call(&Call::new("now", &())));
}

mod two_traits {
    use super::*;

    #[remote(crate = "springline_core")]
    pub(crate) trait First {
        async fn name(&self) -> Result<String>;
        async fn service(&self) -> Result<String>;
    }

    #[remote(crate = "springline_core")]
    pub(super) trait Second {
        async fn name(&self) -> Result<i64>;
    }

    pub(crate) struct Both;

    impl First for Both {
        async fn name(&self) -> Result<String> {
            Ok("first".into())
        }

        async fn service(&self) -> Result<String> {
            Ok("service".into())
        }
    }

    impl Second for Both {
        async fn name(&self) -> Result<i64> {
            Ok(2)
        }
    }

    #[test]
    fn methods_of_one_name_do_not_clash() {
        let both = Arc::new(Both);
        let (first, second) = (FirstRef::from(both.clone()), SecondRef::from(both));
        assert_eq!(ready(first.name()).unwrap(), "first");
        assert_eq!(ready(second.name()).unwrap(), 2);
        let (first, second) = (FirstRef::remote(FirstServer::new(first)), SecondRef::remote(SecondServer::new(second)));
        assert_eq!(ready(first.name()).unwrap(), "first");
        assert_eq!(ready(second.name()).unwrap(), 2);
        // A generated type's own method of that name does not get in the way of the trait's.
        assert_eq!(ready(First::service(&FirstProxy::new(FirstServer::new(first)))).unwrap(), "service");
    }
}

mod raw_and_macro_made {
    use super::*;

    macro_rules! make {
        ($name:ident, $argument:ty, $option:ty, $result:ty) => {
            #[remote(crate = "springline_core")]
            trait $name {
                async fn r#match(&self, value: $argument, more: $option) -> Result<$result>;
            }
        };
    }

    make!(r#Try, &str, Option<&[u8]>, Blob);

    struct Mine;

    impl Try for Mine {
        async fn r#match(&self, value: &str, more: Option<&[u8]>) -> Result<Blob> {
            Ok([value.as_bytes(), more.unwrap_or_default()].concat().into())
        }
    }

    #[test]
    fn raw_names_and_types_from_macros() {
        let account = TryRef::remote(TryServer::new(Mine));
        assert_eq!(ready(account.r#match("ab", Some(b"cd"))).unwrap(), Blob::from("abcd"));
        assert_eq!(ready(account.r#match("ab", None)).unwrap(), Blob::from("ab"));
        let server = TryServer::new(Mine);
        let info = server.describe().unwrap();
        assert_eq!((&*info.name, &*info.methods[0].name), ("Try", "match"));
        assert_eq!(info.methods[0].params[1].type_name, "Option<&[u8]>");
        assert!(info.methods[0].params[1].optional);
    }
}

mod sixteen {
    use super::*;

    #[remote(crate = "springline_core")]
    trait Many {
        async fn sum(
            &self,
            a: i64,
            b: i64,
            c: i64,
            d: i64,
            e: i64,
            f: i64,
            g: i64,
            h: i64,
            i: i64,
            j: i64,
            k: i64,
            l: i64,
            m: i64,
            n: i64,
            o: i64,
            p: i64,
        ) -> Result<i64>;
    }

    struct Mine;

    impl Many for Mine {
        async fn sum(
            &self,
            a: i64,
            b: i64,
            c: i64,
            d: i64,
            e: i64,
            f: i64,
            g: i64,
            h: i64,
            i: i64,
            j: i64,
            k: i64,
            l: i64,
            m: i64,
            n: i64,
            o: i64,
            p: i64,
        ) -> Result<i64> {
            Ok(a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p)
        }
    }

    #[test]
    fn sixteen_arguments() {
        let many = ManyRef::remote(ManyServer::new(Mine));
        assert_eq!(ready(many.sum(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)).unwrap(), 136);
    }
}

mod empty {
    use super::*;

    #[remote(crate = "springline_core")]
    pub trait Empty {}

    impl Empty for () {}

    #[test]
    fn a_trait_without_methods() {
        let server = EmptyServer::new(());
        assert!(server.describe().unwrap().methods.is_empty());
        let e = ready(server.call(&Call::new("x", &()))).unwrap_err();
        assert_eq!(e.message(), "'Empty' object has no method 'x'");
        assert!(EmptyRef::local(()).is_local() && !EmptyRef::remote(server).is_local());
    }
}
