//! `junit.xml`: what CI systems show as tests. Each threshold is one; so is the run itself, which
//! fails as an error where nothing could be judged.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use super::error::RenderError;
use super::escape::escape_line;
use super::sentence::{labelled, noted};
use super::{Report, ThresholdOutcome, VerdictState};

pub(super) const JUNIT_FILE: &str = "junit.xml";

/// The test case that is the run itself.
const RUN: &str = "the run can be judged";
/// Characters of a name or a message, at most.
const TEXT: usize = 400;

pub(super) fn to_junit(report: &Report) -> Result<String, RenderError> {
    let name = line(&report.scenario.name);
    let mut suite = TestSuite::new(name.as_str());
    suite.set_time(seconds(report.run.duration_s));
    suite.extra.insert("timestamp".into(), line(&report.run.started_at).into());
    let properties = [
        ("uproar", report.uproar.version.clone()),
        ("run", report.run.id.clone()),
        ("seed", report.seed.to_string()),
        ("target", report.target.url.clone()),
        ("protocol", report.target.protocol.clone()),
        ("verdict", report.verdict.state.word().to_owned()),
        ("validity", report.validity.state.name().to_owned()),
        ("exit_code", report.run.exit_code.to_string()),
    ];
    suite.add_properties(properties.map(|(name, value)| Property::new(name, line(&value))));
    let cases =
        report.thresholds.iter().map(|threshold| (case_name(threshold), judged(report, threshold)));
    for (case, status) in [(RUN.to_owned(), run(report))].into_iter().chain(cases) {
        let mut case = TestCase::new(case, status);
        case.set_classname(name.as_str()).set_time(seconds(report.run.measured_s));
        suite.add_test_case(case);
    }
    let reasons: Vec<_> =
        report.validity.reasons.iter().map(|reason| line(&labelled(reason))).collect();
    if !reasons.is_empty() {
        suite.set_system_out(reasons.join("\n"));
    }
    let mut junit = Junit::new("uproar");
    junit.set_time(seconds(report.run.duration_s));
    junit.add_test_suite(suite);
    Ok(junit.to_string()?)
}

/// Whether thresholds decide anything of such a run.
fn is_judged(state: VerdictState) -> bool {
    matches!(state, VerdictState::Passed | VerdictState::Failed | VerdictState::Unjudged)
}

fn run(report: &Report) -> TestCaseStatus {
    let state = report.verdict.state;
    if is_judged(state) {
        return TestCaseStatus::success();
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(state.word().to_lowercase());
    status.set_message(line(&format!("{} {}", state.word(), report.verdict.sentence)));
    status
}

fn judged(report: &Report, threshold: &ThresholdOutcome) -> TestCaseStatus {
    let found = noted(threshold);
    if !is_judged(report.verdict.state) {
        // Green would say that it holds, and red that the server is at fault.
        let mut status = TestCaseStatus::skipped();
        status.set_message(line(&format!("not judged: {found}")));
        status
    } else if threshold.passed {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("threshold");
        status.set_message(line(&found));
        status
    }
}

fn case_name(threshold: &ThresholdOutcome) -> String {
    line(&format!("{} {}", threshold.metric, threshold.condition))
}

fn line(text: &str) -> String {
    escape_line(text, TEXT)
}

/// A report that somebody wrote by hand may hold any number.
fn seconds(s: f64) -> Duration {
    Duration::try_from_secs_f64(s).unwrap_or_default()
}
