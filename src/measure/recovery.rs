//! How clients came back from each fault.

use serde::{Deserialize, Serialize};

/// One client hit by a fault, or back from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultEvent {
    /// Index into the plan's faults.
    pub fault: u16,
    /// What happened.
    pub moment: FaultMoment,
}

/// What happened to one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultMoment {
    /// Its connection was taken.
    Hit,
    /// It is joined in all its rooms again.
    Back {
        /// Since the hit.
        after_us: u64,
    },
}

/// One fault's figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Clients whose connection it took; fewer than chosen if some were away already.
    pub hit: u64,
    back_us: Vec<u64>,
}

impl Recovery {
    pub(super) fn take(&mut self, moment: FaultMoment) {
        match moment {
            FaultMoment::Hit => self.hit += 1,
            FaultMoment::Back { after_us } => {
                let at = self.back_us.partition_point(|known| *known <= after_us);
                self.back_us.insert(at, after_us);
            }
        }
    }

    /// Clients that came back.
    #[must_use]
    pub fn back(&self) -> u64 {
        self.back_us.len() as u64
    }

    /// Microseconds until this share (over 0, at most 1) of those hit were back; `None` if they
    /// never were.
    #[must_use]
    pub fn time_to_us(&self, share: f64) -> Option<u64> {
        let needed = (self.hit as f64 * share).ceil() as usize;
        self.back_us.get(needed.checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_count_from_those_hit() {
        let mut recovery = Recovery::default();
        assert_eq!(recovery.time_to_us(0.5), None);
        for _ in 0..4 {
            recovery.take(FaultMoment::Hit);
        }
        for after_us in [30, 10, 20] {
            recovery.take(FaultMoment::Back { after_us });
        }
        assert_eq!(recovery.back(), 3);
        assert_eq!(recovery.time_to_us(0.5), Some(20));
        assert_eq!(recovery.time_to_us(0.75), Some(30));
        assert_eq!(recovery.time_to_us(0.99), None);
        assert_eq!(recovery.time_to_us(1.0), None);
    }
}
