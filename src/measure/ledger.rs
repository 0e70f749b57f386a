//! A worker's part of the ledger: what was published, who came and went, who heard what.
//!
//! Facts only, shipped each second. Which of them make a message lost is the settler's to say,
//! because a receiver's worker can't know what it never heard of.

use rustc_hash::{FxBuildHasher, FxHashMap};
use serde::{Deserialize, Serialize};

use super::events::EventsPart;
use super::findings::{Finding, FindingKind};
use super::message::MessageId;
use super::slots::Slots;
use super::window::TookPart;

/// A message that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Which message.
    pub message: MessageId,
    /// When it was due, since the run's start.
    pub due_us: u64,
    /// Stamped just before the write.
    pub sent_us: u64,
}

/// Something that changed what a client may expect to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberEvent {
    /// The plan's client number.
    pub client: u32,
    /// When, since the run's start.
    pub at_us: u64,
    /// What.
    pub change: MemberChange,
}

/// A membership's life. `room` is the plan's room number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemberChange {
    /// J0: the join is about to be written.
    JoinWritten {
        /// The room.
        room: u32,
    },
    /// J1: the join was confirmed.
    Joined {
        /// The room.
        room: u32,
    },
    /// L0: the leave is about to be written.
    LeaveWritten {
        /// The room.
        room: u32,
    },
    /// L1: the leave was confirmed.
    Left {
        /// The room.
        room: u32,
    },
    /// F: the connection failed, for all rooms at once.
    Failed {
        /// The planned fault that did it, as an index.
        fault: Option<u16>,
    },
    /// The client will not come back; what is sent from here on does not concern it.
    Gone,
}

/// What the server said of a message to its author.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// It has it.
    Acked,
    /// It refuses it.
    Rejected,
}

/// Who of one worker's clients heard a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Heard {
    pub(super) slots: Slots,
    pub(super) sent_us: u64,
    pub(super) first_us: u64,
    pub(super) last_us: u64,
}

impl Heard {
    /// Something unusual about one of these arrivals, whose own time is known if it was alone.
    pub(super) fn finding(
        &self,
        kind: FindingKind,
        receiver: u32,
        message: MessageId,
        due_us: Option<u64>,
    ) -> Finding {
        Finding {
            kind,
            receiver,
            message: Some(message),
            due_us,
            sent_us: Some(self.sent_us),
            arrived: true,
            received_us: (self.slots.count() == 1).then_some(self.first_us),
            failure: None,
        }
    }
}

/// What a worker ships of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerPart {
    pub(super) published: Vec<Published>,
    pub(super) members: Vec<MemberEvent>,
    #[serde(with = "heard_pairs")]
    pub(super) heard: FxHashMap<MessageId, Heard>,
    /// Heard on return from being away, apart because their times say nothing about spread.
    #[serde(with = "heard_pairs")]
    pub(super) replayed: FxHashMap<MessageId, Heard>,
    /// What the server said of messages, after each of them was published.
    pub(super) answers: Vec<(MessageId, Answer)>,
    /// Events of feeds that have a key.
    pub(super) events: EventsPart,
    /// How long live arrivals took.
    pub(super) took: TookPart,
}

impl LedgerPart {
    /// An empty part with room for as much as this one holds: the next second is much like the last,
    /// and growing step by step costs a worker as much again.
    pub(super) fn next(&self) -> Self {
        let heard = FxHashMap::with_capacity_and_hasher(self.heard.len(), FxBuildHasher);
        let published = Vec::with_capacity(self.published.len());
        Self { published, heard, ..Self::default() }
    }

    /// Notes a message that is about to be written.
    pub fn publish(&mut self, message: Published) {
        self.published.push(message);
    }

    /// Notes a membership's change.
    pub fn member(&mut self, event: MemberEvent) {
        self.members.push(event);
    }

    /// Notes that the member in `slot` heard a message; false if it is known already.
    pub fn hear(&mut self, message: MessageId, slot: u32, sent_us: u64, at_us: u64) -> bool {
        Self::note(&mut self.heard, message, slot, sent_us, at_us)
    }

    /// Notes that the member in `slot` heard on its return what was sent while it was away; false
    /// if that is known already.
    pub fn hear_replayed(
        &mut self,
        message: MessageId,
        slot: u32,
        sent_us: u64,
        at_us: u64,
    ) -> bool {
        Self::note(&mut self.replayed, message, slot, sent_us, at_us)
    }

    /// Notes that a client heard the event of a feed which all its receivers know by that key.
    pub fn hear_event(&mut self, key: u64, cohort: usize, at_us: u64) {
        self.events.hear(key, cohort as u16, at_us);
    }

    /// Notes what the server said of a message that was published.
    pub(super) fn answer(&mut self, message: MessageId, answer: Answer) {
        self.answers.push((message, answer));
    }

    fn note(
        among: &mut FxHashMap<MessageId, Heard>,
        message: MessageId,
        slot: u32,
        sent_us: u64,
        at_us: u64,
    ) -> bool {
        let heard = among.entry(message).or_insert_with(|| Heard {
            slots: Slots::default(),
            sent_us,
            first_us: at_us,
            last_us: at_us,
        });
        heard.first_us = heard.first_us.min(at_us);
        let new = heard.slots.insert(slot);
        if new {
            heard.last_us = heard.last_us.max(at_us);
        }
        new
    }
}

mod heard_pairs {
    use super::{FxHashMap, Heard, MessageId};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        heard: &FxHashMap<MessageId, Heard>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        heard.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<FxHashMap<MessageId, Heard>, D::Error> {
        Ok(Vec::<(MessageId, Heard)>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::slots::slots;

    #[test]
    fn a_part_holds_what_it_was_told_and_comes_back_from_text() {
        let id = |seq| MessageId { room: 1, publisher: 2, seq };
        let published = Published { message: id(0), due_us: 90, sent_us: 100 };
        let gone = MemberEvent { client: 3, at_us: 7, change: MemberChange::Gone };
        let mut part = LedgerPart::default();
        part.publish(published);
        part.member(gone);
        // A copy says nothing of how long the last took; an earlier arrival of another does.
        for (slot, at_us, new) in [(4, 150, true), (5, 140, true), (4, 170, false), (6, 160, true)]
        {
            assert_eq!(part.hear(id(0), slot, 100, at_us), new, "{slot}");
        }
        assert!(part.hear_replayed(id(1), 4, 100, 900));
        assert!(!part.hear_replayed(id(1), 4, 100, 950));
        part.hear_event(77, 1, 20);
        part.answer(id(0), Answer::Acked);
        let heard = Heard { slots: slots(&[4, 5, 6]), sent_us: 100, first_us: 140, last_us: 160 };
        let alone = Heard { slots: slots(&[4]), sent_us: 100, first_us: 900, last_us: 900 };
        assert_eq!((&part.published[..], &part.members[..]), (&[published][..], &[gone][..]));
        assert_eq!(part.heard, FxHashMap::from_iter([(id(0), heard.clone())]));
        assert_eq!(part.replayed, FxHashMap::from_iter([(id(1), alone.clone())]));
        assert_eq!(part.answers, [(id(0), Answer::Acked)]);
        assert_ne!(part.events, EventsPart::default());
        let text = serde_json::to_string(&part).unwrap();
        let mut read: LedgerPart = serde_json::from_str(&text).unwrap();
        // An index into the events, which is not sent.
        read.events.clone_from(&part.events);
        assert_eq!(read, part);
        assert_eq!(part.next(), LedgerPart::default());
        // When one of several came is not known.
        let found = |of: &Heard| {
            let finding = of.finding(FindingKind::Late, 3, id(1), Some(90));
            assert_eq!((finding.kind, finding.receiver), (FindingKind::Late, 3));
            assert_eq!((finding.message, finding.due_us), (Some(id(1)), Some(90)));
            assert_eq!((finding.sent_us, finding.arrived), (Some(100), true));
            finding.received_us
        };
        assert_eq!((found(&heard), found(&alone)), (None, Some(900)));
    }
}
