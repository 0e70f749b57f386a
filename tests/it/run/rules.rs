//! Which rules of a protocol file took how many frames in a run, and acknowledgements of what nobody
//! published: against a server of which the numbers are known.

use serde_json::{Value, json};
use uproar::report::Report;

use super::hall::{Event, Hall, Server};
use super::support::{folder_with, read_report, say};

const CLIENTS: u64 = 4;
const SCENARIO: &str = r#"format = 1
name = "rules"
[target]
url = "ws://127.0.0.1/"
protocol = "./own.toml"
[rooms.lobby]
count = 1
[[cohort]]
name = "people"
clients = 4
join = { rooms = "lobby" }
publish = { rate = "10/s", arrivals = "constant" }
[[phase]]
name = "everybody-joins"
duration = "1s"
rate = "0%"
[[phase]]
name = "all"
duration = "1s"
"#;

/// Each connection's last poll is answered beside its next message, and has to be asked again.
fn polls(hall: &mut Hall, client: u64, event: Event<'_>) {
    let Event::Said(text) = event else { return };
    let said: Value = serde_json::from_str(text).unwrap_or_default();
    let mine = format!("{client}:");
    let answer = |what: &str, id: &Value| json!({ "do": what, "ok": true, "id": id }).to_string();
    match said["do"].as_str() {
        Some("poll") => hall.kept.push(format!("{mine}{}", said["id"])),
        Some("join") => {
            hall.join(client, "lobby");
            hall.say(client, answer("join", &said["id"]));
        }
        Some("say") => {
            hall.say(client, answer("say", &said["id"]));
            for member in hall.members("lobby") {
                hall.say(member, json!({ "do": "said", "body": said["body"] }).to_string());
            }
            if let Some(at) = hall.kept.iter().position(|poll| poll.starts_with(&mine)) {
                let id: Value = hall.kept.remove(at)[mine.len()..].parse().unwrap();
                hall.say(client, answer("poll", &id));
            }
        }
        _ => {}
    }
}

/// The third is written too broadly, or not.
fn protocol(ack: &str, join: &str) -> String {
    format!(
        r#"format = 1
name = "polls"
[[connect]]
send = '{{"do":"poll","id":{{{{ id }}}}}}'
[join]
send = '{{"do":"join","room":"{{{{ room | json }}}}","id":{{{{ id }}}}}}'
{join}
[publish]
send = '{{"do":"say","id":{{{{ id }}}},"body":"{{{{ payload | json }}}}"}}'
ack = {{ when = {{ json = {{ {ack} }} }}, id = "/id" }}
[[reply]]
when = {{ json = {{ "/do" = "poll" }} }}
send = '{{"do":"poll","id":{{{{ id }}}}}}'
[[ignore]]
name = "typing"
when = {{ json = {{ "/do" = "typing" }} }}
[[ignore]]
name = "joined"
when = {{ json = {{ "/do" = "join" }} }}
[delivery]
when = {{ json = {{ "/do" = "said" }} }}
"#
    )
}

fn run(protocol: &str) -> (Report, String) {
    let server = Server::start(polls);
    let folder = folder_with(SCENARIO);
    std::fs::write(folder.path().join("own.toml"), protocol).unwrap();
    let url = server.url();
    let arguments = ["run", "scenario.toml", "--quiet", "--allow-invalid", "--out", "out"];
    let said = say(folder.path(), &[&arguments[..], &["--url", &url]].concat());
    assert_eq!(said.code, Some(0), "{}", said.all());
    (read_report(&folder.path().join("out")), said.stdout)
}

/// Frames by rule.
fn taken(report: &Report) -> Vec<(&str, u64)> {
    report.rules.iter().map(|rule| (rule.rule.as_str(), rule.frames)).collect()
}

const JOIN: &str = r#"expect = { json = { "/do" = "join", "/id" = "{{ id }}" } }"#;

#[test]
fn an_ack_that_is_too_broad_is_told_with_what_it_keeps_from_others() {
    let (report, summary) = run(&protocol(r#""/ok" = true"#, JOIN));
    let sent = report.publishes.sent;
    assert!(sent >= 5 * CLIENTS, "{sent}");
    assert_eq!(report.publishes.acked, Some(sent));
    // Each polls once, and is answered once.
    assert_eq!(report.publishes.acks_unknown, Some(CLIENTS));
    let rules = [
        ("ack", sent + CLIENTS),
        ("[[reply]] 1", 0),
        ("[[ignore]] typing", 0),
        ("[[ignore]] joined", 0),
        ("[delivery]", sent * CLIENTS),
    ];
    assert_eq!(taken(&report), rules);
    assert_eq!(report.rules[1].when, "json /do = \"poll\"");
    assert_eq!(report.frames.ack, sent + CLIENTS);
    for told in [
        "; 4 acks of no message that waits for one",
        "[[reply]] 1 of polls never took a frame: json /do = \"poll\"",
    ] {
        assert!(summary.contains(told), "{told}\n{summary}");
    }
}

#[test]
fn rules_that_keep_to_their_own_are_counted_one_by_one() {
    let (report, summary) = run(&protocol(r#""/do" = "say", "/ok" = true"#, JOIN));
    let sent = report.publishes.sent;
    assert_eq!(report.publishes.acks_unknown, Some(0));
    let rules = [
        ("ack", sent),
        ("[[reply]] 1", sent),
        ("[[ignore]] typing", 0),
        ("[[ignore]] joined", 0),
        ("[delivery]", sent * CLIENTS),
    ];
    assert_eq!(taken(&report), rules);
    assert!(!summary.contains("acks of no message"), "{summary}");
}

/// A probe is nobody's message, and its acknowledgement is of something all the same.
#[test]
fn acknowledgements_of_probes_are_not_unknown() {
    let (report, _) = run(&protocol(r#""/do" = "say""#, "probe = true"));
    assert_eq!(report.clients.joined, CLIENTS);
    assert_eq!(report.publishes.acked, Some(report.publishes.sent));
    assert_eq!(report.publishes.acks_unknown, Some(0));
    assert!(taken(&report)[0].1 > report.publishes.sent, "{:?}", report.rules);
    assert_eq!(taken(&report)[3], ("[[ignore]] joined", CLIENTS), "answers that nobody awaits");
}
