//! Histograms of microseconds, and a table of those in use.

use hdrhistogram::Histogram;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::encoded::{MAX_US, decode, encode};
use crate::metric::Metric;

/// One 3-digit histogram of 1 µs to 1 h. Values outside are clamped and counted.
#[derive(Clone, Debug)]
pub struct Hist {
    inner: Histogram<u64>,
    clipped: u64,
}

impl Default for Hist {
    fn default() -> Self {
        Self::with_digits(3)
    }
}

impl Hist {
    /// An empty histogram of that many significant decimal digits (1 to 5).
    #[must_use]
    pub fn with_digits(digits: u8) -> Self {
        #[expect(clippy::expect_used, reason = "only bounds that are wrong in the source fail")]
        let inner = Histogram::new_with_bounds(1, MAX_US, digits).expect("valid bounds");
        Self { inner, clipped: 0 }
    }

    /// Records one value in microseconds; 0 counts as 1.
    pub fn record(&mut self, us: u64) {
        self.clipped += u64::from(us > MAX_US);
        self.inner.saturating_record(us.clamp(1, MAX_US));
    }

    /// Adds another's values. Lossless when both have the same digits.
    pub fn merge(&mut self, other: &Self) {
        self.clipped += other.clipped;
        if self.inner.sigfig() == other.inner.sigfig() {
            // Equal bounds by construction, so every value fits.
            let added = self.inner.add(&other.inner);
            debug_assert!(added.is_ok());
        } else {
            for value in other.inner.iter_recorded() {
                self.inner.saturating_record_n(value.value_iterated_to(), value.count_at_value());
            }
        }
    }

    /// How many values it holds.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.inner.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// How many values were above the range.
    #[must_use]
    pub fn clipped(&self) -> u64 {
        self.clipped
    }

    /// The value at a percentile of 0 to 100, in microseconds; `None` when empty.
    #[must_use]
    pub fn percentile(&self, percentile: f64) -> Option<u64> {
        (!self.is_empty()).then(|| value_at(&self.inner, percentile))
    }

    /// The histogram itself.
    #[must_use]
    pub fn inner(&self) -> &Histogram<u64> {
        &self.inner
    }
}

/// The value at a percentile of 0 to 100 of a histogram that isn't empty: the smallest that so many
/// samples don't exceed.
#[must_use]
pub fn value_at(histogram: &Histogram<u64>, percentile: f64) -> u64 {
    value_at_share(histogram, percentile / 100.0)
}

/// The same for a share of the samples, 0 to 1.
#[must_use]
pub fn value_at_share(histogram: &Histogram<u64>, share: f64) -> u64 {
    // 99.9 / 100 is a little over 0.999, and of 10,000 samples it would take the 9,991st. The next
    // smaller number is what HdrHistogram's own Java takes.
    let share = share.next_down().max(0.0);
    // The bucket's upper end can lie above the largest value recorded.
    histogram.value_at_quantile(share).min(histogram.max())
}

/// On the wire between processes: the encoded histogram and the clipped count.
#[derive(Serialize, Deserialize)]
struct Wire {
    hdr: String,
    clipped: u64,
}

impl Serialize for Hist {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hdr = encode(&self.inner)
            .ok_or_else(|| serde::ser::Error::custom("the histogram can't be encoded"))?;
        Wire { hdr, clipped: self.clipped }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Hist {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let inner = decode(&wire.hdr)
            .ok_or_else(|| serde::de::Error::custom("this is no histogram of microseconds"))?;
        Ok(Self { inner, clipped: wire.clipped })
    }
}

/// What a histogram is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HistKey {
    /// The metric.
    pub metric: Metric,
    /// The receiver's cohort for deliveries, else the client's own.
    pub cohort: u16,
    /// The phase a message was due in, or in which something without a due time happened.
    pub phase: u16,
}

/// The histograms in use. A worker fills and hands over one table a second.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Histograms {
    #[serde(with = "pairs")]
    table: FxHashMap<HistKey, Box<Hist>>,
}

impl Histograms {
    /// Records one value in microseconds.
    pub fn record(&mut self, key: HistKey, us: u64) {
        // An entry makes room for one more first, and all but the first value find theirs.
        match self.table.get_mut(&key) {
            Some(hist) => hist.record(us),
            None => self.table.entry(key).or_default().record(us),
        }
    }

    /// Adds another table's values.
    pub fn merge(&mut self, other: &Self) {
        for (key, hist) in &other.table {
            self.table.entry(*key).or_default().merge(hist);
        }
    }

    /// Adds one histogram's values under a key.
    pub fn merge_one(&mut self, key: HistKey, hist: &Hist) {
        self.table.entry(key).or_default().merge(hist);
    }

    /// All values of a metric whose cohort and phase are wanted.
    #[must_use]
    pub fn sum(&self, metric: Metric, wanted: impl Fn(&HistKey) -> bool) -> Hist {
        let mut sum = Hist::default();
        for (key, hist) in &self.table {
            if key.metric == metric && wanted(key) {
                sum.merge(hist);
            }
        }
        sum
    }
}

/// JSON has no maps with struct keys, so a table travels as pairs.
mod pairs {
    use super::{FxHashMap, Hist, HistKey};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        table: &FxHashMap<HistKey, Box<Hist>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        table.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<FxHashMap<HistKey, Box<Hist>>, D::Error> {
        Ok(Vec::<(HistKey, Box<Hist>)>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_outside_the_range_are_clamped_and_counted() {
        let mut hist = Hist::default();
        hist.record(0);
        hist.record(MAX_US + 1);
        assert_eq!(hist.len(), 2);
        assert_eq!(hist.clipped(), 1);
        assert_eq!(hist.percentile(1.0), Some(1));
        assert_eq!(Hist::default().percentile(50.0), None);
    }

    #[test]
    fn the_largest_value_is_not_clipped_and_what_is_adds_up() {
        let (mut one, mut other) = (Hist::default(), Hist::default());
        assert!(one.is_empty());
        one.record(MAX_US);
        assert_eq!((one.clipped(), one.len(), one.is_empty()), (0, 1, false));
        (0..2).for_each(|_| one.record(MAX_US + 1));
        (0..3).for_each(|_| other.record(2 * MAX_US));
        one.merge(&other);
        assert_eq!((one.clipped(), one.len()), (5, 6));
        // Into one of fewer digits.
        let mut coarse = Hist::with_digits(1);
        assert_eq!(coarse.inner().sigfig(), 1);
        [5, 5, 12].into_iter().for_each(|us| other.record(us));
        coarse.merge(&other);
        assert_eq!((coarse.clipped(), coarse.len(), coarse.percentile(30.0)), (3, 6, Some(5)));
    }

    #[test]
    fn a_table_sums_what_is_wanted_of_one_metric() {
        let key = |metric, cohort, phase| HistKey { metric, cohort, phase };
        let mut table = Histograms::default();
        for us in [5, 6] {
            table.record(key(Metric::Join, 0, 0), us);
        }
        table.record(key(Metric::Join, 1, 0), 7);
        table.record(key(Metric::Ack, 0, 0), 8);
        let mut other = Histograms::default();
        other.record(key(Metric::Join, 0, 0), 9);
        other.record(key(Metric::Join, 0, 1), 10);
        table.merge(&other);
        table.merge_one(key(Metric::Ack, 0, 0), &table.sum(Metric::Ack, |_| true));
        let sent = serde_json::to_string(&table).unwrap();
        for table in [table, serde_json::from_str(&sent).unwrap()] {
            let of = |metric, wanted: fn(&HistKey) -> bool| {
                let sum = table.sum(metric, wanted);
                (sum.len(), sum.inner().min(), sum.inner().max())
            };
            assert_eq!(of(Metric::Join, |_| true), (5, 5, 10));
            assert_eq!(of(Metric::Join, |key| (key.cohort, key.phase) == (0, 0)), (3, 5, 9));
            assert_eq!(of(Metric::Join, |key| key.phase == 1), (1, 10, 10));
            assert_eq!(of(Metric::Ack, |_| true), (2, 8, 8));
            assert!(table.sum(Metric::Lag, |_| true).is_empty());
        }
    }

    #[test]
    fn a_percentile_is_the_sample_of_its_rank() {
        let mut hist = Hist::default();
        (1..=1_000).for_each(|us| (0..10).for_each(|_| hist.record(us)));
        for (percentile, us) in
            [(0.0, 1), (0.1, 1), (50.0, 500), (90.0, 900), (99.0, 990), (99.9, 999), (100.0, 1_000)]
        {
            assert_eq!(hist.percentile(percentile), Some(us), "p{percentile}");
        }
        assert_eq!(hist.percentile(99.91), Some(1_000));
    }

    proptest! {
        #[test]
        fn merged_parts_equal_one_recorder(values in proptest::collection::vec(0_u64..2 * MAX_US, 1..300), parts in 1_usize..5) {
            let mut whole = Hist::default();
            let mut shards = vec![Hist::default(); parts];
            for (at, value) in values.iter().enumerate() {
                whole.record(*value);
                shards[at % parts].record(*value);
            }
            let mut merged = Hist::default();
            for shard in &shards {
                // Through the wire, as between processes.
                let text = serde_json::to_string(shard).unwrap();
                merged.merge(&serde_json::from_str(&text).unwrap());
            }
            prop_assert_eq!(merged.inner(), whole.inner());
            prop_assert_eq!(merged.clipped(), whole.clipped());
        }
    }
}
