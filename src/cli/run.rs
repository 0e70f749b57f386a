//! `uproar run`: from a scenario to a verdict.

use std::io::{self, IsTerminal as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::sync::watch;

use super::args::{OutputFormat, RunArgs};
use super::compare::Baseline;
use super::folder::Folder;
use super::{Failure, metrics, prepare, print, progress, repeat, signals};
use crate::coordinator::{self, Outcome, Progress, Run, Signal, Stop};
use crate::measure::Live;
use crate::plan::Plan;
use crate::protocol::Protocol;
use crate::ready::builtin::{self, Queue};
use crate::ready::{self, How, NotIn, NotReady, Ready, fit};
use crate::report::annotations::to_annotations;
use crate::report::files::{PAGE_FILE, render_all};
use crate::report::json::to_json;
use crate::report::ledger::{LEDGER_FILE, to_jsonl};
use crate::report::markdown::to_markdown;
use crate::report::prometheus::Labels;
use crate::report::summary::{COLUMNS, Place, Style, render, where_it_is};
use crate::report::verdict::{Evidence, Trust, exit_after_writing};
use crate::report::{self, Build, Exit, Report, Setting, assemble, redact};
use crate::scenario::Scenario;
use crate::secrets::{REDACTED, Secrets, is_secret_name, redact_url};
use crate::server::ServerConfig;
use crate::stamp::RUN_LIMIT;

pub(super) fn run(args: &RunArgs) -> Result<ExitCode, Failure> {
    if repeat::asked(args) {
        return repeat::run(args);
    }
    let plan = Arc::new(prepare::plan(&args.scenario)?);
    let baseline = Baseline::read(&args.baseline, &plan.scenario, 1)?;
    prepare::environment(&plan.scenario)?;
    fit::check_open_files(&plan)?;
    for complaint in fit::complaints(&plan) {
        print::stderr(&format!("warning: {complaint}\n"));
    }
    if plan.scenario.target.tls.insecure {
        print::stderr(
            "warning: TLS certificates are not checked: whoever answers may be somebody else\n",
        );
    }
    let scrapes = args.how.metrics.map(metrics::listen).transpose()?;
    let folder = Folder::open(args.out.as_deref(), &plan.scenario.name)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| internal(format!("can't start: {error}")))?;
    let measured = runtime.block_on(measure(args, &plan, scrapes));
    // A resolver that doesn't answer must not hold us up here as well.
    runtime.shutdown_background();
    let Measured { outcome, setting, secrets, refused } = match measured {
        Ok(measured) => measured,
        Err(failure) => {
            folder.abandon();
            return Err(failure);
        }
    };
    let report = redact::redact(assemble(&outcome, &setting), &secrets)
        .map_err(|error| internal(format!("the report has no JSON: {error}")))?;
    let ledger = to_jsonl(&outcome.totals, &report.run.id)
        .map_err(|error| internal(format!("the ledger has no JSON: {error}")))?;
    let exit = finish(args, &folder, &report, ledger.as_deref(), refused.as_ref())?;
    let exit = baseline.judge(&report, exit, args.format.into())?;
    Ok(ExitCode::from(exit.code()))
}

fn internal(message: String) -> Failure {
    Failure::message(Exit::Internal, message, "")
}

/// What a run came to.
struct Measured {
    outcome: Outcome,
    setting: Setting,
    secrets: Secrets,
    /// What the first client met, if nobody was sent after it.
    refused: Option<Failure>,
}

/// Everything that is asynchronous: the server, the preflight client, the run.
async fn measure(
    args: &RunArgs,
    plan: &Arc<Plan>,
    scrapes: Option<TcpListener>,
) -> Result<Measured, Failure> {
    let stop = signals::follow()
        .map_err(|error| internal(format!("can't listen for signals: {error}")))?;
    let mut early = stop.clone();
    let run = rand::random_range(0..RUN_LIMIT);
    let workers = args.how.workers.unwrap_or_else(|| builtin::default_workers(plan));
    let (cores, server_cores) = builtin::share_cores(plan, workers);
    let waits = |text: &str| {
        if !args.quiet {
            print::stderr(&format!("{text}\n"));
        }
    };
    let starting = async {
        let server = builtin::start(plan, workers, &server_cores, queue()).await?;
        let url = ready::target_url(plan, server.as_ref())?;
        let ready = ready::make(plan, run, &url, how(args), waits).await;
        Ok::<_, Failure>((server, url, ready))
    };
    let (server, url, ready) = tokio::select! {
        started = starting => started?,
        _ = early.changed() => return Err(stopped_early(*early.borrow())),
    };
    let Ready { target, logged_in, secrets, same_host, strangers_host, lookup_us } = match ready {
        Ok(ready) => ready,
        Err(not_ready) => {
            if let Some(mut server) = server {
                server.stop().await;
            }
            return match not_ready {
                NotReady::Refused(refusal) => Err(refusal.into()),
                NotReady::NobodyIn(NotIn { error, refusal }) => Ok(Measured {
                    outcome: Outcome::refused(plan, &error),
                    setting: setting(args, plan, run, &url, false),
                    secrets: ready::secrets(plan, run, &url, &plan.scenario.target.headers, &[]),
                    refused: Some(refusal.into()),
                }),
            };
        }
    };
    let watcher = match ready::watcher(plan, server.as_ref()).await {
        Ok(watcher) => watcher,
        Err(refusal) => {
            if let Some(mut server) = server {
                server.stop().await;
            }
            return Err(refusal.into());
        }
    };
    let setting = setting(args, plan, run, &url, same_host);
    let (sender, receiver) = watch::channel(Progress::default());
    let shown = (!args.quiet).then(|| tokio::spawn(progress::show(Arc::clone(plan), receiver)));
    let live = match scrapes {
        None => None,
        Some(listener) => Some(serve_metrics(args, listener, &setting, plan, &secrets)?),
    };
    let plan_of_run = Arc::clone(plan);
    let run = Run {
        plan: plan_of_run,
        target,
        logged_in,
        run,
        workers,
        strangers_host,
        lookup_us,
        cores,
        watcher,
        live,
    };
    let outcome = coordinator::run(run, server, sender, stop).await;
    if let Some(shown) = shown {
        // It ends with its sender; a panic in it has been printed and costs no figures.
        let _ = shown.await;
    }
    let outcome = outcome.map_err(|error| internal(format!("the run broke off: {error}")))?;
    Ok(Measured { outcome, setting, secrets, refused: None })
}

/// Answers scrapes from here on, with whatever is sent.
fn serve_metrics(
    args: &RunArgs,
    listener: TcpListener,
    setting: &Setting,
    plan: &Plan,
    secrets: &Secrets,
) -> Result<watch::Sender<Live>, Failure> {
    let failed = |error: io::Error| internal(format!("can't serve --metrics: {error}"));
    if !args.quiet {
        print::stderr(&format!("metrics: {}\n", metrics::url(&listener).map_err(failed)?));
    }
    let labels = Labels::new(&plan.scenario, &setting.run_id, secrets);
    let (sender, receiver) = watch::channel(Live::default());
    let listener = metrics::serve(listener).map_err(failed)?;
    tokio::spawn(metrics::answer_all(listener, labels, receiver));
    Ok(sender)
}

fn how(args: &RunArgs) -> How {
    How { wait: args.how.wait, tries: !args.how.no_preflight }
}

/// What the built-in server holds for one receiver unless it is told otherwise.
pub(super) fn queue() -> Queue {
    let ServerConfig { queue_messages, queue_bytes, .. } = ServerConfig::default();
    Queue { messages: queue_messages as u64, bytes: queue_bytes as u64 }
}

fn stopped_early(stop: Stop) -> Failure {
    let exit = match stop.asked {
        Some(Signal::Terminate | Signal::Hangup) => Exit::Terminated,
        _ => Exit::Interrupted,
    };
    Failure::message(exit, "stopped before the run began: there is nothing to report", "")
}

fn setting(args: &RunArgs, plan: &Plan, run: u32, url: &str, same_host: bool) -> Setting {
    Setting {
        run_id: crate::worker::run_name(run),
        command: command(),
        target: target(&plan.scenario, url),
        build: build(),
        trust: trust(args),
        same_host,
    }
}

/// What is under test, at this URL.
pub(super) fn target(scenario: &Scenario, url: &str) -> report::Target {
    // A protocol file has no codec: it says how messages look.
    let native =
        scenario.cohorts.iter().filter(|cohort| matches!(cohort.protocol, Protocol::Native(..)));
    let mut codecs: Vec<String> = native.map(|cohort| cohort.codec.name().to_owned()).collect();
    codecs.dedup();
    report::Target {
        builtin: scenario.target.url.is_none(),
        url: redact_url(url),
        protocol: scenario.target.protocol.name().to_owned(),
        codecs,
    }
}

/// This command line, as reports may show it.
pub(super) fn command() -> Vec<String> {
    // What is no UTF-8 was a path, and is shown as far as it is text.
    redacted_command(std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()))
}

/// This build.
pub(super) fn build() -> Build {
    Build {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: option_env!("UPROAR_COMMIT").map(str::to_owned),
        profile: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
    }
}

fn trust(args: &RunArgs) -> Trust {
    match (args.how.strict, args.how.allow_invalid) {
        (true, _) => Trust::Strict,
        (_, true) => Trust::AllowInvalid,
        _ => Trust::Standard,
    }
}

/// The command line without the values of headers and of the URL's query.
fn redacted_command(arguments: impl Iterator<Item = String>) -> Vec<String> {
    let mut command: Vec<String> = Vec::new();
    for argument in arguments {
        let before = command.last().map(String::as_str);
        let redacted = match (before, argument.split_once('=')) {
            (Some("--header"), _) => redact_header(&argument),
            (Some("--url"), _) => redact_url(&argument),
            (Some("--watch"), Some((what, which))) => format!("{what}={}", redact_url(which)),
            (Some("--set"), Some(setting)) => redact_setting(setting),
            (Some("--param"), Some(param)) => redact_param(param),
            (_, Some(("--header", header))) => format!("--header={}", redact_header(header)),
            (_, Some(("--url", url))) => format!("--url={}", redact_url(url)),
            (_, Some(("--param", param))) => match param.split_once('=') {
                Some(param) => format!("--param={}", redact_param(param)),
                None => argument,
            },
            (_, Some(("--watch", watch))) => match watch.split_once('=') {
                Some((what, which)) => format!("--watch={what}={}", redact_url(which)),
                None => argument,
            },
            (_, Some(("--set", setting))) => match setting.split_once('=') {
                Some(setting) => format!("--set={}", redact_setting(setting)),
                None => argument,
            },
            _ => argument,
        };
        command.push(redacted);
    }
    if let Some(binary) = command.first_mut() {
        let name = Path::new(binary).file_name().map(|name| name.to_string_lossy().into_owned());
        *binary = name.unwrap_or_default();
    }
    command
}

fn redact_header(header: &str) -> String {
    let name = header.split(':').next().unwrap_or_default();
    format!("{name}: [redacted]")
}

/// What is secret by its name; by its value it is taken out of the whole report.
fn redact_param((name, value): (&str, &str)) -> String {
    if is_secret_name(name) { format!("{name}={REDACTED}") } else { format!("{name}={value}") }
}

/// Keys that `--header` and `--url` set too.
fn redact_setting((key, value): (&str, &str)) -> String {
    match key.trim() {
        "target.url" => format!("{key}={}", redact_url(value)),
        // As a table of their own, or one by one.
        name if matches!(name, "target" | "target.watch" | "target.watch.metrics")
            || name.starts_with("target.headers") =>
        {
            format!("{key}=[redacted]")
        }
        _ => format!("{key}={value}"),
    }
}

/// Writes the run's files, prints what was asked for, and gives the exit code.
fn finish(
    args: &RunArgs,
    folder: &Folder,
    report: &Report,
    ledger: Option<&str>,
    refused: Option<&Failure>,
) -> Result<Exit, Failure> {
    let mut files = render_all(report);
    files.push((LEDGER_FILE.to_owned(), Ok(ledger.map(str::to_owned))));
    // Each is tried, even after one has failed: whatever can't be written must not stay from an
    // earlier run.
    let failed: Vec<_> = files
        .into_iter()
        .filter_map(|(name, text)| {
            let why = folder.put(&name, text).err()?;
            Some((name, why))
        })
        .collect();
    let failed = failed.first();
    let path = folder.file(PAGE_FILE).display().to_string();
    let not_written = failed.map(|(name, error)| format!("{name}: {error}"));
    let place = match &not_written {
        Some(why) => Place::NotWritten(why),
        None => Place::At(&path),
    };
    if let Some(refused) = refused {
        refused.print();
    }
    let text = match args.format {
        // What the first client met has been said, with more of it than a summary has.
        OutputFormat::Text if refused.is_some() => where_it_is(place, style()),
        OutputFormat::Text => render(report, place, style()),
        OutputFormat::Json => {
            to_json(report).map_err(|error| internal(format!("the report has no JSON: {error}")))?
        }
        OutputFormat::Md => to_markdown(report),
        OutputFormat::Github => to_annotations(report),
    };
    print::stdout(&text)?;
    let (_, decided) = Evidence::of(report, trust(args)).decide();
    if let Some((name, error)) = failed {
        let path = folder.file(name).display().to_string();
        let message = format!("the report was not written: {path}: {error}");
        let help = "what is printed above is complete; what could be written is in the folder";
        Failure::message(Exit::Internal, message, help).print();
    }
    Ok(exit_after_writing(decided, failed.is_none()))
}

/// As wide as the terminal; whole where stdout is none.
pub(super) fn style() -> Style {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return Style::default();
    }
    let columns = terminal_size::terminal_size().map_or(COLUMNS, |(width, _)| usize::from(width.0));
    Style::terminal(columns, print::has_color(&stdout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_leave_the_command_line() {
        let command = [
            "/usr/local/bin/uproar",
            "run",
            "--header",
            "Authorization: Bearer canary",
            "--header=Cookie: canary",
            "--url",
            "ws://user:canary@host:1/ws?token=canary&v=2",
            "--set",
            "target.headers.Cookie=canary",
            "--set=target.url=ws://host:1/ws?token=canary",
            "--set=seed=7",
            "--watch",
            "metrics=http://user:canary@host:1/metrics?key=canary",
            "--watch=port=8080",
            "--set",
            "target.watch.metrics=[{ url = 'http://host/?key=canary' }]",
            "--seed",
            "7",
        ];
        let redacted = redacted_command(command.iter().map(|&part| part.to_owned()));
        assert_eq!(
            redacted,
            [
                "uproar",
                "run",
                "--header",
                "Authorization: [redacted]",
                "--header=Cookie: [redacted]",
                "--url",
                "ws://host:1/ws?token=[redacted]&v=[redacted]",
                "--set",
                "target.headers.Cookie=[redacted]",
                "--set=target.url=ws://host:1/ws?token=[redacted]",
                "--set=seed=7",
                "--watch",
                "metrics=http://host:1/metrics?key=[redacted]",
                "--watch=port=8080",
                "--set",
                "target.watch.metrics=[redacted]",
                "--seed",
                "7",
            ]
        );
    }
}
