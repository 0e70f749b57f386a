//! What one connection has heard of a feed by its sequence numbers: gaps, copies, order, and numbers
//! that begin anew.
//!
//! Numbers have 64 bits, and every gap counts in full. A number that is 64 or more below the highest
//! may be a very late one, a copy, or the first after the server began to count anew, as it does after
//! a restart or where its own numbers have fewer bits. The next number says which: if it goes on from
//! there, the numbering began anew, and nothing between the two numberings is taken for lost.

use rustc_hash::FxHashMap;

use super::order::{Arrival, Order, REMEMBERED};

/// Numberings of one connection that are never forgotten, whatever their order; up to twice as many
/// are kept.
const KEPT_SURELY: usize = 2_000;

/// What one number adds to the counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbered {
    /// Whether the event is surely heard for the first time.
    pub is_new: bool,
    /// Events heard for the first time. Two where this one says what the one before it was.
    pub pushed: u64,
    /// Numbers passed over.
    pub lost: u64,
    /// Whether it had been passed over.
    pub found: bool,
    /// Whether it was heard before.
    pub duplicated: bool,
    /// Numbers that came after a higher one.
    pub reordered: u64,
    /// Whether the numbering began anew.
    pub renumbered: bool,
    /// Numberings that were forgotten to make room for this one.
    pub forgotten: u64,
}

impl Numbered {
    /// An event without a number.
    pub const UNNUMBERED: Self = Self { is_new: true, pushed: 1, ..Self::NOTHING };
    const NOTHING: Self = Self {
        is_new: false,
        pushed: 0,
        lost: 0,
        found: false,
        duplicated: false,
        reordered: 0,
        renumbered: false,
        forgotten: 0,
    };
}

/// One numbering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Numbering {
    order: Order,
    /// How far below the highest the first one stands, at most 64: a lower one was never passed over.
    depth: u8,
    /// A number far below the highest, until the next one says what it was.
    low: Option<u64>,
}

impl Numbering {
    fn hear(&mut self, seq: u64) -> Numbered {
        let before = self.order.highest();
        let arrival = self.order.hear(seq);
        let low = if arrival == Arrival::TooOld { self.low } else { self.low.take() };
        let mut numbered = match arrival {
            Arrival::Next { skipped } => {
                let step = before.map_or(0, |before| seq - before);
                self.depth = step.saturating_add(self.depth.into()).min(REMEMBERED) as u8;
                Numbered { is_new: true, pushed: 1, lost: skipped, ..Numbered::NOTHING }
            }
            Arrival::Reordered => {
                let below = before.map_or(0, |before| before - seq);
                let found = below < self.depth.into();
                Numbered { is_new: true, pushed: 1, found, reordered: 1, ..Numbered::NOTHING }
            }
            Arrival::Duplicate => Numbered { duplicated: true, ..Numbered::NOTHING },
            Arrival::TooOld => match low {
                Some(low) if seq > low && seq - low < REMEMBERED => {
                    return self.begin_anew(low, seq);
                }
                _ => {
                    self.low = Some(seq);
                    Numbered::NOTHING
                }
            },
        };
        // It was only late, or a copy.
        numbered.reordered += u64::from(low.is_some());
        numbered
    }

    /// Two numbers in a row went on from far below.
    fn begin_anew(&mut self, low: u64, seq: u64) -> Numbered {
        *self = Self::default();
        self.hear(low);
        let second = self.hear(seq);
        Numbered { pushed: 2, renumbered: true, ..second }
    }

    /// Numbers of which nothing more will be known, and that came after a higher one.
    fn pending(&self) -> u64 {
        u64::from(self.low.is_some())
    }
}

/// All numberings of one connection, by what they count within.
#[derive(Debug, Default)]
pub struct Feeds {
    /// Heard lately.
    young: FxHashMap<u64, Numbering>,
    /// Not heard since `young` was last full. Forgotten when it is full again.
    old: FxHashMap<u64, Numbering>,
}

impl Feeds {
    /// Takes in a number of what is counted within `per`.
    pub fn hear(&mut self, per: u64, seq: u64) -> Numbered {
        if let Some(numbering) = self.young.get_mut(&per) {
            return numbering.hear(seq);
        }
        let mut numbering = self.old.remove(&per).unwrap_or_default();
        let mut numbered = numbering.hear(seq);
        if self.young.len() >= KEPT_SURELY {
            let gone = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            numbered.forgotten = gone.len() as u64;
            numbered.reordered += gone.values().map(Numbering::pending).sum::<u64>();
        }
        self.young.insert(per, numbering);
        numbered
    }

    /// The connection has ended: gives how many numbers turn out to have come after a higher one.
    pub fn end(&mut self) -> u64 {
        let all = self.young.drain().chain(self.old.drain());
        all.map(|(_, numbering)| numbering.pending()).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Sums over numbers of one numbering, its end included: pushed, lost, copies, late ones, and how
    /// often it began anew.
    fn sums(numbers: impl IntoIterator<Item = u64>) -> (u64, u64, u64, u64, u64) {
        let mut feeds = Feeds::default();
        let mut sums = (0, 0, 0, 0, 0);
        for seq in numbers {
            let of = feeds.hear(7, seq);
            sums.0 += of.pushed;
            sums.1 = (sums.1 + of.lost).checked_sub(of.found.into()).expect("found what was lost");
            sums.2 += u64::from(of.duplicated);
            sums.3 += of.reordered;
            sums.4 += u64::from(of.renumbered);
        }
        sums.3 += feeds.end();
        sums
    }

    #[test]
    fn numbers_in_a_table() {
        const OVER: u64 = 1 << 32;
        type Told = (u64, u64, u64, u64, u64);
        let rows: Vec<(Vec<u64>, Told)> = vec![
            (vec![], (0, 0, 0, 0, 0)),
            ((1..=10).collect(), (10, 0, 0, 0, 0)),
            // Over 2^32, with every fifth left out.
            ((OVER - 7..OVER + 14).filter(|n| n % 5 != 0).collect(), (17, 4, 0, 0, 0)),
            // Gaps of 2^32, of 2^31, of 10^12, and of nearly all there is.
            (vec![1, 2, 3 + OVER], (3, OVER, 0, 0, 0)),
            (vec![1, 2, 3 + (1 << 31)], (3, 1 << 31, 0, 0, 0)),
            (
                vec![1, 2, 3 + 1_000_000_000_000, 4 + 1_000_000_000_000],
                (4, 1_000_000_000_000, 0, 0, 0),
            ),
            (vec![0, u64::MAX], (2, u64::MAX - 1, 0, 0, 0)),
            (vec![u64::MAX - 1, u64::MAX], (2, 0, 0, 0, 0)),
            // A later one found, and one from before the first, which was never lost: 6 is.
            (vec![5, 3, 7], (3, 1, 0, 1, 0)),
            (vec![5, 3, 4, 5, 3, 7], (4, 1, 2, 2, 0)),
            (vec![5, 8, 7, 6, 6, 9], (5, 0, 1, 2, 0)),
            // Far below: a single one is late or a copy, and stays what it was.
            (vec![1, 100, 20, 101], (3, 98, 0, 1, 0)),
            (vec![1, 100, 20], (2, 98, 0, 1, 0)),
            (vec![1, 100, 20, 10, 101], (3, 98, 0, 2, 0)),
            (vec![1, 100, 20, 100, 21, 101], (3, 98, 1, 2, 0)),
            // Twice the same, and one that is 64 above it: neither goes on from there.
            (vec![1, 100, 20, 20, 101], (3, 98, 0, 2, 0)),
            (vec![1, 1_000, 100, 164], (2, 998, 0, 2, 0)),
            (vec![1, 1_000, 100, 163], (4, 998 + 62, 0, 0, 1)),
            (vec![1, 1_000, 700, 701], (4, 998, 0, 0, 1)),
            // Begun anew: after a restart, and where the server's own numbers have 16 or 64 bits.
            ((1..=1_000).chain(1..=1_000).collect(), (2_000, 0, 0, 0, 1)),
            ((65_530..65_536).chain(0..10).collect(), (16, 0, 0, 0, 1)),
            (vec![u64::MAX - 1, u64::MAX, 0, 1, 2], (5, 0, 0, 0, 1)),
            // What was lost between the two is not known, what was lost since is.
            ((1..=500).chain([3, 6, 7, 5]).collect(), (504, 1, 0, 1, 1)),
        ];
        for (numbers, told) in rows {
            assert_eq!(sums(numbers.iter().copied()), told, "{numbers:?}");
        }
    }

    #[test]
    fn two_numberings_know_nothing_of_each_other() {
        let mut feeds = Feeds::default();
        for (per, seq, lost) in [(1, 5, 0), (2, 1_000, 0), (1, 7, 1), (2, 1_001, 0), (1, 8, 0)] {
            assert_eq!(feeds.hear(per, seq).lost, lost, "{per} {seq}");
        }
    }

    #[test]
    fn keys_that_change_for_ever_take_no_more_than_their_bound() {
        let mut feeds = Feeds::default();
        let mut forgotten = 0;
        for key in 0..20_000 {
            forgotten += feeds.hear(key, 1).forgotten;
            // One of them goes on, and is never forgotten.
            assert_eq!(feeds.hear(u64::MAX, 2 * key).lost, u64::from(key > 0), "{key}");
            assert!(feeds.young.len() + feeds.old.len() <= 2 * KEPT_SURELY);
        }
        let held = (feeds.young.len() + feeds.old.len()) as u64;
        assert_eq!(forgotten + held, 20_001, "each is held or was forgotten");
        // As many as are kept surely are never forgotten, in whatever order they come.
        let mut feeds = Feeds::default();
        for round in 1..5 {
            for key in 0..KEPT_SURELY as u64 {
                assert_eq!(feeds.hear(key, round * 3).forgotten, 0);
            }
        }
        assert!(feeds.old.is_empty());
    }

    #[test]
    fn what_was_pending_when_its_numbering_is_forgotten_came_late() {
        let mut feeds = Feeds::default();
        // Each heard a number far below its highest last.
        for (per, seqs) in [(1, [1, 100, 20]), (2, [1, 200, 30])] {
            for seq in seqs {
                feeds.hear(per, seq);
            }
        }
        let mut sums = (0, 0);
        for per in 10..10 + 2 * KEPT_SURELY as u64 {
            let of = feeds.hear(per, 1);
            sums = (sums.0 + of.forgotten, sums.1 + of.reordered);
        }
        assert_eq!(sums, (KEPT_SURELY as u64, 2));
        assert_eq!(feeds.end(), 0);
    }

    #[test]
    fn an_event_without_a_number_is_one_more_and_nothing_else() {
        let expected = Numbered { is_new: true, pushed: 1, ..Numbered::default() };
        assert_eq!(Numbered::UNNUMBERED, expected);
    }

    proptest! {
        /// Numbers that come at most 63 late, in any order and with copies, over any gaps: what is
        /// counted is what sets of numbers say.
        #[test]
        fn gaps_of_any_size_are_counted_as_sets_count_them(
            first: u64,
            steps in prop::collection::vec(
                prop_oneof![
                    8 => (1..4_u64, 0..60_u64),
                    1 => (any::<u32>().prop_map(u64::from), 0..60_u64),
                    1 => (any::<u64>(), 0..60_u64),
                ],
                0..40,
            ),
        ) {
            let mut numbers = vec![first];
            let mut highest = first;
            for (step, back) in steps {
                let Some(next) = highest.checked_add(step) else { continue };
                highest = next;
                numbers.push(next);
                if back > 0 && next >= back {
                    numbers.push(next - back);
                }
            }
            let heard: BTreeSet<u64> = numbers.iter().copied().collect();
            let above = heard.range(first..).count() as u64;
            let copies = (numbers.len() - heard.len()) as u64;
            let mut late = 0;
            let mut seen = BTreeSet::new();
            for number in &numbers {
                late += u64::from(seen.last().is_some_and(|last| number < last) && !seen.contains(number));
                seen.insert(*number);
            }
            let lost = (highest - first) - (above - 1);
            prop_assert_eq!(sums(numbers), (heard.len() as u64, lost, copies, late, 0));
        }

        /// No numbers at all make it panic, find more than was lost, or tell of an event twice.
        #[test]
        fn any_numbers_add_up(
            numbers in prop::collection::vec(
                prop_oneof![0..200_u64, any::<u64>(), (0..9_u64).prop_map(|n| u64::MAX - n)],
                0..60,
            ),
        ) {
            let all = numbers.len() as u64;
            let mut feeds = Feeds::default();
            let (mut pushed, mut copies, mut held, mut anew, mut late) = (0, 0, 0, 0, 0);
            let (mut lost, mut found) = (0_u128, 0_u128);
            for seq in numbers {
                let of = feeds.hear(0, seq);
                pushed += of.pushed;
                copies += u64::from(of.duplicated);
                held += u64::from(!of.is_new && !of.duplicated);
                anew += u64::from(of.renumbered);
                late += of.reordered;
                lost += u128::from(of.lost);
                found += u128::from(of.found);
                prop_assert!(found <= lost);
            }
            late += feeds.end();
            prop_assert_eq!(pushed - anew + copies + held, all);
            prop_assert!(late >= held - anew, "what was held is new or late");
        }
    }
}
