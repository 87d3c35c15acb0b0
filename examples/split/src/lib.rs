//! What server and client agree on.

use springline::{Result, remote};

/// The service.
#[remote]
pub trait Service {
    /// Some data.
    async fn get_data(&self, param: String) -> Result<String>;
}
