//! Which clients are away for good, and whose doing that is: whom the plan sends home before it had
//! the time to join or to come back has not failed, and neither has the server.
//!
//! Had the time: an attempt of it failed, or one went on for longer than the slowest that got in took.

use super::context::{Client, Context};
use super::session::Outage;
use crate::measure::{Moment, RecoveryEvent, Standing};

/// Nobody is expected to be joined sooner than this after its dial began.
const PATIENCE_MIN_US: u64 = 1_000_000;

/// What a client that is not joined has tried so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tried {
    /// An attempt failed since it was last joined, or came up.
    pub(super) failed: bool,
    /// Since when the attempt goes on that is under way.
    pub(super) since_us: Option<u64>,
}

impl Context {
    /// How long a client may take until it is joined, by what the slowest took that was.
    pub(super) fn patience_us(&self) -> u64 {
        self.slowest_ready_us.get().max(PATIENCE_MIN_US)
    }

    fn stand(&self, change: impl FnOnce(&mut Standing)) {
        let mut standing = self.standing.get();
        change(&mut standing);
        self.standing.set(standing);
    }

    /// A client that was joined has lost its connection.
    pub(super) fn is_gone(&self, client: &Client) {
        if !client.not_back.replace(true) {
            self.stand(|standing| standing.not_back += 1);
        }
    }

    /// A client is joined, or need not come back any more.
    pub(super) fn is_no_longer_gone(&self, client: &Client) {
        if client.not_back.replace(false) {
            self.stand(|standing| standing.not_back -= 1);
        }
    }

    /// A client is joined in all its rooms, which took it `took_us`.
    pub(super) fn is_joined(&self, client: &Client, took_us: u64) {
        self.slowest_ready_us.set(self.slowest_ready_us.get().max(took_us));
        self.is_no_longer_gone(client);
        if client.sent_home.replace(false) {
            self.stand(|standing| standing.sent_home -= 1);
        }
    }

    /// The plan sends a client home that is not joined.
    pub(super) fn send_home(&self, client: &Client, outage: Option<Outage>, tried: Tried) {
        let now_us = self.clock.now_us();
        let slow = |since_us: u64| now_us.saturating_sub(since_us) > self.patience_us();
        if tried.failed || tried.since_us.is_some_and(slow) {
            return;
        }
        match outage {
            // At the run's end a client is away that the server lost, however short its time was.
            Some(outage) if !self.ending.get() || outage.hit().fault.is_some() => {
                let event = RecoveryEvent { failure: outage.hit(), moment: Moment::SentHome };
                self.recorder.borrow_mut().recoveries.push(event);
                self.is_no_longer_gone(client);
            }
            None if !client.joined_once.get() && !client.sent_home.replace(true) => {
                self.stand(|standing| standing.sent_home += 1);
            }
            _ => {}
        }
    }
}
