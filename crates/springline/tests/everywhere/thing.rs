//! The one trait, and the one object that stands behind every way to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use springline::{
    Blob, DateTime, Decimal, Error, Exception, Integer, RemoteError, Result, Set, Value, call_context, remote,
};

/// An object with a class of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "bank.Money")]
pub(crate) struct Money {
    pub(crate) cents: i32,
    pub(crate) currency: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Entry {
    Opened,
    Paid { cents: i32, to: Option<String> },
    Note(String),
}

/// Structs in structs, in lists and in maps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) number: i32,
    pub(crate) lines: Vec<Line>,
    pub(crate) note: Option<String>,
    pub(crate) by_name: BTreeMap<String, Line>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) what: String,
    pub(crate) price: Money,
    pub(crate) tags: Vec<String>,
}

/// Exceptions that the caller expects.
#[derive(Debug, RemoteError)]
pub(crate) enum BankError {
    #[remote(class = "bank.InsufficientFunds")]
    InsufficientFunds { missing: i32, account: String },
    #[remote(class = "bank.Closed")]
    Closed(String),
    #[remote(transport)]
    Rpc(Error),
}

impl fmt::Display for BankError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InsufficientFunds { missing, account } => write!(f, "{missing} missing on {account}"),
            Self::Closed(text) => f.write_str(text),
            Self::Rpc(e) => e.fmt(f),
        }
    }
}

/// Anything a wire may have to carry.
#[remote(name = "suite.Thing")]
pub(crate) trait Thing {
    async fn nothing(&self) -> Result<()>;
    async fn flip(&self, on: Vec<bool>) -> Result<Vec<bool>>;
    async fn ints(&self, x: Vec<i32>) -> Result<Vec<i32>>;
    async fn longs(&self, x: Vec<i64>) -> Result<Vec<i64>>;
    async fn floats(&self, x: Vec<f64>) -> Result<Vec<f64>>;
    async fn texts(&self, x: Vec<String>) -> Result<Vec<String>>;
    async fn bytes(&self, x: Vec<Blob>) -> Result<Vec<Blob>>;
    async fn dates(&self, x: Vec<DateTime>) -> Result<Vec<DateTime>>;
    async fn lists(&self, x: Vec<Vec<i32>>) -> Result<Vec<Vec<i32>>>;
    async fn maps(&self, x: BTreeMap<String, BTreeMap<String, i32>>)
    -> Result<BTreeMap<String, BTreeMap<String, i32>>>;
    async fn by_number(&self, x: BTreeMap<i32, String>) -> Result<BTreeMap<i32, String>>;
    async fn order(&self, x: Order) -> Result<Order>;
    async fn money(&self, x: Vec<Money>) -> Result<Vec<Money>>;
    async fn entries(&self, x: Vec<Entry>) -> Result<Vec<Entry>>;
    async fn options(&self, x: Vec<Option<i32>>) -> Result<Vec<Option<i32>>>;
    async fn pairs(&self, x: (i32, String, (bool,))) -> Result<(i32, String, (bool,))>;
    async fn sets(&self, x: Set<BTreeSet<String>>) -> Result<Set<BTreeSet<String>>>;
    async fn decimals(&self, x: Decimal) -> Result<Decimal>;
    async fn big_ints(&self, x: Integer) -> Result<Integer>;
    async fn anything(&self, x: Value) -> Result<Value>;
    async fn greet(&self, name: String, greeting: Option<String>) -> Result<String>;
    async fn fail(&self, class: &str, message: &str) -> Result<()>;
    async fn pay(&self, cents: i32) -> Result<i32, BankError>;
    async fn panics(&self) -> Result<()>;
    #[remote(oneway)]
    async fn note(&self, line: String) -> Result<()>;
    async fn slow(&self, millis: i32, answer: i32) -> Result<i32>;
    async fn count(&self) -> Result<i32>;
    async fn correlation(&self) -> Result<Option<String>>;
    async fn annotated(&self) -> Result<Option<String>>;
    async fn protocol(&self) -> Result<String>;
    #[remote(attr)]
    async fn colour(&self) -> Result<String>;
    #[remote(attr, set)]
    async fn set_colour(&self, colour: String) -> Result<()>;
}

/// A call in progress.
struct Running<'a>(&'a State);

impl<'a> Running<'a> {
    fn new(state: &'a State) -> Self {
        state.running.fetch_add(1, Ordering::SeqCst);
        state.begun.fetch_add(1, Ordering::SeqCst);
        Self(state)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Default)]
pub(crate) struct State {
    notes: Mutex<Vec<String>>,
    colour: Mutex<String>,
    count: AtomicI64,
    running: AtomicUsize,
    begun: AtomicUsize,
    finished: AtomicUsize,
}

/// The object; clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct MyThing(Arc<State>);

impl MyThing {
    pub(crate) fn notes(&self) -> Vec<String> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Calls of `slow` in progress.
    pub(crate) fn running(&self) -> usize {
        self.0.running.load(Ordering::SeqCst)
    }

    /// Calls of `slow` that were begun so far.
    pub(crate) fn begun(&self) -> usize {
        self.0.begun.load(Ordering::SeqCst)
    }

    /// Those of them that came to their end.
    pub(crate) fn finished(&self) -> usize {
        self.0.finished.load(Ordering::SeqCst)
    }

    pub(crate) fn colour(&self) -> String {
        self.0.colour.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn sorted<T: Ord>(mut x: Vec<T>) -> Vec<T> {
    x.sort();
    x
}

// What is echoed is looked at as well: the object has to have got what was sent, not just sent back what it was told.
impl Thing for MyThing {
    async fn nothing(&self) -> Result<()> {
        Ok(())
    }

    async fn flip(&self, on: Vec<bool>) -> Result<Vec<bool>> {
        Ok(on.into_iter().map(|on| !on).collect())
    }

    async fn ints(&self, x: Vec<i32>) -> Result<Vec<i32>> {
        Ok(sorted(x))
    }

    async fn longs(&self, x: Vec<i64>) -> Result<Vec<i64>> {
        Ok(sorted(x))
    }

    async fn floats(&self, x: Vec<f64>) -> Result<Vec<f64>> {
        Ok(x.into_iter().map(|x| -x).collect())
    }

    async fn texts(&self, x: Vec<String>) -> Result<Vec<String>> {
        Ok(x.into_iter().rev().collect())
    }

    async fn bytes(&self, x: Vec<Blob>) -> Result<Vec<Blob>> {
        Ok(x.into_iter().map(|b| b.0.iter().rev().copied().collect::<Vec<u8>>().into()).collect())
    }

    async fn dates(&self, x: Vec<DateTime>) -> Result<Vec<DateTime>> {
        Ok(x.into_iter().rev().collect())
    }

    async fn lists(&self, x: Vec<Vec<i32>>) -> Result<Vec<Vec<i32>>> {
        Ok(x.into_iter().rev().collect())
    }

    async fn maps(
        &self,
        x: BTreeMap<String, BTreeMap<String, i32>>,
    ) -> Result<BTreeMap<String, BTreeMap<String, i32>>> {
        Ok(x.into_iter().map(|(k, v)| (format!("{k}!"), v)).collect())
    }

    async fn by_number(&self, x: BTreeMap<i32, String>) -> Result<BTreeMap<i32, String>> {
        Ok(x.into_iter().map(|(k, v)| (-k, v)).collect())
    }

    async fn order(&self, x: Order) -> Result<Order> {
        Ok(Order { number: x.number + 1, ..x })
    }

    async fn money(&self, x: Vec<Money>) -> Result<Vec<Money>> {
        Ok(x.into_iter().map(|m| Money { cents: m.cents * 2, ..m }).collect())
    }

    async fn entries(&self, x: Vec<Entry>) -> Result<Vec<Entry>> {
        Ok(x.into_iter().rev().collect())
    }

    async fn options(&self, x: Vec<Option<i32>>) -> Result<Vec<Option<i32>>> {
        Ok(x.into_iter().map(|x| x.map_or(Some(0), |x| (x != 0).then_some(x))).collect())
    }

    async fn pairs(&self, x: (i32, String, (bool,))) -> Result<(i32, String, (bool,))> {
        Ok((x.0 + 1, x.1, (!x.2.0,)))
    }

    async fn sets(&self, mut x: Set<BTreeSet<String>>) -> Result<Set<BTreeSet<String>>> {
        x.0.insert("more".to_owned());
        Ok(x)
    }

    async fn decimals(&self, x: Decimal) -> Result<Decimal> {
        Ok(Decimal(format!("{}5", x.0)))
    }

    async fn big_ints(&self, x: Integer) -> Result<Integer> {
        Ok(x)
    }

    async fn anything(&self, x: Value) -> Result<Value> {
        Ok(x)
    }

    async fn greet(&self, name: String, greeting: Option<String>) -> Result<String> {
        Ok(format!("{}, {name}", greeting.as_deref().unwrap_or("Good day")))
    }

    async fn fail(&self, class: &str, message: &str) -> Result<()> {
        Err(Error::remote(Exception::new(class, message)))
    }

    async fn pay(&self, cents: i32) -> Result<i32, BankError> {
        match cents {
            0 => Err(BankError::Closed("closed for good".to_owned())),
            1..100 => Ok(100 - cents),
            _ => Err(BankError::InsufficientFunds { missing: cents - 100, account: "savings \u{20ac}".to_owned() }),
        }
    }

    async fn panics(&self) -> Result<()> {
        panic!("a secret of the handler");
    }

    async fn note(&self, line: String) -> Result<()> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        Ok(())
    }

    async fn slow(&self, millis: i32, answer: i32) -> Result<i32> {
        let _running = Running::new(&self.0);
        tokio::time::sleep(Duration::from_millis(millis.unsigned_abs().into())).await;
        self.0.finished.fetch_add(1, Ordering::SeqCst);
        Ok(answer)
    }

    async fn count(&self) -> Result<i32> {
        Ok(self.0.count.fetch_add(1, Ordering::SeqCst) as i32)
    }

    async fn correlation(&self) -> Result<Option<String>> {
        Ok(call_context::metadata().and_then(|m| m.correlation_text()))
    }

    async fn annotated(&self) -> Result<Option<String>> {
        call_context::set_reply_annotation("BACK", "and back");
        Ok(call_context::annotation("WITH").map(|b| String::from_utf8_lossy(&b).into_owned()))
    }

    async fn protocol(&self) -> Result<String> {
        Ok(call_context::peer().map(|peer| peer.protocol.clone()).unwrap_or_default())
    }

    async fn colour(&self) -> Result<String> {
        Ok("blue".to_owned())
    }

    async fn set_colour(&self, colour: String) -> Result<()> {
        *self.0.colour.lock().unwrap_or_else(PoisonError::into_inner) = colour;
        Ok(())
    }
}
