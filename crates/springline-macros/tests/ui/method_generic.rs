#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

#[remote(crate = "springline_core")]
trait Store {
    async fn types<T>(&self, x: T) -> Result<i64>;
    async fn constants<const N: usize>(&self) -> Result<i64>;
    async fn lifetimes<'a>(&'a self, x: &'a str) -> Result<i64>;
    async fn clause(&self) -> Result<i64>
    where
        Self: Sized;
}

fn main() {}
