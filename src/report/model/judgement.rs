//! What was concluded: thresholds, validity, verdict.
//!
//! Data only: `verdict` decides, the coordinator judges validity and thresholds.

use serde::{Deserialize, Serialize};

/// The decision and its reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Verdict {
    /// The decision.
    pub state: VerdictState,
    /// Why, with the first thing that failed first. One line; may quote the server.
    pub sentence: String,
}

/// What a run comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum VerdictState {
    /// Every threshold holds.
    Passed,
    /// A threshold failed.
    Failed,
    /// Nothing failed because nothing was asked.
    #[default]
    Unjudged,
    /// The figures can't be trusted, so nothing was decided from them.
    Invalid,
    /// No client ever joined.
    Unreachable,
    /// Stopped by a signal before the plan's end.
    Interrupted,
}

impl VerdictState {
    /// The first word of a summary.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Failed => "FAILED",
            Self::Unjudged => "UNJUDGED",
            Self::Invalid => "INVALID",
            Self::Unreachable => "UNREACHABLE",
            Self::Interrupted => "INTERRUPTED",
        }
    }
}

/// One threshold and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ThresholdOutcome {
    /// As written, for example `phase.spike.delivery.p99`.
    pub metric: String,
    /// Operator and limit as written, for example `< 250ms`.
    pub condition: String,
    /// Whether it is a condition of uproar's own, which holds beside the scenario's.
    #[serde(default)]
    pub default: bool,
    /// Microseconds for a latency, a count for a counter, a part of 1 for a share, a number a
    /// second for a rate; `null` where it is not known.
    pub actual: Option<f64>,
    /// Of a counter that can be told as a share, and of that share: how many.
    #[serde(default)]
    pub count: Option<u64>,
    /// Of how many `count` is a part.
    #[serde(default)]
    pub of: Option<u64>,
    /// `actual` with its unit, `-` when it is `null`.
    pub actual_text: String,
    /// Whether the condition holds.
    pub passed: bool,
    /// Why there is no value, how few samples it is of, or that it ended the run.
    pub note: Option<String>,
}

/// Whether the figures can be trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Validity {
    /// The worst of the reasons.
    pub state: ValidityState,
    /// Everything that speaks against the figures, the worst first.
    pub reasons: Vec<Reason>,
}

/// How far the figures can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ValidityState {
    /// Nothing speaks against them.
    #[default]
    Valid,
    /// Read them with care.
    Suspect,
    /// The generator, not the server, decided them.
    Invalid,
}

impl ValidityState {
    /// The name used in `report.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Suspect => "suspect",
            Self::Invalid => "invalid",
        }
    }
}

/// One thing that speaks against the figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Reason {
    /// How much it weighs.
    pub severity: Severity,
    /// `the generator was the bottleneck`.
    pub what: String,
    /// With its unit, `worker 2 at 99 % of a core`; empty where nothing was measured.
    pub measured: String,
    /// With its unit, `95 %`; empty where there is none.
    pub limit: String,
    /// What to do about it; empty where nothing need be done.
    pub remedy: String,
}

/// How much a reason weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know; takes nothing away from the figures.
    Note,
    /// Makes the run suspect.
    Suspect,
    /// Makes the run invalid.
    Invalid,
}

impl Severity {
    /// The name used in `report.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Suspect => "suspect",
            Self::Invalid => "invalid",
        }
    }
}
