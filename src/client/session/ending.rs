//! How a connection ends, and everything that its end changes.

use tokio_tungstenite::tungstenite::Error;

use super::{Outage, Session};
use crate::client::error::DialError;
use crate::client::failure::classify;
use crate::client::hearing::Listener;
use crate::client::mailbox::HoldUp;
use crate::measure::{Failure, MemberChange, MemberEvent, Moment, RecoveryEvent};

/// Closed loop: what was on its way for less than this, or than the slowest answer took, may be answered
/// yet.
const ANSWER_MIN_US: u64 = 1_000_000;

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client) enum End {
    /// It failed, or the server ended it.
    Lost(DialError),
    /// A fault of the plan took it.
    Fault(u16),
    /// The client left on purpose and will come back.
    Left,
    /// The client was told to stop.
    Stopped,
}

impl End {
    pub(in crate::client) fn is_fault(&self) -> bool {
        matches!(self, Self::Fault(_))
    }
}

/// Our own close, once its frame is written.
#[derive(Clone, Debug)]
pub(super) struct Closing {
    pub(super) end: End,
    pub(super) deadline_us: u64,
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client) struct Ended {
    pub(in crate::client) end: End,
    pub(in crate::client) at_us: u64,
    /// Whether all rooms had been joined.
    pub(in crate::client) was_ready: bool,
    /// An outage that this connection did not get over, or the one that its end began.
    pub(in crate::client) outage: Option<Outage>,
    /// Since when nothing was heard, if that began with an earlier failure.
    pub(in crate::client) silent_since_us: Option<u64>,
}

impl Session {
    /// Gives up the connection; one that falls silent leaves its socket open.
    pub(super) fn leave_behind(self) {
        if self.falls_silent
            && let Ok(stream) = self.pipe.into_std()
        {
            self.ctx.silent.borrow_mut().push(stream);
        }
    }

    /// Closes the books. Everything the end changes is recorded here.
    pub(super) fn ended(&mut self, end: End) -> Ended {
        let now_us = self.ctx.clock.now_us();
        let hit = self.hit_by(&end, now_us);
        let mut recorder = self.ctx.recorder.borrow_mut();
        let client = self.client.id;
        match hit {
            Some(Failure { fault, .. }) => {
                let change = MemberChange::Failed { fault };
                recorder.ledger.member(MemberEvent { client, at_us: now_us, change });
            }
            None => {
                for change in self.rooms.left_all() {
                    recorder.ledger.member(MemberEvent { client, at_us: now_us, change });
                }
            }
        }
        // One that was not joined was away already, and comes back from what it was away for.
        if let (Some(failure), true) = (hit, self.stage.is_ready()) {
            // Who stood still was hit when it began to.
            if end.is_fault() || self.client.held_up.take().is_none() {
                recorder.recoveries.push(RecoveryEvent { failure, moment: Moment::Hit });
            }
            self.absence.begin(now_us, failure);
            self.ctx.is_gone(&self.client);
        }
        // Whom the plan sends home while a fault holds it up, or right after it, had no time to hear.
        if end == End::Stopped
            && let Some(hold) = self.client.held_up.take()
            && now_us < hold.until_us.saturating_add(self.ctx.patience_us())
        {
            let failure = Failure { at_us: hold.at_us, fault: Some(hold.fault) };
            recorder.recoveries.push(RecoveryEvent { failure, moment: Moment::SentHome });
        }
        let counts = recorder.counts(self.client.cohort);
        counts.reordered += self.feed.end();
        match (&end, self.stage.is_ready()) {
            (End::Lost(_) | End::Fault(_), false) => counts.failed += 1,
            (End::Lost(_) | End::Fault(_), true) => counts.lost += 1,
            (End::Left | End::Stopped, _) => {}
        }
        if self.stage.is_ready() {
            self.ctx.up.set(self.ctx.up.get() - 1);
        }
        drop(recorder);
        self.client.mailbox.set_active(false);
        self.client.captured.replace(self.talk.captured());
        self.client.last_id.set(self.talk.last_id());
        let patience_us = self.ctx.slowest_answer_us.get().max(ANSWER_MIN_US);
        self.client.with_places(|places| places.disconnected(now_us, patience_us));
        Ended {
            end,
            at_us: now_us,
            was_ready: self.stage.is_ready(),
            outage: self.absence.outage(),
            silent_since_us: self.absence.silent_since_us(),
        }
    }

    /// What the client is hit by if its connection ends so: a fault that held it up before, if
    /// one did.
    fn hit_by(&self, end: &End, now_us: u64) -> Option<Failure> {
        match end {
            End::Lost(_) => Some(match self.client.held_up.get() {
                Some(HoldUp { fault, at_us, .. }) => Failure { at_us, fault: Some(fault) },
                None => Failure { at_us: now_us, fault: None },
            }),
            End::Fault(fault) => Some(Failure { at_us: now_us, fault: Some(*fault) }),
            End::Left | End::Stopped => None,
        }
    }

    /// What a failed read or write means.
    pub(super) fn lost(&mut self, error: &Error) -> End {
        if let Some(closing) = self.closing.take() {
            return closing.end;
        }
        let error = classify(error, self.step());
        self.ctx.recorder.borrow_mut().closes.record(1006, "", false);
        self.failed(error)
    }

    pub(super) fn failed(&self, error: DialError) -> End {
        self.ctx.failure(&self.client, &error, || self.secrets());
        End::Lost(error)
    }
}
