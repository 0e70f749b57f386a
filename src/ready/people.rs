//! Clients that are sent before the others: who they are, how they speak, and where they go.

use std::sync::Arc;

use crate::client;
use crate::plan::Plan;
use crate::protocol::Protocol;
use crate::protocol::scope::Person;
use crate::scenario::{Cohort, RoomCount, Scenario};
use crate::worker::run_name;

/// How the first cohort speaks.
pub fn protocol(scenario: &Scenario) -> &Protocol {
    scenario.cohorts.first().map_or(&scenario.target.protocol, |cohort| &cohort.protocol)
}

/// Where a client of the first cohort goes: to the first room that the scenario names, since a server may
/// know no others; else to one of its own.
pub fn room(scenario: &Scenario, its_own: String) -> String {
    let join = scenario.cohorts.first().and_then(|cohort| cohort.join.as_ref());
    let set = join.and_then(|join| scenario.room_sets.get(join.set));
    match set.map(|set| &set.rooms) {
        Some(RoomCount::Names(names)) => names.first().cloned().unwrap_or(its_own),
        _ => its_own,
    }
}

/// A client of the first cohort, connecting to this URL.
pub fn person(plan: &Plan, client: u32, run: u32, url: &str) -> Person {
    let cohort = plan.scenario.cohorts.first();
    let setting = cohort.map(|cohort| client::setting(&plan.scenario, cohort, url));
    client::person(plan, client, run_name(run).into(), Arc::new(setting.unwrap_or_default()))
}

/// A cohort's first client.
pub(super) fn first_of(plan: &Plan, cohort: &Cohort, run: u32, url: &str) -> Person {
    let at = plan.scenario.cohorts.iter().position(|known| std::ptr::eq(known, cohort));
    let client = at.map_or(0, |at| plan.first_client(at));
    let setting = client::setting(&plan.scenario, cohort, url);
    client::person(plan, client, run_name(run).into(), Arc::new(setting))
}
