//! Another process of this machine as the kernel counts it: CPU time, threads and what they waited for,
//! memory, open files. Readings only: counters since its start, and states of this moment.
//!
//! Linux tells these of one's own processes without privileges; where something may not be read, or
//! elsewhere, it is `None`.

use std::collections::HashMap;
use std::fs;

use super::limits::kib_field;

/// Threads of a process that are looked at one by one.
const THREADS_MAX: usize = 512;

/// A process, told from a later one of the same number by when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessId {
    pub pid: u32,
    /// Clock ticks from the machine's start to the process's.
    pub began: u64,
}

/// What a process is doing at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// CPU time of all its threads so far, those that ended included, in nanoseconds.
    pub cpu_ns: u64,
    /// Whether it was stopped, by a signal or a debugger.
    pub stopped: bool,
    /// What its main thread waits for inside the kernel, by the kernel's name for it: `ep_poll`,
    /// `pipe_write`. `None` where it runs, or that may not be known.
    pub waits_in: Option<String>,
}

/// What a process has and has used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// Resident, in bytes.
    pub rss_bytes: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
    /// Open files, sockets included.
    pub open_files: Option<u64>,
    /// How many of them it may have.
    pub open_files_limit: Option<u64>,
    /// Cores that it may run on, ascending; empty where that is not told.
    pub cores: Vec<usize>,
    /// By thread: nanoseconds that it ran, and that it was ready to run and waited for a core.
    pub schedules: HashMap<u32, Schedule>,
}

/// How the scheduler treated a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Ran, in nanoseconds.
    pub ran_ns: u64,
    /// Was ready to run and waited for a core, in nanoseconds.
    pub waited_ns: u64,
}

/// The process of this number, if there is one.
#[must_use]
pub fn identify(pid: u32) -> Option<ProcessId> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(ProcessId { pid, began: parse_stat(&stat)?.began })
}

/// Its name, without its arguments: those may hold secrets.
#[must_use]
pub fn name(pid: u32) -> Option<String> {
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(comm.trim_end().to_owned())
}

/// What it is doing; `None` once it is gone.
#[must_use]
pub fn glance(process: ProcessId) -> Option<Glance> {
    let pid = process.pid;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let stat = parse_stat(&stat).filter(|stat| stat.began == process.began)?;
    let wchan = fs::read_to_string(format!("/proc/{pid}/wchan")).ok();
    // "0" is both "runs" and "may not be known".
    let waits_in = wchan.filter(|name| !name.is_empty() && name != "0" && stat.state != 'R');
    Some(Glance {
        cpu_ns: cpu_ns(pid)?,
        stopped: matches!(stat.state, 'T' | 't'),
        waits_in: waits_in.filter(|_| !matches!(stat.state, 'T' | 't')),
    })
}

/// What it has and has used; `None` once it is gone.
#[must_use]
pub fn look(process: ProcessId) -> Option<Look> {
    let pid = process.pid;
    if identify(pid) != Some(process) {
        return None;
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok();
    let status = status.as_deref();
    Some(Look {
        rss_bytes: status.and_then(|text| kib_field(text, "VmRSS:")),
        threads: status.and_then(|text| number_field(text, "Threads:")),
        open_files: fs::read_dir(format!("/proc/{pid}/fd")).ok().map(|fds| fds.count() as u64),
        open_files_limit: fs::read_to_string(format!("/proc/{pid}/limits"))
            .ok()
            .and_then(|text| parse_files_limit(&text)),
        cores: cores(pid),
        schedules: schedules(pid),
    })
}

/// Every process of this machine with its parent's number.
#[must_use]
pub fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some((pid, parse_stat(&stat)?.parent))
    };
    pids.filter_map(parent).collect()
}

fn schedules(pid: u32) -> HashMap<u32, Schedule> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return HashMap::new() };
    let ids = tasks.flatten().filter_map(|task| task.file_name().to_str()?.parse::<u32>().ok());
    let schedule = |id| {
        let text = fs::read_to_string(format!("/proc/{pid}/task/{id}/schedstat")).ok()?;
        Some((id, parse_schedstat(&text)?))
    };
    ids.take(THREADS_MAX).filter_map(schedule).collect()
}

#[cfg(target_os = "linux")]
fn cpu_ns(pid: u32) -> Option<u64> {
    use nix::time::{clock_getcpuclockid, clock_gettime};
    use nix::unistd::Pid;
    let pid = Pid::from_raw(i32::try_from(pid).ok()?);
    let time = clock_gettime(clock_getcpuclockid(pid).ok()?).ok()?;
    let seconds = u64::try_from(time.tv_sec()).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(u64::try_from(time.tv_nsec()).ok()?)
}

#[cfg(not(target_os = "linux"))]
fn cpu_ns(_: u32) -> Option<u64> {
    None
}

#[cfg(target_os = "linux")]
fn cores(pid: u32) -> Vec<usize> {
    use nix::sched::{CpuSet, sched_getaffinity};
    use nix::unistd::Pid;
    let pid = i32::try_from(pid).unwrap_or(i32::MAX);
    let Ok(set) = sched_getaffinity(Pid::from_raw(pid)) else { return Vec::new() };
    (0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false)).collect()
}

#[cfg(not(target_os = "linux"))]
fn cores(_: u32) -> Vec<usize> {
    Vec::new()
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: char,
    parent: u32,
    began: u64,
}

/// Of `/proc/PID/stat`, whose second field is the program's name in brackets and may hold spaces and
/// brackets itself.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, after_name) = text.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    // Fields 3 and 4 are taken; field 22 is when it began.
    let began = fields.nth(17)?.parse().ok()?;
    Some(Stat { state, parent, began })
}

fn parse_schedstat(text: &str) -> Option<Schedule> {
    let mut fields = text.split_whitespace();
    let ran_ns = fields.next()?.parse().ok()?;
    let waited_ns = fields.next()?.parse().ok()?;
    Some(Schedule { ran_ns, waited_ns })
}

fn number_field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.trim().parse().ok()
}

/// The limit in force; `None` if there is none.
fn parse_files_limit(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes_and_what_it_does_not() {
        let line = "42 (a) b (c) T 7 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 98765 1 1";
        assert_eq!(parse_stat(line), Some(Stat { state: 'T', parent: 7, began: 98_765 }));
        assert_eq!(parse_stat("42 (a) S 1"), None);
        assert_eq!(parse_stat(""), None);
        let schedule = Schedule { ran_ns: 12, waited_ns: 34 };
        assert_eq!(parse_schedstat("12 34 5\n"), Some(schedule));
        assert_eq!(parse_schedstat("12"), None);
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files   1024   4096   files\n";
        assert_eq!(parse_files_limit(limits), Some(1_024));
        assert_eq!(parse_files_limit("Max open files  unlimited unlimited files\n"), None);
        assert_eq!(number_field("Name: x\nThreads:\t5\n", "Threads:"), Some(5));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_known_and_one_that_took_its_number_is_not() {
        let own = identify(std::process::id()).unwrap();
        let before = glance(own).unwrap();
        let mut sum = 0_u64;
        while glance(own).unwrap().cpu_ns < before.cpu_ns + 1_000_000 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(!before.stopped);
        let seen = look(own).unwrap();
        assert!(seen.rss_bytes.unwrap() > 100_000 && seen.threads.unwrap() >= 1);
        assert!(seen.open_files.unwrap() >= 3 && !seen.cores.is_empty());
        assert!(seen.schedules.values().any(|of| of.ran_ns > 0));
        assert!(parents().iter().any(|(pid, _)| *pid == own.pid));
        let other = ProcessId { began: own.began + 1, ..own };
        assert_eq!((glance(other), look(other)), (None, None));
    }
}
