//! Objects are made of plans.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use springline_core::component::{Component, Object, Role, Setting, Settings, Shared};
use springline_core::service::Service;
use springline_core::{ListKind, Value};
use tracing::debug;

use crate::diagnostics::{At, Diagnostics};
use crate::model::Scope;
use crate::plan::{Checked, Make, Plan, Planned};
use crate::slot::Slot;

/// Prototypes and inner objects that one configuration may come to: they are made for each reference.
const MOST: u32 = 250_000;

/// An object that was made.
#[derive(Clone)]
pub(crate) struct Instance {
    pub(crate) planned: Arc<Planned>,
    pub(crate) component: Component,
    pub(crate) place: Option<Place>,
}

/// The objects that there are, in the order in which they were made.
#[derive(Clone, Default)]
pub(crate) struct Instances {
    map: HashMap<String, Instance>,
    order: Vec<String>,
}

impl Instances {
    pub(crate) fn get(&self, id: &str) -> Option<&Instance> {
        self.map.get(id)
    }

    pub(crate) fn insert(&mut self, id: &str, instance: Instance) {
        self.order.push(id.to_owned());
        self.map.insert(id.to_owned(), instance);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Instance)> {
        self.order.iter().filter_map(|id| self.map.get_key_value(id))
    }
}

/// Each before what it refers to: a long chain would take a long stack otherwise.
impl Drop for Instances {
    fn drop(&mut self) {
        while let Some(id) = self.order.pop() {
            self.map.remove(&id);
        }
    }
}

/// Where others hold an object, and what is or will be there.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) slot: Arc<Slot>,
    pub(crate) service: Arc<dyn Service>,
}

/// Makes objects of a plan, beside those that there are.
pub(crate) struct Maker<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) instances: &'a mut Instances,
    /// Places that objects of these ids had before.
    pub(crate) places: HashMap<String, Arc<Slot>>,
    pub(crate) shared: &'a Shared,
    pub(crate) diagnostics: &'a mut Diagnostics,
    pub(crate) made: u32,
}

/// It was told why.
pub(crate) struct Failed;

impl Maker<'_> {
    /// Makes the objects that are not lazy, and what they refer to.
    pub(crate) fn eager(&mut self) {
        let wanted: Vec<usize> = (0..self.plan.objects.len())
            .filter(|at| self.plan.objects.get(*at).is_some_and(|p| !p.lazy && p.scope == Scope::Singleton))
            .collect();
        self.wanted(wanted);
        self.claims();
    }

    // Two exporters cannot have the same name in the same place: the later one would fail, or on a reload take it away
    // from the other.
    fn claims(&mut self) {
        let mut claimed: HashMap<String, &Planned> = HashMap::new();
        for planned in self.plan.order.iter().filter_map(|at| self.plan.objects.get(*at)).filter(|p| !p.lazy) {
            let Some(Component::Exporter(exporter)) = self.instances.get(&planned.id).map(|i| &i.component) else {
                continue;
            };
            for claim in exporter.claims() {
                match claimed.entry(claim) {
                    Entry::Vacant(free) => {
                        free.insert(planned);
                    }
                    Entry::Occupied(taken) => {
                        let (claim, other) = (taken.key(), taken.get());
                        let text = format!(
                            "the exporter '{}' claims {claim}, which '{}' has already, at {}",
                            planned.id, other.id, other.at
                        );
                        self.diagnostics.add(&planned.at, text);
                    }
                }
            }
        }
    }

    /// Makes these, and what they refer to.
    pub(crate) fn wanted(&mut self, mut open: Vec<usize>) {
        let mut needed = vec![false; self.plan.objects.len()];
        while let Some(at) = open.pop() {
            let (Some(flag), Some(planned)) = (needed.get_mut(at), self.plan.objects.get(at)) else { continue };
            if !*flag {
                *flag = true;
                open.extend(planned.references().iter().filter_map(|id| self.plan.by_id.get(*id)));
            }
        }
        for at in &self.plan.order {
            let Some(planned) = self.plan.objects.get(*at).filter(|_| needed.get(*at) == Some(&true)) else { continue };
            if planned.scope == Scope::Singleton && self.instances.get(&planned.id).is_none() {
                let _ = self.singleton(planned);
            }
        }
    }

    fn singleton(&mut self, planned: &Planned) -> Result<(), Failed> {
        debug!(target: "springline::context", id = planned.id, "the object is not there yet");
        let component = self.one(planned)?;
        let (component, place) = match component {
            Component::Object(object) => {
                let service = object.service();
                let slot = match self.places.get(&planned.id) {
                    Some(slot) => slot.clone(),
                    None => Arc::new(Slot::new(service.clone())),
                };
                (Component::Object(object.through(slot.clone())), Some(Place { slot, service }))
            }
            other => (other, None),
        };
        let instance = Instance { planned: Arc::new(planned.clone()), component, place };
        self.instances.insert(&planned.id, instance);
        debug!(target: "springline::context", id = planned.id, "the object is stored as a singleton");
        Ok(())
    }

    /// Makes one object. What it refers to is there, prototypes aside.
    pub(crate) fn one(&mut self, planned: &Planned) -> Result<Component, Failed> {
        if self.made > MOST {
            return Err(Failed);
        }
        match &planned.make {
            Make::Value(checked) => match self.setting(&planned.id, &planned.at, checked)? {
                Setting::Value(value) => Ok(Component::Value(value)),
                Setting::Object(_, object) => Ok(Component::Object(object)),
                // Whoever refers to it gets the objects; by itself it is the list of their ids.
                Setting::List(items) => Ok(Component::Value(Value::List(items.iter().map(shown).collect()))),
                Setting::Dict(pairs) => {
                    let pairs = pairs.iter().map(|(key, setting)| (key.clone(), shown(setting)));
                    Ok(Component::Value(Value::Map(pairs.collect())))
                }
            },
            Make::Class(class, given) => {
                let class = &class.0;
                let mut settings = Settings::new(planned.id.clone()).with_shared(self.shared.clone());
                for (name, checked) in given {
                    settings = settings.with(name.clone(), self.setting(&planned.id, &planned.at, checked)?);
                }
                // Names only: values may be secrets.
                let names: Vec<&str> = settings.names().collect();
                debug!(target: "springline::context", id = planned.id, class = class.name(), properties = ?names, "creating an instance");
                class.make(&settings).map_err(|e| {
                    self.diagnostics
                        .add(&planned.at, format!("the object '{}' cannot be made: {}", planned.id, e.report()));
                    Failed
                })
            }
        }
    }

    fn setting(&mut self, owner: &str, at: &At, checked: &Checked) -> Result<Setting, Failed> {
        Ok(match checked {
            Checked::Value(value) => Setting::Value(value.clone()),
            Checked::Ref(id) => {
                let target = self.plan.get(id).ok_or(Failed)?;
                let component = match target.scope {
                    Scope::Singleton => self.instances.get(id).ok_or(Failed)?.component.clone(),
                    Scope::Prototype => self.copy(target)?,
                };
                self.component(owner, at, id, component)?
            }
            Checked::Object(inner) => {
                let component = self.copy(inner)?;
                self.component(owner, at, &inner.id, component)?
            }
            Checked::List(kind, items) => {
                let items = items.iter().map(|item| self.setting(owner, at, item)).collect::<Result<Vec<_>, _>>()?;
                plain_list(*kind, items)
            }
            Checked::Dict(pairs) => {
                let pairs = pairs.iter().map(|(key, item)| Ok((key.clone(), self.setting(owner, at, item)?)));
                Setting::Dict(pairs.collect::<Result<_, _>>()?)
            }
        })
    }

    // One that is made for the one who refers to it alone.
    fn copy(&mut self, planned: &Planned) -> Result<Component, Failed> {
        self.made += 1;
        if self.made == MOST + 1 {
            self.diagnostics.add(&planned.at, format!("the configuration comes to more than {MOST} objects"));
        }
        self.one(planned)
    }

    fn component(&mut self, owner: &str, at: &At, id: &str, component: Component) -> Result<Setting, Failed> {
        match component {
            Component::Object(object) => Ok(Setting::Object(id.to_owned(), object)),
            Component::Value(value) => Ok(Setting::Value(value)),
            Component::Exporter(_) => {
                self.diagnostics.add(at, format!("the object '{owner}' refers to the exporter '{id}'"));
                Err(Failed)
            }
        }
    }
}

// Values that classes made can be among the items.
fn plain_list(kind: ListKind, items: Vec<Setting>) -> Setting {
    if !items.iter().all(|item| matches!(item, Setting::Value(_))) {
        return Setting::List(items);
    }
    let items = items.into_iter().filter_map(|item| match item {
        Setting::Value(value) => Some(value),
        _ => None,
    });
    Setting::Value(match kind {
        ListKind::List => Value::List(items.collect()),
        ListKind::Tuple => Value::Tuple(items.collect()),
        ListKind::Set => Value::Set(items.collect()),
        ListKind::FrozenSet => Value::FrozenSet(items.collect()),
    })
}

fn shown(setting: &Setting) -> Value {
    match setting {
        Setting::Value(value) => value.clone(),
        Setting::Object(id, _) => Value::from(id.as_str()),
        Setting::List(items) => Value::List(items.iter().map(shown).collect()),
        Setting::Dict(pairs) => Value::Map(pairs.iter().map(|(k, v)| (k.clone(), shown(v))).collect()),
    }
}

/// Which objects of a new plan are the ones that there are.
///
/// Exporters, proxies and pools reach what they refer to through its place, and need not change with it. An object of
/// this process may have kept anything of what it was given: it is made anew.
pub(crate) fn unchanged(old: &Instances, old_plan: &Plan, plan: &Plan) -> HashMap<String, bool> {
    let mut same: HashMap<String, bool> = HashMap::with_capacity(plan.objects.len());
    for planned in plan.order.iter().filter_map(|at| plan.objects.get(*at)) {
        let before = old.get(&planned.id);
        let through_places = match &planned.make {
            Make::Class(class, settings) => {
                class.0.role() != Role::Object && !settings.iter().any(|(_, checked)| keeps_objects(checked))
            }
            Make::Value(_) => false,
        };
        let has_place = |id: &str| {
            old.get(id).is_some_and(|instance| instance.place.is_some())
                && plan.get(id).is_some_and(|p| p.scope == Scope::Singleton && is_object(p))
        };
        let references = planned.references();
        let targets_stay =
            references.iter().all(|id| same.get(*id) == Some(&true) || (through_places && has_place(id)));
        let stays = match planned.scope {
            Scope::Singleton => before.is_some_and(|instance| *instance.planned == *planned) && targets_stay,
            Scope::Prototype => old_plan.get(&planned.id).is_some_and(|before| before == planned) && targets_stay,
        };
        same.insert(planned.id.clone(), stays);
    }
    same
}

// Whether an object of this process stands within.
fn keeps_objects(checked: &Checked) -> bool {
    match checked {
        Checked::Value(_) | Checked::Ref(_) => false,
        Checked::Object(inner) => match &inner.make {
            Make::Class(class, settings) => {
                class.0.role() == Role::Object || settings.iter().any(|(_, checked)| keeps_objects(checked))
            }
            Make::Value(checked) => keeps_objects(checked),
        },
        Checked::List(_, items) => items.iter().any(keeps_objects),
        Checked::Dict(pairs) => pairs.iter().any(|(_, checked)| keeps_objects(checked)),
    }
}

fn is_object(planned: &Planned) -> bool {
    match &planned.make {
        Make::Class(class, _) => matches!(class.0.role(), Role::Object | Role::Proxy),
        Make::Value(_) => false,
    }
}

/// As something that can be called.
pub(crate) fn object_of(component: &Component) -> Option<&Object> {
    match component {
        Component::Object(object) => Some(object),
        _ => None,
    }
}
