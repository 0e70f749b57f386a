//! When the next frame may be read: a stalled client reads nothing for a while, and a slow one waits
//! after each frame.

/// What holds reading up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// Nothing is read before this; 0 where nothing holds it up.
    from_us: u64,
    /// A slow consumer's pause between two frames.
    gap_us: Option<u64>,
}

/// Whether the next frame may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Shut,
    /// From now on again.
    Opened {
        /// Nothing at all was read until now.
        was_deaf: bool,
    },
}

impl Reading {
    /// `rate_per_s`: how many frames a slow consumer reads.
    pub(super) fn new(rate_per_s: Option<f64>) -> Self {
        Self { from_us: 0, gap_us: rate_per_s.map(|rate_per_s| (1e6 / rate_per_s) as u64) }
    }

    /// Nothing is read until then.
    pub(super) fn stall(&mut self, until_us: u64) {
        self.from_us = until_us;
    }

    /// A frame was read.
    pub(super) fn pause(&mut self, now_us: impl FnOnce() -> u64) {
        if let Some(gap_us) = self.gap_us {
            self.from_us = now_us().saturating_add(gap_us);
        }
    }

    /// Whether anything holds it up.
    pub(super) fn is_held_up(&self) -> bool {
        self.from_us > 0
    }

    /// Whether it reads nothing at all for a while: a pong that is not read is no sign of a dead
    /// connection.
    pub(super) fn is_deaf(&self) -> bool {
        self.is_held_up() && self.gap_us.is_none()
    }

    /// Looks whether what holds it up is over.
    pub(super) fn look(&mut self, now_us: u64) -> Gate {
        if now_us < self.from_us {
            return Gate::Shut;
        }
        let was_deaf = self.is_deaf();
        self.from_us = 0;
        Gate::Opened { was_deaf }
    }

    /// When that is over.
    pub(super) fn deadline_us(&self) -> Option<u64> {
        self.is_held_up().then_some(self.from_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_stalls_is_deaf_until_it_is_over() {
        let mut reading = Reading::new(None);
        reading.pause(|| panic!("no clock is read for those who read as it comes"));
        assert!(!reading.is_held_up() && !reading.is_deaf() && reading.deadline_us().is_none());
        reading.stall(500);
        assert!(reading.is_held_up() && reading.is_deaf());
        assert_eq!((reading.look(499), reading.deadline_us()), (Gate::Shut, Some(500)));
        assert_eq!(reading.look(500), Gate::Opened { was_deaf: true });
        assert!(!reading.is_held_up() && reading.deadline_us().is_none());
        assert_eq!(reading.look(501), Gate::Opened { was_deaf: false });
    }

    #[test]
    fn a_slow_consumer_waits_after_each_frame_and_is_never_deaf() {
        let mut reading = Reading::new(Some(4.0));
        assert!(!reading.is_held_up());
        reading.pause(|| 1_000);
        assert_eq!((reading.deadline_us(), reading.is_deaf()), (Some(251_000), false));
        assert_eq!(reading.look(250_999), Gate::Shut);
        assert_eq!(reading.look(251_000), Gate::Opened { was_deaf: false });
        // Also when it stalls: it reads again, only later.
        reading.stall(900_000);
        assert!(!reading.is_deaf());
        assert_eq!(reading.look(900_000), Gate::Opened { was_deaf: false });
    }
}
