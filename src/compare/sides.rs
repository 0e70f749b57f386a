//! Who is compared: which runs count, and whether the two sides can be compared at all.

use super::model::{RunRow, Runs, Standing};
use crate::report::{Report, ValidityState};

/// How many runs of a side came to what.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tallied {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) unreachable: usize,
    pub(super) interrupted: usize,
    pub(super) invalid: usize,
    /// Without a report.
    pub(super) missing: usize,
}

impl Tallied {
    pub(super) fn of(runs: &Runs) -> Self {
        let mut tallied = Self { missing: runs.missing, ..Self::default() };
        for report in &runs.reports {
            *match Standing::of(report) {
                Standing::Passed | Standing::Unjudged => &mut tallied.passed,
                Standing::Failed => &mut tallied.failed,
                Standing::Unreachable => &mut tallied.unreachable,
                Standing::Interrupted => &mut tallied.interrupted,
                Standing::Invalid => &mut tallied.invalid,
            } += 1;
        }
        tallied
    }

    pub(super) fn all(self) -> usize {
        self.passed + self.failed + self.left_out()
    }

    /// Those whose figures are compared.
    pub(super) fn counted(self) -> usize {
        self.passed + self.failed
    }

    /// Those whose figures are not.
    pub(super) fn left_out(self) -> usize {
        self.unreachable + self.interrupted + self.invalid + self.missing
    }

    /// What is to be told of them beside their figures: `2 of 5 FAILED, 1 invalid`. `None` if all
    /// passed.
    pub(super) fn in_words(self) -> Option<String> {
        let of = [
            (self.unreachable, "UNREACHABLE"),
            (self.failed, "FAILED"),
            (self.interrupted, "interrupted"),
            (self.invalid, "invalid"),
            (self.missing, "without a report"),
        ];
        let mut words: Vec<String> = Vec::new();
        for (count, word) in of.into_iter().filter(|(count, _)| *count > 0) {
            let all = if words.is_empty() { format!(" of {}", self.all()) } else { String::new() };
            words.push(format!("{count}{all} {word}"));
        }
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// Each run of a side, for tables.
pub(super) fn rows(side: &'static str, runs: &Runs) -> Vec<RunRow> {
    let row = |(at, report): (usize, &Report)| RunRow {
        side,
        number: at + 1,
        id: report.run.id.clone(),
        standing: Standing::of(report),
        verdict: report.verdict.state,
        validity: report.validity.state,
        sentence: report.verdict.sentence.clone(),
    };
    runs.reports.iter().enumerate().map(row).collect()
}

/// The runs whose figures are compared.
pub(super) fn counted(runs: &Runs) -> Vec<&Report> {
    runs.reports.iter().filter(|report| Standing::of(report).counts()).collect()
}

/// Why the first run that failed, or that nobody joined, did.
pub(super) fn first_failure(runs: &Runs) -> Option<String> {
    let failed =
        |report: &&Report| matches!(Standing::of(report), Standing::Failed | Standing::Unreachable);
    runs.reports.iter().find(failed).map(|report| report.verdict.sentence.clone())
}

/// What is to be known of the runs besides what they came to.
pub(super) fn notes(base: &Runs, new: &Runs) -> Vec<String> {
    let mut notes = Vec::new();
    for runs in [base, new] {
        let counted = counted(runs);
        let left_out = runs.reports.len() - counted.len();
        if left_out > 0 {
            let noun = if left_out == 1 { "run" } else { "runs" };
            notes.push(format!("the figures of {left_out} {noun} of `{}` are left out", runs.name));
        }
        let suspect = |report: &&&Report| report.validity.state == ValidityState::Suspect;
        let suspect = counted.iter().filter(suspect).count();
        if suspect > 0 {
            let all = counted.len();
            notes.push(format!("{suspect} of {all} runs of `{}` are suspect", runs.name));
        }
    }
    let ids = |runs: &'_ Runs| -> Vec<String> {
        let named = runs.reports.iter().filter(|report| !report.run.id.is_empty());
        named.map(|report| report.run.id.clone()).collect()
    };
    let known = ids(base);
    let shared = ids(new).iter().filter(|id| known.contains(id)).count();
    if shared > 0 {
        let (noun, verb) = if shared == 1 { ("run", "is") } else { ("runs", "are") };
        notes.push(format!("{shared} {noun} {verb} on both sides, and compared with themselves"));
    }
    notes
}

/// What a run's plan differs in from the first's, apart from server and codec.
pub(super) fn of_another_plan(base: &[&Report], new: &[&Report]) -> Option<String> {
    let first = base.first()?;
    base.iter().chain(new).find_map(|report| differs(first, report))
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::VerdictState;

    fn runs(name: &str, states: &[(VerdictState, usize)]) -> Runs {
        let report = |(state, at): (VerdictState, usize)| {
            let mut report = Report::default();
            report.verdict.state = state;
            report.verdict.sentence = format!("{state:?} {at}");
            report.run.id = format!("{name}{state:?}{at}");
            report
        };
        let states = states.iter().flat_map(|(state, count)| (0..*count).map(|at| (*state, at)));
        let (name, reports) = (name.to_owned(), states.map(report).collect());
        Runs { name, reports, missing: 0 }
    }

    #[test]
    fn runs_are_tallied_by_what_they_came_to() {
        use VerdictState::{Failed, Interrupted, Invalid, Passed, Unjudged, Unreachable};
        let each = [
            (Passed, 2),
            (Unjudged, 1),
            (Failed, 4),
            (Unreachable, 5),
            (Interrupted, 6),
            (Invalid, 7),
        ];
        let mut some = runs("a", &each);
        some.missing = 8;
        let of = Tallied::of(&some);
        assert_eq!((of.passed, of.failed, of.unreachable), (3, 4, 5));
        assert_eq!((of.interrupted, of.invalid, of.missing), (6, 7, 8));
        assert_eq!((of.all(), of.counted(), of.left_out()), (33, 7, 26));
        assert_eq!(
            of.in_words().unwrap(),
            "5 of 33 UNREACHABLE, 4 FAILED, 6 interrupted, 7 invalid, 8 without a report"
        );
        assert_eq!(Tallied::of(&runs("a", &each[..2])).in_words(), None);
        assert_eq!(counted(&some).len(), 7);
        assert_eq!(first_failure(&some), Some("Failed 0".to_owned()));
        assert_eq!(first_failure(&runs("a", &each[3..])), Some("Unreachable 0".to_owned()));
        assert_eq!(first_failure(&runs("a", &[each[0], each[5]])), None);
        let rows = rows("new", &some);
        assert_eq!(rows.len(), 25);
        assert_eq!((rows[3].number, rows[3].side, rows[3].id.as_str()), (4, "new", "aFailed0"));
        assert_eq!((rows[3].standing, rows[3].sentence.as_str()), (Standing::Failed, "Failed 0"));
    }

    #[test]
    fn what_is_to_be_known_of_the_runs_is_told() {
        use VerdictState::{Interrupted, Invalid, Passed};
        let base = runs("a", &[(Passed, 3), (Invalid, 1)]);
        let mut new = runs("b", &[(Passed, 4), (Interrupted, 2)]);
        let fine = runs("c", &[(Passed, 3)]);
        assert_eq!(notes(&fine, &runs("d", &[(Passed, 1)])), [""; 0]);
        let left_out = [
            "the figures of 1 run of `a` are left out",
            "the figures of 2 runs of `b` are left out",
        ];
        assert_eq!(notes(&base, &new), left_out);
        for at in [0, 2, 5] {
            new.reports[at].validity.state = ValidityState::Suspect;
        }
        assert_eq!(notes(&base, &new)[2..], ["2 of 4 runs of `b` are suspect"]);
        // By their ids; those without one are nobody's.
        let mut again = runs("d", &[(Passed, 3)]);
        let ids = |from: &Runs, to: &mut Runs, count: usize| {
            for at in 0..count {
                to.reports[at].run.id.clone_from(&from.reports[at].run.id);
            }
        };
        ids(&fine, &mut again, 1);
        let one = "1 run is on both sides, and compared with themselves";
        assert_eq!(notes(&fine, &again), [one]);
        ids(&fine, &mut again, 2);
        let two = "2 runs are on both sides, and compared with themselves";
        assert_eq!(notes(&fine, &again), [two]);
        let nameless = |name| {
            let mut runs = runs(name, &[(Passed, 2)]);
            runs.reports.iter_mut().for_each(|report| report.run.id.clear());
            runs
        };
        assert_eq!(notes(&nameless("a"), &nameless("b")), [""; 0]);
    }

    #[test]
    fn the_first_difference_of_plans_is_told() {
        let plan = |change: &dyn Fn(&mut Report)| {
            let mut report = Report::default();
            report.scenario.name = "chat".to_owned();
            report.plan.headline = "20/s".to_owned();
            report.plan.description = "20 clients".to_owned();
            let people = |name: &str, clients| crate::report::CohortFigures {
                name: name.to_owned(),
                clients,
                ..Default::default()
            };
            report.cohorts = vec![people("some", 5), people("more", 15)];
            let phase = |name: &str, duration_s| crate::report::PhaseFigures {
                name: name.to_owned(),
                duration_s,
                ..Default::default()
            };
            report.phases = vec![phase("ramp", 2.0), phase("steady", 10.5)];
            report.target.protocol = "rooms".to_owned();
            report.seed = 1;
            change(&mut report);
            report
        };
        let base = plan(&|_| ());
        type Case<'a> = (&'a dyn Fn(&mut Report), Option<&'a str>);
        let cases: [Case<'_>; 9] = [
            (&|_| (), None),
            // These may differ: they are what is compared.
            (&|report| report.target.url = "ws://elsewhere/".to_owned(), None),
            (&|report| report.scenario.name = "fan".to_owned(), Some("scenario chat and fan")),
            (&|report| report.plan.headline = "30/s".to_owned(), Some("load 20/s and 30/s")),
            (
                &|report| report.plan.description = "30 clients".to_owned(),
                Some("clients 20 clients and 30 clients"),
            ),
            (
                &|report| report.cohorts[1].clients = 16,
                Some("cohorts 5 x some, 15 x more and 5 x some, 16 x more"),
            ),
            (
                &|report| report.phases[1].duration_s = 11.0,
                Some("phases ramp 2 s, steady 10.5 s and ramp 2 s, steady 11 s"),
            ),
            (&|report| report.target.protocol = "echo".to_owned(), Some("protocol rooms and echo")),
            (&|report| report.seed = 2, Some("seed 1 and 2")),
        ];
        for (change, expected) in cases {
            let other = plan(change);
            let found = of_another_plan(&[&base, &base], &[&base, &other]);
            assert_eq!(found.as_deref(), expected);
            assert_eq!(of_another_plan(&[&base, &other], &[&base]).as_deref(), expected);
        }
        assert_eq!(of_another_plan(&[], &[&base]), None);
    }
}
