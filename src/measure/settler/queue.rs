//! Open messages in the order in which they were sent.
//!
//! Each part of the ledger brings a second of one worker's, in order. What is kept is one heap entry
//! a part and not one a message: a heap of millions of messages would cost more than settling them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::vec::IntoIter;

use crate::measure::message::MessageId;

#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The part whose next message was sent first on top.
    parts: BinaryHeap<Reverse<Part>>,
}

/// What is left of a part, its next message apart.
#[derive(Debug)]
struct Part {
    next: (u64, MessageId),
    rest: IntoIter<(u64, MessageId)>,
}

impl Queue {
    /// Adds messages, each with the instant at which it was sent.
    pub(super) fn push(&mut self, mut sent: Vec<(u64, MessageId)>) {
        // They are in order already, which the sort sees at a glance.
        sent.sort();
        let mut rest = sent.into_iter();
        if let Some(next) = rest.next() {
            self.parts.push(Reverse(Part { next, rest }));
        }
    }

    /// Takes the message that was sent first, if that was by `until_us`.
    pub(super) fn pop(&mut self, until_us: u64) -> Option<(u64, MessageId)> {
        let mut first = self.parts.peek_mut()?;
        let Reverse(part) = &mut *first;
        let next = part.next;
        if next.0 > until_us {
            return None;
        }
        match part.rest.next() {
            Some(following) => part.next = following,
            None => {
                PeekMut::pop(first);
            }
        }
        Some(next)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|Reverse(part)| 1 + part.rest.len()).sum()
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.next == other.next
    }
}

impl Eq for Part {}

impl PartialOrd for Part {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Part {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.next.cmp(&other.next)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn messages_of_all_parts_come_in_the_order_they_were_sent_in(
            parts in proptest::collection::vec(proptest::collection::vec((0_u64..100, 0_u32..9), 0..20), 0..9),
            until_us in 0_u64..100,
        ) {
            let id = |seq| MessageId { room: 0, publisher: 0, seq };
            let mut queue = Queue::default();
            let mut all = Vec::new();
            for part in parts {
                let part: Vec<_> = part.into_iter().map(|(at, seq)| (at, id(seq))).collect();
                all.extend(part.iter().copied());
                queue.push(part);
            }
            all.sort();
            prop_assert_eq!(queue.len(), all.len());
            let due = all.iter().filter(|(sent_us, _)| *sent_us <= until_us).count();
            let first: Vec<_> = std::iter::from_fn(|| queue.pop(until_us)).collect();
            prop_assert_eq!(&first, &all[..due]);
            let rest: Vec<_> = std::iter::from_fn(|| queue.pop(u64::MAX)).collect();
            prop_assert_eq!(&rest, &all[due..]);
        }
    }
}
