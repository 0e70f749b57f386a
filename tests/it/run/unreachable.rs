//! Servers that let nobody in: exit 4 by the one preflight client, in words that say what to do.

use std::net::TcpListener;
use std::time::Duration;

use nix::sys::signal::Signal;
use uproar::report::{ValidityState, VerdictState};

use super::misbehaving::{Manner, Misbehaving};
use super::support::{Running, Said, folder_with, say};

const SCENARIO: &str = r#"
format = 1
name = "test"
[target]
builtin = "rooms"
[rooms.lobby]
size = 5
[[cohort]]
name = "talkers"
clients = 10
join = { rooms = "lobby" }
publish = { rate = "5/s" }
[[phase]]
name = "steady"
duration = "30s"
"#;

/// Runs against the server at a URL that lets nobody in; that is an answer, with a report of its own.
fn run_against(url: &str, arguments: &[&str]) -> Said {
    let folder = folder_with(SCENARIO);
    let fixed = ["run", "scenario.toml", "--url", url, "--protocol", "rooms", "--out", "out"];
    let said = say(folder.path(), &[&fixed, arguments].concat());
    let out = folder.path().join("out");
    let report = super::support::read_report(&out);
    assert_eq!(report.verdict.state, VerdictState::Unreachable, "{}", said.all());
    assert_eq!((report.run.exit_code, report.clients.joined), (4, 0));
    assert_eq!((report.errors.len(), report.errors[0].count), (1, 1), "what the first one met");
    assert!(report.thresholds.len() > 2, "uproar's own are there");
    for threshold in &report.thresholds {
        assert_eq!((threshold.passed, threshold.actual), (false, None), "{}", threshold.metric);
    }
    assert_ne!(report.validity.state, ValidityState::Valid);
    let junit = std::fs::read_to_string(out.join("junit.xml")).unwrap();
    assert!(junit.contains(r#"type="unreachable""#), "{junit}");
    for file in ["report.html", "report.md"] {
        let text = std::fs::read_to_string(out.join(file)).unwrap();
        assert!(text.contains("UNREACHABLE"), "{file}");
    }
    said
}

#[test]
fn a_job_gets_an_annotation_where_nobody_got_in() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let said = run_against(&format!("ws://{address}/"), &["--format", "github"]);
    let errors: Vec<_> = said.stdout.lines().filter(|line| line.starts_with("::error")).collect();
    assert_eq!(errors.len(), 1, "{}", said.all());
    assert!(errors[0].contains("UNREACHABLE::no client got in"), "{}", errors[0]);
    let said = run_against(&format!("ws://{address}/"), &["--format", "json"]);
    assert!(said.stdout.starts_with('{'), "stdout is one JSON text: {}", said.stdout);
}

/// What is said when one client met a server of this manner.
fn met(manner: Manner, arguments: &[&str]) -> String {
    met_times(1, manner, arguments)
}

/// The same, where the server answers and refuses: that is asked again.
fn refused(manner: Manner) -> String {
    met_times(3, manner, &[])
}

fn met_times(times: usize, manner: Manner, arguments: &[&str]) -> String {
    let server = Misbehaving::start(manner);
    let said = run_against(&server.url(), arguments);
    assert_eq!(server.connections(), times, "the preflight client alone");
    assert_eq!(said.code, Some(4), "{}", said.all());
    said.all().replace(&server.port(), "[port]")
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let said = run_against(&format!("ws://{address}/chat"), &[]);
    let told = said.all().replace(&address.port().to_string(), "[port]");
    insta::assert_snapshot!("nobody_listens", told);
}

/// A server that takes its time to start, as in CI: the run begins when it listens.
#[test]
fn a_server_that_starts_later_is_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let folder = folder_with(SCENARIO);
    let url = format!("ws://{address}/");
    let mut arguments = vec!["run", "scenario.toml", "--url", &url, "--protocol", "rooms"];
    arguments.extend(["--wait", "60s", "--duration", "500ms", "--allow-invalid", "--out", "out"]);
    let mut run = Running::start(folder.path(), &arguments);
    let told = run.wait_for_line("no client gets in yet");
    assert_eq!(told.trim(), "no client gets in yet (refused at tcp): trying again");
    let server = Running::start(folder.path(), &["serve", "--mode", "rooms", "--listen", &address]);
    let status = run.ends_within(Duration::from_secs(60));
    server.signal(Signal::SIGTERM);
    assert_eq!(status.code(), Some(0));
    let report = super::support::read_report(&folder.path().join("out"));
    assert_eq!((report.clients.joined, report.connections.failed), (10, 0));
}

#[test]
fn a_server_that_never_starts_is_not_waited_for_longer_than_that() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let said = run_against(&format!("ws://{address}/chat"), &["--wait", "300ms"]);
    assert_eq!(said.code, Some(4), "{}", said.all());
    assert!(said.stderr.contains("Connection refused"), "{}", said.stderr);
}

#[test]
fn no_such_host() {
    // RFC 6761: never resolves. What the resolver says differs from system to system.
    let said = run_against("ws://nowhere.invalid/", &[]);
    assert_eq!(said.code, Some(4), "{}", said.all());
    assert!(said.stderr.contains("the host nowhere.invalid was not found"), "{}", said.stderr);
}

#[test]
fn http_404() {
    let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot here\n";
    insta::assert_snapshot!("http_404", refused(Manner::Answers(answer)));
}

/// A message without the breaks of its lines, wherever they fall.
fn unwrapped(text: &str) -> String {
    text.replace('│', "").split_whitespace().collect()
}

/// What answers in an older version is as much of a refusal.
#[test]
fn an_old_answer_is_shown_as_what_it_is() {
    let told = refused(Manner::Answers("HTTP/1.0 404 File not found\r\n\r\n"));
    assert!(unwrapped(&told).contains("answered404NotFoundtotheupgrade"), "{told}");
    let upgraded = "HTTP/1.0 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                    Connection: Upgrade\r\nSec-WebSocket-Accept: [accept]\r\n\r\n";
    let told = met(Manner::Answers(upgraded), &[]);
    assert!(unwrapped(&told).contains("isHTTP/1.0,andaWebSocketneeds1.1"), "{told}");
}

/// What was asked for, and not only where: a protocol has a path and a query of its own.
#[test]
fn the_path_that_was_asked_for_is_named() {
    let server = Misbehaving::start(Manner::Answers("HTTP/1.1 404 Not Found\r\n\r\n"));
    let folder = folder_with(SCENARIO);
    let url = format!("ws://127.0.0.1:{}", server.port());
    let fixed = ["run", "scenario.toml", "--protocol", "socket.io", "--param", "auth=secretly"];
    let said = say(folder.path(), &[&fixed[..], &["--url", &url, "--out", "out"]].concat());
    assert_eq!(said.code, Some(4), "{}", said.all());
    let words = unwrapped(&said.stderr);
    let asked = format!("{url}/socket.io/?EIO=[redacted]&transport=[redacted]:answered404");
    assert!(words.contains(&asked), "{words}");
    assert!(!words.contains("secretly"), "{words}");
}

#[test]
fn http_200() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 24\r\n\r\n\
                  <html>\x1b[31mhello\n</html>";
    insta::assert_snapshot!("http_200", refused(Manner::Answers(answer)));
}

#[test]
fn http_301() {
    let answer = "HTTP/1.1 301 Moved Permanently\r\nLocation: wss://chat.test/ws\r\nContent-Length: 0\r\n\r\n";
    insta::assert_snapshot!("http_301", refused(Manner::Answers(answer)));
}

#[test]
fn http_403() {
    let answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 16\r\n\r\norigin not known";
    insta::assert_snapshot!("http_403", refused(Manner::Answers(answer)));
}

#[test]
fn http_503() {
    let answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    insta::assert_snapshot!("http_503", refused(Manner::Answers(answer)));
}

#[test]
fn wrong_accept_key() {
    let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                  Upgrade: websocket\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n";
    insta::assert_snapshot!("wrong_accept_key", met(Manner::Answers(answer), &[]));
}

#[test]
fn no_http_at_all() {
    insta::assert_snapshot!("no_http_at_all", met(Manner::Babbles, &[]));
}

#[test]
fn hangs_up() {
    insta::assert_snapshot!("hangs_up", met(Manner::HangsUp, &[]));
}

#[test]
fn accepts_and_says_nothing() {
    let limit = ["--set", "target.connect_timeout=300ms"];
    insta::assert_snapshot!("accepts_and_says_nothing", met(Manner::Silent, &limit));
}

#[test]
fn upgrades_and_says_nothing() {
    let limit = ["--set", "target.join_timeout=300ms"];
    insta::assert_snapshot!("upgrades_and_says_nothing", met(Manner::UpgradesOnly, &limit));
}

#[test]
fn closes_right_after_the_upgrade() {
    // 4401 is 0x1131.
    let close = Manner::UpgradesAndSends(b"\x88\x12\x11\x31token\x1b[2Jexpired");
    insta::assert_snapshot!("closes_right_after_the_upgrade", refused(close));
}

#[test]
fn sends_a_broken_frame() {
    // A reserved opcode.
    let broken = Manner::UpgradesAndSends(b"\x83\x00");
    insta::assert_snapshot!("sends_a_broken_frame", met(broken, &[]));
}

#[test]
fn answers_a_join_with_an_error() {
    let error =
        Manner::UpgradesAndSends(b"\x81\x28{\"type\":\"Error\",\"reason\":\"no such room\"}");
    insta::assert_snapshot!("answers_a_join_with_an_error", refused(error));
}

#[test]
fn without_preflight_the_report_says_why() {
    let server =
        Misbehaving::start(Manner::Answers("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
    let folder = folder_with(SCENARIO);
    let url = server.url();
    let arguments = [
        "run",
        "scenario.toml",
        "--url",
        &url,
        "--protocol=rooms",
        "--no-preflight",
        "--quiet",
        "--duration=1s",
        "--out=out",
    ];
    let said = say(folder.path(), &arguments);
    assert_eq!(said.code, Some(4), "{}", said.all());
    assert!(said.stdout.starts_with("UNREACHABLE"), "{}", said.stdout);
    assert!(said.stdout.lines().next().unwrap().contains("403 Forbidden"), "{}", said.stdout);
    let report = super::support::read_report(&folder.path().join("out"));
    assert_eq!(report.clients.never_joined, 10);
    assert_eq!(report.clients.joined, 0);
    assert_eq!(report.publishes.sent, 0);
    assert_eq!(report.publishes.due, report.publishes.not_sent);
    assert_eq!(report.connections.failed, report.connections.attempted);
    // Nothing is green of a run that had nobody.
    assert!(report.thresholds.len() > 4 && report.thresholds.iter().all(|of| !of.passed));
    assert_eq!(report.validity.state, ValidityState::Suspect);
    for word in ["pass ", "valid:"] {
        assert!(!said.stdout.contains(word), "{}", said.stdout);
    }
    for file in ["report.html", "report.md", "junit.xml", "report.json"] {
        assert!(folder.path().join("out").join(file).exists(), "{file}");
    }
}
