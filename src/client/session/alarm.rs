//! The one alarm that wakes a session for whatever has a time limit.

use std::pin::Pin;
use std::task::Context as Task;

use tokio::task::coop::has_budget_remaining;
use tokio::time::Sleep;

use crate::machine::clock::Clock;

/// An alarm that is set as rarely as may be: most deadlines move on before they are reached.
#[derive(Debug)]
pub(super) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    /// What it is set for.
    at_us: u64,
    /// It will wake the task.
    waits: bool,
    /// The deadline it last rang for.
    rung_us: u64,
}

impl Alarm {
    pub(super) fn new() -> Self {
        Self { sleep: None, at_us: u64::MAX, waits: false, rung_us: u64::MAX }
    }

    /// Whether it wakes the task by then.
    pub(super) fn wakes_by(&self, deadline_us: u64) -> bool {
        self.waits && self.at_us <= deadline_us
    }

    /// There is no deadline now. It is kept set where one `comes_again` before it would ring.
    pub(super) fn rest(&mut self, comes_again: bool, now_us: u64) {
        if comes_again && self.waits && now_us < self.at_us {
            return;
        }
        // Kept armed it would wake for nothing; most clients have no deadline at all.
        *self = Self { rung_us: self.rung_us, ..Self::new() };
    }

    /// Sets it; true if the deadline has passed already, once for each. `now_us` is an instant of this
    /// same wake-up.
    pub(super) fn poll(
        &mut self,
        cx: &mut Task<'_>,
        clock: &Clock,
        deadline_us: u64,
        now_us: u64,
    ) -> bool {
        // It has this task's waker, and rings in time or too early: most wake-ups need not touch it.
        if self.wakes_by(deadline_us) && now_us < self.at_us {
            return false;
        }
        let instant = || clock.instant(deadline_us).into();
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(instant())));
        // One that rings too early is set again then. In a closed loop the deadline moves on with
        // every message, and hardly any is ever reached.
        if self.at_us > deadline_us {
            sleep.as_mut().reset(instant());
            self.at_us = deadline_us;
        }
        // A task whose turn is over polls nothing: it is woken again at once, and leaves no waker.
        self.waits = has_budget_remaining();
        while sleep.as_mut().poll(cx).is_ready() {
            if self.at_us < deadline_us {
                sleep.as_mut().reset(instant());
                self.at_us = deadline_us;
                continue;
            }
            // A rejoin that is due may have to wait for the socket, which wakes the task by itself:
            // acting on the same deadline twice would spin.
            return std::mem::replace(&mut self.rung_us, deadline_us) != deadline_us;
        }
        false
    }
}

#[cfg(test)]
mod tests;
