//! How late the first and the last recipient of a message heard it, by how many heard it: what
//! part of a latency is the server walking its list.

use super::hist::Hist;

/// Steps of 1, 2 and 5 up to a million, so that a bucket spans little of any curve. What more
/// recipients hear is in the last one.
const BUCKETS: [(u64, u64); 18] = [
    (2, 2),
    (3, 5),
    (6, 10),
    (11, 20),
    (21, 50),
    (51, 100),
    (101, 200),
    (201, 500),
    (501, 1_000),
    (1_001, 2_000),
    (2_001, 5_000),
    (5_001, 10_000),
    (10_001, 20_000),
    (20_001, 50_000),
    (50_001, 100_000),
    (100_001, 200_000),
    (200_001, 500_000),
    (500_001, 1_000_000),
];

/// Messages that a like number of recipients heard.
#[derive(Clone, Debug, Default)]
pub struct SpreadOfSize {
    /// Sent to the first arrival.
    pub first: Hist,
    /// Sent to the last arrival.
    pub last: Hist,
    /// The first arrival to the last.
    pub spread: Hist,
}

/// The same for every number of recipients; memory only for those that occurred.
#[derive(Debug, Default)]
pub struct SpreadBySize {
    buckets: [Option<Box<SpreadOfSize>>; BUCKETS.len()],
}

impl SpreadBySize {
    /// Takes a message in. One that fewer than two heard has no last recipient besides its first,
    /// and is left out.
    pub(super) fn record(&mut self, recipients: u64, sent_us: u64, first_us: u64, last_us: u64) {
        let Some(bucket) = bucket(recipients).and_then(|at| self.buckets.get_mut(at)) else {
            return;
        };
        let figures = bucket.get_or_insert_default();
        figures.first.record(first_us.saturating_sub(sent_us));
        figures.last.record(last_us.saturating_sub(sent_us));
        figures.spread.record(last_us.saturating_sub(first_us));
    }

    /// What occurred, by the smallest and the largest number of recipients, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = ((u64, u64), &SpreadOfSize)> {
        let buckets = BUCKETS.into_iter().zip(&self.buckets);
        buckets.filter_map(|(range, figures)| Some((range, figures.as_deref()?)))
    }
}

fn bucket(recipients: u64) -> Option<usize> {
    let (least, _) = BUCKETS[0];
    let at = BUCKETS.partition_point(|(_, to)| *to < recipients);
    (recipients >= least).then_some(at.min(BUCKETS.len() - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_leave_no_gap_and_do_not_overlap() {
        for pair in BUCKETS.windows(2) {
            assert_eq!(pair[0].1 + 1, pair[1].0);
        }
        for (at, (from, to)) in BUCKETS.into_iter().enumerate() {
            assert!(from <= to);
            assert_eq!((bucket(from), bucket(to)), (Some(at), Some(at)), "{from}-{to}");
        }
    }

    #[test]
    fn recipients_outside_the_buckets() {
        assert_eq!((bucket(0), bucket(1)), (None, None));
        assert_eq!(bucket(1_000_001), Some(BUCKETS.len() - 1));
        assert_eq!(bucket(u64::MAX), Some(BUCKETS.len() - 1));
    }

    #[test]
    fn known_arrivals_give_known_figures() {
        let mut by_size = SpreadBySize::default();
        by_size.record(1, 100, 150, 150);
        by_size.record(3, 100, 150, 190);
        by_size.record(5, 100, 160, 260);
        by_size.record(20, 1_000, 1_001, 1_900);
        let found: Vec<_> = by_size
            .iter()
            .map(|(range, of)| {
                let most = [&of.first, &of.last, &of.spread].map(|hist| hist.inner().max());
                let least = [&of.first, &of.last, &of.spread].map(|hist| hist.inner().min());
                (range, of.spread.len(), least, most)
            })
            .collect();
        let expected = vec![
            ((3, 5), 2, [50, 90, 40], [60, 160, 100]),
            ((11, 20), 1, [1, 900, 899], [1, 900, 899]),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn an_arrival_before_its_message_was_sent_counts_as_the_least_there_is() {
        let mut by_size = SpreadBySize::default();
        by_size.record(2, 100, 90, 95);
        let (_, of) = by_size.iter().next().unwrap();
        assert_eq!((of.first.inner().max(), of.last.inner().max()), (1, 1));
        assert_eq!(of.spread.inner().max(), 5);
    }
}
