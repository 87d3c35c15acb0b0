#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

#[remote(crate = "springline_core")]
trait Store {
    #[remote(attr)]
    async fn with_arguments(&self, a: i64, b: i64) -> Result<i64>;
    #[remote(attr, set)]
    async fn set_nothing(&self) -> Result<()>;
    #[remote(attr, set)]
    async fn set_two(&self, a: i64, b: i64) -> Result<()>;
    #[remote(set)]
    async fn set_alone(&self, a: i64) -> Result<()>;
    #[remote(attr, oneway)]
    async fn oneway(&self) -> Result<()>;
}

fn main() {}
