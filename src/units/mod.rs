//! Units: how people write durations, sizes, rates and shares, and how they read them.
//!
//! Text to numbers in `parse`, numbers to text in `format`; no other module parses or
//! prints a unit. `date` does both for instants. `suggest` finds the name that somebody meant, for every reader of names.

pub mod date;
pub mod format;
pub mod parse;
pub(crate) mod suggest;
