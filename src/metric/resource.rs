//! Names of what the server under test used of its machine, as thresholds have it. Names only, as
//! everywhere under `metric`.

use serde::{Deserialize, Serialize};

/// What thresholds on the server's machine begin with.
pub const TARGET: &str = "target.";

/// A figure of the server's processes over the measured part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// CPU time as a share of what its cores have: the fullest second.
    CpuMax,
    /// The same on average.
    CpuMean,
    /// CPU time of the thread that used most, as a share of one core: the fullest second.
    ThreadCpuMax,
    /// How long its threads were ready to run and waited for a core, all together, by the time: the worst
    /// second. May be over 100 %.
    RunDelayMax,
    /// The same on average.
    RunDelayMean,
    /// How long its control group's quota was used up, by the time: the worst second.
    ThrottledMax,
    /// The longest stretch in which it used no CPU time though it was stopped or had people to serve.
    StillMax,
    /// Resident memory, the most.
    RssMax,
    /// Resident memory at the end less that at the beginning.
    RssGrowth,
    /// Threads, the most.
    ThreadsMax,
    /// Open files, the most.
    OpenFilesMax,
    /// Connections that came while a listener's accept queue was full, over the run.
    ListenOverflows,
    /// Connections dropped at a listener, over the run.
    ListenDrops,
    /// TCP segments sent again, over the run.
    Retransmits,
    /// CPU time by deliveries.
    CpuPerDelivery,
    /// How much more memory the most is than at the start, by the most people who were up.
    BytesPerClient,
}

/// What such a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceUnit {
    /// A part of 1.
    Share,
    /// Microseconds.
    Time,
    /// Bytes.
    Bytes,
    /// A number of things.
    Count,
}

impl Resource {
    /// Every figure with the name a threshold uses, after `target.`.
    pub const ALL: [(Self, &'static str, ResourceUnit); 16] = [
        (Self::CpuMax, "cpu.max", ResourceUnit::Share),
        (Self::CpuMean, "cpu.mean", ResourceUnit::Share),
        (Self::ThreadCpuMax, "thread_cpu.max", ResourceUnit::Share),
        (Self::RunDelayMax, "run_delay.max", ResourceUnit::Share),
        (Self::RunDelayMean, "run_delay.mean", ResourceUnit::Share),
        (Self::ThrottledMax, "throttled.max", ResourceUnit::Share),
        (Self::StillMax, "still.max", ResourceUnit::Time),
        (Self::RssMax, "rss.max", ResourceUnit::Bytes),
        (Self::RssGrowth, "rss.growth", ResourceUnit::Bytes),
        (Self::ThreadsMax, "threads.max", ResourceUnit::Count),
        (Self::OpenFilesMax, "open_files.max", ResourceUnit::Count),
        (Self::ListenOverflows, "listen_overflows", ResourceUnit::Count),
        (Self::ListenDrops, "listen_drops", ResourceUnit::Count),
        (Self::Retransmits, "retransmits", ResourceUnit::Count),
        (Self::CpuPerDelivery, "cpu_per_delivery", ResourceUnit::Time),
        (Self::BytesPerClient, "bytes_per_client", ResourceUnit::Bytes),
    ];

    /// The figure of that name, which stands after `target.`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known, _)| *known == name).map(|(of, ..)| of)
    }

    /// What it is counted in.
    #[must_use]
    pub fn unit(self) -> ResourceUnit {
        let of = Self::ALL.into_iter().find(|(of, ..)| *of == self);
        of.map_or(ResourceUnit::Count, |(.., unit)| unit)
    }
}

/// Which figure of a metric that the server tells itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// The largest.
    Max,
    /// On average over time.
    Mean,
}

impl Over {
    /// Each with the name a threshold uses.
    pub const ALL: [(Self, &'static str); 2] = [(Self::Max, "max"), (Self::Mean, "mean")];
}
