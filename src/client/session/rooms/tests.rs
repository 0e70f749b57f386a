use super::*;

const S: u64 = 1_000_000;

/// Rooms 10, 11 and 12.
fn rooms() -> Rooms {
    let at = |n| Membership { room: 10 + n, slot: n };
    Rooms::new(&[at(0), at(1), at(2)])
}

/// The client is in all of them.
fn joined() -> Rooms {
    let mut rooms = rooms();
    for at in 0..3 {
        rooms.enter(at, 5);
        rooms.entered(at, 9);
    }
    rooms
}

fn due(rooms: &Rooms, now_us: u64) -> Vec<usize> {
    (0..rooms.len()).filter(|at| rooms.is_due(*at, || now_us)).collect()
}

#[test]
fn a_room_is_joined_left_and_joined_again() {
    let mut rooms = rooms();
    assert_eq!((due(&rooms, 0), rooms.is_in_all()), (vec![0, 1, 2], false));
    assert_eq!(rooms.enter(1, 7), MemberChange::JoinWritten { room: 11 });
    assert_eq!((rooms.joins_since_us(1), rooms.is_joining(0)), (Some(7), false));
    assert_eq!(due(&rooms, 0), [0, 2]);
    assert_eq!(rooms.entered(1, 9), MemberChange::Joined { room: 11 });
    assert_eq!((rooms.is_in(1), rooms.joins_since_us(1)), (Some(11), None));
    assert_eq!(rooms.find(11).and_then(|room| room.joined_us), Some(9));
    assert_eq!(rooms.left(1, 10, S), None, "nobody asked for that");
    assert_eq!(rooms.leave(1, 20), MemberChange::LeaveWritten { room: 11 });
    assert_eq!(rooms.is_in(1), None);
    assert_eq!(rooms.left(1, 25, S), Some(MemberChange::Left { room: 11 }));
    assert_eq!(rooms.left(1, 26, S), None);
    assert_eq!((due(&rooms, S + 24), due(&rooms, S + 25)), (vec![0, 2], vec![0, 1, 2]));
}

#[test]
fn where_nothing_is_out_no_clock_is_read() {
    let rooms = joined();
    assert!(!rooms.is_due(0, || panic!("no clock")));
    assert!(rooms.is_in_all());
}

#[test]
fn what_a_close_leaves_is_what_was_joined_and_what_it_has_left_all_that_was_begun() {
    let mut rooms = joined();
    rooms.leave(1, 20);
    let ids = |changes: Vec<MemberChange>| -> Vec<u32> {
        let id = |change| match change {
            MemberChange::LeaveWritten { room } | MemberChange::Left { room } => room,
            other => panic!("{other:?}"),
        };
        changes.into_iter().map(id).collect()
    };
    assert_eq!(ids(rooms.leave_all().collect()), [10, 12]);
    assert_eq!(ids(rooms.left_all().collect()), [10, 11, 12]);
    rooms.left(1, 25, S);
    rooms.enter(1, 30);
    assert_eq!(ids(rooms.leave_all().collect()), [10, 11, 12]);
    rooms.all_out();
    assert_eq!((rooms.leave_all().count(), rooms.left_all().count()), (0, 0));
    assert_eq!(due(&rooms, 0), [0, 1, 2]);
}

#[test]
fn joins_and_leaves_are_answered_in_time_or_overdue() {
    let mut rooms = joined();
    assert_eq!((rooms.overdue(u64::MAX, 100), rooms.deadline_us(true, 100)), (None, None));
    rooms.leave(2, 50);
    assert_eq!(rooms.deadline_us(true, 100), Some(150));
    assert_eq!(rooms.overdue(149, 100), None);
    assert_eq!(rooms.overdue(150, 100), Some((12, Step::Leave)));
    rooms.enter(0, 20);
    assert_eq!(rooms.deadline_us(true, 100), Some(120));
    assert_eq!(rooms.overdue(150, 100), Some((10, Step::Join)));
    rooms.entered(0, 30);
    rooms.left(2, 60, 5);
    // It is time to come back, if rooms can be joined.
    assert_eq!((rooms.deadline_us(true, 100), rooms.deadline_us(false, 100)), (Some(65), None));
}

#[test]
fn a_message_goes_to_its_room_or_to_another_that_hears_it_instead() {
    let mut rooms = joined();
    for (room, nth, to, goes) in [
        (11, 1, Some(To::One), Some(11)),
        (11, 0, Some(To::One), Some(11)),
        (12, 2, Some(To::All), Some(12)),
        // A room of another set, which the client isn't in.
        (99, 0, Some(To::Set(1)), Some(99)),
    ] {
        assert_eq!(rooms.to_publish_to(room, nth, to), goes, "{room}");
    }
    rooms.leave(1, 20);
    assert_eq!(rooms.to_publish_to(11, 0, Some(To::One)), Some(10));
    assert_eq!(rooms.to_publish_to(11, 1, Some(To::All)), None);
    assert!(rooms.can_speak());
    assert_eq!([0, 1, 2].map(|k| rooms.in_turn(k)), [Some(10), Some(12), Some(10)]);
    rooms.all_out();
    assert!(!rooms.can_speak() && rooms.in_turn(5).is_none());
    assert_eq!(rooms.to_publish_to(11, 0, Some(To::One)), None);
    assert!(Rooms::new(&[]).can_speak(), "without rooms it speaks to all");
}

#[test]
fn a_room_is_known_by_its_number_or_its_place() {
    let rooms = joined();
    assert_eq!((rooms.id(2), rooms.position(12), rooms.position(13)), (12, Some(2), None));
    assert_eq!(rooms.find(11).map(|room| room.slot), Some(1));
    assert!(rooms.find(13).is_none() && rooms.is_in(3).is_none());
}
