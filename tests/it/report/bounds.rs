//! What holds for every report, however large or odd.

use proptest::prelude::*;
use uproar::report::Report;
use uproar::report::json::{from_json, to_json};
use uproar::report::markdown::to_markdown;
use uproar::report::summary::{COLUMNS, LINES, Place, Style, render};

use super::markdown::LINES_MAX;
use super::{any, samples};

/// Lines of the summary, with what every summary must obey checked.
fn summary(report: &Report) -> Vec<String> {
    let text = render(report, Place::At("reports/x/report.html"), Style::default());
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert!(lines.len() <= LINES, "{} lines:\n{text}", lines.len());
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
