//! What is said when nobody gets in: what a client met, and what to look at.

use super::known::secrets;
use super::people::{person, protocol};
use super::recent::Recent;
use super::refusal::{NotIn, Refusal};
use super::shown::Hidden;
use crate::client::{self, DialError};
use crate::metric::{ErrorKind, Step};
use crate::plan::Plan;
use crate::protocol::description::Known;
use crate::protocol::scope::RoomName;
use crate::protocol::{Audience, Protocol};
use crate::report::Exit;
use crate::report::escape::escape_terminal;
use crate::report::hints::{Known as Beside, Trouble, hint};
use crate::report::summary::COLUMNS;
use crate::scenario::Scenario;
use crate::secrets::redact_url;

/// What of an error's words is shown, in columns.
const ERROR_COLUMNS: usize = 400;

/// What a run can do about a server that lets nobody in.
const GO_ON: &str = "--wait 30s waits for a server that is still starting; --no-preflight sends the \
                     load without trying first";

/// What kept the first client out, with what it `met`.
pub(super) fn not_in(plan: &Plan, url: &str, error: DialError, met: Option<&Recent>) -> NotIn {
    NotIn { refusal: told(plan, url, &error, met, GO_ON), error }
}

/// What kept clients from being sent at all, and what to look at.
pub(super) fn unreachable(plan: &Plan, url: &str, error: DialError) -> NotIn {
    NotIn { refusal: told(plan, url, &error, None, ""), error }
}

/// What a client met, what to look at, and `more` to be done.
fn told(plan: &Plan, url: &str, error: &DialError, met: Option<&Recent>, more: &str) -> Refusal {
    let protocol = protocol(&plan.scenario);
    let people = [person(plan, 0, 0, url)];
    let given = secrets(plan, 0, url, &plan.scenario.target.headers, &[]);
    let mut hidden = Hidden::of(protocol, &people, given);
    if let Some(met) = met {
        hidden.learn(met.captured());
    }
    let text = escape_terminal(&hidden.mask_text(&error.text), ERROR_COLUMNS);
    let asked = match (error.step, met) {
        (Step::Lookup | Step::Login | Step::Tcp | Step::Tls, _) | (_, None) => None,
        (_, Some(met)) => {
            let home = Some(RoomName { name: met.room(), n: 0 });
            client::asked_url(url, protocol, &people[0], met.captured(), home).ok()
        }
    };
    let asked = redact_url(asked.as_deref().unwrap_or(url));
    let asked = escape_terminal(&hidden.mask_text(&asked), ERROR_COLUMNS);
    let mut message = format!("UNREACHABLE  no client got in: {asked}: {text}");
    for line in met.map(|met| met.lines(&hidden, COLUMNS)).unwrap_or_default() {
        message.push('\n');
        message.push_str(&line);
    }
    let mut help = hint(trouble(error, protocol, met), &beside(&plan.scenario, &error.text));
    if !more.is_empty() {
        help.push('\n');
        help.push_str(more);
    }
    Refusal::new(Exit::Unreachable, message, help)
}

/// What is known beside the trouble of a client of the first cohort.
pub fn beside<'a>(scenario: &'a Scenario, words: &'a str) -> Beside<'a> {
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
pub fn trouble(error: &DialError, protocol: &Protocol, met: Option<&Recent>) -> Trouble {
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
