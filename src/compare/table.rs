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
        text.push_str(&format!("... and {} more: --format json has them\n", told.len() - RUNS));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::VerdictState;

    fn run(side: &'static str, number: usize, standing: Standing) -> RunRow {
        let verdict = match standing {
            Standing::Passed => VerdictState::Passed,
            Standing::Unjudged => VerdictState::Unjudged,
            Standing::Failed => VerdictState::Failed,
            Standing::Unreachable => VerdictState::Unreachable,
            Standing::Interrupted => VerdictState::Interrupted,
            Standing::Invalid => VerdictState::Invalid,
        };
        let (validity, id) = (ValidityState::Valid, String::new());
        let sentence = "lost was 7".to_owned();
        RunRow { side, number, id, standing, verdict, validity, sentence }
    }

    fn suspect(number: usize) -> RunRow {
        RunRow { validity: ValidityState::Suspect, ..run("", number, Standing::Passed) }
    }

    /// Four columns, of which the second and the third can be spared.
    fn table(last: usize) -> String {
        let row = |cells: [usize; 4]| cells.map(|width| "x".repeat(width)).to_vec();
        aligned(&[row([28, 1, 20, last]), row([1, 10, 2, 1])], &[1, 2])
    }

    #[test]
    fn columns_are_left_out_only_where_a_terminal_is_too_narrow() {
        let wide = |text: &str| text.lines().map(str::len).max().unwrap();
        let x = |width| "x".repeat(width);
        // 28 + 10 + 20 + 16, and three gaps of two.
        let whole = table(16);
        let first = format!("{}           x  {}  {}\n", x(28), x(20), x(16));
        let second = format!("x{}{}{}xx  x\n", " ".repeat(29), x(10), " ".repeat(20));
        assert_eq!(whole, first + &second);
        assert_eq!(wide(&whole), 80);
        // One more, and the first of the two is left out; both where that is not enough.
        assert_eq!(
            table(17),
            format!("{}  {}  {}\nx{}xx  x\n", x(28), x(20), x(17), " ".repeat(47))
        );
        assert_eq!(wide(&table(28)), 80);
        assert_eq!(table(29), format!("{}  {}\nx{}x\n", x(28), x(29), " ".repeat(29)));
        // Without any left the line is as long as it is.
        assert_eq!(wide(&table(90)), 120);
        assert_eq!(aligned(&[], &[1]), "");
    }

    #[test]
    fn only_the_first_column_is_cut() {
        let long = "x".repeat(40);
        let text = aligned(&[vec![long.clone(), long.clone()]], &[]);
        assert_eq!(text, format!("{}…  {long}\n", "x".repeat(27)));
    }

    #[test]
    fn ten_runs_are_told_one_by_one_and_those_that_are_plain_are_not() {
        let failed = |count: usize| -> Vec<RunRow> {
            let plain = [run("new", 1, Standing::Passed), run("new", 2, Standing::Unjudged)];
            let failed = (3..3 + count).map(|at| run("new", at, Standing::Failed));
            plain.into_iter().chain(failed).collect()
        };
        assert_eq!(runs_in_text(&failed(0)), "");
        assert_eq!(runs_in_text(&failed(1)), "run new 3  FAILED  valid  lost was 7\n");
        let ten = runs_in_text(&failed(10));
        assert_eq!(ten.lines().count(), 10);
        assert_eq!(ten.lines().last(), Some("run new 12  FAILED  valid  lost was 7"));
        assert_eq!(runs_in_text(&failed(12)), ten + "... and 2 more: --format json has them\n");
        assert_eq!(runs_in_text(&[suspect(1)]), "run 1  PASSED  suspect  lost was 7\n");
        // It may quote a server, and is cut at the terminal's edge.
        let long = RunRow { sentence: "y".repeat(100), ..run("", 1, Standing::Failed) };
        assert_eq!(runs_in_text(&[long]), format!("run 1  FAILED  valid  {}…\n", "y".repeat(57)));
    }

    #[test]
    fn what_runs_came_to_in_short() {
        use Standing::{Failed, Interrupted, Invalid, Passed, Unjudged, Unreachable};
        for (standings, expected) in [
            (&[][..], "no run"),
            (&[Passed], "1 run, passed"),
            (&[Failed], "1 run: 1 FAILED"),
            (&[Passed, Passed], "2 runs, all passed"),
            (&[Failed, Passed, Passed], "3 runs: 2 passed, 1 FAILED"),
            (&[Unjudged, Unjudged], "2 runs: 2 unjudged"),
            (
                &[Unreachable, Interrupted, Invalid, Invalid],
                "4 runs: 1 UNREACHABLE, 1 interrupted, 2 invalid",
            ),
        ] {
            let runs: Vec<RunRow> = standings.iter().map(|of| run("", 1, *of)).collect();
            assert_eq!(in_short(runs.iter()), expected);
        }
        let some = [suspect(1), run("", 2, Passed), suspect(3)];
        assert_eq!(in_short(some.iter()), "3 runs, all passed; 2 suspect");
    }

    #[test]
    fn a_run_is_a_row_of_markdown() {
        let one = run("base", 2, Standing::Failed);
        assert_eq!(run_cells(&one), ["base 2", "FAILED", "valid", "lost was 7"]);
        assert_eq!(run_cells(&run("", 3, Standing::Passed))[..2], ["3", "PASSED"]);
        let rows = runs_in_markdown(&[one]);
        assert!(
            rows.ends_with("| base 2 | FAILED | valid | lost was 7 |\n\n</details>\n"),
            "{rows}"
        );
    }
}
