//! What the drain waits for, and how much it looks at.

use super::*;

#[test]
fn the_drain_waits_for_answers_and_replays_that_can_still_come() {
    let plan = plan();
    let mut coordinator = everyone_in(&plan);
    let members = plan.rooms()[0].members.len() as u32;
    say(&mut coordinator, 0, 6 * S, 6 * S);
    for slot in 0..members {
        hear(&mut coordinator, 0, slot, 6 * S, 6 * S + 5);
    }
    assert!(coordinator.settler.is_waiting(), "not acknowledged yet");
    let mut part = LedgerPart::default();
    part.answer(message(0), Answer::Acked);
    coordinator.settler.take(part);
    assert!(!coordinator.settler.is_waiting());

    // Nobody acknowledges on a connection that failed since.
    say(&mut coordinator, 1, 7 * S, 7 * S);
    for slot in 0..members {
        hear(&mut coordinator, 1, slot, 7 * S, 7 * S + 5);
    }
    assert!(coordinator.settler.is_waiting());
    coordinator.settler.members.fail_unseen(0, 8 * S);
    assert!(!coordinator.settler.is_waiting());

    // Who is away hears nothing; who is back may still hear it.
    let mut coordinator = everyone_in(&plan);
    let (slot, client) = (0, plan.rooms()[0].members[0]);
    assert_eq!(plan.relay(client).away, Away::Replayed);
    say(&mut coordinator, 0, 6 * S, 6 * S);
    let mut part = LedgerPart::default();
    part.answer(message(0), Answer::Acked);
    let failed = MemberChange::Failed { fault: None };
    part.member(MemberEvent { client, at_us: 5 * S, change: failed });
    for other in 1..members {
        part.hear(message(0), other, 6 * S, 6 * S + 5);
    }
    coordinator.settler.take(part);
    assert!(!coordinator.settler.is_waiting());
    let mut part = LedgerPart::default();
    part.member(MemberEvent {
        client,
        at_us: 8 * S,
        change: MemberChange::JoinWritten { room: 0 },
    });
    part.member(MemberEvent { client, at_us: 9 * S, change: MemberChange::Joined { room: 0 } });
    coordinator.settler.take(part);
    assert!(coordinator.settler.is_waiting());
    let mut part = LedgerPart::default();
    part.hear_replayed(message(0), slot, 6 * S, 9 * S);
    coordinator.settler.take(part);
    assert!(!coordinator.settler.is_waiting());
}

#[test]
fn the_drain_looks_at_all_open_messages_once_and_then_at_one() {
    let plan = relaying(Recipients::Room);
    let members = plan.rooms()[0].members.len() as u32;
    let mut coordinator = everyone_in(&plan);
    coordinator.settler.members.have_told(&[0]);
    let many = waiting::LOOK_FREELY_MAX as u32 + 1_000;
    let mut part = LedgerPart::default();
    let sent_us = |seq| 10 * S + u64::from(seq);
    for seq in 0..many {
        let (id, at_us) = (message(seq), sent_us(seq));
        part.publish(Published { message: id, due_us: at_us, sent_us: at_us });
        // The first and the last are missing at one member each.
        let missing = match seq {
            0 => Some(3),
            _ if seq == many - 1 => Some(2),
            _ => None,
        };
        for slot in (0..members).filter(|slot| Some(*slot) != missing) {
            part.hear(id, slot, at_us, at_us + 9);
        }
    }
    coordinator.settler.take(part);
    coordinator.settler.told(0, 20 * S);
    let waits = |coordinator: &mut Coordinator| {
        let before = coordinator.settler.waiting.looks.get();
        let waits = coordinator.settler.is_waiting();
        (waits, coordinator.settler.waiting.looks.get() - before)
    };
    assert_eq!(waits(&mut coordinator), (true, many as usize));
    for _ in 0..100 {
        assert_eq!(waits(&mut coordinator), (true, 1));
    }
    hear(&mut coordinator, 0, 3, sent_us(0), 20 * S);
    let (still, looks) = waits(&mut coordinator);
    assert!(still && looks <= 2, "{still}, {looks}");
    // News of the last second are waited for, and then looked at.
    say(&mut coordinator, many, 20 * S, 20 * S);
    hear(&mut coordinator, many - 1, 2, sent_us(many - 1), 20 * S);
    let (still, looks) = waits(&mut coordinator);
    assert!(still && looks <= 2, "{still}, {looks}");
    coordinator.settler.told(0, 21 * S);
    assert_eq!(waits(&mut coordinator), (true, many as usize + 1));
    for slot in 0..members {
        hear(&mut coordinator, many, slot, 20 * S, 21 * S);
    }
    assert_eq!(waits(&mut coordinator), (false, 1));
    assert_eq!(waits(&mut coordinator), (false, 0));
}

#[test]
fn the_drain_waits_for_what_may_still_come_and_not_for_who_has_left() {
    let plan = relaying(Recipients::Room);
    let members = plan.rooms()[0].members.clone();
    let mut coordinator = everyone_in(&plan);
    coordinator.settler.members.have_told(&[10 * S]);
    say(&mut coordinator, 0, 10 * S, 10 * S);
    for slot in 1..members.len() as u32 {
        hear(&mut coordinator, 0, slot, 10 * S, 10 * S + 5);
    }
    assert!(coordinator.settler.is_waiting());
    let mut part = LedgerPart::default();
    let change = MemberChange::LeaveWritten { room: 0 };
    part.member(MemberEvent { client: members[0], at_us: 10 * S + 9, change });
    coordinator.settler.take(part);
    coordinator.settler.told(0, 11 * S);
    assert!(!coordinator.settler.is_waiting());
}
