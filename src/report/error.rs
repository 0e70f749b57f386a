//! Why a file of the report can't be made.

use thiserror::Error;

/// Why a file can't be made.
#[derive(Debug, Error)]
pub enum RenderError {
    /// The report has no JSON.
    #[error("the report has no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The report has no XML.
    #[error("the report has no XML: {0}")]
    Xml(#[from] std::io::Error),
    /// The report has no CSV.
    #[error("the report has no CSV: {0}")]
    Csv(String),
    /// A histogram that can't be read or written.
    #[error("the histogram of {metric}: {why}")]
    Histogram {
        /// Name of the metric.
        metric: &'static str,
        /// What is wrong.
        why: String,
    },
}
