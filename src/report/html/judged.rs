//! What was decided: the verdict with the figures that matter most, thresholds, validity.

use super::markup::{Markup, classed, words};
use super::table::Table;
use crate::metric::Metric;
use crate::report::condition::split_condition;
use crate::report::sentence::{listed, note};
use crate::report::summary::parts::{cell, heard_by_cohorts, setting};
use crate::report::{Report, Severity, ValidityState, VerdictState};
use crate::units::format::{UNKNOWN, count, duration_us, number, percent, seconds};

/// The class that colours a verdict, and the sign beside it for those who don't tell colours apart.
pub(super) fn look(state: VerdictState) -> (&'static str, &'static str) {
    match state {
        VerdictState::Passed => ("good", "✓"),
        VerdictState::Failed => ("bad", "✕"),
        VerdictState::Unreachable => ("bad", "∅"),
        VerdictState::Invalid => ("warn", "!"),
        VerdictState::Unjudged => ("plain", "–"),
        VerdictState::Interrupted => ("warn", "■"),
    }
}

pub(super) fn verdict(report: &Report) -> Markup {
    let state = report.verdict.state;
    let (class, sign) = look(state);
    let mut word = Markup::element("span", &[("aria-hidden", "true")], Markup::text(sign));
    word.add(Markup::text(state.word()));
    let mut head = classed("p", "word", word);
    head.add(words("h1", &report.scenario.name));
    head.add(classed("p", "sentence", Markup::text(&report.verdict.sentence)));
    if let Some(note) = note(report) {
        head.add(classed("p", "note", Markup::text(note)));
    }
    head.add(doubt(report));
    let mut about = Markup::default();
    if !report.scenario.question.is_empty() {
        about.add(words("p", &report.scenario.question));
    }
    let measured = seconds(report.run.measured_s);
    about.add(words("p", &format!("{}, {measured} measured", report.plan.description)));
    about.add(words("p", &setting(report)));
    if !report.run.started_at.is_empty() {
        about.add(words("p", &format!("Started at {}", report.run.started_at)));
    }
    head.add(classed("div", "about", about));
    let mut markup = Markup::element("header", &[("class", class)], head);
    markup.add(tiles(report));
    markup
}

/// What takes weight from the verdict, beside it: nobody should have to scroll for that.
fn doubt(report: &Report) -> Markup {
    let validity = &report.validity;
    if validity.state == ValidityState::Valid || report.verdict.state == VerdictState::Invalid {
        return Markup::default();
    }
    // The first of the gravest; `max_by_key` alone would take the last.
    let gravest = validity.reasons.iter().rev().max_by_key(|reason| reason.severity);
    let what = gravest.map_or(String::new(), |reason| match reason.measured.as_str() {
        "" => format!(" {}", reason.what),
        measured => format!(" {}: {measured}", reason.what),
    });
    let mut doubt = classed("span", "badge", Markup::text(validity.state.name()));
    doubt.add(Markup::text(&what));
    classed("p", "warn doubt", doubt)
}

fn tiles(report: &Report) -> Markup {
    let heard = heard_by_cohorts(report);
    let latency = report.latency.get(&heard).filter(|latency| latency.count > 0);
    let from = if heard == Metric::Push { "push" } else { "delivery, from due" };
    let anyone = report.clients.joined > 0;
    let deliveries = report.deliveries;
    let unknown = || UNKNOWN.to_owned();
    let measured: Vec<_> = report.phases.iter().filter(|phase| phase.measured).collect();
    // An average of the measured phases, weighted by how long each was.
    let length_s: f64 = measured.iter().map(|phase| phase.duration_s).sum();
    let delivered: f64 =
        measured.iter().map(|phase| phase.deliveries_per_s * phase.duration_s).sum();
    let per_s = (length_s > 0.0).then(|| format!("{}/s", number(delivered / length_s)));
    let all = [
        (format!("p50 {from}"), cell(latency.and_then(|latency| latency.p50)), ""),
        (format!("p99 {from}"), cell(latency.and_then(|latency| latency.p99)), ""),
        (
            match deliveries.expected {
                Some(expected) => format!("lost of {} expected", count(expected)),
                None => "lost, expected unknown".to_owned(),
            },
            deliveries.lost.filter(|_| anyone).map_or_else(unknown, count),
            if deliveries.lost.is_some_and(|lost| lost > 0) { "bad" } else { "" },
        ),
        (
            format!("clients joined of {}", count(report.clients.planned)),
            count(report.clients.joined),
            if report.clients.joined < report.clients.planned { "bad" } else { "" },
        ),
        ("delivered, on average".to_owned(), per_s.filter(|_| anyone).unwrap_or_else(unknown), ""),
    ];
    let tiles = all.into_iter().map(|(name, figure, class)| {
        let mut tile = words("dt", &name);
        tile.add(classed("dd", class, Markup::text(&figure)));
        Markup::element("div", &[], tile)
    });
    classed("dl", "tiles", tiles.collect())
}

pub(super) fn thresholds(report: &Report) -> Markup {
    if report.thresholds.is_empty() {
        return words("p", "The scenario has no thresholds: nothing was judged.");
    }
    let noted = report.thresholds.iter().any(|threshold| threshold.note.is_some());
    let columns = ["result", "threshold", ">actual", "limit", "note"];
    // Most runs have no notes, and a phone has little room.
    let columns = if noted { &columns[..] } else { &columns[..4] };
    let mut table = Table::new("Thresholds", columns);
    for threshold in listed(&report.thresholds) {
        let (operator, limit) = split_condition(&threshold.condition);
        let (class, word) =
            if threshold.passed { ("good", "✓ pass") } else { ("bad", "✕ fail") };
        let mut name = words("code", &threshold.metric);
        if threshold.default {
            name.add(Markup::text(" uproar's own"));
        }
        let cells = [
            classed("span", "badge", Markup::text(word)),
            name,
            Markup::text(&threshold.actual_text),
            Markup::text(&format!("{operator} {limit}")),
            Markup::text(threshold.note.as_deref().unwrap_or_default()),
        ];
        table.marked_row(class, cells);
    }
    table.render()
}

pub(super) fn validity(report: &Report) -> Markup {
    let validity = &report.validity;
    let (class, says) = match validity.state {
        ValidityState::Valid => ("good", "nothing speaks against the figures"),
        ValidityState::Suspect => ("warn", "read the figures with care"),
        ValidityState::Invalid => ("warn", "uproar, not the server, decided the figures"),
    };
    let mut head = classed("span", "badge", Markup::text(validity.state.name()));
    head.add(Markup::text(&format!(" {says}")));
    let mut markup = classed("p", class, head);
    let mut generator = Vec::new();
    if let Some(busiest) = report.generator.busiest_worker {
        generator.push(format!("busiest worker at {} of a core", percent(busiest.share)));
    }
    if let Some(lag) = report.latency.get(&Metric::Lag).and_then(|lag| lag.p99) {
        generator.push(format!("messages left {} late (p99)", duration_us(lag)));
    }
    if !generator.is_empty() {
        markup.add(words("p", &generator.join(", ")));
    }
    if !report.closed_loop.is_empty() {
        let names = report.closed_loop.join(", ");
        markup.add(words("p", &format!("Closed loop ({names}): latencies hide server stalls.")));
    }
    let columns = ["weight", "what", "measured", "limit", "what to do"];
    let mut table = Table::new("Reasons", &columns);
    let mut reasons: Vec<_> = validity.reasons.iter().collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.severity));
    for reason in reasons {
        let class = match reason.severity {
            Severity::Note => "plain",
            Severity::Suspect | Severity::Invalid => "warn",
        };
        // Nothing measured and no limit are not unknown.
        let cells = [&reason.what, &reason.measured, &reason.limit, &reason.remedy];
        let badge = classed("span", "badge", Markup::text(reason.severity.name()));
        let cells = cells.into_iter().map(|cell| Markup::text(cell));
        table.marked_row(class, std::iter::once(badge).chain(cells));
    }
    markup.add(table.render());
    markup
}
