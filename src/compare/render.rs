//! A comparison as text for a terminal, as Markdown for a pull request, and as a page.

use super::model::{Comparison, Kind, Outcome, Row, State};
use super::table::{
    CELL, RUN_COLUMNS, aligned, in_short, run_cells, runs_in_markdown, runs_in_text, wrapped,
};
use super::words::{signed, spread, value};
use crate::report::Exit;
use crate::report::escape::{escape_markdown, escape_terminal};
use crate::report::html::{Part, Sheet, to_sheet};
use crate::units::format::number;

/// The longest name of a side that is shown.
const NAME_COLUMNS: usize = 40;
/// The longest sentence: it may quote a server.
const SENTENCE: usize = 600;

/// The comparison's one sentence, behind its word.
fn sentence(comparison: &Comparison) -> String {
    format!("{}: {}", comparison.verdict.state.word(), comparison.verdict.sentence)
}

fn verdict(row: &Row) -> &'static str {
    match (row.state, row.kind) {
        (State::Worse, _) => "worse",
        (State::Gone, _) => "gone",
        (State::WorseCoarsely, _) => "worse (coarse)",
        (State::Higher, Kind::Told) => "higher",
        (State::Higher, _) => "within tolerance",
        (State::Lower, _) => "lower",
        (State::Same, _) => "same",
        (State::Unclear, _) => "unclear",
        (State::Inconclusive, Kind::Told) => "",
        (State::Inconclusive, Kind::MustBeZero) => "unknown",
        (State::Inconclusive, Kind::Decides) => "too few runs",
        (State::Unknown, _) => "-",
    }
}

fn tolerance(row: &Row) -> String {
    match (row.tolerance, row.kind) {
        (None, Kind::MustBeZero) => "none".to_owned(),
        (None, _) => "not judged".to_owned(),
        (Some(of), _) if of.absolute > 0.0 => {
            format!("{} %, {}", number(of.relative * 100.0), value(of.absolute, row.is_time))
        }
        (Some(of), _) => format!("{} %", number(of.relative * 100.0)),
    }
}

/// A row's cells, the figure's name first.
fn cells(row: &Row) -> [String; 7] {
    [
        row.figure.clone(),
        spread(row.base.as_ref(), row.is_time),
        spread(row.new.as_ref(), row.is_time),
        row.change.map_or_else(|| "-".to_owned(), signed),
        tolerance(row),
        row.p.map_or_else(|| "-".to_owned(), |p| format!("{p:.3}")),
        verdict(row).to_owned(),
    ]
}

const HEAD: [&str; 7] = ["", "base", "new", "change", "tolerance", "p", ""];
/// Columns that a narrow terminal goes without: tolerance, then p.
const SPARE: [usize; 2] = [4, 5];

/// What is said of a side's runs.
fn short(comparison: &Comparison, side: &str) -> String {
    in_short(comparison.runs.iter().filter(|run| run.side == side))
}

/// What a terminal shows, in 80 columns.
#[must_use]
pub fn to_text(comparison: &Comparison) -> String {
    let mut text = wrapped(&escape_terminal(&sentence(comparison), SENTENCE));
    for (what, name, side) in [("base", &comparison.base, "base"), ("new ", &comparison.new, "new")]
    {
        let name = escape_terminal(name, NAME_COLUMNS);
        text.push_str(&format!("{what}  {name} ({})\n", short(comparison, side)));
    }
    let runs = runs_in_text(&comparison.runs);
    if !runs.is_empty() {
        text.push('\n');
        text.push_str(&runs);
    }
    let head = std::iter::once(HEAD.map(str::to_owned).to_vec());
    let rows: Vec<Vec<String>> =
        head.chain(comparison.rows.iter().map(|row| cells(row).to_vec())).collect();
    text.push('\n');
    text.push_str(&aligned(&rows, &SPARE));
    text.push('\n');
    for line in remarks(comparison) {
        text.push_str(&wrapped(&escape_terminal(&line, SENTENCE)));
    }
    text
}

fn remarks(comparison: &Comparison) -> Vec<String> {
    let mut lines: Vec<String> = comparison.advisory.iter().cloned().collect();
    lines.extend(comparison.notes.iter().map(|note| format!("note: {note}")));
    let tolerated = comparison.rows.iter().filter(|row| row.tolerance.is_some());
    let tolerated: Vec<String> = tolerated
        .map(|row| format!("{} {}", row.figure, tolerance(row).replace(", ", " or ")))
        .collect();
    if !tolerated.is_empty() {
        lines.push(format!("tolerated: {}; of what must be 0 no rise", tolerated.join(", ")));
    }
    lines.push(
        "times are medians of runs, ± half of how far runs lie apart; counts are of all runs together; \
         p: how probable a change like this is by chance (exact rank test, all rows together)"
            .to_owned(),
    );
    lines
}

/// The comparison that a page of several looks like: the gravest.
fn gravest(comparisons: &[Comparison]) -> Option<&Comparison> {
    let gravity = |comparison: &&Comparison| match comparison.verdict.state {
        Outcome::Regressed => 5,
        Outcome::Failed => 4,
        Outcome::Inconclusive if comparison.verdict.exit != Exit::Passed => 3,
        Outcome::WorseAdvisory => 2,
        Outcome::Inconclusive => 1,
        Outcome::Same => 0,
    };
    // The first of equals.
    comparisons.iter().rev().max_by_key(gravity)
}

/// A page with one table a comparison. The gravest decides what it looks like.
#[must_use]
pub fn to_html(title: &str, comparisons: &[Comparison]) -> String {
    let gravest = gravest(comparisons).map(|comparison| &comparison.verdict);
    let parts = comparisons.iter().flat_map(|comparison| {
        let figures = Part {
            charts: Vec::new(),
            heading: format!(
                "{} ({}) and {} ({})",
                comparison.base,
                short(comparison, "base"),
                comparison.new,
                short(comparison, "new")
            ),
            columns: &["figure", ">base", ">new", ">change", ">tolerance", ">p", "verdict"],
            rows: comparison.rows.iter().map(|row| cells(row).to_vec()).collect(),
            remarks: remarks(comparison),
        };
        let runs = Part {
            charts: Vec::new(),
            heading: "Each run".to_owned(),
            columns: &RUN_COLUMNS,
            rows: comparison.runs.iter().map(|run| run_cells(run).to_vec()).collect(),
            remarks: Vec::new(),
        };
        [figures, runs]
    });
    to_sheet(&Sheet {
        look: match gravest.map(|verdict| verdict.state) {
            Some(Outcome::Regressed | Outcome::Failed) => "bad",
            Some(Outcome::WorseAdvisory) => "warn",
            Some(Outcome::Same) => "good",
            Some(Outcome::Inconclusive) | None => "plain",
        },
        word: gravest.map_or("", |verdict| verdict.state.word()).to_owned(),
        title: title.to_owned(),
        sentence: gravest.map_or_else(String::new, |verdict| verdict.sentence.clone()),
        parts: parts.collect(),
    })
}

/// What a pull request shows.
#[must_use]
pub fn to_markdown(comparison: &Comparison) -> String {
    let mut text = format!(
        "**{}**\n\nbase {} ({}), new {} ({})\n\n",
        escape_markdown(&sentence(comparison), SENTENCE),
        escape_markdown(&comparison.base, CELL),
        short(comparison, "base"),
        escape_markdown(&comparison.new, CELL),
        short(comparison, "new"),
    );
    text.push_str("| figure | base | new | change | tolerance | p | |\n");
    text.push_str("| --- | ---: | ---: | ---: | ---: | ---: | --- |\n");
    for row in &comparison.rows {
        let cells = cells(row).map(|cell| escape_markdown(&cell, CELL));
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text.push('\n');
    for line in remarks(comparison) {
        text.push_str(&format!("- {}\n", escape_markdown(&line, SENTENCE)));
    }
    text.push_str(&runs_in_markdown(&comparison.runs));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Options, Runs, compare, default_gates};
    use crate::metric::Metric;
    use crate::report::escape::columns;
    use crate::report::{Latency, Report, VerdictState};

    fn side(name: &str, p50s: &[u64]) -> Runs {
        let report = |p50: &u64| {
            let mut report = Report::default();
            let latency = Latency { p50: Some(*p50), ..Latency::default() };
            report.latency.insert(Metric::Delivery, latency);
            report.deliveries.expected = Some(2_510);
            report.deliveries.lost = Some(0);
            report.verdict.state = VerdictState::Passed;
            report.verdict.sentence = "both thresholds hold".to_owned();
            report
        };
        Runs { name: name.to_owned(), missing: 0, reports: p50s.iter().map(report).collect() }
    }

    fn compared(names: [&str; 2]) -> Comparison {
        let (base, new) =
            (side(names[0], &[300, 310, 290, 305]), side(names[1], &[400, 410, 390, 1_405]));
        let gates = default_gates(&base.reports);
        compare(&base, &new, &gates, Options::default()).unwrap()
    }

    #[test]
    fn each_state_has_its_word_and_each_tolerance_its_figures() {
        let with = |state, kind| {
            let row = compared(["base", "new"]).rows.remove(0);
            Row { state, kind, ..row }
        };
        for (state, kind, word) in [
            (State::Worse, Kind::MustBeZero, "worse"),
            (State::Gone, Kind::Decides, "gone"),
            (State::WorseCoarsely, Kind::Decides, "worse (coarse)"),
            (State::Higher, Kind::Told, "higher"),
            (State::Higher, Kind::Decides, "within tolerance"),
            (State::Lower, Kind::Told, "lower"),
            (State::Same, Kind::Told, "same"),
            (State::Unclear, Kind::Decides, "unclear"),
            (State::Inconclusive, Kind::Told, ""),
            (State::Inconclusive, Kind::MustBeZero, "unknown"),
            (State::Inconclusive, Kind::Decides, "too few runs"),
            (State::Unknown, Kind::Decides, "-"),
        ] {
            assert_eq!(verdict(&with(state, kind)), word, "{state:?} {kind:?}");
        }
        let of = |relative, absolute| Some(crate::gate::Tolerance { relative, absolute });
        for (given, kind, is_time, words) in [
            (None, Kind::MustBeZero, false, "none"),
            (None, Kind::Told, true, "not judged"),
            (of(0.1, 0.0), Kind::Decides, true, "10 %"),
            (of(0.1, 2_000.0), Kind::Decides, true, "10 %, 2.00 ms"),
            (of(0.025, 5.0), Kind::Decides, false, "2.5 %, 5"),
        ] {
            let row = Row { tolerance: given, is_time, ..with(State::Same, kind) };
            assert_eq!(tolerance(&row), words);
        }
    }

    #[test]
    fn a_page_looks_like_its_gravest_comparison() {
        use Outcome::{Failed, Inconclusive, Regressed, Same, WorseAdvisory};
        let by_gravity = [
            (Same, Exit::Passed, "good"),
            (Inconclusive, Exit::Passed, "plain"),
            (WorseAdvisory, Exit::Passed, "warn"),
            (Inconclusive, Exit::Invalid, "plain"),
            (Failed, Exit::Failed, "bad"),
            (Regressed, Exit::Failed, "bad"),
        ];
        let all: Vec<Comparison> = by_gravity
            .iter()
            .map(|(state, exit, _)| {
                let mut comparison = compared(["base", "new"]);
                (comparison.verdict.state, comparison.verdict.exit) = (*state, *exit);
                comparison.verdict.sentence = format!("{state:?}, {exit:?}");
                comparison
            })
            .collect();
        for at in 0..all.len() {
            // Whatever comes before or after it, as long as that is less grave.
            let mut less: Vec<Comparison> = all[..at].to_vec();
            less.insert(at / 2, all[at].clone());
            let verdict = gravest(&less).map(|comparison| &comparison.verdict);
            assert_eq!(verdict, Some(&all[at].verdict));
            let page = to_html("chat", &less);
            let (state, exit, look) = by_gravity[at];
            assert!(page.contains(&format!("<header class=\"{look}\">")), "{look}: {page}");
            assert!(page.contains(&format!("{state:?}, {exit:?}")), "{page}");
            assert!(page.contains(state.word()), "{page}");
        }
        // The first of equals.
        let mut second = all[0].clone();
        second.verdict.sentence = "second".to_owned();
        let same = [all[0].clone(), second];
        assert_eq!(gravest(&same).unwrap().verdict.sentence, "Same, Passed");
        assert!(to_html("chat", &[]).contains("<header class=\"plain\">"));
    }

    #[test]
    fn what_is_to_be_known_follows_the_table() {
        let mut comparison = compared(["base", "new"]);
        comparison.advisory = Some("only told".to_owned());
        comparison.notes = vec!["one".to_owned(), "two".to_owned()];
        let lines = remarks(&comparison);
        let tolerated = "tolerated: delivery.p50 10 % or 20 us; of what must be 0 no rise";
        assert_eq!(lines[..4], ["only told", "note: one", "note: two", tolerated]);
        assert_eq!(lines.len(), 5);
        // Nothing is tolerated where nothing decides.
        comparison.rows.retain(|row| row.tolerance.is_none());
        assert_eq!(remarks(&comparison).len(), 4);
        assert_eq!(short(&comparison, "base"), "4 runs, all passed");
        comparison.runs[0].standing = crate::compare::Standing::Failed;
        assert_eq!(short(&comparison, "base"), "4 runs: 3 passed, 1 FAILED");
        assert_eq!(short(&comparison, "new"), "4 runs, all passed");
    }

    #[test]
    fn a_comparison_for_a_terminal() {
        insta::assert_snapshot!(to_text(&compared(["base", "new"])));
    }

    /// Five runs that lost a third, one of which could not be judged.
    #[test]
    fn a_comparison_that_lost_for_a_terminal_for_markdown_and_for_github() {
        let mut new = side("new", &[300, 310, 290, 305, 295]);
        for report in &mut new.reports {
            report.deliveries.lost = Some(753);
            report.verdict.state = VerdictState::Failed;
            report.verdict.sentence = "1 of 2 thresholds: lost was 753, should be 0".to_owned();
        }
        new.reports[4].verdict.state = VerdictState::Invalid;
        new.reports[4].verdict.sentence =
            "the generator was the bottleneck: worker 2 at 99 % of a core, limit 95 %; remedy: fewer \
             clients, or more workers"
                .to_owned();
        let base = side("base", &[300, 310, 290, 305, 295]);
        let gates = default_gates(&base.reports);
        let comparison = compare(&base, &new, &gates, Options::default()).unwrap();
        let text = to_text(&comparison);
        assert!(text.lines().all(|line| columns(line) <= 80), "{text}");
        insta::assert_snapshot!("lost_text", text);
        insta::assert_snapshot!("lost_markdown", to_markdown(&comparison));
        let annotations = crate::compare::to_annotations(&comparison);
        insta::assert_snapshot!("lost_github", annotations);
        let same = compare(&base, &base, &gates, Options::default()).unwrap();
        assert_eq!(crate::compare::to_annotations(&same), "");
    }

    #[test]
    fn names_of_any_kind_stay_text_everywhere() {
        let names = ["<script>|\u{1b}[0m", "a\nb `c` [d](e)"];
        let comparison = compared(names);
        let text = to_text(&comparison);
        assert!(!text.contains('\u{1b}') && text.lines().all(|line| columns(line) <= 80), "{text}");
        let markdown = to_markdown(&comparison);
        assert!(markdown.contains("\\<script\\>") && !markdown.contains("[d](e)"), "{markdown}");
        let html = to_html("x</title><script>", &[comparison]);
        // The page's own, and no other.
        assert_eq!(html.matches("<script").count(), 1, "{html}");
        assert!(html.contains("&lt;script&gt;"));
    }
}
