#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

struct Opaque;

#[remote(crate = "springline_core")]
trait Store {
    async fn put(&self, thing: Opaque) -> Result<()>;
}

fn main() {}
