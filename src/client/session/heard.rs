//! What one connection has heard of stamped messages: whether they are for its client to hear, new, and in
//! order.

use rustc_hash::FxHashMap;

use super::rooms::Room;
use crate::client::stays::Belongs;
use crate::measure::{Arrival, Finding, FindingKind, MessageId, Order, Recorder};
use crate::stamp::Stamp;

#[derive(Debug)]
pub(super) struct Heard {
    client: u32,
    cohort: usize,
    /// Whether the client's protocol tells it on its return what it missed.
    replays: bool,
    /// By room and publisher; of the client's rooms and the plan's clients alone.
    orders: FxHashMap<(u32, u32), Order>,
}

impl Heard {
    pub(super) fn new(client: u32, cohort: usize, replays: bool) -> Self {
        Self { client, cohort, replays, orders: FxHashMap::default() }
    }

    /// Records the arrival of one of this run's messages; true if it is heard for the first time by a
    /// member. `mine` is its room, where the client has it. What was sent from `missed_from_us` on until
    /// this connection joined, the client has missed.
    pub(super) fn take(
        &mut self,
        stamp: &Stamp,
        mine: Option<&Room>,
        missed_from_us: Option<u64>,
        recorder: &mut Recorder,
        now_us: u64,
    ) -> bool {
        let Stamp { publisher, room, seq, sent_us, .. } = *stamp;
        let cohort = self.cohort;
        let message = MessageId { room, publisher, seq };
        let Some(mine) = mine else {
            recorder.counts(cohort).unexpected += 1;
            self.note(recorder, FindingKind::Unexpected, stamp, now_us);
            return false;
        };
        match mine.stays.classify(sent_us, missed_from_us, recorder.window_us(cohort)) {
            Belongs::Member => {}
            Belongs::Replayed if self.replays => {
                let joined_us = mine.joined_us.unwrap_or(now_us);
                recorder.replayed(cohort, message, mine.slot, sent_us, joined_us, now_us);
                return false;
            }
            Belongs::Replayed => {
                recorder.counts(cohort).replayed += 1;
                self.note(recorder, FindingKind::Replayed, stamp, now_us);
                return false;
            }
            Belongs::Unexpected => {
                recorder.counts(cohort).unexpected += 1;
                self.note(recorder, FindingKind::Unexpected, stamp, now_us);
                return false;
            }
        }
        let arrival = self.orders.entry((room, publisher)).or_default().hear_seq(seq);
        if arrival == Arrival::Duplicate
            || !recorder.ledger.hear(message, mine.slot, sent_us, now_us)
        {
            recorder.counts(cohort).duplicated += 1;
            self.note(recorder, FindingKind::Duplicated, stamp, now_us);
            return false;
        }
        let overtaken = matches!(arrival, Arrival::Reordered | Arrival::TooOld);
        // What was sent before says how old it is, and not how long the server took.
        if mine.joined_us.is_some_and(|joined_us| sent_us >= joined_us) {
            if arrival == Arrival::TooOld {
                recorder.took_or_copy(cohort, message, mine.slot, sent_us, now_us);
            } else {
                recorder.took(cohort, sent_us, now_us, overtaken);
            }
        }
        if overtaken {
            recorder.counts(cohort).reordered += 1;
            self.note(recorder, FindingKind::Reordered, stamp, now_us);
        }
        true
    }

    fn note(&self, recorder: &mut Recorder, kind: FindingKind, stamp: &Stamp, now_us: u64) {
        recorder.findings.note(Finding::of_arrival(kind, self.client, Some(*stamp), now_us));
    }
}

#[cfg(test)]
mod tests;
