#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

#[remote(crate = "springline_core")]
trait Store {
    type Item;
    const SIZE: usize;
    make_methods!();
    async fn get(&self) -> Result<i64>;
}

fn main() {}
