use super::*;

const FATES: [Fate; 11] = [
    Fate::Delivered,
    Fate::Lost,
    Fate::Uncertain,
    Fate::Joining,
    Fate::CutOff,
    Fate::Unfinished,
    Fate::MissedAway,
    Fate::Replayed,
    Fate::Refused,
    Fate::Unexpected,
    Fate::NotMember,
];

fn all() -> Vec<Entry> {
    let messages = FATES
        .into_iter()
        .flat_map(|fate| [false, true].map(|acked| Entry::Message { fate, acked }));
    messages.chain([Entry::DeliveredLate, Entry::Late, Entry::Copy, Entry::Foreign]).collect()
}

fn message(fate: Fate) -> Entry {
    Entry::Message { fate, acked: false }
}

const ID: MessageId = MessageId { room: 0, publisher: 3, seq: 5 };
const ACCOUNT: Account = Account { client: 7, cohort: 1, phase: 0 };

fn finding(kind: FindingKind) -> Finding {
    Finding { message: Some(ID), ..Finding::of_arrival(kind, ACCOUNT.client, None, 9) }
}

fn tally() -> Tally {
    Tally::new(2, 3)
}

fn kinds(tally: &Tally) -> Vec<FindingKind> {
    tally.findings().sorted().into_iter().map(|of| of.kind).collect()
}

/// What a tally holds that got nothing but this.
fn held(entry: Entry) -> (Settled, Vec<FindingKind>) {
    let mut tally = tally();
    tally.enter(ACCOUNT, entry, finding);
    (tally.sum(|_, _| true), kinds(&tally))
}

#[test]
fn entries_in_a_table() {
    let lost = Settled { expected: 1, lost: 1, ..Settled::default() };
    let zero = Settled::default();
    for (entry, settled, listed) in [
        (message(Fate::Delivered), Settled { expected: 1, delivered: 1, ..zero }, &[][..]),
        (message(Fate::Lost), lost, &[FindingKind::Lost]),
        (
            Entry::Message { fate: Fate::Lost, acked: true },
            Settled { acked_lost: 1, ..lost },
            &[FindingKind::Lost, FindingKind::AckedLost],
        ),
        (message(Fate::Uncertain), Settled { uncertain: 1, ..zero }, &[FindingKind::Uncertain]),
        (message(Fate::Joining), Settled { joining: 1, ..zero }, &[FindingKind::Joining]),
        (message(Fate::CutOff), Settled { cut_off: 1, ..zero }, &[FindingKind::CutOff]),
        (message(Fate::Unfinished), Settled { unfinished: 1, ..zero }, &[FindingKind::Unfinished]),
        (message(Fate::MissedAway), Settled { missed_away: 1, ..zero }, &[FindingKind::MissedAway]),
        (message(Fate::Replayed), Settled { replayed: 1, ..zero }, &[FindingKind::Replayed]),
        (message(Fate::Refused), zero, &[]),
        (message(Fate::Unexpected), Settled { unexpected: 1, ..zero }, &[FindingKind::Unexpected]),
        (message(Fate::NotMember), zero, &[]),
        (
            Entry::DeliveredLate,
            Settled { expected: 1, delivered: 1, late: 1, ..zero },
            &[FindingKind::Late],
        ),
        (Entry::Late, Settled { late: 1, ..zero }, &[FindingKind::Late]),
        (Entry::Copy, Settled { duplicated: 1, ..zero }, &[FindingKind::Duplicated]),
        (Entry::Foreign, Settled { foreign: 1, ..zero }, &[FindingKind::Foreign]),
    ] {
        assert_eq!(held(entry), (settled, listed.to_vec()), "{entry:?}");
    }
}

#[test]
fn what_is_expected_is_delivered_or_lost_by_every_entry() {
    for entry in all() {
        let Settled { expected, delivered, lost, acked_lost, .. } = held(entry).0;
        assert_eq!(expected, delivered + lost, "{entry:?}");
        assert!(acked_lost <= lost, "{entry:?}");
    }
}

/// Whatever is amended, it is as if the new entry had been there from the beginning.
#[test]
fn what_is_amended_leaves_no_trace_of_what_it_was() {
    for was in all() {
        for now in all() {
            let mut tally = tally();
            tally.enter(ACCOUNT, was, finding);
            tally.amend(ACCOUNT, ID, (was, now), finding);
            assert_eq!((tally.sum(|_, _| true), kinds(&tally)), held(now), "{was:?} to {now:?}");
        }
    }
}

/// What was found of it at first stays: it knows of the failure that did it.
#[test]
fn a_finding_that_still_holds_is_not_found_anew() {
    let acked = Entry::Message { fate: Fate::Lost, acked: true };
    let mut tally = tally();
    tally.enter(ACCOUNT, message(Fate::Lost), finding);
    tally.amend(ACCOUNT, ID, (message(Fate::Lost), acked), |kind| {
        assert_eq!(kind, FindingKind::AckedLost);
        finding(kind)
    });
    assert_eq!(kinds(&tally), [FindingKind::Lost, FindingKind::AckedLost]);
}

#[test]
fn only_the_members_own_finding_is_taken_back() {
    let mut tally = tally();
    let other = Account { client: 8, ..ACCOUNT };
    let of = |account: Account| move |kind| Finding { receiver: account.client, ..finding(kind) };
    for account in [ACCOUNT, other] {
        tally.enter(account, message(Fate::Lost), of(account));
    }
    tally.amend(other, ID, (message(Fate::Lost), message(Fate::Refused)), of(other));
    let left: Vec<_> = tally.findings().sorted().iter().map(|of| of.receiver).collect();
    assert_eq!(left, [ACCOUNT.client]);
}

#[test]
fn cohorts_and_phases_are_counted_apart() {
    let mut tally = tally();
    for (times, (cohort, phase)) in (1..).zip([(0, 0), (0, 2), (1, 0), (1, 2)]) {
        for _ in 0..times {
            let account = Account { client: 0, cohort, phase };
            tally.enter(account, message(Fate::Delivered), finding);
        }
    }
    let of = |wanted: fn(usize, usize) -> bool| tally.sum(wanted).delivered;
    assert_eq!(of(|_, _| true), 10);
    assert_eq!((of(|cohort, _| cohort == 0), of(|cohort, _| cohort == 1)), (3, 7));
    assert_eq!((of(|_, phase| phase == 0), of(|_, phase| phase == 1)), (4, 0));
    assert_eq!(of(|cohort, phase| (cohort, phase) == (1, 2)), 4);
}

#[test]
fn what_comes_after_all_and_what_is_said_after_all() {
    let acked = |fate| Entry::Message { fate, acked: true };
    for (was, heard, refused) in [
        (Fate::Lost, Entry::DeliveredLate, message(Fate::Refused)),
        (Fate::Unfinished, Entry::DeliveredLate, message(Fate::Refused)),
        (Fate::MissedAway, message(Fate::Replayed), message(Fate::Refused)),
        (Fate::Delivered, message(Fate::Delivered), message(Fate::Delivered)),
        (Fate::CutOff, message(Fate::CutOff), message(Fate::CutOff)),
    ] {
        assert_eq!(message(was).heard_late(), heard, "{was:?}");
        assert_eq!(message(was).answered(Answer::Rejected), refused, "{was:?}");
        assert_eq!(message(was).answered(Answer::Acked), acked(was), "{was:?}");
    }
    for entry in [Entry::DeliveredLate, Entry::Late, Entry::Copy, Entry::Foreign] {
        assert_eq!(entry.answered(Answer::Rejected), entry);
        assert_eq!(entry.answered(Answer::Acked), entry);
        assert_eq!(entry.heard_late(), entry);
    }
}
