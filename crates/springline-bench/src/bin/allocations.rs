//! The benchmark program with an allocator that counts. `springline-bench allocations` starts it
//! for its servers and clients; every other figure comes from the program without it.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn allocations() -> u64 {
    dhat::HeapStats::get().total_blocks
}

fn main() -> ExitCode {
    // In testing mode the profiler counts and writes no file.
    let _profiler = dhat::Profiler::builder().testing().build();
    springline_bench::run(Some(allocations))
}
