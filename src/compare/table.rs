//! Tables of comparisons: figures for a terminal of 80 columns, and each run's verdict.

use super::model::{RunRow, Standing};
use crate::report::ValidityState;
use crate::report::escape::{columns, escape_markdown, escape_terminal};
use crate::report::summary::wrap;

/// What a comparison takes of a terminal.
pub(super) const WIDTH: usize = 80;
/// The longest name of a figure that is shown: cohorts have names of any length.
const FIGURE_COLUMNS: usize = 28;
/// Runs that a terminal is told of one by one, at most.
const RUNS: usize = 10;
/// The longest cell of a table in Markdown.
pub(super) const CELL: usize = 200;

/// Rows of cells: the first column and the last to the left, figures to the right. While they are wider
/// than a terminal one of `spare` is left out after the other.
pub(super) fn aligned(rows: &[Vec<String>], spare: &[usize]) -> String {
    let columns_of = rows.first().map_or(0, Vec::len);
    let shown = |row: &Vec<String>, at: usize| {
        if at == 0 { escape_terminal(&row[at], FIGURE_COLUMNS) } else { row[at].clone() }
    };
    let width =
        |at: usize| rows.iter().map(|row| columns(&shown(row, at))).max().unwrap_or_default();
    let mut kept: Vec<usize> = (0..columns_of).collect();
    let wide = |kept: &[usize]| kept.iter().map(|at| width(*at) + 2).sum::<usize>();
    for at in spare {
        if wide(&kept) > WIDTH + 2 {
            kept.retain(|kept| kept != at);
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for at in &kept {
            let cell = shown(row, *at);
            let gap = " ".repeat(width(*at) - columns(&cell));
            let is_words = *at == 0 || at + 1 == columns_of;
            line.push_str(&if is_words {
                format!("{cell}{gap}  ")
            } else {
                format!("{gap}{cell}  ")
            });
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A remark, over as many lines as it takes.
pub(super) fn wrapped(text: &str) -> String {
    wrap(text, WIDTH, usize::MAX).iter().map(|line| format!("{line}\n")).collect()
}

/// What a run is called.
pub(super) fn run_name(run: &RunRow) -> String {
    if run.side.is_empty() {
        run.number.to_string()
    } else {
        format!("{} {}", run.side, run.number)
    }
}

/// Whether there is anything to tell of a run.
fn is_plain(run: &&RunRow) -> bool {
    run.standing.is_fine() && run.validity == ValidityState::Valid
}

/// The runs that did not pass, or are not valid, a line each.
pub(super) fn runs_in_text(runs: &[RunRow]) -> String {
    let told: Vec<&RunRow> = runs.iter().filter(|run| !is_plain(run)).collect();
    let cells = told.iter().take(RUNS).map(|run| {
        let name = format!("run {}", run_name(run));
        [name, run.verdict.word().to_owned(), run.validity.name().to_owned()]
    });
    let cells: Vec<[String; 3]> = cells.collect();
    let width = |at: usize| cells.iter().map(|row| columns(&row[at])).max().unwrap_or_default();
    let mut text = String::new();
    for (run, [name, verdict, validity]) in told.iter().zip(&cells) {
        let (a, b, c) = (width(0), width(1), width(2));
        let line = format!("{name:a$}  {verdict:b$}  {validity:c$}  ");
        let left = WIDTH.saturating_sub(columns(&line));
        text.push_str((line + &escape_terminal(&run.sentence, left)).trim_end());
        text.push('\n');
    }
    if told.len() > RUNS {
        text.push_str(&format!("... and {} more, told by --format json\n", told.len() - RUNS));
    }
    text
}

/// Columns of a table of runs.
pub(super) const RUN_COLUMNS: [&str; 4] = ["run", "verdict", "validity", "why"];

/// Each run, for a table.
pub(super) fn run_cells(run: &RunRow) -> [String; 4] {
    [
        run_name(run),
        run.verdict.word().to_owned(),
        run.validity.name().to_owned(),
        run.sentence.clone(),
    ]
}

/// Each run, folded.
pub(super) fn runs_in_markdown(runs: &[RunRow]) -> String {
    let mut text =
        "\n<details><summary>Runs</summary>\n\n| run | verdict | validity | why |\n| --- | --- | --- | --- |\n"
            .to_owned();
    for run in runs {
        let cells = run_cells(run).map(|cell| escape_markdown(&cell, CELL));
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text.push_str("\n</details>\n");
    text
}

/// `5 runs, all passed` or `5 runs: 3 passed, 2 FAILED`, and how many of them are suspect.
pub(super) fn in_short<'a>(runs: impl Iterator<Item = &'a RunRow>) -> String {
    let runs: Vec<&RunRow> = runs.collect();
    let suspect = |run: &&&RunRow| run.validity == ValidityState::Suspect;
    match runs.iter().filter(suspect).count() {
        0 => came_to(&runs),
        suspect => format!("{}; {suspect} suspect", came_to(&runs)),
    }
}

fn came_to(runs: &[&RunRow]) -> String {
    let all = [
        Standing::Passed,
        Standing::Unjudged,
        Standing::Failed,
        Standing::Unreachable,
        Standing::Interrupted,
        Standing::Invalid,
    ];
    let of = |standing| runs.iter().filter(|run| run.standing == standing).count();
    let noun = if runs.len() == 1 { "1 run".to_owned() } else { format!("{} runs", runs.len()) };
    match (of(Standing::Passed), runs.len()) {
        (_, 0) => "no run".to_owned(),
        (1, 1) => format!("{noun}, passed"),
        (passed, all) if passed == all => format!("{noun}, all passed"),
        _ => {
            let parts = all.into_iter().map(|standing| (of(standing), standing.word()));
            let parts = parts.filter(|(count, _)| *count > 0);
            let parts: Vec<String> = parts.map(|(count, word)| format!("{count} {word}")).collect();
            format!("{noun}: {}", parts.join(", "))
        }
    }
}
