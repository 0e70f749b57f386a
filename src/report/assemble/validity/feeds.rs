//! Feeds whose numbers or times tell less than they should.

use super::reason;
use crate::coordinator::Outcome;
use crate::metric::Metric;
use crate::report::{Reason, Severity};
use crate::scenario::{Stat, Subject};
use crate::units::format::{count, duration_us, percent};

/// Events of a feed that don't tell what they should.
const UNTOLD_SUSPECT: f64 = 0.01;
/// A clock in whole seconds tells nothing of a latency, whoever looks at it.
const CLOCK_STEP_SUSPECT_US: u64 = 1_000_000;

/// A feed's times that are rounded to more than what is measured with them. Rounding by a
/// millisecond is a note, unless a threshold asks for less.
pub(super) fn coarse_clock(outcome: &Outcome) -> Option<Reason> {
    let totals = &outcome.totals;
    let step_us = totals.counts(None).push_clock_us()?;
    let push_us = totals.latency(Metric::Push, None, None).percentile(50.0)?;
    let is_gated = totals.plan().scenario.thresholds.iter().any(|threshold| {
        let is_time = matches!(threshold.subject, Subject::Latency(Metric::Push, stat) if stat != Stat::Count);
        is_time && threshold.limit <= step_us as f64
    });
    let severity = if step_us >= CLOCK_STEP_SUSPECT_US || is_gated {
        Severity::Suspect
    } else if push_us <= step_us {
        Severity::Note
    } else {
        return None;
    };
    let what = "a clock too coarse for `push`: all times of the server are multiples of its step";
    let measured = format!("{}, push p50 {}", duration_us(step_us), duration_us(push_us));
    let remedy = "let the server write finer times, or judge by `interval` and the ledger";
    Some(reason(severity, what, measured, "", remedy))
}

/// Events of a feed whose numbers or times tell nothing. A few are a note.
pub(super) fn untold(outcome: &Outcome) -> Vec<Reason> {
    let counts = outcome.totals.counts(None);
    let told = |counted: u64, what: &str, remedy: &str| {
        let share = counted as f64 / counts.pushed.max(1) as f64;
        let severity = if share > UNTOLD_SUSPECT { Severity::Suspect } else { Severity::Note };
        let measured = format!("{} of {} events", count(counted), count(counts.pushed));
        (counted > 0).then(|| reason(severity, what, measured, percent(UNTOLD_SUSPECT), remedy))
    };
    let reasons = [
        told(
            counts.push_unnumbered,
            "sequence numbers of a feed could not be read: what was lost there is not known",
            "look at `delivery.sequence` in the protocol file: `uproar try` shows an event",
        ),
        told(
            counts.push_renumbered,
            "a feed's numbers began anew: what was lost between is not known",
            "if each channel has numbers of its own, say where it stands with `sequence.per`",
        ),
        told(
            counts.push_forgotten,
            "a feed had more numberings than are told apart: what was lost there is not known",
            "`sequence.per` is to name what numbers are counted within, not the event",
        ),
        told(
            counts.push_untimed,
            "times of a feed could not be read, or are in another unit: `push` leaves them out",
            "look at `delivery.sent_at` in the protocol file, its place and its unit",
        ),
    ];
    reasons.into_iter().flatten().collect()
}
