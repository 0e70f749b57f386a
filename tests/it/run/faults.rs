//! Every kind of fault against the built-in server, and what its row in the report says.

use uproar::metric::{ErrorKind, Metric};
use uproar::report::{FaultOutcome, Report};

use super::support::run;

const CLIENTS: u64 = 20;

/// Twenty people in rooms of five who talk all the time; everyone is up when the fault strikes.
fn scenario(cohort: &str, more: &str) -> String {
    format!(
        r#"
        seed = 3
        [target]
        builtin = "rooms"
        [rooms.lobby]
        size = 5
        [[cohort]]
        name = "people"
        clients = {CLIENTS}
        join = {{ rooms = "lobby" }}
        publish = {{ rate = "20/s", arrivals = "constant" }}
        reconnect = {{ first = "100ms", factor = 1.5, max = "500ms", jitter = "full", attempts = 1000 }}
        {cohort}
        [[phase]]
        name = "up"
        duration = "1s"
        rate = "0%"
        [[phase]]
        name = "talk"
        duration = "5s"
        {more}
        "#
    )
}

fn one_fault(report: &Report) -> &FaultOutcome {
    let [fault] = &report.faults[..] else { panic!("{:?}", report.faults) };
    fault
}

/// All hit, all back, in an order that makes sense, and nothing lost.
#[track_caller]
fn all_came_back(report: &Report) {
    let fault = one_fault(report);
    assert_eq!((fault.hit, fault.back), (CLIENTS, CLIENTS), "{fault:?}");
    let [half, most, all] = [fault.to_50_s, fault.to_99_s, fault.to_all_s].map(Option::unwrap);
    assert!(half <= most && most <= all && all < 10.0, "{fault:?}");
    assert_eq!(fault.lost, Some(0));
    assert_eq!((fault.sent_home, report.clients.not_back), (0, 0));
    let found = report.deliveries;
    assert_eq!((found.lost, found.duplicated, found.reordered), (Some(0), Some(0), Some(0)));
    assert_eq!(report.publishes.due, report.publishes.sent + report.publishes.not_sent);
}

/// Two attempts are enough for any number of returns, as long as each succeeds.
#[test]
fn attempts_are_counted_anew_after_every_return() {
    let resets: String = (0..4)
        .map(|n| {
            format!(
                "[[fault]]\nat = \"{}ms\"\nkind = \"reset\"\nclients = \"100%\"\n",
                600 + n * 500
            )
        })
        .collect();
    let scenario = format!(
        r#"
        [target]
        builtin = "rooms"
        drain_timeout = "1s"
        [rooms.lobby]
        size = 5
        [[cohort]]
        name = "people"
        clients = {CLIENTS}
        join = {{ rooms = "lobby" }}
        reconnect = {{ first = "20ms", factor = 1.0, max = "20ms", jitter = "none", attempts = 2 }}
        [[phase]]
        name = "up"
        duration = "3s"
        {resets}
        "#
    );
    let report = run(&scenario, &[]).report;
    let backs: Vec<_> = report.faults.iter().map(|fault| (fault.hit, fault.back)).collect();
    assert_eq!(backs, [(CLIENTS, CLIENTS); 4]);
    assert_eq!((report.clients.gave_up, report.connections.reconnected), (0, 4 * CLIENTS));
    assert_eq!(report.clients.at_end, CLIENTS);
}

#[test]
fn a_restart_closes_everyone_and_all_come_back() {
    let fault = "[[fault]]\nat = \"talk + 500ms\"\nkind = \"restart\"\nduration = \"700ms\"\n\
                 [thresholds]\n\"recovery.to_99\" = \"< 10s\"";
    let ran = run(&scenario("", fault), &[]);
    let report = &ran.report;
    assert_eq!(ran.said.code, Some(0), "{}", ran.said.stdout);
    all_came_back(report);
    let fault = one_fault(report);
    assert_eq!((fault.kind.as_str(), fault.at_s, fault.duration_s), ("restart", 1.5, Some(0.7)));
    // Away for 0.7 s, less what its orderly end took.
    assert!(fault.to_50_s.unwrap() > 0.2, "{fault:?}");
    assert!(fault.missed_away.is_some());
    assert_eq!((report.connections.lost, report.connections.reconnected), (CLIENTS, CLIENTS));
    let going_away = report.closes.iter().filter(|close| close.code == Some(1001));
    assert_eq!(going_away.map(|close| close.count).sum::<u64>(), CLIENTS);
    assert!(report.errors.iter().any(|error| error.kind == ErrorKind::Refused));
    assert_eq!(report.clients.at_end, CLIENTS);
    // Both processes' time is in it, and its end was ordered.
    assert!(report.server.as_ref().unwrap().cpu_s.unwrap() > 0.0);
    assert!(!report.validity.reasons.iter().any(|reason| reason.what.contains("ended")));
    assert!(ran.said.stdout.contains("restart of the server at 1.5 s for 0.7 s"));
    assert_eq!(report.series.iter().flat_map(|point| &point.faults).count(), 1);
}

#[test]
fn a_killed_server_that_comes_back_resets_everyone() {
    let fault = "[[fault]]\nat = \"talk + 500ms\"\nkind = \"kill\"\nduration = \"500ms\"";
    let ran = run(&scenario("", fault), &[]);
    all_came_back(&ran.report);
    let report = &ran.report;
    assert_eq!(one_fault(report).kind, "kill");
    assert!(report.closes.iter().all(|close| close.code != Some(1001)), "{:?}", report.closes);
    assert_eq!(report.clients.at_end, CLIENTS);
}

#[test]
fn nobody_comes_back_to_a_killed_server() {
    let fault = "[[fault]]\nat = \"talk + 4s\"\nkind = \"kill\"\n\
                 [thresholds]\n\"recovery.to_99\" = \"< 10s, if any\"";
    let ran = run(&scenario("", fault), &[]);
    let fault = one_fault(&ran.report);
    assert_eq!((fault.hit, fault.back), (CLIENTS, 0));
    assert_eq!((fault.to_50_s, fault.to_99_s, fault.to_all_s), (None, None, None));
    assert_eq!((fault.sent_home, ran.report.clients.not_back), (0, CLIENTS));
    assert_eq!(ran.said.code, Some(1), "{}", ran.said.stdout);
    let threshold = &ran.report.thresholds[0];
    assert_eq!((threshold.passed, threshold.actual), (false, None));
    assert_eq!(threshold.note.as_deref(), Some("20 of 20 never came back"));
    assert!(!ran.report.validity.reasons.iter().any(|reason| reason.what.contains("ended")));
}

#[test]
fn a_frozen_server_holds_everyone_up() {
    let fault = "[[fault]]\nat = \"talk + 1s\"\nkind = \"freeze\"\nduration = \"1s\"";
    let ran = run(&scenario("", fault), &[]);
    let report = &ran.report;
    all_came_back(report);
    let fault = one_fault(report);
    assert_eq!((fault.kind.as_str(), fault.duration_s), ("freeze", Some(1.0)));
    assert!(fault.to_50_s.unwrap() >= 1.0, "{fault:?}");
    assert_eq!(report.connections.lost, 0);
    // Messages due at its beginning waited all of it.
    let longest_us = report.latency[&Metric::Delivery].max.unwrap();
    assert!((950_000..4_000_000).contains(&longest_us), "{longest_us}");
    assert!(ran.said.stdout.contains("freeze of the server at 2 s for 1 s, 20 clients held up"));
}

#[test]
fn a_stalled_client_reads_again_and_has_missed_nothing() {
    let fault =
        "[[fault]]\nat = \"talk + 1s\"\nkind = \"stall\"\nduration = \"1s\"\nclients = \"50%\"";
    // A heartbeat that would not survive the stall if it counted.
    let ping = "ws_ping = { every = \"200ms\", timeout = \"300ms\" }";
    let ran = run(&scenario(ping, fault), &[]);
    let report = &ran.report;
    let fault = one_fault(report);
    assert_eq!((fault.hit, fault.back), (CLIENTS / 2, CLIENTS / 2), "{fault:?}");
    assert!(fault.to_50_s.unwrap() >= 1.0, "{fault:?}");
    assert_eq!(report.deliveries.lost, Some(0));
    let longest_us = report.latency[&Metric::DeliveryFromSent].max.unwrap();
    assert!((950_000..4_000_000).contains(&longest_us), "{longest_us}");
    // Its own messages left in time: a stalled client only doesn't read.
    assert_eq!(report.publishes.not_sent, 0);
}

#[test]
fn a_half_open_client_leaves_its_old_connection_to_the_server() {
    let fault = "[[fault]]\nat = \"talk + 1s\"\nkind = \"half-open\"\nclients = \"50%\"";
    let ran = run(&scenario("", fault), &[]);
    let report = &ran.report;
    let fault = one_fault(report);
    assert_eq!((fault.hit, fault.back), (CLIENTS / 2, CLIENTS / 2), "{fault:?}");
    assert_eq!((report.connections.lost, report.connections.failed), (CLIENTS / 2, 0));
    assert_eq!(report.connections.opened, CLIENTS + CLIENTS / 2);
    let silent = report.closes.iter().find(|close| close.reason.contains("fell silent"));
    assert_eq!(silent.map(|close| close.count), Some(CLIENTS / 2));
    let found = report.deliveries;
    assert_eq!((found.lost, found.duplicated, found.unexpected), (Some(0), Some(0), Some(0)));
}

#[test]
fn a_mark_is_a_row_and_changes_nothing() {
    let fault = "[[fault]]\nat = \"talk + 1s\"\nkind = \"mark\"\nlabel = \"deploy 42\"\n\
                 [thresholds]\n\"recovery.to_99\" = \"< 10s, if any\"";
    let ran = run(&scenario("", fault), &[]);
    assert_eq!(ran.said.code, Some(0), "{}", ran.said.stdout);
    let fault = one_fault(&ran.report);
    assert_eq!((fault.kind.as_str(), fault.label.as_deref()), ("mark", Some("deploy 42")));
    assert_eq!((fault.hit, fault.back, fault.at_s), (0, 0, 2.0));
    assert_eq!(ran.report.connections.lost, 0);
    assert!(ran.said.stdout.contains("mark \"deploy 42\" at 2 s"), "{}", ran.said.stdout);
}

/// 100 messages a second reach each, and a slow one takes 20 of them.
#[test]
fn a_slow_consumer_hears_late_and_the_others_in_time() {
    let slow = r#"
        [[cohort]]
        name = "slow"
        clients = 5
        join = { rooms = "lobby" }
        read = { rate = "20/s", buffer = "16KiB" }
    "#;
    let ran = run(&scenario("", slow), &[]);
    let [people, slow] = &ran.report.cohorts[..] else { panic!("two cohorts") };
    let p50_us = |cohort: &uproar::report::CohortFigures| {
        cohort.latency[&Metric::DeliveryFromSent].p50.expect("enough samples")
    };
    assert!(p50_us(slow) > 1_000_000, "{}", p50_us(slow));
    assert!(p50_us(people) < 300_000, "{}", p50_us(people));
    assert_eq!(people.deliveries.lost, Some(0));
    // What they had not read when the run ended they read on the way out.
    assert!(slow.deliveries.late > Some(100), "{:?}", slow.deliveries);
    assert_eq!(people.deliveries.late, Some(0));
    assert_eq!(ran.report.connections.lost, 0);
}
