//! Keep alive: the client must send something within its time, and a PINGREQ must be answered.

/// How long the server may take to answer a PINGREQ, where the keep alive is longer.
const PING_TIMEOUT_US: u64 = 10_000_000;

/// Instants are microseconds of the run's clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Alive {
    /// 0 keeps nothing alive.
    every_us: u64,
    sent_us: u64,
    /// The PINGREQ that waits for its PINGRESP.
    asked_us: Option<u64>,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// A PINGREQ is to be sent.
    Ping,
    /// A PINGRESP did not come in time.
    Lost,
}

impl Alive {
    pub(super) fn start(&mut self, every_us: u64) {
        self.every_us = every_us;
    }

    pub(super) fn stop(&mut self) {
        *self = Self { sent_us: self.sent_us, ..Self::default() };
    }

    pub(super) fn sent(&mut self, at_us: u64) {
        self.sent_us = self.sent_us.max(at_us);
    }

    pub(super) fn asked(&self) -> bool {
        self.asked_us.is_some()
    }

    /// False if nobody asked.
    pub(super) fn answered(&mut self) -> bool {
        self.asked_us.take().is_some()
    }

    pub(super) fn forgive(&mut self, now_us: u64) {
        if self.asked_us.is_some() {
            self.asked_us = Some(now_us);
        }
    }

    pub(super) fn deadline_us(&self) -> Option<u64> {
        if self.every_us == 0 {
            return None;
        }
        Some(match self.asked_us {
            Some(asked_us) => asked_us.saturating_add(self.every_us.min(PING_TIMEOUT_US)),
            // A tenth early: the server counts from when the last packet reached it.
            None => self.sent_us.saturating_add(self.every_us - self.every_us / 10),
        })
    }

    /// What is due by now; a PINGREQ counts as sent then.
    pub(super) fn tick(&mut self, now_us: u64) -> Option<Due> {
        if now_us < self.deadline_us()? {
            return None;
        }
        if self.asked_us.is_some() {
            return Some(Due::Lost);
        }
        self.asked_us = Some(now_us);
        self.sent(now_us);
        Some(Due::Ping)
    }
}
