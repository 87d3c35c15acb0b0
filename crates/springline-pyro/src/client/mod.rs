//! Calling objects of Pyro 4 and 5 daemons.

mod call;
mod connect;
mod frame;
mod link;
mod old;
mod proxy;
mod query;
mod request;

pub use proxy::{Proxy, ProxyBuilder};
pub use request::{Batch, Request, Response};
