//! The workload `idle10k`: what the server holds in memory for a connection that was used once and
//! then does nothing.

use crate::Result;
use crate::contestants;
use crate::load::Workload;
use crate::process::{Launch, resident_kb};
use crate::samples::Figures;
use std::time::Duration;

pub(crate) fn run(launch: &Launch, only: &[String], figures: &mut Figures) -> Result<()> {
    for contestant in contestants::of(Workload::Idle10k, only)? {
        let name = contestant.name;
        eprint!("idle: {name}                 \r");
        // What a server needs for its first connections is not what each of many costs.
        let few = resident(launch, contestant, 100)?;
        let many = resident(launch, contestant, 100 + launch.connections)?;
        let each = many.saturating_sub(few) as f64 / launch.connections as f64;
        figures.idle.insert(name, each);
    }
    println!("\nidle10k: resident memory of the server for an idle connection");
    println!("{} connections, each used for one call; one start", launch.connections);
    for (name, each) in &figures.idle {
        println!("  {name:<20}{each:>10.2} KB");
    }
    Ok(())
}

fn resident(launch: &Launch, contestant: contestants::Contestant, connections: usize) -> Result<u64> {
    let launch = Launch { connections, ..launch.clone() };
    let mut pair = launch.pair(contestant, Workload::Idle10k)?;
    pair.client.expect("idle")?;
    // Tasks of the server may still be on their way back to sleep.
    std::thread::sleep(Duration::from_millis(300));
    let resident = resident_kb(pair.server.id())?;
    pair.finish()?;
    Ok(resident)
}
