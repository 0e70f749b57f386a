//! Whether messages left in time: of the whole run, and of each phase and cohort that a threshold
//! looks at by itself.
//!
//! Lateness is held against what it would distort: half of the deliveries took longer than their
//! p50. Where nothing was delivered or acknowledged there is nothing to hold it against but itself.

use super::{reason, shortage};
use crate::coordinator::Outcome;
use crate::measure::percentile_has_enough;
use crate::metric::Metric;
use crate::report::{Reason, Severity};
use crate::scenario::Subject;
use crate::units::format::duration_us;

/// Lag p99 over this share of delivery p50, and over [`SUSPECT_US`].
const SHARE_SUSPECT: f64 = 0.10;
const SUSPECT_US: u64 = 1_000;
/// Lag p99 over delivery p50, and over this.
const INVALID_US: u64 = 5_000;
/// Over this where there is no delivery to compare with.
const INVALID_ALONE_US: u64 = 100_000;

/// A part of the run whose figures are judged: a cohort's, a phase's, or all.
type Scope = (Option<usize>, Option<usize>);

/// The gravest of all that is looked at; of several alike the whole run's.
pub(super) fn judge(outcome: &Outcome) -> Option<Reason> {
    let thresholds = &outcome.totals.plan().scenario.thresholds;
    let timed = thresholds.iter().filter(|of| matches!(of.subject, Subject::Latency(..)));
    let mut scopes: Vec<Scope> = vec![(None, None)];
    for scope in timed.map(|of| (of.cohort, of.phase)) {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    let reasons = scopes.into_iter().filter_map(|scope| of_scope(outcome, scope));
    reasons.rev().max_by_key(|reason| reason.severity)
}

fn of_scope(outcome: &Outcome, (cohort, phase): Scope) -> Option<Reason> {
    let totals = &outcome.totals;
    // A cohort hears what others say too: late authors of any cohort spoil its figures.
    let lag = totals.latency(Metric::Lag, None, phase);
    // The highest that has its samples: with fewer, one slow message would decide.
    let percentile = [99.0, 95.0, 90.0, 50.0]
        .into_iter()
        .find(|percentile| percentile_has_enough(*percentile, lag.len()))?;
    let lag_us = lag.percentile(percentile)?;
    let heard = [Metric::Delivery, Metric::Ack].into_iter().find_map(|metric| {
        totals.latency(metric, cohort, phase).percentile(50.0).map(|us| (metric, us))
    });
    let scenario = &totals.plan().scenario;
    let place = [
        phase.map(|phase| format!(" in phase {}", scenario.phases[phase].name)),
        cohort.map(|cohort| format!(" for cohort {}", scenario.cohorts[cohort].name)),
    ];
    let place: String = place.into_iter().flatten().collect();
    let measured = format!("{} (p{percentile})", duration_us(lag_us));
    let remedy = shortage::remedy(outcome);
    let told = |severity, what: &str, limit: String| {
        Some(reason(severity, &format!("{what}{place}"), measured.clone(), limit, &remedy))
    };
    let Some((metric, heard_us)) = heard else {
        let severity = match lag_us {
            us if us > INVALID_ALONE_US => Severity::Invalid,
            us if us > SUSPECT_US => Severity::Suspect,
            _ => return None,
        };
        let limit_us = if severity == Severity::Invalid { INVALID_ALONE_US } else { SUSPECT_US };
        let limit = format!("{}, as nothing was heard to compare with", duration_us(limit_us));
        return told(severity, "messages left late", limit);
    };
    let p50 = format!("the {} p50 of {}", metric.name(), duration_us(heard_us));
    if lag_us > heard_us && lag_us > INVALID_US {
        return told(Severity::Invalid, "messages left later than they took to arrive", p50);
    }
    if lag_us as f64 > heard_us as f64 * SHARE_SUSPECT && lag_us > SUSPECT_US {
        return told(Severity::Suspect, "messages left late", format!("10 % of {p50}"));
    }
    None
}
