//! What a worker hands over each second. Merges without loss, and serialises.

use serde::{Deserialize, Serialize};

use super::counts::{Closes, Counts, Errors};
use super::examples::Examples;
use super::findings::Findings;
use super::hist::Histograms;
use super::ledger::LedgerPart;
use super::recovery::RecoveryEvent;

/// One interval of one worker.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// Which worker.
    pub worker: u16,
    /// The interval's end, since the run's start.
    pub at_us: u64,
    /// Latencies recorded in it.
    pub histograms: Histograms,
    /// By cohort.
    pub counts: Vec<Counts>,
    /// Errors seen in it.
    pub errors: Errors,
    /// Connections that ended in it.
    pub closes: Closes,
    /// What frames looked like.
    pub examples: Examples,
    /// The worker's part of the ledger.
    pub ledger: LedgerPart,
    /// Which messages arrived in an unusual way.
    pub findings: Findings,
    /// Clients that lost their connection or stood still, and those that are back.
    pub recoveries: Vec<RecoveryEvent>,
    /// The worker itself.
    pub health: WorkerHealth,
    /// Whether it covers the closing of the connections, which is no part of the load: its
    /// counts are the run's, its health and its place in time are not.
    pub closing: bool,
}

/// How a worker did in an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerHealth {
    /// CPU time of its thread in the interval.
    pub cpu_us: u64,
    /// The interval's length.
    pub wall_us: u64,
    /// Clients joined in all their rooms at its end.
    pub clients_up: u32,
}
