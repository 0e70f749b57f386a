//! When a client's messages are due, and how large they are: a pure function of the plan.

use rand::RngExt;
use rand::distr::Distribution;
use rand_distr::{Exp1, LogNormal};
use rand_pcg::Pcg64Mcg;

use super::levels::{Level, Window};
use crate::scenario::{Arrivals, Size};
use crate::stamp::{MAX_PAYLOAD, MIN_PAYLOAD};

/// A message that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Since the run's start.
    pub at_us: u64,
    /// The client's how-many-eth publish, from 0; picks the room.
    pub k: u32,
    /// Payload size in bytes.
    pub size: u32,
    /// Whether it goes as a binary frame.
    pub binary: bool,
}

/// What a cohort's publishes have in common.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    /// Messages a second of one client at 100 %; `None` for a closed loop, which has no schedule.
    pub(super) rate: Option<f64>,
    pub(super) arrivals: Arrivals,
    pub(super) sizes: Sizes,
    pub(super) binary: f64,
}

/// A size distribution, prepared.
#[derive(Clone, Debug)]
pub(super) enum Sizes {
    Fixed(u32),
    LogNormal { min: u32, max: u32, distribution: LogNormal<f64> },
}

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

impl Sizes {
    pub(super) fn of(size: Size) -> Self {
        let (min, p50, p99, max) = match size {
            Size::Fixed(bytes) => return Self::Fixed(bytes),
            Size::Spread { min, p50, p99, max } => (min, p50, p99, max),
        };
        let sigma = (f64::from(p99.max(p50)) / f64::from(p50.max(1))).ln() / Z99;
        match LogNormal::new(f64::from(p50.max(1)).ln(), sigma) {
            Ok(distribution) => Self::LogNormal { min, max, distribution },
            // Only for a sigma that is not finite, which the bounds above exclude.
            Err(_) => Self::Fixed(p50),
        }
    }

    fn draw(&self, rng: &mut Pcg64Mcg) -> u32 {
        let bytes = match self {
            Self::Fixed(bytes) => *bytes,
            Self::LogNormal { min, max, distribution } => {
                (distribution.sample(rng) as u32).min(*max).max(*min)
            }
        };
        bytes.clamp(MIN_PAYLOAD as u32, MAX_PAYLOAD as u32)
    }
}

/// One client's publishes, in order. The same seed gives the same ones.
#[derive(Clone, Debug)]
pub struct Publishes {
    rng: Pcg64Mcg,
    /// How much of the rate level's integral is used up, in share times seconds.
    area: f64,
    window: u32,
    k: u32,
    /// Where a constant stream starts within its first gap, 0 to 1.
    offset: f64,
}

impl Stream {
    /// Of something that is done at random and has no content.
    pub(super) fn of_action(rate_per_s: f64) -> Self {
        Self {
            rate: Some(rate_per_s),
            arrivals: Arrivals::Poisson,
            sizes: Sizes::Fixed(0),
            binary: 0.0,
        }
    }
}

impl Publishes {
    pub(super) fn new(rng: Pcg64Mcg, offset: f64) -> Self {
        Self { rng, area: -1.0, window: 0, k: 0, offset }
    }

    /// The next message that is due, or `None` when the client's last window is over.
    pub(super) fn next(
        &mut self,
        stream: &Stream,
        level: &Level,
        windows: &[Window],
    ) -> Option<Due> {
        let rate = stream.rate.filter(|rate| *rate > 0.0)?;
        loop {
            let window = windows.get(self.window as usize)?;
            let gap = match stream.arrivals {
                Arrivals::Poisson => Distribution::<f64>::sample(&Exp1, &mut self.rng),
                Arrivals::Constant if self.area < 0.0 => self.offset,
                Arrivals::Constant => 1.0,
            };
            let before = if self.area < 0.0 { level.area_to(window.on_us) } else { self.area };
            let area = before + gap / rate;
            match level.time_of_area(area).filter(|at_us| *at_us < window.off_us) {
                Some(at_us) => {
                    self.area = area;
                    return Some(self.draw(stream, at_us));
                }
                None => {
                    self.window += 1;
                    self.area = -1.0;
                }
            }
        }
    }

    /// A message due at an instant of the caller's choosing (closed loop).
    pub(super) fn draw(&mut self, stream: &Stream, at_us: u64) -> Due {
        let size = stream.sizes.draw(&mut self.rng);
        let binary = stream.binary > 0.0 && self.rng.random::<f64>() < stream.binary;
        let k = self.k;
        self.k = self.k.wrapping_add(1);
        Due { at_us, k, size, binary }
    }
}

/// Instants of a Poisson process, for churn.
#[derive(Clone, Debug)]
pub struct Churns {
    pub(super) rng: Pcg64Mcg,
    pub(super) rate_per_s: f64,
}

impl Churns {
    /// The instant after `after_us`; `None` if the process has no rate.
    pub fn next(&mut self, after_us: u64) -> Option<u64> {
        if self.rate_per_s <= 0.0 {
            return None;
        }
        let gap: f64 = Exp1.sample(&mut self.rng);
        let gap_us = gap / self.rate_per_s * 1e6;
        // A gap beyond any run's length saturates in the cast and stays beyond it.
        Some(after_us.saturating_add(gap_us as u64).saturating_add(1))
    }

    /// A number below `bound`, for choosing which membership leaves.
    pub fn choose(&mut self, bound: usize) -> usize {
        self.rng.random_range(0..bound.max(1))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::scenario::{Phase, Ramp};

    const S: u64 = 1_000_000;

    fn rng() -> Pcg64Mcg {
        Pcg64Mcg::seed_from_u64(7)
    }

    /// Ten seconds at 100 %.
    fn level() -> Level {
        let whole = Ramp { from: 1.0, to: 1.0, steps: None };
        let duration = std::time::Duration::from_secs(10);
        let phase =
            Phase { name: String::new(), duration, clients: whole, rate: whole, measure: true };
        Level::of(&[phase], |phase| phase.rate)
    }

    fn stream(rate: Option<f64>, arrivals: Arrivals, binary: f64) -> Stream {
        Stream { rate, arrivals, sizes: Sizes::Fixed(128), binary }
    }

    fn dues(stream: &Stream, offset: f64, windows: &[Window]) -> Vec<u64> {
        let mut publishes = Publishes::new(rng(), offset);
        let next = || publishes.next(stream, &level(), windows).map(|due| due.at_us);
        std::iter::from_fn(next).take(100).collect()
    }

    #[test]
    fn a_constant_stream_begins_anew_with_each_window() {
        let window = |on_us, off_us| Window { on_us, off_us };
        let stream = stream(Some(2.0), Arrivals::Constant, 0.0);
        // The end of a window is not in it, and an offset is part of a gap.
        let twice = [window(S, 2 * S), window(5 * S, 6 * S)];
        assert_eq!(dues(&stream, 0.0, &twice), [1_000_000, 1_500_000, 5_000_000, 5_500_000]);
        assert_eq!(dues(&stream, 0.5, &twice), [1_250_000, 1_750_000, 5_250_000, 5_750_000]);
        assert_eq!(dues(&stream, 0.0, &[window(0, S)]), [0, 500_000]);
        // Too short for the first gap.
        assert_eq!(dues(&stream, 0.5, &[window(0, S / 4), window(S, 3 * S / 2)]), [1_250_000]);
    }

    #[test]
    fn without_a_rate_nothing_is_due() {
        let whole = [Window { on_us: 0, off_us: 10 * S }];
        for rate in [None, Some(0.0)] {
            for arrivals in [Arrivals::Constant, Arrivals::Poisson] {
                let found = dues(&stream(rate, arrivals, 0.0), 0.0, &whole);
                assert!(found.is_empty(), "{arrivals:?} {rate:?}: {found:?}");
            }
        }
    }

    /// So a scenario's due times don't change with what its messages are.
    #[test]
    fn fixed_text_messages_draw_nothing_but_their_gaps() {
        let whole = [Window { on_us: 0, off_us: 10 * S }];
        let mut rng = rng();
        let mut at_s = 0.0;
        let gaps = std::iter::repeat_with(|| {
            let gap: f64 = Exp1.sample(&mut rng);
            at_s += gap / 4.0;
            at_s
        });
        let expected: Vec<f64> = gaps.take_while(|at_s| *at_s < 10.0).collect();
        let found = dues(&stream(Some(4.0), Arrivals::Poisson, 0.0), 0.0, &whole);
        assert_eq!(found.len(), expected.len());
        for (at_us, at_s) in found.iter().zip(expected) {
            assert!((*at_us as f64 - at_s * 1e6).abs() <= 1.0, "{at_us} is not {at_s} s");
        }
    }

    #[test]
    fn a_share_of_messages_is_binary_and_each_has_the_next_number() {
        for (share, least, most) in [(0.0, 0, 0), (0.2, 1_800, 2_200), (1.0, 10_000, 10_000)] {
            let stream = stream(None, Arrivals::Poisson, share);
            let mut publishes = Publishes::new(rng(), 0.0);
            let drawn: Vec<Due> = (0..10_000).map(|at_us| publishes.draw(&stream, at_us)).collect();
            // 2,000 are expected, with a standard deviation of 40.
            let binary = drawn.iter().filter(|due| due.binary).count();
            assert!((least..=most).contains(&binary), "{binary} at {share}");
            assert!((0..).zip(&drawn).all(|(n, due)| due.k == n && due.at_us == u64::from(n)));
            assert!(drawn.iter().all(|due| due.size == 128));
        }
    }

    #[test]
    fn sizes_have_the_median_and_the_99th_percentile_that_are_asked_for() {
        let mut rng = rng();
        let sizes = Sizes::of(Size::Spread { min: 52, p50: 400, p99: 2_000, max: 1 << 20 });
        let drawn: Vec<u32> = (0..20_000).map(|_| sizes.draw(&mut rng)).collect();
        let under = |size| drawn.iter().filter(|drawn| **drawn < size).count();
        // Standard deviations are 71 and 14.
        assert!(under(400).abs_diff(10_000) < 350, "{} under the median", under(400));
        assert!(under(2_000).abs_diff(19_800) < 70, "{} under the 99th percentile", under(2_000));
    }

    #[test]
    fn sizes_keep_within_their_bounds() {
        let mut rng = rng();
        let mut range = |size| {
            let sizes = Sizes::of(size);
            let drawn: Vec<u32> = (0..1_000).map(|_| sizes.draw(&mut rng)).collect();
            (drawn.iter().min().copied(), drawn.iter().max().copied())
        };
        for (size, least, most) in [
            (Size::Fixed(300), 300, 300),
            // No message is without its mark, and none longer than a mark can say.
            (Size::Fixed(10), 52, 52),
            (Size::Fixed(u32::MAX), MAX_PAYLOAD as u32, MAX_PAYLOAD as u32),
            (Size::Spread { min: 150, p50: 200, p99: 400, max: 250 }, 150, 250),
            (Size::Spread { min: 52, p50: 200, p99: 200, max: 250 }, 199, 200),
        ] {
            let (min, max) = range(size);
            assert!(min >= Some(least) && max <= Some(most), "{size:?}: {min:?} to {max:?}");
            assert!(max == Some(most) || max == Some(least), "{size:?}: {max:?}");
        }
    }

    #[test]
    fn churn_comes_as_often_as_its_rate_says() {
        let mut churns = Churns { rng: rng(), rate_per_s: 4.0 };
        let mut at_us = 0;
        for _ in 0..10_000 {
            let next = churns.next(at_us).unwrap();
            assert!(next > at_us);
            at_us = next;
        }
        // 2,500 s are expected, with a standard deviation of 25.
        assert!(at_us.abs_diff(2_500 * S) < 125 * S, "{at_us}");
        for rate_per_s in [0.0, -1.0] {
            assert_eq!(Churns { rng: rng(), rate_per_s }.next(0), None);
        }
        // So rarely that no run is long enough.
        assert_eq!(Churns { rng: rng(), rate_per_s: 1e-300 }.next(5), Some(u64::MAX));
    }

    #[test]
    fn any_of_the_memberships_may_leave() {
        let mut churns = Churns { rng: rng(), rate_per_s: 1.0 };
        let mut chosen = [0; 3];
        for _ in 0..3_000 {
            chosen[churns.choose(3)] += 1;
        }
        // The standard deviation is 26.
        assert!(chosen.iter().all(|times: &u32| times.abs_diff(1_000) < 130), "{chosen:?}");
        assert_eq!(churns.choose(0), 0);
        assert_eq!(churns.choose(1), 0);
    }
}
