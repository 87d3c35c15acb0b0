//! Members that fail in every way, and what becomes of calls.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use springline_cluster::{Failover, HighAvailabilityService};
use springline_core::service::{BoxFuture, Call, CallOptions, Reply, Service};
use springline_core::{Error, ErrorKind, Exception, Reached, Result, Value};

/// A member whose answers are told beforehand; without any it gives its name.
#[derive(Clone)]
struct Scripted {
    name: &'static str,
    fails: Arc<Mutex<Option<(ErrorKind, Reached)>>>,
    calls: Arc<AtomicUsize>,
}

impl Scripted {
    fn new(name: &'static str) -> Self {
        Self { name, fails: Arc::default(), calls: Arc::default() }
    }

    fn set(&self, fails: Option<(ErrorKind, Reached)>) {
        *self.fails.lock().unwrap() = fails;
    }

    fn calls(&self) -> usize {
        self.calls.swap(0, Ordering::SeqCst)
    }
}

impl Service for Scripted {
    fn call<'a>(&'a self, _call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let result = match *self.fails.lock().unwrap() {
            None => Ok(Reply::from(Value::from(self.name))),
            Some((ErrorKind::Remote, _)) => Err(Error::remote(Exception::new("ValueError", "no"))),
            Some((kind, reached)) => Err(Error::new(kind, "scripted").with_reached(reached)),
        };
        Box::pin(std::future::ready(result))
    }
}

const DOWN: Option<(ErrorKind, Reached)> = Some((ErrorKind::Unavailable, Reached::NotSent));
const LOST: Option<(ErrorKind, Reached)> = Some((ErrorKind::Closed, Reached::MaybeExecuted));

fn pool(failover: Failover, pause: Duration) -> (HighAvailabilityService, [Scripted; 3]) {
    let pool = HighAvailabilityService::builder().failover(failover).backoff(pause, pause).build();
    let members = ["a", "b", "c"].map(Scripted::new);
    for member in &members {
        pool.add(member.name, member.clone()).unwrap();
    }
    (pool, members)
}

async fn call(pool: &HighAvailabilityService, options: CallOptions) -> Result<String> {
    let mut call = Call::new("who", &());
    call.options = options;
    pool.call(&call).await?.result.decode()
}

async fn names(pool: &HighAvailabilityService, count: usize) -> String {
    let mut names = String::new();
    for _ in 0..count {
        names += &call(pool, CallOptions::default()).await.unwrap();
    }
    names
}

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn round_and_round() {
    let (pool, _) = pool(Failover::NotSent, LONG);
    assert_eq!(names(&pool, 7).await, "abcabca");
}

#[tokio::test]
async fn a_call_that_did_not_run_goes_to_the_next() {
    let (pool, [a, b, _]) = pool(Failover::NotSent, LONG);
    b.set(DOWN);
    assert_eq!(names(&pool, 5).await, "acaca");
    // Asked once, then left alone.
    assert_eq!(b.calls(), 1);
    a.set(DOWN);
    assert_eq!(names(&pool, 3).await, "ccc");
    assert_eq!(pool.states().iter().map(|s| s.failures).collect::<Vec<_>>(), [1, 1, 0]);
}

#[tokio::test]
async fn a_call_that_may_have_run_is_reported() {
    let (pool, [a, b, _]) = pool(Failover::NotSent, LONG);
    a.set(LOST);
    let e = call(&pool, CallOptions::default()).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Closed, Reached::MaybeExecuted));
    assert_eq!(b.calls(), 0);
    // The member counts as one that failed.
    assert_eq!(names(&pool, 4).await, "bcbc");
}

#[tokio::test]
async fn unless_it_may_be_repeated() {
    let mut idempotent = CallOptions::default();
    idempotent.idempotent = true;
    for (failover, options, repeated) in [
        (Failover::NotSent, idempotent.clone(), false),
        (Failover::Idempotent, CallOptions::default(), false),
        (Failover::Idempotent, idempotent.clone(), true),
        (Failover::Always, CallOptions::default(), true),
    ] {
        let (pool, [a, ..]) = pool(failover, LONG);
        a.set(LOST);
        assert_eq!(call(&pool, options).await.is_ok(), repeated, "{failover:?}");
    }
}

#[tokio::test]
async fn an_exception_is_an_answer() {
    let (pool, members) = pool(Failover::Always, LONG);
    members[0].set(Some((ErrorKind::Remote, Reached::Answered)));
    let e = call(&pool, CallOptions::default()).await.unwrap_err();
    assert!(e.exception().unwrap().is("ValueError"));
    assert_eq!(members.each_ref().map(Scripted::calls), [1, 0, 0]);
    assert!(pool.states().iter().all(|s| s.failures == 0));
    // A call that cannot be written is wrong everywhere.
    members[1].set(Some((ErrorKind::Encode, Reached::NotSent)));
    assert_eq!(call(&pool, CallOptions::default()).await.unwrap_err().kind(), ErrorKind::Encode);
    assert_eq!(members[2].calls(), 0);
}

#[tokio::test]
async fn no_endpoint() {
    let empty = HighAvailabilityService::new();
    let e = call(&empty, CallOptions::default()).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::NoEndpoint, Reached::NotSent));
    let (pool, members) = pool(Failover::NotSent, LONG);
    for member in &members {
        member.set(DOWN);
    }
    // All are tried, those that are left alone as well, each once.
    for _ in 0..2 {
        let e = call(&pool, CallOptions::default()).await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::NoEndpoint);
        assert!(e.to_string().contains("none of 3 members of the pool could be reached: a: cannot connect"), "{e}");
        assert_eq!(members.each_ref().map(Scripted::calls), [1, 1, 1]);
    }
    members[1].set(None);
    assert_eq!(names(&pool, 2).await, "bb");
}

#[tokio::test]
async fn back_after_a_while() {
    let (pool, [a, b, c]) = pool(Failover::NotSent, Duration::from_millis(20));
    a.set(DOWN);
    assert_eq!(names(&pool, 3).await, "bcb");
    a.set(None);
    // In its time, and not before.
    let until = pool.states()[0].until.unwrap();
    tokio::time::sleep_until(until.into()).await;
    assert!(names(&pool, 6).await.contains('a'));
    assert_eq!(pool.states()[0].until, None);
    let _ = (b, c);
}

#[tokio::test]
async fn a_deadline_ends_the_search() {
    let (pool, members) = pool(Failover::NotSent, LONG);
    for member in &members {
        member.set(DOWN);
    }
    let mut options = CallOptions::default();
    options.deadline = Some(Instant::now());
    let e = call(&pool, options).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Timeout, Reached::NotSent));
    assert!(e.message().contains("deadline passed before a member could be reached: a: "), "{e}");
    assert_eq!(members.each_ref().map(Scripted::calls).iter().sum::<usize>(), 1);
}

#[tokio::test]
async fn members_come_and_go() {
    let (pool, members) = pool(Failover::NotSent, LONG);
    assert_eq!(names(&pool, 2).await, "ab");
    assert!(pool.remove("a") && !pool.remove("a"));
    assert_eq!(names(&pool, 3).await, "cbc");
    assert_eq!(pool.add("b", members[0].clone()).unwrap_err().kind(), ErrorKind::Name);
    pool.add("d", Scripted::new("d")).unwrap();
    let six = names(&pool, 6).await;
    for name in ["b", "c", "d"] {
        assert_eq!(six.matches(name).count(), 2, "{six}");
    }
}

#[tokio::test]
async fn many_at_a_time() {
    let (pool, members) = pool(Failover::NotSent, Duration::from_millis(1));
    members[1].set(DOWN);
    let mut tasks = Vec::new();
    for _ in 0..50 {
        let pool = pool.clone();
        tasks.push(tokio::spawn(async move { names(&pool, 20).await.len() }));
    }
    for task in tasks {
        assert_eq!(task.await.unwrap(), 20);
    }
}
