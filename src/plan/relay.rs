//! What a cohort's protocol does with a message, as far as the ledger and the prediction need it.

use super::Plan;
use crate::protocol::{Audience, Away, Recipients};
use crate::scenario::Cohort;

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
    pub(super) fn of(cohort: &Cohort) -> Self {
        let protocol = &cohort.protocol;
        Self {
            recipients: protocol.recipients(),
            away: protocol.away(),
            acknowledges: protocol.acknowledges(),
        }
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

    /// Whether nobody publishes, because the server pushes to everyone.
    #[must_use]
    pub fn is_feed(&self) -> bool {
        let cohorts = &self.scenario.cohorts;
        cohorts.iter().all(|cohort| cohort.protocol.audience() == Audience::Feed)
    }

    /// Whether this cohort only listens, to a server that pushes to everyone.
    #[must_use]
    pub fn listens(&self, cohort: usize) -> bool {
        let cohort = self.scenario.cohorts.get(cohort);
        cohort.is_some_and(|cohort| cohort.protocol.audience() == Audience::Feed)
    }

    /// Whether some cohort listens to a server that pushes to everyone.
    #[must_use]
    pub fn has_feed(&self) -> bool {
        (0..self.scenario.cohorts.len()).any(|cohort| self.listens(cohort))
    }

    /// Whether anything tells what was lost, of one cohort or of all: our stamps, or the numbers of a
    /// feed's events.
    #[must_use]
    pub fn knows_losses(&self, cohort: Option<usize>) -> bool {
        let mut cohorts =
            (0..self.scenario.cohorts.len()).filter(|at| cohort.is_none_or(|of| of == *at));
        cohorts.any(|at| !self.listens(at) || self.scenario.cohorts[at].protocol.numbers_events())
    }

    /// Whether any cohort's messages are acknowledged.
    #[must_use]
    pub fn acknowledges(&self) -> bool {
        self.relays.iter().any(|relay| relay.acknowledges)
    }
}
