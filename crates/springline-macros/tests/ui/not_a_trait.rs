#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

#[remote(crate = "springline_core")]
struct Store;

trait Shop {}

#[remote(crate = "springline_core")]
impl Shop for Store {}

fn main() {}
