//! Comparisons of runs whose figures are set by hand, and of pools that are drawn.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

use super::*;
use crate::compare::model::{Outcome, Standing};
use crate::metric::Metric;
use crate::report::{Exit, Latency, ValidityState, VerdictState};

fn report(p50: u64) -> Report {
    let mut report = Report::default();
    report.verdict.state = VerdictState::Passed;
    let latency = Latency { p50: Some(p50), ..Latency::default() };
    report.latency.insert(Metric::Delivery, latency);
    report.deliveries.expected = Some(2_500);
    report.deliveries.lost = Some(0);
    report.clients.planned = 20;
    report
}

fn runs(name: &str, p50s: &[u64]) -> Runs {
    let reports = p50s.iter().map(|p50| report(*p50)).collect();
    Runs { name: name.to_owned(), missing: 0, reports }
}

fn gate(name: &str, tolerance: &str) -> Gate {
    let figure = Figure::parse(name).unwrap();
    let tolerance = Tolerance::parse(tolerance, figure.unit()).unwrap();
    Gate { figure, tolerance }
}

fn p50() -> [Gate; 1] {
    [gate("delivery.p50", "10%, 20us")]
}

fn compared(base: &Runs, new: &Runs) -> Comparison {
    compare(base, new, &p50(), Options::default()).unwrap()
}

fn row<'a>(comparison: &'a Comparison, figure: &str) -> &'a Row {
    comparison.rows.iter().find(|row| row.figure == figure).unwrap()
}

fn state(base: &[u64], new: &[u64]) -> State {
    row(&compared(&runs("a", base), &runs("b", new)), "delivery.p50").state
}

/// Five runs, of which some are changed.
fn five(change: impl Fn(usize, &mut Report)) -> Runs {
    let mut runs = runs("b", &[300; 5]);
    runs.reports.iter_mut().enumerate().for_each(|(at, report)| change(at, report));
    runs
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
    let coarse = compared(&runs("a", &[300]), &runs("b", &[390]));
    assert!(coarse.is_regressed());
    assert_eq!(row(&coarse, "delivery.p50").p, None);
    let few = compared(&runs("a", &[300]), &runs("b", &[300]));
    assert_eq!((few.verdict.state, few.verdict.exit), (Outcome::Inconclusive, Exit::Passed));
    assert!(few.verdict.sentence.contains("1 and 1 of 3 a side"), "{}", few.verdict.sentence);
}

/// Both limits of what is called worse by few runs: twice the tolerance, and how far the base's own
/// runs lie apart, a quarter at least.
#[test]
fn far_is_beyond_both_limits_and_not_on_them() {
    for (tolerance, base, new, expected) in [
        // A quarter of 300.
        ("10%, 20us", &[300][..], 375, State::Inconclusive),
        ("10%, 20us", &[300], 376, State::WorseCoarsely),
        // Twice 20 %, and twice 50 us.
        ("20%, 20us", &[300], 420, State::Inconclusive),
        ("20%, 20us", &[300], 421, State::WorseCoarsely),
        ("10%, 50us", &[300], 400, State::Inconclusive),
        ("10%, 50us", &[300], 401, State::WorseCoarsely),
        // These lie 200 apart.
        ("10%, 20us", &[200, 300, 400], 500, State::Inconclusive),
        ("10%, 20us", &[200, 300, 400], 501, State::WorseCoarsely),
    ] {
        let base = runs("a", base);
        let gates = [gate("delivery.p50", tolerance)];
        let compared = compare(&base, &runs("b", &[new]), &gates, Options::default()).unwrap();
        let found = row(&compared, "delivery.p50").state;
        assert_eq!(found, expected, "{tolerance} {new}");
    }
}

#[test]
fn what_too_few_runs_need_is_told_of_figures_that_both_sides_have() {
    let (mut base, new) = (runs("a", &[300; 2]), runs("b", &[300; 2]));
    // One that only the base has, before the one of both.
    for report in &mut base.reports {
        report.latency.insert(Metric::Join, Latency { p50: Some(5), ..Latency::default() });
    }
    let gates = [gate("join.p50", "10%"), gate("delivery.p50", "10%")];
    let of_two = compare(&base, &new, &gates, Options::default()).unwrap();
    let note = "too few runs to show a small change: 2 and 2, 3 a side are needed for 2 figures";
    assert!(of_two.notes.contains(&note.to_owned()), "{:?}", of_two.notes);
    assert_eq!(row(&of_two, "join.p50").state, State::Gone);
    assert_eq!(row(&of_two, "join.p50").p, None);
    let few = compared(&runs("a", &[300]), &new);
    let note = "too few runs to show a small change: 1 and 2, 3 a side are needed for 1 figure";
    assert_eq!(few.notes, [note]);
    // Three are enough for it, whatever else there is to judge by.
    let three = compared(&runs("a", &[300; 3]), &runs("b", &[300; 3]));
    assert_eq!((three.verdict.state, three.notes.len()), (Outcome::Same, 0));
}

#[test]
fn a_row_says_how_much_its_medians_differ() {
    let gates = [gate("delivery.p50", "10%, 20us"), gate("uncertain", "10%")];
    let mut new = runs("b", &[402; 5]);
    let base = five(|_, report| report.deliveries.uncertain = Some(0));
    new.reports.iter_mut().for_each(|report| report.deliveries.uncertain = Some(9));
    let compared = compare(&base, &new, &gates, Options::default()).unwrap();
    let p50 = row(&compared, "delivery.p50");
    assert!((p50.change.unwrap() - 0.34).abs() < 1e-12, "{p50:?}");
    assert_eq!(
        (p50.kind, p50.is_time, p50.tolerance),
        (Kind::Decides, true, Some(gates[0].tolerance))
    );
    // Nothing is a share of 0.
    let uncertain = row(&compared, "uncertain");
    assert_eq!((uncertain.change, uncertain.is_time), (None, false));
    assert_eq!(uncertain.state, State::Worse);
}

/// A report with figures that are only told: bytes and CPU of a single delivery.
fn costly(p50: u64, p99: u64, cpu: f64, bytes: u64) -> Report {
    let mut report = report(p50);
    report
        .latency
        .insert(Metric::Delivery, Latency { p50: Some(p50), p99: Some(p99), ..Latency::default() });
    report.deliveries.delivered = 1;
    report.generator.cpu_s = Some(cpu);
    report.server = Some(crate::report::ProcessUse { cpu_s: Some(cpu), ..Default::default() });
    report.bytes.sent = bytes;
    report
}

fn costs(name: &str, reports: impl Iterator<Item = Report>) -> Runs {
    Runs { name: name.to_owned(), missing: 0, reports: reports.collect() }
}

/// Five of each: one of 252 splits is as uneven, in either direction, with four figures to look at.
#[test]
fn what_is_only_told_is_higher_or_lower_by_ranks_and_decides_nothing() {
    let base = costs("a", (0..5).map(|at| costly(300, 600 + at, 0.5, 900 + at)));
    let new = costs("b", (0..5).map(|at| costly(300, 700 + at, 0.5, 800 + at)));
    let found = compared(&base, &new);
    let told: Vec<_> = found.rows.iter().filter(|row| row.kind == Kind::Told).collect();
    let states: Vec<_> = told.iter().map(|row| (row.figure.as_str(), row.state)).collect();
    let expected = [
        ("delivery.p99", State::Higher),
        ("generator.cpu", State::Same),
        ("server.cpu", State::Same),
        ("bytes", State::Lower),
    ];
    assert_eq!(states, expected);
    let ps: Vec<f64> = told.iter().map(|row| row.p.unwrap()).collect();
    let eight = 8.0 / 252.0;
    for (p, expected) in ps.iter().zip([eight, 1.0, 1.0, eight]) {
        assert!((p - expected).abs() < 1e-12, "{ps:?}");
    }
    assert_eq!((told[1].is_time, told[3].is_time, told[0].tolerance), (true, false, None));
    assert_eq!(found.verdict.state, Outcome::Same);

    // Five and four have 126 splits: not enough for two directions of four figures.
    let few = Runs { reports: new.reports[..4].to_vec(), ..new.clone() };
    let compared = compared(&base, &few);
    for row in compared.rows.iter().filter(|row| row.kind == Kind::Told) {
        assert_eq!((row.state, row.p), (State::Inconclusive, None), "{row:?}");
    }
    // A figure that decides is not told as well.
    let gates = [gate("delivery.p50", "10%"), gate("bytes", "10%")];
    let compared = compare(&base, &new, &gates, Options::default()).unwrap();
    let told = compared.rows.iter().filter(|row| row.kind == Kind::Told);
    let names: Vec<_> = told.map(|row| row.figure.as_str()).collect();
    assert_eq!(names, ["delivery.p99", "generator.cpu", "server.cpu"]);
}

#[test]
fn what_is_told_may_be_higher_though_its_medians_are_equal() {
    let side = |name: &str, low: u64, high: u64| {
        let of = move |at| if at < 5 { low } else { high };
        costs(name, (0..11).map(move |at| costly(300, of(at), 0.5, 900)))
    };
    // 3 in the middle of both: five lower values on one side, five higher ones on the other.
    let base = side("a", 1, 3);
    let mut new = side("b", 9, 3);
    let p99 = |a: &Runs, b: &Runs| {
        let compared = compared(a, b);
        let row = row(&compared, "delivery.p99");
        (row.state, row.change)
    };
    assert_eq!(p99(&base, &new), (State::Higher, Some(0.0)));
    assert_eq!(p99(&new, &base), (State::Lower, Some(0.0)));
    new.reports.clone_from(&base.reports);
    assert_eq!(p99(&base, &new), (State::Same, Some(0.0)));
}

#[test]
fn deliveries_decide_where_nobody_says_otherwise_and_pushes_where_there_are_none() {
    let of = |metric, p50, p99| {
        let mut report = Report::default();
        report.latency.insert(metric, Latency { p50, p99, ..Latency::default() });
        report
    };
    let gates = |reports: &[Report]| -> Vec<(String, Tolerance)> {
        let gates = default_gates(reports).into_iter();
        gates.map(|gate| (gate.figure.name, gate.tolerance)).collect()
    };
    let is = |name: &str, absolute| (name.to_owned(), Tolerance { relative: 0.1, absolute });
    let delivered = of(Metric::Delivery, Some(1), Some(2));
    let pushed = of(Metric::Push, Some(1), Some(2));
    let scarce = of(Metric::Delivery, Some(1), None);
    let both = [is("delivery.p50", 20.0), is("delivery.p99", 2_000.0)];
    assert_eq!(gates(&[Report::default(), delivered, pushed.clone()]), both);
    assert_eq!(gates(&[scarce]), both[..1]);
    assert_eq!(gates(&[pushed]), [is("push.p50", 1_000.0), is("push.p99", 5_000.0)]);
    assert_eq!(gates(&[Report::default()]), []);
}

/// So many runs a side with so many figures, of which the first is ten times as large on the new side
/// and the others are equal but for noise.
fn tenfold(of_base: usize, of_new: usize, gates: usize) -> (Runs, Runs, Vec<Gate>) {
    let side = |name: &str, runs: usize, factor: f64| {
        let report = |run: usize| {
            let mut report = report(300);
            for (at, metric) in Metric::ALL.into_iter().enumerate().take(gates) {
                let noise = ((at * 7 + run * 3) % 5) as f64;
                let mean = 1_000.0 * if at == 0 { factor } else { 1.0 } + noise;
                let latency = Latency { mean: Some(mean), ..Latency::default() };
                report.latency.insert(metric, latency);
            }
            report
        };
        Runs { name: name.to_owned(), missing: 0, reports: (0..runs).map(report).collect() }
    };
    let names = Metric::ALL.into_iter().take(gates);
    let gates = names.map(|metric| gate(&format!("{}.mean", metric.name()), "10%, 20us"));
    (side("a", of_base, 1.0), side("b", of_new, 10.0), gates.collect())
}

#[test]
fn ten_times_as_large_is_caught_with_any_number_of_runs_and_figures() {
    for base in 1..=8 {
        for new in [base, 1, 5] {
            for gates in 1..=20 {
                let (a, b, all) = tenfold(base, new, gates);
                let compared = compare(&a, &b, &all, Options::default()).unwrap();
                let case = format!("{base} and {new} runs, {gates} figures");
                let first = row(&compared, "delivery.mean");
                let enough = can_decide(base, new, gates);
                let expected = if enough { State::Worse } else { State::WorseCoarsely };
                assert_eq!((first.state, first.p.is_some()), (expected, enough), "{case}");
                assert_eq!(compared.verdict.exit, Exit::Failed, "{case}");
                let others = compared.rows.iter().filter(|row| row.state.fails()).count();
                assert_eq!(others, 1, "{case}");
                // The other way round nothing is worse; and it is not called the same by too few.
                let back = compare(&b, &a, &all, Options::default()).unwrap();
                let word = if enough { Outcome::Same } else { Outcome::Inconclusive };
                let swapped = can_decide(new, base, gates);
                assert_eq!(enough, swapped);
                assert_eq!(back.verdict.state, word, "{case}");
            }
        }
    }
}

#[test]
fn beyond_its_tolerance_is_never_the_same() {
    for runs in 1..=8 {
        for gates in 1..=20 {
            let (a, mut b, all) = tenfold(runs, runs, gates);
            // By a fifth, in all runs; or in all but one, which is as fast as the base.
            for (at, report) in b.reports.iter_mut().enumerate() {
                let mean = if at == 0 && runs > 2 { 1_000.0 } else { 1_200.0 };
                let latency = Latency { mean: Some(mean), ..Latency::default() };
                report.latency.insert(Metric::Delivery, latency);
            }
            let compared = compare(&a, &b, &all, Options::default()).unwrap();
            let first = row(&compared, "delivery.mean");
            let case = format!("{runs} runs, {gates} figures: {first:?}");
            assert!(first.change.is_some_and(|change| change > 0.15), "{case}");
            assert_ne!(compared.verdict.state, Outcome::Same, "{case}");
        }
    }
}

#[test]
fn the_limit_counts_only_figures_that_both_sides_have() {
    let mut gates = p50().to_vec();
    gates.extend(["join.p50", "ack.p50", "replay.p50"].map(|name| gate(name, "10%")));
    let (base, new) = (runs("a", &[300, 301, 302, 303]), runs("b", &[400, 401, 402, 403]));
    let compared = compare(&base, &new, &gates, Options::default()).unwrap();
    let first = row(&compared, "delivery.p50");
    assert_eq!(first.state, State::Worse);
    assert!((first.p.unwrap() - 1.0 / 70.0).abs() < 1e-12);
}

#[test]
fn a_figure_that_is_gone_fails_and_one_that_never_was_does_not() {
    let gone = five(|_, report| report.latency.clear());
    let gates = [gate("delivery.p50", "10%"), gate("join.p50", "10%")];
    let base = runs("a", &[300; 5]);
    let compared = compare(&base, &gone, &gates, Options::default()).unwrap();
    let states = ["delivery.p50", "join.p50"].map(|name| row(&compared, name).state);
    assert_eq!(states, [State::Gone, State::Unknown]);
    assert!(compared.is_regressed());
    // One that some runs of the base had too few samples for may be missing by chance.
    let scarce = five(|at, report| {
        if at > 0 {
            report.latency.clear();
        }
    });
    let compared = compare(&scarce, &gone, &gates, Options::default()).unwrap();
    assert_eq!(row(&compared, "delivery.p50").state, State::Inconclusive);
    assert_eq!(compared.verdict.state, Outcome::Inconclusive);
}

#[test]
fn what_must_be_0_decides_whatever_the_latencies_say() {
    let base = runs("a", &[300; 5]);
    let thirds = five(|_, report| report.deliveries.lost = Some(750));
    for (base, new) in [(&base, &thirds), (&runs("a", &[300]), &runs("b", &[300]))] {
        let mut new = new.clone();
        new.reports[0].deliveries.lost = Some(750);
        let compared = compared(base, &new);
        assert_eq!(compared.verdict.state, Outcome::Regressed);
        assert_eq!(compared.verdict.exit, Exit::Failed);
        assert!(compared.verdict.sentence.starts_with("lost is "), "{}", compared.verdict.sentence);
        assert!(
            compared.verdict.sentence.contains("(30 %), was 0"),
            "{}",
            compared.verdict.sentence
        );
    }
    let one = five(|at, report| report.clients.never_joined = u64::from(at == 3));
    let compared = compared(&base, &one);
    assert_eq!(compared.verdict.sentence, "clients.never_joined is 1 of 100 (1 %), was 0");
    // Another machine is no reason to lose messages.
    let mut strange = thirds.clone();
    strange.reports[0].host.fingerprint = "other".to_owned();
    let told = compare(&base, &strange, &p50(), Options::default()).unwrap();
    assert!(told.advisory.is_some() && told.is_regressed());
    // Nor is another codec.
    let only_tells = Options { only_tells: true, ..Options::default() };
    assert!(compare(&base, &thirds, &p50(), only_tells).unwrap().is_regressed());
    assert!(!compare(&base, &runs("b", &[900; 5]), &p50(), only_tells).unwrap().is_regressed());
}

#[test]
fn the_largest_share_is_named_first_and_a_tolerance_takes_its_place() {
    let base = runs("a", &[300; 5]);
    let bad = five(|_, report| {
        report.deliveries.lost = Some(1);
        report.clients.never_joined = 10;
        report.deliveries.reordered = Some(2);
    });
    let mut base_known = base.clone();
    base_known.reports.iter_mut().for_each(|report| report.deliveries.reordered = Some(0));
    let compared = compared(&base_known, &bad);
    assert_eq!(
        compared.verdict.sentence,
        "clients.never_joined is 50 of 100 (50 %), was 0; also worse: lost, reordered"
    );
    // By name it is loosened: five of each run are nothing, and it has no other row.
    let loose = [gate("lost", "0%, 5")];
    let few = five(|_, report| report.deliveries.lost = Some(4));
    let compared = compare(&base, &few, &loose, Options::default()).unwrap();
    assert_eq!(row(&compared, "lost").state, State::Higher);
    assert_eq!(compared.rows.iter().filter(|row| row.figure == "lost").count(), 1);
    let many = five(|_, report| report.deliveries.lost = Some(9));
    assert!(compare(&base, &many, &loose, Options::default()).unwrap().is_regressed());
}

fn with(verdict: VerdictState, some: usize) -> Runs {
    five(move |at, report| {
        if at < some {
            report.verdict.state = verdict;
            report.verdict.sentence = "1 of 1 thresholds: lost was 3, should be 0".to_owned();
        }
    })
}

#[test]
fn what_the_runs_came_to_decides() {
    use VerdictState::{Failed, Interrupted, Invalid, Passed, Unreachable};
    let words = |base: &Runs, new: &Runs| {
        let verdict = compared(base, new).verdict;
        (verdict.state, verdict.exit, verdict.sentence)
    };
    for (base, new, state, exit, sentence) in [
        (
            (Passed, 0),
            (Passed, 0),
            Outcome::Same,
            Exit::Passed,
            "nothing is worse beyond its tolerance",
        ),
        (
            (Passed, 0),
            (Failed, 1),
            Outcome::Regressed,
            Exit::Failed,
            "1 of 5 runs of the new side failed, none of the base's 5 (1 of 1 thresholds",
        ),
        (
            (Failed, 1),
            (Failed, 5),
            Outcome::Regressed,
            Exit::Failed,
            "5 of 5 runs of the new side failed, 1 of the base's 5",
        ),
        (
            (Failed, 1),
            (Failed, 2),
            Outcome::Failed,
            Exit::Failed,
            "2 of 5 runs of the new side failed, as runs of the base did",
        ),
        (
            (Failed, 5),
            (Failed, 5),
            Outcome::Failed,
            Exit::Failed,
            "5 of 5 runs of the new side failed",
        ),
        (
            (Failed, 5),
            (Passed, 0),
            Outcome::Same,
            Exit::Passed,
            "nothing is worse beyond its tolerance; runs of base: 5 of 5 FAILED",
        ),
        (
            (Passed, 0),
            (Unreachable, 1),
            Outcome::Regressed,
            Exit::Unreachable,
            "nobody joined in 1 of 5 runs of the new side",
        ),
        (
            (Unreachable, 5),
            (Unreachable, 5),
            Outcome::Failed,
            Exit::Unreachable,
            "5 of 5 runs of the new side failed, as runs",
        ),
        // As many as are left are enough for one figure: three of each.
        (
            (Passed, 0),
            (Invalid, 2),
            Outcome::Same,
            Exit::Passed,
            "nothing is worse beyond its tolerance; runs of new: 2 of 5 invalid",
        ),
        (
            (Passed, 0),
            (Invalid, 5),
            Outcome::Inconclusive,
            Exit::Invalid,
            "too few runs can be trusted: 5 and 0",
        ),
        (
            (Invalid, 4),
            (Invalid, 4),
            Outcome::Inconclusive,
            Exit::Invalid,
            "too few runs can be trusted: 1 and 1",
        ),
        (
            (Interrupted, 4),
            (Interrupted, 3),
            Outcome::Inconclusive,
            Exit::Invalid,
            "too few runs can be trusted: 1 and 2",
        ),
        (
            (Passed, 0),
            (Interrupted, 1),
            Outcome::Same,
            Exit::Passed,
            "nothing is worse beyond its tolerance; runs of new: 1 of 5 interrupted",
        ),
    ] {
        let (base, new) = (with(base.0, base.1), with(new.0, new.1));
        let found = words(&base, &new);
        assert_eq!((found.0, found.1), (state, exit), "{sentence}: {}", found.2);
        assert!(found.2.starts_with(sentence), "{sentence}: {}", found.2);
    }
    let mut lacks = runs("b", &[300; 5]);
    lacks.missing = 3;
    let told = words(&lacks, &lacks);
    assert_eq!(told.0, Outcome::Same, "{}", told.2);
    assert!(told.2.contains("base: 3 of 8 without a report"), "{}", told.2);
    // Nobody got in: the base's runs had somebody.
    let refused = with(Unreachable, 1);
    let refused = Runs { reports: refused.reports[..1].to_vec(), ..refused };
    let told = words(&runs("a", &[300; 5]), &refused);
    assert_eq!((told.0, told.1), (Outcome::Regressed, Exit::Unreachable), "{}", told.2);
    assert!(told.2.starts_with("nobody joined in the one run of the new side"), "{}", told.2);
    let nothing = Runs { reports: Vec::new(), ..lacks };
    assert_eq!(words(&runs("a", &[300; 5]), &nothing).1, Exit::Invalid);
}

#[test]
fn other_plans_are_refused_and_other_machines_only_tell() {
    let (mut base, mut new) = (runs("a", &[300; 5]), runs("b", &[500; 5]));
    new.reports[2].host.fingerprint = "other".to_owned();
    base.reports[0].host.hostname = "here".to_owned();
    new.reports[2].host.hostname = "there".to_owned();
    let told = compared(&base, &new);
    assert_eq!(
        told.advisory.as_deref(),
        Some(
            "the base was measured on another machine (here and there): times and costs are shown and decide nothing; \
             --any-host makes them decide"
        )
    );
    assert_eq!((told.verdict.state, told.verdict.exit), (Outcome::WorseAdvisory, Exit::Passed));
    assert_eq!(compared(&base, &base).advisory, None);
    let only_tells = Options { only_tells: true, ..Options::default() };
    let told = compare(&base, &base, &p50(), only_tells).unwrap();
    assert_eq!(told.advisory.as_deref(), Some("times and costs are shown here and decide nothing"));
    let decides = Options { any_host: true, ..Options::default() };
    assert!(compare(&base, &new, &p50(), decides).unwrap().is_regressed());

    new.reports[3].scenario.name = "other".to_owned();
    let (why, _) = compare(&base, &new, &p50(), decides).unwrap_err();
    assert!(why.contains("different plans"), "{why}");
    let any = Options { any_plan: true, ..decides };
    let any_plan = compare(&base, &new, &p50(), any).unwrap();
    assert!(any_plan.is_regressed());
    assert_eq!(any_plan.notes, ["the runs are of different plans: scenario  and other"]);
    let (why, _) = compare(&Runs::default(), &new, &p50(), any).unwrap_err();
    assert!(why.contains("has no run"), "{why}");
}

#[test]
fn invalid_runs_are_left_out_and_told() {
    let (base, mut new) = (runs("a", &[300; 5]), runs("b", &[300, 300, 300, 300, 9_000]));
    new.reports[4].validity.state = ValidityState::Invalid;
    // Whatever it lost may be our own fault.
    new.reports[4].deliveries.lost = Some(9);
    let compared = compared(&base, &new);
    assert_eq!(row(&compared, "delivery.p50").new.as_ref().unwrap().max, 300.0);
    assert_eq!(row(&compared, "lost").state, State::Same);
    assert!(compared.notes.iter().any(|note| note.contains("left out")), "{:?}", compared.notes);
    assert_eq!(compared.runs.len(), 10);
    assert_eq!((compared.runs[9].side, compared.runs[9].number), ("new", 5));
    assert_eq!(compared.runs[9].standing, Standing::Invalid);
}

#[test]
fn a_run_on_both_sides_is_told() {
    let mut runs = runs("a", &[300; 5]);
    runs.reports[2].run.id = "f00d".to_owned();
    let told = compared(&runs, &runs);
    assert!(
        told.notes.iter().any(|note| note.contains("1 run is on both sides")),
        "{:?}",
        told.notes
    );
}

#[test]
fn json_has_the_verdict() {
    let thirds = five(|_, report| report.deliveries.lost = Some(750));
    let json = serde_json::to_value(compared(&runs("a", &[300; 5]), &thirds)).unwrap();
    assert_eq!(json["verdict"]["state"], "regressed");
    assert_eq!(json["verdict"]["exit_code"], 1);
    assert_eq!(json["verdict"]["sentence"], "lost is 3,750 of 12,500 (30 %), was 0");
    assert_eq!(json["rows"][0]["kind"], "must_be_zero");
    assert_eq!(json["rows"][0]["new"]["tally"]["share"], 0.3);
    assert_eq!(json["runs"][0]["side"], "base");
    assert_eq!(json["runs"][0]["verdict"], "passed");
}

/// Equal pools, drawn as latencies are (log-normal): what docs/ci.md says of false alarms. By ranks at
/// most one comparison in twenty may fail whatever the runs are like, and the tolerance makes that
/// fewer.
#[test]
fn equal_pools_rarely_fail() {
    let mut rng = Pcg64Mcg::seed_from_u64(11);
    let mut draw = |spread: f64| {
        // The sum of twelve is near enough to normal.
        let normal: f64 = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
        (10_000.0 * (normal * spread).exp()) as u64
    };
    let gates = [gate("delivery.p50", "10%, 20us"), gate("delivery.p99", "10%, 2ms")];
    // Runs a side, how far they lie apart, how many times, and the share that may fail at most. Of n
    // draws a share of s is off by sqrt(s (1 - s) / n) as a rule. Of 3,000 of each, 0.4, 2.8, 2.2,
    // 5.0, 0.1 and 52 % failed: with these n, each limit but that of eight is three times as far off
    // or more. Eight have 12,870 splits to look at, so that they use the 5 % up and take longest:
    // their limit is twice as far off.
    for (count, spread, times, most) in [
        (5, 0.05, 1_000, 0.01),
        (5, 0.3, 600, 0.05),
        (4, 0.3, 600, 0.05),
        (8, 0.3, 1_000, 0.065),
        (1, 0.05, 1_000, 0.01),
        (1, 0.3, 2_400, 0.55),
    ] {
        let mut failed = 0;
        for _ in 0..times {
            let mut side = |name: &str| {
                let reports = (0..count).map(|_| {
                    let mut report = report(draw(spread));
                    let p99 = Some(3 * draw(spread));
                    report.latency.get_mut(&Metric::Delivery).unwrap().p99 = p99;
                    report
                });
                Runs { name: name.to_owned(), missing: 0, reports: reports.collect() }
            };
            let (a, b) = (side("a"), side("b"));
            let compared = compare(&a, &b, &gates, Options::default()).unwrap();
            failed += u32::from(compared.verdict.exit != Exit::Passed);
        }
        let share = f64::from(failed) / f64::from(times);
        println!("{count} runs a side, {spread}: {share}");
        assert!(share <= most, "{count} runs a side, {spread}: {share}");
    }
}
