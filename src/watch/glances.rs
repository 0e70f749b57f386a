//! Whether the server stands still: ten glances a second at the CPU time of its processes. Pure: what was
//! seen comes in.

use crate::measure::Still;

/// How often the server is glanced at.
pub(super) const GLANCE_US: u64 = 100_000;
/// With less CPU time than this in a glance's time it did nothing.
const NOTHING_NS: u64 = 500_000;
/// Standing still for less than this is not told from a pause between messages.
const SHORTEST_US: u64 = 250_000;
/// Of so many glances before, so many have to have seen it at work: else it has nothing to do.
const BEFORE: u32 = 20;
const AT_WORK: u32 = 15;

/// What one glance saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) at_us: u64,
    /// CPU time since the glance before, of all processes.
    pub(super) cpu_ns: u64,
    pub(super) stopped: bool,
    pub(super) waits_in: Option<String>,
}

/// A run of glances.
#[derive(Debug, Default)]
pub(super) struct Glances {
    /// Which of the last [`BEFORE`] saw it at work, the newest in the lowest bit.
    at_work: u32,
    /// The stretch that goes on.
    going_on: Option<Still>,
    /// The longest that ended since the last time it was asked.
    longest: Option<Still>,
    last_us: Option<u64>,
}

impl Glances {
    pub(super) fn take(&mut self, seen: Seen) {
        let before_us = self.last_us.replace(seen.at_us);
        if seen.cpu_ns < NOTHING_NS && self.was_busy(seen.stopped) {
            let from_us = before_us.unwrap_or(seen.at_us);
            let still = self.going_on.get_or_insert(Still {
                from_us,
                length_us: 0,
                stopped: false,
                waits_in: None,
            });
            still.length_us = seen.at_us.saturating_sub(still.from_us);
            still.stopped |= seen.stopped;
            if seen.waits_in.is_some() {
                still.waits_in = seen.waits_in;
            }
            return;
        }
        let ended = self.going_on.take();
        self.keep(ended);
        self.at_work = self.at_work << 1 | u32::from(seen.cpu_ns >= NOTHING_NS);
    }

    /// It goes on where it began: what was before says whether it has something to do.
    fn was_busy(&self, stopped: bool) -> bool {
        let recent = self.at_work & ((1 << BEFORE) - 1);
        self.going_on.is_some() || stopped || recent.count_ones() >= AT_WORK
    }

    fn keep(&mut self, ended: Option<Still>) {
        let length = |still: &Option<Still>| still.as_ref().map(|still| still.length_us);
        if length(&ended) > length(&self.longest) {
            self.longest = ended;
        }
    }

    /// The longest since the last time, what goes on included.
    pub(super) fn longest(&mut self) -> Option<Still> {
        let going_on = self.going_on.clone();
        self.keep(going_on);
        self.longest.take().filter(|still| still.length_us >= SHORTEST_US)
    }

    /// Its processes are others now.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: u64 = 20_000_000;

    fn seen(n: u64, cpu_ns: u64) -> Seen {
        Seen { at_us: n * GLANCE_US, cpu_ns, ..Seen::default() }
    }

    #[test]
    fn a_busy_server_that_does_nothing_stands_still() {
        let mut glances = Glances::default();
        (0..30).for_each(|n| glances.take(seen(n, WORK)));
        assert_eq!(glances.longest(), None);
        for n in 30..38 {
            let waits_in = Some("anon_pipe_write".to_owned());
            glances.take(Seen { waits_in, ..seen(n, 0) });
        }
        // It goes on over the end of a second, and is told as it is by then.
        assert_eq!(glances.longest().unwrap().length_us, 800_000);
        glances.take(seen(38, 0));
        glances.take(seen(39, WORK));
        let still = glances.longest().unwrap();
        assert_eq!((still.from_us, still.length_us), (2_900_000, 900_000));
        assert_eq!(still.waits_in.as_deref(), Some("anon_pipe_write"));
        assert_eq!(glances.longest(), None);
    }

    #[test]
    fn a_server_that_has_little_to_do_does_not() {
        let mut glances = Glances::default();
        (0..100).for_each(|n| glances.take(seen(n, if n % 4 == 0 { WORK } else { 0 })));
        assert_eq!(glances.longest(), None);
        // Unless it is stopped.
        (100..105).for_each(|n| glances.take(Seen { stopped: true, ..seen(n, 0) }));
        assert!(glances.longest().is_some_and(|still| still.stopped));
    }

    #[test]
    fn a_short_pause_is_none() {
        let mut glances = Glances::default();
        (0..100).for_each(|n| glances.take(seen(n, if n % 10 == 0 { 0 } else { WORK })));
        assert_eq!(glances.longest(), None);
    }
}
