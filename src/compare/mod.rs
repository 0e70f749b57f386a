//! Comparing runs: whether a figure differs, by how much, and whether that matters.
//!
//! Made of reports and nothing else. Measures nothing, reads no file, prints nothing.

mod annotations;
mod enough;
mod judge;
mod model;
mod rank;
mod render;
mod series;
mod sides;
mod table;
mod value;
mod verdict;
mod words;
mod zero;

pub use annotations::{series_to_annotations, to_annotations};
pub use enough::{can_decide, runs_needed};
pub use judge::{DEFAULT_GATES, compare, default_gates};
pub use model::{
    Comparison, Decision, Gate, Kind, Options, Outcome, Row, RunRow, Runs, Series, SeriesRow,
    SeriesVerdict, Spread, Standing, State, Tally,
};
pub use rank::{RUNS_MAX, holm, p_higher};
pub use render::{to_html, to_markdown, to_text};
pub use series::{series, series_to_html, series_to_markdown, series_to_text};
pub use value::of;
