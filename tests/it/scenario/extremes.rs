//! Scenarios of the largest and the smallest values that keys take: each is refused, or is a plan whose
//! figures are figures.

use std::cell::Cell;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use uproar::plan::{Plan, describe, headline};
use uproar::scenario::{Overrides, read};

use super::source;

const DURATIONS: [&str; 7] = ["1us", "3us", "1ms", "333333us", "10s", "1h30m", "23h59m"];
const RATES: [&str; 6] =
    ["1/s", "1000000/s", "1/h", "30/min", "999999.9999999/s", "0.000000000000000000000000000001/s"];
const LEVELS: [&str; 8] = [
    "100%",
    "0%",
    "0.000000000000001%",
    "99.99999999999999%",
    "0% -> 100%",
    "100% -> 0%",
    "0% -> 0.0000000000001%",
    "33.3% -> 66.7%",
];
const SIZES: [&str; 3] = ["52B", "1KiB", "16777215B"];
const COUNTS: [&str; 6] = ["1", "2", "3", "7", "100", "1000"];

fn one(values: &'static [&'static str]) -> impl Strategy<Value = &'static str> + Clone {
    select(values)
}

fn cohort() -> impl Strategy<Value = String> {
    let join = (select(vec!["1", "1", "2", "100"]), select(vec!["even", "random", "zipf"]));
    let rate =
        (select(vec!["rate", "total_rate"]), one(&RATES), select(vec!["poisson", "constant"]));
    let publish = (rate, select(vec!["one", "all", "a", "b"]), one(&SIZES), one(&SIZES));
    let rest = (one(&DURATIONS), one(&RATES), one(&DURATIONS));
    (one(&COUNTS), join, publish, any::<bool>(), rest).prop_map(
        |(clients, (per_client, pick), publish, fixed, (every, read, away))| {
            let ((load, rate, arrivals), to, small, large) = publish;
            let size = if fixed {
                format!("\"{large}\"")
            } else {
                // Lengths of texts go as their sizes do here.
                let [p50, p99] = if small.len() < large.len() { [small, large] } else { [large, small] };
                format!("{{ p50 = \"{p50}\", p99 = \"{p99}\" }}")
            };
            format!(
                r#"
                clients = {clients}
                join = {{ rooms = "a", per_client = {per_client}, pick = "{pick}" }}
                publish = {{ {load} = "{rate}", to = "{to}", arrivals = "{arrivals}", size = {size} }}
                ws_ping = {{ every = "{every}", timeout = "{away}" }}
                read = {{ rate = "{read}" }}
                churn = {{ connections = "1%/h", stay_away = "{away}" }}
                "#
            )
        },
    )
}

fn phase() -> impl Strategy<Value = String> {
    (one(&DURATIONS), one(&LEVELS), one(&LEVELS)).prop_map(|(duration, clients, rate)| {
        format!("duration = \"{duration}\"\nclients = \"{clients}\"\nrate = \"{rate}\"\n")
    })
}

fn text() -> impl Strategy<Value = String> {
    let rooms = (select(vec!["size", "count"]), one(&COUNTS));
    (rooms, one(&COUNTS), vec(cohort(), 1..3), vec(phase(), 1..4)).prop_map(
        |((a, of_a), of_b, cohorts, phases)| {
            let mut text = format!(
                "format = 1\nname = \"extremes\"\n[target]\nbuiltin = \"rooms\"\n\
                 [rooms.a]\n{a} = {of_a}\n"
            );
            if cohorts.iter().any(|cohort| cohort.contains("to = \"b\"")) {
                text.push_str(&format!("[rooms.b]\ncount = {of_b}\n"));
            }
            for (n, cohort) in cohorts.iter().enumerate() {
                text.push_str(&format!("[[cohort]]\nname = \"c{n}\"\n{cohort}\n"));
            }
            for (n, phase) in phases.iter().enumerate() {
                text.push_str(&format!("[[phase]]\nname = \"p{n}\"\n{phase}\n"));
            }
            text
        },
    )
}

fn overrides() -> impl Strategy<Value = Overrides> {
    let option = |values: &'static [&'static str]| proptest::option::weighted(0.2, one(values));
    let clients = proptest::option::weighted(0.2, select(vec![0, 1, 999, 20_000, u32::MAX]));
    (clients, option(&RATES), option(&DURATIONS)).prop_map(|(clients, rate, duration)| Overrides {
        clients,
        rate: rate.map(str::to_owned),
        duration: duration.map(str::to_owned),
        ..Overrides::default()
    })
}

fn is_figure(figure: f64) -> bool {
    figure.is_finite() && figure >= 0.0
}

#[test]
fn a_plan_of_extremes_is_refused_or_a_plan() {
    let read_in_all = Cell::new(0);
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(400)
    });
    let outcome = runner.run(&(text(), overrides()), |(text, overrides)| {
        let Ok(scenario) = read(&source(&text), &overrides) else { return Ok(()) };
        read_in_all.set(read_in_all.get() + 1);
        let lasts: Duration = scenario.phases.iter().map(|phase| phase.duration).sum();
        let memberships: usize = scenario
            .cohorts
            .iter()
            .map(|cohort| {
                cohort.clients as usize
                    * cohort.join.as_ref().map_or(0, |join| join.per_client as usize)
            })
            .sum();
        let plan = Plan::new(scenario);
        prop_assert_eq!(u128::from(plan.end_us()), lasts.as_micros());
        prop_assert!(lasts.subsec_nanos().is_multiple_of(1_000) && !lasts.is_zero());
        prop_assert_eq!(plan.membership_count(), memberships);
        prop_assert!(
            (0.0..=1.0).contains(&plan.followed) && plan.followed > 0.0,
            "{}",
            plan.followed
        );
        let peaks = plan.peaks();
        let rates = [peaks.publishes_per_s, peaks.deliveries_per_s, Some(peaks.actions_per_s)];
        prop_assert!(rates.into_iter().flatten().all(is_figure), "{peaks:?}");
        prop_assert!(peaks.clients <= plan.client_count());
        prop_assert!(peaks.memory_bytes < 64 << 30, "{peaks:?}");
        for told in [headline(&plan), describe(&plan)] {
            prop_assert!(!told.contains("NaN") && !told.contains("inf"), "{told}");
        }
        for client in [0, plan.client_count() - 1] {
            let windows = plan.windows(client);
            let mut publishes = plan.publishes(client);
            let mut before_us = 0;
            for _ in 0..50 {
                let Some(due) = plan.next_due(client, &windows, &mut publishes) else { break };
                prop_assert!((before_us..plan.end_us()).contains(&due.at_us), "{due:?}");
                before_us = due.at_us;
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|why| panic!("{why}"));
    // Most break a rule between two keys.
    assert!(read_in_all.get() > 40, "only {} were read", read_in_all.get());
}
