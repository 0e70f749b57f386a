//! Whether the figures can be trusted: was the generator, and not the server, the bottleneck?

mod feeds;
mod lag;
mod shortage;

use super::Setting;
use crate::coordinator::{Abort, Outcome};
use crate::measure::{judge, part, samples_needed};
use crate::metric::{Counter, ErrorKind, Share};
use crate::report::{Clients, Reason, Severity, Validity, ValidityState};
use crate::scenario::{Stat, Subject};
use crate::units::format::{count, counted, percent};

/// A worker over this share of its core makes a run suspect.
const BUSY_SUSPECT: f64 = 0.70;
/// Over this for three seconds it makes it invalid.
const BUSY_INVALID: f64 = 0.95;
/// Stolen by the hypervisor.
const STEAL_SUSPECT: f64 = 0.05;
/// Pushes that arrived before the server sent them, by its clock and ours.
const FUTURE_SUSPECT: f64 = 0.01;
/// Over this share of the due messages not sent, for whatever reason.
const NOT_SENT_SUSPECT: f64 = 0.01;
/// Over this share of what was settled cut off by the plan itself, too much could have been lost unseen.
const CUT_OFF_SUSPECT: f64 = 0.25;
/// Over this it is told.
const CUT_OFF_TOLD: f64 = 0.05;
/// Clients that have to be up unless the server is to blame.
const UP_SHARE: f64 = 0.99;

/// Judges a run, the gravest reason first.
pub(super) fn judge_run(outcome: &Outcome, setting: &Setting) -> Validity {
    let mut reasons = Vec::new();
    reasons.extend(lag::judge(outcome));
    reasons.extend(workers(outcome));
    reasons.extend(local_limits(outcome));
    reasons.extend(early_end(outcome));
    reasons.extend(less_than_planned(outcome));
    reasons.extend(cut_off(part(Share::CutOff, None, None, &outcome.totals)));
    reasons.extend(steal(outcome));
    reasons.extend(clocks(outcome));
    reasons.extend(feeds::coarse_clock(outcome));
    reasons.extend(feeds::untold(outcome));
    reasons.extend(too_few(outcome));
    reasons.extend(notes(outcome, setting));
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.severity));
    let state = match reasons.first().map(|reason| reason.severity) {
        Some(Severity::Invalid) => ValidityState::Invalid,
        Some(Severity::Suspect) => ValidityState::Suspect,
        Some(Severity::Note) | None => ValidityState::Valid,
    };
    Validity { state, reasons }
}

fn reason(
    severity: Severity,
    what: &str,
    measured: impl Into<String>,
    limit: impl Into<String>,
    remedy: &str,
) -> Reason {
    Reason {
        severity,
        what: what.to_owned(),
        measured: measured.into(),
        limit: limit.into(),
        remedy: remedy.to_owned(),
    }
}

/// Why no figure of a run is valid that nobody got into.
pub(super) fn nobody_got_in(clients: Clients) -> Reason {
    let (joined, planned) = (count(clients.joined), counted(clients.planned, "client"));
    let what = "there are no figures: nobody got in";
    reason(Severity::Suspect, what, format!("{joined} of {planned} joined"), "", "")
}

fn workers(outcome: &Outcome) -> Option<Reason> {
    let workers = outcome.totals.workers().iter().enumerate();
    let (worker, health) =
        workers.max_by(|(_, a), (_, b)| a.busiest_share_3.total_cmp(&b.busiest_share_3))?;
    let share = health.busiest_share_3;
    let (severity, what, limit) = if share > BUSY_INVALID {
        (Severity::Invalid, "the generator was the bottleneck", BUSY_INVALID)
    } else if share > BUSY_SUSPECT {
        (Severity::Suspect, "the generator was busy", BUSY_SUSPECT)
    } else {
        return None;
    };
    let measured = format!("worker {worker} at {} of a core for 3 s", percent(share));
    let remedy =
        "use fewer clients or a lower rate, or more --workers on a machine with more cores";
    Some(reason(severity, what, measured, percent(limit), remedy))
}

/// Clients that are not up because of a limit of this machine. A limit of the server's is a
/// finding, not a fault of the run.
fn local_limits(outcome: &Outcome) -> Option<Reason> {
    let totals = &outcome.totals;
    let planned = f64::from(totals.plan().ever_up(None));
    let up = totals.counts(None).joined as f64 / planned.max(1.0);
    let hit: Vec<_> = totals
        .errors
        .sorted()
        .into_iter()
        .filter(|(key, _)| key.kind == ErrorKind::LocalLimit)
        .collect();
    let (_, example) = hit.first()?;
    (up < UP_SHARE).then(|| {
        let what = "clients are missing because of a limit of this machine";
        let measured = format!("{} joined; {}", percent(up), example.example);
        reason(Severity::Invalid, what, measured, percent(UP_SHARE), "see `uproar doctor`")
    })
}

fn early_end(outcome: &Outcome) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if !outcome.broken.is_empty() {
        let what = "uproar itself failed, and the run was ended";
        let remedy = "report it with the scenario and what stands on stderr";
        reasons.push(reason(Severity::Invalid, what, outcome.broken.join("; "), "", remedy));
    }
    if let Some(how) = &outcome.server_ended {
        let what = "the built-in server ended before the run did";
        let remedy = "its own message is above; report it with the scenario";
        reasons.push(reason(Severity::Invalid, what, how.clone(), "", remedy));
    }
    if outcome.aborted == Some(Abort::Unwelcome) {
        let what = "the run was stopped: the host refuses it";
        let measured = "over half of the connects failed for 10 s";
        let remedy = "use fewer clients, or ask whoever runs the host";
        reasons.push(reason(Severity::Invalid, what, measured, "", remedy));
    }
    reasons
}

/// What was measured is a smaller load than the plan's, unless the scenario says how much of it may
/// be missing.
fn less_than_planned(outcome: &Outcome) -> Option<Reason> {
    let totals = &outcome.totals;
    let thresholds = &totals.plan().scenario.thresholds;
    let of_not_sent = |subject| {
        matches!(
            subject,
            Subject::Share(Share::NotSent) | Subject::Count(Counter::PublishesNotSent)
        )
    };
    thresholds.iter().find(|threshold| threshold.default && of_not_sent(threshold.subject))?;
    let counts = totals.counts(None);
    let share = counts.not_sent as f64 / counts.due.max(1) as f64;
    (share > NOT_SENT_SUSPECT).then(|| {
        let what = "the load was less than planned: messages were not sent";
        let full = match counts.held_full {
            0 => String::new(),
            full => format!(", {} of them because their client kept no more", count(full)),
        };
        let measured = format!("{} of {} due{full}", count(counts.not_sent), count(counts.due));
        let remedy = "the figures are those of the clients that were there";
        reason(Severity::Suspect, what, measured, percent(NOT_SENT_SUSPECT), remedy)
    })
}

/// What was on its way when the plan took its receivers away: how many out of how many. The server is
/// not to blame for it, and could have lost all of it.
fn cut_off(part: Option<(u64, u64)>) -> Option<Reason> {
    let (cut_off, of) = part?;
    let share = cut_off as f64 / of.max(1) as f64;
    let (severity, limit) = match share {
        _ if share > CUT_OFF_SUSPECT => (Severity::Suspect, CUT_OFF_SUSPECT),
        _ if share > CUT_OFF_TOLD => (Severity::Note, CUT_OFF_TOLD),
        _ => return None,
    };
    let what = "the plan sent clients away before they had heard everything";
    let measured = format!(
        "{} of {} deliveries ({}) were still on their way, lost or not",
        count(cut_off),
        count(of),
        percent(share)
    );
    let remedy = "let clients stay longer, or end publishing before they leave";
    Some(reason(severity, what, measured, percent(limit), remedy))
}

fn steal(outcome: &Outcome) -> Option<Reason> {
    let (before, after) = outcome.machine?;
    let steal = after.since(before)?.steal;
    (steal > STEAL_SUSPECT).then(|| {
        let what = "another virtual machine took processor time";
        let remedy = "run again, or on a machine that is not shared";
        reason(Severity::Suspect, what, percent(steal), percent(STEAL_SUSPECT), remedy)
    })
}

/// A server clock ahead of ours makes pushes look faster than they were, and 0 at the least.
/// One that is behind can't be told from a slow server.
fn clocks(outcome: &Outcome) -> Option<Reason> {
    let counts = outcome.totals.counts(None);
    let share = counts.push_future as f64 / counts.pushed.max(1) as f64;
    (share > FUTURE_SUSPECT).then(|| {
        let what = "a skewed clock: pushes arrived before the server sent them";
        let measured = format!("{} of them", percent(share));
        let remedy = "set both clocks, or judge by `interval` and the ledger instead of `push`";
        reason(Severity::Suspect, what, measured, percent(FUTURE_SUSPECT), remedy)
    })
}

fn too_few(outcome: &Outcome) -> Option<Reason> {
    let totals = &outcome.totals;
    let thresholds = totals.plan().scenario.thresholds.iter();
    let few: Vec<_> = thresholds
        .map(|threshold| (threshold, judge(threshold, totals)))
        .filter(|(_, found)| found.too_few)
        .collect();
    let (first, found) = few.first()?;
    let what = "too few samples for a percentile that is gated";
    let needed = match first.subject {
        Subject::Latency(_, Stat::Percentile(percentile)) => samples_needed(percentile),
        _ => 0,
    };
    let (samples, needed) = (count(found.samples.unwrap_or(0)), count(needed));
    let measured = format!("{} from {samples}, needs {needed} samples", first.key);
    let remedy = "run for longer, or gate a lower percentile";
    Some(reason(Severity::Suspect, what, measured, "", remedy))
}

fn notes(outcome: &Outcome, setting: &Setting) -> Vec<Reason> {
    let mut notes = Vec::new();
    let mut note = |what: &str, measured: String| {
        notes.push(reason(Severity::Note, what, measured, "", ""));
    };
    if setting.same_host {
        note("generator and server share this machine", String::new());
    }
    if setting.build.profile == "debug" {
        note("a debug build: its own cost is part of every figure", String::new());
    }
    if outcome.totals.plan().scenario.target.tls.insecure {
        note("TLS certificates were not checked", String::new());
    }
    if outcome.totals.plan().scenario.target.decode {
        note(
            "every delivery was decoded: that time is part of its latency, and of uproar's CPU time",
            String::new(),
        );
    }
    notes
}

#[cfg(test)]
mod tests;
