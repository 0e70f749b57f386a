//! From everything a run measured to its report: looks figures up, names them, decides nothing
//! itself. Validity is judged beside it, the verdict in `verdict`.

mod resources;
mod validity;

use std::collections::BTreeMap;

use super::resource_lines;
use super::sentence::sentence;
use super::verdict::{Evidence, Trust};
use super::{
    Actions, BusiestWorker, Bytes, Clients, CloseGroup, CohortFigures, Connections, Deliveries,
    EarlyCause, EarlyEnd, ErrorGroup, Example, FaultOutcome, FeedFigures, Frames, Interruption,
    Latency, LedgerScope, LimitHit, MachineUse, PhaseFigures, PlanSummary, ProcessUse, Publishes,
    Report, RuleFigures, Run, ScenarioSummary, SeriesPoint, Side, SpreadFigures, Target,
    ThresholdOutcome, ValidityState, Verdict, VerdictState,
};
use crate::coordinator::{Abort, Outcome, Signal};
use crate::machine::cpu::rss_peak_bytes;
use crate::machine::host::Host;
use crate::measure::{self, Hist, OUTAGE, Recovery, Totals, judge};
use crate::metric::{Detail, LocalLimit, Metric};
use crate::plan::{Plan, describe, headline};
use crate::scenario::{Load, Milestone, Stat, Subject, Threshold};
use crate::units::{date, format};

/// What the report says about the run besides its figures.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The run's random id, as in room names.
    pub run_id: String,
    /// The command line, secrets redacted.
    pub command: Vec<String>,
    /// The server under test.
    pub target: Target,
    /// The build that measures.
    pub build: super::Build,
    /// How much weight validity has.
    pub trust: Trust,
    /// Whether server and generator share this machine.
    pub same_host: bool,
}

/// The report of a finished run, its verdict and exit code included; the exit code supposes that
/// the report can be written.
#[must_use]
pub fn assemble(outcome: &Outcome, setting: &Setting) -> Report {
    let totals = &outcome.totals;
    let plan = totals.plan();
    let scenario = &plan.scenario;
    let mut report = Report {
        run: run(outcome, setting),
        uproar: setting.build.clone(),
        scenario: ScenarioSummary {
            name: scenario.name.clone(),
            question: scenario.question.clone(),
            baseline: scenario.baseline.iter().cloned().collect(),
        },
        seed: scenario.seed,
        plan: plan_summary(plan),
        closed_loop: closed_loop(plan),
        target: setting.target.clone(),
        host: Host::this(),
        generator: generator(outcome),
        server: outcome.server.map(|server| ProcessUse {
            cpu_s: Some(server.cpu_us as f64 / 1e6),
            busiest_worker: None,
            rss_peak_bytes: Some(server.rss_peak_bytes),
        }),
        resources: resources::resources(outcome),
        machine: machine(outcome),
        validity: validity::judge_run(outcome, setting),
        thresholds: thresholds(outcome),
        clients: clients(totals),
        connections: connections(totals),
        publishes: publishes(totals),
        actions: actions(totals),
        deliveries: deliveries(totals, None, None),
        feed: feed(totals),
        frames: frames(totals),
        examples: examples(totals),
        rules: rules(totals),
        bytes: {
            let counts = totals.counts(None);
            Bytes { sent: counts.bytes_sent, received: counts.bytes_received }
        },
        closes: closes(totals),
        errors: errors(totals),
        faults: faults(outcome),
        latency: latencies(totals, None, Latency::of_metric),
        spread_by_size: spread_by_size(totals),
        phases: phases(outcome),
        cohorts: cohorts(totals),
        series: series(outcome),
        ledger: ledger(totals),
        limits_hit: limits_hit(totals),
        ..Report::default()
    };
    let (state, exit) = Evidence::of(&report, setting.trust).decide();
    if state == VerdictState::Unreachable {
        nobody_got_in(&mut report);
    }
    report.verdict = Verdict { state, sentence: sentence(&report, state) };
    report.run.exit_code = exit.code();
    report
}

/// Without anybody who heard anything no condition holds and no figure is valid, though none was missed.
fn nobody_got_in(report: &mut Report) {
    for threshold in report.thresholds.iter_mut().filter(|threshold| threshold.passed) {
        // A 0 of nothing would read as if all were well.
        *threshold = ThresholdOutcome {
            passed: false,
            actual: None,
            actual_text: format::UNKNOWN.to_owned(),
            count: None,
            of: None,
            note: Some("nobody got in".to_owned()),
            ..std::mem::take(threshold)
        };
    }
    report.validity.reasons.insert(0, validity::nobody_got_in(report.clients));
    report.validity.state = report.validity.state.max(ValidityState::Suspect);
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

fn run(outcome: &Outcome, setting: &Setting) -> Run {
    let plan = outcome.totals.plan();
    let measured_us = plan
        .phases
        .iter()
        .filter(|phase| phase.measured)
        .map(|phase| phase.end_us.min(outcome.scheduled_us).saturating_sub(phase.start_us));
    Run {
        id: setting.run_id.clone(),
        started_at: date::from_unix_ms(outcome.started_unix_ms),
        duration_s: seconds(outcome.duration_us),
        measured_s: seconds(measured_us.sum()),
        command: setting.command.clone(),
        interrupted: outcome.stopped.asked.map(|signal| match signal {
            Signal::Interrupt => Interruption::Interrupt,
            Signal::Terminate => Interruption::Terminate,
            Signal::Hangup => Interruption::Hangup,
        }),
        ended_early: early_end(outcome),
        exit_code: 0,
    }
}

fn early_end(outcome: &Outcome) -> Option<EarlyEnd> {
    let end = |cause| EarlyEnd {
        cause,
        at_s: seconds(outcome.scheduled_us),
        threshold: None,
        actual: None,
        actual_text: None,
    };
    if !outcome.broken.is_empty() {
        return Some(end(EarlyCause::Failure));
    }
    Some(match outcome.aborted.as_ref()? {
        Abort::Threshold { key, actual } => {
            let mut thresholds = outcome.totals.plan().scenario.thresholds.iter();
            let threshold = thresholds.find(|threshold| threshold.key == *key);
            EarlyEnd {
                threshold: Some(key.clone()),
                actual: Some(*actual),
                actual_text: threshold.map(|threshold| actual_text(threshold, Some(*actual))),
                ..end(EarlyCause::Threshold)
            }
        }
        Abort::Unwelcome => end(EarlyCause::Unwelcome),
        Abort::Broken => end(EarlyCause::Failure),
    })
}

fn plan_summary(plan: &Plan) -> PlanSummary {
    let peaks = plan.peaks();
    PlanSummary {
        headline: headline(plan),
        description: describe(plan),
        clients: u64::from(peaks.clients),
        rooms: plan.rooms().len() as u64,
        memberships: plan.membership_count() as u64,
        duration_s: seconds(plan.end_us()),
        publishes_per_s: peaks.publishes_per_s,
        deliveries_per_s: peaks.deliveries_per_s,
        open_files: peaks.open_files,
        memory_bytes: peaks.memory_bytes,
    }
}

fn closed_loop(plan: &Plan) -> Vec<String> {
    let closed = plan.scenario.cohorts.iter().filter(|cohort| {
        let load = cohort.publish.as_ref().map(|publish| publish.load);
        matches!(load, Some(Load::Closed { .. }))
    });
    closed.map(|cohort| cohort.name.clone()).collect()
}

fn generator(outcome: &Outcome) -> ProcessUse {
    let workers = (0_u32..).zip(outcome.totals.workers());
    let busiest = workers.max_by(|(_, a), (_, b)| a.share().total_cmp(&b.share()));
    ProcessUse {
        cpu_s: outcome.generator_cpu_us.map(seconds),
        busiest_worker: busiest
            .map(|(worker, health)| BusiestWorker { worker, share: health.share() }),
        rss_peak_bytes: rss_peak_bytes(),
    }
}

fn machine(outcome: &Outcome) -> MachineUse {
    let shares = outcome.machine.and_then(|(before, after)| after.since(before));
    MachineUse {
        busy_share: shares.map(|shares| shares.busy),
        steal_share: shares.map(|shares| shares.steal),
    }
}

fn thresholds(outcome: &Outcome) -> Vec<ThresholdOutcome> {
    let totals = &outcome.totals;
    let ended_by = |threshold: &Threshold| match &outcome.aborted {
        Some(Abort::Threshold { key, actual }) if *key == threshold.key => Some(*actual),
        _ => None,
    };
    let judged = totals.plan().scenario.thresholds.iter().map(|threshold| {
        let found = judge(threshold, totals);
        let ended_by = ended_by(threshold);
        let note = if ended_by.is_some() {
            let then = actual_text(threshold, ended_by);
            Some(format!("it ended the run early, at {then}"))
        } else if found.actual.is_none() && found.samples == Some(0) {
            Some("no samples".to_owned())
        } else if found.actual.is_none() {
            Some(match threshold.subject {
                Subject::Recovery(_) => never_came_back(totals),
                Subject::Share(share) if found.part.is_some() => {
                    format!("no {} to take a share of", share.whole().things())
                }
                Subject::Rate(_) => "it lasted no time, or nothing says when".to_owned(),
                Subject::Resource(_) => "it could not be read while it was measured".to_owned(),
                Subject::Taken(..) => "the page did not tell it while it was measured".to_owned(),
                _ if !totals.plan().knows_losses(threshold.cohort) => {
                    "the feed has no sequence numbers".to_owned()
                }
                _ => "no protocol here acknowledges".to_owned(),
            })
        } else if found.too_few {
            Some(format!("only {} samples", format::count(found.samples.unwrap_or(0))))
        } else {
            None
        };
        ThresholdOutcome {
            metric: threshold.key.clone(),
            condition: threshold.condition.clone(),
            default: threshold.default,
            actual: found.actual,
            count: found.part.map(|(count, _)| count),
            of: found.part.map(|(_, whole)| whole),
            actual_text: actual_text(threshold, found.actual),
            // What ended a run has failed it, whatever the figure became.
            passed: found.passed && ended_by.is_none(),
            note,
        }
    });
    judged.collect()
}

/// `3 of 30 never came back`, of the fault from which the most did not.
fn never_came_back(totals: &Totals) -> String {
    let rows = totals.recoveries().with_hits();
    let away = |row: &Recovery| row.hit.saturating_sub(row.back() + row.sent_home);
    let worst = rows.max_by_key(|row| away(row));
    worst.map_or_else(String::new, |row| {
        let away = away(row);
        format!("{} of {} never came back", format::count(away), format::count(row.hit))
    })
}

fn actual_text(threshold: &Threshold, actual: Option<f64>) -> String {
    let Some(actual) = actual else { return format::UNKNOWN.to_owned() };
    match threshold.subject {
        Subject::Count(_) | Subject::Latency(_, Stat::Count) => format::count(actual as u64),
        Subject::Latency(..) | Subject::Recovery(_) => format::duration_us(actual as u64),
        Subject::Share(_) => format::percent(actual),
        Subject::Rate(_) => format!("{}/s", format::number(actual)),
        Subject::Resource(resource) => resource_lines::text(resource.unit(), actual),
        Subject::Taken(..) => format::number(actual),
    }
}

fn clients(totals: &Totals) -> Clients {
    let counts = totals.counts(None);
    let standing = totals.standing();
    let planned = u64::from(totals.plan().ever_up(None));
    Clients {
        planned,
        joined: counts.joined,
        never_joined: totals.never_joined(),
        sent_home: standing.sent_home.into(),
        gave_up: counts.gave_up,
        not_back: standing.not_back.into(),
        stood_still: standing.stood_still.into(),
        peak: u64::from(totals.peak_up),
        at_end: u64::from(totals.clients_up()),
    }
}

fn connections(totals: &Totals) -> Connections {
    let counts = totals.counts(None);
    Connections {
        attempted: counts.attempted,
        opened: counts.opened,
        failed: counts.failed,
        lost: counts.lost,
        broken: Some(totals.recoveries().broken()),
        reconnected: counts.reconnected,
    }
}

fn publishes(totals: &Totals) -> Publishes {
    let counts = totals.counts(None);
    let acknowledged = |count| totals.plan().acknowledges().then_some(count);
    Publishes {
        due: counts.due,
        sent: counts.sent,
        not_sent: counts.not_sent,
        acked: acknowledged(counts.acked),
        rejected: acknowledged(counts.rejected),
        unacked: totals.unacked(None),
        acks_unknown: acknowledged(counts.acks_unknown),
    }
}

fn actions(totals: &Totals) -> Option<Actions> {
    let counts = totals.counts(None);
    let mut cohorts = totals.plan().scenario.cohorts.iter();
    cohorts
        .any(|cohort| !cohort.actions.is_empty())
        .then_some(Actions { sent: counts.actions_sent, not_sent: counts.actions_not_sent })
}

/// Everything the workers count themselves is told by cohort only; for a phase those figures
/// are unknown.
fn deliveries(totals: &Totals, cohort: Option<usize>, phase: Option<usize>) -> Deliveries {
    let settled = totals.settled(cohort, phase);
    let counts = totals.counts(cohort);
    let plan = totals.plan();
    let whole = |count: u64| phase.is_none().then_some(count);
    // Nobody stamps a feed: only its sequence numbers tell.
    let numbered = |count: u64| whole(count).filter(|_| plan.knows_losses(cohort));
    let pushed = match phase {
        None => counts.pushed,
        Some(_) => totals.latency(Metric::Push, cohort, phase).len(),
    };
    if cohort.map_or(plan.is_feed(), |cohort| plan.listens(cohort)) {
        return Deliveries {
            expected: numbered(counts.pushes_expected()),
            delivered: pushed,
            lost: numbered(counts.pushes_lost()),
            duplicated: numbered(counts.duplicated),
            reordered: numbered(counts.reordered),
            ..Deliveries::default()
        };
    }
    // Where others publish beside a feed both count, as thresholds have it. By phase only stamps tell.
    let (expected, lost) = match phase {
        None => (counts.pushes_expected(), counts.pushes_lost()),
        Some(_) => (0, 0),
    };
    Deliveries {
        expected: Some(settled.expected.saturating_add(expected)),
        delivered: settled.delivered + if phase.is_none() { pushed } else { 0 },
        lost: Some(settled.lost.saturating_add(lost)),
        acked_lost: totals.plan().acknowledges().then_some(settled.acked_lost),
        duplicated: whole(settled.duplicated + counts.duplicated),
        reordered: whole(counts.reordered),
        corrupted: whole(counts.corrupted),
        missed_away: Some(settled.missed_away),
        replayed: whole(settled.replayed + counts.replayed),
        uncertain: Some(settled.uncertain),
        joining: Some(settled.joining),
        cut_off: Some(settled.cut_off),
        unfinished: Some(settled.unfinished),
        unexpected: whole(settled.unexpected + counts.unexpected),
        foreign: whole(settled.foreign + counts.foreign),
        late: Some(settled.late),
    }
}

fn feed(totals: &Totals) -> Option<FeedFigures> {
    let counts = totals.counts(None);
    totals.plan().has_feed().then(|| FeedFigures {
        unnumbered: counts.push_unnumbered,
        renumbered: counts.push_renumbered,
        forgotten: counts.push_forgotten,
        untimed: counts.push_untimed,
        clock_step_us: counts.push_clock_us(),
    })
}

fn frames(totals: &Totals) -> Frames {
    let counts = totals.counts(None);
    Frames {
        delivery: counts.frames_delivery,
        step: counts.frames_step,
        ack: counts.frames_ack,
        reply: counts.frames_reply,
        ignored: counts.frames_ignored,
        heartbeat: counts.frames_heartbeat,
        push: counts.frames_push,
        error: counts.frames_error,
        unmatched: counts.frames_unmatched,
    }
}

fn examples(totals: &Totals) -> Vec<Example> {
    let rows = totals.examples.sorted().into_iter().map(|row| Example {
        of: row.of,
        name: (!row.name.is_empty()).then_some(row.name),
        count: row.count,
        first_s: seconds(row.first_us),
        example: row.example,
    });
    rows.collect()
}

/// Rules told one by one; all others together are a row more, if they took any frame.
const RULES_MAX: usize = 255;

/// Rules of the same file are one, whichever cohort has it.
fn rules(totals: &Totals) -> Vec<RuleFigures> {
    let mut rows: Vec<RuleFigures> = Vec::new();
    let mut further = 0;
    for (cohort, of) in totals.plan().scenario.cohorts.iter().enumerate() {
        let protocol = of.protocol.name();
        for (at, rule) in of.protocol.rules().into_iter().enumerate() {
            let frames = totals.taken.frames(cohort, at);
            let when: String = rule.when.chars().take(measure::EXAMPLE_MAX).collect();
            // Names are quoted where they stand in a sentence.
            let (protocol, rule) = (protocol.to_owned(), rule.name.replace('`', ""));
            let same = rows
                .iter()
                .position(|row| (&row.protocol, &row.rule, &row.when) == (&protocol, &rule, &when));
            match same {
                Some(same) => rows[same].frames += frames,
                None if rows.len() < RULES_MAX => {
                    rows.push(RuleFigures { protocol, rule, when, frames });
                }
                None => further += frames,
            }
        }
    }
    if further > 0 {
        let (rule, frames) = ("(further rules)".to_owned(), further);
        rows.push(RuleFigures { rule, frames, ..RuleFigures::default() });
    }
    rows
}

fn closes(totals: &Totals) -> Vec<CloseGroup> {
    let groups = totals.closes.iter().map(|(key, count)| CloseGroup {
        // 1006 stands for "no close frame" and never crosses the wire (RFC 6455, 7.4.1).
        code: (key.code != 1006).then_some(key.code),
        reason: key.reason.clone(),
        by: if key.by_client { Side::Client } else { Side::Server },
        count,
    });
    groups.collect()
}

fn errors(totals: &Totals) -> Vec<ErrorGroup> {
    let cohorts = &totals.plan().scenario.cohorts;
    let groups = totals.errors.sorted().into_iter().map(|(key, entry)| ErrorGroup {
        kind: key.kind,
        detail: key.detail.text(),
        step: key.step,
        cohort: cohorts.get(usize::from(key.cohort)).map_or(String::new(), |c| c.name.clone()),
        count: entry.count,
        first_s: seconds(entry.first_us),
        last_s: seconds(entry.last_us),
        example: entry.example,
    });
    groups.collect()
}

/// Those the schedule reached, and what nobody ordered, in order of time.
fn faults(outcome: &Outcome) -> Vec<FaultOutcome> {
    let totals = &outcome.totals;
    let recoveries = totals.recoveries();
    let row = |recovery: &Recovery| FaultOutcome {
        at_s: seconds(recovery.at_us),
        hit: recovery.hit,
        back: recovery.back(),
        sent_home: recovery.sent_home,
        to_50_s: recovery.time_to_us(Milestone::To50.share()).map(seconds),
        to_99_s: recovery.time_to_us(Milestone::To99.share()).map(seconds),
        to_all_s: recovery.time_to_us(Milestone::ToAll.share()).map(seconds),
        missed_away: Some(recovery.missed_away),
        lost: Some(recovery.lost),
        ..FaultOutcome::default()
    };
    let reached = totals.plan().faults.iter().zip(recoveries.planned());
    let reached = reached.filter(|(fault, _)| fault.at_us < outcome.scheduled_us);
    let planned = reached.map(|(fault, recovery)| FaultOutcome {
        kind: fault.kind.name().to_owned(),
        label: fault.label.clone(),
        duration_s: fault.kind.duration().map(|duration| duration.as_secs_f64()),
        ..row(recovery)
    });
    let outages = recoveries.outages().iter();
    let outages = outages.map(|outage| FaultOutcome { kind: OUTAGE.to_owned(), ..row(outage) });
    let mut all: Vec<_> = planned.chain(outages).collect();
    all.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    all
}

fn latencies(
    totals: &Totals,
    cohort: Option<usize>,
    figures: impl Fn(Metric, &hdrhistogram::Histogram<u64>) -> Latency,
) -> BTreeMap<Metric, Latency> {
    let all = Metric::ALL.into_iter().filter_map(|metric| {
        // A worker's turns and the run's lookup belong to no cohort.
        if cohort.is_some() && matches!(metric, Metric::Turn | Metric::ConnectLookup) {
            return None;
        }
        let hist = totals.latency(metric, cohort, None);
        (!hist.is_empty()).then(|| (metric, figures(metric, hist.inner())))
    });
    all.collect()
}

fn figures(hist: &Hist) -> Option<Latency> {
    (!hist.is_empty()).then(|| Latency::figures(hist.inner()))
}

fn spread_by_size(totals: &Totals) -> Vec<SpreadFigures> {
    let sizes = totals.spread_by_size().iter().map(|((from, to), of)| SpreadFigures {
        recipients_from: from,
        recipients_to: to,
        messages: of.spread.len(),
        first: Latency::figures(of.first.inner()),
        last: Latency::figures(of.last.inner()),
        spread: Latency::figures(of.spread.inner()),
    });
    sizes.collect()
}

fn phases(outcome: &Outcome) -> Vec<PhaseFigures> {
    let totals = &outcome.totals;
    let plan = totals.plan();
    let spans = plan.phases.iter().zip(&plan.scenario.phases).enumerate();
    let reached = spans.filter(|(_, (span, _))| span.start_us < outcome.scheduled_us);
    let figures = reached.map(|(index, (span, phase))| {
        let of = |metric| totals.latency(metric, None, Some(index));
        let duration_s = seconds(span.end_us.min(outcome.scheduled_us) - span.start_us);
        let received = of(Metric::Delivery).len() + of(Metric::Push).len();
        PhaseFigures {
            name: phase.name.clone(),
            start_s: seconds(span.start_us),
            duration_s,
            measured: span.measured,
            // Every message that was sent was held for a while, if only for a microsecond.
            publishes_per_s: of(Metric::Held).len() as f64 / duration_s,
            deliveries_per_s: received as f64 / duration_s,
            deliveries: deliveries(totals, None, Some(index)),
            delivery: figures(&of(Metric::Delivery)),
            delivery_from_sent: figures(&of(Metric::DeliveryFromSent)),
        }
    });
    figures.collect()
}

fn cohorts(totals: &Totals) -> Vec<CohortFigures> {
    let all = totals.plan().scenario.cohorts.iter().enumerate();
    let figures = all.map(|(index, cohort)| CohortFigures {
        name: cohort.name.clone(),
        clients: u64::from(cohort.clients),
        codec: cohort.codec.name().to_owned(),
        deliveries: deliveries(totals, Some(index), None),
        latency: latencies(totals, Some(index), |_, hist| Latency::figures(hist)),
    });
    figures.collect()
}

fn series(outcome: &Outcome) -> Vec<SeriesPoint> {
    let totals = &outcome.totals;
    let plan = totals.plan();
    let width_us = totals.series.width_us();
    let percentile = |hist: &Hist, percentile: f64| {
        measure::percentile_has_enough(percentile, hist.len())
            .then(|| hist.percentile(percentile))
            .flatten()
    };
    let points = totals.series.points().iter().map(|point| {
        let span_us = point.start_us..point.start_us + width_us;
        let planned = plan.faults.iter().map(|fault| (fault.at_us, fault.kind.name()));
        let outages = totals.recoveries().outages().iter().map(|outage| (outage.at_us, OUTAGE));
        let faults = planned.chain(outages).filter(|(at_us, _)| span_us.contains(at_us));
        SeriesPoint {
            t_s: seconds(point.start_us),
            width_s: seconds(width_us),
            unix_ms: i64::try_from(outcome.started_unix_ms + point.start_us / 1_000).unwrap_or(0),
            phase: if point.start_us < outcome.scheduled_us {
                plan.scenario.phases[plan.phase_at(point.start_us)].name.clone()
            } else {
                String::new()
            },
            clients_up: u64::from(point.clients_up),
            publishes: point.publishes,
            deliveries: point.deliveries,
            errors: point.errors,
            delivery_p50_us: percentile(&point.delivery, 50.0),
            delivery_p99_us: percentile(&point.delivery, 99.0),
            delivery_from_sent_p50_us: percentile(&point.delivery_from_sent, 50.0),
            delivery_from_sent_p99_us: percentile(&point.delivery_from_sent, 99.0),
            lag_p99_us: percentile(&point.lag, 99.0),
            delivery_hdr: (!point.delivery.is_empty())
                .then(|| measure::encode(point.delivery.inner()))
                .flatten(),
            faults: faults.map(|(_, name)| name.to_owned()).collect(),
        }
    });
    points.collect()
}

fn ledger(totals: &Totals) -> LedgerScope {
    let all = totals.plan().client_count();
    LedgerScope {
        receivers_followed: totals.followed() as u64,
        share: totals.followed() as f64 / f64::from(all.max(1)),
        window_s: seconds(totals.window_us()),
    }
}

fn limits_hit(totals: &Totals) -> Vec<LimitHit> {
    let mut hit = Vec::new();
    let errors = totals.errors.sorted();
    for limit in LocalLimit::ALL {
        let of = errors.iter().filter(|(key, _)| key.detail == Detail::Limit(limit));
        let count = of.map(|(_, entry)| entry.count).sum();
        if count > 0 {
            hit.push(LimitHit {
                limit: limit.what().to_owned(),
                count,
                effect: "connections not made or lost".to_owned(),
            });
        }
    }
    let overflowed = totals.counts(None).held_full;
    if overflowed > 0 {
        hit.push(LimitHit {
            limit: "1,000 messages kept for a client that can't send".to_owned(),
            count: overflowed,
            effect: "counted as not sent".to_owned(),
        });
    }
    let clipped: u64 =
        Metric::ALL.into_iter().map(|metric| totals.latency(metric, None, None).clipped()).sum();
    if clipped > 0 {
        hit.push(LimitHit {
            limit: "1 h, the largest latency told apart".to_owned(),
            count: clipped,
            effect: "counted as 1 h".to_owned(),
        });
    }
    let forgotten = totals.counts(None).push_forgotten;
    if forgotten > 0 {
        hit.push(LimitHit {
            limit: "2,000 numberings of a feed told apart on a connection".to_owned(),
            count: forgotten,
            effect: "begun anew when they are heard again: gaps before are in no figure".to_owned(),
        });
    }
    let (followed, all) = (totals.followed() as u64, u64::from(totals.plan().client_count()));
    if followed < all {
        hit.push(LimitHit {
            limit: "1 GiB for the ledger".to_owned(),
            count: all - followed,
            effect: "receivers left out of expected, delivered and lost".to_owned(),
        });
    }
    hit
}

#[cfg(test)]
mod tests;
