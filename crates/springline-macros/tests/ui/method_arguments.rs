#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

use std::borrow::Cow;

#[remote(crate = "springline_core")]
trait Store {
    async fn pattern(&self, (a, b): (i64, i64)) -> Result<i64>;
    async fn unnamed(&self, _: i64) -> Result<i64>;
    async fn attributes(&self, #[allow(unused)] a: i64) -> Result<i64>;
    async fn implementing(&self, a: impl Into<String>) -> Result<i64>;
    async fn object(&self, a: &dyn std::fmt::Debug) -> Result<i64>;
    async fn changed(&self, a: &mut i64) -> Result<i64>;
    async fn named(&self, a: &'static str) -> Result<i64>;
    async fn inside(&self, a: Vec<&str>, b: &[&str]) -> Result<i64>;
    async fn borrowed(&self, a: Cow<'_, str>) -> Result<i64>;
    async fn own(&self, a: &Self) -> Result<i64>;
}

fn main() {}
