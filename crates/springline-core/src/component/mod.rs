//! What configuration can make: the classes that protocols and programs offer, and what they make of an object's settings.
//!
//! A protocol crate exports one [`Driver`] with its exporters and proxies; a program adds classes of its own. Whoever
//! reads a configuration looks a class up by name, checks the settings against its [`Property`]s, has the class make a
//! [`Component`], and starts and stops the exporters among them. None of the two knows the other.
//!
//! ```
//! use springline_core::FnService;
//! use springline_core::component::{Class, Component, Settings, Type};
//!
//! let class = Class::new("server.Service")
//!     .optional("greeting", Type::Text, "What comes before the text. Default: nothing.")
//!     .service(|settings| {
//!         let greeting: Option<String> = settings.get("greeting")?;
//!         let greeting = greeting.unwrap_or_default();
//!         Ok(FnService::new("Service").method("get_data", ["param"], move |(param,): (String,)| {
//!             std::future::ready(Ok(format!("{greeting}{param}")))
//!         }))
//!     });
//! let made = class.make(&Settings::new("service").with_value("greeting", "Hello, "))?;
//! assert!(matches!(made, Component::Object(_)));
//! # Ok::<(), springline_core::Error>(())
//! ```

mod class;
mod described;
mod settings;
mod shared;
mod types;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use class::{Class, Property, Role};
pub use described::{Described, methods};
pub use settings::{Setting, Settings};
pub use shared::Shared;
pub use types::Type;

use crate::{BoxFuture, Result, Service, Value};

/// What a crate brings along: its classes. Each protocol crate exports one as `DRIVER`.
#[derive(Clone, Copy)]
pub struct Driver {
    /// What it is for: `pyro`, `xmlrpc`.
    pub name: &'static str,
    /// Its classes.
    pub classes: fn() -> Vec<Class>,
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a class makes.
#[derive(Clone)]
pub enum Component {
    /// Something that can be called: an object of this process, a proxy, a pool.
    Object(Object),
    /// Something that is started when everything is made, and stopped at the end.
    Exporter(Arc<dyn Exporter>),
    /// A plain value.
    Value(Value),
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(_) => f.write_str("Component::Object"),
            Self::Exporter(_) => f.write_str("Component::Exporter"),
            Self::Value(v) => write!(f, "Component::Value({v:?})"),
        }
    }
}

/// Something that can be called, and where it is made in this process also what it is called through without a wire.
#[derive(Clone)]
pub struct Object {
    service: Arc<dyn Service>,
    handle: Option<Arc<dyn Any + Send + Sync>>,
}

impl Object {
    /// Of a service.
    pub fn new(service: impl Service + 'static) -> Self {
        Self { service: Arc::new(service), handle: None }
    }

    /// Of the handle that `#[remote]` makes for a trait: whoever asks for that very type gets a clone of it.
    pub fn of_handle<H: RemoteHandle>(handle: H) -> Self {
        Self { service: handle.clone().into_service(), handle: Some(Arc::new(handle)) }
    }

    /// The same object, called through another service.
    #[must_use]
    pub fn through(&self, service: Arc<dyn Service>) -> Self {
        Self { service, handle: self.handle.clone() }
    }

    /// As a service.
    #[must_use]
    pub fn service(&self) -> Arc<dyn Service> {
        self.service.clone()
    }

    /// As `H`: the one it was made of, or else one that calls the service.
    #[must_use]
    pub fn handle<H: RemoteHandle>(&self) -> H {
        match self.local() {
            Some(own) => own,
            None => H::from_service(self.service.clone()),
        }
    }

    /// The `H` it was made of.
    #[must_use]
    pub fn local<H: RemoteHandle>(&self) -> Option<H> {
        self.handle.as_ref()?.downcast_ref::<H>().cloned()
    }
}

impl From<Arc<dyn Service>> for Object {
    fn from(service: Arc<dyn Service>) -> Self {
        Self { service, handle: None }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("local", &self.handle.is_some()).finish_non_exhaustive()
    }
}

/// What stands for an object wherever it is: the `...Ref` that `#[remote]` makes of a trait, or a bare service.
pub trait RemoteHandle: Clone + Send + Sync + 'static {
    /// The one that calls a service.
    fn from_service(service: Arc<dyn Service>) -> Self;

    /// What calls the object behind it.
    fn into_service(self) -> Arc<dyn Service>;
}

impl RemoteHandle for Arc<dyn Service> {
    fn from_service(service: Arc<dyn Service>) -> Self {
        service
    }

    fn into_service(self) -> Self {
        self
    }
}

/// Something that serves an object to others: `after_properties_set` of the original is its [`start`](Self::start).
pub trait Exporter: Send + Sync {
    /// Serves from now on. Gives the URIs or URLs under which the object can be reached.
    ///
    /// # Errors
    /// Whatever keeps it from listening, or a name that another exporter of the same [`Shared`] has. Nothing is left behind
    /// then.
    fn start(&self) -> BoxFuture<'_, Result<Vec<String>>>;

    /// As [`start`](Self::start), in the place of whatever another exporter of the same [`Shared`] serves under this name;
    /// stopping that one afterwards changes nothing. This is how an exporter is exchanged without a gap. Of one that is
    /// started already it takes the name back.
    ///
    /// # Errors
    /// As [`start`](Self::start). One that shares nothing with others may be told that the address is in use.
    fn take_over(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.start()
    }

    /// What nobody else can have while it runs, in words that are the same for the same thing: a name in a daemon, a path on a
    /// host and port. Two exporters of one configuration that claim the same are a mistake. Default: nothing is known.
    fn claims(&self) -> Vec<String> {
        Vec::new()
    }

    /// Serves no longer. Calls in progress may finish for at most `drain`, where this was the last on its port. Gives how
    /// many connections had to be cut off. Does nothing to one that is not started.
    fn stop(&self, drain: Duration) -> BoxFuture<'_, usize>;
}
