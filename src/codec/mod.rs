//! The messages of uproar's own chat protocol and how they become frames.
//!
//! A codec turns messages into WebSocket messages and back; it knows neither sockets nor rooms.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The codecs, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodecKind {
    /// Text frames, JSON objects tagged by `type`.
    Json,
    /// Binary frames, a type byte and a compact payload.
    Binary,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// Text: every member gets it in its own codec.
    Text(Cow<'a, str>),
    /// Bytes: always a binary frame, in every codec, because JSON can't carry them.
    Binary(Cow<'a, [u8]>),
}

/// From a client to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage<'a> {
    Join { room: Cow<'a, str>, username: Cow<'a, str> },
    Leave { room: Cow<'a, str> },
    Message { room: Cow<'a, str>, content: Content<'a> },
    Ping,
}

/// From the server to a client.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerMessage<'a> {
    Joined {
        room: Cow<'a, str>,
    },
    Left {
        room: Cow<'a, str>,
    },
    /// `timestamp_ms` is Unix time by the server's clock.
    Message {
        room: Cow<'a, str>,
        username: Cow<'a, str>,
        content: Content<'a>,
        timestamp_ms: u64,
    },
    Pong,
    Error {
        reason: Cow<'a, str>,
    },
    /// A feed's event. `seq` counts from 1 without gaps.
    Feed {
        seq: u64,
        timestamp_ms: u64,
        value: f64,
    },
}
