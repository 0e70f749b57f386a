//! What one trial came to, by its report.

use super::model::{GaveWay, Outcome, Trial};
use crate::metric::{ErrorKind, Metric, Step};
use crate::report::files::REPORT_FILE;
use crate::report::full::{full, since};
use crate::report::sentence::{gravest, measured, outcome as told};
use crate::report::{Report, ValidityState, VerdictState};
use crate::units::format::counted;

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
    let at_s = failed.and_then(|threshold| since(threshold, report));
    GaveWay {
        load,
        trial,
        what,
        at_s,
        let_in: refused.is_some().then_some(report.clients.peak),
        refused,
        full: full(report, at_s).map(|full| full.what),
    }
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
