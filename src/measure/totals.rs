//! Everything the coordinator has gathered: snapshots merged, messages settled.

use std::sync::Arc;

use super::counts::{Closes, Counts, Errors};
use super::examples::Examples;
use super::findings::Findings;
use super::hist::{Hist, HistKey, Histograms};
use super::ledger::{MemberChange, MemberEvent};
use super::recovery::Recoveries;
use super::resources::{Resources, Used};
use super::series::Series;
use super::settler::{Settled, Settler};
use super::snapshot::{Snapshot, Standing, WorkerHealth};
use super::spread::SpreadBySize;
use super::taken::Taken;
use crate::metric::Metric;
use crate::plan::Plan;

/// The run's figures so far.
#[derive(Debug)]
pub struct Totals {
    plan: Arc<Plan>,
    histograms: Histograms,
    counts: Vec<Counts>,
    /// Errors of all workers.
    pub errors: Errors,
    /// Ends of connections of all workers.
    pub closes: Closes,
    /// What frames looked like, of all workers.
    pub examples: Examples,
    /// Which rules of protocol files took how many.
    pub taken: Taken,
    /// Figures over time.
    pub series: Series,
    /// What the server's processes used.
    pub resources: Resources,
    settler: Settler,
    recoveries: Recoveries,
    /// By worker: clients up, CPU in all, and the busiest interval of at least half a second.
    workers: Vec<WorkerTotals>,
    /// By worker: where its clients stood when it last told.
    standings: Vec<Standing>,
    /// The most clients that were up at once.
    pub peak_up: u32,
    /// How far the schedule has come.
    reached_us: u64,
    /// Whether a worker is gone, with what it would have told.
    gave_up: bool,
}

/// One worker's health over the run.
#[derive(Clone, Debug, Default)]
pub struct WorkerTotals {
    /// Clients up at the end of its last interval.
    pub clients_up: u32,
    /// CPU time of its thread.
    pub cpu_us: u64,
    /// Time covered.
    pub wall_us: u64,
    /// The end of its last interval, since the run's start.
    until_us: u64,
    /// Its last intervals' shares of a core, the newest last; at most three.
    recent: Vec<f64>,
    /// The highest share held over three intervals in a row.
    pub busiest_share_3: f64,
}

impl WorkerTotals {
    fn take(&mut self, health: WorkerHealth) {
        self.clients_up = health.clients_up;
        self.cpu_us += health.cpu_us;
        self.wall_us += health.wall_us;
        // Shares of short intervals say more about the CPU clock's ticks than about load.
        if health.wall_us < 500_000 {
            return;
        }
        let share = health.cpu_us as f64 / health.wall_us as f64;
        self.recent.push(share);
        if self.recent.len() > 3 {
            self.recent.remove(0);
        }
        if self.recent.len() == 3 {
            let least = self.recent.iter().copied().fold(f64::INFINITY, f64::min);
            self.busiest_share_3 = self.busiest_share_3.max(least);
        }
    }

    /// The whole run's share of a core.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.wall_us == 0 { 0.0 } else { self.cpu_us as f64 / self.wall_us as f64 }
    }
}

impl Totals {
    /// Nothing yet.
    #[must_use]
    pub fn new(plan: Arc<Plan>, workers: usize) -> Self {
        Self {
            histograms: Histograms::default(),
            counts: vec![Counts::default(); plan.scenario.cohorts.len()],
            errors: Errors::default(),
            closes: Closes::default(),
            examples: Examples::default(),
            taken: Taken::default(),
            series: Series::default(),
            resources: Resources::default(),
            settler: Settler::new(Arc::clone(&plan), workers),
            recoveries: Recoveries::new(Arc::clone(&plan)),
            workers: vec![WorkerTotals::default(); workers],
            standings: vec![Standing::default(); workers],
            peak_up: 0,
            reached_us: 0,
            gave_up: false,
            plan,
        }
    }

    /// Takes a worker's snapshot in.
    pub fn take(&mut self, snapshot: Snapshot) {
        if !snapshot.closing {
            self.place_in_time(&snapshot);
        }
        if let Some(standing) = self.standings.get_mut(usize::from(snapshot.worker)) {
            *standing = snapshot.standing;
        }
        self.histograms.merge(&snapshot.histograms);
        for (mine, theirs) in self.counts.iter_mut().zip(&snapshot.counts) {
            mine.merge(theirs);
        }
        self.errors.merge(&snapshot.errors);
        self.closes.merge(&snapshot.closes);
        self.examples.merge(snapshot.examples);
        self.taken.merge(&snapshot.taken);
        for event in snapshot.recoveries {
            self.recoveries.take(event);
        }
        self.settler.list(snapshot.findings);
        self.settler.take(snapshot.ledger);
        self.settler.told(snapshot.worker, snapshot.at_us);
        self.settler.bound_events(&mut self.histograms);
    }

    fn place_in_time(&mut self, snapshot: &Snapshot) {
        if let Some(worker) = self.workers.get_mut(usize::from(snapshot.worker)) {
            worker.take(snapshot.health);
            worker.until_us = snapshot.at_us;
        }
        let up = self.clients_up();
        self.peak_up = self.peak_up.max(up);
        self.recoveries.note_up(snapshot.at_us, up);
        // A snapshot is taken a little after its interval's end; its middle is surely inside.
        let middle_us = snapshot.at_us.saturating_sub(snapshot.health.wall_us / 2);
        let point = self.series.at(middle_us);
        point.clients_up = up;
        let sum = |metric| snapshot.histograms.sum(metric, |_| true);
        let delivery = sum(Metric::Delivery);
        let pushed = snapshot.counts.iter().map(|counts| counts.pushed).sum::<u64>();
        point.deliveries += delivery.len() + pushed;
        point.delivery.merge(&delivery);
        point.delivery_from_sent.merge(&sum(Metric::DeliveryFromSent));
        point.lag.merge(&sum(Metric::Lag));
        point.publishes += snapshot.counts.iter().map(|counts| counts.sent).sum::<u64>();
        point.errors += snapshot.errors.total();
    }

    /// Takes in what the server's processes used in a stretch of time.
    pub fn take_used(&mut self, used: Used) {
        let end_us = used.from_us + used.width_us;
        let is_measured = |at_us: u64| {
            at_us < self.plan.end_us() && self.plan.phases[self.plan.phase_at(at_us)].measured
        };
        // The last microsecond, so that a stretch may end where its phase does.
        let measured = is_measured(used.from_us) && is_measured(end_us.saturating_sub(1));
        self.resources.take(Used { measured, ..used });
    }

    /// Takes in how long the run's one lookup of the host's name took. It belongs to no cohort
    /// and no phase, and is filed under the first of each.
    pub fn record_lookup(&mut self, us: u64) {
        let key = HistKey { metric: Metric::ConnectLookup, cohort: 0, phase: 0 };
        self.histograms.record(key, us);
    }

    /// Settles what is old enough at `now_us`.
    pub fn advance(&mut self, now_us: u64) {
        // Before the messages, which are put down to the outages it finds.
        self.recoveries.advance(now_us);
        self.settler.advance(now_us, &mut self.histograms, &mut self.recoveries);
    }

    /// Notes how far the schedule has come: rates count up to there.
    pub fn reached(&mut self, now_us: u64) {
        self.reached_us = now_us.min(self.plan.end_us());
    }

    /// How far the schedule has come, since the run's start.
    #[must_use]
    pub fn reached_us(&self) -> u64 {
        self.reached_us
    }

    /// How long the phase lasted so far, or without one those that are measured together.
    #[must_use]
    pub fn phases_us(&self, phase: Option<usize>) -> u64 {
        let phases = self.plan.phases.iter().enumerate();
        let wanted = phases.filter(|(index, of)| match phase {
            Some(phase) => phase == *index,
            None => of.measured,
        });
        let lasted =
            wanted.map(|(_, of)| of.end_us.min(self.reached_us).saturating_sub(of.start_us));
        lasted.sum()
    }

    /// Settles everything: no more is waited for. What may still be on its way is unfinished.
    pub fn finish(&mut self) {
        self.recoveries.finish();
        self.settler.finish(&mut self.histograms, &mut self.recoveries);
    }

    /// A worker is gone: from its last snapshot on nothing is known of its clients, so nothing is
    /// expected of them.
    pub fn give_up(&mut self, worker: u16) {
        let step = self.workers.len();
        let Some(lost) = self.workers.get_mut(usize::from(worker)) else { return };
        lost.clients_up = 0;
        let at_us = lost.until_us;
        // A worker takes every n-th client.
        for client in (u32::from(worker)..self.plan.client_count()).step_by(step) {
            for change in [MemberChange::Failed { fault: None }, MemberChange::Gone] {
                self.settler.take_member(MemberEvent { client, at_us, change });
            }
        }
        self.gave_up = true;
    }

    /// Whether messages are still to be sent or on their way, or clients on their way back.
    #[must_use]
    pub fn is_waiting(&mut self) -> bool {
        let counts = self.counts(None);
        let to_be_sent = counts.due > counts.sent + counts.not_sent;
        // Of those that gave up some may never have been joined: then less is waited for.
        let to_be_back = u64::from(self.standing().not_back) > counts.gave_up;
        // What became of the clients of a worker that is gone nobody will tell.
        (!self.gave_up && (to_be_sent || to_be_back)) || self.settler.is_waiting()
    }

    /// Messages not settled yet.
    #[must_use]
    pub fn open_messages(&self) -> usize {
        self.settler.open_messages()
    }

    /// The plan these figures are of.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Counters of one cohort, or of all.
    #[must_use]
    pub fn counts(&self, cohort: Option<usize>) -> Counts {
        let mut sum = Counts::default();
        for (index, counts) in self.counts.iter().enumerate() {
            if cohort.is_none_or(|cohort| cohort == index) {
                sum.merge(counts);
            }
        }
        sum
    }

    /// Messages that were written and that the server neither acknowledged nor refused, of one
    /// cohort or of all; `None` where no protocol acknowledges.
    #[must_use]
    pub fn unacked(&self, cohort: Option<usize>) -> Option<u64> {
        let wanted = |index: &usize| cohort.is_none_or(|cohort| cohort == *index);
        let acknowledging = |index: &usize| self.plan.relays[*index].acknowledges;
        let of = |index: usize| {
            let counts = &self.counts[index];
            counts.sent.saturating_sub(counts.acked + counts.rejected)
        };
        (0..self.counts.len()).filter(wanted).filter(acknowledging).map(of).reduce(|a, b| a + b)
    }

    /// What settling found for one cohort and phase, or for all.
    #[must_use]
    pub fn settled(&self, cohort: Option<usize>, phase: Option<usize>) -> Settled {
        self.settler.sum(|of_cohort, of_phase| {
            cohort.is_none_or(|cohort| cohort == of_cohort)
                && phase.is_none_or(|phase| phase == of_phase)
        })
    }

    /// A metric's histogram for one cohort and phase, or for all; for the whole run of a metric
    /// of the load, only phases that are measured.
    #[must_use]
    pub fn latency(&self, metric: Metric, cohort: Option<usize>, phase: Option<usize>) -> Hist {
        self.histograms.sum(metric, |key| {
            let of_phase = usize::from(key.phase);
            let phase_wanted = match phase {
                Some(phase) => phase == of_phase,
                None => !metric.only_measured() || self.plan.phases[of_phase].measured,
            };
            phase_wanted && cohort.is_none_or(|cohort| cohort == usize::from(key.cohort))
        })
    }

    /// First and last arrivals of settled messages by number of recipients, of the phases that are
    /// measured.
    #[must_use]
    pub fn spread_by_size(&self) -> &SpreadBySize {
        self.settler.by_size()
    }

    /// How clients came back from each fault and outage.
    #[must_use]
    pub fn recoveries(&self) -> &Recoveries {
        &self.recoveries
    }

    /// Which messages were unusual, as far as they are kept.
    #[must_use]
    pub fn findings(&self) -> &Findings {
        self.settler.findings()
    }

    /// Each worker's health.
    #[must_use]
    pub fn workers(&self) -> &[WorkerTotals] {
        &self.workers
    }

    /// Clients up at the last snapshot; when the run is over, before their connections were closed.
    #[must_use]
    pub fn clients_up(&self) -> u32 {
        self.workers.iter().map(|worker| worker.clients_up).sum()
    }

    /// Where the clients of all workers stood when each last told.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let mut sum = Standing::default();
        self.standings.iter().for_each(|standing| sum.merge(standing));
        sum
    }

    /// Clients that came up and were never joined, those left out that the plan sent home before they
    /// had the time.
    #[must_use]
    pub fn never_joined(&self) -> u64 {
        let counts = self.counts(None);
        counts.started.saturating_sub(counts.joined + u64::from(self.standing().sent_home))
    }

    /// W at its widest: how long a message may have been on its way, by how long others took.
    #[must_use]
    pub fn window_us(&self) -> u64 {
        self.settler.window_us()
    }

    /// Receivers whose messages the ledger follows.
    #[must_use]
    pub fn followed(&self) -> usize {
        self.settler.followed()
    }
}

#[cfg(test)]
mod tests;
