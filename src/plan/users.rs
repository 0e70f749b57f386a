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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::{Overrides, Source, read};

    /// 4 clients without data, then 7 with three rows.
    fn plan(order: Order) -> Plan {
        let text = r#"
            format = 1
            name = "users"
            seed = 7
            [target]
            builtin = "echo"
            [[cohort]]
            name = "nobody"
            clients = 4
            [[cohort]]
            name = "people"
            clients = 7
            [[phase]]
            name = "steady"
            duration = "10s"
        "#;
        let source = Source { name: "test".to_owned(), text: text.to_owned() };
        let mut scenario = read(&source, &Overrides::default()).unwrap();
        let cells = json!({ "text": "annbobcat", "ends": [3, 6, 9] });
        let users = serde_json::from_value(json!({ "columns": ["name"], "cells": cells })).unwrap();
        scenario.cohorts[1].data = Some(Data { users, order });
        Plan::new(scenario)
    }

    fn names(plan: &Plan) -> Vec<String> {
        (4..11).map(|client| plan.user(client).unwrap().values.concat()).collect()
    }

    #[test]
    fn clients_take_their_rows_in_order_and_from_the_first_again() {
        for order in [Order::InOrder, Order::Once] {
            let plan = plan(order);
            assert_eq!(names(&plan), ["ann", "bob", "cat", "ann", "bob", "cat", "ann"]);
            assert!((0..4).all(|client| plan.user(client).is_none()), "they have no data");
        }
    }

    #[test]
    fn random_rows_are_the_seeds() {
        let mut plan = plan(Order::Random);
        let drawn = names(&plan);
        assert_eq!(drawn, names(&plan));
        for name in ["ann", "bob", "cat"] {
            assert!(drawn.iter().any(|drawn| drawn == name), "{drawn:?}");
        }
        plan.scenario.seed = 8;
        assert_ne!(drawn, names(&plan));
    }
}
