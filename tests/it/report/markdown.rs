//! `report.md`, as a pull request shows it.

use uproar::report::markdown::to_markdown;

use super::samples;

/// With every list longer than is shown.
pub(super) const LINES_MAX: usize = 99;

#[test]
fn every_ending_has_its_markdown() {
    for (name, report) in samples::all() {
        insta::assert_snapshot!(name, to_markdown(&report));
    }
}

#[test]
fn it_stays_short_and_its_tables_whole() {
    for (name, report) in samples::all() {
        let text = to_markdown(&report);
        assert!(text.lines().count() <= LINES_MAX, "{name}: {text}");
        for row in text.lines().filter(|line| line.starts_with('|')) {
            let bars = row.replace("\\|", "").matches('|').count();
            assert!([5, 8, 9].contains(&bars), "{name}: {row}");
        }
        let ours = ["<details>", "</details>", "<summary>", "</summary>", "\\<"];
        let rest = ours.iter().fold(text.clone(), |text, ours| text.replace(ours, ""));
        assert!(!rest.contains('<'), "{name}: {text}");
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
        let before = text.split("<details>").next().unwrap();
        let facts = before.lines().filter(|line| line.starts_with("- ")).count();
        assert!(facts <= if name == "passed" { 10 } else { 24 }, "{name}: {text}");
    }
}
