//! `uproar try`: what is shown of two clients' conversation, and what is said when it fails.

use std::io::pipe;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::hall::{Event, Hall, Server};
use super::misbehaving::{Manner, Misbehaving};
use super::support::{Running, Said, say, uproar};

fn says(arguments: &[&str]) -> Said {
    say(TempDir::new().unwrap().path(), arguments)
}

/// `uproar try` of a server that speaks `rooms`, in a room of a known name.
fn tried(url: &str, arguments: &[&str]) -> Said {
    let fixed = ["try", "--url", url, "--protocol", "rooms", "--room", "lobby"];
    says(&[&fixed, arguments].concat())
}

/// The transcript without what differs from run to run: times, stamps, and which of two connections
/// was faster. Rows of A come first, then those of B.
fn steady(text: &str) -> String {
    let text = unstamped(text);
    let (rows, verdict) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut grouped: Vec<(char, String, Vec<String>)> = Vec::new();
    for line in rows.lines() {
        let client = line.chars().next().unwrap_or(' ');
        if client != ' ' {
            // Client, time, the rest.
            let rest = line.split_once(" ms ").map_or("", |(_, rest)| rest);
            grouped.push((client, String::new(), vec![format!("{client}     0.0 ms {rest}")]));
        } else if let Some((.., lines)) = grouped.last_mut() {
            lines.push(line.to_owned());
        }
    }
    for (_, key, lines) in &mut grouped {
        for line in lines.iter_mut() {
            *line = unhexed(line);
        }
        // Two clients' messages may arrive in either order.
        if let Some(at) = lines.concat().find("delivery of ") {
            *key = lines.concat()[at..].to_owned();
        }
    }
    let mut out = String::new();
    for client in ['A', 'B'] {
        let mut own: Vec<_> = grouped.iter().filter(|(whose, ..)| *whose == client).collect();
        let first = own.iter().position(|(_, key, _)| !key.is_empty()).unwrap_or(0);
        let count = own.iter().skip(first).take_while(|(_, key, _)| !key.is_empty()).count();
        own[first..first + count].sort_by(|(_, a, _), (_, b, _)| a.cmp(b));
        for (.., lines) in own {
            out.push_str(&format!("{}\n", lines.join("\n")));
        }
    }
    format!("{out}\n{verdict}")
}

/// Rows of hex hold stamps too: how they look is held by tests of their own.
fn unhexed(line: &str) -> String {
    let Some((hex, rest)) = line.split_once("  |") else { return line.to_owned() };
    let Some((ascii, step)) = rest.split_once('|') else { return line.to_owned() };
    let (before, hex) = hex.split_at(15);
    let hex: String = hex.chars().map(|c| if c == ' ' { ' ' } else { 'x' }).collect();
    format!("{before}{hex}  |{}|{step}", ".".repeat(ascii.chars().count()))
}

/// Stamps hold times and the run's id, and lines may break inside of one.
fn unstamped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("upr1") {
        out.push_str(&rest[..at + 4]);
        rest = &rest[at + 4..];
        let mut left = 44;
        let mut used = 0;
        for c in rest.chars() {
            if left == 0 {
                break;
            }
            match c {
                'a'..='z' | '2'..='7' => {
                    left -= 1;
                    out.push('x');
                }
                ' ' | '\n' => out.push(c),
                _ => break,
            }
            used += c.len_utf8();
        }
        rest = &rest[used..];
    }
    out.push_str(rest);
    out
}

/// Timestamps of the server's clock.
fn untimed(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\"timestamp\":") {
        let from = at + "\"timestamp\":".len();
        out.push_str(&rest[..from]);
        let digits = rest[from..].chars().take_while(char::is_ascii_digit).count();
        out.push_str(&"0".repeat(digits));
        rest = &rest[from + digits..];
    }
    out.push_str(rest);
    out
}

/// What is said, as it would be every time.
fn told(server: &Server, said: &Said) -> String {
    assert_eq!(said.stderr, "", "{}", said.all());
    format!("exit code {}\n{}", said.code.unwrap(), server.unported(&steady(&said.stdout)))
}

/// A server of `rooms` that relays what `relay` makes of a message to whom it says.
fn rooms(
    hall: &mut Hall,
    from: u64,
    event: Event<'_>,
    whom: impl Fn(u64, u64) -> u32,
    change: impl Fn(&str) -> String,
) {
    let Event::Said(text) = event else { return };
    let message: Value = serde_json::from_str(text).unwrap_or_default();
    let room = message["room"].as_str().unwrap_or_default().to_owned();
    match message["type"].as_str() {
        Some("Join") => {
            hall.join(from, &room);
            hall.say(from, json!({ "type": "Joined", "room": room }).to_string());
        }
        Some("Leave") => {
            hall.leave(from, &room);
            hall.say(from, json!({ "type": "Left", "room": room }).to_string());
        }
        Some("Message") => {
            let content = change(message["content"].as_str().unwrap_or_default());
            let relayed = json!({
                "type": "Message", "room": room, "username": format!("u{from}"),
                "content": content, "timestamp": 0,
            });
            for member in hall.members(&room) {
                for _ in 0..whom(from, member) {
                    hall.say(member, relayed.to_string());
                }
            }
        }
        _ => {}
    }
}

fn same(text: &str) -> String {
    text.to_owned()
}

fn well(hall: &mut Hall, from: u64, event: Event<'_>) {
    rooms(hall, from, event, |_, _| 1, same);
}

#[test]
fn the_built_in_server_is_shown_frame_by_frame() {
    let said = says(&["try", "chat-rooms", "--room", "lobby"]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.all());
    let address = said.stdout.split("upgraded by ").nth(1).unwrap().lines().next().unwrap();
    let shown = said.stdout.replace(address, "127.0.0.1:[port]");
    insta::assert_snapshot!("try_chat_rooms", untimed(&steady(&shown)));
}

#[test]
fn every_built_in_protocol_passes() {
    for (scenario, verdict) in [
        ("chat-rooms", "OK: 6 published, 12 of 12 deliveries heard; own copy: yes\n"),
        ("echo", "OK: 6 published, 6 of 6 deliveries heard; own copy: yes\n"),
        ("broadcast", "OK: 6 published, 12 of 12 deliveries heard; own copy: yes\n"),
        ("feed", "events heard by two clients\n"),
    ] {
        let said = says(&["try", scenario]);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.all());
        assert!(said.stdout.contains(verdict), "{}", said.stdout);
        let next = format!("next: uproar run {scenario}\n");
        assert!(said.stdout.ends_with(&next), "{}", said.stdout);
    }
}

#[test]
fn a_url_and_a_protocol_are_enough() {
    let server = Server::start(well);
    let said = says(&["try", "--url", &server.url(), "--protocol", "rooms"]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.all());
    let next = "next: uproar init --url ws://127.0.0.1:[port]/chat --protocol rooms --out \
                first.toml && uproar run first.toml\n";
    assert!(server.unported(&said.stdout).ends_with(next), "{}", said.stdout);
    assert!(said.stdout.contains("join uproar-"), "{}", said.stdout);
}

/// What is said where the upgrade is refused.
fn refused(answer: &'static str) -> String {
    let server = Misbehaving::start(Manner::Answers(answer));
    let said = tried(&server.url(), &[]);
    assert_eq!(server.connections(), 1, "one is enough to see it");
    said.all().replace(&server.port(), "[port]")
}

#[test]
fn an_upgrade_that_is_refused() {
    let table = [
        ("try_403", "HTTP/1.1 403 Forbidden\r\nContent-Length: 16\r\n\r\norigin not known"),
        ("try_400", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
        (
            "try_200",
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 24\r\n\r\n\
             <html>\x1b[31mhello\n</html>",
        ),
    ];
    for (name, answer) in table {
        insta::assert_snapshot!(name, refused(answer));
    }
}

#[test]
fn a_connection_that_is_closed_at_once() {
    let server = Server::start(|hall, client, event| {
        if let Event::Connected = event {
            hall.close(client, 4001, "token\u{1b}[2J expired");
        }
    });
    insta::assert_snapshot!("try_4001", told(&server, &tried(&server.url(), &[])));
}

#[test]
fn a_join_that_is_answered_with_something_else() {
    let server = Server::start(|hall, client, event| {
        if let Event::Said(_) = event {
            hall.say(client, json!({ "type": "Joined", "room": "another" }).to_string());
            hall.say(client, json!({ "welcome": "to the lobby" }).to_string());
        }
    });
    let said = tried(&server.url(), &["--timeout", "300ms"]);
    insta::assert_snapshot!("try_other_answer", told(&server, &said));
}

#[test]
fn nothing_is_relayed() {
    let server = Server::start(|hall, from, event| rooms(hall, from, event, |_, _| 0, same));
    let said = tried(&server.url(), &["--timeout", "300ms"]);
    insta::assert_snapshot!("try_nothing", told(&server, &said));
}

#[test]
fn only_the_others_hear_it() {
    let server = Server::start(|hall, from, event| {
        rooms(hall, from, event, |from, to| u32::from(from != to), same);
    });
    let said = tried(&server.url(), &["--timeout", "300ms"]);
    insta::assert_snapshot!("try_others", told(&server, &said));
}

/// Exit code and verdict of a server of these manners.
fn verdict(manners: super::hall::Manners) -> String {
    let server = Server::start(manners);
    let said = tried(&server.url(), &["--timeout", "300ms"]);
    let told = told(&server, &said);
    let (_, verdict) = told.split_once("\n\n").unwrap();
    format!("exit code {}\n{verdict}", said.code.unwrap())
}

#[test]
fn only_the_sender_hears_it() {
    let verdict = verdict(|hall, from, event| {
        rooms(hall, from, event, |from, to| u32::from(from == to), same);
    });
    insta::assert_snapshot!("try_sender", verdict);
}

#[test]
fn everything_comes_twice() {
    let verdict = verdict(|hall, from, event| rooms(hall, from, event, |_, _| 2, same));
    insta::assert_snapshot!("try_twice", verdict);
}

#[test]
fn payloads_that_come_back_changed() {
    let caps = verdict(|hall, from, event| {
        rooms(hall, from, event, |_, _| 1, |text| text.chars().take(100).collect());
    });
    insta::assert_snapshot!("try_capped", caps);
    let escapes = verdict(|hall, from, event| {
        rooms(hall, from, event, |_, _| 1, |text| text.replace(' ', "&nbsp;"));
    });
    // What stands before is the end of a stamp, another one each time.
    for shown in [
        "from byte 52 of 128\n",
        "the quick brown fox jumps o…\n",
        "the&nbsp;quick&nbsp;brown&n…\n",
    ] {
        assert!(escapes.contains(shown), "{shown}: {escapes}");
    }
    let trims = verdict(|hall, from, event| {
        rooms(hall, from, event, |_, _| 1, |text| text.replace(' ', ""));
    });
    assert!(trims.contains("12 payloads arrived changed\nfrom byte 52 of 128\n"), "{trims}");
}

#[test]
fn a_server_that_hangs_up_on_a_message() {
    let server = Server::start(|hall, from, event| match event {
        Event::Said(text) if text.contains("upr1") => hall.close(from, 1008, "no such words"),
        event => well(hall, from, event),
    });
    let said = tried(&server.url(), &[]);
    assert_eq!(said.code, Some(1), "{}", said.all());
    let told = "the server closed with 1008 \"no such words\"\n";
    assert!(said.stdout.contains(told), "{}", said.stdout);
}

#[test]
fn what_the_command_line_lacks() {
    insta::assert_snapshot!("try_nothing_named", says(&["try"]).all());
    let url = ["try", "--url", "ws://127.0.0.1:9/"];
    insta::assert_snapshot!("try_no_protocol", says(&url).all());
    let unknown = [&url[..], &["--protocol", "room"]].concat();
    insta::assert_snapshot!("try_unknown_protocol", says(&unknown).all());
    insta::assert_snapshot!("try_no_time", says(&[&url[..], &["--timeout", "0s"]].concat()).all());
}

#[test]
fn nobody_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let said = tried(&format!("ws://{address}/chat"), &[]);
    let told = said.all().replace(&address.port().to_string(), "[port]");
    insta::assert_snapshot!("try_nobody_listens", told);
}

#[test]
fn ctrl_c_ends_it() {
    let server = Misbehaving::start(Manner::UpgradesOnly);
    let folder = TempDir::new().unwrap();
    let url = server.url();
    let arguments = ["try", "--url", &url, "--protocol", "rooms", "--timeout", "50s"];
    let mut running = Running::start(folder.path(), &arguments);
    server.wait_for_client();
    running.signal(Signal::SIGINT);
    assert_eq!(running.ends_within(Duration::from_secs(20)).code(), Some(130));
}

#[test]
fn a_transcript_that_nobody_reads_is_no_failure() {
    let server = Server::start(well);
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let folder = TempDir::new().unwrap();
    let output = uproar(folder.path())
        .args(["try", "--url", &server.url(), "--protocol", "rooms"])
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &[][..]));
}

#[test]
fn no_line_is_wider_than_the_summary() {
    let server = Server::start(well);
    let room = "a room of quite a long name, as some are";
    let said = says(&["try", "--url", &server.url(), "--protocol", "rooms", "--room", room]);
    let rows = said.stdout.split("\n\n").next().unwrap();
    for line in rows.lines() {
        assert!(line.chars().count() <= 90, "{line}");
    }
    assert!(rows.lines().count() > 20, "{rows}");
}
