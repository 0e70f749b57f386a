//! Reads what the server's processes have used, once a second, and glances at them ten times as often.

use std::collections::HashMap;
use std::time::Instant;

use super::follow::Follow;
use super::glances::{GLANCE_US, Glances, Seen};
use super::scrape::Page;
use crate::machine::cgroup::Cgroup;
use crate::machine::clock::Clock;
use crate::machine::cores::stand_back;
use crate::machine::cpu::{busy_us, thread_cpu_us};
use crate::machine::process::{Glance, Look, ProcessId, Schedule, glance, look};
use crate::machine::sockets::{NetCounters, net_counters};
use crate::measure::Used;

/// Glances from one look to the next.
const GLANCES: u64 = 10;

#[derive(Debug)]
pub(super) struct Sampler {
    follow: Follow,
    glances: Glances,
    /// CPU time of each process when it was last glanced at.
    cpu_ns: HashMap<ProcessId, u64>,
    /// CPU time of all since the last look; `None` where some of it is not known.
    used_ns: Option<u64>,
    before: Before,
}

/// What counters stood at when they were last looked at.
#[derive(Debug, Default)]
struct Before {
    at_us: u64,
    schedules: HashMap<(ProcessId, u32), Schedule>,
    /// Whose they are: of others they can't be compared.
    processes: Vec<ProcessId>,
    net: Option<NetCounters>,
    throttled_us: Option<u64>,
    /// How long its cores were busy, for whomever, and which these are.
    busy_us: Option<u64>,
    cores: Vec<usize>,
}

impl Sampler {
    pub(super) fn new(follow: Follow) -> Self {
        Self {
            follow,
            glances: Glances::default(),
            cpu_ns: HashMap::new(),
            used_ns: None,
            before: Before::default(),
        }
    }

    /// Reads until it is ended. `give` takes each stretch, and the CPU time that reading took so far, in
    /// microseconds.
    pub(super) fn run(
        &mut self,
        clock: Clock,
        pages: &[Page],
        is_ended: impl Fn() -> bool,
        give: impl Fn(Used, u64),
    ) {
        // A server on this machine goes first.
        stand_back();
        let began_us = thread_cpu_us().unwrap_or(0);
        let spent_us = || thread_cpu_us().unwrap_or(0).saturating_sub(began_us);
        self.glance(0);
        give(self.look(0, pages), spent_us());
        let mut n = 1;
        loop {
            let due = clock.instant(n * GLANCE_US);
            loop {
                if is_ended() {
                    return;
                }
                let left = due.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                // Whoever ends it unparks this thread.
                std::thread::park_timeout(left);
            }
            let now_us = clock.now_us();
            self.glance(now_us);
            if n.is_multiple_of(GLANCES) {
                let used = self.look(now_us, pages);
                give(used, spent_us());
            }
            // What was slept over is not made up for.
            n = (now_us / GLANCE_US).max(n) + 1;
        }
    }

    /// Notes what they are doing, and what CPU time they used since the last glance.
    fn glance(&mut self, now_us: u64) {
        let mut seen = Seen { at_us: now_us, ..Seen::default() };
        let mut known = HashMap::new();
        let mut is_whole = !self.follow.processes().is_empty();
        for (nth, process) in self.follow.processes().iter().enumerate() {
            let Some(Glance { cpu_ns, stopped, waits_in }) = glance(*process) else {
                is_whole = false;
                continue;
            };
            // One that is new has used all of its time since the last glance, but at the start.
            let before = self.cpu_ns.get(process).copied();
            let before = before.unwrap_or(if self.cpu_ns.is_empty() { cpu_ns } else { 0 });
            seen.cpu_ns += cpu_ns.saturating_sub(before);
            known.insert(*process, cpu_ns);
            if nth == 0 {
                (seen.stopped, seen.waits_in) = (stopped, waits_in);
            }
        }
        self.cpu_ns = known;
        self.used_ns = self.used_ns.filter(|_| is_whole).map(|sum| sum + seen.cpu_ns);
        if is_whole { self.glances.take(seen) } else { self.glances.forget() }
    }

    /// What was used since the last look.
    fn look(&mut self, now_us: u64, pages: &[Page]) -> Used {
        let looks: Vec<(ProcessId, Look)> = self
            .follow
            .processes()
            .iter()
            .filter_map(|process| Some((*process, look(*process)?)))
            .collect();
        let cgroup = self.follow.cgroup().map(Cgroup::read).unwrap_or_default();
        let net = self.follow.main().and_then(|main| net_counters(main.pid));
        let processes: Vec<ProcessId> = looks.iter().map(|(process, _)| *process).collect();
        let before = std::mem::take(&mut self.before);
        let is_same = before.processes.first() == processes.first() && !processes.is_empty();
        let since = |now: Option<u64>, then: Option<u64>| {
            now.zip(then).filter(|_| is_same).and_then(|(now, then)| now.checked_sub(then))
        };
        let counter =
            |of: fn(&NetCounters) -> u64| since(net.as_ref().map(of), before.net.as_ref().map(of));
        let schedules: HashMap<(ProcessId, u32), Schedule> = looks
            .iter()
            .flat_map(|(process, look)| {
                look.schedules.iter().map(|(thread, schedule)| ((*process, *thread), *schedule))
            })
            .collect();
        let (mut most_ns, mut waited_ns) = (0, 0);
        for (thread, now) in &schedules {
            let then = before.schedules.get(thread).copied().unwrap_or_default();
            most_ns = most_ns.max(now.ran_ns.saturating_sub(then.ran_ns));
            waited_ns += now.waited_ns.saturating_sub(then.waited_ns);
        }
        let of_threads = |ns: u64| (is_same && !schedules.is_empty()).then_some(ns / 1_000);
        let sum = |of: fn(&Look) -> Option<u64>| {
            looks
                .iter()
                .map(|(_, look)| of(look))
                .sum::<Option<u64>>()
                .filter(|_| !looks.is_empty())
        };
        let fullest = looks
            .iter()
            .filter_map(|(_, look)| Some((look.open_files?, look.open_files_limit)))
            .max_by(|a, b| filled(*a).total_cmp(&filled(*b)));
        let allowed = looks.iter().map(|(_, look)| &look.cores).max_by_key(|cores| cores.len());
        let allowed = allowed.cloned().unwrap_or_default();
        let affinity = (!allowed.is_empty()).then_some(allowed.len() as f64);
        let busy_us = busy_us(&allowed);
        let cpu_us = self.used_ns.map(|ns| ns / 1_000);
        let others_us = since(busy_us, before.busy_us.filter(|_| before.cores == allowed));
        let others_us = others_us.zip(cpu_us).map(|(busy, own)| busy.saturating_sub(own));
        let cores = match (affinity, cgroup.cores) {
            (Some(affinity), Some(quota)) => Some(affinity.min(quota)),
            (affinity, _) => affinity,
        };
        let used = Used {
            from_us: before.at_us,
            width_us: now_us.saturating_sub(before.at_us),
            measured: false,
            cpu_us,
            others_us,
            thread_cpu_us: of_threads(most_ns),
            cores,
            run_delay_us: of_threads(waited_ns),
            throttled_us: since(cgroup.throttled_us, before.throttled_us),
            still: self.glances.longest(),
            rss_bytes: sum(|look| look.rss_bytes),
            memory_limit_bytes: cgroup.memory_limit_bytes,
            threads: sum(|look| look.threads),
            open_files: fullest.map(|(files, _)| files),
            open_files_limit: fullest.and_then(|(_, limit)| limit),
            listen_overflows: counter(|net| net.listen_overflows),
            listen_drops: counter(|net| net.listen_drops),
            retransmits: counter(|net| net.retransmits),
            taken: pages.iter().flat_map(Page::next).collect(),
        };
        let throttled_us = cgroup.throttled_us;
        self.before = Before {
            at_us: now_us,
            schedules,
            processes,
            net,
            throttled_us,
            busy_us,
            cores: allowed,
        };
        self.used_ns = Some(0);
        self.refresh();
        used
    }

    /// Finds the processes anew. What those used that are gone by now is not known.
    fn refresh(&mut self) {
        let before = self.follow.main();
        self.follow.refresh();
        if self.follow.main() != before {
            self.glances.forget();
            self.cpu_ns.clear();
            self.used_ns = None;
        }
    }
}

/// Open files by how many there may be.
fn filled((files, limit): (u64, Option<u64>)) -> f64 {
    files as f64 / limit.unwrap_or(u64::MAX) as f64
}
