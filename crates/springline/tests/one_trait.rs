//! One suite for an account that is here, behind a service, and behind several.
#![cfg(feature = "macros")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use springline::{
    Blob, BoxFuture, Call, DateTime, Decimal, Error, ErrorKind, Exception, FnService, Payload, Reached, RemoteError,
    Reply, Result, Service, ServiceInfo, Set, Value, call_context, remote,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "bank.Money")]
struct Money {
    amount: Decimal,
    currency: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Entry {
    Opened,
    Paid { cents: i64, at: Option<DateTime> },
    Note(String),
}

#[derive(Debug, RemoteError)]
enum BankError {
    #[remote(class = "bank.InsufficientFunds")]
    InsufficientFunds { missing: i64, account: String },
    #[remote(class = "bank.Closed")]
    Closed(String),
    #[remote(other)]
    Other(Exception),
    #[remote(transport)]
    Rpc(Error),
}

impl fmt::Display for BankError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InsufficientFunds { missing, account } => write!(f, "{missing} missing on {account}"),
            Self::Closed(text) => f.write_str(text),
            Self::Other(e) => e.fmt(f),
            Self::Rpc(e) => e.fmt(f),
        }
    }
}

type Tags = (Set<BTreeSet<String>>, BTreeMap<i64, Option<f64>>);

/// An account.
#[remote(name = "bank.Account")]
trait Account {
    async fn balance(&self, owner: &str) -> Result<Money>;
    async fn pay(&self, cents: i64) -> Result<i64, BankError>;
    #[remote(oneway)]
    async fn note(&self, text: String) -> Result<()>;
    async fn entries(&self, kinds: &[Entry]) -> Result<Vec<Entry>>;
    async fn picture(&self, data: &[u8]) -> Result<Blob>;
    async fn tags(&self) -> Result<Tags>;
    async fn anything(&self, value: Value) -> Result<Value>;
    #[remote(attr)]
    async fn closed(&self) -> Result<bool>;
    #[remote(attr, set)]
    async fn set_closed(&self, closed: bool) -> Result<()>;
    async fn caller(&self) -> Result<Option<String>>;
}

#[derive(Default)]
struct Savings {
    closed: AtomicBool,
    notes: Mutex<Vec<String>>,
}

impl Account for Savings {
    async fn balance(&self, owner: &str) -> Result<Money> {
        if owner.is_empty() {
            return Err(Error::remote(Exception::new("ValueError", "nobody")));
        }
        Ok(Money { amount: Decimal(format!("{}.50", owner.len())), currency: "EUR".into() })
    }

    async fn pay(&self, cents: i64) -> Result<i64, BankError> {
        match cents {
            _ if self.closed.load(Ordering::Relaxed) => Err(BankError::Closed("closed for good".into())),
            0 => Err(BankError::Other(Exception::new("ZeroDivisionError", "zero"))),
            1..100 => Ok(100 - cents),
            _ => Err(BankError::InsufficientFunds { missing: cents - 100, account: "savings".into() }),
        }
    }

    async fn note(&self, text: String) -> Result<()> {
        self.notes.lock().unwrap().push(text);
        Ok(())
    }

    async fn entries(&self, kinds: &[Entry]) -> Result<Vec<Entry>> {
        let notes = self.notes.lock().unwrap();
        Ok(kinds.iter().cloned().chain(notes.iter().cloned().map(Entry::Note)).collect())
    }

    async fn picture(&self, data: &[u8]) -> Result<Blob> {
        Ok(data.iter().rev().copied().collect::<Vec<u8>>().into())
    }

    async fn tags(&self) -> Result<Tags> {
        Ok((Set(BTreeSet::from(["a".into(), "b".into()])), BTreeMap::from([(1, None), (2, Some(0.5))])))
    }

    async fn anything(&self, value: Value) -> Result<Value> {
        Ok(Value::Tuple(vec![value.clone(), value]))
    }

    async fn closed(&self) -> Result<bool> {
        Ok(self.closed.load(Ordering::Relaxed))
    }

    async fn set_closed(&self, closed: bool) -> Result<()> {
        self.closed.store(closed, Ordering::Relaxed);
        Ok(())
    }

    async fn caller(&self) -> Result<Option<String>> {
        // Another thread may go on with the call.
        tokio::task::yield_now().await;
        Ok(call_context::annotation("WHO?").map(|b| String::from_utf8_lossy(&b).into_owned()))
    }
}

/// What an account does, wherever it is.
async fn suite<A: Account>(account: A) {
    let money = account.balance("Ada").await.unwrap();
    assert_eq!(money, Money { amount: Decimal("3.50".into()), currency: "EUR".into() });
    let e = account.balance("").await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Remote, Reached::Answered));
    assert!(e.exception().is_some_and(|e| e.is("ValueError") && e.message == "nobody"));

    assert_eq!(account.pay(30).await.unwrap(), 70);
    match account.pay(130).await {
        Err(BankError::InsufficientFunds { missing: 30, account }) => assert_eq!(account, "savings"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(account.pay(0).await, Err(BankError::Other(e)) if e.class == "ZeroDivisionError"));

    account.note("one".into()).await.unwrap();
    let at = DateTime::parse("2020-01-02T03:04:05").unwrap();
    let asked = [Entry::Opened, Entry::Paid { cents: 5, at: Some(at) }, Entry::Paid { cents: 6, at: None }];
    let expected = [&asked[..], &[Entry::Note("one".into())]].concat();
    assert_eq!(account.entries(&asked).await.unwrap(), expected);

    assert_eq!(account.picture(&[1, 2, 255]).await.unwrap(), Blob::from(vec![255, 2, 1]));
    let (tags, numbers) = account.tags().await.unwrap();
    assert_eq!(tags.0.into_iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(numbers, BTreeMap::from([(1, None), (2, Some(0.5))]));
    let value = Value::Map(vec![(Value::I32(1), Value::FrozenSet(vec!["x".into()]))]);
    let twice = Value::Tuple(vec![value.clone(), value.clone()]);
    assert_eq!(account.anything(value).await.unwrap(), twice);

    assert!(!account.closed().await.unwrap());
    account.set_closed(true).await.unwrap();
    assert!(account.closed().await.unwrap());
    assert!(matches!(account.pay(1).await, Err(BankError::Closed(text)) if text == "closed for good"));
    assert_eq!(account.caller().await.unwrap(), None);
}

fn run(f: impl Future<Output = ()> + Send + 'static) {
    // As a task, which must be able to move between threads.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { tokio::spawn(f).await.unwrap() });
}

/// A gateway: hands on to another service whatever comes, as values.
struct AsValues<S>(S);

impl<S: Service> Service for AsValues<S> {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            let args = Payload::from(call.args.to_value()?);
            let reply = self.0.call(&Call { args, ..call.by_ref() }).await?;
            Ok(Reply { result: Payload::from(reply.result.into_value()?), metadata: reply.metadata })
        })
    }

    fn describe(&self) -> Option<&ServiceInfo> {
        self.0.describe()
    }
}

#[test]
fn a_local_object() {
    run(suite(Savings::default()));
    run(suite(AccountRef::local(Savings::default())));
    run(suite(AccountRef::from(Arc::new(Savings::default()))));
}

#[test]
fn behind_a_service() {
    run(suite(AccountProxy::new(AccountServer::new(Savings::default()))));
    run(suite(AccountRef::remote(AccountServer::new(Savings::default()))));
    let service: Arc<dyn Service> = Arc::new(AccountServer::new(Savings::default()));
    run(suite(AccountRef::from(service)));
}

#[test]
fn behind_several() {
    let near = AccountRef::remote(AccountServer::new(Savings::default()));
    let far = AccountRef::remote(AccountServer::new(near));
    run(suite(far));
    run(suite(AccountProxy::new(AsValues(AccountServer::new(Savings::default())))));
    run(suite(AccountRef::from(AccountRef::remote(AsValues(AccountServer::new(Savings::default()))).into_service())));
}

#[test]
fn the_object_stays_at_hand() {
    let savings = Arc::new(Savings::default());
    let account = AccountRef::remote(AccountServer::new(savings.clone()));
    let other = account.clone();
    run(async move { other.note("through the service".into()).await.unwrap() });
    assert_eq!(*savings.notes.lock().unwrap(), ["through the service"]);
    assert_eq!(format!("{account:?} {:?}", AccountRef::from(savings)), "AccountRef(remote) AccountRef(local)");
}

#[test]
fn a_failure_on_the_way_reaches_the_carrier() {
    struct Down;
    impl Service for Down {
        fn call<'a>(&'a self, _: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
            let e = Error::new(ErrorKind::Closed, "gone").with_reached(Reached::MaybeExecuted).with_endpoint("a:1");
            Box::pin(std::future::ready(Err(e)))
        }
    }
    run(async {
        match AccountRef::remote(Down).pay(1).await {
            Err(BankError::Rpc(e)) => {
                assert_eq!(
                    (e.kind(), e.reached(), e.endpoint()),
                    (ErrorKind::Closed, Reached::MaybeExecuted, Some("a:1"))
                );
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn closures_can_be_an_account() {
    let service = FnService::new("fake").method("pay", ["cents"], |(cents,): (i64,)| async move { Ok(cents * 2) });
    run(async {
        let account = AccountRef::remote(service);
        assert_eq!(account.pay(4).await.unwrap(), 8);
        let e = account.closed().await.unwrap_err();
        assert_eq!(e.message(), "'fake' object has no attribute 'closed'");
    });
}

#[test]
fn the_context_follows_the_call() {
    let server = AccountServer::new(Savings::default());
    run(async move {
        let mut call = Call::new("caller", &());
        call.options.metadata.set("WHO?", "me");
        let reply = server.call(&call).await.unwrap();
        assert_eq!(reply.result.decode::<Option<String>>().unwrap().as_deref(), Some("me"));
    });
}
