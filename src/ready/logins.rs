//! Logins before the first client: their hosts, and those that are done once a run.

use std::net::SocketAddr;
use std::rc::Rc;

use super::hosts::check_host;
use super::people::first_of;
use super::refusal::NotReady;
use super::told;
use crate::client::{self, DialError, LoginHost, Target, Traffic};
use crate::plan::Plan;
use crate::protocol::Protocol;
use crate::protocol::description::Each;
use crate::protocol::scope::{Captured, Scope};

/// The URLs that the cohorts' logins go to, as far as they are known before a client's own values.
pub(super) fn urls(plan: &Plan, run: u32, url: &str) -> Vec<String> {
    let mut urls = Vec::new();
    for cohort in &plan.scenario.cohorts {
        let Protocol::Described(file) = &cohort.protocol else { continue };
        let person = first_of(plan, cohort, run, url);
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
            .map_err(|error| told::unreachable(plan, target, error))?;
        check_host(plan, &name, &found.addresses)?;
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
        let person = first_of(plan, cohort, run, &target.url);
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
