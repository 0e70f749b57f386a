//! A server that takes seconds drops nothing: what was on its way when a client left, was churned or
//! cut, or when the run ended, is not lost. And what it does drop is, outside the stated windows.

use std::collections::BTreeSet;
use std::time::Duration;

use uproar::measure::FindingKind;

use super::faulty::{Act, Delivery, Faults, Seen, Server};
use super::run::{Listed, Ran, Setup, run, run_listed, run_text};

/// How far server and client differ in when something was, on a busy machine.
const SLACK_US: u64 = 500_000;

/// Everybody leaves in every way there is, and the drain is shorter than the delay.
const LEAVERS: &str = r#"
    format = 1
    name = "leavers"
    [target]
    builtin = "rooms"
    drain_timeout = "700ms"
    [rooms.lobby]
    size = 6
    [[cohort]]
    name = "people"
    clients = 36
    join = { rooms = "lobby", per_client = 2 }
    publish = { rate = "4/s", arrivals = "constant", size = "128B" }
    reconnect = { first = "800ms", factor = 1.0, jitter = "none" }
    churn = { connections = "5%/s", rooms = "5%/s", stay_away = "400ms" }
    [[phase]]
    name = "gather"
    duration = "1s"
    rate = "0%"
    measure = false
    [[phase]]
    name = "steady"
    duration = "4s"
    [[phase]]
    name = "down"
    duration = "2s"
    clients = "100% -> 40%"
    [[fault]]
    at = "steady + 3s"
    kind = "reset"
    clients = "15%"
"#;

async fn nothing_is_lost_to(faults: Faults, longest_s: f64) {
    let server = Server::start(faults).await;
    let Ran { report, .. } = run_text(LEAVERS, &["--protocol", "rooms"], server.address).await;
    let found = report.deliveries;
    assert_eq!(found.lost, Some(0), "{found:?}");
    assert_eq!(found.expected, Some(found.delivered));
    for some in [Some(found.delivered), found.cut_off, found.unfinished, found.missed_away] {
        assert!(some > Some(20), "{found:?}");
    }
    let nothing = Some(0);
    assert_eq!((found.duplicated, found.corrupted, found.foreign), (nothing, nothing, nothing));
    assert_eq!(found.unexpected, nothing);
    assert_eq!(report.cohorts[0].deliveries.unfinished, found.unfinished);
    let by_phase: u64 = report.phases.iter().filter_map(|of| of.deliveries.unfinished).sum();
    assert_eq!(Some(by_phase), found.unfinished);
    // The longest and a quarter more.
    let window_s = report.ledger.window_s;
    assert!((longest_s * 1.2..longest_s * 1.25 + 1.0).contains(&window_s), "{window_s}");
}

#[tokio::test]
async fn a_server_that_takes_seconds_loses_nothing_of_who_leaves() {
    let all_alike = Faults { delay: Duration::from_millis(2_500), ..Faults::default() };
    // Each delivery has a delay of its own, up to 2.4 s: they overtake each other.
    let by_chance = |delivery: &Delivery<'_>| {
        let stamp = delivery.stamp;
        let mix = (stamp.seq * 7 + delivery.receiver * 5 + stamp.publisher * 3) % 13;
        Duration::from_millis(u64::from(mix) * 200)
    };
    let each_its_own = Faults { delays: Some(Box::new(by_chance)), ..Faults::default() };
    tokio::join!(nothing_is_lost_to(all_alike, 2.5), nothing_is_lost_to(each_its_own, 2.4));
}

/// Nobody leaves: what was sent in the last 800 ms is all there is to come.
#[tokio::test]
async fn what_a_slow_server_still_has_when_the_drain_is_over_is_unfinished() {
    let slow = Faults { delay: Duration::from_millis(1_500), ..Faults::default() };
    let server = Server::start(slow).await;
    let setup = Setup { target: "drain_timeout = \"700ms\"", ..Setup::default() };
    let Ran { report, .. } = run(&setup, server.address).await;
    let log = server.log();
    assert_eq!((log.messages, log.expected), (480, 2_400));
    let found = report.deliveries;
    let unfinished = found.unfinished.unwrap();
    // 0.8 s of 800 deliveries a second, less what came while the workers were told; on a loaded
    // machine some more.
    assert!((300..=1_200).contains(&unfinished), "{found:?}");
    assert_eq!(found.delivered + unfinished, 2_400);
    let share = report.thresholds.iter().find(|of| of.metric == "unfinished.share").unwrap();
    assert_eq!((share.count, share.of, share.passed), (Some(unfinished), Some(2_400), false));
    assert_eq!((found.expected, found.lost), (Some(found.delivered), Some(0)));
    assert_eq!([found.uncertain, found.joining, found.cut_off], [Some(0); 3]);
}

/// A run that waits long enough hears all of it.
#[tokio::test]
async fn the_drain_waits_for_a_slow_server_as_long_as_it_may() {
    let slow = Faults { delay: Duration::from_millis(1_500), ..Faults::default() };
    let server = Server::start(slow).await;
    let setup = Setup { seconds: 2, target: "drain_timeout = \"30s\"", ..Setup::default() };
    let Ran { report, .. } = run(&setup, server.address).await;
    let found = report.deliveries;
    assert_eq!((found.delivered, found.lost, found.unfinished), (1_600, Some(0), Some(0)));
    assert!(report.run.duration_s < 10.0, "{}", report.run.duration_s);
}

#[tokio::test]
async fn what_a_slow_server_drops_is_lost_outside_the_windows() {
    let rule = |delivery: &Delivery<'_>| {
        let stamp = delivery.stamp;
        match (stamp.seq * 5 + delivery.receiver * 3 + stamp.publisher * 7) % 13 {
            0 => Act::Drop,
            _ => Act::Pass,
        }
    };
    let delay = Duration::from_millis(1_500);
    let faults = Faults { rule: Box::new(rule), delay, ..Faults::default() };
    let server = Server::start(faults).await;
    // Half of them stay to the end, for which the drain is longer than W.
    let text =
        LEAVERS.replace("700ms", "2500ms").replace("churn =", "#").replace("100% -> 40%", "50%");
    let (text, _) = text.split_once("[[fault]]").unwrap();
    let Listed { report, lines, .. } =
        run_listed(text, &["--protocol", "rooms"], server.address).await;
    let log = server.log();
    let window_us = (report.ledger.window_s * 1e6) as u64;
    assert!((1_870_000..2_600_000).contains(&window_us), "{window_us}");
    let key = |receiver, publisher, room: &str, seq| (receiver, publisher, room.to_owned(), seq);
    let lost: BTreeSet<_> = lines
        .iter()
        .filter(|line| line.kind == FindingKind::Lost)
        .map(|line| {
            let room = line.room.as_deref().unwrap();
            key(line.receiver, line.publisher.unwrap(), room, line.seq.unwrap())
        })
        .collect();
    assert_eq!(Some(lost.len() as u64), report.deliveries.lost);
    let ahead_us = log.ahead_us.unwrap();
    let ends: Vec<_> = log
        .seen
        .iter()
        .filter(|(.., seen)| matches!(seen, Seen::Closed | Seen::Failed))
        .map(|(at_us, client, _)| (*client, at_us.saturating_sub(ahead_us)))
        .collect();
    let near_its_end = |receiver: u32, sent_us: u64| {
        ends.iter()
            .any(|(client, at_us)| *client == receiver && sent_us + window_us + SLACK_US >= *at_us)
    };
    let (mut far, mut near) = (0, 0);
    let mut dropped = BTreeSet::new();
    for drop in &log.dropped {
        let stamp = drop.stamp;
        let key = key(drop.receiver, stamp.publisher, &log.room_names[&stamp.room], stamp.seq);
        let excused = near_its_end(drop.receiver, stamp.sent_us);
        assert!(excused || lost.contains(&key), "{key:?} was dropped, and is not lost");
        near += u64::from(excused);
        far += u64::from(!excused);
        dropped.insert(key);
    }
    assert!(far > 100 && near > 20, "{far} far, {near} near");
    assert!(lost.is_subset(&dropped), "{:?}", lost.difference(&dropped).collect::<Vec<_>>());
    // Who hears a later one in order was passed over, however near the end.
    assert!(lost.len() as u64 > far, "{} lost, {far} far", lost.len());
    assert_eq!(report.deliveries.unfinished, Some(0));
}
