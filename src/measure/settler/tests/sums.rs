//! Whatever happens, the parts add up.

use std::collections::HashSet;

use super::*;

/// A member's comings and goings as the facts have them, in its own few words.
fn is_concerned(facts: &[Told], client: u32, room: u32, sent_us: u64) -> bool {
    let (mut joined, mut was_member, mut here, mut away) = (false, false, false, false);
    for (at_us, _, fact) in facts.iter().filter(|(at_us, ..)| *at_us <= sent_us) {
        let Fact::Member(MemberEvent { client: of, change, .. }) = fact else { continue };
        if *of != client {
            continue;
        }
        match *change {
            MemberChange::JoinWritten { room: of } if of == room => {
                (joined, here, away) = (true, true, false);
            }
            MemberChange::Joined { room: of } if of == room => was_member = true,
            // What was sent in that very microsecond is the stay's.
            MemberChange::Left { room: of } if of == room && *at_us < sent_us => here = false,
            MemberChange::Failed { .. } if here && *at_us < sent_us => (here, away) = (false, true),
            MemberChange::Gone if *at_us < sent_us => (here, away) = (false, false),
            _ => {}
        }
    }
    joined && (here || (away && was_member))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Each message comes to one thing for each member it is for, whoever tells what.
    #[test]
    fn every_message_comes_to_exactly_one_thing_for_each_member(seed: u64, workers in 1_u32..5) {
        let plan = plan();
        let facts = history(&plan, seed, false);
        let (mut refused, mut answers, mut heard) = (HashSet::new(), HashSet::new(), HashSet::new());
        for (.., fact) in &facts {
            match *fact {
                Fact::Answered { message, acked, .. } if answers.insert(message) && !acked => {
                    refused.insert(message);
                }
                Fact::Heard { message, slot, .. } => {
                    heard.insert((message, slot));
                }
                _ => {}
            }
        }
        let (mut all, mut nobodys) = (0, 0);
        for (.., fact) in &facts {
            let Fact::Published(Published { message, sent_us, .. }) = *fact else { continue };
            for (slot, client) in (0_u32..).zip(&plan.rooms()[message.room as usize].members) {
                if !plan.hears(message.publisher, *client) {
                    continue;
                }
                all += 1;
                let concerned = is_concerned(&facts, *client, message.room, sent_us);
                let unheard = !heard.contains(&(message, slot));
                nobodys += u64::from(unheard && (refused.contains(&message) || !concerned));
            }
        }
        let mut rng = Pcg64Mcg::seed_from_u64(!seed);
        let mut coordinator = Coordinator::new(&plan);
        for share in shares(&facts, workers, &mut rng) {
            share.into_iter().for_each(|(_, interval)| coordinator.take(&interval));
        }
        let found = coordinator.finish();
        let mut sum = Settled::default();
        found.settled.iter().for_each(|part| sum.merge(part));
        prop_assert_eq!(sum.expected, sum.delivered + sum.lost);
        let Settled { expected, uncertain, joining, cut_off, unfinished, .. } = sum;
        let Settled { missed_away, replayed, .. } = sum;
        let unsure = uncertain + joining + cut_off + unfinished;
        prop_assert_eq!(expected + unsure + missed_away + replayed + nobodys, all);
        prop_assert_eq!((sum.late, sum.foreign), (0, 0));
    }

    /// Looking once for many gives what looking for each gives.
    #[test]
    fn one_is_passed_over_if_any_later_one_of_the_stay_was_heard(
        heard in proptest::collection::vec(any::<bool>(), 1..40),
        failed_at in 0_usize..40,
    ) {
        let plan = relaying(Recipients::Room);
        let mut coordinator = everyone_in(&plan);
        let at_us = |seq: usize| 10 * S + 1_000 * seq as u64;
        let client = plan.rooms()[0].members[0];
        let mut part = LedgerPart::default();
        let change = MemberChange::Failed { fault: None };
        part.member(MemberEvent { client, at_us: at_us(failed_at) + 1, change });
        coordinator.settler.take(part);
        let members = plan.rooms()[0].members.len() as u32;
        let (mut lost, mut uncertain, mut joining) = (0, 0, 0);
        for (seq, mine) in heard.iter().enumerate() {
            say(&mut coordinator, seq as u32, at_us(seq), at_us(seq));
            for slot in u32::from(!*mine)..members {
                hear(&mut coordinator, seq as u32, slot, at_us(seq), at_us(seq) + 5);
            }
            if seq <= failed_at && !*mine {
                let until = failed_at.min(heard.len() - 1);
                let passed_over = heard[seq..=until].iter().any(|heard| *heard);
                lost += u64::from(passed_over);
                uncertain += u64::from(!passed_over);
            }
            // Heard although it was away.
            joining += u64::from(seq > failed_at && *mine);
        }
        coordinator.settle_all();
        let found = sum(&coordinator);
        let settled = (found.lost, found.uncertain, found.joining);
        prop_assert_eq!(settled, (lost, uncertain, joining));
    }
}
