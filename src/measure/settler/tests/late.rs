//! What comes after it was settled, and what its author's end leaves open.

use super::*;

#[test]
fn a_late_arrival_moves_its_own_message_from_lost_to_delivered() {
    let plan = plan();
    let members = plan.rooms()[0].members.len() as u64;
    let mut coordinator = everyone_in(&plan);
    // Due in the first phase, sent in the second.
    let (due_us, sent_us) = (19 * S, 21 * S);
    say(&mut coordinator, 0, due_us, sent_us);
    for slot in 2..members as u32 {
        hear(&mut coordinator, 0, slot, sent_us, sent_us + 5);
    }
    coordinator.advance(sent_us + 31 * S);
    assert_eq!((sum(&coordinator).lost, sum(&coordinator).late), (2, 0));
    let listed = |coordinator: &Coordinator| {
        let findings = coordinator.settler.findings().sorted();
        let listed = |of: Finding| (of.kind, of.receiver, of.due_us, of.received_us);
        findings.into_iter().map(listed).collect::<Vec<_>>()
    };
    let [first, second] = [0, 1].map(|slot: usize| plan.rooms()[0].members[slot]);
    let lost = |receiver| (FindingKind::Lost, receiver, Some(due_us), None);
    assert_eq!(listed(&coordinator), [lost(first), lost(second)]);
    hear(&mut coordinator, 0, 0, sent_us, sent_us + 32 * S);
    let first = coordinator.settler.sum(|_, phase| phase == 0);
    assert_eq!(first, sum(&coordinator), "a message belongs to the phase it was due in");
    assert_eq!((first.expected, first.delivered), (members, members - 1));
    assert_eq!((first.lost, first.late), (1, 1));
    let late = (FindingKind::Late, plan.rooms()[0].members[0], Some(due_us), Some(53 * S));
    assert_eq!(listed(&coordinator), [late, lost(second)], "no longer lost");
    // The same again, and one that had come in time: neither makes the other one found.
    hear(&mut coordinator, 0, 0, sent_us, sent_us + 33 * S);
    hear(&mut coordinator, 0, 3, sent_us, sent_us + 33 * S);
    let after = sum(&coordinator);
    assert_eq!((after.expected, after.delivered, after.lost), (members, members - 1, 1));
}

#[test]
fn a_publisher_that_died_before_anybody_heard_leaves_it_uncertain() {
    let plan = plan();
    let members = plan.rooms()[0].members.len() as u64;
    for (heard, failed_us, uncertain, lost) in [
        (false, 5 * S + 10, members, 0),
        (false, 6 * S, members, 0),
        (false, 6 * S + 1, 0, members),
        (true, 5 * S + 10, 0, members - 1),
    ] {
        let mut coordinator = everyone_in(&plan);
        say(&mut coordinator, 0, 5 * S, 5 * S);
        if heard {
            hear(&mut coordinator, 0, 1, 5 * S, 5 * S + 3);
        }
        // The publisher's own membership is left out of the fault, to see its message alone.
        coordinator.settler.members.fail_unseen(0, failed_us);
        coordinator.settler.finish(&mut coordinator.spreads, &mut coordinator.recoveries);
        let found = sum(&coordinator);
        assert_eq!((found.uncertain, found.lost), (uncertain, lost), "failed at {failed_us}");
    }
}
