//! Clients in nobody's figures: who they are, and what to say when none of them gets in. `run` sends
//! one or two before the load, `try` shows two of them.

pub(super) mod recent;
pub(super) mod shown;

use std::net::SocketAddr;
use std::sync::Arc;

use url::Url;

use super::{Failure, logins};
use crate::client::{self, DialError, Target, Visit};
use crate::metric::{ErrorKind, Step};
use crate::plan::Plan;
use crate::protocol::description::Known;
use crate::protocol::scope::{Captured, Person};
use crate::protocol::{Audience, Protocol};
use crate::report::Exit;
use crate::report::escape::escape_terminal;
use crate::report::hints::{Known as Beside, Trouble, hint};
use crate::report::summary::COLUMNS;
use crate::scenario::{RoomCount, Scenario};
use crate::secrets::redact_query;
use recent::Recent;
use shown::Hidden;

/// What of an error's words is shown, in columns.
const ERROR_COLUMNS: usize = 400;

/// How the first cohort speaks.
pub(super) fn protocol(scenario: &Scenario) -> &Protocol {
    scenario.cohorts.first().map_or(&scenario.target.protocol, |cohort| &cohort.protocol)
}

/// Where a client of the first cohort goes: to the first room that the scenario names, since a server may
/// know no others; else to one of its own.
pub(super) fn room(scenario: &Scenario, its_own: String) -> String {
    let join = scenario.cohorts.first().and_then(|cohort| cohort.join.as_ref());
    let set = join.and_then(|join| scenario.room_sets.get(join.set));
    match set.map(|set| &set.rooms) {
        Some(RoomCount::Names(names)) => names.first().cloned().unwrap_or(its_own),
        _ => its_own,
    }
}

/// A client of the first cohort, connecting to this URL.
pub(super) fn person(plan: &Plan, client: u32, run: u32, url: &str) -> Person {
    let scenario = &plan.scenario;
    let cohort = scenario.cohorts.first();
    let setting = cohort.map(|cohort| client::setting(scenario, cohort, url));
    Person {
        client,
        run: crate::worker::run_name(run).into(),
        user: plan.user(client),
        last_id: 0,
        setting: Arc::new(setting.unwrap_or_default()),
    }
}

/// Why the first client did not get in, and what is said of it.
pub(super) struct NotIn {
    pub(super) error: DialError,
    pub(super) failure: Failure,
}

impl NotIn {
    pub(super) fn new(plan: &Plan, url: &str, error: DialError, met: Option<&Recent>) -> Self {
        Self { failure: told(plan, url, &error, met, GO_ON), error }
    }
}

/// Why there is no run.
pub(super) enum NotReady {
    /// The plan, the command line or this machine stands against it.
    Refused(Failure),
    /// Nobody got in: that is an answer, and has a report.
    NobodyIn(NotIn),
}

impl From<Failure> for NotReady {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure)
    }
}

impl From<NotIn> for NotReady {
    fn from(not_in: NotIn) -> Self {
        Self::NobodyIn(not_in)
    }
}

impl From<NotReady> for Failure {
    fn from(not_ready: NotReady) -> Self {
        match not_ready {
            NotReady::Refused(failure) | NotReady::NobodyIn(NotIn { failure, .. }) => failure,
        }
    }
}

/// What a run can do about a server that lets nobody in.
const GO_ON: &str = "--wait 30s waits for a server that is still starting; --no-preflight sends the \
                     load without trying first";

/// So many `{{ id }}`s are left for each attempt; those of the run come after all of them.
const IDS_EACH: u64 = 100;
/// The attempts that have their own.
const ATTEMPTS: u64 = 9;

/// Sends the client that finds out in a second what else would show after the ramp. `captured` is
/// what the first cohort's logins did once a run. Gives the address that let it in.
pub(super) async fn preflight(
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
            Err(NotIn::new(plan, &target.url, error, Some(&met)))
        }
    }
}

/// What kept clients from being sent at all, and what to look at.
pub(super) fn unreachable(plan: &Plan, url: &str, error: DialError) -> NotIn {
    NotIn { failure: told(plan, url, &error, None, ""), error }
}

/// What a client met, what to look at, and `more` to be done.
fn told(plan: &Plan, url: &str, error: &DialError, met: Option<&Recent>, more: &str) -> Failure {
    let protocol = protocol(&plan.scenario);
    let people = [person(plan, 0, 0, url)];
    let given = logins::secrets(plan, 0, url, &plan.scenario.target.headers, &[]);
    let mut hidden = Hidden::of(protocol, &people, given);
    if let Some(met) = met {
        hidden.learn(met.captured());
    }
    let text = escape_terminal(&hidden.mask_text(&error.text), ERROR_COLUMNS);
    let mut message = format!("UNREACHABLE  no client got in: {}: {text}", redact(url));
    for line in met.map(|met| met.lines(&hidden, COLUMNS)).unwrap_or_default() {
        message.push('\n');
        message.push_str(&line);
    }
    let mut help = hint(trouble(error, protocol, met), &beside(&plan.scenario, &error.text));
    if !more.is_empty() {
        help.push('\n');
        help.push_str(more);
    }
    Failure::message(Exit::Unreachable, message, help)
}

/// What is known beside the trouble of a client of the first cohort.
pub(super) fn beside<'a>(scenario: &'a Scenario, words: &'a str) -> Beside<'a> {
    let (protocol, target) = (protocol(scenario), &scenario.target);
    let files = match protocol {
        Protocol::Described(file) => !file.subprotocols.is_empty(),
        Protocol::Native(..) | Protocol::Mqtt(_) => protocol.subprotocol().is_some(),
    };
    let is_it = |name: &str| name.eq_ignore_ascii_case("sec-websocket-protocol");
    let header = target.headers.iter().any(|(name, _)| is_it(name));
    let offered = files || header || !target.subprotocols.is_empty();
    Beside { protocol: protocol.name(), words, offered: Some(offered) }
}

/// What a client's error is a sign of.
pub(super) fn trouble(error: &DialError, protocol: &Protocol, met: Option<&Recent>) -> Trouble {
    let probes = match protocol {
        Protocol::Described(file) => {
            file.join.as_ref().is_some_and(|join| matches!(join.known, Known::Probe))
        }
        Protocol::Native(..) | Protocol::Mqtt(_) => false,
    };
    match (error.kind, error.step) {
        (ErrorKind::TimedOut, Step::Join) if probes => Trouble::NotProbed,
        (ErrorKind::TimedOut, Step::Connect | Step::Join | Step::Leave | Step::Active)
            if let Some(several) = met.and_then(Recent::several) =>
        {
            Trouble::Several(several)
        }
        (ErrorKind::TimedOut, Step::Connect | Step::Join | Step::Leave)
            if met.is_some_and(Recent::came_near) =>
        {
            Trouble::Otherwise
        }
        (ErrorKind::TimedOut, Step::Active) if protocol.audience() == Audience::Feed => {
            Trouble::NothingPushed
        }
        (ErrorKind::TimedOut, Step::Active) if met.is_some_and(Recent::filtered) => {
            Trouble::Filtered
        }
        (ErrorKind::TimedOut, Step::Active) => Trouble::Unheard,
        _ => Trouble::Failed(error.kind, error.detail, error.step),
    }
}

/// Parts of a URL that may be secret: userinfo, and values of the query.
pub(super) fn redact(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return url.to_owned() };
    // Neither can fail for a URL with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if let Some(query) = url.query() {
        let redacted = redact_query(query);
        url.set_query(Some(&redacted));
    }
    url.to_string()
}
