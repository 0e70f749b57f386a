//! The JSON codec: text frames, one object each. It defers bytes to the binary codec and nothing
//! else.
//!
//! Client: `{"type":"Join","room","username"}`, `Leave {room}`, `Message {room, content}`, `Ping`.
//! Server: `Joined {room}`, `Left {room}`, `Message {room, username, content, timestamp}`, `Pong`,
//! `Error {reason}`; `timestamp` is Unix time in ms. A feed's event is
//! `{"seq", "timestamp_ms", "value"}` without a `type`. Unknown fields are ignored.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::Message;

use super::binary::Binary;
use super::{ClientMessage, Codec, Content, DecodeError, ServerMessage};

/// Of an unknown type's name, as much goes into the error.
const QUOTED_CHARS: usize = 32;

/// serde quotes a whole string that stands in the wrong place; the answer to a peer must not.
const ERROR_CHARS: usize = 160;

/// Objects tagged by `type`, in text frames; bytes go as the binary codec has them.
pub(super) struct Json;

impl Codec for Json {
    fn encode_client(&self, message: &ClientMessage<'_>) -> Message {
        let out = match message {
            ClientMessage::Join { room, username } => ClientOut::Join { room, username },
            ClientMessage::Leave { room } => ClientOut::Leave { room },
            ClientMessage::Message { room, content: Content::Text(content) } => {
                ClientOut::Message { room, content }
            }
            ClientMessage::Message { content: Content::Binary(_), .. } => {
                return Binary.encode_client(message);
            }
            ClientMessage::Ping => ClientOut::Ping {},
        };
        text(&out)
    }

    fn decode_client<'a>(&self, frame: &'a Message) -> Result<ClientMessage<'a>, DecodeError> {
        let text = match frame {
            Message::Text(text) => text.as_str(),
            _ => return Binary.decode_client(frame),
        };
        let object: In<'a> = parse(text)?;
        match object.kind()? {
            "Join" => Ok(ClientMessage::Join {
                room: required(object.room, "room")?,
                username: required(object.username, "username")?,
            }),
            "Leave" => Ok(ClientMessage::Leave { room: required(object.room, "room")? }),
            "Message" => Ok(ClientMessage::Message {
                room: required(object.room, "room")?,
                content: Content::Text(required(object.content, "content")?),
            }),
            "Ping" => Ok(ClientMessage::Ping),
            other => Err(unknown(other)),
        }
    }

    fn encode_server(&self, message: &ServerMessage<'_>) -> Message {
        let out = match message {
            ServerMessage::Joined { room } => ServerOut::Joined { room },
            ServerMessage::Left { room } => ServerOut::Left { room },
            ServerMessage::Message {
                room,
                username,
                content: Content::Text(content),
                timestamp_ms,
            } => ServerOut::Message { room, username, content, timestamp: *timestamp_ms },
            ServerMessage::Message { content: Content::Binary(_), .. } => {
                return Binary.encode_server(message);
            }
            ServerMessage::Pong => ServerOut::Pong {},
            ServerMessage::Error { reason } => ServerOut::Error { reason },
            ServerMessage::Feed { seq, timestamp_ms, value } => {
                return text(&FeedOut { seq: *seq, timestamp_ms: *timestamp_ms, value: *value });
            }
        };
        text(&out)
    }

    fn decode_server<'a>(&self, frame: &'a Message) -> Result<ServerMessage<'a>, DecodeError> {
        let text = match frame {
            Message::Text(text) => text.as_str(),
            _ => return Binary.decode_server(frame),
        };
        let object: In<'a> = parse(text)?;
        if let (None, Some(seq)) = (&object.kind, object.seq) {
            return Ok(ServerMessage::Feed {
                seq,
                timestamp_ms: object.timestamp_ms.ok_or(DecodeError::Missing("timestamp_ms"))?,
                value: object.value.ok_or(DecodeError::Missing("value"))?,
            });
        }
        match object.kind()? {
            "Joined" => Ok(ServerMessage::Joined { room: required(object.room, "room")? }),
            "Left" => Ok(ServerMessage::Left { room: required(object.room, "room")? }),
            "Message" => Ok(ServerMessage::Message {
                room: required(object.room, "room")?,
                username: required(object.username, "username")?,
                content: Content::Text(required(object.content, "content")?),
                timestamp_ms: object.timestamp.ok_or(DecodeError::Missing("timestamp"))?,
            }),
            "Pong" => Ok(ServerMessage::Pong),
            "Error" => Ok(ServerMessage::Error { reason: required(object.reason, "reason")? }),
            other => Err(unknown(other)),
        }
    }
}

/// `Ping {}` rather than `Ping`: serde tags a unit variant of this kind only by way of an empty
/// struct, and the output is the same.
#[derive(Serialize)]
#[serde(tag = "type")]
enum ClientOut<'a> {
    Join { room: &'a str, username: &'a str },
    Leave { room: &'a str },
    Message { room: &'a str, content: &'a str },
    Ping {},
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum ServerOut<'a> {
    Joined { room: &'a str },
    Left { room: &'a str },
    Message { room: &'a str, username: &'a str, content: &'a str, timestamp: u64 },
    Pong {},
    Error { reason: &'a str },
}

#[derive(Serialize)]
struct FeedOut {
    seq: u64,
    timestamp_ms: u64,
    value: f64,
}

/// Every field of every message. One flat struct, because a tagged enum would make serde buffer
/// the whole object first: twice the time, and sixteen times an array's size in memory.
#[derive(Deserialize)]
struct In<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    room: Option<Text<'a>>,
    #[serde(borrow)]
    username: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<Text<'a>>,
    #[serde(borrow)]
    reason: Option<Text<'a>>,
    timestamp: Option<u64>,
    seq: Option<u64>,
    timestamp_ms: Option<u64>,
    value: Option<f64>,
}

impl In<'_> {
    fn kind(&self) -> Result<&str, DecodeError> {
        self.kind.as_ref().map(|text| text.0.as_ref()).ok_or(DecodeError::Missing("type"))
    }
}

/// Serde borrows into a `Cow` only where it is a field of its own, not inside an `Option`.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn parse<'a>(text: &'a str) -> Result<In<'a>, DecodeError> {
    // A derived struct also reads an array, field by field; only objects are messages.
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        return Err(match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => DecodeError::Json("not an object".to_owned()),
            Err(error) => malformed(&error),
        });
    }
    serde_json::from_str(text).map_err(|error| malformed(&error))
}

fn required<'a>(field: Option<Text<'a>>, name: &'static str) -> Result<Cow<'a, str>, DecodeError> {
    field.map(|text| text.0).ok_or(DecodeError::Missing(name))
}

fn unknown(name: &str) -> DecodeError {
    DecodeError::UnknownName(name.chars().take(QUOTED_CHARS).collect())
}

fn malformed(error: &serde_json::Error) -> DecodeError {
    DecodeError::Json(error.to_string().chars().take(ERROR_CHARS).collect())
}

fn text(out: &impl Serialize) -> Message {
    // Strings, integers and doubles under string keys: none of them can fail, and a `Vec` takes
    // every byte.
    let text = serde_json::to_string(out).expect("a flat object always serialises");
    Message::text(text)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::super::fuzz::strategies;
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
        fn client_messages_come_back(message in strategies::client()) {
            let frame = Json.encode_client(&message);
            prop_assert_eq!(Json.decode_client(&frame), Ok(message));
        }

        #[test]
        fn server_messages_come_back(message in strategies::server()) {
            let frame = Json.encode_server(&message);
            prop_assert_eq!(Json.decode_server(&frame), Ok(message));
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,200}") {
            super::super::fuzz::json(text.as_bytes());
        }

        #[test]
        fn arbitrary_objects_never_panic(
            text in r#"\{("(type|room|content|seq|value)":("(Join|Ping|é)"|[0-9]{1,25}|null|\[\]),?){0,4}\}"#
        ) {
            super::super::fuzz::json(text.as_bytes());
        }
    }
}
