//! One worker's recorder: no lock, no channel; handed over and begun anew each second.

use std::sync::Arc;

use super::counts::{Closes, Counts, ErrorKey, Errors};
use super::examples::{ExampleOf, Examples, around, excerpt};
use super::findings::{Finding, FindingKind, Findings};
use super::hist::{Hist, HistKey, Histograms};
use super::ledger::{Answer, LedgerPart};
use super::message::MessageId;
use super::recovery::RecoveryEvent;
use super::snapshot::{Snapshot, Standing, WorkerHealth};
use super::taken::Taken;
use super::window::Took;
use crate::metric::Metric;
use crate::plan::Plan;
use crate::protocol::SentUnix;
use crate::secrets::Secrets;
use crate::stamp::Stamp;

/// Seconds that are read as milliseconds, or the other way round, are decades away; a clock that is
/// only wrong is nearer.
const PUSH_AWAY_MAX_US: u64 = 10 * 365 * 24 * 3_600 * 1_000_000;

/// What a frame was taken for that delivered nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// It answered a step: connect, resume, join, leave.
    Step,
    /// It acknowledged a message.
    Ack,
    /// It asked for a reply.
    Reply,
    /// An error of the protocol, the refusal of a message included.
    Error,
    /// Nothing explains it.
    Unmatched,
}

/// What a worker's clients record into.
#[derive(Debug)]
pub struct Recorder {
    plan: Arc<Plan>,
    histograms: Histograms,
    counts: Vec<Counts>,
    /// Errors since the last snapshot.
    pub errors: Errors,
    /// Ends of connections since the last snapshot.
    pub closes: Closes,
    /// Ledger facts since the last snapshot.
    pub ledger: LedgerPart,
    /// Unusual arrivals since the last snapshot.
    pub findings: Findings,
    examples: Examples,
    /// Frames by the rule that took them, since the last snapshot.
    taken: Taken,
    /// How long live arrivals took, since the run's start.
    took: Took,
    /// Clients hit and clients back since the last snapshot.
    pub recoveries: Vec<RecoveryEvent>,
}

impl Recorder {
    /// An empty recorder for that plan.
    #[must_use]
    pub fn new(plan: Arc<Plan>) -> Self {
        let counts = vec![Counts::default(); plan.scenario.cohorts.len()];
        let took = Took::new(&plan);
        Self {
            plan,
            histograms: Histograms::default(),
            counts,
            errors: Errors::default(),
            closes: Closes::default(),
            ledger: LedgerPart::default(),
            findings: Findings::default(),
            examples: Examples::default(),
            taken: Taken::default(),
            took,
            recoveries: Vec::new(),
        }
    }

    /// Records a latency of something that belongs to the phase at `at_us`: when a message was
    /// due, or when something without a due time happened.
    pub fn latency(&mut self, metric: Metric, cohort: usize, at_us: u64, us: u64) {
        let phase = self.plan.phase_at(at_us) as u16;
        self.histograms.record(HistKey { metric, cohort: cohort as u16, phase }, us);
    }

    /// Records latencies that were gathered elsewhere.
    pub fn latencies(&mut self, metric: Metric, cohort: usize, at_us: u64, hist: &Hist) {
        let phase = self.plan.phase_at(at_us) as u16;
        self.histograms.merge_one(HistKey { metric, cohort: cohort as u16, phase }, hist);
    }

    /// The counters of a cohort.
    pub fn counts(&mut self, cohort: usize) -> &mut Counts {
        &mut self.counts[cohort]
    }

    /// Counts an error.
    pub fn error(&mut self, key: ErrorKey, at_us: u64, example: impl FnOnce() -> String) {
        self.errors.record(key, at_us, example);
    }

    /// The server acknowledged a message of this cohort, which was published before: told once for
    /// each message, and never after [`Self::rejected`].
    pub fn acked(
        &mut self,
        cohort: usize,
        message: MessageId,
        due_us: u64,
        sent_us: u64,
        now_us: u64,
    ) {
        self.counts(cohort).acked += 1;
        self.latency(Metric::Ack, cohort, due_us, now_us.saturating_sub(due_us));
        self.latency(Metric::AckFromSent, cohort, due_us, now_us.saturating_sub(sent_us));
        self.ledger.answer(message, Answer::Acked);
    }

    /// The server refused a message of this cohort, which was published before: told once for each
    /// message, and never after [`Self::acked`]. Nobody is expected to hear it.
    pub fn rejected(&mut self, cohort: usize, message: MessageId) {
        self.counts(cohort).rejected += 1;
        self.ledger.answer(message, Answer::Rejected);
    }

    /// A member in `slot` heard on its return what was sent while it was away: after its earlier
    /// connection failed or it left, and before it wrote its next join. `joined_us` is when it was
    /// joined again; what comes before that counts as at once. False for a copy that came within
    /// the same interval, of which nothing is recorded: copies over intervals are for
    /// [`Order`](super::Order) to find first, as with live ones.
    ///
    /// Only for cohorts whose protocol replays; what others hear so late is only counted.
    pub fn replayed(
        &mut self,
        cohort: usize,
        message: MessageId,
        slot: u32,
        sent_us: u64,
        joined_us: u64,
        now_us: u64,
    ) -> bool {
        let new = self.ledger.hear_replayed(message, slot, sent_us, now_us);
        if new {
            self.latency(Metric::Replay, cohort, now_us, now_us.saturating_sub(joined_us));
        }
        new
    }

    /// A client of that cohort heard a message that was sent after it was joined: how long such
    /// take decides what may still be on its way when somebody leaves. `overtaken`: after a later
    /// one of the same author and room.
    pub fn took(&mut self, cohort: usize, sent_us: u64, now_us: u64, overtaken: bool) {
        self.took.note(&mut self.ledger.took, cohort, sent_us, now_us, overtaken);
    }

    /// The same of one that came after so many later ones that it may be a copy of what the member in
    /// `slot` heard long before.
    pub fn took_or_copy(
        &mut self,
        cohort: usize,
        message: MessageId,
        slot: u32,
        sent_us: u64,
        now_us: u64,
    ) {
        let part = &mut self.ledger.took;
        self.took.note_doubtful(part, cohort, (message, slot), sent_us, now_us);
    }

    /// W, by what this worker's clients of that cohort heard so far.
    #[must_use]
    pub fn window_us(&self, cohort: usize) -> u64 {
        self.took.window_us(cohort)
    }

    /// A rule of the cohort's protocol took a frame, whatever that is counted as besides.
    pub fn taken_by(&mut self, cohort: usize, rule: usize) {
        self.taken.note(cohort, rule);
    }

    /// Counts a frame that is no delivery and no push, and keeps the first of its kind as an
    /// example. Frames to ignore have names ([`Self::ignored`]).
    pub fn frame(
        &mut self,
        cohort: usize,
        of: FrameKind,
        at_us: u64,
        bytes: &[u8],
        secrets: impl FnOnce() -> Secrets,
    ) {
        let counts = self.counts(cohort);
        let (count, example) = match of {
            FrameKind::Step => (&mut counts.frames_step, ExampleOf::Step),
            FrameKind::Ack => (&mut counts.frames_ack, ExampleOf::Ack),
            FrameKind::Reply => (&mut counts.frames_reply, ExampleOf::Reply),
            FrameKind::Error => (&mut counts.frames_error, ExampleOf::Error),
            FrameKind::Unmatched => (&mut counts.frames_unmatched, ExampleOf::Unmatched),
        };
        *count += 1;
        self.examples.record(example, "", at_us, || cleansed(bytes, &secrets()));
    }

    /// Counts a frame that the protocol says to ignore, under its name there.
    pub fn ignored(
        &mut self,
        cohort: usize,
        name: &str,
        at_us: u64,
        bytes: &[u8],
        secrets: impl FnOnce() -> Secrets,
    ) {
        self.counts(cohort).frames_ignored += 1;
        self.examples.record(ExampleOf::Ignored, name, at_us, || cleansed(bytes, &secrets()));
    }

    /// Counts a delivery whose payload was changed. Its mark stands at byte `mark` of the frame;
    /// `stamp` is this run's, where it can be read.
    pub fn corrupted(
        &mut self,
        cohort: usize,
        receiver: u32,
        stamp: Option<Stamp>,
        at_us: u64,
        (frame, mark): (&[u8], usize),
    ) {
        self.counts(cohort).corrupted += 1;
        self.findings.note(Finding::of_arrival(FindingKind::Corrupted, receiver, stamp, at_us));
        self.examples.record(ExampleOf::Corrupted, "", at_us, || around(frame, mark));
    }

    /// An event of a feed came that its server had sent at this time by its own clock, `here_unix_us`
    /// by ours. Of one that is ten years and more away from ours the unit is another.
    pub fn push_sent(&mut self, cohort: usize, sent: SentUnix, here_unix_us: u64, now_us: u64) {
        let SentUnix { unix_us: sent_us, resolution_us } = sent;
        if sent_us.abs_diff(here_unix_us) > PUSH_AWAY_MAX_US {
            self.counts(cohort).push_untimed += 1;
            return;
        }
        // Both clocks rounded alike, so that rounding is no lateness.
        let here_us = here_unix_us / resolution_us.max(1) * resolution_us.max(1);
        self.counts(cohort).time(sent_us, sent_us > here_us);
        self.latency(Metric::Push, cohort, now_us, here_us.saturating_sub(sent_us));
    }

    /// Hands over what was recorded since the last time.
    pub fn take(&mut self, worker: u16, at_us: u64, health: WorkerHealth) -> Snapshot {
        let cohorts = self.counts.len();
        let next = self.ledger.next();
        Snapshot {
            worker,
            at_us,
            histograms: std::mem::take(&mut self.histograms),
            counts: std::mem::replace(&mut self.counts, vec![Counts::default(); cohorts]),
            errors: std::mem::take(&mut self.errors),
            closes: std::mem::take(&mut self.closes),
            examples: std::mem::take(&mut self.examples),
            taken: std::mem::take(&mut self.taken),
            ledger: std::mem::replace(&mut self.ledger, next),
            findings: self.findings.hand_over(),
            recoveries: std::mem::take(&mut self.recoveries),
            health,
            standing: Standing::default(),
            closing: false,
        }
    }
}
/// An excerpt without secrets, which are taken out first: a cut could leave half of one.
fn cleansed(bytes: &[u8], secrets: &Secrets) -> String {
    if secrets.is_empty() {
        return excerpt(bytes);
    }
    excerpt(secrets.redact(&String::from_utf8_lossy(bytes)).as_bytes())
}

#[cfg(test)]
mod tests;
