//! What a run found, as a plain versioned struct, and its renderings.
//!
//! Three steps, each in its place: `model` holds the figures, `verdict` decides, the rest turns
//! a report into text. Nothing under here measures, does I/O or knows a terminal.

mod assemble;
pub mod escape;
mod exit;
pub mod hints;
pub mod html;
pub mod json;
pub mod ledger;
pub mod markdown;
mod model;
pub mod redact;
pub mod summary;
pub mod verdict;

pub use assemble::{Setting, assemble};
pub use exit::Exit;
pub use model::*;
