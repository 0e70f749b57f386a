use super::super::tests::plan;
use super::*;

/// Of the plan's room 0 and the members in it.
fn members() -> (Members, Vec<u32>) {
    let plan = plan();
    let of_room = plan.rooms()[0].members.clone();
    (Members::new(plan, 2), of_room)
}

fn tell(members: &mut Members, client: u32, at_us: u64, change: MemberChange) {
    members.take(MemberEvent { client, at_us, change }, 0);
}

#[test]
fn a_stay_is_told_step_by_step() {
    let (mut members, of_room) = members();
    let (slot, client) = (1, of_room[1]);
    // What is told of a stay that never began changes nothing.
    tell(&mut members, client, 5, MemberChange::Joined { room: 0 });
    assert_eq!(members.stays(0, slot), []);
    tell(&mut members, client, 10, MemberChange::JoinWritten { room: 0 });
    tell(&mut members, client, 12, MemberChange::Joined { room: 0 });
    tell(&mut members, client, 20, MemberChange::LeaveWritten { room: 0 });
    tell(&mut members, client, 21, MemberChange::Left { room: 0 });
    tell(&mut members, client, 30, MemberChange::JoinWritten { room: 0 });
    tell(&mut members, client, 40, MemberChange::Gone);
    let first = Stay {
        joined_us: Some(12),
        leave_written_us: Some(20),
        left_us: Some(21),
        ..Stay::begin(10)
    };
    let second = Stay { member_before: true, gone_us: Some(40), ..Stay::begin(30) };
    assert_eq!(members.stays(0, slot), [first, second]);
    assert_eq!(members.stays(0, 0), [], "another member's");
}

#[test]
fn a_failure_ends_every_stay_that_goes_on_and_none_that_was_over() {
    let (mut members, _) = members();
    let plan = plan();
    // The first cohort's clients are in two rooms each.
    let client = 0;
    let [one, other] = plan.memberships(client) else { panic!("two rooms") };
    for at in [one, other] {
        tell(&mut members, client, 10, MemberChange::JoinWritten { room: at.room });
        tell(&mut members, client, 11, MemberChange::Joined { room: at.room });
    }
    tell(&mut members, client, 15, MemberChange::Left { room: one.room });
    tell(&mut members, client, 20, MemberChange::Failed { fault: Some(0) });
    // The first one counts.
    tell(&mut members, client, 25, MemberChange::Failed { fault: None });
    let failed = |at: &Membership| {
        let stay = members.stays(at.room, at.slot).last().unwrap();
        (stay.failed_us, stay.fault)
    };
    assert_eq!((failed(one), failed(other)), ((None, None), (Some(20), Some(0))));
    assert!(members.failed_within(client, 20..=24) && members.failed_within(client, 21..=25));
    assert!(!members.failed_within(client, 21..=24) && !members.failed_within(1, 0..=99));
}

#[test]
fn what_only_settled_messages_would_ask_for_is_forgotten() {
    let (mut members, of_room) = members();
    let (slot, client) = (0, of_room[0]);
    for at_us in [10, 20, 30] {
        tell(&mut members, client, at_us, MemberChange::JoinWritten { room: 0 });
        tell(&mut members, client, at_us + 5, MemberChange::Failed { fault: None });
    }
    let told = |members: &Members| -> Vec<u64> {
        members.stays(0, slot).iter().map(|stay| stay.join_written_us).collect()
    };
    assert_eq!(told(&members), [10, 20, 30]);
    // A message of 25 is still asked for: the stay before it tells of it.
    let change = MemberChange::JoinWritten { room: 0 };
    members.take(MemberEvent { client, at_us: 40, change }, 25);
    assert_eq!(told(&members), [20, 30, 40]);
    members.take(MemberEvent { client, at_us: 45, change: MemberChange::Gone }, 30);
    assert!(members.failed_within(client, 0..=15));
    let change = MemberChange::Failed { fault: None };
    members.take(MemberEvent { client, at_us: 50, change }, 30);
    assert!(!members.failed_within(client, 0..=29) && members.failed_within(client, 30..=35));
}

#[test]
fn a_worker_tells_of_every_nth_client_and_never_less_than_before() {
    let (mut members, _) = members();
    members.told(0, 50);
    members.told(1, 70);
    members.told(1, 60);
    // There is no such worker.
    members.told(2, 900);
    assert_eq!([0, 1, 2, 3].map(|client| members.heard_until(client)), [50, 70, 50, 70]);
    assert_eq!(members.told_most_us(), 70);
    assert_eq!(members.followed(), plan().client_count() as usize);
    assert!(members.follows(0));
}
