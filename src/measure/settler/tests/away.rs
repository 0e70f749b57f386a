//! What is replayed to who was away.

use super::*;

#[test]
fn what_is_replayed_after_it_was_settled_is_no_longer_missed() {
    let plan = plan();
    let members = plan.rooms()[0].members.clone();
    let of_cohort = |cohort| (0..).zip(&members).find(|(_, of)| plan.cohort_of(**of) == cohort);
    // The first cohort's protocol replays, the second's doesn't.
    for (cohort, after) in [(0, (0, 1, 0)), (1, (1, 0, 1))] {
        let (slot, client) = of_cohort(cohort).unwrap();
        let publisher = *members.iter().find(|other| *other != client).unwrap();
        let id = MessageId { room: 0, publisher, seq: 0 };
        let mut coordinator = everyone_in(&plan);
        let mut part = LedgerPart::default();
        part.publish(Published { message: id, due_us: 6 * S, sent_us: 6 * S });
        for other in (0..members.len() as u32).filter(|other| *other != slot) {
            part.hear(id, other, 6 * S, 6 * S + 10);
        }
        coordinator.settler.take(part);
        away_until(&mut coordinator, *client, 50 * S);
        coordinator.advance(45 * S);
        assert_eq!((sum(&coordinator).missed_away, sum(&coordinator).replayed), (1, 0));
        let mut part = LedgerPart::default();
        if cohort == 0 {
            part.hear_replayed(id, slot, 6 * S, 51 * S);
        } else {
            part.hear(id, slot, 6 * S, 51 * S);
        }
        coordinator.settler.take(part);
        let found = sum(&coordinator);
        assert_eq!((found.missed_away, found.replayed, found.late), after);
        assert_eq!((found.lost, found.delivered), (0, members.len() as u64 - 1));
        let spread = coordinator.spreads.sum(Metric::Spread, |_| true);
        assert_eq!(spread.inner().max(), 1, "a replay is no last recipient");
    }
}

#[test]
fn a_replay_widens_no_spread() {
    let plan = plan();
    let mut coordinator = everyone_in(&plan);
    let client = plan.rooms()[0].members[0];
    say(&mut coordinator, 0, 6 * S, 6 * S);
    for slot in 1..4 {
        hear(&mut coordinator, 0, slot, 6 * S, 6 * S + 100 * u64::from(slot));
    }
    away_until(&mut coordinator, client, 10 * S);
    let mut part = LedgerPart::default();
    part.hear_replayed(message(0), 0, 6 * S, 11 * S);
    coordinator.settler.take(part);
    coordinator.settler.finish(&mut coordinator.spreads, &mut coordinator.recoveries);
    assert_eq!(sum(&coordinator).replayed, 1);
    let spread = coordinator.spreads.sum(Metric::Spread, |_| true);
    assert_eq!((spread.len(), spread.inner().max()), (1, 200));
}
