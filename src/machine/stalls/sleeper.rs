//! Sleeping until a point of the run's clock, as exactly as the kernel can, and what became of it.

use crate::machine::clock::Clock;

/// The calling thread's sleep.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sleeper {
    clock: Clock,
    /// What the monotonic clock shows when the run's shows 0, in microseconds.
    #[cfg(target_os = "linux")]
    zero_us: u64,
}

impl Sleeper {
    /// Makes the calling thread's timers exact: they otherwise fire up to 50 us late.
    pub(super) fn of_this_thread(clock: Clock) -> Self {
        #[cfg(target_os = "linux")]
        let _ = nix::sys::prctl::set_timerslack(1);
        Self {
            clock,
            #[cfg(target_os = "linux")]
            zero_us: linux::zero_us(clock),
        }
    }

    /// Sleeps until `due_us`, never less, and gives the time it is then and how often it went to
    /// sleep for it.
    pub(super) fn until(&self, due_us: u64) -> (u64, u64) {
        let mut sleeps = 0;
        loop {
            let now_us = self.clock.now_us();
            if now_us >= due_us {
                return (now_us, sleeps);
            }
            sleeps += 1;
            // A signal that is handled wakes it early.
            #[cfg(target_os = "linux")]
            if linux::sleep(self.zero_us, due_us) {
                continue;
            }
            std::thread::sleep(std::time::Duration::from_micros(due_us - now_us));
        }
    }

    /// How often the calling thread left its core by its own will so far: once a sleep, and once
    /// more when its process is stopped within one.
    pub(super) fn left_core() -> Option<u64> {
        #[cfg(target_os = "linux")]
        {
            use nix::sys::resource::{UsageWho, getrusage};
            let usage = getrusage(UsageWho::RUSAGE_THREAD).ok()?;
            u64::try_from(usage.voluntary_context_switches()).ok()
        }
        #[cfg(not(target_os = "linux"))]
        None
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use nix::errno::Errno;
    use nix::sys::time::TimeSpec;
    use nix::time::{ClockId, ClockNanosleepFlags, clock_nanosleep};

    use super::Clock;
    use crate::machine::stalls::clocks::read_us;

    const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC;

    /// Two clocks cut to microseconds, one taken from the other: woken that much later, it never
    /// wakes too early, which would be one more sleep that leaves no core.
    const ROUNDING_US: u64 = 2;

    /// The least of some readings: in between, the thread may have lost its core.
    pub(super) fn zero_us(clock: Clock) -> u64 {
        let reading = || {
            let now_us = clock.now_us();
            read_us(CLOCK).unwrap_or(0).saturating_sub(now_us)
        };
        (0..9).map(|_| reading()).min().unwrap_or(0)
    }

    /// Whether the kernel took it, and slept or was woken.
    pub(super) fn sleep(zero_us: u64, due_us: u64) -> bool {
        let at_us = zero_us.saturating_add(due_us).saturating_add(ROUNDING_US);
        let at = TimeSpec::from_duration(std::time::Duration::from_micros(at_us));
        let slept = clock_nanosleep(CLOCK, ClockNanosleepFlags::TIMER_ABSTIME, &at);
        matches!(slept, Ok(_) | Err(Errno::EINTR))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn it_never_wakes_early_and_counts_its_sleeps() {
        let clock = Clock::starting_at(Instant::now());
        let sleeper = Sleeper::of_this_thread(clock);
        assert_eq!(sleeper.until(0).1, 0, "what is past needs no sleep");
        for _ in 0..5 {
            let due_us = clock.now_us() + 2_000;
            let left = Sleeper::left_core();
            let (now_us, sleeps) = sleeper.until(due_us);
            assert!(now_us >= due_us && sleeps <= 2, "{sleeps}");
            if let Some((before, after)) = left.zip(Sleeper::left_core()) {
                assert!(after - before <= sleeps, "a process that nobody stopped");
            }
        }
    }
}
