//! The decision: from what was found to a verdict, an exit code and the sentence that says why.
//!
//! Pure. The figures, the thresholds' outcomes and the validity come in; nothing here measures,
//! prints or writes.

use super::hints::{self, Trouble};
use super::{
    EarlyCause, EarlyEnd, Exit, Interruption, Reason, Report, Severity, ThresholdOutcome,
    ValidityState, VerdictState,
};
use crate::measure::OUTAGE;
use crate::metric::{Counter, Rate, Share};
use crate::units::format::{count, percent, seconds};

/// Everything the decision depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Thresholds that were judged.
    pub thresholds: usize,
    /// Those that failed.
    pub failed: usize,
    /// Whether the figures can be trusted.
    pub validity: ValidityState,
    /// Clients that were joined at least once.
    pub joined: u64,
    /// Whether anything went wrong on any connection.
    pub troubled: bool,
    /// The signal that ended the run early.
    pub interrupted: Option<Interruption>,
    /// What else did.
    pub ended_early: Option<EarlyCause>,
    /// How much weight validity has.
    pub trust: Trust,
}

/// How much weight validity has in the decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// An invalid run is not judged.
    #[default]
    Standard,
    /// `--strict`: a suspect run isn't either.
    Strict,
    /// `--allow-invalid`: every run is.
    AllowInvalid,
}

impl Evidence {
    /// The evidence a filled report holds.
    #[must_use]
    pub fn of(report: &Report, trust: Trust) -> Self {
        Self {
            thresholds: report.thresholds.len(),
            failed: report.thresholds.iter().filter(|threshold| !threshold.passed).count(),
            validity: report.validity.state,
            joined: report.clients.joined,
            troubled: !report.errors.is_empty() || report.connections.failed > 0,
            interrupted: report.run.interrupted,
            ended_early: report.run.ended_early.as_ref().map(|end| end.cause),
            trust,
        }
    }

    /// The verdict and its exit code, provided that the report gets written (see
    /// [`exit_after_writing`]). The first that holds of: unreachable, interrupted, invalid, failed;
    /// nobody joined but nothing failed either, an interrupted run is interrupted. What uproar
    /// itself broke off says nothing about the server, and nothing makes it a run to be judged.
    #[must_use]
    pub fn decide(self) -> (VerdictState, Exit) {
        let distrusted = match self.trust {
            Trust::Standard => self.validity == ValidityState::Invalid,
            Trust::Strict => self.validity != ValidityState::Valid,
            Trust::AllowInvalid => false,
        };
        // Nobody was refused in a run that was interrupted before anybody could have got in.
        let too_soon_to_tell = self.interrupted.is_some() && !self.troubled;
        let broken = self.ended_early == Some(EarlyCause::Failure);
        if self.joined == 0 && !too_soon_to_tell && !broken {
            return (VerdictState::Unreachable, Exit::Unreachable);
        }
        match self.interrupted {
            Some(Interruption::Interrupt) => (VerdictState::Interrupted, Exit::Interrupted),
            Some(Interruption::Terminate) => (VerdictState::Interrupted, Exit::Terminated),
            None if broken || self.ended_early == Some(EarlyCause::Unwelcome) => {
                (VerdictState::Invalid, Exit::Invalid)
            }
            None if distrusted => (VerdictState::Invalid, Exit::Invalid),
            None if self.failed > 0 || self.ended_early == Some(EarlyCause::Threshold) => {
                (VerdictState::Failed, Exit::Failed)
            }
            None if self.thresholds == 0 => (VerdictState::Unjudged, Exit::Passed),
            None => (VerdictState::Passed, Exit::Passed),
        }
    }
}

/// The exit code once writing the report has been tried. What the run found stays as it is, but a
/// job that looks for the report must learn that there is none.
#[must_use]
pub fn exit_after_writing(decided: Exit, written: bool) -> Exit {
    if written { decided } else { Exit::Internal }
}

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
    if let Some(outage) = outage(report).filter(|_| rank(&first.metric) <= Gravity::Lost) {
        named[0].push_str(&outage);
    }
    let (failed, of) = (count(failed.len() as u64), count(of as u64));
    Some(format!("{failed} of {of} {noun}: {}", named.join("; ")))
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
    let (at, hit, back) = (seconds(worst.at_s), count(worst.hit), count(worst.back));
    Some(format!(" (an outage at {at} took {hit} clients, {back} came back)"))
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
            | Counter::Unfinished
            | Counter::Unexpected
            | Counter::Foreign
            | Counter::Late,
        ) => Gravity::Amiss,
        Some(
            Counter::ConnectionsFailed
            | Counter::ConnectionsLost
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
pub(super) fn outcome(threshold: &ThresholdOutcome) -> String {
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
            format!("{text} ({} of {} {})", count(n), count(of), share.whole().things())
        }
        (None, Some(share)) => {
            let (of_all, things) = (percent(n as f64 / of as f64), share.whole().things());
            format!("{} of {} {things} ({of_all})", count(n), count(of))
        }
        (None, None) => text.clone(),
    }
}

/// Operator and limit of a condition as written, the limit with a space before its unit:
/// `< 250ms` is `<` and `250 ms`.
#[must_use]
pub(super) fn split_condition(condition: &str) -> (&str, String) {
    let condition = condition.trim();
    let end = condition.find(|c| !"<>=!".contains(c)).unwrap_or(condition.len());
    let (operator, limit) = condition.split_at(end);
    let mut spaced = String::with_capacity(limit.len() + 1);
    let mut before = ' ';
    for c in limit.trim().chars() {
        if before.is_ascii_digit() && (c.is_alphabetic() || c == '%') {
            spaced.push(' ');
        }
        spaced.push(c);
        before = c;
    }
    (operator, spaced)
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
    let mut sentence = reason.what.clone();
    for (before, part) in
        [(": ", &reason.measured), (", limit ", &reason.limit), ("; remedy: ", &reason.remedy)]
    {
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
    let hint = hints::hint(trouble, &report.target.protocol);
    format!("no client got in: {what} at {step} ({} ×); {hint}", count(error.count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{ErrorKind, Step};
    use crate::report::{ErrorGroup, FaultOutcome, Reason, Validity};

    const FINE: Evidence = Evidence {
        thresholds: 3,
        failed: 0,
        validity: ValidityState::Valid,
        joined: 10,
        troubled: false,
        interrupted: None,
        ended_early: None,
        trust: Trust::Standard,
    };

    #[test]
    fn decisions_in_their_order() {
        use ValidityState::{Invalid, Suspect};
        let int = Some(Interruption::Interrupt);
        let term = Some(Interruption::Terminate);
        let table = [
            ("passed", FINE, VerdictState::Passed, 0),
            ("nothing to judge", Evidence { thresholds: 0, ..FINE }, VerdictState::Unjudged, 0),
            ("one failed", Evidence { failed: 1, ..FINE }, VerdictState::Failed, 1),
            (
                "suspect is judged",
                Evidence { validity: Suspect, failed: 1, ..FINE },
                VerdictState::Failed,
                1,
            ),
            (
                "strict",
                Evidence { validity: Suspect, trust: Trust::Strict, failed: 1, ..FINE },
                VerdictState::Invalid,
                3,
            ),
            (
                "invalid before failed",
                Evidence { validity: Invalid, failed: 1, ..FINE },
                VerdictState::Invalid,
                3,
            ),
            (
                "invalid though unjudged",
                Evidence { validity: Invalid, thresholds: 0, ..FINE },
                VerdictState::Invalid,
                3,
            ),
            (
                "allowed, failed",
                Evidence { validity: Invalid, trust: Trust::AllowInvalid, failed: 1, ..FINE },
                VerdictState::Failed,
                1,
            ),
            (
                "allowed, passed",
                Evidence { validity: Invalid, trust: Trust::AllowInvalid, ..FINE },
                VerdictState::Passed,
                0,
            ),
            (
                "interrupted before invalid",
                Evidence { interrupted: int, validity: Invalid, failed: 1, ..FINE },
                VerdictState::Interrupted,
                130,
            ),
            ("terminated", Evidence { interrupted: term, ..FINE }, VerdictState::Interrupted, 143),
            (
                "trouble and joined",
                Evidence { troubled: true, interrupted: term, ..FINE },
                VerdictState::Interrupted,
                143,
            ),
            (
                "unreachable before interrupted",
                Evidence {
                    joined: 0,
                    troubled: true,
                    interrupted: int,
                    validity: Invalid,
                    failed: 3,
                    ..FINE
                },
                VerdictState::Unreachable,
                4,
            ),
            (
                "interrupted before anybody could have joined",
                Evidence { joined: 0, interrupted: int, validity: Invalid, failed: 3, ..FINE },
                VerdictState::Interrupted,
                130,
            ),
            (
                "terminated before anybody could have joined",
                Evidence { joined: 0, interrupted: term, failed: 3, ..FINE },
                VerdictState::Interrupted,
                143,
            ),
            (
                "ended by a threshold that holds by now",
                Evidence { ended_early: Some(EarlyCause::Threshold), ..FINE },
                VerdictState::Failed,
                1,
            ),
            (
                "ended by a threshold, and not to be trusted",
                Evidence { ended_early: Some(EarlyCause::Threshold), validity: Invalid, ..FINE },
                VerdictState::Invalid,
                3,
            ),
            (
                "refused by the host, though invalid is allowed",
                Evidence {
                    ended_early: Some(EarlyCause::Unwelcome),
                    trust: Trust::AllowInvalid,
                    ..FINE
                },
                VerdictState::Invalid,
                3,
            ),
            (
                "broken, though invalid is allowed",
                Evidence {
                    ended_early: Some(EarlyCause::Failure),
                    trust: Trust::AllowInvalid,
                    ..FINE
                },
                VerdictState::Invalid,
                3,
            ),
            (
                "broken before anybody could join is not the server's doing",
                Evidence { joined: 0, ended_early: Some(EarlyCause::Failure), ..FINE },
                VerdictState::Invalid,
                3,
            ),
            (
                "interrupted, and broken in its drain",
                Evidence { interrupted: int, ended_early: Some(EarlyCause::Failure), ..FINE },
                VerdictState::Interrupted,
                130,
            ),
            (
                "nobody joined in a whole run, whatever the reason",
                Evidence { joined: 0, ..FINE },
                VerdictState::Unreachable,
                4,
            ),
        ];
        for (name, evidence, state, code) in table {
            let (decided, exit) = evidence.decide();
            assert_eq!((decided, exit.code()), (state, code), "{name}");
            assert_eq!(exit_after_writing(exit, true), exit, "{name}");
            assert_eq!(exit_after_writing(exit, false).code(), 5, "{name}");
        }
    }

    fn threshold(
        metric: &str,
        condition: &str,
        actual: Option<f64>,
        text: &str,
        passed: bool,
    ) -> ThresholdOutcome {
        ThresholdOutcome {
            metric: metric.to_owned(),
            condition: condition.to_owned(),
            actual,
            actual_text: text.to_owned(),
            passed,
            ..ThresholdOutcome::default()
        }
    }

    fn part(threshold: ThresholdOutcome, count: u64, of: u64) -> ThresholdOutcome {
        ThresholdOutcome { count: Some(count), of: Some(of), ..threshold }
    }

    #[test]
    fn the_gravest_is_named_first_and_lost_before_late() {
        let late = threshold("delivery.p99", "< 250ms", Some(412_000.0), "412 ms", false);
        let mut report = Report {
            thresholds: vec![
                late.clone(),
                threshold("errors", "== 0", Some(3.0), "3", false),
                threshold("duplicated", "== 0", Some(0.0), "0", true),
                part(threshold("lost", "== 0", Some(12.0), "12", false), 12, 4_000),
                part(threshold("not_sent.share", "< 1%", Some(0.596), "60 %", false), 96, 161),
            ],
            ..Report::default()
        };
        assert_eq!(
            sentence(&report, VerdictState::Failed),
            "4 of 5 thresholds: lost was 12 of 4,000 deliveries (0.3 %), should be 0; \
             not_sent.share was 60 % (96 of 161 messages), limit 1 %; errors was 3, should be 0"
        );
        report.thresholds = vec![late];
        report.faults = vec![FaultOutcome {
            kind: OUTAGE.to_owned(),
            at_s: 5.1,
            hit: 20,
            ..FaultOutcome::default()
        }];
        // Who was late was there.
        assert_eq!(
            sentence(&report, VerdictState::Failed),
            "1 of 1 threshold: delivery.p99 was 412 ms, limit 250 ms"
        );
        let missing = threshold("clients.never_joined", "== 0", Some(1.0), "1", false);
        report.thresholds.push(part(missing, 1, 20));
        assert_eq!(
            sentence(&report, VerdictState::Failed),
            "2 of 2 thresholds: clients.never_joined was 1 of 20 clients (5 %), should be 0 \
             (an outage at 5.1 s took 20 clients, 0 came back); \
             delivery.p99 was 412 ms, limit 250 ms"
        );
    }

    #[test]
    fn every_figure_has_its_gravity_whatever_its_cohort_and_phase() {
        let ranks: Vec<_> = [
            "clients.never_joined.share",
            "cohort.a.phase.b.lost",
            "phase.b.lost.share",
            "publishes.not_sent",
            "cohort.lost.uncertain",
            "errors",
            "delivered.rate",
            "phase.lost.delivery.p99",
        ]
        .into_iter()
        .map(rank)
        .collect();
        assert!(ranks.is_sorted(), "{ranks:?}");
        assert_eq!(ranks[1], ranks[2]);
    }

    #[test]
    fn what_held_says_whose_it_was() {
        let own =
            || ThresholdOutcome { passed: true, default: true, ..ThresholdOutcome::default() };
        let theirs = || ThresholdOutcome { passed: true, ..ThresholdOutcome::default() };
        let table = [
            (0, 5, "uproar's own 5 conditions hold; the scenario has none"),
            (1, 5, "the one threshold holds, and uproar's own 5"),
            (2, 0, "both thresholds hold"),
            (3, 4, "all 3 thresholds hold, and uproar's own 4"),
        ];
        for (named, of_ours, text) in table {
            let thresholds = (0..named).map(|_| theirs()).chain((0..of_ours).map(|_| own()));
            let report = Report { thresholds: thresholds.collect(), ..Report::default() };
            assert_eq!(sentence(&report, VerdictState::Passed), text);
        }
    }

    #[test]
    fn a_threshold_that_ended_the_run_is_named_with_what_it_was_then() {
        let mut report = Report {
            thresholds: vec![
                threshold("errors", "== 0", Some(3.0), "3", false),
                threshold("delivery.p99", "< 250ms", Some(90_000.0), "90 ms", false),
            ],
            ..Report::default()
        };
        report.plan.duration_s = 40.0;
        report.run.ended_early = Some(EarlyEnd {
            cause: EarlyCause::Threshold,
            at_s: 5.5,
            threshold: Some("delivery.p99".to_owned()),
            actual: Some(412_000.0),
            actual_text: Some("412 ms".to_owned()),
        });
        assert_eq!(
            sentence(&report, VerdictState::Failed),
            "2 of 2 thresholds: delivery.p99 was 412 ms, limit 250 ms, which ended the run after \
             5.5 s of 40 s; errors was 3, should be 0"
        );
    }

    #[test]
    fn an_interruption_says_whether_anybody_was_in() {
        let mut report = Report {
            thresholds: vec![threshold("lost", "== 0", Some(3.0), "3", false)],
            ..Report::default()
        };
        report.run.interrupted = Some(Interruption::Interrupt);
        (report.run.duration_s, report.plan.duration_s) = (0.2, 40.0);
        let said = sentence(&report, VerdictState::Interrupted);
        assert_eq!(said, "by Ctrl-C after 0.2 s of 40 s planned, before any client had joined");
        report.clients.joined = 1;
        let said = sentence(&report, VerdictState::Interrupted);
        assert!(said.ends_with("planned; until then 1 of 1 threshold: lost was 3, should be 0"));
    }

    #[test]
    fn every_operator_reads_well() {
        let table = [
            ("<= 1.5s", Some(2.0), "m was 7, limit 1.5 s"),
            ("== 0", Some(2.0), "m was 7, should be 0"),
            (">= 10", Some(2.0), "m was 7, should be at least 10"),
            ("> 10", Some(2.0), "m was 7, should be over 10"),
            ("< 5ms", None, "m: too few samples, limit 5 ms"),
        ];
        for (condition, actual, text) in table {
            assert_eq!(outcome(&threshold("m", condition, actual, "7", false)), text);
        }
    }

    #[test]
    fn conditions_split() {
        let table = [
            ("< 250ms", ("<", "250 ms")),
            ("<=2m30s", ("<=", "2 m30 s")),
            ("== 0", ("==", "0")),
            ("< 0.5%", ("<", "0.5 %")),
            ("", ("", "")),
        ];
        for (condition, (operator, limit)) in table {
            assert_eq!(split_condition(condition), (operator, limit.to_owned()), "{condition}");
        }
    }

    #[test]
    fn an_invalid_run_names_its_first_gravest_reason_and_the_remedy() {
        let reason = |severity, what: &str| Reason {
            severity,
            what: what.to_owned(),
            measured: "99 %".to_owned(),
            limit: "95 %".to_owned(),
            remedy: "fewer clients".to_owned(),
        };
        let report = Report {
            validity: Validity {
                state: ValidityState::Invalid,
                reasons: vec![
                    reason(Severity::Note, "a"),
                    reason(Severity::Invalid, "b"),
                    reason(Severity::Invalid, "c"),
                ],
            },
            ..Report::default()
        };
        assert_eq!(
            sentence(&report, VerdictState::Invalid),
            "b: 99 %, limit 95 %; remedy: fewer clients"
        );
    }

    #[test]
    fn an_unreachable_server_is_quoted() {
        let error = |kind, count, example: &str| ErrorGroup {
            kind,
            detail: None,
            step: Step::Upgrade,
            cohort: "talkers".to_owned(),
            count,
            first_s: 0.0,
            last_s: 1.0,
            example: example.to_owned(),
        };
        let report = Report {
            errors: vec![
                error(ErrorKind::TimedOut, 2, "slow"),
                error(ErrorKind::HttpStatus, 998, "answered 403 Forbidden"),
            ],
            ..Report::default()
        };
        assert_eq!(
            sentence(&report, VerdictState::Unreachable),
            "no client got in: answered 403 Forbidden at upgrade (998 ×); \
             check the path; the server may want an Origin or a token"
        );
    }
}
