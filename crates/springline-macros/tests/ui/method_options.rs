#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

#[remote(crate = "springline_core")]
trait Store {
    #[remote(idempotnt)]
    async fn unknown(&self) -> Result<i64>;
    #[remote(oneway = true)]
    async fn value(&self) -> Result<()>;
    #[remote]
    async fn empty(&self) -> Result<i64>;
    #[remote(oneway)]
    #[remote(oneway)]
    async fn twice(&self) -> Result<()>;
}

fn main() {}
