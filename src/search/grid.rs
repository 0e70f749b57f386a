//! Servers that could be, and how likely each is by the trials so far.
//!
//! A server passes a trial at load L with the chance `(1 - lapse) x Phi((mu - ln L) / spread)`: half of its
//! trials at the load exp(mu) pass but for lapses, `spread` is how slowly that falls from all to none, and
//! `lapse` the share of trials that fail whatever the load, for reasons that are not the server's.
//! What is asked for is the load at which `chance` of the trials pass but for lapses.

use super::normal;

/// How far apart the loads of the grid lie, as a share.
const STEP: f64 = 0.015;
/// So many times beyond what may be tried: where all trials pass, or none, the answer lies there.
const BEYOND: f64 = 4.0;
/// How slowly the chance falls, as a share of the load.
const SPREADS: [f64; 6] = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32];
/// How many trials fail for other reasons, and how likely that is beforehand.
const LAPSES: [(f64, f64); 4] = [(0.0, 0.4), (0.03, 0.3), (0.08, 0.2), (0.15, 0.1)];
/// What is less likely than this share of all is left out from then on: all that a grid loses so is under a
/// hundred-thousandth.
const NEGLIGIBLE: f64 = 1e-8;
/// No trial makes a server impossible: the model is one.
const LEAST: f64 = 1e-9;

/// The last value of the distribution that was asked for: cells that differ in their lapse alone follow
/// each other.
struct Near {
    z: f64,
    below: f64,
}

impl Near {
    fn new() -> Self {
        Self { z: f64::NAN, below: 0.0 }
    }

    fn below(&mut self, z: f64) -> f64 {
        if z != self.z {
            *self = Self { z, below: normal::below(z) };
        }
        self.below
    }
}

/// Of a distribution over answers whose weights come in their order.
#[derive(Default)]
struct Entropy {
    answer: f64,
    weight: f64,
    all: f64,
    sum: f64,
}

impl Entropy {
    fn add(&mut self, answer: f64, weight: f64) {
        if answer != self.answer {
            self.close();
            self.answer = answer;
        }
        self.weight += weight;
    }

    fn close(&mut self) {
        if self.weight > 0.0 {
            self.all += self.weight;
            self.sum -= self.weight * self.weight.ln();
        }
        self.weight = 0.0;
    }

    fn times_its_chance(mut self) -> f64 {
        self.close();
        if self.all > 0.0 { self.sum + self.all * self.all.ln() } else { 0.0 }
    }
}

/// The likelihood of each server.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    /// By the load that is asked for, the smallest first.
    cells: Vec<Cell>,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    /// The logarithm of the load that is asked for.
    answer: f64,
    mu: f64,
    spread: f64,
    lapse: f64,
    /// All of them together are 1.
    weight: f64,
}

impl Grid {
    /// Any load between `from` and `to`, and [`BEYOND`], is as likely as any other, by its logarithm.
    pub(super) fn new(from: f64, to: f64, chance: f64) -> Self {
        let z = normal::quantile(chance);
        let (low, high) = (from.ln() - BEYOND.ln(), to.ln() + BEYOND.ln());
        let steps = ((high - low) / STEP).ceil().max(1.0) as usize;
        let mut cells = Vec::with_capacity((steps + 1) * SPREADS.len() * LAPSES.len());
        for step in 0..=steps {
            let answer = low + (high - low) * step as f64 / steps as f64;
            for spread in SPREADS {
                for (lapse, prior) in LAPSES {
                    let mu = answer + spread * z;
                    cells.push(Cell { answer, mu, spread, lapse, weight: prior });
                }
            }
        }
        let mut grid = Self { cells };
        grid.level();
        grid
    }

    /// Weighs each server by what became of a trial.
    pub(super) fn weigh(&mut self, load: f64, passed: bool) {
        let load = load.ln();
        let mut near = Near::new();
        for cell in &mut self.cells {
            let passes = (1.0 - cell.lapse) * near.below((cell.mu - load) / cell.spread);
            cell.weight *= if passed { passes } else { 1.0 - passes }.max(LEAST);
        }
        self.level();
        self.cells.retain(|cell| cell.weight > NEGLIGIBLE);
    }

    /// The chance that a trial at this load passes.
    pub(super) fn passes(&self, load: f64) -> f64 {
        let load = load.ln();
        let mut near = Near::new();
        let passes = |cell: &Cell| {
            cell.weight * (1.0 - cell.lapse) * near.below((cell.mu - load) / cell.spread)
        };
        self.cells.iter().map(passes).sum()
    }

    fn level(&mut self) {
        let sum: f64 = self.cells.iter().map(|cell| cell.weight).sum();
        for cell in &mut self.cells {
            cell.weight /= sum;
        }
    }

    /// How much is not known of the answer once a trial at this load has been made: its entropy, over what
    /// the trial may come to.
    pub(super) fn unknown_after(&self, load: f64) -> f64 {
        let load = load.ln();
        let mut near = Near::new();
        let (mut of_pass, mut of_fail) = (Entropy::default(), Entropy::default());
        for cell in &self.cells {
            let passes = (1.0 - cell.lapse) * near.below((cell.mu - load) / cell.spread);
            of_pass.add(cell.answer, cell.weight * passes);
            of_fail.add(cell.answer, cell.weight * (1.0 - passes));
        }
        of_pass.times_its_chance() + of_fail.times_its_chance()
    }

    /// The load that the answer is at or under with this chance.
    pub(super) fn quantile(&self, share: f64) -> f64 {
        let mut sum = 0.0;
        let at = self.cells.iter().find(|cell| {
            sum += cell.weight;
            sum >= share
        });
        at.or(self.cells.last()).map_or(f64::NAN, |cell| cell.answer.exp())
    }

    /// The chance that the answer is at or over this load, but for half a step of the grid.
    pub(super) fn share_from(&self, load: f64) -> f64 {
        let load = load.ln() - STEP / 2.0;
        self.cells.iter().filter(|cell| cell.answer >= load).map(|cell| cell.weight).sum()
    }
}
