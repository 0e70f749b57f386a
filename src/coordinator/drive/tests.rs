//! The coordinator by itself: what it waits for, what ends a run, and whom it notices missing. Runs end
//! between two snapshots: of two things at one instant either may come first.

mod simulated;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use self::simulated::{
    Script, joins, message, plan, recording, simulate, simulate_at, simulate_beside,
};
use super::START_AFTER;
use crate::coordinator::builtin::tests::stand_in;
use crate::coordinator::crew::{BROKEN_MAX, WORKER_TIMEOUT};
use crate::coordinator::{Abort, BuiltinServer, Outcome, Signal, Stage, Stop};
use crate::machine::clock::unix_ms;
use crate::measure::{ErrorKey, Recorder, Settled};
use crate::metric::{Detail, ErrorKind, Metric, Step};
use crate::worker::Reply;

const S: u64 = 1_000_000;

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn ordinary() -> Vec<Script> {
    vec![Script::default(), Script::default()]
}

/// Two workers of which the second follows this script.
fn with(script: Script) -> Vec<Script> {
    vec![Script::default(), script]
}

/// Records once, in the snapshot that holds `at_us`.
fn once(
    at_us: u64,
    record: impl Fn(&mut Recorder) + Send + Sync + 'static,
) -> impl Fn(&mut Recorder, u64) + Send + Sync + 'static {
    let done = std::sync::atomic::AtomicBool::new(false);
    move |recorder, now_us| {
        if now_us >= at_us && !done.swap(true, std::sync::atomic::Ordering::Relaxed) {
            record(recorder);
        }
    }
}

fn an_error(recorder: &mut Recorder) {
    let (kind, step) = (ErrorKind::Io, Step::Active);
    let key = ErrorKey { kind, detail: Detail::None, step, cohort: 0 };
    recorder.error(key, S, String::new);
}

fn settled(outcome: &Outcome) -> Settled {
    outcome.totals.settled(None, None)
}

/// A message sent at `sent_us`, which the other client, on the other worker, hears at `heard_us`.
fn sent_and_heard(sent_us: u64, heard_us: Option<u64>) -> Vec<Script> {
    let author = recording(once(0, move |recorder| {
        joins(recorder, 0);
        recorder.ledger.publish(message(0, sent_us));
        let slot = 0;
        recorder.ledger.hear(message(0, sent_us).message, slot, sent_us, sent_us + 1);
    }));
    let told = once(0, |recorder| joins(recorder, 1));
    let heard = once(heard_us.unwrap_or(u64::MAX), move |recorder| {
        let heard_us = heard_us.unwrap_or(0);
        recorder.ledger.hear(message(0, sent_us).message, 1, sent_us, heard_us);
    });
    let other = recording(move |recorder, now_us| {
        told(recorder, now_us);
        heard(recorder, now_us);
    });
    vec![author, other]
}

#[tokio::test(start_paused = true)]
async fn what_all_workers_measured_is_in_the_outcome() {
    let each = |us: u64| {
        recording(move |recorder, now_us| {
            recorder.counts(0).sent += 1;
            recorder.latency(Metric::Delivery, 0, now_us.min(4 * S), us);
        })
    };
    let outcome = simulate(plan("5500ms", ""), vec![each(100), each(300)], Vec::new()).await;
    // Five while the schedule ran, two in the drain, two at the end.
    assert_eq!(outcome.totals.counts(None).sent, 18);
    let delivery = outcome.totals.latency(Metric::Delivery, None, None);
    assert_eq!((delivery.len(), delivery.percentile(50.0)), (18, Some(100)));
    assert_eq!((outcome.aborted, outcome.broken, outcome.drain_timed_out), (None, vec![], false));
    assert_eq!(outcome.stopped, Stop::default());
    assert_eq!((outcome.scheduled_us, outcome.totals.peak_up), (5_500_000, 2));
}

/// Threads, processes and agents on other machines are one thing to a run, also side by side.
#[tokio::test(start_paused = true)]
async fn where_workers_are_changes_nothing() {
    let run = async |elsewhere: [bool; 2], more: fn(&mut Script)| {
        let mut scripts = sent_and_heard(4_900_000, Some(7_250_000));
        for (script, is_elsewhere) in scripts.iter_mut().zip(elsewhere) {
            let record = Arc::clone(&script.record);
            script.record = Arc::new(move |recorder, now_us| {
                record(recorder, now_us);
                recorder.latency(Metric::Delivery, 0, now_us.min(4 * S), 100 + now_us / S);
                an_error(recorder);
            });
            script.is_elsewhere = is_elsewhere;
        }
        more(&mut scripts[1]);
        let outcome = simulate(plan("5500ms", ""), scripts, Vec::new()).await;
        let delivery = outcome.totals.latency(Metric::Delivery, None, None);
        (
            (outcome.scheduled_us, outcome.duration_us, outcome.drain_timed_out),
            (outcome.aborted.clone(), outcome.broken.clone()),
            (settled(&outcome), outcome.totals.errors.total(), outcome.totals.peak_up),
            (delivery.len(), delivery.percentile(50.0), delivery.percentile(100.0)),
        )
    };
    let well: fn(&mut Script) = |_| ();
    let failing: fn(&mut Script) =
        |script| script.says = Some((secs(3.3), Reply::Failed("no air".to_owned())));
    for more in [well, failing] {
        let beside = run([false, false], more).await;
        assert!(beside.3.0 > 5, "{beside:?}");
        for elsewhere in [[true, true], [false, true], [true, false]] {
            assert_eq!(run(elsewhere, more).await, beside, "{elsewhere:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_elsewhere_that_gets_not_ready_or_falls_silent_is_noticed_as_any_other() {
    let script = |script| with(Script { is_elsewhere: true, ..script });
    let cant = script(Script { starts: Err("no timer"), ..Script::default() });
    let error = simulate_at(plan("5500ms", ""), cant, Vec::new(), false).await;
    assert_eq!(error.err().unwrap().to_string(), "worker 1 can't start: no timer");
    let silent = script(Script { silent: Some((secs(3.5), secs(1_000.0))), ..Script::default() });
    let outcome = simulate(plan("60s", ""), silent, Vec::new()).await;
    assert_eq!(outcome.broken, ["worker 1 fell silent"]);
    let lost = script(Script { finishes_after: None, ..Script::default() });
    let outcome = simulate(plan("5500ms", ""), lost, Vec::new()).await;
    assert_eq!(outcome.broken, ["worker 1 did not end within 30 s"]);
}

#[tokio::test(start_paused = true)]
async fn the_drain_takes_two_snapshots_of_every_worker() {
    let outcome = simulate(plan("5500ms", ""), ordinary(), Vec::new()).await;
    // At once, and 100 ms later.
    assert_eq!(outcome.duration_us, 5_600_000);
    let late = Script { drains_after: secs(0.7), ..Script::default() };
    let outcome = simulate(plan("5500ms", ""), with(late), Vec::new()).await;
    assert_eq!((outcome.duration_us, outcome.drain_timed_out), (6_300_000, false));
}

#[tokio::test(start_paused = true)]
async fn the_drain_waits_for_messages_that_are_on_their_way() {
    let outcome =
        simulate(plan("5500ms", ""), sent_and_heard(4_900_000, Some(7_250_000)), Vec::new()).await;
    assert_eq!((outcome.duration_us, outcome.drain_timed_out), (7_300_000, false));
    let found = settled(&outcome);
    assert_eq!((found.expected, found.delivered, found.lost), (2, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn the_drain_ends_when_its_time_is_up() {
    let outcome = simulate(plan("5500ms", ""), sent_and_heard(2 * S, None), Vec::new()).await;
    assert_eq!((outcome.duration_us, outcome.drain_timed_out), (9_500_000, true));
    assert_eq!((outcome.scheduled_us, settled(&outcome).delivered), (5_500_000, 1));
    // A worker that is late with everything holds it up no longer.
    let never = Script { drains_after: secs(60.0), ..Script::default() };
    let outcome = simulate(plan("5500ms", ""), with(never), Vec::new()).await;
    assert!(outcome.drain_timed_out || !outcome.broken.is_empty());
    assert!(outcome.duration_us <= 9_500_000, "{}", outcome.duration_us);
}

#[tokio::test(start_paused = true)]
async fn asked_once_it_drains_and_asked_twice_it_waits_for_nothing() {
    let never_heard = || sent_and_heard(S, None);
    let asked = Stop { asked: Some(Signal::Interrupt), now: false };
    let outcome = simulate(plan("60s", ""), never_heard(), vec![secs(2.2)]).await;
    assert_eq!((outcome.stopped, outcome.scheduled_us), (asked, 2_200_000));
    assert_eq!((outcome.duration_us, outcome.drain_timed_out), (6_200_000, true));

    let twice = vec![secs(2.2), secs(2.75)];
    let outcome = simulate(plan("60s", ""), never_heard(), twice).await;
    assert_eq!((outcome.stopped, outcome.scheduled_us), (asked, 2_200_000));
    assert_eq!((outcome.duration_us, outcome.drain_timed_out), (2_750_000, true));

    // Even then what the workers hold is taken, and no client is waited for.
    let slow = Script { drains_after: secs(0.9), finishes_after: None, ..Script::default() };
    let began = Instant::now();
    let twice = vec![secs(2.05), secs(2.15)];
    let outcome = simulate(plan("60s", ""), with(slow), twice).await;
    assert_eq!((outcome.duration_us, outcome.drain_timed_out), (2_950_000, false));
    assert_eq!(began.elapsed(), START_AFTER + secs(2.95));
    assert_eq!((outcome.broken, outcome.aborted), (vec![], None));
}

#[tokio::test(start_paused = true)]
async fn a_threshold_ends_the_run_after_its_time_and_not_before() {
    let thresholds = r#""errors" = { is = "< 1", abort_after = "2s" }"#;
    let failing = |at_us| with(recording(once(at_us, an_error)));
    let outcome = simulate(plan("20s", thresholds), failing(3 * S), Vec::new()).await;
    let expected = Abort::Threshold { key: "errors".to_owned(), actual: 1.0 };
    assert_eq!(outcome.aborted, Some(expected));
    // It was seen with the snapshot at 3 s or the tick after it.
    assert!((5 * S..=5_500_000).contains(&outcome.scheduled_us), "{}", outcome.scheduled_us);
    assert_eq!(outcome.totals.errors.total(), 1);

    // Failing for less than that at the end ends nothing.
    let outcome = simulate(plan("20s", thresholds), failing(19 * S), Vec::new()).await;
    assert_eq!((outcome.aborted, outcome.scheduled_us), (None, 20 * S));
    // Nor does it without `abort_after`.
    let outcome = simulate(plan("20s", r#""errors" = "< 1""#), failing(3 * S), Vec::new()).await;
    assert_eq!((outcome.aborted, outcome.scheduled_us), (None, 20 * S));
}

#[tokio::test(start_paused = true)]
async fn a_threshold_that_holds_in_between_begins_anew() {
    let thresholds = r#""delivery.p50" = { is = "< 1s", abort_after = "4s" }"#;
    // Slow in its first three seconds, then so many fast ones that the median is fast again.
    let script = recording(|recorder: &mut Recorder, now_us| {
        let us = if now_us <= 3 * S { 2 * S } else { 1_000 };
        for _ in 0..if us == 1_000 { 100 } else { 20 } {
            recorder.latency(Metric::Delivery, 0, now_us.min(9 * S), us);
        }
    });
    let outcome = simulate(plan("10s", thresholds), with(script), Vec::new()).await;
    assert_eq!((outcome.aborted, outcome.scheduled_us), (None, 10 * S));
}

#[tokio::test(start_paused = true)]
async fn a_percentile_of_too_few_samples_ends_nothing() {
    let thresholds = r#""delivery.p99" = { is = "< 1s", abort_after = "1s" }"#;
    // 100 a second: p99 has its samples at 10 s.
    let script = recording(|recorder: &mut Recorder, now_us| {
        for _ in 0..100 {
            recorder.latency(Metric::Delivery, 0, now_us, 2 * S);
        }
    });
    let outcome = simulate(plan("20s", thresholds), with(script.clone()), Vec::new()).await;
    assert!(matches!(outcome.aborted, Some(Abort::Threshold { .. })), "{:?}", outcome.aborted);
    assert!((11 * S..=11_500_000).contains(&outcome.scheduled_us), "{}", outcome.scheduled_us);
    let outcome = simulate(plan("9s", thresholds), with(script), Vec::new()).await;
    assert_eq!((outcome.aborted, outcome.scheduled_us), (None, 9 * S));
}

#[tokio::test(start_paused = true)]
async fn a_strangers_host_that_refuses_most_for_ten_seconds_is_left() {
    let refusing = |failed_of_ten: u64, but_at_s: Option<u64>| {
        with(recording(move |recorder: &mut Recorder, now_us| {
            let counts = recorder.counts(0);
            counts.attempted += 10;
            let good = but_at_s == Some(now_us / S);
            counts.failed += if good { 0 } else { failed_of_ten };
        }))
    };
    let run = async |script, strangers| {
        simulate_at(plan("30s", ""), script, Vec::new(), strangers).await.unwrap().0
    };
    let outcome = run(refusing(6, None), true).await;
    assert_eq!(outcome.aborted, Some(Abort::Unwelcome));
    assert!((11 * S..=11_500_000).contains(&outcome.scheduled_us), "{}", outcome.scheduled_us);
    for (script, strangers) in [(refusing(5, None), true), (refusing(10, None), false)] {
        let outcome = run(script, strangers).await;
        assert_eq!((outcome.aborted, outcome.scheduled_us), (None, 30 * S));
    }
    // One good second in between, and the ten seconds begin again.
    let outcome = run(refusing(10, Some(8)), true).await;
    assert_eq!(outcome.aborted, Some(Abort::Unwelcome));
    assert!((19 * S..=19_500_000).contains(&outcome.scheduled_us), "{}", outcome.scheduled_us);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_falls_silent_ends_the_run_within_three_seconds() {
    let counting = |silent| Script {
        silent,
        ..recording(|recorder: &mut Recorder, _| recorder.counts(0).sent += 1)
    };
    let scripts = vec![counting(None), counting(Some((secs(3.5), secs(1_000.0))))];
    let began = Instant::now();
    let outcome = simulate(plan("60s", ""), scripts, Vec::new()).await;
    assert_eq!(outcome.broken, ["worker 1 fell silent"]);
    assert_eq!(outcome.aborted, Some(Abort::Broken));
    // Its last word was at 3 s.
    assert!((5 * S..=6 * S).contains(&outcome.scheduled_us), "{}", outcome.scheduled_us);
    assert!(outcome.duration_us <= outcome.scheduled_us + 200_000, "{}", outcome.duration_us);
    assert!(began.elapsed() < secs(6.5), "{:?}", began.elapsed());
    // What was measured until then is there, of both.
    let (first, second) = (outcome.scheduled_us / S + 4, 3);
    assert_eq!(outcome.totals.counts(None).sent, first + second);
    assert_eq!(outcome.totals.workers()[1].clients_up, 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_silent_worker_says_late_still_counts() {
    let script = Script {
        silent: Some((secs(3.5), secs(5.6))),
        ..recording(|recorder: &mut Recorder, _| recorder.counts(0).sent += 1)
    };
    let patient = Script { drains_after: secs(0.5), ..Script::default() };
    let outcome = simulate(plan("60s", ""), vec![patient, script], Vec::new()).await;
    assert_eq!(outcome.broken, ["worker 1 fell silent"]);
    assert!(outcome.totals.counts(None).sent > 5, "{:?}", outcome.totals.counts(None));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_short_of_breath_is_not_silent() {
    // Two seconds without a word.
    let script = Script { silent: Some((secs(3.5), secs(4.9))), ..Script::default() };
    let outcome = simulate(plan("8s", ""), with(script), Vec::new()).await;
    assert_eq!((outcome.broken, outcome.scheduled_us), (vec![], 8 * S));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_says_it_is_busy_is_not_silent_either() {
    let silent = Some((secs(3.5), secs(6.9)));
    let says = |reply| Script { silent, says: Some((secs(5.2), reply)), ..Script::default() };
    let run = async |script| simulate(plan("8500ms", ""), with(script), Vec::new()).await.broken;
    assert_eq!(run(says(Reply::Ready)).await, ["worker 1 fell silent"]);
    let script = Script { speaks_when_silent: true, ..says(Reply::Busy) };
    assert!(run(script).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_stands_still_accuses_no_worker() {
    let standing = async {
        tokio::time::sleep(secs(3.3)).await;
        tokio::time::advance(secs(20.0)).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        outcome = simulate(plan("40s", ""), ordinary(), Vec::new()) => {
            assert_eq!((outcome.broken, outcome.scheduled_us), (vec![], 40 * S));
        }
        () = standing => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_silent_in_the_drain_or_at_the_end_is_noticed_too() {
    let script = Script { silent: Some((secs(5.5), secs(1_000.0))), ..Script::default() };
    let outcome = simulate(plan("5500ms", ""), with(script), Vec::new()).await;
    assert_eq!((outcome.broken.len(), outcome.aborted), (1, None));
    assert!(outcome.duration_us <= 8_500_000, "{}", outcome.duration_us);

    let began = Instant::now();
    let silent = Some((secs(5.605), secs(1_000.0)));
    let script = Script { silent, finishes_after: None, ..Script::default() };
    let outcome = simulate(plan("5500ms", ""), with(script), Vec::new()).await;
    assert_eq!(outcome.broken, ["worker 1 fell silent"]);
    assert_eq!(outcome.duration_us, 5_600_000);
    assert!(began.elapsed() < secs(9.0), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_clients_to_go_and_not_for_ever() {
    let began = Instant::now();
    let script = Script { finishes_after: Some(secs(20.0)), ..Script::default() };
    let outcome = simulate(plan("5500ms", ""), with(script), Vec::new()).await;
    assert_eq!((outcome.broken, outcome.duration_us), (vec![], 5_600_000));
    assert_eq!(began.elapsed(), START_AFTER + secs(25.6));

    let began = Instant::now();
    let script = Script { finishes_after: None, ..Script::default() };
    let outcome = simulate(plan("5500ms", ""), with(script), Vec::new()).await;
    assert_eq!(outcome.broken, ["worker 1 did not end within 30 s"]);
    assert_eq!(began.elapsed(), START_AFTER + secs(5.6) + WORKER_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_fails_ends_the_run_and_nothing_is_expected_of_it() {
    let mut scripts = sent_and_heard(2_500_000, None);
    let failed = Reply::Failed("it panicked: index out of bounds".to_owned());
    scripts[1].says = Some((secs(2.6), failed));
    let outcome = simulate(plan("60s", ""), scripts, Vec::new()).await;
    assert_eq!(outcome.broken, ["worker 1 failed: it panicked: index out of bounds"]);
    assert_eq!(outcome.aborted, Some(Abort::Broken));
    assert_eq!(outcome.scheduled_us, 2_600_000);
    // The message was on its way to the client that is gone: nobody lost it.
    let found = settled(&outcome);
    assert_eq!((found.delivered, found.lost, outcome.drain_timed_out), (1, 0, false));
}

#[tokio::test(start_paused = true)]
async fn without_any_worker_the_run_is_over() {
    let fails = |why: &str| Script {
        says: Some((secs(2.6), Reply::Failed(why.to_owned()))),
        ..Script::default()
    };
    let began = Instant::now();
    let outcome = simulate(plan("60s", ""), vec![fails("a"), fails("b")], Vec::new()).await;
    assert_eq!(outcome.broken, ["worker 0 failed: a", "worker 1 failed: b"]);
    assert_eq!(began.elapsed(), START_AFTER + secs(2.6));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_panics_ends_the_run_and_the_others_drain() {
    let mut scripts = sent_and_heard(2_500_000, Some(3_800_000));
    let why = "attempt to subtract with overflow".to_owned();
    scripts[0].says = Some((secs(2.6), Reply::ClientsPanicked { first: 4, clients: 3, why }));
    let outcome = simulate(plan("60s", ""), scripts, Vec::new()).await;
    let said = "client 4 of worker 0 panicked: attempt to subtract with overflow";
    assert_eq!(outcome.broken, [said, "and 2 more"]);
    assert_eq!(outcome.aborted, Some(Abort::Broken));
    assert_eq!(outcome.scheduled_us, 2_600_000);
    assert_eq!((settled(&outcome).delivered, outcome.drain_timed_out), (2, false));
}

#[tokio::test(start_paused = true)]
async fn of_many_failures_the_first_are_told() {
    let fails = |at: f64| Script {
        says: Some((secs(at), Reply::Failed("no".to_owned()))),
        ..Script::default()
    };
    let scripts = (0..12).map(|_| fails(1.5)).collect();
    let outcome = simulate(plan("60s", ""), scripts, Vec::new()).await;
    assert_eq!(outcome.broken.len(), BROKEN_MAX + 1);
    assert_eq!(outcome.broken.last().unwrap(), "and 4 more");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_does_not_start_is_an_error_that_says_so() {
    let cant = |why| with(Script { starts: Err(why), ..Script::default() });
    let error = simulate_at(plan("5500ms", ""), cant("no timer"), Vec::new(), false).await;
    assert_eq!(error.err().unwrap().to_string(), "worker 1 can't start: no timer");
    let began = Instant::now();
    let error = simulate_at(plan("5500ms", ""), cant(""), Vec::new(), false).await;
    assert_eq!(error.err().unwrap().to_string(), "no worker within 30s");
    assert_eq!(began.elapsed(), WORKER_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_run_shows_what_it_does_and_how_it_stands() {
    let script = recording(|recorder: &mut Recorder, now_us| {
        recorder.counts(0).sent += 3;
        for _ in 0..1_000 {
            recorder.latency(Metric::Delivery, 0, now_us.min(5 * S), 100);
        }
    });
    let before_ms = unix_ms();
    let threshold = r#""publishes.sent" = "< 7""#;
    let run = simulate_at(plan("5700ms", threshold), with(script), Vec::new(), false);
    let (outcome, shown) = run.await.unwrap();
    // The start lies a little ahead, so that all begin together.
    let ahead = outcome.started_unix_ms - before_ms;
    assert!((50..5_000).contains(&ahead), "{ahead} ms");

    let mut stages: Vec<_> = shown.progress.iter().map(|progress| progress.stage).collect();
    stages.dedup();
    assert_eq!(stages, [Stage::Phase(0), Stage::Draining, Stage::Done]);
    let elapsed: Vec<_> = shown.progress.iter().map(|progress| progress.elapsed_us).collect();
    assert_eq!(elapsed[..4], [S / 2, S, 3 * S / 2, 2 * S]);
    // The last full second of the schedule.
    let at_5s = shown.progress.iter().find(|progress| progress.elapsed_us == 5 * S).unwrap();
    assert_eq!((at_5s.publishes_per_s, at_5s.deliveries_per_s), (3, 1_000));
    assert_eq!((at_5s.clients_up, at_5s.delivery_p99_us, at_5s.errors), (2, Some(100), 0));

    // Figures come once a second, and at the end.
    let at: Vec<_> = shown.live.iter().map(|live| live.elapsed_us).collect();
    assert_eq!(at, [S / 2, 3 * S / 2, 5 * S / 2, 7 * S / 2, 9 * S / 2, 11 * S / 2, 5_800_000]);
    let holds: Vec<_> = shown.live.iter().map(|live| live.thresholds[0]).collect();
    assert_eq!(holds, [true, true, true, false, false, false, false]);
    let phases: Vec<_> = shown.live.iter().map(|live| live.phase).collect();
    assert_eq!(phases[5..], [Some(0), None]);
}

/// After ten minutes the points of the series are two seconds wide.
#[tokio::test(start_paused = true)]
async fn rates_of_a_long_run_are_a_second_as_well() {
    let script = recording(|recorder: &mut Recorder, now_us| {
        recorder.counts(0).sent += 3;
        for _ in 0..5 {
            recorder.latency(Metric::Delivery, 0, now_us.min(609 * S), 100);
        }
    });
    // Most of them are passed over at once: ticks would take seconds.
    let passing = async {
        tokio::time::sleep(secs(10.3)).await;
        tokio::time::advance(secs(590.0)).await;
        std::future::pending::<()>().await;
    };
    let (outcome, shown) = tokio::select! {
        run = simulate_at(plan("610s", ""), with(script), Vec::new(), false) => run.unwrap(),
        () = passing => unreachable!(),
    };
    assert_eq!(outcome.totals.series.width_us(), 2 * S);
    for at_us in [5 * S, 609 * S + S / 2] {
        let shown = shown.progress.iter().find(|progress| progress.elapsed_us == at_us).unwrap();
        assert_eq!((shown.publishes_per_s, shown.deliveries_per_s), (3, 5), "{at_us}");
    }
}

/// Processes keep to no paused clock: these two take a second.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_of_our_own_is_told_over_the_run() {
    let run = async |how: &str| {
        let mut server = BuiltinServer::start(&stand_in(), &[how.to_owned()]).await.unwrap();
        // What it had used before the run is not the run's.
        server.has_used(Duration::from_secs(100));
        let plan = plan("1s", "");
        let run = simulate_beside(Some(server), plan, ordinary(), Vec::new(), false);
        run.await.unwrap().0
    };
    let (lives, dies) = tokio::join!(run(""), run("dies"));
    let used = lives.server.unwrap();
    assert!(used.cpu_us < 50 * S && used.rss_peak_bytes > 0, "{used:?}");
    assert_eq!(lives.server_ended, None);
    assert!(dies.server_ended.is_some_and(|how| how.contains("exit status: 3")));
}

#[test]
fn every_script_is_shared_by_reference() {
    // Scripts are cloned into their tasks: what they record must be recorded once.
    let script = recording(once(0, an_error));
    let (mut recorder, again) = (Recorder::new(plan("5500ms", "")), Arc::clone(&script.record));
    (script.record)(&mut recorder, 1);
    again(&mut recorder, 2);
    assert_eq!(recorder.take(0, 3, Default::default()).errors.total(), 1);
}
