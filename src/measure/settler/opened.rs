//! Messages that are not settled yet: who heard each so far, and which was sent first.

use rustc_hash::FxHashMap;

use super::Way;
use super::queue::Queue;
use crate::measure::findings::{Finding, FindingKind};
use crate::measure::ledger::{Answer, Heard, Published};
use crate::measure::message::MessageId;
use crate::measure::recovery::Failure;
use crate::measure::slots::Slots;
use crate::stamp::seq;

/// A message that is not settled yet.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) due_us: u64,
    pub(super) sent_us: u64,
    /// Who heard it.
    pub(super) slots: Slots,
    /// How many of them heard it on their return only.
    replays: u32,
    /// What the server said of it.
    pub(super) answer: Option<Answer>,
    /// First and last arrival, replays left out; `None` until somebody heard it.
    heard_us: Option<(u64, u64)>,
}

/// Who heard a message live, and from when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) recipients: u64,
    pub(super) first_us: u64,
    pub(super) last_us: u64,
}

impl Open {
    fn new(published: &Published) -> Self {
        Self {
            due_us: published.due_us,
            sent_us: published.sent_us,
            slots: Slots::default(),
            replays: 0,
            answer: None,
            heard_us: None,
        }
    }

    /// Takes in who heard it; gives those who had heard it before.
    pub(super) fn hear(&mut self, heard: &Heard, way: Way) -> Slots {
        let again = self.slots.common(&heard.slots);
        self.slots.merge(&heard.slots);
        let new = heard.slots.count() - again.count();
        if way == Way::Replay {
            self.replays += new as u32;
        } else if new > 0 {
            let (first_us, last_us) = self.heard_us.unwrap_or((u64::MAX, 0));
            self.heard_us = Some((first_us.min(heard.first_us), last_us.max(heard.last_us)));
        }
        again
    }

    /// Something unusual about it for the member in `slot`, which only settling shows.
    pub(super) fn finding(
        &self,
        kind: FindingKind,
        (slot, receiver): (u32, u32),
        id: MessageId,
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

    /// Whom it reached; `None` where fewer than two heard it live: there is no last one besides the
    /// first.
    pub(super) fn reach(&self) -> Option<Reach> {
        let (first_us, last_us) = self.heard_us?;
        let recipients = self.slots.count() - u64::from(self.replays);
        (recipients > 1).then_some(Reach { recipients, first_us, last_us })
    }
}

/// Which later message of an author and room a member heard next, as far as one go of settling has
/// looked: from which number on it has to look again, and whether one was heard before that.
#[derive(Debug, Default)]
pub(super) struct Skips(FxHashMap<(u32, u32, u32), (u32, bool)>);

/// More are looked for again, which takes longer and no memory.
const SKIPS_MAX: usize = 1_000_000;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct OpenMessages {
    by_id: FxHashMap<MessageId, Open>,
    /// The one sent first comes first.
    queue: Queue,
}

impl OpenMessages {
    /// Takes in what a worker's clients published since its last part.
    pub(super) fn publish(&mut self, published: &[Published]) {
        self.queue.push(published.iter().map(|of| (of.sent_us, of.message)).collect());
        self.by_id.reserve(published.len());
        self.by_id.extend(published.iter().map(|of| (of.message, Open::new(of))));
    }

    /// Takes out the message that was sent first, if that was by `until_us`.
    pub(super) fn pop(&mut self, until_us: u64) -> Option<(MessageId, Open)> {
        loop {
            let (_, id) = self.queue.pop(until_us)?;
            if let Some(open) = self.by_id.remove(&id) {
                return Some((id, open));
            }
        }
    }

    pub(super) fn get(&self, id: MessageId) -> Option<&Open> {
        self.by_id.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: MessageId) -> Option<&mut Open> {
        self.by_id.get_mut(&id)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = MessageId> {
        self.by_id.keys().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether the member in `slot` heard a later message of the same author and room that was sent by
    /// `until_us`. Later messages are still open: they were sent at most W later, and the one that is
    /// asked for is the oldest.
    pub(super) fn later_heard(
        &self,
        id: MessageId,
        slot: u32,
        until_us: Option<u64>,
        skips: &mut Skips,
    ) -> bool {
        let key = (id.room, id.publisher, slot);
        if let Some((before, heard)) = skips.0.get(&key)
            && seq::is_before(id.seq, *before)
        {
            return *heard;
        }
        let mut later = id;
        let heard = loop {
            later.seq = seq::next(later.seq);
            let Some(open) = self.by_id.get(&later) else { break false };
            if until_us.is_some_and(|until_us| open.sent_us > until_us) {
                break false;
            }
            if open.slots.contains(slot) {
                break true;
            }
        };
        if skips.0.len() < SKIPS_MAX {
            skips.0.insert(key, (later.seq, heard));
        }
        heard
    }

    #[cfg(test)]
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }
}

#[cfg(test)]
mod tests;
