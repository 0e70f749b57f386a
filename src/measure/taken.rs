//! How many frames each rule of a protocol file took, by cohort: one that takes none, because another
//! one or a slip of its own keeps it from them, shows nowhere else.
//!
//! Bounded by the rules that the files have.

use serde::{Deserialize, Serialize};

/// Frames by cohort and rule, in the order of [`Protocol::rules`](crate::protocol::Protocol::rules).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    cohorts: Vec<Vec<u64>>,
}

impl Taken {
    /// Counts a frame.
    pub(super) fn note(&mut self, cohort: usize, rule: usize) {
        self.add(cohort, rule, 1);
    }

    /// Adds another's counts.
    pub(super) fn merge(&mut self, other: &Self) {
        for (cohort, rules) in other.cohorts.iter().enumerate() {
            for (rule, frames) in rules.iter().enumerate() {
                self.add(cohort, rule, *frames);
            }
        }
    }

    fn add(&mut self, cohort: usize, rule: usize, frames: u64) {
        if self.cohorts.len() <= cohort {
            self.cohorts.resize(cohort + 1, Vec::new());
        }
        let rules = &mut self.cohorts[cohort];
        if rules.len() <= rule {
            rules.resize(rule + 1, 0);
        }
        rules[rule] += frames;
    }

    /// What a rule of a cohort's protocol took.
    #[must_use]
    pub fn frames(&self, cohort: usize, rule: usize) -> u64 {
        self.cohorts.get(cohort).and_then(|rules| rules.get(rule)).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_add_up_over_workers_in_any_order() {
        let (mut one, mut other) = (Taken::default(), Taken::default());
        one.note(1, 2);
        one.note(1, 2);
        one.note(0, 0);
        other.note(1, 2);
        other.note(3, 1);
        let (mut merged, mut reversed) = (one.clone(), other.clone());
        merged.merge(&other);
        reversed.merge(&one);
        for taken in [merged, reversed] {
            assert_eq!(taken.frames(1, 2), 3);
            assert_eq!((taken.frames(0, 0), taken.frames(3, 1)), (1, 1));
            assert_eq!((taken.frames(0, 9), taken.frames(2, 0), taken.frames(9, 9)), (0, 0, 0));
        }
    }
}
