//! `uproar try` of protocol files: which rule took a frame and why, what is said when one is wrong, and
//! what is no failure.

use serde_json::json;
use socket2::SockRef;
use std::io::Write as _;
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::hall::{Event, Hall, Manners, PROTOCOL, Server, Words, words};
use super::misbehaving::{Manner, Misbehaving};
use super::support::{Said, say};

/// `uproar try` of a server at `url` that speaks as this file says, in a room of a known name.
fn tried_at(url: &str, protocol: &str, arguments: &[&str]) -> Said {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("own.toml"), protocol).unwrap();
    let fixed = ["try", "--url", url, "--protocol", "./own.toml", "--room", "lobby"];
    let fixed = [&fixed[..], &["--timeout", "2s"]].concat();
    say(folder.path(), &[&fixed, arguments].concat())
}

fn tried(manners: Manners, protocol: &str, arguments: &[&str]) -> Said {
    let server = Server::start(manners);
    tried_at(&server.url(), protocol, arguments)
}

/// Whether all of this stands in what was said, in lines that may be wrapped.
fn says(said: &Said, code: i32, parts: &[&str]) {
    assert_eq!((said.code, said.stderr.as_str()), (Some(code), ""), "{}", said.all());
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let all = flat(&said.stdout);
    for part in parts {
        assert!(all.contains(&flat(part)), "{part}\n{}", said.stdout);
    }
}

/// Lets everybody in and passes everything on.
fn well(hall: &mut Hall, client: u64, event: Event<'_>) {
    match words(&event) {
        Some(Words::Join(room)) => hall.let_in(client, &room),
        Some(Words::Say(room, body)) => hall.pass_on(&room, &body),
        None => {}
    }
}

#[test]
fn a_close_code_that_came_before_the_pipe_broke_is_told() {
    let server = Misbehaving::start(Manner::Does(|mut stream, request| {
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let accept = derive_accept_key(key.unwrap().trim().as_bytes());
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        let reason = b"try again later";
        let close = [&[0x88, 2 + reason.len() as u8, 0x03, 0xf5][..], reason].concat();
        stream.write_all(&[head.as_bytes(), &close].concat()).unwrap();
        // Resets the connection: nothing can be written to it any more.
        SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }));
    // So that something is written before anything is read.
    let said = tried_at(&server.url(), PROTOCOL, &[]);
    says(&said, 4, &["A failed at join: the server closed with 1013 \"try again later\""]);
}

#[test]
fn a_failed_leave_comes_last_and_spoils_nothing_that_was_heard() {
    let leave = "[leave]\nsend = '{\"leave\":\"{{ room | json }}\"}'\n\
                 expect = { json = { \"/left\" = true } }\n";
    let said = tried(well, &format!("{PROTOCOL}{leave}"), &[]);
    says(
        &said,
        1,
        &[
            "FAILED: 6 published, 12 of 12 deliveries heard; own copy: yes",
            "A could not leave: the answer to a leave took longer than 2s",
            "waited for leave lobby: json /left = true",
            "hint: only `churn.rooms` leaves rooms: a run without it needs no `[leave]`",
        ],
    );
    let at = |part: &str| said.stdout.find(part).unwrap_or_else(|| panic!("{part}"));
    assert!(at("FAILED: 6 published") < at("A could not leave"), "{}", said.stdout);
    assert!(said.stdout.contains("B "), "the other one goes its way: {}", said.stdout);
}

#[test]
fn equal_lines_stand_there_once_with_their_count() {
    let said = tried(
        |hall, client, event| {
            if let Some(Words::Join(_)) = words(&event) {
                for _ in 0..20 {
                    hall.say(client, r#"{"tick":true}"#);
                }
            }
            well(hall, client, event);
        },
        PROTOCOL,
        &[],
    );
    let of_a: Vec<&str> =
        said.stdout.lines().filter(|line| line.starts_with('A') && line.contains("tick")).collect();
    assert_eq!(of_a.len(), 2, "{}", said.stdout);
    assert!(of_a[0].ends_with(" unmatched"), "{}", of_a[0]);
    assert!(of_a[1].contains("19 times again, about "), "{}", of_a[1]);
    says(&said, 0, &[]);
}

#[test]
fn a_pointer_that_missed_is_told_with_the_keys_that_are_there() {
    let connect = "[[connect]]\nsend = 'hi'\nexpect = { json = { \"/ok\" = true } }\n\
                   capture = { ticket = \"/data/ticket\" }\n\
                   [goodbye]\nsend = '{{ ticket }}'\n";
    let said = tried(
        |hall, client, event| {
            if let Event::Said("hi") = event {
                hall.say(client, r#"{"ok":true,"data":{"id":7,"name":"ann"}}"#);
            }
        },
        &format!("{PROTOCOL}{connect}"),
        &[],
    );
    says(
        &said,
        4,
        &[
            "A failed at connect: the answer has no `ticket` at /data/ticket: the keys of /data are \
             `id`, `name`",
            "came taken, though what it is to hold is missing: {\"ok\":true,",
            "hint: does `capture` say where the server writes it",
        ],
    );
    let all = &said.stdout;
    assert!(!all.contains("param") && !all.contains("instead"), "{all}");
}

#[test]
fn an_error_that_repeats_the_message_is_no_own_copy() {
    let manners: Manners = |hall, client, event| match words(&event) {
        Some(Words::Join(room)) => hall.let_in(client, &room),
        Some(Words::Say(room, body)) => {
            let error = json!({ "error": "not a member", "of": { "to": room, "body": body } });
            hall.say(client, error.to_string());
        }
        None => {}
    };
    for recipients in ["room", "others"] {
        let file = PROTOCOL.replacen('\n', &format!("\nrecipients = \"{recipients}\"\n"), 1);
        let said = tried(manners, &file, &[]);
        says(
            &said,
            1,
            &[
                "the senders heard only themselves",
                "what came back: {\"error\":\"not a member\"",
                "hint: that looks like an error which repeats the message",
            ],
        );
        assert!(!said.stdout.contains("recipients ="), "{}", said.stdout);
        assert_eq!(said.stdout.matches("hint: ").count(), 1, "{}", said.stdout);
    }
    // Where only the sender is to hear it, that is all there is to notice.
    let file = PROTOCOL.replacen('\n', "\nrecipients = \"sender\"\n", 1);
    let said = tried(manners, &file, &[]);
    says(&said, 0, &["note: is that an error which repeats the message? {\"error\":"]);
    // Nor one that `[delivery]` should let through.
    let strict = format!("{PROTOCOL}[delivery]\nwhen = {{ json = {{ \"/type\" = \"msg\" }} }}\n");
    let said = tried(manners, &strict, &[]);
    says(&said, 1, &["none in a frame that counts as a delivery", "what came back: {\"error\":"]);
    assert!(!said.stdout.contains("let it take them"), "{}", said.stdout);
}

#[test]
fn what_came_is_told_whatever_took_it() {
    let manners: Manners = |hall, client, event| {
        if let Some(Words::Join(room)) = words(&event) {
            hall.say(client, json!({ "welcome": room }).to_string());
        }
    };
    let ignore = "[[ignore]]\nname = \"greeting\"\nwhen = { contains = \"welcome\" }\n";
    let said = tried(manners, &format!("{PROTOCOL}{ignore}"), &[]);
    says(
        &said,
        4,
        &[
            "waited for join lobby: json /joined = \"lobby\"",
            "came instead taken as `greeting`, to be ignored: {\"welcome\":\"lobby\"}",
            "`[[ignore]]` greeting takes it: contains \"welcome\"",
            "hint: something came, though not that",
        ],
    );
    let error = PROTOCOL.replacen('\n', "\nerror = { contains = \"welcome\" }\n", 1);
    let said = tried(manners, &error, &[]);
    says(&said, 4, &["came taken by `error`: {\"welcome\":\"lobby\"}"]);
    assert!(!said.stdout.contains("nothing"), "{}", said.stdout);
    // And where nothing came, that is said.
    let said = tried(|_, _, _| {}, PROTOCOL, &[]);
    says(&said, 4, &["came instead nothing"]);
    let said = tried(
        |hall, client, event| {
            if let Event::Said(_) = event {
                hall.send(client, tokio_tungstenite::tungstenite::Message::Ping("x".into()));
            }
        },
        PROTOCOL,
        &[],
    );
    says(&said, 4, &["came instead nothing but a ping"]);
}

/// The protocol with ids, which the server acknowledges.
fn acknowledged(ack: &str) -> String {
    PROTOCOL.replace(r#"'{"to":"#, r#"'{"id":{{ id }},"to":"#) + ack
}

#[test]
fn several_answers_in_a_frame_are_not_taken_for_a_wrong_ack() {
    let ack = "ack = { when = { json = { \"/ok\" = true } }, id = \"/id\" }\n";
    let lines: Manners = |hall, client, event| {
        if let Event::Said(text) = event
            && let Ok(said) = serde_json::from_str::<serde_json::Value>(text)
            && said["id"].is_u64()
        {
            let ok = json!({ "ok": true, "id": said["id"] });
            hall.say(client, format!("{ok}\n{}\n", json!({ "unread": 0 })));
        }
        well(hall, client, event);
    };
    let said = tried(lines, &acknowledged(ack), &[]);
    says(
        &said,
        1,
        &[
            "6 publishes were never acknowledged",
            "the protocol file says `framing = { split = \"\\n\" }`",
        ],
    );
    assert!(!said.stdout.contains("does `ack.when` match"), "{}", said.stdout);
    assert_eq!(said.stdout.matches("came instead").count(), 1, "both met it: {}", said.stdout);
    // And with what is advised it works.
    let advised = acknowledged(ack).replacen('\n', "\nframing = { split = \"\\n\" }\n", 1);
    says(&tried(lines, &advised, &[]), 0, &["6 acknowledged"]);

    let lists: Manners = |hall, client, event| {
        if let Event::Said(text) = event
            && let Ok(said) = serde_json::from_str::<serde_json::Value>(text)
            && let Some(id) = said["id"].as_u64()
        {
            // Every second answer holds that of the one before as well.
            hall.count += 1;
            hall.kept.push(json!({ "ok": true, "id": id }).to_string());
            if hall.count.is_multiple_of(2) {
                let all = hall.kept.split_off(0).join(",");
                hall.say(client, format!("[{all}]"));
            }
        }
        well(hall, client, event);
    };
    let ack = "ack = { when = { json = { \"/0/ok\" = true } }, id = \"/0/id\" }\n";
    let said = tried(lists, &acknowledged(ack), &[]);
    says(&said, 1, &["never acknowledged", "`ack` takes a frame once: `ack.id` finds one id"]);
}

#[test]
fn a_missing_subprotocol_is_thought_of_where_none_is_offered() {
    let server = Misbehaving::start(Manner::Answers(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    ));
    let said = tried_at(&server.url(), PROTOCOL, &[]);
    says(&said, 4, &["hint: some servers answer so where no subprotocol is offered"]);
    let offering = PROTOCOL.replacen('\n', "\nsubprotocols = [\"acme\"]\n", 1);
    let said = tried_at(&server.url(), &offering, &[]);
    says(&said, 4, &["hint: does it know the subprotocol that was offered?"]);
}

/// A server that holds the second step and answers it later, to be asked again: as Bayeux's long
/// polls, whose `ack` is easily written too broadly.
fn polls(hall: &mut Hall, client: u64, event: Event<'_>) {
    let Event::Said(text) = event else { return };
    let said: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    match said["do"].as_str() {
        Some("poll") => hall.kept.push(said["id"].to_string()),
        Some("join") => {
            hall.join(client, "lobby");
            hall.say(client, json!({ "do": "join", "ok": true, "id": said["id"] }).to_string());
        }
        Some("say") => {
            hall.say(client, json!({ "do": "say", "ok": true, "id": said["id"] }).to_string());
            for member in hall.members("lobby") {
                hall.say(member, json!({ "said": said["body"] }).to_string());
            }
            if let Some(poll) = hall.kept.pop() {
                hall.say(client, format!(r#"{{"do":"poll","ok":true,"id":{poll}}}"#));
            }
        }
        _ => {}
    }
}

const POLLS: &str = r#"format = 1
name = "polls"
[[connect]]
send = '{"do":"poll","id":{{ id }}}'
[join]
send = '{"do":"join","id":{{ id }}}'
expect = { json = { "/do" = "join", "/id" = "{{ id }}" } }
[publish]
send = '{"do":"say","room":"{{ room | json }}","id":{{ id }},"body":"{{ payload | json }}"}'
ack = { when = { json = { "/ok" = true } }, id = "/id" }
[[reply]]
when = { json = { "/do" = "poll" } }
send = '{"do":"poll","id":{{ id }}}'
"#;

#[test]
fn a_rule_that_another_one_keeps_from_its_frames_is_told() {
    let said = tried(polls, POLLS, &[]);
    says(
        &said,
        0,
        &[
            "join lobby takes it: json /do = \"join\" and json /id = \"2\"",
            "`ack` takes it: json /ok = true",
            "`[[reply]]` 1 would take it too, and `ack` is asked first",
            "ack of an unknown id",
            "note: 2 acknowledgements name no message that was published: does `ack` take answers to \
             something else?",
            "note: `[[reply]]` 1 never took a frame: `ack`, which is asked first, took 2 that it \
             would have taken",
        ],
    );
    let narrow = POLLS.replace(r#""/ok" = true"#, r#""/do" = "say", "/ok" = true"#);
    let said = tried(polls, &narrow, &[]);
    says(&said, 0, &["`[[reply]]` 1 takes it: json /do = \"poll\""]);
    assert!(!said.stdout.contains("note: "), "{}", said.stdout);
}

#[test]
fn rules_that_had_no_occasion_are_told_with_what_they_take() {
    let rules = "[[ignore]]\nname = \"typing\"\nwhen = { contains = \"typing\" }\n\
                 [[reply]]\nwhen = { equals = \"PING\" }\nsend = 'PONG'\n\
                 [delivery]\nwhen = { contains = \"body\" }\n";
    let said = tried(well, &format!("{PROTOCOL}{rules}"), &[]);
    says(
        &said,
        0,
        &[
            "`[delivery]` takes it: contains \"body\"",
            "note: `[[reply]]` 1 never took a frame: equals \"PING\"",
            "note: `[[ignore]]` typing never took a frame: contains \"typing\"",
        ],
    );
}
