use std::sync::Arc;

use super::*;
use crate::client::session::rooms::Rooms;
use crate::measure::{Counts, LedgerPart, Snapshot, WorkerHealth};
use crate::plan::{Membership, Plan};
use crate::scenario::{Overrides, Source, read};

const S: u64 = 1_000_000;
const SLOT: u32 = 4;

/// Hears for client 7, which has joined room 3 from 100 s on and is in room 5 no more.
struct Ear {
    heard: Heard,
    rooms: Rooms,
    recorder: Recorder,
}

fn ear(replays: bool) -> Ear {
    let text = r#"
        format = 1
        name = "heard"
        [target]
        builtin = "rooms"
        [rooms.lobby]
        count = 1
        [[cohort]]
        name = "all"
        clients = 9
        join = { rooms = "lobby" }
        [[phase]]
        name = "steady"
        duration = "200s"
    "#;
    let source = Source { name: "test".to_owned(), text: text.to_owned() };
    let plan = Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()));
    let at = |room| Membership { room, slot: SLOT };
    let mut rooms = Rooms::new(&[at(3), at(5)]);
    for at in 0..2 {
        rooms.enter(at, 100 * S);
        rooms.entered(at, 100 * S + 9);
    }
    rooms.leave(1, 110 * S);
    rooms.left(1, 110 * S, S);
    Ear { heard: Heard::new(7, 0, replays), rooms, recorder: Recorder::new(plan) }
}

fn stamp(room: u32, seq: u32, sent_us: u64) -> Stamp {
    let (run, publisher, due_us, preflight) = (1, 2, sent_us, false);
    Stamp { run, publisher, room, seq, due_us, sent_us, preflight }
}

impl Ear {
    fn hear(&mut self, of: &Stamp, missed_from_us: Option<u64>, now_us: u64) -> bool {
        let mine = self.rooms.find(of.room);
        self.heard.take(of, mine, missed_from_us, &mut self.recorder, now_us)
    }

    fn end(mut self) -> (Counts, Vec<FindingKind>, LedgerPart) {
        let Snapshot { counts, findings, ledger, .. } =
            self.recorder.take(0, 200 * S, WorkerHealth::default());
        let mut kinds: Vec<_> = findings.sorted().into_iter().map(|of| of.kind).collect();
        kinds.sort();
        (counts[0], kinds, ledger)
    }
}

fn id(stamp: &Stamp) -> MessageId {
    MessageId { room: stamp.room, publisher: stamp.publisher, seq: stamp.seq }
}

#[test]
fn what_a_member_hears_is_told_to_the_ledger_once() {
    let mut ear = ear(false);
    let (first, second) = (stamp(3, 0, 120 * S), stamp(3, 1, 121 * S));
    assert!(ear.hear(&first, None, 120 * S + 50));
    assert!(ear.hear(&second, None, 121 * S + 50));
    assert!(!ear.hear(&first, None, 122 * S), "a copy");
    let (counts, kinds, ledger) = ear.end();
    assert_eq!((counts.duplicated, counts.reordered, counts.unexpected), (1, 0, 0));
    assert_eq!(kinds, [FindingKind::Duplicated]);
    let mut told = LedgerPart::default();
    told.hear(id(&first), SLOT, 120 * S, 120 * S + 50);
    told.hear(id(&second), SLOT, 121 * S, 121 * S + 50);
    assert_eq!(ledger, told);
}

#[test]
fn one_that_was_overtaken_is_heard_all_the_same() {
    let mut ear = ear(false);
    assert!(ear.hear(&stamp(3, 1, 120 * S), None, 120 * S + 50));
    assert!(ear.hear(&stamp(3, 0, 120 * S), None, 120 * S + 60));
    // So far behind that it may be a copy: only the settler can tell.
    assert!(ear.hear(&stamp(3, 200, 121 * S), None, 121 * S));
    assert!(ear.hear(&stamp(3, 2, 120 * S), None, 122 * S));
    let (counts, kinds, _) = ear.end();
    assert_eq!((counts.reordered, counts.duplicated), (2, 0));
    assert_eq!(kinds, [FindingKind::Reordered; 2]);
}

#[test]
fn how_long_a_server_takes_shows_in_what_was_sent_after_the_join() {
    for (sent_us, widens) in [(100 * S + 8, false), (100 * S + 9, true)] {
        let mut ear = ear(false);
        let before_us = ear.recorder.window_us(0);
        assert!(ear.hear(&stamp(3, 0, sent_us), None, sent_us + 4 * S));
        assert_eq!(ear.recorder.window_us(0) > before_us, widens, "{sent_us}");
    }
}

#[test]
fn what_was_sent_to_rooms_it_is_not_in_is_unexpected() {
    let mut ear = ear(false);
    // One it never had, and one that it has left; what was sent before that is the ledger's.
    assert!(!ear.hear(&stamp(99, 0, 120 * S), None, 120 * S + 50));
    assert!(!ear.hear(&stamp(5, 0, 120 * S), None, 120 * S + 50));
    assert!(ear.hear(&stamp(5, 1, 109 * S), None, 109 * S + 50));
    let (counts, kinds, ledger) = ear.end();
    assert_eq!((counts.unexpected, counts.replayed), (2, 0));
    assert_eq!(kinds, [FindingKind::Unexpected; 2]);
    let mut told = LedgerPart::default();
    told.hear(id(&stamp(5, 1, 109 * S)), SLOT, 109 * S, 109 * S + 50);
    assert_eq!(ledger, told);
}

#[test]
fn history_is_counted_or_told_by_who_replays() {
    let old = stamp(3, 0, 50 * S);
    let mut plain = ear(false);
    assert!(!plain.hear(&old, None, 101 * S));
    let (counts, kinds, ledger) = plain.end();
    assert_eq!((counts.replayed, kinds), (1, vec![FindingKind::Replayed]));
    assert_eq!(ledger, LedgerPart::default());

    let mut replaying = ear(true);
    assert!(!replaying.hear(&old, Some(40 * S), 101 * S));
    // On its way when the connection before failed: only late.
    assert!(replaying.hear(&stamp(3, 1, 30 * S), Some(40 * S), 101 * S));
    let (counts, kinds, ledger) = replaying.end();
    assert_eq!((counts.replayed, kinds), (0, vec![]));
    let mut told = LedgerPart::default();
    told.hear_replayed(id(&old), SLOT, 50 * S, 101 * S);
    told.hear(id(&stamp(3, 1, 30 * S)), SLOT, 30 * S, 101 * S);
    assert_eq!(ledger, told);
}
