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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::measure::{Recorder, WorkerHealth};
    use crate::plan::Plan;
    use crate::scenario::{Overrides, Source, read};

    const S: u64 = 1_000_000;

    #[test]
    fn what_there_is_at_an_instant() {
        let text = r#"
            format = 1
            name = "live"
            [target]
            builtin = "echo"
            [[cohort]]
            name = "people"
            clients = 10
            publish = { rate = "1/s" }
            [[phase]]
            name = "ramp"
            duration = "10s"
            measure = false
            [[phase]]
            name = "steady"
            duration = "10s"
            [thresholds]
            "delivery.p50" = "< 1ms"
            "publishes.sent" = "> 7"
        "#;
        let source = Source { name: "test".to_owned(), text: text.to_owned() };
        let plan = Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()));
        let mut recorder = Recorder::new(Arc::clone(&plan));
        // Of the phase that is not measured.
        recorder.latency(Metric::Delivery, 0, S, 900);
        for us in 1..=100 {
            recorder.latency(Metric::Delivery, 0, 12 * S, us);
        }
        recorder.latency(Metric::Connect, 0, S, 40);
        recorder.counts(0).sent = 7;
        let health = WorkerHealth { clients_up: 6, ..WorkerHealth::default() };
        let mut totals = Totals::new(Arc::clone(&plan), 1);
        totals.take(recorder.take(0, 13 * S, health));
        let live = Live::of(&totals, Some(1), 13 * S);
        assert_eq!((live.elapsed_us, live.phase, live.clients_up), (13 * S, Some(1), 6));
        // Percentiles that have ten samples above them.
        let percentiles = vec![(50.0, 50), (90.0, 90)];
        let delivery =
            LiveLatency { metric: Metric::Delivery, count: 100, mean_us: 50.5, percentiles };
        let connect =
            LiveLatency { metric: Metric::Connect, count: 1, mean_us: 40.0, percentiles: vec![] };
        assert_eq!(live.latencies, [delivery, connect]);
        let counted = |counter| live.counts.iter().find(|(of, _)| *of == counter).map(|of| of.1);
        assert_eq!(counted(Counter::PublishesSent), Some(7));
        assert_eq!(counted(Counter::PublishesAcked), None, "nobody acknowledges");
        // In the scenario's order.
        let named = |key: &str| {
            let at = plan.scenario.thresholds.iter().position(|of| of.key == key);
            live.thresholds[at.unwrap()]
        };
        assert_eq!(live.thresholds.len(), plan.scenario.thresholds.len());
        assert_eq!((named("delivery.p50"), named("publishes.sent")), (true, false));
    }
}
