//! The CBOR codec (RFC 8949): the maps of [`tagged`](super::tagged), one in each binary frame.

use minicbor_serde::{Deserializer, Serializer};
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::Message;

use super::tagged::{ClientOut, In, ServerOut};
use super::{ClientMessage, Codec, DecodeError, ServerMessage, binary_frame, bytes_of};

/// Maps with named fields, in binary frames.
pub(super) struct Cbor;

impl Codec for Cbor {
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
    let mut serializer = Serializer::new(Vec::with_capacity(capacity));
    // Strings, bytes and numbers under names, and a `Vec` takes every byte.
    out.serialize(&mut serializer).expect("maps of known length always serialise");
    binary_frame(serializer.into_encoder().into_writer())
}

fn parse(frame: &Message) -> Result<In<'_>, DecodeError> {
    let bytes = bytes_of(frame)?;
    let mut deserializer = Deserializer::new(bytes);
    let message = In::deserialize(&mut deserializer)
        .map_err(|error| DecodeError::malformed("CBOR", &error))?;
    match bytes.len() - deserializer.decoder().position() {
        0 => Ok(message),
        trailing => Err(DecodeError::Trailing(trailing)),
    }
}
