//! The figures of one latency metric, and how they come from a histogram.
//!
//! Whether a percentile has enough samples to be told is decided by `measure`, for thresholds too.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::measure::{decode, encode, samples_needed, value_at};
use crate::metric::Metric;

/// A latency metric in figures. A percentile with fewer than [`samples_needed`] is `null`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Latency {
    /// From what to what, in a phrase; left out of phases and cohorts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    /// Always `us`: every figure here is in microseconds.
    pub unit: LatencyUnit,
    /// Samples.
    pub count: u64,
    /// Smallest, microseconds.
    pub min: Option<u64>,
    /// Arithmetic mean, microseconds.
    pub mean: Option<f64>,
    /// Median, microseconds.
    pub p50: Option<u64>,
    /// 90th percentile, microseconds.
    pub p90: Option<u64>,
    /// 95th percentile, microseconds.
    pub p95: Option<u64>,
    /// 99th percentile, microseconds.
    pub p99: Option<u64>,
    /// 99.9th percentile, microseconds.
    pub p99_9: Option<u64>,
    /// Largest, microseconds.
    pub max: Option<u64>,
    /// The whole histogram, V2 with deflate, in base64; left out of phases and cohorts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hdr: Option<String>,
}

/// The unit of every latency in a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum LatencyUnit {
    /// Microseconds.
    #[default]
    #[serde(rename = "us")]
    Microseconds,
}

/// A text that is no histogram of latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it is no histogram of 1 us to 1 h with at most three digits")]
pub struct NoHistogram;

impl Latency {
    /// The figures of a histogram of microseconds, what they are of, and the histogram itself.
    #[must_use]
    pub fn of_metric(metric: Metric, histogram: &Histogram<u64>) -> Self {
        Self {
            meaning: Some(metric.meaning().to_owned()),
            hdr: encode(histogram),
            ..Self::figures(histogram)
        }
    }

    /// The whole histogram of microseconds; `None` where the report keeps none.
    ///
    /// # Errors
    ///
    /// When `hdr` is no histogram.
    pub fn histogram(&self) -> Result<Option<Histogram<u64>>, NoHistogram> {
        self.hdr.as_deref().map(|hdr| decode(hdr).ok_or(NoHistogram)).transpose()
    }

    /// The figures alone, for a phase or a cohort: a histogram each would let the report grow
    /// with their number.
    #[must_use]
    pub fn figures(histogram: &Histogram<u64>) -> Self {
        let count = histogram.len();
        let any = count > 0;
        let percentile = |percentile: f64| {
            (count >= samples_needed(percentile)).then(|| value_at(histogram, percentile))
        };
        Self {
            meaning: None,
            unit: LatencyUnit::Microseconds,
            count,
            min: any.then(|| histogram.min()),
            mean: any.then(|| histogram.mean()),
            p50: percentile(50.0),
            p90: percentile(90.0),
            p95: percentile(95.0),
            p99: percentile(99.0),
            p99_9: percentile(99.9),
            max: any.then(|| histogram.max()),
            hdr: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;
    use hdrhistogram::serialization::Deserializer;

    use super::*;

    fn histogram(values: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1, 3_600_000_000, 3).unwrap();
        for value in values {
            histogram.record(value).unwrap();
        }
        histogram
    }

    #[test]
    fn ten_samples_above_a_percentile() {
        let table = [(50.0, 20), (90.0, 100), (95.0, 200), (99.0, 1_000), (99.9, 10_000)];
        for (percentile, needed) in table {
            assert_eq!(samples_needed(percentile), needed, "p{percentile}");
        }
    }

    #[test]
    fn known_values() {
        // 1 to 1,000 us, each once: 3 digits hold them exactly.
        let latency = Latency::of_metric(Metric::Lag, &histogram(1..=1_000));
        assert_eq!(latency.meaning.as_deref(), Some(Metric::Lag.meaning()));
        assert_eq!(latency.count, 1_000);
        assert_eq!(latency.min, Some(1));
        assert_eq!(latency.mean, Some(500.5));
        assert_eq!(latency.p50, Some(500));
        assert_eq!(latency.p90, Some(900));
        assert_eq!(latency.p95, Some(950));
        assert_eq!(latency.p99, Some(990));
        assert_eq!(latency.p99_9, None, "1,000 samples are too few");
        assert_eq!(latency.max, Some(1_000));
    }

    #[test]
    fn one_sample_short_is_too_few() {
        assert_eq!(Latency::figures(&histogram(1..=999)).p99, None);
        assert_eq!(Latency::figures(&histogram(1..=199)).p95, None);
        assert_eq!(Latency::figures(&histogram(1..=99)).p90, None);
        assert_eq!(Latency::figures(&histogram(1..=19)).p50, None);
        assert_eq!(Latency::figures(&histogram(1..=20)).p50, Some(10));
    }

    #[test]
    fn nothing_recorded_is_null_and_not_zero() {
        let latency = Latency::figures(&histogram([]));
        assert_eq!(latency, Latency::default());
        let json = serde_json::to_value(&latency).unwrap();
        assert!(json["min"].is_null() && json["mean"].is_null() && json["max"].is_null());
    }

    #[test]
    fn the_histogram_survives() {
        let recorded = histogram((1..=1_000).map(|n| n * 37));
        let hdr = Latency::of_metric(Metric::Lag, &recorded).hdr.unwrap();
        let bytes = BASE64.decode(hdr.as_bytes()).unwrap();
        let read: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
        assert_eq!(read, recorded);
    }
}
