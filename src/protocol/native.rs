//! uproar's own protocols: rooms through a codec, and the three that relay or push frames.

use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};

use super::outbox::Outbox;
use super::scope::{Person, RoomName};
use super::{Event, Incoming, Outgoing, ProtocolKind, SentUnix, Taker, Told};
use crate::codec::{ClientMessage, CodecKind, Content, Post, ServerMessage};
use crate::stamp::is_marked;

/// One connection's side.
#[derive(Debug)]
pub struct Talk {
    kind: ProtocolKind,
    codec: CodecKind,
    client: u32,
    /// Rooms asked for whose answer is due, by what they are called.
    asked: Vec<(usize, String)>,
    pub(super) out: Outbox,
    pub(super) taker: Taker,
}

impl Talk {
    pub(super) fn new(kind: ProtocolKind, codec: CodecKind, person: &Person) -> Self {
        let (asked, out) = (Vec::new(), Outbox::default());
        Self { kind, codec, client: person.client, asked, out, taker: Taker::Nobody }
    }

    fn say(&mut self, message: &ClientMessage<'_>) {
        self.out.push_back(self.codec.codec().encode_client(message));
    }

    pub(super) fn join(&mut self, at: usize, room: RoomName<'_>) {
        if self.kind != ProtocolKind::Rooms {
            return;
        }
        let username = format!("u{}", self.client).into();
        self.say(&ClientMessage::Join { room: room.name.into(), username });
        self.asked.push((at, room.name.to_owned()));
    }

    pub(super) fn leave(&mut self, at: usize, room: RoomName<'_>) -> bool {
        if self.kind != ProtocolKind::Rooms {
            return false;
        }
        self.say(&ClientMessage::Leave { room: room.name.into() });
        self.asked.push((at, room.name.to_owned()));
        true
    }

    pub(super) fn publish(&mut self, room: RoomName<'_>, message: Outgoing<'_>) {
        let Outgoing { payload, binary, structured, seq, now_ms } = message;
        if self.kind == ProtocolKind::Rooms {
            let content = if structured {
                Content::Post(Box::new(Post::example(self.client, seq, now_ms, payload)))
            } else if binary {
                Content::Binary(payload.as_bytes().into())
            } else {
                Content::Text(payload.into())
            };
            return self.say(&ClientMessage::Message { room: room.name.into(), content });
        }
        self.out.push_back(match binary {
            true => Message::Binary(Bytes::copy_from_slice(payload.as_bytes())),
            false => Message::Text(Utf8Bytes::from(payload)),
        });
    }

    /// The n-th room that was asked for, if this is its name.
    fn answered(&mut self, name: &str) -> Option<usize> {
        let asked = self.asked.iter().position(|(_, asked)| asked == name)?;
        Some(self.asked.swap_remove(asked).0)
    }

    pub(super) fn read<'a>(&mut self, frame: &'a Message) -> Incoming<'a> {
        let bytes = match frame {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
            _ => return Incoming::Unmatched,
        };
        self.taker = Taker::Delivery;
        // A message with a stamp is never parsed.
        let relays = matches!(self.kind, ProtocolKind::Echo | ProtocolKind::Broadcast);
        if relays || is_marked(bytes) {
            return Incoming::Data;
        }
        self.taker = Taker::Nobody;
        match self.codec.codec().decode_server(frame) {
            Ok(ServerMessage::Joined { room }) => match self.answered(&room) {
                Some(at) => {
                    self.taker = Taker::Join(at);
                    Incoming::Joined(at)
                }
                None => Incoming::Step,
            },
            Ok(ServerMessage::Left { room }) => match self.answered(&room) {
                Some(at) => {
                    self.taker = Taker::Leave(at);
                    Incoming::Left(at)
                }
                None => Incoming::Step,
            },
            Ok(ServerMessage::Error { reason }) => {
                self.taker = Taker::Error;
                Incoming::Error(reason)
            }
            Ok(ServerMessage::Feed { seq, timestamp_ms, .. }) => {
                self.taker = Taker::Delivery;
                let unix_us = timestamp_ms.saturating_mul(1_000);
                let sent = Told::Is(SentUnix { unix_us, resolution_us: 1_000 });
                Incoming::Event(Event { key: None, sequence: Told::Is((0, seq)), sent })
            }
            Ok(ServerMessage::Pong | ServerMessage::Message { .. }) | Err(_) => Incoming::Data,
        }
    }
}
