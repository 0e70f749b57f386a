//! A server that knows its own rooms and no others: whoever is sent goes to one that the scenario names.

use super::hall::{Event, Hall, Server};
use super::support::{folder_with, say};

const PROTOCOL: &str = r#"format = 1
name = "hall"
error = { json = { "/error" = "no such room" } }
[join]
send = '{"join":"{{ room | json }}"}'
expect = { json = { "/joined" = "{{ room }}" } }
[publish]
send = '{"to":"{{ room | json }}","body":"{{ payload | json }}"}'
"#;

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

fn strict(hall: &mut Hall, client: u64, event: Event<'_>) {
    let Event::Said(text) = event else { return };
    let json: serde_json::Value = serde_json::from_str(text).unwrap();
    match (json["join"].as_str(), json["to"].as_str()) {
        (Some(room @ ("red" | "blue")), _) => {
            hall.join(client, room);
            hall.say(client, format!(r#"{{"joined":"{room}"}}"#));
        }
        (None, Some(room @ ("red" | "blue"))) => {
            for member in hall.members(room) {
                hall.say(member, format!(r#"{{"body":{}}}"#, json["body"]));
            }
        }
        _ => hall.say(client, r#"{"error":"no such room"}"#),
    }
}

#[test]
fn the_first_client_and_try_go_to_a_room_that_the_scenario_names() {
    let server = Server::start(strict);
    let folder = folder_with(SCENARIO);
    std::fs::write(folder.path().join("hall.toml"), PROTOCOL).unwrap();
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
