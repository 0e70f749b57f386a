//! `latency.hlog`: the whole run's histogram of every latency metric, in the log format of
//! HdrHistogram's `HistogramLogWriter`, each under its name as tag.
//!
//! One interval a metric, and not one a second: the whole run's histograms have three digits, and
//! percentiles come back from them as they are told everywhere else. Those of a second have two, and
//! only delivery has any; what went on over time is in `series.csv`.

use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use jiff::Timestamp;

use super::Report;
use super::error::RenderError;

pub(super) const HLOG_FILE: &str = "latency.hlog";

/// Of the column that shows each line's maximum in milliseconds; histograms are in microseconds.
const US_PER_MS: f64 = 1_000.0;

pub(super) fn to_hlog(report: &Report) -> Result<String, RenderError> {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let failed = |metric: &'static str, why: String| RenderError::Histogram { metric, why };
    let mut builder = IntervalLogWriterBuilder::new();
    builder
        .add_comment("[Histogram log format version 1.3]")
        .add_comment("[Values are microseconds; the third column is the maximum in milliseconds]")
        .add_comment(
            "[For milliseconds: HistogramLogProcessor -outputValueUnitRatio 1000 -tag NAME]",
        )
        .with_max_value_divisor(US_PER_MS);
    if let Ok(started) = report.run.started_at.parse::<Timestamp>() {
        let started = SystemTime::from(started);
        builder.with_start_time(started).with_base_time(started);
    }
    let mut log = builder
        .begin_log_with(&mut bytes, &mut serializer)
        .map_err(|error| failed("the run", error.to_string()))?;
    // A report that somebody wrote by hand may hold any number.
    let duration = Duration::try_from_secs_f64(report.run.duration_s).unwrap_or_default();
    for (metric, latency) in &report.latency {
        let name = metric.name();
        let histogram = latency.histogram().map_err(|why| failed(name, why.to_string()))?;
        if let Some(histogram) = histogram.filter(|histogram| !histogram.is_empty()) {
            log.write_histogram(&histogram, Duration::ZERO, duration, Tag::new(name))
                .map_err(|error| failed(name, error.to_string()))?;
        }
    }
    String::from_utf8(bytes).map_err(|error| failed("the run", error.to_string()))
}
