//! Processor time and memory: of this thread, this process, another process, the machine.
//!
//! Readings only, as counters since the start; whoever asks takes the difference. What can't be
//! read, on this system or at all, is `None`.

use nix::sys::resource::{UsageWho, getrusage};

use super::limits::kib_field;

/// CPU time of the calling thread, user and system, in microseconds.
#[must_use]
pub fn thread_cpu_us() -> Option<u64> {
    #[cfg(target_os = "linux")]
    return usage_us(UsageWho::RUSAGE_THREAD);
    // macOS has no such account through getrusage.
    #[cfg(not(target_os = "linux"))]
    None
}

/// CPU time of this process, all threads, user and system, in microseconds.
#[must_use]
pub fn process_cpu_us() -> Option<u64> {
    usage_us(UsageWho::RUSAGE_SELF)
}

fn usage_us(who: UsageWho) -> Option<u64> {
    let usage = getrusage(who).ok()?;
    [usage.user_time(), usage.system_time()].into_iter().try_fold(0_u64, |sum, time| {
        let seconds = u64::try_from(time.tv_sec()).ok()?;
        let micros = u64::try_from(time.tv_usec()).ok()?;
        sum.checked_add(seconds.checked_mul(1_000_000)?)?.checked_add(micros)
    })
}

/// Largest resident set of this process so far, in bytes.
#[must_use]
pub fn rss_peak_bytes() -> Option<u64> {
    // Linux carries rusage's figure over exec: a small program that a large one started seems large.
    let own = std::fs::read_to_string("/proc/self/status").ok();
    own.and_then(|status| kib_field(&status, "VmHWM:")).or_else(rss_peak_by_rusage)
}

fn rss_peak_by_rusage() -> Option<u64> {
    let figure = u64::try_from(getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss()).ok()?;
    // The one field of rusage whose unit differs: KiB, but bytes on Apple's systems.
    if cfg!(target_vendor = "apple") { Some(figure) } else { figure.checked_mul(1024) }
}

/// What another process has used so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessStat {
    /// User and system time, all threads, in microseconds. The kernel counts it here in clock
    /// ticks, usually 10 ms: don't take a difference over less than a second.
    pub cpu_us: u64,
    /// Resident now, in bytes.
    pub rss_bytes: u64,
    /// Largest resident set, in bytes.
    pub rss_peak_bytes: u64,
}

/// The figures of process `pid`; `None` once it is gone, and on systems without `/proc`.
#[must_use]
pub fn process_stat(pid: u32) -> Option<ProcessStat> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(ProcessStat {
        cpu_us: parse_stat_cpu(&stat, ticks_per_s()?)?,
        rss_bytes: kib_field(&status, "VmRSS:")?,
        rss_peak_bytes: kib_field(&status, "VmHWM:")?,
    })
}

fn ticks_per_s() -> Option<u64> {
    let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok()??;
    u64::try_from(ticks).ok().filter(|&ticks| ticks > 0)
}

fn parse_stat_cpu(stat: &str, ticks_per_s: u64) -> Option<u64> {
    // The second field is the program's name in brackets and may hold spaces and brackets itself.
    let (_, after_name) = stat.rsplit_once(')')?;
    // utime and stime are fields 14 and 15 of the line; the state, field 3, comes first here.
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user.checked_add(system)?.checked_mul(1_000_000)? / ticks_per_s)
}

/// How long these cores were busy since the machine booted, whoever they worked for, in microseconds
/// together; `None` where that is not told. Counted in clock ticks, as [`ProcessStat::cpu_us`] is.
#[must_use]
pub fn busy_us(cores: &[usize]) -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    parse_busy(&stat, cores)?.checked_mul(1_000_000).map(|busy| busy / ticks_per_s().unwrap_or(100))
}

/// In ticks.
fn parse_busy(stat: &str, cores: &[usize]) -> Option<u64> {
    let busy = |core: &usize| {
        let name = format!("cpu{core} ");
        let line = stat.lines().find_map(|line| line.strip_prefix(&name))?;
        // user nice system idle iowait irq softirq
        let ticks: Vec<u64> =
            line.split_whitespace().take(7).map(|tick| tick.parse().ok()).collect::<Option<_>>()?;
        let [user, nice, system, _, _, irq, softirq] = ticks.try_into().ok()?;
        Some(user + nice + system + irq + softirq)
    };
    if cores.is_empty() { None } else { cores.iter().map(busy).sum() }
}

/// The machine's processor time since it booted, in clock ticks over all cores. In a container
/// this is the host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineCpu {
    /// Doing anything for anybody on this machine.
    pub busy: u64,
    /// Ready to run, but the hypervisor ran another machine.
    pub steal: u64,
    /// All of it, idle included.
    pub total: u64,
    /// Over how many cores.
    pub cores: u32,
}

/// How the machine spent a stretch of time; 1.0 is all cores, all the time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MachineShares {
    /// See [`MachineCpu::busy`].
    pub busy: f64,
    /// See [`MachineCpu::steal`].
    pub steal: f64,
}

impl MachineCpu {
    /// The counters as they stand.
    #[must_use]
    pub fn now() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
        // user nice system idle iowait irq softirq steal; guest time, after them, is already
        // part of user.
        let mut ticks = [0_u64; 8];
        let mut fields = line.split_whitespace();
        for tick in &mut ticks {
            *tick = fields.next()?.parse().ok()?;
        }
        let [user, nice, system, _idle, _iowait, irq, softirq, steal] = ticks;
        let of_core = |line: &&str| {
            let after = line.strip_prefix("cpu");
            after.is_some_and(|after| after.starts_with(|c: char| c.is_ascii_digit()))
        };
        let cores = u32::try_from(text.lines().filter(of_core).count()).unwrap_or(u32::MAX);
        // All fit if their sum does.
        let total = ticks.iter().try_fold(0_u64, |sum, &tick| sum.checked_add(tick))?;
        let busy = user + nice + system + irq + softirq;
        Some(Self { busy, steal, total, cores })
    }

    /// The shares since an earlier reading; `None` if no tick passed in between.
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<MachineShares> {
        // The kernel's per-core counters may step back a little; that is not a share.
        let total = self.total.checked_sub(earlier.total).filter(|&ticks| ticks > 0)? as f64;
        Some(MachineShares {
            busy: self.busy.saturating_sub(earlier.busy) as f64 / total,
            steal: self.steal.saturating_sub(earlier.steal) as f64 / total,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let line = "42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 1 1 1";
        assert_eq!(parse_stat_cpu(line, 100), Some(3_000_000));
        assert_eq!(parse_stat_cpu("42 (a) S 1", 100), None);
        assert_eq!(parse_stat_cpu("", 100), None);
    }

    #[test]
    fn machine_shares() {
        // 100 ticks pass: 40 busy (user 30, softirq 10), 5 stolen, the rest idle or waiting.
        let before =
            MachineCpu::parse("cpu  100 0 50 1000 10 0 5 2 7 0\ncpu0 1 1\ncpu1 1\n").unwrap();
        assert_eq!(before.cores, 2);
        let after = MachineCpu::parse("cpu  130 0 50 1050 15 0 15 7 9 0\n").unwrap();
        let shares = after.since(before).unwrap();
        assert!((shares.busy - 0.4).abs() < 1e-9, "{shares:?}");
        assert!((shares.steal - 0.05).abs() < 1e-9, "{shares:?}");
        assert_eq!(before.since(before), None);
        assert_eq!(before.since(after), None);
    }

    #[test]
    fn single_cores_are_busy_for_whomever() {
        let stat = "cpu  9 9 9 9 9 9 9 9\ncpu0 1 2 3 100 7 4 5 6\ncpu1 10 0 0 1 1 0 0 0\n";
        assert_eq!(parse_busy(stat, &[0]), Some(15));
        assert_eq!(parse_busy(stat, &[0, 1]), Some(25));
        assert_eq!((parse_busy(stat, &[2]), parse_busy(stat, &[])), (None, None));
        assert_eq!(parse_busy("cpu0 1 2 x 4 5 6 7\n", &[0]), None);
    }

    #[test]
    fn old_or_broken_stat_is_unknown() {
        assert_eq!(MachineCpu::parse("cpu  1 2 3 4\n"), None);
        assert_eq!(MachineCpu::parse("cpu0 1 2 3 4 5 6 7 8\n"), None);
        let most = u64::MAX;
        assert_eq!(MachineCpu::parse(&format!("cpu  {most} 0 0 1 0 0 0 0\n")), None);
    }

    #[test]
    fn readings_of_this_process_agree() {
        // Work that a debug build and an optimiser both have to do.
        let mut sum = 0_u64;
        while process_cpu_us().unwrap() < 1_000 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(rss_peak_bytes().unwrap() > 100_000);
        if cfg!(target_os = "linux") {
            assert!(thread_cpu_us().unwrap() <= process_cpu_us().unwrap());
            let stat = process_stat(std::process::id()).unwrap();
            assert!(stat.rss_bytes > 100_000 && stat.rss_peak_bytes >= stat.rss_bytes);
        }
    }
}
