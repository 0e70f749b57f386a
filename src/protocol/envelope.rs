//! How large a message becomes when its protocol has written it.

use super::{Protocol, ProtocolKind};
use crate::codec::{ClientMessage, CodecKind, Content};

/// The head of a client's WebSocket frame, at most (RFC 6455, section 5.2).
const FRAME_HEAD_BYTES: usize = 14;

impl Protocol {
    /// About how many bytes a message is on the wire, by its payload's length and its room's name.
    #[must_use]
    pub fn message_bytes(&self, payload: usize, room: &str) -> usize {
        let written = match self {
            Self::Native(ProtocolKind::Rooms, codec) => payload + envelope(*codec, room),
            Self::Native(..) => payload,
            // Fixed header, length of the topic, the topic, packet identifier, properties.
            Self::Mqtt(_) => payload + room.len() + 10,
            Self::Described(file) => {
                let publish = file.publish.iter().flat_map(|publish| {
                    [Some(&publish.send), publish.binary.as_ref()].into_iter().flatten()
                });
                let sizes = publish.map(|send| {
                    let pieces = send.0.iter();
                    let bytes = |bytes| bytes + FRAME_HEAD_BYTES;
                    pieces
                        .map(|piece| bytes(piece.template().length_with(payload, room.len())))
                        .sum::<usize>()
                });
                return sizes.max().unwrap_or(0);
            }
        };
        written + FRAME_HEAD_BYTES
    }
}

fn envelope(codec: CodecKind, room: &str) -> usize {
    let content = Content::Text("".into());
    let message = ClientMessage::Message { room: room.into(), content };
    // A longer content has a longer length.
    codec.codec().encode_client(&message).len() + 4
}
