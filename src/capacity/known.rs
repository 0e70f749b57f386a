//! What is known by the trials so far: the answer, whose limit it is, and what gave way first. Decides how
//! the search ended and the exit code; makes no text but its one sentence's parts.

use super::ended::Ended;
use super::model::{
    Answer, Capacity, Confirmed, GaveWay, Goal, Limit, Outcome, State, Trial, Verdict, Whose,
};
use super::words::sentence;
use crate::report::Exit;
use crate::scenario::Grow;
use crate::search::{self, Found, SURE, Search};

/// Trials that pass at a limit by which the server turned others away.
const PASSES_AT_LIMIT: usize = 3;
/// And those that were turned away there.
const REFUSALS: usize = 2;

/// A number of people above which the server turns them away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Door {
    /// How many it lets in.
    pub load: f64,
    /// Where to look next; `None` where it is known.
    pub next: Option<f64>,
}

/// Whether trials were turned away at one and the same number of people: then that is the answer, and no
/// distribution.
#[must_use]
pub fn door(goal: &Goal, trials: &[Trial]) -> Option<Door> {
    if goal.grow != Grow::Clients {
        return None;
    }
    let let_in = |trial: &Trial| trial.gave_way.as_ref()?.let_in.map(|n| n as f64);
    let refused: Vec<f64> = trials.iter().filter_map(let_in).filter(|n| *n >= goal.from).collect();
    let load = *refused.last()?;
    let lets_in = |n: &&f64| **n == load;
    // A server that turns away now so many and now so many has no such number.
    if refused.iter().rev().take(REFUSALS).any(|n| *n != load) {
        return None;
    }
    let at = trials.iter().filter(|trial| trial.load == load);
    let (passed, others): (Vec<_>, Vec<_>) = at.partition(|trial| trial.outcome == Outcome::Passed);
    if !others.is_empty() {
        return None;
    }
    let next = if passed.len() < PASSES_AT_LIMIT {
        Some(load)
    } else if refused.iter().filter(lets_in).count() < REFUSALS {
        // One more than it lets in, or what is as good: few of many are easily overlooked.
        Some((load * 1.02).ceil().max(load + 1.0))
    } else {
        None
    };
    Some(Door { load, next })
}

/// The load that the answer is under with a chance of 5 %, 10 %, ... 95 %.
fn shares() -> Vec<f64> {
    (1..20).map(|n| f64::from(n) * 0.05).collect()
}

/// As it is written down.
fn written(made: search::Confirmed, chance: f64) -> Confirmed {
    let (passed, of) = (made.passed as u64, made.of as u64);
    Confirmed { load: made.load, passed, of, strength: made.strength(chance) }
}

/// `door` is a number of people that is known to be let in and no more.
fn answer(goal: &Goal, search: &Search, trials: &[Trial], door: Option<f64>) -> Option<Answer> {
    if search.made().is_empty() {
        return None;
    }
    let estimate = search.estimate();
    let of_search = Answer {
        load: estimate.load,
        low: estimate.low,
        high: estimate.high,
        sure: SURE,
        confirmed: written(search.confirmed(), goal.chance),
        quantiles: search.quantiles(&shares()),
    };
    let Some(load) = door else { return Some(of_search) };
    // All of them passed, or there were no door.
    let passed = trials.iter().filter(|trial| trial.load == load).count();
    let confirmed = written(search::Confirmed { load, passed, of: passed }, goal.chance);
    Some(Answer { load, low: load, high: load, confirmed, quantiles: vec![load; 19], ..of_search })
}

/// The lowest load that failed, of those that say something: not one far below what passes otherwise.
fn gave_way(answer: Option<&Answer>, trials: &[Trial]) -> Option<GaveWay> {
    let least = answer.map_or(0.0, |answer| answer.low);
    let failed = trials.iter().filter_map(|trial| trial.gave_way.as_ref());
    let mut over: Vec<_> = failed.filter(|of| of.load >= least).collect();
    over.sort_by(|a, b| a.load.total_cmp(&b.load));
    over.first().map(|first| (*first).clone())
}

/// Fills in what is known by the search and the trials, and how it ended. `limit` is what was met on the
/// way that is not the server's.
pub fn conclude(capacity: &mut Capacity, search: &Search, ended: &Ended, limit: Option<&Limit>) {
    let goal = capacity.goal.clone();
    let door = door(&goal, &capacity.trials).filter(|door| door.next.is_none());
    capacity.answer = answer(&goal, search, &capacity.trials, door.map(|door| door.load));
    capacity.gave_way = gave_way(capacity.answer.as_ref(), &capacity.trials);
    let is_narrow = search.estimate().width() <= goal.within;
    let state = match ended {
        Ended::Found(_) | Ended::TimeUp if door.is_some() => State::Carries,
        Ended::Found(Found::Between) => State::Carries,
        Ended::Found(Found::AtLeast) => State::AtLeast,
        Ended::Found(Found::LessThan) => State::LessThan,
        Ended::Found(Found::Changed) | Ended::NotRecovered { .. } => State::NotRecovered,
        Ended::Found(Found::Open) | Ended::TimeUp if search.made().is_empty() => State::Unfinished,
        // Narrow, and not made sure of as often as was meant to be.
        Ended::TimeUp | Ended::Found(Found::Open) if is_narrow => State::Carries,
        Ended::Found(Found::Open) | Ended::TimeUp => {
            match search.made().iter().any(|it| !it.passed) {
                true => State::Wide,
                false => State::AtLeast,
            }
        }
        Ended::Unreachable(_) => State::Unreachable,
        Ended::NotYet | Ended::Broken { .. } => State::Unfinished,
    };
    if state == State::AtLeast
        && let (Some(answer), Some(passed)) = (&mut capacity.answer, search.highest_passed())
    {
        // What passed, of what may be tried: above it one trial may have passed by luck. The rest of the
        // interval is what nobody tried.
        answer.load = passed.min(search.highest_to_try());
        answer.low = answer.low.min(answer.load);
        answer.high = answer.high.max(answer.load);
    }
    capacity.limit = match (state, ended) {
        (State::AtLeast | State::Wide, Ended::TimeUp) => {
            Some(plan_limit("the time was used up", "--time"))
        }
        (State::AtLeast, Ended::Found(Found::Open)) | (State::Wide, _) => {
            Some(plan_limit("the trials were used up", "--trials"))
        }
        (State::AtLeast, _) => limit.cloned(),
        // Not even the lowest load could be judged.
        (State::Unfinished, Ended::Found(_)) => limit.cloned(),
        (State::Unfinished, _) => None,
        (State::NotRecovered, _) => {
            let (what, at) = match ended {
                Ended::NotRecovered { load, why } => (why.as_str(), Some(*load)),
                _ => ("it fails at loads that it carried before", search.highest_passed()),
            };
            let remedy = "name a command that restores it: [capacity] restore = [\"...\"]";
            Some(Limit {
                whose: Whose::Server,
                what: what.to_owned(),
                at,
                remedy: remedy.to_owned(),
            })
        }
        (State::Carries, _) => capacity.answer.as_ref().map(|answer| Limit {
            whose: Whose::Server,
            what: capacity.gave_way.as_ref().map_or_else(String::new, |of| of.what.clone()),
            at: Some(answer.high),
            remedy: String::new(),
        }),
        (State::LessThan | State::Unreachable, _) => None,
    };
    let exit = exit(&goal, state, capacity.answer.as_ref(), capacity.limit.as_ref(), ended);
    capacity.verdict = Verdict { state, sentence: String::new(), exit_code: exit.code() };
    capacity.verdict.sentence = sentence(capacity, ended);
}

fn plan_limit(what: &str, flag: &str) -> Limit {
    let remedy = format!("give it more with {flag}");
    Limit { whose: Whose::Plan, what: what.to_owned(), at: None, remedy }
}

fn exit(
    goal: &Goal,
    state: State,
    answer: Option<&Answer>,
    limit: Option<&Limit>,
    ended: &Ended,
) -> Exit {
    let carried = goal.at_least.zip(answer).map(|(least, answer)| match () {
        () if answer.low >= least => Exit::Passed,
        () if answer.high < least => Exit::Failed,
        () => Exit::Invalid,
    });
    match (state, ended) {
        (_, Ended::Broken { exit, .. }) => *exit,
        (State::Unreachable, _) => Exit::Unreachable,
        (State::LessThan | State::NotRecovered, _) => Exit::Failed,
        (State::Carries | State::Wide, _) => carried.unwrap_or(Exit::Passed),
        (State::AtLeast, _) => match carried {
            Some(Exit::Passed) => Exit::Passed,
            Some(_) => Exit::Invalid,
            None if limit.is_some_and(|limit| limit.whose == Whose::Uproar) => Exit::Invalid,
            None => Exit::Passed,
        },
        (State::Unfinished, _) => Exit::Invalid,
    }
}
