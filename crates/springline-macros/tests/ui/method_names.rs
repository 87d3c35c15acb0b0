#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

#[remote(crate = "springline_core")]
trait Store {
    async fn get(&self) -> Result<i64>;
    #[remote(name = "get")]
    async fn other(&self) -> Result<i64>;
    #[remote(attr, name = "get")]
    async fn attribute(&self) -> Result<i64>;
}

#[remote(crate = "springline_core", rename_all = "camelCase")]
trait Renamed {
    async fn get_it(&self) -> Result<i64>;
    #[remote(name = "getIt")]
    async fn other(&self) -> Result<i64>;
}

fn main() {}
