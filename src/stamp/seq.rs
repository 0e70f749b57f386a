//! Sequence numbers of marks, which have 28 bits and begin anew after the last: at 10,000 messages a
//! second of one publisher to one room after seven hours.

/// Exclusive bound of a number.
pub const LIMIT: u32 = 1 << super::SEQ_BITS;

/// The number after this one, of the same publisher and room.
#[must_use]
pub fn next(seq: u32) -> u32 {
    (seq + 1) % LIMIT
}

/// Whether a number comes before another, of messages that are about as old.
#[must_use]
pub fn is_before(seq: u32, other: u32) -> bool {
    let ahead = other.wrapping_sub(seq) % LIMIT;
    ahead != 0 && ahead < LIMIT / 2
}

/// A number as one that counts on: the nearest to the highest that was heard of the same publisher
/// and room.
#[must_use]
pub fn unwrapped(seq: u32, highest: u64) -> u64 {
    const ROUND: u64 = LIMIT as u64;
    let same_round = highest / ROUND * ROUND + u64::from(seq);
    if same_round + ROUND / 2 < highest {
        same_round + ROUND
    } else if same_round >= highest + ROUND / 2 && same_round >= ROUND {
        same_round - ROUND
    } else {
        same_round
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_heard_first_is_of_the_first_round() {
        for seq in [0, 7, LIMIT / 2, LIMIT - 1] {
            assert_eq!(unwrapped(seq, 0), u64::from(seq));
        }
        assert_eq!(next(LIMIT - 1), 0);
        for (seq, other, before) in [
            (1, 2, true),
            (2, 2, false),
            (3, 2, false),
            (LIMIT - 1, 0, true),
            (LIMIT - 5, 3, true),
            (0, LIMIT - 1, false),
        ] {
            assert_eq!(is_before(seq, other), before, "{seq} {other}");
        }
    }

    proptest! {
        #[test]
        fn numbers_count_on_over_every_round(count in 0..u64::from(LIMIT) * 5, behind in 0_u64..100_000) {
            let seq = |count: u64| u32::try_from(count % u64::from(LIMIT)).unwrap();
            prop_assert_eq!(next(seq(count)), seq(count + 1));
            let later = count + behind;
            prop_assert_eq!(unwrapped(seq(later), count), later);
            prop_assert_eq!(unwrapped(seq(count), later), count);
            prop_assert_eq!(is_before(seq(count), seq(later)), behind > 0);
            prop_assert!(!is_before(seq(later), seq(count)));
        }
    }
}
