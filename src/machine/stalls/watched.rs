//! Who is known by name on these cores: uproar's own threads, and the server under test.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering};

/// Threads of uproar that are told apart from other programs. What a further one does counts as
/// another program's.
pub const OWN_THREADS: usize = 256;

/// Shared by those who register themselves and the probes that look.
#[derive(Debug)]
pub struct Watched {
    server_pid: AtomicU32,
    server_cores: Vec<usize>,
    /// Thread ids; 0 is a free place.
    own: Vec<AtomicI32>,
    /// Places that were ever taken.
    used: AtomicUsize,
}

impl Watched {
    /// Nobody yet. The server, once there is one, runs on these cores; on any if there are none.
    #[must_use]
    pub fn new(server_cores: &[usize]) -> Arc<Self> {
        Arc::new(Self {
            server_pid: AtomicU32::new(0),
            server_cores: server_cores.to_vec(),
            own: (0..OWN_THREADS).map(|_| AtomicI32::new(0)).collect(),
            used: AtomicUsize::new(0),
        })
    }

    /// The server is process `pid` from now on; 0 is none.
    pub fn watch_server(&self, pid: u32) {
        self.server_pid.store(pid, Ordering::Relaxed);
    }

    /// The server's process; 0 if there is none.
    #[must_use]
    pub fn server_pid(&self) -> u32 {
        self.server_pid.load(Ordering::Relaxed)
    }

    /// The same, if it runs on this core.
    pub(super) fn server_on(&self, core: usize) -> Option<u32> {
        let its = self.server_cores.is_empty() || self.server_cores.contains(&core);
        Some(self.server_pid()).filter(|pid| its && *pid != 0)
    }

    /// The calling thread is uproar's own until the answer is dropped, which may be anywhere.
    pub fn register(self: &Arc<Self>) -> Registered {
        let thread_id = this_thread();
        let place = thread_id.and_then(|thread_id| {
            self.own.iter().position(|place| {
                place.compare_exchange(0, thread_id, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            })
        });
        if let Some(place) = place {
            self.used.fetch_max(place + 1, Ordering::Relaxed);
        }
        Registered { watched: Arc::clone(self), place }
    }

    /// Places and ids of uproar's own threads.
    pub(super) fn own(&self) -> impl Iterator<Item = (usize, i32)> {
        let used = self.used.load(Ordering::Relaxed);
        let ids = self.own.iter().take(used).map(|place| place.load(Ordering::Relaxed));
        ids.enumerate().filter(|(_, thread_id)| *thread_id != 0)
    }
}

/// A thread that is known as uproar's own for as long as this lives.
#[derive(Debug)]
#[must_use]
pub struct Registered {
    watched: Arc<Watched>,
    place: Option<usize>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        if let Some(place) = self.place.and_then(|place| self.watched.own.get(place)) {
            place.store(0, Ordering::Relaxed);
        }
    }
}

fn this_thread() -> Option<i32> {
    #[cfg(target_os = "linux")]
    return Some(nix::unistd::gettid().as_raw());
    #[cfg(not(target_os = "linux"))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_on_its_cores_only() {
        let anywhere = Watched::new(&[]);
        assert_eq!(anywhere.server_on(0), None);
        anywhere.watch_server(7);
        assert_eq!(anywhere.server_on(5), Some(7));
        let pinned = Watched::new(&[1, 2]);
        pinned.watch_server(7);
        assert_eq!([0, 1, 2, 3].map(|core| pinned.server_on(core)), [None, Some(7), Some(7), None]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn places_are_given_back_and_no_more_are_given_than_there_are() {
        let watched = Watched::new(&[]);
        let mut all: Vec<Registered> = (0..=OWN_THREADS).map(|_| watched.register()).collect();
        assert_eq!(watched.own().count(), OWN_THREADS);
        assert_eq!(all[OWN_THREADS].place, None);
        drop(all.remove(3));
        assert!(watched.own().all(|(place, _)| place != 3));
        let again = watched.register();
        assert_eq!(again.place, Some(3));
        drop(again);
        drop(all);
        assert_eq!(watched.own().count(), 0);
    }
}
