//! The Protocol Buffers codec: the messages of `uproar.proto`, one in each binary frame.
//!
//! Written by hand over prost's primitives, because its derived messages own their strings: they
//! would copy each text once to write it and once to read it, which no other codec here does. What
//! that derive makes of the same file reads and writes the same; a test holds it. One thing is
//! simpler than the standard has it: of a message that stands in a frame twice the last counts, and
//! the two are not merged.

use prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, encode_varint, encoded_len_varint,
    skip_field,
};
use tokio_tungstenite::tungstenite::Message;

use super::post::TOO_MANY_REACTIONS;
use super::{
    ClientMessage, Codec, Content, DecodeError, Post, Reaction, ServerMessage, binary_frame,
    bytes_of,
};

/// Numbered fields, in binary frames.
pub(super) struct Protobuf;

impl Codec for Protobuf {
    fn encode_client(&self, message: &ClientMessage<'_>) -> Message {
        let mut out = Vec::with_capacity(message.frame_bytes_about());
        match message {
            ClientMessage::Join { room, username } => {
                message_field(&mut out, 1, &Texts([(1, room), (2, username)]));
            }
            ClientMessage::Leave { room } => message_field(&mut out, 2, &Texts([(1, room)])),
            ClientMessage::Message { room, content } => {
                let said = Said { room, content, username: "", timestamp_ms: 0 };
                message_field(&mut out, 3, &said);
            }
            ClientMessage::Ping => message_field(&mut out, 4, &Texts([])),
        }
        binary_frame(out)
    }

    fn decode_client<'a>(&self, frame: &'a Message) -> Result<ClientMessage<'a>, DecodeError> {
        let (tag, body) = one_of(frame, 4)?;
        Ok(match tag {
            1 => {
                let [room, username] = texts(body, [(1, "room"), (2, "username")])?;
                ClientMessage::Join { room: room.into(), username: username.into() }
            }
            2 => {
                let [room] = texts(body, [(1, "room")])?;
                ClientMessage::Leave { room: room.into() }
            }
            3 => {
                let Heard { room, content, .. } = heard(body)?;
                let content = content.ok_or(DecodeError::Missing("content"))?;
                ClientMessage::Message { room: room.into(), content }
            }
            _ => ClientMessage::Ping,
        })
    }

    fn encode_server(&self, message: &ServerMessage<'_>) -> Message {
        let mut out = Vec::with_capacity(message.frame_bytes_about());
        match message {
            ServerMessage::Joined { room } => message_field(&mut out, 1, &Texts([(1, room)])),
            ServerMessage::Left { room } => message_field(&mut out, 2, &Texts([(1, room)])),
            ServerMessage::Message { room, username, content, timestamp_ms } => {
                let said = Said { room, content, username, timestamp_ms: *timestamp_ms };
                message_field(&mut out, 3, &said);
            }
            ServerMessage::Pong => message_field(&mut out, 4, &Texts([])),
            ServerMessage::Error { reason } => message_field(&mut out, 5, &Texts([(1, reason)])),
            ServerMessage::Feed { seq, timestamp_ms, value } => {
                message_field(&mut out, 6, &Pushed(*seq, *timestamp_ms, *value));
            }
        }
        binary_frame(out)
    }

    fn decode_server<'a>(&self, frame: &'a Message) -> Result<ServerMessage<'a>, DecodeError> {
        let (tag, body) = one_of(frame, 6)?;
        Ok(match tag {
            1 => {
                let [room] = texts(body, [(1, "room")])?;
                ServerMessage::Joined { room: room.into() }
            }
            2 => {
                let [room] = texts(body, [(1, "room")])?;
                ServerMessage::Left { room: room.into() }
            }
            3 => {
                let Heard { room, content, username, timestamp_ms } = heard(body)?;
                ServerMessage::Message {
                    room: room.into(),
                    username: username.into(),
                    content: content.ok_or(DecodeError::Missing("content"))?,
                    timestamp_ms,
                }
            }
            4 => ServerMessage::Pong,
            5 => {
                let [reason] = texts(body, [(1, "reason")])?;
                ServerMessage::Error { reason: reason.into() }
            }
            _ => feed(body)?,
        })
    }
}

/// Where fields are written: a frame, or a length that must be known before them.
trait Out {
    fn varint(&mut self, value: u64);
    fn raw(&mut self, bytes: &[u8]);
    fn message(&mut self, fields: &impl Fields);
}

/// What a message consists of.
trait Fields {
    fn write(&self, out: &mut impl Out);
}

impl Out for Vec<u8> {
    fn varint(&mut self, value: u64) {
        encode_varint(value, self);
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn message(&mut self, fields: &impl Fields) {
        let mut length = Length(0);
        fields.write(&mut length);
        self.varint(length.0 as u64);
        fields.write(self);
    }
}

struct Length(usize);

impl Out for Length {
    fn varint(&mut self, value: u64) {
        self.0 += encoded_len_varint(value);
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn message(&mut self, fields: &impl Fields) {
        let before = std::mem::take(&mut self.0);
        fields.write(self);
        self.0 += before + encoded_len_varint(self.0 as u64);
    }
}

fn key(out: &mut impl Out, tag: u32, wire: WireType) {
    out.varint(u64::from(tag << 3) | wire as u64);
}

fn message_field(out: &mut impl Out, tag: u32, fields: &impl Fields) {
    key(out, tag, WireType::LengthDelimited);
    out.message(fields);
}

/// A field that says something also where it is empty: one of a `oneof`.
fn bytes_field(out: &mut impl Out, tag: u32, bytes: &[u8]) {
    key(out, tag, WireType::LengthDelimited);
    out.varint(bytes.len() as u64);
    out.raw(bytes);
}

/// A text; an empty one is the default, which is not written.
fn text_field(out: &mut impl Out, tag: u32, text: &str) {
    if !text.is_empty() {
        bytes_field(out, tag, text.as_bytes());
    }
}

/// A number, also where it is the default.
fn varint_field(out: &mut impl Out, tag: u32, value: u64) {
    key(out, tag, WireType::Varint);
    out.varint(value);
}

/// A number; 0 is the default, which is not written.
fn number_field(out: &mut impl Out, tag: u32, value: u64) {
    if value != 0 {
        varint_field(out, tag, value);
    }
}

/// A message of texts.
struct Texts<'a, const N: usize>([(u32, &'a str); N]);

impl<const N: usize> Fields for Texts<'_, N> {
    fn write(&self, out: &mut impl Out) {
        for (tag, text) in self.0 {
            text_field(out, tag, text);
        }
    }
}

/// `Publish` and `Delivery`, which have the same fields as far as they have them.
struct Said<'a> {
    room: &'a str,
    content: &'a Content<'a>,
    username: &'a str,
    timestamp_ms: u64,
}

impl Fields for Said<'_> {
    fn write(&self, out: &mut impl Out) {
        text_field(out, 1, self.room);
        match self.content {
            Content::Text(text) => bytes_field(out, 2, text.as_bytes()),
            Content::Binary(bytes) => bytes_field(out, 3, bytes),
            Content::Post(post) => message_field(out, 4, post.as_ref()),
        }
        text_field(out, 5, self.username);
        number_field(out, 6, self.timestamp_ms);
    }
}

struct Pushed(u64, u64, f64);

impl Fields for Pushed {
    fn write(&self, out: &mut impl Out) {
        let Self(seq, timestamp_ms, value) = self;
        number_field(out, 1, *seq);
        number_field(out, 2, *timestamp_ms);
        // The default is the one zero whose bits are all 0.
        if value.to_bits() != 0 {
            key(out, 3, WireType::SixtyFourBit);
            out.raw(&value.to_le_bytes());
        }
    }
}

impl Fields for Post<'_> {
    fn write(&self, out: &mut impl Out) {
        number_field(out, 1, self.id);
        text_field(out, 2, &self.author);
        number_field(out, 3, self.sent_ms);
        if let Some(reply_to) = self.reply_to {
            varint_field(out, 4, reply_to);
        }
        number_field(out, 5, u64::from(self.edited));
        for reaction in &self.reactions {
            message_field(out, 6, reaction);
        }
        text_field(out, 7, &self.text);
    }
}

impl Fields for Reaction<'_> {
    fn write(&self, out: &mut impl Out) {
        text_field(out, 1, &self.emoji);
        number_field(out, 2, u64::from(self.count));
    }
}

/// A field's value, as its key says how to read it.
enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Double(f64),
}

impl<'a> Value<'a> {
    fn bytes(self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(wrong_type(field)),
        }
    }

    fn text(self, field: &'static str) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.bytes(field)?).map_err(|_| DecodeError::NotUtf8(field))
    }

    fn number(self, field: &'static str) -> Result<u64, DecodeError> {
        match self {
            Self::Varint(number) => Ok(number),
            _ => Err(wrong_type(field)),
        }
    }
}

fn wrong_type(field: &'static str) -> DecodeError {
    malformed(&format_args!("the {field} is of another type"))
}

fn malformed(why: &impl std::fmt::Display) -> DecodeError {
    DecodeError::malformed("Protocol Buffers", why)
}

/// Calls `take` for each field, in their order in the frame. Those of types that no message of
/// ours has are skipped.
fn each_field<'a>(
    mut rest: &'a [u8],
    mut take: impl FnMut(u32, Value<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    while !rest.is_empty() {
        let (tag, wire) = decode_key(&mut rest).map_err(|error| malformed(&error))?;
        let value = match wire {
            WireType::Varint => {
                Value::Varint(decode_varint(&mut rest).map_err(|error| malformed(&error))?)
            }
            WireType::LengthDelimited => {
                let length = decode_varint(&mut rest).map_err(|error| malformed(&error))?;
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let (bytes, after) =
                    rest.split_at_checked(length).ok_or(DecodeError::Truncated("message"))?;
                rest = after;
                Value::Bytes(bytes)
            }
            WireType::SixtyFourBit => {
                let (bytes, after) =
                    rest.split_first_chunk().ok_or(DecodeError::Truncated("message"))?;
                rest = after;
                Value::Double(f64::from_le_bytes(*bytes))
            }
            WireType::ThirtyTwoBit | WireType::StartGroup | WireType::EndGroup => {
                skip_field(wire, tag, &mut rest, DecodeContext::default())
                    .map_err(|error| malformed(&error))?;
                continue;
            }
        };
        take(tag, value)?;
    }
    Ok(())
}

/// Which of the messages up to `last` a frame holds, and its fields.
fn one_of(frame: &Message, last: u32) -> Result<(u32, &[u8]), DecodeError> {
    let mut found = None;
    each_field(bytes_of(frame)?, |tag, value| {
        if tag <= last {
            found = Some((tag, value.bytes("message")?));
        }
        Ok(())
    })?;
    found.ok_or(DecodeError::Missing("message"))
}

/// The texts of these numbers; one that is not there is empty.
fn texts<'a, const N: usize>(
    body: &'a [u8],
    fields: [(u32, &'static str); N],
) -> Result<[&'a str; N], DecodeError> {
    let mut texts = [""; N];
    each_field(body, |tag, value| {
        let known = fields.iter().zip(&mut texts).find(|((known, _), _)| *known == tag);
        if let Some(((_, name), text)) = known {
            *text = value.text(name)?;
        }
        Ok(())
    })?;
    Ok(texts)
}

#[derive(Default)]
struct Heard<'a> {
    room: &'a str,
    content: Option<Content<'a>>,
    username: &'a str,
    timestamp_ms: u64,
}

fn heard(body: &[u8]) -> Result<Heard<'_>, DecodeError> {
    let mut heard = Heard::default();
    each_field(body, |tag, value| {
        match tag {
            1 => heard.room = value.text("room")?,
            2 => heard.content = Some(Content::Text(value.text("content")?.into())),
            3 => heard.content = Some(Content::Binary(value.bytes("content")?.into())),
            4 => heard.content = Some(Content::Post(Box::new(post(value.bytes("content")?)?))),
            5 => heard.username = value.text("username")?,
            6 => heard.timestamp_ms = value.number("timestamp")?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(heard)
}

fn post(body: &[u8]) -> Result<Post<'_>, DecodeError> {
    let mut post = Post::default();
    each_field(body, |tag, value| {
        match tag {
            1 => post.id = value.number("id")?,
            2 => post.author = value.text("author")?.into(),
            3 => post.sent_ms = value.number("time of sending")?,
            4 => post.reply_to = Some(value.number("answered message")?),
            5 => post.edited = value.number("edited")? != 0,
            6 if post.reactions.len() == Post::MAX_REACTIONS => {
                return Err(malformed(&TOO_MANY_REACTIONS));
            }
            6 => post.reactions.push(reaction(value.bytes("reaction")?)?),
            7 => post.text = value.text("text")?.into(),
            _ => {}
        }
        Ok(())
    })?;
    Ok(post)
}

fn reaction(body: &[u8]) -> Result<Reaction<'_>, DecodeError> {
    let mut reaction = Reaction::default();
    each_field(body, |tag, value| {
        match tag {
            1 => reaction.emoji = value.text("emoji")?.into(),
            // As every reader of a uint32 does: what is above its 32 bits is cut off.
            2 => reaction.count = value.number("count")? as u32,
            _ => {}
        }
        Ok(())
    })?;
    Ok(reaction)
}

fn feed(body: &[u8]) -> Result<ServerMessage<'static>, DecodeError> {
    let (mut seq, mut timestamp_ms, mut value) = (0, 0, 0.0);
    each_field(body, |tag, field| {
        match (tag, field) {
            (1, field) => seq = field.number("sequence")?,
            (2, field) => timestamp_ms = field.number("timestamp")?,
            (3, Value::Double(double)) => value = double,
            (3, _) => return Err(wrong_type("value")),
            _ => {}
        }
        Ok(())
    })?;
    if value.is_finite() {
        Ok(ServerMessage::Feed { seq, timestamp_ms, value })
    } else {
        Err(DecodeError::NotFinite("value"))
    }
}
