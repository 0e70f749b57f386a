//! What the server says of a message, before and after it was settled.

use super::*;

/// What a message of the acknowledged cohort comes to when these happen in this order.
fn settled_after(steps: &[Step]) -> (Settled, Vec<FindingKind>) {
    let plan = plan();
    let mut coordinator = everyone_in(&plan);
    say(&mut coordinator, 0, S, S);
    for step in steps {
        match step {
            Step::Settle => coordinator.advance(40 * S),
            Step::Answer(answer) => {
                let mut part = LedgerPart::default();
                part.answer(message(0), *answer);
                coordinator.settler.take(part);
            }
            Step::Hear => hear(&mut coordinator, 0, 0, S, 2 * S),
        }
    }
    coordinator.settler.finish(&mut coordinator.spreads, &mut coordinator.recoveries);
    let mut kinds: Vec<_> =
        coordinator.settler.findings().sorted().into_iter().map(|finding| finding.kind).collect();
    kinds.sort();
    (sum(&coordinator), kinds)
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Settle,
    Answer(Answer),
    Hear,
}

#[test]
fn acked_lost_is_the_same_whatever_comes_first() {
    use Step::{Answer, Hear, Settle};
    let acked = Answer(super::Answer::Acked);
    let members = plan().rooms()[0].members.len();
    let lost = members as u64 - 1;
    for steps in [
        [Hear, acked, Settle],
        [acked, Hear, Settle],
        [acked, Settle, Hear],
        [Settle, acked, Hear],
        [Settle, Hear, acked],
        [Hear, Settle, acked],
    ] {
        let (found, kinds) = settled_after(&steps);
        let counts = (found.expected, found.delivered, found.lost, found.acked_lost);
        assert_eq!(counts, (lost + 1, 1, lost, lost), "{steps:?}");
        // Each loss is listed twice, once for each of its counters; the late one as late.
        let late = kinds.iter().filter(|kind| **kind == FindingKind::Late).count() as u64;
        assert_eq!((kinds.len() as u64 - late, late), (2 * lost, found.late), "{steps:?}");
    }
    // A second answer changes nothing.
    let twice = settled_after(&[acked, Settle, acked, Answer(super::Answer::Rejected)]).0;
    assert_eq!((twice.lost, twice.acked_lost), (lost + 1, lost + 1));
}

#[test]
fn a_refused_message_is_lost_to_nobody_however_late_it_is_refused() {
    let refused = Step::Answer(Answer::Rejected);
    for steps in [[refused, Step::Settle], [Step::Settle, refused]] {
        let (found, kinds) = settled_after(&steps);
        assert_eq!(found, Settled::default(), "{steps:?}");
        assert_eq!(kinds, [], "{steps:?}");
    }
    // Who hears it all the same has a delivery.
    let (found, _) = settled_after(&[refused, Step::Hear, Step::Settle]);
    assert_eq!((found.expected, found.delivered, found.lost), (1, 1, 0));
}

#[test]
fn what_the_server_acknowledged_did_leave_its_dying_author() {
    let plan = plan();
    let members = plan.rooms()[0].members.len() as u64;
    for (acked, lost) in [(false, 0), (true, members)] {
        let mut coordinator = everyone_in(&plan);
        say(&mut coordinator, 0, 5 * S, 5 * S);
        if acked {
            let mut part = LedgerPart::default();
            part.answer(message(0), Answer::Acked);
            coordinator.settler.take(part);
        }
        // The author's own membership is left out of the fault, to see its message alone.
        coordinator.settler.members.fail_unseen(0, 5 * S + 10);
        coordinator.settler.finish(&mut coordinator.spreads, &mut coordinator.recoveries);
        let found = sum(&coordinator);
        assert_eq!((found.lost, found.acked_lost), (lost, lost));
        assert_eq!(found.uncertain, members - lost);
    }
}

/// Whoever was away would have been told on its return: of what was refused there is nothing to tell.
#[test]
fn what_is_refused_after_it_was_settled_is_no_longer_missed() {
    let plan = plan();
    let client = plan.rooms()[0].members[1];
    assert_eq!(plan.relay(client).away, Away::Replayed);
    let mut coordinator = everyone_in(&plan);
    away_until(&mut coordinator, client, 50 * S);
    say(&mut coordinator, 0, 6 * S, 6 * S);
    for slot in (0..plan.rooms()[0].members.len() as u32).filter(|slot| *slot != 1) {
        hear(&mut coordinator, 0, slot, 6 * S, 6 * S + 5);
    }
    coordinator.settle_all();
    assert_eq!(sum(&coordinator).missed_away, 1);
    let mut part = LedgerPart::default();
    part.answer(message(0), Answer::Rejected);
    coordinator.settler.take(part);
    let found = sum(&coordinator);
    assert_eq!((found.missed_away, found.lost, found.unfinished), (0, 0, 0));
}
