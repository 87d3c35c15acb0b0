//! The command line.

use crate::contestants::{self, Setting};
use crate::driver::Plan;
use crate::load::{Pin, Workload};
use crate::pki::Pki;
use crate::process::Launch;
use crate::samples::Figures;
use crate::{Result, allocations, calls, codecs, demands, idle, instructions, memory};
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::time::Duration;

/// The workloads whose instructions and allocations are counted unless others are named.
const COUNTED: [Workload; 2] = [Workload::Seq, Workload::Xml];

/// A workload of one caller: others' calls have no count of their own.
fn counted(name: &str) -> Result<Workload, String> {
    let known = Workload::COUNTED.iter().find(|w| w.name() == name);
    known.copied().ok_or_else(|| format!("one of {:?}", Workload::COUNTED.map(Workload::name)))
}

/// Benchmarks of Springline against limits and peers.
#[derive(Parser)]
#[command(name = "springline-bench")]
struct Cli {
    #[command(subcommand)]
    command: Task,
    #[command(flatten)]
    setting: Setting,
}

#[derive(Subcommand)]
enum Task {
    /// Rate and CPU time of calls between two processes, and memory of idle connections.
    Calls(Calls),
    /// User instructions of a call, by callgrind.
    Instructions {
        /// Calls in the shorter of the two runs.
        #[arg(long, default_value_t = 1000)]
        calls: u64,
        /// Only these contestants, and the limit.
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        /// These workloads.
        #[arg(long, value_delimiter = ',', default_values_t = COUNTED, value_parser = counted)]
        workload: Vec<Workload>,
    },
    /// Heap allocations of a call on each side.
    Allocations {
        /// Calls to count over.
        #[arg(long, default_value_t = 1000)]
        calls: u64,
        /// Only these contestants, and the limit.
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        /// These workloads.
        #[arg(long, value_delimiter = ',', default_values_t = COUNTED, value_parser = counted)]
        workload: Vec<Workload>,
    },
    /// Encoders and decoders side by side.
    Codecs {
        /// Records in a message.
        #[arg(long, default_value_t = 10_000)]
        records: usize,
        /// Interleaved rounds.
        #[arg(long, default_value_t = 9)]
        rounds: usize,
        /// Only what begins so: `pickle`, `xml-decode`.
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
    },
    /// The most memory of a server that reads and writes a big XML-RPC document.
    Memory {
        /// The document's size in MB.
        #[arg(long, default_value_t = 100)]
        megabytes: usize,
        /// Only these contestants.
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
    },
    /// All of the above.
    All(Calls),
    /// A server for `calls`.
    #[command(hide = true)]
    Serve { name: String },
    /// A client for `calls`.
    #[command(hide = true)]
    Drive {
        name: String,
        workload: Workload,
        addr: SocketAddr,
        #[arg(long, default_value_t = 0)]
        warm_ms: u64,
        #[arg(long, default_value_t = 0)]
        connections: usize,
    },
}

#[derive(Args)]
struct Calls {
    /// Few rounds and short windows: to see that all runs, not for figures.
    #[arg(long)]
    quick: bool,
    /// Interleaved rounds; 9 if not given, 3 if quick.
    #[arg(long)]
    rounds: Option<usize>,
    /// Only these contestants, and the limit of each workload.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only these workloads.
    #[arg(long, value_delimiter = ',')]
    workload: Vec<Workload>,
    /// Only this pinning.
    #[arg(long, value_delimiter = ',')]
    pin: Vec<Pin>,
    /// Idle connections; 10,000 if not given (2,000 over TLS), 1,000 if quick (500).
    #[arg(long)]
    connections: Option<usize>,
}

impl Calls {
    fn measure(&self, launch: &Launch, figures: &mut Figures) -> Result<()> {
        let quick = self.quick;
        let options = calls::Options {
            rounds: self.rounds.unwrap_or(if quick { 3 } else { 9 }).max(1),
            window: Duration::from_millis(if quick { 200 } else { 600 }),
            launch: Launch { warm: Duration::from_millis(if quick { 100 } else { 300 }), ..launch.clone() },
            only: self.only.clone(),
            pins: if self.pin.is_empty() { vec![Pin::Same, Pin::Two] } else { self.pin.clone() },
        };
        let wanted = |w: Workload| self.workload.is_empty() || self.workload.contains(&w);
        for workload in Workload::TIMED.into_iter().filter(|w| wanted(*w)) {
            calls::run(&options, workload, figures)?;
        }
        for (workload, many, few) in [(Workload::Idle10k, 10_000, 1_000), (Workload::Idletls, 2_000, 500)] {
            if wanted(workload) {
                let connections = self.connections.unwrap_or(if quick { few } else { many });
                let launch = Launch { connections, ..launch.clone() };
                idle::run(&launch, workload, &self.only, figures)?;
            }
        }
        Ok(())
    }
}

pub(crate) fn run() -> Result<()> {
    let cli = Cli::parse();
    let mut launch = Launch::new(cli.setting.sizes)?;
    let mut figures = Figures::default();
    // Made where calls are: it must outlive them.
    let pki;
    if !matches!(cli.command, Task::Serve { .. } | Task::Drive { .. } | Task::Codecs { .. } | Task::Memory { .. }) {
        pki = Pki::make()?;
        launch.pki = Some(pki.files());
    }
    match cli.command {
        Task::Serve { name } => return contestants::serve(&name, &cli.setting),
        Task::Drive { name, workload, addr, warm_ms, connections } => {
            let plan = Plan { workload, warm: Duration::from_millis(warm_ms), connections };
            return contestants::call(&name, addr, &plan, &cli.setting);
        }
        Task::Calls(calls) => calls.measure(&launch, &mut figures)?,
        Task::Instructions { calls, only, workload } => {
            instructions::run(&launch, &workload, &only, calls, &mut figures)?;
        }
        Task::Allocations { calls, only, workload } => {
            allocations::run(&launch, &workload, &only, calls, &mut figures)?;
        }
        Task::Codecs { records, rounds, only } => {
            if codecs::rerun_tamed()? {
                return Ok(());
            }
            codecs::run(records, rounds, &only, &mut figures)?;
        }
        Task::Memory { megabytes, only } => memory::run(&launch, &only, megabytes, &mut figures)?,
        Task::All(calls) => {
            if codecs::rerun_tamed()? {
                return Ok(());
            }
            codecs::run(10_000, calls.rounds.unwrap_or(9), &[], &mut figures)?;
            calls.measure(&launch, &mut figures)?;
            instructions::run(&launch, &COUNTED, &calls.only, 1000, &mut figures)?;
            allocations::run(&launch, &COUNTED, &calls.only, 1000, &mut figures)?;
            memory::run(&launch, &calls.only, 100, &mut figures)?;
        }
    }
    demands::print(&figures);
    Ok(())
}
