//! The run's loop: prepare, start, merge each second, drain, finish.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::builtin::BuiltinServer;
use super::keeper::{Keeper, Seen};
use super::outcome::{Abort, Outcome, Progress, Run, Stage, Stop};
use super::roll::{Roll, TICK};
use super::watchdog::Watchdog;
use crate::machine::clock::{Clock, micros, unix_ms};
use crate::machine::cores::stand_back;
use crate::machine::cpu::{MachineCpu, ProcessStat, process_cpu_us};
use crate::measure::{Live, Totals};
use crate::worker::{Command, Link, Prepare, Reply, ThreadLink};

/// Replies that wait to be merged: some snapshots a worker.
const REPLIES_MAX: usize = 64;
/// Time for workers to reach their first event together.
const START_AFTER: Duration = Duration::from_millis(50);
/// How long workers may take to get ready, and to let their clients go.
const WORKER_TIMEOUT: Duration = Duration::from_secs(30);
/// Failures of uproar's own that are told one by one.
const BROKEN_MAX: usize = 8;

/// Replies of all workers, each with its number.
type Replies = mpsc::Receiver<(u16, Reply)>;

/// Runs a plan to its end, and lets the built-in server end after it. Progress goes to `progress`;
/// `stop` ends the schedule early.
///
/// # Errors
///
/// When a worker can't be started: then there are no figures worth reporting. What fails later is
/// in the outcome.
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
            |runtime: Runtime| runtime.block_on(on_threads(run, server, keeping, progress, stop));
        // It fails only if nobody waits any more.
        let _ = done.send(runtime.and_then(drive));
    })?;
    outcome.await.map_err(|_| io::Error::other("the coordinator panicked"))?
}

/// With workers that are threads of this process.
async fn on_threads(
    run: Run,
    server: Option<BuiltinServer>,
    keeping: Handle,
    progress: watch::Sender<Progress>,
    stop: watch::Receiver<Stop>,
) -> io::Result<Outcome> {
    let (replies, mut received) = mpsc::channel(REPLIES_MAX);
    let links = prepare(&run, replies, &mut received, ThreadLink::start).await?;
    // Not before the workers' threads are there, which would inherit it.
    stand_back();
    Ok(drive(run, links, received, server.map(|server| (server, keeping)), progress, stop).await)
}

async fn prepare<L: Link>(
    run: &Run,
    replies: mpsc::Sender<(u16, Reply)>,
    received: &mut Replies,
    start: impl Fn(u16, mpsc::Sender<(u16, Reply)>) -> io::Result<L>,
) -> io::Result<Vec<L>> {
    let mut links = Vec::new();
    for worker in 0..run.workers {
        let link = start(worker, replies.clone())?;
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

/// From the start to the end, with workers that are ready.
async fn drive<L: Link>(
    run: Run,
    links: Vec<L>,
    received: Replies,
    server: Option<(BuiltinServer, Handle)>,
    progress: watch::Sender<Progress>,
    mut stop: watch::Receiver<Stop>,
) -> Outcome {
    let machine_before = MachineCpu::now();
    let cpu_before_us = process_cpu_us();
    let epoch = Instant::now() + START_AFTER;
    let started_unix_ms = unix_ms() + START_AFTER.as_millis() as u64;
    let mut drive = Drive::new(run, links, received, epoch);
    drive.tell(&Command::Start { epoch });
    let mut keeper = server.map(|(server, keeping)| {
        let clock = Clock::starting_at(epoch.into_std());
        Keeper::start(server, Arc::clone(&drive.run.plan), clock, &keeping)
    });
    let server_before = look(&mut keeper).await.stat;

    let aborted = drive.schedule(&progress, &mut stop).await;
    let stopped = *stop.borrow();
    let scheduled_us = drive.now_us().min(drive.run.plan.end_us());
    drive.totals.reached(scheduled_us);
    drive.tell(&Command::Drain);
    progress.send_replace(drive.progress(Stage::Draining, drive.now_us()));
    let drain_timed_out = drive.drain(scheduled_us, &mut stop).await;
    drive.totals.finish();
    let duration_us = drive.now_us();
    drive.show(None, duration_us);
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
    drive.tell(&Command::Finish);
    drive.finish(&mut stop).await;
    drive.totals.finish();
    if let Some(keeper) = keeper {
        keeper.stop().await;
    }
    progress.send_replace(drive.progress(Stage::Done, drive.now_us()));
    Outcome {
        stopped,
        aborted,
        broken: drive.broken(),
        totals: drive.totals,
        started_unix_ms,
        scheduled_us,
        duration_us,
        generator_cpu_us,
        server,
        server_ended,
        machine,
        drain_timed_out,
    }
}

/// What the built-in server is like now; nothing of a server that is not ours.
async fn look(keeper: &mut Option<Keeper>) -> Seen {
    match keeper {
        Some(keeper) => keeper.look().await,
        None => Seen::default(),
    }
}

/// What the loop keeps.
struct Drive<L> {
    run: Run,
    links: Vec<L>,
    received: Replies,
    epoch: Instant,
    ticks: Interval,
    ticked: Instant,
    totals: Totals,
    watchdog: Watchdog,
    roll: Roll,
    /// The first failures of uproar's own, and how many there were.
    broken: Vec<String>,
    broken_count: usize,
}

impl<L: Link> Drive<L> {
    fn new(run: Run, links: Vec<L>, received: Replies, epoch: Instant) -> Self {
        let mut totals = Totals::new(Arc::clone(&run.plan), links.len());
        if let Some(lookup_us) = run.lookup_us {
            totals.record_lookup(lookup_us);
        }
        let mut ticks = tokio::time::interval_at(epoch + TICK, TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Self {
            watchdog: Watchdog::new(run.plan.scenario.thresholds.len(), run.strangers_host),
            roll: Roll::new(links.len()),
            totals,
            run,
            links,
            received,
            epoch,
            ticks,
            ticked: epoch,
            broken: Vec::new(),
            broken_count: 0,
        }
    }

    /// Since the run's start; 0 before it.
    fn now_us(&self) -> u64 {
        micros(Instant::now().saturating_duration_since(self.epoch))
    }

    fn tell(&self, command: &Command) {
        self.links.iter().for_each(|link| link.send(command.clone()));
    }

    /// Until the schedule ends, by plan or early; gives what ended it early, if not a signal.
    async fn schedule(
        &mut self,
        progress: &watch::Sender<Progress>,
        stop: &mut watch::Receiver<Stop>,
    ) -> Option<Abort> {
        let schedule_end = self.epoch + Duration::from_micros(self.run.plan.end_us());
        let mut watched = false;
        while stop.borrow_and_update().asked.is_none() {
            if self.broken_count > 0 {
                return Some(Abort::Broken);
            }
            tokio::select! {
                () = tokio::time::sleep_until(schedule_end) => return None,
                changed = stop.changed() => if changed.is_err() { return None },
                reply = self.received.recv() => self.take(reply),
                _ = self.ticks.tick() => {
                    self.call_the_roll();
                    let now_us = self.now_us();
                    self.totals.advance(now_us);
                    self.totals.reached(now_us);
                    if let Some(abort) = self.watchdog.look(&self.totals, now_us) {
                        return Some(abort);
                    }
                    let phase = self.run.plan.phase_at(now_us);
                    progress.send_replace(self.progress(Stage::Phase(phase), now_us));
                    // Merging every histogram takes a while: each second tick is enough.
                    watched = !watched;
                    if watched {
                        self.show(Some(phase), now_us);
                    }
                }
            }
        }
        None
    }

    /// Waits until nothing is on its way any more; true if the time was up first.
    async fn drain(&mut self, began_us: u64, stop: &mut watch::Receiver<Stop>) -> bool {
        let deadline = Instant::now() + self.run.plan.scenario.target.drain_timeout;
        // Each worker's first snapshot since holds what it had at the end, the second what came
        // after.
        self.roll.begin_drain(began_us);
        while self.roll.fewest_drained() < 2 || self.totals.is_waiting() {
            // Asked twice: nothing is waited for but what the workers hold already.
            let asked_twice = stop.borrow_and_update().now && self.roll.fewest_drained() >= 1;
            if asked_twice || self.roll.here().is_empty() {
                return self.totals.is_waiting();
            }
            tokio::select! {
                reply = self.received.recv() => self.take(reply),
                changed = stop.changed() => if changed.is_err() { return self.totals.is_waiting() },
                _ = self.ticks.tick() => self.call_the_roll(),
                () = tokio::time::sleep_until(deadline) => return true,
            }
        }
        false
    }

    /// Waits until every worker has let its clients go.
    async fn finish(&mut self, stop: &mut watch::Receiver<Stop>) {
        let deadline = Instant::now() + WORKER_TIMEOUT;
        while !self.roll.here().is_empty() && !stop.borrow_and_update().now {
            tokio::select! {
                reply = self.received.recv() => self.take(reply),
                changed = stop.changed() => if changed.is_err() { return },
                _ = self.ticks.tick() => self.call_the_roll(),
                () = tokio::time::sleep_until(deadline) => {
                    for worker in self.roll.here() {
                        let took = WORKER_TIMEOUT.as_secs();
                        self.lose(worker, format!("worker {worker} did not end within {took} s"));
                    }
                }
            }
        }
    }

    fn take(&mut self, reply: Option<(u16, Reply)>) {
        let Some((worker, reply)) = reply else {
            for worker in self.roll.here() {
                self.lose(worker, format!("worker {worker} is gone"));
            }
            return;
        };
        self.roll.hear(worker);
        match reply {
            Reply::Snapshot(snapshot) => {
                self.roll.take_snapshot(worker, snapshot.at_us);
                self.totals.take(*snapshot);
            }
            Reply::Finished => self.roll.finish(worker),
            Reply::Ready | Reply::Busy => {}
            Reply::Failed(why) => self.lose(worker, format!("worker {worker} failed: {why}")),
            Reply::ClientsPanicked { first, clients, why } => {
                self.broke(format!("client {first} of worker {worker} panicked: {why}"));
                self.broken_count += (clients as usize).saturating_sub(1);
            }
        }
    }

    /// Notices who has fallen silent.
    fn call_the_roll(&mut self) {
        let now = Instant::now();
        self.roll.tick(now - std::mem::replace(&mut self.ticked, now));
        if self.roll.silent().is_empty() {
            return;
        }
        // What they said may be waiting here.
        for _ in 0..REPLIES_MAX {
            let Ok(reply) = self.received.try_recv() else { break };
            self.take(Some(reply));
        }
        for worker in self.roll.silent() {
            self.lose(worker, format!("worker {worker} fell silent"));
        }
    }

    /// Expects nothing more of a worker.
    fn lose(&mut self, worker: u16, why: String) {
        if self.roll.lose(worker) {
            self.totals.give_up(worker);
            self.broke(why);
        }
    }

    fn broke(&mut self, why: String) {
        self.broken_count += 1;
        if self.broken.len() < BROKEN_MAX {
            self.broken.push(why);
        }
    }

    fn broken(&self) -> Vec<String> {
        let mut broken = self.broken.clone();
        let more = self.broken_count - broken.len();
        if more > 0 {
            broken.push(format!("and {more} more"));
        }
        broken
    }

    fn show(&self, phase: Option<usize>, elapsed_us: u64) {
        if let Some(live) = &self.run.live {
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

#[cfg(test)]
mod tests;
