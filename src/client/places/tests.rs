//! No place leaks, none is freed twice, and who stands still is found out.

use proptest::prelude::*;

use super::*;

const S: u64 = 1_000_000;

fn message(seq: u32) -> MessageId {
    MessageId { room: 0, publisher: 0, seq }
}

/// Writes a message that was just scheduled.
fn write(places: &mut Places, seq: u32, at_us: u64) {
    places.schedule();
    places.written(message(seq), at_us);
}

#[test]
fn each_message_has_its_own_deadline_and_a_late_answer_frees_nothing() {
    let mut places = Places::new(2, 10 * S);
    write(&mut places, 0, 0);
    write(&mut places, 1, 3 * S);
    assert_eq!((places.free(), places.deadline_us()), (0, Some(10 * S)));
    // The one behind it is answered again and again: the first one's deadline stands.
    assert_eq!(places.answered(message(1), 4 * S), Some(3 * S));
    write(&mut places, 2, 9 * S);
    assert_eq!((places.expire(10 * S - 1), places.expire(10 * S)), (0, 1));
    assert_eq!(places.free(), 1);
    assert_eq!(places.answered(message(0), 10 * S + 1), None, "too late");
    assert_eq!(places.free(), 1);
    assert_eq!(places.answered(message(2), 11 * S), Some(9 * S));
    assert_eq!(places.answered(message(2), 11 * S), None, "a copy");
    assert_eq!((places.free(), places.deadline_us()), (2, None));
}

#[test]
fn an_end_of_the_connection_frees_what_was_written_and_nothing_else() {
    let mut places = Places::new(3, 10 * S);
    write(&mut places, 0, 0);
    write(&mut places, 1, 0);
    places.schedule();
    assert_eq!(places.free(), 0);
    places.disconnected(S, S);
    assert_eq!(places.free(), 2, "one waits");
    places.drop_scheduled();
    assert_eq!(places.free(), 3);
}

/// Ten seconds of one client with one place.
fn ten_seconds(answers: impl Fn(u64) -> Option<u64>) -> Places {
    let mut places = Places::new(1, 2 * S);
    places.joined(0);
    let (mut now_us, mut seq) = (0, 0);
    while now_us < 10 * S {
        write(&mut places, seq, now_us);
        match answers(now_us) {
            Some(after_us) => {
                now_us += after_us;
                if now_us < 10 * S {
                    places.answered(message(seq), now_us).unwrap();
                }
            }
            None => {
                now_us += 2 * S;
                assert!(now_us >= 10 * S || places.expire(now_us) == 1);
            }
        }
        seq += 1;
    }
    places.disconnected(10 * S, S);
    places
}

#[test]
fn who_waits_for_answers_that_never_come_for_more_than_half_of_its_time_stood_still() {
    let still = |places: Places| (places.still.still_us / S, places.stood_still());
    assert_eq!(still(ten_seconds(|_| Some(S / 10))), (0, false));
    assert_eq!(still(ten_seconds(|_| Some(19 * S / 10))), (0, false), "slow is not still");
    assert_eq!(still(ten_seconds(|_| None)), (10, true));
    assert_eq!(still(ten_seconds(|now_us| (now_us < 6 * S).then_some(S / 10))), (4, false));
    assert_eq!(still(ten_seconds(|now_us| (now_us < 4 * S).then_some(S / 10))), (6, true));
}

#[test]
fn one_place_that_moves_is_enough_not_to_stand_still() {
    let mut places = Places::new(2, 2 * S);
    places.joined(0);
    write(&mut places, 0, 0);
    for n in 0..19 {
        let at_us = u64::from(n) * S / 10;
        write(&mut places, n + 1, at_us);
        places.answered(message(n + 1), at_us + S / 10).unwrap();
    }
    assert_eq!(places.expire(2 * S), 1);
    places.disconnected(2 * S, S);
    assert_eq!((places.still.still_us, places.stood_still()), (0, false));
}

#[test]
fn what_was_on_its_way_when_the_client_left_is_held_against_nobody() {
    let mut places = Places::new(1, 10 * S);
    places.joined(0);
    write(&mut places, 0, 0);
    places.disconnected(S - 1, S);
    assert!(!places.stood_still());
    // Longer than anybody waits for an answer here is something else.
    places.joined(2 * S);
    write(&mut places, 1, 2 * S);
    places.disconnected(5 * S, S);
    assert!(places.stood_still());
}

#[test]
fn the_drain_is_no_time_to_stand_still_in() {
    let mut places = Places::new(1, 10 * S);
    places.joined(0);
    for n in 0..10 {
        write(&mut places, n, u64::from(n) * S);
        places.answered(message(n), u64::from(n + 1) * S).unwrap();
    }
    write(&mut places, 10, 10 * S);
    // The schedule ended with 11 s, and the drain went on for 30.
    places.load_ended(11 * S);
    places.disconnected(41 * S, S);
    assert_eq!((places.still.still_us, places.still.joined_us), (S, 11 * S));
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Fill,
    Release,
    Skip,
    Answer(usize),
    Late(usize),
    Wait(u64),
    Part,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        1 => Just(Op::Fill),
        4 => Just(Op::Release),
        1 => Just(Op::Skip),
        3 => (0_usize..8).prop_map(Op::Answer),
        1 => (0_usize..64).prop_map(Op::Late),
        2 => (1..3 * S).prop_map(Op::Wait),
        1 => Just(Op::Part),
    ]
}

proptest! {
    /// Whatever happens, places in use are messages that are scheduled, held or unanswered, and as
    /// many as there are can always be filled.
    #[test]
    fn no_place_leaks(size in 1_u32..9, ops in proptest::collection::vec(op(), 1..200)) {
        let mut places = Places::new(size, 2 * S);
        let (mut scheduled, mut on_their_way, mut gone) = (0_u32, Vec::<(u32, u64)>::new(), Vec::new());
        let (mut now_us, mut seq) = (0, 0);
        places.joined(0);
        for op in ops {
            match op {
                Op::Fill => {
                    for _ in 0..places.free() {
                        places.schedule();
                        scheduled += 1;
                    }
                    prop_assert_eq!(places.free(), 0);
                }
                Op::Release if scheduled > 0 => {
                    scheduled -= 1;
                    places.written(message(seq), now_us);
                    on_their_way.push((seq, now_us));
                    seq += 1;
                }
                Op::Skip if scheduled > 0 => {
                    scheduled -= 1;
                    places.drop_scheduled();
                }
                Op::Answer(at) if !on_their_way.is_empty() => {
                    let (seq, at_us) = on_their_way.remove(at % on_their_way.len());
                    prop_assert_eq!(places.answered(message(seq), now_us), Some(at_us));
                    gone.push(seq);
                }
                Op::Late(at) if !gone.is_empty() => {
                    prop_assert_eq!(places.answered(message(gone[at % gone.len()]), now_us), None);
                }
                Op::Wait(us) => {
                    now_us += us;
                    let kept = |(_, at_us): &(u32, u64)| *at_us + 2 * S > now_us;
                    let before = on_their_way.len();
                    gone.extend(on_their_way.iter().filter(|of| !kept(of)).map(|(seq, _)| *seq));
                    on_their_way.retain(kept);
                    prop_assert_eq!(places.expire(now_us) as usize, before - on_their_way.len());
                }
                Op::Part => {
                    places.disconnected(now_us, S);
                    gone.extend(on_their_way.drain(..).map(|(seq, _)| seq));
                    places.joined(now_us);
                }
                _ => {}
            }
            prop_assert_eq!(places.free(), size - scheduled - on_their_way.len() as u32);
            prop_assert!(places.still.stretches.len() <= size as usize + 1);
        }
        places.disconnected(now_us, S);
        prop_assert!(places.still.still_us <= places.still.joined_us);
    }
}
