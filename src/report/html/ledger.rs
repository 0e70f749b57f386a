//! What became of every message and connection, and what went wrong.
//!
//! The sentences are those of the terminal; the tables have all rows.

use super::markup::{Markup, classed, words};
use super::table::{Table, facts};
use super::time::no_errors;
use crate::report::summary::parts::{
    answers_line, balance, clients_lines, loop_line, publishes_line, remarks,
};
use crate::report::{Report, Side};
use crate::units::format::{UNKNOWN, bytes, count, seconds};

pub(super) fn messages(report: &Report) -> Markup {
    let heard = report.clients.joined > 0;
    let mut rows = Vec::new();
    rows.extend(publishes_line(report).map(|line| ("publishes", line)));
    rows.extend(answers_line(report).map(|line| ("acknowledged", line)));
    rows.extend(loop_line(report).map(|line| ("throughput", line)));
    if heard {
        rows.push(("deliveries", balance(report.deliveries)));
        rows.push(("besides", remarks(report).join(", ")));
    }
    rows.push(("clients", clients_lines(report).join("; ")));
    rows.push(("frames received", frames(report)));
    let (sent, received) = (bytes(report.bytes.sent), bytes(report.bytes.received));
    rows.push(("on the wire", format!("{sent} sent, {received} received by clients")));
    facts(&rows)
}

/// Kinds of frames that came, the others left out.
fn frames(report: &Report) -> String {
    let frames = report.frames;
    let kinds = [
        (frames.delivery, "deliveries"),
        (frames.push, "pushes"),
        (frames.step, "answers to steps"),
        (frames.ack, "acknowledgements"),
        (frames.reply, "asking for a reply"),
        (frames.heartbeat, "heartbeats"),
        (frames.ignored, "ignored"),
        (frames.error, "errors"),
        (frames.unmatched, "unmatched"),
    ];
    let some = kinds.into_iter().filter(|(n, _)| *n > 0);
    let some: Vec<_> = some.map(|(n, what)| format!("{} {what}", count(n))).collect();
    if some.is_empty() { "none".to_owned() } else { some.join(", ") }
}

pub(super) fn errors(report: &Report) -> Markup {
    let mut markup = Markup::default();
    let columns =
        ["error", "detail", "step", "cohort", ">count", ">first", ">last", "the first one"];
    let mut table = Table::new("Errors", &columns);
    let mut sorted: Vec<_> = report.errors.iter().collect();
    sorted.sort_by_key(|error| std::cmp::Reverse(error.count));
    for error in sorted {
        table.marked_row(
            "",
            [
                words("code", error.kind.name()),
                Markup::text(error.detail.as_deref().unwrap_or_default()),
                Markup::text(error.step.name()),
                Markup::text(&error.cohort),
                Markup::text(&count(error.count)),
                Markup::text(&seconds(error.first_s)),
                Markup::text(&seconds(error.last_s)),
                classed("span", "quoted", Markup::text(&error.example)),
            ],
        );
    }
    markup.add(if report.errors.is_empty() {
        words("p", &no_errors(report, ""))
    } else {
        table.render()
    });
    markup.add(closes(report));
    markup.add(examples(report));
    markup.add(rules(report));
    markup.add(limits(report));
    markup
}

fn titled(title: &'static str, inner: Markup) -> Markup {
    if inner.is_empty() {
        return inner;
    }
    let mut markup = words("h3", title);
    markup.add(inner);
    markup
}

fn closes(report: &Report) -> Markup {
    let mut table = Table::new("Closes", &["code", "ended by", ">count", "reason"]);
    for close in &report.closes {
        let by = match close.by {
            Side::Client => "uproar",
            Side::Server => "the server",
        };
        // Without a close frame there is no code, which is not unknown.
        let code = close.code.map_or_else(|| "no close frame".to_owned(), |code| code.to_string());
        table.marked_row(
            "",
            [
                Markup::text(&code),
                Markup::text(by),
                Markup::text(&count(close.count)),
                classed("span", "quoted", Markup::text(&close.reason)),
            ],
        );
    }
    titled("How connections ended", table.render())
}

fn examples(report: &Report) -> Markup {
    let mut table = Table::new("Examples", &["frame", "name", ">count", ">first", "the first one"]);
    for example in &report.examples {
        table.marked_row(
            "",
            [
                Markup::text(example.of.name()),
                Markup::text(example.name.as_deref().unwrap_or_default()),
                Markup::text(&count(example.count)),
                Markup::text(&seconds(example.first_s)),
                classed("span", "quoted", Markup::text(&example.example)),
            ],
        );
    }
    titled("Examples of frames", table.render())
}

/// All of them: which took what shows which one is too broad.
fn rules(report: &Report) -> Markup {
    let mut table = Table::new("Rules", &["protocol", "rule", ">frames", "takes a frame if"]);
    for rule in &report.rules {
        table.marked_row(
            "",
            [
                Markup::text(&rule.protocol),
                words("code", &rule.rule),
                Markup::text(&count(rule.frames)),
                classed("span", "quoted", Markup::text(&rule.when)),
            ],
        );
    }
    titled("Frames taken by rules of protocol files", table.render())
}

fn limits(report: &Report) -> Markup {
    let mut table = Table::new("Limits of our own", &["limit", ">count", "effect"]);
    for hit in &report.limits_hit {
        table.row([hit.limit.clone(), count(hit.count), hit.effect.clone()]);
    }
    titled("Limits of uproar's own that took effect", table.render())
}

/// `-` where the system doesn't tell.
pub(super) fn known(text: Option<String>) -> String {
    text.unwrap_or_else(|| UNKNOWN.to_owned())
}
