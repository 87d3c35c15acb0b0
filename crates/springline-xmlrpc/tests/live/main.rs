//! Springline against CPython's xmlrpc (3 and 2.7), xmlrpc-c and supervisor, both ways round, over HTTP and over HTTPS in
//! the three ways of the original's manual. Prints one table; fails when a cell of it does. Needs the peers of
//! `cargo xtask peers`.
//!
//! To look at a part: SPRINGLINE_LIVE_FEATURES=call,echo: SPRINGLINE_LIVE_COLUMNS=cpython-3/plain,xmlrpc-c cargo test
//! -p springline-xmlrpc --test live

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;

mod call;
mod call_http;
mod call_methods;
mod call_tls;
mod call_values;
mod peers;
#[path = "../support/peers.rs"]
mod programs;
mod serve;
mod suite;
mod supervisor;
mod table;
mod thing;
mod values;

use peers::Scratch;
use table::{Cell, Column, Counts, Direction, Peer, Table, Way};

/// The row of xmlrpc-c's command line client.
const XMLRPC_ROW: &str = "xmlrpc_command";

/// Columns at a time.
const AT_A_TIME: usize = 3;

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

    fn wants_column(&self, peer: Peer, way: Way) -> bool {
        let name = format!("{}/{}", peer.name(), way.name());
        self.columns.is_empty() || self.columns.iter().any(|c| name.contains(c.as_str()))
    }

    /// `--feature ..` for the client programs.
    fn client_args(&self) -> Vec<&str> {
        let names: Vec<&str> = self.features.iter().map(String::as_str).collect();
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
    let (table, places, supervisor) = runtime.block_on(everything(&plan));
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    if plan.is_whole() {
        table.fill();
    }
    let mut text = table.text();
    let mut counts = table.counts();
    let suite = "The #[remote] suite, one function, by where its object is (over the peers: row remote_suite)";
    text.push_str(&list(suite, &places, &mut counts));
    text.push_str(&list("supervisor 4.3.0, called from Rust", &supervisor, &mut counts));
    let file = programs::target().join("live-xmlrpc-table.txt");
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

/// Outcomes one below the other.
fn list(title: &str, outcomes: &[(String, Cell)], counts: &mut Counts) -> String {
    let mut text = format!("\n{title}\n\n");
    for (name, cell) in outcomes {
        match cell {
            Cell::Fail(why) => {
                counts.failed += 1;
                text.push_str(&format!("FAIL {name}: {why}\n"));
            }
            Cell::Na(why) => {
                counts.not_applicable += 1;
                text.push_str(&format!("n/a  {name}: {why}\n"));
            }
            Cell::Ok => {
                counts.ok += 1;
                text.push_str(&format!("ok   {name}\n"));
            }
        }
    }
    text
}

type Outcomes = Vec<(String, Cell)>;

async fn everything(plan: &Arc<Plan>) -> (Arc<Table>, Outcomes, Outcomes) {
    let table = Arc::new(Table::default());
    let scratch = Arc::new(Scratch::new());
    let features = call::Features::all();
    table.rows(features.0.iter().map(|f| &*f.name).filter(|name| plan.wants(name)));
    let permits = Arc::new(Semaphore::new(AT_A_TIME));
    let places = tokio::spawn({
        let (scratch, wanted) = (scratch.clone(), plan.wants("remote_suite"));
        async move { if wanted { suite::places(&scratch).await } else { Vec::new() } }
    });
    let supervised = tokio::spawn({
        let (scratch, wanted) = (scratch.clone(), plan.wants("supervisor"));
        async move { if wanted { supervisor::everything(&scratch).await } else { Vec::new() } }
    });
    let mut columns = tokio::task::JoinSet::new();
    for column in Column::all().filter(|c| plan.wants_column(c.peer, c.way)) {
        let (plan, table, features) = (plan.clone(), table.clone(), features.clone());
        let (scratch, permits) = (scratch.clone(), permits.clone());
        let Column { peer, way, direction } = column;
        columns.spawn(async move {
            let _permit = permits.acquire().await;
            match direction {
                Direction::PeerToRust => serve::column(&plan, &table, &scratch, peer, way).await,
                Direction::RustToPeer => call::column(&plan, &table, &features, &scratch, peer, way).await,
            }
        });
    }
    while let Some(done) = columns.join_next().await {
        if let Err(panic) = done {
            // Its cells stay empty, and an empty cell is a failure.
            eprintln!("a column ended early: {panic}");
        }
    }
    // What the program in C leaves to libcurl, or does not do at all.
    for way in Way::ALL.into_iter().filter(|way| plan.wants_column(Peer::C, *way)) {
        let column = Column { peer: Peer::C, way, direction: Direction::PeerToRust };
        for row in table.empty(column) {
            table.set(&row, column, Cell::Na("xmlrpc-c's client makes whole calls, one at a time".to_owned()));
        }
    }
    let ended = |panic: tokio::task::JoinError| vec![("all".to_owned(), Cell::Fail(panic.to_string()))];
    (table, places.await.unwrap_or_else(ended), supervised.await.unwrap_or_else(ended))
}
