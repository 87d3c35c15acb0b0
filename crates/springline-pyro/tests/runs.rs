//! Many calls of one method at once: they are served in runs, and each caller gets its own answer.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use springline_core::service::*;
use springline_core::{Error, ErrorKind, Exception, Result, Value};
use springline_pyro::{Daemon, Proxy, Serializer, Version};

struct Moody;

impl Service for Moody {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            let (n, text): (i64, String) = call.args.decode()?;
            match n % 10 {
                3 => panic!("on purpose"),
                5 => Err(Error::remote(Exception::new("ValueError", n.to_string()))),
                7 => {
                    tokio::task::yield_now().await;
                    Ok(Reply::typed((n, text)))
                }
                _ => Ok(Reply::typed((n, text))),
            }
        })
    }
}

async fn call(proxy: &Proxy, n: i64) {
    // Of all lengths, so that pieces of what was read end within messages.
    let text = "x".repeat((n * 97 % 3000) as usize);
    let reply = proxy.call::<(i64, String)>("f", (n, &text)).await;
    match n % 10 {
        3 => assert_eq!(reply.unwrap_err().kind(), ErrorKind::Remote, "{n}"),
        5 => assert_eq!(reply.unwrap_err().exception().unwrap().message, n.to_string()),
        _ => assert_eq!(reply.unwrap(), (n, text)),
    }
}

#[tokio::test]
async fn each_caller_gets_its_own_answer() {
    let daemon = Daemon::bind("127.0.0.1:0").await.unwrap();
    let uri = daemon.register("moody", Moody).unwrap().to_string();
    for version in [Version::V48, Version::V501, Version::V502] {
        for serializer in Serializer::ALL {
            let proxy = Proxy::builder(&uri).unwrap().version(version).serializer(serializer).build().unwrap();
            let callers = (0..64).map(|i| {
                let proxy = proxy.clone();
                tokio::spawn(async move {
                    for j in 0..8 {
                        call(&proxy, i * 8 + j).await;
                    }
                })
            });
            for caller in callers.collect::<Vec<_>>() {
                caller.await.unwrap();
            }
        }
    }
}

/// Takes calls in runs as it likes, and answers none.
struct Silent {
    takes: bool,
}

impl Service for Silent {
    fn call<'a>(&'a self, _: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(std::future::ready(Ok(Reply::from(Value::from("alone")))))
    }

    fn serve<'a>(&'a self, calls: &'a mut dyn Calls) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if self.takes {
                drop(calls.next());
                assert!(calls.next().is_none(), "the one before has no answer");
            }
        })
    }
}

#[tokio::test]
async fn a_service_that_gives_no_answer_gets_an_error_for_each() {
    let daemon = Daemon::bind("127.0.0.1:0").await.unwrap();
    for takes in [false, true] {
        let uri = daemon.register(if takes { "takes" } else { "leaves" }, Silent { takes }).unwrap().to_string();
        let proxy = Proxy::new(&uri).unwrap();
        assert_eq!(proxy.call::<String>("f", ()).await.unwrap(), "alone", "the first call is in no run");
        for _ in 0..3 {
            let e = proxy.call::<String>("f", ()).await.unwrap_err();
            assert!(e.to_string().contains("the service gave no answer"), "{e}");
        }
        proxy.ping().await.unwrap();
    }
}

struct Forward(Waker);

impl Wake for Forward {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }
}

#[tokio::test]
async fn an_idle_connection_holds_on_to_no_caller() {
    let daemon = Daemon::bind("127.0.0.1:0").await.unwrap();
    let uri = daemon.register("moody", Moody).unwrap().to_string();
    let proxy = Proxy::new(&uri).unwrap();
    call(&proxy, 0).await;
    let callers = (0..16).map(|i| {
        let proxy = proxy.clone();
        tokio::spawn(async move {
            let mut calls = Box::pin(async move {
                // Some are done long before the others.
                for n in 0..=i {
                    call(&proxy, 10 * n).await;
                }
            });
            let mut own = None;
            poll_fn(|cx| {
                let own = own.get_or_insert_with(|| Arc::new(Forward(cx.waker().clone())));
                calls.as_mut().poll(&mut Context::from_waker(&Waker::from(own.clone())))
            })
            .await;
            own.map(|own| Arc::downgrade(&own)).unwrap()
        })
    });
    let callers: Vec<_> = callers.collect();
    let mut wakers = Vec::new();
    for caller in callers {
        wakers.push(caller.await.unwrap());
    }
    assert!(wakers.iter().all(|waker| waker.strong_count() == 0));
}

/// Counts how often it is woken.
struct Counted(Waker, AtomicUsize);

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.wake_by_ref();
    }
}

#[tokio::test]
async fn a_caller_that_is_alone_is_woken_once_for_each_call() {
    const CALLS: i64 = 100;
    let daemon = Daemon::bind("127.0.0.1:0").await.unwrap();
    let uri = daemon.register("moody", Moody).unwrap().to_string();
    let proxy = Proxy::new(&uri).unwrap();
    call(&proxy, 0).await;
    let mut calls = Box::pin(async {
        for _ in 0..CALLS {
            call(&proxy, 10).await;
        }
    });
    let counted = poll_fn(|cx| Poll::Ready(Arc::new(Counted(cx.waker().clone(), AtomicUsize::new(0))))).await;
    let waker = Waker::from(counted.clone());
    poll_fn(|_| calls.as_mut().poll(&mut Context::from_waker(&waker))).await;
    // By the socket, and not by itself as well: that would cost the runtime another round for each call.
    let woken = counted.1.load(Ordering::Relaxed);
    assert!((1..=CALLS as usize + 5).contains(&woken), "{woken}");
}
