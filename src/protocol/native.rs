//! uproar's own protocols: rooms through a codec, and the three that relay or push frames.

use tokio_tungstenite::tungstenite::Message;

use super::{Incoming, ProtocolKind};
use crate::codec::{ClientMessage, CodecKind, Content, ServerMessage};

/// How one cohort's clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    kind: ProtocolKind,
    codec: CodecKind,
}

impl Protocol {
    /// A protocol with its codec; echo and broadcast relay frames and use none.
    #[must_use]
    pub fn new(kind: ProtocolKind, codec: CodecKind) -> Self {
        Self { kind, codec }
    }

    /// Which protocol it is.
    #[must_use]
    pub fn kind(&self) -> ProtocolKind {
        self.kind
    }

    /// What the client offers in `Sec-WebSocket-Protocol`.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&'static str> {
        match self.kind {
            ProtocolKind::Rooms | ProtocolKind::Feed => Some(self.codec.subprotocol()),
            ProtocolKind::Echo | ProtocolKind::Broadcast => None,
        }
    }

    /// Whether rooms are joined by a message; else a connection is a member from its upgrade on.
    #[must_use]
    pub fn joins(&self) -> bool {
        self.kind == ProtocolKind::Rooms
    }

    /// Asks to hear a room.
    #[must_use]
    pub fn join(&self, room: &str, username: &str) -> Message {
        let message = ClientMessage::Join { room: room.into(), username: username.into() };
        self.codec.codec().encode_client(&message)
    }

    /// Asks to hear a room no longer.
    #[must_use]
    pub fn leave(&self, room: &str) -> Message {
        self.codec.codec().encode_client(&ClientMessage::Leave { room: room.into() })
    }

    /// A message to a room.
    #[must_use]
    pub fn publish(&self, room: &str, payload: String, binary: bool) -> Message {
        if self.joins() {
            let content = if binary {
                Content::Binary(payload.into_bytes().into())
            } else {
                Content::Text(payload.into())
            };
            let message = ClientMessage::Message { room: room.into(), content };
            return self.codec.codec().encode_client(&message);
        }
        if binary { Message::binary(payload.into_bytes()) } else { Message::text(payload) }
    }

    /// What a frame without a stamp means.
    #[must_use]
    pub fn read<'a>(&self, frame: &'a Message) -> Incoming<'a> {
        if matches!(self.kind, ProtocolKind::Echo | ProtocolKind::Broadcast) {
            return Incoming::Unmatched;
        }
        match self.codec.codec().decode_server(frame) {
            Ok(ServerMessage::Joined { room }) => Incoming::Joined(room),
            Ok(ServerMessage::Left { room }) => Incoming::Left(room),
            Ok(ServerMessage::Error { reason }) => Incoming::Error(reason),
            Ok(ServerMessage::Feed { seq, timestamp_ms, .. }) => {
                Incoming::Push { seq, timestamp_ms }
            }
            Ok(ServerMessage::Pong | ServerMessage::Message { .. }) | Err(_) => Incoming::Unmatched,
        }
    }
}
