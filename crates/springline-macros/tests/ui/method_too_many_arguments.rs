#![allow(unused_imports)]

use springline_core::Result;
use springline_macros::remote;

#[remote(crate = "springline_core")]
trait Store {
    async fn many(
        &self,
        a: i64,
        b: i64,
        c: i64,
        d: i64,
        e: i64,
        f: i64,
        g: i64,
        h: i64,
        i: i64,
        j: i64,
        k: i64,
        l: i64,
        m: i64,
        n: i64,
        o: i64,
        p: i64,
        q: i64,
    ) -> Result<i64>;
}

fn main() {}
