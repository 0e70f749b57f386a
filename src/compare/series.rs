//! Runs of one side: how far they lie apart. Nothing is compared, and least of all with itself.

use super::judge::told_beside;
use super::model::{Gate, RunRow, Runs, Series, SeriesRow, SeriesVerdict, Spread};
use super::table::{
    CELL, RUN_COLUMNS, aligned, in_short, run_cells, runs_in_markdown, runs_in_text, wrapped,
};
use super::value::of;
use super::words::{tally, value};
use super::{sides, zero};
use crate::gate::{Figure, Unit};
use crate::report::escape::{escape_markdown, escape_terminal};
use crate::report::html::{Part, Sheet, to_sheet};
use crate::report::{Exit, Report, VerdictState};

/// The longest name that is shown, and the longest remark.
const NAME_COLUMNS: usize = 60;
const REMARK: usize = 600;

/// Runs of one side, by the figures that would decide and those that are told. The figures are those of
/// runs that were judged, whatever was said of their validity: there is nothing to be misled about.
#[must_use]
pub fn series(runs: &Runs, gates: &[Gate], exit: Exit, notes: Vec<String>) -> Series {
    let rows = sides::rows("", runs);
    let judged: Vec<&Report> = runs.reports.iter().filter(|report| is_judged(report)).collect();
    let figures = gates.iter().map(|gate| gate.figure.clone()).chain(told_beside(gates));
    let mut spreads: Vec<SeriesRow> = zero::spreads(&judged)
        .into_iter()
        .filter(|(name, _)| !gates.iter().any(|gate| gate.figure.name == *name))
        .map(|(name, spread)| SeriesRow { figure: name.to_owned(), is_time: false, spread })
        .collect();
    spreads.extend(figures.filter_map(|figure| row(&figure, &judged)));
    let mut notes = notes;
    let left_out = runs.reports.len() - judged.len();
    if left_out > 0 {
        let noun = if left_out == 1 { "run" } else { "runs" };
        notes.push(format!(
            "the figures of {left_out} {noun} that could not be judged are left out"
        ));
    }
    let sentence = in_short(rows.iter());
    let verdict = SeriesVerdict { state: gravest(&rows), sentence, exit };
    Series { name: runs.name.clone(), verdict, runs: rows, rows: spreads, notes }
}

fn is_judged(report: &Report) -> bool {
    matches!(
        report.verdict.state,
        VerdictState::Passed | VerdictState::Failed | VerdictState::Unjudged
    )
}

fn row(figure: &Figure, reports: &[&Report]) -> Option<SeriesRow> {
    let values: Vec<f64> = reports.iter().filter_map(|report| of(figure, report)).collect();
    let is_time = figure.unit() == Unit::Micros;
    Some(SeriesRow { figure: figure.name.clone(), is_time, spread: Spread::of(&values)? })
}

/// The gravest of the runs' verdicts.
fn gravest(runs: &[RunRow]) -> VerdictState {
    let gravity = |state: &VerdictState| match state {
        VerdictState::Unreachable => 5,
        VerdictState::Interrupted => 4,
        VerdictState::Invalid => 3,
        VerdictState::Failed => 2,
        VerdictState::Passed => 1,
        VerdictState::Unjudged => 0,
    };
    runs.iter().map(|run| run.verdict).max_by_key(gravity).unwrap_or_default()
}

const HEAD: [&str; 6] = ["", "median", "least", "most", "runs", ""];
/// A narrow terminal goes without the number of runs.
const SPARE: [usize; 1] = [4];

fn cells(row: &SeriesRow) -> [String; 6] {
    let Spread { runs, min, median, max, tally: together } = &row.spread;
    let apart = match together {
        Some(of) if of.count > 0.0 => format!("{} of all", tally(*of)),
        Some(_) => String::new(),
        None => format!("±{:.0} %", row.spread.relative() * 50.0),
    };
    let value = |of: &f64| value(*of, row.is_time);
    [row.figure.clone(), value(median), value(min), value(max), runs.to_string(), apart]
}

fn remarks(series: &Series) -> Vec<String> {
    let mut lines: Vec<String> = series.notes.iter().map(|note| format!("note: {note}")).collect();
    lines.push("±: half of how far runs lie apart, of their median".to_owned());
    lines
}

/// What a terminal shows, in 80 columns.
#[must_use]
pub fn series_to_text(series: &Series) -> String {
    let name = escape_terminal(&series.name, NAME_COLUMNS);
    let mut text = format!("{}\nruns  {name}\n", series.verdict.sentence);
    let runs = runs_in_text(&series.runs);
    if !runs.is_empty() {
        text.push('\n');
        text.push_str(&runs);
    }
    let head = std::iter::once(HEAD.map(str::to_owned).to_vec());
    let rows: Vec<Vec<String>> =
        head.chain(series.rows.iter().map(|row| cells(row).to_vec())).collect();
    text.push('\n');
    text.push_str(&aligned(&rows, &SPARE));
    text.push('\n');
    for line in remarks(series) {
        text.push_str(&wrapped(&escape_terminal(&line, REMARK)));
    }
    text
}

/// What a job's summary shows.
#[must_use]
pub fn series_to_markdown(series: &Series) -> String {
    let mut text = format!(
        "**{}**\n\n{}\n\n| figure | median | least | most | runs | |\n| --- | ---: | ---: | ---: | ---: | --- |\n",
        series.verdict.sentence,
        escape_markdown(&series.name, CELL),
    );
    for row in &series.rows {
        let cells = cells(row).map(|cell| escape_markdown(&cell, CELL));
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text.push('\n');
    for line in remarks(series) {
        text.push_str(&format!("- {}\n", escape_markdown(&line, REMARK)));
    }
    text.push_str(&runs_in_markdown(&series.runs));
    text
}

/// A page of the same.
#[must_use]
pub fn series_to_html(title: &str, series: &Series) -> String {
    let all_passed = series.runs.iter().all(|run| run.standing.is_fine());
    let figures = Part {
        heading: series.name.clone(),
        charts: Vec::new(),
        columns: &["figure", ">median", ">least", ">most", ">runs", "apart"],
        rows: series.rows.iter().map(|row| cells(row).to_vec()).collect(),
        remarks: remarks(series),
    };
    let runs = Part {
        heading: "Each run".to_owned(),
        charts: Vec::new(),
        columns: &RUN_COLUMNS,
        rows: series.runs.iter().map(|run| run_cells(run).to_vec()).collect(),
        remarks: Vec::new(),
    };
    to_sheet(&Sheet {
        look: match (series.verdict.state, all_passed) {
            (VerdictState::Failed | VerdictState::Unreachable, _) => "bad",
            (_, true) => "good",
            _ => "warn",
        },
        word: series.verdict.state.word().to_owned(),
        title: title.to_owned(),
        sentence: series.verdict.sentence.clone(),
        parts: vec![figures, runs],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{default_gates, series_to_annotations};
    use crate::metric::Metric;
    use crate::report::escape::columns;
    use crate::report::{Latency, ValidityState};

    fn runs(p50s: &[u64]) -> Runs {
        let report = |p50: &u64| {
            let mut report = Report::default();
            let latency = Latency { p50: Some(*p50), ..Latency::default() };
            report.latency.insert(Metric::Delivery, latency);
            report.deliveries.expected = Some(1_000);
            report.deliveries.lost = Some(0);
            report.verdict.state = VerdictState::Passed;
            report
        };
        Runs { name: "out".to_owned(), missing: 0, reports: p50s.iter().map(report).collect() }
    }

    #[test]
    fn runs_of_one_side_for_a_terminal() {
        let mut runs = runs(&[300, 310, 290, 305, 4_000]);
        runs.reports[1].deliveries.lost = Some(7);
        runs.reports[1].verdict.state = VerdictState::Failed;
        runs.reports[1].verdict.sentence = "1 of 1 thresholds: lost was 7, should be 0".to_owned();
        runs.reports[4].verdict.state = VerdictState::Invalid;
        runs.reports[4].validity.state = ValidityState::Invalid;
        let gates = default_gates(&runs.reports);
        let series = series(&runs, &gates, Exit::Invalid, Vec::new());
        let text = series_to_text(&series);
        assert!(text.lines().all(|line| columns(line) <= 80), "{text}");
        insta::assert_snapshot!(text);
        assert_eq!(series.verdict.state, VerdictState::Invalid);
        assert!(series_to_markdown(&series).contains("| delivery.p50 |"));
        assert_eq!(series_to_annotations(&series).lines().count(), 2);
        // The figures are the runs', to the digit: nothing is compared.
        let row = series.rows.iter().find(|row| row.figure == "delivery.p50").unwrap();
        let Spread { runs, min, median, max, .. } = row.spread;
        assert_eq!((runs, min, median, max), (4, 290.0, 302.5, 310.0));
        let lost = series.rows.iter().find(|row| row.figure == "lost").unwrap();
        assert_eq!((lost.spread.median, lost.spread.max), (0.0, 7.0));
    }

    #[test]
    fn each_row_is_told_in_its_own_unit_and_once() {
        let mut runs = runs(&[300, 310]);
        for (report, lost) in runs.reports.iter_mut().zip([3, 0]) {
            report.deliveries.lost = Some(lost);
            report.deliveries.delivered = 1;
            report.bytes.sent = 700;
        }
        let mut gates = default_gates(&runs.reports);
        let told = |gates: &[Gate]| -> Vec<String> {
            let rows = series(&runs, gates, Exit::Passed, Vec::new()).rows;
            rows.iter().map(|row| cells(row).join("; ")).collect()
        };
        let with_lost = |lost: &str, last: &[&str]| -> Vec<String> {
            let zeros = ["clients.never_joined; 0; 0; 0; 2; ", "publishes.not_sent; 0; 0; 0; 2; "];
            let p50 = "delivery.p50; 305 us; 300 us; 310 us; 2; ±2 %";
            let all = [lost].into_iter().chain(zeros).chain([p50]).chain(last.iter().copied());
            all.filter(|row| !row.is_empty()).map(str::to_owned).collect()
        };
        let (lost, bytes) =
            ("lost; 1.5; 0; 3; 2; 3 (0.15 %) of all", "bytes; 700; 700; 700; 2; ±0 %");
        assert_eq!(told(&gates), with_lost(lost, &[bytes]));
        // With a tolerance it is a figure like any other.
        let figure = Figure::parse("lost").unwrap();
        let tolerance = crate::gate::Tolerance::parse("0%, 5", figure.unit()).unwrap();
        gates.push(Gate { figure, tolerance });
        assert_eq!(told(&gates), with_lost("", &["lost; 1.5; 0; 3; 2; ±100 %", bytes]));
    }

    #[test]
    fn runs_that_could_not_be_judged_are_left_out_and_the_gravest_is_the_verdict() {
        use VerdictState::{Failed, Interrupted, Invalid, Passed, Unjudged, Unreachable};
        let by_gravity = [Unjudged, Passed, Failed, Invalid, Interrupted, Unreachable];
        let of = |states: &[VerdictState]| {
            let mut runs = runs(&vec![300; states.len()]);
            for (report, state) in runs.reports.iter_mut().zip(states) {
                report.verdict.state = *state;
            }
            series(&runs, &[], Exit::Passed, vec!["noted".to_owned()])
        };
        for (at, state) in by_gravity.iter().enumerate() {
            assert_eq!(of(&by_gravity[..=at]).verdict.state, *state);
        }
        let left_out =
            |count: &str| format!("the figures of {count} that could not be judged are left out");
        for (states, notes) in [
            (&by_gravity[..3], vec!["noted".to_owned()]),
            (&by_gravity[..4], vec!["noted".to_owned(), left_out("1 run")]),
            (&by_gravity[..], vec!["noted".to_owned(), left_out("3 runs")]),
        ] {
            let series = of(states);
            assert_eq!(series.notes, notes);
            let runs = series.rows.iter().map(|row| row.spread.runs);
            assert!(runs.eq([3; 4]), "{:?}", series.rows);
        }
        for (states, look) in [
            (&[Passed, Unjudged][..], "good"),
            (&[Passed, Failed], "bad"),
            (&[Unreachable, Passed], "bad"),
            (&[Failed, Invalid], "warn"),
            (&[Interrupted], "warn"),
        ] {
            let page = series_to_html("chat", &of(states));
            assert!(page.contains(&format!("<header class=\"{look}\">")), "{look}: {page}");
        }
    }

    #[test]
    fn runs_of_one_side_in_markdown() {
        let runs = runs(&[300]);
        let series = series(&runs, &[], Exit::Passed, Vec::new());
        let text = series_to_markdown(&series);
        let expected = "**1 run, passed**\n\nout\n\n\
             | figure | median | least | most | runs | |\n\
             | --- | ---: | ---: | ---: | ---: | --- |\n\
             | lost | 0 | 0 | 0 | 1 |  |\n";
        assert!(text.starts_with(expected), "{text}");
        assert!(
            text.contains("\n- ±: half of how far runs lie apart, of their median\n"),
            "{text}"
        );
        // No run is told where all passed.
        assert!(series_to_text(&series).starts_with("1 run, passed\nruns  out\n\n    "));
    }

    #[test]
    fn runs_that_passed_say_nothing_to_github() {
        let runs = runs(&[300, 310]);
        let series = series(&runs, &default_gates(&runs.reports), Exit::Passed, Vec::new());
        assert_eq!(series.verdict.sentence, "2 runs, all passed");
        assert_eq!(series_to_annotations(&series), "");
        let page = series_to_html("chat", &series);
        assert!(page.contains("delivery.p50") && !page.contains("new"), "{page}");
    }
}
