//! Runs that end before their plan does.

use uproar::report::{EarlyCause, VerdictState};

use super::support::{folder_with, run, say};

/// Echoes, for longer than any test waits.
fn scenario(thresholds: &str) -> String {
    format!(
        r#"
        [target]
        builtin = "echo"
        drain_timeout = "1s"
        [[cohort]]
        name = "people"
        clients = 10
        publish = {{ rate = "20/s" }}
        [[phase]]
        name = "steady"
        duration = "50s"
        [thresholds]
        {thresholds}
        "#
    )
}

#[test]
fn a_threshold_ends_the_run_and_fails_it() {
    // No message is that fast, and the second one holds.
    let thresholds = r#"
        "delivery.p50" = { is = "< 10us", abort_after = "1s" }
        "publishes.sent" = "> 1"
    "#;
    let ran = run(&scenario(thresholds), &[]);
    assert_eq!((ran.said.code, ran.report.verdict.state), (Some(1), VerdictState::Failed));
    let end = ran.report.run.ended_early.as_ref().unwrap();
    assert_eq!(
        (end.cause, end.threshold.as_deref()),
        (EarlyCause::Threshold, Some("delivery.p50"))
    );
    assert!((1.0..20.0).contains(&end.at_s), "{end:?}");
    assert!(end.actual.is_some_and(|actual| actual >= 10.0), "{end:?}");
    let said = &ran.report.verdict.sentence;
    assert!(
        said.contains("delivery.p50 was ") && said.contains(", which ended the run after "),
        "{said}"
    );
    let note = ran.report.thresholds[0].note.as_deref().unwrap_or_default();
    assert!(note.starts_with("it ended the run early, at "), "{note}");
}

#[test]
fn what_may_still_be_met_ends_no_run_and_is_refused() {
    let text = scenario(r#""delivered" = { is = "> 100", abort_after = "1s" }"#);
    let folder = folder_with(&format!("format = 1\nname = \"test\"\n{text}"));
    let said = say(folder.path(), &["run", "scenario.toml"]);
    assert_eq!(said.code, Some(2), "{}", said.all());
    assert!(said.stderr.contains("`delivered` can't end a run early"), "{}", said.stderr);
}
