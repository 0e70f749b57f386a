//! What one connection has heard of one publisher in one room: duplicates, order, gaps.

use crate::stamp::seq::unwrapped;

/// Sequence numbers below the highest that are remembered one by one.
pub(super) const REMEMBERED: u64 = 64;

/// The highest sequence number heard and which of the 64 before it, as RFC 4303 (3.4.3) does
/// against replay: 16 bytes however long the connection lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The highest heard; meaningless while `seen` is 0.
    highest: u64,
    /// Bit i: `highest - i` was heard.
    seen: u64,
}

/// What an arrival is to what came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The first heard, or higher than all before; `skipped` numbers were passed over.
    Next {
        /// Numbers between the highest before and this one; 0 for the first heard.
        skipped: u64,
    },
    /// Lower than the highest, and not heard before.
    Reordered,
    /// Heard before.
    Duplicate,
    /// So far below the highest that whether it was heard before is not known here.
    TooOld,
}

impl Order {
    /// Takes in an arrival.
    pub fn hear(&mut self, seq: u64) -> Arrival {
        if self.seen == 0 {
            *self = Self { highest: seq, seen: 1 };
            return Arrival::Next { skipped: 0 };
        }
        if seq > self.highest {
            let step = seq - self.highest;
            // A step over 63 leaves nothing of what was seen.
            self.seen =
                u32::try_from(step).ok().and_then(|step| self.seen.checked_shl(step)).unwrap_or(0)
                    | 1;
            self.highest = seq;
            return Arrival::Next { skipped: step - 1 };
        }
        let below = self.highest - seq;
        if below >= REMEMBERED {
            return Arrival::TooOld;
        }
        let bit = 1 << below;
        if self.seen & bit != 0 {
            return Arrival::Duplicate;
        }
        self.seen |= bit;
        Arrival::Reordered
    }

    /// The same of a mark's number, which begins anew after a while.
    pub fn hear_seq(&mut self, seq: u32) -> Arrival {
        self.hear(unwrapped(seq, self.highest))
    }

    /// The highest heard, if anything was.
    pub(super) fn highest(&self) -> Option<u64> {
        (self.seen != 0).then_some(self.highest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_in_a_table() {
        let mut order = Order::default();
        let rows = [
            (5, Arrival::Next { skipped: 0 }),
            (6, Arrival::Next { skipped: 0 }),
            (6, Arrival::Duplicate),
            (9, Arrival::Next { skipped: 2 }),
            (7, Arrival::Reordered),
            (7, Arrival::Duplicate),
            (8, Arrival::Reordered),
            (3, Arrival::Reordered),
            (73, Arrival::Next { skipped: 63 }),
            (9, Arrival::TooOld),
            (10, Arrival::Reordered),
            (500, Arrival::Next { skipped: 426 }),
            (500, Arrival::Duplicate),
            (u64::MAX, Arrival::Next { skipped: u64::MAX - 501 }),
            (u64::MAX - 63, Arrival::Reordered),
            (u64::MAX - 64, Arrival::TooOld),
            (0, Arrival::TooOld),
            (u64::MAX, Arrival::Duplicate),
        ];
        for (seq, expected) in rows {
            assert_eq!(order.hear(seq), expected, "sequence {seq}");
        }
    }

    #[test]
    fn marks_that_begin_anew_go_on() {
        use crate::stamp::seq::LIMIT;
        let mut order = Order::default();
        for (seq, expected) in [
            (LIMIT - 3, Arrival::Next { skipped: 0 }),
            (LIMIT - 1, Arrival::Next { skipped: 1 }),
            (0, Arrival::Next { skipped: 0 }),
            (LIMIT - 2, Arrival::Reordered),
            (LIMIT - 1, Arrival::Duplicate),
            (2, Arrival::Next { skipped: 1 }),
            (1, Arrival::Reordered),
            (LIMIT - 70, Arrival::TooOld),
        ] {
            assert_eq!(order.hear_seq(seq), expected, "sequence {seq}");
        }
    }
}
