//! A server that knows its own rooms and no others: whoever is sent goes to one that the scenario names.

use super::hall::{Event, Hall, PROTOCOL, Server, Words, words};
use super::support::{folder_with, say};

const SCENARIO: &str = r#"format = 1
name = "named"
[target]
url = "ws://127.0.0.1/"
protocol = "./hall.toml"
[rooms.own]
names = "rooms.txt"
[[cohort]]
name = "people"
clients = 4
join = { rooms = "own" }
publish = { rate = "5/s" }
[[phase]]
name = "talk"
duration = "500ms"
"#;

const OWN: [&str; 2] = ["red", "blue"];

fn strict(hall: &mut Hall, client: u64, event: Event<'_>) {
    match words(&event) {
        Some(Words::Join(room)) if OWN.contains(&&*room) => hall.let_in(client, &room),
        Some(Words::Say(room, body)) if OWN.contains(&&*room) => hall.pass_on(&room, &body),
        Some(_) => hall.say(client, r#"{"error":"no such room"}"#),
        None => {}
    }
}

#[test]
fn the_first_client_and_try_go_to_a_room_that_the_scenario_names() {
    let server = Server::start(strict);
    let folder = folder_with(SCENARIO);
    let protocol = PROTOCOL.replacen(
        "[join]",
        "error = { json = { \"/error\" = \"no such room\" } }\n[join]",
        1,
    );
    std::fs::write(folder.path().join("hall.toml"), protocol).unwrap();
    std::fs::write(folder.path().join("rooms.txt"), "red\nblue\n").unwrap();
    let url = server.url();
    for arguments in [
        &["run", "scenario.toml", "--quiet", "--allow-invalid", "--out", "out", "--url", &url][..],
        &["try", "scenario.toml", "--url", &url],
    ] {
        let said = say(folder.path(), arguments);
        assert_eq!(said.code, Some(0), "{arguments:?}: {}", said.all());
    }
    let said = say(folder.path(), &["try", "scenario.toml", "--url", &url, "--room", "green"]);
    assert_eq!(said.code, Some(4), "{}", said.all());
}
