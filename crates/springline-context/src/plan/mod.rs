//! From definitions to what is to be made, in which order: parents merged, numbers given out, everything checked.

mod check;
mod merge;
mod order;

use std::collections::HashMap;
use std::sync::Arc;

use springline_core::component::Class;
use springline_core::{ListKind, Value};

use crate::classes::Classes;
use crate::diagnostics::{At, Diagnostics};
use crate::model::{Definition, Scope};

/// A class, equal to another of its name.
#[derive(Clone)]
pub(crate) struct ClassRef(pub(crate) Arc<Class>);

impl PartialEq for ClassRef {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

/// An object that can be made.
#[derive(Clone, PartialEq)]
pub(crate) struct Planned {
    pub(crate) id: String,
    pub(crate) at: At,
    pub(crate) scope: Scope,
    pub(crate) lazy: bool,
    pub(crate) make: Make,
}

#[derive(Clone, PartialEq)]
pub(crate) enum Make {
    Class(ClassRef, Vec<(String, Checked)>),
    Value(Checked),
}

/// A property's value that fits the property.
#[derive(Clone, PartialEq)]
pub(crate) enum Checked {
    Value(Value),
    Ref(String),
    Object(Box<Planned>),
    List(ListKind, Vec<Checked>),
    Dict(Vec<(Value, Checked)>),
}

impl Planned {
    /// Every object that it refers to, those of its inner objects included.
    pub(crate) fn references(&self) -> Vec<&str> {
        let mut found = Vec::new();
        let mut open: Vec<&Checked> = Vec::new();
        fn settings<'p>(planned: &'p Planned, open: &mut Vec<&'p Checked>) {
            match &planned.make {
                Make::Class(_, settings) => open.extend(settings.iter().map(|(_, checked)| checked)),
                Make::Value(checked) => open.push(checked),
            }
        }
        settings(self, &mut open);
        while let Some(one) = open.pop() {
            match one {
                Checked::Value(_) => {}
                Checked::Ref(id) => found.push(id.as_str()),
                Checked::Object(inner) => settings(inner, &mut open),
                Checked::List(_, items) => open.extend(items),
                Checked::Dict(pairs) => open.extend(pairs.iter().map(|(_, value)| value)),
            }
        }
        found
    }
}

/// Everything that a configuration asks for.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) objects: Vec<Planned>,
    pub(crate) by_id: HashMap<String, usize>,
    /// Each after all that it refers to; otherwise as they were written.
    pub(crate) order: Vec<usize>,
    /// The ids of objects of which there are several, by the one id that was written.
    pub(crate) groups: HashMap<String, Vec<String>>,
}

impl Plan {
    pub(crate) fn make(definitions: Vec<Definition>, classes: &Classes, diagnostics: &mut Diagnostics) -> Self {
        let merged = merge::merge(definitions, diagnostics);
        let mut plan = check::check(merged, classes, diagnostics);
        plan.order = order::order(&plan, diagnostics);
        plan
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Planned> {
        self.by_id.get(id).and_then(|at| self.objects.get(*at))
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.objects.iter().map(|planned| planned.id.as_str()).chain(self.groups.keys().map(String::as_str))
    }
}
