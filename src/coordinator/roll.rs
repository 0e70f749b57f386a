//! Who of the workers is still there.
//!
//! A worker has a word for the coordinator at least once a second, from the start until it has
//! finished. One that misses two in a row has fallen silent: its thread is stuck, or its link dead.
//! Time is counted in the coordinator's own ticks, so that a machine that stood still, and with it
//! the coordinator, accuses nobody.

use std::time::Duration;

/// How often the roll is called.
pub(super) const TICK: Duration = Duration::from_millis(500);
/// Ticks without a word after which a worker has fallen silent: 2.5 s, and noticed within 3 s.
const SILENT_TICKS: u32 = 5;
/// A tick that comes later than this after the one before says that the coordinator itself stood
/// still: then nobody could be heard.
const STOOD_STILL: Duration = Duration::from_millis(1_250);

/// What is known of one worker.
#[derive(Clone, Copy, Debug, Default)]
struct Seat {
    /// Ticks since its last word.
    quiet_ticks: u32,
    /// It failed or fell silent: nothing more is expected of it.
    gone: bool,
    finished: bool,
    /// Snapshots since the drain began that end after the schedule did.
    drained: u32,
}

impl Seat {
    fn is_here(&self) -> bool {
        !self.gone && !self.finished
    }
}

/// Every worker, by its number.
#[derive(Debug)]
pub(super) struct Roll {
    seats: Vec<Seat>,
    /// When the schedule ended, once the drain has begun.
    drain_us: Option<u64>,
}

impl Roll {
    pub(super) fn new(workers: usize) -> Self {
        Self { seats: vec![Seat::default(); workers], drain_us: None }
    }

    /// It said something.
    pub(super) fn hear(&mut self, worker: u16) {
        if let Some(seat) = self.seats.get_mut(usize::from(worker)) {
            seat.quiet_ticks = 0;
        }
    }

    /// It handed over what it measured until `at_us`.
    pub(super) fn take_snapshot(&mut self, worker: u16, at_us: u64) {
        if self.drain_us.is_some_and(|drain_us| at_us >= drain_us)
            && let Some(seat) = self.seats.get_mut(usize::from(worker))
        {
            seat.drained += 1;
        }
    }

    pub(super) fn begin_drain(&mut self, at_us: u64) {
        self.drain_us = Some(at_us);
    }

    /// The fewest snapshots that one of those still here has handed over since the drain began.
    pub(super) fn fewest_drained(&self) -> u32 {
        let here = self.seats.iter().filter(|seat| seat.is_here());
        here.map(|seat| seat.drained).min().unwrap_or(u32::MAX)
    }

    pub(super) fn finish(&mut self, worker: u16) {
        if let Some(seat) = self.seats.get_mut(usize::from(worker)) {
            seat.finished = true;
        }
    }

    /// Expects nothing more of a worker; false if that was so already.
    pub(super) fn lose(&mut self, worker: u16) -> bool {
        let seat = self.seats.get_mut(usize::from(worker)).filter(|seat| seat.is_here());
        seat.map(|seat| seat.gone = true).is_some()
    }

    /// Those of whom something is still expected.
    pub(super) fn here(&self) -> Vec<u16> {
        self.those(Seat::is_here)
    }

    /// Counts a tick that came so long after the one before.
    pub(super) fn tick(&mut self, since_last: Duration) {
        for seat in &mut self.seats {
            seat.quiet_ticks = if since_last > STOOD_STILL { 0 } else { seat.quiet_ticks + 1 };
        }
    }

    /// Those that have fallen silent and are not known to be gone.
    pub(super) fn silent(&self) -> Vec<u16> {
        self.those(|seat| seat.is_here() && seat.quiet_ticks >= SILENT_TICKS)
    }

    fn those(&self, wanted: impl Fn(&Seat) -> bool) -> Vec<u16> {
        (0_u16..).zip(&self.seats).filter(|(_, seat)| wanted(seat)).map(|(at, _)| at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many ticks on time.
    fn ticks(roll: &mut Roll, count: u32) {
        for _ in 0..count {
            roll.tick(TICK);
        }
    }

    #[test]
    fn silence_is_two_missed_words_and_noticed_within_three_seconds() {
        let mut roll = Roll::new(3);
        ticks(&mut roll, 4);
        assert!(roll.silent().is_empty());
        roll.hear(1);
        roll.tick(TICK);
        assert_eq!(roll.silent(), [0, 2]);
        assert!(TICK * (SILENT_TICKS + 1) <= Duration::from_secs(3));
        assert!(TICK * SILENT_TICKS > Duration::from_secs(2));
        // Told once.
        assert!(roll.lose(0) && !roll.lose(0));
        assert_eq!((roll.silent(), roll.here()), (vec![2], vec![1, 2]));
        roll.finish(2);
        assert!(roll.silent().is_empty() && !roll.lose(2));
        assert_eq!(roll.here(), [1]);
    }

    #[test]
    fn who_stood_still_itself_accuses_nobody() {
        let mut roll = Roll::new(1);
        ticks(&mut roll, 4);
        roll.tick(Duration::from_secs(60));
        ticks(&mut roll, 4);
        assert!(roll.silent().is_empty());
        // A tick that is a little late still counts.
        roll.tick(Duration::from_millis(1_250));
        assert_eq!(roll.silent(), [0]);
    }

    #[test]
    fn only_snapshots_of_the_drain_count_for_it_and_only_of_those_here() {
        let mut roll = Roll::new(2);
        roll.take_snapshot(0, 900);
        roll.begin_drain(1_000);
        roll.take_snapshot(0, 999);
        roll.take_snapshot(1, 1_000);
        assert_eq!(roll.fewest_drained(), 0);
        roll.take_snapshot(0, 1_001);
        assert_eq!(roll.fewest_drained(), 1);
        roll.take_snapshot(0, 1_002);
        assert_eq!(roll.fewest_drained(), 1);
        roll.lose(1);
        assert_eq!(roll.fewest_drained(), 2);
        roll.lose(0);
        assert_eq!(roll.fewest_drained(), u32::MAX);
    }
}
