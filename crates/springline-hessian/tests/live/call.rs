//! Rust calls Java: proxies against its server, feature by feature.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use springline_core::{BoxFuture, Error, Value};
use springline_hessian::Dialect;
use springline_hessian::client::{HessianProxy, HessianProxyBuilder};

use crate::peers::Server;
use crate::table::{Cell, Column, Table, name_of};
use crate::values::{same, samples, shown};
use crate::{Plan, call_errors, call_methods, serve, suite};

/// How long a feature may take, on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(150);

/// What only Rust's client can be asked.
pub(crate) const ONLY_RUST: [(&str, &str); 12] = [
    ("remote_suite", "the suite is Rust"),
    ("transform_as_map", "Java's objects are objects"),
    ("typed_results", "Java's client reads by its interface"),
    ("kwargs", "Java has no keyword arguments"),
    ("deflate", "the row is about Java's server"),
    ("cut:argument", "Rust's server answers with a fault, row fail:wrong_type"),
    ("cut:argument_empty", "Rust's server answers with a fault, row fail:wrong_type"),
    ("cut:result", "Rust's server writes its results before it answers"),
    ("cut:no_post", "the row is about Java's server"),
    ("nobody_there", "the row is about Java's server"),
    ("fail:suppressed", "exceptions have no suppressed ones here"),
    ("lone_surrogate", "Rust's texts have none"),
];

/// Why a feature is not ok.
#[derive(Debug)]
pub(crate) enum Failure {
    Wrong(String),
    /// Java cannot do it, or there is nothing to try in this column.
    Java(String),
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Self::Wrong(e.report())
    }
}

pub(crate) type Outcome = Result<(), Failure>;

/// Fails the feature unless the condition holds.
macro_rules! check {
    ($condition:expr, $($text:tt)*) => {
        if !$condition {
            return Err($crate::call::Failure::Wrong(format!($($text)*)));
        }
    };
}
pub(crate) use check;

/// What a feature works with.
pub(crate) struct Ctx {
    pub(crate) column: Column,
    pub(crate) base: String,
    shared: HessianProxy,
    /// Keeps Java's objects as they are.
    pub(crate) raw: HessianProxy,
}

impl Ctx {
    fn new(column: Column, base: &str) -> springline_core::Result<Self> {
        let proxy = || serve::proxy(&format!("{base}/thing"), column.way).dialect(column.dialect);
        let raw = proxy().read_options(serve::raw()).build()?;
        Ok(Self { column, base: base.to_owned(), shared: proxy().build()?, raw })
    }

    /// The proxy of all features that need no other.
    pub(crate) fn proxy(&self) -> &HessianProxy {
        &self.shared
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.column.dialect
    }

    /// A proxy's settings for a path of the server.
    pub(crate) fn at(&self, path: &str) -> HessianProxyBuilder {
        serve::proxy(&format!("{}{path}", self.base), self.column.way).dialect(self.dialect())
    }
}

type Feature = Box<dyn Fn(Arc<Ctx>) -> BoxFuture<'static, Outcome> + Send + Sync>;

/// All features by name, in the table's order.
#[derive(Default)]
pub(crate) struct Features(Vec<(String, Feature)>);

impl Features {
    pub(crate) fn add<F, Fut>(&mut self, name: impl Into<String>, f: F)
    where
        F: Fn(Arc<Ctx>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        self.0.push((name.into(), Box::new(move |c| Box::pin(f(c)))));
    }

    fn all(names: &[String]) -> Self {
        let mut all = Self::default();
        all.add("remote_suite", |c| async move { suite::over_java(&c).await.map_err(Failure::Wrong) });
        call_methods::add(&mut all);
        call_errors::add(&mut all);
        for name in names {
            let one = name.clone();
            all.add(format!("echo:{name}"), move |c| echo(c, one.clone()));
            let one = name.clone();
            all.add(format!("sample:{name}"), move |c| sample(c, one.clone()));
        }
        all
    }
}

/// There and back again: Java compares what comes with what it sent.
async fn echo(c: Arc<Ctx>, name: String) -> Outcome {
    let value = c.raw.call_value("sample", (&*name,)).await?;
    let found: String = c.raw.call("check", (&*name, &value)).await?;
    check!(found.is_empty(), "{found}; it was {}", shown(&value));
    Ok(())
}

/// What Rust makes of it, as far as that is written down.
async fn sample(c: Arc<Ctx>, name: String) -> Outcome {
    let value = c.proxy().call_value("sample", (&*name,)).await?;
    let Some((_, wanted)) = samples().into_iter().find(|(n, _)| *n == name) else {
        return Err(Failure::Java(
            "not written down as a value of Rust's: the row echo: says that it comes back".into(),
        ));
    };
    let loose = c.dialect() != Dialect::Hessian1;
    check!(same(&wanted, &value, loose), "wanted {}, got {}", shown(&wanted), shown(&value));
    // And as Rust would make it.
    let found: String = c.proxy().call("check", (&*name, &wanted)).await?;
    check!(found.is_empty(), "made here: {found}");
    Ok(())
}

/// Fills the R>J column.
pub(crate) async fn column(plan: &Plan, table: &Table, column: Column) -> Result<(), String> {
    let server = Server::start(column).await?;
    let c = Arc::new(Ctx::new(column, &server.base).map_err(|e| e.report())?);
    let names: Vec<String> = c.proxy().call("samples", ()).await.map_err(|e| format!("samples: {}", e.report()))?;
    for (name, _) in samples() {
        if !names.contains(&name) {
            return Err(format!("Java has no sample {name}"));
        }
    }
    let features = Features::all(&names);
    for (name, feature) in features.0.iter().filter(|(name, _)| plan.wants(name)) {
        let run = tokio::spawn(tokio::time::timeout(PATIENCE, feature(c.clone())));
        let cell = match run.await {
            Ok(Ok(Ok(()))) => Cell::Ok,
            Ok(Ok(Err(Failure::Wrong(why)))) => Cell::Fail(why),
            Ok(Ok(Err(Failure::Java(why)))) => Cell::Na(why),
            Ok(Err(_)) => Cell::Fail(format!("it takes more than {PATIENCE:?}")),
            Err(panic) => Cell::Fail(format!("it panics: {panic}")),
        };
        table.set(name, column, cell);
    }
    drop(c);
    server.stop().await
}

/// The text of a value, where it is one.
pub(crate) fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A name that the peers' accounts have.
pub(crate) fn owner(who: &str, dialect: Dialect) -> String {
    format!("{who}-{}", name_of(dialect).to_uppercase())
}
