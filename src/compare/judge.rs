//! Two sides of runs, figure by figure.
//!
//! With at least [`ENOUGH`] runs a side a figure is worse if its ranks say so (5 % for the whole
//! comparison) and its medians differ by more than the tolerance. With fewer nothing can be shown:
//! only what is beyond twice the tolerance and beyond the base's own spread is called worse, and
//! labelled coarse.

use serde::Serialize;

use super::rank::{holm, p_higher};
use super::value::of;
use crate::gate::{Figure, Tolerance, Unit};
use crate::report::{Report, ValidityState};

/// Runs of a side from which ranks can show anything: with four of each, one split in 70 is as
/// uneven as can be.
const ENOUGH: usize = 4;
/// How often a comparison of equals may call something worse.
const LEVEL: f64 = 0.05;
/// What runs are taken to differ by at least, where too few of them tell.
const LEAST_SPREAD: f64 = 0.25;

/// The runs of one side.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    /// What it is called.
    pub name: String,
    /// At least one.
    pub reports: Vec<Report>,
}

/// A figure that decides, and how much it may change.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Which.
    pub figure: Figure,
    /// How much.
    pub tolerance: Tolerance,
}

/// What is told beside the figures that decide. p99.9 and the largest move from run to run by
/// themselves, and what a delivery costs only says something on an idle machine.
const TOLD: [&str; 5] = ["delivery.p50", "delivery.p99", "generator.cpu", "server.cpu", "bytes"];

/// What decides where nobody says otherwise, and how much it may change.
const DELIVERIES: [(&str, &str); 2] = [("delivery.p50", "10%, 20us"), ("delivery.p99", "10%, 2ms")];
const PUSHES: [(&str, &str); 2] = [("push.p50", "10%, 1ms"), ("push.p99", "10%, 5ms")];

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

/// What may be compared although it differs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Runs of different plans.
    pub any_plan: bool,
    /// Runs of different machines decide, instead of only telling.
    pub any_host: bool,
}

/// What a figure's runs gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Runs that have it.
    pub runs: usize,
    /// The smallest.
    pub min: f64,
    /// The middle one, or between the two middle ones.
    pub median: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let half = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[half]
        } else {
            (sorted[half - 1] + sorted[half]) / 2.0
        };
        Some(Self { runs: sorted.len(), min, median, max })
    }

    /// How far runs lie apart, as a share of their median; 0 where that is 0.
    #[must_use]
    pub fn relative(&self) -> f64 {
        if self.median > 0.0 { (self.max - self.min) / self.median } else { 0.0 }
    }
}

/// What is said of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Worse, beyond its tolerance: the comparison fails.
    Worse,
    /// The base has it and the new side has not: the comparison fails.
    Gone,
    /// Too few runs to show anything, and far beyond what runs differ by: the comparison fails.
    WorseCoarsely,
    /// Higher than chance has it, and within its tolerance; or a figure that decides nothing.
    Higher,
    /// Lower than chance has it.
    Lower,
    /// No real difference.
    Same,
    /// Beyond its tolerance, which may be chance.
    Unclear,
    /// Too few runs to show anything.
    Inconclusive,
    /// No side has it, or only the new one.
    Unknown,
}

impl State {
    /// Whether it makes the comparison fail.
    #[must_use]
    pub fn fails(self) -> bool {
        matches!(self, Self::Worse | Self::Gone | Self::WorseCoarsely)
    }
}

/// One figure of both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub figure: String,
    /// Whether it is a time in microseconds, or else a number.
    pub is_time: bool,
    /// Whether it decides, and within which tolerance.
    pub tolerance: Option<Tolerance>,
    /// Of the base.
    pub base: Option<Spread>,
    /// Of the new side.
    pub new: Option<Spread>,
    /// How much the medians differ, as a share of the base's; `None` where that is 0.
    pub change: Option<f64>,
    /// The probability of this by chance, as Holm counts it; `None` with too few runs.
    pub p: Option<f64>,
    /// What is said of it.
    pub state: State,
}

/// Two sides compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What the base is called.
    pub base: String,
    /// What the new side is called.
    pub new: String,
    /// Figures that decide, then those that are only told.
    pub rows: Vec<Row>,
    /// Why it decides nothing, if it doesn't.
    pub advisory: Option<String>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

impl Comparison {
    /// Whether something is worse, and that decides.
    #[must_use]
    pub fn is_regressed(&self) -> bool {
        self.advisory.is_none() && self.rows.iter().any(|row| row.state.fails())
    }

    /// Whether there were too few runs to show anything.
    #[must_use]
    pub fn is_coarse(&self) -> bool {
        self.rows.iter().any(|row| matches!(row.state, State::Inconclusive | State::WorseCoarsely))
    }
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
    let mut notes = Vec::new();
    let (bases, news) = (trusted(base, &mut notes)?, trusted(new, &mut notes)?);
    let Some(first) = bases.first() else {
        return Err((format!("`{}` has no run", base.name), String::new()));
    };
    let others = bases.iter().chain(&news).find_map(|report| differs(first, report));
    if let Some(why) = others {
        if !options.any_plan {
            return Err((
                format!("the runs are of different plans: {why}"),
                "their figures say nothing about each other; --any-plan compares them all the same"
                    .to_owned(),
            ));
        }
        notes.push(format!("the runs are of different plans: {why}"));
    }
    let strange = news.iter().find(|report| report.host.fingerprint != first.host.fingerprint);
    let advisory = strange.filter(|_| !options.any_host).map(|report| {
        format!(
            "the base was measured on another machine ({} and {}): this only tells; --any-host \
             makes it decide",
            first.host.hostname, report.host.hostname
        )
    });
    let enough = bases.len() >= ENOUGH && news.len() >= ENOUGH;
    if !enough {
        notes.push(format!(
            "too few runs to show a small change: {} and {}, {ENOUGH} a side are needed",
            bases.len(),
            news.len()
        ));
    }
    let mut rows = gated(&bases, &news, gates, enough);
    rows.extend(told(&bases, &news, gates, enough));
    Ok(Comparison { base: base.name.clone(), new: new.name.clone(), rows, advisory, notes })
}

/// The runs whose figures can be trusted.
fn trusted<'a>(
    runs: &'a Runs,
    notes: &mut Vec<String>,
) -> Result<Vec<&'a Report>, (String, String)> {
    let is_valid = |report: &&Report| report.validity.state != ValidityState::Invalid;
    let valid: Vec<_> = runs.reports.iter().filter(is_valid).collect();
    let left_out = runs.reports.len() - valid.len();
    if valid.is_empty() {
        return Err((
            format!("none of the {left_out} runs of `{}` is valid", runs.name),
            "the generator was the bottleneck: their validity says of what".to_owned(),
        ));
    }
    if left_out > 0 {
        notes.push(format!("{left_out} runs of `{}` are invalid and left out", runs.name));
    }
    let suspect =
        valid.iter().filter(|report| report.validity.state == ValidityState::Suspect).count();
    if suspect > 0 {
        notes.push(format!("{suspect} of {} runs of `{}` are suspect", valid.len(), runs.name));
    }
    Ok(valid)
}

/// What two runs' plans differ in, apart from server and codec.
fn differs(one: &Report, other: &Report) -> Option<String> {
    let differ = |what: &str, a: &str, b: &str| (a != b).then(|| format!("{what} {a} and {b}"));
    let cohorts = |report: &Report| {
        let each = report.cohorts.iter().map(|of| format!("{} x {}", of.clients, of.name));
        each.collect::<Vec<_>>().join(", ")
    };
    let phases = |report: &Report| {
        let each = report.phases.iter().map(|of| format!("{} {} s", of.name, of.duration_s));
        each.collect::<Vec<_>>().join(", ")
    };
    differ("scenario", &one.scenario.name, &other.scenario.name)
        .or_else(|| differ("load", &one.plan.headline, &other.plan.headline))
        .or_else(|| differ("clients", &one.plan.description, &other.plan.description))
        .or_else(|| differ("cohorts", &cohorts(one), &cohorts(other)))
        .or_else(|| differ("phases", &phases(one), &phases(other)))
        .or_else(|| differ("protocol", &one.target.protocol, &other.target.protocol))
        .or_else(|| differ("seed", &one.seed.to_string(), &other.seed.to_string()))
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
            is_time: figure.unit() == Unit::Micros,
            tolerance,
            base,
            new,
            change,
            p: None,
            state: State::Unknown,
        }
    }
}

fn gated(bases: &[&Report], news: &[&Report], gates: &[Gate], enough: bool) -> Vec<Row> {
    let sides: Vec<Sides> = gates
        .iter()
        .map(|gate| Sides { base: values(&gate.figure, bases), new: values(&gate.figure, news) })
        .collect();
    let ps: Vec<f64> = sides.iter().map(|sides| p_higher(&sides.base, &sides.new)).collect();
    let adjusted = holm(&ps);
    gates
        .iter()
        .zip(&sides)
        .zip(adjusted)
        .map(|((gate, sides), p)| {
            let mut row = sides.row(&gate.figure, Some(gate.tolerance));
            row.p = (enough && row.base.is_some() && row.new.is_some()).then_some(p);
            row.state = gate.state(sides, &row);
            row
        })
        .collect()
}

impl Gate {
    fn state(&self, sides: &Sides, row: &Row) -> State {
        let (base, new) = match (&row.base, &row.new) {
            (Some(base), Some(new)) => (base, new),
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
        match (p <= LEVEL, exceeds(1.0)) {
            (true, true) => State::Worse,
            (true, false) => State::Higher,
            (false, true) => State::Unclear,
            (false, false) if p_higher(&sides.new, &sides.base) <= LEVEL => State::Lower,
            (false, false) => State::Same,
        }
    }
}

/// Figures that decide nothing: whether they differ at all, in either direction.
fn told(bases: &[&Report], news: &[&Report], gates: &[Gate], enough: bool) -> Vec<Row> {
    let decides = |name: &&str| gates.iter().any(|gate| gate.figure.name == **name);
    let figures: Vec<Figure> = TOLD
        .iter()
        .filter(|name| !decides(name))
        .filter_map(|name| Figure::parse(name).ok())
        .collect();
    let sides: Vec<(Figure, Sides)> = figures
        .into_iter()
        .map(|figure| {
            let sides = Sides { base: values(&figure, bases), new: values(&figure, news) };
            (figure, sides)
        })
        .filter(|(_, sides)| !sides.base.is_empty() && !sides.new.is_empty())
        .collect();
    let either = |(_, sides): &(Figure, Sides)| {
        let higher = p_higher(&sides.base, &sides.new);
        let lower = p_higher(&sides.new, &sides.base);
        (2.0 * higher.min(lower)).min(1.0)
    };
    let adjusted = holm(&sides.iter().map(either).collect::<Vec<_>>());
    sides
        .iter()
        .zip(adjusted)
        .map(|((figure, sides), p)| {
            let mut row = sides.row(figure, None);
            row.p = enough.then_some(p);
            row.state = match (&row.base, &row.new) {
                _ if !enough => State::Inconclusive,
                (Some(base), Some(new)) if p <= LEVEL => {
                    if new.median > base.median {
                        State::Higher
                    } else {
                        State::Lower
                    }
                }
                _ => State::Same,
            };
            row
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Metric;
    use crate::report::Latency;

    fn runs(name: &str, p50s: &[u64]) -> Runs {
        let report = |p50: &u64| {
            let mut report = Report::default();
            let latency = Latency { p50: Some(*p50), ..Latency::default() };
            report.latency.insert(Metric::Delivery, latency);
            report
        };
        Runs { name: name.to_owned(), reports: p50s.iter().map(report).collect() }
    }

    fn gate(name: &str, tolerance: &str) -> Gate {
        let figure = Figure::parse(name).unwrap();
        let tolerance = Tolerance::parse(tolerance, figure.unit()).unwrap();
        Gate { figure, tolerance }
    }

    fn state(base: &[u64], new: &[u64]) -> State {
        let gates = [gate("delivery.p50", "10%, 20us")];
        let compared = compare(&runs("a", base), &runs("b", new), &gates, Options::default());
        compared.unwrap().rows[0].state
    }

    #[test]
    fn states_in_a_table() {
        let base = [300, 310, 290, 305, 295];
        for (new, expected) in [
            (&[400, 390, 395, 410, 405][..], State::Worse),
            (&[318, 320, 316, 319, 317], State::Higher),
            (&[301, 309, 291, 304, 296], State::Same),
            (&[200, 210, 190, 205, 195], State::Lower),
            // One slow run of five is chance.
            (&[301, 309, 291, 304, 900], State::Same),
            // Beyond the tolerance by the median, and no more than chance has it.
            (&[200, 340, 345, 200, 346], State::Unclear),
        ] {
            assert_eq!(state(&base, new), expected, "{new:?}");
        }
    }

    #[test]
    fn with_few_runs_only_the_far_is_worse() {
        for (base, new, expected) in [
            (&[300][..], &[390][..], State::WorseCoarsely),
            (&[300], &[370], State::Inconclusive),
            (&[300, 200, 400], &[390], State::Inconclusive),
            (&[300, 310, 290, 305, 295], &[390], State::WorseCoarsely),
        ] {
            assert_eq!(state(base, new), expected, "{base:?} {new:?}");
        }
        let gates = [gate("delivery.p50", "10%, 20us")];
        let compared =
            compare(&runs("a", &[300]), &runs("b", &[390]), &gates, Options::default()).unwrap();
        assert!(compared.is_coarse() && compared.is_regressed());
        assert_eq!(compared.rows[0].p, None);
    }

    #[test]
    fn a_figure_that_is_gone_fails_and_one_that_never_was_does_not() {
        let mut gone = runs("b", &[300; 4]);
        gone.reports.iter_mut().for_each(|report| report.latency.clear());
        let gates = [gate("delivery.p50", "10%"), gate("join.p50", "10%")];
        let base = runs("a", &[300; 4]);
        let compared = compare(&base, &gone, &gates, Options::default()).unwrap();
        assert_eq!((compared.rows[0].state, compared.rows[1].state), (State::Gone, State::Unknown));
        assert!(compared.is_regressed());
    }

    #[test]
    fn other_plans_are_refused_and_other_machines_only_tell() {
        let gates = [gate("delivery.p50", "10%, 20us")];
        let (base, mut new) = (runs("a", &[300; 5]), runs("b", &[500; 5]));
        new.reports[2].host.fingerprint = "other".to_owned();
        let compared = compare(&base, &new, &gates, Options::default()).unwrap();
        assert!(compared.advisory.is_some() && !compared.is_regressed());
        let decides = Options { any_host: true, ..Options::default() };
        assert!(compare(&base, &new, &gates, decides).unwrap().is_regressed());

        new.reports[3].scenario.name = "other".to_owned();
        let (why, _) = compare(&base, &new, &gates, decides).unwrap_err();
        assert!(why.contains("different plans"), "{why}");
        let any = Options { any_plan: true, any_host: true };
        assert!(compare(&base, &new, &gates, any).unwrap().is_regressed());
    }

    #[test]
    fn invalid_runs_are_left_out() {
        let gates = [gate("delivery.p50", "10%, 20us")];
        let (base, mut new) = (runs("a", &[300; 5]), runs("b", &[300, 300, 300, 300, 9_000]));
        new.reports[4].validity.state = ValidityState::Invalid;
        let compared = compare(&base, &new, &gates, Options::default()).unwrap();
        assert_eq!(compared.rows[0].new.as_ref().unwrap().max, 300.0);
        assert!(
            compared.notes.iter().any(|note| note.contains("left out")),
            "{:?}",
            compared.notes
        );
        new.reports.iter_mut().for_each(|report| report.validity.state = ValidityState::Invalid);
        assert!(compare(&base, &new, &gates, Options::default()).is_err());
    }
}
