//! Whose the time of a late wake was: arithmetic on what is known of it, without a clock or a file.

use super::layer::Layer;

/// What a probe knows of a wake that came late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// From when it was due until it ran, in microseconds.
    pub(super) late_us: u64,
    /// How long it was ready to run meanwhile and others ran; `None` where the system doesn't tell.
    pub(super) queued_us: Option<u64>,
    /// Whether this process was stopped meanwhile.
    pub(super) stopped: bool,
    /// How long its control group was kept from running meanwhile.
    pub(super) throttled_us: u64,
    /// CPU time of uproar's own threads on this core meanwhile.
    pub(super) own_us: u64,
    /// CPU time of the server meanwhile, where this core is the server's too.
    pub(super) server_us: u64,
}

/// The same time in parts, which sum up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// In the order of [`Layer::ALL`], in microseconds.
    pub(super) by_layer_us: [u64; 4],
    /// What nothing is known of.
    pub(super) unknown_us: u64,
    /// What explains the part that its layer has most of.
    pub(super) cause: Option<&'static str>,
}

pub(super) const STOPPED: &str = "stopped by a signal";
pub(super) const THROTTLED: &str = "throttled by its cgroup";

/// Cuts a late wake into its parts.
///
/// CPU time that somebody used is certain, so it comes first, uproar's before the server's and
/// either before other programs': what is doubtful is not put to a stranger.
pub(super) fn split(seen: Seen) -> Parts {
    let queued_us = seen.queued_us.unwrap_or(0).min(seen.late_us);
    let own_us = seen.own_us.min(queued_us);
    let server_us = seen.server_us.min(queued_us - own_us);
    let mut others_us = queued_us - own_us - server_us;
    let mut away_us = seen.late_us - queued_us;
    // Some kernels have a throttled thread wait in the run queue, others outside of it.
    let throttled_us = seen.throttled_us.min(away_us + others_us);
    let from_away_us = throttled_us.min(away_us);
    away_us -= from_away_us;
    others_us -= throttled_us - from_away_us;
    let stopped_us = if seen.stopped { std::mem::take(&mut away_us) } else { 0 };
    let unknown_us = if seen.queued_us.is_none() { std::mem::take(&mut away_us) } else { 0 };
    let by_layer_us = [own_us + stopped_us, server_us, others_us + throttled_us, away_us];
    let mut parts = Parts { by_layer_us, unknown_us, cause: None };
    parts.cause = match parts.layer() {
        Some(Layer::Uproar) if stopped_us > own_us => Some(STOPPED),
        Some(Layer::ThisMachine) if throttled_us > others_us => Some(THROTTLED),
        _ => None,
    };
    parts
}

impl Parts {
    /// The layer that has the largest part, of equal ones the nearest; `None` if that part is of
    /// unknown origin.
    pub(super) fn layer(&self) -> Option<Layer> {
        let mut largest = (self.unknown_us, None);
        for (us, layer) in self.by_layer_us.into_iter().zip(Layer::ALL) {
            if us > largest.0 {
                largest = (us, Some(layer));
            }
        }
        largest.1
    }

    /// A stall that is one layer's from end to end.
    pub(super) fn whole(layer: Layer, length_us: u64) -> Self {
        let by_layer_us = Layer::ALL.map(|each| if each == layer { length_us } else { 0 });
        Self { by_layer_us, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_microsecond_has_one_owner() {
        use Layer::{Hypervisor, Server, ThisMachine, Uproar};
        let late = Seen { late_us: 10_000, queued_us: Some(0), ..Seen::default() };
        let queued = Seen { queued_us: Some(9_900), ..late };
        // what is known -> uproar, server, this machine, hypervisor, unknown; layer, cause
        type Told = ([u64; 4], u64, Option<Layer>, Option<&'static str>);
        let rows: [(&str, Seen, Told); 15] = [
            ("nobody here ran", late, ([0, 0, 0, 10_000], 0, Some(Hypervisor), None)),
            ("others ran", queued, ([0, 0, 9_900, 100], 0, Some(ThisMachine), None)),
            (
                "own long turn",
                Seen { own_us: 9_000, ..queued },
                ([9_000, 0, 900, 100], 0, Some(Uproar), None),
            ),
            (
                "own threads used more than the wait: earlier, or elsewhere",
                Seen { own_us: 50_000, server_us: 50_000, ..queued },
                ([9_900, 0, 0, 100], 0, Some(Uproar), None),
            ),
            (
                "the server ran",
                Seen { own_us: 1_000, server_us: 8_000, ..queued },
                ([1_000, 8_000, 900, 100], 0, Some(Server), None),
            ),
            (
                "CPU time of own threads while nobody waited is not this stall's",
                Seen { own_us: 5_000, server_us: 5_000, ..late },
                ([0, 0, 0, 10_000], 0, Some(Hypervisor), None),
            ),
            (
                "more wait than lateness",
                Seen { queued_us: Some(99_000), ..late },
                ([0, 0, 10_000, 0], 0, Some(ThisMachine), None),
            ),
            (
                "stopped",
                Seen { stopped: true, ..late },
                ([10_000, 0, 0, 0], 0, Some(Uproar), Some(STOPPED)),
            ),
            (
                "stopped, and then others ran",
                Seen { stopped: true, queued_us: Some(6_000), ..late },
                ([4_000, 0, 6_000, 0], 0, Some(ThisMachine), None),
            ),
            (
                "throttled outside of the run queue",
                Seen { throttled_us: 9_000, ..late },
                ([0, 0, 9_000, 1_000], 0, Some(ThisMachine), Some(THROTTLED)),
            ),
            (
                "throttled within the run queue, by a counter of several cores",
                Seen { throttled_us: 20_000, own_us: 2_000, ..queued },
                ([2_000, 0, 8_000, 0], 0, Some(ThisMachine), Some(THROTTLED)),
            ),
            (
                "no account of waits",
                Seen { queued_us: None, own_us: 4_000, ..late },
                ([0; 4], 10_000, None, None),
            ),
            (
                "no account of waits, but stopped",
                Seen { queued_us: None, stopped: true, ..late },
                ([10_000, 0, 0, 0], 0, Some(Uproar), Some(STOPPED)),
            ),
            (
                "of equal parts the nearest",
                Seen { own_us: 5_000, queued_us: Some(10_000), ..late },
                ([5_000, 0, 5_000, 0], 0, Some(Uproar), None),
            ),
            ("on time", Seen::default(), ([0; 4], 0, None, None)),
        ];
        for (what, seen, (by_layer_us, unknown_us, layer, cause)) in rows {
            let parts = split(seen);
            assert_eq!(parts, Parts { by_layer_us, unknown_us, cause }, "{what}");
            assert_eq!(parts.layer(), layer, "{what}");
            assert_eq!(by_layer_us.iter().sum::<u64>() + unknown_us, seen.late_us, "{what}");
        }
    }

    proptest::proptest! {
        #[test]
        fn parts_sum_up_whatever_the_kernel_says(
            late_us in 0..u64::MAX / 4,
            queued_us in proptest::option::of(0..u64::MAX / 4),
            stopped: bool,
            throttled_us in 0..u64::MAX / 4,
            own_us: u64,
            server_us: u64,
        ) {
            let parts = split(Seen { late_us, queued_us, stopped, throttled_us, own_us, server_us });
            assert_eq!(parts.by_layer_us.iter().sum::<u64>() + parts.unknown_us, late_us);
        }
    }
}
