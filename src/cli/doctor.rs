//! `uproar doctor`: what this machine carries, and what to change where that is little.
//!
//! Reads limits, prints text on stdout. Starts nothing and changes nothing but this process's own
//! limit on open files; with `--stalls` it watches the cores instead.

mod stalls;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::args::DoctorArgs;
use super::{Failure, print};
use crate::machine::clock::micros;
use crate::machine::host;
use crate::machine::limits::{self, Memory, OpenFiles, PortRange};
use crate::machine::timer::Timer;
use crate::ready::fit::DELIVERIES_PER_CORE;
use crate::units::format::{bytes, count, duration_us};

/// Files a process needs besides its connections: standard streams, timers, pollers, the report.
const SPARE_FILES: u64 = 64;

/// Memory of one idle connection, the kernel's part included: both ends here, or one. Measured at
/// 12 KiB a pair; a client task with a 4 KiB buffer is 6 KiB and its socket 4.
const PAIR_BYTES: u64 = 12 * 1024;
const CLIENT_BYTES: u64 = 10 * 1024;

/// The share of available memory to fill with idle connections: queued messages need the rest.
const MEMORY_SHARE: u64 = 2;

/// Waits that the timer's lateness is the median of.
const TIMER_WAITS: usize = 51;

/// Lateness from which the timer is worth a remark.
const TIMER_LATE_US: u64 = 500;

/// Clients below which a limit is worth a remedy.
const PLENTY: u64 = 10_000;

/// Prints what this machine carries.
///
/// # Errors
///
/// When stdout can't be written to; a reader that went away is no failure.
pub(super) fn run(args: &DoctorArgs) -> Result<ExitCode, Failure> {
    if let Some(for_so_long) = args.stalls {
        return stalls::run(for_so_long);
    }
    let before = limits::open_files().ok();
    let raised = limits::raise_open_files().ok();
    let findings = Findings {
        files_before: before,
        files: raised.or(before),
        ports: limits::ephemeral_ports(),
        memory: limits::memory(),
        container_bytes: limits::cgroup_memory_bytes(),
        cores: host::cores(),
        somaxconn: limits::somaxconn(),
        timer_late_us: timer_late_us(),
        debug: cfg!(debug_assertions),
    };
    print::stdout(&findings.describe())?;
    Ok(ExitCode::SUCCESS)
}

/// How late the timer fires, as the median of some waits of a millisecond.
fn timer_late_us() -> Option<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(async {
        let mut timer = Timer::new().ok()?;
        let mut late_us = Vec::with_capacity(TIMER_WAITS);
        for _ in 0..TIMER_WAITS {
            let deadline = Instant::now() + Duration::from_millis(1);
            timer.wait_until(deadline).await.ok()?;
            late_us.push(micros(deadline.elapsed()));
        }
        late_us.sort_unstable();
        late_us.get(TIMER_WAITS / 2).copied()
    })
}

/// Everything the text is made of.
#[derive(Clone, Copy, Debug)]
struct Findings {
    /// Before this process raised its own limit.
    files_before: Option<OpenFiles>,
    files: Option<OpenFiles>,
    ports: Option<PortRange>,
    memory: Option<Memory>,
    container_bytes: Option<u64>,
    cores: u32,
    somaxconn: Option<u64>,
    /// Median lateness of the timer that paces messages.
    timer_late_us: Option<u64>,
    debug: bool,
}

impl Findings {
    /// One line a limit, a remedy under each that is low, and what that comes to.
    fn describe(&self) -> String {
        let mut text = String::new();
        self.files_lines(&mut text);
        self.ports_lines(&mut text);
        self.memory_lines(&mut text);
        line(&mut text, "cores", &count(u64::from(self.cores)));
        if self.cores < 2 {
            remedy(&mut text, "generator and built-in server share one core: figures will be late");
        }
        match self.somaxconn {
            Some(n) => line(&mut text, "accept queue", &format!("{} (somaxconn)", count(n))),
            None => line(&mut text, "accept queue", "unknown"),
        }
        if self.somaxconn.is_some_and(|n| n < 1_024) {
            remedy(&mut text, "a ramp may overflow it: sysctl -w net.core.somaxconn=4096");
        }
        self.timer_lines(&mut text);
        if self.debug {
            line(&mut text, "build", "debug");
            remedy(&mut text, "its figures are its own: cargo build --release");
        }
        text.push('\n');
        line(&mut text, "carries", &self.carries());
        text
    }

    fn timer_lines(&self, text: &mut String) {
        let Some(late_us) = self.timer_late_us else {
            return line(text, "timer", "unknown");
        };
        line(text, "timer", &format!("fires {} late (median)", duration_us(late_us)));
        if late_us > TIMER_LATE_US {
            remedy(
                text,
                "every latency from due is that much too high: use Linux, and leave a core free",
            );
        }
    }

    fn files_lines(&self, text: &mut String) {
        let Some(files) = self.files else {
            return line(text, "open files", "unknown");
        };
        let mut told = format!("{} a process", limit(files.soft));
        if let Some(before) = self.files_before.filter(|before| before.soft < files.soft) {
            let _ = write!(told, " (uproar raises {} to the hard limit)", limit(before.soft));
        }
        line(text, "open files", &told);
        if files.soft < PLENTY + SPARE_FILES {
            remedy(
                text,
                "ulimit -Hn 65536 as root, LimitNOFILE= in systemd, docker --ulimit nofile=65536",
            );
        }
    }

    fn ports_lines(&self, text: &mut String) {
        let Some(ports) = self.ports else {
            return line(text, "ports", "unknown");
        };
        let told = format!(
            "{} a source address ({} to {})",
            count(ports.count()),
            ports.first,
            ports.last
        );
        line(text, "ports", &told);
        if ports.count() < PLENTY {
            remedy(text, "sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"");
        } else if self.files.is_some_and(|files| files.soft > ports.count()) {
            remedy(text, "more clients than that need target.source_addresses in the scenario");
        }
    }

    fn memory_lines(&self, text: &mut String) {
        let Some(memory) = self.memory else {
            return line(text, "memory", "unknown");
        };
        let mut told =
            format!("{} of {} available", bytes(memory.available_bytes), bytes(memory.total_bytes));
        if let Some(container) = self.container_bytes {
            let _ = write!(told, ", {} for this container", bytes(container));
        }
        line(text, "memory", &told);
        if self.usable_bytes().is_some_and(|usable| usable / PAIR_BYTES < PLENTY) {
            remedy(text, "close what else runs here, or raise the container's limit");
        }
    }

    /// Memory that connections may fill.
    fn usable_bytes(&self) -> Option<u64> {
        let available = self.memory.map(|memory| memory.available_bytes);
        [available, self.container_bytes].into_iter().flatten().min().map(|all| all / MEMORY_SHARE)
    }

    /// Clients that every known limit allows, at so much memory each. `None` if none is known.
    /// Ports limit only what leaves the machine: on loopback further source addresses are free.
    fn clients(&self, bytes_each: u64, loopback: bool) -> Option<u64> {
        // Server and generator are two processes, so that either has the whole file limit.
        let files = self.files.map(|files| files.soft.saturating_sub(SPARE_FILES));
        let ports = self.ports.map(PortRange::count).filter(|_| !loopback);
        let memory = self.usable_bytes().map(|usable| usable / bytes_each);
        [files, ports, memory].into_iter().flatten().min()
    }

    fn carries(&self) -> String {
        let about = |clients: Option<u64>| {
            clients.map_or_else(
                || "an unknown number of clients".to_owned(),
                |clients| format!("about {} clients", count(round_down(clients))),
            )
        };
        let deliveries = u64::from(self.cores).saturating_mul(DELIVERIES_PER_CORE);
        format!(
            "{} with the built-in server, at up to {} deliveries/s;\n{:14}{} against another host",
            about(self.clients(PAIR_BYTES, true)),
            count(deliveries),
            "",
            about(self.clients(CLIENT_BYTES, false))
        )
    }
}

fn line(text: &mut String, name: &str, told: &str) {
    let _ = writeln!(text, "{name:<14}{told}");
}

fn remedy(text: &mut String, what: &str) {
    let _ = writeln!(text, "{:14}-> {what}", "");
}

fn limit(n: u64) -> String {
    // RLIM_INFINITY.
    if n == u64::MAX { "no limit".to_owned() } else { count(n) }
}

/// Two digits are as much as an estimate holds, and half a hundred too many would not connect.
fn round_down(n: u64) -> u64 {
    let mut unit = 1;
    while n / unit >= 100 {
        unit *= 10;
    }
    n / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: Findings = Findings {
        files_before: Some(OpenFiles { soft: 1_024, hard: 20_000 }),
        files: Some(OpenFiles { soft: 20_000, hard: 20_000 }),
        ports: Some(PortRange { first: 32_768, last: 60_999 }),
        memory: Some(Memory { total_bytes: 24 << 30, available_bytes: 20 << 30 }),
        container_bytes: None,
        cores: 2,
        somaxconn: Some(4_096),
        timer_late_us: Some(40),
        debug: false,
    };

    #[test]
    fn a_machine_without_trouble_gets_no_remedies() {
        let expected = "\
open files    20,000 a process (uproar raises 1,024 to the hard limit)
ports         28,232 a source address (32768 to 60999)
memory        20.0 GiB of 24.0 GiB available
cores         2
accept queue  4,096 (somaxconn)
timer         fires 0.04 ms late (median)

carries       about 19,000 clients with the built-in server, at up to 40,000 deliveries/s;
              about 19,000 clients against another host
";
        assert_eq!(LARGE.describe(), expected);
    }

    #[test]
    fn every_low_limit_has_its_remedy() {
        let small = Findings {
            files: Some(OpenFiles { soft: 1_024, hard: 1_024 }),
            files_before: None,
            ports: Some(PortRange { first: 60_000, last: 60_999 }),
            container_bytes: Some(64 << 20),
            cores: 1,
            somaxconn: Some(128),
            timer_late_us: Some(1_200),
            debug: true,
            ..LARGE
        };
        let text = small.describe();
        for words in [
            "ulimit",
            "ip_local_port_range",
            "container's limit",
            "one core",
            "net.core.somaxconn",
            "1.2 ms late",
            "leave a core free",
            "--release",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(text.contains("about 960 clients with the built-in server"), "{text}");
    }

    #[test]
    fn ports_are_the_bound_where_files_are_not() {
        let many_files = OpenFiles { soft: 1 << 20, hard: 1 << 20 };
        let text = Findings { files: Some(many_files), ..LARGE }.describe();
        assert!(text.contains("source_addresses"), "{text}");
        assert!(text.contains("about 28,000 clients"), "{text}");
    }

    #[test]
    fn nothing_known_is_said_so() {
        let blind = Findings {
            files_before: None,
            files: None,
            ports: None,
            memory: None,
            container_bytes: None,
            somaxconn: None,
            ..LARGE
        };
        let text = blind.describe();
        assert!(text.contains("an unknown number of clients"), "{text}");
        assert!(!text.contains("->"), "{text}");
    }

    #[test]
    fn estimates_round_down_to_two_digits() {
        let table = [(0, 0), (99, 99), (100, 100), (19_936, 19_000), (28_232, 28_000)];
        for (n, rounded) in table {
            assert_eq!(round_down(n), rounded);
        }
    }
}
