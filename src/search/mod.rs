//! Which load to try next, and what is known of the highest load that passes often enough: a pure function
//! of a goal and of the trials so far. It has no clock, runs nothing, and knows no units of load.
//!
//! The method is Bayesian adaptive testing as psychophysics has it (Psi, QUEST+): a grid of servers that
//! could be (`grid`), each trial weighs them anew, and the next load is where the answer is still open.
//! Plain bisection takes one false fail for the limit, and one hiccup of the machine in ten trials is
//! enough to put half of its answers off by more than a fifth.

mod grid;
mod normal;

use grid::Grid;

/// How sure the interval is.
pub const SURE: f64 = 0.9;
/// What lies beyond each end of the interval. A little less than it says, since a search ends as soon as its
/// interval is narrow, and that favours intervals which are narrow by chance.
const BEYOND: f64 = 0.04;
/// The interval's ends are at least so far from its middle, as a share: how a server's chance falls there is
/// a model, and its grid has steps.
const FINEST: f64 = 0.03;
/// How likely it may be that the answer is off by more than [`GROSS`], which a few false fails can make it.
const GROSSLY_WRONG: f64 = 0.01;
const GROSS: f64 = 1.2;
/// How sure it is wanted that a server below the asked chance would have failed at the confirmed load.
const CONFIRM_SURE: f64 = 0.75;
/// Confirmations at one load at most.
const CONFIRMATIONS: usize = 10;
/// Trials that have passed at the highest load, before it is taken for carried: one may be luck.
const PASSES_AT_LIMIT: usize = 3;
/// The next load is no more than this many times one that passed.
const FARTHEST: f64 = 2.0;
/// Where the next load may lie in what is still open: that is taken after which least is left open.
const LOOKS: [f64; 4] = [0.3, 0.5, 0.7, 0.97];
/// Fails in a row that are less likely than this are no chance.
const NO_CHANCE: f64 = 1e-4;
/// How far a trial's load may be from the one that was asked for.
const ROUNDED: f64 = 0.02;
/// Confirmations go on at a load until the interval's lower end has left it by more than this.
const DRIFT: f64 = 0.05;

/// What is searched for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// The lowest and the highest load that may be tried; over 0, and not the wrong way round.
    pub from: f64,
    pub to: f64,
    /// The share of trials that has to pass at a load that is carried: over 0, under 1.
    pub chance: f64,
    /// How wide the interval may be, as a share of its middle. Over 0.
    pub within: f64,
    /// Trials at most.
    pub trials: usize,
}

/// A trial that counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    pub load: f64,
    pub passed: bool,
}

/// Why a load is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing has failed so far: twice the last one.
    Climb,
    /// The answer is open there.
    Narrow,
    /// The interval is narrow enough, and its lower end is made sure of.
    Confirm,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    Try { load: f64, why: Why },
    Done(Found),
}

/// How the search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The interval is narrow enough.
    Between,
    /// The highest load that may be tried is carried.
    AtLeast,
    /// The lowest load that may be tried is not carried.
    LessThan,
    /// The trials are used up before the interval was narrow enough.
    Open,
    /// So many trials in a row failed where they should not have that the server is not what it was: it
    /// did not recover.
    Changed,
}

/// Where the answer lies, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The answer is at least `low` and at most `high` with a chance of [`SURE`].
    pub low: f64,
    pub load: f64,
    pub high: f64,
}

impl Estimate {
    /// How far the ends lie apart, as a share of the middle.
    #[must_use]
    pub fn width(&self) -> f64 {
        (self.high - self.low) / self.load
    }
}

/// Trials at one load that were made to be sure of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Confirmed {
    pub load: f64,
    pub passed: usize,
    pub of: usize,
}

impl Confirmed {
    /// With which chance a server would have passed fewer of them, if its chance there were under `chance`:
    /// how much they say. 0 where there are none.
    #[must_use]
    pub fn strength(&self, chance: f64) -> f64 {
        let failed = self.of - self.passed;
        // The binomial's tail: so many fails or fewer.
        let mut term = chance.powi(i32::try_from(self.of).unwrap_or(i32::MAX));
        let mut tail = term;
        for fails in 1..=failed {
            term *= (self.of - fails + 1) as f64 / fails as f64 * (1.0 - chance) / chance;
            tail += term;
        }
        if self.of == 0 { 0.0 } else { 1.0 - tail }
    }
}

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    goal: Goal,
    grid: Grid,
    made: Vec<Trial>,
    confirmed: Confirmed,
    /// How likely the fails were, beforehand, that follow the last pass.
    fails: f64,
    next: Next,
}

impl Search {
    /// Nothing has been tried.
    #[must_use]
    pub fn new(goal: Goal) -> Self {
        let grid = Grid::new(goal.from, goal.to, goal.chance);
        let next = Next::Try { load: goal.from, why: Why::Climb };
        let (made, confirmed) = (Vec::new(), Confirmed::default());
        Self { goal, grid, made, confirmed, fails: 1.0, next }
    }

    /// What a trial came to. Its load may differ from the one asked for: people are whole.
    pub fn add(&mut self, trial: Trial) {
        if let Next::Try { load, why: Why::Confirm } = self.next
            && (trial.load / load - 1.0).abs() <= ROUNDED
        {
            if self.confirmed.load != load {
                self.confirmed = Confirmed { load, ..Confirmed::default() };
            }
            self.confirmed.of += 1;
            self.confirmed.passed += usize::from(trial.passed);
        }
        self.fails = match trial.passed {
            true => 1.0,
            false => self.fails * (1.0 - self.grid.passes(trial.load)),
        };
        self.grid.weigh(trial.load, trial.passed);
        self.made.push(trial);
        self.next = self.decide();
    }

    /// No load above this one can be tried.
    pub fn limit_to(&mut self, load: f64) {
        self.goal.to = self.goal.to.min(load).max(self.goal.from);
        self.next = self.decide();
    }

    /// The highest load that is tried.
    #[must_use]
    pub fn highest_to_try(&self) -> f64 {
        self.goal.to
    }

    /// The trials so far.
    #[must_use]
    pub fn made(&self) -> &[Trial] {
        &self.made
    }

    /// The highest load at which a trial passed.
    #[must_use]
    pub fn highest_passed(&self) -> Option<f64> {
        self.highest_passed_under(f64::INFINITY)
    }

    /// The same of loads under this one.
    #[must_use]
    pub fn highest_passed_under(&self, load: f64) -> Option<f64> {
        let passed = self.made.iter().filter(|trial| trial.passed && trial.load < load);
        passed.map(|trial| trial.load).reduce(f64::max)
    }

    /// Where the answer lies by the trials so far.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        let at = |share| self.grid.quantile(share);
        let load = at(0.5);
        Estimate {
            low: at(BEYOND).min(load * (1.0 - FINEST)),
            load,
            high: at(1.0 - BEYOND).max(load * (1.0 + FINEST)),
        }
    }

    /// The answer's distribution at these shares: 0.05 gives the load that it is under with a chance of 5 %.
    #[must_use]
    pub fn quantiles(&self, shares: &[f64]) -> Vec<f64> {
        shares.iter().map(|share| self.grid.quantile(*share)).collect()
    }

    /// The confirmations so far.
    #[must_use]
    pub fn confirmed(&self) -> Confirmed {
        self.confirmed
    }

    /// The next load, or how the search ended.
    #[must_use]
    pub fn next(&self) -> Next {
        self.next
    }

    fn decide(&self) -> Next {
        let Goal { from, to, within, trials, .. } = self.goal;
        let estimate = self.estimate();
        // Whoever passes at the end of what may be tried can't be narrowed from above.
        let carries_to = || self.grid.share_from(to) >= SURE;
        let carries_none = || self.grid.share_from(from) <= GROSSLY_WRONG;
        let at_to = self.made.iter().filter(|trial| trial.passed && trial.load >= to * 0.999);
        let passed_to = at_to.count() >= PASSES_AT_LIMIT;
        let narrow = estimate.width() <= within && {
            let over = self.grid.share_from(estimate.load * GROSS);
            let under = 1.0 - self.grid.share_from(estimate.load / GROSS);
            over.max(under) <= GROSSLY_WRONG
        };
        let found = match () {
            () if self.fails < NO_CHANCE && self.highest_passed().is_some() => Some(Found::Changed),
            () if passed_to && carries_to() => Some(Found::AtLeast),
            () if !self.made.is_empty() && carries_none() => Some(Found::LessThan),
            () if narrow && self.is_confirmed(estimate) => Some(Found::Between),
            () => None,
        };
        if let Some(found) = found {
            return Next::Done(found);
        }
        if self.made.len() >= trials {
            return Next::Done(if narrow { Found::Between } else { Found::Open });
        }
        let climbs = self.made.iter().all(|trial| trial.passed);
        let last = self.made.last().map(|trial| trial.load);
        match last {
            None => Next::Try { load: from, why: Why::Climb },
            Some(last) if climbs && last < to * 0.999 => {
                Next::Try { load: (last * 2.0).min(to), why: Why::Climb }
            }
            _ if narrow => Next::Try { load: self.to_confirm(estimate), why: Why::Confirm },
            _ => {
                // Smaller loads first: however likely it is that more is carried, a server that is asked
                // for many times what it carries may not come back.
                let passed = self.highest_passed();
                let highest = passed.map_or(from, |passed| passed * FARTHEST).clamp(from, to);
                let loads = LOOKS.map(|look| self.grid.quantile(look).clamp(from, highest));
                // Each is looked at once: that goes through the whole grid.
                let looks = loads.map(|load| (load, self.grid.unknown_after(load)));
                let least = looks.into_iter().min_by(|(_, a), (_, b)| a.total_cmp(b));
                Next::Try { load: least.map_or(from, |(load, _)| load), why: Why::Narrow }
            }
        }
    }

    /// Where confirmations are made: where they were, unless the interval has moved away.
    fn to_confirm(&self, estimate: Estimate) -> f64 {
        let at = self.confirmed.load;
        let stays = at > 0.0 && (estimate.low / at - 1.0).abs() <= DRIFT;
        if stays { at } else { estimate.low.clamp(self.goal.from, self.goal.to) }
    }

    fn is_confirmed(&self, estimate: Estimate) -> bool {
        self.confirmed.load == self.to_confirm(estimate)
            && (self.confirmed.strength(self.goal.chance) >= CONFIRM_SURE
                || self.confirmed.of >= CONFIRMATIONS)
    }
}

#[cfg(test)]
mod tests;
