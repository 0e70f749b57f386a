//! Messages as maps with named fields and a `type`: what json, msgpack and cbor have in common.
//!
//! Client: `Join {room, username}`, `Leave {room}`, `Message {room, content}`, `Ping`. Server:
//! `Joined {room}`, `Left {room}`, `Message {room, username, content, timestamp}`, `Pong`,
//! `Error {reason}`; `timestamp` is Unix time in ms. `content` is text, bytes where the format has
//! them, or a map with the fields of a [`Post`]. A feed's event is `{seq, timestamp_ms, value}`
//! without a `type`. Unknown fields are ignored.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ClientMessage, Content, DecodeError, Post, ServerMessage};

/// Of an unknown type's name, as much goes into the error.
const QUOTED_CHARS: usize = 32;

/// What a client sends. `Ping {}` rather than `Ping`: serde tags a unit variant of this kind only
/// by way of an empty struct, and the output is the same.
#[derive(Serialize)]
#[serde(tag = "type")]
pub(super) enum ClientOut<'a> {
    Join { room: &'a str, username: &'a str },
    Leave { room: &'a str },
    Message { room: &'a str, content: ContentOut<'a> },
    Ping {},
}

impl<'a> ClientOut<'a> {
    pub(super) fn of(message: &'a ClientMessage<'_>) -> Self {
        match message {
            ClientMessage::Join { room, username } => Self::Join { room, username },
            ClientMessage::Leave { room } => Self::Leave { room },
            ClientMessage::Message { room, content } => {
                Self::Message { room, content: ContentOut(content) }
            }
            ClientMessage::Ping => Self::Ping {},
        }
    }
}

/// What a server sends: tagged, or a feed's event.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ServerOut<'a> {
    Tagged(TaggedOut<'a>),
    Feed { seq: u64, timestamp_ms: u64, value: f64 },
}

#[derive(Serialize)]
#[serde(tag = "type")]
pub(super) enum TaggedOut<'a> {
    Joined { room: &'a str },
    Left { room: &'a str },
    Message { room: &'a str, username: &'a str, content: ContentOut<'a>, timestamp: u64 },
    Pong {},
    Error { reason: &'a str },
}

impl<'a> ServerOut<'a> {
    pub(super) fn of(message: &'a ServerMessage<'_>) -> Self {
        Self::Tagged(match message {
            ServerMessage::Joined { room } => TaggedOut::Joined { room },
            ServerMessage::Left { room } => TaggedOut::Left { room },
            ServerMessage::Message { room, username, content, timestamp_ms } => {
                let content = ContentOut(content);
                TaggedOut::Message { room, username, content, timestamp: *timestamp_ms }
            }
            ServerMessage::Pong => TaggedOut::Pong {},
            ServerMessage::Error { reason } => TaggedOut::Error { reason },
            ServerMessage::Feed { seq, timestamp_ms, value } => {
                return Self::Feed { seq: *seq, timestamp_ms: *timestamp_ms, value: *value };
            }
        })
    }
}

pub(super) struct ContentOut<'a>(&'a Content<'a>);

impl Serialize for ContentOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Content::Text(text) => serializer.serialize_str(text),
            Content::Binary(bytes) => serializer.serialize_bytes(bytes),
            Content::Post(post) => post.serialize(serializer),
        }
    }
}

/// Every field of every message. One flat struct, because a tagged enum would make serde buffer
/// the whole object first: twice the time, and sixteen times an array's size in memory.
#[derive(Deserialize)]
pub(super) struct In<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    room: Option<Text<'a>>,
    #[serde(borrow)]
    username: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<ContentIn<'a>>,
    #[serde(borrow)]
    reason: Option<Text<'a>>,
    timestamp: Option<u64>,
    seq: Option<u64>,
    timestamp_ms: Option<u64>,
    value: Option<f64>,
}

/// Serde borrows into a `Cow` only where it is a field of its own, not inside an `Option`.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

struct ContentIn<'a>(Content<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for ContentIn<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor).map(Self)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, bytes or the fields of a message")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Content::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Content::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Content::Binary(Cow::Borrowed(bytes)))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Content::Binary(Cow::Owned(bytes.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        structured(map).map(Content::Post)
    }
}

impl<'a> In<'a> {
    // Both take fields out of it where it is: moving it whole costs a tenth of a short message.

    pub(super) fn client(&mut self) -> Result<ClientMessage<'a>, DecodeError> {
        let kind = self.kind.take().ok_or(DecodeError::Missing("type"))?;
        match kind.0.as_ref() {
            "Join" => Ok(ClientMessage::Join {
                room: required(&mut self.room, "room")?,
                username: required(&mut self.username, "username")?,
            }),
            "Leave" => Ok(ClientMessage::Leave { room: required(&mut self.room, "room")? }),
            "Message" => Ok(ClientMessage::Message {
                room: required(&mut self.room, "room")?,
                content: self.content()?,
            }),
            "Ping" => Ok(ClientMessage::Ping),
            other => Err(unknown(other)),
        }
    }

    fn content(&mut self) -> Result<Content<'a>, DecodeError> {
        self.content.take().map(|content| content.0).ok_or(DecodeError::Missing("content"))
    }

    pub(super) fn server(&mut self) -> Result<ServerMessage<'a>, DecodeError> {
        if let (None, Some(seq)) = (&self.kind, self.seq) {
            let value = self.value.ok_or(DecodeError::Missing("value"))?;
            return Ok(ServerMessage::Feed {
                seq,
                timestamp_ms: self.timestamp_ms.ok_or(DecodeError::Missing("timestamp_ms"))?,
                value: if value.is_finite() { value } else { return Err(NOT_FINITE) },
            });
        }
        let kind = self.kind.take().ok_or(DecodeError::Missing("type"))?;
        match kind.0.as_ref() {
            "Joined" => Ok(ServerMessage::Joined { room: required(&mut self.room, "room")? }),
            "Left" => Ok(ServerMessage::Left { room: required(&mut self.room, "room")? }),
            "Message" => Ok(ServerMessage::Message {
                room: required(&mut self.room, "room")?,
                username: required(&mut self.username, "username")?,
                timestamp_ms: self.timestamp.ok_or(DecodeError::Missing("timestamp"))?,
                content: self.content()?,
            }),
            "Pong" => Ok(ServerMessage::Pong),
            "Error" => Ok(ServerMessage::Error { reason: required(&mut self.reason, "reason")? }),
            other => Err(unknown(other)),
        }
    }
}

const NOT_FINITE: DecodeError = DecodeError::NotFinite("value");

fn required<'a>(
    field: &mut Option<Text<'a>>,
    name: &'static str,
) -> Result<Cow<'a, str>, DecodeError> {
    field.take().map(|text| text.0).ok_or(DecodeError::Missing(name))
}

fn unknown(name: &str) -> DecodeError {
    DecodeError::UnknownName(name.chars().take(QUOTED_CHARS).collect())
}

/// Apart from the rest, which reads plain messages a little faster without it.
#[inline(never)]
fn structured<'de, A: MapAccess<'de>>(map: A) -> Result<Box<Post<'de>>, A::Error> {
    Post::deserialize(MapAccessDeserializer::new(map)).map(Box::new)
}
