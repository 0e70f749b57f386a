//! Every reason at its limit and just over it, from snapshots as workers hand them over.

use std::sync::Arc;

use super::*;
use crate::coordinator::Stop;
use crate::machine::cpu::MachineCpu;
use crate::measure::{Counts, ErrorKey, Recorder, Totals, WorkerHealth};
use crate::metric::{Detail, Metric, Step};
use crate::plan::Plan;
use crate::protocol::SentUnix;
use crate::report::verdict::Trust;
use crate::report::{Build, Target};
use crate::scenario::{Overrides, Source, read};

const S: u64 = 1_000_000;

const STEADY: &str = r#"
    format = 1
    name = "judged"
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
    "delivery.p99" = "< 1s"
"#;

fn plan_of(text: &str) -> Arc<Plan> {
    let source = Source { name: "test".to_owned(), text: text.to_owned() };
    Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()))
}

fn plan() -> Arc<Plan> {
    plan_of(STEADY)
}

/// What a run of two workers comes to, if the first recorded this.
fn recorded(record: impl FnOnce(&mut Recorder)) -> Outcome {
    recorded_of(plan(), record)
}

fn recorded_of(plan: Arc<Plan>, record: impl FnOnce(&mut Recorder)) -> Outcome {
    let mut recorder = Recorder::new(Arc::clone(&plan));
    record(&mut recorder);
    let mut totals = Totals::new(plan, 2);
    totals.take(recorder.take(0, S, WorkerHealth::default()));
    Outcome {
        watched: None,
        totals,
        stopped: Stop::default(),
        aborted: None,
        broken: Vec::new(),
        started_unix_ms: 0,
        scheduled_us: 10 * S,
        duration_us: 10 * S,
        generator_cpu_us: None,
        server: None,
        server_ended: None,
        machine: None,
        drain_timed_out: false,
    }
}

/// A release build against a machine of its own.
fn setting() -> Setting {
    Setting {
        run_id: String::new(),
        command: Vec::new(),
        target: Target::default(),
        build: Build { profile: "release".to_owned(), ..Build::default() },
        trust: Trust::Standard,
        same_host: false,
    }
}

/// The one reason there is, if any.
#[track_caller]
fn judged(outcome: &Outcome) -> Option<(Severity, String)> {
    let Validity { state, reasons } = judge_run(outcome, &setting());
    assert!(reasons.len() < 2, "{reasons:?}");
    let reason = reasons.into_iter().next();
    let expected = match reason.as_ref().map(|reason| reason.severity) {
        Some(Severity::Invalid) => ValidityState::Invalid,
        Some(Severity::Suspect) => ValidityState::Suspect,
        _ => ValidityState::Valid,
    };
    assert_eq!(state, expected);
    reason.map(|reason| (reason.severity, format!("{}: {}", reason.what, reason.measured)))
}

#[track_caller]
fn is(outcome: &Outcome, expected: Option<(Severity, &str)>) {
    let found = judged(outcome);
    let matches = match (&found, expected) {
        (None, None) => true,
        (Some((severity, text)), Some((wanted, part))) => {
            *severity == wanted && text.contains(part)
        }
        _ => false,
    };
    assert!(matches, "{found:?}, not {expected:?}");
}

/// All messages that late, and all deliveries that long.
fn lagging(lag_us: u64, delivery_us: u64) -> Outcome {
    recorded(|recorder| {
        for _ in 0..1_000 {
            recorder.latency(Metric::Lag, 0, S, lag_us);
            recorder.latency(Metric::Delivery, 0, S, delivery_us);
        }
    })
}

/// Histograms have three digits, so limits above 2 ms are met to within their last one.
#[test]
fn lag_against_delivery() {
    let (suspect, invalid) = (Severity::Suspect, Severity::Invalid);
    let table = [
        ("no more than 1 ms", 1_000, 1_500, None),
        ("over 1 ms and 10 %", 1_001, 5_000, Some((suspect, "messages left late: 1.0 ms"))),
        ("10 % at most", 2_001, 20_000, None),
        ("over 10 %", 2_002, 20_000, Some((suspect, "messages left late: 2.0 ms"))),
        ("over delivery, but not over 5 ms", 4_999, 4_000, Some((suspect, "left late: 5.0 ms"))),
        ("over 5 ms, but not over delivery", 6_000, 6_003, Some((suspect, "left late: 6.0 ms"))),
        ("over 5 ms", 5_004, 4_000, Some((invalid, "left later than they took to arrive: 5.0 ms"))),
        ("over delivery", 6_004, 6_003, Some((invalid, "left later than they took to arrive"))),
    ];
    for (name, lag_us, delivery_us, expected) in table {
        println!("{name}");
        is(&lagging(lag_us, delivery_us), expected);
    }
}

#[test]
fn lag_without_deliveries_is_judged_by_itself() {
    let late = |lag_us| {
        recorded(|recorder| {
            for _ in 0..1_000 {
                recorder.latency(Metric::Lag, 0, S, lag_us);
            }
        })
    };
    let (suspect, invalid) = (Severity::Suspect, Severity::Invalid);
    is(&late(1_000), None);
    is(&late(1_001), Some((suspect, "messages left late: 1.0 ms (p99)")));
    is(&late(99_900), Some((suspect, "messages left late: 99.9 ms (p99)")));
    is(&late(100_100), Some((invalid, "messages left late: 100 ms (p99)")));
    // A fed run publishes nothing.
    is(&recorded(|_| {}), None);
}

/// Ten seconds of which the threshold looks at the second half only.
const SPIKE: &str = r#"
    format = 1
    name = "judged"
    [target]
    builtin = "echo"
    [[cohort]]
    name = "people"
    clients = 100
    publish = { rate = "1/s" }
    [[cohort]]
    name = "others"
    clients = 100
    publish = { rate = "1/s" }
    [[phase]]
    name = "steady"
    duration = "5s"
    [[phase]]
    name = "spike"
    duration = "5s"
    [thresholds]
    "SCOPE.delivery.p99" = "< 1s"
"#;

#[test]
fn lag_is_judged_in_every_phase_and_cohort_that_a_threshold_names() {
    // One message in a hundred left late in the spike, half of those of the run: the p99 of the run
    // is fine.
    let late = |scope: &str| {
        let plan = plan_of(&SPIKE.replace("SCOPE.", scope));
        recorded_of(plan, |recorder| {
            for n in 0..2_000 {
                let (early, late) = (S, 6 * S);
                recorder.latency(Metric::Lag, 0, early, 50);
                recorder.latency(Metric::Lag, 0, late, if n % 60 == 0 { 9_000 } else { 50 });
                for cohort in [0, 1] {
                    recorder.latency(Metric::Delivery, cohort, early, 5_000);
                    recorder.latency(Metric::Delivery, cohort, late, 5_000);
                }
            }
        })
    };
    is(&late(""), None);
    is(&late("phase.steady."), None);
    let what = "left later than they took to arrive in phase spike";
    is(&late("phase.spike."), Some((Severity::Invalid, what)));
    is(&late("cohort.others."), None);
    let what = "in phase spike for cohort others";
    is(&late("cohort.others.phase.spike."), Some((Severity::Invalid, what)));
}

/// The second worker was that busy in intervals of a length.
fn busy(per_mille: u64, intervals: usize, wall_us: u64) -> Outcome {
    let mut outcome = recorded(|_| {});
    let mut recorder = Recorder::new(plan());
    for _ in 0..intervals {
        let cpu_us = wall_us * per_mille / 1_000;
        let health = WorkerHealth { cpu_us, wall_us, clients_up: 0 };
        outcome.totals.take(recorder.take(1, S, health));
    }
    outcome
}

/// Shares in tenths of a percent.
#[test]
fn a_worker_that_had_no_core_left() {
    let (suspect, invalid) = (Severity::Suspect, Severity::Invalid);
    let table = [
        (700, 3, S, None),
        (701, 3, S, Some((suspect, "the generator was busy: worker 1 at 70 % of a core"))),
        (950, 3, S, Some((suspect, "the generator was busy"))),
        (
            951,
            3,
            S,
            Some((invalid, "the generator was the bottleneck: worker 1 at 95 % of a core")),
        ),
        // Not for long enough, and too short to be told.
        (1_000, 2, S, None),
        (1_000, 9, S / 2 - 1, None),
    ];
    for (share, intervals, wall_us, expected) in table {
        println!("{share} {intervals} {wall_us}");
        is(&busy(share, intervals, wall_us), expected);
    }
}

/// So many of 100 joined, and one connection failed in that way.
fn joined(clients: u64, kind: ErrorKind) -> Outcome {
    recorded(|recorder| {
        recorder.counts(0).started += 100;
        recorder.counts(0).joined += clients;
        let key = ErrorKey { kind, step: Step::Tcp, cohort: 0, detail: Detail::None };
        recorder.error(key, S, || "Too many open files".to_owned());
    })
}

#[test]
fn clients_missing_for_a_limit_of_this_machine() {
    is(&joined(99, ErrorKind::LocalLimit), None);
    let why = "a limit of this machine: 98 % joined; Too many open files";
    is(&joined(98, ErrorKind::LocalLimit), Some((Severity::Invalid, why)));
    // Theirs is a finding.
    is(&joined(0, ErrorKind::Refused), None);
}

#[test]
fn what_uproar_itself_broke_is_told_and_makes_the_run_invalid() {
    let mut outcome = recorded(|_| ());
    outcome.broken = vec!["worker 1 fell silent".to_owned(), "and 2 more".to_owned()];
    let said = "uproar itself failed, and the run was ended: worker 1 fell silent; and 2 more";
    is(&outcome, Some((Severity::Invalid, said)));
}

#[test]
fn runs_that_ended_early() {
    let mut outcome = recorded(|_| {});
    outcome.server_ended = Some("signal: 9".to_owned());
    let why = "the built-in server ended before the run did: signal: 9";
    is(&outcome, Some((Severity::Invalid, why)));
    let mut outcome = recorded(|_| {});
    outcome.aborted = Some(Abort::Unwelcome);
    is(&outcome, Some((Severity::Invalid, "the host refuses it")));
    // Somebody asked for that.
    outcome.aborted = Some(Abort::Threshold { key: "delivery.p99".to_owned(), actual: 2e6 });
    is(&outcome, None);
}

#[test]
fn what_the_plan_itself_cut_off() {
    let found = |n, of| {
        let reason = cut_off(Some((n, of)))?;
        Some((reason.severity, reason.measured, reason.limit))
    };
    assert_eq!(found(0, 0), None);
    assert_eq!(found(5, 100), None);
    let measured =
        |n| format!("{n} of 100 deliveries ({n} %) were still on their way, lost or not");
    assert_eq!(found(6, 100), Some((Severity::Note, measured(6), "5 %".to_owned())));
    assert_eq!(found(25, 100), Some((Severity::Note, measured(25), "5 %".to_owned())));
    assert_eq!(found(26, 100), Some((Severity::Suspect, measured(26), "25 %".to_owned())));
    assert_eq!(cut_off(None), None, "of a feed");
}

#[test]
fn time_that_was_stolen() {
    let stolen = |of_10_000: u64| {
        let mut outcome = recorded(|_| {});
        let before = MachineCpu { busy: 100, steal: 70, total: 1_000, cores: 2 };
        let after = MachineCpu { busy: 9_000, steal: 70 + of_10_000, total: 11_000, cores: 2 };
        outcome.machine = Some((before, after));
        outcome
    };
    is(&stolen(500), None);
    is(&stolen(501), Some((Severity::Suspect, "took processor time: 5.01 %")));
}

#[test]
fn pushes_from_the_future() {
    let pushed = |of_1_000: u64| {
        recorded(|recorder| {
            recorder.counts(0).pushed += 1_000;
            recorder.counts(0).push_future += of_1_000;
        })
    };
    is(&pushed(10), None);
    is(
        &pushed(11),
        Some((
            Severity::Suspect,
            "a skewed clock: pushes arrived before the server sent them: 1.1 %",
        )),
    );
    is(&recorded(|_| {}), None);
}

#[test]
fn events_of_a_feed_that_do_not_tell_what_they_should() {
    let of_1_000 = |field: fn(&mut Counts) -> &mut u64, count: u64| {
        recorded(|recorder| {
            recorder.counts(0).pushed += 1_000;
            *field(recorder.counts(0)) += count;
        })
    };
    type Field = fn(&mut Counts) -> &mut u64;
    let rows: [(Field, &str); 4] = [
        (|counts| &mut counts.push_unnumbered, "sequence numbers of a feed could not be read"),
        (|counts| &mut counts.push_renumbered, "a feed's numbers began anew"),
        (|counts| &mut counts.push_forgotten, "a feed had more numberings than are told apart"),
        (|counts| &mut counts.push_untimed, "times of a feed could not be read"),
    ];
    for (field, what) in rows {
        is(&of_1_000(field, 0), None);
        is(&of_1_000(field, 1), Some((Severity::Note, what)));
        is(&of_1_000(field, 10), Some((Severity::Note, what)));
        is(&of_1_000(field, 11), Some((Severity::Suspect, what)));
        is(&of_1_000(field, 11), Some((Severity::Suspect, ": 11 of 1,000 events")));
    }
}

#[test]
fn a_feeds_clock_that_is_coarser_than_what_it_times() {
    let pushed = |step_us: u64, odd: u64, push_us: u64| {
        recorded(|recorder| {
            for at in 0..20 {
                let here_us = 1_700_000_000_000_000 + at * step_us;
                let late_us = if at < odd { push_us + 1 } else { push_us };
                let unix_us = here_us - here_us % step_us + u64::from(at < odd);
                let sent = SentUnix { unix_us, resolution_us: 1 };
                recorder.push_sent(0, sent, unix_us + late_us, S);
            }
            recorder.counts(0).pushed += 20;
        })
    };
    let what = "a clock too coarse for `push`";
    is(&pushed(1_000_000, 0, 5_000_000), Some((Severity::Suspect, what)));
    is(
        &pushed(1_000_000, 0, 5_000_000),
        Some((Severity::Suspect, "step: 1.00 s, push p50 5.00 s")),
    );
    // A single time in between, and nothing is known of its step.
    is(&pushed(1_000_000, 1, 5_000_000), None);
    is(&pushed(100_000, 0, 99_000), Some((Severity::Note, what)));
    is(&pushed(100_000, 0, 101_000), None);
    is(&pushed(10_000, 0, 9_000), Some((Severity::Note, "step: 10.0 ms")));
    is(&pushed(1_000, 0, 900), Some((Severity::Note, "step: 1.0 ms")));
    is(&pushed(1_000, 0, 1_500), None);
    is(&pushed(100, 0, 10), None);
}

#[test]
fn a_gate_on_push_finer_than_the_clock_is_suspect() {
    for (limit, severity) in [("< 10ms", Severity::Suspect), ("< 11ms", Severity::Note)] {
        let text =
            STEADY.replace("\"delivery.p99\" = \"< 1s\"", &format!("\"push.p50\" = \"{limit}\""));
        let plan = plan_of(&text);
        let mut recorder = Recorder::new(Arc::clone(&plan));
        for at in 0..20 {
            let sent = SentUnix { unix_us: 1_700_000_000_000_000 + at * 10_000, resolution_us: 1 };
            recorder.push_sent(0, sent, sent.unix_us + 2_000, S);
        }
        let mut outcome = recorded(|_| {});
        outcome.totals = Totals::new(plan, 1);
        outcome.totals.take(recorder.take(0, S, WorkerHealth::default()));
        is(&outcome, Some((severity, "a clock too coarse for `push`")));
    }
}

#[test]
fn a_gated_percentile_with_too_few_samples() {
    let delivered = |samples: u64| {
        recorded(|recorder| {
            for _ in 0..samples {
                recorder.latency(Metric::Delivery, 0, S, 300);
            }
        })
    };
    is(&delivered(1_000), None);
    is(&delivered(999), Some((Severity::Suspect, "delivery.p99 from 999, needs 1,000 samples")));
    // That there are none at all is the threshold's to fail.
    is(&delivered(0), None);
}

#[test]
fn notes_change_nothing() {
    let outcome = recorded(|_| {});
    let mut setting = setting();
    setting.same_host = true;
    setting.build.profile = "debug".to_owned();
    let Validity { state, reasons } = judge_run(&outcome, &setting);
    assert_eq!(state, ValidityState::Valid);
    let notes = ["share this machine", "a debug build"];
    assert_eq!(reasons.len(), notes.len());
    for (reason, note) in reasons.iter().zip(notes) {
        assert_eq!(reason.severity, Severity::Note);
        assert!(reason.what.contains(note), "{reason:?}");
    }
}

#[test]
fn the_gravest_reason_comes_first_and_decides() {
    let mut outcome = lagging(1_001, 5_000);
    let mut setting = setting();
    setting.same_host = true;
    outcome.server_ended = Some("signal: 9".to_owned());
    let Validity { state, reasons } = judge_run(&outcome, &setting);
    assert_eq!(state, ValidityState::Invalid);
    let severities: Vec<_> = reasons.iter().map(|reason| reason.severity).collect();
    assert_eq!(severities, [Severity::Invalid, Severity::Suspect, Severity::Note]);
    outcome.server_ended = None;
    assert_eq!(judge_run(&outcome, &setting).state, ValidityState::Suspect);
}

#[test]
fn messages_that_were_not_sent_for_whatever_reason() {
    let record = |not_sent, held_full| {
        move |recorder: &mut Recorder| {
            let counts = recorder.counts(0);
            (counts.due, counts.sent) = (1_000, 1_000 - not_sent);
            (counts.not_sent, counts.held_full) = (not_sent, held_full);
        }
    };
    let missing = |not_sent, held_full| recorded(record(not_sent, held_full));
    is(&missing(10, 10), None);
    let what = "messages were not sent: 11 of 1,000 due";
    is(&missing(11, 0), Some((Severity::Suspect, what)));
    let why = "11 of 1,000 due, 4 of them because their client kept no more";
    is(&missing(11, 4), Some((Severity::Suspect, why)));
    // Who says how much may be missing, or anything, has its limit instead.
    for limit in ["\"not_sent.share\" = \"< 50%\"", "\"not_sent.share\" = \"off\""] {
        let plan = plan_of(&format!("{STEADY}{limit}\n"));
        is(&recorded_of(plan, record(11, 11)), None);
    }
}

/// 600 samples are too few for p99 and enough for p95.
#[test]
fn lag_of_few_messages_goes_by_the_percentile_that_has_its_samples() {
    let late = |late| {
        recorded(|recorder| {
            for n in 0..600 {
                recorder.latency(Metric::Lag, 0, S, if n < late { 4_000 } else { 50 });
            }
            for _ in 0..1_000 {
                recorder.latency(Metric::Delivery, 0, S, 5_000);
            }
        })
    };
    is(&late(30), None);
    is(&late(31), Some((Severity::Suspect, "messages left late: 4.0 ms (p95)")));
}
