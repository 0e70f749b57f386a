//! Much to write at once, and servers that don't read: what waits is bounded, and uproar never ends its
//! own connection for it.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::WebSocket;
use tokio_tungstenite::tungstenite::protocol::Role;
use uproar::codec::{ClientMessage, CodecKind, ServerMessage};
use uproar::metric::Metric;

use super::misbehaving::{Manner, Misbehaving, until_it_goes, upgraded};
use super::support::{Ran, folder_with, run, say};

const ROOMS: usize = 40;

/// Of 64 KiB, each publish is 2.5 MiB in 40 rooms. A worker of a debug build makes that in a tenth of a
/// second of its own: four times as much, on a busy machine, would take longer than it may be silent.
fn to_all(clients: u32, size: &str) -> String {
    format!(
        r#"
        [target]
        builtin = "rooms"
        drain_timeout = "10s"
        [rooms.lobby]
        count = {ROOMS}
        [[cohort]]
        name = "loud"
        clients = {clients}
        join = {{ rooms = "lobby", per_client = {ROOMS} }}
        publish = {{ rate = "1/s", to = "all", size = "{size}", arrivals = "constant" }}
        # All are in before they speak.
        [[phase]]
        name = "gather"
        duration = "1s"
        rate = "0%"
        measure = false
        [[phase]]
        name = "steady"
        duration = "2s"
        "#
    )
}

/// Of what nobody reads its connections take 128 KiB, and the other side's socket some 2.5 MiB.
fn holds_little() -> TcpListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(16).unwrap();
    socket.into()
}

/// Lets everybody in, and reads nothing for a while once something is said.
fn reads_late(mut stream: TcpStream, request: &str) {
    if stream.write_all(upgraded(request).as_bytes()).is_err() {
        return;
    }
    let mut ws = WebSocket::from_raw_socket(stream, Role::Server, None);
    let codec = CodecKind::Json.codec();
    let mut joined = 0;
    while let Ok(frame) = ws.read() {
        if let Ok(ClientMessage::Join { room, .. }) = codec.decode_client(&frame) {
            joined += 1;
            if ws.send(codec.encode_server(&ServerMessage::Joined { room })).is_err() {
                return;
            }
        } else if joined == ROOMS {
            joined = 0;
            sleep(Duration::from_millis(1_500));
        }
    }
}

#[test]
fn what_goes_to_all_rooms_waits_for_room_in_the_socket_like_any_other() {
    let server = Misbehaving::start_on(holds_little(), Manner::Does(reads_late));
    let arguments = ["--url", &server.url(), "--protocol", "rooms", "--no-preflight"];
    let Ran { report, said, .. } = run(&to_all(1, "64KiB"), &arguments);
    assert_eq!(report.errors, []);
    let connections = &report.connections;
    assert_eq!((connections.lost, connections.opened), (0, 1), "{}", said.all());
    let publishes = report.publishes;
    assert_eq!((publishes.sent, publishes.not_sent), (publishes.due, 0));
    // The server reads nothing for 1.5 s, which is longer than between the two.
    let held_us = report.latency[&Metric::Held].max;
    assert!(held_us > Some(300_000), "{held_us:?}: all of it went into the socket at once");
    // In two seconds it speaks twice.
    assert_eq!(publishes.sent, 2 * ROOMS as u64, "{}", said.all());
    assert!(report.bytes.sent > 80 * 64 * 1024, "{}", report.bytes.sent);
}

/// The built-in server has room for what everybody says at once: nobody here reads slowly.
#[test]
fn the_built_in_server_drops_nothing_of_a_burst() {
    let ran = run(&to_all(2, "64KiB"), &[]);
    let report = &ran.report;
    assert_eq!(report.errors, []);
    assert_eq!(report.deliveries.lost, Some(0), "{}", ran.said.stdout);
    assert_eq!(report.deliveries.delivered, 2 * report.publishes.sent);
}

/// A connection that is cut in the middle of a burst: each message is sent once or not at all.
#[test]
fn a_burst_that_is_cut_is_sent_once_or_not_at_all() {
    let server = Misbehaving::start_on(holds_little(), Manner::Does(reads_late));
    let fault = "reconnect = { first = \"100ms\" }\n[[fault]]\nat = \"steady + 900ms\"\nkind = \"reset\"\n\
                 clients = \"100%\"\n[[phase]]";
    let scenario = to_all(1, "64KiB").replacen("[[phase]]", fault, 1);
    let arguments = ["--url", &server.url(), "--protocol", "rooms", "--no-preflight"];
    let Ran { report, said, .. } = run(&scenario, &arguments);
    let connections = &report.connections;
    assert_eq!((connections.lost, connections.reconnected), (1, 1), "{}", said.all());
    let publishes = report.publishes;
    assert_eq!(publishes.due, 2 * ROOMS as u64);
    assert_eq!((publishes.sent, publishes.not_sent), (publishes.due, 0));
}

#[test]
fn a_plan_says_its_largest_burst() {
    let folder = folder_with(&format!("format = 1\nname = \"test\"\n{}", to_all(2, "256KiB")));
    let said = say(folder.path(), &["plan", "scenario.toml"]);
    let line = said.stdout.lines().find(|line| line.starts_with("burst")).unwrap().to_owned();
    assert!(line.contains("40 messages of 256.1 KiB for one publish, 10.0 MiB in all"), "{line}");
    let folder = folder_with(&format!("format = 1\nname = \"test\"\n{}", to_all(2, "128B")));
    let said = say(folder.path(), &["plan", "scenario.toml"]);
    assert!(!said.stdout.contains("burst"), "{}", said.stdout);
}

/// A server that asks and asks and never reads is not read any more: its questions stay with it.
#[test]
fn replies_that_nobody_reads_do_not_pile_up() {
    let server = Misbehaving::start(Manner::Does(|mut stream, request| {
        let _ = stream.write_all(upgraded(request).as_bytes());
        let asks = b"\x81\x04PING".repeat(1_000);
        while stream.write_all(&asks).is_ok() {}
    }));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("replier.toml");
    let text = format!(
        "format = 1\nname = \"replier\"\nrecipients = \"sender\"\n\
         [publish]\nsend = \"{{{{ payload }}}}\"\n\
         [[reply]]\nwhen = {{ equals = \"PING\" }}\nsend = \"{}\"\n",
        "x".repeat(2_000)
    );
    std::fs::write(&file, text).unwrap();
    let scenario = r#"
        [target]
        builtin = "echo"
        drain_timeout = "300ms"
        [[cohort]]
        name = "people"
        clients = 3
        reconnect = false
        publish = { rate = "5/s" }
        [[phase]]
        name = "steady"
        duration = "2s"
    "#;
    let arguments =
        ["--url", &server.url(), "--protocol", file.to_str().unwrap(), "--no-preflight"];
    let report = run(scenario, &arguments).report;
    assert_eq!(report.errors, []);
    assert_eq!(report.clients.joined, 3);
    // What a socket takes of replies, some megabytes, is some thousand questions of six bytes.
    assert!(report.frames.reply > 64, "{}", report.frames.reply);
    assert!(report.bytes.received < 1 << 20, "{} bytes", report.bytes.received);
    let rss = report.generator.rss_peak_bytes.unwrap_or(0);
    assert!(rss < 64 << 20, "{rss} bytes");
}

/// One message of thousands of questions, cut apart by the protocol.
#[test]
fn one_message_that_asks_for_thousands_of_replies_ends_the_connection() {
    let server = Misbehaving::start(Manner::Does(|mut stream, request| {
        let _ = stream.write_all(upgraded(request).as_bytes());
        let asks = b"PING\n".repeat(10_000);
        let mut frame = vec![0x81, 126];
        frame.extend_from_slice(&u16::try_from(asks.len()).unwrap().to_be_bytes());
        frame.extend_from_slice(&asks);
        let _ = stream.write_all(&frame);
        until_it_goes(&mut stream);
    }));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("replier.toml");
    let text = "format = 1\nname = \"replier\"\nrecipients = \"sender\"\n\
                framing = { split = \"\\n\" }\n[publish]\nsend = \"{{ payload }}\"\n\
                [[reply]]\nwhen = { equals = \"PING\" }\nsend = \"PONG\"\n";
    std::fs::write(&file, text).unwrap();
    let scenario = to_all(2, "128B")
        .replace("join = { rooms = \"lobby\", per_client = 40 }", "reconnect = false")
        .replace("to = \"all\", ", "");
    let scenario = scenario.replace("[rooms.lobby]\n        count = 40\n", "");
    let arguments =
        ["--url", &server.url(), "--protocol", file.to_str().unwrap(), "--no-preflight"];
    let report = run(&scenario, &arguments).report;
    assert!(
        report.errors.iter().all(|error| error.kind.name() == "oversize"),
        "{:?}",
        report.errors
    );
    assert_eq!(report.errors.iter().map(|error| error.count).sum::<u64>(), 2);
}
