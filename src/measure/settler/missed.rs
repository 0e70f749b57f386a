//! Settled messages that some expected and never heard, or may still hear on their return: what is
//! said or heard of them afterwards changes their fate once more.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::opened::Open;
use super::tally::Entry;
use crate::measure::fate::Fate;
use crate::measure::ledger::Answer;
use crate::measure::message::MessageId;
use crate::measure::slots::Slots;
use crate::protocol::Away;

/// Messages remembered in case they come late, are replayed or answered: some 15 MB, and in rooms of
/// over 64 a bit more for each member.
pub(super) const MISSED_MAX: usize = 100_000;

/// A settled message with those who missed it.
#[derive(Debug)]
pub(super) struct Missed {
    pub(super) due_us: u64,
    pub(super) sent_us: u64,
    /// To whom it is lost.
    lost: Slots,
    /// To whom it may still have been on its way at the end.
    unfinished: Slots,
    /// Who missed it while away, and has a protocol that replays.
    away: Slots,
    answer: Option<Answer>,
}

impl Missed {
    /// Of a message that is being settled; nobody has missed it yet.
    pub(super) fn of(open: &Open) -> Self {
        Self {
            due_us: open.due_us,
            sent_us: open.sent_us,
            lost: Slots::default(),
            unfinished: Slots::default(),
            away: Slots::default(),
            answer: open.answer,
        }
    }

    /// Remembers what it came to for a member, if that may change. `away` is what the member's protocol
    /// does with what is sent while it is away.
    pub(super) fn note(&mut self, slot: u32, fate: Fate, away: Away) {
        match fate {
            Fate::Lost => self.lost.insert(slot),
            Fate::Unfinished => self.unfinished.insert(slot),
            Fate::MissedAway if away == Away::Replayed => self.away.insert(slot),
            _ => false,
        };
    }

    fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.unfinished.is_empty() && self.away.is_empty()
    }

    fn entry(&self, fate: Fate) -> Entry {
        Entry::Message { fate, acked: self.answer == Some(Answer::Acked) }
    }

    /// Takes a member out that hears it now: what it counted as until then.
    pub(super) fn take(&mut self, slot: u32) -> Option<Entry> {
        let fate = if self.lost.remove(slot) {
            Fate::Lost
        } else if self.unfinished.remove(slot) {
            Fate::Unfinished
        } else if self.away.remove(slot) {
            Fate::MissedAway
        } else {
            return None;
        };
        Some(self.entry(fate))
    }

    /// Takes in what the server said of it, unless it said so before: for everyone who missed it, by
    /// slot, what it counted as and counts as now.
    pub(super) fn answer(&mut self, answer: Answer) -> Vec<(u32, Entry, Entry)> {
        if self.answer.is_some() {
            return Vec::new();
        }
        let changes = self.entries().map(|(slot, was)| (slot, was, was.answered(answer))).collect();
        self.answer = Some(answer);
        // Of what was refused nobody misses anything any more.
        if answer == Answer::Rejected {
            self.lost = Slots::default();
            self.unfinished = Slots::default();
            self.away = Slots::default();
        }
        changes
    }

    /// Everyone who missed it, by slot, and what it counts as for them.
    fn entries(&self) -> impl Iterator<Item = (u32, Entry)> {
        let of = |slot, fate| (slot, self.entry(fate));
        let lost = self.lost.iter().map(move |slot| of(slot, Fate::Lost));
        let unfinished = self.unfinished.iter().map(move |slot| of(slot, Fate::Unfinished));
        let away = self.away.iter().map(move |slot| of(slot, Fate::MissedAway));
        lost.chain(unfinished).chain(away)
    }
}

/// The newest of them.
#[derive(Debug, Default)]
pub(super) struct MissedMessages {
    by_id: FxHashMap<MessageId, Missed>,
    /// The same, the oldest first.
    queue: VecDeque<MessageId>,
}

impl MissedMessages {
    /// Remembers a message that was settled, if anybody missed it.
    pub(super) fn remember(&mut self, id: MessageId, missed: Missed) {
        if missed.is_empty() {
            return;
        }
        if self.queue.len() >= MISSED_MAX
            && let Some(oldest) = self.queue.pop_front()
        {
            self.by_id.remove(&oldest);
        }
        self.queue.push_back(id);
        self.by_id.insert(id, missed);
    }

    pub(super) fn get_mut(&mut self, id: MessageId) -> Option<&mut Missed> {
        self.by_id.get_mut(&id)
    }
}

#[cfg(test)]
mod tests;
