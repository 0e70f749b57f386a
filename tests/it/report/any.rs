//! A generator of reports: any figures, any names, any number of everything, sums that add up.

use proptest::collection::vec;
use proptest::prelude::*;
use uproar::measure::{ExampleOf, Hist, encode};
use uproar::metric::{ErrorKind, Metric, Step};
use uproar::report::{
    BusiestWorker, CohortFigures, Deliveries, ErrorGroup, Example, FaultOutcome, Interruption,
    Latency, LimitHit, PhaseFigures, Publishes, Reason, Report, SeriesPoint, Severity,
    SpreadFigures, ThresholdOutcome, ValidityState,
};

use super::samples;

/// Terms of an equation: half a trillion messages is a day at six million a second, and the
/// equation still fits in a line.
const MOST: u64 = 500_000_000_000;

/// Any report whose equations hold, with the verdict its figures call for.
pub(crate) fn report() -> impl Strategy<Value = Report> {
    let lists = (
        vec(threshold(), 0..40),
        vec(reason(), 0..10),
        vec(phase(), 0..30),
        vec(fault(), 0..20),
        vec(error(), 0..20),
        vec(limit(), 0..6),
        vec(name(), 0..5),
        vec(sizes(), 0..18),
        (vec(cohort(), 0..12), vec(example(), 0..12)),
    );
    let figures = (
        vec((metric(), latency()), 0..18),
        publishes(),
        deliveries(),
        (figure(), figure(), figure(), figure()),
        (name(), name(), name()),
        prop_oneof![
            Just(None),
            Just(Some(Interruption::Interrupt)),
            Just(Some(Interruption::Terminate))
        ],
        prop_oneof![
            Just(ValidityState::Valid),
            Just(ValidityState::Suspect),
            Just(ValidityState::Invalid)
        ],
        (proptest::option::of(share()), vec(point(), 0..12)),
    );
    (lists, figures).prop_map(|(lists, figures)| {
        let mut report = Report::default();
        let (thresholds, reasons, phases, faults, errors, limits, closed_loop, sizes, last) = lists;
        report.thresholds = thresholds;
        report.validity.reasons = reasons;
        report.phases = phases;
        report.faults = faults;
        report.errors = errors;
        report.limits_hit = limits;
        report.closed_loop = closed_loop;
        report.spread_by_size = sizes;
        (report.cohorts, report.examples) = last;
        let (latency, publishes, deliveries, clients, names, interrupted, validity, rest) = figures;
        let (busiest, series) = rest;
        report.series = series;
        report.latency = latency.into_iter().collect();
        report.publishes = publishes;
        report.deliveries = deliveries;
        (report.clients.planned, report.clients.joined) = (clients.0, clients.1);
        (report.clients.never_joined, report.connections.lost) = (clients.2, clients.3);
        (report.scenario.name, report.plan.description, report.target.url) = names;
        report.run.interrupted = interrupted;
        report.validity.state = validity;
        report.generator.busiest_worker = busiest.map(|share| BusiestWorker { worker: 1, share });
        samples::decided(report)
    })
}

/// Any character, control characters included, and lengths that no line holds.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z-]{1,12}",
        vec(any::<char>(), 0..40).prop_map(String::from_iter),
        "[\\x00-\\x1f\\x7f-\\x9f|<`\"🎉日本 ]{0,300}",
    ]
}

fn figure() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..2_000_u64, 0..=u64::MAX]
}

/// Short decimals, and such as only all their digits tell.
fn share() -> impl Strategy<Value = f64> {
    prop_oneof![(0..=2_000_000_u32).prop_map(|n| f64::from(n) / 1_000.0), 0.0..2_000.0_f64]
}

fn metric() -> impl Strategy<Value = Metric> {
    proptest::sample::select(Metric::ALL.to_vec())
}

fn latency() -> impl Strategy<Value = Latency> {
    let some = || proptest::option::of(figure());
    (figure(), some(), some(), some(), some(), some()).prop_map(
        |(count, p50, p90, p99, p99_9, max)| Latency {
            count,
            p50,
            p90,
            p99,
            p99_9,
            max,
            ..Latency::default()
        },
    )
}

fn publishes() -> impl Strategy<Value = Publishes> {
    let answers = proptest::option::of((figure(), figure(), figure()));
    (0..=MOST, 0..=MOST, answers).prop_map(|(sent, not_sent, answers)| Publishes {
        due: sent + not_sent,
        sent,
        not_sent,
        acked: answers.map(|of| of.0),
        rejected: answers.map(|of| of.1),
        unacked: answers.map(|of| of.2),
        acks_unknown: answers.map(|of| of.1),
    })
}

fn deliveries() -> impl Strategy<Value = Deliveries> {
    let some = || proptest::option::of(figure());
    (0..=MOST, proptest::option::of(0..=MOST), some(), some(), some()).prop_map(
        |(delivered, lost, uncertain, odd, away)| Deliveries {
            expected: lost.map(|lost| delivered + lost),
            delivered,
            lost,
            acked_lost: odd,
            duplicated: odd,
            reordered: odd,
            corrupted: odd,
            missed_away: away,
            replayed: odd,
            uncertain,
            joining: odd,
            cut_off: away,
            unfinished: odd,
            unexpected: odd,
            foreign: away,
            late: odd,
        },
    )
}

fn sizes() -> impl Strategy<Value = SpreadFigures> {
    (figure(), figure(), figure(), latency(), latency(), latency()).prop_map(
        |(recipients_from, recipients_to, messages, first, last, spread)| SpreadFigures {
            recipients_from,
            recipients_to,
            messages,
            first,
            last,
            spread,
        },
    )
}

fn cohort() -> impl Strategy<Value = CohortFigures> {
    (name(), figure(), name(), deliveries(), vec((metric(), latency()), 0..9)).prop_map(
        |(name, clients, codec, deliveries, latency)| CohortFigures {
            name,
            clients,
            codec,
            deliveries,
            latency: latency.into_iter().collect(),
        },
    )
}

fn threshold() -> impl Strategy<Value = ThresholdOutcome> {
    (name(), name(), proptest::option::of(share()), name(), any::<bool>(), name()).prop_map(
        |(metric, condition, actual, actual_text, passed, note)| ThresholdOutcome {
            metric,
            condition,
            actual,
            actual_text,
            passed,
            note: Some(note),
            ..ThresholdOutcome::default()
        },
    )
}

fn reason() -> impl Strategy<Value = Reason> {
    let severity =
        prop_oneof![Just(Severity::Note), Just(Severity::Suspect), Just(Severity::Invalid)];
    (severity, name(), name(), name(), name()).prop_map(
        |(severity, what, measured, limit, remedy)| Reason {
            severity,
            what,
            measured,
            limit,
            remedy,
        },
    )
}

fn phase() -> impl Strategy<Value = PhaseFigures> {
    (name(), share(), any::<bool>(), share(), deliveries(), proptest::option::of(latency()))
        .prop_map(|(name, duration_s, measured, per_s, deliveries, delivery)| PhaseFigures {
            name,
            duration_s,
            measured,
            publishes_per_s: per_s,
            deliveries_per_s: per_s * 1_000.0,
            deliveries,
            delivery,
            ..PhaseFigures::default()
        })
}

/// At any time, in any order; with a histogram or with none.
fn point() -> impl Strategy<Value = SeriesPoint> {
    let hdr = prop_oneof![
        Just(None),
        vec(0..u64::MAX, 1..9).prop_map(|values| {
            let mut hist = Hist::with_digits(2);
            values.into_iter().for_each(|us| hist.record(us));
            encode(hist.inner())
        }),
    ];
    let us = || proptest::option::of(figure());
    ((share(), share()), name(), figure(), (us(), us()), hdr, vec(name(), 0..3)).prop_map(
        |((t_s, width_s), phase, n, (p50, p99), delivery_hdr, faults)| SeriesPoint {
            t_s,
            width_s,
            phase,
            clients_up: n,
            publishes: n,
            deliveries: n,
            errors: n,
            delivery_p50_us: p50,
            delivery_p99_us: p99,
            lag_p99_us: p50,
            delivery_hdr,
            faults,
            ..SeriesPoint::default()
        },
    )
}

fn fault() -> impl Strategy<Value = FaultOutcome> {
    let some = || proptest::option::of(share());
    (share(), name(), figure(), figure(), some(), some(), some()).prop_map(
        |(at_s, kind, hit, back, to_50_s, to_99_s, to_all_s)| FaultOutcome {
            at_s,
            kind,
            label: None,
            duration_s: to_50_s,
            hit,
            back,
            sent_home: hit / 3,
            to_50_s,
            to_99_s,
            to_all_s,
            missed_away: None,
            lost: Some(back),
        },
    )
}

fn error() -> impl Strategy<Value = ErrorGroup> {
    let kind = prop_oneof![
        Just(ErrorKind::Refused),
        Just(ErrorKind::HttpStatus),
        Just(ErrorKind::LocalLimit)
    ];
    let detail = proptest::option::of(name());
    (kind, detail, name(), figure(), share(), name()).prop_map(
        |(kind, detail, cohort, count, first_s, example)| {
            let (step, last_s) = (Step::Join, first_s);
            ErrorGroup { kind, detail, step, cohort, count, first_s, last_s, example }
        },
    )
}

fn example() -> impl Strategy<Value = Example> {
    let of =
        proptest::sample::select(vec![ExampleOf::Unmatched, ExampleOf::Corrupted, ExampleOf::Ack]);
    (of, proptest::option::of(name()), figure(), share(), name()).prop_map(
        |(of, name, count, first_s, example)| Example { of, name, count, first_s, example },
    )
}

fn limit() -> impl Strategy<Value = LimitHit> {
    (name(), figure(), name()).prop_map(|(limit, count, effect)| LimitHit { limit, count, effect })
}
