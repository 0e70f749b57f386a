//! Control groups: what a container may use, and what it was refused. Version 2 and version 1, whose names
//! differ.

use std::fs;
use std::path::{Path, PathBuf};

/// Where control groups are mounted.
const ROOT: &str = "/sys/fs/cgroup";

/// The folders of a control group: one with version 2, one a controller with version 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    cpu: PathBuf,
    memory: PathBuf,
}

/// What a control group has used and was refused, and what it may use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CgroupReading {
    /// CPU time, in microseconds.
    pub cpu_us: Option<u64>,
    /// How long it had work to do and its quota was used up, in microseconds, over all its cores.
    pub throttled_us: Option<u64>,
    /// Memory in use, files kept in memory included, in bytes.
    pub memory_bytes: Option<u64>,
    /// How much it may use, in bytes; `None` where that is not limited.
    pub memory_limit_bytes: Option<u64>,
    /// Cores' worth of CPU time that it may use; `None` where that is not limited.
    pub cores: Option<f64>,
    /// Processes that were killed for want of memory.
    pub oom_kills: Option<u64>,
}

impl Cgroup {
    /// The one that a process is in; `None` where that is not told, and for the root group, which is the
    /// machine.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        let root = Path::new(ROOT);
        if root.join("cgroup.controllers").exists() {
            let path = parse_path(&text, "")?;
            return (path != "/").then(|| Self::at(&root.join(path.trim_start_matches('/'))));
        }
        let of = |controller| {
            let path = parse_path(&text, controller).filter(|path| *path != "/")?;
            Some(version_1(controller, path))
        };
        let (cpu, memory) = (of("cpu"), of("memory"));
        let either = cpu.clone().or_else(|| memory.clone())?;
        Some(Self { cpu: cpu.unwrap_or_else(|| either.clone()), memory: memory.unwrap_or(either) })
    }

    /// The one at this folder. With version 1 the folder of its `cpu` controller: that of `memory` is looked
    /// for beside it.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        let beside = |cpu: &Path| {
            let path = cpu.strip_prefix(ROOT).ok()?;
            let mut parts = path.components();
            parts.next().filter(|controller| {
                controller.as_os_str().to_str().is_some_and(|name| name.starts_with("cpu"))
            })?;
            Some(Path::new(ROOT).join("memory").join(parts.as_path()))
        };
        let memory = beside(folder).filter(|memory| memory.exists());
        Self { cpu: folder.to_owned(), memory: memory.unwrap_or_else(|| folder.to_owned()) }
    }

    /// Whether it is one: there is something to be read.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.cpu.join("cpu.stat").exists() || self.cpu.join("cpuacct.usage").exists()
    }

    /// The processes in it.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        let text = fs::read_to_string(self.cpu.join("cgroup.procs")).unwrap_or_default();
        text.lines().filter_map(|line| line.trim().parse().ok()).collect()
    }

    /// What it has used so far.
    #[must_use]
    pub fn read(&self) -> CgroupReading {
        let cpu = |name| fs::read_to_string(self.cpu.join(name)).ok();
        let memory = |name| fs::read_to_string(self.memory.join(name)).ok();
        let number = |text: Option<String>| text?.trim().parse::<u64>().ok();
        let stat = cpu("cpu.stat").unwrap_or_default();
        let is_2 = field(&stat, "usage_usec").is_some();
        CgroupReading {
            cpu_us: match is_2 {
                true => field(&stat, "usage_usec"),
                false => number(cpu("cpuacct.usage")).map(|ns| ns / 1_000),
            },
            throttled_us: throttled_us(&stat),
            memory_bytes: number(memory("memory.current"))
                .or_else(|| number(memory("memory.usage_in_bytes"))),
            memory_limit_bytes: number(memory("memory.max"))
                .or_else(|| number(memory("memory.limit_in_bytes")))
                .filter(|limit| *limit < NO_LIMIT_V1),
            cores: cpu("cpu.max").and_then(|text| parse_cpu_max(&text)).or_else(|| {
                let quota: f64 = cpu("cpu.cfs_quota_us")?.trim().parse().ok()?;
                let period: f64 = cpu("cpu.cfs_period_us")?.trim().parse().ok()?;
                (quota > 0.0 && period > 0.0).then_some(quota / period)
            }),
            oom_kills: memory("memory.events")
                .or_else(|| memory("memory.oom_control"))
                .and_then(|text| field(&text, "oom_kill")),
        }
    }
}

/// Version 1 says "none" as the largest multiple of the page size.
const NO_LIMIT_V1: u64 = 1 << 62;

/// Where version 1 mounts a controller: under its own name, or that of a pair.
fn version_1(controller: &str, path: &str) -> PathBuf {
    let path = path.trim_start_matches('/');
    let pair = Path::new(ROOT).join("cpu,cpuacct");
    let folder = match controller {
        "cpu" if !Path::new(ROOT).join("cpu").exists() && pair.exists() => pair,
        _ => Path::new(ROOT).join(controller),
    };
    folder.join(path)
}

/// The path of a controller's group, of `/proc/PID/cgroup`; "" is version 2's.
pub(in crate::machine) fn parse_path<'a>(text: &'a str, controller: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let is_it = match controller {
            "" => number == "0" && controllers.is_empty(),
            _ => controllers.split(',').any(|known| known == controller),
        };
        is_it.then_some(path)
    })
}

/// How long a group was held back, of its `cpu.stat`: version 2 counts in microseconds, version 1 in
/// nanoseconds; groups without a limit may say nothing.
pub(in crate::machine) fn throttled_us(cpu_stat: &str) -> Option<u64> {
    field(cpu_stat, "throttled_usec")
        .or_else(|| field(cpu_stat, "throttled_time").map(|ns| ns / 1_000))
}

/// The figure of a line such as `throttled_usec 12`.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (known, figure) = line.split_once(' ')?;
        (known == name).then(|| figure.trim().parse().ok())?
    })
}

/// Cores by version 2's quota and period: `max 100000` is no limit.
fn parse_cpu_max(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    (period > 0.0).then_some(quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_name_the_group() {
        let v2 = "0::/user.slice/app\n";
        assert_eq!(parse_path(v2, ""), Some("/user.slice/app"));
        let v1 = "4:memory:/a\n2:cpu,cpuacct:/b:c\n0::/\n";
        assert_eq!((parse_path(v1, "cpu"), parse_path(v1, "memory")), (Some("/b:c"), Some("/a")));
        assert_eq!(parse_path(v1, "pids"), None);
        assert_eq!(parse_path("broken\n", "cpu"), None);
    }

    #[test]
    fn figures_of_version_2() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("cpu.stat", "usage_usec 5000000\nnr_throttled 3\nthrottled_usec 380000\n");
        write("cpu.max", "50000 100000\n");
        write("memory.current", "1048576\n");
        write("memory.max", "max\n");
        write("memory.events", "low 0\noom_kill 1\n");
        let found = Cgroup::at(folder.path());
        assert!(found.is_there());
        let expected = CgroupReading {
            cpu_us: Some(5_000_000),
            throttled_us: Some(380_000),
            memory_bytes: Some(1 << 20),
            memory_limit_bytes: None,
            cores: Some(0.5),
            oom_kills: Some(1),
        };
        assert_eq!(found.read(), expected);
    }

    #[test]
    fn figures_of_version_1() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("cpu.stat", "nr_periods 9\nnr_throttled 3\nthrottled_time 380000000\n");
        write("cpuacct.usage", "5000000000\n");
        write("cpu.cfs_quota_us", "-1\n");
        write("cpu.cfs_period_us", "100000\n");
        write("memory.usage_in_bytes", "1048576\n");
        write("memory.limit_in_bytes", "9223372036854771712\n");
        let found = Cgroup::at(folder.path()).read();
        let expected = CgroupReading {
            cpu_us: Some(5_000_000),
            throttled_us: Some(380_000),
            memory_bytes: Some(1 << 20),
            ..CgroupReading::default()
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn no_group_is_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let none = Cgroup::at(folder.path());
        assert!(!none.is_there() && none.processes().is_empty());
        assert_eq!(none.read(), CgroupReading::default());
        assert_eq!(parse_cpu_max("max 100000"), None);
    }
}
