//! Watches the server under test while a run goes on: what its processes use, by the kernel, and what it
//! tells itself. A thread of its own reads, so that a page that does not answer holds up nobody.
//!
//! Readings only. What they come to is `measure`'s, what was full `report`'s.

mod follow;
mod glances;
mod page;
mod sampler;
mod scrape;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::machine::clock::Clock;
use crate::measure::Used;
use crate::scenario::{Watch, Whom};
use follow::Follow;
pub use page::fuzz;
use sampler::Sampler;
use scrape::Scraper;

/// Stretches that wait to be taken; a run that takes none for so long is stuck, and further ones are dropped.
const WAITING_MAX: usize = 600;

/// Whose figures are read.
#[derive(Clone, Debug)]
pub enum Of {
    /// Processes of this machine, as the scenario names them.
    Named(Whom),
    /// The built-in server: its process, which may be another after a while; 0 while there is none.
    Own(Arc<AtomicU32>),
    /// Nobody's: only pages are read.
    Nobody,
}

/// A target that can be watched: looked at once already, by a thread that waits for the run.
#[derive(Debug)]
pub struct Watcher {
    what: String,
    begin: Sender<Clock>,
    watching: Watching,
}

/// Watching under way. Dropped, it ends.
#[derive(Debug)]
pub struct Watching {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

/// What the threads share.
#[derive(Debug, Default)]
struct State {
    ended: AtomicBool,
    waiting: Mutex<Vec<Used>>,
    cpu_us: AtomicU64,
}

impl State {
    fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
        of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    /// Looks whether what is to be watched is there and may be read; `None` where nothing is to be.
    ///
    /// # Errors
    ///
    /// In words: what is not there, or may not be read, and what to do.
    pub fn of(of: Of, watch: &Watch) -> Result<Option<Self>, String> {
        if matches!(of, Of::Nobody) && watch.metrics.is_empty() {
            return Ok(None);
        }
        let follow = Follow::of(of)?;
        let mut scrapers = Vec::new();
        for page in &watch.metrics {
            scrapers.push(Scraper::of(&page.url, &page.take)?);
        }
        let what = follow.what();
        let (begin, begins) = channel();
        let watching = Watching::start(Sampler::new(follow), scrapers, begins)
            .map_err(|error| format!("can't start a thread to watch the server: {error}"))?;
        Ok(Some(Self { what, begin, watching }))
    }

    /// What is watched, in words: `process 4711 (node)`; empty where only pages are.
    #[must_use]
    pub fn what(&self) -> String {
        self.what.clone()
    }

    /// Begins, on the run's clock.
    #[must_use]
    pub fn start(self, clock: Clock) -> Watching {
        // It fails only if the thread panicked, which was printed, and then nothing is read.
        let _ = self.begin.send(clock);
        self.watching
    }
}

impl Watching {
    fn start(
        mut sampler: Sampler,
        scrapers: Vec<Scraper>,
        begins: Receiver<Clock>,
    ) -> io::Result<Self> {
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        let mut pages = Vec::new();
        for scraper in scrapers {
            pages.push(scraper.start()?);
        }
        let thread = std::thread::Builder::new().name("watch".to_owned()).spawn(move || {
            // Nobody begins where the run never did.
            let Ok(clock) = begins.recv() else { return };
            let is_ended = || shared.ended.load(Ordering::Acquire);
            sampler.run(clock, &pages, is_ended, |used, cpu_us| {
                let mut waiting = State::lock(&shared.waiting);
                if waiting.len() < WAITING_MAX {
                    waiting.push(used);
                }
                shared.cpu_us.store(cpu_us, Ordering::Relaxed);
            });
        })?;
        Ok(Self { state, thread: Some(thread) })
    }

    /// What was read since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<Used> {
        std::mem::take(&mut *State::lock(&self.state.waiting))
    }

    /// CPU time that watching took so far, in microseconds, pages left out.
    #[must_use]
    pub fn cpu_us(&self) -> u64 {
        self.state.cpu_us.load(Ordering::Relaxed)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // Its panic would have been printed; there is nothing else to be told of it.
            let _ = thread.join();
        }
    }
}
