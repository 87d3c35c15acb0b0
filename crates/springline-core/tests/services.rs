//! Registry, context, `FnService` and the errors that leave a handler.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use springline_core::remote::exception_of;
use springline_core::{
    Call, CallKind, Error, ErrorKind, Exception, FnService, Payload, Peer, Registry, Reply, Result, Service, Value,
    context,
};

fn ready<F: Future>(f: F) -> F::Output {
    match pin!(f).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(v) => v,
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn value(reply: Result<Reply>) -> Value {
    reply.and_then(|r| r.result.into_value()).unwrap()
}

fn attribute<'a>(kind: CallKind, name: &'a str, args: &'a Vec<Value>) -> Call<'a> {
    let mut call = Call::new(name, args);
    call.kind = kind;
    call
}

fn calculator() -> FnService {
    let memory = Arc::new(AtomicI64::new(0));
    let (get, set) = (memory.clone(), memory);
    FnService::new("calc")
        .doc("A calculator.")
        .method("add", ["a", "b?"], |(a, b): (i64, Option<i64>)| async move { Ok(a + b.unwrap_or(1)) })
        .doc("The sum.")
        .idempotent()
        .method("fail", [], |()| async { Err::<(), _>(Error::remote(Exception::new("ValueError", "no"))) })
        .method("log", ["line"], |(_line,): (String,)| async { Ok(()) })
        .oneway()
        .attribute("memory", move || {
            let v = get.load(Ordering::Relaxed);
            async move { Ok(v) }
        })
        .setter("memory", move |v: i64| {
            set.store(v, Ordering::Relaxed);
            async { Ok(()) }
        })
}

#[test]
fn closures_are_methods() {
    let calc = calculator();
    assert_eq!(value(ready(calc.call(&Call::new("add", &(1, 2))))), Value::I64(3));
    assert_eq!(value(ready(calc.call(&Call::new("add", &(1,))))), Value::I64(2));
    let mut call = Call::new("add", &());
    call.kwargs = Some(Payload::from(Value::Map(vec![("b".into(), 5.into()), ("a".into(), 2.into())])));
    assert_eq!(value(ready(calc.call(&call))), Value::I64(7));
    let e = ready(calc.call(&Call::new("add", &()))).unwrap_err();
    assert_eq!(e.message(), "add() missing 1 required argument: 'a'");
    let e = ready(calc.call(&Call::new("fail", &()))).unwrap_err();
    assert!(e.exception().is_some_and(|e| e.is("ValueError")));
    let e = ready(calc.call(&Call::new("sub", &(1, 2)))).unwrap_err();
    assert_eq!((e.kind(), e.message()), (ErrorKind::NotFound, "'calc' object has no method 'sub'"));
}

#[test]
fn closures_are_attributes() {
    let calc = calculator();
    let (none, one) = (vec![], vec![Value::from(7)]);
    assert_eq!(value(ready(calc.call(&attribute(CallKind::GetAttr, "memory", &none)))), Value::I64(0));
    assert_eq!(value(ready(calc.call(&attribute(CallKind::SetAttr, "memory", &one)))), Value::Null);
    assert_eq!(value(ready(calc.call(&attribute(CallKind::GetAttr, "memory", &none)))), Value::I64(7));
    let e = ready(calc.call(&attribute(CallKind::GetAttr, "add", &none))).unwrap_err();
    assert_eq!(e.message(), "'calc' object has no attribute 'add'");
    assert!(ready(calc.call(&Call::new("memory", &()))).is_err(), "an attribute is no method");
}

#[test]
fn closures_are_described() {
    let calc = calculator();
    let info = calc.describe().unwrap();
    assert_eq!((&*info.name, &*info.doc), ("calc", "A calculator."));
    let add = info.method("add").unwrap();
    assert_eq!((&*add.doc, add.idempotent, add.oneway), ("The sum.", true, false));
    let params: Vec<(&str, bool)> = add.params.iter().map(|p| (&*p.name, p.optional)).collect();
    assert_eq!(params, [("a", false), ("b", true)]);
    assert!(info.method("log").unwrap().oneway);
    let kinds: Vec<CallKind> = info.methods.iter().filter(|m| m.name == "memory").map(|m| m.kind).collect();
    assert_eq!(kinds, [CallKind::GetAttr, CallKind::SetAttr]);
}

#[test]
fn a_method_of_the_same_name_takes_the_place() {
    let service = FnService::new("x")
        .method("f", [], |()| async { Ok(1) })
        .method("g", [], |()| async { Ok(2) })
        .method("f", ["a"], |(a,): (i64,)| async move { Ok(a) });
    assert_eq!(value(ready(service.call(&Call::new("f", &(5,))))), Value::I64(5));
    assert_eq!(value(ready(service.call(&Call::new("g", &())))), Value::I32(2));
    assert_eq!(service.describe().unwrap().methods.len(), 2);
}

#[test]
fn one_closure_for_everything() {
    let echo = FnService::new("echo")
        .method("known", [], |()| async { Ok(String::from("known")) })
        .otherwise(|method, args, kwargs| async move { Ok(Value::List(vec![method.into(), args, kwargs])) });
    assert_eq!(value(ready(echo.call(&Call::new("known", &())))), "known".into());
    let mut call = Call::new("anything", &(1_i64, "x"));
    let empty = Value::List(vec!["anything".into(), Value::Tuple(vec![Value::I64(1), "x".into()]), Value::Map(vec![])]);
    assert_eq!(value(ready(echo.call(&call))), empty);
    let named = Value::Map(vec![("k".into(), 2.into())]);
    call.kwargs = Some(Payload::from(named.clone()));
    assert_eq!(value(ready(echo.call(&call))).get(2), Some(&named));
    assert!(echo.describe().is_none(), "what it offers is not known");
    let e = ready(echo.call(&attribute(CallKind::GetAttr, "x", &vec![]))).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound);
}

#[test]
fn handlers_see_the_call_they_serve() {
    let service = FnService::new("x").method("who", [], |()| {
        // In the closure itself as well as in its future.
        let peer = context::peer().map(|p| p.address.clone());
        context::set_reply_annotation("ABCD", "reply");
        async move { Ok((peer, context::oneway(), context::deadline().is_some(), context::correlation_id().is_some())) }
    });
    let mut call = Call::new("who", &());
    call.options.peer = Some(Arc::new(Peer::new("1.2.3.4:5", "test")));
    call.options.oneway = true;
    call.options.deadline = Some(Instant::now() + Duration::from_secs(1));
    call.options.metadata.correlation_id = Some([1; 16]);
    let reply = ready(service.call(&call)).unwrap();
    assert_eq!(reply.metadata.get("ABCD").map(|b| &b[..]), Some(&b"reply"[..]));
    let seen: (Option<String>, bool, bool, bool) = reply.result.decode().unwrap();
    assert_eq!(seen, (Some("1.2.3.4:5".into()), true, true, true));
    assert!(context::peer().is_none() && context::metadata().is_none());
}

/// Gives way once.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[test]
fn calls_that_run_at_once_do_not_see_each_other() {
    let service = FnService::new("x").method("who", ["id"], |(id,): (String,)| async move {
        context::set_reply_annotation("SELF", id);
        Yield(false).await;
        Ok(context::peer().map(|p| p.address.clone()))
    });
    let call = |name: &str| {
        let args = vec![Value::from(name)];
        let (service, name) = (&service, name.to_owned());
        async move {
            let mut call = Call::new("who", &args);
            call.options.peer = Some(Arc::new(Peer::new(name, "test")));
            service.call(&call).await
        }
    };
    let (mut a, mut b) = (pin!(call("a")), pin!(call("b")));
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(a.as_mut().poll(cx).is_pending() && b.as_mut().poll(cx).is_pending());
    assert!(context::peer().is_none(), "between polls there is no call");
    // The other way round than they began.
    for (future, name) in [(b, "b"), (a, "a")] {
        let Poll::Ready(Ok(reply)) = future.poll(cx) else { panic!("not ready") };
        assert_eq!(reply.metadata.get("SELF").map(|b| &b[..]), Some(name.as_bytes()));
        assert_eq!(reply.result.decode::<String>().unwrap(), name);
    }
}

#[test]
fn a_panic_leaves_no_context_behind() {
    let service = FnService::new("x").method("f", [], |()| async {
        assert!(context::metadata().is_none(), "on purpose");
        Ok(())
    });
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ready(service.call(&Call::new("f", &())))));
    assert!(result.is_err());
    assert!(context::metadata().is_none());
}

#[test]
fn names_in_the_registry() {
    let registry = Registry::new();
    registry.register("calc", calculator()).unwrap();
    registry.register("abc", FnService::new("first")).unwrap();
    let e = registry.register("calc", FnService::new("second")).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Name);
    assert!(e.message().contains("'calc'"), "{e}");
    assert_eq!(registry.clone().names(), ["abc", "calc"]);
    let calc = registry.get("calc").unwrap();
    assert_eq!(calc.describe().map(|i| &*i.name), Some("calc"));
    let before = registry.replace("calc", FnService::new("second")).unwrap();
    assert!(Arc::ptr_eq(&calc, &before));
    assert!(registry.unregister("calc").is_some() && registry.unregister("calc").is_none());
    assert!(registry.get("calc").is_none() && registry.replace("new", calculator()).is_none());
    assert_eq!(format!("{registry:?}"), r#"Registry(["abc", "new"])"#);
    assert_eq!(value(ready(calc.call(&Call::new("add", &(1, 1))))), Value::I64(2), "who has it can still call it");
}

#[test]
fn the_registry_is_shared_between_threads() {
    let registry = Registry::new();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let registry = &registry;
            scope.spawn(move || {
                for i in 0..50 {
                    registry.register(format!("{n}.{i}"), FnService::new("x")).unwrap();
                    assert!(registry.get(&format!("{n}.{i}")).is_some());
                    if i % 2 == 0 {
                        assert!(registry.unregister(&format!("{n}.{i}")).is_some());
                    }
                }
            });
        }
    });
    assert_eq!(registry.names().len(), 8 * 25);
}

#[test]
fn errors_are_told_as_python_classes() {
    for (kind, class) in [
        (ErrorKind::Arguments, "TypeError"),
        (ErrorKind::NotFound, "AttributeError"),
        (ErrorKind::Timeout, "TimeoutError"),
        (ErrorKind::Closed, "ConnectionError"),
        (ErrorKind::Denied, "PermissionError"),
        (ErrorKind::Limit, "ValueError"),
        (ErrorKind::Internal, "RuntimeError"),
    ] {
        let e = Error::new(kind, "text").with_source(std::io::Error::other("secret")).with_endpoint("10.0.0.1:1");
        assert_eq!(exception_of(e), Exception::new(class, "text"), "no source, no address");
    }
    let exception = Exception::new("bank.Closed", "x").with_code(3);
    assert_eq!(exception_of(Error::remote(exception.clone())), exception);
}

#[test]
fn classes_match_with_or_without_module() {
    let e = |class: &str| Exception::new(class, "");
    assert!(e("builtins.ValueError").is("ValueError") && e("ValueError").is("builtins.ValueError"));
    assert!(e("ValueError").is("ValueError") && !e("ValueError").is("Error") && !e("Value.Error").is("ValueError"));
    assert!(!e("a.Closed").is("b.Closed"), "two modules are two classes");
}
