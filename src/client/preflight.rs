//! An uncounted client or two through connect, join and hearing what was published, so that a
//! wrong address, a wrong protocol or a silent server fails in a second and not after the ramp.

use std::net::SocketAddr;

use super::error::DialError;
use super::guest::{Guest, Told, Visit, Watch};
use super::person::secrets;
use crate::machine::clock::Clock;
use crate::metric::{ErrorKind, Step};
use crate::protocol::{Audience, Recipients};
use crate::stamp::{MIN_PAYLOAD, write_payload};

/// The message's number: a join that is known by a probe has used 0, and its copies may come late.
const SEQ: u32 = 1;

/// Goes through the steps; gives the address that let it in. The error's step says how far it
/// came; `Active` means that it joined and heard nothing. `watches` see what the first and the
/// second client exchange.
///
/// # Errors
///
/// When a step fails or takes longer than its limit.
pub async fn preflight(
    visit: Visit<'_>,
    watches: [&mut dyn Watch; 2],
) -> Result<SocketAddr, DialError> {
    let secrets = secrets(visit.protocol, &visit.person, &visit.captured);
    let met = go_through(visit, watches).await;
    met.map_err(|error| DialError { text: secrets.redact(&error.text).into_owned(), ..error })
}

async fn go_through(
    visit: Visit<'_>,
    watches: [&mut dyn Watch; 2],
) -> Result<SocketAddr, DialError> {
    let clock = Clock::starting_at(std::time::Instant::now());
    let protocol = visit.protocol;
    let (limit, recipients) = (visit.limit, protocol.recipients());
    let mut second = visit.clone();
    second.person.client += 1;
    let [watch, other_watch] = watches;
    let mut author = Guest::arrive(visit, clock, watch).await?;
    let address = author.address();
    let unheard = |error: DialError, what: &str| match error.kind {
        ErrorKind::TimedOut if error.step == Step::Active => {
            DialError { text: format!("{what} within {limit:?}"), ..error }
        }
        _ => error,
    };
    if protocol.audience() == Audience::Feed {
        let pushed = author.until(|told| *told == Told::Event).await;
        pushed.map_err(|error| unheard(error, "connected, but no event came by itself"))?;
        author.part().await;
        return Ok(address);
    }
    author.join().await?;
    // Where an author doesn't hear itself, somebody else has to.
    let mut other = match recipients {
        Recipients::Others => {
            let mut other = Guest::arrive(second, clock, other_watch).await?;
            other.join().await?;
            Some(other)
        }
        Recipients::Room | Recipients::Sender | Recipients::Nobody => None,
    };
    if protocol.publishes() {
        let acked = author
            .publish(SEQ, false, |stamp| {
                let mut payload = String::new();
                write_payload(stamp, MIN_PAYLOAD, &mut payload);
                payload
            })
            .await?;
        let heard = |told: &Told| matches!(told, Told::Heard(stamp, _) if stamp.seq == SEQ);
        let told = match (&mut other, recipients) {
            (Some(other), _) => other.until(heard).await,
            (None, Recipients::Nobody) if acked.is_some() => {
                author.until(|told| matches!(told, Told::Acked(_) | Told::Rejected(..))).await
            }
            (None, Recipients::Nobody) => Ok(Told::Open),
            (None, _) => author.until(heard).await,
        };
        let whom = if other.is_some() { "another member" } else { "it" };
        told.map_err(|error| {
            unheard(error, &format!("joined and published, but {whom} never heard the message"))
        })?;
    }
    if let Some(other) = other {
        other.part().await;
    }
    // Its messages must not count for a client that connects next; the answer is not waited for.
    author.part().await;
    Ok(address)
}
