//! The report: what a run found, as a plain versioned struct that `report.json` holds.
//!
//! Data and its documentation only. Nothing here measures, judges or prints. A figure that can't
//! be known is `None` (`null`), never 0. Latencies are whole microseconds; lengths of time end in
//! `_s` and are seconds.

mod figures;
mod judgement;
mod latency;
mod resources;
mod setting;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use figures::*;
pub use judgement::*;
pub use latency::{Latency, LatencyUnit, NoHistogram};
pub use resources::*;
pub use setting::*;

use crate::machine::host::Host;
use crate::metric::Metric;

/// The version of the schema that this build writes and reads.
pub const SCHEMA_VERSION: u32 = 1;

/// What a run found. Fields may be added within a schema version, never renamed or removed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// Version of this schema.
    pub schema_version: SchemaVersion,
    /// When, how long, and how it ended.
    pub run: Run,
    /// The decision.
    pub verdict: Verdict,
    /// The build of uproar that measured.
    pub uproar: Build,
    /// What the user asked.
    pub scenario: ScenarioSummary,
    /// Decides everything random in the plan.
    pub seed: u64,
    /// What the run set out to do.
    pub plan: PlanSummary,
    /// Names of cohorts that send only after hearing back; their latencies hide server stalls.
    pub closed_loop: Vec<String>,
    /// The server under test.
    pub target: Target,
    /// The machine uproar ran on.
    pub host: Host,
    /// What uproar itself used.
    pub generator: ProcessUse,
    /// What the built-in server used; `null` for a server that isn't ours.
    pub server: Option<ProcessUse>,
    /// What the server used of its machine, second by second, and what it told itself; `null` where
    /// nothing was watched.
    #[serde(default)]
    pub resources: Option<Resources>,
    /// What the machine that uproar ran on did, all processes together.
    #[serde(default)]
    pub machine: MachineUse,
    /// Whether the figures can be trusted.
    pub validity: Validity,
    /// In the order of the scenario.
    pub thresholds: Vec<ThresholdOutcome>,
    /// Simulated clients.
    pub clients: Clients,
    /// Connections of those clients; one client has several when it comes back.
    pub connections: Connections,
    /// Messages the plan wanted sent.
    pub publishes: Publishes,
    /// What clients did besides; `null` where they do nothing else.
    #[serde(default)]
    pub actions: Option<Actions>,
    /// The ledger: one entry a message and recipient.
    pub deliveries: Deliveries,
    /// What numbers and times of a feed could not tell; `null` where nobody listens to one.
    #[serde(default)]
    pub feed: Option<FeedFigures>,
    /// Frames received, by what they were taken for.
    pub frames: Frames,
    /// One example of each kind of frame that was no delivery and no push, and of a corrupted
    /// delivery; the most unusual first.
    #[serde(default)]
    pub examples: Vec<Example>,
    /// The rules of protocol files, in the order in which frames are held against them, with what they
    /// took.
    #[serde(default)]
    pub rules: Vec<RuleFigures>,
    /// Bytes on the clients' sockets, framing and handshakes included.
    pub bytes: Bytes,
    /// How connections ended.
    pub closes: Vec<CloseGroup>,
    /// What went wrong, grouped; the most frequent first.
    pub errors: Vec<ErrorGroup>,
    /// What was broken on purpose, in order of time.
    pub faults: Vec<FaultOutcome>,
    /// Latencies of the measured phases together, by metric.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, Latency>"))]
    pub latency: BTreeMap<Metric, Latency>,
    /// First and last arrivals by how many heard a message, the fewest first; at most 18.
    #[serde(default)]
    pub spread_by_size: Vec<SpreadFigures>,
    /// In order of time.
    pub phases: Vec<PhaseFigures>,
    /// In the order of the scenario.
    pub cohorts: Vec<CohortFigures>,
    /// The run over time, at most 600 points.
    pub series: Vec<SeriesPoint>,
    /// How much of the run the ledger followed.
    pub ledger: LedgerScope,
    /// Bounds of our own that took effect.
    pub limits_hit: Vec<LimitHit>,
}

/// A schema version; a new report has the one this build writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct SchemaVersion(pub u32);

impl Default for SchemaVersion {
    fn default() -> Self {
        Self(SCHEMA_VERSION)
    }
}
