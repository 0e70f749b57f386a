//! Sentences of reports whose figures are known.

use super::*;
use crate::metric::{ErrorKind, Step};
use crate::report::{EarlyCause, ErrorGroup, FaultOutcome, Validity, ValidityState};

fn threshold(
    metric: &str,
    condition: &str,
    actual: Option<f64>,
    text: &str,
    passed: bool,
) -> ThresholdOutcome {
    ThresholdOutcome {
        metric: metric.to_owned(),
        condition: condition.to_owned(),
        actual,
        actual_text: text.to_owned(),
        passed,
        ..ThresholdOutcome::default()
    }
}

fn part(threshold: ThresholdOutcome, count: u64, of: u64) -> ThresholdOutcome {
    ThresholdOutcome { count: Some(count), of: Some(of), ..threshold }
}

#[test]
fn the_gravest_is_named_first_and_lost_before_late() {
    let late = threshold("delivery.p99", "< 250ms", Some(412_000.0), "412 ms", false);
    let mut report = Report {
        thresholds: vec![
            late.clone(),
            threshold("errors", "== 0", Some(3.0), "3", false),
            threshold("duplicated", "== 0", Some(0.0), "0", true),
            part(threshold("lost", "== 0", Some(12.0), "12", false), 12, 4_000),
            part(threshold("not_sent.share", "< 1%", Some(0.596), "60 %", false), 96, 161),
        ],
        ..Report::default()
    };
    assert_eq!(
        sentence(&report, VerdictState::Failed),
        "4 of 5 thresholds: lost was 12 of 4,000 deliveries (0.3 %), should be 0; \
         not_sent.share was 60 % (96 of 161 messages), limit 1 %; errors was 3, should be 0"
    );
    report.thresholds = vec![late];
    report.faults = vec![FaultOutcome {
        kind: OUTAGE.to_owned(),
        at_s: 5.1,
        hit: 20,
        ..FaultOutcome::default()
    }];
    // Who was late was there.
    assert_eq!(
        sentence(&report, VerdictState::Failed),
        "1 of 1 threshold: delivery.p99 was 412 ms, limit 250 ms"
    );
    let missing = threshold("clients.never_joined", "== 0", Some(1.0), "1", false);
    report.thresholds.push(part(missing, 1, 20));
    assert_eq!(
        sentence(&report, VerdictState::Failed),
        "2 of 2 thresholds: clients.never_joined was 1 of 20 clients (5 %), should be 0 \
         (an outage at 5.1 s took 20 clients, 0 came back); \
         delivery.p99 was 412 ms, limit 250 ms"
    );
}

#[test]
fn every_figure_has_its_gravity_whatever_its_cohort_and_phase() {
    let ranks: Vec<_> = [
        "clients.never_joined.share",
        "cohort.a.phase.b.lost",
        "phase.b.lost.share",
        "publishes.not_sent",
        "cohort.lost.uncertain",
        "errors",
        "delivered.rate",
        "phase.lost.delivery.p99",
    ]
    .into_iter()
    .map(rank)
    .collect();
    assert!(ranks.is_sorted(), "{ranks:?}");
    assert_eq!(ranks[1], ranks[2]);
}

#[test]
fn what_held_says_whose_it_was() {
    let own = || ThresholdOutcome { passed: true, default: true, ..ThresholdOutcome::default() };
    let theirs = || ThresholdOutcome { passed: true, ..ThresholdOutcome::default() };
    let table = [
        (0, 5, "uproar's own 5 conditions hold; the scenario has none"),
        (1, 5, "the one threshold holds, and uproar's own 5"),
        (2, 0, "both thresholds hold"),
        (3, 4, "all 3 thresholds hold, and uproar's own 4"),
    ];
    for (named, of_ours, text) in table {
        let thresholds = (0..named).map(|_| theirs()).chain((0..of_ours).map(|_| own()));
        let report = Report { thresholds: thresholds.collect(), ..Report::default() };
        assert_eq!(sentence(&report, VerdictState::Passed), text);
    }
}

#[test]
fn a_threshold_that_ended_the_run_is_named_with_what_it_was_then() {
    let mut report = Report {
        thresholds: vec![
            threshold("errors", "== 0", Some(3.0), "3", false),
            threshold("delivery.p99", "< 250ms", Some(90_000.0), "90 ms", false),
        ],
        ..Report::default()
    };
    report.plan.duration_s = 40.0;
    report.run.ended_early = Some(EarlyEnd {
        cause: EarlyCause::Threshold,
        at_s: 5.5,
        threshold: Some("delivery.p99".to_owned()),
        actual: Some(412_000.0),
        actual_text: Some("412 ms".to_owned()),
    });
    assert_eq!(
        sentence(&report, VerdictState::Failed),
        "2 of 2 thresholds: delivery.p99 was 412 ms, limit 250 ms, which ended the run after \
         5.5 s of 40 s; errors was 3, should be 0"
    );
}

#[test]
fn an_interruption_says_whether_anybody_was_in() {
    let mut report = Report {
        thresholds: vec![threshold("lost", "== 0", Some(3.0), "3", false)],
        ..Report::default()
    };
    report.run.interrupted = Some(Interruption::Interrupt);
    (report.run.duration_s, report.plan.duration_s) = (0.2, 40.0);
    let said = sentence(&report, VerdictState::Interrupted);
    assert_eq!(said, "by Ctrl-C after 0.2 s of 40 s planned, before any client had joined");
    report.clients.joined = 1;
    let said = sentence(&report, VerdictState::Interrupted);
    assert!(said.ends_with("planned; until then 1 of 1 threshold: lost was 3, should be 0"));
}

#[test]
fn every_operator_reads_well() {
    let table = [
        ("<= 1.5s", Some(2.0), "m was 7, limit 1.5 s"),
        ("== 0", Some(2.0), "m was 7, should be 0"),
        (">= 10", Some(2.0), "m was 7, should be at least 10"),
        ("> 10", Some(2.0), "m was 7, should be over 10"),
        ("< 5ms", None, "m: too few samples, limit 5 ms"),
    ];
    for (condition, actual, text) in table {
        assert_eq!(outcome(&threshold("m", condition, actual, "7", false)), text);
    }
}

#[test]
fn conditions_split() {
    let table = [
        ("< 250ms", ("<", "250 ms")),
        ("<=2m30s", ("<=", "2 m30 s")),
        ("== 0", ("==", "0")),
        ("< 0.5%", ("<", "0.5 %")),
        ("", ("", "")),
    ];
    for (condition, (operator, limit)) in table {
        assert_eq!(split_condition(condition), (operator, limit.to_owned()), "{condition}");
    }
}

#[test]
fn an_invalid_run_names_its_first_gravest_reason_and_the_remedy() {
    let reason = |severity, what: &str| Reason {
        severity,
        what: what.to_owned(),
        measured: "99 %".to_owned(),
        limit: "95 %".to_owned(),
        remedy: "fewer clients".to_owned(),
    };
    let report = Report {
        validity: Validity {
            state: ValidityState::Invalid,
            reasons: vec![
                reason(Severity::Note, "a"),
                reason(Severity::Invalid, "b"),
                reason(Severity::Invalid, "c"),
            ],
        },
        ..Report::default()
    };
    assert_eq!(
        sentence(&report, VerdictState::Invalid),
        "b: 99 %, limit 95 %; remedy: fewer clients"
    );
}

#[test]
fn an_unreachable_server_is_quoted() {
    let error = |kind, count, example: &str| ErrorGroup {
        kind,
        detail: None,
        step: Step::Upgrade,
        cohort: "talkers".to_owned(),
        count,
        first_s: 0.0,
        last_s: 1.0,
        example: example.to_owned(),
    };
    let report = Report {
        errors: vec![
            error(ErrorKind::TimedOut, 2, "slow"),
            error(ErrorKind::HttpStatus, 998, "answered 403 Forbidden"),
        ],
        ..Report::default()
    };
    assert_eq!(
        sentence(&report, VerdictState::Unreachable),
        "no client got in: answered 403 Forbidden (upgrade, 998 times); \
         check the path; the server may want an Origin or a token"
    );
}
