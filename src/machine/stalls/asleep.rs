//! Whether the machine was suspended: the boot clock goes on then, the monotonic one does not.

/// Growth from which it is a suspension: the clocks are read one after the other.
const LEAST_US: i64 = 1_000;

/// How far the boot clock is ahead.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asleep {
    ahead_us: Option<i64>,
}

impl Asleep {
    /// How long the machine was suspended since the last call, in microseconds; 0 where the system
    /// has no such clock.
    pub(super) fn since_last_us(&mut self) -> u64 {
        ahead_us().map_or(0, |ahead_us| self.grown_us(ahead_us))
    }

    fn grown_us(&mut self, ahead_us: i64) -> u64 {
        let before_us = *self.ahead_us.get_or_insert(ahead_us);
        let grown_us = ahead_us.saturating_sub(before_us);
        if grown_us < LEAST_US {
            // A reading that fell between two turns is too small: the largest is the nearest.
            self.ahead_us = Some(before_us.max(ahead_us));
            return 0;
        }
        self.ahead_us = Some(ahead_us);
        u64::try_from(grown_us).unwrap_or(0)
    }
}

/// The boot clock first: what passes between the two makes it less, never a suspension.
#[cfg(target_os = "linux")]
fn ahead_us() -> Option<i64> {
    use super::clocks::read_us;
    use nix::time::ClockId;
    let boot_us = i64::try_from(read_us(ClockId::CLOCK_BOOTTIME)?).ok()?;
    boot_us.checked_sub_unsigned(read_us(ClockId::CLOCK_MONOTONIC)?)
}

#[cfg(not(target_os = "linux"))]
fn ahead_us() -> Option<i64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_boot_clock_gains_is_a_suspension() {
        let mut asleep = Asleep::default();
        // how far ahead -> suspended
        let rows = [
            (5_000_000, 0),
            (5_000_000, 0),
            // Preempted between the two readings, and not.
            (4_900_000, 0),
            (5_000_000, 0),
            (5_000_999, 0),
            (8_000_999, 3_000_000),
            (8_000_999, 0),
            (-1, 0),
        ];
        for (ahead_us, suspended_us) in rows {
            assert_eq!(asleep.grown_us(ahead_us), suspended_us, "{ahead_us}");
        }
        assert_eq!(Asleep::default().since_last_us(), 0);
    }
}
