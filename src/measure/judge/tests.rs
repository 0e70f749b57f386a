//! Shares and rates of runs whose numbers are known, and uproar's own conditions.

use std::sync::Arc;

use super::*;
use crate::measure::{MemberChange, MemberEvent, MessageId, Published, Recorder, WorkerHealth};
use crate::plan::Plan;
use crate::scenario::{Overrides, Source, read};

mod counted;

const S: u64 = 1_000_000;

/// Two phases of ten seconds, the first of which is not measured.
fn plan(thresholds: &str) -> Arc<Plan> {
    let text = format!(
        r#"
        format = 1
        name = "judged"
        [target]
        builtin = "echo"
        [[cohort]]
        name = "people"
        clients = 100
        publish = {{ rate = "1/s" }}
        [[phase]]
        name = "ramp"
        duration = "10s"
        measure = false
        [[phase]]
        name = "steady"
        duration = "10s"
        [thresholds]
        {thresholds}
        "#
    );
    let source = Source { name: "test".to_owned(), text };
    Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()))
}

fn totals(plan: &Arc<Plan>, record: impl FnOnce(&mut Recorder)) -> Totals {
    let mut recorder = Recorder::new(Arc::clone(plan));
    record(&mut recorder);
    let mut totals = Totals::new(Arc::clone(plan), 1);
    totals.take(recorder.take(0, 20 * S, WorkerHealth::default()));
    totals.reached(20 * S);
    totals
}

#[track_caller]
fn found(key: &str, totals: &Totals) -> Outcome {
    let thresholds = &totals.plan().scenario.thresholds;
    let threshold = thresholds.iter().find(|threshold| threshold.key == key);
    judge(threshold.unwrap_or_else(|| panic!("no {key}")), totals)
}

#[test]
fn shares_have_their_count_and_their_whole() {
    let plan = plan("\"not_sent.share\" = \"< 2%\"\n\"publishes.not_sent\" = \"== 0\"");
    let not_sent = |not_sent| {
        totals(&plan, |recorder| {
            let counts = recorder.counts(0);
            (counts.due, counts.not_sent) = (1_000, not_sent);
        })
    };
    let share = found("not_sent.share", &not_sent(19));
    assert_eq!((share.actual, share.part), (Some(0.019), Some((19, 1_000))));
    assert!(share.passed);
    assert!(!found("not_sent.share", &not_sent(20)).passed);
    let count = found("publishes.not_sent", &not_sent(19));
    assert_eq!((count.actual, count.part), (Some(19.0), Some((19, 1_000))));
    assert!(!count.passed);
    // A share of nothing is not known, and what is not known does not hold.
    let nothing = found("not_sent.share", &totals(&plan, |_| {}));
    assert_eq!((nothing.actual, nothing.part, nothing.passed), (None, Some((0, 0)), false));
}

#[test]
fn shares_of_clients_and_of_deliveries() {
    let plan = plan(
        "\"clients.never_joined.share\" = \"< 10%\"\n\"duplicated.share\" = \"< 10%\"\n\
         \"lost.share\" = \"< 50%\"",
    );
    let totals = totals(&plan, |recorder| {
        let counts = recorder.counts(0);
        (counts.started, counts.joined) = (100, 91);
        counts.duplicated = 3;
    });
    let never = found("clients.never_joined.share", &totals);
    assert_eq!((never.actual, never.part), (Some(0.09), Some((9, 100))));
    assert_eq!(found("duplicated.share", &totals).part, Some((3, 0)));
    assert_eq!(found("lost.share", &totals).actual, None);
}

/// What the first client says, a message each: while it joins, which counts for nothing; as a member,
/// heard and never heard; before its connection fails, before it leaves, and when the run ends.
#[test]
fn a_share_of_the_uncertain_is_of_all_that_was_settled() {
    let plan = plan(
        "\"uncertain.share\" = \"< 50%\"\n\"cut_off.share\" = \"< 20%\"\n\
         \"unfinished.share\" = \"< 20%\"\n\"lost\" = \"== 0\"\n\"joining\" = \"< 1\"",
    );
    let mut totals = totals(&plan, |recorder| {
        let room = plan.memberships(0)[0].room;
        for (at_us, change) in [
            (S, MemberChange::JoinWritten { room }),
            (2 * S, MemberChange::Joined { room }),
            (8 * S, MemberChange::Failed { fault: None }),
            (9 * S, MemberChange::JoinWritten { room }),
            (9 * S, MemberChange::Joined { room }),
            (12 * S, MemberChange::LeaveWritten { room }),
            (12 * S, MemberChange::Left { room }),
            (13 * S, MemberChange::JoinWritten { room }),
            (13 * S, MemberChange::Joined { room }),
        ] {
            recorder.ledger.member(MemberEvent { client: 0, at_us, change });
        }
        let sent = [3 * S / 2, 3 * S, 4 * S, 15 * S / 2, 23 * S / 2, 19 * S + 1];
        for (seq, sent_us) in (0..).zip(sent) {
            let message = MessageId { room, publisher: 0, seq };
            recorder.ledger.publish(Published { message, due_us: sent_us, sent_us });
            if seq < 2 {
                recorder.ledger.hear(message, 0, sent_us, sent_us + 300);
            }
        }
    });
    totals.finish();
    for share in ["uncertain.share", "cut_off.share", "unfinished.share"] {
        let found = found(share, &totals);
        let is = (found.actual, found.part, found.passed);
        assert_eq!(is, (Some(0.2), Some((1, 5)), share == "uncertain.share"), "{share}");
    }
    let lost = found("lost", &totals);
    assert_eq!((lost.actual, lost.part), (Some(1.0), Some((1, 2))));
    assert_eq!(found("joining", &totals).actual, Some(1.0));
}

#[test]
fn rates_are_of_the_measured_time_that_has_passed() {
    let plan = plan(
        "\"delivered.rate\" = \"> 40/s\"\n\"sent.rate\" = \"> 40/s\"\n\
         \"phase.ramp.delivered.rate\" = \"> 40/s\"",
    );
    let mut totals = totals(&plan, |recorder| {
        for n in 0..500 {
            recorder.latency(Metric::Delivery, 0, 15 * S, 300);
            recorder.latency(Metric::Held, 0, 15 * S, 1);
            if n < 100 {
                recorder.latency(Metric::Delivery, 0, 5 * S, 300);
            }
        }
    });
    assert_eq!(found("delivered.rate", &totals).actual, Some(50.0));
    assert_eq!(found("sent.rate", &totals).actual, Some(50.0));
    let ramp = found("phase.ramp.delivered.rate", &totals);
    assert_eq!((ramp.actual, ramp.passed), (Some(10.0), false));
    // A run that ended in its twelfth second measured two.
    totals.reached(12 * S);
    assert_eq!(found("delivered.rate", &totals).actual, Some(250.0));
    // One that ended before measured nothing.
    totals.reached(9 * S);
    let nothing = found("delivered.rate", &totals);
    assert_eq!((nothing.actual, nothing.passed), (None, false));
}

#[test]
fn nothing_delivered_fails_where_something_was_due() {
    let plan = plan("");
    let sent = |due, delivered: u64| {
        let totals = totals(&plan, |recorder| recorder.counts(0).due = due);
        let outcome = found("delivered", &totals);
        assert_eq!(outcome.actual, Some(delivered as f64));
        outcome.passed
    };
    assert!(!sent(10, 0));
    assert!(sent(0, 0));
    // Whoever asks for it themselves means every run.
    let asked = self::plan("\"delivered\" = \"> 0\"");
    assert!(!found("delivered", &totals(&asked, |_| {})).passed);
}

#[test]
fn own_conditions_stand_beside_those_that_are_named() {
    let own = |thresholds: &str| -> Vec<String> {
        let plan = plan(thresholds);
        let all = plan.scenario.thresholds.iter().filter(|threshold| threshold.default);
        all.map(|threshold| format!("{} {}", threshold.key, threshold.condition)).collect()
    };
    let all = own("");
    assert!(all.contains(&"clients.never_joined == 0".to_owned()), "{all:?}");
    assert!(all.contains(&"not_sent.share < 1%".to_owned()), "{all:?}");
    for named in [
        "\"not_sent.share\" = \"< 10%\"",
        "\"publishes.not_sent\" = \"< 10\"",
        "\"not_sent.share\" = \"off\"",
    ] {
        let rest: Vec<_> = all.iter().filter(|own| !own.starts_with("not_sent")).cloned().collect();
        assert_eq!(own(named), rest, "{named}");
    }
    // Of one cohort it says nothing of the others.
    assert_eq!(own("\"cohort.people.lost\" = \"== 0\""), all);
}

fn bare(subject: Subject, comparison: crate::scenario::Comparison) -> Threshold {
    Threshold {
        key: String::new(),
        condition: String::new(),
        cohort: None,
        phase: None,
        subject,
        comparison,
        limit: 100.0,
        if_any: false,
        abort_after: None,
        default: false,
    }
}

fn told(actual: f64, samples: u64, too_few: bool) -> Outcome {
    Outcome { actual: Some(actual), passed: false, samples: Some(samples), too_few, part: None }
}

#[test]
fn what_has_failed_already_and_what_may_still_hold() {
    use crate::scenario::Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    let count = Subject::Count(Counter::Delivered);
    let median = Subject::Latency(Metric::Delivery, Stat::Percentile(50.0));
    let [least, most] = [Stat::Min, Stat::Max].map(|stat| Subject::Latency(Metric::Delivery, stat));
    let at_the_end = Subject::Count(Counter::ClientsNeverJoined);
    // Whether 99, 100 and 101 have failed a limit of 100.
    let rows = [
        (count, Less, [false, true, true]),
        (count, LessOrEqual, [false, false, true]),
        (count, Equal, [false, false, true]),
        (count, Greater, [false; 3]),
        (count, GreaterOrEqual, [false; 3]),
        (most, Less, [false, true, true]),
        (most, GreaterOrEqual, [false; 3]),
        (least, Less, [false; 3]),
        (least, Greater, [true, true, false]),
        (least, GreaterOrEqual, [true, false, false]),
        (least, Equal, [true, false, false]),
        (median, Less, [false, true, true]),
        (median, Greater, [true, true, false]),
        (median, Equal, [true, false, true]),
        (at_the_end, Less, [false; 3]),
        (at_the_end, Equal, [false; 3]),
    ];
    for (subject, comparison, expected) in rows {
        let threshold = bare(subject, comparison);
        let failed = [99.0, 100.0, 101.0].map(|actual| threshold.has_failed(actual));
        assert_eq!(failed, expected, "{subject:?} {comparison:?}");
        let so_far = [99.0, 100.0, 101.0]
            .map(|actual| told(actual, 1_000, false).failed_so_far(&threshold).is_some());
        assert_eq!(so_far, expected, "{subject:?} {comparison:?}");
    }
}

#[test]
fn few_samples_are_no_failure_yet() {
    let of =
        |stat| bare(Subject::Latency(Metric::Delivery, stat), crate::scenario::Comparison::Less);
    let p99 = of(Stat::Percentile(99.0));
    assert_eq!(told(200.0, 999, true).failed_so_far(&p99), None);
    assert_eq!(told(200.0, 1_000, false).failed_so_far(&p99), Some(200.0));
    let mean = of(Stat::Mean);
    assert_eq!(told(200.0, 19, false).failed_so_far(&mean), None);
    assert_eq!(told(200.0, 20, false).failed_so_far(&mean), Some(200.0));
    // The largest is what it is from the first one on.
    assert_eq!(told(200.0, 1, false).failed_so_far(&of(Stat::Max)), Some(200.0));
    let none = Outcome { actual: None, ..told(0.0, 0, false) };
    assert_eq!(none.failed_so_far(&p99), None);
}

#[test]
fn statistics_of_a_latency_and_whether_they_have_enough_samples() {
    let plan = plan("");
    let of = |times: u64| {
        totals(&plan, |recorder| {
            for _ in 0..times {
                [10, 20, 60].into_iter().for_each(|us| {
                    recorder.latency(Metric::Delivery, 0, 15 * S, us);
                });
            }
        })
    };
    // Three samples, 21, and none.
    let rows = [
        (Stat::Count, [Some(3.0), Some(21.0), Some(0.0)], [false; 3]),
        (Stat::Min, [Some(10.0), Some(10.0), None], [false; 3]),
        (Stat::Max, [Some(60.0), Some(60.0), None], [false; 3]),
        (Stat::Mean, [Some(30.0), Some(30.0), None], [false; 3]),
        (Stat::Percentile(50.0), [Some(20.0), Some(20.0), None], [true, false, false]),
        (Stat::Percentile(99.0), [Some(60.0), Some(60.0), None], [true, true, false]),
    ];
    for (stat, actual, too_few) in rows {
        let threshold =
            bare(Subject::Latency(Metric::Delivery, stat), crate::scenario::Comparison::Less);
        for (at, times) in [1, 7, 0].into_iter().enumerate() {
            let outcome = judge(&threshold, &of(times));
            let expected = Outcome {
                actual: actual[at],
                part: None,
                passed: actual[at].is_some(),
                samples: Some(3 * times),
                too_few: too_few[at],
            };
            assert_eq!(outcome, expected, "{stat:?} of {times}");
        }
        let if_any = Threshold { if_any: true, ..threshold };
        assert!(judge(&if_any, &of(0)).passed, "{stat:?}");
    }
    let needed = [50.0, 90.0, 95.0, 99.0, 99.9, 99.99].map(samples_needed);
    assert_eq!(needed, [20, 100, 200, 1_000, 10_000, 100_000]);
}

/// A feed of which nobody stamps the events.
fn feed() -> Arc<Plan> {
    let text = r#"
        format = 1
        name = "feed"
        [target]
        builtin = "feed"
        [[cohort]]
        name = "watchers"
        clients = 10
        [[phase]]
        name = "ramp"
        duration = "10s"
        measure = false
        [[phase]]
        name = "steady"
        duration = "10s"
        [thresholds]
        "delivered.rate" = "> 1/s"
        "phase.ramp.delivered.rate" = "> 1/s"
        "phase.steady.delivered.rate" = "> 1/s"
    "#;
    let source = Source { name: "test".to_owned(), text: text.to_owned() };
    Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()))
}

#[test]
fn rates_of_a_feed_are_by_phase_only_where_every_push_has_its_time() {
    // Pushes timed in either phase, those without a time -> of the run, of each phase.
    let rows = [
        (100, 500, 0, [Some(50.0), Some(10.0), Some(50.0)]),
        (100, 500, 200, [Some(40.0), None, None]),
        (0, 0, 300, [Some(15.0), None, None]),
        // None came in the first phase.
        (0, 500, 0, [Some(50.0), None, Some(50.0)]),
        (0, 0, 0, [Some(0.0), Some(0.0), Some(0.0)]),
    ];
    let keys = ["delivered.rate", "phase.ramp.delivered.rate", "phase.steady.delivered.rate"];
    for (ramp, steady, untimed, expected) in rows {
        let totals = totals(&feed(), |recorder| {
            (0..ramp).for_each(|_| recorder.latency(Metric::Push, 0, 5 * S, 1));
            (0..steady).for_each(|_| recorder.latency(Metric::Push, 0, 15 * S, 1));
            let counts = recorder.counts(0);
            (counts.pushed, counts.push_untimed) = (ramp + steady + untimed, untimed);
        });
        let found = keys.map(|key| found(key, &totals));
        assert_eq!(found.map(|of| of.actual), expected, "{ramp} {steady} {untimed}");
        assert_eq!(found.map(|of| of.passed), expected.map(|of| of.is_some_and(|of| of > 1.0)));
    }
    // Without times and by a clock that does not know them: all pushes over all that has passed.
    let told = totals(&feed(), |recorder| recorder.counts(0).pushed = 300);
    assert_eq!(found("delivered.rate", &told).actual, Some(15.0));
}

#[test]
fn nothing_delivered_is_fine_only_where_nobody_was_to_hear_anything() {
    let passed = |plan: &Arc<Plan>, due, joined| {
        let totals = totals(plan, |recorder| {
            let counts = recorder.counts(0);
            (counts.due, counts.joined) = (due, joined);
        });
        found("delivered", &totals).passed
    };
    // Of a feed it goes by who joined.
    assert!(passed(&feed(), 0, 0));
    assert!(!passed(&feed(), 0, 1));
    let echo = plan("");
    assert!(passed(&echo, 0, 1));
    assert!(!passed(&echo, 1, 1));
    // A server that relays nothing.
    let mut silent = Arc::into_inner(plan("")).unwrap();
    silent.relays[0].recipients = crate::protocol::Recipients::Nobody;
    assert!(passed(&Arc::new(silent), 1, 1));
    // No other condition of uproar's own asks for what was due.
    let nobody = totals(&echo, |recorder| recorder.counts(0).started = 1);
    assert!(!found("clients.never_joined", &nobody).passed);
}
