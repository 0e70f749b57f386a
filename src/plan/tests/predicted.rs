//! What is predicted of small scenarios, whose figures are worked out by hand.

use super::*;
use crate::scenario::{Cohort, RoomCount, Size};

const KIB: u64 = 1024;

/// The newsroom's talkers send 6 × 3/s, which they hear themselves and 7 others do; its press
/// sends 12/s, which 3 readers hear each: 30/s, of which 18 come back and 18 × 7 + 12 × 3 = 162
/// reach others.
#[test]
fn a_newsrooms_peaks() {
    // With half of them up 15/s at 100 %, which (18 + 162 / 2) / 2 = 49.5 deliveries are made of. A
    // message takes 120 B in the ledger and a recipient a bit: 30 × 120 + 180 / 8 = 3,622.5 B/s
    // at 100 %, for 30 s or as long as the run takes.
    let alone = r#"
        [[phase]]
        name = "half"
        duration = "60s"
        clients = "50%"
    "#;
    let alone = newsroom_with("rate = \"3/s\"", alone).peaks();
    assert_eq!(
        alone,
        Peaks {
            clients: 10,
            publishes_per_s: Some(15.0),
            deliveries_per_s: Some(49.5),
            actions_per_s: 0.0,
            open_files: 74,
            // 24 MiB, 10 clients of 6 KiB, 25 memberships of 160 B, and 30 s of the ledger.
            memory_bytes: 25_165_824 + 61_440 + 4_000 + 108_675,
        }
    );
    // Four times as much of the same is more than everyone at 100 %: 30/s and 180 deliveries.
    assert_eq!(
        newsroom().peaks(),
        Peaks {
            clients: 19,
            publishes_per_s: Some(60.0),
            deliveries_per_s: Some(198.0),
            actions_per_s: 0.0,
            open_files: 83,
            // 20 s of the ledger at the highest rate, as if everyone were up.
            memory_bytes: 25_165_824 + 116_736 + 4_000 + 289_800,
        }
    );
}

#[test]
fn a_ramp_peaks_at_its_end() {
    let phases = r#"
        [[phase]]
        name = "ramp"
        duration = "10s"
        clients = "0% -> 100%"
        [[phase]]
        name = "low"
        duration = "10s"
        clients = "10%"
    "#;
    let peaks = newsroom_with("rate = \"3/s\"", phases).peaks();
    let near = |found: Option<f64>, wanted: f64| found.is_some_and(|at| (at - wanted).abs() < 1e-3);
    assert!(near(peaks.publishes_per_s, 30.0), "{peaks:?}");
    assert!(near(peaks.deliveries_per_s, 180.0), "{peaks:?}");
    assert_eq!(peaks.clients, 19);
}

#[test]
fn tls_and_larger_reads_are_part_of_each_client() {
    let mut scenario = newsroom_with("rate = \"3/s\", size = \"3000B\"", &steady(10)).scenario;
    let built_in = Plan::new(scenario.clone()).peaks().memory_bytes;
    // A read of 4 KiB instead of 1 KiB. The ledger has 10 s: 36,225 B.
    assert_eq!(built_in, 25_165_824 + 19 * 9 * KIB + 4_000 + 36_225);
    scenario.target.url = Some("wss://chat.test/".to_owned());
    assert_eq!(Plan::new(scenario).peaks().memory_bytes, built_in + 19 * 10 * KIB);
}

#[test]
fn silent_clients_keep_their_files_open() {
    let faults = |shares: &[(&str, u32)]| {
        let faults = shares.iter().map(|(kind, share)| {
            format!("[[fault]]\nat = \"2s\"\nkind = \"{kind}\"\nclients = \"{share}%\"\n")
        });
        let rest = format!("{}\n{}", steady(10), faults.collect::<String>());
        let plan = newsroom_with("rate = \"3/s\"", &rest);
        (plan.silent_sockets(), plan.peaks().open_files)
    };
    // 19 clients and 64 files beside them; 50 % of the clients are 9.5, and 10 % 1.9.
    assert_eq!(faults(&[]), (0, 83));
    assert_eq!(faults(&[("reset", 30)]), (0, 83));
    assert_eq!(faults(&[("half-open", 50)]), (10, 93));
    assert_eq!(faults(&[("half-open", 50), ("reset", 30), ("half-open", 10)]), (12, 95));
}

/// 8 people in a room say 10,000/s at 100 %.
fn busy(seconds: u64, rate: &str) -> Plan {
    planned(format!(
        r#"
        format = 1
        name = "busy"
        seed = 7
        [target]
        builtin = "rooms"
        [rooms.hall]
        count = 1
        [[cohort]]
        name = "people"
        clients = 8
        join = {{ rooms = "hall" }}
        publish = {{ total_rate = "10000/s" }}
        [[phase]]
        name = "steady"
        duration = "{seconds}s"
        rate = "{rate}"
        "#
    ))
}

#[test]
fn the_ledger_follows_as_many_as_fit_into_a_gibibyte() {
    // A million messages a second take 120 B and a bit for each of the 8, in all 121 MB/s.
    let people = 25_165_824 + 8 * 6 * KIB + 8 * 160;
    for (seconds, followed, ledger) in [
        (8, 1.0, 968_000_000),
        (10, 1_073_741_824.0 / 1_210_000_000.0, 1_073_741_824),
        (60, 1_073_741_824.0 / 3_630_000_000.0, 1_073_741_824),
    ] {
        let plan = busy(seconds, "10000%");
        assert!((plan.followed - followed).abs() < 1e-12, "{} in {seconds} s", plan.followed);
        let bytes = plan.peaks().memory_bytes;
        assert!(bytes.abs_diff(people + ledger) <= 1, "{bytes} in {seconds} s");
    }
}

#[test]
fn a_closed_loops_rates_are_not_known() {
    let plan = newsroom_with("in_flight = 2", &steady(10));
    let peaks = plan.peaks();
    assert_eq!((peaks.publishes_per_s, peaks.deliveries_per_s), (None, None));
    assert_eq!(peaks.memory_bytes, 25_165_824 + 19 * 6 * KIB + 4_000);
    assert_eq!(headline(&plan), "closed loop: as many publishes/s as the server answers");
}

/// 12 clients, of which half are up.
fn feed() -> Plan {
    planned(
        r#"
        format = 1
        name = "feed"
        [target]
        builtin = "feed"
        [[cohort]]
        name = "watchers"
        clients = 12
        [[phase]]
        name = "steady"
        duration = "10s"
        clients = "50%"
        "#
        .to_owned(),
    )
}

#[test]
fn a_feeds_pushes_are_predicted_where_its_interval_is_known() {
    let plan = feed();
    assert_eq!(
        plan.peaks(),
        Peaks {
            clients: 6,
            publishes_per_s: Some(0.0),
            deliveries_per_s: Some(60.0),
            actions_per_s: 0.0,
            open_files: 70,
            memory_bytes: 25_165_824 + 6 * 6 * KIB,
        }
    );
    assert_eq!(headline(&plan), "6 listeners × 10 pushes/s = 60 deliveries/s");
    let mut scenario = plan.scenario;
    scenario.target.url = Some("ws://feed.test/".to_owned());
    let plan = Plan::new(scenario);
    assert_eq!(plan.peaks().deliveries_per_s, None);
    assert_eq!(headline(&plan), "6 listeners, pushed to at the server's own rate");
}

fn silent(cohort: &mut Cohort) {
    cohort.publish = None;
}

#[test]
fn a_headline_says_what_is_multiplied() {
    let plan = newsroom();
    assert_eq!(headline(&plan), "60 publishes/s × 3.3 recipients = 198 deliveries/s");
    let mut scenario = plan.scenario;
    scenario.cohorts.iter_mut().for_each(silent);
    assert_eq!(headline(&Plan::new(scenario)), "nobody publishes");
    let busy = busy(10, "100%");
    assert_eq!(headline(&busy), "10,000 publishes/s × 8 recipients = 80,000 deliveries/s");
}

#[test]
fn a_plan_is_described_in_a_phrase() {
    let alone = |plan: Plan, cohort: usize| {
        let mut scenario = plan.scenario;
        scenario.cohorts = vec![scenario.cohorts[cohort].clone()];
        scenario
    };
    let one = |talk: &str| {
        let mut scenario = alone(newsroom_with(talk, &steady(10)), 0);
        scenario.room_sets.truncate(1);
        scenario
    };
    let mut hall = busy(10, "100%").scenario;
    let mut named = one("rate = \"3/s\"");
    named.room_sets[0].rooms = RoomCount::Names(["red", "blue"].map(str::to_owned).into());
    let mut talkers = newsroom().scenario;
    silent(&mut talkers.cohorts[2]);
    let mut readers = newsroom().scenario;
    readers.cohorts.iter_mut().for_each(silent);
    for (scenario, expected) in [
        (newsroom().scenario, "19 clients in 5 rooms of 3 to 8, 30 msg/s in all"),
        (talkers, "19 clients in 5 rooms of 3 to 8, 3 msg/s each of 6 talkers"),
        (readers, "19 clients in 5 rooms of 3 to 8, listening"),
        (one("rate = \"3/s\""), "6 clients in 2 rooms of 6, 3 msg/s each"),
        (one("in_flight = 2"), "6 clients in 2 rooms of 6, 2 in flight each, closed loop"),
        (named, "6 clients in 2 named rooms of 6, 3 msg/s each"),
        (hall.clone(), "8 clients in 1 room of 8, 10,000 msg/s in all"),
        (
            newsroom_with("in_flight = 2", &steady(10)).scenario,
            "19 clients in 5 rooms of 3 to 8, partly a closed loop",
        ),
        (feed().scenario, "12 clients, listening"),
    ] {
        assert_eq!(describe(&Plan::new(scenario)), expected);
    }
    hall.cohorts[0].clients = 1_500;
    let expected = "1,500 clients in 1 room of 1,500, 10,000 msg/s in all";
    assert_eq!(describe(&Plan::new(hall)), expected);
}

/// The first cohort of 2 is in three rooms and publishes to all of them, the second of 2 to one.
fn bursts(all: &str, one: &str) -> Plan {
    planned(format!(
        r#"
        format = 1
        name = "bursts"
        [target]
        builtin = "rooms"
        codec = "json"
        [rooms.lobby]
        count = 3
        [[cohort]]
        name = "all"
        clients = 2
        join = {{ rooms = "lobby", per_client = 3 }}
        publish = {{ rate = "1/s", to = "all", {all} }}
        [[cohort]]
        name = "one"
        clients = 2
        join = {{ rooms = "lobby", per_client = 2 }}
        publish = {{ rate = "1/s", {one} }}
        [[cohort]]
        name = "none"
        clients = 2
        [[phase]]
        name = "steady"
        duration = "10s"
        "#
    ))
}

#[test]
fn a_burst_is_one_publish_to_every_room_of_its_client() {
    // Around a payload stand {"type":"message","room":"uproar-0000000-0","payload":""}, 4 B that
    // a length may take and the frame's head of 14 B.
    let around: u64 = 57 + 4 + 14;
    let burst = |messages, payload| Some(Burst { messages, message_bytes: payload + around });
    for (all, one, expected) in [
        ("size = \"500B\"", "size = \"1000B\"", burst(3, 500)),
        ("size = \"100B\"", "size = \"1000B\"", burst(1, 1_000)),
        ("size = \"100B\"", "size = \"100B\"", burst(3, 100)),
    ] {
        let found = bursts(all, one).largest_burst();
        assert_eq!(found, expected, "{all} {one}");
    }
    assert_eq!(burst(3, 500).map(|burst| burst.bytes()), Some(1_725));
    let mut silence = bursts("size = \"500B\"", "size = \"1000B\"").scenario;
    silence.cohorts.iter_mut().for_each(silent);
    assert_eq!(Plan::new(silence).largest_burst(), None);
}

#[test]
fn a_read_takes_the_largest_message_within_bounds() {
    let spread = "size = { min = \"52B\", p50 = \"60B\", p99 = \"90B\" }";
    let text = format!("text = \"{}\"", "x".repeat(1_947));
    for (all, one, payload, read) in [
        ("size = \"300B\"", "size = \"100B\"", 300, 1_024),
        ("size = \"100B\"", "size = \"1024B\"", 1_024, 1_024),
        ("size = \"100B\"", "size = \"1025B\"", 1_025, 2_048),
        ("size = \"100B\"", "size = \"1MiB\"", 1_048_576, 4_096),
        // 16 times the 99th percentile.
        (spread, "size = \"100B\"", 1_440, 2_048),
        // The text, a space and the mark.
        (&text, "size = \"100B\"", 2_000, 2_048),
    ] {
        let plan = bursts(all, one);
        assert_eq!((plan.payload_bytes_max(), plan.read_buffer_bytes()), (payload, read), "{all}");
    }
    let mut scenario = bursts(spread, "size = \"100B\"").scenario;
    let publish = scenario.cohorts[0].publish.as_mut().unwrap();
    publish.size = Size::Spread { min: 52, p50: 60, p99: 90, max: 1_200 };
    assert_eq!(Plan::new(scenario.clone()).payload_bytes_max(), 1_200);
    scenario.cohorts.iter_mut().for_each(silent);
    let plan = Plan::new(scenario);
    assert_eq!((plan.payload_bytes_max(), plan.read_buffer_bytes()), (0, 1_024));
}

/// What is sent, comes back and reaches others, message by message.
fn rates_one_by_one(plan: &Plan) -> Option<[f64; 3]> {
    let [mut sent, mut own, mut others] = [0.0; 3];
    for client in 0..plan.client_count() {
        let cohort = plan.cohort(client);
        let Some(publish) = &cohort.publish else { continue };
        let rate = match publish.load {
            Load::Rate(rate) => rate,
            Load::TotalRate(rate) => rate / f64::from(cohort.clients),
            Load::Closed { .. } => return None,
        };
        // After so many messages each room had its turn as often as the others.
        let turns = 840;
        for room in (0..turns).flat_map(|k| plan.publish_rooms(client, k)) {
            let each = rate / f64::from(turns);
            sent += each;
            for member in &plan.rooms()[room as usize].members {
                *(if *member == client { &mut own } else { &mut others }) += each;
            }
        }
    }
    Some([sent, own, others])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rates_are_those_of_the_messages(shape in any::shape(), seed in 0..u64::MAX / 4) {
        let plan = shape.plan(seed);
        let found = plan.full_rates().map(|of| [of.sent, of.own, of.others]);
        let expected = rates_one_by_one(&plan);
        prop_assert_eq!(found.is_some(), expected.is_some());
        for (found, expected) in found.into_iter().flatten().zip(expected.into_iter().flatten()) {
            prop_assert!((found - expected).abs() < 1e-6 * expected.max(1.0), "{found} {expected}");
        }
    }
}

/// A client may be in 10,000 rooms. Looking for each of them among the others would take minutes.
#[test]
fn many_rooms_a_client_are_planned_in_no_time() {
    let plan = planned(
        r#"
        format = 1
        name = "direct"
        [target]
        builtin = "rooms"
        [rooms.direct]
        size = 1
        [[cohort]]
        name = "people"
        clients = 20
        join = { rooms = "direct", per_client = 10000, pick = "random" }
        publish = { rate = "1/s", to = "all" }
        [[phase]]
        name = "steady"
        duration = "10s"
        "#
        .to_owned(),
    );
    assert_eq!((plan.membership_count(), plan.rooms().len()), (200_000, 200_000));
    let peaks = plan.peaks();
    assert_eq!(peaks.publishes_per_s, Some(200_000.0));
    // Beside the client itself, each of the 19 others is in a twentieth of its rooms.
    let heard = peaks.deliveries_per_s.unwrap();
    assert!((heard / 390_000.0 - 1.0).abs() < 0.02, "{heard}");
}
