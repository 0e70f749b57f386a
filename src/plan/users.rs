//! Which client is which of a cohort's users.

use rand::RngExt;

use super::{Plan, seeds};
use crate::protocol::scope::Row;
use crate::scenario::{Data, Order};

impl Plan {
    /// The user that a client is; `None` where its cohort has no data.
    #[must_use]
    pub fn user(&self, client: u32) -> Option<Row> {
        let cohort = self.cohort_of(client);
        let Data { users, order } = self.scenario.cohorts.get(cohort)?.data.as_ref()?;
        let within = client - self.starts[cohort];
        let rows = u32::try_from(users.len()).unwrap_or(u32::MAX).max(1);
        let row = match order {
            // More clients than rows are refused where each row is used once.
            Order::InOrder | Order::Once => within % rows,
            Order::Random => {
                let seed = self.scenario.seed;
                seeds::rng(seed, seeds::USERS, u64::from(client)).random_range(0..rows)
            }
        };
        users.row(row as usize)
    }
}
