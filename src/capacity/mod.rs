//! How many people a server carries: what trials came to, what is known by them, whose limit it is, and
//! every file and text that is made of it. Which load is tried next is `search`'s; trials are made elsewhere.

mod compared;
mod ended;
mod judge;
mod known;
mod model;
mod page;
mod recovery;
mod render;
mod words;

pub use compared::{Compared, Difference, compare_capacities};
pub use ended::Ended;
pub use judge::judge;
pub use known::{Door, conclude, door};
pub use model::*;
pub use page::to_html;
pub use recovery::{Health, health, is_as_before};
pub use render::{from_json, fuzz, to_annotations, to_json, to_junit, to_markdown, to_text};
pub use words::{load_words, progress, reason};

/// JSON Schema (2020-12) of a `capacity.json`, with a line for every field.
pub const SCHEMA: &str = include_str!("schema.json");
/// What the files are called.
pub const JSON_FILE: &str = "capacity.json";
pub const PAGE_FILE: &str = "capacity.html";
pub const MARKDOWN_FILE: &str = "capacity.md";
pub const JUNIT_FILE: &str = "junit.xml";

#[cfg(test)]
mod tests;
