//! Conversations byte for byte, as mosquitto and RabbitMQ have them.

mod alive;
mod options;
mod parsing;
mod refusals;
mod stream;
mod writing;

use std::rc::Rc;
use std::sync::Arc;

use tokio_tungstenite::tungstenite::Message;

use super::{Options, Talk};
use crate::metric::{ErrorKind, Step};
use crate::protocol::scope::{Person, RoomName, Row};
use crate::protocol::{Failure, Incoming, Outgoing, Taker};

const ROOM: RoomName<'static> = RoomName { name: "r1", n: 1 };

fn options(params: &[(&str, &str)]) -> Options {
    let params: Vec<(String, String)> =
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Options::from_params(&params).unwrap()
}

fn talk(params: &[(&str, &str)]) -> Talk {
    let columns: Arc<[String]> = Arc::new(["name".to_owned()]);
    let user = Some(Row { columns, values: vec!["ann".to_owned()] });
    let person = Person { client: 7, run: "r0".into(), user, last_id: 0, setting: Arc::default() };
    Talk::new(&Arc::new(options(params)), Rc::new(person))
}

/// Queued packets in hex, one after the other.
fn sent(talk: &mut Talk) -> String {
    let packets = std::iter::from_fn(|| talk.out.pop_front()).map(|frame| match frame {
        Message::Binary(bytes) => hex(&bytes),
        other => panic!("{other:?} is no binary frame"),
    });
    packets.collect::<Vec<_>>().join(" | ")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hex digits, with text in quotes between them.
fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, part) in text.split('\'').enumerate() {
        if at % 2 == 1 {
            out.extend_from_slice(part.as_bytes());
            continue;
        }
        let digits: String = part.split_whitespace().collect();
        out.extend(
            (0..digits.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()),
        );
    }
    out
}

fn heard(talk: &mut Talk, text: &str) -> Incoming<'static> {
    match talk.read(&bytes(text), false, 0) {
        Incoming::Data => Incoming::Data,
        Incoming::Rejected(id, why) => Incoming::Rejected(id, why.into_owned().into()),
        Incoming::Error(text) => Incoming::Error(text.into_owned().into()),
        Incoming::Failed(failure) => Incoming::Failed(failure),
        Incoming::Open => Incoming::Open,
        Incoming::Resumed => Incoming::Resumed,
        Incoming::Joined(at) => Incoming::Joined(at),
        Incoming::Left(at) => Incoming::Left(at),
        Incoming::Acked(id) => Incoming::Acked(id),
        Incoming::Heartbeat => Incoming::Heartbeat,
        other => panic!("{other:?}"),
    }
}

fn failed(talk: &mut Talk, text: &str) -> Failure {
    match heard(talk, text) {
        Incoming::Failed(failure) => failure,
        other => panic!("{other:?} is no failure"),
    }
}

fn message(payload: &str) -> Outgoing<'_> {
    Outgoing { payload, binary: false, structured: false, seq: 0, now_ms: 0 }
}

/// Connected, and nothing queued.
fn open(params: &[(&str, &str)]) -> Talk {
    let mut talk = talk(params);
    talk.begin(false, 0);
    sent(&mut talk);
    let is_5 = params.contains(&("version", "5"));
    let connack = if is_5 { "20 09 00 00 06 22000a 210014" } else { "20 02 00 00" };
    assert_eq!(heard(&mut talk, connack), Incoming::Open);
    talk
}

#[test]
fn a_conversation_in_3_1_1_is_byte_for_byte() {
    let mut talk = talk(&[("client_id", "cliA")]);
    assert_eq!(talk.begin(false, 0), Incoming::Step);
    assert_eq!(sent(&mut talk), hex(&bytes("10 10 0004 'MQTT' 04 02 003c 0004 'cliA'")));
    assert_eq!(talk.awaited(), [(Taker::Connect(0), "CONNACK".to_owned())]);
    assert_eq!(heard(&mut talk, "20 02 00 00"), Incoming::Open);
    assert_eq!(talk.taker, Taker::Connect(0));

    talk.join(3, ROOM, 0).unwrap();
    assert_eq!(sent(&mut talk), hex(&bytes("82 07 0001 0002 'r1' 00")));
    assert_eq!(talk.awaited(), [(Taker::Join(3), "SUBACK for topic r1".to_owned())]);
    assert_eq!(heard(&mut talk, "90 03 0001 00"), Incoming::Joined(3));

    assert_eq!(talk.publish(ROOM, message("hi")), Ok(None));
    assert_eq!(sent(&mut talk), hex(&bytes("30 06 0002 'r1' 'hi'")));
    assert_eq!(heard(&mut talk, "30 06 0002 'r1' 'hi'"), Incoming::Data);
    assert_eq!((talk.taker, sent(&mut talk)), (Taker::Delivery, String::new()));

    assert_eq!(talk.leave(3, ROOM, 0), Ok(true));
    assert_eq!(sent(&mut talk), hex(&bytes("a2 06 0002 0002 'r1'")));
    assert_eq!(talk.awaited(), [(Taker::Leave(3), "UNSUBACK for topic r1".to_owned())]);
    assert_eq!(heard(&mut talk, "b0 02 0002"), Incoming::Left(3));
    assert_eq!(talk.goodbye(), 1000);
    assert_eq!(sent(&mut talk), "e000");
}

#[test]
fn a_conversation_in_5_is_byte_for_byte() {
    let mut talk = talk(&[("version", "5"), ("qos", "1"), ("client_id", "cliA")]);
    talk.begin(false, 0);
    assert_eq!(sent(&mut talk), hex(&bytes("10 11 0004 'MQTT' 05 02 003c 00 0004 'cliA'")));
    assert_eq!(heard(&mut talk, "20 09 00 00 06 22000a 210014"), Incoming::Open);

    talk.join(0, ROOM, 0).unwrap();
    assert_eq!(sent(&mut talk), hex(&bytes("82 08 0001 00 0002 'r1' 01")));
    assert_eq!(heard(&mut talk, "90 04 0001 00 01"), Incoming::Joined(0));

    assert_eq!(talk.publish(ROOM, message("q1")), Ok(Some(1)));
    assert_eq!(sent(&mut talk), hex(&bytes("32 09 0002 'r1' 0002 00 'q1'")));
    assert_eq!(heard(&mut talk, "32 09 0002 'r1' 0001 00 'q1'"), Incoming::Data);
    assert_eq!(sent(&mut talk), "40020001");
    assert_eq!(heard(&mut talk, "40 02 0002"), Incoming::Acked(1));
    assert_eq!(talk.taker, Taker::Ack);

    talk.leave(0, ROOM, 0).unwrap();
    assert_eq!(sent(&mut talk), hex(&bytes("a2 07 0003 00 0002 'r1'")));
    assert_eq!(heard(&mut talk, "b0 04 0003 00 11"), Incoming::Left(0));
    talk.goodbye();
    assert_eq!(sent(&mut talk), "e000");
}

#[test]
fn a_publish_of_qos_1_is_byte_for_byte_in_3_1_1_and_a_copy_is_answered_as_well() {
    let mut talk = open(&[("qos", "1")]);
    assert_eq!(talk.publish(ROOM, message("q1")), Ok(Some(1)));
    assert_eq!(sent(&mut talk), hex(&bytes("32 08 0002 'r1' 0001 'q1'")));
    assert_eq!(heard(&mut talk, "40 02 0001"), Incoming::Acked(1));
    for flags in ["32", "3a"] {
        let delivery = format!("{flags} 08 0002 'r1' 0007 'q1'");
        assert_eq!(heard(&mut talk, &delivery), Incoming::Data);
        assert_eq!(sent(&mut talk), "40020007");
    }
}

#[test]
fn a_long_payload_has_a_remaining_length_of_two_bytes() {
    let mut talk = open(&[]);
    talk.publish(ROOM, message(&"x".repeat(124))).unwrap();
    talk.publish(ROOM, message(&"x".repeat(123))).unwrap();
    let sent = sent(&mut talk);
    let (two, one) = sent.split_once(" | ").unwrap();
    assert!(two.starts_with("30800100027231"), "{two}");
    assert!(one.starts_with("307f00027231"), "{one}");
}

#[test]
fn who_one_is_comes_from_templates() {
    let mut talk = talk(&[
        ("username", "{{ user.name }}"),
        ("password", "pw"),
        ("client_id", "c{{ client }}"),
        ("topic", "chat/{{ room }}"),
        ("version", "5"),
        ("session_expiry", "300"),
        ("clean_start", "false"),
    ]);
    talk.begin(false, 0);
    let connect = "10 1d 0004 'MQTT' 05 c0 003c 05 110000012c 0002 'c7' 0003 'ann' 0002 'pw'";
    assert_eq!(sent(&mut talk), hex(&bytes(connect)));
    heard(&mut talk, "20 03 00 00 00");
    talk.join(0, ROOM, 0).unwrap();
    assert_eq!(sent(&mut talk), hex(&bytes("82 0d 0001 00 0007 'chat/r1' 00")));
}

#[test]
fn a_session_that_is_still_there_resumes_only_whoever_was_joined_before() {
    for version in ["3.1.1", "5"] {
        let tail = if version == "5" { "3 0100 00" } else { "2 0100" };
        for (back, expected) in [(true, Incoming::Resumed), (false, Incoming::Open)] {
            let mut talk = talk(&[("clean_start", "false"), ("version", version)]);
            talk.begin(back, 0);
            assert_eq!(heard(&mut talk, &format!("20 0{tail}")), expected);
        }
        let mut talk = talk(&[("clean_start", "false"), ("version", version)]);
        talk.begin(true, 0);
        assert_eq!(heard(&mut talk, &format!("20 0{}", tail.replace("01", "00"))), Incoming::Open);
    }
}

#[test]
fn publishes_wait_where_the_server_takes_no_more_at_once() {
    let mut talk = talk(&[("version", "5"), ("qos", "1")]);
    talk.begin(false, 0);
    // Receive Maximum 2.
    heard(&mut talk, "20 06 00 00 03 210002");
    talk.publish(ROOM, message("a")).unwrap();
    assert!(talk.can_publish(1) && !talk.can_publish(2));
    talk.publish(ROOM, message("b")).unwrap();
    assert!(!talk.can_publish(1));
    assert_eq!(talk.publish(ROOM, message("c")).unwrap_err().kind, ErrorKind::LocalLimit);
    heard(&mut talk, "40 02 0001");
    assert!(talk.can_publish(1));
    // What the server never takes is not waited for: it is tried, and fails.
    assert!(!talk.can_publish(3));
    heard(&mut talk, "40 02 0002");
    assert!(talk.can_publish(3));
}

#[test]
fn a_packet_identifier_is_used_again_only_when_it_is_free() {
    let mut talk = open(&[("qos", "1")]);
    talk.join(0, ROOM, 0).unwrap();
    for id in 1..=65_534 {
        assert_eq!(talk.publish(ROOM, message("")), Ok(Some(id)));
    }
    // 1 is the SUBSCRIBE's.
    assert!(!talk.can_publish(1));
    assert!(talk.join(1, RoomName { name: "r2", n: 2 }, 0).is_err());
    assert_eq!(heard(&mut talk, "40 02 0009"), Incoming::Acked(8));
    sent(&mut talk);
    assert_eq!(talk.publish(ROOM, message("")), Ok(Some(65_535)));
    assert_eq!(sent(&mut talk), hex(&bytes("32 06 0002 'r1' 0009")));
    assert_eq!(heard(&mut talk, "90 03 0001 01"), Incoming::Joined(0));
    talk.publish(ROOM, message("")).unwrap();
    assert_eq!(sent(&mut talk), hex(&bytes("32 06 0002 'r1' 0001")));
}

#[test]
fn packets_are_described_without_a_password() {
    for (packet, text) in [
        ("10 10 0004 'MQTT' 04 02 003c 0004 'cliA'", "CONNECT"),
        ("20 02 00 00", "CONNACK"),
        (
            "3b 08 0002 'r1' 0007 'q1'",
            "PUBLISH to r1, QoS 1, packet 7, again (DUP), retained, 10 bytes",
        ),
        ("30 06 0002 'r1' 'hi'", "PUBLISH to r1, QoS 0, 8 bytes"),
        ("82 07 0001 0002 'r1' 00", "SUBSCRIBE, packet 1"),
        ("90 03 0001 00", "SUBACK, packet 1"),
        ("c0 00", "PINGREQ"),
        ("30", "no whole packet"),
    ] {
        assert_eq!(super::describe(&bytes(packet)), text);
    }
}
