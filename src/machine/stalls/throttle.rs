//! How long the control groups above this process kept it from running, as `docker --cpus` does.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::machine::cgroup::{parse_path, throttled_us};
use crate::machine::limits::{ancestors, unified_group};

/// Groups above this process that are looked at: the nearest.
const GROUPS: usize = 16;

/// Enough for a `cpu.stat` up to its figures on throttling.
const TEXT: usize = 2_048;

/// The account of every group above this process that keeps one.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    groups: Vec<(File, u64)>,
}

impl Throttle {
    /// From now on.
    pub(super) fn of_this_process() -> Self {
        let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let unified = unified_group(&own)
            .into_iter()
            .flat_map(|group| ancestors(Path::new("/sys/fs/cgroup"), group));
        let version_1 = parse_path(&own, "cpu")
            .into_iter()
            .flat_map(|group| ancestors(Path::new("/sys/fs/cgroup/cpu"), group));
        let files = unified.take(GROUPS).chain(version_1.take(GROUPS));
        let groups = files.filter_map(|folder| {
            let file = File::open(folder.join("cpu.stat")).ok()?;
            let now_us = read(&file)?;
            Some((file, now_us))
        });
        Self { groups: groups.collect() }
    }

    /// The most that came to any of the groups since the last call, in microseconds. A group's time
    /// is summed over cores, so that it may be more than what passed.
    pub(super) fn since_last_us(&mut self) -> u64 {
        let grown = self.groups.iter_mut().map(|(file, last_us)| {
            let now_us = read(file).unwrap_or(*last_us);
            now_us.saturating_sub(std::mem::replace(last_us, now_us))
        });
        grown.max().unwrap_or(0)
    }
}

fn read(file: &File) -> Option<u64> {
    let mut buffer = [0_u8; TEXT];
    let read = file.read_at(&mut buffer, 0).ok()?;
    throttled_us(std::str::from_utf8(buffer.get(..read)?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_version_is_read_in_microseconds() {
        let table = [
            ("usage_usec 9\nnr_periods 3\nnr_throttled 2\nthrottled_usec 7000\n", Some(7_000)),
            ("nr_periods 3\nnr_throttled 2\nthrottled_time 7000999\n", Some(7_000)),
            ("usage_usec 9\nuser_usec 5\nsystem_usec 4\n", None),
            ("throttled_usec\n", None),
            ("throttled_usec many\n", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(throttled_us(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_group_is_found_by_its_controller() {
        let table = [
            ("9:name=systemd:/\n4:cpu,cpuacct:/docker/1\n0::/x\n", Some("/docker/1")),
            ("2:cpuacct:/a\n3:cpuset:/b\n1:cpu:/c\n", Some("/c")),
            ("2:cpuacct:/a\n3:cpuset:/b\n", None),
            ("0::/user\n", None),
            ("cpu\n", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_path(text, "cpu"), expected, "{text:?}");
        }
    }

    #[test]
    fn nothing_came_to_it_where_nothing_is_known() {
        assert_eq!(Throttle::default().since_last_us(), 0);
        let mut own = Throttle::of_this_process();
        assert!(own.groups.len() <= 2 * GROUPS);
        let _ = own.since_last_us();
    }
}
