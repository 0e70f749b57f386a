//! What a client says: CONNECT, SUBSCRIBE, UNSUBSCRIBE, PUBLISH, DISCONNECT.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use tokio_tungstenite::tungstenite::Message;

use super::options::{Options, Qos};
use super::{Stage, Talk, failure, time, wire};
use crate::metric::{ErrorKind, Step};
use crate::protocol::description::STEP_TIMEOUT;
use crate::protocol::scope::{Captured, Person, RoomName, Scope};
use crate::protocol::template::Template;
use crate::protocol::{Failure, Incoming, Outgoing, Taker};

impl Talk {
    /// `back`: the client was joined in all its rooms before. Where the server still has its
    /// session then, it is `Resumed`.
    pub(in crate::protocol) fn begin(&mut self, back: bool, now_us: u64) -> Incoming<'static> {
        self.now_us = now_us;
        self.back = back;
        match self.connect() {
            Ok(packet) => self.say(packet),
            Err(text) => {
                return Incoming::Failed(failure(Step::Connect, ErrorKind::MissingValue, text));
            }
        }
        let deadline_us = now_us.saturating_add(STEP_TIMEOUT.as_micros() as u64);
        self.stage = Stage::Connecting { deadline_us };
        Incoming::Step
    }

    fn connect(&mut self) -> Result<Vec<u8>, String> {
        let options = Arc::clone(&self.options);
        let captured = Captured::default();
        let scope = Scope::of(&self.person, &captured);
        let client_id = text(&options.client_id, &scope)?;
        let username = options.username.as_ref().map(|name| text(name, &scope)).transpose()?;
        let password = options.password.as_ref().map(|word| text(word, &scope)).transpose()?;
        let connect = wire::Connect {
            client_id: &client_id,
            clean_start: options.clean_start,
            keep_alive_s: options.keep_alive.map_or(0, |time| time.as_secs() as u16),
            session_expiry_s: options.session_expiry.as_secs() as u32,
            username: username.as_deref(),
            password: password.as_deref(),
        };
        wire::connect(options.version, &connect).ok_or_else(|| {
            "`client_id`, `username` or `password` does not fit into CONNECT: each has at most \
             65,535 bytes, and the first two hold no NUL"
                .to_owned()
        })
    }

    pub(in crate::protocol) fn join(
        &mut self,
        at: usize,
        room: RoomName<'_>,
        now_us: u64,
    ) -> Result<(), Failure> {
        self.now_us = now_us;
        let (step, what) = (Step::Join, Taker::Join(at));
        let topic = topic(&mut self.topics, &self.options, &self.person, room)
            .map_err(|text| failure(step, ErrorKind::MissingValue, text))?;
        let packet_id = self.flight.ask(what, topic).ok_or_else(|| no_identifier(step))?;
        let packet = wire::subscribe(self.options.version, packet_id, topic, self.options.qos)
            .ok_or_else(|| failure(step, ErrorKind::MissingValue, no_topic(topic)))?;
        self.say(packet);
        Ok(())
    }

    pub(in crate::protocol) fn leave(
        &mut self,
        at: usize,
        room: RoomName<'_>,
        now_us: u64,
    ) -> Result<bool, Failure> {
        self.now_us = now_us;
        let (step, what) = (Step::Leave, Taker::Leave(at));
        let topic = topic(&mut self.topics, &self.options, &self.person, room)
            .map_err(|text| failure(step, ErrorKind::MissingValue, text))?;
        let packet_id = self.flight.ask(what, topic).ok_or_else(|| no_identifier(step))?;
        let packet = wire::unsubscribe(self.options.version, packet_id, topic)
            .ok_or_else(|| failure(step, ErrorKind::MissingValue, no_topic(topic)))?;
        self.say(packet);
        Ok(true)
    }

    /// With QoS 1, false where the server would have more unacknowledged publishes than it takes
    /// at once: its Receive Maximum, or as many as there are packet identifiers. What could never
    /// be published may be tried when nothing else is in flight, so that it fails and says why.
    pub(in crate::protocol) fn can_publish(&self, publishes: usize) -> bool {
        self.options.qos == Qos::AtMostOnce
            || self.flight.can_publish(publishes)
            || self.flight.is_empty()
    }

    pub(in crate::protocol) fn publish(
        &mut self,
        room: RoomName<'_>,
        message: Outgoing<'_>,
    ) -> Result<Option<u64>, Failure> {
        let step = Step::Active;
        let topic = topic(&mut self.topics, &self.options, &self.person, room)
            .map_err(|text| failure(step, ErrorKind::MissingValue, text))?;
        let (mut id, mut packet_id) = (None, None);
        if self.options.qos == Qos::AtLeastOnce {
            self.id += 1;
            id = Some(self.id);
            packet_id = Some(self.flight.publish(self.id).ok_or_else(|| no_identifier(step))?);
        }
        let payload = message.payload.as_bytes();
        let packet = wire::publish(self.options.version, packet_id, topic, payload)
            .ok_or_else(|| failure(step, ErrorKind::Oversize, "no packet holds over 256 MiB"))?;
        self.say(packet);
        Ok(id)
    }

    pub(in crate::protocol) fn goodbye(&mut self) -> u16 {
        self.say(wire::DISCONNECT.to_vec());
        1000
    }

    pub(in crate::protocol) fn tick(&mut self, now_us: u64) -> Option<Incoming<'static>> {
        self.now_us = self.now_us.max(now_us);
        if let Stage::Connecting { deadline_us } = self.stage {
            if now_us < deadline_us {
                return None;
            }
            // Once is enough.
            self.stage = Stage::Connecting { deadline_us: u64::MAX };
            let text = "CONNACK took too long";
            return Some(Incoming::Failed(failure(Step::Connect, ErrorKind::TimedOut, text)));
        }
        Some(match self.alive.tick(now_us)? {
            time::Due::Ping => {
                self.out.push_back(Message::Binary(wire::PINGREQ.to_vec().into()));
                Incoming::Heartbeat
            }
            time::Due::Lost => {
                self.alive.stop();
                let text = "PINGREQ was not answered in time";
                Incoming::Failed(failure(Step::Active, ErrorKind::HeartbeatLost, text))
            }
        })
    }

    pub(in crate::protocol) fn deadline_us(&self) -> Option<u64> {
        match self.stage {
            Stage::Connecting { deadline_us } => {
                Some(deadline_us).filter(|at_us| *at_us < u64::MAX)
            }
            Stage::Open => self.alive.deadline_us(),
        }
    }

    pub(in crate::protocol) fn forgive(&mut self, now_us: u64) {
        self.alive.forgive(now_us);
    }
}

/// A room's topic, made once.
fn topic<'a>(
    topics: &'a mut FxHashMap<u32, String>,
    options: &Options,
    person: &Person,
    room: RoomName<'_>,
) -> Result<&'a str, String> {
    match topics.entry(room.n) {
        Entry::Occupied(entry) => Ok(entry.into_mut()),
        Entry::Vacant(entry) => {
            let captured = Captured::default();
            let scope = Scope { room: Some(room), ..Scope::of(person, &captured) };
            let topic = text(&options.topic, &scope)?;
            // A wildcard would hear other rooms, and can't be published to.
            let fits = (1..=usize::from(u16::MAX)).contains(&topic.len());
            if !fits || topic.contains(['+', '#', '\0']) {
                return Err(no_topic(&topic));
            }
            Ok(entry.insert(topic.into_owned()))
        }
    }
}

fn no_topic(topic: &str) -> String {
    let shown: String = topic.chars().take(80).collect();
    format!(
        "{shown:?} is no topic to publish to: it needs 1 to 65,535 bytes, none of them +, # or NUL"
    )
}

fn no_identifier(step: Step) -> Failure {
    let text = "the server takes no further packet before it has acknowledged others";
    failure(step, ErrorKind::LocalLimit, text)
}

fn text<'a>(template: &'a Template, scope: &Scope<'_>) -> Result<Cow<'a, str>, String> {
    if let Some(bytes) = template.is_literal() {
        return Ok(String::from_utf8_lossy(bytes));
    }
    let mut out = Vec::new();
    template.render(scope, &mut out).map_err(|missing| missing.to_string())?;
    String::from_utf8(out).map(Cow::Owned).map_err(|_| "a value is no UTF-8 text".to_owned())
}
