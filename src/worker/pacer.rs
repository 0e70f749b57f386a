//! Takes what is due from the agenda, on time: one high-resolution timer for all clients.

use std::io;
use std::time::Duration;

use crate::client::{Context, Event};
use crate::machine::timer::Timer;

/// Wake-ups closer together than this are served as one: a timer that fires for each message
/// costs a system call each, and lateness of this size is below what a socket adds.
const BUCKET: Duration = Duration::from_micros(50);

/// The worker's one timer.
#[derive(Debug)]
pub(super) struct Pacer {
    timer: Timer,
    /// Due events are taken without asking the timer, but other tasks get their turn in between.
    taken: u32,
}

/// Events taken in a row before other tasks run.
const BURST: u32 = 32;

impl Pacer {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { timer: Timer::new()?, taken: 0 })
    }

    /// Waits for an instant.
    pub(super) async fn wait_until(&mut self, at: std::time::Instant) -> io::Result<()> {
        self.timer.wait_until(at).await
    }

    /// The next event, as soon as it is due and never before. Cancel-safe: an event is taken
    /// only when it is returned.
    pub(super) async fn next(&mut self, ctx: &Context) -> io::Result<(u64, Event)> {
        loop {
            if self.taken >= BURST {
                self.taken = 0;
                tokio::task::yield_now().await;
            }
            let now_us = ctx.clock.now_us();
            if let Some(due) = ctx.agenda.take_due(now_us) {
                self.taken += 1;
                return Ok(due);
            }
            self.taken = 0;
            let Some(at_us) = ctx.agenda.earliest_us() else {
                ctx.agenda.earlier().await;
                continue;
            };
            let soonest = std::time::Instant::now() + BUCKET;
            let deadline = ctx.clock.instant(at_us).max(soonest);
            tokio::select! {
                biased;
                waited = self.timer.wait_until(deadline) => waited?,
                () = ctx.agenda.earlier() => {}
            }
        }
    }
}
