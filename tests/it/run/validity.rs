//! Whether a run says by itself that its figures can't be trusted, and only then.

#![cfg(unix)]

use std::net::SocketAddr;
use std::time::Duration;

use nix::sys::signal::Signal;
use uproar::metric::Metric;
use uproar::report::{Reason, Report, Severity, ValidityState, VerdictState};
use uproar::server::ServerConfig;

use super::support::{DEADLINE, Running, Said, folder_with, read_report, say};

/// How long a generator is made to stand still.
const STOPPED: Duration = Duration::from_millis(1_500);

/// 200 messages a second, evenly spaced, so that one is due within 5 ms of any instant.
const STEADY: &str = r#"
format = 1
name = "test"
[target]
builtin = "rooms"
[rooms.lobby]
size = 5
[[cohort]]
name = "talkers"
clients = 20
join = { rooms = "lobby" }
publish = { rate = "10/s", arrivals = "constant" }
[[phase]]
name = "up"
duration = "1s"
rate = "0%"
[[phase]]
name = "steady"
duration = "4s"
[thresholds]
"lost" = "== 0"
"#;

/// Stops the generator, and not its server, in the middle of a run. Gives its exit code.
fn stopped_in_the_middle(arguments: &[&str]) -> (Option<i32>, Report) {
    let folder = folder_with(STEADY);
    let fixed = ["run", "scenario.toml", "--out", "out"];
    let mut run = Running::start(folder.path(), &[&fixed, arguments].concat());
    run.wait_for_line("steady");
    run.signal(Signal::SIGSTOP);
    // What is measured, not a wait for something: messages fall due meanwhile.
    std::thread::sleep(STOPPED);
    run.signal(Signal::SIGCONT);
    let status = run.ends_within(DEADLINE);
    (status.code(), read_report(&folder.path().join("out")))
}

#[track_caller]
fn invalid_reasons(report: &Report) -> Vec<&Reason> {
    assert_eq!(report.validity.state, ValidityState::Invalid, "{:?}", report.validity);
    let reasons = report.validity.reasons.iter();
    reasons.filter(|reason| reason.severity == Severity::Invalid).collect()
}

#[test]
fn a_generator_that_stood_still_is_invalid_and_says_by_how_much() {
    let (code, report) = stopped_in_the_middle(&[]);
    assert_eq!((code, report.run.exit_code), (Some(3), 3));
    assert_eq!(report.verdict.state, VerdictState::Invalid);
    let reasons = invalid_reasons(&report);
    let lag = reasons.iter().find(|reason| reason.what.starts_with("messages left later"));
    let lag = lag.unwrap_or_else(|| panic!("{reasons:?}"));
    // 800 messages are too few for p99.
    assert!(lag.measured.ends_with("s (p95)"), "{lag:?}");
    assert!(lag.limit.starts_with("the delivery p50 of "), "{lag:?}");
    // It was stopped, and not short of anything: fewer clients would change nothing.
    assert!(!lag.remedy.contains("fewer clients"), "{lag:?}");

    // The schedule went on: all of the stop is lag, and what was due then left late.
    let figures = &report.latency[&Metric::Lag];
    let at_least_us = (STOPPED - Duration::from_millis(50)).as_micros() as u64;
    let most_us = 10 * at_least_us;
    assert_eq!(figures.count, 800);
    assert!((at_least_us..most_us).contains(&figures.max.unwrap()), "{figures:?}");
    // 3 in 8 were due while it stood.
    assert!(figures.p50.unwrap() < at_least_us / 2, "{figures:?}");
    assert!(figures.p90.unwrap() > at_least_us / 2, "{figures:?}");
    let delivery = &report.latency[&Metric::Delivery];
    assert!(delivery.max >= figures.max.map(|us| us - us / 500), "{delivery:?}");
    assert_eq!((report.publishes.due, report.publishes.sent), (800, 800));
    assert_eq!(report.deliveries.lost, Some(0));
}

#[test]
fn an_invalid_run_is_judged_for_those_who_know() {
    let (code, report) = stopped_in_the_middle(&["--allow-invalid"]);
    assert!(!invalid_reasons(&report).is_empty());
    assert_eq!((code, report.verdict.state), (Some(0), VerdictState::Passed));
}

#[test]
fn far_too_much_for_one_worker_is_invalid() {
    let scenario = r#"
        format = 1
        name = "test"
        [target]
        builtin = "echo"
        drain_timeout = "1s"
        [[cohort]]
        name = "callers"
        clients = 10
        publish = { total_rate = "400000/s", size = "64B" }
        [[phase]]
        name = "steady"
        duration = "4s"
    "#;
    let folder = folder_with(scenario);
    let arguments = ["run", "scenario.toml", "--quiet", "--workers", "1", "--out", "out"];
    let said = say(folder.path(), &arguments);
    assert_eq!(said.code, Some(3), "{}", said.all());
    let report = read_report(&folder.path().join("out"));
    let reasons = invalid_reasons(&report);
    let ours = ["the generator was the bottleneck", "messages left later than they took to arrive"];
    assert!(reasons.iter().all(|reason| ours.contains(&reason.what.as_str())), "{reasons:?}");
    assert!(said.stdout.starts_with("INVALID"), "{}", said.stdout);
}

/// A server so slow that our own lateness, on a busy machine, is small beside it.
const DELAY: Duration = Duration::from_secs(1);

fn against_slow(config: ServerConfig, scenario: &str, arguments: &[&str]) -> (Said, Report) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let address: SocketAddr = runtime.block_on(async {
        let listener = uproar::server::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(uproar::server::serve(listener, config, std::future::pending()));
        address
    });
    let folder = folder_with(scenario);
    let url = format!("ws://{address}/");
    let fixed = ["run", "scenario.toml", "--quiet", "--protocol", "rooms", "--url", &url];
    let said = say(folder.path(), &[&fixed[..], &["--out", "out"], arguments].concat());
    let report = read_report(&folder.path().join("out"));
    (said, report)
}

#[test]
fn strict_distrusts_a_suspect_run() {
    let scenario = format!("{STEADY}\"delivery.p99.9\" = \"< 60s\"\n");
    let scenario = scenario.replace("\"4s\"", "\"1s\"");
    for (strict, code, state) in
        [(None, 0, VerdictState::Passed), (Some("--strict"), 3, VerdictState::Invalid)]
    {
        let config = ServerConfig { delay: DELAY, ..ServerConfig::default() };
        let (said, report) = against_slow(config, &scenario, strict.as_slice());
        assert_eq!(said.code, Some(code), "{}", said.all());
        assert_eq!(report.verdict.state, state);
        assert_eq!(report.validity.state, ValidityState::Suspect, "{:?}", report.validity);
        let few = |reason: &&Reason| reason.what.starts_with("too few samples");
        let reason = report.validity.reasons.iter().find(few);
        let reason = reason.unwrap_or_else(|| panic!("{:?}", report.validity));
        assert_eq!(reason.measured, "delivery.p99.9 from 1,000, needs 10,000 samples");
    }
}

#[test]
fn a_limit_of_the_servers_is_a_finding_and_no_fault_of_ours() {
    let scenario = STEADY
        .replace("clients = 20", "clients = 20\nreconnect = { first = \"100ms\", attempts = 2 }")
        .replace("\"4s\"", "\"1s\"");
    let config = ServerConfig { delay: DELAY, max_connections: 10, ..ServerConfig::default() };
    let (said, report) = against_slow(config, &scenario, &["--no-preflight"]);
    assert_eq!(said.code, Some(1), "{}", said.all());
    assert_eq!(report.verdict.state, VerdictState::Failed);
    assert_ne!(report.validity.state, ValidityState::Invalid, "{:?}", report.validity);
    let clients = &report.clients;
    assert_eq!((clients.joined, clients.never_joined, clients.gave_up), (10, 10, 10));
    let failed: Vec<_> = report.thresholds.iter().filter(|of| !of.passed).collect();
    let failed: Vec<_> = failed.iter().map(|of| of.metric.as_str()).collect();
    assert_eq!(failed, ["clients.never_joined", "not_sent.share"]);
}
