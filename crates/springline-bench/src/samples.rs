//! What was measured, and the ratios of it.

use crate::codecs::Op;
use crate::load::{Pin, Workload};
use crate::memory::Way;
use std::collections::BTreeMap;

/// One window of one contestant.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sample {
    pub(crate) calls: u64,
    pub(crate) wall_ns: u64,
    pub(crate) client_ns: u64,
    pub(crate) server_ns: u64,
    pub(crate) client_allocations: u64,
    pub(crate) server_allocations: u64,
}

impl Sample {
    pub(crate) fn rate(&self) -> f64 {
        self.calls as f64 * 1e9 / self.wall_ns as f64
    }

    /// CPU time of both processes for a call.
    pub(crate) fn cpu_ns(&self) -> f64 {
        (self.client_ns + self.server_ns) as f64 / self.calls as f64
    }

    /// The mean of two windows, each with the same weight.
    pub(crate) fn mean(self, other: Self) -> Self {
        let scale = self.calls as f64 / other.calls as f64;
        let add = |a: u64, b: u64| a + (b as f64 * scale) as u64;
        Self {
            calls: self.calls * 2,
            wall_ns: add(self.wall_ns, other.wall_ns),
            client_ns: add(self.client_ns, other.client_ns),
            server_ns: add(self.server_ns, other.server_ns),
            client_allocations: add(self.client_allocations, other.client_allocations),
            server_allocations: add(self.server_allocations, other.server_allocations),
        }
    }
}

/// The figures of a run, from which tables and demands are made.
#[derive(Default)]
pub(crate) struct Figures {
    /// A sample for each round, of all contestants in the same order of rounds.
    pub(crate) calls: BTreeMap<(Workload, Pin, &'static str), Vec<Sample>>,
    /// KB of the server for each connection.
    pub(crate) idle: BTreeMap<&'static str, f64>,
    /// User instructions of a call, at the client and at the server.
    pub(crate) instructions: BTreeMap<&'static str, (f64, f64)>,
    /// Heap allocations of a call, at the client and at the server.
    pub(crate) allocations: BTreeMap<&'static str, (f64, f64)>,
    /// The greatest memory of a server beyond what it had, in multiples of the document that it handled.
    pub(crate) memory: BTreeMap<(Way, &'static str), f64>,
    /// Nanoseconds for a record, one for each round.
    pub(crate) codecs: BTreeMap<(Op, &'static str), Vec<f64>>,
}

impl Figures {
    /// How many times less CPU `name` needs for a call than `base`, in every round.
    pub(crate) fn cpu_ratios(&self, w: Workload, pin: Pin, name: &str, base: &str) -> Vec<f64> {
        self.ratios(w, pin, name, base, |mine, its| its.cpu_ns() / mine.cpu_ns())
    }

    /// How many times faster than `base` it is, in every round.
    pub(crate) fn rate_ratios(&self, w: Workload, pin: Pin, name: &str, base: &str) -> Vec<f64> {
        self.ratios(w, pin, name, base, |mine, its| mine.rate() / its.rate())
    }

    fn ratios(
        &self,
        workload: Workload,
        pin: Pin,
        name: &str,
        base: &str,
        ratio: impl Fn(&Sample, &Sample) -> f64,
    ) -> Vec<f64> {
        let of = |name: &str| {
            let found = self.calls.iter().find(|(k, _)| **k == (workload, pin, name));
            found.map_or(&[][..], |(_, samples)| samples)
        };
        of(name).iter().zip(of(base)).map(|(mine, its)| ratio(mine, its)).collect()
    }

    /// How many times less time `name` needs than `base`, in every round.
    pub(crate) fn codec_ratios(&self, op: Op, name: &str, base: &str) -> Vec<f64> {
        let of = |name: &str| {
            let found = self.codecs.iter().find(|(k, _)| **k == (op, name));
            found.map_or(&[][..], |(_, times)| times)
        };
        of(name).iter().zip(of(base)).map(|(mine, its)| its / mine).collect()
    }
}

pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// The least and the greatest.
pub(crate) fn range(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, 0.0), |(min, max), v| (v.min(min), v.max(max)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn a_mean_of_windows_of_different_length_weighs_them_equally() {
        let fast = Sample { calls: 100, wall_ns: 1000, client_ns: 400, ..Sample::default() };
        let slow = Sample { calls: 10, wall_ns: 300, client_ns: 80, ..Sample::default() };
        let mean = fast.mean(slow);
        assert_eq!((mean.calls, mean.wall_ns, mean.client_ns), (200, 4000, 1200));
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let sample = |cpu| Sample { calls: 1, wall_ns: cpu, client_ns: cpu, ..Sample::default() };
        let mut figures = Figures::default();
        let mut put = |name, cpus: [u64; 3]| {
            let key = (Workload::Seq, Pin::Same, name);
            figures.calls.insert(key, cpus.map(sample).to_vec());
        };
        put("raw", [10, 20, 40]);
        put("peer", [20, 40, 80]);
        let ratios = figures.cpu_ratios(Workload::Seq, Pin::Same, "peer", "raw");
        assert_eq!(ratios, [0.5, 0.5, 0.5]);
        assert!(figures.cpu_ratios(Workload::Seq, Pin::Two, "peer", "raw").is_empty());
    }
}
