//! `report.json`: the report as text, and back.
//!
//! The only format that is read again; the others are made from it.

use serde::Deserialize;
use thiserror::Error;

use super::{NoHistogram, Report, SCHEMA_VERSION};
use crate::measure::decode;

/// Why a text is no report that this build can read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// Not JSON, or JSON without a `schema_version`.
    #[error("this is not a report.json: {0}")]
    NotAReport(#[source] serde_json::Error),
    /// Of another version of the schema.
    #[error(
        "this report has schema version {found}, and this build of uproar reads version \
         {SCHEMA_VERSION}: use the uproar that wrote it, or run again"
    )]
    Version {
        /// What the file says.
        found: u32,
    },
    /// The right version, but a field is missing or of another type.
    #[error("this report.json is damaged: {0}")]
    Damaged(#[source] serde_json::Error),
    /// A histogram that can't be read, or not the one that the figures beside it are of.
    #[error("this report.json is damaged: {at}: {why}")]
    Histogram {
        /// Its field, `latency.delivery.hdr` or `series.7.delivery_hdr`.
        at: String,
        /// What is wrong.
        why: String,
    },
}

/// The report as JSON, indented, with a newline at the end. JSON has no NaN and no infinity: they
/// become `null`, which only an optional field reads back.
///
/// # Errors
///
/// When the serialiser fails, which no type in a report gives it a reason to.
pub fn to_json(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}

/// Reads a report. The version is looked at first, so that another one is named as such and not
/// as the first field that differs. Fields of a later build are ignored. Histograms are looked into,
/// so that whoever renders them need not expect any text.
///
/// # Errors
///
/// When the text is no report of this schema version.
pub fn from_json(text: &str) -> Result<Report, ReadError> {
    #[derive(Deserialize)]
    struct Version {
        schema_version: u32,
    }
    let Version { schema_version: found } =
        serde_json::from_str(text).map_err(ReadError::NotAReport)?;
    if found != SCHEMA_VERSION {
        return Err(ReadError::Version { found });
    }
    let report: Report = serde_json::from_str(text).map_err(ReadError::Damaged)?;
    check(&report)?;
    Ok(report)
}

/// Whether a report that was read is one of this build's, and its histograms are those of its figures.
///
/// # Errors
///
/// What is wrong with it.
pub fn check(report: &Report) -> Result<(), ReadError> {
    let found = report.schema_version.0;
    if found != SCHEMA_VERSION {
        return Err(ReadError::Version { found });
    }
    for (metric, latency) in &report.latency {
        let damaged =
            |why| ReadError::Histogram { at: format!("latency.{}.hdr", metric.name()), why };
        let histogram = latency.histogram().map_err(|why| damaged(why.to_string()))?;
        let Some(histogram) = histogram else { continue };
        if histogram.len() != latency.count {
            let why = format!("it holds {} samples, not {}", histogram.len(), latency.count);
            return Err(damaged(why));
        }
    }
    let of_points = report.series.iter().map(|point| point.delivery_hdr.as_deref());
    let damaged =
        of_points.enumerate().find(|(_, hdr)| hdr.is_some_and(|hdr| decode(hdr).is_none()));
    if let Some((point, _)) = damaged {
        let at = format!("series.{point}.delivery_hdr");
        return Err(ReadError::Histogram { at, why: NoHistogram.to_string() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_named() {
        let error = from_json(r#"{"schema_version": 2, "all": "else"}"#).unwrap_err();
        assert!(matches!(error, ReadError::Version { found: 2 }));
        assert!(error.to_string().contains("schema version 2"), "{error}");
    }

    #[test]
    fn what_is_no_report_is_told_from_what_is_a_damaged_one() {
        assert!(matches!(from_json("<html>"), Err(ReadError::NotAReport(_))));
        assert!(matches!(from_json("{}"), Err(ReadError::NotAReport(_))));
        assert!(matches!(from_json(r#"{"schema_version":1}"#), Err(ReadError::Damaged(_))));
    }

    #[test]
    fn a_histogram_that_is_not_the_figures_is_named() {
        use crate::measure::Hist;
        use crate::metric::Metric;
        use crate::report::Latency;

        let mut hist = Hist::default();
        hist.record(7);
        let mut report = Report::default();
        let lag = Latency::of_metric(Metric::Lag, hist.inner());
        report.latency.insert(Metric::Lag, lag.clone());
        assert_eq!(from_json(&to_json(&report).unwrap()).unwrap(), report);
        let broken = [
            Latency { count: 2, ..lag.clone() },
            Latency { hdr: Some("HISTFAAAA".to_owned()), ..lag },
        ];
        for broken in broken {
            report.latency.insert(Metric::Lag, broken);
            let error = from_json(&to_json(&report).unwrap()).unwrap_err().to_string();
            assert!(error.starts_with("this report.json is damaged: latency.lag.hdr: "), "{error}");
        }
    }

    #[test]
    fn a_point_s_histogram_is_looked_into() {
        use crate::report::SeriesPoint;

        let point = |hdr: &str| SeriesPoint {
            delivery_hdr: Some(hdr.to_owned()),
            ..SeriesPoint::default()
        };
        let series = vec![SeriesPoint::default(), point("HISTFAAAA")];
        let report = Report { series, ..Report::default() };
        let error = from_json(&to_json(&report).unwrap()).unwrap_err().to_string();
        let start = "this report.json is damaged: series.1.delivery_hdr: it is no histogram";
        assert!(error.starts_with(start), "{error}");
    }

    #[test]
    fn later_fields_are_ignored() {
        let mut json = serde_json::to_value(Report::default()).unwrap();
        json["something_new"] = serde_json::json!(1);
        assert_eq!(from_json(&json.to_string()).unwrap(), Report::default());
    }
}
