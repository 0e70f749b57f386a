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
