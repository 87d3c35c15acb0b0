//! From a URI to the object: its scheme decides who knows the way.

use std::borrow::Cow;
use std::time::Duration;

use springline::pyro::{Proxy, Version};
use springline::{Error, ErrorKind, Result, Service, ServiceInfo, Value, split_scheme};

use crate::cli::{Connection, Pyro};
use crate::failure::Failure;
use crate::json;

/// The schemes of this program, as they are written, with the protocol that they stand for.
const SCHEMES: [(&str, &str); 1] = [("PYRO", "Pyro 4 and 5")];

/// How an object is reached.
pub(crate) enum Target {
    /// Through Pyro 4 or 5.
    Pyro(Proxy),
}

/// What can be asked of an object without calling it.
pub(crate) struct Alive {
    /// The protocol and its version: `pyro5/502`.
    pub(crate) protocol: Cow<'static, str>,
}

impl Target {
    /// The object at `uri`. Nothing is connected yet.
    pub(crate) fn open(uri: &str, connection: &Connection) -> Result<Self, Failure> {
        let (scheme, _) = split_scheme(uri)?;
        match scheme.as_str() {
            // The latter two are Pyro's as well: the proxy says what is missing.
            "pyro" | "pyroname" | "pyrometa" => Ok(Self::Pyro(proxy(uri, connection)?)),
            other => {
                let known: Vec<String> = SCHEMES.iter().map(|(name, what)| format!("{name}: ({what})")).collect();
                let text = format!("unknown scheme {other:?} in {uri:?}; known: {}", known.join(", "));
                Err(Error::new(ErrorKind::Name, text).into())
            }
        }
    }

    /// The object as what can be called.
    pub(crate) fn service(&self) -> &dyn Service {
        match self {
            Self::Pyro(proxy) => proxy,
        }
    }

    /// What the object offers, asked of its server.
    pub(crate) async fn describe(&self) -> Result<ServiceInfo> {
        match self {
            Self::Pyro(proxy) => {
                proxy.connect().await?;
                Ok(proxy.describe().cloned().unwrap_or_default())
            }
        }
    }

    /// Asks its server for a sign of life.
    pub(crate) async fn ping(&self) -> Result<Alive> {
        match self {
            Self::Pyro(proxy) => {
                proxy.ping().await?;
                Ok(Alive { protocol: proxy.version().map_or("pyro", Version::label).into() })
            }
        }
    }
}

fn proxy(uri: &str, connection: &Connection) -> Result<Proxy, Failure> {
    let mut builder = Proxy::builder(uri)?.serializer(connection.serializer.into()).compression(connection.compress);
    match connection.pyro {
        Pyro::Auto => {}
        Pyro::Four => builder = builder.version(Version::V48),
        Pyro::Five => builder = builder.version(Version::V502),
        Pyro::FiveOld => builder = builder.version(Version::V501),
    }
    if let Some(timeout) = connection.timeout {
        builder = builder.timeout(timeout).connect_timeout(timeout);
    }
    if let Some(key) = hmac_key(connection)? {
        builder = builder.hmac_key(key);
    }
    if let Some(data) = &connection.handshake {
        builder = builder.handshake(handshake(data)?);
    }
    for (key, text) in &connection.annotations {
        builder = builder.annotation(key.clone(), text.clone().into_bytes());
    }
    Ok(builder.build()?)
}

fn handshake(text: &str) -> Result<Value, Failure> {
    json::argument(text, "--handshake")
}

/// The variable that may hold the key.
const HMAC_VARIABLE: &str = "SPRINGLINE_HMAC_KEY";

// From the file that was named, else from the environment. Never from the command line, which everybody can list.
fn hmac_key(connection: &Connection) -> Result<Option<Vec<u8>>, Failure> {
    let Some(file) = &connection.hmac_key_file else {
        let key = std::env::var_os(HMAC_VARIABLE).filter(|key| !key.is_empty());
        return Ok(key.map(std::ffi::OsString::into_encoded_bytes));
    };
    let shown = file.display();
    let mut key =
        std::fs::read(file).map_err(|e| Failure::Usage(format!("the key file {shown} cannot be read: {e}")))?;
    // An editor's or echo's line end is no part of the key.
    if key.last() == Some(&b'\n') {
        key.pop();
        if key.last() == Some(&b'\r') {
            key.pop();
        }
    }
    if key.is_empty() {
        return Err(Failure::Usage(format!("the key file {shown} is empty")));
    }
    Ok(Some(key))
}

/// Runs a command's future to its end on a runtime of one thread.
pub(crate) fn block_on<F: Future>(future: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(ErrorKind::Internal, format!("cannot start: {e}")))?;
    let output = runtime.block_on(future);
    // A look-up of a name that still runs is not waited for.
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(output)
}
