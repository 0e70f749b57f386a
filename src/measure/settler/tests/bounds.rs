//! What is kept of stamps that are made up, and how much the drain looks at.

use super::*;

fn foreign(coordinator: &Coordinator) -> (u64, u64, usize) {
    let found = sum(coordinator);
    (found.foreign, found.late + found.delivered, coordinator.settler.early.len())
}

#[test]
fn a_stamp_from_the_future_is_foreign_at_once_and_kept_nowhere() {
    let plan = plan();
    let mut coordinator = everyone_in(&plan);
    for seq in 0..1_000 {
        hear(&mut coordinator, seq, 0, 3_000 * S, 5 * S);
    }
    assert_eq!(foreign(&coordinator), (1_000, 0, 0));
    let listed = coordinator.settler.findings.sorted();
    assert_eq!(listed.len(), 1_000);
    assert!(listed.iter().all(|of| of.kind == FindingKind::Foreign && of.message.is_none()));
}

#[test]
fn what_nobody_sent_is_foreign_once_its_authors_worker_has_told_of_that_time() {
    let plan = plan();
    let mut coordinator = everyone_in(&plan);
    coordinator.settler.told_us = vec![5 * S];
    // One message that is told of a little later, and one that never will be.
    hear(&mut coordinator, 0, 0, 6 * S, 6 * S + 9);
    hear(&mut coordinator, 77, 0, 6 * S, 6 * S + 9);
    assert_eq!(foreign(&coordinator), (0, 0, 2));
    say(&mut coordinator, 0, 6 * S, 6 * S);
    coordinator.settler.told(0, 6 * S);
    coordinator.advance(7 * S);
    // Something may still have been sent in the very microsecond that was told of.
    assert_eq!(foreign(&coordinator), (0, 0, 1));
    coordinator.settler.told(0, 6 * S + 1);
    coordinator.advance(7 * S);
    assert_eq!(foreign(&coordinator), (1, 0, 0));
    hear(&mut coordinator, 78, 1, 6 * S, 6 * S + 9);
    assert_eq!(foreign(&coordinator), (2, 0, 0));
    coordinator.settle_all();
    assert_eq!(foreign(&coordinator), (2, 1, 0));
}

#[test]
fn of_a_worker_that_fell_silent_nothing_is_kept_for_more_than_30_s() {
    let plan = plan();
    let mut coordinator = everyone_in(&plan);
    coordinator.settler.told_us = vec![5 * S];
    hear(&mut coordinator, 0, 0, 6 * S, 6 * S + 9);
    coordinator.advance(36 * S + 8);
    assert_eq!(foreign(&coordinator), (0, 0, 1));
    coordinator.advance(36 * S + 9);
    assert_eq!(foreign(&coordinator), (0, 0, 0), "nobody can say whose it was");
}

#[test]
fn made_up_messages_are_kept_up_to_a_bound() {
    let plan = plan();
    let mut coordinator = everyone_in(&plan);
    coordinator.settler.told_us = vec![5 * S];
    let mut part = LedgerPart::default();
    let made_up = early::EARLY_MAX as u32 + 5;
    for seq in 0..made_up {
        part.hear(message(seq), 0, 6 * S, 7 * S);
    }
    coordinator.settler.take(part);
    assert_eq!(foreign(&coordinator), (5, 0, early::EARLY_MAX));
    coordinator.settler.told(0, 8 * S);
    coordinator.advance(8 * S);
    assert_eq!(foreign(&coordinator), (u64::from(made_up), 0, 0));
}

#[test]
fn the_drain_looks_at_all_open_messages_once_and_then_at_one() {
    let plan = relaying(Recipients::Room);
    let members = plan.rooms()[0].members.len() as u32;
    let mut coordinator = everyone_in(&plan);
    coordinator.settler.told_us = vec![0];
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
    coordinator.settler.told_us = vec![10 * S];
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
