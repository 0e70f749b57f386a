//! Takes in who heard a message, also after it was settled.

use std::sync::Arc;

use super::{MISSED_MAX, Missed, Settler, Way};
use crate::measure::findings::{Finding, FindingKind};
use crate::measure::ledger::{Answer, Heard};
use crate::measure::message::MessageId;
use crate::measure::slots::Slots;

impl Settler {
    pub(super) fn hear(&mut self, id: MessageId, heard: Heard, way: Way) {
        if let Some(open) = self.open.get_mut(&id) {
            let again = open.slots.common(&heard.slots);
            open.slots.merge(&heard.slots);
            let new = heard.slots.count() - again.count();
            if way == Way::Replay {
                open.replays += new as u32;
            } else if new > 0 {
                let (first_us, last_us) = open.heard_us.unwrap_or((u64::MAX, 0));
                open.heard_us = Some((first_us.min(heard.first_us), last_us.max(heard.last_us)));
            }
            if !again.is_empty() {
                let due_us = open.due_us;
                self.count_duplicates(id, due_us, &again, &heard);
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
        heard.sent_us > self.horizon_us && heard.sent_us < self.heard_until(id.publisher)
    }

    pub(super) fn count_foreign(&mut self, id: MessageId, heard: &Heard) {
        let plan = Arc::clone(&self.plan);
        let phase = plan.phase_at(heard.first_us);
        let members = &plan.rooms()[id.room as usize].members;
        for client in heard.slots.iter().filter_map(|slot| members.get(slot as usize)) {
            self.settled_mut(*client, phase).foreign += 1;
            let foreign = heard.finding(FindingKind::Foreign, *client, id, None);
            self.findings.note(Finding { message: None, sent_us: None, ..foreign });
        }
    }

    fn count_duplicates(&mut self, id: MessageId, due_us: u64, again: &Slots, now: &Heard) {
        let plan = Arc::clone(&self.plan);
        let phase = plan.phase_at(due_us);
        let members = &plan.rooms()[id.room as usize].members;
        for client in again.iter().filter_map(|slot| members.get(slot as usize)) {
            self.settled_mut(*client, phase).duplicated += 1;
            self.findings.note(now.finding(FindingKind::Duplicated, *client, id, Some(due_us)));
        }
    }

    /// An arrival after settling: what was lost or unfinished becomes delivered, and what was missed while away
    /// becomes replayed. A copy of something that came in time makes nothing else found.
    fn hear_late(&mut self, id: MessageId, heard: &Heard, way: Way) {
        let plan = Arc::clone(&self.plan);
        let due_us = self.missed.get(&id).map(|missed| missed.due_us);
        let phase = plan.phase_at(due_us.unwrap_or(heard.sent_us));
        for (slot, client) in (0_u32..).zip(&plan.rooms()[id.room as usize].members) {
            if !heard.slots.contains(slot) || !self.followed[*client as usize] {
                continue;
            }
            let (mut lost, mut unfinished, mut away, mut acked) = (false, false, false, false);
            if let Some(missed) = self.missed.get_mut(&id) {
                unfinished = missed.unfinished.remove(slot);
                lost = missed.lost.remove(slot);
                away = missed.away.remove(slot);
                acked = missed.answer == Some(Answer::Acked);
            }
            // A message nobody missed is not remembered: what is heard of it on a return was sent
            // while its receiver was away on purpose.
            let replayed = away || (due_us.is_none() && way == Way::Replay);
            let addressed = plan.hears(id.publisher, *client);
            let settled = self.settled_mut(*client, phase);
            let kind = if !addressed {
                settled.unexpected += 1;
                FindingKind::Unexpected
            } else if replayed {
                settled.replayed += 1;
                FindingKind::Replayed
            } else {
                settled.late += 1;
                FindingKind::Late
            };
            if lost {
                settled.lost -= 1;
                settled.delivered += 1;
                settled.acked_lost -= u64::from(acked);
                self.findings.retract(FindingKind::Lost, *client, id);
                if acked {
                    self.findings.retract(FindingKind::AckedLost, *client, id);
                }
            } else if unfinished {
                settled.unfinished -= 1;
                settled.expected += 1;
                settled.delivered += 1;
                self.findings.retract(FindingKind::Unfinished, *client, id);
            } else if away {
                settled.missed_away -= 1;
                self.findings.retract(FindingKind::MissedAway, *client, id);
            }
            self.findings.note(heard.finding(kind, *client, id, due_us));
        }
    }

    pub(super) fn remember_missed(&mut self, id: MessageId, missed: Missed) {
        if self.missed_queue.len() >= MISSED_MAX
            && let Some(oldest) = self.missed_queue.pop_front()
        {
            self.missed.remove(&oldest);
        }
        self.missed_queue.push_back(id);
        self.missed.insert(id, missed);
    }
}
