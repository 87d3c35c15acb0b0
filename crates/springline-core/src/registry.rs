//! The objects that this process serves, by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{Error, ErrorKind, Result, Service};

// In order: a server's few names are found by comparing sooner than by hashing.
type Services = BTreeMap<Arc<str>, Arc<dyn Service>>;

/// Local services by name. Cheap to clone; clones share the names. Daemons look their objects up in one.
#[derive(Clone, Default)]
pub struct Registry {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    services: RwLock<Services>,
    // Counts changes, so that a connection may keep what it has looked up.
    epoch: AtomicU64,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn read(&self) -> RwLockReadGuard<'_, Services> {
        self.inner.services.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Services> {
        let services = self.inner.services.write().unwrap_or_else(PoisonError::into_inner);
        self.inner.epoch.fetch_add(1, Ordering::Release);
        services
    }

    /// Grows with every change. What was looked up is still right while it stays the same.
    #[must_use]
    #[inline]
    pub fn epoch(&self) -> u64 {
        self.inner.epoch.load(Ordering::Acquire)
    }

    /// Adds a service.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] when the name is taken; see [`replace`](Self::replace).
    pub fn register(&self, name: impl Into<Arc<str>>, service: impl Service + 'static) -> Result<()> {
        self.add(name, service).map(|_| ())
    }

    /// As [`register`](Self::register); what it gives can be taken away by [`unregister_this`](Self::unregister_this).
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub fn add(&self, name: impl Into<Arc<str>>, service: impl Service + 'static) -> Result<Arc<dyn Service>> {
        let name = name.into();
        let mut services = self.write();
        if services.contains_key(&name) {
            return Err(Error::new(ErrorKind::Name, format!("an object named '{name}' is registered already")));
        }
        let service: Arc<dyn Service> = Arc::new(service);
        services.insert(name, service.clone());
        Ok(service)
    }

    /// Adds a service in place of what had the name, which is returned.
    pub fn replace(&self, name: impl Into<Arc<str>>, service: impl Service + 'static) -> Option<Arc<dyn Service>> {
        self.write().insert(name.into(), Arc::new(service))
    }

    /// Adds a service in place of what had the name, to be taken away by [`unregister_this`](Self::unregister_this).
    #[must_use]
    pub fn put(&self, name: impl Into<Arc<str>>, service: impl Service + 'static) -> Arc<dyn Service> {
        let service: Arc<dyn Service> = Arc::new(service);
        self.write().insert(name.into(), service.clone());
        service
    }

    /// Takes a service away if it is the very one that has the name. Gives whether it was.
    pub fn unregister_this(&self, name: &str, service: &Arc<dyn Service>) -> bool {
        let mut services = self.write();
        let is = services.get(name).is_some_and(|found| Arc::ptr_eq(found, service));
        if is {
            services.remove(name);
        }
        is
    }

    /// Takes a service away. Calls in progress go on.
    pub fn unregister(&self, name: &str) -> Option<Arc<dyn Service>> {
        self.write().remove(name)
    }

    /// The service of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<dyn Service>> {
        self.read().get(name).cloned()
    }

    /// All names, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.read().keys().map(|name| name.to_string()).collect()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registry").field(&self.names()).finish()
    }
}
