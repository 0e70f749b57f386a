//! Takes in who heard a message, also after it was settled.

use super::tally::Entry;
use super::{Settler, Way};
use crate::measure::fate::Fate;
use crate::measure::findings::Finding;
use crate::measure::ledger::Heard;
use crate::measure::message::MessageId;
use crate::measure::slots::Slots;

impl Settler {
    pub(super) fn hear(&mut self, id: MessageId, heard: Heard, way: Way) {
        if let Some(open) = self.messages.get_mut(id) {
            let again = open.hear(&heard, way);
            if !again.is_empty() {
                let due_us = open.due_us;
                self.count_copies(id, due_us, &again, &heard);
            }
        } else if heard.sent_us > heard.first_us || self.nobody_sent(id, &heard) {
            self.count_foreign(id, &heard);
        } else if heard.sent_us <= self.horizon_us {
            self.hear_late(id, &heard, way);
        } else if let Some(heard) = self.early.keep(id, heard, way) {
            self.count_foreign(id, &heard);
        }
    }

    /// Whether the stamp of a message that is not open is made up: its author's worker has told of
    /// everything that was sent by then, and it is too new to be settled.
    fn nobody_sent(&self, id: MessageId, heard: &Heard) -> bool {
        heard.sent_us > self.horizon_us && heard.sent_us < self.members.heard_until(id.publisher)
    }

    pub(super) fn count_foreign(&mut self, id: MessageId, heard: &Heard) {
        let phase = self.plan.phase_at(heard.first_us);
        for slot in heard.slots.iter() {
            let Some(account) = self.account(id.room, slot, phase) else { continue };
            self.tally.enter(account, Entry::Foreign, |kind| {
                let foreign = heard.finding(kind, account.client, id, None);
                Finding { message: None, sent_us: None, ..foreign }
            });
        }
    }

    fn count_copies(&mut self, id: MessageId, due_us: u64, again: &Slots, heard: &Heard) {
        let phase = self.plan.phase_at(due_us);
        for slot in again.iter() {
            let Some(account) = self.account(id.room, slot, phase) else { continue };
            self.tally.enter(account, Entry::Copy, |kind| {
                heard.finding(kind, account.client, id, Some(due_us))
            });
        }
    }

    /// An arrival after settling: what was lost or unfinished becomes delivered, and what was missed
    /// while away becomes replayed. A copy of something that came in time makes nothing else found.
    fn hear_late(&mut self, id: MessageId, heard: &Heard, way: Way) {
        let due_us = self.missed.get_mut(id).map(|missed| missed.due_us);
        let phase = self.plan.phase_at(due_us.unwrap_or(heard.sent_us));
        for slot in heard.slots.iter() {
            let Some(account) = self.account(id.room, slot, phase) else { continue };
            if !self.members.follows(account.client) {
                continue;
            }
            let finding = |kind| heard.finding(kind, account.client, id, due_us);
            let missed = self.missed.get_mut(id).and_then(|missed| missed.take(slot));
            if let Some(was) = missed {
                self.tally.amend(account, id, (was, was.heard_late()), finding);
                continue;
            }
            let of = |fate| Entry::Message { fate, acked: false };
            let entry = if !self.plan.hears(id.publisher, account.client) {
                of(Fate::Unexpected)
            } else if due_us.is_none() && way == Way::Replay {
                // A message nobody missed is not remembered: what is heard of it on a return was sent
                // while its receiver was away on purpose.
                of(Fate::Replayed)
            } else {
                Entry::Late
            };
            self.tally.enter(account, entry, finding);
        }
    }
}
