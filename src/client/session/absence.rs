//! What a client went through before this connection, until it is over: an outage, and silence.

use crate::measure::Failure;

/// A connection that was lost and what lost it, until the client is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) struct Outage {
    since_us: u64,
    /// What the client was hit by, and when: earlier than the loss if it stood still before.
    hit: Failure,
}

impl Outage {
    pub(in crate::client) fn hit(self) -> Failure {
        self.hit
    }

    /// How long the client has been away, and how long it is since it was hit.
    pub(super) fn until(self, now_us: u64) -> (u64, u64) {
        (now_us.saturating_sub(self.since_us), now_us.saturating_sub(self.hit.at_us))
    }
}

/// What is not over yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Absence {
    outage: Option<Outage>,
    missed_from_us: Option<u64>,
    /// Until the first message after an outage.
    silent_since_us: Option<u64>,
}

impl Absence {
    /// `replays`: whether the client is told what it missed.
    pub(super) fn new(outage: Option<Outage>, silent_since_us: Option<u64>, replays: bool) -> Self {
        let missed_from_us = outage.filter(|_| replays).map(|outage| outage.since_us);
        Self { outage, missed_from_us, silent_since_us }
    }

    /// An outage that the client has not got over.
    pub(super) fn outage(&self) -> Option<Outage> {
        self.outage
    }

    /// When the connection before this one failed, where the protocol replays: what was sent from then
    /// on until this one joined, the client has missed.
    pub(super) fn missed_from_us(&self) -> Option<u64> {
        self.missed_from_us
    }

    /// Since when nothing was heard, if that began with an earlier failure.
    pub(super) fn silent_since_us(&self) -> Option<u64> {
        self.silent_since_us
    }

    /// The client is back: gives what it got over.
    pub(super) fn over(&mut self) -> Option<Outage> {
        self.outage.take()
    }

    /// The connection was lost.
    pub(super) fn begin(&mut self, now_us: u64, hit: Failure) {
        self.outage = Some(Outage { since_us: now_us, hit });
    }

    /// A message was heard: for how long none was, if that began with an earlier failure.
    pub(super) fn heard(&mut self, now_us: u64) -> Option<u64> {
        self.silent_since_us.take().map(|since_us| now_us.saturating_sub(since_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIT: Failure = Failure { at_us: 300, fault: Some(2) };

    fn outage() -> Outage {
        let mut absence = Absence::new(None, None, true);
        assert_eq!(
            (absence.outage(), absence.missed_from_us(), absence.over()),
            (None, None, None)
        );
        absence.begin(500, HIT);
        absence.outage().unwrap()
    }

    #[test]
    fn an_outage_is_got_over_once() {
        let outage = outage();
        assert_eq!((outage.hit(), outage.until(900)), (HIT, (400, 600)));
        let mut absence = Absence::new(Some(outage), None, false);
        assert_eq!(absence.over(), Some(outage));
        assert_eq!((absence.over(), absence.outage()), (None, None));
    }

    #[test]
    fn what_was_missed_is_told_from_the_loss_on_also_when_the_client_is_back() {
        let mut absence = Absence::new(Some(outage()), None, true);
        absence.over();
        assert_eq!(absence.missed_from_us(), Some(500));
        assert_eq!(Absence::new(Some(outage()), None, false).missed_from_us(), None);
    }

    #[test]
    fn silence_ends_with_the_first_message() {
        let mut absence = Absence::new(None, Some(100), false);
        assert_eq!(absence.silent_since_us(), Some(100));
        assert_eq!((absence.heard(350), absence.heard(400)), (Some(250), None));
        assert_eq!(absence.silent_since_us(), None);
    }
}
