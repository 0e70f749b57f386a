//! A closed loop's places: how many of a client's messages may be on their way, and which hold them.
//!
//! This is the one place that counts them. A place is free, or held by a message that is scheduled (in
//! the worker's heap, or waiting in the mailbox), or by one that was written and that nobody has
//! answered. Each written message has its own deadline, and is known by what it is: an answer that
//! comes after it frees nothing a second time.

use std::collections::VecDeque;

use crate::measure::MessageId;

/// One client's places, across its connections.
#[derive(Clone, Debug)]
pub(super) struct Places {
    size: u32,
    answer_within_us: u64,
    scheduled: u32,
    /// In the order of their writing, so that the first has the earliest deadline.
    unanswered: VecDeque<Written>,
    still: Stillness,
}

#[derive(Clone, Copy, Debug)]
struct Written {
    message: MessageId,
    at_us: u64,
}

impl Places {
    pub(super) fn new(size: u32, answer_within_us: u64) -> Self {
        let (unanswered, still) = (VecDeque::new(), Stillness::new());
        Self { size, answer_within_us, scheduled: 0, unanswered, still }
    }

    /// Places that nothing holds.
    pub(super) fn free(&self) -> u32 {
        self.size.saturating_sub(self.scheduled + self.unanswered.len() as u32)
    }

    /// A message is due at some time: it has a place from now on.
    pub(super) fn schedule(&mut self) {
        self.scheduled += 1;
    }

    /// A message that was scheduled or waited will not be written.
    pub(super) fn drop_scheduled(&mut self) {
        self.scheduled = self.scheduled.saturating_sub(1);
    }

    /// A message that was scheduled was written.
    pub(super) fn written(&mut self, message: MessageId, at_us: u64) {
        self.drop_scheduled();
        self.unanswered.push_back(Written { message, at_us });
        if self.unanswered.len() >= self.size as usize {
            self.still.filled(at_us);
        }
    }

    /// A message was answered or refused. Since when it was on its way, if that frees its place.
    pub(super) fn answered(&mut self, message: MessageId, now_us: u64) -> Option<u64> {
        let at = self.unanswered.iter().position(|written| written.message == message)?;
        let written = self.unanswered.remove(at)?;
        self.still.freed(now_us);
        self.still.moved_from(written.at_us);
        self.settle();
        Some(written.at_us)
    }

    /// Gives up messages whose answer took too long; how many places that frees.
    pub(super) fn expire(&mut self, now_us: u64) -> u32 {
        let mut expired = 0;
        while self.deadline_us().is_some_and(|deadline_us| deadline_us <= now_us) {
            self.unanswered.pop_front();
            expired += 1;
        }
        if expired > 0 {
            self.still.freed(now_us);
            self.settle();
        }
        expired
    }

    /// When the next message is given up.
    pub(super) fn deadline_us(&self) -> Option<u64> {
        self.unanswered.front().map(|written| written.at_us.saturating_add(self.answer_within_us))
    }

    /// The client is joined.
    pub(super) fn joined(&mut self, now_us: u64) {
        self.still.joined_since_us = Some(now_us);
    }

    /// The schedule is over: what passes from now on is no time to stand still in.
    pub(super) fn load_ended(&mut self, now_us: u64) {
        self.still.end_us = now_us;
    }

    /// The connection is over: no answer comes any more. What was on its way for less than `patience_us`
    /// might have been answered.
    pub(super) fn disconnected(&mut self, now_us: u64, patience_us: u64) {
        self.still.freed(now_us);
        let young = |written: &&Written| now_us.saturating_sub(written.at_us) < patience_us;
        if let Some(first) = self.unanswered.iter().find(young) {
            self.still.moved_from(first.at_us);
        }
        self.unanswered.clear();
        self.settle();
        self.still.parted(now_us);
    }

    fn settle(&mut self) {
        self.still.settle(self.unanswered.front().map_or(u64::MAX, |written| written.at_us));
    }

    /// Whether it spent more than half of its time with all places held by messages that were never
    /// answered.
    pub(super) fn stood_still(&self) -> bool {
        self.still.still_us > self.still.joined_us / 2
    }
}

/// For how long all places were held by messages that were never answered. Whether one is answered
/// shows later: until then a stretch is kept.
#[derive(Clone, Debug)]
struct Stillness {
    /// When the schedule ended; `u64::MAX` until then.
    end_us: u64,
    joined_since_us: Option<u64>,
    joined_us: u64,
    /// Since when all places are held by written messages.
    full_since_us: Option<u64>,
    /// Stretches in which they were, of which a message that is still on its way may have been part. At
    /// most as many as there are places, and one: each ends with a message that was given up.
    stretches: VecDeque<(u64, u64)>,
    still_us: u64,
}

impl Stillness {
    fn new() -> Self {
        Self {
            end_us: u64::MAX,
            joined_since_us: None,
            joined_us: 0,
            full_since_us: None,
            stretches: VecDeque::new(),
            still_us: 0,
        }
    }

    fn filled(&mut self, now_us: u64) {
        self.full_since_us.get_or_insert(now_us);
    }

    fn freed(&mut self, now_us: u64) {
        let now_us = now_us.min(self.end_us);
        if let Some(since_us) = self.full_since_us.take()
            && since_us < now_us
        {
            self.stretches.push_back((since_us, now_us));
        }
    }

    /// From then on one of the places was held by a message that came back.
    fn moved_from(&mut self, at_us: u64) {
        while let Some((from_us, to_us)) = self.stretches.back_mut() {
            if *from_us < at_us {
                *to_us = at_us.min(*to_us);
                break;
            }
            self.stretches.pop_back();
        }
    }

    /// Counts the stretches that were over before the oldest message that is on its way was written.
    fn settle(&mut self, oldest_us: u64) {
        while let Some((from_us, to_us)) = self.stretches.front().copied()
            && to_us <= oldest_us
        {
            self.still_us += to_us - from_us;
            self.stretches.pop_front();
        }
    }

    fn parted(&mut self, now_us: u64) {
        if let Some(since_us) = self.joined_since_us.take() {
            self.joined_us += now_us.min(self.end_us).saturating_sub(since_us);
        }
    }
}

#[cfg(test)]
mod tests;
