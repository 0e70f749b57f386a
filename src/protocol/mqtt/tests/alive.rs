//! Keep alive, with instants given.

use super::*;

const S: u64 = 1_000_000;

#[test]
fn a_client_that_says_nothing_pings_before_its_keep_alive_is_over() {
    let mut talk = open(&[("keep_alive", "10")]);
    assert_eq!(talk.deadline_us(), Some(9 * S));
    assert_eq!(talk.tick(9 * S - 1), None);
    assert_eq!(talk.tick(9 * S), Some(Incoming::Heartbeat));
    assert_eq!((sent(&mut talk), talk.tick(9 * S)), ("c000".to_owned(), None));
    assert_eq!(talk.awaited(), [(Taker::Heartbeat, "PINGRESP".to_owned())]);
    assert_eq!(talk.read(&[0xd0, 0], false, 12 * S), Incoming::Heartbeat);
    assert_eq!((talk.taker, talk.awaited()), (Taker::Heartbeat, vec![]));
    // From the last packet sent, not from the answer.
    assert_eq!(talk.deadline_us(), Some(18 * S));
}

#[test]
fn whatever_is_sent_puts_the_ping_off() {
    let mut talk = open(&[("keep_alive", "10"), ("qos", "1")]);
    talk.join(0, ROOM, 5 * S).unwrap();
    assert_eq!(talk.deadline_us(), Some(14 * S));
    // A delivery is acknowledged.
    talk.read(&bytes("32 08 0002 'r1' 0007 'q1'"), false, 6 * S);
    assert_eq!(talk.deadline_us(), Some(15 * S));
    // The publish after it has no instant of its own: that of the latest packet heard stands in.
    talk.read(&bytes("30 06 0002 'r1' 'hi'"), false, 7 * S);
    assert_eq!(talk.deadline_us(), Some(15 * S));
    talk.publish(ROOM, message("hi")).unwrap();
    assert_eq!(talk.deadline_us(), Some(16 * S));
}

#[test]
fn a_ping_without_its_answer_loses_the_heartbeat_once() {
    for (keep_alive, timeout_s) in [("60", 10), ("4", 4)] {
        let mut talk = open(&[("keep_alive", keep_alive)]);
        let asked_us = talk.deadline_us().unwrap();
        talk.tick(asked_us);
        assert_eq!(talk.tick(asked_us + timeout_s * S - 1), None);
        let Some(Incoming::Failed(failure)) = talk.tick(asked_us + timeout_s * S) else {
            panic!("no failure");
        };
        assert_eq!((failure.step, failure.kind), (Step::Active, ErrorKind::HeartbeatLost));
        assert_eq!(talk.tick(u64::MAX), None);
    }
}

#[test]
fn whoever_could_not_read_for_a_while_waits_anew() {
    let mut talk = open(&[("keep_alive", "60")]);
    talk.tick(54 * S);
    talk.forgive(70 * S);
    assert_eq!(talk.deadline_us(), Some(80 * S));
}

#[test]
fn the_servers_keep_alive_takes_the_place_of_ours() {
    for (connack, deadline_us) in
        [("20 06 00 00 03 130014", Some(18 * S)), ("20 06 00 00 03 130000", None)]
    {
        let mut talk = talk(&[("version", "5")]);
        talk.begin(false, 0);
        heard(&mut talk, connack);
        assert_eq!(talk.deadline_us(), deadline_us);
    }
    assert_eq!(open(&[("keep_alive", "0")]).deadline_us(), None);
}

#[test]
fn a_connect_that_is_not_answered_times_out_once() {
    let mut talk = talk(&[]);
    talk.begin(false, 5 * S);
    assert_eq!(talk.deadline_us(), Some(15 * S));
    assert_eq!(talk.tick(15 * S - 1), None);
    let Some(Incoming::Failed(failure)) = talk.tick(15 * S) else { panic!("no failure") };
    assert_eq!((failure.step, failure.kind), (Step::Connect, ErrorKind::TimedOut));
    assert_eq!((talk.tick(16 * S), talk.deadline_us()), (None, None));
}
