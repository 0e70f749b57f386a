//! Comparing runs: whether a figure differs, by how much, and whether that matters.
//!
//! Made of reports and nothing else. Measures nothing, reads no file, prints nothing.

mod judge;
mod rank;
mod render;
mod value;

pub use judge::{Comparison, Gate, Options, Row, Runs, Spread, State, compare, default_gates};
pub use rank::{RUNS_MAX, holm, p_higher};
pub use render::{to_html, to_markdown, to_text};
pub use value::of;
