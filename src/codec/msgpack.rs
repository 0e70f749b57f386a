//! The MessagePack codec: the maps of [`tagged`](super::tagged), one in each binary frame.

use rmp_serde::decode::Error;
use rmp_serde::{Deserializer, Serializer};
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::Message;

use super::tagged::{ClientOut, In, ServerOut};
use super::{ClientMessage, Codec, DecodeError, ServerMessage, binary_frame, bytes_of};

/// Deeper than any message of ours, and far from a thread's stack: what is ignored is read by
/// recursion.
const MAX_DEPTH: usize = 32;

/// Maps with named fields, in binary frames.
pub(super) struct Msgpack;

impl Codec for Msgpack {
    fn encode_client(&self, message: &ClientMessage<'_>) -> Message {
        frame(&ClientOut::of(message), message.frame_bytes_about())
    }

    fn decode_client<'a>(&self, frame: &'a Message) -> Result<ClientMessage<'a>, DecodeError> {
        parse(frame)?.client()
    }

    fn encode_server(&self, message: &ServerMessage<'_>) -> Message {
        frame(&ServerOut::of(message), message.frame_bytes_about())
    }

    fn decode_server<'a>(&self, frame: &'a Message) -> Result<ServerMessage<'a>, DecodeError> {
        parse(frame)?.server()
    }
}

fn frame(out: &impl Serialize, capacity: usize) -> Message {
    let mut serializer = Serializer::new(Vec::with_capacity(capacity)).with_struct_map();
    // Strings, bytes and numbers under names, and a `Vec` takes every byte.
    out.serialize(&mut serializer).expect("maps of known length always serialise");
    binary_frame(serializer.into_inner())
}

fn parse(frame: &Message) -> Result<In<'_>, DecodeError> {
    let bytes = bytes_of(frame)?;
    // A derived struct also reads an array, field by field; only maps are messages.
    if !matches!(bytes[0], 0x80..=0x8f | 0xde | 0xdf) {
        return Err(DecodeError::malformed("MessagePack", "not a map"));
    }
    let mut deserializer = Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(MAX_DEPTH);
    let message = In::deserialize(&mut deserializer)
        .map_err(|error| DecodeError::malformed("MessagePack", &error))?;
    // The library doesn't tell where it stopped. Nil is read without looking into what is there, so
    // that its first byte is missing only at the end.
    match <()>::deserialize(&mut deserializer) {
        Err(Error::InvalidMarkerRead(_)) => Ok(message),
        _ => Err(DecodeError::malformed("MessagePack", "bytes after the end of the message")),
    }
}
