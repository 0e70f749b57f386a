//! A feed with known gaps, copies and swaps.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use uproar::codec::ServerMessage;
use uproar::metric::Metric;
use uproar::report::{Deliveries, Report, ValidityState};

use super::faulty::{encode, upgrade};
use super::run::{Ran, run_text, run_text_alone};

/// 200 numbers: 5 left out, 3 twice, 2 pairs exchanged.
fn sequence() -> Vec<u64> {
    let mut sequence: Vec<u64> = (1..=200).filter(|n| ![10, 20, 21, 50, 199].contains(n)).collect();
    for twice in [30, 31, 60] {
        let at = sequence.iter().position(|n| *n == twice).unwrap();
        sequence.insert(at, twice);
    }
    for first in [70, 120] {
        let at = sequence.iter().position(|n| *n == first).unwrap();
        sequence.swap(at, at + 1);
    }
    sequence
}

/// A server whose clock shows something else than ours, ahead if positive.
async fn serve(ahead_ms: i64) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let Some(mut ws) = upgrade(stream).await else { return };
                let mut every = tokio::time::interval(Duration::from_millis(10));
                for seq in sequence() {
                    every.tick().await;
                    let now = std::time::SystemTime::now();
                    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
                    let timestamp_ms = u64::try_from(since.as_millis()).unwrap();
                    let timestamp_ms = timestamp_ms.checked_add_signed(ahead_ms).unwrap();
                    let event = ServerMessage::Feed { seq, timestamp_ms, value: 1.5 };
                    if ws.send(encode(&event)).await.is_err() {
                        return;
                    }
                }
                while let Some(Ok(_)) = ws.next().await {}
            });
        }
    });
    address
}

const LISTENERS: &str = r#"
    format = 1
    name = "feed"
    [target]
    builtin = "feed"
    drain_timeout = "200ms"
    [[cohort]]
    name = "listeners"
    clients = 10
    [[phase]]
    name = "steady"
    duration = "4s"
"#;

/// Whether the report suspects a clock.
fn skewed(report: &Report) -> bool {
    report.validity.reasons.iter().any(|reason| reason.what.contains("skewed clock"))
}

#[tokio::test]
async fn a_feeds_gaps_copies_and_swaps_are_counted() {
    let Ran { report, .. } = run_text(LISTENERS, &["--protocol", "feed"], serve(0).await).await;
    let expected = Deliveries {
        expected: Some(2_000),
        delivered: 1_950,
        lost: Some(50),
        duplicated: Some(30),
        reordered: Some(20),
        ..Deliveries::default()
    };
    assert_eq!(report.deliveries, expected);
    assert_eq!(report.latency[&Metric::Push].count, 1_950);
    assert_eq!(report.frames.push, 1_980);
    assert_eq!(report.clients.joined, 10);
    // One clock serves both here.
    assert!(!skewed(&report), "{:?}", report.validity);
}

#[tokio::test]
async fn a_server_clock_ahead_of_ours_makes_pushes_suspect_and_0() {
    // A minute: no push takes that long.
    let server = serve(60_000).await;
    let Ran { report, .. } = run_text(LISTENERS, &["--protocol", "feed"], server).await;
    assert!(skewed(&report), "{:?}", report.validity);
    assert_ne!(report.validity.state, ValidityState::Valid);
    // A histogram's 0 is 1.
    assert_eq!(report.latency[&Metric::Push].max, Some(1));
}

#[tokio::test]
async fn a_push_counts_from_the_servers_timestamp() {
    let server = serve(-60_000).await;
    let Ran { report, .. } = run_text(LISTENERS, &["--protocol", "feed"], server).await;
    let push = &report.latency[&Metric::Push];
    // Never less, but for the histogram's third digit; more by what a busy machine takes.
    assert!(push.min >= Some(59_940_000) && push.p50 < Some(65_000_000), "{push:?}");
    assert!(!skewed(&report), "{:?}", report.validity);
}

/// Pushes an event every 50 ms, stamped by a clock that is off by so many milliseconds.
async fn serve_by_clock(ahead_ms: i64) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let Some(mut ws) = upgrade(stream).await else { return };
                let mut every = tokio::time::interval(Duration::from_millis(50));
                for seq in 0.. {
                    every.tick().await;
                    let now = std::time::SystemTime::now();
                    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
                    let now_ms = u64::try_from(since.as_millis()).unwrap();
                    let timestamp_ms = now_ms.checked_add_signed(ahead_ms).unwrap();
                    let event = ServerMessage::Feed { seq, timestamp_ms, value: 1.5 };
                    if ws.send(encode(&event)).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

const WATCHED: &str = r#"
    format = 1
    name = "feed"
    [target]
    builtin = "feed"
    [[cohort]]
    name = "watchers"
    clients = 5
    [[phase]]
    name = "steady"
    duration = "3s"
"#;

#[tokio::test]
async fn push_is_by_the_servers_clock_and_interval_by_ours() {
    let arguments = ["--protocol", "feed"];
    let address = serve_by_clock(-5_000).await;
    let Ran { report, .. } = run_text_alone(WATCHED, &arguments, address).await;
    let push = &report.latency[&Metric::Push];
    // Never less than the clocks' difference, but for the histogram's third digit.
    let least_us = push.min.map(|us| us + us / 1_000).unwrap();
    assert!((5_000_000..5_100_000).contains(&least_us), "{push:?}");
    assert!((4_990_000..5_200_000).contains(&push.p50.unwrap()), "{push:?}");
    let interval = &report.latency[&Metric::Interval];
    assert_eq!(interval.count, push.count - 5, "between two pushes of one connection");
    // 60 each in 3 s, and a few until everyone is told to stop. This server never reads, so that
    // it pushes for a second more.
    assert!((250..=380).contains(&push.count), "{push:?}");
    let mean_us = interval.mean.unwrap();
    assert!((45_000.0..58_000.0).contains(&mean_us), "{interval:?}");
    assert!((40_000..60_000).contains(&interval.p50.unwrap()), "{interval:?}");

    let address = serve_by_clock(5_000).await;
    let Ran { report, .. } = run_text_alone(WATCHED, &arguments, address).await;
    let push = &report.latency[&Metric::Push];
    // 0, which a histogram from 1 us on counts as 1.
    assert_eq!((push.min, push.max), (Some(1), Some(1)), "{push:?}");
}
