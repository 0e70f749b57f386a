//! Two sides of runs, figure by figure.
//!
//! With enough runs for the figures that decide (`enough`) one is worse if its ranks say so (5 % for
//! the whole comparison) and its medians differ by more than the tolerance. With fewer nothing can be
//! shown: only what is beyond twice the tolerance and beyond the base's own spread is called worse,
//! and labelled coarse. What must be 0 is judged first, and by itself (`zero`).

use super::enough::{can_decide, runs_needed};
use super::model::{
    Comparison, Gate, Kind, LEAST_SPREAD, Options, Row, Runs, Spread, State, is_shown,
};
use super::rank::{holm, p_higher};
use super::value::of;
use super::verdict::{Case, decide};
use super::{sides, zero};
use crate::gate::{Figure, Tolerance, Unit};
use crate::report::Report;

/// What is told beside the figures that decide. p99.9 and the largest move from run to run by
/// themselves, and what a delivery costs only says something on an idle machine.
pub(super) const TOLD: [&str; 8] = [
    "delivery.p50",
    "delivery.p99",
    "generator.cpu",
    "server.cpu",
    "bytes",
    "target.cpu_per_delivery",
    "target.rss.max",
    "target.bytes_per_client",
];

/// What decides where nobody says otherwise, and how much it may change.
const DELIVERIES: [(&str, &str); 2] = [("delivery.p50", "10%, 20us"), ("delivery.p99", "10%, 2ms")];
const PUSHES: [(&str, &str); 2] = [("push.p50", "10%, 1ms"), ("push.p99", "10%, 5ms")];

/// The most figures that decide where nobody says otherwise.
pub const DEFAULT_GATES: usize = DELIVERIES.len();

/// What decides where nobody says otherwise.
#[must_use]
pub fn default_gates(base: &[Report]) -> Vec<Gate> {
    let gate = |(name, tolerance): &(&str, &str)| {
        let figure = Figure::parse(name).ok()?;
        let tolerance = Tolerance::parse(tolerance, figure.unit()).ok()?;
        let has = base.iter().any(|report| of(&figure, report).is_some());
        has.then_some(Gate { figure, tolerance })
    };
    let deliveries: Vec<Gate> = DELIVERIES.iter().filter_map(gate).collect();
    // A feed that nobody stamps has no deliveries; its server's clock tells.
    if deliveries.is_empty() { PUSHES.iter().filter_map(gate).collect() } else { deliveries }
}

/// Compares the new side with the base.
///
/// # Errors
///
/// Why they can't be compared, and what to do.
pub fn compare(
    base: &Runs,
    new: &Runs,
    gates: &[Gate],
    options: Options,
) -> Result<Comparison, (String, String)> {
    for side in [base, new] {
        if side.reports.is_empty() && side.missing == 0 {
            return Err((format!("`{}` has no run", side.name), String::new()));
        }
    }
    let mut notes = sides::notes(base, new);
    let (bases, news) = (sides::counted(base), sides::counted(new));
    if let Some(why) = sides::of_another_plan(&bases, &news) {
        if !options.any_plan {
            return Err((
                format!("the runs are of different plans: {why}"),
                "their figures can't be compared; --any-plan does it all the same".to_owned(),
            ));
        }
        notes.push(format!("the runs are of different plans: {why}"));
    }
    let advisory = advisory(&bases, &news, options);
    let mut rows = zero::rows(&bases, &news, gates);
    let gated = gated(&bases, &news, gates);
    let needed = needed(&gated);
    if let Some((base, new, needed)) = needed {
        notes.push(format!(
            "too few runs to show a small change: {base} and {new}, {needed} a side are needed for {} \
             {}",
            gates.len(),
            if gates.len() == 1 { "figure" } else { "figures" }
        ));
    }
    rows.extend(gated);
    rows.extend(told(&bases, &news, gates));
    let verdict = decide(&Case {
        base: sides::Tallied::of(base),
        new: sides::Tallied::of(new),
        first_failure: sides::first_failure(new),
        rows: &rows,
        is_advisory: advisory.is_some(),
        needed,
    });
    let mut runs = sides::rows("base", base);
    runs.extend(sides::rows("new", new));
    Ok(Comparison {
        base: base.name.clone(),
        new: new.name.clone(),
        verdict,
        runs,
        rows,
        advisory,
        notes,
    })
}

/// Why times and costs decide nothing.
fn advisory(bases: &[&Report], news: &[&Report], options: Options) -> Option<String> {
    if options.only_tells {
        return Some("times and costs are shown here and decide nothing".to_owned());
    }
    let first = bases.first()?;
    let strange = news.iter().find(|report| report.host.fingerprint != first.host.fingerprint);
    strange.filter(|_| !options.any_host).map(|report| {
        format!(
            "the base was measured on another machine ({} and {}): times and costs are shown and decide nothing; \
             --any-host makes them decide",
            first.host.hostname, report.host.hostname
        )
    })
}

/// Runs of both sides, and how many of each are needed, where there are fewer: of the first figure that
/// could not be judged by its ranks.
fn needed(gated: &[Row]) -> Option<(usize, usize, usize)> {
    let known = |row: &&Row| row.base.is_some() && row.new.is_some();
    let row = gated.iter().filter(known).find(|row| row.p.is_none())?;
    let gates = gated.iter().filter(known).count();
    Some((row.base.as_ref()?.runs, row.new.as_ref()?.runs, runs_needed(gates)))
}

fn values(figure: &Figure, runs: &[&Report]) -> Vec<f64> {
    runs.iter().filter_map(|report| of(figure, report)).collect()
}

/// A figure's values on both sides.
struct Sides {
    base: Vec<f64>,
    new: Vec<f64>,
}

impl Sides {
    fn row(&self, figure: &Figure, tolerance: Option<Tolerance>) -> Row {
        let (base, new) = (Spread::of(&self.base), Spread::of(&self.new));
        let change = match (&base, &new) {
            (Some(base), Some(new)) if base.median > 0.0 => Some(new.median / base.median - 1.0),
            _ => None,
        };
        Row {
            figure: figure.name.clone(),
            kind: if tolerance.is_some() { Kind::Decides } else { Kind::Told },
            is_time: figure.unit() == Unit::Micros,
            tolerance,
            base,
            new,
            change,
            p: None,
            state: State::Unknown,
        }
    }

    fn are_known(&self) -> bool {
        !self.base.is_empty() && !self.new.is_empty()
    }
}

fn gated(bases: &[&Report], news: &[&Report], gates: &[Gate]) -> Vec<Row> {
    let sides: Vec<Sides> = gates
        .iter()
        .map(|gate| Sides { base: values(&gate.figure, bases), new: values(&gate.figure, news) })
        .collect();
    let higher: Vec<f64> = sides.iter().map(|sides| p_higher(&sides.base, &sides.new)).collect();
    let lower: Vec<f64> = sides.iter().map(|sides| p_higher(&sides.new, &sides.base)).collect();
    // Only figures that both sides have are looks at chance.
    let known: Vec<usize> = (0..sides.len()).filter(|at| sides[*at].are_known()).collect();
    let adjusted = |ps: &[f64]| {
        let looked: Vec<f64> = known.iter().map(|at| ps[*at]).collect();
        let mut all = vec![1.0; ps.len()];
        for (at, p) in known.iter().zip(holm(&looked)) {
            all[*at] = p;
        }
        all
    };
    let (higher, lower) = (adjusted(&higher), adjusted(&lower));
    let judged = gates.iter().zip(&sides).zip(higher.iter().zip(&lower));
    judged
        .map(|((gate, sides), (higher, lower))| {
            let mut row = sides.row(&gate.figure, Some(gate.tolerance));
            let enough = can_decide(sides.base.len(), sides.new.len(), known.len());
            row.p = (enough && sides.are_known()).then_some(*higher);
            let missed = bases.len() - sides.base.len();
            row.state = gate.state(&row, *lower, missed, news.is_empty());
            row
        })
        .collect()
}

impl Gate {
    /// What is said of a figure, from its row so far, the probability that it is as low by chance, the
    /// runs of the base that don't have it, and whether no run of the new side counts.
    fn state(&self, row: &Row, p_lower: f64, missed: usize, none: bool) -> State {
        let (base, new) = match (&row.base, &row.new) {
            (Some(base), Some(new)) => (base, new),
            (Some(_), None) if none => return State::Inconclusive,
            // A percentile that some runs of the base had too few samples for may be missing by chance.
            (Some(_), None) if missed > 0 => return State::Inconclusive,
            (Some(_), None) => return State::Gone,
            (None, _) => return State::Unknown,
        };
        let by = new.median - base.median;
        let exceeds = |times| self.tolerance.is_exceeded(base.median, by, times);
        let Some(p) = row.p else {
            let spread = base.relative().max(LEAST_SPREAD);
            let far = exceeds(2.0) && by > base.median * spread;
            return if far { State::WorseCoarsely } else { State::Inconclusive };
        };
        match (is_shown(p), exceeds(1.0)) {
            (true, true) => State::Worse,
            (true, false) => State::Higher,
            (false, true) => State::Unclear,
            (false, false) if is_shown(p_lower) => State::Lower,
            (false, false) => State::Same,
        }
    }
}

/// Names of figures that are told beside those that decide.
pub(super) fn told_beside(gates: &[Gate]) -> Vec<Figure> {
    let decides = |name: &&&str| gates.iter().any(|gate| gate.figure.name == **name);
    let others = TOLD.iter().filter(|name| !decides(name));
    others.filter_map(|name| Figure::parse(name).ok()).collect()
}

/// Figures that decide nothing: whether they differ at all, in either direction.
fn told(bases: &[&Report], news: &[&Report], gates: &[Gate]) -> Vec<Row> {
    let sides: Vec<(Figure, Sides)> = told_beside(gates)
        .into_iter()
        .map(|figure| {
            let sides = Sides { base: values(&figure, bases), new: values(&figure, news) };
            (figure, sides)
        })
        .filter(|(_, sides)| sides.are_known())
        .collect();
    // By ranks, as the probability is: medians may be equal all the same.
    let either = |(_, sides): &(Figure, Sides)| {
        let higher = p_higher(&sides.base, &sides.new);
        let lower = p_higher(&sides.new, &sides.base);
        let way = if higher < lower { State::Higher } else { State::Lower };
        ((2.0 * higher.min(lower)).min(1.0), way)
    };
    let (ps, ways): (Vec<f64>, Vec<State>) = sides.iter().map(either).unzip();
    let looks = 2 * sides.len();
    sides
        .iter()
        .zip(holm(&ps).into_iter().zip(ways))
        .map(|((figure, sides), (p, way))| {
            let mut row = sides.row(figure, None);
            let enough = can_decide(sides.base.len(), sides.new.len(), looks);
            row.p = enough.then_some(p);
            row.state = match (enough, is_shown(p)) {
                (false, _) => State::Inconclusive,
                (true, true) => way,
                (true, false) => State::Same,
            };
            row
        })
        .collect()
}

#[cfg(test)]
mod tests;
