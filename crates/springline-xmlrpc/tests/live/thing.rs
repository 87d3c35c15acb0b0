//! The object of the peers' interface, served from Rust. What a trait can say is in the trait, which the suite in
//! `suite.rs` calls as well; `describe(*args)` and `validator1.manyTypesTest`, which take what comes, are done by hand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use springline_core::service::{Call, MethodInfo, Reply, ServiceInfo};
use springline_core::{Blob, BoxFuture, Error, Exception, Result, Service, Value};
use springline_macros::remote;
use springline_xmlrpc::server::{XmlRpcServerBuilder, certificate};

use crate::values;

#[remote(crate = "springline_core")]
pub(crate) trait Thing {
    /// Says what it was sent.
    async fn get_data(&self, param: &str) -> Result<String>;
    async fn pow(&self, x: i64, y: u32) -> Result<i64>;
    async fn listdir(&self, path: &str) -> Result<Vec<String>>;
    async fn echo(&self, x: Value) -> Result<Value>;
    async fn add(&self, a: i64, b: i64) -> Result<i64>;
    async fn nothing(&self) -> Result<()>;
    async fn fail(&self, code: i64, text: &str) -> Result<()>;
    async fn raise_it(&self, kind: &str, text: &str) -> Result<()>;
    async fn special(&self, name: &str) -> Result<Value>;
    async fn specials(&self) -> Result<Vec<String>>;
    async fn blob(&self, n: usize) -> Result<Blob>;
    async fn big_text(&self, n: usize) -> Result<String>;
    async fn big_array(&self, n: i64) -> Result<Vec<i64>>;
    async fn size(&self, x: Value) -> Result<usize>;
    async fn slow(&self, seconds: f64) -> Result<String>;
    async fn count(&self) -> Result<i64>;
    async fn whoami(&self) -> Result<String>;
}

#[derive(Default)]
pub(crate) struct MyThing {
    count: AtomicI64,
}

fn exception(class: &str, message: &str) -> Error {
    Error::remote(Exception::new(class, message))
}

impl Thing for MyThing {
    async fn get_data(&self, param: &str) -> Result<String> {
        Ok(format!("You got remote data => {param}"))
    }

    async fn pow(&self, x: i64, y: u32) -> Result<i64> {
        x.checked_pow(y).ok_or_else(|| exception("OverflowError", "the power is too large"))
    }

    async fn listdir(&self, path: &str) -> Result<Vec<String>> {
        let dir = std::fs::read_dir(path).map_err(|e| exception("OSError", &e.to_string()))?;
        let mut names: Vec<String> = dir.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }

    async fn echo(&self, x: Value) -> Result<Value> {
        Ok(x)
    }

    async fn add(&self, a: i64, b: i64) -> Result<i64> {
        Ok(a + b)
    }

    async fn nothing(&self) -> Result<()> {
        Ok(())
    }

    async fn fail(&self, code: i64, text: &str) -> Result<()> {
        Err(Error::remote(Exception::new("Fault", text).with_code(code)))
    }

    async fn raise_it(&self, kind: &str, text: &str) -> Result<()> {
        Err(match kind {
            "value" => exception("ValueError", text),
            "bank" => exception("bank.BankError", text),
            _ => exception("KeyError", kind),
        })
    }

    async fn special(&self, name: &str) -> Result<Value> {
        values::named(name).ok_or_else(|| exception("KeyError", name))
    }

    async fn specials(&self) -> Result<Vec<String>> {
        Ok(values::special().into_iter().map(|(name, _)| name.to_owned()).collect())
    }

    async fn blob(&self, n: usize) -> Result<Blob> {
        Ok(blob(n).into())
    }

    async fn big_text(&self, n: usize) -> Result<String> {
        Ok(big_text(n))
    }

    async fn big_array(&self, n: i64) -> Result<Vec<i64>> {
        Ok((0..n).collect())
    }

    async fn size(&self, x: Value) -> Result<usize> {
        match (&x, x.as_bytes()) {
            (_, Some(bytes)) => Ok(bytes.len()),
            (Value::Str(text), _) => Ok(text.chars().count()),
            _ => Err(exception("TypeError", "it has no size")),
        }
    }

    async fn slow(&self, seconds: f64) -> Result<String> {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        Ok("done".to_owned())
    }

    async fn count(&self) -> Result<i64> {
        Ok(self.count.fetch_add(1, Ordering::Relaxed) + 1)
    }

    async fn whoami(&self) -> Result<String> {
        Ok(certificate().and_then(|c| c.field("commonName")).unwrap_or_default())
    }
}

pub(crate) fn blob(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i % 251) as u8).collect()
}

pub(crate) fn big_text(n: usize) -> String {
    "The quick brown fox. ".chars().cycle().take(n).collect()
}

/// A service and one method beside it that takes whatever comes.
struct Beside<S> {
    service: S,
    method: &'static str,
    answer: fn(Value) -> Value,
    info: ServiceInfo,
}

impl<S: Service> Beside<S> {
    fn new(service: S, method: &'static str, answer: fn(Value) -> Value) -> Self {
        let mut info = service.describe().cloned().unwrap_or_default();
        info.methods.to_mut().push(MethodInfo { name: method.into(), ..MethodInfo::default() });
        Self { service, method, answer, info }
    }
}

impl<S: Service> Service for Beside<S> {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        if call.method != self.method {
            return self.service.call(call);
        }
        Box::pin(async move { Ok(Reply::from((self.answer)(call.args.by_ref().into_value()?))) })
    }

    fn describe(&self) -> Option<&ServiceInfo> {
        Some(&self.info)
    }
}

/// The public validation suite.
#[remote(crate = "springline_core")]
pub(crate) trait Validator {
    #[remote(name = "arrayOfStructsTest")]
    async fn array_of_structs(&self, structs: Vec<BTreeMap<String, i64>>) -> Result<i64>;
    #[remote(name = "countTheEntities")]
    async fn count_the_entities(&self, text: &str) -> Result<Entities>;
    #[remote(name = "easyStructTest")]
    async fn easy_struct(&self, stooges: Stooges) -> Result<i64>;
    #[remote(name = "echoStructTest")]
    async fn echo_struct(&self, stooges: Value) -> Result<Value>;
    #[remote(name = "moderateSizeArrayCheck")]
    async fn moderate_size_array(&self, texts: Vec<String>) -> Result<String>;
    #[remote(name = "nestedStructTest")]
    async fn nested_struct(&self, calendar: Calendar) -> Result<i64>;
    #[remote(name = "simpleStructReturnTest")]
    async fn simple_struct_return(&self, n: i64) -> Result<Times>;
}

/// Years, months and days.
pub(crate) type Calendar = BTreeMap<String, BTreeMap<String, BTreeMap<String, BTreeMap<String, i64>>>>;

#[derive(Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entities {
    pub(crate) ct_left_angle_brackets: i64,
    pub(crate) ct_right_angle_brackets: i64,
    pub(crate) ct_ampersands: i64,
    pub(crate) ct_apostrophes: i64,
    pub(crate) ct_quotes: i64,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Stooges {
    pub(crate) moe: i64,
    pub(crate) larry: i64,
    pub(crate) curly: i64,
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Times {
    pub(crate) times10: i64,
    pub(crate) times100: i64,
    pub(crate) times1000: i64,
}

pub(crate) fn count_entities(text: &str) -> Entities {
    let count = |wanted| text.chars().filter(|c| *c == wanted).count() as i64;
    Entities {
        ct_left_angle_brackets: count('<'),
        ct_right_angle_brackets: count('>'),
        ct_ampersands: count('&'),
        ct_apostrophes: count('\''),
        ct_quotes: count('"'),
    }
}

struct MyValidator;

impl Validator for MyValidator {
    async fn array_of_structs(&self, structs: Vec<BTreeMap<String, i64>>) -> Result<i64> {
        Ok(structs.iter().filter_map(|s| s.get("curly")).sum())
    }

    async fn count_the_entities(&self, text: &str) -> Result<Entities> {
        Ok(count_entities(text))
    }

    async fn easy_struct(&self, stooges: Stooges) -> Result<i64> {
        Ok(stooges.moe + stooges.larry + stooges.curly)
    }

    async fn echo_struct(&self, stooges: Value) -> Result<Value> {
        Ok(stooges)
    }

    async fn moderate_size_array(&self, texts: Vec<String>) -> Result<String> {
        Ok(texts.first().cloned().unwrap_or_default() + texts.last().map_or("", String::as_str))
    }

    async fn nested_struct(&self, calendar: Calendar) -> Result<i64> {
        let day = calendar.get("2000").and_then(|y| y.get("04")).and_then(|m| m.get("01"));
        let day = day.ok_or_else(|| exception("KeyError", "2000-04-01"))?;
        Ok(["moe", "larry", "curly"].iter().filter_map(|name| day.get(*name)).sum())
    }

    async fn simple_struct_return(&self, n: i64) -> Result<Times> {
        Ok(Times { times10: n * 10, times100: n * 100, times1000: n * 1000 })
    }
}

/// Serves all of the interface.
pub(crate) fn serve_all(builder: XmlRpcServerBuilder) -> XmlRpcServerBuilder {
    let describe = |args: Value| {
        let text = values::text(&args);
        text.strip_prefix("array").unwrap_or(&text).into()
    };
    builder
        .register_service("", Beside::new(ThingServer::new(MyThing::default()), "describe", describe))
        .register_service("validator1", Beside::new(ValidatorServer::new(MyValidator), "manyTypesTest", |six| six))
}
