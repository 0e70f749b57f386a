//! What the server's processes used, as the report has it.

use crate::coordinator::Outcome;
use crate::measure::{Still, Used, resource_figure};
use crate::metric::{Over, Resource};
use crate::report::{ResourcePoint, Resources, StillStretch};

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

/// `None` where nothing was watched.
pub(super) fn resources(outcome: &Outcome) -> Option<Resources> {
    let what = outcome.watched.clone()?;
    let totals = &outcome.totals;
    let names: Vec<String> =
        totals.plan().scenario.target.watch.taken().map(str::to_owned).collect();
    let mut figures = std::collections::BTreeMap::new();
    if !what.is_empty() {
        for (resource, name, _) in Resource::ALL {
            figures.insert(name.to_owned(), resource_figure(resource, totals));
        }
    }
    for (at, name) in names.iter().enumerate() {
        for (over, word) in Over::ALL {
            figures.insert(format!("{name}.{word}"), totals.resources.taken(at, over));
        }
    }
    Some(Resources {
        what,
        figures,
        taken: names,
        watching_cpu_s: seconds(totals.resources.watching_cpu_us),
        points: totals.resources.points().iter().map(point).collect(),
    })
}

fn point(used: &Used) -> ResourcePoint {
    ResourcePoint {
        t_s: seconds(used.from_us),
        width_s: seconds(used.width_us),
        cpu_share: used.cpu_share(),
        cores: used.cores,
        thread_cpu_share: used.of_width(used.thread_cpu_us),
        others_share: used
            .of_width(used.others_us)
            .zip(used.cores.filter(|cores| *cores > 0.0))
            .map(|(share, cores)| share / cores),
        run_delay_share: used.of_width(used.run_delay_us),
        throttled_share: used.of_width(used.throttled_us),
        still: used.still.as_ref().map(still),
        rss_bytes: used.rss_bytes,
        memory_limit_bytes: used.memory_limit_bytes,
        threads: used.threads,
        open_files: used.open_files,
        open_files_limit: used.open_files_limit,
        listen_overflows: used.listen_overflows,
        listen_drops: used.listen_drops,
        retransmits: used.retransmits,
        taken: used.taken.clone(),
    }
}

fn still(still: &Still) -> StillStretch {
    StillStretch {
        at_s: seconds(still.from_us),
        length_s: seconds(still.length_us),
        stopped: still.stopped,
        waits_in: still.waits_in.clone(),
    }
}
