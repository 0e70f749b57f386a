//! The summary's tables: latencies and phases.
//!
//! A figure with too few samples is `-`; a metric nobody has samples of has no row.

use super::super::escape::{columns, escape_terminal};
use super::layout::Spare;
use super::{Block, NAME_COLUMNS, Style};
use crate::metric::Metric;
use crate::report::{Latency, PhaseFigures, Report};
use crate::units::format::{UNKNOWN, count, duration_us, rate, seconds};

/// What a person wants to see first; everything else is in the report. The sender's own copy is
/// left out: it is part of delivery.
const SHOWN: [Metric; 14] = [
    Metric::Delivery,
    Metric::DeliveryFromSent,
    Metric::Push,
    Metric::Interval,
    Metric::Spread,
    Metric::Ack,
    Metric::AckFromSent,
    Metric::Lag,
    Metric::Held,
    Metric::Turn,
    Metric::Login,
    Metric::Ready,
    Metric::Reconnect,
    Metric::Replay,
];

/// What the table's words mean; Markdown and JSON have [`Metric::meaning`] beside each figure.
const LEGEND: [&str; 2] = [
    "from due (when the plan wanted it sent) = lag (uproar's own lateness) + held (author was",
    "away or pushed back) + from sent (just before the write); turn: how late arrivals are read",
];
const LEGEND_OF_FEEDS: &str =
    "turn: how late an arrival may be read, a worker's time between looks at its sockets";

/// The metrics worth a row in any table, with their figures.
pub(in crate::report) fn shown_latencies(
    report: &Report,
) -> impl Iterator<Item = (Metric, &Latency)> {
    SHOWN
        .into_iter()
        .filter_map(|metric| Some((metric, report.latency.get(&metric)?)))
        .filter(|(_, latency)| latency.count > 0)
}

/// A latency, or `-` where it can't be told.
pub(in crate::report) fn cell(us: Option<u64>) -> String {
    us.map_or_else(|| UNKNOWN.to_owned(), duration_us)
}

pub(super) fn latencies(report: &Report) -> Option<Block> {
    let rows: Vec<_> = shown_latencies(report)
        .map(|(metric, latency)| {
            vec![format!(
                "{:<23} {:>8} {:>8} {:>8} {:>8} {:>8} {:>10}",
                metric.label(),
                cell(latency.p50),
                cell(latency.p90),
                cell(latency.p99),
                cell(latency.p99_9),
                cell(latency.max),
                count(latency.count)
            )]
        })
        .collect();
    if rows.is_empty() {
        return None;
    }
    let head = format!(
        "{:<23} {:>8} {:>8} {:>8} {:>8} {:>8} {:>10}",
        "", "p50", "p90", "p99", "p99.9", "max", "samples"
    );
    Some(Block::indented("", 0).line(head).list(rows, 7, 13))
}

/// What the table's words mean.
pub(super) fn legend(report: &Report) -> Option<Block> {
    let any = |metric| report.latency.get(&metric).is_some_and(|latency| latency.count > 0);
    let lines = if any(Metric::Delivery) || any(Metric::Lag) {
        LEGEND.to_vec()
    } else if any(Metric::Turn) {
        vec![LEGEND_OF_FEEDS]
    } else {
        return None;
    };
    let lines = lines.into_iter().map(str::to_owned);
    Some(Block::indented("", 0).lines(lines).spare(Spare::GoesLast))
}

/// Lines of phases on a screen.
const PHASES: usize = 6;

/// Phases that count; a ramp is shown only when nothing else is there.
pub(super) fn phases(report: &Report, style: Style) -> Option<Block> {
    let mut phases: Vec<_> = report.phases.iter().filter(|phase| phase.measured).collect();
    if phases.is_empty() {
        phases = report.phases.iter().collect();
    }
    if phases.is_empty() || report.clients.joined == 0 {
        return None;
    }
    const LABEL: usize = 8;
    // Where messages were lost is what is looked for, and the others are there to compare with.
    let losing = |phase: &&PhaseFigures| phase.deliveries.lost.is_some_and(|lost| lost > 0);
    let lost = phases.iter().filter(|phase| losing(phase)).count();
    let is_cut = style.lines.is_some() && phases.len() > PHASES;
    if is_cut {
        phases.sort_by_key(|phase| !losing(phase));
    }
    let cells: Vec<_> = phases.into_iter().map(cells).collect();
    let widths = (0..5)
        .map(|i| cells.iter().map(|(_, row)| columns(&row[i])).max().unwrap_or(0))
        .collect::<Vec<_>>();
    let rest: usize = widths.iter().map(|width| width + 3).sum();
    let longest = cells.iter().map(|(name, _)| columns(name)).max().unwrap_or(0);
    let room = style.columns.saturating_sub(LABEL + rest).max(6);
    let name_columns = if style.lines.is_some() { longest.min(room) } else { longest };
    let items = cells.into_iter().map(|(name, row)| {
        let name = escape_terminal(&name, name_columns);
        let mut line = format!("{name}{:1$}", "", name_columns - columns(&name));
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("   {cell:>width$}"));
        }
        vec![line]
    });
    Some(
        Block::indented("phase", LABEL).list(items.collect(), 2, PHASES).explains(lost.min(PHASES)),
    )
}

fn cells(phase: &PhaseFigures) -> (String, [String; 5]) {
    let p99 = phase.delivery.as_ref().and_then(|latency| latency.p99);
    let row = [
        seconds(phase.duration_s),
        rate(phase.publishes_per_s, "msg"),
        rate(phase.deliveries_per_s, "delivered"),
        format!("p99 {}", cell(p99)),
        format!("lost {}", phase.deliveries.lost.map_or_else(|| UNKNOWN.to_owned(), count)),
    ];
    (escape_terminal(&phase.name, NAME_COLUMNS), row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legends_are_not_cut() {
        for line in LEGEND.iter().chain([&LEGEND_OF_FEEDS]) {
            assert!(columns(line) <= super::super::layout::COLUMNS, "{line}");
        }
    }
}
