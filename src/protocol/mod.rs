//! How a client speaks to a server: what it writes to join, leave and publish, and what an
//! arriving frame means. A protocol never opens a connection and never counts anything.

mod native;
mod relay;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use native::Protocol;
pub use relay::{Away, Recipients};

/// What a frame without a stamp means to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A join is confirmed.
    Joined(Cow<'a, str>),
    /// A leave is confirmed.
    Left(Cow<'a, str>),
    /// A feed's event.
    Push {
        /// Counts up by one from event to event.
        seq: u64,
        /// Unix time by the server's clock.
        timestamp_ms: u64,
    },
    /// The server refuses something.
    Error(Cow<'a, str>),
    /// Nothing this protocol knows.
    Unmatched,
}

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
