//! Lost, duplicated and reordered: what the server did is what the report says, to the last one.

use uproar::metric::Metric;

use super::faulty::{Act, Delivery, Faults, Log, Server};
use super::run::{Ran, Setup, all_delivered, run};

/// Picks about one delivery in eleven, in the middle of every publisher's messages; `which`
/// tells kinds apart.
fn picked(delivery: &Delivery<'_>, which: u32) -> bool {
    let seq = delivery.stamp.seq;
    // The last ones have no successor to change places with.
    seq < 20 && (seq + delivery.receiver * 3 + delivery.stamp.publisher * 7) % 11 == which
}

async fn against(rule: impl Fn(&Delivery<'_>) -> Act + Send + Sync + 'static) -> (Log, Ran) {
    let server = Server::start(Faults { rule: Box::new(rule), ..Faults::default() }).await;
    let ran = run(&Setup::default(), server.address).await;
    (server.log(), ran)
}

fn count(of: &[super::faulty::Logged]) -> u64 {
    let count = of.len() as u64;
    assert!(count > 100, "only {count}: the rule picks too few to prove anything");
    count
}

#[tokio::test]
async fn nothing_wrong_is_reported_of_a_faultless_server() {
    let (log, Ran { report, .. }) = against(|_| Act::Pass).await;
    // 20 clients, 8 messages a second each for 3 s, rooms of 5.
    assert_eq!((log.messages, log.expected), (480, 2_400));
    assert_eq!(report.deliveries, all_delivered(2_400));
    assert_eq!(
        (report.publishes.due, report.publishes.sent, report.publishes.not_sent),
        (480, 480, 0)
    );
    let count = |metric| report.latency[&metric].count;
    assert_eq!(count(Metric::Delivery), 2_400);
    assert_eq!(count(Metric::DeliveryFromSent), 2_400);
    assert_eq!(count(Metric::OwnCopy), 480);
    assert_eq!(count(Metric::Spread), 480);
    assert_eq!(count(Metric::Lag), 480);
    assert_eq!(count(Metric::Held), 480);
    assert_eq!(report.phases[1].deliveries.delivered, 2_400);
    assert_eq!(report.cohorts[0].deliveries, report.deliveries);
    assert_eq!(report.series.iter().map(|point| point.deliveries).sum::<u64>(), 2_400);
    assert_eq!(report.series.iter().map(|point| point.publishes).sum::<u64>(), 480);
    assert_eq!((report.clients.planned, report.clients.joined, report.clients.peak), (20, 20, 20));
    assert_eq!((report.connections.attempted, report.connections.opened), (20, 20));
    assert_eq!((report.connections.failed, report.connections.lost), (0, 0));
    // They connect in the run's first moment, which takes time like any other.
    for metric in [Metric::Connect, Metric::Join, Metric::Ready] {
        let figures = &report.latency[&metric];
        assert!(figures.count == 20 && figures.min > Some(20), "{}: {figures:?}", metric.name());
    }
    assert_eq!(report.frames.delivery, 2_400);
    assert_eq!((report.frames.unmatched, report.frames.error), (0, 0));
    assert!(report.errors.is_empty(), "{:?}", report.errors);
}

#[tokio::test]
async fn every_drop_is_lost() {
    let (log, Ran { report, .. }) =
        against(|delivery| if picked(delivery, 0) { Act::Drop } else { Act::Pass }).await;
    let dropped = count(&log.dropped);
    let mut expected = all_delivered(log.expected);
    expected.delivered -= dropped;
    expected.lost = Some(dropped);
    assert_eq!(report.deliveries, expected);
    assert_eq!(report.latency[&Metric::Delivery].count, expected.delivered);
}

#[tokio::test]
async fn every_second_copy_is_a_duplicate() {
    let (log, Ran { report, .. }) =
        against(|delivery| if picked(delivery, 1) { Act::Twice } else { Act::Pass }).await;
    let mut expected = all_delivered(log.expected);
    expected.duplicated = Some(count(&log.doubled));
    assert_eq!(report.deliveries, expected);
    assert_eq!(report.latency[&Metric::Delivery].count, expected.delivered, "counted once");
}

#[tokio::test]
async fn every_swap_is_one_reordered() {
    let (log, Ran { report, .. }) =
        against(|delivery| if picked(delivery, 2) { Act::Swap } else { Act::Pass }).await;
    let mut expected = all_delivered(log.expected);
    expected.reordered = Some(count(&log.swapped));
    assert_eq!(report.deliveries, expected);
}

#[tokio::test]
async fn drops_copies_and_swaps_are_told_apart() {
    let (log, Ran { report, .. }) = against(|delivery| match () {
        () if picked(delivery, 3) => Act::Drop,
        () if picked(delivery, 5) => Act::Twice,
        () if picked(delivery, 8) => Act::Swap,
        () => Act::Pass,
    })
    .await;
    let dropped = count(&log.dropped);
    let mut expected = all_delivered(log.expected);
    expected.delivered -= dropped;
    expected.lost = Some(dropped);
    expected.duplicated = Some(count(&log.doubled));
    expected.reordered = Some(count(&log.swapped));
    assert_eq!(report.deliveries, expected);
}
