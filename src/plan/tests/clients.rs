//! What single clients are told: their place, rooms, windows, times and draws.

use std::collections::BTreeSet;

use rand::RngExt;

use super::*;
use crate::scenario::{Act, RoomCount, RoomSet};
use crate::stamp::texts::Texts;

#[test]
fn clients_are_numbered_cohort_by_cohort() {
    let plan = newsroom();
    assert_eq!([0, 1, 2].map(|cohort| plan.first_client(cohort)), [0, 6, 15]);
    assert_eq!(plan.client_count(), 19);
    for (client, cohort, name) in [
        (0, 0, "talkers"),
        (5, 0, "talkers"),
        (6, 1, "readers"),
        (14, 1, "readers"),
        (15, 2, "press"),
        (18, 2, "press"),
    ] {
        assert_eq!((plan.cohort_of(client), plan.cohort(client).name.as_str()), (cohort, name));
    }
}

#[test]
fn phases_are_half_open_and_the_last_has_what_comes_after() {
    let plan = newsroom();
    let span = |start_s, end_s| Span { start_us: start_s * S, end_us: end_s * S, measured: true };
    assert_eq!(plan.phases, [span(0, 10), span(10, 20)]);
    assert_eq!(plan.end_us(), 20 * S);
    for (at_us, phase) in [(0, 0), (10 * S - 1, 0), (10 * S, 1), (20 * S - 1, 1), (99 * S, 1)] {
        assert_eq!(plan.phase_at(at_us), phase, "at {at_us}");
    }
}

#[test]
fn clients_come_in_their_cohorts_order() {
    let phases = r#"
        [[phase]]
        name = "ramp"
        duration = "10s"
        clients = "0% -> 100%"
        [[phase]]
        name = "steady"
        duration = "10s"
    "#;
    let plan = newsroom_with("rate = \"3/s\"", phases);
    // One of 4 every 2.5 s and one of 6 every 1.67 s, and all of them to the end.
    for (client, on_us) in
        [(15, 0), (16, 2_500_000), (17, 5_000_000), (18, 7_500_000), (0, 0), (1, 1_666_667)]
    {
        assert_eq!(plan.windows(client), [Window { on_us, off_us: 20 * S }], "client {client}");
    }
    assert_eq!(plan.ever_up(None), 19);
}

#[test]
fn those_beyond_the_share_are_never_up() {
    let phases = format!("{}\nclients = \"50%\"", steady(10));
    let plan = newsroom_with("rate = \"3/s\"", &phases);
    // Half of 6, of 9 and of 4: whoever has less than half of the others before it.
    assert_eq!([0, 1, 2].map(|cohort| plan.ever_up(Some(cohort))), [3, 5, 2]);
    assert_eq!(plan.ever_up(None), 10);
    assert!(plan.windows(10).len() == 1 && plan.windows(11).is_empty());
}

#[test]
fn publishes_go_to_ones_own_rooms_or_to_a_sets() {
    let mut plan = newsroom();
    let gone = |plan: &Plan, client, k| plan.publish_rooms(client, k).collect::<Vec<u32>>();
    // The press is in the lobby and says everything in the news, rooms 2 to 4.
    let press = [15, 16, 17, 18].map(|client| [0, 1, 2].map(|k| gone(&plan, client, k)[0]));
    assert_eq!(press, [[2, 3, 4], [3, 4, 2], [4, 2, 3], [2, 3, 4]]);
    assert_eq!([0, 1, 2].map(|k| gone(&plan, 3, k)), [vec![0], vec![1], vec![0]]);
    assert!(gone(&plan, 6, 0).is_empty(), "readers say nothing");
    plan.scenario.cohorts[0].publish.as_mut().unwrap().to = To::All;
    assert_eq!([0, 1].map(|k| gone(&plan, 3, k)), [[0, 1], [0, 1]]);
}

#[test]
fn rooms_are_named_by_their_sets_template_or_file() {
    let mut scenario = newsroom().scenario;
    let names = RoomCount::Names(["red", "blue"].map(str::to_owned).into());
    let set = |rooms, template: &str| RoomSet {
        name: "set".to_owned(),
        rooms,
        name_template: template.to_owned(),
    };
    let default = "uproar-{{ run }}-{{ n }}";
    scenario.room_sets.extend([
        set(names, default),
        set(RoomCount::Count(2), "{{n}} of {{ run }}{{ other }}, {{"),
        set(RoomCount::Count(4), default),
    ]);
    let plan = Plan::new(scenario);
    // Only sets with the same template count on, and those with a file don't take numbers.
    let names: Vec<String> = (0..13).filter_map(|room| plan.room_name(room, "x7")).collect();
    assert_eq!(
        names,
        [
            "uproar-x7-0",
            "uproar-x7-1",
            "uproar-x7-2",
            "uproar-x7-3",
            "uproar-x7-4",
            "red",
            "blue",
            "0 of x7, {{",
            "1 of x7, {{",
            "uproar-x7-5",
            "uproar-x7-6",
            "uproar-x7-7",
            "uproar-x7-8",
        ]
    );
}

#[test]
fn implicit_rooms_have_no_name() {
    let mut scenario = newsroom().scenario;
    scenario.cohorts[1].join = None;
    scenario.cohorts[1].protocol = crate::protocol::Protocol::Native(
        crate::protocol::ProtocolKind::Broadcast,
        scenario.target.codec,
    );
    let plan = Plan::new(scenario);
    assert_eq!(plan.memberships(6), [Membership { room: 5, slot: 0 }]);
    assert_eq!(plan.room_name(5, "x7"), None);
    assert_eq!(plan.room_name(4, "x7").as_deref(), Some("uproar-x7-4"));
}

#[test]
fn texts_are_the_cohorts() {
    let plan = newsroom_with("rate = \"3/s\", text = \"hello\"", &steady(10));
    assert_eq!(plan.texts(5), Texts::new(["hello"]).as_ref());
    assert_eq!((plan.texts(6), plan.texts(15)), (None, None));
}

#[test]
fn faults_are_told_by_time_with_their_victims() {
    let faults = r#"
        [[phase]]
        name = "before"
        duration = "10s"
        [[phase]]
        name = "after"
        duration = "10s"
        [[fault]]
        at = "after + 2s"
        kind = "reset"
        clients = "30%"
        label = "the tunnel"
        [[fault]]
        at = "3s"
        kind = "half-open"
        clients = "100%"
        [[fault]]
        at = "before + 4s"
        kind = "restart"
        duration = "1s"
    "#;
    let plan = newsroom_with("rate = \"3/s\"", faults);
    let label = |fault: &PlannedFault| fault.label.clone();
    let told: Vec<_> =
        plan.faults.iter().map(|at| (at.at_us, at.victims.len(), label(at))).collect();
    // 30 % of 19 are 5.7.
    let tunnel = Some("the tunnel".to_owned());
    assert_eq!(told, [(3 * S, 19, None), (4 * S, 0, None), (12 * S, 6, tunnel)]);
    assert_eq!(plan.faults[0].victims, Vec::from_iter(0..19));
    assert_eq!(plan.faults[0].kind, FaultKind::HalfOpen);
    assert!(plan.faults[2].victims.is_sorted_by(|a, b| a < b), "ascending, each once");
}

#[test]
fn a_constant_stream_starts_at_its_clients_own_offset() {
    let plan = newsroom_with("rate = \"1/s\", arrivals = \"constant\"", &steady(10));
    // Half a gap, and 0.618 034 more for each client.
    let firsts = [0, 1, 2, 3].map(|client| dues_of(&plan, client)[0].at_us);
    assert_eq!(firsts, [500_000, 118_034, 736_068, 354_102]);
}

#[test]
fn a_plan_is_its_scenario_wherever_it_goes() {
    let plan = newsroom();
    let read: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(read.client_count(), 19);
    assert_eq!(drawn(&read), drawn(&plan));
}

#[test]
fn churn_goes_by_cohort_and_by_how_many_rooms_one_is_in() {
    let plan = newsroom();
    for (client, connections, rooms) in [(3, 0.02, 0.1), (6, 0.0, 0.0), (15, 0.0, 0.0)] {
        assert_eq!(plan.connection_churns(client).rate_per_s, connections);
        assert_eq!(plan.room_churns(client).rate_per_s, rooms);
    }
}

#[test]
fn no_two_clients_and_no_two_uses_draw_alike() {
    let mut scenario = newsroom().scenario;
    scenario.cohorts[0].actions = vec![Act { action: 0, rate_per_s: 0.5 }; 3];
    let plan = Plan::new(scenario);
    let windows = [Window { on_us: 0, off_us: 20 * S }];
    let mut drawn = Vec::new();
    for client in 0..plan.client_count() {
        let rngs = [
            plan.backoff_rng(client),
            plan.connection_churns(client).rng,
            plan.room_churns(client).rng,
        ];
        drawn.extend(rngs.map(|mut rng| rng.random::<u64>()));
    }
    assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), 3 * 19);
    let mut firsts = BTreeSet::new();
    for client in 0..6 {
        let mut actions = plan.actions(client);
        assert_eq!(actions.len(), 3);
        firsts.insert(dues_of(&plan, client)[0].at_us);
        for (at, one) in actions.iter_mut().enumerate() {
            firsts.insert(plan.next_action(client, at, &windows, one).unwrap().at_us);
        }
    }
    assert_eq!(firsts.len(), 6 * 4, "each first publish and first action is at its own time");
}

#[test]
fn actions_come_as_often_as_their_rates_say() {
    let mut scenario = newsroom_with("rate = \"3/s\"", &steady(1_000)).scenario;
    let act = |rate_per_s| Act { action: 0, rate_per_s };
    scenario.cohorts[0].actions = vec![act(0.5), act(2.0)];
    let plan = Plan::new(scenario);
    let windows = plan.windows(0);
    let mut found = [0_u32; 2];
    for client in 0..6 {
        let mut actions = plan.actions(client);
        for (at, one) in actions.iter_mut().enumerate() {
            while plan.next_action(client, at, &windows, one).is_some() {
                found[at] += 1;
            }
        }
        // There is no third one.
        let mut other = plan.publishes(client);
        assert_eq!(plan.next_action(client, 2, &windows, &mut other), None);
    }
    // Standard deviations are 55 and 110.
    assert!(found[0].abs_diff(3_000) < 275 && found[1].abs_diff(12_000) < 550, "{found:?}");
    assert!(plan.actions(6).is_empty(), "readers have none");
}

#[test]
fn a_closed_loop_draws_a_message_whenever_it_wants_one() {
    let plan = newsroom_with("in_flight = 2, size = \"300B\"", &steady(10));
    let mut publishes = plan.publishes(0);
    for (k, at_us) in [(0, 5), (1, 5), (2, 9 * S)] {
        let due = Due { at_us, k, size: 300, binary: false };
        assert_eq!(plan.draw_due(0, &mut publishes, at_us), Some(due));
    }
    assert!(dues_of(&plan, 0).is_empty(), "it has no schedule");
    assert_eq!(plan.draw_due(6, &mut plan.publishes(6), 5), None, "a reader");
}

#[test]
fn a_share_of_the_clients_is_followed_where_not_all_can_be() {
    let mut scenario = newsroom().scenario;
    scenario.cohorts[1].clients = 10_000;
    let mut plan = Plan::new(scenario);
    let followed = |plan: &Plan| (0..10_000).filter(|client| plan.is_followed(*client)).count();
    assert_eq!(followed(&plan), 10_000);
    plan.followed = 0.3;
    // The standard deviation is 46, and always the same ones are.
    assert!(followed(&plan).abs_diff(3_000) < 230, "{}", followed(&plan));
    assert_eq!(followed(&plan), followed(&plan));
}
