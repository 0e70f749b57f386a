//! Every command and flag with its help. Parsing only; what a flag does is in its command's file.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::capacity_args::CapacityArgs;
use super::flags::{HowToRun, duration};
pub(super) use super::flags::{OutputFormat, ScenarioArgs, TargetArgs};
use super::serve::ServeArgs;

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
    Doctor(DoctorArgs),
    /// Print what makes a shell complete this command line
    Completions(CompletionsArgs),
}

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Watch the cores for so long instead, and show what kept threads from running on time: uproar, other
    /// programs of this machine, or other virtual machines
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) stalls: Option<Duration>,
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Which shell, for example: uproar completions bash >> ~/.bashrc
    #[arg(value_enum, value_name = "SHELL")]
    pub(super) shell: clap_complete::Shell,
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
