//! What the figures belong to: the run, the build, the plan, the server, the processes.
//!
//! Data only; nothing here was measured about messages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Run {
    /// Random; part of every room name and stamp.
    pub id: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Start to the end of the drain, seconds.
    pub duration_s: f64,
    /// Seconds in measured phases.
    pub measured_s: f64,
    /// The command line, secrets redacted.
    pub command: Vec<String>,
    /// The signal that ended the run before its plan did; `null` if none.
    pub interrupted: Option<Interruption>,
    /// What else ended the run before its plan did; `null` if nothing.
    pub ended_early: Option<EarlyEnd>,
    /// What the process exits with.
    pub exit_code: u8,
}

/// What ended a run early though no signal asked for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EarlyEnd {
    /// Why it ended.
    pub cause: EarlyCause,
    /// When its schedule was broken off, seconds; its whole length if that was over.
    pub at_s: f64,
    /// The threshold that ended it, by its `metric`; `null` if none did.
    pub threshold: Option<String>,
    /// What its figure was then, microseconds or a count; at the end it may be another.
    pub actual: Option<f64>,
    /// `actual` with its unit.
    pub actual_text: Option<String>,
}

/// Why a run ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EarlyCause {
    /// A threshold with `abort_after`: the run has failed.
    Threshold,
    /// A host that is not ours and refuses the load: the run is invalid.
    Unwelcome,
    /// uproar itself failed: the run is invalid.
    Failure,
}

/// What ended a run early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Interruption {
    /// Ctrl-C (SIGINT).
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal was closed.
    Hangup,
}

/// A build of uproar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Build {
    /// Semantic version.
    pub version: String,
    /// Git commit; `null` when built outside a checkout.
    pub commit: Option<String>,
    /// `release` or `debug`.
    pub profile: String,
}

/// The question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ScenarioSummary {
    /// Letters, digits, `-` and `_`.
    pub name: String,
    /// As the scenario file asks it.
    pub question: String,
    /// What later runs are compared by, and how much each figure may change: `[baseline]`.
    #[serde(default)]
    pub baseline: BTreeMap<String, String>,
}

/// What the run set out to do. Rates are those of the busiest second planned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlanSummary {
    /// `1,000 publishes/s × 20 recipients = 20,000 deliveries/s`.
    pub headline: String,
    /// `1,000 clients in 50 rooms of 20, 1 msg/s each`.
    pub description: String,
    /// Clients at the peak.
    pub clients: u64,
    /// Rooms in all sets together.
    pub rooms: u64,
    /// Pairs of client and room.
    pub memberships: u64,
    /// All phases, without the drain, seconds.
    pub duration_s: f64,
    /// Messages due a second, at the peak; `null` where a closed loop decides.
    pub publishes_per_s: Option<f64>,
    /// Deliveries expected a second, at the peak; `null` where a closed loop decides.
    pub deliveries_per_s: Option<f64>,
    /// Files the generator needs open at the peak.
    pub open_files: u64,
    /// Memory the generator is predicted to need, bytes.
    pub memory_bytes: u64,
}

/// The server under test and how it was spoken to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Target {
    /// Whether uproar started its own reference server.
    pub builtin: bool,
    /// Without user, password or tokens.
    pub url: String,
    /// Name of the protocol.
    pub protocol: String,
    /// Every codec in use.
    pub codecs: Vec<String>,
}

/// What a process used over the whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProcessUse {
    /// User and system time, seconds.
    pub cpu_s: Option<f64>,
    /// The busiest of its workers.
    pub busiest_worker: Option<BusiestWorker>,
    /// Largest resident set, bytes.
    pub rss_peak_bytes: Option<u64>,
}

/// What the whole machine did over the run, whoever it did it for. In a container this is the
/// host's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MachineUse {
    /// Share of all its cores that were busy; 1.0 is all cores all the time. `null` where the
    /// system doesn't tell.
    pub busy_share: Option<f64>,
    /// Share that the hypervisor gave to other virtual machines while this one had work to do;
    /// `null` where the system doesn't tell.
    pub steal_share: Option<f64>,
}

/// The worker that used most of its core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BusiestWorker {
    /// Counted from 0.
    pub worker: u32,
    /// CPU time by elapsed time while measuring; 1.0 is a whole core.
    pub share: f64,
}
