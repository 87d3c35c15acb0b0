//! Pools: several objects that offer the same, behind one.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use springline_cluster::HighAvailabilityService;
//! use springline_core::{Call, FnService, Service};
//!
//! let replica = |name: &'static str| {
//!     FnService::new("Service").method("who", [], move |()| std::future::ready(Ok(name.to_owned())))
//! };
//! let pool = HighAvailabilityService::new();
//! pool.add("one", replica("one"))?;
//! pool.add("two", replica("two"))?;
//! let first: String = pool.call(&Call::new("who", &())).await?.result.decode()?;
//! let second: String = pool.call(&Call::new("who", &())).await?.result.decode()?;
//! assert_eq!((&*first, &*second), ("one", "two"));
//! # Ok::<(), springline_core::Error>(()) }).unwrap();
//! ```

mod driver;
mod member;
mod pool;

pub use driver::DRIVER;
pub use pool::{Builder, Failover, HighAvailabilityService, MemberState};
