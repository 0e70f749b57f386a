//! Servers that break RFC 6455, flood, stall and hang up: each connection ends in the kind and step
//! that tell what happened, and the run ends on time.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, WebSocket};
use uproar::codec::{ClientMessage, CodecKind, ServerMessage};
use uproar::metric::{ErrorKind, Step};
use uproar::report::Report;

use super::misbehaving::{Manner, Misbehaving, until_it_goes, upgraded};
use super::support::run;

const CLIENTS: u64 = 3;

/// Far more than a run of a second takes, on any machine.
const IN_TIME: Duration = Duration::from_secs(30);

/// Three clients for a second; a lost one stays lost.
fn scenario(target: &str, cohort: &str) -> String {
    let rooms = if cohort.contains("join") { "[rooms.lobby]\nsize = 3" } else { "" };
    format!(
        r#"
        [target]
        builtin = "rooms"
        {target}
        {rooms}
        [[cohort]]
        name = "people"
        clients = {CLIENTS}
        reconnect = false
        {cohort}
        [[phase]]
        name = "steady"
        duration = "1s"
        "#
    )
}

fn run_against(url: &str, protocol: &str, target: &str, cohort: &str) -> Report {
    let began = Instant::now();
    let arguments = ["--url", url, "--protocol", protocol, "--no-preflight"];
    let ran = run(&scenario(target, cohort), &arguments);
    let took = began.elapsed();
    assert!(took < IN_TIME, "{took:?}: {}", ran.said.all());
    let rss = ran.report.generator.rss_peak_bytes.unwrap_or(0);
    assert!(rss < 256 << 20, "{rss} bytes");
    let connections = ran.report.connections;
    assert_eq!(connections.attempted, CLIENTS);
    ran.report
}

/// The one row of `errors`, once for each client.
#[track_caller]
fn all_met(name: &str, report: &Report, kind: ErrorKind, detail: Option<&str>, step: Step) {
    let [error] = &report.errors[..] else { panic!("{name}: {:?}", report.errors) };
    let found = (error.kind, error.detail.as_deref(), error.step, error.count);
    assert_eq!(found, (kind, detail, step, CLIENTS), "{name}: {}", error.example);
    let ended = report.connections.failed + report.connections.lost;
    assert_eq!(ended, CLIENTS, "{name}");
}

type Row = (&'static str, Manner, ErrorKind, Option<&'static str>, Step);

fn hold(rows: &[Row], target: &str) {
    let rows: Vec<_> = rows.iter().map(|row| (*row, "")).collect();
    hold_saying(&rows, target);
}

/// The same, and what its example says. A few at a time: the machine has two cores, and each run its
/// threads.
fn hold_saying(rows: &[(Row, &str)], target: &str) {
    const JOIN: &str = r#"join = { rooms = "lobby" }"#;
    std::thread::scope(|scope| {
        for some in rows.chunks(rows.len().div_ceil(3)) {
            scope.spawn(move || {
                for ((name, manner, kind, detail, step), says) in some {
                    let server = Misbehaving::start(*manner);
                    let report = run_against(&server.url(), "rooms", target, JOIN);
                    all_met(name, &report, *kind, *detail, *step);
                    let example = &report.errors[0].example;
                    assert!(example.contains(says), "{name}: {example}");
                    assert_eq!(server.connections() as u64, CLIENTS, "{name}");
                    let joined = if *step == Step::Active { CLIENTS } else { 0 };
                    assert_eq!(report.clients.joined, joined, "{name}");
                    // Who was in and is cut does not come back.
                    let exit = if joined == 0 { 4 } else { 1 };
                    assert_eq!(report.run.exit_code, exit, "{name}");
                }
            });
        }
    });
}

const fn sends(bytes: &'static [u8]) -> Manner {
    Manner::UpgradesAndSends(bytes)
}

#[test]
fn frames_that_are_forbidden() {
    use ErrorKind::{Closed, Oversize, ProtocolViolation, ServerError};
    const TOO_BIG: [u8; 4 + 126] = {
        let mut ping = [0; 130];
        (ping[0], ping[1], ping[3]) = (0x89, 126, 126);
        ping
    };
    let rows: [(Row, &str); 21] = [
        (
            ("a reserved bit", sends(b"\xc1\x02hi"), ProtocolViolation, None, Step::Join),
            "reserved bits are set in a frame: the server compresses",
        ),
        (
            ("an unknown opcode", sends(b"\x83\x02hi"), ProtocolViolation, None, Step::Join),
            "a frame has the opcode 3, which is none",
        ),
        (
            ("a masked frame", sends(b"\x81\x82\0\0\0\0hi"), ProtocolViolation, None, Step::Join),
            "a frame is masked",
        ),
        (
            ("a ping of 126 bytes", sends(&TOO_BIG), ProtocolViolation, None, Step::Join),
            "has more than 125 bytes",
        ),
        (
            ("a fragmented ping", sends(b"\x09\x01x"), ProtocolViolation, None, Step::Join),
            "close frame is in parts",
        ),
        (
            ("a continuation of nothing", sends(b"\x80\x01x"), ProtocolViolation, None, Step::Join),
            "a message that never began",
        ),
        (
            (
                "a message in a message",
                sends(b"\x01\x01x\x81\x01y"),
                ProtocolViolation,
                None,
                Step::Join,
            ),
            "before the one before it has ended",
        ),
        (
            (
                "text that is no UTF-8",
                sends(b"\x81\x02\xc3\x28"),
                ProtocolViolation,
                None,
                Step::Join,
            ),
            "a text is not UTF-8",
        ),
        (
            ("a close of one byte", sends(b"\x88\x01\x03"), ProtocolViolation, None, Step::Join),
            "a close frame has one byte",
        ),
        (
            (
                "a close whose words are no UTF-8",
                sends(b"\x88\x03\x03\xe8\xc3"),
                ProtocolViolation,
                None,
                Step::Join,
            ),
            "a text is not UTF-8",
        ),
        (
            ("a close with 1006", sends(b"\x88\x02\x03\xee"), ProtocolViolation, None, Step::Join),
            "a close frame with the code 1006, which RFC 6455 (7.4) forbids",
        ),
        (
            ("a close with 5000", sends(b"\x88\x02\x13\x88"), ProtocolViolation, None, Step::Join),
            "the code 5000",
        ),
        (
            (
                "a close with 1002 and the library's own words",
                sends(b"\x88\x14\x03\xeaProtocol violation"),
                Closed,
                Some("1002"),
                Step::Join,
            ),
            "closed with 1002 \"Protocol violation\"",
        ),
        (
            ("a close with 1014", sends(b"\x88\x02\x03\xf6"), Closed, Some("1014"), Step::Join),
            "closed with 1014",
        ),
        (
            ("a close with 1008", sends(b"\x88\x02\x03\xf0"), Closed, Some("1008"), Step::Join),
            "closed with 1008",
        ),
        (("a close without a code", sends(b"\x88\x00"), Closed, Some("1005"), Step::Join), ""),
        (
            (
                "a length of 2 in three bytes",
                sends(b"\x81\x7e\0\x02hi"),
                ProtocolViolation,
                None,
                Step::Join,
            ),
            "a frame of 2 bytes says its length in 3 bytes where 1 would do",
        ),
        (
            (
                "a length of 0 in nine bytes",
                sends(b"\x89\x00\x81\x7f\0\0\0\0\0\0\0\0"),
                ProtocolViolation,
                None,
                Step::Join,
            ),
            "a frame of 0 bytes says its length in 9 bytes where 1",
        ),
        (
            (
                "2^63 bytes",
                sends(b"\x82\x7f\x80\0\0\0\0\0\0\0"),
                ProtocolViolation,
                None,
                Step::Join,
            ),
            "its highest bit set",
        ),
        (
            (
                "1 MiB and a byte",
                sends(b"\x82\x7f\0\0\0\0\0\x10\0\x01"),
                Oversize,
                None,
                Step::Join,
            ),
            "1,048,576 is the most",
        ),
        (
            (
                "an error of its protocol",
                sends(b"\x81\x1e{\"type\":\"Error\",\"reason\":\"no\"}"),
                ServerError,
                None,
                Step::Join,
            ),
            "",
        ),
    ];
    hold_saying(&rows, "");
}

/// Accepts, answers the join, and gives the connection on when the client has seen that.
fn joined(mut stream: TcpStream, request: &str) -> TcpStream {
    stream.write_all(upgraded(request).as_bytes()).unwrap();
    let mut ws = WebSocket::from_raw_socket(stream, Role::Server, None);
    let join = ws.read().unwrap();
    let codec = CodecKind::Json.codec();
    let Ok(ClientMessage::Join { room, .. }) = codec.decode_client(&join) else {
        panic!("{join:?}")
    };
    ws.send(codec.encode_server(&ServerMessage::Joined { room })).unwrap();
    ws.send(Message::Ping("seen?".into())).unwrap();
    assert!(matches!(ws.read(), Ok(Message::Pong(_))));
    ws.get_ref().try_clone().unwrap()
}

fn resets(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// The user says how large a message may be.
#[test]
fn a_message_over_the_targets_own_limit_is_oversize() {
    let announced = Manner::UpgradesAndSends(b"\x82\x7e\x04\x01");
    let rows: [Row; 1] = [("1 KiB and a byte", announced, ErrorKind::Oversize, None, Step::Join)];
    hold(&rows, "max_message = \"1KiB\"");
    // It waits for the rest of as many bytes as it may.
    let rows: [Row; 1] = [("the same", announced, ErrorKind::TimedOut, None, Step::Join)];
    hold(&rows, "max_message = \"1025B\"\njoin_timeout = \"200ms\"");
}

/// A message of 100 bytes, of which 10 come.
const PART: &[u8] = b"\x81\x640123456789";

#[test]
fn connections_that_break() {
    use ErrorKind::{Closed, Oversize, ProtocolViolation, Reset};
    let rows: [Row; 7] = [
        (
            "RST in a frame, before the join",
            Manner::Does(|mut stream, request| {
                let _ = stream.write_all(&[upgraded(request).as_bytes(), PART].concat());
                resets(stream);
            }),
            Reset,
            None,
            Step::Join,
        ),
        (
            "RST in a frame",
            Manner::Does(|stream, request| {
                let mut stream = joined(stream, request);
                let _ = stream.write_all(PART);
                resets(stream);
            }),
            Reset,
            None,
            Step::Active,
        ),
        (
            "FIN without a close frame",
            Manner::Does(|stream, request| {
                let mut stream = joined(stream, request);
                let _ = stream.shutdown(std::net::Shutdown::Write);
                until_it_goes(&mut stream);
            }),
            Reset,
            None,
            Step::Active,
        ),
        (
            "a close with 1013",
            Manner::Does(|stream, request| {
                let mut stream = joined(stream, request);
                let _ = stream.write_all(b"\x88\x07\x03\xf5later");
                until_it_goes(&mut stream);
            }),
            Closed,
            Some("1013"),
            Step::Active,
        ),
        (
            "a reserved bit",
            Manner::Does(|stream, request| {
                let mut stream = joined(stream, request);
                let _ = stream.write_all(b"\xa1\x02hi");
                until_it_goes(&mut stream);
            }),
            ProtocolViolation,
            None,
            Step::Active,
        ),
        (
            "a message without end",
            Manner::Does(|stream, request| {
                let mut stream = joined(stream, request);
                // 64 KiB a fragment, FIN never set.
                let mut fragment = vec![b'x'; 10 + 64 * 1024];
                fragment[..10].copy_from_slice(b"\x01\x7f\0\0\0\0\0\x01\0\0");
                while stream.write_all(&fragment).is_ok() {
                    fragment[0] = 0;
                }
            }),
            Oversize,
            None,
            Step::Active,
        ),
        (
            "a join that is never answered",
            Manner::UpgradesOnly,
            ErrorKind::TimedOut,
            None,
            Step::Join,
        ),
    ];
    hold(&rows, "join_timeout = \"400ms\"");
}

#[test]
fn answers_to_the_upgrade_that_do_not_hold() {
    use ErrorKind::{BadHandshake, HttpStatus, Reset, TimedOut};
    let rows: [Row; 9] = [
        (
            "403",
            Manner::Answers("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
            HttpStatus,
            Some("403"),
            Step::Upgrade,
        ),
        (
            "a wrong key",
            Manner::Answers(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
            ),
            BadHandshake,
            None,
            Step::Upgrade,
        ),
        ("no HTTP", Manner::Babbles, BadHandshake, None, Step::Upgrade),
        (
            "no HTTP, and waiting",
            Manner::Does(|mut stream, _| {
                let _ = stream.write_all(b"SSH-2.0-test\r\n");
                until_it_goes(&mut stream);
            }),
            BadHandshake,
            None,
            Step::Upgrade,
        ),
        (
            "headers without end",
            Manner::Does(|mut stream, _| {
                let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n");
                let headers = "X-More: and more\r\n".repeat(1_000);
                while stream.write_all(headers.as_bytes()).is_ok() {}
            }),
            BadHandshake,
            None,
            Step::Upgrade,
        ),
        (
            "a header without end",
            Manner::Does(|mut stream, _| {
                let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nX-Long: ");
                while stream.write_all(&[b'x'; 4096]).is_ok() {}
            }),
            BadHandshake,
            None,
            Step::Upgrade,
        ),
        ("silence", Manner::Silent, TimedOut, None, Step::Upgrade),
        (
            "a byte now and then",
            Manner::Does(|mut stream, _| {
                let answer = b"HTTP/1.1 101 Switching Protocols\r\nX-Slow: ";
                for byte in answer.iter().chain(std::iter::repeat(&b'x')) {
                    if stream.write_all(&[*byte]).is_err() {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(2));
                }
            }),
            TimedOut,
            None,
            Step::Upgrade,
        ),
        ("hanging up", Manner::HangsUp, Reset, None, Step::Upgrade),
    ];
    hold(&rows, "connect_timeout = \"700ms\"");
}

/// More reads, and shorter ones, than the WebSocket library takes from a friend.
#[test]
fn an_answer_in_single_bytes_is_slow_and_nothing_else() {
    let server = Misbehaving::start(Manner::Does(|mut stream, request| {
        stream.set_nodelay(true).unwrap();
        for byte in upgraded(request).bytes() {
            stream.write_all(&[byte]).unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
        until_it_goes(&mut stream);
    }));
    let report = run_against(&server.url(), "echo", "", "");
    assert_eq!(report.errors, []);
    assert_eq!((report.clients.joined, report.connections.lost), (CLIENTS, 0));
    // A millisecond a byte: over 130 of them.
    let upgrade = &report.latency[&uproar::metric::Metric::ConnectUpgrade];
    assert!(upgrade.min >= Some(130_000), "{:?}", upgrade.min);
}

#[test]
fn a_server_that_falls_silent_loses_its_heartbeat() {
    let server = Misbehaving::start(Manner::UpgradesOnly);
    let ping = r#"ws_ping = { every = "200ms", timeout = "200ms" }"#;
    let report = run_against(&server.url(), "echo", "", ping);
    all_met("active", &report, ErrorKind::HeartbeatLost, None, Step::Active);
    let join = format!("join = {{ rooms = \"lobby\" }}\n{ping}");
    let report = run_against(&server.url(), "rooms", "", &join);
    all_met("joining", &report, ErrorKind::HeartbeatLost, None, Step::Join);
}

/// Fragments of nothing make no message and hold no memory; the run's end is the end.
#[test]
fn empty_fragments_without_end_do_not_hold_up_the_run() {
    let server = Misbehaving::start(Manner::Does(|mut stream, request| {
        let _ = stream.write_all(&[upgraded(request).as_bytes(), b"\x01\x00"].concat());
        let fragments = [0; 64 * 1024];
        while stream.write_all(&fragments).is_ok() {}
    }));
    let report = run_against(&server.url(), "echo", "", "");
    assert_eq!(report.errors, []);
    assert_eq!(report.clients.joined, CLIENTS);
}

/// Pings as fast as they are answered, and an echo between them: every message comes back.
#[test]
fn a_flood_of_pings_does_not_keep_clients_from_talking() {
    const BATCH: u32 = 500;
    let server = Misbehaving::start(Manner::Does(|mut stream, request| {
        stream.write_all(upgraded(request).as_bytes()).unwrap();
        let (answered, flooded) = channel();
        let mut flood = stream.try_clone().unwrap();
        let (echo, echoes) = channel::<Vec<u8>>();
        std::thread::spawn(move || {
            // The pings before the last tell nothing; the last one's pong lets the next batch go.
            while flood.write_all(&b"\x89\x00".repeat(BATCH as usize)).is_ok()
                && flood.write_all(b"\x89\x04last").is_ok()
                && flooded.recv() == Ok(())
            {
                for frame in echoes.try_iter() {
                    if flood.write_all(&frame).is_err() {
                        return;
                    }
                }
            }
        });
        let config = WebSocketConfig::default().read_buffer_size(16 * 1024);
        let mut ws = WebSocket::from_raw_socket(stream, Role::Server, Some(config));
        while let Ok(message) = ws.read() {
            let sent = match message {
                Message::Pong(bytes) if &bytes[..] == b"last" => answered.send(()).is_ok(),
                Message::Text(text) => {
                    // At most 125 bytes: the length is one byte.
                    let head = [0x81, u8::try_from(text.len()).unwrap()];
                    echo.send([&head, text.as_bytes()].concat()).is_ok()
                }
                _ => true,
            };
            if !sent {
                return;
            }
        }
    }));
    let publish = r#"publish = { rate = "20/s", size = "100B" }"#;
    let report = run_against(&server.url(), "echo", "", publish);
    assert_eq!(report.errors, []);
    assert!(report.frames.heartbeat > 10 * u64::from(BATCH), "{}", report.frames.heartbeat);
    let deliveries = report.deliveries;
    assert!(deliveries.delivered > 0);
    assert_eq!((deliveries.lost, deliveries.corrupted), (Some(0), Some(0)));
    assert_eq!(report.publishes.not_sent, 0);
}

/// Pongs that nobody reads: what waits is bounded, and held against nobody.
#[test]
fn a_flood_of_pings_from_a_server_that_never_reads_ends_with_the_run() {
    let server = Misbehaving::start(Manner::Does(|mut stream, request| {
        let _ = stream.write_all(upgraded(request).as_bytes());
        let pings = [b"\x89\x7d", &[b'p'; 125][..]].concat().repeat(100);
        while stream.write_all(&pings).is_ok() {}
    }));
    let publish = r#"publish = { rate = "20/s", size = "100B" }"#;
    let report = run_against(&server.url(), "echo", "", publish);
    assert_eq!(report.errors, []);
    assert_eq!(report.clients.joined, CLIENTS);
    let publishes = report.publishes;
    assert_eq!(publishes.due, publishes.sent + publishes.not_sent);
    assert_eq!(report.deliveries.delivered, 0);
}

#[test]
fn nobody_listens_at_a_port() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let report = run_against(&format!("ws://{address}/"), "echo", "", "");
    all_met("refused", &report, ErrorKind::Refused, None, Step::Tcp);
    assert!(report.errors[0].example.contains(&address.to_string()), "{:?}", report.errors);
}

/// A queue of connections that is full swallows the next handshake, as a firewall does.
#[test]
fn a_handshake_that_is_swallowed_times_out_at_tcp() {
    let (_full, _filling, address) = super::support::blackhole([127, 0, 0, 1]);
    let limit = "connect_timeout = \"300ms\"";
    let report = run_against(&format!("ws://{address}/"), "echo", limit, "");
    all_met("swallowed", &report, ErrorKind::TimedOut, None, Step::Tcp);
    assert!(report.errors[0].example.contains(&address.to_string()), "{:?}", report.errors);
}

#[test]
fn a_source_address_of_somebody_else_s_is_an_io_error_and_no_limit() {
    let server = Misbehaving::start(Manner::UpgradesOnly);
    // TEST-NET-1, RFC 5737.
    let source = "source_addresses = [\"192.0.2.1\"]";
    let report = run_against(&server.url(), "echo", source, "");
    all_met("source", &report, ErrorKind::Io, None, Step::Tcp);
    assert_eq!(report.limits_hit, []);
}
