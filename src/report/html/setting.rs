//! What the figures belong to: the plan, the server, the machine, and how to run it again.

use super::ledger::known;
use super::markup::{Markup, words};
use super::table::facts;
use crate::report::summary::parts::cores_used;
use crate::report::{ProcessUse, Report};
use crate::units::format::{bytes, count, percent, rate, seconds};

pub(super) fn plan(report: &Report) -> Markup {
    let plan = &report.plan;
    let closed = || "a closed loop decides".to_owned();
    facts(&[
        ("load", plan.headline.clone()),
        ("clients", count(plan.clients)),
        ("rooms", count(plan.rooms)),
        ("memberships", count(plan.memberships)),
        ("length", seconds(plan.duration_s)),
        ("messages at the peak", plan.publishes_per_s.map_or_else(closed, |n| rate(n, "msg"))),
        (
            "deliveries at the peak",
            plan.deliveries_per_s.map_or_else(closed, |n| rate(n, "delivered")),
        ),
        ("open files needed", count(plan.open_files)),
        ("memory predicted", bytes(plan.memory_bytes)),
        (
            "ledger",
            format!(
                "{} of receivers followed; a message may be on its way for up to {}",
                percent(report.ledger.share),
                seconds(report.ledger.window_s)
            ),
        ),
    ])
}

pub(super) fn machine(report: &Report) -> Markup {
    let host = &report.host;
    let target = &report.target;
    let server = if target.builtin { "the built-in one, " } else { "" };
    facts(&[
        ("server", format!("{server}{} ({})", target.url, target.protocol)),
        ("codecs", target.codecs.join(", ")),
        ("machine", host.hostname.clone()),
        ("system", host.os.clone()),
        ("processor", known(host.cpu.clone())),
        ("cores", count(u64::from(host.cores))),
        ("memory", known(host.memory_bytes.map(bytes))),
        ("fingerprint", host.fingerprint.clone()),
        ("cores used", known(cores_used(report))),
        ("generator", used(&report.generator)),
        ("built-in server", report.server.as_ref().map(used).unwrap_or_default()),
    ])
}

/// `14.3 s of CPU time, 41.2 MiB at most, busiest worker 0 at 31 % of a core`.
fn used(process: &ProcessUse) -> String {
    let mut parts = vec![
        format!("{} of CPU time", known(process.cpu_s.map(seconds))),
        format!("{} of memory at most", known(process.rss_peak_bytes.map(bytes))),
    ];
    if let Some(busiest) = process.busiest_worker {
        parts.push(format!(
            "busiest worker {} at {} of a core",
            busiest.worker,
            percent(busiest.share)
        ));
    }
    parts.join(", ")
}

pub(super) fn again(report: &Report) -> Markup {
    let run = &report.run;
    let build = &report.uproar;
    let commit = build.commit.as_deref().map(|commit| format!(", commit {commit}"));
    let debug = if build.profile == "debug" { ", debug build" } else { "" };
    let mut markup = words("p", "The same seed and scenario make the same plan.");
    if !run.command.is_empty() {
        markup.add(Markup::element("pre", &[("tabindex", "0")], words("code", &command(report))));
    }
    markup.add(facts(&[
        ("seed", report.seed.to_string()),
        ("run", run.id.clone()),
        ("started", run.started_at.clone()),
        ("took", format!("{}, {} measured", seconds(run.duration_s), seconds(run.measured_s))),
        ("exit code", run.exit_code.to_string()),
        ("uproar", format!("{}{}{debug}", build.version, commit.unwrap_or_default())),
    ]));
    markup
}

/// As a shell takes it, with the seed, should the scenario's change.
fn command(report: &Report) -> String {
    let mut words: Vec<String> = report.run.command.iter().map(|word| quoted(word)).collect();
    let seeded =
        report.run.command.iter().any(|word| word == "--seed" || word.starts_with("--seed="));
    if !seeded {
        words.push(format!("--seed {}", report.seed));
    }
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Run;

    #[test]
    fn the_command_can_be_pasted_and_names_the_seed() {
        let command_of = |words: &[&str]| {
            let command = words.iter().map(|&word| word.to_owned()).collect();
            super::command(&Report {
                seed: 7,
                run: Run { command, ..Run::default() },
                ..Report::default()
            })
        };
        assert_eq!(command_of(&["uproar", "run", "chat-rooms"]), "uproar run chat-rooms --seed 7");
        assert_eq!(command_of(&["uproar", "run", "--seed=7"]), "uproar run --seed=7");
        assert_eq!(
            command_of(&["uproar", "--seed", "7", "it's $x"]),
            "uproar --seed 7 'it'\\''s $x'"
        );
    }
}
