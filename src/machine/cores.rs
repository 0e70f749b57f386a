//! Which cores a thread runs on, and how much it matters.
//!
//! A load generator and its server on one machine wake each other all the time, and a scheduler
//! likes to put who wakes and who is woken on the same core: both then take turns of milliseconds,
//! and the figures are the scheduler's.

/// The cores this thread may run on, ascending; `None` where the system does not tell.
#[must_use]
pub fn allowed() -> Option<Vec<usize>> {
    #[cfg(target_os = "linux")]
    {
        use nix::sched::{CpuSet, sched_getaffinity};
        use nix::unistd::Pid;
        let set = sched_getaffinity(Pid::from_raw(0)).ok()?;
        let allowed = (0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false));
        Some(allowed.collect())
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// Keeps the calling thread, and threads it starts from now on, to these cores. Best effort: what
/// is refused leaves it where it was.
pub fn keep_to(cores: &[usize]) {
    #[cfg(target_os = "linux")]
    {
        use nix::sched::{CpuSet, sched_setaffinity};
        use nix::unistd::Pid;
        let mut set = CpuSet::new();
        if cores.is_empty() || cores.iter().any(|core| set.set(*core).is_err()) {
            return;
        }
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = cores;
}

/// Lets every other thread of the same core go before the calling one: work that may wait.
pub fn stand_back() {
    #[cfg(target_os = "linux")]
    {
        use nix::libc;
        // On Linux this is of the calling thread alone, whatever the manual of POSIX says.
        const NICE: i32 = 10;
        #[expect(unsafe_code, reason = "no library in use has a call for it; it takes no pointer")]
        // SAFETY: it changes a number that the kernel keeps of this thread. It can be refused.
        let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
    }
}

/// Cores for a generator and a server on one machine: the first for so many workers, the others for
/// the server. `None` where there are not two to share.
#[must_use]
pub fn shared(allowed: &[usize], workers: usize) -> Option<(Vec<usize>, Vec<usize>)> {
    let most = allowed.len().checked_sub(1).filter(|most| *most > 0)?;
    let (ours, theirs) = allowed.split_at(workers.clamp(1, most));
    Some((ours.to_vec(), theirs.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_shared_and_none_is_left_without() {
        // allowed, workers -> generator, server
        type Shared<'a> = Option<(&'a [usize], &'a [usize])>;
        let rows: [(&[usize], usize, Shared<'_>); 7] = [
            (&[], 1, None),
            (&[3], 1, None),
            (&[0, 1], 1, Some((&[0], &[1]))),
            (&[0, 1], 9, Some((&[0], &[1]))),
            (&[2, 5, 7], 1, Some((&[2], &[5, 7]))),
            (&[0, 1, 2, 3], 2, Some((&[0, 1], &[2, 3]))),
            (&[0, 1, 2, 3], 0, Some((&[0], &[1, 2, 3]))),
        ];
        for (allowed, workers, expected) in rows {
            let expected = expected.map(|(ours, theirs)| (ours.to_vec(), theirs.to_vec()));
            assert_eq!(shared(allowed, workers), expected, "{allowed:?}, {workers} workers");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_stays_where_it_is_told_to() {
        let all = allowed().unwrap();
        assert!(!all.is_empty());
        let last = all[all.len() - 1];
        let kept = std::thread::spawn(move || {
            keep_to(&[last]);
            stand_back();
            allowed().unwrap()
        });
        assert_eq!(kept.join().unwrap(), [last]);
        assert_eq!(allowed().unwrap(), all, "it is of that thread alone");
        keep_to(&[]);
        assert_eq!(allowed().unwrap(), all);
    }
}
