//! What a run found, as a plain versioned struct, and its renderings.
//!
//! Three steps, each in its place: `model` holds the figures, `verdict` decides, the rest turns
//! a report into text. Nothing under here measures, does I/O or knows a terminal.

pub mod annotations;
mod assemble;
pub mod condition;
pub(crate) mod error;
pub mod escape;
mod exit;
pub mod files;
pub mod full;
mod hgrm;
pub mod hints;
mod hlog;
pub mod html;
pub mod json;
pub(crate) mod junit;
pub mod ledger;
pub mod markdown;
mod model;
pub mod prometheus;
pub mod redact;
pub mod resource_lines;
pub mod schema;
pub mod sentence;
mod series;
pub mod summary;
pub mod verdict;

pub use assemble::{Setting, assemble};
pub use exit::Exit;
pub use model::*;
