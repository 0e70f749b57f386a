//! A bound on how much the whole server delivers, as if one worker did it all, one delivery after the
//! other, each in the same time: what is asked for beyond that waits, and the longer it goes on the longer
//! it waits. With it the load that a server carries is arithmetic.
//!
//! Each second may be faster or slower than the next, as a machine's are that does other things besides.

use std::sync::Mutex;
use std::time::Duration;

use rand::SeedableRng as _;
use rand_distr::{Distribution as _, Normal};
use rand_pcg::Pcg64Mcg;
use tokio::time::Instant;

use super::lock;

/// However slow a second is, it serves this share of what is usual.
const SLOWEST: f64 = 0.1;

#[derive(Debug)]
pub(super) struct Pace {
    state: Mutex<State>,
    per_s: f64,
    /// How many seconds differ from the usual, as a standard deviation; `None` where none does.
    jitter: Option<Normal<f64>>,
}

#[derive(Debug)]
struct State {
    /// When the worker has done all that it was asked for.
    free: Instant,
    /// What a delivery takes in the second that goes on, and that second's end.
    each: Duration,
    until: Instant,
    random: Pcg64Mcg,
}

impl Pace {
    /// `per_s` is over 0. `jitter` is the standard deviation of what a second serves, as a share.
    pub(super) fn new(per_s: f64, jitter: f64, now: Instant) -> Self {
        let random = Pcg64Mcg::from_rng(&mut rand::rng());
        let state = State { free: now, each: Duration::ZERO, until: now, random };
        // Refused only where the deviation is no number, and `check` lets none of those in.
        let jitter = if jitter > 0.0 { Normal::new(1.0, jitter).ok() } else { None };
        Self { state: Mutex::new(state), per_s, jitter }
    }

    /// When a delivery that is asked for now is done.
    pub(super) fn done_at(&self, now: Instant) -> Instant {
        let mut state = lock(&self.state);
        let begins = state.free.max(now);
        if begins >= state.until {
            let usual = |normal: &Normal<f64>| normal.sample(&mut state.random).max(SLOWEST);
            let factor = self.jitter.as_ref().map_or(1.0, usual);
            state.each = Duration::from_secs_f64(1.0 / (self.per_s * factor));
            state.until = begins + Duration::from_secs(1);
        }
        state.free = begins + state.each;
        state.free
    }

    /// So many deliveries that were asked for need not be made: their receiver is gone, or its queue full.
    pub(super) fn give_back(&self, deliveries: usize) {
        let mut state = lock(&self.state);
        let spared = state.each.saturating_mul(u32::try_from(deliveries).unwrap_or(u32::MAX));
        state.free = state.free.checked_sub(spared).unwrap_or(state.free);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_beyond_the_bound_waits_for_what_was_before() {
        let now = Instant::now();
        let pace = Pace::new(1_000.0, 0.0, now);
        let waits = |at| pace.done_at(at).saturating_duration_since(now).as_millis();
        assert_eq!((waits(now), waits(now), waits(now)), (1, 2, 3));
        // What was idle is not made up for.
        let later = now + Duration::from_millis(500);
        assert_eq!((waits(later), waits(later)), (501, 502));
    }

    #[test]
    fn what_need_not_be_done_leaves_its_time_to_others() {
        let now = Instant::now();
        let pace = Pace::new(1_000.0, 0.0, now);
        for _ in 0..10 {
            let _ = pace.done_at(now);
        }
        pace.give_back(8);
        assert_eq!(pace.done_at(now).saturating_duration_since(now).as_millis(), 3);
        pace.give_back(100);
        assert_eq!(pace.done_at(now).saturating_duration_since(now).as_millis(), 1);
    }

    #[test]
    fn seconds_differ_and_their_mean_does_not() {
        let now = Instant::now();
        let pace = Pace::new(100.0, 0.1, now);
        let mut last = now;
        for _ in 0..100_000 {
            last = pace.done_at(now);
        }
        // A thousand seconds of work; the mean of as many draws is within 1.5 % of 1, and the mean
        // of what a delivery takes is 1 % more, since slow seconds last longer.
        let took = last.saturating_duration_since(now).as_secs_f64();
        assert!((980.0..1_035.0).contains(&took), "{took}");
    }
}
