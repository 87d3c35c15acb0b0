#![allow(unused_imports)]

use std::fmt;

use springline_core::{Error, Exception};
use springline_macros::RemoteError;

#[derive(RemoteError)]
#[remote(crate = "springline_core")]
enum Fault {
    #[remote(transport)]
    Rpc,
    #[remote(other)]
    Other { exception: Exception },
}

#[derive(RemoteError)]
#[remote(crate = "springline_core")]
enum Surplus {
    #[remote(transport, class = "x")]
    Rpc(Error),
    #[remote(other, code = 1)]
    Other(Exception),
}

#[derive(RemoteError)]
#[remote(crate = "springline_core")]
enum Both {
    #[remote(transport, other)]
    Rpc(Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

fn main() {}
