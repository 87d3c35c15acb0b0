//! A class: its names, its properties, and how it makes a component.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::{Component, Exporter, Object, RemoteHandle, Setting, Settings, Type};
use crate::{Error, ErrorKind, Result, Service, Value};

/// A property of a class, which is also an argument of its constructor: by name, or by its place among the others.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Property {
    /// Its name.
    pub name: Cow<'static, str>,
    /// What it may be.
    pub kind: Type,
    /// Whether it has to be set.
    pub required: bool,
    /// What it is for, and its default.
    pub doc: Cow<'static, str>,
}

/// What is made of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// An object of this process.
    Object,
    /// What stands for objects elsewhere: a proxy, a pool.
    Proxy,
    /// What serves an object to others.
    Exporter,
    /// A value.
    Value,
}

type Maker = Arc<dyn Fn(&Settings) -> Result<Component> + Send + Sync>;
type Preset = Arc<dyn Fn(&Settings) -> Result<Object> + Send + Sync>;

/// What configuration names to have an object made; see [the module](super).
#[derive(Clone)]
pub struct Class {
    name: Cow<'static, str>,
    others: Vec<Cow<'static, str>>,
    doc: Cow<'static, str>,
    role: Role,
    properties: Vec<Property>,
    numbered: Option<&'static str>,
    base: Option<Cow<'static, str>>,
    presets: Vec<(Cow<'static, str>, Preset)>,
    maker: Option<Maker>,
}

impl Class {
    /// A class that makes nothing yet.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            others: Vec::new(),
            doc: "".into(),
            role: Role::Object,
            properties: Vec::new(),
            numbered: None,
            base: None,
            presets: Vec::new(),
            maker: None,
        }
    }

    /// Another name for it, such as a short one.
    #[must_use]
    pub fn also(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.others.push(name.into());
        self
    }

    /// What it is for.
    #[must_use]
    pub fn doc(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.doc = text.into();
        self
    }

    /// A property that has to be set.
    #[must_use]
    pub fn required(
        mut self,
        name: impl Into<Cow<'static, str>>,
        kind: Type,
        doc: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.properties.push(Property { name: name.into(), kind, required: true, doc: doc.into() });
        self
    }

    /// A property that may be set.
    #[must_use]
    pub fn optional(
        mut self,
        name: impl Into<Cow<'static, str>>,
        kind: Type,
        doc: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.properties.push(Property { name: name.into(), kind, required: false, doc: doc.into() });
        self
    }

    /// The property whose text gets a number at its end where configuration asks for several of one object.
    #[must_use]
    pub fn numbered(mut self, property: &'static str) -> Self {
        self.numbered = Some(property);
        self
    }

    /// It has the properties of another class, and makes what that one makes, with what is [preset](Self::preset): the way
    /// of the original's `class MySSLServer(SSLServer)`.
    #[must_use]
    pub fn extends(mut self, base: impl Into<Cow<'static, str>>) -> Self {
        self.base = Some(base.into());
        self
    }

    /// Sets a property of the class that it [extends](Self::extends) to an object that is made here. Configuration cannot
    /// set it any more.
    #[must_use]
    pub fn preset<S: Service + 'static>(
        mut self,
        property: impl Into<Cow<'static, str>>,
        make: impl Fn(&Settings) -> Result<S> + Send + Sync + 'static,
    ) -> Self {
        self.presets.push((property.into(), Arc::new(move |settings| make(settings).map(Object::new))));
        self
    }

    /// It makes objects of this process.
    #[must_use]
    pub fn service<S: Service + 'static>(self, make: impl Fn(&Settings) -> Result<S> + Send + Sync + 'static) -> Self {
        self.making(Role::Object, move |settings| make(settings).map(|made| Component::Object(Object::new(made))))
    }

    /// It makes objects of this process that implement a `#[remote]` trait: `AccountRef::local(..)`. Programs that ask for
    /// an `AccountRef` get it as it is, and call it without a service in between.
    #[must_use]
    pub fn handle<H: RemoteHandle>(self, make: impl Fn(&Settings) -> Result<H> + Send + Sync + 'static) -> Self {
        self.making(Role::Object, move |settings| make(settings).map(|made| Component::Object(Object::of_handle(made))))
    }

    /// It makes what stands for objects elsewhere.
    #[must_use]
    pub fn proxy<S: Service + 'static>(self, make: impl Fn(&Settings) -> Result<S> + Send + Sync + 'static) -> Self {
        self.making(Role::Proxy, move |settings| make(settings).map(|made| Component::Object(Object::new(made))))
    }

    /// It makes exporters.
    #[must_use]
    pub fn exporter<E: Exporter + 'static>(
        self,
        make: impl Fn(&Settings) -> Result<E> + Send + Sync + 'static,
    ) -> Self {
        self.making(Role::Exporter, move |settings| make(settings).map(|made| Component::Exporter(Arc::new(made))))
    }

    /// It makes values.
    #[must_use]
    pub fn value(self, make: impl Fn(&Settings) -> Result<Value> + Send + Sync + 'static) -> Self {
        self.making(Role::Value, move |settings| make(settings).map(Component::Value))
    }

    fn making(mut self, role: Role, make: impl Fn(&Settings) -> Result<Component> + Send + Sync + 'static) -> Self {
        self.role = role;
        self.maker = Some(Arc::new(make));
        self
    }

    /// Its first name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All its names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.name).chain(self.others.iter().map(|name| &**name))
    }

    /// What is written about it.
    #[must_use]
    pub fn documentation(&self) -> &str {
        &self.doc
    }

    /// What it makes.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Its properties, in the order of its constructor's arguments.
    #[must_use]
    pub fn properties(&self) -> &[Property] {
        &self.properties
    }

    /// The property of that name.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }

    /// The property that gets a number where there are several of one object.
    #[must_use]
    pub fn number_of(&self) -> Option<&'static str> {
        self.numbered
    }

    /// The class that it extends, if it is not [complete](Self::completed) yet.
    #[must_use]
    pub fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    /// The same with what it has of the class that it extends.
    #[must_use]
    pub fn completed(mut self, base: &Self) -> Self {
        let own = std::mem::take(&mut self.properties);
        let preset = |name: &str| self.presets.iter().any(|(n, _)| *n == name);
        let inherited = base.properties.iter().filter(|p| !preset(&p.name) && own.iter().all(|o| o.name != p.name));
        self.properties = inherited.cloned().collect();
        self.properties.extend(own);
        self.role = base.role;
        self.numbered = self.numbered.or(base.numbered);
        self.base = None;
        let mut presets = base.presets.clone();
        presets.append(&mut self.presets);
        self.presets = presets;
        self.maker.clone_from(&base.maker);
        self
    }

    /// Makes a component.
    ///
    /// # Errors
    /// Whatever is wrong with the settings; [`ErrorKind::Config`] for a class that makes nothing.
    pub fn make(&self, settings: &Settings) -> Result<Component> {
        let Some(maker) = &self.maker else {
            return Err(Error::new(ErrorKind::Config, format!("class '{}' makes nothing", self.name)));
        };
        if self.presets.is_empty() {
            return maker(settings);
        }
        let mut all = settings.clone();
        for (property, make) in &self.presets {
            let object = Setting::Object(format!("{}.{property}", settings.id()), make(settings)?);
            all = all.with(property.to_string(), object);
        }
        maker(&all)
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Class")
            .field("name", &self.name)
            .field("role", &self.role)
            .field("properties", &self.properties)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FnService;

    #[test]
    fn subclasses_have_what_their_base_has() {
        let base = Class::new("base.Server")
            .required("service", Type::Service, "")
            .optional("port", Type::PORT, "")
            .proxy(|settings| settings.service("service"));
        let sub = Class::new("my.Server")
            .extends("base.Server")
            .optional("more", Type::Text, "")
            .preset("service", |settings| Ok(FnService::new(settings.id().to_owned())));
        assert!(sub.make(&Settings::new("x")).is_err());
        let sub = sub.completed(&base);
        let names: Vec<_> = sub.properties().iter().map(|p| &*p.name).collect();
        assert_eq!(names, ["port", "more"]);
        assert_eq!(sub.role(), Role::Proxy);
        let Component::Object(made) = sub.make(&Settings::new("mine")).unwrap() else { panic!() };
        assert_eq!(made.service().describe().unwrap().name, "mine");
    }
}
