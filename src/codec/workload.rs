//! The messages that `uproar codecs` and `cargo bench --bench codec` encode and decode: both measure
//! the same functions on the same messages, so that their figures can be held against each other.

use tokio_tungstenite::tungstenite::Message;

use super::{ClientMessage, CodecKind, Content, Post, ServerMessage};
use crate::stamp::{Stamp, write_payload};

/// Sizes of what messages say, in bytes.
const SIZES: [usize; 4] = [64, 1 << 10, 8 << 10, 64 << 10];
/// The smallest structured message there is, instead of the first of them.
const STRUCTURED_MIN: usize = 128;

/// One message.
#[derive(Clone, Debug)]
pub struct Case {
    /// What kind of message: `text`, `bytes`, `structured`, `join`, `feed`.
    pub kind: &'static str,
    /// The size of what it says, in bytes; `None` for what says nothing.
    pub size_bytes: Option<usize>,
    message: Either,
}

#[derive(Clone, Debug)]
enum Either {
    Client(ClientMessage<'static>),
    Server(ServerMessage<'static>),
}

impl Case {
    /// Every message: deliveries of each kind and size, then what is small in any case.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for size in SIZES {
            cases.push(delivery("text", size, Content::Text(payload(size).into())));
        }
        for size in SIZES {
            cases.push(delivery("bytes", size, Content::Binary(payload(size).into_bytes().into())));
        }
        for size in SIZES.map(|size| size.max(STRUCTURED_MIN)) {
            cases.push(delivery("structured", size, structured(size)));
        }
        let join = ClientMessage::Join { room: ROOM.into(), username: USERNAME.into() };
        cases.push(Self { kind: "join", size_bytes: None, message: Either::Client(join) });
        let feed = ServerMessage::Feed { seq: 12_345, timestamp_ms: NOW_MS, value: 101.25 };
        cases.push(Self { kind: "feed", size_bytes: None, message: Either::Server(feed) });
        cases
    }

    /// Bytes of the message's fields before any codec, the same for every codec.
    #[must_use]
    pub fn field_bytes(&self) -> usize {
        match &self.message {
            Either::Client(message) => message.field_bytes(),
            Either::Server(message) => message.field_bytes(),
        }
    }

    /// The message as a frame.
    #[must_use]
    pub fn encode(&self, codec: CodecKind) -> Message {
        match &self.message {
            Either::Client(message) => codec.codec().encode_client(message),
            Either::Server(message) => codec.codec().encode_server(message),
        }
    }

    /// Reads a frame in full; whether it is the message.
    #[must_use]
    pub fn decode(&self, codec: CodecKind, frame: &Message) -> bool {
        use std::hint::black_box;
        let frame = black_box(frame);
        match &self.message {
            Either::Client(_) => codec.codec().decode_client(frame).map(black_box).is_ok(),
            Either::Server(_) => codec.codec().decode_server(frame).map(black_box).is_ok(),
        }
    }
}

const ROOM: &str = "uproar-1fe3ed0-7";
const USERNAME: &str = "u999";
const NOW_MS: u64 = 1_767_225_600_000;

fn delivery(kind: &'static str, size_bytes: usize, content: Content<'static>) -> Case {
    let message = ServerMessage::Message {
        room: ROOM.into(),
        username: USERNAME.into(),
        content,
        timestamp_ms: NOW_MS,
    };
    Case { kind, size_bytes: Some(size_bytes), message: Either::Server(message) }
}

fn structured(size: usize) -> Content<'static> {
    let text = payload(size - Post::EXAMPLE_BESIDE_TEXT);
    let post = Post::example(999, 7, NOW_MS, "");
    Content::Post(Box::new(Post { text: text.into(), ..post }))
}

/// What a run publishes: a stamp and its filler.
fn payload(bytes: usize) -> String {
    let stamp = Stamp {
        run: 0x0abc_def1,
        publisher: 999,
        room: 49,
        seq: 7,
        due_us: 12_345_678,
        sent_us: 12_345_700,
        preflight: false,
    };
    let mut payload = String::new();
    write_payload(&stamp, bytes, &mut payload);
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_has_its_size_and_is_read_back_by_every_codec() {
        let beside = ROOM.len() + USERNAME.len() + 8;
        for case in Case::all() {
            if let Some(size) = case.size_bytes {
                assert_eq!(case.field_bytes(), size + beside, "{}", case.kind);
            }
            for codec in CodecKind::ALL {
                let frame = case.encode(codec);
                assert!(case.decode(codec, &frame), "{} {}", codec.name(), case.kind);
                assert!(!case.decode(codec, &Message::binary(&b"\xff"[..])), "{}", codec.name());
            }
        }
    }
}
