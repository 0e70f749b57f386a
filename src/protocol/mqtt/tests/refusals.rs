//! What is refused, by either side.

use super::*;

#[test]
fn a_refused_connect_and_a_refused_subscription_fail_with_their_reasons() {
    for (version, connack, reason) in [
        ("3.1.1", "20 02 00 05", "NotAuthorized (0x05)"),
        ("5", "20 03 00 87 00", "NotAuthorized (0x87)"),
        ("5", "20 0a 00 88 07 1f 0004 'soon'", "ServerUnavailable (0x88): soon"),
    ] {
        let mut talk = talk(&[("version", version)]);
        talk.begin(false, 0);
        let failure = failed(&mut talk, connack);
        assert_eq!((failure.step, failure.kind), (Step::Connect, ErrorKind::ServerError));
        assert_eq!(failure.text, format!("CONNACK refuses the client: {reason}"));
    }
    for (version, suback, reason) in
        [("3.1.1", "90 03 0001 80", "(0x80)"), ("5", "90 04 0001 00 87", "NotAuthorized (0x87)")]
    {
        let mut talk = open(&[("version", version)]);
        talk.join(0, ROOM, 0).unwrap();
        let failure = failed(&mut talk, suback);
        assert_eq!((failure.step, failure.kind), (Step::Join, ErrorKind::ServerError));
        assert!(failure.text.starts_with("SUBACK refuses topic r1: "), "{}", failure.text);
        assert!(failure.text.ends_with(reason), "{}", failure.text);
    }
}

#[test]
fn a_refused_publish_is_rejected_with_its_reason_and_one_that_nobody_hears_is_acked() {
    let mut talk = open(&[("version", "5"), ("qos", "1")]);
    talk.publish(ROOM, message("a")).unwrap();
    talk.publish(ROOM, message("b")).unwrap();
    let why = "PUBACK: QuotaExceeded (0x97)".into();
    assert_eq!(heard(&mut talk, "40 03 0002 97"), Incoming::Rejected(2, why));
    assert_eq!(heard(&mut talk, "40 03 0001 10"), Incoming::Acked(1));
    assert!(matches!(heard(&mut talk, "40 02 0001"), Incoming::Error(_)), "acked twice");
}

#[test]
fn a_room_whose_topic_would_hear_others_is_refused() {
    let mut talk = open(&[]);
    for name in ["a/#", "+", "", "a\0"] {
        let failure = talk.join(0, RoomName { name, n: 0 }, 0).unwrap_err();
        assert_eq!((failure.step, failure.kind), (Step::Join, ErrorKind::MissingValue));
    }
    assert_eq!(sent(&mut talk), "");
}

#[test]
fn a_server_that_hangs_up_says_why() {
    let mut talk = open(&[("version", "5")]);
    let failure = failed(&mut talk, "e0 01 8e");
    assert_eq!(failure.text, "the server sent DISCONNECT: SessionTakenOver (0x8e)");
    assert_eq!((failure.step, failure.kind), (Step::Active, ErrorKind::ServerError));
}

#[test]
fn a_server_without_qos_1_is_told_from_one_that_only_lacks_qos_2() {
    for (max, fails) in [("00", true), ("01", false)] {
        let mut talk = talk(&[("version", "5"), ("qos", "1")]);
        talk.begin(false, 0);
        let connack = heard(&mut talk, &format!("20 05 00 00 02 24{max}"));
        assert_eq!(matches!(connack, Incoming::Failed(_)), fails, "{connack:?}");
    }
}

#[test]
fn what_a_server_may_not_send_is_a_violation() {
    for packet in [
        "30 07 0002 'r1' 'hi'",
        "34 08 0002 'r1' 0001 'q1'",
        "36 08 0002 'r1' 0001 'q1'",
        "32 08 0002 'r1' 0000 'q1'",
        "32 02 0000",
        "30 04 0009 'r1'",
        "10 10 0004 'MQTT' 04 02 003c 0004 'cliA'",
        "c0 00",
        "d1 00",
        "d0 01 00",
        "e0 00",
        "20 02 00 00",
        "90 02 0001",
        "00 00",
    ] {
        let mut talk = open(&[]);
        let failure = failed(&mut talk, packet);
        assert_eq!(failure.kind, ErrorKind::ProtocolViolation, "{packet}: {}", failure.text);
    }
    let mut unheard = talk(&[]);
    unheard.begin(false, 0);
    assert_eq!(failed(&mut unheard, "d0 00").kind, ErrorKind::ProtocolViolation);
    let mut talk = open(&[]);
    assert!(matches!(talk.read(b"hi", true, 0), Incoming::Failed(_)), "a text frame");
}
