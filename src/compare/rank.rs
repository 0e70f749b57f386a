//! The exact rank test of Wilcoxon, Mann and Whitney, and Holm's correction where several are made.
//!
//! Runs are compared and not messages: those of one run share its machine, its moment and its luck,
//! so that a million of them say less of the next run than five runs do. Ranks, because nobody knows
//! how a run's figure is distributed; exact, because five runs a side are few.

/// The most runs of a side that are compared: past it the test gains nothing and takes seconds.
pub const RUNS_MAX: usize = 50;

/// How probable it is, if nothing differs between the sides, that the ranks of `new` are as high
/// together as they are, or higher: 0 to 1. Equal values share their ranks, over which the
/// distribution is as exact as without them. 1 where a side is empty.
///
/// H. B. Mann, D. R. Whitney, "On a test of whether one of two random variables is stochastically
/// larger than the other", 1947; with ties as the permutation distribution of midranks.
#[must_use]
pub fn p_higher(base: &[f64], new: &[f64]) -> f64 {
    let ranks = doubled_midranks(base, new);
    let observed: usize = ranks[base.len()..].iter().sum();
    let total: usize = ranks.iter().sum();
    // ways[k][s]: how many sets of k of the runs seen so far have ranks that sum to s.
    let mut ways = vec![vec![0.0_f64; total + 1]; new.len() + 1];
    ways[0][0] = 1.0;
    for rank in &ranks {
        for k in (1..=new.len()).rev() {
            let (fewer, these) = ways.split_at_mut(k);
            for sum in (*rank..=total).rev() {
                these[0][sum] += fewer[k - 1][sum - rank];
            }
        }
    }
    let all: f64 = ways[new.len()].iter().sum();
    let as_high: f64 = ways[new.len()][observed..].iter().sum();
    as_high / all
}

/// Twice the rank of each, `base` first: half ranks are shared by equal values. Counted from a half,
/// so that the lowest has 1; only differences matter.
fn doubled_midranks(base: &[f64], new: &[f64]) -> Vec<usize> {
    let all: Vec<f64> = base.iter().chain(new).copied().collect();
    let rank = |value: &f64| {
        let below = all.iter().filter(|other| *other < value).count();
        let equal = all.iter().filter(|other| *other == value).count();
        2 * below + equal
    };
    all.iter().map(rank).collect()
}

/// Each probability as it counts when all of these are looked at: at most 5 % of comparisons without
/// any difference then show one below 5 %.
///
/// S. Holm, "A simple sequentially rejective multiple test procedure", 1979.
#[must_use]
pub fn holm(ps: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ps.len()).collect();
    order.sort_by(|a, b| ps[*a].total_cmp(&ps[*b]));
    let mut adjusted = vec![1.0; ps.len()];
    let mut largest = 0.0_f64;
    for (place, at) in order.into_iter().enumerate() {
        largest = largest.max(ps[at] * (ps.len() - place) as f64).min(1.0);
        adjusted[at] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    /// Values from tables of the test, and by hand.
    #[test]
    fn known_samples_have_their_known_probability() {
        let low = [1.0, 2.0, 3.0, 4.0, 5.0];
        let high = [6.0, 7.0, 8.0, 9.0, 10.0];
        assert!(near(p_higher(&low, &high), 1.0 / 252.0));
        assert!(near(p_higher(&high, &low), 1.0));
        // One pair the other way round: the second highest sum.
        assert!(near(
            p_higher(&[1.0, 2.0, 3.0, 4.0, 6.0], &[5.0, 7.0, 8.0, 9.0, 10.0]),
            2.0 / 252.0
        ));
        assert!(near(p_higher(&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0]), 1.0 / 70.0));
        assert!(near(p_higher(&[1.0], &[2.0]), 0.5));
        // All equal: any split is as high.
        assert!(near(p_higher(&[3.0; 4], &[3.0; 5]), 1.0));
        // Of the ten pairs of midranks 1, 3, 3, 3, 5 three reach 8, and seven reach 6.
        for (base, new, of_ten) in [
            ([1.0, 2.0, 2.0], [2.0, 3.0], 3.0),
            ([1.0, 2.0, 3.0], [2.0, 2.0], 7.0),
            ([2.0, 2.0, 2.0], [1.0, 3.0], 7.0),
        ] {
            let p = p_higher(&base, &new);
            assert!(near(p, of_ten / 10.0), "{base:?} {new:?}: {p}");
        }
        for (base, new) in [(&[][..], &[1.0][..]), (&[1.0], &[]), (&[], &[])] {
            assert!(near(p_higher(base, new), 1.0), "{base:?} {new:?}");
        }
    }

    #[test]
    fn several_looks_cost_what_holm_says() {
        assert_eq!(holm(&[]), Vec::<f64>::new());
        let adjusted = holm(&[0.01, 0.04, 0.03]);
        for (found, expected) in adjusted.iter().zip([0.03, 0.06, 0.06]) {
            assert!(near(*found, expected), "{adjusted:?}");
        }
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
    }

    proptest! {
        /// The law that makes it a test: over all ways to split one sample, p is below any limit at
        /// most as often as the limit says.
        #[test]
        fn a_split_of_one_sample_is_rarely_below_a_limit(
            values in proptest::collection::vec(0_u8..6, 8),
            limit in 0.01_f64..0.5,
        ) {
            let mut below = 0;
            let mut splits = 0;
            for mask in 0_u32..256 {
                if mask.count_ones() != 4 {
                    continue;
                }
                let side = |wanted: bool| -> Vec<f64> {
                    let mine = |at: &usize| (mask >> at & 1 == 1) == wanted;
                    (0..8).filter(mine).map(|at| f64::from(values[at])).collect()
                };
                splits += 1;
                below += u32::from(p_higher(&side(false), &side(true)) <= limit);
            }
            prop_assert!(f64::from(below) <= limit * f64::from(splits) + 1e-9);
        }

        #[test]
        fn higher_values_are_never_less_probable_to_be_higher(
            base in proptest::collection::vec(0.0_f64..10.0, 1..6),
            new in proptest::collection::vec(0.0_f64..10.0, 1..6),
            by in 0.0_f64..5.0,
        ) {
            let raised: Vec<f64> = new.iter().map(|value| value + by).collect();
            prop_assert!(p_higher(&base, &raised) <= p_higher(&base, &new) + 1e-12);
        }
    }
}
