//! Reports with invented figures, one for every way a run can end.

use std::collections::BTreeMap;

use uproar::machine::host::Host;
use uproar::measure::ExampleOf;
use uproar::metric::{ErrorKind, Metric, Step};
use uproar::report::sentence::sentence;
use uproar::report::verdict::{Evidence, Trust};
use uproar::report::{
    Build, BusiestWorker, Bytes, Clients, CloseGroup, CohortFigures, Connections, Deliveries,
    ErrorGroup, Example, FaultOutcome, Frames, Interruption, Latency, LedgerScope, LimitHit,
    MachineUse, PhaseFigures, PlanSummary, ProcessUse, Publishes, Reason, Report, RuleFigures, Run,
    ScenarioSummary, SeriesPoint, Severity, Side, SpreadFigures, Target, ThresholdOutcome,
    Validity, ValidityState, VerdictState,
};

/// A run where all went well: the example of the README.
pub(crate) fn passed() -> Report {
    decided(figures())
}

/// The same with a threshold that failed.
pub(crate) fn failed() -> Report {
    let mut report = figures();
    report.thresholds[0].actual = Some(412_000.0);
    report.thresholds[0].actual_text = "412 ms".to_owned();
    report.thresholds[0].passed = false;
    report.thresholds[0].note = Some("first over at 41 s, 1 s into \"spike\"".to_owned());
    decided(report)
}

/// The same, measured by a generator that could not keep up.
pub(crate) fn invalid() -> Report {
    let mut report = figures();
    report.generator.busiest_worker = Some(BusiestWorker { worker: 2, share: 0.991 });
    report.latency.insert(Metric::Lag, latency(60_000, [900, 4_000, 6_000, 8_100, 9_000, 9_500]));
    report.validity = Validity {
        state: ValidityState::Invalid,
        reasons: vec![
            Reason {
                severity: Severity::Invalid,
                what: "the generator was the bottleneck".to_owned(),
                measured: "worker 2 at 99 % of a core for 21 s".to_owned(),
                limit: "95 % for 3 s".to_owned(),
                remedy: "fewer clients or a lower rate here, or a machine with more cores"
                    .to_owned(),
            },
            Reason {
                severity: Severity::Suspect,
                what: "messages left late".to_owned(),
                measured: "lag p99 8.1 ms".to_owned(),
                limit: "1 ms".to_owned(),
                remedy: "the same".to_owned(),
            },
            same_host(),
        ],
    };
    decided(report)
}

/// A server that let nobody in.
pub(crate) fn unreachable() -> Report {
    let mut report = figures();
    report.target = Target {
        builtin: false,
        url: "wss://chat.staging.example.com/ws".to_owned(),
        protocol: "rooms".to_owned(),
        codecs: vec!["json".to_owned()],
    };
    report.server = None;
    report.clients = Clients { planned: 1_000, never_joined: 1_000, ..Clients::default() };
    report.connections = Connections { attempted: 1_000, failed: 1_000, ..Connections::default() };
    report.publishes = Publishes::default();
    report.deliveries = Deliveries { expected: Some(0), lost: Some(0), ..Deliveries::default() };
    report.latency.clear();
    report.phases.clear();
    report.spread_by_size.clear();
    report.faults.clear();
    report.thresholds = vec![ThresholdOutcome {
        metric: "clients.never_joined".to_owned(),
        condition: "== 0".to_owned(),
        actual: Some(1_000.0),
        actual_text: "1,000".to_owned(),
        passed: false,
        note: None,
        ..ThresholdOutcome::default()
    }];
    report.errors = vec![error(ErrorKind::HttpStatus, Step::Upgrade, 1_000, "403 Forbidden")];
    report.validity = Validity::default();
    report.generator.busiest_worker = None;
    decided(report)
}

fn rule_of(protocol: &str, rule: &str, when: &str, frames: u64) -> RuleFigures {
    let [protocol, rule, when] = [protocol, rule, when].map(str::to_owned);
    RuleFigures { protocol, rule, when, frames }
}

/// Ctrl-C in the middle, with a threshold that had failed by then.
pub(crate) fn interrupted() -> Report {
    let mut report = failed();
    report.run.interrupted = Some(Interruption::Interrupt);
    report.run.duration_s = 42.3;
    decided(report)
}

/// Two cohorts whose clients speak differently, half of which came back from a fault.
pub(crate) fn cohorts() -> Report {
    let mut report = figures();
    let deliveries = &mut report.cohorts[0].deliveries;
    (deliveries.expected, deliveries.delivered) = (Some(598_870), 598_870);
    let binary = report.cohorts[0].clone();
    report.cohorts.push(CohortFigures {
        name: "lurkers-who-speak-binary".to_owned(),
        codec: "binary".to_owned(),
        latency: BTreeMap::from([
            (Metric::Delivery, latency(598_870, [120, 700, 1_800, 3_100, 9_000, 12_000])),
            (Metric::Reconnect, latency(1_300, [190_000, 410_000, 850_000, 930_000, 0, 1_200_000])),
        ]),
        ..binary
    });
    decided(report)
}

/// A server that acknowledges, loses what it acknowledged, and replays to those who come back.
pub(crate) fn acknowledged() -> Report {
    let mut report = figures();
    report.publishes.acked = Some(59_990);
    report.publishes.rejected = Some(4);
    report.publishes.unacked = Some(6);
    let deliveries = &mut report.deliveries;
    (deliveries.delivered, deliveries.lost) = (1_197_737, Some(3));
    (deliveries.acked_lost, deliveries.corrupted) = (Some(2), Some(1));
    (deliveries.missed_away, deliveries.replayed) = (Some(0), Some(2_112));
    report.thresholds[1].actual = Some(3.0);
    report.thresholds[1].actual_text = "3".to_owned();
    report.thresholds[1].passed = false;
    report.publishes.acks_unknown = Some(412);
    report.rules = [
        ("ack", "json /ok = true", 60_402),
        ("[[reply]] 1", "json /type = \"ping\"", 0),
        ("[[ignore]] typing", "json /type = \"typing\"", 412),
        ("[delivery]", "json /type = \"msg\"", 0),
    ]
    .map(|(rule, when, frames)| rule_of("acme", rule, when, frames))
    .to_vec();
    report.frames.ack = 59_990;
    report.frames.ignored = 412;
    report.examples = vec![
        example(ExampleOf::Unmatched, None, "{\"type\":\"presence_diff\",\"joins\":{}}"),
        example(ExampleOf::Corrupted, None, "{\"type\":\"msg\",\"body\":\"upr1abc&amp;def"),
        example(ExampleOf::Ignored, Some("typing"), "{\"type\":\"typing\"}"),
    ];
    for (metric, p50) in [
        (Metric::Ack, 700),
        (Metric::AckFromSent, 600),
        (Metric::Login, 21_000),
        (Metric::Replay, 9_000),
    ] {
        report
            .latency
            .insert(metric, latency(59_990, [90, p50, p50 * 2, p50 * 4, p50 * 8, p50 * 9]));
    }
    decided(report)
}

/// A run that nobody asked anything of.
pub(crate) fn unjudged() -> Report {
    let mut report = figures();
    report.thresholds.clear();
    decided(report)
}

/// A feed: nobody publishes, and much can't be known.
pub(crate) fn feed() -> Report {
    let mut report = figures();
    report.scenario.name = "feed".to_owned();
    report.plan.description = "500 clients listen to a feed of 10 events/s".to_owned();
    report.target.protocol = "feed".to_owned();
    report.publishes = Publishes::default();
    report.deliveries = Deliveries { delivered: 150_000, lost: Some(0), ..Deliveries::default() };
    report.deliveries.reordered = Some(0);
    report.phases[1].deliveries = report.deliveries;
    report.phases[1].publishes_per_s = 0.0;
    report.phases[1].deliveries_per_s = 5_000.0;
    report.phases[1].delivery = None;
    report.latency = BTreeMap::from([
        (Metric::Push, latency(150_000, [300, 900, 1_800, 3_600, 9_100, 12_000])),
        (Metric::Interval, latency(149_500, [90_000, 100_000, 101_000, 104_000, 120_000, 140_000])),
    ]);
    report.faults.clear();
    report.spread_by_size.clear();
    report.clients =
        Clients { planned: 500, joined: 500, peak: 500, at_end: 500, ..Clients::default() };
    report.closed_loop.clear();
    decided(report)
}

/// Far more of everything than fits, and much of it went wrong.
pub(crate) fn huge() -> Report {
    let mut report = failed();
    report.scenario.name = "everything-everywhere-all-at-once-and-then-some".repeat(3);
    report.plan.description = "1,000,000 clients in 50,000 rooms of 20 ".repeat(8);
    let threshold = report.thresholds[1].clone();
    report.thresholds.extend((0..60).map(|i| ThresholdOutcome {
        metric: format!("cohort.talkers.phase.spike-number-{i}.delivery_from_sent.p99.9"),
        passed: i % 2 == 0,
        ..threshold.clone()
    }));
    report.validity.state = ValidityState::Suspect;
    let reasons = (0..20).map(|i| Reason {
        severity: Severity::Suspect,
        what: format!("too few samples for gated percentile number {i}"),
        measured: "812 samples in the whole of the phase".to_owned(),
        limit: "10,000 samples".to_owned(),
        remedy: "a longer phase, more clients, or a percentile that is less far out".to_owned(),
    });
    report.validity.reasons.extend(reasons);
    report.closed_loop = (0..20).map(|i| format!("closed-{i}")).collect();
    for metric in Metric::ALL {
        report.latency.insert(metric, latency(30_000_000_000, [3_600_000_000; 6]));
    }
    let phase = report.phases[1].clone();
    report.phases.extend((0..40).map(|i| PhaseFigures {
        name: format!("a phase whose name goes on and on, number {i}"),
        deliveries_per_s: 1e9,
        ..phase.clone()
    }));
    report.deliveries = Deliveries {
        expected: Some(30_000_000_000),
        delivered: 29_000_000_000,
        lost: Some(1_000_000_000),
        duplicated: Some(1_000_000_000),
        reordered: Some(1_000_000_000),
        corrupted: Some(1_000_000_000),
        missed_away: Some(1_000_000_000),
        acked_lost: Some(1_000_000_000),
        replayed: Some(1_000_000_000),
        uncertain: Some(1_000_000_000),
        joining: Some(1_000_000_000),
        cut_off: Some(1_000_000_000),
        unfinished: Some(1_000_000_000),
        unexpected: Some(1_000_000_000),
        foreign: Some(1_000_000_000),
        late: Some(1_000_000_000),
    };
    report.clients = Clients {
        planned: 1_000_000,
        joined: 990_000,
        never_joined: 10_000,
        sent_home: 0,
        gave_up: 5_000,
        not_back: 5_000,
        stood_still: 1_000_000,
        peak: 990_000,
        at_end: 980_000,
    };
    report.connections.failed = 10_000;
    (report.publishes.acked, report.publishes.rejected) = (Some(29_999_999_999), Some(0));
    report.publishes.unacked = Some(1);
    report.examples = [ExampleOf::Unmatched, ExampleOf::Corrupted, ExampleOf::Ignored]
        .map(|of| example(of, None, &"x".repeat(240)))
        .into();
    let fault = report.faults[0].clone();
    report.faults.extend((0..30).map(|_| FaultOutcome {
        back: 299,
        to_all_s: None,
        lost: Some(1_000_000),
        ..fault.clone()
    }));
    report.errors = (0..50)
        .map(|i| error(ErrorKind::HttpStatus, Step::Upgrade, i * 1_000, &"sorry ".repeat(100)))
        .collect();
    report.limits_hit = (0..10)
        .map(|i| LimitHit {
            limit: format!("bound number {i}, which is described at a length that no line holds"),
            count: 123_456,
            effect: "counted as not sent, and said so in the report".to_owned(),
        })
        .collect();
    report.spread_by_size = (1..=18)
        .map(|i| sizes(i * 50_000, i * 50_000 + 49_999, i * 1_000_000_000, [1, 2, 3_600_000_000]))
        .collect();
    let cohort = report.cohorts[0].clone();
    report.cohorts = (0..100).map(|_| cohort.clone()).collect();
    decided(report)
}

/// Names and words that try to break out of where they are printed.
pub(crate) fn hostile() -> Report {
    const NASTY: &str = "<b>|\"'`\n\u{1b}[31m\u{9b}2J\u{202e}@team #1 🎉日本 https://x.example";
    let mut report = failed();
    report.scenario.name = NASTY.to_owned();
    report.plan.description = NASTY.to_owned();
    report.target.builtin = false;
    report.target.url = format!("ws://{NASTY}");
    report.target.codecs = vec![NASTY.to_owned()];
    for threshold in &mut report.thresholds {
        threshold.metric = format!("cohort.{NASTY}.delivery.p99");
        threshold.note = Some(NASTY.to_owned());
    }
    report.phases[1].name = NASTY.to_owned();
    report.closed_loop = vec![NASTY.to_owned()];
    let cohort = report.cohorts[0].clone();
    report.cohorts =
        vec![CohortFigures { name: NASTY.to_owned(), codec: NASTY.to_owned(), ..cohort }; 2];
    report.faults[0].kind = NASTY.to_owned();
    report.errors = vec![ErrorGroup {
        cohort: NASTY.to_owned(),
        detail: Some(NASTY.to_owned()),
        ..error(ErrorKind::Closed, Step::Active, 7, NASTY)
    }];
    report.rules = vec![rule_of(NASTY, NASTY, NASTY, 0); 2];
    report.examples = vec![
        example(ExampleOf::Unmatched, None, NASTY),
        example(ExampleOf::Ignored, Some(NASTY), NASTY),
    ];
    report.validity.reasons[0].what = NASTY.to_owned();
    report.limits_hit =
        vec![LimitHit { limit: NASTY.to_owned(), count: 1, effect: NASTY.to_owned() }];
    decided(report)
}

/// Every sample with its name.
pub(crate) fn all() -> [(&'static str, Report); 11] {
    [
        ("passed", passed()),
        ("failed", failed()),
        ("invalid", invalid()),
        ("unreachable", unreachable()),
        ("interrupted", interrupted()),
        ("unjudged", unjudged()),
        ("feed", feed()),
        ("cohorts", cohorts()),
        ("acknowledged", acknowledged()),
        ("huge", huge()),
        ("hostile", hostile()),
    ]
}

/// With the verdict that its figures call for.
pub(crate) fn decided(mut report: Report) -> Report {
    let (state, exit) = Evidence::of(&report, Trust::Standard).decide();
    report.verdict.state = state;
    report.verdict.sentence = sentence(&report, state);
    report.run.exit_code = exit.code();
    report
}

/// Microseconds: min, p50, p90, p99, p99.9, max.
fn latency(count: u64, [min, p50, p90, p99, p99_9, max]: [u64; 6]) -> Latency {
    Latency {
        count,
        min: Some(min),
        mean: Some(p50 as f64),
        p50: Some(p50),
        p90: Some(p90),
        p95: Some(p90),
        p99: Some(p99),
        p99_9: Some(p99_9),
        max: Some(max),
        ..Latency::default()
    }
}

/// Messages that so many heard: the medians of first and last, and the last's p99.
fn sizes(from: u64, to: u64, messages: u64, [first, last, p99]: [u64; 3]) -> SpreadFigures {
    let figures = |p50, p99| latency(messages, [p50 / 2, p50, p50, p99, p99, p99]);
    SpreadFigures {
        recipients_from: from,
        recipients_to: to,
        messages,
        first: figures(first, first * 3),
        last: figures(last, p99),
        spread: figures(last - first, p99),
    }
}

fn error(kind: ErrorKind, step: Step, count: u64, example: &str) -> ErrorGroup {
    ErrorGroup {
        kind,
        detail: (kind == ErrorKind::HttpStatus).then(|| "403".to_owned()),
        step,
        cohort: "talkers".to_owned(),
        count,
        first_s: 0.2,
        last_s: 12.0,
        example: example.to_owned(),
    }
}

fn example(of: ExampleOf, name: Option<&str>, text: &str) -> Example {
    let (name, example) = (name.map(str::to_owned), text.to_owned());
    Example { of, name, count: 412, first_s: 0.2, example }
}

fn same_host() -> Reason {
    Reason {
        severity: Severity::Note,
        what: "generator and server share this machine".to_owned(),
        measured: String::new(),
        limit: String::new(),
        remedy: String::new(),
    }
}

fn figures() -> Report {
    let deliveries = Deliveries {
        expected: Some(1_197_740),
        delivered: 1_197_740,
        lost: Some(0),
        acked_lost: None,
        duplicated: Some(0),
        reordered: Some(0),
        corrupted: Some(0),
        missed_away: Some(2_112),
        replayed: Some(0),
        uncertain: Some(148),
        joining: Some(1_204),
        cut_off: Some(31),
        unfinished: Some(0),
        unexpected: Some(0),
        foreign: Some(0),
        late: Some(0),
    };
    let delivery = latency(1_197_740, [120, 800, 1_900, 3_900, 312_000, 1_410_000]);
    let from_sent = latency(1_197_740, [120, 800, 1_900, 3_700, 8_800, 21_400]);
    let ready = Latency { p99_9: None, ..latency(1_300, [400, 900, 1_600, 4_400, 0, 9_000]) };
    let process = ProcessUse {
        cpu_s: Some(14.25),
        busiest_worker: Some(BusiestWorker { worker: 0, share: 0.31 }),
        rss_peak_bytes: Some(43_201_331),
    };
    Report {
        run: Run {
            id: "k3v9q2".to_owned(),
            started_at: "2026-03-14T09:15:00Z".to_owned(),
            duration_s: 50.5,
            measured_s: 40.0,
            command: vec!["uproar".to_owned(), "run".to_owned(), "chat-rooms".to_owned()],
            interrupted: None,
            ended_early: None,
            exit_code: 0,
        },
        uproar: Build {
            version: "0.1.0".to_owned(),
            commit: Some("0123abcd".to_owned()),
            profile: "release".to_owned(),
        },
        scenario: ScenarioSummary {
            name: "chat-rooms".to_owned(),
            question: "How late are messages, and is anything lost?".to_owned(),
            baseline: std::collections::BTreeMap::new(),
        },
        seed: 7,
        plan: PlanSummary {
            headline: "1,000 publishes/s × 20 recipients = 20,000 deliveries/s".to_owned(),
            description: "1,000 clients in 50 rooms of 20, 1 msg/s each".to_owned(),
            clients: 1_000,
            rooms: 50,
            memberships: 1_000,
            duration_s: 50.0,
            publishes_per_s: Some(1_000.0),
            deliveries_per_s: Some(20_000.0),
            open_files: 1_040,
            memory_bytes: 12 << 20,
        },
        target: Target {
            builtin: true,
            url: "ws://127.0.0.1:40113/".to_owned(),
            protocol: "rooms".to_owned(),
            codecs: vec!["json".to_owned()],
        },
        host: Host {
            hostname: "ci-1".to_owned(),
            os: "Linux 6.18.0 x86_64".to_owned(),
            cpu: Some("Some CPU @ 2.00GHz".to_owned()),
            cores: 2,
            memory_bytes: Some(24 << 30),
            fingerprint: "0123456789abcdef".to_owned(),
        },
        generator: process.clone(),
        server: Some(process),
        machine: MachineUse { busy_share: Some(0.62), steal_share: Some(0.0004) },
        validity: Validity { state: ValidityState::Valid, reasons: vec![same_host()] },
        thresholds: vec![
            ThresholdOutcome {
                metric: "delivery.p99".to_owned(),
                condition: "< 250ms".to_owned(),
                actual: Some(3_900.0),
                actual_text: "3.9 ms".to_owned(),
                passed: true,
                note: None,
                ..ThresholdOutcome::default()
            },
            ThresholdOutcome {
                metric: "lost".to_owned(),
                condition: "== 0".to_owned(),
                actual: Some(0.0),
                actual_text: "0".to_owned(),
                passed: true,
                note: None,
                ..ThresholdOutcome::default()
            },
        ],
        clients: Clients {
            planned: 1_000,
            joined: 1_000,
            never_joined: 0,
            sent_home: 0,
            gave_up: 0,
            not_back: 0,
            stood_still: 0,
            peak: 1_000,
            at_end: 1_000,
        },
        connections: Connections {
            attempted: 1_300,
            opened: 1_300,
            failed: 0,
            lost: 300,
            broken: Some(0),
            reconnected: 300,
        },
        publishes: Publishes { due: 60_000, sent: 60_000, ..Publishes::default() },
        deliveries,
        frames: Frames { delivery: 1_197_740, step: 1_300, ..Frames::default() },
        bytes: Bytes { sent: 9_480_000, received: 189_242_920 },
        closes: vec![CloseGroup {
            code: Some(1000),
            reason: String::new(),
            by: Side::Client,
            count: 1_000,
        }],
        faults: vec![FaultOutcome {
            at_s: 20.0,
            kind: "reset".to_owned(),
            label: None,
            duration_s: None,
            hit: 300,
            back: 300,
            sent_home: 0,
            to_50_s: Some(0.41),
            to_99_s: Some(0.93),
            to_all_s: Some(1.2),
            missed_away: Some(2_112),
            lost: Some(0),
        }],
        latency: BTreeMap::from([
            (
                Metric::Delivery,
                Latency {
                    meaning: Some(Metric::Delivery.meaning().to_owned()),
                    ..delivery.clone()
                },
            ),
            (Metric::DeliveryFromSent, from_sent.clone()),
            (Metric::Spread, latency(60_000, [10, 400, 900, 2_100, 5_000, 17_000])),
            (Metric::Lag, latency(60_000, [1, 20, 30, 50, 90, 400])),
            (Metric::Held, latency(60_000, [1, 4, 9, 400, 308_000, 1_400_000])),
            (Metric::Turn, latency(1_140_000, [2, 30, 90, 600, 1_100, 2_400])),
            (Metric::Ready, ready),
        ]),
        spread_by_size: vec![
            sizes(11, 20, 1_144, [110, 370, 820]),
            sizes(51, 100, 58_856, [120, 900, 3_100]),
        ],
        phases: vec![
            PhaseFigures { name: "ramp".to_owned(), duration_s: 10.0, ..PhaseFigures::default() },
            PhaseFigures {
                name: "steady".to_owned(),
                start_s: 10.0,
                duration_s: 30.0,
                measured: true,
                publishes_per_s: 1_000.0,
                deliveries_per_s: 19_924.0,
                deliveries,
                delivery: Some(latency(597_720, [120, 800, 1_500, 2_100, 3_000, 9_000])),
                delivery_from_sent: Some(from_sent.clone()),
            },
        ],
        cohorts: vec![CohortFigures {
            name: "talkers".to_owned(),
            clients: 1_000,
            codec: "json".to_owned(),
            deliveries,
            latency: BTreeMap::from([(Metric::Delivery, delivery)]),
        }],
        series: vec![SeriesPoint {
            t_s: 0.0,
            width_s: 1.0,
            unix_ms: 1_773_479_700_000,
            phase: "ramp".to_owned(),
            clients_up: 100,
            publishes: 52,
            deliveries: 104,
            delivery_p50_us: Some(810),
            ..SeriesPoint::default()
        }],
        ledger: LedgerScope { receivers_followed: 1_000, share: 1.0, window_s: 1.0 },
        ..Report::default()
    }
}

/// What a sample comes to, so that a sample can't drift from its name.
#[test]
fn samples_end_as_they_are_named() {
    let states = all().map(|(_, report)| report.verdict.state);
    let expected = [
        VerdictState::Passed,
        VerdictState::Failed,
        VerdictState::Invalid,
        VerdictState::Unreachable,
        VerdictState::Interrupted,
        VerdictState::Unjudged,
        VerdictState::Passed,
        VerdictState::Passed,
        VerdictState::Failed,
        VerdictState::Failed,
        VerdictState::Failed,
    ];
    assert_eq!(states, expected);
}
