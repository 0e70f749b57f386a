//! `[[phase]]`: how long each stretch takes, and how many are up and how fast in it.

use std::time::Duration;

use super::super::keys::{Field, join};
use super::super::mistake::{Mistakes, Span};
use super::super::model::{Phase, Ramp};
use super::super::raw;
use super::super::values::{Levels, List};
use super::{LONGEST_RUN, Names, in_range, not_zero};

/// Highest level of a rate: a thousand times.
const MAX_RATE_LEVEL: f64 = 1000.0;

pub(super) fn phases(
    raw: &Field<List<raw::Phase>>,
    file: &Span,
    mistakes: &mut Mistakes,
) -> Vec<Phase> {
    let Some(list) = raw.get() else { return Vec::new() };
    let span = raw.span_or(file);
    if list.0.is_empty() {
        mistakes.missing(span, "there is no phase").help("a run needs a length: add a `[[phase]]`");
        return Vec::new();
    }
    // For its check that names differ.
    let _ = Names::of("phase", &list.0, |phase| &phase.name, mistakes);
    let phases: Vec<Phase> =
        list.0.iter().enumerate().map(|(index, at)| phase(index, &at.value, mistakes)).collect();
    let total: Duration = phases.iter().map(|phase| phase.duration).sum();
    if total > LONGEST_RUN {
        mistakes
            .add(span, "the phases last over 72 h together")
            .label("from here on")
            .help("a run lasts at most 72 h");
    }
    let broken = list.0.iter().any(|at| matches!(at.value.measure, Field::Broken));
    if phases.iter().all(|phase| !phase.measure) && !broken {
        mistakes
            .add(span, "no phase is measured, so the run would have no figures")
            .label("from here on")
            .help("remove `measure = false` from one of them");
    }
    phases
}

fn phase(index: usize, raw: &raw::Phase, mistakes: &mut Mistakes) -> Phase {
    let name = raw.name.get().map_or_else(|| index.to_string(), |name| name.0.clone());
    let path = |key: &str| join(&join("phase", &name), key);
    not_zero(&path("duration"), &raw.duration, mistakes);
    let clients = raw.clients.value();
    let rate = raw.rate.value();
    for (key, levels, max, words, field) in [
        (
            "clients",
            clients,
            1.0,
            "at most 100%: more clients are more `clients` in a cohort",
            &raw.clients,
        ),
        ("rate", rate, MAX_RATE_LEVEL, "at most 100000%", &raw.rate),
    ] {
        let highest = levels.from.max(levels.to);
        let span = field.span_or(&raw.span);
        in_range(&path(key), highest, (0.0, max), words, span, mistakes);
    }
    let is_ramp = |levels: Levels| levels.from.total_cmp(&levels.to).is_ne();
    let broken = matches!(raw.clients, Field::Broken) || matches!(raw.rate, Field::Broken);
    if let Some(steps) = raw.steps.written()
        && !is_ramp(clients)
        && !is_ramp(rate)
        && !broken
    {
        mistakes
            .add(&steps.span, format!("`{}` needs a ramp to make a staircase of", path("steps")))
            .label("unused")
            .help("write `clients = \"0% -> 100%\"` or `rate = \"100% -> 300%\"`, or remove it");
    }
    let ramp = |levels: Levels| Ramp {
        from: levels.from,
        to: levels.to,
        steps: raw.steps.get().filter(|_| is_ramp(levels)).map(|steps| steps.get()),
    };
    Phase {
        name: raw.name.value().0,
        duration: raw.duration.value(),
        clients: ramp(clients),
        rate: ramp(rate),
        measure: raw.measure.value(),
    }
}
