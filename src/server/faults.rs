//! Injected misbehaviour: which deliveries vanish and when the server stalls. Pure functions of
//! a seed and of time; nothing here sleeps or drops by itself.

use std::time::Duration;

use tokio::time::Instant;

/// Which of one connection's deliveries vanish.
#[derive(Debug)]
pub(super) struct Loss {
    /// The share, scaled to a `u64`; 0 never draws.
    threshold: u64,
    state: u64,
}

impl Loss {
    /// Connections differ by their number, runs by their seed.
    pub(super) fn new(share: f64, seed: u64, connection: u64) -> Self {
        // Saturates, so that a share of 1 loses all but one in 2^64.
        let threshold = (share * u64::MAX as f64) as u64;
        Self { threshold, state: mix(seed ^ mix(connection)) }
    }

    /// Whether the next one vanishes.
    pub(super) fn strikes(&mut self) -> bool {
        if self.threshold == 0 {
            return false;
        }
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state) < self.threshold
    }
}

/// SplitMix64's finalizer.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A server that stops for a while, again and again; all connections at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stalls {
    pub(super) start: Instant,
    pub(super) every: Duration,
    pub(super) length: Duration,
}

impl Stalls {
    /// The end of the stall that `now` is in. The first one comes after `every`, not at the start.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        let elapsed_ns = now.saturating_duration_since(self.start).as_nanos();
        let every_ns = self.every.as_nanos().max(1);
        let into_ns = elapsed_ns % every_ns;
        let left_ns = self.length.as_nanos().checked_sub(into_ns).filter(|left| *left > 0)?;
        let stalled = elapsed_ns >= every_ns;
        // A stall is shorter than 584 years.
        stalled.then(|| now + Duration::from_nanos(u64::try_from(left_ns).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_the_share_and_repeats_with_the_seed() {
        let lost = |seed, connection| -> Vec<bool> {
            let mut loss = Loss::new(0.1, seed, connection);
            (0..10_000).map(|_| loss.strikes()).collect()
        };
        let count = lost(1, 1).into_iter().filter(|lost| *lost).count();
        // 1,000 ± 5 standard deviations of 30.
        assert!((850..1_150).contains(&count), "{count}");
        assert_eq!(lost(1, 1), lost(1, 1));
        assert_ne!(lost(1, 1), lost(1, 2));
        assert_ne!(lost(1, 1), lost(2, 1));
    }

    #[test]
    fn no_loss_and_all_loss() {
        let mut none = Loss::new(0.0, 1, 1);
        let mut all = Loss::new(1.0, 1, 1);
        assert!((0..1_000).all(|_| !none.strikes() && all.strikes()));
    }

    #[test]
    fn stalls_begin_after_every_and_end_after_their_length() {
        let ms = Duration::from_millis;
        let start = Instant::now();
        let stalls = Stalls { start, every: ms(100), length: ms(30) };
        let rows = [
            (0, None),
            (29, None),
            (99, None),
            (100, Some(130)),
            (129, Some(130)),
            (130, None),
            (199, None),
            (200, Some(230)),
            (1_005, Some(1_030)),
        ];
        for (now_ms, until_ms) in rows {
            let until = until_ms.map(|until_ms| start + ms(until_ms));
            assert_eq!(stalls.until(start + ms(now_ms)), until, "{now_ms} ms");
        }
    }
}
