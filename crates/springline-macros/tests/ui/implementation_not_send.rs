#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

use std::rc::Rc;

#[remote(crate = "springline_core")]
trait Store {
    async fn get(&self) -> Result<i64>;
}

struct Mine;

impl Store for Mine {
    async fn get(&self) -> Result<i64> {
        let shared = Rc::new(1);
        std::future::ready(()).await;
        Ok(*shared)
    }
}

fn main() {}
