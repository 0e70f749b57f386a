//! What a run has measured so far, by the names that thresholds use: small enough to be handed to
//! whoever looks while the run goes on.

use super::Totals;
use super::judge::{count, judge, percentile_has_enough};
use crate::metric::{Counter, Metric};

/// The percentiles that are told, 0 to 100.
const PERCENTILES: [f64; 5] = [50.0, 90.0, 95.0, 99.0, 99.9];

/// The figures of the whole run so far; latencies of the load leave unmeasured phases out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    /// Since the run's start, microseconds.
    pub elapsed_us: u64,
    /// The phase that goes on, as an index; `None` before the first and after the last.
    pub phase: Option<usize>,
    /// Clients joined.
    pub clients_up: u32,
    /// Counters that the run's protocols have.
    pub counts: Vec<(Counter, u64)>,
    /// Latencies that have samples.
    pub latencies: Vec<LiveLatency>,
    /// Whether each threshold of the scenario would hold if the run ended now.
    pub thresholds: Vec<bool>,
}

/// A latency so far.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveLatency {
    /// Which.
    pub metric: Metric,
    /// Samples.
    pub count: u64,
    /// Arithmetic mean, microseconds.
    pub mean_us: f64,
    /// Percentile (0 to 100) and its microseconds, of those that have the samples they need.
    pub percentiles: Vec<(f64, u64)>,
}

impl Live {
    /// What there is at an instant.
    #[must_use]
    pub fn of(totals: &Totals, phase: Option<usize>, elapsed_us: u64) -> Self {
        let counts = Counter::ALL
            .into_iter()
            .filter_map(|(counter, _)| Some((counter, count(counter, None, None, totals)?)));
        let latencies = Metric::ALL.into_iter().filter_map(|metric| {
            let hist = totals.latency(metric, None, None);
            let enough = |percentile: &f64| percentile_has_enough(*percentile, hist.len());
            let told = PERCENTILES.into_iter().filter(enough);
            (!hist.is_empty()).then(|| LiveLatency {
                metric,
                count: hist.len(),
                mean_us: hist.inner().mean(),
                percentiles: told.filter_map(|of| Some((of, hist.percentile(of)?))).collect(),
            })
        });
        let thresholds = &totals.plan().scenario.thresholds;
        Self {
            elapsed_us,
            phase,
            clients_up: totals.clients_up(),
            counts: counts.collect(),
            latencies: latencies.collect(),
            thresholds: thresholds
                .iter()
                .map(|threshold| judge(threshold, totals).passed)
                .collect(),
        }
    }
}
