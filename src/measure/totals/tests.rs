//! Shards that are merged equal one recorder that saw everything.

use std::collections::{BTreeSet, VecDeque};

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::*;
use crate::measure::settler::tests::{Fact, Told, history, plan as plan_of_rooms};
use crate::measure::{
    ErrorKey, Failure, Feeds, Finding, FindingKind, FrameKind, Live, LiveLatency, MemberChange,
    MemberEvent, MessageId, Moment, Published, Recorder, RecoveryEvent, Settled, judge,
};
use crate::metric::{Detail, ErrorKind, Step};
use crate::scenario::{Overrides, Source, read};
use crate::secrets::Secrets;

mod figures;

const S: u64 = 1_000_000;

fn plan() -> Arc<Plan> {
    let text = r#"
        format = 1
        name = "shards"
        [target]
        builtin = "echo"
        [[cohort]]
        name = "a"
        clients = 5
        [[cohort]]
        name = "b"
        clients = 5
        [[phase]]
        name = "ramp"
        duration = "5s"
        measure = false
        [[phase]]
        name = "steady"
        duration = "5s"
        [[fault]]
        at = "6s"
        kind = "reset"
        clients = "50%"
    "#;
    let source = Source { name: "test".to_owned(), text: text.to_owned() };
    Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()))
}

/// The same random recordings for every recorder that is asked.
fn record(recorder: &mut Recorder, rng: &mut Pcg64Mcg, at_us: u64) {
    let cohort = rng.random_range(0..2);
    let metric = Metric::ALL[rng.random_range(0..Metric::ALL.len())];
    recorder.latency(metric, cohort, at_us, rng.random_range(0..3_000_000));
    let counts = recorder.counts(cohort);
    counts.due += 2;
    counts.sent += rng.random_range(0..3);
    counts.reordered += rng.random_range(0..2);
    counts.bytes_received += rng.random_range(0..100_000);
    let frame = format!("frame at {at_us}");
    match rng.random_range(0..4) {
        0 => {
            recorder.frame(cohort, FrameKind::Unmatched, at_us, frame.as_bytes(), Secrets::default);
        }
        1 => recorder.frame(cohort, FrameKind::Ack, at_us, frame.as_bytes(), Secrets::default),
        2 => recorder.ignored(cohort, "typing", at_us, frame.as_bytes(), Secrets::default),
        _ => recorder.corrupted(cohort, 3, None, at_us, (frame.as_bytes(), 6)),
    }
    if rng.random::<f64>() < 0.3 {
        let kind = if rng.random() { ErrorKind::Reset } else { ErrorKind::TimedOut };
        // Past the bound it depends on the order which details are told apart.
        let detail = Detail::Status(rng.random_range(400..410));
        let key = ErrorKey { kind, detail, step: Step::Active, cohort: cohort as u16 };
        recorder.error(key, at_us, || format!("at {at_us}"));
        recorder.closes.record(1000 + rng.random_range(0..3), "", rng.random());
        let after_us = rng.random_range(0..S);
        let failure = Failure { at_us: 1, fault: Some(0) };
        for moment in [Moment::Hit, Moment::Back { after_us }] {
            recorder.recoveries.push(RecoveryEvent { failure, moment });
        }
    }
}

proptest! {
    // Each of them 200 steps, and a comparison of every histogram there is.
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn shards_equal_one_recorder(seed: u64, workers in 1_u16..5) {
        let plan = plan();
        let mut whole = Recorder::new(Arc::clone(&plan));
        let mut shards: Vec<_> = (0..workers).map(|_| Recorder::new(Arc::clone(&plan))).collect();
        let mut merged = Totals::new(Arc::clone(&plan), usize::from(workers));
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        for step in 0..200 {
            let at_us = step * S / 20;
            let worker = rng.random_range(0..shards.len());
            let mut same = rng.clone();
            record(&mut shards[worker], &mut rng, at_us);
            record(&mut whole, &mut same, at_us);
            // Shards hand over now and then; every snapshot serialises.
            if rng.random::<f64>() < 0.1 {
                let worker = rng.random_range(0..shards.len());
                let snapshot = shards[worker].take(worker as u16, at_us + 1, WorkerHealth::default());
                let text = serde_json::to_string(&snapshot).unwrap();
                merged.take(serde_json::from_str(&text).unwrap());
            }
        }
        for (worker, shard) in shards.iter_mut().enumerate() {
            merged.take(shard.take(worker as u16, 10 * S, WorkerHealth::default()));
        }
        let mut single = Totals::new(Arc::clone(&plan), 1);
        single.take(whole.take(0, 10 * S, WorkerHealth::default()));

        prop_assert_eq!(merged.errors.sorted(), single.errors.sorted());
        prop_assert_eq!(&merged.closes, &single.closes);
        prop_assert_eq!(merged.examples.sorted(), single.examples.sorted());
        prop_assert_eq!(merged.recoveries.planned(), single.recoveries.planned());
        let parts = [None, Some(0), Some(1)];
        for cohort in parts {
            prop_assert_eq!(merged.counts(cohort), single.counts(cohort));
            for (metric, phase) in Metric::ALL.into_iter().flat_map(|m| parts.map(|p| (m, p))) {
                let (a, b) = (merged.latency(metric, cohort, phase), single.latency(metric, cohort, phase));
                prop_assert_eq!(a.inner(), b.inner());
                prop_assert_eq!(a.clipped(), b.clipped());
            }
        }
        let sum = |totals: &Totals, of: fn(&crate::measure::Point) -> u64| {
            totals.series.points().iter().map(of).sum::<u64>()
        };
        prop_assert_eq!(sum(&merged, |p| p.publishes), single.counts(None).sent);
        prop_assert_eq!(sum(&merged, |p| p.errors), single.errors.total());
        prop_assert_eq!(sum(&merged, |p| p.deliveries), sum(&single, |p| p.deliveries));
    }
}

/// What a client's worker records of a fact, and now and then something else.
fn tell(recorder: &mut Recorder, plan: &Plan, (at_us, client, fact): Told, rng: &mut Pcg64Mcg) {
    let cohort = plan.cohort_of(client);
    match fact {
        Fact::Published(message) => {
            recorder.counts(cohort).sent += 1;
            recorder.ledger.publish(message);
        }
        Fact::Member(event) => recorder.ledger.member(event),
        Fact::Answered { message, due_us, sent_us, acked: true } => {
            recorder.acked(cohort, message, due_us, sent_us, at_us);
        }
        Fact::Answered { message, acked: false, .. } => recorder.rejected(cohort, message),
        Fact::Heard { message, slot, sent_us, replay } => {
            let new = if replay {
                recorder.replayed(cohort, message, slot, sent_us, sent_us, at_us)
            } else {
                recorder.latency(Metric::Delivery, cohort, sent_us, at_us - sent_us);
                recorder.ledger.hear(message, slot, sent_us, at_us)
            };
            recorder.counts(cohort).duplicated += u64::from(!new);
        }
    }
    if rng.random::<f64>() < 0.05 {
        record(recorder, rng, at_us);
    }
}

/// What may not depend on who told what to whom, and when.
struct Comparable {
    counts: Vec<Counts>,
    settled: Vec<Settled>,
    duplicated: u64,
    findings: Vec<Finding>,
    left_out: Vec<u64>,
}

/// Where a copy counts depends on the intervals: found within one by its worker, over two by the
/// settler. The sum doesn't.
fn comparable(totals: &Totals) -> Comparable {
    let mut counts: Vec<_> = [0, 1].map(|cohort| totals.counts(Some(cohort))).into();
    let of = [(0, 0), (0, 1), (1, 0), (1, 1)];
    let mut settled: Vec<_> =
        of.map(|(cohort, phase)| totals.settled(Some(cohort), Some(phase))).into();
    let by_workers = counts.iter_mut().map(|of| std::mem::take(&mut of.duplicated));
    let by_settler = settled.iter_mut().map(|of| std::mem::take(&mut of.duplicated));
    let duplicated = by_workers.sum::<u64>() + by_settler.sum::<u64>();
    let mut findings = totals.findings().sorted();
    findings.retain(|finding| finding.kind != FindingKind::Duplicated);
    let kinds = [FindingKind::Lost, FindingKind::Uncertain, FindingKind::MissedAway];
    let left_out = kinds.map(|kind| totals.findings().left_out(kind)).into();
    Comparable { counts, settled, duplicated, findings, left_out }
}

proptest! {
    // Each of them a whole run of thousands of facts.
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// One worker's snapshots come in order; between workers every order will do. Free of the order
    /// are all sums. Not free are a point of the series (it stands where its snapshot was taken),
    /// which thousand findings of a kind are kept, and which reasons of closes are told apart once
    /// there are more than 64.
    #[test]
    fn a_whole_run_told_by_several_equals_one_recorder(seed: u64, workers in 1_u32..5, copies: bool) {
        let plan = plan_of_rooms();
        let mut whole = Recorder::new(Arc::clone(&plan));
        let mut shards: Vec<_> = (0..workers).map(|_| Recorder::new(Arc::clone(&plan))).collect();
        let mut snapshots: Vec<VecDeque<String>> = vec![VecDeque::new(); workers as usize];
        let mut rng = Pcg64Mcg::seed_from_u64(!seed);
        let mut hand_over = |worker: usize, shard: &mut Recorder, at_us| {
            let snapshot = shard.take(worker as u16, at_us, WorkerHealth::default());
            snapshots[worker].push_back(serde_json::to_string(&snapshot).unwrap());
        };
        for told in history(&plan, seed, copies) {
            let worker = (told.1 % workers) as usize;
            let mut same = rng.clone();
            tell(&mut shards[worker], &plan, told, &mut rng);
            tell(&mut whole, &plan, told, &mut same);
            if rng.random::<f64>() < 0.01 {
                hand_over(worker, &mut shards[worker], told.0);
            }
        }
        for (worker, shard) in shards.iter_mut().enumerate() {
            hand_over(worker, shard, 100 * S);
        }
        let mut merged = Totals::new(Arc::clone(&plan), workers as usize);
        while !snapshots.is_empty() {
            let worker = rng.random_range(0..snapshots.len());
            match snapshots[worker].pop_front() {
                Some(text) => merged.take(serde_json::from_str(&text).unwrap()),
                None => drop(snapshots.swap_remove(worker)),
            }
        }
        let mut single = Totals::new(Arc::clone(&plan), 1);
        single.take(whole.take(0, 100 * S, WorkerHealth::default()));
        merged.finish();
        single.finish();

        let (a, b) = (comparable(&merged), comparable(&single));
        prop_assert_eq!(a.counts, b.counts);
        prop_assert_eq!(a.settled, b.settled);
        prop_assert_eq!(a.duplicated, b.duplicated);
        prop_assert!(!b.findings.is_empty());
        prop_assert_eq!(&a.left_out, &b.left_out);
        if a.left_out.iter().all(|left_out| *left_out == 0) {
            prop_assert_eq!(a.findings, b.findings);
        }
        prop_assert_eq!(merged.errors.sorted(), single.errors.sorted());
        prop_assert_eq!(&merged.closes, &single.closes);
        prop_assert_eq!(merged.examples.sorted(), single.examples.sorted());
        prop_assert_eq!(merged.unacked(None), single.unacked(None));
        prop_assert_eq!(merged.unacked(Some(1)), None, "nobody acknowledges its messages");
        let recoveries = |totals: &Totals| {
            let all = totals.recoveries();
            (all.planned().to_vec(), all.outages().to_vec())
        };
        prop_assert_eq!(recoveries(&merged), recoveries(&single));
        // Of a copy in the same interval as a first arrival, the spread may take the later; of one
        // in another interval, a replay that nobody tells from the first is a sample too.
        let by_copies = [Metric::Spread, Metric::Replay];
        let metrics = Metric::ALL.into_iter().filter(|of| !copies || !by_copies.contains(of));
        for metric in metrics {
            for (cohort, phase) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let of = |totals: &Totals| totals.latency(metric, Some(cohort), Some(phase));
                let (a, b) = (of(&merged), of(&single));
                prop_assert_eq!(a.inner(), b.inner());
            }
        }
    }
}

/// Whatever a worker tells, and whenever: what a monitoring system reads as a counter never falls, and
/// neither do samples of a latency or their sum.
#[test]
fn what_only_grows_never_falls_from_one_snapshot_to_the_next() {
    let mut fell = BTreeSet::new();
    for seed in 0..2 {
        let plan = plan_of_rooms();
        let mut recorder = Recorder::new(Arc::clone(&plan));
        let mut totals = Totals::new(Arc::clone(&plan), 1);
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let mut feeds = Feeds::default();
        let mut before = Live::default();
        let mut look = |totals: &Totals, at_us| {
            let live = Live::of(totals, None, at_us);
            for ((counter, value), (same, was)) in live.counts.iter().zip(&before.counts) {
                assert_eq!(counter, same);
                assert!(value >= was || !counter.only_grows(), "{counter:?}: {was}, then {value}");
                if value < was {
                    fell.insert(format!("{counter:?}"));
                }
            }
            for was in &before.latencies {
                let now = live.latencies.iter().find(|now| now.metric == was.metric).unwrap();
                let sum = |of: &LiveLatency| of.mean_us * of.count as f64;
                assert!(now.count >= was.count && sum(now) >= sum(was) - 1e-3, "{was:?}, {now:?}");
            }
            before = live;
        };
        let mut history = history(&plan, seed, true);
        for (at_us, _, fact) in &mut history {
            // Some come when their message was settled long since.
            let may_be_late = matches!(fact, Fact::Heard { .. } | Fact::Answered { .. });
            *at_us += if may_be_late && rng.random::<f64>() < 0.2 { 35 * S } else { 0 };
        }
        history.sort_by_key(|(at_us, ..)| *at_us);
        for told in history {
            tell(&mut recorder, &plan, told, &mut rng);
            let seq = rng.random_range(0..400);
            recorder.counts(0).number(&feeds.hear(0, seq));
            // Each look is at every histogram: about as often as a run of this length is told of.
            if rng.random::<f64>() < 0.01 {
                totals.take(recorder.take(0, told.0, WorkerHealth::default()));
                look(&totals, told.0);
                totals.advance(told.0);
                look(&totals, told.0);
            }
        }
        totals.take(recorder.take(0, 100 * S, WorkerHealth::default()));
        look(&totals, 100 * S);
        totals.finish();
        look(&totals, 100 * S);
    }
    // What is a gauge is one for a reason.
    for counter in ["Lost", "AckedLost", "MissedAway", "PublishesUnacked"] {
        assert!(fell.contains(counter), "{counter} never fell: {fell:?}");
    }
}

#[test]
fn what_only_acknowledgements_can_tell_is_unknown_without_them() {
    let threshold = |key: &str| {
        let text = format!(
            r#"
            format = 1
            name = "acks"
            [target]
            builtin = "rooms"
            [rooms.lobby]
            count = 1
            [[cohort]]
            name = "people"
            clients = 3
            join = {{ rooms = "lobby" }}
            publish = {{ rate = "1/s" }}
            [[phase]]
            name = "steady"
            duration = "5s"
            [thresholds]
            "{key}" = "<= 1"
            "#
        );
        let source = Source { name: "test".to_owned(), text };
        Plan::new(read(&source, &Overrides::default()).unwrap())
    };
    for (key, acked) in [
        ("publishes.acked", 1.0),
        ("publishes.rejected", 1.0),
        ("publishes.unacked", 2.0),
        ("acked_lost", 3.0),
    ] {
        for acknowledges in [false, true] {
            let mut plan = threshold(key);
            plan.relays[0].acknowledges = acknowledges;
            let plan = Arc::new(plan);
            let mut recorder = Recorder::new(Arc::clone(&plan));
            recorder.counts(0).sent += 4;
            let id = |seq| MessageId { room: 0, publisher: 0, seq };
            for client in 0..3 {
                let mut tell =
                    |at_us, change| recorder.ledger.member(MemberEvent { client, at_us, change });
                tell(1, MemberChange::JoinWritten { room: 0 });
                tell(2, MemberChange::Joined { room: 0 });
            }
            let message = id(0);
            recorder.ledger.publish(Published { message, due_us: S, sent_us: S });
            recorder.acked(0, message, S, S + 5, S + 10);
            recorder.rejected(0, id(1));
            let mut totals = Totals::new(Arc::clone(&plan), 1);
            totals.take(recorder.take(0, 3 * S, WorkerHealth::default()));
            totals.finish();
            let threshold = plan.scenario.thresholds.iter().find(|of| of.key == key).unwrap();
            let outcome = judge(threshold, &totals);
            assert_eq!(outcome.actual, acknowledges.then_some(acked), "{key}");
            assert_eq!(outcome.passed, acknowledges && acked <= 1.0, "{key}");
            let from_due = totals.latency(Metric::Ack, Some(0), None);
            let from_sent = totals.latency(Metric::AckFromSent, Some(0), None);
            assert_eq!((from_due.inner().max(), from_sent.inner().max()), (10, 5));
        }
    }
}

/// In the drain nothing is settled until its end.
#[test]
fn events_of_feeds_are_bounded_while_nothing_is_settled() {
    let plan = plan();
    let mut recorder = Recorder::new(Arc::clone(&plan));
    let mut totals = Totals::new(Arc::clone(&plan), 1);
    let spreads = |totals: &Totals| totals.latency(Metric::Spread, None, Some(1)).len();
    for second in 0..3 {
        for key in 0..50_000 {
            for after_us in [1, 4] {
                recorder.ledger.hear_event(second * 50_000 + key, 0, 7 * S + second + after_us);
            }
        }
        totals.take(recorder.take(0, (8 + second) * S, WorkerHealth::default()));
        // The oldest of more than 100,000 are closed.
        assert_eq!(spreads(&totals), second.saturating_sub(1) * 50_000);
    }
    totals.finish();
    assert_eq!(spreads(&totals), 150_000);
}

#[test]
fn the_end_waits_for_clients_that_may_still_come_back() {
    let plan = plan();
    let mut recorder = Recorder::new(Arc::clone(&plan));
    let mut totals = Totals::new(plan, 1);
    let mut told = |not_back, gave_up| {
        recorder.counts(0).gave_up += gave_up;
        let standing = Standing { not_back, ..Standing::default() };
        totals.take(Snapshot { standing, ..recorder.take(0, S, WorkerHealth::default()) });
        totals.is_waiting()
    };
    assert!(!told(0, 0));
    assert!(told(2, 0));
    assert!(told(2, 1));
    assert!(!told(2, 1), "both have given up");
}
