//! The plan's own stops: whom it sends home has not failed, and goes whatever it is doing. And who
//! lost its connection and is not back, where the plan had nothing to do with it.

use std::time::Duration;

use super::faulty::{Faults, Server};
use super::run::{Ran, run_text};

const ROOMS: &[&str] = &["--protocol", "rooms"];

fn scenario(clients: u32, cohort: &str, more: &str) -> String {
    format!(
        r#"
        format = 1
        name = "sent-home"
        seed = 3
        [target]
        builtin = "rooms"
        drain_timeout = "700ms"
        [rooms.lobby]
        size = 5
        [[cohort]]
        name = "people"
        clients = {clients}
        join = {{ rooms = "lobby" }}
        publish = {{ rate = "8/s", arrivals = "constant", size = "128B" }}
        {cohort}
        {more}
        "#
    )
}

fn up_at_the_end(ran: &Ran) -> u64 {
    ran.report.series.iter().rev().find(|point| point.width_s > 0.5).unwrap().clients_up
}

/// The last that come up are sent home at once, before the server has let them in.
#[tokio::test]
async fn whom_the_plan_sends_home_while_it_joins_has_not_failed_to_join() {
    let slow = Faults { joined_after: Duration::from_millis(300), ..Faults::default() };
    let server = Server::start(slow).await;
    let phases = r#"
        [[phase]]
        name = "up"
        duration = "1s"
        clients = "0% -> 100%"
        [[phase]]
        name = "down"
        duration = "2s"
        clients = "100% -> 0%"
    "#;
    let ran = run_text(&scenario(100, "", phases), ROOMS, server.address).await;
    let clients = ran.report.clients;
    // In 300 ms of coming and going 10 % come and are gone again: 200 ms of up, 100 of down.
    assert!((80..=95).contains(&clients.joined), "{clients:?}");
    assert_eq!((clients.planned, clients.never_joined, clients.not_back), (100, 0, 0));
    assert_eq!(clients.joined + clients.sent_home, 100);
}

#[tokio::test]
async fn who_is_never_let_in_has_failed_to_join_also_if_it_is_sent_home() {
    let server = Server::start(Faults { never_joins: true, ..Faults::default() }).await;
    let phases = r#"
        [[phase]]
        name = "up"
        duration = "2s"
        [[phase]]
        name = "down"
        duration = "1s"
        clients = "0%"
    "#;
    let arguments = ["--protocol", "rooms", "--no-preflight"];
    let ran = run_text(&scenario(20, "", phases), &arguments, server.address).await;
    assert_eq!((ran.report.clients.joined, ran.report.clients.never_joined), (0, 20));
}

#[tokio::test]
async fn whom_the_plan_sends_home_before_its_return_is_in_no_recovery() {
    let server = Server::start(Faults::default()).await;
    let more = r#"
        [[phase]]
        name = "steady"
        duration = "1s"
        [[phase]]
        name = "down"
        duration = "3s"
        clients = "100% -> 0%"
        [[fault]]
        at = "down + 1s"
        kind = "reset"
        clients = "100%"
        [thresholds]
        "recovery.to_all" = "< 3s"
    "#;
    let cohort = r#"reconnect = { first = "1s", jitter = "none" }"#;
    let ran = run_text(&scenario(60, cohort, more), ROOMS, server.address).await;
    let [fault] = &ran.report.faults[..] else { panic!("{:?}", ran.report.faults) };
    // 40 are up at 1 s of 3, and 20 at 2 s, when the first is back.
    assert!((38..=41).contains(&fault.hit), "{fault:?}");
    assert!((17..=23).contains(&fault.sent_home), "{fault:?}");
    assert_eq!(fault.hit, fault.back + fault.sent_home);
    assert!((1.0..2.0).contains(&fault.to_all_s.unwrap()), "{fault:?}");
    assert_eq!((ran.report.clients.not_back, ran.report.clients.never_joined), (0, 0));
    assert!(ran.report.thresholds.iter().any(|of| of.metric == "recovery.to_all" && of.passed));
}

/// The server stands still while everyone leaves, so that closing outlasts the next window: the order
/// that ends it finds nobody who could obey it.
#[tokio::test]
async fn a_window_that_is_over_before_the_last_one_has_closed_leaves_nobody_up() {
    let freeze = Some((1_900_000, Duration::from_millis(1_500)));
    let server = Server::start(Faults { freeze, ..Faults::default() }).await;
    let phases = r#"
        [[phase]]
        name = "on"
        duration = "2s"
        [[phase]]
        name = "off"
        duration = "200ms"
        clients = "0%"
        [[phase]]
        name = "on-again"
        duration = "300ms"
        [[phase]]
        name = "off-again"
        duration = "3s"
        clients = "0%"
    "#;
    let ran = run_text(&scenario(20, "", phases), ROOMS, server.address).await;
    assert_eq!(server.log().freezes, 1);
    assert_eq!(up_at_the_end(&ran), 0);
    assert_eq!(ran.report.clients.at_end, 0);
    assert_eq!(ran.report.clients.joined, 20);
    let publishes = ran.report.publishes;
    assert_eq!(publishes.due, publishes.sent + publishes.not_sent);
}

/// The server closes every fourth connection; those of one cohort come back, of the other nobody.
#[tokio::test]
async fn who_was_lost_and_is_not_back_is_counted() {
    let server = Server::start(Faults { closes: Some((4, 30)), ..Faults::default() }).await;
    let more = r#"
        [[cohort]]
        name = "more"
        clients = 12
        join = { rooms = "lobby" }
        reconnect = { first = "50ms", jitter = "none" }
        [[phase]]
        name = "steady"
        duration = "3s"
    "#;
    let text = scenario(8, "reconnect = false", more);
    let Ran { report, .. } = run_text(&text, ROOMS, server.address).await;
    let log = server.log();
    // 0 and 4 of the first cohort; 8, 12 and 16 of the second.
    assert!(log.closes >= 5, "{}", log.closes);
    assert_eq!((report.clients.not_back, report.clients.gave_up), (2, 2));
    assert_eq!(report.connections.lost, log.closes);
    assert_eq!(report.connections.reconnected, log.closes - 2);
    assert_eq!(report.clients.never_joined, 0);
}
