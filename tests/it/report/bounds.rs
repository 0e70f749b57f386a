//! What holds for every report, however large or odd.

use proptest::prelude::*;
use uproar::measure::{EXAMPLE_MAX, Hist, encode};
use uproar::metric::Metric;
use uproar::report::json::{from_json, to_json};
use uproar::report::markdown::to_markdown;
use uproar::report::summary::{COLUMNS, LINES, Place, Style, render};
use uproar::report::{
    CloseGroup, CohortFigures, ErrorGroup, Example, Latency, PhaseFigures, Report, RuleFigures,
    SeriesPoint, Side, SpreadFigures,
};

use super::markdown::LINES_MAX;
use super::{any, samples};

/// What `report.json` may take at most, bytes.
const JSON_MAX: usize = 5_000_000;

/// Lines that explain what went wrong: those that fail, reasons, and what went wrong on connections.
fn explaining(report: &Report) -> usize {
    let failed = report.thresholds.iter().filter(|threshold| !threshold.passed).count();
    let rows =
        report.errors.len().min(4) + report.examples.len().min(4) + report.limits_hit.len().min(4);
    // None has more than 2,000 columns.
    (failed + report.validity.reasons.len() + rows + 2) * (2_000 / (COLUMNS - 30))
}

/// Lines of the summary on a terminal, with what every summary must obey checked.
fn summary(report: &Report) -> Vec<String> {
    let text = render(report, Place::At("reports/x/report.html"), Style::terminal(COLUMNS, false));
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert!(lines.len() <= LINES + explaining(report), "{} lines:\n{text}", lines.len());
    for line in &lines {
        let columns = unicode_width::UnicodeWidthStr::width(line.as_str());
        assert!(columns <= COLUMNS, "{columns} columns: {line}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert_eq!(line.trim_end(), line, "no blanks at the end");
    }
    assert!(text.starts_with(report.verdict.state.word()));
    assert!(text.ends_with("\nreport      reports/x/report.html\n"), "{text}");
    lines
}

/// The numbers of a line such as `3 due = 2 sent + 1 not sent`.
fn numbers(line: &str) -> Vec<u64> {
    line.split(' ').filter_map(|word| word.replace(',', "").parse().ok()).collect()
}

#[test]
fn samples_fit() {
    for (_, report) in samples::all() {
        summary(&report);
    }
}

#[test]
fn a_large_report_stays_under_5_mb() {
    let report = large();
    let json = to_json(&report).unwrap();
    assert!(json.len() <= JSON_MAX, "{} bytes", json.len());
    assert_eq!(from_json(&json).unwrap(), report);
}

/// Far larger than any scenario that ships, with every bounded list at its bound: points of the
/// series, sizes of rooms, kinds of closes, examples of errors; and histograms full of latencies.
pub(super) fn large() -> Report {
    const COHORTS: usize = 40;
    let mut spread = Hist::default();
    let mut us = 1.0_f64;
    while us < 3.6e9 {
        spread.record(us as u64);
        us *= 1.001;
    }
    // Each second of the series with every latency from 50 µs to half a minute.
    let mut second = Hist::with_digits(2);
    (0..).map(|n| 50.0 * 1.003_f64.powi(n)).take_while(|us| *us < 3e7).for_each(|us| {
        second.record(us as u64);
    });
    let figures = || Latency::figures(spread.inner());
    let name = |i: usize| format!("a-name-of-some-length-{i}");
    let mut report = samples::huge();
    report.latency = Metric::ALL
        .into_iter()
        .map(|metric| (metric, Latency::of_metric(metric, spread.inner())))
        .collect();
    let by_metric = Metric::ALL.into_iter().map(|metric| (metric, figures())).collect();
    let deliveries = report.deliveries;
    let cohort = CohortFigures {
        codec: "binary".to_owned(),
        deliveries,
        latency: by_metric,
        clients: 25_000,
        ..CohortFigures::default()
    };
    report.cohorts =
        (0..COHORTS).map(|i| CohortFigures { name: name(i), ..cohort.clone() }).collect();
    let phase = PhaseFigures {
        deliveries,
        delivery: Some(figures()),
        delivery_from_sent: Some(figures()),
        ..PhaseFigures::default()
    };
    report.phases = (0..100).map(|i| PhaseFigures { name: name(i), ..phase.clone() }).collect();
    let sizes = SpreadFigures {
        first: figures(),
        last: figures(),
        spread: figures(),
        ..report.spread_by_size[0]
    };
    report.spread_by_size = vec![sizes; 18];
    let point = SeriesPoint {
        phase: name(0),
        delivery_p50_us: Some(u64::MAX),
        delivery_p99_us: Some(u64::MAX),
        delivery_from_sent_p50_us: Some(u64::MAX),
        delivery_from_sent_p99_us: Some(u64::MAX),
        lag_p99_us: Some(u64::MAX),
        delivery_hdr: encode(second.inner()),
        faults: vec!["reset".to_owned()],
        ..SeriesPoint::default()
    };
    let second = |i: u32| SeriesPoint { t_s: f64::from(i), width_s: 1.0, ..point.clone() };
    report.series = (0..600).map(second).collect();
    let fault = report.faults[0].clone();
    report.faults = vec![fault; 200];
    let closes =
        CloseGroup { code: Some(1000), reason: "x".repeat(123), by: Side::Server, count: 1 };
    report.closes = vec![closes; 64];
    // Every kind of error there is, at the step where most can happen, in every cohort.
    let error = ErrorGroup { example: "x".repeat(EXAMPLE_MAX), ..report.errors[0].clone() };
    report.errors = vec![error; 13 * COHORTS];
    // Six kinds of frames and corrupted deliveries, and the most names of ignored frames.
    let example = Example { name: Some(name(0)), ..report.examples[0].clone() };
    report.examples = vec![example; 6 + 65];
    report.rules = vec![
        RuleFigures {
            protocol: name(0),
            rule: name(1),
            when: "x".repeat(EXAMPLE_MAX),
            frames: 0
        };
        256
    ];
    report
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_report_fits_and_adds_up(report in any::report()) {
        let lines = summary(&report);
        let publishes = lines.iter().find(|line| line.starts_with("publishes"));
        let due = report.publishes.due;
        prop_assert_eq!(publishes.is_some(), due > 0);
        if let Some(line) = publishes {
            prop_assert!(line.contains(" due = "), "{}", line);
            let [whole, one, other] = numbers(line)[..] else { panic!("{line}") };
            prop_assert_eq!((whole, whole), (due, one + other));
        }
        let deliveries = lines.iter().find(|line| line.starts_with("deliveries"));
        prop_assert_eq!(deliveries.is_some(), report.clients.joined > 0);
        if let (Some(line), Some(expected)) = (deliveries, report.deliveries.expected) {
            prop_assert!(line.contains(" expected = "), "{}", line);
            let [whole, one, other] = numbers(line)[..] else { panic!("{line}") };
            prop_assert_eq!((whole, whole), (expected, one + other));
        }
    }

    #[test]
    fn any_report_survives_json_and_renders_as_markdown(report in any::report()) {
        prop_assert_eq!(&from_json(&to_json(&report).unwrap()).unwrap(), &report);
        let text = to_markdown(&report);
        prop_assert!(text.lines().count() <= LINES_MAX);
        prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
    }
}
