//! A connection's rooms: which of them the client is in, joins or leaves, and since when.

use crate::client::stays::Stays;
use crate::measure::MemberChange;
use crate::metric::Step;
use crate::plan::Membership;
use crate::scenario::To;

/// A room of this client on this connection.
#[derive(Debug)]
pub(super) struct Room {
    /// The plan's number.
    pub(super) id: u32,
    /// The client's place among its members.
    pub(super) slot: u32,
    /// When it was last joined.
    pub(super) joined_us: Option<u64>,
    pub(super) stays: Stays,
    presence: Presence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// To be joined at an instant.
    Out {
        back_us: u64,
    },
    Joining {
        since_us: u64,
    },
    In,
    Leaving {
        since_us: u64,
    },
}

/// All of them, in the order of the client's memberships. What changes is given back as the ledger
/// is to know it.
#[derive(Debug)]
pub(super) struct Rooms(Vec<Room>);

impl Rooms {
    /// None is joined yet.
    pub(super) fn new(memberships: &[Membership]) -> Self {
        let room = |membership: &Membership| Room {
            id: membership.room,
            slot: membership.slot,
            joined_us: None,
            stays: Stays::default(),
            presence: Presence::Out { back_us: 0 },
        };
        Self(memberships.iter().map(room).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The plan's number of the n-th.
    pub(super) fn id(&self, at: usize) -> u32 {
        self.0[at].id
    }

    /// The room of that number.
    pub(super) fn find(&self, id: u32) -> Option<&Room> {
        self.0.iter().find(|room| room.id == id)
    }

    /// The place of the room of that number.
    pub(super) fn position(&self, id: u32) -> Option<usize> {
        self.0.iter().position(|room| room.id == id)
    }

    /// All are to be joined, at once.
    pub(super) fn all_out(&mut self) {
        for room in &mut self.0 {
            room.presence = Presence::Out { back_us: 0 };
        }
    }

    /// The n-th is joined from now on, or counted in by the server.
    pub(super) fn enter(&mut self, at: usize, now_us: u64) -> MemberChange {
        let room = &mut self.0[at];
        room.presence = Presence::Joining { since_us: now_us };
        room.stays.join_written(now_us);
        MemberChange::JoinWritten { room: room.id }
    }

    pub(super) fn is_joining(&self, at: usize) -> bool {
        self.joins_since_us(at).is_some()
    }

    /// Since when the n-th is being joined; `None` if it isn't.
    pub(super) fn joins_since_us(&self, at: usize) -> Option<u64> {
        match self.0[at].presence {
            Presence::Joining { since_us } => Some(since_us),
            Presence::Out { .. } | Presence::In | Presence::Leaving { .. } => None,
        }
    }

    /// The client is in the n-th.
    pub(super) fn entered(&mut self, at: usize, now_us: u64) -> MemberChange {
        let room = &mut self.0[at];
        room.presence = Presence::In;
        room.joined_us = Some(now_us);
        MemberChange::Joined { room: room.id }
    }

    /// The number of the n-th, if there is one and the client is in it.
    pub(super) fn is_in(&self, at: usize) -> Option<u32> {
        self.0.get(at).filter(|room| room.presence == Presence::In).map(|room| room.id)
    }

    /// The n-th is left from now on.
    pub(super) fn leave(&mut self, at: usize, now_us: u64) -> MemberChange {
        let room = &mut self.0[at];
        room.presence = Presence::Leaving { since_us: now_us };
        MemberChange::LeaveWritten { room: room.id }
    }

    /// The n-th was left, if that was waited for; the client comes back after a while.
    pub(super) fn left(
        &mut self,
        at: usize,
        now_us: u64,
        stay_away_us: u64,
    ) -> Option<MemberChange> {
        let room = &mut self.0[at];
        if !matches!(room.presence, Presence::Leaving { .. }) {
            return None;
        }
        room.presence = Presence::Out { back_us: now_us + stay_away_us };
        room.stays.left(now_us);
        Some(MemberChange::Left { room: room.id })
    }

    /// Whether the n-th is to be joined now.
    pub(super) fn is_due(&self, at: usize, now_us: impl FnOnce() -> u64) -> bool {
        match self.0[at].presence {
            Presence::Out { back_us } => back_us <= now_us(),
            Presence::Joining { .. } | Presence::In | Presence::Leaving { .. } => false,
        }
    }

    /// Whether the client is in every room.
    pub(super) fn is_in_all(&self) -> bool {
        self.0.iter().all(|room| room.presence == Presence::In)
    }

    /// The numbers of those that the client is in.
    fn inside(&self) -> impl Iterator<Item = u32> + Clone {
        self.0.iter().filter(|room| room.presence == Presence::In).map(|room| room.id)
    }

    /// One of those that the client is in, for the k-th of what goes to each in turn.
    pub(super) fn in_turn(&self, k: u32) -> Option<u32> {
        let mut inside = self.inside();
        let count = inside.clone().count().max(1);
        inside.nth(k as usize % count)
    }

    /// Whether something can be said in some room, or without one where there are none.
    pub(super) fn can_speak(&self) -> bool {
        self.0.is_empty() || self.inside().next().is_some()
    }

    /// Where a message to `room` goes now, the n-th of those that it goes to. `None` if it goes nowhere.
    pub(super) fn to_publish_to(&self, room: u32, nth: usize, to: Option<To>) -> Option<u32> {
        // All of a client's rooms are in the order of its own.
        let mine = self.0.get(nth).filter(|mine| mine.id == room).or_else(|| self.find(room));
        match mine.map(|mine| mine.presence) {
            None | Some(Presence::In) => Some(room),
            // Left for a while: one of its other rooms hears it instead.
            Some(_) if to == Some(To::One) => self.inside().next(),
            Some(_) => None,
        }
    }

    /// The connection is about to be closed: what that leaves.
    pub(super) fn leave_all(&self) -> impl Iterator<Item = MemberChange> {
        let here = |room: &&Room| matches!(room.presence, Presence::In | Presence::Joining { .. });
        self.0.iter().filter(here).map(|room| MemberChange::LeaveWritten { room: room.id })
    }

    /// The connection was closed on purpose: what that has left.
    pub(super) fn left_all(&self) -> impl Iterator<Item = MemberChange> {
        let inside = |room: &&Room| !matches!(room.presence, Presence::Out { .. });
        self.0.iter().filter(inside).map(|room| MemberChange::Left { room: room.id })
    }

    /// A room whose join or leave has waited for its answer for too long, and which of the two.
    pub(super) fn overdue(&self, now_us: u64, limit_us: u64) -> Option<(u32, Step)> {
        self.0.iter().find_map(|room| {
            let (since_us, step) = room.unanswered()?;
            (now_us >= since_us + limit_us).then_some((room.id, step))
        })
    }

    /// When the next of them is overdue, or is to be joined if rooms can be.
    pub(super) fn deadline_us(&self, can_join: bool, limit_us: u64) -> Option<u64> {
        let deadlines = self.0.iter().filter_map(|room| match room.presence {
            Presence::Out { back_us } => can_join.then_some(back_us),
            _ => room.unanswered().map(|(since_us, _)| since_us + limit_us),
        });
        deadlines.min()
    }
}

impl Room {
    /// Since when an answer is waited for, and to what.
    fn unanswered(&self) -> Option<(u64, Step)> {
        match self.presence {
            Presence::Joining { since_us } => Some((since_us, Step::Join)),
            Presence::Leaving { since_us } => Some((since_us, Step::Leave)),
            Presence::Out { .. } | Presence::In => None,
        }
    }
}

#[cfg(test)]
mod tests;
