#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

#[remote(crate = "springline_core")]
trait Store {
    async fn text(&self) -> Result<&str>;
    async fn cow(&self) -> Result<std::borrow::Cow<'static, str>>;
    async fn object(&self) -> Result<Box<dyn std::any::Any>>;
    async fn own(&self) -> Result<Self>;
}

fn main() {}
