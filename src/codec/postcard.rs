//! The postcard codec: the number of the variant, then its fields in their order, without names.
//!
//! The order of variants and fields below is the format. New ones go to the end.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio_tungstenite::tungstenite::Message;

use super::{
    ClientMessage, Codec, Content, DecodeError, Post, ServerMessage, binary_frame, bytes_of,
};

/// Fields without names, in binary frames.
pub(super) struct Postcard;

impl Codec for Postcard {
    fn encode_client(&self, message: &ClientMessage<'_>) -> Message {
        frame(&ClientWire::of(message), message.frame_bytes_about())
    }

    fn decode_client<'a>(&self, frame: &'a Message) -> Result<ClientMessage<'a>, DecodeError> {
        parse::<ClientWire<'a>>(bytes_of(frame)?).map(ClientWire::message)
    }

    fn encode_server(&self, message: &ServerMessage<'_>) -> Message {
        frame(&ServerWire::of(message), message.frame_bytes_about())
    }

    fn decode_server<'a>(&self, frame: &'a Message) -> Result<ServerMessage<'a>, DecodeError> {
        parse::<ServerWire<'a>>(bytes_of(frame)?)?.message()
    }
}

#[derive(Serialize, Deserialize)]
enum ClientWire<'a> {
    Join {
        room: &'a str,
        username: &'a str,
    },
    Leave {
        room: &'a str,
    },
    Message {
        room: &'a str,
        #[serde(borrow)]
        content: ContentWire<'a>,
    },
    Ping,
}

#[derive(Serialize, Deserialize)]
enum ServerWire<'a> {
    Joined {
        room: &'a str,
    },
    Left {
        room: &'a str,
    },
    Message {
        room: &'a str,
        username: &'a str,
        timestamp_ms: u64,
        #[serde(borrow)]
        content: ContentWire<'a>,
    },
    Pong,
    Error {
        reason: &'a str,
    },
    Feed {
        seq: u64,
        timestamp_ms: u64,
        value: f64,
    },
}

#[derive(Serialize, Deserialize)]
enum ContentWire<'a> {
    Text(&'a str),
    #[serde(borrow)]
    Bytes(BytesWire<'a>),
    #[serde(borrow)]
    Post(PostWire<'a>),
}

/// Bytes at once: serde would take a slice number by number.
struct BytesWire<'a>(&'a [u8]);

impl Serialize for BytesWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for BytesWire<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(deserializer).map(Self)
    }
}

/// Borrowed to be written, owned when it was read.
struct PostWire<'a>(Cow<'a, Post<'a>>);

impl Serialize for PostWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for PostWire<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Post::deserialize(deserializer).map(|post| Self(Cow::Owned(post)))
    }
}

impl<'a> ContentWire<'a> {
    fn of(content: &'a Content<'_>) -> Self {
        match content {
            Content::Text(text) => Self::Text(text),
            Content::Binary(bytes) => Self::Bytes(BytesWire(bytes)),
            Content::Post(post) => Self::Post(PostWire(Cow::Borrowed(post))),
        }
    }

    fn content(self) -> Content<'a> {
        match self {
            Self::Text(text) => Content::Text(text.into()),
            Self::Bytes(bytes) => Content::Binary(bytes.0.into()),
            Self::Post(post) => Content::Post(Box::new(post.0.into_owned())),
        }
    }
}

impl<'a> ClientWire<'a> {
    fn of(message: &'a ClientMessage<'_>) -> Self {
        match message {
            ClientMessage::Join { room, username } => Self::Join { room, username },
            ClientMessage::Leave { room } => Self::Leave { room },
            ClientMessage::Message { room, content } => {
                Self::Message { room, content: ContentWire::of(content) }
            }
            ClientMessage::Ping => Self::Ping,
        }
    }

    fn message(self) -> ClientMessage<'a> {
        match self {
            Self::Join { room, username } => {
                ClientMessage::Join { room: room.into(), username: username.into() }
            }
            Self::Leave { room } => ClientMessage::Leave { room: room.into() },
            Self::Message { room, content } => {
                ClientMessage::Message { room: room.into(), content: content.content() }
            }
            Self::Ping => ClientMessage::Ping,
        }
    }
}

impl<'a> ServerWire<'a> {
    fn of(message: &'a ServerMessage<'_>) -> Self {
        match message {
            ServerMessage::Joined { room } => Self::Joined { room },
            ServerMessage::Left { room } => Self::Left { room },
            ServerMessage::Message { room, username, content, timestamp_ms } => Self::Message {
                room,
                username,
                timestamp_ms: *timestamp_ms,
                content: ContentWire::of(content),
            },
            ServerMessage::Pong => Self::Pong,
            ServerMessage::Error { reason } => Self::Error { reason },
            ServerMessage::Feed { seq, timestamp_ms, value } => {
                Self::Feed { seq: *seq, timestamp_ms: *timestamp_ms, value: *value }
            }
        }
    }

    fn message(self) -> Result<ServerMessage<'a>, DecodeError> {
        Ok(match self {
            Self::Joined { room } => ServerMessage::Joined { room: room.into() },
            Self::Left { room } => ServerMessage::Left { room: room.into() },
            Self::Message { room, username, timestamp_ms, content } => ServerMessage::Message {
                room: room.into(),
                username: username.into(),
                content: content.content(),
                timestamp_ms,
            },
            Self::Pong => ServerMessage::Pong,
            Self::Error { reason } => ServerMessage::Error { reason: reason.into() },
            Self::Feed { value, .. } if !value.is_finite() => {
                return Err(DecodeError::NotFinite("value"));
            }
            Self::Feed { seq, timestamp_ms, value } => {
                ServerMessage::Feed { seq, timestamp_ms, value }
            }
        })
    }
}

fn frame(out: &impl Serialize, capacity: usize) -> Message {
    // Every length is known and a `Vec` takes every byte.
    let bytes = postcard::to_extend(out, Vec::with_capacity(capacity))
        .expect("what has known lengths always serialises");
    binary_frame(bytes)
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    let (message, rest) = postcard::take_from_bytes(bytes)
        .map_err(|error| DecodeError::malformed("postcard", &error))?;
    if rest.is_empty() { Ok(message) } else { Err(DecodeError::Trailing(rest.len())) }
}
