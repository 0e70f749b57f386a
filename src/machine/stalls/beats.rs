//! What the hot path may ask of the probes: two loads of memory, never a lock.

use std::sync::atomic::{AtomicU64, Ordering};

use super::layer::Layer;

/// How much longer than a period a core may be without a beat.
const GRACE_US: u64 = 1_000;

/// Stands where no probe beats.
const NO_PROBE: u64 = u64::MAX;

/// When each core's probe was last on its core, and when the last stall of each layer ended.
#[derive(Debug)]
pub struct Beats {
    period_us: u64,
    /// By number of the core.
    cores: Vec<Line>,
    /// In the order of [`Layer::ALL`], and then of those that no layer is known of.
    ends: [Line; 5],
}

/// Cores that write beside each other must not share a line of the cache.
#[derive(Debug)]
#[repr(align(128))]
struct Line(AtomicU64);

impl Beats {
    pub(super) fn new(cores: &[usize], period_us: u64) -> Self {
        let lines = cores.iter().max().map_or(0, |largest| largest + 1);
        Self {
            period_us,
            cores: (0..lines).map(|_| Line(AtomicU64::new(NO_PROBE))).collect(),
            ends: std::array::from_fn(|_| Line(AtomicU64::new(0))),
        }
    }

    /// Whether a core's probe has not been on it for more than a period and a millisecond: something
    /// holds it up at this moment, and no one can say yet what. A core without a probe never is.
    #[must_use]
    pub fn stale(&self, core: usize, now_us: u64) -> bool {
        let last_us = self.cores.get(core).map_or(NO_PROBE, |line| line.0.load(Ordering::Acquire));
        last_us < now_us.saturating_sub(self.period_us + GRACE_US)
    }

    /// When the last stall of a layer ended that is known of, in microseconds of the run's clock; 0
    /// if there was none. `None` asks for those that no layer is known of.
    ///
    /// Stalls of a core are in it once that core is no longer [stale](Self::stale): ask for that first.
    #[must_use]
    pub fn last_end_us(&self, layer: Option<Layer>) -> u64 {
        self.end(layer).0.load(Ordering::Acquire)
    }

    /// Microseconds between two beats of a core on time.
    #[must_use]
    pub fn period_us(&self) -> u64 {
        self.period_us
    }

    pub(super) fn stalled(&self, layer: Option<Layer>, end_us: u64) {
        self.end(layer).0.fetch_max(end_us, Ordering::Release);
    }

    /// A stall that ended with this beat has been told before.
    pub(super) fn beat(&self, core: usize, now_us: u64) {
        if let Some(line) = self.cores.get(core) {
            line.0.store(now_us, Ordering::Release);
        }
    }

    /// No probe beats there.
    pub(super) fn end_of(&self, core: usize) {
        self.beat(core, NO_PROBE);
    }

    fn end(&self, layer: Option<Layer>) -> &Line {
        let [uproar, server, this_machine, hypervisor, unknown] = &self.ends;
        match layer {
            Some(Layer::Uproar) => uproar,
            Some(Layer::Server) => server,
            Some(Layer::ThisMachine) => this_machine,
            Some(Layer::Hypervisor) => hypervisor,
            None => unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_is_stale_a_period_and_a_millisecond_after_its_beat() {
        let beats = Beats::new(&[1, 3], 5_000);
        beats.beat(1, 10_000);
        beats.beat(9, 10_000);
        for (core, now_us, stale) in [
            (1, 0, false),
            (1, 16_000, false),
            (1, 16_001, true),
            (3, u64::MAX, false),
            (0, u64::MAX, false),
            (9, u64::MAX, false),
        ] {
            assert_eq!(beats.stale(core, now_us), stale, "core {core} at {now_us}");
        }
        beats.end_of(1);
        assert!(!beats.stale(1, u64::MAX));
    }

    #[test]
    fn the_latest_end_of_a_layer_stays() {
        let beats = Beats::new(&[0], 1_000);
        for layer in Layer::ALL.into_iter().map(Some).chain([None]) {
            assert_eq!(beats.last_end_us(layer), 0);
            beats.stalled(layer, 7_000);
            beats.stalled(layer, 6_000);
            assert_eq!(beats.last_end_us(layer), 7_000);
        }
    }
}
