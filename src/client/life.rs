//! One client from its start to its stop: connect, live through a connection, back off, return.

use std::rc::Rc;
use std::time::Duration;

use super::backoff::Backoff;
use super::context::{Client, Context};
use super::dial::{Dialed, dial};
use super::entry;
use super::error::DialError;
use super::line::Line;
use super::login::{Answer, Request};
use super::session::{End, Outage, Session};
use super::standing::Tried;
use crate::machine::clock::micros;
use crate::measure::{MemberChange, MemberEvent};
use crate::metric::Metric;
use crate::protocol::Protocol;
use crate::protocol::description::Each;

/// Lives until the client is told to stop or gives up. Whatever ends it, what it still held is
/// counted as not sent.
pub async fn live(ctx: Rc<Context>, client: Rc<Client>, line: Rc<Line>) {
    let departure = if client.begin() {
        come_and_go(&ctx, &client, &line).await
    } else {
        ctx.send_home(&client, None, Tried::default());
        Departure::Stopped
    };
    if departure == Departure::GaveUp {
        client.gave_up.set(true);
        ctx.recorder.borrow_mut().counts(client.cohort).gave_up += 1;
    }
    depart(&ctx, &client);
}

/// After a client's task has panicked: it hears and sends nothing any more, and what it did last
/// nobody knows.
pub fn bury(ctx: &Context, client: &Client) {
    let change = MemberChange::Failed { fault: None };
    let event = MemberEvent { client: client.id, at_us: ctx.clock.now_us(), change };
    ctx.recorder.borrow_mut().ledger.member(event);
    client.gave_up.set(true);
    if client.mailbox.is_active() {
        client.mailbox.set_active(false);
        ctx.up.set(ctx.up.get().saturating_sub(1));
    }
    depart(ctx, client);
}

/// What is sent from here on does not concern it, also if it was away when told to stop.
fn depart(ctx: &Context, client: &Client) {
    let event =
        MemberEvent { client: client.id, at_us: ctx.clock.now_us(), change: MemberChange::Gone };
    ctx.recorder.borrow_mut().ledger.member(event);
    while let Some(held) = client.mailbox.take_held() {
        let messages = ctx.plan.publish_rooms(client.id, held.due.k).count() as u64;
        let left = messages.saturating_sub(u64::from(held.done));
        ctx.recorder.borrow_mut().counts(client.cohort).not_sent += left;
        client.abandon_scheduled();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Departure {
    Stopped,
    GaveUp,
}

async fn come_and_go(ctx: &Rc<Context>, client: &Rc<Client>, line: &Line) -> Departure {
    let cohort = ctx.plan.cohort(client.id);
    let mut rng = ctx.plan.backoff_rng(client.id);
    let mut backoff = cohort.reconnect.map(Backoff::new);
    let mut outage: Option<Outage> = None;
    let mut silent_since_us = None;
    let mut tried = Tried::default();
    loop {
        tried.since_us = Some(ctx.clock.now_us());
        let begin = async {
            let dialed = connect(ctx, client).await.ok()?;
            Some(Session::start(ctx, client, dialed, outage, silent_since_us))
        };
        let session = tokio::select! {
            biased;
            () = client.mailbox.stopped() => {
                ctx.send_home(client, outage, tried);
                return Departure::Stopped;
            }
            // Boxed: it is ten times as large as all else here, and over in milliseconds.
            session = Box::pin(begin) => session,
        };
        let mut away = None;
        if let Some(session) = session {
            line.connect(&session);
            let ended = Session::run(session, || line.cut()).await;
            outage = ended.outage;
            tried.failed &= !ended.was_ready;
            silent_since_us = ended.silent_since_us;
            if ended.was_ready
                && let Some(backoff) = &mut backoff
            {
                backoff.succeed();
            }
            match ended.end {
                End::Stopped => {
                    if !ended.was_ready {
                        ctx.send_home(client, outage, tried);
                    }
                    return Departure::Stopped;
                }
                End::Left => away = cohort.churn.map(|churn| micros(churn.stay_away)),
                // One that was never over goes on from where it began. Failing to join for the
                // first time is none.
                End::Lost(_) | End::Fault(_) => {
                    silent_since_us = silent_since_us.or(ended.was_ready.then_some(ended.at_us));
                    tried.failed |= !ended.was_ready && !ended.end.is_fault();
                }
            }
        } else {
            tried.failed = true;
        }
        tried.since_us = None;
        let wait_us = match away {
            Some(wait_us) => wait_us,
            None => match backoff.as_mut().and_then(|backoff| backoff.next_us(&mut rng)) {
                Some(wait_us) => wait_us,
                None => {
                    // By the scenario it stays away from what the plan did to it.
                    let planned = outage.is_some_and(|outage| outage.hit().fault.is_some());
                    if cohort.reconnect.is_none() && planned {
                        ctx.is_no_longer_gone(client);
                    }
                    return Departure::GaveUp;
                }
            },
        };
        tokio::select! {
            biased;
            () = client.mailbox.stopped() => {
                ctx.send_home(client, outage, tried);
                return Departure::Stopped;
            }
            () = tokio::time::sleep(Duration::from_micros(wait_us)) => {}
        }
    }
}

/// Dials and counts what came of it.
async fn connect(ctx: &Context, client: &Client) -> Result<Dialed, DialError> {
    let cohort = client.cohort;
    ctx.recorder.borrow_mut().counts(cohort).attempted += 1;
    let dialed = match log_in(ctx, client).await {
        Ok(()) => enter(ctx, client).await,
        Err(error) => Err(error),
    };
    match &dialed {
        Ok(dialed) => {
            let mut recorder = ctx.recorder.borrow_mut();
            recorder.counts(cohort).opened += 1;
            let Dialed { began_us, tcp_us, tls_us, upgraded_us, .. } = *dialed;
            recorder.latency(Metric::ConnectTcp, cohort, upgraded_us, tcp_us - began_us);
            if let Some(tls_us) = tls_us {
                recorder.latency(Metric::ConnectTls, cohort, upgraded_us, tls_us - tcp_us);
            }
            let upgrade_us = upgraded_us - dialed.connected_us();
            recorder.latency(Metric::ConnectUpgrade, cohort, upgraded_us, upgrade_us);
            recorder.latency(Metric::Connect, cohort, upgraded_us, upgraded_us - began_us);
        }
        Err(error) => {
            ctx.recorder.borrow_mut().counts(cohort).failed += 1;
            ctx.failure(client, error, || ctx.secrets(client, &client.captured.borrow()));
        }
    }
    dialed
}

/// Does the logins that come before this connection.
async fn log_in(ctx: &Context, client: &Client) -> Result<(), DialError> {
    let protocol = &ctx.protocols[client.cohort];
    let Protocol::Described(file) = protocol else { return Ok(()) };
    let kinds: &[Each] = if client.logged_in.get() {
        &[Each::Connection]
    } else {
        &[Each::Client, Each::Connection]
    };
    if !file.logins.iter().any(|login| kinds.contains(&login.each)) {
        return Ok(());
    }
    let began_us = ctx.clock.now_us();
    let person = ctx.person(client);
    let traffic = &ctx.traffic[client.cohort];
    let mut captured = client.captured.borrow().clone();
    for kind in kinds {
        let unseen = |_, _: &Request<'_>, _: &Answer| ();
        entry::log_in(&ctx.target, protocol, *kind, &person, &mut captured, traffic, unseen)
            .await?;
    }
    client.captured.replace(captured);
    client.logged_in.set(true);
    let now_us = ctx.clock.now_us();
    let took_us = now_us.saturating_sub(began_us);
    ctx.recorder.borrow_mut().latency(Metric::Login, client.cohort, now_us, took_us);
    Ok(())
}

async fn enter(ctx: &Context, client: &Client) -> Result<Dialed, DialError> {
    let protocol = &ctx.protocols[client.cohort];
    let upgrade = {
        let captured = client.captured.borrow();
        entry::upgrade(&ctx.target, protocol, &ctx.person(client), &captured, ctx.home(client))?
    };
    let traffic = &ctx.traffic[client.cohort];
    let buffer_bytes = ctx.plan.cohort(client.id).read.and_then(|read| read.buffer_bytes);
    dial(&ctx.target, &upgrade, client.id, &ctx.clock, traffic, buffer_bytes).await
}
