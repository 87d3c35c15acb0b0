#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

#[remote(crate = "springline_core")]
unsafe trait Unsafe {}

#[remote(crate = "springline_core")]
trait WithSupertrait: std::fmt::Debug + Clone {}

#[remote(crate = "springline_core")]
#[remote(name = "again")]
trait Twice {}

fn main() {}
