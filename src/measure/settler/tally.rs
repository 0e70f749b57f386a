//! What is counted and what is listed of messages, by what became of them.
//!
//! Each message has one [`Entry`] for each member it concerned, and each arrival that is none of theirs
//! one of its own. Counters and findings follow from entries here and nowhere else, so that what is
//! taken back is just what was entered.

use crate::measure::counts::counters;
use crate::measure::fate::Fate;
use crate::measure::findings::{Finding, FindingKind, Findings};
use crate::measure::ledger::Answer;
use crate::measure::message::MessageId;

counters! {
    /// What settling found, by the receiver's cohort and the phase the message was due in.
    pub struct Settled {
        /// Delivered plus lost.
        expected,
        /// Expected, and it arrived.
        delivered,
        /// Expected, and it never arrived.
        lost,
        /// Those of them that the server had acknowledged.
        acked_lost,
        /// Whether it was to be expected can't be known: near a failure.
        uncertain,
        /// Sent while the receiver was joining; or it arrived, and was sent shortly before that.
        joining,
        /// It may still have been on its way when our own plan ended its receiver's stay.
        cut_off,
        /// It may still have been on its way when the run stopped listening.
        unfinished,
        /// Sent while the receiver was away, and it didn't arrive.
        missed_away,
        /// Sent while the receiver was away or before it joined, and it arrived on its return.
        replayed,
        /// Arrivals at members whom the message was not for.
        unexpected,
        /// Copies that only settling could tell from first arrivals.
        duplicated,
        /// Arrivals after the message was settled; each that was lost became delivered.
        late,
        /// Arrivals with this run's stamp of messages that nobody sent.
        foreign,
    }
}

/// What a message, or an arrival, counts as for one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// What became of a message.
    Message {
        fate: Fate,
        /// Whether the server acknowledged it.
        acked: bool,
    },
    /// It arrived after it was settled, as lost or as unfinished.
    DeliveredLate,
    /// An arrival after settling of what its receiver is not known to have missed.
    Late,
    /// An arrival of what its receiver had heard.
    Copy,
    /// An arrival of what nobody sent.
    Foreign,
}

impl Entry {
    /// What it becomes when its receiver hears the message after all.
    pub(super) fn heard_late(self) -> Self {
        match self {
            Self::Message { fate: Fate::Lost | Fate::Unfinished, .. } => Self::DeliveredLate,
            Self::Message { fate: Fate::MissedAway, acked } => {
                Self::Message { fate: Fate::Replayed, acked }
            }
            other => other,
        }
    }

    /// What it becomes when the server answers after the message was settled.
    pub(super) fn answered(self, answer: Answer) -> Self {
        match (self, answer) {
            (Self::Message { fate, .. }, Answer::Acked) => Self::Message { fate, acked: true },
            (
                Self::Message { fate: Fate::Lost | Fate::Unfinished | Fate::MissedAway, acked },
                Answer::Rejected,
            ) => Self::Message { fate: Fate::Refused, acked },
            (other, _) => other,
        }
    }

    /// Changes each counter that it is counted under.
    fn count(self, settled: &mut Settled, change: impl Fn(&mut u64)) {
        match self {
            Self::Message { fate, acked } => match fate {
                Fate::Delivered => {
                    change(&mut settled.expected);
                    change(&mut settled.delivered);
                }
                Fate::Lost => {
                    change(&mut settled.expected);
                    change(&mut settled.lost);
                    if acked {
                        change(&mut settled.acked_lost);
                    }
                }
                Fate::Uncertain => change(&mut settled.uncertain),
                Fate::Joining => change(&mut settled.joining),
                Fate::CutOff => change(&mut settled.cut_off),
                Fate::Unfinished => change(&mut settled.unfinished),
                Fate::MissedAway => change(&mut settled.missed_away),
                Fate::Replayed => change(&mut settled.replayed),
                Fate::Unexpected => change(&mut settled.unexpected),
                Fate::NotMember | Fate::Refused => {}
            },
            Self::DeliveredLate => {
                change(&mut settled.expected);
                change(&mut settled.delivered);
                change(&mut settled.late);
            }
            Self::Late => change(&mut settled.late),
            Self::Copy => change(&mut settled.duplicated),
            Self::Foreign => change(&mut settled.foreign),
        }
    }

    /// The kinds of findings that it is listed under.
    fn listed(self) -> [Option<FindingKind>; 2] {
        match self {
            Self::Message { fate: Fate::Lost, acked: true } => {
                [Some(FindingKind::AckedLost), Some(FindingKind::Lost)]
            }
            Self::Message { fate, .. } => [fate.unusual(), None],
            Self::DeliveredLate | Self::Late => [Some(FindingKind::Late), None],
            Self::Copy => [Some(FindingKind::Duplicated), None],
            Self::Foreign => [Some(FindingKind::Foreign), None],
        }
    }
}

/// Where something is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    /// The receiver.
    pub(super) client: u32,
    /// Its cohort.
    pub(super) cohort: usize,
    /// The phase in which the message was due.
    pub(super) phase: usize,
}

/// The counters and the findings.
#[derive(Debug)]
pub(super) struct Tally {
    phases: usize,
    /// By cohort times phases plus phase.
    settled: Vec<Settled>,
    findings: Findings,
}

impl Tally {
    pub(super) fn new(cohorts: usize, phases: usize) -> Self {
        let settled = vec![Settled::default(); cohorts * phases];
        Self { phases, settled, findings: Findings::default() }
    }

    fn settled_mut(&mut self, account: Account) -> &mut Settled {
        &mut self.settled[account.cohort * self.phases + account.phase]
    }

    /// Enters something. `finding` tells what is listed of it.
    pub(super) fn enter(
        &mut self,
        account: Account,
        entry: Entry,
        finding: impl Fn(FindingKind) -> Finding,
    ) {
        entry.count(self.settled_mut(account), |count| *count += 1);
        for kind in entry.listed().into_iter().flatten() {
            self.findings.note(finding(kind));
        }
    }

    /// Enters something in the place of what was entered for a message before.
    pub(super) fn amend(
        &mut self,
        account: Account,
        message: MessageId,
        (was, now): (Entry, Entry),
        finding: impl Fn(FindingKind) -> Finding,
    ) {
        let settled = self.settled_mut(account);
        was.count(settled, |count| *count -= 1);
        now.count(settled, |count| *count += 1);
        let (before, after) = (was.listed(), now.listed());
        for kind in before.into_iter().flatten().filter(|kind| !after.contains(&Some(*kind))) {
            self.findings.retract(kind, account.client, message);
        }
        for kind in after.into_iter().flatten().filter(|kind| !before.contains(&Some(*kind))) {
            self.findings.note(finding(kind));
        }
    }

    /// Lists what workers found on arrival.
    pub(super) fn list(&mut self, findings: Findings) {
        self.findings.merge(findings);
    }

    pub(super) fn findings(&self) -> &Findings {
        &self.findings
    }

    /// The sum over the cohorts and phases that are wanted.
    pub(super) fn sum(&self, wanted: impl Fn(usize, usize) -> bool) -> Settled {
        let mut sum = Settled::default();
        for (at, settled) in self.settled.iter().enumerate() {
            if wanted(at / self.phases, at % self.phases) {
                sum.merge(settled);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests;
