//! Events of feeds that nobody stamps, told apart by a key that all receivers see: first and last
//! arrival of each, which needs no clock but ours.
//!
//! Whether an event was lost can't be told from keys: nobody knows how many there were.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::hist::{HistKey, Histograms};
use crate::metric::Metric;
use crate::plan::{LEDGER_KEPT_US, Plan};

/// Events that stay open from one second to the next, some 6 MB. Of more the oldest are closed early.
const OPEN_MAX: usize = 100_000;

/// One event, as one or more workers' clients heard it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Heard {
    /// The cohort of whoever told of it first.
    cohort: u16,
    first_us: u64,
    last_us: u64,
    receivers: u64,
}

impl Heard {
    fn merge(&mut self, other: Self) {
        self.first_us = self.first_us.min(other.first_us);
        self.last_us = self.last_us.max(other.last_us);
        self.receivers += other.receivers;
    }
}

/// What one worker's clients heard since its last snapshot, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EventsPart(Vec<(u64, Heard)>, #[serde(skip)] FxHashMap<u64, usize>);

impl EventsPart {
    /// Notes an arrival.
    pub(super) fn hear(&mut self, key: u64, cohort: u16, at_us: u64) {
        let heard = Heard { cohort, first_us: at_us, last_us: at_us, receivers: 1 };
        let next = self.0.len();
        match self.0.get_mut(*self.1.entry(key).or_insert(next)) {
            Some((_, known)) => known.merge(heard),
            None => self.0.push((key, heard)),
        }
    }
}

/// Events of the last 30 seconds, of all workers.
#[derive(Debug, Default)]
pub(super) struct Events {
    open: FxHashMap<u64, Heard>,
    /// Keys in the order in which they were first heard of, which is nearly that of arrival.
    queue: VecDeque<u64>,
}

impl Events {
    /// Takes a worker's part in.
    pub(super) fn take(&mut self, part: EventsPart) {
        for (key, heard) in part.0 {
            match self.open.get_mut(&key) {
                Some(known) => known.merge(heard),
                None => {
                    self.queue.push_back(key);
                    self.open.insert(key, heard);
                }
            }
        }
    }

    /// Closes what was first heard 30 s ago, and the oldest of too many; all of it with `u64::MAX`.
    pub(super) fn advance(&mut self, now_us: u64, plan: &Plan, spreads: &mut Histograms) {
        let until_us = now_us.saturating_sub(LEDGER_KEPT_US);
        while let Some(key) = self.queue.front().copied() {
            let is_new = self.open.get(&key).is_some_and(|heard| heard.first_us > until_us);
            if is_new && self.queue.len() <= OPEN_MAX {
                return;
            }
            self.queue.pop_front();
            self.close(key, plan, spreads);
        }
    }

    fn close(&mut self, key: u64, plan: &Plan, spreads: &mut Histograms) {
        let Some(Heard { cohort, first_us, last_us, receivers }) = self.open.remove(&key) else {
            return;
        };
        if receivers > 1 {
            let phase = plan.phase_at(first_us) as u16;
            spreads.record(HistKey { metric: Metric::Spread, cohort, phase }, last_us - first_us);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::settler::tests::plan;

    #[test]
    fn an_events_spread_is_from_its_first_to_its_last_receiver_of_all_workers() {
        let plan = plan();
        let mut spreads = Histograms::default();
        let mut events = Events::default();
        let mut parts = [EventsPart::default(), EventsPart::default()];
        for (worker, key, at_us) in [
            (0, 7, 1_000_500),
            (0, 7, 1_000_100),
            (1, 7, 1_000_900),
            // One that a single client heard has no spread.
            (1, 8, 1_000_000),
            (0, 9, 40_000_000),
            (1, 9, 40_000_003),
        ] {
            parts[worker].hear(key, 0, at_us);
        }
        for part in parts {
            events.take(part);
        }
        let spread = |spreads: &Histograms| {
            let all = spreads.sum(Metric::Spread, |_| true);
            (all.len(), all.inner().max())
        };
        events.advance(31_000_100, &plan, &mut spreads);
        assert_eq!(spread(&spreads), (1, 800));
        events.advance(u64::MAX, &plan, &mut spreads);
        assert_eq!(spread(&spreads).0, 2);
        assert!(events.open.is_empty() && events.queue.is_empty());
    }

    #[test]
    fn more_events_than_are_kept_open_close_the_oldest() {
        let (plan, mut spreads, mut events) = (plan(), Histograms::default(), Events::default());
        let mut part = EventsPart::default();
        for key in 0..OPEN_MAX as u64 + 5 {
            part.hear(key, 0, key);
            part.hear(key, 0, key + 3);
        }
        events.take(part);
        events.advance(1_000, &plan, &mut spreads);
        assert_eq!(events.open.len(), OPEN_MAX);
        assert_eq!(spreads.sum(Metric::Spread, |_| true).len(), 5);
    }
}
