#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

#[remote(crate = "springline_core")]
trait Store {
    fn get(&self) -> Result<i64>;
}

fn main() {}
