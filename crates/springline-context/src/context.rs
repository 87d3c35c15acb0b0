//! The context: objects by their ids, exporters that run, and what changes while they do.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use springline_core::component::{Component, Exporter, Object, RemoteHandle, Shared};
use springline_core::remote::from_value;
use springline_core::service::Service;
use springline_core::{Error, ErrorKind, Result};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::builder::Builder;
use crate::diagnostics::{At, Diagnostics, did_you_mean};
use crate::make::{Instance, Instances, Maker, object_of, unchanged};
use crate::model::Scope;
use crate::plan::Plan;
use crate::proxy::ObjectProxy;

/// Objects, exporters and proxies as configuration files have them. Cheap to clone; clones are the same context.
///
/// Dropping the last one closes everything at once; see [`shutdown`](Self::shutdown).
#[derive(Clone)]
pub struct ApplicationContext {
    inner: Arc<Inner>,
}

struct Inner {
    builder: Builder,
    shared: Shared,
    state: Mutex<State>,
    /// Held by whoever starts, reloads or stops.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    plan: Arc<Plan>,
    instances: Instances,
    /// In the order in which they were started.
    running: Vec<Running>,
}

#[derive(Clone)]
struct Running {
    id: String,
    exporter: Arc<dyn Exporter>,
    uris: Vec<String>,
}

/// An exporter that is to run.
#[derive(Clone)]
struct Coming {
    id: String,
    at: At,
    exporter: Arc<dyn Exporter>,
    /// In the place of one that runs.
    takes_over: bool,
}

/// An exporter that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// Its id in the configuration.
    pub id: String,
    /// Where its object can be reached.
    pub uris: Vec<String>,
}

/// What a reload has changed, by ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloaded {
    /// Objects that were not there before.
    pub added: Vec<String>,
    /// Objects that were made anew.
    pub changed: Vec<String>,
    /// Objects that are gone.
    pub removed: Vec<String>,
    /// How many stayed as they were.
    pub unchanged: usize,
}

impl ApplicationContext {
    /// Begins without files and classes.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(builder: Builder) -> Result<Self, Diagnostics> {
        let plan = builder.plan()?;
        let mut diagnostics = Diagnostics::default();
        let shared = Shared::default();
        let mut instances = Instances::default();
        let mut maker = Maker {
            plan: &plan,
            instances: &mut instances,
            places: HashMap::new(),
            shared: &shared,
            diagnostics: &mut diagnostics,
            made: 0,
        };
        maker.eager();
        diagnostics.or(())?;
        let state = State { plan: Arc::new(plan), instances, running: Vec::new() };
        let inner = Inner { builder, shared, state: Mutex::new(state), changing: tokio::sync::Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the exporters, those that are lazy aside, in the order of the files, each after all that it refers to. Those
    /// that run already go on.
    ///
    /// # Errors
    /// That of the first one that cannot be started; it names the object and its place. All that were started here are
    /// stopped again.
    pub async fn start(&self) -> Result<()> {
        let _one = self.inner.changing.lock().await;
        let waiting = {
            let state = self.state();
            let runs = |id: &str| state.running.iter().any(|r| r.id == id);
            exporters(&state.plan, &state.instances, |id| !runs(id))
        };
        let started = start_all(waiting).await?;
        self.state().running.extend(started);
        Ok(())
    }

    /// Starts one exporter, a lazy one for instance. One that runs already goes on.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for an id that there is not, [`ErrorKind::Config`] for one that is no exporter's, and
    /// what keeps it from starting.
    pub async fn start_one(&self, id: &str) -> Result<()> {
        let _one = self.inner.changing.lock().await;
        let instance = self.instance(id)?;
        let Component::Exporter(exporter) = instance.component else {
            return Err(Error::new(ErrorKind::Config, format!("'{id}' is no exporter")));
        };
        if self.state().running.iter().any(|r| r.id == id) {
            return Ok(());
        }
        let one = Coming { id: id.to_owned(), at: instance.planned.at.clone(), exporter, takes_over: false };
        let started = start_all(vec![one]).await?;
        self.state().running.extend(started);
        Ok(())
    }

    /// Stops one exporter; calls in progress may finish for at most `drain`. Gives whether it ran.
    pub async fn stop_one(&self, id: &str, drain: Duration) -> bool {
        let _one = self.inner.changing.lock().await;
        let found = {
            let mut state = self.state();
            let at = state.running.iter().position(|r| r.id == id);
            at.map(|at| state.running.remove(at))
        };
        match found {
            Some(running) => {
                stop(running, drain).await;
                true
            }
            None => false,
        }
    }

    /// Stops all exporters, the last one first. Calls in progress may finish for at most `drain` in all. Gives how many
    /// connections had to be cut off.
    pub async fn shutdown(&self, drain: Duration) -> usize {
        let _one = self.inner.changing.lock().await;
        let running = std::mem::take(&mut self.state().running);
        stop_all(running, drain).await
    }

    // Made now, if it is lazy or a prototype.
    fn instance(&self, id: &str) -> Result<Instance> {
        let mut state = self.state();
        let plan = state.plan.clone();
        let Some(planned) = plan.get(id) else {
            if let Some(ids) = plan.groups.get(id) {
                let text = format!("there are {} of '{id}': {} and so on", ids.len(), ids.first().map_or("", |id| id));
                return Err(Error::new(ErrorKind::NotFound, text));
            }
            let near = did_you_mean(id, plan.ids());
            return Err(Error::new(ErrorKind::NotFound, format!("there is no object '{id}'{near}")));
        };
        if let Some(instance) = state.instances.get(id) {
            return Ok(instance.clone());
        }
        debug!(target: "springline::context", id, "fetching an object that is lazy or a prototype");
        let mut diagnostics = Diagnostics::default();
        let mut maker = Maker {
            plan: &plan,
            instances: &mut state.instances,
            places: HashMap::new(),
            shared: &self.inner.shared,
            diagnostics: &mut diagnostics,
            made: 0,
        };
        maker.wanted(plan.by_id.get(id).copied().into_iter().collect());
        let made = match planned.scope {
            Scope::Singleton => maker.instances.get(id).cloned(),
            Scope::Prototype => maker.one(planned).ok().map(|component| Instance {
                planned: Arc::new(planned.clone()),
                component,
                place: None,
            }),
        };
        diagnostics.or(())?;
        made.ok_or_else(|| Error::new(ErrorKind::Config, format!("the object '{id}' could not be made")))
    }

    fn object(&self, id: &str) -> Result<Object> {
        let instance = self.instance(id)?;
        object_of(&instance.component).cloned().ok_or_else(|| {
            let what = if matches!(instance.component, Component::Exporter(_)) { "an exporter" } else { "a value" };
            Error::new(ErrorKind::Config, format!("'{id}' is {what}, no object that can be called"))
        })
    }

    /// The object as the `...Ref` of a `#[remote]` trait, wherever it is. Of a prototype it is a new one each time.
    ///
    /// What was made in this process as that very `...Ref` is given as it is, and goes on as it is when a reload makes
    /// another one; every other one leads to the object of that id, also after a reload.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for an id that there is not, with the nearest one; [`ErrorKind::Config`] for an exporter, a
    /// value, or an object that cannot be made.
    pub fn get<H: RemoteHandle>(&self, id: &str) -> Result<H> {
        Ok(self.object(id)?.handle())
    }

    /// The object, to be called by its methods' names.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn proxy(&self, id: &str) -> Result<ObjectProxy> {
        Ok(ObjectProxy::new(self.service(id)?))
    }

    /// The object as a service.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn service(&self, id: &str) -> Result<Arc<dyn Service>> {
        Ok(self.object(id)?.service())
    }

    /// A value, read as `T`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for an id that there is not, [`ErrorKind::Config`] for an object, [`ErrorKind::Mismatch`]
    /// for a value that is no `T`.
    pub fn value<T: DeserializeOwned>(&self, id: &str) -> Result<T> {
        match self.instance(id)?.component {
            Component::Value(value) => from_value(&value),
            _ => Err(Error::new(ErrorKind::Config, format!("'{id}' is an object, no value"))),
        }
    }

    /// The ids of all objects that are not abstract, in the order of the files.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.state().plan.objects.iter().map(|planned| planned.id.clone()).collect()
    }

    /// The exporters that run, in the order in which they were started.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let state = self.state();
        state.running.iter().map(|r| Endpoint { id: r.id.clone(), uris: r.uris.clone() }).collect()
    }

    /// Reads the files again, and exchanges what has changed.
    ///
    /// Objects whose definitions are the same stay, with their connections. Exporters, proxies and pools reach what they
    /// refer to by its id, so they stay as well when only that has changed; calls in progress finish where they began.
    /// Exporters that are gone stop accepting, and calls in progress may finish for at most `drain`.
    ///
    /// # Errors
    /// All that is wrong with the files, or that of an exporter that cannot be started. Everything goes on as it was.
    pub async fn reload(&self, drain: Duration) -> Result<Reloaded> {
        let _one = self.inner.changing.lock().await;
        let plan = self.inner.builder.plan()?;
        let (old_plan, old, running) = {
            let state = self.state();
            (state.plan.clone(), state.instances.clone(), state.running.clone())
        };
        let same = unchanged(&old, &old_plan, &plan);
        let stays = |id: &str| same.get(id) == Some(&true);
        let mut instances = Instances::default();
        for (id, instance) in old.iter().filter(|(id, _)| stays(id)) {
            instances.insert(id, instance.clone());
        }
        let places = old.iter().filter_map(|(id, instance)| Some((id.clone(), instance.place.as_ref()?.slot.clone())));
        let mut diagnostics = Diagnostics::default();
        let mut maker = Maker {
            plan: &plan,
            instances: &mut instances,
            places: places.collect(),
            shared: &self.inner.shared,
            diagnostics: &mut diagnostics,
            made: 0,
        };
        maker.eager();
        diagnostics.or(())?;

        // New exporters before old ones stop: where they share a port, there is no gap.
        let kept: Vec<Running> = running.iter().filter(|r| stays(&r.id)).cloned().collect();
        let leaving: Vec<Running> = running.iter().filter(|r| !stays(&r.id)).cloned().collect();
        let runs = |id: &str| kept.iter().any(|r| r.id == id);
        let mut coming = exporters(&plan, &instances, |id| !runs(id));
        for one in &mut coming {
            one.takes_over = leaving.iter().any(|r| r.id == one.id);
        }
        let (started, leaving) = self.replace(coming, leaving, drain).await?;

        let mut report = Reloaded::default();
        {
            let mut state = self.state();
            for planned in &plan.objects {
                match (stays(&planned.id), old_plan.get(&planned.id).is_some()) {
                    (true, _) => report.unchanged += 1,
                    (false, true) => report.changed.push(planned.id.clone()),
                    (false, false) => report.added.push(planned.id.clone()),
                }
            }
            let gone = old_plan.objects.iter().filter(|planned| plan.get(&planned.id).is_none());
            report.removed = gone.map(|planned| planned.id.clone()).collect();
            // From here on whoever calls by id gets the new ones. Lazy ones that were fetched meanwhile stay only if
            // they are the same.
            for (id, instance) in instances.iter() {
                if let (false, Some(place)) = (stays(id), &instance.place) {
                    place.slot.exchange(place.service.clone());
                }
            }
            let order: HashMap<&str, usize> = plan
                .order
                .iter()
                .enumerate()
                .filter_map(|(n, at)| Some((plan.objects.get(*at)?.id.as_str(), n)))
                .collect();
            let mut all: Vec<Running> = kept.into_iter().chain(started).collect();
            all.sort_by_key(|r| order.get(r.id.as_str()).copied());
            state.running = all;
            state.instances = instances;
            state.plan = Arc::new(plan);
        }
        stop_all(leaving, drain).await;
        info!(
            target: "springline::context",
            added = report.added.len(),
            changed = report.changed.len(),
            removed = report.removed.len(),
            unchanged = report.unchanged,
            "reloaded"
        );
        Ok(report)
    }

    // Starts what comes. Where it wants what those that leave still have, those go first, and come back if it fails.
    async fn replace(
        &self,
        coming: Vec<Coming>,
        leaving: Vec<Running>,
        drain: Duration,
    ) -> Result<(Vec<Running>, Vec<Running>)> {
        match start_all(coming.clone()).await {
            Ok(started) => return Ok((started, leaving)),
            Err(e) if leaving.is_empty() => return Err(e),
            Err(e) => {
                debug!(target: "springline::context", error = %e.report(), "trying again without the old exporters")
            }
        }
        stop_all(leaving.clone(), drain).await;
        match start_all(coming).await {
            Ok(started) => Ok((started, Vec::new())),
            Err(e) => {
                let mut back = Vec::new();
                for running in leaving {
                    match running.exporter.take_over().await {
                        Ok(uris) => back.push(Running { uris, ..running }),
                        Err(e) => {
                            warn!(target: "springline::context", id = running.id, error = %e.report(), "an exporter could not be started again")
                        }
                    }
                }
                let mut state = self.state();
                let old: Vec<String> = back.iter().map(|r| r.id.clone()).collect();
                state.running.retain(|r| !old.contains(&r.id));
                state.running.extend(back);
                Err(e)
            }
        }
    }
}

// Those that are not lazy, in the order in which they were made.
fn exporters(plan: &Plan, instances: &Instances, wanted: impl Fn(&str) -> bool) -> Vec<Coming> {
    let mut found = Vec::new();
    for planned in plan.order.iter().filter_map(|at| plan.objects.get(*at)) {
        if planned.lazy || !wanted(&planned.id) {
            continue;
        }
        if let Some(Component::Exporter(exporter)) = instances.get(&planned.id).map(|i| &i.component) {
            let (id, at, exporter) = (planned.id.clone(), planned.at.clone(), exporter.clone());
            found.push(Coming { id, at, exporter, takes_over: false });
        }
    }
    found
}

async fn start_all(waiting: Vec<Coming>) -> Result<Vec<Running>> {
    let mut started: Vec<Running> = Vec::new();
    for Coming { id, at, exporter, takes_over } in waiting {
        debug!(target: "springline::context", id, "starting an exporter");
        let outcome = if takes_over { exporter.take_over().await } else { exporter.start().await };
        match outcome {
            Ok(uris) => {
                debug!(target: "springline::context", id, ?uris, "exported");
                started.push(Running { id, exporter, uris });
            }
            Err(e) => {
                debug!(target: "springline::context", id, error = %e.report(), "an exporter does not start: stopping those before it");
                stop_all(started, Duration::ZERO).await;
                let mut place = Diagnostics::default();
                place.add(&at, format!("the object '{id}' could not be started"));
                return Err(e.context(place.to_string()));
            }
        }
    }
    Ok(started)
}

async fn stop_all(mut running: Vec<Running>, drain: Duration) -> usize {
    let until = Instant::now() + drain;
    let mut cut = 0;
    while let Some(one) = running.pop() {
        cut += stop(one, until.saturating_duration_since(Instant::now())).await;
    }
    cut
}

async fn stop(running: Running, drain: Duration) -> usize {
    let cut = running.exporter.stop(drain).await;
    debug!(target: "springline::context", id = running.id, cut, "stopped");
    cut
}

impl fmt::Debug for ApplicationContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplicationContext").field("objects", &self.ids()).field("running", &self.endpoints()).finish()
    }
}
