//! A set of a room's members, by their slots.

use serde::{Deserialize, Serialize};

/// A set of a room's slots: one word for rooms of up to 64, more where needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Slots {
    low: u64,
    high: Vec<u64>,
}

impl Slots {
    /// Adds a slot; false if it was there.
    pub(super) fn insert(&mut self, slot: u32) -> bool {
        let (word, bit) = (slot as usize / 64, 1_u64 << (slot % 64));
        let word = match word.checked_sub(1) {
            None => &mut self.low,
            Some(at) => {
                if self.high.len() <= at {
                    self.high.resize(at + 1, 0);
                }
                &mut self.high[at]
            }
        };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Takes a slot out; false if it was not there.
    pub(super) fn remove(&mut self, slot: u32) -> bool {
        let (word, bit) = (slot as usize / 64, 1_u64 << (slot % 64));
        let word = match word.checked_sub(1) {
            None => Some(&mut self.low),
            Some(at) => self.high.get_mut(at),
        };
        let Some(word) = word.filter(|word| **word & bit != 0) else { return false };
        *word &= !bit;
        true
    }

    pub(super) fn contains(&self, slot: u32) -> bool {
        let (word, bit) = (slot as usize / 64, 1_u64 << (slot % 64));
        let word = match word.checked_sub(1) {
            None => self.low,
            Some(at) => self.high.get(at).copied().unwrap_or(0),
        };
        word & bit != 0
    }

    pub(super) fn count(&self) -> u64 {
        u64::from(self.low.count_ones())
            + self.high.iter().map(|word| u64::from(word.count_ones())).sum::<u64>()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.low == 0 && self.high.iter().all(|word| *word == 0)
    }

    /// Adds another's slots.
    pub(super) fn merge(&mut self, other: &Self) {
        if self.high.len() < other.high.len() {
            self.high.resize(other.high.len(), 0);
        }
        self.low |= other.low;
        for (mine, theirs) in self.high.iter_mut().zip(&other.high) {
            *mine |= theirs;
        }
    }

    /// Those that are in both.
    pub(super) fn common(&self, other: &Self) -> Self {
        let high = self.high.iter().zip(&other.high).map(|(mine, theirs)| mine & theirs).collect();
        Self { low: self.low & other.low, high }
    }

    /// Each of them, the smallest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let words = std::iter::once(self.low).chain(self.high.iter().copied());
        (0_u32..).zip(words).flat_map(|(at, word)| bits(word).map(move |bit| at * 64 + bit))
    }
}

/// The places of a word's ones, the lowest first.
fn bits(word: u64) -> impl Iterator<Item = u32> {
    let some = |word: u64| (word != 0).then_some(word);
    std::iter::successors(some(word), move |word| some(word & (word - 1))).map(u64::trailing_zeros)
}

/// A set of these.
#[cfg(test)]
pub(super) fn slots(of: &[u32]) -> Slots {
    let mut slots = Slots::default();
    of.iter().for_each(|slot| assert!(slots.insert(*slot)));
    slots
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slots_of_one_word_and_of_more() {
        for (of, count) in
            [(&[][..], 0), (&[5], 1), (&[63, 64], 2), (&[100], 1), (&[128, 200, 1], 3)]
        {
            let slots = slots(of);
            assert_eq!((slots.count(), slots.is_empty()), (count, count == 0), "{of:?}");
        }
        let mut small = slots(&[1, 64]);
        assert_eq!(small.common(&slots(&[1, 64, 65, 300])), small);
        small.merge(&slots(&[1, 64, 65, 300]));
        assert_eq!(small, slots(&[1, 64, 65, 300]));
        assert_eq!(small.common(&slots(&[2, 300])).count(), 1);
        small.merge(&slots(&[2, 300]));
        assert_eq!(small.iter().collect::<Vec<_>>(), [1, 2, 64, 65, 300]);
    }

    proptest! {
        #[test]
        fn slots_behave_as_a_set(a in proptest::collection::vec(0_u32..300, 0..80), b in proptest::collection::vec(0_u32..300, 0..80)) {
            let (mut set_a, mut set_b) = (BTreeSet::new(), BTreeSet::new());
            let (mut slots_a, mut slots_b) = (Slots::default(), Slots::default());
            for slot in a { prop_assert_eq!(slots_a.insert(slot), set_a.insert(slot)); }
            for slot in b { prop_assert_eq!(slots_b.insert(slot), set_b.insert(slot)); }
            prop_assert_eq!(slots_a.count(), set_a.len() as u64);
            prop_assert_eq!(slots_a.is_empty(), set_a.is_empty());
            let both = slots_a.common(&slots_b);
            prop_assert!(both.iter().eq(set_a.intersection(&set_b).copied()));
            prop_assert_eq!(both.count(), both.iter().count() as u64);
            slots_a.merge(&slots_b);
            set_a.extend(&set_b);
            prop_assert!(slots_a.iter().eq(set_a.iter().copied()));
            for slot in 0..300 { prop_assert_eq!(slots_a.contains(slot), set_a.contains(&slot)); }
            for slot in 0..300 { prop_assert_eq!(slots_a.remove(slot), set_a.remove(&slot)); }
            prop_assert!(slots_a.is_empty());
        }
    }
}
