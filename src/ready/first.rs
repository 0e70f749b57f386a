//! The client that is sent before all others, in nobody's figures: it finds out in a second what else would
//! show after the ramp.

use std::net::SocketAddr;

use super::people::{person, protocol, room};
use super::recent::Recent;
use super::refusal::NotIn;
use super::{logins, told};
use crate::client::{self, Target, Visit};
use crate::plan::Plan;
use crate::protocol::scope::{Captured, Person};

/// Does the logins that are done once a run, unless an earlier attempt did, and keeps what each cohort
/// captured. `tries` whether the preflight client is sent; gives the address that let it in.
pub(super) async fn first_client(
    tries: bool,
    plan: &Plan,
    run: u32,
    target: &Target,
    attempt: u64,
    kept: &mut Option<Vec<Captured>>,
) -> Result<Option<SocketAddr>, NotIn> {
    let logged_in = match kept {
        Some(logged_in) => logged_in,
        None => {
            let done = logins::once(plan, run, target).await;
            kept.insert(done.map_err(|error| told::not_in(plan, &target.url, error, None))?)
        }
    };
    if !tries {
        return Ok(None);
    }
    let captured = logged_in.first().cloned().unwrap_or_default();
    let answered = preflight(plan, target, run, attempt, captured).await?;
    Ok(Some(answered))
}

/// So many `{{ id }}`s are left for each attempt; those of the run come after all of them.
const IDS_EACH: u64 = 100;
/// The attempts that have their own.
const ATTEMPTS: u64 = 9;

/// Sends the client that finds out in a second what else would show after the ramp. `captured` is
/// what the first cohort's logins did once a run. Gives the address that let it in.
async fn preflight(
    plan: &Plan,
    target: &Target,
    run: u32,
    attempt: u64,
    captured: Captured,
) -> Result<SocketAddr, NotIn> {
    let scenario = &plan.scenario;
    let protocol = protocol(scenario);
    let room = room(scenario, format!("uproar-{run:07x}-preflight"));
    let mut recent = [0, 1].map(|client| Recent::new(protocol, &room, client));
    let [first, second] = &mut recent;
    let visit = Visit {
        target,
        protocol,
        // An attempt's ids are its own as well: a server may have seen those of the one before.
        person: Person {
            last_id: attempt.min(ATTEMPTS) * IDS_EACH,
            ..person(plan, 0, run, &target.url)
        },
        captured,
        run,
        room,
        limit: scenario.target.join_timeout,
    };
    match client::preflight(visit, [first, second]).await {
        Ok(answered) => Ok(answered),
        Err(error) => {
            let [first, second] = recent;
            // The second one comes when the first has joined: what it met is nearer to the failure.
            let met = if second.began() { second } else { first };
            Err(told::not_in(plan, &target.url, error, Some(&met)))
        }
    }
}
