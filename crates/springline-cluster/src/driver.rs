//! What configuration can make of this crate.

use springline_core::component::{Class, Driver, Settings, Type};
use springline_core::{Error, ErrorKind, Result};

use crate::{Failover, HighAvailabilityService};

/// The class `HighAvailabilityService`.
pub static DRIVER: Driver = Driver { name: "cluster", classes: || vec![high_availability()] };

const FAILOVER: Type =
    Type::Choice(&[("not-sent", &["NotSent"]), ("idempotent", &["Idempotent"]), ("always", &["Always"])]);

fn high_availability() -> Class {
    Class::new("springline.cluster.HighAvailabilityService")
        .also("cluster.HighAvailabilityService")
        .also("HighAvailabilityService")
        .doc("A pool of objects that offer the same: calls go round, one that cannot be reached is left alone for a while.")
        .required("service_pool", Type::list(Type::Service), "The members.")
        .optional(
            "failover",
            FAILOVER,
            "Which calls go to the next member: those known not to have run (not-sent, the default), those as well that \
             are idempotent, or all that got no answer (always), which may run twice.",
        )
        .optional("backoff", Type::Seconds, "How long a member is left alone after its first failure. Default 100ms.")
        .optional("backoff_max", Type::Seconds, "How long at most. Default 30 s.")
        .proxy(make)
}

fn make(settings: &Settings) -> Result<HighAvailabilityService> {
    let failover = match settings.get::<String>("failover")?.as_deref() {
        None | Some("not-sent") => Failover::NotSent,
        Some("idempotent") => Failover::Idempotent,
        Some(_) => Failover::Always,
    };
    let first = settings.seconds("backoff")?.unwrap_or(std::time::Duration::from_millis(100));
    let most = settings.seconds("backoff_max")?.unwrap_or(std::time::Duration::from_secs(30));
    let pool = HighAvailabilityService::builder().failover(failover).backoff(first, most).build();
    let members = settings.services("service_pool")?;
    if members.is_empty() {
        return Err(Error::new(ErrorKind::Config, "property 'service_pool': a pool needs members"));
    }
    for (name, service) in members {
        pool.add(name, service)?;
    }
    Ok(pool)
}
