//! From a figure to a place on an axis, and which figures an axis names: steps of 1, 2 and 5.

use crate::units::format::{duration_us, number};

/// An axis. Places are shares of its length, 0 to 1; what lies outside is put on the edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    /// From 0.
    Linear { to: f64 },
    /// Both over 0.
    Log { from: f64, to: f64 },
}

impl Scale {
    /// From 0 to the next tick at or over the largest value.
    pub(super) fn linear(largest: f64, ticks: usize) -> Self {
        let largest = if largest.is_finite() && largest > 0.0 { largest } else { 1.0 };
        let step = step_of(largest / ticks.max(1) as f64);
        Self::Linear { to: (largest / step - 1e-9).ceil() * step }
    }

    /// From the step of 1, 2, 5 at or below the smallest to the one at or above the largest, in
    /// microseconds; 0 counts as 1.
    pub(super) fn log(smallest: u64, largest: u64) -> Self {
        let smallest = smallest.max(1) as f64;
        let largest = (largest as f64).max(smallest);
        let from = steps_down(smallest);
        let to = step_of(largest);
        Self::Log { from, to: if to > from { to } else { step_of(from * 1.5) } }
    }

    /// Where a value stands, 0 to 1; at the beginning if it is no number.
    pub(super) fn place(self, value: f64) -> f64 {
        let place = match self {
            Self::Linear { to } => value / to,
            Self::Log { from, to } => (value.max(from) / from).ln() / (to / from).ln(),
        };
        if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) }
    }

    /// The values that get a label.
    pub(super) fn ticks(self, most: usize) -> Vec<f64> {
        let most = most.max(2);
        match self {
            Self::Linear { to } => {
                let step = step_of(to / most as f64 * (1.0 - 1e-9));
                // An end that is no multiple of the step has no label: better than an odd number.
                let steps = (to / step + 1e-9).floor() as usize;
                (0..=steps).map(|n| n as f64 * step).collect()
            }
            Self::Log { from, to } => {
                let mut all = vec![from];
                let mut value = from;
                while value < to * (1.0 - 1e-9) && all.len() < 64 {
                    value = step_of(value * 1.5);
                    all.push(value);
                }
                if all.len() <= most {
                    return all;
                }
                let powers: Vec<f64> =
                    all.iter().copied().filter(|value| is_power_of_ten(*value)).collect();
                let named = if powers.len() < 3 { all } else { powers };
                let every = named.len().div_ceil(most).max(1);
                named.into_iter().step_by(every).collect()
            }
        }
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is not under `value`.
fn step_of(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    // A step must not be lost to the last bit of a logarithm.
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|of| of * power)
        .find(|step| *step >= value * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

/// The largest of 1, 2, 5 times a power of ten that is not over `value`.
fn steps_down(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [10.0, 5.0, 2.0]
        .into_iter()
        .map(|of| of * power)
        .find(|step| *step <= value * (1.0 + 1e-9))
        .unwrap_or(power)
}

fn is_power_of_ten(value: f64) -> bool {
    let log = value.log10();
    (log - log.round()).abs() < 1e-6
}

/// `1 ms`, `0.5 ms`, `20 s`: a latency without the zeros that columns need.
pub(super) fn latency_tick(us: f64) -> String {
    let text = duration_us(us.round() as u64);
    match text.split_once(' ') {
        Some((figure, unit)) if figure.contains('.') => {
            format!("{} {unit}", figure.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// `20,000`, `1.5 M`: a count on an axis that ends at `to`.
pub(super) fn count_tick(value: f64, to: f64) -> String {
    match to {
        _ if value == 0.0 => "0".to_owned(),
        ..1e6 => number(value),
        ..1e9 => format!("{} M", number(value / 1e6)),
        ..1e12 => format!("{} G", number(value / 1e9)),
        _ => format!("{} T", number(value / 1e12)),
    }
}

/// Seconds that an axis of time names: whole seconds, minutes or hours, at most so many.
pub(super) fn time_ticks(to_s: f64, most: usize) -> Vec<(f64, String)> {
    const MINUTE: f64 = 60.0;
    const HOUR: f64 = 3_600.0;
    let steps = [
        0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, MINUTE, 120.0, 300.0, 600.0, 1_200.0,
        1_800.0, HOUR, 7_200.0, 18_000.0, 36_000.0, 72_000.0, 180_000.0, 360_000.0,
    ];
    let most = most.max(2) as f64;
    let step = steps.into_iter().find(|step| to_s / step <= most).unwrap_or_else(|| to_s / most);
    if !step.is_finite() || step <= 0.0 {
        return Vec::new();
    }
    let label = |s: f64| match step {
        ..MINUTE => format!("{} s", number(s)),
        ..HOUR => format!("{} min", number(s / MINUTE)),
        _ => format!("{} h", number(s / HOUR)),
    };
    let steps = (to_s / step + 1e-9).floor() as usize;
    (0..=steps).map(|n| n as f64 * step).map(|s| (s, label(s))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_axes_end_at_a_step() {
        let table: [(f64, &[f64]); 5] = [
            (0.0, &[0.0, 0.5, 1.0]),
            (7.0, &[0.0, 2.0, 4.0, 6.0, 8.0]),
            (20_000.0, &[0.0, 5_000.0, 10_000.0, 15_000.0, 20_000.0]),
            (20_001.0, &[0.0, 10_000.0, 20_000.0, 30_000.0]),
            (f64::NAN, &[0.0, 0.5, 1.0]),
        ];
        for (largest, ticks) in table {
            let scale = Scale::linear(largest, 4);
            assert_eq!(scale.ticks(4), ticks, "{largest}");
            assert_eq!(scale.place(*ticks.last().unwrap()), 1.0);
        }
    }

    #[test]
    fn logarithmic_axes_hold_their_values_and_name_few_of_them() {
        let table: [(u64, u64, &[f64]); 4] = [
            (120, 1_900, &[100.0, 200.0, 500.0, 1_000.0, 2_000.0]),
            (1, 3_600_000_000, &[1.0, 100.0, 1e4, 1e6, 1e8]),
            (0, 0, &[1.0, 2.0]),
            (1_000, 1_000, &[1_000.0, 2_000.0]),
        ];
        for (smallest, largest, ticks) in table {
            let scale = Scale::log(smallest, largest);
            let close = |(a, b): (&f64, &f64)| (a / b - 1.0).abs() < 1e-6;
            let found = scale.ticks(6);
            assert!(found.len() == ticks.len() && found.iter().zip(ticks).all(close), "{found:?}");
            assert_eq!(scale.place(0.0), 0.0);
            assert_eq!(scale.place(f64::NAN), 0.0);
            assert_eq!(scale.place(f64::INFINITY), 1.0);
        }
    }

    #[test]
    fn a_logarithmic_axis_gives_each_decade_the_same_room() {
        let scale = Scale::Log { from: 1.0, to: 1_000.0 };
        for (value, place) in [(1.0, 0.0), (10.0, 1.0 / 3.0), (100.0, 2.0 / 3.0), (1e3, 1.0)] {
            assert!((scale.place(value) - place).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn ticks_have_units_and_no_needless_zeros() {
        let latencies = [(1.0, "0.001 ms"), (50.0, "0.05 ms"), (1e3, "1 ms"), (1e6, "1 s")];
        for (us, text) in latencies {
            assert_eq!(latency_tick(us), text);
        }
        assert_eq!(latency_tick(60e6), "1 m 00 s");
        let counts =
            [(0.5, 1.0, "0.5"), (20_000.0, 5e4, "20,000"), (5e5, 2e6, "0.5 M"), (0.0, 2e6, "0")];
        for (value, to, text) in counts {
            assert_eq!(count_tick(value, to), text);
        }
        let labels = |to_s| time_ticks(to_s, 6).into_iter().map(|(_, label)| label);
        assert_eq!(labels(40.0).collect::<Vec<_>>().join(","), "0 s,10 s,20 s,30 s,40 s");
        assert_eq!(
            labels(600.0).collect::<Vec<_>>().join(","),
            "0 min,2 min,4 min,6 min,8 min,10 min"
        );
        assert_eq!(labels(0.0).count(), 1);
        assert_eq!(labels(f64::NAN).count(), 0);
    }
}
