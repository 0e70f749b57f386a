//! What must be 0: messages lost, doubled, not sent, clients that never joined. Ranks have no say in
//! it: five runs that lose a third of all messages are worse than five that lose none, and so is one.
//!
//! Where no run of the base has any, one of the new side is a rise. Where the base has some, as runs
//! with outages do, the new side's share over all its runs must be beyond that of the base's worst run
//! by half (with fewer than five runs of the base: twice as much), and by more than counting makes of
//! itself (three times the root of what was to be expected).

use super::model::{Gate, Kind, LEAST_SPREAD, Row, Spread, State, Tally};
use super::value::count;
use crate::report::Report;

/// A counter, what it is a share of, and whether its row is there even where all runs have none. The
/// gravest first.
const ZERO: [(&str, &str, bool); 10] = [
    ("lost", "expected", true),
    (UNFINISHED, "expected", true),
    ("duplicated", "expected", true),
    ("reordered", "expected", true),
    ("corrupted", "expected", false),
    ("unexpected", "expected", false),
    ("clients.never_joined", "clients.planned", true),
    ("clients.not_back", "clients.planned", false),
    ("clients.stood_still", "clients.planned", false),
    ("publishes.not_sent", "publishes.due", true),
];

/// What may still come is no part of what was expected.
const UNFINISHED: &str = "unfinished";

/// Figures that reports of an earlier build don't have: unknown there, and nothing is missed.
const YOUNG: [&str; 3] = [UNFINISHED, "clients.not_back", "clients.stood_still"];

/// Runs of the base from which its worst one says how bad runs are.
const SOME: usize = 5;

/// One run's.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    count: f64,
    of: f64,
}

impl Part {
    fn share(self) -> f64 {
        if self.count > 0.0 { self.count / self.of } else { 0.0 }
    }

    fn tally(self) -> Tally {
        Tally { count: self.count, of: self.of, share: self.share() }
    }

    /// Whether it is more than this share of as many, by this factor and by more than counting makes of
    /// itself.
    fn exceeds(self, share: f64, factor: f64) -> bool {
        let due = share * self.of;
        self.share() > share * factor && self.count - due > 3.0 * due.sqrt()
    }
}

/// So many of what could have been: of a figure that `of` does not hold both together. A run may have
/// doubled more than it delivered; a share is at most all.
fn part(name: &str, count: f64, of: f64) -> Part {
    let of = if name == UNFINISHED { of + count } else { of };
    Part { count, of: of.max(count) }
}

/// The figure of each run that has it.
fn parts(runs: &[&Report], name: &str, of: &str) -> Vec<Part> {
    let part = |report: &&Report| {
        let count = count(report, name)?;
        Some(part(name, count, self::count(report, of).unwrap_or(0.0)))
    };
    runs.iter().filter_map(part).collect()
}

fn together(parts: &[Part]) -> Part {
    let sum = |of: fn(&Part) -> f64| parts.iter().map(of).sum();
    Part { count: sum(|part| part.count), of: sum(|part| part.of) }
}

fn spread(parts: &[Part]) -> Option<Spread> {
    let counts: Vec<f64> = parts.iter().map(|part| part.count).collect();
    let spread = Spread::of(&counts)?;
    Some(Spread { tally: Some(together(parts).tally()), ..spread })
}

fn judge(base: &[Part], new: &[Part]) -> State {
    let worst = |parts: &[Part]| parts.iter().map(|part| part.share()).fold(0.0, f64::max);
    let factor = |runs: usize| if runs < SOME { 2.0 } else { 1.5 };
    let (was, is) = (together(base), together(new));
    if is.exceeds(worst(base), factor(base.len())) {
        State::Worse
    } else if was.exceeds(worst(new), factor(new.len())) {
        State::Lower
    } else if is.exceeds(was.share(), 1.0 + LEAST_SPREAD) {
        State::Unclear
    } else {
        State::Same
    }
}

/// The rows of what must be 0, but for those that a gate has a tolerance for.
pub(super) fn rows(bases: &[&Report], news: &[&Report], gates: &[Gate]) -> Vec<Row> {
    let gated = |name: &str| gates.iter().any(|gate| gate.figure.name == name);
    let row = |(name, of, always): &(&str, &str, bool)| {
        let (base, new) = (parts(bases, name, of), parts(news, name, of));
        let nothing = [&base, &new].iter().all(|side| together(side).count <= 0.0);
        let known = !base.is_empty() || !new.is_empty();
        if gated(name) || !known || (nothing && !always) {
            return None;
        }
        let state = match (base.is_empty(), new.is_empty()) {
            (false, false) => judge(&base, &new),
            // It was known, and no longer is: nobody can say that it did not rise.
            (false, true) if !news.is_empty() && !YOUNG.contains(name) => State::Inconclusive,
            _ => State::Unknown,
        };
        let (was, is) = (together(&base).share(), together(&new).share());
        let known = was > 0.0 && !new.is_empty();
        Some(Row {
            figure: (*name).to_owned(),
            kind: Kind::MustBeZero,
            is_time: false,
            tolerance: None,
            base: spread(&base),
            new: spread(&new),
            change: known.then(|| is / was - 1.0),
            p: None,
            state,
        })
    };
    ZERO.iter().filter_map(row).collect()
}

/// The same of one side.
pub(super) fn spreads(runs: &[&Report]) -> Vec<(&'static str, Spread)> {
    let row = |(name, of, always): &(&'static str, &str, bool)| {
        let spread = spread(&parts(runs, name, of))?;
        (*always || spread.max > 0.0).then_some((*name, spread))
    };
    ZERO.iter().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    fn side(counts: &[u32]) -> Vec<Part> {
        counts.iter().map(|count| Part { count: f64::from(*count), of: 2_500.0 }).collect()
    }

    #[test]
    fn any_rise_from_nothing_is_worse() {
        for new in [&[751, 748, 760, 751, 749][..], &[0, 0, 0, 0, 1], &[1]] {
            assert_eq!(judge(&side(&[0; 5]), &side(new)), State::Worse, "{new:?}");
            assert_eq!(judge(&side(&[0]), &side(new)), State::Worse, "{new:?}");
        }
        assert_eq!(judge(&side(&[0; 5]), &side(&[0; 5])), State::Same);
        assert_eq!(judge(&side(&[0, 0, 750]), &side(&[0; 3])), State::Lower);
    }

    #[test]
    fn where_some_are_lost_by_design_more_must_be_more_than_noise() {
        let base = [100, 110, 90, 105, 95];
        for (base, new, expected) in [
            (&base[..], &base[..], State::Same),
            (&base, &[110, 111, 108, 100, 105], State::Same),
            (&base, &[200, 210, 190, 205, 195], State::Worse),
            (&base, &[1_000; 5], State::Worse),
            (&base, &[150, 155, 149, 161, 152], State::Unclear),
            (&base, &[170, 175, 169, 181, 172], State::Worse),
            (&base, &[100, 110, 90, 105, 900], State::Worse),
            // Beyond the base together, and not beyond its worst run.
            (&[100, 100, 100, 100, 400], &[240; 5], State::Unclear),
            (&base, &[40, 44, 46, 41, 43], State::Lower),
            // Few: three of 12,500 are no more than one.
            (&[0, 0, 0, 0, 1], &[0, 0, 3, 0, 0], State::Same),
            (&[0, 0, 0, 0, 1], &[0, 0, 300, 0, 0], State::Worse),
            // One run each: twice as many.
            (&[100], &[150], State::Unclear),
            (&[100], &[250], State::Worse),
            (&[100], &[1_000], State::Worse),
        ] {
            assert_eq!(judge(&side(base), &side(new)), expected, "{base:?} {new:?}");
        }
    }

    /// Of 4,096 in each run: shares are exact and roots whole, so that each limit is met to the digit.
    #[test]
    fn each_limit_itself_is_not_beyond_it() {
        let of = |runs: usize, count: f64| vec![Part { count, of: 4_096.0 }; runs];
        for (runs, was, is, expected) in [
            // 256 of each run: twice as many of one to four runs, half as many more of five.
            (1, 256.0, 512.0, State::Unclear),
            (1, 256.0, 513.0, State::Worse),
            (4, 256.0, 512.0, State::Unclear),
            (4, 256.0, 513.0, State::Worse),
            (5, 256.0, 384.0, State::Unclear),
            (5, 256.0, 385.0, State::Worse),
            (1, 512.0, 256.0, State::Same),
            (1, 513.0, 256.0, State::Lower),
            (4, 513.0, 256.0, State::Lower),
            (5, 384.0, 256.0, State::Same),
            (5, 385.0, 256.0, State::Lower),
            // A quarter more is within what runs differ by.
            (1, 256.0, 320.0, State::Same),
            (1, 256.0, 321.0, State::Unclear),
            // Of four to be expected counting makes six more, and of a hundred thirty.
            (1, 4.0, 10.0, State::Same),
            (1, 4.0, 11.0, State::Worse),
            (1, 100.0, 130.0, State::Same),
            (1, 100.0, 131.0, State::Unclear),
        ] {
            let found = judge(&of(runs, was), &of(runs, is));
            assert_eq!(found, expected, "{runs} runs: {was} and {is}");
        }
        // The other side's number of runs says how many times as much is beyond it.
        assert_eq!(judge(&of(4, 385.0), &of(5, 256.0)), State::Lower);
        assert_eq!(judge(&of(5, 385.0), &of(4, 256.0)), State::Same);
    }

    /// Equal sides that lose by design, each run as many as an exponential distribution draws, which
    /// is how far bursts lie apart: what docs/ci.md says of false alarms.
    #[test]
    fn equal_sides_that_lose_are_rarely_called_worse() {
        let mut rng = Pcg64Mcg::seed_from_u64(7);
        let mut alarms = |runs: usize, steady: f64| {
            let mut draw = || {
                let burst = -(1.0 - rng.random::<f64>()).ln();
                (100.0 * (steady + (1.0 - steady) * burst)).round() as u32
            };
            let mut worse = 0;
            for _ in 0..4_000 {
                let base: Vec<u32> = (0..runs).map(|_| draw()).collect();
                let new: Vec<u32> = (0..runs).map(|_| draw()).collect();
                worse += u32::from(judge(&side(&base), &side(&new)) == State::Worse);
            }
            f64::from(worse) / 4_000.0
        };
        for (runs, steady, most) in [
            (5, 0.0, 0.06),
            (4, 0.0, 0.05),
            (8, 0.0, 0.02),
            (5, 0.8, 0.01),
            (1, 0.8, 0.01),
            (1, 0.0, 0.36),
        ] {
            let share = alarms(runs, steady);
            assert!(share <= most, "{runs} runs, {steady}: {share}");
        }
    }

    #[test]
    fn shares_are_of_what_could_have_been() {
        let mut report = Report::default();
        report.deliveries.lost = Some(30);
        report.deliveries.expected = Some(100);
        report.deliveries.duplicated = Some(7);
        report.publishes.due = 50;
        report.publishes.not_sent = 5;
        report.clients.planned = 4;
        report.clients.never_joined = 1;
        let spreads = spreads(&[&report, &report]);
        for (name, count, share) in [
            ("lost", 60.0, 0.3),
            ("duplicated", 14.0, 0.07),
            ("clients.never_joined", 2.0, 0.25),
            ("publishes.not_sent", 10.0, 0.1),
        ] {
            let (_, spread) = spreads.iter().find(|(known, _)| *known == name).unwrap();
            let tally = spread.tally.unwrap();
            assert!((tally.count - count).abs() < 1e-9, "{name} {tally:?}");
            assert!((tally.share - share).abs() < 1e-9, "{name} {tally:?}");
        }
        // What no run has any of is left out, unless it is one of those that always have a row.
        assert!(!spreads.iter().any(|(name, _)| *name == "corrupted"));
    }

    #[test]
    fn what_is_unfinished_is_a_share_of_it_and_what_was_expected() {
        for (name, count, of, share) in [
            ("lost", 30.0, 100.0, 0.3),
            ("unfinished", 10.0, 90.0, 0.1),
            ("unfinished", 5.0, 0.0, 1.0),
            ("duplicated", 7.0, 5.0, 1.0),
            ("lost", 0.0, 0.0, 0.0),
        ] {
            let found = part(name, count, of).share();
            assert!((found - share).abs() < 1e-12, "{name} {count} of {of}: {found}");
        }
    }

    #[test]
    fn what_one_side_does_not_have_is_unknown() {
        let with = Report { deliveries: lost(Some(0)), ..Report::default() };
        let without = Report { deliveries: lost(None), ..Report::default() };
        let state = |base: &[&Report], new: &[&Report]| {
            let rows = rows(base, new, &[]);
            rows.iter().find(|row| row.figure == "lost").unwrap().state
        };
        assert_eq!(state(&[&with], &[&with]), State::Same);
        assert_eq!(state(&[&without], &[&with]), State::Unknown);
        assert_eq!(state(&[&with], &[&without]), State::Inconclusive);
        assert_eq!(state(&[&with], &[]), State::Unknown);
    }

    #[test]
    fn rows_are_of_what_is_known_and_not_nothing_but_for_those_that_are_always_there() {
        let report = |lost, duplicated, corrupted| {
            let mut report = Report { deliveries: lost_of(lost, 100), ..Report::default() };
            report.deliveries.duplicated = Some(duplicated);
            report.deliveries.corrupted = Some(corrupted);
            report.clients.planned = 10;
            report
        };
        let (base, new) =
            ([report(50, 0, 0), report(50, 0, 0)], [report(10, 0, 0), report(20, 30, 1)]);
        let (base, new): (Vec<&Report>, Vec<&Report>) =
            (base.iter().collect(), new.iter().collect());
        let rows_of = |gates: &[Gate]| -> Vec<(String, Option<f64>, State)> {
            let rows = rows(&base, &new, gates);
            rows.into_iter().map(|row| (row.figure, row.change, row.state)).collect()
        };
        let row = |name: &str, change, state| (name.to_owned(), change, state);
        let mut expected = vec![
            // 100 of 200, and 30 of 200: seven tenths less.
            row("lost", Some(0.15 / 0.5 - 1.0), State::Lower),
            row("duplicated", None, State::Worse),
            row("corrupted", None, State::Worse),
            row("clients.never_joined", None, State::Same),
            row("publishes.not_sent", None, State::Same),
        ];
        assert_eq!(rows_of(&[]), expected);
        // By name a tolerance takes the row's place.
        let figure = crate::gate::Figure::parse("duplicated").unwrap();
        let tolerance = crate::gate::Tolerance::parse("10%", figure.unit()).unwrap();
        expected.remove(1);
        assert_eq!(rows_of(&[Gate { figure, tolerance }]), expected);
        // All runs of a side together, beside its middle and its ends.
        let lost = &rows(&base, &new, &[])[0];
        let tally = |count, share| Some(Tally { count, of: 200.0, share });
        let (was, is) = (lost.base.as_ref().unwrap(), lost.new.as_ref().unwrap());
        assert_eq!((was.median, was.tally), (50.0, tally(100.0, 0.5)));
        assert_eq!((is.min, is.median, is.max, is.tally), (10.0, 15.0, 20.0, tally(30.0, 0.15)));
        assert_eq!((lost.kind, lost.is_time, lost.p), (Kind::MustBeZero, false, None));
        // A side of which nothing is known has no change.
        let gone = Report::default();
        assert_eq!(rows(&base, &[&gone], &[])[0].change, None);
        // The same of one side: what is always there, and what it has any of.
        let one: Vec<_> = spreads(&new).into_iter().map(|(name, of)| (name, of.max)).collect();
        let known = [("lost", 20.0), ("duplicated", 30.0), ("corrupted", 1.0)];
        assert_eq!(one[..3], known);
        assert_eq!(one[3..], [("clients.never_joined", 0.0), ("publishes.not_sent", 0.0)]);
        let always = ["lost", "duplicated", "clients.never_joined", "publishes.not_sent"];
        assert!(spreads(&base).into_iter().map(|(name, _)| name).eq(always));
        assert!(rows(&base, &base, &[]).into_iter().map(|row| row.figure).eq(always));
    }

    /// Reports of an earlier build can't say how many were unfinished, nor can the new side's: that
    /// is not missed. Of what every build knows it is.
    #[test]
    fn what_only_the_base_has_is_missed_unless_it_is_young() {
        use State::{Inconclusive, Unknown};
        let all = || crate::report::Deliveries {
            lost: Some(1),
            unfinished: Some(1),
            duplicated: Some(1),
            ..Default::default()
        };
        let with = Report { deliveries: all(), ..Report::default() };
        let without = Report::default();
        let states = |base: &[&Report], new: &[&Report]| -> Vec<(String, State)> {
            let rows = rows(base, new, &[]).into_iter().take(3);
            rows.map(|row| (row.figure, row.state)).collect()
        };
        let each = |of: [State; 3]| -> Vec<(String, State)> {
            let names = ["lost", "unfinished", "duplicated"].map(str::to_owned);
            names.into_iter().zip(of).collect()
        };
        let missed = each([Inconclusive, Unknown, Inconclusive]);
        assert_eq!(states(&[&with], &[&without]), missed);
        assert_eq!(states(&[&without], &[&with]), each([Unknown; 3]));
        assert_eq!(states(&[&with], &[]), each([Unknown; 3]));
        // Neither side: there is no row.
        let always = ["clients.never_joined", "publishes.not_sent"].map(str::to_owned);
        let names: Vec<_> =
            rows(&[&without], &[&without], &[]).into_iter().map(|row| row.figure).collect();
        assert_eq!(names, always);
    }

    fn lost_of(lost: u64, expected: u64) -> crate::report::Deliveries {
        let (lost, expected) = (Some(lost), Some(expected));
        crate::report::Deliveries { lost, expected, ..Default::default() }
    }

    fn lost(lost: Option<u64>) -> crate::report::Deliveries {
        crate::report::Deliveries { lost, ..Default::default() }
    }
}
