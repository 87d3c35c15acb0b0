//! What a class has to make a component of.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{Object, RemoteHandle, Shared};
use crate::remote::from_value;
use crate::{Error, ErrorKind, Result, Service, ServiceInfo, Value};

/// The value of one property.
#[derive(Clone, Debug)]
pub enum Setting {
    /// Without objects in it.
    Value(Value),
    /// An object, and what it is called.
    Object(String, Object),
    /// A list, tuple or set with objects in it.
    List(Vec<Setting>),
    /// A dictionary with objects in it.
    Dict(Vec<(Value, Setting)>),
}

/// The properties that an object was given, checked against those of its class.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    id: String,
    values: Vec<(String, Setting)>,
    shared: Shared,
}

impl Settings {
    /// Of the object `id`, without any property.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    /// Shares what components share with others.
    #[must_use]
    pub fn with_shared(mut self, shared: Shared) -> Self {
        self.shared = shared;
        self
    }

    /// Sets a property; the last one of a name counts.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, setting: Setting) -> Self {
        let name = name.into();
        self.values.retain(|(n, _)| *n != name);
        self.values.push((name, setting));
        self
    }

    /// Sets a property to a plain value.
    #[must_use]
    pub fn with_value(self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.with(name, Setting::Value(value.into()))
    }

    /// What the object is called in its configuration.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What this component shares with others.
    #[must_use]
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The names of the properties that were set, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|(name, _)| name.as_str())
    }

    /// A property as it was set.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.values.iter().find(|(n, _)| n == name).map(|(_, setting)| setting)
    }

    /// A property read as `T`; `None` where it was not set.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when it is no `T`.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        match self.setting(name) {
            None | Some(Setting::Value(Value::Null)) => Ok(None),
            Some(Setting::Value(value)) => match from_value(value) {
                Ok(value) => Ok(Some(value)),
                Err(e) => Err(wrong(name, e.message())),
            },
            Some(_) => Err(wrong(name, "expected a value, found an object")),
        }
    }

    /// A property read as `T`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when it was not set or is no `T`.
    pub fn require<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        self.get(name)?.ok_or_else(|| wrong(name, "it is missing"))
    }

    /// A time in seconds.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when it is no time.
    pub fn seconds(&self, name: &str) -> Result<Option<Duration>> {
        let Some(seconds) = self.get::<f64>(name)? else { return Ok(None) };
        Duration::try_from_secs_f64(seconds).map(Some).map_err(|e| wrong(name, &e.to_string()))
    }

    /// A dictionary from text to text, in its order.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when it is something else.
    pub fn texts(&self, name: &str) -> Result<Vec<(String, String)>> {
        let pair = |(key, value): &(Value, Value)| Some((key.as_str()?.to_owned(), value.as_str()?.to_owned()));
        match self.setting(name) {
            None => Some(Vec::new()),
            Some(Setting::Value(Value::Map(pairs))) => pairs.iter().map(pair).collect(),
            Some(_) => None,
        }
        .ok_or_else(|| wrong(name, "expected a dictionary from text to text"))
    }

    /// An object.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when it was not set or is no object.
    pub fn object(&self, name: &str) -> Result<&Object> {
        match self.setting(name) {
            Some(Setting::Object(_, object)) => Ok(object),
            None => Err(wrong(name, "it is missing")),
            Some(_) => Err(wrong(name, "expected an object")),
        }
    }

    /// An object, to be called.
    ///
    /// # Errors
    /// As [`object`](Self::object).
    pub fn service(&self, name: &str) -> Result<Arc<dyn Service>> {
        self.object(name).map(Object::service)
    }

    /// An object as the `...Ref` of a `#[remote]` trait.
    ///
    /// # Errors
    /// As [`object`](Self::object).
    pub fn handle<H: RemoteHandle>(&self, name: &str) -> Result<H> {
        self.object(name).map(Object::handle)
    }

    /// What the object behind a proxy offers, where the property `methods` tells it; see [`methods`](super::methods).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a text that is no method.
    pub fn described(&self) -> Result<Option<ServiceInfo>> {
        let Some(list) = self.get::<Vec<String>>("methods")? else { return Ok(None) };
        super::methods(&self.id, list.iter().map(String::as_str)).map(Some)
    }

    /// The objects of a list, with what each is called.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when one of them is none.
    pub fn services(&self, name: &str) -> Result<Vec<(String, Arc<dyn Service>)>> {
        let one = |setting: &Setting| match setting {
            Setting::Object(id, object) => Ok((id.clone(), object.service())),
            _ => Err(wrong(name, "expected objects only")),
        };
        match self.setting(name) {
            None => Ok(Vec::new()),
            Some(Setting::List(items)) => items.iter().map(one).collect(),
            Some(Setting::Value(value)) if value.as_items().is_some_and(<[Value]>::is_empty) => Ok(Vec::new()),
            Some(_) => Err(wrong(name, "expected a list of objects")),
        }
    }

    /// The objects of a dictionary, by their keys.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when one of them is none, or a key is no text.
    pub fn services_by_name(&self, name: &str) -> Result<Vec<(String, Arc<dyn Service>)>> {
        let one = |(key, setting): &(Value, Setting)| match (key, setting) {
            (Value::Str(key), Setting::Object(_, object)) => Ok((key.clone(), object.service())),
            _ => Err(wrong(name, "expected text and an object")),
        };
        match self.setting(name) {
            None => Ok(Vec::new()),
            Some(Setting::Dict(pairs)) => pairs.iter().map(one).collect(),
            Some(Setting::Value(Value::Map(pairs))) if pairs.is_empty() => Ok(Vec::new()),
            Some(_) => Err(wrong(name, "expected a dictionary of objects")),
        }
    }
}

#[cold]
fn wrong(name: &str, why: &str) -> Error {
    Error::new(ErrorKind::Config, format!("property '{name}': {why}"))
}
