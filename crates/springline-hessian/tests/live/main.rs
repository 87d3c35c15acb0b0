//! Springline against Caucho's Hessian on the JVM, both ways round, in all dialects, over HTTP and HTTPS. Prints one table;
//! fails when a cell of it does. Needs the peers of `cargo xtask peers`.
//!
//! To look at a part: SPRINGLINE_LIVE_FEATURES=get_data,echo: SPRINGLINE_LIVE_COLUMNS=h1/plain,h2/plain/R>J cargo test
//! -p springline-hessian --test live

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;

mod call;
mod call_errors;
mod call_methods;
#[path = "../support/peers.rs"]
mod java;
mod peers;
mod serve;
mod suite;
mod table;
mod thing;
mod values;

use table::{Cell, Column, Direction, Table};

/// Columns at a time: each is a Java process, and machines have few cores.
const AT_A_TIME: usize = 2;

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

    fn is_whole(&self) -> bool {
        self.features.is_empty() && self.columns.is_empty()
    }

    fn wants(&self, feature: &str) -> bool {
        let fits = |f: &String| f == feature || f.ends_with(':') && feature.starts_with(f.as_str());
        self.features.is_empty() || self.features.iter().any(fits)
    }

    fn wants_column(&self, column: Column) -> bool {
        self.columns.is_empty() || self.columns.iter().any(|c| column.name().contains(c.as_str()))
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
    // Nothing that Rust does is worth a look while Java disagrees with Java.
    if plan.is_whole()
        && let Err(why) = runtime.block_on(peers::selfcheck())
    {
        println!("\nJava against Java fails:\n{why}\n\ntest result: FAILED. 0 passed; 1 failed");
        return ExitCode::FAILURE;
    }
    let (table, places) = runtime.block_on(everything(&plan));
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    if plan.is_whole() {
        table.fill();
    }
    let mut text = table.text();
    let mut counts = table.counts();
    text.push_str("\nThe #[remote] suite, one function, by where its object is (over Java: row remote_suite)\n\n");
    for (name, outcome) in &places {
        match outcome {
            Ok(()) => {
                counts.ok += 1;
                text.push_str(&format!("ok   {name}\n"));
            }
            Err(why) => {
                counts.failed += 1;
                text.push_str(&format!("FAIL {name}: {why}\n"));
            }
        }
    }
    let file = java::target().join("live-hessian-table.txt");
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

type Outcomes = Vec<(String, Result<(), String>)>;

async fn everything(plan: &Arc<Plan>) -> (Arc<Table>, Outcomes) {
    let table = Arc::new(Table::default());
    let permits = Arc::new(Semaphore::new(AT_A_TIME));
    let places = if plan.wants("remote_suite") { suite::places().await } else { Vec::new() };
    let mut columns = tokio::task::JoinSet::new();
    for column in Column::all().filter(|c| plan.wants_column(*c)) {
        let (plan, table, permits) = (plan.clone(), table.clone(), permits.clone());
        columns.spawn(async move {
            let _permit = permits.acquire().await;
            let done = match column.direction {
                Direction::JavaToRust => serve::column(&plan, &table, column).await,
                Direction::RustToJava => call::column(&plan, &table, column).await,
            };
            if let Err(why) = done {
                table.set("column", column, Cell::Fail(why));
            }
        });
    }
    while let Some(done) = columns.join_next().await {
        if let Err(panic) = done {
            // Its cells stay empty, and an empty cell is a failure.
            eprintln!("a column ended early: {panic}");
        }
    }
    if plan.is_whole() {
        for column in Column::all() {
            // What only one of the two can be asked.
            let rows: &[(&str, &str)] = match column.direction {
                Direction::JavaToRust => &call::ONLY_RUST,
                Direction::RustToJava => &serve::ONLY_JAVA,
            };
            for (row, why) in rows {
                table.set(row, column, Cell::Na((*why).to_owned()));
            }
        }
    }
    (table, places)
}
