//! `springline-bench instructions`: user instructions of a whole call, by callgrind. Both processes
//! run once with N calls and once with 2N; the difference has no start-up in it.

use crate::Result;
use crate::contestants::{self, Contestant, Kind};
use crate::load::Workload;
use crate::process::Launch;
use crate::samples::Figures;
use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) fn run(
    launch: &Launch,
    workloads: &[Workload],
    only: &[String],
    calls: u64,
    figures: &mut Figures,
) -> Result<()> {
    let valgrind = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    if !valgrind.is_ok_and(|status| status.success()) {
        return Err("valgrind is missing: `apt-get install valgrind` or `dnf install valgrind`".into());
    }
    let dir = std::env::temp_dir().join(format!("springline-callgrind-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let launch = Launch { callgrind: Some(dir.clone()), ..launch.clone() };
    for &workload in workloads {
        let mut table = Vec::new();
        for contestant in contestants::of(workload, only)? {
            // The instructions of an interpreter say nothing here.
            if matches!(contestant.kind, Kind::Rust) {
                eprint!("instructions: {workload}, {}          \r", contestant.name);
                let (once_client, once_server) = count(&launch, &dir, contestant, workload, calls)?;
                let (twice_client, twice_server) = count(&launch, &dir, contestant, workload, 2 * calls)?;
                let each = |once: u64, twice: u64| (twice as f64 - once as f64) / calls as f64;
                let (client, server) = (each(once_client, twice_client), each(once_server, twice_server));
                figures.instructions.insert(contestant.name, (client, server));
                table.push((contestant.name, client, server));
            }
        }
        println!("\nuser instructions of a call ({workload}), by callgrind over {calls} calls");
        println!("  {:<20}{:>10}{:>10}{:>10}", "", "client", "server", "both");
        for (name, client, server) in table {
            println!("  {name:<20}{client:>10.0}{server:>10.0}{:>10.0}", client + server);
        }
    }
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

/// The instructions of the client and of the server in all of their lives.
fn count(launch: &Launch, dir: &Path, contestant: Contestant, workload: Workload, calls: u64) -> Result<(u64, u64)> {
    let mut pair = launch.pair(contestant, workload)?;
    pair.warm()?;
    pair.client.tell(&format!("go {calls}"))?;
    pair.client.expect("done")?;
    pair.finish()?;
    Ok((total(&dir.join("drive"))?, total(&dir.join("serve"))?))
}

fn total(file: &Path) -> Result<u64> {
    let figures = std::fs::read_to_string(file)?;
    let line = figures.lines().find_map(|line| line.strip_prefix("summary:"));
    Ok(line.ok_or("callgrind left no summary")?.trim().parse()?)
}
