use std::sync::Arc;

use super::super::Way;
use super::super::tests::plan;
use super::*;
use crate::measure::ledger::{Heard, MemberChange, MemberEvent, Published};
use crate::measure::slots::slots;

const S: u64 = 1_000_000;
const W: Window = Window { on_its_way_us: S, overtaken_us: 0 };
/// When the message was sent whose fate is asked for.
const SENT_US: u64 = 10 * S;

/// A message of client 0 in room 0, of which it is a member, and the next one.
struct World {
    plan: Arc<Plan>,
    members: Members,
    messages: OpenMessages,
    open: Open,
}

fn id(seq: u32) -> MessageId {
    MessageId { room: 0, publisher: 0, seq }
}

fn heard_by(slot: u32) -> Heard {
    let at_us = SENT_US + 9;
    Heard { slots: slots(&[slot]), sent_us: SENT_US, first_us: at_us, last_us: at_us }
}

/// Everybody is in.
fn world() -> World {
    let plan = plan();
    let mut members = Members::new(Arc::clone(&plan), 1);
    for client in 0..plan.client_count() {
        for room in plan.memberships(client).iter().map(|at| at.room) {
            for (at_us, change) in
                [(1, MemberChange::JoinWritten { room }), (2, MemberChange::Joined { room })]
            {
                members.take(MemberEvent { client, at_us, change }, 0);
            }
        }
    }
    let mut messages = OpenMessages::default();
    let sent = |seq| SENT_US + u64::from(seq);
    messages.publish(&[0, 1].map(|seq| Published {
        message: id(seq),
        due_us: S,
        sent_us: sent(seq),
    }));
    let (_, open) = messages.pop(SENT_US).unwrap();
    World { plan, members, messages, open }
}

/// What it comes to for the second member of the room.
fn fate_of(world: &World, until_us: Option<u64>) -> Fate {
    let World { plan, members, messages, open } = world;
    let client = plan.rooms()[0].members[1];
    let case = Case::new(plan, members, messages, (id(0), open), W);
    case.fate((1, client), W, until_us, &mut Skips::default()).0
}

#[test]
fn a_message_dies_with_its_author_where_it_was_alone() {
    for (failed_us, answer, heard, fate) in [
        (SENT_US, None, false, Fate::Uncertain),
        (SENT_US + S, None, false, Fate::Uncertain),
        (SENT_US + S + 1, None, false, Fate::Lost),
        (SENT_US - 1, None, false, Fate::Lost),
        // The server has it.
        (SENT_US + 5, Some(Answer::Acked), false, Fate::Lost),
        // So has another member.
        (SENT_US + 5, None, true, Fate::Lost),
        (SENT_US + 5, Some(Answer::Rejected), false, Fate::Refused),
    ] {
        let mut world = world();
        world.members.fail_unseen(0, failed_us);
        world.open.answer = answer;
        if heard {
            world.open.hear(&heard_by(2), Way::Live);
        }
        assert_eq!(fate_of(&world, None), fate, "{failed_us}, {answer:?}, {heard}");
    }
}

#[test]
fn near_the_end_a_later_one_that_was_heard_tells_that_it_was_passed_over() {
    for (until_us, later, fate) in [
        (Some(SENT_US + S), false, Fate::Unfinished),
        (Some(SENT_US + S), true, Fate::Lost),
        (Some(SENT_US + S + 1), false, Fate::Lost),
        (None, false, Fate::Lost),
    ] {
        let mut world = world();
        if later {
            world.messages.get_mut(id(1)).unwrap().hear(&heard_by(1), Way::Live);
        }
        assert_eq!(fate_of(&world, until_us), fate, "{until_us:?}, {later}");
    }
}

#[test]
fn who_heard_it_has_a_delivery_and_whom_it_is_not_for_has_none() {
    let mut world = world();
    world.open.hear(&heard_by(1), Way::Live);
    assert_eq!(fate_of(&world, None), Fate::Delivered);
    // The second cohort's messages are for everybody but their author.
    let plan = Arc::clone(&world.plan);
    let author = plan.rooms()[0].members.iter().copied().find(|of| plan.cohort_of(*of) == 1);
    let author = author.unwrap();
    let its_own = MessageId { publisher: author, ..id(0) };
    let slot = plan.rooms()[0].members.iter().position(|of| *of == author).unwrap() as u32;
    let World { plan, members, messages, open } = &world;
    let case = Case::new(plan, members, messages, (its_own, open), W);
    let mut skips = Skips::default();
    assert_eq!(case.fate((slot, author), W, None, &mut skips).0, Fate::NotMember);
}
