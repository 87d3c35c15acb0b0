//! Springline against unmodified Pyro4 4.82, Pyro5 5.17, Pyro5 5.1, a release of each wire version that Pyro4 had before 4.38,
//! and Pyro 3.16 and 3.9.1, both ways round, in every serializer. Prints one table; fails when a cell of it does. Needs the
//! peers of `cargo xtask peers`, of which Pyro4 4.2 and 4.3 alone may be missing: they are on no package index, and the
//! table's last line then says so.
//!
//! To look at a part: SPRINGLINE_LIVE_FEATURES=call,echo:int SPRINGLINE_LIVE_COLUMNS=pyro5-5.17/json,pyro4 cargo test
//! -p springline-pyro --test live

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use springline_pyro::{Serializer, Version};
use tokio::sync::Semaphore;

mod call;
mod call_connection;
mod call_errors;
mod call_more;
mod call_values;
mod old;
#[path = "../support/pyro3.rs"]
mod peer;
mod peers;
mod pyro3;
mod pyro3_call;
mod pyro3_servers;
#[path = "../support/python.rs"]
mod python;
mod relay;
mod serve;
mod suite;
mod table;
mod thing;
mod values;

use peers::Scratch;
use table::{Cell, Column, Direction, Peer, Table};

/// What the servers with options ask for.
const HANDSHAKE: &str = "open";
const KEY: &str = "s3cret";
const ANNOTATION: &str = "from the daemon";

/// Rows for whole runs.
const OPTIONS_ROW: &str = "ALL over a Unix socket, with options";
const IPV6_ROW: &str = "SOME over IPv6";

/// Columns at a time.
const AT_A_TIME: usize = 4;

/// What is to be done: everything, unless the environment narrows it.
struct Plan {
    features: Vec<String>,
    columns: Vec<String>,
}

impl Plan {
    fn of_environment() -> Self {
        let list = |name| {
            let text = std::env::var(name).unwrap_or_default();
            text.split(',').filter(|s| !s.is_empty()).map(str::to_owned).collect()
        };
        Self { features: list("SPRINGLINE_LIVE_FEATURES"), columns: list("SPRINGLINE_LIVE_COLUMNS") }
    }

    /// These features alone.
    fn only(features: &[&str]) -> Self {
        Self { features: features.iter().map(|f| (*f).to_owned()).collect(), columns: Vec::new() }
    }

    fn is_whole(&self) -> bool {
        self.features.is_empty() && self.columns.is_empty()
    }

    fn wants(&self, feature: &str) -> bool {
        let fits = |f: &String| f == feature || f.ends_with(':') && feature.starts_with(f.as_str());
        self.features.is_empty() || feature == OPTIONS_ROW || self.features.iter().any(fits)
    }

    fn wants_column(&self, peer: Peer, serializer: Serializer) -> bool {
        let name = format!("{}/{serializer}", peer.name());
        self.columns.is_empty() || self.columns.iter().any(|c| name.contains(c.as_str()))
    }

    /// `--feature ..` for `client.py`.
    fn client_args(&self) -> Vec<&str> {
        let rust_only = |f: &&String| ![OPTIONS_ROW, IPV6_ROW, "remote_suite"].contains(&f.as_str());
        let names: Vec<&str> = self.features.iter().filter(rust_only).map(String::as_str).collect();
        if names.is_empty() { names } else { [&["--feature"], &*names].concat() }
    }
}

/// Whether the arguments, which are those of any test program, ask for this one test to be run.
fn is_asked_for() -> bool {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|a| a == "--list") {
        println!("live: test");
        return false;
    }
    let mut filters = Vec::new();
    let mut skip_next = false;
    for arg in &args {
        match arg.as_str() {
            _ if skip_next => skip_next = false,
            "--test-threads" | "--format" | "--color" | "--logfile" | "-Z" | "--skip" => skip_next = true,
            "--ignored" => filters.push("nothing here is ignored"),
            flag if flag.starts_with('-') => {}
            filter => filters.push(filter),
        }
    }
    filters.is_empty() || filters.iter().any(|f| "live".contains(f))
}

fn main() -> ExitCode {
    if !is_asked_for() {
        println!("\nrunning 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out");
        return ExitCode::SUCCESS;
    }
    let started = Instant::now();
    let plan = Arc::new(Plan::of_environment());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let (table, places) = runtime.block_on(everything(&plan));
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    if plan.is_whole() {
        table.fill();
    }
    let mut text = table.text();
    let mut counts = table.counts();
    text.push_str("\nThe #[remote] suite, one function, by where its object is (over Python: row remote_suite)\n\n");
    for (name, cell) in &places {
        match cell {
            Cell::Fail(why) => {
                counts.failed += 1;
                text.push_str(&format!("FAIL {name}: {why}\n"));
            }
            _ => {
                counts.ok += 1;
                text.push_str(&format!("ok   {name}\n"));
            }
        }
    }
    for peer in [Version::V40, Version::V43].map(Peer::Old).into_iter().filter(|peer| peer.is_missing()) {
        text.push_str(&format!(
            "\nnot run: {}, which `cargo xtask peers` makes of a clone of its repository\n",
            peer.name()
        ));
    }
    let file = python::target().join("live-table.txt");
    if plan.is_whole()
        && let Err(e) = std::fs::write(&file, &text)
    {
        eprintln!("{}: {e}", file.display());
        counts.failed += 1;
    }
    print!("\n{text}");
    let verdict = if counts.failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {} passed; {} failed; 0 ignored; 0 measured; 0 filtered out; {} not applicable; \
         finished in {:.2}s\n",
        counts.ok,
        counts.failed,
        counts.not_applicable,
        started.elapsed().as_secs_f64()
    );
    if counts.failed == 0 && counts.ok > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn everything(plan: &Arc<Plan>) -> (Arc<Table>, Vec<(String, Cell)>) {
    let table = Arc::new(Table::default());
    let scratch = Arc::new(Scratch::new());
    let features = call::Features::all();
    let shared = Arc::new(serve::Shared::start().await);
    let places = tokio::spawn(async { [suite::places().await, pyro3::places().await].concat() });
    let permits = Arc::new(Semaphore::new(AT_A_TIME));
    let wanted = || Column::pairs().filter(|(peer, serializer)| plan.wants_column(*peer, *serializer));

    let mut columns = tokio::task::JoinSet::new();
    for (peer, serializer) in wanted() {
        let (plan, table, shared, scratch) = (plan.clone(), table.clone(), shared.clone(), scratch.clone());
        let permits = permits.clone();
        columns.spawn(async move {
            let _permit = permits.acquire().await;
            if peer.is_pyro3() {
                return pyro3::serve_column(&plan, &table, peer).await;
            }
            serve::column(&plan, &table, &shared, &scratch, peer, serializer).await;
        });
    }
    join(columns).await;
    eprintln!("Python has called Rust");

    // Rows that only the other direction has.
    for feature in features.0.iter().filter(|f| plan.wants(&f.name)) {
        for (peer, serializer) in wanted().filter(|(peer, _)| !peer.is_pyro3()) {
            if let Some(why) = feature.only_here {
                let column = Column { peer, serializer, direction: Direction::PythonToRust };
                table.set(&feature.name, column, Cell::Na(why.to_owned()));
            }
        }
    }
    let mut columns = tokio::task::JoinSet::new();
    for (peer, serializer) in wanted() {
        let (plan, table, features) = (plan.clone(), table.clone(), features.clone());
        let (scratch, permits) = (scratch.clone(), permits.clone());
        columns.spawn(async move {
            let _permit = permits.acquire().await;
            if peer.is_pyro3() {
                return pyro3::call_column(&plan, &table, peer).await;
            }
            call::column(&plan, &table, &features, &scratch, peer, serializer).await;
        });
    }
    join(columns).await;
    eprintln!("Rust has called Python");
    if plan.is_whole() {
        pyro3::explain(&table);
    }
    let places = places.await.unwrap_or_else(|panic| vec![("the suite".to_owned(), Cell::Fail(panic.to_string()))]);
    (table, places)
}

async fn join(mut tasks: tokio::task::JoinSet<()>) {
    while let Some(done) = tasks.join_next().await {
        if let Err(panic) = done {
            // Its cells stay empty, and an empty cell is a failure.
            eprintln!("a column ended early: {panic}");
        }
    }
}
