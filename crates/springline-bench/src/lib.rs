//! Benchmarks of Springline against limits and peers. The README of this crate tells how to run
//! them and what each figure means.

mod allocations;
mod calls;
mod cli;
pub mod codecs;
mod contestants;
mod control;
mod demands;
mod driver;
mod hessian;
mod idle;
pub mod inprocess;
mod instructions;
mod load;
mod memory;
mod noise;
mod peers;
mod pickle;
mod pki;
mod process;
pub mod records;
mod samples;
mod xml;

use std::error::Error;
use std::process::ExitCode;

pub(crate) type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// The whole program. `allocation_counter` tells the heap allocations of this process so far; only the
/// second program, which has a counting allocator, can tell.
pub fn run(allocation_counter: Option<fn() -> u64>) -> ExitCode {
    control::set_allocation_counter(allocation_counter);
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("springline-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
