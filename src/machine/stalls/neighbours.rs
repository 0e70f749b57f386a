//! Who else used this machine's processors, by name: looked at about once a second, on a thread of its own.

use std::collections::HashMap;

use super::clocks;

/// Processes that are looked at; of more, those the system lists first.
const PROCESSES: usize = 4_096;

/// How many are named.
const NAMED: usize = 3;

/// Less than this share of a core since the last look is not worth a name.
const LEAST_SHARE: f64 = 0.01;

/// CPU time of every process this one may see, when it was last looked at.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    cpu_us: HashMap<u32, u64>,
    at_us: Option<u64>,
}

impl Neighbours {
    /// Looks again, and says which processes but these used most CPU time since the last look.
    pub(super) fn look(&mut self, now_us: u64, but: [u32; 2]) -> Option<String> {
        let now = processes();
        let passed_us = self.at_us.map(|at_us| now_us.saturating_sub(at_us));
        let busiest = passed_us.map(|passed_us| busiest(&self.cpu_us, &now, passed_us, but));
        self.cpu_us = now;
        self.at_us = Some(now_us);
        let named = busiest?.into_iter().filter_map(|(pid, share)| {
            let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
            Some(format!("{} {:.0} %", plain(name.trim_end()), share * 100.0))
        });
        let named: Vec<String> = named.collect();
        (!named.is_empty()).then(|| format!("most CPU meanwhile: {}", named.join(", ")))
    }
}

fn processes() -> HashMap<u32, u64> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.take(PROCESSES).filter_map(|pid| Some((pid, clocks::of_process(pid)?))).collect()
}

/// Ids and shares of a core, the largest first. A process that was not there before began since.
fn busiest(
    before: &HashMap<u32, u64>,
    now: &HashMap<u32, u64>,
    passed_us: u64,
    but: [u32; 2],
) -> Vec<(u32, f64)> {
    let others = now.iter().filter(|(pid, _)| !but.contains(pid));
    let mut used: Vec<(u64, u32)> = others
        .map(|(pid, cpu_us)| (cpu_us.saturating_sub(before.get(pid).copied().unwrap_or(0)), *pid))
        .collect();
    used.sort_unstable_by_key(|(used_us, pid)| (std::cmp::Reverse(*used_us), *pid));
    let shares = used.into_iter().map(|(us, pid)| (pid, us as f64 / passed_us.max(1) as f64));
    shares.take(NAMED).filter(|(_, share)| *share >= LEAST_SHARE).collect()
}

/// Whoever runs a process names it: no character of it may move a cursor.
fn plain(name: &str) -> String {
    name.chars().take(15).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_are_named_and_uproar_is_not() {
        let before = HashMap::from([(1, 100), (2, 5_000_000), (3, 0), (9, 0), (8, 0)]);
        let now = HashMap::from([
            (1, 960_100),
            (2, 5_030_000),
            (3, 9_999),
            (4, 250_000),
            (9, 999_000),
            (8, 999_000),
        ]);
        let told = busiest(&before, &now, 1_000_000, [9, 8]);
        assert_eq!(told, [(1, 0.96), (4, 0.25), (2, 0.03)]);
        let little = busiest(&before, &before, 1_000_000, [0, 0]);
        assert!(little.is_empty(), "{little:?}");
        assert!(busiest(&before, &HashMap::new(), 0, [0, 0]).is_empty());
    }

    #[test]
    fn a_name_is_plain_text() {
        assert_eq!(plain("cc1 -O2"), "cc1 -O2");
        assert_eq!(plain("a\u{1b}[2Jb\u{202e}c"), "a?[2Jb?c");
        assert_eq!(plain("0123456789abcdefghi"), "0123456789abcde");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_has_processes() {
        let mut neighbours = Neighbours::default();
        assert_eq!(neighbours.look(0, [0, 0]), None, "nothing to compare with");
        assert!(neighbours.cpu_us.contains_key(&std::process::id()));
        // All that was used since 1 us ago: this process's own, at least.
        neighbours.cpu_us.clear();
        assert!(neighbours.look(1, [0, 0]).is_some());
    }
}
