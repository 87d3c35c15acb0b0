#![allow(unused_imports)]

use std::fmt;

use springline_core::{Error, Exception};
use springline_macros::RemoteError;

#[derive(RemoteError)]
#[remote(crate = "springline_core")]
enum Generic<T> {
    Value(T),
    #[remote(transport)]
    Rpc(Error),
}

#[derive(RemoteError)]
#[remote(crate = "springline_core")]
enum Lifetime<'a> {
    Value(&'a str),
    #[remote(transport)]
    Rpc(Error),
}

struct Fault;

impl fmt::Display for Fault {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

fn main() {}
