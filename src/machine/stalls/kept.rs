//! The stalls of a stretch of time: the longest one by one, all of them in sums.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

use super::layer::Layer;
use super::split::Parts;

/// Stalls that are kept one by one: the longest.
pub const LONGEST: usize = 1_000;

/// Rows of a histogram of lengths.
pub const ROWS: usize = 20;

/// A time in which a thread that was due did not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stall {
    /// Microseconds of the run's clock.
    pub start_us: u64,
    /// Of a suspension this is time in which the run's clock stood still.
    pub length_us: u64,
    /// Where; `None` for what is no single core's: a stopped server, a suspended machine.
    pub core: Option<usize>,
    /// Whose the largest part of it was; `None` where the system doesn't tell.
    pub layer: Option<Layer>,
    /// What exactly, where more is known.
    pub cause: Option<String>,
}

impl Stall {
    /// Microseconds of the run's clock at which it was over.
    #[must_use]
    pub fn end_us(&self) -> u64 {
        self.start_us.saturating_add(self.length_us)
    }
}

/// All stalls of one layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfLayer {
    /// Stalls of which this layer had the largest part.
    pub count: u64,
    /// The longest of them, in microseconds.
    pub longest_us: u64,
    /// This layer's part of all stalls, in microseconds, summed over cores.
    pub sum_us: u64,
    /// The same stalls as `count` by length: from 1, 2, 4, 8 ... ms; the last row holds all that are longer.
    /// Without those at the end that are 0.
    pub by_length: Vec<u64>,
}

impl OfLayer {
    fn add(&mut self, length_us: u64) {
        self.count = self.count.saturating_add(1);
        self.longest_us = self.longest_us.max(length_us);
        let row = (length_us / 1_000).checked_ilog2().map_or(0, |row| row as usize).min(ROWS - 1);
        if self.by_length.len() <= row {
            self.by_length.resize(row + 1, 0);
        }
        if let Some(n) = self.by_length.get_mut(row) {
            *n = n.saturating_add(1);
        }
    }
}

/// The same of every layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByLayer {
    /// [`Layer::Uproar`].
    pub uproar: OfLayer,
    /// [`Layer::Server`].
    pub server: OfLayer,
    /// [`Layer::ThisMachine`].
    pub this_machine: OfLayer,
    /// [`Layer::Hypervisor`].
    pub hypervisor: OfLayer,
    /// Those that no layer is known of: systems without an account of waits.
    pub unknown: OfLayer,
}

impl ByLayer {
    /// Of one layer.
    #[must_use]
    pub fn of(&self, layer: Option<Layer>) -> &OfLayer {
        match layer {
            Some(Layer::Uproar) => &self.uproar,
            Some(Layer::Server) => &self.server,
            Some(Layer::ThisMachine) => &self.this_machine,
            Some(Layer::Hypervisor) => &self.hypervisor,
            None => &self.unknown,
        }
    }

    fn of_mut(&mut self, layer: Option<Layer>) -> &mut OfLayer {
        match layer {
            Some(Layer::Uproar) => &mut self.uproar,
            Some(Layer::Server) => &mut self.server,
            Some(Layer::ThisMachine) => &mut self.this_machine,
            Some(Layer::Hypervisor) => &mut self.hypervisor,
            None => &mut self.unknown,
        }
    }

    /// Every layer in order, and then what no layer is known of.
    pub fn iter(&self) -> impl Iterator<Item = (Option<Layer>, &OfLayer)> {
        Layer::ALL.into_iter().map(Some).chain([None]).map(|layer| (layer, self.of(layer)))
    }
}

/// For how long a core was watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probed {
    /// Its number.
    pub core: usize,
    /// From the first beat to the last, in microseconds.
    pub probed_us: u64,
}

/// What the probes found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stalls {
    /// The longest ones, by start.
    pub stalls: Vec<Stall>,
    /// All of them, by layer.
    pub by_layer: ByLayer,
    /// Each core that was watched.
    pub probed: Vec<Probed>,
    /// Between two beats of a core, in microseconds.
    pub period_us: u64,
    /// CPU time of the probes themselves, in microseconds.
    pub cpu_us: u64,
}

impl Stalls {
    /// Microseconds that were watched, summed over cores.
    #[must_use]
    pub fn probed_us(&self) -> u64 {
        self.probed.iter().map(|core| core.probed_us).sum()
    }
}

/// What probes put together while they run.
#[derive(Debug, Default)]
pub(super) struct Kept {
    longest: BinaryHeap<Shortest>,
    by_layer: ByLayer,
    /// Stalls of this machine's that wait for the name of who ran.
    unnamed: bool,
}

impl Kept {
    pub(super) fn add(&mut self, stall: Stall, parts: Parts) {
        let us = parts.by_layer_us.into_iter().chain([parts.unknown_us]);
        for (layer, us) in Layer::ALL.into_iter().map(Some).chain([None]).zip(us) {
            let sum_us = &mut self.by_layer.of_mut(layer).sum_us;
            *sum_us = sum_us.saturating_add(us);
        }
        self.by_layer.of_mut(stall.layer).add(stall.length_us);
        self.unnamed |= is_unnamed(&stall);
        if self.longest.len() < LONGEST {
            self.longest.push(Shortest(stall));
        } else if let Some(mut shortest) = self.longest.peek_mut()
            && shortest.0.length_us < stall.length_us
        {
            *shortest = Shortest(stall);
        }
    }

    /// Gives a cause to stalls of this machine's that have none and ended after `after_us`.
    pub(super) fn name(&mut self, after_us: u64, cause: &str) {
        if !std::mem::take(&mut self.unnamed) {
            return;
        }
        let mut all = std::mem::take(&mut self.longest).into_vec();
        for Shortest(stall) in &mut all {
            if is_unnamed(stall) && stall.end_us() > after_us {
                stall.cause = Some(cause.to_owned());
            }
        }
        self.longest = BinaryHeap::from(all);
    }

    /// All of it; who asks knows what the cores and the probes' own cost are.
    pub(super) fn finish(&mut self) -> Stalls {
        let longest = std::mem::take(&mut self.longest).into_vec();
        let mut stalls: Vec<Stall> = longest.into_iter().map(|Shortest(stall)| stall).collect();
        stalls.sort_by_key(|stall| (stall.start_us, stall.core));
        Stalls { stalls, by_layer: std::mem::take(&mut self.by_layer), ..Stalls::default() }
    }
}

fn is_unnamed(stall: &Stall) -> bool {
    stall.layer == Some(Layer::ThisMachine) && stall.cause.is_none()
}

/// The heap has the shortest on top: it goes when a longer one comes.
#[derive(Debug)]
struct Shortest(Stall);

impl Ord for Shortest {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.length_us.cmp(&self.0.length_us)
    }
}

impl PartialOrd for Shortest {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Shortest {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Shortest {}

#[cfg(test)]
mod tests {
    use super::*;

    fn stall(start_us: u64, length_us: u64, layer: Layer) -> Stall {
        Stall { start_us, length_us, core: Some(0), layer: Some(layer), cause: None }
    }

    #[test]
    fn the_longest_are_kept_and_all_are_summed() {
        let mut kept = Kept::default();
        for n in 0..3_000_u64 {
            // In no order of length.
            let length_us = 1_000 + n * 7_919 % 3_000;
            let layer = Layer::Hypervisor;
            kept.add(stall(3_000_000 - n, length_us, layer), Parts::whole(layer, length_us));
        }
        let told = kept.finish();
        assert_eq!(told.stalls.len(), LONGEST);
        assert!(told.stalls.iter().all(|stall| stall.length_us >= 3_000));
        assert!(told.stalls.is_sorted_by_key(|stall| stall.start_us));
        let of = &told.by_layer.hypervisor;
        assert_eq!((of.count, of.longest_us), (3_000, 3_999));
        assert_eq!(of.sum_us, (1_000..4_000).sum::<u64>());
        assert_eq!(of.by_length, [1_000, 2_000]);
        assert_eq!(told.by_layer.uproar, OfLayer::default());
    }

    #[test]
    fn a_stall_is_its_largest_part_s_and_its_time_everybody_s() {
        let mut kept = Kept::default();
        let parts = Parts { by_layer_us: [200, 0, 5_000, 1_000], unknown_us: 0, cause: None };
        kept.add(stall(5, 6_200, Layer::ThisMachine), parts);
        let of = kept.finish().by_layer;
        let told: Vec<_> = of.iter().map(|(_, of)| (of.count, of.sum_us, of.longest_us)).collect();
        assert_eq!(told, [(0, 200, 0), (0, 0, 0), (1, 5_000, 6_200), (0, 1_000, 0), (0, 0, 0)]);
    }

    #[test]
    fn lengths_are_told_apart_by_powers_of_two() {
        for (length_us, row) in [
            (0, 0),
            (1_000, 0),
            (1_999, 0),
            (2_000, 1),
            (3_999, 1),
            (4_000, 2),
            (1_000_000, 9),
            (u64::MAX, ROWS - 1),
        ] {
            let mut of = OfLayer::default();
            of.add(length_us);
            assert_eq!((of.by_length.len(), of.by_length[row]), (row + 1, 1), "{length_us}");
        }
    }

    #[test]
    fn only_what_ended_in_the_second_and_has_no_cause_is_named() {
        let mut kept = Kept::default();
        let whole = |layer| Parts::whole(layer, 2_000);
        for (start_us, layer) in
            [(1_000, Layer::ThisMachine), (9_000, Layer::ThisMachine), (9_500, Layer::Hypervisor)]
        {
            kept.add(stall(start_us, 2_000, layer), whole(layer));
        }
        kept.name(5_000, "cc");
        let throttled = Some("throttled".to_owned());
        kept.add(
            Stall { cause: throttled, ..stall(9_800, 2_000, Layer::ThisMachine) },
            whole(Layer::ThisMachine),
        );
        kept.name(5_000, "ld");
        let told = kept.finish().stalls;
        let causes: Vec<_> = told.iter().map(|stall| stall.cause.as_deref()).collect();
        assert_eq!(causes, [None, Some("cc"), None, Some("throttled")]);
        let json = serde_json::to_string(&told).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Stall>>(&json).unwrap(), told);
    }
}
