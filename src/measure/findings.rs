//! Which messages an unusual count is made of: one finding for each of them, so that "7 lost" can
//! be held against the server's own log. What is fine costs nothing here.
//!
//! Bounded by kind, so that a flood of one kind pushes out no other.

use serde::{Deserialize, Serialize};

use super::message::MessageId;
use super::recovery::Failure;
use crate::stamp::Stamp;

/// Findings of one kind that a run keeps, the first ones; the rest are only counted.
pub const FINDINGS_PER_KIND_MAX: usize = 1_000;

/// What is unusual about a message for one receiver. Each is counted under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Expected, and it never arrived.
    Lost,
    /// Lost, although the server had acknowledged it; in `Lost` as well.
    AckedLost,
    /// It arrived again.
    Duplicated,
    /// It arrived after a later one of the same author and room.
    Reordered,
    /// It arrived changed, or with a stamp that can't be read.
    Corrupted,
    /// It arrived, and was sent before the receiver joined or while it was away.
    Replayed,
    /// It arrived in a room its receiver is not in, or at a member it was not for.
    Unexpected,
    /// It carried another run's stamp.
    Foreign,
    /// Whether it was to be expected can't be known.
    Uncertain,
    /// It was sent while the receiver was away.
    MissedAway,
    /// It arrived after it was settled.
    Late,
    /// It may still have been on its way when nobody listened any more.
    Unfinished,
    /// It may still have been on its way when our own plan ended its receiver's stay.
    CutOff,
    /// It was sent while its receiver was joining; or it arrived, and was sent shortly before that.
    Joining,
}

impl FindingKind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::Lost,
        Self::AckedLost,
        Self::Duplicated,
        Self::Reordered,
        Self::Corrupted,
        Self::Replayed,
        Self::Unexpected,
        Self::Foreign,
        Self::Uncertain,
        Self::MissedAway,
        Self::Late,
        Self::Unfinished,
        Self::CutOff,
        Self::Joining,
    ];
}

/// One message that was unusual for one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What is unusual.
    pub kind: FindingKind,
    /// The plan's number of the receiving client.
    pub receiver: u32,
    /// Which message; unknown where no stamp of this run could be read.
    pub message: Option<MessageId>,
    /// When it was due, where known.
    pub due_us: Option<u64>,
    /// When it was sent, where known.
    pub sent_us: Option<u64>,
    /// Whether it arrived at all.
    pub arrived: bool,
    /// When this arrival was; unknown where only settling found it.
    pub received_us: Option<u64>,
    /// The failed connection near whose end it was sent.
    pub failure: Option<Failure>,
}

impl Finding {
    /// What an arrival showed by itself; `stamp` is this run's, where it could be read.
    #[must_use]
    pub fn of_arrival(kind: FindingKind, receiver: u32, stamp: Option<Stamp>, at_us: u64) -> Self {
        let message = |stamp: Stamp| MessageId {
            room: stamp.room,
            publisher: stamp.publisher,
            seq: stamp.seq,
        };
        Self {
            kind,
            receiver,
            message: stamp.map(message),
            due_us: stamp.map(|stamp| stamp.due_us),
            sent_us: stamp.map(|stamp| stamp.sent_us),
            arrived: true,
            received_us: Some(at_us),
            failure: None,
        }
    }
}

/// Findings, at most [`FINDINGS_PER_KIND_MAX`] of each kind, and how many more there were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    kept: Vec<Finding>,
    left_out: [u64; FindingKind::ALL.len()],
    /// Of each kind, those in `kept` and those handed over from it.
    #[serde(skip)]
    taken_in: [usize; FindingKind::ALL.len()],
}

impl Findings {
    /// Takes one in, or counts it if there are enough of its kind.
    pub fn note(&mut self, finding: Finding) {
        let taken_in = &mut self.taken_in[finding.kind as usize];
        if *taken_in < FINDINGS_PER_KIND_MAX {
            *taken_in += 1;
            self.kept.push(finding);
        } else {
            self.left_out[finding.kind as usize] += 1;
        }
    }

    /// Gives what came since the last time. The bound is that of all times together.
    pub(super) fn hand_over(&mut self) -> Self {
        Self {
            kept: std::mem::take(&mut self.kept),
            left_out: std::mem::take(&mut self.left_out),
            taken_in: Default::default(),
        }
    }

    /// Adds another's.
    pub(super) fn merge(&mut self, other: Self) {
        other.kept.into_iter().for_each(|finding| self.note(finding));
        for (mine, theirs) in self.left_out.iter_mut().zip(other.left_out) {
            *mine += theirs;
        }
    }

    /// Takes one back: the message came late, or something was said of it.
    pub(super) fn retract(&mut self, kind: FindingKind, receiver: u32, message: MessageId) {
        let known = self.kept.iter().position(|finding| {
            finding.kind == kind && finding.receiver == receiver && finding.message == Some(message)
        });
        if let Some(at) = known {
            self.kept.swap_remove(at);
            self.taken_in[kind as usize] -= 1;
        } else {
            let left_out = &mut self.left_out[kind as usize];
            *left_out = left_out.saturating_sub(1);
        }
    }

    /// By time: when sent, or else received.
    #[must_use]
    pub fn sorted(&self) -> Vec<Finding> {
        let mut sorted = self.kept.clone();
        sorted.sort_by_key(|finding| {
            let at_us = finding.sent_us.or(finding.received_us);
            (at_us, finding.message, finding.receiver, finding.kind, finding.received_us)
        });
        sorted
    }

    /// Those of a kind that were counted only.
    #[must_use]
    pub fn left_out(&self, kind: FindingKind) -> u64 {
        self.left_out[kind as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(kind: FindingKind, seq: u32) -> Finding {
        let message = MessageId { room: 1, publisher: 2, seq };
        Finding {
            kind,
            receiver: 3,
            message: Some(message),
            due_us: Some(u64::from(seq)),
            sent_us: Some(u64::from(seq)),
            arrived: false,
            received_us: None,
            failure: None,
        }
    }

    fn of_kind(findings: &Findings, kind: FindingKind) -> usize {
        findings.sorted().iter().filter(|finding| finding.kind == kind).count()
    }

    #[test]
    fn a_flood_of_one_kind_pushes_out_no_other() {
        let mut findings = Findings::default();
        for seq in 0..5_000 {
            findings.note(finding(FindingKind::MissedAway, seq));
        }
        for kind in FindingKind::ALL {
            findings.note(finding(kind, 9_000));
        }
        for kind in FindingKind::ALL {
            let flood = kind == FindingKind::MissedAway;
            assert_eq!(of_kind(&findings, kind), if flood { FINDINGS_PER_KIND_MAX } else { 1 });
            assert_eq!(findings.left_out(kind), if flood { 4_001 } else { 0 });
        }
    }

    #[test]
    fn what_is_handed_over_in_pieces_adds_up_and_keeps_to_the_bound() {
        let mut worker = Findings::default();
        let mut all = Findings::default();
        for seq in 0..2_500 {
            worker.note(finding(FindingKind::Lost, seq));
            worker.note(finding(FindingKind::Late, seq));
            if seq % 400 == 0 {
                let piece = serde_json::to_string(&worker.hand_over()).unwrap();
                all.merge(serde_json::from_str(&piece).unwrap());
            }
        }
        let last = worker.hand_over();
        assert_eq!(last.sorted(), [], "a worker ships no more than a run keeps");
        all.merge(last);
        for kind in [FindingKind::Lost, FindingKind::Late] {
            assert_eq!((of_kind(&all, kind), all.left_out(kind)), (FINDINGS_PER_KIND_MAX, 1_500));
        }
    }

    #[test]
    fn a_loss_that_is_taken_back_makes_room() {
        let mut findings = Findings::default();
        for seq in 0..1_002 {
            findings.note(finding(FindingKind::Lost, seq));
        }
        let id = |seq| MessageId { room: 1, publisher: 2, seq };
        findings.retract(FindingKind::Lost, 3, id(1_001));
        assert_eq!(findings.left_out(FindingKind::Lost), 1);
        findings.retract(FindingKind::Lost, 3, id(5));
        assert_eq!(of_kind(&findings, FindingKind::Lost), 999);
        findings.note(finding(FindingKind::Lost, 2_000));
        assert_eq!(of_kind(&findings, FindingKind::Lost), 1_000);
        assert!(findings.sorted().iter().all(|finding| finding.message != Some(id(5))));
    }
}
