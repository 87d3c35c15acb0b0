//! The workloads `idle10k` and `idletls`: what the server holds in memory for a connection that was used once and
//! then does nothing.

use crate::Result;
use crate::contestants;
use crate::load::Workload;
use crate::process::{Launch, status_kb};
use crate::samples::Figures;
use std::time::Duration;

pub(crate) fn run(launch: &Launch, workload: Workload, only: &[String], figures: &mut Figures) -> Result<()> {
    let mut table = Vec::new();
    for contestant in contestants::of(workload, only)? {
        let name = contestant.name;
        eprint!("idle: {name}                 \r");
        // What a server needs for its first connections is not what each of many costs.
        let few = resident(launch, contestant, workload, 100)?;
        let many = resident(launch, contestant, workload, 100 + launch.connections)?;
        let each = many.saturating_sub(few) as f64 / launch.connections as f64;
        figures.idle.insert(name, each);
        table.push((name, each));
    }
    println!("\n{workload}: resident memory of the server for an idle connection");
    println!("{} connections, each used for one call; one start", launch.connections);
    for (name, each) in table {
        println!("  {name:<20}{each:>10.2} KB");
    }
    Ok(())
}

fn resident(
    launch: &Launch,
    contestant: contestants::Contestant,
    workload: Workload,
    connections: usize,
) -> Result<u64> {
    let launch = Launch { connections, ..launch.clone() };
    let mut pair = launch.pair(contestant, workload)?;
    pair.client.expect("idle")?;
    // Tasks of the server may still be on their way back to sleep, and servers may let go of what they kept for a next
    // call at once.
    let patience = if workload == Workload::Idletls { 3000 } else { 300 };
    std::thread::sleep(Duration::from_millis(patience));
    let resident = status_kb(pair.server.id(), "VmRSS:")?;
    pair.finish()?;
    Ok(resident)
}
