//! What a packet from the server means.

use std::rc::Rc;
use std::sync::Arc;

use tokio_tungstenite::tungstenite::Message;

use super::options::{Options, Qos};
use super::packet::{self, Connack, Packet};
use super::{Packets, Stage, Talk, failure, wire};
use crate::metric::{ErrorKind, Step};
use crate::protocol::scope::Person;
use crate::protocol::{Incoming, Taker};

impl Talk {
    /// `bytes` is one whole packet, as [`Packets`] finds them.
    pub(in crate::protocol) fn read<'a>(
        &mut self,
        bytes: &'a [u8],
        is_text: bool,
        now_us: u64,
    ) -> Incoming<'a> {
        self.now_us = self.now_us.max(now_us);
        self.taker = Taker::Nobody;
        if is_text {
            return self.violation("a text frame: MQTT is in binary frames");
        }
        let packet = match packet::parse(self.options.version, bytes) {
            Ok(packet) => packet,
            Err(text) => return self.violation(text),
        };
        if matches!(self.stage, Stage::Connecting { .. }) {
            return match packet {
                Packet::Connack(connack) => self.connected(&connack),
                Packet::Disconnect(why) => self.disconnected(&why),
                _ => self.violation("the first packet is no CONNACK"),
            };
        }
        match packet {
            Packet::Publish { packet_id } => {
                self.taker = Taker::Delivery;
                if let Some(packet_id) = packet_id {
                    self.say(wire::puback(packet_id).to_vec());
                }
                Incoming::Data
            }
            Packet::Puback { packet_id, refused } => match self.flight.acked(packet_id) {
                None => self.stray("PUBACK", packet_id),
                Some(id) => {
                    self.taker = Taker::Ack;
                    match refused {
                        None => Incoming::Acked(id),
                        Some(why) => Incoming::Rejected(id, format!("PUBACK: {why}").into()),
                    }
                }
            },
            Packet::Suback { packet_id, refused } => self.answered(packet_id, true, refused),
            Packet::Unsuback { packet_id, refused } => self.answered(packet_id, false, refused),
            Packet::Pingresp => {
                self.taker = Taker::Heartbeat;
                self.alive.answered();
                Incoming::Heartbeat
            }
            Packet::Disconnect(why) => self.disconnected(&why),
            Packet::Connack(_) => self.violation("a second CONNACK"),
        }
    }

    fn connected(&mut self, connack: &Connack) -> Incoming<'static> {
        self.taker = Taker::Connect(0);
        let refused =
            |text: String| Incoming::Failed(failure(Step::Connect, ErrorKind::ServerError, text));
        if let Some(why) = &connack.refused {
            return refused(format!("CONNACK refuses the client: {why}"));
        }
        if self.options.qos == Qos::AtLeastOnce && !connack.takes_qos_1 {
            return refused("the server takes no QoS 1: set `qos = \"0\"`".to_owned());
        }
        if self.options.clean_start && connack.session_present {
            return self.violation("CONNACK has a session present after a clean start");
        }
        let asked = self.options.keep_alive.map_or(0, |time| time.as_secs());
        let keep_alive = connack.keep_alive.map_or(asked, u64::from);
        self.alive.start(keep_alive * 1_000_000);
        self.flight.limit_publishes(connack.receive_maximum);
        self.stage = Stage::Open;
        if self.back && connack.session_present { Incoming::Resumed } else { Incoming::Open }
    }

    /// SUBACK or UNSUBACK.
    fn answered(
        &mut self,
        packet_id: u16,
        is_join: bool,
        refused: Option<String>,
    ) -> Incoming<'static> {
        let (step, name) = if is_join { (Step::Join, "SUBACK") } else { (Step::Leave, "UNSUBACK") };
        let Some(asked) = self.flight.answered(packet_id, is_join) else {
            return self.stray(name, packet_id);
        };
        self.taker = asked.what;
        match (refused, asked.what) {
            (Some(why), _) => {
                let text = format!("{name} refuses topic {}: {why}", asked.topic);
                Incoming::Failed(failure(step, ErrorKind::ServerError, text))
            }
            (None, Taker::Join(at)) => Incoming::Joined(at),
            (None, Taker::Leave(at)) => Incoming::Left(at),
            (None, _) => Incoming::Step,
        }
    }

    /// An answer to nothing: odd, but no reason to hang up.
    fn stray(&mut self, name: &str, packet_id: u16) -> Incoming<'static> {
        self.taker = Taker::Error;
        Incoming::Error(format!("{name} for packet {packet_id}, which waits for none").into())
    }

    fn disconnected(&mut self, why: &str) -> Incoming<'static> {
        self.taker = Taker::Error;
        let step = self.step();
        let text = format!("the server sent DISCONNECT: {why}");
        Incoming::Failed(failure(step, ErrorKind::ServerError, text))
    }

    fn violation(&mut self, text: impl Into<String>) -> Incoming<'static> {
        let text = format!("no MQTT: {}", text.into());
        Incoming::Failed(failure(self.step(), ErrorKind::ProtocolViolation, text))
    }

    fn step(&self) -> Step {
        match self.stage {
            Stage::Connecting { .. } => Step::Connect,
            Stage::Open => Step::Active,
        }
    }
}

/// See [`super::fuzz`].
pub(super) fn fuzz(bytes: &[u8]) {
    /// What a connection of the fuzzer may keep.
    const MAX_BYTES: usize = 4096;
    let Some((cut, stream)) = bytes.split_first() else { return };
    let _ = super::describe(stream);
    for name in ["3.1.1", "5"] {
        let mut packets = Packets::new(MAX_BYTES);
        let params = [("version", name), ("qos", "1")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let Ok(options) = Options::from_params(&params) else { return };
        let run = "fuzz".into();
        let person = Person { client: 0, run, user: None, last_id: 0, setting: Arc::default() };
        let mut talk = Talk::new(&Arc::new(options), Rc::new(person));
        talk.begin(false, 0);
        let mut now_us = 0;
        for message in stream.chunks(usize::from(*cut) + 1) {
            now_us += 1_000_000;
            let fed = packets.feed(message, |packet| {
                assert!(packet.len() <= MAX_BYTES, "a packet is over the limit");
                let incoming = talk.read(packet, false, now_us);
                drop(incoming);
                talk.tick(now_us);
                // What is answered is at most a PUBACK a packet.
                while let Some(Message::Binary(answer)) = talk.out.pop_front() {
                    assert!(answer.len() <= 256, "an answer grew");
                }
            });
            assert!(packets.rest().len() <= MAX_BYTES, "the rest is over the limit");
            if fed.is_err() {
                break;
            }
        }
    }
}
