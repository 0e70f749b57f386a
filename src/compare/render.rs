//! A comparison as text for a terminal, as Markdown for a pull request, and as a page.

use super::judge::{Comparison, Row, Spread, State};
use crate::report::escape::{columns, escape_markdown, escape_terminal};
use crate::report::html::{Part, Sheet, to_sheet};
use crate::units::format::{duration_us, number};

/// The longest name of a side that is shown.
const NAME_COLUMNS: usize = 40;

/// The longest cell of a table in Markdown.
const CELL: usize = 200;

/// The comparison's one sentence.
fn sentence(comparison: &Comparison) -> String {
    let (word, what) = verdict_of(comparison);
    format!("{word}: {what}")
}

/// The verdict, and what it is of.
fn verdict_of(comparison: &Comparison) -> (&'static str, String) {
    let worst = comparison.rows.iter().find(|row| row.state.fails());
    match worst {
        None if comparison.is_coarse() => {
            ("INCONCLUSIVE", "too few runs to show a change".to_owned())
        }
        None => ("SAME", "nothing is worse beyond its tolerance".to_owned()),
        Some(row) => {
            let word = if comparison.advisory.is_some() { "WORSE, advisory" } else { "REGRESSED" };
            (word, told(row))
        }
    }
}

fn told(row: &Row) -> String {
    match (&row.base, &row.new) {
        (Some(base), Some(new)) => {
            let change = row.change.map(|change| format!(" ({})", signed(change)));
            format!(
                "{} is {}, was {}{}",
                row.figure,
                value(new.median, row.is_time),
                value(base.median, row.is_time),
                change.unwrap_or_default()
            )
        }
        _ => format!("{} is gone: no run of the new side has it", row.figure),
    }
}

fn signed(change: f64) -> String {
    format!("{:+.1} %", change * 100.0)
}

fn value(value: f64, is_time: bool) -> String {
    // Three digits: a comparison is about small differences.
    match is_time {
        true if value < 10.0 => format!("{value:.2} us"),
        true if value < 1_000.0 => format!("{value:.0} us"),
        true if value < 100_000.0 => format!("{:.2} ms", value / 1_000.0),
        true => duration_us(value.round() as u64),
        false => number(value),
    }
}

/// `0.30 ms (0.29-0.31)`: the median, and the smallest and largest of the runs.
fn spread(of: Option<&Spread>, is_time: bool) -> String {
    let Some(of) = of else { return "-".to_owned() };
    if of.runs == 1 {
        return value(of.median, is_time);
    }
    let apart = of.relative() * 100.0;
    format!("{} (±{:.0} %)", value(of.median, is_time), apart / 2.0)
}

fn verdict(row: &Row) -> &'static str {
    match (row.state, row.tolerance.is_some()) {
        (State::Worse, _) => "worse",
        (State::Gone, _) => "gone",
        (State::WorseCoarsely, _) => "worse (coarse)",
        (State::Higher, true) => "higher, within tolerance",
        (State::Higher, false) => "higher",
        (State::Lower, _) => "lower",
        (State::Same, _) => "no real difference",
        (State::Unclear, _) => "unclear: may be chance",
        (State::Inconclusive, _) => "inconclusive",
        (State::Unknown, _) => "-",
    }
}

fn tolerance(row: &Row) -> String {
    match row.tolerance {
        None => "told only".to_owned(),
        Some(of) if of.absolute > 0.0 => {
            format!("{} %, {}", number(of.relative * 100.0), value(of.absolute, row.is_time))
        }
        Some(of) => format!("{} %", number(of.relative * 100.0)),
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

fn runs(comparison: &Comparison) -> (usize, usize) {
    let most = |of: fn(&Row) -> Option<&Spread>| {
        comparison.rows.iter().filter_map(of).map(|of| of.runs).max().unwrap_or(0)
    };
    (most(|row| row.base.as_ref()), most(|row| row.new.as_ref()))
}

/// What a terminal shows.
#[must_use]
pub fn to_text(comparison: &Comparison) -> String {
    let (base_runs, new_runs) = runs(comparison);
    let mut text = format!("{}\n", sentence(comparison));
    for (what, name, runs) in
        [("base", &comparison.base, base_runs), ("new ", &comparison.new, new_runs)]
    {
        let plural = if runs == 1 { "run" } else { "runs" };
        text.push_str(&format!(
            "{what}  {} ({runs} {plural})\n",
            escape_terminal(name, NAME_COLUMNS)
        ));
    }
    let rows: Vec<[String; 7]> =
        std::iter::once(HEAD.map(str::to_owned)).chain(comparison.rows.iter().map(cells)).collect();
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(cell));
        }
    }
    text.push('\n');
    for row in &rows {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            let gap = " ".repeat(width - columns(cell));
            // Words to the left, figures to the right.
            let cell =
                if at == 0 || at == 6 { format!("{cell}{gap}") } else { format!("{gap}{cell}") };
            line.push_str(&cell);
            line.push_str("  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push('\n');
    for line in remarks(comparison) {
        for line in crate::report::summary::wrap(&line, crate::report::summary::COLUMNS, usize::MAX)
        {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

fn remarks(comparison: &Comparison) -> Vec<String> {
    let mut lines: Vec<String> = comparison.advisory.iter().cloned().collect();
    lines.extend(comparison.notes.iter().map(|note| format!("note: {note}")));
    lines.push(
        "medians of runs, ± half of how far runs lie apart; p: how probable a change like this is by \
         chance (exact rank test, all rows together)"
            .to_owned(),
    );
    lines
}

/// A page with one table a comparison. The gravest decides what it looks like.
#[must_use]
pub fn to_html(title: &str, comparisons: &[Comparison]) -> String {
    let regressed = comparisons.iter().find(|comparison| comparison.is_regressed());
    let coarse = comparisons.iter().any(Comparison::is_coarse);
    let (word, what) = regressed.or(comparisons.first()).map_or(("", String::new()), verdict_of);
    let part = |comparison: &Comparison| {
        let (base_runs, new_runs) = runs(comparison);
        Part {
            heading: format!(
                "{} ({base_runs} runs) and {} ({new_runs} runs)",
                comparison.base, comparison.new
            ),
            columns: &["figure", ">base", ">new", ">change", ">tolerance", ">p", "verdict"],
            rows: comparison.rows.iter().map(|row| cells(row).to_vec()).collect(),
            remarks: remarks(comparison),
        }
    };
    to_sheet(&Sheet {
        look: match (regressed.is_some(), coarse) {
            (true, _) => "bad",
            (false, true) => "plain",
            (false, false) => "good",
        },
        word: word.to_owned(),
        title: title.to_owned(),
        sentence: what,
        parts: comparisons.iter().map(part).collect(),
    })
}

/// What a pull request shows.
#[must_use]
pub fn to_markdown(comparison: &Comparison) -> String {
    let (base_runs, new_runs) = runs(comparison);
    let mut text = format!(
        "**{}**\n\nbase {} ({base_runs} runs), new {} ({new_runs} runs)\n\n",
        escape_markdown(&sentence(comparison), CELL),
        escape_markdown(&comparison.base, CELL),
        escape_markdown(&comparison.new, CELL),
    );
    text.push_str("| figure | base | new | change | tolerance | p | |\n");
    text.push_str("| --- | ---: | ---: | ---: | ---: | ---: | --- |\n");
    for row in &comparison.rows {
        let cells = cells(row).map(|cell| escape_markdown(&cell, CELL));
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text.push('\n');
    for line in remarks(comparison) {
        text.push_str(&format!("- {}\n", escape_markdown(&line, CELL)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Options, Runs, compare, default_gates};
    use crate::metric::Metric;
    use crate::report::{Latency, Report};

    fn compared(names: [&str; 2]) -> Comparison {
        let side = |name: &str, p50s: &[u64]| Runs {
            name: name.to_owned(),
            reports: p50s
                .iter()
                .map(|p50| {
                    let mut report = Report::default();
                    let latency = Latency { p50: Some(*p50), ..Latency::default() };
                    report.latency.insert(Metric::Delivery, latency);
                    report
                })
                .collect(),
        };
        let (base, new) =
            (side(names[0], &[300, 310, 290, 305]), side(names[1], &[400, 410, 390, 1_405]));
        let gates = default_gates(&base.reports);
        compare(&base, &new, &gates, Options::default()).unwrap()
    }

    #[test]
    fn a_comparison_for_a_terminal() {
        insta::assert_snapshot!(to_text(&compared(["base", "new"])));
    }

    #[test]
    fn names_of_any_kind_stay_text_everywhere() {
        let names = ["<script>|\u{1b}[0m", "a\nb `c` [d](e)"];
        let comparison = compared(names);
        let text = to_text(&comparison);
        assert!(
            !text.contains('\u{1b}') && text.lines().all(|line| columns(line) <= 120),
            "{text}"
        );
        let markdown = to_markdown(&comparison);
        assert!(markdown.contains("\\<script\\>") && !markdown.contains("[d](e)"), "{markdown}");
        let html = to_html("x</title><script>", &[comparison]);
        // The page's own, and no other.
        assert_eq!(html.matches("<script").count(), 1, "{html}");
        assert!(html.contains("&lt;script&gt;"));
    }
}
