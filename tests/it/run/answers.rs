//! Servers whose answers to steps bring messages along: what was said before a client came.

use super::hall::{Event, Hall, Server, Words, folder_beside_hall, words};
use super::support::{read_report, say};

/// Half of them speak for a second; the others come when nobody has spoken for longer than anything may be
/// on its way.
const SCENARIO: &str = r#"format = 1
name = "history"
[target]
url = "ws://127.0.0.1/"
protocol = "./hall.toml"
[rooms.lobby]
count = 1
[[cohort]]
name = "people"
clients = 6
join = { rooms = "lobby" }
publish = { rate = "10/s", arrivals = "constant" }
[[phase]]
name = "talk"
duration = "1s"
clients = "50%"
[[phase]]
name = "pause"
duration = "1500ms"
clients = "50%"
rate = "0%"
[[phase]]
name = "all"
duration = "500ms"
rate = "0%"
"#;

/// So many messages are told to whoever joins, in the answer itself.
const TOLD: usize = 3;

fn remembers(hall: &mut Hall, client: u64, event: Event<'_>) {
    match words(&event) {
        Some(Words::Join(room)) => {
            hall.join(client, &room);
            let kept = hall.kept.iter().rev().take(TOLD).cloned().collect::<Vec<_>>().join(",");
            hall.say(client, format!(r#"{{"joined":"{room}","before":[{kept}]}}"#));
        }
        Some(Words::Say(room, body)) => {
            hall.kept.push(body.to_string());
            hall.pass_on(&room, &body);
        }
        None => {}
    }
}

#[test]
fn what_the_answer_to_a_join_brings_along_is_counted() {
    let server = Server::start(remembers);
    let folder = folder_beside_hall(SCENARIO);
    let url = server.url();
    let arguments = ["run", "scenario.toml", "--quiet", "--allow-invalid", "--no-preflight"];
    let said = say(folder.path(), &[&arguments[..], &["--out", "out", "--url", &url]].concat());
    assert_eq!(said.code, Some(0), "{}", said.all());
    let report = read_report(&folder.path().join("out"));
    assert_eq!(report.clients.joined, 6);
    assert_eq!(report.deliveries.lost, Some(0));
    assert_eq!(report.deliveries.replayed, Some(3 * TOLD as u64), "{}", said.all());
    assert_eq!(report.frames.step, 6, "an answer is one all the same");
}
