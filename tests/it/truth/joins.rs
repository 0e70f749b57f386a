//! Joins and leaves that a server gets wrong.

use std::time::Duration;

use uproar::metric::{ErrorKind, Step};

use super::faulty::{Faults, Server};
use super::run::{Ran, Setup, all_delivered, run, run_text};

/// Half of the clients join while the other half speaks, and learn of it 300 ms late.
#[tokio::test]
async fn what_arrives_before_a_late_joined_came_while_joining() {
    let late = Faults { joined_after: Duration::from_millis(300), ..Faults::default() };
    let server = Server::start(late).await;
    let text = r#"
        format = 1
        name = "late-joins"
        [target]
        builtin = "rooms"
        [rooms.lobby]
        size = 10
        [[cohort]]
        name = "people"
        clients = 20
        join = { rooms = "lobby" }
        publish = { rate = "10/s", arrivals = "constant", size = "128B" }
        # Else each would send what it held, all at once, while others still read their `Joined`.
        reconnect = { while_away = "skip" }
        [[phase]]
        name = "gather"
        duration = "1s"
        clients = "50%"
        rate = "0%"
        measure = false
        [[phase]]
        name = "half"
        duration = "1s"
        clients = "50%"
        [[phase]]
        name = "all"
        duration = "2s"
    "#;
    let Ran { report, .. } = run_text(text, &["--protocol", "rooms"], server.address).await;
    let log = server.log();
    assert!(log.before_joined > 100, "{}", log.before_joined);
    let joining = report.deliveries.joining.unwrap();
    // Besides them: what was sent between a join's writing and its reading (nobody had it), and between
    // the writing and the reading of its answer (it was had). How long those are is the machine's.
    let by = joining.checked_sub(log.before_joined).expect("each came while joining");
    assert!(by <= 20, "{joining} while joining, {} before joined", log.before_joined);
    let delivered = report.deliveries.delivered;
    let not_had =
        (delivered + joining).checked_sub(log.expected).expect("all that came is counted");
    assert!(not_had <= by, "{not_had} of {by} that were sent just as a join was");
    let mut expected = all_delivered(delivered);
    expected.joining = Some(joining);
    assert_eq!(report.deliveries, expected);
    assert_eq!(report.clients.joined, 20);
}

#[tokio::test]
async fn a_join_that_is_never_answered_times_out() {
    let server = Server::start(Faults { never_joins: true, ..Faults::default() }).await;
    let text = r#"
        format = 1
        name = "no-joins"
        [target]
        builtin = "rooms"
        join_timeout = "300ms"
        drain_timeout = "100ms"
        [rooms.lobby]
        size = 5
        [[cohort]]
        name = "people"
        clients = 20
        join = { rooms = "lobby" }
        publish = { rate = "2/s" }
        reconnect = { first = "100ms", jitter = "none", factor = 1.0, attempts = 2 }
        [[phase]]
        name = "steady"
        duration = "2s"
    "#;
    let arguments = ["--protocol", "rooms", "--no-preflight"];
    let Ran { report, exit } = run_text(text, &arguments, server.address).await;
    assert_eq!(exit, Some(4));
    assert_eq!((report.clients.joined, report.clients.never_joined), (0, 20));
    assert_eq!(report.clients.gave_up, 20);
    // A first attempt and two more.
    let [error] = &report.errors[..] else { panic!("{:?}", report.errors) };
    assert_eq!((error.kind, error.step, error.count), (ErrorKind::TimedOut, Step::Join, 60));
    assert_eq!((report.connections.opened, report.connections.failed), (60, 60));
    assert_eq!(report.publishes.sent, 0);
    assert_eq!(report.publishes.due, report.publishes.not_sent);
    assert!(report.publishes.due > 0);
    let deliveries = report.deliveries;
    assert_eq!((deliveries.expected, deliveries.lost), (Some(0), Some(0)));
}

#[tokio::test]
async fn a_server_that_goes_on_telling_leavers_is_found_out() {
    let server = Server::start(Faults { keeps_leavers: true, ..Faults::default() }).await;
    let setup = Setup {
        cohort: "churn = { rooms = \"30%/s\", stay_away = \"700ms\" }",
        ..Setup::default()
    };
    let Ran { report, .. } = run(&setup, server.address).await;
    let log = server.log();
    assert!(log.to_leavers > 50, "{}", log.to_leavers);
    let found = report.deliveries;
    let (unexpected, uncertain) = (found.unexpected.unwrap(), found.uncertain.unwrap());
    let joining = found.joining.unwrap();
    assert!(unexpected > 0 && unexpected <= log.to_leavers);
    // What is not `unexpected` overlapped the leave's answer or the next join.
    let overlapped = log.to_leavers - unexpected;
    assert!(overlapped <= uncertain + joining, "{overlapped} of {uncertain} + {joining}");
    assert!(overlapped * 5 <= log.to_leavers, "{overlapped} of {}", log.to_leavers);
    let mut expected = all_delivered(found.delivered);
    expected.unexpected = Some(unexpected);
    expected.uncertain = Some(uncertain);
    expected.joining = Some(joining);
    // What was said while they left, and was passed on to nobody.
    expected.cut_off = found.cut_off;
    assert_eq!(found, expected);
    assert!(found.delivered + uncertain + joining + unexpected >= log.expected + log.to_leavers);
}

/// Everyone who comes back is told what was said long before: once more, and never lost.
#[tokio::test]
async fn history_on_join_is_replayed() {
    let history = Faults { history_older_than_us: Some(1_200_000), ..Faults::default() };
    let server = Server::start(history).await;
    let setup = Setup {
        cohort: "reconnect = { first = \"100ms\", jitter = \"none\" }",
        more: "[[fault]]\nat = \"steady + 2s\"\nkind = \"close\"\ncode = 3000\nclients = \"50%\"",
        ..Setup::default()
    };
    let Ran { report, .. } = run(&setup, server.address).await;
    let log = server.log();
    assert_eq!(log.joins.values().sum::<u64>(), 30);
    assert!(log.history > 100, "{}", log.history);
    let found = report.deliveries;
    assert_eq!(found.replayed, Some(log.history));
    let mut expected = all_delivered(found.delivered);
    expected.replayed = Some(log.history);
    // Its own close took what was on its way.
    expected.cut_off = found.cut_off;
    expected.uncertain = found.uncertain;
    expected.joining = found.joining;
    expected.missed_away = found.missed_away;
    assert_eq!(found, expected);
}
