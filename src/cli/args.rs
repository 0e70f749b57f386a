//! Every command and flag with its help. Parsing only; what a flag does is in its command's file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::others::whole;
use super::serve::ServeArgs;
use crate::scenario::{Overrides, SearchKeys};

/// Load testing for chat and realtime servers: how late each message arrives at each recipient,
/// and whether it arrives at all.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 passed, 1 a threshold failed, 2 usage or scenario, 3 the figures \
                  can't be trusted, 4 no client ever joined, 5 uproar itself failed, 130 and 143 \
                  interrupted (the report is written).\n\nStart with: uproar run chat-rooms\n\
                  With a server of your own: uproar try --url ws://HOST/PATH --protocol NAME"
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a scenario and judge it
    Run(Box<RunArgs>),
    /// Find out how many people a server carries: runs at one load after the other, and the answer with
    /// its interval
    Capacity(Box<CapacityArgs>),
    /// Show two clients talking to a server, frame by frame, and the step that fails
    Try(Box<TryArgs>),
    /// Write a first scenario for a server
    Init(InitArgs),
    /// Make any format again from a run's report.json
    Report(ReportArgs),
    /// Compare runs with earlier ones: what got worse, by how much, and whether it may be chance
    Compare(CompareArgs),
    /// Run the reference server alone
    Serve(ServeArgs),
    /// Show what a scenario would do, without connecting
    Plan(PlanArgs),
    /// Show every mistake in a scenario or protocol file
    Check(PlanArgs),
    /// List the built-in scenarios, or print one
    Scenarios(ScenariosArgs),
    /// List the built-in protocols, or print one
    Protocols(ProtocolsArgs),
    /// Measure what each codec takes to encode and decode messages on this machine
    Codecs(CodecsArgs),
    /// Print the JSON Schema of a file format
    Schema(SchemaArgs),
    /// Show this machine's limits and what they carry
    Doctor,
    /// Print what makes a shell complete this command line
    Completions(CompletionsArgs),
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Which shell, for example: uproar completions bash >> ~/.bashrc
    #[arg(value_enum, value_name = "SHELL")]
    pub(super) shell: clap_complete::Shell,
}

/// Which scenario, and what to change in it.
#[derive(Clone, Debug, Args)]
pub(super) struct ScenarioArgs {
    /// A scenario file, or the name of a built-in one: see `uproar scenarios` [default: chat-rooms, or
    /// how-many for `capacity`]
    #[arg(value_name = "SCENARIO")]
    scenario: Option<String>,
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

    /// What the flags change. `Err` is the flag that can't be read, and its value.
    pub(super) fn overrides(&self) -> Result<Overrides, (&'static str, String)> {
        Ok(Overrides {
            codec: self.codec.clone(),
            seed: self.seed,
            clients: self.clients,
            steady_ramps: self.steady_ramps,
            probe: self.probe,
            rate: self.rate.clone(),
            duration: self.duration.clone(),
            allow_host: self.allow_host.clone(),
            ..self.target.overrides()?
        })
    }
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

/// Two clients, three messages each, and every frame of it.
#[derive(Debug, Args)]
pub(super) struct TryArgs {
    /// Try this scenario's target, as its first cohort speaks: a file, or the name of a built-in one.
    /// Not needed with --url and --protocol
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: Option<String>,
    #[command(flatten)]
    pub(super) target: TargetArgs,
    /// The room both clients join [default: uproar-RUN-0, a new one each time]
    #[arg(long, value_name = "NAME")]
    pub(super) room: Option<String>,
    /// The most that a step may take, and that messages are waited for
    #[arg(long, default_value = "5s", value_name = "TIME", value_parser = duration)]
    pub(super) timeout: Duration,
    /// Be the first two users of this file, CSV or JSON lines, as in a cohort's `data`
    #[arg(long, value_name = "FILE")]
    pub(super) data: Option<String>,
    /// Show frames whole, however long they are
    #[arg(long)]
    pub(super) full: bool,
    /// Go on listening for so long once all is heard, to see what comes by itself: heartbeats, or what
    /// other people do
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) watch: Option<Duration>,
    /// Show secrets: what the protocol file calls so, environment variables it uses, and what logins
    /// say and are told
    #[arg(long)]
    pub(super) show_secrets: bool,
}

/// A time limit over zero.
fn duration(text: &str) -> Result<Duration, String> {
    let duration = crate::units::parse::duration(text)?;
    if duration.is_zero() {
        Err("write a time over 0, such as 10s".to_owned())
    } else {
        Ok(duration)
    }
}

/// A first scenario, to be written to a file.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The server to load: ws://HOST[:PORT][/PATH], or wss:// with TLS
    #[arg(long, value_name = "URL")]
    pub(super) url: String,
    /// How it speaks: a protocol file, or the name of a built-in protocol (see `uproar protocols`)
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) protocol: String,
    /// Set a param of the protocol, for example event=chat; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) param: Vec<String>,
    /// Send this header with the upgrade, "NAME: VALUE"; may be repeated
    #[arg(long, value_name = "HEADER")]
    pub(super) header: Vec<String>,
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Replace the file if there is one
    #[arg(long, requires = "out")]
    pub(super) force: bool,
}

impl InitArgs {
    /// The same as flags of other commands.
    pub(super) fn target(&self) -> TargetArgs {
        TargetArgs {
            url: Some(self.url.clone()),
            protocol: Some(self.protocol.clone()),
            param: self.param.clone(),
            set: Vec::new(),
            header: self.header.clone(),
            ca: None,
            insecure: false,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) scenario: ScenarioArgs,
    /// The run's own folder; an earlier run's files there are replaced, a folder that holds
    /// anything else is refused [default: reports/NAME-TIME]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Make this many runs, each in a folder of its own, and show how far they lie apart
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=50))]
    pub(super) repeat: Option<u16>,
    /// Make the same runs of the server at this URL, in turn with the target's (ABBA), and compare;
    /// 5 of each unless --repeat says otherwise
    #[arg(long, value_name = "URL")]
    pub(super) against: Option<String>,
    #[command(flatten)]
    pub(super) baseline: BaselineArgs,
    #[command(flatten)]
    pub(super) how: HowToRun,
    /// Show no progress
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// What to print on stdout at the end
    #[arg(long, value_enum, default_value_t = OutputFormat::Text, value_name = "FORMAT")]
    pub(super) format: OutputFormat,
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

/// How many people the server carries.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 there is an answer; 1 it is under --at-least, or the server did not \
                  recover; 2 usage or scenario; 3 uproar or this machine was the limit, or it is not \
                  known whether --at-least holds; 4 no client ever joined; 5 uproar itself failed; \
                  130 and 143 interrupted (what is known is written)"
)]
pub(super) struct CapacityArgs {
    #[command(flatten)]
    pub(super) scenario: ScenarioArgs,
    /// What grows: clients, with rooms as large as they are, or rate [default: the scenario's, or
    /// clients]
    #[arg(long, value_name = "WHAT")]
    grow: Option<String>,
    /// The first and lowest load, in clients or messages a second [default: an eighth of the
    /// scenario's]
    #[arg(long, value_name = "N", value_parser = whole)]
    from: Option<u32>,
    /// The highest load [default: what this machine can hold]
    #[arg(long, value_name = "N", value_parser = whole)]
    to: Option<u32>,
    /// How wide the interval in the answer may be [default: the scenario's, or 15%]
    #[arg(long, value_name = "SHARE")]
    within: Option<String>,
    /// The share of runs that have to pass at a load that is carried [default: the scenario's, or 80%]
    #[arg(long, value_name = "SHARE")]
    chance: Option<String>,
    /// Runs at most [default: the scenario's, or 40]
    #[arg(long, value_name = "N", value_parser = whole)]
    trials: Option<u32>,
    /// Time at most [default: the scenario's, or 20m]
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Fail (exit code 1) if less than this is carried
    #[arg(long, value_name = "N", value_parser = whole)]
    at_least: Option<u32>,
    /// A coarser answer sooner: --within 30% --chance 50% --trials 15, unless those say otherwise
    #[arg(long)]
    quick: bool,
    /// Search although the load does not grow as the clients do
    #[arg(long)]
    pub(super) any_growth: bool,
    /// Go on with a search that was stopped or broke off: its folder
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    pub(super) r#continue: Option<PathBuf>,
    /// The search's own folder, new or empty [default: reports/NAME-capacity-TIME]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) how: HowToRun,
    /// Show no progress
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// What to print on stdout at the end
    #[arg(long, value_enum, default_value_t = OutputFormat::Text, value_name = "FORMAT")]
    pub(super) format: OutputFormat,
}

impl CapacityArgs {
    /// The scenario, and whether it was named.
    pub(super) fn name(&self) -> (&str, bool) {
        let named = self.scenario.scenario.as_deref();
        (named.unwrap_or("how-many"), named.is_some())
    }

    /// Flags of a search that no run has: with values, and without.
    pub(super) const OWN: (&[&str], &[&str]) = (
        &[
            "--grow",
            "--from",
            "--to",
            "--within",
            "--chance",
            "--trials",
            "--time",
            "--at-least",
            "--continue",
            "--format",
        ],
        &["--quick", "--any-growth", "--quiet", "-q"],
    );

    /// What the flags change. `Err` is the flag that can't be read, and its value.
    pub(super) fn overrides(&self) -> Result<Overrides, (&'static str, String)> {
        let quick = |value: &str| self.quick.then(|| value.to_owned());
        let search = SearchKeys {
            grow: self.grow.clone(),
            from: self.from,
            to: self.to,
            within: self.within.clone().or_else(|| quick("30%")),
            chance: self.chance.clone().or_else(|| quick("50%")),
            trials: self.trials.or(self.quick.then_some(15)),
            time: self.time.clone(),
            at_least: self.at_least,
        };
        Ok(Overrides { search, ..self.scenario.overrides()? })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// A summary for people
    Text,
    /// report.json
    Json,
    /// report.md
    Md,
    /// Annotations for GitHub Actions: nothing but what failed
    Github,
}

/// Earlier runs that these are compared with.
#[derive(Debug, Args)]
pub(super) struct BaselineArgs {
    /// Compare with these runs, and fail (exit code 1) if something got worse: a file of
    /// --save-baseline, a report.json, or a folder of runs
    #[arg(long, value_name = "FILE|DIR")]
    pub(super) baseline: Option<PathBuf>,
    /// Write these runs to a file for later ones to be compared with, if all passed and are valid; as
    /// many as its figures need (--repeat 4 for two). A file that is there is replaced only if it is
    /// the --baseline of the same command
    #[arg(long, value_name = "FILE")]
    pub(super) save_baseline: Option<PathBuf>,
    #[command(flatten)]
    pub(super) how: HowArgs,
}

/// How runs are compared.
#[derive(Debug, Args)]
pub(super) struct HowArgs {
    /// How much a figure may change, for example delivery.p99=10%,2ms: a change matters if it is larger
    /// than both; may be repeated [default: the scenario's [baseline], or delivery.p50 and .p99]
    #[arg(long, value_name = "FIGURE=TOLERANCE")]
    pub(super) tolerance: Vec<String>,
    /// Compare runs of different plans
    #[arg(long)]
    pub(super) any_plan: bool,
    /// Let runs of another machine decide, instead of only being shown
    #[arg(long)]
    pub(super) any_host: bool,
}

/// Two sides of runs, or two searches of `capacity`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing is worse, or too few runs to say; 1 something is worse, \
                        or runs of NEW failed; 2 they can't be compared; 3 too few runs can be \
                        trusted; 4 nobody joined a run of NEW"
)]
pub(super) struct CompareArgs {
    /// The base: a report.json, a run's folder, a folder of runs, a baseline, or a search's folder
    #[arg(value_name = "BASE")]
    pub(super) base: PathBuf,
    /// What is compared with it
    #[arg(value_name = "NEW")]
    pub(super) new: PathBuf,
    #[command(flatten)]
    pub(super) how: HowArgs,
    /// What to print on stdout
    #[arg(long, value_enum, default_value_t = CompareFormat::Text, value_name = "FORMAT")]
    pub(super) format: CompareFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CompareFormat {
    /// A table for people
    Text,
    /// Markdown, for a pull request
    Md,
    /// Every figure
    Json,
    /// Annotations for GitHub Actions: nothing but what is worse
    Github,
}

impl From<OutputFormat> for CompareFormat {
    /// How a comparison is printed behind a run.
    fn from(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Text => Self::Text,
            OutputFormat::Github => Self::Github,
            OutputFormat::Json => Self::Json,
            OutputFormat::Md => Self::Md,
        }
    }
}

/// What to make of a report that was written.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// A run's folder, or its report.json
    #[arg(value_name = "DIR|report.json")]
    pub(super) report: PathBuf,
    /// What to make
    #[arg(long, value_enum, default_value_t = ReportFormat::Text, value_name = "FORMAT")]
    pub(super) format: ReportFormat,
    /// Write into this folder instead of stdout; one that holds anything but a run's files is refused
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// A summary for people, on stdout
    Text,
    /// report.json
    Json,
    /// report.html, for a browser
    Html,
    /// report.md, for a pull request
    Md,
    /// junit.xml, for CI systems
    Junit,
    /// series.csv, the run over time
    Csv,
    /// A percentile distribution for each latency metric, METRIC.hgrm; needs --out
    Hgrm,
    /// latency.hlog, the histograms as a log of HdrHistogram's
    Hlog,
    /// Annotations for GitHub Actions: nothing but what failed, on stdout
    Github,
    /// Every file a run writes, but for ledger.jsonl; needs --out
    All,
}

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) scenario: ScenarioArgs,
}

#[derive(Debug, Args)]
pub(super) struct ScenariosArgs {
    /// Print this one: a start for a file of your own
    pub(super) name: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ProtocolsArgs {
    /// Print this one: a start for a file of your own
    pub(super) name: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct CodecsArgs {
    /// What to print on stdout
    #[arg(long, value_enum, default_value_t = CodecsFormat::Text, value_name = "FORMAT")]
    pub(super) format: CodecsFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CodecsFormat {
    /// A table for people
    Text,
    /// The same figures as JSON
    Json,
}

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Which format
    #[arg(value_enum, default_value_t = SchemaOf::Scenario)]
    pub(super) of: SchemaOf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaOf {
    /// Scenario files
    Scenario,
    /// Protocol files
    Protocol,
    /// report.json
    Report,
    /// capacity.json
    Capacity,
}
