//! What one trial came to, by its report.

use super::model::{GaveWay, Outcome, Trial};
use crate::metric::{ErrorKind, Metric, Step};
use crate::report::files::REPORT_FILE;
use crate::report::sentence::{gravest, measured, outcome as told, upper_limit_us};
use crate::report::{Report, SeriesPoint, ThresholdOutcome, ValidityState, VerdictState};
use crate::units::format::{count, counted, number, percent};

/// A server that uses this share of what it has is full.
const FULL: f64 = 0.85;
/// HTTP statuses and close codes by which a server says that it takes no more.
const TOO_MANY: [&str; 5] = ["429", "503", "1008", "1012", "1013"];

/// Cuts a report down to what a search keeps of it.
#[must_use]
pub fn judge(number: u64, load: f64, folder: &str, report: &Report) -> Trial {
    let outcome = match report.verdict.state {
        VerdictState::Passed | VerdictState::Unjudged => Outcome::Passed,
        VerdictState::Failed => Outcome::Failed,
        VerdictState::Unreachable => Outcome::Unreachable,
        VerdictState::Invalid | VerdictState::Interrupted => Outcome::Invalid,
    };
    let latency = report.latency.get(&Metric::Delivery);
    let lost_share = report.deliveries.lost.zip(report.deliveries.expected);
    let failed = matches!(outcome, Outcome::Failed | Outcome::Unreachable);
    Trial {
        number,
        load,
        outcome,
        why: why(outcome, report),
        seed: report.seed,
        report: format!("{folder}/{}", REPORT_FILE),
        delivery_p50_us: latency.and_then(|latency| latency.p50),
        delivery_p99_us: latency.and_then(|latency| latency.p99),
        delivery_p999_us: latency.and_then(|latency| latency.p99_9),
        lost_share: lost_share
            .filter(|(_, expected)| *expected > 0)
            .map(|(lost, expected)| lost as f64 / expected as f64),
        delivered_per_s: delivered_per_s(report),
        server_cores: report.server.as_ref().and_then(|used| cores(report, used.cpu_s)),
        uproar_cores: cores(report, report.generator.cpu_s),
        gave_way: failed.then(|| gave_way(number, load, report)),
        remedy: (outcome == Outcome::Invalid).then(|| remedy(report)).flatten(),
    }
}

/// What speaks against an invalid run, without what to do about it, which stands by itself; else the verdict's
/// sentence.
fn why(outcome: Outcome, report: &Report) -> String {
    let gravest = report.validity.reasons.first().filter(|_| outcome == Outcome::Invalid);
    gravest.map_or_else(|| report.verdict.sentence.clone(), measured)
}

fn delivered_per_s(report: &Report) -> Option<f64> {
    let measured = report.phases.iter().filter(|phase| phase.measured && phase.duration_s > 0.0);
    let (sum, length) = measured.fold((0.0, 0.0), |(sum, length), phase| {
        (sum + phase.deliveries_per_s * phase.duration_s, length + phase.duration_s)
    });
    (length > 0.0).then(|| sum / length)
}

fn cores(report: &Report, cpu_s: Option<f64>) -> Option<f64> {
    cpu_s.filter(|_| report.run.duration_s > 0.0).map(|cpu_s| cpu_s / report.run.duration_s)
}

/// What an invalid run's gravest reason says to do.
fn remedy(report: &Report) -> Option<String> {
    let gravest = report.validity.reasons.first()?;
    (report.validity.state != ValidityState::Valid).then(|| match &*gravest.remedy {
        "" => gravest.what.clone(),
        remedy => remedy.to_owned(),
    })
}

fn gave_way(trial: u64, load: f64, report: &Report) -> GaveWay {
    let failed = gravest(&report.thresholds);
    let what = match failed {
        Some(threshold) => told(threshold),
        None => report.verdict.sentence.clone(),
    };
    let refused = refused(report);
    GaveWay {
        load,
        trial,
        what,
        at_s: failed.and_then(|threshold| since(threshold, report)),
        let_in: refused.is_some().then_some(report.clients.peak),
        refused,
        full: full(report),
    }
}

/// When a threshold on the latency of deliveries was first broken, by the run's series, which has the median
/// and the p99 of each second.
fn since(threshold: &ThresholdOutcome, report: &Report) -> Option<f64> {
    let (limit_us, _) = upper_limit_us(&threshold.condition)?;
    let figure = match &*threshold.metric {
        "delivery.p50" => |point: &SeriesPoint| point.delivery_p50_us,
        "delivery.p99" => |point: &SeriesPoint| point.delivery_p99_us,
        _ => return None,
    };
    let over = |us: Option<u64>| us.is_some_and(|us| us as f64 >= limit_us);
    report.series.iter().find(|point| over(figure(point))).map(|point| point.t_s)
}

/// How the server turned people away: by HTTP, by a close code, by a word of its protocol, or by not
/// taking connections any more.
fn refused(report: &Report) -> Option<String> {
    let how = |kind, detail: Option<&str>, step| {
        let is_too_many = detail.is_some_and(|detail| TOO_MANY.contains(&detail));
        match kind {
            ErrorKind::HttpStatus if is_too_many => {
                Some(format!("answered {}", detail.unwrap_or_default()))
            }
            ErrorKind::Closed if is_too_many => {
                Some(format!("closed with {}", detail.unwrap_or_default()))
            }
            ErrorKind::ServerError if step == Step::Join => Some("refused to join".to_owned()),
            ErrorKind::Refused => Some("not accepted by its host".to_owned()),
            ErrorKind::TimedOut if step == Step::Tcp => {
                Some("not accepted in time (a full accept queue)".to_owned())
            }
            _ => None,
        }
    };
    let groups = report.errors.iter().filter_map(|group| {
        Some((group.count, how(group.kind, group.detail.as_deref(), group.step)?))
    });
    let (times, how) = groups.max_by_key(|(count, _)| *count)?;
    Some(format!("{} {how}", counted(times, "attempt")))
}

/// Which part of the server had nothing left, as far as is known.
fn full(report: &Report) -> Option<String> {
    let used = cores(report, report.server.as_ref()?.cpu_s)?;
    // The built-in server has the cores that uproar has not: half of them.
    let has = f64::from((report.host.cores / 2).max(1));
    (used >= FULL * has).then(|| match has {
        1.0 => format!("the server's one core was full ({} used)", percent(used)),
        _ => format!("the server's {} cores were full ({} used)", count(has as u64), number(used)),
    })
}
