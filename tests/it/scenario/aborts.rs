//! Which figures can end a run early: one that can't have failed before the end is refused.

use uproar::metric::{Counter, Metric, Rate, Share};
use uproar::scenario::{Milestone, Overrides, read};

use super::{LEAST, complaint, source};

fn with_threshold(key: &str, condition: &str) -> String {
    format!("{LEAST}[thresholds]\n\"{key}\" = {{ is = \"{condition}\", abort_after = \"2s\" }}\n")
}

/// Whether `abort_after` is taken, for a limit from above, one from below, and an exact one.
fn taken(key: &str, limit: &str) -> [bool; 3] {
    ["<", ">=", "=="].map(|sign| {
        let text = with_threshold(key, &format!("{sign} {limit}"));
        match read(&source(&text), &Overrides::default()) {
            Ok(scenario) => {
                let threshold = &scenario.thresholds[0];
                assert_eq!((&*threshold.key, threshold.abort_after.is_some()), (key, true));
                true
            }
            Err(_) => {
                let said = complaint(&text, &Overrides::default());
                assert!(said.contains(&format!("`{key}` can't end a run early")), "{said}");
                assert!(said.contains("remove `abort_after`"), "{said}");
                false
            }
        }
    })
}

/// Known at the end only; every other counter rises.
const AT_THE_END: [&str; 5] = [
    "unfinished",
    "publishes.unacked",
    "clients.never_joined",
    "clients.not_back",
    "clients.stood_still",
];

#[test]
fn counters_end_a_run_from_above_unless_they_are_known_at_the_end() {
    for (_, name) in Counter::ALL {
        let expected = if AT_THE_END.contains(&name) { [false; 3] } else { [true, false, true] };
        assert_eq!(taken(name, "100"), expected, "{name}");
    }
}

#[test]
fn shares_end_a_run_by_what_they_are_so_far_and_rates_are_known_at_the_end() {
    for (_, name) in Share::ALL {
        let at_the_end = name.strip_suffix(".share").is_some_and(|name| AT_THE_END.contains(&name));
        assert_eq!(taken(name, "10%"), [!at_the_end; 3], "{name}");
    }
    for (_, name) in Rate::ALL {
        assert_eq!(taken(name, "10/s"), [false; 3], "{name}");
    }
}

#[test]
fn latencies_end_a_run_by_what_they_are_so_far() {
    for metric in Metric::ALL.map(Metric::name) {
        for stat in ["p50", "p99.9", "mean"] {
            assert_eq!(taken(&format!("{metric}.{stat}"), "250ms"), [true; 3], "{metric}.{stat}");
        }
        assert_eq!(taken(&format!("{metric}.max"), "250ms"), [true, false, true], "{metric}");
        assert_eq!(taken(&format!("{metric}.count"), "250"), [true, false, true], "{metric}");
        assert_eq!(taken(&format!("{metric}.min"), "250ms"), [false, true, true], "{metric}");
    }
}

#[test]
fn recoveries_are_known_at_the_end() {
    for (_, name) in Milestone::ALL {
        assert_eq!(taken(name, "10s"), [false; 3], "{name}");
    }
}

#[test]
fn what_is_said_of_those_that_cannot() {
    let said: Vec<_> = [
        ("delivered", "> 100"),
        ("delivery.min", "< 5ms"),
        ("clients.never_joined", "== 0"),
        ("publishes.unacked", "< 5"),
        ("recovery.to_all", "< 10s"),
    ]
    .iter()
    .map(|(key, condition)| complaint(&with_threshold(key, condition), &Overrides::default()))
    .collect();
    snapshot!(said.concat());
}
