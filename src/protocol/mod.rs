//! How a client speaks to a server: what it writes to join, leave and publish, and what an
//! arriving frame means. A protocol never opens a connection and never counts anything.

use serde::{Deserialize, Serialize};

/// The protocols that are built in, named as the built-in server's modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProtocolKind {
    /// uproar's own chat protocol: rooms that are joined and left.
    Rooms,
    /// Every frame comes back as it is, to its sender only.
    Echo,
    /// Every frame goes as it is to everyone connected, the sender too.
    Broadcast,
    /// The server pushes numbered events; clients only listen.
    Feed,
}

impl ProtocolKind {
    /// Every protocol.
    pub const ALL: [Self; 4] = [Self::Rooms, Self::Echo, Self::Broadcast, Self::Feed];

    /// The name used in scenario files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rooms => "rooms",
            Self::Echo => "echo",
            Self::Broadcast => "broadcast",
            Self::Feed => "feed",
        }
    }

    /// The protocol of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
