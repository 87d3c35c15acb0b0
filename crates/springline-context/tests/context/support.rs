//! Classes that keep what they are given, and exporters that note what is done to them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use springline_context::{ApplicationContext, Builder, Classes, Diagnostics, Environment};
use springline_core::component::{Class, Exporter, Setting, Settings, Type};
use springline_core::{BoxFuture, Error, ErrorKind, FnService, Result, Service, Value, remote};

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Names that are taken while an exporter runs, as addresses are.
type Taken = Arc<Mutex<BTreeSet<String>>>;

struct Noted {
    log: Log,
    taken: Taken,
    name: String,
    exclusive: bool,
    claims: bool,
    fails: bool,
    service: Arc<dyn Service>,
}

impl Exporter for Noted {
    fn start(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(async {
            if self.fails {
                self.log.note(format!("fail {}", self.name));
                return Err(Error::new(ErrorKind::Unavailable, "no room"));
            }
            if self.exclusive && !self.taken.lock().unwrap().insert(self.name.clone()) {
                return Err(Error::new(ErrorKind::Unavailable, "address in use"));
            }
            self.log.note(format!("start {}", self.name));
            Ok(vec![format!("test:{}", self.name)])
        })
    }

    fn claims(&self) -> Vec<String> {
        if self.claims { vec![format!("the name {}", self.name)] } else { Vec::new() }
    }

    fn stop(&self, _drain: Duration) -> BoxFuture<'_, usize> {
        Box::pin(async {
            self.taken.lock().unwrap().remove(&self.name);
            let described = self.service.describe().map(|info| info.name.to_string()).unwrap_or_default();
            self.log.note(format!("stop {} of {described}", self.name));
            0
        })
    }
}

fn shown(setting: &Setting) -> Value {
    match setting {
        Setting::Value(value) => value.clone(),
        Setting::Object(id, _) => Value::from(format!("-> {id}")),
        Setting::List(items) => Value::List(items.iter().map(shown).collect()),
        Setting::Dict(pairs) => Value::Map(pairs.iter().map(|(k, v)| (k.clone(), shown(v))).collect()),
    }
}

// An object whose method `get` tells one of its properties, and `call` calls an object that it was given.
fn keeper(settings: &Settings) -> Result<FnService> {
    let all = settings.clone();
    let others = settings.clone();
    let id = settings.id().to_owned();
    Ok(FnService::new(id.clone())
        .method("get", ["name"], move |(name,): (String,)| {
            std::future::ready(Ok(all.setting(&name).map_or(Value::Null, shown)))
        })
        .method("call", ["name"], move |(name,): (String,)| {
            let target = others.service(&name);
            async move {
                let call = springline_core::Call::new("id", &());
                target?.call(&call).await?.result.decode::<String>()
            }
        })
        .method("id", [], move |()| std::future::ready(Ok(id.clone()))))
}

pub(crate) fn classes(log: &Log) -> Classes {
    let (made, noted) = (log.clone(), log.clone());
    let taken = Taken::default();
    let keep = |class: Class| {
        class.optional("a", Type::Any, "Anything.").optional("b", Type::Any, "Anything.").optional(
            "service",
            Type::Service,
            "An object.",
        )
    };
    Classes::new()
        .class("test.Keeper", move |class| {
            keep(class.also("Keeper")).service(move |settings| {
                made.note(format!("make {}", settings.id()));
                keeper(settings)
            })
        })
        .class("test.Proxy", move |class| keep(class).proxy(keeper))
        .class("test.Exporter", move |class| {
            class
                .also("Exporter")
                .required("service_name", Type::Text, "The name.")
                .required("service", Type::Service, "The object.")
                .optional("port", Type::PORT, "The port.")
                .optional("exclusive", Type::Boolean, "Whether the name can be used once only.")
                .optional("claims", Type::Boolean, "Whether it says so beforehand.")
                .optional("fails", Type::Boolean, "Whether it fails.")
                .numbered("service_name")
                .exporter(move |settings| {
                    Ok(Noted {
                        log: noted.clone(),
                        taken: taken.clone(),
                        name: settings.require("service_name")?,
                        exclusive: settings.get("exclusive")?.unwrap_or(false),
                        claims: settings.get("claims")?.unwrap_or(false),
                        fails: settings.get("fails")?.unwrap_or(false),
                        service: settings.service("service")?,
                    })
                })
        })
        .class("test.Typed", |class| {
            class
                .optional("port", Type::PORT, "")
                .optional("flag", Type::Boolean, "")
                .optional("timeout", Type::Seconds, "")
                .optional("ratio", Type::Number, "")
                .optional("names", Type::list(Type::Text), "")
                .optional("fields", Type::dict(Type::Text), "")
                .optional("pool", Type::list(Type::Service), "")
                .service(keeper)
        })
        .class("test.Value", |class| {
            class
                .required("text", Type::Text, "")
                .value(|settings| Ok(Value::from(settings.require::<String>("text")? + "!")))
        })
        .class("test.Broken", |class| {
            class.service(|_| Err::<FnService, _>(Error::new(ErrorKind::Config, "it does not work")))
        })
}

pub(crate) fn builder(log: &Log) -> Builder {
    let environment = Environment::new(|name| (name == "HOST").then(|| "db.example".to_owned()));
    ApplicationContext::builder().classes(classes(log)).environment(environment)
}

/// A context of the objects within `<objects>`.
#[track_caller]
pub(crate) fn objects(inside: &str) -> ApplicationContext {
    match builder(&Log::default()).xml("test.xml", around(inside)).build() {
        Ok(context) => context,
        Err(all) => panic!("{all}"),
    }
}

/// A context of a TOML file.
#[track_caller]
pub(crate) fn toml(text: &str) -> ApplicationContext {
    match builder(&Log::default()).toml("test.toml", text).build() {
        Ok(context) => context,
        Err(all) => panic!("{all}"),
    }
}

pub(crate) fn around(inside: &str) -> String {
    format!("<objects>\n{inside}\n</objects>")
}

/// What is wrong with objects.
#[track_caller]
pub(crate) fn wrong(inside: &str) -> Diagnostics {
    builder(&Log::default()).xml("test.xml", around(inside)).build().expect_err("it is wrong")
}

/// What an object has for its property `a`.
pub(crate) async fn kept(context: &ApplicationContext, id: &str) -> Value {
    property(context, id, "a").await
}

pub(crate) async fn property(context: &ApplicationContext, id: &str, name: &str) -> Value {
    context.proxy(id).unwrap().call("get", (name,)).await.unwrap()
}

pub(crate) fn value<T: serde::Serialize>(of: T) -> Value {
    remote::to_value(&of).unwrap()
}
