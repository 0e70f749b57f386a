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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::measure::{Failure, MessageId, Recorder, WorkerHealth};
    use crate::plan::Plan;
    use crate::scenario::{Overrides, Source, read};

    fn totals(findings: &[Finding]) -> Totals {
        let text = r#"
            format = 1
            name = "ledger"
            [target]
            builtin = "rooms"
            [rooms.lobby]
            count = 2
            [[cohort]]
            name = "first"
            clients = 2
            join = { rooms = "lobby" }
            publish = { rate = "1/s" }
            [[cohort]]
            name = "second"
            clients = 2
            join = { rooms = "lobby" }
            [[phase]]
            name = "steady"
            duration = "5s"
            [[fault]]
            at = "1600ms"
            kind = "reset"
            clients = "50%"
        "#;
        let source = Source { name: "test".to_owned(), text: text.to_owned() };
        let plan = Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()));
        let mut recorder = Recorder::new(Arc::clone(&plan));
        findings.iter().for_each(|finding| recorder.findings.note(*finding));
        let mut totals = Totals::new(plan, 1);
        totals.take(recorder.take(0, 1, WorkerHealth::default()));
        totals
    }

    fn lost(room: u32) -> Finding {
        Finding {
            kind: FindingKind::Lost,
            receiver: 2,
            message: Some(MessageId { room, publisher: 1, seq: 7 }),
            due_us: Some(1_500_000),
            sent_us: Some(1_500_042),
            arrived: false,
            received_us: None,
            failure: Some(Failure { at_us: 1_600_000, fault: Some(0) }),
        }
    }

    #[test]
    fn a_line_names_everything_and_the_last_counts_the_rest() {
        let foreign = Finding::of_arrival(FindingKind::Foreign, 0, None, 2_000_001);
        // A server can make up a room that no plan has.
        let nowhere = Finding { kind: FindingKind::Unexpected, arrived: true, ..lost(99) };
        let mut findings = vec![foreign, nowhere, lost(1)];
        let uncertain = Finding { kind: FindingKind::Uncertain, ..lost(0) };
        findings.extend(vec![uncertain; 1_002]);
        let text = to_jsonl(&totals(&findings), "1a2b3c4").unwrap().unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3 + 1_000 + 1);
        assert_eq!(
            lines[1_000..],
            [
                r#"{"kind":"lost","receiver":2,"cohort":"second","publisher":1,"room":"uproar-1a2b3c4-1","seq":7,"due_s":1.5,"sent_s":1.500042,"arrived":false,"received_s":null,"fault":"reset","fault_at_s":1.6}"#,
                r#"{"kind":"unexpected","receiver":2,"cohort":"second","publisher":1,"room":null,"seq":7,"due_s":1.5,"sent_s":1.500042,"arrived":true,"received_s":null,"fault":"reset","fault_at_s":1.6}"#,
                r#"{"kind":"foreign","receiver":0,"cohort":"first","publisher":null,"room":null,"seq":null,"due_s":null,"sent_s":null,"arrived":true,"received_s":2.000001,"fault":null,"fault_at_s":null}"#,
                r#"{"left_out":{"lost":0,"acked_lost":0,"duplicated":0,"reordered":0,"corrupted":0,"replayed":0,"unexpected":0,"foreign":0,"uncertain":2,"missed_away":0,"late":0,"unfinished":0,"cut_off":0,"joining":0}}"#,
            ]
        );
    }

    #[test]
    fn where_nothing_was_unusual_there_is_no_file() {
        assert_eq!(to_jsonl(&totals(&[]), "1a2b3c4").unwrap(), None);
    }
}
