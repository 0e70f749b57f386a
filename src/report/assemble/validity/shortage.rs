//! What was short when uproar was late: its own cores, or those that somebody else kept busy. Only
//! in the first case do fewer clients help.

use super::BUSY_SUSPECT;
use crate::coordinator::Outcome;
use crate::units::format::{number, percent};

/// Others that kept this much of a core busy can make a thread wait for its turn.
const OTHERS_CORES: f64 = 0.3;
/// Over this share of its core a server beside us leaves little for others on it.
const SERVER_CORES: f64 = 0.7;
/// Stolen by the hypervisor.
const STOLEN: f64 = 0.02;

/// Cores kept busy over the run, on average, by whom; what the system does not tell is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Used {
    /// The busiest worker's share of its core, held for three intervals.
    pub(super) worker: f64,
    pub(super) generator: Option<f64>,
    pub(super) server: Option<f64>,
    /// Neither uproar nor the built-in server.
    pub(super) others: Option<f64>,
    /// A share of all cores.
    pub(super) stolen: Option<f64>,
    /// Of the machine.
    pub(super) cores: f64,
}

impl Used {
    fn of(outcome: &Outcome) -> Self {
        let wall_us = outcome.duration_us.max(1) as f64;
        let workers = outcome.totals.workers().iter();
        let worker = workers.map(|health| health.busiest_share_3).fold(0.0, f64::max);
        let server = outcome.server.map(|server| server.cpu_us as f64 / wall_us);
        let shares = outcome.machine.and_then(|(before, after)| after.since(before));
        let cores = outcome.machine.map_or(0.0, |(_, after)| f64::from(after.cores));
        let generator = outcome.generator_cpu_us.map(|us| us as f64 / wall_us);
        let others = shares.zip(generator).map(|(shares, generator)| {
            (shares.busy * cores - generator - server.unwrap_or(0.0)).max(0.0)
        });
        Self { worker, generator, server, others, stolen: shares.map(|shares| shares.steal), cores }
    }

    /// What to do about it.
    pub(super) fn advice(&self) -> String {
        let cores = number(self.cores);
        // As much as everybody else together, and most of a core: it was uproar's own work.
        let most = self.generator.is_some_and(|ours| {
            ours > BUSY_SUSPECT && self.others.is_none_or(|others| ours >= others)
        });
        if self.worker > BUSY_SUSPECT || most {
            return "use fewer clients or a lower rate, or give uproar a machine with more cores"
                .to_owned();
        }
        if let Some(others) = self.others.filter(|others| *others > OTHERS_CORES) {
            return format!(
                "other programs kept {} of {cores} cores busy: end them, or give uproar a machine \
                 of its own",
                number(others)
            );
        }
        if let Some(stolen) = self.stolen.filter(|stolen| *stolen > STOLEN) {
            return format!(
                "other virtual machines took {} of the time: run again, or on a machine that is \
                 not shared",
                percent(stolen)
            );
        }
        if let Some(server) = self.server.filter(|server| *server > SERVER_CORES) {
            return format!(
                "the built-in server kept {} of {cores} cores busy: give the server a machine of \
                 its own",
                number(server)
            );
        }
        "uproar had cores to spare: run again on a machine that does nothing else".to_owned()
    }
}

/// What to do about messages that left late.
pub(super) fn remedy(outcome: &Outcome) -> String {
    Used::of(outcome).advice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_clients_are_advised_only_where_uproar_itself_was_short() {
        let idle = Used { cores: 2.0, ..Used::default() };
        let table = [
            (Used { worker: 0.71, others: Some(1.7), ..idle }, "use fewer clients"),
            (Used { generator: Some(0.9), others: Some(0.9), ..idle }, "use fewer clients"),
            (Used { generator: Some(0.9), others: Some(1.0), ..idle }, "kept 1 of 2 cores busy"),
            (Used { generator: Some(0.7), ..idle }, "cores to spare"),
            (Used { others: Some(1.7), ..idle }, "other programs kept 1.7 of 2 cores busy"),
            (Used { others: Some(0.3), stolen: Some(0.12), ..idle }, "took 12 % of the time"),
            (Used { server: Some(0.9), ..idle }, "the built-in server kept 0.9 of 2 cores busy"),
            (Used { worker: 0.7, server: Some(0.7), stolen: Some(0.02), ..idle }, "cores to spare"),
            (Used::default(), "cores to spare"),
        ];
        for (used, says) in table {
            let advice = used.advice();
            assert!(advice.contains(says), "{used:?}: {advice}");
        }
    }
}
