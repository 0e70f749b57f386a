//! Which message: what workers, the settler and reports know one by.

use serde::{Deserialize, Serialize};

/// Identifies a message: the sequence counts per publisher and room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageId {
    /// The plan's room number.
    pub room: u32,
    /// The plan's client number.
    pub publisher: u32,
    /// From 0.
    pub seq: u32,
}
