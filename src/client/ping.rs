//! WebSocket pings of one connection: when the next goes out, and which is unanswered.

use crate::machine::clock::micros;
use crate::scenario::WsPing;

/// One connection's pings. Only one is on its way at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pinger {
    every_us: u64,
    timeout_us: u64,
    next_us: u64,
    sent_us: Option<u64>,
}

/// What a pinger wants at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    Nothing,
    /// Send a ping with this payload.
    Ping([u8; 8]),
    /// The last ping was not answered in time.
    GiveUp,
}

impl Pinger {
    pub(super) fn new(policy: WsPing, now_us: u64) -> Self {
        let (every_us, timeout_us) = (micros(policy.every), micros(policy.timeout));
        Self { every_us, timeout_us, next_us: now_us + every_us, sent_us: None }
    }

    /// Begins anew: what was on its way is not waited for.
    pub(super) fn restart(&mut self, now_us: u64) {
        self.next_us = now_us + self.every_us;
        self.sent_us = None;
    }

    /// When something is next to be done.
    pub(super) fn deadline_us(&self) -> u64 {
        self.sent_us.map_or(self.next_us, |sent_us| sent_us + self.timeout_us)
    }

    pub(super) fn at(&mut self, now_us: u64) -> Wants {
        match self.sent_us {
            Some(sent_us) if now_us >= sent_us + self.timeout_us => Wants::GiveUp,
            None if now_us >= self.next_us => {
                self.sent_us = Some(now_us);
                self.next_us = now_us + self.every_us;
                Wants::Ping(now_us.to_be_bytes())
            }
            _ => Wants::Nothing,
        }
    }

    /// Takes a pong; gives the round trip in microseconds if it answers the ping on its way.
    pub(super) fn pong(&mut self, payload: &[u8], now_us: u64) -> Option<u64> {
        let sent_us = self.sent_us.filter(|sent_us| payload == sent_us.to_be_bytes())?;
        self.sent_us = None;
        Some(now_us.saturating_sub(sent_us))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn pings_go_out_in_turn_and_time_out() {
        let policy = WsPing { every: Duration::from_secs(10), timeout: Duration::from_secs(3) };
        let mut pinger = Pinger::new(policy, 0);
        assert_eq!(pinger.deadline_us(), 10_000_000);
        assert_eq!(pinger.at(9_999_999), Wants::Nothing);
        let sent_us = 10_000_000_u64;
        assert_eq!(pinger.at(sent_us), Wants::Ping(sent_us.to_be_bytes()));
        assert_eq!(pinger.deadline_us(), 13_000_000);
        assert_eq!(pinger.pong(b"else", 10_000_100), None);
        assert_eq!(pinger.pong(&sent_us.to_be_bytes(), 10_000_250), Some(250));
        assert_eq!(pinger.deadline_us(), 20_000_000);
        assert!(matches!(pinger.at(20_000_000), Wants::Ping(_)));
        assert_eq!(pinger.at(23_000_000), Wants::GiveUp);
        pinger.restart(30_000_000);
        assert_eq!(pinger.at(39_999_999), Wants::Nothing);
        assert_eq!(pinger.deadline_us(), 40_000_000);
    }
}
