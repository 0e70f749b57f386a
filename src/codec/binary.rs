//! The binary codec: a type byte and a compact payload. Nothing here knows JSON.
//!
//! | byte   | message           | payload                                                |
//! | ------ | ----------------- | ------------------------------------------------------ |
//! | `0x01` | client Join       | room, username                                         |
//! | `0x02` | client Leave      | room                                                   |
//! | `0x03` | client Message    | room, then content: UTF-8 to the frame's end           |
//! | `0x04` | client Ping       |                                                        |
//! | `0x05` | client Message    | room, then content: bytes to the frame's end           |
//! | `0x06` | client Message    | room, then content: a post                             |
//! | `0x81` | server Joined     | room                                                   |
//! | `0x82` | server Left       | room                                                   |
//! | `0x83` | server Message    | room, username, timestamp, then content: UTF-8         |
//! | `0x84` | server Pong       |                                                        |
//! | `0x85` | server Error      | reason                                                 |
//! | `0x86` | server Feed       | sequence, timestamp, value                             |
//! | `0x87` | server Message    | room, username, timestamp, then content: bytes         |
//! | `0x88` | server Message    | room, username, timestamp, then content: a post        |
//!
//! Room, username and reason are a varint length and that many bytes of UTF-8. Sequence and
//! timestamp (Unix ms) are varints: LEB128, at most 64 bits, in as few bytes as the number needs.
//! The value is a finite little-endian IEEE 754 double. Nothing may follow the last field.
//!
//! A post is its number, its author, its time, a byte of flags (1: edited, 2: it answers a message),
//! the number of the message it answers where the flags say so, how many reactions it has, each an
//! emoji and a count, then its text: UTF-8 to the frame's end. Numbers are varints, author and emoji
//! have their lengths before them.

use std::borrow::Cow;

use tokio_tungstenite::tungstenite::Message;

use super::post::TOO_MANY_REACTIONS;
use super::{
    ClientMessage, Codec, Content, DecodeError, Post, Reaction, ServerMessage, binary_frame,
    bytes_of, names_bytes,
};

const JOIN: u8 = 0x01;
const LEAVE: u8 = 0x02;
const MESSAGE_TEXT: u8 = 0x03;
const PING: u8 = 0x04;
const MESSAGE_BYTES: u8 = 0x05;
const MESSAGE_POST: u8 = 0x06;
const JOINED: u8 = 0x81;
const LEFT: u8 = 0x82;
const DELIVERY_TEXT: u8 = 0x83;
const PONG: u8 = 0x84;
const ERROR: u8 = 0x85;
const FEED: u8 = 0x86;
const DELIVERY_BYTES: u8 = 0x87;
const DELIVERY_POST: u8 = 0x88;

const EDITED: u8 = 1;
const REPLY: u8 = 2;

/// A `u64` is ten groups of seven bits.
const VARINT_MAX_BYTES: usize = 10;

/// A type byte and a compact payload, in binary frames only.
pub(super) struct Binary;

impl Codec for Binary {
    fn encode_client(&self, message: &ClientMessage<'_>) -> Message {
        let writer = match message {
            ClientMessage::Join { room, username } => {
                Writer::new(JOIN, room.len() + username.len()).text(room).text(username)
            }
            ClientMessage::Leave { room } => Writer::new(LEAVE, room.len()).text(room),
            ClientMessage::Message { room, content } => {
                let kind = content_type(content, [MESSAGE_TEXT, MESSAGE_BYTES, MESSAGE_POST]);
                let bytes = content_room(content);
                Writer::new(kind, room.len() + bytes).text(room).content(content)
            }
            ClientMessage::Ping => Writer::new(PING, 0),
        };
        writer.finish()
    }

    fn decode_client<'a>(&self, frame: &'a Message) -> Result<ClientMessage<'a>, DecodeError> {
        let (kind, mut reader) = Reader::new(frame)?;
        let message = match kind {
            JOIN => ClientMessage::Join {
                room: reader.text("room")?.into(),
                username: reader.text("username")?.into(),
            },
            LEAVE => ClientMessage::Leave { room: reader.text("room")?.into() },
            MESSAGE_TEXT => ClientMessage::Message {
                room: reader.text("room")?.into(),
                content: reader.rest_text()?,
            },
            MESSAGE_BYTES => ClientMessage::Message {
                room: reader.text("room")?.into(),
                content: reader.rest_bytes(),
            },
            MESSAGE_POST => ClientMessage::Message {
                room: reader.text("room")?.into(),
                content: reader.post()?,
            },
            PING => ClientMessage::Ping,
            other => return Err(DecodeError::UnknownType(other)),
        };
        reader.finish()?;
        Ok(message)
    }

    fn encode_server(&self, message: &ServerMessage<'_>) -> Message {
        let writer = match message {
            ServerMessage::Joined { room } => Writer::new(JOINED, room.len()).text(room),
            ServerMessage::Left { room } => Writer::new(LEFT, room.len()).text(room),
            ServerMessage::Message { room, username, content, timestamp_ms } => {
                let kind = content_type(content, [DELIVERY_TEXT, DELIVERY_BYTES, DELIVERY_POST]);
                let bytes = content_room(content);
                Writer::new(kind, room.len() + username.len() + bytes)
                    .text(room)
                    .text(username)
                    .varint(*timestamp_ms)
                    .content(content)
            }
            ServerMessage::Pong => Writer::new(PONG, 0),
            ServerMessage::Error { reason } => Writer::new(ERROR, reason.len()).text(reason),
            ServerMessage::Feed { seq, timestamp_ms, value } => {
                Writer::new(FEED, 8).varint(*seq).varint(*timestamp_ms).rest(&value.to_le_bytes())
            }
        };
        writer.finish()
    }

    fn decode_server<'a>(&self, frame: &'a Message) -> Result<ServerMessage<'a>, DecodeError> {
        let (kind, mut reader) = Reader::new(frame)?;
        let message = match kind {
            JOINED => ServerMessage::Joined { room: reader.text("room")?.into() },
            LEFT => ServerMessage::Left { room: reader.text("room")?.into() },
            DELIVERY_TEXT | DELIVERY_BYTES | DELIVERY_POST => ServerMessage::Message {
                room: reader.text("room")?.into(),
                username: reader.text("username")?.into(),
                timestamp_ms: reader.varint("timestamp")?,
                content: match kind {
                    DELIVERY_TEXT => reader.rest_text()?,
                    DELIVERY_BYTES => reader.rest_bytes(),
                    _ => reader.post()?,
                },
            },
            PONG => ServerMessage::Pong,
            ERROR => ServerMessage::Error { reason: reader.text("reason")?.into() },
            FEED => ServerMessage::Feed {
                seq: reader.varint("sequence")?,
                timestamp_ms: reader.varint("timestamp")?,
                value: reader.double("value")?,
            },
            other => return Err(DecodeError::UnknownType(other)),
        };
        reader.finish()?;
        Ok(message)
    }
}

fn content_type(content: &Content<'_>, [text, bytes, post]: [u8; 3]) -> u8 {
    match content {
        Content::Text(_) => text,
        Content::Binary(_) => bytes,
        Content::Post(_) => post,
    }
}

/// What a content takes at most.
fn content_room(content: &Content<'_>) -> usize {
    match content {
        Content::Text(_) | Content::Binary(_) => content.field_bytes(),
        Content::Post(_) => content.field_bytes() + names_bytes(content.reactions()),
    }
}

/// A frame under construction, in one allocation.
struct Writer(Vec<u8>);

impl Writer {
    /// `payload_bytes` is what the fields hold without their lengths; three varints fit beside it.
    fn new(kind: u8, payload_bytes: usize) -> Self {
        let mut frame = Vec::with_capacity(1 + payload_bytes + 3 * VARINT_MAX_BYTES);
        frame.push(kind);
        Self(frame)
    }

    fn varint(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    fn text(self, text: &str) -> Self {
        self.varint(text.len() as u64).rest(text.as_bytes())
    }

    fn rest(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn content(self, content: &Content<'_>) -> Self {
        match content {
            Content::Text(text) => self.rest(text.as_bytes()),
            Content::Binary(bytes) => self.rest(bytes),
            Content::Post(post) => self.post(post),
        }
    }

    fn post(self, post: &Post<'_>) -> Self {
        let Post { id, author, sent_ms, reply_to, edited, reactions, text } = post;
        let reply = if reply_to.is_some() { REPLY } else { 0 };
        let flags = reply | if *edited { EDITED } else { 0 };
        let mut writer = self.varint(*id).text(author).varint(*sent_ms).rest(&[flags]);
        if let Some(reply_to) = reply_to {
            writer = writer.varint(*reply_to);
        }
        writer = writer.varint(reactions.len() as u64);
        for Reaction { emoji, count } in reactions {
            writer = writer.text(emoji).varint(u64::from(*count));
        }
        writer.rest(text.as_bytes())
    }

    fn finish(self) -> Message {
        binary_frame(self.0)
    }
}

/// What is left of a frame. Every length is checked against it before it is believed.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn new(frame: &'a Message) -> Result<(u8, Self), DecodeError> {
        let (kind, rest) = bytes_of(frame)?.split_first().ok_or(DecodeError::Empty)?;
        Ok((*kind, Self(rest)))
    }

    fn varint(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for index in 0..VARINT_MAX_BYTES {
            let byte = *self.0.get(index).ok_or(DecodeError::Truncated(field))?;
            // The tenth byte has room for one bit, and a last byte of zero says nothing.
            let overflows = index == VARINT_MAX_BYTES - 1 && byte > 1;
            let overlong = index > 0 && byte == 0;
            if overflows || overlong {
                return Err(DecodeError::Varint(field));
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.0 = &self.0[index + 1..];
                return Ok(value);
            }
        }
        Err(DecodeError::Varint(field))
    }

    fn text(&mut self, field: &'static str) -> Result<&'a str, DecodeError> {
        let len = self.varint(field)?;
        let len = usize::try_from(len).map_err(|_| DecodeError::Truncated(field))?;
        let (text, rest) = self.0.split_at_checked(len).ok_or(DecodeError::Truncated(field))?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| DecodeError::NotUtf8(field))
    }

    fn double(&mut self, field: &'static str) -> Result<f64, DecodeError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(DecodeError::Truncated(field))?;
        self.0 = rest;
        let value = f64::from_le_bytes(*bytes);
        if value.is_finite() { Ok(value) } else { Err(DecodeError::NotFinite(field)) }
    }

    fn utf8(&mut self, field: &'static str) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(std::mem::take(&mut self.0)).map_err(|_| DecodeError::NotUtf8(field))
    }

    fn rest_text(&mut self) -> Result<Content<'a>, DecodeError> {
        Ok(Content::Text(Cow::Borrowed(self.utf8("content")?)))
    }

    fn rest_bytes(&mut self) -> Content<'a> {
        Content::Binary(Cow::Borrowed(std::mem::take(&mut self.0)))
    }

    fn post(&mut self) -> Result<Content<'a>, DecodeError> {
        let mut post = Post {
            id: self.varint("id")?,
            author: self.text("author")?.into(),
            sent_ms: self.varint("time of sending")?,
            ..Post::default()
        };
        let (flags, rest) = self.0.split_first().ok_or(DecodeError::Truncated("flags"))?;
        self.0 = rest;
        if flags & !(EDITED | REPLY) != 0 {
            return Err(DecodeError::malformed("post", "unknown flags"));
        }
        post.edited = flags & EDITED != 0;
        if flags & REPLY != 0 {
            post.reply_to = Some(self.varint("answered message")?);
        }
        let reactions = self.varint("number of reactions")?;
        if reactions > Post::MAX_REACTIONS as u64 {
            return Err(DecodeError::malformed("post", TOO_MANY_REACTIONS));
        }
        for _ in 0..reactions {
            let emoji = self.text("emoji")?.into();
            let count = u32::try_from(self.varint("count")?);
            let count = count.map_err(|_| DecodeError::Varint("count"))?;
            post.reactions.push(Reaction { emoji, count });
        }
        post.text = self.utf8("text")?.into();
        Ok(Content::Post(Box::new(post)))
    }

    fn finish(self) -> Result<(), DecodeError> {
        if self.0.is_empty() { Ok(()) } else { Err(DecodeError::Trailing(self.0.len())) }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn binary(bytes: &[u8]) -> Message {
        Message::Binary(Bytes::copy_from_slice(bytes))
    }

    fn text(text: &str) -> Content<'_> {
        Content::Text(text.into())
    }

    fn bytes(bytes: &[u8]) -> Content<'_> {
        Content::Binary(bytes.into())
    }

    #[test]
    fn client_messages_have_these_bytes() {
        let cases: [(ClientMessage<'_>, &[u8]); 5] = [
            (ClientMessage::Join { room: "r1".into(), username: "al".into() }, b"\x01\x02r1\x02al"),
            (ClientMessage::Leave { room: "r1".into() }, b"\x02\x02r1"),
            (ClientMessage::Message { room: "r1".into(), content: text("hi") }, b"\x03\x02r1hi"),
            (ClientMessage::Ping, b"\x04"),
            (
                ClientMessage::Message { room: "r1".into(), content: bytes(b"\xff\0") },
                b"\x05\x02r1\xff\0",
            ),
        ];
        for (message, golden) in cases {
            assert_eq!(Binary.encode_client(&message), binary(golden));
            assert_eq!(Binary.decode_client(&binary(golden)), Ok(message));
        }
    }

    #[test]
    fn server_messages_have_these_bytes() {
        let delivery = |content| ServerMessage::Message {
            room: "r1".into(),
            username: "al".into(),
            content,
            timestamp_ms: 300, // 0b10_0101100: 0xac 0x02
        };
        let cases: [(ServerMessage<'_>, &[u8]); 7] = [
            (ServerMessage::Joined { room: "r1".into() }, b"\x81\x02r1"),
            (ServerMessage::Left { room: "r1".into() }, b"\x82\x02r1"),
            (delivery(text("hi")), b"\x83\x02r1\x02al\xac\x02hi"),
            (ServerMessage::Pong, b"\x84"),
            (ServerMessage::Error { reason: "no".into() }, b"\x85\x02no"),
            (
                ServerMessage::Feed { seq: 1, timestamp_ms: 300, value: 1.0 },
                b"\x86\x01\xac\x02\0\0\0\0\0\0\xf0\x3f",
            ),
            (delivery(bytes(b"\xff")), b"\x87\x02r1\x02al\xac\x02\xff"),
        ];
        for (message, golden) in cases {
            assert_eq!(Binary.encode_server(&message), binary(golden));
            assert_eq!(Binary.decode_server(&binary(golden)), Ok(message));
        }
    }

    #[test]
    fn what_is_no_message_says_why() {
        let cases: [(&[u8], DecodeError); 12] = [
            (b"", DecodeError::Empty),
            (b"\x00", DecodeError::UnknownType(0)),
            (b"\x81\x02r1", DecodeError::UnknownType(0x81)),
            (b"\x02", DecodeError::Truncated("room")),
            (b"\x02\x03r1", DecodeError::Truncated("room")),
            (b"\x02\x02r1!", DecodeError::Trailing(1)),
            (b"\x04\x00", DecodeError::Trailing(1)),
            (b"\x02\x01\xff", DecodeError::NotUtf8("room")),
            (b"\x03\x01r\xff", DecodeError::NotUtf8("content")),
            // 2 in two bytes.
            (b"\x02\x82\x00r1", DecodeError::Varint("room")),
            // 65 bits.
            (b"\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", DecodeError::Varint("room")),
            // A length of 2^64 - 1 allocates nothing.
            (b"\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", DecodeError::Truncated("room")),
        ];
        for (frame, error) in cases {
            assert_eq!(Binary.decode_client(&binary(frame)), Err(error), "{frame:02x?}");
        }
    }

    #[test]
    fn a_text_frame_is_refused() {
        let frame = Message::text(r#"{"type":"Ping"}"#);
        assert_eq!(Binary.decode_client(&frame), Err(DecodeError::WrongFrame("text")));
    }

    #[test]
    fn decoding_borrows_from_the_frame() {
        let frame = binary(b"\x03\x02r1hi");
        let Ok(ClientMessage::Message { room, content: Content::Text(content) }) =
            Binary.decode_client(&frame)
        else {
            panic!("no message");
        };
        assert!(matches!((room, content), (Cow::Borrowed(_), Cow::Borrowed(_))));
    }
}
