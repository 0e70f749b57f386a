//! Rooms: joining, leaving, who hears what in which order and codec, and what is refused.

use tokio_tungstenite::tungstenite::{Bytes, Message};
use uproar::codec::CodecKind::{Binary, Json};
use uproar::codec::{ClientMessage, CodecKind, Content, Post, ServerMessage};

use super::support::Server;

#[tokio::test]
async fn members_hear_each_other_and_themselves() {
    let server = Server::with_defaults().await;
    let mut alice = server.client(Json).await;
    let mut bob = server.client(Json).await;
    alice.join("r", "alice").await;
    bob.join("r", "bob").await;
    alice.publish("r", "hi").await;
    assert_eq!(alice.hear().await, "r alice: hi");
    assert_eq!(bob.hear().await, "r alice: hi");
    let stats = server.stop().await;
    assert_eq!((stats.connections_opened, stats.deliveries), (2, 2));
}

#[tokio::test]
async fn a_json_frame_is_what_is_documented() {
    let server = Server::with_defaults().await;
    let mut client = server.client(Json).await;
    client.send(Message::text(r#"{"type":"Join","room":"r","username":"u"}"#)).await;
    assert_eq!(client.frame().await, Message::text(r#"{"type":"Joined","room":"r"}"#));
    client.send(Message::text(r#"{"type":"Message","room":"r","content":"c"}"#)).await;
    let frame = client.frame().await.into_text().unwrap();
    let start = r#"{"type":"Message","room":"r","username":"u","content":"c","timestamp":"#;
    assert!(frame.starts_with(start), "{frame}");
}

#[tokio::test]
async fn joins_and_leaves_are_answered_also_when_repeated() {
    let server = Server::with_defaults().await;
    let mut client = server.client(Json).await;
    client.join("r", "first").await;
    client.join("r", "second").await;
    client.publish("r", "once").await;
    assert_eq!(client.hear().await, "r second: once");
    for _ in 0..2 {
        client.leave("r").await;
        assert_eq!(client.hear().await, "left r");
    }
    client.publish("r", "to nobody").await;
    client.ping().await;
    assert_eq!(server.metric("rooms").await, 0);
}

#[tokio::test]
async fn a_non_member_may_publish_with_the_name_of_its_latest_join() {
    let server = Server::with_defaults().await;
    let mut member = server.client(Json).await;
    let mut other = server.client(Json).await;
    member.join("r", "member").await;
    other.publish("r", "nameless").await;
    assert_eq!(member.hear().await, "r : nameless");
    other.join("elsewhere", "other").await;
    other.publish("r", "named").await;
    assert_eq!(member.hear().await, "r other: named");
    // A room that nobody is in: no one hears, and that is no error.
    other.publish("nowhere", "lost").await;
    other.ping().await;
}

#[tokio::test]
async fn nothing_of_a_room_comes_before_joined_or_after_left() {
    for codec in CodecKind::ALL {
        let server = Server::with_defaults().await;
        let mut talker = server.client(Json).await;
        let mut visitor = server.client(codec).await;
        for n in 0..50 {
            talker.publish("r", &format!("before {n}")).await;
            visitor.ask_to_join("r", "v").await;
            assert_eq!(visitor.hear().await, "joined r");
            talker.publish("r", "a").await;
            talker.ping().await;
            visitor.leave("r").await;
            assert_eq!(visitor.hear().await, "r : a");
            assert_eq!(visitor.hear().await, "left r");
        }
        talker.publish("r", "after").await;
        talker.ping().await;
        visitor.ping().await;
    }
}

#[tokio::test]
async fn codecs_mix_in_a_room() {
    let server = Server::with_defaults().await;
    let mut json = server.client(Json).await;
    let mut binary = server.client(Binary).await;
    json.join("r", "j").await;
    binary.join("r", "b").await;
    json.publish("r", "é\n").await;
    binary.publish("r", "\u{0}\"").await;
    for client in [&mut json, &mut binary] {
        let mut heard = [client.hear().await, client.hear().await];
        heard.sort();
        assert_eq!(heard, ["r b: \u{0}\"", "r j: é\n"]);
    }
}

#[tokio::test]
async fn bytes_reach_every_codec_as_the_same_binary_frame() {
    let server = Server::with_defaults().await;
    let mut json = server.client(Json).await;
    let mut binary = server.client(Binary).await;
    json.join("r", "j").await;
    binary.join("r", "b").await;
    for bytes in [&b"\xff\x00"[..], b""] {
        json.publish_bytes("r", bytes).await;
        let (one, other) = (json.frame().await, binary.frame().await);
        assert!(one.is_binary());
        assert_eq!(one, other);
    }
}

#[tokio::test]
async fn what_anybody_says_reaches_everyone_in_every_codec() {
    let server = Server::with_defaults().await;
    let mut people = Vec::new();
    for codec in CodecKind::ALL {
        let mut person = server.client(codec).await;
        person.join("r", codec.name()).await;
        people.push((codec, person));
    }
    let contents = [
        Content::Text("\u{e9}\n\"".into()),
        Content::Binary(b"\xff\0"[..].into()),
        Content::Post(Box::new(Post::example(42, 7, 1_700_000_000_123, "\u{1f389} \0"))),
    ];
    for author in 0..people.len() {
        for content in &contents {
            let message = ClientMessage::Message { room: "r".into(), content: content.clone() };
            people[author].1.say(&message).await;
            let username = people[author].0.name();
            for (codec, person) in &mut people {
                let frame = person.frame().await;
                let decoded = codec.codec().decode_server(&frame);
                let Ok(ServerMessage::Message { room, username: from, content: heard, .. }) =
                    decoded
                else {
                    panic!("{}: {decoded:?}", codec.name());
                };
                assert_eq!((room.as_ref(), from.as_ref()), ("r", username));
                assert_eq!(heard, *content, "{username} to {}", codec.name());
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_message_is_an_error_and_the_connection_lives() {
    let server = Server::with_defaults().await;
    let binary = |bytes: &'static [u8]| Message::Binary(Bytes::from_static(bytes));
    let everyone = [
        (binary(b""), "error: the frame is empty"),
        (binary(b"\x7f"), "error: unknown message type 0x7f"),
        (binary(b"\x01\xff"), "error: the frame ends inside the room"),
        (binary(b"\x04\x00"), "error: 1 bytes after the end of the message"),
    ];
    let only_json = [
        (
            Message::text("{"),
            "error: malformed JSON: EOF while parsing an object at line 1 column 1",
        ),
        (Message::text(r#"{"type":"Jion"}"#), r#"error: unknown message type "Jion""#),
        (
            Message::text(r#"{"type":"Join","room":"r"}"#),
            r#"error: the field "username" is missing"#,
        ),
    ];
    let only_binary = [(
        Message::text(r#"{"type":"Ping"}"#),
        "error: a text frame, which this codec doesn't use",
    )];
    for (codec, own) in [(Json, &only_json[..]), (Binary, &only_binary[..])] {
        let mut client = server.client(codec).await;
        for (frame, answer) in everyone.iter().chain(own) {
            client.send(frame.clone()).await;
            assert_eq!(client.hear().await, *answer);
        }
        client.ping().await;
    }
    assert_eq!(server.stop().await.errors_sent, 4 + 3 + 4 + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everyone_hears_the_same_order() {
    const TALKERS: usize = 4;
    const EACH: usize = 50;
    let server = Server::with_defaults().await;
    let mut listeners = Vec::new();
    for n in 0..6 {
        let mut listener = server.client(if n % 2 == 0 { Json } else { Binary }).await;
        listener.join("r", "listener").await;
        listeners.push(listener);
    }
    let mut talkers = tokio::task::JoinSet::new();
    for talker in 0..TALKERS {
        let mut client = server.client(Json).await;
        talkers.spawn(async move {
            for n in 0..EACH {
                client.publish("r", &format!("{talker} {n}")).await;
            }
            client.ping().await;
        });
    }
    let mut orders = Vec::new();
    for listener in &mut listeners {
        let mut order = Vec::new();
        for _ in 0..TALKERS * EACH {
            order.push(listener.hear().await);
        }
        orders.push(order);
    }
    while talkers.join_next().await.transpose().unwrap().is_some() {}
    for order in &orders {
        assert_eq!(order, &orders[0]);
    }
    for talker in 0..TALKERS {
        let start = format!("r : {talker} ");
        let own = orders[0].iter().filter_map(|text| text.strip_prefix(&start));
        assert!(own.eq((0..EACH).map(|n| n.to_string())));
    }
}

#[tokio::test]
async fn pipelined_requests_are_all_answered_in_order() {
    // Far more than the replies that may wait: the server must stop reading and go on.
    const PINGS: usize = 5_000;
    let server = Server::with_defaults().await;
    let mut client = server.client(Binary).await;
    use futures_util::SinkExt;
    let ping = Binary.codec().encode_client(&ClientMessage::Ping);
    for _ in 0..PINGS {
        client.socket.feed(ping.clone()).await.unwrap();
    }
    client.socket.flush().await.unwrap();
    for _ in 0..PINGS {
        assert_eq!(client.hear().await, "pong");
    }
}
