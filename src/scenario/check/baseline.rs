//! `[baseline]`: what runs are compared with earlier ones by, and how much each figure may change.

use super::super::keys::list;
use super::super::mistake::Mistakes;
use super::super::raw;
use super::super::suggest::did_you_mean;
use crate::gate::{Figure, Tolerance};

/// Figures and tolerances as they are written; both can be read.
pub(super) fn baseline(file: &raw::File, mistakes: &mut Mistakes) -> Vec<(String, String)> {
    let mut baseline = Vec::new();
    for (name, tolerance) in file.baseline.get().map_or(&[][..], |baseline| &baseline.0) {
        let figure = match Figure::parse(&name.value) {
            Ok(figure) => figure,
            Err(why) => {
                mistakes.add(&name.span, why).label("not a figure");
                continue;
            }
        };
        let cohorts = file.cohort.get().map_or(&[][..], |list| &list.0);
        let cohorts = cohorts.iter().filter_map(|at| at.value.name.get()).map(|name| &*name.0);
        let phases = file.phase.get().map_or(&[][..], |list| &list.0);
        let phases = phases.iter().filter_map(|at| at.value.name.get()).map(|name| &*name.0);
        let cohorts: Vec<&str> = cohorts.collect();
        let phases: Vec<&str> = phases.collect();
        for (what, of, known) in
            [("cohort", &figure.cohort, &cohorts), ("phase", &figure.phase, &phases)]
        {
            let Some(of) = of.as_deref().filter(|of| !known.contains(of)) else { continue };
            let guess = did_you_mean(of, known.iter().copied());
            mistakes
                .add(&name.span, format!("there is no {what} `{}`", of.escape_debug()))
                .label(format!("unknown {what}"))
                .help(format!("{guess}There are: {}", list(known.iter().copied())));
        }
        if let Err(why) = Tolerance::parse(&tolerance.value, figure.unit()) {
            mistakes
                .add(&tolerance.span, why)
                .label("not a tolerance")
                .help("a change matters if it is larger than both: \"10%, 2ms\"");
            continue;
        }
        baseline.push((name.value.clone(), tolerance.value.clone()));
    }
    baseline
}
