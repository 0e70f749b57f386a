//! Flags that several commands have, with their help: which scenario, which server, how a run is made.
//! Parsing only.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::others::whole;
use crate::scenario::{Grow, Overrides};

/// Which scenario, and what to change in it.
#[derive(Clone, Debug, Args)]
pub(super) struct ScenarioArgs {
    /// A scenario file, or the name of a built-in one: see `uproar scenarios` [default: chat-rooms, or
    /// how-many for `capacity`]
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: Option<String>,
    #[command(flatten)]
    pub(super) target: TargetArgs,
    /// Clients in all, spread over the cohorts in proportion [default: the scenario's]
    #[arg(long, value_name = "N", value_parser = whole)]
    clients: Option<u32>,
    /// With --clients: stretch ramps as well, so that as many clients connect a second as the scenario
    /// has it
    #[arg(long, requires = "clients")]
    steady_ramps: bool,
    /// Two seconds of everybody talking, nothing judged
    #[arg(long, hide = true)]
    probe: bool,
    /// Publishes in all, for example 2000/s, spread over the cohorts in proportion [default: the
    /// scenario's]
    #[arg(long, value_name = "RATE")]
    rate: Option<String>,
    /// Length of all phases together, for example 30s or 2m: phases and faults are stretched alike
    /// [default: the scenario's]
    #[arg(long, value_name = "TIME")]
    duration: Option<String>,
    /// Codec of every cohort that names none: see `uproar codecs` [default: the scenario's]
    #[arg(long, value_name = "NAME")]
    pub(super) codec: Option<String>,
    /// Look at the server's processes on this machine too: port=8080, pid=4711, pid_file=FILE or
    /// cgroup=FOLDER; and metrics=URL for a page of Prometheus's. May be repeated
    #[arg(long, value_name = "WHAT=WHICH")]
    watch: Vec<String>,
    /// Decides everything random in the plan [default: the scenario's, or 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Allow load on this host although it is neither loopback nor private; may be repeated. Only
    /// for hosts you answer for. Also: UPROAR_ALLOW_HOSTS, separated by commas
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
}

impl ScenarioArgs {
    /// The scenario of most commands.
    pub(super) fn name(&self) -> &str {
        self.scenario.as_deref().unwrap_or("chat-rooms")
    }

    /// The flag that fixes what a search lets grow, if it is given.
    pub(super) fn fixed(&self, grow: Grow) -> Option<&'static str> {
        match grow {
            Grow::Clients => self.clients.map(|_| "--clients"),
            Grow::Rate => self.rate.as_ref().map(|_| "--rate"),
        }
    }

    /// What the flags change. `Err` is the flag that can't be read, and its value.
    pub(super) fn overrides(&self) -> Result<Overrides, (&'static str, String)> {
        let target = self.target.overrides()?;
        let mut set = target.set;
        set.extend(watched(&self.watch)?);
        Ok(Overrides {
            set,
            codec: self.codec.clone(),
            seed: self.seed,
            clients: self.clients,
            steady_ramps: self.steady_ramps,
            probe: self.probe,
            rate: self.rate.clone(),
            duration: self.duration.clone(),
            allow_host: self.allow_host.clone(),
            ..target
        })
    }
}

/// `--watch` as keys of `[target.watch]`. `Err` is the flag and what can't be read.
fn watched(given: &[String]) -> Result<Vec<(String, String)>, (&'static str, String)> {
    let mut set = Vec::new();
    let mut pages = Vec::new();
    for written in given {
        let Some((what, which)) = written.split_once('=') else {
            return Err(("--watch", written.clone()));
        };
        match what.trim() {
            "metrics" => pages.push(format!("{{ url = {:?} }}", which.trim())),
            what => set.push((format!("target.watch.{what}"), which.to_owned())),
        }
    }
    if !pages.is_empty() {
        set.push(("target.watch.metrics".to_owned(), format!("[{}]", pages.join(", "))));
    }
    Ok(set)
}

/// Which server, and how to speak to it.
#[derive(Clone, Debug, Args)]
pub(super) struct TargetArgs {
    /// Load this server instead of the scenario's target: ws://HOST[:PORT][/PATH], or wss:// with TLS
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,
    /// How the server at --url speaks: a protocol file, or the name of a built-in protocol (see
    /// `uproar protocols`)
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) protocol: Option<String>,
    /// Set a param of the protocol, for example event=chat; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) param: Vec<String>,
    /// Set any key of the scenario, for example cohort.talkers.publish.rate=5/s; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// Send this header with the upgrade, "NAME: VALUE"; may be repeated
    #[arg(long, value_name = "HEADER")]
    pub(super) header: Vec<String>,
    /// Trust the certificate authorities in this PEM file, instead of this machine's, for a server
    /// at wss://
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Option<String>,
    /// Take any certificate of a server at wss://, also one that is forged or expired. Only for
    /// tests; reports say so
    #[arg(long)]
    pub(super) insecure: bool,
}

impl TargetArgs {
    /// What the flags change. `Err` is the flag that can't be read, and its value.
    pub(super) fn overrides(&self) -> Result<Overrides, (&'static str, String)> {
        let pairs = |flag: &'static str, pairs: &[String]| -> Result<Vec<_>, _> {
            let pair = |pair: &String| match pair.split_once('=') {
                Some((key, value)) => Ok((key.trim().to_owned(), value.to_owned())),
                None => Err((flag, pair.clone())),
            };
            pairs.iter().map(pair).collect()
        };
        Ok(Overrides {
            set: pairs("--set", &self.set)?,
            params: pairs("--param", &self.param)?,
            url: self.url.clone(),
            protocol: self.protocol.clone(),
            headers: self.header.clone(),
            ca: self.ca.clone(),
            insecure: self.insecure,
            ..Overrides::default()
        })
    }
}

/// How a run is made, whatever is measured.
#[derive(Debug, Args)]
pub(super) struct HowToRun {
    /// Worker threads [default: half the cores with the built-in server, else all but one; at
    /// least 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) workers: Option<u16>,
    /// Treat a suspect run as an invalid one (exit code 3)
    #[arg(long, conflicts_with = "allow_invalid")]
    pub(super) strict: bool,
    /// Judge an invalid run all the same
    #[arg(long)]
    pub(super) allow_invalid: bool,
    /// Skip the one client that tries connect, join and hearing itself before the ramp
    #[arg(long)]
    pub(super) no_preflight: bool,
    /// Wait this long for the server to take a WebSocket, if it does not yet: 30s, 2m
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "no_preflight")]
    pub(super) wait: Option<Duration>,
    /// Serve the figures so far as Prometheus text at http://ADDR:PORT/metrics while the run goes on;
    /// port 0 takes a free one, which is told on stderr
    #[arg(long, value_name = "ADDR:PORT")]
    pub(super) metrics: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// A summary for people
    Text,
    /// The JSON file of the report, or of the search
    Json,
    /// The same as Markdown
    Md,
    /// Annotations for GitHub Actions: nothing but what failed
    Github,
}

/// A time limit over zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = crate::units::parse::duration(text)?;
    if duration.is_zero() {
        Err("write a time over 0, such as 10s".to_owned())
    } else {
        Ok(duration)
    }
}
