//! Histories of made-up clients, told by one worker at once or by several bit by bit: what is
//! settled must be the same.

use proptest::prelude::*;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::*;
use crate::measure::ledger::Published;
use crate::measure::window::Took;
use crate::plan::Relay;
use crate::protocol::Recipients;
use crate::scenario::{Overrides, Source, read};

mod bounds;
mod ending;
mod sums;

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
        assert_eq!(coordinator.settler.early.len(), 0);
    }
    // What was sent by 270 s, the message at that very instant included, is settled.
    let members = plan.rooms()[0].members.len() as u64;
    assert_eq!(sum(&coordinator).lost, (269 * per_s + 1) * members);
}

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
        coordinator.settler.findings.sorted().into_iter().map(|finding| finding.kind).collect();
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
        coordinator.settler.failures.entry(0).or_default().push(5 * S + 10);
        coordinator.settler.finish(&mut coordinator.spreads, &mut coordinator.recoveries);
        let found = sum(&coordinator);
        assert_eq!((found.lost, found.acked_lost), (lost, lost));
        assert_eq!(found.uncertain, members - lost);
    }
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

/// A plan whose first cohort relays so.
fn relaying(recipients: Recipients) -> Arc<Plan> {
    let mut plan = Plan::clone(&plan());
    plan.relays[0] = Relay { recipients, ..Relay::default() };
    Arc::new(plan)
}

#[test]
fn who_hears_a_publish_is_who_is_expected_to() {
    let members = plan().rooms()[0].members.len() as u64;
    assert!(plan().rooms()[0].members.contains(&0), "its author is a member");
    for (recipients, addressed) in [
        (Recipients::Room, members),
        (Recipients::Others, members - 1),
        (Recipients::Sender, 1),
        (Recipients::Nobody, 0),
    ] {
        let plan = relaying(recipients);
        for heard in [false, true] {
            let mut coordinator = everyone_in(&plan);
            say(&mut coordinator, 0, S, S);
            for slot in 0..if heard { members as u32 } else { 0 } {
                hear(&mut coordinator, 0, slot, S, S + 5);
            }
            coordinator.settler.finish(&mut coordinator.spreads, &mut coordinator.recoveries);
            let found = sum(&coordinator);
            assert_eq!(found.expected, addressed, "{recipients:?}");
            let outcome = (found.delivered, found.lost, found.unexpected);
            let expected =
                if heard { (addressed, 0, members - addressed) } else { (0, addressed, 0) };
            assert_eq!(outcome, expected, "{recipients:?}");
        }
    }
}

#[test]
fn the_drain_waits_for_answers_and_replays_that_can_still_come() {
    let plan = plan();
    let mut coordinator = everyone_in(&plan);
    let members = plan.rooms()[0].members.len() as u32;
    say(&mut coordinator, 0, 6 * S, 6 * S);
    for slot in 0..members {
        hear(&mut coordinator, 0, slot, 6 * S, 6 * S + 5);
    }
    assert!(coordinator.settler.is_waiting(), "not acknowledged yet");
    let mut part = LedgerPart::default();
    part.answer(message(0), Answer::Acked);
    coordinator.settler.take(part);
    assert!(!coordinator.settler.is_waiting());

    // Nobody acknowledges on a connection that failed since.
    say(&mut coordinator, 1, 7 * S, 7 * S);
    for slot in 0..members {
        hear(&mut coordinator, 1, slot, 7 * S, 7 * S + 5);
    }
    assert!(coordinator.settler.is_waiting());
    coordinator.settler.failures.entry(0).or_default().push(8 * S);
    assert!(!coordinator.settler.is_waiting());

    // Who is away hears nothing; who is back may still hear it.
    let mut coordinator = everyone_in(&plan);
    let (slot, client) = (0, plan.rooms()[0].members[0]);
    assert_eq!(plan.relay(client).away, Away::Replayed);
    say(&mut coordinator, 0, 6 * S, 6 * S);
    let mut part = LedgerPart::default();
    part.answer(message(0), Answer::Acked);
    let failed = MemberChange::Failed { fault: None };
    part.member(MemberEvent { client, at_us: 5 * S, change: failed });
    for other in 1..members {
        part.hear(message(0), other, 6 * S, 6 * S + 5);
    }
    coordinator.settler.take(part);
    assert!(!coordinator.settler.is_waiting());
    let mut part = LedgerPart::default();
    part.member(MemberEvent {
        client,
        at_us: 8 * S,
        change: MemberChange::JoinWritten { room: 0 },
    });
    part.member(MemberEvent { client, at_us: 9 * S, change: MemberChange::Joined { room: 0 } });
    coordinator.settler.take(part);
    assert!(coordinator.settler.is_waiting());
    let mut part = LedgerPart::default();
    part.hear_replayed(message(0), slot, 6 * S, 9 * S);
    coordinator.settler.take(part);
    assert!(!coordinator.settler.is_waiting());
}
