use super::super::opened::OpenMessages;
use super::*;
use crate::measure::ledger::Published;

fn id(seq: u32) -> MessageId {
    MessageId { room: 0, publisher: 1, seq }
}

fn missed(answer: Option<Answer>) -> Missed {
    let mut messages = OpenMessages::default();
    messages.publish(&[Published { message: id(0), due_us: 5, sent_us: 9 }]);
    let (_, mut open) = messages.pop(9).unwrap();
    open.answer = answer;
    Missed::of(&open)
}

fn entry(fate: Fate, acked: bool) -> Entry {
    Entry::Message { fate, acked }
}

#[test]
fn only_what_may_still_change_is_remembered_and_once() {
    let mut one = missed(None);
    assert_eq!((one.due_us, one.sent_us), (5, 9));
    for (slot, fate, away) in [
        (0, Fate::Lost, Away::Missed),
        (1, Fate::Unfinished, Away::Missed),
        (2, Fate::MissedAway, Away::Replayed),
        // Nobody tells it what it missed.
        (3, Fate::MissedAway, Away::Missed),
        (4, Fate::Delivered, Away::Replayed),
        (5, Fate::CutOff, Away::Replayed),
        (6, Fate::Refused, Away::Replayed),
    ] {
        one.note(slot, fate, away);
    }
    let mut take = |slot| one.take(slot);
    assert_eq!(take(0), Some(entry(Fate::Lost, false)));
    assert_eq!(take(1), Some(entry(Fate::Unfinished, false)));
    assert_eq!(take(2), Some(entry(Fate::MissedAway, false)));
    assert_eq!((0..7).filter_map(take).count(), 0);
}

#[test]
fn the_first_answer_counts_for_all_who_missed_it() {
    let mut one = missed(None);
    one.note(4, Fate::Lost, Away::Missed);
    one.note(70, Fate::Lost, Away::Missed);
    one.note(2, Fate::Unfinished, Away::Missed);
    one.take(4);
    let lost = (70, entry(Fate::Lost, false), entry(Fate::Lost, true));
    let unfinished = (2, entry(Fate::Unfinished, false), entry(Fate::Unfinished, true));
    assert_eq!(one.answer(Answer::Acked), [lost, unfinished]);
    assert_eq!(one.answer(Answer::Rejected), []);
    assert_eq!(one.take(70), Some(entry(Fate::Lost, true)));
    // So does one that came before it was settled.
    let mut one = missed(Some(Answer::Acked));
    one.note(1, Fate::Lost, Away::Missed);
    assert_eq!(one.answer(Answer::Rejected), []);
    assert_eq!(one.take(1), Some(entry(Fate::Lost, true)));
}

#[test]
fn nobody_misses_what_was_refused() {
    let mut one = missed(None);
    one.note(0, Fate::Lost, Away::Missed);
    one.note(1, Fate::Unfinished, Away::Missed);
    one.note(2, Fate::MissedAway, Away::Replayed);
    let refused = one.answer(Answer::Rejected);
    let now: Vec<_> = refused.iter().map(|(slot, _, now)| (*slot, *now)).collect();
    assert_eq!(now, [0, 1, 2].map(|slot| (slot, entry(Fate::Refused, false))));
    assert!(one.is_empty());
}

#[test]
fn the_oldest_is_forgotten_past_the_bound_and_what_nobody_missed_at_once() {
    let mut all = MissedMessages::default();
    for seq in 0..=MISSED_MAX as u32 {
        let mut one = missed(None);
        one.note(0, Fate::Lost, Away::Missed);
        all.remember(id(seq), one);
        all.remember(id(1_000_000 + seq), missed(None));
    }
    assert!(all.get_mut(id(0)).is_none());
    assert!(all.get_mut(id(1)).is_some() && all.get_mut(id(MISSED_MAX as u32)).is_some());
    assert!(all.get_mut(id(1_000_000)).is_none());
    assert_eq!((all.by_id.len(), all.queue.len()), (MISSED_MAX, MISSED_MAX));
}
