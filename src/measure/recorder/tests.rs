//! What each call leaves in the snapshot.

use super::*;
use crate::measure::encoded::MAX_US;
use crate::measure::{ErrorEntry, Failure, Moment, Published};
use crate::metric::{Detail, ErrorKind, Step};
use crate::scenario::{Overrides, Source, read};

const S: u64 = 1_000_000;

fn recorder() -> Recorder {
    let text = r#"
        format = 1
        name = "recorder"
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
        [[phase]]
        name = "steady"
        duration = "5s"
    "#;
    let source = Source { name: "test".to_owned(), text: text.to_owned() };
    Recorder::new(Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap())))
}

fn take(recorder: &mut Recorder) -> Snapshot {
    recorder.take(3, 9 * S, WorkerHealth::default())
}

const fn id(seq: u32) -> MessageId {
    MessageId { room: 1, publisher: 2, seq }
}

/// Cohort, phase, how many, the least and the most of everything recorded of a metric.
fn samples(snapshot: &Snapshot, metric: Metric) -> Vec<(u16, u16, u64, u64, u64)> {
    let keys = [0, 1].map(|cohort| [0, 1].map(|phase| HistKey { metric, cohort, phase }));
    let of = |key: HistKey| {
        let hist = snapshot.histograms.sum(metric, |known| *known == key);
        let (least, most) = (hist.inner().min(), hist.inner().max());
        (!hist.is_empty()).then_some((key.cohort, key.phase, hist.len(), least, most))
    };
    keys.into_iter().flatten().filter_map(of).collect()
}

fn examples(snapshot: &Snapshot) -> Vec<(ExampleOf, String, u64, u64, String)> {
    let all = snapshot.examples.sorted().into_iter();
    all.map(|row| (row.of, row.name, row.count, row.first_us, row.example)).collect()
}

#[test]
fn latencies_stand_under_their_cohort_and_the_phase_they_belong_to() {
    let mut recorder = recorder();
    let mut gathered = Hist::default();
    [20, 40].into_iter().for_each(|us| gathered.record(us));
    recorder.latency(Metric::Join, 0, 5 * S - 1, 7);
    recorder.latency(Metric::Join, 0, 5 * S, 8);
    recorder.latency(Metric::Join, 0, 6 * S, 9);
    recorder.latencies(Metric::Turn, 1, 4 * S, &gathered);
    recorder.latencies(Metric::Turn, 1, 4 * S, &gathered);
    let snapshot = take(&mut recorder);
    assert_eq!(samples(&snapshot, Metric::Join), [(0, 0, 1, 7, 7), (0, 1, 2, 8, 9)]);
    assert_eq!(samples(&snapshot, Metric::Turn), [(1, 0, 4, 20, 40)]);
}

#[test]
fn answers_are_counted_timed_and_told_to_the_ledger() {
    let mut recorder = recorder();
    // Due in the first phase, answered in the second.
    for (seq, due_us, sent_us, now_us) in
        [(0, 5 * S - 100, 5 * S - 60, 5 * S + 100), (1, 5 * S - 90, 5 * S - 90, 5 * S)]
    {
        recorder.acked(1, id(seq), due_us, sent_us, now_us);
    }
    for seq in 2..5 {
        recorder.rejected(0, id(seq));
    }
    let snapshot = take(&mut recorder);
    let rejected = Counts { rejected: 3, ..Counts::default() };
    let acked = Counts { acked: 2, ..Counts::default() };
    assert_eq!(snapshot.counts, [rejected, acked]);
    assert_eq!(samples(&snapshot, Metric::Ack), [(1, 0, 2, 90, 200)]);
    assert_eq!(samples(&snapshot, Metric::AckFromSent), [(1, 0, 2, 90, 160)]);
    let answers = [Answer::Acked, Answer::Acked, Answer::Rejected, Answer::Rejected];
    let expected = (0..).map(id).zip(answers.into_iter().chain([Answer::Rejected]));
    assert_eq!(snapshot.ledger.answers, expected.collect::<Vec<_>>());
}

#[test]
fn a_replay_is_timed_from_the_join_and_once() {
    let mut recorder = recorder();
    assert!(recorder.replayed(0, id(0), 4, S, 6 * S, 6 * S + 70));
    assert!(!recorder.replayed(0, id(0), 4, S, 6 * S, 6 * S + 75), "a copy");
    assert!(recorder.replayed(0, id(0), 5, S, 6 * S, 6 * S + 90), "another member");
    // What comes before the join is confirmed came at once.
    assert!(recorder.replayed(0, id(1), 4, S, 6 * S, 6 * S - 5));
    let snapshot = take(&mut recorder);
    assert_eq!(samples(&snapshot, Metric::Replay), [(0, 1, 3, 1, 90)]);
    assert!(snapshot.ledger.heard.is_empty());
    let heard = |seq| {
        let heard = &snapshot.ledger.replayed[&id(seq)];
        (heard.slots.count(), heard.sent_us, heard.first_us, heard.last_us)
    };
    assert_eq!(heard(0), (2, S, 6 * S + 70, 6 * S + 90));
    assert_eq!(heard(1), (1, S, 6 * S - 5, 6 * S - 5));
}

#[test]
fn what_took_long_widens_the_window_and_what_may_be_a_copy_is_only_told() {
    let mut recorder = recorder();
    assert_eq!(recorder.window_us(0), S);
    recorder.took_or_copy(1, id(7), 6, S, 9 * S);
    assert_eq!(recorder.window_us(1), S);
    recorder.took(1, S, 3 * S, false);
    assert_eq!(recorder.window_us(0), 2_500_000);
    let told = take(&mut recorder).ledger.took;
    let doubtful: Vec<_> = told.doubtful().iter().map(|of| (of.message, of.slot)).collect();
    assert_eq!(doubtful, [(id(7), 6)]);
    assert_eq!(recorder.window_us(0), 2_500_000, "it is of the whole run");
}

#[test]
fn frames_are_counted_by_what_they_were_taken_for_with_one_example_of_each() {
    let mut recorder = recorder();
    let kinds = [
        (FrameKind::Step, 1),
        (FrameKind::Ack, 2),
        (FrameKind::Reply, 3),
        (FrameKind::Error, 4),
        (FrameKind::Unmatched, 5),
    ];
    for (kind, times) in kinds {
        for n in 0..times {
            let frame = format!("{kind:?} {n} of hunter2");
            let secrets = || Secrets::new(["hunter2"]);
            recorder.frame(1, kind, 100 + n, frame.as_bytes(), secrets);
        }
    }
    for n in 0..6 {
        recorder.ignored(1, "typing", 200 + n, b"dots", Secrets::default);
    }
    let snapshot = take(&mut recorder);
    let expected = Counts {
        frames_step: 1,
        frames_ack: 2,
        frames_reply: 3,
        frames_error: 4,
        frames_unmatched: 5,
        frames_ignored: 6,
        ..Counts::default()
    };
    assert_eq!(snapshot.counts, [Counts::default(), expected]);
    let shown = |of, name: &str, count, first_us, text: &str| {
        (of, name.to_owned(), count, first_us, text.to_owned())
    };
    let expected = [
        shown(ExampleOf::Unmatched, "", 5, 100, "Unmatched 0 of [redacted]"),
        shown(ExampleOf::Error, "", 4, 100, "Error 0 of [redacted]"),
        shown(ExampleOf::Step, "", 1, 100, "Step 0 of [redacted]"),
        shown(ExampleOf::Ack, "", 2, 100, "Ack 0 of [redacted]"),
        shown(ExampleOf::Reply, "", 3, 100, "Reply 0 of [redacted]"),
        shown(ExampleOf::Ignored, "typing", 6, 200, "dots"),
    ];
    assert_eq!(examples(&snapshot), expected);
}

#[test]
fn a_corrupted_delivery_is_counted_found_and_shown_around_its_mark() {
    let mut recorder = recorder();
    let stamp = Stamp {
        run: 9,
        publisher: 2,
        room: 1,
        seq: 5,
        due_us: 100,
        sent_us: 120,
        preflight: false,
    };
    let frame = format!("{}upr1", "a".repeat(100));
    recorder.corrupted(0, 4, Some(stamp), 300, (frame.as_bytes(), 100));
    recorder.corrupted(0, 5, None, 400, (b"upr1?", 0));
    let snapshot = take(&mut recorder);
    assert_eq!(snapshot.counts[0], Counts { corrupted: 2, ..Counts::default() });
    let kind = FindingKind::Corrupted;
    let expected =
        [Finding::of_arrival(kind, 4, Some(stamp), 300), Finding::of_arrival(kind, 5, None, 400)];
    assert_eq!(snapshot.findings.sorted(), expected);
    assert_eq!((expected[0].message, expected[0].due_us), (Some(id(5)), Some(100)));
    let text = format!("{}upr1", "a".repeat(60));
    assert_eq!(examples(&snapshot), [(ExampleOf::Corrupted, String::new(), 2, 300, text)]);
}

#[test]
fn the_time_of_a_push_is_by_both_clocks_rounded_alike() {
    /// A whole second, and ten years.
    const T: u64 = 1_700_000_000_000_000;
    const AWAY: u64 = 315_360_000_000_000;
    // Sent, its resolution, here -> whether it came from the future, and how late, if it is timed.
    let rows = [
        (T, 1, T + 250, Some((0, 250))),
        (T, 1, T, Some((0, 1))),
        (T + 1, 1, T, Some((1, 1))),
        (T, 0, T + 250, Some((0, 250))),
        // To the millisecond: the same one, the next, and the one before.
        (T + 3_000, 1_000, T + 3_999, Some((0, 1))),
        (T + 3_000, 1_000, T + 4_000, Some((0, 1_000))),
        (T + 3_000, 1_000, T + 2_999, Some((1, 1))),
        (T, S, T + S - 1, Some((0, 1))),
        // Ten years away is a clock that is wrong; more is another unit.
        (T, 1, T + AWAY, Some((0, MAX_US))),
        (T + AWAY, 1, T, Some((1, 1))),
        (T, 1, T + AWAY + 1, None),
        (T + AWAY + 1, 1, T, None),
        (T / 1_000_000, 1, T, None),
        (T * 1_000, 1, T, None),
    ];
    for (unix_us, resolution_us, here_us, timed) in rows {
        let mut recorder = recorder();
        // Twice, so that the second adds to the first.
        for _ in 0..2 {
            recorder.push_sent(1, SentUnix { unix_us, resolution_us }, here_us, 6 * S);
        }
        let snapshot = take(&mut recorder);
        let counts = snapshot.counts[1];
        let found = samples(&snapshot, Metric::Push);
        let case = format!("{unix_us} to {resolution_us} at {here_us}");
        let told = (counts.push_untimed, counts.push_timed, counts.push_future);
        match timed {
            None => assert_eq!((told, found), ((2, 0, 0), vec![]), "{case}"),
            Some((future, us)) => {
                assert_eq!(told, (0, 2, 2 * future), "{case}");
                let [(1, 1, 2, least, most)] = found[..] else { panic!("{case}: {found:?}") };
                // An hour is too much to be told apart to the microsecond.
                let hour = us == MAX_US && (least..=most).contains(&us);
                assert!((least, most) == (us, us) || hour, "{case}: {least} to {most}");
            }
        }
    }
}

#[test]
fn a_snapshot_has_everything_since_the_last_and_nothing_twice() {
    let mut recorder = recorder();
    let key =
        ErrorKey { kind: ErrorKind::Reset, detail: Detail::None, step: Step::Active, cohort: 0 };
    recorder.error(key, 70, || "first".to_owned());
    recorder.error(key, 80, || unreachable!("one is enough"));
    recorder.closes.record(1001, "going away", false);
    recorder.counts(1).due += 2;
    recorder.latency(Metric::Delivery, 1, S, 5);
    recorder.ledger.publish(Published { message: id(0), due_us: 1, sent_us: 2 });
    recorder.ledger.hear(id(0), 3, 2, 9);
    recorder.frame(0, FrameKind::Ack, 1, b"ok", Secrets::default);
    recorder.findings.note(Finding::of_arrival(FindingKind::Foreign, 1, None, 5));
    let failure = Failure { at_us: 4, fault: None };
    recorder.recoveries.push(RecoveryEvent { failure, moment: Moment::Hit });

    let health = WorkerHealth { cpu_us: 1, wall_us: 2, clients_up: 3 };
    let first = recorder.take(4, 8 * S, health);
    assert_eq!((first.worker, first.at_us, first.health), (4, 8 * S, health));
    assert_eq!((first.closing, first.standing), (false, Standing::default()));
    let entry = ErrorEntry { count: 2, first_us: 70, last_us: 80, example: "first".to_owned() };
    assert_eq!(first.errors.sorted(), [(key, entry)]);
    assert_eq!(first.closes.iter().map(|(of, count)| (of.code, count)).next(), Some((1001, 1)));
    assert_eq!((first.counts[0].frames_ack, first.counts[1].due), (1, 2));
    assert_eq!(samples(&first, Metric::Delivery), [(1, 0, 1, 5, 5)]);
    assert_eq!((first.ledger.published.len(), first.ledger.heard.len()), (1, 1));
    assert_eq!((first.findings.sorted().len(), examples(&first).len()), (1, 1));
    assert_eq!(first.recoveries, [RecoveryEvent { failure, moment: Moment::Hit }]);

    let second = recorder.take(4, 9 * S, health);
    let nothing = Snapshot {
        worker: 4,
        at_us: 9 * S,
        counts: vec![Counts::default(); 2],
        health,
        ..Snapshot::default()
    };
    let text = |snapshot: &Snapshot| serde_json::to_string(snapshot).unwrap();
    assert_eq!(text(&second), text(&nothing));
}
