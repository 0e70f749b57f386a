//! What a comparison is made of and what it comes to, as `--format json` prints it. Data only.

use serde::{Serialize, Serializer};

use crate::gate::{Figure, Tolerance};
use crate::report::{Exit, Report, ValidityState, VerdictState};

/// How often a comparison of equals may call something worse.
const LEVEL: f64 = 0.05;
/// Whether so small a probability shows something. The limit itself does, however it was rounded.
pub(super) fn is_shown(p: f64) -> bool {
    p <= LEVEL + 1e-9
}
/// What runs are taken to differ by at least, where too few of them tell.
pub(super) const LEAST_SPREAD: f64 = 0.25;

/// The runs of one side.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    /// What it is called.
    pub name: String,
    /// At least one.
    pub reports: Vec<Report>,
    /// Runs that left no report: nothing of them is known, and they are told.
    pub missing: usize,
}

/// A figure that decides, and how much it may change.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Which.
    pub figure: Figure,
    /// How much.
    pub tolerance: Tolerance,
}

/// What may be compared although it differs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Runs of different plans.
    pub any_plan: bool,
    /// Runs of different machines decide, instead of only being shown.
    pub any_host: bool,
    /// Times and costs only tell: neither side is the better one. What must be 0 decides all the same.
    pub only_tells: bool,
}

/// What a figure's runs gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Runs that have it.
    pub runs: usize,
    /// The smallest.
    pub min: f64,
    /// The middle one, or between the two middle ones.
    pub median: f64,
    /// The largest.
    pub max: f64,
    /// Of what must be 0: all runs together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
}

/// So many of so many, over all runs of a side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tally {
    /// So many.
    pub count: f64,
    /// Of so many; at least `count`.
    pub of: f64,
    /// One by the other; 0 where there was nothing.
    pub share: f64,
}

impl Spread {
    /// Of at least one value.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let half = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[half]
        } else {
            (sorted[half - 1] + sorted[half]) / 2.0
        };
        Some(Self { runs: sorted.len(), min, median, max, tally: None })
    }

    /// How far runs lie apart, as a share of their median; 0 where that is 0.
    #[must_use]
    pub fn relative(&self) -> f64 {
        if self.median > 0.0 { (self.max - self.min) / self.median } else { 0.0 }
    }
}

/// What a figure has to say in the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Lost, doubled, never joined ...: any rise decides, whatever the machine.
    MustBeZero,
    /// It decides by its tolerance.
    Decides,
    /// It is told.
    Told,
}

/// What is said of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Worse, beyond its tolerance: the comparison fails.
    Worse,
    /// The base has it and the new side has not: the comparison fails.
    Gone,
    /// Too few runs to show anything, and far beyond what runs differ by: the comparison fails.
    WorseCoarsely,
    /// Higher than chance has it, and within its tolerance; or a figure that decides nothing.
    Higher,
    /// Lower than chance has it.
    Lower,
    /// No real difference.
    Same,
    /// Beyond its tolerance, which may be chance.
    Unclear,
    /// Too few runs to show anything.
    Inconclusive,
    /// No side has it, or only one.
    Unknown,
}

impl State {
    /// Whether it makes the comparison fail.
    #[must_use]
    pub fn fails(self) -> bool {
        matches!(self, Self::Worse | Self::Gone | Self::WorseCoarsely)
    }
}

/// One figure of both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub figure: String,
    /// What it has to say in the verdict.
    pub kind: Kind,
    /// Whether it is a time in microseconds, or else a number.
    pub is_time: bool,
    /// Within what it may change, where it decides by that.
    pub tolerance: Option<Tolerance>,
    /// Of the base.
    pub base: Option<Spread>,
    /// Of the new side.
    pub new: Option<Spread>,
    /// How much the medians differ (the shares of what must be 0), as a share of the base's; `None`
    /// where that is 0.
    pub change: Option<f64>,
    /// The probability of this by chance, as Holm counts it; `None` with too few runs.
    pub p: Option<f64>,
    /// What is said of it.
    pub state: State,
}

/// What one run has to say in a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It passed.
    Passed,
    /// It had nothing to be judged by.
    Unjudged,
    /// A threshold failed: its figures are as good as any.
    Failed,
    /// Nobody ever joined: it has no figures.
    Unreachable,
    /// It was ended early: its figures are those of another run.
    Interrupted,
    /// Its figures can't be trusted.
    Invalid,
}

impl Standing {
    /// Of a run.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        match (report.verdict.state, report.validity.state) {
            (VerdictState::Unreachable, _) => Self::Unreachable,
            (VerdictState::Interrupted, _) => Self::Interrupted,
            (VerdictState::Invalid, _) | (_, ValidityState::Invalid) => Self::Invalid,
            (VerdictState::Failed, _) => Self::Failed,
            (VerdictState::Passed, _) => Self::Passed,
            (VerdictState::Unjudged, _) => Self::Unjudged,
        }
    }

    /// Whether the run's figures are compared.
    #[must_use]
    pub fn counts(self) -> bool {
        self.is_fine() || self == Self::Failed
    }

    /// Whether nothing is to be told of it.
    #[must_use]
    pub fn is_fine(self) -> bool {
        matches!(self, Self::Passed | Self::Unjudged)
    }

    /// The word for a table.
    #[must_use]
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Unjudged => "unjudged",
            Self::Failed => "FAILED",
            Self::Unreachable => "UNREACHABLE",
            Self::Interrupted => "interrupted",
            Self::Invalid => "invalid",
        }
    }
}

/// One run of a side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunRow {
    /// `base` or `new`; empty where there is one side.
    pub side: &'static str,
    /// Its place on its side, from 1.
    pub number: usize,
    /// Its own name for itself.
    pub id: String,
    /// What it has to say here.
    pub standing: Standing,
    /// Its verdict.
    pub verdict: VerdictState,
    /// Whether its figures can be trusted.
    pub validity: ValidityState,
    /// Why its verdict is what it is. May quote the server.
    pub sentence: String,
}

/// What a comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Something is worse.
    Regressed,
    /// Something is worse, which the user said or the machines say decides nothing.
    WorseAdvisory,
    /// Runs of the new side failed, and those of the base as well.
    Failed,
    /// Nothing can be said.
    Inconclusive,
    /// Nothing is worse.
    Same,
}

impl Outcome {
    /// The first word of every rendering.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Regressed => "REGRESSED",
            Self::WorseAdvisory => "WORSE, advisory",
            Self::Failed => "FAILED",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Same => "SAME",
        }
    }
}

/// The decision and its reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision {
    /// The decision.
    pub state: Outcome,
    /// Why, the gravest first. One line; may quote a server.
    pub sentence: String,
    /// How the process ends for it: 0, 1, 3 where too few runs can be trusted, or 4 where nobody joined.
    #[serde(rename = "exit_code", serialize_with = "code")]
    pub exit: Exit,
}

// Serde's signature.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn code<S: Serializer>(exit: &Exit, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(exit.code())
}

/// Two sides compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What the base is called.
    pub base: String,
    /// What the new side is called.
    pub new: String,
    /// What it comes to.
    pub verdict: Decision,
    /// Each run of both sides, the base's first.
    pub runs: Vec<RunRow>,
    /// What must be 0, then figures that decide, then those that are only told.
    pub rows: Vec<Row>,
    /// Why times and costs decide nothing, if they don't.
    pub advisory: Option<String>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

impl Comparison {
    /// Whether something is worse, and that decides.
    #[must_use]
    pub fn is_regressed(&self) -> bool {
        self.verdict.state == Outcome::Regressed
    }
}

/// Runs of one side, and how far they lie apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Series {
    /// Where they are.
    pub name: String,
    /// What they come to.
    pub verdict: SeriesVerdict,
    /// Each of them.
    pub runs: Vec<RunRow>,
    /// What must be 0, then figures that would decide, then others.
    pub rows: Vec<SeriesRow>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

/// What runs of one side come to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeriesVerdict {
    /// The gravest of theirs.
    pub state: VerdictState,
    /// How many passed, and what became of the others. One line; may quote a server.
    pub sentence: String,
    /// How the process ends.
    #[serde(rename = "exit_code", serialize_with = "code")]
    pub exit: Exit,
}

/// One figure over runs of one side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeriesRow {
    /// Its name.
    pub figure: String,
    /// Whether it is a time in microseconds, or else a number.
    pub is_time: bool,
    /// Its values.
    pub spread: Spread,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_ends_of_runs() {
        for (values, min, median, max, apart) in [
            (&[7.0][..], 7.0, 7.0, 7.0, 0.0),
            (&[8.0, 2.0], 2.0, 5.0, 8.0, 1.2),
            (&[9.0, 1.0, 4.0], 1.0, 4.0, 9.0, 2.0),
            (&[8.0, 2.0, 6.0, 3.0], 2.0, 4.5, 8.0, 6.0 / 4.5),
            // Nothing is a share of 0.
            (&[0.0, 0.0, 4.0], 0.0, 0.0, 4.0, 0.0),
        ] {
            let found = Spread::of(values).unwrap();
            let expected = Spread { runs: values.len(), min, median, max, tally: None };
            assert_eq!(found, expected);
            assert!((found.relative() - apart).abs() < 1e-12, "{found:?}");
        }
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn what_each_state_and_standing_amounts_to() {
        use VerdictState::{Failed, Interrupted, Invalid, Passed, Unjudged, Unreachable};
        let fails = [State::Worse, State::Gone, State::WorseCoarsely];
        assert!(fails.into_iter().all(State::fails));
        let others = [State::Higher, State::Lower, State::Same, State::Unclear];
        assert!(!others.into_iter().any(State::fails));
        assert!(!State::Inconclusive.fails() && !State::Unknown.fails());
        let (valid, invalid) = (ValidityState::Valid, ValidityState::Invalid);
        for (verdict, validity, expected, counts, is_fine) in [
            (Passed, valid, Standing::Passed, true, true),
            (Passed, ValidityState::Suspect, Standing::Passed, true, true),
            (Passed, invalid, Standing::Invalid, false, false),
            (Unjudged, valid, Standing::Unjudged, true, true),
            (Failed, valid, Standing::Failed, true, false),
            (Failed, invalid, Standing::Invalid, false, false),
            (Invalid, valid, Standing::Invalid, false, false),
            (Interrupted, invalid, Standing::Interrupted, false, false),
            (Unreachable, invalid, Standing::Unreachable, false, false),
        ] {
            let mut report = Report::default();
            (report.verdict.state, report.validity.state) = (verdict, validity);
            let found = Standing::of(&report);
            let case = format!("{verdict:?} {validity:?}");
            assert_eq!(
                (found, found.counts(), found.is_fine()),
                (expected, counts, is_fine),
                "{case}"
            );
        }
    }

    /// One in twenty itself shows something, however it was rounded; more does not.
    #[test]
    fn the_limit_is_one_in_twenty() {
        for (p, shown) in [(0.0, true), (0.05, true), (0.05 + 1e-12, true), (1.0 / 19.0, false)] {
            assert_eq!(is_shown(p), shown, "{p}");
        }
        let words = [
            (Outcome::Regressed, "REGRESSED"),
            (Outcome::WorseAdvisory, "WORSE, advisory"),
            (Outcome::Failed, "FAILED"),
            (Outcome::Inconclusive, "INCONCLUSIVE"),
            (Outcome::Same, "SAME"),
        ];
        assert!(words.into_iter().all(|(outcome, word)| outcome.word() == word));
    }
}
