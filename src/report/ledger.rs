//! `ledger.jsonl`: each message that was unusual for a receiver, a line of JSON each.
//!
//! The last line says how many of each kind were left out. A run in which nothing was unusual has
//! no such file.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::measure::{Finding, FindingKind, Totals};

/// What the file is called in a run's folder.
pub const LEDGER_FILE: &str = "ledger.jsonl";

/// One line. What isn't known is null.
#[derive(Serialize)]
struct Line<'a> {
    kind: FindingKind,
    /// The plan's client number.
    receiver: u32,
    /// The receiver's cohort.
    cohort: &'a str,
    /// The author's client number.
    publisher: Option<u32>,
    /// The room's name.
    room: Option<&'a str>,
    /// Counted for each author and room, from 0.
    seq: Option<u32>,
    /// Times are since the run's start, in seconds.
    due_s: Option<f64>,
    sent_s: Option<f64>,
    arrived: bool,
    received_s: Option<f64>,
    /// The fault or outage that is to blame, as in the report's `faults`.
    fault: Option<&'static str>,
    fault_at_s: Option<f64>,
}

#[derive(Serialize)]
struct LastLine {
    left_out: BTreeMap<FindingKind, u64>,
}

/// The file's text; `None` if nothing was unusual. `run_id` is the report's.
///
/// # Errors
///
/// When the serialiser fails, which no type in a line gives it a reason to.
pub fn to_jsonl(totals: &Totals, run_id: &str) -> Result<Option<String>, serde_json::Error> {
    let found = totals.findings().sorted();
    if found.is_empty() {
        return Ok(None);
    }
    let mut rooms = BTreeMap::new();
    let mut text = String::new();
    for finding in found {
        // A stamp may name a room that the plan doesn't have.
        let of_plan = |room: &u32| (*room as usize) < totals.plan().rooms().len();
        let room = finding.message.map(|message| message.room).filter(of_plan);
        let name = room.and_then(|room| {
            let name = || totals.plan().room_name(room, run_id);
            rooms.entry(room).or_insert_with(name).as_deref()
        });
        text.push_str(&serde_json::to_string(&line(totals, &finding, name))?);
        text.push('\n');
    }
    let left_out = |kind| (kind, totals.findings().left_out(kind));
    let last = LastLine { left_out: FindingKind::ALL.into_iter().map(left_out).collect() };
    text.push_str(&serde_json::to_string(&last)?);
    text.push('\n');
    Ok(Some(text))
}

fn line<'a>(totals: &'a Totals, finding: &Finding, room: Option<&'a str>) -> Line<'a> {
    let plan = totals.plan();
    let seconds = |us: Option<u64>| us.map(|us| us as f64 / 1e6);
    let blamed = finding.failure.and_then(|failure| totals.recoveries().to_blame(failure));
    Line {
        kind: finding.kind,
        receiver: finding.receiver,
        cohort: &plan.cohort(finding.receiver).name,
        publisher: finding.message.map(|message| message.publisher),
        room,
        seq: finding.message.map(|message| message.seq),
        due_s: seconds(finding.due_us),
        sent_s: seconds(finding.sent_us),
        arrived: finding.arrived,
        received_s: seconds(finding.received_us),
        fault: blamed.map(|(name, _)| name),
        fault_at_s: seconds(blamed.map(|(_, at_us)| at_us)),
    }
}
