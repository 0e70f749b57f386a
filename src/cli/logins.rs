//! What is to be known before the first client: the hosts of logins, the logins done once a run, and
//! what no output may show.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use url::Url;

use super::fit;
use super::visit::{self, NotReady};
use crate::client::{self, DialError, LoginHost, Target, Traffic};
use crate::plan::Plan;
use crate::protocol::Protocol;
use crate::protocol::description::Each;
use crate::protocol::scope::{Captured, Person, Scope};
use crate::scenario::Cohort;
use crate::secrets::{Secrets, is_secret_name};

/// A cohort's first client, as templates name it.
pub(super) fn person(plan: &Plan, cohort: &Cohort, run: u32, url: &str) -> Person {
    let at = plan.scenario.cohorts.iter().position(|known| std::ptr::eq(known, cohort));
    let first = at.map_or(0, |at| plan.first_client(at));
    let setting = Arc::new(client::setting(&plan.scenario, cohort, url));
    client::person(plan, first, crate::worker::run_name(run).into(), setting)
}

/// The URLs that the cohorts' logins go to, as far as they are known before a client's own values.
pub(super) fn urls(plan: &Plan, run: u32, url: &str) -> Vec<String> {
    let mut urls = Vec::new();
    for cohort in &plan.scenario.cohorts {
        let Protocol::Described(file) = &cohort.protocol else { continue };
        let person = person(plan, cohort, run, url);
        let captured = Captured::new(file.names.captures.len());
        for login in &file.logins {
            let mut bytes = Vec::new();
            // One that names what an earlier login captures is of a host that is known then.
            if login.url.render(&Scope::of(&person, &captured), &mut bytes).is_ok() {
                urls.push(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
    }
    urls.sort();
    urls.dedup();
    urls
}

/// Looks up the hosts of logins that are not the target's. Each must be allowed to get load.
pub(super) async fn hosts(
    plan: &Plan,
    urls: &[String],
    target: &str,
) -> Result<Vec<LoginHost>, NotReady> {
    let mut hosts: Vec<LoginHost> = Vec::new();
    for url in urls {
        let name = client::host_of(url);
        if name == client::host_of(target) || hosts.iter().any(|known| known.name == name) {
            continue;
        }
        let limit = plan.scenario.target.connect_timeout;
        let found = client::look_up(url, limit)
            .await
            .map_err(|error| visit::unreachable(plan, target, error))?;
        fit::check_host(plan, &name, &found.addresses)?;
        let addresses = found.addresses.iter().map(SocketAddr::ip).collect();
        hosts.push(LoginHost { name, addresses });
    }
    Ok(hosts)
}

/// Does the logins that are done once a run: what each cohort's captured.
///
/// # Errors
///
/// The first that fails.
pub(super) async fn once(
    plan: &Plan,
    run: u32,
    target: &Target,
) -> Result<Vec<Captured>, DialError> {
    let traffic = Rc::new(Traffic::default());
    let mut all = Vec::with_capacity(plan.scenario.cohorts.len());
    for cohort in &plan.scenario.cohorts {
        let mut captured = Captured::default();
        let person = person(plan, cohort, run, &target.url);
        client::log_in(
            target,
            &cohort.protocol,
            Each::Run,
            &person,
            &mut captured,
            &traffic,
            |_, _, _| (),
        )
        .await?;
        all.push(captured);
    }
    Ok(all)
}

/// Everything that no output of a run may show, as far as it is known before the first client.
pub(super) fn secrets(
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
        .map(|cohort| (cohort, person(plan, cohort, run, url)))
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
