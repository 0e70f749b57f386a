//! The run's loop: prepare, start, merge each second, drain, finish.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};

use super::builtin::BuiltinServer;
use super::keeper::{Keeper, Seen};
use super::watchdog::{Abort, Watchdog};
use crate::client::Target;
use crate::machine::clock::{Clock, unix_ms};
use crate::machine::cores::stand_back;
use crate::machine::cpu::{MachineCpu, ProcessStat, process_cpu_us};
use crate::measure::{Live, Totals};
use crate::plan::Plan;
use crate::protocol::scope::Captured;
use crate::worker::{Command, Link, Prepare, Reply, ThreadLink};

/// Replies that wait to be merged: some snapshots a worker.
const REPLIES_MAX: usize = 64;
/// Time for workers to reach their first event together.
const START_AFTER: Duration = Duration::from_millis(50);
/// How long workers may take to get ready, and to hand over their last snapshot.
const WORKER_TIMEOUT: Duration = Duration::from_secs(30);

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

/// Everything a run measured.
#[derive(Debug)]
pub struct Outcome {
    /// The figures.
    pub totals: Totals,
    /// Who asked it to stop, if anybody.
    pub stopped: Stop,
    /// Why it was ended early, if it was.
    pub aborted: Option<Abort>,
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
    /// How the built-in server ended, if it ended before the run did.
    pub server_ended: Option<String>,
    /// The machine's CPU over the run: busy and stolen shares, where known.
    pub machine: Option<(MachineCpu, MachineCpu)>,
    /// Whether messages were still on their way when the drain's time was up.
    pub drain_timed_out: bool,
}

/// Runs a plan to its end, and lets the built-in server end after it. Progress goes to `progress`;
/// `stop` ends the schedule early.
///
/// # Errors
///
/// When a worker can't be started or fails: then there are no figures worth reporting.
pub async fn run(
    run: Run,
    server: Option<BuiltinServer>,
    progress: watch::Sender<Progress>,
    stop: watch::Receiver<Stop>,
) -> io::Result<Outcome> {
    // Merging and settling take milliseconds at a time, which a worker or the server on the same
    // core would be late by: a thread of its own, which lets them go first. Children that the
    // keeper starts must not inherit that, so it stays on this one.
    let keeping = Handle::current();
    let (done, outcome) = oneshot::channel();
    std::thread::Builder::new().name("coordinator".to_owned()).spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build();
        let drive =
            |runtime: Runtime| runtime.block_on(drive(run, server, keeping, progress, stop));
        // It fails only if nobody waits any more.
        let _ = done.send(runtime.and_then(drive));
    })?;
    outcome.await.map_err(|_| io::Error::other("the coordinator panicked"))?
}

async fn drive(
    run: Run,
    server: Option<BuiltinServer>,
    keeping: Handle,
    progress: watch::Sender<Progress>,
    mut stop: watch::Receiver<Stop>,
) -> io::Result<Outcome> {
    let (replies, mut received) = mpsc::channel(REPLIES_MAX);
    let links = prepare(&run, &replies, &mut received).await?;
    drop(replies);
    // Not before the workers' threads are there, which would inherit it.
    stand_back();
    let mut drive = Drive {
        totals: Totals::new(Arc::clone(&run.plan), links.len()),
        watchdog: Watchdog::new(run.plan.scenario.thresholds.len(), run.strangers_host),
        finished: 0,
    };
    if let Some(lookup_us) = run.lookup_us {
        drive.totals.record_lookup(lookup_us);
    }
    let machine_before = MachineCpu::now();
    let cpu_before_us = process_cpu_us();
    let epoch = Instant::now() + START_AFTER;
    let clock = Clock::starting_at(epoch.into_std());
    let started_unix_ms = unix_ms() + START_AFTER.as_millis() as u64;
    links.iter().for_each(|link| link.send(Command::Start { epoch }));

    let schedule_end = epoch + Duration::from_micros(run.plan.end_us());
    let mut keeper =
        server.map(|server| Keeper::start(server, Arc::clone(&run.plan), clock, &keeping));
    let server_before = look(&mut keeper).await.stat;
    let mut aborted = None;
    let mut watched = false;
    let mut tick =
        tokio::time::interval_at(epoch + Duration::from_millis(500), Duration::from_millis(500));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while aborted.is_none() && stop.borrow_and_update().asked.is_none() {
        tokio::select! {
            () = tokio::time::sleep_until(schedule_end) => break,
            changed = stop.changed() => if changed.is_err() { break },
            reply = received.recv() => drive.take(reply)?,
            _ = tick.tick() => {
                let now_us = clock.now_us();
                drive.totals.advance(now_us);
                drive.totals.reached(now_us);
                aborted = drive.watchdog.look(&drive.totals, now_us);
                let phase = run.plan.phase_at(now_us);
                progress.send_replace(drive.progress(Stage::Phase(phase), now_us));
                // Merging every histogram takes a while: each second tick is enough.
                watched = !watched;
                if watched {
                    drive.show(&run, Some(phase), now_us);
                }
            }
        }
    }
    let stopped = *stop.borrow();
    let scheduled_us = clock.now_us().min(run.plan.end_us());
    drive.totals.reached(scheduled_us);
    links.iter().for_each(|link| link.send(Command::Drain));
    progress.send_replace(drive.progress(Stage::Draining, clock.now_us()));
    let drain_timed_out =
        drive.drain(&run, links.len(), scheduled_us, &mut received, &mut stop).await?;
    drive.totals.finish();
    let duration_us = clock.now_us();
    drive.show(&run, None, duration_us);
    // The figures are complete: what closing the connections costs is not part of the load.
    let generator_cpu_us = process_cpu_us()
        .zip(cpu_before_us)
        .map(|(now_us, before_us)| now_us.saturating_sub(before_us));
    let machine = machine_before.zip(MachineCpu::now());
    let Seen { stat, ended: server_ended } = look(&mut keeper).await;
    let server = server_before.zip(stat).map(|(before, after)| ProcessStat {
        cpu_us: after.cpu_us.saturating_sub(before.cpu_us),
        ..after
    });
    links.iter().for_each(|link| link.send(Command::Finish));
    let deadline = Instant::now() + WORKER_TIMEOUT;
    while drive.finished < links.len() && !stop.borrow().now {
        tokio::select! {
            reply = received.recv() => drive.take(reply)?,
            _ = stop.changed() => {}
            () = tokio::time::sleep_until(deadline) => {
                return Err(io::Error::other(format!("a worker did not end within {WORKER_TIMEOUT:?}")));
            }
        }
    }
    drive.totals.finish();
    if let Some(keeper) = keeper {
        keeper.stop().await;
    }
    progress.send_replace(drive.progress(Stage::Done, clock.now_us()));
    Ok(Outcome {
        totals: drive.totals,
        stopped,
        aborted,
        started_unix_ms,
        scheduled_us,
        duration_us,
        generator_cpu_us,
        server,
        server_ended,
        machine,
        drain_timed_out,
    })
}

/// What the built-in server is like now; nothing of a server that is not ours.
async fn look(keeper: &mut Option<Keeper>) -> Seen {
    match keeper {
        Some(keeper) => keeper.look().await,
        None => Seen::default(),
    }
}

async fn prepare(
    run: &Run,
    replies: &mpsc::Sender<(u16, Reply)>,
    received: &mut mpsc::Receiver<(u16, Reply)>,
) -> io::Result<Vec<ThreadLink>> {
    let mut links = Vec::new();
    for worker in 0..run.workers {
        let link = ThreadLink::start(worker, replies.clone())?;
        link.send(Command::Prepare(Box::new(Prepare {
            plan: Arc::clone(&run.plan),
            target: Arc::clone(&run.target),
            logged_in: run.logged_in.clone(),
            run: run.run,
            worker,
            workers: run.workers,
            cores: run.cores.clone(),
        })));
        links.push(link);
    }
    for _ in &links {
        let reply = tokio::time::timeout(WORKER_TIMEOUT, received.recv())
            .await
            .map_err(|_| io::Error::other(format!("no worker within {WORKER_TIMEOUT:?}")))?;
        if let Some((worker, Reply::Failed(why))) = reply {
            return Err(io::Error::other(format!("worker {worker} can't start: {why}")));
        }
    }
    Ok(links)
}

/// What the loop keeps.
struct Drive {
    totals: Totals,
    watchdog: Watchdog,
    finished: usize,
}

impl Drive {
    fn take(&mut self, reply: Option<(u16, Reply)>) -> io::Result<()> {
        match reply {
            Some((_, Reply::Snapshot(snapshot))) => self.totals.take(*snapshot),
            Some((_, Reply::Finished)) => self.finished += 1,
            Some((_, Reply::Ready)) => {}
            Some((worker, Reply::Failed(why))) => {
                return Err(io::Error::other(format!("worker {worker} failed: {why}")));
            }
            None => return Err(io::Error::other("every worker is gone")),
        }
        Ok(())
    }

    /// Waits until nothing is on its way any more; true if the time was up first.
    async fn drain(
        &mut self,
        run: &Run,
        workers: usize,
        began_us: u64,
        received: &mut mpsc::Receiver<(u16, Reply)>,
        stop: &mut watch::Receiver<Stop>,
    ) -> io::Result<bool> {
        let deadline = Instant::now() + run.plan.scenario.target.drain_timeout;
        // Each worker's first snapshot since holds what it had at the end, the second what came
        // after.
        let mut snapshots = vec![0_u32; workers];
        while snapshots.iter().any(|taken| *taken < 2) || self.totals.is_waiting() {
            // Asked twice: nothing is waited for but what the workers hold already.
            if stop.borrow_and_update().now && snapshots.iter().all(|taken| *taken >= 1) {
                return Ok(self.totals.is_waiting());
            }
            tokio::select! {
                reply = received.recv() => {
                    if let Some((worker, Reply::Snapshot(snapshot))) = &reply
                        && snapshot.at_us >= began_us
                        && let Some(taken) = snapshots.get_mut(usize::from(*worker))
                    {
                        *taken += 1;
                    }
                    self.take(reply)?;
                }
                changed = stop.changed() => {
                    if changed.is_err() {
                        return Ok(self.totals.is_waiting());
                    }
                }
                () = tokio::time::sleep_until(deadline) => return Ok(true),
            }
        }
        Ok(false)
    }

    fn show(&self, run: &Run, phase: Option<usize>, elapsed_us: u64) {
        if let Some(live) = &run.live {
            live.send_replace(Live::of(&self.totals, phase, elapsed_us));
        }
    }

    fn progress(&self, stage: Stage, elapsed_us: u64) -> Progress {
        let points = self.totals.series.points();
        let width_s = (self.totals.series.width_us() / 1_000_000).max(1);
        // The last point is still being filled.
        let full = points.len().checked_sub(2).and_then(|at| points.get(at));
        Progress {
            stage,
            elapsed_us,
            clients_up: self.totals.clients_up(),
            publishes_per_s: full.map_or(0, |point| point.publishes / width_s),
            deliveries_per_s: full.map_or(0, |point| point.deliveries / width_s),
            delivery_p99_us: full.and_then(|point| point.delivery.percentile(99.0)),
            errors: self.totals.errors.total(),
        }
    }
}
