//! Takes what is due from the agenda, on time: one high-resolution timer for all clients.

use std::io;

use crate::client::{Agenda, Event};
use crate::machine::clock::Clock;
use crate::machine::timer::Timer;

/// Wake-ups closer together than this are served as one: a timer that fires for each message
/// costs a system call each, and lateness of this size is below what a socket adds.
const BUCKET_US: u64 = 50;

/// The worker's one timer.
#[derive(Debug)]
pub struct Pacer {
    timer: Timer,
    /// Due events are taken without asking the timer, but other tasks get their turn in between.
    taken: u32,
}

/// When to look again, at `now_us`, if the earliest event is due at `due_us`: never before it, and
/// not before a bucket is over.
fn wake_us(now_us: u64, due_us: u64) -> u64 {
    due_us.max(now_us.saturating_add(BUCKET_US))
}

/// Events taken in a row before other tasks run.
const BURST: u32 = 32;

impl Pacer {
    /// A pacer on the current runtime.
    ///
    /// # Errors
    ///
    /// When the timer can't be made.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn new() -> io::Result<Self> {
        Ok(Self { timer: Timer::new()?, taken: 0 })
    }

    /// Waits for an instant.
    pub(super) async fn wait_until(&mut self, at: std::time::Instant) -> io::Result<()> {
        self.timer.wait_until(at).await
    }

    /// The next event if it is due, unless it is other tasks' turn.
    pub(super) fn next_due(&mut self, agenda: &Agenda, clock: &Clock) -> Option<(u64, Event)> {
        if self.taken >= BURST {
            return None;
        }
        let due = agenda.take_due(clock.now_us())?;
        self.taken += 1;
        Some(due)
    }

    /// The next event, as soon as it is due and never before. Cancel-safe: an event is taken
    /// only when it is returned.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to arm the timer.
    pub async fn next(&mut self, agenda: &Agenda, clock: &Clock) -> io::Result<(u64, Event)> {
        loop {
            if self.taken >= BURST {
                self.taken = 0;
                tokio::task::yield_now().await;
            }
            if let Some(due) = self.next_due(agenda, clock) {
                return Ok(due);
            }
            self.taken = 0;
            let now_us = clock.now_us();
            let Some(at_us) = agenda.earliest_us() else {
                agenda.earlier().await;
                continue;
            };
            let wake_at = clock.instant(wake_us(now_us, at_us));
            tokio::select! {
                biased;
                waited = self.timer.wait_until(wake_at) => waited?,
                () = agenda.earlier() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_wakes_never_early_and_at_most_a_bucket_late() {
        // now, due -> wake
        let rows = [
            (0, 0, 50),
            (1_000, 1_001, 1_050), // within the bucket: served with what else is due by then
            (1_000, 1_050, 1_050),
            (1_000, 1_051, 1_051),
            (1_000, 9_000_000, 9_000_000),
            (5_000, 4_000, 5_050), // overdue
            (u64::MAX - 10, 3, u64::MAX),
            (0, u64::MAX, u64::MAX),
        ];
        for (now_us, due_us, wake) in rows {
            assert_eq!(wake_us(now_us, due_us), wake, "at {now_us}, due {due_us}");
            assert!(wake >= due_us && wake <= due_us.max(now_us.saturating_add(BUCKET_US)));
        }
    }

    /// An hour of one client's messages at an odd rate, served by the rule above with no time
    /// passing in between: how late each is served does not grow.
    #[test]
    fn an_hour_of_wake_ups_does_not_drift() {
        let due_us = |k: u64| (k as f64 / 137.3 * 1e6).ceil() as u64;
        let (mut now_us, mut k, mut latest_us) = (0, 0, 0);
        while now_us < 3_600_000_000 {
            while due_us(k) <= now_us {
                latest_us = latest_us.max(now_us - due_us(k));
                k += 1;
            }
            now_us = wake_us(now_us, due_us(k));
        }
        assert!((494_280..=494_281).contains(&k), "{k} messages");
        assert!(latest_us <= BUCKET_US, "{latest_us}");
    }
}
