//! CPU clocks of threads and processes, and the kernel's other clocks, in microseconds.
//!
//! CPU clocks are exact, where `/proc` counts ticks of usually 10 ms, and anybody may read them.

use nix::time::{ClockId, clock_gettime};

/// CPU time of a thread of this process.
pub(super) fn of_thread(thread_id: i32) -> Option<u64> {
    // What pthread_getcpuclockid gives: the id's complement, "of a thread" (4), "all it ran" (2).
    of_id(thread_id, 4 | 2)
}

/// CPU time of any process, all its threads.
pub(super) fn of_process(pid: u32) -> Option<u64> {
    of_id(i32::try_from(pid).ok()?, 2)
}

/// CPU time of the calling thread.
pub(super) fn of_this_thread() -> Option<u64> {
    read_us(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

/// The largest id that Linux gives. Larger ones would name other clocks, and 0 one's own.
#[cfg(target_os = "linux")]
const LARGEST_ID: i32 = 1 << 22;

#[cfg(target_os = "linux")]
fn of_id(id: i32, kind: i32) -> Option<u64> {
    if !(1..=LARGEST_ID).contains(&id) {
        return None;
    }
    read_us(ClockId::from_raw((!id << 3) | kind))
}

#[cfg(not(target_os = "linux"))]
fn of_id(_id: i32, _kind: i32) -> Option<u64> {
    None
}

/// What a clock shows.
pub(super) fn read_us(clock: ClockId) -> Option<u64> {
    let time = clock_gettime(clock).ok()?;
    let seconds = u64::try_from(time.tv_sec()).ok()?;
    seconds.checked_mul(1_000_000)?.checked_add(u64::try_from(time.tv_nsec()).ok()? / 1_000)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_threads_and_processes() {
        let own = nix::unistd::gettid().as_raw();
        let before_us = of_thread(own).unwrap();
        let mut x = 0_u64;
        while of_this_thread().unwrap() < before_us + 2_000 {
            x = std::hint::black_box(x + 1);
        }
        assert!(of_thread(own).unwrap() >= before_us + 2_000);
        assert!(of_process(std::process::id()).unwrap() >= before_us + 2_000);
        // No process; numbers that are none; the complement of this one would be another clock's.
        for pid in [1 << 22, 0, u32::MAX, 0x1fff_ffff] {
            assert_eq!(of_process(pid), None, "{pid}");
        }
    }
}
