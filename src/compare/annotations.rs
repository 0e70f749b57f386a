//! A comparison, and runs of one side, as annotations of GitHub Actions: what failed, and nothing else.

use super::model::{Comparison, Outcome, RunRow, Series};
use super::words::told;
use crate::report::Exit;
use crate::report::annotations::{Annotation, Level, commands};

/// An error for what makes the comparison fail, or a warning for what it can't say; then each other
/// figure that is worse, and each run that did not pass. Nothing where nothing is worse and all passed.
#[must_use]
pub fn to_annotations(comparison: &Comparison) -> String {
    let verdict = &comparison.verdict;
    let level = if verdict.exit == Exit::Passed { Level::Warning } else { Level::Error };
    let mut all = Vec::new();
    if verdict.state != Outcome::Same {
        let title = format!("{}: {}", comparison.new, verdict.state.word());
        all.push(Annotation { level, title, message: verdict.sentence.clone() });
    }
    let worse = comparison.rows.iter().filter(|row| row.state.fails());
    let others = worse.map(told).filter(|words| !verdict.sentence.starts_with(words.as_str()));
    all.extend(others.map(|message| Annotation {
        level,
        title: format!("{}: worse", comparison.new),
        message,
    }));
    let runs = comparison.runs.iter().filter(|run| !run.standing.is_fine());
    all.extend(runs.map(|run| {
        let decides = run.side == "new" && verdict.exit != Exit::Passed;
        of_run(run, if decides { Level::Error } else { Level::Warning })
    }));
    commands(&all)
}

/// An error for each run that did not pass.
#[must_use]
pub fn series_to_annotations(series: &Series) -> String {
    let runs = series.runs.iter().filter(|run| !run.standing.is_fine());
    let all: Vec<Annotation> = runs.map(|run| of_run(run, Level::Error)).collect();
    commands(&all)
}

fn of_run(run: &RunRow, level: Level) -> Annotation {
    let side = if run.side.is_empty() { String::new() } else { format!("{} ", run.side) };
    let title = format!("{side}run {}: {}", run.number, run.standing.word());
    Annotation { level, title, message: run.sentence.clone() }
}
