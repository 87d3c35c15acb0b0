#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

#[remote(crate = "springline_core", nam = "Store")]
trait UnknownOption {}

#[remote(crate = "springline_core", name)]
trait NoValue {}

#[remote(crate = "springline_core", name = "")]
trait EmptyName {}

#[remote(crate = "springline_core", name = 5)]
trait NumberAsName {}

#[remote(crate = "springline_core", rename_all = "CamelCase")]
trait UnknownConvention {}

#[remote(crate = "not a path")]
trait BadPath {}

#[remote(crate = "springline_core", name = "a", name = "b")]
trait Twice {}

fn main() {}
