//! Deliveries of feeds, alone and beside people who publish.

use std::sync::Arc;

use super::super::*;
use crate::measure::{Counts, Feeds, Recorder, WorkerHealth};
use crate::scenario::{Overrides, Source, read};

/// Publishers first, then watchers of a feed: 10 clients each, if there are any.
fn plan(cohorts: &[&str]) -> Arc<Plan> {
    let mut text = r#"
        format = 1
        name = "told"
        [target]
        url = "ws://127.0.0.1:9/"
        protocol = "echo"
        [[phase]]
        name = "steady"
        duration = "10s"
    "#
    .to_owned();
    for protocol in cohorts {
        let publish = if *protocol == "echo" { "publish = { rate = \"1/s\" }" } else { "" };
        text += &format!(
            "[[cohort]]\nname = \"{protocol}\"\nclients = 10\nprotocol = \"{protocol}\"\n{publish}\n"
        );
    }
    let source = Source { name: "test".to_owned(), text };
    Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()))
}

fn totals(plan: Arc<Plan>, record: impl FnOnce(&mut Recorder)) -> Totals {
    let mut recorder = Recorder::new(Arc::clone(&plan));
    record(&mut recorder);
    let mut totals = Totals::new(plan, 1);
    totals.take(recorder.take(0, 1_000_000, WorkerHealth::default()));
    totals
}

/// Numbers 1 to 5 without 3, and 5 twice.
fn push(counts: &mut Counts) {
    let mut feeds = Feeds::default();
    for seq in [1, 2, 4, 5, 5] {
        counts.number(&feeds.hear(0, seq));
    }
}

#[test]
fn a_feed_beside_people_counts_for_its_cohort_and_for_the_run() {
    let totals = totals(plan(&["echo", "feed"]), |recorder| push(recorder.counts(1)));
    let told = |cohort| {
        let Deliveries { expected, delivered, lost, duplicated, .. } =
            deliveries(&totals, cohort, None);
        (expected, delivered, lost, duplicated)
    };
    assert_eq!(told(Some(0)), (Some(0), 0, Some(0), Some(0)));
    assert_eq!(told(Some(1)), (Some(5), 4, Some(1), Some(1)));
    assert_eq!(told(None), (Some(5), 4, Some(1), Some(1)));
    // Nobody there could corrupt anything.
    assert_eq!(deliveries(&totals, Some(1), None).corrupted, None);
    assert!(feed(&totals).is_some());
}

#[test]
fn there_are_no_figures_of_a_feed_where_there_is_none() {
    assert_eq!(feed(&totals(plan(&["echo"]), |_| {})), None);
}
