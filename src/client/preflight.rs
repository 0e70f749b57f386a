//! One uncounted client through connect, join and hearing itself, so that a wrong address, a
//! wrong protocol or a silent server fails in a second and not after the ramp.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

use super::dial::{DialError, Dialed, Target, classify, dial};
use super::socket::Traffic;
use crate::machine::clock::Clock;
use crate::metric::{ErrorKind, Step};
use crate::protocol::{Incoming, Protocol, ProtocolKind};
use crate::stamp::{self, Found, MIN_PAYLOAD, Stamp};

/// What the preflight client is to do.
#[derive(Clone, Copy, Debug)]
pub struct Preflight<'a> {
    /// Where to dial.
    pub target: &'a Target,
    /// How to speak.
    pub protocol: Protocol,
    /// The run's id.
    pub run: u32,
    /// The time limit of the join, and of hearing itself.
    pub join_timeout: Duration,
}

/// Goes through the steps; gives the address that let it in. The error's step says how far it came; `Active` means that it joined
/// and heard nothing.
///
/// # Errors
///
/// When a step fails or takes longer than its limit.
pub async fn preflight(preflight: Preflight<'_>) -> Result<SocketAddr, DialError> {
    let Preflight { target, protocol, run, join_timeout } = preflight;
    let clock = Clock::starting_at(std::time::Instant::now());
    let traffic = Rc::new(Traffic::default());
    let mut upgrade = target.upgrade();
    upgrade.offer(protocol.subprotocol());
    let dialed = dial(target, &upgrade, 0, &clock, &traffic, None).await?;
    let Dialed { mut ws, address, .. } = dialed;
    let room = format!("uproar-{run:07x}-preflight");
    let mut step = Step::Active;
    let mut next = if protocol.joins() {
        step = Step::Join;
        Some(protocol.join(&room, "preflight"))
    } else if protocol.kind() == ProtocolKind::Feed {
        None
    } else {
        Some(publish(protocol, &room, run))
    };
    let conversation = async {
        loop {
            if let Some(message) = next.take() {
                ws.send(message).await.map_err(|error| classify(&error, step))?;
            }
            let frame = match ws.next().await {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Err(classify(&error, step)),
                None => {
                    let text = "the connection ended without a close frame";
                    return Err(DialError::new(ErrorKind::Reset, step, text));
                }
            };
            match hear(protocol, &frame, run, step)? {
                Heard::Joined => {
                    step = Step::Active;
                    next = Some(publish(protocol, &room, run));
                }
                Heard::Message => break,
                Heard::Nothing => {}
            }
        }
        Ok(())
    };
    let outcome = tokio::time::timeout(join_timeout, conversation).await;
    match outcome {
        Ok(done) => done?,
        Err(_) if step == Step::Join => return Err(DialError::timed_out(step, join_timeout)),
        Err(_) => {
            let text = match protocol.kind() {
                ProtocolKind::Feed => "connected, but nothing was pushed",
                _ => "joined and published, but never heard the message itself",
            };
            let text = format!("{text} within {join_timeout:?}");
            return Err(DialError::new(ErrorKind::TimedOut, step, text));
        }
    }
    // Its messages must not count for a client that connects next; the answer is not waited for.
    let closed = tokio::time::timeout(Duration::from_secs(1), ws.close(None)).await;
    drop(closed);
    Ok(address)
}

enum Heard {
    Joined,
    Message,
    Nothing,
}

fn hear(protocol: Protocol, frame: &Message, run: u32, step: Step) -> Result<Heard, DialError> {
    let bytes = match frame {
        Message::Text(text) => text.as_bytes(),
        Message::Binary(bytes) => &bytes[..],
        Message::Close(frame) => {
            return Err(DialError::closed(frame.as_ref(), step));
        }
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(Heard::Nothing),
    };
    let mut heard = Heard::Nothing;
    stamp::scan(bytes, |found| {
        if let Found::Intact(stamp) | Found::Corrupted(stamp) = found
            && stamp.run == run
            && stamp.preflight
        {
            heard = Heard::Message;
        }
    });
    if let Heard::Message = heard {
        return Ok(heard);
    }
    match protocol.read(frame) {
        Incoming::Joined(_) => Ok(Heard::Joined),
        Incoming::Push { .. } => Ok(Heard::Message),
        Incoming::Error(reason) => {
            let text = format!("the server answered with an error: {reason}");
            Err(DialError::new(ErrorKind::ServerError, step, text))
        }
        Incoming::Left(_) | Incoming::Unmatched => Ok(Heard::Nothing),
    }
}

fn publish(protocol: Protocol, room: &str, run: u32) -> Message {
    let stamp =
        Stamp { run, publisher: 0, room: 0, seq: 0, due_us: 0, sent_us: 0, preflight: true };
    let mut payload = String::new();
    stamp::write_payload(&stamp, MIN_PAYLOAD, &mut payload);
    protocol.publish(room, payload, false)
}
