//! What goes into a run, what it tells meanwhile, and what comes out of it.

use std::sync::Arc;

use tokio::sync::watch;

use crate::client::{DialError, Target};
use crate::machine::clock::unix_ms;
use crate::machine::cpu::{MachineCpu, ProcessStat};
use crate::measure::{ErrorKey, Live, Totals};
use crate::plan::Plan;
use crate::protocol::scope::Captured;
use crate::watch::Watcher;

/// What to run.
#[derive(Debug)]
pub struct Run {
    /// What is to happen.
    pub plan: Arc<Plan>,
    /// Where to dial.
    pub target: Arc<Target>,
    /// By cohort: what the logins that are done once a run captured.
    pub logged_in: Vec<Captured>,
    /// The run's random id.
    pub run: u32,
    /// Worker threads, at least 1.
    pub workers: u16,
    /// The cores they keep to; empty for any.
    pub cores: Vec<usize>,
    /// Whether the host is neither loopback nor private.
    pub strangers_host: bool,
    /// How long the lookup of the host's name took, in microseconds; `None` if there was none.
    pub lookup_us: Option<u64>,
    /// Who looks at the server's machine, if anybody does.
    pub watcher: Option<Watcher>,
    /// Who wants all figures once a second while the run goes on, if anybody.
    pub live: Option<watch::Sender<Live>>,
}

/// Whether a run is to stop before its schedule ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stop {
    /// Who asked first, if anybody: then drain and report.
    pub asked: Option<Signal>,
    /// Asked twice: report without waiting.
    pub now: bool,
}

/// What asks a run to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP.
    Hangup,
}

/// What the run is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Workers get ready.
    #[default]
    Starting,
    /// The schedule runs; the phase as an index.
    Phase(usize),
    /// Waiting for the last messages.
    Draining,
    /// Everything is in.
    Done,
}

/// What a person watching wants to know, once a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// What the run is doing.
    pub stage: Stage,
    /// Since the run's start.
    pub elapsed_us: u64,
    /// Clients joined.
    pub clients_up: u32,
    /// Messages sent in the last full second.
    pub publishes_per_s: u64,
    /// Messages received in the last full second.
    pub deliveries_per_s: u64,
    /// 99th percentile of delivery from due in the last full second.
    pub delivery_p99_us: Option<u64>,
    /// Errors so far.
    pub errors: u64,
}

impl Progress {
    /// By the figures so far.
    pub(super) fn of(totals: &Totals, stage: Stage, elapsed_us: u64) -> Self {
        let points = totals.series.points();
        let width_s = (totals.series.width_us() / 1_000_000).max(1);
        // The last point is still being filled.
        let full = points.len().checked_sub(2).and_then(|at| points.get(at));
        Self {
            stage,
            elapsed_us,
            clients_up: totals.clients_up(),
            publishes_per_s: full.map_or(0, |point| point.publishes / width_s),
            deliveries_per_s: full.map_or(0, |point| point.deliveries / width_s),
            delivery_p99_us: full.and_then(|point| point.delivery.percentile(99.0)),
            errors: totals.errors.total(),
        }
    }
}

/// Everything a run measured.
#[derive(Debug)]
pub struct Outcome {
    /// The figures.
    pub totals: Totals,
    /// Who asked it to stop, if anybody.
    pub stopped: Stop,
    /// Why it was ended early, if it was.
    pub aborted: Option<Abort>,
    /// What of uproar itself failed after the start, worker by worker, the first that happened
    /// first. With any of it the figures are those of a part of the load.
    pub broken: Vec<String>,
    /// Unix time of the run's start in milliseconds.
    pub started_unix_ms: u64,
    /// Until the schedule ended, by plan or early.
    pub scheduled_us: u64,
    /// Until everything was in.
    pub duration_us: u64,
    /// CPU time of this process over the run, where the system tells.
    pub generator_cpu_us: Option<u64>,
    /// The built-in server's figures over the run.
    pub server: Option<ProcessStat>,
    /// Whose machine was watched, in words, if anybody's was; empty where only pages of metrics were.
    pub watched: Option<String>,
    /// How the built-in server ended, if it ended before the run did.
    pub server_ended: Option<String>,
    /// The machine's CPU over the run: busy and stolen shares, where known.
    pub machine: Option<(MachineCpu, MachineCpu)>,
    /// Whether messages were still on their way when the drain's time was up.
    pub drain_timed_out: bool,
}

impl Outcome {
    /// Of a run that never began: its first client did not get in, for this reason.
    #[must_use]
    pub fn refused(plan: &Arc<Plan>, error: &DialError) -> Self {
        let mut totals = Totals::new(Arc::clone(plan), 0);
        let key = ErrorKey { kind: error.kind, detail: error.detail, step: error.step, cohort: 0 };
        totals.errors.record(key, 0, || error.text.clone());
        Self {
            totals,
            stopped: Stop::default(),
            aborted: None,
            broken: Vec::new(),
            started_unix_ms: unix_ms(),
            scheduled_us: 0,
            duration_us: 0,
            generator_cpu_us: None,
            server: None,
            watched: None,
            server_ended: None,
            machine: None,
            drain_timed_out: false,
        }
    }
}

/// Why a run was ended before its schedule.
#[derive(Clone, Debug, PartialEq)]
pub enum Abort {
    /// A threshold with `abort_after` failed for that long.
    Threshold {
        /// Its key, as written.
        key: String,
        /// The figure that ended it: microseconds or a count.
        actual: f64,
    },
    /// Over half of the connects to a host that is not ours failed for ten seconds.
    Unwelcome,
    /// Uproar itself failed: [`Outcome::broken`] says what.
    Broken,
}
