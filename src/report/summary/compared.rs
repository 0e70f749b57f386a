//! The summary's comparisons: cohorts side by side, and rooms by their size.
//!
//! Both may go as a whole: they tell apart what the table above them tells in one.

use super::super::escape::{clip, columns, escape_terminal};
use super::layout::{Spare, aligned};
use super::measured::cell;
use super::{Block, NAME_COLUMNS, Style};
use crate::metric::Metric;
use crate::report::{CohortFigures, Report, SpreadFigures};
use crate::units::format::{UNKNOWN, count};

/// Rows of room sizes and of cohorts, at most.
const SIZES: usize = 5;
const COHORTS: usize = 5;

/// `11-20`, or one number.
pub(in crate::report) fn recipients(of: &SpreadFigures) -> String {
    if of.recipients_from == of.recipients_to {
        return count(of.recipients_from);
    }
    format!("{}-{}", count(of.recipients_from), count(of.recipients_to))
}

/// Those of the sizes with the most messages, should there be more than `most`, in their order.
pub(in crate::report) fn commonest<'a>(
    sizes: impl IntoIterator<Item = &'a SpreadFigures>,
    most: usize,
) -> Vec<&'a SpreadFigures> {
    let mut kept: Vec<_> = sizes.into_iter().enumerate().collect();
    kept.sort_by_key(|(_, of)| std::cmp::Reverse(of.messages));
    kept.truncate(most);
    kept.sort_by_key(|(at, _)| *at);
    kept.into_iter().map(|(_, of)| of).collect()
}

/// What a message's first and last recipients waited from sent, by how many heard it. Rooms of
/// one small size have it all in the table's rows already.
pub(super) fn by_size(report: &Report, style: Style) -> Option<Block> {
    // A size that few messages went to has nothing to say.
    let sizes: Vec<_> = report.spread_by_size.iter().filter(|of| of.last.p50.is_some()).collect();
    let large = sizes.iter().any(|of| of.recipients_from > 50);
    if sizes.len() < 2 && !large {
        return None;
    }
    let most = if style.lines.is_some() { SIZES } else { usize::MAX };
    let rows = commonest(sizes.iter().copied(), most).into_iter().map(|of| {
        [
            recipients(of),
            format!("first p50 {}", cell(of.first.p50)),
            format!("last p50 {}", cell(of.last.p50)),
            format!("p99 {}", cell(of.last.p99)),
            format!("{} {}", count(of.messages), plural(of.messages, "message")),
        ]
    });
    let mut lines = aligned(&rows.collect::<Vec<_>>(), 3);
    if sizes.len() > most {
        let left_out = count((sizes.len() - most) as u64);
        lines.push(format!("... and {left_out} more in report.json"));
    }
    Some(Block::labelled("heard by").lines(lines).spare(Spare::Goes))
}

fn plural(n: u64, noun: &str) -> String {
    if n == 1 { noun.to_owned() } else { format!("{noun}s") }
}

/// A cohort's figures in the words of every rendering.
pub(in crate::report) struct CohortRow {
    pub(in crate::report) clients: String,
    pub(in crate::report) delivered: String,
    pub(in crate::report) lost: String,
    pub(in crate::report) p50: String,
    pub(in crate::report) p99: String,
    /// `-` also where none ever came back.
    pub(in crate::report) reconnect_p99: String,
}

impl CohortRow {
    fn of(cohort: &CohortFigures, heard: Metric) -> Self {
        let of = |metric| cohort.latency.get(&metric);
        Self {
            clients: count(cohort.clients),
            delivered: count(cohort.deliveries.delivered),
            lost: cohort.deliveries.lost.map_or_else(|| UNKNOWN.to_owned(), count),
            p50: cell(of(heard).and_then(|latency| latency.p50)),
            p99: cell(of(heard).and_then(|latency| latency.p99)),
            reconnect_p99: cell(of(Metric::Reconnect).and_then(|latency| latency.p99)),
        }
    }
}

/// The figures of each cohort, where there is more than one and somebody got in.
pub(in crate::report) fn cohort_rows(
    report: &Report,
) -> Option<impl Iterator<Item = (&CohortFigures, CohortRow)>> {
    let row = |cohort| (cohort, cohort_row(report, cohort));
    let worth_it = report.cohorts.len() > 1 && report.clients.joined > 0;
    worth_it.then(|| report.cohorts.iter().map(row))
}

/// The figures of one of the report's cohorts.
pub(in crate::report) fn cohort_row(report: &Report, cohort: &CohortFigures) -> CohortRow {
    CohortRow::of(cohort, heard_by_cohorts(report))
}

/// What tells how late a cohort hears: a feed's pushes were never due.
pub(in crate::report) fn heard_by_cohorts(report: &Report) -> Metric {
    let pushed = report.latency.contains_key(&Metric::Push);
    if pushed && !report.latency.contains_key(&Metric::Delivery) {
        Metric::Push
    } else {
        Metric::Delivery
    }
}

/// Cohorts side by side, where there is something to compare.
pub(super) fn cohorts(report: &Report, style: Style) -> Option<Block> {
    let heard = heard_by_cohorts(report).name();
    let mut names = vec!["cohort".to_owned()];
    let mut cells = vec![
        [
            "clients",
            "delivered",
            "lost",
            &format!("{heard} p50"),
            &format!("{heard} p99"),
            "reconnect p99",
        ]
        .map(str::to_owned),
    ];
    for (cohort, row) in cohort_rows(report)? {
        names.push(escape_terminal(&cohort.name, NAME_COLUMNS));
        let CohortRow { clients, delivered, lost, p50, p99, reconnect_p99 } = row;
        cells.push([clients, delivered, lost, p50, p99, reconnect_p99]);
    }
    if !report.cohorts.iter().any(|cohort| cohort.latency.contains_key(&Metric::Reconnect)) {
        cells.iter_mut().for_each(|row| row[5].clear());
    }
    let lines = aligned(&cells, 2);
    let rest = lines.iter().map(|line| columns(line)).max().unwrap_or(0) + 2;
    let longest = names.iter().map(|name| columns(name)).max().unwrap_or(0);
    let room = style.columns.saturating_sub(rest).max(6);
    let name_columns = if style.lines.is_some() { longest.min(room) } else { longest };
    let mut lines = names.iter().zip(lines).map(|(name, line)| {
        let name = clip(name, name_columns);
        let after = name_columns - columns(&name);
        format!("{name}{:after$}  {line}", "").trim_end().to_owned()
    });
    let head = lines.next()?;
    let rows = lines.map(|line| vec![line]).collect();
    Some(Block::indented("", 0).line(head).list(rows, 2, COHORTS).spare(Spare::Goes))
}
