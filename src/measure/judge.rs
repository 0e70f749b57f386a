//! Thresholds against figures.

use super::totals::Totals;
use crate::metric::{Counter, Metric, Rate, Resource, Share, Whole};
use crate::scenario::{Stat, Subject, Threshold};

/// What a threshold found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Microseconds for a time, a count for a counter, a part of 1 for a share, a number a second
    /// for a rate, bytes for memory; `None` without samples, for a recovery that was never complete, for a counter
    /// that no protocol of the run has, and for a share of nothing.
    pub actual: Option<f64>,
    /// Of a counter that is told as a share, and of that share: the count, and of how many.
    pub part: Option<(u64, u64)>,
    /// Whether the condition holds.
    pub passed: bool,
    /// Samples behind a latency, faults behind a recovery; `None` for a counter.
    pub samples: Option<u64>,
    /// Whether a percentile has fewer samples than its tail needs.
    pub too_few: bool,
}

/// Looks a threshold's figure up and compares.
#[must_use]
pub fn judge(threshold: &Threshold, totals: &Totals) -> Outcome {
    let compare = |actual: f64| threshold.comparison.holds(actual, threshold.limit);
    match threshold.subject {
        Subject::Count(counter) => {
            let actual = count(counter, threshold.cohort, threshold.phase, totals);
            let part = Share::of(counter)
                .and_then(|share| part(share, threshold.cohort, threshold.phase, totals));
            let actual = actual.map(|actual| actual as f64);
            let passed = actual.map_or(threshold.if_any, compare)
                // uproar's own `delivered > 0` asks for what was due.
                || (threshold.default && counter == Counter::Delivered && !anything_due(totals));
            Outcome { actual, part, passed, samples: None, too_few: false }
        }
        Subject::Share(share) => {
            let part = part(share, threshold.cohort, threshold.phase, totals);
            let of = part.filter(|(_, whole)| *whole > 0);
            let actual = of.map(|(part, whole)| part as f64 / whole as f64);
            let passed = actual.map_or(threshold.if_any, compare);
            Outcome { actual, part, passed, samples: None, too_few: false }
        }
        Subject::Rate(rate) => {
            let actual = per_s(rate, threshold.cohort, threshold.phase, totals);
            let passed = actual.is_some_and(compare);
            Outcome { actual, part: None, passed, samples: None, too_few: false }
        }
        Subject::Latency(metric, stat) => {
            let hist = totals.latency(metric, threshold.cohort, threshold.phase);
            let samples = hist.len();
            let actual = match stat {
                Stat::Count => Some(samples as f64),
                _ if hist.is_empty() => None,
                Stat::Min => Some(hist.inner().min() as f64),
                Stat::Max => Some(hist.inner().max() as f64),
                Stat::Mean => Some(hist.inner().mean()),
                Stat::Percentile(percentile) => hist.percentile(percentile).map(|us| us as f64),
            };
            let too_few = match stat {
                Stat::Percentile(percentile) => {
                    samples > 0 && !percentile_has_enough(percentile, samples)
                }
                _ => false,
            };
            let passed = actual.map_or(threshold.if_any, compare);
            Outcome { actual, part: None, passed, samples: Some(samples), too_few }
        }
        Subject::Resource(resource) => {
            let actual = resource_figure(resource, totals);
            let passed = actual.map_or(threshold.if_any, compare);
            Outcome { actual, part: None, passed, samples: None, too_few: false }
        }
        Subject::Taken(at, over) => {
            let actual = totals.resources.taken(usize::from(at), over);
            let passed = actual.map_or(threshold.if_any, compare);
            Outcome { actual, part: None, passed, samples: None, too_few: false }
        }
        Subject::Recovery(milestone) => {
            let times = totals.recoveries().with_hits();
            let times: Vec<_> = times.map(|row| row.time_to_us(milestone.share())).collect();
            // The slowest decides, and one that never got there is slower than any.
            let slowest = times.iter().copied().max_by_key(|us| us.unwrap_or(u64::MAX));
            let actual = slowest.flatten().map(|us| us as f64);
            let passed = match slowest {
                None => threshold.if_any,
                Some(_) => actual.is_some_and(compare),
            };
            let samples = Some(times.len() as u64);
            Outcome { actual, part: None, passed, samples, too_few: false }
        }
    }
}

/// What the server's processes used, in the unit of the figure; `None` where it is not known.
#[must_use]
pub fn resource_figure(resource: Resource, totals: &Totals) -> Option<f64> {
    let deliveries_per_s = per_s(Rate::Delivered, None, None, totals);
    totals.resources.figure(resource, deliveries_per_s, totals.peak_up)
}

/// What is counted, and what it is a share of; `None` where no protocol of the run has it.
#[must_use]
pub fn part(
    share: Share,
    cohort: Option<usize>,
    phase: Option<usize>,
    totals: &Totals,
) -> Option<(u64, u64)> {
    let counted = count(share.counter(), cohort, phase, totals)?;
    let of = |counter| count(counter, cohort, phase, totals).unwrap_or(0);
    let whole = match share.whole() {
        Whole::Expected => of(Counter::Expected),
        Whole::Delivered => of(Counter::Delivered),
        Whole::Settled => {
            let unsure = [Counter::Uncertain, Counter::CutOff, Counter::Unfinished].map(of);
            unsure.into_iter().fold(of(Counter::Expected), u64::saturating_add)
        }
        Whole::Due => of(Counter::PublishesDue),
        Whole::Clients | Whole::PerClient => totals.counts(cohort).started,
    };
    Some((counted, whole))
}

/// By the second, over the wanted phase or those that are measured, as far as the run has come.
/// `None` where that lasted no time, and of a phase of a feed whose pushes have no timestamp.
fn per_s(rate: Rate, cohort: Option<usize>, phase: Option<usize>, totals: &Totals) -> Option<f64> {
    let samples = |metric| totals.latency(metric, cohort, phase).len();
    let (counted, span_us) = match rate {
        Rate::Delivered if totals.plan().is_feed() => {
            let counts = totals.counts(cohort);
            let (timed, pushed) = (samples(Metric::Push), counts.pushed);
            let is_untimed = timed == 0 || counts.push_untimed > 0;
            match phase {
                // Nothing says in which phase a push without a timestamp came.
                None if is_untimed => (pushed, totals.reached_us()),
                Some(_) if is_untimed && pushed > 0 => return None,
                _ => (timed, totals.phases_us(phase)),
            }
        }
        Rate::Delivered => (samples(Metric::Delivery), totals.phases_us(phase)),
        // Every message that was sent was held for a while, if only for a microsecond.
        Rate::Sent => (samples(Metric::Held), totals.phases_us(phase)),
    };
    (span_us > 0).then(|| counted as f64 * 1e6 / span_us as f64)
}

/// Whether anybody was to hear anything: of a feed, whoever joined; else by what fell due and by
/// whom it was for.
fn anything_due(totals: &Totals) -> bool {
    let counts = totals.counts(None);
    if totals.plan().is_feed() {
        return counts.joined > 0;
    }
    counts.due > 0 && totals.plan().peaks().deliveries_per_s.is_none_or(|per_s| per_s > 0.0)
}

impl Outcome {
    /// The figure, if a run that still goes on has failed the threshold by it. A percentile or mean
    /// of too few samples is none yet: one slow message would decide it.
    #[must_use]
    pub fn failed_so_far(&self, threshold: &Threshold) -> Option<f64> {
        let few = match threshold.subject {
            Subject::Latency(_, Stat::Mean) => {
                !percentile_has_enough(50.0, self.samples.unwrap_or(0))
            }
            _ => self.too_few,
        };
        self.actual.filter(|actual| !few && threshold.has_failed(*actual))
    }
}

/// How many samples a percentile (0 to 100, exclusive) needs: 10 / (1 - p), so that ten of them
/// lie above it. With fewer, one slow message decides the figure.
#[must_use]
pub fn samples_needed(percentile: f64) -> u64 {
    // 100 - 99.9 is a little under 0.1; without the slack its quotient would round up to 10,001.
    (1_000.0 / (100.0 - percentile) - 1e-6).ceil() as u64
}

/// Whether a percentile (0 to 100) has the samples its tail needs.
#[must_use]
pub fn percentile_has_enough(percentile: f64, samples: u64) -> bool {
    samples >= samples_needed(percentile)
}

/// `None` for what only acknowledgements can tell, where no protocol has any, and for what only
/// numbers of a feed's events can.
pub(super) fn count(
    counter: Counter,
    cohort: Option<usize>,
    phase: Option<usize>,
    totals: &Totals,
) -> Option<u64> {
    let counts = totals.counts(cohort);
    let settled = totals.settled(cohort, phase);
    let acknowledged = |count| totals.plan().acknowledges().then_some(count);
    let by_numbers = [Counter::Expected, Counter::Lost, Counter::Duplicated, Counter::Reordered];
    if by_numbers.contains(&counter) && !totals.plan().knows_losses(cohort) {
        return None;
    }
    Some(match counter {
        // A feed has no ledger: each sequence number is expected once.
        Counter::Expected => settled.expected.saturating_add(counts.pushes_expected()),
        Counter::Delivered => settled.delivered + counts.pushed,
        Counter::Lost => settled.lost.saturating_add(counts.pushes_lost()),
        Counter::AckedLost => return acknowledged(settled.acked_lost),
        Counter::Duplicated => settled.duplicated + counts.duplicated,
        Counter::Reordered => counts.reordered,
        Counter::Corrupted => counts.corrupted,
        Counter::MissedAway => settled.missed_away,
        Counter::Replayed => settled.replayed + counts.replayed,
        Counter::Uncertain => settled.uncertain,
        Counter::Joining => settled.joining,
        Counter::CutOff => settled.cut_off,
        Counter::Unfinished => settled.unfinished,
        Counter::Unexpected => settled.unexpected + counts.unexpected,
        Counter::Foreign => settled.foreign + counts.foreign,
        Counter::Late => settled.late,
        Counter::PublishesDue => counts.due,
        Counter::PublishesSent => counts.sent,
        Counter::PublishesNotSent => counts.not_sent,
        Counter::PublishesAcked => return acknowledged(counts.acked),
        Counter::PublishesRejected => return acknowledged(counts.rejected),
        Counter::PublishesUnacked => return totals.unacked(cohort),
        Counter::ActionsSent => counts.actions_sent,
        Counter::ActionsNotSent => counts.actions_not_sent,
        Counter::ConnectionsFailed => counts.failed,
        Counter::ConnectionsLost => counts.lost,
        Counter::ConnectionsBroken => totals.recoveries().broken(),
        Counter::ConnectionsReconnected => counts.reconnected,
        Counter::ClientsNeverJoined => totals.never_joined(),
        Counter::ClientsNotBack => totals.standing().not_back.into(),
        Counter::ClientsStoodStill => totals.standing().stood_still.into(),
        Counter::ClientsGaveUp => counts.gave_up,
        Counter::Errors => totals.errors.total(),
    })
}

#[cfg(test)]
mod tests;
