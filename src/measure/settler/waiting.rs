//! What the drain waits for: messages that may still arrive, be acknowledged or replayed.
//!
//! It is asked ten times a second and more, and there may be millions of open messages. So those
//! that something is awaited of are gathered once, and only the last of them is looked at until
//! nothing is awaited of it any more. When none is left all are looked at again, if anything has
//! come since that may make a message wait; of very many at most once a second.

#[cfg(test)]
use std::cell::Cell;

use super::Settler;
use super::case::Case;
use super::opened::{Open, Skips};
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
        let now_us = self.members.told_most_us();
        let just_now = |looked_us: u64| now_us < looked_us + LOOK_EVERY_US;
        if self.messages.len() > LOOK_FREELY_MAX && self.waiting.looked_us.is_some_and(just_now) {
            return true;
        }
        self.waiting.looked_us = Some(now_us);
        self.waiting.news = false;
        let mut skips = Skips::default();
        let all = self.messages.ids();
        self.waiting.messages = all.filter(|id| self.awaits(*id, &windows, &mut skips)).collect();
        !self.waiting.messages.is_empty()
    }

    fn awaits(&self, id: MessageId, windows: &[Window], skips: &mut Skips) -> bool {
        #[cfg(test)]
        self.waiting.looks.set(self.waiting.looks.get() + 1);
        let Self { plan, members, messages, .. } = self;
        let Some(open) = messages.get(id) else { return false };
        if self.awaits_answer(id, open) {
            return true;
        }
        let all = &plan.rooms()[id.room as usize].members;
        if open.slots.count() == all.len() as u64 {
            return false;
        }
        let case = Case::new(plan, members, messages, (id, open), self.windows.widest());
        (0_u32..).zip(all.iter().copied()).any(|(slot, client)| {
            if !members.follows(client) || open.slots.contains(slot) {
                return false;
            }
            let window = windows[plan.cohort_of(client)];
            let until_us = Some(members.heard_until(client));
            match case.fate((slot, client), window, until_us, skips).0 {
                Fate::Lost | Fate::Unfinished => true,
                Fate::MissedAway => self.awaits_replay(id.room, slot, client),
                _ => false,
            }
        })
    }

    /// Whether the server may still acknowledge it: its author's connection still stands.
    fn awaits_answer(&self, id: MessageId, open: &Open) -> bool {
        let failed = || self.members.failed_within(id.publisher, open.sent_us..=u64::MAX);
        open.answer.is_none() && self.plan.relay(id.publisher).acknowledges && !failed()
    }

    /// Whether the member is back and its protocol replays.
    fn awaits_replay(&self, room: u32, slot: u32, client: u32) -> bool {
        let back = |stay: &Stay| stay.joined_us.is_some() && stay.failed_us.is_none();
        self.plan.relay(client).away == Away::Replayed
            && self.members.stays(room, slot).last().is_some_and(back)
    }
}
