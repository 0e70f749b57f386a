//! What a message costs a worker in allocations, once its clients are up: a longer run's count less a
//! shorter one's, so that what is allocated once, and by the second, goes out.
//!
//! The count is of the worker's thread alone, its own code and that of the libraries in it. What is
//! left is the library's: a frame that is written is handed over to the WebSocket library, which owns
//! its memory, and that is one allocation a publish. Reading takes none: frames are parts of the read
//! buffer, which is used again once they are gone.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{Message, accept};

use super::*;
use crate::client::Target;
use crate::machine::alloc;
use crate::measure::Counts;
use crate::plan::Plan;
use crate::scenario::{Overrides, Source, read};

/// Says to everybody what anybody says, from threads of its own.
fn broadcast() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let all = Arc::new(Mutex::new(Vec::<TcpStream>::new()));
        while let Ok((stream, _)) = listener.accept() {
            stream.set_nodelay(true).unwrap();
            let mut socket = accept(stream.try_clone().unwrap()).unwrap();
            let all = Arc::clone(&all);
            all.lock().unwrap().push(stream);
            std::thread::spawn(move || {
                while let Ok(message) = socket.read() {
                    let Message::Text(text) = message else { continue };
                    // A short text frame, unmasked (RFC 6455, 5.2).
                    let mut frame = vec![0x81, u8::try_from(text.len()).unwrap()];
                    frame.extend(text.as_bytes());
                    for stream in &mut *all.lock().unwrap() {
                        let _ = stream.write_all(&frame);
                    }
                }
            });
        }
    });
    address
}

/// Runs a plan on a worker; gives what its thread allocated, and what it counted.
fn run_whole(clients: u32, seconds: u32) -> (u64, Counts) {
    let text = format!(
        r#"
        format = 1
        name = "allocations"
        [target]
        builtin = "broadcast"
        [[cohort]]
        name = "talker"
        clients = 1
        publish = {{ rate = "1000/s", arrivals = "constant", size = "64B" }}
        [[cohort]]
        name = "listeners"
        clients = {clients}
        [[phase]]
        name = "steady"
        duration = "{seconds}s"
        "#
    );
    let source = Source { name: "test".to_owned(), text };
    let plan = Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()));
    let address = broadcast();
    let target = Arc::new(Target {
        url: format!("ws://{address}/"),
        addresses: vec![address],
        user_agent: "uproar".to_owned(),
        headers: Vec::new(),
        subprotocols: Vec::new(),
        tls: None,
        login_hosts: Vec::new(),
        source_addresses: Vec::new(),
        connect_timeout: Duration::from_secs(5),
        message_bytes_max: 1 << 20,
        read_buffer_bytes: 1024,
    });
    let (commands, received) = mpsc::channel(8);
    let (replies, mut told) = mpsc::channel(64);
    let end = WorkerEnd { worker: 0, commands: received, replies };
    let worker = std::thread::spawn(move || {
        let (ran, allocations) = alloc::count(|| run(end));
        ran.unwrap();
        allocations.expect("the tests' allocator counts").calls
    });
    let logged_in = Vec::new();
    let end_us = plan.end_us();
    let prepare =
        Prepare { plan, target, logged_in, run: 7, worker: 0, workers: 1, cores: Vec::new() };
    commands.blocking_send(Command::Prepare(Box::new(prepare))).unwrap();
    let mut counts = Counts::default();
    while let Some((_, reply)) = told.blocking_recv() {
        match reply {
            Reply::Ready => {
                let epoch = tokio::time::Instant::now();
                commands.blocking_send(Command::Start { epoch }).unwrap();
            }
            Reply::Snapshot(snapshot) => {
                snapshot.counts.iter().for_each(|part| counts.merge(part));
                if snapshot.at_us >= end_us {
                    let _ = commands.try_send(Command::Finish);
                }
            }
            Reply::Busy => {}
            Reply::Finished => break,
            Reply::Failed(why) => panic!("{why}"),
            Reply::ClientsPanicked { why, .. } => panic!("{why}"),
        }
    }
    (worker.join().unwrap(), counts)
}

/// Allocations of a longer run less those of a shorter one, and its further publishes and deliveries.
fn difference(clients: u32) -> (f64, f64, f64) {
    let (short, long) = (run_whole(clients, 1), run_whole(clients, 4));
    let more = |of: fn(&Counts) -> u64| (of(&long.1) - of(&short.1)) as f64;
    let (sent, heard) = (more(|counts| counts.sent), more(|counts| counts.frames_delivery));
    ((long.0 - short.0) as f64, sent, heard)
}

#[test]
fn a_publish_costs_the_frame_and_a_delivery_nothing() {
    let others = std::thread::spawn(|| difference(30));
    let (few, sent, heard) = difference(1);
    assert!(sent > 2_000.0 && heard > 1.5 * sent, "{sent} sent, {heard} heard");
    // What comes by the second, such as new histograms, is some two hundred of three thousand.
    assert!(few / sent < 1.3, "{few} allocations for {sent} messages to two");
    let (many, sent, heard) = others.join().unwrap();
    assert!(heard > 20.0 * sent, "{sent} sent, {heard} heard");
    assert!(many / sent < 1.5, "{many} allocations for {sent} messages to 31");
}
