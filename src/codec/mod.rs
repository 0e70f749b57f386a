//! The messages of uproar's own chat protocol and how they become frames.
//!
//! A codec turns messages into WebSocket messages and back; it knows neither sockets nor rooms.
//! A further codec is a file beside this one and a row in the table of `codecs!`.

mod binary;
#[cfg(test)]
mod bounds;
mod cbor;
#[cfg(test)]
mod derived;
#[doc(hidden)]
pub mod fuzz;
#[cfg(test)]
mod golden;
mod json;
mod msgpack;
mod post;
mod postcard;
mod protobuf;
pub mod speed;
mod tagged;
pub mod workload;

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::Message;

pub use post::{Post, Reaction};

/// How messages become frames and back.
///
/// Decoding borrows from the frame where it can, never panics, and never allocates more than a small
/// multiple of the frame's length, whatever lengths it announces. A text stands in a frame whole;
/// only json escapes what JSON wants escaped, which is nothing of a stamp.
pub trait Codec: Send + Sync {
    /// The frame a client sends.
    fn encode_client(&self, message: &ClientMessage<'_>) -> Message;

    /// What a client's frame says.
    fn decode_client<'a>(&self, frame: &'a Message) -> Result<ClientMessage<'a>, DecodeError>;

    /// The frame a server sends.
    fn encode_server(&self, message: &ServerMessage<'_>) -> Message;

    /// What a server's frame says.
    fn decode_server<'a>(&self, frame: &'a Message) -> Result<ServerMessage<'a>, DecodeError>;
}

/// Everything there is to know of a codec but its code, in one row.
macro_rules! codecs {
    ($($(#[$doc:meta])* $kind:ident = ($name:literal, $subprotocol:literal, $codec:expr),)+) => {
        /// The codecs, by name.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        pub enum CodecKind {
            $($(#[$doc])* #[serde(rename = $name)] $kind,)+
        }

        impl CodecKind {
            /// Every codec.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$kind),+];

            /// Every codec under its name.
            pub const NAMED: [(&'static str, Self); Self::ALL.len()] =
                [$(($name, Self::$kind)),+];

            /// The name in scenario files, on the command line and in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }

            /// What a client offers and a server answers in `Sec-WebSocket-Protocol`.
            #[must_use]
            pub const fn subprotocol(self) -> &'static str {
                match self { $(Self::$kind => $subprotocol,)+ }
            }

            /// The code itself.
            #[must_use]
            pub fn codec(self) -> &'static dyn Codec {
                match self { $(Self::$kind => &$codec,)+ }
            }
        }
    };
}

codecs! {
    /// Text frames, JSON objects tagged by `type`.
    Json = ("json", "uproar.json", json::Json),
    /// Binary frames, a type byte and a compact payload.
    Binary = ("binary", "uproar.binary", binary::Binary),
    /// Binary frames, MessagePack maps with named fields.
    Msgpack = ("msgpack", "uproar.msgpack", msgpack::Msgpack),
    /// Binary frames, CBOR maps with named fields.
    Cbor = ("cbor", "uproar.cbor", cbor::Cbor),
    /// Binary frames, Protocol Buffers.
    Protobuf = ("protobuf", "uproar.protobuf", protobuf::Protobuf),
    /// Binary frames, postcard: fields without names.
    Postcard = ("postcard", "uproar.postcard", postcard::Postcard),
}

impl CodecKind {
    /// The codec of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The codec of that subprotocol. The comparison is exact, as RFC 6455 wants it.
    #[must_use]
    pub fn from_subprotocol(subprotocol: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.subprotocol() == subprotocol)
    }
}

/// Why a frame is no message. The text goes to the peer in an `Error`, so it quotes little of
/// what arrived.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A frame without a single byte.
    #[error("the frame is empty")]
    Empty,
    /// The codec speaks the other kind of frame.
    #[error("a {0} frame, which this codec doesn't use")]
    WrongFrame(&'static str),
    /// The type byte of a binary frame.
    #[error("unknown message type 0x{0:02x}")]
    UnknownType(u8),
    /// The `type` of a JSON object, cut to a few characters.
    #[error("unknown message type {0:?}")]
    UnknownName(String),
    /// A length says more than there is.
    #[error("the frame ends inside the {0}")]
    Truncated(&'static str),
    /// Something is left after the message's last field.
    #[error("{0} bytes after the end of the message")]
    Trailing(usize),
    /// A number in more bytes than it needs, or over 64 bits.
    #[error("the {0} is not a valid varint")]
    Varint(&'static str),
    /// A double that is infinite or no number.
    #[error("the {0} is not a finite number")]
    NotFinite(&'static str),
    /// Bytes where text is due.
    #[error("the {0} is not UTF-8")]
    NotUtf8(&'static str),
    /// Not JSON, or a field of the wrong kind.
    #[error("malformed JSON: {0}")]
    Json(String),
    /// Not of the codec's format, or a field of the wrong kind.
    #[error("malformed {format}: {why}")]
    Malformed {
        /// What it should have been.
        format: &'static str,
        /// At most a few words.
        why: String,
    },
    /// A message without a field that its type needs.
    #[error("the field {0:?} is missing")]
    Missing(&'static str),
}

/// A library may quote all of what it can't read; the answer to a peer must not.
const ERROR_CHARS: usize = 160;

impl DecodeError {
    fn malformed(format: &'static str, why: &(impl std::fmt::Display + ?Sized)) -> Self {
        let why = why.to_string().chars().take(ERROR_CHARS).collect();
        Self::Malformed { format, why }
    }
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// Text: every member gets it in its own codec.
    Text(Cow<'a, str>),
    /// Bytes: always a binary frame. JSON can't carry them, so json writes what binary does.
    Binary(Cow<'a, [u8]>),
    /// Text and what stands around it. In a box, because plain messages are what most runs send, and
    /// each of them would be moved at the size of this one: 60 % on what decoding takes.
    Post(Box<Post<'a>>),
}

impl Content<'_> {
    fn field_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::Post(post) => post.field_bytes(),
        }
    }

    fn reactions(&self) -> usize {
        match self {
            Self::Post(post) => post.reactions.len(),
            Self::Text(_) | Self::Binary(_) => 0,
        }
    }
}

/// From a client to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage<'a> {
    /// Asks to hear a room. Answered by `Joined`, also when it is repeated.
    Join {
        /// The room's name.
        room: Cow<'a, str>,
        /// Who the room's members read as the author.
        username: Cow<'a, str>,
    },
    /// Asks to hear a room no longer. Answered by `Left`, also by a non-member's.
    Leave {
        /// The room's name.
        room: Cow<'a, str>,
    },
    /// For every member of a room, its author too.
    Message {
        /// The room's name.
        room: Cow<'a, str>,
        /// What it says.
        content: Content<'a>,
    },
    /// Answered by `Pong`.
    Ping,
}

/// From the server to a client.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerMessage<'a> {
    /// Deliveries of the room come after this one.
    Joined {
        /// The room's name.
        room: Cow<'a, str>,
    },
    /// No delivery of the room comes after this one.
    Left {
        /// The room's name.
        room: Cow<'a, str>,
    },
    /// What somebody said in a room.
    Message {
        /// The room's name.
        room: Cow<'a, str>,
        /// The author, as given when joining.
        username: Cow<'a, str>,
        /// What it says.
        content: Content<'a>,
        /// Unix time by the server's clock.
        timestamp_ms: u64,
    },
    /// The answer to `Ping`.
    Pong,
    /// A message that could not be taken. The connection lives.
    Error {
        /// Why, for a person.
        reason: Cow<'a, str>,
    },
    /// A feed's event.
    Feed {
        /// Counts from 1 without gaps.
        seq: u64,
        /// Unix time by the server's clock.
        timestamp_ms: u64,
        /// Finite: JSON has no other numbers.
        value: f64,
    },
}

impl ClientMessage<'_> {
    /// Bytes of its fields before any codec: text as UTF-8, whole numbers as 8.
    #[must_use]
    pub fn field_bytes(&self) -> usize {
        match self {
            Self::Join { room, username } => room.len() + username.len(),
            Self::Leave { room } => room.len(),
            Self::Message { room, content } => room.len() + content.field_bytes(),
            Self::Ping => 0,
        }
    }

    /// Enough for its frame in any codec but json, so that it is written in one allocation.
    fn frame_bytes_about(&self) -> usize {
        let reactions = match self {
            Self::Message { content, .. } => content.reactions(),
            _ => 0,
        };
        self.field_bytes() + names_bytes(reactions)
    }
}

impl ServerMessage<'_> {
    /// Bytes of its fields before any codec: text as UTF-8, numbers as 8.
    #[must_use]
    pub fn field_bytes(&self) -> usize {
        match self {
            Self::Joined { room } | Self::Left { room } => room.len(),
            Self::Message { room, username, content, .. } => {
                room.len() + username.len() + content.field_bytes() + 8
            }
            Self::Pong => 0,
            Self::Error { reason } => reason.len(),
            Self::Feed { .. } => 24,
        }
    }

    /// Enough for its frame in any codec but json, so that it is written in one allocation.
    fn frame_bytes_about(&self) -> usize {
        let reactions = match self {
            Self::Message { content, .. } => content.reactions(),
            _ => 0,
        };
        self.field_bytes() + names_bytes(reactions)
    }
}

/// Room for the names and lengths of a message's fields, in the codecs that write most of them.
fn names_bytes(reactions: usize) -> usize {
    const MESSAGE: usize = 128;
    const REACTION: usize = 16;
    MESSAGE + REACTION * reactions
}

fn bytes_of(frame: &Message) -> Result<&[u8], DecodeError> {
    match frame {
        Message::Binary(bytes) if bytes.is_empty() => Err(DecodeError::Empty),
        Message::Binary(bytes) => Ok(bytes),
        Message::Text(_) => Err(DecodeError::WrongFrame("text")),
        _ => Err(DecodeError::WrongFrame("control")),
    }
}

fn binary_frame(bytes: Vec<u8>) -> Message {
    Message::Binary(Bytes::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again_and_are_what_serde_writes() {
        for kind in CodecKind::ALL {
            assert_eq!(CodecKind::from_name(kind.name()), Some(kind));
            assert_eq!(CodecKind::from_subprotocol(kind.subprotocol()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        assert_eq!(CodecKind::from_name("JSON"), None);
        assert_eq!(CodecKind::from_subprotocol("json"), None);
    }
}
