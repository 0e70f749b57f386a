//! What a client says before its socket is open: logins over HTTP, and what stands in its upgrade.

use std::rc::Rc;

use super::error::DialError;
use super::location::joined;
use super::login::{Answer, Request, request};
use super::person::secrets;
use super::socket::Traffic;
use super::target::Target;
use super::upgrade::Upgrade;
use crate::metric::{Detail, ErrorKind, Step};
use crate::protocol::capture::Source;
use crate::protocol::description::{Each, Login};
use crate::protocol::frame::Frame;
use crate::protocol::scope::{Captured, Person, RoomName, Scope};
use crate::protocol::template::{Missing, Template};
use crate::protocol::{Entrance, Protocol, quote};

/// What one client says in its upgrade. What the target's own headers name replaces the protocol's.
pub(super) fn upgrade(
    target: &Target,
    protocol: &Protocol,
    person: &Person,
    captured: &Captured,
    home: Option<RoomName<'_>>,
) -> Result<Upgrade, DialError> {
    let scope = Scope { room: home, ..Scope::of(person, captured) };
    let entrance = protocol.entrance(&scope).map_err(|missing| unsaid(Step::Upgrade, &missing))?;
    let mut upgrade = target.upgrade();
    upgrade.url = url_of(&target.url, &entrance)?;
    let named = |name: &str| target.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    upgrade.headers.extend(entrance.headers.into_iter().filter(|(name, _)| !named(name)));
    // The protocol's come first: a server takes the first that it knows.
    let further = std::mem::replace(&mut upgrade.subprotocols, entrance.subprotocols);
    for name in further {
        if !upgrade.subprotocols.contains(&name) {
            upgrade.subprotocols.push(name);
        }
    }
    Ok(upgrade)
}

/// The URL that a client's upgrade asks for.
///
/// # Errors
///
/// When the protocol names a value there isn't.
pub fn asked_url(
    url: &str,
    protocol: &Protocol,
    person: &Person,
    captured: &Captured,
    home: Option<RoomName<'_>>,
) -> Result<String, DialError> {
    let scope = Scope { room: home, ..Scope::of(person, captured) };
    let entrance = protocol.entrance(&scope).map_err(|missing| unsaid(Step::Upgrade, &missing))?;
    url_of(url, &entrance)
}

fn url_of(url: &str, entrance: &Entrance) -> Result<String, DialError> {
    if entrance.path.is_none() && entrance.query.is_empty() {
        return Ok(url.to_owned());
    }
    joined(url, entrance.path.as_deref(), &entrance.query)
        .map_err(|error| DialError::new(ErrorKind::BadHandshake, Step::Upgrade, error.to_string()))
}

/// Something was to be said that names a value there isn't.
fn unsaid(step: Step, missing: &Missing) -> DialError {
    DialError::new(ErrorKind::MissingValue, step, missing.to_string())
}

/// Does the protocol's logins of one kind, and keeps what they capture. `told` hears of each: its
/// number, what was asked, and what was answered.
///
/// # Errors
///
/// When one is not answered in time, not with the status or the words it wants, or without what it
/// captures. The step is always `login`.
pub async fn log_in(
    target: &Target,
    protocol: &Protocol,
    each: Each,
    person: &Person,
    captured: &mut Captured,
    traffic: &Rc<Traffic>,
    mut told: impl FnMut(usize, &Request<'_>, &Answer),
) -> Result<(), DialError> {
    let Protocol::Described(file) = protocol else { return Ok(()) };
    if captured.len() != file.names.captures.len() {
        *captured = Captured::new(file.names.captures.len());
    }
    for (at, login) in file.logins.iter().enumerate().filter(|(_, login)| login.each == each) {
        let (url, headers, body) = {
            let scope = Scope::of(person, captured);
            let text = |template: &Template| {
                let mut bytes = Vec::new();
                template.render(&scope, &mut bytes).map_err(|why| unsaid(Step::Login, &why))?;
                Ok::<_, DialError>(bytes)
            };
            let words = |template: &Template| {
                Ok::<_, DialError>(String::from_utf8_lossy(&text(template)?).into_owned())
            };
            let header = |(name, value): &(String, Template)| Ok((name.clone(), words(value)?));
            let headers: Result<Vec<_>, DialError> = login.headers.iter().map(header).collect();
            let body = login.body.as_ref().map(text).transpose()?.unwrap_or_default();
            (words(&login.url)?, headers?, body)
        };
        let asked = Request { method: &login.method, url: &url, headers: &headers, body: &body };
        let answer = request(target, person.client, &asked, login.timeout, traffic).await?;
        told(at, &asked, &answer);
        if let Err(error) = take(login, &answer, person, captured) {
            // The answer may repeat the password.
            let text = secrets(protocol, person, captured).redact(&error.text).into_owned();
            return Err(DialError { text, ..error });
        }
    }
    Ok(())
}

/// Whether an answer lets the client in, and what it captures.
fn take(
    login: &Login,
    answer: &Answer,
    person: &Person,
    captured: &mut Captured,
) -> Result<(), DialError> {
    let status = answer.status;
    let welcome = login.status.map_or((200..300).contains(&status), |wanted| wanted == status);
    if !welcome {
        let text = format!("answered {status} to the login: {}", quote(&answer.body));
        let error = DialError::new(ErrorKind::HttpStatus, Step::Login, text);
        return Err(DialError { detail: Detail::Status(status), ..error });
    }
    let frame = Frame::new(&answer.body, true, None);
    if let Some(expect) = &login.expect
        && !expect.matches(&frame, &Scope::of(person, captured))
    {
        let text = format!("the answer to the login is another: {}", quote(&answer.body));
        return Err(DialError::new(ErrorKind::ServerError, Step::Login, text));
    }
    for capture in &login.captures {
        let found = match &capture.source {
            Source::Header(_) => {
                capture.take_header(|name| answer.header(&name.to_ascii_lowercase()))
            }
            Source::Pointer(_) | Source::Pattern(_) => capture.take(&frame),
        };
        let Some(text) = found else {
            let missed = match &capture.source {
                Source::Header(name) => {
                    let names = answer.headers.iter().map(|(name, _)| name.as_str());
                    capture.missed_header(name, names)
                }
                Source::Pointer(_) | Source::Pattern(_) => capture.missed(&frame),
            };
            let text = format!("the answer to the login has no {missed}");
            return Err(DialError::not_captured(Step::Login, text));
        };
        captured.set(capture.into, text);
    }
    Ok(())
}
