#![allow(unused_imports)]

use std::fmt;

use springline_core::{Error, Exception};
use springline_macros::RemoteError;

#[derive(RemoteError)]
#[remote(crate = "springline_core", name = "x")]
enum Fault {
    #[remote(clas = "Closed")]
    Closed,
    #[remote(class)]
    NoText,
    #[remote(class = "")]
    Empty,
    #[remote(code = "1")]
    Text,
    #[remote(code = 9223372036854775808)]
    TooLarge,
    Tuple(#[remote(name = "x")] i64),
    Struct {
        #[remote(class = "x")]
        x: i64,
    },
    #[remote(transport = true)]
    Rpc(Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

fn main() {}
