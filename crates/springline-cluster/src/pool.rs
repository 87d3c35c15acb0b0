//! [`HighAvailabilityService`].

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use springline_core::service::{BoxFuture, Call, Reply, Service, ServiceInfo};
use springline_core::{Error, ErrorKind, Reached, Result};
use tracing::{debug, warn};

use crate::member::{Backoff, Member};

/// Which calls go to the next member after one failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failover {
    /// Those that are known not to have run.
    #[default]
    NotSent,
    /// Those as well that may have run, where the caller said that running them twice does no harm
    /// ([`CallOptions::idempotent`](springline_core::CallOptions)).
    Idempotent,
    /// All that got no answer, as the original's class does. A call may then run twice.
    Always,
}

/// Sets up a [`HighAvailabilityService`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Builder {
    failover: Failover,
    backoff: Backoff,
}

impl Builder {
    /// Which calls go to the next member. Default [`Failover::NotSent`].
    pub fn failover(mut self, failover: Failover) -> Self {
        self.failover = failover;
        self
    }

    /// How long a member is left alone after it failed: `first` after the first time, twice as long after each further
    /// one in a row, at most `most`. Default 100 ms and 30 s.
    pub fn backoff(mut self, first: Duration, most: Duration) -> Self {
        self.backoff = Backoff { first, most: most.max(first) };
        self
    }

    /// A pool without members.
    #[must_use]
    pub fn build(self) -> HighAvailabilityService {
        HighAvailabilityService { inner: Arc::new(Inner { settings: self, members: Mutex::default() }) }
    }
}

/// A pool of objects that offer the same: the class that the original's chapter sketches.
///
/// Calls go round the members. One that cannot be reached is left alone for a while, longer each time, and then tried by
/// one call; it is never dropped for good. When none is left that may be tried, all are. A call that is known not to have
/// run goes to the next member, at most once to each; one that may have run is not repeated unless [`Failover`] says so.
/// An exception is an answer like any other.
///
/// Members may be anything that can be called: proxies of any protocol, objects of this process, other pools. Cheap to
/// clone; clones are the same pool.
#[derive(Clone)]
pub struct HighAvailabilityService {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Builder,
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    list: Vec<Member>,
    /// Whose turn it is.
    next: usize,
}

/// How a member is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberState {
    /// Its name.
    pub name: String,
    /// How often in a row it could not be reached.
    pub failures: u32,
    /// Until when it is left alone.
    pub until: Option<Instant>,
}

impl Default for HighAvailabilityService {
    fn default() -> Self {
        Self::new()
    }
}

impl HighAvailabilityService {
    /// A pool without members, with default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A pool with settings.
    pub fn builder() -> Builder {
        let backoff = Backoff { first: Duration::from_millis(100), most: Duration::from_secs(30) };
        Builder { failover: Failover::default(), backoff }
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.inner.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a member, which is called from the next call on.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] when there is one of that name.
    pub fn add(&self, name: impl Into<Arc<str>>, service: impl Service + 'static) -> Result<()> {
        let name = name.into();
        let mut members = self.members();
        if members.list.iter().any(|m| m.name == name) {
            return Err(Error::new(ErrorKind::Name, format!("the pool has a member '{name}' already")));
        }
        members.list.push(Member::new(name, Arc::new(service)));
        Ok(())
    }

    /// Takes a member away. Calls in progress go on. Gives whether there was one of that name.
    pub fn remove(&self, name: &str) -> bool {
        let mut members = self.members();
        let Some(at) = members.list.iter().position(|m| &*m.name == name) else { return false };
        members.list.remove(at);
        if members.next > at {
            members.next -= 1;
        }
        true
    }

    /// The members, in their order.
    #[must_use]
    pub fn states(&self) -> Vec<MemberState> {
        let state = |m: &Member| MemberState { name: m.name.to_string(), failures: m.failures, until: m.until };
        self.members().list.iter().map(state).collect()
    }

    // The next one in turn that may be called and was not yet; of those alone that are left alone if there is no other.
    fn pick(&self, tried: &[Arc<str>], now: Instant, all: bool) -> Option<(Arc<str>, Arc<dyn Service>)> {
        let backoff = self.inner.settings.backoff;
        let mut members = self.members();
        let count = members.list.len();
        for step in 0..count {
            let at = (members.next + step) % count;
            let Some(member) = members.list.get_mut(at) else { continue };
            if !tried.contains(&member.name) && (all || member.take(now, backoff)) {
                let picked = (member.name.clone(), member.service.clone());
                members.next = (at + 1) % count;
                return Some(picked);
            }
        }
        None
    }

    // The very one that was called: a new one of the same name knows nothing of it.
    fn note(&self, name: &str, service: &Arc<dyn Service>, answered: bool) {
        let backoff = self.inner.settings.backoff;
        let mut members = self.members();
        let member = members.list.iter_mut().find(|m| &*m.name == name && Arc::ptr_eq(&m.service, service));
        let Some(member) = member else { return };
        if answered {
            if member.answered() {
                debug!(target: "springline::cluster", member = name, "the member is back");
            }
        } else {
            let pause = member.failed(Instant::now(), backoff);
            warn!(target: "springline::cluster", member = name, failures = member.failures, ?pause, "the member could not be reached");
        }
    }

    async fn forward(&self, call: &Call<'_>) -> Result<Reply> {
        let mut tried: Vec<Arc<str>> = Vec::new();
        let mut last: Option<Error> = None;
        let mut failures = Vec::new();
        loop {
            let now = Instant::now();
            let late = call.options.deadline.is_some_and(|deadline| deadline <= now);
            if let Some(last) = last.take_if(|_| late) {
                return Err(too_late(&failures, last));
            }
            let picked = self.pick(&tried, now, false).or_else(|| self.pick(&tried, now, true));
            let Some((name, service)) = picked else { break };
            match service.call(call).await {
                Ok(reply) => {
                    self.note(&name, &service, true);
                    return Ok(reply);
                }
                Err(e) if !is_transport(&e) => {
                    if e.reached() == Reached::Answered {
                        self.note(&name, &service, true);
                    }
                    return Err(e);
                }
                Err(e) => {
                    self.note(&name, &service, false);
                    if !self.may_repeat(call, &e) {
                        return Err(e);
                    }
                    debug!(target: "springline::cluster", member = &*name, method = call.method, error = %e.report(), "the call goes to the next member");
                    failures.push(format!("{name}: {e}"));
                    tried.push(name);
                    last = Some(e);
                }
            }
        }
        Err(no_endpoint(&failures, last))
    }

    fn may_repeat(&self, call: &Call<'_>, e: &Error) -> bool {
        e.reached() == Reached::NotSent
            || match self.inner.settings.failover {
                Failover::NotSent => false,
                Failover::Idempotent => call.options.idempotent,
                Failover::Always => true,
            }
    }
}

/// Whether it is the way to the member that failed. What is wrong with the call would be wrong everywhere.
fn is_transport(e: &Error) -> bool {
    e.reached() != Reached::Answered
        && matches!(
            e.kind(),
            ErrorKind::Unavailable
                | ErrorKind::Closed
                | ErrorKind::Timeout
                | ErrorKind::Protocol
                | ErrorKind::Denied
                | ErrorKind::Malformed
                | ErrorKind::Shutdown
                | ErrorKind::NoEndpoint
        )
}

#[cold]
fn too_late(failures: &[String], last: Error) -> Error {
    let text = format!("the call's deadline passed before a member could be reached: {}", failures.join("; "));
    Error::new(ErrorKind::Timeout, text).with_reached(last.reached()).with_source(last)
}

#[cold]
fn no_endpoint(failures: &[String], last: Option<Error>) -> Error {
    let Some(last) = last else {
        return Error::new(ErrorKind::NoEndpoint, "the pool has no members");
    };
    let text = format!("none of {} members of the pool could be reached: {}", failures.len(), failures.join("; "));
    let reached = last.reached();
    Error::new(ErrorKind::NoEndpoint, text).with_reached(reached).with_source(last)
}

impl Service for HighAvailabilityService {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(self.forward(call))
    }

    /// That of the members: of the first one that can tell.
    fn learn(&self) -> BoxFuture<'_, Result<Option<ServiceInfo>>> {
        Box::pin(async {
            let services: Vec<Arc<dyn Service>> = self.members().list.iter().map(|m| m.service.clone()).collect();
            let mut failed = None;
            for service in services {
                match service.learn().await {
                    Ok(Some(info)) => return Ok(Some(info)),
                    Ok(None) => {}
                    Err(e) => failed = Some(e),
                }
            }
            failed.map_or(Ok(None), Err)
        })
    }
}

impl fmt::Debug for HighAvailabilityService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HighAvailabilityService").field("members", &self.states()).finish_non_exhaustive()
    }
}
