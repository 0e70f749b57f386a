//! The decision: from the rows, and from what the runs themselves came to, to one word, one sentence
//! and an exit code.
//!
//! The first that holds of: nobody joined a run of the new side and all those of the base; what must be
//! 0 rose; runs of the new side failed and none of the base's; a figure is worse; runs failed on both
//! sides; too few runs can be trusted; a figure is beyond its tolerance, or there are too few runs;
//! nothing is worse.

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
        // Fisher's exact test, as the rank test of what is only 0 or 1.
        _ => is_shown(p_higher(&runs(base), &runs(new))),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::model::{Spread, Tally};

    /// Of so many runs that passed.
    fn passed(passed: usize) -> Tallied {
        Tallied { passed, ..Tallied::default() }
    }

    fn row(figure: &str, kind: Kind, state: State) -> Row {
        let (is_time, tolerance, p) = (true, None, None);
        let one = |us| Some(Spread { runs: 1, min: us, median: us, max: us, tally: None });
        let (base, new, change) = (one(300.0), one(402.0), Some(0.34));
        Row { figure: figure.to_owned(), kind, is_time, tolerance, base, new, change, p, state }
    }

    /// So many percent lost.
    fn lossy(figure: &str, count: f64) -> Row {
        let spread = |count| {
            let tally = Some(Tally { count, of: 100.0, share: count / 100.0 });
            Some(Spread { runs: 1, min: count, median: count, max: count, tally })
        };
        let (base, new) = (spread(0.0), spread(count));
        Row { base, new, change: None, ..row(figure, Kind::MustBeZero, State::Worse) }
    }

    fn decided_by(base: Tallied, new: Tallied, rows: &[Row]) -> (Outcome, String, Exit) {
        said(&Case {
            base,
            new,
            first_failure: Some("why".to_owned()),
            rows,
            is_advisory: false,
            needed: None,
        })
    }

    fn said(case: &Case<'_>) -> (Outcome, String, Exit) {
        let Decision { state, sentence, exit } = decide(case);
        (state, sentence, exit)
    }

    fn is(state: Outcome, sentence: &str, exit: Exit) -> (Outcome, String, Exit) {
        (state, sentence.to_owned(), exit)
    }

    #[test]
    fn what_the_runs_came_to_is_told_with_how_many() {
        let all = |passed, failed, unreachable, invalid| Tallied {
            passed,
            failed,
            unreachable,
            invalid,
            ..Tallied::default()
        };
        let rows = [row("x", Kind::Decides, State::Same)];
        for (base, new, state, sentence, exit) in [
            (
                all(5, 0, 0, 0),
                all(3, 0, 2, 0),
                Outcome::Regressed,
                "nobody joined in 2 of 5 runs of the new side (why); \
                 runs of new: 2 of 5 UNREACHABLE",
                Exit::Unreachable,
            ),
            // Failed runs had somebody, too.
            (
                all(0, 5, 0, 0),
                all(0, 0, 1, 0),
                Outcome::Regressed,
                "nobody joined in the one run of the new side (why); runs of base: 5 of 5 FAILED; \
                 new: 1 of 1 UNREACHABLE",
                Exit::Unreachable,
            ),
            // Nobody knows whether anybody would have joined before.
            (
                all(0, 0, 0, 5),
                all(4, 0, 1, 0),
                Outcome::Failed,
                "1 of 5 runs of the new side failed (why); runs of base: 5 of 5 invalid; \
                 new: 1 of 5 UNREACHABLE",
                Exit::Unreachable,
            ),
            (
                all(0, 0, 0, 5),
                all(3, 2, 0, 0),
                Outcome::Failed,
                "2 of 5 runs of the new side failed (why); runs of base: 5 of 5 invalid; \
                 new: 2 of 5 FAILED",
                Exit::Failed,
            ),
            (
                all(4, 0, 1, 0),
                all(4, 0, 1, 0),
                Outcome::Failed,
                "1 of 5 runs of the new side failed, as runs of the base did (why); \
                 runs of base: 1 of 5 UNREACHABLE; new: 1 of 5 UNREACHABLE",
                Exit::Unreachable,
            ),
            (
                all(3, 1, 1, 0),
                all(2, 1, 2, 0),
                Outcome::Failed,
                "3 of 5 runs of the new side failed, as runs of the base did (why); \
                 runs of base: 1 of 5 UNREACHABLE, 1 FAILED; new: 2 of 5 UNREACHABLE, 1 FAILED",
                Exit::Unreachable,
            ),
            (
                all(3, 1, 1, 0),
                all(3, 2, 0, 0),
                Outcome::Failed,
                "2 of 5 runs of the new side failed, as runs of the base did (why); \
                 runs of base: 1 of 5 UNREACHABLE, 1 FAILED; new: 2 of 5 FAILED",
                Exit::Failed,
            ),
            (
                all(5, 0, 0, 0),
                all(4, 1, 0, 0),
                Outcome::Regressed,
                "1 of 5 runs of the new side failed, none of the base's 5 (why); \
                 runs of new: 1 of 5 FAILED",
                Exit::Failed,
            ),
            // Nine of ten and two of ten: the chance of that is some 3 in 1,000.
            (
                all(8, 1, 1, 0),
                all(1, 4, 5, 0),
                Outcome::Regressed,
                "9 of 10 runs of the new side failed, 2 of the base's 10 (why); \
                 runs of base: 1 of 10 UNREACHABLE, 1 FAILED; new: 5 of 10 UNREACHABLE, 4 FAILED",
                Exit::Failed,
            ),
            (
                all(5, 0, 0, 0),
                all(5, 0, 0, 0),
                Outcome::Same,
                "nothing is worse beyond its tolerance",
                Exit::Passed,
            ),
            (
                all(0, 0, 0, 5),
                all(5, 0, 0, 0),
                Outcome::Inconclusive,
                "too few runs can be trusted: 0 and 5; runs of base: 5 of 5 invalid",
                Exit::Invalid,
            ),
            (
                all(5, 0, 0, 0),
                all(0, 0, 0, 5),
                Outcome::Inconclusive,
                "too few runs can be trusted: 5 and 0; runs of new: 5 of 5 invalid",
                Exit::Invalid,
            ),
        ] {
            assert_eq!(decided_by(base, new, &rows), is(state, sentence, exit));
        }
    }

    /// By Fisher's exact test, where some of the base failed, too.
    #[test]
    fn runs_fail_more_often_where_chance_does_not_say_so() {
        let all = |passed, failed| Tallied { passed, failed, ..Tallied::default() };
        for (base, new, expected) in [
            ((5, 0), (5, 0), false),
            ((3, 2), (5, 0), false),
            ((0, 5), (5, 0), false),
            ((1, 0), (0, 1), true),
            ((5, 0), (4, 1), true),
            ((0, 5), (0, 5), false),
            // Chance has it in 26 of 252, and in 6 of 252.
            ((4, 1), (1, 4), false),
            ((4, 1), (0, 5), true),
            ((1, 1), (0, 8), false),
        ] {
            let (base, new) = (all(base.0, base.1), all(new.0, new.1));
            assert_eq!(failed_more(base, new), expected, "{base:?} {new:?}");
        }
    }

    #[test]
    fn the_gravest_of_the_rows_decides() {
        use State::{Gone, Higher, Inconclusive, Lower, Same, Unclear, Unknown, Worse};
        let decides = |state| row("x", Kind::Decides, state);
        let zero = |state| row("zero", Kind::MustBeZero, state);
        let told = |state| row("told", Kind::Told, state);
        let nothing = "nothing is worse beyond its tolerance";
        let chance = "x is 402 us, was 300 us (+34.0 %): beyond its tolerance, and may be chance";
        let unknown = "no figure that decides is known of both sides";
        let worse = "x is 402 us, was 300 us (+34.0 %)";
        let few = "too few runs to show a change: 1 and 2 of 3 a side";
        let trusted = "too few runs can be trusted: 5 and 5";
        let lost = "x is known of the base and not of the new side";
        for (rows, advisory, needed, state, sentence, exit) in [
            (vec![decides(Same)], false, false, Outcome::Same, nothing, Exit::Passed),
            (
                vec![decides(Higher), zero(Lower)],
                false,
                false,
                Outcome::Same,
                nothing,
                Exit::Passed,
            ),
            (vec![decides(Worse)], false, true, Outcome::Regressed, worse, Exit::Failed),
            (vec![decides(Worse)], true, true, Outcome::WorseAdvisory, worse, Exit::Passed),
            (vec![decides(Same)], true, false, Outcome::Same, nothing, Exit::Passed),
            (
                vec![zero(Same), decides(Unclear)],
                false,
                true,
                Outcome::Inconclusive,
                chance,
                Exit::Passed,
            ),
            (vec![decides(Same)], false, true, Outcome::Inconclusive, few, Exit::Passed),
            (
                vec![decides(Inconclusive), zero(Same)],
                false,
                false,
                Outcome::Inconclusive,
                lost,
                Exit::Passed,
            ),
            (
                vec![zero(Unknown), decides(Unknown)],
                false,
                false,
                Outcome::Inconclusive,
                unknown,
                Exit::Passed,
            ),
            (
                vec![zero(Unknown), decides(Same)],
                false,
                false,
                Outcome::Same,
                nothing,
                Exit::Passed,
            ),
            // What is only told says nothing here.
            (
                vec![decides(Same), told(Unclear)],
                false,
                false,
                Outcome::Same,
                nothing,
                Exit::Passed,
            ),
            (vec![decides(Same), told(Gone)], false, false, Outcome::Same, nothing, Exit::Passed),
            (
                vec![decides(Unknown), told(Same)],
                false,
                false,
                Outcome::Inconclusive,
                unknown,
                Exit::Passed,
            ),
        ] {
            let needed = needed.then_some((1, 2, 3));
            let (base, new, first_failure) = (passed(5), passed(5), None);
            let mut case =
                Case { base, new, first_failure, rows: &rows, is_advisory: advisory, needed };
            assert_eq!(said(&case), is(state, sentence, exit), "{rows:?}");
            // Where runs were left out and too few are left, those are why: be it one of each side.
            (case.base.invalid, case.new.missing) = (1, 1);
            let (found, words, exit) = said(&case);
            if case.needed.is_some() && state == Outcome::Inconclusive {
                assert_eq!((found, exit), (Outcome::Inconclusive, Exit::Invalid), "{words}");
                assert!(words.starts_with(trusted), "{words}");
            } else {
                assert_eq!(found, state, "{words}");
            }
            let tail = "; runs of base: 1 of 6 invalid; new: 1 of 6 without a report";
            assert!(words.ends_with(tail), "{words}");
        }
    }

    #[test]
    fn runs_that_fail_on_both_sides_come_before_what_only_tells_and_after_what_decides() {
        let rows = [row("x", Kind::Decides, State::Worse)];
        let failed = Tallied { passed: 4, failed: 1, ..Tallied::default() };
        let case = |is_advisory| Case {
            base: failed,
            new: failed,
            first_failure: None,
            rows: &rows,
            is_advisory,
            needed: None,
        };
        let both = "; runs of base: 1 of 5 FAILED; new: 1 of 5 FAILED";
        let worse = format!("x is 402 us, was 300 us (+34.0 %){both}");
        assert_eq!(said(&case(false)), is(Outcome::Regressed, &worse, Exit::Failed));
        let as_before =
            format!("1 of 5 runs of the new side failed, as runs of the base did{both}");
        assert_eq!(said(&case(true)), is(Outcome::Failed, &as_before, Exit::Failed));
    }

    #[test]
    fn three_others_are_named_and_more_are_counted() {
        let rows = ["a", "b", "c", "d", "e", "f"].map(|name| lossy(name, 2.0)).to_vec();
        let sentence = |rows: &[Row]| decided_by(passed(5), passed(5), rows).1;
        assert_eq!(sentence(&rows[..1]), "a is 2 of 100 (2 %), was 0");
        assert_eq!(sentence(&rows[..2]), "a is 2 of 100 (2 %), was 0; also worse: b");
        assert_eq!(sentence(&rows[..4]), "a is 2 of 100 (2 %), was 0; also worse: b, c, d");
        assert_eq!(sentence(&rows), "a is 2 of 100 (2 %), was 0; also worse: b, c, d and 2 more");
        // The largest share comes first, whatever its place.
        let mut rows = rows;
        rows[2] = lossy("c", 3.0);
        assert_eq!(sentence(&rows[..4]), "c is 3 of 100 (3 %), was 0; also worse: a, b, d");
    }
}
