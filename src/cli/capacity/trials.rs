//! The trials of a search, one after the other: is the server as it was, a run at the next load, what it
//! came to. Every one of them is written down before the next.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::process::Command;
use tokio::sync::watch;

use super::super::capacity_args::CapacityArgs;
use super::super::child::{self, Ended as RunEnded, Stderr, without};
use super::super::{Failure, print, runs, signals};
use super::ask::Ask;
use crate::capacity::{
    Capacity, Ended, Health, Outcome, Trial, conclude, door, health, is_as_before, judge,
    load_words, progress, reason,
};
use crate::coordinator::{Signal, Stop};
use crate::report::files::REPORT_FILE;
use crate::report::{Exit, Report};
use crate::scenario::Grow;
use crate::search::{Found, Next, Why};
use crate::units::format::seconds;

/// How long a server has to recover, and how long a command has that restores it.
const RECOVERS_WITHIN: Duration = Duration::from_secs(60);

/// Makes trials until the search is over; `written` keeps what is known after each.
pub(super) async fn make(
    args: &CapacityArgs,
    ask: Ask,
    out: &Path,
    written: &dyn Fn(&Capacity) -> Result<(), Failure>,
) -> Result<Capacity, Failure> {
    let stop = signals::follow()
        .map_err(|error| internal(format!("can't listen for signals: {error}")))?;
    let before_s = ask.capacity.took_s;
    let mut course =
        Course { args, ask, out, stop, began: Instant::now(), before_s, bar: bar(args.quiet) };
    loop {
        let ended = match course.step().await? {
            Some(ended) => ended,
            None => {
                course.conclude(&Ended::NotYet);
                written(&course.ask.capacity)?;
                continue;
            }
        };
        course.conclude(&ended);
        course.bar.finish_and_clear();
        return Ok(course.ask.capacity);
    }
}

/// A search under way.
struct Course<'a> {
    args: &'a CapacityArgs,
    ask: Ask,
    out: &'a Path,
    stop: watch::Receiver<Stop>,
    began: Instant,
    /// What the search took before it was continued.
    before_s: f64,
    bar: ProgressBar,
}

impl Course<'_> {
    fn took_s(&self) -> f64 {
        self.before_s + self.began.elapsed().as_secs_f64()
    }

    fn conclude(&mut self, ended: &Ended) {
        self.ask.capacity.took_s = self.took_s();
        let Ask { capacity, search, limit, .. } = &mut self.ask;
        conclude(capacity, search, ended, Some(limit));
    }

    /// Makes the next trial; gives how the search ended where there is none.
    async fn step(&mut self) -> Result<Option<Ended>, Failure> {
        if let Some(exit) = self.stopped() {
            return Ok(Some(Ended::Broken { exit, why: "stopped".to_owned() }));
        }
        let Some((load, why)) = self.next() else {
            let Next::Done(found) = self.ask.search.next() else { return Ok(Some(Ended::TimeUp)) };
            return Ok(Some(Ended::Found(found)));
        };
        if self.ask.is_held_up() {
            return Ok(Some(Ended::Found(Found::Open)));
        }
        let made = self.ask.capacity.trials.len() as u64;
        if made >= self.ask.capacity.goal.trials {
            return Ok(Some(Ended::Found(Found::Open)));
        }
        if made > 0 && self.took_s() + self.ask.trial_s(load) > self.ask.capacity.goal.time_s {
            return Ok(Some(Ended::TimeUp));
        }
        if let Some(ended) = self.recovery().await? {
            return Ok(Some(ended));
        }
        let number = made + 1;
        let of = load_words(self.ask.capacity.goal.grow, load);
        self.bar.set_message(format!("trial {number}, {}: {of}", reason(why)));
        let folder = format!("{number:02}");
        let run = self.run(load, number, &folder, &[]).await?;
        let (exit, report) = match run {
            Run::Report(exit, report) => (exit, *report),
            Run::None(exit, why) => return Ok(Some(Ended::Broken { exit, why })),
        };
        if matches!(exit, Exit::Interrupted | Exit::Terminated | Exit::Internal | Exit::Usage) {
            let why = format!("trial {number} ended: {}", report.verdict.sentence);
            return Ok(Some(Ended::Broken { exit, why }));
        }
        let trial = judge(number, load, &folder, &report);
        if made == 0 && trial.outcome == Outcome::Unreachable {
            return Ok(Some(Ended::Unreachable(trial.why)));
        }
        self.ask.capacity.target.url.clone_from(&report.target.url);
        self.take(trial);
        Ok(None)
    }

    /// A signal that came between two runs.
    fn stopped(&self) -> Option<Exit> {
        self.stop.borrow().asked.map(|signal| match signal {
            Signal::Interrupt => Exit::Interrupted,
            Signal::Terminate | Signal::Hangup => Exit::Terminated,
        })
    }

    /// The next load, and why.
    fn next(&self) -> Option<(f64, Why)> {
        let Ask { capacity, search, .. } = &self.ask;
        let whole = |load: f64| load.round().clamp(capacity.goal.from, capacity.goal.to);
        match door(&capacity.goal, &capacity.trials) {
            Some(door) => door.next.map(|load| (whole(load), Why::Confirm)),
            None => match search.next() {
                Next::Try { load, why } => Some((whole(load), why)),
                Next::Done(_) => None,
            },
        }
    }

    /// Keeps a trial, and tells of it.
    fn take(&mut self, trial: Trial) {
        self.ask.keep(trial.clone());
        let line = {
            let Ask { capacity, search, .. } = &self.ask;
            let known = (!search.made().is_empty()).then(|| search.estimate());
            let left = capacity.goal.time_s - self.took_s();
            let trials = capacity.goal.trials.saturating_sub(trial.number) as f64;
            let left_s = left.min(trials * self.ask.trial_s(trial.load)).max(0.0);
            progress(&capacity.goal, &trial, known, left_s)
        };
        self.tell(&line);
        if trial.outcome != Outcome::Passed {
            self.tell(&format!("  {}", crate::report::escape::escape_terminal(&trial.why, 78)));
        }
    }

    /// Whether the server is as it was; gives how the search ended where it is not. The built-in server is
    /// a new one in each trial.
    async fn recovery(&mut self) -> Result<Option<Ended>, Failure> {
        if self.ask.capacity.target.builtin {
            return Ok(None);
        }
        let from = self.ask.capacity.goal.from;
        let Some(first) = self.ask.capacity.idle else {
            self.bar.set_message("how an idle server answers");
            return match self.probe(from).await? {
                Probed::Health(Health::Well(idle)) => {
                    self.ask.capacity.idle = Some(idle);
                    Ok(None)
                }
                // What is wrong with it the first trial finds out, with thresholds and a report.
                Probed::Health(Health::Ill(_)) => Ok(None),
                Probed::Ended(ended) => Ok(Some(ended)),
            };
        };
        let last = self.ask.capacity.trials.last().map_or(from, |trial| trial.load);
        let mut restored = false;
        let mut since = Instant::now();
        loop {
            self.bar.set_message("is the server as it was?");
            let now = match self.probe(from).await? {
                Probed::Health(now) => now,
                Probed::Ended(Ended::Unreachable(why)) => Health::Ill(why),
                Probed::Ended(ended) => return Ok(Some(ended)),
            };
            let thresholds = &self.ask.capacity.thresholds;
            let Err(why) = is_as_before(first, &now, thresholds) else { return Ok(None) };
            if since.elapsed() < RECOVERS_WITHIN {
                continue;
            }
            if restored || self.ask.restore.is_empty() {
                return Ok(Some(Ended::NotRecovered { load: last, why }));
            }
            let of = load_words(self.ask.capacity.goal.grow, last);
            self.tell(&format!("  the server did not recover from {of}: {why}; restoring it"));
            self.restore().await?;
            restored = true;
            since = Instant::now();
        }
    }

    /// Runs the user's command.
    async fn restore(&mut self) -> Result<(), Failure> {
        let [program, arguments @ ..] = &*self.ask.restore else { return Ok(()) };
        let refused = |why: String| {
            let message = format!("[capacity] restore: {program}: {why}");
            Failure::message(Exit::Usage, message, "run it by hand and see what it says")
        };
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| refused(error.to_string()))?;
        match tokio::time::timeout(RECOVERS_WITHIN, child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(refused(status.to_string())),
            Ok(Err(error)) => Err(refused(error.to_string())),
            Err(_) => Err(refused(format!("not done after {}", seconds(60.0)))),
        }
    }

    /// Looks at the server with a few clients.
    async fn probe(&mut self, from: f64) -> Result<Probed, Failure> {
        let run = self.run(from, 0, "probe", &["--probe"]).await?;
        Ok(match run {
            Run::Report(Exit::Unreachable, report) => {
                Probed::Ended(Ended::Unreachable(report.verdict.sentence.clone()))
            }
            Run::Report(exit @ (Exit::Interrupted | Exit::Terminated), _) => {
                Probed::Ended(Ended::Broken { exit, why: "stopped".to_owned() })
            }
            Run::Report(_, report) => Probed::Health(health(&report)),
            Run::None(exit, why) => Probed::Ended(Ended::Broken { exit, why }),
        })
    }

    /// One run at a load, whose files go into a folder of this name.
    async fn run(
        &self,
        load: f64,
        number: u64,
        folder: &str,
        more: &[&str],
    ) -> Result<Run, Failure> {
        let folder = self.out.join(folder);
        let report = folder.join(REPORT_FILE);
        // One of an earlier part must not be taken for this one's.
        let _ = std::fs::remove_file(&report);
        let arguments = self.arguments(load, number, more);
        let run = child::run(arguments, &folder, Stderr::Kept, self.stop.clone()).await?;
        let RunEnded { exit, told, .. } = run;
        if report.exists() && exit != Exit::Internal {
            return Ok(Run::Report(exit, Box::new(runs::report(&report)?)));
        }
        self.bar.suspend(|| print::stderr(&told));
        let stopped = matches!(exit, Exit::Interrupted | Exit::Terminated);
        let why = if stopped { "stopped" } else { "a trial could not be made" };
        Ok(Run::None(exit, why.to_owned()))
    }

    /// This command line, for one run.
    fn arguments(&self, load: f64, number: u64, more: &[&str]) -> Vec<OsString> {
        let (flags, switches) = CapacityArgs::OWN;
        let grow = self.ask.capacity.goal.grow;
        let (flag, value) = match grow {
            Grow::Clients => ("--clients", format!("{load}")),
            Grow::Rate => ("--rate", format!("{load}/s")),
        };
        let dropped: Vec<&str> = flags.iter().chain(&[flag, "--seed"]).copied().collect();
        let switches: Vec<&str> = match grow {
            Grow::Clients => switches.iter().chain(&["--steady-ramps"]).copied().collect(),
            Grow::Rate => switches.to_vec(),
        };
        let mut arguments = vec!["run".into()];
        // The first two are this program and `capacity`.
        arguments.extend(without(std::env::args_os().skip(2), &dropped, &switches));
        if let (name, false) = self.args.name() {
            arguments.push(name.into());
        }
        arguments.extend([flag, &value, "--quiet"].map(OsString::from));
        if grow == Grow::Clients {
            arguments.push("--steady-ramps".into());
        }
        // Each has another plan: what is special about one seed must not decide all trials.
        let seed = self.ask.seed.wrapping_add(number) & (u64::MAX >> 1);
        arguments.extend(["--seed".into(), seed.to_string().into()]);
        arguments.extend(more.iter().map(OsString::from));
        arguments
    }

    fn tell(&self, line: &str) {
        if !self.args.quiet {
            self.bar.suspend(|| print::stderr(&format!("{line}\n")));
        }
    }
}

/// What a run left.
enum Run {
    Report(Exit, Box<Report>),
    /// No report, and why.
    None(Exit, String),
}

/// What a probe found.
enum Probed {
    Health(Health),
    Ended(Ended),
}

/// Which trial goes on, and for how long; nothing where stderr is no terminal.
fn bar(quiet: bool) -> ProgressBar {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn internal(message: String) -> Failure {
    Failure::message(Exit::Internal, message, "")
}
