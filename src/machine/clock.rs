//! The run's clock: microseconds since the run's start, on the monotonic clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A monotonic clock with the run's start as its zero. Workers of one machine share the
/// start, so that their times compare.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: Instant,
}

impl Clock {
    /// A clock whose zero is `epoch`.
    #[must_use]
    pub fn starting_at(epoch: Instant) -> Self {
        Self { epoch }
    }

    /// Microseconds since the start; 0 before it.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        micros(self.epoch.elapsed())
    }

    /// The instant at which this clock shows `at_us`.
    #[must_use]
    pub fn instant(&self, at_us: u64) -> Instant {
        self.epoch + Duration::from_micros(at_us)
    }
}

/// Whole microseconds of a duration, saturating.
#[must_use]
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Unix time in milliseconds by the system's clock, 0 if it stands before 1970.
#[must_use]
pub fn unix_ms() -> u64 {
    unix_us() / 1_000
}

/// Unix time in microseconds by the system's clock, 0 if it stands before 1970.
#[must_use]
pub fn unix_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros)
}
