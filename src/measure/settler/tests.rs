//! Histories of made-up clients, told by one worker at once or by several bit by bit: what is
//! settled must be the same.

use std::collections::VecDeque;

use proptest::prelude::*;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::*;
use crate::measure::findings::FindingKind;
use crate::measure::ledger::Published;
use crate::measure::window::Took;
use crate::plan::Relay;
use crate::protocol::{Away, Recipients};
use crate::scenario::{Overrides, Source, read};

mod answers;
mod away;
mod bounds;
mod drain;
mod ending;
mod history;
mod late;
mod spread;
mod sums;
mod whom;

pub(in crate::measure) use self::history::{Fact, Told, history};

const S: u64 = 1_000_000;
/// Length of a made-up run, well over the time that messages stay open.
const LENGTH_US: u64 = 80 * S;
/// When it is over: what was said in the last seconds may still be on its way.
const ENDED_US: u64 = LENGTH_US + S;
/// How long after its message an arrival comes, at most.
const SLOW_US: u64 = 10 * S;
/// How far the coordinator's news of one worker lie behind another's, at most.
const BEHIND_US: u64 = 5 * S;

/// Both cohorts publish; the first is acknowledged and is told on its return what it missed, the
/// second keeps its messages from itself.
pub(in crate::measure) fn plan() -> Arc<Plan> {
    let text = r#"
        format = 1
        name = "ledger"
        [target]
        builtin = "rooms"
        [rooms.lobby]
        count = 3
        [[cohort]]
        name = "people"
        clients = 6
        join = { rooms = "lobby", per_client = 2 }
        publish = { rate = "1/s" }
        [[cohort]]
        name = "others"
        clients = 3
        join = { rooms = "lobby" }
        publish = { rate = "1/s" }
        [[phase]]
        name = "first"
        duration = "20s"
        [[phase]]
        name = "second"
        duration = "60s"
        [[fault]]
        at = "10s"
        kind = "reset"
        clients = "10%"
    "#;
    let source = Source { name: "test".to_owned(), text: text.to_owned() };
    let mut plan = Plan::new(read(&source, &Overrides::default()).unwrap());
    plan.relays = vec![
        Relay { recipients: Recipients::Room, away: Away::Replayed, acknowledges: true },
        Relay { recipients: Recipients::Others, away: Away::Missed, acknowledges: false },
    ];
    Arc::new(plan)
}

/// What came of it: by cohort and phase, tolls, spread; and copies found within one part.
#[derive(Debug, PartialEq)]
struct Found {
    settled: Vec<Settled>,
    /// Missed away and lost, by fault.
    tolls: Vec<(u64, u64)>,
    /// How many, their mean and the longest.
    spread: (u64, String, u64),
}

impl Found {
    /// A copy that is heard in the same interval as a first arrival may stretch the spread by
    /// its own lateness: which one came last is known of the interval, not of each receiver.
    fn comparable(mut self, copies: bool) -> Self {
        if copies {
            self.spread = (self.spread.0, String::new(), 0);
        }
        self
    }
}

struct Coordinator {
    settler: Settler,
    spreads: Histograms,
    recoveries: Recoveries,
    copies: u64,
    took: Took,
}

impl Coordinator {
    fn new(plan: &Arc<Plan>) -> Self {
        let settler = Settler::new(Arc::clone(plan), 1);
        let recoveries = Recoveries::new(Arc::clone(plan));
        let took = Took::new(plan);
        Self { settler, spreads: Histograms::default(), recoveries, copies: 0, took }
    }

    fn take(&mut self, facts: &[Told]) {
        let mut part = LedgerPart::default();
        for (at_us, _, fact) in facts {
            match *fact {
                Fact::Published(message) => part.publish(message),
                Fact::Member(event) => part.member(event),
                Fact::Answered { message, acked, .. } => {
                    part.answer(message, if acked { Answer::Acked } else { Answer::Rejected });
                }
                Fact::Heard { message, slot, sent_us, replay } => {
                    let new = if replay {
                        part.hear_replayed(message, slot, sent_us, *at_us)
                    } else {
                        // Some that were quick came after a later one.
                        let overtaken = message.seq % 5 == 0 && at_us - sent_us < 4 * S;
                        self.took.note(&mut part.took, 0, sent_us, *at_us, overtaken);
                        part.hear(message, slot, sent_us, *at_us)
                    };
                    self.copies += u64::from(!new);
                }
            }
        }
        self.settler.take(part);
    }

    fn advance(&mut self, now_us: u64) {
        self.settler.advance(now_us, &mut self.spreads, &mut self.recoveries);
    }

    fn settle_all(&mut self) {
        self.settler.finish(&mut self.spreads, &mut self.recoveries);
    }

    fn finish(mut self) -> Found {
        self.settler.told(0, ENDED_US);
        self.settle_all();
        let mut settled: Vec<_> =
            (0..4).map(|at| self.settler.sum(|cohort, phase| 2 * cohort + phase == at)).collect();
        // A copy is found by its worker or by the settler; where it counts is all that differs.
        let copies = settled.iter_mut().map(|part| std::mem::take(&mut part.duplicated));
        let copies = copies.sum::<u64>() + self.copies;
        settled.push(Settled { duplicated: copies, ..Settled::default() });
        let spread = self.spreads.sum(Metric::Spread, |_| true);
        let spread = spread.inner();
        Found {
            settled,
            tolls: self
                .recoveries
                .planned()
                .iter()
                .map(|row| (row.missed_away, row.lost))
                .collect(),
            spread: (spread.len(), format!("{:.3}", spread.mean()), spread.max()),
        }
    }
}

fn at_once(plan: &Arc<Plan>, facts: &[Told]) -> Found {
    let mut coordinator = Coordinator::new(plan);
    coordinator.take(facts);
    coordinator.finish()
}

/// Each worker's part of the facts, cut into intervals of its own.
fn shares(facts: &[Told], workers: u32, rng: &mut Pcg64Mcg) -> Vec<VecDeque<(u64, Vec<Told>)>> {
    let share = |worker| {
        let mut intervals = VecDeque::new();
        let mut end_us = rng.random_range(1..2 * S);
        let mut interval = Vec::new();
        for fact in facts.iter().filter(|(_, client, _)| client % workers == worker) {
            while fact.0 >= end_us {
                intervals.push_back((end_us, std::mem::take(&mut interval)));
                end_us += rng.random_range(S / 10..2 * S);
            }
            interval.push(*fact);
        }
        intervals.push_back((end_us, interval));
        intervals
    };
    (0..workers).map(share).collect()
}

#[test]
fn a_made_up_run_has_something_of_everything() {
    let plan = plan();
    let found = at_once(&plan, &history(&plan, 1, true));
    let mut sum = Settled::default();
    found.settled.iter().for_each(|part| sum.merge(part));
    let Settled { expected, delivered, lost, acked_lost, late, .. } = sum;
    assert_eq!(expected, delivered + lost);
    assert_eq!(late, 0);
    assert!(acked_lost < lost, "{sum:?}");
    let Settled { uncertain, joining, cut_off, unfinished, missed_away, .. } = sum;
    let Settled { replayed, unexpected, duplicated, .. } = sum;
    let spreads = found.spread.0;
    assert!(unfinished > 0);
    let odd = [uncertain, joining, cut_off, missed_away, replayed, unexpected, duplicated];
    for count in [delivered, acked_lost].into_iter().chain(odd) {
        assert!(count.min(spreads) > 20, "{sum:?}");
    }
    // Of the losses, few lie in the window before the fault; `fate` has their table.
    let (away, lost_to_it) = found.tolls[0];
    assert!(lost_to_it < lost, "{:?}", found.tolls);
    assert!((1..=missed_away).contains(&away), "{:?}", found.tolls);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn workers_and_the_order_of_their_snapshots_change_nothing(seed: u64, workers in 1_u32..5, copies: bool) {
        let plan = plan();
        let facts = history(&plan, seed, copies);
        let mut rng = Pcg64Mcg::seed_from_u64(!seed);
        let mut shares = shares(&facts, workers, &mut rng);
        let mut coordinator = Coordinator::new(&plan);
        while !shares.is_empty() {
            let worker = rng.random_range(0..shares.len());
            match shares[worker].pop_front() {
                Some((_, interval)) => coordinator.take(&interval),
                None => drop(shares.swap_remove(worker)),
            }
        }
        prop_assert_eq!(coordinator.finish().comparable(copies), at_once(&plan, &facts).comparable(copies));
    }

    #[test]
    fn settling_along_the_way_changes_nothing(seed: u64, workers in 1_u32..5, copies: bool) {
        let plan = plan();
        let facts = history(&plan, seed, copies);
        let mut rng = Pcg64Mcg::seed_from_u64(!seed);
        let mut arrivals: Vec<(u64, usize, Vec<Told>)> = Vec::new();
        for (worker, share) in shares(&facts, workers, &mut rng).into_iter().enumerate() {
            let mut last_us = 0;
            for (end_us, interval) in share {
                // One worker's snapshots come in order.
                last_us = last_us.max(end_us + rng.random_range(0..BEHIND_US));
                arrivals.push((last_us, worker, interval));
            }
        }
        arrivals.sort_by_key(|(at_us, ..)| *at_us);
        let mut coordinator = Coordinator::new(&plan);
        let mut open_max = 0;
        for (at_us, _, interval) in arrivals {
            coordinator.take(&interval);
            // Nothing is settled by its age after the end.
            coordinator.advance(at_us.min(ENDED_US));
            open_max = open_max.max(coordinator.settler.open_messages());
        }
        let published = facts.iter().filter(|(.., fact)| matches!(fact, Fact::Published(_)));
        prop_assert!(open_max < published.count() * 2 / 3, "most were settled on the way");
        prop_assert_eq!(coordinator.finish().comparable(copies), at_once(&plan, &facts).comparable(copies));
    }
}

/// All nine clients are in all their rooms from the first second on.
fn everyone_in(plan: &Arc<Plan>) -> Coordinator {
    let mut coordinator = Coordinator::new(plan);
    let mut part = LedgerPart::default();
    for client in 0..plan.client_count() {
        for room in plan.memberships(client).iter().map(|at| at.room) {
            part.member(MemberEvent {
                client,
                at_us: 1,
                change: MemberChange::JoinWritten { room },
            });
            part.member(MemberEvent { client, at_us: 2, change: MemberChange::Joined { room } });
        }
    }
    coordinator.settler.take(part);
    // Until long after all that is said here.
    coordinator.settler.told(0, 1_000 * S);
    coordinator
}

fn message(seq: u32) -> MessageId {
    MessageId { room: 0, publisher: 0, seq }
}

fn say(coordinator: &mut Coordinator, seq: u32, due_us: u64, sent_us: u64) {
    let mut part = LedgerPart::default();
    part.publish(Published { message: message(seq), due_us, sent_us });
    coordinator.settler.take(part);
}

fn hear(coordinator: &mut Coordinator, seq: u32, slot: u32, sent_us: u64, at_us: u64) {
    let mut part = LedgerPart::default();
    part.hear(message(seq), slot, sent_us, at_us);
    coordinator.settler.take(part);
}

fn sum(coordinator: &Coordinator) -> Settled {
    coordinator.settler.sum(|_, _| true)
}

/// The first member of room 0 is away from 5 s to `back_us`.
fn away_until(coordinator: &mut Coordinator, client: u32, back_us: u64) {
    let mut part = LedgerPart::default();
    let mut tell = |at_us, change| part.member(MemberEvent { client, at_us, change });
    tell(5 * S, MemberChange::Failed { fault: None });
    tell(back_us, MemberChange::JoinWritten { room: 0 });
    tell(back_us + 2, MemberChange::Joined { room: 0 });
    coordinator.settler.take(part);
}

/// A plan whose first cohort relays so.
fn relaying(recipients: Recipients) -> Arc<Plan> {
    let mut plan = Plan::clone(&plan());
    plan.relays[0] = Relay { recipients, ..Relay::default() };
    Arc::new(plan)
}
