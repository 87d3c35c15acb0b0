//! The columns of `springline-bench codecs` under criterion, which keeps its own history of them.
//! Python's serpent is not among them: `springline-bench codecs` measures against it.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use springline_bench::codecs::{Data, columns};

const RECORDS: usize = 10_000;

fn codecs(criterion: &mut Criterion) {
    let data = Data::new(RECORDS);
    for mut column in columns(&data) {
        let mut group = criterion.benchmark_group(column.op.name());
        group.throughput(Throughput::Elements(column.op.records(RECORDS) as u64));
        group.sample_size(20);
        group.bench_function(column.name, |bencher| bencher.iter(&mut column.run));
        group.finish();
    }
}

criterion_group!(benches, codecs);
criterion_main!(benches);
