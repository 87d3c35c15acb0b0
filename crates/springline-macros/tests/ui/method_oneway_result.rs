#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

#[remote(crate = "springline_core")]
trait Store {
    #[remote(oneway)]
    async fn log(&self, line: String) -> Result<i64>;
}

fn main() {}
