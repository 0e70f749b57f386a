//! Scenarios that have uproar do what the floors do, and servers for both.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use uproar::report::Report;
use uproar::report::json::from_json;

use crate::Failure;
use crate::floor::{Job, PAYLOAD_BYTES};
use crate::process::{Core, Running, Used, own, uproar};

/// What answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// uproar's own, which says to each what it said.
    Echo,
    /// uproar's own, with rooms.
    Rooms,
    /// One that writes so many messages to a member at once.
    Relay { batch: usize },
}

/// A server that runs.
#[derive(Debug)]
pub struct Serving {
    running: Running,
    /// `host:port`.
    pub at: String,
}

impl Server {
    pub fn start(self) -> Result<Serving, Failure> {
        let command = match self {
            Self::Relay { batch } => {
                let mut command = own("relay")?;
                command.args(["--batch", &batch.to_string()]);
                command
            }
            Self::Echo | Self::Rooms => {
                let mut command = uproar();
                let mode = self.protocol();
                command.args(["serve", "--listen", "127.0.0.1:0", "--threads", "1"]);
                command
                    .args(["--mode", mode, "--exit-with-stdin"])
                    .stderr(std::process::Stdio::null());
                command
            }
        };
        let mut running = Running::start(command, Core::Server)?;
        let line = running.line()?;
        let at = line.split_once("ws://").map(|(_, at)| at);
        let at = at.and_then(|at| at.split(['/', ' ', ',', '\n']).next());
        let at = at.ok_or_else(|| format!("no address in {line:?}"))?.to_owned();
        Ok(Serving { running, at })
    }

    /// How uproar is told to speak to it.
    pub fn protocol(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Rooms | Self::Relay { .. } => "rooms",
        }
    }
}

impl Serving {
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Ends it and gives what it used.
    pub fn end(self) -> Result<Used, Failure> {
        self.running.kill()
    }

    /// A figure of its page.
    pub fn figure(&self, name: &str) -> Result<u64, Failure> {
        let mut stream = TcpStream::connect(&self.at)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.at)?;
        let mut page = String::new();
        stream.read_to_string(&mut page)?;
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.ok_or_else(|| format!("the server has no {name}"))?.trim().parse()?)
    }
}

/// A run of uproar on the same work.
#[derive(Clone, Debug)]
pub struct Load {
    pub job: Job,
    pub connections: usize,
    pub seconds: f64,
    /// Messages a second of all clients together.
    pub rate: f64,
    /// Whether all come up at once, and not one after the other.
    pub at_once: bool,
    /// A protocol file instead of the protocol that is built in.
    pub protocol: Option<&'static str>,
}

impl Load {
    /// Everything that uproar measures is always on; so are pings and reconnecting here.
    fn scenario(&self) -> String {
        let Self { job, connections, seconds, rate, .. } = self;
        let (rooms, join, publish) = match job {
            Job::Echo => ("", "", "in_flight = 1".to_owned()),
            Job::Open => (
                "",
                "",
                format!("rate = \"{}/s\"\narrivals = \"constant\"", rate / *connections as f64),
            ),
            Job::Listen => {
                ("[rooms.hall]\ncount = 1", "join = { rooms = \"hall\" }", String::new())
            }
            Job::Idle => ("[rooms.hall]\nsize = 20", "join = { rooms = \"hall\" }", String::new()),
            Job::Publish => (
                "[rooms.void]\ncount = 1",
                "",
                format!(
                    "to = \"void\"\nrate = \"{}/s\"\narrivals = \"constant\"",
                    rate / *connections as f64
                ),
            ),
        };
        let publish = if publish.is_empty() {
            publish
        } else {
            format!("[cohort.publish]\n{publish}\nsize = \"{PAYLOAD_BYTES}B\"\n")
        };
        // The floors' first connection talks and listens as well.
        let (listeners, talker) = match job {
            Job::Listen => (
                connections - 1,
                format!(
                    "[[cohort]]\nname = \"talker\"\nclients = 1\n{join}\n{PING}\n[cohort.publish]\n\
                     rate = \"{rate}/s\"\narrivals = \"constant\"\nsize = \"{PAYLOAD_BYTES}B\"\n"
                ),
            ),
            _ => (*connections, String::new()),
        };
        let ramp = match self.at_once {
            true => String::new(),
            false => format!(
                "[[phase]]\nname = \"ramp\"\nduration = \"{RAMP_S}s\"\nclients = \"0% -> 100%\"\n\
                 rate = \"0%\"\nmeasure = false\n"
            ),
        };
        let builtin = if *job == Job::Echo || *job == Job::Open { "echo" } else { "rooms" };
        format!(
            "format = 1\nname = \"speed\"\n[target]\nbuiltin = \"{builtin}\"\nconnect_timeout = \"20s\"\n\
             join_timeout = \"20s\"\n{rooms}\n\
             [[cohort]]\nname = \"people\"\nclients = {listeners}\n{join}\n{PING}\n{publish}\
             {talker}{ramp}[[phase]]\nname = \"steady\"\nduration = \"{seconds}s\"\n",
        )
    }

    /// The command, with its scenario in a folder where its report is to be.
    pub fn command(&self, server: Server, at: &str, folder: &Path) -> Result<Command, Failure> {
        let file = folder.join("speed.toml");
        std::fs::write(&file, self.scenario())?;
        Ok(run_command(&file, self.protocol.unwrap_or(server.protocol()), at, folder))
    }

    /// What it says it did, in messages.
    pub fn done(&self, folder: &Path) -> Result<f64, Failure> {
        let report = report_in(folder)?;
        Ok(match self.job {
            Job::Publish => report.publishes.sent as f64,
            _ => report.deliveries.delivered as f64,
        })
    }
}

/// A run of a scenario file, on one worker.
pub fn run_command(file: &Path, protocol: &str, at: &str, folder: &Path) -> Command {
    let mut command = uproar();
    command.arg("run").arg(file).arg("--out").arg(folder.join("out"));
    command.args(["--url", &format!("ws://{at}"), "--workers", "1", "--quiet"]);
    command.args(["--protocol", protocol]);
    command
}

/// What such a run reported.
pub fn report_in(folder: &Path) -> Result<Report, Failure> {
    let text = std::fs::read_to_string(folder.join("out/report.json"))?;
    Ok(from_json(&text).map_err(|error| error.to_string())?)
}

/// Heartbeat and reconnecting are armed everywhere, as in real use.
const PING: &str = "ws_ping = { every = \"30s\", timeout = \"10s\" }";

/// How long clients take to come up. Its cost is no part of a figure.
const RAMP_S: f64 = 1.0;
