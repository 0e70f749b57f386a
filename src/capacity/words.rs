//! The answer in words: what every rendering says alike.

use super::ended::Ended;
use super::model::{Capacity, Goal, Outcome, State, Trial, Whose};
use crate::report::Exit;
use crate::scenario::Grow;
use crate::search::{Estimate, Why};
use crate::units::format::{count, counted, duration_us, number, percent, seconds};

/// A load to three digits: `3,400`. More would be more than is known.
#[must_use]
pub(super) fn figure(load: f64) -> String {
    let digits = load.abs().max(1.0).log10().floor() as i32;
    let step = 10_f64.powi((digits - 2).max(0));
    number((load / step).round() * step)
}

/// `3,400 people`, `12,000 messages/s`.
#[must_use]
pub fn load_words(grow: Grow, load: f64) -> String {
    format!("{} {}", figure(load), unit(grow))
}

fn unit(grow: Grow) -> &'static str {
    match grow {
        Grow::Clients => "people",
        Grow::Rate => "messages/s",
    }
}

/// The answer in one sentence.
pub(super) fn sentence(capacity: &Capacity, ended: &Ended) -> String {
    let Capacity { goal, answer, limit, .. } = capacity;
    let of = |load: f64| load_words(goal.grow, load);
    let people = match (&*capacity.people, goal.grow) {
        ("", _) => String::new(),
        (people, Grow::Clients) => format!(" {people}"),
        (people, Grow::Rate) => format!(" of {people}"),
    };
    let what = limit.as_ref().map(|limit| limit.what.clone()).unwrap_or_default();
    let told = match (capacity.verdict.state, answer) {
        (State::Carries | State::Wide, Some(answer)) if answer.low == answer.high => {
            format!("{}{people}; the server turns away who comes beyond", of(answer.load))
        }
        (State::Carries | State::Wide, Some(answer)) => format!(
            "{}{people} ({} sure: {} to {})",
            of(answer.load),
            percent(answer.sure),
            figure(answer.low),
            figure(answer.high)
        ),
        (State::AtLeast, Some(answer)) => {
            let whose = match limit.as_ref().map(|limit| limit.whose) {
                Some(Whose::Uproar) => "uproar was the limit: ",
                _ => "",
            };
            format!("{}{people}: {whose}{what}", of(answer.load))
        }
        (State::LessThan, _) => format!("{}{people}: even those fail", of(goal.from)),
        (State::NotRecovered, _) => match limit.as_ref().and_then(|limit| limit.at) {
            Some(at) => format!("the server did not recover from {}: {what}", of(at)),
            None => format!("the server did not recover: {what}"),
        },
        (State::Unreachable, _) => match ended {
            Ended::Unreachable(why) => why.clone(),
            _ => "no client ever joined".to_owned(),
        },
        (_, answer) => {
            let why = match ended {
                Ended::Broken { exit: Exit::Interrupted | Exit::Terminated, .. } => "stopped",
                Ended::Broken { why, .. } => why,
                _ if !what.is_empty() => &what,
                _ => "no trial counts yet",
            };
            match answer {
                Some(answer) => {
                    format!("{why}; so far between {} and {}", figure(answer.low), of(answer.high))
                }
                None => format!("{why} before anything is known"),
            }
        }
    };
    match gate(goal, capacity) {
        Some(gate) => format!("{told}; {gate}"),
        None => told,
    }
}

/// What became of `at_least`.
fn gate(goal: &Goal, capacity: &Capacity) -> Option<String> {
    let least = goal.at_least?;
    let answer = capacity.answer.as_ref()?;
    let asked = load_words(goal.grow, least);
    Some(match capacity.verdict.exit_code {
        0 => format!("at least {asked} were asked for"),
        1 => format!("at least {asked} were asked for, and that is more"),
        3 if answer.low < least => format!("whether it is at least {asked} is not known"),
        _ => return None,
    })
}

/// `at 3,800 delivery.p99 was 412 ms, limit 250 ms (from 6 s on)`.
fn gave_way(capacity: &Capacity) -> Option<String> {
    let of = capacity.gave_way.as_ref()?;
    let since = of.at_s.map_or(String::new(), |at_s| format!(" (from {} on)", seconds(at_s)));
    Some(format!("at {} {}{since}", figure(of.load), of.what))
}

/// What was full, or how people were turned away.
fn first_to_give_way(capacity: &Capacity) -> Option<String> {
    let of = capacity.gave_way.as_ref()?;
    let told: Vec<String> = [of.refused.clone(), of.full.clone()].into_iter().flatten().collect();
    if told.is_empty() {
        return Some(match (capacity.watched, capacity.serves_per_s) {
            (true, Some(per_s)) => format!(
                "the built-in server was told to deliver {} a second and no more",
                number(per_s)
            ),
            (true, None) => "none of what uproar sees was full".to_owned(),
            (false, _) => {
                "what was full is not known: name the server's process, --watch port=8080"
                    .to_owned()
            }
        });
    }
    Some(told.join("; "))
}

/// `26 trials in 8 m 40 s; uproar itself used 31 % of a core`.
fn effort(capacity: &Capacity) -> String {
    let made = capacity.trials.len() as u64;
    let invalid = capacity.trials.iter().filter(|trial| trial.outcome == Outcome::Invalid).count();
    let invalid = match invalid {
        0 => String::new(),
        n => format!(", {} of them not to be trusted", count(n as u64)),
    };
    let took = seconds(capacity.took_s.round());
    let mut text = format!("{}{invalid} in {took}", counted(made, "trial"));
    let near = capacity.answer.as_ref().map_or(0.0, |answer| answer.load);
    let by_nearness =
        |a: &&Trial, b: &&Trial| (a.load - near).abs().total_cmp(&(b.load - near).abs());
    let cores = capacity.trials.iter().min_by(by_nearness).and_then(|trial| trial.uproar_cores);
    if let Some(cores) = cores {
        text.push_str(&format!("; uproar itself used {} of a core there", percent(cores)));
    }
    text
}

/// `confirmed at 3,250 by 7 of 7 trials (79 % sure)`.
fn confirmed(capacity: &Capacity) -> Option<String> {
    let of = capacity.answer.as_ref()?.confirmed;
    (of.of > 0).then(|| {
        let (at, strength) = (figure(of.load), percent(of.strength));
        let trials = counted(of.of, "trial");
        format!("confirmed at {at} by {} of {trials} ({strength} sure)", of.passed)
    })
}

/// What every rendering says below the answer.
pub(super) fn lines(capacity: &Capacity) -> Vec<String> {
    let first = first_to_give_way(capacity).map(|what| format!("first to give way: {what}"));
    let remedy = capacity.limit.as_ref().filter(|limit| !limit.remedy.is_empty());
    let remedy = remedy.map(|limit| match limit.whose {
        Whose::Uproar => format!("for more: {}", limit.remedy),
        Whose::Plan => format!("{}: {}", limit.what, limit.remedy),
        Whose::Server => limit.remedy.clone(),
    });
    let told = [gave_way(capacity), first, confirmed(capacity), remedy, Some(effort(capacity))];
    told.into_iter().flatten().collect()
}

/// What became of a trial and what is known by then: one line while the search goes on.
#[must_use]
pub fn progress(goal: &Goal, trial: &Trial, known: Option<Estimate>, left_s: f64) -> String {
    let outcome = match trial.outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "FAILED",
        Outcome::Unreachable => "NOBODY IN",
        Outcome::Invalid => "not to be trusted",
    };
    let p99 = trial.delivery_p99_us.map_or("-".to_owned(), duration_us);
    let load = load_words(goal.grow, trial.load);
    let mut line = format!("trial {}: {load} {outcome}, p99 {p99}", trial.number);
    if let Some(known) = known {
        line.push_str(&format!("  {} to {}", figure(known.low), figure(known.high)));
    }
    line.push_str(&format!("  at most {} left", seconds(left_s.round())));
    line
}

/// What a trial is made for.
#[must_use]
pub fn reason(why: Why) -> &'static str {
    match why {
        Why::Climb => "climbing",
        Why::Narrow => "narrowing",
        Why::Confirm => "confirming",
    }
}
