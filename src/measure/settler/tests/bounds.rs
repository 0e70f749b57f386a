//! How much is kept: of open messages, and of stamps that are made up.

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
    let listed = coordinator.settler.findings().sorted();
    assert_eq!(listed.len(), 1_000);
    assert!(listed.iter().all(|of| of.kind == FindingKind::Foreign && of.message.is_none()));
}

#[test]
fn what_nobody_sent_is_foreign_once_its_authors_worker_has_told_of_that_time() {
    let plan = plan();
    let mut coordinator = everyone_in(&plan);
    coordinator.settler.members.have_told(&[5 * S]);
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
    coordinator.settler.members.have_told(&[5 * S]);
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
    coordinator.settler.members.have_told(&[5 * S]);
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
fn what_is_kept_is_bounded_by_30_s_of_messages() {
    let plan = plan();
    let mut coordinator = everyone_in(&plan);
    let per_s = 50;
    for second in 1..300 {
        for n in 0..per_s {
            let at_us = second * S + n * (S / per_s);
            say(&mut coordinator, (second * per_s + n) as u32, at_us, at_us);
        }
        coordinator.advance((second + 1) * S);
        let open = coordinator.settler.open_messages() as u64;
        assert!(open <= 31 * per_s, "{open} open after {second} s");
        assert!(coordinator.settler.messages.queued() as u64 <= 31 * per_s);
        assert_eq!(coordinator.settler.early.len(), 0);
    }
    // What was sent by 270 s, the message at that very instant included, is settled.
    let members = plan.rooms()[0].members.len() as u64;
    assert_eq!(sum(&coordinator).lost, (269 * per_s + 1) * members);
}
