//! `latency.hlog`: the whole run's histogram of every latency metric, in the log format of
//! HdrHistogram's `HistogramLogWriter`, each under its name as tag.
//!
//! One interval a metric, and not one a second: the whole run's histograms have three digits, and
//! percentiles come back from them as they are told everywhere else. Those of a second have two, and
//! only delivery has any; what went on over time is in `series.csv`.

use std::fmt::Write as _;
use std::time::Duration;

use super::Report;
use super::error::RenderError;
use crate::units::date;

pub(super) const HLOG_FILE: &str = "latency.hlog";

/// Of the column that shows each line's maximum in milliseconds; histograms are in microseconds.
const US_PER_MS: f64 = 1_000.0;

pub(super) fn to_hlog(report: &Report) -> Result<String, RenderError> {
    let mut log = "#[Histogram log format version 1.3]\n\
                   #[Values are microseconds; the third column is the maximum in milliseconds]\n\
                   #[For milliseconds: HistogramLogProcessor -outputValueUnitRatio 1000 -tag NAME]\n"
        .to_owned();
    if let Some(started_us) = date::to_unix_us(&report.run.started_at) {
        let started_s = started_us as f64 / 1e6;
        for name in ["StartTime", "BaseTime"] {
            put(&mut log, format_args!("#[{name}: {started_s:.3} (seconds since epoch)]\n"));
        }
    }
    put(&mut log, format_args!("#[MaxValueDivisor: {US_PER_MS:.3}]\n"));
    // A report that somebody wrote by hand may hold any number.
    let duration = Duration::try_from_secs_f64(report.run.duration_s).unwrap_or_default();
    let duration_s = duration.as_secs_f64();
    for (metric, latency) in &report.latency {
        let name = metric.name();
        let failed = |why: String| RenderError::Histogram { metric: name, why };
        let histogram = latency.histogram().map_err(|why| failed(why.to_string()))?;
        if let (Some(histogram), Some(hdr)) = (histogram, &latency.hdr)
            && !histogram.is_empty()
        {
            let max_ms = histogram.max() as f64 / US_PER_MS;
            put(&mut log, format_args!("Tag={name},0.000,{duration_s:.3},{max_ms:.3},{hdr}\n"));
        }
    }
    Ok(log)
}

fn put(log: &mut String, line: std::fmt::Arguments<'_>) {
    // A String takes everything.
    let _ = log.write_fmt(line);
}
