//! Clients that do a work and measure nothing: the least it can cost. Each prints `ready` once it is
//! connected and joined, works for so long, and prints how many messages it sent or received.

mod epoll;
mod plain_tokio;
mod tungstenite;
mod wire;

use std::time::Duration;

use clap::ValueEnum;

use crate::Failure;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What it is made with
    #[arg(long)]
    with: With,
    /// What it does
    #[arg(long)]
    job: Job,
    /// `host:port` of the server
    #[arg(long)]
    at: String,
    #[arg(long)]
    connections: usize,
    /// How long it works once it is connected
    #[arg(long)]
    seconds: f64,
    /// Messages a second of all connections together
    #[arg(long, default_value_t = 0.0)]
    rate: f64,
    /// Messages that one connection writes at once
    #[arg(long, default_value_t = 1)]
    burst: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum With {
    Epoll,
    Tokio,
    Tungstenite,
}

impl With {
    pub fn name(self) -> &'static str {
        match self {
            Self::Epoll => "plain epoll",
            Self::Tokio => "bare tokio",
            Self::Tungstenite => "tokio-tungstenite",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Job {
    /// Each connection sends again as soon as its message is back.
    Echo,
    /// Each connection sends at its own time of the second, and reads what comes back.
    Open,
    /// All are in one room, and the first of them talks.
    Listen,
    /// All are connected and silent.
    Idle,
    /// Messages to a room that nobody is in.
    Publish,
}

impl Args {
    fn lasts(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// From one message, or burst of them, to the next of all connections together.
    fn every(&self) -> Duration {
        Duration::from_secs_f64(self.burst as f64 / self.rate.max(1e-3))
    }

    /// What a client says before its work: it joins a room, or says nothing.
    fn greeting(&self, connection: usize) -> Option<String> {
        let username = format!("c{connection}");
        (self.job == Job::Listen)
            .then(|| format!(r#"{{"type":"Join","room":"{ROOM}","username":"{username}"}}"#))
    }

    /// What it says then: in a room, or to an echo. As long as what uproar says in the same work.
    fn message(&self) -> String {
        let payload = "u".repeat(PAYLOAD_BYTES);
        let said = |room| format!(r#"{{"type":"Message","room":"{room}","content":"{payload}"}}"#);
        match self.job {
            Job::Listen => said(ROOM),
            Job::Publish => said("void-0-0abcdef"),
            Job::Echo | Job::Open | Job::Idle => payload,
        }
    }
}

/// As long as the names that uproar gives its rooms.
const ROOM: &str = "hall-0-0abcdef";

/// Text in each message.
pub const PAYLOAD_BYTES: usize = 64;

/// What a read is given room for; as tokio-tungstenite's.
const READ_BYTES: usize = 4096;

pub fn run(args: &Args) -> Result<(), Failure> {
    let done = match args.with {
        With::Epoll => epoll::run(args)?,
        With::Tokio => plain_tokio::run(args)?,
        With::Tungstenite => tungstenite::run(args)?,
    };
    println!("{done}");
    Ok(())
}

fn ready() {
    println!("ready");
}
