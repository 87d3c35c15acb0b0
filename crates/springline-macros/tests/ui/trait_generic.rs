#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

#[remote(crate = "springline_core")]
trait Store<T> {
    async fn get(&self) -> Result<i64>;
}

#[remote(crate = "springline_core")]
trait Clause
where
    Self: Sized,
{
    async fn get(&self) -> Result<i64>;
}

fn main() {}
