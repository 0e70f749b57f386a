//! One worker's recorder: no lock, no channel; handed over and begun anew each second.

use std::sync::Arc;

use super::counts::{Closes, Counts, ErrorKey, Errors};
use super::findings::Findings;
use super::hist::{Hist, HistKey, Histograms};
use super::ledger::LedgerPart;
use super::recovery::RecoveryEvent;
use super::snapshot::{Snapshot, WorkerHealth};
use crate::metric::Metric;
use crate::plan::Plan;

/// What a worker's clients record into.
#[derive(Debug)]
pub struct Recorder {
    plan: Arc<Plan>,
    histograms: Histograms,
    counts: Vec<Counts>,
    /// Errors since the last snapshot.
    pub errors: Errors,
    /// Ends of connections since the last snapshot.
    pub closes: Closes,
    /// Ledger facts since the last snapshot.
    pub ledger: LedgerPart,
    /// Unusual arrivals since the last snapshot.
    pub findings: Findings,
    /// Clients hit and clients back since the last snapshot.
    pub recoveries: Vec<RecoveryEvent>,
}

impl Recorder {
    /// An empty recorder for that plan.
    #[must_use]
    pub fn new(plan: Arc<Plan>) -> Self {
        let counts = vec![Counts::default(); plan.scenario.cohorts.len()];
        Self {
            plan,
            histograms: Histograms::default(),
            counts,
            errors: Errors::default(),
            closes: Closes::default(),
            ledger: LedgerPart::default(),
            findings: Findings::default(),
            recoveries: Vec::new(),
        }
    }

    /// Records a latency of something that belongs to the phase at `at_us`: when a message was
    /// due, or when something without a due time happened.
    pub fn latency(&mut self, metric: Metric, cohort: usize, at_us: u64, us: u64) {
        let phase = self.plan.phase_at(at_us) as u16;
        self.histograms.record(HistKey { metric, cohort: cohort as u16, phase }, us);
    }

    /// Records latencies that were gathered elsewhere.
    pub fn latencies(&mut self, metric: Metric, cohort: usize, at_us: u64, hist: &Hist) {
        let phase = self.plan.phase_at(at_us) as u16;
        self.histograms.merge_one(HistKey { metric, cohort: cohort as u16, phase }, hist);
    }

    /// The counters of a cohort.
    pub fn counts(&mut self, cohort: usize) -> &mut Counts {
        &mut self.counts[cohort]
    }

    /// Counts an error.
    pub fn error(&mut self, key: ErrorKey, at_us: u64, example: impl FnOnce() -> String) {
        self.errors.record(key, at_us, example);
    }

    /// Hands over what was recorded since the last time.
    pub fn take(&mut self, worker: u16, at_us: u64, health: WorkerHealth) -> Snapshot {
        let cohorts = self.counts.len();
        Snapshot {
            worker,
            at_us,
            histograms: std::mem::take(&mut self.histograms),
            counts: std::mem::replace(&mut self.counts, vec![Counts::default(); cohorts]),
            errors: std::mem::take(&mut self.errors),
            closes: std::mem::take(&mut self.closes),
            ledger: std::mem::take(&mut self.ledger),
            findings: self.findings.hand_over(),
            recoveries: std::mem::take(&mut self.recoveries),
            health,
            closing: false,
        }
    }
}
