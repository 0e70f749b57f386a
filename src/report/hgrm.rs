//! `METRIC.hgrm`: a percentile distribution in the text format of HdrHistogram's tools, as
//! `outputPercentileDistribution` writes it and hdrhistogram.github.io plots it.
//!
//! In milliseconds, which is what those tools take values for.

use std::fmt::Write as _;

use hdrhistogram::Histogram;

use super::Latency;
use super::error::RenderError;
use crate::measure::value_at_share;
use crate::metric::Metric;

/// Rows for each halving of what is left of the samples; the default of HdrHistogram's tools.
const TICKS_PER_HALF: u32 = 5;
/// Of a share, twelve digits are.
const PRINTED: f64 = 1e12;
const US_PER_MS: f64 = 1_000.0;

pub(super) fn to_hgrm(metric: Metric, latency: &Latency) -> Result<Option<String>, RenderError> {
    let histogram = latency
        .histogram()
        .map_err(|why| RenderError::Histogram { metric: metric.name(), why: why.to_string() })?;
    Ok(histogram.filter(|histogram| !histogram.is_empty()).map(|of| distribution(metric, &of)))
}

fn distribution(metric: Metric, histogram: &Histogram<u64>) -> String {
    let ms = |us: f64| us / US_PER_MS;
    let mut text = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    for row in histogram.iter_quantiles(TICKS_PER_HALF) {
        // The iterator's steps add up to a little over 0.75 and 0.9, and its values then are the next
        // ones: what is looked up is what is printed.
        let share = (row.quantile_iterated_to() * PRINTED).round() / PRINTED;
        let us = value_at_share(histogram, share);
        let total = histogram.count_between(0, us);
        let value = ms(us as f64);
        // Writing to a string can't fail.
        let _ = if share < 1.0 {
            writeln!(text, "{value:12.3} {share:2.12} {total:10} {:14.2}", 1.0 / (1.0 - share))
        } else {
            // The tools know the last row by its three columns.
            writeln!(text, "{value:12.3} {share:2.12} {total:10}")
        };
    }
    let _ = writeln!(
        text,
        "#[Mean    = {:12.3}, StdDeviation   = {:12.3}]",
        ms(histogram.mean()),
        ms(histogram.stdev())
    );
    let _ = writeln!(
        text,
        "#[Max     = {:12.3}, Total count    = {:12}]",
        ms(histogram.max() as f64),
        histogram.len()
    );
    let _ = writeln!(
        text,
        "#[Buckets = {:12}, SubBuckets     = {:12}]",
        histogram.buckets(),
        // Each bucket but the first has half as many values of its own.
        2 * histogram.distinct_values() / (usize::from(histogram.buckets()) + 1)
    );
    let _ = writeln!(text, "#[Unit    = milliseconds: {}, {}]", metric.name(), metric.meaning());
    text
}
