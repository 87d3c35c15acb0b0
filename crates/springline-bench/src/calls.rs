//! `springline-bench calls`: rounds of contestants, and tables of their ratios.

use crate::Result;
use crate::contestants::{self, Contestant, Kind};
use crate::load::{Pin, Workload};
use crate::noise::{Cores, Noise};
use crate::process::Launch;
use crate::samples::{Figures, Sample, median, range};
use std::time::Duration;

pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) window: Duration,
    pub(crate) launch: Launch,
    pub(crate) only: Vec<String>,
    pub(crate) pins: Vec<Pin>,
}

/// Measures a timed workload at each pinning and prints a table of it.
pub(crate) fn run(options: &Options, workload: Workload, figures: &mut Figures) -> Result<()> {
    let chosen = contestants::of(workload, &options.only)?;
    if chosen.iter().any(|c| !matches!(c.kind, Kind::Rust)) {
        crate::peers::python()?;
    }
    let available = std::thread::available_parallelism()?.get();
    for &pin in &options.pins {
        let Some(cores) = pin.cores(available) else {
            println!("\n{workload}, {}: this machine has one core", pin.name());
            continue;
        };
        let launch = Launch { cores: Some(cores), ..options.launch.clone() };
        let mut noise = Noise::default();
        for round in 1..=options.rounds {
            eprint!("{workload}, {}: round {round} of {}   \r", pin.name(), options.rounds);
            let mut measure = |contestant| window(options, &launch, contestant, workload, &mut noise);
            let mut samples = Vec::new();
            for &contestant in &chosen {
                samples.push(measure(contestant)?);
            }
            // The limit frames the round, so that a drift of the machine cancels out.
            samples[0] = samples[0].mean(measure(chosen[0])?);
            for (contestant, sample) in chosen.iter().zip(samples) {
                figures.calls.entry((workload, pin, contestant.name)).or_default().push(sample);
            }
        }
        table(options, workload, pin, &chosen, &noise, figures);
    }
    Ok(())
}

/// One window of one contestant, in processes of its own: how memory happens to be laid out in a
/// process moves some figures by a tenth, and must not stay the same for all rounds.
fn window(
    options: &Options,
    launch: &Launch,
    contestant: Contestant,
    workload: Workload,
    noise: &mut Noise,
) -> Result<Sample> {
    let mut pair = launch.pair(contestant, workload)?;
    let calls = pair.warm()? as f64 * options.window.as_secs_f64();
    let cores = launch.cores.unwrap_or_default();
    let before = Cores::now(cores)?;
    let sample = pair.measure((calls as u64).max(1))?;
    noise.add(before, Cores::now(cores)?, sample.client_ns + sample.server_ns);
    pair.finish()?;
    Ok(sample)
}

fn table(options: &Options, workload: Workload, pin: Pin, chosen: &[Contestant], noise: &Noise, figures: &Figures) {
    let base = workload.base();
    println!("\n{workload} ({}), {}", workload.about(), pin.name());
    println!("ratios to {base}, medians of {} rounds; {}", options.rounds, noise.describe());
    println!(
        "  {:<20}{:>10}{:>18}{:>11}{:>12}{:>12}{:>12}",
        "", "CPU ratio", "(least..most)", "rate ratio", "calls/s", "client us", "server us"
    );
    for contestant in chosen {
        let name = contestant.name;
        let samples = &figures.calls[&(workload, pin, name)];
        let of = |f: &dyn Fn(&Sample) -> f64| median(&samples.iter().map(f).collect::<Vec<_>>()).unwrap_or(f64::NAN);
        let cpu = figures.cpu_ratios(workload, pin, name, base);
        let rate = median(&figures.rate_ratios(workload, pin, name, base)).unwrap_or(f64::NAN);
        let (least, most) = range(&cpu);
        println!(
            "  {name:<20}{:>10.3}{:>18}{rate:>11.3}{:>12.0}{:>12.2}{:>12.2}",
            median(&cpu).unwrap_or(f64::NAN),
            format!("({least:.3}..{most:.3})"),
            of(&Sample::rate),
            of(&|s| s.client_ns as f64 / s.calls as f64 / 1e3),
            of(&|s| s.server_ns as f64 / s.calls as f64 / 1e3),
        );
    }
}
