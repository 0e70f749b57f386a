//! Closed loops against servers that drop, refuse, fall silent and answer late: places come free, and
//! clients that stand still are told.

use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Message, WebSocket};
use uproar::report::Report;

use super::misbehaving::{Manner, Misbehaving, upgraded};
use super::support::{folder_with, run, say};

const CLIENTS: u64 = 4;

/// Four clients for three seconds.
fn scenario(publish: &str, more: &str) -> String {
    format!(
        r#"
        seed = 3
        [target]
        builtin = "echo"
        drain_timeout = "300ms"
        [[cohort]]
        name = "people"
        clients = {CLIENTS}
        publish = {{ {publish} }}
        {more}
        [[phase]]
        name = "steady"
        duration = "3s"
        "#
    )
}

fn run_against(act: fn(TcpStream, &str), protocol: &str, publish: &str) -> Report {
    let server = Misbehaving::start(Manner::Does(act));
    let arguments = ["--url", &server.url(), "--protocol", protocol, "--no-preflight"];
    let report = run(&scenario(publish, ""), &arguments).report;
    assert_eq!(report.errors, []);
    assert_eq!(report.connections.opened, CLIENTS);
    let publishes = report.publishes;
    assert_eq!(publishes.due, publishes.sent + publishes.not_sent);
    report
}

/// What is sent in each second.
fn publishes_by_second(report: &Report) -> Vec<u64> {
    let steady = report.series.iter().filter(|point| point.phase == "steady");
    steady.map(|point| point.publishes).collect()
}

/// Upgrades, and has `answer` say what comes back for the n-th message.
fn answers(mut stream: TcpStream, request: &str, answer: impl Fn(u64, Message) -> Option<Message>) {
    use std::io::Write as _;
    if stream.write_all(upgraded(request).as_bytes()).is_err() {
        return;
    }
    let mut ws = WebSocket::from_raw_socket(stream, Role::Server, None);
    let mut n = 0;
    while let Ok(message) = ws.read() {
        if message.is_text() {
            n += 1;
            if let Some(answer) = answer(n, message)
                && ws.send(answer).is_err()
            {
                return;
            }
        }
    }
}

static DROPPED: AtomicU64 = AtomicU64::new(0);

#[test]
fn a_loss_frees_its_place_at_its_own_deadline_and_no_later() {
    let report = run_against(
        |stream, request| {
            answers(stream, request, |n, message| {
                let drops = n % 20 == 0;
                DROPPED.fetch_add(u64::from(drops), Ordering::AcqRel);
                (!drops).then_some(message)
            });
        },
        "echo",
        r#"in_flight = 4, think = "20ms", answer_within = "300ms""#,
    );
    let dropped = DROPPED.load(Ordering::Acquire);
    assert!(dropped > 20, "{dropped}");
    // The last of them may be too young to be told from one on its way.
    let found = report.deliveries;
    assert_eq!(found.lost.unwrap() + found.unfinished.unwrap(), dropped, "{found:?}");
    let seconds = publishes_by_second(&report);
    // One in twenty waits for 300 ms instead of 20: a place moves at about 60 % of its speed throughout.
    assert!(seconds.iter().all(|sent| *sent > 100), "{seconds:?}");
    assert_eq!(report.clients.stood_still, 0);
}

#[test]
fn who_is_answered_no_more_stood_still() {
    let report = run_against(
        |stream, request| answers(stream, request, |n, message| (n <= 5).then_some(message)),
        "echo",
        r#"in_flight = 2, think = "10ms""#,
    );
    assert_eq!(publishes_by_second(&report)[1..], [0, 0]);
    // Five that came back, and two that hold the places.
    assert_eq!(report.publishes.sent, 7 * CLIENTS);
    assert_eq!(report.clients.stood_still, CLIENTS);
    assert_eq!(report.clients.not_back, 0);
    let of_ours = report.thresholds.iter().find(|of| of.metric == "clients.stood_still").unwrap();
    assert_eq!((of_ours.default, of_ours.count, of_ours.passed), (true, Some(CLIENTS), false));
}

#[test]
fn a_late_answer_frees_no_second_place() {
    let report = run_against(
        |stream, request| {
            answers(stream, request, |_, message| {
                sleep(Duration::from_millis(700));
                Some(message)
            });
        },
        "echo",
        r#"in_flight = 1, answer_within = "300ms""#,
    );
    // Every 300 ms one, in three seconds.
    let sent = report.publishes.sent;
    assert!((8 * CLIENTS..=10 * CLIENTS).contains(&sent), "{sent}");
}

/// A protocol whose clients never hear themselves, but are told that they were heard.
const ACKED: &str = r#"
format = 1
name = "acked"
recipients = "RECIPIENTS"
[publish]
send = '{"id":{{ id }},"body":"{{ payload | json }}"}'
ack = { when = { json = { "/ok" = 1 } }, id = "/id", fail = { json = { "/no" = 1 } } }
"#;

fn with_file(act: fn(TcpStream, &str), recipients: &str, publish: &str) -> Report {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("acked.toml");
    std::fs::write(&file, ACKED.replace("RECIPIENTS", recipients)).unwrap();
    run_against(act, file.to_str().unwrap(), publish)
}

fn answer_with(word: &str, message: &Message) -> Option<Message> {
    let text = message.to_text().unwrap();
    let id = text.split(['{', ':', ',']).nth(2)?;
    Some(Message::text(format!("{{\"{word}\":1,\"id\":{id}}}")))
}

#[test]
fn a_refusal_frees_its_place_at_once() {
    let report = with_file(
        |stream, request| answers(stream, request, |_, message| answer_with("no", &message)),
        "room",
        r#"in_flight = 1, think = "50ms""#,
    );
    let publishes = report.publishes;
    // 20 a second each, less what an answer takes.
    assert!((30 * CLIENTS..=60 * CLIENTS).contains(&publishes.sent), "{publishes:?}");
    assert!(publishes.sent - publishes.rejected.unwrap() <= CLIENTS, "{publishes:?}");
    assert_eq!(report.clients.stood_still, 0);
}

#[test]
fn a_loop_goes_on_by_acknowledgement_where_no_copy_comes() {
    for recipients in ["others", "nobody"] {
        let report = with_file(
            |stream, request| answers(stream, request, |_, message| answer_with("ok", &message)),
            recipients,
            r#"in_flight = 1, think = "50ms""#,
        );
        let publishes = report.publishes;
        assert!((30 * CLIENTS..=60 * CLIENTS).contains(&publishes.sent), "{publishes:?}");
        assert!(publishes.sent - publishes.acked.unwrap() <= CLIENTS, "{publishes:?}");
        assert_eq!(report.clients.stood_still, 0);
    }
}

#[test]
fn a_loop_without_any_answer_is_refused_and_says_why() {
    let text = ACKED.replace("RECIPIENTS", "others");
    let text: String =
        text.lines().filter(|line| !line.starts_with("ack =")).collect::<Vec<_>>().join("\n");
    let scenario = scenario("in_flight = 1", "");
    let folder = folder_with(&format!("format = 1\nname = \"test\"\n{scenario}"));
    std::fs::write(folder.path().join("acked.toml"), text).unwrap();
    let arguments =
        ["check", "scenario.toml", "--protocol", "acked.toml", "--url", "ws://127.0.0.1:1/"];
    let said = say(folder.path(), &arguments);
    assert_eq!(said.code, Some(2), "{}", said.all());
    assert!(said.stderr.contains("to the protocol's `[publish]`"), "{}", said.all());
}

#[test]
fn who_skips_while_away_goes_on_when_it_is_back() {
    for while_away in ["skip", "queue"] {
        let more = format!(
            "reconnect = {{ first = \"200ms\", jitter = \"none\", while_away = \"{while_away}\" }}\n\
             [[fault]]\nat = \"700ms\"\nkind = \"reset\"\nclients = \"100%\"\n"
        );
        let ran = run(&scenario(r#"in_flight = 2, think = "100ms""#, &more), &[]);
        let report = &ran.report;
        assert_eq!(report.connections.reconnected, CLIENTS, "{}", ran.said.stdout);
        let seconds = publishes_by_second(report);
        // Two places and 100 ms: 20 a second each.
        let last = *seconds.last().unwrap();
        assert!((12 * CLIENTS..=20 * CLIENTS).contains(&last), "{while_away}: {seconds:?}");
        assert!(ran.said.stdout.contains("closed loop: "), "{}", ran.said.stdout);
    }
}

/// A place that was held in one window is free in the next.
#[test]
fn a_loop_goes_on_in_its_next_window() {
    let phases = r#"
        [[phase]]
        name = "off"
        duration = "1s"
        clients = "0%"
        [[phase]]
        name = "again"
        duration = "2s"
    "#;
    let text = scenario(r#"in_flight = 2, think = "100ms""#, "") + phases;
    let report = run(&text, &[]).report;
    let again: u64 = report.series.iter().filter(|p| p.phase == "again").map(|p| p.publishes).sum();
    // Two places and 100 ms, for two seconds: 40 each.
    assert!((25 * CLIENTS..=42 * CLIENTS).contains(&again), "{again}");
    assert_eq!(report.publishes.due, report.publishes.sent + report.publishes.not_sent);
    assert_eq!(report.clients.stood_still, 0);
}
