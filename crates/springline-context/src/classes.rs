//! The classes that configuration may name.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use springline_core::component::{Class, Driver};

/// Classes by name: those of drivers, and a program's own.
///
/// ```
/// use springline_context::Classes;
/// use springline_core::FnService;
///
/// let classes = Classes::new().class("server.Service", |class| {
///     class.service(|_| {
///         Ok(FnService::new("Service").method("get_data", ["param"], |(param,): (String,)| async move {
///             Ok(format!("You got remote data => {param}"))
///         }))
///     })
/// });
/// assert!(classes.find("server.Service").is_some());
/// ```
#[derive(Clone, Default)]
pub struct Classes {
    by_name: HashMap<String, Arc<Class>>,
}

impl Classes {
    /// None at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the classes of a driver: each protocol crate has one.
    #[must_use]
    pub fn driver(mut self, driver: &Driver) -> Self {
        for class in (driver.classes)() {
            self = self.with(class);
        }
        self
    }

    /// Adds a class of the program's own, under the name that configuration files have for it.
    #[must_use]
    pub fn class(self, name: impl Into<String>, define: impl FnOnce(Class) -> Class) -> Self {
        self.with(define(Class::new(name.into())))
    }

    /// Adds a class. One of a name that is there already takes its place. A class that extends another one has to come
    /// after it.
    #[must_use]
    pub fn with(mut self, class: Class) -> Self {
        let class = match class.base().and_then(|base| self.by_name.get(base)) {
            Some(base) => class.completed(base),
            None => class,
        };
        let class = Arc::new(class);
        for name in class.names() {
            self.by_name.insert(name.to_owned(), class.clone());
        }
        self
    }

    /// The class of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Class>> {
        self.by_name.get(name)
    }

    /// All classes, by their first names.
    #[must_use]
    pub fn all(&self) -> Vec<&Arc<Class>> {
        let mut all: Vec<&Arc<Class>> =
            self.by_name.iter().filter(|(name, class)| class.name() == name.as_str()).map(|(_, class)| class).collect();
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

impl fmt::Debug for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all().iter().map(|class| class.name())).finish()
    }
}
