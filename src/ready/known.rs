//! What no output of a run may show.

use url::Url;

use super::people::first_of;
use crate::plan::Plan;
use crate::protocol::scope::Captured;
use crate::secrets::{Secrets, is_secret_name};

/// Everything that no output of a run may show, as far as it is known before the first client.
pub fn secrets(
    plan: &Plan,
    run: u32,
    url: &str,
    headers: &[(String, String)],
    logged_in: &[Captured],
) -> Secrets {
    let people: Vec<_> = plan
        .scenario
        .cohorts
        .iter()
        .map(|cohort| (cohort, first_of(plan, cohort, run, url)))
        .collect();
    let none = Captured::default();
    let spoken = people.iter().enumerate().flat_map(|(at, (cohort, person))| {
        cohort.protocol.secrets(person, logged_in.get(at).unwrap_or(&none))
    });
    let headers = headers.iter().filter(|(name, _)| is_secret_name(name));
    // A server that reads `id=x` may quote `x`.
    let headers = headers.flat_map(|(name, value)| {
        let pairs = name.eq_ignore_ascii_case("cookie").then(|| value.split(';'));
        let values = pairs.into_iter().flatten().filter_map(|pair| pair.split_once('='));
        std::iter::once(value.as_str()).chain(values.map(|(_, value)| value))
    });
    let query: Vec<_> =
        Url::parse(url).map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default();
    let query = query.iter().filter(|(name, _)| is_secret_name(name));
    Secrets::new(spoken.chain(headers).chain(query.map(|(_, value)| value.as_str())))
}
