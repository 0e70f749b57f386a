//! What a worker hands over each second. Merges without loss, and serialises.

use serde::{Deserialize, Serialize};

use super::counts::{Closes, Counts, Errors};
use super::examples::Examples;
use super::findings::Findings;
use super::hist::Histograms;
use super::ledger::LedgerPart;
use super::recovery::RecoveryEvent;
use super::taken::Taken;

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
    /// Which rules of protocol files took how many.
    pub taken: Taken,
    /// The worker's part of the ledger.
    pub ledger: LedgerPart,
    /// Which messages arrived in an unusual way.
    pub findings: Findings,
    /// Clients that lost their connection or stood still, and those that are back.
    pub recoveries: Vec<RecoveryEvent>,
    /// The worker itself.
    pub health: WorkerHealth,
    /// Where its clients stand.
    pub standing: Standing,
    /// Whether it covers the closing of the connections, which is no part of the load: its
    /// counts are the run's, its health and its place in time are not.
    pub closing: bool,
}

/// Where a worker's clients stand at the end of an interval. The closing of the connections is
/// part of it: what a client was when the run let it go is what it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Clients that were joined, lost their connection and are not joined again. Those that the plan
    /// sent home before they could be are not among them.
    pub not_back: u32,
    /// Clients that the plan sent home before they had the time to join for the first time.
    pub sent_home: u32,
    /// Clients of a closed loop that stood still; known when the run is over, 0 until then.
    pub stood_still: u32,
}

impl Standing {
    /// Adds another worker's.
    pub fn merge(&mut self, other: &Self) {
        self.not_back += other.not_back;
        self.sent_home += other.sent_home;
        self.stood_still += other.stood_still;
    }
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
