//! The report and its renderings, from reports whose figures are known.
//!
//! Nothing here measures: the reports are made by hand in `samples`.

mod any;
mod bounds;
mod browser;
mod formats;
mod hints;
mod hostile;
mod html;
pub(crate) mod json;
mod markdown;
mod samples;
mod summary;
