//! Who is compared: which runs count, and whether the two sides can be compared at all.

use super::model::{RunRow, Runs, Standing};
use crate::report::{Report, ValidityState};

/// How many runs of a side came to what.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tallied {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) unreachable: usize,
    pub(super) interrupted: usize,
    pub(super) invalid: usize,
    /// Without a report.
    pub(super) missing: usize,
}

impl Tallied {
    pub(super) fn of(runs: &Runs) -> Self {
        let (missing, unreachable) = (runs.missing, runs.refused);
        let mut tallied = Self { missing, unreachable, ..Self::default() };
        for report in &runs.reports {
            *match Standing::of(report) {
                Standing::Passed | Standing::Unjudged => &mut tallied.passed,
                Standing::Failed => &mut tallied.failed,
                Standing::Unreachable => &mut tallied.unreachable,
                Standing::Interrupted => &mut tallied.interrupted,
                Standing::Invalid => &mut tallied.invalid,
            } += 1;
        }
        tallied
    }

    pub(super) fn all(self) -> usize {
        self.passed + self.failed + self.left_out()
    }

    /// Those whose figures are compared.
    pub(super) fn counted(self) -> usize {
        self.passed + self.failed
    }

    /// Those whose figures are not.
    pub(super) fn left_out(self) -> usize {
        self.unreachable + self.interrupted + self.invalid + self.missing
    }

    /// What is to be told of them beside their figures: `2 of 5 FAILED, 1 invalid`. `None` if all
    /// passed.
    pub(super) fn in_words(self) -> Option<String> {
        let of = [
            (self.unreachable, "UNREACHABLE"),
            (self.failed, "FAILED"),
            (self.interrupted, "interrupted"),
            (self.invalid, "invalid"),
            (self.missing, "without a report"),
        ];
        let mut words: Vec<String> = Vec::new();
        for (count, word) in of.into_iter().filter(|(count, _)| *count > 0) {
            let all = if words.is_empty() { format!(" of {}", self.all()) } else { String::new() };
            words.push(format!("{count}{all} {word}"));
        }
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// Each run of a side, for tables.
pub(super) fn rows(side: &'static str, runs: &Runs) -> Vec<RunRow> {
    let row = |(at, report): (usize, &Report)| RunRow {
        side,
        number: at + 1,
        id: report.run.id.clone(),
        standing: Standing::of(report),
        verdict: report.verdict.state,
        validity: report.validity.state,
        sentence: report.verdict.sentence.clone(),
    };
    runs.reports.iter().enumerate().map(row).collect()
}

/// The runs whose figures are compared.
pub(super) fn counted(runs: &Runs) -> Vec<&Report> {
    runs.reports.iter().filter(|report| Standing::of(report).counts()).collect()
}

/// Why the first run that failed, or that nobody joined, did.
pub(super) fn first_failure(runs: &Runs) -> Option<String> {
    let failed =
        |report: &&Report| matches!(Standing::of(report), Standing::Failed | Standing::Unreachable);
    runs.reports.iter().find(failed).map(|report| report.verdict.sentence.clone())
}

/// What is to be known of the runs besides what they came to.
pub(super) fn notes(base: &Runs, new: &Runs) -> Vec<String> {
    let mut notes = Vec::new();
    for runs in [base, new] {
        let counted = counted(runs);
        let left_out = runs.reports.len() - counted.len();
        if left_out > 0 {
            let noun = if left_out == 1 { "run" } else { "runs" };
            notes.push(format!("the figures of {left_out} {noun} of `{}` are left out", runs.name));
        }
        let suspect = |report: &&&Report| report.validity.state == ValidityState::Suspect;
        let suspect = counted.iter().filter(suspect).count();
        if suspect > 0 {
            let all = counted.len();
            notes.push(format!("{suspect} of {all} runs of `{}` are suspect", runs.name));
        }
    }
    let ids = |runs: &'_ Runs| -> Vec<String> {
        let named = runs.reports.iter().filter(|report| !report.run.id.is_empty());
        named.map(|report| report.run.id.clone()).collect()
    };
    let known = ids(base);
    let shared = ids(new).iter().filter(|id| known.contains(id)).count();
    if shared > 0 {
        let (noun, verb) = if shared == 1 { ("run", "is") } else { ("runs", "are") };
        notes.push(format!("{shared} {noun} {verb} on both sides, and compared with themselves"));
    }
    notes
}

/// What a run's plan differs in from the first's, apart from server and codec.
pub(super) fn of_another_plan(base: &[&Report], new: &[&Report]) -> Option<String> {
    let first = base.first()?;
    base.iter().chain(new).find_map(|report| differs(first, report))
}

fn differs(one: &Report, other: &Report) -> Option<String> {
    let differ = |what: &str, a: &str, b: &str| (a != b).then(|| format!("{what} {a} and {b}"));
    let cohorts = |report: &Report| {
        let each = report.cohorts.iter().map(|of| format!("{} x {}", of.clients, of.name));
        each.collect::<Vec<_>>().join(", ")
    };
    let phases = |report: &Report| {
        let each = report.phases.iter().map(|of| format!("{} {} s", of.name, of.duration_s));
        each.collect::<Vec<_>>().join(", ")
    };
    differ("scenario", &one.scenario.name, &other.scenario.name)
        .or_else(|| differ("load", &one.plan.headline, &other.plan.headline))
        .or_else(|| differ("clients", &one.plan.description, &other.plan.description))
        .or_else(|| differ("cohorts", &cohorts(one), &cohorts(other)))
        .or_else(|| differ("phases", &phases(one), &phases(other)))
        .or_else(|| differ("protocol", &one.target.protocol, &other.target.protocol))
        .or_else(|| differ("seed", &one.seed.to_string(), &other.seed.to_string()))
}
