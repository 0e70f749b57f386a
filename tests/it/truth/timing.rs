//! Latencies of known size: a frozen server, clients that are away, an injected delay.

use std::time::Duration;

use uproar::metric::Metric;
use uproar::report::Report;
use uproar::server::ServerConfig;

use super::faulty::{Faults, Server};
use super::run::{Ran, Setup, all_delivered, run_alone};

const MS: u64 = 1_000;

#[track_caller]
fn within(what: &str, us: Option<u64>, from_ms: u64, to_ms: u64) {
    let us = us.unwrap_or_else(|| panic!("{what}: too few samples"));
    assert!(
        (from_ms * MS..=to_ms * MS).contains(&us),
        "{what} was {us} us, not {from_ms}-{to_ms} ms"
    );
}

/// A histogram's third digit may take this much away.
fn rounded_up(us: u64) -> u64 {
    us + us / 1_000
}

fn sums_up(report: &Report) {
    assert_eq!(report.publishes.due, report.publishes.sent + report.publishes.not_sent);
}

/// A fifth of the messages are due while the server stands still, each waiting for what is left
/// of the 2 s: 10 % wait over 1 s, 1 % over 1.9 s.
#[tokio::test]
async fn a_frozen_server_is_charged_with_all_of_it() {
    let freeze = Some((5_000 * MS, Duration::from_secs(2)));
    let server = Server::start(Faults { freeze, ..Faults::default() }).await;
    let setup = Setup {
        room: 10,
        rate: 10,
        seconds: 10,
        target: "drain_timeout = \"5s\"",
        ..Setup::default()
    };
    let Ran { report, .. } = run_alone(&setup, server.address).await;
    assert_eq!(server.log().freezes, 1);
    assert_eq!(report.deliveries, all_delivered(20_000));
    for metric in [Metric::Delivery, Metric::DeliveryFromSent] {
        let figures = &report.latency[&metric];
        let name = |stat: &str| format!("{}.{stat}", metric.name());
        within(&name("p50"), figures.p50, 0, 20);
        within(&name("p90"), figures.p90, 950, 1_150);
        within(&name("p99"), figures.p99, 1_805, 2_100);
        within(&name("max"), figures.max, 1_900, 2_200);
    }
    // The kernel took the frames, so nothing was held back here.
    within("held.p99", report.latency[&Metric::Held].p99, 0, 20);
    sums_up(&report);
    assert_eq!(report.publishes.not_sent, 0);
}

#[tokio::test]
async fn a_client_that_is_away_sends_late_and_says_so() {
    let server = Server::start(Faults::default()).await;
    let setup = Setup {
        rate: 5,
        seconds: 8,
        target: "drain_timeout = \"5s\"",
        cohort: "reconnect = { first = \"2s\", jitter = \"none\", while_away = \"queue\" }",
        more: "[[fault]]\nat = \"steady + 3s\"\nkind = \"reset\"\nclients = \"100%\"",
        ..Setup::default()
    };
    let Ran { report, .. } = run_alone(&setup, server.address).await;
    let of = |metric| &report.latency[&metric];
    within("delivery.max", of(Metric::Delivery).max, 1_900, 2_200);
    within("held.max", of(Metric::Held).max, 1_900, 2_200);
    within("own_copy.max", of(Metric::OwnCopy).max, 0, 150);
    within("delivery_from_sent.p99", of(Metric::DeliveryFromSent).p99, 0, 100);
    within("reconnect.max", of(Metric::Reconnect).max, 2_000, 2_300);
    // A quarter of the 8 s: 1 in 8 of all messages waited over 1 s.
    within("held.p90", of(Metric::Held).p90, 1_100, 1_400);
    within("held.p50", of(Metric::Held).p50, 0, 20);
    sums_up(&report);
    assert_eq!((report.publishes.due, report.publishes.not_sent), (800, 0));
    assert_eq!(report.deliveries.lost, Some(0));
    assert_eq!((report.faults[0].hit, report.faults[0].back), (20, 20));
}

#[tokio::test]
async fn an_injected_delay_comes_back_as_it_is() {
    let delay = Duration::from_millis(80);
    let listener = uproar::server::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let config = ServerConfig { delay, ..ServerConfig::default() };
    let server = tokio::spawn(uproar::server::serve(listener, config, std::future::pending()));
    let Ran { report, .. } = run_alone(&Setup::default(), address).await;
    server.abort();
    assert_eq!(report.deliveries, all_delivered(2_400));
    for metric in [Metric::DeliveryFromSent, Metric::Delivery, Metric::OwnCopy] {
        let figures = &report.latency[&metric];
        // Never less, but for the histogram's third digit.
        within(metric.name(), figures.min.map(rounded_up), 80, 90);
        within(metric.name(), figures.p50, 80, 95);
    }
}

/// Each client is alone in its room and says something every second at an instant of its own, and
/// all are away for half a second from the same instant on: they hear again from 0.5 s to 1.5 s
/// after they were lost, evenly spread.
#[tokio::test]
async fn an_outage_lasts_until_something_is_heard_again() {
    let server = Server::start(Faults::default()).await;
    let setup = Setup {
        room: 1,
        rate: 1,
        seconds: 5,
        cohort: "reconnect = { first = \"500ms\", jitter = \"none\", while_away = \"skip\" }",
        more: "[[fault]]\nat = \"steady + 2s\"\nkind = \"reset\"\nclients = \"100%\"",
        ..Setup::default()
    };
    let Ran { report, .. } = run_alone(&setup, server.address).await;
    let (reconnect, outage) =
        (&report.latency[&Metric::Reconnect], &report.latency[&Metric::Outage]);
    assert_eq!((reconnect.count, outage.count), (20, 20));
    within("reconnect.min", reconnect.min.map(rounded_up), 500, 800);
    within("reconnect.max", reconnect.max, 500, 800);
    within("outage.min", outage.min.map(rounded_up), 500, 900);
    within("outage.mean", outage.mean.map(|us| us as u64), 850, 1_250);
    within("outage.max", outage.max, 1_300, 1_800);
    assert_eq!(report.deliveries.lost, Some(0));
}
