//! One open message held against what all workers told: gathers the evidence that the rule needs.

use super::members::Members;
use super::opened::{Open, OpenMessages, Skips};
use crate::measure::fate::{Evidence, Fate, fate};
use crate::measure::ledger::Answer;
use crate::measure::message::MessageId;
use crate::measure::recovery::Failure;
use crate::measure::window::Window;
use crate::plan::Plan;

/// A message whose fate is asked for.
#[derive(Debug)]
pub(super) struct Case<'a> {
    plan: &'a Plan,
    members: &'a Members,
    messages: &'a OpenMessages,
    id: MessageId,
    open: &'a Open,
    died_with_publisher: bool,
}

impl<'a> Case<'a> {
    /// `open` is the message, among `messages` or just taken out of them. `window` is W by which its
    /// author is judged.
    pub(super) fn new(
        plan: &'a Plan,
        members: &'a Members,
        messages: &'a OpenMessages,
        (id, open): (MessageId, &'a Open),
        window: Window,
    ) -> Self {
        let span_us = open.sent_us..=open.sent_us + window.on_its_way_us;
        let died_with_publisher = open.slots.is_empty()
            && open.answer != Some(Answer::Acked)
            && members.failed_within(id.publisher, span_us);
        Self { plan, members, messages, id, open, died_with_publisher }
    }

    /// What became of it for a member, and which failure is to blame. `until_us` is when the run
    /// stopped listening to it.
    pub(super) fn fate(
        &self,
        (slot, client): (u32, u32),
        window: Window,
        until_us: Option<u64>,
        skips: &mut Skips,
    ) -> (Fate, Option<Failure>) {
        let Self { plan, id, open, .. } = *self;
        let evidence = Evidence {
            sent_us: open.sent_us,
            heard: open.slots.contains(slot),
            died_with_publisher: self.died_with_publisher,
            rejected: open.answer == Some(Answer::Rejected),
            addressed: plan.hears(id.publisher, client),
            away: plan.relay(client).away,
            window,
            until_us,
        };
        fate(self.members.stays(id.room, slot), evidence, |stay| {
            self.messages.later_heard(id, slot, stay.ended_us(), skips)
        })
    }
}

#[cfg(test)]
mod tests;
