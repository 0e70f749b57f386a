//! Settles messages: gathers what all workers saw of each and says what became of it.
//!
//! A message stays open for 30 s after it was sent, or until the drain ends; then the rule in
//! `fate` is applied once for each member of its room. Memory is the publish rate times 30 s
//! times one entry, flat in the run's length.

mod case;
mod early;
mod hearing;
mod members;
mod missed;
mod opened;
mod queue;
mod tally;
mod waiting;

use std::sync::Arc;

use self::case::Case;
use self::early::Early;
use self::members::Members;
use self::missed::{Missed, MissedMessages};
use self::opened::{Open, OpenMessages, Reach, Skips};
pub use self::tally::Settled;
use self::tally::{Account, Entry, Tally};
use self::waiting::Waiting;
use super::events::Events;
use super::fate::Fate;
use super::findings::{Finding, Findings};
use super::hist::{HistKey, Histograms};
use super::ledger::{Answer, LedgerPart, MemberChange, MemberEvent};
use super::message::MessageId;
use super::recovery::Recoveries;
use super::spread::SpreadBySize;
use super::window::Windows;
use crate::metric::Metric;
use crate::plan::{LEDGER_KEPT_US, Plan};

/// By which way something was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Live,
    /// On the receiver's return.
    Replay,
}

#[derive(Debug)]
pub(super) struct Settler {
    plan: Arc<Plan>,
    members: Members,
    messages: OpenMessages,
    /// Heard of before the publisher's worker told of them.
    early: Early,
    missed: MissedMessages,
    /// Everything sent up to here is settled.
    horizon_us: u64,
    windows: Windows,
    waiting: Waiting,
    tally: Tally,
    /// Of messages due in phases that are measured.
    by_size: SpreadBySize,
    /// Of feeds.
    events: Events,
}

impl Settler {
    pub(super) fn new(plan: Arc<Plan>, workers: usize) -> Self {
        Self {
            members: Members::new(Arc::clone(&plan), workers),
            messages: OpenMessages::default(),
            early: Early::default(),
            missed: MissedMessages::default(),
            horizon_us: 0,
            windows: Windows::new(&plan),
            waiting: Waiting::new(),
            tally: Tally::new(plan.scenario.cohorts.len(), plan.scenario.phases.len()),
            by_size: SpreadBySize::default(),
            events: Events::default(),
            plan,
        }
    }

    /// Notes that a worker has told everything up to an instant.
    pub(super) fn told(&mut self, worker: u16, at_us: u64) {
        self.members.told(worker, at_us);
    }

    /// W at its widest.
    pub(super) fn window_us(&self) -> u64 {
        self.windows.widest().on_its_way_us
    }

    /// Takes a worker's part in.
    pub(super) fn take(&mut self, part: LedgerPart) {
        self.events.take(part.events);
        self.windows.take(&part.took);
        if !part.published.is_empty() {
            self.waiting.note_news();
        }
        for event in part.members {
            self.take_member(event);
        }
        self.messages.publish(&part.published);
        for message in part.published {
            let id = message.message;
            for (heard, way) in self.early.take(id) {
                self.hear(id, heard, way);
            }
        }
        for (id, answer) in part.answers {
            self.answer(id, answer);
        }
        // Before what was heard: one that its receiver had by then is a copy.
        for doubtful in part.took.doubtful() {
            let open = self.messages.get(doubtful.message);
            if open.is_some_and(|open| !open.slots.contains(doubtful.slot)) {
                self.windows.take_doubtful(doubtful);
            }
        }
        for (id, heard) in part.heard {
            self.hear(id, heard, Way::Live);
        }
        for (id, heard) in part.replayed {
            self.hear(id, heard, Way::Replay);
        }
    }

    pub(super) fn take_member(&mut self, event: MemberEvent) {
        if matches!(event.change, MemberChange::Joined { .. }) {
            self.waiting.note_news();
        }
        self.members.take(event, self.horizon_us);
    }

    /// Lists what workers found on arrival.
    pub(super) fn list(&mut self, findings: Findings) {
        self.tally.list(findings);
    }

    /// What the server said of a message. Its author's worker told of it before, so it is open,
    /// or settled; one that nobody missed, or that is forgotten, has nothing to change.
    fn answer(&mut self, id: MessageId, answer: Answer) {
        if let Some(open) = self.messages.get_mut(id) {
            open.answer.get_or_insert(answer);
            return;
        }
        let Some(missed) = self.missed.get_mut(id) else { return };
        let (due_us, sent_us) = (missed.due_us, missed.sent_us);
        let changes = missed.answer(answer);
        let phase = self.plan.phase_at(due_us);
        for (slot, was, now) in changes {
            let Some(account) = self.account(id.room, slot, phase) else { continue };
            self.tally.amend(account, id, (was, now), |kind| Finding {
                kind,
                receiver: account.client,
                message: Some(id),
                due_us: Some(due_us),
                sent_us: Some(sent_us),
                arrived: false,
                received_us: None,
                failure: None,
            });
        }
    }

    /// Where a member of a room is counted.
    fn account(&self, room: u32, slot: u32, phase: usize) -> Option<Account> {
        let members = &self.plan.rooms()[room as usize].members;
        let client = *members.get(slot as usize)?;
        Some(Account { client, cohort: self.plan.cohort_of(client), phase })
    }

    /// Settles what is 30 s old; writes the spread of each message, and puts what was lost or
    /// missed down to what did it.
    pub(super) fn advance(
        &mut self,
        now_us: u64,
        spreads: &mut Histograms,
        recoveries: &mut Recoveries,
    ) {
        let until_us = now_us.saturating_sub(LEDGER_KEPT_US);
        self.settle_until(until_us, false, spreads, recoveries);
        self.events.advance(now_us, &self.plan, spreads);
        self.sweep_early(until_us);
    }

    /// Closes events of feeds that are too many, also while nothing is settled.
    pub(super) fn bound_events(&mut self, spreads: &mut Histograms) {
        self.events.advance(0, &self.plan, spreads);
    }

    /// Settles everything that is left: no more is listened to.
    pub(super) fn finish(&mut self, spreads: &mut Histograms, recoveries: &mut Recoveries) {
        self.settle_until(u64::MAX, true, spreads, recoveries);
        self.events.advance(u64::MAX, &self.plan, spreads);
        self.sweep_early(0);
    }

    fn sweep_early(&mut self, until_us: u64) {
        let made_up = self.early.sweep(until_us, |client| self.members.heard_until(client));
        for (id, heard) in made_up {
            self.count_foreign(id, &heard);
        }
    }

    fn settle_until(
        &mut self,
        until_us: u64,
        ended: bool,
        spreads: &mut Histograms,
        recoveries: &mut Recoveries,
    ) {
        let mut skips = Skips::default();
        while let Some((id, open)) = self.messages.pop(until_us) {
            self.windows.advance(open.sent_us);
            self.settle(id, &open, ended, &mut skips, recoveries);
            self.spread(id, &open, spreads);
            self.horizon_us = self.horizon_us.max(open.sent_us);
        }
    }

    /// Says what became of a message for each member.
    fn settle(
        &mut self,
        id: MessageId,
        open: &Open,
        ended: bool,
        skips: &mut Skips,
        recoveries: &mut Recoveries,
    ) {
        let Self { plan, members, messages, windows, tally, .. } = self;
        let phase = plan.phase_at(open.due_us);
        let case = Case::new(plan, members, messages, (id, open), windows.common());
        let acked = open.answer == Some(Answer::Acked);
        let mut missed = Missed::of(open);
        for (slot, client) in (0_u32..).zip(plan.rooms()[id.room as usize].members.iter().copied())
        {
            if !members.follows(client) {
                continue;
            }
            let cohort = plan.cohort_of(client);
            let until_us = ended.then(|| members.heard_until(client));
            let (fate, failure) = case.fate((slot, client), windows.of(cohort), until_us, skips);
            let account = Account { client, cohort, phase };
            tally.enter(account, Entry::Message { fate, acked }, |kind| {
                open.finding(kind, (slot, client), id, failure)
            });
            if matches!(fate, Fate::Lost | Fate::Unfinished | Fate::MissedAway) {
                missed.note(slot, fate, plan.relay(client).away);
            }
            if matches!(fate, Fate::Lost | Fate::MissedAway) {
                recoveries.blame(client, open.sent_us, failure, fate == Fate::Lost);
            }
        }
        self.missed.remember(id, missed);
    }

    /// Files how long it took from the first who heard a message to the last.
    fn spread(&mut self, id: MessageId, open: &Open, spreads: &mut Histograms) {
        let Some(Reach { recipients, first_us, last_us }) = open.reach() else { return };
        let phase = self.plan.phase_at(open.due_us);
        let cohort = self.plan.cohort_of(id.publisher) as u16;
        let key = HistKey { metric: Metric::Spread, cohort, phase: phase as u16 };
        spreads.record(key, last_us - first_us);
        if self.plan.phases[phase].measured {
            self.by_size.record(recipients, open.sent_us, first_us, last_us);
        }
    }

    pub(super) fn open_messages(&self) -> usize {
        self.messages.len()
    }

    /// The sum over the cohorts and phases that are wanted.
    pub(super) fn sum(&self, wanted: impl Fn(usize, usize) -> bool) -> Settled {
        self.tally.sum(wanted)
    }

    /// What was unusual, as far as it is kept.
    pub(super) fn findings(&self) -> &Findings {
        self.tally.findings()
    }

    pub(super) fn by_size(&self) -> &SpreadBySize {
        &self.by_size
    }

    pub(super) fn followed(&self) -> usize {
        self.members.followed()
    }
}

#[cfg(test)]
pub(super) mod tests;
