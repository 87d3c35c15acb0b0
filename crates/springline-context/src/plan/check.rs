//! Definitions against classes: names, types, references.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use springline_core::component::{Class, Role, Type};
use springline_core::{ListKind, Value};

use super::merge::Merged;
use super::{Checked, ClassRef, Make, Plan, Planned};
use crate::classes::Classes;
use crate::diagnostics::{At, Diagnostics};
use crate::model::{Definition, Node, Scope, Text, What};

/// What a reference may find.
enum Target<'d> {
    /// Something that can be called.
    Service,
    /// A value that a class makes.
    Made,
    /// A value that was written down.
    Value(&'d Node),
    Exporter,
    Abstract,
    /// Told elsewhere.
    Broken,
}

pub(super) fn check(merged: Merged, classes: &Classes, diagnostics: &mut Diagnostics) -> Plan {
    let Merged { definitions, groups } = merged;
    let mut checker =
        Checker { classes, targets: HashMap::new(), groups: &groups, diagnostics, inlining: Vec::new(), nodes: NODES };
    let found: Vec<Option<Arc<Class>>> = definitions.iter().map(|d| checker.class_of(d)).collect();
    for (definition, class) in definitions.iter().zip(&found) {
        let target = match (class, &definition.value) {
            _ if definition.is_abstract => Target::Abstract,
            (_, Some(node)) => Target::Value(node),
            (None, None) => Target::Broken,
            (Some(class), None) => match class.role() {
                Role::Exporter => Target::Exporter,
                Role::Value => Target::Made,
                _ => Target::Service,
            },
        };
        checker.targets.insert(&definition.id.text, target);
    }
    let mut objects = Vec::with_capacity(definitions.len());
    for (definition, class) in definitions.iter().zip(&found) {
        let planned = checker.object(definition, class.as_ref(), definition.is_abstract);
        if let Some(planned) = planned.filter(|_| !definition.is_abstract) {
            objects.push(planned);
        }
    }
    let by_id = objects.iter().enumerate().map(|(at, planned)| (planned.id.clone(), at)).collect();
    Plan { objects, by_id, order: Vec::new(), groups }
}

struct Checker<'d, 'c> {
    classes: &'c Classes,
    targets: HashMap<&'d str, Target<'d>>,
    groups: &'d HashMap<String, Vec<String>>,
    diagnostics: &'c mut Diagnostics,
    // The named values that are being put where they are referred to.
    inlining: Vec<String>,
    // Values that may still be put somewhere: those with names may be referred to over and over.
    nodes: u32,
}

/// Values of all properties together.
const NODES: u32 = 1_000_000;
const TOO_MANY: &str = "the configuration has more than";

impl<'d> Checker<'d, '_> {
    fn class_of(&mut self, definition: &Definition) -> Option<Arc<Class>> {
        if definition.value.is_some() {
            return None;
        }
        let id = &definition.id.text;
        let Some(class) = &definition.class else {
            if !definition.is_abstract {
                self.diagnostics.add(&definition.at, format!("the object '{id}' needs a class"));
            }
            return None;
        };
        let Some(found) = self.classes.find(&class.text) else {
            let near = self.diagnostics.did_you_mean(&class.text, self.classes.names());
            self.diagnostics.add(&class.at, format!("unknown class '{}'{near}", class.text));
            return None;
        };
        if let Some(base) = found.base() {
            let text = format!("class '{}' extends '{base}', which is not known", class.text);
            self.diagnostics.add(&class.at, text);
            return None;
        }
        Some(found.clone())
    }

    fn object(&mut self, definition: &Definition, class: Option<&Arc<Class>>, template: bool) -> Option<Planned> {
        let scope = definition.scope.unwrap_or_default();
        let make = match (&definition.value, class) {
            (Some(node), _) => {
                self.inlining.push(definition.id.text.clone());
                let checked = self.node(node, &Type::Any);
                self.inlining.pop();
                Make::Value(checked?)
            }
            (None, Some(class)) => Make::Class(ClassRef(class.clone()), self.settings(definition, class, template)?),
            (None, None) => return None,
        };
        if let Make::Class(class, _) = &make
            && class.0.role() == Role::Exporter
            && scope == Scope::Prototype
        {
            self.diagnostics.add(&definition.at, "an exporter is made once: it cannot be a prototype");
        }
        Some(Planned {
            id: definition.id.text.clone(),
            at: definition.at.clone(),
            scope,
            lazy: definition.lazy.unwrap_or(false),
            make,
        })
    }

    // Of a template, which others have for a parent, nothing needs to be there.
    fn settings(
        &mut self,
        definition: &Definition,
        class: &Arc<Class>,
        template: bool,
    ) -> Option<Vec<(String, Checked)>> {
        let mut given: Vec<(Text, &Node)> = Vec::new();
        let properties = class.properties();
        let mut place = 0;
        for arg in &definition.args {
            match &arg.name {
                Some(name) => given.push((name.clone(), &arg.value)),
                None => {
                    match properties.get(place) {
                        Some(property) => {
                            let name = Text { text: property.name.to_string(), at: arg.value.at.clone() };
                            given.push((name, &arg.value));
                        }
                        None => {
                            let text =
                                format!("{} takes {} arguments, this is one more", class.name(), properties.len());
                            self.diagnostics.add(&arg.value.at, text);
                        }
                    }
                    place += 1;
                }
            }
        }
        given.extend(definition.properties.iter().map(|(name, node)| (name.clone(), node)));
        let mut settings: Vec<(String, Checked)> = Vec::with_capacity(given.len());
        let mut complete = true;
        let mut seen: Vec<&str> = Vec::new();
        for (name, node) in &given {
            let Some(property) = class.property(&name.text) else {
                let near = self.diagnostics.did_you_mean(&name.text, properties.iter().map(|p| &*p.name));
                self.diagnostics.add(&name.at, format!("{} has no property '{}'{near}", class.name(), name.text));
                complete = false;
                continue;
            };
            if seen.contains(&name.text.as_str()) {
                self.diagnostics.add(&name.at, format!("the property '{}' is set twice", name.text));
            }
            seen.push(&name.text);
            let numbered = match (definition.count, &node.what) {
                (Some(number), What::Text(text)) if class.number_of() == Some(&*property.name) => {
                    Some(Node { at: node.at.clone(), what: What::Text(format!("{text}{number}")) })
                }
                _ => None,
            };
            match self.node(numbered.as_ref().unwrap_or(node), &property.kind) {
                Some(checked) => settings.push((name.text.clone(), checked)),
                None => complete = false,
            }
        }
        if !template {
            for property in properties.iter().filter(|p| p.required && !seen.contains(&&*p.name)) {
                let id = &definition.id.text;
                let text = format!("the object '{id}' needs the property '{}': {}", property.name, property.kind);
                self.diagnostics.add(&definition.at, text);
                complete = false;
            }
        }
        complete.then_some(settings)
    }

    fn wrong<T>(&mut self, at: &At, message: impl Into<String>) -> Option<T> {
        self.diagnostics.add(at, message);
        None
    }

    fn node(&mut self, node: &Node, kind: &Type) -> Option<Checked> {
        match self.nodes.checked_sub(1) {
            Some(left) => self.nodes = left,
            // Told once.
            None => {
                let told = self.diagnostics.iter().any(|d| d.message.starts_with(TOO_MANY));
                return if told { None } else { self.wrong(&node.at, format!("{TOO_MANY} {NODES} values")) };
            }
        }
        match (&node.what, kind) {
            (What::Text(text), _) => match kind.parse(text) {
                Ok(value) => Some(Checked::Value(value)),
                Err(why) => self.wrong(&node.at, why),
            },
            (What::Value(value), _) => match kind.accept(value.clone()) {
                Ok(value) => Some(Checked::Value(value)),
                Err(why) => self.wrong(&node.at, why),
            },
            (What::Ref(id), _) => self.reference(id, &node.at, kind),
            (What::Object(inner), _) => self.inner(inner, kind),
            (What::List(list, items), Type::List(of)) => self.items(*list, items, of),
            (What::List(list, items), Type::Any) => self.items(*list, items, &Type::Any),
            (What::Dict(pairs), Type::Dict(of)) => self.pairs(pairs, &Type::Text, of),
            (What::Dict(pairs), Type::Any) => self.pairs(pairs, &Type::Any, &Type::Any),
            (What::List(..), _) => self.wrong(&node.at, format!("expected {kind}, found a list")),
            (What::Dict(_), _) => self.wrong(&node.at, format!("expected {kind}, found a dictionary")),
        }
    }

    fn items(&mut self, kind: ListKind, items: &[Node], of: &Type) -> Option<Checked> {
        let mut checked = Vec::with_capacity(items.len());
        let mut complete = true;
        for item in items {
            // Several of one object are several items.
            let group = match &item.what {
                What::Ref(id) => self.groups.get(id),
                _ => None,
            };
            match group {
                Some(ids) => {
                    for id in ids {
                        match self.reference(id, &item.at, of) {
                            Some(one) => checked.push(one),
                            None => complete = false,
                        }
                    }
                }
                None => match self.node(item, of) {
                    Some(one) => checked.push(one),
                    None => complete = false,
                },
            }
        }
        complete.then(|| list(kind, checked))
    }

    fn pairs(&mut self, pairs: &[(Node, Node)], keys: &Type, values: &Type) -> Option<Checked> {
        let mut checked: Vec<(Value, Checked)> = Vec::with_capacity(pairs.len());
        let mut texts = HashSet::new();
        let mut complete = true;
        for (key, value) in pairs {
            let found = (self.node(key, keys), self.node(value, values));
            match found {
                (Some(Checked::Value(k)), Some(value)) => {
                    if let Value::Str(text) = &k
                        && !texts.insert(text.clone())
                    {
                        self.diagnostics.add(&key.at, "the key stands twice in the dictionary");
                    }
                    checked.push((k, value));
                }
                (Some(_), Some(_)) => {
                    self.diagnostics.add(&key.at, "a key has to be a value");
                    complete = false;
                }
                _ => complete = false,
            }
        }
        complete.then(|| dict(checked))
    }

    fn inner(&mut self, inner: &Definition, kind: &Type) -> Option<Checked> {
        let class = self.class_of(inner);
        let planned = self.object(inner, class.as_ref(), false)?;
        match class.map(|class| class.role()) {
            Some(Role::Exporter) => self.wrong(&inner.at, "an exporter cannot stand within another object"),
            Some(Role::Value) | None => Some(Checked::Object(Box::new(planned))),
            Some(_) if matches!(kind, Type::Service | Type::Any) => Some(Checked::Object(Box::new(planned))),
            Some(_) => self.wrong(&inner.at, format!("expected {kind}, found an object")),
        }
    }

    fn reference(&mut self, id: &str, at: &At, kind: &Type) -> Option<Checked> {
        if let Some(ids) = self.groups.get(id) {
            let of = match kind {
                Type::List(of) => of,
                Type::Any => &Type::Any,
                _ => return self.wrong(at, format!("expected {kind}, found '{id}', of which there are {}", ids.len())),
            };
            let items = ids.iter().map(|id| self.reference(id, at, of)).collect::<Option<Vec<_>>>()?;
            return Some(list(ListKind::List, items));
        }
        match self.targets.get(id) {
            Some(Target::Service) => match kind {
                Type::Service | Type::Any => Some(Checked::Ref(id.to_owned())),
                _ => self.wrong(at, format!("expected {kind}, found the object '{id}'")),
            },
            Some(Target::Made) => match kind {
                Type::Service => self.wrong(at, format!("expected {kind}, found the value '{id}'")),
                _ => Some(Checked::Ref(id.to_owned())),
            },
            Some(Target::Value(node)) => {
                let node: &'d Node = node;
                if self.inlining.iter().any(|open| open == id) {
                    let circle = self.inlining.join(" -> ");
                    return self.wrong(at, format!("values refer to one another in a circle: {circle} -> {id}"));
                }
                if self.inlining.len() > 64 {
                    return self.wrong(at, "values refer to one another more than 64 levels deep");
                }
                self.inlining.push(id.to_owned());
                let placed = Node { at: at.clone(), what: node.what.clone() };
                let checked = self.node(&placed, kind);
                self.inlining.pop();
                checked
            }
            Some(Target::Exporter) => {
                self.wrong(at, format!("expected {kind}, found the exporter '{id}', which nobody can call"))
            }
            Some(Target::Abstract) => self.wrong(at, format!("'{id}' is abstract: nothing is made of it")),
            Some(Target::Broken) => None,
            None => {
                let known = self.targets.keys().copied().chain(self.groups.keys().map(String::as_str));
                let near = self.diagnostics.did_you_mean(id, known);
                self.wrong(at, format!("there is no object '{id}'{near}"))
            }
        }
    }
}

// A list without objects in it is a value.
fn list(kind: ListKind, items: Vec<Checked>) -> Checked {
    if !items.iter().all(|item| matches!(item, Checked::Value(_))) {
        return Checked::List(kind, items);
    }
    let items = items.into_iter().filter_map(|item| match item {
        Checked::Value(value) => Some(value),
        _ => None,
    });
    Checked::Value(match kind {
        ListKind::List => Value::List(items.collect()),
        ListKind::Tuple => Value::Tuple(items.collect()),
        ListKind::Set => Value::Set(items.collect()),
        ListKind::FrozenSet => Value::FrozenSet(items.collect()),
    })
}

fn dict(pairs: Vec<(Value, Checked)>) -> Checked {
    if !pairs.iter().all(|(_, value)| matches!(value, Checked::Value(_))) {
        return Checked::Dict(pairs);
    }
    let pairs = pairs.into_iter().filter_map(|(key, value)| match value {
        Checked::Value(value) => Some((key, value)),
        _ => None,
    });
    Checked::Value(Value::Map(pairs.collect()))
}
