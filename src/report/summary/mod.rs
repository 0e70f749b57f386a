//! The summary: on a terminal as wide as that and about 30 lines, however large the run; elsewhere whole.
//! What explains a failure comes first and is never cut; what is healthy gives way.
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
        actions_line, answers_line, balance, clients_lines, idle_rules, loop_line, publishes_line,
        puzzling, remarks,
    };
    pub(in crate::report) use super::measured::{cell, shown_latencies};
}

use super::Report;
use super::escape::escape_terminal;
use layout::{Block, LABEL, Screen};

/// Columns of a name that a scenario gives, at most; only a report written by hand has longer ones.
const NAME_COLUMNS: usize = 200;

/// How the summary looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Colours the verdict's word, and nothing else.
    pub color: bool,
    /// How wide lines are.
    pub columns: usize,
    /// About how many there are; `None` where nothing is cut.
    pub lines: Option<usize>,
}

impl Default for Style {
    /// For a file or a pipe: whole.
    fn default() -> Self {
        Self { color: false, columns: COLUMNS, lines: None }
    }
}

impl Style {
    fn screen(self) -> Screen {
        Screen { columns: self.columns, lines: self.lines }
    }

    /// For a terminal of so many columns. Tables need some, and a longer line of words is hard to read.
    #[must_use]
    pub fn terminal(columns: usize, color: bool) -> Self {
        Self { color, columns: columns.clamp(60, 100), lines: Some(LINES) }
    }
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
    let mut judged: Vec<Block> = judged::thresholds(report, style).into_iter().collect();
    judged.push(judged::validity(report, style));
    judged.extend(judged::server(report));
    judged.extend(judged::processors(report));
    let mut rest: Vec<Block> = measured::phases(report, style).into_iter().collect();
    rest.extend(compared::cohorts(report, style));
    rest.extend(compared::by_size(report, style));
    rest.extend(ledger::blocks(report, style));
    rest.extend(place_block(place, style));
    let groups = [
        judged,
        ledger::explaining(report, style).collect(),
        measured::latencies(report).into_iter().chain(measured::legend(report)).collect(),
        rest,
    ];
    let mut blocks = vec![judged::verdict(report, style)];
    for group in groups {
        let mut group = group.into_iter();
        blocks.extend(group.next().map(Block::after_gap));
        blocks.extend(group);
    }
    layout::fit(blocks, style.screen())
}

/// The summary's last line alone; nothing where there is no place.
#[must_use]
pub fn where_it_is(place: Place<'_>, style: Style) -> String {
    layout::fit(place_block(place, style).into_iter().collect(), style.screen())
}

fn place_block(place: Place<'_>, style: Style) -> Option<Block> {
    let lines = match place {
        // Whole, however long: it is there to be opened.
        Place::At(path) => vec![escape_terminal(path, usize::MAX)],
        Place::NotWritten(why) => {
            judged::paragraph(&format!("not written: {why}"), style.columns.saturating_sub(LABEL))
        }
        Place::Unnamed => return None,
    };
    Some(Block::labelled("report").verbatim().lines(lines))
}
