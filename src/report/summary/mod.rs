//! The summary a terminal shows: at most 90 columns and 30 lines, however large the run.
//!
//! Text from a report, and nothing else: no I/O, and no figure that the report doesn't hold. The
//! parts are in `judged`, `measured`, `compared` and `ledger`; how they share 30 lines is in `layout`.

mod compared;
mod faults;
mod judged;
mod layout;
mod ledger;
mod measured;

pub(crate) use layout::wrap;
pub use layout::{COLUMNS, LINES};

/// Pieces that other renderings share, so that both say the same in the same words.
pub(super) mod parts {
    pub(in crate::report) use super::compared::{
        cohort_row, cohort_rows, commonest, heard_by_cohorts, recipients,
    };
    pub(in crate::report) use super::faults::fault_line;
    pub(in crate::report) use super::judged::{cores_used, setting};
    pub(in crate::report) use super::ledger::{
        actions_line, answers_line, balance, clients_lines, loop_line, publishes_line, puzzling,
        remarks,
    };
    pub(in crate::report) use super::measured::{cell, shown_latencies};
}

use super::Report;
use super::escape::{columns, escape_terminal};
use layout::{Block, LABEL};

/// How the summary looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Colours the verdict's word, and nothing else.
    pub color: bool,
}

/// Where the whole report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// In this file.
    At(&'a str),
    /// It could not be written, for this reason.
    NotWritten(&'a str),
    /// Nothing to point at.
    Unnamed,
}

/// The summary, with a newline at the end. Its first word is the verdict.
#[must_use]
pub fn render(report: &Report, place: Place<'_>, style: Style) -> String {
    let mut rest: Vec<Block> = measured::phases(report).into_iter().collect();
    rest.extend(compared::cohorts(report));
    rest.extend(compared::by_size(report));
    rest.extend(ledger::blocks(report));
    rest.extend(where_it_is(place));
    let groups = [
        judged::thresholds(report)
            .into_iter()
            .chain([judged::validity(report)])
            .chain(judged::processors(report))
            .collect(),
        measured::latencies(report).into_iter().chain(measured::legend(report)).collect(),
        rest,
    ];
    let mut blocks = vec![judged::verdict(report, style)];
    for group in groups {
        let mut group = group.into_iter();
        blocks.extend(group.next().map(Block::after_gap));
        blocks.extend(group);
    }
    layout::fit(blocks)
}

fn where_it_is(place: Place<'_>) -> Option<Block> {
    let room = COLUMNS - LABEL;
    let line = match place {
        Place::At(path) => keep_end(&escape_terminal(path, usize::MAX), room),
        Place::NotWritten(why) => format!("not written: {}", escape_terminal(why, room - 13)),
        Place::Unnamed => return None,
    };
    Some(Block::labelled("report").line(line))
}

/// The end of a path says more than its beginning.
fn keep_end(path: &str, limit: usize) -> String {
    if columns(path) <= limit {
        return path.to_owned();
    }
    let mut kept = path;
    while columns(kept) >= limit {
        let mut chars = kept.chars();
        chars.next();
        kept = chars.as_str();
    }
    format!("…{kept}")
}
