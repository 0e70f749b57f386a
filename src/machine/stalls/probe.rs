//! The probes: a thread on each core that sleeps and says how late it woke, and one that names neighbours.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::asleep::Asleep;
use super::beats::Beats;
use super::clocks;
use super::freeze::{Freeze, Look};
use super::kept::{Kept, LONGEST, Probed, Stall, Stalls};
use super::layer::Layer;
use super::neighbours::Neighbours;
use super::schedstat::RunDelay;
use super::sleeper::Sleeper;
use super::spent::Spent;
use super::split::{Parts, Seen, split};
use super::stat::State;
use super::throttle::Throttle;
use super::watched::Watched;
use crate::machine::clock::Clock;
use crate::machine::{cores, host};

/// Lateness from which a wake is a stall, in microseconds.
pub const STALL_US: u64 = 1_000;

/// Between two beats where there are cores to spare, and where one or two are all there is.
const PERIOD_US: u64 = 1_000;
const PERIOD_OF_FEW_US: u64 = 5_000;
const FEW_CORES: u32 = 2;

/// How often what changes slowly is read: the cgroup's account, the probe's own CPU time.
const SLOW_US: u64 = 100_000;

/// How often neighbours are looked at; and no more often than that it takes this part of a core.
const LOOK: Duration = Duration::from_secs(1);
const LOOK_PART: u64 = 100;

const SUSPENDED: &str = "the machine was suspended";
const SERVER_STOPPED: &str = "stopped";

/// Probes at work. Dropped, they end.
#[derive(Debug)]
pub struct Probe {
    shared: Arc<Shared>,
    probes: Vec<JoinHandle<()>>,
    namer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    watched: Arc<Watched>,
    beats: Arc<Beats>,
    kept: Mutex<Kept>,
    ended: AtomicBool,
    /// Ends the thread that names, which is after the probes.
    named: (Mutex<bool>, Condvar),
    cores: Vec<usize>,
    /// A place for each core and one for the thread that names.
    threads: Vec<OfThread>,
}

/// What is told of one of the threads.
#[derive(Debug, Default)]
struct OfThread {
    cpu_us: AtomicU64,
    first_us: AtomicU64,
    last_us: AtomicU64,
}

impl Probe {
    /// Probes each of these cores from now on, on a clock whose start has passed. The first also
    /// looks at the server and at the machine's sleep.
    ///
    /// Best effort: a core whose thread can't be started is not in the result, and where the system
    /// places no threads a probe is anywhere. The period is [`Beats::period_us`].
    #[must_use]
    pub fn start(cores: &[usize], clock: Clock, watched: Arc<Watched>) -> Self {
        let mut cores = cores.to_vec();
        cores.sort_unstable();
        cores.dedup();
        let few = host::cores() <= FEW_CORES;
        let period_us = if few { PERIOD_OF_FEW_US } else { PERIOD_US };
        let shared = Arc::new(Shared {
            clock,
            watched,
            beats: Arc::new(Beats::new(&cores, period_us)),
            kept: Mutex::default(),
            ended: AtomicBool::new(false),
            named: (Mutex::new(false), Condvar::new()),
            threads: (0..=cores.len()).map(|_| OfThread::default()).collect(),
            cores,
        });
        let mut probes = Vec::with_capacity(shared.cores.len());
        for (place, &core) in shared.cores.iter().enumerate() {
            shared.beats.beat(core, clock.now_us());
            let own = Arc::clone(&shared);
            let started = Builder::new()
                .name(format!("stalls-{core}"))
                .spawn(move || CoreProbe::of_this_thread(&own, place, core).run());
            match started {
                Ok(probe) => probes.push(probe),
                Err(_) => shared.beats.end_of(core),
            }
        }
        let own = Arc::clone(&shared);
        let namer = Builder::new().name("stalls-names".to_owned()).spawn(move || own.name());
        Self { shared, probes, namer: namer.ok() }
    }

    /// What the hot path may ask.
    #[must_use]
    pub fn beats(&self) -> Arc<Beats> {
        Arc::clone(&self.shared.beats)
    }

    /// CPU time that all of this took so far, in microseconds, as of up to a second ago.
    #[must_use]
    pub fn cpu_us(&self) -> u64 {
        self.shared.threads.iter().map(|thread| thread.cpu_us.load(Ordering::Relaxed)).sum()
    }

    /// Ends the probes, within a period, and gives what they found.
    #[must_use]
    pub fn finish(mut self) -> Stalls {
        let cores = self.end();
        let mut stalls = self.shared.kept().finish();
        stalls.probed = cores;
        stalls.period_us = self.shared.beats.period_us();
        stalls.cpu_us = self.cpu_us();
        stalls
    }

    fn end(&mut self) -> Vec<Probed> {
        self.shared.ended.store(true, Ordering::Relaxed);
        for probe in self.probes.drain(..) {
            // It has no way to panic; if it did, the others are told of.
            let _ = probe.join();
        }
        *lock(&self.shared.named.0) = true;
        self.shared.named.1.notify_all();
        if let Some(namer) = self.namer.take() {
            let _ = namer.join();
        }
        let threads = self.shared.cores.iter().zip(&self.shared.threads);
        let probed = threads.map(|(&core, thread)| {
            let [first_us, last_us] =
                [&thread.first_us, &thread.last_us].map(|us| us.load(Ordering::Relaxed));
            Probed { core, probed_us: last_us.saturating_sub(first_us) }
        });
        probed.filter(|core| core.probed_us > 0).collect()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }

    fn spent(&self, place: usize) {
        if let Some((thread, cpu_us)) = self.threads.get(place).zip(clocks::of_this_thread()) {
            thread.cpu_us.store(cpu_us, Ordering::Relaxed);
        }
    }

    /// The thread that names neighbours.
    fn name(&self) {
        cores::stand_back();
        let _registered = self.watched.register();
        let mut neighbours = Neighbours::default();
        let mut ended = false;
        let mut last_us = self.clock.now_us();
        loop {
            let before_us = clocks::of_this_thread();
            let now_us = self.clock.now_us();
            let but = [std::process::id(), self.watched.server_pid()];
            if let Some(cause) = neighbours.look(now_us, but) {
                self.kept().name(last_us, &cause);
            }
            last_us = now_us;
            self.spent(self.threads.len() - 1);
            if ended {
                return;
            }
            let took = clocks::of_this_thread().zip(before_us).map_or(0, |(now, then)| now - then);
            let wait = LOOK.max(Duration::from_micros(took.saturating_mul(LOOK_PART)));
            let wait = self.named.1.wait_timeout_while(lock(&self.named.0), wait, |end| !*end);
            ended = wait.map_or(true, |(end, _)| *end);
        }
    }
}

/// One core's probe, on its own thread.
struct CoreProbe<'a> {
    shared: &'a Shared,
    place: usize,
    core: usize,
    sleeper: Sleeper,
    delay: RunDelay,
    throttle: Throttle,
    spent: Spent,
    /// See [`Sleeper::left_core`], at the last wake.
    left_core: Option<u64>,
    /// The first probe looks after what is no core's.
    whole: Option<Whole>,
    /// Found and not handed over: another thread held the lock.
    waiting: Vec<(Stall, Parts)>,
}

/// What is no core's.
#[derive(Default)]
struct Whole {
    asleep: Asleep,
    server: State,
    freeze: Freeze,
}

impl<'a> CoreProbe<'a> {
    fn of_this_thread(shared: &'a Shared, place: usize, core: usize) -> Self {
        cores::keep_to(&[core]);
        Self {
            shared,
            place,
            core,
            sleeper: Sleeper::of_this_thread(shared.clock),
            delay: RunDelay::of_this_thread(),
            throttle: Throttle::of_this_process(),
            spent: Spent::default(),
            left_core: Sleeper::left_core(),
            whole: (place == 0).then(Whole::default),
            waiting: Vec::new(),
        }
    }

    fn run(mut self) {
        let Some(told) = self.shared.threads.get(self.place) else { return };
        let period_us = self.shared.beats.period_us();
        let mut last_us = self.shared.clock.now_us();
        let mut slow_us = last_us;
        let mut due_us = last_us + period_us;
        told.first_us.store(last_us, Ordering::Relaxed);
        while !self.shared.ended.load(Ordering::Relaxed) {
            let (now_us, sleeps) = self.sleeper.until(due_us);
            let queued_us = self.delay.since_last_us();
            let left_core = Sleeper::left_core();
            if now_us - due_us >= STALL_US {
                let left = left_core.zip(self.left_core);
                let stopped = left.is_some_and(|(now, before)| now > before + sleeps);
                self.late(now_us, due_us, queued_us, stopped);
                // What it waited for meanwhile was not within a sleep.
                self.left_core = Sleeper::left_core();
            } else {
                self.left_core = left_core;
                self.spent.on_time(&self.shared.watched, self.core, now_us);
            }
            self.look_at_the_whole(now_us, last_us);
            self.shared.beats.beat(self.core, now_us);
            told.last_us.store(now_us, Ordering::Relaxed);
            self.hand_over(false);
            if now_us >= slow_us + SLOW_US {
                slow_us = now_us;
                let _ = self.throttle.since_last_us();
                self.shared.spent(self.place);
            }
            last_us = now_us;
            let next_us = due_us + period_us;
            due_us = if next_us > now_us { next_us } else { now_us + period_us };
        }
        self.end_of_freeze(last_us);
        self.hand_over(true);
        self.shared.beats.end_of(self.core);
        self.shared.spent(self.place);
    }

    fn late(&mut self, now_us: u64, due_us: u64, queued_us: Option<u64>, stopped: bool) {
        let watched = &self.shared.watched;
        let (own_us, server_us) = self.spent.late(watched, self.core, now_us, due_us);
        let parts = split(Seen {
            late_us: now_us - due_us,
            queued_us,
            stopped,
            throttled_us: self.throttle.since_last_us(),
            own_us,
            server_us,
        });
        let stall = Stall {
            start_us: due_us,
            length_us: now_us - due_us,
            core: Some(self.core),
            layer: parts.layer(),
            cause: parts.cause.map(str::to_owned),
        };
        self.found(stall, parts, now_us);
    }

    fn look_at_the_whole(&mut self, now_us: u64, last_us: u64) {
        let Some(whole) = &mut self.whole else { return };
        let asleep_us = whole.asleep.since_last_us();
        let pid = self.shared.watched.server_pid();
        let stopped = pid != 0 && whole.server.is_stopped(pid).unwrap_or(false);
        let look = whole.freeze.look(now_us, stopped);
        if asleep_us > 0 {
            self.found_whole(Layer::ThisMachine, SUSPENDED, (last_us, asleep_us), now_us);
        }
        match look {
            Look::Stopped { for_us } if for_us >= STALL_US => {
                self.shared.beats.stalled(Some(Layer::Server), now_us);
            }
            Look::Ended { start_us, length_us } if length_us >= STALL_US => {
                let stretch = (start_us, length_us);
                self.found_whole(Layer::Server, SERVER_STOPPED, stretch, now_us);
            }
            _ => {}
        }
    }

    /// A server that is still stopped when the probe ends.
    fn end_of_freeze(&mut self, last_us: u64) {
        let look = self.whole.as_mut().map(|whole| whole.freeze.look(last_us, false));
        if let Some(Look::Ended { start_us, length_us }) = look
            && length_us >= STALL_US
        {
            self.found_whole(Layer::Server, SERVER_STOPPED, (start_us, length_us), last_us);
        }
    }

    fn found_whole(&mut self, layer: Layer, cause: &str, stretch: (u64, u64), now_us: u64) {
        let (start_us, length_us) = stretch;
        let cause = Some(cause.to_owned());
        let stall = Stall { start_us, length_us, core: None, layer: Some(layer), cause };
        self.found(stall, Parts::whole(layer, length_us), now_us);
    }

    fn found(&mut self, stall: Stall, parts: Parts, now_us: u64) {
        self.shared.beats.stalled(stall.layer, now_us);
        self.waiting.push((stall, parts));
    }

    /// A probe that waited for a lock would be late by it: it waits only for the last ones.
    fn hand_over(&mut self, last: bool) {
        if self.waiting.is_empty() {
            return;
        }
        let free = self.shared.kept.try_lock().ok();
        let must = last || self.waiting.len() >= LONGEST;
        let Some(mut kept) = free.or_else(|| must.then(|| self.shared.kept())) else { return };
        for (stall, parts) in self.waiting.drain(..) {
            kept.add(stall, parts);
        }
    }
}
