//! The ledger's rule: what became of one message for one receiver. Pure, and a table in tests.
//!
//! For a receiver in a room: J0/J1 = join written/confirmed, L0/L1 = leave written/confirmed,
//! F = failure seen or injected; for a message: S = sent. All by the run's clock.

use super::findings::FindingKind;
use super::recovery::Failure;
pub use crate::plan::LEDGER_WINDOW_US as WINDOW_US;
use crate::protocol::Away;

/// One stay of a receiver in a room, on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stay {
    /// J0.
    pub(super) join_written_us: u64,
    /// J1.
    pub(super) joined_us: Option<u64>,
    /// L0.
    pub(super) leave_written_us: Option<u64>,
    /// L1.
    pub(super) left_us: Option<u64>,
    /// F.
    pub(super) failed_us: Option<u64>,
    /// The fault that ended it, as an index into the plan's faults.
    pub(super) fault: Option<u16>,
    /// The client will not come back after this.
    pub(super) gone_us: Option<u64>,
    /// Whether an earlier join was confirmed: then there is something to miss while away.
    pub(super) member_before: bool,
}

impl Stay {
    pub(super) fn begin(at_us: u64) -> Self {
        Self {
            join_written_us: at_us,
            joined_us: None,
            leave_written_us: None,
            left_us: None,
            failed_us: None,
            fault: None,
            gone_us: None,
            member_before: false,
        }
    }

    /// The stay after `last`.
    pub(super) fn begin_after(at_us: u64, last: Option<&Self>) -> Self {
        let member_before = last.is_some_and(Self::was_member);
        Self { member_before, ..Self::begin(at_us) }
    }

    fn was_member(&self) -> bool {
        self.member_before || self.joined_us.is_some()
    }
}

/// What became of a message for one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Expected, and it arrived.
    Delivered,
    /// Expected, and it never arrived.
    Lost,
    /// Whether it was to be expected can't be known.
    Uncertain,
    /// Sent while the receiver was away, and it never arrived.
    MissedAway,
    /// Sent while the receiver was away or before it joined, and it arrived on its return.
    Replayed,
    /// The server refused it, and it never arrived: nothing was to be expected.
    Refused,
    /// It is not for this receiver, and arrived all the same.
    Unexpected,
    /// Not the receiver's concern: it had not joined yet, or had left.
    NotMember,
}

impl Fate {
    /// What is to be told one by one.
    pub(super) fn unusual(self) -> Option<FindingKind> {
        match self {
            Self::Lost => Some(FindingKind::Lost),
            Self::Uncertain => Some(FindingKind::Uncertain),
            Self::MissedAway => Some(FindingKind::MissedAway),
            Self::Replayed => Some(FindingKind::Replayed),
            Self::Unexpected => Some(FindingKind::Unexpected),
            Self::Delivered | Self::NotMember | Self::Refused => None,
        }
    }
}

/// What the rule needs to know beyond the stay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    /// S.
    pub(super) sent_us: u64,
    /// Whether this receiver heard it.
    pub(super) heard: bool,
    /// Whether the publisher failed within W after S, nobody at all heard it and the server never
    /// acknowledged it.
    pub(super) died_with_publisher: bool,
    /// Whether the server refused it.
    pub(super) rejected: bool,
    /// Whether it is for this receiver, by the rule of its publisher's protocol.
    pub(super) addressed: bool,
    /// What the receiver's protocol does with what is sent while it is away.
    pub(super) away: Away,
}

/// Applies the rule, and names the failure that is to blame for a loss or a miss. `stays` are in
/// order of J0; `later_heard` tells, for a stay, whether the receiver heard a later message of
/// the same publisher and room that was sent within it.
pub(super) fn fate(
    stays: &[Stay],
    evidence: Evidence,
    later_heard: impl FnOnce(&Stay) -> bool,
) -> (Fate, Option<Failure>) {
    let sent_us = evidence.sent_us;
    if !evidence.addressed {
        return (if evidence.heard { Fate::Unexpected } else { Fate::NotMember }, None);
    }
    if evidence.rejected && !evidence.heard {
        return (Fate::Refused, None);
    }
    // Heard although it was no member yet, or no more: a join can overtake a message that was
    // sent shortly before it. From further back comes only what a server keeps for later.
    let Some(stay) = stays.iter().rev().find(|stay| stay.join_written_us <= sent_us) else {
        let joins_later = |first: &Stay| sent_us + WINDOW_US < first.join_written_us;
        let fate = match (evidence.heard, stays.first().is_some_and(joins_later)) {
            (false, _) => Fate::NotMember,
            (true, false) => Fate::Uncertain,
            (true, true) => Fate::Replayed,
        };
        return (fate, None);
    };
    let outside = |fate| match (evidence.heard, evidence.away) {
        (false, _) => fate,
        (true, Away::Missed) => Fate::Uncertain,
        (true, Away::Replayed) => Fate::Replayed,
    };
    let after = |limit: Option<u64>| limit.is_some_and(|limit_us| sent_us > limit_us);
    let near = |end: Option<u64>| end.is_some_and(|end_us| sent_us + WINDOW_US >= end_us);
    let fate = if after(stay.gone_us) || after(stay.left_us) {
        outside(Fate::NotMember)
    } else if after(stay.failed_us) {
        // Who failed before ever being a member has nothing to miss.
        outside(if stay.was_member() { Fate::MissedAway } else { Fate::NotMember })
    } else if stay.leave_written_us.is_some_and(|leave_us| sent_us >= leave_us)
        || stay.joined_us.is_none_or(|joined_us| sent_us < joined_us)
    {
        Fate::Uncertain
    } else if evidence.heard {
        Fate::Delivered
    } else {
        let ending = near(stay.failed_us) || near(stay.leave_written_us);
        if evidence.died_with_publisher || (ending && !later_heard(stay)) {
            Fate::Uncertain
        } else {
            Fate::Lost
        }
    };
    // What was lost long before a failure is not the failure's doing.
    let failed_us = stay.failed_us.filter(|_| near(stay.failed_us));
    (fate, failed_us.map(|at_us| Failure { at_us, fault: stay.fault }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000;

    fn sent(sent_us: u64) -> Evidence {
        Evidence {
            sent_us,
            heard: false,
            died_with_publisher: false,
            rejected: false,
            addressed: true,
            away: Away::Missed,
        }
    }

    /// Two stays: joined 1.0-1.1 s, failed at 10 s; back 12.0-12.1 s, left 20.0-20.1 s.
    fn stays() -> Vec<Stay> {
        let mut first = Stay::begin(S);
        first.joined_us = Some(S + 100_000);
        first.failed_us = Some(10 * S);
        let mut second = Stay::begin(12 * S);
        second.joined_us = Some(12 * S + 100_000);
        second.leave_written_us = Some(20 * S);
        second.left_us = Some(20 * S + 100_000);
        vec![first, second]
    }

    #[test]
    fn the_rule_in_a_table() {
        use Fate::{Delivered, Lost, MissedAway, NotMember, Uncertain};
        // sent, heard, later heard, died with the publisher -> fate
        let rows = [
            (S - 1, false, false, false, NotMember),      // before J0
            (S - 1, true, false, false, Uncertain),       // overtaken by the join
            (S, false, false, false, Uncertain),          // J0 <= S < J1, not arrived
            (S + 99_999, true, true, false, Uncertain),   // J0 <= S < J1, arrived
            (S + 100_000, true, false, false, Delivered), // J1 <= S
            (S + 100_000, false, false, false, Lost),
            (9 * S - 1, false, false, false, Lost), // S < F - W
            (9 * S - 1, false, false, true, Uncertain),
            (9 * S, false, false, false, Uncertain), // F - W <= S <= F
            (9 * S, false, true, false, Lost),
            (9 * S, true, false, false, Delivered), // whatever arrives
            (10 * S, false, false, false, Uncertain),
            (10 * S + 1, false, false, false, MissedAway), // F < S < J0
            (12 * S - 1, false, false, false, MissedAway),
            (12 * S - 1, true, false, false, Uncertain),
            (12 * S, false, true, false, Uncertain), // J0 of the return
            (12 * S + 100_000, true, false, false, Delivered),
            (19 * S - 1, false, false, false, Lost),
            (19 * S, false, false, false, Uncertain), // L0 - W <= S < L0
            (19 * S, false, true, false, Lost),
            (20 * S, false, true, false, Uncertain), // L0 <= S <= L1
            (20 * S + 100_000, true, false, false, Uncertain),
            (20 * S + 100_001, false, false, false, NotMember), // L1 < S
        ];
        for (sent_us, heard, later, died_with_publisher, expected) in rows {
            let evidence = Evidence { heard, died_with_publisher, ..sent(sent_us) };
            let (found, _) = fate(&stays(), evidence, |_| later);
            assert_eq!(found, expected, "sent {sent_us}, heard {heard}, later {later}");
        }
    }

    #[test]
    fn what_is_replayed_on_return_in_a_table() {
        use Fate::{Delivered, Lost, MissedAway, NotMember, Replayed, Uncertain};
        // sent, heard -> fate where messages of the time away are replayed, and where they are not
        let rows = [
            (S - 1, true, Uncertain, Uncertain), // overtaken by the first join
            (9 * S - 1, false, Lost, Lost),
            (9 * S, true, Delivered, Delivered), // on its way when the connection failed
            (10 * S, true, Delivered, Delivered),
            (10 * S + 1, true, Replayed, Uncertain), // F < S < J0
            (10 * S + 1, false, MissedAway, MissedAway),
            (12 * S - 1, true, Replayed, Uncertain),
            (12 * S, true, Uncertain, Uncertain), // J0 of the return <= S < J1
            (12 * S + 100_000, true, Delivered, Delivered),
            (20 * S + 100_001, true, Replayed, Uncertain), // L1 < S, away on purpose
            (20 * S + 100_001, false, NotMember, NotMember),
        ];
        for (sent_us, heard, replaying, not) in rows {
            for (away, expected) in [(Away::Replayed, replaying), (Away::Missed, not)] {
                let evidence = Evidence { heard, away, ..sent(sent_us) };
                let (found, _) = fate(&stays(), evidence, |_| false);
                assert_eq!(found, expected, "sent {sent_us}, heard {heard}, {away:?}");
            }
        }
    }

    #[test]
    fn history_from_long_before_the_first_join_is_replayed_whatever_the_protocol() {
        let mut stays = stays();
        stays.iter_mut().for_each(|stay| stay.join_written_us += 5 * S);
        for away in [Away::Missed, Away::Replayed] {
            let of = |sent_us, heard| {
                fate(&stays, Evidence { heard, away, ..sent(sent_us) }, |_| false).0
            };
            assert_eq!(of(5 * S - 1, true), Fate::Replayed);
            assert_eq!(of(5 * S, true), Fate::Uncertain, "a join may overtake it");
            assert_eq!(of(5 * S - 1, false), Fate::NotMember);
        }
        let nowhere = Evidence { heard: true, ..sent(S) };
        assert_eq!(fate(&[], nowhere, |_| false).0, Fate::Uncertain);
    }

    #[test]
    fn who_is_not_addressed_expects_nothing_and_hears_what_is_not_meant_for_it() {
        for sent_us in [S / 2, 5 * S, 11 * S, 15 * S, 30 * S] {
            let not_for_it = Evidence { addressed: false, ..sent(sent_us) };
            assert_eq!(fate(&stays(), not_for_it, |_| true), (Fate::NotMember, None));
            let heard = Evidence { heard: true, ..not_for_it };
            assert_eq!(fate(&stays(), heard, |_| true), (Fate::Unexpected, None));
        }
    }

    #[test]
    fn what_the_server_refuses_is_not_lost_and_what_arrives_all_the_same_is_delivered() {
        for sent_us in [5 * S, 9 * S, 11 * S, 15 * S, 19 * S] {
            let refused = Evidence { rejected: true, ..sent(sent_us) };
            assert_eq!(fate(&stays(), refused, |_| true), (Fate::Refused, None));
        }
        let heard = Evidence { rejected: true, heard: true, ..sent(5 * S) };
        assert_eq!(fate(&stays(), heard, |_| true).0, Fate::Delivered);
    }

    #[test]
    fn a_fault_is_to_blame_from_a_window_before_it() {
        let mut stays = stays();
        stays[0].fault = Some(3);
        let blamed = |sent_us| fate(&stays, sent(sent_us), |_| true);
        assert_eq!(blamed(9 * S - 1), (Fate::Lost, None));
        let failure = Some(Failure { at_us: 10 * S, fault: Some(3) });
        assert_eq!(blamed(9 * S), (Fate::Lost, failure));
        assert_eq!(blamed(11 * S), (Fate::MissedAway, failure));
        assert_eq!(blamed(13 * S), (Fate::Lost, None));
    }

    #[test]
    fn who_never_was_a_member_misses_nothing() {
        let mut failed = Stay::begin(S);
        failed.failed_us = Some(2 * S);
        assert_eq!(fate(&[failed], sent(3 * S), |_| false).0, Fate::NotMember);
        // A member whose return failed is still away.
        let mut again = Stay::begin_after(11 * S, Some(&stays()[0]));
        again.failed_us = Some(12 * S);
        assert_eq!(fate(&[stays()[0], again], sent(13 * S), |_| false).0, Fate::MissedAway);
    }

    #[test]
    fn a_client_that_never_comes_back_misses_nothing() {
        let mut stays = stays();
        stays[0].gone_us = Some(11 * S);
        stays.truncate(1);
        assert_eq!(fate(&stays, sent(10 * S + 5), |_| false).0, Fate::MissedAway);
        assert_eq!(fate(&stays, sent(11 * S + 5), |_| false).0, Fate::NotMember);
    }
}
