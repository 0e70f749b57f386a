//! What a cohort's protocol does with a message, as far as the ledger and the prediction need it.

use super::Plan;
use crate::protocol::{Away, ProtocolKind, Recipients};
use crate::scenario::{Cohort, Scenario};

/// How a cohort's protocol relays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relay {
    /// Who hears what this cohort publishes.
    pub recipients: Recipients,
    /// What this cohort hears, on its return, of what was sent while it was away.
    pub away: Away,
    /// Whether the server acknowledges or refuses what this cohort publishes.
    pub acknowledges: bool,
}

impl Relay {
    pub(super) fn of(scenario: &Scenario, _cohort: &Cohort) -> Self {
        let recipients = match scenario.target.protocol {
            ProtocolKind::Echo => Recipients::Sender,
            ProtocolKind::Rooms | ProtocolKind::Broadcast | ProtocolKind::Feed => Recipients::Room,
        };
        Self { recipients, ..Self::default() }
    }
}

impl Plan {
    /// How the protocol of a client's cohort relays.
    #[must_use]
    pub fn relay(&self, client: u32) -> Relay {
        self.relays[self.cohort_of(client)]
    }

    /// Whether what `publisher` says in a room is for its member `receiver`.
    #[must_use]
    pub fn hears(&self, publisher: u32, receiver: u32) -> bool {
        match self.relay(publisher).recipients {
            Recipients::Room => true,
            Recipients::Others => publisher != receiver,
            Recipients::Sender => publisher == receiver,
            Recipients::Nobody => false,
        }
    }

    /// Whether any cohort's messages are acknowledged.
    #[must_use]
    pub fn acknowledges(&self) -> bool {
        self.relays.iter().any(|relay| relay.acknowledges)
    }
}
