#![allow(unused_imports)]

use std::fmt;

use springline_core::{Error, Exception};
use springline_macros::RemoteError;

#[derive(RemoteError)]
struct Fault {
    rpc: Error,
}

#[derive(RemoteError)]
union Union {
    a: u32,
    b: f32,
}

impl fmt::Display for Fault {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

fn main() {}
