//! Everything that may happen in a run, made up.

use super::*;

#[derive(Clone, Copy, Debug)]
pub(in crate::measure) enum Fact {
    Published(Published),
    Answered { message: MessageId, due_us: u64, sent_us: u64, acked: bool },
    Member(MemberEvent),
    Heard { message: MessageId, slot: u32, sent_us: u64, replay: bool },
}

/// A fact with its time and the client whose worker tells it.
pub(in crate::measure) type Told = (u64, u32, Fact);

/// Everything that happens in a run, by time.
pub(in crate::measure) fn history(plan: &Plan, seed: u64, copies: bool) -> Vec<Told> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut facts = Vec::new();
    for client in 0..plan.client_count() {
        comings_and_goings(plan, client, &mut rng, &mut facts);
        for membership in plan.memberships(client) {
            let mut sent_us = rng.random_range(0..3 * S);
            let mut seq = 0;
            while sent_us < LENGTH_US {
                let message = MessageId { room: membership.room, publisher: client, seq };
                let due_us = sent_us.saturating_sub(rng.random_range(0..2 * S));
                facts.push((
                    sent_us,
                    client,
                    Fact::Published(Published { message, due_us, sent_us }),
                ));
                if plan.relay(client).acknowledges && rng.random::<f64>() < 0.9 {
                    let acked = rng.random::<f64>() < 0.9;
                    let at_us = sent_us + rng.random_range(1..SLOW_US);
                    let answer = Fact::Answered { message, due_us, sent_us, acked };
                    facts.push((at_us, client, answer));
                }
                hearings(plan, message, sent_us, copies, &mut rng, &mut facts);
                seq += 1;
                sent_us += rng.random_range(S / 2..3 * S);
            }
        }
    }
    facts.sort_by_key(|(at_us, ..)| *at_us);
    facts
}

fn comings_and_goings(plan: &Plan, client: u32, rng: &mut Pcg64Mcg, facts: &mut Vec<Told>) {
    let rooms: Vec<u32> = plan.memberships(client).iter().map(|at| at.room).collect();
    let mut tell = |at_us, change| {
        facts.push((at_us, client, Fact::Member(MemberEvent { client, at_us, change })));
    };
    let mut at_us = rng.random_range(0..3 * S);
    while at_us < LENGTH_US {
        for room in &rooms {
            tell(at_us, MemberChange::JoinWritten { room: *room });
        }
        at_us += rng.random_range(1..S / 2);
        for room in &rooms {
            tell(at_us, MemberChange::Joined { room: *room });
        }
        at_us += rng.random_range(S..20 * S);
        if rng.random::<f64>() < 0.5 {
            let fault = rng.random::<bool>().then_some(0);
            tell(at_us, MemberChange::Failed { fault });
            if rng.random::<f64>() < 0.1 {
                tell(at_us + 1, MemberChange::Gone);
                return;
            }
        } else {
            for room in &rooms {
                tell(at_us, MemberChange::LeaveWritten { room: *room });
            }
            at_us += rng.random_range(1..S / 2);
            for room in &rooms {
                tell(at_us, MemberChange::Left { room: *room });
            }
        }
        at_us += rng.random_range(1..5 * S);
    }
}

fn hearings(
    plan: &Plan,
    message: MessageId,
    sent_us: u64,
    copies: bool,
    rng: &mut Pcg64Mcg,
    facts: &mut Vec<Told>,
) {
    let nobody = rng.random::<f64>() < 0.1;
    for (slot, client) in (0..).zip(&plan.rooms()[message.room as usize].members) {
        let heard = [0, 1, 1, 1, 1, 1, 1 + u32::from(copies)].choose(rng).copied().unwrap_or(1);
        // Whether live or on return is the same for all copies: of both, which is the copy depends
        // on who tells first.
        let replay = plan.relay(*client).away == Away::Replayed && rng.random::<f64>() < 0.2;
        for _ in 0..if nobody { 0 } else { heard } {
            let at_us = sent_us + rng.random_range(1..SLOW_US);
            facts.push((at_us, *client, Fact::Heard { message, slot, sent_us, replay }));
        }
    }
}
