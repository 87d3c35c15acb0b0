#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

#[remote(crate = "springline_core")]
trait Store {
    async fn get(&self) -> String;
}

#[remote(crate = "springline_core")]
trait Other {
    async fn get(&self) -> Result<i64, String>;
}

fn main() {}
