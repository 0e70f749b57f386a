//! Memberships of every shape, with nothing going wrong: each message counts once for each
//! member of its room, and for nobody else.

use uproar::metric::Metric;
use uproar::protocol::ProtocolKind;
use uproar::server::ServerConfig;

use super::faulty::{Faults, Server};
use super::run::{Ran, all_delivered, run_text};

const PHASES: &str = r#"
    [[phase]]
    name = "gather"
    duration = "1s"
    rate = "0%"
    measure = false
    [[phase]]
    name = "steady"
    duration = "3s"
"#;

#[tokio::test]
async fn several_rooms_rooms_of_one_and_publishers_that_do_not_listen() {
    let server = Server::start(Faults::default()).await;
    let text = format!(
        r#"
        format = 1
        name = "shapes"
        [target]
        builtin = "rooms"
        [rooms.lobby]
        count = 4
        [rooms.alone]
        size = 1
        [[cohort]]
        name = "busy"
        clients = 12
        join = {{ rooms = "lobby", per_client = 3 }}
        publish = {{ rate = "4/s", arrivals = "constant", to = "all" }}
        [[cohort]]
        name = "alone"
        clients = 5
        join = {{ rooms = "alone" }}
        publish = {{ rate = "4/s", arrivals = "constant" }}
        [[cohort]]
        name = "outsiders"
        clients = 3
        publish = {{ rate = "4/s", arrivals = "constant", to = "lobby" }}
        {PHASES}
        "#
    );
    let Ran { report, .. } = run_text(&text, &["--protocol", "rooms"], server.address).await;
    // Publishes of a client times clients, times rooms, times members.
    let (busy, alone, outsiders) = (12 * 12 * 3, 12 * 5, 12 * 3);
    let expected = busy * 9 + alone + outsiders * 9;
    let log = server.log();
    assert_eq!((log.messages, log.expected), (busy + alone + outsiders, expected));
    assert_eq!(report.deliveries, all_delivered(expected));
    assert_eq!(report.publishes.due, log.messages);
    assert_eq!(report.publishes.sent, log.messages);
    let count = |metric| report.latency[&metric].count;
    assert_eq!(count(Metric::Delivery), expected);
    assert_eq!(count(Metric::OwnCopy), busy + alone);
    assert_eq!(count(Metric::Spread), busy + outsiders, "a room of one has no spread");
    let of = |cohort: usize| report.cohorts[cohort].deliveries;
    assert_eq!(of(0), all_delivered(expected - alone));
    assert_eq!((of(1), of(2)), (all_delivered(alone), all_delivered(0)));
    assert_eq!(report.clients.joined, 20);
}

async fn implicit(mode: ProtocolKind, members: u64) {
    let listener = uproar::server::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let config = ServerConfig { mode, ..ServerConfig::default() };
    let server = tokio::spawn(uproar::server::serve(listener, config, std::future::pending()));
    let text = format!(
        r#"
        format = 1
        name = "implicit"
        [target]
        builtin = "{mode}"
        [[cohort]]
        name = "people"
        clients = 10
        publish = {{ rate = "5/s", arrivals = "constant", binary = "50%" }}
        {PHASES}
        "#,
        mode = mode.name()
    );
    let Ran { report, .. } = run_text(&text, &["--protocol", mode.name()], address).await;
    server.abort();
    assert_eq!((report.publishes.due, report.publishes.sent), (150, 150));
    assert_eq!(report.deliveries, all_delivered(150 * members), "{}", mode.name());
    assert_eq!(report.latency[&Metric::OwnCopy].count, 150);
}

#[tokio::test]
async fn an_echo_is_a_room_of_one() {
    implicit(ProtocolKind::Echo, 1).await;
}

#[tokio::test]
async fn a_broadcast_is_one_room_of_all() {
    implicit(ProtocolKind::Broadcast, 10).await;
}
