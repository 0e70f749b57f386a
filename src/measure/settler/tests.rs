//! Histories of made-up clients, told by one worker at once or by several bit by bit: what is
//! settled must be the same.

use proptest::prelude::*;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::*;
use crate::measure::ledger::Published;
use crate::scenario::{Overrides, Source, read};

const S: u64 = 1_000_000;
/// Length of a made-up run, well over the time that messages stay open.
const LENGTH_US: u64 = 80 * S;
/// How long after its message an arrival comes, at most.
const SLOW_US: u64 = 10 * S;
/// How far the coordinator's news of one worker lie behind another's, at most.
const BEHIND_US: u64 = 5 * S;

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
    Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()))
}

#[derive(Clone, Copy, Debug)]
pub(in crate::measure) enum Fact {
    Published(Published),
    Member(MemberEvent),
    Heard { message: MessageId, slot: u32, sent_us: u64 },
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
        for _ in 0..if nobody { 0 } else { heard } {
            let at_us = sent_us + rng.random_range(1..SLOW_US);
            facts.push((at_us, *client, Fact::Heard { message, slot, sent_us }));
        }
    }
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
}

impl Coordinator {
    fn new(plan: &Arc<Plan>) -> Self {
        let settler = Settler::new(Arc::clone(plan));
        let recoveries = Recoveries::new(Arc::clone(plan));
        Self { settler, spreads: Histograms::default(), recoveries, copies: 0 }
    }

    fn take(&mut self, facts: &[Told]) {
        let mut part = LedgerPart::default();
        for (at_us, _, fact) in facts {
            match *fact {
                Fact::Published(message) => part.publish(message),
                Fact::Member(event) => part.member(event),
                Fact::Heard { message, slot, sent_us } => {
                    self.copies += u64::from(!part.hear(message, slot, sent_us, *at_us));
                }
            }
        }
        self.settler.take(part);
    }

    fn advance(&mut self, now_us: u64) {
        self.settler.advance(now_us, &mut self.spreads, &mut self.recoveries);
    }

    fn finish(mut self) -> Found {
        self.settler.finish(&mut self.spreads, &mut self.recoveries);
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
    let Settled { expected, delivered, lost, uncertain, missed_away, duplicated, late } = sum;
    assert_eq!(expected, delivered + lost);
    assert_eq!(late, 0);
    for count in [delivered, lost, uncertain, missed_away, duplicated, found.spread.0] {
        assert!(count > 20, "{sum:?}");
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
            coordinator.advance(at_us);
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
        let findings = coordinator.settler.findings.sorted();
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
        coordinator.settler.failures.entry(0).or_default().push(failed_us);
        coordinator.settler.finish(&mut coordinator.spreads, &mut coordinator.recoveries);
        let found = sum(&coordinator);
        assert_eq!((found.uncertain, found.lost), (uncertain, lost), "failed at {failed_us}");
    }
}

#[test]
fn first_and_last_arrivals_are_filed_by_how_many_heard_a_measured_message() {
    let text = r#"
        format = 1
        name = "sizes"
        [target]
        builtin = "rooms"
        [rooms.lobby]
        count = 1
        [[cohort]]
        name = "people"
        clients = 8
        join = { rooms = "lobby" }
        publish = { rate = "1/s" }
        [[phase]]
        name = "ramp"
        duration = "10s"
        measure = false
        [[phase]]
        name = "steady"
        duration = "20s"
    "#;
    let source = Source { name: "test".to_owned(), text: text.to_owned() };
    let plan = Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()));
    let mut coordinator = everyone_in(&plan);
    let sent_us = 11 * S;
    // When it was due decides whether it counts; slots hear it after so many microseconds.
    let messages: [(u64, &[u64]); 5] = [
        (sent_us, &[20, 10, 70]),
        (10 * S, &[30, 40, 50, 60, 90]),
        (sent_us, &[100, 200, 300, 400, 500, 600]),
        (10 * S - 1, &[1_000, 9_000, 5_000]),
        (sent_us, &[7]),
    ];
    for (seq, (due_us, arrivals)) in (0..).zip(messages) {
        say(&mut coordinator, seq, due_us, sent_us);
        for (slot, after_us) in (0..).zip(arrivals) {
            // Each arrival in a part of its own, as if every receiver had its own worker.
            hear(&mut coordinator, seq, slot, sent_us, sent_us + after_us);
        }
        // A copy neither widens the spread nor makes one recipient two.
        hear(&mut coordinator, seq, 0, sent_us, sent_us + 20_000);
    }
    coordinator.settler.finish(&mut coordinator.spreads, &mut coordinator.recoveries);
    let of = |hist: &super::super::Hist| (hist.inner().min(), hist.inner().max());
    let by_size = coordinator.settler.by_size();
    let found: Vec<_> = by_size
        .iter()
        .map(|(range, at)| (range, at.spread.len(), of(&at.first), of(&at.last), of(&at.spread)))
        .collect();
    assert_eq!(
        found,
        [
            ((3, 5), 2, (10, 30), (70, 90), (60, 60)),
            ((6, 10), 1, (100, 100), (600, 600), (500, 500))
        ]
    );
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
        assert!(coordinator.settler.queue.len() as u64 <= 31 * per_s);
        assert!(coordinator.settler.early.is_empty());
    }
    // What was sent by 270 s, the message at that very instant included, is settled.
    let members = plan.rooms()[0].members.len() as u64;
    assert_eq!(sum(&coordinator).lost, (269 * per_s + 1) * members);
}
