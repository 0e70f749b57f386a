//! The workers of a run, whatever they run in: who is still there, what they say, and what of uproar itself
//! failed with them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::outcome::Run;
use super::roll::{Roll, TICK};
use crate::measure::Totals;
use crate::worker::{Command, Link, Prepare, Reply};

/// Replies that wait to be merged: some snapshots a worker.
const REPLIES_MAX: usize = 64;
/// How long workers may take to get ready, and to let their clients go.
pub(super) const WORKER_TIMEOUT: Duration = Duration::from_secs(30);
/// Failures of uproar's own that are told one by one.
pub(super) const BROKEN_MAX: usize = 8;

/// What a worker says, with its number. Any link may say it, from any thread.
pub(super) type Replies = mpsc::Sender<(u16, Reply)>;

/// What happened next.
#[derive(Debug)]
pub(super) enum News {
    /// A worker has said something; `None` if none is left that could.
    Reply(Option<(u16, Reply)>),
    /// It is time to see who has.
    Tick,
}

/// All workers of a run.
pub(super) struct Crew {
    links: Vec<Box<dyn Link>>,
    replies: mpsc::Receiver<(u16, Reply)>,
    roll: Roll,
    ticks: Interval,
    ticked: Instant,
    /// The first failures of uproar's own, and how many there were.
    broken: Vec<String>,
    broken_count: usize,
}

impl Crew {
    /// Starts each worker, and waits until all are ready.
    ///
    /// # Errors
    ///
    /// When one can't be started.
    pub(super) async fn muster(
        run: &Run,
        start: impl Fn(u16, Replies) -> io::Result<Box<dyn Link>>,
    ) -> io::Result<Self> {
        let (replies, mut received) = mpsc::channel(REPLIES_MAX);
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
        let now = Instant::now();
        Ok(Self {
            roll: Roll::new(links.len()),
            links,
            replies: received,
            ticks: ticks_from(now),
            ticked: now,
            broken: Vec::new(),
            broken_count: 0,
        })
    }

    /// How many there are, those that are gone included.
    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    /// Starts all of them at one instant, from which on the roll is called.
    pub(super) fn start(&mut self, epoch: Instant) {
        self.ticks = ticks_from(epoch);
        self.ticked = epoch;
        self.tell(&Command::Start { epoch });
    }

    /// Has them hand over what they have more often: the schedule ended at `at_us`.
    pub(super) fn drain(&mut self, at_us: u64) {
        self.tell(&Command::Drain);
        self.roll.begin_drain(at_us);
    }

    /// Has them let their clients go.
    pub(super) fn dismiss(&self) {
        self.tell(&Command::Finish);
    }

    fn tell(&self, command: &Command) {
        self.links.iter().for_each(|link| link.send(command.clone()));
    }

    /// Waits for what happens next. Dropping the future loses nothing.
    pub(super) async fn news(&mut self) -> News {
        tokio::select! {
            reply = self.replies.recv() => News::Reply(reply),
            _ = self.ticks.tick() => News::Tick,
        }
    }

    /// Takes in what happened.
    pub(super) fn take(&mut self, news: News, totals: &mut Totals) {
        match news {
            News::Reply(reply) => self.hear(reply, totals),
            News::Tick => self.call_the_roll(totals),
        }
    }

    fn hear(&mut self, reply: Option<(u16, Reply)>, totals: &mut Totals) {
        let Some((worker, reply)) = reply else {
            for worker in self.roll.here() {
                self.lose(worker, format!("worker {worker} is gone"), totals);
            }
            return;
        };
        self.roll.hear(worker);
        match reply {
            Reply::Snapshot(snapshot) => {
                self.roll.take_snapshot(worker, snapshot.at_us);
                totals.take(*snapshot);
            }
            Reply::Finished => self.roll.finish(worker),
            Reply::Ready | Reply::Busy => {}
            Reply::Failed(why) => {
                self.lose(worker, format!("worker {worker} failed: {why}"), totals);
            }
            Reply::ClientsPanicked { first, clients, why } => {
                self.broke(format!("client {first} of worker {worker} panicked: {why}"));
                self.broken_count += (clients as usize).saturating_sub(1);
            }
        }
    }

    /// Notices who has fallen silent.
    fn call_the_roll(&mut self, totals: &mut Totals) {
        let now = Instant::now();
        self.roll.tick(now - std::mem::replace(&mut self.ticked, now));
        if self.roll.silent().is_empty() {
            return;
        }
        // What they said may be waiting here.
        for _ in 0..REPLIES_MAX {
            let Ok(reply) = self.replies.try_recv() else { break };
            self.hear(Some(reply), totals);
        }
        for worker in self.roll.silent() {
            self.lose(worker, format!("worker {worker} fell silent"), totals);
        }
    }

    /// Those that have not let their clients go in time.
    pub(super) fn give_up_waiting(&mut self, totals: &mut Totals) {
        for worker in self.roll.here() {
            let took = WORKER_TIMEOUT.as_secs();
            self.lose(worker, format!("worker {worker} did not end within {took} s"), totals);
        }
    }

    /// Expects nothing more of a worker.
    fn lose(&mut self, worker: u16, why: String, totals: &mut Totals) {
        if self.roll.lose(worker) {
            totals.give_up(worker);
            self.broke(why);
        }
    }

    fn broke(&mut self, why: String) {
        self.broken_count += 1;
        if self.broken.len() < BROKEN_MAX {
            self.broken.push(why);
        }
    }

    /// Whether nothing is expected of any of them any more.
    pub(super) fn is_gone(&self) -> bool {
        self.roll.here().is_empty()
    }

    /// The fewest snapshots that one of those still here has handed over since the drain began.
    pub(super) fn fewest_drained(&self) -> u32 {
        self.roll.fewest_drained()
    }

    /// Whether anything of uproar itself has failed.
    pub(super) fn is_broken(&self) -> bool {
        self.broken_count > 0
    }

    /// What failed, the first that happened first.
    pub(super) fn broken(&self) -> Vec<String> {
        let mut broken = self.broken.clone();
        let more = self.broken_count - broken.len();
        if more > 0 {
            broken.push(format!("and {more} more"));
        }
        broken
    }
}

fn ticks_from(start: Instant) -> Interval {
    let mut ticks = tokio::time::interval_at(start + TICK, TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}
