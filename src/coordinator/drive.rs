//! The run's loop: prepare, start, merge each second, drain, finish.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::builtin::BuiltinServer;
use super::crew::{Crew, News, Replies, WORKER_TIMEOUT};
use super::meter::{Cost, Meter};
use super::outcome::{Abort, Outcome, Progress, Run, Stage, Stop};
use super::watchdog::Watchdog;
use crate::machine::clock::{Clock, micros, unix_ms};
use crate::machine::cores::stand_back;
use crate::measure::{Live, Totals};
use crate::watch::Watching;
use crate::worker::{Link, ThreadLink};

/// Time for workers to reach their first event together.
const START_AFTER: Duration = Duration::from_millis(50);

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
    let thread = |worker, replies: Replies| -> io::Result<Box<dyn Link>> {
        Ok(Box::new(ThreadLink::start(worker, replies)?))
    };
    let crew = Crew::muster(&run, thread).await?;
    // Not before the workers' threads are there, which would inherit it.
    stand_back();
    Ok(drive(run, crew, server.map(|server| (server, keeping)), progress, stop).await)
}

/// From the start to the end, with workers that are ready.
async fn drive(
    run: Run,
    crew: Crew,
    server: Option<(BuiltinServer, Handle)>,
    progress: watch::Sender<Progress>,
    stop: watch::Receiver<Stop>,
) -> Outcome {
    let mut drive = Drive::start(run, crew, server, progress, stop).await;
    let aborted = loop {
        if let ControlFlow::Break(aborted) = drive.step().await {
            break aborted;
        }
    };
    let drained = drive.drain().await;
    drive.finish(aborted, drained).await
}

/// A run under way.
struct Drive {
    run: Run,
    crew: Crew,
    meter: Meter,
    progress: watch::Sender<Progress>,
    stop: watch::Receiver<Stop>,
    epoch: Instant,
    started_unix_ms: u64,
    totals: Totals,
    watchdog: Watchdog,
    /// Whose machine is watched, in words, and what is read of it.
    watching: Option<(String, Watching)>,
    /// Whether all figures were shown at the last tick.
    shown: bool,
}

/// What is known when nothing more is listened to.
struct Drained {
    stopped: Stop,
    scheduled_us: u64,
    duration_us: u64,
    timed_out: bool,
    cost: Cost,
}

impl Drive {
    /// Starts the workers together.
    async fn start(
        mut run: Run,
        mut crew: Crew,
        server: Option<(BuiltinServer, Handle)>,
        progress: watch::Sender<Progress>,
        stop: watch::Receiver<Stop>,
    ) -> Self {
        let mut meter = Meter::begin();
        let epoch = Instant::now() + START_AFTER;
        let started_unix_ms = unix_ms() + START_AFTER.as_millis() as u64;
        let mut totals = Totals::new(Arc::clone(&run.plan), crew.len());
        if let Some(lookup_us) = run.lookup_us {
            totals.record_lookup(lookup_us);
        }
        crew.start(epoch);
        let clock = Clock::starting_at(epoch.into_std());
        let watching = run.watcher.take().map(|watcher| (watcher.what(), watcher.start(clock)));
        meter.keep(server, &run.plan, clock).await;
        let watchdog = Watchdog::new(run.plan.scenario.thresholds.len(), run.strangers_host);
        let shown = false;
        Self {
            run,
            crew,
            meter,
            progress,
            stop,
            epoch,
            started_unix_ms,
            totals,
            watchdog,
            watching,
            shown,
        }
    }

    /// Since the run's start; 0 before it.
    fn now_us(&self) -> u64 {
        micros(Instant::now().saturating_duration_since(self.epoch))
    }

    /// Takes in what happens next while the schedule runs. Breaks when it ends, by plan or early, with
    /// what ended it early if nobody asked for it.
    async fn step(&mut self) -> ControlFlow<Option<Abort>> {
        if self.stop.borrow_and_update().asked.is_some() {
            return ControlFlow::Break(None);
        }
        if self.crew.is_broken() {
            return ControlFlow::Break(Some(Abort::Broken));
        }
        let schedule_end = self.epoch + Duration::from_micros(self.run.plan.end_us());
        let news = tokio::select! {
            () = tokio::time::sleep_until(schedule_end) => return ControlFlow::Break(None),
            // Without anybody who could ask, the run is over.
            changed = self.stop.changed() => match changed {
                Ok(()) => return ControlFlow::Continue(()),
                Err(_) => return ControlFlow::Break(None),
            },
            news = self.crew.news() => news,
        };
        let ticked = matches!(news, News::Tick);
        self.crew.take(news, &mut self.totals);
        if ticked { self.look() } else { ControlFlow::Continue(()) }
    }

    /// Brings the figures up to now, and looks whether they end the run.
    fn look(&mut self) -> ControlFlow<Option<Abort>> {
        let now_us = self.now_us();
        self.take_used();
        self.totals.advance(now_us);
        self.totals.reached(now_us);
        if let Some(abort) = self.watchdog.look(&self.totals, now_us) {
            return ControlFlow::Break(Some(abort));
        }
        let phase = self.run.plan.phase_at(now_us);
        self.tell(Stage::Phase(phase), now_us);
        // Merging every histogram takes a while: each second tick is enough.
        self.shown = !self.shown;
        if self.shown {
            self.show(Some(phase), now_us);
        }
        ControlFlow::Continue(())
    }

    /// Takes in what was read of the server's machine.
    fn take_used(&mut self) {
        let Some((_, watching)) = &self.watching else { return };
        watching.take().into_iter().for_each(|used| self.totals.take_used(used));
        self.totals.resources.watching_cpu_us = watching.cpu_us();
    }

    /// Ends the schedule, waits until nothing is on its way any more, and settles everything.
    async fn drain(&mut self) -> Drained {
        let stopped = *self.stop.borrow();
        let scheduled_us = self.now_us().min(self.run.plan.end_us());
        self.totals.reached(scheduled_us);
        self.crew.drain(scheduled_us);
        self.tell(Stage::Draining, self.now_us());
        let timed_out = self.wait_for_messages().await;
        self.take_used();
        self.totals.finish();
        let duration_us = self.now_us();
        self.show(None, duration_us);
        // The figures are complete: what closing the connections costs is not part of the load.
        let cost = self.meter.read().await;
        Drained { stopped, scheduled_us, duration_us, timed_out, cost }
    }

    /// Waits until nothing is on its way any more; true if the time was up first.
    async fn wait_for_messages(&mut self) -> bool {
        let deadline = Instant::now() + self.run.plan.scenario.target.drain_timeout;
        // Each worker's first snapshot since holds what it had at the end, the second what came
        // after.
        while self.crew.fewest_drained() < 2 || self.totals.is_waiting() {
            // Asked twice: nothing is waited for but what the workers hold already.
            let asked_twice = self.stop.borrow_and_update().now && self.crew.fewest_drained() >= 1;
            if asked_twice || self.crew.is_gone() {
                return self.totals.is_waiting();
            }
            tokio::select! {
                news = self.crew.news() => self.crew.take(news, &mut self.totals),
                changed = self.stop.changed() => if changed.is_err() {
                    return self.totals.is_waiting();
                },
                () = tokio::time::sleep_until(deadline) => return true,
            }
        }
        false
    }

    /// Has every worker let its clients go.
    async fn finish(mut self, aborted: Option<Abort>, drained: Drained) -> Outcome {
        self.crew.dismiss();
        self.wait_for_workers().await;
        self.totals.finish();
        self.meter.stop().await;
        self.tell(Stage::Done, self.now_us());
        let Drained { stopped, scheduled_us, duration_us, timed_out, cost } = drained;
        Outcome {
            stopped,
            aborted,
            broken: self.crew.broken(),
            totals: self.totals,
            started_unix_ms: self.started_unix_ms,
            scheduled_us,
            duration_us,
            generator_cpu_us: cost.generator_cpu_us,
            server: cost.server,
            watched: self.watching.map(|(what, _)| what),
            server_ended: cost.server_ended,
            machine: cost.machine,
            drain_timed_out: timed_out,
        }
    }

    /// Waits until every worker is done.
    async fn wait_for_workers(&mut self) {
        let deadline = Instant::now() + WORKER_TIMEOUT;
        while !self.crew.is_gone() && !self.stop.borrow_and_update().now {
            tokio::select! {
                news = self.crew.news() => self.crew.take(news, &mut self.totals),
                changed = self.stop.changed() => if changed.is_err() { return },
                () = tokio::time::sleep_until(deadline) => {
                    self.crew.give_up_waiting(&mut self.totals);
                }
            }
        }
    }

    fn show(&self, phase: Option<usize>, elapsed_us: u64) {
        if let Some(live) = &self.run.live {
            live.send_replace(Live::of(&self.totals, phase, elapsed_us));
        }
    }

    fn tell(&self, stage: Stage, elapsed_us: u64) {
        self.progress.send_replace(Progress::of(&self.totals, stage, elapsed_us));
    }
}

#[cfg(test)]
mod tests;
