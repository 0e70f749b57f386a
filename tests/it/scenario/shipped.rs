//! The scenarios that are built in keep what they promise.

use std::time::Duration;

use uproar::scenario::{Load, Overrides, Pick, RoomCount, Scenario, Source, To, builtin, read};

fn all() -> impl Iterator<Item = Scenario> {
    builtin().iter().map(|shipped| {
        let source = Source { name: shipped.name.to_owned(), text: shipped.text.to_owned() };
        let scenario = read(&source, &Overrides::default());
        scenario.unwrap_or_else(|errors| panic!("{}", super::rendered(errors)))
    })
}

#[test]
fn each_reads_and_opens_with_its_question() {
    for (shipped, scenario) in builtin().iter().zip(all()) {
        assert_eq!(shipped.name, scenario.name);
        assert_eq!(shipped.question(), scenario.question);
        assert!(scenario.question.contains('?'), "{}", shipped.name);
    }
}

#[test]
fn every_file_in_the_folder_is_built_in() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let mut names: Vec<String> =
        builtin().iter().map(|shipped| format!("{}.toml", shipped.name)).collect();
    names.sort();
    assert_eq!(files, names);
}

#[test]
fn each_is_over_in_a_minute_and_gates_something() {
    for scenario in all() {
        let total: Duration = scenario.phases.iter().map(|phase| phase.duration).sum();
        assert!(total <= Duration::from_secs(45), "{}: {total:?}", scenario.name);
        assert!(scenario.thresholds.len() > 2, "{}", scenario.name);
    }
}

#[test]
fn none_asks_more_than_two_cores_carry() {
    for scenario in all() {
        let predicted = deliveries_per_s(&scenario);
        assert!((1_000.0..=40_000.0).contains(&predicted), "{}: {predicted}", scenario.name);
    }
}

/// Deliveries a second at full strength: for each room, what is published to it times who is
/// in it. Zipf memberships are counted as if drawn with replacement, which puts more people in
/// the first rooms than there will be.
fn deliveries_per_s(scenario: &Scenario) -> f64 {
    let clients: f64 = scenario.cohorts.iter().map(|cohort| f64::from(cohort.clients)).sum();
    let published = |cohort: &uproar::scenario::Cohort| {
        cohort.publish.as_ref().map_or(0.0, |publish| {
            assert_eq!(publish.to, To::One);
            match publish.load {
                Load::Rate(rate) => rate * f64::from(cohort.clients),
                Load::TotalRate(rate) => rate,
                Load::Closed { .. } => panic!("a closed loop predicts nothing"),
            }
        })
    };
    let total: f64 = scenario.cohorts.iter().map(published).sum();
    match scenario.target.protocol.name() {
        "echo" => return total,
        "broadcast" => return total * clients,
        // An update every 100 ms is the server's default.
        "feed" => return clients * 10.0,
        _ => {}
    }
    let mut sum = 0.0;
    for (index, set) in scenario.room_sets.iter().enumerate() {
        let members = |cohort: &uproar::scenario::Cohort| {
            cohort
                .join
                .as_ref()
                .filter(|join| join.set == index)
                .map_or(0.0, |join| f64::from(cohort.clients) * f64::from(join.per_client))
        };
        let all: f64 = scenario.cohorts.iter().map(members).sum();
        let rooms = match &set.rooms {
            RoomCount::Size(size) => (all / f64::from(*size)).ceil(),
            RoomCount::Count(count) => f64::from(*count),
            RoomCount::Names(_) => panic!("none is shipped with a file of names"),
        };
        let share = |cohort: &uproar::scenario::Cohort, room: f64| match cohort
            .join
            .as_ref()
            .map(|join| join.pick)
        {
            Some(Pick::Zipf { exponent }) => {
                let weight = |k: f64| k.powf(-exponent);
                let whole: f64 = (1..=rooms as u32).map(|k| weight(f64::from(k))).sum();
                weight(room) / whole
            }
            _ => 1.0 / rooms,
        };
        for room in (1..=rooms as u32).map(f64::from) {
            let heard: f64 =
                scenario.cohorts.iter().map(|cohort| members(cohort) * share(cohort, room)).sum();
            let said: f64 = scenario
                .cohorts
                .iter()
                .filter(|cohort| cohort.join.as_ref().is_some_and(|join| join.set == index))
                .map(|cohort| published(cohort) * share(cohort, room))
                .sum();
            sum += heard * said;
        }
    }
    sum
}
