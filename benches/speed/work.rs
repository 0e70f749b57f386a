//! The works, who does them, and how what they cost is found.
//!
//! A message's cost is a difference: a longer run's CPU time less a shorter one's, by the messages
//! that the longer one had more. What it takes to start, to connect and to end goes out of it; what
//! comes with every second stays in. A connection's is the same over more connections and fewer.

use std::thread::sleep;
use std::time::{Duration, Instant};

use uproar::machine::cpu::process_stat;

use crate::Failure;
use crate::figures::Middle;
use crate::floor::{Job, With};
use crate::load::{Load, Server, Serving};
use crate::process::{Core, Running, Used, own};
use crate::table;

/// Who does the work.
#[derive(Clone, Copy, Debug)]
enum Side {
    Floor(With),
    Uproar,
    /// uproar, with a protocol file for what is built in.
    Described,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Floor(with) => with.name(),
            Self::Uproar => "uproar",
            Self::Described => "uproar, from templates",
        }
    }
}

/// What is asked of a work.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// CPU a message, of the client.
    Message,
    /// CPU a message, of the server.
    Served,
    /// Resident memory a connection, of the client.
    Memory,
    /// The same of the server.
    ServerMemory,
    /// CPU a connection until it is connected, and joined in the case of uproar.
    Connect,
}

struct Work {
    /// Its first word is its name for `--only`.
    name: &'static str,
    asked: Asked,
    server: Server,
    job: Job,
    connections: usize,
    /// A second, of all connections together; 0 in a closed loop.
    rate: f64,
    /// How many messages a floor's talker writes at once.
    burst: usize,
    /// The floor comes first.
    sides: &'static [Side],
}

const EPOLL: Side = Side::Floor(With::Epoll);
const TOKIO: Side = Side::Floor(With::Tokio);
const TUNGSTENITE: Side = Side::Floor(With::Tungstenite);
const ALL: &[Side] = &[EPOLL, TOKIO, TUNGSTENITE, Side::Uproar];

#[rustfmt::skip]
const WORKS: &[Work] = &[
    Work { name: "echo: 100 connections, closed loop, 64 B", asked: Asked::Message, server: Server::Echo, job: Job::Echo, connections: 100, rate: 0.0, burst: 1, sides: ALL },
    Work { name: "open: 1,000 connections at 1 msg/s, out of phase", asked: Asked::Message, server: Server::Echo, job: Job::Open, connections: 1_000, rate: 1_000.0, burst: 1, sides: ALL },
    Work { name: "listen: 1,000 members, one message a write", asked: Asked::Message, server: Server::Relay { batch: 1 }, job: Job::Listen, connections: 1_000, rate: 40.0, burst: 1, sides: &[TOKIO, TUNGSTENITE, Side::Uproar] },
    Work { name: "listen10: 1,000 members, ten messages a write", asked: Asked::Message, server: Server::Relay { batch: 10 }, job: Job::Listen, connections: 1_000, rate: 250.0, burst: 1, sides: &[TOKIO, TUNGSTENITE, Side::Uproar] },
    Work { name: "publish: 500 connections, 20,000 msg/s, nobody hears them", asked: Asked::Message, server: Server::Rooms, job: Job::Publish, connections: 500, rate: 20_000.0, burst: 1, sides: &[EPOLL, TUNGSTENITE, Side::Uproar, Side::Described] },
    Work { name: "idle: 10,000 connections", asked: Asked::Memory, server: Server::Rooms, job: Job::Idle, connections: 10_000, rate: 0.0, burst: 1, sides: &[TOKIO, TUNGSTENITE, Side::Uproar] },
    Work { name: "connect: 5,000 connections at once", asked: Asked::Connect, server: Server::Rooms, job: Job::Idle, connections: 5_000, rate: 0.0, burst: 1, sides: &[TUNGSTENITE, Side::Uproar] },
    Work { name: "serve: 1,000 members, one message at a time", asked: Asked::Served, server: Server::Rooms, job: Job::Listen, connections: 1_000, rate: 40.0, burst: 1, sides: &[EPOLL] },
    Work { name: "serve10: 1,000 members, bursts of ten", asked: Asked::Served, server: Server::Rooms, job: Job::Listen, connections: 1_000, rate: 250.0, burst: 10, sides: &[EPOLL] },
    Work { name: "serve-idle: 10,000 connections", asked: Asked::ServerMemory, server: Server::Rooms, job: Job::Idle, connections: 10_000, rate: 0.0, burst: 1, sides: &[EPOLL] },
];

/// The lengths whose difference counts, in seconds.
const SHORT_S: f64 = 1.0;
const LONG_S: f64 = 3.0;

/// The numbers of connections whose difference counts: this share of them all, and all.
const FEW: usize = 5;

/// Measures the works whose names begin so, or all, and prints them.
pub fn measure(pairs: usize, only: &[String]) -> Result<(), Failure> {
    table::head();
    for work in WORKS {
        let name = work.name.split(':').next().unwrap_or_default();
        if !only.is_empty() && !only.iter().any(|only| only == name) {
            continue;
        }
        work.measure(pairs)?;
    }
    Ok(())
}

impl Work {
    fn measure(&self, pairs: usize) -> Result<(), Failure> {
        let mut costs = vec![Vec::with_capacity(pairs); self.sides.len()];
        for pair in 0..pairs {
            // Each side goes first as often as last.
            let mut order: Vec<usize> = (0..self.sides.len()).collect();
            if pair % 2 == 1 {
                order.reverse();
            }
            for at in order {
                costs[at].push(self.cost(self.sides[at])?);
            }
        }
        for (at, side) in self.sides.iter().enumerate() {
            let cost = Middle::of(costs[at].iter().copied());
            let ratio = (at > 0).then(|| {
                Middle::of(costs[at].iter().zip(&costs[0]).map(|(cost, floor)| cost / floor))
            });
            table::row(self.name, side.name(), self.asked.unit(), cost, ratio.flatten());
        }
        Ok(())
    }

    /// What it costs a side once more.
    fn cost(&self, side: Side) -> Result<f64, Failure> {
        let few = self.connections / FEW;
        Ok(match self.asked {
            Asked::Message | Asked::Served => {
                let (short, long) = (self.steady(side, SHORT_S)?, self.steady(side, LONG_S)?);
                let cpu_us = |ran: &Ran| match self.asked {
                    Asked::Served => ran.server.cpu_us(),
                    _ => ran.client.cpu_us(),
                };
                (cpu_us(&long) - cpu_us(&short)) / (long.messages - short.messages)
            }
            Asked::Memory => {
                let (least, most) = (self.silent(side, few)?, self.silent(side, self.connections)?);
                (most.rss - least.rss) / 1024.0 / (self.connections - few) as f64
            }
            Asked::ServerMemory => {
                let (least, most) = (self.silent(side, few)?, self.silent(side, self.connections)?);
                (most.server_rss - least.server_rss) / 1024.0 / (self.connections - few) as f64
            }
            Asked::Connect => {
                let (least, most) = (self.silent(side, few)?, self.silent(side, self.connections)?);
                (most.client.cpu_us() - least.client.cpu_us()) / (self.connections - few) as f64
            }
        })
    }

    fn start(
        &self,
        side: Side,
        serving: &Serving,
        connections: usize,
        seconds: f64,
        folder: &std::path::Path,
    ) -> Result<(Running, Option<Load>), Failure> {
        let (command, load) = match side {
            Side::Floor(with) => (self.floor(with, &serving.at, connections, seconds)?, None),
            Side::Uproar | Side::Described => {
                let load = Load {
                    job: self.job,
                    connections,
                    seconds,
                    rate: self.rate,
                    at_once: matches!(self.asked, Asked::Connect),
                    protocol: matches!(side, Side::Described).then_some(DESCRIBED),
                };
                (load.command(self.server, &serving.at, folder)?, Some(load))
            }
        };
        Ok((Running::start(command, Core::Client)?, load))
    }

    fn floor(
        &self,
        with: With,
        at: &str,
        connections: usize,
        seconds: f64,
    ) -> Result<std::process::Command, Failure> {
        let mut command = own("floor")?;
        let word = |value: &dyn ToString| value.to_string();
        command.args(["--with", &format!("{with:?}").to_lowercase()]);
        command.args(["--job", &format!("{:?}", self.job).to_lowercase(), "--at", at]);
        command.args(["--connections", &word(&connections), "--seconds", &word(&seconds)]);
        command.args(["--rate", &word(&self.rate), "--burst", &word(&self.burst)]);
        Ok(command)
    }

    /// A run of so many seconds to its end.
    fn steady(&self, side: Side, seconds: f64) -> Result<Ran, Failure> {
        let folder = tempfile::tempdir()?;
        let serving = self.server.start()?;
        let (client, load) =
            self.start(side, &serving, self.connections, seconds, folder.path())?;
        let (text, client) = client.wait()?;
        let server = serving.end()?;
        let messages = match load {
            Some(load) => load.done(folder.path())?,
            None => text.lines().last().unwrap_or_default().parse()?,
        };
        Ok(Ran { client, server, messages })
    }

    /// Connections that say nothing once they are there.
    fn silent(&self, side: Side, connections: usize) -> Result<Silent, Failure> {
        let folder = tempfile::tempdir()?;
        let serving = self.server.start()?;
        let (client, load) = self.start(side, &serving, connections, FOR_LONG_S, folder.path())?;
        let began = Instant::now();
        let joined = if load.is_some() { connections } else { 0 };
        loop {
            let there = serving.figure("uproar_server_connections")?;
            let answered = serving.figure("uproar_server_messages_sent_total")?;
            if there >= connections as u64 && answered >= joined as u64 {
                break;
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("{there} of {connections} connections came up").into());
            }
            sleep(LOOK_EVERY);
        }
        if !matches!(self.asked, Asked::Connect) {
            sleep(SETTLE);
        }
        let rss = |pid| process_stat(pid).map(|stat| stat.rss_bytes as f64);
        let rss_of = |pid| rss(pid).ok_or("no memory figures of a process");
        let (own_rss, server_rss) = (rss_of(client.pid())?, rss_of(serving.pid())?);
        let client = client.kill()?;
        serving.end()?;
        Ok(Silent { client, rss: own_rss, server_rss })
    }
}

/// What a run used, and how many messages it had.
struct Ran {
    client: Used,
    server: Used,
    messages: f64,
}

/// What connections used until all were there, and resident bytes then.
struct Silent {
    client: Used,
    rss: f64,
    server_rss: f64,
}

/// Longer than anybody looks at silent connections.
const FOR_LONG_S: f64 = 60.0;
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// What connecting needed and gave back is given back by then, as far as it will be.
const SETTLE: Duration = Duration::from_secs(2);

/// The built-in `rooms` protocol once more, as a file.
const DESCRIBED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/speed/rooms.toml");

impl Asked {
    fn unit(self) -> &'static str {
        match self {
            Self::Message => "us/message",
            Self::Served => "us/delivery",
            Self::Memory | Self::ServerMemory => "KiB/connection",
            Self::Connect => "us/connection",
        }
    }
}
