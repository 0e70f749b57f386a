//! A secret in every place where one can be, and a server that repeats all of them: nothing that a
//! run writes or prints may hold one, as it is or encoded.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Message, WebSocket};

use super::support::{folder_with, uproar};

/// What the server is told, by where it is told.
const SECRETS: [&str; 9] = [
    "canary-header-/+1",
    "canary-cookie-2",
    "canary-query-3",
    "canary-param-4",
    "canary-env-\"5",
    "canary-password-6",
    "canary-login-7",
    "canary-capture-8",
    "canary-once-9",
];

const PROTOCOL: &str = r#"format = 1
name = "gossip"
secret = ["pin", "session"]
query = { signature = "canary-query-3" }

[params]
pin = "none"

[[login]]
each = "run"
request = "POST {{ target.http }}/once"
body = "{}"
capture = { once = "/token" }

[[login]]
each = "client"
request = "POST {{ target.http }}/login"
body = '{"password":"{{ user.password | json }}","once":"{{ once }}"}'
capture = { token = "/token" }

[[connect]]
send = '{"hello":"{{ token }}","pin":"{{ params.pin }}","env":"{{ env.UPROAR_TEST_CANARY | json }}"}'
expect = { json = { "/type" = "welcome" } }
capture = { session = "/session" }

[join]
send = '{"join":"{{ room }}","session":"{{ session }}"}'
expect = { json = { "/type" = "joined" } }

[publish]
send = '{"say":"{{ payload }}"}'
"#;

const SCENARIO: &str = r#"format = 1
name = "canary"
[target]
url = "ws://host/"
protocol = "./gossip.toml"
[target.headers]
Authorization = "Bearer canary-header-/+1"
Cookie = "id=canary-cookie-2"
[rooms.lobby]
count = 1
[[cohort]]
name = "people"
clients = 24
data = "users.csv"
join = { rooms = "lobby" }
publish = { rate = "5/s" }
reconnect = false
[[phase]]
name = "talk"
duration = "1s"
"#;

/// Answers logins; lets clients join; and then repeats all that it was ever told, in every frame and
/// in its last words.
struct Gossip {
    url: String,
}

impl Gossip {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let told = Arc::new(Told::default());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let told = Arc::clone(&told);
                // A client that goes away in the middle ends its thread.
                std::thread::spawn(move || serve(stream.unwrap(), &told));
            }
        });
        Self { url }
    }
}

/// What clients said, and how many were closed on.
#[derive(Default)]
struct Told {
    words: Mutex<String>,
    closed: AtomicUsize,
}

type Form = fn(&str) -> String;

/// How libraries and proxies write a value into an error.
const WRITTEN: [(&str, Form); 8] = [
    ("plain", str::to_owned),
    ("a solidus that JSON need not escape", |value| value.replace('/', r"\/")),
    ("units of UTF-16", |value| {
        value.chars().map(|it| format!(r"\u{:04x}", u32::from(it))).collect()
    }),
    ("percent in lower case", |value| value.replace('/', "%2f").replace('+', "%2b")),
    ("percent in upper case", |value| value.replace('/', "%2F").replace('+', "%2B")),
    ("HEX", |value| HEXUPPER.encode(value.as_bytes())),
    ("references of HTML", |value| value.replace('/', "&#x2F;").replace('+', "&#43;")),
    ("base64 of URLs", |value| BASE64URL_NOPAD.encode(value.as_bytes())),
];

fn serve(mut stream: TcpStream, Told { words: told, closed }: &Told) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    told.lock().unwrap().push_str(&head);
    if head.starts_with("POST") {
        let field = |name: &str| {
            head.lines().find_map(|line| {
                let (known, value) = line.split_once(':')?;
                known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let length = field("content-length").unwrap().parse().unwrap();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        told.lock().unwrap().push_str(&String::from_utf8(body).unwrap());
        let token = if head.contains("/once") { "canary-once-9" } else { "canary-login-7" };
        let body = format!(r#"{{"token":"{token}"}}"#);
        let length = body.len();
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        return;
    }
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
    });
    let accept = derive_accept_key(key.unwrap().as_bytes());
    let _ = write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    let mut ws = WebSocket::from_raw_socket(stream, Role::Server, None);
    let mut said = 0;
    while let Ok(Message::Text(text)) = ws.read() {
        told.lock().unwrap().push_str(&text);
        let answer = match said {
            0 => r#"{"type":"welcome","session":"canary-capture-8"}"#.to_owned(),
            1 => r#"{"type":"joined"}"#.to_owned(),
            _ => text.to_string(),
        };
        said += 1;
        let gossip = told.lock().unwrap().clone();
        // As a server would show them that takes an encoding for a protection.
        let each: Vec<_> = SECRETS.iter().map(|secret| BASE64.encode(secret.as_bytes())).collect();
        let words = serde_json::to_string(&format!("{} {gossip}", each.join(" "))).unwrap();
        let sent = [answer, format!(r#"{{"type":"gossip","words":{words}}}"#)];
        if sent.into_iter().any(|text| ws.send(Message::text(text)).is_err()) {
            return;
        }
        if said > 4 {
            // A code of its own for each form: each has a row in the report, with what was said.
            let nth = closed.fetch_add(1, Ordering::AcqRel) % WRITTEN.len();
            let (_, form) = WRITTEN[nth];
            let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
                code: (4001 + nth as u16).into(),
                // As long as a close frame holds.
                reason: format!("you are {}", form("canary-header-/+1")).into(),
            };
            let _ = ws.close(Some(frame));
        }
    }
}

/// The folder that all of these begin with.
fn folder() -> tempfile::TempDir {
    let folder = folder_with(SCENARIO);
    std::fs::write(folder.path().join("gossip.toml"), PROTOCOL).unwrap();
    std::fs::write(folder.path().join("users.csv"), "name,password\nann,canary-password-6\n")
        .unwrap();
    folder
}

/// What a command printed.
fn printed(folder: &std::path::Path, arguments: &[&str]) -> String {
    let output = uproar(folder)
        .args(arguments)
        .env("UPROAR_TEST_CANARY", "canary-env-\"5")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("--- stdout\n{}--- stderr\n{}", text(&output.stdout), text(&output.stderr))
}

/// The forms in which a secret may come back.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap();
    let mut forms = vec![
        secret.to_owned(),
        json.trim_matches('"').to_owned(),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        BASE64.encode(secret.as_bytes()).trim_end_matches('=').to_owned(),
        HEXLOWER.encode(secret.as_bytes()),
    ];
    forms.extend(WRITTEN.map(|(_, form)| form(secret)));
    forms
}

fn holds_no_secret(all: &str) {
    for form in SECRETS.iter().flat_map(|secret| forms(secret)) {
        assert!(!all.contains(&form), "{form} is in\n{all}");
    }
}

#[test]
fn no_output_holds_a_secret_that_the_server_repeats() {
    let server = Gossip::start();
    let folder = folder();
    let target = ["run", "scenario.toml", "--url", &server.url, "--protocol", "gossip.toml"];
    let rest = ["--param", "pin=canary-param-4", "--out", "out"];
    let mut all = printed(folder.path(), &[&target[..], &rest].concat());
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path().join("out")).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        all.push_str(&format!("--- {}\n{text}", path.display()));
        files += 1;
    }
    assert!(files > 1 && all.contains("gossip"), "{all}");
    assert!(all.contains("[redacted]"), "{all}");
    holds_no_secret(&all);
    for (nth, (form, _)) in WRITTEN.iter().enumerate() {
        assert!(
            all.contains(&format!("closed with {}", 4001 + nth)),
            "{form} was not said:\n{all}"
        );
    }
}

#[test]
fn a_transcript_hides_what_it_is_not_asked_to_show() {
    let server = Gossip::start();
    let folder = folder();
    let target = ["try", "scenario.toml", "--url", &server.url, "--protocol", "gossip.toml"];
    let tries = [&target[..], &["--param", "pin=canary-param-4"]].concat();
    let hidden = printed(folder.path(), &tries);
    assert!(hidden.contains("***") && hidden.contains("welcome"), "{hidden}");
    holds_no_secret(&hidden);
    let shown = printed(folder.path(), &[&tries[..], &["--show-secrets"]].concat());
    for secret in ["canary-login-7", "canary-param-4", "canary-capture-8"] {
        assert!(shown.contains(secret), "{secret} is asked for: {shown}");
    }
}

/// What is shown of a file around a mistake.
#[test]
fn a_message_about_a_mistake_holds_no_secret_of_the_file() {
    let folder = folder();
    let url = "url = \"ws://ann:canary-password-6@host/?token=canary-query-3\"";
    let wrong = SCENARIO
        .replace("url = \"ws://host/\"", url)
        .replace("Cookie = \"id=canary-cookie-2\"", "Cookie = \"id=canary-cookie-2\"\nzebra = 1")
        .replace("protocol = \"./gossip.toml\"", "protocol = \"./gossip.toml\"\nlion = 2");
    std::fs::write(folder.path().join("scenario.toml"), wrong).unwrap();
    for arguments in [
        &["check", "scenario.toml"][..],
        &[
            "run",
            "scenario.toml",
            "--set",
            "target.headers.Authorization=[\"canary-header-/+1\", 1]",
        ],
        &["plan", "scenario.toml", "--header", "Cookie: id=canary-cookie-2", "--clients", "0"],
        &["try", "scenario.toml", "--param", "token=canary-param-4"],
    ] {
        let said = printed(folder.path(), arguments);
        assert!(said.contains("Cookie") || said.contains("lion"), "{arguments:?}: {said}");
        holds_no_secret(&said);
    }
}
