//! What a run that ended early comes to.

mod feeds;

use std::sync::Arc;

use super::*;
use crate::coordinator::Stop;
use crate::measure::{Recorder, WorkerHealth};
use crate::report::{Exit, ValidityState, VerdictState};
use crate::scenario::{Overrides, Source, read};

const S: u64 = 1_000_000;

/// A run of which half was done: everybody joined, and deliveries were fast.
fn outcome() -> Outcome {
    let text = r#"
        format = 1
        name = "early"
        [target]
        builtin = "echo"
        [[cohort]]
        name = "people"
        clients = 100
        publish = { rate = "1/s" }
        [[phase]]
        name = "steady"
        duration = "10s"
        [thresholds]
        "errors" = "== 0"
        "delivery.p99" = { is = "< 1s", abort_after = "2s" }
    "#;
    let source = Source { name: "test".to_owned(), text: text.to_owned() };
    let plan = Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()));
    let mut recorder = Recorder::new(Arc::clone(&plan));
    let counts = recorder.counts(0);
    (counts.started, counts.joined) = (100, 100);
    for _ in 0..2_000 {
        recorder.latency(Metric::Delivery, 0, S, 90_000);
    }
    let mut totals = Totals::new(plan, 1);
    totals.take(recorder.take(0, S, WorkerHealth::default()));
    Outcome {
        watched: None,
        totals,
        stopped: Default::default(),
        aborted: None,
        broken: Vec::new(),
        started_unix_ms: 0,
        scheduled_us: 5 * S,
        duration_us: 6 * S,
        generator_cpu_us: None,
        server: None,
        server_ended: None,
        machine: None,
        drain_timed_out: false,
    }
}

fn report(outcome: &Outcome) -> Report {
    let setting = Setting {
        run_id: String::new(),
        command: Vec::new(),
        target: Target::default(),
        build: Default::default(),
        trust: Trust::Standard,
        same_host: false,
    };
    assemble(outcome, &setting)
}

#[test]
fn a_threshold_that_ended_the_run_has_failed_whatever_it_became() {
    let mut outcome = outcome();
    let whole = report(&outcome);
    let holds = &whole.thresholds[1];
    assert_eq!((&*holds.metric, holds.passed, &holds.note), ("delivery.p99", true, &None));
    assert_eq!(whole.run.ended_early, None);

    let key = "delivery.p99".to_owned();
    outcome.aborted = Some(Abort::Threshold { key: key.clone(), actual: 1_250_000.0 });
    let ended = report(&outcome);
    let judged: Vec<_> = ended.thresholds.iter().map(|threshold| threshold.passed).collect();
    assert_eq!(judged[..2], [true, false]);
    let failed = &ended.thresholds[1];
    // The figure is that of the run.
    assert_eq!((failed.actual, &failed.actual_text), (holds.actual, &holds.actual_text));
    assert_eq!(failed.note.as_deref(), Some("it ended the run early, at 1.25 s"));
    assert_eq!(ended.verdict.state, VerdictState::Failed);
    assert_eq!(ended.run.exit_code, Exit::Failed.code());
    let expected = EarlyEnd {
        cause: EarlyCause::Threshold,
        at_s: 5.0,
        threshold: Some(key),
        actual: Some(1_250_000.0),
        actual_text: Some("1.25 s".to_owned()),
    };
    assert_eq!(ended.run.ended_early, Some(expected));
    let said = "delivery.p99 was 1.25 s, limit 1 s, which ended the run after 5 s of 10 s";
    assert!(ended.verdict.sentence.contains(said), "{}", ended.verdict.sentence);
}

#[test]
fn a_run_that_uproar_broke_off_is_invalid_also_if_nobody_had_joined() {
    let mut outcome = outcome();
    outcome.aborted = Some(Abort::Broken);
    outcome.broken = vec!["client 3 of worker 0 panicked: oh".to_owned()];
    let broken = report(&outcome);
    assert_eq!(broken.verdict.state, VerdictState::Invalid);
    assert_eq!(broken.validity.state, ValidityState::Invalid);
    let said = "uproar itself failed, and the run was ended: client 3 of worker 0 panicked: oh";
    assert!(broken.verdict.sentence.contains(said), "{}", broken.verdict.sentence);
    assert_eq!(broken.run.ended_early.map(|end| end.cause), Some(EarlyCause::Failure));
    // What was measured is there.
    assert_eq!((broken.clients.joined, broken.latency[&Metric::Delivery].count), (100, 2_000));

    // What broke in the drain ended nothing, and is told all the same.
    outcome.aborted = None;
    outcome.totals = Totals::new(Arc::new(outcome.totals.plan().clone()), 1);
    let broken = report(&outcome);
    assert_eq!(broken.verdict.state, VerdictState::Invalid);
    assert_eq!(broken.run.ended_early.map(|end| end.cause), Some(EarlyCause::Failure));

    outcome.broken.clear();
    outcome.aborted = Some(Abort::Unwelcome);
    let unwelcome = report(&outcome);
    assert_eq!(unwelcome.run.ended_early.map(|end| end.cause), Some(EarlyCause::Unwelcome));
    assert_eq!(outcome.stopped, Stop::default());
}
