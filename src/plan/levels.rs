//! Levels over time: what ramps, staircases and spikes become, and their integral.
//!
//! Pure arithmetic over microseconds of the run; no clock, no randomness. The integral of a
//! rate level turns "the k-th message" into a due time without adding up gaps, so nothing drifts.

use crate::machine::clock::micros;
use crate::scenario::{Phase, Ramp};

/// A piecewise linear level over the run, as a share (1.0 is 100 %).
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    start_us: u64,
    end_us: u64,
    from: f64,
    to: f64,
    /// Integral of the level before this piece, in share times seconds.
    area_before: f64,
}

impl Piece {
    fn duration_s(&self) -> f64 {
        seconds(self.end_us - self.start_us)
    }

    fn area(&self) -> f64 {
        (self.from + self.to) / 2.0 * self.duration_s()
    }

    fn at(&self, at_us: u64) -> f64 {
        let share = seconds(at_us.saturating_sub(self.start_us)) / self.duration_s();
        self.from + (self.to - self.from) * share.min(1.0)
    }
}

impl Level {
    /// The level that `ramp` names, phase after phase.
    #[must_use]
    pub fn of(phases: &[Phase], ramp: impl Fn(&Phase) -> Ramp) -> Self {
        let mut level = Self { pieces: Vec::new() };
        let mut start_us = 0;
        for phase in phases {
            let end_us = start_us + micros(phase.duration);
            level.push_ramp(start_us, end_us, ramp(phase));
            start_us = end_us;
        }
        level
    }

    fn push_ramp(&mut self, start_us: u64, end_us: u64, ramp: Ramp) {
        let Some(steps) = ramp.steps else {
            return self.push(start_us, end_us, ramp.from, ramp.to);
        };
        let steps = u64::from(steps.max(1));
        let length_us = end_us - start_us;
        for step in 0..steps {
            let share = (step + 1) as f64 / steps as f64;
            let value = ramp.from + (ramp.to - ramp.from) * share;
            let from_us = start_us + length_us * step / steps;
            let to_us = start_us + length_us * (step + 1) / steps;
            self.push(from_us, to_us, value, value);
        }
    }

    fn push(&mut self, start_us: u64, end_us: u64, from: f64, to: f64) {
        if start_us < end_us {
            let area_before = self.pieces.last().map_or(0.0, |last| last.area_before + last.area());
            self.pieces.push(Piece { start_us, end_us, from, to, area_before });
        }
    }

    /// The level at an instant; 0 after the end.
    #[must_use]
    pub fn at(&self, at_us: u64) -> f64 {
        let index = self.pieces.partition_point(|piece| piece.end_us <= at_us);
        self.pieces.get(index).map_or(0.0, |piece| piece.at(at_us))
    }

    /// The integral from the start to an instant, in share times seconds.
    #[must_use]
    pub fn area_to(&self, at_us: u64) -> f64 {
        let index = self.pieces.partition_point(|piece| piece.end_us <= at_us);
        match self.pieces.get(index) {
            Some(piece) => {
                let until = seconds(at_us.saturating_sub(piece.start_us));
                piece.area_before + (piece.from + piece.at(at_us)) / 2.0 * until
            }
            None => self.pieces.last().map_or(0.0, |last| last.area_before + last.area()),
        }
    }

    /// The first instant at which the integral reaches `area`, rounded up to a microsecond;
    /// `None` if it never does.
    #[must_use]
    pub fn time_of_area(&self, area: f64) -> Option<u64> {
        let index = self.pieces.partition_point(|piece| piece.area_before + piece.area() < area);
        let piece = self.pieces.get(index)?;
        let wanted = (area - piece.area_before).max(0.0);
        let slope = (piece.to - piece.from) / piece.duration_s();
        // The root of from*t + slope*t^2/2 = wanted in the form that survives a slope of 0.
        let root = (piece.from * piece.from + 2.0 * slope * wanted).max(0.0).sqrt();
        let divisor = piece.from + root;
        let after_s = if divisor > 0.0 { 2.0 * wanted / divisor } else { 0.0 };
        let after_us = (after_s * 1e6).ceil() as u64;
        Some((piece.start_us + after_us).min(piece.end_us))
    }

    /// The highest level.
    #[must_use]
    pub fn peak(&self) -> f64 {
        self.pieces.iter().fold(0.0, |peak, piece| peak.max(piece.from).max(piece.to))
    }

    /// Every instant at which the level may turn, the end included.
    pub fn corners(&self) -> impl Iterator<Item = u64> + '_ {
        self.pieces.iter().flat_map(|piece| [piece.start_us, piece.end_us - 1])
    }

    /// When the level lies above `floor`: half-open windows `[on, off)` in microseconds.
    #[must_use]
    pub fn windows_above(&self, floor: f64) -> Vec<Window> {
        let mut windows: Vec<Window> = Vec::new();
        for piece in &self.pieces {
            let Some(window) = piece_above(piece, floor) else { continue };
            match windows.last_mut() {
                Some(last) if last.off_us == window.on_us => last.off_us = window.off_us,
                _ => windows.push(window),
            }
        }
        windows
    }
}

/// A stretch in which a client is up: `[on_us, off_us)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first microsecond in it.
    pub on_us: u64,
    /// The first microsecond after it.
    pub off_us: u64,
}

fn piece_above(piece: &Piece, floor: f64) -> Option<Window> {
    let crossing = || {
        let share = (floor - piece.from) / (piece.to - piece.from);
        let length_us = (piece.end_us - piece.start_us) as f64;
        piece.start_us + (share * length_us).round() as u64
    };
    let (on_us, off_us) = match (piece.from > floor, piece.to > floor) {
        (true, true) => (piece.start_us, piece.end_us),
        (false, true) => (crossing(), piece.end_us),
        (true, false) => (piece.start_us, crossing()),
        (false, false) => return None,
    };
    (on_us < off_us).then_some(Window { on_us, off_us })
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn level(parts: &[(u64, f64, f64, Option<u32>)]) -> Level {
        let phases: Vec<Phase> = parts
            .iter()
            .map(|&(seconds, from, to, steps)| Phase {
                name: String::new(),
                duration: Duration::from_secs(seconds),
                clients: Ramp { from, to, steps },
                rate: Ramp { from, to, steps },
                measure: true,
            })
            .collect();
        Level::of(&phases, |phase| phase.rate)
    }

    #[test]
    fn areas_and_their_times() {
        // A ramp of 10 s to 100 % (5 share-seconds), 10 s at 100 % (15), a pause of 5 s (15),
        // 10 s at 300 % (45).
        let level = level(&[
            (10, 0.0, 1.0, None),
            (10, 1.0, 1.0, None),
            (5, 0.0, 0.0, None),
            (10, 3.0, 3.0, None),
        ]);
        let rows = [
            (0.0, 0),
            (0.05, 1_000_000),  // t^2/20 = 0.05
            (1.25, 5_000_000),  // t^2/20 = 1.25
            (5.0, 10_000_000),  // the ramp's whole area
            (6.0, 11_000_000),  // one second at 100 %
            (15.0, 20_000_000), // reached before the pause, so not after it
            (18.0, 26_000_000), // the pause adds nothing; one second at 300 %
            (45.0, 35_000_000), // the very end
        ];
        for (area, at_us) in rows {
            assert_eq!(level.time_of_area(area), Some(at_us), "area {area}");
            assert!((level.area_to(at_us) - area).abs() < 1e-9, "at {at_us}");
        }
        assert_eq!(level.time_of_area(45.000_001), None);
        assert!((level.peak() - 3.0).abs() < 1e-12);
        assert!((level.at(5_000_000) - 0.5).abs() < 1e-12);
        assert!((level.at(99_000_000)).abs() < 1e-12);
    }

    #[test]
    fn a_ramp_turns_clients_on_and_off() {
        let up_and_down = level(&[(10, 0.0, 1.0, None), (5, 1.0, 1.0, None), (10, 1.0, 0.5, None)]);
        let window = |on_s: u64, off_us: u64| Window { on_us: on_s * 1_000_000, off_us };
        assert_eq!(up_and_down.windows_above(0.0), [window(0, 25_000_000)]);
        assert_eq!(up_and_down.windows_above(0.3), [window(3, 25_000_000)]);
        // 0.8 is crossed downwards 4 s into the last phase.
        assert_eq!(up_and_down.windows_above(0.8), [window(8, 19_000_000)]);
        let staircase = level(&[(10, 0.0, 1.0, Some(2))]);
        assert_eq!(staircase.windows_above(0.4), [window(0, 10_000_000)]);
        assert_eq!(staircase.windows_above(0.5), [window(5, 10_000_000)]);
        let twice = level(&[(1, 1.0, 1.0, None), (1, 0.0, 0.0, None), (1, 1.0, 1.0, None)]);
        assert_eq!(twice.windows_above(0.5), [window(0, 1_000_000), window(2, 3_000_000)]);
    }

    #[test]
    fn an_hour_at_an_odd_rate_does_not_drift() {
        let level = level(&[(3_600, 1.0, 1.0, None)]);
        let rate = 7.3;
        let last = (3_600.0 * rate) as u32;
        for k in 0..=last {
            let due_us = level.time_of_area(f64::from(k) / rate).unwrap();
            let exact = f64::from(k) / rate * 1e6;
            assert!((due_us as f64 - exact).abs() <= 1.0, "message {k}");
        }
    }

    #[test]
    fn a_staircase_rises_by_equal_steps_from_where_its_phase_begins() {
        // 3 s at 50 %, then 8 s in four steps of 2 s: 75 %, 100 %, 125 %, 150 %.
        let level = level(&[(3, 0.5, 0.5, None), (8, 0.5, 1.5, Some(4))]);
        for (at_us, share) in [
            (0, 0.5),
            (2_999_999, 0.5),
            (3_000_000, 0.75),
            (4_999_999, 0.75),
            (5_000_000, 1.0),
            (7_000_000, 1.25),
            (9_000_000, 1.5),
            (10_999_999, 1.5),
            (11_000_000, 0.0),
        ] {
            assert_eq!(level.at(at_us), share, "at {at_us}");
        }
        // 1.5, and 1.5, 2, 2.5 and 3 for the steps.
        for (at_us, area) in
            [(3_000_000, 1.5), (5_000_000, 3.0), (8_000_000, 6.25), (20_000_000, 10.5)]
        {
            assert_eq!(level.area_to(at_us), area, "to {at_us}");
        }
        assert_eq!(level.peak(), 1.5);
        let window = |on_us: u64| Window { on_us, off_us: 11_000_000 };
        assert_eq!(level.windows_above(1.0), [window(7_000_000)]);
    }

    #[test]
    fn a_ramp_is_a_straight_line_from_where_its_phase_begins() {
        // 2 s at 300 %, then from 200 % to 100 % within 4 s: 175 % after one second of them.
        let level = level(&[(2, 3.0, 3.0, None), (4, 2.0, 1.0, None)]);
        assert_eq!(
            [2_000_000, 3_000_000, 5_000_000].map(|at_us| level.at(at_us)),
            [2.0, 1.75, 1.25]
        );
        // 6, and 1.875 for the first second of the ramp: (2 + 1.75) / 2.
        assert_eq!(level.area_to(3_000_000), 7.875);
        assert_eq!(level.time_of_area(7.875), Some(3_000_000));
        assert_eq!(level.area_to(6_000_000), 12.0);
        // Where it may turn: each piece's first and last microsecond.
        let corners: Vec<u64> = level.corners().collect();
        assert_eq!(corners, [0, 1_999_999, 2_000_000, 5_999_999]);
    }

    #[test]
    fn steps_shorter_than_a_microsecond_are_left_out() {
        let mut level = Level { pieces: Vec::new() };
        level.push_ramp(0, 2, Ramp { from: 0.0, to: 1.0, steps: Some(4) });
        let steps: Vec<_> = level.pieces.iter().map(|at| (at.start_us, at.end_us, at.to)).collect();
        assert_eq!(steps, [(0, 1, 0.5), (1, 2, 1.0)]);
    }

    #[test]
    fn a_client_whose_turn_comes_at_the_very_end_is_not_up() {
        let level = level(&[(10, 0.0, 1.0, None)]);
        // A nanosecond before the end, which rounds to it.
        assert_eq!(level.windows_above(0.999_999_999_9), []);
        let last = Window { on_us: 9_999_999, off_us: 10_000_000 };
        assert_eq!(level.windows_above(0.999_999_9), [last]);
    }

    proptest! {
        #[test]
        fn time_of_area_inverts_area_to(
            parts in proptest::collection::vec((1_u64..20, 0.0_f64..4.0, 0.0_f64..4.0, proptest::option::of(1_u32..6)), 1..6),
            share in 0.0_f64..1.0,
        ) {
            let level = level(&parts);
            let end_us: u64 = parts.iter().map(|part| part.0 * 1_000_000).sum();
            let area = level.area_to(end_us) * share;
            let at_us = level.time_of_area(area).unwrap();
            prop_assert!(at_us <= end_us);
            // Never early, and within a microsecond's worth of the level.
            prop_assert!(level.area_to(at_us) >= area - 1e-9);
            prop_assert!(level.area_to(at_us.saturating_sub(1)) <= area + 1e-9);
        }
    }
}
