//! Settles messages: gathers what all workers saw of each and says what became of it.
//!
//! A message stays open for 30 s after it was sent, or until the drain ends; then the rule in
//! `fate` is applied once for each member of its room. Memory is the publish rate times 30 s
//! times one entry, flat in the run's length.

mod early;
mod hearing;
mod queue;
mod waiting;

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use self::early::Early;
use self::queue::Queue;
use self::waiting::Waiting;
use super::counts::counters;
use super::events::Events;
use super::fate::{Evidence, Fate, Stay, fate};
use super::findings::{Finding, FindingKind, Findings};
use super::hist::{HistKey, Histograms};
use super::ledger::{Answer, LedgerPart, MemberChange, MemberEvent};
use super::message::MessageId;
use super::recovery::{Failure, Recoveries};
use super::slots::Slots;
use super::spread::SpreadBySize;
use super::window::{Window, Windows};
use crate::metric::Metric;
use crate::plan::{LEDGER_KEPT_US, Plan};
use crate::protocol::Away;

counters! {
    /// What settling found, by the receiver's cohort and the phase the message was due in.
    pub struct Settled {
        /// Delivered plus lost.
        expected,
        /// Expected, and it arrived.
        delivered,
        /// Expected, and it never arrived.
        lost,
        /// Those of them that the server had acknowledged.
        acked_lost,
        /// Whether it was to be expected can't be known: near a failure.
        uncertain,
        /// Sent while the receiver was joining; or it arrived, and was sent shortly before that.
        joining,
        /// It may still have been on its way when our own plan ended its receiver's stay.
        cut_off,
        /// It may still have been on its way when the run stopped listening.
        unfinished,
        /// Sent while the receiver was away, and it didn't arrive.
        missed_away,
        /// Sent while the receiver was away or before it joined, and it arrived on its return.
        replayed,
        /// Arrivals at members whom the message was not for.
        unexpected,
        /// Copies that only settling could tell from first arrivals.
        duplicated,
        /// Arrivals after the message was settled; each that was lost became delivered.
        late,
        /// Arrivals with this run's stamp of messages that nobody sent.
        foreign,
    }
}

/// A message that is not settled yet.
#[derive(Debug)]
struct Open {
    due_us: u64,
    sent_us: u64,
    slots: Slots,
    /// How many of them heard it on their return only.
    replays: u32,
    /// What the server said of it.
    answer: Option<Answer>,
    /// First and last arrival, replays left out; `None` until somebody heard it.
    heard_us: Option<(u64, u64)>,
}

impl Missed {
    fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.unfinished.is_empty() && self.away.is_empty()
    }
}

impl Open {
    fn finding(
        &self,
        kind: FindingKind,
        receiver: u32,
        id: MessageId,
        slot: u32,
        failure: Option<Failure>,
    ) -> Finding {
        Finding {
            kind,
            receiver,
            message: Some(id),
            due_us: Some(self.due_us),
            sent_us: Some(self.sent_us),
            arrived: self.slots.contains(slot),
            received_us: None,
            failure,
        }
    }
}

/// By which way something was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Live,
    /// On the receiver's return.
    Replay,
}

/// A settled message that some expected and never heard, or may still hear on their return.
#[derive(Debug, Default)]
struct Missed {
    due_us: u64,
    sent_us: u64,
    /// To whom it is lost.
    lost: Slots,
    /// To whom it may still have been on its way at the end.
    unfinished: Slots,
    /// Who missed it while away, and has a protocol that replays.
    away: Slots,
    answer: Option<Answer>,
}

/// Lost messages remembered in case they come late, are replayed or answered: some 15 MB, and in
/// rooms of over 64 a bit more for each member.
const MISSED_MAX: usize = 100_000;

/// Which later message of an author and room a member heard next, as far as one go of settling has
/// looked: from which number on it has to look again, and whether one was heard before that.
type Skips = FxHashMap<(u32, u32, u32), (u32, bool)>;

/// More are looked for again, which takes longer and no memory.
const SKIPS_MAX: usize = 1_000_000;

#[derive(Debug)]
pub(super) struct Settler {
    plan: Arc<Plan>,
    /// By room and slot.
    stays: Vec<Vec<Vec<Stay>>>,
    /// By client; whether the ledger follows it.
    followed: Vec<bool>,
    open: FxHashMap<MessageId, Open>,
    /// Open messages, the one sent first comes first.
    queue: Queue,
    /// Heard of before the publisher's worker told of them.
    early: Early,
    missed: FxHashMap<MessageId, Missed>,
    /// The same, the oldest first.
    missed_queue: VecDeque<MessageId>,
    failures: FxHashMap<u32, Vec<u64>>,
    /// Everything sent up to here is settled.
    horizon_us: u64,
    /// By worker, which has every n-th client: up to when it has told everything.
    told_us: Vec<u64>,
    windows: Windows,
    waiting: Waiting,
    /// By cohort times phases plus phase.
    settled: Vec<Settled>,
    /// Of messages due in phases that are measured.
    by_size: SpreadBySize,
    /// Of feeds.
    events: Events,
    pub(super) findings: Findings,
}

impl Settler {
    pub(super) fn new(plan: Arc<Plan>, workers: usize) -> Self {
        let stays = plan.rooms().iter().map(|room| vec![Vec::new(); room.members.len()]).collect();
        Self {
            stays,
            followed: (0..plan.client_count()).map(|client| plan.is_followed(client)).collect(),
            open: FxHashMap::default(),
            queue: Queue::default(),
            early: Early::default(),
            missed: FxHashMap::default(),
            missed_queue: VecDeque::new(),
            failures: FxHashMap::default(),
            horizon_us: 0,
            told_us: vec![0; workers.max(1)],
            windows: Windows::new(&plan),
            waiting: Waiting::new(),
            settled: vec![
                Settled::default();
                plan.scenario.cohorts.len() * plan.scenario.phases.len()
            ],
            by_size: SpreadBySize::default(),
            events: Events::default(),
            findings: Findings::default(),
            plan,
        }
    }

    /// Notes that a worker has told everything up to an instant.
    pub(super) fn told(&mut self, worker: u16, at_us: u64) {
        if let Some(told_us) = self.told_us.get_mut(usize::from(worker)) {
            *told_us = (*told_us).max(at_us);
        }
    }

    /// Until when it is known what a client heard, or sent.
    fn heard_until(&self, client: u32) -> u64 {
        self.told_us[client as usize % self.told_us.len()]
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
        let sent = part.published.iter().map(|message| (message.sent_us, message.message));
        self.queue.push(sent.collect());
        self.open.reserve(part.published.len());
        for message in part.published {
            let id = message.message;
            let open = Open {
                due_us: message.due_us,
                sent_us: message.sent_us,
                slots: Slots::default(),
                replays: 0,
                answer: None,
                heard_us: None,
            };
            self.open.insert(id, open);
            for (heard, way) in self.early.take(id) {
                self.hear(id, heard, way);
            }
        }
        for (id, answer) in part.answers {
            self.answer(id, answer);
        }
        // Before what was heard: one that its receiver had by then is a copy.
        for doubtful in part.took.doubtful() {
            let open = self.open.get(&doubtful.message);
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

    /// What the server said of a message. Its author's worker told of it before, so it is open,
    /// or settled; one that nobody missed, or that is forgotten, has nothing to change.
    fn answer(&mut self, id: MessageId, answer: Answer) {
        if let Some(open) = self.open.get_mut(&id) {
            open.answer.get_or_insert(answer);
            return;
        }
        let Some(missed) = self.missed.get_mut(&id).filter(|missed| missed.answer.is_none()) else {
            return;
        };
        missed.answer = Some(answer);
        let (lost, away) = match answer {
            Answer::Acked => (missed.lost.clone(), Slots::default()),
            Answer::Rejected => {
                (std::mem::take(&mut missed.lost), std::mem::take(&mut missed.away))
            }
        };
        let unfinished = match answer {
            Answer::Acked => Slots::default(),
            Answer::Rejected => std::mem::take(&mut missed.unfinished),
        };
        let (due_us, sent_us) = (missed.due_us, missed.sent_us);
        let plan = Arc::clone(&self.plan);
        let phase = plan.phase_at(due_us);
        for (slot, client) in (0_u32..).zip(&plan.rooms()[id.room as usize].members) {
            let settled = self.settled_mut(*client, phase);
            if lost.contains(slot) && answer == Answer::Acked {
                settled.acked_lost += 1;
                let lost = Finding {
                    kind: FindingKind::AckedLost,
                    receiver: *client,
                    message: Some(id),
                    due_us: Some(due_us),
                    sent_us: Some(sent_us),
                    arrived: false,
                    received_us: None,
                    failure: None,
                };
                self.findings.note(lost);
            } else if lost.contains(slot) {
                settled.expected -= 1;
                settled.lost -= 1;
                self.findings.retract(FindingKind::Lost, *client, id);
            } else if unfinished.contains(slot) {
                settled.unfinished -= 1;
                self.findings.retract(FindingKind::Unfinished, *client, id);
            } else if away.contains(slot) {
                settled.missed_away -= 1;
                self.findings.retract(FindingKind::MissedAway, *client, id);
            }
        }
    }

    pub(super) fn take_member(&mut self, event: MemberEvent) {
        let at_us = event.at_us;
        let of_room = |room| move |membership: &&crate::plan::Membership| membership.room == room;
        let plan = Arc::clone(&self.plan);
        let mine = plan.memberships(event.client);
        match event.change {
            MemberChange::JoinWritten { room } => {
                let horizon_us = self.horizon_us;
                if let Some(stays) =
                    mine.iter().find(of_room(room)).and_then(|at| self.stays_at(*at))
                {
                    // A stay also tells of the time after it, until the next one begins.
                    let next = stays.iter().rposition(|stay| stay.join_written_us <= horizon_us);
                    stays.drain(..next.unwrap_or(0));
                    // Most have one, and a vector's first push makes room for four.
                    stays.reserve_exact(1);
                    stays.push(Stay::begin_after(at_us, stays.last()));
                }
            }
            MemberChange::Joined { room } => {
                self.waiting.note_news();
                self.last_stay(mine, room, |stay| stay.joined_us = Some(at_us));
            }
            MemberChange::LeaveWritten { room } => {
                self.last_stay(mine, room, |stay| stay.leave_written_us = Some(at_us));
            }
            MemberChange::Left { room } => {
                self.last_stay(mine, room, |stay| stay.left_us = Some(at_us));
            }
            MemberChange::Failed { fault } => {
                for membership in mine {
                    self.last_stay(mine, membership.room, |stay| {
                        if stay.left_us.is_none() && stay.failed_us.is_none() {
                            stay.failed_us = Some(at_us);
                            stay.fault = fault;
                        }
                    });
                }
                let horizon_us = self.horizon_us;
                let failures = self.failures.entry(event.client).or_default();
                failures.retain(|failed_us| *failed_us >= horizon_us);
                failures.push(at_us);
            }
            MemberChange::Gone => {
                for membership in mine {
                    self.last_stay(mine, membership.room, |stay| stay.gone_us = Some(at_us));
                }
            }
        }
    }

    fn stays_at(&mut self, at: crate::plan::Membership) -> Option<&mut Vec<Stay>> {
        self.stays.get_mut(at.room as usize)?.get_mut(at.slot as usize)
    }

    fn last_stay(
        &mut self,
        mine: &[crate::plan::Membership],
        room: u32,
        change: impl FnOnce(&mut Stay),
    ) {
        let at = mine.iter().find(|membership| membership.room == room);
        if let Some(stay) = at.and_then(|at| self.stays_at(*at)).and_then(|stays| stays.last_mut())
        {
            change(stay);
        }
    }

    fn settled_mut(&mut self, client: u32, phase: usize) -> &mut Settled {
        let phases = self.plan.scenario.phases.len();
        &mut self.settled[self.plan.cohort_of(client) * phases + phase]
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
        let Self { early, told_us, .. } = self;
        let told_until_us = |client: u32| told_us[client as usize % told_us.len()];
        for (id, heard) in early.sweep(until_us, told_until_us) {
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
        while let Some((sent_us, id)) = self.queue.pop(until_us) {
            self.windows.advance(sent_us);
            self.settle(id, ended, &mut skips, spreads, recoveries);
            self.horizon_us = self.horizon_us.max(sent_us);
        }
    }

    fn settle(
        &mut self,
        id: MessageId,
        ended: bool,
        skips: &mut Skips,
        spreads: &mut Histograms,
        recoveries: &mut Recoveries,
    ) {
        let Some(open) = self.open.remove(&id) else { return };
        let open = &open;
        let phase = self.plan.phase_at(open.due_us);
        let plan = Arc::clone(&self.plan);
        let died = self.died_with_publisher(id, open, self.windows.common());
        let phases = plan.scenario.phases.len();
        let (due_us, sent_us, answer) = (open.due_us, open.sent_us, open.answer);
        let mut missed = Missed { due_us, sent_us, answer, ..Missed::default() };
        for (slot, client) in (0_u32..).zip(&plan.rooms()[id.room as usize].members) {
            if !self.followed[*client as usize] {
                continue;
            }
            let cohort = plan.cohort_of(*client);
            let window = self.windows.of(cohort);
            let until_us = ended.then(|| self.heard_until(*client));
            let (fate, failure) =
                self.fate_of(id, open, (slot, *client), died, window, until_us, skips);
            let settled = &mut self.settled[cohort * phases + phase];
            match fate {
                Fate::Delivered => {
                    settled.expected += 1;
                    settled.delivered += 1;
                }
                Fate::Lost => {
                    settled.expected += 1;
                    settled.lost += 1;
                    settled.acked_lost += u64::from(answer == Some(Answer::Acked));
                    missed.lost.insert(slot);
                    recoveries.blame(*client, open.sent_us, failure, true);
                }
                Fate::Uncertain => settled.uncertain += 1,
                Fate::Joining => settled.joining += 1,
                Fate::CutOff => settled.cut_off += 1,
                Fate::Unfinished => {
                    settled.unfinished += 1;
                    missed.unfinished.insert(slot);
                }
                Fate::MissedAway => {
                    settled.missed_away += 1;
                    if plan.relay(*client).away == Away::Replayed {
                        missed.away.insert(slot);
                    }
                    recoveries.blame(*client, open.sent_us, failure, false);
                }
                Fate::Replayed => settled.replayed += 1,
                Fate::Unexpected => settled.unexpected += 1,
                Fate::NotMember | Fate::Refused => {}
            }
            if fate == Fate::Lost && answer == Some(Answer::Acked) {
                let kind = FindingKind::AckedLost;
                self.findings.note(open.finding(kind, *client, id, slot, failure));
            }
            if let Some(kind) = fate.unusual() {
                self.findings.note(open.finding(kind, *client, id, slot, failure));
            }
        }
        let heard_live = open.slots.count() - u64::from(open.replays);
        if let Some((first_us, last_us)) = open.heard_us
            && heard_live > 1
        {
            let cohort = plan.cohort_of(id.publisher) as u16;
            let key = HistKey { metric: Metric::Spread, cohort, phase: phase as u16 };
            spreads.record(key, last_us - first_us);
            if plan.phases[phase].measured {
                self.by_size.record(heard_live, open.sent_us, first_us, last_us);
            }
        }
        if !missed.is_empty() {
            self.remember_missed(id, missed);
        }
    }

    fn died_with_publisher(&self, id: MessageId, open: &Open, window: Window) -> bool {
        let until_us = open.sent_us + window.on_its_way_us;
        let soon = |failed_us: &u64| (open.sent_us..=until_us).contains(failed_us);
        open.slots.is_empty()
            && open.answer != Some(Answer::Acked)
            && self.failures.get(&id.publisher).is_some_and(|all| all.iter().any(soon))
    }

    #[expect(clippy::too_many_arguments, reason = "what the rule needs to know")]
    fn fate_of(
        &self,
        id: MessageId,
        open: &Open,
        (slot, client): (u32, u32),
        died_with_publisher: bool,
        window: Window,
        until_us: Option<u64>,
        skips: &mut Skips,
    ) -> (Fate, Option<Failure>) {
        let evidence = Evidence {
            sent_us: open.sent_us,
            heard: open.slots.contains(slot),
            died_with_publisher,
            rejected: open.answer == Some(Answer::Rejected),
            addressed: self.plan.hears(id.publisher, client),
            away: self.plan.relay(client).away,
            window,
            until_us,
        };
        let stays = &self.stays[id.room as usize][slot as usize];
        fate(stays, evidence, |stay| self.later_heard(id, slot, stay, skips))
    }

    /// Whether the member in `slot` heard a later message that was sent within `stay`. Later
    /// messages are still open: they were sent at most W later, and this one is the oldest.
    fn later_heard(&self, id: MessageId, slot: u32, stay: &Stay, skips: &mut Skips) -> bool {
        let key = (id.room, id.publisher, slot);
        if let Some((seq, heard)) = skips.get(&key)
            && id.seq < *seq
        {
            return *heard;
        }
        let end_us = stay.ended_us();
        let mut later = id;
        let heard = loop {
            later.seq = later.seq.wrapping_add(1);
            let Some(open) = self.open.get(&later) else { break false };
            if end_us.is_some_and(|end_us| open.sent_us > end_us) {
                break false;
            }
            if open.slots.contains(slot) {
                break true;
            }
        };
        if skips.len() < SKIPS_MAX {
            skips.insert(key, (later.seq, heard));
        }
        heard
    }

    pub(super) fn open_messages(&self) -> usize {
        self.open.len()
    }

    /// The sum over the cohorts and phases that are wanted.
    pub(super) fn sum(&self, wanted: impl Fn(usize, usize) -> bool) -> Settled {
        let phases = self.plan.scenario.phases.len();
        let mut sum = Settled::default();
        for (at, settled) in self.settled.iter().enumerate() {
            if wanted(at / phases, at % phases) {
                sum.merge(settled);
            }
        }
        sum
    }

    pub(super) fn by_size(&self) -> &SpreadBySize {
        &self.by_size
    }

    pub(super) fn followed(&self) -> usize {
        self.followed.iter().filter(|followed| **followed).count()
    }
}

#[cfg(test)]
pub(super) mod tests;
