//! Every counter of a run that both workers and the settler count.

use super::*;
use crate::measure::{Counts, ErrorKey, Failure, Moment, RecoveryEvent, Snapshot, Standing};
use crate::metric::{Detail, ErrorKind, Step};
use crate::protocol::Away;

/// Three members of whom the third is never joined; the second fails and comes back.
#[test]
fn counts_of_workers_and_of_settling_add_up() {
    let text = r#"
        format = 1
        name = "counted"
        [target]
        builtin = "rooms"
        [rooms.lobby]
        count = 1
        [[cohort]]
        name = "people"
        clients = 3
        join = { rooms = "lobby" }
        publish = { rate = "1/s" }
        [[phase]]
        name = "steady"
        duration = "60s"
    "#;
    let source = Source { name: "test".to_owned(), text: text.to_owned() };
    let mut plan = Plan::new(read(&source, &Overrides::default()).unwrap());
    plan.relays[0].acknowledges = true;
    plan.relays[0].away = Away::Replayed;
    let plan = Arc::new(plan);
    let mut recorder = Recorder::new(Arc::clone(&plan));
    let room = 0;
    for (client, at_us, change) in [
        (0, 1, MemberChange::JoinWritten { room }),
        (0, 2, MemberChange::Joined { room }),
        (1, 1, MemberChange::JoinWritten { room }),
        (1, 2, MemberChange::Joined { room }),
        (1, 10 * S, MemberChange::Failed { fault: None }),
        (1, 20 * S, MemberChange::JoinWritten { room }),
        (1, 20 * S + 1, MemberChange::Joined { room }),
    ] {
        recorder.ledger.member(MemberEvent { client, at_us, change });
    }
    let id = |seq| MessageId { room, publisher: 0, seq };
    let hear = |recorder: &mut Recorder, seq, slot, sent_us| {
        recorder.ledger.hear(id(seq), slot, sent_us, sent_us + 300);
    };
    for (seq, sent_us) in [(0, 5 * S), (1, 6 * S), (2, 15 * S), (3, 16 * S)] {
        recorder.ledger.publish(Published { message: id(seq), due_us: sent_us, sent_us });
        hear(&mut recorder, seq, 0, sent_us);
    }
    // To the second member comes the first and not the second; of those of its time away the third
    // on its return and the fourth never.
    hear(&mut recorder, 0, 1, 5 * S);
    recorder.ledger.hear_replayed(id(2), 1, 15 * S, 21 * S);
    // One that nobody sent.
    hear(&mut recorder, 9, 0, 7 * S);
    let mut totals = Totals::new(Arc::clone(&plan), 1);
    totals.take(recorder.take(0, 25 * S, WorkerHealth::default()));
    // A copy in a later interval.
    hear(&mut recorder, 0, 1, 5 * S);
    let (kind, detail, step) = (ErrorKind::Reset, Detail::None, Step::Active);
    for at_us in 0..37 {
        recorder.error(ErrorKey { kind, detail, step, cohort: 0 }, at_us, String::new);
    }
    let failure = Failure { at_us: 30 * S, fault: None };
    recorder.recoveries.extend([RecoveryEvent { failure, moment: Moment::Hit }; 17]);
    *recorder.counts(0) = Counts {
        pushed: 100,
        push_lost: 30,
        push_found: 10,
        duplicated: 50,
        replayed: 60,
        unexpected: 70,
        reordered: 2,
        corrupted: 3,
        foreign: 80,
        due: 19,
        sent: 18,
        not_sent: 5,
        acked: 6,
        rejected: 7,
        actions_sent: 8,
        actions_not_sent: 9,
        failed: 10,
        lost: 11,
        reconnected: 12,
        started: 45,
        joined: 20,
        gave_up: 13,
        ..Counts::default()
    };
    let standing = Standing { not_back: 14, sent_home: 15, stood_still: 16 };
    totals.take(Snapshot { standing, ..recorder.take(0, 60 * S, WorkerHealth::default()) });
    totals.advance(59 * S);
    totals.finish();
    // Of the ledger: the first member hears all four, the second one of two it was there for.
    let expected = [
        (Counter::Expected, 6 + 120),
        (Counter::Delivered, 5 + 100),
        (Counter::Lost, 1 + 20),
        (Counter::AckedLost, 0),
        (Counter::Duplicated, 1 + 50),
        (Counter::Reordered, 2),
        (Counter::Corrupted, 3),
        (Counter::MissedAway, 1),
        (Counter::Replayed, 1 + 60),
        (Counter::Uncertain, 0),
        (Counter::Joining, 0),
        (Counter::CutOff, 0),
        (Counter::Unfinished, 0),
        (Counter::Unexpected, 70),
        (Counter::Foreign, 1 + 80),
        (Counter::Late, 0),
        (Counter::PublishesDue, 19),
        (Counter::PublishesSent, 18),
        (Counter::PublishesNotSent, 5),
        (Counter::PublishesAcked, 6),
        (Counter::PublishesRejected, 7),
        (Counter::PublishesUnacked, 18 - 6 - 7),
        (Counter::ActionsSent, 8),
        (Counter::ActionsNotSent, 9),
        (Counter::ConnectionsFailed, 10),
        (Counter::ConnectionsLost, 11),
        (Counter::ConnectionsBroken, 17),
        (Counter::ConnectionsReconnected, 12),
        (Counter::ClientsNeverJoined, 45 - 20 - 15),
        (Counter::ClientsGaveUp, 13),
        (Counter::ClientsNotBack, 14),
        (Counter::ClientsStoodStill, 16),
        (Counter::Errors, 37),
    ];
    assert_eq!(expected.map(|(counter, _)| counter), Counter::ALL.map(|(counter, _)| counter));
    for (counter, value) in expected {
        assert_eq!(count(counter, None, None, &totals), Some(value), "{counter:?}");
    }
}
