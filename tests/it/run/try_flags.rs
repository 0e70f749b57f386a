//! Flags of `uproar try`, and files that are not finished.

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tempfile::TempDir;

use super::hall::{Event, Hall, PROTOCOL, Server, Words, folder_beside_hall, words};
use super::misbehaving::{Manner, Misbehaving, upgraded};
use super::support::{DEADLINE, Said, becomes_true, say, uproar};

fn folder(protocol: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("own.toml"), protocol).unwrap();
    folder
}

fn tried(folder: &TempDir, url: &str, arguments: &[&str]) -> Said {
    let fixed = ["try", "--url", url, "--protocol", "./own.toml", "--timeout", "2s"];
    say(folder.path(), &[&fixed, arguments].concat())
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
fn frames_are_cut_or_whole() {
    let server = Server::start(|hall, client, event| {
        if let Event::Connected = event {
            hall.say(client, format!("{}the end", "x".repeat(3_000)));
            let bytes = [vec![7_u8; 300], b"the last".to_vec()].concat();
            hall.send(client, tokio_tungstenite::tungstenite::Message::binary(bytes));
        }
        well(hall, client, event);
    });
    let folder = folder(PROTOCOL);
    let said = tried(&folder, &server.url(), &[]);
    assert_eq!(said.code, Some(0), "{}", said.all());
    assert!(said.stdout.contains("… (3,007 bytes)") && said.stdout.contains("… (308 bytes)"));
    assert!(!said.stdout.contains("the end"), "{}", said.stdout);
    let said = tried(&folder, &server.url(), &["--full"]);
    assert_eq!(said.code, Some(0), "{}", said.all());
    assert!(!said.stdout.contains(" bytes)"), "{}", said.stdout);
    let of_a: String = said.stdout.lines().take_while(|line| !line.starts_with('B')).collect();
    assert!(of_a.contains("the end"), "{}", said.stdout);
    assert_eq!(of_a.matches('x').count(), 3_000, "{}", said.stdout);
    let rows = of_a.matches("07 07 07 07").count();
    assert!(rows >= 18, "{rows} rows of hex");
}

/// Asks a client that is let in for a sign of life, again and again.
fn asks(hall: &mut Hall, client: u64, event: Event<'_>) {
    match event {
        Event::Said("still here") => hall.say(client, "are you there"),
        Event::Said("hi") => hall.say(client, "are you there"),
        event => well(hall, client, event),
    }
}

#[test]
fn who_watches_longer_sees_what_comes_by_itself() {
    let heartbeat = "[heartbeat]\nfrom = \"client\"\nsend = 'are you there'\n\
                     expect = { equals = \"yes\" }\nevery = \"400ms\"\n";
    let manners = |hall: &mut Hall, client: u64, event: Event<'_>| match event {
        Event::Said("are you there") => hall.say(client, "yes"),
        event => well(hall, client, event),
    };
    let server = Server::start(manners);
    let folder = folder(&format!("{PROTOCOL}{heartbeat}"));
    let said = tried(&folder, &server.url(), &["--watch", "1500ms"]);
    assert_eq!(said.code, Some(0), "{}", said.all());
    for client in ['A', 'B'] {
        let lines = said.stdout.lines().filter(|line| line.starts_with(client));
        let beats: Vec<&str> = lines.filter(|line| line.contains("are you there")).collect();
        assert_eq!(beats.len(), 2, "{}", said.stdout);
        assert!(beats[0].ends_with(" heartbeat"), "{}", beats[0]);
        assert!(beats[1].contains("again"), "{}", beats[1]);
    }
    // What ends while it is watched is told.
    let server = Server::start(|hall, client, event| match event {
        Event::Said("are you there") => hall.close(client, 1011, "no more"),
        event => well(hall, client, event),
    });
    let said = tried(&folder, &server.url(), &["--watch", "20s"]);
    assert_eq!(said.code, Some(1), "{}", said.all());
    assert!(said.stdout.contains("closed with 1011 \"no more\""), "{}", said.stdout);
    assert!(said.stdout.contains("until then 6 published"), "{}", said.stdout);
}

/// Signs of life that the server was asked for.
static BEATS: AtomicUsize = AtomicUsize::new(0);

#[test]
fn what_was_only_counted_is_told_at_ctrl_c() {
    let heartbeat = "[heartbeat]\nfrom = \"client\"\nsend = 'are you there'\n\
                     expect = { equals = \"yes\" }\nevery = \"100ms\"\n";
    let server = Server::start(|hall, client, event| match event {
        Event::Said("are you there") => {
            BEATS.fetch_add(1, Ordering::AcqRel);
            hall.say(client, "yes");
        }
        event => well(hall, client, event),
    });
    let folder = folder(&format!("{PROTOCOL}{heartbeat}"));
    let url = server.url();
    let child = uproar(folder.path())
        .args(["try", "--url", &url, "--protocol", "./own.toml", "--watch", "50s"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // One of the two has asked for the third time by then, and writes that down before it asks.
    becomes_true("the sixth beat", DEADLINE, || BEATS.load(Ordering::Acquire) >= 6);
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    kill(pid, Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130), "{shown}");
    assert!(shown.contains("again"), "{shown}");
}

#[test]
fn users_of_a_file_are_tried() {
    let server = Server::start(asks);
    let file = PROTOCOL
        .replace("[join]\nsend = '{", "[join]\nsend = '{\"as\":\"{{ user.name | json }}\",");
    let folder = folder(&file);
    std::fs::write(folder.path().join("people.csv"), "name\nann\nbob\ncarl\n").unwrap();
    let said = tried(&folder, &server.url(), &["--data", "people.csv"]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.all());
    assert!(said.stdout.contains(r#"> {"as":"ann""#), "{}", said.stdout);
    assert!(said.stdout.contains(r#"> {"as":"bob""#), "{}", said.stdout);
    // The file is handed on to a run, which takes it.
    let (_, next) = said.stdout.split_once("next: ").unwrap();
    assert!(next.starts_with("uproar run chat-rooms --clients 20 --url "), "{next}");
    let arguments: Vec<&str> = next.split_whitespace().skip(2).collect();
    let said = say(folder.path(), &[&["check"], &arguments[..]].concat());
    assert_eq!(said.code, Some(0), "{}", said.all());
    let said = tried(&folder, &server.url(), &["--data", "nobody.csv"]);
    assert_eq!(said.code, Some(2), "{}", said.all());
    assert!(said.stderr.contains("--data nobody.csv"), "{}", said.stderr);
}

#[test]
fn a_login_is_shown_to_who_asks_for_secrets() {
    let server = Misbehaving::start(Manner::Does(|mut stream, request| {
        let answer = if request.starts_with("POST") {
            "HTTP/1.1 200 OK\r\nX-Trace: t-17\r\nContent-Length: 20\r\n\r\n{\"token\":\"t0k-4711\"}"
                .to_owned()
        } else {
            upgraded(request)
        };
        let _ = stream.write_all(answer.as_bytes());
        let _ = stream.read_to_end(&mut Vec::new());
    }));
    let folder = folder(
        "format = 1\nname = \"guarded\"\n[[login]]\n\
         request = \"POST {{ target.http }}/login?key=k3y\"\n\
         headers = { X-App = \"a99\" }\ncapture = { token = \"/token\" }\n\
         [[connect]]\nsend = \"{{ token }}\"\n",
    );
    let secrets = ["k3y", "a99", "t0k-4711", "X-Trace", "t-17"];
    let said = tried(&folder, &server.url(), &[]);
    for secret in secrets {
        assert!(!said.all().to_lowercase().contains(&secret.to_lowercase()), "{}", said.all());
    }
    let said = tried(&folder, &server.url(), &["--show-secrets"]);
    for secret in secrets {
        assert!(said.stdout.to_lowercase().contains(&secret.to_lowercase()), "{}", said.stdout);
    }
}

/// What a scenario asks of a protocol that is not finished is no reason not to look at it.
#[test]
fn unfinished_files_can_be_looked_at() {
    let server = Server::start(|hall, client, event| {
        if let Event::Connected = event {
            hall.say(client, json!({ "hello": client }).to_string());
        }
    });
    let scenario = format!(
        r#"format = 1
name = "first"
[target]
url = "{}"
protocol = "./hall.toml"
[rooms.lobby]
count = 2
[[cohort]]
name = "people"
clients = 20
join = {{ rooms = "lobby" }}
publish = {{ in_flight = 1, to = "lobby", size = "128B" }}
churn = {{ rooms = "1%/min" }}
actions = {{ typing = "1/min" }}
[[phase]]
name = "all"
duration = "1s"
[thresholds]
"ack.p99" = "< 1s"
"#,
        server.url()
    );
    let folder = folder_beside_hall(&scenario);
    std::fs::write(folder.path().join("hall.toml"), "format = 1\nname = \"hall\"\n").unwrap();
    let arguments = ["try", "scenario.toml", "--timeout", "2s"];
    let said = say(folder.path(), &arguments);
    assert_eq!(said.code, Some(1), "{}", said.all());
    assert!(said.stdout.contains(r#"< {"hello":0}"#), "{}", said.stdout);
    assert!(said.stdout.contains(r#"< {"hello":1}"#), "{}", said.stdout);
    assert!(said.stderr.contains("`hall` has no rooms to join"), "{}", said.stderr);
    assert!(!said.stderr.contains("error: "), "only warnings: {}", said.stderr);
    // A run of it is refused as before.
    let said = say(folder.path(), &["check", "scenario.toml"]);
    assert_eq!(said.code, Some(2), "{}", said.all());
    // And what is no matter of the protocol is refused by both.
    std::fs::write(
        folder.path().join("scenario.toml"),
        scenario.replace("clients = 20", "clents = 20"),
    )
    .unwrap();
    let said = say(folder.path(), &arguments);
    assert_eq!(said.code, Some(2), "{}", said.all());
}
