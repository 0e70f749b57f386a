//! Heard of before the worker of its author told of it, which it does within a second or so.
//!
//! A stamp may be made up, and then nobody ever tells of its message: what is kept is bounded.

use rustc_hash::FxHashMap;

use super::Way;
use crate::measure::ledger::Heard;
use crate::measure::message::MessageId;

/// Messages that are kept, some 75 MB: what eight workers publish in seconds.
pub(super) const EARLY_MAX: usize = 500_000;

/// One entry a part that told of it.
#[derive(Debug, Default)]
pub(super) struct Early(FxHashMap<MessageId, Vec<(Heard, Way)>>);

impl Early {
    /// Keeps what was heard; gives it back if there is too much already.
    #[must_use]
    pub(super) fn keep(&mut self, id: MessageId, heard: Heard, way: Way) -> Option<Heard> {
        if self.0.len() >= EARLY_MAX && !self.0.contains_key(&id) {
            return Some(heard);
        }
        self.0.entry(id).or_default().push((heard, way));
        None
    }

    /// Gives what was heard of a message that is told of now.
    pub(super) fn take(&mut self, id: MessageId) -> Vec<(Heard, Way)> {
        self.0.remove(&id).unwrap_or_default()
    }

    /// Gives what nobody published: its author's worker, as `told_until_us` has it, told of all that
    /// was sent by then. Forgets what arrived by `until_us`, where that worker fell silent.
    pub(super) fn sweep(
        &mut self,
        until_us: u64,
        told_until_us: impl Fn(u32) -> u64,
    ) -> Vec<(MessageId, Heard)> {
        let mut made_up = Vec::new();
        self.0.retain(|id, parts| {
            let told_us = told_until_us(id.publisher);
            for (heard, _) in parts.extract_if(.., |(heard, _)| heard.sent_us < told_us) {
                made_up.push((*id, heard));
            }
            parts.retain(|(heard, _)| heard.first_us > until_us);
            !parts.is_empty()
        });
        made_up
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
