//! Why a verdict is what it is, in words: the first line of every rendering, and a threshold's outcome.
//!
//! Says what `verdict` decided; decides nothing.

use super::condition::split_condition;
use super::full::{full, since, worst};
use super::hints::{self, Known, Trouble};
use super::{EarlyEnd, Interruption, Reason, Report, Severity, ThresholdOutcome, VerdictState};
use crate::measure::OUTAGE;
use crate::metric::{Counter, Rate, Share, TARGET, Whole};
use crate::units::format::{count, counted, percent, seconds};

/// Why the verdict is what it is, in one line, the first thing that failed first. May quote the
/// server: renderers escape it.
#[must_use]
pub fn sentence(report: &Report, state: VerdictState) -> String {
    match state {
        VerdictState::Passed => all_hold(&report.thresholds),
        VerdictState::Unjudged => "the scenario has no thresholds to judge by".to_owned(),
        VerdictState::Failed => failed_thresholds(report).unwrap_or_default(),
        VerdictState::Invalid => distrust(report),
        VerdictState::Unreachable => unreachable_because(report),
        VerdictState::Interrupted => {
            let by = match report.run.interrupted {
                Some(Interruption::Terminate) => "SIGTERM",
                Some(Interruption::Hangup) => "SIGHUP",
                _ => "Ctrl-C",
            };
            let after = seconds(report.run.duration_s);
            let planned = seconds(report.plan.duration_s);
            let mut sentence = format!("by {by} after {after} of {planned} planned");
            if report.clients.joined == 0 {
                // What thresholds say of a run without anybody says nothing.
                sentence.push_str(", before any client had joined");
            } else if let Some(failed) = failed_thresholds(report) {
                sentence.push_str(&format!("; until then {failed}"));
            }
            sentence
        }
    }
}

/// `all 3 thresholds hold, and uproar's own 5`.
fn all_hold(thresholds: &[ThresholdOutcome]) -> String {
    let own = thresholds.iter().filter(|threshold| threshold.default).count();
    let beside =
        if own > 0 { format!(", and uproar's own {}", count(own as u64)) } else { String::new() };
    match thresholds.len() - own {
        0 => format!("uproar's own {} conditions hold; the scenario has none", count(own as u64)),
        1 => format!("the one threshold holds{beside}"),
        2 => format!("both thresholds hold{beside}"),
        n => format!("all {} thresholds hold{beside}", count(n as u64)),
    }
}

/// Failed thresholds that a sentence names; the rest are in the list below it.
const NAMED: usize = 3;

fn failed_thresholds(report: &Report) -> Option<String> {
    let mut failed = by_gravity(&report.thresholds);
    // What ended the run stands for all that was not measured.
    failed.sort_by_key(|threshold| ended_by(report, threshold).is_none());
    let first = failed.first()?;
    let of = report.thresholds.len();
    let noun = if of == 1 { "threshold" } else { "thresholds" };
    let told = |threshold: &&ThresholdOutcome| match ended_by(report, threshold) {
        Some(end) => {
            let actual_text = end.actual_text.clone().unwrap_or_default();
            let then = ThresholdOutcome {
                actual: end.actual,
                actual_text,
                count: None,
                ..(*threshold).clone()
            };
            let (after, planned) = (seconds(end.at_s), seconds(report.plan.duration_s));
            format!("{}, which ended the run after {after} of {planned}", outcome(&then))
        }
        None => outcome(threshold),
    };
    let mut named: Vec<_> = failed.iter().take(NAMED).map(told).collect();
    if let Some(when) = when_full(report, first) {
        named[0].push_str(&when);
    }
    if let Some(outage) = outage(report).filter(|_| rank(&first.metric) <= Gravity::Lost) {
        named[0].push_str(&outage);
    }
    let (failed, of) = (count(failed.len() as u64), count(of as u64));
    Some(format!("{failed} of {of} {noun}: {}", named.join("; ")))
}

/// `, first over at 41 s, when the server's 2 cores were full (97 %)`, or most over; of figures that no second can be told
/// of, `; at 41 s ...`. Nothing where nothing that is known was full, and of the server's own figures,
/// which say it themselves.
fn when_full(report: &Report, threshold: &ThresholdOutcome) -> Option<String> {
    if threshold.metric.starts_with(TARGET) {
        return None;
    }
    let Some(at_s) = since(threshold, report) else {
        let found = full(report, None)?;
        return Some(format!("; at {} {}", seconds(found.at_s), found.what));
    };
    if let Some(found) = full(report, Some(at_s)) {
        return Some(format!(", first over at {}, when {}", seconds(at_s), found.what));
    }
    // The first second may have a cause of its own that nobody knows, such as people who all come at once.
    let at_s = worst(threshold, report)?;
    let found = full(report, Some(at_s))?;
    Some(format!(", most at {}, when {}", seconds(at_s), found.what))
}

/// How the run ended, if this threshold ended it.
fn ended_by<'a>(report: &'a Report, threshold: &ThresholdOutcome) -> Option<&'a EarlyEnd> {
    let end = report.run.ended_early.as_ref();
    end.filter(|end| end.threshold.as_ref() == Some(&threshold.metric))
}

/// ` (an outage at 5.1 s took 20 clients, 0 came back)`, of the largest that nobody ordered.
fn outage(report: &Report) -> Option<String> {
    let outages = report.faults.iter().filter(|fault| fault.kind == OUTAGE && fault.hit > 0);
    let worst = outages.max_by_key(|fault| fault.hit)?;
    let (at, hit) = (seconds(worst.at_s), counted(worst.hit, "client"));
    Some(format!(" (an outage at {at} took {hit}, {} came back)", count(worst.back)))
}

/// What the sentence of a failed run does not say of the gravest threshold that failed.
pub(super) fn note(report: &Report) -> Option<&str> {
    let asked = matches!(report.verdict.state, VerdictState::Failed | VerdictState::Interrupted);
    let failed = by_gravity(&report.thresholds);
    // Without a figure the note stands in its place.
    let gravest = failed.first().filter(|threshold| asked && threshold.actual.is_some())?;
    gravest.note.as_deref()
}

/// All of them as lists show them: those that failed, the gravest first; those that hold; last
/// uproar's own that hold.
pub(super) fn listed(thresholds: &[ThresholdOutcome]) -> Vec<&ThresholdOutcome> {
    let mut all = by_gravity(thresholds);
    let hold = |own| move |of: &&ThresholdOutcome| of.passed && of.default == own;
    all.extend(thresholds.iter().filter(hold(false)));
    all.extend(thresholds.iter().filter(hold(true)));
    all
}

/// Of those that failed the gravest.
pub(crate) fn gravest(thresholds: &[ThresholdOutcome]) -> Option<&ThresholdOutcome> {
    by_gravity(thresholds).into_iter().next()
}

/// Those that failed, the gravest first.
fn by_gravity(thresholds: &[ThresholdOutcome]) -> Vec<&ThresholdOutcome> {
    let mut failed: Vec<_> = thresholds.iter().filter(|threshold| !threshold.passed).collect();
    failed.sort_by_key(|threshold| rank(&threshold.metric));
    failed
}

/// How grave it is that a threshold failed: that people were not there, and that messages were
/// lost, comes before that they were late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gravity {
    /// The load never happened, or not to all.
    Absent,
    Lost,
    Unsent,
    /// Not known, changed, twice, or out of order.
    Amiss,
    /// Connections and errors.
    Broken,
    Slow,
    Late,
}

fn rank(metric: &str) -> Gravity {
    let figure = figure(metric);
    let shared = Share::from_name(figure).map(Share::counter);
    match shared.or_else(|| Counter::from_name(figure)) {
        Some(
            Counter::Expected
            | Counter::Delivered
            | Counter::ClientsNeverJoined
            | Counter::ClientsNotBack
            | Counter::ClientsStoodStill
            | Counter::ClientsGaveUp,
        ) => Gravity::Absent,
        Some(Counter::Lost | Counter::AckedLost | Counter::MissedAway) => Gravity::Lost,
        Some(
            Counter::PublishesDue
            | Counter::PublishesSent
            | Counter::PublishesNotSent
            | Counter::PublishesAcked
            | Counter::PublishesRejected
            | Counter::PublishesUnacked
            | Counter::ActionsSent
            | Counter::ActionsNotSent,
        ) => Gravity::Unsent,
        Some(
            Counter::Duplicated
            | Counter::Reordered
            | Counter::Corrupted
            | Counter::Replayed
            | Counter::Uncertain
            | Counter::Joining
            | Counter::CutOff
            | Counter::Unfinished
            | Counter::Unexpected
            | Counter::Foreign
            | Counter::Late,
        ) => Gravity::Amiss,
        Some(
            Counter::ConnectionsFailed
            | Counter::ConnectionsLost
            | Counter::ConnectionsBroken
            | Counter::ConnectionsReconnected
            | Counter::Errors,
        ) => Gravity::Broken,
        None if Rate::from_name(figure).is_some() => Gravity::Slow,
        None => Gravity::Late,
    }
}

/// A threshold's figure without its cohort and phase. Their names have no dots.
fn figure(metric: &str) -> &str {
    let mut rest = metric;
    for scope in ["cohort.", "phase."] {
        let after = rest.strip_prefix(scope).and_then(|after| after.split_once('.'));
        rest = after.map_or(rest, |(_, figure)| figure);
    }
    rest
}

/// `delivery.p99 was 412 ms, limit 250 ms`, `lost was 12 of 4,000 deliveries (0.3 %), should be 0`.
pub(crate) fn outcome(threshold: &ThresholdOutcome) -> String {
    let metric = &threshold.metric;
    let (operator, limit) = split_condition(&threshold.condition);
    let wanted = match operator {
        "<" | "<=" => format!("limit {limit}"),
        ">" => format!("should be over {limit}"),
        ">=" => format!("should be at least {limit}"),
        _ => format!("should be {limit}"),
    };
    if threshold.actual.is_none() {
        let why = threshold.note.as_deref().unwrap_or("too few samples");
        return format!("{metric}: {why}, {wanted}");
    }
    format!("{metric} was {}, {wanted}", actual(threshold))
}

/// The same with what there is to note. Without a figure the note stands in its place already.
pub(super) fn noted(threshold: &ThresholdOutcome) -> String {
    let note = threshold.note.as_deref().filter(|_| threshold.actual.is_some());
    format!("{}{}", outcome(threshold), note.map(|note| format!(" ({note})")).unwrap_or_default())
}

/// The figure, and where it is a part of something, as a count and as a share.
fn actual(threshold: &ThresholdOutcome) -> String {
    let text = &threshold.actual_text;
    let figure = figure(&threshold.metric);
    let (Some(n), Some(of)) = (threshold.count, threshold.of.filter(|of| *of > 0)) else {
        return text.clone();
    };
    let counted = Counter::from_name(figure).and_then(Share::of);
    match (Share::from_name(figure), counted) {
        (Some(share), _) => {
            let whole = share.whole();
            let of_or_for = if whole == Whole::PerClient { "for" } else { "of" };
            format!("{text} ({} {of_or_for} {} {})", count(n), count(of), whole.things())
        }
        (None, Some(share)) => {
            let (of_all, things) = (percent(n as f64 / of as f64), share.whole().things());
            format!("{} of {} {things} ({of_all})", count(n), count(of))
        }
        (None, None) => text.clone(),
    }
}

/// The gravest reason: `what: measured, limit ...; remedy: ...`.
fn distrust(report: &Report) -> String {
    let worst = report
        .validity
        .reasons
        .iter()
        // The first of the gravest; `max_by_key` alone would take the last.
        .rev()
        .max_by_key(|reason| reason.severity)
        .filter(|reason| reason.severity > Severity::Note);
    let Some(reason) = worst else {
        return "the figures can't be trusted".to_owned();
    };
    told(reason)
}

/// `what: measured, limit ...; remedy: ...`.
pub(super) fn told(reason: &Reason) -> String {
    let remedy = if reason.remedy.is_empty() { "" } else { "; remedy: " };
    format!("{}{remedy}{}", measured(reason), reason.remedy)
}

/// `what: measured, limit ...`.
pub(crate) fn measured(reason: &Reason) -> String {
    let mut sentence = reason.what.clone();
    for (before, part) in [(": ", &reason.measured), (", limit ", &reason.limit)] {
        if !part.is_empty() {
            sentence.push_str(before);
            sentence.push_str(part);
        }
    }
    sentence
}

/// The same behind its severity.
pub(super) fn labelled(reason: &Reason) -> String {
    format!("{}: {}", reason.severity.name(), told(reason))
}

fn unreachable_because(report: &Report) -> String {
    // The most frequent: a few clients may have met something else on the way.
    let Some(error) = report.errors.iter().rev().max_by_key(|error| error.count) else {
        return "no client got in, and no error was seen; was the run long enough?".to_owned();
    };
    let step = error.step.name();
    let what = if error.example.is_empty() { error.kind.name() } else { &error.example };
    let detail = hints::detail(error.kind, error.detail.as_deref());
    let trouble = Trouble::Failed(error.kind, detail, error.step);
    let known = Known { protocol: &report.target.protocol, words: what, offered: None };
    let hint = hints::hint(trouble, &known);
    let times = match error.count {
        1 => "once".to_owned(),
        times => format!("{} times", count(times)),
    };
    format!("no client got in: {what} ({step}, {times}); {hint}")
}

#[cfg(test)]
mod tests;
