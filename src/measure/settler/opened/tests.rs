use super::*;
use crate::measure::slots::slots;

fn id(seq: u32) -> MessageId {
    MessageId { room: 2, publisher: 1, seq }
}

fn published(seq: u32, sent_us: u64) -> Published {
    Published { message: id(seq), due_us: sent_us - 1, sent_us }
}

fn heard(of: &[u32], first_us: u64, last_us: u64) -> Heard {
    Heard { slots: slots(of), sent_us: 10, first_us, last_us }
}

fn opened(sent: &[(u32, u64)]) -> OpenMessages {
    let mut messages = OpenMessages::default();
    for (seq, sent_us) in sent {
        messages.publish(&[published(*seq, *sent_us)]);
    }
    messages
}

#[test]
fn messages_come_out_once_in_the_order_they_were_sent_in() {
    let mut messages = opened(&[(0, 30), (1, 10), (2, 20)]);
    assert_eq!((messages.len(), messages.queued(), messages.ids().count()), (3, 3, 3));
    assert!(messages.pop(9).is_none());
    let mut pop = |until_us| messages.pop(until_us).map(|(id, open)| (id.seq, open.sent_us));
    assert_eq!([pop(20), pop(20), pop(20)], [Some((1, 10)), Some((2, 20)), None]);
    assert!(messages.get(id(1)).is_none() && messages.get(id(0)).is_some());
    assert_eq!(messages.pop(u64::MAX).map(|(id, open)| (id.seq, open.due_us)), Some((0, 29)));
    assert_eq!((messages.len(), messages.queued()), (0, 0));
}

#[test]
fn who_hears_it_again_is_told_and_widens_nothing() {
    let mut messages = opened(&[(0, 10)]);
    let open = messages.get_mut(id(0)).unwrap();
    assert_eq!(open.reach(), None);
    assert!(open.hear(&heard(&[3], 40, 40), Way::Live).is_empty());
    assert_eq!(open.reach(), None, "nobody is last beside the first");
    // One of another worker's was earlier.
    assert!(open.hear(&heard(&[5, 70], 30, 60), Way::Live).is_empty());
    let reach = Reach { recipients: 3, first_us: 30, last_us: 60 };
    assert_eq!(open.reach(), Some(reach));
    assert_eq!(open.hear(&heard(&[5], 20, 900), Way::Live), slots(&[5]));
    assert_eq!(open.reach(), Some(reach));
    assert_eq!(open.hear(&heard(&[3, 9], 5, 70), Way::Live), slots(&[3]));
    assert_eq!(open.reach(), Some(Reach { recipients: 4, first_us: 5, last_us: 70 }));
}

#[test]
fn who_hears_it_on_a_return_is_no_last_recipient() {
    let mut messages = opened(&[(0, 10)]);
    let open = messages.get_mut(id(0)).unwrap();
    assert!(open.hear(&heard(&[1, 2], 900, 950), Way::Replay).is_empty());
    assert_eq!((open.reach(), open.slots.count()), (None, 2));
    open.hear(&heard(&[4], 20, 20), Way::Live);
    assert_eq!(open.reach(), None);
    // Heard live, and again on the return: it stays a live one.
    assert_eq!(open.hear(&heard(&[4], 990, 990), Way::Replay), slots(&[4]));
    open.hear(&heard(&[6], 25, 25), Way::Live);
    assert_eq!(open.reach(), Some(Reach { recipients: 2, first_us: 20, last_us: 25 }));
}

#[test]
fn whether_a_later_one_was_heard_is_asked_of_each_member() {
    let mut messages = opened(&[(0, 10), (1, 20), (2, 30), (4, 50)]);
    for (seq, of) in [(1, &[1][..]), (2, &[2]), (4, &[3])] {
        messages.get_mut(id(seq)).unwrap().hear(&heard(of, 60, 60), Way::Live);
    }
    for (slot, until_us, expected) in [
        (1, None, true),
        (2, None, true),
        (2, Some(30), true),
        // It had left by then.
        (2, Some(29), false),
        // The third was never sent: what comes after it says nothing.
        (3, None, false),
        (9, None, false),
    ] {
        let mut skips = Skips::default();
        for _ in 0..2 {
            let found = messages.later_heard(id(0), slot, until_us, &mut skips);
            assert_eq!(found, expected, "{slot} until {until_us:?}");
        }
    }
    // What was looked at for an earlier one holds for those in between, and no further.
    let mut skips = Skips::default();
    assert!(messages.later_heard(id(0), 2, None, &mut skips));
    assert!(messages.later_heard(id(1), 2, None, &mut skips));
    assert!(!messages.later_heard(id(2), 2, None, &mut skips));
}
