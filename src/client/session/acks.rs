//! Which of a connection's messages the server has confirmed.

use std::collections::VecDeque;

use super::Session;
use crate::measure::MessageId;

/// Past this many the oldest is waited for no longer, and stays unacknowledged.
const WAITING_MAX: usize = 10_000;
/// Probes whose acknowledgement is waited for: one is said every 200 ms.
const PROBES_MAX: usize = 64;

/// A message whose acknowledgement has not come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unacked {
    pub(super) id: u64,
    pub(super) message: MessageId,
    pub(super) due_us: u64,
    pub(super) sent_us: u64,
}

/// A connection's messages that wait for their acknowledgement, in the order of their ids, which
/// count up.
#[derive(Debug, Default)]
pub(super) struct Acks {
    waiting: VecDeque<Unacked>,
    /// Ids of what belongs to nobody's figures: probes.
    probes: VecDeque<u64>,
}

impl Acks {
    pub(super) fn sent(&mut self, message: Unacked) {
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(message);
    }

    pub(super) fn probed(&mut self, id: u64) {
        if self.probes.len() >= PROBES_MAX {
            self.probes.pop_front();
        }
        self.probes.push_back(id);
    }

    /// Takes the message of an id out; `None` if it waits no more, or never did.
    fn take(&mut self, id: u64) -> Option<Unacked> {
        let at = self.waiting.binary_search_by_key(&id, |message| message.id).ok()?;
        self.waiting.remove(at)
    }
}

impl Session {
    pub(super) fn acknowledged(&mut self, id: u64, now_us: u64) {
        let Some(message) = self.awaited(id) else { return };
        let Unacked { message, due_us, sent_us, .. } = message;
        let cohort = self.client.cohort;
        self.ctx.recorder.borrow_mut().acked(cohort, message, due_us, sent_us, now_us);
        // A closed loop goes on with the own copy, or with this where none comes.
        if !self.ctx.plan.hears(self.client.id, self.client.id) {
            self.answered(message, now_us);
        }
    }

    /// The message of an id; an answer to none is counted.
    fn awaited(&mut self, id: u64) -> Option<Unacked> {
        let message = self.unacked.take(id);
        if message.is_none() && !self.unacked.probes.contains(&id) {
            self.ctx.recorder.borrow_mut().counts(self.client.cohort).acks_unknown += 1;
        }
        message
    }

    pub(super) fn rejected(&mut self, id: u64, now_us: u64) {
        let Some(Unacked { message, .. }) = self.awaited(id) else { return };
        self.ctx.recorder.borrow_mut().rejected(self.client.cohort, message);
        // It never comes back.
        self.answered(message, now_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: u64) -> Unacked {
        let message = MessageId { room: 0, publisher: 0, seq: id as u32 };
        Unacked { id, message, due_us: 0, sent_us: 0 }
    }

    #[test]
    fn acknowledgements_may_come_in_any_order_and_once() {
        let mut acks = Acks::default();
        for id in [1, 2, 5, 9] {
            acks.sent(message(id));
        }
        let mut take = |id| acks.take(id).map(|message| message.id);
        assert_eq!(
            [take(5), take(1), take(5), take(3), take(9)],
            [Some(5), Some(1), None, None, Some(9)]
        );
        assert_eq!(acks.waiting.len(), 1);
    }

    #[test]
    fn few_probes_are_remembered() {
        let mut acks = Acks::default();
        for id in 0..=PROBES_MAX as u64 {
            acks.probed(id);
        }
        assert!(!acks.probes.contains(&0) && acks.probes.contains(&1));
        assert_eq!(acks.probes.len(), PROBES_MAX);
    }

    #[test]
    fn the_oldest_is_forgotten_past_the_bound() {
        let mut acks = Acks::default();
        for id in 0..=WAITING_MAX as u64 {
            acks.sent(message(id));
        }
        assert!(acks.take(0).is_none());
        assert!(acks.take(1).is_some());
        assert_eq!(acks.waiting.len(), WAITING_MAX - 1);
    }
}
