//! What of the server was full, or held it up, when something went wrong: read off what its processes used.
//!
//! Says what was measured beside the failure. That one caused the other is for a person to say.

use super::condition::upper_limit_us;
use super::{Report, ResourcePoint, Resources, SeriesPoint, ThresholdOutcome};
use crate::units::format::{bytes, count, counted, number, percent, seconds};

/// A share of its cores from which on a server has nothing left.
const CPU: f64 = 0.9;
/// One thread that does all of something fills its core.
const THREAD: f64 = 0.93;
/// Held back by its quota for this part of the time.
const THROTTLED: f64 = 0.03;
/// Open files, of those it may have.
const FILES: f64 = 0.97;
/// Memory, of what it may use.
const MEMORY: f64 = 0.92;
/// Waiting for a core for this part of the time, while others used this share of what its cores have: its own
/// threads wait for one another too.
const RUN_DELAY: f64 = 0.3;
const OTHERS: f64 = 0.25;
/// Memory that grew so many times over, and by so much.
const GROWN: f64 = 2.0;
const GROWN_BYTES: u64 = 64 << 20;
/// A stretch's neighbours count: what fills a queue shows in latencies a moment later.
const AROUND_S: f64 = 1.0;

/// What was full, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Full {
    /// Seconds from the run's start.
    pub at_s: f64,
    /// As it goes on after "when": `the server's 2 cores were full (97 %)`.
    pub what: String,
}

/// When a threshold on the latency of deliveries was first broken, by the run's series, which has the median
/// and the p99 of each second.
#[must_use]
pub fn since(threshold: &ThresholdOutcome, report: &Report) -> Option<f64> {
    over(threshold, report).first().map(|(t_s, _)| *t_s)
}

/// When it was broken most, by the same.
#[must_use]
pub fn worst(threshold: &ThresholdOutcome, report: &Report) -> Option<f64> {
    let over = over(threshold, report);
    over.iter().max_by_key(|(_, us)| *us).map(|(t_s, _)| *t_s)
}

/// The seconds in which it was broken, and the figure of each.
fn over(threshold: &ThresholdOutcome, report: &Report) -> Vec<(f64, u64)> {
    let figure = match &*threshold.metric {
        "delivery.p50" => |point: &SeriesPoint| point.delivery_p50_us,
        "delivery.p99" => |point: &SeriesPoint| point.delivery_p99_us,
        _ => return Vec::new(),
    };
    let Some((limit_us, _)) = upper_limit_us(&threshold.condition) else { return Vec::new() };
    let told = report.series.iter().filter_map(|point| Some((point.t_s, figure(point)?)));
    told.filter(|(_, us)| *us as f64 >= limit_us).collect()
}

/// What was full around that second; without one, at any time. `None` where nothing that is known was.
#[must_use]
pub fn full(report: &Report, at_s: Option<f64>) -> Option<Full> {
    let resources = report.resources.as_ref()?;
    let near = |point: &&ResourcePoint| match at_s {
        None => true,
        Some(at_s) => {
            point.t_s - AROUND_S < at_s + 1.0 && point.t_s + point.width_s + AROUND_S > at_s
        }
    };
    let found = resources.points.iter().filter(near).filter_map(|point| {
        let (rank, what) = reason(point, resources)?;
        Some((rank, Full { at_s: point.t_s, what }))
    });
    // The plainest, and of several like it the first.
    found.min_by_key(|(rank, _)| *rank).map(|(_, full)| full)
}

/// What a stretch shows, the plainest first: what can have no other cause before what may have several.
fn reason(point: &ResourcePoint, resources: &Resources) -> Option<(usize, String)> {
    let told = [
        throttled(point),
        still(point),
        files(point),
        accept_queue(point),
        memory_limit(point),
        cores(point),
        thread(point),
        run_delay(point),
        grown(point, resources),
    ];
    told.into_iter().enumerate().find_map(|(rank, what)| Some((rank, what?)))
}

fn throttled(point: &ResourcePoint) -> Option<String> {
    let share = point.throttled_share.filter(|share| *share >= THROTTLED)?;
    Some(format!("its quota held the server back for {} of the time", percent(share)))
}

fn still(point: &ResourcePoint) -> Option<String> {
    let still = point.still.as_ref()?;
    let how = match (&still.waits_in, still.stopped) {
        (_, true) => ", stopped by a signal".to_owned(),
        (Some(name), false) => format!(", waiting in {name}"),
        (None, false) => String::new(),
    };
    Some(format!("the server stood still for {}{how}", seconds(still.length_s)))
}

fn files(point: &ResourcePoint) -> Option<String> {
    let (open, limit) = point.open_files.zip(point.open_files_limit)?;
    (open as f64 >= limit as f64 * FILES).then(|| {
        format!(
            "the server had {} of the {} open files that it may have",
            count(open),
            count(limit)
        )
    })
}

fn accept_queue(point: &ResourcePoint) -> Option<String> {
    let overflows = point.listen_overflows.filter(|overflows| *overflows > 0)?;
    Some(format!("{} found an accept queue full", counted(overflows, "connection")))
}

fn memory_limit(point: &ResourcePoint) -> Option<String> {
    let (rss, limit) = point.rss_bytes.zip(point.memory_limit_bytes)?;
    (rss as f64 >= limit as f64 * MEMORY)
        .then(|| format!("the server used {} of the {} that it may", bytes(rss), bytes(limit)))
}

fn cores(point: &ResourcePoint) -> Option<String> {
    let share = point.cpu_share.filter(|share| *share >= CPU)?;
    let cores = point.cores?;
    let whose = match cores {
        1.0 => "the server's one core was full".to_owned(),
        _ => format!("the server's {} cores were full", number(cores)),
    };
    Some(format!("{whose} ({})", percent(share)))
}

fn thread(point: &ResourcePoint) -> Option<String> {
    let share = point.thread_cpu_share.filter(|share| *share >= THREAD)?;
    Some(format!("one thread of the server filled its core ({})", percent(share)))
}

fn run_delay(point: &ResourcePoint) -> Option<String> {
    let share = point.run_delay_share.filter(|share| *share >= RUN_DELAY)?;
    let others = point.others_share.filter(|others| *others >= OTHERS)?;
    Some(format!(
        "the server waited for a core for {} of the time, and others used {} of its cores",
        percent(share),
        percent(others)
    ))
}

fn grown(point: &ResourcePoint, resources: &Resources) -> Option<String> {
    let first = resources.points.iter().find_map(|point| point.rss_bytes)?;
    let now = point.rss_bytes?;
    let is_grown = now as f64 >= first as f64 * GROWN && now >= first + GROWN_BYTES;
    is_grown
        .then(|| format!("the server's memory had grown from {} to {}", bytes(first), bytes(now)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::StillStretch;

    fn usual(t_s: f64) -> ResourcePoint {
        ResourcePoint {
            t_s,
            width_s: 1.0,
            cpu_share: Some(0.4),
            cores: Some(2.0),
            thread_cpu_share: Some(0.4),
            run_delay_share: Some(0.45),
            others_share: Some(0.1),
            throttled_share: Some(0.0),
            rss_bytes: Some(50 << 20),
            open_files: Some(100),
            open_files_limit: Some(1_024),
            listen_overflows: Some(0),
            ..ResourcePoint::default()
        }
    }

    fn report(points: Vec<ResourcePoint>) -> Report {
        let resources = Resources { points, ..Resources::default() };
        Report { resources: Some(resources), ..Report::default() }
    }

    #[test]
    fn each_cause_is_named_and_a_healthy_server_has_none() {
        let still = |stopped, waits_in: Option<&str>| {
            let waits_in = waits_in.map(str::to_owned);
            Some(StillStretch { at_s: 5.2, length_s: 0.8, stopped, waits_in })
        };
        let table: [(ResourcePoint, &str); 10] = [
            (ResourcePoint { throttled_share: Some(0.38), ..usual(5.0) }, "its quota held"),
            (ResourcePoint { still: still(true, None), ..usual(5.0) }, "stopped by a signal"),
            (
                ResourcePoint { still: still(false, Some("anon_pipe_write")), ..usual(5.0) },
                "the server stood still for 0.8 s, waiting in anon_pipe_write",
            ),
            (ResourcePoint { open_files: Some(1_024), ..usual(5.0) }, "1,024 of the 1,024 open"),
            (
                ResourcePoint { listen_overflows: Some(1_204), ..usual(5.0) },
                "1,204 connections found an accept queue full",
            ),
            (
                ResourcePoint { memory_limit_bytes: Some(52 << 20), ..usual(5.0) },
                "the server used 50.0 MiB of the 52.0 MiB",
            ),
            (
                ResourcePoint { cpu_share: Some(0.97), ..usual(5.0) },
                "the server's 2 cores were full (97 %)",
            ),
            (ResourcePoint { thread_cpu_share: Some(0.99), ..usual(5.0) }, "one thread of the"),
            (
                ResourcePoint {
                    run_delay_share: Some(0.45),
                    others_share: Some(0.5),
                    ..usual(5.0)
                },
                "waited for a core for",
            ),
            (ResourcePoint { rss_bytes: Some(500 << 20), ..usual(5.0) }, "had grown from 50.0 MiB"),
        ];
        for (point, expected) in table {
            let report = report(vec![usual(0.0), point, usual(6.0), usual(7.0), usual(8.0)]);
            for at_s in [None, Some(5.0), Some(6.0)] {
                let found = full(&report, at_s).unwrap_or_else(|| panic!("{expected} {at_s:?}"));
                assert!(found.what.contains(expected), "{} is no {expected}", found.what);
                assert_eq!(found.at_s, 5.0);
            }
            assert_eq!(full(&report, Some(8.5)), None, "{expected}: long before");
        }
        assert_eq!(full(&report(vec![usual(5.0)]), Some(5.0)), None);
        assert_eq!(full(&Report::default(), None), None);
    }

    #[test]
    fn what_has_one_cause_goes_first() {
        let point = ResourcePoint {
            throttled_share: Some(0.5),
            cpu_share: Some(1.0),
            run_delay_share: Some(0.9),
            ..usual(5.0)
        };
        let found = full(&report(vec![point]), Some(5.0)).unwrap();
        assert!(found.what.starts_with("its quota"), "{}", found.what);
    }

    #[test]
    fn the_second_is_told_only_of_what_the_series_has() {
        let threshold = |metric: &str| ThresholdOutcome {
            metric: metric.to_owned(),
            condition: "< 250ms".to_owned(),
            ..ThresholdOutcome::default()
        };
        let series =
            [(3.0, 1_000), (4.0, 300_000), (5.0, 800_000), (6.0, 400_000)].map(|(t_s, us)| {
                SeriesPoint { t_s, delivery_p99_us: Some(us), ..SeriesPoint::default() }
            });
        let report = Report { series: series.to_vec(), ..Report::default() };
        assert_eq!(since(&threshold("delivery.p99"), &report), Some(4.0));
        assert_eq!(worst(&threshold("delivery.p99"), &report), Some(5.0));
        assert_eq!(since(&threshold("delivery.p50"), &report), None);
        assert_eq!(since(&threshold("delivery.p99.9"), &report), None);
        assert_eq!(since(&threshold("lost"), &report), None);
    }
}
