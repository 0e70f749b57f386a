//! W: how long a message may have been on its way, by how long others took.
//!
//! Whoever leaves, fails or stops listening misses what the server had not passed on yet, and that
//! is no loss. How long a server takes is its own affair, so W follows what was seen: the longest
//! live arrival so far and a quarter more, since the slowest of all is rarely among those that came.
//!
//! Only arrivals count that were sent after their receiver was joined: what a server keeps and tells
//! newcomers says nothing of how long it takes. A cohort that reads slowly on purpose has a W of its
//! own, for the same reason.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::message::MessageId;
pub use crate::plan::LEDGER_WINDOW_US as WINDOW_US;
use crate::plan::{LEDGER_KEPT_US, Plan};

/// W is never longer: so long a message stays open.
pub const WINDOW_MAX_US: u64 = LEDGER_KEPT_US;
/// Arrivals of messages that were sent up to so much later count too. What was sent by then has
/// arrived when a message is settled, unless it takes very long.
const AHEAD_S: u64 = 10;

const S: u64 = 1_000_000;

/// The longest that arrivals took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Longest {
    any_us: u64,
    /// Of those that came after a later message of the same author and room.
    overtaken_us: u64,
}

impl Longest {
    fn merge(&mut self, other: Self) {
        self.any_us = self.any_us.max(other.any_us);
        self.overtaken_us = self.overtaken_us.max(other.overtaken_us);
    }
}

/// For how long something may have been on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// W.
    pub(super) on_its_way_us: u64,
    /// The same of a message whose receiver heard a later one of the same author and room: 0 where
    /// none was ever overtaken, at most W.
    pub(super) overtaken_us: u64,
}

impl Window {
    fn of(longest: Longest) -> Self {
        let widened_us = longest.any_us + longest.any_us / 4;
        let on_its_way_us = widened_us.clamp(WINDOW_US, WINDOW_MAX_US);
        // Few are overtaken, so the longest of them is seen late: twice as much.
        let overtaken_us = (2 * longest.overtaken_us).min(on_its_way_us);
        Self { on_its_way_us, overtaken_us }
    }
}

/// Which cohorts share a W: 0 is that of all but those that read slowly.
fn lane(plan: &Plan, cohort: usize) -> usize {
    let reads_slowly = plan.scenario.cohorts.get(cohort).is_some_and(|of| of.read.is_some());
    if reads_slowly { cohort + 1 } else { 0 }
}

/// What one worker's clients saw since its last snapshot: what took long or was overtaken, by lane
/// and the second in which it was sent. At most 31 seconds a lane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TookPart {
    sure: Vec<(u16, u64, Longest)>,
    doubtful: Vec<Doubtful>,
}

/// The longest of those that may be copies of what their receivers heard long before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Doubtful {
    lane: u16,
    second: u64,
    us: u64,
    pub(super) message: MessageId,
    pub(super) slot: u32,
}

impl TookPart {
    fn take(&mut self, lane: usize, sent_us: u64, longest: Longest) {
        let (lane, second) = (lane as u16, sent_us / S);
        // The newest are the ones that are still added to.
        let known = self.sure.iter_mut().rev().find(|(of, at, _)| (*of, *at) == (lane, second));
        match known {
            Some((.., known)) => known.merge(longest),
            None => self.sure.push((lane, second, longest)),
        }
    }

    fn take_doubtful(&mut self, new: Doubtful) {
        let same = |of: &&mut Doubtful| (of.lane, of.second) == (new.lane, new.second);
        match self.doubtful.iter_mut().rev().find(same) {
            Some(known) if known.us < new.us => *known = new,
            Some(_) => {}
            None => self.doubtful.push(new),
        }
    }

    pub(super) fn doubtful(&self) -> &[Doubtful] {
        &self.doubtful
    }
}

/// What one worker's clients saw so far.
#[derive(Debug)]
pub(super) struct Took {
    lanes: Vec<usize>,
    longest: Vec<Longest>,
}

impl Took {
    pub(super) fn new(plan: &Plan) -> Self {
        let cohorts = plan.scenario.cohorts.len();
        Self {
            lanes: (0..cohorts).map(|cohort| lane(plan, cohort)).collect(),
            longest: vec![Longest::default(); cohorts + 1],
        }
    }

    /// Notes an arrival at a client of that cohort.
    pub(super) fn note(
        &mut self,
        part: &mut TookPart,
        cohort: usize,
        sent_us: u64,
        now_us: u64,
        overtaken: bool,
    ) {
        let any_us = now_us.saturating_sub(sent_us).min(WINDOW_MAX_US);
        // Most arrivals widen nothing, and this is done for each of them.
        if any_us <= WINDOW_US / 5 * 4 && !overtaken {
            return;
        }
        let longest = Longest { any_us, overtaken_us: if overtaken { any_us } else { 0 } };
        let lane = self.lanes[cohort];
        self.longest[lane].merge(longest);
        // A stamp may claim to be of any age.
        part.take(lane, sent_us.max(now_us.saturating_sub(WINDOW_MAX_US)), longest);
    }

    /// Notes an arrival that came after so many later ones that it may be a copy: whether it is, only
    /// the settler can tell.
    pub(super) fn note_doubtful(
        &mut self,
        part: &mut TookPart,
        cohort: usize,
        (message, slot): (MessageId, u32),
        sent_us: u64,
        now_us: u64,
    ) {
        let us = now_us.saturating_sub(sent_us).min(WINDOW_MAX_US);
        let second = sent_us.max(now_us.saturating_sub(WINDOW_MAX_US)) / S;
        let lane = self.lanes[cohort] as u16;
        part.take_doubtful(Doubtful { lane, second, us, message, slot });
    }

    /// W so far, for clients of that cohort.
    pub(super) fn window_us(&self, cohort: usize) -> u64 {
        let mut longest = self.longest[0];
        longest.merge(self.longest[self.lanes[cohort]]);
        Window::of(longest).on_its_way_us
    }
}

/// What all workers' clients saw. W of a message goes by when it was sent and not by when what was
/// told, so that how many workers there are changes nothing.
#[derive(Debug)]
pub(super) struct Windows {
    /// By cohort.
    lanes: Vec<usize>,
    /// By lane: of messages sent by `until_s`.
    before: Vec<Longest>,
    until_s: u64,
    /// Of those sent later: second, lane.
    later: BTreeMap<(u64, usize), Longest>,
}

impl Windows {
    pub(super) fn new(plan: &Plan) -> Self {
        let Took { lanes, longest } = Took::new(plan);
        Self { lanes, before: longest, until_s: 0, later: BTreeMap::new() }
    }

    pub(super) fn take(&mut self, part: &TookPart) {
        for (lane, second, longest) in &part.sure {
            self.add(*lane, *second, *longest);
        }
    }

    /// Takes one in that turned out to be no copy.
    pub(super) fn take_doubtful(&mut self, of: &Doubtful) {
        self.add(of.lane, of.second, Longest { any_us: of.us, overtaken_us: of.us });
    }

    fn add(&mut self, lane: u16, second: u64, longest: Longest) {
        let lane = usize::from(lane).min(self.before.len() - 1);
        if second <= self.until_s {
            self.before[lane].merge(longest);
        } else {
            self.later.entry((second, lane)).or_default().merge(longest);
        }
    }

    /// Goes on to a message that was sent then; never back.
    pub(super) fn advance(&mut self, sent_us: u64) {
        self.until_s = self.until_s.max(sent_us / S + AHEAD_S);
        while let Some(first) = self.later.first_entry() {
            let (second, lane) = *first.key();
            if second > self.until_s {
                break;
            }
            let longest = first.remove();
            self.before[lane].merge(longest);
        }
    }

    /// For receivers of that cohort, of messages sent at the instant that was gone on to.
    pub(super) fn of(&self, cohort: usize) -> Window {
        let mut longest = self.before[0];
        longest.merge(self.before[self.lanes[cohort]]);
        Window::of(longest)
    }

    /// By cohort, of all that was ever seen.
    pub(super) fn widest_by_cohort(&self) -> Vec<Window> {
        let all = self.all();
        let of = |lane: &usize| {
            let mut longest = all[0];
            longest.merge(all[*lane]);
            Window::of(longest)
        };
        self.lanes.iter().map(of).collect()
    }

    /// Of all that was ever seen by anybody: the largest W.
    pub(super) fn widest(&self) -> Window {
        let mut longest = Longest::default();
        self.all().into_iter().for_each(|of| longest.merge(of));
        Window::of(longest)
    }

    /// For those who don't read slowly.
    pub(super) fn common(&self) -> Window {
        Window::of(self.before[0])
    }

    fn all(&self) -> Vec<Longest> {
        let mut all = self.before.clone();
        for ((_, lane), longest) in &self.later {
            all[*lane].merge(*longest);
        }
        all
    }
}

#[cfg(test)]
mod tests;
