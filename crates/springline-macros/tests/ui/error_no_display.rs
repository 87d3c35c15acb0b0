#![allow(unused_imports)]

use springline_core::Error;
use springline_macros::RemoteError;

#[derive(RemoteError)]
#[remote(crate = "springline_core")]
enum Fault {
    Closed,
    #[remote(transport)]
    Rpc(Error),
}

fn main() {}
