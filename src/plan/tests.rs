//! What a plan promises: exact numbers, repeatable draws, shares that add up.

use std::time::Duration;

use proptest::prelude::*;

mod clients;
mod predicted;

use super::*;
use crate::protocol::Recipients;
use crate::scenario::{Overrides, Source, read};

const S: u64 = 1_000_000;

fn planned(text: String) -> Plan {
    let source = Source { name: "test".to_owned(), text };
    Plan::new(
        read(&source, &Overrides::default()).unwrap_or_else(|mistakes| panic!("{mistakes:?}")),
    )
}

/// 6 talkers in both rooms of the lobby, 9 readers in three rooms of news, and 4 of the press, who
/// are in one room of the lobby each and publish to the news: 8 in each room of the lobby, 3 in
/// each of the news. Everyone is up in the first ten seconds, and half of them in the next.
fn newsroom() -> Plan {
    newsroom_with(
        "rate = \"3/s\"",
        r#"
        [[phase]]
        name = "whole"
        duration = "10s"
        [[phase]]
        name = "half"
        duration = "10s"
        clients = "50%"
        rate = "400%"
        "#,
    )
}

fn newsroom_with(talk: &str, rest: &str) -> Plan {
    planned(format!(
        r#"
        format = 1
        name = "newsroom"
        seed = 7
        [target]
        builtin = "rooms"
        [rooms.lobby]
        count = 2
        [rooms.news]
        count = 3
        [[cohort]]
        name = "talkers"
        clients = 6
        join = {{ rooms = "lobby", per_client = 2 }}
        publish = {{ {talk} }}
        churn = {{ connections = "2%/s", rooms = "5%/s" }}
        [[cohort]]
        name = "readers"
        clients = 9
        join = {{ rooms = "news" }}
        [[cohort]]
        name = "press"
        clients = 4
        join = {{ rooms = "lobby" }}
        publish = {{ total_rate = "12/s", to = "news" }}
        {rest}
        "#
    ))
}

fn plan(seed: u64, publish: &str, phases: &str) -> Plan {
    planned(format!(
        r#"
        format = 1
        name = "plan"
        seed = {seed}
        [target]
        builtin = "rooms"
        [rooms.lobby]
        size = 7
        [[cohort]]
        name = "talkers"
        clients = 40
        join = {{ rooms = "lobby", per_client = 3, pick = "random" }}
        publish = {{ {publish} }}
        churn = {{ connections = "5%/s", rooms = "5%/s" }}
        [[cohort]]
        name = "listeners"
        clients = 20
        join = {{ rooms = "lobby" }}
        {phases}
        [[fault]]
        at = "1s"
        kind = "reset"
        clients = "30%"
        "#
    ))
}

fn steady(seconds: u64) -> String {
    format!("[[phase]]\nname = \"steady\"\nduration = \"{seconds}s\"")
}

fn dues_of(plan: &Plan, client: u32) -> Vec<Due> {
    let windows = plan.windows(client);
    let mut publishes = plan.publishes(client);
    std::iter::from_fn(|| plan.next_due(client, &windows, &mut publishes)).collect()
}

fn dues(plan: &Plan) -> Vec<Vec<Due>> {
    (0..plan.client_count()).map(|client| dues_of(plan, client)).collect()
}

fn due_in(plan: &Plan, from_us: u64, to_us: u64) -> usize {
    let all = dues(plan).into_iter().flatten();
    all.filter(|due| (from_us..to_us).contains(&due.at_us)).count()
}

/// Everything a seed decides, room by room and due time by due time.
fn drawn(plan: &Plan) -> impl PartialEq + std::fmt::Debug + use<> {
    let members: Vec<_> = plan.rooms().iter().map(|room| room.members.clone()).collect();
    let clients = 0..plan.client_count();
    let rooms: Vec<_> = clients.clone().map(|client| plan.memberships(client).to_vec()).collect();
    let churns: Vec<_> = clients
        .map(|client| {
            let (mut whole, mut one) = (plan.connection_churns(client), plan.room_churns(client));
            (0..5).map(|n| (whole.next(n * S), one.next(n * S), one.choose(3))).collect::<Vec<_>>()
        })
        .collect();
    let gone: Vec<_> = (0..plan.client_count())
        .map(|client| {
            let dues = dues_of(plan, client).into_iter();
            dues.map(|due| plan.publish_rooms(client, due.k).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        })
        .collect();
    let windows: Vec<_> = (0..plan.client_count()).map(|client| plan.windows(client)).collect();
    let drawn = (members, rooms, dues(plan), gone, plan.faults.clone());
    (drawn, churns, windows)
}

#[test]
fn a_seed_decides_everything_and_another_seed_differs() {
    let publish = r#"rate = "2/s", arrivals = "poisson", size = { p50 = "100B", p99 = "1KiB" }, binary = "20%""#;
    let [a, b, other] = [7, 7, 8].map(|seed| plan(seed, publish, &steady(20)));
    assert_eq!(drawn(&a), drawn(&b));
    let (members, rooms, faults) = (a.rooms(), a.memberships(3), &a.faults[0].victims);
    assert_ne!(members, other.rooms());
    assert_ne!(drawn(&a), drawn(&other));
    assert_ne!(dues_of(&a, 3), dues_of(&other, 3));
    assert_ne!(faults, &other.faults[0].victims);
    assert_eq!(faults.len(), 18, "30 % of 60");
    assert_eq!(rooms.len(), 3);
    // Every membership is known from both sides.
    for client in 0..a.client_count() {
        for membership in a.memberships(client) {
            let members = &a.rooms()[membership.room as usize].members;
            assert_eq!(members[membership.slot as usize], client);
        }
    }
    let slots: usize = a.rooms().iter().map(|room| room.members.len()).sum();
    assert_eq!((slots, a.membership_count()), (140, 140), "40 × 3 + 20");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_same_seed_is_the_same_plan_whatever_its_shape(shape in any::shape(), seed in 0..u64::MAX / 4) {
        let (a, b) = (shape.plan(seed), shape.plan(seed));
        prop_assert_eq!(drawn(&a), drawn(&b));
        let other = shape.plan(seed + 1);
        prop_assert_ne!(dues_of(&a, 0), dues_of(&other, 0));
        prop_assert_ne!(drawn(&a), drawn(&other));
        for (client, membership) in
            (0..a.client_count()).flat_map(|c| a.memberships(c).iter().map(move |at| (c, at)))
        {
            let members = &a.rooms()[membership.room as usize].members;
            prop_assert_eq!(members[membership.slot as usize], client);
        }
    }
}

#[test]
fn a_constant_rate_gives_each_client_its_exact_number() {
    for (rate, seconds, each) in [("1/s", 60, 60), ("8/s", 3, 24), ("0.1/s", 30, 3), ("3/s", 7, 21)]
    {
        let publish = format!(r#"rate = "{rate}", arrivals = "constant""#);
        let plan = plan(1, &publish, &steady(seconds));
        for client in 0..40 {
            let dues = dues_of(&plan, client);
            assert_eq!(dues.len(), each, "client {client} at {rate}");
            let gap_us = seconds as f64 * 1e6 / each as f64;
            for (k, pair) in dues.windows(2).enumerate() {
                assert_eq!(pair[0].k as usize, k);
                let gap = (pair[1].at_us - pair[0].at_us) as f64;
                assert!((gap - gap_us).abs() <= 1.0, "{gap} is not {gap_us}");
            }
        }
        assert!(dues_of(&plan, 40).is_empty(), "a listener says nothing");
    }
}

#[test]
fn clients_with_a_constant_rate_are_never_in_phase() {
    let plan = plan(1, r#"rate = "1/s", arrivals = "constant""#, &steady(2));
    let mut firsts: Vec<u64> = (0..40).map(|client| dues_of(&plan, client)[0].at_us).collect();
    firsts.sort_unstable();
    // 40 in a second are 25 ms apart; the golden ratio keeps any two over a third of that apart.
    assert!(firsts.windows(2).all(|pair| pair[1] - pair[0] > 8_000), "{firsts:?}");
}

#[test]
fn poisson_arrivals_come_to_their_number_within_five_sigma() {
    for seed in 0..10 {
        let plan = plan(seed, r#"rate = "2/s", arrivals = "poisson""#, &steady(100));
        let (found, mean) = (due_in(&plan, 0, 100 * S) as f64, 40.0 * 2.0 * 100.0_f64);
        assert!((found - mean).abs() < 5.0 * mean.sqrt(), "{found} with seed {seed}");
        // The gaps' standard deviation is their mean, unlike evenly spaced ones'.
        let gaps: Vec<f64> = dues(&plan)
            .iter()
            .flat_map(|dues| dues.windows(2).map(|pair| (pair[1].at_us - pair[0].at_us) as f64))
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((0.9..1.1).contains(&(variance.sqrt() / mean)), "{} / {mean}", variance.sqrt());
    }
}

#[test]
fn a_total_rate_is_the_cohorts() {
    let constant = plan(1, r#"total_rate = "80/s", arrivals = "constant""#, &steady(10));
    assert_eq!(due_in(&constant, 0, 10 * S), 800);
    let poisson = plan(1, r#"total_rate = "80/s""#, &steady(100));
    let found = due_in(&poisson, 0, 100 * S) as f64;
    assert!((found - 8_000.0).abs() < 5.0 * 8_000.0_f64.sqrt(), "{found}");
}

#[test]
fn a_rate_of_200_percent_doubles_the_load_in_its_phase_only() {
    let phases = r#"
        [[phase]]
        name = "before"
        duration = "10s"
        [[phase]]
        name = "spike"
        duration = "10s"
        rate = "200%"
        [[phase]]
        name = "pause"
        duration = "10s"
        rate = "0%"
        [[phase]]
        name = "after"
        duration = "10s"
    "#;
    let plan = plan(1, r#"rate = "3/s", arrivals = "constant""#, phases);
    let found = [0, 10, 20, 30].map(|from| due_in(&plan, from * S, (from + 10) * S));
    assert_eq!(found, [1_200, 2_400, 0, 1_200]);
}

/// 40 talkers and 20 listeners come one by one over 10 s; the last half of them leaves again.
#[test]
fn clients_are_up_as_the_ramp_says_and_speak_only_then() {
    let phases = r#"
        [[phase]]
        name = "ramp"
        duration = "10s"
        clients = "0% -> 100%"
        [[phase]]
        name = "down"
        duration = "10s"
        clients = "100% -> 50%"
    "#;
    let plan = plan(1, r#"rate = "10/s", arrivals = "constant""#, phases);
    let up_at = |at_us: u64, clients: std::ops::Range<u32>| {
        let up = |client: &u32| {
            plan.windows(*client).iter().any(|w| (w.on_us..w.off_us).contains(&at_us))
        };
        clients.filter(up).count()
    };
    for (at_s, talkers, listeners) in
        [(1, 4, 2), (5, 20, 10), (9, 36, 18), (10, 40, 20), (15, 30, 15)]
    {
        // A moment later, because at the very microsecond one more begins or ends.
        let at_us = at_s * S + 10;
        let found = (up_at(at_us, 0..40), up_at(at_us, 40..60));
        let near = |found: usize, wanted: usize| found.abs_diff(wanted) <= 1;
        assert!(near(found.0, talkers) && near(found.1, listeners), "{found:?} at {at_s} s");
    }
    assert_eq!(plan.ever_up(None), 60);
    for client in 0..40 {
        let windows = plan.windows(client);
        let [window] = windows[..] else { panic!("{windows:?}") };
        let dues = dues_of(&plan, client);
        assert!(dues.iter().all(|due| (window.on_us..window.off_us).contains(&due.at_us)));
        let wanted = (window.off_us - window.on_us) as f64 / 1e6 * 10.0;
        assert!((dues.len() as f64 - wanted).abs() <= 1.0, "{} of {wanted}", dues.len());
    }
    assert_eq!(Duration::from_micros(plan.end_us()), Duration::from_secs(20));
}

#[test]
fn a_publish_goes_to_rooms_of_its_own_in_turn() {
    let plan = plan(1, r#"rate = "1/s""#, &steady(2));
    let mine: Vec<u32> = plan.memberships(0).iter().map(|at| at.room).collect();
    let gone: Vec<u32> = (0..6).flat_map(|k| plan.publish_rooms(0, k)).collect();
    assert_eq!(gone, [mine.clone(), mine].concat());
}

/// Publishes and deliveries a second that are predicted, with the first cohort relaying so.
fn predicted(recipients: Recipients, publish: &str, clients: &str) -> (f64, f64) {
    let phases = format!("{}\nclients = \"{clients}\"", steady(10));
    let mut plan = plan(1, publish, &phases);
    plan.relays[0].recipients = recipients;
    let peaks = plan.peaks();
    (peaks.publishes_per_s.unwrap(), peaks.deliveries_per_s.unwrap())
}

#[test]
fn what_is_predicted_goes_by_who_hears_a_publish() {
    use Recipients::{Nobody, Others, Room, Sender};
    // 140 memberships in 20 rooms of 7, 40 clients with 1 msg/s to one of their three rooms, or
    // to all three; with half of the clients up, so are half of the others in a room.
    let to_all = r#"rate = "1/s", to = "all""#;
    for (publish, clients, recipients, expected) in [
        (r#"rate = "1/s""#, "100%", Room, (40.0, 280.0)),
        (r#"rate = "1/s""#, "100%", Others, (40.0, 240.0)),
        (r#"rate = "1/s""#, "100%", Sender, (40.0, 40.0)),
        (r#"rate = "1/s""#, "100%", Nobody, (40.0, 0.0)),
        (to_all, "100%", Others, (120.0, 720.0)),
        (r#"rate = "1/s""#, "50%", Room, (20.0, 80.0)),
        (r#"rate = "1/s""#, "50%", Sender, (20.0, 20.0)),
    ] {
        let (sent, received) = predicted(recipients, publish, clients);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert!(near(sent, expected.0), "{recipients:?} {publish}: {sent}");
        // Rooms differ in size by a few, as they are drawn.
        let off = (received - expected.1).abs();
        assert!(off <= expected.1 * 0.15, "{recipients:?} {publish} {clients}: {received}");
    }
}

#[test]
fn a_publish_is_for_whom_the_authors_protocol_says() {
    let mut plan = plan(1, r#"rate = "1/s""#, &steady(2));
    let (author, other) = (3, 40);
    assert_eq!(plan.cohort_of(other), 1, "the receiver's own protocol doesn't matter");
    for (recipients, own, others) in [
        (Recipients::Room, true, true),
        (Recipients::Others, false, true),
        (Recipients::Sender, true, false),
        (Recipients::Nobody, false, false),
    ] {
        plan.relays[0].recipients = recipients;
        assert_eq!((plan.hears(author, author), plan.hears(author, other)), (own, others));
        assert!(plan.hears(other, author), "the other cohort's messages are for the room");
    }
}

#[test]
fn tls_is_in_the_memory_that_is_predicted() {
    let bytes = |scheme: &str| {
        let mut scenario = plan(1, "rate = \"1/s\"", &steady(10)).scenario;
        scenario.target.url = Some(format!("{scheme}://chat.test/"));
        Plan::new(scenario).peaks().memory_bytes
    };
    assert_eq!(bytes("wss") - bytes("ws"), 60 * 10 * 1024);
}

#[test]
fn what_a_fault_is_blamed_for_and_what_it_holds_up() {
    use std::time::Duration;

    use crate::scenario::FaultKind;

    const S: u64 = 1_000_000;
    let secs = Duration::from_secs;
    let fault = |kind| PlannedFault { at_us: 10 * S, kind, victims: vec![3, 7], label: None };
    // Losing the connection is its doing from when it strikes until 5 s after the server is back.
    let rows = [
        (FaultKind::Freeze { duration: secs(2) }, Some(10 * S..17 * S)),
        (FaultKind::Kill { down: Some(secs(3)) }, Some(10 * S..18 * S)),
        (FaultKind::Kill { down: None }, Some(10 * S..15 * S)),
        (FaultKind::Restart { down: secs(1) }, Some(10 * S..16 * S)),
        // A mark says itself how long.
        (FaultKind::Mark { within: secs(4) }, Some(10 * S..14 * S)),
        (FaultKind::Reset, None),
        (FaultKind::Close { code: 1001 }, None),
        (FaultKind::HalfOpen, None),
        (FaultKind::Stall { duration: secs(2) }, None),
    ];
    for (kind, blamed) in rows {
        assert_eq!(fault(kind).blamed(), blamed, "{kind:?}");
    }
    // Messages are held up from 1 s before it until it is over.
    let held_up = |kind, client| {
        let fault = fault(kind);
        [9 * S - 1, 9 * S, 12 * S - 1, 12 * S].map(|sent_us| fault.holds_up(client, sent_us))
    };
    let held = [false, true, true, false];
    assert_eq!(held_up(FaultKind::Freeze { duration: secs(2) }, 5), held);
    assert_eq!(held_up(FaultKind::Stall { duration: secs(2) }, 7), held);
    assert_eq!(held_up(FaultKind::Stall { duration: secs(2) }, 5), [false; 4]);
    assert_eq!(held_up(FaultKind::Restart { down: secs(2) }, 7), [false; 4]);
}

#[test]
fn actions_are_predicted_at_the_peak_of_clients_and_rate() {
    let phases = r#"
        [[phase]]
        name = "half"
        duration = "5s"
        clients = "50%"
        [[phase]]
        name = "all"
        duration = "5s"
        rate = "300%"
    "#;
    let mut scenario = plan(1, "rate = \"1/s\"", phases).scenario;
    assert_eq!(Plan::new(scenario.clone()).peaks().actions_per_s, 0.0);
    let act = |rate_per_s| crate::scenario::Act { action: 0, rate_per_s };
    scenario.cohorts[0].actions = vec![act(0.5), act(0.25)];
    // 40 clients, 0.75/s each, three times as often in the second phase.
    assert_eq!(Plan::new(scenario).peaks().actions_per_s, 90.0);
}
