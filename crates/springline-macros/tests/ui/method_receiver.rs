#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

#[remote(crate = "springline_core")]
trait Store {
    async fn mutable(&mut self) -> Result<i64>;
    async fn by_value(self) -> Result<i64>;
    async fn shared(self: std::sync::Arc<Self>) -> Result<i64>;
    async fn nothing(x: i64) -> Result<i64>;
    async fn named(&'static self) -> Result<i64>;
}

fn main() {}
