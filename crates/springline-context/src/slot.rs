//! The place of an object: what others hold, so that the object can be exchanged while they go on.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use springline_core::Result;
use springline_core::service::{BoxFuture, Call, Calls, Reply, Service, ServiceInfo};

/// An object that may become another one. Calls in progress go on with the one they began with.
pub(crate) struct Slot {
    current: ArcSwap<Held>,
    descriptions: Description,
    exchanged: AtomicU64,
}

struct Held {
    service: Arc<dyn Service>,
    generation: u64,
}

/// What an object offered, each time it was another one. Whoever has asked may still be looking at it.
#[derive(Default)]
struct Description {
    next: OnceLock<Box<(u64, ServiceInfo, Description)>>,
}

impl Slot {
    pub(crate) fn new(service: Arc<dyn Service>) -> Self {
        let held = Held { service, generation: 0 };
        Self {
            current: ArcSwap::from_pointee(held),
            descriptions: Description::default(),
            exchanged: AtomicU64::new(0),
        }
    }

    pub(crate) fn exchange(&self, service: Arc<dyn Service>) {
        let generation = self.exchanged.fetch_add(1, Ordering::Relaxed) + 1;
        self.current.store(Arc::new(Held { service, generation }));
    }
}

impl Service for Slot {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        let held = self.current.load_full();
        Box::pin(async move { held.service.call(call).await })
    }

    fn serve<'a>(&'a self, calls: &'a mut dyn Calls) -> BoxFuture<'a, ()> {
        let held = self.current.load_full();
        Box::pin(async move { held.service.serve(calls).await })
    }

    fn describe(&self) -> Option<&ServiceInfo> {
        let held = self.current.load();
        let mut at = &self.descriptions;
        loop {
            match at.next.get() {
                Some(known) if known.0 == held.generation => return Some(&known.1),
                Some(known) => at = &known.2,
                None => {
                    // Of a proxy it may be known later.
                    let info = held.service.describe()?.clone();
                    let _ = at.next.set(Box::new((held.generation, info, Description::default())));
                }
            }
        }
    }

    fn learn(&self) -> BoxFuture<'_, Result<Option<ServiceInfo>>> {
        let held = self.current.load_full();
        Box::pin(async move { held.service.learn().await })
    }

    fn beside(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.current.load().service.beside()
    }
}

#[cfg(test)]
mod tests {
    use springline_core::FnService;

    use super::*;

    #[test]
    fn becomes_another_one() {
        let object = |name: &'static str| Arc::new(FnService::new(name)) as Arc<dyn Service>;
        let slot = Slot::new(object("one"));
        let first = slot.describe().unwrap();
        slot.exchange(object("two"));
        assert_eq!((&*first.name, &*slot.describe().unwrap().name), ("one", "two"));
        slot.exchange(Arc::new(FnService::new("three").otherwise(|_, _, _| std::future::ready(Ok(1.into())))));
        assert!(slot.describe().is_none());
        slot.exchange(object("four"));
        assert_eq!(&*slot.describe().unwrap().name, "four");
    }
}
