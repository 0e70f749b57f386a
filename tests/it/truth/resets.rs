//! Faults of both sides at once: every drop is reported as lost or lies in a stated window.

use std::time::Duration;

use super::faulty::{Act, Faults, Server};
use super::run::{Ran, Setup, run};

/// The ledger's window, and as much again as a fault and a return can take to be seen.
const WINDOW_US: u64 = 1_000_000;
const SLACK_US: u64 = 300_000;

#[tokio::test]
async fn drops_amid_resets_are_lost_or_in_a_stated_window() {
    let rule = |delivery: &super::faulty::Delivery<'_>| {
        let stamp = delivery.stamp;
        match (stamp.seq * 5 + delivery.receiver * 3 + stamp.publisher * 7) % 13 {
            0 => Act::Drop,
            _ => Act::Pass,
        }
    };
    let server = Server::start(Faults { rule: Box::new(rule), ..Faults::default() }).await;
    let setup = Setup {
        clients: 30,
        seconds: 5,
        cohort: "reconnect = { first = \"200ms\", jitter = \"none\" }",
        more: "[[fault]]\nat = \"steady + 2500ms\"\nkind = \"reset\"\nclients = \"30%\"",
        ..Setup::default()
    };
    let Ran { report, .. } = run(&setup, server.address).await;
    let log = server.log();
    let [fault] = &report.faults[..] else { panic!("{:?}", report.faults) };
    assert_eq!((fault.hit, fault.back), (9, 9));
    assert_eq!((report.connections.lost, report.connections.reconnected), (9, 9));
    assert_eq!(log.joins.values().filter(|joins| **joins == 2).count(), 9);
    let fault_us = (fault.at_s * 1e6) as u64;
    let back_us = fault_us + (fault.to_all_s.unwrap() * 1e6) as u64;
    assert_eq!(fault_us, 3_500_000);
    let window = fault_us - WINDOW_US..=back_us + SLACK_US;
    let in_window = |drop: &super::faulty::Logged| {
        log.joins[&drop.receiver] == 2 && window.contains(&drop.stamp.sent_us)
    };
    let drops = log.dropped.len() as u64;
    let excused = log.dropped.iter().filter(|drop| in_window(drop)).count() as u64;
    assert!(drops > 300 && excused > 20, "{drops} drops, {excused} near a reset");

    let found = report.deliveries;
    let lost = found.lost.unwrap();
    let elsewhere = [found.uncertain, found.joining, found.cut_off, found.missed_away];
    let elsewhere: u64 = elsewhere.map(Option::unwrap).iter().sum();
    assert!(lost >= drops - excused, "{lost} lost, {} dropped outside", drops - excused);
    assert!(lost <= drops, "{lost} lost, {drops} dropped");
    assert!(drops <= lost + elsewhere, "{drops} dropped, {lost} lost, {elsewhere} elsewhere");
    assert_eq!(found.expected, Some(found.delivered + lost));
    let nothing = Some(0);
    assert_eq!((found.duplicated, found.reordered), (nothing, nothing));
    assert_eq!((found.corrupted, found.foreign, found.late), (nothing, nothing, nothing));
    assert_eq!((found.replayed, found.unexpected), (nothing, nothing));
    assert_eq!(report.publishes.due, report.publishes.sent + report.publishes.not_sent);
    assert_eq!(report.publishes.due, 30 * 8 * 5);
    // Everything the plan's members could hear is accounted for once.
    let all = found.expected.unwrap() + elsewhere;
    assert_eq!(all, report.publishes.sent * 5);
}

/// The second fault finds everyone connected and not yet joined: it has nobody to hit, and all
/// come back from the first.
#[tokio::test]
async fn a_client_on_its_way_back_is_not_hit_again() {
    let late = Faults { joined_after: Duration::from_millis(600), ..Faults::default() };
    let server = Server::start(late).await;
    let setup = Setup {
        cohort: "reconnect = { first = \"100ms\", jitter = \"none\", factor = 1.0 }",
        more: "[[fault]]\nat = \"steady + 500ms\"\nkind = \"reset\"\nclients = \"100%\"\n\
               [[fault]]\nat = \"steady + 800ms\"\nkind = \"reset\"\nclients = \"100%\"",
        ..Setup::default()
    };
    let Ran { report, .. } = run(&setup, server.address).await;
    let [first, second] = &report.faults[..] else { panic!("{:?}", report.faults) };
    assert_eq!((first.hit, first.back), (20, 20));
    assert!(first.to_all_s.unwrap() > 1.0, "{first:?}");
    assert_eq!((second.hit, second.back, second.to_all_s), (0, 0, None));
    let found = report.connections;
    assert_eq!((found.lost, found.reconnected, found.failed), (20, 20, 20));
    assert_eq!(found.opened, 60);
    assert_eq!(server.log().joins.values().sum::<u64>(), 60);
    assert_eq!(report.deliveries.lost, Some(0));
}
