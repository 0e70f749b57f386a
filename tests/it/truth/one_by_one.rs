//! Every line of `ledger.jsonl` against the log of a server that drops, doubles, swaps, damages
//! and hangs up, while clients are reset, leave and come back: each thing the server did is listed
//! as what it was, for exactly that receiver and message, and nothing else is.
//!
//! Only near a receiver's own comings and goings may a line say less. The server sees those a
//! little before or after its client does, which is what `SLACK_US` is for.

use std::collections::{BTreeMap, BTreeSet};

use uproar::measure::FindingKind;

use super::faulty::{Act, Delivery, Faults, Log, Logged, Seen, Server};
use super::run::{Line, Listed, run_listed};

/// How far server and client differ in when a join, leave or failure was, on a busy machine.
const SLACK_US: u64 = 500_000;

const SCENARIO: &str = r#"
    format = 1
    name = "one-by-one"
    [target]
    builtin = "rooms"
    drain_timeout = "5s"
    [rooms.lobby]
    size = 6
    [[cohort]]
    name = "people"
    clients = 36
    join = { rooms = "lobby", per_client = 2 }
    publish = { rate = "8/s", arrivals = "constant", size = "128B" }
    reconnect = { first = "1500ms", factor = 1.0, jitter = "none" }
    churn = { connections = "2%/s", rooms = "2%/s", stay_away = "400ms" }
    [[phase]]
    name = "gather"
    duration = "1s"
    rate = "0%"
    measure = false
    [[phase]]
    name = "steady"
    duration = "8s"
    [[fault]]
    at = "steady + 3s"
    kind = "reset"
    clients = "25%"
"#;
const FAULT_US: u64 = 4_000_000;

/// A message for a receiver: receiver, publisher, room, number.
type Key = (u32, u32, String, u32);

/// Whether the stamp itself is damaged, so that nobody can tell whose it was.
fn spoils_stamp(seq: u32) -> bool {
    seq.is_multiple_of(2)
}

/// A delivery in nine is treated badly, in five ways.
fn mistreat(seed: u32, delivery: &Delivery<'_>) -> Act {
    let stamp = delivery.stamp;
    let mix = [delivery.receiver, stamp.publisher, stamp.room, stamp.seq, seed]
        .into_iter()
        .fold(0_u32, |mix, part| (mix ^ part).wrapping_mul(0x9E37_79B1).rotate_left(13));
    let damaged_at = |at: usize| {
        let mut bytes = delivery.payload.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'q' { b'x' } else { b'q' };
        Act::Change(String::from_utf8(bytes).unwrap())
    };
    match mix % 36 {
        0 => Act::Drop,
        1 => Act::Twice,
        2 => Act::Swap,
        3 if spoils_stamp(stamp.seq) => damaged_at(20),
        3 => damaged_at(uproar::stamp::STAMP_LEN + 20),
        _ => Act::Pass,
    }
}

/// What the server knows of everyone's comings and goings, on the run's clock.
struct Edges {
    /// By client: when, in which room if not all, and what.
    of: BTreeMap<u32, Vec<(u64, Seen)>>,
    /// W, as the report has it: one that waits to change places with the next of its author waits
    /// while that one is away.
    window_us: u64,
}

impl Edges {
    fn of(log: &Log, window_us: u64) -> Self {
        let ahead_us = log.ahead_us.unwrap();
        let mut of: BTreeMap<u32, Vec<(u64, Seen)>> = BTreeMap::new();
        for (at_us, client, seen) in &log.seen {
            let at_us = at_us.saturating_sub(ahead_us);
            of.entry(*client).or_default().push((at_us, seen.clone()));
        }
        Self { of, window_us }
    }

    fn touching<'a>(&'a self, client: u32, room: &'a str) -> impl Iterator<Item = &'a (u64, Seen)> {
        self.of.get(&client).into_iter().flatten().filter(move |(_, seen)| match seen {
            Seen::Joined { room: of } | Seen::Left { room: of } => of == room,
            Seen::Closed | Seen::Failed => true,
        })
    }

    /// Whether what was sent then may be uncertain for a receiver.
    fn near(&self, client: u32, room: &str, sent_us: u64) -> bool {
        self.touching(client, room).any(|(at_us, _)| {
            (at_us.saturating_sub(self.window_us + SLACK_US)..=at_us + SLACK_US).contains(&sent_us)
        })
    }

    /// Whether the author's connection ended soon after.
    fn author_ended(&self, author: u32, sent_us: u64) -> bool {
        let until_us = sent_us + self.window_us + SLACK_US;
        self.of.get(&author).into_iter().flatten().any(|(at_us, seen)| {
            let ended = matches!(seen, Seen::Failed | Seen::Closed);
            ended && (sent_us.saturating_sub(SLACK_US)..=until_us).contains(at_us)
        })
    }

    /// From each failure of a client to its next join of a room, which may never come.
    fn absences(&self, client: u32, room: &str) -> Vec<(u64, u64)> {
        let all: Vec<_> = self.touching(client, room).collect();
        let mut absences = Vec::new();
        let mut there = false;
        for (n, (from_us, seen)) in all.iter().enumerate() {
            if *seen == Seen::Failed && there {
                let back = all[n..].iter().find(|(_, seen)| matches!(seen, Seen::Joined { .. }));
                absences.push((*from_us, back.map_or(u64::MAX, |(at_us, _)| *at_us)));
            }
            there = matches!(seen, Seen::Joined { .. });
        }
        absences
    }
}

fn sent_us(line: &Line) -> u64 {
    (line.sent_s.expect("a message of this run") * 1e6).round() as u64
}

fn key(line: &Line) -> Option<Key> {
    Some((line.receiver, line.publisher?, line.room.clone()?, line.seq?))
}

fn keys(log: &Log, of: &[Logged]) -> Vec<(Key, u64)> {
    let key = |logged: &Logged| {
        let stamp = logged.stamp;
        let room = log.room_names[&stamp.room].clone();
        ((logged.receiver, stamp.publisher, room, stamp.seq), stamp.sent_us)
    };
    of.iter().map(key).collect()
}

/// What the server did, by kind of line.
struct Done {
    /// With the instants by which a receiver's connection may have cut it short.
    by_kind: BTreeMap<FindingKind, BTreeMap<Key, Vec<u64>>>,
    unreadable: BTreeMap<u32, u64>,
}

impl Done {
    fn of(log: &Log) -> Self {
        use FindingKind::{Corrupted, Duplicated, Lost, Reordered};
        let mut by_kind: BTreeMap<FindingKind, BTreeMap<Key, Vec<u64>>> = BTreeMap::new();
        let mut unreadable = BTreeMap::new();
        let mut add = |kind, key: Key, at_us: Vec<u64>| {
            let twice = by_kind.entry(kind).or_default().insert(key, at_us);
            assert!(twice.is_none(), "one act a delivery");
        };
        for (key, at_us) in keys(log, &log.dropped) {
            add(Lost, key, vec![at_us]);
        }
        for (key, at_us) in keys(log, &log.doubled) {
            add(Duplicated, key, vec![at_us]);
        }
        for ((key, at_us), late_us) in keys(log, &log.swapped).into_iter().zip(&log.overtaken_us) {
            add(Reordered, key, vec![at_us, *late_us]);
        }
        for (key, at_us) in keys(log, &log.changed) {
            if spoils_stamp(key.3) {
                *unreadable.entry(key.0).or_default() += 1;
                add(Lost, key, vec![at_us]);
            } else {
                add(Corrupted, key, vec![at_us]);
            }
        }
        Self { by_kind, unreadable }
    }

    fn did(&self, kind: FindingKind, key: &Key) -> bool {
        self.by_kind.get(&kind).is_some_and(|of| of.contains_key(key))
    }
}

/// Each thing the server did has its line, or lies in a window. Gives how many had one, by kind.
fn each_act_is_listed(
    done: &Done,
    edges: &Edges,
    listed: &BTreeMap<(FindingKind, Key), Line>,
) -> BTreeMap<FindingKind, u64> {
    let mut found: BTreeMap<FindingKind, u64> = BTreeMap::new();
    for (kind, key, at_us) in
        done.by_kind.iter().flat_map(|(kind, of)| of.iter().map(move |(key, at)| (*kind, key, at)))
    {
        let excused = at_us.iter().any(|at_us| edges.near(key.0, &key.2, *at_us));
        match listed.get(&(kind, key.clone())) {
            Some(line) => {
                *found.entry(kind).or_default() += u64::from(!excused);
                assert_eq!(sent_us(line), at_us[0], "{line:?}");
                assert_eq!(line.arrived, kind != FindingKind::Lost, "{line:?}");
            }
            None => {
                // A message that nobody heard and whose author failed may never have left.
                let maybe_never_sent = kind == FindingKind::Lost
                    && listed.contains_key(&(FindingKind::Uncertain, key.clone()))
                    && edges.author_ended(key.1, at_us[0]);
                assert!(excused || maybe_never_sent, "{kind:?} of {key:?}, not listed");
            }
        }
    }
    found
}

/// Each line is something the server did, or lies in a window of its own receiver.
fn each_line_is_explained(done: &Done, edges: &Edges, log: &Log, lines: &[Line]) {
    use FindingKind::{
        Corrupted, CutOff, Duplicated, Late, Lost, MissedAway, Reordered, Uncertain,
    };
    for line in lines {
        let Some(key) = key(line) else {
            assert!(line.kind == Corrupted && line.sent_s.is_none(), "{line:?}");
            continue;
        };
        let sent_us = sent_us(line);
        let near = || edges.near(line.receiver, &key.2, sent_us);
        let explained = match line.kind {
            Duplicated | Reordered | Corrupted => done.did(line.kind, &key),
            // Cut off between two that changed places.
            Lost => done.did(Lost, &key) || done.did(Reordered, &key),
            CutOff | FindingKind::Joining => near(),
            Uncertain => {
                let never_taken = !log.taken.contains_key(&(key.1, key.2.clone(), key.3));
                let author_ended = edges.author_ended(key.1, sent_us);
                near() || (author_ended && (never_taken || done.did(Lost, &key)))
            }
            MissedAway => edges.absences(line.receiver, &key.2).iter().any(|(from_us, back_us)| {
                let from_us = from_us.saturating_sub(SLACK_US);
                (from_us..=back_us.saturating_add(SLACK_US)).contains(&sent_us)
            }),
            FindingKind::AckedLost
            | FindingKind::Replayed
            | FindingKind::Unexpected
            | FindingKind::Foreign
            | FindingKind::Unfinished
            | Late => false,
        };
        assert!(explained, "nothing explains {line:?}");
        let on_arrival = matches!(line.kind, Duplicated | Reordered | Corrupted);
        assert!(line.received_s.is_some() || !on_arrival, "{line:?}");
        assert!(line.received_s.is_none_or(|at_s| Some(at_s) >= line.sent_s), "{line:?}");
        assert!(line.due_s <= line.sent_s, "{line:?}");
    }
}

/// What was sent well within an absence is listed as missed, all of it. Gives how many.
fn absences_are_listed(
    edges: &Edges,
    log: &Log,
    listed: &BTreeMap<(FindingKind, Key), Line>,
) -> usize {
    let mut missed = 0;
    for client in edges.of.keys() {
        let rooms: BTreeSet<_> = log
            .taken
            .keys()
            .map(|(_, room, _)| room)
            .filter(|room| {
                let joined = Seen::Joined { room: (*room).clone() };
                edges.of[client].iter().any(|(_, seen)| *seen == joined)
            })
            .collect();
        for room in rooms {
            for (from_us, back_us) in edges.absences(*client, room) {
                // Who never came back was there until the run's end took everyone.
                if back_us == u64::MAX {
                    continue;
                }
                let within = from_us + SLACK_US..back_us - SLACK_US;
                for ((publisher, of, seq), stamp) in &log.taken {
                    if of == room && within.contains(&stamp.sent_us) {
                        let key = (*client, *publisher, room.clone(), *seq);
                        let line = listed.get(&(FindingKind::MissedAway, key));
                        let line = line.unwrap_or_else(|| panic!("{client} missed {stamp:?}"));
                        let by_fault = from_us.abs_diff(FAULT_US) < SLACK_US;
                        assert!(!by_fault || line.fault.as_deref() == Some("reset"), "{line:?}");
                        missed += 1;
                    }
                }
            }
        }
    }
    missed
}

async fn against(seed: u32) {
    let rule = move |delivery: &Delivery<'_>| mistreat(seed, delivery);
    let faults = Faults { rule: Box::new(rule), closes: Some((6, 130)), ..Faults::default() };
    let server = Server::start(faults).await;
    let arguments = ["--protocol", "rooms", "--seed", &seed.to_string()];
    let Listed { report, lines, left_out } = run_listed(SCENARIO, &arguments, server.address).await;
    let log = server.log();
    let window_us = (report.ledger.window_s * 1e6) as u64;
    assert!((1_000_000..2_900_000).contains(&window_us), "{window_us}");
    let edges = Edges::of(&log, window_us);
    let done = Done::of(&log);
    assert!(log.closes >= 4, "the server closed {} connections", log.closes);

    // Lines and what was left out are the counters.
    use FindingKind::{
        Corrupted, CutOff, Duplicated, Foreign, Late, Lost, MissedAway, Reordered, Replayed,
        Uncertain, Unexpected, Unfinished,
    };
    let found = report.deliveries;
    for (kind, counted) in [
        (Lost, found.lost),
        (Duplicated, found.duplicated),
        (Reordered, found.reordered),
        (Corrupted, found.corrupted),
        (Replayed, found.replayed),
        (Unexpected, found.unexpected),
        (Foreign, found.foreign),
        (Uncertain, found.uncertain),
        (CutOff, found.cut_off),
        (FindingKind::Joining, found.joining),
        (Unfinished, found.unfinished),
        (MissedAway, found.missed_away),
        (Late, found.late),
    ] {
        let of_kind = lines.iter().filter(|line| line.kind == kind).count() as u64;
        assert_eq!(Some(of_kind), counted, "{kind:?}");
    }
    assert_eq!(left_out.len(), FindingKind::ALL.len());
    assert!(left_out.values().all(|left_out| *left_out == 0), "{left_out:?}");
    assert!(lines.iter().all(|line| line.cohort == "people"));
    assert!(lines.is_sorted_by_key(|line| line.sent_s.or(line.received_s)));
    // Each row's toll is what its lines add up to, be it a fault or an outage of the server's.
    for row in &report.faults {
        let of_row = |line: &&Line| {
            line.fault.as_ref() == Some(&row.kind) && line.fault_at_s == Some(row.at_s)
        };
        let count = |kind| lines.iter().filter(of_row).filter(|line| line.kind == kind).count();
        assert_eq!(Some(count(MissedAway) as u64), row.missed_away, "{row:?}");
        assert_eq!(Some(count(Lost) as u64), row.lost, "{row:?}");
    }
    assert!(report.faults.iter().any(|row| row.kind == "reset" && row.missed_away > Some(0)));

    let mut listed = BTreeMap::new();
    let mut unreadable: BTreeMap<u32, u64> = BTreeMap::new();
    for line in &lines {
        match key(line) {
            Some(key) => {
                let twice = listed.insert((line.kind, key), line.clone());
                assert!(twice.is_none(), "twice: {line:?}");
            }
            None => *unreadable.entry(line.receiver).or_default() += 1,
        }
    }
    let outside = each_act_is_listed(&done, &edges, &listed);
    for kind in [Lost, Duplicated, Reordered, Corrupted] {
        let count = outside.get(&kind).copied().unwrap_or(0);
        assert!(count >= 40, "{count} {kind:?} outside windows prove too little");
    }
    each_line_is_explained(&done, &edges, &log, &lines);
    let missed = absences_are_listed(&edges, &log, &listed);
    assert!(missed >= 40, "{missed} missed while away prove too little");

    // Whose message an unreadable stamp was is unknown, but not who got it.
    for (receiver, count) in &unreadable {
        let did = done.unreadable.get(receiver).copied().unwrap_or(0);
        assert!(*count <= did, "{receiver}: {count} of {did}");
    }
    let untouched = |receiver: &u32| edges.of[receiver].len() == 3; // two joins and the end
    let calm: Vec<_> = done.unreadable.iter().filter(|(client, _)| untouched(client)).collect();
    assert!(!calm.is_empty());
    for (receiver, did) in calm {
        assert_eq!(unreadable.get(receiver), Some(did), "client {receiver}");
    }
}

#[tokio::test]
async fn lines_are_what_the_server_did_and_nothing_else() {
    // One after the other: their servers share a thread, and what is listed hangs on when they speak.
    for seed in 1..=3 {
        against(seed).await;
    }
}
