#![allow(unused_imports)]

use std::fmt;

use springline_core::{Error, Exception};
use springline_macros::RemoteError;

#[derive(RemoteError)]
#[remote(crate = "springline_core")]
enum Fault {
    Closed,
    #[remote(other)]
    Other(Exception),
}

impl fmt::Display for Fault {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

fn main() {}
