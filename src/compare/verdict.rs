//! The decision: from the rows, and from what the runs themselves came to, to one word, one sentence
//! and an exit code.
//!
//! The first that holds of: nobody joined a run of the new side and all those of the base; what must be
//! 0 rose; runs of the new side failed and none of the base's; a figure is worse; runs failed on both
//! sides; too few runs can be trusted; a figure is beyond its tolerance, or there are too few runs;
//! nothing is worse.

use super::enough::can_decide;
use super::model::{Decision, Kind, Outcome, Row, State, is_shown};
use super::rank::p_higher;
use super::sides::Tallied;
use super::words::told;
use crate::report::Exit;

/// Other figures that the sentence names beside the first.
const NAMED: usize = 3;

/// Everything the decision depends on.
pub(super) struct Case<'a> {
    pub(super) base: Tallied,
    pub(super) new: Tallied,
    /// The sentence of the new side's first run that failed.
    pub(super) first_failure: Option<String>,
    pub(super) rows: &'a [Row],
    /// Whether times and costs decide nothing.
    pub(super) is_advisory: bool,
    /// Runs of both sides, and how many of each are needed, if there are fewer.
    pub(super) needed: Option<(usize, usize, usize)>,
}

pub(super) fn decide(case: &Case<'_>) -> Decision {
    let (state, mut sentence, exit) = decided(case);
    let sides = [("base", case.base), ("new", case.new)];
    let told = sides.into_iter().filter_map(|(name, side)| Some((name, side.in_words()?)));
    let told: Vec<String> = told.map(|(name, words)| format!("{name}: {words}")).collect();
    if !told.is_empty() {
        sentence.push_str(&format!("; runs of {}", told.join("; ")));
    }
    Decision { state, sentence, exit }
}

fn decided(case: &Case<'_>) -> (Outcome, String, Exit) {
    let (base, new) = (case.base, case.new);
    let of_kind = |kind| case.rows.iter().filter(move |row| row.kind == kind);
    let regressed = |sentence| (Outcome::Regressed, sentence, Exit::Failed);
    let failure = || case.first_failure.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();

    if new.unreachable > 0 && base.unreachable == 0 && base.counted() > 0 {
        let runs = of(new.unreachable, new.all());
        let sentence = format!("nobody joined in {runs} of the new side{}", failure());
        return (Outcome::Regressed, sentence, Exit::Unreachable);
    }
    let rose: Vec<&Row> = of_kind(Kind::MustBeZero).filter(|row| row.state.fails()).collect();
    if !rose.is_empty() {
        return regressed(first_and_others(&rose, gravest(&rose)));
    }
    if failed_more(base, new) {
        let runs = of(new.failed + new.unreachable, new.all());
        let before = base.failed + base.unreachable;
        let before = if before == 0 { "none".to_owned() } else { before.to_string() };
        return regressed(format!(
            "{runs} of the new side failed, {before} of the base's {}{}",
            base.all(),
            failure()
        ));
    }
    let worse: Vec<&Row> = of_kind(Kind::Decides).filter(|row| row.state.fails()).collect();
    if !worse.is_empty() && !case.is_advisory {
        return regressed(first_and_others(&worse, 0));
    }
    if new.failed + new.unreachable > 0 {
        let runs = of(new.failed + new.unreachable, new.all());
        let before = base.failed + base.unreachable;
        let as_before = if before > 0 { ", as runs of the base did" } else { "" };
        let sentence = format!("{runs} of the new side failed{as_before}{}", failure());
        let exit = if new.unreachable > 0 { Exit::Unreachable } else { Exit::Failed };
        return (Outcome::Failed, sentence, exit);
    }
    if !worse.is_empty() {
        let sentence = first_and_others(&worse, 0);
        return (Outcome::WorseAdvisory, sentence, Exit::Passed);
    }
    let inconclusive = |sentence, exit| (Outcome::Inconclusive, sentence, exit);
    if base.left_out() + new.left_out() > 0
        && (base.counted() == 0 || new.counted() == 0 || case.needed.is_some())
    {
        let counted = (base.counted(), new.counted());
        return inconclusive(
            format!("too few runs can be trusted: {} and {}", counted.0, counted.1),
            Exit::Invalid,
        );
    }
    let deciding = || of_kind(Kind::MustBeZero).chain(of_kind(Kind::Decides));
    if let Some(row) = deciding().find(|row| row.state == State::Unclear) {
        return inconclusive(
            format!("{}: beyond its tolerance, and may be chance", told(row)),
            Exit::Passed,
        );
    }
    if let Some((bases, news, needed)) = case.needed {
        let why = format!("too few runs to show a change: {bases} and {news} of {needed} a side");
        return inconclusive(why, Exit::Passed);
    }
    if let Some(row) = deciding().find(|row| row.state == State::Inconclusive) {
        return inconclusive(
            format!("{} is known of the base and not of the new side", row.figure),
            Exit::Passed,
        );
    }
    if deciding().all(|row| row.state == State::Unknown) {
        return inconclusive(
            "no figure that decides is known of both sides".to_owned(),
            Exit::Passed,
        );
    }
    let sentence = "nothing is worse beyond its tolerance".to_owned();
    (Outcome::Same, sentence, Exit::Passed)
}

/// Whether runs of the new side fail that those of the base don't: any where the base has none, more
/// than chance has it where it has.
fn failed_more(base: Tallied, new: Tallied) -> bool {
    let bad = |side: Tallied| side.failed + side.unreachable;
    let runs = |side: Tallied| -> Vec<f64> {
        let good = std::iter::repeat_n(0.0, side.passed);
        good.chain(std::iter::repeat_n(1.0, bad(side))).collect()
    };
    match (bad(base), bad(new)) {
        (_, 0) => false,
        (0, _) => base.passed > 0,
        _ => {
            // Fisher's exact test, as the rank test of what is only 0 or 1.
            let p = p_higher(&runs(base), &runs(new));
            can_decide(base.passed + bad(base), new.passed + bad(new), 1) && is_shown(p)
        }
    }
}

/// The place of the row of which the new side has the largest share.
fn gravest(rows: &[&Row]) -> usize {
    let share = |row: &Row| row.new.as_ref().and_then(|new| new.tally).map_or(0.0, |of| of.share);
    let places = 0..rows.len();
    // The first of equals; `max_by` alone would take the last.
    places.rev().max_by(|a, b| share(rows[*a]).total_cmp(&share(rows[*b]))).unwrap_or(0)
}

fn first_and_others(rows: &[&Row], first: usize) -> String {
    let Some(row) = rows.get(first) else { return String::new() };
    let mut sentence = told(row);
    let others: Vec<&str> = rows
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != first)
        .map(|(_, row)| row.figure.as_str())
        .collect();
    if !others.is_empty() {
        let named = others.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = others.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        sentence.push_str(&format!("; also worse: {named}{more}"));
    }
    sentence
}

fn of(some: usize, all: usize) -> String {
    if all == 1 { "the one run".to_owned() } else { format!("{some} of {all} runs") }
}
