//! Reasons to end a run early: a threshold that asks for it, and load on somebody else's host
//! that refuses us.

use super::outcome::Abort;
use crate::machine::clock::micros;
use crate::measure::{Totals, judge};

/// How long connects to a stranger's host may mostly fail.
const UNWELCOME_US: u64 = 10_000_000;

/// Watches a run's totals, at each tick of the coordinator.
#[derive(Debug)]
pub(super) struct Watchdog {
    /// By threshold: failing since.
    failing_since_us: Vec<Option<u64>>,
    strangers_host: bool,
    /// Attempts and failures at the last look.
    last: (u64, u64),
    refused_since_us: Option<u64>,
}

impl Watchdog {
    pub(super) fn new(thresholds: usize, strangers_host: bool) -> Self {
        Self {
            failing_since_us: vec![None; thresholds],
            strangers_host,
            last: (0, 0),
            refused_since_us: None,
        }
    }

    pub(super) fn look(&mut self, totals: &Totals, now_us: u64) -> Option<Abort> {
        self.check_welcome(totals, now_us).or_else(|| self.check_thresholds(totals, now_us))
    }

    fn check_thresholds(&mut self, totals: &Totals, now_us: u64) -> Option<Abort> {
        let thresholds = &totals.plan().scenario.thresholds;
        for (threshold, since_us) in thresholds.iter().zip(&mut self.failing_since_us) {
            let Some(abort_after) = threshold.abort_after else { continue };
            let Some(actual) = judge(threshold, totals).failed_so_far(threshold) else {
                *since_us = None;
                continue;
            };
            let since_us = *since_us.get_or_insert(now_us);
            if now_us.saturating_sub(since_us) >= micros(abort_after) {
                return Some(Abort::Threshold { key: threshold.key.clone(), actual });
            }
        }
        None
    }

    fn check_welcome(&mut self, totals: &Totals, now_us: u64) -> Option<Abort> {
        if !self.strangers_host {
            return None;
        }
        let counts = totals.counts(None);
        let (attempts, failures) =
            (counts.attempted - self.last.0, counts.failed.saturating_sub(self.last.1));
        self.last = (counts.attempted, counts.failed);
        if attempts == 0 {
            return None;
        }
        if failures * 2 <= attempts {
            self.refused_since_us = None;
            return None;
        }
        let since_us = *self.refused_since_us.get_or_insert(now_us);
        (now_us.saturating_sub(since_us) >= UNWELCOME_US).then_some(Abort::Unwelcome)
    }
}
