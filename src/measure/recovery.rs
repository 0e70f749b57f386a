//! How clients came back: from each fault of the plan, and from outages that nobody ordered.
//!
//! A client that lost its connection knows whether a fault of its own did it. Everything else is
//! told by when it happened: in the time of a fault of the server or after a mark it is that
//! fault's doing; else, where over 10 % of the clients went within a second, it is an outage.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::plan::{Plan, PlannedFault};

/// A failed connection: when, and which fault of the plan took it if the client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When the client saw it, since the run's start.
    pub at_us: u64,
    /// Index into the plan's faults.
    pub fault: Option<u16>,
}

/// One client hit by something, or back from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryEvent {
    /// What it was hit by.
    pub failure: Failure,
    /// What happened.
    pub moment: Moment,
}

/// What happened to one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moment {
    /// Its connection was taken, or it stood still.
    Hit,
    /// It is joined in all its rooms again, or hears what was sent since.
    Back {
        /// Since the hit.
        after_us: u64,
    },
    /// The plan sent it home before it could be back: whether it would have been, nobody knows.
    SentHome,
}

/// One fault's or outage's figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// When it struck; of an outage, to 100 ms.
    pub at_us: u64,
    /// Clients it took; fewer than chosen if some were away already.
    pub hit: u64,
    /// Those of them that the plan sent home before they could be back.
    pub sent_home: u64,
    /// Messages sent to those hit while they were away.
    pub missed_away: u64,
    /// Messages lost to those hit, from W before it.
    pub lost: u64,
    /// Ascending.
    back_us: Vec<u64>,
    /// Of an outage: its last failure was before this.
    until_us: u64,
}

impl Recovery {
    fn take(&mut self, moment: Moment) {
        match moment {
            Moment::Hit => self.hit += 1,
            Moment::SentHome => self.sent_home += 1,
            Moment::Back { after_us } => {
                let at = self.back_us.partition_point(|known| *known <= after_us);
                self.back_us.insert(at, after_us);
            }
        }
    }

    /// Clients that came back.
    #[must_use]
    pub fn back(&self) -> u64 {
        self.back_us.len() as u64
    }

    /// Clients that it took and that had the time to come back.
    #[must_use]
    pub fn awaited(&self) -> u64 {
        self.hit.saturating_sub(self.sent_home)
    }

    /// Microseconds until this share (over 0, at most 1) of those that had the time were back; `None`
    /// if they never were.
    #[must_use]
    pub fn time_to_us(&self, share: f64) -> Option<u64> {
        let needed = (self.awaited() as f64 * share).ceil() as usize;
        self.back_us.get(needed.checked_sub(1)?).copied()
    }
}

/// The kind of what nobody ordered, as reports name it.
pub const OUTAGE: &str = "outage";

/// Failures are gathered in stretches of this length.
const BIN_US: u64 = 100_000;
/// Over this share of the clients that are up, lost within [`BINS`] stretches, is an outage.
const OUTAGE_SHARE: f64 = 0.10;
/// One second of them.
const BINS: u64 = 10;
/// One client alone is no outage, however few there are.
const OUTAGE_CLIENTS_MIN: u64 = 2;
/// Outages told apart; later ones are only in the counts of connections.
const OUTAGES_MAX: usize = 100;
/// A worker's snapshot of a second is here by this long after it.
const SETTLED_AFTER_US: u64 = 2_500_000;
/// How far back the number of clients that were up is looked for.
const UP_WITHIN_US: u64 = 3_000_000;

/// Failures of a stretch that nothing explains yet.
#[derive(Debug, Default)]
struct Bin {
    hits: u64,
    sent_home: u64,
    back_us: Vec<u64>,
    /// Already part of the outage that goes on.
    counted: bool,
}

/// Every fault's and outage's figures.
#[derive(Debug)]
pub struct Recoveries {
    plan: Arc<Plan>,
    planned: Vec<Recovery>,
    outages: Vec<Recovery>,
    /// Clients hit by nothing that the plan ordered, each time.
    broken: u64,
    bins: BTreeMap<u64, Bin>,
    /// When how many clients were up; the last seconds.
    ups: VecDeque<(u64, u32)>,
    /// Bins before this one are told.
    next_bin: u64,
    goes_on: bool,
}

impl Recoveries {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        let planned = plan.faults.iter();
        let planned =
            planned.map(|fault| Recovery { at_us: fault.at_us, ..Recovery::default() }).collect();
        Self {
            plan,
            planned,
            outages: Vec::new(),
            broken: 0,
            bins: BTreeMap::new(),
            ups: VecDeque::new(),
            next_bin: 0,
            goes_on: false,
        }
    }

    /// The plan's faults, in its order.
    #[must_use]
    pub fn planned(&self) -> &[Recovery] {
        &self.planned
    }

    /// What nobody ordered, by time.
    #[must_use]
    pub fn outages(&self) -> &[Recovery] {
        &self.outages
    }

    /// Connections that ended after they were joined, and that no fault of the plan and no mark took.
    #[must_use]
    pub fn broken(&self) -> u64 {
        self.broken
    }

    /// Those that took anybody who had the time to come back.
    pub fn with_hits(&self) -> impl Iterator<Item = &Recovery> {
        self.planned.iter().chain(&self.outages).filter(|recovery| recovery.awaited() > 0)
    }

    /// Notes how many clients are up.
    pub(super) fn note_up(&mut self, at_us: u64, up: u32) {
        self.ups.push_back((at_us, up));
    }

    pub(super) fn take(&mut self, event: RecoveryEvent) {
        let bin = event.failure.at_us / BIN_US;
        if event.moment == Moment::Hit && self.planned_for(event.failure).is_none() {
            self.broken += 1;
        }
        if let Some(row) = self.row_mut(event.failure) {
            row.take(event.moment);
        } else if bin >= self.next_bin {
            let bin = self.bins.entry(bin).or_default();
            match event.moment {
                Moment::Hit => bin.hits += 1,
                Moment::SentHome => bin.sent_home += 1,
                Moment::Back { after_us } => bin.back_us.push(after_us),
            }
        }
    }

    /// The planned fault a failure belongs to.
    fn planned_for(&self, failure: Failure) -> Option<usize> {
        failure.fault.map(usize::from).or_else(|| {
            let blamed = |fault: &PlannedFault| {
                fault.blamed().is_some_and(|span| span.contains(&failure.at_us))
            };
            self.plan.faults.iter().rposition(blamed)
        })
    }

    /// The outage a failure belongs to, if it is known yet.
    fn outage_for(&self, failure: Failure) -> Option<usize> {
        let within = |outage: &Recovery| (outage.at_us..outage.until_us).contains(&failure.at_us);
        self.outages.iter().rposition(within)
    }

    fn row_mut(&mut self, failure: Failure) -> Option<&mut Recovery> {
        match self.planned_for(failure) {
            Some(fault) => self.planned.get_mut(fault),
            None => self.outage_for(failure).and_then(|outage| self.outages.get_mut(outage)),
        }
    }

    /// What a failure is put down to: its kind, as reports name it, and when it struck.
    #[must_use]
    pub fn to_blame(&self, failure: Failure) -> Option<(&'static str, u64)> {
        match self.planned_for(failure) {
            Some(fault) => {
                self.plan.faults.get(fault).map(|fault| (fault.kind.name(), fault.at_us))
            }
            None => self.outage_for(failure).map(|outage| (OUTAGE, self.outages[outage].at_us)),
        }
    }

    /// Puts a message that a client missed or lost down to what took its connection, or to what
    /// kept it or the server from moving.
    pub(super) fn blame(
        &mut self,
        client: u32,
        sent_us: u64,
        failure: Option<Failure>,
        lost: bool,
    ) {
        let row = match failure {
            Some(failure) => self.row_mut(failure),
            None => {
                let holds = |fault: &PlannedFault| fault.holds_up(client, sent_us);
                let fault = self.plan.faults.iter().rposition(holds);
                fault.and_then(|fault| self.planned.get_mut(fault))
            }
        };
        if let Some(row) = row {
            if lost {
                row.lost += 1;
            } else {
                row.missed_away += 1;
            }
        }
    }

    /// Looks for outages in what happened up to a while before `now_us`.
    pub(super) fn advance(&mut self, now_us: u64) {
        self.look(now_us.saturating_sub(SETTLED_AFTER_US) / BIN_US);
    }

    /// Looks at everything that is left.
    pub(super) fn finish(&mut self) {
        let last = self.bins.keys().next_back().map_or(0, |last| last + 1);
        self.look(last.max(self.next_bin));
    }

    fn look(&mut self, until: u64) {
        while self.next_bin < until {
            let bin = self.next_bin;
            let Some(first) = self.bins.keys().next().copied() else {
                // Nothing failed: there is nothing to look at bin by bin.
                self.goes_on = false;
                self.next_bin = until;
                break;
            };
            if first > bin {
                self.goes_on = false;
                self.next_bin = first.min(until);
                continue;
            }
            let start = bin.saturating_sub(BINS - 1);
            self.bins.retain(|at, _| *at >= start);
            let lost: u64 = self.bins.range(start..=bin).map(|(_, bin)| bin.hits).sum();
            let enough = lost as f64 > f64::from(self.up_before(start * BIN_US)) * OUTAGE_SHARE;
            if enough && lost >= OUTAGE_CLIENTS_MIN {
                self.absorb(start, bin);
            } else {
                self.goes_on = false;
            }
            self.next_bin += 1;
        }
        let oldest_us = (self.next_bin * BIN_US).saturating_sub(UP_WITHIN_US + BINS * BIN_US);
        while self.ups.len() > 1 && self.ups.get(1).is_some_and(|(at_us, _)| *at_us < oldest_us) {
            self.ups.pop_front();
        }
    }

    /// The most that were up shortly before an instant.
    fn up_before(&self, at_us: u64) -> u32 {
        let near = |(up_at_us, _): &&(u64, u32)| {
            *up_at_us <= at_us + BIN_US && up_at_us + UP_WITHIN_US >= at_us
        };
        let before = self.ups.iter().filter(near).map(|(_, up)| *up).max();
        // Before the first snapshot, or when workers were silent: the next one that is known.
        before.or_else(|| self.ups.front().map(|(_, up)| *up)).unwrap_or(0)
    }

    fn absorb(&mut self, start: u64, end: u64) {
        if !self.goes_on {
            if self.outages.len() >= OUTAGES_MAX {
                return;
            }
            let first = self.bins.range(start..=end).find(|(_, bin)| !bin.counted && bin.hits > 0);
            let Some((first, _)) = first else { return };
            self.outages.push(Recovery { at_us: first * BIN_US, ..Recovery::default() });
            self.goes_on = true;
        }
        let Some(outage) = self.outages.last_mut() else { return };
        for (at, bin) in self.bins.range_mut(start..=end).filter(|(_, bin)| !bin.counted) {
            bin.counted = true;
            outage.hit += bin.hits;
            outage.sent_home += bin.sent_home;
            for after_us in bin.back_us.drain(..) {
                outage.take(Moment::Back { after_us });
            }
            outage.until_us = outage.until_us.max((at + 1) * BIN_US);
        }
    }
}

#[cfg(test)]
mod tests;
