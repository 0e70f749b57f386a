//! The recipes of `docs/protocols.md`, as printed, against servers that need them.

use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;

use super::hall::{Event, Hall, Manners, Server};
use super::support::say;
use super::tutorial::block;

/// Tries a file of the page against a server, and gives what was shown.
fn tried(file: &str, manners: Manners) -> String {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join(file), block(&format!("file: {file}"))).unwrap();
    let server = Server::start(manners);
    let (url, path) = (server.url(), format!("./{file}"));
    let arguments = ["try", "--url", &url, "--protocol", &path, "--room", "lobby"];
    let said = say(folder.path(), &[&arguments[..], &["--timeout", "2s"]].concat());
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.all());
    assert!(said.stdout.contains("12 of 12 deliveries heard"), "{}", said.stdout);
    said.stdout
}

/// Everything in binary: a byte that says what, and what follows.
fn prefixed(hall: &mut Hall, client: u64, event: Event<'_>) {
    let Event::Said(text) = event else { return };
    match text.as_bytes() {
        [1, 0, 5, room @ ..] if room == b"lobby" => {
            hall.join(client, "lobby");
            // No UTF-8, and the end of a line in it.
            hall.send(client, Message::binary(vec![0x81, b'\n', 0xff]));
        }
        [2, said @ ..] => {
            let frame = [&[0x82, 0xff, b'\n'], said].concat();
            for member in hall.members("lobby") {
                hall.send(member, Message::binary(frame.clone()));
            }
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn frames_that_begin_with_bytes() {
    let shown = tried("prefixed.toml", prefixed);
    assert!(!shown.contains("unmatched") && !shown.contains("note: "), "{shown}");
}

/// Gives no name a second time, whoever is gone.
fn named(hall: &mut Hall, client: u64, event: Event<'_>) {
    let Event::Said(text) = event else { return };
    let words: Vec<&str> = text.splitn(4, ' ').collect();
    match *words {
        ["NAME", name] if hall.kept.iter().any(|taken| taken == name) => hall.say(client, "TAKEN"),
        ["NAME", name] => {
            hall.kept.push(name.to_owned());
            hall.say(client, format!("WELCOME {name}"));
        }
        ["JOIN", room] => {
            hall.join(client, room);
            hall.say(client, format!("JOINED {room}"));
        }
        ["SAY", name, room, said] => {
            assert!(hall.kept.iter().any(|known| known == name), "{name}");
            for member in hall.members(room) {
                hall.say(member, said);
            }
        }
        _ => panic!("{text}"),
    }
}

#[test]
fn names_that_are_still_taken() {
    tried("named.toml", named);
    // And a run whose clients come back, each after the client that is sent before it.
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("named.toml"), block("file: named.toml")).unwrap();
    let scenario = "format = 1\nname = \"ghosts\"\n[target]\nurl = \"ws://127.0.0.1/\"\n\
                    protocol = \"./named.toml\"\n[rooms.lobby]\ncount = 1\n[[cohort]]\n\
                    name = \"people\"\nclients = 4\njoin = { rooms = \"lobby\" }\n\
                    publish = { rate = \"5/s\" }\nreconnect = { first = \"50ms\" }\n[[phase]]\n\
                    name = \"all\"\nduration = \"2s\"\n[[fault]]\nat = \"500ms\"\n\
                    kind = \"reset\"\nclients = \"100%\"\n";
    std::fs::write(folder.path().join("scenario.toml"), scenario).unwrap();
    let server = Server::start(named);
    let url = server.url();
    let arguments = ["run", "scenario.toml", "--quiet", "--allow-invalid", "--out", "out"];
    let said = say(folder.path(), &[&arguments[..], &["--url", &url]].concat());
    let report = super::support::read_report(&folder.path().join("out"));
    assert_eq!(report.connections.reconnected, 4, "{}", said.all());
    assert_eq!(report.errors, [], "nobody was refused: {}", said.all());
}
