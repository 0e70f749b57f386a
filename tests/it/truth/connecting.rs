//! The steps of connecting, against a server that is slow by known amounts in two of them.

use std::time::Duration;

use uproar::metric::Metric;
use uproar::report::Latency;

use super::faulty::{Faults, Server};
use super::run::{Ran, Setup, run_alone};

/// The upgrade's answer waits so long, and a join's.
const UPGRADE_MS: u64 = 120;
const JOIN_MS: u64 = 80;
/// What a loaded machine may add to a step.
const MORE_MS: u64 = 150;

/// A histogram tells three digits, so a figure may be off by a thousandth.
fn rounding(us: u64) -> u64 {
    us / 1_000 + 1
}

#[track_caller]
fn within(what: &str, figures: &Latency, at_least_ms: u64) {
    let (min, max) = (figures.min.unwrap(), figures.max.unwrap());
    let (least, most) = (at_least_ms * 1_000, (at_least_ms + MORE_MS) * 1_000);
    // The server begins to wait when it takes the connection, a little before the client knows.
    assert!(min + rounding(min) + 3_000 >= least, "{what}: {min} us is less than {at_least_ms} ms");
    assert!(max <= most, "{what}: {max} us is far more than {at_least_ms} ms");
}

#[tokio::test]
async fn each_step_of_connecting_has_its_own_time() {
    let faults = Faults {
        upgraded_after: Duration::from_millis(UPGRADE_MS),
        joined_after: Duration::from_millis(JOIN_MS),
        ..Faults::default()
    };
    let server = Server::start(faults).await;
    let Ran { report, .. } = run_alone(&Setup::default(), server.address).await;
    assert_eq!(report.clients.joined, 20);
    let of = |metric| &report.latency[&metric];
    let connecting =
        [Metric::Connect, Metric::ConnectTcp, Metric::ConnectUpgrade, Metric::Join, Metric::Ready];
    for metric in connecting {
        assert_eq!(of(metric).count, 20, "{}", metric.name());
    }
    within("connect_tcp", of(Metric::ConnectTcp), 0);
    within("connect_upgrade", of(Metric::ConnectUpgrade), UPGRADE_MS);
    within("connect", of(Metric::Connect), UPGRADE_MS);
    within("join", of(Metric::Join), JOIN_MS);
    within("ready", of(Metric::Ready), UPGRADE_MS + JOIN_MS);

    // Means add up where maxima of different clients do not.
    let mean = |metric| of(metric).mean.unwrap();
    let parts = mean(Metric::ConnectTcp) + mean(Metric::ConnectUpgrade);
    let apart = (mean(Metric::Connect) - parts).abs();
    assert!(apart < 1_000.0, "connect is {apart} us from its parts");
    let least = mean(Metric::Connect) + mean(Metric::Join);
    assert!(mean(Metric::Ready) >= least - 1_000.0, "ready is under {least} us");
}
