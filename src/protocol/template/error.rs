//! What is wrong with a template's text, and why one can't be written.

use std::ops::Range;

/// A mistake in a template's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// Where: bytes of the template's text, on characters' boundaries.
    pub range: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// A value that isn't there, or that can't be written as the template asks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Missing {
    /// The variable as the template names it.
    pub variable: String,
    /// For people: "the capture `token` never matched".
    pub why: String,
}
