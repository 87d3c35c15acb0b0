//! Hessian services, over HTTP, HTTPS and Unix sockets.

use springline::hessian::Dialect;
use springline::hessian::client::HessianProxy;
use springline::{BoxFuture, Call, Payload, Reply, Result, Service, ServiceInfo, Value};

use super::tls;
use crate::cli::{Connection, Hessian};
use crate::failure::Failure;

/// What stands before the scheme of the server's URL.
pub(super) const PREFIX: &str = "hessian+";

/// A service. Integers of up to 32 bits go as `int`, others as `long`, as Java's sources have them.
pub(crate) struct HessianObject(HessianProxy);

/// The service at `uri`, whose scheme is `hessian+` and that of its URL.
pub(super) fn object(uri: &str, connection: &Connection) -> Result<HessianObject, Failure> {
    let options = &connection.hessian;
    let (scheme, _) = springline::split_scheme(uri)?;
    let url = uri.get(PREFIX.len()..).unwrap_or_default();
    let dialect = match options.version {
        None | Some(Hessian::Mixed) => Dialect::Mixed,
        Some(Hessian::One) => Dialect::Hessian1,
        Some(Hessian::Two) => Dialect::Hessian2,
    };
    let mut builder = HessianProxy::builder(url).dialect(dialect).overload(options.overload);
    builder = builder.user_agent(concat!("springline/", env!("CARGO_PKG_VERSION")));
    if let Some(timeout) = connection.timeout {
        builder = builder.timeout(timeout).connect_timeout(timeout);
    }
    let tls = tls::given(connection);
    match scheme.as_str() {
        "hessian+https" => builder = builder.tls(tls::client(connection, |tls| tls)?),
        other if !tls.is_empty() => {
            let text = format!("{} is for hessian+https URLs, and this one is {other}", tls.join(", "));
            return Err(Failure::Usage(text));
        }
        _ => {}
    }
    if connection.compress {
        return Err(Failure::Usage("Hessian's servers read no compressed calls: leave out --compress".to_owned()));
    }
    Ok(HessianObject(builder.build()?))
}

/// The options that were given and that only Hessian has.
pub(super) fn given(connection: &Connection) -> Vec<&'static str> {
    let options = &connection.hessian;
    super::named([("--hessian", options.version.is_some()), ("--overload", options.overload)])
}

impl HessianObject {
    pub(super) async fn describe(&self) -> Result<ServiceInfo> {
        self.0.methods().await
    }

    pub(super) async fn ping(&self) -> Result<()> {
        match self.0.attribute("java.api.class").await {
            // A fault is a healthy answer.
            Err(e) if e.exception().is_none() => Err(e),
            _ => Ok(()),
        }
    }
}

impl Service for HessianObject {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            let mut call = call.by_ref();
            call.args = Payload::from(java(call.args.to_value()?));
            self.0.call_unboxed(&call).await
        })
    }
}

// Integers as Java's sources have them.
fn java(value: Value) -> Value {
    match value {
        Value::I64(n) => i32::try_from(n).map_or(Value::I64(n), Value::I32),
        Value::List(items) => Value::List(items.into_iter().map(java).collect()),
        Value::Tuple(items) => Value::Tuple(items.into_iter().map(java).collect()),
        Value::Set(items) => Value::Set(items.into_iter().map(java).collect()),
        Value::Map(pairs) => Value::Map(pairs.into_iter().map(|(k, v)| (java(k), java(v))).collect()),
        Value::Object(object) => {
            let fields = object.fields.into_iter().map(|(name, v)| (name, java(v))).collect();
            Value::object(object.class, fields)
        }
        other => other,
    }
}
