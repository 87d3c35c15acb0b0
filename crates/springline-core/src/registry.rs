//! The objects that this process serves, by name.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::{Error, ErrorKind, Result, Service};

type Services = HashMap<Arc<str>, Arc<dyn Service>>;

/// Local services by name. Cheap to clone; clones share the names. Daemons look their objects up in one.
#[derive(Clone, Default)]
pub struct Registry {
    services: Arc<RwLock<Services>>,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] when the name is taken; see [`replace`](Self::replace).
    pub fn register(&self, name: impl Into<Arc<str>>, service: impl Service + 'static) -> Result<()> {
        let name = name.into();
        let mut services = self.services.write().unwrap_or_else(PoisonError::into_inner);
        if services.contains_key(&name) {
            return Err(Error::new(ErrorKind::Name, format!("an object named '{name}' is registered already")));
        }
        services.insert(name, Arc::new(service));
        Ok(())
    }

    /// Adds a service in place of what had the name, which is returned.
    pub fn replace(&self, name: impl Into<Arc<str>>, service: impl Service + 'static) -> Option<Arc<dyn Service>> {
        self.services.write().unwrap_or_else(PoisonError::into_inner).insert(name.into(), Arc::new(service))
    }

    /// Takes a service away. Calls in progress go on.
    pub fn unregister(&self, name: &str) -> Option<Arc<dyn Service>> {
        self.services.write().unwrap_or_else(PoisonError::into_inner).remove(name)
    }

    /// The service of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<dyn Service>> {
        self.services.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All names, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let services = self.services.read().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<String> = services.keys().map(|k| k.to_string()).collect();
        names.sort();
        names
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registry").field(&self.names()).finish()
    }
}
