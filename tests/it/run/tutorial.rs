//! The worked example of `docs/protocols.md`: its files as printed, against a server that speaks what
//! the page says.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::hall::{Event, Hall, Server};
use super::support::{Said, read_report, say};

const PAGE: &str = include_str!("../../../docs/protocols.md");

/// The block of the page behind this mark.
pub(super) fn block(mark: &str) -> &'static str {
    let mark = format!("<!-- {mark} -->\n");
    let (_, rest) = PAGE.split_once(&mark).unwrap_or_else(|| panic!("no {mark}"));
    let (_, rest) = rest.split_once('\n').unwrap();
    rest.split_once("```\n").unwrap().0
}

/// A folder with the page's files.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in ["parlour.toml", "first.toml"] {
        fs::write(folder.path().join(name), block(&format!("file: {name}"))).unwrap();
    }
    folder
}

/// The chat of the page. It takes nothing that the page does not allow.
fn parlour(hall: &mut Hall, client: u64, event: Event<'_>) {
    let text = match event {
        Event::Connected => return hall.say(client, r#"{"type":"hello"}"#),
        Event::Said(text) => text,
        Event::Gone => return,
    };
    let said: Value = serde_json::from_str(text).unwrap_or_default();
    let session = format!("s-{}", 1_700 + client);
    let refuse = |hall: &Hall, why: &str| {
        let error = json!({ "type": "error", "ref": said["ref"], "why": why });
        hall.say(client, error.to_string());
    };
    let kind = said["type"].as_str().unwrap_or_default();
    if !matches!(kind, "login" | "pong") && said["session"] != session.as_str() {
        return refuse(hall, "no such session");
    }
    let room = said["room"].as_str().unwrap_or_default().to_owned();
    let others: Vec<u64> =
        hall.members(&room).into_iter().filter(|member| *member != client).collect();
    match kind {
        "login" => {
            let welcome = json!({ "type": "welcome", "session": session, "ping_ms": 30_000 });
            hall.say(client, welcome.to_string());
        }
        "join" => {
            hall.join(client, &room);
            let joined = json!({ "type": "joined", "room": room, "ref": said["ref"] });
            hall.say(client, joined.to_string());
            hall.count += 1;
            hall.say(client, json!({ "type": "ping", "n": hall.count }).to_string());
            let presence = json!({ "type": "presence", "room": room, "name": session });
            others.iter().for_each(|other| hall.say(*other, presence.to_string()));
        }
        "leave" => {
            hall.leave(client, &room);
            let left = json!({ "type": "left", "room": room, "ref": said["ref"] });
            hall.say(client, left.to_string());
        }
        "say" if !hall.members(&room).contains(&client) => refuse(hall, "not in that room"),
        "say" => {
            hall.say(client, json!({ "type": "ok", "ref": said["ref"] }).to_string());
            let heard = json!({
                "type": "said", "room": room, "from": session, "text": said["text"],
            });
            others.iter().for_each(|other| hall.say(*other, heard.to_string()));
        }
        // The number is that of a ping, not a text of it.
        "pong" if said["n"].is_u64() => {}
        _ => refuse(hall, "what?"),
    }
}

fn tries(folder: &Path, server: &Server) -> Said {
    let url = server.url();
    say(folder, &["try", "--url", &url, "--protocol", "./parlour.toml"])
}

#[test]
fn the_files_have_no_mistakes() {
    let folder = folder();
    for file in ["parlour.toml", "first.toml"] {
        let said = say(folder.path(), &["check", file]);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.all());
    }
}

#[test]
fn try_ends_as_the_page_says() {
    let (folder, server) = (folder(), Server::start(parlour));
    let said = tries(folder.path(), &server);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.all());
    assert!(said.stdout.contains(block("ends: try")), "{}", said.stdout);
    for part in ["ignored: presence", "reply 1", "connect 2", "session = ***", "beat = \"1\""] {
        assert!(said.stdout.contains(part), "{part}: {}", said.stdout);
    }
    assert!(!said.stdout.contains("s-170"), "the session is secret: {}", said.stdout);
    assert!(!said.stdout.contains("unmatched"), "{}", said.stdout);
}

#[test]
fn secrets_are_shown_to_whoever_asks_for_them() {
    let (folder, server) = (folder(), Server::start(parlour));
    let url = server.url();
    let fixed = ["try", "--url", &url, "--protocol", "./parlour.toml"];
    let said = say(folder.path(), &[&fixed[..], &["--show-secrets"]].concat());
    assert_eq!(said.code, Some(0), "{}", said.all());
    assert!(said.stdout.contains("session = \"s-1700\""), "{}", said.stdout);
    assert!(said.stdout.contains(r#""session":"s-1701""#), "{}", said.stdout);
}

#[test]
fn payloads_that_no_rule_lets_deliver_are_explained() {
    let (folder, server) = (folder(), Server::start(parlour));
    let rule = "\n[delivery]\nwhen = { json = { \"/type\" = \"heard\" } }\n";
    let file = format!("{}{rule}", block("file: parlour.toml"));
    fs::write(folder.path().join("parlour.toml"), file).unwrap();
    let url = server.url();
    let arguments = ["try", "--url", &url, "--protocol", "./parlour.toml", "--timeout", "300ms"];
    let said = say(folder.path(), &arguments);
    assert_eq!(said.code, Some(1), "{}", said.all());
    for part in [
        "payloads arrived, but none in a frame that counts as a delivery\n",
        "not taken by [delivery]: {\"from\":",
        "[delivery] when: json /type = \"heard\" does not: there is \"said\"\n",
        "unmatched, though it holds a payload",
    ] {
        assert!(said.stdout.contains(part), "{part}: {}", said.stdout);
    }
}

#[test]
fn a_file_that_counts_on_own_copies_is_told_what_to_write() {
    let (folder, server) = (folder(), Server::start(parlour));
    let file = block("file: parlour.toml").replace("\"others\"", "\"room\"");
    fs::write(folder.path().join("parlour.toml"), file).unwrap();
    let url = server.url();
    let arguments = ["try", "--url", &url, "--protocol", "./parlour.toml", "--timeout", "300ms"];
    let said = say(folder.path(), &arguments);
    assert_eq!(said.code, Some(1), "{}", said.all());
    let told = PAGE.split("```text\n").find(|text| text.starts_with("the senders never")).unwrap();
    let told = told.split_once("```").unwrap().0;
    assert!(said.stdout.contains(told), "{}", said.stdout);
}

/// What is said without ports and the run's id.
fn steady(server: &Server, text: &str) -> String {
    let text = server.unported(text);
    match text.split_once("uproar-") {
        Some((_, rest)) => text.replace(&rest[..7], "1234567"),
        None => text,
    }
}

#[test]
fn a_join_that_is_answered_otherwise_is_explained() {
    let (folder, server) = (folder(), Server::start(parlour));
    let answer = r#""/type" = "joined", "/ref""#;
    let other = r#""/type" = "joined", "/room" = "Lobby", "/ref""#;
    let file = block("file: parlour.toml");
    assert!(file.contains(answer));
    fs::write(folder.path().join("parlour.toml"), file.replace(answer, other)).unwrap();
    let url = server.url();
    let fixed = ["try", "--url", &url, "--protocol", "./parlour.toml", "--room", "lobby"];
    let said = say(folder.path(), &[&fixed[..], &["--timeout", "300ms"]].concat());
    assert_eq!(said.code, Some(4), "{}", said.all());
    let verdict = said.stdout.split_once("\n\n").unwrap().1;
    insta::assert_snapshot!("tutorial_try_explains", verdict);
    let fixed = ["run", "first.toml", "--url", &url, "--out", "out"];
    let said = say(folder.path(), &[&fixed[..], &["--set", "target.join_timeout=300ms"]].concat());
    assert_eq!(said.code, Some(4), "{}", said.all());
    insta::assert_snapshot!("tutorial_run_explains", steady(&server, &said.all()));
}

#[test]
fn what_init_writes_for_it_runs() {
    let (folder, server) = (folder(), Server::start(parlour));
    let url = server.url();
    let fixed = ["init", "--url", &url, "--protocol", "./parlour.toml", "--out", "made.toml"];
    let said = say(folder.path(), &[&fixed[..], &["--param", "prefix=a \"b\""]].concat());
    assert_eq!(said.code, Some(0), "{}", said.all());
    let made = fs::read_to_string(folder.path().join("made.toml")).unwrap();
    assert!(made.contains("params.prefix = \"a \\\"b\\\"\"\n"), "{made}");
    let said = say(folder.path(), &["try", "made.toml"]);
    assert!(said.stdout.contains(block("ends: try")), "{}", said.all());
    assert!(said.stdout.contains(r#""name":"a \"b\"-0""#), "{}", said.stdout);
}

#[test]
fn the_first_load_loses_nothing() {
    let (folder, server) = (folder(), Server::start(parlour));
    let url = server.url();
    let arguments = ["run", "first.toml", "--url", &url, "--quiet", "--allow-invalid", "--out=out"];
    let said = say(folder.path(), &arguments);
    assert_eq!(said.code, Some(0), "{}", said.all());
    let report = read_report(&folder.path().join("out"));
    assert_eq!((report.clients.joined, report.deliveries.lost), (20, Some(0)));
    assert_eq!(report.deliveries.expected, Some(report.deliveries.delivered));
    assert!(report.deliveries.delivered > 0 && report.deliveries.unexpected == Some(0));
}
