//! The summary's lower part: what became of every message, of clients, and errors.
//!
//! An equation is printed as one only if it adds up.

use super::judged::paragraph;
use super::layout::{LABEL, Spare, pack};
use super::{Block, Style, faults};
use crate::measure::ExampleOf;
use crate::report::ledger::LEDGER_FILE;
use crate::report::{
    Actions, Deliveries, ErrorGroup, Example, LimitHit, Report, RuleFigures, SeriesPoint,
};
use crate::units::format::{count, percent, rate, seconds};

/// What became of messages and clients.
pub(super) fn blocks(report: &Report, style: Style) -> impl Iterator<Item = Block> {
    let room = style.columns.saturating_sub(LABEL);
    let heard = report.clients.joined > 0;
    let publishes = publishes_line(report)
        .map(|line| Block::labelled("publishes").line(line).lines(answers_line(report)));
    let publishes = publishes.map(|block| block.lines(loop_line(report)));
    let deliveries = heard.then(|| {
        let remarks = pack(&remarks(report), room);
        Block::labelled("deliveries").line(balance(report.deliveries)).lines(remarks)
    });
    let clients = Block::labelled("clients").lines(clients_lines(report));
    let actions = actions_line(report).map(|line| Block::labelled("actions").line(line));
    let faults = faults::block(report, style);
    [publishes, actions, deliveries, Some(clients), faults, rules(report, room)]
        .into_iter()
        .flatten()
}

/// What went wrong on connections and in frames, and what of uproar's own took effect.
pub(super) fn explaining(report: &Report, style: Style) -> impl Iterator<Item = Block> {
    let room = style.columns.saturating_sub(LABEL);
    [errors(report, room), examples(report, room), limits(report, room)].into_iter().flatten()
}

/// `60,000 due = 60,000 sent + 0 not sent`; nothing where nothing was due.
pub(in crate::report) fn publishes_line(report: &Report) -> Option<String> {
    let publishes = report.publishes;
    (publishes.due > 0 || publishes.sent > 0).then(|| {
        equation((publishes.due, "due"), (publishes.sent, "sent"), (publishes.not_sent, "not sent"))
    })
}

/// `1,200 sent, 3 not sent; not timed`; nothing where clients only publish.
pub(in crate::report) fn actions_line(report: &Report) -> Option<String> {
    let Actions { sent, not_sent } = report.actions?;
    Some(format!("{} sent, {} not sent; not timed", count(sent), count(not_sent)))
}

/// `59,990 acked, 4 rejected, 6 unacked`, and answers to no message where there were any; nothing
/// where no protocol acknowledges.
pub(in crate::report) fn answers_line(report: &Report) -> Option<String> {
    let publishes = report.publishes;
    let [acked, rejected, unacked] =
        [publishes.acked?, publishes.rejected?, publishes.unacked?].map(count);
    let unknown = match publishes.acks_unknown {
        None | Some(0) => String::new(),
        Some(n) => format!("; {} acks of no message that waits for one", count(n)),
    };
    Some(format!("{acked} acked, {rejected} rejected, {unacked} unacked{unknown}"))
}

/// `closed loop: 83 msg/s on average, from 0 to 512 in a second`: a loop's throughput is what the
/// server made of it, and one that stands still shows nowhere else. Nothing in an open model.
pub(in crate::report) fn loop_line(report: &Report) -> Option<String> {
    if report.closed_loop.is_empty() {
        return None;
    }
    let measured = |name: &str| report.phases.iter().any(|of| of.measured && of.name == name);
    // The last point may be a stump.
    let whole = |point: &&SeriesPoint| measured(&point.phase) && point.width_s >= 0.9;
    let points: Vec<_> = report.series.iter().filter(whole).collect();
    let rates = points.iter().map(|point| point.publishes as f64 / point.width_s);
    let (least, most) =
        rates.fold((f64::INFINITY, 0.0_f64), |(least, most), of| (least.min(of), most.max(of)));
    let sent = points.iter().fold(0_u64, |sum, point| sum.saturating_add(point.publishes));
    let lasted_s: f64 = points.iter().map(|point| point.width_s).sum();
    (lasted_s > 0.0).then(|| {
        format!(
            "closed loop: {} on average, from {} to {} in a second",
            rate(sent as f64 / lasted_s, "msg"),
            count(least.round() as u64),
            count(most.round() as u64)
        )
    })
}

/// `1,197,740 expected = 1,197,740 delivered + 0 lost`.
pub(in crate::report) fn balance(deliveries: Deliveries) -> String {
    match (deliveries.expected, deliveries.lost) {
        (Some(expected), Some(lost)) => {
            let delivered = (deliveries.delivered, "delivered");
            let share = if lost > 0 { of_all(lost, expected) } else { String::new() };
            equation((expected, "expected"), delivered, (lost, "lost")) + &share
        }
        (_, Some(lost)) => format!(
            "{} delivered, {} lost, expected unknown",
            count(deliveries.delivered),
            count(lost)
        ),
        (_, None) => format!("{} delivered, expected unknown", count(deliveries.delivered)),
    }
}

/// ` (2.5 %)`; nothing of nothing.
fn of_all(n: u64, of: u64) -> String {
    if of > 0 { format!(" ({})", percent(n as f64 / of as f64)) } else { String::new() }
}

/// What else became of messages, a phrase each: first what is told whenever it is known, then
/// what only a run that had it tells.
pub(in crate::report) fn remarks(report: &Report) -> Vec<String> {
    let deliveries = report.deliveries;
    let always = [
        (deliveries.duplicated, "duplicated"),
        (deliveries.reordered, "reordered"),
        (deliveries.corrupted, "corrupted"),
        (deliveries.missed_away, "while away"),
        (deliveries.joining, "while joining"),
    ];
    let phrase = |(n, what): (Option<u64>, &str)| n.map(|n| format!("{} {what}", count(n)));
    let mut phrases: Vec<String> = always.into_iter().filter_map(phrase).collect();
    // Of all that was settled: of what was expected alone they are no part.
    let Deliveries { expected, uncertain, cut_off, unfinished, .. } = deliveries;
    let settled = [expected, uncertain, cut_off, unfinished];
    // A report that somebody wrote by hand may hold any number.
    let settled = settled.into_iter().flatten().fold(0, u64::saturating_add);
    let shared = |n, what: &str| format!("{} {what}{}", count(n), of_all(n, settled));
    phrases.extend(uncertain.map(|n| shared(n, "uncertain")));
    phrases.extend(cut_off.filter(|n| *n > 0).map(|n| shared(n, "cut off")));
    phrases.extend(unfinished.filter(|n| *n > 0).map(|n| shared(n, "unfinished")));
    let if_any = [
        (deliveries.acked_lost, "lost though acked"),
        (deliveries.replayed, "replayed"),
        (deliveries.unexpected, "to outsiders"),
        (deliveries.foreign, "of another run"),
        (deliveries.late, "late"),
    ];
    phrases.extend(if_any.into_iter().filter(|(n, _)| *n != Some(0)).filter_map(phrase));
    // Of feeds, which alone have losses and no stamps, nothing is listed.
    if deliveries.lost.is_some_and(|lost| lost > 0) && deliveries.uncertain.is_some() {
        phrases.push(format!("listed in {LEDGER_FILE}"));
    }
    if report.ledger.receivers_followed > 0 && report.ledger.share < 1.0 {
        phrases.push(format!("{} of receivers followed", percent(report.ledger.share)));
    }
    phrases
}

/// `whole = one + other`, or with `≠` if it isn't so: a wrong sum must not look like a right one.
fn equation(whole: (u64, &str), one: (u64, &str), other: (u64, &str)) -> String {
    let holds = one.0.checked_add(other.0) == Some(whole.0);
    let sign = if holds { '=' } else { '≠' };
    let [whole, one, other] = [whole, one, other].map(|(n, what)| format!("{} {what}", count(n)));
    format!("{whole} {sign} {one} + {other}")
}

pub(in crate::report) fn clients_lines(report: &Report) -> Vec<String> {
    let clients = report.clients;
    let mut line = format!("{} of {} joined", count(clients.joined), count(clients.planned));
    let others = [
        (clients.never_joined, "never joined"),
        (clients.sent_home, "sent home first"),
        (clients.gave_up, "gave up"),
    ];
    for (n, what) in others {
        if n > 0 {
            line.push_str(&format!(", {} {what}", count(n)));
        }
    }
    let mut lines = vec![line];
    let broken = report.connections.broken.unwrap_or(0);
    let wrong = [
        (clients.not_back, "lost and not back at the end"),
        (clients.stood_still, "stood still"),
        (broken, "connections lost that nothing in the plan ended"),
    ];
    let wrong: Vec<_> = wrong
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{} {what}", count(n)))
        .collect();
    if !wrong.is_empty() {
        lines.push(wrong.join(", "));
    }
    let connections = report.connections;
    if connections.lost > 0 || connections.failed > 0 {
        lines.push(format!(
            "connections: {} opened, {} failed, {} lost, {} reconnected",
            count(connections.opened),
            count(connections.failed),
            count(connections.lost),
            count(connections.reconnected)
        ));
    }
    lines
}

/// Rows of each kind that explain; more are in the report.
const EXPLAINING: usize = 4;

fn errors(report: &Report, room: usize) -> Option<Block> {
    let mut sorted: Vec<_> = report.errors.iter().collect();
    sorted.sort_by_key(|error| std::cmp::Reverse(error.count));
    let items = sorted.into_iter().map(|error| paragraph(&error_line(error), room)).collect();
    list("errors", items)
}

/// `998 http_status 403 at upgrade, first at 0.2 s (talkers): answered 403 Forbidden`.
fn error_line(error: &ErrorGroup) -> String {
    let mut line = format!(
        "{} {}{} at {}, first at {} ({})",
        count(error.count),
        error.kind.name(),
        error.detail.as_deref().map_or(String::new(), |detail| format!(" {detail}")),
        error.step.name(),
        seconds(error.first_s),
        error.cohort
    );
    if !error.example.is_empty() {
        line.push_str(": ");
        line.push_str(&error.example);
    }
    line
}

/// What a person has to see to tell why: everything else is in the report.
pub(in crate::report) fn puzzling(report: &Report) -> impl Iterator<Item = &Example> {
    let puzzles = [ExampleOf::Unmatched, ExampleOf::Corrupted];
    report.examples.iter().filter(move |example| puzzles.contains(&example.of))
}

fn examples(report: &Report, room: usize) -> Option<Block> {
    let line = |example: &Example| {
        let line = format!(
            "{} {}, first at {}: ",
            count(example.count),
            example.of.name(),
            seconds(example.first_s)
        );
        paragraph(&(line + &example.example), room)
    };
    list("examples", puzzling(report).map(line).collect())
}

/// Rules that never took a frame, a sentence each. Where nobody got in none had an occasion.
pub(in crate::report) fn idle_rules(report: &Report) -> impl Iterator<Item = String> {
    let heard = report.clients.joined > 0;
    let idle = report.rules.iter().filter(move |rule| heard && rule.frames == 0);
    idle.map(|RuleFigures { protocol, rule, when, .. }| {
        format!("{rule} of {protocol} never took a frame: {when}")
    })
}

fn rules(report: &Report, room: usize) -> Option<Block> {
    let items: Vec<_> = idle_rules(report).map(|text| paragraph(&text, room)).collect();
    (!items.is_empty()).then(|| Block::labelled("rules").list(items, 1, 2).spare(Spare::Goes))
}

fn limits(report: &Report, room: usize) -> Option<Block> {
    let line = |hit: &LimitHit| {
        paragraph(&format!("{} × {}: {}", count(hit.count), hit.limit, hit.effect), room)
    };
    list("limits hit", report.limits_hit.iter().map(line).collect())
}

/// Items that explain, the first of them whole.
fn list(label: &str, items: Vec<Vec<String>>) -> Option<Block> {
    let explaining = items.len().min(EXPLAINING);
    let block = Block::labelled(label);
    (explaining > 0).then(|| block.list(items, 1, EXPLAINING).explains(explaining))
}
