//! Every message in every codec, byte by byte, so that no format changes by accident: servers in
//! other languages speak them too. And what is written comes back.

use proptest::prelude::*;
use tokio_tungstenite::tungstenite::Message;

use super::fuzz::strategies;
use super::{ClientMessage, CodecKind, Content, DecodeError, Post, Reaction, ServerMessage};
use crate::stamp::{self, Found, Stamp};

fn post() -> Post<'static> {
    Post {
        id: 300,
        author: "Ana".into(),
        sent_ms: 1_700_000_000_123,
        reply_to: Some(0),
        edited: true,
        reactions: vec![
            Reaction { emoji: "\u{1f44d}".into(), count: 1 },
            Reaction { emoji: "ok".into(), count: 70_000 },
        ],
        text: "a\"b\n".into(),
    }
}

fn contents() -> [(&'static str, Content<'static>); 4] {
    [
        ("text", Content::Text("h\u{e9}".into())),
        ("bytes", Content::Binary(b"\xff\0"[..].into())),
        ("post", Content::Post(post().into())),
        ("empty post", Content::Post(Box::default())),
    ]
}

fn client_messages() -> Vec<(String, ClientMessage<'static>)> {
    let mut messages = vec![
        ("Join".to_owned(), ClientMessage::Join { room: "r1".into(), username: "al".into() }),
        ("Leave".to_owned(), ClientMessage::Leave { room: "r1".into() }),
        ("Ping".to_owned(), ClientMessage::Ping),
    ];
    for (name, content) in contents() {
        let message = ClientMessage::Message { room: "r1".into(), content };
        messages.push((format!("Message, {name}"), message));
    }
    messages
}

fn server_messages() -> Vec<(String, ServerMessage<'static>)> {
    let feed = ServerMessage::Feed { seq: 1, timestamp_ms: 1_700_000_000_123, value: 0.5 };
    let mut messages = vec![
        ("Joined".to_owned(), ServerMessage::Joined { room: "r1".into() }),
        ("Left".to_owned(), ServerMessage::Left { room: "r1".into() }),
        ("Pong".to_owned(), ServerMessage::Pong),
        ("Error".to_owned(), ServerMessage::Error { reason: "no".into() }),
        ("Feed".to_owned(), feed),
    ];
    for (name, content) in contents() {
        let message = ServerMessage::Message {
            room: "r1".into(),
            username: "al".into(),
            content,
            timestamp_ms: 1_700_000_000_123,
        };
        messages.push((format!("Message, {name}"), message));
    }
    messages
}

/// A frame as text, or in hex with what can be read of it.
fn shown(frame: &Message) -> String {
    let bytes = match frame {
        Message::Text(text) => return format!("    {text}\n"),
        Message::Binary(bytes) => bytes,
        other => panic!("no codec writes {other:?}"),
    };
    bytes
        .chunks(24)
        .map(|line| {
            let hex: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
            let text = line.iter().map(|byte| match byte {
                0x20..0x7f => char::from(*byte),
                _ => '.',
            });
            format!("    {:71}  {}\n", hex.join(" "), text.collect::<String>())
        })
        .collect()
}

#[test]
fn each_message_has_these_bytes() {
    for kind in CodecKind::ALL {
        let codec = kind.codec();
        let mut page = String::new();
        for (name, message) in client_messages() {
            let frame = codec.encode_client(&message);
            page += &format!("client {name}\n{}", shown(&frame));
            assert_eq!(codec.decode_client(&frame), Ok(message));
        }
        for (name, message) in server_messages() {
            let frame = codec.encode_server(&message);
            page += &format!("server {name}\n{}", shown(&frame));
            assert_eq!(codec.decode_server(&frame), Ok(message));
        }
        insta::assert_snapshot!(kind.name(), page);
    }
}

/// What a receiver looks for stands in the frame of any codec as it was written.
#[test]
fn a_stamp_stands_in_every_frame_in_one_piece() {
    let stamp =
        Stamp { run: 1, publisher: 2, room: 3, seq: 4, due_us: 5, sent_us: 6, preflight: false };
    let mut payload = String::new();
    stamp::write_payload(&stamp, 10_000, &mut payload);
    let contents = [
        Content::Text(payload.as_str().into()),
        Content::Binary(payload.as_bytes().into()),
        Content::Post(Box::new(Post { text: payload.as_str().into(), ..post() })),
    ];
    for kind in CodecKind::ALL {
        for content in contents.clone() {
            let (room, username) = ("r".into(), "u".into());
            let message = ServerMessage::Message { room, username, content, timestamp_ms: 1 };
            let frame = kind.codec().encode_server(&message).into_data();
            let mut found = Vec::new();
            stamp::scan(&frame, |what| found.push(what));
            assert_eq!(found, [Found::Intact(stamp)], "{}", kind.name());
        }
    }
}

#[test]
fn other_frames_and_what_follows_a_message_are_refused() {
    for kind in CodecKind::ALL {
        let codec = kind.codec();
        assert_eq!(codec.decode_client(&Message::binary(&b""[..])), Err(DecodeError::Empty));
        if kind == CodecKind::Json {
            continue;
        }
        let text = Message::text(r#"{"type":"Ping"}"#);
        assert_eq!(codec.decode_client(&text), Err(DecodeError::WrongFrame("text")));
        for (name, message) in client_messages() {
            // What follows a message to the frame's end can't be told from it, and to Protocol
            // Buffers a field of an unknown number is none of ours.
            let ends = kind == CodecKind::Binary && name.starts_with("Message");
            if ends || kind == CodecKind::Protobuf {
                continue;
            }
            let mut bytes = codec.encode_client(&message).into_data().to_vec();
            for byte in [0x00, 0x91, 0xc0, 0xff] {
                bytes.push(byte);
                let frame = Message::binary(bytes.clone());
                let decoded = codec.decode_client(&frame);
                assert!(decoded.is_err(), "{} {name} and {byte:02x}: {decoded:?}", kind.name());
                bytes.pop();
            }
        }
    }
}

#[test]
fn a_feed_that_is_no_number_is_refused() {
    for kind in CodecKind::ALL.into_iter().filter(|kind| *kind != CodecKind::Json) {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let feed = ServerMessage::Feed { seq: 1, timestamp_ms: 2, value };
            let frame = kind.codec().encode_server(&feed);
            let decoded = kind.codec().decode_server(&frame);
            assert_eq!(decoded, Err(DecodeError::NotFinite("value")), "{}", kind.name());
        }
    }
}

#[test]
fn more_reactions_than_a_message_may_have_are_refused() {
    for kind in CodecKind::ALL {
        let reactions = vec![Reaction::default(); Post::MAX_REACTIONS + 1];
        let content = Content::Post(Box::new(Post { reactions, ..post() }));
        let message = ClientMessage::Message { room: "r".into(), content };
        let frame = kind.codec().encode_client(&message);
        let why = kind.codec().decode_client(&frame).expect_err("too many").to_string();
        // postcard's errors have no room for words.
        let said = kind == CodecKind::Postcard || why.contains(super::post::TOO_MANY_REACTIONS);
        assert!(said, "{}: {why}", kind.name());
        let reactions = vec![Reaction::default(); Post::MAX_REACTIONS];
        let content = Content::Post(Box::new(Post { reactions, ..post() }));
        let message = ClientMessage::Message { room: "r".into(), content };
        let frame = kind.codec().encode_client(&message);
        assert_eq!(kind.codec().decode_client(&frame).as_ref(), Ok(&message), "{}", kind.name());
    }
}

proptest! {
    #[test]
    fn client_messages_come_back_in_every_codec(message in strategies::client()) {
        for kind in CodecKind::ALL {
            let frame = kind.codec().encode_client(&message);
            let back = kind.codec().decode_client(&frame);
            prop_assert_eq!(back.as_ref(), Ok(&message));
        }
    }

    #[test]
    fn server_messages_come_back_in_every_codec(message in strategies::server()) {
        for kind in CodecKind::ALL {
            let frame = kind.codec().encode_server(&message);
            let back = kind.codec().decode_server(&frame);
            prop_assert_eq!(back.as_ref(), Ok(&message));
        }
    }
}
