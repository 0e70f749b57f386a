//! `uproar plan`: what a scenario would do and need, without connecting to anything.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::args::PlanArgs;
use super::{Failure, prepare, print};
use crate::plan::{Plan, describe, headline};
use crate::ready::fit;
use crate::scenario::{FaultKind, Ramp};
use crate::units::format::{bytes, count, counted, number, percent, seconds};

pub(super) fn run(args: &PlanArgs) -> Result<ExitCode, Failure> {
    let plan = prepare::plan(&args.scenario)?;
    print::stdout(&render(&plan))?;
    Ok(ExitCode::SUCCESS)
}

/// From here on the largest burst is told.
const BURST_BYTES_MIN: u64 = 64 * 1024;

fn render(plan: &Plan) -> String {
    let peaks = plan.peaks();
    let rate = |rate: Option<f64>| rate.map_or("as the server answers".to_owned(), number);
    let mut lines = vec![
        ("clients", format!("{} at the peak", count(u64::from(peaks.clients)))),
        ("publishes", format!("{} a second at the peak", rate(peaks.publishes_per_s))),
        ("deliveries", format!("{} a second at the peak", rate(peaks.deliveries_per_s))),
        ("open files", format!("{} in this process", count(peaks.open_files))),
        ("memory", format!("about {} in this process", bytes(peaks.memory_bytes))),
        ("seed", plan.scenario.seed.to_string()),
    ];
    if peaks.actions_per_s > 0.0 {
        lines.push(("actions", format!("{} a second at the peak", number(peaks.actions_per_s))));
    }
    // What fits one write of a socket is no burst.
    if let Some(burst) = plan.largest_burst().filter(|burst| burst.bytes() >= BURST_BYTES_MIN) {
        let (each, all) = (bytes(burst.message_bytes), bytes(burst.bytes()));
        lines.push(match burst.messages {
            1 => ("burst", format!("about {all} at most, one message")),
            n => {
                ("burst", format!("{} messages of {each} for one publish, {all} in all", count(n)))
            }
        });
    }
    let phases = plan.scenario.phases.iter().zip(&plan.phases);
    lines.extend(phases.map(|(phase, span)| {
        let unmeasured = if phase.measure { "" } else { ", not measured" };
        let text = format!(
            "{} from {} for {}: clients {}, rate {}{unmeasured}",
            phase.name,
            at(span.start_us),
            seconds(phase.duration.as_secs_f64()),
            ramp(phase.clients),
            ramp(phase.rate),
        );
        ("phase", text)
    }));
    lines.extend(plan.faults.iter().map(|fault| {
        let mut what = fault.kind.name().to_owned();
        if let FaultKind::Close { code } = fault.kind {
            let _ = write!(what, " with {code}");
        }
        if let Some(label) = &fault.label {
            let _ = write!(what, " {label:?}");
        }
        if fault.kind.is_of_server() {
            what.push_str(" of the server");
        } else if !fault.victims.is_empty() {
            let _ = write!(what, " of {}", counted(fault.victims.len() as u64, "client"));
        }
        let _ = write!(what, " at {}", at(fault.at_us));
        if let Some(duration) = fault.kind.duration() {
            let _ = write!(what, " for {}", seconds(duration.as_secs_f64()));
        }
        ("fault", what)
    }));
    lines.extend(plan.scenario.thresholds.iter().map(|threshold| {
        let own = if threshold.default { ", uproar's own" } else { "" };
        ("threshold", format!("{} {}{own}", threshold.key, threshold.condition))
    }));
    lines.extend(fit::complaints(plan).into_iter().map(|complaint| ("warning", complaint)));
    let mut text = format!("{}\n{}\n\n", headline(plan), describe(plan));
    let mut before = "";
    for (label, line) in lines {
        // A group of lines has one label.
        let shown = if label == before && label != "warning" { "" } else { label };
        before = label;
        // Writing to a string can't fail.
        let _ = writeln!(text, "{shown:<12}{line}");
    }
    text
}

fn at(us: u64) -> String {
    seconds(us as f64 / 1e6)
}

fn ramp(ramp: Ramp) -> String {
    let steps = ramp.steps.map(|steps| format!(" in {steps} steps")).unwrap_or_default();
    if ramp.steps.is_none() && (ramp.from - ramp.to).abs() < f64::EPSILON {
        percent(ramp.to)
    } else {
        format!("{} to {}{steps}", percent(ramp.from), percent(ramp.to))
    }
}
