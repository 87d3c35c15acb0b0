#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

#[remote(crate = "springline_core")]
trait Store {
    async fn get(&self);
}

fn main() {}
