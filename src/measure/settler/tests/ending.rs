//! What was still on its way when somebody left, or when the run stopped listening.

use super::*;

/// What became of a message sent then, of which nobody heard; and of one that only the first member
/// heard.
fn sent_before_the_end(sent_us: u64, ended_us: u64, took_us: u64) -> [Settled; 2] {
    [false, true].map(|heard| {
        let plan = plan();
        let mut coordinator = everyone_in(&plan);
        coordinator.settler.members.have_told(&[ended_us]);
        let mut part = LedgerPart::default();
        coordinator.took.note(&mut part.took, 0, S, S + took_us, false);
        coordinator.settler.take(part);
        say(&mut coordinator, 0, sent_us, sent_us);
        if heard {
            hear(&mut coordinator, 0, 0, sent_us, sent_us + 5);
        }
        coordinator.settle_all();
        sum(&coordinator)
    })
}

#[test]
fn what_may_still_come_when_the_run_ends_is_unfinished_and_not_lost() {
    let members = plan().rooms()[0].members.len() as u64;
    for (sent_us, took_us, unfinished) in [
        (19 * S - 1, 0, false),
        (19 * S, 0, true),
        (20 * S, 0, true),
        (17 * S - 1, 2_400_000, false),
        (17 * S, 2_400_000, true),
    ] {
        let [nobody, one] = sent_before_the_end(sent_us, 20 * S, took_us);
        let counts = |of: Settled| (of.expected, of.delivered, of.lost, of.unfinished);
        let of = |missing: u64, heard| match unfinished {
            true => (heard, heard, 0, missing),
            false => (heard + missing, heard, missing, 0),
        };
        assert_eq!(counts(nobody), of(members, 0), "sent {sent_us}");
        assert_eq!(counts(one), of(members - 1, 1), "sent {sent_us}");
        assert_eq!(nobody.uncertain + one.uncertain, 0);
    }
}

#[test]
fn what_was_unfinished_and_comes_after_all_is_delivered_late() {
    let plan = plan();
    let members = plan.rooms()[0].members.len() as u64;
    let mut coordinator = everyone_in(&plan);
    coordinator.settler.members.have_told(&[10 * S]);
    say(&mut coordinator, 0, 10 * S, 10 * S);
    coordinator.settle_all();
    assert_eq!((sum(&coordinator).unfinished, sum(&coordinator).expected), (members, 0));
    hear(&mut coordinator, 0, 2, 10 * S, 10 * S + 400_000);
    let found = sum(&coordinator);
    assert_eq!((found.unfinished, found.late), (members - 1, 1));
    assert_eq!((found.expected, found.delivered, found.lost), (1, 1, 0));
    let listed = coordinator.settler.findings().sorted();
    let of = |kind| listed.iter().filter(|of| of.kind == kind).count() as u64;
    assert_eq!((of(FindingKind::Unfinished), of(FindingKind::Late)), (members - 1, 1));
    // What the server refused was to be expected by nobody.
    let mut part = LedgerPart::default();
    part.answer(message(0), Answer::Rejected);
    coordinator.settler.take(part);
    let found = sum(&coordinator);
    assert_eq!((found.unfinished, found.delivered, found.expected), (0, 1, 1));
    let listed = coordinator.settler.findings().sorted();
    assert!(listed.iter().all(|of| of.kind == FindingKind::Late), "{listed:?}");
}

#[test]
fn until_when_the_run_listened_is_each_workers_own() {
    let plan = plan();
    let members = &plan.rooms()[0].members;
    let of_worker = |worker| members.iter().filter(|client| **client % 2 == worker).count() as u64;
    let mut coordinator = everyone_in(&plan);
    // The second worker fell silent.
    coordinator.settler.members.have_told(&[20 * S, 12 * S]);
    say(&mut coordinator, 0, 12 * S, 12 * S);
    coordinator.settle_all();
    let found = sum(&coordinator);
    assert!(of_worker(0) > 0 && of_worker(1) > 0);
    assert_eq!((found.lost, found.unfinished), (of_worker(0), of_worker(1)));
}

#[test]
fn one_passed_over_is_lost_only_where_none_is_ever_overtaken() {
    for (overtaken, expected) in [(false, (1, 0)), (true, (0, 1))] {
        let plan = plan();
        let mut coordinator = everyone_in(&plan);
        coordinator.settler.members.have_told(&[20 * S]);
        let mut part = LedgerPart::default();
        coordinator.took.note(&mut part.took, 0, S, S + 700_000, overtaken);
        coordinator.settler.take(part);
        let members = plan.rooms()[0].members.len() as u32;
        for (seq, from) in [(0, 1), (1, 0)] {
            let sent_us = 19 * S + 500_000 + u64::from(seq);
            say(&mut coordinator, seq, sent_us, sent_us);
            for slot in from..members {
                hear(&mut coordinator, seq, slot, sent_us, sent_us + 9);
            }
        }
        coordinator.settle_all();
        let found = sum(&coordinator);
        assert_eq!((found.lost, found.unfinished), expected);
    }
}

#[test]
fn a_slow_server_takes_nothing_from_who_leaves_or_fails() {
    let plan = plan();
    let members = plan.rooms()[0].members.clone();
    // The second member is told on its return what it missed, the last is not.
    let last = members.len() - 1;
    let by_plan = Some(Some(0));
    for (gone, failed, uncertain, cut_off) in [
        (1, None, 0, 2),
        (1, Some(None), 2, 0),
        (1, by_plan, 2, 0),
        (last, None, 0, 2),
        (last, Some(None), 2, 0),
        (last, by_plan, 0, 2),
    ] {
        let mut coordinator = everyone_in(&plan);
        let mut part = LedgerPart::default();
        coordinator.took.note(&mut part.took, 0, S, S + 2_400_000, false);
        let mut tell = |change| {
            part.member(MemberEvent { client: members[gone], at_us: 10 * S, change });
        };
        tell(match failed {
            Some(fault) => MemberChange::Failed { fault },
            None => MemberChange::LeaveWritten { room: 0 },
        });
        coordinator.settler.take(part);
        for (seq, sent_us) in [(0, 7 * S - 1), (1, 7 * S), (2, 10 * S - 1)] {
            say(&mut coordinator, seq, sent_us, sent_us);
            for slot in (0..members.len() as u32).filter(|slot| *slot != gone as u32) {
                hear(&mut coordinator, seq, slot, sent_us, sent_us + 9);
            }
        }
        coordinator.settle_all();
        let found = sum(&coordinator);
        assert_eq!((found.lost, found.unfinished), (1, 0));
        assert_eq!((found.uncertain, found.cut_off), (uncertain, cut_off), "{gone}, {failed:?}");
    }
}

#[test]
fn a_copy_of_long_ago_does_not_tell_how_long_the_server_takes() {
    for (heard_before, w_us) in [(false, 10 * S), (true, S)] {
        let plan = plan();
        let mut coordinator = everyone_in(&plan);
        say(&mut coordinator, 0, S, S);
        if heard_before {
            hear(&mut coordinator, 0, 2, S, S + 9);
        }
        let mut part = LedgerPart::default();
        part.hear(message(0), 2, S, 9 * S);
        coordinator.took.note_doubtful(&mut part.took, 0, (message(0), 2), S, 9 * S);
        coordinator.settler.take(part);
        assert_eq!(coordinator.settler.window_us(), w_us, "{heard_before}");
    }
}
