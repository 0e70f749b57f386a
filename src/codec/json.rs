//! The JSON codec: text frames with one object each, the maps of [`tagged`](super::tagged). It
//! defers bytes to the binary codec and nothing else.

use std::cell::RefCell;

use serde::Serialize;
use serde::de::IgnoredAny;
use tokio_tungstenite::tungstenite::Message;

use super::binary::Binary;
use super::tagged::{ClientOut, In, ServerOut};
use super::{ClientMessage, Codec, Content, DecodeError, ERROR_CHARS, ServerMessage};

/// Objects tagged by `type`, in text frames; bytes go as the binary codec has them.
pub(super) struct Json;

impl Codec for Json {
    fn encode_client(&self, message: &ClientMessage<'_>) -> Message {
        match message {
            ClientMessage::Message { content: Content::Binary(_), .. } => {
                Binary.encode_client(message)
            }
            _ => text(&ClientOut::of(message)),
        }
    }

    fn decode_client<'a>(&self, frame: &'a Message) -> Result<ClientMessage<'a>, DecodeError> {
        match frame {
            Message::Text(text) => parse(text)?.client(),
            _ => Binary.decode_client(frame),
        }
    }

    fn encode_server(&self, message: &ServerMessage<'_>) -> Message {
        match message {
            ServerMessage::Message { content: Content::Binary(_), .. } => {
                Binary.encode_server(message)
            }
            _ => text(&ServerOut::of(message)),
        }
    }

    fn decode_server<'a>(&self, frame: &'a Message) -> Result<ServerMessage<'a>, DecodeError> {
        match frame {
            Message::Text(text) => parse(text)?.server(),
            _ => Binary.decode_server(frame),
        }
    }
}

#[inline]
fn parse(text: &str) -> Result<In<'_>, DecodeError> {
    // A derived struct also reads an array, field by field; only objects are messages.
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        return Err(match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => DecodeError::Json("not an object".to_owned()),
            Err(error) => malformed(&error),
        });
    }
    serde_json::from_str(text).map_err(|error| malformed(&error))
}

fn malformed(error: &serde_json::Error) -> DecodeError {
    DecodeError::Json(error.to_string().chars().take(ERROR_CHARS).collect())
}

fn text(out: &impl Serialize) -> Message {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.clear();
        // Strings, integers and doubles under string keys: none of them can fail, and a `Vec` takes
        // every byte.
        serde_json::to_writer(&mut *scratch, out).expect("an object of our own always serialises");
        Message::text(std::str::from_utf8(scratch).expect("JSON is UTF-8"))
    })
}

thread_local! {
    // A frame's memory is of its exact size: what has room left costs one more allocation when it is
    // made a `Message`, and growing to a size that is not known beforehand another one or two. As
    // large as the longest message that a thread ever wrote.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::super::CodecKind;
    use super::*;

    #[test]
    fn client_messages_have_this_text() {
        let cases = [
            (
                ClientMessage::Join { room: "r1".into(), username: "al".into() },
                r#"{"type":"Join","room":"r1","username":"al"}"#,
            ),
            (ClientMessage::Leave { room: "r1".into() }, r#"{"type":"Leave","room":"r1"}"#),
            (
                ClientMessage::Message {
                    room: "r1".into(),
                    content: Content::Text("a\"b\n".into()),
                },
                r#"{"type":"Message","room":"r1","content":"a\"b\n"}"#,
            ),
            (ClientMessage::Ping, r#"{"type":"Ping"}"#),
        ];
        for (message, golden) in cases {
            assert_eq!(Json.encode_client(&message), Message::text(golden));
            assert_eq!(Json.decode_client(&Message::text(golden)), Ok(message));
        }
    }

    #[test]
    fn server_messages_have_this_text() {
        let cases = [
            (ServerMessage::Joined { room: "r1".into() }, r#"{"type":"Joined","room":"r1"}"#),
            (ServerMessage::Left { room: "r1".into() }, r#"{"type":"Left","room":"r1"}"#),
            (
                ServerMessage::Message {
                    room: "r1".into(),
                    username: "al".into(),
                    content: Content::Text("hi".into()),
                    timestamp_ms: 1_700_000_000_123,
                },
                r#"{"type":"Message","room":"r1","username":"al","content":"hi","timestamp":1700000000123}"#,
            ),
            (ServerMessage::Pong, r#"{"type":"Pong"}"#),
            (ServerMessage::Error { reason: "no".into() }, r#"{"type":"Error","reason":"no"}"#),
            (
                ServerMessage::Feed { seq: 7, timestamp_ms: 5, value: 0.5 },
                r#"{"seq":7,"timestamp_ms":5,"value":0.5}"#,
            ),
        ];
        for (message, golden) in cases {
            assert_eq!(Json.encode_server(&message), Message::text(golden));
            assert_eq!(Json.decode_server(&Message::text(golden)), Ok(message));
        }
    }

    #[test]
    fn bytes_go_as_the_binary_codec_has_them() {
        let message = ClientMessage::Message {
            room: "r".into(),
            content: Content::Binary(b"\xff"[..].into()),
        };
        let frame = Message::Binary(Bytes::from_static(b"\x05\x01r\xff"));
        assert_eq!(Json.encode_client(&message), frame);
        assert_eq!(Json.decode_client(&frame), Ok(message));
        let empty = Message::Binary(Bytes::new());
        assert_eq!(Json.decode_client(&empty), Err(DecodeError::Empty));
    }

    #[test]
    fn field_order_and_unknown_fields_do_not_matter() {
        let frame = Message::text(r#" {"extra":[{"a":[1]}],"room":"r","type":"Leave"} "#);
        assert_eq!(Json.decode_client(&frame), Ok(ClientMessage::Leave { room: "r".into() }));
    }

    #[test]
    fn what_is_no_message_says_why() {
        let decode = |text: &str| {
            Json.decode_client(&Message::text(text)).map(|_| ()).expect_err("no message")
        };
        assert_eq!(decode(r#"{"type":"Leave"}"#), DecodeError::Missing("room"));
        assert_eq!(decode(r#"{"room":"r"}"#), DecodeError::Missing("type"));
        assert_eq!(decode(r#"{"type":"Pong"}"#), DecodeError::UnknownName("Pong".to_owned()));
        assert_eq!(decode(r#"["Ping"]"#), DecodeError::Json("not an object".to_owned()));
        for text in ["", "{", "nonsense", r#"{"type":"Ping"}x"#, r#"{"type":1}"#] {
            assert!(matches!(decode(text), DecodeError::Json(_)), "{text}");
        }
        let long = format!(r#"{{"seq":"{}"}}"#, "x".repeat(10_000));
        assert!(matches!(decode(&long), DecodeError::Json(why) if why.len() == ERROR_CHARS));
    }

    #[test]
    fn decoding_borrows_where_nothing_is_escaped() {
        let frame = Message::text(r#"{"type":"Message","room":"r","content":"a\nb"}"#);
        let Ok(ClientMessage::Message { room, content: Content::Text(content) }) =
            Json.decode_client(&frame)
        else {
            panic!("no message");
        };
        assert!(matches!((room, content), (Cow::Borrowed("r"), Cow::Owned(_))));
    }

    proptest! {
        #[test]
        fn arbitrary_objects_never_panic(
            text in r#"\{("(type|room|content|seq|value)":("(Join|Ping|é)"|[0-9]{1,25}|null|\[\]|\{\}),?){0,4}\}"#
        ) {
            super::super::fuzz::frame(CodecKind::Json, text.as_bytes());
        }
    }
}
