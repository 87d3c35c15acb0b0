#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

#[remote(crate = "springline_core")]
trait Store {
    async unsafe fn not_safe(&self) -> Result<i64>;
    async extern "C" fn foreign(&self) -> Result<i64>;
}

fn main() {}
