//! A comparison as text for a terminal and as Markdown for a pull request.

use super::judge::{Comparison, Row, Spread, State};
use crate::report::escape::{columns, escape_markdown, escape_terminal};
use crate::units::format::{duration_us, number};

/// The longest name of a side that is shown.
const NAME_COLUMNS: usize = 40;

/// The longest cell of a table in Markdown.
const CELL: usize = 200;

/// The comparison's one sentence.
fn sentence(comparison: &Comparison) -> String {
    let worst = comparison.rows.iter().find(|row| row.state.fails());
    let (word, what) = match worst {
        None if comparison.is_coarse() => {
            ("INCONCLUSIVE", "too few runs to show a change".to_owned())
        }
        None => ("SAME", "nothing is worse beyond its tolerance".to_owned()),
        Some(row) => {
            let word = if comparison.advisory.is_some() { "WORSE, advisory" } else { "REGRESSED" };
            (word, told(row))
        }
    };
    format!("{word}: {what}")
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
    // Less than a tenth of a millisecond is told in microseconds.
    match is_time {
        true if value < 100.0 => format!("{value:.1} us"),
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
