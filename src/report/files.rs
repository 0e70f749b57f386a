//! Every file that is made of a report: one table of names and renderers.
//!
//! A file is a pure function of the report, so that `uproar report` gives the bytes that `run` wrote.

use super::annotations::to_annotations;
pub use super::error::RenderError;
use super::hgrm::to_hgrm;
use super::hlog::{HLOG_FILE, to_hlog};
use super::html::to_html;
use super::json::{from_json, to_json};
use super::junit::{JUNIT_FILE, to_junit};
use super::markdown::to_markdown;
use super::series::{SERIES_FILE, to_csv};
use super::summary::{Place, Style, render};
use super::{Latency, Report};
use crate::metric::Metric;

/// What is read again, and what the others are made from.
pub const REPORT_FILE: &str = "report.json";
/// What a person opens.
pub const PAGE_FILE: &str = "report.html";

/// The files of one kind.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    /// One file of a fixed name.
    File(&'static str, fn(&Report) -> Result<String, RenderError>),
    /// A file for each latency metric that has samples, with this extension.
    OfMetrics(&'static str, fn(Metric, &Latency) -> Result<Option<String>, RenderError>),
}

/// All of them; what is read again comes first.
pub const FORMATS: [Format; 7] = [
    Format::File(REPORT_FILE, |report| Ok(to_json(report)?)),
    Format::File(PAGE_FILE, |report| Ok(to_html(report))),
    Format::File("report.md", |report| Ok(to_markdown(report))),
    Format::File(JUNIT_FILE, to_junit),
    Format::File(SERIES_FILE, to_csv),
    Format::File(HLOG_FILE, to_hlog),
    Format::OfMetrics("hgrm", to_hgrm),
];

/// A file's name and its text; without one the report has no such file.
pub type Rendered = (String, Result<Option<String>, RenderError>);

impl Format {
    /// The names that a run's files of this kind may have.
    #[must_use]
    pub fn names(self) -> Vec<String> {
        match self {
            Self::File(name, _) => vec![name.to_owned()],
            Self::OfMetrics(extension, _) => {
                Metric::ALL.iter().map(|metric| format!("{}.{extension}", metric.name())).collect()
            }
        }
    }

    /// Each of [`Self::names`] with its text.
    #[must_use]
    pub fn render(self, report: &Report) -> Vec<Rendered> {
        let texts: Vec<_> = match self {
            Self::File(_, render) => vec![render(report).map(Some)],
            Self::OfMetrics(_, render) => {
                let of = |metric| match report.latency.get(&metric) {
                    Some(latency) => render(metric, latency),
                    None => Ok(None),
                };
                Metric::ALL.into_iter().map(of).collect()
            }
        };
        self.names().into_iter().zip(texts).collect()
    }
}

/// Reads any bytes as a report, and renders whatever that gives.
///
/// # Panics
///
/// When a report that was read can't be rendered, or is not the same once written and read again.
pub fn fuzz(bytes: &[u8]) {
    let Ok(report) = from_json(&String::from_utf8_lossy(bytes)) else { return };
    let first = written(&report);
    let again = first.first().map(|(_, text)| from_json(text.as_deref().unwrap_or_default()));
    let Some(Ok(again)) = again else { panic!("it is not read again: {first:?}") };
    assert_eq!(written(&again), first);
    let _ = render(&report, Place::Unnamed, Style::default());
    let _ = to_annotations(&report);
}

fn written(report: &Report) -> Vec<(String, Option<String>)> {
    let all = render_all(report).into_iter().map(|(name, text)| match text {
        Ok(text) => (name, text),
        Err(why) => panic!("{name}: {why}"),
    });
    all.collect()
}

/// Every file that any report may have, with this report's text.
#[must_use]
pub fn render_all(report: &Report) -> Vec<Rendered> {
    FORMATS.iter().flat_map(|format| format.render(report)).collect()
}
