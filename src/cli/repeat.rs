//! `uproar run` of several runs: `--repeat`, `--against`, and several codecs. Each is a process of its
//! own, so that its memory and CPU time are its own; sides take turns, there and back (ABBA), so that
//! what changes slowly on the machine meets them alike.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};

use nix::sys::signal::{Signal as Raw, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use super::args::{CompareFormat, RunArgs};
use super::compare::{Baseline, compared, shown};
use super::folder::default_path;
use super::{Failure, prepare, print, runs, signals};
use crate::compare::{Comparison, Options, Runs, to_html, to_markdown};
use crate::coordinator::Signal;
use crate::metric::Metric;
use crate::report::files::REPORT_FILE;
use crate::report::{Exit, Report};
use crate::units::format::duration_us;

/// Runs of a side that are made if nobody says how many: enough to show a change.
const RUNS: u16 = 5;

/// One side: its name, and what its runs have on their command line besides.
struct Side {
    name: String,
    arguments: Vec<OsString>,
    /// Of the flags that all have, those that this side has otherwise.
    without: &'static [&'static str],
    /// Where its runs lie in the folder of all; the only side's lie there themselves.
    within: Option<String>,
}

impl Side {
    fn folder(&self, out: &Path) -> PathBuf {
        self.within.as_ref().map_or_else(|| out.to_owned(), |within| out.join(within))
    }
}

/// Whether this command line asks for several runs.
pub(super) fn asked(args: &RunArgs) -> bool {
    args.repeat.is_some() || args.against.is_some() || !codecs(args).is_empty()
}

/// Several codecs, if there are several.
fn codecs(args: &RunArgs) -> Vec<&str> {
    let named = args.scenario.codec.as_deref().unwrap_or_default();
    let named: Vec<_> = named.split(',').map(str::trim).collect();
    if named.len() > 1 { named } else { Vec::new() }
}

pub(super) fn run(args: &RunArgs) -> Result<ExitCode, Failure> {
    let sides = sides(args)?;
    // A mistake is told before the first run, and once.
    let mut name = String::new();
    for side in &sides {
        name = prepare::plan(&with_codec(args, &side.name))?.scenario.name;
    }
    let baseline = Baseline::read(&args.baseline)?;
    let out = args.out.clone().unwrap_or_else(|| default_path(&name));
    // Runs of an earlier time beside these would be compared with them.
    if out.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let message = format!("{} is not empty", out.display());
        let help =
            "several runs have a folder of their own: choose a new or empty one with --out DIR";
        return Err(Failure::message(Exit::Usage, message, help));
    }
    let repeat = usize::from(args.repeat.unwrap_or(RUNS));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| internal(format!("can't start: {error}")))?;
    let (reports, exit) = runtime.block_on(all(&sides, repeat, &out, args))?;
    let several = sides.len() > 1;
    let mut written = String::new();
    let mut comparisons = Vec::new();
    let mut decided = exit;
    let mut made = Vec::new();
    for (side, reports) in sides.iter().zip(&reports) {
        if reports.is_empty() {
            continue;
        }
        made.push(Runs { name: side.folder(&out).display().to_string(), reports: reports.clone() });
    }
    let format = CompareFormat::from(args.format);
    let codecs = !codecs(args).is_empty();
    if let Some((base, others)) = made.split_first() {
        // Runs of one side are compared with themselves, which shows how far they lie apart.
        let others = if several { others } else { std::slice::from_ref(base) };
        for new in others {
            let options = Options { any_plan: codecs, any_host: false };
            let comparison = compared(base, new, &args.baseline.how.tolerance, options)?;
            // Which codec is cheaper is told; nobody is worse.
            let comparison = if codecs || !several { told(comparison) } else { comparison };
            written.push_str(&to_markdown(&comparison));
            written.push('\n');
            if format != CompareFormat::Json {
                print::stdout(&format!("{}\n", shown(&comparison, format)?))?;
            }
            if comparison.is_regressed() && decided == Exit::Passed {
                decided = Exit::Failed;
            }
            comparisons.push(comparison);
        }
        if format == CompareFormat::Json {
            let json = serde_json::to_string_pretty(&comparisons)
                .map_err(|error| internal(format!("the comparison has no JSON: {error}")))?;
            print::stdout(&format!("{json}\n"))?;
        }
        let path = out.join("comparison.md");
        std::fs::write(&path, written)
            .map_err(|error| internal(format!("can't write {}: {error}", path.display())))?;
        let path = out.join("comparison.html");
        std::fs::write(&path, to_html(&name, &comparisons))
            .map_err(|error| internal(format!("can't write {}: {error}", path.display())))?;
        // A baseline is of one side: the last, which is the new one.
        if let Some(new) = made.last() {
            decided = baseline.judge(&new.name, &new.reports, decided, format)?;
        }
    }
    Ok(ExitCode::from(decided.code()))
}

fn internal(message: String) -> Failure {
    Failure::message(Exit::Internal, message, "")
}

/// The same comparison, where no figure decides.
fn told(mut comparison: Comparison) -> Comparison {
    comparison.advisory = Some("this tells and decides nothing".to_owned());
    comparison
}

fn sides(args: &RunArgs) -> Result<Vec<Side>, Failure> {
    let codecs = codecs(args);
    if !codecs.is_empty() {
        if args.against.is_some() {
            let message = "--against and several codecs are two comparisons";
            return Err(Failure::message(Exit::Usage, message, "make one, then the other"));
        }
        let side = |codec: &&str| Side {
            name: (*codec).to_owned(),
            arguments: vec!["--codec".into(), (*codec).into()],
            without: &["--codec"],
            within: Some((*codec).to_owned()),
        };
        return Ok(codecs.iter().map(side).collect());
    }
    let side = |name: &str, arguments, without, within: Option<&str>| Side {
        name: name.to_owned(),
        arguments,
        without,
        within: within.map(str::to_owned),
    };
    let Some(url) = &args.against else { return Ok(vec![side("runs", Vec::new(), &[], None)]) };
    let plan = prepare::plan(&args.scenario)?;
    if plan.scenario.target.url.is_none() {
        let message = "--against compares two servers by their URLs, and the target is built in";
        let help = "name the first with --url URL --protocol NAME, the second with --against URL";
        return Err(Failure::message(Exit::Usage, message, help));
    }
    let (arguments, without): (Vec<OsString>, &[&str]) = if args.scenario.target.url.is_some() {
        (vec!["--url".into(), url.into()], &["--url"])
    } else {
        (vec!["--set".into(), format!("target.url={url}").into()], &[])
    };
    let base = side("base", Vec::new(), &[], Some("base"));
    Ok(vec![base, side("new", arguments, without, Some("new"))])
}

/// What is checked before the first run: a list of codecs is none.
fn with_codec(args: &RunArgs, side: &str) -> super::args::ScenarioArgs {
    let mut scenario = args.scenario.clone();
    if !codecs(args).is_empty() {
        scenario.codec = Some(side.to_owned());
    }
    scenario
}

/// The order of one round: there, and the next time back.
fn order(sides: usize, round: usize) -> Vec<usize> {
    let forth = 0..sides;
    if round.is_multiple_of(2) { forth.collect() } else { forth.rev().collect() }
}

/// Makes all runs; gives their reports by side, and the gravest exit code.
async fn all(
    sides: &[Side],
    repeat: usize,
    out: &Path,
    args: &RunArgs,
) -> Result<(Vec<Vec<Report>>, Exit), Failure> {
    let stop = signals::follow()
        .map_err(|error| internal(format!("can't listen for signals: {error}")))?;
    let mut reports: Vec<Vec<Report>> = sides.iter().map(|_| Vec::new()).collect();
    let mut gravest = Exit::Passed;
    let total = repeat * sides.len();
    let mut done = 0;
    for round in 0..repeat {
        for at in order(sides.len(), round) {
            let side = &sides[at];
            let folder = side.folder(out).join(format!("{:02}", round + 1));
            let written = folder.join(REPORT_FILE);
            let mut command = command(side, &folder)?;
            let child =
                command.spawn().map_err(|error| internal(format!("can't start a run: {error}")))?;
            let (status, said) = follow(child, stop.clone()).await?;
            done += 1;
            let exit = exit_of(status);
            let ended = !matches!(exit, Exit::Passed | Exit::Failed | Exit::Invalid);
            if ended {
                // What it said on stderr was seen.
                print::stdout(&said)?;
            }
            if written.exists() {
                let report = runs::report(&written)?;
                if !args.quiet {
                    print::stderr(&line(done, total, &side.name, &report));
                }
                reports[at].push(report);
            }
            gravest = graver(gravest, exit);
            if ended {
                return Ok((reports, gravest));
            }
        }
    }
    Ok((reports, gravest))
}

fn line(done: usize, total: usize, side: &str, report: &Report) -> String {
    let latency = report.latency.get(&Metric::Delivery);
    let told = |us: Option<u64>| us.map_or("-".to_owned(), duration_us);
    let (p50, p99) = latency.map_or((None, None), |latency| (latency.p50, latency.p99));
    format!(
        "run {done} of {total}, {side}: {} delivery p50 {} p99 {}\n",
        report.verdict.state.word(),
        told(p50),
        told(p99)
    )
}

/// This command line, for one run.
fn command(side: &Side, folder: &Path) -> Result<Command, Failure> {
    let binary: PathBuf = std::env::current_exe()
        .map_err(|error| internal(format!("can't find our own binary: {error}")))?;
    let mut command = Command::new(binary);
    let dropped = ["--repeat", "--against", "--out", "--baseline", "--save-baseline", "--format"];
    let dropped: Vec<&str> = dropped.iter().chain(side.without).copied().collect();
    command
        .args(without(std::env::args_os().skip(1), &dropped))
        .args(&side.arguments)
        .arg("--out")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // A signal reaches us, and we hand it on once: a terminal would send it to both.
        .process_group(0)
        .kill_on_drop(true);
    Ok(command)
}

/// The arguments without these flags and their values.
fn without(arguments: impl Iterator<Item = OsString>, flags: &[&str]) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut skips = false;
    for argument in arguments {
        if std::mem::take(&mut skips) {
            continue;
        }
        let text = argument.to_string_lossy();
        if flags.iter().any(|flag| text == *flag) {
            skips = true;
            continue;
        }
        let assigned =
            |flag: &&str| text.strip_prefix(*flag).is_some_and(|rest| rest.starts_with('='));
        if !flags.iter().any(assigned) {
            kept.push(argument);
        }
    }
    kept
}

/// Waits for a run and hands signals on to it; gives what it printed.
async fn follow(
    mut child: Child,
    mut stop: tokio::sync::watch::Receiver<crate::coordinator::Stop>,
) -> Result<(ExitStatus, String), Failure> {
    use tokio::io::AsyncReadExt as _;
    let lost = |error: std::io::Error| internal(format!("a run can't be followed: {error}"));
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let mut stdout = child.stdout.take();
    let mut said = String::new();
    let read = async {
        if let Some(stdout) = &mut stdout {
            // Bounded by the summary, which is.
            let _ = stdout.read_to_string(&mut said).await;
        }
    };
    let wait = async {
        loop {
            tokio::select! {
                status = child.wait() => return status.map_err(lost),
                Ok(()) = stop.changed() => {
                    let raw = match stop.borrow().asked {
                        Some(Signal::Terminate) => Raw::SIGTERM,
                        _ => Raw::SIGINT,
                    };
                    if let Some(pid) = pid {
                        // One that has just ended needs none.
                        let _ = kill(pid, raw);
                    }
                }
            }
        }
    };
    let (status, ()) = tokio::join!(wait, read);
    Ok((status?, said))
}

fn exit_of(status: ExitStatus) -> Exit {
    const ALL: [Exit; 8] = [
        Exit::Passed,
        Exit::Failed,
        Exit::Usage,
        Exit::Invalid,
        Exit::Unreachable,
        Exit::Internal,
        Exit::Interrupted,
        Exit::Terminated,
    ];
    let code = status.code();
    ALL.into_iter().find(|exit| Some(i32::from(exit.code())) == code).unwrap_or(Exit::Internal)
}

/// The order in which exit codes win, the gravest first.
const GRAVEST: [Exit; 8] = [
    Exit::Usage,
    Exit::Internal,
    Exit::Unreachable,
    Exit::Interrupted,
    Exit::Terminated,
    Exit::Invalid,
    Exit::Failed,
    Exit::Passed,
];

fn graver(one: Exit, other: Exit) -> Exit {
    let place = |exit: Exit| GRAVEST.iter().position(|known| *known == exit);
    if place(other) < place(one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_take_turns_there_and_back() {
        let rounds: Vec<_> = (0..4).flat_map(|round| order(2, round)).collect();
        assert_eq!(rounds, [0, 1, 1, 0, 0, 1, 1, 0]);
        assert_eq!((order(3, 0), order(3, 1)), (vec![0, 1, 2], vec![2, 1, 0]));
    }

    #[test]
    fn a_run_of_several_has_the_command_line_but_for_what_makes_several() {
        let given =
            ["run", "a.toml", "--repeat", "5", "--out=x", "--codec", "json,cbor", "--seed", "3"];
        let kept = without(given.iter().map(OsString::from), &["--repeat", "--out", "--codec"]);
        assert_eq!(kept, ["run", "a.toml", "--seed", "3"]);
    }

    #[test]
    fn the_gravest_exit_code_wins() {
        assert_eq!(graver(Exit::Failed, Exit::Invalid), Exit::Invalid);
        assert_eq!(graver(Exit::Invalid, Exit::Failed), Exit::Invalid);
        assert_eq!(graver(Exit::Passed, Exit::Failed), Exit::Failed);
        assert_eq!(graver(Exit::Usage, Exit::Internal), Exit::Usage);
    }
}
