//! The summary's lines about faults, marks and outages.

use super::super::escape::escape_terminal;
use super::layout::{LABEL, wrap};
use super::{Block, NAME_COLUMNS, Style};
use crate::report::{FaultOutcome, Report};
use crate::units::format::{count, counted, seconds};

pub(super) fn block(report: &Report, style: Style) -> Option<Block> {
    let room = style.columns.saturating_sub(LABEL);
    let lines = report.faults.iter().map(|fault| wrap(&fault_line(fault), room, usize::MAX));
    let items: Vec<_> = lines.collect();
    (!items.is_empty()).then(|| Block::labelled("fault").list(items, 1, 6))
}

/// `reset of 300 clients at 20 s: 99 % back after 0.93 s, all after 1.2 s`.
pub(in crate::report) fn fault_line(fault: &FaultOutcome) -> String {
    let what = what(fault);
    if fault.hit == 0 {
        return what;
    }
    let mut parts = Vec::new();
    if fault.to_all_s.is_none() {
        let awaited = fault.hit.saturating_sub(fault.sent_home);
        if awaited > 0 {
            parts.push(format!("{} of {} back", count(fault.back), count(awaited)));
        }
    }
    let milestones = [(fault.to_50_s, "50 %"), (fault.to_99_s, "99 %"), (fault.to_all_s, "all")];
    // The last two that were reached; each implies those before it.
    let reached: Vec<_> =
        milestones.into_iter().filter_map(|(at, share)| Some((at?, share))).collect();
    for (i, (at, share)) in reached.iter().rev().take(2).rev().enumerate() {
        let back = if i == 0 && parts.is_empty() { " back" } else { "" };
        parts.push(format!("{share}{back} after {}", seconds(*at)));
    }
    if fault.sent_home > 0 {
        parts.push(format!("{} sent home first", count(fault.sent_home)));
    }
    if let Some(lost) = fault.lost.filter(|&lost| lost > 0) {
        parts.push(format!("{} lost", count(lost)));
    }
    format!("{what}: {}", parts.join(", "))
}

/// `restart of the server at 20 s for 2 s, 1,000 clients lost`.
fn what(fault: &FaultOutcome) -> String {
    let at = seconds(fault.at_s);
    let clients = counted(fault.hit, "client");
    let lasting = fault.duration_s.map(|lasts_s| format!(" for {}", seconds(lasts_s)));
    let lasting = lasting.unwrap_or_default();
    let label =
        fault.label.as_ref().map(|label| format!(" {:?}", escape_terminal(label, NAME_COLUMNS)));
    let label = label.unwrap_or_default();
    match fault.kind.as_str() {
        "freeze" => format!("freeze of the server{label} at {at}{lasting}, {clients} held up"),
        kind @ ("kill" | "restart") => {
            format!("{kind} of the server{label} at {at}{lasting}, {clients} lost")
        }
        "mark" => format!("mark{label} at {at}, {clients} lost"),
        "outage" => format!("outage at {at}, {clients} lost"),
        kind => {
            format!("{} of {clients}{label} at {at}{lasting}", escape_terminal(kind, NAME_COLUMNS))
        }
    }
}
