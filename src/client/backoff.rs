//! How long to wait before the next attempt. Pure arithmetic over a random generator.
//!
//! The jitters are those of "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use crate::machine::clock::micros;
use crate::scenario::{Jitter, Reconnect};

/// One client's attempts since it was last joined.
#[derive(Clone, Debug)]
pub struct Backoff {
    policy: Reconnect,
    attempts: u32,
    /// The delay before this one, for decorrelated jitter.
    last_us: f64,
}

impl Backoff {
    /// No attempt yet.
    #[must_use]
    pub fn new(policy: Reconnect) -> Self {
        Self { policy, attempts: 0, last_us: micros(policy.first) as f64 }
    }

    /// The policy it follows.
    #[must_use]
    pub fn policy(&self) -> Reconnect {
        self.policy
    }

    /// Forgets the attempts: the client is joined again.
    pub fn succeed(&mut self) {
        *self = Self::new(self.policy);
    }

    /// The wait before the next attempt in microseconds; `None` when the attempts are used up.
    pub fn next_us(&mut self, rng: &mut Pcg64Mcg) -> Option<u64> {
        if self.attempts >= self.policy.attempts {
            return None;
        }
        let (first_us, max_us) = (micros(self.policy.first) as f64, micros(self.policy.max) as f64);
        let exponent = i32::try_from(self.attempts).unwrap_or(i32::MAX);
        let delay_us = (first_us * self.policy.factor.powi(exponent)).min(max_us);
        let share = rng.random::<f64>();
        let wait_us = match self.policy.jitter {
            Jitter::None => delay_us,
            Jitter::Equal => delay_us / 2.0 * (1.0 + share),
            Jitter::Full => delay_us * share,
            Jitter::Decorrelated => {
                let ceiling_us = (self.last_us * 3.0).max(first_us);
                (first_us + (ceiling_us - first_us) * share).min(max_us)
            }
        };
        self.attempts += 1;
        self.last_us = wait_us;
        Some(wait_us as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::SeedableRng;

    use super::*;
    use crate::scenario::WhileAway;

    fn policy(jitter: Jitter) -> Reconnect {
        Reconnect {
            first: Duration::from_millis(100),
            factor: 2.0,
            max: Duration::from_millis(700),
            jitter,
            attempts: 5,
            while_away: WhileAway::Queue,
        }
    }

    #[test]
    fn without_jitter_it_doubles_up_to_the_maximum_and_ends() {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let mut backoff = Backoff::new(policy(Jitter::None));
        let waits: Vec<_> = std::iter::from_fn(|| backoff.next_us(&mut rng)).collect();
        assert_eq!(waits, [100_000, 200_000, 400_000, 700_000, 700_000]);
        backoff.succeed();
        assert_eq!(backoff.next_us(&mut rng), Some(100_000));
    }

    #[test]
    fn jitter_stays_within_its_bounds_and_fills_them() {
        // kind, attempt, least, most in microseconds
        let rows = [
            (Jitter::Equal, 2, 200_000, 400_000),
            (Jitter::Full, 2, 0, 400_000),
            (Jitter::Decorrelated, 0, 100_000, 300_000),
        ];
        let mut rng = Pcg64Mcg::seed_from_u64(7);
        for (jitter, attempt, least, most) in rows {
            let mut seen = Vec::new();
            for _ in 0..2_000 {
                let mut backoff = Backoff::new(policy(jitter));
                for _ in 0..attempt {
                    backoff.next_us(&mut rng);
                }
                seen.push(backoff.next_us(&mut rng).unwrap());
            }
            let (low, high) = (*seen.iter().min().unwrap(), *seen.iter().max().unwrap());
            assert!(low >= least && high <= most, "{jitter:?}: {low}..{high}");
            let span = most - least;
            assert!(
                low < least + span / 50 && high > most - span / 50,
                "{jitter:?}: {low}..{high}"
            );
        }
    }
}
