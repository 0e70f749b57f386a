//! The limits of this machine that decide how many clients it holds: files, ports, memory.
//!
//! Reads them and raises the one that a process may raise for itself. What can't be read, on
//! this system or at all, is `None`.

use std::io;
use std::path::{Path, PathBuf};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// How many files (sockets included) this process may hold open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFiles {
    /// In force; `u64::MAX` if there is none.
    pub soft: u64,
    /// How far the soft one may be raised without privileges; `u64::MAX` if there is none.
    pub hard: u64,
}

/// The limit in force.
pub fn open_files() -> io::Result<OpenFiles> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(OpenFiles { soft, hard })
}

/// Raises the soft limit to the hard one and gives the limit then in force. Child processes
/// inherit it.
pub fn raise_open_files() -> io::Result<OpenFiles> {
    let OpenFiles { soft, hard } = open_files()?;
    // macOS reports no hard limit and refuses to set that: 10,240 is its OPEN_MAX.
    let wanted = if cfg!(target_os = "macos") { hard.min(10_240) } else { hard };
    if soft < wanted {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
    }
    open_files()
}

/// The ports the kernel hands out to outgoing connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The lowest.
    pub first: u16,
    /// The highest, included.
    pub last: u16,
}

impl PortRange {
    /// How many connections one source address has to one server address and port.
    #[must_use]
    pub fn count(self) -> u64 {
        u64::from(self.last.saturating_sub(self.first)) + 1
    }
}

/// The ephemeral ports.
#[must_use]
pub fn ephemeral_ports() -> Option<PortRange> {
    parse_port_range(&read("/proc/sys/net/ipv4/ip_local_port_range")?)
}

fn parse_port_range(text: &str) -> Option<PortRange> {
    let mut fields = text.split_whitespace();
    let first = fields.next()?.parse().ok()?;
    let last = fields.next()?.parse().ok()?;
    (first <= last).then_some(PortRange { first, last })
}

/// The longest queue of connections that a listener here has not accepted yet.
#[must_use]
pub fn somaxconn() -> Option<u64> {
    read("/proc/sys/net/core/somaxconn")?.trim().parse().ok()
}

/// Memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Of the machine.
    pub total_bytes: u64,
    /// What could be used without swapping.
    pub available_bytes: u64,
}

/// The machine's memory, whatever this process may use of it.
#[must_use]
pub fn memory() -> Option<Memory> {
    parse_meminfo(&read("/proc/meminfo")?)
}

fn parse_meminfo(text: &str) -> Option<Memory> {
    Some(Memory {
        total_bytes: kib_field(text, "MemTotal:")?,
        available_bytes: kib_field(text, "MemAvailable:")?,
    })
}

/// The value in bytes of a line such as `VmRSS:     1234 kB`, as `/proc` writes them. The kernel
/// means KiB.
pub(super) fn kib_field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The memory limit of the control group this process is in, as in a container; `None` if none.
#[must_use]
pub fn cgroup_memory_bytes() -> Option<u64> {
    let own = read("/proc/self/cgroup")?;
    if let Some(group) = unified_group(&own) {
        // The tightest on the way up holds. Inside a container the path may not exist below the
        // mount; the walk then ends at the root, which is the container's own group.
        return ancestors(Path::new("/sys/fs/cgroup"), group)
            .filter_map(|folder| read(folder.join("memory.max")))
            .filter_map(|text| parse_cgroup_limit(&text))
            .min();
    }
    parse_cgroup_limit(&read("/sys/fs/cgroup/memory/memory.limit_in_bytes")?)
}

/// The path of the version 2 group; `None` on a version 1 system.
pub(super) fn unified_group(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("0::"))
}

/// The folder of `group` under `root`, and each above it down to `root` itself.
pub(super) fn ancestors(root: &Path, group: &str) -> impl Iterator<Item = PathBuf> {
    let root = root.to_owned();
    let group = PathBuf::from(group.trim_start_matches('/'));
    let parents: Vec<PathBuf> = group.ancestors().map(|parent| root.join(parent)).collect();
    parents.into_iter()
}

fn parse_cgroup_limit(text: &str) -> Option<u64> {
    // Version 1 says "none" as the largest multiple of the page size.
    const NONE_V1: u64 = 1 << 62;
    text.trim().parse().ok().filter(|&bytes| bytes < NONE_V1)
}

/// Text that may not be there: another system, or a container that hides it.
fn read(path: impl AsRef<Path>) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_ranges() {
        let range = parse_port_range("32768\t60999\n").unwrap();
        assert_eq!(range, PortRange { first: 32_768, last: 60_999 });
        assert_eq!(range.count(), 28_232);
        assert_eq!(parse_port_range("1024 65535").unwrap().count(), 64_512);
        assert_eq!(parse_port_range("60999 32768"), None);
        assert_eq!(parse_port_range("32768"), None);
        assert_eq!(parse_port_range(""), None);
    }

    #[test]
    fn meminfo_is_in_kib() {
        let text = "MemTotal:       25165824 kB\nMemFree:  1 kB\nMemAvailable:   20971520 kB\n";
        let expected = Memory { total_bytes: 24 << 30, available_bytes: 20 << 30 };
        assert_eq!(parse_meminfo(text), Some(expected));
        assert_eq!(parse_meminfo("MemTotal: 1 kB\n"), None);
        assert_eq!(kib_field("VmRSS: 12 MB", "VmRSS:"), None);
    }

    #[test]
    fn cgroup_limits() {
        assert_eq!(parse_cgroup_limit("536870912\n"), Some(512 << 20));
        assert_eq!(parse_cgroup_limit("max\n"), None);
        assert_eq!(parse_cgroup_limit("9223372036854771712\n"), None);
    }

    #[test]
    fn a_group_is_looked_up_to_the_root() {
        assert_eq!(unified_group("0::/user/run\n"), Some("/user/run"));
        assert_eq!(unified_group("12:memory:/docker/1\n"), None);
        let folders: Vec<PathBuf> = ancestors(Path::new("/cg"), "/user/run").collect();
        let expected = ["/cg/user/run", "/cg/user", "/cg/"].map(PathBuf::from);
        assert_eq!(folders, expected);
    }

    #[test]
    fn raising_reaches_the_hard_limit() {
        let raised = raise_open_files().unwrap();
        if cfg!(target_os = "linux") {
            assert_eq!(raised.soft, raised.hard);
        }
        assert_eq!(open_files().unwrap(), raised);
    }
}
