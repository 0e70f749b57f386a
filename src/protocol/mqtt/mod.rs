//! MQTT 3.1.1 and 5 over WebSocket: one connection's side of it, sans-I/O.
//!
//! `steps` gets the connection and its subscriptions ready, and publishes; `reading` says what a
//! packet means; `time` keeps it alive; `flight` knows which packet identifiers are in use.
//! `packets` finds packets in the stream, `packet` reads and `wire` writes one; `fields` and
//! `properties` are what one is made of, `names` what it is called. `options` is what a scenario
//! may say.
//!
//! A publish that was not acknowledged when its connection ended is not sent again: it stays
//! unacknowledged. Sending it again would be a second message to the ledger.

mod describe;
mod fields;
mod flight;
mod names;
mod options;
mod packet;
mod packets;
mod properties;
mod reading;
mod steps;
#[cfg(test)]
mod tests;
mod time;
mod wire;

use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use tokio_tungstenite::tungstenite::Message;

use super::outbox::Outbox;
use super::scope::Person;
use super::{Failure, Taker};
use crate::metric::{ErrorKind, Step};

pub use describe::describe;
pub use options::{Options, PARAMS, Param, Qos, Version, Wrong};
pub use packets::{NoPacket, Packets};

/// What the upgrade offers in `Sec-WebSocket-Protocol`: MQTT asks for it by this name.
pub const SUBPROTOCOL: &str = "mqtt";

/// How far the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// CONNACK is waited for until then.
    Connecting { deadline_us: u64 },
    /// Rooms can be joined.
    Open,
}

/// One connection's side.
#[derive(Debug)]
pub struct Talk {
    options: Arc<Options>,
    person: Rc<Person>,
    stage: Stage,
    /// The client was joined before.
    back: bool,
    /// Counts up: the next publish's number.
    id: u64,
    /// By the room's number; made when something is first said there.
    topics: FxHashMap<u32, String>,
    flight: flight::Flight,
    alive: time::Alive,
    /// The latest instant that is known.
    now_us: u64,
    pub(super) out: Outbox,
    pub(super) taker: Taker,
}

impl Talk {
    pub(super) fn new(options: &Arc<Options>, person: Rc<Person>) -> Self {
        Self {
            options: Arc::clone(options),
            person,
            stage: Stage::Connecting { deadline_us: u64::MAX },
            back: false,
            id: 0,
            topics: FxHashMap::default(),
            flight: flight::Flight::new(),
            alive: time::Alive::default(),
            now_us: 0,
            out: Outbox::default(),
            taker: Taker::Nobody,
        }
    }

    /// Queues a packet. One that is queued without an instant of its own counts as sent at the
    /// latest that is known: keep alive is then early rather than late.
    fn say(&mut self, packet: Vec<u8>) {
        self.alive.sent(self.now_us);
        self.out.push_back(Message::Binary(packet.into()));
    }

    /// What is waited for, by name.
    pub(super) fn awaited(&self) -> Vec<(Taker, String)> {
        let mut awaited = Vec::new();
        if matches!(self.stage, Stage::Connecting { .. }) {
            awaited.push((Taker::Connect(0), "CONNACK".to_owned()));
        }
        awaited.extend(self.flight.asked().iter().map(|asked| {
            let name = if matches!(asked.what, Taker::Join(_)) { "SUBACK" } else { "UNSUBACK" };
            (asked.what, format!("{name} for topic {}", asked.topic))
        }));
        if self.alive.asked() {
            awaited.push((Taker::Heartbeat, "PINGRESP".to_owned()));
        }
        awaited
    }
}

fn failure(step: Step, kind: ErrorKind, text: impl Into<String>) -> Failure {
    Failure::new(step, kind, text)
}

/// Whatever a server sends, a conversation neither panics nor keeps more than it may: splits the
/// bytes at the lengths that the first of them say, and reads the packets in both versions.
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    reading::fuzz(bytes);
}
