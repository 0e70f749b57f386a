//! Logging in over HTTP before the socket, and how long it takes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::Duration;

use uproar::metric::Metric;

use super::misbehaving::{Manner, Misbehaving, upgraded};
use super::support::{folder_with, read_report, say};

/// How long the server takes for a login.
const TAKES: Duration = Duration::from_millis(120);

const PROTOCOL: &str = r#"format = 1
name = "guarded"
[[login]]
request = "POST {{ target.http }}/login"
capture = { token = "/token" }
[[connect]]
send = "{{ token }}"
"#;

const SCENARIO: &str = r#"format = 1
name = "logins"
[target]
url = "ws://127.0.0.1/"
protocol = "./guarded.toml"
[[cohort]]
name = "people"
clients = 20
[[phase]]
name = "ramp"
duration = "2s"
clients = "0% -> 100%"
[[phase]]
name = "stay"
duration = "1s"
"#;

/// Takes its time for a login, and none for an upgrade.
fn slow_to_let_in(mut stream: TcpStream, request: &str) {
    let answer = if request.starts_with("POST") {
        // What is measured.
        std::thread::sleep(TAKES);
        "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"token\":\"t0k\"}".to_owned()
    } else {
        upgraded(request)
    };
    let _ = stream.write_all(answer.as_bytes());
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
}

/// What the server was told by those whom it let in.
static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn numbers_a_token(mut stream: TcpStream, request: &str) {
    if request.starts_with("POST") {
        let body = r#"{"half":"\ud800","token":12345678901234567890123,"price":1.10}"#;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
    } else {
        let token = request.lines().find(|line| line.to_lowercase().starts_with("x-token:"));
        SAID.lock().unwrap().push(token.unwrap_or_default().to_owned());
        let _ = stream.write_all(upgraded(request).as_bytes());
    }
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
}

#[test]
fn numbers_of_a_login_are_sent_as_they_were_written() {
    const PROTOCOL: &str = r#"format = 1
name = "guarded"
headers = { x-token = "{{ token }}/{{ price }}" }
[[login]]
request = "POST {{ target.http }}/login"
capture = { token = "/token", price = "/price" }
[[connect]]
send = "hello"
"#;
    let server = Misbehaving::start(Manner::Does(numbers_a_token));
    let folder = folder_with(SCENARIO);
    std::fs::write(folder.path().join("guarded.toml"), PROTOCOL).unwrap();
    let url = format!("target.url={}", server.url());
    let fixed = ["run", "scenario.toml", "--quiet", "--allow-invalid", "--out", "out"];
    let said = say(folder.path(), &[&fixed[..], &["--no-preflight", "--set", &url]].concat());
    let told = SAID.lock().unwrap();
    assert_eq!(told.len(), 20, "{}", said.all());
    for line in told.iter() {
        assert!(line.ends_with(": 12345678901234567890123/1.10"), "{line}");
    }
}

#[test]
fn a_login_has_its_own_time() {
    let server = Misbehaving::start(Manner::Does(slow_to_let_in));
    let folder = folder_with(SCENARIO);
    std::fs::write(folder.path().join("guarded.toml"), PROTOCOL).unwrap();
    let url = format!("target.url={}", server.url());
    let fixed = ["run", "scenario.toml", "--quiet", "--allow-invalid", "--out", "out"];
    // It says nothing at all once it has let somebody in.
    let said = say(folder.path(), &[&fixed[..], &["--no-preflight", "--set", &url]].concat());
    assert_ne!(said.code, Some(2), "{}", said.all());
    let report = read_report(&folder.path().join("out"));
    let login = &report.latency[&Metric::Login];
    assert_eq!(login.count, 20, "{}", said.all());
    let takes_us = TAKES.as_micros() as u64;
    let min_us = login.min.unwrap();
    assert!(min_us >= takes_us, "{min_us}");
    // A machine that does much else may be late, and is not by this much for half of them.
    let mean_us = login.mean.unwrap();
    assert!(mean_us < 3.0 * takes_us as f64, "{mean_us}");
    // It is no part of what comes after it.
    let connect = &report.latency[&Metric::Connect];
    assert_eq!(connect.count, 20, "{}", said.all());
    assert!(connect.min.unwrap() < takes_us, "{connect:?}");
}
