//! The benchmark program; see the README of this crate.

use std::process::ExitCode;

fn main() -> ExitCode {
    springline_bench::run(None)
}
