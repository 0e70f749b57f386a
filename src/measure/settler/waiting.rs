//! What the drain waits for: messages that may still arrive, be acknowledged or replayed.
//!
//! It is asked ten times a second and more, and there may be millions of open messages. So those
//! that something is awaited of are gathered once, and only the last of them is looked at until
//! nothing is awaited of it any more. When none is left all are looked at again, if anything has
//! come since that may make a message wait; of very many at most once a second.

#[cfg(test)]
use std::cell::Cell;

use super::{Open, Settler, Skips};
use crate::measure::fate::{Fate, Stay};
use crate::measure::message::MessageId;
use crate::measure::window::Window;
use crate::protocol::Away;

/// So many are looked at again whenever there is news: that takes milliseconds.
pub(super) const LOOK_FREELY_MAX: usize = 50_000;
/// At least so long between two looks at more of them, by what workers have told.
const LOOK_EVERY_US: u64 = 1_000_000;

#[derive(Debug)]
pub(super) struct Waiting {
    /// Something was awaited of these when all were looked at.
    messages: Vec<MessageId>,
    /// Something came since that may make others wait.
    news: bool,
    looked_us: Option<u64>,
    /// Messages looked at so far.
    #[cfg(test)]
    pub(super) looks: Cell<usize>,
}

impl Waiting {
    pub(super) fn new() -> Self {
        Self {
            messages: Vec::new(),
            news: true,
            looked_us: None,
            #[cfg(test)]
            looks: Cell::new(0),
        }
    }

    /// A message was published, or somebody is there to hear one.
    pub(super) fn note_news(&mut self) {
        self.news = true;
    }
}

impl Settler {
    /// Whether any open message may still arrive, is still to be acknowledged, or may still be
    /// replayed to somebody who is back. True also while it is too early to look again.
    pub(in crate::measure) fn is_waiting(&mut self) -> bool {
        let windows = self.windows.widest_by_cohort();
        while let Some(id) = self.waiting.messages.last().copied() {
            if self.awaits(id, &windows, &mut Skips::default()) {
                return true;
            }
            self.waiting.messages.pop();
        }
        if !self.waiting.news {
            return false;
        }
        let now_us = self.told_us.iter().copied().max().unwrap_or(0);
        let just_now = |looked_us: u64| now_us < looked_us + LOOK_EVERY_US;
        if self.open.len() > LOOK_FREELY_MAX && self.waiting.looked_us.is_some_and(just_now) {
            return true;
        }
        self.waiting.looked_us = Some(now_us);
        self.waiting.news = false;
        let mut skips = Skips::default();
        let all = self.open.keys().copied();
        self.waiting.messages = all.filter(|id| self.awaits(*id, &windows, &mut skips)).collect();
        !self.waiting.messages.is_empty()
    }

    fn awaits(&self, id: MessageId, windows: &[Window], skips: &mut Skips) -> bool {
        #[cfg(test)]
        self.waiting.looks.set(self.waiting.looks.get() + 1);
        let Some(open) = self.open.get(&id) else { return false };
        if self.awaits_answer(id, open) {
            return true;
        }
        let members = &self.plan.rooms()[id.room as usize].members;
        if open.slots.count() == members.len() as u64 {
            return false;
        }
        let died = self.died_with_publisher(id, open, self.windows.widest());
        (0_u32..).zip(members).any(|(slot, client)| {
            if !self.followed[*client as usize] || open.slots.contains(slot) {
                return false;
            }
            let window = windows[self.plan.cohort_of(*client)];
            let until_us = Some(self.heard_until(*client));
            let fate = self.fate_of(id, open, (slot, *client), died, window, until_us, skips);
            match fate.0 {
                Fate::Lost | Fate::Unfinished => true,
                Fate::MissedAway => self.awaits_replay(id.room, slot, *client),
                _ => false,
            }
        })
    }

    /// Whether the server may still acknowledge it: its author's connection still stands.
    fn awaits_answer(&self, id: MessageId, open: &Open) -> bool {
        let failed = || {
            let failures = self.failures.get(&id.publisher);
            failures.is_some_and(|all| all.iter().any(|failed_us| *failed_us >= open.sent_us))
        };
        open.answer.is_none() && self.plan.relay(id.publisher).acknowledges && !failed()
    }

    /// Whether the member is back and its protocol replays.
    fn awaits_replay(&self, room: u32, slot: u32, client: u32) -> bool {
        let back = |stay: &Stay| stay.joined_us.is_some() && stay.failed_us.is_none();
        self.plan.relay(client).away == Away::Replayed
            && self.stays[room as usize][slot as usize].last().is_some_and(back)
    }
}
