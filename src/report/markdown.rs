//! `report.md`: what a pull request shows. The verdict, the thresholds' table and about ten lines;
//! longer tables are folded below.
//!
//! Text from a report and nothing else. Bounded like the summary: lists are cut.

use super::condition::split_condition;
use super::escape::escape_markdown;
use super::resource_lines::{figures, line};
use super::sentence::{listed, note};
use super::summary::parts::{
    actions_line, answers_line, balance, cell, clients_lines, cohort_rows, commonest, cores_used,
    fault_line, heard_by_cohorts, idle_rules, loop_line, publishes_line, puzzling, recipients,
    remarks, setting, shown_latencies,
};
use super::{Report, Severity};
use crate::metric::Metric;
use crate::units::format::{count, seconds};

/// Characters of a name or of a sentence, at most.
const NAME: usize = 60;
const SENTENCE: usize = 400;
/// Rows of thresholds, of room sizes and of cohorts, lines of faults, and lines of reasons, at most.
const THRESHOLDS: usize = 12;
const SIZES: usize = 6;
const COHORTS: usize = 6;
const FAULTS: usize = 3;
const REASONS: usize = 3;
/// Examples, at most: one of each kind that is shown.
const EXAMPLES: usize = 2;
/// Figures of the server's, at most.
const RESOURCES: usize = 40;
/// Rules that took nothing, at most.
const RULES: usize = 2;

/// The report as Markdown. Its first word is the verdict.
#[must_use]
pub fn to_markdown(report: &Report) -> String {
    let mut lines = vec![verdict(report), String::new()];
    lines.push(format!(
        "{}: {}, {} measured",
        escape_markdown(&report.scenario.name, NAME),
        escape_markdown(&report.plan.description, SENTENCE),
        seconds(report.run.measured_s)
    ));
    // A table's row can't break a line, but a paragraph can, where two spaces end it.
    end_line(&mut lines);
    lines.push(escape_markdown(&setting(report), SENTENCE));
    lines.push(String::new());
    thresholds(report, &mut lines);
    facts(report, &mut lines);
    folded("Latencies", latencies, report, &mut lines);
    folded("Arrivals by number of recipients", spread_by_size, report, &mut lines);
    folded("Cohorts", cohorts, report, &mut lines);
    folded("What the server used", resources, report, &mut lines);
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

fn verdict(report: &Report) -> String {
    let word = report.verdict.state.word();
    let mut line = format!("**{word}** {}", escape_markdown(&report.verdict.sentence, SENTENCE));
    if let Some(note) = note(report) {
        line.push_str(&format!(" ({})", escape_markdown(note, SENTENCE)));
    }
    line
}

/// A table behind a line that opens it; nothing where there is no table.
fn folded(
    title: &str,
    table: fn(&Report, &mut Vec<String>),
    report: &Report,
    lines: &mut Vec<String>,
) {
    let mut rows = Vec::new();
    table(report, &mut rows);
    if !rows.is_empty() {
        // Markdown inside HTML begins after an empty line.
        lines.extend(
            ["", "<details>", &format!("<summary>{title}</summary>"), ""].map(str::to_owned),
        );
        lines.extend(rows);
        lines.push("</details>".to_owned());
    }
}

fn end_line(lines: &mut [String]) {
    if let Some(last) = lines.last_mut() {
        last.push_str("  ");
    }
}

fn thresholds(report: &Report, lines: &mut Vec<String>) {
    if report.thresholds.is_empty() {
        return;
    }
    lines.push("| | threshold | actual | condition |".to_owned());
    lines.push("| --- | --- | ---: | --- |".to_owned());
    let sorted = listed(&report.thresholds);
    for threshold in sorted.iter().take(THRESHOLDS) {
        let (operator, limit) = split_condition(&threshold.condition);
        lines.push(format!(
            "| {} | {}{} | {} | {} |",
            if threshold.passed { "pass" } else { "**fail**" },
            escape_markdown(&threshold.metric, NAME),
            if threshold.default { ", uproar's own" } else { "" },
            escape_markdown(&threshold.actual_text, NAME),
            escape_markdown(&format!("{operator} {limit}"), NAME)
        ));
    }
    more(sorted.len(), THRESHOLDS, "| | ", " | | |", lines);
    lines.push(String::new());
}

fn latencies(report: &Report, lines: &mut Vec<String>) {
    let mut rows = shown_latencies(report).peekable();
    if rows.peek().is_none() {
        return;
    }
    lines.push("| latency | p50 | p90 | p99 | p99.9 | max | samples | what it is |".to_owned());
    lines.push("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |".to_owned());
    for (metric, latency) in rows {
        lines.push(format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            metric.label(),
            cell(latency.p50),
            cell(latency.p90),
            cell(latency.p99),
            cell(latency.p99_9),
            cell(latency.max),
            count(latency.count),
            metric.meaning()
        ));
    }
    lines.push(String::new());
}

fn spread_by_size(report: &Report, lines: &mut Vec<String>) {
    let sizes = &report.spread_by_size;
    if sizes.is_empty() {
        return;
    }
    lines.push(
        "| heard by | first, from sent: p50 | p99 | last, from sent: p50 | p99 | first to last: p50 | messages |"
            .to_owned(),
    );
    lines.push("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |".to_owned());
    for of in commonest(&report.spread_by_size, SIZES) {
        lines.push(format!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            recipients(of),
            cell(of.first.p50),
            cell(of.first.p99),
            cell(of.last.p50),
            cell(of.last.p99),
            cell(of.spread.p50),
            count(of.messages)
        ));
    }
    more(sizes.len(), SIZES, "| ", " | | | | | | |", lines);
    lines.push(String::new());
}

fn cohorts(report: &Report, lines: &mut Vec<String>) {
    let Some(rows) = cohort_rows(report) else { return };
    let heard = heard_by_cohorts(report).name();
    lines.push(format!(
        "| cohort | clients | codec | delivered | lost | {heard} p50 | {heard} p99 | reconnect p99 |"
    ));
    lines.push("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |".to_owned());
    for (cohort, row) in rows.take(COHORTS) {
        lines.push(format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            escape_markdown(&cohort.name, NAME),
            row.clients,
            escape_markdown(&cohort.codec, NAME),
            row.delivered,
            row.lost,
            row.p50,
            row.p99,
            row.reconnect_p99
        ));
    }
    more(report.cohorts.len(), COHORTS, "| ", " | | | | | | | |", lines);
    lines.push(String::new());
}

fn resources(report: &Report, lines: &mut Vec<String>) {
    let Some(resources) = &report.resources else { return };
    lines.push("| figure | value |".to_owned());
    lines.push("| --- | ---: |".to_owned());
    let rows = figures(resources);
    for (name, value) in rows.iter().take(RESOURCES) {
        lines.push(format!("| {} | {} |", escape_markdown(name, SENTENCE), value));
    }
    more(rows.len(), RESOURCES, "| ", " | |", lines);
    lines.push(String::new());
}

fn facts(report: &Report, lines: &mut Vec<String>) {
    lines.push(format!("- clients: {}", clients_lines(report).join("; ")));
    for metric in [Metric::Delivery, Metric::DeliveryFromSent, Metric::Push] {
        let Some(latency) = report.latency.get(&metric) else { continue };
        lines.push(format!(
            "- {}: p50 {}, p99 {}, max {}",
            metric.label(),
            cell(latency.p50),
            cell(latency.p99),
            cell(latency.max)
        ));
    }
    lines.extend(publishes_line(report).map(|line| format!("- publishes: {line}")));
    lines.extend(actions_line(report).map(|line| format!("- actions: {line}")));
    lines.extend(answers_line(report).map(|line| format!("- acknowledged: {line}")));
    lines.extend(loop_line(report).map(|line| format!("- {line}")));
    if report.clients.joined > 0 {
        // Shares of next to nothing begin with a sign of HTML's.
        let plain = |text: &str| text.replace('<', "\\<");
        lines.push(format!("- deliveries: {}", plain(&balance(report.deliveries))));
        let remarks = remarks(report);
        if !remarks.is_empty() {
            lines.push(format!("- ledger: {}", plain(&remarks.join(", "))));
        }
    }
    for fault in report.faults.iter().take(FAULTS) {
        lines.push(format!("- fault: {}", escape_markdown(&fault_line(fault), SENTENCE)));
    }
    more(report.faults.len(), FAULTS, "- ", "", lines);
    for example in puzzling(report).take(EXAMPLES) {
        lines.push(format!(
            "- {} {}, first at {}: {}",
            count(example.count),
            example.of.name(),
            seconds(example.first_s),
            escape_markdown(&example.example, SENTENCE)
        ));
    }
    let idle: Vec<_> = idle_rules(report).collect();
    for rule in idle.iter().take(RULES) {
        lines.push(format!("- {}", escape_markdown(rule, SENTENCE)));
    }
    more(idle.len(), RULES, "- ", "", lines);
    if !report.closed_loop.is_empty() {
        let names = escape_markdown(&report.closed_loop.join(", "), NAME);
        lines.push(format!("- closed loop ({names}): latencies hide server stalls"));
    }
    let mut reasons: Vec<_> = report.validity.reasons.iter().collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.severity));
    lines.extend(line(report).map(|line| format!("- server: {line}")));
    lines.extend(cores_used(report).map(|line| format!("- cores used: {line}")));
    lines.push(format!("- validity: {}", report.validity.state.name()));
    for reason in reasons.iter().take(REASONS) {
        let parts = [reason.what.as_str(), &reason.measured, &reason.remedy];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let emphasis = if reason.severity == Severity::Note { "" } else { "**" };
        lines.push(format!(
            "- {emphasis}{}{emphasis}: {}",
            reason.severity.name(),
            escape_markdown(&parts.join("; "), SENTENCE)
        ));
    }
    more(reasons.len(), REASONS, "- ", "", lines);
}

fn more(of: usize, shown: usize, before: &str, after: &str, lines: &mut Vec<String>) {
    if of > shown {
        let left_out = count((of - shown) as u64);
        lines.push(format!("{before}... and {left_out} more in report.json{after}"));
    }
}
