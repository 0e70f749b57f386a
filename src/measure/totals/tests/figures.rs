//! Every figure of runs that can be worked out by hand.

use super::*;
use crate::plan::Relay;

/// One room of two clients, each of a cohort of its own; the first phase is not measured.
fn two_in_a_room(acknowledges: bool) -> Arc<Plan> {
    let text = r#"
        format = 1
        name = "figures"
        [target]
        builtin = "rooms"
        [rooms.lobby]
        count = 1
        [[cohort]]
        name = "a"
        clients = 1
        join = { rooms = "lobby" }
        publish = { rate = "1/s" }
        [[cohort]]
        name = "b"
        clients = 1
        join = { rooms = "lobby" }
        [[phase]]
        name = "ramp"
        duration = "10s"
        measure = false
        [[phase]]
        name = "steady"
        duration = "10s"
    "#;
    let source = Source { name: "test".to_owned(), text: text.to_owned() };
    let mut plan = Plan::new(read(&source, &Overrides::default()).unwrap());
    plan.relays = vec![Relay { acknowledges, ..Relay::default() }; 2];
    Arc::new(plan)
}

const fn id(seq: u32) -> MessageId {
    MessageId { room: 0, publisher: 0, seq }
}

fn joined(recorder: &mut Recorder, client: u32) {
    for (at_us, change) in
        [(1, MemberChange::JoinWritten { room: 0 }), (2, MemberChange::Joined { room: 0 })]
    {
        recorder.ledger.member(MemberEvent { client, at_us, change });
    }
}

fn published(recorder: &mut Recorder, seq: u32, sent_us: u64) {
    recorder.ledger.publish(Published { message: id(seq), due_us: sent_us, sent_us });
}

/// A snapshot of nothing but a worker's health.
fn healthy(at_us: u64, cpu_us: u64, wall_us: u64, clients_up: u32) -> Snapshot {
    let health = WorkerHealth { cpu_us, wall_us, clients_up };
    Snapshot { at_us, health, ..Snapshot::default() }
}

#[test]
fn a_worker_is_as_busy_as_three_intervals_in_a_row() {
    let mut totals = Totals::new(plan(), 1);
    assert!(totals.workers()[0].share().abs() < f64::EPSILON, "nothing is covered");
    // CPU, wall, clients up -> CPU and wall in all, and the share held.
    let rows = [
        // Too short to tell.
        (50_000, 499_999, 3, 50_000, 499_999, 0.0),
        (400_000, 500_000, 5, 450_000, 999_999, 0.0),
        (300_000, S, 4, 750_000, 1_999_999, 0.0),
        (500_000, S, 4, 1_250_000, 2_999_999, 0.3),
        (900_000, S, 4, 2_150_000, 3_999_999, 0.3),
        (950_000, S, 4, 3_100_000, 4_999_999, 0.5),
        (990_000, S, 4, 4_090_000, 5_999_999, 0.9),
        (100_000, S, 2, 4_190_000, 6_999_999, 0.9),
        (100_000, S, 2, 4_290_000, 7_999_999, 0.9),
    ];
    for (n, (cpu_us, wall_us, up, cpu_all_us, wall_all_us, held)) in (1..).zip(rows) {
        totals.take(healthy(n * S, cpu_us, wall_us, up));
        let [worker] = totals.workers() else { panic!("one worker") };
        assert_eq!((worker.clients_up, worker.cpu_us), (up, cpu_all_us), "{n}");
        assert_eq!((worker.wall_us, worker.until_us), (wall_all_us, n * S), "{n}");
        assert!((worker.busiest_share_3 - held).abs() < 1e-9, "{n}: {}", worker.busiest_share_3);
        let share = cpu_all_us as f64 / wall_all_us as f64;
        assert!((worker.share() - share).abs() < 1e-9, "{n}: {}", worker.share());
    }
    assert_eq!((totals.clients_up(), totals.peak_up), (2, 5));
}

#[test]
fn a_snapshot_stands_in_the_middle_of_its_interval_and_the_closing_nowhere() {
    let plan = plan();
    let mut totals = Totals::new(Arc::clone(&plan), 2);
    let mut recorder = Recorder::new(Arc::clone(&plan));
    let mut told = |worker, at_us, up, closing| {
        recorder.counts(0).sent = 3;
        recorder.counts(1).sent = 4;
        recorder.counts(1).pushed = 5;
        for _ in 0..2 {
            recorder.latency(Metric::Delivery, 0, at_us, 10);
            recorder.latency(Metric::DeliveryFromSent, 0, at_us, 7);
        }
        recorder.latency(Metric::Lag, 1, at_us, 1);
        let (kind, detail, step) = (ErrorKind::Reset, Detail::None, Step::Active);
        recorder.error(ErrorKey { kind, detail, step, cohort: 0 }, at_us, String::new);
        let health = WorkerHealth { cpu_us: 1, wall_us: S, clients_up: up };
        let standing = Standing { not_back: 1, sent_home: 2, stood_still: up };
        let snapshot = recorder.take(worker, at_us, health);
        totals.take(Snapshot { closing, standing, ..snapshot });
    };
    told(0, 2 * S, 3, false);
    told(1, 2 * S + 100, 4, false);
    told(0, 3 * S, 1, false);
    told(0, 9 * S, 0, true);
    let points: Vec<_> = totals.series.points().iter().collect();
    let figures: Vec<_> = points
        .iter()
        .map(|point| (point.clients_up, point.publishes, point.deliveries, point.errors))
        .collect();
    assert_eq!(figures, [(0, 0, 0, 0), (7, 14, 14, 2), (5, 7, 7, 1)]);
    let samples: Vec<_> = points
        .iter()
        .map(|at| [&at.delivery, &at.delivery_from_sent, &at.lag].map(Hist::len))
        .collect();
    assert_eq!(samples, [[0, 0, 0], [4, 4, 2], [2, 2, 1]]);
    assert_eq!(points[1].delivery_from_sent.inner().max(), 7);
    // Its counts and where its clients stood are the run's all the same.
    assert_eq!((totals.counts(None).sent, totals.counts(Some(0)).sent), (28, 12));
    assert_eq!(totals.errors.total(), 4);
    assert_eq!((totals.clients_up(), totals.peak_up, totals.workers().len()), (5, 7, 2));
    assert_eq!(totals.workers()[0].wall_us, 2 * S);
    let standing = Standing { not_back: 2, sent_home: 4, stood_still: 4 };
    assert_eq!(totals.standing(), standing);
}

#[test]
fn figures_of_one_cohort_and_phase_and_of_all() {
    let plan = plan();
    let mut recorder = Recorder::new(Arc::clone(&plan));
    let mut times = 1;
    for (cohort, at_us) in [(0, S), (0, 6 * S), (1, S), (1, 6 * S)] {
        for _ in 0..times {
            recorder.latency(Metric::Delivery, cohort, at_us, 5);
            recorder.latency(Metric::Connect, cohort, at_us, 5);
        }
        times *= 2;
    }
    (recorder.counts(0).started, recorder.counts(1).started) = (4, 6);
    (recorder.counts(0).joined, recorder.counts(1).joined) = (1, 3);
    let mut totals = Totals::new(plan, 1);
    let standing = Standing { sent_home: 2, ..Standing::default() };
    let health = WorkerHealth::default();
    totals.take(Snapshot { standing, ..recorder.take(0, 9 * S, health) });
    let rows = [
        (None, None, 2 + 8, 1 + 2 + 4 + 8),
        (Some(0), None, 2, 1 + 2),
        (Some(1), None, 8, 4 + 8),
        (None, Some(0), 1 + 4, 1 + 4),
        (None, Some(1), 2 + 8, 2 + 8),
        (Some(1), Some(0), 4, 4),
        (Some(0), Some(1), 2, 2),
    ];
    for (cohort, phase, load, other) in rows {
        let of = |metric| totals.latency(metric, cohort, phase).len();
        let found = (of(Metric::Delivery), of(Metric::Connect));
        assert_eq!(found, (load, other), "{cohort:?} {phase:?}");
    }
    let started = |cohort| totals.counts(cohort).started;
    assert_eq!((started(None), started(Some(0)), started(Some(1))), (10, 4, 6));
    assert_eq!(totals.never_joined(), 10 - 4 - 2);
    // The lookup of the host's name is the whole run's.
    totals.record_lookup(70);
    let lookup = totals.latency(Metric::ConnectLookup, None, None);
    assert_eq!((lookup.len(), lookup.inner().max()), (1, 70));
}

#[test]
fn a_phase_lasted_as_long_as_the_schedule_has_come() {
    let mut totals = Totals::new(plan(), 1);
    // How far -> until where it counts, the measured, the first, the second.
    for (now_us, reached_us, measured_us, first_us, second_us) in [
        (0, 0, 0, 0, 0),
        (3 * S, 3 * S, 0, 3 * S, 0),
        (7 * S, 7 * S, 2 * S, 5 * S, 2 * S),
        (99 * S, 10 * S, 5 * S, 5 * S, 5 * S),
    ] {
        totals.reached(now_us);
        assert_eq!(totals.reached_us(), reached_us);
        let lasted = [None, Some(0), Some(1)].map(|phase| totals.phases_us(phase));
        assert_eq!(lasted, [measured_us, first_us, second_us], "{now_us}");
    }
}

#[test]
fn what_is_neither_acknowledged_nor_refused_by_cohort() {
    for acknowledges in [true, false] {
        let plan = two_in_a_room(acknowledges);
        let mut recorder = Recorder::new(Arc::clone(&plan));
        for (cohort, sent, acked, rejected) in [(0, 10, 2, 1), (1, 20, 3, 4)] {
            let counts = recorder.counts(cohort);
            (counts.sent, counts.acked, counts.rejected) = (sent, acked, rejected);
        }
        let mut totals = Totals::new(plan, 1);
        totals.take(recorder.take(0, S, WorkerHealth::default()));
        let unacked = [Some(0), Some(1), None].map(|cohort| totals.unacked(cohort));
        let expected = [7, 13, 20].map(|count| acknowledges.then_some(count));
        assert_eq!(unacked, expected);
    }
}

/// The author hears all of its five messages, the other member all but the third.
#[test]
fn what_was_settled_by_cohort_and_phase() {
    let plan = two_in_a_room(false);
    let mut recorder = Recorder::new(Arc::clone(&plan));
    (0..2).for_each(|client| joined(&mut recorder, client));
    for (seq, sent_us) in (0..).zip([2 * S, 4 * S, 6 * S, 12 * S, 14 * S]) {
        published(&mut recorder, seq, sent_us);
        recorder.ledger.hear(id(seq), 0, sent_us, sent_us + 100);
        if seq != 2 {
            recorder.ledger.hear(id(seq), 1, sent_us, sent_us + 300);
        }
    }
    recorder.took(0, 14 * S, 16 * S, false);
    let failure = Failure { at_us: 20 * S, fault: None };
    for _ in 0..2 {
        recorder.recoveries.push(RecoveryEvent { failure, moment: Moment::Hit });
    }
    let mut totals = Totals::new(Arc::clone(&plan), 1);
    totals.take(recorder.take(0, 20 * S, WorkerHealth::default()));
    assert_eq!((totals.open_messages(), totals.followed()), (5, 2));
    assert_eq!(totals.window_us(), 2_500_000);
    assert!(totals.is_waiting(), "for the ledger alone");
    assert!(std::ptr::eq(totals.plan(), Arc::as_ptr(&plan)));
    // Half a minute after the last.
    totals.advance(60 * S);
    assert_eq!(totals.open_messages(), 0);
    assert!(!totals.is_waiting());
    let settled = |cohort, phase| {
        let Settled { expected, delivered, lost, .. } = totals.settled(cohort, phase);
        (expected, delivered, lost)
    };
    let rows = [
        (None, None, (10, 9, 1)),
        (Some(0), None, (5, 5, 0)),
        (Some(1), None, (5, 4, 1)),
        (None, Some(0), (6, 5, 1)),
        (None, Some(1), (4, 4, 0)),
        (Some(1), Some(0), (3, 2, 1)),
        (Some(0), Some(1), (2, 2, 0)),
    ];
    for (cohort, phase, expected) in rows {
        assert_eq!(settled(cohort, phase), expected, "{cohort:?} {phase:?}");
    }
    // Of the measured phase.
    let by_size: Vec<_> = totals
        .spread_by_size()
        .iter()
        .map(|(of, figures)| (of, figures.spread.len(), figures.spread.inner().max()))
        .collect();
    assert_eq!(by_size, [((2, 2), 2, 200)]);
    let found: Vec<_> =
        totals.findings().sorted().iter().map(|of| (of.kind, of.receiver, of.message)).collect();
    assert_eq!(found, [(FindingKind::Lost, 1, Some(id(2)))]);
    let outages: Vec<_> = totals.recoveries().outages().iter().map(|row| row.hit).collect();
    assert_eq!(outages, [2], "found when time went on");
}

#[test]
fn the_end_waits_for_messages_that_are_due_and_settles_the_rest() {
    let plan = two_in_a_room(false);
    let mut recorder = Recorder::new(Arc::clone(&plan));
    let mut totals = Totals::new(Arc::clone(&plan), 2);
    let mut told = |due, sent, not_sent| {
        let counts = recorder.counts(0);
        (counts.due, counts.sent, counts.not_sent) = (due, sent, not_sent);
        totals.take(recorder.take(0, 9 * S, WorkerHealth::default()));
        totals.is_waiting()
    };
    assert!(told(10, 6, 3));
    assert!(!told(0, 0, 1));
    assert!(told(1, 0, 0));
    // Nobody will tell what became of it.
    totals.give_up(7);
    assert!(totals.is_waiting(), "there is no such worker");
    totals.give_up(1);
    assert!(!totals.is_waiting());

    let mut recorder = Recorder::new(plan);
    (0..2).for_each(|client| joined(&mut recorder, client));
    published(&mut recorder, 0, 3 * S);
    totals.take(recorder.take(0, 9 * S, WorkerHealth::default()));
    assert!(totals.is_waiting(), "it may still come");
    totals.finish();
    assert!(!totals.is_waiting());
}

/// The second of two workers, and with it the second client, was last heard of at 5 s.
#[test]
fn of_a_lost_workers_clients_nothing_is_expected_since_its_last_snapshot() {
    let plan = two_in_a_room(false);
    let mut totals = Totals::new(Arc::clone(&plan), 2);
    let mut workers = [0, 1].map(|_| Recorder::new(Arc::clone(&plan)));
    for (client, recorder) in (0..).zip(&mut workers) {
        joined(recorder, client);
    }
    let health = WorkerHealth { clients_up: 1, ..WorkerHealth::default() };
    published(&mut workers[0], 0, 3 * S);
    totals.take(workers[1].take(1, 5 * S, health));
    published(&mut workers[0], 1, 12 * S);
    published(&mut workers[0], 2, 14 * S);
    totals.take(workers[0].take(0, 18 * S, health));
    assert_eq!(totals.clients_up(), 2);
    totals.give_up(1);
    assert_eq!((totals.clients_up(), totals.workers()[1].clients_up), (1, 0));
    totals.advance(60 * S);
    totals.finish();
    let lost = |cohort| totals.settled(Some(cohort), None).lost;
    assert_eq!((lost(0), lost(1)), (3, 1));
    assert_eq!(totals.settled(Some(1), Some(1)), Settled::default());
}
