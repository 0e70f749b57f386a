//! How many runs it takes for ranks to decide at all.
//!
//! The most uneven split of so many runs has a least probability, and Holm's correction multiplies it
//! by the number of figures that decide. Where that is over the limit no change whatever is shown,
//! however large: four runs a side have 70 splits, which is enough for three figures and not for four.

use super::rank::RUNS_MAX;

/// One in so many comparisons of equals may call something worse: a whole number, so that nothing is
/// rounded at the limit.
const ONE_IN: u128 = 20;

/// Whether so many runs of each side can show that one of so many figures is worse.
#[must_use]
pub fn can_decide(base: usize, new: usize, gates: usize) -> bool {
    base > 0 && new > 0 && splits(base, new) >= ONE_IN.saturating_mul(gates as u128)
}

/// Runs of each side that so many figures need, if both sides have as many. At most [`RUNS_MAX`],
/// which is enough for more figures than there are.
#[must_use]
pub fn runs_needed(gates: usize) -> usize {
    (1..RUNS_MAX).find(|runs| can_decide(*runs, *runs, gates)).unwrap_or(RUNS_MAX)
}

/// In how many ways so many runs fall into two sides of these sizes. Past what is of any use it stays
/// at a number that is more than enough.
fn splits(base: usize, new: usize) -> u128 {
    let (all, few) = ((base + new) as u128, base.min(new) as u128);
    let mut ways: u128 = 1;
    for taken in 1..=few {
        let Some(more) = ways.checked_mul(all - few + taken) else { return u128::MAX };
        // Whole at each step: a binomial coefficient.
        ways = more / taken;
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::model::is_shown;
    use crate::compare::{holm, p_higher};

    #[test]
    fn splits_are_those_of_pascals_triangle() {
        assert_eq!(
            (splits(4, 4), splits(5, 5), splits(1, 19), splits(8, 8)),
            (70, 252, 20, 12_870)
        );
        assert_eq!(splits(50, 50), 100_891_344_545_564_193_334_812_497_256);
        assert_eq!(splits(2, 3), splits(3, 2));
    }

    /// Each pair of runs a side and figures: what is said to be enough is what the exact test, with
    /// Holm's correction, can call worse at best; and nothing else is.
    #[test]
    fn what_is_enough_is_what_the_test_can_show() {
        for runs in 1..=8_usize {
            for other in [runs, 5, 8] {
                for gates in 1..=20 {
                    let low: Vec<f64> = (0..runs).map(|at| at as f64).collect();
                    let high: Vec<f64> = (0..other).map(|at| 100.0 + at as f64).collect();
                    // One figure is ten times as large and more, the others are equal.
                    let mut ps = vec![1.0; gates];
                    ps[0] = p_higher(&low, &high);
                    let shown = is_shown(holm(&ps)[0]);
                    assert_eq!(
                        can_decide(runs, other, gates),
                        shown,
                        "{runs} and {other} runs, {gates} figures"
                    );
                }
            }
        }
    }

    #[test]
    fn so_many_are_needed() {
        for (gates, needed) in [(0, 1), (1, 3), (2, 4), (3, 4), (4, 5), (12, 5), (13, 6), (20, 6)] {
            assert_eq!(runs_needed(gates), needed, "{gates}");
            assert!(needed == 1 || !can_decide(needed - 1, needed - 1, gates), "{gates}");
        }
        // Nothing is shown by a side without runs, and be there nothing to show.
        for (base, new) in [(0, 50), (50, 0), (0, 0)] {
            assert!(!can_decide(base, new, 1) && !can_decide(base, new, 0), "{base} {new}");
        }
        assert!(can_decide(1, 1, 0));
    }
}
