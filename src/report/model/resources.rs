//! What the server's processes used of its machine. Data only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the server under test used of its machine, and what it told itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Resources {
    /// Who was watched: `process 4711 (node), on port 8080`; empty where only pages of metrics were.
    pub what: String,
    /// Figures of the measured part by the name that thresholds have after `target.`: shares (1.0 is all),
    /// microseconds, bytes or counts, and as they are of metrics that the server tells, counters by the
    /// second. `null` where one is not known.
    pub figures: BTreeMap<String, Option<f64>>,
    /// Names of the metrics that the server tells, in the order of `taken` of the points.
    pub taken: Vec<String>,
    /// CPU time that watching took, seconds.
    pub watching_cpu_s: f64,
    /// Over time, about a second each, at most 600.
    pub points: Vec<ResourcePoint>,
}

/// What was used in a stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ResourcePoint {
    /// Seconds from the start of the run to the start of this stretch.
    pub t_s: f64,
    /// Length of this stretch, seconds.
    pub width_s: f64,
    /// CPU time, as a share of what its cores have; 1.0 is all of them.
    pub cpu_share: Option<f64>,
    /// Cores' worth of CPU time that it may use, by affinity and quota.
    pub cores: Option<f64>,
    /// CPU time of the thread that used most, as a share of one core.
    pub thread_cpu_share: Option<f64>,
    /// CPU time of everybody else on those cores, as a share of what they have.
    pub others_share: Option<f64>,
    /// How long its threads waited for a core, all together, by the time: may be over 1.
    pub run_delay_share: Option<f64>,
    /// How long its control group's quota was used up, by the time.
    pub throttled_share: Option<f64>,
    /// The longest stretch in which it stood still; `null` where it did not.
    pub still: Option<StillStretch>,
    /// Resident memory, bytes.
    pub rss_bytes: Option<u64>,
    /// How much memory it may use, bytes; `null` where that is not limited.
    pub memory_limit_bytes: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
    /// Open files of the process that has most of those it may have.
    pub open_files: Option<u64>,
    /// How many that process may have.
    pub open_files_limit: Option<u64>,
    /// Connections that came while an accept queue was full, of all listeners in its network namespace.
    pub listen_overflows: Option<u64>,
    /// Connections dropped at a listener, of the same.
    pub listen_drops: Option<u64>,
    /// TCP segments sent again, of all connections in its network namespace.
    pub retransmits: Option<u64>,
    /// Metrics that the server tells.
    pub taken: Vec<Option<f64>>,
}

/// A stretch in which the server stood still: it was stopped, or used no CPU time though it was at work
/// before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StillStretch {
    /// Seconds from the start of the run.
    pub at_s: f64,
    /// Seconds, to about 0.1.
    pub length_s: f64,
    /// Whether it was stopped, by a signal or a debugger.
    pub stopped: bool,
    /// What its main thread waited for inside the kernel, by the kernel's name; `null` where it ran, or
    /// that is not told.
    pub waits_in: Option<String>,
}
