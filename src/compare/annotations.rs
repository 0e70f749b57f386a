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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::model::{Decision, Kind, Row, Spread, Standing, State};
    use crate::report::{ValidityState, VerdictState};

    fn run(side: &'static str, number: usize, standing: Standing) -> RunRow {
        let (verdict, validity) = (VerdictState::Passed, ValidityState::Valid);
        let (id, sentence) = (String::new(), format!("why {number}"));
        RunRow { side, number, id, standing, verdict, validity, sentence }
    }

    fn row(figure: &str, state: State) -> Row {
        let one = |us| Some(Spread { runs: 1, min: us, median: us, max: us, tally: None });
        Row {
            figure: figure.to_owned(),
            kind: Kind::Decides,
            is_time: true,
            tolerance: None,
            base: one(300.0),
            new: one(402.0),
            change: Some(0.34),
            p: None,
            state,
        }
    }

    #[test]
    fn errors_are_what_makes_it_fail_and_warnings_what_speaks_against_it() {
        let rows = [row("x", State::Worse), row("y", State::Same), row("z", State::WorseCoarsely)];
        let runs = [
            run("base", 1, Standing::Failed),
            run("base", 2, Standing::Passed),
            run("new", 1, Standing::Invalid),
            run("new", 2, Standing::Unjudged),
        ];
        let text = |state, exit, sentence: &str, rows: &[Row], runs: &[RunRow]| {
            to_annotations(&Comparison {
                base: "a".to_owned(),
                new: "b".to_owned(),
                verdict: Decision { state, sentence: sentence.to_owned(), exit },
                runs: runs.to_vec(),
                rows: rows.to_vec(),
                advisory: None,
                notes: Vec::new(),
            })
        };
        let worse = "x is 402 us, was 300 us (+34.0 %); also worse: z";
        assert_eq!(
            text(Outcome::Regressed, Exit::Failed, worse, &rows, &runs),
            "::error title=b%3A REGRESSED::x is 402 us, was 300 us (+34.0 %25); also worse: z\n\
             ::error title=b%3A worse::z is 402 us, was 300 us (+34.0 %25)\n\
             ::error title=new run 1%3A invalid::why 1\n\
             ::warning title=base run 1%3A FAILED::why 1\n"
        );
        // Where nothing fails by it, all of them are warnings.
        assert_eq!(
            text(Outcome::WorseAdvisory, Exit::Passed, worse, &rows, &runs),
            "::warning title=b%3A WORSE%2C advisory::x is 402 us, was 300 us (+34.0 %25); \
             also worse: z\n\
             ::warning title=b%3A worse::z is 402 us, was 300 us (+34.0 %25)\n\
             ::warning title=base run 1%3A FAILED::why 1\n\
             ::warning title=new run 1%3A invalid::why 1\n"
        );
        let few = text(Outcome::Inconclusive, Exit::Passed, "too few", &[], &[]);
        assert_eq!(few, "::warning title=b%3A INCONCLUSIVE::too few\n");
        let same =
            |runs: &[RunRow]| text(Outcome::Same, Exit::Passed, "nothing", &rows[1..2], runs);
        assert_eq!(
            same(&runs),
            "::warning title=base run 1%3A FAILED::why 1\n\
             ::warning title=new run 1%3A invalid::why 1\n"
        );
        assert_eq!(same(&runs[1..2]), "");
    }
}
