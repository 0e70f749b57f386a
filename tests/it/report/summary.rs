//! The terminal summary, as a person sees it.

use uproar::measure::{EXAMPLE_MAX, ExampleOf};
use uproar::report::summary::{Place, Style, render};
use uproar::report::{Reason, Severity};

use super::samples;

const PLACE: Place<'_> = Place::At("reports/chat-rooms-20260314T091500Z/report.html");

#[test]
fn every_ending_has_its_summary() {
    for (name, report) in samples::all() {
        insta::assert_snapshot!(name, render(&report, PLACE, Style::terminal(90, false)));
    }
}

#[test]
fn elsewhere_nothing_is_left_out() {
    let mut report = samples::huge();
    // As long as a run keeps them.
    report.errors.iter_mut().for_each(|error| error.example.truncate(EXAMPLE_MAX));
    let text = render(&report, PLACE, Style::default());
    assert!(!text.contains("more in report.json") && !text.contains('…'), "{text}");
    let named = |name: &str| text.contains(name);
    for threshold in &report.thresholds {
        assert!(named(&threshold.metric), "{}", threshold.metric);
    }
    for phase in report.phases.iter().filter(|phase| phase.measured) {
        assert!(named(&phase.name), "{}", phase.name);
    }
    for error in &report.errors {
        assert!(named(&error.example[..40.min(error.example.len())]), "{}", error.example);
    }
    insta::assert_snapshot!("whole", render(&samples::acknowledged(), PLACE, Style::default()));
}

#[test]
fn the_first_word_is_the_verdict() {
    for (name, report) in samples::all() {
        let text = render(&report, PLACE, Style::default());
        let first = text.split_whitespace().next().unwrap();
        assert_eq!(first, report.verdict.state.word(), "{name}");
    }
}

#[test]
fn only_the_verdict_is_coloured() {
    for (name, report) in samples::all() {
        let plain = render(&report, PLACE, Style::default());
        let colored = render(&report, PLACE, Style { color: true, ..Style::default() });
        let word = report.verdict.state.word();
        let start = colored.find(word).unwrap();
        assert!(colored.starts_with("\u{1b}[1;3"), "{name}");
        let rest = &colored[start + word.len()..];
        assert_eq!(rest.replacen("\u{1b}[0m", "", 1), plain[word.len()..], "{name}");
    }
}

#[test]
fn a_report_that_was_not_written_is_said_so() {
    let place = Place::NotWritten("No space left on device\n(os error 28)");
    let text = render(&samples::passed(), place, Style::default());
    assert!(
        text.ends_with("report      not written: No space left on device\\n(os error 28)\n"),
        "{text}"
    );
    let text = render(&samples::passed(), Place::Unnamed, Style::default());
    assert!(!text.contains("\nreport "), "{text}");
}

#[test]
fn a_long_path_can_be_copied_whole() {
    let path = format!("{}report.html", "deep/".repeat(100));
    for style in [Style::default(), Style::terminal(80, false)] {
        let text = render(&samples::passed(), Place::At(&path), style);
        assert!(text.ends_with(&format!("\nreport      {path}\n")), "{text}");
    }
}

#[test]
fn what_explains_is_whole_on_the_narrowest_terminal() {
    let mut report = samples::acknowledged();
    report.errors.clone_from(&samples::unreachable().errors);
    let words = |word: &str| format!("{}end-of-{word}", format!("{word} ").repeat(60));
    report.validity.reasons = (0..9)
        .map(|n| Reason {
            severity: Severity::Suspect,
            what: words(&format!("reason{n}")),
            measured: String::new(),
            limit: String::new(),
            remedy: String::new(),
        })
        .collect();
    report.errors[0].example = words("error");
    report.examples[0].example = words("frame");
    report.examples[0].of = ExampleOf::Unmatched;
    for columns in [1, 60, 80, 500] {
        let text = render(&report, PLACE, Style::terminal(columns, false));
        let ends: Vec<_> = text.match_indices("end-of-").map(|(at, _)| at).collect();
        assert_eq!(ends.len(), 11, "{text}");
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= columns.clamp(60, 100), "{widest} columns:\n{text}");
        let latencies = text.find("p99.9").unwrap();
        assert!(ends.iter().all(|at| *at < latencies), "before what is healthy: {text}");
    }
}

#[test]
fn a_sum_that_is_wrong_does_not_look_right() {
    let mut report = samples::passed();
    report.publishes.not_sent = 1;
    report.deliveries.lost = Some(2);
    let text = render(&report, PLACE, Style::default());
    assert!(text.contains("60,000 due ≠ 60,000 sent + 1 not sent"), "{text}");
    assert!(text.contains("1,197,740 expected ≠ 1,197,740 delivered + 2 lost"), "{text}");
}

#[test]
fn a_closed_loop_is_labelled() {
    let mut report = samples::passed();
    report.closed_loop = vec!["askers".to_owned()];
    let text = render(&report, PLACE, Style::default());
    assert!(text.contains("closed loop (askers): latencies hide server stalls"), "{text}");
}

#[test]
fn one_failed_threshold_is_seen_behind_a_hundred_that_hold() {
    let mut report = samples::passed();
    let holds = report.thresholds[0].clone();
    report.thresholds.extend(std::iter::repeat_n(holds, 100));
    let last = report.thresholds.last_mut().unwrap();
    last.metric = "cohort.talkers.delivery.p50".to_owned();
    last.passed = false;
    let text = render(&samples::decided(report), PLACE, Style::default());
    let first = text.lines().next().unwrap();
    assert!(first.contains("1 of 102 thresholds: cohort.talkers.delivery.p50"), "{text}");
    assert!(text.contains("thresholds  fail  cohort.talkers.delivery.p50"), "{text}");
}
