#![allow(unused_imports)]

use std::fmt;

use springline_core::{Error, Exception};
use springline_macros::RemoteError;

struct Opaque;

#[derive(RemoteError)]
#[remote(crate = "springline_core")]
enum Fault {
    Value(Opaque),
    #[remote(transport)]
    Rpc(Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

fn main() {}
