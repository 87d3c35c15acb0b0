//! The object of the peers' interface, served from Rust. What a trait can say is in the trait, which the suite in `suite.rs`
//! calls as well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI32, AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use springline_core::{Blob, DateTime, Error, Exception, RemoteRef, Result, Value};
use springline_hessian::Dialect;
use springline_hessian::client::HessianProxyBuilder;
use springline_macros::remote;

use crate::values;

/// The bean of the original's chapter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename = "peer.Person", rename_all = "camelCase")]
pub(crate) struct Person {
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) age: i32,
    pub(crate) attributes: Option<Vec<String>>,
}

impl Person {
    pub(crate) fn new(first_name: &str, last_name: &str, age: i32, attributes: &[&str]) -> Self {
        Self {
            first_name: Some(first_name.to_owned()),
            last_name: Some(last_name.to_owned()),
            age,
            attributes: Some(attributes.iter().map(|a| (*a).to_owned()).collect()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "peer.Color", rename_all = "UPPERCASE")]
pub(crate) enum Color {
    Red,
    Green,
}

/// A link of a chain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename = "peer.Node")]
pub(crate) struct Node {
    pub(crate) name: Option<String>,
    pub(crate) next: Option<Box<Node>>,
    pub(crate) friends: Vec<Node>,
}

#[remote(crate = "springline_core", rename_all = "camelCase")]
pub(crate) trait Thing {
    async fn transform(&self, line: &str) -> Result<Person>;
    async fn get_data(&self, param: &str) -> Result<String>;
    async fn pow(&self, x: i64, y: u32) -> Result<i64>;
    async fn add(&self, a: i64, b: i64) -> Result<i64>;
    async fn nothing(&self) -> Result<()>;
    async fn count(&self) -> Result<i32>;
    async fn slow(&self, seconds: f64) -> Result<String>;
    async fn big_text(&self, n: usize) -> Result<String>;
    async fn big_array(&self, n: i32) -> Result<Vec<i32>>;
    async fn blob(&self, n: usize) -> Result<Blob>;
    async fn size(&self, x: Value) -> Result<i32>;
    async fn echo(&self, x: Value) -> Result<Value>;
    async fn samples(&self) -> Result<Vec<String>>;
    async fn sample(&self, name: &str) -> Result<Value>;
    async fn typed_boolean(&self, x: bool) -> Result<bool>;
    async fn boxed_boolean(&self, x: Option<bool>) -> Result<Option<bool>>;
    async fn typed_byte(&self, x: i8) -> Result<i8>;
    async fn typed_short(&self, x: i16) -> Result<i16>;
    async fn typed_int(&self, x: i32) -> Result<i32>;
    async fn boxed_int(&self, x: Option<i32>) -> Result<Option<i32>>;
    async fn typed_long(&self, x: i64) -> Result<i64>;
    async fn typed_float(&self, x: f32) -> Result<f32>;
    async fn typed_double(&self, x: f64) -> Result<f64>;
    async fn typed_char(&self, x: char) -> Result<char>;
    async fn typed_string(&self, x: Option<String>) -> Result<Option<String>>;
    async fn typed_date(&self, x: DateTime) -> Result<DateTime>;
    async fn typed_bytes(&self, x: Blob) -> Result<Blob>;
    async fn typed_ints(&self, x: Vec<i32>) -> Result<Vec<i32>>;
    async fn typed_strings(&self, x: Vec<Option<String>>) -> Result<Vec<Option<String>>>;
    async fn typed_enum(&self, x: Option<Color>) -> Result<Option<Color>>;
    async fn typed_decimal(&self, x: springline_core::Decimal) -> Result<springline_core::Decimal>;
    async fn typed_big_integer(&self, x: springline_core::Integer) -> Result<springline_core::Integer>;
    async fn typed_uuid(&self, x: Value) -> Result<Value>;
    async fn typed_person(&self, x: Option<Person>) -> Result<Option<Person>>;
    async fn typed_persons(&self, x: Vec<Option<Person>>) -> Result<Vec<Option<Person>>>;
    async fn typed_list(&self, x: Vec<Person>) -> Result<Vec<Person>>;
    async fn typed_set(&self, x: BTreeSet<String>) -> Result<BTreeSet<String>>;
    async fn typed_map(&self, x: BTreeMap<String, i32>) -> Result<BTreeMap<String, i32>>;
    async fn typed_everything(&self, x: Value) -> Result<Value>;
    async fn typed_node(&self, x: Value) -> Result<Value>;
    async fn over(&self) -> Result<String>;
    #[remote(name = "over_int")]
    async fn over_int(&self, x: i32) -> Result<String>;
    #[remote(name = "over_long")]
    async fn over_long(&self, x: i64) -> Result<String>;
    #[remote(name = "over_double")]
    async fn over_double(&self, x: f64) -> Result<String>;
    #[remote(name = "over_boolean")]
    async fn over_boolean(&self, x: bool) -> Result<String>;
    #[remote(name = "over_string")]
    async fn over_string(&self, x: &str) -> Result<String>;
    #[remote(name = "over_date")]
    async fn over_date(&self, x: DateTime) -> Result<String>;
    #[remote(name = "over_binary")]
    async fn over_binary(&self, x: Blob) -> Result<String>;
    #[remote(name = "over_[int")]
    async fn over_ints(&self, x: Vec<i32>) -> Result<String>;
    #[remote(name = "over_[string")]
    async fn over_strings(&self, x: Vec<String>) -> Result<String>;
    #[remote(name = "over_Object")]
    async fn over_object(&self, x: Value) -> Result<String>;
    #[remote(name = "over_List")]
    async fn over_list(&self, x: Vec<Value>) -> Result<String>;
    #[remote(name = "over_Map")]
    async fn over_map(&self, x: BTreeMap<String, Value>) -> Result<String>;
    #[remote(name = "over_Person")]
    async fn over_person(&self, x: Person) -> Result<String>;
    #[remote(name = "over__2")]
    async fn over_two(&self, x: i32, y: &str) -> Result<String>;
    #[remote(name = "over_int_string")]
    async fn over_int_string(&self, x: i32, y: &str) -> Result<String>;
    #[remote(name = "over_string_int_int_double")]
    async fn over_four(&self, a: &str, b: i32, c: i32, d: f64) -> Result<String>;
    async fn fail(&self, kind: &str, message: Option<String>) -> Result<()>;
    async fn fail_code(&self, code: i32, message: &str) -> Result<()>;
    async fn open(&self, owner: &str) -> Result<RemoteRef>;
    async fn visit(&self, account: RemoteRef) -> Result<String>;
    async fn people(&self, n: i32) -> Result<Vec<Person>>;
    async fn count_people(&self, people: Vec<Person>) -> Result<String>;
}

/// An object that stays where it is.
#[remote(crate = "springline_core")]
pub(crate) trait Account {
    async fn owner(&self) -> Result<String>;
    async fn deposit(&self, amount: i64) -> Result<i64>;
}

pub(crate) struct MyAccount {
    pub(crate) owner: String,
    pub(crate) balance: AtomicI64,
}

impl Account for MyAccount {
    async fn owner(&self) -> Result<String> {
        Ok(self.owner.clone())
    }

    async fn deposit(&self, amount: i64) -> Result<i64> {
        Ok(self.balance.fetch_add(amount, Ordering::Relaxed) + amount)
    }
}

/// Where references lead, once that is known, and how they are followed.
pub(crate) struct Home {
    pub(crate) base: std::sync::OnceLock<String>,
    pub(crate) follow: Box<dyn Fn(&str) -> HessianProxyBuilder + Send + Sync>,
}

pub(crate) struct MyThing {
    pub(crate) count: AtomicI32,
    pub(crate) home: std::sync::Arc<Home>,
}

impl MyThing {
    pub(crate) fn new(home: &std::sync::Arc<Home>) -> Self {
        Self { count: AtomicI32::new(0), home: home.clone() }
    }
}

pub(crate) fn exception(class: &str, message: &str) -> Error {
    Error::remote(Exception::new(class, message))
}

pub(crate) fn bank(code: i64, message: &str) -> Error {
    Error::remote(Exception::new("peer.BankException", message).with_code(code).with_attribute("account", "A-1"))
}

pub(crate) fn people(n: usize) -> Vec<Person> {
    let person = |i: usize| {
        Person::new(&format!("First{i}"), &format!("Last{i}"), (i % 100) as i32, &[&format!("a{i}"), "b", "c"])
    };
    (0..n).map(person).collect()
}

pub(crate) fn blob(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i % 251) as u8).collect()
}

pub(crate) fn big_text(n: usize) -> String {
    "The quick brown fox. ".chars().cycle().take(n).collect()
}

impl Thing for MyThing {
    async fn transform(&self, line: &str) -> Result<Person> {
        let mut parts = line.splitn(3, ' ');
        let mut next = || parts.next().unwrap_or_default();
        let (first, last) = (next(), next());
        Ok(Person::new(first, last, 42, &next().split(',').collect::<Vec<_>>()))
    }

    async fn get_data(&self, param: &str) -> Result<String> {
        Ok(format!("You got remote data => {param}"))
    }

    async fn pow(&self, x: i64, y: u32) -> Result<i64> {
        x.checked_pow(y).ok_or_else(|| exception("java.lang.ArithmeticException", "the power is too large"))
    }

    async fn add(&self, a: i64, b: i64) -> Result<i64> {
        Ok(a + b)
    }

    async fn nothing(&self) -> Result<()> {
        Ok(())
    }

    async fn count(&self) -> Result<i32> {
        Ok(self.count.fetch_add(1, Ordering::Relaxed) + 1)
    }

    async fn slow(&self, seconds: f64) -> Result<String> {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        Ok("done".to_owned())
    }

    async fn big_text(&self, n: usize) -> Result<String> {
        Ok(big_text(n))
    }

    async fn big_array(&self, n: i32) -> Result<Vec<i32>> {
        Ok((0..n).collect())
    }

    async fn blob(&self, n: usize) -> Result<Blob> {
        Ok(blob(n).into())
    }

    async fn size(&self, x: Value) -> Result<i32> {
        match (&x, x.as_bytes()) {
            (_, Some(bytes)) => Ok(bytes.len() as i32),
            (Value::Str(text), _) => Ok(text.chars().count() as i32),
            _ => Err(exception("java.lang.ClassCastException", "it has no size")),
        }
    }

    async fn echo(&self, x: Value) -> Result<Value> {
        Ok(x)
    }

    async fn samples(&self) -> Result<Vec<String>> {
        Ok(values::samples().into_iter().map(|(name, _)| name).collect())
    }

    async fn sample(&self, name: &str) -> Result<Value> {
        values::named(name).ok_or_else(|| exception("java.lang.IllegalArgumentException", name))
    }

    async fn typed_boolean(&self, x: bool) -> Result<bool> {
        Ok(x)
    }

    async fn boxed_boolean(&self, x: Option<bool>) -> Result<Option<bool>> {
        Ok(x)
    }

    async fn typed_byte(&self, x: i8) -> Result<i8> {
        Ok(x)
    }

    async fn typed_short(&self, x: i16) -> Result<i16> {
        Ok(x)
    }

    async fn typed_int(&self, x: i32) -> Result<i32> {
        Ok(x)
    }

    async fn boxed_int(&self, x: Option<i32>) -> Result<Option<i32>> {
        Ok(x)
    }

    async fn typed_long(&self, x: i64) -> Result<i64> {
        Ok(x)
    }

    async fn typed_float(&self, x: f32) -> Result<f32> {
        Ok(x)
    }

    async fn typed_double(&self, x: f64) -> Result<f64> {
        Ok(x)
    }

    async fn typed_char(&self, x: char) -> Result<char> {
        Ok(x)
    }

    async fn typed_string(&self, x: Option<String>) -> Result<Option<String>> {
        Ok(x)
    }

    async fn typed_date(&self, x: DateTime) -> Result<DateTime> {
        Ok(x)
    }

    async fn typed_bytes(&self, x: Blob) -> Result<Blob> {
        Ok(x)
    }

    async fn typed_ints(&self, x: Vec<i32>) -> Result<Vec<i32>> {
        Ok(x)
    }

    async fn typed_strings(&self, x: Vec<Option<String>>) -> Result<Vec<Option<String>>> {
        Ok(x)
    }

    async fn typed_enum(&self, x: Option<Color>) -> Result<Option<Color>> {
        Ok(x)
    }

    async fn typed_decimal(&self, x: springline_core::Decimal) -> Result<springline_core::Decimal> {
        Ok(x)
    }

    async fn typed_big_integer(&self, x: springline_core::Integer) -> Result<springline_core::Integer> {
        Ok(x)
    }

    async fn typed_uuid(&self, x: Value) -> Result<Value> {
        Ok(x)
    }

    async fn typed_person(&self, x: Option<Person>) -> Result<Option<Person>> {
        Ok(x)
    }

    async fn typed_persons(&self, x: Vec<Option<Person>>) -> Result<Vec<Option<Person>>> {
        Ok(x)
    }

    async fn typed_list(&self, x: Vec<Person>) -> Result<Vec<Person>> {
        Ok(x)
    }

    async fn typed_set(&self, x: BTreeSet<String>) -> Result<BTreeSet<String>> {
        Ok(x)
    }

    async fn typed_map(&self, x: BTreeMap<String, i32>) -> Result<BTreeMap<String, i32>> {
        Ok(x)
    }

    async fn typed_everything(&self, x: Value) -> Result<Value> {
        Ok(x)
    }

    async fn typed_node(&self, x: Value) -> Result<Value> {
        Ok(x)
    }

    async fn over(&self) -> Result<String> {
        Ok("over()".to_owned())
    }

    async fn over_int(&self, x: i32) -> Result<String> {
        Ok(format!("over(int {x})"))
    }

    async fn over_long(&self, x: i64) -> Result<String> {
        Ok(format!("over(long {x})"))
    }

    async fn over_double(&self, x: f64) -> Result<String> {
        Ok(format!("over(double {x:?})"))
    }

    async fn over_boolean(&self, x: bool) -> Result<String> {
        Ok(format!("over(boolean {x})"))
    }

    async fn over_string(&self, x: &str) -> Result<String> {
        Ok(format!("over(String {x})"))
    }

    async fn over_date(&self, x: DateTime) -> Result<String> {
        Ok(format!("over(Date {})", x.unix_nanos().unwrap_or_default() / 1_000_000))
    }

    async fn over_binary(&self, x: Blob) -> Result<String> {
        Ok(format!("over(byte[] of {})", x.len()))
    }

    async fn over_ints(&self, x: Vec<i32>) -> Result<String> {
        Ok(format!("over(int[] {x:?})"))
    }

    async fn over_strings(&self, x: Vec<String>) -> Result<String> {
        Ok(format!("over(String[] [{}])", x.join(", ")))
    }

    async fn over_object(&self, _: Value) -> Result<String> {
        Ok("over(Object)".to_owned())
    }

    async fn over_list(&self, x: Vec<Value>) -> Result<String> {
        Ok(format!("over(List of {})", x.len()))
    }

    async fn over_map(&self, x: BTreeMap<String, Value>) -> Result<String> {
        Ok(format!("over(Map of {})", x.len()))
    }

    async fn over_person(&self, x: Person) -> Result<String> {
        Ok(format!("over(Person {})", x.first_name.unwrap_or_default()))
    }

    async fn over_two(&self, x: i32, y: &str) -> Result<String> {
        Ok(format!("over(int {x}, String {y})"))
    }

    async fn over_int_string(&self, x: i32, y: &str) -> Result<String> {
        self.over_two(x, y).await
    }

    async fn over_four(&self, a: &str, b: i32, c: i32, d: f64) -> Result<String> {
        Ok(format!("over(String {a}, int {b}, int {c}, double {d:?})"))
    }

    async fn fail(&self, kind: &str, message: Option<String>) -> Result<()> {
        let text = message.unwrap_or_default();
        Err(match kind {
            "runtime" | "null" => exception("java.lang.RuntimeException", &text),
            "illegal" => exception("java.lang.IllegalArgumentException", &text),
            // As a program says it that knows nothing of Java.
            "value" => exception("ValueError", &text),
            "bank" => bank(7, &text),
            "cause" => {
                let mut outer = Exception::new("java.lang.IllegalStateException", text);
                let mut inner = Exception::new("java.lang.RuntimeException", "inner");
                inner.cause = Some(Box::new(Exception::new("java.io.IOException", "innermost")));
                outer.cause = Some(Box::new(inner));
                Error::remote(outer)
            }
            "error" => exception("java.lang.AssertionError", &text),
            other => exception("java.lang.IllegalArgumentException", other),
        })
    }

    async fn fail_code(&self, code: i32, message: &str) -> Result<()> {
        Err(bank(code.into(), message))
    }

    async fn open(&self, owner: &str) -> Result<RemoteRef> {
        let mut reference = RemoteRef::uri(format!("{}/account/{owner}", self.home.base.get().expect("it serves")));
        reference.type_name = Some("peer.Account".to_owned());
        Ok(reference)
    }

    async fn visit(&self, account: RemoteRef) -> Result<String> {
        let account = AccountProxy::new((self.home.follow)(&account.uri).build()?);
        Ok(format!("{} has {}", account.owner().await?, account.deposit(5).await?))
    }

    async fn people(&self, n: i32) -> Result<Vec<Person>> {
        Ok(people(n as usize))
    }

    async fn count_people(&self, all: Vec<Person>) -> Result<String> {
        let same = all == people(all.len());
        Ok(if same { format!("{} people", all.len()) } else { "other people".to_owned() })
    }
}

/// All dialects.
pub(crate) const DIALECTS: [Dialect; 3] = [Dialect::Hessian1, Dialect::Mixed, Dialect::Hessian2];
