//! One trait and one suite of calls, run over every way to an object: here, over every protocol with every serializer and
//! dialect, with and without TLS, through a pool of mixed members, through gateways between each pair of protocols, and all
//! of that once more with nothing but configuration files. Prints a table; fails when a cell of it does. No cell is left
//! out: what a wire does not have (`limits.rs`) has to fail with an error that says so.
//!
//! To look at a part: `SPRINGLINE_SUITE_FEATURES=dates,deadline SPRINGLINE_SUITE_COLUMNS='Hessian' cargo test -p springline
//! --all-features --test everywhere`.

#![allow(clippy::print_stdout, reason = "the table is what this is for")]

mod config;
mod features;
mod limits;
mod table;
mod thing;
mod wires;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use springline::cluster::HighAvailabilityService;
use springline::hessian::Dialect;
use springline::pyro::Serializer;
use springline::{BoxFuture, Result, Service};
use tokio::sync::Semaphore;

use config::Form;
use features::{Carrier, FEATURES, Failure};
use limits::{Limit, here, limits};
use table::{Cell, Column, Group};
use thing::{MyThing, ThingRef, ThingServer};
use wires::{Far, Kept, Tls, Wire};

/// Columns at a time.
const AT_A_TIME: usize = 4;

/// How long one feature may take, on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(150);

/// A way to the object, yet to be made.
#[derive(Clone)]
struct Way {
    name: String,
    place: Place,
    /// Made by a program, or by files of this form.
    form: Option<Form>,
}

#[derive(Clone)]
enum Place {
    Local,
    /// A service of this process, called as something remote is.
    Service,
    /// The nearest to the caller first, with gateways between.
    Chain(Vec<Wire>),
    Pool(Vec<Wire>),
}

impl Way {
    fn new(form: Option<Form>, place: Place) -> Self {
        let name = match &place {
            Place::Local => "local".to_owned(),
            Place::Service => "a service of this process".to_owned(),
            Place::Chain(wires) => wires.iter().map(|w| w.name()).collect::<Vec<_>>().join(" > "),
            Place::Pool(wires) => format!("a pool of {} members over all wires, and one here", wires.len() + 1),
        };
        Self { name, place, form }
    }

    fn wires(&self) -> &[Wire] {
        match &self.place {
            Place::Chain(wires) | Place::Pool(wires) => wires,
            _ => &[],
        }
    }

    // What the object is told of the protocol.
    fn labels(&self) -> Vec<String> {
        let here = String::new();
        match &self.place {
            Place::Local | Place::Service => vec![here],
            Place::Chain(wires) => wires.last().map(|wire| wire.label()).into_iter().collect(),
            Place::Pool(wires) => wires.iter().map(|wire| wire.label()).chain([here]).collect(),
        }
    }

    async fn open(&self, object: &MyThing) -> Result<(Vec<Kept>, Far)> {
        match (&self.place, self.form) {
            (Place::Local, None) => {
                let thing = ThingRef::local(object.clone());
                Ok((Vec::new(), (thing.clone(), thing.into_service())))
            }
            (Place::Service, _) => {
                let service: Arc<dyn Service> = Arc::new(ThingServer::new(object.clone()));
                Ok((Vec::new(), (ThingRef::remote(service.clone()), service)))
            }
            (Place::Chain(wires), None) => chain(object, wires).await,
            (Place::Pool(wires), None) => pool(object, wires).await,
            (Place::Local, Some(form)) => config::local(form, object).await,
            (Place::Chain(wires), Some(form)) => config::chain(form, object, wires).await,
            (Place::Pool(wires), Some(form)) => config::pool(form, object, wires).await,
        }
    }
}

async fn chain(object: &MyThing, wires: &[Wire]) -> Result<(Vec<Kept>, Far)> {
    let mut kept = Vec::new();
    let service: Arc<dyn Service> = Arc::new(ThingServer::new(object.clone()));
    let mut far = (ThingRef::remote(service.clone()), service);
    for wire in wires.iter().rev() {
        let (server, uri) = wires::serve(*wire, far.1).await?;
        kept.push(server);
        far = wires::connect(*wire, &uri)?;
    }
    Ok((kept, far))
}

async fn pool(object: &MyThing, wires: &[Wire]) -> Result<(Vec<Kept>, Far)> {
    let members = HighAvailabilityService::new();
    let mut kept = Vec::new();
    for wire in wires {
        let (more, (_, service)) = chain(object, &[*wire]).await?;
        kept.extend(more);
        members.add(wire.name(), service)?;
    }
    members.add("here", ThingServer::new(object.clone()))?;
    let service: Arc<dyn Service> = Arc::new(members);
    Ok((kept, (ThingRef::remote(service.clone()), service)))
}

/// All of the table.
fn groups() -> Vec<(&'static str, Vec<Way>)> {
    let fronts = [
        Wire::Pyro3,
        Wire::Pyro4(Serializer::Serpent),
        Wire::Pyro5(Serializer::Serpent),
        Wire::XmlRpc(Tls::None),
        Wire::Hessian(Dialect::Hessian2, Tls::None),
    ];
    let backs = [
        Wire::Pyro3,
        Wire::Pyro4(Serializer::Pickle),
        Wire::Pyro5(Serializer::Msgpack),
        Wire::XmlRpc(Tls::Client),
        Wire::Hessian(Dialect::Hessian1, Tls::None),
    ];
    let five = Wire::Pyro5(Serializer::Msgpack);
    let mut all = Vec::new();
    for form in [None, Some(Form::Xml), Some(Form::Toml)] {
        let way = |place| Way::new(form, place);
        let mut direct = vec![way(Place::Local)];
        if form.is_none() {
            direct.push(way(Place::Service));
        }
        direct.extend(Wire::all().into_iter().map(|wire| way(Place::Chain(vec![wire]))));
        direct.push(way(Place::Pool(Wire::all())));
        let mut gateways: Vec<Way> =
            fronts.iter().flat_map(|a| backs.iter().map(move |b| Way::new(form, Place::Chain(vec![*a, *b])))).collect();
        gateways.push(way(Place::Chain(vec![five, Wire::Hessian(Dialect::Hessian2, Tls::None), five])));
        gateways.push(way(Place::Chain(fronts.to_vec())));
        let (one, two) = match form {
            None => ("By a program", "By a program, through gateways"),
            Some(Form::Xml) => ("By XML files", "By XML files, through gateways"),
            Some(Form::Toml) => ("By TOML files", "By TOML files, through gateways"),
        };
        all.extend([(one, direct), (two, gateways)]);
    }
    all
}

/// Runs one feature once, and says what the wires have to do with it.
async fn once(carrier: &Arc<Carrier>, feature: features::Feature, limits: &[Limit]) -> Cell {
    let run: BoxFuture<'static, _> = {
        let carrier = carrier.clone();
        Box::pin(async move { feature(&carrier).await })
    };
    let mut task = tokio::spawn(run);
    let outcome = match tokio::time::timeout(PATIENCE, &mut task).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(e)) if e.is_panic() && limits.contains(&Limit::Panics) => {
            return Cell::Lacks("the panic of a handler is the caller's own".to_owned());
        }
        Ok(Err(e)) => return Cell::Fail(e.to_string()),
        Err(_) => {
            task.abort();
            return Cell::Fail("it takes too long".to_owned());
        }
    };
    match outcome {
        Ok(()) => Cell::Ok,
        Err(Failure::Wrong(text)) => Cell::Fail(text),
        Err(Failure::Lost(what)) if limits.contains(&Limit::Lost(what)) => {
            Cell::Lacks(format!("{what} are not carried"))
        }
        Err(Failure::Lost(what)) => Cell::Fail(format!("{what}: lost")),
        Err(Failure::Error(e)) => {
            let text = e.report();
            let said = limits.iter().find_map(|limit| match limit {
                Limit::Fails(words) if text.contains(words) => Some(*words),
                _ => None,
            });
            said.map_or(Cell::Fail(text), |words| Cell::Lacks(format!("the call fails: {words}")))
        }
    }
}

async fn cell(way: &Way, carrier: &Arc<Carrier>, name: &str, feature: features::Feature) -> Cell {
    let mut limits = match way.place {
        // Each member is a way of its own.
        Place::Pool(_) => way.wires().iter().flat_map(|wire| limits(&[*wire], name)).collect(),
        _ => limits(way.wires(), name),
    };
    if !matches!(way.place, Place::Chain(_)) {
        limits.extend(here(name));
    }
    if !matches!(way.place, Place::Pool(_)) || limits.is_empty() {
        return match once(carrier, feature, &limits).await {
            // What is said to be missing has to be.
            Cell::Ok if !limits.is_empty() => Cell::Fail(format!("it works after all: {limits:?}")),
            cell => cell,
        };
    }
    // Some members can and some cannot: each is asked as often as the others.
    let (mut good, mut lacks) = (0, None);
    for _ in 0..=way.wires().len() {
        match once(carrier, feature, &limits).await {
            Cell::Ok => good += 1,
            Cell::Lacks(text) => lacks = Some(text),
            fail @ Cell::Fail(_) => return fail,
        }
    }
    match lacks {
        Some(text) if good > 0 => Cell::Lacks(format!("some members can; with others {text}")),
        Some(text) => Cell::Fail(format!("no member can: {text}")),
        None => Cell::Fail(format!("all members can after all: {limits:?}")),
    }
}

async fn column(way: Way, wanted: &Wanted) -> Column {
    let object = MyThing::default();
    let opened = way.open(&object).await;
    let mut cells = Vec::new();
    match opened {
        Err(e) => cells.extend(FEATURES.iter().map(|_| Cell::Fail(format!("it does not start: {}", e.report())))),
        Ok((_kept, (thing, service))) => {
            let carrier = Arc::new(Carrier { thing, service, object, labels: way.labels() });
            for (name, feature) in FEATURES.iter().filter(|(name, _)| wanted.feature(name)) {
                cells.push(cell(&way, &carrier, name, *feature).await);
            }
        }
    }
    Column { name: way.name, cells }
}

/// What is to be done: everything, unless the environment narrows it.
struct Wanted {
    features: Vec<String>,
    columns: Vec<String>,
}

impl Wanted {
    fn of_environment() -> Self {
        let list = |name| {
            let text = std::env::var(name).unwrap_or_default();
            text.split(',').filter(|s| !s.is_empty()).map(str::to_owned).collect()
        };
        Self { features: list("SPRINGLINE_SUITE_FEATURES"), columns: list("SPRINGLINE_SUITE_COLUMNS") }
    }

    fn is_whole(&self) -> bool {
        self.features.is_empty() && self.columns.is_empty()
    }

    fn feature(&self, name: &str) -> bool {
        self.features.is_empty() || self.features.iter().any(|f| f == name)
    }

    fn column(&self, title: &str, name: &str) -> bool {
        self.columns.is_empty() || self.columns.iter().any(|c| format!("{title}/{name}").contains(c.as_str()))
    }
}

async fn everything(wanted: &Arc<Wanted>) -> Vec<Group> {
    let permits = Arc::new(Semaphore::new(AT_A_TIME));
    let mut running = Vec::new();
    for (title, ways) in groups() {
        let ways = ways.into_iter().filter(|way| wanted.column(title, &way.name));
        let tasks: Vec<_> = ways
            .map(|way| {
                let (permits, wanted) = (permits.clone(), wanted.clone());
                tokio::spawn(async move {
                    let _permit = permits.acquire().await;
                    column(way, &wanted).await
                })
            })
            .collect();
        running.push((title, tasks));
    }
    let mut groups = Vec::new();
    for (title, tasks) in running {
        let mut columns = Vec::new();
        for task in tasks {
            columns.push(task.await.unwrap_or_else(|e| Column {
                name: "?".to_owned(),
                cells: FEATURES.iter().map(|_| Cell::Fail(format!("the column ended early: {e}"))).collect(),
            }));
        }
        groups.push(Group { title, columns });
    }
    groups
}

/// Whether the arguments, which are those of any test program, ask for this one test to be run.
fn is_asked_for() -> bool {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|a| a == "--list") {
        println!("everywhere: test");
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
    filters.is_empty() || filters.iter().any(|f| "everywhere".contains(f))
}

fn main() -> ExitCode {
    if !is_asked_for() {
        println!("\nrunning 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out");
        return ExitCode::SUCCESS;
    }
    let started = Instant::now();
    let wanted = Arc::new(Wanted::of_environment());
    // Handlers that panic are part of the suite.
    std::panic::set_hook(Box::new(|info| {
        if !info.to_string().contains("a secret of the handler") {
            eprintln!("{info}");
        }
    }));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let groups = runtime.block_on(everything(&wanted));
    runtime.shutdown_timeout(Duration::from_secs(5));
    let text = table::text(&groups, &|name| wanted.feature(name));
    let mut counts = table::counts(&groups);
    print!("\n{text}");
    if wanted.is_whole()
        && let Err(e) = std::fs::write(target().join("everywhere-table.txt"), &text)
    {
        eprintln!("the table cannot be written: {e}");
        counts.failed += 1;
    }
    let verdict = if counts.failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {} passed; {} failed; 0 ignored; 0 measured; 0 filtered out; {} that a wire lacks; \
         finished in {:.2}s\n",
        counts.ok,
        counts.failed,
        counts.lacks,
        started.elapsed().as_secs_f64()
    );
    if counts.failed == 0 && counts.ok > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn target() -> std::path::PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => workspace.join(dir),
        _ => workspace.join("target"),
    }
}
