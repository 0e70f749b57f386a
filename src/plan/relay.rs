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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::codec::CodecKind;
    use crate::protocol::{Protocol, ProtocolKind};
    use crate::scenario::{Overrides, Source, read, read_protocol};

    fn protocol(text: &str) -> Protocol {
        let text = format!("format = 1\nname = \"own\"\n{text}");
        let file = read_protocol(&Source { name: "own".to_owned(), text });
        Protocol::Described(Arc::new(file.unwrap().description))
    }

    /// A cohort of two clients for each protocol.
    fn plan(protocols: &[&Protocol]) -> Plan {
        let cohorts: String = (0..protocols.len())
            .map(|n| format!("[[cohort]]\nname = \"c{n}\"\nclients = 2\n"))
            .collect();
        let text = format!(
            "format = 1\nname = \"relay\"\n[target]\nbuiltin = \"echo\"\n{cohorts}\
             [[phase]]\nname = \"steady\"\nduration = \"10s\"\n"
        );
        let source = Source { name: "test".to_owned(), text };
        let mut scenario = read(&source, &Overrides::default()).unwrap();
        for (cohort, protocol) in scenario.cohorts.iter_mut().zip(protocols) {
            cohort.protocol = (*protocol).clone();
        }
        Plan::new(scenario)
    }

    const ECHO: Protocol = Protocol::Native(ProtocolKind::Echo, CodecKind::Json);
    const FEED: Protocol = Protocol::Native(ProtocolKind::Feed, CodecKind::Json);

    /// A feed whose events have no numbers.
    fn ticker() -> Protocol {
        protocol("path = \"/\"")
    }

    /// Its publishes are acknowledged, and heard by the others.
    fn acknowledged() -> Protocol {
        protocol(
            r#"
            path = "/"
            recipients = "others"
            away = "replayed"
            [publish]
            send = '{"id":"{{ id }}","text":"{{ payload | json }}"}'
            ack = { when = { json = { "/ok" = true } }, id = "/id" }
            "#,
        )
    }

    #[test]
    fn feeds_are_known_beside_people_who_publish() {
        let ticker = ticker();
        for (protocols, listens, is_feed, has_feed) in [
            (&[&ECHO][..], &[false][..], false, false),
            (&[&FEED], &[true], true, true),
            (&[&FEED, &ticker], &[true, true], true, true),
            (&[&ECHO, &FEED], &[false, true], false, true),
            (&[&FEED, &ECHO], &[true, false], false, true),
        ] {
            let plan = plan(protocols);
            let found: Vec<bool> = (0..protocols.len()).map(|n| plan.listens(n)).collect();
            assert_eq!(found, listens);
            assert_eq!((plan.is_feed(), plan.has_feed()), (is_feed, has_feed), "{listens:?}");
            assert!(!plan.listens(protocols.len()), "there is no such cohort");
        }
    }

    #[test]
    fn losses_are_known_by_stamps_and_by_a_feeds_numbers() {
        let ticker = ticker();
        for (protocols, each, whole) in [
            (&[&ECHO][..], &[true][..], true),
            (&[&FEED], &[true], true),
            (&[&ticker], &[false], false),
            (&[&ticker, &ticker], &[false, false], false),
            (&[&ticker, &ECHO], &[false, true], true),
            (&[&FEED, &ticker], &[true, false], true),
        ] {
            let plan = plan(protocols);
            let found: Vec<bool> =
                (0..protocols.len()).map(|n| plan.knows_losses(Some(n))).collect();
            assert_eq!((found.as_slice(), plan.knows_losses(None)), (each, whole));
        }
    }

    #[test]
    fn a_client_relays_as_its_cohorts_protocol_does() {
        let plan = plan(&[&ECHO, &acknowledged()]);
        let echo =
            Relay { recipients: Recipients::Sender, away: Away::Missed, acknowledges: false };
        let own =
            Relay { recipients: Recipients::Others, away: Away::Replayed, acknowledges: true };
        assert_eq!([0, 1, 2, 3].map(|client| plan.relay(client)), [echo, echo, own, own]);
    }

    #[test]
    fn one_cohort_that_is_acknowledged_is_enough() {
        let own = acknowledged();
        for (protocols, expected) in
            [(&[&ECHO, &FEED][..], false), (&[&ECHO, &own], true), (&[&own], true)]
        {
            assert_eq!(plan(protocols).acknowledges(), expected);
        }
    }
}
