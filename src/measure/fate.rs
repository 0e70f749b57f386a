//! The ledger's rule: what became of one message for one receiver. Pure, and a table in tests.
//!
//! For a receiver in a room: J0/J1 = join written/confirmed, L0/L1 = leave written/confirmed,
//! F = failure seen or injected; for a message: S = sent. All by the run's clock.

use super::findings::FindingKind;
use super::recovery::Failure;
use super::window::Window;
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

    /// When the stay ended, by a leave or a failure.
    pub(super) fn ended_us(&self) -> Option<u64> {
        [self.failed_us, self.leave_written_us].into_iter().flatten().min()
    }

    /// When the stay ended, and what that makes of what was on its way then. What we ended ourselves
    /// says nothing of the server: our client left, was churned, was sent home, or a fault of the plan
    /// took its connection. Not so where the server is to send again what such a fault held back.
    fn end(&self, away: Away) -> Option<(u64, Fate)> {
        let at_us = self.ended_us()?;
        let by_plan =
            self.leave_written_us == Some(at_us) || (self.fault.is_some() && away == Away::Missed);
        Some((at_us, if by_plan { Fate::CutOff } else { Fate::Uncertain }))
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
    /// Sent while the receiver was joining; or it arrived, and was sent shortly before that.
    Joining,
    /// It may still have been on its way when our own plan ended its receiver's stay.
    CutOff,
    /// It may still have been on its way when nobody listened any more.
    Unfinished,
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
            Self::Joining => Some(FindingKind::Joining),
            Self::CutOff => Some(FindingKind::CutOff),
            Self::Unfinished => Some(FindingKind::Unfinished),
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
    /// W, by how long others took.
    pub(super) window: Window,
    /// When the run stopped listening to this receiver; `None` while it goes on.
    pub(super) until_us: Option<u64>,
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
    let Window { on_its_way_us: w_us, overtaken_us } = evidence.window;
    if !evidence.addressed {
        return (if evidence.heard { Fate::Unexpected } else { Fate::NotMember }, None);
    }
    if evidence.rejected && !evidence.heard {
        return (Fate::Refused, None);
    }
    // Heard although it was no member yet, or no more: a join can overtake a message that was
    // sent shortly before it. From further back comes only what a server keeps for later.
    let Some(stay) = stays.iter().rev().find(|stay| stay.join_written_us <= sent_us) else {
        let joins_later = |first: &Stay| sent_us + w_us < first.join_written_us;
        let fate = match (evidence.heard, stays.first().is_some_and(joins_later)) {
            (false, _) => Fate::NotMember,
            (true, false) => Fate::Joining,
            (true, true) => Fate::Replayed,
        };
        return (fate, None);
    };
    let outside = |fate| match (evidence.heard, evidence.away) {
        (false, _) => fate,
        (true, Away::Missed) => Fate::Joining,
        (true, Away::Replayed) => Fate::Replayed,
    };
    let after = |limit: Option<u64>| limit.is_some_and(|limit_us| sent_us > limit_us);
    let near = |end: Option<u64>| end.is_some_and(|end_us| sent_us + w_us >= end_us);
    let fate = if after(stay.gone_us) || after(stay.left_us) {
        outside(Fate::NotMember)
    } else if after(stay.failed_us) {
        // Who failed before ever being a member has nothing to miss.
        outside(if stay.was_member() { Fate::MissedAway } else { Fate::NotMember })
    } else if stay.leave_written_us.is_some_and(|leave_us| sent_us >= leave_us) {
        if evidence.heard { Fate::Uncertain } else { Fate::CutOff }
    } else if stay.joined_us.is_none_or(|joined_us| sent_us < joined_us) {
        Fate::Joining
    } else if evidence.heard {
        Fate::Delivered
    } else {
        // What cut the receiver off from what was still on its way: its stay's end, or the run's.
        let of_stay = stay
            .end(evidence.away)
            .filter(|(end_us, _)| evidence.until_us.is_none_or(|until_us| *end_us <= until_us));
        let of_run = evidence.until_us.map(|until_us| (until_us, Fate::Unfinished));
        let (end, cut) = of_stay.or(of_run).unzip();
        // One that was passed over won't come any more, where none ever came after a later one.
        let overtaken = |end_us| overtaken_us > 0 && sent_us + overtaken_us >= end_us;
        if evidence.died_with_publisher {
            Fate::Uncertain
        } else if near(end) && (end.is_some_and(overtaken) || !later_heard(stay)) {
            cut.unwrap_or(Fate::Lost)
        } else {
            Fate::Lost
        }
    };
    // What was lost long before a failure is not the failure's doing.
    let failed_us = stay.failed_us.filter(|_| near(stay.failed_us));
    (fate, failed_us.map(|at_us| Failure { at_us, fault: stay.fault }))
}

#[cfg(test)]
mod tests;
