//! Histograms of microseconds, and a table of those in use.

use std::io::Read as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::metric::Metric;

/// An hour: the largest value a histogram tells apart.
const MAX_US: u64 = 3_600_000_000;

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
        // The bucket's upper end can lie above the largest value recorded.
        (!self.is_empty()).then(|| self.inner.value_at_percentile(percentile).min(self.inner.max()))
    }

    /// The histogram itself.
    #[must_use]
    pub fn inner(&self) -> &Histogram<u64> {
        &self.inner
    }

    fn decode(text: &str) -> Result<Self, String> {
        let bytes = STANDARD.decode(text).map_err(|error| error.to_string())?;
        let inner = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| error.to_string())?;
        Ok(Self { inner, clipped: 0 })
    }
}

/// Base64 of the V2 format with DEFLATE, as HdrHistogram's tools read it. `None` only if the
/// histogram can't be encoded, which a vector as the sink rules out in practice.
#[must_use]
pub fn encode(histogram: &Histogram<u64>) -> Option<String> {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(histogram, &mut bytes).ok()?;
    Some(STANDARD.encode(bytes))
}

/// Bytes of an encoded histogram of three digits, inflated: nine for each of its counts, and more
/// than enough for the header.
const INFLATED_MAX: usize = 9 * 23_552 + 64;
/// Before the counts: cookie, their length, offset, digits, lowest, highest, ratio.
const HEADER: usize = 40;

/// What [`encode`] wrote, from a file that anybody may have written: `None` for what is no histogram
/// of microseconds up to 1 h with at most three digits. Takes 512 KiB at most.
///
/// The crate alone would reserve what such a file claims, 4 GiB if need be.
#[must_use]
pub fn decode(text: &str) -> Option<Histogram<u64>> {
    if text.len() > 2 * INFLATED_MAX {
        return None;
    }
    let packed = STANDARD.decode(text).ok()?;
    // Of the packed form only its cookie and length stand outside what is deflated.
    let mut bytes = Vec::new();
    let inflate = ZlibDecoder::new(packed.get(8..)?);
    inflate.take(INFLATED_MAX as u64 + 1).read_to_end(&mut bytes).ok()?;
    let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let long = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let counts = bytes.get(HEADER..)?;
    let known = bytes.len() <= INFLATED_MAX
        && word(4)? as usize == counts.len()
        && (1..=3).contains(&word(12)?)
        && long(16)? == 1
        && long(24)? <= MAX_US
        // The least of all numbers, which the crate negates.
        && !counts.windows(9).any(|run| run == [0xff; 9]);
    if !known {
        return None;
    }
    Deserializer::new().deserialize(&mut bytes.as_slice()).ok()
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
        let hist = Self::decode(&wire.hdr).map_err(serde::de::Error::custom)?;
        Ok(Self { clipped: wire.clipped, ..hist })
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
        self.table.entry(key).or_default().record(us);
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
    use flate2::read::ZlibEncoder;
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

    /// A histogram as a file may hold it: the header of ours, but for what is given, and any counts.
    fn crafted(payload: u32, digits: u32, high: u64, counts: &[u8]) -> String {
        let mut inner = 0x1c84_9313_u32.to_be_bytes().to_vec();
        for word in [payload, 0, digits] {
            inner.extend(word.to_be_bytes());
        }
        for long in [1, high, 1.0_f64.to_bits()] {
            inner.extend(long.to_be_bytes());
        }
        inner.extend(counts);
        let mut packed = 0x1c84_9314_u32.to_be_bytes().to_vec();
        let mut deflate = ZlibEncoder::new(inner.as_slice(), flate2::Compression::fast());
        let mut deflated = Vec::new();
        deflate.read_to_end(&mut deflated).unwrap();
        packed.extend((deflated.len() as u32).to_be_bytes());
        packed.extend(deflated);
        STANDARD.encode(packed)
    }

    #[test]
    fn histograms_that_claim_more_than_they_hold_are_none() {
        let one = decode(&crafted(1, 2, MAX_US, &[2])).expect("a plain one is read");
        assert_eq!(one.len(), 1);
        let table = [
            ("4 GiB of counts", crafted(u32::MAX, 2, MAX_US, &[2])),
            ("five digits", crafted(1, 5, MAX_US, &[2])),
            ("600 years", crafted(1, 3, u64::MAX, &[2])),
            ("the least of all numbers", crafted(9, 2, MAX_US, &[0xff; 9])),
            ("counts past the last value", crafted(20_000, 2, MAX_US, &[2; 20_000])),
            ("64 MiB of zeros", crafted(1 << 26, 2, MAX_US, &vec![0; 1 << 26])),
            ("nothing", String::new()),
        ];
        for (what, text) in table {
            assert!(decode(&text).is_none(), "{what}");
        }
    }

    proptest! {
        #[test]
        fn encoded_histograms_come_back(values in proptest::collection::vec(1_u64..=MAX_US, 0..300), digits in 1_u8..=3) {
            let mut hist = Hist::with_digits(digits);
            values.iter().for_each(|us| hist.record(*us));
            let back = decode(&encode(hist.inner()).unwrap());
            prop_assert_eq!(back.as_ref(), Some(hist.inner()));
        }

        #[test]
        fn any_counts_give_a_histogram_or_none(counts in proptest::collection::vec(any::<u8>(), 0..200), digits in 0_u32..7) {
            let hist = decode(&crafted(counts.len() as u32, digits, MAX_US, &counts));
            prop_assert!(hist.is_none() || (1..=3).contains(&digits));
        }

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
