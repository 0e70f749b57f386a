//! What the templates of a cohort's protocol may name: params, the environment, the target.

use super::location::names_of;
use crate::protocol::scope::Setting;
use crate::scenario::{Cohort, Scenario};

/// The values that all clients of a cohort share. The environment is read here, when a run begins:
/// a plan holds names only, so that it can be shown.
#[must_use]
pub fn setting(scenario: &Scenario, cohort: &Cohort, url: &str) -> Setting {
    let value = |name: &String| Some((name.clone(), std::env::var(name).ok()?));
    Setting {
        params: cohort.params.clone(),
        env: scenario.env.iter().filter_map(value).collect(),
        target: names_of(url).unwrap_or_default(),
    }
}
