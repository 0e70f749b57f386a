//! What the fuzz targets and their corpus test call: decode anything, and whatever decodes must
//! survive being encoded and decoded again. Not for any other use.

use bytes::Bytes;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::{CodecKind, ServerMessage};

/// Arbitrary bytes as a frame of a codec: a binary one, or for json a text one where they are UTF-8.
pub fn frame(kind: CodecKind, bytes: &[u8]) {
    round_trip(kind, &message(kind, bytes));
}

pub(super) fn message(kind: CodecKind, bytes: &[u8]) -> Message {
    let bytes = Bytes::copy_from_slice(bytes);
    match kind {
        CodecKind::Json => match Utf8Bytes::try_from(bytes.clone()) {
            Ok(text) => Message::Text(text),
            Err(_) => Message::Binary(bytes),
        },
        _ => Message::Binary(bytes),
    }
}

/// # Panics
/// When a codec doesn't understand what it wrote itself. That is the finding.
fn round_trip(kind: CodecKind, frame: &Message) {
    let codec = kind.codec();
    if let Ok(message) = codec.decode_client(frame) {
        let encoded = codec.encode_client(&message);
        assert_eq!(codec.decode_client(&encoded).as_ref(), Ok(&message));
    }
    if let Ok(message) = codec.decode_server(frame) {
        let encoded = codec.encode_server(&message);
        match (codec.decode_server(&encoded).expect("its own frame"), message) {
            // JSON numbers are read to within their last digit, as serde_json does by default.
            (
                ServerMessage::Feed { seq, timestamp_ms, value },
                ServerMessage::Feed { seq: seq_was, timestamp_ms: timestamp_was, value: was },
            ) => {
                assert_eq!((seq, timestamp_ms), (seq_was, timestamp_was));
                assert!((value - was).abs() <= was.abs() * 1e-12, "{value} was {was}");
            }
            (again, message) => assert_eq!(again, message),
        }
    }
}

#[cfg(test)]
pub(super) mod strategies {
    //! Arbitrary messages, for the codecs' round trips.

    use proptest::prelude::*;

    use super::super::{ClientMessage, Content, Post, Reaction, ServerMessage};

    fn name() -> impl Strategy<Value = std::borrow::Cow<'static, str>> {
        // Around the lengths from which formats write longer ones: 24, 32, 128 and 256 bytes.
        prop_oneof![".{0,20}", "[a-z]{20,35}", "[a-z]{120,140}", "[a-z]{250,260}"]
            .prop_map(Into::into)
    }

    fn content() -> impl Strategy<Value = Content<'static>> {
        prop_oneof![
            any::<String>().prop_map(|text| Content::Text(text.into())),
            proptest::collection::vec(any::<u8>(), 0..100)
                .prop_map(|bytes| Content::Binary(bytes.into())),
            post().prop_map(|post| Content::Post(post.into())),
        ]
    }

    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![any::<u64>(), 0..3_u64, Just(u64::MAX)]
    }

    fn post() -> impl Strategy<Value = Post<'static>> {
        let reaction =
            || (name(), any::<u32>()).prop_map(|(emoji, count)| Reaction { emoji, count });
        let most = Post::MAX_REACTIONS;
        let reactions = prop_oneof![
            proptest::collection::vec(reaction(), 0..4),
            proptest::collection::vec(reaction(), most..=most),
        ];
        let numbers = (number(), number(), proptest::option::of(number()));
        (numbers, name(), any::<bool>(), reactions, any::<String>()).prop_map(
            |((id, sent_ms, reply_to), author, edited, reactions, text)| {
                let text = text.into();
                Post { id, author, sent_ms, reply_to, edited, reactions, text }
            },
        )
    }

    pub(in super::super) fn client() -> impl Strategy<Value = ClientMessage<'static>> {
        prop_oneof![
            (name(), name()).prop_map(|(room, username)| ClientMessage::Join { room, username }),
            name().prop_map(|room| ClientMessage::Leave { room }),
            (name(), content())
                .prop_map(|(room, content)| ClientMessage::Message { room, content }),
            Just(ClientMessage::Ping),
        ]
    }

    pub(in super::super) fn server() -> impl Strategy<Value = ServerMessage<'static>> {
        prop_oneof![
            name().prop_map(|room| ServerMessage::Joined { room }),
            name().prop_map(|room| ServerMessage::Left { room }),
            (name(), name(), content(), number()).prop_map(
                |(room, username, content, timestamp_ms)| ServerMessage::Message {
                    room,
                    username,
                    content,
                    timestamp_ms
                }
            ),
            Just(ServerMessage::Pong),
            name().prop_map(|reason| ServerMessage::Error { reason }),
            // Eighths are exact in every codec.
            (number(), number(), any::<i32>()).prop_map(|(seq, timestamp_ms, eighths)| {
                ServerMessage::Feed { seq, timestamp_ms, value: f64::from(eighths) / 8.0 }
            }),
        ]
    }
}
