//! The ledger's rule: what became of one message for one receiver. Pure, and a table in tests.
//!
//! For a receiver in a room: J0/J1 = join written/confirmed, L0/L1 = leave written/confirmed,
//! F = failure seen or injected; for a message: S = sent. All by the run's clock.

use super::findings::FindingKind;
use super::recovery::Failure;
pub use crate::plan::LEDGER_WINDOW_US as WINDOW_US;

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
    /// Sent while the receiver was away.
    MissedAway,
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
            Self::Delivered | Self::NotMember => None,
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
    /// Whether the publisher failed within W after S and nobody at all heard it.
    pub(super) died_with_publisher: bool,
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
    // Heard although it was no member yet, or no more: a join can overtake a message that was
    // sent shortly before it. (What came from further back never gets here: it is `replayed`.)
    let outside = |fate| if evidence.heard { Fate::Uncertain } else { fate };
    let Some(stay) = stays.iter().rev().find(|stay| stay.join_written_us <= sent_us) else {
        return (outside(Fate::NotMember), None);
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
            let evidence = Evidence { sent_us, heard, died_with_publisher };
            let (found, _) = fate(&stays(), evidence, |_| later);
            assert_eq!(found, expected, "sent {sent_us}, heard {heard}, later {later}");
        }
    }

    #[test]
    fn a_fault_is_to_blame_from_a_window_before_it() {
        let mut stays = stays();
        stays[0].fault = Some(3);
        let blamed = |sent_us| {
            let evidence = Evidence { sent_us, heard: false, died_with_publisher: false };
            fate(&stays, evidence, |_| true)
        };
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
        let evidence = Evidence { sent_us: 3 * S, heard: false, died_with_publisher: false };
        assert_eq!(fate(&[failed], evidence, |_| false).0, Fate::NotMember);
        // A member whose return failed is still away.
        let mut again = Stay::begin_after(11 * S, Some(&stays()[0]));
        again.failed_us = Some(12 * S);
        let evidence = Evidence { sent_us: 13 * S, heard: false, died_with_publisher: false };
        assert_eq!(fate(&[stays()[0], again], evidence, |_| false).0, Fate::MissedAway);
    }

    #[test]
    fn a_client_that_never_comes_back_misses_nothing() {
        let mut stays = stays();
        stays[0].gone_us = Some(11 * S);
        stays.truncate(1);
        let sent = |sent_us| Evidence { sent_us, heard: false, died_with_publisher: false };
        assert_eq!(fate(&stays, sent(10 * S + 5), |_| false).0, Fate::MissedAway);
        assert_eq!(fate(&stays, sent(11 * S + 5), |_| false).0, Fate::NotMember);
    }
}
