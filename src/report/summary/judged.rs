//! The summary's upper part: verdict, thresholds, validity.
//!
//! Shows what was decided; decides nothing.

use super::super::condition::split_condition;
use super::super::escape::{columns, escape_terminal};
use super::super::resource_lines;
use super::super::sentence::{listed, note};
use super::layout::{LABEL, Spare, wrap};
use super::{Block, Style};
use crate::metric::Metric;
use crate::report::{ProcessUse, Report, Severity, ThresholdOutcome, ValidityState, VerdictState};
use crate::units::format::{duration_us, number, percent, seconds};

/// Columns of a text that comes from outside, at most: it wraps, and a scenario or a report written by
/// hand may hold any length.
const TEXT_COLUMNS: usize = 2_000;

pub(super) fn verdict(report: &Report, style: Style) -> Block {
    let state = report.verdict.state;
    let word = state.word();
    let indent = if word.len() < 8 { 8 } else { word.len() + 2 };
    let room = style.columns.saturating_sub(indent);
    let block = Block::indented(&label(state, indent, style), indent);
    let run = format!(
        "{}: {}, {} measured",
        report.scenario.name,
        report.plan.description,
        seconds(report.run.measured_s)
    );
    let block = if state == VerdictState::Passed {
        // Which thresholds hold is told below; the run itself is the news.
        block.lines(paragraph(&run, room))
    } else {
        block
            .lines(paragraph(&report.verdict.sentence, room))
            .lines(note(report).map(|note| paragraph(note, room)).unwrap_or_default())
            .lines(paragraph(&run, room))
    };
    block.lines(paragraph(&setting(report), room))
}

/// `built-in rooms server, json · seed 7 · uproar 0.1.0`.
pub(in crate::report) fn setting(report: &Report) -> String {
    let target = &report.target;
    let server = if target.builtin {
        format!("built-in {} server", target.protocol)
    } else {
        format!("{} ({})", target.url, target.protocol)
    };
    let codecs = if target.codecs.is_empty() {
        String::new()
    } else {
        format!(", {}", target.codecs.join(" and "))
    };
    let debug = if report.uproar.profile == "debug" { ", debug build" } else { "" };
    format!("{server}{codecs} · seed {} · uproar {}{debug}", report.seed, report.uproar.version)
}

fn label(state: VerdictState, columns: usize, style: Style) -> String {
    let word = state.word();
    if !style.color {
        return word.to_owned();
    }
    let code = match state {
        VerdictState::Passed => 32,
        VerdictState::Failed | VerdictState::Invalid | VerdictState::Unreachable => 31,
        VerdictState::Unjudged | VerdictState::Interrupted => 33,
    };
    let padding = columns - word.len();
    format!("\u{1b}[1;{code}m{word}\u{1b}[0m{:padding$}", "")
}

/// Text of any origin, as many lines as it takes.
pub(super) fn paragraph(text: &str, width: usize) -> Vec<String> {
    wrap(&escape_terminal(text, TEXT_COLUMNS), width, usize::MAX)
}

pub(super) fn thresholds(report: &Report, style: Style) -> Option<Block> {
    if report.thresholds.is_empty() {
        return None;
    }
    // Whatever is cut, a failed one goes last.
    let (own, sorted): (Vec<_>, Vec<_>) =
        listed(&report.thresholds).into_iter().partition(|of| of.passed && of.default);
    let cells: Vec<_> = sorted
        .into_iter()
        .map(|threshold| {
            let (operator, limit) = split_condition(&threshold.condition);
            let metric = escape_terminal(&threshold.metric, TEXT_COLUMNS);
            let actual = escape_terminal(&threshold.actual_text, TEXT_COLUMNS);
            let condition = escape_terminal(&format!("{operator} {limit}"), TEXT_COLUMNS);
            (if threshold.passed { "pass" } else { "fail" }, metric, actual, condition)
        })
        .collect();
    let metric_columns = cells.iter().map(|cell| columns(&cell.1)).max().unwrap_or(0);
    let actual_columns = cells.iter().map(|cell| columns(&cell.2)).max().unwrap_or(0).max(8);
    let room = style.columns.saturating_sub(LABEL);
    let failed = cells.iter().filter(|(word, ..)| *word == "fail").count();
    let items = cells.into_iter().map(|(word, metric, actual, condition)| {
        let after_metric = metric_columns - columns(&metric);
        let before_actual = actual_columns - columns(&actual);
        let line = format!(
            "{word}  {metric}{:after_metric$}  {:before_actual$}{actual}   {condition}",
            "", ""
        );
        // What fits no line is no table any more.
        if columns(&line) <= room {
            vec![line]
        } else {
            let text = format!("{metric} {actual}, {condition}");
            hanging(word, wrap(&text, room.saturating_sub(WORD), usize::MAX))
        }
    });
    let own = (!own.is_empty()).then(|| own_that_hold(&own, style));
    Some(Block::labelled("thresholds").list(items.chain(own).collect(), 6, 9).explains(failed))
}

/// Columns of the word before a threshold.
const WORD: usize = 6;

/// Lines behind a word, each as far to the right as the first.
fn hanging(word: &str, lines: Vec<String>) -> Vec<String> {
    let words = std::iter::once(word).chain(std::iter::repeat(""));
    words.zip(lines).map(|(word, line)| format!("{word:<WORD$}{line}")).collect()
}

/// `pass  uproar's own 6: clients.never_joined, clients.not_back, …`: nobody asked for them, so one line
/// has them all, as far as it goes. The other files list them.
fn own_that_hold(own: &[&ThresholdOutcome], style: Style) -> Vec<String> {
    let names: Vec<_> = own.iter().map(|of| of.metric.as_str()).collect();
    let text = format!("uproar's own {}: {}", own.len(), names.join(", "));
    let text = escape_terminal(&text, TEXT_COLUMNS);
    let room = style.columns.saturating_sub(LABEL + WORD);
    // On a screen one line has to do: they are healthy.
    let most = if style.lines.is_some() { 1 } else { usize::MAX };
    hanging("pass", wrap(&text, room, most))
}

/// `generator 0.31, server 0.28; machine 62 % busy, 0 % stolen`: cores that each process kept busy
/// over the whole run, and what all cores did. `None` where the system tells none of it.
pub(in crate::report) fn cores_used(report: &Report) -> Option<String> {
    let cores = |used: &ProcessUse| {
        let cores = used.cpu_s.filter(|_| report.run.duration_s > 0.0)? / report.run.duration_s;
        // Only nothing prints as nothing.
        let few = cores > 0.0 && cores < 0.005;
        Some(if few { "<0.01".to_owned() } else { number(cores) })
    };
    let processes = [("generator", Some(&report.generator)), ("server", report.server.as_ref())];
    let processes = processes
        .into_iter()
        .filter_map(|(name, used)| Some(format!("{name} {}", cores(used?)?)))
        .collect::<Vec<_>>()
        .join(", ");
    let shares = [(report.machine.busy_share, "busy"), (report.machine.steal_share, "stolen")];
    let shares = shares
        .into_iter()
        .filter_map(|(share, what)| Some(format!("{} {what}", percent(share?))))
        .collect::<Vec<_>>()
        .join(", ");
    let machine = if shares.is_empty() { shares } else { format!("machine {shares}") };
    let parts: Vec<_> = [processes, machine].into_iter().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What the server used, where a process was watched that is not uproar's own: that one's stands with the
/// generator's below.
pub(super) fn server(report: &Report) -> Option<Block> {
    let line = resource_lines::line(report).filter(|_| !report.target.builtin)?;
    Some(Block::labelled("server").line(line).spare(Spare::Goes))
}

/// Who used the machine, below what that means for the figures.
pub(super) fn processors(report: &Report) -> Option<Block> {
    let line = cores_used(report)?;
    Some(Block::labelled("cores used").line(line).spare(Spare::Goes))
}

pub(super) fn validity(report: &Report, style: Style) -> Block {
    let validity = &report.validity;
    let mut parts = Vec::new();
    if let Some(busiest) = report.generator.busiest_worker {
        parts.push(format!("busiest worker at {} of a core", percent(busiest.share)));
    }
    if let Some(lag) = report.latency.get(&Metric::Lag).and_then(|lag| lag.p99) {
        parts.push(format!("messages left {} late (p99)", duration_us(lag)));
    }
    let generator = parts.join(", ");
    let valid = validity.state == ValidityState::Valid;
    // Beside "suspect" these figures would read as its reason.
    let head = if valid && !generator.is_empty() {
        format!("valid: {generator}")
    } else {
        validity.state.name().to_owned()
    };

    let room = style.columns.saturating_sub(LABEL);
    let mut items = Vec::new();
    let mut reasons: Vec<_> = validity.reasons.iter().collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.severity));
    // The verdict's sentence is the gravest reason already.
    let told = report.verdict.state == VerdictState::Invalid
        && reasons.first().is_some_and(|reason| reason.severity > Severity::Note);
    for reason in reasons.into_iter().skip(usize::from(told)) {
        let mut text = format!("{}: {}", reason.severity.name(), reason.what);
        for (before, part) in
            [(": ", &reason.measured), (", limit ", &reason.limit), ("; ", &reason.remedy)]
        {
            if !part.is_empty() {
                text.push_str(before);
                text.push_str(part);
            }
        }
        items.push(paragraph(&text, room));
    }
    let graver = validity.reasons.iter().filter(|reason| reason.severity > Severity::Note).count();
    let explaining = graver.saturating_sub(usize::from(told));
    if !report.closed_loop.is_empty() {
        let names = report.closed_loop.join(", ");
        items
            .push(paragraph(&format!("closed loop ({names}): latencies hide server stalls"), room));
    }
    if !valid && !generator.is_empty() {
        items.push(vec![generator]);
    }
    Block::labelled("validity").line(head).list(items, 1, 5).explains(explaining)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{MachineUse, Run};

    #[test]
    fn processors_are_told_as_far_as_the_system_tells() {
        let used = |cpu_s| ProcessUse { cpu_s, ..ProcessUse::default() };
        let shares = |busy_share, steal_share| MachineUse { busy_share, steal_share };
        let unknown = MachineUse::default();
        let table = [
            (
                Some(3.1),
                Some(Some(28.0)),
                shares(Some(0.62), Some(0.0)),
                Some("generator 0.31, server 2.8; machine 62 % busy, 0 % stolen"),
            ),
            (
                Some(0.02),
                None,
                shares(Some(0.0612), Some(0.0004)),
                Some("generator <0.01; machine 6.12 % busy, 0.04 % stolen"),
            ),
            (None, Some(Some(0.0)), unknown, Some("server 0")),
            (None, None, shares(Some(1.0), None), Some("machine 100 % busy")),
            (None, Some(None), unknown, None),
        ];
        for (generator, server, machine, text) in table {
            let report = Report {
                run: Run { duration_s: 10.0, ..Run::default() },
                generator: used(generator),
                server: server.map(used),
                machine,
                ..Report::default()
            };
            assert_eq!(cores_used(&report).as_deref(), text);
        }
    }

    #[test]
    fn a_run_of_no_length_used_nobody_knows_what() {
        let generator = ProcessUse { cpu_s: Some(1.0), ..ProcessUse::default() };
        assert_eq!(cores_used(&Report { generator, ..Report::default() }), None);
    }
}
