//! `springline-bench allocations`: heap allocations of a call on each side, by a second program with
//! a counting allocator, so that no other figure pays for the counting.

use crate::Result;
use crate::contestants::{self, Kind};
use crate::load::Workload;
use crate::process::Launch;
use crate::samples::Figures;

/// Of these every contestant but the limits has one on each side: the text that the server's method
/// makes and the text that the caller gets.
pub(crate) const CALLERS_OWN: f64 = 1.0;

const PROGRAM: &str = "springline-bench-allocations";

pub(crate) fn run(
    launch: &Launch,
    workloads: &[Workload],
    only: &[String],
    calls: u64,
    figures: &mut Figures,
) -> Result<()> {
    let program = launch.program.with_file_name(PROGRAM);
    if !program.exists() {
        return Err(format!(
            "{PROGRAM} is missing beside this program: \
             `cargo build --release -p springline-bench --features alloc,peers`"
        )
        .into());
    }
    let launch = Launch { program, ..launch.clone() };
    for &workload in workloads {
        let mut table = Vec::new();
        for contestant in contestants::of(workload, only)? {
            if matches!(contestant.kind, Kind::Rust) {
                eprint!("allocations: {workload}, {}          \r", contestant.name);
                let mut pair = launch.pair(contestant, workload)?;
                pair.warm()?;
                // What the first calls set up is not what a call costs.
                pair.measure(100)?;
                let sample = pair.measure(calls)?;
                pair.finish()?;
                let each = |count: u64| count as f64 / sample.calls as f64;
                let (client, server) = (each(sample.client_allocations), each(sample.server_allocations));
                figures.allocations.insert(contestant.name, (client, server));
                table.push((contestant.name, client, server));
            }
        }
        println!("\nheap allocations of a call ({workload}), over {calls} calls; the text that the method makes");
        println!("and the text that the caller gets are in it, one on each side");
        println!("  {:<20}{:>10}{:>10}", "", "client", "server");
        for (name, client, server) in table {
            println!("  {name:<20}{client:>10.2}{server:>10.2}");
        }
    }
    Ok(())
}
