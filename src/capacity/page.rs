//! `capacity.html`: the answer, and what was measured over the load, as one page.

use super::model::{Capacity, Outcome, State, Trial};
use super::words::{figure, lines};
use crate::report::condition::upper_limit_us;
use crate::report::html::{Chart, ChartUnit, Dot, DotKind, Part, Sheet, to_sheet};
use crate::scenario::Grow;
use crate::units::format::{UNKNOWN, duration_us, number, percent, rate};

const COLUMNS: [&str; 9] =
    [">trial", ">load", "came to", ">p50", ">p99", ">lost", ">delivered", ">server's cores", "why"];

/// The search as HTML.
#[must_use]
pub fn to_html(capacity: &Capacity) -> String {
    let look = match (capacity.verdict.state, capacity.verdict.exit_code) {
        (State::Carries | State::Wide | State::AtLeast, 0) => "good",
        (State::Unfinished, _) => "plain",
        (_, 3) => "warn",
        _ => "bad",
    };
    let why = Part { heading: "Why".to_owned(), remarks: lines(capacity), ..Part::default() };
    let over =
        Part { heading: "Over the load".to_owned(), charts: charts(capacity), ..Part::default() };
    let trials = Part {
        heading: "Trials".to_owned(),
        columns: &COLUMNS,
        rows: capacity.trials.iter().map(cells).collect(),
        remarks: vec![format!(
            "Each is a run with a report of its own, in the folder of its number beside this page. {} of \
             them have to pass at a load that is carried.",
            percent(capacity.goal.chance)
        )],
        ..Part::default()
    };
    to_sheet(&Sheet {
        look,
        word: capacity.verdict.state.word().to_owned(),
        title: match &*capacity.scenario.question {
            "" => format!("How many does it carry? {}", capacity.scenario.name),
            question => question.to_owned(),
        },
        sentence: capacity.verdict.sentence.clone(),
        parts: vec![why, over, trials],
    })
}

/// A trial's cells, as the page and Markdown show them.
pub(super) fn cells(trial: &Trial) -> Vec<String> {
    let unknown = || UNKNOWN.to_owned();
    vec![
        trial.number.to_string(),
        figure(trial.load),
        word(trial.outcome).to_owned(),
        trial.delivery_p50_us.map_or_else(unknown, duration_us),
        trial.delivery_p99_us.map_or_else(unknown, duration_us),
        trial.lost_share.map_or_else(unknown, percent),
        trial.delivered_per_s.map_or_else(unknown, |per_s| rate(per_s, "msg")),
        trial.server_cores.map_or_else(unknown, number),
        if trial.outcome == Outcome::Passed { String::new() } else { trial.why.clone() },
    ]
}

pub(super) fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Unreachable => "nobody got in",
        Outcome::Invalid => "not to be trusted",
    }
}

fn charts(capacity: &Capacity) -> Vec<Chart> {
    let chart = |title: &str, note: &str, unit, y: fn(&Trial) -> Option<f64>, limit| Chart {
        title: title.to_owned(),
        note: match &capacity.answer {
            Some(answer) => format!(
                "{note}; shaded: {} to {}, {} sure",
                figure(answer.low),
                figure(answer.high),
                percent(answer.sure)
            ),
            None => note.to_owned(),
        },
        x_title: match capacity.goal.grow {
            Grow::Clients => "people (log scale)",
            Grow::Rate => "messages a second (log scale)",
        },
        unit,
        band: capacity.answer.as_ref().map(|answer| (answer.low, answer.high, String::new())),
        limit,
        dots: dots(capacity, y),
    };
    let all = [
        chart(
            "99th of 100 deliveries",
            "from due, of each trial (log scale)",
            ChartUnit::Latency,
            |trial| trial.delivery_p99_us.map(|us| us as f64),
            limit(capacity, "delivery.p99"),
        ),
        chart(
            "Median delivery",
            "from due, of each trial (log scale)",
            ChartUnit::Latency,
            |trial| trial.delivery_p50_us.map(|us| us as f64),
            limit(capacity, "delivery.p50"),
        ),
        chart("Lost", "of what was expected", ChartUnit::Percent, |trial| trial.lost_share, None),
        chart(
            "The built-in server's cores",
            "used, on average over the whole trial, its ramp included",
            ChartUnit::Number,
            |trial| trial.server_cores,
            None,
        ),
        chart(
            "Cores that uproar used itself",
            "on average over the whole trial",
            ChartUnit::Number,
            |trial| trial.uproar_cores,
            None,
        ),
    ];
    // What is 0 throughout is told by the table.
    let says = |chart: &Chart| chart.dots.iter().flat_map(|(.., dots)| dots).any(|dot| dot.y > 0.0);
    all.into_iter().filter(says).collect()
}

/// A threshold on a latency, as far as the scenario has it.
fn limit(capacity: &Capacity, metric: &str) -> Option<(f64, String)> {
    let (_, condition) = capacity.thresholds.iter().find(|(name, _)| name == metric)?;
    let (us, text) = upper_limit_us(condition)?;
    Some((us, format!("limit {text}")))
}

fn dots(capacity: &Capacity, y: fn(&Trial) -> Option<f64>) -> Vec<(DotKind, String, Vec<Dot>)> {
    let kinds = [
        (DotKind::Good, Outcome::Passed),
        (DotKind::Bad, Outcome::Failed),
        (DotKind::Bad, Outcome::Unreachable),
        (DotKind::Plain, Outcome::Invalid),
    ];
    let of = |outcome| {
        let trials = capacity.trials.iter().filter(move |trial| trial.outcome == outcome);
        let dot = |trial: &Trial| {
            let p99 = trial.delivery_p99_us.map_or(UNKNOWN.to_owned(), duration_us);
            let told = format!("{}, p99 {p99}", word(trial.outcome));
            let lines = vec![format!("trial {}: {}", trial.number, figure(trial.load)), told];
            Some(Dot { x: trial.load, y: y(trial)?, lines })
        };
        trials.filter_map(dot).collect::<Vec<_>>()
    };
    kinds.map(|(kind, outcome)| (kind, word(outcome).to_owned(), of(outcome))).into()
}
