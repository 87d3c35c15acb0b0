//! Who else used the cores: time stolen by the host, and other processes of this machine.

use crate::Result;

/// The tick of /proc/stat, 100 a second on every Linux that Rust runs on.
const TICK_NS: u64 = 10_000_000;

/// CPU time of some cores since the machine started.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cores {
    busy: u64,
    stolen: u64,
    all: u64,
}

impl Cores {
    pub(crate) fn now(cores: (usize, usize)) -> Result<Self> {
        let stat = std::fs::read_to_string("/proc/stat")?;
        let mut sum = Self::default();
        for line in stat.lines() {
            let mut words = line.split_whitespace();
            let core = words.next().and_then(|w| w.strip_prefix("cpu")).and_then(|n| n.parse().ok());
            if core.is_none_or(|core: usize| core != cores.0 && core != cores.1) {
                continue;
            }
            // user nice system idle iowait irq softirq steal
            let t: Vec<u64> = words.take(8).map(str::parse).collect::<Result<_, _>>()?;
            let [user, nice, system, idle, iowait, irq, softirq, steal] = t[..] else {
                return Err("/proc/stat has another form".into());
            };
            let busy = user + nice + system + irq + softirq;
            sum.busy += busy;
            sum.stolen += steal;
            sum.all += busy + idle + iowait + steal;
        }
        Ok(sum)
    }
}

/// The sum of the windows of a table.
#[derive(Default)]
pub(crate) struct Noise {
    stolen: u64,
    others: u64,
    all: u64,
}

impl Noise {
    /// Adds a window in which our processes used `ours_ns` of CPU.
    pub(crate) fn add(&mut self, before: Cores, after: Cores, ours_ns: u64) {
        self.stolen += after.stolen - before.stolen;
        self.others += (after.busy - before.busy).saturating_sub(ours_ns / TICK_NS);
        self.all += after.all - before.all;
    }

    pub(crate) fn describe(&self) -> String {
        let percent = |part: u64| part as f64 * 100.0 / self.all.max(1) as f64;
        let (stolen, others) = (percent(self.stolen), percent(self.others));
        let verdict = if stolen + others > 10.0 { "; TOO NOISY, measure again" } else { "" };
        format!("steal {stolen:.1} %, other processes {others:.0} % of these cores{verdict}")
    }
}
