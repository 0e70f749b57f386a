//! `uproar init`: what it writes is a scenario, and runs.

use std::fs;

use tempfile::TempDir;
use uproar::scenario::{Overrides, Source, own_protocols, read, shipped_protocols};

use super::hall::{Event, Hall, Server};
use super::support::{Said, read_report, say};

fn init(arguments: &[&str]) -> Said {
    say(TempDir::new().unwrap().path(), &[&["init"], arguments].concat())
}

#[test]
fn what_is_written_is_a_scenario_for_every_protocol() {
    for protocol in ["rooms", "echo", "broadcast", "feed"] {
        let header = "X-Odd: \"a\\b\"";
        let url = "wss://chat.test/ws?a=b";
        let said = init(&["--url", url, "--protocol", protocol, "--header", header]);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.all());
        let source = Source { name: "first.toml".to_owned(), text: said.stdout.clone() };
        let scenario = read(&source, &Overrides::default()).unwrap();
        assert_eq!(scenario.target.url.as_deref(), Some(url));
        assert_eq!(scenario.target.headers, [("X-Odd".to_owned(), "\"a\\b\"".to_owned())]);
        assert_eq!(scenario.cohorts[0].clients, 20);
        assert_eq!(scenario.cohorts[0].join.is_some(), protocol == "rooms");
        assert_eq!(scenario.cohorts[0].publish.is_some(), protocol != "feed");
    }
}

#[test]
fn every_protocol_that_is_built_in_gets_a_scenario() {
    let shipped = shipped_protocols().iter().map(|known| known.name);
    let names: Vec<_> = shipped.chain(own_protocols()).chain(["mqtt"]).collect();
    assert!(names.len() > 10, "{names:?}");
    for protocol in names {
        let said = init(&["--url", "ws://127.0.0.1:9000", "--protocol", protocol]);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.all());
        // With every param that it offers, too.
        let set = said.stdout.replace("# params.", "params.");
        for text in [said.stdout, set] {
            let source = Source { name: "first.toml".to_owned(), text };
            read(&source, &Overrides::default()).unwrap_or_else(|_| panic!("{protocol}"));
        }
    }
    let given =
        ["--url", "ws://127.0.0.1:9000", "--protocol", "socket.io", "--param", "event=chat"];
    insta::assert_snapshot!("init_socket_io", init(&given).stdout);
}

#[test]
fn a_first_scenario_says_what_each_line_is_for() {
    let said = init(&["--url", "ws://127.0.0.1:9000/ws", "--protocol", "rooms"]);
    insta::assert_snapshot!("init_rooms", said.stdout);
}

fn rooms(hall: &mut Hall, from: u64, event: Event<'_>) {
    let Event::Said(text) = event else { return };
    let message: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let room = message["room"].as_str().unwrap_or_default().to_owned();
    match message["type"].as_str() {
        Some("Join") => {
            hall.join(from, &room);
            hall.say(from, text.replace("\"Join\"", "\"Joined\""));
        }
        Some("Leave") => {
            hall.leave(from, &room);
            hall.say(from, text.replace("\"Leave\"", "\"Left\""));
        }
        _ => hall.members(&room).into_iter().for_each(|member| hall.say(member, text)),
    }
}

#[test]
fn the_written_file_runs_as_it_is() {
    let server = Server::start(rooms);
    let folder = TempDir::new().unwrap();
    let url = server.url();
    let wrote = ["init", "--url", &url, "--protocol", "rooms", "--out", "first.toml"];
    let said = say(folder.path(), &wrote);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.all());
    let fixed = ["run", "first.toml", "--quiet", "--allow-invalid", "--out", "out"];
    // Time is all that is changed, and a threshold on latency is for quiet machines.
    let shorter = ["--duration", "2s", "--set", "thresholds.delivery.p99=< 60s"];
    let said = say(folder.path(), &[&fixed[..], &shorter].concat());
    assert_eq!(said.code, Some(0), "{}", said.all());
    let report = read_report(&folder.path().join("out"));
    assert_eq!((report.clients.joined, report.deliveries.lost), (20, Some(0)));
    assert!(report.deliveries.delivered > 0);
}

#[test]
fn a_file_is_never_replaced_unasked() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("first.toml");
    fs::write(&file, "mine").unwrap();
    let fixed = ["init", "--url", "ws://127.0.0.1:9/", "--protocol", "echo", "--out", "first.toml"];
    let said = say(folder.path(), &fixed);
    assert_eq!(said.code, Some(2), "{}", said.all());
    assert!(said.stderr.contains("first.toml is there already"), "{}", said.stderr);
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    let said = say(folder.path(), &[&fixed[..], &["--force"]].concat());
    assert_eq!(said.code, Some(0), "{}", said.all());
    assert!(fs::read_to_string(&file).unwrap().starts_with("# A first scenario"));
}

#[test]
fn wrong_flags_are_told_as_such() {
    let said = init(&["--url", "http://127.0.0.1:9/", "--protocol", "rooms"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{}", said.all());
    assert!(said.stderr.contains("--url http://127.0.0.1:9/"), "{}", said.stderr);
}
