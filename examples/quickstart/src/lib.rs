//! The service of the quickstart, and the client that does not know where it is.

use springline::{Result, remote};

/// What the quickstart serves.
#[remote]
pub trait Service {
    /// Says what it was sent.
    async fn get_data(&self, param: &str) -> Result<String>;
}

/// The object itself: plain Rust that knows nothing of networks.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalService;

impl Service for LocalService {
    async fn get_data(&self, param: &str) -> Result<String> {
        Ok(format!("You got remote data => {param}"))
    }
}

/// The client: the same for an object in this process, behind Pyro 3, 4 and 5, XML-RPC and Hessian.
///
/// # Errors
/// What the object raises, and what may happen on the way to it.
pub async fn client(service: &impl Service) -> Result<String> {
    service.get_data("Hello").await
}

// README.md's programs are compiled and run as doctests of this crate, which has what they need.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
