//! What the server's processes used, over the run: at most 600 points, and what they come to.

use serde::{Deserialize, Serialize};

use crate::metric::{Over, Resource};

/// The most points kept; past it neighbours merge and points get twice as wide.
const POINTS_MAX: usize = 600;
const SECOND_US: u64 = 1_000_000;

/// What was used in a stretch of time, about a second. What could not be read is `None`, never 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Used {
    /// Its begin, since the run's start.
    pub from_us: u64,
    /// Its length; 0 of a reading at the run's start.
    pub width_us: u64,
    /// Whether it lies in the measured part of the run.
    pub measured: bool,
    /// CPU time of all processes.
    pub cpu_us: Option<u64>,
    /// CPU time of the thread that used most.
    pub thread_cpu_us: Option<u64>,
    /// Cores' worth of CPU time that they may use, by affinity and quota.
    pub cores: Option<f64>,
    /// CPU time of everybody else on the cores that they may use.
    pub others_us: Option<u64>,
    /// How long threads were ready to run and waited for a core, all together.
    pub run_delay_us: Option<u64>,
    /// How long the control group's quota was used up.
    pub throttled_us: Option<u64>,
    /// The longest part of it in which they used no CPU time though there was something to do, or were
    /// stopped.
    pub still: Option<Still>,
    /// Resident memory at its end.
    pub rss_bytes: Option<u64>,
    /// How much memory they may use.
    pub memory_limit_bytes: Option<u64>,
    /// Threads at its end.
    pub threads: Option<u64>,
    /// Open files of the process that has most of those it may have.
    pub open_files: Option<u64>,
    /// How many that process may have.
    pub open_files_limit: Option<u64>,
    /// Connections that came while an accept queue was full.
    pub listen_overflows: Option<u64>,
    /// Connections dropped at a listener.
    pub listen_drops: Option<u64>,
    /// TCP segments sent again.
    pub retransmits: Option<u64>,
    /// What the server tells itself, in the order of the names: counters by the second.
    pub taken: Vec<Option<f64>>,
}

/// A stretch in which the server stood still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Still {
    /// Its begin, since the run's start.
    pub from_us: u64,
    /// Its length, to about 100 ms.
    pub length_us: u64,
    /// Whether it was stopped, by a signal or a debugger.
    pub stopped: bool,
    /// What its main thread waited for inside the kernel, by the kernel's name.
    pub waits_in: Option<String>,
}

impl Used {
    /// Its middle.
    #[must_use]
    pub fn middle_us(&self) -> u64 {
        self.from_us + self.width_us / 2
    }

    /// CPU time as a share of what the cores have.
    #[must_use]
    pub fn cpu_share(&self) -> Option<f64> {
        let cores = self.cores.filter(|cores| *cores > 0.0)?;
        self.of_width(self.cpu_us).map(|used| used / cores)
    }

    /// A time as a share of the stretch.
    #[must_use]
    pub fn of_width(&self, us: Option<u64>) -> Option<f64> {
        us.filter(|_| self.width_us > 0).map(|us| us as f64 / self.width_us as f64)
    }

    /// Both stretches as one: times and counts are summed, of all others the larger holds, so that what
    /// was full once is not smoothed away.
    fn merge(&mut self, later: &Self) {
        let sum = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) => Some(a + b),
            // Half of a stretch is not all of it.
            _ => None,
        };
        let weigh = |a: Option<f64>, b: Option<f64>, widths: (f64, f64)| match (a, b) {
            (Some(a), Some(b)) => Some((a * widths.0 + b * widths.1) / (widths.0 + widths.1)),
            (a, b) => a.or(b),
        };
        let widths = (self.width_us as f64, later.width_us as f64);
        self.cpu_us = sum(self.cpu_us, later.cpu_us);
        self.thread_cpu_us = sum(self.thread_cpu_us, later.thread_cpu_us);
        self.others_us = sum(self.others_us, later.others_us);
        self.run_delay_us = sum(self.run_delay_us, later.run_delay_us);
        self.throttled_us = sum(self.throttled_us, later.throttled_us);
        self.listen_overflows = sum(self.listen_overflows, later.listen_overflows);
        self.listen_drops = sum(self.listen_drops, later.listen_drops);
        self.retransmits = sum(self.retransmits, later.retransmits);
        self.cores = later.cores.or(self.cores);
        let length = |still: &Option<Still>| still.as_ref().map(|still| still.length_us);
        if length(&later.still) > length(&self.still) {
            self.still.clone_from(&later.still);
        }
        self.rss_bytes = self.rss_bytes.max(later.rss_bytes);
        self.memory_limit_bytes = later.memory_limit_bytes.or(self.memory_limit_bytes);
        self.threads = self.threads.max(later.threads);
        self.open_files = self.open_files.max(later.open_files);
        self.open_files_limit = later.open_files_limit.or(self.open_files_limit);
        for (mine, theirs) in self.taken.iter_mut().zip(&later.taken) {
            *mine = weigh(*mine, *theirs, widths);
        }
        self.width_us = (later.from_us + later.width_us).saturating_sub(self.from_us);
        self.measured |= later.measured;
    }
}

/// The run's points, in order of time.
#[derive(Clone, Debug)]
pub struct Resources {
    point_us: u64,
    points: Vec<Used>,
    /// What the largest of each second was, in the measured part.
    peaks: Peaks,
    /// Resident memory before anybody came.
    rss_begin_bytes: Option<u64>,
    /// CPU time that watching took.
    pub watching_cpu_us: u64,
}

/// The largest figures of single seconds, which merged points do not show any more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peaks {
    /// See [`Used::cpu_share`].
    pub cpu: Option<f64>,
    /// CPU time of the busiest thread, by the time.
    pub thread_cpu: Option<f64>,
    /// Waiting for a core, by the time.
    pub run_delay: Option<f64>,
    /// Throttled, by the time.
    pub throttled: Option<f64>,
    /// The longest stretch of standing still; 0 where there was none.
    pub still_us: Option<u64>,
    /// Resident memory.
    pub rss_bytes: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
    /// Open files.
    pub open_files: Option<u64>,
    /// What the server tells itself.
    pub taken: Vec<Option<f64>>,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            point_us: SECOND_US,
            points: Vec::new(),
            peaks: Peaks::default(),
            rss_begin_bytes: None,
            watching_cpu_us: 0,
        }
    }
}

fn larger(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
}

impl Resources {
    /// Takes a stretch in.
    pub fn take(&mut self, used: Used) {
        if used.width_us == 0 {
            self.rss_begin_bytes = self.rss_begin_bytes.or(used.rss_bytes);
            return;
        }
        if used.measured {
            self.peaks.take(&used);
        }
        while (used.middle_us() / self.point_us) as usize >= POINTS_MAX {
            self.widen();
        }
        let (point_us, is_full) = (self.point_us, self.points.len() >= 2 * POINTS_MAX);
        let merges = point_us > SECOND_US || is_full;
        match self.points.last_mut() {
            Some(last) if merges && last.middle_us() / point_us == used.middle_us() / point_us => {
                last.merge(&used);
            }
            _ => self.points.push(used),
        }
    }

    fn widen(&mut self) {
        self.point_us *= 2;
        let mut merged: Vec<Used> = Vec::new();
        for used in self.points.drain(..) {
            match merged.last_mut() {
                Some(last)
                    if last.middle_us() / self.point_us == used.middle_us() / self.point_us =>
                {
                    last.merge(&used);
                }
                _ => merged.push(used),
            }
        }
        self.points = merged;
    }

    /// In order of time.
    #[must_use]
    pub fn points(&self) -> &[Used] {
        &self.points
    }

    /// The largest of each second of the measured part.
    #[must_use]
    pub fn peaks(&self) -> &Peaks {
        &self.peaks
    }

    /// A figure of the measured part, in the unit of its kind: of deliveries so many a second, and with so
    /// many people at most. `None` where it is not known.
    #[must_use]
    pub fn figure(&self, of: Resource, deliveries_per_s: Option<f64>, people: u32) -> Option<f64> {
        let whole = |n: Option<u64>| n.map(|n| n as f64);
        let peaks = &self.peaks;
        match of {
            Resource::CpuMax => peaks.cpu,
            Resource::CpuMean => self.mean(Used::cpu_share),
            Resource::ThreadCpuMax => peaks.thread_cpu,
            Resource::RunDelayMax => peaks.run_delay,
            Resource::RunDelayMean => self.mean(|used| used.of_width(used.run_delay_us)),
            Resource::ThrottledMax => peaks.throttled,
            Resource::StillMax => whole(peaks.still_us),
            Resource::RssMax => whole(peaks.rss_bytes),
            Resource::RssGrowth => {
                let mut known = self.measured().filter_map(|used| used.rss_bytes);
                let first = known.next()?;
                Some(known.next_back()? as f64 - first as f64)
            }
            Resource::ThreadsMax => whole(peaks.threads),
            Resource::OpenFilesMax => whole(peaks.open_files),
            Resource::ListenOverflows => self.sum(|used| used.listen_overflows),
            Resource::ListenDrops => self.sum(|used| used.listen_drops),
            Resource::Retransmits => self.sum(|used| used.retransmits),
            Resource::CpuPerDelivery => {
                let us_per_s = self.mean(|used| used.of_width(used.cpu_us))? * 1e6;
                deliveries_per_s.filter(|rate| *rate > 0.0).map(|rate| us_per_s / rate)
            }
            Resource::BytesPerClient => {
                let most = self.points.iter().filter_map(|used| used.rss_bytes).max()?;
                let grown = most.saturating_sub(self.rss_begin_bytes?);
                (people > 0).then(|| grown as f64 / f64::from(people))
            }
        }
    }

    /// A metric that the server tells itself, by its place.
    #[must_use]
    pub fn taken(&self, at: usize, over: Over) -> Option<f64> {
        match over {
            Over::Max => self.peaks.taken.get(at).copied().flatten(),
            Over::Mean => self.mean(|used| used.taken.get(at).copied().flatten()),
        }
    }

    fn measured(&self) -> impl DoubleEndedIterator<Item = &Used> {
        self.points.iter().filter(|used| used.measured)
    }

    /// Over the time of which it is known.
    fn mean(&self, of: impl Fn(&Used) -> Option<f64>) -> Option<f64> {
        let known = self.measured().filter_map(|used| Some((of(used)?, used.width_us as f64)));
        let (sum, width) =
            known.fold((0.0, 0.0), |(sum, width), (of, us)| (sum + of * us, width + us));
        (width > 0.0).then(|| sum / width)
    }

    /// Over the whole run: connections come in its ramp.
    fn sum(&self, of: impl Fn(&Used) -> Option<u64>) -> Option<f64> {
        let known = self.points.iter().filter_map(of).map(|n| n as f64);
        known.reduce(|a, b| a + b)
    }
}

impl Peaks {
    fn take(&mut self, used: &Used) {
        self.cpu = larger(self.cpu, used.cpu_share());
        self.thread_cpu = larger(self.thread_cpu, used.of_width(used.thread_cpu_us));
        self.run_delay = larger(self.run_delay, used.of_width(used.run_delay_us));
        self.throttled = larger(self.throttled, used.of_width(used.throttled_us));
        if used.cpu_us.is_some() {
            let still_us = used.still.as_ref().map_or(0, |still| still.length_us);
            self.still_us = self.still_us.max(Some(still_us));
        }
        self.rss_bytes = self.rss_bytes.max(used.rss_bytes);
        self.threads = self.threads.max(used.threads);
        self.open_files = self.open_files.max(used.open_files);
        self.taken.resize(self.taken.len().max(used.taken.len()), None);
        for (mine, theirs) in self.taken.iter_mut().zip(&used.taken) {
            *mine = larger(*mine, *theirs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(at_s: u64) -> Used {
        Used {
            from_us: at_s * SECOND_US,
            width_us: SECOND_US,
            measured: true,
            cpu_us: Some(500_000),
            cores: Some(2.0),
            rss_bytes: Some(at_s * 1_000),
            listen_overflows: Some(1),
            taken: vec![Some(at_s as f64)],
            ..Used::default()
        }
    }

    #[test]
    fn a_long_run_keeps_its_sums_and_its_peaks_in_a_bounded_number_of_points() {
        let mut all = Resources::default();
        for at_s in 0..5_000 {
            let cpu_us = if at_s == 777 { 1_900_000 } else { 500_000 };
            all.take(Used { cpu_us: Some(cpu_us), ..second(at_s) });
        }
        assert!(all.points().len() <= POINTS_MAX, "{}", all.points().len());
        let sum = |of: fn(&Used) -> Option<u64>| all.points().iter().filter_map(of).sum::<u64>();
        assert_eq!(sum(|used| used.cpu_us), 4_999 * 500_000 + 1_900_000);
        assert_eq!(sum(|used| used.listen_overflows), 5_000);
        assert_eq!(sum(|used| Some(used.width_us)), 5_000 * SECOND_US);
        assert_eq!(all.peaks().cpu, Some(0.95), "a second's, whatever merges");
        assert_eq!(all.peaks().rss_bytes, Some(4_999_000));
        assert_eq!(all.peaks().taken, [Some(4_999.0)]);
        let last = all.points().last().unwrap();
        assert!(last.taken[0].unwrap() < 4_999.0, "on average");
    }

    #[test]
    fn figures_are_of_the_measured_part_and_what_is_summed_of_the_whole_run() {
        let mut all = Resources::default();
        all.take(Used { width_us: 0, rss_bytes: Some(1_000), ..second(0) });
        all.take(Used { measured: false, cpu_us: Some(2_000_000), ..second(0) });
        for at_s in 1..5 {
            let still = Still { from_us: 0, length_us: 800_000, stopped: true, waits_in: None };
            let still = (at_s == 3).then_some(still);
            all.take(Used { still, rss_bytes: Some(at_s * 1_000), ..second(at_s) });
        }
        let of = |resource| all.figure(resource, Some(1_000.0), 4);
        assert_eq!(of(Resource::CpuMax), Some(0.25));
        assert_eq!(of(Resource::CpuMean), Some(0.25));
        assert_eq!(of(Resource::CpuPerDelivery), Some(500.0));
        assert_eq!(of(Resource::RssGrowth), Some(3_000.0));
        assert_eq!(of(Resource::BytesPerClient), Some(750.0));
        assert_eq!(of(Resource::StillMax), Some(800_000.0));
        assert_eq!(of(Resource::ListenOverflows), Some(5.0));
        assert_eq!(of(Resource::Retransmits), None);
        assert_eq!(all.taken(0, Over::Mean), Some(2.5));
        assert_eq!((all.taken(0, Over::Max), all.taken(1, Over::Max)), (Some(4.0), None));
        assert_eq!(all.figure(Resource::CpuPerDelivery, None, 4), None);
        assert_eq!(all.figure(Resource::BytesPerClient, None, 0), None);
    }

    #[test]
    fn what_was_not_read_is_unknown_and_not_0() {
        let mut all = Resources::default();
        all.take(Used { cpu_us: None, ..second(0) });
        assert_eq!((all.peaks().cpu, all.peaks().still_us), (None, None));
        let mut half = second(0);
        half.merge(&Used { cpu_us: None, ..second(1) });
        assert_eq!((half.cpu_us, half.width_us), (None, 2 * SECOND_US));
        all.take(Used { measured: false, ..second(3) });
        assert_eq!(all.peaks().rss_bytes, Some(0), "a ramp is no measured part");
    }
}
