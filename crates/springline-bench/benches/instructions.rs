//! Instruction counts of codecs, which repeat to a per mille where times do not. Needs valgrind and
//! the program gungraun-runner, of the same version as the library in Cargo.lock:
//! `cargo install gungraun-runner`, then
//! `cargo bench -p springline-bench --features instructions --bench instructions`.
//!
//! Whole calls over a socket are counted by `springline-bench instructions`.
#![allow(missing_docs)]

use gungraun::prelude::*;
use springline_bench::codecs::{Data, Op, columns};
use springline_bench::inprocess::{Caller, Way};
use std::hint::black_box;

const RECORDS: usize = 1_000;

/// All that the columns of an operation need; leaked, because a bench outlives nothing.
fn column(op: Op, name: &str) -> Box<dyn FnMut()> {
    let data: &'static Data = Box::leak(Box::new(Data::new(RECORDS)));
    let mut column =
        columns(data).into_iter().find(|column| column.op == op && column.name == name).expect("a column of that name");
    // Once before counting: buffers that are kept have their size by then.
    (column.run)();
    column.run
}

#[library_benchmark]
#[bench::msgpack_encode_rmp_serde(column(Op::MsgpackEncode, "rmp-serde"))]
#[bench::msgpack_decode_rmp_serde(column(Op::MsgpackDecode, "rmp-serde"))]
#[bench::msgpack_borrow_rmp_serde(column(Op::MsgpackBorrow, "rmp-serde"))]
#[bench::msgpack_encode_springline(column(Op::MsgpackEncode, "springline"))]
#[bench::msgpack_decode_springline(column(Op::MsgpackDecode, "springline"))]
#[bench::msgpack_borrow_springline(column(Op::MsgpackBorrow, "springline"))]
#[bench::serpent_encode_springline(column(Op::SerpentEncode, "springline"))]
#[bench::xml_value_events(column(Op::XmlValue, "quick-xml events"))]
#[bench::xml_value_springline(column(Op::XmlValue, "springline"))]
#[bench::xml_typed_springline(column(Op::XmlTyped, "springline"))]
#[bench::xml_encode_springline(column(Op::XmlEncode, "springline"))]
fn codec(mut run: Box<dyn FnMut()>) {
    run();
    black_box(());
}

fn caller(way: Way) -> Caller {
    let caller = Caller::new(way);
    caller.call();
    caller
}

#[library_benchmark]
#[bench::local(caller(Way::Local))]
#[bench::service(caller(Way::Service))]
#[bench::msgpack(caller(Way::Msgpack))]
fn in_process(caller: Caller) {
    black_box(&caller).call();
}

library_benchmark_group!(name = codecs; benchmarks = codec);
library_benchmark_group!(name = calls; benchmarks = in_process);
main!(library_benchmark_groups = codecs, calls);
